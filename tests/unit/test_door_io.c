// SPDX-License-Identifier: Apache-2.0
/* test_door_io.c - two doors over loopback, one dials the other; and who does not get through. */
#include "roles/cluster/door_io.h"

#include "roles/result_code.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/pki_rig.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICKET = 77 };
#define PATIENCE_NS (5 * HS_NS_PER_S)

struct host {
    struct hs_loop       *loop;
    struct hs_credentials credentials;
    struct hs_pki_node    node;
    struct hs_door        door;
    struct hs_conn       *conn; /* that has entered; NULL after on_closed */
    struct hs_greeting    peer;
    struct hs_err         refusal;
    uint64_t              ticket;
    unsigned              entered;
    unsigned              refused;
    unsigned              news;
    unsigned              pings;
    unsigned              told; /* REFUSED */
    unsigned              closed;
    bool                  is_leaving_it; /* does not take it over */
    bool                  is_refusing_it;
};

static struct hs_pki  rig;
static struct host    gate;
static struct host    peer;
static struct host    mute; /* whose connections say nothing: the peer's */
static struct hs_addr addr;
static int            listen_fd;

static struct hs_credentials other; /* of a second peer */
static struct hs_err         err;

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct host *host = hs_conn_owner(conn);

    if (frame->type == HS_MSG_PING) host->pings++;
    if (frame->type == HS_MSG_REFUSED) host->told++;
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct host *host = hs_conn_owner(conn);

    (void)reason;
    host->closed++;
    host->conn = NULL;
}

static void on_enter(void *owner, struct hs_conn *conn, const struct hs_greeting *greeting,
                     uint64_t ticket)
{
    struct host                   *host = owner;
    const struct hs_conn_callbacks callbacks = {
        .owner = host, .on_frame = on_frame, .on_closed = on_closed};

    host->entered++;
    host->ticket = ticket;
    host->peer = *greeting;
    if (host->is_refusing_it) hs_door_refuse(conn, greeting, "the table is full");
    if (host->is_leaving_it || host->is_refusing_it) return;
    host->conn = conn;
    hs_conn_hand_over(conn, &callbacks);
}

static void on_refused(void *owner, uint64_t ticket, const struct hs_err *why)
{
    struct host *host = owner;

    host->refused++;
    host->ticket = ticket;
    host->refusal = *why;
}

static void on_news(void *reader, const char *address, const char *why)
{
    struct host *host = reader;

    HS_CHECK(strchr(address, ':') != NULL);
    HS_CHECK(why[0] != '\0');
    host->news++;
}

static void open_host(struct host *host, const char *name, enum hs_loop_backend backend)
{
    struct hs_credentials_texts texts;
    struct hs_door_config       config;

    memset(host, 0, sizeof *host);
    host->loop = hs_end_loop(backend);
    hs_pki_issue(&rig, &host->node, name, 0);
    texts = hs_pki_texts(&rig, &host->node);
    HS_CHECK_EQ(hs_credentials_open(&host->credentials, &texts, &err), 0);
    config = (struct hs_door_config){.loop = host->loop,
                                     .credentials = &host->credentials,
                                     .greeter = {.node_id = {9}, .incarnation = 4},
                                     .owner = host,
                                     .on_enter = on_enter,
                                     .on_refused = on_refused,
                                     .reader = host,
                                     .on_news = on_news};
    hs_door_init(&host->door, &config);
}

static void begin(enum hs_loop_backend backend, const char *name)
{
    uint16_t port;

    hs_pki_begin(&rig, "hyperscale://shop/prod");
    open_host(&gate, HS_PKI_GATE, backend);
    open_host(&peer, name, backend);
    listen_fd = hs_end_listen(16, &port);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    HS_CHECK_EQ(hs_door_listen(&gate.door, listen_fd), 0);
}

