// SPDX-License-Identifier: Apache-2.0
/* test_manager.c - a manager's core from end to end, its world played: jobs in, shares out, results
 * back, and all that can go wrong between (jobs.md 6.5, 7.5 to 7.9, 7.13, 7.14, 7.18, for one
 * datacenter). */
#include "roles/host_table.h"
#include "roles/stats/run_record.h"
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

/* ---- the way of one job ---- */

static void a_job_goes_the_whole_way(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;
    struct hs_run_record_reader reader;
    struct hs_msg_result_item   item = {0};

    rig_dispatch(rig, 1, rig_one);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    share = *rig_share(rig, 1, 0);
    HS_CHECK_EQ(share.cores, 2);
    HS_CHECK_EQ(share.vus, 8);
    HS_CHECK_EQ(share.share_total, 2);
    HS_CHECK_EQ(share.shard_count, 1);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    rig_progress(rig, 1, &share, 100, 1);
    HS_CHECK(rig_find(rig, HS_MSG_DC_PROGRESS, 0, 0) != NULL);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 250);
    HS_CHECK_EQ(rig_last_stage(rig, 1), HS_STAGE_DURABLE);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig_last_items(rig, &item), 2);
    HS_CHECK_EQ(item.workflow, HS_WORKFLOW_ALL);
    HS_CHECK_EQ(item.status, HS_JOB_COMPLETED);
    HS_CHECK(hs_run_record_open(&reader, rig_blob(rig, rig_workflow(rig, 1, 0)->record.bytes)) > 0);
    HS_CHECK_TEXT(reader.record.workflow, "a");
    HS_CHECK_EQ(reader.record.duration_ns, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(reader.record.engine_count, 2);
    HS_CHECK_EQ(reader.record.step_count, 1);
    HS_CHECK(!hs_manager_is_idle(rig->manager));
    rig_ack_results(rig, 1, HS_RESULT_OK);
    HS_CHECK(hs_manager_is_idle(rig->manager));
    rig_release(rig, 1);
    HS_CHECK(rig_find(rig, HS_MSG_EXEC_RELEASE, 1, 0) != NULL);
    rig_pass(rig, 61 * HS_NS_PER_S);
    HS_CHECK(rig_job(rig, 1) == NULL);
    rig_close(rig);
}

static void a_chain_listed_backwards_runs_in_order(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_chain);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    share = *rig_share(rig, 1, 0);
    HS_CHECK_EQ(share.exec.workflow, 1);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 10);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 2);
    HS_CHECK_EQ(rig_share(rig, 1, 1)->exec.workflow, 0);
    rig_close(rig);
}

static void work_waits_for_a_worker_that_has_said_what_it_runs(void)
{
    struct rig *rig = rig_open();

    rig_dispatch(rig, 1, rig_one);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_READY);
    rig_register(rig, 1, 1, 1, 2);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_RECONCILE, 1), 1);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    rig_tell_state(rig, 1, NULL, 0);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    rig_close(rig);
}

/* 7.6, 1 */
static void two_jobs_that_want_all_cores_follow_each_other(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_one);
    rig_dispatch(rig, 2, rig_one);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    share = *rig_share(rig, 1, 0);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 10);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 2);
    rig_close(rig);
}

/* ---- acceptance ---- */

static void a_dispatch_is_checked_before_anything_is_made(void)
{
    struct rig  *rig = rig_open_with_worker(2);
    union hs_msg message = {0};

    rig_dispatch(rig, 1, "{\"version\":1,\"workflows\":[]}");
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_INVALID);
    rig_name(message.job_dispatch.job_id, 2); /* digest of nothing */
    message.job_dispatch.plan = hs_view_text(rig_one);
    message.job_dispatch.plan_bytes = (uint32_t)strlen(rig_one);
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
    HS_CHECK_EQ(rig_dispatch_code(rig, 1), HS_RESULT_INVALID);
    message.job_dispatch.plan_bytes = HS_PLAN_BYTES_MAX + 1;
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
    HS_CHECK_EQ(rig_dispatch_code(rig, 2), HS_RESULT_TOO_LARGE);
    HS_CHECK_EQ(rig->memory.state->job_count, 0);
    HS_CHECK_EQ(rig->blob_count, 0);
    hs_manager_drain(rig->manager);
    rig_dispatch(rig, 3, rig_one);
    HS_CHECK_EQ(rig_dispatch_code(rig, 3), HS_RESULT_DRAINING);
    rig_close(rig);
}

