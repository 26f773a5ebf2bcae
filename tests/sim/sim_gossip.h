// SPDX-License-Identifier: Apache-2.0
/* sim_gossip.h - what members of memberlist's rule say to each other, and the queue that decides
 * which claims ride along: fewest sends first, so often each. */
#ifndef HS_TESTS_SIM_GOSSIP_H
#define HS_TESTS_SIM_GOSSIP_H

#include "tests/sim/sim_ring.h"

enum { SIM_CLAIMS_MAX = 28 }; /* of 42 to 47 bytes on the wire, in a datagram of 1,400 */

enum sim_status { SIM_ALIVE, SIM_SUSPECT, SIM_DEAD };
enum sim_message_type { SIM_PING, SIM_ACK, SIM_PING_REQ, SIM_IND_ACK, SIM_NACK, SIM_GOSSIP };

struct sim_claim {
    uint32_t incarnation;
    uint16_t subject;
    uint16_t from;
    uint32_t status; /* enum sim_status */
};

struct sim_message {
    uint32_t         type; /* enum sim_message_type */
    uint32_t         target;
    uint32_t         sequence;
    uint32_t         incarnation;
    uint32_t         code;
    uint32_t         claim_count;
    struct sim_claim claims[SIM_CLAIMS_MAX];
};

struct sim_rumour {
    struct sim_claim claim;
    uint32_t         sends;
};

struct sim_gossip {
    struct sim_rumour *rumours; /* newest last */
    uint32_t           count;
    uint32_t           capacity;
};

void sim_gossip_init(struct sim_gossip *gossip, uint32_t capacity);
void sim_gossip_fini(struct sim_gossip *gossip);
/* Replaces what was said of the same subject. */
void sim_gossip_add(struct sim_gossip *gossip, const struct sim_claim *claim);
/* Adds what there is room for; a rumour goes when it was sent 4 * ceil(log10(n + 1)) times. */
void   sim_gossip_fill(struct sim_gossip *gossip, uint32_t ring_count, struct sim_message *message);
size_t sim_message_bytes(const struct sim_message *message);

#endif
