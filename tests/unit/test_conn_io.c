// SPDX-License-Identifier: Apache-2.0
/* test_conn_io.c - framed connections over socket pairs: a conn at one end, a plain descriptor at
 * the other. */
#include "ipc/conn.h"
#include "roles/wire_io.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMALL_BYTES = 8, STEPS_MAX = 2000 };

struct side {
    struct hs_loop        *loop;
    struct hs_conn        *conn; /* NULL after on_closed */
    int                    peer_fd;
    struct hs_conn_figures figures;
    unsigned               frames;
    unsigned               closed;
    int                    reason;
    uint64_t               last_id;
    uint16_t               last_type;
    size_t                 last_bytes;
    uint8_t                last_first; /* byte of the body */
    unsigned               abort_at;   /* frame number at which on_frame aborts; 0: never */
    bool                   is_order_broken;
};

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct side *side = hs_conn_owner(conn);

    side->frames++;
    if (frame->request_id != side->last_id + 1) side->is_order_broken = true;
    side->last_id = frame->request_id;
    side->last_type = frame->type;
    side->last_bytes = frame->body.bytes;
    side->last_first = frame->body.bytes ? frame->body.data[0] : 0;
    if (side->frames == side->abort_at) hs_conn_abort(conn);
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct side *side = hs_conn_owner(conn);

    side->closed++;
    side->reason = reason;
    side->conn = NULL;
}

static void open_side(struct side *side, enum hs_loop_backend backend, size_t queue_bytes_max)
{
    struct hs_conn_config config;
    int                   fds[2];

    *side = (struct side){.loop = hs_end_loop(backend)};
    config = (struct hs_conn_config){.loop = side->loop,
                                     .owner = side,
                                     .on_frame = on_frame,
                                     .on_closed = on_closed,
                                     .queue_bytes_max = queue_bytes_max,
                                     .figures = &side->figures};
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_conn_open(&side->conn, &config, fds[0]), 0);
    side->peer_fd = fds[1];
}

static void close_side(struct side *side)
{
    if (side->conn) hs_conn_abort(side->conn);
    HS_CHECK(hs_end_await(side->loop, &side->closed, 1));
    HS_CHECK_EQ(side->closed, 1);
    if (side->peer_fd >= 0) (void)close(side->peer_fd);
    hs_loop_close(&side->loop);
}

static size_t put_frame(uint8_t *memory, uint64_t id, size_t body_bytes)
{
    struct hs_frame frame = {.type = 9, .version = 1, .request_id = id};

    memset(memory + HS_FRAME_HEADER_BYTES, (int)(id & 0x7f), body_bytes);
    frame.body = hs_view_of(memory + HS_FRAME_HEADER_BYTES, body_bytes);
    hs_frame_put_header(memory, &frame);
    return HS_FRAME_HEADER_BYTES + body_bytes;
}

/* From the plain end; steps the loop while the socket is full. */
static void peer_send(struct side *side, const uint8_t *bytes, size_t count)
{
    unsigned steps = 0;

    while (count && steps < STEPS_MAX) {
        ssize_t sent = send(side->peer_fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent > 0) {
            bytes += sent;
            count -= (size_t)sent;
        }
        steps++;
        hs_end_settle(side->loop);
    }
    HS_CHECK_EQ(count, 0);
}

/* Everything that comes until count bytes or the end of the stream; returns how many. */
static size_t peer_receive(struct side *side, uint8_t *bytes, size_t count)
{
    size_t have = 0;

    for (unsigned steps = 0; have < count && steps < STEPS_MAX; steps++) {
        ssize_t got = recv(side->peer_fd, bytes + have, count - have, MSG_DONTWAIT);

        if (got == 0) break;
        if (got > 0)
            have += (size_t)got;
        else
            HS_CHECK(hs_loop_step(side->loop, hs_loop_clock_ns(side->loop) + HS_NS_PER_MS) >= 0);
    }
    return have;
}

