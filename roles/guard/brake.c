// SPDX-License-Identifier: Apache-2.0
/* brake.c - so many of so many. */
#include "roles/guard/brake.h"

bool hs_brake_counts(const struct hs_brake *brake, uint64_t lost_at_ns, uint64_t now_ns)
{
    return lost_at_ns > brake->since_ns && now_ns < lost_at_ns + HS_BRAKE_WINDOW_NS;
}

static bool is_too_many(uint32_t lost, uint32_t all)
{
    if (lost >= HS_BRAKE_LEAST && lost >= all - all / 2) return true;
    return lost == all && all >= 2;
}

enum hs_brake_turn hs_brake_turn(struct hs_brake *brake, uint64_t now_ns, uint32_t lost,
                                 uint32_t all, uint32_t pending)
{
    if (brake->until_ns) {
        if (now_ns < brake->until_ns) return HS_BRAKE_ON;
        *brake = (struct hs_brake){.since_ns = now_ns};
        return HS_BRAKE_LET_OFF;
    }
    if (!pending || !is_too_many(lost, all)) return HS_BRAKE_OFF;
    brake->until_ns = now_ns + HS_BRAKE_HOLD_NS;
    return HS_BRAKE_PUT_ON;
}
