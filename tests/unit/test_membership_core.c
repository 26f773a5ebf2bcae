// SPDX-License-Identifier: Apache-2.0
/* test_membership_core.c - one node's part in a ring, datagram by datagram: what each leads to in
 * the same call. */
#include "roles/cluster/membership.h"

#include "shm/base/log.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/members_rig.h"
#include "tests/unit/suites.h"

#define S   HS_RIG_S
#define INC HS_RIG_INC

enum { SELF = HS_RIG_SELF, BEE = HS_RIG_BEE, CEE = HS_RIG_CEE, CAPACITY = 64 };

static struct hs_membership     membership;
static struct hs_membership_out out;
static struct hs_datagram       in;
static struct hs_datagram       said; /* the last datagram that was looked at */
static uint64_t                 memory[1 << 18];

static void quiet(void *context, enum hs_log_level level, const char *module, const char *line)
{
    (void)context;
    (void)level;
    (void)module;
    (void)line;
}

static void begin(void)
{
    struct hs_membership_config config = {.profile = HS_MEMBERSHIP_LAN,
                                          .self_id = hs_rig_id(SELF),
                                          .host_life = 7,
                                          .self_facts = hs_rig_facts(SELF),
                                          .capacity = CAPACITY,
                                          .seed = 5};

    HS_CHECK(hs_membership_bytes(CAPACITY) <= sizeof memory);
    hs_membership_init(&membership, &config, memory, S(1));
}

static void hear(uint64_t now_ns, unsigned sender, uint64_t incarnation)
{
    struct hs_membership_packet packet = {.sender = hs_rig_id(sender),
                                          .incarnation = incarnation,
                                          .from = hs_rig_facts(sender).address,
                                          .datagram = &in};

    hs_membership_receive(&membership, now_ns, &packet, &out);
    memset(&in, 0, sizeof in);
}

/* The first datagram of that type to it; false: there is none. */
static bool has_said(unsigned to, enum hs_datagram_type type)
{
    for (unsigned i = 0; i < out.send_count; i++) {
        const struct hs_membership_send *send = &out.sends[i];
        struct hs_node_id                id = hs_rig_id(to);

        if (send->type != type || !hs_node_id_equal(&send->to, &id)) continue;
        HS_CHECK_EQ(hs_datagram_decode(hs_view_of(send->body, send->body_bytes), type, &said), 0);
        return true;
    }
    return false;
}

/* Known, and it has answered. */
static void befriend(uint64_t now_ns, unsigned number, uint64_t incarnation)
{
    struct hs_claim   claim = hs_rig_claim(number, incarnation, HS_MEMBER_ALIVE);
    struct hs_member *member;

    (void)hs_members_claim(&membership.members, now_ns, &claim, &member);
    HS_CHECK(hs_members_confirm(&membership.members, now_ns, member, incarnation));
}

static const struct hs_member *member_of(unsigned number)
{
    struct hs_node_id id = hs_rig_id(number);

    return hs_members_find(&membership.members, &id);
}

