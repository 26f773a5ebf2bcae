// SPDX-License-Identifier: Apache-2.0
/* stats.h - the cumulative figures of one step in a process's own memory: tallies, statuses, error
 * classes, histograms. Pure. Does not know where figures come from (figures.h) nor how they travel
 * (stats_codec.h).
 *
 * Counters lie in chunks of 64 (512 bytes) taken from a pool when first used, since a histogram of
 * real times touches a few hundred of its 27,648 counters. One struct hs_stats is about 7 KiB, plus
 * typically 100 to 300 chunks (50 to 150 KiB), at most HS_STATS_CHUNKS_MAX (821 KiB). The pool is
 * the bound: when it is empty, operations say -ENOBUFS and change nothing. */
#ifndef HS_STATS_STATS_H
#define HS_STATS_STATS_H

#include "roles/stats/error_class.h"
#include "roles/stats/histogram.h"
#include "shm/base/err.h"

/* Wire and shared-memory numbers: append only. */
enum hs_tally {
    HS_TALLY_SENT,    /* requests whose first byte went (or tried to go) to the kernel: completed +
                         failed + cut, plus in flight */
    HS_TALLY_DROPPED, /* due, but no virtual user was free */
    HS_TALLY_SHED,    /* waited longer than the deadline for a virtual user, given up */
    HS_TALLY_CUT,     /* in flight at the end, or when the engine died */
    HS_TALLY_LOST,    /* due while the engine was dead */
    HS_TALLY_DISCARDED, /* sent by an attempt that was run again; outside all identities */
    HS_TALLY_RETRIED,   /* idle connection closed by the peer: sent again on a fresh one, the same
                           request */
    HS_TALLY_BYTES_IN,
    HS_TALLY_BYTES_OUT,
    HS_TALLY_ITERATIONS,  /* whole passes over the steps; counted on the last step */
    HS_TALLY_CONNECTIONS, /* opened */
    HS_TALLY_COUNT
};

/* Wire and shared-memory numbers: append only. The first HS_MEASURE_FINE_COUNT have the fine
 * layout. */
enum hs_measure {
    HS_MEASURE_RESPONSE, /* completed requests, from the schedule: its count IS `completed` */
    HS_MEASURE_SERVICE,  /* completed requests, from the first byte sent */
    HS_MEASURE_FAILED,   /* failed requests, from the schedule; timeouts at their elapsed time */
    HS_MEASURE_LAG,      /* taken up - due: the generator's own lateness */
    HS_MEASURE_CONNECT,
    HS_MEASURE_SEND,
    HS_MEASURE_WAIT,
    HS_MEASURE_RECEIVE,
    HS_MEASURE_COUNT,
    HS_MEASURE_FINE_COUNT = HS_MEASURE_LAG
};

enum {
    HS_STATUS_FIRST = 100,
    HS_STATUS_SLOTS = 501, /* 100..599, then everything else */
    HS_STATUS_OTHER = HS_STATUS_SLOTS - 1,

    HS_CHUNK_COUNTERS = 64,
    HS_FINE_CHUNKS = HS_HISTOGRAM_FINE_COUNTERS / HS_CHUNK_COUNTERS,
    HS_COARSE_CHUNKS = HS_HISTOGRAM_COARSE_COUNTERS / HS_CHUNK_COUNTERS,
    HS_STATUS_CHUNKS = (HS_STATUS_SLOTS + HS_CHUNK_COUNTERS - 1) / HS_CHUNK_COUNTERS,
    HS_STATS_CHUNKS_MAX = HS_MEASURE_FINE_COUNT * HS_FINE_CHUNKS +
                          (HS_MEASURE_COUNT - HS_MEASURE_FINE_COUNT) * HS_COARSE_CHUNKS +
                          HS_STATUS_CHUNKS
};

struct hs_chunk {
    uint64_t counts[HS_CHUNK_COUNTERS];
};

/* Chunk 0 stays zero and stands for every chunk never written. A free chunk's first word is the
 * next free one. */
