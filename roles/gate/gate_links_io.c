// SPDX-License-Identifier: Apache-2.0
/* gate_links_io.c - the gate's connections: clients and the manager of this host through sockets of
 * the supervisor's, those of other hosts through the door. */
#include "roles/gate/gate_process.h"

#include "roles/config.h"
#include "roles/wire_io.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MANAGER_TAG = 1 << 16,
    BEHIND_BYTES = 256 << 10, /* waiting to be read: encoding more statistics is wasted work */
    CLIENTS_OF_USER_PART = 4, /* one user has a quarter of the places, */
    CLIENTS_OF_USER_MIN = 4,  /* but so many at least */
    UPLOADS_OF_USER_MAX = 8   /* of 4 MiB each */
};

static struct hs_gate_process *process_of(void *self)
{
    return self;
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

static void note_client(struct hs_gate_process *process, enum hs_notice_kind kind, const char *why)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, "", 1, "client of the gate: %s", why);
    hs_role_note(&process->process, &record);
}

static void out_cut_off(void *self, unsigned client)
{
    struct hs_gate_process *process = process_of(self);

    if (!process->clients[client]) return;
    hs_gate_process_count(process, HS_COUNT_send_queue_overflows, 1);
    note_client(process, HS_NOTICE_CLIENT_CUT_OFF, "it does not read");
    hs_conn_abort(process->clients[client]);
}

static int out_send(void *self, unsigned manager, enum hs_msg_type type, const void *message,
                    uint64_t request_id)
{
    struct hs_gate_process *process = process_of(self);
    struct hs_conn         *conn = process->managers[manager];
    int                     rc;

    if (!conn || !hs_conn_is_open(conn)) return -ENOTCONN;
    conn = hs_data_lane_io_pick(&process->lanes[manager].lane, conn, type, process->gate.now_ns);
    rc = request_id ? hs_wire_reply(conn, type, message, request_id)
                    : hs_wire_send(conn, type, message, 0);
    if (rc == -ENOBUFS)
        hs_log(HS_LOG_WARN, "gate", "not sent type=%s manager=%s: too much waits for it",
               hs_wire_name(type), process->gate.managers[manager].name);
    return rc;
}

static void end_lane(struct hs_gate_process *process, unsigned manager)
{
    hs_data_lane_io_close(&process->lane_ground, &process->lanes[manager].lane);
}

static void out_drop_manager(void *self, unsigned manager)
{
    struct hs_gate_process *process = process_of(self);
    struct hs_conn         *conn = process->managers[manager];

    process->managers[manager] = NULL;
    end_lane(process, manager);
    if (!conn) return;
    hs_gate_process_count(process, HS_COUNT_links_lost, 1);
    hs_log(HS_LOG_WARN, "gate", "manager silent, cut off name=%s",
           process->gate.managers[manager].name);
    hs_conn_abort(conn);
}

void hs_gate_links_bind(struct hs_gate_out *out)
{
    out->reply = out_reply;
    out->push_latest = out_push_latest;
    out->is_behind = out_is_behind;
    out->cut_off = out_cut_off;
    out->send = out_send;
    out->drop_manager = out_drop_manager;
}

/* ---- connections ---- */

static void show_clients(struct hs_gate_process *process, int change)
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
    struct hs_gate_process *process = hs_conn_owner(conn);
    uint64_t                tag = hs_conn_tag(conn);

    if (reason == -EPROTO || reason == -EMSGSIZE)
        hs_gate_process_count(process, HS_COUNT_frames_malformed, 1);
    if (tag >= MANAGER_TAG) {
        unsigned manager = (unsigned)(tag - MANAGER_TAG);

        HS_ASSERT(manager < HS_GATE_MANAGERS_MAX);
        if (process->managers[manager] != conn) return; /* a newer link took its place */
        process->managers[manager] = NULL;
        end_lane(process, manager);
        hs_gate_process_count(process, HS_COUNT_links_lost, 1);
        hs_gate_manager_down(&process->gate, manager);
        return;
    }
    HS_ASSERT(tag < HS_GATE_CLIENTS_MAX);
    process->clients[tag] = NULL;
    if (process->gate.uploads[tag].total_bytes) drop_upload(&process->gate.uploads[tag]);
    hs_gate_client_closed(&process->gate, (unsigned)tag);
    show_clients(process, -1);
}

