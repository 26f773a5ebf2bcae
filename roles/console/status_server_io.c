// SPDX-License-Identifier: Apache-2.0
/* status_server_io.c - serves the status socket. */
#include "roles/console/status_server_io.h"
#include "roles/console/status_reply.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { JSON_FLAGS = JSON_COMPACT | JSON_REAL_PRECISION(12), TOKEN_SLOT_BITS = 8 };

static void count(const struct hs_status_server *server, enum hs_count idx)
{
    hs_counter_add(server->process->counters, idx, 1);
}

static void note(const struct hs_status_server *server, enum hs_notice_kind kind, uid_t uid,
                 const char *why)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, "", 1, "status socket, user %u: %s", (unsigned)uid, why);
    hs_role_note(server->process, &record);
}

static struct hs_status_connection *connection_of(struct hs_stream *stream)
{
    return HS_CONTAINER_OF(stream, struct hs_status_connection, stream);
}

static void close_connection(struct hs_status_connection *connection, bool is_abort)
{
    connection->is_closing = true;
    hs_stream_close(&connection->stream, is_abort);
}

/* Whoever is cut off may come again as often as he likes: a line a second. */
static bool is_time_to_tell(struct hs_status_server *server)
{
    uint64_t now_ns = hs_loop_now_ns(server->process->loop);

    if (now_ns < server->told_at_ns) {
        server->untold_count++;
        return false;
    }
    server->told_at_ns = now_ns + HS_NS_PER_S;
    return true;
}

static unsigned take_untold(struct hs_status_server *server)
{
    unsigned untold_count = server->untold_count;

    server->untold_count = 0;
    return untold_count;
}

static void cut_off(struct hs_status_connection *connection, const char *why)
{
    struct hs_status_server *server = connection->server;

    count(server, HS_COUNT_status_clients_cut_off);
    if (is_time_to_tell(server))
        hs_log(HS_LOG_INFO, "console", "cut_off uid=%u reason=\"%s\" more=%u",
               (unsigned)connection->peer.uid, why, take_untold(server));
    note(server, HS_NOTICE_CLIENT_CUT_OFF, connection->peer.uid, why);
    close_connection(connection, true);
}

/* The document as one line, on the heap; NULL: no memory, or larger than a slow reader may make
 * us hold. Takes json. */
static char *line_of(json_t *json, size_t *bytes)
{
    char *text = NULL;

    *bytes = json ? json_dumpb(json, NULL, 0, JSON_FLAGS) : 0;
    if (*bytes > 0 && *bytes < HS_SEND_QUEUE_BYTES_MAX) text = malloc(*bytes + 1);
    if (text) {
        (void)json_dumpb(json, text, *bytes, JSON_FLAGS);
        text[(*bytes)++] = '\n';
    }
    json_decref(json);
    return text;
}

/* Takes json. */
static void send_document(struct hs_status_connection *connection, json_t *json)
{
    uint64_t now_ns = hs_loop_now_ns(connection->server->process->loop);
    size_t   bytes;

    HS_ASSERT(!connection->answer);
    connection->answer = line_of(json, &bytes);
    if (!connection->answer) {
        hs_log(HS_LOG_WARN, "console", "answer_dropped reason=\"no memory\"");
        close_connection(connection, true);
        return;
    }
    hs_status_client_send(&connection->client, now_ns);
    if (hs_stream_send(&connection->stream, connection->answer, bytes, HS_SEND_REPORT))
        close_connection(connection, true);
}

static void send_fault(struct hs_status_connection *connection, const struct hs_status_fault *fault)
{
    count(connection->server, HS_COUNT_status_requests_refused);
    send_document(connection, hs_status_reply_fault(fault));
}

static void send_status(struct hs_status_connection    *connection,
                        const struct hs_status_request *request)
{
    struct hs_status_server *server = connection->server;
    uint64_t                 now_ns = hs_loop_clock_ns(server->process->loop);
    unsigned refused = hs_snapshot_take(server->snapshot, server->source, request, now_ns);

    hs_counter_add(server->process->counters, HS_COUNT_segments_refused, refused);
    send_document(connection, hs_status_reply(server->snapshot, server->process->config, request));
}

static uint64_t token_of(const struct hs_status_connection *connection)
{
    uint64_t slot = (uint64_t)(connection - connection->server->connections);

    return (uint64_t)connection->life << TOKEN_SLOT_BITS | slot;
}

