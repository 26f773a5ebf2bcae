// SPDX-License-Identifier: Apache-2.0
/* membership_apply.c - what one core decided, carried to the others: claims to the table, what the
 * table took to gossip and probing, what probing found out back to the table. */
#include "roles/cluster/membership_inner.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

/* What follows calls itself, once: a step of probing may claim or find somebody out, and what the
 * table says to that is told to probing (ACCUSED, DIED, JOINED, CONFIRM), which then only sends. */
/* NOLINTBEGIN(misc-no-recursion) */
static void accused(struct hs_membership_call *call, const struct hs_member *member,
                    const struct hs_node_id *from)
{
    struct hs_swim_event event = {.type = HS_SWIM_ACCUSED,
                                  .sender_idx = HS_SWIM_NOBODY,
                                  .member_idx = member->idx,
                                  .from = *from};

    hs_membership_swim(call, &event);
}

static void died(struct hs_membership_call *call, const struct hs_member *member)
{
    struct hs_swim_event event = {
        .type = HS_SWIM_DIED, .sender_idx = HS_SWIM_NOBODY, .member_idx = member->idx};

    hs_membership_swim(call, &event);
}

/* Words about one member that nobody can believe may come by the hundred: one question is enough.
 */
static void doubted(struct hs_membership_call *call, const struct hs_member *member)
{
    const struct hs_membership *membership = call->membership;
    struct hs_swim_event        confirm = {
               .type = HS_SWIM_CONFIRM, .sender_idx = HS_SWIM_NOBODY, .member_idx = member->idx};

    if (hs_swim_is_asked(&membership->swim, member->idx, membership->now_ns)) return;
    hs_membership_swim(call, &confirm);
}

void hs_membership_renewed(struct hs_membership_call *call)
{
    struct hs_membership *membership = call->membership;
    struct hs_claim       claim;

    hs_members_set_self(&membership->members, membership->incarnation.value);
    hs_membership_own_claim(membership, &claim);
    hs_gossip_push(&membership->gossip, membership->now_ns, &claim);
    hs_local_health_on_refuted(&membership->swim.health);
}

/* Even if it is refuted already: for a while we were dead, and what we were granted before went to
 * others (membership.md 6.3). Once for each life that died, and not for those before this one. */
static void hear_own_death(struct hs_membership *membership, uint64_t incarnation)
{
    if (membership->incarnation.is_leaving || incarnation < membership->first_incarnation) return;
    if (incarnation <= membership->died_incarnation ||
        !hs_incarnation_is_credible(incarnation, membership->incarnation.value))
        return;
    membership->died_incarnation = incarnation;
    membership->counts.self_deaths++;
}

static void hear_of_self(struct hs_membership_call *call, const struct hs_claim *claim)
{
    struct hs_membership *membership = call->membership;

    if (claim->status >= HS_MEMBER_DEAD) hear_own_death(membership, claim->incarnation);
    switch (hs_incarnation_hear(&membership->incarnation, membership->now_ns, claim->incarnation,
                                claim->status)) {
    case HS_INCARNATION_REFUTE:
        hs_membership_renewed(call);
        call->is_teller_behind = true;
        break;
    case HS_INCARNATION_TELL: call->is_teller_behind = true; break;
    case HS_INCARNATION_LATER:
    case HS_INCARNATION_SILENT: break;
    }
}

/* The table has taken it: others have to hear, with what we know of the subject. */
static void pass_on(struct hs_membership_call *call, const struct hs_claim *claim,
                    const struct hs_member *member)
{
    struct hs_claim news = *claim;

    if (member && claim->status <= HS_MEMBER_ALIVE) {
        news.facts = member->facts;
        news.status = HS_MEMBER_ALIVE;
    }
    if (claim->status > HS_MEMBER_ALIVE) news.facts = (struct hs_member_facts){0};
    hs_gossip_push(&call->membership->gossip, call->membership->now_ns, &news);
}

