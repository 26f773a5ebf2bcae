// SPDX-License-Identifier: Apache-2.0
/* test_status.c - requests of the status socket, their answers, and the connection that carries
 * them. */
#include "roles/cluster/incarnation.h"
#include "roles/confinement.h"
#include "roles/console/status_client.h"
#include "roles/console/status_reply.h"
#include "roles/job_table.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

static struct hs_status_request request;
static struct hs_status_fault   fault;

static int parse(const char *line)
{
    return hs_status_request_parse(hs_view_text(line), &request, &fault);
}

static void each_kind_of_request_is_understood(void)
{
    HS_CHECK_EQ(parse("{\"get\":\"status\"}"), 0);
    HS_CHECK_EQ(request.kind, HS_STATUS_GET);
    HS_CHECK_EQ(request.what, HS_STATUS_WHOLE);
    HS_CHECK_EQ(parse("{\"watch\":\"jobs\",\"every_ms\":250,\"count\":5}"), 0);
    HS_CHECK_EQ(request.kind, HS_STATUS_WATCH);
    HS_CHECK_EQ(request.what, HS_STATUS_JOBS);
    HS_CHECK_EQ(request.every_ms, 250);
    HS_CHECK_EQ(request.row_count, 5);
    HS_CHECK_EQ(parse("{\"do\":\"restart\",\"process\":\"engine.0\"}"), 0);
    HS_CHECK_EQ(request.kind, HS_STATUS_DO);
    HS_CHECK_EQ(request.verb, HS_VERB_RESTART);
    HS_CHECK_TEXT(request.process, "engine.0");
    HS_CHECK_EQ(parse("{\"do\":\"drain\"}"), 0);
    HS_CHECK_EQ(parse("{\"do\":\"reload\"}"), 0);
    HS_CHECK_EQ(parse("{\"do\":\"stop\"}"), 0);
    HS_CHECK_EQ(parse(" {\"get\" : \"log\", \"process\":\"gate\"}\r"), 0);
    HS_CHECK_EQ(request.process_idx, hs_process_idx_from_name("gate"));
    HS_CHECK_EQ(parse("{\"get\":\"jobs\",\"job\":\"00112233445566778899aabbccddeeff\"}"), 0);
    HS_CHECK(request.has_job);
    HS_CHECK_EQ(request.job_id[15], 0xff);
}

static void each_wrong_request_has_its_exact_error(void)
{
    static const char *const cases[][3] = {
        {"", "E-JSON", ""},
        {"hello", "E-JSON", ""},
        {"{\"get\":\"status\"} {}", "E-JSON", ""},
        {"{\"get\":\"status\",\"get\":\"jobs\"}", "E-JSON", ""},
        {"[\"get\"]", "E-TYPE", ""},
        {"{}", "E-REQ", ""},
        {"{\"get\":1}", "E-TYPE", ""},
        {"{\"get\":\"status\",\"do\":\"stop\"}", "E-EXCL", ""},
        {"{\"get\":\"proceses\"}", "E-ENUM", "processes"},
        {"{\"do\":\"reboot\"}", "E-ENUM", ""},
        {"{\"do\":\"relaod\"}", "E-ENUM", "reload"},
        {"{\"do\":\"none\"}", "E-ENUM", ""},
        {"{\"do\":\"restart\"}", "E-REQ", ""},
        {"{\"do\":\"restart\",\"process\":\"engine.99\"}", "E-VALUE", "engine.0"},
        {"{\"do\":\"restart\",\"process\":\"gat\"}", "E-VALUE", "gate"},
        {"{\"do\":\"restart\",\"process\":7}", "E-TYPE", ""},
        {"{\"do\":\"stop\",\"process\":\"gate\"}", "E-KEY", ""},
        {"{\"get\":\"status\",\"evry_ms\":1}", "E-KEY", "every_ms"},
        {"{\"get\":\"status\",\"every_ms\":1000}", "E-KEY", ""},
        {"{\"get\":\"workers\",\"process\":\"gate\"}", "E-KEY", ""},
        {"{\"watch\":\"status\",\"every_ms\":99}", "E-NUM", ""},
        {"{\"watch\":\"status\",\"every_ms\":\"1s\"}", "E-TYPE", ""},
        {"{\"get\":\"log\",\"count\":0}", "E-NUM", ""},
        {"{\"get\":\"log\",\"count\":1025}", "E-NUM", ""},
        {"{\"get\":\"jobs\",\"job\":\"12\"}", "E-VALUE", ""},
        {"{\"get\":{\"a\":{\"b\":{}}}}", "E-TYPE", ""},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        HS_CHECK_EQ(parse(cases[i][0]), -EINVAL);
        HS_CHECK_TEXT(fault.code, cases[i][1]);
        HS_CHECK_TEXT(fault.hint, cases[i][2]);
        HS_CHECK(fault.message[0] != 0);
    }
}