static int send_small(struct side *side, uint64_t id)
{
    uint8_t         body[SMALL_BYTES] = {(uint8_t)id};
    struct hs_frame frame = {.type = 9,
                             .version = HS_FRAME_VERSION,
                             .request_id = id,
                             .body = hs_view_of(body, sizeof(body))};

    return hs_conn_send(side->conn, &frame);
}

/* ---- receiving ---- */

static void frame_that_comes_byte_by_byte_is_put_together(enum hs_loop_backend backend)
{
    struct side side;
    uint8_t     memory[64];
    size_t      bytes;

    open_side(&side, backend, 0);
    bytes = put_frame(memory, 1, 20);
    for (size_t i = 0; i < bytes; i++) {
        HS_CHECK_EQ(side.frames, 0);
        peer_send(&side, memory + i, 1);
    }
    HS_CHECK(hs_end_await(side.loop, &side.frames, 1));
    HS_CHECK_EQ(side.last_type, 9);
    HS_CHECK_EQ(side.last_bytes, 20);
    HS_CHECK_EQ(side.last_first, 1);
    close_side(&side);
}
HS_ON_BOTH(frame_that_comes_byte_by_byte_is_put_together)

/* Sizes around the loop's buffer of 2,048 bytes, so that frames end before, at and after its
 * end. */
static void frames_of_all_sizes_come_whole_and_in_order(enum hs_loop_backend backend)
{
    static const size_t sizes[] = {0,    1,    2031,  2032, 2033,
                                   0,    0,    4080,  5000, 16,
                                   2048, 9000, 65536, 3,    HS_FRAME_BODY_BYTES_MAX,
                                   7,    2032, 1};
    static uint8_t      memory[HS_FRAME_BYTES_MAX * 2];
    struct side         side;
    unsigned            count = sizeof(sizes) / sizeof(sizes[0]);
    size_t              used = 0;

    open_side(&side, backend, 0);
    for (unsigned i = 0; i < count; i++) used += put_frame(memory + used, i + 1, sizes[i]);
    HS_CHECK(used <= sizeof(memory));
    peer_send(&side, memory, used);
    HS_CHECK(hs_end_await(side.loop, &side.frames, count));
    HS_CHECK(!side.is_order_broken);
    HS_CHECK_EQ(side.last_bytes, 1);
    HS_CHECK_EQ(side.closed, 0);
    close_side(&side);
}
HS_ON_BOTH(frames_of_all_sizes_come_whole_and_in_order)

static void nonsense_closes_with_its_reason(enum hs_loop_backend backend)
{
    struct side side;
    uint8_t     memory[64];
    size_t      bytes = put_frame(memory, 1, 4);

    open_side(&side, backend, 0);
    put_frame(memory + bytes, 2, 4);
    memory[bytes + 6] = 0; /* version */
    peer_send(&side, memory, 2 * bytes);
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, -EPROTO);
    HS_CHECK_EQ(side.frames, 1);
    close_side(&side);

    open_side(&side, backend, 0);
    peer_send(&side, (const uint8_t *)"\xff\xff\xff\x7f", 4);
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, -EMSGSIZE);
    close_side(&side);
}
HS_ON_BOTH(nonsense_closes_with_its_reason)

static void peer_that_goes_is_told_once(enum hs_loop_backend backend)
{
    struct side side;
    uint8_t     memory[64];

    open_side(&side, backend, 0);
    peer_send(&side, memory, put_frame(memory, 1, 9) - 1);
    (void)close(side.peer_fd);
    side.peer_fd = -1;
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, -ECONNRESET);
    HS_CHECK_EQ(side.frames, 0);
    close_side(&side);
}
HS_ON_BOTH(peer_that_goes_is_told_once)

