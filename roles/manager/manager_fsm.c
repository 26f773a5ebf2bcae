// SPDX-License-Identifier: Apache-2.0
/* manager_fsm.c - what each entry does to the tables. */
#include "roles/manager/manager_fsm.h"

#include "roles/manager/workflow.h"
#include "roles/result_code.h"
#include "shm/base/assert.h"

#include <string.h>

/* jobs.md 2: higher than the stored one is taken over, lower is refused; equal is the same
 * holder. */
static uint32_t check_fence(struct hs_manager_job *job, uint64_t gate_fence)
{
    if (gate_fence < job->gate_fence) return HS_RESULT_STALE_FENCE;
    job->gate_fence = gate_fence;
    return HS_RESULT_OK;
}

/* In another life of the host its clock began anew: the job's beginning, too, is then what that
 * clock says of it, not a moment of the old one. */
static void renew_limit(struct hs_manager_job *job, const struct hs_manager_limit *limit)
{
    if (limit->incarnation != job->limit.incarnation) job->accepted_at_ns = limit->began_at_ns;
    job->limit = *limit;
}

/* ---- jobs that come ---- */

static void fill_job(struct hs_manager_state *state, struct hs_manager_job *job,
                     const struct hs_manager_accept *accept, uint32_t workflow_first)
{
    *job = (struct hs_manager_job){
        .phase = HS_MANAGER_JOB_ACTIVE,
        .retries_max = accept->retries_max,
        .workflow_retries_max = accept->workflow_retries_max,
        .plan = accept->plan,
        .plan_bytes = accept->plan_bytes,
        .accepted_seq = state->seq,
        .birth_fence = accept->birth_fence,
        .gate_fence = accept->gate_fence,
        .limit = accept->limit,
        .accepted_at_ns = accept->limit.began_at_ns,
        .flags = accept->flags,
        .datacenter_idx = accept->datacenter_idx,
        .datacenter_count = accept->datacenter_count,
        .workflow_count = accept->workflow_count,
        .workflow_first = workflow_first,
    };
    memcpy(job->id, accept->job_id, sizeof job->id);
    memcpy(job->name, accept->name, sizeof job->name);
}

static void fill_workflows(struct hs_manager_state *state, const struct hs_manager_job *job,
                           const struct hs_manager_accept *accept)
{
    unsigned at = 0;

    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, i);

        *workflow = (struct hs_manager_workflow){.state = HS_WORKFLOW_PENDING};
        for (; at < accept->dependency_end[i]; at++) {
            unsigned idx = accept->dependencies[at];

            workflow->depends_on[idx / 64] |= UINT64_C(1) << (idx % 64);
        }
    }
}

static uint32_t create_job(struct hs_manager_state *state, const struct hs_manager_accept *accept)
{
    struct hs_manager_job *job = hs_manager_find_free_job(state);
    int64_t                first;

    if (accept->workflow_count == 0) return HS_RESULT_INVALID;
    if (!job) return HS_RESULT_BUSY;
    first = hs_manager_take_slots(state->is_workflow_used, HS_MANAGER_WORKFLOW_SLOTS,
                                  accept->workflow_count);
    if (first < 0) return HS_RESULT_BUSY;
    fill_job(state, job, accept, (uint32_t)first);
    fill_workflows(state, job, accept);
    state->job_count++;
    state->active_count++;
    hs_workflow_begin(state, job);
    return HS_RESULT_OK;
}

static uint32_t apply_accept(struct hs_manager_state *state, const struct hs_manager_accept *accept)
{
    struct hs_manager_job *job = hs_manager_find_job(state, accept->job_id);

    if (!job) return create_job(state, accept);
    if (accept->birth_fence < job->birth_fence) return HS_RESULT_STALE_FENCE;
    if (accept->birth_fence > job->birth_fence) {
        /* A key that was used again after its job had been forgotten elsewhere (jobs.md 2,
         * birth). */
        if (job->phase != HS_MANAGER_JOB_DONE) return HS_RESULT_BUSY;
        hs_manager_free_job(state, job);
        return create_job(state, accept);
    }
    if (memcmp(&job->plan, &accept->plan, sizeof job->plan) != 0) return HS_RESULT_CONFLICT;
    if (accept->gate_fence > job->gate_fence) renew_limit(job, &accept->limit);
    return check_fence(job, accept->gate_fence);
}

/* ---- jobs that stop ---- */

