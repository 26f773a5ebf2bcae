// SPDX-License-Identifier: Apache-2.0
/* test_flap.c - peers that come and go (guard/flap.h). */
#include "roles/guard/flap.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define S HS_NS_PER_S

/* As of the last return. */
static uint32_t penalty_of(const struct hs_flap *flap)
{
    return (uint32_t)(flap->penalty + 0.5);
}

static void die_and_return(struct hs_flap *flap, unsigned times)
{
    for (unsigned i = 0; i < times; i++) hs_flap_note(flap, HS_FLAP_FROM_DEAD, (1000 + 20 * i) * S);
}

static void the_fifth_return_in_eighty_seconds_is_one_too_many(void)
{
    struct hs_flap flap = {0};

    die_and_return(&flap, 4);
    HS_CHECK_EQ(penalty_of(&flap), 2924);
    HS_CHECK(!hs_flap_is_damped(&flap, 1060 * S));
    hs_flap_note(&flap, HS_FLAP_FROM_DEAD, 1080 * S);
    HS_CHECK_EQ(penalty_of(&flap), 3321);
    HS_CHECK(hs_flap_is_damped(&flap, 1080 * S));
}

static void quiet_for_69_seconds_releases_it(void)
{
    struct hs_flap flap = {0};

    die_and_return(&flap, 5);
    HS_CHECK(hs_flap_is_damped(&flap, (1080 + 68) * S));
    HS_CHECK(!hs_flap_is_damped(&flap, (1080 + 69) * S));
    HS_CHECK(!hs_flap_is_damped(&flap, (1080 + 70) * S));
}

static void it_is_damped_for_five_minutes_at_most_and_the_penalty_has_a_ceiling(void)
{
    struct hs_flap flap = {0};

    for (unsigned i = 0; i < 1000; i++) hs_flap_note(&flap, HS_FLAP_FROM_DEAD, i * S / 10);
    HS_CHECK(penalty_of(&flap) <= 6000);
    flap = (struct hs_flap){0};
    for (unsigned i = 0; i < 4; i++) hs_flap_note(&flap, HS_FLAP_FROM_DEAD, 0);
    for (unsigned i = 1; i < 300; i++) {
        hs_flap_note(&flap, HS_FLAP_FROM_SUSPECT, i * S);
        HS_CHECK(hs_flap_is_damped(&flap, i * S));
    }
    HS_CHECK(!hs_flap_is_damped(&flap, 300 * S));
}

static void a_link_that_comes_back_counts_half(void)
{
    struct hs_flap flap = {0};

    for (unsigned i = 0; i < 6; i++) hs_flap_note(&flap, HS_FLAP_FROM_SUSPECT, 5 * S);
    HS_CHECK(!hs_flap_is_damped(&flap, 5 * S)); /* 3000 is not above 3000 */
    hs_flap_note(&flap, HS_FLAP_FROM_SUSPECT, 5 * S);
    HS_CHECK(hs_flap_is_damped(&flap, 5 * S));
}

static void a_load_that_toggles_each_second_stays_at_the_worse(void)
{
    struct hs_level level = {0};

    HS_CHECK_EQ(hs_level_take(&level, 0, 0), 0);
    for (unsigned i = 1; i < 100; i++) {
        unsigned shown = hs_level_take(&level, i % 2, i * S);

        HS_CHECK_EQ(shown, 1);
    }
}

static void a_level_falls_at_once_and_rises_after_ten_good_seconds(void)
{
    struct hs_level level = {0};

    HS_CHECK_EQ(hs_level_take(&level, 3, 3 * S), 3);
    HS_CHECK_EQ(hs_level_take(&level, 0, 4 * S), 3);
    HS_CHECK_EQ(hs_level_take(&level, 0, 15 * S), 3); /* long enough, but two samples */
    HS_CHECK_EQ(hs_level_take(&level, 0, 16 * S), 2);
    for (unsigned i = 17; i < 27; i++) HS_CHECK_EQ(hs_level_take(&level, 0, i * S), 2);
    HS_CHECK_EQ(hs_level_take(&level, 0, 27 * S), 1);
    HS_CHECK_EQ(hs_level_take(&level, 1, 28 * S), 1);
}

CU_TestInfo hs_tests_flap[] = {
    {"21.1 the fifth return in eighty seconds is one too many",
     the_fifth_return_in_eighty_seconds_is_one_too_many},
    {"21.2 quiet for 69 seconds releases it", quiet_for_69_seconds_releases_it},
    {"it is damped for five minutes at most, and the penalty has a ceiling",
     it_is_damped_for_five_minutes_at_most_and_the_penalty_has_a_ceiling},
    {"a link that comes back counts half", a_link_that_comes_back_counts_half},
    {"21.5 a load that toggles each second stays at the worse",
     a_load_that_toggles_each_second_stays_at_the_worse},
    {"a level falls at once and rises after ten good seconds",
     a_level_falls_at_once_and_rises_after_ten_good_seconds},
    CU_TEST_INFO_NULL};
