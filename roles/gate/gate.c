// SPDX-License-Identifier: Apache-2.0
/* gate.c - what the ledger answers, and what time brings. */
#include "roles/gate/gate.h"

#include "roles/counters.h"
#include "roles/exec_state.h"
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"
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

void hs_gate_add_waiter(struct hs_gate *gate, struct hs_gate_pending *pending, unsigned client,
                        uint64_t request_id)
{
    HS_ASSERT(pending->waiter_count < HS_GATE_WAITERS_MAX);
    pending->waiters[pending->waiter_count++] =
        (struct hs_gate_waiter){.client = client, .request_id = request_id, .slot = gate->slot};
    gate->slot = 0;
}

void hs_gate_end_waiter(struct hs_gate *gate, struct hs_gate_waiter *waiter)
{
    hs_admission_give(gate->admission, &waiter->slot);
}

static void learn_plan(struct hs_gate_soft *soft, const struct hs_gate_job *job,
                       const struct hs_plan *plan)
{
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

/* Monotonic time does not survive the process. A job that is found again has its whole time, until
 * a datacenter tells how much of it has gone (on_progress). */
void hs_gate_begin_job(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_gate_soft  *soft = hs_gate_soft_of(gate, job);
    const struct hs_plan *plan = hs_gate_plan_of(gate, job);

    memset(soft, 0, sizeof *soft);
    soft->created_at_ns = gate->now_ns;
    soft->deadline_ns =
        job->timeout_ns > HS_NEVER_NS - gate->now_ns ? HS_NEVER_NS : gate->now_ns + job->timeout_ns;
    if (gate->is_stopping) soft->deadline_ns = 0;
    soft->elapsed_ns = job->elapsed_ns;
    if (plan) learn_plan(soft, job, plan);
}

/* ---- the ledger ---- */

void hs_gate_note_job(struct hs_gate *gate, enum hs_notice_kind kind,
                      const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t number, const char *text)
{
    struct hs_event_record record;
    char                   id[2 * HS_JOB_ID_BYTES + 1];

    hs_notice_fill(&record, kind, hs_hex_format(job_id, HS_JOB_ID_BYTES, id), number, "%s", text);
    gate->out.note_event(gate->out.self, &record);
}

static void note_end(struct hs_gate *gate, const struct hs_gate_job *job)
{
    char text[HS_EVENT_TEXT_BYTES];

    (void)snprintf(text, sizeof text, "%s%s%s", hs_job_state_name(job->final),
                   job->reason[0] ? ": " : "", job->reason);
    hs_gate_note_job(gate, HS_NOTICE_JOB_ENDED, job->id, 0, text);
}

static void end_of(struct hs_gate *gate, struct hs_gate_job *job)
{
    static const unsigned counts[HS_JOB_STATE_COUNT] = {
        [HS_JOB_COMPLETED] = HS_COUNT_jobs_completed,
        [HS_JOB_PARTIAL] = HS_COUNT_jobs_partial,
        [HS_JOB_FAILED] = HS_COUNT_jobs_failed,
        [HS_JOB_CANCELLED] = HS_COUNT_jobs_cancelled,
        [HS_JOB_TIMEOUT] = HS_COUNT_jobs_timed_out};
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    soft->is_end_noted = true;
    soft->row.ended_at_ns = gate->now_ns;
    soft->elapsed_ns = hs_max_u64(soft->elapsed_ns, job->elapsed_ns);
    gate->out.count(gate->out.self, counts[job->final]);
    note_end(gate, job);
    hs_progress_drop(gate->progress, hs_gate_job_idx(gate->fsm, job));
    hs_gate_end_silence(gate, hs_gate_job_idx(gate->fsm, job));
    for (unsigned i = 0; i < job->slot_count; i++) {
        soft->slots[i].retry_at_ns = 0;
        if (job->slots[i].state != HS_GATE_SLOT_ENDED) soft->slots[i].is_told = false;
    }
    hs_gate_show(gate, job);
}

/* Whatever an entry has brought about: ends, and times that begin to run. */
static void note_changes(struct hs_gate *gate)
{
    for (uint32_t i = 0; i < gate->fsm->job_high; i++) {
        struct hs_gate_job  *job = &gate->fsm->jobs[i];
        struct hs_gate_soft *soft = &gate->soft[i];

        if (job->phase == HS_GATE_FREE) continue;
        hs_gate_note_slots(gate, job);
        if (job->phase == HS_GATE_DONE && !soft->is_end_noted) end_of(gate, job);
        if ((job->phase == HS_GATE_TIMING_OUT || job->phase == HS_GATE_CANCELLING) &&
            !soft->grace_at_ns)
            soft->grace_at_ns = gate->now_ns + gate->limits.cancel_timeout_ns;
    }
}

static void settle_pending(struct hs_gate *gate, const struct hs_ledger_answer *answer,
                           uint32_t code)
{
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
}

static void settle_slot(struct hs_gate *gate, uint64_t token)
{
    uint32_t                  job_idx = (uint32_t)(token & ~HS_GATE_SLOT_TOKEN) >> 8;
    struct hs_gate_slot_soft *slot = &gate->soft[job_idx].slots[token & 0xff];

    slot->is_proposed = false;
    slot->retry_at_ns = 0;
    gate->soft[job_idx].is_row_dirty = true;
}

static void settle_expire(struct hs_gate *gate)
{
    gate->expire_token = 0;
    if (gate->fsm->jobs[gate->expire_idx].phase != HS_GATE_FREE) return;
    gate->out.count(gate->out.self, HS_COUNT_jobs_forgotten);
    gate->out.show_job(gate->out.self, gate->expire_idx, NULL);
    memset(&gate->soft[gate->expire_idx], 0, sizeof gate->soft[0]);
}

static void settle(struct hs_gate *gate, const struct hs_ledger_answer *answer)
{
    uint32_t code =
        answer->kind == HS_LEDGER_APPLIED ? answer->result : (uint32_t)HS_RESULT_INTERNAL;

    if (answer->token & HS_GATE_SLOT_TOKEN)
        settle_slot(gate, answer->token);
    else if (answer->token && answer->token == gate->expire_token)
        settle_expire(gate);
    else if (answer->token && answer->token == gate->lead_token)
        gate->lead_token = 0;
    else if (answer->token && !hs_gate_results_applied(gate, answer->token, code))
        settle_pending(gate, answer, code);
    note_changes(gate);
}

static void lead(struct hs_gate *gate)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_LEADER};

    gate->wants_lead = hs_gate_propose(gate, &entry, gate->next_token + 1) != 0;
    if (gate->wants_lead) return;
    gate->lead_token = ++gate->next_token;
    gate->is_leading = true; /* what is proposed from now on comes after it */
}

