// SPDX-License-Identifier: Apache-2.0
/* manager_worker.c - what workers say: who they are, what they run, how it goes. */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- registration ---- */

static void answer_hello(struct hs_manager_step *step, uint32_t link, uint64_t frame_id)
{
    const struct hs_manager *manager = step->manager;
    struct hs_msg_hello_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_HELLO_ACK, link, frame_id)
             ->hello_ack;

    ack->code = HS_RESULT_OK;
    ack->role = HS_ROLE_MANAGER;
    memcpy(ack->node, manager->config.node_id, sizeof ack->node);
    ack->incarnation = manager->config.incarnation;
    ack->generation = manager->config.generation;
    ack->fence = manager->is_leading ? manager->state->leader_fence : 0;
}

/* The name is the certificate's; the id is the node's own word, and may be another's. */
static void refuse_registration(struct hs_msg_wreg_ack *ack, const struct hs_msg_wreg *wreg, int rc)
{
    const char *why = "not a registration to be accepted";

    ack->code = HS_RESULT_INVALID;
    if (rc == -ENOBUFS) {
        ack->code = HS_RESULT_BUSY;
        why = "too many workers";
    } else if (rc == -EEXIST) {
        ack->code = HS_RESULT_FORBIDDEN;
        why = "a worker of another name has this node's id: was its state directory copied?";
        hs_log(HS_LOG_WARN, "manager", "worker refused name=%s: another one has its id",
               wreg->name);
    }
    ack->retry_after_ns = hs_result_code_retry_ns(ack->code);
    (void)snprintf(ack->text, sizeof ack->text, "%s", why);
}

static void take_registration(struct hs_manager_step *step, uint32_t link,
                              const struct hs_msg_wreg *wreg, uint64_t frame_id)
{
    struct hs_manager        *manager = step->manager;
    struct hs_manager_worker *worker = NULL;
    struct hs_msg_wreg_ack   *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_WREG_ACK, link, frame_id)
             ->wreg_ack;
    int rc = hs_workers_register(&manager->workers, wreg, link, step->now_ns, &worker);

    if (rc < 0) {
        refuse_registration(ack, wreg, rc);
        return;
    }
    manager->counts.workers_registered++;
    worker->extension = (struct hs_extension){0};
    hs_job_suspicion_registered(&manager->silence, (uint32_t)(worker - manager->workers.at),
                                rc == 1);
    worker->is_reconciled = !hs_manager_may_lead(manager); /* the leader asks what it runs */
    ack->code = HS_RESULT_OK;
    ack->session = worker->session;
    ack->silent_ns = manager->config.job_silent_after_ns;
    memcpy(ack->manager, manager->config.node_id, sizeof ack->manager);
    ack->manager_fence = manager->is_leading ? manager->state->leader_fence : 0;
    hs_notice_fill(hs_manager_event(step->actions), HS_NOTICE_WORKER_REGISTERED, worker->name,
                   worker->generation, "cores %u, %s", (unsigned)worker->cores,
                   rc == 1 ? "a new life of its host" : "again");
    hs_log(HS_LOG_INFO, "manager", "worker registered name=%s cores=%u generation=%llu",
           worker->name, (unsigned)worker->cores, (unsigned long long)worker->generation);
}

/* Heartbeats are a cross-check only (jobs.md 7.6): three that contradict the books, and it is asked
 * what it runs. */
static void take_heartbeat(struct hs_manager_step *step, struct hs_manager_worker *worker,
                           const struct hs_msg_whb *whb)
{
    enum { MISMATCHES_MAX = 3 };
    uint32_t cores, execs;

    if (!hs_workers_heartbeat(worker, whb, step->now_ns)) {
        step->manager->counts.unexpected++;
        return;
    }
    hs_workers_take_owner(&step->manager->workers, worker, whb->owner, whb->owner_epoch);
    if (!hs_manager_may_lead(step->manager)) return; /* the books are the leader's */
    hs_manager_worker_load(step->manager, worker, &cores, &execs);
    if (execs == whb->exec_count || !worker->is_reconciled)
        worker->mismatch_count = 0;
    else if (++worker->mismatch_count >= MISMATCHES_MAX) {
        worker->mismatch_count = 0;
        worker->is_reconciled = false;
        worker->reconcile_at_ns = step->now_ns;
    }
}

/* ---- what it runs ---- */

static bool is_live_row(const struct hs_msg_exec_row *row)
{
    return row->state == HS_EXEC_RESERVED || row->state == HS_EXEC_RUNNING ||
           row->state == HS_EXEC_STOPPING;
}