static void deep_and_long_requests_are_refused(void)
{
    char line[HS_STATUS_REQUEST_BYTES_MAX + 2];

    memset(line, '[', sizeof line);
    HS_CHECK_EQ(hs_status_request_parse(hs_view_of(line, 2000), &request, &fault), -EINVAL);
    memset(line, ' ', sizeof line);
    HS_CHECK_EQ(hs_status_request_parse(hs_view_of(line, sizeof line), &request, &fault), -EINVAL);
    HS_CHECK_TEXT(fault.code, "E-LIMIT");
}

static void readers_may_not_act_and_strangers_may_nothing(void)
{
    HS_CHECK_EQ(parse("{\"get\":\"status\"}"), 0);
    HS_CHECK_EQ(hs_status_may(HS_STATUS_MAY_READ, &request, &fault), 0);
    HS_CHECK_EQ(hs_status_may(HS_STATUS_NO_RIGHT, &request, &fault), -EACCES);
    HS_CHECK_EQ(parse("{\"do\":\"stop\"}"), 0);
    HS_CHECK_EQ(hs_status_may(HS_STATUS_MAY_READ, &request, &fault), -EACCES);
    HS_CHECK_TEXT(fault.code, "E-ACCESS");
    HS_CHECK_EQ(hs_status_may(HS_STATUS_MAY_ACT, &request, &fault), 0);
}

static int feed(struct hs_status_client *client, uint64_t now_ns, const char *text)
{
    return hs_status_client_feed(client, now_ns, (const uint8_t *)text, strlen(text));
}

static void requests_that_arrive_in_pieces_or_together_come_one_by_one(void)
{
    struct hs_status_client client;

    hs_status_client_init(&client, 0, 100);
    HS_CHECK_EQ(feed(&client, 1, "{\"get\":"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 0);
    HS_CHECK_EQ(feed(&client, 2, "\"jobs\"}\n\n{\"get\":\"log\"}\n{\"ge"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 1);
    HS_CHECK_EQ(request.what, HS_STATUS_JOBS);
    hs_status_client_send(&client, 3);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 0); /* one at a time */
    hs_status_client_sent(&client, 4);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 1);
    HS_CHECK_EQ(request.what, HS_STATUS_LOG);
    hs_status_client_send(&client, 5);
    hs_status_client_sent(&client, 6);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 0);
    HS_CHECK_EQ(feed(&client, 7, "t\":\"x\"}\n"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), -EINVAL);
    HS_CHECK_EQ(client.used_bytes, 0);
}

static void a_client_that_sends_too_much_is_cut_off(void)
{
    struct hs_status_client client;
    uint8_t                 bytes[HS_STATUS_REQUEST_BYTES_MAX + 1] = {0};

    memset(bytes, ' ', sizeof bytes);
    hs_status_client_init(&client, 0, 100);
    HS_CHECK_EQ(hs_status_client_feed(&client, 0, bytes, sizeof bytes), 0);
    HS_CHECK_EQ(hs_status_client_feed(&client, 0, bytes, 1), -EMSGSIZE);
}

