// SPDX-License-Identifier: Apache-2.0
/* test_counters.c - pages apart, sums, gauges. */
#include "shm/counters.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdalign.h>

static alignas(4096) unsigned char body[HS_COUNTERS_BODY_BYTES];

static void each_process_has_a_page_of_its_own(void)
{
    struct hs_counters_shm *first = hs_counters_page(body, 0);
    struct hs_counters_shm *last = hs_counters_page(body, HS_PROCESSES_MAX - 1);

    memset(body, 0, sizeof body);
    hs_counter_add(first, HS_COUNTERS_MAX - 1, 1);
    hs_counter_add(last, 0, 2);
    HS_CHECK_EQ(hs_counter_load(hs_counters_page(body, 1), 0), 0);
    HS_CHECK_EQ(hs_counter_load(first, HS_COUNTERS_MAX - 1), 1);
    HS_CHECK_EQ(hs_counter_load(last, 0), 2);
    HS_CHECK_EQ((unsigned char *)(last + 1) - body, (ptrdiff_t)sizeof body);
}

static void a_count_adds_up_and_a_gauge_is_what_was_set_last(void)
{
    struct hs_counters_shm *page = hs_counters_page(body, 3);

    memset(body, 0, sizeof body);
    hs_counter_add(page, 4, 5);
    hs_counter_add(page, 4, UINT64_C(1) << 40);
    hs_counter_set(page, 5, 9);
    hs_counter_set(page, 5, 2);
    HS_CHECK_EQ(hs_counter_load(page, 4), (UINT64_C(1) << 40) + 5);
    HS_CHECK_EQ(hs_counter_load(page, 5), 2);
}

CU_TestInfo hs_tests_counters[] = {
    {"each process has a page of its own", each_process_has_a_page_of_its_own},
    {"a count adds up and a gauge is what was set last",
     a_count_adds_up_and_a_gauge_is_what_was_set_last},
    CU_TEST_INFO_NULL};
