// SPDX-License-Identifier: Apache-2.0
/* door_io.c - from a connection to a peer that may enter, at both ends. */
#include "roles/cluster/door_io.h"

#include "roles/cluster/role_matrix.h"
#include "roles/result_code.h"
#include "roles/wire_io.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENTRY_TIMEOUT_NS (10 * HS_NS_PER_S)
#define FAREWELL_NS      (1 * HS_NS_PER_S)
#define LOG_INTERVAL_NS  (1 * HS_NS_PER_S)
#define NEWS_INTERVAL_NS (60 * HS_NS_PER_S)

/* Whoever may not enter comes again and again. */
static void tell_news(struct hs_door *door, const struct hs_addr *from, const char *why,
                      uint64_t now_ns)
{
    struct hs_addr host = *from;
    char           text[HS_ADDR_TEXT_BYTES];

    host.port = 0;
    if (!door->config.on_news ||
        (now_ns < door->news_at_ns && hs_addr_equal(&host, &door->news_addr) &&
         strncmp(door->news_why, why, sizeof door->news_why - 1) == 0))
        return;
    door->news_addr = host;
    (void)snprintf(door->news_why, sizeof door->news_why, "%s", why);
    door->news_at_ns = now_ns + NEWS_INTERVAL_NS;
    hs_addr_format(from, text, sizeof text);
    door->config.on_news(door->config.reader, text, why);
}

static struct hs_door_guest *guest_of(const struct hs_door_waiting *waiting)
{
    ptrdiff_t idx = waiting - waiting->door->waiting;

    HS_ASSERT(idx >= 0 && idx < HS_DOOR_COMING_MAX);
    return &waiting->door->guests[idx];
}

static void leave(struct hs_door_waiting *waiting)
{
    waiting->conn = NULL;
    if (!waiting->ticket) *guest_of(waiting) = (struct hs_door_guest){0};
}

static void log_refusal(struct hs_door *door, const struct hs_addr *from, const char *why)
{
    char     text[HS_ADDR_TEXT_BYTES];
    uint64_t now_ns = hs_loop_now_ns(door->config.loop);

    if (now_ns < door->log_at_ns) {
        door->unlogged_count++;
        return;
    }
    hs_addr_format(from, text, sizeof text);
    hs_log(HS_LOG_WARN, "door", "refused peer=%s reason=\"%s\" more=%u", text, why,
           door->unlogged_count);
    tell_news(door, from, why, now_ns);
    door->log_at_ns = now_ns + LOG_INTERVAL_NS;
    door->unlogged_count = 0;
}

/* Whoever dialled it is told, and says so where it matters (dialer_io.h: once per reason); what is
 * left of the connection is nobody's business. */
static void end_waiting(struct hs_door_waiting *waiting, const struct hs_err *err)
{
    struct hs_door *door = waiting->door;

    waiting->is_over = true;
    if (waiting->ticket)
        door->config.on_refused(door->config.owner, waiting->ticket, err);
    else
        log_refusal(door, &waiting->addr, err->text);
}

static void refuse(struct hs_door_waiting *waiting, const struct hs_err *err)
{
    waiting->door->figures.refused++;
    end_waiting(waiting, err);
    hs_conn_close(waiting->conn, hs_loop_now_ns(waiting->door->config.loop) + FAREWELL_NS);
}

static void answer(struct hs_door_waiting *waiting, const struct hs_msg_hello_ack *ack,
                   uint64_t request_id)
{
    HS_IGNORE(request_id ? hs_wire_reply(waiting->conn, HS_MSG_HELLO_ACK, ack, request_id)
                         : hs_wire_send(waiting->conn, HS_MSG_HELLO_ACK, ack, 0),
              "a fresh connection has room; else it is closing");
}

