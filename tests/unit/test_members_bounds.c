// SPDX-License-Identifier: Apache-2.0
/* test_members_bounds.c - the member table: who gives way to whom, tombstones, queues, fading
 * penalties. */
#include "roles/cluster/members.h"

#include "tests/check.h"
#include "tests/unit/members_rig.h"
#include "tests/unit/suites.h"

#define S   HS_RIG_S
#define INC HS_RIG_INC

enum { SELF = HS_RIG_SELF, BEE = HS_RIG_BEE, CEE = HS_RIG_CEE, CAPACITY = HS_MEMBERS_MAX };

static struct hs_members *members;

static void a_full_table_of_the_living_refuses_newcomers(void)
{
    members = hs_rig_begin(CAPACITY);
    for (unsigned i = 2; i <= CAPACITY; i++) HS_CHECK_EQ(hs_rig_join(i, i, 1), HS_CLAIM_CREATED);
    hs_rig_drop_events();
    HS_CHECK_EQ(members->count, CAPACITY);
    for (unsigned i = 1; i <= CAPACITY; i++)
        HS_CHECK_EQ(hs_rig_tell(S(100), CAPACITY + i, 1, HS_MEMBER_ALIVE), HS_CLAIM_FULL);
    HS_CHECK_EQ(members->count, CAPACITY);
    HS_CHECK_EQ(members->counts.evicted, 0);
    HS_CHECK_EQ(members->counts.results[HS_CLAIM_FULL], CAPACITY);
    HS_CHECK_EQ(members->live_ring_count, CAPACITY);
    HS_CHECK(hs_members_validate(members));
}

static void the_long_dead_give_way_oldest_first(void)
{
    unsigned admitted = 0, refused = 0;

    members = hs_rig_begin(CAPACITY);
    for (unsigned i = 2; i <= CAPACITY; i++) (void)hs_rig_join(0, i, 1);
    for (unsigned i = 0; i < 1000; i++) (void)hs_rig_tell(S(1) + i, 2 + i, 1, HS_MEMBER_DEAD);
    hs_rig_drop_events();
    for (unsigned i = 1; i <= 1200; i++) {
        enum hs_claim_result result = hs_rig_join(S(71), CAPACITY + i, 1);

        admitted += result == HS_CLAIM_CREATED;
        refused += result == HS_CLAIM_FULL;
        if (i == 1) HS_CHECK(hs_rig_get(2) == NULL);
        if (i == 1) HS_CHECK(hs_rig_get(3) != NULL);
    }
    hs_rig_drop_events();
    HS_CHECK_EQ(admitted, 1000);
    HS_CHECK_EQ(refused, 200);
    HS_CHECK_EQ(members->count, CAPACITY);
    HS_CHECK_EQ(members->status_count[HS_MEMBER_DEAD], 0);
    HS_CHECK(hs_members_validate(members));
    /* The freshly dead do not: their death is still being told. */
    (void)hs_rig_tell(S(80), 5000, 1, HS_MEMBER_DEAD);
    hs_rig_drop_events();
    HS_CHECK_EQ(hs_rig_join(S(90), 30000, 1), HS_CLAIM_FULL);
}

static void a_tombstone_ends_after_an_hour(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    (void)hs_rig_tell(0, BEE, 5, HS_MEMBER_DEAD);
    hs_rig_drop_events();
    hs_rig_get(BEE)->load = 3;
    hs_rig_get(BEE)->keyring_mark = 7;
    for (uint64_t now_s = 0; now_s < 3600; now_s++) hs_members_sweep(members, S(now_s));
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_DEAD);
    HS_CHECK(hs_rig_get(BEE)->is_forgotten);
    HS_CHECK_EQ(hs_rig_get(BEE)->load, 0); /* what it said of itself is no more */
    HS_CHECK_EQ(hs_rig_get(BEE)->keyring_mark, 0);
    HS_CHECK(hs_members_deadline_ns(members) <= S(3630));
    hs_members_sweep(members, S(3630));
    HS_CHECK(hs_rig_get(BEE) == NULL);
    HS_CHECK_EQ(members->counts.tombstones_expired, 1);
    HS_CHECK(hs_members_deadline_ns(members) == HS_NEVER_NS);
}

static void twice_the_bound_of_the_unconfirmed_keeps_the_bound(void)
{
    members = hs_rig_begin(CAPACITY);
    (void)hs_rig_join(0, BEE, 1);
    (void)hs_rig_tell(1, CEE, 1, HS_MEMBER_ALIVE);
    hs_members_set_seed(hs_rig_get(CEE));
    for (unsigned i = 0; i < 2 * HS_MEMBERS_UNCONFIRMED_MAX; i++)
        HS_CHECK_EQ(hs_rig_tell(2 + i, 100 + i, 1, HS_MEMBER_ALIVE), HS_CLAIM_CREATED);
    HS_CHECK_EQ(members->status_count[HS_MEMBER_UNCONFIRMED], HS_MEMBERS_UNCONFIRMED_MAX);
    HS_CHECK_EQ(members->counts.evicted, HS_MEMBERS_UNCONFIRMED_MAX + 1);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK(hs_rig_get(CEE) != NULL);
    HS_CHECK(hs_members_validate(members));
}

