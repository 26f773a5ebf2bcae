// SPDX-License-Identifier: Apache-2.0
/* loop_end.c - see loop_end.h. */
#include "tests/unit/loop_end.h"

#include "shm/base/time.h"
#include "tests/check.h"

#include <sys/socket.h>
#include <unistd.h>

static struct hs_end *end_of(struct hs_stream *stream)
{
    return (struct hs_end *)(void *)stream; /* its first member */
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    struct hs_end *end = end_of(stream);

    HS_CHECK(!end->closed);
    for (size_t i = 0; i < count && end->count + i < sizeof end->bytes; i++)
        end->bytes[end->count + i] = bytes[i];
    if (end->is_echo)
        HS_CHECK_EQ(hs_stream_send(stream, end->bytes + end->count, count, HS_SEND_QUIET), 0);
    end->count += count;
    end->data_calls++;
    if (end->closes) hs_stream_close(&end->closes->stream, false);
    if (end->is_self_closing) hs_stream_close(stream, false);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct hs_end *end = end_of(stream);

    HS_CHECK(!end->closed);
    switch (event) {
    case HS_STREAM_CONNECTED:
        end->connected++;
        end->connected_result = result;
        break;
    case HS_STREAM_SENT:
        end->sent++;
        end->sent_result = result;
        break;
    case HS_STREAM_EOF: end->eof++; break;
    case HS_STREAM_FAILED:
        end->failed++;
        end->failed_result = result;
        break;
    case HS_STREAM_CLOSED: end->closed++; break;
    }
}

struct hs_loop *hs_end_loop(enum hs_loop_backend backend)
{
    struct hs_loop_config config = {.wanted = backend,
                                    .stream_count_max = 64,
                                    .recv_buffer_count = 16,
                                    .recv_buffer_bytes = 2048,
                                    .file_op_count_max = 4};
    struct hs_loop       *loop = NULL;
    struct hs_err         err;
    int                   rc;

    hs_err_clear(&err);
    rc = hs_loop_open(&loop, &config, &err);
    if (rc) (void)fprintf(stderr, "hs_loop_open: %s\n", err.text);
    HS_CHECK_EQ(rc, 0);
    return loop;
}

void hs_end_init(struct hs_end *end)
{
    static const struct hs_stream_ops ops = {.on_data = on_data, .on_event = on_event};

    memset(end, 0, sizeof *end);
    end->stream.ops = &ops;
}

static bool step_once(struct hs_loop *loop, uint64_t deadline_ns)
{
    int rc = hs_loop_step(loop, deadline_ns);

    HS_CHECK(rc >= 0);
    return rc >= 0 && hs_loop_now_ns(loop) < deadline_ns;
}

bool hs_end_await(struct hs_loop *loop, const unsigned *counter, unsigned value)
{
    uint64_t deadline_ns = hs_loop_clock_ns(loop) + 5 * HS_NS_PER_S;

    while (*counter < value && step_once(loop, deadline_ns)) continue;
    HS_CHECK_EQ(*counter, value);
    return *counter == value;
}

bool hs_end_await_bytes(struct hs_loop *loop, const struct hs_end *end, size_t count)
{
    uint64_t deadline_ns = hs_loop_clock_ns(loop) + 5 * HS_NS_PER_S;

    while (end->count < count && step_once(loop, deadline_ns)) continue;
    HS_CHECK_EQ(end->count, count);
    return end->count == count;
}

void hs_end_settle(struct hs_loop *loop)
{
    int quiet = 0;

    while (quiet < 3) {
        int rc = hs_loop_step(loop, 0);

        HS_CHECK(rc >= 0);
        if (rc < 0) return;
        quiet = rc ? 0 : quiet + 1;
    }
}

void hs_end_close(struct hs_loop *loop, struct hs_end *end)
{
    hs_stream_close(&end->stream, false);
    hs_stream_close(&end->stream, false);
    HS_CHECK(hs_end_await(loop, &end->closed, 1));
    hs_stream_close(&end->stream, false);
    hs_end_settle(loop);
    HS_CHECK_EQ(end->closed, 1);
}

int hs_end_adopt_pair(struct hs_loop *loop, struct hs_end *end)
{
    int fds[2] = {-1, -1};

    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    HS_CHECK_EQ(hs_stream_adopt(loop, &end->stream, fds[0]), 0);
    return fds[1];
}

static int bound_socket(int type, struct hs_addr *address)
{
    union hs_addr_sockaddr at;
    socklen_t              bytes = sizeof at;
    int                    fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    HS_CHECK_EQ(hs_addr_parse(address, "127.0.0.1", 0), 0);
    HS_CHECK_EQ(bind(fd, &at.any, hs_addr_to_sockaddr(address, &at)), 0);
    HS_CHECK_EQ(getsockname(fd, &at.any, &bytes), 0);
    HS_CHECK_EQ(hs_addr_from_sockaddr(address, &at), 0);
    return fd;
}

int hs_end_listen(int backlog, uint16_t *port)
{
    struct hs_addr address;
    int            fd = bound_socket(SOCK_STREAM, &address);

    HS_CHECK_EQ(listen(fd, backlog), 0);
    *port = address.port;
    return fd;
}

int hs_end_bind(struct hs_addr *address)
{
    return bound_socket(SOCK_DGRAM, address);
}

void hs_end_tcp_pair(int fds[2])
{
    union hs_addr_sockaddr at;
    struct hs_addr         addr;
    uint16_t               port;
    int                    listener = hs_end_listen(1, &port);
    unsigned               bytes;

    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    bytes = hs_addr_to_sockaddr(&addr, &at);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    HS_CHECK_EQ(connect(fds[0], &at.any, bytes), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    HS_CHECK(fds[1] >= 0);
    (void)close(listener);
}
