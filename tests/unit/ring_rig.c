// SPDX-License-Identifier: Apache-2.0
/* ring_rig.c - the network and the clock of a ring. */
#include "tests/unit/ring_rig.h"

#include "shm/base/time.h"
#include "tests/check.h"

#include <stdlib.h>

enum { CAPACITY = 256, MAIN_PORT = 7400, HEALTH_PORT = 7402 };

enum packet_kind { DATAGRAM, GREET_ASK, GREET_ANSWER, GREET_PROOF, OOB_PING, OOB_PONG };

struct hs_ring_packet {
    uint64_t              at_ns;
    uint64_t              order;
    enum packet_kind      kind;
    unsigned              from;
    unsigned              to;
    uint64_t              boot_id; /* of the sender */
    uint64_t              incarnation;
    enum hs_datagram_type type;
    bool                  is_stalled; /* of a PONG */
    size_t                bytes;
    uint8_t               body[HS_DATAGRAM_BODY_BYTES_MAX];
};

static struct hs_membership_out out;

static bool is_before(const struct hs_ring_packet *a, const struct hs_ring_packet *b)
{
    return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->order < b->order);
}

static void swap(struct hs_ring_packet *a, struct hs_ring_packet *b)
{
    struct hs_ring_packet c = *a;

    *a = *b;
    *b = c;
}

