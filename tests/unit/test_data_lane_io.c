// SPDX-License-Identifier: Apache-2.0
/* test_data_lane_io.c - a manager that has dialled a gate, over loopback and TLS, and the data lane
 * beside that. */
#include "roles/cluster/data_lane_io.h"

#include "roles/counters.h"
#include "roles/wire_io.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/pki_rig.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <unistd.h>

enum { TICKET = 77, TAG = 5 };
#define PATIENCE_NS (5 * HS_NS_PER_S)

struct host {
    struct hs_role_process     process;
    struct hs_counters_shm     counters;
    struct hs_credentials      credentials;
    struct hs_pki_node         node;
    struct hs_door             door;
    struct hs_rand             rand;
    struct hs_data_lane_ground ground;
    struct hs_conn            *conn; /* the first one; NULL after on_closed */
    struct hs_greeting         first;
    struct hs_data_lane_io     lane;
    unsigned                   entered; /* first connections */
    unsigned                   data;    /* over the lane */
    unsigned                   pings;   /* over the first */
    unsigned                   told;    /* REFUSED, over the lane */
    unsigned                   closed;
    unsigned                   lanes_closed; /* on_closed of any lane's connection */
    unsigned                   failed;
    char                       reason[HS_ERR_TEXT_BYTES];
};

static struct hs_pki  rig;
static struct host    gate;
static struct host    manager;
static struct hs_addr addr;
static int            listen_fd;
static struct hs_err  err;

static uint64_t counted(const struct host *host, enum hs_count count)
{
    return hs_counter_load(&host->counters, count);
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct host *host = hs_conn_owner(conn);

    if (frame->type == HS_MSG_PING) host->pings++;
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct host *host = hs_conn_owner(conn);

    (void)reason;
    host->closed++;
    host->conn = NULL;
    hs_data_lane_io_close(&host->ground, &host->lane);
}

static void on_lane_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct host *host = hs_conn_owner(conn);

    if (host->lane.conn != conn || !hs_data_lane_io_hear(&host->ground, &host->lane, frame->type))
        return;
    HS_CHECK_EQ(hs_conn_tag(conn), TAG);
    if (frame->type == HS_MSG_REFUSED)
        host->told++;
    else
        host->data++;
}

static void on_lane_closed(struct hs_conn *conn, int reason)
{
    struct host *host = hs_conn_owner(conn);

    host->lanes_closed++;
    if (host->lane.conn == conn) hs_data_lane_io_ended(&host->ground, &host->lane, reason);
}

static void on_enter(void *owner, struct hs_conn *conn, const struct hs_greeting *greeting,
                     uint64_t ticket)
{
    struct host                   *host = owner;
    const struct hs_conn_callbacks callbacks = {
        .owner = host, .on_frame = on_frame, .on_closed = on_closed};

    if (greeting->is_lane) {
        hs_data_lane_io_enter(&host->ground, host->conn ? &host->lane : NULL, TAG, conn, greeting);
        return;
    }
    host->entered++;
    host->conn = conn;
    host->first = *greeting;
    hs_conn_hand_over(conn, &callbacks);
    hs_data_lane_io_open(&host->ground, &host->lane, &host->first, ticket != 0);
}

static void on_refused(void *owner, uint64_t ticket, const struct hs_err *why)
{
    struct host *host = owner;

    HS_CHECK(ticket & HS_DOOR_LANE);
    host->failed++;
    (void)snprintf(host->reason, sizeof host->reason, "%s", why->text);
    if (host->lane.core.state == HS_DATA_LANE_TRYING)
        hs_data_lane_io_failed(&host->ground, &host->lane, why->text);
}

static void open_host(struct host *host, const char *name, enum hs_loop_backend backend)
{
    struct hs_credentials_texts texts;
    struct hs_door_config       config;

    memset(host, 0, sizeof *host);
    host->process.loop = hs_end_loop(backend);
    host->process.counters = &host->counters;
    hs_pki_issue(&rig, &host->node, name, 0);
    texts = hs_pki_texts(&rig, &host->node);
    HS_CHECK_EQ(hs_credentials_open(&host->credentials, &texts, &err), 0);
    config = (struct hs_door_config){.loop = host->process.loop,
                                     .credentials = &host->credentials,
                                     .greeter = {.node_id = {9}, .incarnation = 4},
                                     .owner = host,
                                     .on_enter = on_enter,
                                     .on_refused = on_refused};
    hs_door_init(&host->door, &config);
    hs_rand_init(&host->rand, 1);
    host->ground = (struct hs_data_lane_ground){
        .process = &host->process,
        .door = &host->door,
        .rand = &host->rand,
        .callbacks = {.owner = host, .on_frame = on_lane_frame, .on_closed = on_lane_closed}};
}

