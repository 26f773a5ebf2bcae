// SPDX-License-Identifier: Apache-2.0
/* metrics_server_io.c - serves the metrics page. */
#include "roles/console/metrics_server_io.h"
#include "roles/config.h"
#include "roles/console/metrics.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The body is written behind this gap, then its head, whose length is known only then, in front of
 * it. */
enum { HEAD_BYTES = 256 };

static struct hs_metrics_connection *connection_of(struct hs_stream *stream)
{
    return HS_CONTAINER_OF(stream, struct hs_metrics_connection, stream);
}

static void count(const struct hs_metrics_server *server, enum hs_count idx)
{
    hs_counter_add(server->process->counters, idx, 1);
}

static void close_connection(struct hs_metrics_connection *connection, bool is_abort)
{
    connection->is_closing = true;
    hs_stream_close(&connection->stream, is_abort);
}

/* why: it is not ready; "": it is, or that was not the question. */
static int write_body(struct hs_metrics_server *server, enum hs_http_page page, bool is_healthy,
                      const char *why, struct hs_writer *body)
{
    const char *text = hs_http_answer_text(page, is_healthy);

    if (page == HS_HTTP_METRICS) return hs_metrics_write(server->snapshot, body);
    hs_put_bytes(body, text, strlen(text));
    hs_put_bytes(body, why, strlen(why));
    if (*why) hs_put_u8(body, '\n');
    return hs_writer_finish(body);
}

static void send_page(struct hs_metrics_connection *connection,
                      const struct hs_http_request *request)
{
    struct hs_metrics_server *server = connection->server;
    uint8_t                   head_bytes[HEAD_BYTES];
    struct hs_writer          head;
    struct hs_writer          body;
    char                      why[HS_READINESS_TEXT_BYTES] = "";
    bool                      is_healthy;
    size_t                    sent_bytes;

    if (request->page == HS_HTTP_READY)
        is_healthy = hs_readiness_says(&server->snapshot->readiness, server->snapshot, why);
    else
        is_healthy = hs_snapshot_is_healthy(server->snapshot);
    connection->answer = malloc(HEAD_BYTES + HS_METRICS_BYTES_MAX);
    if (!connection->answer) {
        close_connection(connection, true);
        return;
    }
    hs_writer_init(&body, connection->answer + HEAD_BYTES, HS_METRICS_BYTES_MAX);
    if (write_body(server, request->page, is_healthy, why, &body)) {
        hs_log(HS_LOG_WARN, "console", "metrics_dropped reason=\"larger than its bound\"");
        close_connection(connection, true);
        return;
    }
    hs_writer_init(&head, head_bytes, sizeof head_bytes);
    hs_http_answer_head(request->page, is_healthy, body.used_bytes, &head);
    HS_ASSERT(!head.failed);
    memcpy(connection->answer + HEAD_BYTES - head.used_bytes, head_bytes, head.used_bytes);
    sent_bytes = head.used_bytes + (request->is_head ? 0 : body.used_bytes);
    if (hs_stream_send(&connection->stream, connection->answer + HEAD_BYTES - head.used_bytes,
                       sent_bytes, HS_SEND_REPORT))
        close_connection(connection, true);
}