void hs_gate_ledger_answer(struct hs_gate *gate, const struct hs_ledger_answer *answer)
{
    gate->due_ns = 0;
    switch (answer->kind) {
    case HS_LEDGER_LEADING: lead(gate); break;
    case HS_LEDGER_DEPOSED:
    case HS_LEDGER_FAILED: gate->is_leading = gate->wants_lead = false; break;
    case HS_LEDGER_APPLIED:
    case HS_LEDGER_UNKNOWN:
    case HS_LEDGER_NOT_LEADER: settle(gate, answer); break;
    case HS_LEDGER_BLOB_STORED:
    case HS_LEDGER_BARRIER: break;
    }
}

void hs_gate_recovered(struct hs_gate *gate)
{
    gate->due_ns = 0;
    hs_gate_begin_silence(gate);
    for (uint32_t i = 0; i < gate->fsm->job_high; i++) {
        struct hs_gate_job *job = &gate->fsm->jobs[i];

        if (job->phase == HS_GATE_FREE) continue;
        hs_gate_begin_job(gate, job);
        gate->soft[i].is_row_dirty = true; /* shown by and by: the ends are in records to be read */
        if (job->phase != HS_GATE_DONE) continue;
        gate->soft[i].is_end_noted = true;
        gate->soft[i].row.ended_at_ns = gate->now_ns;
    }
    note_changes(gate);
}

