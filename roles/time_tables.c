// SPDX-License-Identifier: Apache-2.0
/* time_tables.c - records in and out of the rings of times. */
#include "roles/time_tables.h"

#include "roles/share.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = HS_DISPATCH_TIMES_SLOTS };
HS_STATIC_ASSERT((int)VALUES_MAX >= (int)HS_LATENCY_SAMPLES_SLOTS, "room for a whole ring");

void hs_dispatch_time_write(struct hs_recent_shm *ring, const struct hs_dispatch_time *record)
{
    uint64_t words[HS_RECENT_WORDS];

    memcpy(words, record, sizeof words);
    hs_recent_write(ring, HS_DISPATCH_TIMES_SLOTS, words);
}

int hs_dispatch_time_next(const struct hs_recent_shm *ring, struct hs_recent_cursor *cursor,
                          struct hs_dispatch_time *record)
{
    uint64_t words[HS_RECENT_WORDS];
    int      rc = hs_recent_next(ring, HS_DISPATCH_TIMES_SLOTS, cursor, words);

    if (rc != 1) return rc;
    memcpy(record, words, sizeof *record);
    record->datacenter[sizeof record->datacenter - 1] = 0;
    return 1;
}

void hs_latency_sample_write(struct hs_recent_shm *ring, const struct hs_latency_sample *record)
{
    uint64_t words[HS_RECENT_WORDS];

    memcpy(words, record, sizeof words);
    hs_recent_write(ring, HS_LATENCY_SAMPLES_SLOTS, words);
}

int hs_latency_sample_next(const struct hs_recent_shm *ring, struct hs_recent_cursor *cursor,
                           struct hs_latency_sample *record)
{
    uint64_t words[HS_RECENT_WORDS];
    int      rc = hs_recent_next(ring, HS_LATENCY_SAMPLES_SLOTS, cursor, words);

    if (rc != 1) return rc;
    memcpy(record, words, sizeof *record);
    record->peer[sizeof record->peer - 1] = 0;
    return 1;
}

/* ---- summaries ---- */

struct values {
    unsigned count;
    uint64_t at_ns[VALUES_MAX];
};

static int ascending(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return (*a > *b) - (*a < *b);
}

static void sum_up(struct values *values, struct hs_time_summary *summary)
{
    *summary = (struct hs_time_summary){.count = values->count};
    if (!values->count) return;
    qsort(values->at_ns, values->count, sizeof values->at_ns[0], ascending);
    summary->p50_ns = values->at_ns[(values->count - 1) / 2];
    summary->max_ns = values->at_ns[values->count - 1];
}

/* A writer that never stops does not hold us: once round. */
void hs_dispatch_time_summary(const struct hs_recent_shm *ring, struct hs_time_summary *summary)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_dispatch_time record;
    struct values           values = {0};

    for (unsigned turn = 0; turn < VALUES_MAX; turn++) {
        if (hs_dispatch_time_next(ring, &cursor, &record) != 1) break;
        if (!record.sent_at_ns || record.accepted_at_ns < record.sent_at_ns ||
            record.finished_at_ns)
            continue;
        values.at_ns[values.count++] = record.accepted_at_ns - record.sent_at_ns;
    }
    sum_up(&values, summary);
}

void hs_latency_summary(const struct hs_recent_shm *ring, enum hs_latency_kind kind,
                        struct hs_time_summary *summary)
{
    struct hs_recent_cursor  cursor = {0};
    struct hs_latency_sample record;
    struct values            values = {0};

    for (unsigned turn = 0; turn < VALUES_MAX; turn++) {
        if (hs_latency_sample_next(ring, &cursor, &record) != 1) break;
        if (record.kind == (uint32_t)kind) values.at_ns[values.count++] = record.round_trip_ns;
    }
    sum_up(&values, summary);
}
