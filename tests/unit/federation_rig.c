// SPDX-License-Identifier: Apache-2.0
/* federation_rig.c - the network between gates and managers. */
#include "tests/unit/federation_rig.h"

#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#define SAY_NS        (2 * HS_NS_PER_S)
#define GATE_DELAY_NS (50 * HS_NS_PER_MS)

struct hs_node_id fed_manager_id(unsigned datacenter, unsigned manager)
{
    return (struct hs_node_id){{1, (uint8_t)(datacenter + 1), (uint8_t)(manager + 1)}};
}

static struct hs_node_id gate_id(unsigned gate)
{
    struct hs_node_id id = {{2, (uint8_t)(gate + 1)}};
    uint64_t          word = hs_datagram_cluster_hash("gate") * (gate + 3);

    memcpy(id.bytes + 4, &word, sizeof word);
    return id;
}

struct hs_federation_datacenter *fed_at(struct fed_world *world, unsigned gate, unsigned datacenter)
{
    struct hs_federation *federation = &world->gates[gate].federation;
    int                   idx = hs_federation_find(federation, world->datacenters[datacenter].name);

    HS_CHECK(idx >= 0);
    return &federation->datacenters[idx < 0 ? 0 : idx];
}

enum hs_reach fed_state(const struct fed_world *world, unsigned gate, unsigned datacenter)
{
    const struct hs_federation *federation = &world->gates[gate].federation;
    int idx = hs_federation_find(federation, world->datacenters[datacenter].name);

    return idx < 0 ? HS_REACH_COUNT : federation->datacenters[idx].state;
}

/* ---- the network ---- */

static struct fed_packet *take_packet(struct fed_world *world, uint64_t delay_ns)
{
    for (unsigned i = 0; i < FED_PACKETS_MAX; i++) {
        struct fed_packet *packet = &world->packets[i];

        if (packet->at_ns) continue;
        *packet = (struct fed_packet){.at_ns = world->now_ns + delay_ns, .teller = FED_GATES_MAX};
        return packet;
    }
    HS_CHECK(false && "more packets under way than the rig holds");
    return &world->packets[0];
}

static bool is_lost(struct fed_world *world)
{
    return world->loss_ppm && hs_rand_below(&world->rand, 1000000) < world->loss_ppm;
}

static void post(struct fed_world *world, unsigned gate, unsigned datacenter, unsigned manager,
                 const struct hs_federation_message *message)
{
    struct fed_packet *packet;
    uint8_t            memory[HS_FEDERATION_CONTENT_BYTES_MAX];
    struct hs_view     content = hs_federation_put(message, memory);

    if (world->gates[gate].is_cut[datacenter] || is_lost(world)) return;
    packet = take_packet(world, world->datacenters[datacenter].delay_ns);
    packet->gate = gate;
    packet->datacenter = datacenter;
    packet->manager = manager;
    packet->type = message->type;
    packet->bytes = content.bytes;
    memcpy(packet->content, content.data, content.bytes);
}

/* ---- gates ---- */

static void log_change(struct fed_world *world, unsigned gate,
                       const struct hs_federation_change *change)
{
    struct fed_gate *at = &world->gates[gate];

    for (unsigned i = 0; i < world->datacenter_count; i++)
        if (strcmp(world->datacenters[i].name, change->name) == 0 && at->change_count < FED_LOG_MAX)
            at->changes[at->change_count++] = (struct fed_change){
                world->now_ns, i, change->is_gone ? HS_REACH_COUNT : change->to};
    at->say_at_ns = world->now_ns;
}

