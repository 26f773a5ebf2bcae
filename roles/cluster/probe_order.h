// SPDX-License-Identifier: Apache-2.0
/* probe_order.h - whom to probe next: all living members of the ring in a random order, each once,
 * then again in another (SWIM 4.3), and whom to ask for help. So nobody waits longer than two
 * passes less one. Holds slots of the member table and asks it who lives. Pure. */
#ifndef HS_CLUSTER_PROBE_ORDER_H
#define HS_CLUSTER_PROBE_ORDER_H

#include "roles/cluster/members.h"

enum {
    HS_PROBE_HELPERS_MAX = 3,
    HS_PROBE_STRESSED = 6 /* health score from which a member is asked last */
};
#define HS_PROBE_NOBODY UINT32_MAX

struct hs_probe_order {
    uint32_t *order;     /* slots of the table; up to cursor: visited in this pass */
    uint32_t *positions; /* by slot: where it is in order, or HS_PROBE_NOBODY */
    uint32_t  capacity;
    uint32_t  count;
    uint32_t  cursor;
};

size_t hs_probe_order_bytes(uint32_t capacity);
void   hs_probe_order_init(struct hs_probe_order *order, uint32_t capacity, void *memory);

/* A new member takes a random place among those that this pass has yet to visit. */
void hs_probe_order_add(struct hs_probe_order *order, struct hs_rand *rand, uint32_t member_idx);

/* A slot, or HS_PROBE_NOBODY: we are alone. */
uint32_t hs_probe_order_next(struct hs_probe_order *order, const struct hs_members *members,
                             struct hs_rand *rand);

struct hs_probe_helpers {
    uint32_t count;
    uint32_t at[HS_PROBE_HELPERS_MAX]; /* slots of the table */
};

/* Up to wanted helpers to reach the target by: alive, of the ring, neither it nor we; those who
 * say that they are stressed, or come and go, only when there are no others. */
struct hs_probe_helpers hs_probe_order_helpers(const struct hs_probe_order *order,
                                               const struct hs_members     *members,
                                               struct hs_rand *rand, uint32_t target_idx,
                                               uint32_t wanted, uint64_t now_ns);

#endif
