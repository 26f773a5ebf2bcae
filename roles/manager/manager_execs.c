// SPDX-License-Identifier: Apache-2.0
/* manager_execs.c - follows each exec from its assignment to its end (jobs.md 6.5): sends it,
 * repeats, cancels, gives it up. */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

#include <stdio.h>
#include <string.h>

#define EXEC_SLACK_NS     (30 * HS_NS_PER_S) /* jobs.md 6.5: above its own duration */
#define WORKER_SLACK_NS   (10 * HS_NS_PER_S) /* the worker ends it first, with its figures */
#define CANCEL_ACK_NS     (5 * HS_NS_PER_S)  /* jobs.md 7.14 */
#define CANCEL_GRACE_NS   (5 * HS_NS_PER_S)
#define CANCEL_GIVE_UP_NS (60 * HS_NS_PER_S)
#define STARVE_MOST_NS    (300 * HS_NS_PER_S) /* a job's time by default (jobs.md 7.1) */
#define CALL_AGAIN_NS     HS_NS_PER_S         /* its breaker is due when the worker is heard */
enum { CANCEL_SENDS_MAX = 3 };

static const char unusable[] = "its plan cannot be used any more";

/* All about one exec while it is looked at. */
struct view {
    struct hs_manager_place    *place;
    struct hs_manager_workflow *workflow;
    struct hs_manager_flow     *flow;
    struct hs_manager_shard    *shard;
    struct hs_manager_exec     *exec;
    struct hs_manager_worker   *worker; /* NULL: not registered since this process started */
    struct hs_exec_id           id;
};

/* ---- ends ---- */

bool hs_manager_propose_end(struct hs_manager_step *step, const struct hs_exec_id *id,
                            uint64_t exec_fence, enum hs_exec_outcome outcome, const char *text)
{
    struct hs_manager_proposal *proposal = hs_manager_prepare(step, HS_MANAGER_END);
    struct hs_manager_end      *end;
    struct hs_manager_place     place;

    if (!proposal) return false;
    end = &proposal->entry.end;
    memcpy(end->job_id, id->job_id, sizeof end->job_id);
    end->workflow = id->workflow;
    end->shard = id->shard;
    end->attempt = id->attempt;
    end->exec_fence = exec_fence;
    end->outcome = (uint8_t)outcome;
    (void)snprintf(end->text, sizeof end->text, "%s", text);
    if (id->shard != HS_MANAGER_WORKFLOW_SHARDS &&
        hs_manager_find_place(step->manager, id->job_id, &place))
        end->discarded_sent =
            hs_manager_live_sent(step->manager->memory.live,
                                 hs_manager_flow_at(step->manager, place.job, id->workflow)->run,
                                 hs_manager_live_key(id->shard, id->attempt));
    hs_manager_propose(step, proposal);
    return true;
}

static void end_exec(struct hs_manager_step *step, struct view *view, enum hs_exec_outcome outcome,
                     const char *text)
{
    char name[HS_EXEC_ID_TEXT_BYTES];

    view->exec->is_end_proposed =
        hs_manager_propose_end(step, &view->id, view->shard->exec_fence, outcome, text);
    if (view->exec->is_end_proposed)
        hs_log(HS_LOG_WARN, "manager", "share ends exec=%s outcome=%s: %s",
               hs_exec_id_format(&view->id, name), hs_exec_outcome_name(outcome), text);
}

static uint64_t backoff_ns(struct hs_manager *manager, unsigned attempt)
{
    uint64_t most_ns = manager->config.retry_backoff_min_ns;

    while (attempt-- && most_ns < manager->config.retry_backoff_max_ns) most_ns *= 2;
    most_ns = hs_min_u64(most_ns, manager->config.retry_backoff_max_ns);
    return 1 + hs_rand_below(&manager->rand, most_ns); /* full jitter */
}

static void note_lost(struct hs_manager_step *step, const struct hs_manager_end *end)
{
    char id[2 * HS_JOB_ID_BYTES + 1];

    step->manager->counts.execs_lost++;
    hs_notice_fill(hs_manager_event(step->actions), HS_NOTICE_SHARE_LOST,
                   hs_hex_format(end->job_id, HS_JOB_ID_BYTES, id), end->attempt,
                   "workflow %u, share %u: %s", (unsigned)end->workflow, (unsigned)end->shard,
                   end->text);
}

