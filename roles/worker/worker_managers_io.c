// SPDX-License-Identifier: Apache-2.0
/* worker_managers_io.c - the worker's connections to the managers of its datacenter: that of this
 * host through a socket pair of the supervisor's, those of other hosts dialled. The configuration
 * says which of them leads; only that one gives work. The others are told that the worker is there,
 * so that they know it when it is their turn (jobs.md 7.6). */
#include "roles/worker/worker_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SILENCE_CUT_NS    (10 * HS_NS_PER_S) /* a manager asks every second */
#define REGISTER_AGAIN_NS (5 * HS_NS_PER_S)

static void count_one(struct hs_worker *worker, unsigned counter)
{
    hs_counter_add(worker->process.counters, counter, 1);
}

static const char *name_of(const struct hs_worker_manager *manager)
{
    return manager->is_local ? "local" : manager->greeting.identity.node;
}

/* Where no leader is named, there is only one manager. */
static bool is_leader(const struct hs_worker *worker, const struct hs_worker_manager *manager)
{
    const struct hs_config *config = worker->process.config;
    const char             *leader = config->cluster.leader;
    const char *name = manager->is_local ? config->node.name : manager->greeting.identity.node;

    return !*leader || strcmp(leader, name) == 0;
}

static bool is_leading(const struct hs_worker *worker, const struct hs_worker_manager *manager)
{
    return manager->conn && manager->conn == worker->conn;
}

/* Whose first connection or whose lane it is. */
static struct hs_worker_manager *manager_of(struct hs_worker *worker, const struct hs_conn *conn)
{
    uint64_t                  tag = hs_conn_tag(conn);
    struct hs_worker_manager *manager = &worker->managers[tag % HS_WORKER_MANAGERS_MAX];

    return manager->conn == conn || manager->lane.conn == conn ? manager : NULL;
}

struct hs_conn *hs_worker_leader_conn(struct hs_worker *worker, enum hs_msg_type type)
{
    struct hs_worker_manager *manager = worker->conn ? manager_of(worker, worker->conn) : NULL;

    if (!manager) return NULL;
    return hs_data_lane_io_pick(&manager->lane, worker->conn, type,
                                hs_loop_clock_ns(worker->process.loop));
}

static struct hs_worker_manager *take_place(struct hs_worker *worker)
{
    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++)
        if (!worker->managers[i].conn) return &worker->managers[i];
    return NULL;
}

/* ---- those that do not lead ---- */

static void tell(struct hs_worker *worker, const struct hs_worker_manager *manager,
                 enum hs_msg_type type, const void *message, uint64_t reply_to)
{
    int rc = reply_to ? hs_wire_reply(manager->conn, type, message, reply_to)
                      : hs_wire_send(manager->conn, type, message, ++worker->next_request);

    if (rc < 0)
        hs_log(HS_LOG_WARN, "worker", "not sent type=%s manager=%s error=%s", hs_wire_name(type),
               name_of(manager), hs_err_code_text(rc));
}

static uint64_t turn_follower(struct hs_worker *worker, struct hs_worker_manager *manager,
                              uint64_t now_ns)
{
    struct hs_msg_wreg wreg;
    struct hs_msg_whb  whb;

    if (now_ns < manager->due_at_ns) return manager->due_at_ns;
    if (manager->session) {
        hs_worker_fill_heartbeat(worker, now_ns, &whb);
        whb.session = manager->session;
        tell(worker, manager, HS_MSG_WHB, &whb, 0);
        manager->due_at_ns = now_ns + worker->process.config->worker.heartbeat_interval_ns;
    } else {
        hs_worker_fill_registration(worker, &wreg);
        tell(worker, manager, HS_MSG_WREG, &wreg, 0);
        manager->due_at_ns = now_ns + REGISTER_AGAIN_NS;
    }
    return manager->due_at_ns;
}

/* Of any manager, the leading one included: it may be chosen to watch over this worker. */
static void note_registration(struct hs_worker_manager *manager, const struct hs_msg_wreg_ack *ack,
                              uint64_t now_ns)
{
    const uint8_t *id = manager->is_local ? ack->manager : manager->greeting.node_id;

    if (ack->code != HS_RESULT_OK) return;
    memcpy(manager->known.id, id, sizeof manager->known.id);
    manager->known.session = ack->session;
    manager->known.since_ns = now_ns;
}