static void abort_inside_a_frame_stops_those_behind_it(enum hs_loop_backend backend)
{
    struct side side;
    uint8_t     memory[256];
    size_t      used = 0;

    open_side(&side, backend, 0);
    side.abort_at = 2;
    for (unsigned i = 1; i <= 5; i++) used += put_frame(memory + used, i, 8);
    peer_send(&side, memory, used);
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.frames, 2);
    HS_CHECK_EQ(side.reason, -ECANCELED);
    close_side(&side);
}
HS_ON_BOTH(abort_inside_a_frame_stops_those_behind_it)

/* Its first `have` bytes come, then nothing: when that is too long, counted from the first. */
static uint64_t patience_ns(struct side *side, const uint8_t *memory, size_t have)
{
    uint64_t before_ns = hs_loop_clock_ns(side->loop);
    uint64_t found_ns;

    peer_send(side, memory, have);
    found_ns = hs_conn_deadline_ns(side->conn);
    HS_CHECK(found_ns >= before_ns);
    hs_conn_turn(side->conn, found_ns - 1);
    HS_CHECK_EQ(side->closed, 0);
    return found_ns - before_ns;
}

static void a_frame_is_cut_off_after(size_t have, uint64_t seconds)
{
    struct side side;
    uint8_t    *memory = calloc(1, HS_FRAME_BYTES_MAX);
    size_t      bytes = put_frame(memory, 1, 200000);
    uint64_t    found_ns;
    uint64_t    begin_ns;

    HS_CHECK(have < bytes);
    open_side(&side, HS_LOOP_AUTO, 0);
    HS_CHECK_EQ(hs_conn_deadline_ns(side.conn), HS_NEVER_NS);
    begin_ns = hs_loop_clock_ns(side.loop);
    found_ns = patience_ns(&side, memory, have);
    HS_CHECK(found_ns >= seconds * HS_NS_PER_S);
    HS_CHECK(found_ns <= seconds * HS_NS_PER_S + (hs_loop_clock_ns(side.loop) - begin_ns));
    hs_conn_turn(side.conn, hs_conn_deadline_ns(side.conn));
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, -ETIMEDOUT);
    HS_CHECK_EQ(side.frames, 0);
    close_side(&side);
    free(memory);
}

static void header_must_be_whole_within_five_seconds(void)
{
    a_frame_is_cut_off_after(1, 5);
    a_frame_is_cut_off_after(HS_FRAME_HEADER_BYTES - 1, 5);
}

static void frame_must_come_at_a_kibibyte_a_second_after_ten(void)
{
    a_frame_is_cut_off_after(HS_FRAME_HEADER_BYTES, 10);
    a_frame_is_cut_off_after(10 * 1024, 10);
    a_frame_is_cut_off_after(20 * 1024, 20);
}

static void frame_must_be_whole_within_thirty_seconds(void)
{
    a_frame_is_cut_off_after(31 * 1024, 30);
    a_frame_is_cut_off_after(150 * 1024, 30);
}

static void whole_frame_leaves_no_deadline_of_a_frame(void)
{
    struct side side;
    uint8_t     memory[64];
    size_t      bytes = put_frame(memory, 1, 9);
    uint64_t    begin_ns;

    open_side(&side, HS_LOOP_AUTO, 0);
    begin_ns = hs_loop_clock_ns(side.loop);
    (void)patience_ns(&side, memory, 3);
    peer_send(&side, memory + 3, bytes - 3);
    HS_CHECK_EQ(side.frames, 1);
    HS_CHECK(hs_conn_deadline_ns(side.conn) > begin_ns + 59 * HS_NS_PER_S);
    close_side(&side);
}

