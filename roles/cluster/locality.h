// SPDX-License-Identifier: Apache-2.0
/* locality.h - how near a datacenter is, for a choice among those that are equally good otherwise:
 * the same datacenter before one of the same region before all others, and among these by the round
 * trip. Does not measure, and excludes nobody. Pure. (membership.md 24.3, control.md 11.5) */
#ifndef HS_CLUSTER_LOCALITY_H
#define HS_CLUSTER_LOCALITY_H

#include <stdbool.h>
#include <stdint.h>

/* From the nearest. Shared-memory numbers: append only. */
enum hs_locality {
    HS_LOCALITY_DATACENTER,
    HS_LOCALITY_REGION,
    HS_LOCALITY_OTHER, /* or its region is not known */
    HS_LOCALITY_COUNT
};
const char *hs_locality_name(unsigned locality); /* "region"; "?" for a number that is none */

struct hs_locality_place {
    const char *datacenter;
    const char *region; /* "": not told */
};
enum hs_locality hs_locality_of(const struct hs_locality_place *here,
                                const struct hs_locality_place *there);

/* The round trip to rank by, after one more measurement (0: none): that of before, for as long as
 * it is not off by more than a fifth, so that two that are alike do not change places again and
 * again. held_ns: 0 at first. */
uint64_t hs_locality_follow(uint64_t held_ns, uint64_t measured_ns);
/* By these round trips, 0 if not known, no farther than the nearest: within a fifth and 10 ms of
 * it, as what it takes to give out work outweighs less. */
bool hs_locality_is_as_near(uint64_t round_trip_ns, uint64_t nearest_ns);
/* What one that is not known counts for. */
uint64_t hs_locality_round_trip_ns(uint64_t held_ns);

#endif
