// SPDX-License-Identifier: Apache-2.0
/* gate_clients.c - what clients ask besides submitting and watching: status, lists, cancels,
 * results, plans in pieces. */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

enum { LIST_ROWS_MAX = 256 };

/* ---- status ---- */

/* By the host's clock, since this life's says nothing about another: wrong when somebody has set
 * it in between. */
static uint64_t age_ns(struct hs_gate *gate, const struct hs_gate_job *job)
{
    uint64_t wall_ns = gate->out.wall_ns(gate->out.self);

    if (job->created_wall_ns && wall_ns >= job->created_wall_ns)
        return wall_ns - job->created_wall_ns;
    return gate->now_ns - hs_gate_soft_of(gate, job)->created_at_ns;
}

static void job_row_of(struct hs_gate *gate, const struct hs_gate_job *job,
                       struct hs_msg_job_row *row)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    *row = (struct hs_msg_job_row){.status = (uint8_t)hs_gate_display(job),
                                   .elapsed_ns = soft->elapsed_ns,
                                   .workflows = job->workflow_count,
                                   .completed = soft->row.completed,
                                   .failed = soft->row.failed,
                                   .rate_per_s = soft->row.rate_milli_per_s / 1000,
                                   .gate_fence = job->gate_fence,
                                   .birth_fence = job->birth_fence,
                                   .planned_ns = soft->planned_ns,
                                   .age_ns = age_ns(gate, job)};

    memcpy(row->job_id, job->id, sizeof row->job_id);
    (void)snprintf(row->name, sizeof row->name, "%s", job->name);
    (void)snprintf(row->client_id, sizeof row->client_id, "%s", job->client_id);
    (void)snprintf(row->text, sizeof row->text, "%s", job->reason);
    for (unsigned i = 0; i < job->event_count; i++)
        row->workflows_done =
            (uint16_t)(row->workflows_done + (job->events[i].kind == HS_EVENT_WORKFLOW));
    if (job->phase == HS_GATE_DONE)
        row->progress_ppm = 1000000;
    else if (soft->planned_ns && soft->planned_ns != HS_NEVER_NS)
        row->progress_ppm =
            (uint32_t)hs_min_u64(1000000, soft->elapsed_ns / (soft->planned_ns / 1000000 + 1));
}

static void put_workflow_rows(struct hs_gate *gate, const struct hs_gate_job *job,
                              struct hs_writer *out)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    for (uint16_t i = 0; i < job->workflow_count; i++) {
        struct hs_msg_workflow_row row = {.workflow = i, .status = soft->live_states[i]};

        if (job->workflow_reports[i]) row.status = job->workflow_states[i];
        (void)snprintf(row.name, sizeof row.name, "%s", soft->workflow_names[i]);
        hs_wire_put_row(HS_MSG_WORKFLOW_ROW, &row, out);
    }
}

static enum hs_job_state slot_status(const struct hs_gate_slot *slot)
{
    switch ((enum hs_gate_slot_state)slot->state) {
    case HS_GATE_SLOT_PLANNED: return HS_JOB_DISPATCHING;
    case HS_GATE_SLOT_RUNNING: return HS_JOB_RUNNING;
    case HS_GATE_SLOT_ENDED: return (enum hs_job_state)slot->status;
    case HS_GATE_SLOT_FAILED:
    case HS_GATE_SLOT_UNCONFIRMED:
    case HS_GATE_SLOT_LOST: break;
    }
    return HS_JOB_FAILED;
}

/* What its state does not say. */
static void put_slot_text(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot,
                          struct hs_msg_datacenter_row *row)
{
    const struct hs_reach_facts *reach = hs_gate_reach_of(gate, job->slots[slot].datacenter);
    const char                  *text = "";

