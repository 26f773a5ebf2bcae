// SPDX-License-Identifier: Apache-2.0
/* manager.c - events in, turns, and the ways through the tables that all files of the core use. */
#include "roles/manager/manager.h"

#include "roles/host_table.h"
#include "roles/manager/manager_step.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"

#include <string.h>

#define SCAN_INTERVAL_NS HS_NS_PER_S /* nothing waits longer to be looked at */
enum { JOB_SUSPECT_S = 2 };          /* membership 10: the least (job_suspicion.h) */

void hs_manager_init(struct hs_manager *manager, const struct hs_manager_config *config,
                     const struct hs_manager_memory *memory)
{
    manager->config = *config;
    manager->memory = *memory;
    manager->state = memory->state;
    manager->workers.session_base = config->generation << 32;
    hs_rand_init(&manager->rand, config->incarnation ^ (config->generation << 17));
    hs_manager_live_init(memory->live);
    hs_job_suspicion_init(&manager->silence,
                          &(struct hs_job_suspicion_config){
                              .silence_ns = config->job_silent_after_ns,
                              .suspect_ns = HS_NS_PER_S * JOB_SUSPECT_S,
                              .stall_ns = SCAN_INTERVAL_NS + HS_NS_PER_S,
                              .slot_count = HS_JOB_SUSPICION_SLOTS,
                          },
                          0);
}

/* ---- ways through the tables ---- */

/* The soft side of a slot belongs to one life of it: another one starts empty. */
static void sync_soft(struct hs_manager *manager, uint32_t idx)
{
    const struct hs_manager_job *job = &manager->state->jobs[idx];
    struct hs_manager_soft      *soft = &manager->softs[idx];
    uint64_t                     wanted = job->phase == HS_MANAGER_JOB_FREE ? 0 : job->accepted_seq;

    if (soft->accepted_seq == wanted) return;
    *soft = (struct hs_manager_soft){.accepted_seq = wanted, .needs_full = true};
    hs_job_suspicion_end_job(&manager->silence, idx);
    for (unsigned i = 0; wanted && i < job->workflow_count; i++) {
        struct hs_manager_flow *flow = hs_manager_flow_at(manager, job, i);

        *flow = (struct hs_manager_flow){.is_row_dirty = true};
    }
}

bool hs_manager_find_place(struct hs_manager *manager, const uint8_t job_id[16],
                           struct hs_manager_place *place)
{
    struct hs_manager_job *job = hs_manager_find_job(manager->state, job_id);

    if (!job) return false;
    place->job = job;
    place->idx = hs_manager_job_idx(manager->state, job);
    sync_soft(manager, place->idx);
    place->soft = &manager->softs[place->idx];
    return true;
}

struct hs_manager_flow *hs_manager_flow_at(struct hs_manager           *manager,
                                           const struct hs_manager_job *job, unsigned idx)
{
    HS_ASSERT(idx < job->workflow_count);
    return &manager->flows[job->workflow_first + idx];
}

struct hs_manager_exec *hs_manager_exec_at(struct hs_manager                *manager,
                                           const struct hs_manager_workflow *workflow, unsigned idx)
{
    const struct hs_manager_shard *shard = hs_manager_shard_at(manager->state, workflow, idx);
    struct hs_manager_exec        *exec = &manager->execs[workflow->shard_first + idx];

    if (exec->exec_fence != shard->exec_fence)
        *exec = (struct hs_manager_exec){.exec_fence = shard->exec_fence};
    return exec;
}

uint64_t hs_manager_live_key(unsigned shard, unsigned attempt)
{
    return (uint64_t)shard << 8 | attempt;
}

static bool is_anything_running(struct hs_manager *manager, const struct hs_manager_job *job)
{
    for (unsigned i = 0; i < job->workflow_count; i++) {
        const struct hs_manager_workflow *workflow = hs_manager_workflow_at(manager->state, job, i);

        if (workflow->shard_count) return true;
    }
    return false;
}

uint8_t hs_manager_shown_status(struct hs_manager *manager, const struct hs_manager_job *job)
{
    switch ((enum hs_manager_job_phase)job->phase) {
    case HS_MANAGER_JOB_CANCELLING: return HS_JOB_CANCELLING;
    case HS_MANAGER_JOB_TIMING_OUT: return HS_JOB_TIMING_OUT;
    case HS_MANAGER_JOB_DONE: return job->status;
    case HS_MANAGER_JOB_FREE:
    case HS_MANAGER_JOB_ACTIVE:
    default: return is_anything_running(manager, job) ? HS_JOB_RUNNING : HS_JOB_QUEUED;
    }
}

