// SPDX-License-Identifier: Apache-2.0
/* test_gate_ends.c - how jobs are stopped, end exactly once whatever comes at the same time, and
 * are forgotten. */
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static const char *one(void)
{
    return gate_rig_plan(1, false);
}

static unsigned cancel_code(struct gate_rig *rig, unsigned n)
{
    struct gate_rig_frame *frame = gate_rig_find(rig, HS_MSG_CANCEL_ACK, 0, n);

    HS_CHECK(frame != NULL);
    return frame ? frame->message.cancel_ack.code : (unsigned)HS_RESULT_COUNT;
}

static void ack_cancel(struct gate_rig *rig, unsigned n, unsigned code)
{
    struct gate_rig_frame *frame = gate_rig_to_manager(rig, HS_MSG_JOB_CANCEL, n);
    union hs_msg           message = {0};

    HS_CHECK(frame != NULL);
    if (!frame) return;
    memcpy(message.job_cancel_ack.job_id, frame->message.job_cancel.job_id, 16);
    memcpy(message.job_cancel_ack.request_id, frame->message.job_cancel.request_id, 16);
    message.job_cancel_ack.code = (uint16_t)code;
    gate_rig_manager(rig, HS_MSG_JOB_CANCEL_ACK, &message, 0);
}

static void ack_release(struct gate_rig *rig, unsigned job, unsigned code)
{
    union hs_msg message = {0};

    gate_rig_name(message.job_release_ack.job_id, job);
    message.job_release_ack.code = (uint16_t)code;
    gate_rig_manager(rig, HS_MSG_JOB_RELEASE_ACK, &message, 0);
}

static unsigned finals(struct gate_rig *rig, unsigned job)
{
    const struct hs_gate_job *at = gate_rig_job(rig, job);
    unsigned                  count = 0;

    for (unsigned i = 0; at && i < at->event_count; i++)
        count += at->events[i].kind == HS_EVENT_FINAL;
    return count;
}

/* ---- cancels ---- */

static void a_cancel_is_carried_out_until_it_is_confirmed(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    HS_CHECK_EQ(cancel_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->state, HS_JOB_CANCELLING);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 1);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 3); /* each second */
    ack_cancel(rig, 0, HS_RESULT_BUSY);
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 4);
    ack_cancel(rig, 0, HS_RESULT_OK);
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 4);
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    HS_CHECK_EQ(cancel_code(rig, 1), HS_RESULT_OK); /* the same request again */
    gate_rig_end(rig, 1, HS_JOB_COMPLETED); /* it had ended by itself: the cancel came first */
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_CANCELLED);
    HS_CHECK_EQ(rig->counts[HS_COUNT_jobs_cancelled], 1);
    HS_CHECK_EQ(rig->event_notes[HS_NOTICE_JOB_ENDED], 1);
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 8);
    HS_CHECK_EQ(cancel_code(rig, 2), HS_RESULT_ALREADY_DONE);
    gate_rig_cancel(rig, 0, 99, HS_WORKFLOW_ALL, 8);
    HS_CHECK_EQ(cancel_code(rig, 3), HS_RESULT_UNKNOWN_JOB);
    gate_rig_close(rig);
}

static void a_cancel_before_the_dispatch_arrives_ends_it(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_submit(rig, 0, 1, one());
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    ack_cancel(rig, 0,
               HS_RESULT_UNKNOWN_JOB); /* it will refuse the dispatch if it comes after all */
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_CANCELLED);
    gate_rig_close(rig);
}

static void a_cancel_that_nobody_confirms_is_over_after_its_grace(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    gate_rig_pass(rig, 59 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_CANCELLING);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_CANCELLED);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->slots[0].state, HS_GATE_SLOT_UNCONFIRMED);
    HS_CHECK_EQ(finals(rig, 1), 1);
    gate_rig_close(rig);
}

