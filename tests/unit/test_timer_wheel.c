// SPDX-License-Identifier: Apache-2.0
/* test_timer_wheel.c - the wheel against the plainest thing that does the same: an array that is
 * searched (reliability.md X8). */
#include "ipc/timer_wheel.h"
#include "shm/base/assert.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

enum { TIMERS = 40, SEQUENCE = 8 };

#define MS HS_TIMER_TICK_NS

struct pair {
    struct hs_timer       timers[TIMERS];
    struct hs_timer_wheel wheel;
    uint64_t              reference[TIMERS]; /* deadline; HS_NEVER_NS: not armed */
    uint32_t              count;
    uint64_t              now_ns;
};

static void set_up(struct pair *p, uint32_t count, uint64_t now_ns)
{
    hs_timer_wheel_init(&p->wheel, p->timers, count, now_ns);
    for (uint32_t i = 0; i < count; i++) p->reference[i] = HS_NEVER_NS;
    p->count = count;
    p->now_ns = now_ns;
}

static void arm(struct pair *p, uint32_t idx, uint64_t deadline_ns)
{
    hs_timer_arm(&p->wheel, idx, deadline_ns);
    p->reference[idx] = deadline_ns;
}

static uint64_t tick_of(uint64_t deadline_ns)
{
    return deadline_ns / MS + (deadline_ns % MS ? 1 : 0);
}

/* What fires is due, in order of ticks; what stays is not due; the deadline is never late. False:
 * they differ. */
static bool advance_agrees(struct pair *p, uint64_t now_ns)
{
    uint64_t last_tick = 0;
    uint64_t nearest_ns = HS_NEVER_NS;
    uint64_t before_ns = p->now_ns;
    uint32_t idx;

    p->now_ns = now_ns;
    while (hs_timer_wheel_pop(&p->wheel, now_ns, &idx)) {
        uint64_t tick;

        if (idx >= p->count || p->reference[idx] == HS_NEVER_NS || p->reference[idx] > now_ns)
            return false;
        tick = hs_max_u64(tick_of(p->reference[idx]), before_ns / MS);
        if (tick < last_tick) return false;
        last_tick = tick;
        p->reference[idx] = HS_NEVER_NS;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        bool is_armed = p->reference[i] != HS_NEVER_NS;

        if (is_armed != hs_timer_is_armed(&p->wheel, i)) return false;
        if (is_armed && tick_of(p->reference[i]) <= now_ns / MS) return false;
        if (is_armed) nearest_ns = hs_min_u64(nearest_ns, tick_of(p->reference[i]) * MS);
    }
    return hs_timer_wheel_deadline_ns(&p->wheel) <= nearest_ns;
}

static bool advance_agrees_and_is_valid(struct pair *p, uint64_t now_ns)
{
    return hs_timer_wheel_validate(&p->wheel) && advance_agrees(p, now_ns) &&
           hs_timer_wheel_validate(&p->wheel);
}

static void timer_is_never_early_and_less_than_a_tick_late(void)
{
    struct pair p;
    uint32_t    idx;

    set_up(&p, 1, 10 * MS + 5);
    arm(&p, 0, 12 * MS + 1);
    HS_CHECK(!hs_timer_wheel_pop(&p.wheel, 12 * MS, &idx));
    HS_CHECK(!hs_timer_wheel_pop(&p.wheel, 13 * MS - 1, &idx));
    HS_CHECK_EQ(hs_timer_wheel_deadline_ns(&p.wheel), 13 * MS);
    HS_CHECK(hs_timer_wheel_pop(&p.wheel, 13 * MS, &idx));
    HS_CHECK_EQ(idx, 0);
    HS_CHECK_EQ(hs_timer_wheel_deadline_ns(&p.wheel), HS_NEVER_NS);
}

static void past_deadline_fires_at_the_next_look(void)
{
    struct pair p;

    set_up(&p, 2, 1000 * MS);
    arm(&p, 0, 3);
    arm(&p, 1, 0);
    HS_CHECK(hs_timer_wheel_deadline_ns(&p.wheel) <= 1000 * MS);
    HS_CHECK(advance_agrees_and_is_valid(&p, 1000 * MS));
    HS_CHECK_EQ(p.wheel.armed_count, 0);
}

