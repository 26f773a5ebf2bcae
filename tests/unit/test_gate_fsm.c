// SPDX-License-Identifier: Apache-2.0
/* test_gate_fsm.c - the gate's decisions by arithmetic: rows of jobs.md 6.1 and 6.2. */
#include "roles/result_code.h"
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/gate_machine.h"
#include "tests/unit/suites.h"

/* ---- 6.1 ---- */

static void a_new_job_is_active_with_its_own_fence(void)
{
    gate_begin();
    HS_CHECK_EQ(gate_create(1, 2, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_job(1)->birth_fence, 1);
    HS_CHECK_EQ(gate_job(1)->slots[0].state, HS_GATE_SLOT_PLANNED);
    HS_CHECK_EQ(gate_job(1)->event_count, 1);
    HS_CHECK_EQ(gate_job(1)->events[0].kind, HS_EVENT_ACCEPTED);
    HS_CHECK_EQ(hs_gate_display(gate_job(1)), HS_JOB_DISPATCHING);
    HS_CHECK_EQ(gate_machine.active_count, 1);
}

static void the_same_submission_again_is_the_same_job(void)
{
    struct hs_gate_entry other = gate_create_entry(1, 1, 1);

    gate_begin();
    other.as.create.digest.bytes[0] = 8;
    HS_CHECK_EQ(gate_create(1, 1, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_create(1, 1, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_apply(&other), HS_RESULT_CONFLICT);
    HS_CHECK_EQ(gate_machine.job_count, 1);
    HS_CHECK_EQ(gate_job(1)->birth_fence, 1);
    HS_CHECK_EQ(gate_job(1)->digest.bytes[0], 7);
}

static void a_job_without_workflows_or_datacenters_is_invalid(void)
{
    gate_begin();
    HS_CHECK_EQ(gate_create(1, 0, 1), HS_RESULT_INVALID);
    HS_CHECK_EQ(gate_create(1, 1, 0), HS_RESULT_INVALID);
    HS_CHECK_EQ(gate_machine.job_count, 0);
}

static void the_first_acceptance_brings_running_once(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    HS_CHECK_EQ(gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 5), HS_RESULT_OK);
    HS_CHECK_EQ(gate_set_slot(1, 1, HS_GATE_SLOT_ACCEPTED, 6), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->slots[0].state, HS_GATE_SLOT_RUNNING);
    HS_CHECK_EQ(gate_job(1)->slots[1].manager_fence, 6);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_RUNNING), 1);
    HS_CHECK_EQ(hs_gate_display(gate_job(1)), HS_JOB_RUNNING);
}

static void an_acceptance_with_a_lower_fence_is_stale(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 5);
    HS_CHECK_EQ(gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 4), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(gate_job(1)->slots[0].manager_fence, 5);
    HS_CHECK_EQ(gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 9), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->slots[0].manager_fence, 9);
}

static void a_refusal_by_the_only_datacenter_ends_the_job(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    HS_CHECK_EQ(gate_set_slot(1, 0, HS_GATE_SLOT_REFUSED, 0), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_DONE);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_job(1)->reason, "refused");
    HS_CHECK_EQ(gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 9), HS_RESULT_ALREADY_DONE);
}

static void a_refusal_waits_for_the_other_datacenters(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    (void)gate_set_slot(1, 0, HS_GATE_SLOT_REFUSED, 0);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
    (void)gate_end_slot(1, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_FAILED);
}

static uint32_t lose(unsigned number, uint16_t slot, uint64_t fence)
{
    struct hs_gate_entry entry = gate_results_entry(number, slot, fence);

    gate_add_item(&entry, 0, HS_WORKFLOW_FAILED, 9);
    entry.as.results.is_lost = true;
    (void)snprintf(entry.as.results.reason, sizeof entry.as.results.reason, "lost");
    return gate_apply(&entry);
}

