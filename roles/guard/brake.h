// SPDX-License-Identifier: Apache-2.0
/* brake.h - puts off giving nodes up when too many of one kind are lost at once: that is rather our
 * own network, or we stood still, than so many deaths. At least three of them and half of all, or
 * all of at least two, within a minute: for another minute none is given up, and whoever holds the
 * brake asks each of them again meanwhile; then those go that have not answered. Does not know the
 * nodes: the caller counts. Pure. */
#ifndef HS_GUARD_BRAKE_H
#define HS_GUARD_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_BRAKE_LEAST = 3 };
#define HS_BRAKE_WINDOW_NS UINT64_C(60000000000) /* losses within it belong together */
#define HS_BRAKE_HOLD_NS   UINT64_C(60000000000)

struct hs_brake {      /* zeroed: off */
    uint64_t until_ns; /* 0: off */
    uint64_t since_ns; /* the last one was let off then: what was lost before counts no more */
};

enum hs_brake_turn { HS_BRAKE_OFF, HS_BRAKE_PUT_ON, HS_BRAKE_ON, HS_BRAKE_LET_OFF };

/* Does a loss of that moment still count? */
bool hs_brake_counts(const struct hs_brake *brake, uint64_t lost_at_ns, uint64_t now_ns);
/* lost: of all, those whose loss counts; pending: of these, those not given up yet. OFF and
 * LET_OFF: they may go. */
enum hs_brake_turn hs_brake_turn(struct hs_brake *brake, uint64_t now_ns, uint32_t lost,
                                 uint32_t all, uint32_t pending);

#endif
