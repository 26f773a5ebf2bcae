// SPDX-License-Identifier: Apache-2.0
/* test_manager_fsm.c - the tables behind a manager's log: rows of jobs.md 6.3 to 6.5, snapshots, repeats, random orders. */
#include "roles/manager/manager_fsm.h"
#include "roles/result_code.h"
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

static struct hs_manager_state *state;
static uint64_t                 seq;

static void set_up(void)
{
    if (!state) state = calloc(1, sizeof *state);
    memset(state, 0, sizeof *state);
    seq = 0;
}

static void tear_down(void)
{
    free(state);
    state = NULL;
}

static uint32_t apply(const struct hs_manager_entry *entry)
{
    uint8_t          memory[HS_LEDGER_ENTRY_BYTES_MAX];
    struct hs_writer writer;
    uint32_t         code;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_manager_entry_put(&writer, entry);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    code = hs_manager_fsm_apply(state, ++seq, hs_view_of(memory, writer.used_bytes));
    return code;
}

static void name_job(uint8_t job_id[16], unsigned job)
{
    memset(job_id, 0, 16);
    memcpy(job_id, &job, sizeof job);
}

/* Workflows in a chain when is_chain, else side by side. */
static uint32_t accept_job(unsigned job, unsigned workflows, bool is_chain)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_ACCEPT};

    name_job(entry.accept.job_id, job);
    entry.accept.birth_fence = entry.accept.gate_fence = 1;
    entry.accept.retries_max = 4;
    entry.accept.workflow_retries_max = 3;
    entry.accept.workflow_count = (uint16_t)workflows;
    entry.accept.plan.bytes[0] = (uint8_t)(job + 1);
    for (unsigned i = 0; i < workflows; i++) {
        entry.accept.dependency_end[i] = (uint16_t)(is_chain ? i : 0);
        if (is_chain && i) entry.accept.dependencies[i - 1] = (uint8_t)(i - 1);
    }
    return apply(&entry);
}

static uint32_t assign(unsigned job, unsigned workflow, unsigned shards)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_ASSIGN};

    name_job(entry.assign.job_id, job);
    entry.assign.workflow = (uint8_t)workflow;
    entry.assign.count = (uint16_t)shards;
    for (unsigned i = 0; i < shards; i++) {
        entry.assign.items[i].shard = (uint16_t)i;
        entry.assign.items[i].cores = 2;
        entry.assign.items[i].incarnation = 5;
        entry.assign.items[i].worker[0] = (uint8_t)(i + 1);
    }
    return apply(&entry);
}

static struct hs_manager_workflow *workflow_of(unsigned job, unsigned workflow)
{
    uint8_t job_id[16];

    name_job(job_id, job);
    return hs_manager_workflow_at(state, hs_manager_find_job(state, job_id), workflow);
}

static struct hs_manager_job *job_of(unsigned job)
{
    uint8_t job_id[16];

    name_job(job_id, job);
    return hs_manager_find_job(state, job_id);
}

static struct hs_manager_shard *shard_of(unsigned job, unsigned workflow, unsigned shard)
{
    return hs_manager_shard_at(state, workflow_of(job, workflow), shard);
}

static uint32_t retry(unsigned job, unsigned workflow, unsigned shard)
{
    struct hs_manager_entry        entry = {.kind = HS_MANAGER_ASSIGN};
    const struct hs_manager_shard *at = shard_of(job, workflow, shard);

    name_job(entry.assign.job_id, job);
    entry.assign.workflow = (uint8_t)workflow;
    entry.assign.count = 1;
    entry.assign.items[0].shard = (uint16_t)shard;
    entry.assign.items[0].attempt = (uint8_t)(at->attempt + 1);
    entry.assign.items[0].cores = at->cores;
    entry.assign.items[0].worker[0] = 77;
    return apply(&entry);
}

static uint32_t end(unsigned job, unsigned workflow, unsigned shard, enum hs_exec_outcome outcome)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_END};

    name_job(entry.end.job_id, job);
    entry.end.workflow = (uint8_t)workflow;
    entry.end.shard = (uint16_t)shard;
    entry.end.outcome = (uint8_t)outcome;
    if (shard != HS_MANAGER_WORKFLOW_SHARDS) {
        entry.end.attempt = shard_of(job, workflow, shard)->attempt;
        entry.end.exec_fence = shard_of(job, workflow, shard)->exec_fence;
    }
    return apply(&entry);
}

