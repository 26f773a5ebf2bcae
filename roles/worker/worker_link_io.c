// SPDX-License-Identifier: Apache-2.0
/* worker_link_io.c - what goes to and comes from the manager that leads: messages to events,
 * actions to messages. */
#include "roles/worker/worker_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "roles/role_load_io.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_TIMEOUT_NS (10 * HS_NS_PER_S)

/* A manager that does not read is cut off by the link itself; what was not sent is sent again when
 * it is due. */
static void send_message(struct hs_worker *worker, enum hs_msg_type type, const void *message,
                         uint64_t reply_to)
{
    int rc;

    if (!worker->conn) return;
    rc = reply_to ? hs_wire_reply(worker->conn, type, message, reply_to)
                  : hs_wire_send(worker->conn, type, message, ++worker->next_request);
    if (rc < 0)
        hs_log(HS_LOG_WARN, "worker", "not sent type=%s error=%s", hs_wire_name(type),
               hs_err_code_text(rc));
}

/* ---- actions ---- */

static void greet(struct hs_worker *worker)
{
    const struct hs_heritage *heritage = worker->process.heritage;
    struct hs_msg_hello       hello = {.role = HS_ROLE_WORKER,
                                       .incarnation = heritage->incarnation,
                                       .generation = heritage->generation,
                                       .version = HS_FRAME_VERSION};

    memcpy(hello.node, heritage->node_id, sizeof hello.node);
    (void)snprintf(hello.name, sizeof hello.name, "%s", worker->process.config->node.name);
    (void)snprintf(hello.datacenter, sizeof hello.datacenter, "%s",
                   worker->process.config->node.datacenter);
    send_message(worker, HS_MSG_HELLO, &hello, 0);
    worker->has_greeted = true;
}

void hs_worker_fill_registration(struct hs_worker *worker, struct hs_msg_wreg *wreg)
{
    const struct hs_heritage *heritage = worker->process.heritage;

    *wreg = (struct hs_msg_wreg){
        .incarnation = heritage->incarnation,
        .generation = heritage->generation,
        .cores = (uint16_t)heritage->engine_count,
        .engines_mask = hs_execs_engines_mask(&worker->execs),
        .exec_count = (uint16_t)(hs_execs_live_count(&worker->execs) +
                                 hs_execs_waiting_count(&worker->execs)),
    };
    memcpy(wreg->worker, heritage->node_id, sizeof wreg->worker);
    (void)snprintf(wreg->name, sizeof wreg->name, "%s", worker->process.config->node.name);
    (void)snprintf(wreg->datacenter, sizeof wreg->datacenter, "%s",
                   worker->process.config->node.datacenter);
}

void hs_worker_register(struct hs_worker *worker)
{
    struct hs_msg_wreg wreg;

    if (!worker->has_greeted) greet(worker);
    hs_worker_fill_registration(worker, &wreg);
    send_message(worker, HS_MSG_WREG, &wreg, 0);
}

void hs_worker_fill_heartbeat(const struct hs_worker *worker, uint64_t now_ns,
                              struct hs_msg_whb *whb)
{
    const struct hs_execs *execs = &worker->execs;

    *whb = (struct hs_msg_whb){.session = execs->session,
                               .cores_free = (uint16_t)hs_execs_free_cores(execs, now_ns),
                               .exec_count = (uint16_t)hs_execs_live_count(execs),
                               .engines_mask = hs_execs_engines_mask(execs),
                               .draining = execs->is_draining,
                               .load = (uint8_t)hs_role_load(worker->process.load),
                               .results_waiting = (uint16_t)hs_execs_waiting_count(execs),
                               .results_dropped = execs->dropped_results,
                               .owner_epoch = worker->owner.epoch};
    memcpy(whb->owner, worker->owner.id, sizeof whb->owner);
}

void hs_worker_heartbeat(struct hs_worker *worker, uint64_t now_ns)
{
    struct hs_msg_whb whb;

    hs_worker_fill_heartbeat(worker, now_ns, &whb);
    send_message(worker, HS_MSG_WHB, &whb, 0);
}

void hs_worker_ack(struct hs_worker *worker, const struct hs_execs_action *action)
{
    struct hs_msg_exec_ack ack = {.exec = action->id,
                                  .exec_fence = action->fence,
                                  .code = (uint16_t)action->code,
                                  .state = (uint8_t)action->state,
                                  .cores = (uint16_t)action->cores,
                                  .retry_after_ns = hs_result_code_retry_ns(action->code)};

    (void)snprintf(ack.text, sizeof ack.text, "%s", action->text);
    send_message(worker, HS_MSG_EXEC_ACK, &ack, worker->dispatch_request);
}

