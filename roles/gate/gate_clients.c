// SPDX-License-Identifier: Apache-2.0
/* gate_clients.c - what clients ask besides submitting: subscriptions, status, lists, cancels, results, plans in pieces. */
#include "roles/counters.h"
#include "roles/gate/gate.h"
#include "roles/result_code.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

enum { LIST_ROWS_MAX = 256 };
#define STATS_INTERVAL_MIN_NS (50 * HS_NS_PER_MS)

/* ---- subscriptions ---- */

static bool is_for(const struct hs_gate *gate, const struct hs_gate_subscription *subscription,
                   const struct hs_gate_job *job)
{
    return subscription->is_used && subscription->job_idx == hs_gate_job_idx(gate->fsm, job) &&
           subscription->birth_fence == job->birth_fence;
}

static struct hs_gate_subscription *take_subscription(struct hs_gate *gate, unsigned client,
                                                      const struct hs_gate_job *job)
{
    struct hs_gate_subscription *unused = NULL;
    unsigned                     others = 0;

    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++) {
        struct hs_gate_subscription *at = &gate->subscriptions[i];

        if (is_for(gate, at, job) && at->client == client) return at;
        others += is_for(gate, at, job);
        if (!at->is_used && !unused) unused = at;
    }
    return others < HS_GATE_SUBSCRIBERS_PER_JOB_MAX ? unused : NULL;
}

static void on_subscribe(struct hs_gate *gate, unsigned client,
                         const struct hs_msg_subscribe *subscribe, uint64_t request_id)
{
    struct hs_gate_job          *job = hs_gate_find_job(gate->fsm, subscribe->job_id);
    struct hs_gate_subscription *subscription = job ? take_subscription(gate, client, job) : NULL;
    struct hs_msg_subscribe_ack  ack = {.code = HS_RESULT_OK};

    if (!subscription) {
        ack.code = job ? HS_RESULT_BUSY : HS_RESULT_UNKNOWN_JOB;
        hs_gate_reply(gate, client, HS_MSG_SUBSCRIBE_ACK, &ack, request_id);
        return;
    }
    *subscription = (struct hs_gate_subscription){.is_used = true,
                                                  .wants_stats = subscribe->want_stats != 0,
                                                  .client = client,
                                                  .job_idx = hs_gate_job_idx(gate->fsm, job),
                                                  .birth_fence = job->birth_fence,
                                                  .sent_events = subscribe->last_event,
                                                  .interval_ns = subscribe->stats_interval_ns};
    if (!subscription->interval_ns) subscription->interval_ns = HS_NS_PER_S;
    subscription->interval_ns = hs_max_u64(subscription->interval_ns, STATS_INTERVAL_MIN_NS);
    memcpy(ack.job_id, job->id, sizeof ack.job_id);
    ack.status = (uint8_t)hs_gate_display(job);
    ack.oldest = 1;
    ack.latest = job->event_count;
    ack.elapsed_ns = hs_gate_soft_of(gate, job)->elapsed_ns;
    ack.workflows = job->workflow_count;
    (void)snprintf(ack.name, sizeof ack.name, "%s", job->name);
    hs_gate_reply(gate, client, HS_MSG_SUBSCRIBE_ACK, &ack, request_id);
}

/* Whoever has seen the end needs nothing more. */
static void on_event_ack(struct hs_gate *gate, unsigned client, const struct hs_msg_event_ack *ack)
{
    struct hs_gate_job *job = hs_gate_find_job(gate->fsm, ack->job_id);

    for (unsigned i = 0; job && i < HS_GATE_SUBSCRIPTIONS_MAX; i++) {
        struct hs_gate_subscription *at = &gate->subscriptions[i];

        if (is_for(gate, at, job) && at->client == client && job->phase == HS_GATE_DONE &&
            ack->event_no >= job->event_count)
            at->is_used = false;
    }
}

/* ---- status ---- */

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
                                   .planned_ns = soft->planned_ns};

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
    case HS_GATE_SLOT_UNCONFIRMED: break;
    }
    return HS_JOB_FAILED;
}

static void put_datacenter_rows(struct hs_gate *gate, const struct hs_gate_job *job,
                                struct hs_writer *out)
{
    const struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