/* Plans that are begun and never finished would keep their memory as long as the connections. */
static bool has_many_uploads(const struct hs_gate_process *process, unsigned client)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        count += process->clients[i] && process->gate.uploads[i].total_bytes &&
                 hs_gate_guard_is_one_user(&process->guard, i, client);
    return count >= UPLOADS_OF_USER_MAX;
}

static void on_client_frame(struct hs_gate_process *process, unsigned client, unsigned type,
                            const union hs_msg *message, uint64_t request_id)
{
    struct hs_gate_upload *upload = &process->gate.uploads[client];
    bool                   had_upload = upload->total_bytes != 0;

    upload->is_put_off =
        type == HS_MSG_BLOB_PUT && !had_upload && has_many_uploads(process, client);
    hs_gate_client_frame(&process->gate, client, type, message, request_id);
    if (had_upload && !upload->total_bytes) drop_upload(upload);
}

static bool is_of(const struct hs_gate_process *process, unsigned manager,
                  const struct hs_conn *conn)
{
    return process->managers[manager] == conn || process->lanes[manager].lane.conn == conn;
}

static void take_frame(struct hs_gate_process *process, struct hs_conn *conn,
                       const struct hs_frame *frame)
{
    uint64_t     tag = hs_conn_tag(conn);
    bool         is_manager = tag >= MANAGER_TAG;
    union hs_msg message;
    int          rc =
        hs_wire_open(frame, is_manager ? HS_ROLE_MANAGER : HS_ROLE_CLIENT, HS_ROLE_GATE, &message);

    if (rc) {
        hs_gate_guard_judge(&process->guard, conn, frame, rc);
    } else if (is_manager) {
        if (!is_of(process, (unsigned)(tag - MANAGER_TAG), conn)) return; /* of a dead life */
        hs_gate_manager_frame(&process->gate, (unsigned)(tag - MANAGER_TAG), frame->type, &message,
                              frame->request_id);
    } else {
        on_client_frame(process, (unsigned)tag, frame->type, &message, frame->request_id);
    }
}

static struct hs_visitor *visitor_of(struct hs_gate_process *process, uint64_t tag)
{
    if (tag < MANAGER_TAG) {
        HS_ASSERT(tag < HS_GATE_CLIENTS_MAX);
        return &process->guard.clients[tag];
    }
    HS_ASSERT(tag - MANAGER_TAG < HS_GATE_MANAGERS_MAX);
    return &process->guard.managers[tag - MANAGER_TAG];
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_gate_process *process = hs_conn_owner(conn);
    uint64_t                tag = hs_conn_tag(conn);
    struct hs_visitor      *visitor = visitor_of(process, tag);

    if (tag >= MANAGER_TAG)
        hs_data_lane_missed(&process->lanes[tag - MANAGER_TAG].lane.core, frame->type);
    hs_gate_process_see_time(process);
    if (!hs_gate_guard_enter(&process->guard, visitor, conn, frame, process->gate.now_ns,
                             &process->gate.slot))
        return;
    take_frame(process, conn, frame);
    hs_admission_give(process->gate.admission, &process->gate.slot);
}

/* ---- data lanes ---- */

/* NULL: another has taken its place. */
static struct hs_gate_lane *lane_of(struct hs_gate_process *process, const struct hs_conn *conn)
{
    struct hs_gate_lane *lane = &process->lanes[hs_conn_tag(conn) - MANAGER_TAG];

    return lane->lane.conn == conn ? lane : NULL;
}

