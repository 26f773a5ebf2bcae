// SPDX-License-Identifier: Apache-2.0
/* test_sources.c - one address does not use up what is others'. */
#include "roles/cluster/sources.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

static const struct hs_bucket_rate rate = {.interval_ns = HS_NS_PER_S / 100, .burst = 200};
static struct hs_sources           sources;

static struct hs_addr at(uint8_t a, uint8_t b, uint16_t port)
{
    return (struct hs_addr){.family = HS_ADDR_IPV4, .port = port, .bytes = {10, 9, a, b}};
}

static unsigned take(const struct hs_addr *from, unsigned count, uint64_t now_ns)
{
    unsigned taken = 0;

    for (unsigned i = 0; i < count; i++) taken += hs_sources_take(&sources, &rate, from, now_ns);
    return taken;
}

static void an_address_has_its_own_whatever_its_port(void)
{
    uint64_t       now_ns = 5 * HS_NS_PER_S;
    struct hs_addr greedy = at(1, 1, 9);
    struct hs_addr again = at(1, 1, 10);
    unsigned       others = 0;

    hs_sources_init(&sources, 77);
    HS_CHECK_EQ(take(&greedy, 1000, now_ns), 200);
    HS_CHECK_EQ(take(&again, 1000, now_ns), 0);
    for (unsigned i = 0; i < 100; i++) {
        struct hs_addr other = at(2, (uint8_t)i, 9);

        others += take(&other, 1, now_ns) == 1;
    }
    HS_CHECK(others >= 95); /* a few share a bucket with it */
    HS_CHECK_EQ(take(&greedy, 1000, now_ns + HS_NS_PER_S), 100);
}

/* Two that meet under one seed part under another. */
static void nobody_can_tell_who_shares_a_bucket(void)
{
    struct hs_addr first = at(1, 1, 9);
    struct hs_addr other = first;
    unsigned       meetings = 0;

    hs_sources_init(&sources, 77);
    (void)take(&first, 200, 1);
    for (unsigned i = 0; i < 65536; i++) {
        other = at((uint8_t)(i >> 8), (uint8_t)i, 9);
        if (!hs_addr_equal(&other, &first) && take(&other, 1, 1) == 0) break;
    }
    for (uint64_t seed = 100; seed < 200; seed++) {
        hs_sources_init(&sources, seed);
        (void)take(&first, 200, 1);
        meetings += take(&other, 1, 1) == 0;
    }
    HS_CHECK(meetings < 10);
}

CU_TestInfo hs_tests_sources[] = {
    {"SEC-13 an address has its own, whatever its port", an_address_has_its_own_whatever_its_port},
    {"SEC-13 nobody can tell who shares a bucket", nobody_can_tell_who_shares_a_bucket},
    CU_TEST_INFO_NULL};