static void twice_the_bound_of_tombstones_keeps_the_bound(void)
{
    members = hs_rig_begin(CAPACITY);
    for (unsigned i = 0; i < 2 * HS_MEMBERS_TOMBSTONES_MAX; i++) {
        (void)hs_rig_join(i, 100 + i, 1);
        (void)hs_rig_tell(i, 100 + i, 1, i % 4 ? HS_MEMBER_DEAD : HS_MEMBER_LEFT);
        hs_rig_drop_events();
    }
    HS_CHECK_EQ(members->status_count[HS_MEMBER_DEAD] + members->status_count[HS_MEMBER_LEFT],
                HS_MEMBERS_TOMBSTONES_MAX);
    HS_CHECK_EQ(members->counts.tombstones_dropped, HS_MEMBERS_TOMBSTONES_MAX);
    HS_CHECK(hs_rig_get(100) == NULL);
    HS_CHECK(hs_members_validate(members));
}

static void no_more_voters_than_nine(void)
{
    members = hs_rig_begin(64);
    for (unsigned i = 2; i < 2 + 2 * HS_MEMBERS_VOTERS_MAX; i++) {
        struct hs_claim claim = hs_rig_claim(i, 1, HS_MEMBER_ALIVE);

        claim.facts.class = HS_MEMBER_VOTER;
        (void)hs_members_claim(members, 0, &claim, NULL);
    }
    HS_CHECK_EQ(members->voter_count, HS_MEMBERS_VOTERS_MAX);
    HS_CHECK_EQ(hs_rig_get(2)->facts.class, HS_MEMBER_VOTER);
    HS_CHECK_EQ(hs_rig_get(18)->facts.class, HS_MEMBER_NONVOTER);
    HS_CHECK(hs_members_validate(members));
}

static void a_full_event_queue_loses_no_death(void)
{
    struct hs_member_event event;
    unsigned               dead = 0, confirmed_after_death = 0, total = 0;

    members = hs_rig_begin(CAPACITY);
    for (unsigned i = 0; i < HS_MEMBERS_EVENTS_MAX; i++) (void)hs_rig_join(0, 100 + i, 1);
    HS_CHECK(hs_members_is_congested(members));
    for (unsigned i = 0; i < HS_MEMBERS_EVENTS_MAX; i++) {
        (void)hs_rig_tell(1, 100 + i, 1, HS_MEMBER_DEAD);
        if (i % 2) (void)hs_rig_join(2, 100 + i, 2);
    }
    HS_CHECK_EQ(members->owed_count, HS_MEMBERS_EVENTS_MAX);
    HS_CHECK_EQ(members->status_count[HS_MEMBER_DEAD], HS_MEMBERS_EVENTS_MAX / 2);
    while (hs_members_next_event(members, &event)) {
        total++;
        if (event.type == HS_MEMBER_EVENT_DEAD) dead += event.incarnation == 1;
        if (event.type == HS_MEMBER_EVENT_CONFIRMED)
            confirmed_after_death += dead && event.incarnation == 2;
    }
    HS_CHECK_EQ(dead, HS_MEMBERS_EVENTS_MAX);
    HS_CHECK_EQ(confirmed_after_death, HS_MEMBERS_EVENTS_MAX / 2);
    HS_CHECK_EQ(total, 2 * HS_MEMBERS_EVENTS_MAX + HS_MEMBERS_EVENTS_MAX / 2);
    HS_CHECK(!hs_members_is_congested(members));
    HS_CHECK(hs_members_validate(members));
}

static void the_dead_are_reaped_and_come_back_as_new(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 1);
    (void)hs_rig_tell(S(10), BEE, 1, HS_MEMBER_DEAD);
    hs_rig_drop_events();
    hs_rig_get(BEE)->place.sample_count = 5;
    hs_members_sweep(members, S(309));
    HS_CHECK_TEXT(hs_rig_events_text(), "");
    hs_members_sweep(members, S(311));
    hs_members_sweep(members, S(313));
    HS_CHECK_TEXT(hs_rig_events_text(), "forgotten 1");
    HS_CHECK_EQ(hs_rig_get(BEE)->place.sample_count, 0);
    HS_CHECK_EQ(hs_rig_join(S(400), BEE, 2), HS_CLAIM_ACCEPTED);
    HS_CHECK_TEXT(hs_rig_events_text(), "confirmed 2");
    HS_CHECK_EQ((int)hs_rig_get(BEE)->flap.penalty, 0);
}