bool hs_gate_adopt_row(struct hs_gate *gate, const struct hs_job_row *row)
{
    const struct hs_gate_job *job = hs_gate_find_job(gate->fsm, row->id);
    struct hs_gate_soft      *soft;
    uint64_t                  ended_at_ns;

    if (!job) return false;
    soft = hs_gate_soft_of(gate, job);
    ended_at_ns = soft->row.ended_at_ns;
    soft->row = *row;
    if (!row->ended_at_ns) soft->row.ended_at_ns = ended_at_ns;
    soft->last_completed = row->completed;
    soft->created_at_ns = hs_min_u64(row->submitted_at_ns, gate->now_ns);
    if (row->started_at_ns && row->updated_at_ns > row->started_at_ns)
        soft->elapsed_ns = hs_max_u64(soft->elapsed_ns, row->updated_at_ns - row->started_at_ns);
    if (!gate->is_stopping && job->timeout_ns < HS_NEVER_NS - soft->created_at_ns)
        soft->deadline_ns = soft->created_at_ns + job->timeout_ns;
    return true;
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

static void propose_stop(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_CANCEL};

    memcpy(entry.as.cancel.job_id, job->id, HS_JOB_ID_BYTES);
    memcpy(entry.as.cancel.request_id, job->id, sizeof entry.as.cancel.request_id);
    entry.as.cancel.workflow = HS_WORKFLOW_ALL;
    entry.as.cancel.cascade = 1;
    (void)snprintf(entry.as.cancel.reason, sizeof entry.as.cancel.reason, "the daemon was stopped");
    HS_IGNORE(hs_gate_propose(gate, &entry, 0), "proposed again in a moment");
}

static uint64_t check_deadlines(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    uint64_t *due_ns = job->phase == HS_GATE_ACTIVE ? &soft->deadline_ns : &soft->grace_at_ns;

    if (job->phase == HS_GATE_DONE || !gate->is_leading) return HS_NEVER_NS;
    if (gate->now_ns < *due_ns) return *due_ns;
    if (job->phase != HS_GATE_ACTIVE)
        propose_deadline(gate, job, HS_GATE_DEADLINE_GRACE);
    else if (gate->is_stopping)
        propose_stop(gate, job);
    else
        propose_deadline(gate, job, HS_GATE_DEADLINE_TIMEOUT);
    *due_ns = gate->now_ns + PROPOSE_AGAIN_NS;
    return *due_ns;
}

static bool is_released(const struct hs_gate *gate, const struct hs_gate_job *job)
{
    const struct hs_gate_soft *soft = &gate->soft[hs_gate_job_idx(gate->fsm, job)];

    for (unsigned i = 0; i < job->slot_count; i++)
        if (!soft->slots[i].is_released) return false;
    return true;
}

/* The finished job that ended first, of those that their datacenters have forgotten or that are old
 * enough. */
static const struct hs_gate_job *oldest_done(const struct hs_gate *gate, uint32_t *done_count)
{
    const struct hs_gate_job *oldest = NULL;

    *done_count = 0;
    for (uint32_t i = 0; i < gate->fsm->job_high; i++) {
        const struct hs_gate_job *job = &gate->fsm->jobs[i];
        uint64_t                  age_ns = gate->now_ns - gate->soft[i].row.ended_at_ns;

        if (job->phase != HS_GATE_DONE) continue;
        (*done_count)++;
        if (oldest && job->done_seq > oldest->done_seq) continue;
        if (is_released(gate, job) || age_ns >= gate->limits.retention_ns) oldest = job;
    }
    return oldest;
}

/* Makes room: too many finished ones, or too old, or records that new jobs need. One at a time, and
 * none whose key may still be asked for: without room new jobs are refused. */