static void enter(struct hs_door_waiting *waiting, struct hs_greeting *peer)
{
    struct hs_door *door = waiting->door;
    struct hs_conn *conn = waiting->conn;

    waiting->is_over = true;
    peer->address = waiting->addr;
    door->config.on_enter(door->config.owner, conn, peer, waiting->ticket);
    if (hs_conn_owner(conn) != waiting) {
        door->figures.entered++;
        leave(waiting);
    } else if (hs_conn_is_open(conn)) {
        hs_conn_abort(conn); /* the role has not taken it; on_closed frees the place */
    }
}

void hs_door_refuse(struct hs_conn *conn, const struct hs_greeting *peer, const char *why)
{
    struct hs_msg_refused refused = {.code = HS_RESULT_FORBIDDEN};
    struct hs_err         err = {0};

    (void)snprintf(refused.text, sizeof refused.text, "%s", why);
    HS_IGNORE(hs_wire_send(conn, HS_MSG_REFUSED, &refused, 0), "it is closed either way");
    (void)hs_err_refuse(&err, "the %s %s/%s: %s", hs_identity_role_name(peer->identity.role),
                        peer->identity.datacenter, peer->identity.node, why);
    refuse(hs_conn_owner(conn), &err);
}

static void hear_hello(struct hs_door_waiting *waiting, const struct hs_frame *frame,
                       const struct hs_msg_hello *hello)
{
    struct hs_greeting      peer;
    struct hs_msg_hello_ack ack;
    struct hs_err           err = {0};
    int rc = hs_greeter_answer(&waiting->door->config.greeter, hs_credentials_peer(waiting->conn),
                               hello, &ack, &peer);

    answer(waiting, &ack, frame->request_id);
    if (!rc) {
        enter(waiting, &peer);
        return;
    }
    (void)hs_err_refuse(&err, "%s: %s", peer.identity.node, ack.text);
    refuse(waiting, &err);
}

static bool is_lane(const struct hs_door_waiting *waiting)
{
    return (waiting->ticket & HS_DOOR_LANE) != 0;
}

static uint64_t link_of(const struct hs_door_waiting *waiting)
{
    return waiting->ticket & ~HS_DOOR_LANE;
}

static void hear_ack(struct hs_door_waiting *waiting, const struct hs_msg_hello_ack *ack)
{
    struct hs_greeting peer;
    struct hs_err      err = {0};
    int rc = hs_greeter_conclude(&waiting->door->config.greeter, hs_credentials_peer(waiting->conn),
                                 ack, &peer, &err);

    if (rc) {
        refuse(waiting, &err);
        return;
    }
    peer.link = link_of(waiting);
    peer.is_lane = is_lane(waiting);
    enter(waiting, &peer);
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_door_waiting   *waiting = hs_conn_owner(conn);
    const struct hs_greeter  *greeter = &waiting->door->config.greeter;
    const struct hs_identity *peer = hs_credentials_peer(conn);
    enum hs_msg_type          wanted = waiting->ticket ? HS_MSG_HELLO_ACK : HS_MSG_HELLO;
    struct hs_err             err = {0};
    union hs_msg              message;

    if (waiting->is_over) return;
    if (frame->type != wanted || hs_wire_open(frame, hs_role_kind_of(peer->role),
                                              hs_role_kind_of(greeter->identity.role), &message)) {
        (void)hs_err_refuse(&err, "%s: %s instead of %s", peer->node, hs_wire_name(frame->type),
                            hs_wire_name(wanted));
        refuse(waiting, &err);
    } else if (waiting->ticket) {
        hear_ack(waiting, &message.hello_ack);
    } else {
        hear_hello(waiting, frame, &message.hello);
    }
}