void hs_worker_ack_cancel(struct hs_worker *worker, const struct hs_execs_action *action)
{
    struct hs_msg_exec_cancel_ack ack = {.exec = action->id,
                                         .exec_fence = action->fence,
                                         .code = (uint16_t)action->code,
                                         .state = (uint8_t)action->state};

    send_message(worker, HS_MSG_EXEC_CANCEL_ACK, &ack, worker->cancel_request);
}

static void put_row(const struct hs_exec_record *record, uint64_t pseq, uint64_t now_ns,
                    struct hs_writer *rows)
{
    struct hs_msg_exec_row row = {.exec = record->id,
                                  .exec_fence = record->fence,
                                  .state = (uint8_t)record->state,
                                  .outcome = (uint8_t)record->outcome,
                                  .pseq = pseq,
                                  .cores = (uint16_t)record->part_count,
                                  .phase = (uint8_t)hs_exec_phase_at(record, now_ns)};

    hs_wire_put_row(HS_MSG_EXEC_ROW, &row, rows);
}

void hs_worker_tell_state(struct hs_worker *worker, uint64_t now_ns)
{
    struct hs_msg_wstate state = {.session = worker->execs.session,
                                  .incarnation = worker->process.heritage->incarnation,
                                  .generation = worker->process.heritage->generation,
                                  .draining = worker->execs.is_draining,
                                  .manager_fence = worker->execs.manager_fence};
    struct hs_writer     rows;

    hs_writer_init(&rows, worker->payload, sizeof worker->payload);
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (worker->execs.rows[i].record.state != HS_EXEC_NONE)
            put_row(&worker->execs.rows[i].record, worker->figures[i].pseq, now_ns, &rows);
    state.rows = hs_view_of(rows.data, rows.used_bytes);
    send_message(worker, HS_MSG_WSTATE, &state, worker->reconcile_request);
}

void hs_worker_extend(struct hs_worker *worker, const struct hs_execs_action *action)
{
    struct hs_msg_extend extend = {.session = worker->execs.session,
                                   .reason = (uint8_t)action->code,
                                   .shares = (uint16_t)action->cores};

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        const struct hs_exec_record *record = &worker->execs.rows[i].record;

        if (record->is_started && record->state < HS_EXEC_FINISHED)
            extend.items_done += hs_exec_figures_ended(record, worker->engine_figures);
    }
    hs_counter_add(worker->process.counters, HS_COUNT_extensions_asked, 1);
    send_message(worker, HS_MSG_EXTEND, &extend, 0);
}

/* ---- plans that come in pieces ---- */

static void end_fetch(struct hs_worker_fetch *fetch)
{
    free(fetch->text);
    *fetch = (struct hs_worker_fetch){0};
}

static void ask_piece(struct hs_worker *worker, const struct hs_worker_fetch *fetch)
{
    struct hs_msg_blob_get get = {.offset_bytes = fetch->have_bytes};

    memcpy(get.digest, fetch->dispatch.digest, sizeof get.digest);
    memcpy(get.job_id, fetch->dispatch.exec.job_id, sizeof get.job_id);
    send_message(worker, HS_MSG_BLOB_GET, &get, 0);
}

/* The action follows the event of a dispatch: that one is meant. */
void hs_worker_fetch(struct hs_worker *worker, uint64_t now_ns)
{
    struct hs_worker_fetch *fetch = NULL;
    uint8_t                *text;

    if (!worker->dispatch || worker->dispatch->plan_bytes > HS_PLAN_BYTES_MAX) return;
    for (unsigned i = 0; i < HS_WORKER_FETCHES_MAX; i++) {
        struct hs_worker_fetch *at = &worker->fetches[i];

        if (at->is_used && at->dispatch.exec_fence == worker->dispatch->exec_fence) return;
        if (!at->is_used) fetch = at;
    }
    if (!fetch) return; /* it will be sent again */
    text = malloc((size_t)worker->dispatch->plan_bytes + 1);
    if (!text) return;
    fetch->text = text;
    fetch->is_used = true;
    fetch->dispatch = *worker->dispatch;
    fetch->dispatch.plan = (struct hs_view){0};
    fetch->request_id = worker->dispatch_request;
    fetch->have_bytes = 0;
    fetch->deadline_ns = now_ns + FETCH_TIMEOUT_NS;
    ask_piece(worker, fetch);
}

/* ---- messages in ---- */

