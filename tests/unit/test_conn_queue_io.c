// SPDX-License-Identifier: Apache-2.0
/* test_conn_queue_io.c - what waits on connections whose peers read slowly or not at all: a conn at
 * one end of a socket pair, a descriptor that is read when the test wants at the other. */
#include "ipc/conn.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMALL_BYTES = 8, BIG_BYTES = 100000, STEPS_MAX = 4000, RECEIVED_BYTES = 4 << 20 };

struct link {
    struct hs_loop        *loop;
    struct hs_conn        *conn;
    int                    peer_fd;
    unsigned               closed;
    struct hs_conn_figures figures;
};

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    (void)conn;
    (void)frame;
    HS_CHECK(false && "nobody sends anything back");
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct link *link = hs_conn_owner(conn);

    (void)reason;
    link->closed++;
    link->conn = NULL;
}

static void open_link(struct link *link, struct hs_loop *loop, size_t queue_bytes_max)
{
    struct hs_conn_config config = {.loop = loop,
                                    .owner = link,
                                    .on_frame = on_frame,
                                    .on_closed = on_closed,
                                    .queue_bytes_max = queue_bytes_max,
                                    .figures = &link->figures};
    int                   fds[2];

    *link = (struct link){.loop = loop};
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_conn_open(&link->conn, &config, fds[0]), 0);
    link->peer_fd = fds[1];
}

static void close_link(struct link *link)
{
    hs_conn_abort(link->conn);
    HS_CHECK(hs_end_await(link->loop, &link->closed, 1));
    (void)close(link->peer_fd);
}

static int send_frame(struct link *link, enum hs_rank rank, uint64_t id, size_t body_bytes)
{
    static uint8_t  body[HS_FRAME_BODY_BYTES_MAX];
    struct hs_frame frame = {.type = 9,
                             .version = HS_FRAME_VERSION,
                             .rank = rank,
                             .request_id = id,
                             .body = hs_view_of(body, body_bytes)};

    return hs_conn_send(link->conn, &frame);
}

/* So many frames, with bytes of them in all; their ids in the order in which they came. */
static void receive(struct link *link, size_t bytes, uint64_t *ids, unsigned count)
{
    static uint8_t received[RECEIVED_BYTES];
    size_t         have = 0;
    size_t         at = 0;

    HS_CHECK(bytes <= sizeof received);
    for (unsigned steps = 0; have < bytes && steps < STEPS_MAX; steps++) {
        ssize_t got = recv(link->peer_fd, received + have, bytes - have, MSG_DONTWAIT);

        if (got > 0)
            have += (size_t)got;
        else
            HS_CHECK(hs_loop_step(link->loop, hs_loop_clock_ns(link->loop) + HS_NS_PER_MS) >= 0);
    }
    for (unsigned i = 0; i < count; i++) {
        struct hs_frame frame = {0};
        size_t          need;
        int             rc = hs_frame_parse(hs_view_of(received + at, have - at), &frame, &need);

        HS_CHECK(rc > 0);
        ids[i] = frame.request_id;
        at += rc > 0 ? (size_t)rc : 0;
    }
    HS_CHECK_EQ(at, bytes);
}

/* The kernel has the first frame when the others come. */
static void control_waits_for_one_piece_of_a_backlog_at_most(enum hs_loop_backend backend)
{
    enum { FRAMES = 20 };
    struct hs_loop *loop = hs_end_loop(backend);
    struct link     link;
    uint64_t        ids[FRAMES + 2] = {0};

    open_link(&link, loop, 0);
    HS_CHECK_EQ(send_frame(&link, HS_RANK_DISPATCH, 1, BIG_BYTES), 0);
    HS_CHECK_EQ(send_frame(&link, HS_RANK_DATA, 900, SMALL_BYTES), 0);
    for (uint64_t id = 2; id <= FRAMES; id++)
        HS_CHECK_EQ(send_frame(&link, HS_RANK_DISPATCH, id, BIG_BYTES), 0);
    HS_CHECK_EQ(send_frame(&link, HS_RANK_CONTROL, 800, SMALL_BYTES), 0);
    receive(&link, FRAMES * BIG_BYTES + 2 * SMALL_BYTES + (FRAMES + 2) * HS_FRAME_HEADER_BYTES, ids,
            FRAMES + 2);
    HS_CHECK_EQ(ids[0], 1);
    HS_CHECK_EQ(ids[1], 800);
    for (unsigned i = 2; i <= FRAMES; i++) HS_CHECK_EQ(ids[i], i);
    HS_CHECK_EQ(ids[FRAMES + 1], 900);
    close_link(&link);
    hs_loop_close(&loop);
}
HS_ON_BOTH(control_waits_for_one_piece_of_a_backlog_at_most)

