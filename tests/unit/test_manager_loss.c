// SPDX-License-Identifier: Apache-2.0
/* test_manager_loss.c - workers that restart, die, fall silent or refuse, and work that is
 * cancelled or out of time (jobs.md 6.5, 7.8, 7.9, 7.14). */
#include "roles/manager/manager_step.h"
#include "roles/stats/run_record.h"
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

/* ---- loss ---- */

static void a_worker_process_that_restarts_loses_nothing(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    hs_manager_on_worker_down(rig->manager, 1);
    rig_pass(rig, 5 * HS_NS_PER_S);
    rig_register(rig, 1, 2, 1, 2); /* the same life of the host, another link */
    rig_tell_state(rig, 2, &share, 1);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->exec_fence, share.exec_fence); /* for its image */
    rig_result(rig, 2, &share, HS_OUTCOME_COMPLETED, 10);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig_job(rig, 1)->retries, 0);
    rig_close(rig);
}

/* 7.9, 10 */
static void a_new_life_of_the_host_runs_its_shares_again_once(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share, again;
    struct hs_run_record_reader reader;
    struct hs_view              name;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_progress(rig, 1, &share, 40, 1);
    rig_register(rig, 1, 2, 2, 2);
    rig_tell_state(rig, 2, NULL, 0);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    again = *rig_share(rig, 2, 0);
    HS_CHECK_EQ(again.exec.attempt, 1);
    HS_CHECK(again.exec_fence > share.exec_fence);
    HS_CHECK_EQ(memcmp(again.digest, share.digest, 32), 0);
    HS_CHECK_EQ(again.vus, share.vus);
    rig_result(rig, 2, &share, HS_OUTCOME_COMPLETED, 1); /* of the lost one */
    HS_CHECK_EQ(rig_last_stage(rig, 2), HS_STAGE_UNKNOWN);
    rig_result(rig, 2, &again, HS_OUTCOME_COMPLETED, 70);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig_job(rig, 1)->retries, 1);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->discarded_sent, 40);
    HS_CHECK(hs_run_record_open(&reader, rig_blob(rig, rig_workflow(rig, 1, 0)->record.bytes)) > 0);
    HS_CHECK_EQ(hs_run_record_next(&reader, &name, NULL), 1);
    HS_CHECK(hs_view_equal(name, hs_view_text("home")));
    rig_close(rig);
}

/* 7.8, 7.20: as when it dies, but told at once, with all counts, and nobody is charged. */
static void a_worker_that_leaves_in_order_has_its_shares_run_elsewhere(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_register(rig, 2, 2, 1, 2);
    rig_tell_state(rig, 2, NULL, 0);
    rig_dispatch(rig, 1,
                 "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"load\":{\"model\":\"closed\","
                 "\"vus\":2,\"for\":\"10s\"}," RIG_STEPS "}]}");
    share = *rig_share(rig, 1, 0);
    rig_progress(rig, 1, &share, 40, 1);
    rig_result(rig, 1, &share, HS_OUTCOME_LOST, 45);       /* more than it had told before */
    HS_CHECK_EQ(rig_last_stage(rig, 1), HS_STAGE_UNKNOWN); /* it may go */
    hs_manager_on_worker_down(rig->manager, 1);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->exec.attempt, 1);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->vus, share.vus);
    rig_result(rig, 2, rig_share(rig, 2, 0), HS_OUTCOME_COMPLETED, 70);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig_job(rig, 1)->retries, 0);
    HS_CHECK_EQ(hs_manager_rerun_count(rig_workflow(rig, 1, 0)), 1);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->discarded_sent, 45);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    rig_close(rig);
}

/* More often than a job has retries: every host of the datacenter is restarted under it. */
static void leaving_workers_use_up_no_budget(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    for (unsigned life = 2; life < 40; life++) {
        rig_result(rig, life - 1, rig_share(rig, life - 1, 0), HS_OUTCOME_LOST, 5);
        rig_register(rig, 1, life, life, 2);
        rig_tell_state(rig, life, NULL, 0);
        rig_pass(rig, 70 * HS_NS_PER_S / 10);
        for (unsigned i = 0; i < 60 && !rig_count(rig, HS_MSG_EXEC_DISPATCH, life); i++) {
            rig_beat(rig, life, 0);
            rig_pass(rig, HS_NS_PER_S);
        }
    }
    HS_CHECK_EQ(rig_job(rig, 1)->phase, HS_MANAGER_JOB_ACTIVE);
    HS_CHECK_EQ(rig_share(rig, 39, 0)->exec.attempt, 38);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->discarded_sent, 38 * 5);
    rig_close(rig);
}

/* The cancel was decided while the worker gave the share up: nothing is run again, so what it
 * brings is what was measured. */
