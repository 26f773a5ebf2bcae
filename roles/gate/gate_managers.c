// SPDX-License-Identifier: Apache-2.0
/* gate_managers.c - what managers tell: their capacity and how far away they are, progress; and
 * which of the other files a frame is for. */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void hs_gate_send(struct hs_gate *gate, unsigned manager, enum hs_msg_type type,
                  const void *message)
{
    /* a full queue: the link is stuck, which was counted; what matters is sent again */
    HS_IGNORE(gate->out.send(gate->out.self, manager, type, message, 0), "repeated until answered");
}

static int slot_of(const struct hs_gate_job *job, const char *datacenter)
{
    for (int i = 0; i < job->slot_count; i++)
        if (strcmp(job->slots[i].datacenter, datacenter) == 0) return i;
    return -1;
}

static void on_heartbeat(struct hs_gate *gate, unsigned manager, const struct hs_msg_mhb *mhb)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    /* no such numbers: what it said before stands (control 8.4) */
    if (mhb->cores_free > mhb->cores_total || mhb->workers_alive > mhb->workers_known ||
        mhb->workers_overloaded > mhb->workers_alive) {
        gate->out.count(gate->out.self, HS_COUNT_frames_malformed);
        return;
    }
    hs_breaker_heard(&at->breaker, gate->now_ns);
    at->beat_at_ns = gate->now_ns;
    at->beat_fence = mhb->manager_fence;
    at->keyring_mark = mhb->keyring;
    at->workers_known = mhb->workers_known;
    at->workers_alive = mhb->workers_alive;
    at->workers_overloaded = mhb->workers_overloaded;
    at->load = mhb->load < HS_NODE_LOAD_COUNT ? mhb->load : (uint32_t)HS_NODE_OVERLOADED;
    at->fence = mhb->manager_fence;
    at->is_hinted = false; /* it speaks for itself */
    at->cores_total = mhb->cores_total;
    at->cores_free = mhb->cores_free;
    at->workers = mhb->workers;
    at->jobs = mhb->jobs;
    at->execs = mhb->execs;
    at->is_draining = mhb->draining != 0;
    hs_gate_judge_datacenter(gate, at->datacenter);
    gate->out.show_manager(gate->out.self, manager);
}

/* ---- round trips ---- */

void hs_gate_note_latency(struct hs_gate *gate, unsigned manager, enum hs_latency_kind kind,
                          uint64_t sent_at_ns)
{
    struct hs_latency_sample sample = {.at_ns = gate->now_ns,
                                       .round_trip_ns = gate->now_ns - sent_at_ns,
                                       .kind = kind,
                                       .peer_kind = HS_ROLE_MANAGER};

    (void)snprintf(sample.peer, sizeof sample.peer, "%s", gate->managers[manager].name);
    gate->out.note_latency(gate->out.self, &sample);
}

static void on_pong(struct hs_gate *gate, unsigned manager, const struct hs_msg_pong *pong)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    if (!at->ping_nonce || pong->nonce != at->ping_nonce) return; /* of an earlier ping */
    at->ping_nonce = 0;
    hs_gate_note_latency(gate, manager, HS_LATENCY_PING, at->pinged_at_ns);
}

/* ---- progress ---- */

static bool is_newer(const struct hs_gate_slot_soft *slot, const struct hs_msg_dc_progress *message)
{
    if (message->manager_fence != slot->progress_fence)
        return message->manager_fence > slot->progress_fence;
    return message->pseq > slot->progress_seq;
}

static void take_rows(struct hs_gate_soft *soft, const struct hs_gate_job *job, struct hs_view rows)
{
    struct hs_msg_workflow_row row;
    struct hs_reader           reader;

    hs_reader_init(&reader, rows);
    while (hs_wire_get_row(HS_MSG_WORKFLOW_ROW, &reader, &row) == 1) {
        if (row.workflow >= job->workflow_count || row.status >= HS_WORKFLOW_STATE_COUNT) continue;
        soft->live_states[row.workflow] = row.status;
        soft->live_cores[row.workflow] = row.cores;
        soft->live_retries[row.workflow] = row.retries;
    }
}

/* A gate that was born again learns from the first report how much of the job's time has gone. */
static void bound_deadline(struct hs_gate *gate, const struct hs_gate_job *job,
                           struct hs_gate_soft *soft)
{
    uint64_t limit_ns =
        job->timeout_ns + hs_extension_of_job_ns(job->timeout_ns, soft->extended_ns);
    uint64_t left_ns = limit_ns - hs_min_u64(limit_ns, soft->elapsed_ns);