/* What an operator can do something about, in words. */
static void tell_end(const struct hs_conn *conn, int reason, struct hs_err *err)
{
    const char *why = hs_conn_refusal(conn);

    switch (reason) {
    case -EKEYREJECTED: (void)hs_err_refuse(err, "the peer's certificate: %s", why); break;
    case -EACCES: (void)hs_err_refuse(err, "%s", why); break;
    case -EPROTO:
        (void)hs_err_refuse(err, "not a node of ours: %s", *why ? why : "nonsense");
        break;
    case -ETIMEDOUT: (void)hs_err_refuse(err, "no answer in time"); break;
    case -ECONNRESET: (void)hs_err_refuse(err, "it has closed the connection"); break;
    default: (void)hs_err_refuse(err, "%s", hs_err_code_text(reason)); break;
    }
    err->code = reason < 0 ? reason : -ECANCELED;
}

static void count_end(struct hs_door *door, int reason)
{
    if (reason == -EKEYREJECTED || reason == -EACCES)
        door->figures.refused++;
    else
        door->figures.strangers++;
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct hs_door_waiting *waiting = hs_conn_owner(conn);
    struct hs_err           err = {0};

    if (!waiting->is_over) {
        tell_end(conn, reason, &err);
        count_end(waiting->door, reason);
        end_waiting(waiting, &err);
    }
    leave(waiting);
}

static int check_expected(const struct hs_identity *expected, const struct hs_identity *found,
                          struct hs_err *err)
{
    if (found->role == expected->role &&
        (!*expected->datacenter || strcmp(found->datacenter, expected->datacenter) == 0) &&
        (!*expected->node || strcmp(found->node, expected->node) == 0))
        return 0;
    (void)hs_err_refuse(
        err, "there is the %s %s/%s, not the %s %s/%s", hs_identity_role_name(found->role),
        found->datacenter, found->node, hs_identity_role_name(expected->role),
        *expected->datacenter ? expected->datacenter : "*", *expected->node ? expected->node : "*");
    if (err) err->code = -EACCES;
    return -EACCES;
}

static void greet(struct hs_door_waiting *waiting, const struct hs_identity *peer)
{
    const struct hs_greeter *greeter = &waiting->door->config.greeter;
    struct hs_msg_hello      hello;
    struct hs_err            err = {0};
    int                      rc = check_expected(&waiting->expected, peer, &err);

    if (!rc) rc = hs_role_check_dial(&greeter->identity, peer, &err);
    hs_greeter_hello(greeter, &hello);
    hello.link = link_of(waiting);
    hello.lane = is_lane(waiting) ? HS_HELLO_DATA_LANE : HS_HELLO_FIRST;
    if (!rc) {
        rc = hs_wire_send(waiting->conn, HS_MSG_HELLO, &hello, 0);
        if (rc) (void)hs_err_set(&err, rc, "greet %s", peer->node);
    }
    if (rc) refuse(waiting, &err);
}

/* With one certificate anybody could open connections and say nothing over them. */
static bool is_one_too_many(const struct hs_door *door, const struct hs_identity *peer)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_DOOR_COMING_MAX; i++) {
        const struct hs_door_guest *guest = &door->guests[i];

        if (guest->is_here && guest->is_known && !guest->is_leaving &&
            memcmp(hs_credentials_peer(door->waiting[i].conn), peer, sizeof *peer) == 0)
            count++;
    }
    return count > HS_DOOR_OF_ONE_MAX;
}

static void turn_back(struct hs_door_waiting *waiting, enum hs_result_code code,
                      const struct hs_err *err)
{
    struct hs_msg_hello_ack ack = {.code = (uint16_t)code};

    (void)snprintf(ack.text, sizeof ack.text, "%s", err->text);
    answer(waiting, &ack, 0);
    refuse(waiting, err);
}

