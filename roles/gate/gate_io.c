// SPDX-License-Identifier: Apache-2.0
/* gate_io.c - the gate process: connections, ledger, tables in shared memory, and the core (gate.h)
 * in the middle. */
#include "roles/gate/gate_io.h"

#include "ipc/conn.h"
#include "roles/config.h"
#include "roles/counters.h"
#include "roles/gate/gate.h"
#include "roles/gate/gate_shares_io.h"
#include "roles/gate/gate_wall_io.h"
#include "roles/plan/plan.h"
#include "roles/result_code.h"
#include "roles/role_io.h"
#include "roles/wire_io.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MANAGER_TAG = 1 << 16,
    LEDGER_GROUP = 1,
    BEHIND_BYTES = 256 << 10 /* waiting to be read: encoding more statistics is wasted work */
};
#define LEDGER_COMPACT_BYTES (UINT64_C(16) << 20)

struct gate_process {
    struct hs_role_process process;
    struct hs_gate         gate;
    struct hs_ledger      *ledger;
    struct hs_listener     listener;
    struct hs_conn        *clients[HS_GATE_CLIENTS_MAX];
    struct hs_conn        *managers[HS_GATE_MANAGERS_MAX];
    struct hs_gate_shares  shares;
    unsigned               client_count;
    bool                   is_stopping;
    bool                   has_failed;
};

static struct gate_process *process_of(void *self)
{
    return self;
}

/* What comes between two turns comes at its own time. */
static void see_time(struct gate_process *process)
{
    process->gate.now_ns = hs_loop_clock_ns(process->process.loop);
}

static void add_count(struct gate_process *process, enum hs_count count, uint64_t amount)
{
    hs_counter_add(process->process.counters, count, amount);
}

/* ---- what the core asks for (struct hs_gate_out) ---- */

static int out_reply(void *self, unsigned client, enum hs_msg_type type, const void *message,
                     uint64_t request_id)
{
    struct hs_conn *conn = process_of(self)->clients[client];

    if (!conn || !hs_conn_is_open(conn)) return 0; /* nobody there: nothing to say */
    return request_id ? hs_wire_reply(conn, type, message, request_id)
                      : hs_wire_send(conn, type, message, 0);
}

static int out_push_latest(void *self, unsigned client, enum hs_msg_type type, const void *message)
{
    struct hs_conn *conn = process_of(self)->clients[client];

    return conn && hs_conn_is_open(conn) ? hs_wire_send_latest(conn, type, message) : 0;
}

static bool out_is_behind(void *self, unsigned client)
{
    struct hs_conn *conn = process_of(self)->clients[client];

    return !conn || hs_conn_queued_bytes(conn) > BEHIND_BYTES;
}

static void note_client(struct gate_process *process, enum hs_notice_kind kind, const char *why)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, "", 1, "client of the gate: %s", why);
    hs_role_note(&process->process, &record);
}

static void out_cut_off(void *self, unsigned client)
{
    struct gate_process *process = process_of(self);

    if (!process->clients[client]) return;
    add_count(process, HS_COUNT_send_queue_overflows, 1);
    note_client(process, HS_NOTICE_CLIENT_CUT_OFF, "it does not read");
    hs_conn_abort(process->clients[client]);
}

static int out_send(void *self, unsigned manager, enum hs_msg_type type, const void *message,
                    uint64_t request_id)
{
    struct hs_conn *conn = process_of(self)->managers[manager];

    if (!conn || !hs_conn_is_open(conn)) return -ENOTCONN;
    return request_id ? hs_wire_reply(conn, type, message, request_id)
                      : hs_wire_send(conn, type, message, 0);
}

static int out_propose(void *self, struct hs_view entry, uint64_t token)
{
    return hs_ledger_propose(process_of(self)->ledger, entry, token);
}

static int out_blob_put(void *self, struct hs_view bytes, struct hs_ledger_digest *digest,
                        uint64_t token)
{
    return hs_ledger_blob_put(process_of(self)->ledger, bytes, digest, token);
}

static bool out_is_disk_full(void *self)
{
    return hs_ledger_is_short(process_of(self)->ledger);
}

static int64_t out_blob_get(void *self, const struct hs_ledger_digest *digest, void *memory,
                            size_t capacity_bytes)
{
    return hs_ledger_blob_get(process_of(self)->ledger, digest, memory, capacity_bytes);
}

