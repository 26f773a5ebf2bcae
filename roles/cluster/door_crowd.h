// SPDX-License-Identifier: Apache-2.0
/* door_crowd.h - when too many wait at a door, who of them is sent away, so that nobody who only
 * opens connections keeps others out: of a network that has many there without a certificate, or
 * else of the network that has most, the one that has waited longest. Whoever came a moment ago is
 * left to go on: a handshake takes no time. Pure. */
#ifndef HS_CLUSTER_DOOR_CROWD_H
#define HS_CLUSTER_DOOR_CROWD_H

#include "ipc/addr.h"

enum {
    HS_DOOR_CROWD = 144,          /* so many are too many */
    HS_DOOR_OF_NETWORK_CROWD = 48 /* without a certificate; below what TLS takes of one network */
};
#define HS_DOOR_GRACE_NS UINT64_C(250000000)

struct hs_door_guest {
    struct hs_addr network; /* hs_addr_network */
    uint64_t       since_ns;
    bool           is_here;
    bool           is_known;   /* has shown its certificate */
    bool           is_leaving; /* sent away already */
};

/* The place of the one to be sent away once it has been here for HS_DOOR_GRACE_NS; -1: there is
 * room for all. */
int hs_door_crowd_choose(const struct hs_door_guest *guests, unsigned count) HS_MUST_CHECK;

#endif
