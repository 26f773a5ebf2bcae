// SPDX-License-Identifier: Apache-2.0
/* data_lane.h - the second connection of two nodes, which carries data only: figures and their
 * answers, telemetry. Control, dispatches and results stay on the first one and are never behind
 * data. Decides when a lane is dialled, whether what is sent goes over it, when it counts as dead,
 * and how long it is not read. Owns no connection: data_lane_io.h. Pure.
 *
 * Whoever has dialled the first connection dials the lane, once both have said that they know of
 * lanes, and again after a while when it is lost (dialer.h's back-off). It lives no longer than the
 * first. Without it, data goes over the first one; losing it loses nobody. What was on its way is
 * lost with it, and may overtake or be overtaken where one takes over from the other: figures are
 * cumulative and numbered, so a report that is missing or late costs resolution only.
 *
 * Links of one host (socket pairs) have no lane: their two ends are children of one supervisor, of
 * which neither has a reason to flood the other, and no network is between them where one stream's
 * losses could hold up another's bytes. */
#ifndef HS_CLUSTER_DATA_LANE_H
#define HS_CLUSTER_DATA_LANE_H

#include "roles/cluster/greeting.h"
#include "shm/base/rand.h"

/* All data is answered: by then it would have been, or the lane is dead though nobody says so. */
#define HS_DATA_LANE_SILENCE_NS  UINT64_C(10000000000)
#define HS_DATA_LANE_HOLD_MIN_NS UINT64_C(50000000) /* fewer and longer pauses cost less */
#define HS_DATA_LANE_HOLD_MAX_NS                                                                   \
    UINT64_C(1000000000) /* so that its other end never counts it as dead */

enum hs_data_lane_state {
    HS_DATA_LANE_NONE,    /* not connected, and not for this end to dial */
    HS_DATA_LANE_WAITING, /* for the moment to dial it */
    HS_DATA_LANE_TRYING,
    HS_DATA_LANE_UP
};

struct hs_data_lane { /* zeroed: of a peer that has none */
    enum hs_data_lane_state state;
    bool                    is_ours; /* this end dials it */
    bool     is_theirs_now;          /* the other end dials it, and its data came over it last */
    uint64_t due_at_ns;              /* WAITING */
    uint64_t up_at_ns;
    uint64_t wait_ns;      /* the next back-off's middle */
    uint64_t asked_at_ns;  /* what was sent first since it was heard; 0: nothing */
    uint64_t held_till_ns; /* is not read until then; 0: it is read */
};

/* May it go over a lane? REFUSED may: the answer to what came over it. */
bool hs_data_lane_carries(unsigned message_type);
/* Is the lane that of this first connection? -EACCES: no, and why. */
int hs_data_lane_check(const struct hs_greeting *first, const struct hs_greeting *lane,
                       const char **why) HS_MUST_CHECK;

/* The first connection has been entered, and this end has dialled it. */
void hs_data_lane_expect(struct hs_data_lane *lane, struct hs_rand *rand, uint64_t now_ns);
/* Its moment has come: it is being tried, and one of the next two must follow. */
bool hs_data_lane_is_due(struct hs_data_lane *lane, uint64_t now_ns);
void hs_data_lane_entered(struct hs_data_lane *lane, uint64_t now_ns);
/* It came to nothing, or has ended. */
void hs_data_lane_ended(struct hs_data_lane *lane, struct hs_rand *rand, uint64_t now_ns);

/* Does this message go over it? Noted as sent. */
bool hs_data_lane_takes(struct hs_data_lane *lane, unsigned message_type, uint64_t now_ns);
void hs_data_lane_heard(struct hs_data_lane *lane);
/* Came over the first connection. Data: its other end has lost the lane, though we may not know it
 * yet, and is answered there. */
void hs_data_lane_missed(struct hs_data_lane *lane, unsigned message_type);
bool hs_data_lane_is_dead(const struct hs_data_lane *lane, uint64_t now_ns);

/* Data was refused, and will be for wait_ns. */
void hs_data_lane_hold(struct hs_data_lane *lane, uint64_t wait_ns, uint64_t now_ns);
/* Is it to be read again? Once. */
bool     hs_data_lane_goes_on(struct hs_data_lane *lane, uint64_t now_ns);
uint64_t hs_data_lane_deadline_ns(const struct hs_data_lane *lane);

#endif
