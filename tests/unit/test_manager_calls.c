// SPDX-License-Identifier: Apache-2.0
/* test_manager_calls.c - a worker that does not answer is left alone, one that comes and goes gets
 * no new work (manager_calls.c, guard/breaker.h, guard/flap.h). */
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

static struct hs_manager_worker *worker_at(struct rig *rig, unsigned idx)
{
    return &rig->manager->workers.at[idx];
}

/* A share that nobody answers, three times; without a heartbeat. */
static void shares_without_an_answer_open_the_breaker(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    for (unsigned i = 0; i < 40; i++) {
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 1, 1);
    }
    HS_CHECK(rig->manager->counts.breakers_opened >= 1);
    HS_CHECK(worker_at(rig, 0)->breaker.state != HS_BREAKER_CLOSED);
    rig_close(rig);
}

static void while_it_is_left_alone_others_get_the_work(void)
{
    struct rig             *rig = rig_open_with_worker(4);
    struct hs_rand          rand;
    struct hs_breaker_token token;

    hs_rand_init(&rand, 1);
    rig_register(rig, 2, 2, 1, 2);
    rig_tell_state(rig, 2, NULL, 0);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK(
            hs_breaker_admit(&worker_at(rig, 0)->breaker, rig->now_ns, HS_NS_PER_S, &rand, &token));
        hs_breaker_report(&worker_at(rig, 0)->breaker, &token, HS_BREAKER_FAIL, rig->now_ns, &rand);
    }
    rig_dispatch(rig, 1, rig_one); /* it has more cores, and would be first */
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    rig_close(rig);
}

static void pass_beating(struct rig *rig, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        rig_pass(rig, HS_NS_PER_S);
        rig_beat(rig, 1, 1);
        if (rig->manager->workers.high > 1) rig_beat(rig, 2, 0);
    }
}

/* Its queue is full, not its house: it is neither left alone nor robbed of its share for that. */
static void a_share_without_room_is_sent_when_there_is_some(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig->full_link = 1;
    rig_dispatch(rig, 1, rig_one);
    pass_beating(rig, 14);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 0);
    HS_CHECK_EQ(rig->unsent_count, 3); /* none is an attempt: it is not asked less and less often */
    HS_CHECK_EQ(worker_at(rig, 0)->breaker.state, HS_BREAKER_CLOSED);
    HS_CHECK_EQ(worker_at(rig, 0)->breaker.fails_in_row, 0);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 0);
    rig->full_link = 0;
    pass_beating(rig, 2);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 1), 1);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    HS_CHECK(rig->manager->execs[0].is_acked);
    rig_close(rig);
}

static void a_worker_without_room_for_long_loses_its_share_to_another(void)
{
    struct rig *rig = rig_open_with_worker(4);

    rig->full_link = 1;
    rig_dispatch(rig, 1, rig_one);
    rig_register(rig, 2, 2, 1, 4);
    rig_tell_state(rig, 2, NULL, 0);
    pass_beating(rig, 40);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 0);
    pass_beating(rig, 20);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 1);
    HS_CHECK(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2) > 0);
    rig_close(rig);
}

static void an_answer_of_any_kind_is_reported(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    HS_CHECK_EQ(
        worker_at(rig, 0)->breaker.oks[worker_at(rig, 0)->breaker.bin_second % HS_BREAKER_BINS], 1);
    HS_CHECK_EQ(worker_at(rig, 0)->breaker.fails_in_row, 0);
    rig_close(rig);
}

static void a_worker_that_comes_and_goes_gets_no_new_work_while_there_are_others(void)
{
    struct rig *rig = rig_open_with_worker(4);

    for (uint32_t life = 2; life <= 6; life++) {
        rig_register(rig, 1, 10 + life, life, 4);
        rig_tell_state(rig, 10 + life, NULL, 0);
    }
    HS_CHECK(hs_flap_is_damped(&worker_at(rig, 0)->flap, rig->now_ns));
    rig_dispatch(rig, 1, rig_one); /* alone it is used */
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 16), 1);
    rig_register(rig, 2, 2, 1, 2);
    rig_tell_state(rig, 2, NULL, 0);
    rig_dispatch(rig, 2, rig_one);
    HS_CHECK_EQ(rig_count(rig, HS_MSG_EXEC_DISPATCH, 2), 1);
    rig_close(rig);
}

static void a_breaker_goes_with_its_worker_s_place(void)
{
    struct rig               *rig = rig_open_with_worker(2);
    struct hs_manager_worker *worker = worker_at(rig, 0);

    worker->breaker.state = HS_BREAKER_OPEN;
    for (uint32_t life = 2; life <= 100; life++) rig_register(rig, 1, 10 + life, life, 2);
    HS_CHECK_EQ(rig->manager->workers.count, 1);
    HS_CHECK_EQ(worker->breaker.state, HS_BREAKER_CLOSED);
    rig_close(rig);
}

CU_TestInfo hs_tests_manager_calls[] = {
    {"T6.1 shares without an answer open the breaker", shares_without_an_answer_open_the_breaker},
    {"T1.5 a share without room is sent when there is some",
     a_share_without_room_is_sent_when_there_is_some},
    {"T1.5 a worker without room for long loses its share to another",
     a_worker_without_room_for_long_loses_its_share_to_another},
    {"while it is left alone, others get the work", while_it_is_left_alone_others_get_the_work},
    {"T6.9 an answer of any kind is reported", an_answer_of_any_kind_is_reported},
    {"21 a worker that comes and goes gets no new work while there are others",
     a_worker_that_comes_and_goes_gets_no_new_work_while_there_are_others},
    {"T6.8 a breaker goes with its worker's place", a_breaker_goes_with_its_worker_s_place},
    CU_TEST_INFO_NULL};
