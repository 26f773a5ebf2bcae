// SPDX-License-Identifier: Apache-2.0
/* flap.h - keeps peers that come and go from driving work: a penalty per return that fades, and a
 * load level that improves slowly. Both live in the record of their peer. Says nothing about
 * membership: a damped peer is a member, its results count, it only gets no new work. Pure.
 * (membership 21) */
#ifndef HS_GUARD_FLAP_H
#define HS_GUARD_FLAP_H

#include <stdbool.h>
#include <stdint.h>

enum hs_flap_kind {
    HS_FLAP_FROM_SUSPECT, /* its link was gone, and it is back */
    HS_FLAP_FROM_DEAD     /* it was given up, or has a new life */
};

struct hs_flap {
    double   penalty; /* at at_ns */
    uint64_t at_ns;
    uint64_t damped_at_ns;
    bool     is_damped;
};

void hs_flap_note(struct hs_flap *flap, enum hs_flap_kind kind, uint64_t now_ns);
/* Gets it no new work? Time alone ends it. */
bool hs_flap_is_damped(struct hs_flap *flap, uint64_t now_ns);

/* A level, 0 the best: worse at once, better by one step only after ten seconds of at least three
 * samples that are better. */
struct hs_level {
    uint8_t  shown;
    uint8_t  better_count;
    uint64_t better_since_ns;
};

/* Returns shown. */
unsigned hs_level_take(struct hs_level *level, unsigned sample, uint64_t now_ns);

#endif