static uint32_t cancel(unsigned job, unsigned workflow, bool is_cascade, uint8_t request)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_CANCEL};

    name_job(entry.cancel.job_id, job);
    entry.cancel.workflow = (uint16_t)workflow;
    entry.cancel.is_cascade = is_cascade;
    entry.cancel.request_id[0] = request;
    entry.cancel.gate_fence = 1;
    return apply(&entry);
}

static uint32_t time_out(unsigned job, enum hs_manager_timeout_kind kind, uint64_t gate_fence)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_TIMEOUT};

    name_job(entry.timeout.job_id, job);
    entry.timeout.kind = (uint8_t)kind;
    entry.timeout.gate_fence = gate_fence;
    return apply(&entry);
}

/* ---- rows of 6.3 ---- */

static void a_job_runs_to_its_end(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_READY);
    HS_CHECK_EQ(assign(1, 0, 2), HS_RESULT_OK);
    HS_CHECK_EQ(shard_of(1, 0, 1)->exec_fence, seq);
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_RUNNING);
    HS_CHECK_EQ(end(1, 0, 1, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_COMPLETED);
    HS_CHECK_EQ(job_of(1)->phase, HS_MANAGER_JOB_DONE);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(state->active_count, 0);
    HS_CHECK(hs_manager_state_validate(state));
    tear_down();
}

static void the_same_job_again_is_the_same_job(void)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_ACCEPT};

    set_up();
    HS_CHECK_EQ(accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(state->job_count, 1);
    name_job(entry.accept.job_id, 1);
    entry.accept.birth_fence = entry.accept.gate_fence = 1;
    entry.accept.workflow_count = 1;
    entry.accept.plan.bytes[0] = 99;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_CONFLICT);
    entry.accept.birth_fence = 0;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_STALE_FENCE);
    entry.accept.birth_fence = 9;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_BUSY); /* the old one still runs */
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK);
    HS_CHECK_EQ(apply(&entry), HS_RESULT_OK); /* the key was used again */
    HS_CHECK_EQ(job_of(1)->workflow_count, 1);
    HS_CHECK(hs_manager_state_validate(state));
    tear_down();
}

static void a_higher_gate_fence_is_kept_and_a_lower_one_refused(void)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_OWNER};

    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    name_job(entry.owner.job_id, 1);
    entry.owner.gate_fence = 10;
    entry.owner.limit.timeout_ns = 77;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_OK);
    HS_CHECK_EQ(job_of(1)->limit.timeout_ns, 77);
    entry.owner.gate_fence = 9;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(job_of(1)->gate_fence, 10);
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_STALE_FENCE); /* 7.14, 10 */
    HS_CHECK_EQ(time_out(1, HS_MANAGER_TIMEOUT_GATE, 9), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(job_of(1)->phase, HS_MANAGER_JOB_ACTIVE);
    tear_down();
}

static void the_limits_of_the_tables_hold(void)
{
    unsigned jobs = 0;

    set_up();
    while (accept_job(jobs, 8, false) == HS_RESULT_OK) jobs++;
    HS_CHECK_EQ(jobs, HS_JOBS_MAX);
    for (unsigned i = 0; i < HS_JOBS_MAX; i++) /* twice the maximum */
        HS_CHECK_EQ(accept_job(jobs + i, 8, false), HS_RESULT_BUSY);
    HS_CHECK_EQ(state->job_count, HS_JOBS_MAX);
    set_up();
    for (jobs = 0; accept_job(jobs, HS_WORKFLOWS_MAX, true) == HS_RESULT_OK;) jobs++;
    HS_CHECK_EQ(jobs, HS_MANAGER_WORKFLOW_SLOTS / HS_WORKFLOWS_MAX);
    HS_CHECK(hs_manager_state_validate(state));
    tear_down();
}

/* ---- rows of 6.4 ---- */

static void a_chain_runs_in_order(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 3, true), HS_RESULT_OK);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(workflow_of(1, i)->state, HS_WORKFLOW_READY);
        if (i < 2) HS_CHECK_EQ(workflow_of(1, i + 1)->state, HS_WORKFLOW_PENDING);
        if (i < 2) HS_CHECK_EQ(assign(1, i + 1, 1), HS_RESULT_ALREADY_DONE);
        HS_CHECK_EQ(assign(1, i, 1), HS_RESULT_OK);
        HS_CHECK_EQ(end(1, i, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    }
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_COMPLETED);
    tear_down();
}

static void what_depends_on_a_failure_is_skipped(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 3, true), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 2), HS_RESULT_OK);
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_FAILED), HS_RESULT_OK); /* 7.8, 8: never retried */
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLING);
    HS_CHECK_EQ(end(1, 0, 1, HS_OUTCOME_CANCELLED), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(workflow_of(1, 1)->state, HS_WORKFLOW_SKIPPED);
    HS_CHECK_EQ(workflow_of(1, 2)->state, HS_WORKFLOW_SKIPPED);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_FAILED);
    tear_down();
}