static void step(struct host *host)
{
    HS_CHECK(hs_loop_step(host->loop, hs_loop_clock_ns(host->loop) + HS_NS_PER_MS / 4) >= 0);
    hs_door_turn(&host->door, hs_loop_now_ns(host->loop));
}

static bool await(const unsigned *counter, unsigned value)
{
    uint64_t deadline_ns = hs_loop_clock_ns(gate.loop) + PATIENCE_NS;

    while (*counter < value && hs_loop_clock_ns(gate.loop) < deadline_ns) {
        step(&gate);
        step(&peer);
    }
    return *counter >= value;
}

static bool is_anybody_waiting(const struct host *host)
{
    for (unsigned i = 0; i < HS_DOOR_WAITING_MAX; i++)
        if (host->door.waiting[i].conn) return true;
    return false;
}

static void close_host(struct host *host)
{
    uint64_t deadline_ns = hs_loop_clock_ns(host->loop) + PATIENCE_NS;

    hs_door_shut(&host->door);
    if (host->conn) hs_conn_abort(host->conn);
    while ((host->conn || is_anybody_waiting(host)) && hs_loop_clock_ns(host->loop) < deadline_ns)
        HS_CHECK(hs_loop_step(host->loop, hs_loop_clock_ns(host->loop) + HS_NS_PER_MS) >= 0);
    HS_CHECK(!host->conn);
    HS_CHECK(!is_anybody_waiting(host));
    hs_loop_close(&host->loop);
    hs_credentials_close(&host->credentials);
    hs_pki_drop(&host->node);
}

static void end(void)
{
    close_host(&gate);
    close_host(&peer);
    (void)close(listen_fd);
    hs_pki_end(&rig);
}

static struct hs_identity expect(enum hs_identity_role role, const char *node)
{
    struct hs_identity expected = {.role = role};

    (void)snprintf(expected.node, sizeof expected.node, "%s", node);
    return expected;
}

static void dial(enum hs_identity_role role, const char *node)
{
    struct hs_identity expected = expect(role, node);

    HS_CHECK_EQ(hs_door_dial(&peer.door, &addr, &expected, TICKET), 0);
}

static void both_enter_and_talk(enum hs_loop_backend backend)
{
    struct hs_msg_ping ping = {.nonce = 1};

    begin(backend, HS_PKI_MANAGER);
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.entered, 1));
    HS_CHECK(await(&gate.entered, 1));
    HS_CHECK_EQ(peer.ticket, TICKET);
    HS_CHECK_EQ(gate.ticket, 0);
    HS_CHECK_TEXT(gate.peer.identity.node, "m1");
    HS_CHECK_TEXT(peer.peer.identity.node, "g1");
    HS_CHECK_EQ(gate.peer.node_id[0], 9);
    HS_CHECK_EQ(peer.peer.incarnation, 4);
    HS_CHECK_EQ(gate.peer.address.family, HS_ADDR_IPV4);
    HS_CHECK_EQ(peer.peer.address.port, addr.port);
    HS_CHECK_EQ(hs_wire_send(peer.conn, HS_MSG_PING, &ping, 0), 0);
    HS_CHECK_EQ(hs_wire_send(gate.conn, HS_MSG_PING, &ping, 0), 0);
    HS_CHECK(await(&gate.pings, 1));
    HS_CHECK(await(&peer.pings, 1));
    HS_CHECK(!is_anybody_waiting(&gate));
    HS_CHECK_EQ(gate.door.figures.entered, 1);
    end();
    HS_CHECK_EQ(gate.closed, 1);
}

