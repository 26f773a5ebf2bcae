// SPDX-License-Identifier: Apache-2.0
/* probe_relay.h - probes that a member makes for others: each with a number of its own, so that two
 * who ask about the same target both get their answer. Pure: swim.h sends. */
#ifndef HS_CLUSTER_PROBE_RELAY_H
#define HS_CLUSTER_PROBE_RELAY_H

#include "roles/cluster/members.h"

enum { HS_PROBE_RELAYS = 256 };

struct hs_probe_relay {
    struct hs_node_id requester;
    struct hs_node_id target;
    uint64_t          sent_at_ns;
    uint64_t          end_at_ns; /* 0: free */
    uint32_t          requester_idx;
    uint32_t          target_idx;
    uint32_t          requester_sequence;
    uint32_t          generation;
    bool              has_refused; /* a NACK went back; an answer that comes still counts */
};

struct hs_probe_relays {
    struct hs_probe_relay at[HS_PROBE_RELAYS];
    uint32_t              hint_idx; /* where the search for a free one begins */
};

/* NULL: all are under way. */
struct hs_probe_relay *hs_probe_relay_take(struct hs_probe_relays *relays,
                                           const struct hs_member *requester,
                                           const struct hs_member *target);
void                   hs_probe_relay_free(struct hs_probe_relay *relay);
uint32_t               hs_probe_relay_idx(const struct hs_probe_relays *relays,
                                          const struct hs_probe_relay  *relay);

#endif
