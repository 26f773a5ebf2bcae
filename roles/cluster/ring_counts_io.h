// SPDX-License-Identifier: Apache-2.0
/* ring_counts_io.h - what a ring has seen, sent and decided, in the counters of its process. Part
 * of a ring (ring_io.h). */
#ifndef HS_CLUSTER_RING_COUNTS_IO_H
#define HS_CLUSTER_RING_COUNTS_IO_H

#include "roles/cluster/membership.h"
#include "roles/cluster/oob_ask_io.h"
#include "roles/cluster/post_counts_io.h"

struct hs_ring_counts { /* is in the counters already; zeroed at first */
    struct hs_post_figures      post;
    struct hs_swim_counts       swim;
    struct hs_membership_counts membership;
    struct hs_oob_asker_figures oob;
    uint64_t                    deaths;
    uint64_t                    refutations;
    uint64_t                    news_evicted;
};

/* Adds what is new since told. */
void hs_ring_count(struct hs_ring_counts *told, const struct hs_membership *membership,
                   const struct hs_post *post, const struct hs_oob_asker *asker,
                   struct hs_counters_shm *counters);

#endif