struct hs_chunk_pool {
    struct hs_chunk *chunks;
    uint32_t         chunk_count;
    uint32_t fresh_idx;  /* chunks from here on were never used: their memory stays untouched */
    uint32_t free_idx;   /* 0: none */
    uint32_t free_count; /* given back or never used */
};

struct hs_stats {
    struct hs_chunk_pool *pool;
    uint64_t              tallies[HS_TALLY_COUNT];
    uint64_t              errors[HS_ERROR_CLASS_COUNT];
    struct hs_moments     moments[HS_MEASURE_COUNT];
    uint64_t counts[HS_MEASURE_COUNT]; /* sums of the histograms' counters, kept by this module */
    uint32_t chunk_of[HS_STATS_CHUNKS_MAX]; /* indexes into the pool; sections one after another */
};

/* One stretch of counters: a histogram, or the statuses. */
enum { HS_SECTION_STATUS = HS_MEASURE_COUNT, HS_SECTION_COUNT };

void hs_chunk_pool_init(struct hs_chunk_pool *pool, struct hs_chunk *chunks, uint32_t chunk_count);

void hs_stats_init(struct hs_stats *stats, struct hs_chunk_pool *pool);
void hs_stats_fini(struct hs_stats *stats);  /* chunks go back to the pool; may be called twice */
void hs_stats_clear(struct hs_stats *stats); /* empty again, same pool */

int hs_stats_add(struct hs_stats *into, const struct hs_stats *from) HS_MUST_CHECK;
int hs_stats_copy(struct hs_stats *into, const struct hs_stats *from) HS_MUST_CHECK;
/* into -= from, which must be an earlier state of it (or a part of it): -ERANGE, unchanged, if some
 * counter is larger. */
int  hs_stats_subtract(struct hs_stats *into, const struct hs_stats *from) HS_MUST_CHECK;
bool hs_stats_is_equal(const struct hs_stats *a, const struct hs_stats *b);

/* For tests, bench and small producers; engines record in their figures page. */
int hs_stats_record(struct hs_stats *stats, enum hs_measure measure,
                    uint64_t value_ns) HS_MUST_CHECK;
int hs_stats_add_status(struct hs_stats *stats, unsigned status, uint64_t count) HS_MUST_CHECK;

uint64_t hs_stats_completed(const struct hs_stats *stats);
uint64_t hs_stats_failed(const struct hs_stats *stats);
uint64_t hs_stats_offered(const struct hs_stats *stats);   /* sent + dropped + shed + lost */
uint64_t hs_stats_in_flight(const struct hs_stats *stats); /* sent - completed - failed - cut */
uint64_t hs_stats_status(const struct hs_stats *stats, unsigned slot); /* slot of hs_status_slot */
double   hs_stats_mean_ns(const struct hs_stats *stats, enum hs_measure measure); /* 0 if empty */
uint64_t hs_stats_percentile_ns(const struct hs_stats *stats, enum hs_measure measure,
                                double quantile);

/* The layer below, for the codec and the reader of pages. */
enum hs_histogram_layout hs_measure_layout(enum hs_measure measure);
const char              *hs_measure_name(enum hs_measure measure); /* "response", "lag", ... */
uint32_t                 hs_section_counters(unsigned section);
uint32_t                 hs_section_first_chunk(unsigned section); /* in chunk_of */
/* The HS_CHUNK_COUNTERS counters at a place in chunk_of: to read (zeros if never written); to write
 * (taken from the pool if need be, NULL if it is empty). Whoever writes into a histogram also adds
 * to stats->counts. */
const uint64_t *hs_stats_chunk_view(const struct hs_stats *stats, uint32_t place);
uint64_t       *hs_stats_chunk(struct hs_stats *stats, uint32_t place);
uint64_t        hs_stats_counter(const struct hs_stats *stats, unsigned section, uint32_t index);
int             hs_stats_counter_add(struct hs_stats *stats, unsigned section, uint32_t index,
                                     uint64_t delta) HS_MUST_CHECK;

static inline unsigned hs_status_slot(unsigned status)
{
    unsigned slot = status - HS_STATUS_FIRST;

    return slot < HS_STATUS_OTHER ? slot : HS_STATUS_OTHER;
}

#endif