static bool is_digest_wrong(struct hs_view plan, const uint8_t wanted[HS_DIGEST_BYTES])
{
    uint8_t digest[EVP_MAX_MD_SIZE];

    return !EVP_Digest(plan.data, plan.bytes, digest, NULL, EVP_sha256(), NULL) ||
           memcmp(digest, wanted, HS_DIGEST_BYTES) != 0;
}

static void take_dispatch(struct hs_worker *worker, const struct hs_msg_exec_dispatch *message,
                          struct hs_view plan, uint64_t request_id)
{
    struct hs_exec_dispatch dispatch = {.session = message->session,
                                        .vus = message->vus,
                                        .iterations = message->iterations,
                                        .connections = message->connections,
                                        .start_delay_ns = message->start_delay_ns,
                                        .timeout_ns = message->timeout_ns,
                                        .vus_first = message->vus_first,
                                        .share = message->share,
                                        .share_first = message->share_first,
                                        .share_total = message->share_total,
                                        .cores = message->cores,
                                        .has_plan = plan.bytes > 0};
    struct hs_execs_event   event = {.type = HS_EXECS_DISPATCH,
                                     .dispatch = &dispatch,
                                     .id = message->exec,
                                     .fence = message->exec_fence,
                                     .manager_fence = message->manager_fence};

    memcpy(dispatch.digest, message->digest, sizeof dispatch.digest);
    if (dispatch.has_plan) dispatch.is_digest_wrong = is_digest_wrong(plan, message->digest);
    worker->dispatch = message;
    worker->dispatch_plan = plan;
    worker->dispatch_request = request_id;
    hs_worker_step(worker, &event);
    worker->dispatch = NULL;
    worker->dispatch_plan = (struct hs_view){0};
}

static void take_piece(struct hs_worker *worker, const struct hs_msg_blob_data *piece)
{
    for (unsigned i = 0; i < HS_WORKER_FETCHES_MAX; i++) {
        struct hs_worker_fetch *fetch = &worker->fetches[i];
        size_t                  want_bytes = fetch->dispatch.plan_bytes;

        if (!fetch->is_used || memcmp(fetch->dispatch.digest, piece->digest, HS_DIGEST_BYTES) != 0)
            continue;
        if (piece->code != HS_RESULT_OK || piece->total_bytes != want_bytes) {
            end_fetch(fetch); /* the manager's timer sends the dispatch again */
            continue;
        }
        if (piece->offset_bytes != fetch->have_bytes || piece->data.bytes == 0 ||
            piece->data.bytes > want_bytes - fetch->have_bytes)
            continue;
        memcpy(fetch->text + fetch->have_bytes, piece->data.data, piece->data.bytes);
        fetch->have_bytes += piece->data.bytes;
        if (fetch->have_bytes < want_bytes) {
            ask_piece(worker, fetch);
            continue;
        }
        take_dispatch(worker, &fetch->dispatch, hs_view_of(fetch->text, want_bytes),
                      fetch->request_id);
        end_fetch(fetch);
    }
}

static void take_cancel(struct hs_worker *worker, const struct hs_msg_exec_cancel *cancel,
                        uint64_t request_id)
{
    struct hs_execs_event event = {.type = HS_EXECS_CANCEL,
                                   .id = cancel->exec,
                                   .fence = cancel->exec_fence,
                                   .manager_fence = cancel->manager_fence,
                                   .text = cancel->reason[0] ? cancel->reason : "cancelled",
                                   .wait_ns =
                                       cancel->grace_ns ? cancel->grace_ns : 5 * HS_NS_PER_S};

    if (cancel->hard) event.wait_ns = 0;
    worker->cancel_request = request_id;
    hs_worker_step(worker, &event);
}

static void take_registration(struct hs_worker *worker, const struct hs_msg_wreg_ack *ack)
{
    struct hs_execs_event event = {.type = HS_EXECS_REGISTERED,
                                   .code = ack->code,
                                   .session = ack->session,
                                   .manager_fence = ack->manager_fence,
                                   .wait_ns = ack->retry_after_ns,
                                   .silent_ns = ack->silent_ns};

    if (ack->code != HS_RESULT_OK)
        hs_log(HS_LOG_WARN, "worker", "not registered code=%s text=\"%s\"",
               hs_result_code_name(ack->code), ack->text);
    hs_worker_step(worker, &event);
}

static void take_progress_ack(struct hs_worker *worker, const struct hs_msg_exec_progress_ack *ack)
{
    struct hs_execs_event event = {.type = HS_EXECS_PROGRESS_ACK,
                                   .id = ack->exec,
                                   .fence = ack->exec_fence,
                                   .code = ack->code,
                                   .is_full = ack->need_full,
                                   .is_stop = ack->stop};

    hs_worker_step(worker, &event);
}

