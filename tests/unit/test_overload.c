// SPDX-License-Identifier: Apache-2.0
#include "roles/guard/overload.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <string.h>

static struct hs_overload overload;
static uint64_t           now_ns;

static void begin(void)
{
    memset(&overload, 0, sizeof overload);
    now_ns = 1000 * HS_NS_PER_S;
    hs_overload_init(&overload, now_ns);
}

/* One turn each 10 ms that takes so long, for a while; the ticks in it. */
static void run(double took_ms, uint64_t for_ns)
{
    uint64_t end_ns = now_ns + for_ns;

    while (now_ns < end_ns) {
        now_ns += 10 * HS_NS_PER_MS;
        hs_overload_turn(&overload, now_ns, (uint64_t)(took_ms * 1e6), 0);
        if (now_ns % HS_OVERLOAD_TICK_NS == 0) (void)hs_overload_tick(&overload, now_ns, 0);
    }
}

/* After how long it is at that level, running so; for no longer than limit_ns. */
static uint64_t until(enum hs_node_load level, double took_ms, uint64_t limit_ns)
{
    uint64_t begun_ns = now_ns;

    while (hs_overload_level(&overload) != level && now_ns < begun_ns + limit_ns)
        run(took_ms, HS_OVERLOAD_TICK_NS);
    return now_ns - begun_ns;
}

#define MS(n) ((n)*HS_NS_PER_MS)
#define S(n)  ((n)*HS_NS_PER_S)

static void what_stays_slow_does_not_become_the_norm(void)
{
    begin();
    run(50, S(180));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
    HS_CHECK(until(HS_NODE_DEGRADED, 150, S(10)) <= MS(750));
    run(150, S(15 * 60));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_DEGRADED);
    HS_CHECK_EQ(overload.reasons, HS_OVERLOAD_DELTA);
    HS_CHECK(until(HS_NODE_BUSY, 50, S(10)) <= MS(2750));
    HS_CHECK(until(HS_NODE_HEALTHY, 50, S(10)) <= MS(2250));
}

static void half_an_hour_makes_a_norm(void)
{
    begin();
    run(50, S(180));
    run(150, S(29 * 60));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_DEGRADED);
    run(150, S(3 * 60));
    HS_CHECK(hs_overload_level(&overload) < HS_NODE_DEGRADED);
}

static void one_slow_turn_is_no_load(void)
{
    begin();
    run(10, S(100));
    run(1000, MS(10));
    for (unsigned i = 0; i < 100; i++) {
        run(10, HS_OVERLOAD_TICK_NS);
        HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
    }
}

static void a_slow_ramp_is_seen(void)
{
    uint64_t busy_ns = 0, degraded_ns = 0, begun_ns;
    bool     is_overloaded = false;

    begin();
    run(20, S(61));
    begun_ns = now_ns;
    while (now_ns < begun_ns + S(1800)) {
        run(20 + 170 * (double)(now_ns - begun_ns) / (double)S(1800), HS_OVERLOAD_TICK_NS);
        if (!busy_ns && overload.level == HS_NODE_BUSY) busy_ns = now_ns - begun_ns;
        if (!degraded_ns && overload.level == HS_NODE_DEGRADED) degraded_ns = now_ns - begun_ns;
        is_overloaded = is_overloaded || overload.level == HS_NODE_OVERLOADED;
    }
    HS_CHECK(busy_ns > S(97) && busy_ns < S(120));
    HS_CHECK(degraded_ns > S(308) && degraded_ns < S(330));
    HS_CHECK(!is_overloaded);
}

static void little_is_no_load_however_often_the_norm(void)
{
    begin();
    run(1, S(100));
    run(4, S(10));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
    run(7, S(10));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_BUSY);
}

static void it_gets_better_one_step_at_a_time(void)
{
    begin();
    run(50, S(100));
    HS_CHECK(until(HS_NODE_OVERLOADED, 3000, S(10)) <= MS(750));
    run(3000, S(3) - MS(750));
    HS_CHECK(until(HS_NODE_DEGRADED, 50, S(10)) <= MS(2750));
    HS_CHECK_EQ(until(HS_NODE_BUSY, 50, S(10)), S(2));
    HS_CHECK_EQ(until(HS_NODE_HEALTHY, 50, S(10)), S(2));
}

