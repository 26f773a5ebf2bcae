// SPDX-License-Identifier: Apache-2.0
/* test_engine_faults_io.c - a share of a load against servers that refuse, close, reset, stall,
 * talk nonsense or never end: every failure has its class, counts once, and the run ends on
 * time. */
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP    "{\"url\": \"/x\"}"
#define HEAD    "HTTP/1.1 200 OK\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define TEN     "{\"model\": \"closed\", \"vus\": 2, \"iterations\": 10}"

/* What takes less than half a second by itself: of a busy machine no more is asked. */
enum { ENDS_MS = 5000 };

static uint64_t tally(const struct hs_stats *stats, enum hs_tally which)
{
    return stats->tallies[which];
}

/* All requests of a run of ten fail, with this class. */
static void check_all_fail(enum hs_loop_backend backend, const struct run_serve *serve,
                           enum hs_error_class error)
{
    struct run_world       world;
    const struct hs_stats *stats;

    run_world_init(&world, backend, serve);
    run_world_run(&world, TEN, ", \"drain\": \"1s\"", "{\"url\": \"/x\", \"timeout\": \"10s\"}",
                  30000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(tally(stats, HS_TALLY_SENT), 10);
    HS_CHECK_EQ(hs_stats_failed(stats), 10);
    HS_CHECK_EQ(stats->errors[error], 10);
    HS_CHECK_EQ(hs_stats_completed(stats), 0);
    HS_CHECK_EQ(tally(stats, HS_TALLY_ITERATIONS), 10);
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++)
        if (stats->errors[i] && i != (unsigned)error)
            (void)fprintf(stderr, "%" PRIu64 " of class %s\n", stats->errors[i],
                          hs_error_class_name((enum hs_error_class)i));
    run_world_fini(&world);
}

struct fault {
    const char         *text;
    struct run_serve    serve;
    enum hs_error_class error;
};

