// SPDX-License-Identifier: Apache-2.0
/* schedule.c - arrivals in closed form: t_k from k, k from t, and shares that add up
 * (engine.md 5.3). */
#include "roles/plan/schedule.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>

__extension__ typedef unsigned __int128 wide;

int hs_schedule_init(struct hs_schedule *schedule, struct hs_rate rate, uint64_t duration_ns,
                     uint32_t shard, uint32_t shards)
{
    if (rate.count == 0 || rate.period_ns == 0) return -EINVAL;
    if (shard >= shards) return -EINVAL;
    *schedule = (struct hs_schedule){
        .rate = rate, .duration_ns = duration_ns, .shard = shard, .shards = shards};
    return 0;
}

static uint64_t clamp(wide value)
{
    return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

uint64_t hs_schedule_index(const struct hs_schedule *schedule, uint64_t n)
{
    return clamp((wide)n * schedule->shards + schedule->shard);
}

/* The smallest k with t_k >= t. As t is whole, floor(k * period / count) >= t exactly when k *
 * period / count >= t. */
static uint64_t first_k_at(const struct hs_schedule *schedule, wide t_ns)
{
    wide period = schedule->rate.period_ns;

    return clamp((t_ns * schedule->rate.count + period - 1) / period);
}

/* How many of the shard's arrivals have k below the bound. */
static uint64_t count_below(const struct hs_schedule *schedule, uint64_t k_bound)
{
    if (k_bound <= schedule->shard) return 0;
    return (k_bound - 1 - schedule->shard) / schedule->shards + 1;
}

uint64_t hs_schedule_total(const struct hs_schedule *schedule)
{
    if (schedule->duration_ns == HS_NEVER_NS) return UINT64_MAX;
    return count_below(schedule, first_k_at(schedule, schedule->duration_ns));
}

uint64_t hs_schedule_arrival_ns(const struct hs_schedule *schedule, uint64_t n)
{
    uint64_t k = hs_schedule_index(schedule, n);
    uint64_t t_ns = clamp((wide)k * schedule->rate.period_ns / schedule->rate.count);

    return t_ns < schedule->duration_ns ? t_ns : HS_NEVER_NS;
}

uint64_t hs_schedule_due(const struct hs_schedule *schedule, uint64_t elapsed_ns)
{
    return hs_min_u64(count_below(schedule, first_k_at(schedule, (wide)elapsed_ns + 1)),
                      hs_schedule_total(schedule));
}

uint64_t hs_schedule_first_at(const struct hs_schedule *schedule, uint64_t elapsed_ns)
{
    return hs_min_u64(count_below(schedule, first_k_at(schedule, elapsed_ns)),
                      hs_schedule_total(schedule));
}

static uint64_t weight_of(const uint32_t *weights, uint32_t i)
{
    return weights ? weights[i] : 1;
}

/* The part with the largest remainder among those that have not had one of the rest yet. Quadratic
 * in the shards, of which there are at most a few thousand, once per assignment. */
static uint32_t largest_remainder(uint64_t total, const uint32_t *weights, uint32_t count,
                                  uint64_t sum, const uint64_t *parts)
{
    uint64_t best = 0;
    uint32_t best_idx = count;

    for (uint32_t i = 0; i < count; i++) {
        wide product = (wide)total * weight_of(weights, i);

        if (parts[i] > product / sum) continue; /* has been served */
        if (best_idx < count && (uint64_t)(product % sum) <= best) continue;
        best = (uint64_t)(product % sum);
        best_idx = i;
    }
    HS_ASSERT(best_idx < count);
    return best_idx;
}

/* A part without anything takes one from the largest, as long as the largest can spare it. */
static void feed_empty_parts(const uint32_t *weights, uint32_t count, uint64_t *parts)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t largest = 0;

        if (parts[i] > 0 || weight_of(weights, i) == 0) continue;
        for (uint32_t j = 1; j < count; j++)
            if (parts[j] > parts[largest]) largest = j;
        if (parts[largest] < 2) return;
        parts[largest]--;
        parts[i]++;
    }
}

void hs_schedule_split(uint64_t total, const uint32_t *weights, uint32_t count, uint64_t *parts)
{
    uint64_t sum = 0;
    uint64_t left = total;

    for (uint32_t i = 0; i < count; i++) sum += weight_of(weights, i);
    HS_ASSERT(sum > 0);
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = (uint64_t)((wide)total * weight_of(weights, i) / sum);
        left -= parts[i];
    }
    HS_ASSERT(left < count);
    for (; left > 0; left--) parts[largest_remainder(total, weights, count, sum, parts)]++;
    feed_empty_parts(weights, count, parts);
}

uint64_t hs_schedule_share(uint64_t total, uint32_t index, uint32_t count)
{
    HS_ASSERT(index < count);
    return total / count + (index < total % count);
}
