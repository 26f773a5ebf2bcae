// SPDX-License-Identifier: Apache-2.0
/* test_dc_health.c - how well a datacenter can take work (guard/dc_health.h). */
#include "roles/guard/dc_health.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define S HS_NS_PER_S

static struct hs_dc_facts facts_of(uint32_t workers, uint32_t alive)
{
    return (struct hs_dc_facts){.managers = 1,
                                .managers_alive = 1,
                                .managers_ready = 1,
                                .workers = workers,
                                .workers_alive = alive,
                                .cores_free = 100,
                                .heard_ns = S,
                                .age_ns = 3600 * S};
}

static void all_cores_in_use_is_busy_not_ill(void)
{
    struct hs_dc_facts facts = facts_of(10, 10);

    facts.cores_free = 0;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_HEALTHY);
    HS_CHECK_EQ(hs_dc_for_job(HS_DC_HEALTHY, facts.cores_free, 0), HS_DC_BUSY);
    HS_CHECK_EQ(hs_dc_for_job(HS_DC_DEGRADED, facts.cores_free, 5), HS_DC_DEGRADED);
}

static void half_of_the_workers_gone_is_degraded(void)
{
    struct hs_dc_facts facts = facts_of(10, 5);

    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_DEGRADED);
    facts = facts_of(10, 6);
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_HEALTHY);
    facts = facts_of(2, 1);
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_DEGRADED);
    facts = facts_of(1, 1);
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_HEALTHY);
    facts.managers = 3;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_DEGRADED);
    facts.managers_alive = 2;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_HEALTHY);
    facts = facts_of(1, 0);
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_UNHEALTHY);
    facts = facts_of(1, 1);
    facts.managers_ready = facts.managers_alive = 0;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_UNHEALTHY);
}

static void thirty_free_cores_are_enough_for_one_job_and_not_for_another(void)
{
    HS_CHECK_EQ(hs_dc_for_job(HS_DC_HEALTHY, 30, 20), HS_DC_HEALTHY);
    HS_CHECK_EQ(hs_dc_for_job(HS_DC_HEALTHY, 30, 40), HS_DC_BUSY);
}

/* What the last manager of a datacenter looks like that was heard so long ago. */
static enum hs_dc_state take_silence(struct hs_dc_health *health, uint64_t silent_ns,
                                     uint64_t now_ns)
{
    struct hs_dc_facts facts = facts_of(4, 4);

    facts.heard_ns = silent_ns;
    if (silent_ns >= HS_DC_ALIVE_NS)
        facts.managers_alive = facts.managers_ready = facts.workers_alive = 0;
    return hs_dc_take(health, hs_dc_classify(&facts), now_ns);
}

static void a_silent_manager_degrades_at_15_s_and_is_unhealthy_at_35_s(void)
{
    struct hs_dc_health health = {0};
    uint64_t            now_ns = 1000 * S;

    HS_CHECK_EQ(take_silence(&health, 0, now_ns), HS_DC_HEALTHY);
    for (uint64_t at = 1; at < 15; at++)
        HS_CHECK_EQ(take_silence(&health, at * S, now_ns + at * S), HS_DC_HEALTHY);
    for (uint64_t at = 15; at < 35; at++)
        HS_CHECK_EQ(take_silence(&health, at * S, now_ns + at * S), HS_DC_DEGRADED);
    HS_CHECK_EQ(take_silence(&health, 35 * S, now_ns + 35 * S), HS_DC_UNHEALTHY);
    now_ns += 100 * S;
    for (uint64_t at = 0; at < 30; at++) /* it is back: better only after 30 s of heartbeats */
        HS_CHECK_EQ(take_silence(&health, 0, now_ns + at * S), HS_DC_UNHEALTHY);
    HS_CHECK_EQ(take_silence(&health, 0, now_ns + 30 * S), HS_DC_HEALTHY);
}

static void a_young_datacenter_is_not_judged_for_a_minute(void)
{
    struct hs_dc_facts facts = facts_of(0, 0);

    facts.age_ns = 59 * S;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_INITIALIZING);
    facts.age_ns = 60 * S;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_UNHEALTHY);
    facts = facts_of(2, 2);
    facts.age_ns = 0;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_HEALTHY);
}

static enum hs_dc_state take_overload(struct hs_dc_health *health, bool is_overloaded,
                                      uint64_t now_ns)
{
    struct hs_dc_facts facts = facts_of(10, 10);

    facts.workers_overloaded = is_overloaded ? 3 : 2;
    return hs_dc_take(health, hs_dc_classify(&facts), now_ns);
}

