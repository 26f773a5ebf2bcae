// SPDX-License-Identifier: Apache-2.0
/* gate_dispatch.c - what the datacenters of a job must hear: take it, cancel it, its time is over,
 * forget it. Everything is repeated until it is answered, and so needs no memory of what was said
 * (jobs.md 7.4, 7.14, 7.21). */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TELL_AGAIN_NS HS_NS_PER_S

/* ---- messages ---- */

static uint64_t remaining_ns(const struct hs_gate *gate, const struct hs_gate_soft *soft)
{
    if (soft->deadline_ns == HS_NEVER_NS) return HS_NEVER_NS;
    return soft->deadline_ns > gate->now_ns ? soft->deadline_ns - gate->now_ns : 1;
}

static int send_dispatch(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job,
                         unsigned slot)
{
    struct hs_msg_job_dispatch message = {.birth_fence = job->birth_fence,
                                          .gate_fence = job->gate_fence,
                                          .plan_bytes = job->plan_bytes,
                                          .remaining_ns =
                                              remaining_ns(gate, hs_gate_soft_of(gate, job)),
                                          .flags = job->flags,
                                          .datacenter_idx = (uint16_t)slot,
                                          .datacenter_count = job->slot_count};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    memcpy(message.digest, job->digest.bytes, sizeof message.digest);
    (void)snprintf(message.name, sizeof message.name, "%s", job->name);
    if (job->plan_bytes <= HS_WIRE_PART_BYTES_MAX &&
        gate->out.blob_get(gate->out.self, &job->digest, gate->blob_memory,
                           HS_LEDGER_BLOB_BYTES_MAX) == (int64_t)job->plan_bytes)
        message.plan = hs_view_of(gate->blob_memory, job->plan_bytes);
    return gate->out.send(gate->out.self, manager, HS_MSG_JOB_DISPATCH, &message, 0);
}

/* The id of a cancel at the manager says what is cancelled, so that its answer does: several are
 * under way at a time. */
static void cancel_id(const struct hs_gate_job *job, uint16_t workflow, bool is_cascade,
                      uint8_t id[16])
{
    struct hs_writer writer;

    memset(id, 0, 16);
    hs_writer_init(&writer, id, 16);
    hs_put_u64le(&writer, job->birth_fence);
    hs_put_u16le(&writer, workflow);
    hs_put_u8(&writer, is_cascade ? HS_GATE_WORKFLOW_CASCADED : HS_GATE_WORKFLOW_CANCELLED);
}

static void send_cancel(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job,
                        uint16_t workflow, bool is_cascade)
{
    struct hs_msg_job_cancel message = {
        .gate_fence = job->gate_fence, .workflow = workflow, .cascade = is_cascade};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    cancel_id(job, workflow, is_cascade, message.request_id);
    (void)snprintf(message.reason, sizeof message.reason, "%s", job->reason);
    hs_gate_send(gate, manager, HS_MSG_JOB_CANCEL, &message);
}

static void send_timeout(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job)
{
    struct hs_msg_job_timeout message = {.gate_fence = job->gate_fence};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    (void)snprintf(message.reason, sizeof message.reason, "%s", job->reason);
    hs_gate_send(gate, manager, HS_MSG_JOB_TIMEOUT, &message);
}

static void send_release(struct hs_gate *gate, unsigned manager, const struct hs_gate_job *job)
{
    struct hs_msg_job_release message = {.gate_fence = job->gate_fence};

    memcpy(message.job_id, job->id, sizeof message.job_id);
    hs_gate_send(gate, manager, HS_MSG_JOB_RELEASE, &message);
}

static void propose_slot(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                         enum hs_gate_slot_op op, uint64_t fence, const char *reason)
{
    struct hs_gate_entry      entry = {.kind = HS_GATE_DC_SLOT};
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    memcpy(entry.as.slot.job_id, job->id, HS_JOB_ID_BYTES);
    entry.as.slot.slot = (uint16_t)slot;
    entry.as.slot.op = (uint8_t)op;
    entry.as.slot.manager_fence = fence;
    (void)snprintf(entry.as.slot.reason, sizeof entry.as.slot.reason, "%s", reason);
    soft->is_proposed =
        hs_gate_propose(gate, &entry, hs_gate_slot_token(hs_gate_job_idx(gate->fsm, job), slot)) ==
        0;
}

static void refuse_for_lack_of(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                               const char *whom)
{
    char reason[HS_GATE_REASON_BYTES];

    (void)snprintf(reason, sizeof reason, "datacenter %s has no %s", job->slots[slot].datacenter,
                   whom);
    propose_slot(gate, job, slot, HS_GATE_SLOT_REFUSED, 0, reason);
}

