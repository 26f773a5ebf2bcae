// SPDX-License-Identifier: Apache-2.0
/* round_trip.c - mean and deviation as in RFC 6298. */
#include "roles/cluster/round_trip.h"

void hs_round_trip_sample(struct hs_member *member, uint64_t rtt_ns)
{
    uint64_t distance_ns;

    if (rtt_ns == 0) rtt_ns = 1;
    if (member->srtt_ns == 0) {
        member->srtt_ns = rtt_ns;
        member->rttvar_ns = rtt_ns / 2;
        return;
    }
    distance_ns = rtt_ns > member->srtt_ns ? rtt_ns - member->srtt_ns : member->srtt_ns - rtt_ns;
    member->rttvar_ns = (member->rttvar_ns * 3 + distance_ns) / 4;
    member->srtt_ns = (member->srtt_ns * 7 + rtt_ns) / 8;
}

uint64_t hs_round_trip_bound_ns(const struct hs_member *member)
{
    return member->srtt_ns ? member->srtt_ns + 4 * member->rttvar_ns : HS_ROUND_TRIP_UNKNOWN_NS;
}
