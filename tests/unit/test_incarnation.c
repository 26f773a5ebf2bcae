// SPDX-License-Identifier: Apache-2.0
/* test_incarnation.c - refutation: when our word becomes newer, how often, and what cannot move it.
 */
#include "roles/cluster/incarnation.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define MS(ms)         ((uint64_t)(ms)*HS_NS_PER_MS)
#define INC(e, refute) ((uint64_t)(e) << HS_INCARNATION_REFUTE_BITS | (refute))

static struct hs_incarnation own;

static enum hs_incarnation_answer suspected(uint64_t now_ns, uint64_t said)
{
    return hs_incarnation_hear(&own, now_ns, said, HS_MEMBER_SUSPECT);
}

static void an_accusation_is_refuted_with_the_next_number(void)
{
    hs_incarnation_init(&own, 7, INC(7, 3));
    HS_CHECK_EQ(suspected(MS(1000), INC(7, 3)), HS_INCARNATION_REFUTE);
    HS_CHECK_EQ(own.value, INC(7, 4));
    HS_CHECK(hs_incarnation_deadline_ns(&own) == HS_NEVER_NS);
    HS_CHECK_EQ(suspected(MS(5000), INC(7, 3)), HS_INCARNATION_TELL);
    HS_CHECK_EQ(hs_incarnation_hear(&own, MS(5000), INC(7, 4), HS_MEMBER_ALIVE),
                HS_INCARNATION_SILENT);
    HS_CHECK_EQ(own.value, INC(7, 4));
}

static void fifty_accusations_at_once_make_one_step(void)
{
    hs_incarnation_init(&own, 7, 0);
    HS_CHECK_EQ(own.value, INC(7, 0));
    for (unsigned i = 0; i < 50; i++) (void)suspected(MS(1000 + 2 * i), INC(7, 0));
    HS_CHECK_EQ(own.value, INC(7, 1));
    HS_CHECK_EQ(own.refuted_count, 1);
}

static void a_forger_moves_it_five_times_a_second_at_most(void)
{
    hs_incarnation_init(&own, 7, 0);
    for (unsigned i = 0; i < 6000; i++) {
        (void)hs_incarnation_turn(&own, MS(10 * i));
        (void)suspected(MS(10 * i), own.value + 1);
    }
    HS_CHECK(own.refuted_count <= 301);
    HS_CHECK(own.refuted_count >= 290);
    HS_CHECK_EQ(hs_incarnation_epoch(own.value), 7);
}

static void what_came_too_soon_is_refuted_when_the_pause_ends(void)
{
    hs_incarnation_init(&own, 7, 0);
    (void)suspected(MS(1000), INC(7, 0));
    HS_CHECK_EQ(suspected(MS(1100), INC(7, 1)), HS_INCARNATION_LATER);
    HS_CHECK_EQ(hs_incarnation_deadline_ns(&own), MS(1200));
    HS_CHECK(!hs_incarnation_turn(&own, MS(1199)));
    HS_CHECK(hs_incarnation_turn(&own, MS(1200)));
    HS_CHECK_EQ(own.value, INC(7, 2));
    HS_CHECK(!hs_incarnation_turn(&own, MS(9000)));
}

static void a_restart_of_the_role_goes_on_where_it_was(void)
{
    uint64_t last = 0;

    hs_incarnation_init(&own, 7, INC(7, 9));
    HS_CHECK_EQ(own.value, INC(7, 9));
    /* A new life of the host is above everything that the one before has said. */
    for (uint64_t life = 8; life < 108; life++) {
        hs_incarnation_init(&own, life, last);
        HS_CHECK(own.value > last);
        (void)suspected(MS(1000), own.value);
        last = own.value;
    }
}

static void what_is_too_far_ahead_is_not_believed(void)
{
    hs_incarnation_init(&own, 7, INC(7, 2));
    HS_CHECK_EQ(suspected(MS(1000), INC(7, 1003)), HS_INCARNATION_SILENT);
    HS_CHECK_EQ(suspected(MS(1000), UINT64_MAX), HS_INCARNATION_SILENT);
    HS_CHECK(!hs_incarnation_adopt(&own, UINT64_MAX));
    HS_CHECK_EQ(own.refused_count, 3);
    HS_CHECK_EQ(own.value, INC(7, 2));
}

static void a_ring_that_knows_a_higher_one_is_followed(void)
{
    hs_incarnation_init(&own, 3, 0);
    HS_CHECK(hs_incarnation_adopt(&own, INC(900, 5)));
    HS_CHECK_EQ(own.value, INC(900, 5));
    HS_CHECK(!hs_incarnation_adopt(&own, INC(900, 5)));
    /* Somebody has heard of us at a life that we do not remember. */
    HS_CHECK_EQ(hs_incarnation_hear(&own, MS(1000), INC(901, 0), HS_MEMBER_ALIVE),
                HS_INCARNATION_REFUTE);
    HS_CHECK_EQ(own.value, INC(901, 1));
}

static void who_leaves_answers_no_accusation(void)
{
    hs_incarnation_init(&own, 3, 0);
    (void)suspected(MS(1000), INC(3, 0));
    (void)suspected(MS(1001), INC(3, 1));
    hs_incarnation_leave(&own);
    HS_CHECK(hs_incarnation_deadline_ns(&own) == HS_NEVER_NS);
    HS_CHECK_EQ(suspected(MS(2000), INC(3, 1)), HS_INCARNATION_SILENT);
    HS_CHECK_EQ(own.value, INC(3, 1));
}

CU_TestInfo hs_tests_incarnation[] = {
    {"5.1 an accusation is refuted with the next number",
     an_accusation_is_refuted_with_the_next_number},
    {"5.2 fifty accusations at once make one step", fifty_accusations_at_once_make_one_step},
    {"5.3 a forger moves it five times a second at most",
     a_forger_moves_it_five_times_a_second_at_most},
    {"what came too soon is refuted when the pause ends",
     what_came_too_soon_is_refuted_when_the_pause_ends},
    {"5.8 a restart of the role goes on where it was, a new life above it",
     a_restart_of_the_role_goes_on_where_it_was},
    {"5.6 what is too far ahead is not believed", what_is_too_far_ahead_is_not_believed},
    {"a ring that knows a higher one is followed", a_ring_that_knows_a_higher_one_is_followed},
    {"who leaves answers no accusation", who_leaves_answers_no_accusation},
    CU_TEST_INFO_NULL,
};