static void take_registration(struct hs_worker_manager *manager, const struct hs_msg_wreg_ack *ack,
                              uint64_t now_ns)
{
    if (ack->code == HS_RESULT_OK) {
        manager->session = ack->session;
        manager->due_at_ns = now_ns;
        return;
    }
    manager->due_at_ns = now_ns + hs_max_u64(ack->retry_after_ns, HS_NS_PER_S);
    hs_log(HS_LOG_WARN, "worker", "not registered manager=%s code=%s text=\"%s\"", name_of(manager),
           hs_result_code_name(ack->code), ack->text);
}

/* It may not give work, stop it or take its results: that right is the leader's. */
static void take_of_follower(struct hs_worker *worker, struct hs_worker_manager *manager,
                             const struct hs_frame *frame, uint64_t now_ns)
{
    struct hs_msg_refused refused = {.code = HS_RESULT_NOT_LEADER, .type = frame->type};
    struct hs_msg_pong    pong = {.nonce = worker->message.ping.nonce};

    switch ((int)frame->type) {
    case HS_MSG_WREG_ACK: take_registration(manager, &worker->message.wreg_ack, now_ns); return;
    case HS_MSG_PING: tell(worker, manager, HS_MSG_PONG, &pong, frame->request_id); return;
    case HS_MSG_REFUSED:
        hs_log(HS_LOG_WARN, "worker", "refused manager=%s type=%s text=\"%s\"", name_of(manager),
               hs_wire_name(worker->message.refused.type), worker->message.refused.text);
        return;
    case HS_MSG_HELLO_ACK:
    case HS_MSG_PONG: return;
    default: break;
    }
    count_one(worker, HS_COUNT_frames_unexpected);
    (void)snprintf(refused.text, sizeof refused.text, "%s leads this datacenter",
                   worker->process.config->cluster.leader);
    tell(worker, manager, HS_MSG_REFUSED, &refused, frame->request_id);
}

/* ---- connections ---- */

static void take_frame(struct hs_worker *worker, struct hs_worker_manager *manager,
                       const struct hs_frame *frame, uint64_t now_ns)
{
    int rc;

    rc = hs_wire_open(frame, HS_ROLE_MANAGER, HS_ROLE_WORKER, &worker->message);
    if (rc == -ENOENT) {
        count_one(worker, HS_COUNT_frames_unknown);
    } else if (rc) {
        count_one(worker, rc == -EACCES ? HS_COUNT_frames_unexpected : HS_COUNT_frames_malformed);
        hs_log(HS_LOG_WARN, "worker", "frame refused type=%s error=%s", hs_wire_name(frame->type),
               hs_err_code_text(rc));
    } else {
        if (frame->type == HS_MSG_WREG_ACK)
            note_registration(manager, &worker->message.wreg_ack, now_ns);
        if (is_leading(worker, manager))
            hs_worker_take_message(worker, frame);
        else
            take_of_follower(worker, manager, frame, now_ns);
    }
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_worker         *worker = hs_conn_owner(conn);
    struct hs_worker_manager *manager = manager_of(worker, conn);
    uint64_t                  now_ns = hs_loop_now_ns(worker->process.loop);

    if (!manager) return; /* replaced already */
    manager->heard_at_ns = now_ns;
    take_frame(worker, manager, frame, now_ns);
}

/* That it brings data does not say that the first connection lives. */
static void on_lane_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_worker         *worker = hs_conn_owner(conn);
    struct hs_worker_manager *manager = manager_of(worker, conn);

    if (manager && hs_data_lane_io_hear(&worker->lanes, &manager->lane, frame->type))
        take_frame(worker, manager, frame, hs_loop_now_ns(worker->process.loop));
}

static void on_lane_closed(struct hs_conn *conn, int reason)
{
    struct hs_worker         *worker = hs_conn_owner(conn);
    struct hs_worker_manager *manager = manager_of(worker, conn);

    if (manager) hs_data_lane_io_ended(&worker->lanes, &manager->lane, reason);
}

/* The place is free; the connection is the caller's again. */
static void forget(struct hs_worker *worker, struct hs_worker_manager *manager)
{
    bool     was_leading = is_leading(worker, manager);
    uint64_t ticket = manager->ticket;

    hs_data_lane_io_close(&worker->lanes, &manager->lane);
    *manager = (struct hs_worker_manager){0};
    count_one(worker, HS_COUNT_links_lost);
    if (ticket) hs_dialer_io_lost(&worker->dialer, ticket);
    if (was_leading) hs_worker_leader_down(worker);
}

