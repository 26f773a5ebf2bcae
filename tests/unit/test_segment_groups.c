// SPDX-License-Identifier: Apache-2.0
/* test_segment_groups.c - what is replaced together, and who begins anew with it. */
#include "supervisor/segment_groups.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

static void every_segment_belongs_to_a_group(void)
{
    enum hs_segment_group group;

    for (unsigned share = 0; share < HS_SHARE_COUNT; share++) {
        unsigned count = 0;

        for (unsigned i = 0; i < HS_GROUP_COUNT; i++)
            count += hs_group_has_share((enum hs_segment_group)i, (enum hs_share)share);
        HS_CHECK_EQ(count, 1);
        HS_CHECK(hs_group_find(hs_share_name((enum hs_share)share), &group));
        HS_CHECK(hs_group_has_share(group, (enum hs_share)share));
    }
    for (unsigned i = 0; i < HS_ENGINE_SEGMENT_COUNT; i++) {
        HS_CHECK(hs_group_find(hs_engine_segment_name((enum hs_engine_segment)i), &group));
        HS_CHECK(hs_group_has_engine_segment(group, (enum hs_engine_segment)i));
    }
    HS_CHECK(!hs_group_find("", &group));
    HS_CHECK(!hs_group_find("worker", &group));
}

static void figures_outlive_the_rings_beside_them(void)
{
    enum hs_segment_group group;

    HS_CHECK(hs_group_find(hs_engine_segment_name(HS_ENGINE_COMMANDS), &group));
    HS_CHECK_EQ(group, HS_GROUP_RINGS);
    HS_CHECK(hs_group_has_engine_segment(group, HS_ENGINE_EVENTS));
    HS_CHECK(!hs_group_has_engine_segment(group, HS_ENGINE_FIGURES));
}

static void ledger_of_execs_takes_all_engines_with_it(void)
{
    enum hs_segment_group group;

    HS_CHECK(hs_group_find(hs_share_name(HS_SHARE_EXECS), &group));
    for (unsigned i = 0; i < HS_ENGINE_SEGMENT_COUNT; i++)
        HS_CHECK(hs_group_has_engine_segment(group, (enum hs_engine_segment)i));
    for (unsigned idx = 0; idx < 3; idx++)
        HS_CHECK(hs_group_is_held_by(group, 0, HS_ROLE_ENGINE, idx));
    HS_CHECK(hs_group_is_held_by(group, 0, HS_ROLE_WORKER, 0));
    HS_CHECK(!hs_group_is_held_by(group, 0, HS_ROLE_GATE, 0));
    HS_CHECK(!hs_group_is_held_by(group, 0, HS_ROLE_MANAGER, 0));
}

static void only_the_two_sides_of_a_ring_begin_anew_with_it(void)
{
    HS_CHECK(hs_group_is_held_by(HS_GROUP_RINGS, 1, HS_ROLE_WORKER, 0));
    HS_CHECK(hs_group_is_held_by(HS_GROUP_RINGS, 1, HS_ROLE_ENGINE, 1));
    HS_CHECK(!hs_group_is_held_by(HS_GROUP_RINGS, 1, HS_ROLE_ENGINE, 0));
    HS_CHECK(!hs_group_is_held_by(HS_GROUP_RINGS, 1, HS_ROLE_CONSOLE, 0));
    HS_CHECK(!hs_group_is_held_by(HS_GROUP_RINGS, 1, HS_ROLE_GATE, 0));
}

static void registry_is_for_its_writer_and_the_console(void)
{
    HS_CHECK(hs_group_is_held_by(HS_GROUP_GATE, 0, HS_ROLE_GATE, 0));
    HS_CHECK(hs_group_is_held_by(HS_GROUP_GATE, 0, HS_ROLE_CONSOLE, 0));
    HS_CHECK(!hs_group_is_held_by(HS_GROUP_GATE, 0, HS_ROLE_MANAGER, 0));
    HS_CHECK(!hs_group_is_held_by(HS_GROUP_GATE, 0, HS_ROLE_ENGINE, 0));
    HS_CHECK(hs_group_is_held_by(HS_GROUP_MANAGER, 0, HS_ROLE_MANAGER, 0));
    HS_CHECK(!hs_group_is_held_by(HS_GROUP_MANAGER, 0, HS_ROLE_GATE, 0));
    HS_CHECK(hs_group_is_held_by(HS_GROUP_SAMPLES, 0, HS_ROLE_GATE, 0));
    HS_CHECK(hs_group_is_held_by(HS_GROUP_SAMPLES, 0, HS_ROLE_MANAGER, 0));
}

static void pages_of_all_are_for_everybody(void)
{
    static const enum hs_role_kind kinds[] = {HS_ROLE_CONSOLE, HS_ROLE_GATE, HS_ROLE_MANAGER,
                                              HS_ROLE_WORKER, HS_ROLE_ENGINE};

    for (size_t i = 0; i < HS_ARRAY_LEN(kinds); i++)
        HS_CHECK(hs_group_is_held_by(HS_GROUP_COMMON, 0, kinds[i], 0));
}

CU_TestInfo hs_tests_segment_groups[] = {
    {"every segment belongs to a group", every_segment_belongs_to_a_group},
    {"figures outlive the rings beside them", figures_outlive_the_rings_beside_them},
    {"ledger of execs takes all engines with it", ledger_of_execs_takes_all_engines_with_it},
    {"only the two sides of a ring begin anew with it",
     only_the_two_sides_of_a_ring_begin_anew_with_it},
    {"registry is for its writer and the console", registry_is_for_its_writer_and_the_console},
    {"pages of all are for everybody", pages_of_all_are_for_everybody},
    CU_TEST_INFO_NULL,
};