static void out_show_job(void *self, uint32_t job_idx, const struct hs_job_row *row)
{
    struct gate_process *process = process_of(self);

    hs_gate_shares_show_job(&process->shares, job_idx, row);
    hs_counter_set(process->process.counters, HS_COUNT_jobs_active,
                   process->gate.fsm->active_count);
    hs_counter_set(process->process.counters, HS_COUNT_jobs_kept,
                   process->gate.fsm->job_count - process->gate.fsm->active_count);
}

static void out_show_manager(void *self, unsigned manager)
{
    struct gate_process *process = process_of(self);

    hs_gate_shares_show_manager(&process->shares, manager, &process->gate.managers[manager]);
}

static void out_note_dispatch(void *self, const struct hs_dispatch_time *record)
{
    hs_dispatch_time_write(process_of(self)->shares.dispatch_times, record);
}

static void out_note_latency(void *self, const struct hs_latency_sample *record)
{
    hs_latency_sample_write(process_of(self)->shares.latency_samples, record);
}

static void out_note_event(void *self, const struct hs_event_record *record)
{
    hs_role_note(&process_of(self)->process, record);
}

static void out_breadcrumb(void *self, const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t digest)
{
    hs_role_breadcrumb(&process_of(self)->process, HS_MSG_SUBMIT, job_id, digest);
}

static bool out_is_quarantined(void *self, uint64_t digest)
{
    return hs_role_is_quarantined(&process_of(self)->process, digest);
}

static void out_count(void *self, unsigned counter)
{
    add_count(process_of(self), (enum hs_count)counter, 1);
}

/* ---- connections ---- */

static void show_clients(struct gate_process *process, int change)
{
    process->client_count = (unsigned)((int)process->client_count + change);
    hs_counter_set(process->process.counters, HS_COUNT_clients_connected, process->client_count);
}

/* Its pages go back: 256 clients could have left a gigabyte of them. */
static void drop_upload(const struct hs_gate_upload *upload)
{
    if (madvise(upload->memory, HS_PLAN_BYTES_MAX, MADV_DONTNEED) < 0)
        hs_log(HS_LOG_WARN, "gate", "memory of an upload kept: %s", hs_err_code_text(-errno));
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct gate_process *process = hs_conn_owner(conn);
    uint64_t             tag = hs_conn_tag(conn);

    if (reason == -EPROTO || reason == -EMSGSIZE) add_count(process, HS_COUNT_frames_malformed, 1);
    if (tag >= MANAGER_TAG) {
        unsigned manager = (unsigned)(tag - MANAGER_TAG);

        if (process->managers[manager] != conn) return; /* a newer link took its place */
        process->managers[manager] = NULL;
        add_count(process, HS_COUNT_links_lost, 1);
        hs_gate_manager_down(&process->gate, manager);
        return;
    }
    HS_ASSERT(tag < HS_GATE_CLIENTS_MAX);
    process->clients[tag] = NULL;
    if (process->gate.uploads[tag].total_bytes) drop_upload(&process->gate.uploads[tag]);
    hs_gate_client_closed(&process->gate, (unsigned)tag);
    show_clients(process, -1);
}

static void refuse_frame(struct hs_conn *conn, const struct hs_frame *frame, int code)
{
    struct hs_msg_refused refused = {.type = frame->type};

    refused.code = code == -EACCES ? HS_RESULT_FORBIDDEN : HS_RESULT_UNSUPPORTED;
    HS_IGNORE(hs_wire_reply(conn, HS_MSG_REFUSED, &refused, frame->request_id),
              "whoever sends such frames and does not read is not helped by more");
}

static void on_client_frame(struct gate_process *process, unsigned client, unsigned type,
                            const union hs_msg *message, uint64_t request_id)
{
    const struct hs_gate_upload *upload = &process->gate.uploads[client];
    bool                         had_upload = upload->total_bytes != 0;

    hs_gate_client_frame(&process->gate, client, type, message, request_id);
    if (had_upload && !upload->total_bytes) drop_upload(upload);
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct gate_process *process = hs_conn_owner(conn);
    uint64_t             tag = hs_conn_tag(conn);
    bool                 is_manager = tag >= MANAGER_TAG;
    union hs_msg         message;
    int                  rc =
        hs_wire_open(frame, is_manager ? HS_ROLE_MANAGER : HS_ROLE_CLIENT, HS_ROLE_GATE, &message);

    see_time(process);
    if (rc == -ENOENT) {
        add_count(process, HS_COUNT_frames_unknown, 1);
        refuse_frame(conn, frame, rc);
    } else if (rc == -EPROTONOSUPPORT || rc == -EACCES) {
        add_count(process, HS_COUNT_frames_unexpected, 1);
        refuse_frame(conn, frame, rc);
    } else if (rc) {
        add_count(process, HS_COUNT_frames_malformed, 1);
        hs_conn_abort(conn);
    } else if (is_manager) {
        if (process->managers[tag - MANAGER_TAG] != conn) return; /* of a dead life */
        hs_gate_manager_frame(&process->gate, (unsigned)(tag - MANAGER_TAG), frame->type, &message,
                              frame->request_id);
    } else {
        on_client_frame(process, (unsigned)tag, frame->type, &message, frame->request_id);
    }
}

