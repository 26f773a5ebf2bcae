// SPDX-License-Identifier: Apache-2.0
/* test_members.c - the member table: the merge rule, and what it leads to. */
#include "roles/cluster/members.h"

#include "tests/check.h"
#include "tests/unit/members_rig.h"
#include "tests/unit/suites.h"

#define S   HS_RIG_S
#define INC HS_RIG_INC

enum { SELF = HS_RIG_SELF, BEE = HS_RIG_BEE, CEE = HS_RIG_CEE, CAPACITY = HS_MEMBERS_MAX };

static struct hs_members *members;

static void claims_are_ordered_by_incarnation_then_rank(void)
{
    members = hs_rig_begin(16);
    HS_CHECK_EQ(hs_rig_join(0, BEE, 5), HS_CLAIM_CREATED);
    memset(&members->counts, 0, sizeof members->counts);
    HS_CHECK_EQ(hs_rig_tell(1, BEE, 5, HS_MEMBER_SUSPECT), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_tell(2, BEE, 4, HS_MEMBER_DEAD), HS_CLAIM_STALE);
    HS_CHECK_EQ(hs_rig_tell(3, BEE, 5, HS_MEMBER_ALIVE), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_SUSPECT);
    HS_CHECK_EQ(hs_rig_get(BEE)->incarnation, 5);
    HS_CHECK_EQ(members->counts.results[HS_CLAIM_STALE], 1);
    HS_CHECK_EQ(members->counts.results[HS_CLAIM_DUPLICATE], 1);
    HS_CHECK(hs_members_validate(members));
}

