// SPDX-License-Identifier: Apache-2.0
/* test_hold_io.c - streams and connections that are not read for a while, on both back ends. */
#include "ipc/conn.h"
#include "roles/wire_io.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void put(int fd, const char *text)
{
    HS_CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (int64_t)strlen(text));
}

/* Whatever the loop has to say is said: a hold is in force. */
static void settle(struct hs_loop *loop)
{
    for (unsigned i = 0; i < 3; i++) hs_end_settle(loop);
}

static void what_comes_meanwhile_is_read_afterwards(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    put(peer, "one");
    HS_CHECK(hs_end_await_bytes(loop, &end, 3));
    for (unsigned i = 1; i <= 3; i++) { /* more than once */
        hs_stream_hold(&end.stream, true);
        hs_stream_hold(&end.stream, true);
        settle(loop);
        put(peer, "two");
        settle(loop);
        HS_CHECK_EQ(end.count, 3 * i);
        hs_stream_hold(&end.stream, false);
        hs_stream_hold(&end.stream, false);
        HS_CHECK(hs_end_await_bytes(loop, &end, 3 * (i + 1)));
    }
    HS_CHECK(memcmp(end.bytes, "onetwotwotwo", 12) == 0);
    hs_end_close(loop, &end);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(what_comes_meanwhile_is_read_afterwards)

static void hold_that_is_taken_back_at_once_loses_nothing(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    for (unsigned i = 1; i <= 100; i++) {
        hs_stream_hold(&end.stream, true);
        hs_stream_hold(&end.stream, false);
        if (i % 3 == 0) hs_stream_hold(&end.stream, true);
        put(peer, "x");
        if (i % 3 == 0) hs_stream_hold(&end.stream, false);
        HS_CHECK(hs_end_await_bytes(loop, &end, i));
    }
    HS_CHECK_EQ(end.failed + end.eof, 0);
    hs_end_close(loop, &end);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(hold_that_is_taken_back_at_once_loses_nothing)

static void the_end_comes_after_a_hold_and_once(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    hs_stream_hold(&end.stream, true);
    settle(loop);
    put(peer, "last");
    (void)close(peer);
    settle(loop);
    HS_CHECK_EQ(end.count, 0);
    hs_stream_hold(&end.stream, false);
    HS_CHECK(hs_end_await(loop, &end.eof, 1));
    HS_CHECK_EQ(end.count, 4);
    hs_stream_hold(&end.stream, true); /* there is nothing to hold any more */
    hs_stream_hold(&end.stream, false);
    settle(loop);
    HS_CHECK_EQ(end.eof, 1);
    hs_end_close(loop, &end);
    hs_loop_close(&loop);
}
HS_ON_BOTH(the_end_comes_after_a_hold_and_once)

static void held_stream_can_be_closed_and_written_to(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    char            text[8];
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    hs_stream_hold(&end.stream, true);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "out", 3, HS_SEND_REPORT), 0);
    HS_CHECK(hs_end_await(loop, &end.sent, 1));
    HS_CHECK_EQ(recv(peer, text, sizeof text, MSG_DONTWAIT), 3);
    put(peer, "in");
    hs_end_close(loop, &end);
    HS_CHECK_EQ(end.count, 0);
    (void)close(peer);
    hs_end_init(&end);
    hs_stream_hold(&end.stream, true); /* was never opened */
    peer = hs_end_adopt_pair(loop, &end);
    hs_stream_hold(&end.stream, true); /* its cancellation is still under way */
    hs_end_close(loop, &end);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(held_stream_can_be_closed_and_written_to)

/* ---- a connection ---- */

struct side {
    struct hs_loop *loop;
    struct hs_conn *conn;
    unsigned        frames;
    unsigned        closed;
};

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct side *side = hs_conn_owner(conn);

    (void)frame;
    side->frames++;
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct side *side = hs_conn_owner(conn);

    (void)reason;
    side->closed++;
    side->conn = NULL;
}

static void open_side(struct side *side, struct hs_loop *loop, int fd)
{
    struct hs_conn_config config = {
        .loop = loop, .owner = side, .on_frame = on_frame, .on_closed = on_closed};

    *side = (struct side){.loop = loop};
    HS_CHECK_EQ(hs_conn_open(&side->conn, &config, fd), 0);
}

/* The sender's queue fills, and with it ends what it may have: no memory of the receiver's. */
static void held_connection_pushes_back_on_its_sender(enum hs_loop_backend backend)
{
    struct hs_loop    *loop = hs_end_loop(backend);
    struct hs_msg_ping ping = {.nonce = 1};
    struct side        sender, receiver;
    unsigned           sent = 0;
    int                fds[2];

    hs_end_tcp_pair(fds);
    open_side(&sender, loop, fds[0]);
    open_side(&receiver, loop, fds[1]);
    hs_conn_hold(receiver.conn, true);
    settle(loop);
    while (hs_wire_send(sender.conn, HS_MSG_PING, &ping, 0) == 0) {
        sent++;
        if (sent % 1000 == 0) hs_end_settle(loop);
    }
    HS_CHECK_EQ(receiver.frames, 0);
    HS_CHECK(hs_conn_queued_bytes(sender.conn) > HS_SEND_QUEUE_BYTES_MAX / 2);
    hs_conn_hold(receiver.conn, false);
    HS_CHECK(hs_end_await(loop, &receiver.frames, sent));
    hs_conn_abort(sender.conn);
    HS_CHECK(hs_end_await(loop, &receiver.closed, 1));
    HS_CHECK(hs_end_await(loop, &sender.closed, 1));
    hs_loop_close(&loop);
}
HS_ON_BOTH(held_connection_pushes_back_on_its_sender)

CU_TestInfo hs_tests_hold_io[] = {
    HS_BOTH_ROWS("what comes meanwhile is read afterwards",
                 what_comes_meanwhile_is_read_afterwards),
    HS_BOTH_ROWS("hold that is taken back at once loses nothing",
                 hold_that_is_taken_back_at_once_loses_nothing),
    HS_BOTH_ROWS("the end comes after a hold, and once", the_end_comes_after_a_hold_and_once),
    HS_BOTH_ROWS("held stream can be closed and written to",
                 held_stream_can_be_closed_and_written_to),
    HS_BOTH_ROWS("held connection pushes back on its sender",
                 held_connection_pushes_back_on_its_sender),
    CU_TEST_INFO_NULL,
};