static uint64_t expire(struct hs_gate *gate)
{
    uint32_t                  done_count;
    const struct hs_gate_job *job = oldest_done(gate, &done_count);
    struct hs_gate_entry      entry = {.kind = HS_GATE_EXPIRE};
    uint64_t                  due_at_ns;

    if (!job || gate->expire_token) return HS_NEVER_NS;
    gate->expire_idx = hs_gate_job_idx(gate->fsm, job);
    due_at_ns = gate->soft[gate->expire_idx].row.ended_at_ns;
    if (done_count <= gate->limits.finished_jobs_max &&
        gate->fsm->reserved_records < HS_GATE_RECORDS_MAX / 4 * 3)
        due_at_ns += gate->limits.retention_ns;
    else
        due_at_ns += HS_GATE_KEY_WINDOW_NS;
    if (gate->now_ns < due_at_ns) return due_at_ns;
    if (gate->now_ns < gate->expire_at_ns) return gate->expire_at_ns;
    entry.as.expire.count = 1;
    memcpy(entry.as.expire.job_ids[0], job->id, HS_JOB_ID_BYTES);
    gate->expire_at_ns = gate->now_ns + PROPOSE_AGAIN_NS;
    if (hs_gate_propose(gate, &entry, gate->next_token + 1)) return gate->expire_at_ns;
    gate->expire_at_ns = 0;
    gate->expire_token = ++gate->next_token;
    return HS_NEVER_NS; /* the answer brings the next turn */
}

/* The row of a finished job reads its records: one of those a turn, lest a start with many of them
 * takes long. */
static uint64_t turn_row(struct hs_gate *gate, const struct hs_gate_job *job, bool *has_read)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    if (!soft->is_row_dirty) return HS_NEVER_NS;
    if (soft->last_row_ns && gate->now_ns - soft->last_row_ns < ROW_INTERVAL_NS)
        return soft->last_row_ns + ROW_INTERVAL_NS;
    if (job->phase == HS_GATE_DONE && *has_read) return gate->now_ns;
    *has_read = *has_read || job->phase == HS_GATE_DONE;
    hs_gate_show(gate, job);
    return HS_NEVER_NS;
}

static uint64_t turn_jobs(struct hs_gate *gate)
{
    uint64_t next_ns = gate->is_leading ? expire(gate) : HS_NEVER_NS;
    bool     has_read = false;

    for (uint32_t i = 0; i < gate->fsm->job_high; i++) {
        struct hs_gate_job *job = &gate->fsm->jobs[i];

        if (job->phase == HS_GATE_FREE) continue;
        /* the fence of this life is that of the LEADER entry: nothing is sent before */
        if (gate->is_leading && !gate->lead_token)
            next_ns = hs_min_u64(next_ns, hs_gate_turn_job(gate, job));
        next_ns = hs_min_u64(next_ns, check_deadlines(gate, job));
        next_ns = hs_min_u64(next_ns, turn_row(gate, job, &has_read));
    }
    return next_ns;
}

uint64_t hs_gate_turn(struct hs_gate *gate, uint64_t now_ns)
{
    gate->now_ns = hs_max_u64(gate->now_ns, now_ns); /* frames between turns had later times */
    if (gate->wants_lead) lead(gate);
    if (gate->now_ns >= gate->due_ns) {
        gate->due_ns = turn_jobs(gate);
        gate->due_ns = hs_min_u64(gate->due_ns, hs_gate_turn_managers(gate));
        gate->due_ns = hs_min_u64(gate->due_ns, hs_gate_turn_datacenters(gate));
        gate->due_ns = hs_min_u64(gate->due_ns, hs_gate_turn_silence(gate));
        gate->due_ns = hs_min_u64(gate->due_ns, hs_gate_turn_fetches(gate));
        gate->due_ns = hs_min_u64(gate->due_ns, hs_gate_turn_watch(gate));
    }
    return gate->due_ns;
}

void hs_gate_stop(struct hs_gate *gate)
{
    gate->is_draining = gate->is_stopping = true;
    gate->due_ns = 0;
    for (uint32_t i = 0; i < gate->fsm->job_high; i++) gate->soft[i].deadline_ns = 0;
}
