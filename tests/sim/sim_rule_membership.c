// SPDX-License-Identifier: Apache-2.0
/* sim_rule_membership.c - a member as the product puts it together: table, probing, gossip,
 * joining, and the bytes of its datagrams. Seals, and the proof of lives, belong to the driver and
 * are left out. */
#include "roles/cluster/membership.h"

#include "shm/base/assert.h"
#include "tests/sim/sim_rules.h"

#include <stdlib.h>
#include <string.h>

enum { LIFE = 7, HEAD_BYTES = 9, SEAL_BYTES = 72 - HEAD_BYTES };
#define START_INCARNATION (UINT64_C(7) << HS_INCARNATION_REFUTE_BITS)

struct whole {
    struct hs_membership     membership;
    struct hs_membership_out out;
};

struct node {
    struct sim_ring      *ring;
    uint32_t              number;
    struct whole         *whole; /* NULL: it only answers */
    struct hs_membership *membership;
    void                 *memory;
};

static struct hs_node_id id_of(uint32_t number)
{
    struct hs_node_id id = {{1}};

    memcpy(&id.bytes[12], &number, sizeof number);
    return id;
}

static uint32_t number_of(const struct hs_node_id *id)
{
    uint32_t number;

    memcpy(&number, &id->bytes[12], sizeof number);
    return number;
}

static struct hs_addr address_of(uint32_t number)
{
    struct hs_addr address;

    HS_ASSERT(hs_addr_parse(&address, "10.0.0.1", 7400) == 0);
    memcpy(&address.bytes[1], &number, 3);
    return address;
}

static struct hs_member_facts facts_of(uint32_t number)
{
    return (struct hs_member_facts){.address = address_of(number),
                                    .health = address_of(number),
                                    .role = HS_IDENTITY_MANAGER,
                                    .class = HS_MEMBER_NONVOTER,
                                    .name = "manager",
                                    .datacenter = "here"};
}

/* ---- what comes out of a call */

static void follow_events(struct node *node)
{
    struct hs_member_event event;

    while (hs_membership_next_event(node->membership, &event)) {
        uint32_t of = number_of(&event.subject);
        bool     is_own = event.source == HS_CLAIM_DIRECT;

        if (event.type == HS_MEMBER_EVENT_SUSPECT && is_own)
            sim_ring_note_accusation(node->ring, node->number, of);
        if (event.type == HS_MEMBER_EVENT_DEAD)
            sim_ring_note_death(node->ring, node->number, of, is_own);
    }
}

/* As the driver does it: the head stands for the sealed header. */
static void carry(struct node *node)
{
    uint64_t incarnation = hs_membership_incarnation(node->membership);
    uint8_t  bytes[SIM_RING_DATAGRAM_BYTES];

    for (unsigned i = 0; i < node->whole->out.send_count; i++) {
        const struct hs_membership_send *send = &node->whole->out.sends[i];

        memcpy(bytes, &incarnation, sizeof incarnation);
        bytes[HEAD_BYTES - 1] = (uint8_t)send->type;
        memcpy(&bytes[HEAD_BYTES], send->body, send->body_bytes);
        node->ring->figures.bytes += SEAL_BYTES;
        sim_ring_send(node->ring, node->number, number_of(&send->to), bytes,
                      HEAD_BYTES + send->body_bytes);
    }
    for (unsigned i = 0; i < node->whole->out.ask_count; i++)
        sim_ring_ping_stream(node->ring, node->number, number_of(&node->whole->out.asks[i].node));
    follow_events(node);
}

/* ---- the rule */

/* Everybody has known everybody for a while. */
static void introduce(struct node *node, uint64_t now_ns)
{
    struct hs_members *members = &node->membership->members;

    for (uint32_t i = 0; i < node->ring->config.count; i++) {
        struct hs_claim   known = {.subject = id_of(i),
                                   .from = id_of(i),
                                   .incarnation = START_INCARNATION,
                                   .status = HS_MEMBER_ALIVE,
                                   .is_own_word = true,
                                   .facts = facts_of(i)};
        struct hs_member *member;

        if (i == node->number) continue;
        HS_ASSERT(hs_members_claim(members, now_ns, &known, &member) == HS_CLAIM_CREATED);
        HS_ASSERT(hs_members_confirm(members, now_ns, member, known.incarnation));
        follow_events(node);
    }
}

static void take_profile(struct hs_membership *membership, const struct sim_profile *profile)
{
    struct hs_swim_config *swim = &membership->swim.config;

    if (!profile) return;
    swim->period_ns = profile->period_ns;
    swim->timeout_floor_ns = profile->timeout_floor_ns;
    swim->helpers = profile->helpers;
    swim->suspicion_multiplier = profile->suspicion_multiplier;
    swim->suspicion_max_factor = profile->suspicion_max_factor;
    swim->suspicion_confirmers = profile->suspicion_confirmers;
    membership->gossip.config.tick_ns = profile->gossip_tick_ns;
    membership->gossip.config.fanout = profile->gossip_fan_out;
}

