// SPDX-License-Identifier: Apache-2.0
/* test_locality.c - how near datacenters are (cluster/locality.h). */
#include "roles/cluster/locality.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

static enum hs_locality tier(const char *datacenter, const char *region)
{
    const struct hs_locality_place here = {"ber", "de"};
    const struct hs_locality_place there = {datacenter, region};

    return hs_locality_of(&here, &there);
}

static void the_same_datacenter_then_the_same_region_then_all_others(void)
{
    const struct hs_locality_place nowhere = {"ber", ""};
    const struct hs_locality_place muc = {"muc", ""};

    HS_CHECK_EQ(tier("ber", ""), HS_LOCALITY_DATACENTER);
    HS_CHECK_EQ(tier("muc", "de"), HS_LOCALITY_REGION);
    HS_CHECK_EQ(tier("muc", "fr"), HS_LOCALITY_OTHER);
    HS_CHECK_EQ(tier("muc", ""), HS_LOCALITY_OTHER);
    HS_CHECK_EQ(hs_locality_of(&nowhere, &muc), HS_LOCALITY_OTHER); /* two that told none */
    HS_CHECK(HS_LOCALITY_DATACENTER < HS_LOCALITY_REGION);
    HS_CHECK(HS_LOCALITY_REGION < HS_LOCALITY_OTHER);
    HS_CHECK_TEXT(hs_locality_name(HS_LOCALITY_REGION), "region");
    HS_CHECK_TEXT(hs_locality_name(HS_LOCALITY_COUNT), "?");
}

static void a_round_trip_is_followed_when_it_is_off_by_more_than_a_fifth(void)
{
    const uint64_t ms = HS_NS_PER_MS;

    HS_CHECK_EQ(hs_locality_follow(0, 80 * ms), 80 * ms);
    HS_CHECK_EQ(hs_locality_follow(80 * ms, 96 * ms), 80 * ms);
    HS_CHECK_EQ(hs_locality_follow(80 * ms, 64 * ms), 80 * ms);
    HS_CHECK_EQ(hs_locality_follow(80 * ms, 97 * ms), 97 * ms);
    HS_CHECK_EQ(hs_locality_follow(80 * ms, 63 * ms), 63 * ms);
    HS_CHECK_EQ(hs_locality_follow(80 * ms, 0), 80 * ms); /* no answer is no measurement */
    HS_CHECK_EQ(hs_locality_follow(0, 0), 0);
}

static void what_is_alike_is_as_near(void)
{
    const uint64_t ms = HS_NS_PER_MS;

    HS_CHECK(hs_locality_is_as_near(1 * ms, 1 * ms));
    HS_CHECK(hs_locality_is_as_near(11 * ms, 1 * ms));
    HS_CHECK(!hs_locality_is_as_near(12 * ms, 1 * ms));
    HS_CHECK(hs_locality_is_as_near(130 * ms, 100 * ms));
    HS_CHECK(!hs_locality_is_as_near(131 * ms, 100 * ms));
    HS_CHECK(hs_locality_is_as_near(0, 200 * ms)); /* not measured: far, like 200 ms */
    HS_CHECK(!hs_locality_is_as_near(0, 100 * ms));
    HS_CHECK(hs_locality_is_as_near(0, 0));
}

CU_TestInfo hs_tests_locality[] = {{"the same datacenter, then the same region, then all others",
                                    the_same_datacenter_then_the_same_region_then_all_others},
                                   {"a round trip is followed when it is off by more than a fifth",
                                    a_round_trip_is_followed_when_it_is_off_by_more_than_a_fifth},
                                   {"what is alike is as near", what_is_alike_is_as_near},
                                   CU_TEST_INFO_NULL};
