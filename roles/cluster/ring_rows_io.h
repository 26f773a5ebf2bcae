// SPDX-License-Identifier: Apache-2.0
/* ring_rows_io.h - the members of a role's ring in shared memory (member_row.h): for the console,
 * and for the role's successor, which finds its own row there. */
#ifndef HS_CLUSTER_RING_ROWS_IO_H
#define HS_CLUSTER_RING_ROWS_IO_H

#include "roles/cluster/member_row.h"
#include "roles/role_io.h"

struct hs_ring_rows {
    struct hs_segment  segment;
    struct hs_registry table;
    uint64_t           shown_at_ns;
    uint32_t           unshown_count;               /* members for which there was no row */
    hs_registry_handle handles[HS_MEMBER_ROWS_MAX]; /* by slot of the table of members; 0: none */
    struct hs_node_id  ids[HS_MEMBER_ROWS_MAX];
};

/* Takes the rows of a dead predecessor away. *kept: the incarnation that it last had in this life
 * of the host, or 0. */
int hs_ring_rows_open(struct hs_ring_rows *rows, const struct hs_heritage *heritage, uint64_t *kept,
                      struct hs_err *err) HS_MUST_CHECK;
/* All of them, if it is time; returns when it is again. */
uint64_t hs_ring_rows_show(struct hs_ring_rows *rows, const struct hs_members *members,
                           uint64_t now_ns);
/* Our own at once: its incarnation must not be lost. */
void hs_ring_rows_show_self(struct hs_ring_rows *rows, const struct hs_members *members,
                            uint64_t now_ns);

#endif
