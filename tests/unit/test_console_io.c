// SPDX-License-Identifier: Apache-2.0
/* test_console_io.c - the console as a process of its own under a supervisor made by hand: real
 * sockets, real memory. */
#include "roles/config.h"
#include "roles/console/console.h"
#include "roles/control_io.h"
#include "roles/host_table.h"
#include "roles/role.h"
#include "roles/share.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "shm/segment.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, ANSWER_BYTES = 1 << 20 };

struct tree {
    struct hs_config          config;
    struct hs_heritage        heritage;
    struct hs_segment         segments[HS_SHARE_COUNT];
    struct hs_host_table_shm *host;
    int                       control_fd; /* the supervisor's end */
    struct sockaddr_un        status_address;
    socklen_t                 status_address_bytes;
    struct sockaddr_in        metrics_address;
    pid_t                     pid;
};

static char answer[ANSWER_BYTES];

static void expect(bool holds, const char *what)
{
    if (holds) return;
    (void)fprintf(stderr, "test_console_io: %s: %s\n", what, strerror(errno));
    abort();
}

static void make_segments(struct tree *tree)
{
    for (unsigned share = 0; share < HS_SHARE_COUNT; share++) {
        struct hs_segment_spec spec;
        struct hs_err          err;
        int                    fd;

        memset(&spec, 0, sizeof spec);
        hs_share_spec((enum hs_share)share, &spec);
        spec.generation = 1;
        fd = hs_segment_create(&tree->segments[share], "test", &spec, &err);
        expect(fd >= 0, "segment");
        hs_share_init((enum hs_share)share, hs_segment_body(&tree->segments[share]));
        tree->heritage.share_fd[share] = fd;
    }
    tree->host = hs_segment_body(&tree->segments[HS_SHARE_HOST]);
}

/* An abstract address of our own: nothing in the file system, nothing left. */
static void make_listeners(struct tree *tree)
{
    socklen_t bytes = sizeof tree->metrics_address;
    int       fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    tree->status_address.sun_family = AF_UNIX;
    tree->status_address_bytes = sizeof tree->status_address;
    expect(fd >= 0 && bind(fd, (struct sockaddr *)&tree->status_address, sizeof(sa_family_t)) == 0,
           "bind");
    expect(listen(fd, 64) == 0, "listen");
    expect(getsockname(fd, (struct sockaddr *)&tree->status_address, &tree->status_address_bytes) ==
               0,
           "name");
    tree->heritage.status_listen_fd = fd;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    tree->metrics_address.sin_family = AF_INET;
    tree->metrics_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(fd >= 0 && bind(fd, (struct sockaddr *)&tree->metrics_address, bytes) == 0, "bind");
    expect(listen(fd, 64) == 0, "listen");
    expect(getsockname(fd, (struct sockaddr *)&tree->metrics_address, &bytes) == 0, "name");
    tree->heritage.metrics_listen_fd = fd;
}

static void fill_host(struct tree *tree)
{
    struct hs_host_summary summary;
    struct hs_host_process process;

    memset(&summary, 0, sizeof summary);
    memset(&process, 0, sizeof process);
    summary.start_ns = 1;
    summary.ready_at_ns = 2;
    hs_host_table_store_summary(tree->host, &summary);
    process.kind = HS_ROLE_CONSOLE;
    process.state = HS_PROCESS_READY;
    hs_host_table_store_process(tree->host, tree->heritage.process_idx, &process);
}

static void wait_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    expect(poll(&poll_fd, 1, PATIENCE_MS) == 1, "nothing came");
}

static void take_record(struct tree *tree, struct hs_control_record *record)
{
    int fd;

    wait_readable(tree->control_fd);
    expect(hs_control_recv(tree->control_fd, HS_ROLE_CONSOLE, record, &fd) == 1, "record");
}

