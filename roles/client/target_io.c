// SPDX-License-Identifier: Apache-2.0
/* target_io.c - serves the built-in target: one loop, one answer at a time per connection. */
#include "roles/client/target.h"

#include "ipc/loop.h"
#include "roles/protocol/http1_request.h"
#include "shm/base/list.h"
#include "shm/base/time.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RECV_BUFFERS = 4096,
    RECV_BUFFER_BYTES = 2048,
    INPUT_BYTES_MAX = 64 << 10, /* of one connection, unread because an answer is under way */
    HEAD_BYTES = 512,
    COUNTS_BYTES = 512
};

#define CLOSE_TIMEOUT_NS (1 * HS_NS_PER_S)

struct target;

struct peer {
    struct hs_stream        stream;
    struct hs_link          link; /* in target->waiting, or in no list */
    struct hs_link          of_all;
    struct target          *target;
    struct hs_http1_request request;
    uint64_t                due_ns;
    uint64_t                answer_count;
    const uint8_t          *answer;
    size_t                  answer_bytes;
    size_t                  dripped_bytes;
    uint8_t                *input; /* what came while an answer was under way */
    size_t                  input_bytes;
    char                    counts[COUNTS_BYTES];
    bool                    is_answering; /* from the request's end to the answer's */
    bool                    is_counts;
    bool                    is_closing;
    bool                    closes; /* after this answer */
};

struct target {
    const struct hs_target_config *config;
    struct hs_loop                *loop;
    struct hs_listener             listener;
    struct hs_watch                signals;
    struct hs_target_counts        counts;
    struct hs_link                 waiting; /* peers by due_ns: everybody waits equally long */
    struct hs_link                 peers;   /* all, by of_all */
    uint64_t                       started_at_ns;
    uint8_t                       *answer; /* the one everybody gets */
    size_t                         answer_bytes;
    uint8_t                       *last_answer; /* the same, with "connection: close" */
    size_t                         last_answer_bytes;
    bool                           is_over;
};

static void take_input(struct peer *peer, const uint8_t *bytes, size_t count);

static void close_peer(struct peer *peer, bool is_abort)
{
    if (peer->is_closing) return;
    peer->is_closing = true;
    hs_list_remove(&peer->link);
    hs_stream_close(&peer->stream, is_abort);
}

/* ---- answers ---- */

