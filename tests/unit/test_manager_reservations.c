// SPDX-License-Identifier: Apache-2.0
/* test_manager_reservations.c - a core is promised once, whoever races for it: what is assigned and
 * what is on its way through the log counts, not what workers say (control 8.1, jobs.md 7.6). */
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

#define PLAN_OF(vus, seconds)                                                                      \
    "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"load\":{\"model\":\"closed\",\"vus\":" vus    \
    ",\"for\":\"" seconds "\"}," RIG_STEPS "}]}"

static const char six[] = PLAN_OF("6", "10s");
static const char eight[] = PLAN_OF("8", "10s");

static struct hs_manager_worker *worker_of(struct rig *rig, unsigned worker)
{
    uint8_t id[16] = {0};

    memcpy(id, &worker, sizeof worker);
    return hs_workers_find(&rig->manager->workers, id);
}

/* Cores of the worker that decisions give away, those that are on their way included. */
static uint32_t reserved_of(struct rig *rig, unsigned worker)
{
    struct hs_manager_worker *row = worker_of(rig, worker);
    uint32_t                  cores = 0, execs = 0;

    if (!row) return 0;
    hs_manager_worker_load(rig->manager, row, &cores, &execs);
    for (unsigned i = 0; i < HS_MANAGER_PROPOSALS; i++) {
        const struct hs_manager_proposal *proposal = &rig->manager->proposals[i];
        const struct hs_manager_assign   *assign = &proposal->entry.assign;

        if (proposal->kind == HS_PROPOSAL_FREE || proposal->entry.kind != HS_MANAGER_ASSIGN)
            continue;
        for (unsigned k = 0; k < assign->count; k++)
            if (memcmp(assign->items[k].worker, row->id, sizeof row->id) == 0)
                cores += assign->items[k].cores;
    }
    return cores;
}

static void join(struct rig *rig, unsigned worker, uint32_t link, uint64_t incarnation,
                 unsigned cores)
{
    rig_register(rig, worker, link, incarnation, cores);
    rig_tell_state(rig, link, NULL, 0);
}

static void beat(struct rig *rig, uint32_t link, unsigned execs, unsigned free_cores,
                 bool is_draining)
{
    const struct hs_manager_worker *worker = hs_workers_find_link(&rig->manager->workers, link);
    union hs_msg                    message = {0};

    HS_CHECK(worker != NULL);
    message.whb.session = worker ? worker->session : 0;
    message.whb.engines_mask = UINT64_MAX;
    message.whb.exec_count = (uint16_t)execs;
    message.whb.cores_free = (uint16_t)free_cores;
    message.whb.draining = is_draining;
    rig_worker(rig, link, HS_MSG_WHB, &message);
}

/* So long, while these workers are heard, and none is ever promised more than it has. */
static void pass(struct rig *rig, unsigned tenths, const uint32_t *cores, unsigned workers)
{
    for (unsigned i = 0; i < tenths; i++) {
        rig_pass(rig, 100 * HS_NS_PER_MS);
        for (unsigned worker = 1; worker <= workers; worker++) {
            HS_CHECK(reserved_of(rig, worker) <= cores[worker - 1]);
            if (worker_of(rig, worker)->link) beat(rig, worker_of(rig, worker)->link, 0, 0, false);
        }
    }
}

/* Two shares of six cores each, whose workers have left, and one worker with eight. */
static void of_two_that_race_for_a_worker_one_gets_it(void)
{
    static const uint32_t cores[] = {6, 6, 8, 6};
    struct rig           *rig = rig_open_with_worker(6);

    rig_dispatch(rig, 1, six);
    join(rig, 2, 2, 1, 6);
    rig_dispatch(rig, 2, six);
    rig_result(rig, 1, rig_share(rig, 1, 0), HS_OUTCOME_LOST, 1);
    rig_result(rig, 2, rig_share(rig, 2, 0), HS_OUTCOME_LOST, 1);
    hs_manager_on_worker_down(rig->manager, 1);
    hs_manager_on_worker_down(rig->manager, 2);
    join(rig, 3, 3, 1, 8);
    rig->is_log_held = true; /* both have waited their time out when the first is decided */
    pass(rig, 20, cores, 3);
    HS_CHECK_EQ(reserved_of(rig, 3), 6);
    rig->is_log_held = false;
    pass(rig, 20, cores, 3);
    HS_CHECK_EQ(reserved_of(rig, 3), 6);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 3), 1);
    join(rig, 4, 4, 1, 6);
    pass(rig, 1, cores, 4);
    HS_CHECK_EQ(reserved_of(rig, 4), 6);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 4), 1);
    HS_CHECK(rig_share(rig, 3, 0)->exec.job_id[0] != rig_share(rig, 4, 0)->exec.job_id[0]);
    rig_close(rig);
}

static uint32_t free_told_to_the_gate(struct rig *rig)
{
    const struct rig_frame *last = rig_find(rig, HS_MSG_MHB, 0, rig_count(rig, HS_MSG_MHB, 0) - 1);

    return last ? last->message.mhb.cores_free : UINT32_MAX;
}