static void role_that_may_not_enter_is_told_so(enum hs_loop_backend backend)
{
    begin(backend, HS_PKI_WORKER);
    dial(HS_IDENTITY_GATE, ""); /* our own matrix forbids it already */
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(strstr(peer.refusal.text, "worker may not connect to a gate") != NULL);
    HS_CHECK_EQ(gate.entered + peer.entered, 0);
    /* One that has no scruples. */
    peer.door.config.greeter.identity.role = HS_IDENTITY_MANAGER;
    peer.refused = 0;
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(strstr(peer.refusal.text, "g1 refuses us") != NULL);
    HS_CHECK(strstr(peer.refusal.text, "worker may not connect to a gate") != NULL);
    HS_CHECK_EQ(peer.refusal.code, -EACCES);
    HS_CHECK_EQ(gate.entered, 0);
    HS_CHECK(gate.door.figures.refused >= 1);
    HS_CHECK_EQ(gate.news, 1);
    gate.door.log_at_ns = 0; /* a second later the same is in the log again, and no news */
    peer.refused = 0;
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(gate.door.figures.refused >= 2);
    HS_CHECK_EQ(gate.door.unlogged_count, 0);
    HS_CHECK_EQ(gate.news, 1);
    end();
}

static void liar_is_told_so(enum hs_loop_backend backend)
{
    begin(backend, HS_PKI_MANAGER);
    (void)snprintf(peer.door.config.greeter.identity.node, HS_IDENTITY_LABEL_BYTES, "m2");
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(strstr(peer.refusal.text, "another node") != NULL);
    HS_CHECK_EQ(gate.entered, 0);
    end();
}

static void another_version_is_told_so_at_both_ends(enum hs_loop_backend backend)
{
    begin(backend, HS_PKI_MANAGER);
    peer.door.config.greeter.version = HS_PROTOCOL_VERSION(2, 1);
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(strstr(peer.refusal.text, "2.1") != NULL);
    HS_CHECK(strstr(peer.refusal.text, "1.1") != NULL);
    HS_CHECK_EQ(peer.refusal.code, -EPROTONOSUPPORT);
    HS_CHECK_EQ(gate.entered, 0);
    HS_CHECK_EQ(gate.door.figures.refused, 1);
    end();
}

static void whom_was_not_expected_is_left(enum hs_loop_backend backend)
{
    begin(backend, HS_PKI_MANAGER);
    dial(HS_IDENTITY_GATE, "g9");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(strstr(peer.refusal.text, "there is the gate east/g1, not the gate */g9") != NULL);
    peer.refused = 0;
    dial(HS_IDENTITY_MANAGER, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK(strstr(peer.refusal.text, "not the manager */*") != NULL);
    HS_CHECK_EQ(gate.entered, 0);
    end();
}

static void count_line(void *context, enum hs_log_level level, const char *module, const char *text)
{
    (void)level;
    (void)module;
    (void)text;
    ++*(unsigned *)context;
}

static void nobody_there_is_told(enum hs_loop_backend backend)
{
    unsigned lines = 0;
    uint16_t port;

    begin(backend, HS_PKI_MANAGER);
    hs_log_set_sink(count_line, &lines, HS_LOG_INFO);
    (void)close(hs_end_listen(1, &port));
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK_EQ(peer.refusal.code, -ECONNREFUSED);
    HS_CHECK(!is_anybody_waiting(&peer));
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
    HS_CHECK_EQ(lines, 0); /* it dials again and again: the dialer says so once */
    end();
}

static void peer_that_is_not_taken_over_is_closed(enum hs_loop_backend backend)
{
    begin(backend, HS_PKI_MANAGER);
    gate.is_leaving_it = true;
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&gate.entered, 1));
    while (is_anybody_waiting(&gate)) step(&gate);
    HS_CHECK(await(&peer.entered, 1) || await(&peer.refused, 1));
    end();
}

static void peer_that_the_role_refuses_is_told_and_closed(enum hs_loop_backend backend)
{
    begin(backend, HS_PKI_MANAGER);
    gate.is_refusing_it = true;
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.closed, 1));
    HS_CHECK_EQ(peer.told, 1);
    while (is_anybody_waiting(&gate)) step(&gate);
    HS_CHECK_EQ(gate.door.figures.refused, 1);
    HS_CHECK_EQ(gate.door.figures.entered, 0);
    /* Whoever has dialled hears of it as of any other end, or it would wait for ever. */
    gate.is_refusing_it = false;
    peer.is_refusing_it = true;
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&peer.refused, 1));
    HS_CHECK_EQ(peer.ticket, TICKET);
    HS_CHECK(strstr(peer.refusal.text, "the gate east/g1: the table is full") != NULL);
    HS_CHECK(await(&gate.told, 1));
    end();
}