/* ---- telling ---- */

/* Nobody is there to be asked: not for ever, since a job may have no time of its own. A datacenter
 * that has taken the job has it in its log, and is waited for. */
static void wait_for_manager(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];
    uint64_t                  end_ns = soft->unheard_since_ns + gate->limits.manager_wait_ns;

    if (job->slots[slot].state != HS_GATE_SLOT_PLANNED) return;
    if (gate->now_ns < end_ns) {
        soft->retry_at_ns = end_ns; /* its coming sets it to 0 */
        return;
    }
    refuse_for_lack_of(gate, job, slot, "manager");
}

/* So much waits for its manager that this found no room (control 1.3). That is no word of the
 * manager's, so no attempt and no failure; but whoever has no room for so long has no capacity. */
static void wait_for_room(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    gate->out.count(gate->out.self, HS_COUNT_dispatches_put_off);
    hs_gate_end_call(gate, &soft->call,
                     soft->call.token.is_trial ? HS_BREAKER_FAIL : HS_BREAKER_NEUTRAL);
    soft->retry_at_ns = gate->now_ns + TELL_AGAIN_NS;
    if (job->slots[slot].state == HS_GATE_SLOT_PLANNED &&
        gate->now_ns - soft->unheard_since_ns >= gate->limits.manager_wait_ns)
        refuse_for_lack_of(gate, job, slot, "capacity: its manager does not read");
}

/* Until it is acknowledged, or so often, or so long, that nobody is there. */
static void dispatch(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot, int manager)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    soft->retry_at_ns = gate->now_ns + gate->limits.dispatch_ack_timeout_ns;
    hs_gate_end_call(gate, &soft->call, HS_BREAKER_FAIL); /* not answered in its time */
    if (!soft->unheard_since_ns) soft->unheard_since_ns = gate->now_ns;
    if (manager < 0) {
        wait_for_manager(gate, job, slot);
        return;
    }
    if (soft->attempts >= gate->limits.dispatch_attempts &&
        job->slots[slot].state == HS_GATE_SLOT_PLANNED) {
        propose_slot(gate, job, slot, HS_GATE_SLOT_REFUSED, 0,
                     "the datacenter's manager did not answer");
        return;
    }
    if (!hs_gate_begin_call(gate, (unsigned)manager, &soft->call)) {
        soft->retry_at_ns = gate->now_ns + TELL_AGAIN_NS;
        return;
    }
    if (send_dispatch(gate, (unsigned)manager, job, slot) == -ENOBUFS) {
        wait_for_room(gate, job, slot);
        return;
    }
    if (soft->attempts++) gate->out.count(gate->out.self, HS_COUNT_dispatch_repeats);
    if (!soft->sent_at_ns) soft->sent_at_ns = gate->now_ns;
    soft->resent_at_ns = gate->now_ns;
}

static bool is_workflow_due(const struct hs_gate_job *job, const struct hs_gate_slot_soft *soft,
                            unsigned slot, uint16_t workflow)
{
    return job->workflow_cancels[workflow] > soft->told_workflows[workflow] &&
           !(job->workflow_reports[workflow] >> slot & 1);
}

static bool has_workflows_due(const struct hs_gate_job *job, const struct hs_gate_slot_soft *soft,
                              unsigned slot)
{
    for (uint16_t i = 0; i < job->workflow_count; i++)
        if (is_workflow_due(job, soft, slot, i)) return true;
    return false;
}

static void tell_workflows(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                           unsigned manager)
{
    const struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    for (uint16_t i = 0; i < job->workflow_count; i++)
        if (is_workflow_due(job, soft, slot, i))
            send_cancel(gate, manager, job, i,
                        job->workflow_cancels[i] == HS_GATE_WORKFLOW_CASCADED);
}

/* Did the job end without this datacenter's word? Then it may still run there. */
static bool is_unheard(const struct hs_gate_job *job, unsigned slot)
{
    return job->phase == HS_GATE_DONE && job->slots[slot].state != HS_GATE_SLOT_ENDED;
}

/* Is the job to go on without the datacenter? It may run there still, for nothing. */
static bool is_left_out(const struct hs_gate_job *job, unsigned slot)
{
    return job->phase == HS_GATE_ACTIVE && job->slots[slot].state == HS_GATE_SLOT_LOST;
}

/* A job whose end is wanted is not dispatched any more: if its dispatch is on the way, or was never
 * sent, the cancel finds out. */