/* Both are in one batch of the log: the first one in its order wins, whichever it is. */
static void an_end_and_a_cancel_at_the_same_time_are_one_of_both(void)
{
    for (unsigned order = 0; order < 2; order++) {
        struct gate_rig *rig = gate_rig_open();

        gate_rig_start(rig, 1, one());
        rig->is_log_held = true;
        if (order) gate_rig_end(rig, 1, HS_JOB_COMPLETED);
        gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
        if (!order) gate_rig_end(rig, 1, HS_JOB_COMPLETED);
        rig->is_log_held = false;
        gate_rig_settle(rig);
        HS_CHECK_EQ(gate_rig_job(rig, 1)->final, order ? HS_JOB_COMPLETED : HS_JOB_CANCELLED);
        HS_CHECK_EQ(cancel_code(rig, 0), order ? HS_RESULT_ALREADY_DONE : HS_RESULT_OK);
        HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_DC_RESULTS_ACK, 0)->message.dc_results_ack.code,
                    HS_RESULT_OK);
        HS_CHECK_EQ(finals(rig, 1), 1);
        HS_CHECK_EQ(rig->counts[HS_COUNT_jobs_completed] + rig->counts[HS_COUNT_jobs_cancelled], 1);
        gate_rig_end(rig, 1, HS_JOB_FAILED); /* late */
        HS_CHECK_EQ(rig->counts[HS_COUNT_late_results], 1);
        HS_CHECK_EQ(finals(rig, 1), 1);
        gate_rig_close(rig);
    }
}

static void a_workflow_is_cancelled_alone(void)
{
    struct gate_rig    *rig = gate_rig_open();
    struct gate_rig_end ends[4] = {{0, HS_WORKFLOW_COMPLETED, {0}},
                                   {1, HS_WORKFLOW_CANCELLED, {0}},
                                   {2, HS_WORKFLOW_COMPLETED, {0}},
                                   {HS_WORKFLOW_ALL, HS_JOB_PARTIAL, {0}}};

    gate_rig_start(rig, 1, gate_rig_plan(3, false));
    gate_rig_cancel(rig, 0, 1, 1, 7);
    gate_rig_cancel(rig, 0, 1, 3, 8);
    HS_CHECK_EQ(cancel_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(cancel_code(rig, 1), HS_RESULT_INVALID);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 1);
    HS_CHECK_EQ(gate_rig_to_manager(rig, HS_MSG_JOB_CANCEL, 0)->message.job_cancel.workflow, 1);
    ack_cancel(rig, 0, HS_RESULT_OK);
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 1);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    hs_gate_manager_down(rig->gate, 0); /* its successor may not know */
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 4);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_CANCEL), 2);
    gate_rig_results(rig, 1, 4, 5, ends, 4);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_PARTIAL);
    gate_rig_close(rig);
}

static void a_busy_log_is_asked_again_by_whoever_cancels(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    rig->is_log_busy = true;
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    HS_CHECK_EQ(cancel_code(rig, 0), HS_RESULT_BUSY);
    rig->is_log_busy = false;
    gate_rig_cancel(rig, 0, 1, HS_WORKFLOW_ALL, 7);
    HS_CHECK_EQ(cancel_code(rig, 1), HS_RESULT_OK);
    gate_rig_close(rig);
}

/* ---- time ---- */

