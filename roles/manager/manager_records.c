// SPDX-License-Identifier: Apache-2.0
/* manager_records.c - brings a workflow that has ended to its record: reads plan and results, one
 * blob after another, lets the maker add them up, keeps the bytes, decides their digest. One
 * workflow at a time. */
#include "roles/manager/manager_step.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"

#include <string.h>

bool hs_manager_needs_record(struct hs_manager *manager, const struct hs_manager_workflow *workflow)
{
    if (workflow->has_record || !hs_manager_is_final(workflow->state)) return false;
    for (unsigned i = 0; i < workflow->shard_count; i++)
        if (hs_manager_shard_at(manager->state, workflow, i)->result_bytes) return true;
    return false;
}

static void begin(struct hs_manager_step *step, uint32_t job_idx, unsigned workflow)
{
    struct hs_manager *manager = step->manager;

    manager->maker_job = job_idx + 1;
    manager->maker_seq = manager->state->jobs[job_idx].accepted_seq;
    manager->maker_workflow = workflow;
    manager->maker_shard = 0;
    hs_manager_read_blob(step, HS_READ_MAKER_PLAN, 0, &manager->state->jobs[job_idx].plan);
}

static int find_workflow(struct hs_manager *manager, uint32_t job_idx)
{
    const struct hs_manager_job *job = &manager->state->jobs[job_idx];

    for (unsigned i = 0; i < job->workflow_count; i++)
        if (hs_manager_needs_record(manager, hs_manager_workflow_at(manager->state, job, i)) &&
            !hs_manager_flow_at(manager, job, i)->is_record_proposed)
            return (int)i;
    return -1;
}

void hs_manager_turn_maker(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;

    for (uint32_t i = 0; i < HS_JOBS_MAX && !manager->maker_job; i++) {
        int workflow;

        if (manager->state->jobs[i].phase == HS_MANAGER_JOB_FREE || !manager->softs[i].has_loads)
            continue;
        workflow = find_workflow(manager, i);
        if (workflow < 0) continue;
        if (!hs_manager_has_room(step->actions)) {
            hs_manager_due(step, step->now_ns);
            return;
        }
        begin(step, i, (unsigned)workflow);
    }
}

static void finish(struct hs_manager_step *step, const struct hs_manager_job *job,
                   const struct hs_manager_workflow *workflow)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_proposal *proposal = hs_manager_prepare(step, HS_MANAGER_RECORD);
    struct hs_view              bytes;

    manager->maker_job = 0;
    if (!proposal) return; /* made again when the log takes entries */
    bytes = hs_run_maker_finish(manager->memory.maker, workflow->discarded_sent);
    memcpy(proposal->entry.record.job_id, job->id, HS_JOB_ID_BYTES);
    proposal->entry.record.workflow = (uint8_t)manager->maker_workflow;
    proposal->entry.record.bytes = bytes.bytes;
    hs_ledger_digest_of(bytes, &proposal->entry.record.digest);
    hs_manager_flow_at(manager, job, manager->maker_workflow)->is_record_proposed = true;
    hs_manager_propose_after(step, proposal, bytes);
}

/* The next share that brought a result; or all have. */
static void go_on(struct hs_manager_step *step, const struct hs_manager_job *job,
                  const struct hs_manager_workflow *workflow)
{
    struct hs_manager *manager = step->manager;

    for (; manager->maker_shard < workflow->shard_count; manager->maker_shard++) {
        const struct hs_manager_shard *shard =
            hs_manager_shard_at(manager->state, workflow, manager->maker_shard);

        if (!shard->result_bytes) {
            hs_run_maker_miss(manager->memory.maker, shard->cores);
            continue;
        }
        hs_manager_read_blob(step, HS_READ_MAKER_RESULT, 0, &shard->result);
        return;
    }
    finish(step, job, workflow);
}

static bool begin_maker(struct hs_manager_step *step, const struct hs_manager_job *job,
                        const struct hs_manager_workflow *workflow, struct hs_view text)
{
    struct hs_manager *manager = step->manager;
    char               why[HS_RUN_RECORD_TEXT_BYTES] = "it cannot be had";
    struct hs_plan    *plan = text.bytes ? hs_manager_parse(manager, text, why, sizeof why) : NULL;

    if (plan && manager->maker_workflow < plan->workflows.count) {
        hs_run_maker_begin(manager->memory.maker, workflow, manager->maker_workflow, plan,
                           &hs_manager_flow_at(manager, job, manager->maker_workflow)->load);
        return true;
    }
    hs_log(HS_LOG_ERROR, "manager", "no record, the plan is lost job=%s: %s", job->name, why);
    hs_manager_flow_at(manager, job, manager->maker_workflow)->is_record_proposed = true;
    hs_manager_flow_at(manager, job, manager->maker_workflow)->is_record_lost = true;
    manager->maker_job = 0;
    return false;
}

void hs_manager_maker_blob(struct hs_manager_step *step, enum hs_manager_read what,
                           struct hs_view bytes)
{
    struct hs_manager                *manager = step->manager;
    const struct hs_manager_job      *job;
    const struct hs_manager_workflow *workflow;

    if (!manager->maker_job) return;
    job = &manager->state->jobs[manager->maker_job - 1];
    if (job->phase == HS_MANAGER_JOB_FREE || job->accepted_seq != manager->maker_seq) {
        manager->maker_job = 0;
        return;
    }
    workflow = hs_manager_workflow_at(manager->state, job, manager->maker_workflow);
    if (what == HS_READ_MAKER_RESULT) {
        HS_ASSERT(manager->maker_shard < workflow->shard_count);
        hs_run_maker_add(
            manager->memory.maker,
            hs_manager_shard_at(manager->state, workflow, manager->maker_shard++)->cores, bytes);
        go_on(step, job, workflow);
    } else if (begin_maker(step, job, workflow, bytes)) {
        go_on(step, job, workflow);
    }
}