/* The worker has not had the share yet when it says so, and says it again and again. */
static void what_a_worker_says_is_free_gives_nothing_away_twice(void)
{
    struct rig *rig = rig_open_with_worker(8);

    rig_dispatch(rig, 1, six);
    HS_CHECK_EQ(rig_share(rig, 1, 0)->cores, 6);
    beat(rig, 1, 0, 8, false);
    HS_CHECK_EQ(reserved_of(rig, 1), 6);
    HS_CHECK_EQ(free_told_to_the_gate(rig), 2);
    rig_dispatch(rig, 2, six);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 2);
    HS_CHECK_EQ(rig_share(rig, 1, 1)->cores, 2); /* what is left, and no more */
    HS_CHECK_EQ(free_told_to_the_gate(rig), 0);
    rig_dispatch(rig, 3, six);
    rig_forget(rig);
    for (unsigned i = 0; i < 3; i++) beat(rig, 1, 0, 8, false);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_RECONCILE, 1), 1); /* who contradicts is asked */
    HS_CHECK_EQ(reserved_of(rig, 1), 8);
    rig_close(rig);
}

/* Ends what it was given since the last time; how many shares, and of how many the first attempt
 * was lost. */
static void end_shares(struct rig *rig, uint32_t link, unsigned *taken, unsigned counts[2])
{
    for (; *taken < rig_count(rig, HS_MSG_EXEC_DISPATCH, link); ++*taken) {
        const struct hs_msg_exec_dispatch share = *rig_share(rig, link, *taken);

        counts[0]++;
        counts[1] += share.exec.attempt;
        HS_CHECK_EQ(share.cores, 4);
        rig_ack(rig, link, &share, HS_RESULT_OK);
        rig_result(rig, link, &share, HS_OUTCOME_COMPLETED, 1);
    }
}

/* Two of four workers get eight cores' work, and one of them dies while that is being decided. */
static void lose_one_on_the_way(struct rig *rig, unsigned round, uint32_t links[4])
{
    unsigned counts[2] = {0}, taken[4] = {0};
    unsigned victim = 1 + round % 2;

    for (unsigned i = 0; i < 4; i++) beat(rig, links[i], 0, 0, true); /* nobody takes anything */
    rig_dispatch(rig, round, eight);
    rig->is_log_held = true;
    for (unsigned i = 1; i <= 4; i++) {
        worker_of(rig, i)->is_draining = false;
        worker_of(rig, i)->flap = (struct hs_flap){0}; /* who comes and goes is avoided */
    }
    beat(rig, links[0], 0, 0, false); /* now all of them do, at once */
    HS_CHECK_EQ(reserved_of(rig, 1), 4);
    HS_CHECK_EQ(reserved_of(rig, 2), 4);
    links[victim - 1] += 4;
    join(rig, victim, links[victim - 1], 1 + round, 4);
    rig->is_log_held = false;
    rig_settle(rig);
    for (unsigned tenth = 0; tenth < 20; tenth++) {
        rig_pass(rig, 100 * HS_NS_PER_MS);
        for (unsigned i = 0; i < 4; i++) {
            beat(rig, links[i], 0, 0, false);
            HS_CHECK(reserved_of(rig, i + 1) <= 4);
            end_shares(rig, links[i], &taken[i], counts);
        }
    }
    HS_CHECK_EQ(counts[0], 2);
    HS_CHECK_EQ(counts[1], 1); /* that of the other one was not touched */
    HS_CHECK_EQ(rig_job(rig, round)->status, HS_JOB_COMPLETED);
    rig_ack_results(rig, round, HS_RESULT_OK);
    rig_release(rig, round);
    rig_forget(rig);
}

static void a_worker_that_dies_before_its_share_is_decided_costs_no_core(void)
{
    struct rig *rig = rig_open_with_worker(4);
    uint32_t    links[4] = {1, 2, 3, 4};

    for (unsigned i = 2; i <= 4; i++) join(rig, i, i, 1, 4);
    rig_forget(rig);
    for (unsigned round = 1; round <= 24; round++) lose_one_on_the_way(rig, round, links);
    for (unsigned i = 1; i <= 4; i++) HS_CHECK_EQ(reserved_of(rig, i), 0);
    HS_CHECK(hs_manager_state_validate(rig->memory.state));
    rig_close(rig);
}

CU_TestInfo hs_tests_manager_reservations[] = {
    {"T8.6 of two that race for a worker one gets it", of_two_that_race_for_a_worker_one_gets_it},
    {"T8.7 what a worker says is free gives nothing away twice",
     what_a_worker_says_is_free_gives_nothing_away_twice},
    {"T8.8 a worker that dies before its share is decided costs no core",
     a_worker_that_dies_before_its_share_is_decided_costs_no_core},
    CU_TEST_INFO_NULL,
};