static void what_a_lost_datacenter_tells_changes_nothing(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    (void)gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 5);
    (void)gate_set_slot(1, 1, HS_GATE_SLOT_ACCEPTED, 6);
    HS_CHECK_EQ(lose(1, 0, 4), HS_RESULT_STALE_FENCE); /* another one leads there meanwhile */
    HS_CHECK_EQ(lose(1, 0, 5), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->slots[0].state, HS_GATE_SLOT_LOST);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 1), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_end_slot(1, 0, HS_JOB_COMPLETED), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 7), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_count_records(gate_job(1)), 1);
    HS_CHECK_EQ(gate_end_workflow(1, 1, 0, HS_WORKFLOW_COMPLETED, 2), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->workflow_states[0], HS_WORKFLOW_FAILED);
    HS_CHECK_EQ(gate_end_slot(1, 1, HS_JOB_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_job(1)->reason, "lost");
    HS_CHECK_EQ(gate_count_records(gate_job(1)), 2);
}

static void a_datacenter_that_has_ended_is_not_lost(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    (void)gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 1);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    HS_CHECK_EQ(lose(1, 0, 1000), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->slots[0].state, HS_GATE_SLOT_ENDED);
    HS_CHECK_EQ(gate_count_records(gate_job(1)), 1);
    (void)gate_end_workflow(1, 1, 0, HS_WORKFLOW_COMPLETED, 1);
    (void)gate_end_slot(1, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_COMPLETED);
}

static void a_job_ends_when_all_datacenters_have(void)
{
    gate_begin();
    (void)gate_create(1, 2, 1);
    (void)gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 5);
    HS_CHECK_EQ(gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_end_workflow(1, 0, 1, HS_WORKFLOW_COMPLETED, 2), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_end_slot(1, 0, HS_JOB_COMPLETED), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_DONE);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_job(1)->done_seq, gate_seq);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_WORKFLOW), 2);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_FINAL), 1);
    HS_CHECK_EQ(gate_job(1)->events[gate_job(1)->event_count - 1].kind, HS_EVENT_FINAL);
    HS_CHECK_EQ(gate_machine.active_count, 0);
}

static void a_workflow_is_told_when_every_datacenter_reported_it(void)
{
    gate_begin();
    (void)gate_create(1, 1, 3);
    (void)gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 0);
    (void)gate_end_workflow(1, 2, 0, HS_WORKFLOW_FAILED, 0);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_WORKFLOW), 0);
    (void)gate_end_workflow(1, 1, 0, HS_WORKFLOW_COMPLETED, 0);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_WORKFLOW), 1);
    HS_CHECK_EQ(gate_job(1)->workflow_states[0], HS_WORKFLOW_FAILED);
}

static void the_first_result_of_a_workflow_wins(void)
{
    gate_begin();
    (void)gate_create(1, 2, 1);
    (void)gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 1);
    HS_CHECK_EQ(gate_end_workflow(1, 0, 0, HS_WORKFLOW_FAILED, 2), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->workflow_states[0], HS_WORKFLOW_COMPLETED);
    HS_CHECK_EQ(gate_count_records(gate_job(1)), 1);
    HS_CHECK_EQ(hs_gate_first_record(&gate_machine, gate_job(1))->digest.bytes[0], 1);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_WORKFLOW), 1);
}

static void the_first_end_of_a_datacenter_wins(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    (void)gate_end_slot(1, 0, HS_JOB_FAILED);
    (void)gate_end_slot(1, 1, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_COMPLETED);
}

static void results_with_a_lower_fence_change_nothing(void)
{
    struct hs_gate_entry entry = gate_results_entry(1, 0, 4);

    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_set_slot(1, 0, HS_GATE_SLOT_ACCEPTED, 5);
    gate_add_item(&entry, HS_WORKFLOW_ALL, HS_JOB_COMPLETED, 0);
    HS_CHECK_EQ(gate_apply(&entry), HS_RESULT_STALE_FENCE);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
}