static void arming_again_moves_and_never_cancels(void)
{
    struct pair p;

    set_up(&p, 1, 0);
    arm(&p, 0, 5 * MS);
    arm(&p, 0, 70000 * MS);
    HS_CHECK_EQ(p.wheel.armed_count, 1);
    HS_CHECK(advance_agrees_and_is_valid(&p, 69999 * MS));
    HS_CHECK(hs_timer_is_armed(&p.wheel, 0));
    arm(&p, 0, HS_NEVER_NS);
    HS_CHECK(!hs_timer_is_armed(&p.wheel, 0));
    hs_timer_cancel(&p.wheel, 0);
    HS_CHECK(advance_agrees_and_is_valid(&p, 80000 * MS));
}

static void handler_may_cancel_and_arm_others(void)
{
    struct pair p;
    uint32_t    idx;
    uint32_t    other;

    set_up(&p, 3, 0);
    arm(&p, 0, 5 * MS);
    arm(&p, 1, 5 * MS);
    HS_CHECK(hs_timer_wheel_pop(&p.wheel, 9 * MS, &idx));
    other = idx == 0 ? 1 : 0;
    hs_timer_cancel(&p.wheel, other);
    hs_timer_arm(&p.wheel, 2, 7 * MS);
    HS_CHECK(hs_timer_wheel_validate(&p.wheel));
    HS_CHECK(hs_timer_wheel_pop(&p.wheel, 9 * MS, &idx));
    HS_CHECK_EQ(idx, 2);
    HS_CHECK(!hs_timer_wheel_pop(&p.wheel, 9 * MS, &idx));
}

static void deadline_beyond_the_wheel_is_kept_exactly(void)
{
    struct pair p;
    uint64_t    far_ns = (UINT64_C(3) << 32) * MS + 123 * MS;

    set_up(&p, 2, 77 * MS);
    arm(&p, 0, far_ns);
    arm(&p, 1, HS_NEVER_NS - MS);
    HS_CHECK(advance_agrees_and_is_valid(&p, far_ns - 1));
    HS_CHECK(hs_timer_is_armed(&p.wheel, 0));
    HS_CHECK(advance_agrees_and_is_valid(&p, far_ns));
    HS_CHECK(!hs_timer_is_armed(&p.wheel, 0));
    HS_CHECK(hs_timer_is_armed(&p.wheel, 1));
}

enum operation { ARM_NEAR, ARM_FAR, CANCEL_FAR, ADVANCE_A_TICK, ADVANCE_FAR, OPERATION_COUNT };

static bool operate(struct pair *p, enum operation operation, uint64_t far_ns)
{
    switch (operation) {
    case ARM_NEAR: arm(p, 0, p->now_ns + MS / 2); return true;
    case ARM_FAR: arm(p, 1, p->now_ns + far_ns); return true;
    case CANCEL_FAR:
        hs_timer_cancel(&p->wheel, 1);
        p->reference[1] = HS_NEVER_NS;
        return true;
    case ADVANCE_A_TICK: return advance_agrees(p, p->now_ns + MS);
    case ADVANCE_FAR:
    case OPERATION_COUNT: break;
    }
    return advance_agrees(p, p->now_ns + far_ns - 1);
}

/* Depth first, so that what sequences have in common is done once; counts those whose end differs
 * from the reference. */
static unsigned failed_sequences(const struct pair *before, unsigned length, uint64_t far_ns)
{
    unsigned failed = 0;

    if (length == 0) return 0;
    for (unsigned operation = 0; operation < OPERATION_COUNT; operation++) {
        struct pair p = *before;

        p.wheel.timers = p.timers;
        if (operate(&p, (enum operation)operation, far_ns))
            failed += failed_sequences(&p, length - 1, far_ns);
        else
            failed++;
    }
    return failed;
}

static void check_all_sequences(unsigned length, uint64_t start_ns, uint64_t far_ns)
{
    struct pair p;

    set_up(&p, 2, start_ns);
    HS_CHECK_EQ(failed_sequences(&p, length, far_ns), 0);
}

