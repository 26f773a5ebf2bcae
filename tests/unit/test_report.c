// SPDX-License-Identifier: Apache-2.0
/* test_report.c - the numbers of a run, its verdicts, and how they are shown. */
#include "roles/stats/report.h"

#include "roles/stats/report_json.h"
#include "roles/stats/report_text.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <math.h>
#include <stdlib.h>

enum { CHUNKS = 4000 };

static struct hs_chunk      chunks[CHUNKS];
static struct hs_chunk_pool pool;
static struct hs_report     report;
static char                 text[HS_REPORT_TEXT_BYTES];

static void record(struct hs_stats *stats, enum hs_measure measure, uint64_t value_ns,
                   unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (hs_stats_record(stats, measure, value_ns) != 0) abort();
}

/* 10,000 requests in 10 s: all completed but failed_count, of the class given. */
static void fill(struct hs_stats *stats, unsigned failed_count, enum hs_error_class error)
{
    unsigned completed_count = 10000 - failed_count;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(stats, &pool);
    stats->tallies[HS_TALLY_SENT] = 10000;
    stats->tallies[HS_TALLY_BYTES_IN] = 1500000;
    stats->tallies[HS_TALLY_BYTES_OUT] = 500000;
    stats->tallies[HS_TALLY_CONNECTIONS] = 50;
    stats->errors[error] = failed_count;
    record(stats, HS_MEASURE_RESPONSE, 3 * HS_NS_PER_MS, completed_count);
    record(stats, HS_MEASURE_SERVICE, 2 * HS_NS_PER_MS, completed_count);
    record(stats, HS_MEASURE_FAILED, 5 * HS_NS_PER_S, failed_count);
    record(stats, HS_MEASURE_LAG, 14 * HS_NS_PER_US, 10000);
    record(stats, HS_MEASURE_CONNECT, 200 * HS_NS_PER_US, 50);
    record(stats, HS_MEASURE_WAIT, 2 * HS_NS_PER_MS, completed_count);
    if (hs_stats_add_status(stats, 200, completed_count) != 0) abort();
}

static struct hs_report_meta meta_of_ten_seconds(void)
{
    return (struct hs_report_meta){.name = "search-api",
                                   .run_id = "",
                                   .backend = "io_uring",
                                   .seed = 1,
                                   .duration_ns = 10 * HS_NS_PER_S,
                                   .engine_count = 2,
                                   .is_open_model = true};
}

static void build(const struct hs_stats *stats)
{
    struct hs_report_meta meta = meta_of_ten_seconds();

    hs_report_build(&report, &meta, stats);
}

static void a_clean_run_is_ok_and_passed(void)
{
    struct hs_stats stats;

    fill(&stats, 0, HS_ERROR_CHECK);
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
    HS_CHECK_EQ(report.target, HS_TARGET_PASSED);
    HS_CHECK_EQ(report.reason_count, 0);
    HS_CHECK_EQ(report.requests.offered, 10000);
    HS_CHECK(fabs(report.rate_per_s - 1000.0) < 1e-9);
    HS_CHECK_EQ(report.measures[HS_MEASURE_RESPONSE].mean_ns, 3 * HS_NS_PER_MS);
    HS_CHECK_EQ(report.measures[HS_MEASURE_RESPONSE].percentile_ns[HS_REPORT_P99],
                3 * HS_NS_PER_MS);
    HS_CHECK(report.measures[HS_MEASURE_RESPONSE].is_known[HS_REPORT_P999]);
    HS_CHECK(!report.measures[HS_MEASURE_RESPONSE]
                  .is_known[HS_REPORT_P9999]); /* 10,000 are too few for 99.99 % */
    HS_CHECK(fabs(report.in_flight_mean - 2.0) < 1e-9);
}

static void timeouts_make_percentiles_lower_bounds(void)
{
    struct hs_stats stats;

    fill(&stats, 200, HS_ERROR_TIMEOUT_RESPONSE); /* 2 %: above p99, below p90 */
    build(&stats);
    HS_CHECK_EQ(report.timeout_count, 200);
    HS_CHECK(!report.measures[HS_MEASURE_RESPONSE].is_at_least[HS_REPORT_P90]);
    HS_CHECK(report.measures[HS_MEASURE_RESPONSE].is_at_least[HS_REPORT_P99]);
    HS_CHECK_EQ(report.target, HS_TARGET_PASSED);
    fill(&stats, 200, HS_ERROR_STATUS_5XX); /* failed, but their time is known */
    build(&stats);
    HS_CHECK(!report.measures[HS_MEASURE_RESPONSE].is_at_least[HS_REPORT_P99]);
}