static void begin(enum hs_loop_backend backend)
{
    uint16_t port;

    hs_pki_begin(&rig, "hyperscale://shop/prod");
    open_host(&gate, HS_PKI_GATE, backend);
    open_host(&manager, HS_PKI_MANAGER, backend);
    listen_fd = hs_end_listen(16, &port);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    HS_CHECK_EQ(hs_door_listen(&gate.door, listen_fd), 0);
}

static void step(struct host *host)
{
    struct hs_loop *loop = host->process.loop;

    HS_CHECK(hs_loop_step(loop, hs_loop_clock_ns(loop) + HS_NS_PER_MS / 4) >= 0);
    hs_door_turn(&host->door, hs_loop_now_ns(loop));
    if (host->conn) (void)hs_data_lane_io_turn(&host->ground, &host->lane, hs_loop_clock_ns(loop));
}

static bool await(const unsigned *counter, unsigned value)
{
    uint64_t deadline_ns = hs_loop_clock_ns(gate.process.loop) + PATIENCE_NS;

    while (*counter < value && hs_loop_clock_ns(gate.process.loop) < deadline_ns) {
        step(&gate);
        step(&manager);
    }
    return *counter >= value;
}

/* So many lanes came up at each end, and the last one of them is. */
static bool await_lanes(uint64_t count)
{
    uint64_t deadline_ns = hs_loop_clock_ns(gate.process.loop) + PATIENCE_NS;

    while (hs_loop_clock_ns(gate.process.loop) < deadline_ns) {
        if (counted(&gate, HS_COUNT_data_lanes_opened) >= count && gate.lane.conn &&
            counted(&manager, HS_COUNT_data_lanes_opened) >= count && manager.lane.conn)
            return true;
        step(&gate);
        step(&manager);
    }
    return false;
}

static void dial(uint64_t ticket)
{
    struct hs_identity expected = {.role = HS_IDENTITY_GATE};

    HS_CHECK_EQ(hs_door_dial(&manager.door, &addr, &expected, ticket), 0);
}

static void connect_first(enum hs_loop_backend backend)
{
    begin(backend);
    dial(TICKET);
    HS_CHECK(await(&gate.entered, 1));
    HS_CHECK(await(&manager.entered, 1));
}

static bool is_anything_open(const struct host *host)
{
    for (unsigned i = 0; i < HS_DOOR_WAITING_MAX; i++)
        if (host->door.waiting[i].conn) return true;
    return host->conn || counted(host, HS_COUNT_data_lanes_opened) > host->lanes_closed;
}

static void close_host(struct host *host)
{
    struct hs_loop *loop = host->process.loop;
    uint64_t        deadline_ns = hs_loop_clock_ns(loop) + PATIENCE_NS;

    hs_door_shut(&host->door);
    if (host->conn) hs_conn_abort(host->conn);
    while (is_anything_open(host) && hs_loop_clock_ns(loop) < deadline_ns)
        HS_CHECK(hs_loop_step(loop, hs_loop_clock_ns(loop) + HS_NS_PER_MS) >= 0);
    HS_CHECK(!is_anything_open(host)); /* a lane ends with its first connection */
    hs_loop_close(&host->process.loop);
    hs_credentials_close(&host->credentials);
    hs_pki_drop(&host->node);
}

static void end(void)
{
    close_host(&gate);
    close_host(&manager);
    (void)close(listen_fd);
    hs_pki_end(&rig);
}

static void send_data(struct host *host, enum hs_msg_type type)
{
    union hs_msg    message = {0};
    uint64_t        now_ns = hs_loop_clock_ns(host->process.loop);
    struct hs_conn *conn = hs_data_lane_io_pick(&host->lane, host->conn, type, now_ns);

    HS_CHECK_EQ(hs_wire_send(conn, type, &message, 0), 0);
}

