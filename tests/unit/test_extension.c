// SPDX-License-Identifier: Apache-2.0
/* test_extension.c - more time for a worker that works but cannot report: who gets how much, and
 * when a worker asks (membership 12). */
#include "roles/manager/extension.h"
#include "roles/manager/workers.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"
#include "tests/unit/worker_fixture.h"

static struct hs_extension        extension;
static struct hs_extension_answer answer;
static uint64_t                   now_ns;

static void begin(void)
{
    extension = (struct hs_extension){0};
    now_ns = 1000 * S;
}

/* A good request in all but what is asked. */
static unsigned ask(const struct hs_extension_ask *with)
{
    struct hs_extension_ask whole = *with;

    whole.is_current = true;
    whole.is_reconciled = true;
    now_ns += 2 * S;
    hs_extension_ask(&extension, &whole, now_ns, &answer);
    return answer.code;
}

static unsigned ask_at(uint32_t progress_ppm)
{
    return ask(&(struct hs_extension_ask){.progress_ppm = progress_ppm});
}

static void grants_halve_and_end(void)
{
    static const uint32_t progress[] = {100000, 300000, 600000, 800000, 900000};
    static const uint64_t grants_ms[] = {30000, 15000, 7500, 3750, 1875};

    begin();
    for (unsigned i = 0; i < 5; i++) {
        HS_CHECK_EQ(ask_at(progress[i]), HS_EXTENSION_GRANTED);
        HS_CHECK_EQ(answer.grant_ns, grants_ms[i] * HS_NS_PER_MS);
        HS_CHECK_EQ(answer.remaining_grants, 4 - i);
        HS_CHECK_EQ(answer.is_warning, i >= 3);
    }
    HS_CHECK_EQ(extension.total_ns, UINT64_C(58125) * HS_NS_PER_MS);
    for (unsigned i = 0; i < 4; i++) {
        HS_CHECK_EQ(ask_at(950000 + i), HS_EXTENSION_MAXED);
        HS_CHECK(!answer.is_evicted);
    }
    HS_CHECK_EQ(extension.total_ns, UINT64_C(58125) * HS_NS_PER_MS);
    hs_extension_reset(&extension); /* a share of it has ended */
    HS_CHECK_EQ(ask_at(0), HS_EXTENSION_GRANTED);
    HS_CHECK_EQ(answer.grant_ns, 30 * S);
}

static void without_progress_there_is_no_more(void)
{
    begin();
    HS_CHECK_EQ(ask_at(300000), HS_EXTENSION_GRANTED);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(ask_at(300000), HS_EXTENSION_NO_PROGRESS);
        HS_CHECK_EQ(answer.grant_ns, 0);
        HS_CHECK_EQ(answer.is_evicted, i == 2);
    }
    HS_CHECK_EQ(extension.grants, 1);
    begin();
    HS_CHECK_EQ(ask_at(0), HS_EXTENSION_GRANTED);
    HS_CHECK_EQ(ask_at(0), HS_EXTENSION_NO_PROGRESS);
    HS_CHECK_EQ(ask_at(0), HS_EXTENSION_NO_PROGRESS);
    HS_CHECK_EQ(ask_at(1), HS_EXTENSION_GRANTED); /* in a row, they must be */
    HS_CHECK_EQ(ask_at(1), HS_EXTENSION_NO_PROGRESS);
    HS_CHECK(!answer.is_evicted);
}

static void items_count_where_progress_stands(void)
{
    begin();
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){
                    .progress_ppm = 500000, .items_done = 10, .items_total = 100}),
                HS_EXTENSION_GRANTED);
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){
                    .progress_ppm = 500000, .items_done = 11, .items_total = 100}),
                HS_EXTENSION_GRANTED);
}

