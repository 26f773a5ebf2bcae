// SPDX-License-Identifier: Apache-2.0
/* probe_relay.c - a fixed array of probes for others. */
#include "roles/cluster/probe_relay.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

struct hs_probe_relay *hs_probe_relay_take(struct hs_probe_relays *relays,
                                           const struct hs_member *requester,
                                           const struct hs_member *target)
{
    for (uint32_t i = 0; i < HS_PROBE_RELAYS; i++) {
        uint32_t               idx = (relays->hint_idx + i) % HS_PROBE_RELAYS;
        struct hs_probe_relay *relay = &relays->at[idx];

        if (relay->end_at_ns) continue;
        relays->hint_idx = idx + 1;
        *relay = (struct hs_probe_relay){.requester = requester->id,
                                         .target = target->id,
                                         .requester_idx = requester->idx,
                                         .target_idx = target->idx,
                                         .end_at_ns = HS_NEVER_NS,
                                         .generation = relay->generation + 1};
        return relay;
    }
    return NULL;
}

void hs_probe_relay_free(struct hs_probe_relay *relay)
{
    HS_ASSERT(relay->end_at_ns != 0);
    relay->end_at_ns = 0;
}

uint32_t hs_probe_relay_idx(const struct hs_probe_relays *relays,
                            const struct hs_probe_relay  *relay)
{
    return (uint32_t)(relay - relays->at);
}
