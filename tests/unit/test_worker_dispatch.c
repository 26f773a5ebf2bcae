// SPDX-License-Identifier: Apache-2.0
/* test_worker_dispatch.c - which shares a worker takes, and how it divides them among its engines,
 * by arithmetic (jobs.md 6.6). */
#include "shm/base/rand.h"
#include "tests/unit/suites.h"
#include "tests/unit/worker_fixture.h"

#include <errno.h>

static void cores_are_reserved_with_the_answer(void)
{
    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 3), HS_RESULT_OK);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK)->state, HS_EXEC_RESERVED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_PREPARE), 1);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 1);
    HS_CHECK_EQ(wf_dispatch(2, 101, 2), HS_RESULT_NO_CORES);
    HS_CHECK_EQ(wf_state_of(2), HS_EXEC_NONE);
    HS_CHECK_EQ(wf_dispatch(3, 102, 1), HS_RESULT_OK);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 0);
}

static void repeated_dispatch_gets_the_stored_answer(void)
{
    wf_set_up();
    wf_start(1, 100, 2);
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK)->state, HS_EXEC_RUNNING);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_PREPARE), 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    wf_ack_result(1, 100, HS_STAGE_DURABLE);
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK); /* long finished: not run again */
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK)->state, HS_EXEC_TOMBSTONE);
    HS_CHECK_EQ(hs_execs_live_count(&wf.execs), 0);
}

static void older_fences_are_stale(void)
{
    struct hs_exec_dispatch message = wf_of_cores(1);

    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 1), HS_RESULT_OK);
    HS_CHECK_EQ(wf_dispatch(1, 99, 1), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(wf_find(HS_EXECS_DO_ACK)->fence, 100);
    HS_CHECK_EQ(wf_send_dispatch(&message, 2, 0, 200, LEADER - 1), HS_RESULT_STALE_FENCE);
    message.session = SESSION - 1;
    HS_CHECK_EQ(wf_send_dispatch(&message, 2, 0, 200, LEADER), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(wf_state_of(2), HS_EXEC_NONE);
}

static void a_higher_leader_is_believed_and_a_lower_one_no_more(void)
{
    struct hs_exec_dispatch message = wf_of_cores(1);

    wf_set_up();
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER + 1), HS_RESULT_OK);
    HS_CHECK_EQ(wf_send_dispatch(&message, 2, 0, 101, LEADER), HS_RESULT_STALE_FENCE);
}

static void refused_dispatches_leave_nothing(void)
{
    struct hs_exec_dispatch wrong = wf_of_cores(1);
    struct hs_exec_dispatch shapeless = wf_of_cores(2);

    wf_set_up();
    wrong.is_digest_wrong = true;
    shapeless.share = 1;
    shapeless.share_total = 2;
    for (unsigned i = 0; i < 10000; i++) {
        HS_CHECK_EQ(wf_dispatch(i % 500, 1000 + i, ENGINES + 1), HS_RESULT_INVALID);
        HS_CHECK_EQ(wf_send_dispatch(&wrong, i % 500, 0, 1000 + i, LEADER), HS_RESULT_CORRUPT);
        HS_CHECK_EQ(wf_send_dispatch(&shapeless, 1, 0, 1000 + i, LEADER), HS_RESULT_INVALID);
    }
    HS_CHECK_EQ(hs_execs_live_count(&wf.execs), 0);
    for (unsigned i = 0; i < HS_EXEC_TOMBSTONES; i++) HS_CHECK_EQ(wf.execs.tombstones[i].at_ns, 0);
    HS_CHECK_EQ(wf_dispatch(1, 1, ENGINES), HS_RESULT_OK); /* no fence was remembered */
}

static void a_plan_that_is_not_there_is_fetched_before_anything_is_kept(void)
{
    struct hs_exec_dispatch message = wf_of_cores(2);

    wf_set_up();
    message.has_plan = false;
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER), UINT32_MAX);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FETCH), 1);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), ENGINES);
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
}

static void draining_takes_nothing_new(void)
{
    struct hs_execs_event drain = {.type = HS_EXECS_DRAIN};

    wf_set_up();
    wf_start(1, 100, 1);
    wf_step(&drain);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_HEARTBEAT), 1);
    HS_CHECK_EQ(wf_dispatch(2, 101, 1), HS_RESULT_DRAINING);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RUNNING);
}

static void a_newer_attempt_ends_the_older_one(void)
{
    struct hs_exec_dispatch message = wf_of_cores(1);

    wf_set_up();
    wf_start(1, 100, 1);
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 1, 101, LEADER), HS_RESULT_OK);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 1);
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (wf.execs.rows[i].record.fence == 100)
            wf_run_event(HS_EXECS_RUN_ENDED, &wf.execs.rows[i].record.parts[0], 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_FORGET), 1);
    HS_CHECK_EQ(wf_row_of(1)->record.fence, 101);
}

/* ---- shares ---- */

static void virtual_users_and_iterations_add_up(void)
{
    struct hs_exec_dispatch message = wf_of_cores(4);
    uint64_t                vus = 0, iterations = 0;

    wf_set_up();
    message.vus_first = 20;
    message.iterations = 1003;
    wf.facts.iterations = 5000;
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER), HS_RESULT_OK);
    wf_prepared(1, 0);
    for (unsigned i = 0; i < 4; i++) {
        const struct hs_exec_part *part = &wf_row_of(1)->record.parts[i];

        HS_CHECK_EQ(part->vu_first, 20 + vus);
        vus += part->vu_count;
        iterations += part->iterations;
    }
    HS_CHECK_EQ(vus, 10);
    HS_CHECK_EQ(iterations, 1003);
}