static const char garbage[] = "\001\002 this is not the protocol you are looking for\r\n\r\n";
static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly so much";
static const char bad_chunk[] =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno number\r\n";
static const char first_head[] = "HTTP/1.1 200 OK\r\n";
static const char more_head[] = "X-Filler: 0123456789012345678901234567890123456789\r\n";
static const char first_body[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char more_body[] = "10\r\n0123456789abcdef\r\n";

static void set_answer(struct peer *peer, const void *bytes, size_t count)
{
    peer->answer = bytes;
    peer->answer_bytes = count;
}

static void send_answer(struct peer *peer)
{
    if (hs_stream_send(&peer->stream, peer->answer, peer->answer_bytes, HS_SEND_REPORT))
        close_peer(peer, true);
}

static void choose_proper(struct peer *peer)
{
    struct target *target = peer->target;
    uint32_t       limit = target->config->close_after;

    if (peer->is_counts) {
        char json[COUNTS_BYTES / 2];
        int  bytes;

        (void)hs_target_counts_json(&target->counts, json, sizeof json);
        bytes = snprintf(peer->counts, sizeof peer->counts,
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n%s\n",
                         strlen(json) + 1, json);
        set_answer(peer, peer->counts, (size_t)bytes);
        return;
    }
    peer->closes = peer->closes || (limit && peer->answer_count + 1 >= limit);
    if (peer->closes)
        set_answer(peer, target->last_answer, target->last_answer_bytes);
    else
        set_answer(peer, target->answer, target->answer_bytes);
}

static void drip(struct peer *peer)
{
    peer->due_ns += HS_TARGET_DRIP_INTERVAL_MS * HS_NS_PER_MS;
    if (hs_stream_send(&peer->stream, peer->answer + peer->dripped_bytes, 1, HS_SEND_REPORT)) {
        close_peer(peer, true);
        return;
    }
    peer->dripped_bytes++;
    if (peer->dripped_bytes < peer->answer_bytes)
        hs_list_add_tail(&peer->target->waiting, &peer->link);
}

/* The moment has come: says whatever the mode says. */
static void speak(struct peer *peer)
{
    enum hs_target_mode mode = peer->is_counts ? HS_TARGET_ANSWER : peer->target->config->mode;

    switch (mode) {
    case HS_TARGET_SILENT: return;
    case HS_TARGET_RESET: close_peer(peer, true); return;
    case HS_TARGET_GARBAGE: set_answer(peer, garbage, sizeof garbage - 1); break;
    case HS_TARGET_EARLY_CLOSE: set_answer(peer, half, sizeof half - 1); break;
    case HS_TARGET_BAD_CHUNK: set_answer(peer, bad_chunk, sizeof bad_chunk - 1); break;
    case HS_TARGET_ENDLESS_HEAD: set_answer(peer, first_head, sizeof first_head - 1); break;
    case HS_TARGET_ENDLESS_BODY: set_answer(peer, first_body, sizeof first_body - 1); break;
    case HS_TARGET_DRIP:
        if (!peer->dripped_bytes) choose_proper(peer);
        drip(peer);
        return;
    case HS_TARGET_ANSWER:
    case HS_TARGET_MODE_COUNT: choose_proper(peer); break;
    }
    send_answer(peer);
}

static void finish_answer(struct peer *peer)
{
    size_t waiting_bytes = peer->input_bytes;

    peer->is_answering = false;
    peer->dripped_bytes = 0;
    if (!peer->is_counts) {
        peer->answer_count++;
        peer->target->counts.answers++;
    }
    if (peer->closes) {
        close_peer(peer, false);
        return;
    }
    hs_http1_request_init(&peer->request);
    if (!waiting_bytes) return;
    uint8_t *input = peer->input;

    peer->input = NULL; /* what it holds may be more than one request: it comes back in part */
    peer->input_bytes = 0;
    take_input(peer, input, waiting_bytes);
    free(input);
}

static void on_sent(struct peer *peer, int result)
{
    enum hs_target_mode mode = peer->is_counts ? HS_TARGET_ANSWER : peer->target->config->mode;

    if (result || peer->is_closing) {
        close_peer(peer, true);
        return;
    }
    switch (mode) {
    case HS_TARGET_ENDLESS_HEAD:
        set_answer(peer, more_head, sizeof more_head - 1);
        send_answer(peer);
        return;
    case HS_TARGET_ENDLESS_BODY:
        set_answer(peer, more_body, sizeof more_body - 1);
        send_answer(peer);
        return;
    case HS_TARGET_EARLY_CLOSE: close_peer(peer, false); return;
    case HS_TARGET_DRIP:
        if (peer->dripped_bytes == peer->answer_bytes) finish_answer(peer);
        return;
    case HS_TARGET_ANSWER:
    case HS_TARGET_SILENT:
    case HS_TARGET_GARBAGE:
    case HS_TARGET_RESET:
    case HS_TARGET_BAD_CHUNK:
    case HS_TARGET_MODE_COUNT: finish_answer(peer); return;
    }
}

/* ---- requests ---- */

static void take_request(struct peer *peer)
{
    struct target *target = peer->target;
    struct hs_view method;
    struct hs_view path;
    uint64_t       now_ns = hs_loop_now_ns(target->loop);

    peer->is_answering = true;
    peer->is_counts = hs_http1_request_line(&peer->request, &method, &path) &&
                      hs_view_equal(path, hs_view_text("/_counts"));
    peer->closes = !hs_http1_keeps_alive(&peer->request.machine);
    if (peer->is_counts) {
        speak(peer);
        return;
    }
    target->counts.requests++;
    peer->due_ns = hs_target_due_ns(target->config, target->started_at_ns, now_ns);
    if (peer->due_ns <= now_ns && hs_list_is_empty(&target->waiting))
        speak(peer);
    else
        hs_list_add_tail(&target->waiting, &peer->link);
}

/* A client that sends on while it is being answered is kept waiting, within a bound. */
static void keep_input(struct peer *peer, const uint8_t *bytes, size_t count)
{
    uint8_t *grown = peer->input_bytes + count <= INPUT_BYTES_MAX
                         ? realloc(peer->input, peer->input_bytes + count)
                         : NULL;

    if (!grown) {
        peer->target->counts.malformed++;
        close_peer(peer, true);
        return;
    }
    memcpy(grown + peer->input_bytes, bytes, count);
    peer->input = grown;
    peer->input_bytes += count;
}

static void take_input(struct peer *peer, const uint8_t *bytes, size_t count)
{
    while (count && !peer->is_closing) {
        size_t consumed;
        int    rc;

        if (peer->is_answering) {
            keep_input(peer, bytes, count);
            return;
        }
        rc = hs_http1_request_feed(&peer->request, bytes, count, &consumed);
        if (rc < 0) {
            peer->target->counts.malformed++;
            close_peer(peer, true);
            return;
        }
        bytes += consumed;
        count -= consumed;
        if (rc == HS_HTTP1_DONE) take_request(peer);
    }
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    take_input(HS_CONTAINER_OF(stream, struct peer, stream), bytes, count);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct peer *peer = HS_CONTAINER_OF(stream, struct peer, stream);

    switch (event) {
    case HS_STREAM_CONNECTED: break;
    case HS_STREAM_SENT: on_sent(peer, result); break;
    case HS_STREAM_EOF:
    case HS_STREAM_FAILED: close_peer(peer, event == HS_STREAM_FAILED); break;
    case HS_STREAM_CLOSED:
        hs_list_remove(&peer->of_all);
        free(peer->input);
        free(peer);
        break;
    }
}

static const struct hs_stream_ops peer_ops = {.on_data = on_data, .on_event = on_event};

static void on_accept(struct hs_listener *listener, int fd)
{
    struct target *target = HS_CONTAINER_OF(listener, struct target, listener);
    struct peer   *peer;
    int            one = 1;

    if (fd < 0) {
        (void)fprintf(stderr, "target: accept: %s\n", hs_err_code_text(fd));
        return;
    }
    HS_IGNORE(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "slower, not wrong");
    peer = calloc(1, sizeof *peer);
    if (peer) peer->stream.ops = &peer_ops;
    if (!peer || hs_stream_adopt(target->loop, &peer->stream, fd)) {
        free(peer);
        close(fd);
        return;
    }
    peer->target = target;
    hs_list_init(&peer->link);
    hs_list_init(&peer->of_all);
    hs_list_add_tail(&target->peers, &peer->of_all);
    hs_http1_request_init(&peer->request);
    target->counts.connections++;
}

/* ---- serving ---- */

static void release_due(struct target *target, uint64_t now_ns)
{
    while (!hs_list_is_empty(&target->waiting)) {
        struct peer *peer = HS_CONTAINER_OF(target->waiting.next, struct peer, link);

        if (peer->due_ns > now_ns) return;
        hs_list_remove(&peer->link);
        speak(peer);
    }
}

static uint64_t next_due_ns(const struct target *target)
{
    if (hs_list_is_empty(&target->waiting)) return HS_NEVER_NS;
    return HS_CONTAINER_OF(target->waiting.next, struct peer, link)->due_ns;
}

static void on_signal(struct hs_watch *watch)
{
    struct target          *target = HS_CONTAINER_OF(watch, struct target, signals);
    struct signalfd_siginfo info;

    if (read(watch->fd, &info, sizeof info) == (ssize_t)sizeof info) target->is_over = true;
}

static int open_listener(const struct hs_target_config *config, struct hs_err *err)
{
    union hs_addr_sockaddr address;
    socklen_t              bytes = hs_addr_to_sockaddr(&config->listen, &address);
    struct hs_addr         bound;
    char                   text[HS_ADDR_TEXT_BYTES];
    int                    one = 1;
    int                    fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    hs_addr_format(&config->listen, text, sizeof text);
    if (fd < 0) return hs_err_set(err, -errno, "socket for %s", text);
    HS_IGNORE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), "bind says more");
    if (bind(fd, &address.any, bytes) || listen(fd, SOMAXCONN) ||
        getsockname(fd, &address.any, &bytes) || hs_addr_from_sockaddr(&bound, &address)) {
        int code = errno ? -errno : -EINVAL;

        close(fd);
        return hs_err_set(err, code, "listen on %s", text);
    }
    hs_addr_format(&bound, text, sizeof text);
    if (printf("listening on http://%s/\n", text) < 0 || fflush(stdout) != 0) {
        close(fd);
        return hs_err_set(err, -EPIPE, "say where it listens");
    }
    return fd;
}

