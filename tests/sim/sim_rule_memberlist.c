// SPDX-License-Identifier: Apache-2.0
/* sim_rule_memberlist.c - how hashicorp/memberlist detects failures, written anew from what it is
 * documented to do, to be measured beside ours: probes on a ticker that an early answer ends, an
 * unscaled first timeout, a stream ping beside the helpers, nacks after the whole timeout,
 * suspicion timers that run on while the process does not. News travel as in sim_gossip.h. */
#include "shm/base/assert.h"
#include "tests/sim/sim_gossip.h"
#include "tests/sim/sim_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AWARENESS_MAX = 7, RELAYS = 64, CONFIRMERS_MAX = 4 };
#define NO_PROBE       UINT32_MAX
#define DEAD_GOSSIP_NS (30 * HS_NS_PER_S)

struct peer {
    uint32_t        incarnation;
    enum sim_status status;
    uint64_t        changed_at_ns;
    uint64_t        start_ns; /* of its suspicion */
    uint64_t        minimum_ns;
    uint64_t        maximum_ns;
    uint64_t        deadline_ns; /* HS_NEVER_NS: not suspected */
    uint32_t        wanted;      /* confirmations */
    uint32_t        accuser_count;
    uint16_t        accusers[CONFIRMERS_MAX + 1];
};

struct relay {
    uint32_t requester;
    uint32_t requester_sequence;
    uint32_t target;
    uint32_t sequence; /* 0: free */
    uint64_t nack_at_ns;
};

struct node {
    struct sim_ring          *ring;
    const struct sim_profile *profile;
    uint32_t                  number;
    uint32_t                  incarnation;
    uint32_t                  score;
    uint32_t                  sequence;
    struct hs_rand            rand;
    struct peer              *peers;
    uint32_t                 *order;
    uint32_t                  cursor;
    uint32_t                  live_count; /* we too */
    uint32_t                 *suspects;   /* those with a deadline */
    uint32_t                  suspect_count;
    struct relay              relays[RELAYS];
    struct sim_gossip         gossip;
    uint64_t                  tick_at_ns;
    uint64_t                  gossip_at_ns;
    uint64_t                  push_pull_at_ns;
    uint32_t                  target; /* of the probe under way, or NO_PROBE */
    uint32_t                  target_incarnation;
    uint32_t                  probe_sequence;
    uint32_t                  asked;
    uint32_t                  nacks;
    bool                      has_tick; /* one that came while a probe was under way is kept */
    bool                      is_indirect;
    bool                      is_contacted; /* by stream */
    uint64_t                  timeout_at_ns;
    uint64_t                  end_at_ns;
};

static void change_score(struct node *node, int by)
{
    int score = (int)node->score + by;

    node->score = (uint32_t)(score < 0 ? 0 : score > AWARENESS_MAX ? AWARENESS_MAX : score);
}

static void broadcast(struct node *node, uint32_t subject, uint32_t from, enum sim_status status)
{
    struct sim_claim claim = {.subject = (uint16_t)subject,
                              .from = (uint16_t)from,
                              .incarnation = node->peers[subject].incarnation,
                              .status = status};

    sim_gossip_add(&node->gossip, &claim);
}

static void send_message(struct node *node, uint32_t to, struct sim_message *message)
{
    const struct peer *peer = &node->peers[to];

    if (peer->status == SIM_SUSPECT && message->type == SIM_PING)
        message->claims[message->claim_count++] =
            (struct sim_claim){.subject = (uint16_t)to,
                               .from = (uint16_t)node->number,
                               .incarnation = peer->incarnation,
                               .status = SIM_SUSPECT};
    sim_gossip_fill(&node->gossip, node->ring->config.count, message);
    sim_ring_send(node->ring, node->number, to, message, sim_message_bytes(message));
}

/* ---- states */

static void stop_suspicion(struct node *node, uint32_t subject)
{
    node->peers[subject].deadline_ns = HS_NEVER_NS;
    for (uint32_t i = 0; i < node->suspect_count; i++)
        if (node->suspects[i] == subject) {
            node->suspects[i] = node->suspects[--node->suspect_count];
            break;
        }
}

