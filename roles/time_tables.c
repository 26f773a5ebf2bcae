// SPDX-License-Identifier: Apache-2.0
/* time_tables.c - records in and out of the rings of times. */
#include "roles/time_tables.h"

#include "roles/share.h"

#include <string.h>

/* Both kinds of record fill a slot. */
static void write_record(struct hs_recent_shm *ring, uint32_t slot_count, const void *record)
{
    uint64_t words[HS_RECENT_WORDS];

    memcpy(words, record, sizeof words);
    hs_recent_write(ring, slot_count, words);
}

static int next_record(const struct hs_recent_shm *ring, uint32_t slot_count,
                       struct hs_recent_cursor *cursor, void *record)
{
    uint64_t words[HS_RECENT_WORDS];
    int      rc = hs_recent_next(ring, slot_count, cursor, words);

    if (rc == 1) memcpy(record, words, sizeof words);
    return rc;
}

void hs_dispatch_time_write(struct hs_recent_shm *ring, const struct hs_dispatch_time *record)
{
    write_record(ring, HS_DISPATCH_TIMES_SLOTS, record);
}

int hs_dispatch_time_next(const struct hs_recent_shm *ring, struct hs_recent_cursor *cursor,
                          struct hs_dispatch_time *record)
{
    int rc = next_record(ring, HS_DISPATCH_TIMES_SLOTS, cursor, record);

    if (rc == 1) record->datacenter[sizeof record->datacenter - 1] = 0;
    return rc;
}

void hs_latency_sample_write(struct hs_recent_shm *ring, const struct hs_latency_sample *record)
{
    write_record(ring, HS_LATENCY_SAMPLES_SLOTS, record);
}

int hs_latency_sample_next(const struct hs_recent_shm *ring, struct hs_recent_cursor *cursor,
                           struct hs_latency_sample *record)
{
    int rc = next_record(ring, HS_LATENCY_SAMPLES_SLOTS, cursor, record);

    if (rc == 1) record->peer[sizeof record->peer - 1] = 0;
    return rc;
}

const char *hs_latency_kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [HS_LATENCY_PING] = "ping", [HS_LATENCY_DISPATCH] = "dispatch"};

    HS_STATIC_ASSERT(HS_ARRAY_LEN(names) == HS_LATENCY_KIND_COUNT, "a name each");
    return kind < HS_LATENCY_KIND_COUNT ? names[kind] : "?";
}

static uint64_t percentile(const uint64_t *sorted_ns, size_t count, unsigned percent)
{
    return sorted_ns[(count * percent + 99) / 100 - 1];
}

void hs_time_summary_of(const uint64_t *sorted_ns, size_t count, struct hs_time_summary *summary)
{
    memset(summary, 0, sizeof *summary);
    if (!count) return;
    summary->count = count;
    summary->p50_ns = percentile(sorted_ns, count, 50);
    summary->p99_ns = percentile(sorted_ns, count, 99);
    summary->max_ns = sorted_ns[count - 1];
    HS_ASSERT(summary->p99_ns <= summary->max_ns);
}
