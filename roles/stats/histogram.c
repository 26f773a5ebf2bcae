// SPDX-License-Identifier: Apache-2.0
/* histogram.c - layouts, moments, and the plain histogram. */
#include "roles/stats/histogram.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

HS_STATIC_ASSERT(HS_HISTOGRAM_FINE_COUNTERS == 27648, "the fine layout is HdrHistogram's");
HS_STATIC_ASSERT(HS_HISTOGRAM_COARSE_COUNTERS == 3840, "the coarse layout is HdrHistogram's");

static unsigned half_bits_of(enum hs_histogram_layout layout)
{
    return layout == HS_HISTOGRAM_FINE ? HS_HISTOGRAM_FINE_HALF_BITS
                                       : HS_HISTOGRAM_COARSE_HALF_BITS;
}

uint32_t hs_histogram_counters(enum hs_histogram_layout layout)
{
    return layout == HS_HISTOGRAM_FINE ? HS_HISTOGRAM_FINE_COUNTERS : HS_HISTOGRAM_COARSE_COUNTERS;
}

/* The inverse of hs_histogram_index_at: index = (shift << half_bits) + (units >> shift), the latter
 * at least one half once shift is not 0. */
uint64_t hs_histogram_lowest_ns(enum hs_histogram_layout layout, uint32_t index)
{
    unsigned half_bits = half_bits_of(layout);
    unsigned halves = index >> half_bits;
    unsigned shift = halves < 2 ? 0 : halves - 1;
    uint64_t units = (uint64_t)index - ((uint64_t)shift << half_bits);

    HS_ASSERT(index < hs_histogram_counters(layout));
    return (units << shift) << HS_HISTOGRAM_UNIT_BITS;
}

uint64_t hs_histogram_highest_ns(enum hs_histogram_layout layout, uint32_t index)
{
    if (index + 1 == hs_histogram_counters(layout)) return HS_HISTOGRAM_HIGHEST_NS;
    return hs_histogram_lowest_ns(layout, index + 1) - 1;
}

void hs_moments_record(struct hs_moments *moments, uint64_t value_ns)
{
    moments->sum_ns += value_ns;
    moments->max_ns = hs_max_u64(moments->max_ns, value_ns);
    moments->min_inverted = hs_max_u64(moments->min_inverted, UINT64_MAX - value_ns);
    moments->overflow_count += value_ns > HS_HISTOGRAM_HIGHEST_NS;
}

void hs_moments_add(struct hs_moments *into, const struct hs_moments *from)
{
    into->sum_ns += from->sum_ns;
    into->max_ns = hs_max_u64(into->max_ns, from->max_ns);
    into->min_inverted = hs_max_u64(into->min_inverted, from->min_inverted);
    into->overflow_count += from->overflow_count;
}

uint64_t hs_moments_min_ns(const struct hs_moments *moments)
{
    return moments->min_inverted ? UINT64_MAX - moments->min_inverted : 0;
}

void hs_moments_subtract(struct hs_moments *into, const struct hs_moments *from,
                         enum hs_histogram_layout layout, uint32_t first_idx, uint32_t last_idx)
{
    uint64_t lowest_ns;

    into->sum_ns -= hs_min_u64(from->sum_ns, into->sum_ns); /* a sum may have met its cap */
    into->overflow_count -= from->overflow_count;
    if (first_idx > last_idx) { /* nothing was recorded in between */
        into->max_ns = 0;
        into->min_inverted = 0;
        return;
    }
    lowest_ns = hs_max_u64(hs_moments_min_ns(into), hs_histogram_lowest_ns(layout, first_idx));
    into->min_inverted = UINT64_MAX - lowest_ns;
    /* The last counter also holds what was out of range: there the old maximum is the best
     * bound. */
    if (last_idx + 1 < hs_histogram_counters(layout))
        into->max_ns = hs_min_u64(into->max_ns, hs_histogram_highest_ns(layout, last_idx));
}

void hs_histogram_init(struct hs_histogram *histogram, enum hs_histogram_layout layout,
                       uint64_t *counts)
{
    *histogram = (struct hs_histogram){.layout = layout, .counts = counts};
    memset(counts, 0, hs_histogram_counters(layout) * sizeof *counts);
}

void hs_histogram_record(struct hs_histogram *histogram, uint64_t value_ns)
{
    histogram->counts[hs_histogram_index(histogram->layout, value_ns)]++;
    hs_moments_record(&histogram->moments, value_ns);
}

void hs_histogram_add(struct hs_histogram *into, const struct hs_histogram *from)
{
    uint32_t counter_count = hs_histogram_counters(into->layout);

    HS_ASSERT(into->layout == from->layout);
    for (uint32_t i = 0; i < counter_count; i++) into->counts[i] += from->counts[i];
    hs_moments_add(&into->moments, &from->moments);
}

void hs_histogram_subtract(struct hs_histogram *into, const struct hs_histogram *from)
{
    uint32_t counter_count = hs_histogram_counters(into->layout);
    uint32_t first_idx = UINT32_MAX;
    uint32_t last_idx = 0;

    HS_ASSERT(into->layout == from->layout);
    for (uint32_t i = 0; i < counter_count; i++) {
        into->counts[i] -= from->counts[i];
        if (!into->counts[i]) continue;
        if (first_idx == UINT32_MAX) first_idx = i;
        last_idx = i;
    }
    hs_moments_subtract(&into->moments, &from->moments, into->layout, first_idx, last_idx);
}

uint64_t hs_histogram_count(const struct hs_histogram *histogram)
{
    uint32_t counter_count = hs_histogram_counters(histogram->layout);
    uint64_t count = 0;

    for (uint32_t i = 0; i < counter_count; i++) count += histogram->counts[i];
    return count;
}

double hs_histogram_mean_ns(const struct hs_histogram *histogram)
{
    uint64_t count = hs_histogram_count(histogram);

    return count ? (double)histogram->moments.sum_ns / (double)count : 0.0;
}

uint64_t hs_histogram_rank(uint64_t count, double quantile)
{
    double   wanted = quantile * (double)count;
    uint64_t rank;

    if (!(wanted > 1.0)) return count ? 1 : 0;
    if (wanted >= (double)count) return count;
    rank = (uint64_t)wanted;
    /* 0.999 * 1000 is 999.0000000000001 or 998.9999...: a rank within a millionth of a whole one
     * means that one. */
    return wanted - (double)rank > 1e-6 ? rank + 1 : rank;
}

bool hs_histogram_has_enough(uint64_t count, double quantile)
{
    return (double)count * (1.0 - quantile) >= 10.0 - 1e-6;
}

uint64_t hs_moments_clip_ns(const struct hs_moments *moments, enum hs_histogram_layout layout,
                            uint32_t index)
{
    if (index + 1 == hs_histogram_counters(layout)) return moments->max_ns;
    return hs_min_u64(hs_histogram_highest_ns(layout, index), moments->max_ns);
}

uint64_t hs_histogram_percentile_ns(const struct hs_histogram *histogram, double quantile)
{
    uint32_t counter_count = hs_histogram_counters(histogram->layout);
    uint64_t rank = hs_histogram_rank(hs_histogram_count(histogram), quantile);
    uint64_t seen = 0;

    if (!rank) return 0;
    for (uint32_t i = 0; i < counter_count; i++) {
        seen += histogram->counts[i];
        if (seen >= rank) return hs_moments_clip_ns(&histogram->moments, histogram->layout, i);
    }
    return histogram->moments.max_ns;
}
