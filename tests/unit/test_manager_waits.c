// SPDX-License-Identifier: Apache-2.0
/* test_manager_waits.c - what waits comes to an end: for a worker that does not come, for one that
 * may not be asked again, for a job that is just being taken in; and how time goes on in another
 * life of the host. */
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

#include <string.h>

static const char endless[] =
    "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"load\":{\"model\":\"closed\",\"vus\":8,"
    "\"iterations\":100}," RIG_STEPS "}]}";

static void dispatch(struct rig *rig, unsigned job, uint64_t gate_fence, uint64_t remaining_ns)
{
    union hs_msg                message = {0};
    struct hs_msg_job_dispatch *dispatch = &message.job_dispatch;
    struct hs_ledger_digest     digest;

    rig_name(dispatch->job_id, job);
    dispatch->birth_fence = 10;
    dispatch->gate_fence = gate_fence;
    dispatch->plan = hs_view_text(endless);
    dispatch->plan_bytes = (uint32_t)dispatch->plan.bytes;
    hs_ledger_digest_of(dispatch->plan, &digest);
    memcpy(dispatch->digest, digest.bytes, sizeof dispatch->digest);
    dispatch->remaining_ns = remaining_ns;
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
}

/* Seconds in which the worker tells that it runs so many execs, and moves the one of them. */
static void run(struct rig *rig, unsigned seconds, unsigned execs,
                const struct hs_msg_exec_dispatch *share)
{
    for (unsigned i = 0; i < seconds; i++) {
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 1, execs);
        if (share && i % 30 == 0) rig_ack(rig, 1, share, HS_RESULT_OK);
        rig_forget(rig);
    }
}

static void a_job_without_a_limit_does_not_wait_for_ever_for_a_worker(void)
{
    struct rig *rig = rig_open();

    dispatch(rig, 1, 10, HS_NEVER_NS);
    dispatch(rig, 2, 10, 3600 * HS_NS_PER_S);
    rig_pass(rig, 299 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_READY);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_FAILED);
    HS_CHECK(strstr(rig_workflow(rig, 1, 0)->text, "no worker") != NULL);
    HS_CHECK_EQ(rig_workflow(rig, 2, 0)->state, HS_WORKFLOW_READY); /* its limit is its own */
    rig_close(rig);
}

static void beat_with_load(struct rig *rig, enum hs_node_load load)
{
    union hs_msg message = {.whb = {.cores_free = 2, .engines_mask = 3, .load = (uint8_t)load}};

    message.whb.session = rig->manager->workers.at[0].session;
    rig_worker(rig, 1, HS_MSG_WHB, &message);
}

/* It is there, so a job without a limit does not fail either. */
static void an_overloaded_worker_gets_nothing_until_it_is_not(void)
{
    struct rig *rig = rig_open_with_worker(2);

    beat_with_load(rig, HS_NODE_OVERLOADED);
    dispatch(rig, 1, 10, HS_NEVER_NS);
    for (unsigned i = 0; i < 310; i++) {
        rig_pass(rig, HS_NS_PER_S);
        beat_with_load(rig, HS_NODE_OVERLOADED);
    }
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_READY);
    beat_with_load(
        rig, HS_NODE_DEGRADED); /* heavily loaded, and the only one; but it may be a moment only */
    rig_settle(rig);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    for (unsigned i = 0; i < 10; i++) {
        rig_pass(rig, HS_NS_PER_S);
        beat_with_load(rig, HS_NODE_DEGRADED);
    }
    rig_settle(rig);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    rig_close(rig);
}

static void a_worker_that_comes_in_time_takes_what_waits(void)
{
    struct rig *rig = rig_open();

    dispatch(rig, 1, 10, HS_NEVER_NS);
    rig_pass(rig, 299 * HS_NS_PER_S);
    rig_forget(rig);
    rig_register(rig, 1, 1, 1, 2);
    rig_tell_state(rig, 1, NULL, 0);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_RUNNING);
    rig_close(rig);
}

static void a_worker_that_is_busy_is_worth_waiting_for(void)
{
    struct rig                 *rig = rig_open_with_worker(1);
    struct hs_msg_exec_dispatch share;

    dispatch(rig, 1, 10, HS_NEVER_NS);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    dispatch(rig, 2, 10, HS_NEVER_NS);
    run(rig, 900, 1, &share);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_RUNNING);
    HS_CHECK_EQ(rig_workflow(rig, 2, 0)->state, HS_WORKFLOW_READY);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 100);
    HS_CHECK_EQ(rig_workflow(rig, 2, 0)->state, HS_WORKFLOW_RUNNING);
    rig_close(rig);
}

/* The only worker has lost it once and is not asked again in that life. */
static void a_share_that_nobody_may_take_again_ends_its_workflow(void)
{
    struct rig                 *rig = rig_open_with_worker(1);
    struct hs_msg_exec_dispatch share;

    dispatch(rig, 1, 10, HS_NEVER_NS);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    rig_pass(rig, 16 * HS_NS_PER_S); /* silent: lost */
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_RUNNING);
    run(rig, 298, 0, NULL);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_RUNNING);
    run(rig, 20, 0, NULL);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_FAILED);
    rig_close(rig);
}

