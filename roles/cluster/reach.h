// SPDX-License-Identifier: Apache-2.0
/* reach.h - can this gate reach a datacenter, and what it knows of that: what federation.h finds
 * out by asking its managers, for routing and for status. Pure. */
#ifndef HS_CLUSTER_REACH_H
#define HS_CLUSTER_REACH_H

#include "shm/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* Wire and shared-memory numbers: append only. */
enum hs_reach {
    HS_REACH_UNKNOWN, /* none of its managers has answered yet */
    HS_REACH_REACHABLE,
    HS_REACH_SUSPECTED, /* silent for three questions, or for 25 s */
    HS_REACH_UNREACHABLE,
    HS_REACH_COUNT
};
const char *hs_reach_name(unsigned reach); /* "SUSPECTED"; "?" for a number that is none */

struct hs_reach_facts {
    enum hs_reach state;
    bool          is_asked;           /* false: nobody there is asked, and state says nothing */
    bool          is_local_partition; /* silent to us, and another gate hears it */
    bool          is_held;    /* so many fail together that it is taken for the network's fault */
    uint64_t      since_ns;   /* so long in this state */
    uint64_t      ack_age_ns; /* of the last answer; HS_NEVER_NS: there was none */
    uint64_t      round_trip_ns;         /* smoothed; 0: not measured */
    char          region[HS_NAME_BYTES]; /* "": it has not told, or has none */
};

#endif