static void overload_that_comes_every_five_seconds_is_one_change(void)
{
    struct hs_dc_health health = {0};
    unsigned            changes = 0;
    enum hs_dc_state    before = take_overload(&health, false, S);

    HS_CHECK_EQ(before, HS_DC_HEALTHY);
    for (uint64_t at = 2; at < 600; at++) {
        enum hs_dc_state shown = take_overload(&health, at / 5 % 2, at * S);

        changes += shown != before;
        before = shown;
    }
    HS_CHECK_EQ(changes, 1);
    HS_CHECK_EQ(before, HS_DC_BUSY);
}

static void the_third_change_in_two_minutes_is_flapping_until_five_are_quiet(void)
{
    struct hs_dc_health health = {0};
    uint64_t            now_ns = 1000 * S;
    unsigned            changes = 0;
    enum hs_dc_state    before = take_overload(&health, false, now_ns);

    for (uint64_t at = 1; at <= 200; at++) { /* changes at 20, 50 (10 s later), 60 */
        enum hs_dc_state shown = take_overload(&health, at / 20 % 2, now_ns + at * S);

        changes += shown != before;
        before = shown;
        if (at == 59) HS_CHECK(!health.is_flapping);
        if (at == 60) HS_CHECK(health.is_flapping);
    }
    HS_CHECK_EQ(changes, 3);
    HS_CHECK_EQ(before, HS_DC_BUSY);
    now_ns += 200 * S; /* the last raw change was then */
    for (uint64_t at = 0; at < 300; at++)
        HS_CHECK_EQ(take_overload(&health, false, now_ns + at * S), HS_DC_BUSY);
    HS_CHECK_EQ(take_overload(&health, false, now_ns + 300 * S), HS_DC_HEALTHY);
}

static void overload_of_half_degrades_and_of_the_leader_too(void)
{
    struct hs_dc_facts facts = facts_of(10, 10);

    facts.workers_overloaded = 5;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_DEGRADED);
    facts.workers_overloaded = 3;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_BUSY);
    facts.workers_overloaded = 0;
    facts.is_leader_overloaded = true;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_DEGRADED);
    facts.is_leader_overloaded = false;
    facts.managers = facts.managers_alive = 3;
    facts.managers_overloaded = 1;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_BUSY);
    facts.managers_overloaded = 2;
    HS_CHECK_EQ(hs_dc_classify(&facts), HS_DC_DEGRADED);
    HS_CHECK_TEXT(hs_dc_state_name(HS_DC_DEGRADED), "DEGRADED");
    HS_CHECK_TEXT(hs_dc_state_name(HS_DC_STATE_COUNT), "?");
}

static void whatever_comes_the_shown_state_is_never_better_than_a_lasting_one(void)
{
    struct hs_dc_health health = {0};
    struct hs_rand      rand;
    uint64_t            now_ns = 1000 * S;

    hs_rand_init(&rand, 5);
    for (unsigned i = 0; i < 100000; i++) {
        enum hs_dc_state raw = (enum hs_dc_state)hs_rand_below(&rand, HS_DC_STATE_COUNT);
        enum hs_dc_state shown = HS_DC_INITIALIZING;
        uint64_t         seconds = hs_rand_below(&rand, 40);

        for (uint64_t at = 0; at <= seconds; at++) shown = hs_dc_take(&health, raw, now_ns += S);
        HS_CHECK(shown < HS_DC_STATE_COUNT);
        if (raw != HS_DC_INITIALIZING && seconds >= 5) HS_CHECK(shown >= raw);
    }
}

CU_TestInfo hs_tests_dc_health[] = {
    {"T8.1 14.4 all cores in use is busy, not ill", all_cores_in_use_is_busy_not_ill},
    {"T8.2 half of the workers gone is degraded", half_of_the_workers_gone_is_degraded},
    {"T8.3 thirty free cores are enough for one job and not for another",
     thirty_free_cores_are_enough_for_one_job_and_not_for_another},
    {"T8.4 a silent manager degrades at 15 s and is unhealthy at 35 s",
     a_silent_manager_degrades_at_15_s_and_is_unhealthy_at_35_s},
    {"a young datacenter is not judged for a minute",
     a_young_datacenter_is_not_judged_for_a_minute},
    {"T8.10 overload that comes every five seconds is one change",
     overload_that_comes_every_five_seconds_is_one_change},
    {"T8.10 the third change in two minutes is flapping until five are quiet",
     the_third_change_in_two_minutes_is_flapping_until_five_are_quiet},
    {"overload of half degrades, and of the leader too",
     overload_of_half_degrades_and_of_the_leader_too},
    {"whatever comes, the shown state is never better than a lasting one",
     whatever_comes_the_shown_state_is_never_better_than_a_lasting_one},
    CU_TEST_INFO_NULL};
