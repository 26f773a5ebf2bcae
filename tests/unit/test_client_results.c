// SPDX-License-Identifier: Apache-2.0
/* test_client_results.c - a job's run records as one report. */
#include "roles/client/results.h"

#include "roles/job_table.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 64 << 10 };

static struct hs_results    results;
static struct hs_report     report;
static struct hs_chunk      own_chunks[2000];
static struct hs_chunk_pool own_pool;
static uint8_t              memory[RECORD_BYTES];
static struct hs_writer     out;
static struct hs_chunk     *chunks;

static uint32_t workflow_idx; /* of the next record that is added */

static void begin(void)
{
    chunks = calloc(HS_RESULTS_CHUNKS, sizeof *chunks);
    if (!chunks) abort();
    hs_results_init(&results, chunks);
    hs_writer_init(&out, memory, sizeof memory);
    workflow_idx = 0;
}

static uint64_t begin_ns; /* of the workflows that are added */
static uint64_t warmup_ns;
static uint64_t elapsed_ns;
static uint32_t flags;
static char     text[64];

static const char *step_name = "step";

/* A record of one workflow with that many steps of 1,000 requests each. */
static void add_record(const char *workflow, enum hs_workflow_state state, uint64_t duration_ns,
                       uint32_t step_count)
{
    struct hs_run_record        record = {.workflow_idx = workflow_idx++,
                                          .state = state,
                                          .flags = flags,
                                          .seed = 7,
                                          .begin_ns = begin_ns,
                                          .warmup_ns = warmup_ns,
                                          .elapsed_ns = elapsed_ns,
                                          .duration_ns = duration_ns,
                                          .engine_count = 2,
                                          .restart_count = 1,
                                          .step_count = step_count};
    struct hs_run_record_writer writer;
    struct hs_stats             stats;

    memset(own_chunks, 0, sizeof own_chunks);
    hs_chunk_pool_init(&own_pool, own_chunks, 2000);
    hs_stats_init(&stats, &own_pool);
    stats.tallies[HS_TALLY_SENT] = 1000;
    for (unsigned i = 0; i < 1000; i++)
        if (hs_stats_record(&stats, HS_MEASURE_RESPONSE, HS_NS_PER_MS) != 0) abort();
    (void)snprintf(record.workflow, sizeof record.workflow, "%s", workflow);
    (void)snprintf(record.backend, sizeof record.backend, "epoll");
    (void)snprintf(record.text, sizeof record.text, "%s", text);
    hs_run_record_begin(&writer, &record, &out);
    for (uint32_t i = 0; i < step_count; i++)
        hs_run_record_put_step(&writer, hs_view_text(step_name), &stats);
    if (hs_run_record_end(&writer) != 0) abort();
}

static int take(void)
{
    int rc = hs_results_take(&results, hs_view_of(memory, out.used_bytes));

    if (rc == 0) {
        struct hs_report_meta meta = {.name = "run", .run_id = ""};

        hs_results_report(&results, &meta, &report);
    }
    free(chunks);
    return rc;
}