static void push(struct hs_ring *ring, const struct hs_ring_packet *packet)
{
    unsigned i = ring->packet_count++;

    if (i == ring->packet_capacity) {
        ring->packet_capacity = ring->packet_capacity ? 2 * ring->packet_capacity : 64;
        ring->packets = realloc(ring->packets, ring->packet_capacity * sizeof *ring->packets);
    }
    ring->packets[i] = *packet;
    for (; i && is_before(&ring->packets[i], &ring->packets[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&ring->packets[i], &ring->packets[(i - 1) / 2]);
}

static void pop(struct hs_ring *ring, struct hs_ring_packet *packet)
{
    *packet = ring->packets[0];
    ring->packets[0] = ring->packets[--ring->packet_count];
    for (unsigned i = 0;;) {
        unsigned child = 2 * i + 1;

        if (child >= ring->packet_count) return;
        if (child + 1 < ring->packet_count &&
            is_before(&ring->packets[child + 1], &ring->packets[child]))
            child++;
        if (!is_before(&ring->packets[child], &ring->packets[i])) return;
        swap(&ring->packets[i], &ring->packets[child]);
        i = child;
    }
}

/* Half a millisecond to two, and lost now and then. */
static void put_on_the_way(struct hs_ring *ring, unsigned from, unsigned to,
                           struct hs_ring_packet *packet)
{
    static uint64_t order;

    bool is_oob = packet->kind == OOB_PING || packet->kind == OOB_PONG;

    if (hs_rand_below(&ring->rand, 1000000) < ring->loss_ppm) return;
    if (!is_oob && (ring->nodes[from].is_blocked || ring->nodes[to].is_blocked)) return;
    packet->from = from;
    packet->to = to;
    packet->order = order++;
    packet->boot_id = ring->nodes[from].boot_id;
    packet->incarnation = hs_membership_incarnation(&ring->nodes[from].membership);
    packet->at_ns =
        ring->now_ns + HS_NS_PER_MS / 2 + hs_rand_below(&ring->rand, 3 * HS_NS_PER_MS / 2);
    push(ring, packet);
}

static void greet(struct hs_ring *ring, unsigned from, unsigned to, enum packet_kind kind)
{
    struct hs_ring_packet packet = {.kind = kind};

    put_on_the_way(ring, from, to, &packet);
}

static unsigned node_at(const struct hs_ring *ring, const struct hs_addr *address)
{
    for (unsigned i = 0; i < ring->count; i++)
        if (memcmp(&ring->nodes[i].address, address, sizeof *address) == 0) return i;
    return ring->count;
}

/* It is sealed for whoever stands there, once that one has said who it is. */
static void hold(struct hs_ring *ring, unsigned idx, unsigned to,
                 const struct hs_ring_packet *packet)
{
    struct hs_ring_node *node = &ring->nodes[idx];

    for (unsigned i = 0; i < HS_RING_HELD_MAX; i++) {
        struct hs_ring_held *held = &node->held[i];

        if (held->until_ns > ring->now_ns) continue;
        if (!held->packet) held->packet = malloc(sizeof *packet);
        *held->packet = *packet;
        held->to = to;
        held->until_ns = ring->now_ns + 2 * HS_NS_PER_S;
        break;
    }
    greet(ring, idx, to, GREET_ASK);
}

static void release(struct hs_ring *ring, unsigned idx, unsigned to)
{
    struct hs_ring_node *node = &ring->nodes[idx];

    for (unsigned i = 0; i < HS_RING_HELD_MAX; i++) {
        struct hs_ring_held *held = &node->held[i];

        if (held->to != to || held->until_ns <= ring->now_ns) continue;
        held->until_ns = 0;
        put_on_the_way(ring, idx, to, held->packet);
    }
}

/* What its driver would do with what a call has decided. */
static void carry(struct hs_ring *ring, unsigned idx)
{
    struct hs_ring_node   *node = &ring->nodes[idx];
    struct hs_member_event event;

    for (unsigned i = 0; i < out.send_count; i++) {
        const struct hs_membership_send *send = &out.sends[i];
        struct hs_ring_packet            packet = {
                       .kind = DATAGRAM, .type = send->type, .bytes = send->body_bytes};
        unsigned to = node_at(ring, &send->address);

        HS_CHECK(send->body_bytes <= HS_DATAGRAM_BODY_BYTES_MAX);
        node->sent_count++;
        if (to == ring->count) continue;
        memcpy(packet.body, send->body, send->body_bytes);
        if (hs_node_id_is_none(&send->to) || !node->proven[to])
            hold(ring, idx, to, &packet);
        else if (hs_node_id_equal(&ring->nodes[to].id, &send->to))
            put_on_the_way(ring, idx, to, &packet);
    }
    for (unsigned i = 0; i < out.ask_count; i++) {
        struct hs_ring_packet packet = {.kind = OOB_PING};
        struct hs_addr        address = out.asks[i].address;

        HS_CHECK_EQ(address.port, HEALTH_PORT);
        address.port = MAIN_PORT;
        HS_CHECK(node_at(ring, &address) < ring->count);
        put_on_the_way(ring, idx, node_at(ring, &address), &packet);
    }
    out.send_count = 0;
    out.ask_count = 0;
    while (hs_membership_next_event(&node->membership, &event)) {
        node->event_counts[event.type]++;
        if (node->event_count < HS_RING_EVENTS_MAX) node->events[node->event_count++] = event;
    }
}

/* The life that answered is the present one. */
static void prove(struct hs_ring *ring, unsigned idx, const struct hs_ring_packet *packet)
{
    ring->nodes[idx].proven[packet->from] = packet->boot_id;
    release(ring, idx, packet->from);
}

/* true: some of its bytes are others now. */
static bool garble(struct hs_ring *ring, struct hs_ring_packet *packet)
{
    if (hs_rand_below(&ring->rand, 1000000) >= ring->garble_ppm) return false;
    for (uint64_t left = 1 + hs_rand_below(&ring->rand, 3); left; left--)
        packet->body[hs_rand_below(&ring->rand, packet->bytes)] =
            (uint8_t)hs_rand_next(&ring->rand);
    ring->garbled_count++;
    return true;
}

static void take_datagram(struct hs_ring *ring, struct hs_ring_packet *packet)
{
    bool is_garbled = garble(ring, packet);
    int  rc;

    static struct hs_datagram   datagram;
    struct hs_ring_node        *node = &ring->nodes[packet->to];
    struct hs_membership_packet in = {.sender = ring->nodes[packet->from].id,
                                      .incarnation = packet->incarnation,
                                      .from = ring->nodes[packet->from].address,
                                      .datagram = &datagram};

    if (node->proven[packet->from] != packet->boot_id) {
        uint64_t *asked = &node->challenged_at_ns[packet->from];

        if (*asked && ring->now_ns - *asked < HS_NS_PER_S / 4) return;
        *asked = ring->now_ns;
        greet(ring, packet->to, packet->from, GREET_ASK);
        return;
    }
    rc = hs_datagram_decode(hs_view_of(packet->body, packet->bytes), packet->type, &datagram);
    HS_CHECK(is_garbled || (rc == 0 && datagram.malformed_count == 0));
    if (rc) return;
    hs_membership_receive(&node->membership, ring->now_ns, &in, &out);
    carry(ring, packet->to);
}

/* The console sees in the vitals whether the role runs. */
static void answer_for(struct hs_ring *ring, unsigned idx, unsigned to)
{
    struct hs_ring_node  *node = &ring->nodes[idx];
    struct hs_ring_packet pong = {
        .kind = OOB_PONG, .is_stalled = !node->is_up || node->paused_until_ns > ring->now_ns};

    if (node->has_console) put_on_the_way(ring, idx, to, &pong);
}

static void take_pong(struct hs_ring *ring, const struct hs_ring_packet *packet)
{
    struct hs_membership_oob answer = {.node = ring->nodes[packet->from].id,
                                       .incarnation = packet->incarnation,
                                       .is_stalled = packet->is_stalled};

    hs_membership_hear_oob(&ring->nodes[packet->to].membership, ring->now_ns, &answer, &out);
    carry(ring, packet->to);
}

static void deliver(struct hs_ring *ring, struct hs_ring_packet *packet)
{
    struct hs_ring_node *node = &ring->nodes[packet->to];

    if (packet->kind == OOB_PING && node->group == ring->nodes[packet->from].group)
        answer_for(ring, packet->to, packet->from);
    if (!node->is_up || node->group != ring->nodes[packet->from].group) return;
    switch (packet->kind) {
    case DATAGRAM: take_datagram(ring, packet); break;
    case GREET_ASK: greet(ring, packet->to, packet->from, GREET_ANSWER); break;
    case GREET_ANSWER:
        prove(ring, packet->to, packet);
        greet(ring, packet->to, packet->from, GREET_PROOF);
        break;
    case GREET_PROOF: prove(ring, packet->to, packet); break;
    case OOB_PING: break; /* its console's */
    case OOB_PONG: take_pong(ring, packet); break;
    }
}

void hs_ring_begin(struct hs_ring *ring, unsigned count, unsigned seed_count,
                   enum hs_membership_profile profile, uint64_t seed)
{
    *ring = (struct hs_ring){
        .count = count, .seed_count = seed_count, .now_ns = HS_NS_PER_S, .profile = profile};
    hs_rand_init(&ring->rand, seed);
    ring->nodes = calloc(count, sizeof *ring->nodes);
    for (unsigned i = 0; i < count; i++) {
        struct hs_ring_node *node = &ring->nodes[i];

        node->memory = malloc(hs_membership_bytes(CAPACITY));
        node->id.bytes[0] = (uint8_t)(i + 1);
        node->id.bytes[9] = 0x5a;
        node->address = (struct hs_addr){
            .family = HS_ADDR_IPV4, .port = MAIN_PORT, .bytes = {10, 0, 0, (uint8_t)(i + 1)}};
    }
}

void hs_ring_add_consoles(struct hs_ring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) ring->nodes[i].has_console = true;
}

void hs_ring_end(struct hs_ring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) {
        HS_CHECK(hs_members_validate(&ring->nodes[i].membership.members) ||
                 !ring->nodes[i].boot_id);
        for (unsigned j = 0; j < HS_RING_HELD_MAX; j++) free(ring->nodes[i].held[j].packet);
        free(ring->nodes[i].memory);
    }
    free(ring->nodes);
    free(ring->packets);
    *ring = (struct hs_ring){0};
}