/* Before a byte of what it says is read. */
static void on_ready(struct hs_conn *conn)
{
    struct hs_door_waiting   *waiting = hs_conn_owner(conn);
    struct hs_door           *door = waiting->door;
    const struct hs_identity *peer = hs_credentials_peer(conn);
    struct hs_err             err = {0};

    HS_ASSERT(peer != NULL);
    if (waiting->ticket) {
        greet(waiting, peer);
        return;
    }
    guest_of(waiting)->is_known = true;
    if (hs_role_check_dial(peer, &door->config.greeter.identity, &err)) {
        turn_back(waiting, HS_RESULT_FORBIDDEN, &err);
    } else if (is_one_too_many(door, peer)) {
        (void)hs_err_refuse(&err, "too many connections of %s/%s wait at the door",
                            peer->datacenter, peer->node);
        turn_back(waiting, HS_RESULT_BUSY, &err);
    }
}

/* ---- places ---- */

static struct hs_door_waiting *take_place(struct hs_door *door, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct hs_door_waiting *waiting = &door->waiting[i];

        if (waiting->conn) continue;
        memset(waiting, 0, sizeof *waiting);
        waiting->door = door;
        waiting->deadline_ns = hs_loop_now_ns(door->config.loop) + ENTRY_TIMEOUT_NS;
        if (i >= door->waiting_high) door->waiting_high = i + 1;
        return waiting;
    }
    return NULL;
}

static struct hs_conn_config config_of(struct hs_door_waiting *waiting, enum hs_tls_side side)
{
    const struct hs_door_config *config = &waiting->door->config;

    return (struct hs_conn_config){.loop = config->loop,
                                   .owner = waiting,
                                   .on_frame = on_frame,
                                   .on_closed = on_closed,
                                   .figures = config->figures,
                                   .tls = config->credentials->tls,
                                   .side = side,
                                   .on_ready = on_ready};
}

/* Who has to go first if there are too many, and when; NULL: nobody. */
static const struct hs_door_guest *find_next(const struct hs_door *door, uint64_t *at_ns)
{
    int chosen = door->waiting_high < HS_DOOR_OF_NETWORK_CROWD
                     ? -1
                     : hs_door_crowd_choose(door->guests, HS_DOOR_COMING_MAX);

    if (chosen < 0) return NULL;
    *at_ns = door->guests[chosen].since_ns + HS_DOOR_GRACE_NS;
    return &door->guests[chosen];
}

static void thin_out(struct hs_door *door, uint64_t now_ns)
{
    const struct hs_door_guest *guest;
    uint64_t                    at_ns;

    while ((guest = find_next(door, &at_ns)) && now_ns >= at_ns) {
        struct hs_door_waiting *waiting = &door->waiting[guest - door->guests];
        struct hs_err           err = {0};

        door->guests[waiting - door->waiting].is_leaving = true;
        if (!waiting->is_over) {
            door->figures.turned_away++;
            (void)hs_err_refuse(&err, "it has waited for too long where many wait");
            end_waiting(waiting, &err);
        }
        hs_conn_abort(waiting->conn);
    }
}

static void turn_away(struct hs_door *door, int fd, const struct hs_addr *addr, const char *why)
{
    door->figures.turned_away++;
    log_refusal(door, addr, why);
    (void)close(fd);
}

static struct hs_addr address_of(int fd)
{
    struct hs_addr         addr = {.family = HS_ADDR_NONE};
    union hs_addr_sockaddr name;
    socklen_t              bytes = sizeof name;

    memset(&name, 0, sizeof name);
    if (getpeername(fd, &name.any, &bytes) == 0)
        HS_IGNORE(hs_addr_from_sockaddr(&addr, &name), "of no network then");
    return addr;
}

static void take_in(struct hs_door *door, struct hs_door_waiting *waiting, int fd,
                    const struct hs_addr *addr)
{
    struct hs_conn_config config = config_of(waiting, HS_TLS_SERVER);
    int                   rc;

    waiting->addr = *addr;
    rc = hs_conn_open(&waiting->conn, &config, fd);
    if (rc) {
        turn_away(door, fd, addr,
                  rc == -EBUSY ? "too many of its network wait" : hs_err_code_text(rc));
        return;
    }
    *guest_of(waiting) =
        (struct hs_door_guest){.is_here = true, .since_ns = hs_loop_now_ns(door->config.loop)};
    hs_addr_network(addr, &guest_of(waiting)->network);
}

