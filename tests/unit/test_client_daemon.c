// SPDX-License-Identifier: Apache-2.0
/* test_client_daemon.c - what the client says to and of a daemon: sockets, jobs, the view of the
 * host; and a ping's words. */
#include "roles/client/jobs_text.h"
#include "roles/client/ping.h"
#include "roles/client/results.h"
#include "roles/client/sockets.h"
#include "roles/client/top.h"
#include "roles/client/where.h"
#include "roles/job_table.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static char text[8192];

static const char *path_of(const char *given, enum hs_socket which)
{
    static char   path[HS_SOCKET_PATH_BYTES];
    struct hs_err err;

    return hs_socket_path(given, which, path, &err) == 0 ? path : "too long";
}

static void both_sockets_are_found_by_either_or_by_their_directory(void)
{
    char long_path[HS_SOCKET_PATH_BYTES + 1];

    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    HS_CHECK_TEXT(path_of(NULL, HS_SOCKET_GATE), "/run/hyperscale/gate.sock");
    HS_CHECK_TEXT(path_of(NULL, HS_SOCKET_STATUS), "/run/hyperscale/status.sock");
    HS_CHECK_TEXT(path_of("/a/b", HS_SOCKET_GATE), "/a/b/gate.sock");
    HS_CHECK_TEXT(path_of("/a/gate.sock", HS_SOCKET_STATUS), "/a/status.sock");
    HS_CHECK_TEXT(path_of("/a/status.sock", HS_SOCKET_GATE), "/a/gate.sock");
    HS_CHECK_TEXT(path_of("gate.sock", HS_SOCKET_STATUS), "status.sock");
    HS_CHECK_TEXT(path_of("/a/other.sock", HS_SOCKET_STATUS), "/a/other.sock");
    HS_CHECK_TEXT(path_of(long_path, HS_SOCKET_GATE), "too long");
}

/* What a command line means; variable stands in for --gate. */
static int where_of(const char *gate, const char *credentials, const char *socket,
                    struct hs_where *where)
{
    struct hs_options options = {.command = HS_COMMAND_LIST};
    struct hs_err     err = {0};
    int               rc;

    options.value[HS_OPTION_gate] = gate;
    options.value[HS_OPTION_credentials] = credentials;
    options.value[HS_OPTION_socket] = socket;
    options.is_from_environment[HS_OPTION_gate] = gate && socket;
    rc = hs_where_of(&options, where, &err);
    (void)snprintf(text, sizeof text, "%s", err.text);
    return rc;
}

static void gate_elsewhere_needs_port_and_credentials(void)
{
    static const char *const bad[] = {"gate",   "gate:",    ":7400",   "gate:0", "gate:70000",
                                      "gate:x", "::1:7400", "[]:7400", "::1"};
    struct hs_where          where;

    HS_CHECK_EQ(where_of("eu-1.example:7400", "/c", NULL, &where), 0);
    HS_CHECK_TEXT(where.gates[0].host, "eu-1.example");
    HS_CHECK_EQ(where.gates[0].port, 7400);
    HS_CHECK_TEXT(where.credentials, "/c");
    HS_CHECK_TEXT(hs_where_name(&where, 0), "eu-1.example:7400");
    HS_CHECK_EQ(where_of("[2001:db8::1]:7400", "/c", NULL, &where), 0);
    HS_CHECK_TEXT(where.gates[0].host, "2001:db8::1");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        HS_CHECK_EQ(where_of(bad[i], "/c", NULL, &where), -EINVAL);
        HS_CHECK(strstr(text, "--gate takes HOST:PORT") != NULL);
    }
    HS_CHECK_EQ(where_of("eu-1:7400", NULL, NULL, &where), -EINVAL);
    HS_CHECK(strstr(text, "--gate needs --credentials") != NULL);
}

