// SPDX-License-Identifier: Apache-2.0
/* test_local_health.c - membership.md 3: score, samples, levels, rates. */
#include "roles/cluster/local_health.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define START_NS (100 * HS_NS_PER_S)

static void score_follows_rounds_and_stops_at_zero(void)
{
    struct hs_local_health health;

    hs_local_health_init(&health, START_NS);
    for (unsigned i = 0; i < 3; i++) hs_local_health_on_round_lost(&health, 0, 0);
    HS_CHECK_EQ(health.score, 3);
    for (unsigned i = 0; i < 3; i++) hs_local_health_on_round_won(&health);
    HS_CHECK_EQ(health.score, 0);
    hs_local_health_on_round_won(&health);
    HS_CHECK_EQ(health.score, 0);
}

static void missing_nacks_are_held_against_us(void)
{
    struct hs_local_health health;

    hs_local_health_init(&health, START_NS);
    hs_local_health_on_round_lost(&health, 3, 1);
    HS_CHECK_EQ(health.score, 2);
    hs_local_health_on_round_lost(&health, 3, 3);
    HS_CHECK_EQ(health.score, 2);
    hs_local_health_on_refuted(&health);
    HS_CHECK_EQ(health.score, 3);
}

static void score_has_a_ceiling(void)
{
    struct hs_local_health health;

    hs_local_health_init(&health, START_NS);
    for (unsigned i = 0; i < 20; i++) hs_local_health_on_round_lost(&health, 0, 0);
    HS_CHECK_EQ(health.score, 8);
    HS_CHECK_EQ(hs_local_health_multiplier(&health), 9);
    hs_local_health_on_round_lost(&health, 3, 0);
    HS_CHECK_EQ(health.score, 8);
}

static void stall_counts_from_when_we_last_ran(void)
{
    struct hs_local_health health;

    hs_local_health_init(&health, START_NS);
    HS_CHECK_EQ(hs_local_health_wake(&health, START_NS, START_NS + 50, START_NS + 50 + 250000000),
                0);
    HS_CHECK_EQ(health.score, 0);
    HS_CHECK_EQ(hs_local_health_wake(&health, START_NS, START_NS + 50, START_NS + 51 + 250000000),
                250000051);
    HS_CHECK_EQ(health.score, 1);
    HS_CHECK_EQ(health.stall_count, 1);
    HS_CHECK_EQ(hs_local_health_wake(&health, START_NS, HS_NEVER_NS, START_NS * 5), 0);
    HS_CHECK_EQ(
        hs_local_health_wake(&health, START_NS + 400000000, START_NS + 50, START_NS + 650000000),
        0); /* it has run since it was due */
    HS_CHECK_EQ(
        hs_local_health_wake(&health, START_NS + 400000000, START_NS + 50, START_NS + 650000001),
        250000001);
    HS_CHECK_EQ(health.stall_count, 2);
}

static void critical_sends_every_fourth_probe(void)
{
    struct hs_local_health health;
    unsigned               probes = 0;
    unsigned               gossips = 0;

    hs_local_health_init(&health, START_NS);
    for (unsigned i = 0; i < 8; i++) hs_local_health_on_round_lost(&health, 0, 0);
    hs_local_health_update(&health, START_NS);
    HS_CHECK_EQ(health.level, HS_HEALTH_CRITICAL);
    for (unsigned i = 0; i < 40; i++) {
        probes += hs_local_health_take_probe(&health);
        gossips += hs_local_health_take_gossip(&health);
    }
    HS_CHECK_EQ(probes, 10);
    HS_CHECK_EQ(gossips, 8);
}

static void every_rate_is_met_over_a_hundred_rounds(void)
{
    static const unsigned scores[] = {0, 2, 4, 6, 7};
    static const unsigned probes[] = {100, 90, 70, 50, 25};
    static const unsigned gossips[] = {100, 80, 60, 40, 20};

    for (unsigned level = 0; level < HS_HEALTH_LEVEL_COUNT; level++) {
        struct hs_local_health health;
        unsigned               sent = 0;
        unsigned               told = 0;

        hs_local_health_init(&health, START_NS);
        for (unsigned i = 0; i < scores[level]; i++) hs_local_health_on_refuted(&health);
        hs_local_health_update(&health, START_NS);
        HS_CHECK_EQ(health.level, level);
        for (unsigned i = 0; i < 100; i++) {
            sent += hs_local_health_take_probe(&health);
            told += hs_local_health_take_gossip(&health);
        }
        HS_CHECK_EQ(sent, probes[level]);
        HS_CHECK_EQ(told, gossips[level]);
    }
}