static void a_repeated_dispatch_is_answered_and_makes_nothing(void)
{
    struct rig *rig = rig_open_with_worker(2);

    for (unsigned i = 0; i < 3; i++) {
        rig_dispatch(rig, 1, rig_one);
        HS_CHECK_EQ(rig_dispatch_code(rig, i), HS_RESULT_OK);
    }
    HS_CHECK_EQ(rig->memory.state->job_count, 1);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    rig_dispatch(rig, 1, rig_chain);
    HS_CHECK_EQ(rig_dispatch_code(rig, 3), HS_RESULT_CONFLICT);
    rig_close(rig);
}

static void a_plan_above_one_frame_is_fetched(void)
{
    struct rig             *rig = rig_open_with_worker(2);
    union hs_msg            message = {0}, piece = {0};
    struct hs_ledger_digest digest;
    size_t                  half = strlen(rig_one) / 2;

    hs_ledger_digest_of(hs_view_text(rig_one), &digest);
    rig_name(message.job_dispatch.job_id, 1);
    memcpy(message.job_dispatch.digest, digest.bytes, 32);
    message.job_dispatch.plan_bytes = (uint32_t)strlen(rig_one);
    message.job_dispatch.remaining_ns = HS_NEVER_NS;
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_BLOB_GET, 0), 1);
    memcpy(piece.blob_data.digest, digest.bytes, 32);
    piece.blob_data.total_bytes = (uint32_t)strlen(rig_one);
    piece.blob_data.data = hs_view_of(rig_one, half);
    rig_gate(rig, HS_MSG_BLOB_DATA, &piece);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_BLOB_GET, 0, 1)->message.blob_get.offset_bytes, half);
    piece.blob_data.offset_bytes = half;
    piece.blob_data.data = hs_view_of(rig_one + half, strlen(rig_one) - half);
    rig_gate(rig, HS_MSG_BLOB_DATA, &piece);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    rig_name(message.job_dispatch.job_id, 2); /* and one that never comes */
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
    rig_pass(rig, 11 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_dispatch_code(rig, 1), HS_RESULT_BUSY); /* to be asked again */
    rig_close(rig);
}

static void dispatch_without_plan(struct rig *rig, unsigned job)
{
    union hs_msg            message = {0};
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(hs_view_text(rig_one), &digest);
    rig_name(message.job_dispatch.job_id, job);
    memcpy(message.job_dispatch.digest, digest.bytes, 32);
    message.job_dispatch.plan_bytes = (uint32_t)strlen(rig_one);
    message.job_dispatch.remaining_ns = HS_NEVER_NS;
    rig_gate(rig, HS_MSG_JOB_DISPATCH, &message);
}

/* What the gate answers to the n-th BLOB_GET. */
static void answer_blob_get(struct rig *rig, unsigned n)
{
    struct rig_frame       *frame = rig_find(rig, HS_MSG_BLOB_GET, 0, n);
    union hs_msg            piece = {0};
    struct hs_ledger_digest digest;
    size_t                  offset, bytes = strlen(rig_one);

    HS_CHECK(frame != NULL);
    if (!frame) return;
    hs_ledger_digest_of(hs_view_text(rig_one), &digest);
    offset = (size_t)frame->message.blob_get.offset_bytes;
    memcpy(piece.blob_data.digest, digest.bytes, 32);
    piece.blob_data.total_bytes = bytes;
    piece.blob_data.offset_bytes = offset;
    piece.blob_data.data = hs_view_of(rig_one + offset, bytes - offset < 60 ? bytes - offset : 60);
    rig_gate(rig, HS_MSG_BLOB_DATA, &piece);
}

/* Each asks for its pieces, and the answers to both fit either. */
static void two_jobs_may_fetch_the_same_plan_at_a_time(void)
{
    struct rig *rig = rig_open_with_worker(2);

    dispatch_without_plan(rig, 1);
    dispatch_without_plan(rig, 2);
    for (unsigned i = 0; i < rig_count(rig, HS_MSG_BLOB_GET, 0); i++) answer_blob_get(rig, i);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_JOB_DISPATCH_ACK, 0), 2);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig_dispatch_code(rig, 1), HS_RESULT_OK);
    rig_close(rig);
}