static void a_mixture_is_partial(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 1, 1), HS_RESULT_OK);
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(end(1, 1, 0, HS_OUTCOME_FAILED), HS_RESULT_OK);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_PARTIAL);
    tear_down();
}

static void a_lost_share_runs_again_until_the_budget_is_spent(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 2), HS_RESULT_OK);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
        HS_CHECK_EQ(shard_of(1, 0, 0)->state, HS_SHARD_BACKOFF);
        HS_CHECK_EQ(shard_of(1, 0, 1)->state, HS_SHARD_ASSIGNED); /* 7.8, 1: undisturbed */
        HS_CHECK_EQ(retry(1, 0, 0), HS_RESULT_OK);
        HS_CHECK_EQ(retry(1, 0, 0), HS_RESULT_ALREADY_DONE);
        HS_CHECK_EQ(shard_of(1, 0, 0)->attempt, i + 1);
    }
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLING);
    HS_CHECK_EQ(end(1, 0, 1, HS_OUTCOME_CANCELLED), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(job_of(1)->retries, 3);
    tear_down();
}

/* 7.8, 3: four in all, three per workflow. */
static void the_budget_of_the_job_holds_for_all_workflows(void)
{
    unsigned retries = 0;

    set_up();
    HS_CHECK_EQ(accept_job(1, 2, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 1, 1), HS_RESULT_OK);
    for (unsigned i = 0; i < 10; i++) {
        unsigned workflow = i % 2;

        if (workflow_of(1, workflow)->state != HS_WORKFLOW_RUNNING) continue;
        HS_CHECK_EQ(end(1, workflow, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
        if (shard_of(1, workflow, 0)->state != HS_SHARD_BACKOFF) continue;
        HS_CHECK_EQ(retry(1, workflow, 0), HS_RESULT_OK);
        retries++;
    }
    HS_CHECK_EQ(retries, 4);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_FAILED);
    tear_down();
}

/* 7.8, 7 */
static void five_refusals_cost_one_retry(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    for (unsigned i = 1; i <= 10; i++) {
        HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_REJECTED), HS_RESULT_OK);
        HS_CHECK_EQ(job_of(1)->retries, i / 5);
        HS_CHECK_EQ(retry(1, 0, 0), HS_RESULT_OK);
    }
    tear_down();
}

static void a_late_end_of_a_lost_attempt_changes_nothing(void)
{
    struct hs_manager_entry late = {.kind = HS_MANAGER_END};

    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    name_job(late.end.job_id, 1);
    late.end.outcome = HS_OUTCOME_COMPLETED;
    late.end.exec_fence = shard_of(1, 0, 0)->exec_fence;
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
    HS_CHECK_EQ(apply(&late), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(retry(1, 0, 0), HS_RESULT_OK);
    HS_CHECK_EQ(apply(&late), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(shard_of(1, 0, 0)->state, HS_SHARD_ASSIGNED);
    tear_down();
}

static void a_workflow_without_capacity_fails(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 2, true), HS_RESULT_OK);
    HS_CHECK_EQ(end(1, 0, HS_MANAGER_WORKFLOW_SHARDS, HS_OUTCOME_FAILED), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_FAILED);
    HS_CHECK_EQ(end(1, 0, HS_MANAGER_WORKFLOW_SHARDS, HS_OUTCOME_FAILED), HS_RESULT_ALREADY_DONE);
    tear_down();
}

/* ---- 7.14 ---- */

static void a_cancel_stops_all_at_once_or_when_it_has_stopped(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 3, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK);
    HS_CHECK_EQ(job_of(1)->phase, HS_MANAGER_JOB_CANCELLING);
    HS_CHECK_EQ(workflow_of(1, 1)->state, HS_WORKFLOW_CANCELLED);
    HS_CHECK_EQ(assign(1, 1, 1), HS_RESULT_ALREADY_CANCELLED);     /* 7.8, 11 */
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_COMPLETED), HS_RESULT_OK); /* kept as data */
    HS_CHECK_EQ(shard_of(1, 0, 0)->outcome, HS_OUTCOME_COMPLETED);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLED);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_CANCELLED);
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK); /* the same request */
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 2), HS_RESULT_ALREADY_DONE);
    tear_down();
}