static void a_job_whose_time_is_over_is_stopped(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     ack = {0};
    uint64_t         began_ns = rig->now_ns;
    uint64_t         limit_ns;

    gate_rig_start(rig, 1, one());
    limit_ns = gate_rig_job(rig, 1)->timeout_ns;
    HS_CHECK(limit_ns >= 40 * HS_NS_PER_S && limit_ns <= 90 * HS_NS_PER_S);
    rig->now_ns = began_ns + limit_ns - HS_NS_PER_MS;
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    rig->now_ns = began_ns + limit_ns;
    rig->is_log_busy = true; /* asked again, until it is taken */
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    rig->is_log_busy = false;
    gate_rig_pass(rig, 200 * HS_NS_PER_MS);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_TIMING_OUT);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_TIMEOUT), 1);
    gate_rig_name(ack.job_timeout_ack.job_id, 1);
    gate_rig_manager(rig, HS_MSG_JOB_TIMEOUT_ACK, &ack, 0);
    gate_rig_pass(rig, 3 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_TIMEOUT), 1);
    gate_rig_end(rig, 1, HS_JOB_TIMEOUT);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_TIMEOUT);
    HS_CHECK_EQ(rig->counts[HS_COUNT_jobs_timed_out], 1);
    gate_rig_close(rig);
}

static void tell_extension(struct gate_rig *rig, uint64_t pseq, uint64_t extended_ns)
{
    union hs_msg message = {0};

    gate_rig_name(message.dc_progress.job_id, 1);
    message.dc_progress.manager_fence = 3;
    message.dc_progress.pseq = pseq;
    message.dc_progress.kind = HS_PROGRESS_FULL;
    message.dc_progress.status = HS_JOB_RUNNING;
    message.dc_progress.extended_ns = extended_ns;
    gate_rig_manager(rig, HS_MSG_DC_PROGRESS, &message, 0);
}

static void what_a_worker_was_given_its_job_has_too(void)
{
    struct gate_rig *rig = gate_rig_open();
    uint64_t         began_ns = rig->now_ns;
    union hs_msg     submit = {0};

    gate_rig_fill_submit(&submit.submit, 1, one());
    submit.submit.timeout_ns = 100 * HS_NS_PER_S;
    gate_rig_client(rig, 0, HS_MSG_SUBMIT, &submit, 1);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 3);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->timeout_ns, 100 * HS_NS_PER_S);
    tell_extension(rig, 1, 30 * HS_NS_PER_S);
    tell_extension(rig, 2, 45 * HS_NS_PER_S);
    tell_extension(rig, 3, 20 * HS_NS_PER_S); /* of another worker: the most counts */
    gate_rig_pass(rig, began_ns + 145 * HS_NS_PER_S - HS_NS_PER_MS - rig->now_ns);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    gate_rig_pass(rig, 200 * HS_NS_PER_MS);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_TIMING_OUT);
    gate_rig_close(rig);
}

static void no_job_is_lengthened_by_more_than_half(void)
{
    struct gate_rig *rig = gate_rig_open();
    uint64_t         deadline_ns, limit_ns;

    gate_rig_start(rig, 1, one());
    limit_ns = gate_rig_job(rig, 1)->timeout_ns;
    deadline_ns = rig->gate->soft[0].deadline_ns;
    tell_extension(rig, 1, 1000 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->gate->soft[0].deadline_ns, deadline_ns + limit_ns / 2);
    tell_extension(rig, 2, UINT64_MAX);
    HS_CHECK_EQ(rig->gate->soft[0].deadline_ns, deadline_ns + limit_ns / 2);
    gate_rig_close(rig);
}

static void a_job_without_an_end_gets_none_by_an_extension(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     submit = {0};

    gate_rig_fill_submit(&submit.submit, 1, one());
    submit.submit.timeout_ns = HS_NEVER_NS;
    gate_rig_client(rig, 0, HS_MSG_SUBMIT, &submit, 1);
    gate_rig_ack_dispatch(rig, 1, HS_RESULT_OK, 3);
    HS_CHECK_EQ(rig->gate->soft[0].deadline_ns, HS_NEVER_NS);
    tell_extension(rig, 1, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->gate->soft[0].deadline_ns, HS_NEVER_NS);
    gate_rig_pass(rig, 60 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    gate_rig_close(rig);
}

/* A gate that dies again and again does not give a job its whole time each time. */
static void deaths_of_the_gate_do_not_stretch_a_jobs_time(void)
{
    struct gate_rig *rig = gate_rig_open();
    uint64_t         end_ns;

    gate_rig_start(rig, 1, one());
    end_ns = rig->now_ns + gate_rig_job(rig, 1)->timeout_ns;
    for (unsigned i = 0; i < 3; i++) {
        gate_rig_pass(rig, 5 * HS_NS_PER_S);
        gate_rig_restart(rig);
        gate_rig_settle(rig);
        HS_CHECK_EQ(rig->gate->soft[0].deadline_ns, end_ns);
    }
    rig->now_ns = end_ns;
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_TIMING_OUT);
    gate_rig_close(rig);
}