static void take_row(struct hs_manager_step *step, struct hs_manager_worker *worker,
                     const struct hs_msg_exec_row *row)
{
    struct hs_manager       *manager = step->manager;
    struct hs_manager_shard *shard =
        hs_manager_find_exec(manager->state, &row->exec, row->exec_fence);
    struct hs_manager_exec           *exec;
    struct hs_manager_place           place;
    const struct hs_manager_workflow *workflow;

    if (!shard || shard->state != HS_SHARD_ASSIGNED) { /* a ghost (jobs.md 7.18) */
        if (is_live_row(row) && hs_manager_has_room(step->actions))
            hs_manager_kill_exec(step, worker->link, &row->exec, row->exec_fence,
                                 "nobody waits for it");
        return;
    }
    if (!hs_manager_find_place(manager, row->exec.job_id, &place)) return;
    workflow = hs_manager_workflow_at(manager->state, place.job, row->exec.workflow);
    exec = hs_manager_exec_at(manager, workflow, row->exec.shard);
    exec->is_listed = true;
    if (row->state == HS_EXEC_NONE || row->state == HS_EXEC_TOMBSTONE) return;
    hs_manager_end_call(step, worker, exec, HS_BREAKER_OK);
    exec->is_sent = true;
    exec->is_acked = true;
    exec->heard_at_ns = step->now_ns;
    if (!exec->started_at_ns) exec->started_at_ns = step->now_ns;
    hs_manager_watch(step, &place, worker, 0);
    /* A fresh process lacks the image; the same fence makes it again and runs nothing twice. */
    exec->needs_resend = row->state == HS_EXEC_RESERVED || row->state == HS_EXEC_RUNNING;
}

/* Every live exec of this worker, in all tables. */
typedef void visit_fn(struct hs_manager_step *step, const struct hs_exec_id *id,
                      const struct hs_manager_shard *shard, struct hs_manager_exec *exec);

static void visit_execs(struct hs_manager_step *step, const struct hs_manager_worker *worker,
                        visit_fn *visit)
{
    struct hs_manager *manager = step->manager;

    for (unsigned i = 0; i < HS_JOBS_MAX; i++) {
        struct hs_manager_job *job = &manager->state->jobs[i];

        if (job->phase == HS_MANAGER_JOB_FREE || job->phase == HS_MANAGER_JOB_DONE) continue;
        for (unsigned k = 0; k < job->workflow_count; k++) {
            struct hs_manager_workflow *workflow = hs_manager_workflow_at(manager->state, job, k);

            for (unsigned s = 0; s < workflow->shard_count; s++) {
                struct hs_manager_shard *shard = hs_manager_shard_at(manager->state, workflow, s);
                struct hs_exec_id        id = {
                           .shard = (uint16_t)s, .workflow = (uint8_t)k, .attempt = shard->attempt};

                if (shard->state != HS_SHARD_ASSIGNED ||
                    memcmp(shard->worker, worker->id, sizeof shard->worker) != 0)
                    continue;
                memcpy(id.job_id, job->id, sizeof id.job_id);
                visit(step, &id, shard, hs_manager_exec_at(manager, workflow, s));
            }
        }
    }
}

static void forget_listing(struct hs_manager_step *step, const struct hs_exec_id *id,
                           const struct hs_manager_shard *shard, struct hs_manager_exec *exec)
{
    (void)step;
    (void)id;
    (void)shard;
    exec->is_listed = false;
}

/* The worker has told all. What it has never heard of is sent (again); what it had and has no more
 * is lost. */
static void judge_unlisted(struct hs_manager_step *step, const struct hs_exec_id *id,
                           const struct hs_manager_shard *shard, struct hs_manager_exec *exec)
{
    if (exec->is_listed || exec->is_end_proposed) return;
    if (!exec->is_acked) {
        exec->send_at_ns = step->now_ns;
        exec->send_count = 0;
        return;
    }
    /* Its books were damaged and are new: it lives, and may be given the share again. */
    exec->is_end_proposed = hs_manager_propose_end(step, id, shard->exec_fence, HS_OUTCOME_CORRUPT,
                                                   "its worker does not know it any more");
}

static void take_state(struct hs_manager_step *step, struct hs_manager_worker *worker,
                       const struct hs_msg_wstate *wstate)
{
    struct hs_reader       rows;
    struct hs_msg_exec_row row;
    int                    rc;

    if (wstate->session != worker->session ||
        wstate->manager_fence != step->manager->state->leader_fence) {
        step->manager->counts.unexpected++;
        return;
    }
    worker->heard_at_ns = step->now_ns;
    if (!worker->is_listing) visit_execs(step, worker, forget_listing);
    worker->is_listing = wstate->more != 0;
    hs_reader_init(&rows, wstate->rows);
    while ((rc = hs_wire_get_row(HS_MSG_EXEC_ROW, &rows, &row)) == 1) take_row(step, worker, &row);
    if (rc < 0) {
        step->manager->counts.malformed++;
        return; /* asked again in a second */
    }
    worker->is_draining = wstate->draining != 0;
    if (wstate->more) return;
    visit_execs(step, worker, judge_unlisted);
    worker->is_reconciled = true;
    worker->reconcile_at_ns = HS_NEVER_NS;
}

