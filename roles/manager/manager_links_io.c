// SPDX-License-Identifier: Apache-2.0
/* manager_links_io.c - the manager's connections: gate and worker of this host through socket pairs
 * of the supervisor's; workers of other hosts come in at the door, their gates are dialled. */
#include "roles/manager/manager_process.h"

#include "roles/config.h"
#include "roles/host_table.h"
#include "roles/result_code.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SILENCE_CUT_NS (10 * HS_NS_PER_S) /* both ends speak every second */

enum { IDX_BITS = 12, SERIALS = 1 << (32 - IDX_BITS) };
HS_STATIC_ASSERT(HS_MANAGER_LINKS < 1 << IDX_BITS, "a link's number holds its place");

/* ---- the table ---- */

const struct hs_manager_link *hs_manager_links_find(const struct hs_manager_process *process,
                                                    uint32_t                         number)
{
    uint32_t idx = number & ((1u << IDX_BITS) - 1);

    if (!number || idx >= HS_MANAGER_LINKS || process->links[idx].number != number) return NULL;
    return &process->links[idx];
}

struct hs_conn *hs_manager_links_conn(struct hs_manager_process *process, uint32_t number,
                                      enum hs_msg_type type)
{
    const struct hs_manager_link *found = hs_manager_links_find(process, number);
    struct hs_manager_link       *link;

    if (!found) return NULL;
    link = &process->links[found - process->links];
    return hs_data_lane_io_pick(&link->lane, link->conn, type, hs_manager_clock_of(process));
}

/* The link whose first connection or whose lane it is; NULL: it is of an earlier life. */
static struct hs_manager_link *link_of(struct hs_manager_process *process,
                                       const struct hs_conn      *conn)
{
    uint32_t                idx = (uint32_t)hs_conn_tag(conn) & ((1u << IDX_BITS) - 1);
    struct hs_manager_link *link = &process->links[idx % HS_MANAGER_LINKS];

    return link->conn == conn || link->lane.conn == conn ? link : NULL;
}

static struct hs_manager_link *take_place(struct hs_manager_process *process)
{
    unsigned idx = 0;

    while (idx < HS_MANAGER_LINKS && process->links[idx].conn) idx++;
    if (idx == HS_MANAGER_LINKS) return NULL;
    process->last_serial = (process->last_serial + 1) % SERIALS;
    if (!process->last_serial) process->last_serial = 1;
    process->links[idx] = (struct hs_manager_link){.number = process->last_serial << IDX_BITS | idx,
                                                   .heard_at_ns = hs_manager_clock_of(process)};
    if (idx >= process->link_high) process->link_high = idx + 1;
    return &process->links[idx];
}

/* The core hears of it, and the place is free; the connection is the caller's again. */
static void forget_link(struct hs_manager_process *process, struct hs_manager_link *link)
{
    struct hs_manager_link old = *link;
    uint64_t               now_ns = hs_manager_clock_of(process);

    hs_data_lane_io_close(&process->lanes, &link->lane);
    *link = (struct hs_manager_link){0};
    hs_manager_count(process, HS_COUNT_links_lost, 1);
    if (old.ticket) hs_dialer_io_lost(&process->dialer, old.ticket);
    if (old.peer == HS_ROLE_GATE)
        hs_manager_on_gate_down(&process->manager, old.number, now_ns, &process->actions);
    else
        hs_manager_on_worker_down(&process->manager, old.number);
    hs_manager_perform(process, now_ns);
}

static void drop_link(struct hs_manager_process *process, struct hs_manager_link *link)
{
    struct hs_conn *conn = link->conn;

    forget_link(process, link);
    hs_conn_abort(conn);
}

/* ---- frames ---- */

static void on_closed(struct hs_conn *conn, int reason)
{
    struct hs_manager_process *process = hs_conn_owner(conn);
    struct hs_manager_link    *link = link_of(process, conn);

    if (reason == -EPROTO || reason == -EMSGSIZE)
        hs_manager_count(process, HS_COUNT_frames_malformed, 1);
    if (link) forget_link(process, link);
}