static int prepare_answers(struct target *target, struct hs_err *err)
{
    size_t  capacity = HEAD_BYTES + target->config->body_bytes;
    int64_t bytes;

    target->answer = malloc(capacity);
    target->last_answer = malloc(capacity);
    if (!target->answer || !target->last_answer) return hs_err_set(err, -ENOMEM, "the answer");
    bytes = hs_target_render(target->config, false, target->answer, capacity);
    if (bytes < 0) return hs_err_set(err, (int)bytes, "the answer");
    target->answer_bytes = (size_t)bytes;
    bytes = hs_target_render(target->config, true, target->last_answer, capacity);
    if (bytes < 0) return hs_err_set(err, (int)bytes, "the answer");
    target->last_answer_bytes = (size_t)bytes;
    return 0;
}

static int watch_signals(struct target *target, struct hs_err *err)
{
    sigset_t set;
    int      fd;
    int      rc;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc) return hs_err_set(err, -rc, "block signals");
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return hs_err_set(err, -errno, "signalfd");
    target->signals.on_readable = on_signal;
    rc = hs_watch_open(target->loop, &target->signals, fd);
    return rc ? hs_err_set(err, rc, "watch signals") : 0;
}

static int serve(struct target *target, struct hs_err *err)
{
    const struct hs_target_config *config = target->config;
    uint64_t                       end_ns = HS_NEVER_NS;

    target->started_at_ns = hs_loop_clock_ns(target->loop);
    if (config->for_ns) end_ns = target->started_at_ns + config->for_ns;
    while (!target->is_over) {
        uint64_t now_ns;
        int      rc = hs_loop_step(target->loop, hs_min_u64(next_due_ns(target), end_ns));

        if (rc < 0) return hs_err_set(err, rc, "wait for the kernel");
        now_ns = hs_loop_clock_ns(target->loop);
        release_due(target, now_ns);
        if (now_ns >= end_ns) target->is_over = true;
    }
    return 0;
}