static int open_conn(struct gate_process *process, struct hs_conn **conn, int fd, uint64_t tag)
{
    struct hs_conn_config config = {.loop = process->process.loop,
                                    .owner = process,
                                    .on_frame = on_frame,
                                    .on_closed = on_closed,
                                    .figures = &process->process.frames};
    int                   rc = hs_conn_open(conn, &config, fd);

    if (rc) {
        hs_log(HS_LOG_WARN, "gate", "connection refused: %s", hs_err_code_text(rc));
        close(fd);
        return rc;
    }
    hs_conn_set_tag(*conn, tag);
    return 0;
}

static void add_client(struct gate_process *process, int fd)
{
    unsigned limit = process->process.config->gate.clients_max;
    unsigned client = 0;

    while (client < limit && process->clients[client]) client++;
    if (client == limit || process->is_stopping) {
        add_count(process, HS_COUNT_clients_refused, 1);
        note_client(process, HS_NOTICE_CLIENT_REFUSED,
                    process->is_stopping ? "the gate stops" : "too many (gate.clients_max)");
        close(fd);
        return;
    }
    if (open_conn(process, &process->clients[client], fd, client)) return;
    add_count(process, HS_COUNT_clients_accepted, 1);
    show_clients(process, 1);
    hs_gate_client_opened(&process->gate, client);
}

static void on_accept(struct hs_listener *listener, int fd)
{
    struct gate_process *process = HS_CONTAINER_OF(listener, struct gate_process, listener);

    if (fd < 0)
        hs_log(HS_LOG_WARN, "gate", "accept: %s", hs_err_code_text(fd));
    else
        add_client(process, fd);
}

static void greet_manager(struct gate_process *process, struct hs_conn *conn)
{
    const struct hs_heritage *heritage = process->process.heritage;
    struct hs_msg_hello       hello = {.role = HS_ROLE_GATE,
                                       .incarnation = heritage->incarnation,
                                       .generation = heritage->generation};

    memcpy(hello.node, heritage->node_id, sizeof hello.node);
    (void)snprintf(hello.name, sizeof hello.name, "%s", process->process.config->node.name);
    (void)snprintf(hello.datacenter, sizeof hello.datacenter, "%s",
                   process->process.config->node.datacenter);
    HS_IGNORE(hs_wire_send(conn, HS_MSG_HELLO, &hello, 0), "a link that is stuck closes");
}

/* On this host there is one manager; those of other hosts come with the network. */
static void add_manager(struct gate_process *process, int fd)
{
    struct hs_conn *old = process->managers[0];
    struct hs_conn *conn;

    if (old) {
        process->managers[0] = NULL;
        hs_gate_manager_down(&process->gate, 0);
        hs_conn_abort(old);
    }
    if (open_conn(process, &conn, fd, MANAGER_TAG)) return;
    process->managers[0] = conn;
    add_count(process, HS_COUNT_links_opened, 1);
    see_time(process);
    hs_gate_manager_up(&process->gate, 0, process->process.config->node.datacenter);
    greet_manager(process, conn);
}

/* ---- the ledger ---- */

static void on_answer(void *context, const struct hs_ledger_answer *answer)
{
    struct gate_process *process = context;

    see_time(process);
    if (answer->kind == HS_LEDGER_FAILED) process->has_failed = true;
    hs_ledger_count(process->ledger, process->process.counters);
    hs_gate_ledger_answer(&process->gate, answer);
}

