// SPDX-License-Identifier: Apache-2.0
/* test_suspicion.c - membership.md 4: how long an accusation stands, and who shortens it. */
#include "roles/cluster/suspicion.h"
#include "shm/base/assert.h"
#include "tests/unit/suites.h"
#include "tests/unit/swim_rig.h"

#define S        HS_NS_PER_S
#define START_NS (1000 * S)

static struct swim_rig rig; /* large; each test opens it anew */

/* Peer 1 answers nothing; rounds do not matter, since they are an hour apart. */
static void open_quiet(uint32_t count)
{
    struct hs_swim_config config = swim_rig_lan();

    swim_rig_open(&rig, count, &config);
    hs_timer_cancel(&rig.swim.wheel, rig.members.capacity + HS_SWIM_PROBES + HS_PROBE_RELAYS);
}

static uint64_t dies_after_ns(void)
{
    swim_rig_run(&rig, START_NS + 200 * S);
    swim_rig_close(&rig);
    return swim_rig_first_ns(&rig, HS_SWIM_CLAIM_DEAD) - START_NS;
}

static void check_about(uint64_t actual_ns, uint64_t expected_ms)
{
    HS_CHECK(actual_ns + HS_NS_PER_MS * 10 >= expected_ms * HS_NS_PER_MS);
    HS_CHECK(actual_ns <= (expected_ms + 20) * HS_NS_PER_MS);
    if (actual_ns > (expected_ms + 20) * HS_NS_PER_MS) HS_CHECK_EQ(actual_ns, expected_ms);
}

static void table_of_timeouts(void)
{
    static const struct {
        uint64_t period_s;
        uint32_t multiplier;
        uint32_t ring_count;
        uint32_t timeouts_ms[4];
    } rows[] = {
        {1, 4, 3, {4000, 4000, 4000, 4000}},     {1, 4, 5, {24000, 11381, 4000, 4000}},
        {1, 4, 10, {24000, 11381, 4000, 4000}},  {1, 4, 100, {48000, 22763, 8000, 8000}},
        {2, 5, 4, {60000, 28454, 10000, 10000}}, {2, 5, 5, {60000, 35000, 20376, 10000}},
        {2, 5, 9, {60000, 35000, 20376, 10000}},
    };

    for (unsigned i = 0; i < HS_ARRAY_LEN(rows); i++)
        for (uint32_t confirmers = 0; confirmers < 4; confirmers++) {
            struct hs_suspicion_config config = {rows[i].period_s * S, rows[i].multiplier, 6,
                                                 rows[i].multiplier - 2};
            struct hs_suspicion_limits limits = hs_suspicion_limits(&config, rows[i].ring_count, 1);

            HS_CHECK_EQ((hs_suspicion_timeout_ns(&limits, confirmers) + HS_NS_PER_MS / 2) /
                            HS_NS_PER_MS,
                        rows[i].timeouts_ms[confirmers]);
        }
}

static void alone_it_stands_for_the_maximum(void)
{
    open_quiet(10);
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 24000);
}

static void confirmations_shorten_it(void)
{
    open_quiet(10);
    swim_rig_accuse(&rig, 1, 2, 5);
    swim_rig_run(&rig, START_NS + S);
    swim_rig_accuse(&rig, 1, 3, 5);
    check_about(swim_rig_peer(&rig, 1)->suspicion.deadline_ns - START_NS, 11381);
    swim_rig_run(&rig, START_NS + 2 * S);
    swim_rig_accuse(&rig, 1, 4, 5);
    check_about(swim_rig_peer(&rig, 1)->suspicion.deadline_ns - START_NS, 4000);
    check_about(dies_after_ns(), 4000);
}

static void confirmation_past_the_new_end_kills_at_once(void)
{
    open_quiet(10);
    swim_rig_accuse(&rig, 1, 2, 5);
    swim_rig_accuse(&rig, 1, 3, 5);
    swim_rig_run(&rig, START_NS + 6 * S);
    HS_CHECK_EQ(swim_rig_status(&rig, 1), HS_MEMBER_SUSPECT);
    swim_rig_accuse(&rig, 1, 4, 5);
    check_about(dies_after_ns(), 6000);
}