static void set_deadline(struct peer *peer, uint32_t confirmed)
{
    double range = (double)(peer->maximum_ns - peer->minimum_ns);
    double fraction = peer->wanted ? log(confirmed + 1.0) / log(peer->wanted + 1.0) : 1;
    double timeout = (double)peer->maximum_ns - range * fraction;

    if (timeout < (double)peer->minimum_ns) timeout = (double)peer->minimum_ns;
    peer->deadline_ns = peer->start_ns + (uint64_t)timeout;
}

static void refute(struct node *node, uint32_t accused)
{
    node->incarnation++;
    if (accused >= node->incarnation) node->incarnation = accused + 1;
    node->peers[node->number].incarnation = node->incarnation;
    change_score(node, 1);
    broadcast(node, node->number, node->number, SIM_ALIVE);
}

static void confirm(struct node *node, struct peer *peer, const struct sim_claim *said)
{
    if (peer->accuser_count > peer->wanted) return;
    for (uint32_t i = 0; i < peer->accuser_count; i++)
        if (peer->accusers[i] == said->from) return;
    peer->accusers[peer->accuser_count++] = said->from;
    set_deadline(peer, peer->accuser_count - 1);
    broadcast(node, said->subject, said->from, SIM_SUSPECT);
}

static void on_suspect(struct node *node, uint64_t now_ns, const struct sim_claim *said)
{
    struct peer *peer = &node->peers[said->subject];
    double       scale = fmax(1, log10(node->live_count));

    if (said->incarnation < peer->incarnation) return;
    if (said->subject == node->number) {
        refute(node, said->incarnation);
        return;
    }
    if (peer->deadline_ns != HS_NEVER_NS) {
        confirm(node, peer, said);
        return;
    }
    if (peer->status != SIM_ALIVE) return;
    peer->incarnation = said->incarnation;
    peer->status = SIM_SUSPECT;
    peer->changed_at_ns = now_ns;
    peer->start_ns = now_ns;
    peer->minimum_ns =
        (uint64_t)(node->profile->suspicion_multiplier * scale * (double)node->profile->period_ns);
    peer->maximum_ns = peer->minimum_ns * node->profile->suspicion_max_factor;
    peer->wanted = node->profile->suspicion_confirmers;
    if (node->live_count < peer->wanted + 2) peer->wanted = 0;
    peer->accuser_count = 1;
    peer->accusers[0] = said->from;
    set_deadline(peer, 0);
    node->suspects[node->suspect_count++] = said->subject;
    broadcast(node, said->subject, said->from, SIM_SUSPECT);
}

static void on_dead(struct node *node, uint64_t now_ns, const struct sim_claim *said, bool is_own)
{
    struct peer *peer = &node->peers[said->subject];

    if (said->incarnation < peer->incarnation) return;
    if (said->subject == node->number) {
        refute(node, said->incarnation);
        return;
    }
    stop_suspicion(node, said->subject);
    if (peer->status == SIM_DEAD) return;
    peer->incarnation = said->incarnation;
    peer->status = SIM_DEAD;
    peer->changed_at_ns = now_ns;
    node->live_count--;
    broadcast(node, said->subject, said->from, SIM_DEAD);
    sim_ring_note_death(node->ring, node->number, said->subject, is_own);
}

static void on_alive(struct node *node, uint64_t now_ns, const struct sim_claim *said)
{
    struct peer *peer = &node->peers[said->subject];

    if (said->subject == node->number || said->incarnation <= peer->incarnation) return;
    stop_suspicion(node, said->subject);
    if (peer->status == SIM_DEAD) node->live_count++;
    peer->incarnation = said->incarnation;
    peer->status = SIM_ALIVE;
    peer->changed_at_ns = now_ns;
    broadcast(node, said->subject, said->subject, SIM_ALIVE);
}

static void on_claim(struct node *node, uint64_t now_ns, const struct sim_claim *said)
{
    switch (said->status) {
    case SIM_ALIVE: on_alive(node, now_ns, said); break;
    case SIM_SUSPECT: on_suspect(node, now_ns, said); break;
    default: on_dead(node, now_ns, said, false); break;
    }
}

