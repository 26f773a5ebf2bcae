// SPDX-License-Identifier: Apache-2.0
/* follow_io.c - `hyperscale submit` and `hyperscale watch`: a job of a daemon, from outside. */
#include "roles/client/commands.h"

#include "roles/client/plan_load.h"
#include "roles/client/print_io.h"
#include "roles/client/session_io.h"
#include "roles/client/where_io.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* A daemon that is being started again is waited for. */
#define PATIENCE_NS (60 * HS_NS_PER_S)

static int print_id(const struct hs_session *submitted, bool is_json)
{
    char id[HS_SESSION_ID_BYTES];
    char line[HS_SESSION_ID_BYTES + 64];

    (void)hs_hex_format(submitted->follow.config.job_id, HS_JOB_ID_BYTES, id);
    (void)snprintf(line, sizeof line, "%s%s%s\n", is_json ? "{\"schema\": 1, \"job\": \"" : "", id,
                   is_json ? "\"}" : "");
    return hs_print_text(STDOUT_FILENO, line) < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

/* Opens, serves, concludes. */
static int carry_through(struct hs_session *session, const struct hs_session_wish *wish)
{
    struct hs_err err;
    int           code;

    if (hs_session_open(session, wish, &err) < 0) {
        code = hs_complain(HS_EXIT_CLUSTER, "%s", err.text);
    } else {
        hs_session_serve(session);
        code = wish->follow.only_submit && session->follow.has_job
                   ? print_id(session, wish->is_json)
                   : hs_session_conclude(session);
    }
    hs_session_close(session);
    return code;
}

static int submit(const struct hs_options *options, const struct hs_plan_load_result *loaded,
                  const struct hs_where *where)
{
    struct hs_session_wish wish = {.is_json = options->value[HS_OPTION_json] != NULL};
    struct hs_session     *session = hs_session_create(loaded->plan->name, options);
    int                    rc;

    if (!session) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    wish.name = loaded->plan->name;
    wish.where = where;
    wish.follow.plan = loaded->text;
    wish.follow.patience_ns = PATIENCE_NS;
    wish.follow.only_submit = true;
    rc = carry_through(session, &wish);
    hs_session_destroy(&session);
    return rc;
}

int hs_command_submit(const struct hs_options *options)
{
    struct hs_plan_load_result loaded;
    struct hs_where            where;
    int                        rc = hs_find_gates(options, &where);

    if (rc) return rc;
    rc = hs_plan_load_operand(&loaded, options);
    if (!rc) rc = submit(options, &loaded, &where);
    hs_plan_load_fini(&loaded);
    return rc;
}

int hs_command_watch(const struct hs_options *options)
{
    char                   name[HS_NAME_BYTES];
    struct hs_session_wish wish = {.name = name, .is_json = options->value[HS_OPTION_json] != NULL};
    struct hs_session     *session;
    struct hs_where        where;
    int                    rc = hs_find_gates(options, &where);

    if (rc) return rc;
    if (hs_hex_parse(options->operand, wish.follow.job_id, HS_JOB_ID_BYTES) != 0)
        return hs_complain(HS_EXIT_USAGE,
                           "a job is named by its 32 digits (see: hyperscale list), not \"%.60s\"",
                           options->operand);
    (void)snprintf(name, sizeof name, "%.8s", options->operand);
    session = hs_session_create(name, options);
    if (!session) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    wish.where = &where;
    wish.learned_name = name;
    wish.follow.patience_ns = PATIENCE_NS;
    wish.follow.stats_interval_ns = hs_display_interval_ns(session->display.mode);
    rc = carry_through(session, &wish);
    hs_session_destroy(&session);
    return rc;
}
