// SPDX-License-Identifier: Apache-2.0
/* test_manager_fsm.c - the tables behind a manager's log: rows of jobs.md 6.3 to 6.5, limits,
 * repeats. */
#include "tests/check.h"
#include "tests/unit/manager_entries.h"
#include "tests/unit/suites.h"

/* ---- rows of 6.3 ---- */

static void a_job_runs_to_its_end(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_READY);
    HS_CHECK_EQ(entries_assign(1, 0, 2), HS_RESULT_OK);
    HS_CHECK_EQ(entries_shard_of(1, 0, 1)->exec_fence, entries_seq);
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_RUNNING);
    HS_CHECK_EQ(entries_end(1, 0, 1, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_COMPLETED);
    HS_CHECK_EQ(entries_job_of(1)->phase, HS_MANAGER_JOB_DONE);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(entries_state->active_count, 0);
    HS_CHECK(hs_manager_state_validate(entries_state));
    entries_tear_down();
}

static void the_same_job_again_is_the_same_job(void)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_ACCEPT};

    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_state->job_count, 1);
    entries_name_job(entry.accept.job_id, 1);
    entry.accept.birth_fence = entry.accept.gate_fence = 1;
    entry.accept.workflow_count = 1;
    entry.accept.plan.bytes[0] = 99;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_CONFLICT);
    entry.accept.birth_fence = 0;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_STALE_FENCE);
    entry.accept.birth_fence = 9;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_BUSY); /* the old one still runs */
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_OK); /* the key was used again */
    HS_CHECK_EQ(entries_job_of(1)->workflow_count, 1);
    HS_CHECK(hs_manager_state_validate(entries_state));
    entries_tear_down();
}

static void a_higher_gate_fence_is_kept_and_a_lower_one_refused(void)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_OWNER};

    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    entries_name_job(entry.owner.job_id, 1);
    entry.owner.gate_fence = 10;
    entry.owner.limit.timeout_ns = 77;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_OK);
    HS_CHECK_EQ(entries_job_of(1)->limit.timeout_ns, 77);
    entry.owner.gate_fence = 9;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(entries_job_of(1)->gate_fence, 10);
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_STALE_FENCE); /* 7.14, 10 */
    HS_CHECK_EQ(entries_time_out(1, HS_MANAGER_TIMEOUT_GATE, 9), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(entries_job_of(1)->phase, HS_MANAGER_JOB_ACTIVE);
    entries_tear_down();
}

static void the_limits_of_the_tables_hold(void)
{
    unsigned jobs = 0;

    entries_set_up();
    while (entries_accept_job(jobs, 8, false) == HS_RESULT_OK) jobs++;
    HS_CHECK_EQ(jobs, HS_JOBS_MAX);
    for (unsigned i = 0; i < HS_JOBS_MAX; i++) /* twice the maximum */
        HS_CHECK_EQ(entries_accept_job(jobs + i, 8, false), HS_RESULT_BUSY);
    HS_CHECK_EQ(entries_state->job_count, HS_JOBS_MAX);
    entries_set_up();
    for (jobs = 0; entries_accept_job(jobs, HS_WORKFLOWS_MAX, true) == HS_RESULT_OK;) jobs++;
    HS_CHECK_EQ(jobs, HS_MANAGER_WORKFLOW_SLOTS / HS_WORKFLOWS_MAX);
    HS_CHECK(hs_manager_state_validate(entries_state));
    entries_tear_down();
}

/* ---- rows of 6.4 ---- */

static void a_chain_runs_in_order(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 3, true), HS_RESULT_OK);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(entries_workflow_of(1, i)->state, HS_WORKFLOW_READY);
        if (i < 2) HS_CHECK_EQ(entries_workflow_of(1, i + 1)->state, HS_WORKFLOW_PENDING);
        if (i < 2) HS_CHECK_EQ(entries_assign(1, i + 1, 1), HS_RESULT_ALREADY_DONE);
        HS_CHECK_EQ(entries_assign(1, i, 1), HS_RESULT_OK);
        HS_CHECK_EQ(entries_end(1, i, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    }
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_COMPLETED);
    entries_tear_down();
}

