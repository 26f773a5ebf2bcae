// SPDX-License-Identifier: Apache-2.0
/* test_worker_ends.c - what a worker tells of its shares, and how they end, by arithmetic
 * (jobs.md 6.6, 7.9). */
#include "shm/base/log.h"
#include "shm/base/rand.h"
#include "tests/unit/suites.h"
#include "tests/unit/worker_fixture.h"

#include <errno.h>

/* ---- figures and results ---- */

static void figures_are_told_each_interval_and_whole_now_and_then(void)
{
    unsigned whole = 0, told = 0;

    wf_set_up();
    wf_start(1, 100, 1);
    for (unsigned i = 0; i < 25; i++) {
        wf_time_out(S);
        told += wf_count(HS_EXECS_DO_PROGRESS);
        if (wf_count(HS_EXECS_DO_PROGRESS)) whole += wf_find(HS_EXECS_DO_PROGRESS)->is_full;
    }
    HS_CHECK_EQ(told, 24); /* the first one a whole interval after the start, which lies ahead */
    HS_CHECK_EQ(whole, 3);
}

static void a_manager_that_missed_something_gets_the_whole(void)
{
    struct hs_execs_event event = {
        .type = HS_EXECS_PROGRESS_ACK, .id = wf_exec_id(1, 0), .fence = 100, .is_full = true};

    wf_set_up();
    wf_start(1, 100, 1);
    wf_time_out(2 * S);
    wf_time_out(S);
    HS_CHECK(!wf_find(HS_EXECS_DO_PROGRESS)->is_full);
    wf_step(&event);
    HS_CHECK(wf_find(HS_EXECS_DO_PROGRESS)->is_full);
}

static void results_are_repeated_until_they_are_durable(void)
{
    wf_set_up();
    wf_start(1, 100, 2);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4); /* freed before it is told */
    wf_time_out(4 * S);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 0);
    wf_time_out(S);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    wf_ack_result(1, 100, HS_STAGE_RECEIVED);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    wf_time_out(9 * S);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 0);
    wf_time_out(S);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    wf_ack_result(1, 99, HS_STAGE_DURABLE); /* of another assignment */
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    wf_ack_result(1, 100, HS_STAGE_DURABLE);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_NONE);
}

static void a_new_manager_gets_what_waits(void)
{
    struct hs_execs_event down = {.type = HS_EXECS_LINK_DOWN};
    struct hs_execs_event reconcile = {.type = HS_EXECS_RECONCILE, .manager_fence = LEADER + 1};

    wf_set_up();
    wf_start(1, 100, 1);
    wf_start(2, 101, 1);
    wf_step(&down);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 0);
    wf_time_out(3 * S);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_PROGRESS), 0);
    wf_register_worker();
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    HS_CHECK(wf_find(HS_EXECS_DO_PROGRESS)->is_full);
    wf_step(&reconcile);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STATE), 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
}

/* A manager that gives work and takes no results: shard i ends as the i-th of a table says. */
static void fill_with_results(const unsigned outcomes[], unsigned outcome_count)
{
    wf_set_up();
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        unsigned outcome = outcomes[i % outcome_count];

        wf_start(i, 100 + i, 1);
        if (outcome == HS_OUTCOME_CANCELLED) wf_cancel(i, 100 + i);
        wf_run_event(HS_EXECS_RUN_ENDED, &wf_row_of(i)->record.parts[0],
                     outcome == HS_OUTCOME_FAILED ? -EIO : 0);
        HS_CHECK_EQ(wf_row_of(i)->record.outcome, outcome);
        wf.now_ns += S / 1000;
    }
}

/* Another share comes: it is refused, one result goes, and the next try is taken. */
static void check_given_up(unsigned newcomer, unsigned victim)
{
    HS_CHECK_EQ(wf_dispatch(newcomer, 1000 + newcomer, 1), HS_RESULT_BUSY);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
    HS_CHECK_EQ(wf_state_of(victim), HS_EXEC_NONE);
    wf_start(newcomer, 1000 + newcomer, 1);
    wf_run_event(HS_EXECS_RUN_ENDED, &wf_row_of(newcomer)->record.parts[0], 0);
    wf.now_ns += S / 1000;
}

