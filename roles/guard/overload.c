// SPDX-License-Identifier: Apache-2.0
/* overload.c - once a tick: what each signal says, the worst of it, and what is shown. */
#include "roles/guard/overload.h"

#include "shm/base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_MIN = 3,
    SECOND_SAMPLES = 10, /* fewer in the last second: the last ten */
    EPOCH_SAMPLES_MIN = 30,
    CALM_TICKS = 8,
    CPU_TICKS = 4,
    QUEUE_TICKS = 2,
    OCTAVE_BUCKETS = 16,
    FIRST_BUCKETS = 2 * OCTAVE_BUCKETS
};
#define EPOCH_NS       (60 * HS_NS_PER_S)
#define WARM_UP_NS     (10 * HS_NS_PER_S)
#define STALE_NS       (10 * HS_NS_PER_S)
#define REGIME_NS      (1800 * HS_NS_PER_S)
#define DELTA_FLOOR_NS (5 * HS_NS_PER_MS)
#define TREND_PER_S    0.1
#define TICKS_PER_S    (HS_NS_PER_S / HS_OVERLOAD_TICK_NS)
#define ABSOLUTE_NS    (200 * HS_NS_PER_MS)
#define LEVELS(a, b, c)                                                                            \
    {                                                                                              \
        0, (a), (b), (c)                                                                           \
    } /* of BUSY, DEGRADED, OVERLOADED */

static const uint64_t absolute_ns[] = LEVELS(ABSOLUTE_NS, 500 * HS_NS_PER_MS, 2 * HS_NS_PER_S);
static const uint64_t queue_ns[] = LEVELS(5 * HS_NS_PER_MS, 20 * HS_NS_PER_MS, 100 * HS_NS_PER_MS);
static const uint64_t cpu_limits_ppm[] = LEVELS(700000, 850000, 950000);

static unsigned level_of(const uint64_t limits[HS_NODE_OVERLOADED + 1], uint64_t value)
{
    unsigned level = HS_NODE_OVERLOADED;

    while (level > HS_NODE_HEALTHY && value < limits[level]) level--;
    return level;
}

/* Microseconds in buckets a sixteenth of an octave wide. */
static unsigned bucket_of(uint64_t took_ns)
{
    uint64_t value = took_ns / 1000;
    unsigned octave = 0;

    while (value >= FIRST_BUCKETS) {
        value >>= 1;
        octave++;
    }
    return (unsigned)hs_min_u64((uint64_t)octave * OCTAVE_BUCKETS + value, HS_OVERLOAD_BUCKETS - 1);
}

static uint64_t bucket_middle_ns(unsigned bucket)
{
    unsigned octave = bucket < FIRST_BUCKETS ? 0 : bucket / OCTAVE_BUCKETS - 1;
    uint64_t value = bucket - octave * OCTAVE_BUCKETS;

    return ((2 * value + 1) << octave) * 1000 / 2;
}

void hs_overload_init(struct hs_overload *overload, uint64_t now_ns)
{
    overload->begun_ns = overload->epoch_begun_ns = now_ns;
    overload->queue_min_ns = HS_NEVER_NS;
}

void hs_overload_turn(struct hs_overload *overload, uint64_t now_ns, uint64_t took_ns,
                      uint64_t waited_ns)
{
    overload->samples[overload->sample_count++ % HS_OVERLOAD_SAMPLES] =
        (struct hs_overload_sample){.at_ns = now_ns, .took_ns = took_ns};
    overload->tick_sum_ns += took_ns;
    overload->tick_samples++;
    overload->epoch[bucket_of(took_ns)]++;
    overload->epoch_samples++;
    overload->queue_min_ns = hs_min_u64(overload->queue_min_ns, waited_ns);
}

static int compare(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one;
    uint64_t b = *(const uint64_t *)other;

    return (a > b) - (a < b);
}

/* Of the last second, or of the last ten when it had fewer, none of them old; 0: there are too few
 * to say. */
