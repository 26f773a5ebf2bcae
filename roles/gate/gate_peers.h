// SPDX-License-Identifier: Apache-2.0
/* gate_peers.h - what a gate keeps of each manager, all in one record, so that what is forgotten is
 * forgotten whole; and of each datacenter. Data only. */
#ifndef HS_GATE_GATE_PEERS_H
#define HS_GATE_GATE_PEERS_H

#include "roles/cluster/locality.h"
#include "roles/cluster/reach.h"
#include "roles/guard/breaker.h"
#include "roles/guard/dc_health.h"
#include "roles/guard/flap.h"
#include "roles/node_tables.h"

#include <stdbool.h>

struct hs_gate_manager {
    bool     is_used; /* known; forgotten when it has been silent for long */
    bool     is_up;
    bool     is_local;
    bool     is_hinted; /* another one says that it leads */
    bool     is_draining;
    bool     has_data_lane; /* for status */
    char     datacenter[HS_NAME_BYTES];
    char     name[HS_NAME_BYTES];
    char     address[HS_NODE_ADDRESS_BYTES];
    uint8_t  node[16];
    uint64_t incarnation;
    uint64_t generation;
    uint64_t fence; /* of its leadership; 0: it does not lead, or has not said so */
    uint64_t heard_at_ns;
    uint64_t joined_at_ns;
    uint64_t pinged_at_ns;
    uint64_t ping_nonce; /* of the one that is under way; 0: none */
    uint32_t workers;
    uint32_t cores_total;
    uint32_t cores_free;
    uint32_t jobs;
    uint32_t execs;
    uint64_t beat_at_ns; /* its last heartbeat; 0: none yet */
    uint64_t beat_fence; /* as it told then: its numbers hold for a while after its link is gone */
    uint32_t workers_known;
    uint32_t workers_alive;
    uint32_t workers_overloaded;
    uint32_t load;                  /* enum hs_node_load, as it says itself */
    uint32_t keyring_mark;          /* of the gossip keys that it holds; 0: not said */
    uint32_t datacenter_state;      /* enum hs_dc_state, for status */
    struct hs_reach_facts reach;    /* of its datacenter, for status; these two, too */
    uint32_t              locality; /* enum hs_locality */
    /* These two outlive its links, as long as it is the same node. */
    struct hs_breaker breaker;
    struct hs_flap    flap;
};

struct hs_gate_datacenter {
    char                  name[HS_NAME_BYTES]; /* "": free */
    uint64_t              since_ns;
    uint64_t              seen_at_ns; /* it had a manager */
    uint32_t              cores_free;
    struct hs_dc_health   health;
    struct hs_reach_facts reach;
    uint64_t              round_trip_ns; /* by which it ranks, hs_locality_follow */
};

/* Work that was given to a manager and waits for its answer. */
struct hs_gate_call {
    struct hs_breaker_token token; /* zero: nothing waits */
    uint32_t                manager;
};

#endif