static int connect_plain(void)
{
    union hs_addr_sockaddr to;
    socklen_t              bytes = hs_addr_to_sockaddr(&addr, &to);
    int                    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    HS_CHECK_EQ(connect(fd, &to.any, bytes), 0);
    return fd;
}

static void stranger_gets_nothing_but_an_end(enum hs_loop_backend backend)
{
    uint64_t deadline_ns;
    uint8_t  byte;
    int      fd;

    begin(backend, HS_PKI_MANAGER);
    deadline_ns = hs_loop_clock_ns(gate.loop) + PATIENCE_NS;
    fd = connect_plain();
    HS_CHECK_EQ(send(fd, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    while (!gate.door.figures.strangers && hs_loop_clock_ns(gate.loop) < deadline_ns) step(&gate);
    HS_CHECK_EQ(gate.door.figures.strangers, 1);
    HS_CHECK(recv(fd, &byte, 1, 0) <= 1); /* an alert at most */
    (void)close(fd);
    HS_CHECK_EQ(gate.entered, 0);
    end();
}

static void one_that_never_says_hello_is_sent_away(enum hs_loop_backend backend)
{
    struct hs_conn_config config;
    uint64_t              deadline_ns;

    begin(backend, HS_PKI_MANAGER);
    config = (struct hs_conn_config){.loop = peer.loop,
                                     .owner = &peer,
                                     .on_frame = on_frame,
                                     .on_closed = on_closed,
                                     .tls = peer.credentials.tls,
                                     .side = HS_TLS_CLIENT};
    HS_CHECK_EQ(hs_conn_connect(&peer.conn, &config, &addr), 0);
    for (unsigned i = 0; i < 100 && !(is_anybody_waiting(&gate) && hs_conn_peer(peer.conn)); i++) {
        step(&gate);
        step(&peer);
    }
    HS_CHECK(hs_conn_peer(peer.conn) != NULL);
    deadline_ns = hs_loop_clock_ns(gate.loop) + 10 * HS_NS_PER_S;
    HS_CHECK(hs_door_deadline_ns(&gate.door) <= deadline_ns);
    hs_door_turn(&gate.door, deadline_ns);
    HS_CHECK(await(&peer.closed, 1));
    HS_CHECK_EQ(gate.door.figures.strangers, 1);
    HS_CHECK(!is_anybody_waiting(&gate));
    end();
}

static void role_that_may_not_enter_is_not_listened_to(enum hs_loop_backend backend)
{
    struct hs_conn_config config;

    begin(backend, HS_PKI_WORKER);
    config = (struct hs_conn_config){.loop = peer.loop,
                                     .owner = &peer,
                                     .on_frame = on_frame,
                                     .on_closed = on_closed,
                                     .tls = peer.credentials.tls,
                                     .side = HS_TLS_CLIENT};
    HS_CHECK_EQ(hs_conn_connect(&peer.conn, &config, &addr), 0); /* and says nothing */
    HS_CHECK(await(&peer.closed, 1));
    HS_CHECK_EQ(gate.door.figures.refused, 1);
    end();
}

static void first_word_must_be_hello(enum hs_loop_backend backend)
{
    struct hs_msg_ping    ping = {.nonce = 1};
    struct hs_conn_config config;

    begin(backend, HS_PKI_MANAGER);
    config = (struct hs_conn_config){.loop = peer.loop,
                                     .owner = &peer,
                                     .on_frame = on_frame,
                                     .on_closed = on_closed,
                                     .tls = peer.credentials.tls,
                                     .side = HS_TLS_CLIENT};
    HS_CHECK_EQ(hs_conn_connect(&peer.conn, &config, &addr), 0);
    HS_CHECK_EQ(hs_wire_send(peer.conn, HS_MSG_PING, &ping, 0), 0);
    HS_CHECK(await(&peer.closed, 1));
    HS_CHECK_EQ(gate.door.figures.refused, 1);
    HS_CHECK_EQ(gate.entered, 0);
    end();
}

/* Connections that show a certificate and say nothing. */
static void dial_mutely(unsigned count)
{
    struct hs_conn_config config = {.loop = peer.loop,
                                    .owner = &mute,
                                    .on_frame = on_frame,
                                    .on_closed = on_closed,
                                    .tls = peer.credentials.tls,
                                    .side = HS_TLS_CLIENT};
    struct hs_conn       *conn;

    memset(&mute, 0, sizeof mute);
    for (unsigned i = 0; i < count; i++) HS_CHECK_EQ(hs_conn_connect(&conn, &config, &addr), 0);
}

/* From now on the peer is somebody else. */
static void become(struct hs_pki_node *node, const char *name)
{
    struct hs_credentials_texts texts;

    hs_pki_issue(&rig, node, name, 0);
    texts = hs_pki_texts(&rig, node);
    HS_CHECK_EQ(hs_credentials_open(&other, &texts, &err), 0);
    peer.door.config.credentials = &other;
    peer.door.config.greeter.identity = other.identity;
}

static void one_certificate_does_not_fill_the_door(enum hs_loop_backend backend)
{
    enum { MORE = 5 };
    struct hs_pki_node node;

    begin(backend, HS_PKI_MANAGER);
    dial_mutely(HS_DOOR_OF_ONE_MAX + MORE);
    HS_CHECK(await(&mute.closed, MORE));
    HS_CHECK_EQ(gate.door.figures.refused, MORE);
    become(&node, "hyperscale://shop/prod/east/manager/m2");
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&gate.entered, 1));
    HS_CHECK_TEXT(gate.peer.identity.node, "m2");
    HS_CHECK_EQ(mute.closed, MORE);
    hs_door_shut(&gate.door);
    HS_CHECK(await(&mute.closed, HS_DOOR_OF_ONE_MAX + MORE));
    end();
    hs_credentials_close(&other);
    hs_pki_drop(&node);
}

