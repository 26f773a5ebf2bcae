// SPDX-License-Identifier: Apache-2.0
/* stats.c - tallies and sparse histograms over a pool of chunks. */
#include "roles/stats/stats.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

HS_STATIC_ASSERT(HS_FINE_CHUNKS *HS_CHUNK_COUNTERS == HS_HISTOGRAM_FINE_COUNTERS,
                 "whole chunks only");
HS_STATIC_ASSERT(HS_COARSE_CHUNKS *HS_CHUNK_COUNTERS == HS_HISTOGRAM_COARSE_COUNTERS,
                 "whole chunks only");

static const char *const measure_names[HS_MEASURE_COUNT] = {
    [HS_MEASURE_RESPONSE] = "response", [HS_MEASURE_SERVICE] = "service",
    [HS_MEASURE_FAILED] = "failed",     [HS_MEASURE_LAG] = "lag",
    [HS_MEASURE_CONNECT] = "connect",   [HS_MEASURE_SEND] = "send",
    [HS_MEASURE_WAIT] = "wait",         [HS_MEASURE_RECEIVE] = "receive",
};

const char *hs_measure_name(enum hs_measure measure)
{
    HS_ASSERT(measure < HS_MEASURE_COUNT);
    return measure_names[measure];
}

enum hs_histogram_layout hs_measure_layout(enum hs_measure measure)
{
    return measure < HS_MEASURE_FINE_COUNT ? HS_HISTOGRAM_FINE : HS_HISTOGRAM_COARSE;
}

uint32_t hs_section_counters(unsigned section)
{
    HS_ASSERT(section < HS_SECTION_COUNT);
    return section == HS_SECTION_STATUS ? (uint32_t)HS_STATUS_SLOTS
                                        : hs_histogram_counters(hs_measure_layout(section));
}

uint32_t hs_section_first_chunk(unsigned section)
{
    if (section <= HS_MEASURE_FINE_COUNT) return section * HS_FINE_CHUNKS;
    return HS_MEASURE_FINE_COUNT * HS_FINE_CHUNKS +
           (section - HS_MEASURE_FINE_COUNT) * HS_COARSE_CHUNKS;
}

/* Which section a place in chunk_of belongs to. */
static unsigned section_of(uint32_t place)
{
    uint32_t fine_end = HS_MEASURE_FINE_COUNT * HS_FINE_CHUNKS;

    return place < fine_end ? place / HS_FINE_CHUNKS
                            : HS_MEASURE_FINE_COUNT + (place - fine_end) / HS_COARSE_CHUNKS;
}

HS_STATIC_ASSERT(HS_STATUS_CHUNKS < HS_COARSE_CHUNKS, "section_of ends with the statuses");

void hs_chunk_pool_init(struct hs_chunk_pool *pool, struct hs_chunk *chunks, uint32_t chunk_count)
{
    HS_ASSERT(chunk_count > 0);
    memset(&chunks[0], 0, sizeof chunks[0]);
    *pool = (struct hs_chunk_pool){.chunks = chunks,
                                   .chunk_count = chunk_count,
                                   .fresh_idx = 1,
                                   .free_count = chunk_count - 1};
}

static uint32_t take_chunk(struct hs_chunk_pool *pool)
{
    uint32_t idx = pool->free_idx;

    if (!pool->free_count) return 0;
    if (idx)
        pool->free_idx = (uint32_t)pool->chunks[idx].counts[0];
    else
        idx = pool->fresh_idx++;
    HS_ASSERT(idx < pool->chunk_count);
    pool->free_count--;
    memset(&pool->chunks[idx], 0, sizeof pool->chunks[idx]);
    return idx;
}

static void give_chunk(struct hs_chunk_pool *pool, uint32_t idx)
{
    pool->chunks[idx].counts[0] = pool->free_idx;
    pool->free_idx = idx;
    pool->free_count++;
}

static const struct hs_chunk *chunk_at(const struct hs_stats *stats, uint32_t place)
{
    return &stats->pool->chunks[stats->chunk_of[place]];
}