void hs_manager_read_blob(struct hs_manager_step *step, enum hs_manager_read what, uint32_t idx,
                          const struct hs_ledger_digest *digest)
{
    struct hs_manager_action *action = hs_manager_act(step->actions, HS_MANAGER_READ_BLOB);

    action->token = (uint64_t)what << 32 | idx;
    action->digest = *digest;
}

bool hs_manager_is_quarantined(const struct hs_manager       *manager,
                               const struct hs_ledger_digest *digest)
{
    uint64_t word = hs_host_table_digest_word(digest->bytes);

    for (unsigned i = 0; i < manager->quarantined_count; i++)
        if (manager->quarantined[i] == word) return true;
    return false;
}

/* ---- events that are not frames ---- */

void hs_manager_quarantine(struct hs_manager *manager, uint64_t digest)
{
    unsigned at = manager->quarantined_count % HS_MANAGER_QUARANTINED;

    if (manager->quarantined_count < HS_MANAGER_QUARANTINED) manager->quarantined_count++;
    manager->quarantined[at] = digest;
    manager->is_dirty = true;
}

void hs_manager_drain(struct hs_manager *manager)
{
    manager->is_draining = true;
    manager->is_dirty = true;
}

void hs_manager_stop(struct hs_manager *manager)
{
    manager->is_stopping = true;
    hs_manager_drain(manager);
}

void hs_manager_on_dropped(struct hs_manager *manager, const uint8_t job_id[HS_JOB_ID_BYTES],
                           uint64_t now_ns)
{
    struct hs_manager_place place;

    if (!hs_manager_find_place(manager, job_id, &place)) return;
    place.soft->needs_full = true;
    place.soft->is_progress_dirty = true;
    place.soft->progress_at_ns = now_ns + HS_NS_PER_S / 2;
}

void hs_manager_on_blob(struct hs_manager *manager, uint64_t token, struct hs_view bytes,
                        uint64_t now_ns, struct hs_manager_actions *actions)
{
    struct hs_manager_step  step = hs_manager_begin(manager, now_ns, actions);
    enum hs_manager_read    what = (enum hs_manager_read)(token >> 32);
    uint32_t                idx = (uint32_t)token;
    struct hs_manager_place place = {.idx = idx};

    if (what != HS_READ_PLAN) {
        hs_manager_maker_blob(&step, what, bytes);
        return;
    }
    HS_ASSERT(idx < HS_JOBS_MAX);
    place.job = &manager->state->jobs[idx];
    place.soft = &manager->softs[idx];
    if (place.job->phase == HS_MANAGER_JOB_FREE) return;
    sync_soft(manager, idx);
    if (!place.soft->has_loads) hs_manager_load_plan(&step, &place, bytes);
}

/* ---- the turn ---- */

static void note_state(struct hs_manager_step *step, struct hs_manager_place *place, unsigned idx)
{
    struct hs_manager                *manager = step->manager;
    const struct hs_manager_workflow *workflow =
        hs_manager_workflow_at(manager->state, place->job, idx);
    struct hs_manager_flow *flow = hs_manager_flow_at(manager, place->job, idx);

    if (flow->seen_state == workflow->state && flow->entered_at_ns) return;
    flow->seen_state = workflow->state;
    flow->entered_at_ns = step->now_ns;
    flow->is_row_dirty = true;
    place->soft->is_progress_dirty = true;
    if (!hs_manager_is_final(workflow->state)) return;
    hs_manager_live_end(manager->memory.live, flow->run);
    manager->counts.workflows_ended++;
}

static void close_runs(struct hs_manager *manager, const struct hs_manager_job *job)
{
    for (unsigned i = 0; i < job->workflow_count; i++) {
        struct hs_manager_flow *flow = hs_manager_flow_at(manager, job, i);

        hs_manager_live_close(manager->memory.live, flow->run);
        flow->run = HS_MANAGER_LIVE_NONE;
    }
}

static uint64_t limit_ns(const struct hs_manager *manager, const struct hs_manager_place *place)
{
    const struct hs_manager_limit *limit = &place->job->limit;
    uint64_t                       began_at_ns = limit->began_at_ns;

    /* Another life's clock says nothing. */
    if (limit->incarnation != manager->config.incarnation) began_at_ns = place->soft->loaded_at_ns;
    if (limit->timeout_ns >= HS_NEVER_NS - began_at_ns) return HS_NEVER_NS;
    return began_at_ns + limit->timeout_ns;
}