static void set_score(struct hs_local_health *health, unsigned score)
{
    while (health->score < score) hs_local_health_on_refuted(health);
    while (health->score > score) hs_local_health_on_round_won(health);
}

static void level_does_not_flap_with_the_score(void)
{
    struct hs_local_health health;
    uint64_t               changed_ns = 0;
    unsigned               changes = 0;

    hs_local_health_init(&health, START_NS);
    for (unsigned second = 0; second < 60; second++) {
        uint64_t             now_ns = START_NS + second * HS_NS_PER_S;
        enum hs_health_level before = health.level;

        set_score(&health, second % 2 ? 4 : 3);
        hs_local_health_update(&health, now_ns);
        if (health.level == before) continue;
        HS_CHECK(changes == 0 || now_ns - changed_ns >= 5 * HS_NS_PER_S);
        if (before == HS_HEALTH_MODERATE) HS_CHECK_EQ(health.score, 3);
        changed_ns = now_ns;
        changes++;
    }
    HS_CHECK(changes > 1 && changes <= 12);
}

static void three_lagging_samples_cost_once_and_five_good_ones_give_back(void)
{
    struct hs_local_health health;
    uint64_t               now_ns = START_NS;

    hs_local_health_init(&health, START_NS);
    for (unsigned i = 0; i < 10; i++)
        hs_local_health_sample(&health, 6 * 1000000, now_ns += HS_NS_PER_S);
    HS_CHECK(health.is_lagging);
    HS_CHECK_EQ(health.score, 1);
    HS_CHECK_EQ(health.critical_sample_count, 0);
    for (unsigned i = 0; i < 4; i++) hs_local_health_sample(&health, 0, now_ns += HS_NS_PER_S);
    HS_CHECK_EQ(health.score, 1);
    hs_local_health_sample(&health, 0, now_ns += HS_NS_PER_S);
    HS_CHECK_EQ(health.score, 0);
    HS_CHECK(!health.is_lagging);
}

static void mean_lag_raises_the_level(void)
{
    struct hs_local_health health;
    uint64_t               now_ns = START_NS;

    hs_local_health_init(&health, START_NS);
    for (unsigned i = 0; i < 60; i++)
        hs_local_health_sample(&health, 25 * 1000000, now_ns += HS_NS_PER_S);
    HS_CHECK_EQ(hs_local_health_mean_lag(&health), 2500);
    HS_CHECK_EQ(health.level, HS_HEALTH_CRITICAL);
    HS_CHECK_EQ(health.critical_sample_count, 60);
    for (unsigned i = 0; i < 90; i++) hs_local_health_sample(&health, 0, now_ns += HS_NS_PER_S);
    HS_CHECK_EQ(hs_local_health_mean_lag(&health), 0);
    HS_CHECK_EQ(health.level, HS_HEALTH_NORMAL);
}

static void nonsense_is_no_sample(void)
{
    struct hs_local_health health;

    hs_local_health_init(&health, START_NS);
    hs_local_health_sample(&health, -1, START_NS);
    hs_local_health_sample(&health, INT64_C(3600000000001), START_NS);
    HS_CHECK_EQ(health.bad_sample_count, 2);
    HS_CHECK_EQ(health.lag_count, 0);
}

CU_TestInfo hs_tests_local_health[] = {
    {"3.1 score follows rounds, and stops at zero", score_follows_rounds_and_stops_at_zero},
    {"3.2 missing nacks are held against us", missing_nacks_are_held_against_us},
    {"3.3 score has a ceiling of 8", score_has_a_ceiling},
    {"3.6 critical sends every fourth probe", critical_sends_every_fourth_probe},
    {"3.7 level does not flap with the score", level_does_not_flap_with_the_score},
    {"stall counts from when we last ran", stall_counts_from_when_we_last_ran},
    {"every rate is met over a hundred rounds", every_rate_is_met_over_a_hundred_rounds},
    {"three lagging samples cost once, and five good ones give it back",
     three_lagging_samples_cost_once_and_five_good_ones_give_back},
    {"mean lag raises the level, and lets it go", mean_lag_raises_the_level},
    {"nonsense is no sample, and counted", nonsense_is_no_sample},
    CU_TEST_INFO_NULL};