static void widen(struct host *host)
{
    const struct hs_loop_config wide = {.wanted = HS_LOOP_EPOLL,
                                        .stream_count_max = 2 * HS_DOOR_WAITING_MAX,
                                        .recv_buffer_count = 16,
                                        .recv_buffer_bytes = 2048,
                                        .file_op_count_max = 4};

    hs_loop_close(&host->loop);
    HS_CHECK_EQ(hs_loop_open(&host->loop, &wide, &err), 0);
    host->door.config.loop = host->loop;
}

/* One that opens connections from many networks, and says nothing over them. */
static void crowd(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct hs_addr         from;
        union hs_addr_sockaddr name;
        socklen_t              bytes;

        HS_CHECK_EQ(hs_addr_parse(&from, "127.1.0.1", 0), 0);
        from.bytes[2] = (uint8_t)(i % 5);
        bytes = hs_addr_to_sockaddr(&from, &name);
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        HS_CHECK_EQ(bind(fds[i], &name.any, bytes), 0);
        bytes = hs_addr_to_sockaddr(&addr, &name);
        HS_CHECK_EQ(connect(fds[i], &name.any, bytes), 0);
        step(&gate);
    }
}

static void age(struct host *host)
{
    for (unsigned i = 0; i < HS_DOOR_COMING_MAX; i++)
        if (host->door.guests[i].is_here) host->door.guests[i].since_ns -= HS_DOOR_GRACE_NS;
}