static void take_result_ack(struct hs_worker *worker, const struct hs_msg_exec_result_ack *ack)
{
    struct hs_execs_event event = {
        .type = HS_EXECS_RESULT_ACK, .id = ack->exec, .fence = ack->exec_fence, .code = ack->stage};

    hs_worker_step(worker, &event);
}

static void take_extension(struct hs_worker *worker, const struct hs_msg_extend_ack *ack)
{
    struct hs_execs_event event = {
        .type = HS_EXECS_EXTENSION, .code = ack->code, .wait_ns = ack->grant_ns};

    hs_log(ack->warning ? HS_LOG_WARN : HS_LOG_INFO, "worker",
           "more time asked for answer=%s granted_ms=%llu grants_left=%u",
           hs_extension_code_name(ack->code), (unsigned long long)(ack->grant_ns / HS_NS_PER_MS),
           (unsigned)ack->remaining_grants);
    hs_worker_step(worker, &event);
}

static void take_release(struct hs_worker *worker, const struct hs_msg_exec_release *release)
{
    struct hs_execs_event event = {.type = HS_EXECS_RELEASE, .workflow = release->workflow};

    memcpy(event.id.job_id, release->job_id, sizeof event.id.job_id);
    hs_worker_step(worker, &event);
}

static void take_reconcile(struct hs_worker *worker, const struct hs_msg_reconcile *reconcile,
                           uint64_t request_id)
{
    struct hs_execs_event event = {.type = HS_EXECS_RECONCILE,
                                   .manager_fence = reconcile->manager_fence};

    worker->reconcile_request = request_id;
    hs_worker_step(worker, &event);
}

void hs_worker_take_message(struct hs_worker *worker, const struct hs_frame *frame)
{
    const union hs_msg *message = &worker->message;

    switch ((int)frame->type) {
    case HS_MSG_EXEC_DISPATCH:
        take_dispatch(worker, &message->exec_dispatch, message->exec_dispatch.plan,
                      frame->request_id);
        return;
    case HS_MSG_WREG_ACK: take_registration(worker, &message->wreg_ack); return;
    case HS_MSG_BLOB_DATA: take_piece(worker, &message->blob_data); return;
    case HS_MSG_EXEC_CANCEL: take_cancel(worker, &message->exec_cancel, frame->request_id); return;
    case HS_MSG_EXEC_PROGRESS_ACK: take_progress_ack(worker, &message->exec_progress_ack); return;
    case HS_MSG_EXEC_RESULT_ACK: take_result_ack(worker, &message->exec_result_ack); return;
    case HS_MSG_EXTEND_ACK: take_extension(worker, &message->extend_ack); return;
    case HS_MSG_EXEC_RELEASE: take_release(worker, &message->exec_release); return;
    case HS_MSG_RECONCILE: take_reconcile(worker, &message->reconcile, frame->request_id); return;
    case HS_MSG_PING: {
        struct hs_msg_pong pong = {.nonce = message->ping.nonce};

        send_message(worker, HS_MSG_PONG, &pong, frame->request_id);
        return;
    }
    case HS_MSG_REFUSED:
        hs_log(HS_LOG_WARN, "worker", "refused type=%s text=\"%s\"",
               hs_wire_name(message->refused.type), message->refused.text);
        return;
    default: return; /* HELLO_ACK, PONG: nothing follows */
    }
}

/* ---- the link ---- */

void hs_worker_leader_up(struct hs_worker *worker, struct hs_conn *conn, bool has_greeted)
{
    struct hs_execs_event event = {.type = HS_EXECS_LINK_UP};

    if (worker->conn) hs_worker_leader_down(worker);
    worker->conn = conn;
    worker->has_greeted = has_greeted;
    hs_worker_step(worker, &event);
}

void hs_worker_leader_down(struct hs_worker *worker)
{
    struct hs_execs_event event = {.type = HS_EXECS_LINK_DOWN};

    worker->conn = NULL;
    for (unsigned i = 0; i < HS_WORKER_FETCHES_MAX; i++) end_fetch(&worker->fetches[i]);
    hs_worker_step(worker, &event);
}

uint64_t hs_worker_fetches_turn(struct hs_worker *worker, uint64_t now_ns)
{
    uint64_t deadline_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_WORKER_FETCHES_MAX; i++) {
        struct hs_worker_fetch *fetch = &worker->fetches[i];

        if (!fetch->is_used) continue;
        if (now_ns >= fetch->deadline_ns)
            end_fetch(fetch);
        else
            deadline_ns = hs_min_u64(deadline_ns, fetch->deadline_ns);
    }
    return deadline_ns;
}