/* Neither answer would be true while the entry is on its way: it is not unknown, and a cancel that
 * is answered so would let it start. */
static void a_cancel_of_a_job_that_is_being_taken_in_is_asked_for_again(void)
{
    struct rig *rig = rig_open();

    rig->is_log_held = true;
    dispatch(rig, 1, 10, HS_NEVER_NS);
    rig_cancel(rig, 1, HS_WORKFLOW_ALL, 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_JOB_CANCEL_ACK, 0, 0)->message.job_cancel_ack.code,
                HS_RESULT_BUSY);
    rig->is_log_held = false;
    rig_settle(rig);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_OK);
    rig_cancel(rig, 1, HS_WORKFLOW_ALL, 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_JOB_CANCEL_ACK, 0, 1)->message.job_cancel_ack.code,
                HS_RESULT_OK);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_CANCELLED);
    rig_close(rig);
}

/* The host starts anew and its clock with it; the gate says what time is left. */
static void in_another_life_of_the_host_the_old_clock_counts_for_nothing(void)
{
    struct rig       *rig = rig_open();
    struct rig_frame *last;

    dispatch(rig, 1, 10, 600 * HS_NS_PER_S);
    rig->now_ns += 4000 * HS_NS_PER_S;
    rig_restart(rig, 2);
    dispatch(rig, 1, 11, 600 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_dispatch_code(rig, 1), HS_RESULT_OK);
    rig_forget(rig);
    rig_pass(rig, 20 * HS_NS_PER_S);
    last = rig_find(rig, HS_MSG_DC_PROGRESS, 0, rig_count(rig, HS_MSG_DC_PROGRESS, 0) - 1);
    HS_CHECK(last && last->message.dc_progress.elapsed_ns <= 21 * HS_NS_PER_S);
    HS_CHECK(last && last->message.dc_progress.elapsed_ns >= 10 * HS_NS_PER_S);
    rig_close(rig);
}

/* The manager comes back and cannot read the plan any more: what a worker runs goes on to its end,
 * what would have to be sent again ends. */
static void check_lost_plan(bool is_running)
{
    struct rig                 *rig = rig_open_with_worker(1);
    struct hs_msg_exec_dispatch share;
    unsigned                    blob_count;

    dispatch(rig, 1, 10, HS_NEVER_NS);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    blob_count = rig->blob_count;
    rig->blob_count = 0;
    rig_restart(rig, 1);
    rig_forget(rig);
    rig_register(rig, 1, 2, 1, 1);
    rig_tell_state(rig, 2, &share, is_running);
    rig_pass(rig, 10 * HS_NS_PER_S);
    rig_beat(rig, 2, is_running);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 0); /* what is in it nobody knows */
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state,
                is_running ? HS_WORKFLOW_RUNNING : HS_WORKFLOW_FAILED);
    if (is_running) {
        rig_worker(rig, 2, HS_MSG_EXEC_RESULT,
                   &(union hs_msg){.exec_result = {.exec = share.exec,
                                                   .exec_fence = share.exec_fence,
                                                   .parts = 1,
                                                   .outcome = HS_OUTCOME_LOST}});
        rig_pass(rig, 2 * HS_NS_PER_S);
    }
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_FAILED);
    rig->blob_count = blob_count;
    rig_close(rig);
}

static void a_share_whose_plan_is_lost_ends(void)
{
    check_lost_plan(false);
}

static void a_share_whose_plan_is_lost_goes_on_while_it_runs(void)
{
    check_lost_plan(true);
}

CU_TestInfo hs_tests_manager_waits[] = {
    {"a job without a limit does not wait for ever for a worker",
     a_job_without_a_limit_does_not_wait_for_ever_for_a_worker},
    {"an overloaded worker gets nothing until it is not",
     an_overloaded_worker_gets_nothing_until_it_is_not},
    {"a worker that comes in time takes what waits", a_worker_that_comes_in_time_takes_what_waits},
    {"a worker that is busy is worth waiting for", a_worker_that_is_busy_is_worth_waiting_for},
    {"a share that nobody may take again ends its workflow",
     a_share_that_nobody_may_take_again_ends_its_workflow},
    {"a cancel of a job that is being taken in is asked for again",
     a_cancel_of_a_job_that_is_being_taken_in_is_asked_for_again},
    {"in another life of the host the old clock counts for nothing",
     in_another_life_of_the_host_the_old_clock_counts_for_nothing},
    {"a share whose plan is lost ends", a_share_whose_plan_is_lost_ends},
    {"a share whose plan is lost goes on while it runs",
     a_share_whose_plan_is_lost_goes_on_while_it_runs},
    CU_TEST_INFO_NULL,
};