/* How many chunks into lacks that from has. */
static uint32_t count_lacking(const struct hs_stats *into, const struct hs_stats *from)
{
    uint32_t lacking = 0;

    for (uint32_t i = 0; i < HS_STATS_CHUNKS_MAX; i++)
        lacking += from->chunk_of[i] && !into->chunk_of[i];
    return lacking;
}

void hs_stats_init(struct hs_stats *stats, struct hs_chunk_pool *pool)
{
    memset(stats, 0, sizeof *stats);
    stats->pool = pool;
}

void hs_stats_clear(struct hs_stats *stats)
{
    struct hs_chunk_pool *pool = stats->pool;

    for (uint32_t i = 0; pool && i < HS_STATS_CHUNKS_MAX; i++)
        if (stats->chunk_of[i]) give_chunk(pool, stats->chunk_of[i]);
    hs_stats_init(stats, pool);
}

void hs_stats_fini(struct hs_stats *stats)
{
    hs_stats_clear(stats);
    stats->pool = NULL;
}

static void add_chunk(struct hs_stats *into, uint32_t place, const struct hs_chunk *from)
{
    struct hs_chunk *chunk;
    uint64_t         sum = 0;
    unsigned         section = section_of(place);

    if (!into->chunk_of[place]) into->chunk_of[place] = take_chunk(into->pool);
    HS_ASSERT(into->chunk_of[place] != 0);
    chunk = &into->pool->chunks[into->chunk_of[place]];
    for (unsigned i = 0; i < HS_CHUNK_COUNTERS; i++) {
        chunk->counts[i] += from->counts[i];
        sum += from->counts[i];
    }
    if (section < HS_MEASURE_COUNT) into->counts[section] += sum;
}

int hs_stats_add(struct hs_stats *into, const struct hs_stats *from)
{
    if (count_lacking(into, from) > into->pool->free_count) return -ENOBUFS;
    for (unsigned i = 0; i < HS_TALLY_COUNT; i++) into->tallies[i] += from->tallies[i];
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) into->errors[i] += from->errors[i];
    for (unsigned i = 0; i < HS_MEASURE_COUNT; i++)
        hs_moments_add(&into->moments[i], &from->moments[i]);
    for (uint32_t i = 0; i < HS_STATS_CHUNKS_MAX; i++)
        if (from->chunk_of[i]) add_chunk(into, i, chunk_at(from, i));
    return 0;
}

int hs_stats_copy(struct hs_stats *into, const struct hs_stats *from)
{
    uint32_t wanted = 0;
    uint32_t owned = 0;
    int      rc;

    if (into == from) return 0;
    for (uint32_t i = 0; i < HS_STATS_CHUNKS_MAX; i++) {
        wanted += from->chunk_of[i] != 0;
        owned += into->chunk_of[i] != 0;
    }
    if (wanted > into->pool->free_count + owned) return -ENOBUFS;
    hs_stats_clear(into);
    rc = hs_stats_add(into, from);
    HS_ASSERT(rc == 0);
    return 0;
}

static bool is_chunk_within(const struct hs_chunk *part, const struct hs_chunk *whole)
{
    bool fits = true;

    for (unsigned i = 0; i < HS_CHUNK_COUNTERS; i++) fits &= part->counts[i] <= whole->counts[i];
    return fits;
}

static bool is_within(const struct hs_stats *part, const struct hs_stats *whole)
{
    for (unsigned i = 0; i < HS_TALLY_COUNT; i++)
        if (part->tallies[i] > whole->tallies[i]) return false;
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++)
        if (part->errors[i] > whole->errors[i]) return false;
    for (unsigned i = 0; i < HS_MEASURE_COUNT; i++) {
        /* not the sums: they are capped (stats_codec.h), so a part may have as much as the whole */
        if (part->moments[i].overflow_count > whole->moments[i].overflow_count) return false;
    }
    for (uint32_t i = 0; i < HS_STATS_CHUNKS_MAX; i++)
        if (part->chunk_of[i] && !is_chunk_within(chunk_at(part, i), chunk_at(whole, i)))
            return false;
    return true;
}

