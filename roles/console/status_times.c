// SPDX-License-Identifier: Apache-2.0
/* status_times.c - reads the rings of times once round, so that a writer that never stops does not
 * hold us; sorts, and sums up each run of equals. */
#include "roles/console/status_times.h"

#include <stdlib.h>
#include <string.h>

void hs_status_times_clear(struct hs_status_times *times)
{
    times->dispatch_count = 0;
    times->datacenter_count = 0;
    times->sample_count = 0;
    times->peer_count = 0;
}

/* ---- dispatches ---- */

static bool is_same_dispatch(const struct hs_dispatch_time *a, const struct hs_dispatch_time *b)
{
    return a->sent_at_ns == b->sent_at_ns && memcmp(a->job_id, b->job_id, sizeof a->job_id) == 0 &&
           strcmp(a->datacenter, b->datacenter) == 0;
}

static int by_dispatch(const void *left, const void *right)
{
    const struct hs_dispatch_time *a = left;
    const struct hs_dispatch_time *b = right;
    int                            order;

    if (a->sent_at_ns != b->sent_at_ns) return a->sent_at_ns < b->sent_at_ns ? 1 : -1;
    order = memcmp(a->job_id, b->job_id, sizeof a->job_id);
    if (order == 0) order = strcmp(a->datacenter, b->datacenter);
    if (order == 0) /* what is known of its end comes first */
        order = (a->finished_at_ns < b->finished_at_ns) - (a->finished_at_ns > b->finished_at_ns);
    return order;
}

/* Newest first, and of the records of one dispatch only the last. */
static void sort_dispatches(struct hs_status_times *times)
{
    unsigned kept = 0;

    qsort(times->dispatches, times->dispatch_count, sizeof times->dispatches[0], by_dispatch);
    for (unsigned i = 0; i < times->dispatch_count; i++)
        if (kept == 0 || !is_same_dispatch(&times->dispatches[kept - 1], &times->dispatches[i]))
            times->dispatches[kept++] = times->dispatches[i];
    times->dispatch_count = kept;
}

static bool was_accepted(const struct hs_dispatch_time *dispatch)
{
    return dispatch->sent_at_ns && dispatch->accepted_at_ns >= dispatch->sent_at_ns;
}

static int by_datacenter(const void *left, const void *right)
{
    const struct hs_dispatch_time *a = *(const struct hs_dispatch_time *const *)left;
    const struct hs_dispatch_time *b = *(const struct hs_dispatch_time *const *)right;
    uint64_t                       a_ns = a->accepted_at_ns - a->sent_at_ns;
    uint64_t                       b_ns = b->accepted_at_ns - b->sent_at_ns;
    int                            order = strcmp(a->datacenter, b->datacenter);

    return order ? order : (a_ns > b_ns) - (a_ns < b_ns);
}

static void sum_up_datacenters(struct hs_status_times *times)
{
    const struct hs_dispatch_time *sorted[HS_DISPATCH_TIMES_SLOTS] = {NULL};
    uint64_t                       values_ns[HS_DISPATCH_TIMES_SLOTS];
    unsigned                       count = 0;
    unsigned                       first = 0;

    for (unsigned i = 0; i < times->dispatch_count; i++)
        if (was_accepted(&times->dispatches[i])) sorted[count++] = &times->dispatches[i];
    qsort(sorted, count, sizeof(void *), by_datacenter);
    for (unsigned i = 0; i < count; i++) {
        struct hs_status_datacenter *row = &times->datacenters[times->datacenter_count];

        values_ns[i] = sorted[i]->accepted_at_ns - sorted[i]->sent_at_ns;
        if (i + 1 < count && strcmp(sorted[i]->datacenter, sorted[i + 1]->datacenter) == 0)
            continue;
        if (times->datacenter_count == HS_DATACENTERS_MAX) return;
        row->name = sorted[i]->datacenter;
        hs_time_summary_of(&values_ns[first], i + 1 - first, &row->accepted);
        times->datacenter_count++;
        first = i + 1;
    }
}