static void a_refutation_ends_the_suspicion_in_the_same_step(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    (void)hs_rig_tell(7, BEE, 5, HS_MEMBER_SUSPECT);
    HS_CHECK_EQ(hs_rig_get(BEE)->suspicion.started_at_ns, 7);
    HS_CHECK(hs_rig_get(BEE)->suspicion.is_accused_by_self);
    hs_rig_get(BEE)->suspicion.deadline_ns = 99;
    HS_CHECK_EQ(hs_rig_tell(8, BEE, 6, HS_MEMBER_ALIVE), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(hs_rig_get(BEE)->incarnation, 6);
    HS_CHECK_EQ(hs_rig_get(BEE)->suspicion.started_at_ns, 0);
    HS_CHECK(hs_rig_get(BEE)->suspicion.deadline_ns == HS_NEVER_NS);
    HS_CHECK(hs_members_first(members, HS_MEMBER_SUSPECT) == NULL);
}

static void a_million_claims_about_one_node_make_one_record(void)
{
    struct hs_rand rand;
    uint64_t       highest = 0;

    members = hs_rig_begin(16);
    hs_rand_init(&rand, 3);
    (void)hs_rig_join(0, BEE, 1);
    for (unsigned i = 0; i < 1000000; i++) {
        uint64_t incarnation = 1 + hs_rand_below(&rand, 900);
        bool     is_suspect = hs_rand_below(&rand, 2);
        uint64_t order = incarnation * 2 + is_suspect;

        (void)hs_rig_tell(i, BEE, incarnation, is_suspect ? HS_MEMBER_SUSPECT : HS_MEMBER_ALIVE);
        highest = order > highest ? order : highest;
    }
    HS_CHECK_EQ(members->count, 2);
    HS_CHECK_EQ(hs_rig_get(BEE)->incarnation * 2 + (hs_rig_get(BEE)->status == HS_MEMBER_SUSPECT),
                highest);
    HS_CHECK(hs_members_validate(members));
}

static void nobody_unconfirmed_is_suspected_or_dies(void)
{
    members = hs_rig_begin(16);
    HS_CHECK_EQ(hs_rig_tell(0, BEE, 9, HS_MEMBER_ALIVE), HS_CLAIM_CREATED);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK_EQ(hs_rig_tell(1, BEE, 9, HS_MEMBER_SUSPECT), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK_EQ(hs_rig_tell(2, BEE, 9, HS_MEMBER_DEAD), HS_CLAIM_ACCEPTED);
    HS_CHECK(hs_rig_get(BEE) == NULL);
    HS_CHECK_TEXT(hs_rig_events_text(), "");
    /* A configured seed stays, whatever is said of it. */
    (void)hs_rig_tell(3, CEE, 9, HS_MEMBER_ALIVE);
    hs_members_set_seed(hs_rig_get(CEE));
    HS_CHECK_EQ(hs_rig_tell(4, CEE, 9, HS_MEMBER_DEAD), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(hs_rig_get(CEE)->status, HS_MEMBER_UNCONFIRMED);
}

static void a_death_of_nobody_makes_no_record(void)
{
    members = hs_rig_begin(16);
    HS_CHECK_EQ(hs_rig_tell(0, BEE, 9, HS_MEMBER_DEAD), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(hs_rig_tell(0, BEE, 9, HS_MEMBER_LEFT), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(hs_rig_tell(0, BEE, 9, HS_MEMBER_SUSPECT), HS_CLAIM_IGNORED);
    HS_CHECK_EQ(members->count, 1);
}

static void every_order_of_claims_ends_the_same(void)
{
    static const struct {
        uint64_t              incarnation;
        enum hs_member_status status;
    } said[] = {{5, HS_MEMBER_ALIVE},
                {5, HS_MEMBER_SUSPECT},
                {6, HS_MEMBER_ALIVE},
                {6, HS_MEMBER_SUSPECT},
                {7, HS_MEMBER_ALIVE}};
    unsigned tried = 0;

    for (unsigned code = 0; code < 3125; code++) {
        unsigned used = 0, rest = code;

        for (unsigned i = 0; i < 5; i++, rest /= 5) used |= 1u << rest % 5;
        if (used != 31) continue;
        members = hs_rig_begin(16);
        (void)hs_rig_join(0, BEE, 4);
        rest = code;
        for (unsigned i = 0; i < 5; i++, rest /= 5)
            (void)hs_rig_tell(i, BEE, said[rest % 5].incarnation, said[rest % 5].status);
        HS_CHECK_EQ(hs_rig_get(BEE)->incarnation, 7);
        HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
        tried++;
    }
    HS_CHECK_EQ(tried, 120);
}

static void nonsense_is_refused_and_changes_nothing(void)
{
    struct hs_claim claim;

    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    HS_CHECK_EQ(hs_rig_tell(0, CEE, 0, HS_MEMBER_ALIVE), HS_CLAIM_INVALID);
    HS_CHECK_EQ(hs_rig_tell(0, CEE, 1, (enum hs_member_status)9), HS_CLAIM_INVALID);
    claim = hs_rig_claim(CEE, 1, HS_MEMBER_ALIVE);
    claim.facts.address.port = 0;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_INVALID);
    claim = hs_rig_claim(CEE, 1, HS_MEMBER_ALIVE);
    claim.facts.role = (enum hs_identity_role)77;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_INVALID);
    claim = hs_rig_claim(CEE, 1, HS_MEMBER_ALIVE);
    memset(&claim.subject, 0, sizeof claim.subject);
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_INVALID);
    /* Who accuses itself, and who is said to have left by somebody else. */
    claim = hs_rig_claim(BEE, 5, HS_MEMBER_SUSPECT);
    claim.from = claim.subject;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_INVALID);
    claim = hs_rig_claim(BEE, 5, HS_MEMBER_LEFT);
    claim.from = hs_rig_id(CEE);
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_INVALID);
    /* An accuser that nobody knows, or that never answered. */
    claim = hs_rig_claim(BEE, 5, HS_MEMBER_SUSPECT);
    claim.from = hs_rig_id(CEE);
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_IGNORED);
    (void)hs_rig_tell(0, CEE, 1, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_IGNORED);
    claim = hs_rig_claim(SELF, 9, HS_MEMBER_DEAD);
    claim.from = hs_rig_id(BEE);
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_SELF);
    HS_CHECK_EQ(hs_rig_get(SELF)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(members->counts.results[HS_CLAIM_INVALID], 7);
}

static void attributes_come_from_the_subject_alone(void)
{
    struct hs_claim claim;

    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    hs_rig_drop_events();
    claim = hs_rig_claim(BEE, 6, HS_MEMBER_ALIVE);
    claim.facts.address.port = 9999;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_get(BEE)->facts.address.port, 7400);
    claim.incarnation = 7;
    claim.is_own_word = true;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_get(BEE)->facts.address.port, 9999);
    HS_CHECK(hs_members_find_address(members, &claim.facts.address) == hs_rig_get(BEE));
    HS_CHECK_TEXT(hs_rig_events_text(), "changed 7");
    claim.facts.address.port = 8888; /* without a higher incarnation: no */
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(hs_rig_get(BEE)->facts.address.port, 9999);
    HS_CHECK(hs_members_validate(members));
}

