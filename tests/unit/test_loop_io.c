// SPDX-License-Identifier: Apache-2.0
/* test_loop_io.c - streams of the real loop, over socket pairs and loopback TCP, on both back
 * ends. */
#include "ipc/addr.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void put(int fd, const char *text)
{
    HS_CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (int64_t)strlen(text));
}

static void reset_peer(int fd)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};

    HS_CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    (void)close(fd);
}

static void what_is_sent_comes_back(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    char            text[8] = "";
    int             peer;

    hs_end_init(&end);
    end.is_echo = true;
    peer = hs_end_adopt_pair(loop, &end);
    put(peer, "hello");
    HS_CHECK(hs_end_await_bytes(loop, &end, 5));
    hs_end_settle(loop);
    HS_CHECK_EQ(recv(peer, text, sizeof text, MSG_DONTWAIT), 5);
    HS_CHECK_TEXT(text, "hello");
    hs_end_close(loop, &end);
    HS_CHECK_EQ(recv(peer, text, sizeof text, 0), 0); /* the descriptor is closed */
    HS_CHECK_EQ(end.failed, 0);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(what_is_sent_comes_back)

static void non_blocking_descriptors_serve_as_well(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             fds[2];

    hs_end_init(&end);
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    HS_CHECK_EQ(hs_stream_adopt(loop, &end.stream, fds[0]), 0);
    hs_end_settle(loop);
    HS_CHECK_EQ(end.failed, 0);
    put(fds[1], "abc");
    HS_CHECK(hs_end_await_bytes(loop, &end, 3));
    hs_end_settle(loop);
    put(fds[1], "def");
    HS_CHECK(hs_end_await_bytes(loop, &end, 6));
    HS_CHECK(memcmp(end.bytes, "abcdef", 6) == 0);
    HS_CHECK_EQ(end.failed, 0);
    hs_end_close(loop, &end);
    (void)close(fds[1]);
    hs_loop_close(&loop);
}
HS_ON_BOTH(non_blocking_descriptors_serve_as_well)

static void nobody_listening_is_a_refused_connection(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    struct hs_addr  addr;
    uint16_t        port;

    (void)close(hs_end_listen(1, &port));
    hs_end_init(&end);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    HS_CHECK_EQ(hs_stream_connect(loop, &end.stream, &addr), 0);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "x", 1, HS_SEND_REPORT), -ENOTCONN);
    HS_CHECK(hs_end_await(loop, &end.connected, 1));
    HS_CHECK_EQ(end.connected_result, -ECONNREFUSED);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "x", 1, HS_SEND_REPORT), -ENOTCONN);
    hs_end_close(loop, &end);
    HS_CHECK_EQ(end.failed + end.eof + end.sent, 0);
    hs_loop_close(&loop);
}
HS_ON_BOTH(nobody_listening_is_a_refused_connection)

/* A listener whose queue is full leaves the next ones waiting for an answer. */
static void a_connection_attempt_can_be_given_up(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   ends[8];
    struct hs_addr  addr;
    uint16_t        port;
    int             listener = hs_end_listen(0, &port);
    unsigned        waiting = 0;

    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    for (unsigned i = 0; i < 8; i++) {
        hs_end_init(&ends[i]);
        HS_CHECK_EQ(hs_stream_connect(loop, &ends[i].stream, &addr), 0);
    }
    hs_end_settle(loop);
    for (unsigned i = 0; i < 8; i++) waiting += !ends[i].connected;
    HS_CHECK(waiting > 0);
    for (unsigned i = 0; i < 8; i++) hs_end_close(loop, &ends[i]);
    (void)close(listener);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_connection_attempt_can_be_given_up)

static void a_reset_by_the_peer_is_told(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             fds[2];

    hs_end_init(&end);
    hs_end_tcp_pair(fds);
    HS_CHECK_EQ(hs_stream_adopt(loop, &end.stream, fds[0]), 0);
    put(fds[1], "last words");
    HS_CHECK(hs_end_await_bytes(loop, &end, 10));
    reset_peer(fds[1]);
    HS_CHECK(hs_end_await(loop, &end.failed, 1));
    HS_CHECK_EQ(end.failed_result, -ECONNRESET);
    HS_CHECK_EQ(end.eof, 0);
    hs_end_close(loop, &end);
    HS_CHECK_EQ(end.failed, 1);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_reset_by_the_peer_is_told)

