// SPDX-License-Identifier: Apache-2.0
/* loop_floor.c - the exchange of http_floor on ipc/loop.h with a trivial owner: what lies between
 * the two is the cost of our own loop. Run: taskset -c 1 build/tests/bench/loop_floor PORT
 * CONNECTIONS SECONDS (HS_EPOLL=1: that back end) */
#include "ipc/addr.h"
#include "ipc/loop.h"
#include "tests/bench/floor.h"

struct connection {
    struct hs_stream stream;
    uint64_t         sent_at_ns;
};

static struct floor floor_;

static void ask(struct connection *connection)
{
    connection->sent_at_ns = hs_loop_now_ns(connection->stream.loop);
    if (hs_stream_send(&connection->stream, floor_request, sizeof floor_request - 1, HS_SEND_QUIET))
        floor_die("send");
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    struct connection *connection = (struct connection *)(void *)stream;

    floor_response(&floor_, (const char *)bytes, count, connection->sent_at_ns,
                   hs_loop_now_ns(stream->loop));
    ask(connection);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    if (event != HS_STREAM_CONNECTED || result) floor_die("connection lost");
    ask((struct connection *)(void *)stream);
}

static struct hs_loop *open_loop(void)
{
    struct hs_loop_config config = {.wanted = getenv("HS_EPOLL") ? HS_LOOP_EPOLL : HS_LOOP_AUTO,
                                    .stream_count_max = floor_.count,
                                    .recv_buffer_count = FLOOR_BUFFERS,
                                    .recv_buffer_bytes = FLOOR_BUFFER_BYTES};
    struct hs_loop       *loop;
    struct hs_err         err;

    if (hs_loop_open(&loop, &config, &err)) floor_die(err.text);
    return loop;
}

int main(int argc, char **argv)
{
    static const struct hs_stream_ops ops = {.on_data = on_data, .on_event = on_event};
    struct hs_loop_figures            figures;
    struct connection                *connections;
    struct hs_loop                   *loop;
    struct hs_addr                    addr;
    uint64_t                          end_ns;

    floor_arguments(&floor_, argc, argv);
    loop = open_loop();
    connections = calloc(floor_.count, sizeof *connections);
    if (!connections || hs_addr_parse(&addr, "127.0.0.1", floor_.port)) floor_die("memory");
    end_ns = hs_loop_clock_ns(loop) + (uint64_t)(floor_.seconds * 1e9);
    for (unsigned i = 0; i < floor_.count; i++) {
        connections[i].stream.ops = &ops;
        if (hs_stream_connect(loop, &connections[i].stream, &addr)) floor_die("connect");
    }
    while (hs_loop_now_ns(loop) < end_ns)
        if (hs_loop_step(loop, end_ns) < 0) floor_die("the loop failed");
    hs_loop_figures(loop, &figures);
    floor_report(&floor_);
    (void)printf("backend %s  enters %" PRIu64 "  completions %" PRIu64 "  no_buffer %" PRIu64
                 "  harvest_gap_max_us %" PRIu64 "\n",
                 hs_loop_backend_text(loop), figures.enter_count, figures.completion_count,
                 figures.no_buffer_count, figures.harvest_gap_max_ns / 1000);
    return 0;
}