static uint64_t median_of_late(struct hs_overload *overload, uint64_t now_ns)
{
    uint64_t kept = hs_min_u64(overload->sample_count, HS_OVERLOAD_SAMPLES);
    size_t   count = 0;

    while (count < kept) {
        const struct hs_overload_sample *sample =
            &overload->samples[(overload->sample_count - 1 - count) % HS_OVERLOAD_SAMPLES];

        if (now_ns - sample->at_ns > (count < SECOND_SAMPLES ? STALE_NS : HS_NS_PER_S)) break;
        overload->sorted_ns[count++] = sample->took_ns;
    }
    if (count < SAMPLES_MIN) return 0;
    qsort(overload->sorted_ns, count, sizeof overload->sorted_ns[0], compare);
    return hs_max_u64(overload->sorted_ns[count / 2], 1);
}

static uint64_t epoch_median_ns(const struct hs_overload *overload)
{
    uint32_t seen = 0;

    for (unsigned bucket = 0; bucket < HS_OVERLOAD_BUCKETS; bucket++) {
        seen += overload->epoch[bucket];
        if (seen > overload->epoch_samples / 2) return bucket_middle_ns(bucket);
    }
    return 0;
}

static uint64_t least_epoch_ns(const struct hs_overload *overload)
{
    uint64_t least_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < overload->epoch_count && i < HS_OVERLOAD_EPOCHS; i++)
        least_ns = hs_min_u64(least_ns, overload->epochs_ns[i]);
    return least_ns;
}

/* Ends a minute; it counts when it has enough to say and was well for the most part. */
static void turn_epoch(struct hs_overload *overload, uint64_t now_ns)
{
    if (now_ns - overload->epoch_begun_ns < EPOCH_NS) return;
    if (overload->epoch_samples >= EPOCH_SAMPLES_MIN &&
        2 * overload->epoch_bad_ticks < overload->epoch_ticks) {
        overload->epochs_ns[overload->epoch_count++ % HS_OVERLOAD_EPOCHS] =
            epoch_median_ns(overload);
        overload->base_ns = least_epoch_ns(overload);
    }
    memset(overload->epoch, 0, sizeof overload->epoch);
    overload->epoch_samples = overload->epoch_ticks = overload->epoch_bad_ticks = 0;
    overload->epoch_begun_ns = now_ns;
}

/* Until the first minute has ended, what was seen so far will do. */
static void warm_up(struct hs_overload *overload, uint64_t now_ns)
{
    if (overload->epoch_count || now_ns - overload->begun_ns < WARM_UP_NS ||
        overload->epoch_samples < SECOND_SAMPLES || overload->level >= HS_NODE_DEGRADED)
        return;
    overload->base_ns = epoch_median_ns(overload);
}

static unsigned delta_level(const struct hs_overload *overload)
{
    uint64_t median_ns = overload->median_ns;
    uint64_t base_ns = overload->base_ns;
    double   delta;
    unsigned level;

    if (!median_ns || !base_ns || median_ns < base_ns + DELTA_FLOOR_NS) return HS_NODE_HEALTHY;
    delta = (double)(median_ns - base_ns) / (double)hs_max_u64(base_ns, HS_NS_PER_MS);
    level = delta >= 2   ? HS_NODE_OVERLOADED
            : delta >= 1 ? HS_NODE_DEGRADED
                         : (delta >= 0.5 ? HS_NODE_BUSY : HS_NODE_HEALTHY);
    return level;
}

static unsigned delta_cap(uint64_t median_ns)
{
    if (median_ns < ABSOLUTE_NS / 4) return HS_NODE_BUSY;
    return median_ns < ABSOLUTE_NS ? HS_NODE_DEGRADED : HS_NODE_OVERLOADED;
}

/* By how much of the base the means of the last ticks grow in a second; least squares. */
static bool is_growing(const struct hs_overload *overload)
{
    const unsigned n = HS_OVERLOAD_TICKS;
    double         sum = 0, weighted = 0;
    double         slope;

    if (overload->mean_count < n || !overload->base_ns) return false;
    for (unsigned i = 0; i < n; i++) {
        double mean = overload->means_ns[(overload->mean_count + i) % n];

        sum += mean;
        weighted += i * mean;
    }
    slope = (weighted - sum * (n - 1) / 2) * 12 / ((double)n * (n * n - 1));
    return slope * (double)TICKS_PER_S / (double)overload->base_ns >= TREND_PER_S;
}

