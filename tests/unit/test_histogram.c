// SPDX-License-Identifier: Apache-2.0
/* test_histogram.c - the layouts, percentiles, and that merging in any order is one histogram fed
 * everything. */
#include "roles/stats/histogram.h"

#include "roles/stats/error_class.h"
#include "shm/base/assert.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <math.h>

enum { SHARDS = 5, SAMPLES = 20000 };

static uint64_t counters[SHARDS + 2][HS_HISTOGRAM_FINE_COUNTERS];

static uint64_t any_duration(struct hs_rand *rand)
{
    return hs_rand_next(rand) >> (20 + hs_rand_below(rand, 40)); /* every order of magnitude */
}

static void every_counter_follows_the_one_before(void)
{
    for (int layout = HS_HISTOGRAM_FINE; layout <= HS_HISTOGRAM_COARSE; layout++) {
        uint32_t count = hs_histogram_counters((enum hs_histogram_layout)layout);
        uint32_t wrong = 0;

        for (uint32_t i = 0; i < count; i++) {
            uint64_t lowest = hs_histogram_lowest_ns((enum hs_histogram_layout)layout, i);
            uint64_t highest = hs_histogram_highest_ns((enum hs_histogram_layout)layout, i);

            wrong += hs_histogram_index((enum hs_histogram_layout)layout, lowest) != i;
            wrong += hs_histogram_index((enum hs_histogram_layout)layout, highest) != i;
            wrong += i + 1 < count &&
                     hs_histogram_index((enum hs_histogram_layout)layout, highest + 1) != i + 1;
        }
        HS_CHECK_EQ(wrong, 0);
    }
    HS_CHECK_EQ(hs_histogram_highest_ns(HS_HISTOGRAM_FINE, HS_HISTOGRAM_FINE_COUNTERS - 1),
                HS_HISTOGRAM_HIGHEST_NS);
    HS_CHECK(HS_HISTOGRAM_HIGHEST_NS > 3600 * HS_NS_PER_S);
}

static void counters_are_as_narrow_as_promised(void)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 11);
    for (int i = 0; i < 100000; i++) {
        uint64_t value = any_duration(&rand) & HS_HISTOGRAM_HIGHEST_NS;
        uint32_t fine = hs_histogram_index(HS_HISTOGRAM_FINE, value);
        uint32_t coarse = hs_histogram_index(HS_HISTOGRAM_COARSE, value);
        uint64_t fine_error = hs_histogram_highest_ns(HS_HISTOGRAM_FINE, fine) - value;
        uint64_t coarse_error = hs_histogram_highest_ns(HS_HISTOGRAM_COARSE, coarse) - value;

        if (fine_error >= 64 && fine_error * 1000 > value) HS_CHECK_EQ(value, 0);
        if (coarse_error >= 64 && coarse_error * 100 > value) HS_CHECK_EQ(value, 0);
    }
}

static void out_of_range_is_clamped_and_counted(void)
{
    struct hs_histogram histogram;

    hs_histogram_init(&histogram, HS_HISTOGRAM_COARSE, counters[0]);
    hs_histogram_record(&histogram, HS_HISTOGRAM_HIGHEST_NS);
    HS_CHECK_EQ(histogram.moments.overflow_count, 0);
    hs_histogram_record(&histogram, HS_HISTOGRAM_HIGHEST_NS + 1);
    hs_histogram_record(&histogram, UINT64_MAX / 4);
    HS_CHECK_EQ(histogram.moments.overflow_count, 2);
    HS_CHECK_EQ(counters[0][HS_HISTOGRAM_COARSE_COUNTERS - 1], 3);
    HS_CHECK_EQ(hs_histogram_percentile_ns(&histogram, 1.0), UINT64_MAX / 4);
}

static void percentiles_are_those_of_the_sorted_samples(void)
{
    static const double quantiles[] = {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0};
    static uint64_t     samples[1000];
    struct hs_histogram histogram;

    hs_histogram_init(&histogram, HS_HISTOGRAM_FINE, counters[0]);
    for (uint64_t i = 0; i < HS_ARRAY_LEN(samples); i++) {
        samples[i] = (i + 1) * 1000 * 1000; /* sorted: 1 ms .. 1 s */
        hs_histogram_record(&histogram, samples[i]);
    }
    for (unsigned i = 0; i < HS_ARRAY_LEN(quantiles); i++) {
        uint64_t rank = hs_histogram_rank(HS_ARRAY_LEN(samples), quantiles[i]);
        uint64_t truth = samples[rank - 1];
        uint64_t told = hs_histogram_percentile_ns(&histogram, quantiles[i]);

        HS_CHECK(told >= truth);
        HS_CHECK(told - truth <= truth / 1000);
    }
    HS_CHECK_EQ(hs_histogram_percentile_ns(&histogram, 1.0), HS_NS_PER_S); /* exactly the maximum */
    HS_CHECK_EQ(hs_moments_min_ns(&histogram.moments), HS_NS_PER_MS);
    HS_CHECK(fabs(hs_histogram_mean_ns(&histogram) - 500.5e6) < 1.0);
}

static void ranks_are_not_moved_by_rounding(void)
{
    HS_CHECK_EQ(hs_histogram_rank(1000, 0.999), 999);
    HS_CHECK_EQ(hs_histogram_rank(1000, 0.9), 900);
    HS_CHECK_EQ(hs_histogram_rank(10, 0.99), 10);
    HS_CHECK_EQ(hs_histogram_rank(3, 0.5), 2);
    HS_CHECK_EQ(hs_histogram_rank(1, 0.0), 1);
    HS_CHECK_EQ(hs_histogram_rank(0, 0.5), 0);
}