/* Starts and distances around the turns of the levels. */
static void all_short_sequences_agree_with_a_sorted_list(void)
{
    check_all_sequences(SEQUENCE, 254 * MS + 1, 257 * MS);
    check_all_sequences(SEQUENCE - 1, 255 * MS, 3 * MS);
    check_all_sequences(SEQUENCE - 1, 65535 * MS, 65536 * MS);
    check_all_sequences(SEQUENCE - 1, 3, (UINT64_C(1) << 24) * MS);
}

static uint64_t random_distance_ns(struct hs_rand *rand)
{
    uint64_t bits = hs_rand_below(rand, 27);

    return hs_rand_below(rand, (UINT64_C(1) << bits) * MS);
}

static void long_random_sequences_agree_with_a_sorted_list(void)
{
    struct hs_rand rand;
    struct pair    p;
    bool           is_agreed = true;

    for (uint64_t seed = 1; seed <= 5 && is_agreed; seed++) {
        hs_rand_init(&rand, seed);
        set_up(&p, TIMERS, hs_rand_below(&rand, UINT64_C(1) << 50));
        for (unsigned i = 0; i < 2000 && is_agreed; i++) {
            uint32_t idx = (uint32_t)hs_rand_below(&rand, TIMERS);
            uint64_t dice = hs_rand_below(&rand, 8);

            if (dice <= 4) {
                arm(&p, idx, p.now_ns + random_distance_ns(&rand));
            } else if (dice == 5) {
                hs_timer_cancel(&p.wheel, idx);
                p.reference[idx] = HS_NEVER_NS;
            } else {
                is_agreed =
                    advance_agrees_and_is_valid(&p, p.now_ns + random_distance_ns(&rand) / 4);
            }
            if (!is_agreed) (void)fprintf(stderr, "seed %u step %u differs\n", (unsigned)seed, i);
        }
    }
    HS_CHECK(is_agreed);
}

static void following_the_deadline_finds_every_timer_on_its_tick(void)
{
    struct pair p;
    uint32_t    idx;
    unsigned    fired = 0;
    unsigned    looks = 0;

    set_up(&p, TIMERS, 0);
    for (uint32_t i = 0; i < TIMERS; i++) arm(&p, i, (UINT64_C(1) << (i % 30)) * MS);
    while (p.wheel.armed_count && looks < 1000) {
        uint64_t now_ns = hs_timer_wheel_deadline_ns(&p.wheel);

        looks++;
        while (hs_timer_wheel_pop(&p.wheel, now_ns, &idx)) {
            fired++;
            HS_CHECK_EQ(p.reference[idx], now_ns);
        }
    }
    HS_CHECK_EQ(fired, TIMERS);
    HS_CHECK(looks < 5 * 30);
}

/* ---- membership 11: the wheel under what the membership asks of it. Our tick is a millisecond
 * instead of ten, so that 20 ms of grace are more than it needs. */

enum { MANY = 5000, TURN = 1000 };

struct crowd {
    struct hs_timer       timers[MANY + 1];
    struct hs_timer_wheel wheel;
    uint64_t              reference[MANY + 1];
};

static void deadlines_from_half_a_second_to_hours_fire_in_time(void)
{
    static const uint64_t deadlines_ms[] = {500,   1700,  1950,  2500,   5000,
                                            30000, 60000, 90000, 270000, 10000000};
    struct hs_timer       timers[HS_ARRAY_LEN(deadlines_ms)];
    struct hs_timer_wheel wheel;
    uint64_t              start_ns = 123456789;
    unsigned              fired = 0;
    uint32_t              idx;

    hs_timer_wheel_init(&wheel, timers, HS_ARRAY_LEN(deadlines_ms), start_ns);
    for (uint32_t i = 0; i < HS_ARRAY_LEN(deadlines_ms); i++)
        hs_timer_arm(&wheel, i, start_ns + deadlines_ms[i] * MS);
    for (uint64_t now_ns = start_ns; fired < HS_ARRAY_LEN(deadlines_ms); now_ns += 3 * MS) {
        while (hs_timer_wheel_pop(&wheel, now_ns, &idx)) {
            HS_CHECK(now_ns >= start_ns + deadlines_ms[idx] * MS);
            HS_CHECK(now_ns <= start_ns + (deadlines_ms[idx] + 20) * MS);
            fired++;
        }
        if (now_ns > start_ns + 10001000 * MS) break;
    }
    HS_CHECK_EQ(fired, HS_ARRAY_LEN(deadlines_ms));
}