void hs_status_times_take_dispatches(struct hs_status_times *times, const void *body)
{
    struct hs_recent_cursor cursor = {0};

    times->dispatch_count = times->datacenter_count = 0;
    while (body && times->dispatch_count < HS_DISPATCH_TIMES_SLOTS &&
           hs_dispatch_time_next(body, &cursor, &times->dispatches[times->dispatch_count]) == 1)
        times->dispatch_count++;
    sort_dispatches(times);
    sum_up_datacenters(times);
}

/* ---- round trips ---- */

static int newest_first(const void *left, const void *right)
{
    const struct hs_latency_sample *a = &((const struct hs_status_sample *)left)->sample;
    const struct hs_latency_sample *b = &((const struct hs_status_sample *)right)->sample;

    return (a->at_ns < b->at_ns) - (a->at_ns > b->at_ns);
}

static int compare_peers(const struct hs_status_sample *a, const struct hs_status_sample *b)
{
    int order;

    if (a->process != b->process) return a->process < b->process ? -1 : 1;
    order = strcmp(a->sample.peer, b->sample.peer);
    if (order) return order;
    if (a->sample.peer_kind != b->sample.peer_kind)
        return a->sample.peer_kind < b->sample.peer_kind ? -1 : 1;
    return (a->sample.kind > b->sample.kind) - (a->sample.kind < b->sample.kind);
}

static int by_peer(const void *left, const void *right)
{
    const struct hs_status_sample *a = *(const struct hs_status_sample *const *)left;
    const struct hs_status_sample *b = *(const struct hs_status_sample *const *)right;
    uint64_t                       a_ns = a->sample.round_trip_ns;
    uint64_t                       b_ns = b->sample.round_trip_ns;
    int                            order = compare_peers(a, b);

    return order ? order : (a_ns > b_ns) - (a_ns < b_ns);
}

static void sum_up_peers(struct hs_status_times *times)
{
    const struct hs_status_sample *sorted[HS_STATUS_SAMPLES_MAX] = {NULL};
    uint64_t                       values_ns[HS_STATUS_SAMPLES_MAX];
    const struct hs_status_sample *last = NULL;
    unsigned                       first = 0;

    for (unsigned i = 0; i < times->sample_count; i++) sorted[i] = &times->samples[i];
    qsort(sorted, times->sample_count, sizeof(void *), by_peer);
    for (unsigned i = 0; i < times->sample_count; i++) {
        struct hs_status_peer *row = &times->peers[times->peer_count];

        values_ns[i] = sorted[i]->sample.round_trip_ns;
        if (!last || last->sample.at_ns < sorted[i]->sample.at_ns) last = sorted[i];
        if (i + 1 < times->sample_count && compare_peers(sorted[i], sorted[i + 1]) == 0) continue;
        if (times->peer_count == HS_STATUS_PEERS_MAX) return;
        row->last = last;
        hs_time_summary_of(&values_ns[first], i + 1 - first, &row->summary);
        times->peer_count++;
        first = i + 1;
        last = NULL;
    }
}

static void take_ring(struct hs_status_times *times, const struct hs_recent_shm *ring,
                      enum hs_role_kind process)
{
    struct hs_recent_cursor cursor = {0};

    for (unsigned turn = 0; turn < HS_LATENCY_SAMPLES_SLOTS; turn++) {
        struct hs_status_sample *row = &times->samples[times->sample_count];

        if (hs_latency_sample_next(ring, &cursor, &row->sample) != 1) return;
        row->process = process;
        times->sample_count++;
    }
}

void hs_status_times_take_samples(struct hs_status_times *times, const void *body)
{
    times->sample_count = times->peer_count = 0;
    if (body) {
        take_ring(times, hs_latency_samples_view(body, HS_ROLE_GATE), HS_ROLE_GATE);
        take_ring(times, hs_latency_samples_view(body, HS_ROLE_MANAGER), HS_ROLE_MANAGER);
    }
    qsort(times->samples, times->sample_count, sizeof times->samples[0], newest_first);
    sum_up_peers(times);
}