static void drop(struct hs_worker *worker, struct hs_worker_manager *manager)
{
    struct hs_conn *conn = manager->conn;

    forget(worker, manager);
    hs_conn_abort(conn);
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct hs_worker         *worker = hs_conn_owner(conn);
    struct hs_worker_manager *manager = manager_of(worker, conn);

    if (!manager) return; /* replaced already */
    hs_log(HS_LOG_INFO, "worker", "link ended manager=%s reason=\"%s\"", name_of(manager),
           reason ? hs_err_code_text(reason) : "closed");
    forget(worker, manager);
}

static void begin(struct hs_worker *worker, struct hs_worker_manager *manager)
{
    hs_conn_set_tag(manager->conn, (uint64_t)(manager - worker->managers));
    manager->heard_at_ns = hs_loop_clock_ns(worker->process.loop);
    count_one(worker, HS_COUNT_links_opened);
    if (is_leader(worker, manager)) hs_worker_leader_up(worker, manager->conn, !manager->is_local);
}

/* ---- this host's manager ---- */

void hs_worker_link_down(struct hs_worker *worker)
{
    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++)
        if (worker->managers[i].conn && worker->managers[i].is_local)
            drop(worker, &worker->managers[i]);
}

void hs_worker_link_open(struct hs_worker *worker, int fd)
{
    struct hs_conn_config     config = {.loop = worker->process.loop,
                                        .owner = worker,
                                        .on_frame = on_frame,
                                        .on_closed = on_closed,
                                        .figures = &worker->process.frames};
    struct hs_worker_manager *manager;
    struct hs_conn           *conn = NULL;
    int                       rc;

    hs_worker_link_down(worker);
    manager = take_place(worker);
    rc = manager ? hs_conn_open(&conn, &config, fd) : -ENOBUFS;
    if (rc < 0) {
        hs_log(HS_LOG_ERROR, "worker", "link to the manager: %s", hs_err_code_text(rc));
        close(fd);
        return;
    }
    manager->conn = conn;
    manager->is_local = true;
    begin(worker, manager);
}

/* ---- those of other hosts ---- */

/* Not the one of this host, which has a link of its own, and each only once. */
static bool is_wanted(const struct hs_worker *worker, const struct hs_identity *identity)
{
    const struct hs_config *config = worker->process.config;

    if (config->roles.manager && strcmp(identity->node, config->node.name) == 0) return false;
    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++) {
        const struct hs_worker_manager *manager = &worker->managers[i];

        if (manager->conn && !manager->is_local &&
            strcmp(manager->greeting.identity.node, identity->node) == 0)
            return false;
    }
    return true;
}

static struct hs_worker_manager *find_ticket(struct hs_worker *worker, uint64_t ticket)
{
    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++)
        if (worker->managers[i].conn && worker->managers[i].ticket == ticket)
            return &worker->managers[i];
    return NULL;
}

static void enter_lane(struct hs_worker *worker, struct hs_conn *conn,
                       const struct hs_greeting *greeting)
{
    struct hs_worker_manager *manager = find_ticket(worker, greeting->link);
    uint64_t                  tag = manager ? (uint64_t)(manager - worker->managers) : 0;

    hs_data_lane_io_enter(&worker->lanes, manager ? &manager->lane : NULL, tag, conn, greeting);
}

static void enter_manager(struct hs_worker *worker, struct hs_conn *conn,
                          const struct hs_greeting *greeting, uint64_t ticket)
{
    struct hs_worker_manager      *manager = take_place(worker);
    const struct hs_conn_callbacks callbacks = {
        .owner = worker, .on_frame = on_frame, .on_closed = on_closed};
    bool is_taken = manager && is_wanted(worker, &greeting->identity);

    hs_dialer_io_entered(&worker->dialer, ticket, is_taken);
    if (!is_taken) return;
    manager->conn = conn;
    manager->ticket = ticket;
    manager->greeting = *greeting;
    hs_data_lane_io_open(&worker->lanes, &manager->lane, &manager->greeting,
                         is_leader(worker, manager));
    hs_conn_hand_over(conn, &callbacks);
    begin(worker, manager);
}

static void on_enter(void *owner, struct hs_conn *conn, const struct hs_greeting *greeting,
                     uint64_t ticket)
{
    if (greeting->is_lane)
        enter_lane(owner, conn, greeting);
    else
        enter_manager(owner, conn, greeting, ticket);
}