static void idle_connection_gives_its_memory_back(void)
{
    struct side side;
    uint8_t     memory[64];
    size_t      bytes = put_frame(memory, 1, 9);

    open_side(&side, HS_LOOP_AUTO, 0);
    peer_send(&side, memory, 5);
    peer_send(&side, memory + 5, bytes - 5);
    HS_CHECK_EQ(send_small(&side, 1), 0);
    HS_CHECK_EQ(peer_receive(&side, memory, 24), 24);
    hs_end_settle(side.loop);
    HS_CHECK(hs_conn_deadline_ns(side.conn) != HS_NEVER_NS);
    hs_conn_turn(side.conn, hs_conn_deadline_ns(side.conn));
    HS_CHECK_EQ(hs_conn_deadline_ns(side.conn), HS_NEVER_NS);
    HS_CHECK_EQ(send_small(&side, 2), 0);
    HS_CHECK_EQ(peer_receive(&side, memory, 24), 24);
    close_side(&side);
}

/* ---- sending ---- */

static void close_sends_what_is_queued_first(enum hs_loop_backend backend)
{
    static uint8_t received[4000 * (HS_FRAME_HEADER_BYTES + SMALL_BYTES) + 1];
    struct side    side;
    size_t         at = 0;

    open_side(&side, backend, 0);
    for (uint64_t i = 1; i <= 4000; i++) HS_CHECK_EQ(send_small(&side, i), 0);
    HS_CHECK_EQ(side.figures.sent_frames, 4000);
    hs_conn_close(side.conn, HS_NEVER_NS);
    HS_CHECK(!hs_conn_is_open(side.conn));
    HS_CHECK_EQ(send_small(&side, 4001), -ENOTCONN);
    HS_CHECK_EQ(peer_receive(&side, received, sizeof(received)), sizeof(received) - 1);
    for (uint64_t i = 1; i <= 4000; i++) {
        struct hs_frame frame;
        size_t          need;
        int             rc =
            hs_frame_parse(hs_view_of(received + at, sizeof(received) - 1 - at), &frame, &need);

        HS_CHECK_EQ(rc, HS_FRAME_HEADER_BYTES + SMALL_BYTES);
        HS_CHECK_EQ(frame.request_id, i);
        at += (size_t)rc;
    }
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, 0);
    close_side(&side);
}
HS_ON_BOTH(close_sends_what_is_queued_first)

static void flush_that_does_not_end_is_given_up_at_its_deadline(enum hs_loop_backend backend)
{
    static uint8_t  body[HS_FRAME_BODY_BYTES_MAX];
    struct side     side;
    struct hs_frame frame = {.type = 1, .version = 1, .body = {body, sizeof(body)}};
    uint64_t        deadline_ns;

    open_side(&side, backend, 0);
    for (unsigned i = 0; i < 8; i++) HS_CHECK_EQ(hs_conn_send(side.conn, &frame), 0);
    deadline_ns = hs_loop_clock_ns(side.loop) + HS_NS_PER_S;
    hs_conn_close(side.conn, deadline_ns);
    hs_end_settle(side.loop);
    HS_CHECK_EQ(side.closed, 0);
    HS_CHECK_EQ(hs_conn_deadline_ns(side.conn), deadline_ns);
    hs_conn_turn(side.conn, deadline_ns - 1);
    hs_end_settle(side.loop);
    HS_CHECK_EQ(side.closed, 0);
    hs_conn_turn(side.conn, deadline_ns);
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, -ETIMEDOUT);
    close_side(&side);
}
HS_ON_BOTH(flush_that_does_not_end_is_given_up_at_its_deadline)