/* All that was due fires, and nothing else; each tick's before the next one's. */
static bool crowd_agrees(struct crowd *crowd, uint64_t before_ns, uint64_t now_ns)
{
    uint64_t last_tick = 0;
    uint32_t idx;

    while (hs_timer_wheel_pop(&crowd->wheel, now_ns, &idx)) {
        uint64_t tick = hs_max_u64(tick_of(crowd->reference[idx]), before_ns / MS);

        if (crowd->reference[idx] > now_ns || tick < last_tick) return false;
        last_tick = tick;
        crowd->reference[idx] = HS_NEVER_NS;
    }
    for (uint32_t i = 0; i <= MANY; i++)
        if (crowd->reference[i] != HS_NEVER_NS && tick_of(crowd->reference[i]) <= now_ns / MS)
            return false;
    return true;
}

static void hundred_thousand_operations_agree_with_a_list(void)
{
    static struct crowd crowd;
    struct hs_rand      rand;
    uint64_t            now_ns = 7 * MS;
    bool                is_agreed = true;

    hs_rand_init(&rand, 1102);
    hs_timer_wheel_init(&crowd.wheel, crowd.timers, MANY + 1, now_ns);
    for (uint32_t i = 0; i <= MANY; i++) crowd.reference[i] = HS_NEVER_NS;
    for (unsigned i = 0; i < 100000 && is_agreed; i++) {
        uint32_t idx = (uint32_t)hs_rand_below(&rand, MANY + 1);

        if (hs_rand_below(&rand, 4) == 0) {
            hs_timer_cancel(&crowd.wheel, idx);
            crowd.reference[idx] = HS_NEVER_NS;
        } else {
            crowd.reference[idx] = now_ns + random_distance_ns(&rand) / 64;
            hs_timer_arm(&crowd.wheel, idx, crowd.reference[idx]);
        }
        if (i % 100) continue;
        is_agreed = crowd_agrees(&crowd, now_ns, now_ns + 50 * MS);
        now_ns += 50 * MS;
    }
    HS_CHECK(is_agreed);
    HS_CHECK(hs_timer_wheel_validate(&crowd.wheel));
}

static void entry_moved_a_thousand_times_a_second_fires_at_its_last_deadline(void)
{
    struct hs_timer       timer;
    struct hs_timer_wheel wheel;
    uint64_t              deadline_ns = 5000 * MS;
    uint64_t              now_ns;
    uint32_t              idx;

    hs_timer_wheel_init(&wheel, &timer, 1, 0);
    for (now_ns = 0; now_ns < 1000 * MS; now_ns += MS) {
        deadline_ns -= 3 * MS;
        hs_timer_arm(&wheel, 0, deadline_ns);
        HS_CHECK(!hs_timer_wheel_pop(&wheel, now_ns, &idx));
    }
    HS_CHECK_EQ(deadline_ns, 2000 * MS);
    for (; now_ns < deadline_ns; now_ns += MS) HS_CHECK(!hs_timer_wheel_pop(&wheel, now_ns, &idx));
    HS_CHECK(hs_timer_wheel_pop(&wheel, now_ns, &idx));
}

static void entry_cancelled_by_another_of_its_slot_does_not_fire(void)
{
    struct hs_timer       timers[2];
    struct hs_timer_wheel wheel;
    uint32_t              idx;
    uint32_t              again;

    hs_timer_wheel_init(&wheel, timers, 2, 0);
    hs_timer_arm(&wheel, 0, 300 * MS);
    hs_timer_arm(&wheel, 1, 300 * MS);
    HS_CHECK(hs_timer_wheel_pop(&wheel, 300 * MS, &idx));
    hs_timer_cancel(&wheel, 1 - idx);
    HS_CHECK(!hs_timer_wheel_pop(&wheel, 300 * MS, &again));
    HS_CHECK(!hs_timer_wheel_pop(&wheel, 60000 * MS, &again));
}