    if (job->slots[slot].state == HS_GATE_SLOT_LOST)
        text = "lost: nothing was heard of it any more";
    else if (!hs_gate_is_suspected(gate, job, slot))
        return;
    else if (reach && reach->is_asked && reach->state != HS_REACH_REACHABLE)
        text = "the datacenter does not answer this gate";
    else
        text = "nothing is heard of it";
    (void)snprintf(row->text, sizeof row->text, "%s", text);
}

static void put_datacenter_rows(struct hs_gate *gate, const struct hs_gate_job *job,
                                struct hs_writer *out)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    for (unsigned i = 0; i < job->slot_count; i++) {
        struct hs_msg_datacenter_row row = {.status = (uint8_t)slot_status(&job->slots[i]),
                                            .manager_fence = job->slots[i].manager_fence};

        if (soft->slots[i].heard_at_ns) row.heard_ns = gate->now_ns - soft->slots[i].heard_at_ns;
        (void)snprintf(row.datacenter, sizeof row.datacenter, "%s", job->slots[i].datacenter);
        put_slot_text(gate, job, i, &row);
        hs_wire_put_row(HS_MSG_DATACENTER_ROW, &row, out);
    }
}

static void on_status_get(struct hs_gate *gate, unsigned client,
                          const struct hs_msg_status_get *get, uint64_t request_id)
{
    struct hs_gate_job   *job = hs_gate_find_job(gate->fsm, get->job_id);
    struct hs_msg_status  status = {.code = job ? HS_RESULT_OK : HS_RESULT_UNKNOWN_JOB};
    struct hs_msg_job_row row;
    uint8_t               job_memory[4096];
    uint8_t               datacenters_memory[4096];
    struct hs_writer      out;

    if (job) {
        job_row_of(gate, job, &row);
        hs_writer_init(&out, job_memory, sizeof job_memory);
        hs_wire_put_row(HS_MSG_JOB_ROW, &row, &out);
        status.job = hs_view_of(out.data, out.used_bytes);
        hs_writer_init(&out, datacenters_memory, sizeof datacenters_memory);
        put_datacenter_rows(gate, job, &out);
        status.datacenters = hs_view_of(out.data, out.used_bytes);
        hs_writer_init(&out, gate->stats_memory, HS_WIRE_PART_BYTES_MAX);
        put_workflow_rows(gate, job, &out);
        status.workflows = hs_view_of(out.data, out.used_bytes);
    }
    hs_gate_reply(gate, client, HS_MSG_STATUS, &status, request_id);
}

static void on_list_get(struct hs_gate *gate, unsigned client,
                        const struct hs_msg_job_list_get *get, uint64_t request_id)
{
    struct hs_msg_job_list list = {.code = HS_RESULT_OK, .total = gate->fsm->job_count};
    unsigned               rows_left = get->rows_max ? get->rows_max : LIST_ROWS_MAX;
    struct hs_writer       out;

    if (rows_left > LIST_ROWS_MAX) rows_left = LIST_ROWS_MAX;
    hs_writer_init(&out, gate->stats_memory, HS_WIRE_PART_BYTES_MAX);
    for (uint64_t i = get->cursor; i < HS_GATE_JOBS_MAX; i++) {
        struct hs_gate_job   *job = &gate->fsm->jobs[i];
        struct hs_msg_job_row row;

        if (job->phase == HS_GATE_FREE || (get->only_active && job->phase == HS_GATE_DONE))
            continue;
        if (!rows_left--) {
            list.next_cursor = i;
            break;
        }
        job_row_of(gate, job, &row);
        hs_wire_put_row(HS_MSG_JOB_ROW, &row, &out);
    }
    list.rows = hs_view_of(out.data, out.used_bytes);
    hs_gate_reply(gate, client, HS_MSG_JOB_LIST, &list, request_id);
}

/* ---- cancel ---- */