static void what_depends_on_a_failure_is_skipped(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 3, true), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 2), HS_RESULT_OK);
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_FAILED), HS_RESULT_OK); /* 7.8, 8: never retried */
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLING);
    HS_CHECK_EQ(entries_end(1, 0, 1, HS_OUTCOME_CANCELLED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(entries_workflow_of(1, 1)->state, HS_WORKFLOW_SKIPPED);
    HS_CHECK_EQ(entries_workflow_of(1, 2)->state, HS_WORKFLOW_SKIPPED);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_FAILED);
    entries_tear_down();
}

static void a_mixture_is_partial(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 1, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_end(1, 1, 0, HS_OUTCOME_FAILED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_PARTIAL);
    entries_tear_down();
}

static void a_lost_share_runs_again_until_the_budget_is_spent(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 2), HS_RESULT_OK);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
        HS_CHECK_EQ(entries_shard_of(1, 0, 0)->state, HS_SHARD_BACKOFF);
        HS_CHECK_EQ(entries_shard_of(1, 0, 1)->state, HS_SHARD_ASSIGNED); /* 7.8, 1: undisturbed */
        HS_CHECK_EQ(entries_retry(1, 0, 0), HS_RESULT_OK);
        HS_CHECK_EQ(entries_retry(1, 0, 0), HS_RESULT_ALREADY_DONE);
        HS_CHECK_EQ(entries_shard_of(1, 0, 0)->attempt, i + 1);
    }
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLING);
    HS_CHECK_EQ(entries_end(1, 0, 1, HS_OUTCOME_CANCELLED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(entries_job_of(1)->retries, 3);
    entries_tear_down();
}

/* 7.8, 3: four in all, three per workflow. */
static void the_budget_of_the_job_holds_for_all_workflows(void)
{
    unsigned retries = 0;

    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 1, 1), HS_RESULT_OK);
    for (unsigned i = 0; i < 10; i++) {
        unsigned workflow = i % 2;

        if (entries_workflow_of(1, workflow)->state != HS_WORKFLOW_RUNNING) continue;
        HS_CHECK_EQ(entries_end(1, workflow, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
        if (entries_shard_of(1, workflow, 0)->state != HS_SHARD_BACKOFF) continue;
        HS_CHECK_EQ(entries_retry(1, workflow, 0), HS_RESULT_OK);
        retries++;
    }
    HS_CHECK_EQ(retries, 4);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_FAILED);
    entries_tear_down();
}

/* 7.8, 7 */
static void five_refusals_cost_one_retry(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    for (unsigned i = 1; i <= 10; i++) {
        HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_REJECTED), HS_RESULT_OK);
        HS_CHECK_EQ(entries_job_of(1)->retries, i / 5);
        HS_CHECK_EQ(entries_retry(1, 0, 0), HS_RESULT_OK);
    }
    entries_tear_down();
}

static void a_late_end_of_a_lost_attempt_changes_nothing(void)
{
    struct hs_manager_entry late = {.kind = HS_MANAGER_END};

    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    entries_name_job(late.end.job_id, 1);
    late.end.outcome = HS_OUTCOME_COMPLETED;
    late.end.exec_fence = entries_shard_of(1, 0, 0)->exec_fence;
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
    HS_CHECK_EQ(entries_apply(&late), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(entries_retry(1, 0, 0), HS_RESULT_OK);
    HS_CHECK_EQ(entries_apply(&late), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(entries_shard_of(1, 0, 0)->state, HS_SHARD_ASSIGNED);
    entries_tear_down();
}

static void a_workflow_without_capacity_fails(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 2, true), HS_RESULT_OK);
    HS_CHECK_EQ(entries_end(1, 0, HS_MANAGER_WORKFLOW_SHARDS, HS_OUTCOME_FAILED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_FAILED);
    HS_CHECK_EQ(entries_end(1, 0, HS_MANAGER_WORKFLOW_SHARDS, HS_OUTCOME_FAILED),
                HS_RESULT_ALREADY_DONE);
    entries_tear_down();
}

/* ---- 7.14 ---- */

static void a_cancel_stops_all_at_once_or_when_it_has_stopped(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 3, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_job_of(1)->phase, HS_MANAGER_JOB_CANCELLING);
    HS_CHECK_EQ(entries_workflow_of(1, 1)->state, HS_WORKFLOW_CANCELLED);
    HS_CHECK_EQ(entries_assign(1, 1, 1), HS_RESULT_ALREADY_CANCELLED);     /* 7.8, 11 */
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK); /* kept as data */
    HS_CHECK_EQ(entries_shard_of(1, 0, 0)->outcome, HS_OUTCOME_COMPLETED);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLED);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_CANCELLED);
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK); /* the same request */
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 2), HS_RESULT_ALREADY_DONE);
    entries_tear_down();
}

