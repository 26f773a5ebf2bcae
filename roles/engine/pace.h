// SPDX-License-Identifier: Apache-2.0
/* pace.h - when a share's iterations begin. Pure arithmetic on moments: no clock, no connections.
 *
 * Open model: arrivals are due at moments of the schedule whatever the target does; one that finds
 * no free virtual user waits its turn (queue) or is dropped. Waiting arrivals need no memory: they
 * are the numbers between what was taken up and what is due. Closed model: a virtual user begins
 * again as soon as it is ready, while time and iterations last.
 *
 *    start ---- warm-up ---- measure_from ---- duration ---- end ---- drain ---- drained */
#ifndef HS_ENGINE_PACE_H
#define HS_ENGINE_PACE_H

#include "roles/engine_link.h"
#include "roles/plan/image.h"
#include "roles/plan/schedule.h"

struct hs_pace {
    uint64_t start_ns;
    uint64_t measure_from_ns;
    uint64_t end_ns;     /* nothing begins at or after it; HS_NEVER_NS: bounded by iterations */
    uint64_t drained_ns; /* what is in flight then is cut */
    uint64_t drain_ns;
    bool     is_open;
    bool     drops;
    struct hs_schedule schedule;
    uint64_t           taken_count; /* open: arrivals taken up, dropped or lost so far */
    uint64_t           iterations;  /* closed: of this share; 0: no such bound */
    uint64_t           begun_count; /* closed: iterations begun */
};

/* What a resumed share finds in its pages: arrivals that had an outcome or were under way. */
struct hs_pace_past {
    uint64_t warmup_count;
    uint64_t measured_count;
};

int hs_pace_init(struct hs_pace *pace, const struct hs_image_header *image,
                 const struct hs_engine_command *order) HS_MUST_CHECK;
/* Goes on from now: *lost says how many arrivals came due while nobody was there. */
void hs_pace_resume(struct hs_pace *pace, uint64_t now_ns, const struct hs_pace_past *past,
                    struct hs_pace_past *lost);

bool hs_pace_is_warmup(const struct hs_pace *pace, uint64_t due_ns);
/* Open: an arrival that is due and not yet taken up: takes it. *seq is its number in the whole
 * run. */
bool hs_pace_take(struct hs_pace *pace, uint64_t now_ns, uint64_t *due_ns, uint64_t *seq);
/* Open: gives up what is due and not taken up, told apart by warm-up. */
void hs_pace_drop(struct hs_pace *pace, uint64_t now_ns, struct hs_pace_past *dropped);
/* Closed: may one more iteration begin? Counts it. */
bool hs_pace_begin(struct hs_pace *pace, uint64_t now_ns);
/* Closed: all iterations of the share have begun. */
bool hs_pace_is_exhausted(const struct hs_pace *pace);
/* When the next arrival is due; HS_NEVER_NS: none left, or closed. */
uint64_t hs_pace_next_ns(const struct hs_pace *pace);
/* Nothing begins from now on; what is in flight has until deadline_ns, if that is earlier than the
 * plan's drain. */
void hs_pace_stop(struct hs_pace *pace, uint64_t now_ns, uint64_t deadline_ns);

#endif