/* What the kernel does not give back in time goes with the process. */
static void close_peers(struct target *target)
{
    uint64_t end_ns = hs_loop_clock_ns(target->loop) + CLOSE_TIMEOUT_NS;

    hs_listener_close(&target->listener);
    for (struct hs_link *link = target->peers.next; link != &target->peers; link = link->next)
        close_peer(HS_CONTAINER_OF(link, struct peer, of_all), true);
    while (!hs_list_is_empty(&target->peers) && hs_loop_clock_ns(target->loop) < end_ns)
        if (hs_loop_step(target->loop, end_ns) < 0) return;
}

static int open_and_serve(struct target *target, struct hs_err *err)
{
    int rc = prepare_answers(target, err);
    int fd;

    if (!rc) rc = watch_signals(target, err);
    if (rc) return rc;
    fd = open_listener(target->config, err);
    if (fd < 0) return fd;
    rc = hs_listener_open(target->loop, &target->listener, fd);
    if (rc) return hs_err_set(err, rc, "accept connections");
    rc = serve(target, err);
    /* The kernel may hold the listener a little longer than this process lives: whoever comes next
     * may have the port now. */
    HS_IGNORE(shutdown(fd, SHUT_RDWR), "it goes by itself, only later");
    return rc;
}

int hs_target_run(const struct hs_target_config *config, struct hs_err *err)
{
    struct hs_loop_config loop_config = {.wanted = HS_LOOP_AUTO,
                                         .stream_count_max = HS_TARGET_CONNECTIONS_MAX + 8,
                                         .recv_buffer_count = RECV_BUFFERS,
                                         .recv_buffer_bytes = RECV_BUFFER_BYTES,
                                         .file_op_count_max = 1};
    struct target         target = {.config = config, .listener = {.on_accept = on_accept}};
    char                  text[COUNTS_BYTES];
    int                   rc = hs_loop_open(&target.loop, &loop_config, err);

    if (rc) return rc;
    hs_list_init(&target.waiting);
    hs_list_init(&target.peers);
    rc = open_and_serve(&target, err);
    if (!rc) {
        if (printf("%s\n", hs_target_counts_json(&target.counts, text, sizeof text)) < 0 ||
            fflush(stdout) != 0)
            rc = hs_err_set(err, -EPIPE, "write the counts");
        close_peers(&target);
    }
    hs_loop_close(&target.loop);
    free(target.answer);
    free(target.last_answer);
    return rc; /* the process ends: the kernel takes the descriptors back */
}