static void an_overloaded_manager_grants_nothing_and_blames_nobody(void)
{
    const struct hs_extension_ask busy = {.items_done = 9, .is_overloaded = true};

    begin();
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){.items_done = 1}), HS_EXTENSION_GRANTED);
    for (unsigned i = 0; i < 5; i++) {
        HS_CHECK_EQ(ask(&busy), HS_EXTENSION_OVERLOADED);
        HS_CHECK(!answer.is_evicted);
    }
    HS_CHECK_EQ(extension.grants, 1);
}

static void bad_and_hasty_requests_change_nothing(void)
{
    const struct hs_extension_ask good = {
        .items_done = 9, .is_current = true, .is_reconciled = true};
    struct hs_extension before;

    begin();
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){.items_done = 5}), HS_EXTENSION_GRANTED);
    before = extension;
    HS_CHECK_EQ(ask_at(1000001), HS_EXTENSION_NO_PROGRESS);
    HS_CHECK(answer.is_malformed);
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){.items_done = 7, .items_total = 6}),
                HS_EXTENSION_NO_PROGRESS);
    HS_CHECK(answer.is_malformed);
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){.items_done = 4}), HS_EXTENSION_NO_PROGRESS);
    HS_CHECK(answer.is_malformed);
    HS_CHECK_EQ(memcmp(&before, &extension, sizeof before), 0);
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){.items_done = 8}), HS_EXTENSION_GRANTED);
    before = extension;
    hs_extension_ask(&extension, &good, now_ns + S - 1, &answer);
    HS_CHECK_EQ(answer.code, HS_EXTENSION_RATE_LIMITED);
    HS_CHECK_EQ(memcmp(&before, &extension, sizeof before), 0);
    hs_extension_ask(&extension, &good, now_ns + S, &answer);
    HS_CHECK_EQ(answer.code, HS_EXTENSION_GRANTED);
}

static void who_is_not_current_gets_nothing(void)
{
    struct hs_extension_ask old = {.items_done = 9, .is_reconciled = true};
    struct hs_extension     before;

    begin();
    HS_CHECK_EQ(ask(&(struct hs_extension_ask){.items_done = 5}), HS_EXTENSION_GRANTED);
    before = extension;
    hs_extension_ask(&extension, &old, now_ns + 5 * S, &answer);
    HS_CHECK_EQ(answer.code, HS_EXTENSION_STALE);
    HS_CHECK_EQ(memcmp(&before, &extension, sizeof before), 0);
    old.is_current = true;
    old.is_reconciled = false;
    hs_extension_ask(&extension, &old, now_ns + 5 * S, &answer);
    HS_CHECK_EQ(answer.code, HS_EXTENSION_REFUTE_FIRST);
    HS_CHECK_EQ(extension.grants, 1);
}

static void trackers_are_gone_with_their_workers(void)
{
    static struct hs_workers  workers;
    struct hs_manager_worker *worker;
    struct hs_msg_wreg        wreg = {.incarnation = 1, .cores = 1};

    for (uint32_t i = 1; i <= 100000; i++) {
        memcpy(wreg.worker, &i, sizeof i);
        HS_CHECK_EQ(hs_workers_register(&workers, &wreg, i, now_ns, &worker), 1);
        HS_CHECK_EQ(worker->extension.grants, 0);
        worker->extension.grants = 3;
        HS_CHECK(workers.count <= 5);
        if (i % 5 == 0)
            for (uint32_t k = 0; k < workers.high; k++) hs_workers_forget(&workers, &workers.at[k]);
    }
    HS_CHECK_EQ(workers.count, 0);
}

/* ---- the worker ---- */

static void register_with(uint64_t silent_ns)
{
    struct hs_execs_event registered = {.type = HS_EXECS_REGISTERED,
                                        .session = SESSION,
                                        .manager_fence = LEADER,
                                        .silent_ns = silent_ns};

    wf_step(&registered);
}

