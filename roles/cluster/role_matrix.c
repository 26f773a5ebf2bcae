// SPDX-License-Identifier: Apache-2.0
/* role_matrix.c - the rows of the header's table. */
#include "roles/cluster/role_matrix.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum reach { NOWHERE, OWN_DATACENTER, EVERYWHERE };

static const uint8_t dials[HS_IDENTITY_ROLE_COUNT][HS_IDENTITY_ROLE_COUNT] = {
    [HS_IDENTITY_CLIENT] = {[HS_IDENTITY_GATE] = EVERYWHERE},
    [HS_IDENTITY_OPERATOR] = {[HS_IDENTITY_GATE] = EVERYWHERE},
    [HS_IDENTITY_GATE] = {[HS_IDENTITY_GATE] = EVERYWHERE, [HS_IDENTITY_MANAGER] = EVERYWHERE},
    [HS_IDENTITY_MANAGER] = {[HS_IDENTITY_GATE] = EVERYWHERE,
                             [HS_IDENTITY_MANAGER] = OWN_DATACENTER,
                             [HS_IDENTITY_WORKER] = OWN_DATACENTER},
    [HS_IDENTITY_WORKER] = {[HS_IDENTITY_MANAGER] = OWN_DATACENTER},
};

enum hs_role_kind hs_role_kind_of(enum hs_identity_role role)
{
    switch (role) {
    case HS_IDENTITY_GATE: return HS_ROLE_GATE;
    case HS_IDENTITY_MANAGER: return HS_ROLE_MANAGER;
    case HS_IDENTITY_WORKER: return HS_ROLE_WORKER;
    case HS_IDENTITY_CLIENT:
    case HS_IDENTITY_OPERATOR: return HS_ROLE_CLIENT;
    case HS_IDENTITY_ROLE_COUNT: break;
    }
    HS_ASSERT(false && "an identity that was parsed has a role");
    return HS_ROLE_NONE;
}

static bool is_one_cluster(const struct hs_identity *a, const struct hs_identity *b)
{
    return strcmp(a->cluster, b->cluster) == 0 && strcmp(a->environment, b->environment) == 0;
}

static enum reach reach_of(const struct hs_identity *dialer, const struct hs_identity *target)
{
    HS_ASSERT(dialer->role < HS_IDENTITY_ROLE_COUNT);
    HS_ASSERT(target->role < HS_IDENTITY_ROLE_COUNT);
    return (enum reach)dials[dialer->role][target->role];
}

static bool is_in_reach(enum reach reach, const struct hs_identity *a, const struct hs_identity *b)
{
    if (!is_one_cluster(a, b)) return false;
    return reach == EVERYWHERE ||
           (reach == OWN_DATACENTER && strcmp(a->datacenter, b->datacenter) == 0);
}

static int refuse(struct hs_err *err)
{
    if (err) err->code = -EACCES;
    return -EACCES;
}

int hs_role_check_dial(const struct hs_identity *dialer, const struct hs_identity *target,
                       struct hs_err *err)
{
    enum reach reach = reach_of(dialer, target);

    if (is_in_reach(reach, dialer, target)) return 0;
    if (!is_one_cluster(dialer, target))
        (void)hs_err_refuse(err, "%s/%s is another cluster than %s/%s", dialer->cluster,
                            dialer->environment, target->cluster, target->environment);
    else if (reach == NOWHERE)
        (void)hs_err_refuse(err, "a certificate of role %s may not connect to a %s",
                            hs_identity_role_name(dialer->role),
                            hs_identity_role_name(target->role));
    else
        (void)hs_err_refuse(err, "a %s of datacenter %s may not connect to a %s of datacenter %s",
                            hs_identity_role_name(dialer->role), dialer->datacenter,
                            hs_identity_role_name(target->role), target->datacenter);
    return refuse(err);
}
