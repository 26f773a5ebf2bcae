// SPDX-License-Identifier: Apache-2.0
/* membership_receive.c - what a datagram does: first what it tells of the sender and of others,
 * then the message itself, so that the answer carries what it has led to. */
#include "roles/cluster/membership_inner.h"

#include "shm/base/log.h"
#include "shm/base/time.h"

#define STRANGER_INTERVAL_NS (100 * HS_NS_PER_MS)
#define BURY_INTERVAL_NS     HS_NS_PER_S
#define FAREWELL_NS          (10 * HS_NS_PER_S)
#define WARN_INTERVAL_NS     (10 * HS_NS_PER_S)

static bool is_own_word(const struct hs_membership_call *call, const struct hs_claim *claim)
{
    return hs_node_id_equal(&claim->subject, &call->packet->sender);
}

/* Who listens on every address it has does not know by which of them it is reached: of its own
 * word, that is where it comes from; of somebody else's, nobody knows. */
static void mend(const struct hs_membership_call *call, const struct hs_claim *claim,
                 struct hs_addr *address)
{
    static const uint8_t any[sizeof address->bytes] = {0};
    uint16_t             port = address->port;

    if (port == 0 || memcmp(address->bytes, any, sizeof any) != 0) return;
    *address = call->packet->from;
    address->port = is_own_word(call, claim) ? port : 0;
}

static void mend_address(const struct hs_membership_call *call, struct hs_claim *claim)
{
    mend(call, claim, &claim->facts.address);
    mend(call, claim, &claim->facts.health);
}

/* Its header says a newer life than we know: its own word. */
static void hear_header(struct hs_membership_call *call)
{
    const struct hs_membership_packet *packet = call->packet;
    struct hs_claim                    claim = {.subject = packet->sender,
                                                .from = packet->sender,
                                                .incarnation = packet->incarnation,
                                                .status = HS_MEMBER_ALIVE,
                                                .source = HS_CLAIM_DIRECT,
                                                .is_own_word = true};

    if (!call->sender || packet->incarnation <= call->sender->incarnation) return;
    (void)hs_membership_apply(call, &claim);
    call->sender = hs_members_find(&call->membership->members, &packet->sender);
}

/* Of itself alone: nobody acknowledges for another. */
static void hear_keyring(struct hs_membership_call *call)
{
    uint32_t mark = call->packet->datagram->keyring_mark;

    if (call->sender && mark) call->sender->keyring_mark = mark;
}

static void hear_place(struct hs_membership_call *call)
{
    const struct hs_datagram *datagram = call->packet->datagram;

    if (call->sender && datagram->has_coordinate)
        (void)hs_coordinates_hear(&call->membership->swim.coordinates, &call->sender->place,
                                  &datagram->coordinate, call->membership->now_ns);
}

/* Who is gone for us and speaks hears of it, but not more than once a second, and not while it may
 * still be taking its leave. */
static void hear_sender(struct hs_membership_call *call)
{
    struct hs_membership      *membership = call->membership;
    struct hs_member          *sender = call->sender;
    struct hs_datagram_message gossip = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_claim            claim;

    if (!sender) return;
    if (sender->status == HS_MEMBER_UNCONFIRMED) {
        hs_join_heard(sender, membership->now_ns);
        return;
    }
    if (hs_member_is_live(sender)) {
        sender->heard_at_ns = membership->now_ns;
        return;
    }
    if (sender->status == HS_MEMBER_LEFT &&
        membership->now_ns - sender->status_since_ns < FAREWELL_NS)
        return;
    if (membership->now_ns - sender->heard_at_ns < BURY_INTERVAL_NS) return;
    sender->heard_at_ns = membership->now_ns;
    membership->counts.buried++;
    hs_membership_claim_of(sender, &claim);
    if (claim.status == HS_MEMBER_DEAD) claim.from = hs_members_self(&membership->members)->id;
    claim.facts = (struct hs_member_facts){0};
    hs_membership_send_to(call, sender, &gossip, &claim);
}