static void several_gates_are_listed_with_commas(void)
{
    char            many[512];
    size_t          used = 0;
    struct hs_where where;

    HS_CHECK_EQ(where_of("a.example:1,[::1]:2,a.example:1,10.0.0.1:3", "/c", NULL, &where), 0);
    HS_CHECK_EQ(where.count, 3); /* the same twice is one */
    HS_CHECK_TEXT(where.gates[1].host, "::1");
    HS_CHECK_EQ(where.gates[2].port, 3);
    HS_CHECK_TEXT(hs_where_name(&where, 2), "10.0.0.1:3");
    HS_CHECK_EQ(where_of("srv:_gate._tcp.example.org,a:1", "/c", NULL, &where), 0);
    HS_CHECK(where.gates[0].is_srv && !where.gates[1].is_srv);
    HS_CHECK_TEXT(where.gates[0].host, "_gate._tcp.example.org");
    HS_CHECK_EQ(where_of("srv:example.org", "/c", NULL, &where), -EINVAL);
    HS_CHECK(strstr(text, "not \"srv:example.org\"") != NULL);
    HS_CHECK_EQ(where_of("a:1,", "/c", NULL, &where), -EINVAL);
    HS_CHECK_EQ(where_of(",a:1", "/c", NULL, &where), -EINVAL);
    HS_CHECK_EQ(where_of("a:1,b,c:2", "/c", NULL, &where), -EINVAL);
    HS_CHECK(strstr(text, "not \"b\"") != NULL);
    for (unsigned i = 1; i <= HS_WHERE_GATES_MAX + 1; i++) {
        used += (size_t)snprintf(many + used, sizeof many - used, "%sg:%u", i > 1 ? "," : "", i);
        HS_CHECK_EQ(where_of(many, "/c", NULL, &where), i <= HS_WHERE_GATES_MAX ? 0 : -EINVAL);
    }
    HS_CHECK(strstr(text, "at most 16") != NULL);
}

static void socket_that_is_typed_beats_a_gate_that_was_set(void)
{
    struct hs_where where;

    HS_CHECK_EQ(where_of("eu-1:7400", "/c", "/a/b", &where), 0);
    HS_CHECK(where.credentials == NULL);
    HS_CHECK_TEXT(where.path, "/a/b/gate.sock");
    HS_CHECK_EQ(where_of(NULL, "/c", NULL, &where), 0);
    HS_CHECK(where.credentials == NULL);
    HS_CHECK_TEXT(hs_where_name(&where, 0), "/run/hyperscale/gate.sock");
}

static struct hs_msg_job_row job_row(void)
{
    struct hs_msg_job_row row = {.job_id = {0x0f},
                                 .status = HS_JOB_RUNNING,
                                 .age_ns = 90 * HS_NS_PER_S,
                                 .elapsed_ns = 80 * HS_NS_PER_S,
                                 .progress_ppm = 456000,
                                 .completed = 12345,
                                 .failed = 2};

    (void)snprintf(row.name, sizeof row.name, "shop");
    return row;
}

/* Views of the status hold until the next call. */
static void fill_status(struct hs_msg_status *status)
{
    static uint8_t                   memory[3][1024];
    const struct hs_msg_job_row      job = job_row();
    const struct hs_msg_workflow_row workflow = {
        .workflow = 1, .status = HS_WORKFLOW_RUNNING, .name = "browse"};
    const struct hs_msg_datacenter_row datacenter = {.datacenter = "local",
                                                     .status = HS_JOB_RUNNING};
    struct hs_writer                   out[3];

    for (unsigned i = 0; i < 3; i++) hs_writer_init(&out[i], memory[i], sizeof memory[i]);
    hs_wire_put_row(HS_MSG_JOB_ROW, &job, &out[0]);
    hs_wire_put_row(HS_MSG_WORKFLOW_ROW, &workflow, &out[1]);
    hs_wire_put_row(HS_MSG_DATACENTER_ROW, &datacenter, &out[2]);
    *status = (struct hs_msg_status){.job = hs_view_of(out[0].data, out[0].used_bytes),
                                     .workflows = hs_view_of(out[1].data, out[1].used_bytes),
                                     .datacenters = hs_view_of(out[2].data, out[2].used_bytes)};
}

static void a_job_is_a_line_under_its_title(void)
{
    const struct hs_msg_job_row row = job_row();
    char                        line[HS_JOBS_LINE_BYTES];

    HS_CHECK_TEXT(hs_jobs_title(line),
                  "JOB                               STATE           AGE   ELAPSED  DONE    "
                  "COMPLETED     FAILED  NAME\n");
    HS_CHECK_TEXT(hs_jobs_line(&row, line),
                  "0f000000000000000000000000000000  RUNNING       1m30s     1m20s   45%  "
                  "     12 345          2  shop\n");
}

static void a_status_names_workflows_and_datacenters(void)
{
    struct hs_msg_status status;
    json_t              *json;

    fill_status(&status);
    HS_CHECK_EQ(hs_jobs_status_text(&status, text, sizeof text), 0);
    HS_CHECK(strstr(text, "workflow 1   browse                   RUNNING") != NULL);
    HS_CHECK(strstr(text, "datacenter local") != NULL);
    json = hs_jobs_status_json(&status);
    HS_CHECK_TEXT(json_string_value(json_object_get(json_object_get(json, "job"), "state")),
                  "RUNNING");
    HS_CHECK_EQ(json_array_size(json_object_get(json, "workflows")), 1);
    json_decref(json);
}

