// SPDX-License-Identifier: Apache-2.0
/* test_units.c - numbers with units, both ways. */
#include "shm/base/units.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <string.h>

static int64_t duration_of(const char *text)
{
    uint64_t ns = 0;
    int      rc = hs_units_parse_duration(hs_view_text(text), &ns);

    return rc ? rc : (int64_t)ns;
}

static int64_t size_of(const char *text)
{
    uint64_t bytes = 0;
    int      rc = hs_units_parse_size(hs_view_text(text), &bytes);

    return rc ? rc : (int64_t)bytes;
}

static void durations_are_read_exactly(void)
{
    HS_CHECK_EQ(duration_of("250us"), 250000);
    HS_CHECK_EQ(duration_of("10ms"), 10000000);
    HS_CHECK_EQ(duration_of("2s"), 2000000000);
    HS_CHECK_EQ(duration_of("1m30s"), 90000000000);
    HS_CHECK_EQ(duration_of("1h"), 3600000000000);
    HS_CHECK_EQ(duration_of("1h0.5s"), 3600500000000);
    HS_CHECK_EQ(duration_of("1.5ms"), 1500000);
    HS_CHECK_EQ(duration_of("0s"), 0);
}

static void durations_without_a_unit_or_out_of_order_are_refused(void)
{
    static const char *const bad[] = {"",    "10",  "s",     "-1s",  "+1s",   "1 s",  "1s ", "1sec",
                                      "1.s", ".5s", "1..5s", "1s1s", "30s1m", "1e3s", "1d"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        HS_CHECK_EQ(duration_of(bad[i]), -EINVAL);
    HS_CHECK_EQ(duration_of("0.5ns"), -ERANGE);
    HS_CHECK_EQ(duration_of("999999999999999999999s"), -ERANGE);
    HS_CHECK_EQ(duration_of("9999999999999h"), -ERANGE);
    HS_CHECK_EQ(duration_of("1.0000000001s"), -ERANGE);
}

static void rates_are_a_count_in_a_period(void)
{
    struct hs_rate rate;

    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text("500/s"), &rate), 0);
    HS_CHECK_EQ(rate.count, 500);
    HS_CHECK_EQ(rate.period_ns, 1000000000);
    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text("3000/m"), &rate), 0);
    HS_CHECK_EQ(rate.count, 3000);
    HS_CHECK_EQ(rate.period_ns, 60000000000);
    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text("2.50/s"), &rate), 0);
    HS_CHECK_EQ(rate.count, 25);
    HS_CHECK_EQ(rate.period_ns, 10000000000);
    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text("500"), &rate), -EINVAL);
    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text("500/d"), &rate), -EINVAL);
    HS_CHECK_EQ(hs_units_parse_rate(hs_view_text("/s"), &rate), -EINVAL);
}

static void rates_compare_across_periods(void)
{
    struct hs_rate per_second = {.count = 50, .period_ns = 1000000000};
    struct hs_rate per_minute = {.count = 3000, .period_ns = 60000000000};

    HS_CHECK_EQ(hs_rate_compare(per_second, per_minute), 0);
    per_minute.count++;
    HS_CHECK_EQ(hs_rate_compare(per_second, per_minute), -1);
    HS_CHECK_EQ(hs_rate_compare(per_minute, per_second), 1);
}

static void sizes_and_shares_are_read(void)
{
    uint32_t ppm = 0;

    HS_CHECK_EQ(size_of("64KiB"), 65536);
    HS_CHECK_EQ(size_of("1MB"), 1000000);
    HS_CHECK_EQ(size_of("1.5KiB"), 1536);
    HS_CHECK_EQ(size_of("17B"), 17);
    HS_CHECK_EQ(size_of("17"), -EINVAL);
    HS_CHECK_EQ(size_of("1kb"), -EINVAL);
    HS_CHECK_EQ(size_of("0.5B"), -ERANGE);
    HS_CHECK_EQ(hs_units_parse_share(hs_view_text("0.5%"), &ppm), 0);
    HS_CHECK_EQ(ppm, 5000);
    HS_CHECK_EQ(hs_units_parse_share(hs_view_text("101%"), &ppm), -ERANGE);
    HS_CHECK_EQ(hs_units_parse_share(hs_view_text("50"), &ppm), -EINVAL);
}

static void counts_are_whole_numbers(void)
{
    uint64_t count = 0;

    HS_CHECK_EQ(hs_units_parse_count(hs_view_text("18446744073709551615"), &count), 0);
    HS_CHECK(count == UINT64_MAX);
    HS_CHECK_EQ(hs_units_parse_count(hs_view_text("18446744073709551616"), &count), -ERANGE);
    HS_CHECK_EQ(hs_units_parse_count(hs_view_text("1.0"), &count), -EINVAL);
    HS_CHECK_EQ(hs_units_parse_count(hs_view_text("-1"), &count), -EINVAL);
    HS_CHECK_EQ(hs_units_parse_count(hs_view_text("10k"), &count), -EINVAL);
}