static void a_slow_client_is_late(void)
{
    struct hs_status_client client;

    hs_status_client_init(&client, 0, 100);
    HS_CHECK(!hs_status_client_is_late(&client, 99));
    HS_CHECK(hs_status_client_is_late(&client, 100)); /* said nothing */
    HS_CHECK_EQ(feed(&client, 50, "{"), 0);
    HS_CHECK_EQ(feed(&client, 140, "\"get\""), 0); /* more bytes give no more time */
    HS_CHECK_EQ(hs_status_client_deadline_ns(&client), 150);
    HS_CHECK(hs_status_client_is_late(&client, 150));
    HS_CHECK_EQ(feed(&client, 149, ":\"jobs\"}\n"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 1);
    hs_status_client_send(&client, 149);
    HS_CHECK(hs_status_client_is_late(&client, 249)); /* does not read */
    hs_status_client_sent(&client, 200);
    HS_CHECK_EQ(hs_status_client_deadline_ns(&client), 200 + HS_STATUS_IDLE_NS);
}

/* Neither of a watch nor of somebody who thinks. */
static void an_empty_line_hurries_nobody(void)
{
    struct hs_status_client client;

    hs_status_client_init(&client, 0, 100);
    HS_CHECK_EQ(feed(&client, 0, "\n\n{\"get\":\"jobs\"}\n\n\n"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 1);
    hs_status_client_send(&client, 1);
    HS_CHECK_EQ(feed(&client, 1, "\n"), 0);
    hs_status_client_sent(&client, 2);
    HS_CHECK_EQ(hs_status_client_deadline_ns(&client), 2 + HS_STATUS_IDLE_NS);
    HS_CHECK_EQ(feed(&client, 3, "{\"watch\":\"status\",\"every_ms\":60000}\n"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 1);
    hs_status_client_watch(&client, 3, &request);
    HS_CHECK(hs_status_client_take_watch(&client, 3));
    hs_status_client_send(&client, 3);
    hs_status_client_sent(&client, 4);
    HS_CHECK_EQ(feed(&client, 5, "\n"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 0);
    HS_CHECK(!hs_status_client_is_late(&client, HS_NS_PER_S));
    HS_CHECK_EQ(client.used_bytes, 0);
}

static void a_watch_comes_round_and_never_piles_up(void)
{
    struct hs_status_client client;

    hs_status_client_init(&client, 0, 100);
    HS_CHECK_EQ(feed(&client, 0, "{\"watch\":\"status\",\"every_ms\":100}\n"), 0);
    HS_CHECK_EQ(hs_status_client_next(&client, &request, &fault), 1);
    hs_status_client_watch(&client, 10, &request);
    HS_CHECK_EQ(hs_status_client_deadline_ns(&client), 10);
    HS_CHECK(hs_status_client_take_watch(&client, 10));
    hs_status_client_send(&client, 10);
    HS_CHECK(!hs_status_client_take_watch(&client, 10 + 500 * HS_NS_PER_MS)); /* still sending */
    hs_status_client_sent(&client, 10 + 500 * HS_NS_PER_MS);
    HS_CHECK(hs_status_client_take_watch(&client, 10 + 500 * HS_NS_PER_MS));
    HS_CHECK(
        !hs_status_client_take_watch(&client, 10 + 500 * HS_NS_PER_MS)); /* once, not five times */
    HS_CHECK_EQ(hs_status_client_deadline_ns(&client), 10 + 600 * HS_NS_PER_MS);
    HS_CHECK(!hs_status_client_is_late(&client, UINT64_MAX - 1)); /* as long as it reads */
}

/* ---- answers ---- */

static struct hs_status_snapshot *snapshot_made(void)
{
    struct hs_status_snapshot *snapshot = calloc(1, sizeof *snapshot);

    if (!snapshot) abort();
    snapshot->now_ns = 10 * HS_NS_PER_S;
    snapshot->host.start_ns = HS_NS_PER_S;
    snapshot->host.start_wall_ns = UINT64_C(1700000000) * HS_NS_PER_S;
    snapshot->host.ready_at_ns = 2 * HS_NS_PER_S;
    snapshot->host.quarantine[3].digest = 0xabcd;
    snapshot->process_count = 1;
    (void)snprintf(snapshot->processes[0].name, HS_PROCESS_NAME_BYTES, "gate");
    snapshot->processes[0].host.pid = 42;
    snapshot->processes[0].host.state = HS_PROCESS_READY;
    snapshot->processes[0].vitals.confinement_bits = HS_CONFINED_CALLS;
    snapshot->processes[0].counts[HS_COUNT_connections_open] = 9;
    snapshot->job_count = 2;
    snapshot->jobs[0].submitted_at_ns = 1;
    snapshot->jobs[1].submitted_at_ns = 2;
    snapshot->jobs[1].id[0] = 0xee;
    snapshot->jobs[1].state = HS_JOB_RUNNING;
    snapshot->jobs[1].workflow_count = 2;
    snapshot->jobs[1].workflow_states[1] = HS_WORKFLOW_RUNNING;
    snapshot->jobs[1].sent = 10;
    snapshot->jobs[1].completed = 6;
    snapshot->jobs[1].failed = 1;
    snapshot->jobs[1].dropped = 2;
    snapshot->jobs[1].rate_milli_per_s = 1500;
    snapshot->manager_count = 1;
    snapshot->worker_count = 1;
    snapshot->workers[0].state = HS_NODE_ALIVE;
    snapshot->workers[0].cores_total = 4;
    snapshot->workers[0].cores_free = 1;
    snapshot->member_count = 1;
    snapshot->members[0].status = HS_MEMBER_SUSPECT;
    snapshot->members[0].role = 99; /* nonsense */
    snapshot->members[0].incarnation = (UINT64_C(7) << HS_INCARNATION_REFUTE_BITS) + 3;
    snapshot->members[0].flags = HS_MEMBER_ROW_SEED;
    snapshot->death_count = 1;
    snapshot->deaths[0].kind = HS_ROLE_ENGINE;
    snapshot->deaths[0].exit_code = -1;
    snapshot->deaths[0].exit_signal = 9;
    snapshot->times.dispatch_count = 1;
    snapshot->times.dispatches[0].sent_at_ns = 100;
    snapshot->times.dispatches[0].accepted_at_ns = 130;
    snapshot->times.dispatches[0].finished_at_ns = 50; /* nonsense: before it was sent */
    snapshot->times.datacenter_count = 1;
    snapshot->times.datacenters[0].name = "eu-1";
    snapshot->times.sample_count = 1;
    snapshot->times.samples[0].process = HS_ROLE_GATE;
    snapshot->times.samples[0].sample.kind = 99;
    snapshot->times.peer_count = 1;
    snapshot->times.peers[0].last = &snapshot->times.samples[0];
    snapshot->note_count = 1;
    (void)snprintf(snapshot->notes[0].text, HS_LOG_LINE_BYTES, "broken \xff text");
    return snapshot;
}

static json_t *ask(const struct hs_status_snapshot *snapshot, const char *line)
{
    struct hs_config config;

    hs_config_defaults(&config);
    HS_CHECK_EQ(parse(line), 0);
    return hs_status_reply(snapshot, &config, &request);
}

static int64_t number_at(json_t *answer, const char *list, const char *key)
{
    return json_integer_value(
        json_object_get(json_array_get(json_object_get(answer, list), 0), key));
}

static void jobs_come_newest_first_with_figures_that_add_up(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    json_t                    *answer = ask(snapshot, "{\"get\":\"jobs\"}");

    HS_CHECK_EQ(json_array_size(json_object_get(answer, "jobs")), 2);
    HS_CHECK_EQ(number_at(answer, "jobs", "submitted_at_ns"), 2);
    HS_CHECK_EQ(number_at(answer, "jobs", "offered"), 12);
    HS_CHECK_EQ(number_at(answer, "jobs", "in_flight"), 3);
    json_decref(answer);
    answer = ask(snapshot, "{\"get\":\"jobs\",\"job\":\"ee000000000000000000000000000000\"}");
    HS_CHECK_EQ(json_array_size(json_object_get(answer, "jobs")), 1);
    json_decref(answer);
    answer = ask(snapshot, "{\"get\":\"jobs\",\"count\":1}");
    HS_CHECK_EQ(json_array_size(json_object_get(answer, "jobs")), 1);
    json_decref(answer);
    free(snapshot);
}

static void a_member_is_shown_with_its_life_and_its_refutations(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    json_t                    *answer = ask(snapshot, "{\"get\":\"members\"}");
    json_t                    *row = json_array_get(json_object_get(answer, "members"), 0);

    HS_CHECK_EQ(number_at(answer, "members", "incarnation"), 7);
    HS_CHECK_EQ(number_at(answer, "members", "refutations"), 3);
    HS_CHECK_TEXT(json_string_value(json_object_get(row, "state")), "suspect");
    HS_CHECK_TEXT(json_string_value(json_object_get(row, "role")), "?");
    HS_CHECK(json_is_true(json_object_get(row, "is_seed")));
    HS_CHECK(json_is_false(json_object_get(row, "is_self")));
    HS_CHECK(json_is_null(json_object_get(row, "heard_ns")));
    json_decref(answer);
    free(snapshot);
}

static void the_state_of_the_host_follows_its_processes(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    static const char *const   expected[] = {"ready",    "degraded", "degraded",
                                             "starting", "draining", "stopping"};

    for (unsigned i = 0; i < HS_ARRAY_LEN(expected); i++) {
        json_t *answer;

        if (i == 1) snapshot->processes[0].host.state = HS_PROCESS_CRASH_LOOP;
        if (i == 2) snapshot->host.ready_at_ns = 0; /* and will not come up */
        if (i == 3) snapshot->processes[0].host.state = HS_PROCESS_STARTING;
        if (i == 4) snapshot->is_draining = true;
        if (i == 5) snapshot->host.is_stopping = 1;
        answer = ask(snapshot, "{\"get\":\"status\"}");
        HS_CHECK_TEXT(
            json_string_value(json_object_get(json_object_get(answer, "status"), "state")),
            expected[i]);
        json_decref(answer);
    }
    free(snapshot);
}

static const struct hs_status_field *field_of(const char *path)
{
    const struct hs_status_field *field;

    for (size_t i = 0; (field = hs_status_field_at(i)); i++)
        if (strcmp(field->path, path) == 0) return field;
    return NULL;
}

static const char *type_of(const json_t *value)
{
    if (json_is_number(value)) return "NUMBER";
    if (json_is_string(value)) return "STRING";
    if (json_is_boolean(value)) return "BOOL";
    if (json_is_object(value)) return "OBJECT";
    return json_is_array(value) ? "LIST" : "null";
}

static char     seen_paths[480][96];
static unsigned seen_count;

static void check_value(const char *path, json_t *value)
{
    const struct hs_status_field *field = field_of(path);
    bool                          is_known = field != NULL;

    if (!is_known) (void)fprintf(stderr, "%s is in no row of status_fields.def\n", path);
    HS_CHECK(is_known);
    if (!is_known) return;
    if (json_is_null(value))
        HS_CHECK(strchr(field->type, '?') != NULL);
    else
        HS_CHECK(strncmp(field->type, type_of(value), strlen(type_of(value))) == 0);
    HS_CHECK(seen_count < HS_ARRAY_LEN(seen_paths));
    (void)snprintf(seen_paths[seen_count++], sizeof seen_paths[0], "%s", path);
}

static void check_object(const char *prefix, json_t *object);

/* Objects whose keys are names of counters or states are documented as a whole. */
static void descend(const char *path, json_t *value)
{
    char inner[96];

    if (json_is_object(value) && strcmp(path, "status.jobs") != 0 &&
        strcmp(path, "counters[].values") != 0) {
        (void)snprintf(inner, sizeof inner, "%s.", path);
        check_object(inner, value);
    }
    if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
        (void)snprintf(inner, sizeof inner, "%s[].", path);
        check_object(inner, json_array_get(value, 0));
    }
}

static void check_object(const char *prefix, json_t *object)
{
    const char *key;
    json_t     *value;
    char        path[96];

    json_object_foreach(object, key, value)
    {
        (void)snprintf(path, sizeof path, "%s%s", prefix, key);
        check_value(path, value);
        descend(path, value);
    }
}

static bool was_seen(const char *path)
{
    for (unsigned i = 0; i < seen_count; i++)
        if (strcmp(seen_paths[i], path) == 0) return true;
    return false;
}

static void answers_hold_exactly_the_documented_fields(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    json_t                    *answer;
    char                       line[64];

    seen_count = 0;
    for (unsigned what = 0; what < HS_STATUS_WHAT_COUNT; what++) {
        (void)snprintf(line, sizeof line, "{\"get\":\"%s\"}",
                       hs_status_what_name((enum hs_status_what)what));
        answer = ask(snapshot, line);
        check_object("", answer);
        HS_CHECK_EQ(json_integer_value(json_object_get(answer, "schema")), 1);
        json_decref(answer);
    }
    hs_status_fault_set(&fault, "E-X", NULL, "text");
    answer = hs_status_reply_fault(&fault);
    check_object("", answer);
    json_decref(answer);
    answer = hs_status_reply_done(HS_VERB_RELOAD, "generation 2");
    check_object("", answer);
    json_decref(answer);
    for (size_t i = 0; hs_status_field_at(i); i++) {
        if (!was_seen(hs_status_field_at(i)->path))
            (void)fprintf(stderr, "%s is in no answer\n", hs_status_field_at(i)->path);
        HS_CHECK(was_seen(hs_status_field_at(i)->path));
    }
    free(snapshot);
}

static void text_that_is_not_utf8_and_numbers_too_large_still_make_an_answer(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    json_t                    *answer = ask(snapshot, "{\"get\":\"log\"}");
    json_t                    *row = json_array_get(json_object_get(answer, "log"), 0);

    HS_CHECK_TEXT(json_string_value(json_object_get(row, "line")), "broken ? text");
    json_decref(answer);
    snapshot->jobs[1].bytes_in = UINT64_MAX;
    answer = ask(snapshot, "{\"get\":\"jobs\"}");
    HS_CHECK_EQ(number_at(answer, "jobs", "bytes_in"), INT64_MAX);
    json_decref(answer);
    free(snapshot);
}

static void moments_are_shown_as_wall_time(void)
{
    struct hs_status_snapshot *snapshot = snapshot_made();
    json_t                    *answer = ask(snapshot, "{\"get\":\"status\"}");

    HS_CHECK_TEXT(json_string_value(json_object_get(answer, "at")), "2023-11-14T22:13:29.000Z");
    json_decref(answer);
    free(snapshot);
}

CU_TestInfo hs_tests_status[] = {
    {"each kind of request is understood", each_kind_of_request_is_understood},
    {"each wrong request has its exact error", each_wrong_request_has_its_exact_error},
    {"SEC-20 SEC-60 deep and long requests are refused", deep_and_long_requests_are_refused},
    {"SEC-20 readers may not act and strangers may nothing",
     readers_may_not_act_and_strangers_may_nothing},
    {"requests that arrive in pieces or together come one by one",
     requests_that_arrive_in_pieces_or_together_come_one_by_one},
    {"SEC-20 a client that sends too much is cut off", a_client_that_sends_too_much_is_cut_off},
    {"SEC-20 a slow client is late", a_slow_client_is_late},
    {"an empty line hurries nobody", an_empty_line_hurries_nobody},
    {"a watch comes round and never piles up", a_watch_comes_round_and_never_piles_up},
    {"jobs come newest first with figures that add up",
     jobs_come_newest_first_with_figures_that_add_up},
    {"a member is shown with its life and its refutations",
     a_member_is_shown_with_its_life_and_its_refutations},
    {"the state of the host follows its processes", the_state_of_the_host_follows_its_processes},
    {"answers hold exactly the documented fields", answers_hold_exactly_the_documented_fields},
    {"text that is not UTF-8 and numbers too large still make an answer",
     text_that_is_not_utf8_and_numbers_too_large_still_make_an_answer},
    {"moments are shown as wall time", moments_are_shown_as_wall_time},
    CU_TEST_INFO_NULL,
};
