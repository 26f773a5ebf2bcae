// SPDX-License-Identifier: Apache-2.0
/* test_manager_gates.c - a manager among others: several gates, each with jobs of its own, and
 * another manager that leads. */
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OTHER_GATE = 77 };

/* The dispatch of a job by one of the gates. */
static void dispatch_by(struct rig *rig, uint32_t gate, unsigned job)
{
    union hs_msg            message = {.job_dispatch = {.birth_fence = 10,
                                                        .gate_fence = 10,
                                                        .plan = hs_view_text(rig_one),
                                                        .remaining_ns = 600 * HS_NS_PER_S}};
    struct hs_ledger_digest digest;

    rig_name(message.job_dispatch.job_id, job);
    message.job_dispatch.plan_bytes = (uint32_t)message.job_dispatch.plan.bytes;
    hs_ledger_digest_of(message.job_dispatch.plan, &digest);
    memcpy(message.job_dispatch.digest, digest.bytes, sizeof digest.bytes);
    rig_other_gate(rig, gate, HS_MSG_JOB_DISPATCH, &message);
}

static unsigned told_of(struct rig *rig, uint32_t link, unsigned job)
{
    uint8_t  job_id[16];
    unsigned count = 0;

    rig_name(job_id, job);
    for (unsigned i = 0; i < rig->frame_count; i++)
        count += rig->frames[i].type == HS_MSG_DC_PROGRESS && rig->frames[i].link == link &&
                 memcmp(rig->frames[i].message.dc_progress.job_id, job_id, 16) == 0;
    return count;
}

static struct rig *open_with_two_gates(void)
{
    struct rig *rig = rig_open_with_worker(4);

    rig->config.has_one_gate = false;
    rig_restart(rig, 1);
    rig_register(rig, 1, 1, 1, 4);
    rig_tell_state(rig, 1, NULL, 0);
    rig_other_gate_up(rig, OTHER_GATE);
    rig_settle(rig);
    return rig;
}

static void each_gate_hears_of_its_own_jobs_and_all_of_the_room(void)
{
    struct rig *rig = open_with_two_gates();

    dispatch_by(rig, RIG_GATE, 1);
    dispatch_by(rig, OTHER_GATE, 2);
    rig_pass(rig, 3 * HS_NS_PER_S);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_JOB_DISPATCH_ACK, 0), 1);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_JOB_DISPATCH_ACK, OTHER_GATE), 1);
    HS_CHECK(told_of(rig, 0, 1) > 0);
    HS_CHECK(told_of(rig, OTHER_GATE, 2) > 0);
    HS_CHECK_EQ(told_of(rig, 0, 2), 0);
    HS_CHECK_EQ(told_of(rig, OTHER_GATE, 1), 0);
    HS_CHECK(rig_count(rig, HS_MSG_MHB, 0) > 0);
    HS_CHECK(rig_count(rig, HS_MSG_MHB, OTHER_GATE) > 0);
    rig_close(rig);
}

/* It repeats the end less and less often, and must not be taken for silent meanwhile. */
static void a_gate_hears_of_a_job_until_it_has_taken_its_end(void)
{
    struct rig                 *rig = rig_open_with_worker(4);
    struct hs_msg_exec_dispatch share;
    struct hs_msg_dc_results   *results;
    union hs_msg                ack = {.dc_results_ack = {.code = HS_RESULT_OK}};

    rig_dispatch(rig, 1, rig_one);
    share = *rig_share(rig, 1, 0);
    rig_ack(rig, 1, &share, HS_RESULT_OK);
    rig_result(rig, 1, &share, HS_OUTCOME_COMPLETED, 40);
    HS_CHECK_EQ(rig_job(rig, 1)->phase, HS_MANAGER_JOB_DONE);
    rig_pass(rig, 60 * HS_NS_PER_S);
    rig_forget(rig);
    rig_pass(rig, 31 * HS_NS_PER_S);
    HS_CHECK(told_of(rig, 0, 1) >= 6);
    HS_CHECK(rig_count(rig, HS_MSG_DC_RESULTS, 0) > 0);
    results = &rig_find(rig, HS_MSG_DC_RESULTS, 0, 0)->message.dc_results;
    memcpy(ack.dc_results_ack.job_id, results->job_id, 16);
    rig_gate(rig, HS_MSG_DC_RESULTS_ACK, &ack);
    rig_forget(rig);
    rig_pass(rig, 31 * HS_NS_PER_S);
    HS_CHECK_EQ(told_of(rig, 0, 1), 0);
    rig_close(rig);
}

