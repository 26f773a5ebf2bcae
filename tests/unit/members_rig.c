// SPDX-License-Identifier: Apache-2.0
/* members_rig.c - a member table for tests. */
#include "tests/unit/members_rig.h"

#include "tests/check.h"

static struct hs_members members;
static uint64_t memory[(HS_MEMBERS_MAX * 600 + HS_MEMBERS_EVENTS_MAX * 64 + (1 << 18)) / 8];

struct hs_node_id hs_rig_id(unsigned number)
{
    struct hs_node_id id = {{0}};

    memcpy(id.bytes, &number, sizeof number);
    id.bytes[15] = 7;
    return id;
}

struct hs_member_facts hs_rig_facts(unsigned number)
{
    struct hs_member_facts facts = {
        .role = HS_IDENTITY_MANAGER, .class = HS_MEMBER_NONVOTER, .datacenter = "ber"};

    facts.address.family = HS_ADDR_IPV4;
    facts.address.port = 7400;
    memcpy(facts.address.bytes, &number, sizeof number);
    (void)snprintf(facts.name, sizeof facts.name, "n%u", number);
    return facts;
}

struct hs_members *hs_rig_begin(uint32_t capacity)
{
    struct hs_members_config config = {.self_id = hs_rig_id(HS_RIG_SELF),
                                       .self_incarnation = HS_RIG_INC(1, 0),
                                       .self_facts = hs_rig_facts(HS_RIG_SELF),
                                       .capacity = capacity,
                                       .seed = 42};

    HS_CHECK(hs_members_bytes(capacity) <= sizeof memory);
    hs_members_init(&members, &config, memory, 0);
    return &members;
}

struct hs_member *hs_rig_get(unsigned number)
{
    struct hs_node_id id = hs_rig_id(number);

    return hs_members_find(&members, &id);
}

struct hs_claim hs_rig_claim(unsigned number, uint64_t incarnation, enum hs_member_status status)
{
    struct hs_claim claim = {.subject = hs_rig_id(number),
                             .from = hs_rig_id(HS_RIG_SELF),
                             .incarnation = incarnation,
                             .status = status,
                             .source = HS_CLAIM_GOSSIP};

    if (status == HS_MEMBER_LEFT) claim.from = claim.subject;
    if (status <= HS_MEMBER_ALIVE) claim.facts = hs_rig_facts(number);
    return claim;
}

enum hs_claim_result hs_rig_tell(uint64_t now_ns, unsigned number, uint64_t incarnation,
                                 enum hs_member_status status)
{
    struct hs_claim claim = hs_rig_claim(number, incarnation, status);

    return hs_members_claim(&members, now_ns, &claim, NULL);
}

enum hs_claim_result hs_rig_join(uint64_t now_ns, unsigned number, uint64_t incarnation)
{
    enum hs_claim_result result = hs_rig_tell(now_ns, number, incarnation, HS_MEMBER_ALIVE);

    if (hs_rig_get(number))
        HS_CHECK(hs_members_confirm(&members, now_ns, hs_rig_get(number), incarnation));
    return result;
}

void hs_rig_drop_events(void)
{
    struct hs_member_event event;

    while (hs_members_next_event(&members, &event)) {
    }
}

const char *hs_rig_events_text(void)
{
    static char            text[400];
    struct hs_member_event event;
    size_t                 at = 0;

    text[0] = '\0';
    while (hs_members_next_event(&members, &event) && at < sizeof text - 40)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %u", at ? ", " : "",
                               hs_member_event_name(event.type),
                               (unsigned)(event.incarnation & 0xff));
    return text;
}