static void queue_is_bounded_and_statistics_give_way_first(enum hs_loop_backend backend)
{
    static uint8_t  body[HS_FRAME_BODY_BYTES_MAX];
    static uint8_t  received[4 * HS_FRAME_BYTES_MAX];
    struct side     side;
    struct hs_frame frame = {
        .type = 1, .version = 1, .rank = HS_RANK_DATA, .body = {body, sizeof(body)}};

    open_side(&side, backend, 4 * HS_FRAME_BYTES_MAX);
    HS_CHECK_EQ(hs_conn_send_latest(side.conn, &frame), 0);
    HS_CHECK_EQ(hs_conn_send_latest(side.conn, &frame), 0);
    HS_CHECK_EQ(hs_conn_send_latest(side.conn, &frame), -EAGAIN);
    HS_CHECK_EQ(hs_conn_send(side.conn, &frame), 0);
    HS_CHECK_EQ(hs_conn_send(side.conn, &frame), 0);
    HS_CHECK_EQ(hs_conn_send(side.conn, &frame), -ENOBUFS);
    HS_CHECK_EQ(hs_conn_queued_bytes(side.conn), 4 * HS_FRAME_BYTES_MAX);
    HS_CHECK_EQ(side.figures.conflated_frames, 1);
    HS_CHECK_EQ(side.figures.refused_frames, 1);
    HS_CHECK_EQ(peer_receive(&side, received, sizeof(received)), sizeof(received));
    hs_end_settle(side.loop);
    HS_CHECK_EQ(hs_conn_queued_bytes(side.conn), 0);
    HS_CHECK_EQ(hs_conn_send_latest(side.conn, &frame), 0);
    frame.body.bytes++;
    HS_CHECK_EQ(hs_conn_send(side.conn, &frame), -EMSGSIZE);
    close_side(&side);
}
HS_ON_BOTH(queue_is_bounded_and_statistics_give_way_first)

static void connections_of_one_owner_add_up(void)
{
    enum { BYTES = HS_FRAME_HEADER_BYTES + SMALL_BYTES };
    struct side           side;
    struct side           other = {.peer_fd = -1};
    struct hs_conn_config config = {.owner = &other, .on_frame = on_frame, .on_closed = on_closed};
    uint8_t               memory[64];
    int                   fds[2];

    open_side(&side, HS_LOOP_AUTO, 0);
    other.loop = config.loop = side.loop;
    config.figures = &side.figures;
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_conn_open(&other.conn, &config, fds[0]), 0);
    other.peer_fd = fds[1];
    HS_CHECK_EQ(send_small(&side, 1), 0);
    HS_CHECK_EQ(send_small(&other, 1), 0);
    peer_send(&other, memory, put_frame(memory, 1, 3));
    HS_CHECK_EQ(other.frames, 1);
    hs_conn_abort(other.conn);
    HS_CHECK(hs_end_await(side.loop, &other.closed, 1));
    HS_CHECK_EQ(peer_receive(&side, memory, BYTES), BYTES);
    hs_end_settle(side.loop);
    HS_CHECK_EQ(side.figures.sent_frames, 2);
    HS_CHECK_EQ(side.figures.sent_bytes, 2 * BYTES);
    HS_CHECK_EQ(side.figures.received_frames, 1);
    HS_CHECK_EQ(side.figures.received_bytes, HS_FRAME_HEADER_BYTES + 3);
    (void)close(other.peer_fd);
    close_side(&side);
}

static void sending_to_a_peer_that_went_closes(enum hs_loop_backend backend)
{
    struct side side;

    open_side(&side, backend, 0);
    (void)close(side.peer_fd);
    side.peer_fd = -1;
    HS_CHECK_EQ(send_small(&side, 1), 0);
    HS_CHECK(hs_end_await(side.loop, &side.closed, 1));
    HS_CHECK_EQ(side.reason, -ECONNRESET);
    close_side(&side);
}
HS_ON_BOTH(sending_to_a_peer_that_went_closes)

/* ---- messages ---- */