static void on_accept(struct hs_listener *listener, int fd)
{
    struct hs_door         *door = HS_CONTAINER_OF(listener, struct hs_door, listener);
    struct hs_door_waiting *waiting;
    struct hs_addr          addr;

    if (fd < 0) {
        hs_log(HS_LOG_WARN, "door", "accept: %s", hs_err_code_text(fd));
        return;
    }
    addr = address_of(fd);
    thin_out(door, hs_loop_now_ns(door->config.loop));
    waiting = take_place(door, HS_DOOR_COMING_MAX);
    if (waiting)
        take_in(door, waiting, fd, &addr);
    else
        turn_away(door, fd, &addr, "too many wait");
}

void hs_door_init(struct hs_door *door, const struct hs_door_config *config)
{
    memset(door, 0, sizeof *door);
    door->config = *config;
    door->config.greeter.identity = config->credentials->identity;
}

int hs_door_listen(struct hs_door *door, int fd)
{
    int rc;

    HS_ASSERT(!door->is_listening);
    door->listener.on_accept = on_accept;
    rc = hs_listener_open(door->config.loop, &door->listener, fd);
    door->is_listening = rc == 0;
    return rc;
}

int hs_door_dial(struct hs_door *door, const struct hs_addr *addr,
                 const struct hs_identity *expected, uint64_t ticket)
{
    struct hs_door_waiting *waiting = door->is_shut ? NULL : take_place(door, HS_DOOR_WAITING_MAX);
    struct hs_conn_config   config;

    HS_ASSERT(ticket != 0);
    HS_ASSERT(door->config.on_refused != NULL);
    if (!waiting) return -ENOBUFS;
    waiting->ticket = ticket;
    waiting->addr = *addr;
    waiting->expected = *expected;
    config = config_of(waiting, HS_TLS_CLIENT);
    return hs_conn_connect(&waiting->conn, &config, addr);
}

void hs_door_shut(struct hs_door *door)
{
    if (door->is_listening) hs_listener_close(&door->listener);
    door->is_listening = false;
    door->is_shut = true;
    for (unsigned i = 0; i < door->waiting_high; i++)
        if (door->waiting[i].conn) hs_conn_abort(door->waiting[i].conn);
}

uint64_t hs_door_deadline_ns(const struct hs_door *door)
{
    uint64_t next_ns = HS_NEVER_NS;

    (void)find_next(door, &next_ns);

    for (unsigned i = 0; i < door->waiting_high; i++) {
        const struct hs_door_waiting *waiting = &door->waiting[i];

        if (!waiting->conn) continue;
        next_ns = hs_min_u64(next_ns, hs_conn_deadline_ns(waiting->conn));
        if (!waiting->is_over) next_ns = hs_min_u64(next_ns, waiting->deadline_ns);
    }
    return next_ns;
}

static void give_up(struct hs_door_waiting *waiting)
{
    struct hs_err err = {0};

    waiting->door->figures.strangers++;
    (void)hs_err_set(&err, -ETIMEDOUT, "not through the door");
    end_waiting(waiting, &err);
    hs_conn_abort(waiting->conn);
}

void hs_door_turn(struct hs_door *door, uint64_t now_ns)
{
    while (door->waiting_high && !door->waiting[door->waiting_high - 1].conn) door->waiting_high--;
    thin_out(door, now_ns);
    for (unsigned i = 0; i < door->waiting_high; i++) {
        struct hs_door_waiting *waiting = &door->waiting[i];

        if (!waiting->conn) continue;
        hs_conn_turn(waiting->conn, now_ns);
        if (!waiting->is_over && now_ns >= waiting->deadline_ns) give_up(waiting);
    }
}
