// SPDX-License-Identifier: Apache-2.0
/* timer_wheel.h - many timers, few of which ever fire: arming and cancelling cost the same however
 * many there are. Ticks of one millisecond; a timer never fires early and at most one tick late.
 * Pure: the caller owns the entries and refers to them by index (Varghese and Lauck 1987, scheme
 * 7).
 *
 *   level 0: 256 slots of 1 tick      level 2: 256 slots of 65536 ticks
 *   level 1: 256 slots of 256 ticks   level 3: 256 slots of 2^24 ticks, 49.7 days in all
 *
 * What lies beyond waits in the last slot and is put back when it comes up. */
#ifndef HS_IPC_TIMER_WHEEL_H
#define HS_IPC_TIMER_WHEEL_H

#include "shm/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_TIMER_LEVELS = 4,
    HS_TIMER_SLOTS = 256,
    HS_TIMER_HEADS = HS_TIMER_LEVELS * HS_TIMER_SLOTS + 1 /* the last: due, not yet taken */
};
#define HS_TIMER_TICK_NS  UINT64_C(1000000)
#define HS_TIMER_NONE_IDX UINT32_MAX

struct hs_timer {
    uint64_t deadline_ns;
    uint32_t next;     /* index, or HS_TIMER_NONE_IDX */
    uint32_t previous; /* likewise */
    uint32_t head;     /* which list it is in; HS_TIMER_NONE_IDX: not armed */
};

struct hs_timer_wheel {
    struct hs_timer *timers;
    uint32_t         timer_count;
    uint32_t         armed_count;
    uint64_t         tick; /* everything up to and including this one has been looked at */
    uint32_t         heads[HS_TIMER_HEADS];
    uint64_t used[HS_TIMER_LEVELS][HS_TIMER_SLOTS / 64]; /* bit per slot that is not empty */
};

/* timers: an array of timer_count, initialised here; index i is the caller's object i. */
void hs_timer_wheel_init(struct hs_timer_wheel *wheel, struct hs_timer *timers,
                         uint32_t timer_count, uint64_t now_ns);
/* Arms, or arms anew. A past deadline fires at the next advance. HS_NEVER_NS cancels. */
void hs_timer_arm(struct hs_timer_wheel *wheel, uint32_t idx, uint64_t deadline_ns);
void hs_timer_cancel(struct hs_timer_wheel *wheel, uint32_t idx); /* harmless if not armed */
bool hs_timer_is_armed(const struct hs_timer_wheel *wheel, uint32_t idx);

/* Moves to now_ns, then takes one due timer out: true and its index. Call until it answers false;
 * timers may be armed and cancelled in between. Order is by tick, within a tick unspecified. */
bool hs_timer_wheel_pop(struct hs_timer_wheel *wheel, uint64_t now_ns, uint32_t *idx);

/* No later than the nearest timer is due; exact within the next 256 ticks, else when the wheel has
 * to be turned to know better. HS_NEVER_NS: nothing is armed. */
uint64_t hs_timer_wheel_deadline_ns(const struct hs_timer_wheel *wheel);
bool     hs_timer_wheel_validate(const struct hs_timer_wheel *wheel);

#endif