static void carry(struct fed_world *world, unsigned gate)
{
    struct fed_gate *at = &world->gates[gate];

    for (unsigned i = 0; i < at->out.send_count; i++) {
        const struct hs_federation_send   *send = &at->out.sends[i];
        const struct hs_federation_message probe = {.type = HS_DATAGRAM_XPROBE, .seq = send->seq};
        unsigned                           datacenter = send->to.bytes[1] - 1u;

        at->last_probe_ns[datacenter] = world->now_ns;
        at->last_asked[datacenter] = send->to;
        if (world->on_probe) world->on_probe(world, gate, datacenter);
        post(world, gate, datacenter, send->to.bytes[2] - 1u, &probe);
    }
    for (unsigned i = 0; i < at->out.change_count; i++)
        log_change(world, gate, &at->out.changes[i]);
    for (unsigned i = 0; i < at->out.alert_count; i++) at->alerts[at->out.alerts[i].type]++;
}

static void say(struct fed_world *world, unsigned gate)
{
    const struct fed_gate *at = &world->gates[gate];

    world->gates[gate].say_at_ns = world->now_ns + SAY_NS;
    for (uint32_t i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        for (unsigned to = 0; to < world->gate_count; to++) {
            struct hs_federation_verdict verdict;
            struct fed_packet           *packet;

            if (to == gate || at->is_alone || world->gates[to].is_alone) continue;
            if (!hs_federation_verdict(&at->federation, i, &verdict) || is_lost(world)) continue;
            packet = take_packet(world, GATE_DELAY_NS);
            packet->gate = to;
            packet->teller = gate;
            packet->verdict = verdict;
        }
}

static void deliver_to_gate(struct fed_world *world, const struct fed_packet *packet)
{
    struct fed_gate             *gate = &world->gates[packet->gate];
    struct fed_datacenter       *from = &world->datacenters[packet->datacenter];
    const struct hs_node_id      sender = packet->teller < FED_GATES_MAX
                                              ? gate_id(packet->teller)
                                              : fed_manager_id(packet->datacenter, packet->manager);
    struct hs_federation_message message;
    uint64_t                     incarnation = from->incarnations[packet->manager];

    if (packet->teller < FED_GATES_MAX) {
        hs_federation_hear(&gate->federation, world->now_ns, &sender, &packet->verdict);
        return;
    }
    HS_CHECK_EQ(
        hs_federation_get(hs_view_of(packet->content, packet->bytes), packet->type, &message), 0);
    hs_federation_receive(&gate->federation, world->now_ns, &sender, incarnation, &message,
                          &gate->out);
    carry(world, packet->gate);
}

/* ---- managers ---- */

static void deliver_to_manager(struct fed_world *world, const struct fed_packet *packet)
{
    const struct fed_datacenter *at = &world->datacenters[packet->datacenter];
    struct hs_federation_message probe;
    struct hs_federation_message answer = {
        .type = HS_DATAGRAM_XACK,
        .leader = {.id = fed_manager_id(packet->datacenter, at->leader), .term = at->term},
        .body = at->body};

    if (at->is_down[packet->manager]) return;
    HS_CHECK_EQ(
        hs_federation_get(hs_view_of(packet->content, packet->bytes), HS_DATAGRAM_XPROBE, &probe),
        0);
    answer.seq = probe.seq;
    memcpy(answer.datacenter, at->name, sizeof answer.datacenter);
    post(world, packet->gate, packet->datacenter, packet->manager, &answer);
}

static void deliver(struct fed_world *world, struct fed_packet *slot)
{
    const struct fed_packet packet = *slot;

    slot->at_ns = 0;
    if (packet.type == HS_DATAGRAM_XPROBE)
        deliver_to_manager(world, &packet);
    else
        deliver_to_gate(world, &packet);
}

void fed_answer(struct fed_world *world, unsigned gate, unsigned datacenter, unsigned manager,
                const struct hs_federation_message *message)
{
    const struct hs_node_id sender = fed_manager_id(datacenter, manager);

    hs_federation_receive(&world->gates[gate].federation, world->now_ns, &sender,
                          world->datacenters[datacenter].incarnations[manager], message,
                          &world->gates[gate].out);
    carry(world, gate);
}

/* ---- time ---- */

static uint64_t next_ns(const struct fed_world *world)
{
    uint64_t next = HS_NEVER_NS;

    for (unsigned i = 0; i < world->gate_count; i++) {
        next = hs_min_u64(next, hs_federation_deadline_ns(&world->gates[i].federation));
        if (world->gate_count > 1) next = hs_min_u64(next, world->gates[i].say_at_ns);
    }
    for (unsigned i = 0; i < FED_PACKETS_MAX; i++)
        if (world->packets[i].at_ns) next = hs_min_u64(next, world->packets[i].at_ns);
    return next;
}

void fed_run(struct fed_world *world, uint64_t for_ns)
{
    uint64_t end_ns = world->now_ns + for_ns;

    for (uint64_t next = next_ns(world); next <= end_ns; next = next_ns(world)) {
        world->now_ns = hs_max_u64(world->now_ns, next);
        for (unsigned i = 0; i < FED_PACKETS_MAX; i++)
            if (world->packets[i].at_ns && world->packets[i].at_ns <= world->now_ns)
                deliver(world, &world->packets[i]);
        for (unsigned i = 0; i < world->gate_count; i++) {
            hs_federation_turn(&world->gates[i].federation, world->now_ns, &world->gates[i].out);
            carry(world, i);
            if (world->gate_count > 1 && world->now_ns >= world->gates[i].say_at_ns) say(world, i);
        }
    }
    world->now_ns = end_ns;
}

void fed_cut(struct fed_world *world, unsigned datacenter, bool is_cut)
{
    for (unsigned i = 0; i < world->gate_count; i++) world->gates[i].is_cut[datacenter] = is_cut;
}

unsigned fed_times(const struct fed_world *world, unsigned gate, unsigned datacenter,
                   enum hs_reach to)
{
    unsigned count = 0;

    for (unsigned i = 0; i < world->gates[gate].change_count; i++)
        count += world->gates[gate].changes[i].datacenter == datacenter &&
                 world->gates[gate].changes[i].to == to;
    return count;
}

uint64_t fed_when(const struct fed_world *world, unsigned gate, unsigned datacenter,
                  enum hs_reach to, uint64_t since_ns)
{
    for (unsigned i = 0; i < world->gates[gate].change_count; i++) {
        const struct fed_change *change = &world->gates[gate].changes[i];

        if (change->datacenter == datacenter && change->to == to && change->at_ns >= since_ns)
            return change->at_ns;
    }
    return 0;
}

void fed_begin(struct fed_world *world, unsigned gates, unsigned datacenters, uint64_t delay_ns)
{
    static const struct hs_addr address = {.family = HS_ADDR_IPV4, .port = 7401, .bytes = {10}};

    memset(world, 0, sizeof *world);
    world->now_ns = 1000 * HS_NS_PER_S;
    world->gate_count = gates;
    world->datacenter_count = datacenters;
    hs_rand_init(&world->rand, 7);
    for (unsigned i = 0; i < datacenters; i++) {
        struct fed_datacenter *at = &world->datacenters[i];

        (void)snprintf(at->name, sizeof at->name, "dc-%u", i);
        at->delay_ns = delay_ns;
        at->term = 7;
        at->body = (struct hs_federation_body){.cores_total = 8, .cores_free = 8};
        for (unsigned k = 0; k < FED_MANAGERS; k++) at->incarnations[k] = 900;
    }
    for (unsigned i = 0; i < gates; i++) {
        const struct hs_node_id id = gate_id(i);

        hs_federation_init(&world->gates[i].federation, &id, i + 1, world->now_ns);
        for (unsigned k = 0; k < datacenters * FED_MANAGERS; k++) {
            const struct hs_node_id manager = fed_manager_id(k / FED_MANAGERS, k % FED_MANAGERS);

            HS_CHECK(hs_federation_register(&world->gates[i].federation, world->now_ns,
                                            world->datacenters[k / FED_MANAGERS].name, &manager,
                                            &address));
        }
    }
}
