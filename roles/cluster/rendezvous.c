// SPDX-License-Identifier: Apache-2.0
/* rendezvous.c - highest random weight (Thaler, Ravishankar 1998), weighted by the logarithm of a
 * uniform number (Schindelhauer, Schomaker 2005). */
#include "roles/cluster/rendezvous.h"

#include "shm/base/assert.h"
#include "shm/base/rand.h"

#include <math.h>

/* FNV-1a of both, told apart by a byte that neither has; a splitmix step spreads it. */
static uint64_t hash_bytes(uint64_t hash, struct hs_view bytes)
{
    for (size_t i = 0; i < bytes.bytes; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

double hs_rendezvous_score(struct hs_view key, struct hs_view peer, double weight)
{
    static const uint8_t between = 0;
    uint64_t             hash = hash_bytes(UINT64_C(0xcbf29ce484222325), key);
    struct hs_rand       mixed;
    double               u;

    HS_ASSERT(weight > 0);
    hash = hash_bytes(hash_bytes(hash, hs_view_of(&between, 1)), peer);
    hs_rand_init(&mixed, hash);
    /* 53 bits, so that the number nearest to 1 is still below it. */
    u = ((double)(hs_rand_next(&mixed) >> 11) + 0.5) * 0x1p-53;
    return -weight / log(u);
}

void hs_rendezvous_rank(struct hs_view key, const struct hs_rendezvous_peer *peers, unsigned count,
                        uint8_t *order)
{
    double scores[HS_RENDEZVOUS_PEERS_MAX];

    HS_ASSERT(count <= HS_RENDEZVOUS_PEERS_MAX);
    for (unsigned i = 0; i < count; i++) {
        double   score = hs_rendezvous_score(key, peers[i].name, peers[i].weight);
        unsigned at = i;

        for (; at > 0 && scores[at - 1] < score; at--) {
            scores[at] = scores[at - 1];
            order[at] = order[at - 1];
        }
        scores[at] = score;
        order[at] = (uint8_t)i;
    }
}
