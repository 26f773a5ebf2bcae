// SPDX-License-Identifier: Apache-2.0
/* gate_totals.c - the figures of a job put together: sums for the rows of status, and results of
 * what still runs. Of running jobs they come from what datacenters report, of finished ones from
 * their run records. */
#include "roles/gate/gate_inner.h"
#include "roles/stats/run_record.h"
#include "roles/stats/step_parts.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

/* ---- sums ---- */

static bool add_progress(struct hs_gate *gate, const struct hs_gate_job *job)
{
    const struct hs_progress_step *step;
    uint32_t                       cursor = 0;
    bool                           is_any = false;

    while ((step = hs_progress_next(gate->progress, hs_gate_job_idx(gate->fsm, job), &cursor)))
        if (hs_stats_add(&gate->scratch, &step->merge.total) == 0) is_any = true;
    return is_any;
}

static bool add_record(struct hs_gate *gate, struct hs_view bytes, uint32_t *retries)
{
    struct hs_run_record_reader reader;
    struct hs_stats             stats;
    struct hs_view              name;
    bool                        is_any = false;

    if (hs_run_record_open(&reader, bytes) <= 0) return false;
    *retries += reader.record.retry_count;
    hs_stats_init(&stats, &gate->progress->pool);
    while (hs_run_record_next(&reader, &name, &stats) == 1)
        if (hs_stats_add(&gate->scratch, &stats) == 0) is_any = true;
    hs_stats_fini(&stats);
    return is_any;
}

static bool add_records(struct hs_gate *gate, const struct hs_gate_job *job, uint32_t *retries)
{
    const struct hs_gate_record *record = hs_gate_first_record(gate->fsm, job);
    bool                         is_any = false;

    for (; record; record = hs_gate_next_record(gate->fsm, record)) {
        int64_t bytes = gate->out.blob_get(gate->out.self, &record->digest, gate->blob_memory,
                                           HS_LEDGER_BLOB_BYTES_MAX);

        if (bytes > 0 && add_record(gate, hs_view_of(gate->blob_memory, (size_t)bytes), retries))
            is_any = true;
    }
    return is_any;
}

static void put_counts(const struct hs_stats *sum, struct hs_job_row *row)
{
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

/* Leaves the counts alone where there is nothing to sum: the last that were known stay. */
static void fill_counts(struct hs_gate *gate, const struct hs_gate_job *job, struct hs_job_row *row)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    uint32_t                   retries = 0;
    bool                       is_done = job->phase == HS_GATE_DONE;
    bool                       is_any;

    hs_stats_clear(&gate->scratch);
    is_any = is_done ? add_records(gate, job, &retries) : add_progress(gate, job);
    if (is_any) put_counts(&gate->scratch, row);
    hs_stats_clear(&gate->scratch);
    row->cores = 0;
    for (uint16_t i = 0; i < job->workflow_count && !is_done; i++) {
        retries += soft->live_retries[i];
        row->cores += soft->live_cores[i];
    }
    row->retries = hs_max_u64(retries, row->retries) & UINT32_MAX; /* not all leave a record */
}

/* ---- rows for status ---- */

static void fill_datacenters(const struct hs_gate *gate, const struct hs_gate_job *job,
                             struct hs_job_row *row)
{
    size_t used_bytes = 0;

    row->silent_count = row->lost_count = 0;
    for (unsigned i = 0; i < job->slot_count; i++) {
        bool is_lost = job->slots[i].state == HS_GATE_SLOT_LOST;

        row->lost_count = (uint8_t)(row->lost_count + is_lost);
        row->silent_count = (uint8_t)(row->silent_count + hs_gate_is_suspected(gate, job, i));
    }
    for (unsigned i = 0; i < job->slot_count && used_bytes < sizeof row->datacenters; i++) {
        int written = snprintf(row->datacenters + used_bytes, sizeof row->datacenters - used_bytes,
                               "%s%s", i ? " " : "", job->slots[i].datacenter);

        used_bytes += written > 0 ? (size_t)written : 0;
    }
}

static void fill_times(const struct hs_gate *gate, const struct hs_gate_job *job,
                       const struct hs_gate_soft *soft, struct hs_job_row *row)
{
    row->submitted_at_ns = soft->created_at_ns;
    row->submitted_unix_ms = job->created_wall_ns / HS_NS_PER_MS;
    if (job->phase != HS_GATE_DONE)
        row->started_at_ns = soft->elapsed_ns ? gate->now_ns - soft->elapsed_ns : 0;
    row->updated_at_ns = gate->now_ns;
    row->duration_ns = soft->planned_ns;
    if (job->phase == HS_GATE_DONE)
        row->percent_x100 = 10000;
    else if (soft->planned_ns && soft->planned_ns != HS_NEVER_NS)
        row->percent_x100 =
            (uint16_t)hs_min_u64(10000, soft->elapsed_ns / (soft->planned_ns / 10000 + 1));
}