static void hear_claims(struct hs_membership_call *call)
{
    const struct hs_datagram *datagram = call->packet->datagram;
    bool                      is_join = datagram->message.type == HS_DATAGRAM_JOIN;

    for (unsigned i = 0; i < datagram->claim_count; i++) {
        struct hs_claim claim = datagram->claims[i];

        claim.source = call->source;
        claim.is_own_word = is_own_word(call, &claim) && claim.status == HS_MEMBER_ALIVE;
        mend_address(call, &claim);
        if (claim.is_own_word && is_join) continue; /* judged, not merely merged */
        if (call->source == HS_CLAIM_PUSH_PULL)
            hs_gossip_judge(&claim, datagram->is_old[i], &call->packet->sender);
        (void)hs_membership_apply(call, &claim);
    }
    for (unsigned i = 0; i < datagram->health_count; i++) {
        const struct hs_health_entry *entry = &datagram->healths[i];
        struct hs_member *member = hs_members_find(&call->membership->members, &entry->node);

        if (member &&
            hs_gossip_hear_health(&call->membership->gossip, call->membership->now_ns, entry)) {
            member->health_score = entry->score;
            member->load = entry->load;
        }
    }
}

static void on_join(struct hs_membership_call *call)
{
    const struct hs_datagram  *datagram = call->packet->datagram;
    struct hs_membership      *membership = call->membership;
    struct hs_join_request     request = {.sender = call->packet->sender};
    struct hs_join_verdict     verdict;
    struct hs_datagram_message answer = {.type = HS_DATAGRAM_JOIN_ACK};
    struct hs_claim            own;

    for (unsigned i = 0; i < datagram->claim_count; i++)
        if (is_own_word(call, &datagram->claims[i])) request.claim = datagram->claims[i];
    if (!hs_node_id_is_none(&request.claim.subject)) mend_address(call, &request.claim);
    if (!hs_join_judge(&membership->join, membership->now_ns, &request, &verdict)) return;
    if (verdict.code == HS_JOIN_OK) {
        request.claim.facts = verdict.member->facts;
        hs_gossip_push(&membership->gossip, membership->now_ns, &request.claim);
        call->sender = verdict.member;
    }
    answer.nonce = datagram->message.nonce;
    answer.code = (uint8_t)verdict.code;
    answer.required = verdict.required;
    answer.incarnation = membership->incarnation.value;
    hs_membership_own_claim(membership, &own);
    hs_membership_reply(call, &answer, &own);
}

static void on_join_refused(struct hs_membership_call *call, struct hs_membership_join *join,
                            const struct hs_datagram_message *message)
{
    struct hs_membership *membership = call->membership;
    char                  text[HS_ADDR_TEXT_BYTES];

    membership->counts.joins_refused++;
    if (message->code == HS_JOIN_STALE &&
        hs_incarnation_adopt(&membership->incarnation, message->required)) {
        membership->counts.self_deaths++;
        hs_membership_renewed(call);
        hs_membership_send_join(call, join);
        return;
    }
    if (message->code == HS_JOIN_CONFLICT) membership->has_conflict = true;
    join->nonce = 0;
    if (membership->now_ns < membership->warn_at_ns) return;
    membership->warn_at_ns = membership->now_ns + WARN_INTERVAL_NS;
    hs_addr_format(&call->packet->from, text, sizeof text);
    hs_log(HS_LOG_WARN, "join", "refused by=%s code=%s", text, hs_join_code_name(message->code));
}

static void on_join_ack(struct hs_membership_call *call)
{
    const struct hs_datagram_message *message = &call->packet->datagram->message;
    struct hs_membership             *membership = call->membership;

    for (unsigned i = 0; i < HS_MEMBERSHIP_JOINS_MAX; i++) {
        struct hs_membership_join *join = &membership->joins[i];

        if (!join->nonce || join->nonce != message->nonce) continue;
        if (!hs_node_id_is_none(&join->id) && !hs_node_id_equal(&join->id, &call->packet->sender))
            continue;
        join->id = call->packet->sender;
        if (message->code != HS_JOIN_OK) {
            on_join_refused(call, join, message);
            return;
        }
        join->nonce = 0;
        if (!call->sender) return; /* the table is full */
        hs_membership_answered(call, call->sender, message->incarnation);
        (void)hs_gossip_begin_transfer(&membership->gossip, membership->now_ns, &call->sender->id,
                                       true);
        return;
    }
}

static void on_swim(struct hs_membership_call *call, enum hs_swim_event_type type)
{
    const struct hs_datagram_message *message = &call->packet->datagram->message;
    struct hs_member    *about = hs_members_find(&call->membership->members, &message->target);
    struct hs_swim_event event = {.type = type,
                                  .sender_idx = call->sender ? call->sender->idx : HS_SWIM_NOBODY,
                                  .member_idx = about ? about->idx : HS_SWIM_NOBODY,
                                  .sequence = message->seq,
                                  .incarnation = message->incarnation};

    hs_membership_swim(call, &event);
}

