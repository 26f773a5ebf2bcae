// SPDX-License-Identifier: Apache-2.0
/* gate.c - what the ledger answers, what time brings, and what subscribers and operators get to see. */
#include "roles/gate/gate.h"

#include "roles/counters.h"
#include "roles/gate/gate_totals.h"
#include "roles/result_code.h"
#include "roles/stats/step_parts.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

#define ROW_INTERVAL_NS  HS_NS_PER_S
#define PROPOSE_AGAIN_NS (100 * HS_NS_PER_MS)

/* ---- small things ---- */

struct hs_gate_soft *hs_gate_soft_of(struct hs_gate *gate, const struct hs_gate_job *job)
{
    return &gate->soft[hs_gate_job_idx(gate->fsm, job)];
}

int hs_gate_propose(struct hs_gate *gate, const struct hs_gate_entry *entry, uint64_t token)
{
    uint8_t          memory[HS_LEDGER_ENTRY_BYTES_MAX];
    struct hs_writer writer;
    int              rc;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_gate_entry_put(&writer, entry);
    rc = hs_writer_finish(&writer);
    if (!rc) rc = gate->out.propose(gate->out.self, hs_view_of(memory, writer.used_bytes), token);
    if (rc) gate->out.count(gate->out.self, HS_COUNT_ledger_busy);
    return rc;
}

struct hs_gate_pending *hs_gate_take_pending(struct hs_gate *gate, enum hs_gate_pending_kind kind)
{
    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++) {
        struct hs_gate_pending *pending = &gate->pending[i];

        if (pending->kind != HS_GATE_PENDING_NONE) continue;
        *pending = (struct hs_gate_pending){.kind = kind, .token = ++gate->next_token};
        return pending;
    }
    return NULL;
}

void hs_gate_learn_plan(struct hs_gate *gate, struct hs_gate_job *job, const struct hs_plan *plan)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    soft->is_planned = true;
    soft->planned_ns = 0;
    soft->deadline_ns =
        job->timeout_ns > HS_NEVER_NS - gate->now_ns ? HS_NEVER_NS : gate->now_ns + job->timeout_ns;
    for (uint32_t i = 0; i < plan->workflows.count && i < job->workflow_count; i++) {
        const struct hs_plan_workflow *workflow = &plan->workflows.at[i];
        uint64_t                       duration_ns = hs_plan_workflow_duration_ns(plan, workflow);
        uint64_t                       drain_ns = hs_plan_drain_ns(plan, workflow);

        (void)snprintf(soft->workflow_names[i], HS_NAME_BYTES, "%s", workflow->name);
        if (duration_ns == HS_NEVER_NS)
            soft->planned_ns = HS_NEVER_NS;
        else if (soft->planned_ns != HS_NEVER_NS)
            soft->planned_ns =
                hs_max_u64(soft->planned_ns, duration_ns - hs_min_u64(drain_ns, duration_ns));
    }
}

/* ---- rows for status ---- */

void hs_gate_show(struct hs_gate *gate, struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    struct hs_job_row   *row = &soft->row;
    uint64_t             was = soft->last_completed;
    uint64_t             span_ns = gate->now_ns - soft->last_row_ns;

    soft->is_row_dirty = false;
    hs_gate_fill_totals(gate, job, row);
    row->rate_milli_per_s = soft->last_row_ns && span_ns && row->completed >= was
                                ? (row->completed - was) * (1000 * HS_NS_PER_MS) / span_ns * 1000
                                : 0;
    soft->last_completed = row->completed;
    soft->last_row_ns = gate->now_ns;
    memcpy(row->id, job->id, sizeof row->id);
    memcpy(row->name, job->name, sizeof row->name);
    memcpy(row->reason, job->reason, sizeof row->reason);
    (void)snprintf(row->datacenters, sizeof row->datacenters, "%s", job->slots[0].datacenter);
    row->submitted_at_ns = soft->created_at_ns;
    row->started_at_ns = soft->elapsed_ns ? gate->now_ns - soft->elapsed_ns : 0;
    if (job->phase == HS_GATE_DONE && !row->ended_at_ns) row->ended_at_ns = gate->now_ns;
    row->updated_at_ns = gate->now_ns;
    row->duration_ns = soft->planned_ns;
    row->state = hs_gate_display(job);
    row->workflow_count = job->workflow_count;
    if (job->phase == HS_GATE_DONE)
        row->percent_x100 = 10000;
    else if (soft->planned_ns && soft->planned_ns != HS_NEVER_NS)
        row->percent_x100 =
            (uint16_t)hs_min_u64(10000, soft->elapsed_ns / (soft->planned_ns / 10000 + 1));
    for (uint16_t i = 0; i < job->workflow_count; i++)
        row->workflow_states[i] =
            job->workflow_reports[i] ? job->workflow_states[i] : soft->live_states[i];
    gate->out.show_job(gate->out.self, hs_gate_job_idx(gate->fsm, job), row);
}