/* Counters of one section; returns what was taken away. Chunks that become zero stay: they will be
 * needed again. */
static uint64_t subtract_section(struct hs_stats *into, const struct hs_stats *from,
                                 unsigned section)
{
    uint32_t place = hs_section_first_chunk(section);
    uint32_t end = section + 1 < HS_SECTION_COUNT ? hs_section_first_chunk(section + 1)
                                                  : (uint32_t)HS_STATS_CHUNKS_MAX;
    uint64_t sum = 0;

    for (; place < end; place++) {
        struct hs_chunk       *chunk = &into->pool->chunks[into->chunk_of[place]];
        const struct hs_chunk *other = chunk_at(from, place);

        if (!from->chunk_of[place] || !into->chunk_of[place]) continue;
        for (unsigned i = 0; i < HS_CHUNK_COUNTERS; i++) {
            chunk->counts[i] -= other->counts[i];
            sum += other->counts[i];
        }
    }
    return sum;
}

/* The first and last counter of a measure that are not zero; first > last: none is. */
static void find_extremes(const struct hs_stats *stats, enum hs_measure measure,
                          uint32_t *first_idx, uint32_t *last_idx)
{
    uint32_t first_place = hs_section_first_chunk(measure);
    uint32_t chunk_count = hs_section_counters(measure) / HS_CHUNK_COUNTERS;

    *first_idx = UINT32_MAX;
    *last_idx = 0;
    for (uint32_t i = 0; i < chunk_count; i++) {
        const struct hs_chunk *chunk = chunk_at(stats, first_place + i);

        for (uint32_t k = 0; stats->chunk_of[first_place + i] && k < HS_CHUNK_COUNTERS; k++) {
            if (!chunk->counts[k]) continue;
            *last_idx = i * HS_CHUNK_COUNTERS + k;
            if (*first_idx == UINT32_MAX) *first_idx = *last_idx;
        }
    }
}

int hs_stats_subtract(struct hs_stats *into, const struct hs_stats *from)
{
    if (!is_within(from, into)) return -ERANGE;
    for (unsigned i = 0; i < HS_TALLY_COUNT; i++) into->tallies[i] -= from->tallies[i];
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) into->errors[i] -= from->errors[i];
    for (unsigned i = 0; i < HS_SECTION_COUNT; i++) {
        uint64_t taken = subtract_section(into, from, i);
        uint32_t first_idx;
        uint32_t last_idx;

        if (i == HS_SECTION_STATUS) continue;
        into->counts[i] -= taken;
        if (!taken && !from->moments[i].sum_ns) continue; /* extremes stay exact */
        find_extremes(into, i, &first_idx, &last_idx);
        hs_moments_subtract(&into->moments[i], &from->moments[i], hs_measure_layout(i), first_idx,
                            last_idx);
    }
    return 0;
}

static bool are_chunks_equal(const struct hs_stats *a, const struct hs_stats *b)
{
    for (uint32_t i = 0; i < HS_STATS_CHUNKS_MAX; i++)
        if ((a->chunk_of[i] || b->chunk_of[i]) &&
            memcmp(chunk_at(a, i), chunk_at(b, i), sizeof(struct hs_chunk)) != 0)
            return false;
    return true;
}

bool hs_stats_is_equal(const struct hs_stats *a, const struct hs_stats *b)
{
    return memcmp(a->tallies, b->tallies, sizeof a->tallies) == 0 &&
           memcmp(a->errors, b->errors, sizeof a->errors) == 0 &&
           memcmp(a->moments, b->moments, sizeof a->moments) == 0 &&
           memcmp(a->counts, b->counts, sizeof a->counts) == 0 && are_chunks_equal(a, b);
}

const uint64_t *hs_stats_chunk_view(const struct hs_stats *stats, uint32_t place)
{
    return chunk_at(stats, place)->counts;
}