/* ---- probing */

static void shuffle(struct node *node)
{
    for (uint32_t i = node->ring->config.count; i > 1; i--) {
        uint32_t other = (uint32_t)hs_rand_below(&node->rand, i);
        uint32_t moved = node->order[i - 1];

        node->order[i - 1] = node->order[other];
        node->order[other] = moved;
    }
    node->cursor = 0;
}

static uint32_t next_target(struct node *node)
{
    for (uint32_t i = 0; i <= node->ring->config.count; i++) {
        uint32_t target;

        if (node->cursor == node->ring->config.count) shuffle(node);
        target = node->order[node->cursor++];
        if (target != node->number && node->peers[target].status != SIM_DEAD) return target;
    }
    return NO_PROBE;
}

static void start_probe(struct node *node, uint64_t now_ns)
{
    struct sim_message ping = {.type = SIM_PING, .sequence = ++node->sequence};

    node->target = next_target(node);
    if (node->target == NO_PROBE) return;
    node->target_incarnation = node->peers[node->target].incarnation;
    node->probe_sequence = ping.sequence;
    node->asked = 0;
    node->nacks = 0;
    node->is_indirect = false;
    node->is_contacted = false;
    node->timeout_at_ns = now_ns + node->profile->timeout_floor_ns;
    node->end_at_ns = now_ns + node->profile->period_ns * (node->score + 1);
    send_message(node, node->target, &ping);
}

static void ask_helpers(struct node *node)
{
    uint32_t helpers[8];

    node->is_indirect = true;
    for (unsigned tries = 0; tries < 60 && node->asked < node->profile->helpers; tries++) {
        uint32_t           helper = (uint32_t)hs_rand_below(&node->rand, node->ring->config.count);
        struct sim_message message = {
            .type = SIM_PING_REQ, .sequence = node->probe_sequence, .target = node->target};
        bool is_taken = helper == node->number || helper == node->target ||
                        node->peers[helper].status != SIM_ALIVE;

        for (uint32_t i = 0; i < node->asked; i++) is_taken |= helpers[i] == helper;
        if (is_taken) continue;
        helpers[node->asked++] = helper;
        send_message(node, helper, &message);
    }
    sim_ring_ping_stream(node->ring, node->number, node->target);
}

static void end_probe(struct node *node, uint64_t now_ns)
{
    struct sim_claim said = {.subject = (uint16_t)node->target,
                             .from = (uint16_t)node->number,
                             .incarnation = node->target_incarnation,
                             .status = SIM_SUSPECT};
    uint32_t         target = node->target;

    node->target = NO_PROBE;
    if (node->is_contacted) {
        change_score(node, -1);
        return;
    }
    change_score(node, node->asked ? (int)(node->asked - node->nacks) : 1);
    if (node->peers[target].incarnation == said.incarnation) {
        if (node->peers[target].status == SIM_ALIVE)
            sim_ring_note_accusation(node->ring, node->number, target);
        on_suspect(node, now_ns, &said);
    }
}

static void on_ack(struct node *node, const struct sim_message *message)
{
    if (node->target != NO_PROBE && message->sequence == node->probe_sequence) {
        node->target = NO_PROBE;
        change_score(node, -1);
        return;
    }
    for (unsigned i = 0; i < RELAYS; i++) {
        struct relay      *relay = &node->relays[i];
        struct sim_message answer = {.type = SIM_ACK, .sequence = relay->requester_sequence};

        if (!relay->sequence || relay->sequence != message->sequence) continue;
        relay->sequence = 0;
        send_message(node, relay->requester, &answer);
    }
}

static void on_ping_req(struct node *node, uint64_t now_ns, uint32_t from,
                        const struct sim_message *message)
{
    struct sim_message ping = {.type = SIM_PING, .sequence = ++node->sequence};

    for (unsigned i = 0; i < RELAYS; i++) {
        if (node->relays[i].sequence) continue;
        node->relays[i] = (struct relay){.requester = from,
                                         .requester_sequence = message->sequence,
                                         .target = message->target,
                                         .sequence = ping.sequence,
                                         .nack_at_ns = now_ns + node->profile->timeout_floor_ns};
        break;
    }
    send_message(node, message->target, &ping);
}