    if (left_ns < HS_NEVER_NS - gate->now_ns)
        soft->deadline_ns = hs_min_u64(soft->deadline_ns, gate->now_ns + left_ns);
}

/* A worker was given more time: so is the job, for as much as the one that was given most. */
static void extend_deadline(const struct hs_gate_job *job, struct hs_gate_soft *soft,
                            uint64_t extended_ns)
{
    uint64_t before_ns = hs_extension_of_job_ns(job->timeout_ns, soft->extended_ns);
    uint64_t more_ns = hs_extension_of_job_ns(job->timeout_ns, extended_ns);

    if (extended_ns <= soft->extended_ns) return;
    soft->extended_ns = extended_ns;
    if (soft->deadline_ns && soft->deadline_ns < HS_NEVER_NS - more_ns)
        soft->deadline_ns += more_ns - before_ns;
}

/* Is something missing between the last one and this? */
static bool has_gap(const struct hs_gate_slot_soft *slot, const struct hs_msg_dc_progress *message)
{
    return message->kind == HS_PROGRESS_DIFF &&
           (message->manager_fence != slot->progress_fence || message->base != slot->progress_seq);
}

/* true: a whole one is needed. What does not fit the tables stays unshown. */
static bool take_progress(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot_idx,
                          const struct hs_msg_dc_progress *message)
{
    struct hs_gate_soft      *soft = hs_gate_soft_of(gate, job);
    struct hs_gate_slot_soft *slot = &soft->slots[slot_idx];
    bool                      needs_full = has_gap(slot, message);
    int                       rc;

    slot->progress_fence = message->manager_fence;
    slot->progress_seq = message->pseq;
    slot->heard_at_ns = gate->now_ns;
    slot->elapsed_ns = message->elapsed_ns;
    hs_gate_note_news(gate, job, slot_idx);
    soft->phase = message->phase;
    soft->elapsed_ns = hs_max_u64(soft->elapsed_ns, message->elapsed_ns);
    if (message->planned_ns) soft->planned_ns = message->planned_ns;
    soft->is_row_dirty = true;
    take_rows(soft, job, message->workflows);
    extend_deadline(job, soft, message->extended_ns);
    bound_deadline(gate, job, soft);
    rc = hs_progress_take(gate->progress, hs_gate_job_idx(gate->fsm, job), slot_idx,
                          message->payload, message->kind == HS_PROGRESS_FULL);
    return needs_full || rc == -ESTALE || rc == -EPROTO;
}

static void on_progress(struct hs_gate *gate, unsigned manager, struct hs_gate_job *job,
                        unsigned slot_idx, const struct hs_msg_dc_progress *message)
{
    const struct hs_gate_slot_soft *slot = &hs_gate_soft_of(gate, job)->slots[slot_idx];
    struct hs_msg_dc_progress_ack   ack = {.pseq = message->pseq, .code = HS_RESULT_OK};

    memcpy(ack.job_id, job->id, sizeof ack.job_id);
    if (job->phase == HS_GATE_DONE || hs_gate_is_given_up(gate, job, slot_idx))
        ack.code = HS_RESULT_ALREADY_DONE;
    else if (message->manager_fence <
             hs_max_u64(slot->progress_fence, job->slots[slot_idx].manager_fence))
        ack.code = HS_RESULT_STALE_FENCE;
    else if (is_newer(slot, message))
        ack.need_full = take_progress(gate, job, slot_idx, message);
    hs_gate_send(gate, manager, HS_MSG_DC_PROGRESS_ACK, &ack);
}

/* ---- frames ---- */

static void on_blob_wanted(struct hs_gate *gate, unsigned manager,
                           const struct hs_msg_blob_get *get)
{
    struct hs_msg_blob_data data = {.code = HS_RESULT_UNKNOWN_BLOB,
                                    .offset_bytes = get->offset_bytes};
    struct hs_ledger_digest digest;
    int64_t                 bytes;

    memcpy(digest.bytes, get->digest, sizeof digest.bytes);
    memcpy(data.digest, get->digest, sizeof data.digest);
    bytes =
        gate->out.blob_get(gate->out.self, &digest, gate->blob_memory, HS_LEDGER_BLOB_BYTES_MAX);
    if (bytes > 0 && get->offset_bytes < (uint64_t)bytes) {
        data.code = HS_RESULT_OK;
        data.total_bytes = (uint64_t)bytes;
        data.data = hs_view_of(
            gate->blob_memory + get->offset_bytes,
            (size_t)hs_min_u64((uint64_t)bytes - get->offset_bytes, HS_WIRE_PART_BYTES_MAX));
    }
    hs_gate_send(gate, manager, HS_MSG_BLOB_DATA, &data);
}

