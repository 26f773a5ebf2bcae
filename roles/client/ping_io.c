// SPDX-License-Identifier: Apache-2.0
/* ping_io.c - sends the requests of `hyperscale ping` one after another over one connection, for as
 * long as the server keeps it. */
#include "roles/client/commands.h"

#include "ipc/addr.h"
#include "roles/client/exit_code.h"
#include "roles/client/ping.h"
#include "roles/client/plan_load.h"
#include "roles/client/print_io.h"
#include "roles/client/session_io.h"
#include "roles/protocol/http1.h"
#include "shm/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REQUEST_BYTES = 256 << 10,
    RECEIVE_BYTES = 64 << 10,
    TEXT_BYTES = HS_PING_HEAD_BYTES + 1024
};

struct ping {
    const struct hs_ping_wish *wish;
    struct addrinfo           *addresses;
    struct hs_writer           request;
    struct hs_ping_answer      answer;
    uint64_t                   deadline_ns;
    uint8_t                    request_memory[REQUEST_BYTES];
    uint8_t                    bytes[RECEIVE_BYTES];
    char                       text[TEXT_BYTES];
    int                        fd;
};

static int resolve(struct ping *ping)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
    char                  port[8];
    uint64_t              begin_ns = hs_client_now_ns();
    int                   rc;

    (void)snprintf(port, sizeof port, "%u", ping->wish->url.port);
    rc = getaddrinfo(ping->wish->url.host, port, &wanted, &ping->addresses);
    ping->answer.resolve_ns = hs_client_now_ns() - begin_ns;
    if (rc == 0) return 0;
    return hs_complain(HS_EXIT_UNREACHABLE, "%s: %s", ping->wish->url.host,
                       rc == EAI_NONAME || rc == EAI_NODATA ? "no such name" : gai_strerror(rc));
}

static int wait_for(const struct ping *ping, short events)
{
    struct pollfd ready = {.fd = ping->fd, .events = events};
    uint64_t      now_ns = hs_client_now_ns();
    int           rc;

    if (now_ns >= ping->deadline_ns) return -ETIMEDOUT;
    rc = poll(&ready, 1, (int)hs_min_u64((ping->deadline_ns - now_ns) / HS_NS_PER_MS + 1, 1000000));
    if (rc == 0) return -ETIMEDOUT;
    return rc < 0 && errno != EINTR ? -errno : 0;
}

