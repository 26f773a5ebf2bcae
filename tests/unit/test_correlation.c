// SPDX-License-Identifier: Apache-2.0
/* test_correlation.c - datacenters that fail together (correlation.h, membership.md 16). */
#include "roles/cluster/correlation.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define S(n)  ((uint64_t)(n)*HS_NS_PER_S)
#define MS(n) ((uint64_t)(n)*HS_NS_PER_MS)

static struct hs_correlation     correlation;
static struct hs_correlation_out out;
static uint64_t                  now_ns;
static unsigned                  detected, healed, long_ones;
static uint64_t                  told; /* by the last of detected or healed */
static uint64_t                  healed_at_ns;

static void take(void)
{
    hs_correlation_step(&correlation, now_ns, &out);
    detected += out.is_detected;
    healed += out.is_healed;
    long_ones += out.is_long;
    if (out.is_detected || out.is_healed) told = out.datacenters;
    if (out.is_healed) healed_at_ns = now_ns;
}

static void begin(unsigned datacenters)
{
    now_ns = S(5000);
    detected = healed = long_ones = 0;
    told = healed_at_ns = 0;
    hs_correlation_init(&correlation, now_ns);
    for (unsigned i = 0; i < datacenters; i++) hs_correlation_add(&correlation, i);
    take();
}

static void pass(unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        now_ns += S(1);
        HS_CHECK(hs_correlation_deadline_ns(&correlation) <= now_ns);
        take();
    }
}

static void fail(unsigned datacenter)
{
    hs_correlation_fail(&correlation, now_ns, datacenter);
    take();
}

static void recover(unsigned datacenter)
{
    hs_correlation_recover(&correlation, now_ns, datacenter);
    take();
}

static void fail_first(unsigned count)
{
    for (unsigned i = 0; i < count; i++) fail(i);
}

static enum hs_correlation_state state_of(unsigned datacenter)
{
    return correlation.datacenters[datacenter].state;
}

static unsigned held_count(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX; i++)
        count += correlation.datacenters[i].is_held;
    return count;
}

static void s16_1(void)
{
    begin(3);
    fail(0);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FAILING);
    pass(4);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FAILING);
    pass(1);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FAILED);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_NONE);
    HS_CHECK_EQ(held_count(), 0);
    pass(600);
    HS_CHECK_EQ(detected, 0);
}

static void s16_2(void)
{
    begin(2);
    fail_first(2);
    pass(4);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_NONE);
    pass(1);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_HIGH);
    HS_CHECK_EQ(detected, 1);
    HS_CHECK_EQ(told, 3);
    HS_CHECK_EQ(held_count(), 2);
    pass(60);
    HS_CHECK_EQ(detected, 1);
}

static void s16_3(void)
{
    begin(3);
    fail_first(2);
    pass(5);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_MEDIUM);
    HS_CHECK(correlation.datacenters[0].is_held);
    HS_CHECK(correlation.datacenters[1].is_held);
    HS_CHECK(!correlation.datacenters[2].is_held);
}

static void s16_4(void)
{
    static const char *const      regions[8] = {"a", "b", "c", "d", "a", "b", "c", "d"};
    static const enum hs_severity severities[5] = {
        HS_SEVERITY_NONE, HS_SEVERITY_NONE, HS_SEVERITY_LOW, HS_SEVERITY_MEDIUM, HS_SEVERITY_HIGH};

    for (unsigned count = 0; count < 5; count++) {
        begin(8);
        for (unsigned i = 0; i < 8; i++) hs_correlation_set_region(&correlation, i, regions[i]);
        fail_first(count);
        pass(5);
        HS_CHECK_EQ(correlation.severity, severities[count]);
    }
    begin(8);
    fail(0);
    pass(5);
    fail(1);
    fail(2);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_LOW); /* 1 + 2 halves */
}

static void s16_5(void)
{
    begin(6);
    for (unsigned i = 0; i < 6; i++)
        hs_correlation_set_region(&correlation, i, i < 3 ? "us-west" : "eu");
    fail_first(3);
    pass(10);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_LOW);
    HS_CHECK(correlation.is_regional);
    HS_CHECK_EQ(held_count(), 0);
    HS_CHECK_EQ(detected, 0);
    fail(4); /* now it is no region any more */
    pass(5);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_HIGH);
    HS_CHECK_EQ(held_count(), 4);
}

static void s16_6(void)
{
    uint64_t recovered_ns;

    begin(3);
    fail_first(3);
    pass(20);
    recovered_ns = now_ns;
    for (unsigned i = 0; i < 3; i++) recover(i);
    pass(29);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_RECOVERING);
    pass(1);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_HEALTHY);
    HS_CHECK_EQ(healed, 0);
    pass(300);
    HS_CHECK_EQ(healed, 1);
    HS_CHECK_EQ(healed_at_ns - recovered_ns, S(60));
    HS_CHECK_EQ(told, 7);
    HS_CHECK_EQ(detected, 1);
}

static void s16_7(void)
{
    begin(3);
    fail(0);
    pass(15);
    recover(0);
    pass(15);
    fail(0);
    pass(15);
    recover(0);
    pass(15);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_RECOVERING);
    fail(0);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FLAPPING);
    pass(15);
    recover(0);
    pass(298);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FLAPPING);
    pass(2);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_RECOVERING);
    pass(30);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_HEALTHY);
}

static void measure(unsigned seconds, unsigned factor)
{
    static const unsigned steady[3] = {80, 150, 300};

    for (unsigned i = 0; i < seconds; i++) {
        for (unsigned k = 0; k < 3; k++)
            hs_correlation_round_trip(&correlation, now_ns, k, MS(steady[k] * factor));
        pass(1);
    }
}