static void refuse_frame(struct hs_manager_process *process, struct hs_conn *conn,
                         const struct hs_frame *frame, int code)
{
    struct hs_msg_refused refused = {.type = frame->type};

    if (code == -EPROTO) {
        hs_manager_count(process, HS_COUNT_frames_malformed, 1);
        hs_conn_abort(conn);
        return;
    }
    hs_manager_count(process,
                     code == -ENOENT ? HS_COUNT_frames_unknown : HS_COUNT_frames_unexpected, 1);
    refused.code = code == -EACCES ? HS_RESULT_FORBIDDEN : HS_RESULT_UNSUPPORTED;
    HS_IGNORE(hs_wire_reply(conn, HS_MSG_REFUSED, &refused, frame->request_id),
              "whoever sends such frames and does not read is not helped by more");
}

/* Two deaths with the same mark, and the plan is set aside. */
static void mark(struct hs_manager_process *process, const struct hs_manager_frame *frame)
{
    const struct hs_msg_job_dispatch *dispatch = &frame->message->job_dispatch;

    if (frame->type != HS_MSG_JOB_DISPATCH) return;
    hs_role_breadcrumb(&process->process, HS_MSG_JOB_DISPATCH, dispatch->job_id,
                       hs_host_table_digest_word(dispatch->digest));
}

/* It registers as who its certificate says it is, and as nobody else (SEC-4). */
static bool is_own_registration(const struct hs_manager_link  *link,
                                const struct hs_manager_frame *frame)
{
    const struct hs_greeting *peer = &link->greeting;
    const struct hs_msg_wreg *wreg = &frame->message->wreg;

    if (link->is_local || frame->type != HS_MSG_WREG) return true;
    return memcmp(wreg->worker, peer->node_id, sizeof wreg->worker) == 0 &&
           wreg->incarnation == peer->incarnation && wreg->generation == peer->generation &&
           strcmp(wreg->name, peer->identity.node) == 0 &&
           strcmp(wreg->datacenter, peer->identity.datacenter) == 0;
}

/* What has passed the turnstile. */
static void take_frame(struct hs_manager_process *process, const struct hs_manager_link *link,
                       struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_manager_frame opened = {.type = (enum hs_msg_type)frame->type,
                                      .request_id = frame->request_id,
                                      .message = &process->message};
    uint64_t                now_ns = hs_loop_now_ns(process->process.loop);
    int                     rc;

    rc = hs_wire_open(frame, link->peer, HS_ROLE_MANAGER, &process->message);
    if (rc == 0 && !is_own_registration(link, &opened)) rc = -EACCES;
    if (rc) {
        hs_admission_give(process->manager.admission, &process->manager.slot);
        refuse_frame(process, conn, frame, rc);
        return;
    }
    mark(process, &opened);
    if (opened.type == HS_MSG_REFUSED)
        hs_log(HS_LOG_WARN, "manager", "refused by peer=%s reason=\"%s\"",
               link->greeting.identity.node, process->message.refused.text);
    else if (link->peer == HS_ROLE_GATE)
        hs_manager_on_gate(&process->manager, link->number, &opened, now_ns, &process->actions);
    else
        hs_manager_on_worker(&process->manager, link->number, &opened, now_ns, &process->actions);
    if (opened.type == HS_MSG_PONG && link->peer == HS_ROLE_WORKER)
        hs_manager_star_pong(process, link->number, process->message.pong.nonce, now_ns);
    hs_admission_give(process->manager.admission, &process->manager.slot);
    hs_manager_perform(process, now_ns);
    if (opened.type == HS_MSG_JOB_DISPATCH) hs_role_breadcrumb(&process->process, 0, NULL, 0);
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_manager_process *process = hs_conn_owner(conn);
    struct hs_manager_link    *link = link_of(process, conn);
    uint64_t                   now_ns = hs_loop_now_ns(process->process.loop);

    if (!link) return; /* of a dead life */
    if (!hs_manager_guard_enter(&process->guard, &link->visitor, conn, frame, now_ns,
                                &process->manager.slot))
        return;
    link->heard_at_ns = now_ns;
    hs_data_lane_missed(&link->lane.core, frame->type);
    take_frame(process, link, conn, frame);
}