static void fixed_limits_need_no_past(void)
{
    begin();
    run(600, S(5));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_DEGRADED);
    HS_CHECK_EQ(overload.reasons, HS_OVERLOAD_ABSOLUTE);
}

static void the_core_must_be_used_for_a_second(void)
{
    begin();
    for (unsigned i = 0; i < 3; i++) {
        now_ns += HS_OVERLOAD_TICK_NS;
        HS_CHECK(!hs_overload_tick(&overload, now_ns, 960000));
    }
    HS_CHECK(hs_overload_tick(&overload, now_ns, 960000));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_OVERLOADED);
    HS_CHECK_EQ(overload.reasons, HS_OVERLOAD_CPU);
    for (unsigned i = 0; i < 30; i++) (void)hs_overload_tick(&overload, now_ns, 300000);
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
}

static void tick_with_queue(uint64_t first_ns, uint64_t second_ns)
{
    hs_overload_turn(&overload, now_ns, MS(1), first_ns);
    hs_overload_turn(&overload, now_ns, MS(1), second_ns);
    now_ns += HS_OVERLOAD_TICK_NS;
    (void)hs_overload_tick(&overload, now_ns, 0);
}

static void a_queue_counts_when_it_stands(void)
{
    begin();
    for (unsigned i = 0; i < 10; i++) tick_with_queue(MS(500), 0); /* it was empty now and then */
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
    tick_with_queue(MS(500), MS(30));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
    tick_with_queue(MS(25), MS(500));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_DEGRADED);
    HS_CHECK_EQ(overload.reasons, HS_OVERLOAD_QUEUE);
}

static void what_was_long_ago_is_forgotten(void)
{
    begin();
    run(3000, S(2));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_OVERLOADED);
    for (unsigned i = 0; i < 80; i++) { /* nobody asks for anything */
        now_ns += HS_OVERLOAD_TICK_NS;
        (void)hs_overload_tick(&overload, now_ns, 0);
    }
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
}

static void growth_makes_it_worse(void)
{
    begin();
    run(20, S(61));
    for (unsigned i = 0; i < 80 && overload.level < HS_NODE_DEGRADED; i++) {
        run(60, HS_OVERLOAD_TICK_NS); /* d = 2: DEGRADED by its cap, at once */
    }
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_DEGRADED);
    begin();
    run(100, S(61));
    for (unsigned i = 0; i < 30; i++) run(100 + 3 * i, HS_OVERLOAD_TICK_NS); /* 12 ms a second */
    HS_CHECK(overload.reasons & HS_OVERLOAD_TREND);
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_DEGRADED); /* by delta alone BUSY */
}

static void more_turns_than_places_leave_the_newest(void)
{
    begin();
    for (unsigned i = 0; i < 2 * HS_OVERLOAD_SAMPLES; i++)
        hs_overload_turn(&overload, now_ns, i < HS_OVERLOAD_SAMPLES ? S(3) : MS(1), 0);
    (void)hs_overload_tick(&overload, now_ns, 0);
    HS_CHECK_EQ(overload.median_ns, MS(1));
    HS_CHECK_EQ(hs_overload_level(&overload), HS_NODE_HEALTHY);
    hs_overload_turn(&overload, now_ns, UINT64_MAX / 2, 0); /* no place for it in the minute */
    HS_CHECK_EQ(overload.epoch[HS_OVERLOAD_BUCKETS - 1], 1);
}

CU_TestInfo hs_tests_overload[] = {
    {"T2.1 what stays slow does not become the norm", what_stays_slow_does_not_become_the_norm},
    {"2 half an hour makes a norm", half_an_hour_makes_a_norm},
    {"T2.2 one slow turn is no load", one_slow_turn_is_no_load},
    {"T2.3 a slow ramp is seen", a_slow_ramp_is_seen},
    {"T2.4 little is no load however often the norm", little_is_no_load_however_often_the_norm},
    {"T2.5 it gets better one step at a time", it_gets_better_one_step_at_a_time},
    {"T2.6 fixed limits need no past", fixed_limits_need_no_past},
    {"T2.7 the core must be used for a second", the_core_must_be_used_for_a_second},
    {"a queue counts when it stands", a_queue_counts_when_it_stands},
    {"what was long ago is forgotten", what_was_long_ago_is_forgotten},
    {"growth makes it worse", growth_makes_it_worse},
    {"more turns than places leave the newest", more_turns_than_places_leave_the_newest},
    CU_TEST_INFO_NULL};