static int open_ledger(struct gate_process *process, struct hs_err *err)
{
    const struct hs_heritage *heritage = process->process.heritage;
    struct hs_ledger_config   config = {.loop = process->process.loop,
                                        .fd = {heritage->ledger_fd[0], heritage->ledger_fd[1]},
                                        .group = LEDGER_GROUP,
                                        .machine = {.self = process->gate.fsm,
                                                    .apply = hs_gate_fsm_apply,
                                                    .save = hs_gate_fsm_save,
                                                    .restore = hs_gate_fsm_restore,
                                                    .is_blob_needed = hs_gate_fsm_needs_blob},
                                        .on_answer = on_answer,
                                        .context = process,
                                        .compact_bytes = LEDGER_COMPACT_BYTES,
                                        .headroom_bytes =
                                          heritage->is_embedded ? 0 : HS_LEDGER_HEADROOM_BYTES};
    int                       rc;

    config.machine.snapshot_bytes_max = HS_GATE_SNAPSHOT_BYTES_MAX;
    hs_role_set_phase(&process->process, HS_VITALS_REPLAY);
    rc = hs_ledger_open(&process->ledger, &config, err);
    if (!rc) {
        hs_ledger_count(process->ledger, process->process.counters);
        see_time(process);
        hs_gate_recovered(&process->gate);
        hs_gate_shares_adopt(&process->shares, &process->gate);
    }
    hs_role_set_phase(&process->process, HS_VITALS_NORMAL);
    return rc;
}

/* ---- hooks ---- */

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd)
{
    struct gate_process *process = process_of(self);

    (void)peer_idx;
    (void)generation;
    (void)token;
    if (peer == HS_ROLE_MANAGER)
        add_manager(process, fd);
    else if (peer == HS_ROLE_CLIENT)
        add_client(process, fd);
    else
        close(fd);
}

static void on_drain(void *self)
{
    process_of(self)->gate.is_draining = true;
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct gate_process *process = process_of(self);

    (void)deadline_ns;
    process->is_stopping = true;
    hs_gate_stop(&process->gate);
}

/* Jobs have ended, their ends are durable, and whoever watched has been told. */
static bool is_done(const void *self)
{
    const struct gate_process *process = self;

    if (process->has_failed) return true;
    if (process->gate.fsm->active_count) return false;
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        if (process->clients[i] && hs_conn_queued_bytes(process->clients[i])) return false;
    return hs_ledger_is_idle(process->ledger);
}

static void set_limits(struct gate_process *process)
{
    const struct hs_config *config = process->process.config;

    process->gate.limits =
        (struct hs_gate_limits){.active_jobs_max = config->gate.active_jobs_max,
                                .finished_jobs_max = config->gate.finished_jobs_max,
                                .retention_ns = config->gate.finished_job_retention_ns,
                                .dispatch_ack_timeout_ns = config->gate.dispatch_ack_timeout_ns,
                                .dispatch_attempts = config->gate.dispatch_attempts,
                                .manager_wait_ns = config->gate.manager_wait_ns,
                                .progress_interval_ns = config->gate.progress_interval_ns,
                                .cancel_timeout_ns = config->gate.cancel_timeout_ns};
}

static void on_config(void *self, const struct hs_config *config)
{
    (void)config; /* process.config is the new one already */
    set_limits(process_of(self));
}

static uint64_t turn_conns(struct gate_process *process, uint64_t now_ns)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++) {
        if (!process->clients[i]) continue;
        hs_conn_turn(process->clients[i], now_ns);
        if (process->clients[i])
            next_ns = hs_min_u64(next_ns, hs_conn_deadline_ns(process->clients[i]));
    }
    for (unsigned i = 0; i < HS_GATE_MANAGERS_MAX; i++) {
        if (!process->managers[i]) continue;
        hs_conn_turn(process->managers[i], now_ns);
        if (process->managers[i])
            next_ns = hs_min_u64(next_ns, hs_conn_deadline_ns(process->managers[i]));
    }
    return next_ns;
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct gate_process *process = process_of(self);
    uint64_t             next_ns;

    HS_ASSERT(!process->has_failed && "the log of decisions cannot be written: start me again");
    next_ns = hs_gate_turn(&process->gate, now_ns);
    hs_ledger_step(process->ledger, now_ns);
    next_ns = hs_min_u64(next_ns, process->gate.due_ns); /* it may have answered at once */
    next_ns = hs_min_u64(next_ns, turn_conns(process, now_ns));
    return hs_min_u64(next_ns, hs_ledger_deadline_ns(process->ledger));
}

