// SPDX-License-Identifier: Apache-2.0
/* manager_gate.c - what the gate says, and the answers to it. */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

#include <stdio.h>
#include <string.h>

#define TOMBSTONE_NS (300 * HS_NS_PER_S) /* jobs.md 6.3, last row */

/* ---- jobs that are cancelled before they come ---- */

bool hs_manager_is_tombstone(const struct hs_manager *manager, const uint8_t job_id[16],
                             uint64_t gate_fence, uint64_t now_ns)
{
    for (unsigned i = 0; i < HS_MANAGER_TOMBSTONES; i++) {
        const struct hs_manager_tombstone *tombstone = &manager->tombstones[i];

        if (now_ns < tombstone->until_ns && gate_fence <= tombstone->gate_fence &&
            memcmp(tombstone->job_id, job_id, 16) == 0)
            return true;
    }
    return false;
}

static void bury(struct hs_manager_step *step, const uint8_t job_id[16], uint64_t gate_fence)
{
    struct hs_manager_tombstone *oldest = &step->manager->tombstones[0];

    if (hs_manager_is_tombstone(step->manager, job_id, gate_fence, step->now_ns)) return;
    for (unsigned i = 1; i < HS_MANAGER_TOMBSTONES; i++)
        if (step->manager->tombstones[i].until_ns < oldest->until_ns)
            oldest = &step->manager->tombstones[i];
    memcpy(oldest->job_id, job_id, sizeof oldest->job_id);
    oldest->gate_fence = gate_fence;
    oldest->until_ns = step->now_ns + TOMBSTONE_NS;
}

/* ---- cancel ---- */

static void count_workflows(struct hs_manager *manager, const struct hs_manager_job *job,
                            struct hs_msg_job_cancel_ack *ack)
{
    for (unsigned i = 0; i < job->workflow_count; i++) {
        uint8_t state = hs_manager_workflow_at(manager->state, job, i)->state;

        if (state == HS_WORKFLOW_CANCELLED)
            ack->cancelled++;
        else if (!hs_manager_is_final(state))
            ack->pending++;
    }
}

static void send_cancel_ack(struct hs_manager_step *step, const uint8_t job_id[16],
                            const uint8_t request_id[16], uint64_t frame_id, uint32_t code)
{
    struct hs_manager            *manager = step->manager;
    const struct hs_manager_job  *job = hs_manager_find_job(manager->state, job_id);
    struct hs_msg_job_cancel_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_JOB_CANCEL_ACK, step->gate,
                         frame_id)
             ->job_cancel_ack;

    memcpy(ack->job_id, job_id, sizeof ack->job_id);
    memcpy(ack->request_id, request_id, sizeof ack->request_id);
    ack->code = (uint16_t)code;
    ack->manager_fence = manager->state->leader_fence;
    if (!job) return;
    ack->gate_fence = job->gate_fence;
    ack->status = hs_manager_shown_status(manager, job);
    count_workflows(manager, job, ack);
}

static void take_cancel(struct hs_manager_step *step, const struct hs_msg_job_cancel *cancel,
                        uint64_t frame_id)
{
    struct hs_manager          *manager = step->manager;
    bool                        is_known = hs_manager_find_job(manager->state, cancel->job_id);
    struct hs_manager_proposal *proposal = NULL;
    struct hs_manager_cancel   *entry;

    /* One that is coming is neither known nor unknown: asked again, the answer is true. */
    if (manager->is_leading && !is_known && !hs_manager_is_coming(manager, cancel->job_id)) {
        bury(step, cancel->job_id, cancel->gate_fence);
        send_cancel_ack(step, cancel->job_id, cancel->request_id, frame_id, HS_RESULT_UNKNOWN_JOB);
        return;
    }
    if (manager->is_leading && is_known) proposal = hs_manager_prepare(step, HS_MANAGER_CANCEL);
    if (!proposal) {
        send_cancel_ack(step, cancel->job_id, cancel->request_id, frame_id, HS_RESULT_BUSY);
        return;
    }
    entry = &proposal->entry.cancel;
    memcpy(entry->job_id, cancel->job_id, sizeof entry->job_id);
    memcpy(entry->request_id, cancel->request_id, sizeof entry->request_id);
    entry->workflow = cancel->workflow;
    entry->is_cascade = cancel->cascade != 0;
    entry->gate_fence = cancel->gate_fence;
    proposal->request_id = frame_id;
    hs_manager_propose(step, proposal);
}

void hs_manager_answer_cancel(struct hs_manager_step           *step,
                              const struct hs_manager_proposal *proposal, uint32_t code)
{
    const struct hs_manager_cancel *entry = &proposal->entry.cancel;

    step->gate = proposal->gate;
    send_cancel_ack(step, entry->job_id, entry->request_id, proposal->request_id, code);
}

