// SPDX-License-Identifier: Apache-2.0
/* round_trip.h - how long an answer of a member takes, from what was measured: smoothed round trips
 * in its record. Does not send and does not decide what a timeout is. Pure. */
#ifndef HS_CLUSTER_ROUND_TRIP_H
#define HS_CLUSTER_ROUND_TRIP_H

#include "roles/cluster/member.h"

#define HS_ROUND_TRIP_UNKNOWN_NS UINT64_C(200000000) /* the bound while nothing was measured */

/* Of a question that was sent once: of one repeated nobody knows which copy was answered. */
void hs_round_trip_sample(struct hs_member *member, uint64_t rtt_ns);
/* Hardly any answer takes longer. */
uint64_t hs_round_trip_bound_ns(const struct hs_member *member);

#endif