static void on_lane_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_gate_process *process = hs_conn_owner(conn);
    struct hs_gate_lane    *lane = lane_of(process, conn);

    if (!lane || !hs_data_lane_io_hear(&process->lane_ground, &lane->lane, frame->type)) return;
    hs_gate_process_see_time(process);
    if (!hs_gate_guard_enter(&process->guard, &lane->visitor, conn, frame, process->gate.now_ns,
                             &process->gate.slot)) {
        hs_data_lane_io_hold(&process->lane_ground, &lane->lane, lane->visitor.wait_ns);
        return;
    }
    take_frame(process, conn, frame);
    hs_admission_give(process->gate.admission, &process->gate.slot);
}

static void on_lane_closed(struct hs_conn *conn, int reason)
{
    struct hs_gate_process *process = hs_conn_owner(conn);
    struct hs_gate_lane    *lane = lane_of(process, conn);

    if (reason == -EPROTO || reason == -EMSGSIZE)
        hs_gate_process_count(process, HS_COUNT_frames_malformed, 1);
    if (lane) hs_data_lane_io_ended(&process->lane_ground, &lane->lane, reason);
}

static int open_conn(struct hs_gate_process *process, struct hs_conn **conn, int fd, uint64_t tag)
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

/* ---- clients ---- */

/* Why nobody more may come in; NULL: *client is a place. */
static const char *find_client_place(const struct hs_gate_process *process, unsigned *client)
{
    unsigned limit = process->process.config->gate.clients_max;

    if (process->is_stopping) return "the gate stops";
    for (*client = 0; *client < limit; ++*client)
        if (!process->clients[*client]) return NULL;
    return "the gate has too many clients (gate.clients_max)";
}

/* The same of this one, whom the guard knows by now: nobody takes the places of all others. */
static const char *check_user(const struct hs_gate_process *process, unsigned client)
{
    unsigned limit = process->process.config->gate.clients_max;
    unsigned of_user = 0;

    for (unsigned i = 0; i < limit; i++)
        of_user += process->clients[i] && hs_gate_guard_is_one_user(&process->guard, i, client);
    limit = limit / CLIENTS_OF_USER_PART;
    if (of_user < (limit < CLIENTS_OF_USER_MIN ? CLIENTS_OF_USER_MIN : limit)) return NULL;
    return "this user has too many connections (gate.clients_max)";
}

static void refuse_client(struct hs_gate_process *process, const char *why)
{
    hs_gate_process_count(process, HS_COUNT_clients_refused, 1);
    note_client(process, HS_NOTICE_CLIENT_REFUSED, why);
}

static void begin_client(struct hs_gate_process *process, unsigned client)
{
    hs_gate_process_count(process, HS_COUNT_clients_accepted, 1);
    show_clients(process, 1);
    hs_gate_client_opened(&process->gate, client);
}

void hs_gate_links_add_client(struct hs_gate_process *process, int fd)
{
    unsigned    client;
    const char *why = find_client_place(process, &client);

    if (!why) {
        hs_gate_guard_meet_user(&process->guard, client, fd);
        why = check_user(process, client);
    }
    if (why) {
        refuse_client(process, why);
        close(fd);
    } else if (open_conn(process, &process->clients[client], fd, client) == 0) {
        begin_client(process, client);
    }
}

static void on_accept(struct hs_listener *listener, int fd)
{
    struct hs_gate_process *process = HS_CONTAINER_OF(listener, struct hs_gate_process, listener);

    if (fd < 0)
        hs_log(HS_LOG_WARN, "gate", "accept: %s", hs_err_code_text(fd));
    else
        hs_gate_links_add_client(process, fd);
}

/* ---- managers ---- */

static void keep_manager(struct hs_gate_process *process, unsigned manager, struct hs_conn *conn)
{
    struct hs_conn *old = process->managers[manager];

    hs_gate_guard_meet_manager(&process->guard, manager);
    end_lane(process, manager);
    process->managers[manager] = conn;
    hs_gate_process_count(process, HS_COUNT_links_opened, 1);
    if (old) hs_conn_abort(old);
}

