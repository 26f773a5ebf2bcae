// SPDX-License-Identifier: Apache-2.0
/* status_times_json.c - summaries first, then the records that they are of. */
#include "roles/console/status_times_json.h"

#include "roles/job_table.h"
#include "shm/base/assert.h"

#include <string.h>

static json_t *datacenter_row(const struct hs_status_datacenter *row)
{
    const struct hs_status_pair pairs[] = {
        {"datacenter", hs_status_text(row->name)},
        {"count", hs_status_number(row->accepted.count)},
        {"accepted_p50_ns", hs_status_number(row->accepted.p50_ns)},
        {"accepted_p99_ns", hs_status_number(row->accepted.p99_ns)},
        {"accepted_max_ns", hs_status_number(row->accepted.max_ns)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

/* How long after it was sent; null: that has not happened. */
static json_t *after(const struct hs_dispatch_time *row, uint64_t at_ns)
{
    bool has_happened = row->sent_at_ns && at_ns >= row->sent_at_ns;

    return hs_status_number_or_null(has_happened, has_happened ? at_ns - row->sent_at_ns : 0);
}

static json_t *dispatch_row(const struct hs_dispatch_time *row)
{
    const struct hs_status_pair pairs[] = {
        {"job", hs_status_hex(row->job_id, sizeof row->job_id)},
        {"datacenter", hs_status_text(row->datacenter)},
        {"state", hs_status_text(hs_job_state_name(row->state))},
        {"attempts", hs_status_number(row->attempts)},
        {"sent_at_ns", hs_status_number(row->sent_at_ns)},
        {"accepted_ns", after(row, row->accepted_at_ns)},
        {"finished_ns", after(row, row->finished_at_ns)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_dispatch_times(const struct hs_status_times   *times,
                                 const struct hs_status_request *request)
{
    json_t  *summaries = json_array();
    json_t  *records = json_array();
    uint32_t left = request->row_count;

    for (unsigned i = 0; i < times->datacenter_count; i++)
        summaries = hs_status_append(summaries, datacenter_row(&times->datacenters[i]));
    for (unsigned i = 0; i < times->dispatch_count && left; i++) {
        const struct hs_dispatch_time *row = &times->dispatches[i];

        if (request->has_job && memcmp(row->job_id, request->job_id, sizeof row->job_id) != 0)
            continue;
        records = hs_status_append(records, dispatch_row(row));
        left--;
    }

    const struct hs_status_pair pairs[] = {{"datacenters", summaries}, {"dispatches", records}};
    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *role_text(uint32_t kind)
{
    return hs_status_text(hs_role_kind_name((enum hs_role_kind)kind));
}

static json_t *peer_row(const struct hs_status_peer *row)
{
    const struct hs_latency_sample *last = &row->last->sample;
    const struct hs_status_pair     pairs[] = {
            {"process", role_text(row->last->process)},
            {"peer", hs_status_text(last->peer)},
            {"role", role_text(last->peer_kind)},
            {"kind", hs_status_text(hs_latency_kind_name(last->kind))},
            {"count", hs_status_number(row->summary.count)},
            {"last_ns", hs_status_number(last->round_trip_ns)},
            {"p50_ns", hs_status_number(row->summary.p50_ns)},
            {"p99_ns", hs_status_number(row->summary.p99_ns)},
            {"max_ns", hs_status_number(row->summary.max_ns)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *sample_row(const struct hs_status_sample *row, const struct hs_status_clock *clock)
{
    const struct hs_status_pair pairs[] = {
        {"at", hs_status_moment(clock, row->sample.at_ns)},
        {"at_ns", hs_status_number(row->sample.at_ns)},
        {"process", role_text(row->process)},
        {"peer", hs_status_text(row->sample.peer)},
        {"role", role_text(row->sample.peer_kind)},
        {"kind", hs_status_text(hs_latency_kind_name(row->sample.kind))},
        {"round_trip_ns", hs_status_number(row->sample.round_trip_ns)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_latency(const struct hs_status_times   *times,
                          const struct hs_status_request *request,
                          const struct hs_status_clock   *clock)
{
    json_t *summaries = json_array();
    json_t *records = json_array();

    for (unsigned i = 0; i < times->peer_count; i++)
        summaries = hs_status_append(summaries, peer_row(&times->peers[i]));
    for (unsigned i = 0; i < times->sample_count && i < request->row_count; i++)
        records = hs_status_append(records, sample_row(&times->samples[i], clock));

    const struct hs_status_pair pairs[] = {{"peers", summaries}, {"samples", records}};
    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}