static void a_gate_that_stops_cancels_what_runs(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    hs_gate_stop(rig->gate);
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_CANCELLING);
    gate_rig_submit(rig, 0, 2, one());
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_DRAINING);
    gate_rig_end(rig, 1, HS_JOB_CANCELLED);
    HS_CHECK_EQ(rig->gate->fsm->active_count, 0);
    gate_rig_close(rig);
}

/* ---- after the end ---- */

static void a_job_is_known_after_a_death_with_all_that_it_was(void)
{
    struct gate_rig      *rig = gate_rig_open();
    struct gate_rig_tally tally = {.sent = 6, .completed = 6};
    struct gate_rig_end   ends[2] = {{0, HS_WORKFLOW_COMPLETED, gate_rig_record(0, &tally)},
                                     {HS_WORKFLOW_ALL, HS_JOB_COMPLETED, {0}}};
    unsigned              dispatches;

    gate_rig_start(rig, 1, one());
    gate_rig_start(rig, 2, gate_rig_plan(2, true));
    gate_rig_results(rig, 1, 3, 41, ends, 2);
    gate_rig_send_blob(rig, ends[0].record, 1 << 20);
    gate_rig_restart(rig);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->sent, 6);
    dispatches = gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH);
    gate_manager_enter(rig->gate);
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH),
                dispatches + 1); /* of job 2 only */
    HS_CHECK(
        gate_rig_to_manager(rig, HS_MSG_JOB_DISPATCH, dispatches)->message.job_dispatch.gate_fence >
        2);
    HS_CHECK_TEXT(rig->gate->soft[1].workflow_names[1], "w1");
    gate_rig_ack_dispatch(rig, 2, HS_RESULT_OK, 5);
    gate_rig_end(rig, 2, HS_JOB_FAILED);
    HS_CHECK_EQ(finals(rig, 1), 1);
    HS_CHECK_EQ(finals(rig, 2), 0 + (gate_rig_job(rig, 2)->phase == HS_GATE_DONE));
    gate_rig_close(rig);
}

static struct hs_msg_job_row only_row(struct gate_rig *rig)
{
    struct hs_msg_job_row row = {0};
    union hs_msg          get = {0};
    struct hs_reader      rows;

    gate_rig_forget(rig);
    gate_rig_client(rig, 0, HS_MSG_JOB_LIST_GET, &get, 1);
    hs_reader_init(&rows, gate_rig_find(rig, HS_MSG_JOB_LIST, 0, 0)->message.job_list.rows);
    HS_CHECK_EQ(hs_wire_get_row(HS_MSG_JOB_ROW, &rows, &row), 1);
    return row;
}

/* The whole daemon starts again, after a boot: another monotonic clock, no rows, only the log. A
 * clock that somebody has set makes a wrong age and decides nothing. */
