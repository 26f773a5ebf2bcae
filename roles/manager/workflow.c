// SPDX-License-Identifier: Apache-2.0
/* workflow.c - transitions of shares, workflows and jobs. */
#include "roles/manager/workflow.h"

#include "roles/result_code.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

enum {
    REJECTS_PER_CHARGE = 5, /* jobs.md 7.8: a share that nobody takes costs something, too */
    ATTEMPT_MAX = 255
};

/* The only place where a workflow's state changes; what is final stays. */
static void enter(struct hs_manager_workflow *workflow, enum hs_workflow_state next,
                  const char *text)
{
    HS_ASSERT(!hs_manager_is_final(workflow->state));
    workflow->state = (uint8_t)next;
    if (text && !workflow->text[0])
        (void)snprintf(workflow->text, sizeof workflow->text, "%s", text);
}

void hs_workflow_begin(struct hs_manager_state *state, struct hs_manager_job *job)
{
    static const uint64_t nothing[HS_WORKFLOWS_MAX / 64];

    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, i);

        if (memcmp(workflow->depends_on, nothing, sizeof nothing) == 0)
            enter(workflow, HS_WORKFLOW_READY, NULL);
    }
}

/* ---- assignment ---- */

static void set_shard(struct hs_manager_shard *shard, const struct hs_manager_assign_item *item,
                      uint64_t seq)
{
    shard->state = HS_SHARD_ASSIGNED;
    shard->outcome = HS_OUTCOME_NONE;
    shard->attempt = item->attempt;
    shard->cores = item->cores;
    shard->incarnation = item->incarnation;
    shard->exec_fence = seq;
    memcpy(shard->worker, item->worker, sizeof shard->worker);
}

static uint32_t start_workflow(struct hs_manager_state *state, struct hs_manager_workflow *workflow,
                               const struct hs_manager_assign *assign, uint64_t seq)
{
    int64_t first;

    for (unsigned i = 0; i < assign->count; i++)
        if (assign->items[i].shard != i || assign->items[i].attempt != 0) return HS_RESULT_INVALID;
    first = hs_manager_take_slots(state->is_shard_used, HS_MANAGER_SHARD_SLOTS, assign->count);
    if (first < 0) return HS_RESULT_BUSY;
    workflow->shard_first = (uint32_t)first;
    workflow->shard_count = assign->count;
    workflow->begin_ns = assign->after_ns;
    for (unsigned i = 0; i < assign->count; i++) {
        struct hs_manager_shard *shard = hs_manager_shard_at(state, workflow, i);

        *shard = (struct hs_manager_shard){0};
        set_shard(shard, &assign->items[i], seq);
    }
    enter(workflow, HS_WORKFLOW_RUNNING, NULL);
    return HS_RESULT_OK;
}

static uint32_t retry_shard(struct hs_manager_state *state, struct hs_manager_workflow *workflow,
                            const struct hs_manager_assign *assign, uint64_t seq)
{
    const struct hs_manager_assign_item *item = &assign->items[0];
    struct hs_manager_shard             *shard;

    if (assign->count != 1 || item->shard >= workflow->shard_count) return HS_RESULT_INVALID;
    shard = hs_manager_shard_at(state, workflow, item->shard);
    if (shard->state != HS_SHARD_BACKOFF) return HS_RESULT_ALREADY_DONE;
    if (item->attempt != shard->attempt + 1) return HS_RESULT_INVALID;
    if (item->cores != shard->cores) return HS_RESULT_INVALID; /* the same work again */
    set_shard(shard, item, seq);
    return HS_RESULT_OK;
}

uint32_t hs_workflow_assign(struct hs_manager_state *state, struct hs_manager_job *job,
                            const struct hs_manager_assign *assign, uint64_t seq)
{
    struct hs_manager_workflow *workflow;

    if (assign->workflow >= job->workflow_count || assign->count == 0) return HS_RESULT_INVALID;
    if (job->phase != HS_MANAGER_JOB_ACTIVE) return HS_RESULT_ALREADY_CANCELLED;
    workflow = hs_manager_workflow_at(state, job, assign->workflow);
    if (workflow->state == HS_WORKFLOW_READY) return start_workflow(state, workflow, assign, seq);
    if (workflow->state == HS_WORKFLOW_RUNNING) return retry_shard(state, workflow, assign, seq);
    return HS_RESULT_ALREADY_DONE;
}

/* ---- ends ---- */

static void end_shard(struct hs_manager_shard *shard, uint8_t outcome)
{
    HS_ASSERT(shard->state != HS_SHARD_ENDED);
    shard->state = HS_SHARD_ENDED;
    shard->outcome = outcome;
}

