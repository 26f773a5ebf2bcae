// SPDX-License-Identifier: Apache-2.0
/* sim_rules.h - the rules that rings are simulated with, and the profile that both understand. */
#ifndef HS_TESTS_SIM_RULES_H
#define HS_TESTS_SIM_RULES_H

#include "roles/cluster/membership.h"
#include "tests/sim/sim_ring.h"

struct sim_profile {
    const char *name;
    uint64_t    period_ns;
    uint64_t    timeout_floor_ns;
    uint32_t    helpers;
    uint32_t    suspicion_multiplier;
    uint32_t    suspicion_max_factor;
    uint32_t    suspicion_confirmers;
    uint64_t    gossip_tick_ns;
    uint32_t    gossip_fan_out;
    uint64_t    push_pull_ns;
};

/* roles/cluster, with that profile, or its own default if there is none */
extern const struct sim_rule sim_rule_membership;
extern const struct sim_rule sim_rule_gates;      /* likewise, as a ring that may span the world */
extern const struct sim_rule sim_rule_memberlist; /* what Serf runs */

/* Of a ring of the former. */
const struct hs_membership *sim_membership_of(const struct sim_ring *ring, uint32_t member);

#endif
