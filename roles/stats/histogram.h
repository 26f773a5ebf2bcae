// SPDX-License-Identifier: Apache-2.0
/* histogram.h - two fixed log-linear layouts, compatible with HdrHistogram's, and percentiles over
 * them. Pure.
 *
 *   units of 64 ns      0 .. 2047 | 2048 .. 4095 | 4096 .. 8191 | ...  up to 2^42 ns (73 minutes)
 *   counters of FINE   2048, 1 each| 1024, 2 each | 1024, 4 each | ... 27,648, at most 0.1 % wide
 *   counters of COARSE  256, 1 each|  128, 2 each |  128, 4 each | ...  3,840, at most 0.8 % wide
 *
 * Larger values go into the last counter and are counted as overflow. Nothing is interpolated: a
 * percentile is the highest value that its counter stands for (but never above the true maximum).
 * Merging is addition, so any order of merging gives the same bits. Sum, minimum and maximum stand
 * beside the counters, exact; a sum holds 584 years of waiting, and on the wire 292. */
#ifndef HS_STATS_HISTOGRAM_H
#define HS_STATS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_histogram_layout { HS_HISTOGRAM_FINE, HS_HISTOGRAM_COARSE };

enum {
    HS_HISTOGRAM_UNIT_BITS = 6, /* 64 ns */
    HS_HISTOGRAM_FINE_HALF_BITS = 10,
    HS_HISTOGRAM_COARSE_HALF_BITS = 7,
    HS_HISTOGRAM_RANGE_BITS =
        42, /* first value out of range: 2^42 ns, the power of two above one hour */
    HS_HISTOGRAM_FINE_COUNTERS =
        (HS_HISTOGRAM_RANGE_BITS - HS_HISTOGRAM_UNIT_BITS - HS_HISTOGRAM_FINE_HALF_BITS + 1) << 10,
    HS_HISTOGRAM_COARSE_COUNTERS =
        (HS_HISTOGRAM_RANGE_BITS - HS_HISTOGRAM_UNIT_BITS - HS_HISTOGRAM_COARSE_HALF_BITS + 1) << 7
};

#define HS_HISTOGRAM_HIGHEST_NS ((UINT64_C(1) << HS_HISTOGRAM_RANGE_BITS) - 1)

/* What a histogram knows besides its counters. All fields grow from zero, so zeroed memory is an
 * empty histogram and a reader of a growing one never sees a field go back. */
struct hs_moments {
    uint64_t sum_ns;
    uint64_t max_ns;
    uint64_t min_inverted; /* UINT64_MAX - minimum; 0: nothing recorded */
    uint64_t overflow_count;
};

/* A plain histogram over the caller's counters (hs_histogram_counters(layout) of them). */
struct hs_histogram {
    enum hs_histogram_layout layout;
    uint64_t                *counts;
    struct hs_moments        moments;
};

static inline uint32_t hs_histogram_index_at(uint64_t value_ns, unsigned half_bits)
{
    uint64_t capped = value_ns <= HS_HISTOGRAM_HIGHEST_NS ? value_ns : HS_HISTOGRAM_HIGHEST_NS;
    uint64_t units = capped >> HS_HISTOGRAM_UNIT_BITS;
    uint64_t floor = (UINT64_C(2) << half_bits) - 1; /* the first two halves are linear: shift 0 */
    unsigned shift = 63 - (unsigned)__builtin_clzll(units | floor) - half_bits;

    return (uint32_t)(((uint64_t)shift << half_bits) + (units >> shift));
}

static inline uint32_t hs_histogram_index(enum hs_histogram_layout layout, uint64_t value_ns)
{
    return layout == HS_HISTOGRAM_FINE
               ? hs_histogram_index_at(value_ns, HS_HISTOGRAM_FINE_HALF_BITS)
               : hs_histogram_index_at(value_ns, HS_HISTOGRAM_COARSE_HALF_BITS);
}

uint32_t hs_histogram_counters(enum hs_histogram_layout layout);
uint64_t hs_histogram_lowest_ns(enum hs_histogram_layout layout, uint32_t index);
uint64_t hs_histogram_highest_ns(enum hs_histogram_layout layout, uint32_t index);

void     hs_moments_record(struct hs_moments *moments, uint64_t value_ns);
void     hs_moments_add(struct hs_moments *into, const struct hs_moments *from);
uint64_t hs_moments_min_ns(const struct hs_moments *moments); /* 0 if nothing was recorded */
/* into -= from, an earlier state; what was recorded in between fell into counters first_idx to
 * last_idx (first > last: nothing), which is as exactly as the extremes of that interval are
 * known. */
void hs_moments_subtract(struct hs_moments *into, const struct hs_moments *from,
                         enum hs_histogram_layout layout, uint32_t first_idx, uint32_t last_idx);
/* What a counter stands for: its highest value, but never above the true maximum; the last one,
 * which also holds what was out of range, stands for the maximum. */
uint64_t hs_moments_clip_ns(const struct hs_moments *moments, enum hs_histogram_layout layout,
                            uint32_t index);

void hs_histogram_init(struct hs_histogram *histogram, enum hs_histogram_layout layout,
                       uint64_t *counts); /* counts: zeroed by this call */
void hs_histogram_record(struct hs_histogram *histogram, uint64_t value_ns);
void hs_histogram_add(struct hs_histogram *into, const struct hs_histogram *from);
/* into -= from, an earlier state of the same: what was recorded in between. Minimum and maximum of
 * that interval are known only to the width of a counter. */
void     hs_histogram_subtract(struct hs_histogram *into, const struct hs_histogram *from);
uint64_t hs_histogram_count(const struct hs_histogram *histogram);
double   hs_histogram_mean_ns(const struct hs_histogram *histogram); /* 0 if empty */
uint64_t hs_histogram_percentile_ns(const struct hs_histogram *histogram, double quantile);

/* The rank (from 1) that a quantile of count samples falls on: the smallest with rank >= quantile *
 * count. */
uint64_t hs_histogram_rank(uint64_t count, double quantile);
/* Whether count samples say anything about the quantile: at least 10 of them lie above it. A
 * percentile that fails this is printed as a dash, not as a guess. */
bool hs_histogram_has_enough(uint64_t count, double quantile);

#endif