static void data_before_the_end_comes_before_the_end(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    char            text[8] = "";
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    put(peer, "bye");
    HS_CHECK_EQ(shutdown(peer, SHUT_WR), 0);
    HS_CHECK(hs_end_await(loop, &end.eof, 1));
    HS_CHECK_EQ(end.count, 3);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "answer", 6, HS_SEND_REPORT), 0);
    HS_CHECK(hs_end_await(loop, &end.sent, 1)); /* the other direction is still open */
    HS_CHECK_EQ(end.sent_result, 0);
    HS_CHECK_EQ(recv(peer, text, sizeof text, MSG_DONTWAIT), 6);
    hs_end_close(loop, &end);
    HS_CHECK_EQ(end.eof, 1);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(data_before_the_end_comes_before_the_end)

static void an_abort_resets_the_connection(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    char            byte;
    int             fds[2];

    hs_end_init(&end);
    hs_end_tcp_pair(fds);
    HS_CHECK_EQ(hs_stream_adopt(loop, &end.stream, fds[0]), 0);
    hs_end_settle(loop);
    hs_stream_close(&end.stream, true);
    HS_CHECK(hs_end_await(loop, &end.closed, 1));
    HS_CHECK_EQ(recv(fds[1], &byte, 1, 0), -1);
    HS_CHECK_EQ(errno, ECONNRESET);
    (void)close(fds[1]);
    hs_loop_close(&loop);
}
HS_ON_BOTH(an_abort_resets_the_connection)

static void what_was_sent_before_an_orderly_close_arrives(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    char            text[8] = "";

    for (int is_eof_first = 0; is_eof_first < 2; is_eof_first++) {
        struct hs_end end;
        int           fds[2];

        hs_end_init(&end);
        hs_end_tcp_pair(fds);
        HS_CHECK_EQ(hs_stream_adopt(loop, &end.stream, fds[0]), 0);
        if (is_eof_first) { /* then no receive is armed any more when the stream is closed */
            HS_CHECK_EQ(shutdown(fds[1], SHUT_WR), 0);
            HS_CHECK(hs_end_await(loop, &end.eof, 1));
        }
        HS_CHECK_EQ(hs_stream_send(&end.stream, "over", 4, HS_SEND_QUIET), 0);
        hs_end_close(loop, &end);
        HS_CHECK_EQ(recv(fds[1], text, sizeof text, MSG_WAITALL), 4);
        HS_CHECK_TEXT(text, "over");
        (void)close(fds[1]);
    }
    hs_loop_close(&loop);
}
HS_ON_BOTH(what_was_sent_before_an_orderly_close_arrives)

/* Both have data in one harvest; whichever is called first closes the other. */
static void a_stream_closed_within_a_batch_hears_nothing_more(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);

    for (int round = 0; round < 40; round++) { /* more rounds than buffers: none may be lost */
        struct hs_end a;
        struct hs_end b;
        int           peers[2];

        hs_end_init(&a);
        hs_end_init(&b);
        a.closes = &b;
        b.closes = &a;
        peers[0] = hs_end_adopt_pair(loop, &a);
        peers[1] = hs_end_adopt_pair(loop, &b);
        hs_end_settle(loop);
        put(peers[0], "one");
        put(peers[1], "two");
        hs_end_settle(loop);
        HS_CHECK_EQ(a.data_calls + b.data_calls, 1);
        HS_CHECK_EQ(a.closed + b.closed, 1);
        hs_end_close(loop, a.closed ? &b : &a);
        (void)close(peers[0]);
        (void)close(peers[1]);
    }
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_stream_closed_within_a_batch_hears_nothing_more)