static void a_third_party_cannot_move_a_node_far_ahead(void)
{
    struct hs_claim claim;

    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, INC(3, 2));
    HS_CHECK_EQ(hs_rig_tell(0, BEE, INC(3, 1500), HS_MEMBER_SUSPECT), HS_CLAIM_SUSPICIOUS);
    HS_CHECK_EQ(hs_rig_tell(0, BEE, INC(3 + 86401, 0), HS_MEMBER_ALIVE), HS_CLAIM_SUSPICIOUS);
    HS_CHECK_EQ(hs_rig_get(BEE)->incarnation, INC(3, 2));
    claim = hs_rig_claim(BEE, INC(3, 1500), HS_MEMBER_ALIVE);
    claim.is_own_word = true;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_get(BEE)->incarnation, INC(3, 1500));
}

static void a_second_node_at_an_address_makes_the_first_a_suspect(void)
{
    struct hs_claim claim = hs_rig_claim(CEE, 1, HS_MEMBER_ALIVE);

    members = hs_rig_begin(16);
    (void)hs_rig_join(S(1), BEE, 5);
    claim.facts.address = hs_rig_facts(BEE).address;
    (void)hs_members_claim(members, S(2), &claim, NULL);
    HS_CHECK(hs_members_find_address(members, &claim.facts.address) == hs_rig_get(BEE));
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, S(3), hs_rig_get(CEE), 1));
    HS_CHECK_EQ(hs_rig_get(CEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_SUSPECT);
    HS_CHECK(hs_members_find_address(members, &claim.facts.address) == hs_rig_get(CEE));
    HS_CHECK_EQ(members->counts.address_conflicts, 1);
}

static void a_death_is_told_once(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    hs_rig_drop_events();
    HS_CHECK_EQ(hs_rig_tell(1, BEE, 5, HS_MEMBER_DEAD), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_tell(2, BEE, 5, HS_MEMBER_DEAD), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(hs_rig_tell(2, BEE, 5, HS_MEMBER_LEFT), HS_CLAIM_ACCEPTED);
    HS_CHECK_TEXT(hs_rig_events_text(), "dead 5");
    HS_CHECK_EQ(members->counts.deaths[HS_CLAIM_GOSSIP], 1);
}

static void a_return_between_two_deaths_is_told_in_order(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    hs_rig_drop_events();
    (void)hs_rig_tell(1, BEE, 5, HS_MEMBER_DEAD);
    (void)hs_rig_join(2, BEE, 6);
    (void)hs_rig_tell(3, BEE, 6, HS_MEMBER_DEAD);
    HS_CHECK_TEXT(hs_rig_events_text(), "dead 5, confirmed 6, dead 6");
    (void)hs_rig_tell(4, BEE, 7, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    (void)hs_rig_tell(5, BEE, 7, HS_MEMBER_DEAD);
    HS_CHECK_TEXT(hs_rig_events_text(), "dead 7");
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_DEAD);
}

static void an_old_tombstone_from_a_peer_changes_nothing(void)
{
    struct hs_claim claim = hs_rig_claim(BEE, 5, HS_MEMBER_DEAD);

    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 6);
    hs_rig_drop_events();
    claim.source = HS_CLAIM_PUSH_PULL;
    HS_CHECK_EQ(hs_members_claim(members, 0, &claim, NULL), HS_CLAIM_STALE);
    HS_CHECK_TEXT(hs_rig_events_text(), "");
}