enum hs_claim_result hs_membership_apply(struct hs_membership_call *call,
                                         const struct hs_claim     *claim)
{
    struct hs_membership *membership = call->membership;
    struct hs_member     *member;
    enum hs_claim_result  result =
        hs_members_claim(&membership->members, membership->now_ns, claim, &member);

    switch (result) {
    case HS_CLAIM_ACCEPTED:
    case HS_CLAIM_CREATED:
        pass_on(call, claim, member);
        if (!member) break;
        if (member->status == HS_MEMBER_SUSPECT) accused(call, member, &claim->from);
        if (HS_MEMBER_MASK(member->status) & HS_MEMBER_GONE_MASK) died(call, member);
        break;
    case HS_CLAIM_DUPLICATE:
        if (claim->status == HS_MEMBER_SUSPECT && member->status == HS_MEMBER_SUSPECT)
            accused(call, member, &claim->from);
        break;
    case HS_CLAIM_SELF: hear_of_self(call, claim); break;
    case HS_CLAIM_SUSPICIOUS: doubted(call, member); break;
    case HS_CLAIM_STALE:
    case HS_CLAIM_IGNORED:
    case HS_CLAIM_INVALID:
    case HS_CLAIM_FULL:
    case HS_CLAIM_RESULT_COUNT: break;
    }
    return result;
}

/* Another node stands where it said it is: its end is ours to judge, as any suspect's. */
static void begin_conflicts(struct hs_membership_call *call)
{
    struct hs_members *members = &call->membership->members;
    struct hs_member  *next;

    for (struct hs_member *member = hs_members_first(members, HS_MEMBER_SUSPECT); member;
         member = next) {
        next = hs_members_next(members, member);
        if (member->suspicion.deadline_ns == HS_NEVER_NS)
            accused(call, member, &hs_members_self(members)->id);
    }
}

/* It does not know yet that it is dead for the ring: it hears so, and can refute. */
static void bury(struct hs_membership_call *call, struct hs_member *member)
{
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_claim            claim;

    if (member->status == HS_MEMBER_UNCONFIRMED && !member->died_incarnation)
        return; /* never was */
    hs_membership_claim_of(member, &claim);
    claim.status = HS_MEMBER_DEAD;
    claim.from = hs_members_self(&call->membership->members)->id;
    if (member->status == HS_MEMBER_UNCONFIRMED) claim.incarnation = member->died_incarnation;
    claim.facts = (struct hs_member_facts){0};
    call->membership->counts.buried++;
    hs_membership_send_to(call, member, &message, &claim);
}

void hs_membership_answered(struct hs_membership_call *call, struct hs_member *member,
                            uint64_t incarnation)
{
    struct hs_membership *membership = call->membership;
    bool                  was_unconfirmed = member->status == HS_MEMBER_UNCONFIRMED;
    struct hs_swim_event  joined = {
         .type = HS_SWIM_JOINED, .sender_idx = HS_SWIM_NOBODY, .member_idx = member->idx};
    struct hs_claim claim;

    if (!hs_members_confirm(&membership->members, membership->now_ns, member, incarnation)) {
        if (!hs_member_is_live(member)) bury(call, member);
        return;
    }
    if (!was_unconfirmed) return;
    hs_membership_claim_of(member, &claim);
    hs_gossip_push(&membership->gossip, membership->now_ns, &claim);
    hs_membership_swim(call, &joined);
    begin_conflicts(call);
}

static void claim_own(struct hs_membership_call *call, const struct hs_swim_action *action,
                      enum hs_member_status status)
{
    struct hs_membership *membership = call->membership;
    struct hs_member     *member = hs_members_at(&membership->members, action->member_idx);
    struct hs_claim       claim = {.status = status, .incarnation = action->incarnation};

    if (!member) return;
    claim.subject = member->id;
    claim.from = hs_members_self(&membership->members)->id;
    claim.source = HS_CLAIM_DIRECT;
    (void)hs_membership_apply(call, &claim);
}

/* Whose answer came from the address of somebody who never was: that one goes, this one is asked
 * who it is. */