static const struct hs_role_hooks hooks = {.on_link = on_link,
                                           .on_drain = on_drain,
                                           .on_stop = on_stop,
                                           .on_config = on_config,
                                           .turn = turn,
                                           .is_done = is_done,
                                           .hands_over = true};

/* ---- start ---- */

static void *take_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* One piece, demand-zero: what no job uses costs nothing. */
static int prepare_core(struct gate_process *process, struct hs_err *err)
{
    struct hs_gate  *gate = &process->gate;
    struct hs_chunk *chunks = take_memory((size_t)HS_PROGRESS_CHUNKS * sizeof *chunks);
    void            *arena = take_memory(HS_PLAN_ARENA_BYTES);
    uint8_t         *uploads = take_memory((size_t)HS_GATE_CLIENTS_MAX * HS_PLAN_BYTES_MAX);
    uint8_t         *fetches = take_memory((size_t)HS_GATE_FETCHES_MAX * HS_LEDGER_BLOB_BYTES_MAX);

    gate->fsm = take_memory(sizeof *gate->fsm);
    gate->progress = take_memory(sizeof *gate->progress);
    gate->soft = take_memory(sizeof *gate->soft * HS_GATE_JOBS_MAX);
    gate->blob_memory = take_memory(HS_LEDGER_BLOB_BYTES_MAX);
    gate->stats_memory = take_memory(HS_WIRE_PART_BYTES_MAX);
    if (!chunks || !arena || !uploads || !fetches || !gate->fsm || !gate->progress || !gate->soft ||
        !gate->blob_memory || !gate->stats_memory)
        return hs_err_set(err, -ENOMEM, "memory of the gate");
    hs_arena_init(&gate->arena, arena, HS_PLAN_ARENA_BYTES);
    hs_progress_init(gate->progress, chunks);
    hs_stats_init(&gate->scratch, &gate->progress->pool);
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        gate->uploads[i].memory = uploads + (size_t)i * HS_PLAN_BYTES_MAX;
    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++)
        gate->fetches[i].memory = fetches + (size_t)i * HS_LEDGER_BLOB_BYTES_MAX;
    gate->out = (struct hs_gate_out){.self = process,
                                     .reply = out_reply,
                                     .push_latest = out_push_latest,
                                     .is_behind = out_is_behind,
                                     .cut_off = out_cut_off,
                                     .send = out_send,
                                     .propose = out_propose,
                                     .blob_put = out_blob_put,
                                     .blob_get = out_blob_get,
                                     .is_disk_full = out_is_disk_full,
                                     .show_job = out_show_job,
                                     .show_manager = out_show_manager,
                                     .note_dispatch = out_note_dispatch,
                                     .note_latency = out_note_latency,
                                     .note_event = out_note_event,
                                     .breadcrumb = out_breadcrumb,
                                     .is_quarantined = out_is_quarantined,
                                     .wall_ns = hs_gate_wall_ns,
                                     .count = out_count};
    return 0;
}

static int open_gate(struct gate_process *process, const struct hs_heritage *heritage,
                     struct hs_err *err)
{
    struct hs_loop_config loop_config = {
        .wanted = (enum hs_loop_backend)heritage->config->node.io_backend,
        .stream_count_max = HS_GATE_CLIENTS_MAX + 16,
        .recv_buffer_count = 64,
        .recv_buffer_bytes = 16 << 10,
        .file_op_count_max = 4};
    int rc = hs_role_open(&process->process, heritage, &loop_config, err);

    if (!rc) rc = prepare_core(process, err);
    if (!rc) rc = hs_gate_shares_open(&process->shares, heritage, err);
    if (rc) return rc;
    set_limits(process);
    rc = open_ledger(process, err);
    if (rc) return rc;
    process->listener.on_accept = on_accept;
    if (heritage->client_listen_fd >= 0) {
        rc =
            hs_listener_open(process->process.loop, &process->listener, heritage->client_listen_fd);
        if (rc) return hs_err_set(err, rc, "accept clients");
    }
    return hs_role_ready(&process->process, err);
}

int hs_gate_main(const struct hs_heritage *heritage)
{
    struct gate_process *process = calloc(1, sizeof *process); /* lives as long as the process */
    struct hs_err        err = {0};

    if (!process) return 1;
    if (open_gate(process, heritage, &err)) return hs_role_exit_code(&err);
    return hs_role_serve(&process->process, &hooks, process);
}