static void start(struct tree *tree)
{
    struct hs_control_record record;
    int                      pair[2];

    memset(&tree->heritage, 0, sizeof tree->heritage);
    expect(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "pair");
    tree->control_fd = pair[0];
    tree->heritage.kind = HS_ROLE_CONSOLE;
    tree->heritage.process_idx = hs_process_idx_of(HS_ROLE_CONSOLE, 0);
    tree->heritage.generation = 1;
    tree->heritage.control_fd = pair[1];
    tree->heritage.client_listen_fd = -1;
    tree->heritage.credentials_fd = -1;
    tree->heritage.cluster_listen_fd = -1;
    tree->heritage.cluster_datagram_fd = -1;
    tree->heritage.health_fd = -1;
    tree->heritage.config = &tree->config;
    make_segments(tree);
    make_listeners(tree);
    fill_host(tree);
    tree->pid = fork();
    expect(tree->pid >= 0, "fork");
    if (tree->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* it holds our end of its control socket, too */
        _exit(hs_console_main(&tree->heritage));
    }
    (void)close(pair[1]);
    take_record(tree, &record);
    expect(record.type == HS_CONTROL_READY, "not ready");
}

static struct tree *tree_made(void)
{
    struct tree *tree = calloc(1, sizeof *tree);

    expect(tree != NULL, "memory");
    hs_config_defaults(&tree->config);
    return tree;
}

/* Told to stop, it ends with 0. */
static void stop(struct tree *tree)
{
    struct hs_control_record record;
    int                      status = -1;

    hs_control_init(&record, HS_CONTROL_STOP, NULL);
    record.deadline_ns = HS_NEVER_NS - 1;
    HS_CHECK_EQ(hs_control_send(tree->control_fd, &record, -1), 0);
    HS_CHECK_EQ(waitpid(tree->pid, &status, 0), tree->pid);
    HS_CHECK_EQ(status, 0);
    for (unsigned share = 0; share < HS_SHARE_COUNT; share++) {
        hs_segment_unmap(&tree->segments[share]);
        (void)close(tree->heritage.share_fd[share]);
    }
    (void)close(tree->control_fd);
    (void)close(tree->heritage.status_listen_fd);
    (void)close(tree->heritage.metrics_listen_fd);
    free(tree);
}

static int connect_status(const struct tree *tree)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    expect(fd >= 0 && connect(fd, (const struct sockaddr *)&tree->status_address,
                              tree->status_address_bytes) == 0,
           "connect");
    return fd;
}

static void say(int fd, const char *text)
{
    expect(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text), "send");
}

/* One line, or what came before the end of the connection. */
static const char *line_from(int fd)
{
    size_t used = 0;

    for (;;) {
        ssize_t got;

        wait_readable(fd);
        got = recv(fd, answer + used, 1, 0);
        if (got <= 0 || answer[used] == '\n' || used == sizeof answer - 2) break;
        used++;
    }
    answer[used] = 0;
    return answer;
}

static json_t *json_from(int fd)
{
    json_t *json = json_loads(line_from(fd), 0, NULL);

    expect(json != NULL, "no JSON");
    HS_CHECK_EQ(json_integer_value(json_object_get(json, "schema")), 1);
    return json;
}

static void check_fault(int fd, const char *code)
{
    json_t *json = json_from(fd);

    HS_CHECK_TEXT(json_string_value(json_object_get(json_object_get(json, "error"), "code")), code);
    json_decref(json);
}

static void every_get_is_answered_on_one_connection(void)
{
    static const char *const names[] = {"status", "processes",      "managers", "workers",
                                        "jobs",   "counters",       "events",   "deaths",
                                        "log",    "dispatch_times", "latency"};
    struct tree             *tree = tree_made();
    int                      fd;

    start(tree);
    fd = connect_status(tree);
    for (size_t i = 0; i < HS_ARRAY_LEN(names); i++) {
        char    line[64];
        json_t *json;

        (void)snprintf(line, sizeof line, "{\"get\":\"%s\"}\n", names[i]);
        say(fd, line);
        json = json_from(fd);
        HS_CHECK(json_object_get(json, names[i]) != NULL);
        json_decref(json);
    }
    say(fd, "{\"gte\":\"status\"}\nnonsense\n");
    check_fault(fd, "E-REQ");
    check_fault(fd, "E-JSON");
    (void)close(fd);
    stop(tree);
}

