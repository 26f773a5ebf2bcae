// SPDX-License-Identifier: Apache-2.0
/* sim_figures.c - runs with seeds 1, 2, 3, ... and what they have in common. */
#include "tests/sim/sim_figures.h"

#include "shm/base/assert.h"

#include <stdlib.h>
#include <string.h>

#define STEP_NS    (HS_NS_PER_S / 4)
#define PATIENCE_S 120

struct sim_ring *sim_case_open(const struct sim_case *c, uint64_t seed)
{
    struct sim_ring_config config = {.rule = c->rule,
                                     .profile = c->profile,
                                     .count = c->count,
                                     .whole_count = c->whole_count,
                                     .seed = seed,
                                     .loss = c->loss,
                                     .duplicates = 0.001,
                                     .delay_min_ns = 100 * HS_NS_PER_US,
                                     .delay_spread_ns = 200 * HS_NS_PER_US,
                                     .slow = 0.01,
                                     .slow_ns = 30 * HS_NS_PER_MS,
                                     .drift_ppm = 100};

    return sim_ring_open(&config);
}

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static double quantile(double *values, uint32_t count, double q)
{
    uint32_t idx = (uint32_t)(q * count);

    qsort(values, count, sizeof *values, compare);
    return values[idx < count ? idx : count - 1];
}

static void crash_one(const struct sim_case *c, uint64_t seed, double *first, double *last)
{
    struct sim_ring *ring = sim_case_open(c, seed);
    struct hs_rand   rand;
    uint64_t         first_ns = HS_NEVER_NS;
    uint64_t         last_ns = HS_NEVER_NS;
    uint64_t         crash_ns;
    uint32_t         victim;

    hs_rand_init(&rand, seed);
    victim = (uint32_t)hs_rand_below(&rand, c->count);
    sim_ring_run(ring, ring->now_ns + 4 * HS_NS_PER_S + hs_rand_below(&rand, 4 * HS_NS_PER_S));
    crash_ns = ring->now_ns;
    sim_ring_crash(ring, victim);
    while (last_ns == HS_NEVER_NS && ring->now_ns < crash_ns + PATIENCE_S * HS_NS_PER_S) {
        sim_ring_run(ring, ring->now_ns + STEP_NS);
        sim_ring_detection(ring, victim, crash_ns, &first_ns, &last_ns);
    }
    *first = first_ns == HS_NEVER_NS ? PATIENCE_S : (double)first_ns * 1e-9;
    *last = last_ns == HS_NEVER_NS ? PATIENCE_S : (double)last_ns * 1e-9;
    sim_ring_close(ring);
}

struct sim_detection sim_measure_crash(const struct sim_case *c)
{
    struct sim_detection result = {0};
    double              *first = calloc(c->seeds, sizeof *first);
    double              *last = calloc(c->seeds, sizeof *last);

    HS_ASSERT(first != NULL);
    HS_ASSERT(last != NULL);
    for (uint32_t i = 0; i < c->seeds; i++) {
        crash_one(c, i + 1, &first[i], &last[i]);
        result.missed += last[i] >= PATIENCE_S;
    }
    result.first_p50 = quantile(first, c->seeds, 0.5);
    result.first_p99 = quantile(first, c->seeds, 0.99);
    result.last_p50 = quantile(last, c->seeds, 0.5);
    result.last_p99 = quantile(last, c->seeds, 0.99);
    result.last_max = last[c->seeds - 1];
    free(first);
    free(last);
    return result;
}

static void run_strained(struct sim_ring *ring, uint64_t until_ns, enum sim_strain strain)
{
    while (strain == SIM_STRAIN_PAUSED && ring->now_ns + 20 * HS_NS_PER_S <= until_ns) {
        sim_ring_run(ring, ring->now_ns + 17 * HS_NS_PER_S);
        sim_ring_pause(ring, 0, 3 * HS_NS_PER_S);
        sim_ring_run(ring, ring->now_ns + 3 * HS_NS_PER_S);
    }
    while (strain == SIM_STRAIN_STARVED && ring->now_ns + 3 * HS_NS_PER_S <= until_ns) {
        uint64_t gap_ns = (200 + hs_rand_below(&ring->rand, 1800)) * HS_NS_PER_MS;

        sim_ring_run(ring, ring->now_ns + (20 + hs_rand_below(&ring->rand, 30)) * HS_NS_PER_MS);
        sim_ring_pause(ring, 0, gap_ns);
        sim_ring_run(ring, ring->now_ns + gap_ns);
    }
    sim_ring_run(ring, until_ns);
}

struct sim_calm sim_measure_calm(const struct sim_case *c, double seconds, enum sim_strain strain)
{
    struct sim_calm result = {0};
    double          member_seconds = seconds * c->count * c->seeds;

    for (uint32_t i = 0; i < c->seeds; i++) {
        struct sim_ring *ring = sim_case_open(c, i + 1);

        run_strained(ring, ring->now_ns + (uint64_t)(seconds * 1e9), strain);
        result.accusations_per_hour += (double)ring->figures.false_accusations;
        result.false_deaths += ring->figures.false_deaths;
        result.deaths_of_paused += ring->figures.deaths_of_paused;
        result.bytes_per_s += (double)ring->figures.bytes;
        result.datagrams_per_s += (double)ring->figures.datagrams;
        sim_ring_close(ring);
    }
    result.member_hours = member_seconds / 3600;
    result.accusations_per_hour /= result.member_hours;
    result.bytes_per_s /= member_seconds;
    result.datagrams_per_s /= member_seconds;
    return result;
}

void sim_measure_healing(const struct sim_case *c, double *p50, double *worst)
{
    double *times = calloc(c->seeds, sizeof *times);

    HS_ASSERT(times != NULL);
    for (uint32_t i = 0; i < c->seeds; i++) {
        struct sim_ring *ring = sim_case_open(c, i + 1);
        uint64_t         healed_ns;

        sim_ring_run(ring, ring->now_ns + 5 * HS_NS_PER_S);
        sim_ring_partition(ring, c->count / 2);
        sim_ring_run(ring, ring->now_ns + 60 * HS_NS_PER_S);
        sim_ring_partition(ring, 0);
        healed_ns = ring->now_ns;
        do {
            sim_ring_run(ring, ring->now_ns + STEP_NS);
        } while (!sim_ring_is_converged(ring) && ring->now_ns < healed_ns + 300 * HS_NS_PER_S);
        times[i] = (double)(ring->now_ns - healed_ns) * 1e-9;
        sim_ring_close(ring);
    }
    *p50 = quantile(times, c->seeds, 0.5);
    *worst = times[c->seeds - 1];
    free(times);
}