/* The worst level that value has been at for so many ticks in a row. */
static unsigned level_held(uint8_t ticks[HS_NODE_OVERLOADED + 1], unsigned level, unsigned needed)
{
    unsigned held = HS_NODE_HEALTHY;

    for (unsigned i = HS_NODE_BUSY; i <= HS_NODE_OVERLOADED; i++) {
        ticks[i] = (uint8_t)(level >= i ? hs_min_u64(ticks[i] + 1U, UINT8_MAX) : 0);
        if (ticks[i] >= needed) held = i;
    }
    return held;
}

static void keep_mean(struct hs_overload *overload)
{
    if (!overload->tick_samples) return;
    overload->means_ns[overload->mean_count++ % HS_OVERLOAD_TICKS] =
        (double)overload->tick_sum_ns / overload->tick_samples;
    overload->tick_sum_ns = overload->tick_samples = 0;
}

/* What lasts half an hour, and is slow by nothing but its past, is the norm from now on. */
static void turn_regime(struct hs_overload *overload, uint64_t now_ns, bool is_delta_alone)
{
    if (!is_delta_alone) {
        overload->delta_since_ns = 0;
        return;
    }
    if (!overload->delta_since_ns) overload->delta_since_ns = now_ns;
    if (now_ns - overload->delta_since_ns < REGIME_NS) return;
    overload->base_ns = hs_min_u64(overload->median_ns, 2 * overload->base_ns);
    overload->epochs_ns[0] = overload->base_ns;
    overload->epoch_count = 1;
    overload->delta_since_ns = 0;
}

static void show(struct hs_overload *overload, unsigned raw)
{
    if (raw >= overload->level) {
        overload->level = (uint8_t)raw;
        overload->calm_ticks = 0;
    } else if (++overload->calm_ticks == CALM_TICKS) {
        overload->level--;
        overload->calm_ticks = 0;
    }
}

bool hs_overload_tick(struct hs_overload *overload, uint64_t now_ns, uint32_t cpu_ppm)
{
    uint64_t waited_ns = overload->queue_min_ns == HS_NEVER_NS ? 0 : overload->queue_min_ns;
    unsigned was = overload->level;
    unsigned delta, absolute, queue, cpu, other;
    bool     is_trend;

    keep_mean(overload);
    overload->median_ns = median_of_late(overload, now_ns);
    warm_up(overload, now_ns);
    delta = delta_level(overload);
    is_trend = delta && is_growing(overload);
    delta = (unsigned)hs_min_u64(delta + is_trend, delta_cap(overload->median_ns));
    absolute = level_of(absolute_ns, overload->median_ns);
    queue = level_held(overload->queue_ticks, level_of(queue_ns, waited_ns), QUEUE_TICKS);
    cpu = level_held(overload->cpu_ticks, level_of(cpu_limits_ppm, cpu_ppm), CPU_TICKS);
    other = (unsigned)hs_max_u64(absolute, hs_max_u64(queue, cpu));
    overload->reasons =
        (uint8_t)((delta ? HS_OVERLOAD_DELTA : 0) | (absolute ? HS_OVERLOAD_ABSOLUTE : 0) |
                  (queue ? HS_OVERLOAD_QUEUE : 0) | (cpu ? HS_OVERLOAD_CPU : 0) |
                  (delta && is_trend ? HS_OVERLOAD_TREND : 0));
    show(overload, (unsigned)hs_max_u64(delta, other));
    overload->queue_min_ns = HS_NEVER_NS;
    overload->epoch_ticks++;
    overload->epoch_bad_ticks += overload->level >= HS_NODE_DEGRADED;
    turn_regime(overload, now_ns, delta >= HS_NODE_DEGRADED && other < HS_NODE_DEGRADED);
    turn_epoch(overload, now_ns);
    return overload->level != was;
}

const char *hs_overload_reasons(const struct hs_overload *overload,
                                char                      text[HS_OVERLOAD_REASONS_BYTES])
{
    static const char *const names[] = {"delta", "absolute", "queue", "cpu", "trend"};
    size_t                   used = 0;

    (void)snprintf(text, HS_OVERLOAD_REASONS_BYTES, "-");
    for (size_t i = 0; i < HS_ARRAY_LEN(names); i++) {
        if (!(overload->reasons & (1U << i))) continue;
        used += (size_t)snprintf(text + used, HS_OVERLOAD_REASONS_BYTES - used, "%s%s",
                                 used ? "," : "", names[i]);
    }
    return text;
}