void hs_ring_start(struct hs_ring *ring, unsigned idx, uint64_t host_life, uint64_t kept)
{
    struct hs_ring_node        *node = &ring->nodes[idx];
    struct hs_membership_config config = {.profile = ring->profile,
                                          .self_id = node->id,
                                          .host_life = host_life,
                                          .kept_incarnation = kept,
                                          .capacity = CAPACITY,
                                          .seed = hs_rand_next(&ring->rand)};

    config.self_facts = (struct hs_member_facts){.address = node->address,
                                                 .role = HS_IDENTITY_GATE,
                                                 .class = HS_MEMBER_NONVOTER,
                                                 .datacenter = "ber"};
    if (node->has_console) {
        config.self_facts.health = node->address;
        config.self_facts.health.port = HEALTH_PORT;
    }
    if (node->listens_everywhere)
        memset(config.self_facts.address.bytes, 0, sizeof config.self_facts.address.bytes);
    (void)snprintf(config.self_facts.name, sizeof config.self_facts.name, "n%u", idx);
    for (unsigned i = 0; i < ring->seed_count; i++)
        if (i != idx) config.seeds[config.seed_count++] = ring->nodes[i].address;
    memset(node->proven, 0, sizeof node->proven);
    memset(node->challenged_at_ns, 0, sizeof node->challenged_at_ns);
    hs_membership_init(&node->membership, &config, node->memory, ring->now_ns);
    node->host_life = host_life;
    node->boot_id = ++ring->boot_count;
    node->is_up = true;
}