static const struct fault faults[] = {
    {"reset", {.answer = "", .after = RUN_RESET}, HS_ERROR_RECV_RESET},
    {"closed at once", {.answer = "", .after = RUN_CLOSE}, HS_ERROR_RECV_EOF_EARLY},
    {"closed in the head", {.answer = HEAD "X: ", .after = RUN_CLOSE}, HS_ERROR_RECV_EOF_EARLY},
    {"closed in the body",
     {.answer = HEAD "Content-Length: 9\r\n\r\nabc", .after = RUN_CLOSE},
     HS_ERROR_RECV_EOF_EARLY},
    {"not the protocol", {.answer = "SSH-2.0-OpenSSH\r\n"}, HS_ERROR_HTTP_PARSE},
    {"reset in the body",
     {.answer = HEAD "Content-Length: 9\r\n\r\nabc", .after = RUN_RESET},
     HS_ERROR_RECV_RESET},
    {"closed in a chunk",
     {.answer = CHUNKED "9\r\nabc", .after = RUN_CLOSE},
     HS_ERROR_RECV_EOF_EARLY},
    {"closed before the last chunk",
     {.answer = CHUNKED "3\r\nabc\r\n", .after = RUN_CLOSE},
     HS_ERROR_RECV_EOF_EARLY},
    {"bad chunk", {.answer = CHUNKED "zz\r\n"}, HS_ERROR_HTTP_BAD_CHUNK},
    {"chunk longer than it said", {.answer = CHUNKED "3\r\nabcd\r\n"}, HS_ERROR_HTTP_BAD_CHUNK},
    {"chunk of a negative size", {.answer = CHUNKED "-1\r\n"}, HS_ERROR_HTTP_BAD_CHUNK},
    {"chunk of too many digits",
     {.answer = CHUNKED "fffffffffffffffff\r\n"},
     HS_ERROR_HTTP_BAD_CHUNK},
    {"chunk line without end",
     {.answer = CHUNKED "3;", .more = "extension"},
     HS_ERROR_HTTP_BAD_CHUNK},
    {"bad length", {.answer = HEAD "Content-Length: 1x\r\n\r\n"}, HS_ERROR_HTTP_BAD_LENGTH},
    {"negative length", {.answer = HEAD "Content-Length: -1\r\n\r\n"}, HS_ERROR_HTTP_BAD_LENGTH},
    {"length beyond numbers",
     {.answer = HEAD "Content-Length: 99999999999999999999\r\n\r\n"},
     HS_ERROR_HTTP_BAD_LENGTH},
    {"two lengths",
     {.answer = HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"},
     HS_ERROR_HTTP_PARSE},
    {"length and chunks",
     {.answer = HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
     HS_ERROR_HTTP_PARSE},
    {"a folded header", {.answer = HEAD "A: b\r\n c\r\n\r\n"}, HS_ERROR_HTTP_PARSE},
    {"interim answers without end",
     {.answer = "HTTP/1.1 100 Continue\r\n\r\n", .more = "HTTP/1.1 103 Hints\r\n\r\n"},
     HS_ERROR_HTTP_PARSE},
    {"a header line without end",
     {.answer = HEAD "X: ", .more = "0123456789"},
     HS_ERROR_HTTP_HEADER_TOO_BIG},
    {"trailers without end",
     {.answer = CHUNKED "0\r\n", .more = "X-More: 01234567890123456789\r\n"},
     HS_ERROR_HTTP_HEADER_TOO_BIG},
    {"endless head",
     {.answer = HEAD, .more = "X-More: 0123456789012345678901234567890123456789\r\n"},
     HS_ERROR_HTTP_HEADER_TOO_BIG},
    {"status 404", {.answer = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}, HS_ERROR_STATUS_4XX},
    {"status 503", {.answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"}, HS_ERROR_STATUS_5XX},
};

static void check_faults(enum hs_loop_backend backend)
{
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) {
        unsigned before = CU_get_number_of_failures();

        check_all_fail(backend, &faults[i].serve, faults[i].error);
        if (CU_get_number_of_failures() != before)
            (void)fprintf(stderr, "^ server: %s\n", faults[i].text);
    }
}

/* What looks odd and is well: all ten complete, over as many connections. */
static void odd_answers_are_answers(void)
{
    static const struct {
        const char      *text;
        struct run_serve serve;
        unsigned         connections;
    } odd[] = {
        {"continue first", {.answer = "HTTP/1.1 100 Continue\r\n\r\n" RUN_OK}, 2},
        {"hints twice",
         {.answer = "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n" RUN_OK},
         2},
        {"204 has no body", {.answer = "HTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\n"}, 2},
        {"304 has no body", {.answer = "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n"}, 2},
        {"the same length twice",
         {.answer = HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok"},
         2},
        {"bare line feeds", {.answer = "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"}, 2},
        {"chunks with extensions and trailers",
         {.answer = CHUNKED "2;a=b\r\nok\r\n001 \r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"},
         2},
        {"no body at all", {.answer = HEAD "Content-Length: 0\r\n\r\n"}, 2},
        {"an answer of the old protocol",
         {.answer = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"},
         10},
        {"a body that ends with the connection", {.answer = HEAD "\r\n", .after = RUN_CLOSE}, 10},
        {"gzip, not chunked: until the end",
         {.answer = HEAD "Transfer-Encoding: gzip\r\n\r\n..", .after = RUN_CLOSE},
         10},
        {"another protocol from here on",
         {.answer = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"},
         10},
        {"more than was asked for", {.answer = RUN_OK RUN_OK}, 10},
    };

    for (unsigned i = 0; i < sizeof odd / sizeof *odd; i++) {
        unsigned         before = CU_get_number_of_failures();
        struct run_world world;

        run_world_init(&world, HS_LOOP_AUTO, &odd[i].serve);
        run_world_run(&world, TEN, "", STEP, 5000);
        HS_CHECK_EQ(hs_stats_completed(run_world_read(&world, 0, false)), 10);
        HS_CHECK_EQ(world.counts->connections, odd[i].connections);
        run_world_fini(&world);
        if (CU_get_number_of_failures() != before)
            (void)fprintf(stderr, "^ server: %s\n", odd[i].text);
    }
}

static void check_refused(enum hs_loop_backend backend)
{
    check_all_fail(backend, NULL, HS_ERROR_CONNECT_REFUSED);
}

static void check_silence(enum hs_loop_backend backend)
{
    static const struct run_serve silent = {.answer = NULL};
    struct run_world              world;
    const struct hs_stats        *stats;
    uint64_t                      begin_ns;

    run_world_init(&world, backend, &silent);
    begin_ns = hs_loop_clock_ns(world.loop);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 2, \"iterations\": 6}", "",
                  "{\"url\": \"/x\", \"timeout\": \"40ms\"}", ENDS_MS);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(stats->errors[HS_ERROR_TIMEOUT_RESPONSE], 6);
    HS_CHECK_EQ(hs_stats_failed(stats), 6);
    HS_CHECK(UINT64_MAX - stats->moments[HS_MEASURE_FAILED].min_inverted >= 40 * HS_NS_PER_MS);
    HS_CHECK(hs_loop_clock_ns(world.loop) - begin_ns >= 120 * HS_NS_PER_MS);
    HS_CHECK_EQ(world.counts->connections, 6); /* a late answer must not meet the next request */
    run_world_fini(&world);
}

static void check_endless(enum hs_loop_backend backend, const char *load, const char *timeout,
                          uint64_t timed_out, uint64_t cut)
{
    static const struct run_serve endless = {.answer = HEAD "Transfer-Encoding: chunked\r\n\r\n",
                                             .more = "10\r\n0123456789abcdef\r\n"};
    struct run_world              world;
    const struct hs_stats        *stats;
    char                          step[64];

    (void)snprintf(step, sizeof step, "{\"url\": \"/x\", \"timeout\": \"%s\"}", timeout);
    run_world_init(&world, backend, &endless);
    run_world_run(&world, load, ", \"drain\": \"20ms\"", step, ENDS_MS);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(stats->errors[HS_ERROR_TIMEOUT_RESPONSE], timed_out);
    HS_CHECK_EQ(hs_stats_failed(stats), timed_out);
    HS_CHECK_EQ(tally(stats, HS_TALLY_CUT), cut);
    HS_CHECK(tally(stats, HS_TALLY_BYTES_IN) > 1000);
    run_world_fini(&world);
}

/* Bodies without end are bounded by the timeout, and the run by its duration. */
static void check_endless_body(enum hs_loop_backend backend)
{
    check_endless(backend, "{\"model\": \"closed\", \"vus\": 2, \"iterations\": 6}", "60ms", 6, 0);
    check_endless(backend, "{\"model\": \"closed\", \"vus\": 2, \"for\": \"200ms\"}", "60s", 0, 2);
}

/* ---- connections that end between requests ---- */

static void check_idle_close(enum hs_loop_backend backend)
{
    static const struct run_serve tired = {.answer = RUN_OK, .per_connection = 5};
    struct run_world              world;
    const struct hs_stats        *stats;

    run_world_init(&world, backend, &tired);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 2, \"iterations\": 100}", "", STEP,
                  5000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_completed(stats), 100);
    HS_CHECK_EQ(tally(stats, HS_TALLY_SENT), 100);
    HS_CHECK_EQ(world.counts->answers, 100);
    HS_CHECK_EQ(tally(stats, HS_TALLY_RETRIED), world.counts->connections - 2);
    HS_CHECK_EQ(world.counts->requests, 100 + tally(stats, HS_TALLY_RETRIED));
    HS_CHECK(world.counts->connections >= 20);
    run_world_fini(&world);
}

static void what_is_not_idempotent_is_not_sent_again(void)
{
    static const struct run_serve tired = {.answer = RUN_OK, .per_connection = 5};
    struct run_world              world;
    const struct hs_stats        *stats;

    run_world_init(&world, HS_LOOP_AUTO, &tired);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 1, \"iterations\": 18}", "",
                  "{\"url\": \"/x\", \"method\": \"POST\"}", 5000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_completed(stats), 15);
    HS_CHECK_EQ(stats->errors[HS_ERROR_RECV_IDLE_CLOSED], 3);
    HS_CHECK_EQ(tally(stats, HS_TALLY_RETRIED), 0);
    HS_CHECK_EQ(world.counts->requests, 18);
    run_world_fini(&world);
}

static void a_fresh_connection_that_is_closed_is_a_failure(void)
{
    static const struct run_serve slow_start = {.answer = RUN_OK, .first_bad = 3};
    struct run_world              world;
    const struct hs_stats        *stats;

    run_world_init(&world, HS_LOOP_AUTO, &slow_start);
    run_world_run(&world, TEN, "", STEP, 5000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(stats->errors[HS_ERROR_RECV_EOF_EARLY], 3);
    HS_CHECK_EQ(hs_stats_completed(stats), 7);
    run_world_fini(&world);
}

static void check_each_needs_a_connection(const struct run_serve *serve, const char *step)
{
    struct run_world       world;
    const struct hs_stats *stats;

    run_world_init(&world, HS_LOOP_AUTO, serve);
    run_world_run(&world, TEN, "", step, 5000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_completed(stats), 10);
    HS_CHECK_EQ(tally(stats, HS_TALLY_RETRIED), 0);
    HS_CHECK_EQ(world.counts->requests, 10);
    HS_CHECK_EQ(world.counts->connections, 10);
    run_world_fini(&world);
}

static void a_connection_ends_when_either_side_says_so(void)
{
    static const struct run_serve says_close = {
        .answer = HEAD "Connection: close\r\nContent-Length: 0\r\n\r\n", .after = RUN_CLOSE};
    static const struct run_serve until_close = {.answer = HEAD "\r\nall of it",
                                                 .after = RUN_CLOSE};
    static const struct run_serve keeps = {.answer = RUN_OK};
    static const struct run_serve talks_on = {.answer = RUN_OK "HTTP/1.1 200 OK\r\n"};

    check_each_needs_a_connection(&says_close, STEP);
    check_each_needs_a_connection(&until_close, STEP);
    check_each_needs_a_connection(&keeps,
                                  "{\"url\": \"/x\", \"headers\": {\"Connection\": \"close\"}}");
    check_each_needs_a_connection(&talks_on, STEP); /* what nobody asked for is not read */
}

static void an_answer_to_head_has_no_body(void)
{
    static const struct run_serve serve = {.answer = HEAD "Content-Length: 1000\r\n\r\n"};
    struct run_world              world;

    run_world_init(&world, HS_LOOP_AUTO, &serve);
    run_world_run(&world, TEN, "", "{\"url\": \"/x\", \"method\": \"HEAD\"}", 5000);
    HS_CHECK_EQ(hs_stats_completed(run_world_read(&world, 0, false)), 10);
    HS_CHECK_EQ(world.counts->connections, 2);
    run_world_fini(&world);
}

/* ---- connecting ---- */

/* A listener whose queue is full drops what comes: a connect that never ends. */
static void a_connect_without_an_answer_times_out(void)
{
    struct run_world       world;
    const struct hs_stats *stats;
    int                    listener;
    int                    fillers[3];

    run_world_init(&world, HS_LOOP_AUTO, NULL);
    listener = hs_end_listen(0, &world.port);
    for (unsigned i = 0; i < 3; i++) {
        struct sockaddr_storage at;
        socklen_t               bytes = sizeof at;

        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        HS_CHECK_EQ(getsockname(listener, (struct sockaddr *)&at, &bytes), 0);
        (void)connect(fillers[i], (struct sockaddr *)&at, bytes);
    }
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 2, \"iterations\": 4}", "",
                  "{\"url\": \"/x\", \"timeout\": \"60ms\"}", ENDS_MS);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(stats->errors[HS_ERROR_CONNECT_TIMEOUT], 4);
    HS_CHECK_EQ(hs_stats_failed(stats), 4);
    for (unsigned i = 0; i < 3; i++) close(fillers[i]);
    close(listener);
    run_world_fini(&world);
}

/* A refusing port is met again and again: without connections, without rest, until time is up. */
static void a_refusing_port_does_not_prolong_the_run(void)
{
    struct run_world       world;
    const struct hs_stats *stats;

    run_world_init(&world, HS_LOOP_AUTO, NULL);
    run_world_run(&world, "{\"model\": \"open\", \"rate\": \"1000/s\", \"for\": \"100ms\"}", "",
                  STEP, 1000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_offered(stats), 100);
    HS_CHECK_EQ(stats->errors[HS_ERROR_CONNECT_REFUSED], 100);
    run_world_fini(&world);
}

/* ---- all of it at once ---- */

/* Three tenths of a second, and on a busy machine as many more until enough has happened. The
 * fixture checks the identities of what comes of each. */
static void check_chaos(enum hs_loop_backend backend, const char *load)
{
    static const struct run_serve serves[] = {
        {.answer = RUN_OK},
        {.answer = RUN_OK},
        {.answer = "", .after = RUN_RESET},
        {.answer = RUN_OK, .after = RUN_CLOSE}, /* between two requests */
        {.answer = HEAD "Content-Length: 9\r\n\r\nabc", .after = RUN_RESET},
        {.answer = NULL},
        {.answer = RUN_OK, .after = RUN_RESET},
        {.answer = HEAD "Content-Length: 4\r\n\r\nabcd", .more = "x"},
        {.answer = "", .after = RUN_CLOSE},
        {.answer = HEAD "Transfer-Encoding: chunked\r\n\r\n", .more = "1\r\na\r\n"},
        {.answer = "?\r\n\r\n"},
    };
    struct run_behaviours behaviours = {.at = serves, .count = sizeof serves / sizeof *serves};
    uint64_t              completed = 0;
    uint64_t              failed = 0;

    for (unsigned turn = 0; turn < 20 && (completed <= 20 || failed <= 20); turn++) {
        struct run_world       world;
        const struct hs_stats *stats;

        run_world_init_varied(&world, backend, behaviours);
        run_world_run(&world, load, ", \"drain\": \"30ms\"",
                      "{\"url\": \"/x\", \"timeout\": \"20ms\"}", ENDS_MS);
        stats = run_world_read(&world, 0, false);
        completed += hs_stats_completed(stats);
        failed += hs_stats_failed(stats);
        HS_CHECK(hs_stats_completed(stats) <= world.counts->answers);
        HS_CHECK(tally(stats, HS_TALLY_CONNECTIONS) >= world.counts->connections);
        run_world_fini(&world);
    }
    HS_CHECK(completed > 20);
    HS_CHECK(failed > 20);
}

static void check_chaos_closed(enum hs_loop_backend backend)
{
    check_chaos(backend, "{\"model\": \"closed\", \"vus\": 40, \"for\": \"300ms\"}");
}

static void check_chaos_open(enum hs_loop_backend backend)
{
    check_chaos(backend, "{\"model\": \"open\", \"rate\": \"2000/s\", \"for\": \"300ms\", "
                         "\"max_in_flight\": 50, \"on_saturation\": \"drop\"}");
}

/* ---- checks ---- */

static void check_verdict(const char *check, uint64_t passes)
{
    static const struct run_serve serve = {
        .answer = HEAD "Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nit is paid"};
    struct run_world       world;
    const struct hs_stats *stats;
    char                   step[256];

    (void)snprintf(step, sizeof step, "{\"url\": \"/x\", \"checks\": [%s]}", check);
    run_world_init(&world, HS_LOOP_AUTO, &serve);
    run_world_run(&world, TEN, "", step, 5000);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_completed(stats), passes);
    HS_CHECK_EQ(stats->errors[HS_ERROR_CHECK], 10 - passes);
    HS_CHECK_EQ(world.counts->connections, 2); /* a failed check is no reason to hang up */
    run_world_fini(&world);
}

static void answers_are_checked(void)
{
    check_verdict("{\"header\": {\"name\": \"content-type\", \"contains\": \"text\"}}", 10);
    check_verdict("{\"header\": {\"name\": \"content-type\", \"equals\": \"text\"}}", 0);
    check_verdict("{\"header\": {\"name\": \"x-none\", \"exists\": true}}", 0);
    check_verdict("{\"body\": {\"contains\": \"paid\"}}", 10);
    check_verdict("{\"body\": {\"contains\": \"unpaid\"}}", 0);
    check_verdict(
        "{\"body\": {\"equals\": \"it is paid\"}}, {\"size\": {\"min\": 10, \"max\": 10}}", 10);
    check_verdict("{\"status\": 204}", 0);
}

HS_ON_BOTH(check_faults)
HS_ON_BOTH(check_refused)
HS_ON_BOTH(check_silence)
HS_ON_BOTH(check_endless_body)
HS_ON_BOTH(check_idle_close)

HS_ON_BOTH(check_chaos_closed)
HS_ON_BOTH(check_chaos_open)

CU_TestInfo hs_tests_engine_faults_io[] = {
    HS_BOTH_ROWS("each fault of a server has its class", check_faults),
    {"odd answers are answers", odd_answers_are_answers},
    HS_BOTH_ROWS("a refused connection is its own class", check_refused),
    HS_BOTH_ROWS("a server that is silent is a timeout", check_silence),
    HS_BOTH_ROWS("a body without end is a timeout, and the run ends on time", check_endless_body),
    HS_BOTH_ROWS("a request that meets an idle close is sent again", check_idle_close),
    {"what is not idempotent is not sent again", what_is_not_idempotent_is_not_sent_again},
    {"a fresh connection that is closed is a failure",
     a_fresh_connection_that_is_closed_is_a_failure},
    {"a connection ends when either side says so", a_connection_ends_when_either_side_says_so},
    {"an answer to HEAD has no body", an_answer_to_head_has_no_body},
    {"a connect without an answer times out", a_connect_without_an_answer_times_out},
    {"a refusing port does not prolong the run", a_refusing_port_does_not_prolong_the_run},
    HS_BOTH_ROWS("a server that does everything wrong leaves the books in order, closed",
                 check_chaos_closed),
    HS_BOTH_ROWS("a server that does everything wrong leaves the books in order, open",
                 check_chaos_open),
    {"answers are checked", answers_are_checked},
    CU_TEST_INFO_NULL,
};