/* Whatever it was, it is repeated until it is answered: what is wrong must be seen. */
static void on_refused(const struct hs_gate *gate, unsigned manager,
                       const struct hs_msg_refused *refused)
{
    hs_log(HS_LOG_WARN, "gate", "refused by manager=%s type=%s code=%s text=\"%s\"",
           gate->managers[manager].name, hs_wire_name(refused->type),
           hs_result_code_name(refused->code), refused->text);
}

/* Forgotten, or never ours: let the manager forget it too. */
static void answer_unknown(struct hs_gate *gate, unsigned manager, unsigned type,
                           const union hs_msg *message, uint64_t request_id)
{
    struct hs_msg_dc_progress_ack ack = {.pseq = message->dc_progress.pseq,
                                         .code = HS_RESULT_UNKNOWN_JOB};

    if (type == HS_MSG_DC_RESULTS) {
        hs_gate_answer_results(gate, manager, message->dc_results.job_id, request_id,
                               HS_RESULT_UNKNOWN_JOB);
    } else if (type == HS_MSG_DC_PROGRESS) {
        memcpy(ack.job_id, message->dc_progress.job_id, sizeof ack.job_id);
        hs_gate_send(gate, manager, HS_MSG_DC_PROGRESS_ACK, &ack);
    }
}

static void on_release_ack(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                           uint16_t code)
{
    if (code == HS_RESULT_OK || code == HS_RESULT_UNKNOWN_JOB)
        hs_gate_soft_of(gate, job)->slots[slot].is_released = true;
}

/* All of these begin with a job id: which job, and is it this datacenter's? */
static void on_job_frame(struct hs_gate *gate, unsigned manager, unsigned type,
                         const union hs_msg *message, uint64_t request_id)
{
    struct hs_gate_job *job = hs_gate_find_job(gate->fsm, message->dc_results.job_id);
    int                 at = job ? slot_of(job, gate->managers[manager].datacenter) : -1;
    unsigned            slot = (unsigned)at;

    gate->due_ns = 0;
    if (at < 0)
        answer_unknown(gate, manager, type, message, request_id);
    else if (type == HS_MSG_DC_PROGRESS)
        on_progress(gate, manager, job, slot, &message->dc_progress);
    else if (type == HS_MSG_DC_RESULTS)
        hs_gate_take_results(gate, job, &(struct hs_gate_told){manager, slot, request_id},
                             &message->dc_results);
    else if (type == HS_MSG_JOB_DISPATCH_ACK)
        hs_gate_take_dispatch_ack(gate, manager, job, slot, &message->job_dispatch_ack);
    else if (type == HS_MSG_JOB_CANCEL_ACK)
        hs_gate_take_cancel_ack(gate, job, slot, &message->job_cancel_ack);
    else if (type == HS_MSG_JOB_TIMEOUT_ACK)
        hs_gate_take_timeout_ack(gate, job, slot, &message->job_timeout_ack);
    else
        on_release_ack(gate, job, slot, message->job_release_ack.code);
}

void hs_gate_manager_frame(struct hs_gate *gate, unsigned manager, unsigned type,
                           const union hs_msg *message, uint64_t request_id)
{
    /* Data does not tell that the connection lives that everything else needs (data_lane.h). */
    if (hs_wire_traffic(type) != HS_TRAFFIC_DATA)
        gate->managers[manager].heard_at_ns = gate->now_ns;
    switch (type) {
    case HS_MSG_HELLO: hs_gate_take_hello(gate, manager, &message->hello); break;
    case HS_MSG_HELLO_ACK: break;
    case HS_MSG_PONG: on_pong(gate, manager, &message->pong); break;
    case HS_MSG_REFUSED: on_refused(gate, manager, &message->refused); break;
    case HS_MSG_MHB: on_heartbeat(gate, manager, &message->mhb); break;
    case HS_MSG_BLOB_GET: on_blob_wanted(gate, manager, &message->blob_get); break;
    case HS_MSG_BLOB_DATA: hs_gate_take_blob_data(gate, manager, &message->blob_data); break;
    case HS_MSG_JOB_DISPATCH_ACK:
    case HS_MSG_DC_PROGRESS:
    case HS_MSG_DC_RESULTS:
    case HS_MSG_JOB_CANCEL_ACK:
    case HS_MSG_JOB_TIMEOUT_ACK:
    case HS_MSG_JOB_RELEASE_ACK: on_job_frame(gate, manager, type, message, request_id); break;
    default: gate->out.count(gate->out.self, HS_COUNT_frames_unexpected); break;
    }
}
