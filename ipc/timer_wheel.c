// SPDX-License-Identifier: Apache-2.0
/* timer_wheel.c - a hierarchical wheel of index-linked lists with a bitmap of the slots in use, so
 * that empty stretches of time cost nothing. */
#include "ipc/timer_wheel.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

enum {
    LEVEL_BITS = 8,
    SLOT_MASK = HS_TIMER_SLOTS - 1,
    WORD_BITS = 64,
    DUE_HEAD = HS_TIMER_HEADS - 1
};
#define NONE HS_TIMER_NONE_IDX
#define SPAN                                                                                       \
    (UINT64_C(1) << (LEVEL_BITS * HS_TIMER_LEVELS)) /* ticks that the wheel can tell apart */
#define NO_TICK UINT64_MAX

/* The first tick that is not before the deadline: rounding up is what keeps a timer from being
 * early. */
static uint64_t due_tick(uint64_t deadline_ns)
{
    return deadline_ns / HS_TIMER_TICK_NS + (deadline_ns % HS_TIMER_TICK_NS != 0);
}

static void link_into(struct hs_timer_wheel *wheel, uint32_t head, uint32_t idx)
{
    struct hs_timer *timer = &wheel->timers[idx];

    timer->head = head;
    timer->previous = NONE;
    timer->next = wheel->heads[head];
    if (timer->next != NONE) wheel->timers[timer->next].previous = idx;
    wheel->heads[head] = idx;
    if (head != DUE_HEAD)
        wheel->used[head / HS_TIMER_SLOTS][head % HS_TIMER_SLOTS / WORD_BITS] |=
            UINT64_C(1) << (head % WORD_BITS);
}

static void unlink_from_list(struct hs_timer_wheel *wheel, uint32_t idx)
{
    struct hs_timer *timer = &wheel->timers[idx];
    uint32_t         head = timer->head;

    HS_ASSERT(head < HS_TIMER_HEADS);
    if (timer->next != NONE) wheel->timers[timer->next].previous = timer->previous;
    if (timer->previous != NONE)
        wheel->timers[timer->previous].next = timer->next;
    else
        wheel->heads[head] = timer->next;
    if (wheel->heads[head] == NONE && head != DUE_HEAD)
        wheel->used[head / HS_TIMER_SLOTS][head % HS_TIMER_SLOTS / WORD_BITS] &=
            ~(UINT64_C(1) << (head % WORD_BITS));
    timer->head = NONE;
    timer->next = NONE;
    timer->previous = NONE;
}

/* The level is the lowest whose 256 slots reach the due tick; distance is at least 1 there, so the
 * slot that is current now has been emptied already and comes up again only after a whole turn. */
static uint32_t head_for(const struct hs_timer_wheel *wheel, uint64_t due)
{
    uint64_t distance;
    unsigned level = 0;

    if (due <= wheel->tick) return DUE_HEAD;
    distance = due - wheel->tick;
    if (distance >= SPAN) {
        distance = SPAN - 1;
        due = wheel->tick + distance;
    }
    while (distance >> (LEVEL_BITS * (level + 1))) level++;
    HS_ASSERT(level < HS_TIMER_LEVELS);
    return level * HS_TIMER_SLOTS + (uint32_t)((due >> (LEVEL_BITS * level)) & SLOT_MASK);
}

void hs_timer_wheel_init(struct hs_timer_wheel *wheel, struct hs_timer *timers,
                         uint32_t timer_count, uint64_t now_ns)
{
    HS_ASSERT(timer_count < NONE);
    *wheel = (struct hs_timer_wheel){
        .timers = timers, .timer_count = timer_count, .tick = now_ns / HS_TIMER_TICK_NS};
    for (unsigned i = 0; i < HS_TIMER_HEADS; i++) wheel->heads[i] = NONE;
    for (uint32_t i = 0; i < timer_count; i++)
        timers[i] = (struct hs_timer){.next = NONE, .previous = NONE, .head = NONE};
}

void hs_timer_cancel(struct hs_timer_wheel *wheel, uint32_t idx)
{
    HS_ASSERT(idx < wheel->timer_count);
    if (wheel->timers[idx].head == NONE) return;
    HS_ASSERT(wheel->armed_count > 0);
    unlink_from_list(wheel, idx);
    wheel->armed_count--;
}

void hs_timer_arm(struct hs_timer_wheel *wheel, uint32_t idx, uint64_t deadline_ns)
{
    hs_timer_cancel(wheel, idx);
    if (deadline_ns == HS_NEVER_NS) return;
    wheel->timers[idx].deadline_ns = deadline_ns;
    link_into(wheel, head_for(wheel, due_tick(deadline_ns)), idx);
    wheel->armed_count++;
}

bool hs_timer_is_armed(const struct hs_timer_wheel *wheel, uint32_t idx)
{
    HS_ASSERT(idx < wheel->timer_count);
    return wheel->timers[idx].head != NONE;
}

/* How many slots after current the next used one comes, going round: 1 to 256; 0: the level is
 * empty. */