/* Its worker may have nothing of the job any more. */
static void rest(struct hs_manager *manager, const struct hs_manager_place *place,
                 const struct hs_manager_end *end)
{
    const struct hs_manager_workflow *workflow =
        hs_manager_workflow_at(manager->state, place->job, end->workflow);

    if (end->shard < workflow->shard_count)
        hs_manager_rest(manager, place,
                        hs_manager_shard_at(manager->state, workflow, end->shard)->worker);
}

/* What it measured counts no more. Of a worker that left it does where nothing is run again. */
static bool is_void(struct hs_manager *manager, const struct hs_manager_job *job,
                    const struct hs_manager_end *end)
{
    if (end->shard == HS_MANAGER_WORKFLOW_SHARDS) return false;
    if (end->outcome == HS_OUTCOME_DRAINED)
        return hs_manager_shard_at(manager->state,
                                   hs_manager_workflow_at(manager->state, job, end->workflow),
                                   end->shard)
                   ->state == HS_SHARD_BACKOFF;
    return end->outcome == HS_OUTCOME_LOST || end->outcome == HS_OUTCOME_EXPIRED ||
           end->outcome == HS_OUTCOME_CORRUPT || end->outcome == HS_OUTCOME_REJECTED ||
           end->outcome == HS_OUTCOME_UNCONFIRMED;
}

void hs_manager_end_applied(struct hs_manager_step *step, const struct hs_manager_end *end)
{
    struct hs_manager      *manager = step->manager;
    struct hs_manager_place place;
    struct hs_manager_flow *flow;

    if (!hs_manager_find_place(manager, end->job_id, &place)) return;
    flow = hs_manager_flow_at(manager, place.job, end->workflow);
    flow->is_row_dirty = true;
    place.soft->is_progress_dirty = true;
    rest(manager, &place, end);
    if (end->outcome == HS_OUTCOME_LOST || end->outcome == HS_OUTCOME_CORRUPT ||
        end->outcome == HS_OUTCOME_DRAINED)
        note_lost(step, end);
    if (is_void(manager, place.job, end))
        hs_manager_live_discard(manager->memory.live, flow->run,
                                hs_manager_live_key(end->shard, end->attempt));
}

/* ---- frames to workers ---- */

void hs_manager_kill_exec(struct hs_manager_step *step, uint32_t link, const struct hs_exec_id *id,
                          uint64_t exec_fence, const char *reason)
{
    struct hs_msg_exec_cancel *cancel =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_EXEC_CANCEL, link, 0)
             ->exec_cancel;
    const struct hs_manager_worker *worker = hs_workers_find_link(&step->manager->workers, link);

    cancel->exec = *id;
    cancel->exec_fence = exec_fence;
    cancel->manager_fence = step->manager->state->leader_fence;
    cancel->session = worker ? worker->session : 0;
    cancel->hard = 1;
    (void)snprintf(cancel->reason, sizeof cancel->reason, "%s", reason);
}

static void kill_if_linked(struct hs_manager_step *step, const struct view *view,
                           const char *reason)
{
    if (view->worker && view->worker->link && hs_manager_has_room(step->actions))
        hs_manager_kill_exec(step, view->worker->link, &view->id, view->shard->exec_fence, reason);
}

static uint64_t exec_limit_ns(const struct view *view)
{
    uint64_t duration_ns = view->flow->load.duration_ns;

    if (!view->place->soft->has_loads) return HS_NEVER_NS; /* nobody knows any more */
    return duration_ns < HS_NEVER_NS - EXEC_SLACK_NS ? duration_ns + EXEC_SLACK_NS : HS_NEVER_NS;
}

static void fill_share(struct hs_manager_step *step, const struct view *view,
                       struct hs_msg_exec_dispatch *dispatch)
{
    uint32_t               cores[HS_SHARDS_MAX];
    struct hs_assign_share share;
    unsigned               count = view->workflow->shard_count;

    for (unsigned i = 0; i < count; i++)
        cores[i] = hs_manager_shard_at(step->manager->state, view->workflow, i)->cores;
    hs_assign_share_of(&view->flow->load, cores, count, view->id.shard, &share);
    dispatch->cores = view->shard->cores;
    dispatch->shard_count = (uint16_t)count;
    dispatch->vus = (uint32_t)share.vus;
    dispatch->vus_first = (uint32_t)share.vus_first;
    dispatch->vus_total = (uint32_t)share.vus_total;
    dispatch->iterations = share.iterations;
    dispatch->iterations_first = share.iterations_first;
    dispatch->iterations_total = share.iterations_total;
    dispatch->share = share.share;
    dispatch->share_first = share.share_first;
    dispatch->share_total = share.share_total;
    dispatch->connections = share.connections;
    if (view->place->job->datacenter_count <= 1) return;
    /* Each datacenter has an equal part of the arrivals, its own cores share it (design.md 6). */
    dispatch->share_first += share.share_total * view->place->job->datacenter_idx;
    dispatch->share_total *= view->place->job->datacenter_count;
}

