// SPDX-License-Identifier: Apache-2.0
/* reach.c - names. */
#include "roles/cluster/reach.h"

const char *hs_reach_name(unsigned reach)
{
    static const char *const names[HS_REACH_COUNT] = {[HS_REACH_UNKNOWN] = "UNKNOWN",
                                                      [HS_REACH_REACHABLE] = "REACHABLE",
                                                      [HS_REACH_SUSPECTED] = "SUSPECTED",
                                                      [HS_REACH_UNREACHABLE] = "UNREACHABLE"};

    return reach < HS_REACH_COUNT ? names[reach] : "?";
}