static bool is_known_request(const struct hs_manager_job    *job,
                             const struct hs_manager_cancel *cancel)
{
    for (unsigned i = 0; i < HS_MANAGER_REQUESTS_MAX && i < job->request_count; i++)
        if (job->requests[i].workflow == cancel->workflow &&
            memcmp(job->requests[i].id, cancel->request_id, sizeof job->requests[i].id) == 0)
            return true;
    return false;
}

static void keep_request(struct hs_manager_job *job, const struct hs_manager_cancel *cancel)
{
    struct hs_manager_request *request =
        &job->requests[job->request_count++ % HS_MANAGER_REQUESTS_MAX];

    memcpy(request->id, cancel->request_id, sizeof request->id);
    request->workflow = cancel->workflow;
}

static uint32_t cancel_job(struct hs_manager_state *state, struct hs_manager_job *job)
{
    if (job->phase == HS_MANAGER_JOB_CANCELLING) return HS_RESULT_OK;
    if (job->phase != HS_MANAGER_JOB_ACTIVE) return HS_RESULT_ALREADY_DONE;
    job->phase = HS_MANAGER_JOB_CANCELLING;
    hs_workflow_cancel_all(state, job);
    return HS_RESULT_OK;
}

static uint32_t apply_cancel(struct hs_manager_state *state, struct hs_manager_job *job,
                             const struct hs_manager_cancel *cancel)
{
    uint32_t code = check_fence(job, cancel->gate_fence);

    if (code != HS_RESULT_OK) return code;
    if (is_known_request(job, cancel)) return HS_RESULT_OK;
    keep_request(job, cancel);
    if (cancel->workflow == HS_WORKFLOW_ALL) return cancel_job(state, job);
    if (job->phase == HS_MANAGER_JOB_DONE) return HS_RESULT_ALREADY_DONE;
    return hs_workflow_cancel(state, job, cancel->workflow, cancel->is_cascade != 0);
}

static uint32_t apply_timeout(struct hs_manager_state *state, struct hs_manager_job *job,
                              const struct hs_manager_timeout *timeout)
{
    if (timeout->kind == HS_MANAGER_TIMEOUT_GATE) {
        uint32_t code = check_fence(job, timeout->gate_fence);

        if (code != HS_RESULT_OK) return code;
    }
    if (job->phase == HS_MANAGER_JOB_TIMING_OUT) return HS_RESULT_OK;
    if (job->phase != HS_MANAGER_JOB_ACTIVE) return HS_RESULT_ALREADY_DONE;
    job->phase = HS_MANAGER_JOB_TIMING_OUT;
    hs_workflow_cancel_all(state, job);
    return HS_RESULT_OK;
}

/* ---- jobs that go ---- */

static uint32_t apply_released(struct hs_manager_job            *job,
                               const struct hs_manager_released *released)
{
    uint32_t code = check_fence(job, released->gate_fence);

    if (code != HS_RESULT_OK) return code;
    if (job->phase != HS_MANAGER_JOB_DONE) return HS_RESULT_IN_PROGRESS;
    job->is_released = true;
    return HS_RESULT_OK;
}

static uint32_t apply_expire(struct hs_manager_state *state, const struct hs_manager_expire *expire)
{
    for (unsigned i = 0; i < expire->count; i++) {
        struct hs_manager_job *job = hs_manager_find_job(state, expire->job_ids[i]);

        if (job && job->phase == HS_MANAGER_JOB_DONE) hs_manager_free_job(state, job);
    }
    return HS_RESULT_OK;
}

static uint32_t apply_record(struct hs_manager_state *state, const struct hs_manager_job *job,
                             const struct hs_manager_record *record)
{
    struct hs_manager_workflow *workflow;

    if (record->workflow >= job->workflow_count) return HS_RESULT_INVALID;
    workflow = hs_manager_workflow_at(state, job, record->workflow);
    if (!hs_manager_is_final(workflow->state)) return HS_RESULT_IN_PROGRESS;
    if (workflow->has_record) return HS_RESULT_ALREADY_DONE;
    workflow->has_record = true;
    workflow->record = record->digest;
    workflow->record_bytes = record->bytes;
    return HS_RESULT_OK;
}

/* ---- one entry ---- */

/* Every kind that speaks of one job begins with its id. */
static const uint8_t *job_id_of(const struct hs_manager_entry *entry)
{
    switch (entry->kind) {
    case HS_MANAGER_ASSIGN: return entry->assign.job_id;
    case HS_MANAGER_END: return entry->end.job_id;
    case HS_MANAGER_RECORD: return entry->record.job_id;
    case HS_MANAGER_CANCEL: return entry->cancel.job_id;
    case HS_MANAGER_OWNER: return entry->owner.job_id;
    case HS_MANAGER_TIMEOUT: return entry->timeout.job_id;
    case HS_MANAGER_RELEASED: return entry->released.job_id;
    case HS_MANAGER_LEADER:
    case HS_MANAGER_ACCEPT:
    case HS_MANAGER_EXPIRE:
    case HS_MANAGER_KIND_COUNT:
    default: return NULL;
    }
}