/* What runs is asked to stop, what waits for another attempt is over. */
static void stop_shards(struct hs_manager_state *state, struct hs_manager_workflow *workflow)
{
    for (unsigned i = 0; i < workflow->shard_count; i++) {
        struct hs_manager_shard *shard = hs_manager_shard_at(state, workflow, i);

        if (shard->state == HS_SHARD_BACKOFF) end_shard(shard, HS_OUTCOME_CANCELLED);
    }
}

static void start_failing(struct hs_manager_state *state, struct hs_manager_workflow *workflow,
                          const char *text)
{
    if (workflow->state != HS_WORKFLOW_RUNNING) return;
    workflow->is_failing = true;
    enter(workflow, HS_WORKFLOW_CANCELLING, text);
    stop_shards(state, workflow);
}

static void exclude(struct hs_manager_shard *shard, bool is_last_choice)
{
    unsigned                    at = shard->excluded_count++ % HS_MANAGER_EXCLUDED_MAX;
    struct hs_manager_excluded *excluded = &shard->excluded[at];

    memcpy(excluded->worker, shard->worker, sizeof excluded->worker);
    excluded->incarnation = shard->incarnation;
    excluded->is_last_choice = is_last_choice;
}

/* Another attempt of the same bytes, or the end of the workflow when the budget is spent
 * (AD-44). */
static void retry_or_fail(struct hs_manager_state *state, struct hs_manager_job *job,
                          struct hs_manager_workflow *workflow, struct hs_manager_shard *shard,
                          const struct hs_manager_end *end)
{
    bool is_reject = end->outcome == HS_OUTCOME_REJECTED;
    bool is_last_choice = is_reject || end->outcome == HS_OUTCOME_CORRUPT;
    bool is_charged = !is_reject || ++shard->reject_count % REJECTS_PER_CHARGE == 0;
    bool is_spent =
        workflow->retries >= job->workflow_retries_max || job->retries >= job->retries_max;

    if (workflow->state != HS_WORKFLOW_RUNNING || (is_charged && is_spent) ||
        shard->attempt == ATTEMPT_MAX) {
        end_shard(shard, end->outcome);
        start_failing(state, workflow, end->text[0] ? end->text : "a share was lost too often");
        return;
    }
    shard->state = HS_SHARD_BACKOFF;
    shard->outcome = end->outcome;
    exclude(shard, is_last_choice);
    if (!is_charged) return;
    workflow->retries++;
    job->retries++;
}

static void keep_result(struct hs_manager_workflow *workflow, struct hs_manager_shard *shard,
                        const struct hs_manager_end *end)
{
    shard->result_bytes = end->result_bytes;
    shard->result = end->result;
    shard->elapsed_ns = end->elapsed_ns;
    shard->restarts = end->restarts;
    if (workflow->elapsed_ns < end->elapsed_ns) workflow->elapsed_ns = end->elapsed_ns;
    if (end->backend[0]) memcpy(workflow->backend, end->backend, sizeof workflow->backend);
}

/* Its worker leaves in order: the share runs again elsewhere, charged to nobody. Where nothing is
 * run any more, what the worker brought is what was measured. */
static void end_drained(struct hs_manager_state *state, struct hs_manager_workflow *workflow,
                        struct hs_manager_shard *shard, const struct hs_manager_end *end)
{
    if (workflow->state == HS_WORKFLOW_RUNNING && shard->attempt < ATTEMPT_MAX) {
        shard->state = HS_SHARD_BACKOFF;
        shard->outcome = end->outcome;
        exclude(shard, false);
        workflow->drained++;
        workflow->discarded_sent += end->discarded_sent;
        return;
    }
    keep_result(workflow, shard, end);
    end_shard(shard, HS_OUTCOME_CANCELLED);
    start_failing(state, workflow, end->text);
}

static uint32_t end_exec(struct hs_manager_state *state, struct hs_manager_job *job,
                         struct hs_manager_workflow *workflow, const struct hs_manager_end *end)
{
    struct hs_manager_shard *shard;