static void ping(struct host *host)
{
    struct hs_msg_ping message = {.nonce = 1};
    uint64_t           now_ns = hs_loop_clock_ns(host->process.loop);
    struct hs_conn    *conn = hs_data_lane_io_pick(&host->lane, host->conn, HS_MSG_PING, now_ns);

    HS_CHECK_EQ(hs_wire_send(conn, HS_MSG_PING, &message, 0), 0);
}

static void data_has_a_connection_of_its_own(enum hs_loop_backend backend)
{
    connect_first(backend);
    send_data(&manager, HS_MSG_DC_PROGRESS); /* over the first: it is not up yet */
    HS_CHECK(await_lanes(1));
    send_data(&manager, HS_MSG_DC_PROGRESS);
    HS_CHECK(await(&gate.data, 1));
    send_data(&gate, HS_MSG_DC_PROGRESS_ACK);
    HS_CHECK(await(&manager.data, 1));
    ping(&manager);
    ping(&gate);
    HS_CHECK(await(&gate.pings, 1));
    HS_CHECK(await(&manager.pings, 1));
    HS_CHECK_EQ(gate.data, 1);
    end();
}

static void lost_lane_comes_back_and_the_first_stays(enum hs_loop_backend backend)
{
    connect_first(backend);
    HS_CHECK(await_lanes(1));
    hs_conn_abort(gate.lane.conn);
    HS_CHECK(await(&manager.lanes_closed, 1));
    HS_CHECK(!hs_data_lane_io_is_up(&manager.lane));
    ping(&manager);
    HS_CHECK(await(&gate.pings, 1));
    HS_CHECK(await_lanes(2));
    HS_CHECK_EQ(counted(&gate, HS_COUNT_data_lanes_lost), 1);
    HS_CHECK_EQ(gate.closed + manager.closed, 0);
    end();
}

/* Whoever dials again has lost the one before, though we may not have heard of that; whoever dials
 * many has one. */
static void of_many_lanes_the_newest_stays(enum hs_loop_backend backend)
{
    connect_first(backend);
    HS_CHECK(await_lanes(1));
    for (unsigned i = 1; i <= 4; i++) {
        manager.lane.core.state = HS_DATA_LANE_TRYING; /* it does not mind having one */
        dial(TICKET | HS_DOOR_LANE);
        HS_CHECK(await_lanes(1 + i));
        HS_CHECK(await(&gate.lanes_closed, i));
        HS_CHECK(await(&manager.lanes_closed, i));
    }
    HS_CHECK_EQ(counted(&gate, HS_COUNT_data_lanes_lost), 4);
    send_data(&manager, HS_MSG_DC_PROGRESS);
    HS_CHECK(await(&gate.data, 1));
    HS_CHECK_EQ(gate.closed + manager.closed, 0);
    end();
}

static void lane_of_another_connection_is_refused_with_a_reason(enum hs_loop_backend backend)
{
    connect_first(backend);
    HS_CHECK(await_lanes(1));
    gate.first.link++; /* the gate has a newer one of it */
    manager.lane.core.state = HS_DATA_LANE_TRYING;
    dial(TICKET | HS_DOOR_LANE);
    HS_CHECK(await(&manager.lanes_closed, 2)); /* its own old one, and the refused one */
    HS_CHECK_EQ(gate.door.figures.refused, 1);
    HS_CHECK_EQ(counted(&gate, HS_COUNT_data_lanes_opened), 1);
    HS_CHECK_EQ(gate.closed + manager.closed, 0);
    end();
}

static void lane_without_a_first_connection_is_refused(enum hs_loop_backend backend)
{
    begin(backend);
    dial(TICKET | HS_DOOR_LANE);
    HS_CHECK(await(&manager.failed, 1)); /* its own end knows of no such connection either */
    HS_CHECK(strstr(manager.reason, "not there") != NULL);
    HS_CHECK_EQ(counted(&gate, HS_COUNT_data_lanes_opened), 0);
    end();
}