/* The gate decides about time (jobs.md 7.12). Only when it is gone for long does its datacenter. */
static void watch_time(struct hs_manager_step *step, struct hs_manager_place *place)
{
    const uint64_t              fallback_ns = 300 * HS_NS_PER_S;
    uint64_t                    at_ns = limit_ns(step->manager, place);
    struct hs_manager_proposal *proposal;

    if (at_ns >= HS_NEVER_NS - 2 * fallback_ns || place->soft->is_timeout_proposed) return;
    at_ns += fallback_ns + hs_manager_extended_ns(place);
    if (step->now_ns < at_ns) {
        hs_manager_due(step, at_ns);
        return;
    }
    proposal = hs_manager_prepare(step, HS_MANAGER_TIMEOUT);
    if (!proposal) return;
    memcpy(proposal->entry.timeout.job_id, place->job->id, HS_JOB_ID_BYTES);
    proposal->entry.timeout.kind = HS_MANAGER_TIMEOUT_FALLBACK;
    place->soft->is_timeout_proposed = true;
    hs_log(HS_LOG_WARN, "manager", "limit passed without a word from the gate job=%s",
           place->job->name);
    hs_manager_propose(step, proposal);
}

static void turn_job(struct hs_manager_step *step, struct hs_manager_place *place)
{
    struct hs_manager     *manager = step->manager;
    struct hs_manager_job *job = place->job;

    if (!place->soft->has_loads && !place->soft->is_plan_bad) {
        if (!hs_manager_has_room(step->actions)) {
            hs_manager_due(step, step->now_ns);
            return;
        }
        hs_manager_read_blob(step, HS_READ_PLAN, place->idx, &job->plan);
        return;
    }
    for (unsigned i = 0; i < job->workflow_count; i++) {
        note_state(step, place, i);
        if (job->phase != HS_MANAGER_JOB_DONE) hs_manager_turn_workflow(step, place, i);
    }
    if (job->phase == HS_MANAGER_JOB_ACTIVE) watch_time(step, place);
    if (job->phase == HS_MANAGER_JOB_DONE && !place->soft->ended_at_ns) {
        place->soft->ended_at_ns = step->now_ns;
        hs_job_suspicion_end_job(&manager->silence, place->idx);
        hs_log(HS_LOG_INFO, "manager", "job ended name=%s status=%s", job->name,
               hs_job_state_name(job->status));
    }
    hs_manager_turn_report(step, place);
    if (job->is_released) close_runs(manager, job);
}

static bool is_to_expire(struct hs_manager_step *step, const struct hs_manager_place *place)
{
    const uint64_t released_for_ns = 60 * HS_NS_PER_S; /* jobs.md 7.21: late frames still find it */
    const struct hs_manager *manager = step->manager;
    uint64_t at_ns = place->soft->ended_at_ns + manager->config.finished_job_retention_ns;

    if (place->job->phase != HS_MANAGER_JOB_DONE || !place->soft->ended_at_ns) return false;
    if (place->job->is_released) {
        at_ns = hs_min_u64(at_ns, place->soft->ended_at_ns + released_for_ns);
        if (manager->state->job_count + HS_MANAGER_INTAKES >= HS_JOBS_MAX) return true;
    }
    if (step->now_ns >= at_ns) return true;
    hs_manager_due(step, at_ns);
    return false;
}

static void turn_expiry(struct hs_manager_step *step)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_proposal *proposal = NULL;

    if (manager->is_expire_proposed) return;
    for (uint32_t i = 0; i < HS_JOBS_MAX; i++) {
        struct hs_manager_place place = {&manager->state->jobs[i], &manager->softs[i], i};

        if (place.job->phase == HS_MANAGER_JOB_FREE || !is_to_expire(step, &place)) continue;
        if (!proposal) proposal = hs_manager_prepare(step, HS_MANAGER_EXPIRE);
        if (!proposal) return;
        memcpy(proposal->entry.expire.job_ids[proposal->entry.expire.count++], place.job->id,
               HS_JOB_ID_BYTES);
        close_runs(manager, place.job);
        if (proposal->entry.expire.count == HS_MANAGER_EXPIRE_MAX) break;
    }
    if (!proposal) return;
    manager->is_expire_proposed = true;
    hs_manager_propose(step, proposal);
}

static void ask_what_it_runs(struct hs_manager_step *step, struct hs_manager_worker *worker)
{
    struct hs_manager *manager = step->manager;

    if (!worker->link || !manager->is_leading || worker->is_reconciled) return;
    if (step->now_ns >= worker->reconcile_at_ns && hs_manager_has_room(step->actions)) {
        struct hs_msg_reconcile *reconcile = &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER,
                                                              HS_MSG_RECONCILE, worker->link, 0)
                                                  ->reconcile;

        reconcile->manager_fence = manager->state->leader_fence;
        reconcile->session = worker->session;
        worker->reconcile_at_ns = step->now_ns + HS_NS_PER_S;
    }
    hs_manager_due(step, worker->reconcile_at_ns);
}

static void note_lost(struct hs_manager_step *step, const struct hs_manager_worker *worker)
{
    step->manager->counts.workers_lost++;
    hs_log(HS_LOG_WARN, "manager", "worker lost name=%s", worker->name);
    hs_notice_fill(
        hs_manager_event(step->actions), HS_NOTICE_WORKER_LOST, worker->name, worker->generation,
        hs_workers_is_condemned(worker) ? "nobody can reach it" : "not heard of for too long");
}