static void on_refused(void *owner, uint64_t ticket, const struct hs_err *err)
{
    struct hs_worker         *worker = owner;
    struct hs_worker_manager *manager;

    if (!(ticket & HS_DOOR_LANE)) {
        hs_dialer_io_refused(&worker->dialer, ticket, err);
        return;
    }
    manager = find_ticket(worker, ticket & ~HS_DOOR_LANE);
    if (manager) hs_data_lane_io_failed(&worker->lanes, &manager->lane, err->text);
}

int hs_worker_managers_open(struct hs_worker *worker, struct hs_err *err)
{
    const struct hs_config          *config = worker->process.config;
    const struct hs_node_door_config door = {.process = &worker->process,
                                             .owner = worker,
                                             .on_enter = on_enter,
                                             .on_refused = on_refused};
    struct hs_dialer_io_config       dialer = {.process = &worker->process,
                                               .hosts = &config->cluster.seed_managers,
                                               .own = &config->cluster.manager_address};
    int                              rc = hs_node_door_open(&worker->door, &door, err);

    hs_owner_init(&worker->owner, worker->process.heritage->node_id,
                  worker->process.heritage->generation);
    if (rc || !worker->door.is_open) return rc;
    dialer.door = &worker->door.door;
    hs_node_door_expect(&worker->door, HS_IDENTITY_MANAGER, &dialer.expected);
    hs_dialer_io_open(&worker->dialer, &dialer);
    worker->lanes = (struct hs_data_lane_ground){
        .process = &worker->process,
        .door = &worker->door.door,
        .rand = &worker->dialer.core.rand,
        .callbacks = {.owner = worker, .on_frame = on_lane_frame, .on_closed = on_lane_closed}};
    return 0;
}

/* ---- time ---- */

static uint64_t turn_manager(struct hs_worker *worker, struct hs_worker_manager *manager,
                             uint64_t now_ns)
{
    uint64_t next_ns = manager->is_local ? HS_NEVER_NS : manager->heard_at_ns + SILENCE_CUT_NS;

    if (now_ns >= next_ns) {
        hs_log(HS_LOG_WARN, "worker", "silent, cut off manager=%s", name_of(manager));
        drop(worker, manager);
        return HS_NEVER_NS;
    }
    if (!is_leading(worker, manager))
        next_ns = hs_min_u64(next_ns, turn_follower(worker, manager, now_ns));
    if (!manager->conn) return next_ns;
    next_ns = hs_min_u64(next_ns, hs_data_lane_io_turn(&worker->lanes, &manager->lane, now_ns));
    hs_conn_turn(manager->conn, now_ns);
    return hs_min_u64(next_ns, hs_conn_deadline_ns(manager->conn));
}

/* Who watches over this worker, told to all as soon as it is somebody else. */
static uint64_t turn_owner(struct hs_worker *worker, uint64_t now_ns)
{
    struct hs_owner_manager known[HS_WORKER_MANAGERS_MAX];
    uint64_t                next_ns;

    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++) {
        known[i] = worker->managers[i].known;
        known[i].heard_at_ns = worker->managers[i].heard_at_ns;
    }
    if (!hs_owner_step(&worker->owner, now_ns, known, HS_WORKER_MANAGERS_MAX, &next_ns))
        return next_ns;
    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++)
        if (worker->managers[i].session) worker->managers[i].due_at_ns = now_ns;
    if (worker->execs.session) hs_worker_heartbeat(worker, now_ns);
    return next_ns;
}

uint64_t hs_worker_managers_turn(struct hs_worker *worker, uint64_t now_ns)
{
    uint64_t next_ns = hs_worker_fetches_turn(worker, now_ns);

    next_ns = hs_min_u64(next_ns, turn_owner(worker, now_ns));

    for (unsigned i = 0; i < HS_WORKER_MANAGERS_MAX; i++)
        if (worker->managers[i].conn)
            next_ns = hs_min_u64(next_ns, turn_manager(worker, &worker->managers[i], now_ns));
    if (!worker->door.is_open) return next_ns;
    next_ns = hs_min_u64(next_ns, hs_dialer_io_turn(&worker->dialer, now_ns));
    return hs_min_u64(next_ns, hs_node_door_turn(&worker->door, now_ns));
}

bool hs_worker_managers_are_flushed(const struct hs_worker *worker)
{
    return !worker->conn || hs_conn_queued_bytes(worker->conn) == 0;
}