static void an_accuser_is_answered_in_the_same_call(void)
{
    begin();
    befriend(S(1), BEE, INC(1, 0));
    in.message.type = HS_DATAGRAM_GOSSIP;
    in.claim_count = 1;
    in.claims[0] = (struct hs_claim){.subject = hs_rig_id(SELF),
                                     .from = hs_rig_id(BEE),
                                     .incarnation = INC(7, 0),
                                     .status = HS_MEMBER_SUSPECT};
    hear(S(2), BEE, INC(1, 0));
    HS_CHECK(has_said(BEE, HS_DATAGRAM_GOSSIP));
    HS_CHECK_EQ(said.claims[0].status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(said.claims[0].incarnation, INC(7, 1));
    HS_CHECK_EQ(membership.swim.health.score, 1);
    /* The next tick tells it to others, too. */
    HS_CHECK(membership.gossip.update_count > 0);
    HS_CHECK(hs_membership_deadline_ns(&membership) <= S(2) + HS_NS_PER_S / 5);
    /* Whoever comes with the old story later is told the present one, and nothing moves. */
    in.message.type = HS_DATAGRAM_GOSSIP;
    in.claim_count = 1;
    in.claims[0] = (struct hs_claim){.subject = hs_rig_id(SELF),
                                     .from = hs_rig_id(BEE),
                                     .incarnation = INC(7, 0),
                                     .status = HS_MEMBER_SUSPECT};
    hear(S(3), BEE, INC(1, 0));
    HS_CHECK(has_said(BEE, HS_DATAGRAM_GOSSIP));
    HS_CHECK_EQ(hs_membership_incarnation(&membership), INC(7, 1));
}

/* Nobody can believe them; but they shall not take all places for questions. */
static void claims_by_the_hundred_are_worth_one_question(void)
{
    unsigned pings = 0;

    begin();
    befriend(S(1), BEE, INC(1, 0));
    befriend(S(1), CEE, INC(1, 0));
    for (unsigned i = 0; i < 10; i++) {
        in.message.type = HS_DATAGRAM_GOSSIP;
        in.claim_count = HS_DATAGRAM_CLAIMS_MAX;
        for (unsigned k = 0; k < HS_DATAGRAM_CLAIMS_MAX; k++)
            in.claims[k] = (struct hs_claim){.subject = hs_rig_id(CEE),
                                             .from = hs_rig_id(BEE),
                                             .incarnation = INC(1, 5000),
                                             .status = HS_MEMBER_SUSPECT};
        hear(S(2), BEE, INC(1, 0));
        pings += has_said(CEE, HS_DATAGRAM_PING);
        HS_CHECK(out.send_count <= 1);
    }
    HS_CHECK_EQ(pings, 1);
    HS_CHECK_EQ(membership.swim.counts.no_slot, 0);
    HS_CHECK_EQ(member_of(CEE)->status, HS_MEMBER_ALIVE);
}

static void a_ping_that_accuses_is_answered_with_the_refutation(void)
{
    begin();
    befriend(S(1), BEE, INC(1, 0));
    in.message = (struct hs_datagram_message){
        .type = HS_DATAGRAM_PING, .seq = 77, .target = hs_rig_id(SELF), .incarnation = INC(7, 0)};
    in.claim_count = 1;
    in.claims[0] = (struct hs_claim){.subject = hs_rig_id(SELF),
                                     .from = hs_rig_id(BEE),
                                     .incarnation = INC(7, 0),
                                     .status = HS_MEMBER_SUSPECT};
    hear(S(2), BEE, INC(1, 0));
    HS_CHECK(has_said(BEE, HS_DATAGRAM_ACK));
    HS_CHECK_EQ(said.message.seq, 77);
    HS_CHECK_EQ(said.message.incarnation, INC(7, 1));
    HS_CHECK(said.claim_count > 0);
    HS_CHECK_EQ(said.claims[0].incarnation, INC(7, 1));
}

static void what_a_header_says_of_its_sender_is_its_own_word(void)
{
    struct hs_claim claim = hs_rig_claim(BEE, INC(1, 0), HS_MEMBER_SUSPECT);

    begin();
    befriend(S(1), BEE, INC(1, 0));
    (void)hs_members_claim(&membership.members, S(2), &claim, NULL);
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_SUSPECT);
    in.message.type = HS_DATAGRAM_GOSSIP;
    hear(S(3), BEE, INC(1, 0));
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_SUSPECT);
    in.message.type = HS_DATAGRAM_GOSSIP;
    hear(S(3), BEE, INC(1, 2000)); /* as far ahead as it likes: it is about itself */
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(member_of(BEE)->incarnation, INC(1, 2000));
}

static void a_third_party_too_far_ahead_leads_to_a_question(void)
{
    begin();
    befriend(S(1), BEE, INC(1, 2));
    befriend(S(1), CEE, INC(1, 0));
    in.message.type = HS_DATAGRAM_GOSSIP;
    in.claim_count = 1;
    in.claims[0] = hs_rig_claim(BEE, INC(1, 1500), HS_MEMBER_DEAD);
    in.claims[0].from = hs_rig_id(CEE);
    hear(S(2), CEE, INC(1, 0));
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK(has_said(BEE, HS_DATAGRAM_PING));
}

static void a_ring_that_knows_more_of_us_is_followed(void)
{
    struct hs_addr address = hs_rig_facts(BEE).address;

    hs_log_set_sink(quiet, NULL, HS_LOG_ERROR);
    begin();
    hs_join_add_seed(&membership.join, &address, S(1));
    hs_membership_turn(&membership, S(1), &out);
    HS_CHECK_EQ(out.send_count, 1);
    HS_CHECK_EQ(out.sends[0].type, HS_DATAGRAM_JOIN);
    HS_CHECK_EQ(hs_datagram_decode(hs_view_of(out.sends[0].body, out.sends[0].body_bytes),
                                   HS_DATAGRAM_JOIN, &said),
                0);
    in.message = (struct hs_datagram_message){.type = HS_DATAGRAM_JOIN_ACK,
                                              .nonce = said.message.nonce + 1,
                                              .code = HS_JOIN_STALE,
                                              .required = INC(8, 1)};
    hear(S(2), BEE, INC(1, 0)); /* an answer to nothing that was asked */
    HS_CHECK_EQ(hs_membership_incarnation(&membership), INC(7, 0));
    in.message = (struct hs_datagram_message){.type = HS_DATAGRAM_JOIN_ACK,
                                              .nonce = said.message.nonce,
                                              .code = HS_JOIN_STALE,
                                              .required = INC(8, 1)};
    hear(S(2), BEE, INC(1, 0));
    HS_CHECK_EQ(hs_membership_incarnation(&membership), INC(8, 1));
    HS_CHECK(has_said(BEE, HS_DATAGRAM_JOIN));
    HS_CHECK_EQ(said.claims[0].incarnation, INC(8, 1));
    in.message = (struct hs_datagram_message){.type = HS_DATAGRAM_JOIN_ACK,
                                              .nonce = said.message.nonce,
                                              .code = HS_JOIN_CONFLICT,
                                              .required = INC(9, 0)};
    hear(S(3), BEE, INC(1, 0));
    HS_CHECK(membership.has_conflict);
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
}