/* The line that tells later who did what to this host. */
static void act(struct hs_status_connection *connection, const struct hs_status_request *request)
{
    struct hs_status_server *server = connection->server;
    const char              *verb = hs_control_verb_name(request->verb);
    struct hs_status_fault   fault;
    int                      rc;

    hs_log(HS_LOG_INFO, "console", "action verb=%s process=\"%s\" uid=%u", verb, request->process,
           (unsigned)connection->peer.uid);
    rc = hs_role_request(server->process, verb, request->process, (uint32_t)connection->peer.uid,
                         token_of(connection));
    if (rc) {
        hs_status_fault_set(&fault, "E-BUSY", NULL, "the supervisor does not take it: %s",
                            hs_err_code_text(rc));
        send_fault(connection, &fault);
        return;
    }
    count(server, HS_COUNT_status_actions);
    if (request->verb == HS_VERB_STOP) { /* there may be nobody left to answer */
        send_document(connection, hs_status_reply_done(request->verb, "hyperscaled stops"));
        return;
    }
    connection->verb = request->verb;
    hs_status_client_wait(&connection->client, hs_loop_now_ns(server->process->loop));
}

static void handle(struct hs_status_connection *connection, const struct hs_status_request *request)
{
    struct hs_status_fault fault;

    if (hs_status_may(connection->peer.right, request, &fault)) {
        hs_log(HS_LOG_WARN, "console", "refused uid=%u kind=%d", (unsigned)connection->peer.uid,
               (int)request->kind);
        send_fault(connection, &fault);
        return;
    }
    switch (request->kind) {
    case HS_STATUS_GET: send_status(connection, request); break;
    case HS_STATUS_DO: act(connection, request); break;
    case HS_STATUS_WATCH:
        hs_status_client_watch(&connection->client,
                               hs_loop_now_ns(connection->server->process->loop), request);
        break;
    }
}

static bool is_listening(const struct hs_status_connection *connection)
{
    return !connection->is_closing && connection->client.state == HS_STATUS_CLIENT_LISTENING;
}

/* Answers what there is to answer. A peer that has ended and was told all is let go, watch or not:
 * whether he has only ended sending, or is gone for good, would show at the next turn of the watch,
 * perhaps in an hour. */
static void serve(struct hs_status_connection *connection, uint64_t now_ns)
{
    while (is_listening(connection)) {
        struct hs_status_request request;
        struct hs_status_fault   fault;
        int                      rc = hs_status_client_next(&connection->client, &request, &fault);

        if (rc == 0) break;
        count(connection->server, HS_COUNT_status_requests);
        if (rc < 0)
            send_fault(connection, &fault);
        else
            handle(connection, &request);
    }
    if (is_listening(connection) && hs_status_client_take_watch(&connection->client, now_ns))
        send_status(connection, &connection->client.watch);
    if (is_listening(connection) && connection->has_ended) close_connection(connection, false);
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t byte_count)
{
    struct hs_status_connection *connection = connection_of(stream);
    uint64_t                     now_ns = hs_loop_now_ns(connection->server->process->loop);

    if (connection->is_closing) return;
    if (hs_status_client_feed(&connection->client, now_ns, bytes, byte_count)) {
        cut_off(connection, "sends too much");
        return;
    }
    serve(connection, now_ns);
}

static void on_sent(struct hs_status_connection *connection, int result)
{
    uint64_t now_ns = hs_loop_now_ns(connection->server->process->loop);

    free(connection->answer);
    connection->answer = NULL;
    if (connection->is_closing) return;
    if (result < 0) {
        close_connection(connection, true);
        return;
    }
    hs_status_client_sent(&connection->client, now_ns);
    serve(connection, now_ns);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct hs_status_connection *connection = connection_of(stream);

    switch (event) {
    case HS_STREAM_CONNECTED: break;
    case HS_STREAM_SENT: on_sent(connection, result); break;
    case HS_STREAM_EOF:
        connection->has_ended = true;
        serve(connection, hs_loop_now_ns(connection->server->process->loop));
        break;
    case HS_STREAM_FAILED: close_connection(connection, true); break;
    case HS_STREAM_CLOSED:
        free(connection->answer);
        connection->answer = NULL;
        connection->is_taken = false;
        break;
    }
}

static const struct hs_stream_ops stream_ops = {.on_data = on_data, .on_event = on_event};