/* ---- data lanes ---- */

/* That it brings data does not say that the first connection lives. */
static void on_lane_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_manager_process *process = hs_conn_owner(conn);
    struct hs_manager_link    *link = link_of(process, conn);
    uint64_t                   now_ns = hs_loop_now_ns(process->process.loop);

    if (!link || !hs_data_lane_io_hear(&process->lanes, &link->lane, frame->type)) return;
    if (hs_manager_guard_enter(&process->guard, &link->lane_visitor, conn, frame, now_ns,
                               &process->manager.slot))
        take_frame(process, link, conn, frame);
    else
        hs_data_lane_io_hold(&process->lanes, &link->lane, link->lane_visitor.wait_ns);
}

static void on_lane_closed(struct hs_conn *conn, int reason)
{
    struct hs_manager_process *process = hs_conn_owner(conn);
    struct hs_manager_link    *link = link_of(process, conn);

    if (reason == -EPROTO || reason == -EMSGSIZE)
        hs_manager_count(process, HS_COUNT_frames_malformed, 1);
    if (link) hs_data_lane_io_ended(&process->lanes, &link->lane, reason);
}

/* ---- links ---- */

static void begin_link(struct hs_manager_process *process, struct hs_manager_link *link)
{
    uint64_t now_ns = hs_manager_clock_of(process);

    link->visitor =
        (struct hs_visitor){.source = (unsigned)(link - process->links), .is_peer = true};
    link->lane_visitor = link->visitor;
    link->lane_visitor.is_lane = true;
    hs_conn_set_tag(link->conn, link->number);
    hs_manager_count(process, HS_COUNT_links_opened, 1);
    if (link->peer != HS_ROLE_GATE) return;
    if (hs_manager_on_gate_up(&process->manager, link->number, now_ns, &process->actions)) {
        hs_log(HS_LOG_ERROR, "manager", "too many gates");
        drop_link(process, link);
        return;
    }
    hs_manager_perform(process, now_ns);
}

static struct hs_conn *open_local(struct hs_manager_process *process, int fd)
{
    struct hs_conn_config config = {.loop = process->process.loop,
                                    .owner = process,
                                    .on_frame = on_frame,
                                    .on_closed = on_closed,
                                    .figures = &process->process.frames};
    struct hs_conn       *conn = NULL;
    int                   rc = hs_conn_open(&conn, &config, fd);

    if (rc == 0) return conn;
    hs_log(HS_LOG_WARN, "manager", "link refused: %s", hs_err_code_text(rc));
    close(fd);
    return NULL;
}

void hs_manager_links_add(struct hs_manager_process *process, enum hs_role_kind peer, int fd)
{
    struct hs_manager_link *link;

    for (unsigned i = 0; i < process->link_high; i++)
        if (process->links[i].conn && process->links[i].is_local && process->links[i].peer == peer)
            drop_link(process, &process->links[i]);
    link = take_place(process);
    if (!link) {
        hs_log(HS_LOG_ERROR, "manager", "no room for a link of this host");
        close(fd);
        return;
    }
    link->peer = peer;
    link->is_local = true;
    link->conn = open_local(process, fd);
    if (link->conn)
        begin_link(process, link);
    else
        *link = (struct hs_manager_link){0};
}

/* ---- other hosts ---- */

