// SPDX-License-Identifier: Apache-2.0
/* test_manager_assign.c - cores and load are divided so that the parts add up (jobs.md 7.7). */
#include "roles/manager/assign.h"
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

static void cores_of(unsigned count, uint32_t free_cores, uint32_t *cores)
{
    uint64_t most[HS_WORKFLOWS_MAX];

    for (unsigned i = 0; i < count; i++) most[i] = 1000;
    hs_assign_cores(most, count, free_cores, cores);
}

static void ten_cores_for_three_are_four_three_three(void)
{
    uint32_t cores[3];

    cores_of(3, 10, cores);
    HS_CHECK_EQ(cores[0], 4);
    HS_CHECK_EQ(cores[1], 3);
    HS_CHECK_EQ(cores[2], 3);
}

static void two_cores_for_five_start_two(void)
{
    uint32_t cores[5];

    cores_of(5, 2, cores);
    for (unsigned i = 0; i < 5; i++) HS_CHECK_EQ(cores[i], i < 2);
}

static void nobody_gets_more_than_it_can_use(void)
{
    const uint64_t most[] = {1, 100, 2};
    uint32_t       cores[3];

    hs_assign_cores(most, 3, 12, cores);
    HS_CHECK_EQ(cores[0], 1);
    HS_CHECK_EQ(cores[1], 9); /* what the others leave */
    HS_CHECK_EQ(cores[2], 2);
}

static void vus_are_split_in_proportion_to_cores(void)
{
    const uint32_t         cores[] = {3, 2, 2};
    const uint64_t         expected[] = {428, 286, 286};
    struct hs_assign_load  load = {.vus = 1000};
    struct hs_assign_share share;
    uint64_t               first = 0;

    for (unsigned i = 0; i < 3; i++) {
        hs_assign_share_of(&load, cores, 3, i, &share);
        HS_CHECK_EQ(share.vus, expected[i]);
        HS_CHECK_EQ(share.vus_first, first);
        HS_CHECK_EQ(share.vus_total, 1000);
        first += share.vus;
    }
    HS_CHECK_EQ(first, 1000);
}

static void all_parts_add_up_whatever_the_numbers(void)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 1);
    for (unsigned round = 0; round < 2000; round++) {
        struct hs_assign_load  load = {0};
        struct hs_assign_share share;
        uint32_t               cores[HS_SHARDS_MAX], slot = 0, total = 0;
        uint64_t               vus = 0, iterations = 0, connections = 0;
        unsigned               count = 1 + (unsigned)hs_rand_below(&rand, HS_SHARDS_MAX);

        for (unsigned i = 0; i < count; i++) {
            cores[i] = 1 + (uint32_t)hs_rand_below(&rand, 16);
            total += cores[i];
        }
        load.vus = total + hs_rand_below(&rand, 100000);
        load.iterations = total + hs_rand_below(&rand, 100000);
        load.max_in_flight = total + hs_rand_below(&rand, 1000);
        for (unsigned i = 0; i < count; i++) {
            hs_assign_share_of(&load, cores, count, i, &share);
            HS_CHECK(share.vus >= 1);
            HS_CHECK(share.iterations >= 1); /* none would mean no bound */
            HS_CHECK_EQ(share.share_first, slot);
            HS_CHECK_EQ(share.share_total, total);
            slot += share.share;
            vus += share.vus;
            iterations += share.iterations;
            connections += share.connections;
        }
        HS_CHECK_EQ(slot, total);
        HS_CHECK_EQ(vus, load.vus);
        HS_CHECK_EQ(iterations, load.iterations);
        HS_CHECK_EQ(connections, load.max_in_flight);
    }
}

static void workers_are_filled_in_the_order_of_their_health(void)
{
    struct hs_assign_worker workers[] = {
        {.idx = 0, .bucket = 1, .free_cores = 8, .id = {1}},
        {.idx = 1, .bucket = 0, .free_cores = 2, .id = {2}},
        {.idx = 2, .bucket = 0, .free_cores = 4, .id = {3}},
    };
    struct hs_assign_pick picks[HS_SHARDS_MAX];

    HS_CHECK_EQ(hs_assign_pick(workers, 3, 7, picks), 3);
    HS_CHECK_EQ(picks[0].idx, 2);
    HS_CHECK_EQ(picks[0].cores, 4);
    HS_CHECK_EQ(picks[1].idx, 1);
    HS_CHECK_EQ(picks[2].idx, 0);
    HS_CHECK_EQ(picks[2].cores, 1);
    HS_CHECK_EQ(hs_assign_pick(workers, 3, 8, picks), 0); /* seven are left: all or nothing */
    HS_CHECK_EQ(hs_assign_pick(workers, 3, 7, picks), 1);
    HS_CHECK_EQ(hs_assign_pick(workers, 3, 1, picks), 0);
}

CU_TestInfo hs_tests_manager_assign[] = {
    {"ten cores for three are four, three, three", ten_cores_for_three_are_four_three_three},
    {"two cores for five start two", two_cores_for_five_start_two},
    {"nobody gets more than it can use", nobody_gets_more_than_it_can_use},
    {"virtual users are split in proportion to cores", vus_are_split_in_proportion_to_cores},
    {"all parts add up whatever the numbers", all_parts_add_up_whatever_the_numbers},
    {"workers are filled in the order of their health",
     workers_are_filled_in_the_order_of_their_health},
    CU_TEST_INFO_NULL,
};