static void send_exec(struct hs_manager_step *step, struct view *view)
{
    struct hs_manager_action    *action = hs_manager_act(step->actions, HS_MANAGER_SEND_EXEC);
    struct hs_msg_exec_dispatch *dispatch = &action->message.exec_dispatch;
    const struct hs_manager_job *job = view->place->job;
    uint64_t                     limit_ns = exec_limit_ns(view);

    action->message_type = HS_MSG_EXEC_DISPATCH;
    action->link = view->worker->link;
    action->digest = job->plan;
    dispatch->exec = view->id;
    dispatch->exec_fence = view->shard->exec_fence;
    dispatch->manager_fence = step->manager->state->leader_fence;
    dispatch->session = view->worker->session;
    memcpy(dispatch->digest, job->plan.bytes, sizeof dispatch->digest);
    dispatch->plan_bytes = (uint32_t)job->plan_bytes;
    dispatch->timeout_ns = limit_ns == HS_NEVER_NS ? 0 : limit_ns;
    dispatch->birth_fence = job->birth_fence;
    memcpy(dispatch->name, job->name, sizeof dispatch->name);
    fill_share(step, view, dispatch);
    view->exec->is_sent = true;
    view->exec->sent_at_ns = step->now_ns;
    view->exec->needs_resend = false;
}

/* ---- what can happen to it ---- */

/* Its worker has a new life, or is silent for too long: this one comes to nothing. */
static bool is_worker_gone(struct hs_manager_step *step, const struct view *view)
{
    const struct hs_manager *manager = step->manager;

    if (!view->worker) {
        uint64_t at_ns = manager->leading_at_ns + manager->config.worker_lost_after_ns;

        if (step->now_ns >= at_ns) return true;
        hs_manager_due(step, at_ns);
        return false;
    }
    return view->worker->is_lost || view->worker->incarnation != view->shard->incarnation;
}

static void turn_unacked(struct hs_manager_step *step, struct view *view)
{
    struct hs_manager_exec         *exec = view->exec;
    const struct hs_manager_config *config = &step->manager->config;

    if (step->now_ns < exec->send_at_ns) {
        hs_manager_due(step, exec->send_at_ns);
        return;
    }
    /* it was not answered in its time */
    if (view->worker) hs_manager_end_call(step, view->worker, exec, HS_BREAKER_FAIL);
    if (view->place->soft->is_plan_bad) {
        end_exec(step, view, HS_OUTCOME_FAILED, unusable);
        return;
    }
    if (exec->send_count >= config->dispatch_attempts) {
        kill_if_linked(step, view, "given to another worker");
        end_exec(step, view, HS_OUTCOME_LOST, "its worker does not answer");
        return;
    }
    if (step->manager->is_stopping || !hs_manager_has_room(step->actions)) return;
    if (!hs_manager_begin_call(step, view->worker, exec)) {
        exec->send_at_ns = step->now_ns + CALL_AGAIN_NS;
        hs_manager_due(step, exec->send_at_ns);
        return;
    }
    send_exec(step, view);
    exec->send_count++;
    exec->send_at_ns = step->now_ns + config->dispatch_ack_timeout_ns * exec->send_count;
    hs_manager_due(step, exec->send_at_ns);
}

static void turn_running(struct hs_manager_step *step, struct view *view)
{
    struct hs_manager_exec *exec = view->exec;
    uint64_t                stuck_at_ns = exec->heard_at_ns + step->manager->config.stuck_after_ns;
    uint64_t                limit_ns = exec_limit_ns(view);
    uint64_t                end_at_ns = HS_NEVER_NS;

    if (limit_ns < HS_NEVER_NS - WORKER_SLACK_NS - exec->started_at_ns)
        end_at_ns =
            exec->started_at_ns + limit_ns + WORKER_SLACK_NS + view->place->soft->extended_ns;
    if (step->now_ns >= end_at_ns) {
        kill_if_linked(step, view, "its time is over");
        end_exec(step, view, HS_OUTCOME_EXPIRED, "it did not end in its time");
    } else if (step->now_ns >= stuck_at_ns) {
        kill_if_linked(step, view, "it does not move");
        end_exec(step, view, HS_OUTCOME_LOST, "it reported nothing for too long");
    } else if (exec->needs_resend && view->place->soft->has_loads &&
               hs_manager_has_room(step->actions)) {
        send_exec(step, view);
    }
    hs_manager_due(step, hs_min_u64(stuck_at_ns, end_at_ns));
}