static void too_few_samples_say_nothing_about_the_tail(void)
{
    HS_CHECK(!hs_histogram_has_enough(0, 0.5));
    HS_CHECK(!hs_histogram_has_enough(19, 0.5));
    HS_CHECK(hs_histogram_has_enough(20, 0.5));
    HS_CHECK(!hs_histogram_has_enough(99, 0.9));
    HS_CHECK(hs_histogram_has_enough(100, 0.9));
    HS_CHECK(!hs_histogram_has_enough(9999, 0.999));
    HS_CHECK(hs_histogram_has_enough(10000, 0.999));
    HS_CHECK(hs_histogram_has_enough(100000, 0.9999));
}

static void shards_merged_in_any_order_equal_one_fed_everything(void)
{
    struct hs_histogram shards[SHARDS];
    struct hs_histogram whole;
    struct hs_histogram merged;
    struct hs_rand      rand;

    hs_rand_init(&rand, 3);
    hs_histogram_init(&whole, HS_HISTOGRAM_FINE, counters[SHARDS]);
    for (unsigned i = 0; i < SHARDS; i++)
        hs_histogram_init(&shards[i], HS_HISTOGRAM_FINE, counters[i]);
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t value = any_duration(&rand);

        hs_histogram_record(&whole, value);
        hs_histogram_record(&shards[hs_rand_below(&rand, SHARDS)], value);
    }
    for (unsigned order = 0; order < 10; order++) {
        unsigned start = (unsigned)hs_rand_below(&rand, SHARDS);
        unsigned stride = 1 + (unsigned)hs_rand_below(&rand, SHARDS - 1); /* SHARDS is prime */

        hs_histogram_init(&merged, HS_HISTOGRAM_FINE, counters[SHARDS + 1]);
        for (unsigned i = 0; i < SHARDS; i++)
            hs_histogram_add(&merged, &shards[(start + i * stride) % SHARDS]);
        HS_CHECK(memcmp(merged.counts, whole.counts, sizeof counters[0]) == 0);
        HS_CHECK(memcmp(&merged.moments, &whole.moments, sizeof whole.moments) == 0);
    }
}

static void a_difference_of_snapshots_is_the_interval(void)
{
    struct hs_histogram before;
    struct hs_histogram after;

    hs_histogram_init(&before, HS_HISTOGRAM_FINE, counters[0]);
    hs_histogram_init(&after, HS_HISTOGRAM_FINE, counters[1]);
    hs_histogram_record(&before, 100);
    hs_histogram_record(&before, 9 * HS_NS_PER_S);
    hs_histogram_add(&after, &before);
    hs_histogram_record(&after, 5 * HS_NS_PER_MS);
    hs_histogram_record(&after, 7 * HS_NS_PER_MS);
    hs_histogram_subtract(&after, &before);
    HS_CHECK_EQ(hs_histogram_count(&after), 2);
    HS_CHECK_EQ(after.moments.sum_ns, 12 * HS_NS_PER_MS);
    HS_CHECK(after.moments.max_ns >= 7 * HS_NS_PER_MS && after.moments.max_ns < 7008 * 1000);
    HS_CHECK(hs_moments_min_ns(&after.moments) <= 5 * HS_NS_PER_MS);
    HS_CHECK(hs_moments_min_ns(&after.moments) > 4995 * 1000);
    hs_histogram_subtract(&before, &before);
    HS_CHECK_EQ(before.moments.max_ns, 0);
    HS_CHECK_EQ(hs_moments_min_ns(&before.moments), 0);
}

static void error_classes_keep_their_names(void)
{
    HS_CHECK_TEXT(hs_error_class_name(HS_ERROR_DNS_NXDOMAIN), "dns.nxdomain");
    HS_CHECK_TEXT(hs_error_class_name(HS_ERROR_STATUS_5XX), "status.5xx");
    HS_CHECK_TEXT(hs_error_class_name(HS_ERROR_CLASS_COUNT), "?");
    HS_CHECK(hs_error_class_is_local(HS_ERROR_CONNECT_NO_PORT));
    HS_CHECK(!hs_error_class_is_local(HS_ERROR_CONNECT_REFUSED));
    HS_CHECK(hs_error_class_is_timeout(HS_ERROR_TIMEOUT_RESPONSE));
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++)
        for (unsigned k = 0; k < i; k++)
            HS_CHECK(strcmp(hs_error_class_name((enum hs_error_class)i),
                            hs_error_class_name((enum hs_error_class)k)) != 0);
}

CU_TestInfo hs_tests_histogram[] = {
    {"every counter follows the one before", every_counter_follows_the_one_before},
    {"counters are as narrow as promised", counters_are_as_narrow_as_promised},
    {"out of range is clamped and counted", out_of_range_is_clamped_and_counted},
    {"percentiles are those of the sorted samples", percentiles_are_those_of_the_sorted_samples},
    {"ranks are not moved by rounding", ranks_are_not_moved_by_rounding},
    {"too few samples say nothing about the tail", too_few_samples_say_nothing_about_the_tail},
    {"shards merged in any order equal one fed everything",
     shards_merged_in_any_order_equal_one_fed_everything},
    {"a difference of snapshots is the interval", a_difference_of_snapshots_is_the_interval},
    {"error classes keep their names", error_classes_keep_their_names},
    CU_TEST_INFO_NULL,
};