static void workflows_add_up(void)
{
    begin();
    add_record("a", HS_WORKFLOW_COMPLETED, 5 * HS_NS_PER_S, 1);
    add_record("b", HS_WORKFLOW_COMPLETED, 10 * HS_NS_PER_S, 2);
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(report.requests.completed, 3000);
    HS_CHECK_EQ(report.step_count, 3);
    HS_CHECK_TEXT(report.steps[2].workflow, "b");
    HS_CHECK_EQ(report.meta.duration_ns, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(report.meta.restart_count, 2);
    HS_CHECK_EQ(report.meta.engine_count, 2);
    HS_CHECK_TEXT(report.meta.backend, "epoll");
    HS_CHECK(!results.is_incomplete);
}

static void a_workflow_in_several_datacenters_is_one(void)
{
    begin();
    add_record("a", HS_WORKFLOW_COMPLETED, 5 * HS_NS_PER_S, 2);
    add_record("b", HS_WORKFLOW_COMPLETED, 5 * HS_NS_PER_S, 1);
    workflow_idx = 0; /* the second datacenter: its first workflow took longer */
    add_record("a", HS_WORKFLOW_COMPLETED, 7 * HS_NS_PER_S, 2);
    add_record("b", HS_WORKFLOW_COMPLETED, 5 * HS_NS_PER_S, 1);
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(report.step_count, 3);
    HS_CHECK_TEXT(report.steps[1].workflow, "a");
    HS_CHECK_EQ(report.steps[1].requests.completed, 2000);
    HS_CHECK_TEXT(report.steps[2].workflow, "b");
    HS_CHECK_EQ(report.steps[2].requests.completed, 2000);
    HS_CHECK_EQ(report.requests.completed, 6000);
    HS_CHECK_EQ(report.meta.duration_ns, 7 * HS_NS_PER_S);
    HS_CHECK_EQ(report.meta.engine_count, 4);
}

static void a_datacenter_that_tells_no_steps_is_a_row_of_its_own(void)
{
    begin();
    add_record("a", HS_WORKFLOW_COMPLETED, HS_NS_PER_S, 2);
    workflow_idx = 0;
    step_name = "all steps";
    add_record("a", HS_WORKFLOW_COMPLETED, HS_NS_PER_S, 1);
    workflow_idx = 0;
    add_record("a", HS_WORKFLOW_COMPLETED, HS_NS_PER_S, 1);
    step_name = "step";
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(report.step_count, 3);
    HS_CHECK_TEXT(report.steps[1].name, "all steps");
    HS_CHECK_EQ(report.steps[1].requests.completed, 2000);
    HS_CHECK_EQ(report.requests.completed, 4000);
}

static void as_many_workflows_and_datacenters_as_there_may_be_fit(void)
{
    struct hs_run_record        record = {.state = HS_WORKFLOW_COMPLETED, .engine_count = 1};
    struct hs_run_record_writer writer;

    begin();
    for (unsigned i = 0; i < 2 * HS_WORKFLOWS_MAX; i++) {
        record.workflow_idx = i % HS_WORKFLOWS_MAX;
        hs_run_record_begin(&writer, &record, &out);
        HS_CHECK_EQ(hs_run_record_end(&writer), 0);
    }
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(report.meta.engine_count, 2);
    begin();
    record.workflow_idx = 0;
    for (unsigned i = 0; i < HS_DATACENTERS_MAX + 1; i++) {
        hs_run_record_begin(&writer, &record, &out);
        HS_CHECK_EQ(hs_run_record_end(&writer), 0);
    }
    HS_CHECK_EQ(take(), -ENOBUFS);
}

static void time_without_load_is_in_no_rate(void)
{
    begin();
    begin_ns = 20 * HS_NS_PER_S; /* the last one comes first: 20 to 24 */
    add_record("c", HS_WORKFLOW_COMPLETED, 4 * HS_NS_PER_S, 1);
    begin_ns = 0; /* 0 to 5 */
    add_record("a", HS_WORKFLOW_COMPLETED, 5 * HS_NS_PER_S, 1);
    begin_ns = 5 * HS_NS_PER_S; /* 8 to 14, after its warm-up */
    warmup_ns = 3 * HS_NS_PER_S;
    add_record("b", HS_WORKFLOW_COMPLETED, 6 * HS_NS_PER_S, 1);
    begin_ns = 10 * HS_NS_PER_S; /* 10 to 16 */
    warmup_ns = 0;
    add_record("d", HS_WORKFLOW_COMPLETED, 6 * HS_NS_PER_S, 1);
    begin_ns = 11 * HS_NS_PER_S; /* 11 to 12: inside of others */
    add_record("e", HS_WORKFLOW_COMPLETED, HS_NS_PER_S, 1);
    begin_ns = 0;
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(report.meta.duration_ns, (5 + 8 + 4) * HS_NS_PER_S);
    HS_CHECK(report.rate_per_s > 5000.0 / 17 - 0.1 && report.rate_per_s < 5000.0 / 17 + 0.1);
}

static void what_ends_long_after_the_load_is_no_rate_of_it(void)
{
    begin();
    begin_ns = HS_NS_PER_S;
    elapsed_ns = 10 * HS_NS_PER_S + 90 * HS_NS_PER_MS;
    add_record("prompt", HS_WORKFLOW_COMPLETED, 10 * HS_NS_PER_S, 1);
    HS_CHECK_EQ(take(), 0);
    HS_CHECK(report.rate_per_s > 99.99 && report.rate_per_s < 100.01);
    begin();
    elapsed_ns = 40 * HS_NS_PER_S;
    add_record("late", HS_WORKFLOW_COMPLETED, 10 * HS_NS_PER_S, 1);
    begin_ns = elapsed_ns = 0;
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(report.meta.duration_ns, 10 * HS_NS_PER_S);
    HS_CHECK(report.rate_per_s > 24.99 && report.rate_per_s < 25.01);
    HS_CHECK(report.offered_rate_per_s > 99.99);
}

static void a_workflow_that_did_not_end_well_makes_them_incomplete(void)
{
    begin();
    add_record("a", HS_WORKFLOW_FAILED, HS_NS_PER_S, 1);
    HS_CHECK_EQ(take(), 0);
    HS_CHECK(results.is_incomplete);
}

static bool says(const char *reason)
{
    for (uint32_t i = 0; i < report.reason_count; i++)
        if (strcmp(report.reasons[i], reason) == 0) return true;
    return false;
}

/* Three workflows in each of six datacenters that were lost, which is more than jobs have. */
static void lost_datacenters_make_them_invalid_and_are_named(void)
{
    begin();
    flags = HS_RUN_RECORD_LOST;
    for (unsigned i = 0; i < 18; i++) {
        (void)snprintf(text, sizeof text, "datacenter d%u was lost", i / 3);
        add_record("a", HS_WORKFLOW_FAILED, HS_NS_PER_S, 1);
    }
    flags = 0;
    text[0] = '\0';
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(results.lost_count, HS_REPORT_LOST_MAX);
    HS_CHECK_EQ(report.measurement, HS_MEASUREMENT_INVALID);
    HS_CHECK(says("datacenter d0 was lost: its figures end where it fell silent"));
    HS_CHECK(says("datacenter d3 was lost: its figures end where it fell silent"));
    HS_CHECK(!says("datacenter d4 was lost: its figures end where it fell silent"));
    begin();
    add_record("a", HS_WORKFLOW_COMPLETED, HS_NS_PER_S, 1);
    HS_CHECK_EQ(take(), 0);
    HS_CHECK_EQ(results.lost_count, 0);
}

static void torn_results_are_refused(void)
{
    begin();
    add_record("a", HS_WORKFLOW_COMPLETED, HS_NS_PER_S, 1);
    out.used_bytes--;
    HS_CHECK_EQ(take(), -EPROTO);
    begin();
    hs_put_bytes(&out, "nonsense, nonsense", 18);
    HS_CHECK_EQ(take(), -EPROTO);
}

static void more_workflows_than_a_plan_has_are_refused(void)
{
    struct hs_run_record        record = {.state = HS_WORKFLOW_COMPLETED};
    struct hs_run_record_writer writer;

    begin();
    for (unsigned i = 0; i < HS_WORKFLOWS_MAX + 1; i++) {
        record.workflow_idx = i;
        hs_run_record_begin(&writer, &record, &out);
        HS_CHECK_EQ(hs_run_record_end(&writer), 0);
    }
    HS_CHECK_EQ(take(), -ENOBUFS);
}

CU_TestInfo hs_tests_client_results[] = {
    {"workflows add up", workflows_add_up},
    {"a workflow in several datacenters is one", a_workflow_in_several_datacenters_is_one},
    {"a datacenter that tells no steps is a row of its own",
     a_datacenter_that_tells_no_steps_is_a_row_of_its_own},
    {"as many workflows and datacenters as there may be fit",
     as_many_workflows_and_datacenters_as_there_may_be_fit},
    {"time without load is in no rate", time_without_load_is_in_no_rate},
    {"what ends long after the load is no rate of it",
     what_ends_long_after_the_load_is_no_rate_of_it},
    {"a workflow that did not end well makes them incomplete",
     a_workflow_that_did_not_end_well_makes_them_incomplete},
    {"lost datacenters make them invalid, and are named",
     lost_datacenters_make_them_invalid_and_are_named},
    {"torn results are refused", torn_results_are_refused},
    {"more workflows than a plan has are refused", more_workflows_than_a_plan_has_are_refused},
    CU_TEST_INFO_NULL};