static void messages_go_through_the_queue_as_encoded(void)
{
    struct side        side;
    uint8_t            memory[256];
    struct hs_msg_ping ping = {.nonce = 77};
    union hs_msg       got;
    struct hs_frame    frame;
    size_t             need;
    size_t             bytes;

    open_side(&side, HS_LOOP_AUTO, 0);
    HS_CHECK_EQ(hs_wire_send(side.conn, HS_MSG_PING, &ping, 5), 0);
    HS_CHECK_EQ(hs_wire_reply(side.conn, HS_MSG_PONG, &ping, 6), 0);
    HS_CHECK_EQ(hs_wire_send_latest(side.conn, HS_MSG_PING, &ping), 0);
    bytes = peer_receive(&side, memory, 3 * 18);
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory, bytes), &frame, &need), 18);
    HS_CHECK_EQ(frame.request_id, 5);
    HS_CHECK_EQ(frame.flags, 0);
    HS_CHECK_EQ(hs_wire_open(&frame, HS_ROLE_GATE, HS_ROLE_MANAGER, &got), 0);
    HS_CHECK_EQ(got.ping.nonce, 77);
    HS_CHECK_EQ(hs_frame_parse(hs_view_of(memory + 18, bytes - 18), &frame, &need), 18);
    HS_CHECK_EQ(frame.type, HS_MSG_PONG);
    HS_CHECK_EQ(frame.flags, HS_FRAME_REPLY);
    close_side(&side);
}

static void message_that_breaks_its_bounds_leaves_no_trace_in_the_queue(void)
{
    struct side             side;
    uint8_t                 memory[64];
    struct hs_msg_refused   refused = {.code = 1};
    struct hs_msg_blob_data data = {.data = {memory, HS_FRAME_BYTES_MAX}};

    open_side(&side, HS_LOOP_AUTO, 0);
    memset(refused.text, 'x', sizeof(refused.text));
    HS_CHECK_EQ(hs_wire_send(side.conn, HS_MSG_REFUSED, &refused, 0), -EMSGSIZE);
    HS_CHECK_EQ(hs_wire_send(side.conn, HS_MSG_BLOB_DATA, &data, 0), -EMSGSIZE);
    HS_CHECK_EQ(hs_conn_queued_bytes(side.conn), 0);
    HS_CHECK_EQ(send_small(&side, 3), 0);
    HS_CHECK_EQ(peer_receive(&side, memory, 24), 24);
    HS_CHECK_EQ(memory[8], 3);
    close_side(&side);
}

CU_TestInfo hs_tests_conn_io[] = {
    HS_BOTH_ROWS("frame that comes byte by byte is put together",
                 frame_that_comes_byte_by_byte_is_put_together),
    HS_BOTH_ROWS("frames of all sizes come whole and in order",
                 frames_of_all_sizes_come_whole_and_in_order),
    HS_BOTH_ROWS("nonsense closes with its reason", nonsense_closes_with_its_reason),
    HS_BOTH_ROWS("peer that goes is told once", peer_that_goes_is_told_once),
    HS_BOTH_ROWS("abort inside a frame stops those behind it",
                 abort_inside_a_frame_stops_those_behind_it),
    {"SEC-60 header must be whole within five seconds", header_must_be_whole_within_five_seconds},
    {"SEC-60 frame must come at a kibibyte a second after ten",
     frame_must_come_at_a_kibibyte_a_second_after_ten},
    {"SEC-60 frame must be whole within thirty seconds", frame_must_be_whole_within_thirty_seconds},
    {"whole frame leaves no deadline of a frame", whole_frame_leaves_no_deadline_of_a_frame},
    {"idle connection gives its memory back", idle_connection_gives_its_memory_back},
    HS_BOTH_ROWS("close sends what is queued first", close_sends_what_is_queued_first),
    HS_BOTH_ROWS("flush that does not end is given up at its deadline",
                 flush_that_does_not_end_is_given_up_at_its_deadline),
    HS_BOTH_ROWS("queue is bounded and statistics give way first",
                 queue_is_bounded_and_statistics_give_way_first),
    {"connections of one owner add up", connections_of_one_owner_add_up},
    HS_BOTH_ROWS("sending to a peer that went closes", sending_to_a_peer_that_went_closes),
    {"messages go through the queue as encoded", messages_go_through_the_queue_as_encoded},
    {"message that breaks its bounds leaves no trace in the queue",
     message_that_breaks_its_bounds_leaves_no_trace_in_the_queue},
    CU_TEST_INFO_NULL};