static void answer_cancel(struct hs_gate *gate, const struct hs_gate_waiter *waiter,
                          const uint8_t job_id[HS_JOB_ID_BYTES], const uint8_t request_id[16],
                          uint32_t code)
{
    const struct hs_gate_job *job = hs_gate_find_job(gate->fsm, job_id);
    struct hs_msg_cancel_ack  ack = {.code = (uint16_t)code};

    memcpy(ack.job_id, job_id, sizeof ack.job_id);
    memcpy(ack.request_id, request_id, sizeof ack.request_id);
    if (job) ack.status = (uint8_t)hs_gate_display(job);
    hs_gate_reply(gate, waiter->client, HS_MSG_CANCEL_ACK, &ack, waiter->request_id);
}

/* What is known without another entry; OK: nothing is, decide. */
static uint32_t check_cancel(const struct hs_gate_job *job, const struct hs_msg_cancel *cancel,
                             bool *is_repeat)
{
    *is_repeat = job && hs_gate_is_request_known(job, cancel->request_id);
    if (!job) return HS_RESULT_UNKNOWN_JOB;
    if (*is_repeat) return HS_RESULT_OK;
    if (job->phase == HS_GATE_DONE) return HS_RESULT_ALREADY_DONE;
    return cancel->workflow == HS_WORKFLOW_ALL || cancel->workflow < job->workflow_count
               ? HS_RESULT_OK
               : HS_RESULT_INVALID;
}

static int propose_cancel(struct hs_gate *gate, const struct hs_msg_cancel *cancel, uint64_t token)
{
    struct hs_gate_entry entry = {.kind = HS_GATE_CANCEL};

    memcpy(entry.as.cancel.job_id, cancel->job_id, HS_JOB_ID_BYTES);
    memcpy(entry.as.cancel.request_id, cancel->request_id, 16);
    entry.as.cancel.workflow = cancel->workflow;
    entry.as.cancel.cascade = cancel->cascade;
    (void)snprintf(entry.as.cancel.reason, sizeof entry.as.cancel.reason, "%s",
                   cancel->reason[0] ? cancel->reason : "cancelled");
    return hs_gate_propose(gate, &entry, token);
}

static void on_cancel(struct hs_gate *gate, unsigned client, const struct hs_msg_cancel *cancel,
                      uint64_t request_id)
{
    struct hs_gate_waiter   waiter = {.client = client, .request_id = request_id};
    struct hs_gate_pending *pending;
    bool                    is_repeat;
    uint32_t code = check_cancel(hs_gate_find_job(gate->fsm, cancel->job_id), cancel, &is_repeat);

    if (code != HS_RESULT_OK || is_repeat) {
        answer_cancel(gate, &waiter, cancel->job_id, cancel->request_id, code);
        return;
    }
    pending = hs_gate_take_pending(gate, HS_GATE_PENDING_CANCEL);
    if (!pending || propose_cancel(gate, cancel, pending->token)) {
        if (pending) pending->kind = HS_GATE_PENDING_NONE;
        answer_cancel(gate, &waiter, cancel->job_id, cancel->request_id, HS_RESULT_BUSY);
        return;
    }
    memcpy(pending->job_id, cancel->job_id, sizeof pending->job_id);
    memcpy(pending->request_id, cancel->request_id, sizeof pending->request_id);
    hs_gate_add_waiter(gate, pending, client, request_id);
}

void hs_gate_cancel_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code)
{
    struct hs_gate_job *job = hs_gate_find_job(gate->fsm, pending->job_id);

    if (job && code == HS_RESULT_OK) {
        struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

        for (unsigned i = 0; i < job->slot_count; i++) soft->slots[i].retry_at_ns = 0;
        hs_gate_show(gate, job);
    }
    for (unsigned i = 0; i < pending->waiter_count; i++) {
        answer_cancel(gate, &pending->waiters[i], pending->job_id, pending->request_id, code);
        hs_gate_end_waiter(gate, &pending->waiters[i]);
    }
}

/* ---- results ---- */