static void lateness_spoils_an_open_run_and_not_the_target(void)
{
    struct hs_stats       stats;
    struct hs_report_meta meta = meta_of_ten_seconds();

    fill(&stats, 0, HS_ERROR_CHECK);
    record(&stats, HS_MEASURE_LAG, 200 * HS_NS_PER_MS, 200);
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    HS_CHECK_EQ(report.target, HS_TARGET_PASSED);
    HS_CHECK(strstr(report.reasons[0], "lag p99 ") != NULL);
    meta.is_open_model = false;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_DEGRADED);
    meta.lag_limit_ns = HS_NS_PER_S;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
}

static void a_tenth_of_a_slow_response_is_not_late(void)
{
    struct hs_stats stats;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    stats.tallies[HS_TALLY_SENT] = 2000;
    record(&stats, HS_MEASURE_RESPONSE, 100 * HS_NS_PER_MS, 2000);
    record(&stats, HS_MEASURE_LAG, 9 * HS_NS_PER_MS, 2000);
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
}

static void running_out_of_something_is_the_generators_fault(void)
{
    struct hs_stats stats;

    fill(&stats, 10, HS_ERROR_CONNECT_NO_PORT);
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_DEGRADED);
    HS_CHECK(strstr(report.reasons[0], "connect.no_port 10") != NULL);
    fill(&stats, 1000, HS_ERROR_LOCAL_OOM);
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    HS_CHECK_EQ(report.target, HS_TARGET_PASSED);
}

static void one_late_request_of_few_is_no_late_generator(void)
{
    struct hs_stats       stats;
    struct hs_report_meta meta = meta_of_ten_seconds();

    meta.is_open_model = true;
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    stats.tallies[HS_TALLY_SENT] = 200;
    for (unsigned i = 0; i < 200; i++) {
        HS_CHECK_EQ(hs_stats_record(&stats, HS_MEASURE_RESPONSE, HS_NS_PER_MS), 0);
        HS_CHECK_EQ(hs_stats_record(&stats, HS_MEASURE_LAG, (i < 5 ? 50 : 0) * HS_NS_PER_MS), 0);
    }
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
    for (unsigned i = 0; i < 30; i++)
        HS_CHECK_EQ(hs_stats_record(&stats, HS_MEASURE_LAG, 50 * HS_NS_PER_MS), 0);
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    HS_CHECK(strstr(report.reasons[0], "lag p90 ") != NULL);
    hs_stats_fini(&stats);
}

static void many_steps_leave_room_for_what_follows(void)
{
    static struct hs_report_step steps[1000];
    struct hs_stats              stats;
    struct hs_report_meta        meta = meta_of_ten_seconds();

    fill(&stats, 7, HS_ERROR_CHECK);
    for (unsigned i = 0; i < 1000; i++)
        hs_report_step_build(&steps[i], i % 2 ? "even" : "odd", "/a-path-of-some-length-here",
                             &stats);
    hs_report_build(&report, &meta, &stats);
    hs_report_set_steps(&report, steps, 1000);
    HS_CHECK(hs_report_text(&report, text, sizeof text) + 1 < sizeof text);
    HS_CHECK(strstr(text, "  odd: /a-path-of-som") != NULL);
    HS_CHECK(strstr(text, "  and 950 more (--json has all)\nerrors       check 7 ") != NULL ||
             strstr(text, "  and 950 more (--json has all)\nstatus ") != NULL);
    HS_CHECK(strstr(text, "errors       check 7 ") != NULL);
}

static void deaths_and_gaps_are_named(void)
{
    struct hs_stats       stats;
    struct hs_report_meta meta = meta_of_ten_seconds();

    fill(&stats, 0, HS_ERROR_CHECK);
    stats.tallies[HS_TALLY_LOST] = 7;
    meta.restart_count = 1;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_DEGRADED);
    HS_CHECK_EQ(report.reason_count, 2);
    HS_CHECK_EQ(report.requests.offered, 10007);
    stats.tallies[HS_TALLY_LOST] = 500;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
}

static void requests_that_nobody_waited_for_are_named(void)
{
    struct hs_stats       stats;
    struct hs_report_meta meta = meta_of_ten_seconds();

    fill(&stats, 0, HS_ERROR_CHECK);
    stats.tallies[HS_TALLY_DROPPED] = 60;
    stats.tallies[HS_TALLY_SHED] = 40;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_DEGRADED);
    HS_CHECK_TEXT(report.reasons[0], "100 of 10100 requests were dropped: too many in flight");
    stats.tallies[HS_TALLY_DROPPED] = 70;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    HS_CHECK_EQ(report.target, HS_TARGET_PASSED);
}