static void what_a_leaving_worker_brings_counts_where_nothing_is_run_again(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    rig_cancel(rig, 1, HS_WORKFLOW_ALL, 1);
    rig_result(rig, 1, &share, HS_OUTCOME_LOST, 30);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_CANCELLED);
    HS_CHECK(rig_workflow(rig, 1, 0)->has_record);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->discarded_sent, 0);
    HS_CHECK_EQ(rig_last_stage(rig, 1), HS_STAGE_DURABLE);
    rig_close(rig);
}

static void a_silent_worker_is_lost(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    rig_register(rig, 2, 2, 1, 2);
    rig_tell_state(rig, 2, NULL, 0);
    for (unsigned i = 0; i < 20; i++) { /* the other one lives */
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 2, rig_count(rig, HS_MSG_EXEC_DISPATCH, 2));
    }
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->exec.attempt, 1);
    rig_close(rig);
}

static void a_share_that_nobody_answers_is_sent_again_then_lost(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    for (unsigned i = 0; i < 40; i++) {
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 1, 1);
    }
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 3);
    HS_CHECK_EQ(rig_share(rig, 1, 2)->exec_fence, rig_share(rig, 1, 0)->exec_fence);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    HS_CHECK(rig_find(rig, HS_MSG_EXEC_CANCEL, 1, 0) != NULL);
    rig_close(rig);
}

static void a_refused_share_goes_elsewhere_without_charge(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    rig_register(rig, 2, 2, 1, 2);
    rig_tell_state(rig, 2, NULL, 0);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_NO_CORES);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    HS_CHECK_EQ(rig_job(rig, 1)->retries, 0);
    rig_ack(rig, 2, rig_share(rig, 2, 0), HS_RESULT_BUSY); /* nobody is left: ask again */
    rig_pass(rig, 3 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1) + rig_count(rig, HS_MSG_EXEC_DISPATCH, 2),
                3);
    rig_close(rig);
}

static void an_exec_that_reports_nothing_is_taken_away(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1,
                 "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"load\":{\"model\":\"closed\","
                 "\"vus\":8,\"for\":\"1h\"}," RIG_STEPS "}]}");
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    for (unsigned i = 0; i < 122; i++) {
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 1, 1);
    }
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_EXEC_CANCEL, 1, 0)->message.exec_cancel.hard, 1);
    rig_close(rig);
}

/* ---- cancel ---- */

static void a_cancel_stops_what_runs_and_what_waits(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;
    struct hs_msg_result_item   item = {0};
    struct rig_frame           *ack;

    rig_dispatch(rig, 1, rig_chain);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    rig_cancel(rig, 1, HS_WORKFLOW_ALL, 1);
    ack = rig_find(rig, HS_MSG_JOB_CANCEL_ACK, 0, 0);
    HS_CHECK_EQ(ack->message.job_cancel_ack.code, HS_RESULT_OK);
    HS_CHECK_EQ(ack->message.job_cancel_ack.cancelled, 1);
    HS_CHECK_EQ(ack->message.job_cancel_ack.pending, 1);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_CANCEL, 1), 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_EXEC_CANCEL, 1, 0)->message.exec_cancel.hard, 0);
    rig_result(rig, 1, &share, HS_OUTCOME_CANCELLED, 30);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_CANCELLED);
    HS_CHECK_EQ(rig_last_items(rig, &item), 1); /* what had not begun went at once */
    rig_ack_results(rig, 1, HS_RESULT_OK);
    HS_CHECK_EQ(rig_last_items(rig, &item), 2);
    HS_CHECK_EQ(item.status, HS_JOB_CANCELLED);
    HS_CHECK(rig_workflow(rig, 1, 1)->has_record); /* what was measured is kept */
    rig_close(rig);
}

static void a_worker_that_does_not_confirm_is_given_up_after_a_minute(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    rig_cancel(rig, 1, HS_WORKFLOW_ALL, 1);
    for (unsigned i = 0; i < 59; i++) {
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 1, 1);
    }
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_CANCEL, 1), 3);
    HS_CHECK_EQ(rig_job(rig, 1)->phase, HS_MANAGER_JOB_CANCELLING);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_CANCELLED);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->unconfirmed, 1);
    rig_close(rig);
}

static void a_job_cancelled_before_it_comes_does_not_come(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_cancel(rig, 1, HS_WORKFLOW_ALL, 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_JOB_CANCEL_ACK, 0, 0)->message.job_cancel_ack.code,
                HS_RESULT_UNKNOWN_JOB);
    rig_dispatch(rig, 1, rig_one);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_ALREADY_CANCELLED);
    rig_pass(rig, 301 * HS_NS_PER_S);
    rig_dispatch(rig, 1, rig_one);
    HS_CHECK_EQ(rig_dispatch_code(rig, 1), HS_RESULT_OK);
    rig_close(rig);
}