/* The data lies there and the connection stands when the loop is asked, so both come at once. */
static void a_connection_given_up_within_a_batch_is_not_told_of(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_addr  addr;
    struct hs_end   closing, connecting;
    uint16_t        port;
    int             listener = hs_end_listen(1, &port);
    int             peer;

    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    hs_end_init(&closing);
    hs_end_init(&connecting);
    closing.closes = &connecting;
    peer = hs_end_adopt_pair(loop, &closing);
    put(peer, "x");
    HS_CHECK_EQ(hs_stream_connect(loop, &connecting.stream, &addr), 0);
    HS_CHECK(hs_end_await(loop, &connecting.closed, 1));
    HS_CHECK_EQ(connecting.connected, 0);
    hs_end_close(loop, &closing);
    (void)close(peer);
    (void)close(listener);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_connection_given_up_within_a_batch_is_not_told_of)

static void a_stream_may_close_itself_in_its_callback(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    char            text[30001] = ""; /* many buffers full */
    int             peer;

    memset(text, 'x', sizeof text - 1);
    hs_end_init(&end);
    end.is_self_closing = true;
    peer = hs_end_adopt_pair(loop, &end);
    put(peer, text);
    HS_CHECK(hs_end_await(loop, &end.closed, 1));
    HS_CHECK_EQ(end.data_calls, 1);
    HS_CHECK_EQ(end.eof + end.failed, 0);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "x", 1, HS_SEND_QUIET), -ENOTCONN);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_stream_may_close_itself_in_its_callback)

static void one_send_at_a_time_and_a_quiet_one_ends_with_its_answer(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "", 0, HS_SEND_REPORT), -EINVAL);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "ab", 2, HS_SEND_REPORT), 0);
    HS_CHECK_EQ(end.sent, 0); /* never inside the call */
    HS_CHECK_EQ(hs_stream_send(&end.stream, "cd", 2, HS_SEND_REPORT), -EAGAIN);
    HS_CHECK(hs_end_await(loop, &end.sent, 1));
    HS_CHECK_EQ(hs_stream_send(&end.stream, "ef", 2, HS_SEND_QUIET), 0);
    hs_end_settle(loop);
    HS_CHECK_EQ(hs_stream_send(&end.stream, "gh", 2, HS_SEND_QUIET), -EAGAIN);
    put(peer, "answer");
    HS_CHECK(hs_end_await_bytes(loop, &end, 6));
    HS_CHECK_EQ(hs_stream_send(&end.stream, "ij", 2, HS_SEND_QUIET), 0);
    hs_end_settle(loop);
    HS_CHECK_EQ(end.sent, 1);
    hs_end_close(loop, &end);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(one_send_at_a_time_and_a_quiet_one_ends_with_its_answer)

static void a_send_that_fails_is_told_quiet_or_not(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);

    for (int is_quiet = 0; is_quiet < 2; is_quiet++) {
        struct hs_end end;

        hs_end_init(&end);
        (void)close(hs_end_adopt_pair(loop, &end));
        HS_CHECK(hs_end_await(loop, &end.eof, 1));
        HS_CHECK_EQ(hs_stream_send(&end.stream, "x", 1, is_quiet ? HS_SEND_QUIET : HS_SEND_REPORT),
                    0);
        HS_CHECK(hs_end_await(loop, is_quiet ? &end.failed : &end.sent, 1));
        HS_CHECK_EQ(is_quiet ? end.failed_result : end.sent_result, -EPIPE);
        HS_CHECK_EQ(hs_stream_send(&end.stream, "x", 1, HS_SEND_REPORT), -ENOTCONN);
        hs_end_close(loop, &end);
        HS_CHECK_EQ(end.failed + end.sent, 1);
    }
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_send_that_fails_is_told_quiet_or_not)