static void figures_so_far_are_no_result(void)
{
    struct hs_report_meta meta = meta_of_ten_seconds();
    struct hs_stats       stats;
    json_t               *root;

    fill(&stats, 0, HS_ERROR_CHECK);
    stats.tallies[HS_TALLY_SENT] += 4; /* in flight */
    meta.is_running = true;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "search-api  RUNNING   10.0s   ") != NULL);
    HS_CHECK(strstr(text, "sent = completed 10 000 + failed 0 + cut 0 + in flight 4\n") != NULL);
    HS_CHECK(strstr(text, "seed") == NULL); /* nor engines, nor what they run on */
    HS_CHECK(strstr(text, "io_uring") == NULL);
    root = hs_report_json(&report);
    HS_CHECK(json_is_true(json_object_get(root, "running")));
    json_decref(root);
    stats.tallies[HS_TALLY_SENT] -= 5; /* but never less than its outcomes */
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    hs_stats_clear(&stats);
    stats.tallies[HS_TALLY_SENT] = 4;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.target, HS_TARGET_UNMEASURED);
}

static void an_attempt_that_was_run_again_is_named(void)
{
    struct hs_stats stats;

    fill(&stats, 0, HS_ERROR_CHECK);
    stats.tallies[HS_TALLY_DISCARDED] = 1201;
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_DEGRADED);
    HS_CHECK_TEXT(report.reasons[0], "a share was run again: the target has seen 1201 requests "
                                     "more, and those of up to a second before");
}

static void the_mean_in_flight_is_known_unless_many_failed(void)
{
    struct hs_stats       stats;
    struct hs_report_meta meta = meta_of_ten_seconds();

    fill(&stats, 0, HS_ERROR_CHECK);
    hs_report_build(&report, &meta, &stats);
    HS_CHECK(report.in_flight_mean >
             0.99 * report.rate_per_s * (double)report.measures[HS_MEASURE_SERVICE].mean_ns / 1e9);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
    stats.tallies[HS_TALLY_SENT] += 200;
    stats.tallies[HS_TALLY_CUT] = 200;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK(report.in_flight_mean < 0.0);
}

static void missing_outcomes_and_empty_runs_are_invalid(void)
{
    struct hs_stats stats;

    fill(&stats, 0, HS_ERROR_CHECK);
    stats.tallies[HS_TALLY_SENT]++;
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    stats.tallies[HS_TALLY_CUT]++;
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_OK);
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    build(&stats);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
}

static void a_target_that_answers_nothing_failed(void)
{
    struct hs_stats stats;

    fill(&stats, 10000, HS_ERROR_CONNECT_REFUSED);
    build(&stats);
    HS_CHECK_EQ(report.target, HS_TARGET_UNREACHABLE);
    fill(&stats, 10000, HS_ERROR_RECV_RESET);
    build(&stats);
    HS_CHECK_EQ(report.target, HS_TARGET_FAILED);
    hs_stats_clear(&stats);
    stats.tallies[HS_TALLY_SENT] = stats.tallies[HS_TALLY_CUT] = 50;
    build(&stats);
    HS_CHECK_EQ(report.target, HS_TARGET_FAILED);
}

static void a_run_that_measured_nothing_did_not_pass(void)
{
    struct hs_report_meta meta = meta_of_ten_seconds();
    struct hs_stats       stats;
    json_t               *root;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    build(&stats);
    HS_CHECK_EQ(report.target, HS_TARGET_UNMEASURED);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "search-api  UNMEASURED ") != NULL);
    root = hs_report_json(&report);
    HS_CHECK_TEXT(json_string_value(json_object_get(json_object_get(root, "verdict"), "target")),
                  "UNMEASURED");
    json_decref(root);
    stats.tallies[HS_TALLY_LOST] = 7; /* due, but never sent */
    build(&stats);
    HS_CHECK_EQ(report.target, HS_TARGET_UNMEASURED);
    meta.is_interrupted = true; /* and before an answer could come */
    stats.tallies[HS_TALLY_SENT] = stats.tallies[HS_TALLY_CUT] = 50;
    hs_report_build(&report, &meta, &stats);
    HS_CHECK_EQ(report.target, HS_TARGET_UNMEASURED);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "search-api  INTERRUPTED ") != NULL);
}

static uint64_t integer_at(json_t *root, const char *object, const char *key)
{
    json_t *from = object ? json_object_get(root, object) : root;

    return (uint64_t)json_integer_value(json_object_get(from, key));
}