void hs_gate_show(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    struct hs_job_row   *row = &soft->row;
    uint64_t             was = soft->last_completed;
    uint64_t             span_ns = gate->now_ns - soft->last_row_ns;

    soft->is_row_dirty = false;
    fill_counts(gate, job, row);
    if (!soft->last_row_ns || job->phase == HS_GATE_DONE || row->completed < was)
        row->rate_milli_per_s = 0;
    else if (span_ns)
        row->rate_milli_per_s = (row->completed - was) * (1000 * HS_NS_PER_MS) / span_ns * 1000;
    soft->last_completed = row->completed;
    soft->last_row_ns = gate->now_ns;
    memcpy(row->id, job->id, sizeof row->id);
    memcpy(row->name, job->name, sizeof row->name);
    memcpy(row->reason, job->reason, sizeof row->reason);
    fill_datacenters(gate, job, row);
    fill_times(gate, job, soft, row);
    row->state = hs_gate_display(job);
    row->workflow_count = job->workflow_count;
    for (uint16_t i = 0; i < job->workflow_count; i++)
        row->workflow_states[i] =
            job->workflow_reports[i] ? job->workflow_states[i] : soft->live_states[i];
    gate->out.show_job(gate->out.self, hs_gate_job_idx(gate->fsm, job), row);
}

/* ---- results of a job that still runs ---- */

static bool put_kept(struct hs_gate *gate, const struct hs_gate_record *record,
                     struct hs_writer *out)
{
    int64_t bytes = gate->out.blob_get(gate->out.self, &record->digest, gate->blob_memory,
                                       HS_LEDGER_BLOB_BYTES_MAX);

    if (bytes <= 0) return true;
    hs_put_bytes(out, gate->blob_memory, (size_t)bytes);
    return !out->failed;
}

/* Of whom: all datacenters together, or one that is lost. */
enum { ALL_SLOTS = -1 };
struct part {
    const struct hs_gate_job *job;
    int                       slot;
};

/* Nobody will hear what became of the requests that were in flight there. */
static void cut_open(struct hs_stats *stats)
{
    uint64_t over =
        hs_stats_completed(stats) + hs_stats_failed(stats) + stats->tallies[HS_TALLY_CUT];

    if (stats->tallies[HS_TALLY_SENT] > over)
        stats->tallies[HS_TALLY_CUT] += stats->tallies[HS_TALLY_SENT] - over;
}

static void add_figures(struct hs_gate *gate, const struct part *part,
                        const struct hs_progress_step *step)
{
    const struct hs_stats *stats =
        part->slot == ALL_SLOTS ? &step->merge.total : hs_progress_of(step, (uint32_t)part->slot);

    if (stats) HS_IGNORE(hs_stats_add(&gate->scratch, stats), "the record says that it is partial");
    if (part->slot != ALL_SLOTS) cut_open(&gate->scratch);
}

static void put_steps(struct hs_gate *gate, const struct part *part,
                      const struct hs_plan_workflow *workflow, struct hs_run_record *record,
                      struct hs_writer *out)
{
    uint32_t                    first = record->workflow_idx << HS_STEP_PARTS_WORKFLOW_SHIFT;
    struct hs_run_record_writer writer;

    record->step_count = workflow->steps.count;
    hs_run_record_begin(&writer, record, out);
    for (uint32_t i = 0; i < workflow->steps.count; i++) {
        const struct hs_progress_step *step =
            hs_progress_find(gate->progress, hs_gate_job_idx(gate->fsm, part->job), first + i);

        if (step) add_figures(gate, part, step);
        hs_run_record_put_step(&writer, hs_view_text(hs_plan_step_label(&workflow->steps.at[i])),
                               &gate->scratch);
        hs_stats_clear(&gate->scratch);
    }
    HS_IGNORE(hs_run_record_end(&writer), "the writer says it too");
}

/* Too large step by step: the sum of all. */
static void put_sum(struct hs_gate *gate, const struct part *part, struct hs_run_record *record,
                    struct hs_writer *out)
{
    struct hs_run_record_writer    writer;
    const struct hs_progress_step *step;
    uint32_t                       cursor = 0;

