// SPDX-License-Identifier: Apache-2.0
/* schedule.h - when arrival k of an open load is due, in closed form and in integers, so that
 * nothing accumulates and any engine can take up at any moment; and how totals are split over
 * shards so that the parts add up. Pure arithmetic. */
#ifndef HS_PLAN_SCHEDULE_H
#define HS_PLAN_SCHEDULE_H

#include "shm/base/units.h"

/* Arrival k of the run is due at floor(k * period / count) ns after the start; shard i of W has the
 * k with k mod W == i. Within a shard arrivals are numbered n = 0, 1, ...: k = i + n * W. */
struct hs_schedule {
    struct hs_rate rate;
    uint64_t       duration_ns; /* arrivals before it belong to the run; HS_NEVER_NS: no end */
    uint32_t       shard;
    uint32_t       shards;
};

/* -EINVAL: rate or shards zero, shard not below shards. */
int hs_schedule_init(struct hs_schedule *schedule, struct hs_rate rate, uint64_t duration_ns,
                     uint32_t shard, uint32_t shards) HS_MUST_CHECK;

/* k of the shard's n-th arrival. */
uint64_t hs_schedule_index(const struct hs_schedule *schedule, uint64_t n);
/* When the shard's n-th arrival is due, from the start; HS_NEVER_NS past the end. */
uint64_t hs_schedule_arrival_ns(const struct hs_schedule *schedule, uint64_t n);
/* How many arrivals the shard has in the whole run. */
uint64_t hs_schedule_total(const struct hs_schedule *schedule);
/* How many of the shard's arrivals are due at elapsed_ns (t_k <= elapsed_ns); never above the
 * total. */
uint64_t hs_schedule_due(const struct hs_schedule *schedule, uint64_t elapsed_ns);
/* n of the shard's first arrival at or after elapsed_ns: where a successor takes up; what lies
 * between the dead engine's next n and this one was lost. Never above the total. */
uint64_t hs_schedule_first_at(const struct hs_schedule *schedule, uint64_t elapsed_ns);

/* Splits total over count parts in proportion to weights (NULL: equal) by largest remainder; ties
 * go to the lower index; the parts add up to total. Every part is at least 1 if total allows it,
 * and weights are not 0. */
void hs_schedule_split(uint64_t total, const uint32_t *weights, uint32_t count, uint64_t *parts);
/* Part `index` of an equal split: the first (total mod count) parts have one more. */
uint64_t hs_schedule_share(uint64_t total, uint32_t index, uint32_t count);

#endif