static void one_confirmer_counts_once(void)
{
    open_quiet(10);
    swim_rig_accuse(&rig, 1, 2, 5);
    for (unsigned i = 1; i <= 500; i++) {
        swim_rig_run(&rig, START_NS + i * 20 * HS_NS_PER_MS);
        swim_rig_accuse(&rig, 1, 3, 5);
    }
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_GOSSIP_SUSPECT), 1);
    check_about(dies_after_ns(), 11381);
}

static void crowd_of_accusers_does_not_postpone(void)
{
    open_quiet(30);
    for (unsigned i = 0; i < 26; i++) {
        swim_rig_run(&rig, START_NS + i * 50 * HS_NS_PER_MS);
        swim_rig_accuse(&rig, 1, 2 + i, 5);
    }
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_GOSSIP_SUSPECT), 2);
    check_about(dies_after_ns(), 5908); /* 4 s * log10 30 */
}

static void crowd_in_a_ring_of_ten(void)
{
    open_quiet(10);
    for (unsigned i = 0; i < 26; i++) {
        swim_rig_run(&rig, START_NS + i * 50 * HS_NS_PER_MS);
        swim_rig_accuse(&rig, 1, 2 + i % 8, 5);
    }
    check_about(dies_after_ns(), 4000);
}

static void buddy_carries_the_accusation_and_its_refutation_ends_it(void)
{
    struct hs_claim claim;

    open_quiet(10);
    HS_CHECK(!hs_suspicion_buddy(swim_rig_peer(&rig, 1), &claim));
    swim_rig_accuse(&rig, 1, 2, 5);
    HS_CHECK(hs_suspicion_buddy(swim_rig_peer(&rig, 1), &claim));
    HS_CHECK_EQ(claim.status, HS_MEMBER_SUSPECT);
    HS_CHECK_EQ(claim.incarnation, 5);
    HS_CHECK(hs_node_id_equal(&claim.subject, &swim_rig_peer(&rig, 1)->id));
    HS_CHECK(hs_node_id_equal(&claim.from, &swim_rig_peer(&rig, 2)->id));
    claim = (struct hs_claim){.subject = claim.subject,
                              .from = claim.subject,
                              .incarnation = 6,
                              .status = HS_MEMBER_ALIVE,
                              .is_own_word = true};
    HS_CHECK_EQ(hs_members_claim(&rig.members, rig.now_ns, &claim, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK(!hs_suspicion_buddy(swim_rig_peer(&rig, 1), &claim));
    (void)dies_after_ns();
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_DEAD), 0);
}

static void relayer_is_no_accuser(void)
{
    open_quiet(10);
    swim_rig_accuse(&rig, 1, 4, 5); /* whoever passed it on: 4 says so */
    HS_CHECK(
        hs_node_id_equal(&swim_rig_peer(&rig, 1)->suspicion.accuser, &swim_rig_peer(&rig, 4)->id));
    swim_rig_accuse(&rig, 1, 4, 5);
    HS_CHECK_EQ(swim_rig_peer(&rig, 1)->suspicion.confirmer_count, 0);
    swim_rig_accuse(&rig, 1, 3, 5); /* it lost a round of its own */
    HS_CHECK_EQ(swim_rig_peer(&rig, 1)->suspicion.confirmer_count, 1);
    swim_rig_accuse(&rig, 1, 1, 5);
    swim_rig_accuse(&rig, 1, 77, 5); /* nobody knows it */
    HS_CHECK_EQ(swim_rig_peer(&rig, 1)->suspicion.confirmer_count, 1);
    swim_rig_close(&rig);
}

static void ring_of_three_waits_as_long_as_it_distrusts_itself(void)
{
    open_quiet(3);
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 4000);
    open_quiet(3);
    for (unsigned i = 0; i < 3; i++) hs_local_health_on_refuted(&rig.swim.health);
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 16000);
    open_quiet(3);
    for (unsigned i = 0; i < 8; i++) hs_local_health_on_refuted(&rig.swim.health);
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 24000);
}

static void fault_of_the_accused_is_no_distrust_in_oneself(void)
{
    open_quiet(3);
    for (unsigned i = 0; i < 3; i++) hs_local_health_on_refuted(&rig.swim.health);
    swim_rig_peer(&rig, 1)->blame = 2; /* so many of the points are of rounds lost on it */
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 8000);
}

