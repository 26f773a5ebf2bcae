// SPDX-License-Identifier: Apache-2.0
/* turnstile.h - every frame that a gate or a manager gets passes here before it is read: is it
 * within what its sender may send (rate_limit.h), and is there a place for it (admission.h)? A
 * frame that is refused has cost a few comparisons; its sender is told when to come again. Pure.
 * (control 1, 3, 4; reliability SEC-32, SEC-60, SEC-61)
 *
 * What a client sends is limited by who he is; what another role sends, whatever its class, only by
 * HS_RATE_PEER_PER_S on its link. */
#ifndef HS_GUARD_TURNSTILE_H
#define HS_GUARD_TURNSTILE_H

#include "roles/guard/admission.h"
#include "roles/guard/rate_limit.h"
#include "roles/wire.h"

struct hs_turnstile_counts { /* cumulative */
    uint64_t rate_limited;
    uint64_t shed;
    uint64_t control; /* of both, those of class CONTROL */
};

struct hs_turnstile {
    struct hs_rate_limiter    *limiter; /* of clients; NULL: only other roles come */
    struct hs_admission        admission;
    struct hs_turnstile_counts counts;
};

struct hs_visitor {
    unsigned source;                 /* below HS_ADMISSION_SOURCES_MAX */
    uint8_t  key[HS_RATE_KEY_BYTES]; /* a client: who he is */
    bool     is_peer;                /* another role */
    bool     is_lane;                /* what it sends comes over a data lane: held, not answered */
    uint64_t arrival_ns;             /* a peer's: of its link */
    uint64_t wait_ns;                /* that its last refusal said */
};

/* true: go on, and give *slot back; false: refused says what to answer. */
bool hs_turnstile_enter(struct hs_turnstile *turnstile, struct hs_visitor *visitor, unsigned type,
                        uint64_t now_ns, hs_slot *slot, struct hs_msg_refused *refused);
/* Does somebody wait for that answer? A peer that floods is not answered frame by frame. */
bool hs_turnstile_answers(const struct hs_visitor *visitor, const struct hs_frame *frame);

#endif