/* One line to somebody who gets no connection, if he can take it at once. */
static void turn_away(const struct hs_status_server *server, int fd, uid_t uid, const char *code,
                      const char *message)
{
    struct hs_status_fault fault;
    size_t                 bytes = 0;
    char                  *line;

    count(server, HS_COUNT_status_clients_refused);
    note(server, HS_NOTICE_CLIENT_REFUSED, uid, message);
    hs_status_fault_set(&fault, code, NULL, "%s", message);
    line = line_of(hs_status_reply_fault(&fault), &bytes);
    if (line)
        HS_IGNORE(send(fd, line, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0,
                  "he is turned away anyway");
    free(line);
    (void)close(fd);
}

static struct hs_status_connection *find_place(struct hs_status_server *server)
{
    struct hs_status_connection *place = NULL;
    uint32_t                     taken = 0;

    for (unsigned i = 0; i < HS_STATUS_CLIENTS_MAX; i++) {
        if (server->connections[i].is_taken)
            taken++;
        else if (!place)
            place = &server->connections[i];
    }
    return taken < server->process->config->console.clients_max ? place : NULL;
}

static void on_accept(struct hs_listener *listener, int fd)
{
    struct hs_status_server *server = HS_CONTAINER_OF(listener, struct hs_status_server, listener);
    const struct hs_config  *config = server->process->config;
    struct hs_status_connection *connection;
    struct hs_peer               peer;

    if (fd < 0) {
        hs_log(HS_LOG_WARN, "console", "accept_failed reason=\"%s\"", hs_err_code_text(fd));
        return;
    }
    hs_peer_ask(fd, server->daemon_uid, config, &peer);
    if (peer.right == HS_STATUS_NO_RIGHT) {
        turn_away(server, fd, peer.uid, "E-ACCESS",
                  "you may not ask for status (console.read_group)");
        return;
    }
    connection = find_place(server);
    if (!connection) {
        turn_away(server, fd, peer.uid, "E-BUSY", "too many connections (console.clients_max)");
        return;
    }
    connection->stream.ops = &stream_ops;
    connection->server = server;
    connection->is_closing = false;
    connection->has_ended = false;
    connection->life++;
    connection->peer = peer;
    hs_status_client_init(&connection->client, hs_loop_now_ns(server->process->loop),
                          config->console.request_timeout_ns);
    if (hs_stream_adopt(server->process->loop, &connection->stream, fd)) {
        turn_away(server, fd, peer.uid, "E-BUSY", "too many connections");
        return;
    }
    connection->is_taken = true;
    count(server, HS_COUNT_status_clients_accepted);
}

int hs_status_server_open(struct hs_status_server *server, int listen_fd, struct hs_err *err)
{
    int rc = hs_peer_owner_of(listen_fd, &server->daemon_uid);

    if (rc) return hs_err_set(err, rc, "status socket");
    server->listener.on_accept = on_accept;
    rc = hs_listener_open(server->process->loop, &server->listener, listen_fd);
    return rc ? hs_err_set(err, rc, "listen on the status socket") : 0;
}

uint64_t hs_status_server_turn(struct hs_status_server *server, uint64_t now_ns)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_STATUS_CLIENTS_MAX; i++) {
        struct hs_status_connection *connection = &server->connections[i];

        if (!connection->is_taken || connection->is_closing) continue;
        if (hs_status_client_is_late(&connection->client, now_ns)) {
            cut_off(connection, "too slow");
            continue;
        }
        serve(connection, now_ns);
        next_ns = hs_min_u64(next_ns, hs_status_client_deadline_ns(&connection->client));
    }
    return next_ns;
}

void hs_status_server_on_answer(struct hs_status_server *server, uint64_t token, int code,
                                const char *text)
{
    uint64_t                     slot = token & ((1U << TOKEN_SLOT_BITS) - 1);
    struct hs_status_connection *connection;
    struct hs_status_fault       fault;

    if (slot >= HS_STATUS_CLIENTS_MAX) return;
    connection = &server->connections[slot];
    if (!connection->is_taken || connection->is_closing || token_of(connection) != token) return;
    if (connection->client.state != HS_STATUS_CLIENT_WAITING) return;
    if (code < 0) {
        hs_status_fault_set(&fault, "E-ACTION", NULL, "%s", *text ? text : hs_err_code_text(code));
        send_fault(connection, &fault);
        return;
    }
    send_document(connection, hs_status_reply_done(connection->verb, text));
}

void hs_status_server_stop(struct hs_status_server *server)
{
    hs_listener_close(&server->listener);
    for (unsigned i = 0; i < HS_STATUS_CLIENTS_MAX; i++) {
        struct hs_status_connection *connection = &server->connections[i];

        if (connection->is_taken && !connection->is_closing) close_connection(connection, false);
    }
}

bool hs_status_server_is_closed(const struct hs_status_server *server)
{
    for (unsigned i = 0; i < HS_STATUS_CLIENTS_MAX; i++)
        if (server->connections[i].is_taken) return false;
    return true;
}