/* The records of a job are one stream: the piece of it that begins at offset. */
static void fill_results(struct hs_gate *gate, const struct hs_gate_job *job, uint64_t offset_bytes,
                         struct hs_msg_results *results)
{
    const struct hs_gate_record *record = hs_gate_first_record(gate->fsm, job);
    uint64_t                     begin_bytes = 0;

    for (; record; record = hs_gate_next_record(gate->fsm, record)) {
        int64_t bytes = gate->out.blob_get(gate->out.self, &record->digest, NULL, 0);

        if (bytes <= 0) continue;
        results->total_bytes += (uint64_t)bytes;
        if (!results->payload.bytes && offset_bytes >= begin_bytes &&
            offset_bytes < begin_bytes + (uint64_t)bytes &&
            gate->out.blob_get(gate->out.self, &record->digest, gate->blob_memory,
                               HS_LEDGER_BLOB_BYTES_MAX) == bytes) {
            uint64_t within = offset_bytes - begin_bytes;

            results->payload =
                hs_view_of(gate->blob_memory + within,
                           (size_t)hs_min_u64((uint64_t)bytes - within, HS_WIRE_PART_BYTES_MAX));
        }
        begin_bytes += (uint64_t)bytes;
    }
}

/* They change from one answer to the next, so one frame has to hold them. */
static void fill_partial(struct hs_gate *gate, const struct hs_gate_job *job, uint64_t offset_bytes,
                         struct hs_msg_results *results)
{
    struct hs_view partial = hs_gate_partial_results(gate, job);

    results->total_bytes = partial.bytes;
    if (offset_bytes >= partial.bytes) return;
    results->payload =
        hs_view_of(partial.data + offset_bytes, partial.bytes - (size_t)offset_bytes);
}

static void on_results_get(struct hs_gate *gate, unsigned client,
                           const struct hs_msg_results_get *get, uint64_t request_id)
{
    struct hs_gate_job   *job = hs_gate_find_job(gate->fsm, get->job_id);
    struct hs_msg_results results = {.code = HS_RESULT_OK, .offset_bytes = get->offset_bytes};

    memcpy(results.job_id, get->job_id, sizeof results.job_id);
    if (!job) {
        results.code = HS_RESULT_UNKNOWN_JOB;
    } else {
        results.status = (uint8_t)hs_gate_display(job);
        results.final = job->phase == HS_GATE_DONE;
        results.elapsed_ns = hs_gate_soft_of(gate, job)->elapsed_ns;
        (void)snprintf(results.text, sizeof results.text, "%s", job->reason);
        if (results.final)
            fill_results(gate, job, get->offset_bytes, &results);
        else
            fill_partial(gate, job, get->offset_bytes, &results);
    }
    hs_gate_reply(gate, client, HS_MSG_RESULTS, &results, request_id);
}

/* ---- plans in pieces ---- */

static uint32_t take_piece(struct hs_gate_upload *upload, const struct hs_msg_blob_put *put)
{
    if (put->total_bytes == 0 || put->total_bytes > HS_PLAN_BYTES_MAX) return HS_RESULT_TOO_LARGE;
    if (!upload->memory || upload->is_put_off) return HS_RESULT_BUSY;
    if (put->offset_bytes == 0) {
        memcpy(upload->digest, put->digest, sizeof upload->digest);
        upload->total_bytes = put->total_bytes;
        upload->have_bytes = 0;
    }
    if (memcmp(upload->digest, put->digest, sizeof upload->digest) != 0 ||
        put->total_bytes != upload->total_bytes)
        return HS_RESULT_INVALID;
    if (put->offset_bytes != upload->have_bytes) return HS_RESULT_OK; /* have_bytes says where */
    if (put->data.bytes > upload->total_bytes - upload->have_bytes) return HS_RESULT_INVALID;
    memcpy(upload->memory + upload->have_bytes, put->data.data, put->data.bytes);
    upload->have_bytes += put->data.bytes;
    return HS_RESULT_OK;
}