static void greet_manager(struct hs_gate_process *process, struct hs_conn *conn)
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

void hs_gate_links_add_manager(struct hs_gate_process *process, int fd)
{
    const struct hs_gate_peer peer = {.is_local = true,
                                      .datacenter = process->process.config->node.datacenter,
                                      .name = "",
                                      .address = "local"};
    struct hs_conn           *conn;
    int                       place;

    hs_gate_process_see_time(process);
    place = hs_gate_manager_enter(&process->gate, &peer);
    if (place < 0) {
        hs_log(HS_LOG_ERROR, "gate", "no room for this host's manager");
        close(fd);
    } else if (open_conn(process, &conn, fd, MANAGER_TAG + (uint64_t)place)) {
        hs_gate_manager_down(&process->gate, (unsigned)place);
    } else {
        keep_manager(process, (unsigned)place, conn);
        greet_manager(process, conn);
    }
}

/* ---- those of other hosts ---- */

static void hand_over(struct hs_gate_process *process, struct hs_conn *conn, uint64_t tag)
{
    const struct hs_conn_callbacks callbacks = {
        .owner = process, .on_frame = on_frame, .on_closed = on_closed};

    hs_conn_set_tag(conn, tag);
    hs_conn_hand_over(conn, &callbacks);
}

static void expect_lane(struct hs_gate_process *process, unsigned manager,
                        const struct hs_greeting *greeting)
{
    struct hs_gate_lane *lane = &process->lanes[manager];

    lane->first = *greeting;
    lane->visitor = process->guard.managers[manager];
    lane->visitor.is_lane = true;
    hs_data_lane_io_open(&process->lane_ground, &lane->lane, &lane->first, false);
}

static void enter_manager(struct hs_gate_process *process, struct hs_conn *conn,
                          const struct hs_greeting *greeting)
{
    char                address[HS_ADDR_TEXT_BYTES];
    struct hs_gate_peer peer = {.datacenter = greeting->identity.datacenter,
                                .name = greeting->identity.node,
                                .address = address,
                                .incarnation = greeting->incarnation,
                                .generation = greeting->generation};
    int                 place;

    hs_addr_format(&greeting->address, address, sizeof address);
    memcpy(peer.node, greeting->node_id, sizeof peer.node);
    place = hs_gate_manager_enter(&process->gate, &peer);
    if (place < 0) {
        hs_door_refuse(conn, greeting,
                       place == -EEXIST ? "another host with this certificate's name is connected"
                                        : "the gate's table of managers is full");
        return;
    }
    hand_over(process, conn, MANAGER_TAG + (uint64_t)place);
    keep_manager(process, (unsigned)place, conn);
    expect_lane(process, (unsigned)place, greeting);
    hs_gate_reach_enter(process, (unsigned)place, greeting);
}

static void enter_lane(struct hs_gate_process *process, struct hs_conn *conn,
                       const struct hs_greeting *greeting)
{
    struct hs_data_lane_io *lane = NULL;
    uint64_t                tag = MANAGER_TAG;

    for (unsigned i = 0; i < process->gate.manager_high && !lane; i++) {
        const struct hs_gate_manager *at = &process->gate.managers[i];

        if (!process->managers[i] || at->is_local ||
            strcmp(at->name, greeting->identity.node) != 0 ||
            strcmp(at->datacenter, greeting->identity.datacenter) != 0)
            continue;
        lane = &process->lanes[i].lane;
        tag += i;
    }
    hs_data_lane_io_enter(&process->lane_ground, lane, tag, conn, greeting);
}

static void enter_client(struct hs_gate_process *process, struct hs_conn *conn,
                         const struct hs_greeting *greeting)
{
    unsigned    client;
    const char *why = find_client_place(process, &client);

    if (!why) {
        hs_gate_guard_meet_identity(&process->guard, client, &greeting->identity);
        why = check_user(process, client);
    }
    if (why) {
        refuse_client(process, why);
        hs_door_refuse(conn, greeting, why);
        return;
    }
    hand_over(process, conn, client);
    process->clients[client] = conn;
    begin_client(process, client);
}