static struct hs_manager_link *find_peer(struct hs_manager_process *process, enum hs_role_kind peer,
                                         const struct hs_identity *identity)
{
    for (unsigned i = 0; i < process->link_high; i++) {
        struct hs_manager_link *link = &process->links[i];

        if (link->conn && !link->is_local && link->peer == peer &&
            strcmp(link->greeting.identity.node, identity->node) == 0 &&
            strcmp(link->greeting.identity.datacenter, identity->datacenter) == 0)
            return link;
    }
    return NULL;
}

static void keep_peer(struct hs_manager_process *process, struct hs_conn *conn,
                      enum hs_role_kind peer, const struct hs_greeting *greeting, uint64_t ticket)
{
    const struct hs_conn_callbacks callbacks = {
        .owner = process, .on_frame = on_frame, .on_closed = on_closed};
    struct hs_manager_link *link = take_place(process);

    if (!link) {
        hs_door_refuse(conn, greeting, "the manager's table of links is full");
        return;
    }
    link->conn = conn;
    link->peer = peer;
    link->ticket = ticket;
    link->greeting = *greeting;
    if (ticket) hs_dialer_io_entered(&process->dialer, ticket, true);
    hs_data_lane_io_open(&process->lanes, &link->lane, &link->greeting, ticket != 0);
    hs_conn_hand_over(conn, &callbacks);
    begin_link(process, link);
}

/* It comes anew, and its old connection is dead though we have not heard of it; or two hosts bear
 * one name, and the first one stays. */
static void enter_worker(struct hs_manager_process *process, struct hs_conn *conn,
                         const struct hs_greeting *greeting)
{
    struct hs_manager_link *old = find_peer(process, HS_ROLE_WORKER, &greeting->identity);

    if (old &&
        memcmp(old->greeting.node_id, greeting->node_id, sizeof old->greeting.node_id) != 0) {
        hs_door_refuse(conn, greeting, "another host with this certificate's name is connected");
        return;
    }
    if (old) drop_link(process, old);
    keep_peer(process, conn, HS_ROLE_WORKER, greeting, 0);
}

/* Not the one of this host, which has a link of its own, and each only once. */
static void enter_gate(struct hs_manager_process *process, struct hs_conn *conn,
                       const struct hs_greeting *greeting, uint64_t ticket)
{
    const struct hs_config *config = process->process.config;
    bool is_own = config->roles.gate && strcmp(greeting->identity.node, config->node.name) == 0;

    if (is_own || find_peer(process, HS_ROLE_GATE, &greeting->identity))
        hs_dialer_io_entered(&process->dialer, ticket, false);
    else
        keep_peer(process, conn, HS_ROLE_GATE, greeting, ticket);
}

static struct hs_manager_link *find_ticket(struct hs_manager_process *process, uint64_t ticket)
{
    for (unsigned i = 0; i < process->link_high; i++)
        if (process->links[i].conn && process->links[i].ticket == ticket) return &process->links[i];
    return NULL;
}

/* Of a gate that we have dialled, or of a worker that has dialled us. */
static void enter_lane(struct hs_manager_process *process, struct hs_conn *conn,
                       const struct hs_greeting *greeting, uint64_t ticket)
{
    struct hs_manager_link *link = ticket ? find_ticket(process, greeting->link)
                                          : find_peer(process, HS_ROLE_WORKER, &greeting->identity);

    hs_data_lane_io_enter(&process->lanes, link ? &link->lane : NULL, link ? link->number : 0, conn,
                          greeting);
}

static void on_enter(void *owner, struct hs_conn *conn, const struct hs_greeting *greeting,
                     uint64_t ticket)
{
    if (greeting->is_lane)
        enter_lane(owner, conn, greeting, ticket);
    else if (ticket)
        enter_gate(owner, conn, greeting, ticket);
    else if (greeting->identity.role == HS_IDENTITY_WORKER)
        enter_worker(owner, conn, greeting);
    else
        hs_door_refuse(conn, greeting, "only workers come to a manager");
}