/* So many at once: is it they, or is it we? Nobody is given up before they were asked again. */
static void turn_brake(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;
    uint32_t           lost, all;
    enum hs_brake_turn turn = hs_workers_brake(&manager->workers, step->now_ns,
                                               manager->config.worker_lost_after_ns, &lost, &all);

    if (turn == HS_BRAKE_LET_OFF)
        hs_log(HS_LOG_WARN, "manager", "workers released: who has not answered is lost");
    if (turn != HS_BRAKE_PUT_ON) return;
    manager->counts.workers_held++;
    hs_log(HS_LOG_ERROR, "manager",
           "workers held: %u of %u lost at once, none is given up for a minute", lost, all);
    hs_notice_fill(hs_manager_event(step->actions), HS_NOTICE_WORKERS_HELD, "", lost,
                   "of %u workers: is it the network of this host?", all);
}

static void turn_workers(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;

    turn_brake(step);
    for (uint32_t i = 0; i < manager->workers.high; i++) {
        struct hs_manager_worker *worker = &manager->workers.at[i];
        uint64_t                  due_ns;

        switch (hs_workers_turn(&manager->workers, worker, step->now_ns,
                                manager->config.worker_lost_after_ns, &due_ns)) {
        case HS_WORKER_LOST: note_lost(step, worker); break;
        case HS_WORKER_FORGOTTEN: break;
        case HS_WORKER_STAYS:
            if (!worker->is_lost) ask_what_it_runs(step, worker);
            break;
        }
        hs_manager_due(step, due_ns);
    }
}

static void lead(struct hs_manager_step *step)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_proposal *proposal;

    if (!manager->has_log || manager->is_leader_proposed || !hs_manager_may_lead(manager)) return;
    proposal = hs_manager_prepare(step, HS_MANAGER_LEADER);
    if (!proposal) return;
    memcpy(proposal->entry.leader.node, manager->config.node_id, 16);
    proposal->entry.leader.incarnation = manager->config.incarnation;
    proposal->entry.leader.generation = manager->config.generation;
    manager->is_leader_proposed = true;
    hs_manager_propose(step, proposal);
}

static void scan(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;

    manager->is_dirty = false;
    turn_workers(step);
    hs_manager_turn_silence(step);
    for (uint32_t i = 0; i < HS_JOBS_MAX; i++) {
        uint32_t                idx = (manager->scan_first + i) % HS_JOBS_MAX;
        struct hs_manager_place place = {&manager->state->jobs[idx], &manager->softs[idx], idx};

        sync_soft(manager, idx);
        if (place.job->phase == HS_MANAGER_JOB_FREE) continue;
        if (!hs_manager_has_room(step->actions)) {
            manager->scan_first = idx;
            hs_manager_due(step, step->now_ns);
            return;
        }
        turn_job(step, &place);
    }
    hs_manager_turn_schedule(step);
    hs_manager_turn_maker(step);
    turn_expiry(step);
}

uint64_t hs_manager_turn(struct hs_manager *manager, uint64_t now_ns,
                         struct hs_manager_actions *actions)
{
    bool                   is_due = manager->is_dirty || now_ns >= manager->scan_at_ns;
    struct hs_manager_step step = hs_manager_begin(manager, now_ns, actions);

    manager->is_dirty = is_due;
    step.deadline_ns = is_due ? now_ns + SCAN_INTERVAL_NS : manager->scan_at_ns;
    if (is_due && manager->is_leading) {
        scan(&step);
        manager->scan_at_ns = step.deadline_ns;
    } else if (is_due) {
        lead(&step);
        turn_workers(&step);
        manager->is_dirty = false;
        manager->scan_at_ns = step.deadline_ns;
    }
    hs_manager_turn_intakes(&step);
    hs_manager_turn_assemblies(&step);
    hs_manager_turn_heartbeat(&step);
    hs_manager_turn_pings(&step);
    return step.deadline_ns;
}

bool hs_manager_is_idle(const struct hs_manager *manager)
{
    for (unsigned i = 0; i < HS_MANAGER_PROPOSALS; i++)
        if (manager->proposals[i].kind != HS_PROPOSAL_FREE) return false;
    for (unsigned i = 0; i < HS_JOBS_MAX; i++) {
        const struct hs_manager_job  *job = &manager->state->jobs[i];
        const struct hs_manager_soft *soft = &manager->softs[i];

        if (job->phase != HS_MANAGER_JOB_DONE || job->is_released ||
            !hs_manager_gate_of(manager, soft))
            continue;
        if (!soft->is_job_acked) return false;
    }
    return manager->maker_job == 0;
}