static void older_peer_talks_over_one_connection(enum hs_loop_backend backend)
{
    begin(backend);
    gate.door.config.greeter.version = HS_PROTOCOL_VERSION(1, 0);
    gate.door.config.greeter.features = HS_FEATURES_MANDATORY;
    dial(TICKET);
    HS_CHECK(await(&gate.entered, 1));
    HS_CHECK(await(&manager.entered, 1));
    HS_CHECK_EQ(manager.lane.core.state, HS_DATA_LANE_NONE);
    HS_CHECK_EQ(hs_data_lane_io_turn(&manager.ground, &manager.lane, HS_NEVER_NS - 1), HS_NEVER_NS);
    HS_CHECK(hs_data_lane_io_pick(&manager.lane, manager.conn, HS_MSG_DC_PROGRESS, 1) ==
             manager.conn);
    ping(&manager);
    HS_CHECK(await(&gate.pings, 1));
    HS_CHECK_EQ(gate.door.figures.entered, 1);
    end();
}

static void held_lane_holds_nothing_else_up_and_goes_on(enum hs_loop_backend backend)
{
    connect_first(backend);
    HS_CHECK(await_lanes(1));
    hs_data_lane_io_hold(&gate.ground, &gate.lane, 1);
    hs_data_lane_io_hold(&gate.ground, &gate.lane, HS_NS_PER_S);
    HS_CHECK(await(&manager.told, 1));
    send_data(&manager, HS_MSG_DC_PROGRESS);
    ping(&manager);
    HS_CHECK(await(&gate.pings, 1));
    ping(&manager);
    HS_CHECK(await(&gate.pings, 2));
    HS_CHECK_EQ(gate.data, 0);
    HS_CHECK(await(&gate.data, 1)); /* its moment comes */
    HS_CHECK_EQ(manager.told, 1);   /* once a hold */
    HS_CHECK_EQ(counted(&gate, HS_COUNT_data_lane_holds), 1);
    end();
}

static void whoever_sends_control_over_a_lane_loses_it(enum hs_loop_backend backend)
{
    struct hs_msg_ping message = {.nonce = 1};

    connect_first(backend);
    HS_CHECK(await_lanes(1));
    HS_CHECK_EQ(hs_wire_send(manager.lane.conn, HS_MSG_PING, &message, 0), 0);
    HS_CHECK(await(&manager.lanes_closed, 1));
    HS_CHECK_EQ(counted(&gate, HS_COUNT_frames_unexpected), 1);
    HS_CHECK_EQ(gate.pings, 0);
    HS_CHECK_EQ(gate.closed + manager.closed, 0);
    end();
}

static void lane_ends_with_its_first_connection(enum hs_loop_backend backend)
{
    connect_first(backend);
    HS_CHECK(await_lanes(1));
    hs_conn_abort(manager.conn);
    HS_CHECK(await(&gate.closed, 1));
    HS_CHECK(await(&gate.lanes_closed, 1));
    HS_CHECK(await(&manager.lanes_closed, 1));
    HS_CHECK(!hs_data_lane_io_is_up(&gate.lane) && !hs_data_lane_io_is_up(&manager.lane));
    end();
}

#define EACH(X)                                                                                    \
    X(data_has_a_connection_of_its_own, "data has a connection of its own")                        \
    X(lost_lane_comes_back_and_the_first_stays, "lost lane comes back, and the first stays")       \
    X(of_many_lanes_the_newest_stays, "of many lanes the newest stays")                            \
    X(lane_of_another_connection_is_refused_with_a_reason,                                         \
      "lane of another connection is refused with a reason")                                       \
    X(lane_without_a_first_connection_is_refused, "lane without a first connection is refused")    \
    X(older_peer_talks_over_one_connection, "T16 older peer talks over one connection")            \
    X(held_lane_holds_nothing_else_up_and_goes_on, "held lane holds nothing else up and goes on")  \
    X(whoever_sends_control_over_a_lane_loses_it, "whoever sends control over a lane loses it")    \
    X(lane_ends_with_its_first_connection, "lane ends with its first connection")

#define DEFINE(test, text) HS_ON_BOTH(test)
EACH(DEFINE)
#define ROWS(test, text) HS_BOTH_ROWS(text, test),

CU_TestInfo hs_tests_data_lane_io[] = {EACH(ROWS) CU_TEST_INFO_NULL};
