// SPDX-License-Identifier: Apache-2.0
/* manager_schedule.c - one pass over all that waits for cores (jobs.md 7.6, 7.7). It sees every
 * core once: what is free follows from the assignments in the tables, and while some of its own are
 * on their way through the log there is no other pass. */
#include "roles/manager/manager_step.h"
#include "shm/base/assert.h"

#include <string.h>

struct pass {
    struct hs_manager_step *step;
    unsigned                worker_count;
    uint32_t                total_cores;
    uint32_t                free_cores;
    struct hs_assign_worker workers[HS_WORKERS_MAX];
};

/* One that is tried again comes last. */
static uint32_t bucket_of(const struct hs_manager_worker *worker)
{
    return worker->breaker.state == HS_BREAKER_CLOSED ? hs_workers_bucket(worker)
                                                      : HS_NODE_DEGRADED;
}

/* It does not answer, or has too much to do already. */
static bool is_left_alone(struct pass *pass, const struct hs_manager_worker *worker)
{
    uint64_t admits_at_ns = hs_breaker_admits_at_ns(&worker->breaker, pass->step->now_ns);

    if (admits_at_ns) hs_manager_due(pass->step, admits_at_ns);
    return admits_at_ns || hs_workers_bucket(worker) == HS_NODE_OVERLOADED;
}

/* Those that come and go get no new work while there are others. */
static void drop_damped(struct pass *pass)
{
    struct hs_workers *workers = &pass->step->manager->workers;
    unsigned           kept = 0;

    for (unsigned i = 0; i < pass->worker_count; i++)
        kept += !hs_flap_is_damped(&workers->at[pass->workers[i].idx].flap, pass->step->now_ns);
    if (kept == 0 || kept == pass->worker_count) return;
    kept = 0;
    pass->total_cores = pass->free_cores = 0;
    for (unsigned i = 0; i < pass->worker_count; i++) {
        struct hs_manager_worker *worker = &workers->at[pass->workers[i].idx];

        if (worker->flap.is_damped) continue;
        pass->workers[kept] = pass->workers[i];
        pass->total_cores += hs_workers_usable_cores(worker, pass->step->now_ns);
        pass->free_cores += pass->workers[kept++].free_cores;
    }
    pass->worker_count = kept;
}

static void gather_workers(struct pass *pass)
{
    struct hs_manager *manager = pass->step->manager;

    hs_workers_relieve(&manager->workers, pass->step->now_ns);
    for (uint32_t i = 0; i < manager->workers.high; i++) {
        struct hs_manager_worker *worker = &manager->workers.at[i];
        struct hs_assign_worker  *row = &pass->workers[pass->worker_count];
        uint32_t                  usable = hs_workers_usable_cores(worker, pass->step->now_ns);
        uint32_t                  cores, execs;

        if (!worker->is_used || !worker->link) continue;
        if (hs_workers_usable_at_ns(worker) > pass->step->now_ns)
            hs_manager_due(pass->step, hs_workers_usable_at_ns(worker));
        if (!usable || is_left_alone(pass, worker)) continue;
        hs_manager_worker_load(manager, worker, &cores, &execs);
        *row = (struct hs_assign_worker){.idx = i,
                                         .bucket = bucket_of(worker),
                                         .free_cores = usable > cores ? usable - cores : 0};
        memcpy(row->id, worker->id, sizeof row->id);
        pass->total_cores += usable;
        pass->free_cores += row->free_cores;
        pass->worker_count++;
    }
    drop_damped(pass);
}

static struct hs_manager_proposal *prepare(struct pass *pass, const struct hs_manager_job *job,
                                           unsigned workflow)
{
    struct hs_manager_proposal *proposal = hs_manager_prepare(pass->step, HS_MANAGER_ASSIGN);
    struct hs_manager_place     place;

    if (!proposal) return NULL;
    memcpy(proposal->entry.assign.job_id, job->id, HS_JOB_ID_BYTES);
    if (hs_manager_find_place(pass->step->manager, job->id, &place))
        proposal->entry.assign.after_ns = hs_manager_elapsed_ns(pass->step, &place);
    proposal->entry.assign.workflow = (uint8_t)workflow;
    return proposal;
}

static void add_item(struct pass *pass, struct hs_manager_assign *assign,
                     const struct hs_assign_pick *pick, unsigned shard, unsigned attempt)
{
    const struct hs_manager_worker *worker = &pass->step->manager->workers.at[pick->idx];
    struct hs_manager_assign_item  *item = &assign->items[assign->count++];

    item->shard = (uint16_t)shard;
    item->attempt = (uint8_t)attempt;
    item->cores = (uint16_t)pick->cores;
    item->incarnation = worker->incarnation;
    memcpy(item->worker, worker->id, sizeof item->worker);
}