static void results_are_given_up_in_order_when_there_is_no_room(void)
{
    static const unsigned mixed[] = {HS_OUTCOME_COMPLETED, HS_OUTCOME_FAILED, HS_OUTCOME_CANCELLED};

    hs_log_set_sink(NULL, NULL, HS_LOG_ERROR); /* each is told */
    fill_with_results(mixed, 3);
    wf_ack_result(6, 106, HS_STAGE_RECEIVED); /* a completed one that a manager has */
    check_given_up(200, 6);
    for (unsigned i = 0; i < 21; i++) check_given_up(201 + i, 2 + 3 * i); /* cancelled ones */
    for (unsigned i = 0; i < 21; i++) check_given_up(222 + i, 1 + 3 * i); /* failed ones */
    for (unsigned i = 0; i < 22; i++) /* of the completed ones the oldest first */
        if (i != 2) check_given_up(243 + i, 3 * i);
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) /* and those that came since */
        if (i != 45) check_given_up(300 + i, 200 + i);
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
    HS_CHECK_EQ(wf.execs.dropped_results, 2 * HS_EXECS_PER_WORKER_MAX - 1);
    HS_CHECK_EQ(hs_execs_waiting_count(&wf.execs), HS_EXECS_PER_WORKER_MAX);
}

static void a_result_that_nobody_takes_is_kept_for_a_day(void)
{
    struct hs_execs_event down = {.type = HS_EXECS_LINK_DOWN};

    wf_set_up();
    wf_start(1, 100, 1);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    wf_step(&down);
    HS_CHECK_EQ(hs_execs_deadline_ns(&wf.execs), wf.now_ns + 24 * 3600 * S);
    wf_time_out(24 * 3600 * S - 1);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    hs_log_set_sink(NULL, NULL, HS_LOG_ERROR);
    wf_time_out(1);
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_NONE);
    HS_CHECK_EQ(wf.execs.dropped_results, 1);
}

/* ---- stopping ---- */

static void a_cancelled_share_stops_and_tells(void)
{
    wf_set_up();
    wf_start(1, 100, 2);
    wf_cancel(1, 100);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK_CANCEL)->code, HS_RESULT_OK);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 2);
    wf_cancel(1, 100);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK_CANCEL)->state, HS_EXEC_STOPPING);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 0);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_CANCELLED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
}

static void a_share_cancelled_before_it_came_does_not_start(void)
{
    wf_set_up();
    wf_cancel(1, 100);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK_CANCEL)->code, HS_RESULT_UNKNOWN_EXEC);
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_ALREADY_CANCELLED);
    HS_CHECK_EQ(wf_dispatch(1, 99, 1), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(wf_dispatch(1, 101, 1), HS_RESULT_OK);
}

static void a_reserved_share_is_cancelled_at_once(void)
{
    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
    wf_cancel(1, 100);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4);
    wf_prepared(1, 0); /* too late */
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
}

static void an_engine_that_ignores_stop_does_not_hold_the_share(void)
{
    wf_set_up();
    wf_start(1, 100, 1);
    wf_cancel(1, 100);
    wf_time_out(5 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
    wf_time_out(S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 3);
    wf_engine_event(HS_EXECS_ENGINE_DOWN, 0, 1); /* the watchdog got it */
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4);
}

static void a_share_alone_too_long_stops(void)
{
    struct hs_execs_event down = {.type = HS_EXECS_LINK_DOWN};

    wf_set_up();
    wf.facts.duration_ns = 3600 * S;
    wf_start(1, 100, 1);
    wf_step(&down);
    wf_time_out(134 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RUNNING);
    HS_CHECK(hs_execs_deadline_ns(&wf.execs) <= wf.now_ns + S);
    wf_time_out(S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
}

static void a_share_over_its_time_limit_fails(void)
{
    struct hs_exec_dispatch message = wf_of_cores(1);

    wf_set_up();
    message.timeout_ns = 90 * S;
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER), HS_RESULT_OK);
    wf_prepared(1, 0);
    wf_all_parts(1, HS_EXECS_RUN_STARTED);
    wf_time_out(89 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RUNNING);
    wf_time_out(2 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_FAILED);
}

static void a_plan_that_kills_is_stopped_for_good(void)
{
    struct hs_exec       *exec;
    struct hs_execs_event aside = {.type = HS_EXECS_SET_ASIDE};

    wf_set_up();
    wf_start(1, 100, 2);
    exec = wf_row_of(1);
    exec->record.digest[0] = 7;
    aside.plan_word = 8; /* another one */
    wf_step(&aside);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RUNNING);
    aside.plan_word = 7;
    wf_step(&aside);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 2);
    wf_engine_event(HS_EXECS_ENGINE_DOWN, exec->record.parts[0].engine_idx, 1);
    wf_engine_event(HS_EXECS_ENGINE_UP, exec->record.parts[0].engine_idx, 2);
    wf_engine_event(HS_EXECS_ENGINE_IDLE, exec->record.parts[0].engine_idx, 2);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0); /* nobody gets it again */
    wf_run_event(HS_EXECS_RUN_ENDED, &exec->record.parts[1], 0);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_FINISHED);
    HS_CHECK_EQ(exec->record.outcome, HS_OUTCOME_FAILED);
    HS_CHECK_TEXT(exec->record.text, HS_EXEC_SET_ASIDE_TEXT);
}