/* Neither does it keep others out, nor us from dialling. */
static void silence_does_not_fill_the_door(void)
{
    enum { SILENT = HS_DOOR_COMING_MAX + 40 };
    struct hs_identity expected = expect(HS_IDENTITY_GATE, "");
    struct hs_addr     nowhere = {.family = HS_ADDR_IPV4, .port = 1, .bytes = {127, 0, 0, 1}};
    static int         fds[SILENT];

    begin(HS_LOOP_EPOLL, HS_PKI_MANAGER);
    hs_door_shut(&gate.door);
    widen(&gate);
    gate.door.is_shut = false;
    HS_CHECK_EQ(hs_door_listen(&gate.door, listen_fd), 0);
    crowd(fds, SILENT);
    HS_CHECK(gate.door.figures.turned_away >= 40);
    HS_CHECK_EQ(hs_door_dial(&gate.door, &nowhere, &expected, TICKET), 0);
    HS_CHECK(await(&gate.refused, 1));
    HS_CHECK_EQ(hs_door_deadline_ns(&gate.door) < hs_loop_clock_ns(gate.loop) + HS_DOOR_GRACE_NS,
                1);
    age(&gate);
    step(&gate);
    step(&gate);
    dial(HS_IDENTITY_GATE, "");
    HS_CHECK(await(&gate.entered, 1));
    for (unsigned i = 0; i < SILENT; i++) (void)close(fds[i]);
    end();
}

static void places_are_bounded(void)
{
    struct hs_identity expected = expect(HS_IDENTITY_GATE, "");

    begin(HS_LOOP_EPOLL, HS_PKI_MANAGER);
    widen(&peer);
    for (unsigned i = 0; i < HS_DOOR_WAITING_MAX; i++)
        HS_CHECK_EQ(hs_door_dial(&peer.door, &addr, &expected, TICKET), 0);
    for (unsigned i = 0; i < HS_DOOR_WAITING_MAX; i++)
        HS_CHECK_EQ(hs_door_dial(&peer.door, &addr, &expected, TICKET), -ENOBUFS);
    hs_door_shut(&peer.door);
    while (is_anybody_waiting(&peer))
        HS_CHECK(hs_loop_step(peer.loop, hs_loop_clock_ns(peer.loop) + HS_NS_PER_MS) >= 0);
    HS_CHECK_EQ(peer.refused, HS_DOOR_WAITING_MAX);
    end();
}

#define EACH(X)                                                                                    \
    X(both_enter_and_talk, "SEC-4 both enter and talk")                                            \
    X(role_that_may_not_enter_is_told_so, "BAD-8 24.2 role that may not enter is told so")         \
    X(role_that_may_not_enter_is_not_listened_to,                                                  \
      "BAD-8 24.2 role that may not enter is not listened to")                                     \
    X(liar_is_told_so, "SEC-4 liar is told so")                                                    \
    X(another_version_is_told_so_at_both_ends, "T16.2 another version is told so at both ends")    \
    X(whom_was_not_expected_is_left, "whom was not expected is left")                              \
    X(nobody_there_is_told, "nobody there is told")                                                \
    X(peer_that_is_not_taken_over_is_closed, "peer that is not taken over is closed")              \
    X(peer_that_the_role_refuses_is_told_and_closed,                                               \
      "peer that the role refuses is told and closed")                                             \
    X(stranger_gets_nothing_but_an_end, "SEC-60 stranger gets nothing but an end")                 \
    X(one_that_never_says_hello_is_sent_away, "one that never says HELLO is sent away")            \
    X(first_word_must_be_hello, "first word must be HELLO")                                        \
    X(one_certificate_does_not_fill_the_door, "SEC-2 one certificate does not fill the door")

#define DEFINE(test, text) HS_ON_BOTH(test)
EACH(DEFINE)
#define ROWS(test, text) HS_BOTH_ROWS(text, test),

CU_TestInfo hs_tests_door_io[] = {
    EACH(ROWS){"places are bounded", places_are_bounded},
    {"SEC-2 silence does not fill the door", silence_does_not_fill_the_door},
    CU_TEST_INFO_NULL};