uint64_t *hs_stats_chunk(struct hs_stats *stats, uint32_t place)
{
    uint32_t *chunk_idx = &stats->chunk_of[place];

    HS_ASSERT(place < HS_STATS_CHUNKS_MAX);
    if (!*chunk_idx) *chunk_idx = take_chunk(stats->pool);
    return *chunk_idx ? stats->pool->chunks[*chunk_idx].counts : NULL;
}

uint64_t hs_stats_counter(const struct hs_stats *stats, unsigned section, uint32_t index)
{
    HS_ASSERT(index < hs_section_counters(section));
    return chunk_at(stats, hs_section_first_chunk(section) + index / HS_CHUNK_COUNTERS)
        ->counts[index % HS_CHUNK_COUNTERS];
}

int hs_stats_counter_add(struct hs_stats *stats, unsigned section, uint32_t index, uint64_t delta)
{
    uint64_t *counts =
        hs_stats_chunk(stats, hs_section_first_chunk(section) + index / HS_CHUNK_COUNTERS);

    HS_ASSERT(index < hs_section_counters(section));
    if (!counts) return -ENOBUFS;
    counts[index % HS_CHUNK_COUNTERS] += delta;
    if (section < HS_MEASURE_COUNT) stats->counts[section] += delta;
    return 0;
}

int hs_stats_record(struct hs_stats *stats, enum hs_measure measure, uint64_t value_ns)
{
    uint32_t index = hs_histogram_index(hs_measure_layout(measure), value_ns);
    int      rc = hs_stats_counter_add(stats, measure, index, 1);

    if (rc == 0) hs_moments_record(&stats->moments[measure], value_ns);
    return rc;
}

int hs_stats_add_status(struct hs_stats *stats, unsigned status, uint64_t count)
{
    return hs_stats_counter_add(stats, HS_SECTION_STATUS, hs_status_slot(status), count);
}

uint64_t hs_stats_completed(const struct hs_stats *stats)
{
    return stats->counts[HS_MEASURE_RESPONSE];
}

uint64_t hs_stats_failed(const struct hs_stats *stats)
{
    uint64_t failed = 0;

    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) failed += stats->errors[i];
    return failed;
}

uint64_t hs_stats_offered(const struct hs_stats *stats)
{
    return stats->tallies[HS_TALLY_SENT] + stats->tallies[HS_TALLY_DROPPED] +
           stats->tallies[HS_TALLY_SHED] + stats->tallies[HS_TALLY_LOST];
}

uint64_t hs_stats_in_flight(const struct hs_stats *stats)
{
    return stats->tallies[HS_TALLY_SENT] - hs_stats_completed(stats) - hs_stats_failed(stats) -
           stats->tallies[HS_TALLY_CUT];
}

uint64_t hs_stats_status(const struct hs_stats *stats, unsigned slot)
{
    return hs_stats_counter(stats, HS_SECTION_STATUS, slot);
}

double hs_stats_mean_ns(const struct hs_stats *stats, enum hs_measure measure)
{
    uint64_t count = stats->counts[measure];

    return count ? (double)stats->moments[measure].sum_ns / (double)count : 0.0;
}

uint64_t hs_stats_percentile_ns(const struct hs_stats *stats, enum hs_measure measure,
                                double quantile)
{
    uint64_t rank = hs_histogram_rank(stats->counts[measure], quantile);
    uint32_t first_place = hs_section_first_chunk(measure);
    uint32_t chunk_count = hs_section_counters(measure) / HS_CHUNK_COUNTERS;
    uint64_t seen = 0;

    for (uint32_t i = 0; rank && i < chunk_count; i++) {
        if (!stats->chunk_of[first_place + i]) continue;
        for (uint32_t k = 0; k < HS_CHUNK_COUNTERS; k++) {
            seen += chunk_at(stats, first_place + i)->counts[k];
            if (seen >= rank)
                return hs_moments_clip_ns(&stats->moments[measure], hs_measure_layout(measure),
                                          i * HS_CHUNK_COUNTERS + k);
        }
    }
    return 0;
}