static void propose(struct pass *pass, struct hs_manager_proposal *proposal)
{
    HS_ASSERT(proposal->entry.assign.count > 0);
    pass->step->manager->assigns_open++;
    hs_manager_propose(pass->step, proposal);
}

/* Workers that are silent about this job get no more of it. How many free cores they have. */
static uint32_t avoid(struct pass *pass, const struct hs_manager_job *job)
{
    struct hs_manager *manager = pass->step->manager;
    uint32_t           avoided = 0;

    for (unsigned i = 0; i < pass->worker_count; i++) {
        struct hs_assign_worker *row = &pass->workers[i];

        row->is_avoided =
            hs_manager_health(manager, job, &manager->workers.at[row->idx]) != HS_JOB_HEALTH_ALIVE;
        avoided += row->is_avoided ? row->free_cores : 0;
    }
    return avoided;
}

/* ---- shares that run again: as many cores as before, on a worker that did not lose it ---- */

static struct hs_assign_worker *find_for(struct pass *pass, const struct hs_manager_shard *shard,
                                         bool with_last_choices)
{
    struct hs_assign_worker *best = NULL; /* avoid() was called for its job */

    for (unsigned i = 0; i < pass->worker_count; i++) {
        struct hs_assign_worker        *row = &pass->workers[i];
        const struct hs_manager_worker *worker = &pass->step->manager->workers.at[row->idx];

        if (row->free_cores < shard->cores || row->is_avoided ||
            hs_manager_is_excluded(shard, worker->id, worker->incarnation, with_last_choices))
            continue;
        if (!best || row->bucket < best->bucket ||
            (row->bucket == best->bucket && row->free_cores > best->free_cores))
            best = row;
    }
    return best;
}

static void retry_shard(struct pass *pass, struct hs_manager_job *job, unsigned workflow_idx,
                        unsigned shard_idx)
{
    struct hs_manager          *manager = pass->step->manager;
    struct hs_manager_workflow *workflow =
        hs_manager_workflow_at(manager->state, job, workflow_idx);
    struct hs_manager_shard    *shard = hs_manager_shard_at(manager->state, workflow, shard_idx);
    struct hs_manager_exec     *exec = hs_manager_exec_at(manager, workflow, shard_idx);
    struct hs_assign_worker    *row;
    struct hs_manager_proposal *proposal;

    if (shard->state != HS_SHARD_BACKOFF || exec->backoff_fence != shard->exec_fence ||
        pass->step->now_ns < exec->retry_at_ns)
        return;
    row = find_for(pass, shard, true);
    if (!row) row = find_for(pass, shard, false); /* better one that had no room before than none */
    if (!row) return;
    proposal = prepare(pass, job, workflow_idx);
    if (!proposal) return;
    add_item(pass, &proposal->entry.assign, &(struct hs_assign_pick){row->idx, shard->cores},
             shard_idx, shard->attempt + 1u);
    row->free_cores -= shard->cores;
    pass->free_cores -= shard->cores;
    propose(pass, proposal);
}

static void retry_shards(struct pass *pass, struct hs_manager_job *job)
{
    HS_IGNORE(avoid(pass, job), "each share looks for itself");
    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow =
            hs_manager_workflow_at(pass->step->manager->state, job, i);

        if (workflow->state != HS_WORKFLOW_RUNNING) continue;
        for (unsigned s = 0; s < workflow->shard_count; s++) retry_shard(pass, job, i, s);
    }
}

/* ---- workflows that start ---- */

static void start_workflow(struct pass *pass, struct hs_manager_job *job, unsigned idx,
                           uint32_t cores)
{
    struct hs_assign_pick       picks[HS_SHARDS_MAX];
    struct hs_manager_proposal *proposal = prepare(pass, job, idx);
    unsigned                    count;

    if (!proposal) return;
    count = hs_assign_pick(pass->workers, pass->worker_count, cores, picks);
    if (!count) return; /* too scattered: it waits */
    for (unsigned i = 0; i < count; i++) add_item(pass, &proposal->entry.assign, &picks[i], i, 0);
    pass->free_cores -= cores;
    propose(pass, proposal);
}

static unsigned list_ready(struct pass *pass, struct hs_manager_job *job, unsigned *ready,
                           uint64_t *cores_max)
{
    struct hs_manager *manager = pass->step->manager;
    unsigned           count = 0;

    for (unsigned i = 0; i < job->workflow_count; i++) {
        if (hs_manager_workflow_at(manager->state, job, i)->state != HS_WORKFLOW_READY) continue;
        cores_max[count] = hs_manager_flow_at(manager, job, i)->load.cores_max;
        ready[count++] = i;
    }
    return count;
}