/* Somebody whom nobody told us of, with a key of the ring: it is asked to say who it is. */
static void meet_stranger(struct hs_membership_call *call)
{
    struct hs_membership *membership = call->membership;

    membership->counts.strangers++;
    if (membership->now_ns < membership->stranger_at_ns || membership->left_at_ns) return;
    membership->stranger_at_ns = membership->now_ns + STRANGER_INTERVAL_NS;
    hs_membership_dial(call, &call->packet->from, &call->packet->sender);
}

static void hear_message(struct hs_membership_call *call)
{
    const struct hs_datagram_message *message = &call->packet->datagram->message;

    switch (message->type) {
    case HS_DATAGRAM_PING: on_swim(call, HS_SWIM_PING); break;
    case HS_DATAGRAM_ACK: on_swim(call, HS_SWIM_ACK); break;
    case HS_DATAGRAM_PING_REQ: on_swim(call, HS_SWIM_PING_REQ); break;
    case HS_DATAGRAM_IND_ACK: on_swim(call, HS_SWIM_IND_ACK); break;
    case HS_DATAGRAM_NACK: on_swim(call, HS_SWIM_NACK); break;
    case HS_DATAGRAM_PUSH_PULL:
        if (call->sender)
            hs_gossip_on_page(&call->membership->gossip, call->membership->now_ns,
                              &call->packet->sender, message);
        break;
    case HS_DATAGRAM_JOIN: on_join(call); break;
    case HS_DATAGRAM_JOIN_ACK: on_join_ack(call); break;
    case HS_DATAGRAM_GOSSIP:
    case HS_DATAGRAM_GREET: /* the driver's */
    case HS_DATAGRAM_XPROBE:
    case HS_DATAGRAM_XACK:
    case HS_DATAGRAM_XNACK:
    case HS_DATAGRAM_DC_LEADER:
    case HS_DATAGRAM_WORKERS: /* the role's */
    case HS_DATAGRAM_TYPE_END: break;
    }
}

/* Its console says how loaded it is; never that it is less than it said itself. */
static void hear_load(struct hs_membership *membership, struct hs_member *member, uint8_t load)
{
    const struct hs_gossip_health *known =
        hs_gossip_find_health(&membership->gossip, membership->now_ns, &member->id);
    struct hs_health_entry entry = {.node = member->id, .is_accepting = true};

    if (known) entry = known->entry;
    if (load <= entry.load || load >= HS_LOAD_COUNT) return;
    entry.age_ms = 0;
    entry.load = load;
    if (hs_gossip_hear_health(&membership->gossip, membership->now_ns, &entry)) member->load = load;
}

void hs_membership_hear_oob(struct hs_membership *membership, uint64_t now_ns,
                            const struct hs_membership_oob *answer, struct hs_membership_out *out)
{
    struct hs_membership_call call = {.membership = membership, .out = out};
    struct hs_member         *member = hs_members_find(&membership->members, &answer->node);
    struct hs_swim_event      event = {.type = HS_SWIM_OOB_ACK, .sender_idx = HS_SWIM_NOBODY};

    hs_membership_out_clear(out);
    membership->now_ns = now_ns;
    if (!member || answer->incarnation < member->incarnation) return;
    hear_load(membership, member, answer->load);
    event.member_idx = member->idx;
    event.is_stalled = answer->is_stalled;
    hs_membership_swim(&call, &event);
}

void hs_membership_receive(struct hs_membership *membership, uint64_t now_ns,
                           const struct hs_membership_packet *packet, struct hs_membership_out *out)
{
    enum hs_datagram_type      type = packet->datagram->message.type;
    struct hs_datagram_message gossip = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_claim            own;
    struct hs_membership_call  call = {
         .membership = membership, .out = out, .packet = packet, .source = HS_CLAIM_GOSSIP};

    hs_membership_out_clear(out);
    membership->now_ns = now_ns;
    membership->counts.received++;
    if (hs_node_id_equal(&packet->sender, &hs_members_self(&membership->members)->id)) return;
    if (type == HS_DATAGRAM_PUSH_PULL) call.source = HS_CLAIM_PUSH_PULL;
    call.sender = hs_members_find(&membership->members, &packet->sender);
    hear_header(&call);
    hear_claims(&call);
    call.sender = hs_members_find(&membership->members, &packet->sender);
    hear_sender(&call);
    hear_place(&call);
    hear_keyring(&call);
    hear_message(&call);
    if (!call.sender && type != HS_DATAGRAM_JOIN && type != HS_DATAGRAM_JOIN_ACK)
        meet_stranger(&call);
    if (!call.is_teller_behind) return;
    hs_membership_own_claim(membership, &own);
    hs_membership_reply(&call, &gossip, &own);
}
