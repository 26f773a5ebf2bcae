// SPDX-License-Identifier: Apache-2.0
/* test_engine_pace.c - when iterations begin, what a successor finds lost, and who is woken
 * when. */
#include "roles/engine/pace.h"
#include "roles/engine/wakeups.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define START_NS (5 * HS_NS_PER_S)

/* 1,000 arrivals a second for ten seconds after two of warm-up. */
static const struct hs_image_header open_image = {.model = HS_LOAD_OPEN,
                                                  .on_saturation = HS_SATURATION_QUEUE,
                                                  .rate_count = 1000,
                                                  .rate_period_ns = HS_NS_PER_S,
                                                  .warmup_ns = 2 * HS_NS_PER_S,
                                                  .duration_ns = 10 * HS_NS_PER_S,
                                                  .drain_ns = HS_NS_PER_S};

static void open_pace(struct hs_pace *pace, uint32_t share_idx, uint32_t share_count)
{
    struct hs_engine_command order = {
        .start_at_ns = START_NS, .share_idx = share_idx, .share_count = share_count};

    HS_CHECK_EQ(hs_pace_init(pace, &open_image, &order), 0);
}

static void arrivals_are_due_by_the_schedule_whenever_they_are_taken(void)
{
    struct hs_pace pace;
    uint64_t       due_ns;
    uint64_t       seq;

    open_pace(&pace, 1, 4);
    HS_CHECK(!hs_pace_take(&pace, START_NS, &due_ns, &seq));
    HS_CHECK_EQ(hs_pace_next_ns(&pace), START_NS + HS_NS_PER_MS);
    for (uint64_t n = 0; n < 100; n++) { /* all taken late, at once */
        HS_CHECK(hs_pace_take(&pace, START_NS + HS_NS_PER_S, &due_ns, &seq));
        HS_CHECK_EQ(seq, 1 + 4 * n);
        HS_CHECK_EQ(due_ns, START_NS + (1 + 4 * n) * HS_NS_PER_MS);
    }
}

static void the_whole_share_is_taken_and_not_one_more(void)
{
    struct hs_pace pace;
    uint64_t       due_ns;
    uint64_t       seq;
    uint64_t       warmup_count = 0;
    uint64_t       count = 0;

    open_pace(&pace, 0, 3);
    while (hs_pace_take(&pace, HS_NEVER_NS - 1, &due_ns, &seq)) {
        count++;
        warmup_count += hs_pace_is_warmup(&pace, due_ns);
    }
    HS_CHECK_EQ(count, 4000);
    HS_CHECK_EQ(warmup_count, 667); /* 0, 3, ... 1998 */
    HS_CHECK_EQ(hs_pace_next_ns(&pace), HS_NEVER_NS);
}

static void what_came_due_while_nobody_was_there_is_lost(void)
{
    struct hs_pace_past past = {.warmup_count = 1500};
    struct hs_pace_past lost;
    struct hs_pace      pace;
    uint64_t            due_ns;
    uint64_t            seq;

    open_pace(&pace, 0, 1);
    /* died at 1.5 s, in the warm-up; back at 2.25 s */
    hs_pace_resume(&pace, START_NS + 2250 * HS_NS_PER_MS, &past, &lost);
    HS_CHECK_EQ(lost.warmup_count, 500);
    HS_CHECK_EQ(lost.measured_count, 250);
    HS_CHECK(hs_pace_take(&pace, START_NS + 2250 * HS_NS_PER_MS, &due_ns, &seq));
    HS_CHECK_EQ(seq, 2250);
}

static void dropped_and_taken_add_up_to_what_was_due(void)
{
    struct hs_pace_past dropped;
    struct hs_pace      pace;
    uint64_t            due_ns;
    uint64_t            seq;
    uint64_t            taken = 0;

    open_pace(&pace, 0, 1);
    while (taken < 700 && hs_pace_take(&pace, START_NS + HS_NS_PER_S, &due_ns, &seq)) taken++;
    hs_pace_drop(&pace, START_NS + 3 * HS_NS_PER_S, &dropped);
    HS_CHECK_EQ(dropped.warmup_count, 1300);
    HS_CHECK_EQ(dropped.measured_count, 1001); /* the one due right now too */
    hs_pace_drop(&pace, HS_NEVER_NS - 1, &dropped);
    HS_CHECK_EQ(dropped.measured_count, 12000 - 3001);
}

static void nothing_begins_after_a_stop(void)
{
    struct hs_pace pace;
    uint64_t       due_ns;
    uint64_t       seq;

    open_pace(&pace, 0, 1);
    hs_pace_stop(&pace, START_NS + 10 * HS_NS_PER_MS, START_NS + HS_NS_PER_S / 2);
    for (unsigned n = 0; n < 10; n++) HS_CHECK(hs_pace_take(&pace, HS_NEVER_NS - 1, &due_ns, &seq));
    HS_CHECK(!hs_pace_take(&pace, HS_NEVER_NS - 1, &due_ns, &seq));
    HS_CHECK_EQ(pace.drained_ns, START_NS + HS_NS_PER_S / 2);
}