static void a_half_closed_connection_still_gets_its_answers(void)
{
    struct tree *tree = tree_made();
    int          fd;

    start(tree);
    fd = connect_status(tree);
    say(fd, "{\"get\":\"status\"}\n{\"get\":\"jobs\"}\n");
    HS_CHECK_EQ(shutdown(fd, SHUT_WR), 0);
    json_decref(json_from(fd));
    json_decref(json_from(fd));
    HS_CHECK_TEXT(line_from(fd), ""); /* and then its end */
    (void)close(fd);
    stop(tree);
}

static void a_watch_goes_on_until_the_client_leaves(void)
{
    struct tree *tree = tree_made();
    int          fd;

    start(tree);
    fd = connect_status(tree);
    say(fd, "{\"watch\":\"status\",\"every_ms\":100}\n");
    for (int i = 0; i < 3; i++) json_decref(json_from(fd));
    (void)close(fd);
    stop(tree);
}

static void an_action_goes_to_the_supervisor_and_its_answer_back(void)
{
    struct tree             *tree = tree_made();
    struct hs_control_record record;
    json_t                  *json;
    int                      fd;

    start(tree);
    fd = connect_status(tree);
    say(fd, "{\"do\":\"restart\",\"process\":\"engine.0\"}\n");
    take_record(tree, &record);
    HS_CHECK_EQ(record.type, HS_CONTROL_REQUEST);
    HS_CHECK_EQ(record.verb, HS_VERB_RESTART);
    HS_CHECK_TEXT(record.text, "engine.0");
    HS_CHECK_EQ(record.uid, getuid());
    record.type = HS_CONTROL_ANSWER;
    hs_control_init(&record, HS_CONTROL_ANSWER, "");
    record.code = -ENOENT;
    say(fd, "{\"get\":\"jobs\"}\n"); /* waits its turn */
    (void)snprintf(record.text, sizeof record.text, "no engine.0 here");
    HS_CHECK_EQ(hs_control_send(tree->control_fd, &record, -1), 0); /* token 0: nobody's */
    record.token = (uint64_t)1 << 8;                                /* first life of place 0 */
    HS_CHECK_EQ(hs_control_send(tree->control_fd, &record, -1), 0);
    check_fault(fd, "E-ACTION");
    json_decref(json_from(fd));
    say(fd, "{\"do\":\"stop\"}\n");
    json = json_from(fd);
    HS_CHECK_TEXT(json_string_value(json_object_get(json, "done")), "stop");
    json_decref(json);
    (void)close(fd);
    stop(tree);
}

static void slow_and_greedy_clients_lose_only_their_own_connection(void)
{
    struct tree *tree = tree_made();
    static char  noise[2 * HS_STATUS_REQUEST_BYTES_MAX];
    int          slow;
    int          greedy;
    int          good;

    tree->config.console.request_timeout_ns = 500 * HS_NS_PER_MS;
    start(tree);
    slow = connect_status(tree);
    greedy = connect_status(tree);
    (void)send(slow, "{\"get\":", 7, MSG_NOSIGNAL); /* a busy machine may be slower than that */
    memset(noise, 'x', sizeof noise - 1);
    (void)send(greedy, noise, sizeof noise - 1, MSG_NOSIGNAL);
    good = connect_status(tree);
    say(good, "{\"get\":\"status\"}\n");
    json_decref(json_from(good));
    HS_CHECK_TEXT(line_from(slow), "");
    HS_CHECK_TEXT(line_from(greedy), "");
    say(good, "{\"get\":\"jobs\"}\n");
    json_decref(json_from(good));
    (void)close(slow);
    (void)close(greedy);
    (void)close(good);
    stop(tree);
}