static void results_that_make_no_sense_change_nothing_at_all(void)
{
    struct hs_gate_entry entry = gate_results_entry(1, 0, 4);

    gate_begin();
    (void)gate_create(1, 2, 1);
    gate_add_item(&entry, 0, HS_WORKFLOW_COMPLETED, 1);
    gate_add_item(&entry, HS_WORKFLOW_ALL, HS_JOB_RUNNING, 0);
    HS_CHECK_EQ(gate_apply(&entry), HS_RESULT_INVALID);
    entry.as.results.items[1] = (struct hs_gate_item){.workflow = 2, .status = HS_WORKFLOW_FAILED};
    HS_CHECK_EQ(gate_apply(&entry), HS_RESULT_INVALID);
    entry.as.results.items[1] = (struct hs_gate_item){.workflow = 1, .status = HS_WORKFLOW_RUNNING};
    HS_CHECK_EQ(gate_apply(&entry), HS_RESULT_INVALID);
    HS_CHECK_EQ(gate_job(1)->workflow_reports[0], 0);
    HS_CHECK_EQ(gate_count_records(gate_job(1)), 0);
    entry.as.results.slot = 1;
    HS_CHECK_EQ(gate_apply(&entry), HS_RESULT_UNKNOWN_JOB);
}

static void a_cancel_turns_completion_into_cancelled(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 50, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_CANCELLING);
    HS_CHECK_EQ(hs_gate_display(gate_job(1)), HS_JOB_CANCELLING);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_CANCELLING), 1);
    HS_CHECK_EQ(gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 3), HS_RESULT_OK);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_CANCELLED);
    HS_CHECK_EQ(gate_count_records(gate_job(1)), 1);
    HS_CHECK_TEXT(gate_job(1)->reason, "cancel 50");
}

static void completion_that_comes_first_stays(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 50, 1), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_deadline(1, HS_GATE_DEADLINE_TIMEOUT), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_deadline(1, HS_GATE_DEADLINE_GRACE), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_CANCELLING), 0);
}

static void a_cancel_is_idempotent_by_its_request(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_cancel(1, HS_WORKFLOW_ALL, 50, 1);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 50, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 51, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_CANCELLING), 1);
    HS_CHECK_EQ(gate_job(1)->request_count, 2);
    (void)gate_end_slot(1, 0, HS_JOB_CANCELLED);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 50, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 52, 1), HS_RESULT_ALREADY_DONE);
}

static void of_many_cancel_requests_the_last_are_remembered(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    for (unsigned i = 0; i < 5 * HS_GATE_REQUESTS_MAX; i++)
        (void)gate_cancel(1, HS_WORKFLOW_ALL, 100 + i, 1);
    for (unsigned i = 0; i < 5 * HS_GATE_REQUESTS_MAX; i++) {
        uint8_t id[16];

        gate_fill_id(id, 100 + i);
        HS_CHECK_EQ(hs_gate_is_request_known(gate_job(1), id), i >= 4 * HS_GATE_REQUESTS_MAX);
    }
    HS_CHECK(gate_job(1)->request_count < 2 * HS_GATE_REQUESTS_MAX);
}

static void a_cancel_of_a_workflow_is_marked_and_the_job_goes_on(void)
{
    gate_begin();
    (void)gate_create(1, 3, 1);
    HS_CHECK_EQ(gate_cancel(1, 1, 50, 1), HS_RESULT_OK);
    HS_CHECK_EQ(gate_cancel(1, 1, 51, 0), HS_RESULT_OK);
    HS_CHECK_EQ(gate_cancel(1, 2, 52, 0), HS_RESULT_OK);
    HS_CHECK_EQ(gate_cancel(1, 3, 53, 0), HS_RESULT_INVALID);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_ACTIVE);
    HS_CHECK_EQ(gate_job(1)->workflow_cancels[0], HS_GATE_WORKFLOW_KEPT);
    HS_CHECK_EQ(gate_job(1)->workflow_cancels[1], HS_GATE_WORKFLOW_CASCADED);
    HS_CHECK_EQ(gate_job(1)->workflow_cancels[2], HS_GATE_WORKFLOW_CANCELLED);
}