/* The question died with the gate; its successor dispatches again and is asked. */
static void a_plan_that_a_dead_gate_owed_is_asked_of_the_next(void)
{
    struct rig *rig = rig_open_with_worker(2);
    unsigned    asked;

    dispatch_without_plan(rig, 1);
    answer_blob_get(rig, 0);
    hs_manager_on_gate_down(rig->manager, RIG_GATE, rig->now_ns, &rig->actions);
    rig_settle(rig);
    rig_gate_up(rig);
    rig_settle(rig);
    asked = rig_count(rig, HS_MSG_BLOB_GET, 0);
    dispatch_without_plan(rig, 1);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_BLOB_GET, 0), asked + 1);
    for (unsigned i = asked; i < rig_count(rig, HS_MSG_BLOB_GET, 0); i++) answer_blob_get(rig, i);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_JOB_DISPATCH_ACK, 0), 1);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_OK);
    rig_close(rig);
}

static void a_plan_set_aside_is_refused(void)
{
    struct rig             *rig = rig_open_with_worker(2);
    struct hs_ledger_digest digest;

    hs_ledger_digest_of(hs_view_text(rig_one), &digest);
    hs_manager_quarantine(rig->manager, hs_host_table_digest_word(digest.bytes));
    rig_dispatch(rig, 1, rig_one);
    HS_CHECK_EQ(rig_dispatch_code(rig, 0), HS_RESULT_INVALID);
    rig_close(rig);
}

/* ---- results ---- */

static void results_are_repeated_until_the_gate_has_them(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 5);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_DC_RESULTS, 0), 1);
    rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_DC_RESULTS, 0), 2);
    rig_ack_results(rig, 1, HS_RESULT_BUSY);
    rig_pass(rig, 3 * HS_NS_PER_S);
    HS_CHECK(rig_count(rig, HS_MSG_DC_RESULTS, 0) > 2);
    rig_ack_results(rig, 1, HS_RESULT_OK);
    rig_forget(rig);
    rig_pass(rig, 60 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_DC_RESULTS, 0), 0);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 5); /* its ack was lost */
    HS_CHECK_EQ(rig_last_stage(rig, 1), HS_STAGE_DURABLE);
    rig_close(rig);
}

static void a_result_is_acknowledged_only_when_it_is_durable(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig->is_log_held = true;
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 5);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_RESULT_ACK, 1), 0);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 5);
    HS_CHECK_EQ(rig_last_stage(rig, 1), HS_STAGE_RECEIVED);
    rig->is_log_held = false;
    rig_settle(rig);
    HS_CHECK_EQ(rig_last_stage(rig, 1), HS_STAGE_DURABLE);
    rig_close(rig);
}

static void a_result_in_pieces_is_put_together(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;
    union hs_msg                message = {0};
    static const uint8_t        pieces[2][3] = {{1, 2, 3}, {4, 5, 6}};

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    message.exec_result.exec = share.exec;
    message.exec_result.exec_fence = share.exec_fence;
    message.exec_result.outcome = HS_OUTCOME_COMPLETED;
    message.exec_result.parts = 2;
    message.exec_result.part = 1; /* out of order: nothing is taken */
    message.exec_result.payload = hs_view_of(pieces[1], 3);
    rig_worker(rig, 1, HS_MSG_EXEC_RESULT, &message);
    HS_CHECK_EQ(rig_job(rig, 1)->phase, HS_MANAGER_JOB_ACTIVE);
    for (uint16_t i = 0; i < 2; i++) {
        message.exec_result.part = i;
        message.exec_result.payload = hs_view_of(pieces[i], 3);
        rig_worker(rig, 1, HS_MSG_EXEC_RESULT, &message);
    }
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(hs_manager_shard_at(rig->memory.state, rig_workflow(rig, 1, 0), 0)->result_bytes,
                6);
    rig_close(rig);
}

/* ---- restart ---- */

