// SPDX-License-Identifier: Apache-2.0
/* member_row.c - a record of the member table as a row for others. */
#include "roles/cluster/member_row.h"

#include <stdio.h>

void hs_member_row_fill(struct hs_member_row *row, const struct hs_members *members,
                        const struct hs_member *member, uint64_t now_ns)
{
    *row = (struct hs_member_row){.incarnation = member->incarnation,
                                  .status_since_ns = member->status_since_ns,
                                  .heard_at_ns = member->heard_at_ns,
                                  .acked_at_ns = member->acked_at_ns,
                                  .round_trip_ns = (uint64_t)((double)member->place.srtt * 1e9),
                                  .status = (uint32_t)member->status,
                                  .role = (uint32_t)member->facts.role,
                                  .health_score = member->health_score,
                                  .load = member->load,
                                  .keyring_mark = member->keyring_mark,
                                  .place = member->place.last};

    memcpy(row->node_id, member->id.bytes, sizeof row->node_id);
    (void)snprintf(row->name, sizeof row->name, "%s", member->facts.name);
    (void)snprintf(row->datacenter, sizeof row->datacenter, "%s", member->facts.datacenter);
    hs_addr_format(&member->facts.address, row->address, sizeof row->address);
    if (member == hs_members_self(members)) row->flags |= HS_MEMBER_ROW_SELF;
    if (member->is_seed) row->flags |= HS_MEMBER_ROW_SEED;
    if (member->place.received_at_ns) row->flags |= HS_MEMBER_ROW_PLACED;
    if (hs_member_is_damped(member, now_ns)) row->flags |= HS_MEMBER_ROW_DAMPED;
}