static void on_enter(void *owner, struct hs_conn *conn, const struct hs_greeting *greeting,
                     uint64_t ticket)
{
    struct hs_gate_process *process = owner;

    (void)ticket; /* a gate dials nobody yet */
    hs_gate_process_see_time(process);
    if (greeting->is_lane) {
        enter_lane(process, conn, greeting);
        return;
    }
    switch (greeting->identity.role) {
    case HS_IDENTITY_MANAGER: enter_manager(process, conn, greeting); return;
    case HS_IDENTITY_CLIENT:
    case HS_IDENTITY_OPERATOR: enter_client(process, conn, greeting); return;
    case HS_IDENTITY_GATE:
    case HS_IDENTITY_WORKER:
    case HS_IDENTITY_ROLE_COUNT: break;
    }
    hs_door_refuse(conn, greeting, "gates talk to managers and clients");
}

int hs_gate_links_open(struct hs_gate_process *process, struct hs_err *err)
{
    const struct hs_heritage        *heritage = process->process.heritage;
    const struct hs_node_door_config config = {
        .process = &process->process, .owner = process, .on_enter = on_enter};
    int rc;

    process->listener.on_accept = on_accept;
    if (heritage->client_listen_fd >= 0) {
        rc =
            hs_listener_open(process->process.loop, &process->listener, heritage->client_listen_fd);
        if (rc) return hs_err_set(err, rc, "accept clients");
    }
    rc = hs_node_door_open(&process->door, &config, err);
    if (rc) return rc;
    process->lane_ground = (struct hs_data_lane_ground){
        .process = &process->process,
        .door = &process->door.door,
        .rand = &process->gate.rand,
        .callbacks = {.owner = process, .on_frame = on_lane_frame, .on_closed = on_lane_closed}};
    rc = hs_ring_io_open(&process->ring, &process->process, &process->door.credentials.credentials,
                         err);
    return rc ? rc : hs_gate_reach_open(process, err);
}

static uint64_t turn_conns(struct hs_conn *const *conns, unsigned count, uint64_t now_ns,
                           uint64_t *waiting_bytes)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < count; i++) {
        if (!conns[i]) continue;
        hs_conn_turn(conns[i], now_ns); /* calls nobody back: it stays */
        next_ns = hs_min_u64(next_ns, hs_conn_deadline_ns(conns[i]));
        *waiting_bytes += hs_conn_queued_bytes(conns[i]);
    }
    return next_ns;
}

static uint64_t turn_lanes(struct hs_gate_process *process, uint64_t now_ns,
                           uint64_t *waiting_bytes)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < process->gate.manager_high; i++) {
        struct hs_data_lane_io *lane = &process->lanes[i].lane;

        if (!lane->conn) continue;
        next_ns = hs_min_u64(next_ns, hs_data_lane_io_turn(&process->lane_ground, lane, now_ns));
        *waiting_bytes += hs_conn_queued_bytes(lane->conn);
    }
    return next_ns;
}

uint64_t hs_gate_links_turn(struct hs_gate_process *process, uint64_t now_ns)
{
    uint64_t next_ns = hs_node_door_turn(&process->door, now_ns);
    uint64_t waiting_bytes = 0;

    next_ns = hs_min_u64(next_ns,
                         turn_conns(process->clients, HS_GATE_CLIENTS_MAX, now_ns, &waiting_bytes));
    next_ns = hs_min_u64(
        next_ns, turn_conns(process->managers, process->gate.manager_high, now_ns, &waiting_bytes));
    next_ns = hs_min_u64(next_ns, turn_lanes(process, now_ns, &waiting_bytes));
    return hs_min_u64(next_ns, hs_gate_guard_turn(&process->guard, &process->gate, waiting_bytes));
}