    for (unsigned i = 0; i < job->slot_count; i++) {
        struct hs_msg_datacenter_row row = {.status = (uint8_t)slot_status(&job->slots[i]),
                                            .manager_fence = job->slots[i].manager_fence};

        if (soft->links[i].heard_at_ns) row.heard_ns = gate->now_ns - soft->links[i].heard_at_ns;
        (void)snprintf(row.datacenter, sizeof row.datacenter, "%s", job->slots[i].datacenter);
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

static void on_cancel(struct hs_gate *gate, unsigned client, const struct hs_msg_cancel *cancel,
                      uint64_t request_id)
{
    struct hs_gate_entry     entry = {.kind = HS_GATE_CANCEL};
    struct hs_msg_cancel_ack ack = {.code = HS_RESULT_BUSY};
    struct hs_gate_pending  *pending = NULL;

    memcpy(ack.job_id, cancel->job_id, sizeof ack.job_id);
    memcpy(ack.request_id, cancel->request_id, sizeof ack.request_id);
    if (!hs_gate_find_job(gate->fsm, cancel->job_id))
        ack.code = HS_RESULT_UNKNOWN_JOB;
    else
        pending = hs_gate_take_pending(gate, HS_GATE_PENDING_CANCEL);
    if (!pending) {
        hs_gate_reply(gate, client, HS_MSG_CANCEL_ACK, &ack, request_id);
        return;
    }
    memcpy(entry.as.cancel.job_id, cancel->job_id, HS_JOB_ID_BYTES);
    memcpy(entry.as.cancel.request_id, cancel->request_id, 16);
    entry.as.cancel.workflow = cancel->workflow;
    entry.as.cancel.cascade = cancel->cascade;
    (void)snprintf(entry.as.cancel.reason, sizeof entry.as.cancel.reason, "%s",
                   cancel->reason[0] ? cancel->reason : "cancelled");
    memcpy(pending->job_id, cancel->job_id, sizeof pending->job_id);
    memcpy(pending->request_id, cancel->request_id, sizeof pending->request_id);
    pending->workflow = cancel->workflow;
    pending->cascade = cancel->cascade;
    pending->waiters[0] = (struct hs_gate_waiter){.client = client, .request_id = request_id};
    pending->waiter_count = 1;
    if (hs_gate_propose(gate, &entry, pending->token) == 0) return;
    pending->kind = HS_GATE_PENDING_NONE;
    hs_gate_reply(gate, client, HS_MSG_CANCEL_ACK, &ack, request_id);
}

void hs_gate_cancel_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code)
{
    struct hs_gate_job      *job = hs_gate_find_job(gate->fsm, pending->job_id);
    struct hs_msg_cancel_ack ack = {.code = (uint16_t)code};

    memcpy(ack.job_id, pending->job_id, sizeof ack.job_id);
    memcpy(ack.request_id, pending->request_id, sizeof ack.request_id);
    if (job) ack.status = (uint8_t)hs_gate_display(job);
    if (job && code == HS_RESULT_OK) {
        struct hs_gate_soft *soft = hs_gate_soft_of(gate, job);

        for (unsigned i = 0; i < job->slot_count; i++) soft->links[i].retry_at_ns = 0;
        if (pending->workflow == HS_WORKFLOW_ALL) {
            soft->grace_at_ns = gate->now_ns + gate->limits.cancel_timeout_ns;
        } else {
            soft->cancel_workflows[pending->workflow] = 1;
            soft->cancel_cascades[pending->workflow] = pending->cascade;
        }
        hs_gate_show(gate, job);
    }
    hs_gate_reply(gate, pending->waiters[0].client, HS_MSG_CANCEL_ACK, &ack,
                  pending->waiters[0].request_id);
}

/* ---- results ---- */

/* The records of a job are one stream: the piece of it that begins at offset. */
static void fill_results(struct hs_gate *gate, const struct hs_gate_job *job, uint64_t offset_bytes,
                         struct hs_msg_results *results)
{
    const struct hs_gate_record *record;
    uint32_t                     cursor = 0;
    uint64_t                     begin_bytes = 0;

    while ((record = hs_gate_next_record(gate->fsm, job, &cursor)) != NULL) {
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
        fill_results(gate, job, get->offset_bytes, &results);
    }
    hs_gate_reply(gate, client, HS_MSG_RESULTS, &results, request_id);
}

/* ---- plans in pieces ---- */

static uint32_t take_piece(struct hs_gate_upload *upload, const struct hs_msg_blob_put *put)
{
    if (put->total_bytes == 0 || put->total_bytes > HS_PLAN_BYTES_MAX) return HS_RESULT_TOO_LARGE;
    if (!upload->memory) return HS_RESULT_BUSY;
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
    case HS_MSG_SUBSCRIBE: on_subscribe(gate, client, &message->subscribe, request_id); break;
    case HS_MSG_EVENT_ACK: on_event_ack(gate, client, &message->event_ack); break;
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
    gate->clients[client].is_open = true;
    gate->uploads[client].have_bytes = 0;
    gate->uploads[client].total_bytes = 0;
}

void hs_gate_client_closed(struct hs_gate *gate, unsigned client)
{
    gate->clients[client].is_open = false;
    for (unsigned i = 0; i < HS_GATE_SUBSCRIPTIONS_MAX; i++)
        if (gate->subscriptions[i].client == client) gate->subscriptions[i].is_used = false;
    for (unsigned i = 0; i < HS_GATE_PENDING_MAX; i++)
        for (unsigned k = 0; k < gate->pending[i].waiter_count; k++)
            if (gate->pending[i].waiters[k].client == client)
                gate->pending[i].waiters[k].client = HS_GATE_CLIENTS_MAX; /* nobody */
}

void hs_gate_reply(struct hs_gate *gate, unsigned client, enum hs_msg_type type,
                   const void *message, uint64_t request_id)
{
    if (client >= HS_GATE_CLIENTS_MAX || !gate->clients[client].is_open) return;
    if (gate->out.reply(gate->out.self, client, type, message, request_id))
        gate->out.cut_off(gate->out.self, client);
}