static void the_document_says_what_the_report_says(void)
{
    struct hs_stats       stats;
    struct hs_report_step step;
    json_t               *root;

    fill(&stats, 200, HS_ERROR_TIMEOUT_RESPONSE);
    if (hs_stats_add_status(&stats, 777, 3) != 0) abort();
    build(&stats);
    hs_report_step_build(&step, "main", "find", &stats);
    hs_report_set_steps(&report, &step, 1);
    root = hs_report_json(&report);
    HS_CHECK(root != NULL);
    HS_CHECK_EQ(integer_at(root, NULL, "schema"), 1);
    HS_CHECK_EQ(integer_at(root, NULL, "duration_ns"), 10 * HS_NS_PER_S);
    HS_CHECK_EQ(integer_at(root, "requests", "sent"), 10000);
    HS_CHECK_EQ(integer_at(root, "requests", "completed"), 9800);
    HS_CHECK_EQ(integer_at(root, "requests", "failed"), 200);
    HS_CHECK_EQ(integer_at(root, "errors", "timeout.response"), 200);
    HS_CHECK_EQ(integer_at(root, "status", "200"), 9800);
    HS_CHECK_EQ(integer_at(root, "status", "other"), 3);
    HS_CHECK_EQ(integer_at(root, "bytes", "in"), 1500000);
    HS_CHECK_EQ(integer_at(root, "response_time_ns", "p99"), 3 * HS_NS_PER_MS);
    HS_CHECK(json_is_null(json_object_get(json_object_get(root, "response_time_ns"), "p9999")));
    HS_CHECK_EQ(
        json_array_size(json_object_get(json_object_get(root, "response_time_ns"), "at_least")),
        1); /* p99; of p99.9 nothing is known anyhow */
    HS_CHECK_TEXT(json_string_value(json_object_get(json_object_get(root, "verdict"), "target")),
                  "PASSED");
    HS_CHECK_EQ(json_array_size(json_object_get(root, "steps")), 1);
    HS_CHECK(json_is_array(json_object_get(root, "thresholds")));
    HS_CHECK_EQ(integer_at(root, NULL, "engines"), 2);
    json_decref(root);
}

static void a_name_that_is_not_utf8_gives_no_document(void)
{
    struct hs_stats       stats;
    struct hs_report_meta meta = meta_of_ten_seconds();

    fill(&stats, 0, HS_ERROR_CHECK);
    meta.name = "\xff\xfe";
    hs_report_build(&report, &meta, &stats);
    HS_CHECK(hs_report_json(&report) == NULL);
}

static void the_median_of_a_few_is_a_dash(void)
{
    struct hs_stats stats;
    json_t         *root;

    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&stats, &pool);
    stats.tallies[HS_TALLY_SENT] = 19;
    record(&stats, HS_MEASURE_RESPONSE, 3 * HS_NS_PER_MS, 19);
    record(&stats, HS_MEASURE_WAIT, 3 * HS_NS_PER_MS, 19);
    build(&stats);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "response time (sched)   3.0ms       \xe2\x80\x93 ") != NULL);
    HS_CHECK(strstr(text, "wait \xe2\x80\x93 ") != NULL);
    root = hs_report_json(&report); /* has the count beside it */
    HS_CHECK_EQ(integer_at(root, "response_time_ns", "p50"), 3 * HS_NS_PER_MS);
    HS_CHECK(json_is_null(json_object_get(json_object_get(root, "response_time_ns"), "p90")));
    json_decref(root);
    stats.tallies[HS_TALLY_SENT]++;
    record(&stats, HS_MEASURE_RESPONSE, 3 * HS_NS_PER_MS, 1);
    build(&stats);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "response time (sched)   3.0ms   3.0ms ") != NULL);
}

static void many_failures_stand_beside_the_verdict(void)
{
    struct hs_report_meta meta = meta_of_ten_seconds();
    struct hs_stats       stats;

    fill(&stats, 6500, HS_ERROR_STATUS_5XX);
    build(&stats);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "search-api  PASSED, but 65.0% of requests failed   10.0s") != NULL);
    meta.is_interrupted = true;
    hs_report_build(&report, &meta, &stats);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "search-api  INTERRUPTED, and 65.0% of requests failed   ") != NULL);
    fill(&stats, 99, HS_ERROR_STATUS_5XX);
    build(&stats);
    (void)hs_report_text(&report, text, sizeof text);
    HS_CHECK(strstr(text, "search-api  PASSED   10.0s") != NULL);
}