/* As many answers as fill the socket, none of them read. */
static void a_client_that_does_not_read_is_cut_off(void)
{
    static const char counters[] = "{\"get\":\"counters\"}\n";

    struct tree *tree = tree_made();
    int          fd;
    int          good;
    size_t       got_bytes = 0;
    ssize_t      got;

    tree->config.console.request_timeout_ns = 500 * HS_NS_PER_MS;
    start(tree);
    fd = connect_status(tree);
    for (int i = 0; i < 200; i++) /* it may be cut off before it has asked them all */
        (void)send(fd, counters, strlen(counters), MSG_NOSIGNAL);
    good = connect_status(tree);
    say(good, "{\"watch\":\"status\",\"every_ms\":100}\n");
    for (int i = 0; i < 9; i++) json_decref(json_from(good)); /* 800 ms go by */
    while ((got = recv(fd, answer, sizeof answer, 0)) > 0) got_bytes += (size_t)got;
    say(good, "{\"get\":\"counters\"}\n");
    json_decref(json_from(good));
    HS_CHECK(got_bytes < 200 * strlen(answer)); /* not all of them left */
    (void)close(fd);
    (void)close(good);
    stop(tree);
}

static void connections_above_the_limit_are_told_so(void)
{
    struct tree *tree = tree_made();
    int          first;
    int          second;

    tree->config.console.clients_max = 1;
    start(tree);
    first = connect_status(tree);
    say(first, "{\"get\":\"jobs\"}\n");
    json_decref(json_from(first));
    second = connect_status(tree);
    check_fault(second, "E-BUSY");
    (void)close(second);
    (void)close(first);
    stop(tree);
}

static void get_page(const struct tree *tree, const char *request)
{
    int    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t used = 0;

    expect(fd >= 0 && connect(fd, (const struct sockaddr *)&tree->metrics_address,
                              sizeof tree->metrics_address) == 0,
           "connect");
    say(fd, request);
    for (;;) {
        ssize_t got;

        wait_readable(fd);
        got = recv(fd, answer + used, sizeof answer - 1 - used, 0);
        if (got <= 0) break;
        used += (size_t)got;
    }
    answer[used] = 0;
    (void)close(fd);
}

static void metrics_and_health_are_served(void)
{
    struct tree *tree = tree_made();

    start(tree);
    get_page(tree, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    HS_CHECK(strstr(answer, "HTTP/1.1 200 OK\r\n") == answer);
    HS_CHECK(strstr(answer, "\nhyperscale_process_ready{process=\"console\"} 1\n"));
    HS_CHECK(strstr(answer, "\nhyperscale_metrics_requests_total{process=\"console\"} 1\n"));
    get_page(tree, "GET /healthz HTTP/1.0\r\n\r\n");
    HS_CHECK(strstr(answer, "\r\n\r\nok\n"));
    get_page(tree, "GET /readyz HTTP/1.0\r\n\r\n");
    HS_CHECK(strstr(answer, "HTTP/1.1 200 OK\r\n") == answer); /* no role that could be asked */
    get_page(tree, "DELETE / HTTP/1.1\r\n\r\n");
    HS_CHECK(strstr(answer, "HTTP/1.1 405 ") == answer);
    stop(tree);
}

CU_TestInfo hs_tests_console_io[] = {
    {"every get is answered on one connection", every_get_is_answered_on_one_connection},
    {"a half closed connection still gets its answers",
     a_half_closed_connection_still_gets_its_answers},
    {"a watch goes on until the client leaves", a_watch_goes_on_until_the_client_leaves},
    {"an action goes to the supervisor and its answer back",
     an_action_goes_to_the_supervisor_and_its_answer_back},
    {"SEC-20 slow and greedy clients lose only their own connection",
     slow_and_greedy_clients_lose_only_their_own_connection},
    {"SEC-20 a client that does not read is cut off", a_client_that_does_not_read_is_cut_off},
    {"SEC-20 connections above the limit are told so", connections_above_the_limit_are_told_so},
    {"metrics and health are served", metrics_and_health_are_served},
    CU_TEST_INFO_NULL,
};
