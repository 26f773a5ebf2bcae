// SPDX-License-Identifier: Apache-2.0
/* test_replay.c - the replay window against a list of all that was taken, and the buckets. */
#include "roles/cluster/replay.h"

#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static struct hs_replay replay;

static void st_10_the_same_datagram_is_taken_once(void)
{
    hs_replay_init(&replay, 0);
    HS_CHECK(hs_replay_take(&replay, 1));
    HS_CHECK(!hs_replay_take(&replay, 1));
    HS_CHECK(hs_replay_take(&replay, 7));
    HS_CHECK(hs_replay_take(&replay, 2));
    HS_CHECK(!hs_replay_take(&replay, 2));
    HS_CHECK(!hs_replay_take(&replay, 7));
    HS_CHECK(!hs_replay_take(&replay, 0)); /* no sender counts from zero */
}

static void st_10_reordered_by_1023_it_is_taken_by_1024_and_more_it_is_not(void)
{
    hs_replay_init(&replay, 0);
    HS_CHECK(hs_replay_take(&replay, 10000));
    HS_CHECK(hs_replay_take(&replay, 10000 - 1023));
    HS_CHECK(!hs_replay_take(&replay, 10000 - 1024));
    HS_CHECK(!hs_replay_take(&replay, 10000 - 1025));
    HS_CHECK(!hs_replay_take(&replay, 10000 - 1023));
}

static void st_10_what_was_sent_before_the_proof_is_never_taken(void)
{
    hs_replay_init(&replay, 500);
    for (uint64_t counter = 0; counter <= 500; counter++)
        HS_CHECK(!hs_replay_take(&replay, counter));
    HS_CHECK(hs_replay_take(&replay, 501));
    HS_CHECK(!hs_replay_take(&replay, 500));
}

static void the_last_counter_there_is_does_not_wrap(void)
{
    hs_replay_init(&replay, UINT64_MAX - 2);
    HS_CHECK(hs_replay_take(&replay, UINT64_MAX));
    HS_CHECK(!hs_replay_take(&replay, UINT64_MAX));
    HS_CHECK(hs_replay_take(&replay, UINT64_MAX - 1));
    HS_CHECK(!hs_replay_take(&replay, 0));
}

/* Steps back and forth of all sizes, against a plain table. */
static void it_agrees_with_a_list_of_all_that_was_taken(void)
{
    enum { COUNTERS = 1 << 17, STEPS = 200000 };
    bool          *taken = calloc(COUNTERS, sizeof *taken);
    struct hs_rand rand;
    uint64_t       highest = 0;
    unsigned       wrong = 0;

    hs_rand_init(&rand, 10);
    hs_replay_init(&replay, 0);
    taken[0] = true;
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t reach = UINT64_C(1) << hs_rand_below(&rand, 12);
        uint64_t back = hs_rand_below(&rand, reach);
        uint64_t counter =
            hs_rand_below(&rand, 2) || back > highest
                ? highest + hs_rand_below(&rand, hs_rand_below(&rand, 500) ? 3 : 3000)
                : highest - back;
        bool expected;

        if (counter >= COUNTERS) break;
        expected = !taken[counter] && highest < counter + HS_REPLAY_WINDOW;
        wrong += hs_replay_take(&replay, counter) != expected;
        taken[counter] |= expected;
        if (counter > highest) highest = counter;
    }
    HS_CHECK_EQ(wrong, 0);
    HS_CHECK(highest > 20000);
    free(taken);
}

static void a_bucket_gives_its_burst_and_then_its_rate(void)
{
    const struct hs_bucket_rate rate = {.interval_ns = 10 * HS_NS_PER_MS, .burst = 200};
    struct hs_bucket            bucket = {0};
    uint64_t                    now_ns = 5 * HS_NS_PER_S;
    unsigned                    given = 0;

    for (unsigned i = 0; i < 1000; i++) given += hs_bucket_take(&bucket, &rate, now_ns);
    HS_CHECK_EQ(given, 200);
    for (unsigned i = 0; i < 100000; i++) {
        now_ns += 10 * HS_NS_PER_US;
        given += hs_bucket_take(&bucket, &rate, now_ns);
    }
    HS_CHECK_EQ(given, 300); /* a second later: 100 more */
    for (given = 0, now_ns += 60 * HS_NS_PER_S; hs_bucket_take(&bucket, &rate, now_ns);) given++;
    HS_CHECK_EQ(given, 200); /* a long rest fills it, and no more */
}

CU_TestInfo hs_tests_replay[] = {
    {"SEC-11 BAD-9 ST-10 the same datagram is taken once", st_10_the_same_datagram_is_taken_once},
    {"SEC-11 ST-10 reordered by 1023 it is taken, by 1024 and more it is not",
     st_10_reordered_by_1023_it_is_taken_by_1024_and_more_it_is_not},
    {"ST-10 what was sent before the proof is never taken",
     st_10_what_was_sent_before_the_proof_is_never_taken},
    {"the last counter there is does not wrap", the_last_counter_there_is_does_not_wrap},
    {"it agrees with a list of all that was taken", it_agrees_with_a_list_of_all_that_was_taken},
    {"a bucket gives its burst and then its rate", a_bucket_gives_its_burst_and_then_its_rate},
    CU_TEST_INFO_NULL,
};
