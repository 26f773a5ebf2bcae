// SPDX-License-Identifier: Apache-2.0
/* manager_carry_io.c - carries out what the core asks for: frames, entries, blobs. */
#include "roles/host_table.h"
#include "roles/manager/manager_process.h"
#include "roles/result_code.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"

#include <errno.h>
#include <string.h>

static void call_later(struct hs_manager_process *process, const struct hs_manager_later *later)
{
    HS_ASSERT(process->later_count < HS_MANAGER_LATER_MAX);
    process->later[(process->later_first + process->later_count++) % HS_MANAGER_LATER_MAX] = *later;
}

/* A peer that does not read is cut off: its link comes anew, and with it what it missed. Of its
 * lane only that. */
static void send_message(struct hs_manager_process *process, struct hs_conn *conn,
                         const struct hs_manager_action *action, const void *message)
{
    int rc;

    if (!conn || !hs_conn_is_open(conn)) return;
    rc = action->request_id ? hs_wire_reply(conn, action->message_type, message, action->request_id)
                            : hs_wire_send(conn, action->message_type, message, 0);
    if (rc != -ENOBUFS) return;
    hs_manager_count(process, HS_COUNT_send_queue_overflows, 1);
    hs_conn_abort(conn);
}

static struct hs_conn *conn_of(struct hs_manager_process      *process,
                               const struct hs_manager_action *action)
{
    return hs_manager_links_conn(process, action->link, action->message_type);
}

static void send_latest(struct hs_manager_process *process, const struct hs_manager_action *action,
                        uint64_t now_ns)
{
    struct hs_conn *conn = conn_of(process, action);
    int             rc = -ENOTCONN;

    if (conn && hs_conn_is_open(conn))
        rc = hs_wire_send_latest(conn, action->message_type, &action->message);
    if (rc != 0 && action->message_type == HS_MSG_DC_PROGRESS)
        hs_manager_on_dropped(&process->manager, action->message.dc_progress.job_id, now_ns);
}

static struct hs_view read_blob(struct hs_manager_process     *process,
                                const struct hs_ledger_digest *digest)
{
    int64_t bytes =
        hs_ledger_blob_get(process->ledger, digest, process->blob, HS_LEDGER_BLOB_BYTES_MAX);

    if (bytes < 0) hs_log(HS_LOG_ERROR, "manager", "blob lost: %s", hs_err_code_text((int)bytes));
    return bytes < 0 ? hs_view_of(NULL, 0) : hs_view_of(process->blob, (size_t)bytes);
}

/* A worker is not cut off for the work that it has been given already: after its link came anew,
 * all of that would be sent at once, and there would be no room again. */
static void send_exec(struct hs_manager_process *process, struct hs_manager_action *action,
                      uint64_t now_ns)
{
    struct hs_msg_exec_dispatch *dispatch = &action->message.exec_dispatch;
    struct hs_conn              *conn = conn_of(process, action);

    if (!conn || !hs_conn_is_open(conn)) return;
    if (dispatch->plan_bytes <= HS_WIRE_PART_BYTES_MAX)
        dispatch->plan = read_blob(process, &action->digest);
    if (hs_wire_send(conn, HS_MSG_EXEC_DISPATCH, dispatch, 0) != -ENOBUFS) return;
    hs_manager_count(process, HS_COUNT_dispatches_put_off, 1);
    hs_log(HS_LOG_WARN, "manager", "share put off: too much waits for its worker");
    hs_manager_on_unsent(&process->manager, &dispatch->exec, dispatch->exec_fence, now_ns);
}