static void s16_8(void)
{
    begin(3);
    measure(900, 1);
    HS_CHECK(!correlation.is_latency);
    measure(60, 2);
    HS_CHECK(correlation.is_latency);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_NONE); /* one sign alone holds nothing */
    measure(90, 1);
    HS_CHECK(!correlation.is_latency);
}

static void s16_9(void)
{
    begin(2);
    hs_correlation_local_health(&correlation, 0, 5);
    pass(1);
    HS_CHECK(correlation.is_stressed);
    hs_correlation_local_health(&correlation, 0, 0);
    pass(1);
    HS_CHECK(!correlation.is_stressed);
}

static void s16_10(void)
{
    begin(2);
    fail_first(2);
    for (unsigned i = 0; i < 30; i++) { /* nobody takes what it says */
        now_ns += S(1);
        hs_correlation_step(&correlation, now_ns, &out);
    }
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_HIGH);
    recover(0);
    recover(1);
    pass(120);
    HS_CHECK_EQ(healed, 1);
    HS_CHECK_EQ(told, 3);
}

static void s16_11(void)
{
    begin(3);
    for (unsigned i = 0; i < 10000; i++) {
        hs_correlation_fail(&correlation, now_ns + i * MS(100), 0);
        hs_correlation_round_trip(&correlation, now_ns + i * MS(100), 0, MS(10));
    }
    now_ns += S(1000);
    pass(6);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FAILED);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_NONE);
    HS_CHECK_EQ(detected, 0);
}

/* ---- what else must hold ---- */

static void one_more_that_fails_is_told_and_long_holding_is_an_alert(void)
{
    begin(8);
    fail_first(3);
    pass(5);
    HS_CHECK_EQ(detected, 1);
    HS_CHECK_EQ(told, 7);
    fail(5);
    pass(5);
    HS_CHECK_EQ(detected, 2);
    HS_CHECK_EQ(told, 7 | 1 << 5);
    pass(293);
    HS_CHECK_EQ(long_ones, 0);
    pass(3);
    HS_CHECK_EQ(long_ones, 1);
    pass(600);
    HS_CHECK_EQ(long_ones, 1);
    HS_CHECK_EQ(held_count(), 4);
}

static void what_most_gates_have_given_up_is_not_held(void)
{
    begin(2);
    fail_first(2);
    pass(6);
    HS_CHECK_EQ(held_count(), 2);
    hs_correlation_agree(&correlation, 1, true);
    pass(1);
    HS_CHECK_EQ(held_count(), 1);
    HS_CHECK(correlation.datacenters[0].is_held);
}

static void two_signs_together_hold_what_fails(void)
{
    begin(4);
    fail(0);
    pass(5);
    HS_CHECK_EQ(held_count(), 0);
    for (unsigned i = 0; i < 2; i++) {
        hs_correlation_local_health(&correlation, i, 4);
        hs_correlation_extended(&correlation, now_ns, i, 2);
    }
    pass(1);
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_MEDIUM);
    HS_CHECK_EQ(held_count(), 1);
    pass(120); /* what was told of workers is old */
    HS_CHECK_EQ(correlation.severity, HS_SEVERITY_NONE);
    pass(60);
    HS_CHECK_EQ(held_count(), 0);
}

static void figures_that_cannot_be_are_counted_and_strangers_ignored(void)
{
    begin(2);
    hs_correlation_round_trip(&correlation, now_ns, 0, 0);
    hs_correlation_round_trip(&correlation, now_ns, 0, S(61));
    hs_correlation_local_health(&correlation, 0, 9);
    HS_CHECK_EQ(correlation.dropped, 3);
    fail(7);
    pass(6);
    HS_CHECK_EQ(state_of(7), HS_CORRELATION_HEALTHY);
    HS_CHECK(!correlation.datacenters[7].is_known);
}

static void who_is_away_does_not_get_well_by_being_quiet(void)
{
    begin(3);
    for (unsigned i = 0; i < 2; i++) {
        fail(0);
        pass(5);
        recover(0);
        pass(5);
    }
    fail(0);
    pass(900);
    HS_CHECK_EQ(state_of(0), HS_CORRELATION_FLAPPING);
}

CU_TestInfo hs_tests_correlation[] = {
    {"16.1 R21 one of three fails: nothing is held", s16_1},
    {"16.2 both of two fail: the network, told once with both", s16_2},
    {"16.3 two of three fail: both are held", s16_3},
    {"16.4 four, three and two of eight, and two that are about to fail", s16_4},
    {"16.5 a region fails and others do not: a real loss, nothing is held", s16_5},
    {"16.6 all recover: healthy after 30 s, healed after 60 s, once", s16_6},
    {"16.7 the third failure in two minutes is flapping, until 300 s are quiet", s16_7},
    {"16.8 a distant datacenter is slow every day, one that doubles is not", s16_8},
    {"16.9 stress that has passed is over", s16_9},
    {"16.10 whoever does not take what it says does not stop it", s16_10},
    {"16.11 ten thousand failures of one are one", s16_11},
    {"one more that fails is told, and long holding is an alert",
     one_more_that_fails_is_told_and_long_holding_is_an_alert},
    {"what most gates have given up is not held", what_most_gates_have_given_up_is_not_held},
    {"two signs together hold what fails", two_signs_together_hold_what_fails},
    {"figures that cannot be are counted, and strangers ignored",
     figures_that_cannot_be_are_counted_and_strangers_ignored},
    {"who is away does not get well by being quiet", who_is_away_does_not_get_well_by_being_quiet},
    CU_TEST_INFO_NULL};