static void replaced(struct hs_membership_call *call, const struct hs_swim_action *action)
{
    struct hs_member *old = hs_members_at(&call->membership->members, action->member_idx);

    if (!old || old->status != HS_MEMBER_UNCONFIRMED || !call->packet) return;
    if (!old->is_event_owed) hs_members_remove_unconfirmed(&call->membership->members, old);
    if (!call->sender) hs_membership_dial(call, &call->packet->from, &call->packet->sender);
}

static void send_swim(struct hs_membership_call *call, const struct hs_swim_action *action,
                      enum hs_datagram_type type)
{
    struct hs_members         *members = &call->membership->members;
    const struct hs_member    *about = hs_members_at(members, action->member_idx);
    const struct hs_member    *to = hs_members_at(members, action->to_idx);
    struct hs_datagram_message message = {
        .type = type, .seq = action->sequence, .code = (uint8_t)action->code};
    struct hs_claim suspicion;

    if (about) message.target = about->id;
    message.incarnation = action->incarnation;
    if (type == HS_DATAGRAM_PING && about) message.incarnation = about->incarnation;
    if (type == HS_DATAGRAM_ACK) message.incarnation = call->membership->incarnation.value;
    if (type == HS_DATAGRAM_PING_REQ && about) message.address = about->facts.address;
    if (!about && call->packet) message.target = call->packet->datagram->message.target;
    if (type == HS_DATAGRAM_GOSSIP && !(about && hs_suspicion_buddy(about, &suspicion))) return;
    if (to)
        hs_membership_send_to(call, to, &message, NULL); /* a suspect's own accusation is in it */
    else if (call->packet)
        hs_membership_reply(call, &message, NULL);
}

static void gossip_again(struct hs_membership_call *call, const struct hs_swim_action *action)
{
    const struct hs_member *member = hs_members_at(&call->membership->members, action->member_idx);
    struct hs_claim         claim;

    if (!member || member->status != HS_MEMBER_SUSPECT) return;
    hs_membership_claim_of(member, &claim);
    claim.from = action->from;
    claim.facts = (struct hs_member_facts){0};
    hs_gossip_push(&call->membership->gossip, call->membership->now_ns, &claim);
}

static void perform(struct hs_membership_call *call, const struct hs_swim_action *action)
{
    struct hs_member *member = hs_members_at(&call->membership->members, action->member_idx);

    switch (action->type) {
    case HS_SWIM_SEND_PING: send_swim(call, action, HS_DATAGRAM_PING); break;
    case HS_SWIM_SEND_ACK: send_swim(call, action, HS_DATAGRAM_ACK); break;
    case HS_SWIM_SEND_PING_REQ: send_swim(call, action, HS_DATAGRAM_PING_REQ); break;
    case HS_SWIM_SEND_IND_ACK: send_swim(call, action, HS_DATAGRAM_IND_ACK); break;
    case HS_SWIM_SEND_NACK: send_swim(call, action, HS_DATAGRAM_NACK); break;
    case HS_SWIM_SEND_BUDDY: send_swim(call, action, HS_DATAGRAM_GOSSIP); break;
    case HS_SWIM_ASK_OOB:
        if (member) hs_membership_ask_oob(call, member);
        break;
    case HS_SWIM_CLAIM_SUSPECT: claim_own(call, action, HS_MEMBER_SUSPECT); break;
    case HS_SWIM_CLAIM_DEAD: claim_own(call, action, HS_MEMBER_DEAD); break;
    case HS_SWIM_GOSSIP_SUSPECT: gossip_again(call, action); break;
    case HS_SWIM_ANSWERED:
        if (member) hs_membership_answered(call, member, action->incarnation);
        break;
    case HS_SWIM_REPLACED: replaced(call, action); break;
    }
}

void hs_membership_swim(struct hs_membership_call *call, const struct hs_swim_event *event)
{
    struct hs_swim_actions actions;

    HS_ASSERT(call->step_depth < 2);
    call->step_depth++;
    hs_swim_step(&call->membership->swim, call->membership->now_ns, event, &actions);
    for (unsigned i = 0; i < actions.count; i++) perform(call, &actions.at[i]);
    call->step_depth--;
}
/* NOLINTEND(misc-no-recursion) */