/* ---- subscribers ---- */

static void push_event(struct hs_gate *gate, struct hs_gate_subscription *subscription,
                       const struct hs_gate_job *job)
{
    const struct hs_gate_soft  *soft = hs_gate_soft_of(gate, job);
    const struct hs_gate_event *event = &job->events[subscription->sent_events];
    struct hs_msg_event         message = {.event_no = subscription->sent_events + 1,
                                           .kind = event->kind,
                                           .status = event->status,
                                           .workflow = event->workflow,
                                           .elapsed_ns = soft->elapsed_ns};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    if (event->kind == HS_EVENT_WORKFLOW)
        (void)snprintf(message.text, sizeof message.text, "%s",
                       soft->workflow_names[event->workflow]);
    else if (event->kind != HS_EVENT_ACCEPTED && event->kind != HS_EVENT_RUNNING)
        (void)snprintf(message.text, sizeof message.text, "%s", job->reason);
    subscription->sent_events++;
    hs_gate_reply(gate, subscription->client, HS_MSG_EVENT, &message, 0);
}

static void push_frame(struct hs_gate *gate, struct hs_gate_subscription *subscription,
                       const struct hs_gate_job *job, struct hs_writer *payload, uint16_t part)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    struct hs_msg_stats        message = {.snap_no = subscription->snap_no,
                                          .elapsed_ns = soft->elapsed_ns,
                                          .status = (uint8_t)hs_gate_display(job),
                                          .phase = soft->phase,
                                          .part = part,
                                          .planned_ns = soft->planned_ns};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    message.payload = hs_view_of(payload->data, payload->used_bytes);
    payload->used_bytes = 0;
    HS_IGNORE(gate->out.push_latest(gate->out.self, subscription->client, HS_MSG_STATS, &message),
              "the next one says more");
}

/* Whole figures of every step, in as many frames as they need; each can be taken as it comes. */
static void push_stats(struct hs_gate *gate, struct hs_gate_subscription *subscription,
                       const struct hs_gate_job *job)
{
    const struct hs_progress_step *step;
    struct hs_writer               payload;
    uint32_t                       cursor = 0;
    uint16_t                       part = 0;
    uint64_t                       sequence;

    subscription->next_stats_ns = gate->now_ns + subscription->interval_ns;
    if (gate->out.is_behind(gate->out.self, subscription->client)) return;
    subscription->snap_no++;
    sequence = (uint64_t)subscription->snap_no << 16;
    hs_writer_init(&payload, gate->stats_memory, HS_WIRE_PART_BYTES_MAX);
    while ((step = hs_progress_next(gate->progress, hs_gate_job_idx(gate->fsm, job), &cursor))) {
        struct hs_stats_encoder encoder;

        hs_stats_encoder_init(&encoder, &step->merge.total, NULL);
        while (hs_step_parts_put(&payload, step->step, &encoder, &sequence) == 1)
            push_frame(gate, subscription, job, &payload, part++);
    }
    push_frame(gate, subscription, job, &payload, part);
}

static uint64_t serve_subscription(struct hs_gate *gate, struct hs_gate_subscription *subscription)
{
    const struct hs_gate_job *job = &gate->fsm->jobs[subscription->job_idx];

    if (job->phase == HS_GATE_FREE || job->birth_fence != subscription->birth_fence) {
        subscription->is_used = false;
        return HS_NEVER_NS;
    }
    if (subscription->wants_stats && job->phase != HS_GATE_DONE &&
        gate->now_ns >= subscription->next_stats_ns)
        push_stats(gate, subscription, job);
    while (subscription->is_used && subscription->sent_events < job->event_count)
        push_event(gate, subscription, job);
    return subscription->wants_stats && job->phase != HS_GATE_DONE ? subscription->next_stats_ns
                                                                   : HS_NEVER_NS;
}

/* ---- the ledger ---- */

static void end_of(struct hs_gate *gate, struct hs_gate_job *job)
{
    static const unsigned counts[HS_JOB_STATE_COUNT] = {
        [HS_JOB_COMPLETED] = HS_COUNT_jobs_completed,
        [HS_JOB_PARTIAL] = HS_COUNT_jobs_partial,
        [HS_JOB_FAILED] = HS_COUNT_jobs_failed,
        [HS_JOB_CANCELLED] = HS_COUNT_jobs_cancelled,
        [HS_JOB_TIMEOUT] = HS_COUNT_jobs_timed_out};
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    gate->out.count(gate->out.self, counts[job->final]);
    hs_progress_drop(gate->progress, hs_gate_job_idx(gate->fsm, job));
    for (unsigned i = 0; i < job->slot_count; i++) soft->links[i].retry_at_ns = 0;
    soft->row.ended_at_ns = gate->now_ns;
}