static void on_blob_put(struct hs_gate *gate, unsigned client, const struct hs_msg_blob_put *put,
                        uint64_t request_id)
{
    struct hs_gate_upload *upload = &gate->uploads[client];
    struct hs_msg_blob_ack ack = {0};

    memcpy(ack.digest, put->digest, sizeof ack.digest);
    ack.code = (uint16_t)take_piece(upload, put);
    ack.have_bytes = upload->have_bytes;
    hs_gate_reply(gate, client, HS_MSG_BLOB_ACK, &ack, request_id);
}

/* ---- frames ---- */

static void on_ping(struct hs_gate *gate, unsigned client, const struct hs_msg_ping *ping,
                    uint64_t request_id)
{
    struct hs_msg_pong pong = {.nonce = ping->nonce};

    hs_gate_reply(gate, client, HS_MSG_PONG, &pong, request_id);
}

void hs_gate_client_frame(struct hs_gate *gate, unsigned client, unsigned type,
                          const union hs_msg *message, uint64_t request_id)
{
    struct hs_msg_hello_ack hello_ack = {.code = HS_RESULT_OK, .fence = gate->fsm->leader_fence};

    switch (type) {
    case HS_MSG_HELLO: hs_gate_reply(gate, client, HS_MSG_HELLO_ACK, &hello_ack, request_id); break;
    case HS_MSG_PING: on_ping(gate, client, &message->ping, request_id); break;
    case HS_MSG_SUBMIT: hs_gate_submit(gate, client, &message->submit, request_id); break;
    case HS_MSG_SUBSCRIBE: hs_gate_subscribe(gate, client, &message->subscribe, request_id); break;
    case HS_MSG_EVENT_ACK: hs_gate_take_event_ack(gate, client, &message->event_ack); break;
    case HS_MSG_STATUS_GET: on_status_get(gate, client, &message->status_get, request_id); break;
    case HS_MSG_JOB_LIST_GET: on_list_get(gate, client, &message->job_list_get, request_id); break;
    case HS_MSG_CANCEL: on_cancel(gate, client, &message->cancel, request_id); break;
    case HS_MSG_RESULTS_GET: on_results_get(gate, client, &message->results_get, request_id); break;
    case HS_MSG_BLOB_PUT: on_blob_put(gate, client, &message->blob_put, request_id); break;
    default: gate->out.count(gate->out.self, HS_COUNT_frames_unexpected); break;
    }
}

void hs_gate_client_opened(struct hs_gate *gate, unsigned client)
{
    gate->clients[client] = (struct hs_gate_client){.is_open = true};
    gate->uploads[client].have_bytes = 0;
    gate->uploads[client].total_bytes = 0;
}

/* It waits no more; others may in its place. */
static void forget_waiter(struct hs_gate *gate, struct hs_gate_pending *pending, unsigned client)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < pending->waiter_count; i++)
        if (pending->waiters[i].client != client)
            pending->waiters[kept++] = pending->waiters[i];
        else
            hs_gate_end_waiter(gate, &pending->waiters[i]);
    pending->waiter_count = kept;
}

void hs_gate_client_closed(struct hs_gate *gate, unsigned client)
{
    gate->clients[client].is_open = false;
    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++)
        if (gate->subscriptions[i].client == client) gate->subscriptions[i].is_used = false;
    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++)
        forget_waiter(gate, &gate->pending[i], client);
}

bool hs_gate_is_watched(const struct hs_gate *gate)
{
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        if (gate->clients[i].is_open && gate->clients[i].has_watched) return true;
    return false;
}

void hs_gate_reply(struct hs_gate *gate, unsigned client, enum hs_msg_type type,
                   const void *message, uint64_t request_id)
{
    if (client >= HS_GATE_CLIENTS_MAX || !gate->clients[client].is_open) return;
    if (!gate->out.reply(gate->out.self, client, type, message, request_id)) return;
    gate->clients[client].is_open = false; /* what else is for it would be lost too */
    gate->out.cut_off(gate->out.self, client);
}
