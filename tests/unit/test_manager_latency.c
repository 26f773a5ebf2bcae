// SPDX-License-Identifier: Apache-2.0
/* test_manager_latency.c - a manager knows how far away its workers are, and says so. */
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

static void answer(struct rig *rig, uint64_t nonce)
{
    const union hs_msg pong = {.pong = {.nonce = nonce}};

    rig_worker(rig, 1, HS_MSG_PONG, &pong);
}

static uint64_t last_nonce(struct rig *rig)
{
    return rig_find(rig, HS_MSG_PING, 1, rig_count(rig, HS_MSG_PING, 1) - 1)->message.ping.nonce;
}

static void a_worker_is_pinged_each_second_and_its_answer_timed(void)
{
    struct rig          *rig = rig_open_with_worker(2);
    struct hs_worker_row row;

    HS_CHECK_EQ(rig_count(rig, HS_MSG_PING, 1), 1);
    HS_CHECK_EQ(rig->sample_count, 0);
    rig->now_ns += 3 * HS_NS_PER_MS;
    answer(rig, last_nonce(rig));
    HS_CHECK_EQ(rig->sample_count, 1);
    HS_CHECK_EQ(rig->sample.round_trip_ns, 3 * HS_NS_PER_MS);
    HS_CHECK_EQ(rig->sample.at_ns, rig->now_ns);
    HS_CHECK_EQ(rig->sample.kind, HS_LATENCY_PING);
    HS_CHECK_EQ(rig->sample.peer_kind, HS_ROLE_WORKER);
    hs_workers_row(&rig->manager->workers.at[0], 0, 0, &row);
    HS_CHECK_EQ(row.round_trip_ns, 3 * HS_NS_PER_MS);
    rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK(rig_count(rig, HS_MSG_PING, 1) >= 5);
    HS_CHECK(rig_count(rig, HS_MSG_PING, 1) <= 7);
    rig_close(rig);
}

static void an_answer_that_is_late_or_made_up_counts_for_nothing(void)
{
    struct rig *rig = rig_open_with_worker(2);
    uint64_t    first = last_nonce(rig);

    answer(rig, 0);
    answer(rig, first + 1);
    HS_CHECK_EQ(rig->sample_count, 0);
    rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK(last_nonce(rig) != first);
    answer(rig, first);
    HS_CHECK_EQ(rig->sample_count, 0);
    answer(rig, last_nonce(rig));
    answer(rig, last_nonce(rig)); /* told twice */
    HS_CHECK_EQ(rig->sample_count, 1);
    rig_close(rig);
}

static void a_share_is_timed_until_its_worker_answers(void)
{
    struct rig *rig = rig_open_with_worker(2);

    rig_dispatch(rig, 1, rig_one);
    rig->now_ns += 7 * HS_NS_PER_MS;
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig->sample_count, 1);
    HS_CHECK_EQ(rig->sample.kind, HS_LATENCY_DISPATCH);
    HS_CHECK_EQ(rig->sample.round_trip_ns, 7 * HS_NS_PER_MS);
    rig_ack(rig, 1, rig_share(rig, 1, 0), HS_RESULT_OK);
    HS_CHECK_EQ(rig->sample_count, 1);
    rig_close(rig);
}

CU_TestInfo hs_tests_manager_latency[] = {
    {"a worker is pinged each second, and its answer timed",
     a_worker_is_pinged_each_second_and_its_answer_timed},
    {"an answer that is late or made up counts for nothing",
     an_answer_that_is_late_or_made_up_counts_for_nothing},
    {"a share is timed until its worker answers", a_share_is_timed_until_its_worker_answers},
    CU_TEST_INFO_NULL,
};