static void a_closed_share_begins_its_iterations_and_no_more(void)
{
    struct hs_image_header   image = {.model = HS_LOAD_CLOSED, .duration_ns = 0};
    struct hs_engine_command order = {.start_at_ns = START_NS, .iterations = 3};
    struct hs_pace_past      dropped;
    struct hs_pace           pace;

    HS_CHECK_EQ(hs_pace_init(&pace, &image, &order), 0);
    for (unsigned n = 0; n < 3; n++) HS_CHECK(hs_pace_begin(&pace, START_NS + n));
    HS_CHECK(!hs_pace_begin(&pace, START_NS + 3));
    hs_pace_drop(&pace, START_NS + 3, &dropped); /* a closed share has no arrivals */
    HS_CHECK_EQ(dropped.measured_count, 0);
    image.duration_ns = HS_NS_PER_S;
    order.iterations = 0;
    HS_CHECK_EQ(hs_pace_init(&pace, &image, &order), 0);
    HS_CHECK(hs_pace_begin(&pace, START_NS + HS_NS_PER_S - 1));
    HS_CHECK(!hs_pace_begin(&pace, START_NS + HS_NS_PER_S));
}

static void sleepers_wake_in_order_and_not_before(void)
{
    enum { COUNT = 1000 };
    static struct hs_wakeup entries[COUNT];
    struct hs_wakeups       wakeups;
    struct hs_wakeup        due;
    struct hs_rand          rand;
    uint64_t                last_ns = 0;

    hs_rand_init(&rand, 7);
    hs_wakeups_init(&wakeups, entries, COUNT);
    for (uint32_t i = 0; i < COUNT; i++)
        hs_wakeups_push(&wakeups, 1 + hs_rand_below(&rand, 5000), i);
    HS_CHECK(!hs_wakeups_pop(&wakeups, 0, &due));
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t next_ns = hs_wakeups_next_ns(&wakeups);

        HS_CHECK(!hs_wakeups_pop(&wakeups, next_ns - 1, &due));
        HS_CHECK(hs_wakeups_pop(&wakeups, next_ns, &due));
        HS_CHECK_EQ(due.at_ns, next_ns);
        HS_CHECK(next_ns >= last_ns);
        last_ns = next_ns;
    }
    HS_CHECK_EQ(hs_wakeups_next_ns(&wakeups), HS_NEVER_NS);
}

/* Every rate, over ten seconds, by however many engines: exactly what was offered, taken to the
 * last one. */
static void every_rate_is_offered_exactly(void)
{
    static const struct {
        uint64_t count, period_ns, offered;
    } rates[] = {
        {1, 10 * HS_NS_PER_S, 1}, /* 0.1/s */
        {1, HS_NS_PER_S, 10},        {7, HS_NS_PER_S, 70},    {333, HS_NS_PER_S, 3330},
        {1, 60 * HS_NS_PER_S, 1},    {3, 7 * HS_NS_PER_S, 5}, /* due at 0, 2.33, 4.66, 7, 9.33 s */
        {99999, HS_NS_PER_S, 999990}};
    static const uint32_t counts[] = {1, 2, 3, 7, 64};

    for (unsigned i = 0; i < HS_ARRAY_LEN(rates); i++) {
        for (unsigned k = 0; k < HS_ARRAY_LEN(counts); k++) {
            struct hs_image_header image = open_image;
            uint64_t               taken = 0;
            uint64_t               due_ns;
            uint64_t               seq;

            image.warmup_ns = 0;
            image.rate_count = rates[i].count;
            image.rate_period_ns = rates[i].period_ns;
            for (uint32_t share = 0; share < counts[k]; share++) {
                struct hs_engine_command order = {
                    .start_at_ns = START_NS, .share_idx = share, .share_count = counts[k]};
                struct hs_pace      pace;
                struct hs_pace_past dropped;

                HS_CHECK_EQ(hs_pace_init(&pace, &image, &order), 0);
                while (hs_pace_take(&pace, HS_NEVER_NS - 1, &due_ns, &seq)) taken++;
                hs_pace_drop(&pace, HS_NEVER_NS - 1, &dropped);
                HS_CHECK_EQ(dropped.measured_count, 0);
            }
            HS_CHECK_EQ(taken, rates[i].offered);
        }
    }
}

CU_TestInfo hs_tests_engine_pace[] = {
    {"every rate is offered exactly", every_rate_is_offered_exactly},
    {"arrivals are due by the schedule whenever they are taken",
     arrivals_are_due_by_the_schedule_whenever_they_are_taken},
    {"the whole share is taken and not one more", the_whole_share_is_taken_and_not_one_more},
    {"what came due while nobody was there is lost", what_came_due_while_nobody_was_there_is_lost},
    {"dropped and taken add up to what was due", dropped_and_taken_add_up_to_what_was_due},
    {"nothing begins after a stop", nothing_begins_after_a_stop},
    {"a closed share begins its iterations and no more",
     a_closed_share_begins_its_iterations_and_no_more},
    {"sleepers wake in order and not before", sleepers_wake_in_order_and_not_before},
    CU_TEST_INFO_NULL,
};
