// SPDX-License-Identifier: Apache-2.0
/* time_tables.h - how long things between processes took lately: the records of two rings
 * (shm/recent.h) in shared memory. HS_SHARE_DISPATCH_TIMES is the gate's; of
 * HS_SHARE_LATENCY_SAMPLES the gate and the manager write a ring each (hs_latency_samples_ring).
 * For the eye and for routing; the console reads. Moments are this host's monotonic clock, 0: not
 * known. Pure. */
#ifndef HS_ROLES_TIME_TABLES_H
#define HS_ROLES_TIME_TABLES_H

#include "shm/base/assert.h"
#include "shm/base/limits.h"
#include "shm/recent.h"

/* A job in a datacenter: written once when it is accepted there (finished_at_ns is 0), and once
 * when it has ended. */
struct hs_dispatch_time {
    uint8_t  job_id[16];
    char     datacenter[HS_NAME_BYTES];
    uint64_t sent_at_ns; /* the first attempt */
    uint64_t accepted_at_ns;
    uint64_t finished_at_ns;
    uint32_t attempts;
    uint32_t state; /* enum hs_job_state: RUNNING, or how it ended */
    uint8_t  reserved[136];
};

enum hs_latency_kind { HS_LATENCY_PING, HS_LATENCY_DISPATCH, HS_LATENCY_KIND_COUNT };
const char *hs_latency_kind_name(uint32_t kind); /* "ping"; "?" for a number that is none */

struct hs_latency_sample {
    char     peer[HS_NAME_BYTES]; /* of its host */
    uint64_t at_ns;
    uint64_t round_trip_ns;
    uint32_t kind;      /* enum hs_latency_kind */
    uint32_t peer_kind; /* enum hs_role_kind */
    uint8_t  reserved[160];
};

HS_STATIC_ASSERT(sizeof(struct hs_dispatch_time) == HS_RECENT_WORDS * sizeof(uint64_t), "a slot");
HS_STATIC_ASSERT(sizeof(struct hs_latency_sample) == HS_RECENT_WORDS * sizeof(uint64_t), "a slot");

/* ring: the body of HS_SHARE_DISPATCH_TIMES, HS_DISPATCH_TIMES_SLOTS long (share.h). */
void hs_dispatch_time_write(struct hs_recent_shm *ring, const struct hs_dispatch_time *record);
/* As hs_recent_next; texts are terminated. */
int  hs_dispatch_time_next(const struct hs_recent_shm *ring, struct hs_recent_cursor *cursor,
                           struct hs_dispatch_time *record) HS_MUST_CHECK;
void hs_latency_sample_write(struct hs_recent_shm *ring, const struct hs_latency_sample *record);
int  hs_latency_sample_next(const struct hs_recent_shm *ring, struct hs_recent_cursor *cursor,
                            struct hs_latency_sample *record) HS_MUST_CHECK;

/* Of some durations; all 0: there are none. A percentile is the smallest of them that so many are
 * not above. */
struct hs_time_summary {
    uint64_t count;
    uint64_t p50_ns;
    uint64_t p99_ns;
    uint64_t max_ns;
};

/* sorted: ascending. */
void hs_time_summary_of(const uint64_t *sorted_ns, size_t count, struct hs_time_summary *summary);

#endif