static void answer(struct hs_metrics_connection *connection, const struct hs_http_request *request)
{
    struct hs_metrics_server *server = connection->server;
    uint64_t                  now_ns = hs_loop_clock_ns(server->process->loop);
    unsigned                  refused;

    if (request->page == HS_HTTP_METRICS)
        count(server, HS_COUNT_metrics_requests);
    else if (request->page != HS_HTTP_HEALTH && request->page != HS_HTTP_READY)
        count(server, HS_COUNT_metrics_requests_refused);
    refused = hs_snapshot_take_metrics(server->snapshot, server->source, now_ns);
    hs_counter_add(server->process->counters, HS_COUNT_segments_refused, refused);
    connection->deadline_ns = now_ns + server->process->config->console.request_timeout_ns;
    send_page(connection, request);
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t byte_count)
{
    struct hs_metrics_connection *connection = connection_of(stream);
    struct hs_http_request        request;
    size_t                        room = sizeof connection->bytes - connection->used_bytes;

    if (connection->is_closing || connection->answer) return; /* one request, the rest is noise */
    if (byte_count > room) byte_count = room;
    memcpy(connection->bytes + connection->used_bytes, bytes, byte_count);
    connection->used_bytes += byte_count;
    if (hs_http_request_parse(hs_view_of(connection->bytes, connection->used_bytes), &request) == 0)
        answer(connection, &request);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct hs_metrics_connection *connection = connection_of(stream);

    (void)result;
    switch (event) {
    case HS_STREAM_CONNECTED: break;
    case HS_STREAM_EOF:
        if (!connection->answer) close_connection(connection, false);
        break;
    case HS_STREAM_SENT: close_connection(connection, false); break;
    case HS_STREAM_FAILED: close_connection(connection, true); break;
    case HS_STREAM_CLOSED:
        free(connection->answer);
        connection->answer = NULL;
        connection->is_taken = false;
        break;
    }
}

static const struct hs_stream_ops stream_ops = {.on_data = on_data, .on_event = on_event};

static void on_accept(struct hs_listener *listener, int fd)
{
    struct hs_metrics_server *server =
        HS_CONTAINER_OF(listener, struct hs_metrics_server, listener);

    if (fd < 0) {
        hs_log(HS_LOG_WARN, "console", "accept_failed reason=\"%s\"", hs_err_code_text(fd));
        return;
    }
    for (unsigned i = 0; i < HS_METRICS_CLIENTS_MAX; i++) {
        struct hs_metrics_connection *connection = &server->connections[i];

        if (connection->is_taken) continue;
        connection->stream.ops = &stream_ops;
        connection->server = server;
        connection->is_closing = false;
        connection->used_bytes = 0;
        connection->deadline_ns = hs_loop_now_ns(server->process->loop) +
                                  server->process->config->console.request_timeout_ns;
        if (hs_stream_adopt(server->process->loop, &connection->stream, fd)) break;
        connection->is_taken = true;
        return;
    }
    count(server, HS_COUNT_metrics_requests_refused);
    (void)close(fd);
}

int hs_metrics_server_open(struct hs_metrics_server *server, int listen_fd, struct hs_err *err)
{
    int rc;

    if (listen_fd < 0) return 0; /* not configured */
    server->listener.on_accept = on_accept;
    rc = hs_listener_open(server->process->loop, &server->listener, listen_fd);
    server->is_open = rc == 0;
    return rc ? hs_err_set(err, rc, "listen on the metrics address") : 0;
}

uint64_t hs_metrics_server_turn(struct hs_metrics_server *server, uint64_t now_ns)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_METRICS_CLIENTS_MAX; i++) {
        struct hs_metrics_connection *connection = &server->connections[i];

        if (!connection->is_taken || connection->is_closing) continue;
        if (now_ns >= connection->deadline_ns)
            close_connection(connection, true);
        else
            next_ns = hs_min_u64(next_ns, connection->deadline_ns);
    }
    return next_ns;
}

void hs_metrics_server_stop(struct hs_metrics_server *server)
{
    if (server->is_open) hs_listener_close(&server->listener);
    server->is_open = false;
    for (unsigned i = 0; i < HS_METRICS_CLIENTS_MAX; i++) {
        struct hs_metrics_connection *connection = &server->connections[i];

        if (connection->is_taken && !connection->is_closing) close_connection(connection, false);
    }
}

bool hs_metrics_server_is_closed(const struct hs_metrics_server *server)
{
    for (unsigned i = 0; i < HS_METRICS_CLIENTS_MAX; i++)
        if (server->connections[i].is_taken) return false;
    return true;
}