static void whoever_joins_is_judged_answered_and_asked(void)
{
    begin();
    in.message = (struct hs_datagram_message){.type = HS_DATAGRAM_JOIN, .nonce = 99};
    in.claim_count = 1;
    in.claims[0] = hs_rig_claim(BEE, INC(1, 0), HS_MEMBER_ALIVE);
    in.claims[0].facts = hs_rig_facts(BEE);
    hear(S(2), BEE, INC(1, 0));
    HS_CHECK(has_said(BEE, HS_DATAGRAM_JOIN_ACK));
    HS_CHECK_EQ(said.message.code, HS_JOIN_OK);
    HS_CHECK_EQ(said.message.nonce, 99);
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_UNCONFIRMED);
    hs_membership_turn(&membership, S(2), &out);
    HS_CHECK(has_said(BEE, HS_DATAGRAM_PING));
    in.message = (struct hs_datagram_message){
        .type = HS_DATAGRAM_ACK, .seq = said.message.seq, .incarnation = INC(1, 0)};
    hear(S(2), BEE, INC(1, 0));
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK_EQ(membership.members.live_ring_count, 2);
}

static void a_join_for_another_is_not_answered(void)
{
    begin();
    in.message = (struct hs_datagram_message){.type = HS_DATAGRAM_JOIN, .nonce = 99};
    in.claim_count = 1;
    in.claims[0] = hs_rig_claim(CEE, INC(1, 0), HS_MEMBER_ALIVE);
    hear(S(2), BEE, INC(1, 0));
    HS_CHECK(!has_said(BEE, HS_DATAGRAM_JOIN_ACK));
    HS_CHECK_EQ(membership.join.counts.forged, 1);
}

static void whom_we_hold_for_dead_hears_so_once_a_second(void)
{
    struct hs_claim claim = hs_rig_claim(BEE, INC(1, 0), HS_MEMBER_DEAD);

    begin();
    befriend(S(1), BEE, INC(1, 0));
    (void)hs_members_claim(&membership.members, S(2), &claim, NULL);
    for (unsigned i = 0; i < 20; i++) {
        in.message.type = HS_DATAGRAM_GOSSIP;
        hear(S(5) + i * HS_NS_PER_S / 10, BEE, INC(1, 0));
        if (i == 0) HS_CHECK(has_said(BEE, HS_DATAGRAM_GOSSIP));
        if (i == 0) HS_CHECK_EQ(said.claims[0].status, HS_MEMBER_DEAD);
    }
    HS_CHECK_EQ(membership.counts.buried, 2);
    HS_CHECK_EQ(member_of(BEE)->status, HS_MEMBER_DEAD);
}

CU_TestInfo hs_tests_membership_core[] = {
    {"5.3 claims by the hundred are worth one question",
     claims_by_the_hundred_are_worth_one_question},
    {"5.1 an accuser is answered in the same call", an_accuser_is_answered_in_the_same_call},
    {"4.6 a ping that accuses is answered with the refutation",
     a_ping_that_accuses_is_answered_with_the_refutation},
    {"what a header says of its sender is its own word",
     what_a_header_says_of_its_sender_is_its_own_word},
    {"5.6 a third party too far ahead leads to a question",
     a_third_party_too_far_ahead_leads_to_a_question},
    {"5.4 a ring that knows more of us is followed", a_ring_that_knows_more_of_us_is_followed},
    {"7.8 whoever joins is judged, answered and asked", whoever_joins_is_judged_answered_and_asked},
    {"6.4 a join for another is not answered", a_join_for_another_is_not_answered},
    {"8.9 whom we hold for dead hears so once a second",
     whom_we_hold_for_dead_hears_so_once_a_second},
    CU_TEST_INFO_NULL,
};
