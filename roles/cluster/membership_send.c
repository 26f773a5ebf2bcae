// SPDX-License-Identifier: Apache-2.0
/* membership_send.c - messages on their way out, each with the news that fit behind it. */
#include "roles/cluster/membership_inner.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

void hs_membership_own_claim(const struct hs_membership *membership, struct hs_claim *claim)
{
    hs_membership_claim_of(hs_members_self(&membership->members), claim);
}

void hs_membership_claim_of(const struct hs_member *member, struct hs_claim *claim)
{
    *claim = (struct hs_claim){.subject = member->id,
                               .from = member->id,
                               .incarnation = member->incarnation,
                               .status = member->status,
                               .source = member->source,
                               .facts = member->facts};
}

/* NULL: the call's room is used up, and it is as lost as on the way. */
static struct hs_membership_send *take_send(struct hs_membership_call *call)
{
    struct hs_membership_out *out = call->out;

    if (out->send_count == HS_MEMBERSHIP_SENDS_MAX) {
        call->membership->counts.unsent++;
        return NULL;
    }
    return &out->sends[out->send_count++];
}

/* What must be in it comes first: the claim given, or the suspicion of whom it goes to, so that it
 * can refute with its answer. */
static void fill(struct hs_membership_call *call, struct hs_membership_send *send,
                 const struct hs_member *member, const struct hs_datagram_message *message,
                 const struct hs_claim *first)
{
    struct hs_membership     *membership = call->membership;
    struct hs_datagram_writer writer;
    struct hs_claim           buddy;

    hs_datagram_start(&writer, send->body, sizeof send->body, message);
    if (first) (void)hs_datagram_put_claim(&writer, first, false);
    if (member && hs_suspicion_buddy(member, &buddy))
        (void)hs_datagram_put_claim(&writer, &buddy, false);
    if (member && membership->keyring_mark)
        (void)hs_datagram_put_keyring(&writer, membership->keyring_mark);
    if (member)
        hs_gossip_fill(&membership->gossip, membership->now_ns, member,
                       &membership->swim.coordinates.own, &writer);
    send->type = message->type;
    send->body_bytes = hs_datagram_finish(&writer);
}

void hs_membership_send_to(struct hs_membership_call *call, const struct hs_member *member,
                           const struct hs_datagram_message *message, const struct hs_claim *first)
{
    struct hs_membership_send *send = take_send(call);

    if (!send) return;
    send->to = member->id;
    send->address = member->facts.address;
    fill(call, send, member, message, first);
}

void hs_membership_reply(struct hs_membership_call *call, const struct hs_datagram_message *message,
                         const struct hs_claim *first)
{
    struct hs_membership_send *send;

    HS_ASSERT(call->packet);
    if (call->sender) {
        hs_membership_send_to(call, call->sender, message, first);
        return;
    }
    send = take_send(call);
    if (!send) return;
    send->to = call->packet->sender;
    send->address = call->packet->from;
    fill(call, send, NULL, message, first);
}

void hs_membership_send_join(struct hs_membership_call *call, struct hs_membership_join *join)
{
    struct hs_membership      *membership = call->membership;
    struct hs_datagram_message message = {.type = HS_DATAGRAM_JOIN, .nonce = join->nonce};
    const struct hs_member    *member = hs_members_find(&membership->members, &join->id);
    struct hs_membership_send *send = take_send(call);
    struct hs_datagram_writer  writer;
    struct hs_claim            claim;

    if (!send) return;
    join->asked_at_ns = membership->now_ns;
    send->type = message.type;
    send->to = join->id;
    send->address = join->address;
    hs_datagram_start(&writer, send->body, sizeof send->body, &message);
    hs_membership_own_claim(membership, &claim);
    (void)hs_datagram_put_claim(&writer, &claim, false);
    if (member && (HS_MEMBER_MASK(member->status) & HS_MEMBER_GONE_MASK)) {
        hs_membership_claim_of(member, &claim); /* it is to refute that it is dead */
        if (claim.status == HS_MEMBER_DEAD) claim.from = hs_members_self(&membership->members)->id;
        (void)hs_datagram_put_claim(&writer, &claim, false);
    }
    send->body_bytes = hs_datagram_finish(&writer);
}

void hs_membership_send_page(struct hs_membership_call *call, const struct hs_member *member,
                             uint32_t transfer)
{
    struct hs_membership_send *send = take_send(call);

    if (!send) return;
    send->type = HS_DATAGRAM_PUSH_PULL;
    send->to = member->id;
    send->address = member->facts.address;
    send->body_bytes = hs_gossip_page(&call->membership->gossip, call->membership->now_ns, transfer,
                                      send->body, sizeof send->body);
}

void hs_membership_say(struct hs_membership *membership, uint64_t now_ns, struct hs_view verdicts,
                       struct hs_membership_out *out)
{
    enum { LISTENERS_MAX = 16 };
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    uint32_t                   slots = membership->members.slot_count;
    uint32_t                   first = (uint32_t)hs_rand_below(&membership->rand, slots);

    hs_membership_out_clear(out);
    membership->now_ns = now_ns;
    for (uint32_t i = 0; i < slots && out->send_count < LISTENERS_MAX; i++) {
        const struct hs_member *member = hs_members_at(&membership->members, (first + i) % slots);
        struct hs_membership_send *send = &out->sends[out->send_count];
        struct hs_datagram_writer  writer;

        if (!member || !hs_member_is_live(member) || !hs_member_is_ring(member)) continue;
        if (member == hs_members_self(&membership->members)) continue;
        hs_datagram_start(&writer, send->body, sizeof send->body, &message);
        if (!hs_datagram_put_verdicts(&writer, verdicts)) return;
        send->type = message.type;
        send->to = member->id;
        send->address = member->facts.address;
        send->body_bytes = hs_datagram_finish(&writer);
        out->send_count++;
    }
}

void hs_membership_ask_oob(struct hs_membership_call *call, const struct hs_member *member)
{
    struct hs_membership_out *out = call->out;

    if (member->facts.health.port == 0) return;
    if (out->ask_count == HS_MEMBERSHIP_ASKS_MAX) {
        call->membership->counts.unsent++;
        return;
    }
    out->asks[out->ask_count++] =
        (struct hs_membership_ask){.node = member->id, .address = member->facts.health};
}

/* The one for that address, or a fresh one in place of the oldest. */
static struct hs_membership_join *take_join(struct hs_membership *membership,
                                            const struct hs_addr *address)
{
    struct hs_membership_join *best = &membership->joins[0];

    for (unsigned i = 0; i < HS_MEMBERSHIP_JOINS_MAX; i++) {
        struct hs_membership_join *join = &membership->joins[i];

        if (join->nonce && hs_addr_equal(&join->address, address)) return join;
        if (!best->nonce) continue;
        if (!join->nonce || join->asked_at_ns < best->asked_at_ns) best = join;
    }
    *best = (struct hs_membership_join){.nonce = hs_rand_next(&membership->rand) | 1,
                                        .address = *address};
    return best;
}

void hs_membership_dial(struct hs_membership_call *call, const struct hs_addr *address,
                        const struct hs_node_id *id)
{
    struct hs_membership_join *join = take_join(call->membership, address);

    join->id = *id;
    hs_membership_send_join(call, join);
}
