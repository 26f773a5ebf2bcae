// SPDX-License-Identifier: Apache-2.0
/* door_crowd.c - counts by network; two networks that share a count share their fate. */
#include "roles/cluster/door_crowd.h"

enum { COUNTS = 256 };

static unsigned count_of(const struct hs_addr *network)
{
    uint32_t hash = network->family;

    for (unsigned i = 0; i < sizeof network->bytes; i++)
        hash = (hash ^ network->bytes[i]) * 0x01000193U;
    return (hash >> 16) % COUNTS;
}

static bool is_one(const struct hs_door_guest *guest, bool is_stranger)
{
    return guest->is_here && !guest->is_leaving && !(is_stranger && guest->is_known);
}

/* The oldest of the network that has most. */
static int choose(const struct hs_door_guest *guests, unsigned count, bool is_stranger,
                  unsigned *all, unsigned *most)
{
    unsigned counts[COUNTS] = {0};
    int      oldest = -1;

    *all = *most = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned of_network;

        if (!is_one(&guests[i], is_stranger)) continue;
        ++*all;
        of_network = ++counts[count_of(&guests[i].network)];
        if (of_network > *most) *most = of_network;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_one(&guests[i], is_stranger) || counts[count_of(&guests[i].network)] != *most)
            continue;
        if (oldest < 0 || guests[i].since_ns < guests[oldest].since_ns) oldest = (int)i;
    }
    return oldest;
}

int hs_door_crowd_choose(const struct hs_door_guest *guests, unsigned count)
{
    unsigned all, most;
    int      chosen = choose(guests, count, true, &all, &most);

    if (most >= HS_DOOR_OF_NETWORK_CROWD) return chosen;
    chosen = choose(guests, count, false, &all, &most);
    return all >= HS_DOOR_CROWD ? chosen : -1;
}