/* Seconds until it asks; progress goes out or not. */
static unsigned seconds_until_asked(bool is_told, unsigned most)
{
    for (unsigned i = 1; i <= most; i++) {
        wf_time_out(S);
        if (wf_count(HS_EXECS_DO_EXTEND)) return i;
        if (is_told && wf_count(HS_EXECS_DO_PROGRESS))
            hs_execs_told(&wf.execs, wf_find(HS_EXECS_DO_PROGRESS)->row, wf.now_ns);
    }
    return 0;
}

static void answer_with(int code, uint64_t grant_ns)
{
    struct hs_execs_event event = {.type = HS_EXECS_EXTENSION, .code = code, .wait_ns = grant_ns};

    wf_step(&event);
}

static void who_reports_does_not_ask(void)
{
    wf_set_up();
    register_with(30 * S);
    wf_start(1, 100, 1);
    HS_CHECK_EQ(seconds_until_asked(true, 50), 0);
}

static void who_cannot_report_asks_before_it_is_taken_for_silent(void)
{
    uint64_t timeout_ns;

    wf_set_up();
    register_with(30 * S);
    wf_start(1, 100, 1);
    wf_row_of(1)->record.timeout_ns = 600 * S;
    HS_CHECK(seconds_until_asked(true, 3) == 0);
    HS_CHECK_EQ(seconds_until_asked(false, 30), 20);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_EXTEND)->code, HS_EXTENSION_CONTENTION);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_EXTEND)->cores, 1);
    timeout_ns = wf_row_of(1)->record.timeout_ns;
    answer_with(HS_EXTENSION_GRANTED, 30 * S);
    HS_CHECK_EQ(wf_row_of(1)->record.timeout_ns, timeout_ns + 30 * S);
    HS_CHECK_EQ(seconds_until_asked(false, 60), 30);
    answer_with(HS_EXTENSION_NO_PROGRESS, 0);
    HS_CHECK_EQ(seconds_until_asked(false, 60), 2);
    answer_with(HS_EXTENSION_MAXED, 0);
    HS_CHECK_EQ(seconds_until_asked(false, 60), 10);
    (void)seconds_until_asked(true, 2);
    HS_CHECK_EQ(seconds_until_asked(true, 100), 0); /* it reports again */
}

static void its_reason_is_told(void)
{
    wf_set_up();
    register_with(15 * S);
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    HS_CHECK_EQ(seconds_until_asked(false, 30), 10);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_EXTEND)->code, HS_EXTENSION_LONG_WORK);
    answer_with(HS_EXTENSION_GRANTED, 30 * S);
    wf_time_out(25 * S); /* 35 s in all: its own limit of 30 s has moved too */
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RESERVED);
}

static void nobody_asks_who_was_not_told_how_long(void)
{
    wf_set_up();
    register_with(0);
    wf_start(1, 100, 1);
    HS_CHECK_EQ(seconds_until_asked(false, 50), 0);
}

CU_TestInfo hs_tests_extension[] = {
    {"12.1 grants halve from 30 s, five of them, 58.125 s in all", grants_halve_and_end},
    {"12.2 without progress there is no more, and at the third time in a row what is silent goes",
     without_progress_there_is_no_more},
    {"12.3 items count where progress stands", items_count_where_progress_stands},
    {"12.4 the fourth answer warns that one is left", grants_halve_and_end},
    {"12.6 an overloaded manager grants nothing and blames nobody",
     an_overloaded_manager_grants_nothing_and_blames_nobody},
    {"12.7 trackers are gone with their workers", trackers_are_gone_with_their_workers},
    {"12.9 who is not current gets nothing", who_is_not_current_gets_nothing},
    {"bad and hasty requests change nothing", bad_and_hasty_requests_change_nothing},
    {"a worker that reports does not ask", who_reports_does_not_ask},
    {"a worker that cannot report asks before it is taken for silent",
     who_cannot_report_asks_before_it_is_taken_for_silent},
    {"a worker that is not ready says so, and its own limit moves too", its_reason_is_told},
    {"a worker that was not told how long does not ask", nobody_asks_who_was_not_told_how_long},
    CU_TEST_INFO_NULL};