/* 7.8, 11 */
static void nothing_starts_after_a_cancel_that_overtook_the_assignment(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_pair);
    rig_forget(rig);
    rig_dispatch(rig, 2, rig_one);
    rig->is_log_held = true;
    rig_result(rig, 1, &(struct hs_msg_exec_dispatch){0}, HS_OUTCOME_FAILED, 0);
    rig_cancel(rig, 2, HS_WORKFLOW_ALL, 1);
    rig->is_log_held = false;
    rig_settle(rig);
    HS_CHECK_EQ(rig_job(rig, 2)->status, HS_JOB_CANCELLED);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    rig_close(rig);
}

static void a_timeout_of_the_gate_ends_the_job(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;
    union hs_msg                message = {0};

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_name(message.job_timeout.job_id, 1);
    message.job_timeout.gate_fence = 10;
    rig_gate(rig, HS_MSG_JOB_TIMEOUT, &message);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_JOB_TIMEOUT_ACK, 0, 0)->message.job_timeout_ack.code,
                HS_RESULT_OK);
    rig_result(rig, 1, &share, HS_OUTCOME_CANCELLED, 5);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_TIMEOUT);
    rig_close(rig);
}

static void without_a_gate_the_datacenter_ends_the_job_by_itself(void)
{
    struct rig *rig = rig_open();

    rig_dispatch(rig, 1, rig_one); /* 600 s */
    hs_manager_on_gate_down(rig->manager, RIG_GATE, rig->now_ns, &rig->actions);
    rig->now_ns += 899 * HS_NS_PER_S;
    rig_settle(rig);
    HS_CHECK_EQ(rig_job(rig, 1)->phase, HS_MANAGER_JOB_ACTIVE);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_TIMEOUT);
    rig_close(rig);
}

/* Between two connections, data may come in another order (cluster/data_lane.h). */
static void progress_that_was_overtaken_takes_nothing_back(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share, again;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_progress(rig, 1, &share, 40, 5);
    rig_progress(rig, 1, &share, 30, 4);
    HS_CHECK_EQ(hs_manager_exec_at(rig->manager, rig_workflow(rig, 1, 0), 0)->pseq, 5);
    rig_progress(rig, 1, &share, 40, 5); /* the same one again */
    rig_register(rig, 1, 2, 2, 2);
    rig_tell_state(rig, 2, NULL, 0);
    rig_pass(rig, 2 * HS_NS_PER_S);
    again = *rig_share(rig, 2, 0);
    rig_progress(rig, 2, &again, 50, 1); /* another attempt begins anew */
    rig_progress(rig, 2, &share, 45, 9); /* of the one before: it is over */
    rig_result(rig, 2, &again, HS_OUTCOME_COMPLETED, 70);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->discarded_sent, 40);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    rig_forget(rig);
    rig_progress(rig, 2, &again, 60, 2); /* overtaken by the result */
    HS_CHECK_EQ(rig_find(rig, HS_MSG_EXEC_PROGRESS_ACK, 2, 0)->message.exec_progress_ack.stop, 1);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    rig_close(rig);
}

CU_TestInfo hs_tests_manager_loss[] = {
    {"progress that was overtaken takes nothing back",
     progress_that_was_overtaken_takes_nothing_back},
    {"a worker process that restarts loses nothing", a_worker_process_that_restarts_loses_nothing},
    {"a new life of the host runs its shares again once",
     a_new_life_of_the_host_runs_its_shares_again_once},
    {"a worker that leaves in order has its shares run elsewhere",
     a_worker_that_leaves_in_order_has_its_shares_run_elsewhere},
    {"leaving workers use up no budget", leaving_workers_use_up_no_budget},
    {"what a leaving worker brings counts where nothing is run again",
     what_a_leaving_worker_brings_counts_where_nothing_is_run_again},
    {"a silent worker is lost", a_silent_worker_is_lost},
    {"a share that nobody answers is sent again then lost",
     a_share_that_nobody_answers_is_sent_again_then_lost},
    {"a refused share goes elsewhere without charge",
     a_refused_share_goes_elsewhere_without_charge},
    {"an exec that reports nothing is taken away", an_exec_that_reports_nothing_is_taken_away},
    {"a cancel stops what runs and what waits", a_cancel_stops_what_runs_and_what_waits},
    {"a worker that does not confirm is given up after a minute",
     a_worker_that_does_not_confirm_is_given_up_after_a_minute},
    {"a job cancelled before it comes does not come",
     a_job_cancelled_before_it_comes_does_not_come},
    {"nothing starts after a cancel that overtook the assignment",
     nothing_starts_after_a_cancel_that_overtook_the_assignment},
    {"a timeout of the gate ends the job", a_timeout_of_the_gate_ends_the_job},
    {"without a gate the datacenter ends the job by itself",
     without_a_gate_the_datacenter_ends_the_job_by_itself},
    CU_TEST_INFO_NULL,
};