static void a_job_whose_gate_is_away_waits_for_it_and_goes_to_no_other(void)
{
    struct rig *rig = open_with_two_gates();
    unsigned    told;

    dispatch_by(rig, OTHER_GATE, 2);
    rig_pass(rig, 2 * HS_NS_PER_S);
    hs_manager_on_gate_down(rig->manager, OTHER_GATE, rig->now_ns, &rig->actions);
    told = told_of(rig, OTHER_GATE, 2);
    rig_pass(rig, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(told_of(rig, OTHER_GATE, 2), told);
    HS_CHECK_EQ(told_of(rig, 0, 2), 0);
    rig_other_gate_up(rig, OTHER_GATE + 1); /* back, over another link */
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(told_of(rig, OTHER_GATE + 1, 2), 0); /* who it is shows when it asks */
    dispatch_by(rig, OTHER_GATE + 1, 2);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK(told_of(rig, OTHER_GATE + 1, 2) > 0);
    HS_CHECK_EQ(told_of(rig, 0, 2), 0);
    rig_close(rig);
}

static void more_gates_than_there_is_room_for_are_refused(void)
{
    struct rig *rig = rig_open();

    for (uint32_t i = 1; i < HS_MANAGER_GATES; i++) rig_other_gate_up(rig, 100 + i);
    HS_CHECK_EQ(hs_manager_on_gate_up(rig->manager, 500, rig->now_ns, &rig->actions), -ENOBUFS);
    hs_manager_on_gate_down(rig->manager, 101, rig->now_ns, &rig->actions);
    rig_other_gate_up(rig, 500);
    rig_close(rig);
}

static void one_that_does_not_lead_says_who_does_and_gives_no_work(void)
{
    struct rig             *rig = rig_open();
    const struct rig_frame *ack;

    (void)snprintf(rig->config.name, sizeof rig->config.name, "m-2");
    (void)snprintf(rig->config.leader, sizeof rig->config.leader, "m-1");
    rig_restart(rig, 2);
    rig_forget(rig);
    rig_register(rig, 1, 1, 1, 2);
    HS_CHECK(rig->manager->workers.at[0].is_reconciled); /* it is there, and that is all */
    rig_dispatch(rig, 1, rig_one);
    ack = rig_find(rig, HS_MSG_JOB_DISPATCH_ACK, 0, 0);
    HS_CHECK(ack != NULL);
    if (ack) HS_CHECK_EQ(ack->message.job_dispatch_ack.code, HS_RESULT_NOT_LEADER);
    if (ack) HS_CHECK_TEXT(ack->message.job_dispatch_ack.leader, "m-1");
    rig_pass(rig, 20 * HS_NS_PER_S);
    HS_CHECK(!rig->manager->is_leading);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_RECONCILE, 1), 0);
    HS_CHECK_EQ(rig_find(rig, HS_MSG_MHB, 0, 0)->message.mhb.manager_fence, 0);
    (void)snprintf(rig->config.leader, sizeof rig->config.leader, "m-2");
    rig_restart(rig, 3);
    HS_CHECK(rig->manager->is_leading);
    rig_close(rig);
}

/* Its books are empty, and the leader's are not: nobody here is to be asked about that. */
static void a_worker_that_runs_what_another_manager_gave_it_stays_alive(void)
{
    struct rig          *rig = rig_open();
    struct hs_worker_row row;

    (void)snprintf(rig->config.name, sizeof rig->config.name, "m-2");
    (void)snprintf(rig->config.leader, sizeof rig->config.leader, "m-1");
    rig_restart(rig, 2);
    rig_register(rig, 1, 1, 1, 2);
    for (unsigned i = 0; i < 5; i++) rig_beat(rig, 1, 1);
    rig_pass(rig, HS_NS_PER_S);
    hs_workers_row(&rig->manager->workers.at[0], 0, 0, &row);
    HS_CHECK_EQ(row.state, HS_NODE_ALIVE);
    rig_close(rig);
}

static void a_worker_20_that_has_vanished_is_forgotten_after_300_s(void)
{
    struct rig *rig = rig_open_with_worker(2);

    hs_manager_on_worker_down(rig->manager, 1);
    rig_pass(rig, 16 * HS_NS_PER_S);
    HS_CHECK(rig->manager->workers.at[0].is_lost);
    rig_pass(rig, 280 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->workers.count, 1);
    rig_pass(rig, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->manager->workers.count, 0);
    HS_CHECK(!rig->manager->workers.at[0].is_used);
    rig_register(rig, 1, 2, 1, 2); /* back: as good as new */
    HS_CHECK_EQ(rig->manager->workers.count, 1);
    rig_close(rig);
}

CU_TestInfo hs_tests_manager_gates[] = {
    {"each gate hears of its own jobs, and all of the room",
     each_gate_hears_of_its_own_jobs_and_all_of_the_room},
    {"a gate hears of a job until it has taken its end",
     a_gate_hears_of_a_job_until_it_has_taken_its_end},
    {"a job whose gate is away waits for it and goes to no other",
     a_job_whose_gate_is_away_waits_for_it_and_goes_to_no_other},
    {"more gates than there is room for are refused",
     more_gates_than_there_is_room_for_are_refused},
    {"one that does not lead says who does, and gives no work",
     one_that_does_not_lead_says_who_does_and_gives_no_work},
    {"a worker that runs what another manager gave it stays alive",
     a_worker_that_runs_what_another_manager_gave_it_stays_alive},
    {"20 a worker that has vanished is forgotten after 300 s",
     a_worker_20_that_has_vanished_is_forgotten_after_300_s},
    CU_TEST_INFO_NULL};