static void ages_survive_a_restart_of_the_daemon(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->wall_ns = 5000000 * HS_NS_PER_S;
    gate_rig_start(rig, 1, one());
    gate_rig_pass(rig, 12 * HS_NS_PER_S);
    rig->wall_ns += 12 * HS_NS_PER_S;
    rig->elapsed_ns = 11 * HS_NS_PER_S;
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(only_row(rig).age_ns, 12 * HS_NS_PER_S);
    HS_CHECK_EQ(only_row(rig).elapsed_ns, 11 * HS_NS_PER_S);
    memset(rig->is_shown, 0, sizeof rig->is_shown);
    rig->now_ns = HS_NS_PER_S;
    rig->wall_ns += 3600 * HS_NS_PER_S;
    gate_rig_restart(rig);
    hs_gate_client_opened(rig->gate, 0);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(only_row(rig).age_ns, 3612 * HS_NS_PER_S);
    HS_CHECK_EQ(only_row(rig).elapsed_ns, 11 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_row(rig, 1)->submitted_unix_ms, 5000000000);
    rig->wall_ns = 7; /* set to long before it was submitted */
    HS_CHECK_EQ(only_row(rig).age_ns, 2 * HS_NS_PER_S);
    gate_manager_enter(rig->gate);
    gate_rig_start(rig, 2, one());
    rig->wall_ns = HS_NEVER_NS - 1;
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 2)->phase, HS_GATE_ACTIVE);
    HS_CHECK(gate_rig_job(rig, 1) != NULL);
    gate_rig_close(rig);
}

static void the_datacenter_is_told_to_forget_until_it_has(void)
{
    struct gate_rig *rig = gate_rig_open();

    gate_rig_start(rig, 1, one());
    gate_rig_end(rig, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_RELEASE), 1);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    ack_release(rig, 1, HS_RESULT_BUSY);
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_RELEASE), 4);
    ack_release(rig, 1, HS_RESULT_OK);
    gate_rig_pass(rig, 9 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_RELEASE), 4);
    gate_rig_close(rig);
}

/* Twice as many as may be kept: the one that ended first goes first, and only what has been
 * released, and no key within five minutes. */
static void more_finished_jobs_than_are_kept_go_in_order(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->gate->limits.retention_ns = 3600 * HS_NS_PER_S;
    for (unsigned i = 0; i < 8; i++) {
        gate_rig_start(rig, i, one());
        gate_rig_end(rig, i, HS_JOB_COMPLETED);
        if (i != 1) ack_release(rig, i, HS_RESULT_OK);
    }
    gate_rig_pass(rig, 299 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 8);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 4);
    HS_CHECK(gate_rig_job(rig, 0) == NULL);
    HS_CHECK(gate_rig_job(rig, 1) != NULL); /* its datacenter still has it */
    for (unsigned i = 2; i < 5; i++) HS_CHECK(gate_rig_job(rig, i) == NULL);
    HS_CHECK_EQ(rig->counts[HS_COUNT_jobs_forgotten], 4);
    HS_CHECK_EQ(gate_rig_row(rig, 0)->sent + gate_rig_row(rig, 0)->state, 0); /* its row is gone */
    ack_release(rig, 1, HS_RESULT_UNKNOWN_JOB);
    gate_rig_pass(rig, 3601 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 0); /* and by age */
    HS_CHECK_EQ(rig->gate->fsm->reserved_records, 0);
    gate_rig_submit(rig, 0, 0, one());
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK); /* the same key is a new job now */
    gate_rig_close(rig);
}

/* As many as the table holds, twice as many as may be kept: each is answered as the one it was, and
 * rather a new one is refused. */