static void a_cancel_spreads_or_its_dependents_are_skipped(void)
{
    set_up();
    for (unsigned is_cascade = 0; is_cascade < 2; is_cascade++) {
        enum hs_workflow_state expected = is_cascade ? HS_WORKFLOW_CANCELLED : HS_WORKFLOW_SKIPPED;

        set_up();
        HS_CHECK_EQ(accept_job(1, 3, true), HS_RESULT_OK);
        HS_CHECK_EQ(cancel(1, 0, is_cascade, 1), HS_RESULT_OK);
        HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_CANCELLED);
        HS_CHECK_EQ(workflow_of(1, 1)->state, expected);
        HS_CHECK_EQ(workflow_of(1, 2)->state, expected);
        HS_CHECK_EQ(job_of(1)->status, HS_JOB_CANCELLED);
    }
    tear_down();
}

/* One request may name several workflows. */
static void two_workflows_of_one_request_are_both_cancelled(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 3, false), HS_RESULT_OK);
    HS_CHECK_EQ(cancel(1, 0, false, 5), HS_RESULT_OK);
    HS_CHECK_EQ(cancel(1, 2, false, 5), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 2)->state, HS_WORKFLOW_CANCELLED);
    HS_CHECK_EQ(workflow_of(1, 1)->state, HS_WORKFLOW_READY);
    HS_CHECK_EQ(cancel(1, 9, false, 5), HS_RESULT_INVALID);
    tear_down();
}

static void a_share_that_does_not_confirm_is_named(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 2), HS_RESULT_OK);
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_OK);
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_CANCELLED), HS_RESULT_OK);
    HS_CHECK_EQ(end(1, 0, 1, HS_OUTCOME_UNCONFIRMED), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->unconfirmed, 1);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_CANCELLED);
    tear_down();
}

static void time_that_is_over_ends_the_job_so(void)
{
    set_up();
    HS_CHECK_EQ(accept_job(1, 2, true), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    HS_CHECK_EQ(time_out(1, HS_MANAGER_TIMEOUT_FALLBACK, 0), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 1)->state, HS_WORKFLOW_TIMEOUT);
    HS_CHECK_EQ(cancel(1, HS_WORKFLOW_ALL, true, 1), HS_RESULT_ALREADY_DONE); /* first one wins */
    HS_CHECK_EQ(end(1, 0, 0, HS_OUTCOME_LOST), HS_RESULT_OK);
    HS_CHECK_EQ(workflow_of(1, 0)->state, HS_WORKFLOW_TIMEOUT);
    HS_CHECK_EQ(job_of(1)->status, HS_JOB_TIMEOUT);
    tear_down();
}

/* ---- release, records, blobs ---- */

static void a_job_goes_when_it_is_done_and_leaves_nothing(void)
{
    struct hs_manager_entry released = {.kind = HS_MANAGER_RELEASED};
    struct hs_manager_entry expire = {.kind = HS_MANAGER_EXPIRE};

    set_up();
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK_EQ(assign(1, 0, 3), HS_RESULT_OK);
    name_job(released.released.job_id, 1);
    released.released.gate_fence = 1;
    expire.expire.count = 1;
    name_job(expire.expire.job_ids[0], 1);
    HS_CHECK_EQ(apply(&released), HS_RESULT_IN_PROGRESS);
    HS_CHECK_EQ(apply(&expire), HS_RESULT_OK);
    HS_CHECK(job_of(1) != NULL); /* active ones are never evicted */
    for (unsigned i = 0; i < 3; i++) HS_CHECK_EQ(end(1, 0, i, HS_OUTCOME_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(apply(&released), HS_RESULT_OK);
    HS_CHECK(job_of(1)->is_released);
    HS_CHECK_EQ(apply(&expire), HS_RESULT_OK);
    HS_CHECK(job_of(1) == NULL);
    HS_CHECK_EQ(apply(&released), HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(state->job_count, 0);
    HS_CHECK(hs_manager_state_validate(state));
    tear_down();
}

static void blobs_live_as_long_as_somebody_needs_them(void)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_END};
    struct hs_ledger_digest plan = {.bytes = {2}}, result = {.bytes = {50}},
                            record = {.bytes = {60}};

    set_up();
    HS_CHECK(!hs_manager_fsm_is_blob_needed(state, &plan));
    HS_CHECK_EQ(accept_job(1, 1, false), HS_RESULT_OK);
    HS_CHECK(hs_manager_fsm_is_blob_needed(state, &plan));
    HS_CHECK_EQ(assign(1, 0, 1), HS_RESULT_OK);
    name_job(entry.end.job_id, 1);
    entry.end.outcome = HS_OUTCOME_COMPLETED;
    entry.end.exec_fence = shard_of(1, 0, 0)->exec_fence;
    entry.end.result_bytes = 10;
    entry.end.result = result;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_OK);
    HS_CHECK(hs_manager_fsm_is_blob_needed(state, &result));
    entry = (struct hs_manager_entry){.kind = HS_MANAGER_RECORD};
    name_job(entry.record.job_id, 1);
    entry.record.digest = record;
    HS_CHECK_EQ(apply(&entry), HS_RESULT_OK);
    HS_CHECK_EQ(apply(&entry), HS_RESULT_ALREADY_DONE);
    HS_CHECK(hs_manager_fsm_is_blob_needed(state, &record));
    HS_CHECK(!hs_manager_fsm_is_blob_needed(state, &result));
    tear_down();
}