/* ---- one exec ---- */

struct found {
    struct hs_manager_place     place;
    struct hs_manager_workflow *workflow;
    struct hs_manager_shard    *shard;
    struct hs_manager_exec     *exec;
    struct hs_manager_flow     *flow;
};

/* The exec that a worker speaks of, if it is live and its own. */
static bool find_live(struct hs_manager_step *step, const struct hs_manager_worker *worker,
                      const struct hs_exec_id *id, uint64_t exec_fence, struct found *found)
{
    struct hs_manager *manager = step->manager;

    found->shard = hs_manager_find_exec(manager->state, id, exec_fence);
    if (!found->shard || found->shard->state != HS_SHARD_ASSIGNED ||
        memcmp(found->shard->worker, worker->id, sizeof worker->id) != 0 ||
        found->shard->incarnation != worker->incarnation ||
        !hs_manager_find_place(manager, id->job_id, &found->place))
        return false;
    found->workflow = hs_manager_workflow_at(manager->state, found->place.job, id->workflow);
    found->exec = hs_manager_exec_at(manager, found->workflow, id->shard);
    found->flow = hs_manager_flow_at(manager, found->place.job, id->workflow);
    return true;
}

static void note_alive(struct hs_manager_step *step, struct hs_manager_exec *exec)
{
    exec->is_sent = true;
    exec->is_acked = true;
    exec->heard_at_ns = step->now_ns;
    if (!exec->started_at_ns) exec->started_at_ns = step->now_ns;
}

static void take_exec_ack(struct hs_manager_step *step, struct hs_manager_worker *worker,
                          const struct hs_msg_exec_ack *ack)
{
    struct found found;

    if (!find_live(step, worker, &ack->exec, ack->exec_fence, &found)) {
        step->manager->counts.unexpected++;
        return;
    }
    if (found.exec->sent_at_ns)
        hs_manager_note_latency(step, worker, HS_LATENCY_DISPATCH, found.exec->sent_at_ns);
    found.exec->sent_at_ns = 0;
    hs_manager_end_call(step, worker, found.exec, hs_breaker_outcome_of(ack->code));
    if (ack->code == HS_RESULT_OK) {
        if (!found.exec->is_acked) hs_extension_reset(&worker->extension);
        note_alive(step, found.exec);
        hs_manager_watch(step, &found.place, worker, 0);
        return;
    }
    if (ack->code == HS_RESULT_STALE_FENCE || found.exec->is_end_proposed) return;
    step->manager->counts.execs_rejected++;
    hs_log(HS_LOG_WARN, "manager", "share refused worker=%s code=%s: %s", worker->name,
           hs_result_code_name(ack->code), ack->text);
    found.exec->is_end_proposed = hs_manager_propose_end(
        step, &ack->exec, ack->exec_fence,
        ack->code == HS_RESULT_CORRUPT                                 ? HS_OUTCOME_CORRUPT
        : hs_result_code_class(ack->code) == HS_RESULT_CLASS_PERMANENT ? HS_OUTCOME_FAILED
                                                                       : HS_OUTCOME_REJECTED,
        ack->text[0] ? ack->text : hs_result_code_name(ack->code));
}

static void take_cancel_ack(struct hs_manager_step *step, const struct hs_manager_worker *worker,
                            const struct hs_msg_exec_cancel_ack *ack)
{
    struct found found;

    if (!find_live(step, worker, &ack->exec, ack->exec_fence, &found)) return;
    found.exec->cancel_count = UINT8_MAX; /* it knows */
    if (ack->code == HS_RESULT_UNKNOWN_EXEC && !found.exec->is_end_proposed)
        found.exec->is_end_proposed =
            hs_manager_propose_end(step, &ack->exec, ack->exec_fence, HS_OUTCOME_CANCELLED, "");
}