static void stopping_ends_the_load_and_waits_for_results_to_be_taken(void)
{
    struct hs_execs_event stop = {.type = HS_EXECS_STOP, .wait_ns = S};

    wf_set_up();
    wf_start(1, 100, 2);
    wf_step(&stop);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 2);
    HS_CHECK(!hs_execs_is_done(&wf.execs));
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    HS_CHECK(!hs_execs_is_done(&wf.execs));
    wf_ack_result(1, 100, HS_STAGE_DURABLE);
    HS_CHECK(hs_execs_is_done(&wf.execs));
}

/* A cancel would be an end of the whole workflow. What was cancelled before stays so. */
static void stopping_gives_shares_up_to_others_and_says_why(void)
{
    struct hs_execs_event stop = {.type = HS_EXECS_STOP, .wait_ns = S};

    wf_set_up();
    wf_start(1, 100, 2);
    wf_start(2, 101, 1);
    HS_CHECK_EQ(wf_dispatch(3, 102, 1), HS_RESULT_OK);
    wf_cancel(2, 101);
    wf_step(&stop);
    HS_CHECK_EQ(wf_state_of(3), HS_EXEC_FINISHED); /* it had not begun */
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_LOST);
    HS_CHECK_EQ(wf_row_of(2)->record.outcome, HS_OUTCOME_CANCELLED);
    HS_CHECK_EQ(wf_row_of(3)->record.outcome, HS_OUTCOME_LOST);
    HS_CHECK_TEXT(wf_row_of(1)->record.text, HS_EXEC_DRAINED_TEXT);
    HS_CHECK_EQ(wf_dispatch(4, 103, 1), HS_RESULT_DRAINING);
}

static void released_jobs_are_forgotten(void)
{
    struct hs_execs_event release = {
        .type = HS_EXECS_RELEASE, .id = wf_exec_id(0, 0), .workflow = HS_WORKFLOW_ALL};

    wf_set_up();
    wf_start(1, 100, 1);
    wf_start(2, 101, 1);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    wf_step(&release);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 1);
    wf_all_parts(2, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
    HS_CHECK_EQ(hs_execs_waiting_count(&wf.execs), 0);
}

static void tombstones_are_bounded_and_the_newest_stay(void)
{
    wf_set_up();
    for (unsigned i = 0; i < 2 * HS_EXEC_TOMBSTONES; i++) {
        wf.now_ns += S / 1000;
        wf_cancel(i, 1000 + i);
    }
    HS_CHECK_EQ(wf_dispatch(2 * HS_EXEC_TOMBSTONES - 1, 1000, 1), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(wf_dispatch(0, 1000, 1), HS_RESULT_OK);
}

CU_TestInfo hs_tests_worker_ends[] = {
    {"stopping gives shares up to others and says why",
     stopping_gives_shares_up_to_others_and_says_why},
    {"a plan that kills is stopped for good", a_plan_that_kills_is_stopped_for_good},
    {"figures are told each interval and whole now and then",
     figures_are_told_each_interval_and_whole_now_and_then},
    {"a manager that missed something gets the whole",
     a_manager_that_missed_something_gets_the_whole},
    {"results are repeated until they are durable", results_are_repeated_until_they_are_durable},
    {"a new manager gets what waits", a_new_manager_gets_what_waits},
    {"results are given up in order when there is no room",
     results_are_given_up_in_order_when_there_is_no_room},
    {"a result that nobody takes is kept for a day", a_result_that_nobody_takes_is_kept_for_a_day},
    {"a cancelled share stops and tells", a_cancelled_share_stops_and_tells},
    {"a share cancelled before it came does not start",
     a_share_cancelled_before_it_came_does_not_start},
    {"a reserved share is cancelled at once", a_reserved_share_is_cancelled_at_once},
    {"an engine that ignores stop does not hold the share",
     an_engine_that_ignores_stop_does_not_hold_the_share},
    {"a share alone too long stops", a_share_alone_too_long_stops},
    {"a share over its time limit fails", a_share_over_its_time_limit_fails},
    {"stopping ends the load and waits for results to be taken",
     stopping_ends_the_load_and_waits_for_results_to_be_taken},
    {"released jobs are forgotten", released_jobs_are_forgotten},
    {"tombstones are bounded and the newest stay", tombstones_are_bounded_and_the_newest_stay},
    CU_TEST_INFO_NULL,
};