static void tell(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];
    int                       manager = hs_gate_manager_of(gate, job->slots[slot].datacenter);

    soft->retry_at_ns = gate->now_ns + TELL_AGAIN_NS;
    if (job->phase == HS_GATE_ACTIVE && !soft->is_acked && !is_left_out(job, slot))
        dispatch(gate, job, slot, manager);
    else if (manager < 0)
        return;
    else if (job->phase == HS_GATE_ACTIVE && !is_left_out(job, slot))
        tell_workflows(gate, job, slot, (unsigned)manager);
    else if (job->phase == HS_GATE_DONE && (soft->is_told || !is_unheard(job, slot)))
        send_release(gate, (unsigned)manager, job);
    else if (job->phase == HS_GATE_TIMING_OUT && soft->is_acked)
        send_timeout(gate, (unsigned)manager, job);
    else
        send_cancel(gate, (unsigned)manager, job, HS_WORKFLOW_ALL, true);
}

static bool has_to_tell(const struct hs_gate_job *job, const struct hs_gate_slot_soft *soft,
                        unsigned slot)
{
    if (job->phase == HS_GATE_DONE) return !soft->is_released;
    if (is_left_out(job, slot)) return !soft->is_told;
    if (hs_gate_is_slot_over(&job->slots[slot]) || soft->is_proposed) return false;
    if (job->phase != HS_GATE_ACTIVE) return !soft->is_told;
    return !soft->is_acked || has_workflows_due(job, soft, slot);
}

/* Another one leads now, or the same one anew: whatever its predecessor was told, it may not
 * know. */
static void follow_leader(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];
    int                       manager = hs_gate_manager_of(gate, job->slots[slot].datacenter);

    if (manager < 0 || soft->manager == (uint32_t)manager + 1) return;
    soft->manager = (uint32_t)manager + 1;
    soft->is_acked = soft->is_told = false;
    soft->retry_at_ns = 0;
    soft->attempts = 0;
    memset(soft->told_workflows, 0, sizeof soft->told_workflows);
}

uint64_t hs_gate_turn_job(struct hs_gate *gate, struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);
    uint64_t             next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < job->slot_count; i++) {
        if (job->phase == HS_GATE_DONE && soft->slots[i].is_released) continue; /* most are so */
        follow_leader(gate, job, i);
        if (!has_to_tell(job, &soft->slots[i], i)) continue;
        if (soft->slots[i].retry_at_ns <= gate->now_ns) tell(gate, job, i);
        next_ns = hs_min_u64(next_ns, soft->slots[i].retry_at_ns);
    }
    return next_ns;
}

/* ---- answers ---- */

static bool is_transient(unsigned code)
{
    return hs_result_code_class(code) == HS_RESULT_CLASS_TRANSIENT ||
           hs_result_code_class(code) == HS_RESULT_CLASS_REDIRECT;
}

static void accept(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot,
                   uint64_t manager_fence)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    soft->is_told = soft->is_released = false; /* a cancel that came before it cancelled nothing */
    soft->retry_at_ns = 0;
    if (hs_gate_is_slot_over(&job->slots[slot]) || soft->is_proposed) return;
    soft->is_acked = true;
    if (!soft->accepted_at_ns) soft->accepted_at_ns = gate->now_ns;
    if (job->slots[slot].state != HS_GATE_SLOT_PLANNED &&
        job->slots[slot].manager_fence >= manager_fence)
        return;
    hs_gate_note_news(gate, job, slot); /* another one leads there */
    propose_slot(gate, job, slot, HS_GATE_SLOT_ACCEPTED, manager_fence, "");
    if (soft->is_proposed) return;
    soft->is_acked = false; /* the log is busy: asked again, answered again */
    soft->retry_at_ns = gate->now_ns + gate->limits.dispatch_ack_timeout_ns;
}

/* Who answers has answered, however often; but a leader has to come in the time in which a manager
 * has to. */
static void wait_for_leader(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    soft->attempts = 0;
    soft->retry_at_ns = gate->now_ns + TELL_AGAIN_NS; /* unless another one leads */
    if (!soft->unled_since_ns) soft->unled_since_ns = gate->now_ns;
    if (gate->now_ns - soft->unled_since_ns < gate->limits.manager_wait_ns) return;
    if (job->slots[slot].state == HS_GATE_SLOT_PLANNED && job->phase != HS_GATE_DONE &&
        !soft->is_proposed)
        refuse_for_lack_of(gate, job, slot, "leading manager");
}

