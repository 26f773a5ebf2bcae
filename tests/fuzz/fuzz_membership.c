// SPDX-License-Identifier: Apache-2.0
/* fuzz_membership.c - a node of a ring that hears anything at all from members and strangers who
 * have a key: claims, health, places, pages of tables, JOINs, out of order and at any time. It
 * stays a member in its own eyes, its table stays whole and within its bound, nobody is held for
 * dead in no time, and what it sends is itself well formed. */
#include "roles/cluster/membership.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAPACITY = 24, MEMBERS = 5, MEMORY_WORDS = 1 << 16, DATAGRAMS_MAX = 24 };

static struct hs_membership     membership;
static struct hs_membership_out out;
static struct hs_datagram       in;
static struct hs_datagram       said;
static uint64_t                 memory[MEMORY_WORDS];
static uint64_t                 now_ns;

static struct hs_node_id id_of(unsigned number)
{
    struct hs_node_id id = {{(uint8_t)(number + 1)}};

    return id;
}

static struct hs_member_facts facts_of(unsigned number)
{
    struct hs_member_facts facts = {
        .address = {.family = HS_ADDR_IPV4, .port = 7400, .bytes = {10, 0, 0, (uint8_t)number}},
        .role = HS_IDENTITY_GATE,
        .class = HS_MEMBER_NONVOTER,
        .datacenter = "dc"};

    (void)snprintf(facts.name, sizeof facts.name, "n%u", number);
    return facts;
}

static void begin(void)
{
    struct hs_membership_config config = {.profile = HS_MEMBERSHIP_WAN,
                                          .self_id = id_of(0),
                                          .host_life = 3,
                                          .self_facts = facts_of(0),
                                          .capacity = CAPACITY,
                                          .seed_count = 1,
                                          .seeds = {facts_of(1).address},
                                          .seed = 5};

    HS_ASSERT(hs_membership_bytes(CAPACITY) <= sizeof memory);
    memset(memory, 0, hs_membership_bytes(CAPACITY));
    now_ns = HS_NS_PER_S;
    hs_membership_init(&membership, &config, memory, now_ns);
}

static void check_sends(void)
{
    HS_ASSERT(out.send_count <= HS_MEMBERSHIP_SENDS_MAX);
    for (unsigned i = 0; i < out.send_count; i++) {
        const struct hs_membership_send *send = &out.sends[i];

        HS_ASSERT(send->body_bytes <= HS_DATAGRAM_BODY_BYTES_MAX);
        HS_ASSERT(!hs_node_id_equal(&send->to, &hs_members_self(&membership.members)->id));
        HS_ASSERT(hs_datagram_decode(hs_view_of(send->body, send->body_bytes), send->type, &said) ==
                  0);
        HS_ASSERT(said.malformed_count == 0);
    }
}

static void check_whole(void)
{
    const struct hs_member *self = hs_members_self(&membership.members);
    struct hs_member_event  event;

    check_sends();
    HS_ASSERT(hs_members_validate(&membership.members));
    HS_ASSERT(membership.members.count <= CAPACITY);
    HS_ASSERT(self->status == HS_MEMBER_ALIVE);
    HS_ASSERT(hs_incarnation_epoch(hs_membership_incarnation(&membership)) >= 3);
    while (hs_membership_next_event(&membership, &event))
        HS_ASSERT(!hs_node_id_equal(&event.subject, &self->id));
}

static void hear(unsigned sender, uint64_t incarnation, enum hs_datagram_type type,
                 struct hs_view body)
{
    struct hs_membership_packet packet = {.sender = id_of(sender),
                                          .incarnation = incarnation,
                                          .from = facts_of(sender).address,
                                          .datagram = &in};

    if (type == HS_DATAGRAM_GREET || hs_datagram_decode(body, type, &in)) return;
    hs_membership_receive(&membership, now_ns, &packet, &out);
    check_whole();
}

/* So that there is somebody whom claims can be about. */
static void join_all(void)
{
    for (unsigned i = 1; i < MEMBERS; i++) {
        struct hs_datagram_message message = {.type = HS_DATAGRAM_JOIN, .nonce = i};
        struct hs_claim            claim = {.subject = id_of(i),
                                            .from = id_of(i),
                                            .incarnation = UINT64_C(2) << 20,
                                            .status = HS_MEMBER_ALIVE,
                                            .facts = facts_of(i)};
        uint8_t                    body[HS_DATAGRAM_BODY_BYTES_MAX];
        struct hs_datagram_writer  writer;
        bool                       is_in;

        hs_datagram_start(&writer, body, sizeof body, &message);
        is_in = hs_datagram_put_claim(&writer, &claim, false);
        HS_ASSERT(is_in);
        hear(i, claim.incarnation, HS_DATAGRAM_JOIN, hs_view_of(body, hs_datagram_finish(&writer)));
    }
}

static void pass(uint64_t for_ns)
{
    uint64_t until_ns = now_ns + for_ns;

    for (unsigned i = 0; i < 64; i++) {
        uint64_t due_ns = hs_membership_deadline_ns(&membership);

        if (due_ns > until_ns) break;
        now_ns = hs_max_u64(now_ns, due_ns);
        hs_membership_turn(&membership, now_ns, &out);
        check_whole();
    }
    now_ns = until_ns;
}

/* Each datagram: who, which life of it, how long after the last, type, length, body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_reader reader;

    begin();
    join_all();
    hs_reader_init(&reader, hs_view_of(data, size));
    for (unsigned i = 0; i < DATAGRAMS_MAX && hs_reader_left_bytes(&reader) >= 6; i++) {
        unsigned       sender = 1 + hs_get_u8(&reader) % (2 * CAPACITY);
        uint64_t       life = hs_get_u8(&reader);
        uint64_t       tenths = hs_get_u8(&reader) % 16;
        uint8_t        type = hs_get_u8(&reader);
        size_t         bytes = hs_get_u16le(&reader) % (HS_DATAGRAM_BODY_BYTES_MAX + 1);
        struct hs_view body = hs_get_view(
            &reader, bytes < hs_reader_left_bytes(&reader) ? bytes : hs_reader_left_bytes(&reader));

        pass(tenths * 100 * HS_NS_PER_MS);
        if (type && type < HS_DATAGRAM_TYPE_END)
            hear(sender, (life >> 4 ? life >> 4 : 1) << 20 | (life & 15),
                 (enum hs_datagram_type)type, body);
    }
    pass(HS_NS_PER_S);
    return 0;
}