static void deadline_now_or_past_fires_at_the_next_turn_once(void)
{
    struct hs_timer       timers[3];
    struct hs_timer_wheel wheel;
    unsigned              fired = 0;
    uint32_t              idx;

    hs_timer_wheel_init(&wheel, timers, 3, 90 * MS);
    hs_timer_arm(&wheel, 0, 90 * MS);
    hs_timer_arm(&wheel, 1, 89 * MS);
    hs_timer_arm(&wheel, 2, 0);
    HS_CHECK(hs_timer_wheel_deadline_ns(&wheel) <= 90 * MS);
    while (hs_timer_wheel_pop(&wheel, 90 * MS, &idx)) fired++;
    while (hs_timer_wheel_pop(&wheel, 9000 * MS, &idx)) fired++;
    HS_CHECK_EQ(fired, 3);
}

/* The driver takes so many a turn; the rest waits at the head, before what is due later. */
static void five_thousand_of_one_tick_take_five_turns_and_keep_order(void)
{
    static struct crowd crowd;
    static bool         has_fired[MANY];
    unsigned            turns = 0;
    unsigned            fired = 0;
    uint32_t            idx;

    hs_timer_wheel_init(&crowd.wheel, crowd.timers, MANY + 1, 0);
    for (uint32_t i = 0; i < MANY; i++) hs_timer_arm(&crowd.wheel, i, 777 * MS);
    hs_timer_arm(&crowd.wheel, MANY, 778 * MS);
    for (uint64_t now_ns = 777 * MS; fired < MANY && turns < 50; now_ns += 10 * MS, turns++)
        for (unsigned i = 0; i < TURN; i++) {
            HS_CHECK(hs_timer_wheel_pop(&crowd.wheel, now_ns, &idx));
            HS_CHECK(idx < MANY && !has_fired[idx]);
            if (idx < MANY) has_fired[idx] = true;
            fired++;
        }
    HS_CHECK_EQ(turns, MANY / TURN);
    HS_CHECK(hs_timer_wheel_pop(&crowd.wheel, 827 * MS, &idx));
    HS_CHECK_EQ(idx, MANY);
}

CU_TestInfo hs_tests_timer_wheel[] = {
    {"11.1 deadlines from half a second to hours fire within 20 ms",
     deadlines_from_half_a_second_to_hours_fire_in_time},
    {"11.2 100,000 operations agree with a list", hundred_thousand_operations_agree_with_a_list},
    {"11.3 entry moved 1,000 times a second fires at its last deadline",
     entry_moved_a_thousand_times_a_second_fires_at_its_last_deadline},
    {"11.4 entry cancelled by another of its slot does not fire",
     entry_cancelled_by_another_of_its_slot_does_not_fire},
    {"11.5 deadline now or past fires at the next turn, once",
     deadline_now_or_past_fires_at_the_next_turn_once},
    {"11.6 5,000 of one tick take five turns and keep their order",
     five_thousand_of_one_tick_take_five_turns_and_keep_order},
    {"timer is never early and less than a tick late",
     timer_is_never_early_and_less_than_a_tick_late},
    {"past deadline fires at the next look", past_deadline_fires_at_the_next_look},
    {"arming again moves, and never cancels", arming_again_moves_and_never_cancels},
    {"handler may cancel and arm others", handler_may_cancel_and_arm_others},
    {"deadline beyond the wheel is kept exactly", deadline_beyond_the_wheel_is_kept_exactly},
    {"all short sequences agree with a sorted list", all_short_sequences_agree_with_a_sorted_list},
    {"long random sequences agree with a sorted list",
     long_random_sequences_agree_with_a_sorted_list},
    {"following the deadline finds every timer on its tick",
     following_the_deadline_finds_every_timer_on_its_tick},
    CU_TEST_INFO_NULL};