static void a_status_that_is_nonsense_is_refused(void)
{
    struct hs_msg_status status;

    fill_status(&status);
    status.workflows.bytes--;
    HS_CHECK_EQ(hs_jobs_status_text(&status, text, sizeof text), -EPROTO);
    status.job = hs_view_of(NULL, 0);
    HS_CHECK_EQ(hs_jobs_status_text(&status, text, sizeof text), -EPROTO);
    HS_CHECK(hs_jobs_status_json(&status) == NULL);
}

static void the_host_is_drawn_from_its_answers(void)
{
    static struct hs_canvas canvas;
    struct hs_top top = {.status = json_pack("{s:{s:s,s:s,s:s,s:I,s:{s:i,s:i,s:i}}}", "status",
                                             "node", "host-1", "state", "ready", "version", "0.1.0",
                                             "uptime_ns", (json_int_t)(90 * HS_NS_PER_S), "load",
                                             "rate_per_s", 500, "completed", 1000, "failed", 3),
                         .processes =
                             json_pack("{s:[{s:s,s:s,s:i,s:n}]}", "processes", "name", "gate",
                                       "state", "ready", "pid", 42, "heartbeat_age_ns"),
                         .jobs = json_pack("{s:[]}", "jobs")};

    hs_canvas_init(&canvas, 100, false, false);
    hs_top_draw(&top, &canvas);
    (void)hs_canvas_render(&canvas, text, sizeof text);
    HS_CHECK(strstr(text, "host-1  ready   up 1m30s   hyperscale 0.1.0") == text);
    HS_CHECK(strstr(text, "load 500/s   completed 1 000   failed 3") != NULL);
    HS_CHECK(strstr(text, "gate         ready             42") != NULL);
    HS_CHECK(strstr(text, "no jobs") != NULL);
    json_decref((json_t *)(uintptr_t)top.status);
    json_decref((json_t *)(uintptr_t)top.processes);
    json_decref((json_t *)(uintptr_t)top.jobs);
}

static void draw_in(bool has_colour, const char *members, const char *managers, const char *workers)
{
    static struct hs_canvas canvas;
    json_t             *answers[] = {json_loads(members, 0, NULL), json_loads(managers, 0, NULL),
                                     json_loads(workers, 0, NULL)};
    const struct hs_top top = {
        .members = answers[0], .managers = answers[1], .workers = answers[2]};

    hs_canvas_init(&canvas, 132, false, has_colour);
    hs_top_draw(&top, &canvas);
    (void)hs_canvas_render(&canvas, text, sizeof text);
    for (size_t i = 0; i < HS_ARRAY_LEN(answers); i++) json_decref(answers[i]);
}

static void draw_cluster(const char *members, const char *managers, const char *workers)
{
    draw_in(false, members, managers, workers);
}

static void other_hosts_are_drawn_where_there_are_any(void)
{
    draw_cluster("{\"members\": [{\"role\": \"gate\", \"state\": \"alive\"},"
                 "{\"role\": \"gate\", \"state\": \"dead\"},"
                 "{\"role\": \"manager\", \"state\": \"alive\"}]}",
                 "{\"managers\": [{\"name\": \"m1\", \"datacenter\": \"east\", \"address\": "
                 "\"10.0.0.1:7\", \"state\": \"ALIVE\", \"datacenter_state\": \"HEALTHY\","
                 "\"is_leader\": true, \"workers\": 6, \"cores_total\": 24, \"cores_free\": 20,"
                 "\"jobs\": 2, \"execs\": 4, \"heard_ns\": 250000000}]}",
                 "{\"workers\": [{\"name\": \"w1\", \"address\": \"local\"}]}");
    HS_CHECK(strstr(text, "gates: 1 alive, 1 dead   managers: 1 alive\n") != NULL);
    HS_CHECK(strstr(text,
                    "* m1                   east         ALIVE    HEALTHY            6     24  "
                    "   20      2      4    250ms") != NULL);
    HS_CHECK(strstr(text, "w1") == NULL);
    draw_cluster("{\"members\": []}",
                 "{\"managers\": [{\"name\": \"m1\", \"address\": \"local\"}]}", "{}");
    HS_CHECK(strstr(text, "gates") == NULL);
    HS_CHECK(strstr(text, "m1") == NULL);
}