/* ---- timeout, release ---- */

static void send_timeout_ack(struct hs_manager_step *step, const uint8_t job_id[16],
                             uint64_t frame_id, uint32_t code)
{
    const struct hs_manager_job   *job = hs_manager_find_job(step->manager->state, job_id);
    struct hs_msg_job_timeout_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_JOB_TIMEOUT_ACK, step->gate,
                         frame_id)
             ->job_timeout_ack;

    memcpy(ack->job_id, job_id, sizeof ack->job_id);
    ack->code = (uint16_t)code;
    ack->manager_fence = step->manager->state->leader_fence;
    if (!job) return;
    ack->gate_fence = job->gate_fence;
    ack->status = hs_manager_shown_status(step->manager, job);
}

static void send_release_ack(struct hs_manager_step *step, const uint8_t job_id[16],
                             uint64_t frame_id, uint32_t code)
{
    const struct hs_manager_job   *job = hs_manager_find_job(step->manager->state, job_id);
    struct hs_msg_job_release_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_JOB_RELEASE_ACK, step->gate,
                         frame_id)
             ->job_release_ack;

    memcpy(ack->job_id, job_id, sizeof ack->job_id);
    ack->code = (uint16_t)code;
    if (job) ack->gate_fence = job->gate_fence;
}

static void take_timeout(struct hs_manager_step *step, const struct hs_msg_job_timeout *timeout,
                         uint64_t frame_id)
{
    struct hs_manager_proposal *proposal = NULL;
    bool is_known = hs_manager_find_job(step->manager->state, timeout->job_id) != NULL;
    bool is_coming = hs_manager_is_coming(step->manager, timeout->job_id);

    if (is_known && step->manager->is_leading)
        proposal = hs_manager_prepare(step, HS_MANAGER_TIMEOUT);
    if (!proposal) {
        send_timeout_ack(step, timeout->job_id, frame_id,
                         is_known || is_coming || !step->manager->is_leading
                             ? HS_RESULT_BUSY
                             : HS_RESULT_UNKNOWN_JOB);
        return;
    }
    memcpy(proposal->entry.timeout.job_id, timeout->job_id, HS_JOB_ID_BYTES);
    proposal->entry.timeout.kind = HS_MANAGER_TIMEOUT_GATE;
    proposal->entry.timeout.gate_fence = timeout->gate_fence;
    proposal->request_id = frame_id;
    hs_manager_propose(step, proposal);
}

static void take_release(struct hs_manager_step *step, const struct hs_msg_job_release *release,
                         uint64_t frame_id)
{
    struct hs_manager_proposal *proposal = NULL;
    bool is_known = hs_manager_find_job(step->manager->state, release->job_id) != NULL;

    if (is_known && step->manager->is_leading)
        proposal = hs_manager_prepare(step, HS_MANAGER_RELEASED);
    if (!proposal) {
        send_release_ack(step, release->job_id, frame_id,
                         is_known || !step->manager->is_leading ? HS_RESULT_BUSY
                                                                : HS_RESULT_UNKNOWN_JOB);
        return;
    }
    memcpy(proposal->entry.released.job_id, release->job_id, HS_JOB_ID_BYTES);
    proposal->entry.released.gate_fence = release->gate_fence;
    proposal->request_id = frame_id;
    hs_manager_propose(step, proposal);
}

/* Workers keep the end of each exec until nobody can ask for it any more. */
static void release_execs(struct hs_manager_step *step, const uint8_t job_id[16])
{
    struct hs_manager *manager = step->manager;

    for (uint32_t i = 0; i < manager->workers.high && hs_manager_has_room(step->actions); i++) {
        const struct hs_manager_worker *worker = &manager->workers.at[i];
        struct hs_msg_exec_release     *release;

        if (!worker->is_used || !worker->link) continue;
        release = &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_EXEC_RELEASE,
                                   worker->link, 0)
                       ->exec_release;
        memcpy(release->job_id, job_id, sizeof release->job_id);
        release->workflow = HS_WORKFLOW_ALL;
        release->manager_fence = manager->state->leader_fence;
    }
}

