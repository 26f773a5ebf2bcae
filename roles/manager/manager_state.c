// SPDX-License-Identifier: Apache-2.0
/* manager_state.c - slots of the tables and the ways through them. */
#include "roles/manager/manager_state.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

int64_t hs_manager_take_slots(bool *used, uint32_t slot_count, uint32_t count)
{
    uint32_t run = 0;

    HS_ASSERT(count > 0);
    for (uint32_t i = 0; i < slot_count; i++) {
        run = used[i] ? 0 : run + 1;
        if (run < count) continue;
        for (uint32_t k = 0; k < count; k++) used[i - k] = true;
        return (int64_t)i + 1 - count;
    }
    return -ENOBUFS;
}

void hs_manager_give_slots(bool *used, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        HS_ASSERT(used[i]);
        used[i] = false;
    }
}

struct hs_manager_job *hs_manager_find_job(struct hs_manager_state *state,
                                           const uint8_t            id[HS_JOB_ID_BYTES])
{
    for (unsigned i = 0; i < HS_JOBS_MAX; i++) {
        struct hs_manager_job *job = &state->jobs[i];

        if (job->phase != HS_MANAGER_JOB_FREE && memcmp(job->id, id, HS_JOB_ID_BYTES) == 0)
            return job;
    }
    return NULL;
}

struct hs_manager_job *hs_manager_find_free_job(struct hs_manager_state *state)
{
    for (unsigned i = 0; i < HS_JOBS_MAX; i++)
        if (state->jobs[i].phase == HS_MANAGER_JOB_FREE) return &state->jobs[i];
    return NULL;
}

void hs_manager_free_job(struct hs_manager_state *state, struct hs_manager_job *job)
{
    HS_ASSERT(job->phase != HS_MANAGER_JOB_FREE);
    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, i);

        if (!workflow->shard_count) continue;
        hs_manager_give_slots(state->is_shard_used, workflow->shard_first, workflow->shard_count);
        memset(&state->shards[workflow->shard_first], 0,
               workflow->shard_count * sizeof state->shards[0]);
    }
    hs_manager_give_slots(state->is_workflow_used, job->workflow_first, job->workflow_count);
    memset(&state->workflows[job->workflow_first], 0,
           job->workflow_count * sizeof state->workflows[0]);
    if (job->phase != HS_MANAGER_JOB_DONE) state->active_count--;
    state->job_count--;
    *job = (struct hs_manager_job){0};
}

uint32_t hs_manager_job_idx(const struct hs_manager_state *state, const struct hs_manager_job *job)
{
    ptrdiff_t idx = job - state->jobs;

    HS_ASSERT(idx >= 0);
    HS_ASSERT(idx < HS_JOBS_MAX);
    return (uint32_t)idx;
}

struct hs_manager_workflow *hs_manager_workflow_at(struct hs_manager_state     *state,
                                                   const struct hs_manager_job *job, unsigned idx)
{
    HS_ASSERT(idx < job->workflow_count);
    return &state->workflows[job->workflow_first + idx];
}

struct hs_manager_shard *hs_manager_shard_at(struct hs_manager_state          *state,
                                             const struct hs_manager_workflow *workflow,
                                             unsigned                          idx)
{
    HS_ASSERT(idx < workflow->shard_count);
    return &state->shards[workflow->shard_first + idx];
}

struct hs_manager_shard *hs_manager_find_exec(struct hs_manager_state *state,
                                              const struct hs_exec_id *exec, uint64_t exec_fence)
{
    struct hs_manager_job      *job = hs_manager_find_job(state, exec->job_id);
    struct hs_manager_workflow *workflow;
    struct hs_manager_shard    *shard;

    if (!job || exec->workflow >= job->workflow_count) return NULL;
    workflow = hs_manager_workflow_at(state, job, exec->workflow);
    if (exec->shard >= workflow->shard_count) return NULL;
    shard = hs_manager_shard_at(state, workflow, exec->shard);
    return shard->attempt == exec->attempt && shard->exec_fence == exec_fence ? shard : NULL;
}

bool hs_manager_is_final(uint8_t workflow_state)
{
    return workflow_state >= HS_WORKFLOW_COMPLETED;
}

uint16_t hs_manager_rerun_count(const struct hs_manager_workflow *workflow)
{
    return (uint16_t)(workflow->retries + workflow->drained);
}

bool hs_manager_depends_on(const struct hs_manager_workflow *workflow, unsigned idx)
{
    return (workflow->depends_on[idx / 64] >> (idx % 64)) & 1;
}

bool hs_manager_is_excluded(const struct hs_manager_shard *shard, const uint8_t worker[16],
                            uint64_t incarnation, bool with_last_choices)
{
    for (unsigned i = 0; i < HS_MANAGER_EXCLUDED_MAX && i < shard->excluded_count; i++) {
        const struct hs_manager_excluded *excluded = &shard->excluded[i];

        if (excluded->is_last_choice && !with_last_choices) continue;
        if (excluded->incarnation == incarnation && memcmp(excluded->worker, worker, 16) == 0)
            return true;
    }
    return false;
}

static bool is_workflow_sound(const struct hs_manager_state    *state,
                              const struct hs_manager_workflow *workflow, uint32_t *shards)
{
    if (workflow->state >= HS_WORKFLOW_STATE_COUNT) return false;
    if (workflow->shard_count > HS_SHARDS_MAX) return false;
    for (unsigned i = 0; i < workflow->shard_count; i++) {
        const struct hs_manager_shard *shard = &state->shards[workflow->shard_first + i];

        if (!state->is_shard_used[workflow->shard_first + i]) return false;
        if (shard->state < HS_SHARD_ASSIGNED || shard->state > HS_SHARD_ENDED) return false;
        if (hs_manager_is_final(workflow->state) && shard->state != HS_SHARD_ENDED) return false;
    }
    *shards += workflow->shard_count;
    return true;
}

static uint32_t used_count(const bool *used, uint32_t slot_count)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < slot_count; i++) count += used[i];
    return count;
}

bool hs_manager_state_validate(const struct hs_manager_state *state)
{
    uint32_t jobs = 0, active = 0, workflows = 0, shards = 0;

    for (unsigned i = 0; i < HS_JOBS_MAX; i++) {
        const struct hs_manager_job *job = &state->jobs[i];

        if (job->phase == HS_MANAGER_JOB_FREE) continue;
        jobs++;
        active += job->phase != HS_MANAGER_JOB_DONE;
        for (unsigned k = 0; k < job->workflow_count; k++) {
            const struct hs_manager_workflow *workflow = &state->workflows[job->workflow_first + k];

            if (!is_workflow_sound(state, workflow, &shards)) return false;
            if (job->phase == HS_MANAGER_JOB_DONE && !hs_manager_is_final(workflow->state))
                return false;
        }
        workflows += job->workflow_count;
    }
    return jobs == state->job_count && active == state->active_count &&
           workflows == used_count(state->is_workflow_used, HS_MANAGER_WORKFLOW_SLOTS) &&
           shards == used_count(state->is_shard_used, HS_MANAGER_SHARD_SLOTS);
}