static unsigned slots_to_next(const uint64_t used[HS_TIMER_SLOTS / WORD_BITS], unsigned current)
{
    unsigned start = (current + 1) & SLOT_MASK;

    for (unsigned i = 0; i <= HS_TIMER_SLOTS / WORD_BITS; i++) {
        unsigned word = (start / WORD_BITS + i) % (HS_TIMER_SLOTS / WORD_BITS);
        uint64_t bits = used[word];

        if (i == 0) bits &= UINT64_MAX << (start % WORD_BITS);
        if (i == HS_TIMER_SLOTS / WORD_BITS) bits &= ~(UINT64_MAX << (start % WORD_BITS));
        if (!bits) continue;
        return ((word * WORD_BITS + (unsigned)__builtin_ctzll(bits) - current - 1) & SLOT_MASK) + 1;
    }
    return 0;
}

/* The next tick at which a slot comes up: its timers are due (level 0) or go to a finer level. */
static uint64_t next_tick(const struct hs_timer_wheel *wheel)
{
    uint64_t next = NO_TICK;

    for (unsigned level = 0; level < HS_TIMER_LEVELS; level++) {
        uint64_t position = wheel->tick >> (LEVEL_BITS * level);
        unsigned slots = slots_to_next(wheel->used[level], (unsigned)(position & SLOT_MASK));

        if (slots) next = hs_min_u64(next, (position + slots) << (LEVEL_BITS * level));
    }
    return next;
}

static void turn_slot(struct hs_timer_wheel *wheel, unsigned level)
{
    uint32_t head =
        level * HS_TIMER_SLOTS + (uint32_t)((wheel->tick >> (LEVEL_BITS * level)) & SLOT_MASK);

    while (wheel->heads[head] != NONE) {
        uint32_t idx = wheel->heads[head];

        unlink_from_list(wheel, idx);
        link_into(wheel, head_for(wheel, due_tick(wheel->timers[idx].deadline_ns)), idx);
        HS_ASSERT(wheel->timers[idx].head != head);
    }
}

/* A level turns when all finer ones stand at zero. */
static void turn_to(struct hs_timer_wheel *wheel, uint64_t tick)
{
    HS_ASSERT(tick > wheel->tick);
    wheel->tick = tick;
    for (unsigned level = HS_TIMER_LEVELS; level-- > 0;)
        if ((tick & ((UINT64_C(1) << (LEVEL_BITS * level)) - 1)) == 0) turn_slot(wheel, level);
}

bool hs_timer_wheel_pop(struct hs_timer_wheel *wheel, uint64_t now_ns, uint32_t *idx)
{
    uint64_t now = now_ns / HS_TIMER_TICK_NS;

    while (wheel->heads[DUE_HEAD] == NONE) {
        uint64_t next = next_tick(wheel);

        if (next > now) {
            wheel->tick = hs_max_u64(wheel->tick, now);
            return false;
        }
        turn_to(wheel, next);
    }
    *idx = wheel->heads[DUE_HEAD];
    hs_timer_cancel(wheel, *idx);
    return true;
}

uint64_t hs_timer_wheel_deadline_ns(const struct hs_timer_wheel *wheel)
{
    uint64_t next;

    if (wheel->heads[DUE_HEAD] != NONE) return wheel->tick * HS_TIMER_TICK_NS;
    next = next_tick(wheel);
    return next >= HS_NEVER_NS / HS_TIMER_TICK_NS ? HS_NEVER_NS : next * HS_TIMER_TICK_NS;
}

/* A list is whole, its bit is right, and its timers belong there or are waiting in the last
 * slot. */
static bool is_list_valid(const struct hs_timer_wheel *wheel, uint32_t head, uint32_t *count)
{
    uint32_t previous = NONE;
    bool     is_used = head != DUE_HEAD &&
                   (wheel->used[head / HS_TIMER_SLOTS][head % HS_TIMER_SLOTS / WORD_BITS] >>
                    (head % WORD_BITS)) &
                       1;

    if (head != DUE_HEAD && is_used != (wheel->heads[head] != NONE)) return false;
    for (uint32_t i = wheel->heads[head]; i != NONE; i = wheel->timers[i].next) {
        const struct hs_timer *timer;

        if (i >= wheel->timer_count || *count >= wheel->armed_count) return false;
        timer = &wheel->timers[i];
        if (timer->head != head || timer->previous != previous) return false;
        if ((due_tick(timer->deadline_ns) <= wheel->tick) != (head == DUE_HEAD)) return false;
        if (head != DUE_HEAD && next_tick(wheel) > due_tick(timer->deadline_ns)) return false;
        previous = i;
        ++*count;
    }
    return true;
}

bool hs_timer_wheel_validate(const struct hs_timer_wheel *wheel)
{
    uint32_t count = 0;

    for (uint32_t head = 0; head < HS_TIMER_HEADS; head++)
        if (!is_list_valid(wheel, head, &count)) return false;
    return count == wheel->armed_count;
}