static int try_address(struct ping *ping, const struct addrinfo *address)
{
    int       error = 0;
    socklen_t bytes = sizeof error;
    int       rc;

    ping->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ping->fd < 0) return -errno;
    if (connect(ping->fd, address->ai_addr, address->ai_addrlen) < 0 && errno != EINPROGRESS)
        return -errno;
    rc = wait_for(ping, POLLOUT);
    if (rc < 0) return rc;
    if (getsockopt(ping->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0) return -errno;
    (void)setsockopt(ping->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return -error;
}

static void close_connection(struct ping *ping)
{
    if (ping->fd >= 0) (void)close(ping->fd);
    ping->fd = -1;
}

static int connect_any(struct ping *ping)
{
    uint64_t begin_ns = hs_client_now_ns();
    int      rc = -EADDRNOTAVAIL;

    for (const struct addrinfo *at = ping->addresses; at; at = at->ai_next) {
        union hs_addr_sockaddr socket_address;
        struct hs_addr         addr = {0};

        memset(&socket_address, 0, sizeof socket_address);
        if (at->ai_addrlen > sizeof socket_address) continue;
        memcpy(&socket_address, at->ai_addr, at->ai_addrlen);
        if (hs_addr_from_sockaddr(&addr, &socket_address) < 0) continue;
        hs_addr_format(&addr, ping->answer.address, sizeof ping->answer.address);
        rc = try_address(ping, at);
        if (rc == 0) break;
        close_connection(ping);
    }
    ping->answer.has_connected = true;
    ping->answer.connect_ns = hs_client_now_ns() - begin_ns;
    return rc;
}

static int send_request(struct ping *ping)
{
    size_t at = 0;

    while (at < ping->request.used_bytes) {
        ssize_t sent =
            send(ping->fd, ping->request.data + at, ping->request.used_bytes - at, MSG_NOSIGNAL);
        int rc;

        if (sent >= 0) {
            at += (size_t)sent;
            continue;
        }
        if (errno != EAGAIN) return -errno;
        rc = wait_for(ping, POLLOUT);
        if (rc < 0) return rc;
    }
    return 0;
}

/* Reads until the answer is whole. */
static int receive(struct ping *ping, struct hs_http1 *parser)
{
    struct hs_http1_capture capture;
    uint64_t                begin_ns = hs_client_now_ns();
    uint64_t                first_ns = 0;
    int                     rc = HS_HTTP1_MORE;

    hs_http1_capture_init(&capture, ping->answer.head, HS_PING_HEAD_BYTES, NULL, 0);
    while (rc == HS_HTTP1_MORE) {
        size_t  consumed;
        ssize_t got;

        if (hs_client_now_ns() >= ping->deadline_ns) return -ETIMEDOUT; /* it may never end */
        got = recv(ping->fd, ping->bytes, sizeof ping->bytes, 0);
        if (got < 0 && errno == EAGAIN) {
            int waited = wait_for(ping, POLLIN);

            if (waited < 0) return waited;
            continue;
        }
        if (got < 0) return -errno;
        if (!first_ns) first_ns = hs_client_now_ns();
        rc = got == 0 ? hs_http1_eof(parser)
                      : hs_http1_feed(parser, &capture, ping->bytes, (size_t)got, &consumed);
    }
    ping->answer.head_bytes = capture.head_bytes;
    ping->answer.wait_ns = first_ns - begin_ns;
    ping->answer.receive_ns = hs_client_now_ns() - first_ns;
    return rc;
}

static int once(struct ping *ping, const char **why)
{
    struct hs_http1 parser;
    int             rc = 0;

    *why = NULL;
    ping->deadline_ns = hs_client_now_ns() + ping->wish->timeout_ns;
    ping->answer.has_connected = false;
    ping->answer.connect_ns = 0;
    if (ping->fd < 0) rc = connect_any(ping);
    if (!rc) rc = send_request(ping);
    if (rc < 0) return rc;
    hs_http1_init(&parser, strcmp(ping->wish->method, "HEAD") == 0);
    rc = receive(ping, &parser);
    if (rc == -EPROTO) *why = hs_error_class_name((enum hs_error_class)parser.error);
    ping->answer.status = parser.status;
    ping->answer.body_bytes = parser.body_bytes;
    ping->answer.keeps_alive = rc == HS_HTTP1_DONE && hs_http1_keeps_alive(&parser);
    if (rc < 0) return rc; /* the connection tells that there was one */
    if (!ping->answer.keeps_alive) close_connection(ping);
    return 0;
}

static int show(struct ping *ping, bool is_first, json_t *answers)
{
    if (answers) return json_array_append_new(answers, hs_ping_json(&ping->answer));
    hs_ping_text(&ping->answer, is_first, ping->text, sizeof ping->text);
    return hs_print_text(STDOUT_FILENO, ping->text);
}

/* Without a connection nothing was asked; with one, what came back is no answer. */
static int complain(const struct ping *ping, int rc, const char *why)
{
    if (ping->fd < 0)
        return hs_complain(HS_EXIT_UNREACHABLE, "%s: %s", ping->answer.address,
                           hs_err_code_text(rc));
    if (why)
        return hs_complain(HS_EXIT_FAILED, "%s: this is no whole HTTP answer: %s",
                           ping->answer.address, why);
    return hs_complain(HS_EXIT_FAILED, "%s: no answer: %s", ping->answer.address,
                       hs_err_code_text(rc));
}

static int run(struct ping *ping, json_t *answers)
{
    int code = resolve(ping);

    for (uint32_t i = 0; i < ping->wish->count && !code; i++) {
        const char *why;
        int         rc = once(ping, &why);

        if (rc < 0) return complain(ping, rc, why);
        if (show(ping, i == 0, answers) != 0) code = HS_EXIT_OUTPUT;
    }
    return code;
}

static int print_answers(json_t *answers)
{
    json_t *document = json_pack("{s:i,s:O}", "schema", 1, "answers", answers);
    char   *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
    int     rc = text ? hs_print_text(STDOUT_FILENO, text) : -ENOMEM;

    if (!rc) rc = hs_print_text(STDOUT_FILENO, "\n");
    free(text);
    json_decref(document);
    return rc < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

static int ping_all(struct ping *ping, const struct hs_options *options)
{
    json_t *answers = options->value[HS_OPTION_json] ? json_array() : NULL;
    int     code;

    hs_writer_init(&ping->request, ping->request_memory, sizeof ping->request_memory);
    hs_ping_request(options, ping->wish, &ping->request);
    if (hs_writer_finish(&ping->request) < 0)
        return hs_complain(HS_EXIT_USAGE, "the request is too long");
    code = run(ping, answers);
    if (answers && !code) code = print_answers(answers);
    json_decref(answers);
    return code;
}

static int ping_with_body(const struct hs_options *options)
{
    struct ping        *ping;
    struct hs_ping_wish wish;
    struct hs_err       err;
    int                 code;

    if (hs_ping_wish(options, &wish, &err) < 0) return hs_complain(HS_EXIT_USAGE, "%s", err.text);
    ping = calloc(1, sizeof *ping);
    if (!ping) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    ping->wish = &wish;
    ping->fd = -1;
    code = ping_all(ping, options);
    close_connection(ping);
    if (ping->addresses) freeaddrinfo(ping->addresses);
    free(ping);
    return code;
}

int hs_command_ping(const struct hs_options *options)
{
    struct hs_options with_body = *options;
    void             *memory;
    int               code = hs_plan_load_body(options, &memory, &with_body.value[HS_OPTION_body]);

    if (!code) code = ping_with_body(&with_body);
    free(memory);
    return code;
}