static void a_restarted_manager_goes_on_with_what_runs(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_chain);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    rig_restart(rig, 1);
    rig_forget(rig);
    rig_register(rig, 1, 2, 1, 2);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_RECONCILE, 2), 1);
    rig_tell_state(rig, 2, &share, 1);
    rig_progress(rig, 2, &share, 33, 5);
    rig_pass(rig, HS_NS_PER_S);
    HS_CHECK(rig_find(rig, HS_MSG_DC_PROGRESS, 0, 0) != NULL);
    rig_result(rig, 2, &share, HS_OUTCOME_COMPLETED, 44);
    HS_CHECK_EQ(rig_last_stage(rig, 2), HS_STAGE_DURABLE);
    HS_CHECK_EQ(rig_workflow(rig, 1, 0)->state, HS_WORKFLOW_RUNNING); /* the next one */
    HS_CHECK_EQ(rig_job(rig, 1)->retries, 0);
    rig_close(rig);
}

/* 7.8, 4: committed, not sent */
static void an_assignment_without_a_dispatch_is_sent_after_a_restart(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_restart(rig, 1);
    rig_forget(rig);
    rig_register(rig, 1, 2, 1, 2);
    rig_tell_state(rig, 2, NULL, 0);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->exec_fence, share.exec_fence);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->exec.attempt, 0);
    rig_close(rig);
}

static void an_end_of_the_supervisor_runs_shares_again(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    rig_restart(rig, 2);
    rig_forget(rig);
    rig_register(rig, 1, 2, 2, 2);
    rig_tell_state(rig, 2, NULL, 0);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    HS_CHECK_EQ(rig_share(rig, 2, 0)->exec.attempt, 1);
    rig_close(rig);
}

static void a_result_that_was_decided_is_told_after_a_restart(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch share;
    struct hs_msg_result_item   item = {0};

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 5);
    rig_restart(rig, 1);
    HS_CHECK_EQ(rig_last_items(rig, &item), 2);
    HS_CHECK_EQ(item.status, HS_JOB_COMPLETED);
    rig_close(rig);
}

static void a_ghost_is_killed(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch ghost = {.exec = {.workflow = 3}, .exec_fence = 99};

    rig_register(rig, 2, 2, 1, 2);
    rig_tell_state(rig, 2, &ghost, 1);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_CANCEL, 2), 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_EXEC_CANCEL, 2, 0)->message.exec_cancel.hard, 1);
    rig_progress(rig, 2, &ghost, 1, 1);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_EXEC_PROGRESS_ACK, 2, 0)->message.exec_progress_ack.stop, 1);
    rig_close(rig);
}

CU_TestInfo hs_tests_manager[] = {
    {"a job goes the whole way", a_job_goes_the_whole_way},
    {"a chain listed backwards runs in order", a_chain_listed_backwards_runs_in_order},
    {"work waits for a worker that has said what it runs",
     work_waits_for_a_worker_that_has_said_what_it_runs},
    {"two jobs that want all cores follow each other",
     two_jobs_that_want_all_cores_follow_each_other},
    {"a dispatch is checked before anything is made",
     a_dispatch_is_checked_before_anything_is_made},
    {"a repeated dispatch is answered and makes nothing",
     a_repeated_dispatch_is_answered_and_makes_nothing},
    {"a plan above one frame is fetched", a_plan_above_one_frame_is_fetched},
    {"two jobs may fetch the same plan at a time", two_jobs_may_fetch_the_same_plan_at_a_time},
    {"a plan that a dead gate owed is asked of the next",
     a_plan_that_a_dead_gate_owed_is_asked_of_the_next},
    {"a plan set aside is refused", a_plan_set_aside_is_refused},
    {"results are repeated until the gate has them", results_are_repeated_until_the_gate_has_them},
    {"a result is acknowledged only when it is durable",
     a_result_is_acknowledged_only_when_it_is_durable},
    {"a result in pieces is put together", a_result_in_pieces_is_put_together},
    {"a restarted manager goes on with what runs", a_restarted_manager_goes_on_with_what_runs},
    {"an assignment without a dispatch is sent after a restart",
     an_assignment_without_a_dispatch_is_sent_after_a_restart},
    {"an end of the supervisor runs shares again", an_end_of_the_supervisor_runs_shares_again},
    {"a result that was decided is told after a restart",
     a_result_that_was_decided_is_told_after_a_restart},
    {"a ghost is killed", a_ghost_is_killed},
    CU_TEST_INFO_NULL,
};