static void a_restart_clears_the_time_of_reaping(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 1);
    (void)hs_rig_tell(S(10), BEE, 1, HS_MEMBER_DEAD);
    (void)hs_rig_join(S(310), BEE, 2);
    hs_rig_drop_events();
    hs_members_sweep(members, S(310));
    hs_members_sweep(members, S(900));
    HS_CHECK_TEXT(hs_rig_events_text(), "");
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
}

static void ten_thousand_that_come_and_go_leave_nothing(void)
{
    members = hs_rig_begin(CAPACITY);
    for (unsigned i = 0; i < 10000; i++) {
        (void)hs_rig_join(S(1), 100 + i, 1);
        (void)hs_rig_tell(S(1) + i, 100 + i, 1, HS_MEMBER_DEAD);
        hs_rig_drop_events();
    }
    hs_members_sweep(members, S(302));
    hs_rig_drop_events();
    for (struct hs_member *member = hs_members_first(members, HS_MEMBER_DEAD); member;
         member = hs_members_next(members, member))
        HS_CHECK(member->is_forgotten);
    hs_members_sweep(members, S(3602));
    HS_CHECK_EQ(members->count, 1);
    HS_CHECK(hs_members_validate(members));
}

static void penalty_near(double actual, double expected)
{
    HS_CHECK(actual > expected - 1);
    HS_CHECK(actual < expected + 1);
}

static void coming_and_going_is_damped(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 1);
    for (unsigned i = 0; i < 5; i++) {
        (void)hs_rig_tell(S(20 * i), BEE, i + 1, HS_MEMBER_DEAD);
        (void)hs_rig_join(S(20 * i), BEE, i + 2);
        if (i == 3) penalty_near(hs_rig_get(BEE)->flap.penalty, 2924);
        if (i == 3) HS_CHECK(!hs_member_is_damped(hs_rig_get(BEE), S(60)));
    }
    penalty_near(hs_rig_get(BEE)->flap.penalty, 3321);
    HS_CHECK(hs_member_is_damped(hs_rig_get(BEE), S(80)));
}

static void a_quiet_time_ends_the_damping(void)
{
    coming_and_going_is_damped();
    HS_CHECK(hs_member_is_damped(hs_rig_get(BEE), S(80 + 68)));
    HS_CHECK(!hs_member_is_damped(hs_rig_get(BEE), S(80 + 69)));
    /* However bad it was, not for longer than five minutes. */
    for (unsigned i = 0; i < 12; i++) {
        (void)hs_rig_tell(S(200), BEE, 50 + 2 * i, HS_MEMBER_SUSPECT);
        (void)hs_rig_tell(S(200), BEE, 51 + 2 * i, HS_MEMBER_ALIVE);
    }
    penalty_near(hs_rig_get(BEE)->flap.penalty, 6000);
    for (unsigned i = 0; i < 29; i++) {
        (void)hs_rig_tell(S(210 + 10 * i), BEE, 80 + 2 * i, HS_MEMBER_SUSPECT);
        (void)hs_rig_tell(S(210 + 10 * i), BEE, 81 + 2 * i, HS_MEMBER_ALIVE);
    }
    HS_CHECK(hs_member_is_damped(hs_rig_get(BEE), S(499)));
    HS_CHECK(!hs_member_is_damped(hs_rig_get(BEE), S(500)));
}

CU_TestInfo hs_tests_members_bounds[] = {
    {"BAD-14 1.6 a full table of the living refuses newcomers",
     a_full_table_of_the_living_refuses_newcomers},
    {"1.7 the long dead give way, oldest first", the_long_dead_give_way_oldest_first},
    {"1.8 a tombstone ends after an hour", a_tombstone_ends_after_an_hour},
    {"7.6 twice the bound of the unconfirmed keeps the bound",
     twice_the_bound_of_the_unconfirmed_keeps_the_bound},
    {"twice the bound of tombstones keeps the bound",
     twice_the_bound_of_tombstones_keeps_the_bound},
    {"no more voters than nine", no_more_voters_than_nine},
    {"a full event queue loses no death", a_full_event_queue_loses_no_death},
    {"6.7 20.3 the dead are reaped and come back as new", the_dead_are_reaped_and_come_back_as_new},
    {"20.2 a newer life clears the time of reaping", a_restart_clears_the_time_of_reaping},
    {"20.4 ten thousand that come and go leave nothing",
     ten_thousand_that_come_and_go_leave_nothing},
    {"21.1 coming and going is damped", coming_and_going_is_damped},
    {"21.2 a quiet time ends the damping", a_quiet_time_ends_the_damping},
    CU_TEST_INFO_NULL,
};