static uint32_t apply_owner(struct hs_manager_job *job, const struct hs_manager_owner *owner)
{
    if (owner->gate_fence > job->gate_fence) renew_limit(job, &owner->limit);
    return check_fence(job, owner->gate_fence);
}

static uint32_t apply_to_job(struct hs_manager_state *state, const struct hs_manager_entry *entry)
{
    struct hs_manager_job *job = hs_manager_find_job(state, job_id_of(entry));
    uint32_t               code = HS_RESULT_INVALID;

    if (!job) return HS_RESULT_UNKNOWN_JOB;
    switch (entry->kind) {
    case HS_MANAGER_ASSIGN:
        code = hs_workflow_assign(state, job, &entry->assign, state->seq);
        break;
    case HS_MANAGER_END: code = hs_workflow_end(state, job, &entry->end); break;
    case HS_MANAGER_RECORD: code = apply_record(state, job, &entry->record); break;
    case HS_MANAGER_CANCEL: code = apply_cancel(state, job, &entry->cancel); break;
    case HS_MANAGER_OWNER: code = apply_owner(job, &entry->owner); break;
    case HS_MANAGER_TIMEOUT: code = apply_timeout(state, job, &entry->timeout); break;
    case HS_MANAGER_RELEASED: code = apply_released(job, &entry->released); break;
    case HS_MANAGER_LEADER:
    case HS_MANAGER_ACCEPT:
    case HS_MANAGER_EXPIRE:
    case HS_MANAGER_KIND_COUNT:
    default: HS_ASSERT(false && "an entry of one job");
    }
    hs_workflow_settle(state, job);
    return code;
}

uint32_t hs_manager_fsm_apply(struct hs_manager_state *state, uint64_t seq, struct hs_view bytes)
{
    struct hs_manager_entry entry;
    uint32_t                code = HS_RESULT_OK;
    int                     rc = hs_manager_entry_get(&entry, bytes);

    HS_ASSERT(rc == 0); /* to skip it would make this copy differ from the others */
    HS_ASSERT(seq > state->seq);
    state->seq = seq;
    switch (entry.kind) {
    case HS_MANAGER_LEADER:
        state->leader_fence = seq;
        state->leader = entry.leader;
        break;
    case HS_MANAGER_ACCEPT: code = apply_accept(state, &entry.accept); break;
    case HS_MANAGER_EXPIRE: code = apply_expire(state, &entry.expire); break;
    case HS_MANAGER_ASSIGN:
    case HS_MANAGER_END:
    case HS_MANAGER_RECORD:
    case HS_MANAGER_CANCEL:
    case HS_MANAGER_OWNER:
    case HS_MANAGER_TIMEOUT:
    case HS_MANAGER_RELEASED: code = apply_to_job(state, &entry); break;
    case HS_MANAGER_KIND_COUNT:
    default: HS_ASSERT(false && "a kind that the decoder lets pass");
    }
    if (code != HS_RESULT_OK) state->dropped_count++;
    return code;
}

/* ---- blobs ---- */

static bool is_same(const struct hs_ledger_digest *a, const struct hs_ledger_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Shares' results only until the workflow's record is made of them. */
static bool is_result_of(const struct hs_manager_state    *state,
                         const struct hs_manager_workflow *workflow,
                         const struct hs_ledger_digest    *digest)
{
    if (workflow->has_record) return is_same(&workflow->record, digest);
    for (unsigned i = 0; i < workflow->shard_count; i++) {
        const struct hs_manager_shard *shard = &state->shards[workflow->shard_first + i];

        if (shard->result_bytes && is_same(&shard->result, digest)) return true;
    }
    return false;
}

bool hs_manager_fsm_is_blob_needed(const struct hs_manager_state *state,
                                   const struct hs_ledger_digest *digest)
{
    for (unsigned i = 0; i < HS_JOBS_MAX; i++) {
        const struct hs_manager_job *job = &state->jobs[i];

        if (job->phase == HS_MANAGER_JOB_FREE) continue;
        if (is_same(&job->plan, digest)) return true;
        for (unsigned k = 0; k < job->workflow_count; k++)
            if (is_result_of(state, &state->workflows[job->workflow_first + k], digest))
                return true;
    }
    return false;
}
