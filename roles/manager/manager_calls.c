// SPDX-License-Identifier: Apache-2.0
/* manager_calls.c - leave to give a worker a share, and how that ended (guard/breaker.h): a worker
 * that does not answer is left alone for a while. Cancels are always sent. */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

static void note_opened(struct hs_manager_step *step, const struct hs_manager_worker *worker,
                        uint32_t opened_count)
{
    if (worker->breaker.opened_count == opened_count) return;
    step->manager->counts.breakers_opened++;
    hs_log(HS_LOG_WARN, "manager", "worker left alone name=%s: it does not answer", worker->name);
}

bool hs_manager_begin_call(struct hs_manager_step *step, struct hs_manager_worker *worker,
                           struct hs_manager_exec *exec)
{
    struct hs_manager *manager = step->manager;
    uint32_t           opened_count = worker->breaker.opened_count;
    bool               is_admitted;

    hs_workers_relieve(&manager->workers, step->now_ns);
    is_admitted =
        hs_breaker_admit(&worker->breaker, step->now_ns, manager->config.dispatch_ack_timeout_ns,
                         &manager->rand, &exec->call);
    note_opened(step, worker, opened_count); /* a trial that nobody had ended */
    manager->counts.breaker_refusals += !is_admitted;
    return is_admitted;
}

void hs_manager_end_call(struct hs_manager_step *step, struct hs_manager_worker *worker,
                         struct hs_manager_exec *exec, enum hs_breaker_outcome outcome)
{
    uint32_t opened_count = worker->breaker.opened_count;

    if (!exec->call.generation) return;
    hs_breaker_report(&worker->breaker, &exec->call, outcome, step->now_ns, &step->manager->rand);
    note_opened(step, worker, opened_count);
}

/* That is no word of the worker's, so no attempt and no failure; unless there is no room for as
 * long as a silent worker is waited for. */
void hs_manager_on_unsent(struct hs_manager *manager, const struct hs_exec_id *id,
                          uint64_t exec_fence, uint64_t now_ns)
{
    struct hs_manager_step    step = {.manager = manager, .now_ns = now_ns};
    struct hs_manager_shard  *shard = hs_manager_find_exec(manager->state, id, exec_fence);
    struct hs_manager_place   place;
    struct hs_manager_exec   *exec;
    struct hs_manager_worker *worker;

    if (!shard || !hs_manager_find_place(manager, id->job_id, &place)) return;
    exec = hs_manager_exec_at(
        manager, hs_manager_workflow_at(manager->state, place.job, id->workflow), id->shard);
    worker = hs_workers_find(&manager->workers, shard->worker);
    if (worker)
        hs_manager_end_call(&step, worker, exec,
                            exec->call.is_trial ? HS_BREAKER_FAIL : HS_BREAKER_NEUTRAL);
    exec->sent_at_ns = 0;
    exec->needs_resend = exec->is_acked;
    if (!exec->unsent_at_ns) exec->unsent_at_ns = now_ns;
    if (now_ns - exec->unsent_at_ns >= manager->config.worker_lost_after_ns) return;
    if (exec->send_count) exec->send_count--;
}