static void a_newer_life_of_the_dead_is_asked_at_once(void)
{
    members = hs_rig_begin(16);
    (void)hs_rig_join(0, BEE, 5);
    (void)hs_rig_tell(S(1), BEE, 5, HS_MEMBER_DEAD);
    hs_rig_drop_events();
    HS_CHECK_EQ(hs_rig_tell(S(9), BEE, 5, HS_MEMBER_ALIVE), HS_CLAIM_DUPLICATE);
    HS_CHECK_EQ(hs_rig_tell(S(9), BEE, 6, HS_MEMBER_ALIVE), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK_EQ(hs_rig_get(BEE)->unconfirmed.next_at_ns, S(9));
    /* An answer of the life that is over proves nothing. */
    HS_CHECK(!hs_members_confirm(members, S(9), hs_rig_get(BEE), 5));
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK(hs_members_confirm(members, S(9), hs_rig_get(BEE), 6));
    HS_CHECK_TEXT(hs_rig_events_text(), "confirmed 6");
}

static void random_picks_reach_everybody_that_fits(void)
{
    struct hs_rand rand;
    unsigned       seen[40] = {0};

    members = hs_rig_begin(64);
    hs_rand_init(&rand, 9);
    for (unsigned i = 2; i < 40; i++) (void)hs_rig_join(0, i, 1);
    (void)hs_rig_tell(1, 17, 1, HS_MEMBER_DEAD);
    for (unsigned i = 0; i < 2000; i++) {
        struct hs_member *member = hs_members_random(members, &rand, HS_MEMBER_LIVE_MASK);
        unsigned          number;

        memcpy(&number, member->id.bytes, sizeof number);
        seen[number]++;
    }
    HS_CHECK_EQ(seen[SELF], 0);
    HS_CHECK_EQ(seen[17], 0);
    for (unsigned i = 2; i < 40; i++) HS_CHECK(i == 17 || seen[i] > 20);
    HS_CHECK(hs_members_random(members, &rand, HS_MEMBER_MASK(HS_MEMBER_DEAD)) == hs_rig_get(17));
    HS_CHECK(hs_members_random(members, &rand, HS_MEMBER_MASK(HS_MEMBER_LEFT)) == NULL);
}

static void any_claims_keep_the_table_whole(void)
{
    struct hs_rand rand;

    members = hs_rig_begin(300);
    hs_rand_init(&rand, 11);
    for (unsigned i = 0; i < 60000; i++) {
        struct hs_claim claim =
            hs_rig_claim(1 + (unsigned)hs_rand_below(&rand, 600), 1 + hs_rand_below(&rand, 40),
                         (enum hs_member_status)hs_rand_below(&rand, 5));
        struct hs_member *member;

        if (hs_rand_below(&rand, 2))
            claim.facts = hs_rig_facts((unsigned)hs_rand_below(&rand, 300));
        claim.facts.class = (enum hs_member_class)hs_rand_below(&rand, 3);
        claim.is_own_word = hs_rand_below(&rand, 2);
        if (hs_rand_below(&rand, 2))
            claim.from = hs_rig_id(1 + (unsigned)hs_rand_below(&rand, 600));
        (void)hs_members_claim(members, S(i), &claim, &member);
        if (member && member != hs_members_self(members) && hs_rand_below(&rand, 3) == 0)
            (void)hs_members_confirm(members, S(i), member, claim.incarnation);
        hs_members_sweep(members, S(i));
        if (i % 50 == 0) hs_rig_drop_events();
        if (i % 10 == 0) HS_CHECK(hs_members_validate(members));
    }
}

CU_TestInfo hs_tests_members[] = {
    {"BAD-11 1.1 claims are ordered by incarnation, then rank",
     claims_are_ordered_by_incarnation_then_rank},
    {"1.2 a refutation ends the suspicion in the same step",
     a_refutation_ends_the_suspicion_in_the_same_step},
    {"1.3 a million claims about one node make one record",
     a_million_claims_about_one_node_make_one_record},
    {"1.4 7.7 nobody unconfirmed is suspected or dies", nobody_unconfirmed_is_suspected_or_dies},
    {"1.5 a death of nobody makes no record", a_death_of_nobody_makes_no_record},
    {"1.9 every order of claims ends the same", every_order_of_claims_ends_the_same},
    {"BAD-13 nonsense is refused and changes nothing", nonsense_is_refused_and_changes_nothing},
    {"attributes come from the subject alone", attributes_come_from_the_subject_alone},
    {"BAD-13 5.6 a third party cannot move a node far ahead",
     a_third_party_cannot_move_a_node_far_ahead},
    {"R15 a second node at an address makes the first a suspect",
     a_second_node_at_an_address_makes_the_first_a_suspect},
    {"9.2 a death is told once", a_death_is_told_once},
    {"9.3 a return between two deaths is told in order",
     a_return_between_two_deaths_is_told_in_order},
    {"9.6 an old tombstone from a peer changes nothing",
     an_old_tombstone_from_a_peer_changes_nothing},
    {"a newer life of the dead is asked at once", a_newer_life_of_the_dead_is_asked_at_once},
    {"random picks reach everybody that fits", random_picks_reach_everybody_that_fits},
    {"any claims keep the table whole", any_claims_keep_the_table_whole},
    CU_TEST_INFO_NULL,
};