void hs_manager_answer_gate(struct hs_manager_step           *step,
                            const struct hs_manager_proposal *proposal, uint32_t code)
{
    const struct hs_manager_entry  *entry = &proposal->entry;
    struct hs_msg_job_dispatch_ack *ack;
    const struct hs_manager_job    *job;

    step->gate = proposal->gate;
    if (entry->kind == HS_MANAGER_TIMEOUT) {
        if (entry->timeout.kind == HS_MANAGER_TIMEOUT_GATE)
            send_timeout_ack(step, entry->timeout.job_id, proposal->request_id, code);
        return;
    }
    if (entry->kind == HS_MANAGER_RELEASED) {
        send_release_ack(step, entry->released.job_id, proposal->request_id, code);
        if (code == HS_RESULT_OK) release_execs(step, entry->released.job_id);
        return;
    }
    job = hs_manager_find_job(step->manager->state, entry->owner.job_id);
    ack = &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_JOB_DISPATCH_ACK, step->gate,
                           proposal->request_id)
               ->job_dispatch_ack;
    memcpy(ack->job_id, entry->owner.job_id, sizeof ack->job_id);
    ack->code = (uint16_t)code;
    ack->existing = 1;
    ack->manager_fence = step->manager->state->leader_fence;
    ack->retry_after_ns = hs_result_code_retry_ns(code);
    if (!job) return;
    ack->gate_fence = job->gate_fence;
    ack->status = hs_manager_shown_status(step->manager, job);
}

/* ---- frames ---- */

static void send_blob(struct hs_manager_step *step, const struct hs_msg_blob_get *get,
                      uint64_t frame_id)
{
    struct hs_manager_action *action = hs_manager_act(step->actions, HS_MANAGER_SEND_BLOB);

    action->link = step->gate;
    memcpy(action->digest.bytes, get->digest, sizeof action->digest.bytes);
    action->offset_bytes = get->offset_bytes;
    action->request_id = frame_id;
}

static void take_progress_ack(struct hs_manager_step              *step,
                              const struct hs_msg_dc_progress_ack *ack)
{
    struct hs_manager_place place;

    if (!ack->need_full || !hs_manager_find_place(step->manager, ack->job_id, &place)) return;
    place.soft->needs_full = true;
    place.soft->is_progress_dirty = true;
}

static void answer_hello(struct hs_manager_step *step, uint64_t frame_id)
{
    const struct hs_manager *manager = step->manager;
    struct hs_msg_hello_ack *ack = &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE,
                                                    HS_MSG_HELLO_ACK, step->gate, frame_id)
                                        ->hello_ack;

    ack->code = HS_RESULT_OK;
    ack->role = HS_ROLE_MANAGER;
    memcpy(ack->node, manager->config.node_id, sizeof ack->node);
    ack->incarnation = manager->config.incarnation;
    ack->generation = manager->config.generation;
    ack->fence = manager->is_leading ? manager->state->leader_fence : 0;
}

void hs_manager_on_gate(struct hs_manager *manager, uint32_t link,
                        const struct hs_manager_frame *frame, uint64_t now_ns,
                        struct hs_manager_actions *actions)
{
    struct hs_manager_step step = hs_manager_begin(manager, now_ns, actions);
    const union hs_msg    *message = frame->message;
    uint64_t               frame_id = frame->request_id;

    step.gate = link;
    switch ((unsigned)frame->type) {
    case HS_MSG_HELLO: answer_hello(&step, frame_id); break;
    case HS_MSG_HELLO_ACK:
    case HS_MSG_PONG: break;
    case HS_MSG_PING:
        hs_manager_send(actions, HS_MANAGER_SEND_GATE, HS_MSG_PONG, link, frame_id)->pong.nonce =
            message->ping.nonce;
        break;
    case HS_MSG_JOB_DISPATCH:
        hs_manager_take_dispatch(&step, &message->job_dispatch, frame_id);
        break;
    case HS_MSG_BLOB_DATA: hs_manager_take_plan_piece(&step, &message->blob_data); break;
    case HS_MSG_BLOB_GET: send_blob(&step, &message->blob_get, frame_id); break;
    case HS_MSG_JOB_CANCEL:
        hs_manager_note_owner(&step, message->job_cancel.job_id);
        take_cancel(&step, &message->job_cancel, frame_id);
        break;
    case HS_MSG_JOB_TIMEOUT:
        hs_manager_note_owner(&step, message->job_timeout.job_id);
        take_timeout(&step, &message->job_timeout, frame_id);
        break;
    case HS_MSG_JOB_RELEASE:
        hs_manager_note_owner(&step, message->job_release.job_id);
        take_release(&step, &message->job_release, frame_id);
        break;
    case HS_MSG_DC_PROGRESS_ACK: take_progress_ack(&step, &message->dc_progress_ack); break;
    case HS_MSG_DC_RESULTS_ACK:
        hs_manager_take_results_ack(&step, &message->dc_results_ack, frame_id);
        break;
    default: manager->counts.unexpected++; break;
    }
}
