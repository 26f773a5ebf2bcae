// SPDX-License-Identifier: Apache-2.0
/* test_schedule.c - arrivals do not drift, shards add up to the whole, and any moment can be taken
 * up. */
#include "roles/plan/schedule.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static struct hs_schedule schedule_of(const char *rate_text, uint64_t duration_ns, uint32_t shard,
                                      uint32_t shards)
{
    struct hs_schedule schedule = {0};
    struct hs_rate     rate = {0};

    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text(rate_text), &rate), 0);
    HS_CHECK_EQ(hs_schedule_init(&schedule, rate, duration_ns, shard, shards), 0);
    return schedule;
}

static void a_rate_of_nothing_is_refused(void)
{
    struct hs_schedule schedule;
    struct hs_rate     none = {.count = 0, .period_ns = 1};
    struct hs_rate     some = {.count = 1, .period_ns = 1};

    HS_CHECK_EQ(hs_schedule_init(&schedule, none, 1, 0, 1), -EINVAL);
    HS_CHECK_EQ(hs_schedule_init(&schedule, some, 1, 1, 1), -EINVAL);
    HS_CHECK_EQ(hs_schedule_init(&schedule, some, 1, 0, 0), -EINVAL);
}

static void a_thousand_million_arrivals_do_not_drift(void)
{
    struct hs_schedule thirds = schedule_of("3/s", HS_NEVER_NS, 0, 1);
    struct hs_schedule fast = schedule_of("700001/m", HS_NEVER_NS, 0, 1);

    for (uint64_t k = 0; k <= UINT64_C(3000000000); k += UINT64_C(300000000))
        HS_CHECK_EQ(hs_schedule_arrival_ns(&thirds, k), k / 3 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_schedule_arrival_ns(&thirds, 1), 333333333);
    HS_CHECK_EQ(hs_schedule_arrival_ns(&thirds, 2), 666666666);
    HS_CHECK_EQ(hs_schedule_arrival_ns(&fast, UINT64_C(700001) * 10000), 10000 * 60 * HS_NS_PER_S);
}

static void shards_make_up_the_whole(void)
{
    static const uint32_t widths[] = {1, 2, 7};
    struct hs_schedule    whole = schedule_of("777.7/s", 3 * HS_NS_PER_S, 0, 1);
    uint64_t              total = hs_schedule_total(&whole);

    HS_CHECK_EQ(total, 2334); /* 2333.1 arrivals start before the third second ends */
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        uint64_t next[7] = {0};
        uint64_t sum = 0;

        for (uint64_t k = 0; k < total; k++) {
            uint32_t           shard = (uint32_t)(k % widths[w]);
            struct hs_schedule part = whole;

            part.shard = shard;
            part.shards = widths[w];
            HS_CHECK_EQ(hs_schedule_index(&part, next[shard]), k);
            HS_CHECK_EQ(hs_schedule_arrival_ns(&part, next[shard]),
                        hs_schedule_arrival_ns(&whole, k));
            next[shard]++;
        }
        for (uint32_t shard = 0; shard < widths[w]; shard++) {
            struct hs_schedule part = whole;

            part.shard = shard;
            part.shards = widths[w];
            HS_CHECK_EQ(hs_schedule_total(&part), next[shard]);
            HS_CHECK(hs_schedule_arrival_ns(&part, next[shard]) == HS_NEVER_NS);
            sum += hs_schedule_total(&part);
        }
        HS_CHECK_EQ(sum, total);
    }
}

static void the_inverse_agrees_with_the_schedule(void)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 42);
    for (int round = 0; round < 2000; round++) {
        struct hs_rate     rate = {.count = 1 + hs_rand_below(&rand, 5000000),
                                   .period_ns = 1 + hs_rand_below(&rand, 3600 * HS_NS_PER_S)};
        uint32_t           shards = 1 + (uint32_t)hs_rand_below(&rand, 9);
        struct hs_schedule schedule;
        uint64_t           t_ns = hs_rand_below(&rand, 100 * HS_NS_PER_S);
        uint64_t           due;
        uint64_t           first;

        HS_CHECK_EQ(hs_schedule_init(&schedule, rate, HS_NEVER_NS,
                                     (uint32_t)hs_rand_below(&rand, shards), shards),
                    0);
        due = hs_schedule_due(&schedule, t_ns);
        first = hs_schedule_first_at(&schedule, t_ns);
        HS_CHECK(hs_schedule_arrival_ns(&schedule, due) > t_ns);
        HS_CHECK(due == 0 || hs_schedule_arrival_ns(&schedule, due - 1) <= t_ns);
        HS_CHECK(hs_schedule_arrival_ns(&schedule, first) >= t_ns);
        HS_CHECK(first == 0 || hs_schedule_arrival_ns(&schedule, first - 1) < t_ns);
    }
}