static void a_cancel_spreads_or_its_dependents_are_skipped(void)
{
    entries_set_up();
    for (unsigned is_cascade = 0; is_cascade < 2; is_cascade++) {
        enum hs_workflow_state expected = is_cascade ? HS_WORKFLOW_CANCELLED : HS_WORKFLOW_SKIPPED;

        entries_set_up();
        HS_CHECK_EQ(entries_accept_job(1, 3, true), HS_RESULT_OK);
        HS_CHECK_EQ(entries_cancel(1, 0, is_cascade, 1), HS_RESULT_OK);
        HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLED);
        HS_CHECK_EQ(entries_workflow_of(1, 1)->state, expected);
        HS_CHECK_EQ(entries_workflow_of(1, 2)->state, expected);
        HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_CANCELLED);
    }
    entries_tear_down();
}

/* One request may name several workflows. */
static void two_workflows_of_one_request_are_both_cancelled(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 3, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_cancel(1, 0, false, 5), HS_RESULT_OK);
    HS_CHECK_EQ(entries_cancel(1, 2, false, 5), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 2)->state, HS_WORKFLOW_CANCELLED);
    HS_CHECK_EQ(entries_workflow_of(1, 1)->state, HS_WORKFLOW_READY);
    HS_CHECK_EQ(entries_cancel(1, 9, false, 5), HS_RESULT_INVALID);
    entries_tear_down();
}

static void a_share_that_does_not_confirm_is_named(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 2), HS_RESULT_OK);
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_CANCELLED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_end(1, 0, 1, HS_OUTCOME_UNCONFIRMED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->unconfirmed, 1);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_CANCELLED);
    entries_tear_down();
}

static void time_that_is_over_ends_the_job_so(void)
{
    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 2, true), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(entries_time_out(1, HS_MANAGER_TIMEOUT_FALLBACK, 0), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 1)->state, HS_WORKFLOW_TIMEOUT);
    HS_CHECK_EQ(entries_cancel(1, HS_WORKFLOW_ALL, true, 1),
                HS_RESULT_ALREADY_DONE); /* first one wins */
    HS_CHECK_EQ(entries_end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
    HS_CHECK_EQ(entries_workflow_of(1, 0)->state, HS_WORKFLOW_TIMEOUT);
    HS_CHECK_EQ(entries_job_of(1)->status, HS_JOB_TIMEOUT);
    entries_tear_down();
}

/* ---- release, records, blobs ---- */