static void a_worker_that_lives_is_well_also_without_a_connection(void)
{
    draw_in(true, "{}", "{}",
            "{\"workers\": [{\"name\": \"w1\", \"address\": \"-\", \"state\": \"REMOTE\"},"
            "{\"name\": \"w2\", \"address\": \"-\", \"state\": \"LOST\"}]}");
    HS_CHECK(strstr(text, "\n  w1 ") != NULL);
    HS_CHECK(strstr(text, " w2 ") != NULL);
    HS_CHECK(strstr(text, "\n  w2 ") == NULL); /* in colour */
}

static void a_large_cluster_has_room(void)
{
    static char list[8192];
    size_t      used = (size_t)snprintf(list, sizeof list, "{\"managers\": [");

    for (unsigned i = 0; i < 64; i++)
        used += (size_t)snprintf(list + used, sizeof list - used,
                                 "%s{\"name\": \"m%u\", \"address\": \"10.0.0.%u:7\"}",
                                 i ? "," : "", i, i);
    (void)snprintf(list + used, sizeof list - used, "]}");
    draw_cluster("{}", list, "{}");
    HS_CHECK(strstr(text, "  m11 ") != NULL);
    HS_CHECK(strstr(text, "  m12 ") == NULL);
    HS_CHECK(strstr(text, "and 52 more") != NULL);
}

static void missing_answers_draw_nothing_wrong(void)
{
    static struct hs_canvas canvas;
    const struct hs_top     top = {0};

    hs_canvas_init(&canvas, 80, false, false);
    hs_top_draw(&top, &canvas);
    HS_CHECK(hs_canvas_render(&canvas, text, sizeof text) > 0);
}

static struct hs_options ping_options(const char *url)
{
    struct hs_options options = {.command = HS_COMMAND_PING, .operand = url};

    return options;
}

static const char *request_of(const struct hs_options *options)
{
    struct hs_ping_wish wish;
    struct hs_writer    out;
    struct hs_err       err;

    if (hs_ping_wish(options, &wish, &err) != 0) return err.text[0] ? "refused" : "";
    hs_writer_init(&out, text, sizeof text - 1);
    hs_ping_request(options, &wish, &out);
    text[out.used_bytes] = '\0';
    return text;
}

static void an_answer_that_is_a_refusal_is_known(void)
{
    static const struct {
        const char *answer;
        const char *refusal;
    } cases[] = {
        {"{\"schema\": 1, \"state\": \"ready\"}", NULL},
        {"{\"schema\": 1, \"error\": {\"code\": \"E-ACCESS\", \"message\": \"not you\"}}",
         "not you"},
        {"{\"error\": 7}", "refused"},
        {"[]", NULL},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        json_t     *answer = json_loads(cases[i].answer, 0, NULL);
        const char *refusal = hs_top_refusal(answer);

        HS_CHECK(answer != NULL);
        if (cases[i].refusal)
            HS_CHECK_TEXT(refusal ? refusal : "", cases[i].refusal);
        else
            HS_CHECK(refusal == NULL);
        json_decref(answer);
    }
}

/* The results of a job that still runs grow between two questions. */
static void pieces_of_different_results_do_not_fit_together(void)
{
    HS_CHECK(hs_results_fit(&(struct hs_results_piece){0, 60, 100}, 0, 0));
    HS_CHECK(hs_results_fit(&(struct hs_results_piece){60, 40, 100}, 60, 100));
    HS_CHECK(!hs_results_fit(&(struct hs_results_piece){60, 40, 200}, 60, 100)); /* has grown */
    HS_CHECK(!hs_results_fit(&(struct hs_results_piece){60, 140, 200}, 60, 100));
    HS_CHECK(!hs_results_fit(&(struct hs_results_piece){60, 41, 100}, 60, 100));
    HS_CHECK(!hs_results_fit(&(struct hs_results_piece){0, 60, 100}, 60, 100)); /* of before */
    HS_CHECK(!hs_results_fit(&(struct hs_results_piece){UINT64_MAX, 2, 100}, UINT64_MAX, 100));
    HS_CHECK(!hs_results_fit(&(struct hs_results_piece){0, 1, UINT64_C(1) << 40}, 0, 0));
}

static void a_ping_asks_for_what_was_typed(void)
{
    struct hs_options options = ping_options("example.com:8080/a/b?c#d");

    HS_CHECK_TEXT(request_of(&options), "GET /a/b?c HTTP/1.1\r\nHost: example.com:8080\r\n"
                                        "User-Agent: hyperscale/0.1.0\r\n\r\n");
    options = ping_options("http://example.com");
    options.value[HS_OPTION_body] = "hello";
    options.headers = (struct hs_texts){.count = 1, .at = {"host: other"}};
    HS_CHECK_TEXT(request_of(&options),
                  "POST / HTTP/1.1\r\nUser-Agent: hyperscale/0.1.0\r\nhost: other\r\n"
                  "Content-Length: 5\r\n\r\nhello");
    options = ping_options("http://[::1]:81?q");
    HS_CHECK_TEXT(request_of(&options),
                  "GET /?q HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: hyperscale/0.1.0\r\n\r\n");
}

