// SPDX-License-Identifier: Apache-2.0
/* rendezvous.h - ranks peers for a key, so that everybody who ranks them for the same key has the
 * same order, and a peer that comes or goes moves nothing but itself. Knows nothing of how the
 * peers are: who is down is skipped by whoever walks down the ranking, so that the order stays.
 * Pure.
 *
 * Weighted rendezvous: of a peer of weight w, -w / ln(u), where u in (0, 1) is drawn by key and
 * peer. A peer of twice the weight comes first twice as often. */
#ifndef HS_CLUSTER_RENDEZVOUS_H
#define HS_CLUSTER_RENDEZVOUS_H

#include "shm/base/bytes.h"

enum { HS_RENDEZVOUS_PEERS_MAX = 64 };

/* The more the better; weight above 0. */
double hs_rendezvous_score(struct hs_view key, struct hs_view peer, double weight);

struct hs_rendezvous_peer {
    struct hs_view name;
    double         weight;
};
/* The places in peers, best first, into order. */
void hs_rendezvous_rank(struct hs_view key, const struct hs_rendezvous_peer *peers, unsigned count,
                        uint8_t *order);

#endif