static void the_summary_has_every_figure(void)
{
    static const char *const wanted[] = {
        "search-api  PASSED   10.0s",
        "seed 1",
        "measurement: OK",
        "lag p99 14us (limit 1.0ms)",
        "offered 10 000 = sent 10 000 + dropped 0 + shed 0;  sent = completed 9 990 + failed 10 + "
        "cut 0",
        "completed 999/s",
        "response time (sched)",
        "n = 9 990 (+10 timed out)",
        "service time (wire)",
        "connect 200us\xc3\x97"
        "50",
        "status       200 9 990",
        "errors       timeout.response 10 (0.10%)",
    };
    struct hs_stats stats;
    size_t          used;

    fill(&stats, 10, HS_ERROR_TIMEOUT_RESPONSE);
    build(&stats);
    used = hs_report_text(&report, text, sizeof text);
    HS_CHECK_EQ(used, strlen(text));
    for (unsigned i = 0; i < HS_ARRAY_LEN(wanted); i++) {
        if (!strstr(text, wanted[i])) (void)fprintf(stderr, "no \"%s\" in\n%s", wanted[i], text);
        HS_CHECK(strstr(text, wanted[i]) != NULL);
    }
}

static void little_room_truncates_the_summary(void)
{
    struct hs_stats stats;
    char            small[40];

    fill(&stats, 0, HS_ERROR_CHECK);
    build(&stats);
    HS_CHECK_EQ(hs_report_text(&report, small, sizeof small), sizeof small - 1);
    HS_CHECK_EQ(strlen(small), sizeof small - 1);
    HS_CHECK_EQ(hs_report_text(&report, small, 0), 0);
}

static void the_line_of_a_second_shows_its_interval(void)
{
    struct hs_stats       before;
    struct hs_stats       now;
    struct hs_report_line line = {.elapsed_ns = 97 * HS_NS_PER_S + 1,
                                  .phase = "steady",
                                  .interval_ns = HS_NS_PER_S / 2,
                                  .in_flight_count = 6};

    fill(&now, 2, HS_ERROR_RECV_RESET);
    hs_stats_init(&before, &pool);
    if (hs_stats_copy(&before, &now) != 0) abort();
    now.tallies[HS_TALLY_SENT] += 1000;
    now.tallies[HS_TALLY_DROPPED] += 1;
    record(&now, HS_MEASURE_RESPONSE, 4 * HS_NS_PER_MS, 1000);
    HS_CHECK_EQ(hs_stats_subtract(&now, &before), 0);
    (void)hs_report_line(&line, &now, text, sizeof text);
    HS_CHECK_TEXT(text,
                  "t=97s phase=steady offered=2002 sent=2000 done=2000 err=0 drop=2 p50=4.0ms "
                  "p99=4.0ms p999=\xe2\x80\x93 lag99=\xe2\x80\x93 inflight=6");
}

CU_TestInfo hs_tests_report[] = {
    {"one late request of few is no late generator", one_late_request_of_few_is_no_late_generator},
    {"many steps leave room for what follows", many_steps_leave_room_for_what_follows},
    {"a clean run is OK and passed", a_clean_run_is_ok_and_passed},
    {"timeouts make percentiles lower bounds", timeouts_make_percentiles_lower_bounds},
    {"lateness spoils an open run, and not the target",
     lateness_spoils_an_open_run_and_not_the_target},
    {"a tenth of a slow response is not late", a_tenth_of_a_slow_response_is_not_late},
    {"running out of something is the generator's fault",
     running_out_of_something_is_the_generators_fault},
    {"deaths and gaps are named", deaths_and_gaps_are_named},
    {"figures so far are no result", figures_so_far_are_no_result},
    {"an attempt that was run again is named", an_attempt_that_was_run_again_is_named},
    {"the mean in flight is known unless many failed",
     the_mean_in_flight_is_known_unless_many_failed},
    {"requests that nobody waited for are named", requests_that_nobody_waited_for_are_named},
    {"missing outcomes and empty runs are invalid", missing_outcomes_and_empty_runs_are_invalid},
    {"a target that answers nothing failed", a_target_that_answers_nothing_failed},
    {"a run that measured nothing did not pass", a_run_that_measured_nothing_did_not_pass},
    {"the document says what the report says", the_document_says_what_the_report_says},
    {"a name that is not UTF-8 gives no document", a_name_that_is_not_utf8_gives_no_document},
    {"the median of a few is a dash", the_median_of_a_few_is_a_dash},
    {"many failures stand beside the verdict", many_failures_stand_beside_the_verdict},
    {"the summary has every figure", the_summary_has_every_figure},
    {"little room truncates the summary", little_room_truncates_the_summary},
    {"the line of a second shows its interval", the_line_of_a_second_shows_its_interval},
    CU_TEST_INFO_NULL,
};