/* ---- the rule */

static void *create(struct sim_ring *ring, uint32_t number, uint64_t now_ns)
{
    struct node *node = calloc(1, sizeof *node);
    uint32_t     count = ring->config.count;

    HS_ASSERT(node != NULL);
    node->ring = ring;
    node->profile = ring->config.profile;
    node->number = number;
    node->incarnation = 1;
    node->live_count = count;
    node->target = NO_PROBE;
    hs_rand_init(&node->rand, ring->config.seed << 20 ^ number);
    node->peers = calloc(count, sizeof *node->peers);
    node->order = calloc(count, sizeof *node->order);
    node->suspects = calloc(count, sizeof *node->suspects);
    for (uint32_t i = 0; i < count; i++) {
        node->peers[i].incarnation = 1;
        node->peers[i].deadline_ns = HS_NEVER_NS;
        node->order[i] = i;
    }
    shuffle(node);
    sim_gossip_init(&node->gossip, count + 1);
    node->tick_at_ns = now_ns + hs_rand_below(&node->rand, node->profile->period_ns);
    node->gossip_at_ns = now_ns + hs_rand_below(&node->rand, node->profile->gossip_tick_ns);
    node->push_pull_at_ns = now_ns + hs_rand_below(&node->rand, node->profile->push_pull_ns);
    return node;
}

static void destroy(void *self)
{
    struct node *node = self;

    sim_gossip_fini(&node->gossip);
    free(node->peers);
    free(node->order);
    free(node->suspects);
    free(node);
}

static void on_datagram(void *self, uint64_t now_ns, uint32_t from, const void *bytes, size_t count)
{
    struct node       *node = self;
    struct sim_message message;
    struct sim_message ack = {.type = SIM_ACK};

    memcpy(&message, bytes, count);
    for (uint32_t i = 0; i < message.claim_count; i++) on_claim(node, now_ns, &message.claims[i]);
    ack.sequence = message.sequence;
    if (message.type == SIM_PING) send_message(node, from, &ack);
    if (message.type == SIM_ACK) on_ack(node, &message);
    if (message.type == SIM_PING_REQ) on_ping_req(node, now_ns, from, &message);
    if (message.type == SIM_NACK && node->target != NO_PROBE &&
        message.sequence == node->probe_sequence && node->nacks < node->asked)
        node->nacks++;
}

static void send_gossip(struct node *node, uint64_t now_ns)
{
    unsigned sent = 0;

    for (unsigned tries = 0; tries < 40 && sent < node->profile->gossip_fan_out; tries++) {
        uint32_t           to = (uint32_t)hs_rand_below(&node->rand, node->ring->config.count);
        const struct peer *peer = &node->peers[to];
        struct sim_message message = {.type = SIM_GOSSIP};

        if (to == node->number || !node->gossip.count) continue;
        if (peer->status == SIM_DEAD && now_ns - peer->changed_at_ns > DEAD_GOSSIP_NS) continue;
        sent++;
        send_message(node, to, &message);
    }
}

static uint32_t random_peer(struct node *node, bool is_dead)
{
    for (unsigned tries = 0; tries < 60; tries++) {
        uint32_t to = (uint32_t)hs_rand_below(&node->rand, node->ring->config.count);

        if (to != node->number && (node->peers[to].status == SIM_DEAD) == is_dead) return to;
    }
    return NO_PROBE;
}

/* And Serf's reconnecting to the failed. */
static void push_pull(struct node *node)
{
    uint32_t count = node->ring->config.count;
    uint32_t to = random_peer(node, false);

    if (to != NO_PROBE) sim_ring_sync(node->ring, node->number, to);
    if (hs_rand_below(&node->rand, node->live_count) >= count - node->live_count) return;
    to = random_peer(node, true);
    if (to != NO_PROBE) sim_ring_sync(node->ring, node->number, to);
}

