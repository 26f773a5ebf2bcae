// SPDX-License-Identifier: Apache-2.0
/* where_io.c - puts the hosts of a service in the place of its name. */
#include "roles/client/where_io.h"

#include "roles/client/exit_code.h"
#include "roles/client/print_io.h"
#include "roles/cluster/srv_io.h"

#include <errno.h>

static const char *reason_of(int code)
{
    if (code == -ENOENT) return "the name servers know of no such service";
    return code == -EAGAIN ? "no name server answers" : hs_err_code_text(code);
}

static int look_up(struct hs_where *where, const struct hs_where_gate *service)
{
    struct hs_srv_answer answer;
    int                  rc = hs_srv_look_up(service->host, &answer);

    if (rc) {
        where->is_partial = true;
        return hs_complain(HS_EXIT_CLUSTER, "%s: %s", service->text, reason_of(rc));
    }
    for (unsigned i = 0; i < answer.count; i++) {
        const struct hs_srv_target *target = &answer.targets[i];
        const struct hs_where_rank  rank = {target->priority, target->weight};

        hs_where_add(where, target->host, target->port, &rank);
    }
    return 0;
}

int hs_find_gates(const struct hs_options *options, struct hs_where *where)
{
    struct hs_where given;
    struct hs_err   err;
    int             rc = 0;

    if (hs_where_of(options, &given, &err) < 0) return hs_complain(HS_EXIT_USAGE, "%s", err.text);
    *where = given;
    where->count = 0;
    for (unsigned i = 0; i < given.count; i++) {
        const struct hs_where_gate *gate = &given.gates[i];

        if (gate->is_srv)
            rc = look_up(where, gate);
        else
            hs_where_add(where, gate->host, gate->port, &gate->rank);
    }
    return where->count || !given.count ? 0 : rc;
}