static void send_cancel(struct hs_manager_step *step, struct view *view)
{
    struct hs_manager_exec *exec = view->exec;

    if (exec->cancel_count >= CANCEL_SENDS_MAX) return;
    if (step->now_ns < exec->cancel_at_ns) {
        hs_manager_due(step, exec->cancel_at_ns);
        return;
    }
    if (!hs_manager_has_room(step->actions)) return;
    hs_manager_kill_exec(step, view->worker->link, &view->id, view->shard->exec_fence,
                         view->workflow->is_failing ? "another share failed" : "cancelled");
    step->actions->at[step->actions->count - 1].message.exec_cancel.hard = 0;
    step->actions->at[step->actions->count - 1].message.exec_cancel.grace_ns = CANCEL_GRACE_NS;
    exec->cancel_count++;
    exec->cancel_at_ns = step->now_ns + CANCEL_ACK_NS;
    hs_manager_due(step, exec->cancel_at_ns);
}

static void turn_cancelling(struct hs_manager_step *step, struct view *view)
{
    uint64_t give_up_at_ns = view->flow->entered_at_ns + CANCEL_GIVE_UP_NS;
    bool     is_ready = view->worker && view->worker->link && view->worker->is_reconciled;

    if (step->now_ns >= give_up_at_ns)
        end_exec(step, view, HS_OUTCOME_UNCONFIRMED, "its worker did not confirm the stop");
    else if (is_ready && !view->exec->is_sent && !view->exec->is_listed)
        end_exec(step, view, HS_OUTCOME_CANCELLED, "not started");
    else if (is_ready)
        send_cancel(step, view);
    hs_manager_due(step, give_up_at_ns);
}

static void turn_exec(struct hs_manager_step *step, struct view *view)
{
    bool is_linked = view->worker && view->worker->link;

    if (view->exec->is_end_proposed) return;
    if (is_worker_gone(step, view)) {
        end_exec(step, view, HS_OUTCOME_LOST, "its worker is gone");
        return;
    }
    if (view->workflow->state == HS_WORKFLOW_CANCELLING) {
        turn_cancelling(step, view);
        return;
    }
    if (!is_linked || !view->worker->is_reconciled) {
        view->exec->cancel_count = 0;
        return;
    }
    if (hs_manager_health(step->manager, view->place->job, view->worker) == HS_JOB_HEALTH_DEAD) {
        kill_if_linked(step, view, "nothing was heard of its job");
        end_exec(step, view, HS_OUTCOME_LOST, "its worker was silent about the job for too long");
        return;
    }
    if (view->exec->is_acked)
        turn_running(step, view);
    else
        turn_unacked(step, view);
}

/* A share that waits for its next attempt: when may it come? Drawn once per attempt. */
static void turn_backoff(struct hs_manager_step *step, struct view *view)
{
    struct hs_manager_exec *exec = view->exec;

    if (exec->backoff_fence != view->shard->exec_fence) {
        exec->backoff_fence = view->shard->exec_fence;
        exec->retry_at_ns = step->now_ns + backoff_ns(step->manager, view->shard->attempt);
    }
    if (step->now_ns < exec->retry_at_ns) hs_manager_due(step, exec->retry_at_ns);
}

static void end_workflow(struct hs_manager_step *step, const struct view *view, unsigned idx,
                         const char *text)
{
    struct hs_exec_id id = {.shard = HS_MANAGER_WORKFLOW_SHARDS, .workflow = (uint8_t)idx};

    if (view->flow->is_end_proposed) return;
    memcpy(id.job_id, view->place->job->id, sizeof id.job_id);
    view->flow->is_end_proposed = hs_manager_propose_end(step, &id, 0, HS_OUTCOME_EXPIRED, text);
}

/* A plan that cannot be read any more (quarantined, damaged) ends what waits for it. */
static void fail_unreadable(struct hs_manager_step *step, const struct view *view, unsigned idx)
{
    bool is_waiting = view->workflow->state == HS_WORKFLOW_READY;

    for (unsigned i = 0; i < view->workflow->shard_count; i++)
        if (hs_manager_shard_at(step->manager->state, view->workflow, i)->state == HS_SHARD_BACKOFF)
            is_waiting = true;
    if (is_waiting) end_workflow(step, view, idx, unusable);
}

/* ---- what nobody can take ---- */