static void *create(struct sim_ring *ring, uint32_t number, uint64_t now_ns,
                    enum hs_membership_profile profile)
{
    struct node                *node = calloc(1, sizeof *node);
    struct hs_membership_config config = {.profile = profile,
                                          .self_id = id_of(number),
                                          .host_life = LIFE,
                                          .self_facts = facts_of(number),
                                          .capacity = ring->config.count,
                                          .seed = ring->config.seed << 20 ^ number};

    HS_ASSERT(node != NULL);
    node->ring = ring;
    node->number = number;
    if (ring->config.whole_count && number >= ring->config.whole_count) return node;
    node->whole = calloc(1, sizeof *node->whole);
    node->memory = malloc(hs_membership_bytes(config.capacity));
    HS_ASSERT(node->whole != NULL);
    HS_ASSERT(node->memory != NULL);
    node->membership = &node->whole->membership;
    hs_membership_init(node->membership, &config, node->memory, now_ns);
    take_profile(node->membership, ring->config.profile);
    introduce(node, now_ns);
    return node;
}

static void *create_manager(struct sim_ring *ring, uint32_t number, uint64_t now_ns)
{
    return create(ring, number, now_ns, HS_MEMBERSHIP_LAN);
}

static void *create_gate(struct sim_ring *ring, uint32_t number, uint64_t now_ns)
{
    return create(ring, number, now_ns, HS_MEMBERSHIP_WAN);
}

static void destroy(void *self)
{
    struct node *node = self;

    free(node->memory);
    free(node->whole);
    free(node);
}

/* One that knows nothing and says that it lives. */
static void answer(struct node *node, uint32_t to, const struct hs_datagram *ping)
{
    struct hs_datagram_message ack = {
        .type = HS_DATAGRAM_ACK, .seq = ping->message.seq, .incarnation = START_INCARNATION};
    uint64_t                  incarnation = ack.incarnation;
    struct hs_datagram_writer writer;
    uint8_t                   bytes[SIM_RING_DATAGRAM_BYTES];

    if (ping->message.type != HS_DATAGRAM_PING) return;
    memcpy(bytes, &incarnation, sizeof incarnation);
    bytes[HEAD_BYTES - 1] = HS_DATAGRAM_ACK;
    hs_datagram_start(&writer, &bytes[HEAD_BYTES], sizeof bytes - HEAD_BYTES, &ack);
    sim_ring_send(node->ring, node->number, to, bytes, HEAD_BYTES + hs_datagram_finish(&writer));
}

static void on_datagram(void *self, uint64_t now_ns, uint32_t from, const void *bytes, size_t count)
{
    struct node                *node = self;
    const uint8_t              *at = bytes;
    struct hs_datagram          datagram;
    struct hs_membership_packet packet = {
        .sender = id_of(from), .from = address_of(from), .datagram = &datagram};

    memcpy(&packet.incarnation, at, sizeof packet.incarnation);
    HS_ASSERT(hs_datagram_decode(hs_view_of(&at[HEAD_BYTES], count - HEAD_BYTES),
                                 (enum hs_datagram_type)at[HEAD_BYTES - 1], &datagram) == 0);
    if (!node->whole) {
        answer(node, from, &datagram);
        return;
    }
    hs_membership_receive(node->membership, now_ns, &packet, &node->whole->out);
    carry(node);
}

static void on_timer(void *self, uint64_t now_ns)
{
    struct node *node = self;

    hs_membership_turn(node->membership, now_ns, &node->whole->out);
    carry(node);
}

/* The console of its host, which stands still and dies with it here. */
static void on_oob_ack(void *self, uint64_t now_ns, uint32_t from)
{
    struct node             *node = self;
    struct hs_membership_oob heard = {.node = id_of(from), .incarnation = START_INCARNATION};

    if (!node->whole) return;
    hs_membership_hear_oob(node->membership, now_ns, &heard, &node->whole->out);
    carry(node);
}

static uint64_t deadline_ns(const void *self)
{
    const struct node *node = self;

    return node->whole ? hs_membership_deadline_ns(node->membership) : HS_NEVER_NS;
}

static bool is_known_alive(const void *self, uint32_t number)
{
    const struct node      *node = self;
    struct hs_node_id       id = id_of(number);
    const struct hs_member *member;

    if (!node->whole) return sim_ring_is_up(node->ring, number);
    member = hs_members_find(&node->membership->members, &id);
    return member && hs_member_is_live(member);
}

const struct hs_membership *sim_membership_of(const struct sim_ring *ring, uint32_t member)
{
    return ((struct node *)sim_ring_self(ring, member))->membership;
}

const struct sim_rule sim_rule_membership = {.name = "hyperscale",
                                             .create = create_manager,
                                             .destroy = destroy,
                                             .on_datagram = on_datagram,
                                             .on_timer = on_timer,
                                             .on_stream_ack = on_oob_ack,
                                             .deadline_ns = deadline_ns,
                                             .is_known_alive = is_known_alive};

const struct sim_rule sim_rule_gates = {.name = "gates",
                                        .create = create_gate,
                                        .destroy = destroy,
                                        .on_datagram = on_datagram,
                                        .on_timer = on_timer,
                                        .on_stream_ack = on_oob_ack,
                                        .deadline_ns = deadline_ns,
                                        .is_known_alive = is_known_alive};