void hs_ring_start_all(struct hs_ring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) hs_ring_start(ring, i, 1, 0);
}

void hs_ring_kill(struct hs_ring *ring, unsigned idx)
{
    ring->nodes[idx].is_up = false;
}

void hs_ring_pause(struct hs_ring *ring, unsigned idx, uint64_t for_ns)
{
    ring->nodes[idx].paused_until_ns = ring->now_ns + for_ns;
}

void hs_ring_leave(struct hs_ring *ring, unsigned idx)
{
    hs_membership_leave(&ring->nodes[idx].membership, ring->now_ns, &out);
    carry(ring, idx);
}

/* When that node next runs by itself. */
static uint64_t wake_of(const struct hs_ring *ring, const struct hs_ring_node *node)
{
    uint64_t wake_ns;

    if (!node->is_up) return HS_NEVER_NS;
    wake_ns = hs_max_u64(hs_membership_deadline_ns(&node->membership), node->paused_until_ns);
    return hs_max_u64(wake_ns, ring->now_ns);
}

/* The kernel keeps what arrives for a paused process. */
static void deliver_next(struct hs_ring *ring)
{
    struct hs_ring_packet packet;
    struct hs_ring_node  *node;

    pop(ring, &packet);
    node = &ring->nodes[packet.to];
    ring->now_ns = hs_max_u64(packet.at_ns, ring->now_ns);
    if (node->is_up && node->paused_until_ns > ring->now_ns && packet.kind != OOB_PING) {
        packet.at_ns = node->paused_until_ns;
        push(ring, &packet);
        return;
    }
    deliver(ring, &packet);
}

void hs_ring_run(struct hs_ring *ring, uint64_t for_ns)
{
    uint64_t end_ns = ring->now_ns + for_ns;

    for (;;) {
        uint64_t next_ns = ring->packet_count ? ring->packets[0].at_ns : HS_NEVER_NS;
        unsigned turn = ring->count;

        for (unsigned i = 0; i < ring->count; i++) {
            uint64_t wake_ns = wake_of(ring, &ring->nodes[i]);

            if (wake_ns >= next_ns) continue;
            next_ns = wake_ns;
            turn = i;
        }
        if (next_ns > end_ns) break;
        if (turn == ring->count) {
            deliver_next(ring);
            continue;
        }
        ring->now_ns = next_ns;
        hs_membership_turn(&ring->nodes[turn].membership, next_ns, &out);
        carry(ring, turn);
        if (hs_membership_has_left(&ring->nodes[turn].membership, next_ns))
            hs_ring_kill(ring, turn);
    }
    ring->now_ns = end_ns;
}

enum hs_member_status hs_ring_status(const struct hs_ring *ring, unsigned a, unsigned b)
{
    const struct hs_member *member =
        hs_members_find(&ring->nodes[a].membership.members, &ring->nodes[b].id);

    return member ? member->status : HS_MEMBER_UNCONFIRMED;
}

unsigned hs_ring_holders(const struct hs_ring *ring, unsigned b, enum hs_member_status status)
{
    unsigned count = 0;

    for (unsigned a = 0; a < ring->count; a++)
        count += a != b && ring->nodes[a].is_up && hs_ring_status(ring, a, b) == status;
    return count;
}

bool hs_ring_is_whole(const struct hs_ring *ring)
{
    unsigned up = 0;

    for (unsigned i = 0; i < ring->count; i++) up += ring->nodes[i].is_up;
    for (unsigned i = 0; i < ring->count; i++)
        if (ring->nodes[i].is_up && hs_ring_holders(ring, i, HS_MEMBER_ALIVE) != up - 1)
            return false;
    return true;
}

uint64_t hs_ring_run_until_whole(struct hs_ring *ring, uint64_t limit_ns)
{
    uint64_t start_ns = ring->now_ns;

    while (!hs_ring_is_whole(ring)) {
        if (ring->now_ns - start_ns > limit_ns) return HS_NEVER_NS;
        hs_ring_run(ring, HS_NS_PER_S / 20);
    }
    return ring->now_ns - start_ns;
}

unsigned hs_ring_events(const struct hs_ring *ring, enum hs_member_event_type type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ring->count; i++) count += ring->nodes[i].event_counts[type];
    return count;
}

void hs_ring_clear_events(struct hs_ring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) {
        memset(ring->nodes[i].event_counts, 0, sizeof ring->nodes[i].event_counts);
        ring->nodes[i].event_count = 0;
    }
}