static void expire(struct node *node, uint64_t now_ns)
{
    for (uint32_t i = node->suspect_count; i-- > 0;) {
        uint32_t           subject = node->suspects[i];
        const struct peer *peer = &node->peers[subject];
        struct sim_claim   said = {.subject = (uint16_t)subject,
                                   .from = (uint16_t)node->number,
                                   .incarnation = peer->incarnation,
                                   .status = SIM_DEAD};

        if (peer->deadline_ns <= now_ns) on_dead(node, now_ns, &said, true);
    }
    for (unsigned i = 0; i < RELAYS; i++) {
        struct relay      *relay = &node->relays[i];
        struct sim_message nack = {.type = SIM_NACK, .sequence = relay->requester_sequence};

        if (!relay->sequence || relay->nack_at_ns > now_ns) continue;
        relay->sequence = 0;
        send_message(node, relay->requester, &nack);
    }
}

static void on_timer(void *self, uint64_t now_ns)
{
    struct node *node = self;

    expire(node, now_ns);
    if (node->target != NO_PROBE && !node->is_indirect && node->timeout_at_ns <= now_ns)
        ask_helpers(node);
    if (node->target != NO_PROBE && node->end_at_ns <= now_ns) end_probe(node, now_ns);
    for (; node->tick_at_ns <= now_ns; node->tick_at_ns += node->profile->period_ns)
        node->has_tick = true;
    if (node->target == NO_PROBE && node->has_tick) {
        node->has_tick = false;
        start_probe(node, now_ns);
    }
    if (node->gossip_at_ns <= now_ns) {
        node->gossip_at_ns = now_ns + node->profile->gossip_tick_ns;
        send_gossip(node, now_ns);
    }
    if (node->push_pull_at_ns <= now_ns) {
        node->push_pull_at_ns = now_ns + node->profile->push_pull_ns;
        push_pull(node);
    }
}

static uint64_t deadline_ns(const void *self)
{
    const struct node *node = self;
    uint64_t           next_ns = hs_min_u64(node->tick_at_ns, node->push_pull_at_ns);

    if (node->gossip.count) next_ns = hs_min_u64(next_ns, node->gossip_at_ns);
    if (node->target != NO_PROBE)
        next_ns = hs_min_u64(next_ns, node->is_indirect ? node->end_at_ns : node->timeout_at_ns);
    for (uint32_t i = 0; i < node->suspect_count; i++)
        next_ns = hs_min_u64(next_ns, node->peers[node->suspects[i]].deadline_ns);
    for (unsigned i = 0; i < RELAYS; i++)
        if (node->relays[i].sequence) next_ns = hs_min_u64(next_ns, node->relays[i].nack_at_ns);
    return next_ns;
}

static void on_stream_ack(void *self, uint64_t now_ns, uint32_t from)
{
    struct node *node = self;

    (void)now_ns;
    if (node->target == from) node->is_contacted = true;
}

static void merge(struct node *node, uint64_t now_ns, const struct node *other)
{
    for (uint32_t i = 0; i < node->ring->config.count; i++) {
        const struct peer *peer = &other->peers[i];
        struct sim_claim   said = {.subject = (uint16_t)i,
                                   .from = (uint16_t)node->number,
                                   .incarnation = peer->incarnation,
                                   .status = peer->status == SIM_ALIVE ? SIM_ALIVE : SIM_SUSPECT};

        on_claim(node, now_ns, &said);
    }
}

static void sync(void *self, uint64_t now_ns, void *other, uint64_t other_now_ns)
{
    merge(self, now_ns, other);
    merge(other, other_now_ns, self);
}

static bool is_known_alive(const void *self, uint32_t number)
{
    const struct node *node = self;

    return node->peers[number].status != SIM_DEAD;
}

const struct sim_rule sim_rule_memberlist = {.name = "memberlist",
                                             .create = create,
                                             .destroy = destroy,
                                             .on_datagram = on_datagram,
                                             .on_timer = on_timer,
                                             .deadline_ns = deadline_ns,
                                             .on_stream_ack = on_stream_ack,
                                             .sync = sync,
                                             .is_known_alive = is_known_alive};