static void send_blob(struct hs_manager_process *process, struct hs_manager_action *action)
{
    struct hs_msg_blob_data data = {.code = HS_RESULT_UNKNOWN_BLOB,
                                    .offset_bytes = action->offset_bytes};
    struct hs_view          blob = read_blob(process, &action->digest);

    memcpy(data.digest, action->digest.bytes, sizeof data.digest);
    if (blob.bytes && action->offset_bytes <= blob.bytes) {
        size_t left_bytes = blob.bytes - (size_t)action->offset_bytes;

        data.code = HS_RESULT_OK;
        data.total_bytes = blob.bytes;
        data.data =
            hs_view_of(blob.data + action->offset_bytes,
                       left_bytes < HS_WIRE_PART_BYTES_MAX ? left_bytes : HS_WIRE_PART_BYTES_MAX);
    }
    action->message_type = HS_MSG_BLOB_DATA;
    send_message(process, conn_of(process, action), action, &data);
}

static void propose(struct hs_manager_process *process, const struct hs_manager_action *action)
{
    struct hs_ledger_digest digest;
    int                     rc;

    if (action->type == HS_MANAGER_PROPOSE)
        rc = hs_ledger_propose(process->ledger, action->bytes, action->token);
    else
        rc = hs_ledger_blob_put(process->ledger, action->bytes, &digest, action->token);
    if (rc == 0) return;
    hs_manager_count(process, HS_COUNT_ledger_busy, 1);
    call_later(process,
               &(struct hs_manager_later){.what = HS_LATER_REFUSED, .token = action->token});
}

static void carry_out(struct hs_manager_process *process, struct hs_manager_action *action,
                      uint64_t now_ns)
{
    switch (action->type) {
    case HS_MANAGER_SEND_LATEST: send_latest(process, action, now_ns); break;
    case HS_MANAGER_SEND_GATE:
    case HS_MANAGER_SEND_WORKER:
        send_message(process, conn_of(process, action), action, &action->message);
        break;
    case HS_MANAGER_SEND_EXEC: send_exec(process, action, now_ns); break;
    case HS_MANAGER_SEND_BLOB: send_blob(process, action); break;
    case HS_MANAGER_PROPOSE:
    case HS_MANAGER_PUT_BLOB: propose(process, action); break;
    case HS_MANAGER_READ_BLOB:
        call_later(process, &(struct hs_manager_later){.what = HS_LATER_BLOB,
                                                       .token = action->token,
                                                       .digest = action->digest});
        break;
    }
}

static void tell_later(struct hs_manager_process *process, const struct hs_manager_later *later,
                       uint64_t now_ns)
{
    struct hs_view blob;

    if (later->what == HS_LATER_REFUSED) {
        hs_manager_on_refused(&process->manager, later->token, now_ns, &process->actions);
        return;
    }
    blob = read_blob(process, &later->digest);
    hs_role_breadcrumb(&process->process, HS_MSG_JOB_DISPATCH, NULL,
                       hs_host_table_digest_word(later->digest.bytes));
    hs_manager_on_blob(&process->manager, later->token, blob, now_ns, &process->actions);
    hs_role_breadcrumb(&process->process, 0, NULL, 0);
}

static void show_notes(struct hs_manager_process *process)
{
    for (unsigned i = 0; i < process->actions.sample_count; i++)
        hs_latency_sample_write(process->samples, &process->actions.samples[i]);
    for (unsigned i = 0; i < process->actions.event_count; i++)
        hs_role_note(&process->process, &process->actions.events[i]);
    process->actions.sample_count = 0;
    process->actions.event_count = 0;
}

/* The list, then what it brought about, until nothing is left. */
void hs_manager_perform(struct hs_manager_process *process, uint64_t now_ns)
{
    for (;;) {
        struct hs_manager_later later;

        for (unsigned i = 0; i < process->actions.count; i++)
            carry_out(process, &process->actions.at[i], now_ns);
        process->actions.count = 0;
        show_notes(process);
        if (!process->later_count) return;
        later = process->later[process->later_first];
        process->later_first = (process->later_first + 1) % HS_MANAGER_LATER_MAX;
        process->later_count--;
        tell_later(process, &later, now_ns);
    }
}