    if (end->shard >= workflow->shard_count) return HS_RESULT_INVALID;
    shard = hs_manager_shard_at(state, workflow, end->shard);
    if (shard->state != HS_SHARD_ASSIGNED || shard->attempt != end->attempt ||
        shard->exec_fence != end->exec_fence)
        return HS_RESULT_ALREADY_DONE;
    workflow->restarts = (uint16_t)(workflow->restarts + end->restarts);
    if (end->outcome != HS_OUTCOME_DRAINED) workflow->discarded_sent += end->discarded_sent;
    switch ((enum hs_exec_outcome)end->outcome) {
    case HS_OUTCOME_LOST:
    case HS_OUTCOME_EXPIRED:
    case HS_OUTCOME_CORRUPT:
    case HS_OUTCOME_REJECTED: retry_or_fail(state, job, workflow, shard, end); break;
    case HS_OUTCOME_DRAINED: end_drained(state, workflow, shard, end); break;
    case HS_OUTCOME_COMPLETED:
        keep_result(workflow, shard, end);
        end_shard(shard, end->outcome);
        break;
    case HS_OUTCOME_FAILED:
        keep_result(workflow, shard, end);
        end_shard(shard, end->outcome);
        start_failing(state, workflow, end->text[0] ? end->text : "a share failed");
        break;
    case HS_OUTCOME_CANCELLED: /* by us, or by a worker that had no manager for too long */
        keep_result(workflow, shard, end);
        end_shard(shard, end->outcome);
        if (workflow->state == HS_WORKFLOW_RUNNING) {
            enter(workflow, HS_WORKFLOW_CANCELLING, end->text);
            stop_shards(state, workflow);
        }
        break;
    case HS_OUTCOME_UNCONFIRMED:
        end_shard(shard, end->outcome);
        workflow->unconfirmed++;
        start_failing(state, workflow, end->text);
        break;
    case HS_OUTCOME_NONE:
    case HS_OUTCOME_COUNT:
    default: HS_ASSERT(false && "an outcome that the decoder lets pass");
    }
    return HS_RESULT_OK;
}

uint32_t hs_workflow_end(struct hs_manager_state *state, struct hs_manager_job *job,
                         const struct hs_manager_end *end)
{
    struct hs_manager_workflow *workflow;

    if (end->workflow >= job->workflow_count) return HS_RESULT_INVALID;
    workflow = hs_manager_workflow_at(state, job, end->workflow);
    if (end->shard != HS_MANAGER_WORKFLOW_SHARDS) return end_exec(state, job, workflow, end);
    if (workflow->state == HS_WORKFLOW_RUNNING && end->outcome == HS_OUTCOME_EXPIRED) {
        start_failing(state, workflow, end->text); /* a share of it that nobody can take */
        return HS_RESULT_OK;
    }
    if (workflow->state != HS_WORKFLOW_READY) return HS_RESULT_ALREADY_DONE;
    enter(workflow, HS_WORKFLOW_FAILED, end->text);
    return HS_RESULT_OK;
}

/* ---- cancelling ---- */

static bool cancel_one(struct hs_manager_state *state, struct hs_manager_job *job, unsigned idx)
{
    struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, idx);
    enum hs_workflow_state      now_final =
        job->phase == HS_MANAGER_JOB_TIMING_OUT ? HS_WORKFLOW_TIMEOUT : HS_WORKFLOW_CANCELLED;

    switch ((enum hs_workflow_state)workflow->state) {
    case HS_WORKFLOW_PENDING:
    case HS_WORKFLOW_READY: enter(workflow, now_final, NULL); return true;
    case HS_WORKFLOW_RUNNING:
        enter(workflow, HS_WORKFLOW_CANCELLING, NULL);
        stop_shards(state, workflow);
        return true;
    case HS_WORKFLOW_CANCELLING:
    case HS_WORKFLOW_COMPLETED:
    case HS_WORKFLOW_FAILED:
    case HS_WORKFLOW_CANCELLED:
    case HS_WORKFLOW_SKIPPED:
    case HS_WORKFLOW_TIMEOUT:
    case HS_WORKFLOW_STATE_COUNT:
    default: return false;
    }
}

/* Marks what depends on a marked one; true when it marked something. */
static bool spread(struct hs_manager_state *state, struct hs_manager_job *job,
                   bool marked[HS_WORKFLOWS_MAX])
{
    bool is_changed = false;

    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, i);

        for (unsigned k = 0; k < job->workflow_count && !marked[i]; k++)
            if (marked[k] && hs_manager_depends_on(workflow, k)) is_changed = marked[i] = true;
    }
    return is_changed;
}

uint32_t hs_workflow_cancel(struct hs_manager_state *state, struct hs_manager_job *job,
                            unsigned idx, bool is_cascade)
{
    bool marked[HS_WORKFLOWS_MAX] = {false};
    bool is_changed = false;

    if (idx >= job->workflow_count) return HS_RESULT_INVALID;
    marked[idx] = true;
    while (is_cascade && spread(state, job, marked)) continue;
    for (unsigned i = 0; i < job->workflow_count; i++) {
        if (!marked[i] || !cancel_one(state, job, i)) continue;
        hs_manager_workflow_at(state, job, i)->is_cancelled = true;
        is_changed = true;
    }
    return is_changed ? HS_RESULT_OK : HS_RESULT_ALREADY_DONE;
}