void hs_gate_take_dispatch_ack(struct hs_gate *gate, unsigned manager, struct hs_gate_job *job,
                               unsigned slot, const struct hs_msg_job_dispatch_ack *ack)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    if (soft->resent_at_ns)
        hs_gate_note_latency(gate, manager, HS_LATENCY_DISPATCH, soft->resent_at_ns);
    soft->resent_at_ns = 0;
    if (soft->call.manager == manager)
        hs_gate_end_call(gate, &soft->call, hs_breaker_outcome_of(ack->code));
    soft->unheard_since_ns = 0;
    if (ack->code != HS_RESULT_NOT_LEADER) soft->unled_since_ns = 0;
    if (ack->code == HS_RESULT_OK) {
        accept(gate, job, slot, ack->manager_fence);
    } else if (ack->code == HS_RESULT_NOT_LEADER) {
        hs_gate_take_hint(gate, manager, ack->leader);
        wait_for_leader(gate, job, slot);
    } else if (is_transient(ack->code)) {
        soft->attempts = 0;
        soft->retry_at_ns =
            gate->now_ns + (ack->retry_after_ns ? ack->retry_after_ns : TELL_AGAIN_NS);
    } else if (ack->code != HS_RESULT_STALE_FENCE && job->phase != HS_GATE_DONE &&
               !soft->is_proposed) {
        propose_slot(gate, job, slot, HS_GATE_SLOT_REFUSED, 0,
                     ack->text[0] ? ack->text : hs_result_code_name(ack->code));
    }
}

static bool is_cancel_of(const struct hs_gate_job *job, uint16_t workflow, bool is_cascade,
                         const uint8_t id[16])
{
    uint8_t wanted[16];

    cancel_id(job, workflow, is_cascade, wanted);
    return memcmp(wanted, id, sizeof wanted) == 0;
}

/* The datacenter does not know the job and will refuse it if it comes after all. */
static void give_up_slot(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    if (job->phase == HS_GATE_DONE)
        soft->is_released = true;
    else if (!hs_gate_is_slot_over(&job->slots[slot]) && !soft->is_proposed)
        propose_slot(gate, job, slot, HS_GATE_SLOT_REFUSED, 0, job->reason);
}

void hs_gate_take_cancel_ack(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot,
                             const struct hs_msg_job_cancel_ack *ack)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    if (is_transient(ack->code)) return;
    if (is_cancel_of(job, HS_WORKFLOW_ALL, true, ack->request_id)) {
        soft->is_told = true;
        soft->retry_at_ns = 0;
        if (ack->code == HS_RESULT_UNKNOWN_JOB) give_up_slot(gate, job, slot);
        return;
    }
    for (uint16_t i = 0; i < job->workflow_count; i++)
        for (unsigned cancel = HS_GATE_WORKFLOW_CANCELLED; cancel <= HS_GATE_WORKFLOW_CASCADED;
             cancel++)
            if (soft->told_workflows[i] < cancel &&
                is_cancel_of(job, i, cancel == HS_GATE_WORKFLOW_CASCADED, ack->request_id))
                soft->told_workflows[i] = (uint8_t)cancel;
}

void hs_gate_take_timeout_ack(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot,
                              const struct hs_msg_job_timeout_ack *ack)
{
    struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];

    if (is_transient(ack->code) || job->phase != HS_GATE_TIMING_OUT) return;
    soft->is_told = true;
    if (ack->code == HS_RESULT_UNKNOWN_JOB) give_up_slot(gate, job, slot);
}

/* ---- the table of times ---- */

static void note(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                 uint64_t finished_at_ns)
{
    const struct hs_gate_slot_soft *soft = &hs_gate_soft_of(gate, job)->slots[slot];
    const struct hs_gate_slot      *at = &job->slots[slot];
    struct hs_dispatch_time         record = {.sent_at_ns = soft->sent_at_ns,
                                              .accepted_at_ns = soft->accepted_at_ns,
                                              .finished_at_ns = finished_at_ns,
                                              .attempts = soft->attempts,
                                              .state = HS_JOB_RUNNING};

    if (finished_at_ns)
        record.state = at->state == HS_GATE_SLOT_ENDED ? at->status : (uint32_t)HS_JOB_FAILED;
    memcpy(record.job_id, job->id, sizeof record.job_id);
    memcpy(record.datacenter, at->datacenter, sizeof record.datacenter);
    gate->out.note_dispatch(gate->out.self, &record);
}

void hs_gate_note_slots(struct hs_gate *gate, const struct hs_gate_job *job)
{
    struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    for (unsigned i = 0; i < job->slot_count; i++) {
        struct hs_gate_slot_soft *slot = &soft->slots[i];

        if (!slot->sent_at_ns || slot->is_end_noted) continue; /* not of this life of the gate */
        if (slot->accepted_at_ns && !slot->is_start_noted) note(gate, job, i, 0);
        slot->is_start_noted = slot->accepted_at_ns != 0;
        if (!hs_gate_is_slot_over(&job->slots[i])) continue;
        slot->is_end_noted = true;
        note(gate, job, i, gate->now_ns);
    }
}