static void note_endings(struct hs_gate *gate)
{
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        struct hs_gate_job *job = &gate->fsm->jobs[i];

        if (job->phase != HS_GATE_DONE || gate->soft[i].row.ended_at_ns) continue;
        end_of(gate, job);
        hs_gate_show(gate, job);
    }
}

static void note_timeouts(struct hs_gate *gate)
{
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        struct hs_gate_soft *soft = &gate->soft[i];
        unsigned             phase = gate->fsm->jobs[i].phase;

        if ((phase == HS_GATE_TIMING_OUT || phase == HS_GATE_CANCELLING) && !soft->grace_at_ns)
            soft->grace_at_ns = gate->now_ns + gate->limits.cancel_timeout_ns;
    }
}

static void settle_pending(struct hs_gate *gate, const struct hs_ledger_answer *answer)
{
    uint32_t code =
        answer->kind == HS_LEDGER_APPLIED ? answer->result : (uint32_t)HS_RESULT_INTERNAL;

    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++) {
        struct hs_gate_pending *pending = &gate->pending[i];

        if (pending->kind == HS_GATE_PENDING_NONE || pending->token != answer->token) continue;
        if (pending->kind == HS_GATE_PENDING_SUBMIT)
            hs_gate_submit_applied(gate, pending, code);
        else
            hs_gate_cancel_applied(gate, pending, code);
        pending->kind = HS_GATE_PENDING_NONE;
        return;
    }
    if (gate->fetch.is_busy && gate->fetch.is_proposed && gate->fetch.token == answer->token)
        hs_gate_results_applied(gate, code);
}

static void settle_slot(struct hs_gate *gate, uint64_t token)
{
    uint32_t             job_idx = (uint32_t)(token & ~HS_GATE_SLOT_TOKEN) >> 8;
    struct hs_gate_link *link = &gate->soft[job_idx].links[token & 0xff];

    link->is_proposed = false;
    link->retry_at_ns = 0;
    gate->soft[job_idx].is_row_dirty = true;
}

static void lead(struct hs_gate *gate)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_LEADER};

    gate->is_leading = hs_gate_propose(gate, &entry, 0) == 0;
}

void hs_gate_ledger_answer(struct hs_gate *gate, const struct hs_ledger_answer *answer)
{
    switch (answer->kind) {
    case HS_LEDGER_LEADING: lead(gate); break;
    case HS_LEDGER_DEPOSED:
    case HS_LEDGER_FAILED: gate->is_leading = false; break;
    case HS_LEDGER_APPLIED:
    case HS_LEDGER_UNKNOWN:
        if (answer->token & HS_GATE_SLOT_TOKEN)
            settle_slot(gate, answer->token);
        else if (answer->token)
            settle_pending(gate, answer);
        note_timeouts(gate);
        note_endings(gate);
        break;
    case HS_LEDGER_BLOB_STORED:
    case HS_LEDGER_BARRIER:
    case HS_LEDGER_NOT_LEADER: break;
    }
}

/* Monotonic time does not survive the process: a job that was running has its whole time again. */
void hs_gate_recovered(struct hs_gate *gate)
{
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        struct hs_gate_job *job = &gate->fsm->jobs[i];
        struct hs_problems  problems;
        int64_t             bytes;

        if (job->phase == HS_GATE_FREE) continue;
        gate->soft[i].created_at_ns = gate->now_ns;
        gate->soft[i].deadline_ns = HS_NEVER_NS;
        bytes = gate->out.blob_get(gate->out.self, &job->digest, gate->blob_memory,
                                   HS_LEDGER_BLOB_BYTES_MAX);
        if (bytes > 0) {
            static const struct hs_plan_environment none = {0};
            const struct hs_plan                   *plan;

            gate->arena.used_bytes = 0;
            hs_problems_init(&problems);
            plan = hs_plan_read(hs_view_of(gate->blob_memory, (size_t)bytes), &none, &gate->arena,
                                &problems);
            if (plan) hs_gate_learn_plan(gate, job, plan);
        }
        if (job->phase == HS_GATE_DONE) gate->soft[i].row.ended_at_ns = gate->now_ns;
        hs_gate_show(gate, job);
    }
    note_timeouts(gate);
}

/* ---- time ---- */

static void propose_deadline(struct hs_gate *gate, const struct hs_gate_job *job,
                             enum hs_gate_deadline kind)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_DEADLINE};

    memcpy(entry.as.deadline.job_id, job->id, HS_JOB_ID_BYTES);
    entry.as.deadline.kind = (uint8_t)kind;
    HS_IGNORE(hs_gate_propose(gate, &entry, 0), "proposed again in a moment");
}

