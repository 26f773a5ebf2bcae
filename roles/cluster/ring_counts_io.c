// SPDX-License-Identifier: Apache-2.0
/* ring_counts_io.c - figures of a ring told to the counters. */
#include "roles/cluster/ring_counts_io.h"

#include "roles/counters.h"
#include "shm/counters.h"

static uint64_t deaths_of(const struct hs_members *members)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < HS_CLAIM_SOURCE_COUNT; i++) sum += members->counts.deaths[i];
    return sum;
}

static void add(struct hs_counters_shm *counters, enum hs_count count, uint64_t now, uint64_t told)
{
    if (now != told) hs_counter_add(counters, count, now - told);
}

static void count_oob(struct hs_oob_asker_figures *told, const struct hs_oob_asker *asker,
                      struct hs_counters_shm *counters)
{
    struct hs_oob_asker_figures now;

    hs_oob_asker_figures(asker, &now);
    add(counters, HS_COUNT_ring_oob_asked, now.asks.asked, told->asks.asked);
    add(counters, HS_COUNT_ring_oob_answered, now.asks.answered, told->asks.answered);
    add(counters, HS_COUNT_ring_oob_refused, now.asks.refused, told->asks.refused);
    add(counters, HS_COUNT_ring_oob_dropped, now.bad + now.asks.strays,
        told->bad + told->asks.strays);
    *told = now;
}

static void count_probes(struct hs_swim_counts *told, const struct hs_swim_counts *now,
                         struct hs_counters_shm *counters)
{
    add(counters, HS_COUNT_ring_probes, now->rounds, told->rounds);
    add(counters, HS_COUNT_ring_probes_lost, now->rounds_lost, told->rounds_lost);
    add(counters, HS_COUNT_ring_accusations, now->accused, told->accused);
    add(counters, HS_COUNT_ring_udp_path_bad, now->udp_path_bad, told->udp_path_bad);
    add(counters, HS_COUNT_ring_oob_saved, now->oob_saved, told->oob_saved);
    *told = *now;
}

static void count_members(struct hs_ring_counts *told, const struct hs_membership *membership,
                          struct hs_counters_shm *counters)
{
    const struct hs_membership_counts *now = &membership->counts;
    uint64_t                           deaths = deaths_of(&membership->members);
    uint64_t                           refutations = membership->incarnation.refuted_count;
    uint64_t                           news_evicted = membership->gossip.counts.evicted;

    add(counters, HS_COUNT_datagrams_in, now->received, told->membership.received);
    add(counters, HS_COUNT_ring_joins_refused, now->joins_refused, told->membership.joins_refused);
    add(counters, HS_COUNT_datagrams_unsent, now->unsent, told->membership.unsent);
    add(counters, HS_COUNT_news_evicted, news_evicted, told->news_evicted);
    add(counters, HS_COUNT_ring_deaths, deaths, told->deaths);
    add(counters, HS_COUNT_ring_refutations, refutations, told->refutations);
    hs_counter_set(counters, HS_COUNT_ring_members_alive,
                   membership->members.status_count[HS_MEMBER_ALIVE]);
    hs_counter_set(counters, HS_COUNT_ring_health, membership->swim.health.score);
    told->membership = *now;
    told->deaths = deaths;
    told->refutations = refutations;
    told->news_evicted = news_evicted;
}

void hs_ring_count(struct hs_ring_counts *told, const struct hs_membership *membership,
                   const struct hs_post *post, const struct hs_oob_asker *asker,
                   struct hs_counters_shm *counters)
{
    hs_post_count(post, &told->post, counters);
    count_oob(&told->oob, asker, counters);
    count_probes(&told->swim, &membership->swim.counts, counters);
    count_members(told, membership, counters);
}
