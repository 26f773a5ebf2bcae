// SPDX-License-Identifier: Apache-2.0
/* sim_gossip.c - a queue of rumours. */
#include "tests/sim/sim_gossip.h"

#include "shm/base/assert.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sim_gossip_init(struct sim_gossip *gossip, uint32_t capacity)
{
    *gossip = (struct sim_gossip){.capacity = capacity,
                                  .rumours = calloc(capacity, sizeof *gossip->rumours)};
    HS_ASSERT(gossip->rumours != NULL);
}

void sim_gossip_fini(struct sim_gossip *gossip)
{
    free(gossip->rumours);
    gossip->rumours = NULL;
}

static void drop(struct sim_gossip *gossip, uint32_t idx)
{
    gossip->count--;
    memmove(&gossip->rumours[idx], &gossip->rumours[idx + 1],
            (gossip->count - idx) * sizeof *gossip->rumours);
}

void sim_gossip_add(struct sim_gossip *gossip, const struct sim_claim *claim)
{
    for (uint32_t i = 0; i < gossip->count; i++)
        if (gossip->rumours[i].claim.subject == claim->subject) {
            drop(gossip, i);
            break;
        }
    HS_ASSERT(gossip->count < gossip->capacity);
    gossip->rumours[gossip->count++] = (struct sim_rumour){.claim = *claim};
}

void sim_gossip_fill(struct sim_gossip *gossip, uint32_t ring_count, struct sim_message *message)
{
    uint32_t limit = 4 * (uint32_t)ceil(log10((double)ring_count + 1));
    uint32_t before = message->claim_count;

    for (uint32_t sends = 0; sends < limit; sends++)
        for (uint32_t i = gossip->count; i-- > 0;) {
            if (gossip->rumours[i].sends != sends || message->claim_count == SIM_CLAIMS_MAX)
                continue;
            message->claims[message->claim_count++] = gossip->rumours[i].claim;
            gossip->rumours[i].sends += 1000; /* sent just now: not again in this message */
        }
    if (message->claim_count == before) return;
    for (uint32_t i = gossip->count; i-- > 0;) {
        if (gossip->rumours[i].sends < 1000) continue;
        gossip->rumours[i].sends -= 999;
        if (gossip->rumours[i].sends >= limit) drop(gossip, i);
    }
}

size_t sim_message_bytes(const struct sim_message *message)
{
    return offsetof(struct sim_message, claims) + message->claim_count * sizeof *message->claims;
}