static void trust_that_comes_back_shortens_the_wait(void)
{
    struct hs_swim_event died = {.type = HS_SWIM_DIED, .sender_idx = HS_SWIM_NOBODY};

    open_quiet(3);
    for (unsigned i = 0; i < 8; i++) hs_local_health_on_refuted(&rig.swim.health);
    swim_rig_peer(&rig, 2)->blame = 7;
    swim_rig_accuse(&rig, 1, 2, 5);
    swim_rig_run(&rig, START_NS + 2 * S);
    died.member_idx = rig.idx[2];
    swim_rig_step(&rig, &died);
    HS_CHECK_EQ(rig.swim.health.score, 1);
    check_about(dies_after_ns(), 8000);
}

/* The end by the new limits is past; it is asked out of band all the same. */
static void nobody_is_buried_unasked(void)
{
    struct hs_swim_event died = {.type = HS_SWIM_DIED, .sender_idx = HS_SWIM_NOBODY};

    open_quiet(3);
    for (unsigned i = 0; i < 8; i++) hs_local_health_on_refuted(&rig.swim.health);
    swim_rig_peer(&rig, 2)->blame = 8;
    swim_rig_accuse(&rig, 1, 2, 5);
    swim_rig_run(&rig, START_NS + 10 * S);
    died.member_idx = rig.idx[2];
    swim_rig_step(&rig, &died);
    HS_CHECK_EQ(swim_rig_count(&rig, HS_SWIM_CLAIM_DEAD), 0);
    check_about(dies_after_ns(), 10500);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_ASK_OOB, 1), 1);
}

static void newer_life_accused_starts_anew(void)
{
    open_quiet(10);
    swim_rig_accuse(&rig, 1, 2, 5);
    swim_rig_accuse(&rig, 1, 3, 5);
    swim_rig_run(&rig, START_NS + 10 * S);
    swim_rig_accuse(&rig, 1, 3, 6);
    HS_CHECK_EQ(swim_rig_peer(&rig, 1)->incarnation, 6);
    check_about(dies_after_ns(), 34000);
}

static void answer_out_of_band_postpones_twice(void)
{
    open_quiet(10);
    rig.has_oob[1] = true;
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 24000 + 2 * 4000);
    HS_CHECK_EQ(rig.swim.counts.oob_saved, 2);
    HS_CHECK_EQ(swim_rig_count_of(&rig, HS_SWIM_ASK_OOB, 1), 3);
}

static void wedged_loop_does_not_live_on(void)
{
    open_quiet(10);
    rig.has_oob[1] = true;
    rig.is_wedged[1] = true;
    swim_rig_accuse(&rig, 1, 2, 5);
    check_about(dies_after_ns(), 24000 + 2 * 4000);
}

CU_TestInfo hs_tests_suspicion[] = {
    {"4 table of timeouts", table_of_timeouts},
    {"4.1 accused by one alone it stands for 24 s", alone_it_stands_for_the_maximum},
    {"4.2 confirmations shorten it to 11.4 s, then 4 s", confirmations_shorten_it},
    {"4.3 confirmation past the new end kills at once",
     confirmation_past_the_new_end_kills_at_once},
    {"4.4 500 confirmations by one count once", one_confirmer_counts_once},
    {"4.5 26 accusers do not postpone the end", crowd_in_a_ring_of_ten},
    {"4.5 of 26 accusers two are passed on", crowd_of_accusers_does_not_postpone},
    {"4.6 buddy carries the accusation, and its refutation ends it",
     buddy_carries_the_accusation_and_its_refutation_ends_it},
    {"4.7 who passes an accusation on is no accuser", relayer_is_no_accuser},
    {"4.8 ring of three waits as long as it distrusts itself",
     ring_of_three_waits_as_long_as_it_distrusts_itself},
    {"4 fault of the accused is no distrust in oneself",
     fault_of_the_accused_is_no_distrust_in_oneself},
    {"4 trust that comes back shortens the wait", trust_that_comes_back_shortens_the_wait},
    {"4 nobody is buried unasked", nobody_is_buried_unasked},
    {"4 accusation of a newer life starts anew", newer_life_accused_starts_anew},
    {"4 answer out of band postpones the end twice", answer_out_of_band_postpones_twice},
    {"13.6 wedged loop is dead by the maximum and two minima", wedged_loop_does_not_live_on},
    CU_TEST_INFO_NULL};
