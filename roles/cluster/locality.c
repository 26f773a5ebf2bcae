// SPDX-License-Identifier: Apache-2.0
/* locality.c - tiers, and which round trips are alike. */
#include "roles/cluster/locality.h"

#include "shm/base/time.h"

#include <string.h>

#define UNKNOWN_NS (200 * HS_NS_PER_MS) /* far, but not out of the question */
#define SLACK_NS   (10 * HS_NS_PER_MS)  /* a fifth of the 50 ms that a dispatch counts for */
#define PART       5

const char *hs_locality_name(unsigned locality)
{
    static const char *const names[HS_LOCALITY_COUNT] = {[HS_LOCALITY_DATACENTER] = "datacenter",
                                                         [HS_LOCALITY_REGION] = "region",
                                                         [HS_LOCALITY_OTHER] = "other"};

    return locality < HS_LOCALITY_COUNT ? names[locality] : "?";
}

enum hs_locality hs_locality_of(const struct hs_locality_place *here,
                                const struct hs_locality_place *there)
{
    if (strcmp(here->datacenter, there->datacenter) == 0) return HS_LOCALITY_DATACENTER;
    if (here->region[0] && strcmp(here->region, there->region) == 0) return HS_LOCALITY_REGION;
    return HS_LOCALITY_OTHER;
}

uint64_t hs_locality_follow(uint64_t held_ns, uint64_t measured_ns)
{
    uint64_t off_ns = measured_ns > held_ns ? measured_ns - held_ns : held_ns - measured_ns;

    if (!measured_ns) return held_ns;
    return !held_ns || off_ns > held_ns / PART ? measured_ns : held_ns;
}

uint64_t hs_locality_round_trip_ns(uint64_t held_ns)
{
    return held_ns ? held_ns : UNKNOWN_NS;
}

bool hs_locality_is_as_near(uint64_t round_trip_ns, uint64_t nearest_ns)
{
    uint64_t least_ns = hs_locality_round_trip_ns(nearest_ns);

    return hs_locality_round_trip_ns(round_trip_ns) <= least_ns + least_ns / PART + SLACK_NS;
}