/* ---- snapshots and random orders ---- */

static void check_snapshot(void)
{
    static uint8_t           memory[HS_MANAGER_SNAPSHOT_BYTES_MAX];
    struct hs_manager_state *other = calloc(1, sizeof *other);
    struct hs_writer         writer;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_manager_fsm_save(state, &writer);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    HS_CHECK_EQ(hs_manager_fsm_restore(other, hs_view_of(memory, writer.used_bytes)), 0);
    other->dropped_count = state->dropped_count; /* only counted, not kept */
    HS_CHECK_EQ(memcmp(other, state, sizeof *state), 0);
    HS_CHECK_EQ(hs_manager_fsm_restore(other, hs_view_of(memory, writer.used_bytes - 1)), -EPROTO);
    HS_CHECK_EQ(other->job_count, 0);
    free(other);
}

/* What can never be undone, remembered per workflow. */
struct finals {
    uint8_t states[4][4];
    uint8_t jobs[4];
    bool    is_cancelled[4];
};

static void check_finals(struct finals *finals)
{
    for (unsigned job = 0; job < 4; job++) {
        const struct hs_manager_job *at = job_of(job);

        if (!at) continue;
        if (finals->jobs[job]) HS_CHECK_EQ(at->status, finals->jobs[job]);
        if (at->phase == HS_MANAGER_JOB_DONE) finals->jobs[job] = at->status;
        for (unsigned i = 0; i < at->workflow_count; i++) {
            uint8_t now = workflow_of(job, i)->state;

            if (finals->states[job][i]) HS_CHECK_EQ(now, finals->states[job][i]);
            if (hs_manager_is_final(now)) finals->states[job][i] = now;
        }
    }
}

static void random_step(struct hs_rand *rand, struct finals *finals)
{
    unsigned job = (unsigned)hs_rand_below(rand, 4), workflow = (unsigned)hs_rand_below(rand, 4);
    unsigned shard = (unsigned)hs_rand_below(rand, 3);
    uint32_t code;

    if (!job_of(job)) {
        HS_CHECK_EQ(accept_job(job, 4, hs_rand_below(rand, 2)), HS_RESULT_OK);
        return;
    }
    switch (hs_rand_below(rand, 8)) {
    case 0:
    case 1:
    case 2:
        code = assign(job, workflow, 3);
        if (finals->is_cancelled[job]) HS_CHECK(code != HS_RESULT_OK); /* I5 */
        break;
    case 3: cancel(job, workflow, shard & 1, (uint8_t)seq); break;
    case 4:
        if (hs_rand_below(rand, 20)) break;
        if (cancel(job, HS_WORKFLOW_ALL, true, (uint8_t)seq) == HS_RESULT_OK)
            finals->is_cancelled[job] = true;
        break;
    case 5:
        if (!hs_rand_below(rand, 40)) time_out(job, HS_MANAGER_TIMEOUT_FALLBACK, 0);
        break;
    default:
        if (workflow_of(job, workflow)->shard_count <= shard) break;
        if (shard_of(job, workflow, shard)->state == HS_SHARD_BACKOFF)
            retry(job, workflow, shard);
        else
            end(job, workflow, shard, (enum hs_exec_outcome)(1 + hs_rand_below(rand, 8)));
    }
}

static void no_order_of_entries_undoes_an_end(void)
{
    set_up();
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct finals  finals = {0};
        struct hs_rand rand;

        set_up();
        hs_rand_init(&rand, seed);
        for (unsigned i = 0; i < 300; i++) {
            random_step(&rand, &finals);
            check_finals(&finals);
        }
        HS_CHECK(hs_manager_state_validate(state));
        if (seed % 20 == 0) check_snapshot();
    }
    tear_down();
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
    {"no order of entries undoes an end", no_order_of_entries_undoes_an_end},
    CU_TEST_INFO_NULL,
};