/* By a worker that is there now, though it may be busy. shard NULL: any share of a workflow that
 * has not begun. */
static bool can_be_taken(struct hs_manager_step *step, const struct hs_manager_job *job,
                         const struct hs_manager_shard *shard)
{
    const struct hs_workers *workers = &step->manager->workers;

    for (uint32_t i = 0; i < workers->high; i++) {
        const struct hs_manager_worker *worker = &workers->at[i];
        uint32_t                        usable = hs_workers_usable_cores(worker, step->now_ns);

        if (usable < (shard ? shard->cores : 1u) ||
            hs_manager_health(step->manager, job, worker) == HS_JOB_HEALTH_DEAD)
            continue;
        if (!shard || !hs_manager_is_excluded(shard, worker->id, worker->incarnation, false))
            return true;
    }
    return false;
}

static bool is_starved(struct hs_manager_step *step, const struct view *view)
{
    if (view->workflow->state == HS_WORKFLOW_READY)
        return !can_be_taken(step, view->place->job, NULL);
    if (view->workflow->state != HS_WORKFLOW_RUNNING) return false;
    for (unsigned i = 0; i < view->workflow->shard_count; i++) {
        const struct hs_manager_shard *shard =
            hs_manager_shard_at(step->manager->state, view->workflow, i);

        if (shard->state == HS_SHARD_BACKOFF && !can_be_taken(step, view->place->job, shard))
            return true;
    }
    return false;
}

/* A job with a limit waits for a worker until that; one without would wait for ever
 * (jobs.md 6.4). */
static void watch_starved(struct hs_manager_step *step, const struct view *view, unsigned idx)
{
    struct hs_manager_flow *flow = view->flow;

    if (view->place->job->limit.timeout_ns != HS_NEVER_NS || !is_starved(step, view)) {
        flow->starved_at_ns = 0;
        return;
    }
    if (!flow->starved_at_ns) flow->starved_at_ns = step->now_ns;
    if (step->now_ns < flow->starved_at_ns + STARVE_MOST_NS)
        hs_manager_due(step, flow->starved_at_ns + STARVE_MOST_NS);
    else
        end_workflow(step, view, idx, "no worker could take it for five minutes");
}

void hs_manager_turn_workflow(struct hs_manager_step *step, struct hs_manager_place *place,
                              unsigned idx)
{
    struct hs_manager *manager = step->manager;
    struct view        view = {.place = place,
                               .workflow = hs_manager_workflow_at(manager->state, place->job, idx),
                               .flow = hs_manager_flow_at(manager, place->job, idx)};

    if (hs_manager_is_final(view.workflow->state)) return;
    if (place->soft->is_plan_bad) fail_unreadable(step, &view, idx);
    for (unsigned i = 0; i < view.workflow->shard_count; i++) {
        view.shard = hs_manager_shard_at(manager->state, view.workflow, i);
        view.exec = hs_manager_exec_at(manager, view.workflow, i);
        view.worker = hs_workers_find(&manager->workers, view.shard->worker);
        view.id = (struct hs_exec_id){
            .shard = (uint16_t)i, .workflow = (uint8_t)idx, .attempt = view.shard->attempt};
        memcpy(view.id.job_id, place->job->id, sizeof view.id.job_id);
        if (view.shard->state == HS_SHARD_ASSIGNED) turn_exec(step, &view);
        if (view.shard->state == HS_SHARD_BACKOFF) turn_backoff(step, &view);
    }
    watch_starved(step, &view, idx);
}

void hs_manager_worker_load(struct hs_manager *manager, const struct hs_manager_worker *worker,
                            uint32_t *cores, uint32_t *execs)
{
    struct hs_manager_state *state = manager->state;
    uint32_t                 left = state->active_count; /* asked for each worker in each turn */

    *cores = *execs = 0;
    for (unsigned i = 0; i < HS_JOBS_MAX && left; i++) {
        const struct hs_manager_job *job = &state->jobs[i];

        if (job->phase == HS_MANAGER_JOB_FREE || job->phase == HS_MANAGER_JOB_DONE) continue;
        left--;
        for (unsigned k = 0; k < job->workflow_count; k++) {
            const struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, k);

            for (unsigned s = 0; s < workflow->shard_count; s++) {
                const struct hs_manager_shard *shard = hs_manager_shard_at(state, workflow, s);

                if (shard->state != HS_SHARD_ASSIGNED ||
                    memcmp(shard->worker, worker->id, sizeof shard->worker) != 0)
                    continue;
                *cores += shard->cores;
                *execs += 1;
            }
        }
    }
}