static uint64_t check_deadlines(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    if (job->phase == HS_GATE_DONE) return HS_NEVER_NS;
    if (job->phase == HS_GATE_ACTIVE) {
        if (gate->now_ns < soft->deadline_ns) return soft->deadline_ns;
        propose_deadline(gate, job, HS_GATE_DEADLINE_TIMEOUT);
        soft->deadline_ns = gate->now_ns + PROPOSE_AGAIN_NS;
        return soft->deadline_ns;
    }
    if (gate->now_ns < soft->grace_at_ns) return soft->grace_at_ns;
    propose_deadline(gate, job, HS_GATE_DEADLINE_GRACE);
    soft->grace_at_ns = gate->now_ns + PROPOSE_AGAIN_NS;
    return soft->grace_at_ns;
}

/* The finished job that ended first. */
static const struct hs_gate_job *oldest_done(const struct hs_gate *gate, uint32_t *done_count)
{
    const struct hs_gate_job *oldest = NULL;

    *done_count = 0;
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        const struct hs_gate_job *job = &gate->fsm->jobs[i];

        if (job->phase != HS_GATE_DONE) continue;
        (*done_count)++;
        if (!oldest || job->done_seq < oldest->done_seq) oldest = job;
    }
    return oldest;
}

/* Makes room: too many finished ones, or too old, or records that new jobs need. One at a time. */
static void expire(struct hs_gate *gate)
{
    uint32_t                  done_count;
    const struct hs_gate_job *job = oldest_done(gate, &done_count);
    struct hs_gate_entry      entry = {.kind = HS_GATE_EXPIRE};
    uint64_t                  age_ns;
    uint32_t                  idx;

    if (!job || gate->now_ns < gate->expire_at_ns) return;
    idx = hs_gate_job_idx(gate->fsm, job);
    age_ns = gate->now_ns - gate->soft[idx].row.ended_at_ns;
    if (done_count <= gate->limits.finished_jobs_max && age_ns < gate->limits.retention_ns &&
        gate->fsm->reserved_records < HS_GATE_RECORDS_MAX / 4 * 3)
        return;
    entry.as.expire.count = 1;
    memcpy(entry.as.expire.job_ids[0], job->id, HS_JOB_ID_BYTES);
    if (hs_gate_propose(gate, &entry, 0)) return;
    gate->expire_at_ns = gate->now_ns + PROPOSE_AGAIN_NS;
    gate->out.count(gate->out.self, HS_COUNT_jobs_forgotten);
    gate->out.show_job(gate->out.self, idx, NULL);
}

static uint64_t turn_jobs(struct hs_gate *gate)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        struct hs_gate_job  *job = &gate->fsm->jobs[i];
        struct hs_gate_soft *soft = &gate->soft[i];

        if (job->phase == HS_GATE_FREE) continue;
        next_ns = hs_min_u64(next_ns, hs_gate_turn_job(gate, job));
        next_ns = hs_min_u64(next_ns, check_deadlines(gate, job));
        if (!soft->is_row_dirty) continue;
        if (gate->now_ns - soft->last_row_ns >= ROW_INTERVAL_NS)
            hs_gate_show(gate, job);
        else
            next_ns = hs_min_u64(next_ns, soft->last_row_ns + ROW_INTERVAL_NS);
    }
    return next_ns;
}

uint64_t hs_gate_turn(struct hs_gate *gate, uint64_t now_ns)
{
    uint64_t next_ns;

    gate->now_ns = now_ns;
    hs_gate_turn_fetch(gate);
    next_ns = turn_jobs(gate);
    if (gate->is_leading) expire(gate);
    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++)
        if (gate->subscriptions[i].is_used)
            next_ns = hs_min_u64(next_ns, serve_subscription(gate, &gate->subscriptions[i]));
    if (gate->fetch.is_busy) next_ns = hs_min_u64(next_ns, gate->fetch.asked_at_ns + HS_NS_PER_S);
    return next_ns;
}

void hs_gate_stop(struct hs_gate *gate)
{
    gate->is_draining = true;
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        const struct hs_gate_job *job = &gate->fsm->jobs[i];
        struct hs_gate_entry      entry = {.kind = HS_GATE_CANCEL};

        if (job->phase != HS_GATE_ACTIVE) continue;
        memcpy(entry.as.cancel.job_id, job->id, HS_JOB_ID_BYTES);
        memcpy(entry.as.cancel.request_id, job->id, sizeof entry.as.cancel.request_id);
        entry.as.cancel.workflow = HS_WORKFLOW_ALL;
        entry.as.cancel.cascade = 1;
        (void)snprintf(entry.as.cancel.reason, sizeof entry.as.cancel.reason,
                       "the daemon was stopped");
        if (hs_gate_propose(gate, &entry, 0)) break; /* the next turn of the stop goes on */
    }
}