static void start_workflows(struct pass *pass, struct hs_manager_job *job, uint32_t most_cores)
{
    unsigned ready[HS_WORKFLOWS_MAX];
    uint64_t cores_max[HS_WORKFLOWS_MAX];
    uint32_t cores[HS_WORKFLOWS_MAX];
    unsigned count = list_ready(pass, job, ready, cores_max);

    if (!count || !most_cores) return;
    hs_assign_cores(cores_max, count, most_cores, cores);
    for (unsigned i = 0; i < count; i++)
        if (cores[i]) start_workflow(pass, job, ready[i], cores[i]);
}

static bool is_waiting(struct hs_manager *manager, struct hs_manager_job *job)
{
    if (job->phase != HS_MANAGER_JOB_ACTIVE) return false;
    for (unsigned i = 0; i < job->workflow_count; i++)
        if (hs_manager_workflow_at(manager->state, job, i)->state == HS_WORKFLOW_READY) return true;
    return false;
}

static uint32_t cores_held(struct hs_manager *manager, const struct hs_manager_job *job)
{
    uint32_t cores = 0;

    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow = hs_manager_workflow_at(manager->state, job, i);

        for (unsigned s = 0; s < workflow->shard_count; s++) {
            const struct hs_manager_shard *shard = hs_manager_shard_at(manager->state, workflow, s);

            if (shard->state == HS_SHARD_ASSIGNED) cores += shard->cores;
        }
    }
    return cores;
}

/* The job that was accepted first among those after `after`; NULL: none. */
static struct hs_manager_job *next_job(struct hs_manager *manager, uint64_t after)
{
    struct hs_manager_job *next = NULL;

    for (unsigned i = 0; i < HS_JOBS_MAX; i++) {
        struct hs_manager_job *job = &manager->state->jobs[i];

        if (job->phase != HS_MANAGER_JOB_ACTIVE || !manager->softs[i].has_loads ||
            job->accepted_seq <= after)
            continue;
        if (!next || job->accepted_seq < next->accepted_seq) next = job;
    }
    return next;
}

/* One job alone may have everything; while others wait, half (jobs.md 7.7). */
static uint32_t most_cores(struct pass *pass, struct hs_manager_job *job, unsigned waiting_count)
{
    uint32_t half = (pass->total_cores + 1) / 2;
    uint32_t held = cores_held(pass->step->manager, job);
    uint32_t avoided = avoid(pass, job);
    uint32_t open = pass->free_cores > avoided ? pass->free_cores - avoided : 0;

    if (waiting_count <= 1) return open;
    if (held >= half) return 0;
    return half - held < open ? half - held : open;
}

void hs_manager_turn_schedule(struct hs_manager_step *step)
{
    struct hs_manager     *manager = step->manager;
    struct pass           *pass = &(struct pass){.step = step};
    struct hs_manager_job *job = NULL;
    unsigned               waiting_count = 0;

    if (manager->assigns_open || manager->is_stopping || !manager->state->active_count) return;
    gather_workers(pass);
    if (!pass->free_cores) return;
    while ((job = next_job(manager, job ? job->accepted_seq : 0))) {
        retry_shards(pass, job);
        waiting_count += is_waiting(manager, job);
    }
    while (waiting_count && pass->free_cores &&
           (job = next_job(manager, job ? job->accepted_seq : 0)))
        if (is_waiting(manager, job))
            start_workflows(pass, job, most_cores(pass, job, waiting_count));
}

void hs_manager_assign_applied(struct hs_manager_step *step, const struct hs_manager_assign *assign,
                               uint32_t code)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_place     place;
    struct hs_manager_workflow *workflow;
    struct hs_manager_flow     *flow;

    HS_ASSERT(manager->assigns_open > 0);
    manager->assigns_open--;
    if (code != HS_RESULT_OK || !hs_manager_find_place(manager, assign->job_id, &place)) return;
    workflow = hs_manager_workflow_at(manager->state, place.job, assign->workflow);
    flow = hs_manager_flow_at(manager, place.job, assign->workflow);
    flow->is_row_dirty = true;
    place.soft->is_progress_dirty = true;
    manager->counts.execs_assigned += assign->count;
    if (assign->items[0].attempt > 0) {
        manager->counts.execs_retried++;
        return;
    }
    manager->counts.workflows_started++;
    hs_manager_live_close(manager->memory.live, flow->run);
    flow->run = hs_manager_live_open(manager->memory.live, flow->load.step_count,
                                     workflow->shard_count, false);
}