static void twenty_thousand_sends_arrive_in_order(enum hs_loop_backend backend)
{
    enum { COUNT = 20000 };
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    uint32_t        got = 0;
    uint32_t        expected = 0;
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    for (uint32_t i = 0; i < COUNT; i++) {
        if (hs_stream_send(&end.stream, &i, sizeof i, HS_SEND_REPORT)) break;
        while (end.sent <= i && hs_loop_step(loop, HS_NEVER_NS) >= 0) continue;
        while (recv(peer, &got, sizeof got, MSG_DONTWAIT) == (ssize_t)sizeof got)
            if (got == expected) expected++;
    }
    HS_CHECK_EQ(expected, COUNT);
    HS_CHECK_EQ(end.sent, COUNT);
    hs_end_close(loop, &end);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(twenty_thousand_sends_arrive_in_order)

static size_t drain(int fd, const uint8_t *expected, size_t at, size_t most)
{
    static uint8_t part[1 << 16];
    ssize_t        count = recv(fd, part, most < sizeof part ? most : sizeof part, MSG_DONTWAIT);

    if (count <= 0) return 0;
    HS_CHECK(memcmp(part, expected + at, (size_t)count) == 0);
    return (size_t)count;
}

static void a_large_send_waits_for_a_slow_reader(enum hs_loop_backend backend)
{
    enum { BYTES = 8 << 20 };
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    uint8_t        *bytes = malloc(BYTES);
    size_t          seen = 0;
    int             peer;

    for (size_t i = 0; i < BYTES; i++) bytes[i] = (uint8_t)(i * 7 + (i >> 13));
    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    HS_CHECK_EQ(hs_stream_send(&end.stream, bytes, BYTES, HS_SEND_REPORT), 0);
    hs_end_settle(loop);
    HS_CHECK_EQ(end.sent, 0);
    while (seen < BYTES) {
        size_t count = drain(peer, bytes, seen, 10000);

        HS_CHECK(hs_loop_step(loop, 0) >= 0);
        seen += count;
        if (!count && end.sent) break;
    }
    HS_CHECK_EQ(seen, BYTES);
    HS_CHECK(hs_end_await(loop, &end.sent, 1));
    HS_CHECK_EQ(end.sent_result, 0);
    hs_end_close(loop, &end);
    (void)close(peer);
    free(bytes);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_large_send_waits_for_a_slow_reader)

static void closing_does_not_wait_for_a_send_that_hangs(enum hs_loop_backend backend)
{
    enum { BYTES = 8 << 20 };
    struct hs_loop *loop = hs_end_loop(backend);
    uint8_t        *bytes = calloc(1, BYTES);

    for (int is_quiet = 0; is_quiet < 2; is_quiet++) {
        struct hs_end end;
        size_t        seen = 0;
        size_t        count;
        int           peer;

        hs_end_init(&end);
        peer = hs_end_adopt_pair(loop, &end);
        HS_CHECK_EQ(
            hs_stream_send(&end.stream, bytes, BYTES, is_quiet ? HS_SEND_QUIET : HS_SEND_REPORT),
            0);
        put(peer, "early answer");
        HS_CHECK(hs_end_await_bytes(loop, &end, 12));
        hs_end_close(loop, &end);
        while ((count = drain(peer, bytes, seen, 1 << 16)) > 0) seen += count;
        HS_CHECK(seen < BYTES);
        HS_CHECK_EQ(recv(peer, bytes, 1, MSG_DONTWAIT), 0); /* nothing keeps the socket open */
        (void)close(peer);
    }
    free(bytes);
    hs_loop_close(&loop);
}
HS_ON_BOTH(closing_does_not_wait_for_a_send_that_hangs)

/* Small ones, until the socket is full; two of them may hang at the end. */
static void requests_answered_unread_do_not_keep_the_socket_open(enum hs_loop_backend backend)
{
    enum { BYTES = 8 << 10, ROUNDS = 100 };
    static uint8_t  bytes[BYTES];
    struct hs_loop *loop = hs_end_loop(backend);
    struct hs_end   end;
    int             peer;

    hs_end_init(&end);
    peer = hs_end_adopt_pair(loop, &end);
    for (size_t i = 1; i <= ROUNDS; i++) {
        int rc = hs_stream_send(&end.stream, bytes, BYTES, HS_SEND_QUIET);

        HS_CHECK(rc == 0 || rc == -EAGAIN); /* epoll knows that the one before hangs */
        put(peer, "x");
        HS_CHECK(hs_end_await_bytes(loop, &end, i));
    }
    hs_end_close(loop, &end);
    while (drain(peer, bytes, 0, BYTES) > 0) continue;
    HS_CHECK_EQ(recv(peer, bytes, 1, MSG_DONTWAIT), 0);
    (void)close(peer);
    hs_loop_close(&loop);
}
HS_ON_BOTH(requests_answered_unread_do_not_keep_the_socket_open)

static void a_tiny_pool_serves_many_streams(enum hs_loop_backend backend)
{
    enum { STREAMS = 50, BYTES = 1000 };
    struct hs_loop_config  config = {.wanted = backend,
                                     .stream_count_max = STREAMS,
                                     .recv_buffer_count = 2,
                                     .recv_buffer_bytes = 16};
    static struct hs_end   ends[STREAMS];
    char                   text[BYTES + 1];
    struct hs_loop        *loop;
    struct hs_loop_figures figures;
    int                    peers[STREAMS];

    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    HS_CHECK_EQ(hs_loop_open(&loop, &config, NULL), 0);
    for (int i = 0; i < STREAMS; i++) {
        hs_end_init(&ends[i]);
        peers[i] = hs_end_adopt_pair(loop, &ends[i]);
        put(peers[i], text);
    }
    for (int i = 0; i < STREAMS; i++) HS_CHECK(hs_end_await_bytes(loop, &ends[i], BYTES));
    hs_loop_figures(loop, &figures);
    if (!strcmp(hs_loop_backend_text(loop), "io_uring")) HS_CHECK(figures.no_buffer_count > 0);
    HS_CHECK(figures.completion_count >= STREAMS * BYTES / 16);
    for (int i = 0; i < STREAMS; i++) {
        HS_CHECK_EQ(ends[i].failed, 0);
        hs_end_close(loop, &ends[i]);
        (void)close(peers[i]);
    }
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_tiny_pool_serves_many_streams)

/* Fewer than are configured circulate, until receives find none: what was never needed stays
 * untouched. */
static void the_pool_grows_as_far_as_it_is_needed(void)
{
    enum { STREAMS = 100, BYTES = 1000, BUFFERS = 8192 };
    struct hs_loop_config  config = {.wanted = HS_LOOP_AUTO,
                                     .stream_count_max = STREAMS,
                                     .recv_buffer_count = BUFFERS,
                                     .recv_buffer_bytes = 16};
    static struct hs_end   ends[STREAMS];
    char                   text[BYTES + 1];
    struct hs_loop        *loop;
    struct hs_loop_figures first;
    struct hs_loop_figures last;
    int                    peers[STREAMS];

    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    HS_CHECK_EQ(hs_loop_open(&loop, &config, NULL), 0);
    hs_loop_figures(loop, &first);
    for (int i = 0; i < STREAMS; i++) {
        hs_end_init(&ends[i]);
        peers[i] = hs_end_adopt_pair(loop, &ends[i]);
        put(peers[i], text);
    }
    for (int i = 0; i < STREAMS; i++) HS_CHECK(hs_end_await_bytes(loop, &ends[i], BYTES));
    hs_loop_figures(loop, &last);
    HS_CHECK_EQ(last.no_buffer_count, 0);
    if (!strcmp(hs_loop_backend_text(loop), "io_uring")) {
        HS_CHECK(first.buffer_count < BUFFERS / 8);
        HS_CHECK(last.buffer_count > first.buffer_count);
        HS_CHECK(last.buffer_count < BUFFERS);
    }
    for (int i = 0; i < STREAMS; i++) {
        HS_CHECK_EQ(ends[i].count, BYTES);
        hs_end_close(loop, &ends[i]);
        (void)close(peers[i]);
    }
    hs_loop_close(&loop);
}

static void one_stream_too_many_is_refused_until_another_closes(enum hs_loop_backend backend)
{
    struct hs_loop_config config = {
        .wanted = backend, .stream_count_max = 3, .recv_buffer_count = 2, .recv_buffer_bytes = 64};
    struct hs_loop *loop;
    struct hs_end   ends[4];
    struct hs_addr  addr;
    int             peers[3];
    int             fds[2];

    HS_CHECK_EQ(hs_loop_open(&loop, &config, NULL), 0);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", 9), 0);
    for (int i = 0; i < 4; i++) hs_end_init(&ends[i]);
    for (int i = 0; i < 3; i++) peers[i] = hs_end_adopt_pair(loop, &ends[i]);
    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    HS_CHECK_EQ(hs_stream_adopt(loop, &ends[3].stream, fds[0]), -ENOBUFS);
    HS_CHECK_EQ(hs_stream_connect(loop, &ends[3].stream, &addr), -ENOBUFS);
    hs_stream_close(&ends[3].stream, false); /* was never opened: no CLOSED */
    hs_end_close(loop, &ends[1]);
    HS_CHECK_EQ(ends[3].closed, 0);
    HS_CHECK_EQ(hs_stream_adopt(loop, &ends[3].stream, fds[0]), 0);
    put(fds[1], "in");
    HS_CHECK(hs_end_await_bytes(loop, &ends[3], 2));
    HS_CHECK_EQ(ends[1].count, 0);
    for (int i = 0; i < 4; i++)
        if (i != 1) hs_end_close(loop, &ends[i]);
    for (int i = 0; i < 3; i++) (void)close(peers[i]);
    (void)close(fds[1]);
    hs_loop_close(&loop);
}
HS_ON_BOTH(one_stream_too_many_is_refused_until_another_closes)

CU_TestInfo hs_tests_loop_io[] = {
    HS_BOTH_ROWS("what is sent comes back", what_is_sent_comes_back),
    HS_BOTH_ROWS("non-blocking descriptors serve as well", non_blocking_descriptors_serve_as_well),
    HS_BOTH_ROWS("nobody listening is a refused connection",
                 nobody_listening_is_a_refused_connection),
    HS_BOTH_ROWS("a connection attempt can be given up", a_connection_attempt_can_be_given_up),
    HS_BOTH_ROWS("a reset by the peer is told", a_reset_by_the_peer_is_told),
    HS_BOTH_ROWS("data before the end comes before the end",
                 data_before_the_end_comes_before_the_end),
    HS_BOTH_ROWS("an abort resets the connection", an_abort_resets_the_connection),
    HS_BOTH_ROWS("what was sent before an orderly close arrives",
                 what_was_sent_before_an_orderly_close_arrives),
    HS_BOTH_ROWS("a stream closed within a batch hears nothing more",
                 a_stream_closed_within_a_batch_hears_nothing_more),
    HS_BOTH_ROWS("a connection given up within a batch is not told of",
                 a_connection_given_up_within_a_batch_is_not_told_of),
    HS_BOTH_ROWS("a stream may close itself in its callback",
                 a_stream_may_close_itself_in_its_callback),
    HS_BOTH_ROWS("one send at a time, and a quiet one ends with its answer",
                 one_send_at_a_time_and_a_quiet_one_ends_with_its_answer),
    HS_BOTH_ROWS("a send that fails is told, quiet or not", a_send_that_fails_is_told_quiet_or_not),
    HS_BOTH_ROWS("twenty thousand sends arrive in order", twenty_thousand_sends_arrive_in_order),
    HS_BOTH_ROWS("a large send waits for a slow reader", a_large_send_waits_for_a_slow_reader),
    HS_BOTH_ROWS("closing does not wait for a send that hangs",
                 closing_does_not_wait_for_a_send_that_hangs),
    HS_BOTH_ROWS("requests answered unread do not keep the socket open",
                 requests_answered_unread_do_not_keep_the_socket_open),
    HS_BOTH_ROWS("a tiny pool serves many streams", a_tiny_pool_serves_many_streams),
    {"the pool grows as far as it is needed", the_pool_grows_as_far_as_it_is_needed},
    HS_BOTH_ROWS("one stream too many is refused until another closes",
                 one_stream_too_many_is_refused_until_another_closes),
    CU_TEST_INFO_NULL,
};