static void on_refused(void *owner, uint64_t ticket, const struct hs_err *err)
{
    struct hs_manager_process *process = owner;
    struct hs_manager_link    *link;

    if (!(ticket & HS_DOOR_LANE)) {
        hs_dialer_io_refused(&process->dialer, ticket, err);
        return;
    }
    link = find_ticket(process, ticket & ~HS_DOOR_LANE);
    if (link) hs_data_lane_io_failed(&process->lanes, &link->lane, err->text);
}

int hs_manager_links_open(struct hs_manager_process *process, struct hs_err *err)
{
    const struct hs_config          *config = process->process.config;
    const struct hs_node_door_config door = {.process = &process->process,
                                             .owner = process,
                                             .on_enter = on_enter,
                                             .on_refused = on_refused};
    struct hs_dialer_io_config       dialer = {.process = &process->process,
                                               .hosts = &config->cluster.seed_gates,
                                               .own = &config->cluster.gate_address};
    int                              rc = hs_node_door_open(&process->door, &door, err);

    if (rc || !process->door.is_open) return rc;
    dialer.door = &process->door.door;
    hs_node_door_expect(&process->door, HS_IDENTITY_GATE, &dialer.expected);
    hs_dialer_io_open(&process->dialer, &dialer);
    process->lanes = (struct hs_data_lane_ground){
        .process = &process->process,
        .door = &process->door.door,
        .rand = &process->dialer.core.rand,
        .callbacks = {.owner = process, .on_frame = on_lane_frame, .on_closed = on_lane_closed}};
    rc = hs_ring_io_open(&process->ring, &process->process, &process->door.credentials.credentials,
                         err);
    return rc ? rc : hs_manager_answer_open(process, err);
}

static uint64_t turn_link(struct hs_manager_process *process, struct hs_manager_link *link,
                          uint64_t now_ns)
{
    uint64_t cut_at_ns = link->is_local ? HS_NEVER_NS : link->heard_at_ns + SILENCE_CUT_NS;

    if (now_ns >= cut_at_ns) {
        hs_log(HS_LOG_WARN, "manager", "silent, cut off peer=%s", link->greeting.identity.node);
        drop_link(process, link);
        return HS_NEVER_NS;
    }
    hs_conn_turn(link->conn, now_ns);
    cut_at_ns = hs_min_u64(cut_at_ns, hs_data_lane_io_turn(&process->lanes, &link->lane, now_ns));
    return hs_min_u64(cut_at_ns, hs_conn_deadline_ns(link->conn));
}

static uint64_t waiting_of(const struct hs_manager_link *link)
{
    uint64_t bytes = hs_conn_queued_bytes(link->conn);

    return link->lane.conn ? bytes + hs_conn_queued_bytes(link->lane.conn) : bytes;
}

uint64_t hs_manager_links_turn(struct hs_manager_process *process, uint64_t now_ns)
{
    uint64_t next_ns = HS_NEVER_NS;
    uint64_t waiting_bytes = 0;

    for (unsigned i = 0; i < process->link_high; i++) {
        if (!process->links[i].conn) continue;
        next_ns = hs_min_u64(next_ns, turn_link(process, &process->links[i], now_ns));
        if (process->links[i].conn) waiting_bytes += waiting_of(&process->links[i]);
    }
    hs_manager_guard_turn(&process->guard, waiting_bytes, now_ns);
    if (!process->door.is_open) return next_ns;
    next_ns = hs_min_u64(next_ns, hs_dialer_io_turn(&process->dialer, now_ns));
    return hs_min_u64(next_ns, hs_node_door_turn(&process->door, now_ns));
}

bool hs_manager_links_are_flushed(const struct hs_manager_process *process)
{
    for (unsigned i = 0; i < process->link_high; i++) {
        const struct hs_manager_link *link = &process->links[i];

        if (link->conn && link->peer == HS_ROLE_GATE && hs_conn_queued_bytes(link->conn))
            return false;
    }
    return true;
}