/* For a minute one peer reads nothing, and another one everything. The bounds are of bytes, not of
 * frames: one of these may have 16 bytes or 256 KiB. Whoever sends hears of each that is refused
 * (and what it does about that is T1.5 of gates and managers); control still goes in. */
static void stalled_peer_is_bounded_and_delays_nobody(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct link     asia;
    struct link     europe;
    uint64_t        id = 0;

    open_link(&asia, loop, 0);
    open_link(&europe, loop, 0);
    for (unsigned second = 1; second <= 60; second++) {
        while (send_frame(&asia, HS_RANK_DISPATCH, 1, 5000) == 0) {
        }
        HS_CHECK_EQ(send_frame(&asia, HS_RANK_DISPATCH, 1, 5000), -ENOBUFS);
        HS_CHECK_EQ(send_frame(&asia, HS_RANK_DATA, 1, 5000), -ENOBUFS);
        HS_CHECK_EQ(send_frame(&asia, HS_RANK_CONTROL, 1, SMALL_BYTES), 0);
        HS_CHECK(hs_conn_queued_bytes(asia.conn) <=
                 HS_SEND_QUEUE_BYTES_MAX + HS_SEND_CONTROL_BYTES);
        HS_CHECK_EQ(send_frame(&europe, HS_RANK_DISPATCH, second, SMALL_BYTES), 0);
        receive(&europe, HS_FRAME_HEADER_BYTES + SMALL_BYTES, &id, 1);
        HS_CHECK_EQ(id, second);
        hs_conn_turn(asia.conn, hs_loop_now_ns(loop) + second * HS_NS_PER_S);
    }
    HS_CHECK(hs_conn_is_open(asia.conn));
    HS_CHECK(asia.figures.refused_frames >= 120);
    HS_CHECK_EQ(europe.figures.refused_frames, 0);
    close_link(&europe);
    close_link(&asia);
    hs_loop_close(&loop);
}
HS_ON_BOTH(stalled_peer_is_bounded_and_delays_nobody)

static void room_kept_for_control_is_bounded_too(void)
{
    struct hs_loop *loop = hs_end_loop(HS_LOOP_AUTO);
    struct link     link;
    unsigned        count = 0;

    open_link(&link, loop, HS_FRAME_BYTES_MAX);
    while (send_frame(&link, HS_RANK_DISPATCH, 1, 4000) == 0) {
    }
    while (send_frame(&link, HS_RANK_CONTROL, 1, 4080) == 0) count++;
    HS_CHECK(count >= 64);
    HS_CHECK(hs_conn_queued_bytes(link.conn) <= HS_FRAME_BYTES_MAX + HS_SEND_CONTROL_BYTES);
    close_link(&link);
    hs_loop_close(&loop);
}

/* A heartbeat that a newer one replaces is not left out for a plan that waits behind it. */
static void what_goes_first_is_behind_by_its_own_rank_only(void)
{
    struct hs_loop *loop = hs_end_loop(HS_LOOP_AUTO);
    struct link     link;
    struct hs_frame frame = {.type = 9, .version = HS_FRAME_VERSION, .rank = HS_RANK_DATA};

    open_link(&link, loop, 0);
    for (unsigned i = 0; i < 4; i++)
        HS_CHECK_EQ(send_frame(&link, HS_RANK_DISPATCH, 1, BIG_BYTES), 0);
    HS_CHECK_EQ(hs_conn_send_latest(link.conn, &frame), -EAGAIN);
    frame.rank = HS_RANK_CONTROL;
    HS_CHECK_EQ(hs_conn_send_latest(link.conn, &frame), 0);
    HS_CHECK_EQ(link.figures.conflated_frames, 1);
    close_link(&link);
    hs_loop_close(&loop);
}

CU_TestInfo hs_tests_conn_queue_io[] = {
    HS_BOTH_ROWS("control waits for one piece of a backlog at most",
                 control_waits_for_one_piece_of_a_backlog_at_most),
    HS_BOTH_ROWS("T1.5 stalled peer is bounded and delays nobody",
                 stalled_peer_is_bounded_and_delays_nobody),
    {"room kept for control is bounded, too", room_kept_for_control_is_bounded_too},
    {"what goes first is behind by its own rank only",
     what_goes_first_is_behind_by_its_own_rank_only},
    CU_TEST_INFO_NULL};
