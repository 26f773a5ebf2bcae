// SPDX-License-Identifier: Apache-2.0
/* gossip_rig.c - makes and frees the nodes. */
#include "tests/unit/gossip_rig.h"

#include "tests/check.h"

#include <stdlib.h>

struct hs_gossip_rig hs_gossip_rig;

struct hs_node_id hs_gossip_rig_id(unsigned n)
{
    struct hs_node_id id = {{1}};

    memcpy(id.bytes + 4, &n, sizeof n);
    return id;
}

struct hs_claim hs_gossip_rig_alive(unsigned n)
{
    struct hs_claim claim = {.subject = hs_gossip_rig_id(n),
                             .from = hs_gossip_rig_id(n),
                             .incarnation = 1 << 20,
                             .status = HS_MEMBER_ALIVE,
                             .is_own_word = true};

    claim.facts.role = HS_IDENTITY_MANAGER;
    HS_CHECK_EQ(hs_addr_parse(&claim.facts.address, "10.0.0.1", (uint16_t)(7000 + n)), 0);
    (void)snprintf(claim.facts.name, sizeof claim.facts.name, "manager-%u", n);
    (void)snprintf(claim.facts.datacenter, sizeof claim.facts.datacenter, "eu-1");
    return claim;
}

struct hs_claim hs_gossip_rig_accuse(unsigned n, enum hs_member_status status)
{
    return (struct hs_claim){.subject = hs_gossip_rig_id(n),
                             .from = hs_gossip_rig_id(7),
                             .incarnation = 1 << 20,
                             .status = status};
}

static void know(struct hs_gossip_rig_node *node, unsigned n)
{
    struct hs_claim   claim = hs_gossip_rig_alive(n);
    struct hs_member *member;

    HS_CHECK_EQ(hs_members_claim(&node->members, hs_gossip_rig.now_ns, &claim, &member),
                HS_CLAIM_CREATED);
    HS_CHECK(hs_members_confirm(&node->members, hs_gossip_rig.now_ns, member, claim.incarnation));
}

void hs_gossip_rig_start_node(unsigned n, unsigned count, uint64_t seed)
{
    struct hs_claim            self = hs_gossip_rig_alive(n);
    struct hs_members_config   members = {.self_id = self.subject,
                                          .self_incarnation = self.incarnation,
                                          .self_facts = self.facts,
                                          .capacity = 128,
                                          .seed = seed};
    struct hs_gossip_config    gossip = {.tick_ns = 200 * HS_NS_PER_MS,
                                         .dead_ns = 30 * HS_NS_PER_S,
                                         .push_pull_ns = 30 * HS_NS_PER_S,
                                         .suspicion_max_ns = 24 * HS_NS_PER_S,
                                         .fanout = 3,
                                         .update_capacity = count < 50 ? HS_GOSSIP_UPDATES_MAX : 64,
                                         .health_capacity = count < 50 ? HS_GOSSIP_HEALTHS_MAX : 16,
                                         .seed = seed + n};
    struct hs_gossip_rig_node *node = &hs_gossip_rig.nodes[n];

    node->memory[0] = malloc(hs_members_bytes(members.capacity));
    node->memory[1] = malloc(hs_gossip_bytes(&gossip));
    hs_members_init(&node->members, &members, node->memory[0], hs_gossip_rig.now_ns);
    hs_gossip_init(&node->gossip, &gossip, &node->members, node->memory[1], hs_gossip_rig.now_ns);
    for (unsigned other = 0; other < count; other++)
        if (other != n) know(node, other);
}

void hs_gossip_rig_start(unsigned count, uint64_t seed)
{
    hs_gossip_rig.nodes = calloc(count, sizeof *hs_gossip_rig.nodes);
    hs_gossip_rig.count = count;
    hs_gossip_rig.now_ns = HS_GOSSIP_RIG_START_NS;
    for (unsigned n = 0; n < count; n++) hs_gossip_rig_start_node(n, count, seed);
}

void hs_gossip_rig_stop(void)
{
    for (unsigned n = 0; n < hs_gossip_rig.count; n++) {
        free(hs_gossip_rig.nodes[n].memory[0]);
        free(hs_gossip_rig.nodes[n].memory[1]);
    }
    free(hs_gossip_rig.nodes);
}
