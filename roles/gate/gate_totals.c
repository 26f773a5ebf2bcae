// SPDX-License-Identifier: Apache-2.0
/* gate_totals.c - sums for the rows of status. */
#include "roles/gate/gate_totals.h"

#include "roles/stats/run_record.h"

static bool add_progress(struct hs_gate *gate, const struct hs_gate_job *job)
{
    const struct hs_progress_step *step;
    uint32_t                       cursor = 0;
    bool                           is_any = false;

    while ((step = hs_progress_next(gate->progress, hs_gate_job_idx(gate->fsm, job), &cursor)))
        if (hs_stats_add(&gate->scratch, &step->merge.total) == 0) is_any = true;
    return is_any;
}

static bool add_record(struct hs_gate *gate, struct hs_view bytes)
{
    struct hs_run_record_reader reader;
    struct hs_stats             stats;
    struct hs_view              name;
    bool                        is_any = false;

    if (hs_run_record_open(&reader, bytes) <= 0) return false;
    hs_stats_init(&stats, &gate->progress->pool);
    while (hs_run_record_next(&reader, &name, &stats) == 1)
        if (hs_stats_add(&gate->scratch, &stats) == 0) is_any = true;
    hs_stats_fini(&stats);
    return is_any;
}

static bool add_records(struct hs_gate *gate, const struct hs_gate_job *job)
{
    const struct hs_gate_record *record;
    uint32_t                     cursor = 0;
    bool                         is_any = false;

    while ((record = hs_gate_next_record(gate->fsm, job, &cursor)) != NULL) {
        int64_t bytes = gate->out.blob_get(gate->out.self, &record->digest, gate->blob_memory,
                                           HS_LEDGER_BLOB_BYTES_MAX);

        if (bytes > 0 && add_record(gate, hs_view_of(gate->blob_memory, (size_t)bytes)))
            is_any = true;
    }
    return is_any;
}

void hs_gate_fill_totals(struct hs_gate *gate, const struct hs_gate_job *job,
                         struct hs_job_row *row)
{
    struct hs_stats *sum = &gate->scratch;
    bool             is_any;

    hs_stats_clear(sum);
    is_any = job->phase == HS_GATE_DONE ? add_records(gate, job) : add_progress(gate, job);
    if (is_any) {
        row->sent = sum->tallies[HS_TALLY_SENT];
        row->completed = hs_stats_completed(sum);
        row->failed = hs_stats_failed(sum);
        row->cut = sum->tallies[HS_TALLY_CUT];
        row->dropped = sum->tallies[HS_TALLY_DROPPED];
        row->shed = sum->tallies[HS_TALLY_SHED];
        row->lost = sum->tallies[HS_TALLY_LOST];
        row->discarded = sum->tallies[HS_TALLY_DISCARDED];
        row->bytes_in = sum->tallies[HS_TALLY_BYTES_IN];
        row->bytes_out = sum->tallies[HS_TALLY_BYTES_OUT];
        row->response_p50_ns = hs_stats_percentile_ns(sum, HS_MEASURE_RESPONSE, 0.5);
        row->response_p99_ns = hs_stats_percentile_ns(sum, HS_MEASURE_RESPONSE, 0.99);
        row->response_max_ns = hs_stats_percentile_ns(sum, HS_MEASURE_RESPONSE, 1.0);
    }
    hs_stats_clear(sum);
}
