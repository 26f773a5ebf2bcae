// SPDX-License-Identifier: Apache-2.0
/* gossip_rig.h - nodes that know one another, each with a member table and a queue of its own, for
 * the tests of gossip. */
#ifndef HS_TESTS_UNIT_GOSSIP_RIG_H
#define HS_TESTS_UNIT_GOSSIP_RIG_H

#include "roles/cluster/gossip.h"
#include "shm/base/time.h"

#define HS_GOSSIP_RIG_START_NS (3600 * HS_NS_PER_S)

struct hs_gossip_rig_node {
    struct hs_members members;
    struct hs_gossip  gossip;
    void             *memory[2];
    uint64_t          informed_at_ns; /* heard of the news; 0: not yet */
    bool              is_deaf;
};

struct hs_gossip_rig {
    struct hs_gossip_rig_node *nodes;
    unsigned                   count;
    uint64_t                   now_ns;
};
extern struct hs_gossip_rig hs_gossip_rig;

struct hs_node_id hs_gossip_rig_id(unsigned n);
struct hs_claim   hs_gossip_rig_alive(unsigned n);
struct hs_claim   hs_gossip_rig_accuse(unsigned n, enum hs_member_status status);
/* Node n knows those below count. */
void hs_gossip_rig_start_node(unsigned n, unsigned count, uint64_t seed);
void hs_gossip_rig_start(unsigned count, uint64_t seed);
void hs_gossip_rig_stop(void);

#endif