static void a_repeated_key_runs_nothing_again_however_many_have_ended(void)
{
    struct gate_rig *rig = gate_rig_open();
    unsigned         dispatches;

    rig->gate->limits.finished_jobs_max = HS_GATE_JOBS_MAX / 2;
    rig->gate->limits.retention_ns = 3600 * HS_NS_PER_S;
    for (unsigned i = 0; i < HS_GATE_JOBS_MAX; i++) {
        gate_rig_start(rig, i, one());
        gate_rig_end(rig, i, HS_JOB_COMPLETED);
        ack_release(rig, i, HS_RESULT_OK);
        gate_rig_forget(rig);
    }
    gate_rig_submit(rig, 0, HS_GATE_JOBS_MAX, one());
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_BUSY);
    gate_rig_restart(rig); /* a death does not make it forget */
    hs_gate_client_opened(rig->gate, 0);
    gate_manager_enter(rig->gate);
    rig->gate->limits.finished_jobs_max = HS_GATE_JOBS_MAX / 2;
    gate_rig_settle(rig);
    for (unsigned i = 0; i < HS_GATE_JOBS_MAX; i++) ack_release(rig, i, HS_RESULT_UNKNOWN_JOB);
    gate_rig_pass(rig, 250 * HS_NS_PER_S);
    gate_rig_forget(rig);
    dispatches = gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH);
    for (unsigned i = 0; i < HS_GATE_JOBS_MAX; i++) {
        gate_rig_submit(rig, 0, i, one());
        HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
        HS_CHECK_EQ(gate_rig_find(rig, HS_MSG_SUBMIT_ACK, 0, 0)->message.submit_ack.existing, 1);
        HS_CHECK_EQ(gate_rig_find(rig, HS_MSG_SUBMIT_ACK, 0, 0)->message.submit_ack.status,
                    HS_JOB_COMPLETED);
        HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), dispatches);
        gate_rig_forget(rig);
    }
    gate_rig_pass(rig, 60 * HS_NS_PER_S);
    gate_rig_submit(rig, 0, HS_GATE_JOBS_MAX, one());
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    gate_rig_close(rig);
}

static void unreleased_jobs_go_by_age_without_any_manager(void)
{
    struct gate_rig *rig = gate_rig_open();

    for (unsigned i = 0; i < 8; i++) {
        gate_rig_start(rig, i, one());
        gate_rig_end(rig, i, HS_JOB_COMPLETED);
    }
    hs_gate_manager_down(rig->gate, 0);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 8);
    gate_rig_pass(rig, 305 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->gate->fsm->job_count, 0);
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_ends[] = {
    {"a cancel is carried out until it is confirmed",
     a_cancel_is_carried_out_until_it_is_confirmed},
    {"a cancel before the dispatch arrives ends it", a_cancel_before_the_dispatch_arrives_ends_it},
    {"a cancel that nobody confirms is over after its grace",
     a_cancel_that_nobody_confirms_is_over_after_its_grace},
    {"an end and a cancel at the same time are one of both",
     an_end_and_a_cancel_at_the_same_time_are_one_of_both},
    {"a workflow is cancelled alone", a_workflow_is_cancelled_alone},
    {"a busy log is asked again by whoever cancels", a_busy_log_is_asked_again_by_whoever_cancels},
    {"a job whose time is over is stopped", a_job_whose_time_is_over_is_stopped},
    {"deaths of the gate do not stretch a job's time",
     deaths_of_the_gate_do_not_stretch_a_jobs_time},
    {"a gate that stops cancels what runs", a_gate_that_stops_cancels_what_runs},
    {"a job is known after a death with all that it was",
     a_job_is_known_after_a_death_with_all_that_it_was},
    {"ages survive a restart of the daemon", ages_survive_a_restart_of_the_daemon},
    {"the datacenter is told to forget until it has",
     the_datacenter_is_told_to_forget_until_it_has},
    {"more finished jobs than are kept go in order", more_finished_jobs_than_are_kept_go_in_order},
    {"a repeated key runs nothing again however many have ended",
     a_repeated_key_runs_nothing_again_however_many_have_ended},
    {"unreleased jobs go by age without any manager",
     unreleased_jobs_go_by_age_without_any_manager},
    {"12.8 a job of 100 s whose worker was given 45 s ends at 145 s",
     what_a_worker_was_given_its_job_has_too},
    {"no job is lengthened by more than half of its limit", no_job_is_lengthened_by_more_than_half},
    {"a job without an end gets none by an extension",
     a_job_without_an_end_gets_none_by_an_extension},
    CU_TEST_INFO_NULL,
};