static void nothing_is_due_after_the_end(void)
{
    struct hs_schedule schedule = schedule_of("10/s", HS_NS_PER_S, 0, 1);

    HS_CHECK_EQ(hs_schedule_total(&schedule), 10);
    HS_CHECK_EQ(hs_schedule_due(&schedule, 0), 1);
    HS_CHECK_EQ(hs_schedule_due(&schedule, 899999999), 9);
    HS_CHECK_EQ(hs_schedule_due(&schedule, 900000000), 10);
    HS_CHECK_EQ(hs_schedule_due(&schedule, 100 * HS_NS_PER_S), 10);
    HS_CHECK_EQ(hs_schedule_first_at(&schedule, 100 * HS_NS_PER_S), 10);
    HS_CHECK(hs_schedule_arrival_ns(&schedule, 10) == HS_NEVER_NS);
    HS_CHECK(hs_schedule_arrival_ns(&schedule, UINT64_MAX) == HS_NEVER_NS);
}

static void parts_follow_weights_and_add_up(void)
{
    static const uint32_t cores[] = {3, 2, 2};
    static const uint32_t sites[] = {300, 100};
    uint64_t              parts[3];

    hs_schedule_split(1000, cores, 3, parts); /* jobs.md 7.7, case 4 */
    HS_CHECK_EQ(parts[0], 428);
    HS_CHECK_EQ(parts[1], 286);
    HS_CHECK_EQ(parts[2], 286);
    hs_schedule_split(100, sites, 2, parts);
    HS_CHECK_EQ(parts[0], 75);
    HS_CHECK_EQ(parts[1], 25);
    hs_schedule_split(10, NULL, 3, parts);
    HS_CHECK_EQ(parts[0], 4);
    HS_CHECK_EQ(parts[1], 3);
    HS_CHECK_EQ(parts[2], 3);
    HS_CHECK_EQ(hs_schedule_share(10, 0, 3), 4);
    HS_CHECK_EQ(hs_schedule_share(10, 2, 3), 3);
}

static void every_part_gets_one_if_there_are_enough(void)
{
    static const uint32_t lopsided[] = {1000, 1, 1};
    uint64_t              parts[3];

    hs_schedule_split(5, lopsided, 3, parts);
    HS_CHECK_EQ(parts[0], 3);
    HS_CHECK_EQ(parts[1], 1);
    HS_CHECK_EQ(parts[2], 1);
    hs_schedule_split(2, lopsided, 3, parts);
    HS_CHECK_EQ(parts[0] + parts[1] + parts[2], 2);
    hs_schedule_split(0, lopsided, 3, parts);
    HS_CHECK_EQ(parts[0] + parts[1] + parts[2], 0);
}

static void random_splits_add_up(void)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 7);
    for (int round = 0; round < 2000; round++) {
        uint32_t weights[9];
        uint64_t parts[9];
        uint32_t count = 1 + (uint32_t)hs_rand_below(&rand, 9);
        uint64_t total = hs_rand_below(&rand, round % 2 ? 30 : UINT64_C(1) << 50);
        uint64_t sum = 0;

        for (uint32_t i = 0; i < count; i++) weights[i] = 1 + (uint32_t)hs_rand_below(&rand, 100);
        hs_schedule_split(total, weights, count, parts);
        for (uint32_t i = 0; i < count; i++) {
            sum += parts[i];
            HS_CHECK(parts[i] > 0 || total < count);
        }
        HS_CHECK_EQ(sum, total);
    }
}

CU_TestInfo hs_tests_schedule[] = {
    {"a rate of nothing is refused", a_rate_of_nothing_is_refused},
    {"a thousand million arrivals do not drift", a_thousand_million_arrivals_do_not_drift},
    {"shards make up the whole", shards_make_up_the_whole},
    {"the inverse agrees with the schedule", the_inverse_agrees_with_the_schedule},
    {"nothing is due after the end", nothing_is_due_after_the_end},
    {"parts follow weights and add up", parts_follow_weights_and_add_up},
    {"every part gets one if there are enough", every_part_gets_one_if_there_are_enough},
    {"random splits add up", random_splits_add_up},
    CU_TEST_INFO_NULL,
};
