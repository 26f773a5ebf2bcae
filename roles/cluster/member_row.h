// SPDX-License-Identifier: Apache-2.0
/* member_row.h - a member of a ring as the table in shared memory shows it: the gate's ring
 * (HS_SHARE_GATE_RING) and the manager's (HS_SHARE_MANAGER_RING), each written by that role alone.
 * The console reads them; the role's successor finds its own row, and with it the incarnation that
 * it last had. Pure. */
#ifndef HS_CLUSTER_MEMBER_ROW_H
#define HS_CLUSTER_MEMBER_ROW_H

#include "roles/cluster/members.h"
#include "roles/node_tables.h"
#include "shm/registry.h"

enum {
    HS_MEMBER_ROWS_VERSION = 1,
    HS_MEMBER_ROWS_MAX = 1024, /* of one ring; of a larger one, some are not shown */
    HS_MEMBER_ROW_WORDS = 40
};

/* Bits of flags. */
enum {
    HS_MEMBER_ROW_SELF = 1,
    HS_MEMBER_ROW_SEED = 2,
    HS_MEMBER_ROW_DAMPED = 4,
    HS_MEMBER_ROW_PLACED = 8 /* it has said where it stands */
};

struct hs_member_row {
    uint8_t              node_id[16];
    char                 name[HS_NAME_BYTES];
    char                 datacenter[HS_NAME_BYTES];
    char                 address[HS_NODE_ADDRESS_BYTES];
    uint64_t             incarnation;
    uint64_t             status_since_ns;
    uint64_t             heard_at_ns; /* 0: never, as the next two */
    uint64_t             acked_at_ns;
    uint64_t             round_trip_ns;
    uint32_t             status;       /* enum hs_member_status */
    uint32_t             role;         /* enum hs_identity_role */
    uint32_t             health_score; /* what it says of itself, 0 (good) to 8 */
    uint32_t             flags;
    struct hs_coordinate place;        /* as it says */
    uint32_t             keyring_mark; /* of the key ring it holds; 0: not said */
    uint32_t             load;         /* enum hs_health_load, as it says */
};
HS_STATIC_ASSERT(sizeof(struct hs_member_row) == HS_MEMBER_ROW_WORDS * sizeof(uint64_t),
                 "whole words");
HS_STATIC_ASSERT(offsetof(struct hs_member_row, incarnation) == 208, "layout is shared");
HS_STATIC_ASSERT(sizeof(struct hs_coordinate) == 48, "layout is shared");

static const struct hs_registry_shape hs_member_table_shape = {HS_MEMBER_ROW_WORDS,
                                                               HS_MEMBER_ROWS_MAX};

void hs_member_row_fill(struct hs_member_row *row, const struct hs_members *members,
                        const struct hs_member *member, uint64_t now_ns);

#endif