static void a_job_goes_when_it_is_done_and_leaves_nothing(void)
{
    struct hs_manager_entry released = {.kind = HS_MANAGER_RELEASED};
    struct hs_manager_entry expire = {.kind = HS_MANAGER_EXPIRE};

    entries_set_up();
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(entries_assign(1, 0, 3), HS_RESULT_OK);
    entries_name_job(released.released.job_id, 1);
    released.released.gate_fence = 1;
    expire.expire.count = 1;
    entries_name_job(expire.expire.job_ids[0], 1);
    HS_CHECK_EQ(entries_apply(&released), HS_RESULT_IN_PROGRESS);
    HS_CHECK_EQ(entries_apply(&expire), HS_RESULT_OK);
    HS_CHECK(entries_job_of(1) != NULL); /* active ones are never evicted */
    for (unsigned i = 0; i < 3; i++)
        HS_CHECK_EQ(entries_end(1, 0, i, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(entries_apply(&released), HS_RESULT_OK);
    HS_CHECK(entries_job_of(1)->is_released);
    HS_CHECK_EQ(entries_apply(&expire), HS_RESULT_OK);
    HS_CHECK(entries_job_of(1) == NULL);
    HS_CHECK_EQ(entries_apply(&released), HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(entries_state->job_count, 0);
    HS_CHECK(hs_manager_state_validate(entries_state));
    entries_tear_down();
}

static void blobs_live_as_long_as_somebody_needs_them(void)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_END};
    struct hs_ledger_digest plan = {.bytes = {2}}, result = {.bytes = {50}},
                            record = {.bytes = {60}};

    entries_set_up();
    HS_CHECK(!hs_manager_fsm_is_blob_needed(entries_state, &plan));
    HS_CHECK_EQ(entries_accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK(hs_manager_fsm_is_blob_needed(entries_state, &plan));
    HS_CHECK_EQ(entries_assign(1, 0, 1), HS_RESULT_OK);
    entries_name_job(entry.end.job_id, 1);
    entry.end.outcome = HS_OUTCOME_COMPLETED;
    entry.end.exec_fence = entries_shard_of(1, 0, 0)->exec_fence;
    entry.end.result_bytes = 10;
    entry.end.result = result;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_OK);
    HS_CHECK(hs_manager_fsm_is_blob_needed(entries_state, &result));
    entry = (struct hs_manager_entry){.kind = HS_MANAGER_RECORD};
    entries_name_job(entry.record.job_id, 1);
    entry.record.digest = record;
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_OK);
    HS_CHECK_EQ(entries_apply(&entry), HS_RESULT_ALREADY_DONE);
    HS_CHECK(hs_manager_fsm_is_blob_needed(entries_state, &record));
    HS_CHECK(!hs_manager_fsm_is_blob_needed(entries_state, &result));
    entries_tear_down();
}

CU_TestInfo hs_tests_manager_fsm[] = {
    {"a job runs to its end", a_job_runs_to_its_end},
    {"the same job again is the same job", the_same_job_again_is_the_same_job},
    {"a higher gate fence is kept and a lower one refused",
     a_higher_gate_fence_is_kept_and_a_lower_one_refused},
    {"the limits of the tables hold", the_limits_of_the_tables_hold},
    {"a chain runs in order", a_chain_runs_in_order},
    {"what depends on a failure is skipped", what_depends_on_a_failure_is_skipped},
    {"a mixture is partial", a_mixture_is_partial},
    {"a lost share runs again until the budget is spent",
     a_lost_share_runs_again_until_the_budget_is_spent},
    {"the budget of the job holds for all workflows",
     the_budget_of_the_job_holds_for_all_workflows},
    {"five refusals cost one retry", five_refusals_cost_one_retry},
    {"a late end of a lost attempt changes nothing", a_late_end_of_a_lost_attempt_changes_nothing},
    {"a workflow without capacity fails", a_workflow_without_capacity_fails},
    {"a cancel stops all at once or when it has stopped",
     a_cancel_stops_all_at_once_or_when_it_has_stopped},
    {"a cancel spreads or its dependents are skipped",
     a_cancel_spreads_or_its_dependents_are_skipped},
    {"two workflows of one request are both cancelled",
     two_workflows_of_one_request_are_both_cancelled},
    {"a share that does not confirm is named", a_share_that_does_not_confirm_is_named},
    {"time that is over ends the job so", time_that_is_over_ends_the_job_so},
    {"a job goes when it is done and leaves nothing",
     a_job_goes_when_it_is_done_and_leaves_nothing},
    {"blobs live as long as somebody needs them", blobs_live_as_long_as_somebody_needs_them},
    CU_TEST_INFO_NULL,
};