static void durations_are_shown_with_two_or_three_digits(void)
{
    char text[HS_UNITS_TEXT_BYTES];

    HS_CHECK_TEXT(hs_units_format_duration(text, 0), "0ns");
    HS_CHECK_TEXT(hs_units_format_duration(text, 999), "999ns");
    HS_CHECK_TEXT(hs_units_format_duration(text, 2500), "2.5us");
    HS_CHECK_TEXT(hs_units_format_duration(text, 14000), "14us");
    HS_CHECK_TEXT(hs_units_format_duration(text, 999400), "999us");
    HS_CHECK_TEXT(hs_units_format_duration(text, 999600), "1.0ms");
    HS_CHECK_TEXT(hs_units_format_duration(text, 3210000), "3.2ms");
    HS_CHECK_TEXT(hs_units_format_duration(text, 38700000), "38.7ms");
    HS_CHECK_TEXT(hs_units_format_duration(text, 99960000), "100ms");
    HS_CHECK_TEXT(hs_units_format_duration(text, 112000000), "112ms");
    HS_CHECK_TEXT(hs_units_format_duration(text, 1500000000), "1.5s");
    HS_CHECK_TEXT(hs_units_format_duration(text, 59960000000), "1m");
    HS_CHECK_TEXT(hs_units_format_duration(text, 90000000000), "1m30s");
    HS_CHECK_TEXT(hs_units_format_duration(text, 7500000000000), "2h5m");
}

static void counts_have_their_thousands_apart(void)
{
    char text[HS_UNITS_TEXT_BYTES];

    HS_CHECK_TEXT(hs_units_format_count(text, 0), "0");
    HS_CHECK_TEXT(hs_units_format_count(text, 999), "999");
    HS_CHECK_TEXT(hs_units_format_count(text, 273000), "273 000");
    HS_CHECK_TEXT(hs_units_format_count(text, UINT64_MAX), "18 446 744 073 709 551 615");
    HS_CHECK_TEXT(hs_units_format_per_s(text, UINT64_MAX - 1000), "18 446 744 073 709 551/s");
    HS_CHECK_TEXT(hs_units_format_per_s(text, 1820400), "1 820/s");
    HS_CHECK_TEXT(hs_units_format_per_s(text, 250), "0.25/s");
    HS_CHECK_TEXT(hs_units_format_per_s(text, 0), "0/s");
}

static void bytes_and_shares_are_shown(void)
{
    char text[HS_UNITS_TEXT_BYTES];

    HS_CHECK_TEXT(hs_units_format_bytes(text, 812), "812 B");
    HS_CHECK_TEXT(hs_units_format_bytes(text, 4100000), "4.1 MB");
    HS_CHECK_TEXT(hs_units_format_bytes_per_s(text, 3700000), "3.7 MB/s");
    HS_CHECK_TEXT(hs_units_format_bytes_per_s(text, 912000000000), "912 GB/s");
    HS_CHECK_TEXT(hs_units_format_ppm(text, 700), "0.07%");
    HS_CHECK_TEXT(hs_units_format_ppm(text, 7), "<0.01%");
    HS_CHECK_TEXT(hs_units_format_ppm(text, 0), "0.00%");
    HS_CHECK_TEXT(hs_units_format_ppm(text, 1000000), "100.00%");
}

static void exact_forms_parse_back(void)
{
    static const uint64_t    durations[] = {0,           1,           999,           1500000,
                                            2000000000,  90000000000, 3600000000000, 3661000000000,
                                            90500000000, 61000000001};
    static const char *const rates[] = {
        "500/s", "3000/m", "1/h", "0.5/s", "2.125/s", "7/m", "100001/h", "18446744073709551615/h",
        /* numbers of 64 bits, and all decimals that there are */
        "18446744073.709551615/s", "184467440737.09551615/m", "18446744073709.551615/h"};
    char text[HS_UNITS_TEXT_BYTES];

    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        HS_CHECK_EQ(duration_of(hs_units_format_duration_exact(text, durations[i])), durations[i]);
    HS_CHECK_TEXT(hs_units_format_duration_exact(text, 90000000000), "1m30s");
    HS_CHECK_TEXT(hs_units_format_duration_exact(text, 1500000), "1500us");
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct hs_rate rate = {0};
        struct hs_rate again = {0};

        HS_CHECK_EQ(hs_units_parse_rate(hs_view_text(rates[i]), &rate), 0);
        (void)hs_units_format_rate_exact(text, rate);
        HS_CHECK_EQ(hs_units_parse_rate(hs_view_text(text), &again), 0);
        HS_CHECK_EQ(hs_rate_compare(rate, again), 0);
    }
    /* 116e9/m; the product that it is looked for with has more than 128 bits */
    (void)hs_units_format_rate_exact(text,
                                     (struct hs_rate){18260410019166159712u, 9424008462460780544u});
    HS_CHECK(strcmp(text, "7934787058.502749128/m") != 0);
    HS_CHECK_TEXT(hs_units_format_size_exact(text, 65536), "64KiB");
    HS_CHECK_TEXT(hs_units_format_size_exact(text, 1000000), "1MB");
    HS_CHECK_TEXT(hs_units_format_size_exact(text, 17), "17B");
}

CU_TestInfo hs_tests_units[] = {
    {"durations are read exactly", durations_are_read_exactly},
    {"durations without a unit or out of order are refused",
     durations_without_a_unit_or_out_of_order_are_refused},
    {"rates are a count in a period", rates_are_a_count_in_a_period},
    {"rates compare across periods", rates_compare_across_periods},
    {"sizes and shares are read", sizes_and_shares_are_read},
    {"counts are whole numbers", counts_are_whole_numbers},
    {"durations are shown with two or three digits", durations_are_shown_with_two_or_three_digits},
    {"counts have their thousands apart", counts_have_their_thousands_apart},
    {"bytes and shares are shown", bytes_and_shares_are_shown},
    {"exact forms parse back", exact_forms_parse_back},
    CU_TEST_INFO_NULL,
};