void hs_workflow_cancel_all(struct hs_manager_state *state, struct hs_manager_job *job)
{
    for (unsigned i = 0; i < job->workflow_count; i++) (void)cancel_one(state, job, i);
}

/* ---- carrying on ---- */

static bool are_shards_ended(struct hs_manager_state          *state,
                             const struct hs_manager_workflow *workflow)
{
    for (unsigned i = 0; i < workflow->shard_count; i++)
        if (hs_manager_shard_at(state, workflow, i)->state != HS_SHARD_ENDED) return false;
    return true;
}

static enum hs_workflow_state ended_state(const struct hs_manager_job      *job,
                                          const struct hs_manager_workflow *workflow)
{
    if (workflow->state == HS_WORKFLOW_RUNNING) return HS_WORKFLOW_COMPLETED;
    if (workflow->is_failing) return HS_WORKFLOW_FAILED;
    if (job->phase == HS_MANAGER_JOB_TIMING_OUT && !workflow->is_cancelled)
        return HS_WORKFLOW_TIMEOUT;
    return HS_WORKFLOW_CANCELLED;
}

/* A workflow that waits looks at those it waits for; true when it moved. */
static bool settle_pending(struct hs_manager_state *state, const struct hs_manager_job *job,
                           struct hs_manager_workflow *workflow)
{
    char text[HS_MANAGER_TEXT_BYTES];
    bool is_waiting = false;

    for (unsigned i = 0; i < job->workflow_count; i++) {
        const struct hs_manager_workflow *other = hs_manager_workflow_at(state, job, i);

        if (!hs_manager_depends_on(workflow, i)) continue;
        if (!hs_manager_is_final(other->state)) {
            is_waiting = true;
        } else if (other->state != HS_WORKFLOW_COMPLETED) {
            (void)snprintf(text, sizeof text, "workflow %u, which it depends on, did not complete",
                           i + 1);
            enter(workflow, HS_WORKFLOW_SKIPPED, text);
            return true;
        }
    }
    if (!is_waiting) enter(workflow, HS_WORKFLOW_READY, NULL);
    return !is_waiting;
}

static bool settle_one(struct hs_manager_state *state, const struct hs_manager_job *job,
                       struct hs_manager_workflow *workflow)
{
    bool is_started =
        workflow->state == HS_WORKFLOW_RUNNING || workflow->state == HS_WORKFLOW_CANCELLING;

    if (workflow->state == HS_WORKFLOW_PENDING) return settle_pending(state, job, workflow);
    if (!is_started || !are_shards_ended(state, workflow)) return false;
    enter(workflow, ended_state(job, workflow), NULL);
    return true;
}

/* jobs.md 6.2, last paragraph. */
static enum hs_job_state job_status(struct hs_manager_state     *state,
                                    const struct hs_manager_job *job)
{
    unsigned completed = 0, cancelled = 0;

    if (job->phase == HS_MANAGER_JOB_CANCELLING) return HS_JOB_CANCELLED;
    if (job->phase == HS_MANAGER_JOB_TIMING_OUT) return HS_JOB_TIMEOUT;
    for (unsigned i = 0; i < job->workflow_count; i++) {
        const struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, i);

        completed += workflow->state == HS_WORKFLOW_COMPLETED;
        cancelled +=
            workflow->state == HS_WORKFLOW_CANCELLED || workflow->state == HS_WORKFLOW_SKIPPED;
    }
    if (completed == job->workflow_count) return HS_JOB_COMPLETED;
    if (completed) return HS_JOB_PARTIAL;
    return cancelled == job->workflow_count ? HS_JOB_CANCELLED : HS_JOB_FAILED;
}

void hs_workflow_settle(struct hs_manager_state *state, struct hs_manager_job *job)
{
    bool is_changed = true;
    bool is_done = true;

    if (job->phase == HS_MANAGER_JOB_DONE) return;
    /* Each round makes at least one final or ready: no more rounds than workflows. */
    while (is_changed) {
        is_changed = false;
        for (unsigned i = 0; i < job->workflow_count; i++)
            if (settle_one(state, job, hs_manager_workflow_at(state, job, i))) is_changed = true;
    }
    for (unsigned i = 0; i < job->workflow_count; i++)
        if (!hs_manager_is_final(hs_manager_workflow_at(state, job, i)->state)) is_done = false;
    if (!is_done) return;
    job->status = (uint8_t)job_status(state, job);
    job->phase = HS_MANAGER_JOB_DONE;
    job->done_seq = state->seq;
    state->active_count--;
}