static void parts_of_nothing_are_over_at_once(void)
{
    struct hs_exec_dispatch message = wf_of_cores(4);

    wf_set_up();
    message.vus = 2;
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER), HS_RESULT_OK);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 2);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 2);
    wf_set_up(); /* one user for all iterations: they are his alone */
    message.vus = 1;
    message.iterations = 10;
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER), HS_RESULT_OK);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 1);
    HS_CHECK_EQ(wf_row_of(1)->record.parts[0].iterations, 10);
}

static void arrivals_are_numbered_over_all_shards(void)
{
    struct hs_exec_dispatch message = wf_of_cores(2);

    wf_set_up();
    wf.facts.is_open = 1;
    wf.facts.max_in_flight = 11;
    message.share = 2;
    message.share_first = 3;
    message.share_total = 5;
    HS_CHECK_EQ(wf_send_dispatch(&message, 1, 0, 100, LEADER), HS_RESULT_OK);
    wf_prepared(1, 0);
    for (unsigned i = 0; i < 2; i++) {
        const struct hs_exec_part *part = &wf_row_of(1)->record.parts[i];

        HS_CHECK_EQ(part->share_idx, 3 + i);
        HS_CHECK_EQ(part->share_count, 5);
        HS_CHECK_EQ(part->in_flight_max, 2);    /* 11 over 5: 3 2 2 2 2 */
        HS_CHECK_EQ(part->vu_first, 9 + 3 * i); /* nobody else's, though the first has 3 */
    }
}

static void nothing_starts_before_every_engine_is_there(void)
{
    wf_set_up();
    wf_engine_event(HS_EXECS_ENGINE_DOWN, 2, 1);
    HS_CHECK_EQ(wf_dispatch(1, 100, 4), HS_RESULT_OK);
    wf_prepared(1, 0);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0);
    wf_engine_event(HS_EXECS_ENGINE_IDLE, 2, 2);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 0); /* no link yet: no way for the image */
    wf_engine_event(HS_EXECS_ENGINE_UP, 2, 2);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_START), 4);
    HS_CHECK(wf_row_of(1)->record.start_at_ns > wf.now_ns);
}

static void a_long_absent_engine_is_not_promised(void)
{
    wf_set_up();
    wf_engine_event(HS_EXECS_ENGINE_DOWN, 0, 1);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4);
    wf_time_out(3 * S);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 3);
    HS_CHECK_EQ(wf_dispatch(1, 100, 4), HS_RESULT_NO_CORES);
}

static void a_plan_that_cannot_be_prepared_fails_the_share(void)
{
    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
    wf_prepared(1, -EINVAL);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_RESULT), 1);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_FAILED);
    HS_CHECK_TEXT(wf_row_of(1)->record.text, "no such plan");
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4);
}

static void a_part_that_does_not_start_in_ten_seconds_fails_the_share(void)
{
    wf_set_up();
    HS_CHECK_EQ(wf_dispatch(1, 100, 2), HS_RESULT_OK);
    wf_prepared(1, 0);
    wf_run_event(HS_EXECS_RUN_STARTED, &wf_row_of(1)->record.parts[0], 0);
    wf_time_out(9 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_RUNNING);
    wf_time_out(2 * S);
    HS_CHECK_EQ(wf_state_of(1), HS_EXEC_STOPPING);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 2); /* it may begin yet, for nobody */
    wf_run_event(HS_EXECS_RUN_ENDED, &wf_row_of(1)->record.parts[0], 0);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_FAILED);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 3); /* the other may still be running */
    wf_run_event(HS_EXECS_RUN_ENDED, &wf_row_of(1)->record.parts[1], 0);
    HS_CHECK_EQ(hs_execs_free_cores(&wf.execs, wf.now_ns), 4);
}

static void a_failed_part_stops_the_others(void)
{
    wf_set_up();
    wf_start(1, 100, 3);
    wf_run_event(HS_EXECS_RUN_ENDED, &wf_row_of(1)->record.parts[1], -ECANCELED);
    HS_CHECK_EQ(wf_count(HS_EXECS_DO_STOP), 2);
    wf_all_parts(1, HS_EXECS_RUN_ENDED);
    HS_CHECK_EQ(wf_row_of(1)->record.outcome, HS_OUTCOME_FAILED);
    HS_CHECK_TEXT(wf_row_of(1)->record.text, "cannot run");
}

CU_TestInfo hs_tests_worker_dispatch[] = {
    {"cores are reserved with the answer", cores_are_reserved_with_the_answer},
    {"repeated dispatch gets the stored answer", repeated_dispatch_gets_the_stored_answer},
    {"older fences are stale", older_fences_are_stale},
    {"a higher leader is believed and a lower one no more",
     a_higher_leader_is_believed_and_a_lower_one_no_more},
    {"refused dispatches leave nothing", refused_dispatches_leave_nothing},
    {"a plan that is not there is fetched before anything is kept",
     a_plan_that_is_not_there_is_fetched_before_anything_is_kept},
    {"draining takes nothing new", draining_takes_nothing_new},
    {"a newer attempt ends the older one", a_newer_attempt_ends_the_older_one},
    {"virtual users and iterations add up", virtual_users_and_iterations_add_up},
    {"parts of nothing are over at once", parts_of_nothing_are_over_at_once},
    {"arrivals are numbered over all shards", arrivals_are_numbered_over_all_shards},
    {"nothing starts before every engine is there", nothing_starts_before_every_engine_is_there},
    {"a long absent engine is not promised", a_long_absent_engine_is_not_promised},
    {"a plan that cannot be prepared fails the share",
     a_plan_that_cannot_be_prepared_fails_the_share},
    {"a part that does not start in ten seconds fails the share",
     a_part_that_does_not_start_in_ten_seconds_fails_the_share},
    {"a failed part stops the others", a_failed_part_stops_the_others},
    CU_TEST_INFO_NULL,
};