static void take_progress(struct hs_manager_step *step, struct hs_manager_worker *worker,
                          const struct hs_msg_exec_progress *progress)
{
    struct hs_manager               *manager = step->manager;
    struct hs_manager_live          *live = manager->memory.live;
    struct hs_msg_exec_progress_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_EXEC_PROGRESS_ACK,
                         worker->link, 0)
             ->exec_progress_ack;
    struct found found;
    int          rc;

    ack->exec = progress->exec;
    ack->exec_fence = progress->exec_fence;
    ack->pseq = progress->pseq;
    if (!find_live(step, worker, &progress->exec, progress->exec_fence, &found)) {
        ack->code = HS_RESULT_UNKNOWN_EXEC;
        ack->stop = 1;
        return;
    }
    hs_manager_end_call(step, worker, found.exec, HS_BREAKER_OK);
    note_alive(step, found.exec);
    if (found.workflow->state == HS_WORKFLOW_CANCELLING) ack->stop = 1;
    if (progress->pseq <= found.exec->pseq) return; /* overtaken, on another connection */
    found.exec->pseq = progress->pseq;
    hs_manager_watch(step, &found.place, worker,
                     found.exec->phase == progress->phase ? progress->pseq : 0);
    found.exec->phase = progress->phase;
    found.place.soft->is_progress_dirty = true;
    if (!hs_manager_live_is_open(live, found.flow->run) && found.place.soft->has_loads)
        found.flow->run = hs_manager_live_open(live, found.flow->load.step_count,
                                               found.workflow->shard_count, true);
    rc = hs_manager_live_take(live, found.flow->run,
                              hs_manager_live_key(progress->exec.shard, progress->exec.attempt),
                              progress->payload, progress->kind == HS_PROGRESS_FULL);
    if (rc == -EPROTO) manager->counts.malformed++;
    if (rc == -EPROTO || rc == -ESTALE) ack->need_full = 1;
}

/* ---- frames ---- */

static void send_blob(struct hs_manager_step *step, uint32_t link,
                      const struct hs_msg_blob_get *get, uint64_t frame_id)
{
    struct hs_manager_action *action = hs_manager_act(step->actions, HS_MANAGER_SEND_BLOB);

    action->link = link;
    memcpy(action->digest.bytes, get->digest, sizeof action->digest.bytes);
    action->offset_bytes = get->offset_bytes;
    action->request_id = frame_id;
}

static void take_registered(struct hs_manager_step *step, struct hs_manager_worker *worker,
                            const struct hs_manager_frame *frame)
{
    const union hs_msg *message = frame->message;

    worker->heard_at_ns = step->now_ns;
    worker->is_lost = worker->has_left = false;
    switch ((unsigned)frame->type) {
    case HS_MSG_PONG: hs_manager_take_pong(step, worker, &message->pong); break;
    case HS_MSG_WHB: take_heartbeat(step, worker, &message->whb); break;
    case HS_MSG_WSTATE: take_state(step, worker, &message->wstate); break;
    case HS_MSG_EXEC_ACK: take_exec_ack(step, worker, &message->exec_ack); break;
    case HS_MSG_EXEC_CANCEL_ACK: take_cancel_ack(step, worker, &message->exec_cancel_ack); break;
    case HS_MSG_EXEC_PROGRESS: take_progress(step, worker, &message->exec_progress); break;
    case HS_MSG_EXTEND:
        hs_manager_take_extend(step, worker, &message->extend, frame->request_id);
        break;
    case HS_MSG_EXEC_RESULT:
        hs_manager_take_result(step, worker->link, &message->exec_result);
        break;
    default: step->manager->counts.unexpected++; break;
    }
}

void hs_manager_on_worker(struct hs_manager *manager, uint32_t link,
                          const struct hs_manager_frame *frame, uint64_t now_ns,
                          struct hs_manager_actions *actions)
{
    struct hs_manager_step    step = hs_manager_begin(manager, now_ns, actions);
    struct hs_manager_worker *worker = hs_workers_find_link(&manager->workers, link);
    const union hs_msg       *message = frame->message;

    switch ((unsigned)frame->type) {
    case HS_MSG_HELLO: answer_hello(&step, link, frame->request_id); return;
    case HS_MSG_HELLO_ACK: return;
    case HS_MSG_PING:
        hs_manager_send(actions, HS_MANAGER_SEND_WORKER, HS_MSG_PONG, link, frame->request_id)
            ->pong.nonce = message->ping.nonce;
        return;
    case HS_MSG_BLOB_GET: send_blob(&step, link, &message->blob_get, frame->request_id); return;
    case HS_MSG_WREG: take_registration(&step, link, &message->wreg, frame->request_id); return;
    default: break;
    }
    if (worker)
        take_registered(&step, worker, frame);
    else if (frame->type == HS_MSG_EXTEND)
        hs_manager_refuse_extend(&step, link, frame->request_id);
    else
        manager->counts.unexpected++; /* not registered on this link */
}

/* It had said that it takes nothing more, and it runs nothing: it has ended in order. */
static void note_leaving(struct hs_manager *manager, struct hs_manager_worker *worker)
{
    uint32_t cores, execs;

    if (!worker || !worker->is_draining) return;
    hs_manager_worker_load(manager, worker, &cores, &execs);
    if (!execs) worker->has_left = worker->is_lost = true;
}

void hs_manager_on_worker_down(struct hs_manager *manager, uint32_t link)
{
    note_leaving(manager, hs_workers_find_link(&manager->workers, link));
    hs_workers_link_down(&manager->workers, link);
    manager->is_dirty = true;
}
