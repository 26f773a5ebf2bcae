// SPDX-License-Identifier: Apache-2.0
/* manager_silence.c - tells the watch over jobs on workers (job_suspicion.h) what happens, and the
 * operator what it finds. The share itself is given up where its other ends are
 * (manager_execs.c). */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

#define RECONCILE_INTERVAL_NS (5 * HS_NS_PER_S) /* membership 10 */
#define HOLD_NS               (2 * HS_NS_PER_S) /* after the last report that was refused */

static uint32_t idx_of(const struct hs_manager *manager, const struct hs_manager_worker *worker)
{
    return (uint32_t)(worker - manager->workers.at);
}

static void note(struct hs_manager_step *step, enum hs_notice_kind kind, uint32_t job,
                 uint32_t worker_idx)
{
    const struct hs_manager_worker *worker = &step->manager->workers.at[worker_idx];
    char                            id[2 * HS_JOB_ID_BYTES + 1];

    hs_hex_format(step->manager->state->jobs[job].id, HS_JOB_ID_BYTES, id);
    hs_notice_fill(hs_manager_event(step->actions), kind, id, worker->generation, "worker %s",
                   worker->name);
    hs_log(kind == HS_NOTICE_JOB_REFUTED ? HS_LOG_INFO : HS_LOG_WARN, "manager",
           "%s job=%s worker=%s", hs_notice_kind_name(kind), id, worker->name);
}

void hs_manager_watch(struct hs_manager_step *step, const struct hs_manager_place *place,
                      const struct hs_manager_worker *worker, uint64_t seq)
{
    struct hs_job_suspicion *silence = &step->manager->silence;
    uint32_t                 idx = idx_of(step->manager, worker);

    hs_job_suspicion_watch(silence, place->idx, idx, step->now_ns);
    if (hs_job_suspicion_news(silence, place->idx, idx, seq, step->now_ns))
        note(step, HS_NOTICE_JOB_REFUTED, place->idx, idx);
}

static bool is_reporting(struct hs_manager *manager, const struct hs_manager_workflow *workflow,
                         const uint8_t worker_id[16])
{
    for (unsigned i = 0; i < workflow->shard_count; i++) {
        const struct hs_manager_shard *shard = hs_manager_shard_at(manager->state, workflow, i);
        const struct hs_manager_exec  *exec;

        if (shard->state != HS_SHARD_ASSIGNED || memcmp(shard->worker, worker_id, 16) != 0)
            continue;
        exec = hs_manager_exec_at(manager, workflow, i);
        if (exec->is_acked && !exec->is_end_told) return true;
    }
    return false;
}

void hs_manager_rest(struct hs_manager *manager, const struct hs_manager_place *place,
                     const uint8_t worker_id[16])
{
    struct hs_manager_worker *worker = hs_workers_find(&manager->workers, worker_id);

    if (!worker) return;
    hs_extension_reset(&worker->extension);
    for (unsigned i = 0; i < place->job->workflow_count; i++)
        if (is_reporting(manager, hs_manager_workflow_at(manager->state, place->job, i), worker_id))
            return;
    hs_job_suspicion_rest(&manager->silence, place->idx, idx_of(manager, worker));
}

enum hs_job_health hs_manager_health(const struct hs_manager        *manager,
                                     const struct hs_manager_job    *job,
                                     const struct hs_manager_worker *worker)
{
    return hs_job_suspicion_of(&manager->silence, hs_manager_job_idx(manager->state, job),
                               idx_of(manager, worker));
}

static enum hs_job_health health_of(const struct hs_manager_worker *worker)
{
    if (!worker->is_used || worker->is_lost) return HS_JOB_HEALTH_DEAD_NODE;
    return worker->link && worker->is_reconciled && !hs_workers_is_held(worker)
               ? HS_JOB_HEALTH_ALIVE
               : HS_JOB_HEALTH_SUSPECT_NODE;
}

static void reconcile(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;
    unsigned           repaired;

    if (step->now_ns < manager->reconcile_at_ns) return;
    manager->reconcile_at_ns = step->now_ns + RECONCILE_INTERVAL_NS;
    repaired = hs_job_suspicion_reconcile(&manager->silence, step->now_ns);
    if (repaired)
        hs_log(HS_LOG_ERROR, "manager", "watch over jobs was wrong and is repaired entries=%u",
               repaired);
}

/* Reports that this manager itself turns away are no silence of others. */
static bool turns_reports_away(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;
    uint64_t refused = manager->admission ? manager->admission->refused[HS_TRAFFIC_DATA] : 0;

    if (refused != manager->reports_refused) manager->hold_until_ns = step->now_ns + HOLD_NS;
    manager->reports_refused = refused;
    return step->now_ns < manager->hold_until_ns;
}

void hs_manager_turn_silence(struct hs_manager_step *step)
{
    struct hs_manager       *manager = step->manager;
    struct hs_job_suspicion *silence = &manager->silence;
    struct hs_job_verdict    verdict;

    hs_job_suspicion_hold(silence, turns_reports_away(step), step->now_ns);
    for (uint32_t i = 0; i < manager->workers.high; i++)
        hs_job_suspicion_node(silence, i, health_of(&manager->workers.at[i]), step->now_ns);
    while (hs_job_suspicion_next(silence, step->now_ns, &verdict))
        note(step, verdict.state == HS_JOB_SLOT_DEAD ? HS_NOTICE_JOB_DEAD : HS_NOTICE_JOB_SUSPECT,
             verdict.job, verdict.node);
    reconcile(step);
    hs_manager_due(step, hs_job_suspicion_deadline_ns(silence));
}