    while (
        (step = hs_progress_next(gate->progress, hs_gate_job_idx(gate->fsm, part->job), &cursor)))
        if (step->step >> HS_STEP_PARTS_WORKFLOW_SHIFT == record->workflow_idx)
            add_figures(gate, part, step);
    record->step_count = 1;
    record->flags |= HS_RUN_RECORD_ONE_STEP;
    hs_run_record_begin(&writer, record, out);
    hs_run_record_put_step(&writer, hs_view_text("all steps"), &gate->scratch);
    HS_IGNORE(hs_run_record_end(&writer), "the writer says it too");
    hs_stats_clear(&gate->scratch);
}

/* record: the rest of it. false: no room. */
static bool put_part(struct hs_gate *gate, const struct part *part,
                     const struct hs_plan_workflow *workflow, struct hs_run_record *record,
                     struct hs_writer *out)
{
    size_t begin_bytes = out->used_bytes;

    record->warmup_ns = workflow->warmup_ns;
    record->duration_ns = record->elapsed_ns - hs_min_u64(workflow->warmup_ns, record->elapsed_ns);
    if (workflow->load.kind == HS_PLAN_LOAD_OPEN) record->flags |= HS_RUN_RECORD_OPEN_MODEL;
    (void)snprintf(record->workflow, sizeof record->workflow, "%s", workflow->name);
    put_steps(gate, part, workflow, record, out);
    if (!out->failed) return true;
    out->used_bytes = begin_bytes;
    out->failed = false;
    put_sum(gate, part, record, out);
    return !out->failed;
}

static bool put_running(struct hs_gate *gate, const struct hs_gate_job *job,
                        const struct hs_plan *plan, uint16_t idx, struct hs_writer *out)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    const struct part          part = {.job = job, .slot = ALL_SLOTS};
    struct hs_run_record       record = {.workflow_idx = idx,
                                         .state = soft->live_states[idx],
                                         .flags = HS_RUN_RECORD_PARTIAL,
                                         .elapsed_ns = soft->elapsed_ns};

    return put_part(gate, &part, &plan->workflows.at[idx], &record, out);
}

struct hs_view hs_gate_partial_results(struct hs_gate *gate, const struct hs_gate_job *job)
{
    const struct hs_plan        *plan = hs_gate_plan_of(gate, job);
    const struct hs_gate_record *record = hs_gate_first_record(gate->fsm, job);
    const struct hs_gate_soft   *soft = hs_gate_soft_of(gate, job);
    struct hs_writer             out;
    size_t                       whole_bytes = 0;

    hs_writer_init(&out, gate->stats_memory, HS_WIRE_PART_BYTES_MAX);
    hs_stats_clear(&gate->scratch);
    for (uint16_t i = 0; plan && i < job->workflow_count && i < plan->workflows.count; i++) {
        bool fits = true;

        for (; record && record->workflow == i; record = hs_gate_next_record(gate->fsm, record))
            fits = fits && put_kept(gate, record, &out);
        if (!job->workflow_reports[i] && soft->live_states[i] >= HS_WORKFLOW_RUNNING)
            fits = put_running(gate, job, plan, i, &out);
        if (!fits) break;
        whole_bytes = out.used_bytes;
    }
    return hs_view_of(gate->stats_memory, whole_bytes);
}

/* ---- what is left of a datacenter ---- */

struct hs_view hs_gate_lost_results(struct hs_gate *gate, const struct hs_gate_job *job,
                                    unsigned slot, uint16_t workflow, const struct hs_plan *plan)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    const struct part          part = {.job = job, .slot = (int)slot};
    struct hs_run_record       record = {.workflow_idx = workflow,
                                         .state = HS_WORKFLOW_FAILED,
                                         .flags = HS_RUN_RECORD_LOST,
                                         .elapsed_ns = soft->slots[slot].elapsed_ns};
    struct hs_writer           out;

    hs_writer_init(&out, gate->blob_memory, HS_LEDGER_BLOB_BYTES_MAX);
    hs_stats_clear(&gate->scratch);
    (void)snprintf(record.text, sizeof record.text, "datacenter %s was lost",
                   job->slots[slot].datacenter);
    if (plan && workflow < plan->workflows.count) {
        if (!put_part(gate, &part, &plan->workflows.at[workflow], &record, &out))
            return (struct hs_view){0};
    } else { /* its steps cannot be named */
        (void)snprintf(record.workflow, sizeof record.workflow, "%s",
                       soft->workflow_names[workflow]);
        put_sum(gate, &part, &record, &out);
    }
    return hs_view_of(out.data, out.failed ? 0 : out.used_bytes);
}