static void a_timeout_waits_for_results_and_ends_as_timeout(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    HS_CHECK_EQ(gate_deadline(1, HS_GATE_DEADLINE_TIMEOUT), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_TIMING_OUT);
    HS_CHECK_EQ(hs_gate_display(gate_job(1)), HS_JOB_TIMING_OUT);
    HS_CHECK_EQ(gate_cancel(1, HS_WORKFLOW_ALL, 50, 1), HS_RESULT_ALREADY_DONE);
    (void)gate_end_slot(1, 0, HS_JOB_COMPLETED);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_TIMING_OUT);
    (void)gate_end_slot(1, 1, HS_JOB_TIMEOUT);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_TIMEOUT);
    HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_TIMING_OUT), 1);
}

static void a_timeout_after_a_cancel_changes_nothing(void)
{
    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_cancel(1, HS_WORKFLOW_ALL, 50, 1);
    HS_CHECK_EQ(gate_deadline(1, HS_GATE_DEADLINE_TIMEOUT), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_CANCELLING);
    (void)gate_end_slot(1, 0, HS_JOB_TIMEOUT);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_CANCELLED);
}

static void the_grace_ends_what_nobody_answers_for(void)
{
    gate_begin();
    (void)gate_create(1, 1, 2);
    HS_CHECK_EQ(gate_deadline(1, HS_GATE_DEADLINE_GRACE), HS_RESULT_INVALID);
    (void)gate_cancel(1, HS_WORKFLOW_ALL, 50, 1);
    (void)gate_end_slot(1, 0, HS_JOB_CANCELLED);
    HS_CHECK_EQ(gate_deadline(1, HS_GATE_DEADLINE_GRACE), HS_RESULT_OK);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_DONE);
    HS_CHECK_EQ(gate_job(1)->final, HS_JOB_CANCELLED);
    HS_CHECK_EQ(gate_job(1)->slots[0].state, HS_GATE_SLOT_ENDED);
    HS_CHECK_EQ(gate_job(1)->slots[1].state, HS_GATE_SLOT_UNCONFIRMED);
}

static void late_results_change_nothing(void)
{
    struct hs_gate_job before;

    gate_begin();
    (void)gate_create(1, 1, 1);
    (void)gate_cancel(1, HS_WORKFLOW_ALL, 50, 1);
    (void)gate_deadline(1, HS_GATE_DEADLINE_GRACE);
    before = *gate_job(1);
    HS_CHECK_EQ(gate_end_workflow(1, 0, 0, HS_WORKFLOW_COMPLETED, 5), HS_RESULT_ALREADY_DONE);
    HS_CHECK_EQ(gate_end_slot(1, 0, HS_JOB_COMPLETED), HS_RESULT_ALREADY_DONE);
    HS_CHECK(memcmp(&before, gate_job(1), sizeof before) == 0);
}

static void a_new_leader_renews_the_fence_of_all_jobs(void)
{
    struct hs_gate_entry leader = {.kind = HS_GATE_LEADER};

    gate_begin();
    HS_CHECK_EQ(gate_apply(&leader), HS_RESULT_OK);
    (void)gate_create(1, 1, 1);
    (void)gate_create(2, 1, 1);
    HS_CHECK_EQ(gate_job(1)->gate_fence, 1);
    (void)gate_apply(&leader);
    HS_CHECK_EQ(gate_job(1)->gate_fence, gate_seq);
    HS_CHECK_EQ(gate_job(2)->gate_fence, gate_seq);
    HS_CHECK_EQ(gate_job(1)->birth_fence, 2);
}