static void a_ping_refuses_what_would_be_another_request(void)
{
    struct hs_options options = ping_options("http://x/");

    options.value[HS_OPTION_method] = "GET / HTTP/1.1\r\nX";
    HS_CHECK_TEXT(request_of(&options), "refused");
    options.value[HS_OPTION_method] = NULL;
    options.headers = (struct hs_texts){.count = 1, .at = {"a: b\r\nc: d"}};
    HS_CHECK_TEXT(request_of(&options), "refused");
    options = ping_options("https://x/");
    HS_CHECK_TEXT(request_of(&options), "refused");
    options = ping_options("http://x/");
    options.value[HS_OPTION_count] = "0";
    HS_CHECK_TEXT(request_of(&options), "refused");
}

static void a_ping_keeps_what_a_server_says_from_the_terminal(void)
{
    static struct hs_ping_answer answer = {.head_bytes = 27,
                                           .head = "HTTP/1.1 200 OK\r\nX: \x1b[2Jy"};

    hs_ping_text(&answer, true, text, sizeof text);
    HS_CHECK(strchr(text, 0x1b) == NULL);
    HS_CHECK(strchr(text, '\r') == NULL);
    HS_CHECK(strstr(text, "HTTP/1.1 200 OK\nX: ?[2Jy") != NULL);
}

static void a_ping_tells_phases_and_head(void)
{
    static struct hs_ping_answer answer = {.address = "127.0.0.1:80",
                                           .has_connected = true,
                                           .connect_ns = 2000,
                                           .wait_ns = 3 * HS_NS_PER_MS,
                                           .receive_ns = 1000,
                                           .status = 200,
                                           .body_bytes = 2,
                                           .head_bytes = 5,
                                           .head = "HEAD\n"};

    hs_ping_text(&answer, true, text, sizeof text);
    HS_CHECK_TEXT(text,
                  "127.0.0.1:80   resolved in 0ns\n"
                  "200   connect 2.0us   wait 3.0ms   receive 1.0us   total 3.0ms   body 2 B   "
                  "connection closes\nHEAD\n");
    hs_ping_text(&answer, true, text, 10);
    HS_CHECK(strlen(text) < 10);
    answer.has_connected = false;
    answer.keeps_alive = true;
    hs_ping_text(&answer, false, text, sizeof text);
    HS_CHECK(strstr(text, "connect kept") != NULL);
    HS_CHECK(strstr(text, "closes") == NULL);
}

CU_TestInfo hs_tests_client_daemon[] = {
    {"both sockets are found by either, or by their directory",
     both_sockets_are_found_by_either_or_by_their_directory},
    {"gate elsewhere needs port and credentials", gate_elsewhere_needs_port_and_credentials},
    {"several gates are listed with commas", several_gates_are_listed_with_commas},
    {"socket that is typed beats a gate that was set",
     socket_that_is_typed_beats_a_gate_that_was_set},
    {"a job is a line under its title", a_job_is_a_line_under_its_title},
    {"a status names workflows and datacenters", a_status_names_workflows_and_datacenters},
    {"a status that is nonsense is refused", a_status_that_is_nonsense_is_refused},
    {"the host is drawn from its answers", the_host_is_drawn_from_its_answers},
    {"other hosts are drawn where there are any", other_hosts_are_drawn_where_there_are_any},
    {"a worker that lives is well, also without a connection",
     a_worker_that_lives_is_well_also_without_a_connection},
    {"a large cluster has room", a_large_cluster_has_room},
    {"missing answers draw nothing wrong", missing_answers_draw_nothing_wrong},
    {"an answer that is a refusal is known", an_answer_that_is_a_refusal_is_known},
    {"pieces of different results do not fit together",
     pieces_of_different_results_do_not_fit_together},
    {"a ping asks for what was typed", a_ping_asks_for_what_was_typed},
    {"a ping refuses what would be another request", a_ping_refuses_what_would_be_another_request},
    {"a ping keeps what a server says from the terminal",
     a_ping_keeps_what_a_server_says_from_the_terminal},
    {"a ping tells phases and head", a_ping_tells_phases_and_head},
    CU_TEST_INFO_NULL};