static void entries_about_unknown_jobs_are_refused(void)
{
    gate_begin();
    HS_CHECK_EQ(gate_set_slot(9, 0, HS_GATE_SLOT_ACCEPTED, 1), HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(gate_cancel(9, HS_WORKFLOW_ALL, 1, 1), HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(gate_end_slot(9, 0, HS_JOB_COMPLETED), HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(gate_deadline(9, HS_GATE_DEADLINE_TIMEOUT), HS_RESULT_UNKNOWN_JOB);
    HS_CHECK_EQ(gate_expire(9), HS_RESULT_OK);
    (void)gate_create(1, 1, 1);
    HS_CHECK_EQ(gate_set_slot(1, 1, HS_GATE_SLOT_ACCEPTED, 1), HS_RESULT_UNKNOWN_JOB);
}

/* ---- 6.2 ---- */

static enum hs_job_state resolved(enum hs_job_state a, enum hs_job_state b, enum hs_job_state c)
{
    gate_begin();
    (void)gate_create(1, 1, 3);
    (void)gate_end_slot(1, 0, a);
    (void)gate_end_slot(1, 1, b);
    (void)gate_end_slot(1, 2, c);
    HS_CHECK_EQ(gate_job(1)->phase, HS_GATE_DONE);
    return (enum hs_job_state)gate_job(1)->final;
}

static void mixed_endings_resolve_in_the_order_of_the_rule(void)
{
    const enum hs_job_state ok = HS_JOB_COMPLETED, part = HS_JOB_PARTIAL, fail = HS_JOB_FAILED;
    const enum hs_job_state stop = HS_JOB_CANCELLED, late = HS_JOB_TIMEOUT;

    gate_begin();
    HS_CHECK_EQ(resolved(ok, ok, ok), HS_JOB_COMPLETED);
    HS_CHECK_EQ(resolved(ok, fail, ok), HS_JOB_FAILED);
    HS_CHECK_EQ(resolved(stop, late, fail), HS_JOB_FAILED);
    HS_CHECK_EQ(resolved(ok, late, stop), HS_JOB_CANCELLED);
    HS_CHECK_EQ(resolved(late, ok, part), HS_JOB_TIMEOUT);
    HS_CHECK_EQ(resolved(ok, part, ok), HS_JOB_PARTIAL);
    HS_CHECK_EQ(resolved(part, part, part), HS_JOB_PARTIAL);
}

static void mixed_endings_of_a_workflow_show_the_worst(void)
{
    static const enum hs_workflow_state order[] = {HS_WORKFLOW_FAILED, HS_WORKFLOW_TIMEOUT,
                                                   HS_WORKFLOW_CANCELLED, HS_WORKFLOW_SKIPPED,
                                                   HS_WORKFLOW_COMPLETED};

    for (unsigned i = 0; i < 5; i++)
        for (unsigned k = 0; k < 5; k++) {
            gate_begin();
            (void)gate_create(1, 1, 2);
            (void)gate_end_workflow(1, 0, 0, order[i], 0);
            (void)gate_end_workflow(1, 1, 0, order[k], 0);
            HS_CHECK_EQ(gate_job(1)->workflow_states[0], order[i < k ? i : k]);
        }
}

/* ---- any order ---- */

static void whatever_comes_in_any_order_a_job_ends_once_and_stays_so(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct hs_rand rand;
        uint8_t        final = 0;

        gate_begin();
        hs_rand_init(&rand, seed);
        (void)gate_create(1, 2, 2);
        for (unsigned i = 0; i < 40; i++) {
            uint16_t slot = (uint16_t)hs_rand_below(&rand, 2);

            switch (hs_rand_below(&rand, 6)) {
            case 0: (void)gate_set_slot(1, slot, HS_GATE_SLOT_ACCEPTED, i); break;
            case 1: (void)gate_cancel(1, HS_WORKFLOW_ALL, i, 1); break;
            case 2: (void)gate_deadline(1, HS_GATE_DEADLINE_TIMEOUT); break;
            case 3: (void)gate_deadline(1, HS_GATE_DEADLINE_GRACE); break;
            case 4: (void)gate_end_workflow(1, slot, slot, HS_WORKFLOW_COMPLETED, 1); break;
            default: (void)gate_end_slot(1, slot, HS_JOB_COMPLETED); break;
            }
            if (!final && gate_job(1)->phase == HS_GATE_DONE) final = gate_job(1)->final;
            HS_CHECK_EQ(gate_count_events(gate_job(1), HS_EVENT_FINAL), final != 0);
            HS_CHECK_EQ(gate_job(1)->final, final);
            HS_CHECK_EQ(gate_machine.active_count, final == 0);
        }
        HS_CHECK(gate_count_events(gate_job(1), HS_EVENT_CANCELLING) +
                     gate_count_events(gate_job(1), HS_EVENT_TIMING_OUT) <=
                 1);
    }
}

CU_TestInfo hs_tests_gate_fsm[] = {
    {"a new job is active with its own fence", a_new_job_is_active_with_its_own_fence},
    {"the same submission again is the same job", the_same_submission_again_is_the_same_job},
    {"a job without workflows or datacenters is invalid",
     a_job_without_workflows_or_datacenters_is_invalid},
    {"the first acceptance brings running once", the_first_acceptance_brings_running_once},
    {"an acceptance with a lower fence is stale", an_acceptance_with_a_lower_fence_is_stale},
    {"a refusal by the only datacenter ends the job",
     a_refusal_by_the_only_datacenter_ends_the_job},
    {"a refusal waits for the other datacenters", a_refusal_waits_for_the_other_datacenters},
    {"what a lost datacenter tells changes nothing", what_a_lost_datacenter_tells_changes_nothing},
    {"a datacenter that has ended is not lost", a_datacenter_that_has_ended_is_not_lost},
    {"a job ends when all datacenters have", a_job_ends_when_all_datacenters_have},
    {"a workflow is told when every datacenter reported it",
     a_workflow_is_told_when_every_datacenter_reported_it},
    {"the first result of a workflow wins", the_first_result_of_a_workflow_wins},
    {"the first end of a datacenter wins", the_first_end_of_a_datacenter_wins},
    {"results with a lower fence change nothing", results_with_a_lower_fence_change_nothing},
    {"results that make no sense change nothing at all",
     results_that_make_no_sense_change_nothing_at_all},
    {"a cancel turns completion into cancelled", a_cancel_turns_completion_into_cancelled},
    {"completion that comes first stays", completion_that_comes_first_stays},
    {"a cancel is idempotent by its request", a_cancel_is_idempotent_by_its_request},
    {"of many cancel requests the last are remembered",
     of_many_cancel_requests_the_last_are_remembered},
    {"a cancel of a workflow is marked and the job goes on",
     a_cancel_of_a_workflow_is_marked_and_the_job_goes_on},
    {"a timeout waits for results and ends as timeout",
     a_timeout_waits_for_results_and_ends_as_timeout},
    {"a timeout after a cancel changes nothing", a_timeout_after_a_cancel_changes_nothing},
    {"the grace ends what nobody answers for", the_grace_ends_what_nobody_answers_for},
    {"late results change nothing", late_results_change_nothing},
    {"a new leader renews the fence of all jobs", a_new_leader_renews_the_fence_of_all_jobs},
    {"entries about unknown jobs are refused", entries_about_unknown_jobs_are_refused},
    {"mixed endings resolve in the order of the rule",
     mixed_endings_resolve_in_the_order_of_the_rule},
    {"mixed endings of a workflow show the worst", mixed_endings_of_a_workflow_show_the_worst},
    {"whatever comes in any order a job ends once and stays so",
     whatever_comes_in_any_order_a_job_ends_once_and_stays_so},
    CU_TEST_INFO_NULL,
};
