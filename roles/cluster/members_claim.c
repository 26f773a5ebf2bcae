// SPDX-License-Identifier: Apache-2.0
/* members_claim.c - the merge rule: what a claim does to the record it is about. */
#include "roles/cluster/members.h"

#include "roles/cluster/incarnation.h"
#include "roles/cluster/members_inner.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

static bool has_facts(const struct hs_claim *claim)
{
    return claim->facts.address.port != 0;
}

static bool is_valid(const struct hs_claim *claim)
{
    bool is_own = hs_node_id_equal(&claim->from, &claim->subject);

    if (hs_node_id_is_none(&claim->subject) || claim->incarnation == 0) return false;
    if (claim->status >= HS_MEMBER_STATUS_COUNT || claim->source >= HS_CLAIM_SOURCE_COUNT)
        return false;
    if (has_facts(claim) && (claim->facts.role >= HS_IDENTITY_ROLE_COUNT ||
                             claim->facts.class >= HS_MEMBER_CLASS_COUNT))
        return false;
    if (claim->status == HS_MEMBER_LEFT) return is_own;
    if (claim->status == HS_MEMBER_SUSPECT || claim->status == HS_MEMBER_DEAD) return !is_own;
    return true;
}

/* Only who takes part may accuse: its word is worth what its life is. */
static bool may_accuse(const struct hs_members *members, const struct hs_node_id *id)
{
    const struct hs_member *accuser = hs_members_find(members, id);

    return accuser && hs_member_is_live(accuser) && hs_member_is_ring(accuser);
}

static enum hs_claim_result meet_unknown(struct hs_members *members, uint64_t now_ns,
                                         const struct hs_claim *claim, struct hs_member **member)
{
    if (HS_MEMBER_MASK(claim->status) & HS_MEMBER_GONE_MASK) return HS_CLAIM_IGNORED;
    if (!has_facts(claim))
        return claim->status == HS_MEMBER_SUSPECT ? HS_CLAIM_IGNORED : HS_CLAIM_INVALID;
    *member = hs_members_create(members, now_ns, claim);
    return *member ? HS_CLAIM_CREATED : HS_CLAIM_FULL;
}

static void die(struct hs_members *members, struct hs_member *member, uint64_t now_ns,
                const struct hs_claim *claim)
{
    member->incarnation = claim->incarnation;
    member->died_incarnation = claim->incarnation;
    member->source = claim->source;
    hs_members_enter(members, member, claim->status, now_ns);
    members->counts.deaths[claim->source]++;
    hs_members_event(members, member, HS_MEMBER_EVENT_DEAD);
    hs_members_trim_tombstones(members, member);
}

/* What it says of itself, or what others say while it has said nothing. */
static bool take_facts(struct hs_members *members, struct hs_member *member,
                       const struct hs_claim *claim)
{
    return has_facts(claim) && hs_members_set_facts(members, member, &claim->facts);
}

static enum hs_claim_result meet_unconfirmed(struct hs_members *members, uint64_t now_ns,
                                             const struct hs_claim *claim, struct hs_member **at)
{
    struct hs_member *member = *at;
    bool              has_changed;

    if (claim->incarnation <= member->died_incarnation) return HS_CLAIM_STALE;
    if (claim->incarnation < member->incarnation && !claim->is_own_word) return HS_CLAIM_STALE;
    if (claim->status == HS_MEMBER_SUSPECT) return HS_CLAIM_IGNORED;
    if (HS_MEMBER_MASK(claim->status) & HS_MEMBER_GONE_MASK) {
        if (member->died_incarnation) { /* back to what it was, one life later */
            die(members, member, now_ns, claim);
            return HS_CLAIM_ACCEPTED;
        }
        if (member->is_seed) return HS_CLAIM_IGNORED;
        hs_members_remove(members, member);
        *at = NULL;
        return HS_CLAIM_ACCEPTED;
    }
    has_changed = claim->incarnation != member->incarnation;
    if (has_changed || claim->is_own_word)
        has_changed = take_facts(members, member, claim) || has_changed;
    member->incarnation = claim->incarnation;
    return has_changed ? HS_CLAIM_ACCEPTED : HS_CLAIM_DUPLICATE;
}

/* DEAD or LEFT. */
static enum hs_claim_result meet_tombstone(struct hs_members *members, uint64_t now_ns,
                                           const struct hs_claim *claim, struct hs_member *member)
{
    if (claim->incarnation < member->incarnation) return HS_CLAIM_STALE;
    if (claim->incarnation == member->incarnation) {
        if (claim->status <= member->status) return HS_CLAIM_DUPLICATE;
        hs_members_enter(members, member, claim->status, now_ns); /* its death was told already */
        return HS_CLAIM_ACCEPTED;
    }
    if (HS_MEMBER_MASK(claim->status) & HS_MEMBER_GONE_MASK) {
        die(members, member, now_ns, claim);
        return HS_CLAIM_ACCEPTED;
    }
    if (members->status_count[HS_MEMBER_UNCONFIRMED] >= HS_MEMBERS_UNCONFIRMED_MAX)
        return HS_CLAIM_FULL;
    member->is_returning = member->status == HS_MEMBER_DEAD && !member->is_forgotten;
    member->died_incarnation = member->incarnation;
    member->incarnation = claim->incarnation;
    member->source = claim->source;
    (void)take_facts(members, member, claim);
    hs_members_enter(members, member, HS_MEMBER_UNCONFIRMED, now_ns);
    return HS_CLAIM_ACCEPTED;
}

static void become_alive(struct hs_members *members, struct hs_member *member, uint64_t now_ns,
                         const struct hs_claim *claim)
{
    bool was_suspect = member->status == HS_MEMBER_SUSPECT;
    bool is_new_life =
        hs_incarnation_epoch(claim->incarnation) != hs_incarnation_epoch(member->incarnation);
    bool has_changed = claim->is_own_word && take_facts(members, member, claim);

    member->incarnation = claim->incarnation;
    if (was_suspect) {
        hs_members_enter(members, member, HS_MEMBER_ALIVE, now_ns);
        hs_flap_note(&member->flap, HS_FLAP_FROM_SUSPECT, now_ns);
        hs_members_event(members, member, HS_MEMBER_EVENT_ALIVE_AGAIN);
    }
    if (has_changed || is_new_life) hs_members_event(members, member, HS_MEMBER_EVENT_ATTRIBUTES);
}

static void become_suspect(struct hs_members *members, struct hs_member *member, uint64_t now_ns,
                           const struct hs_claim *claim)
{
    member->incarnation = claim->incarnation;
    member->source = claim->source;
    hs_members_enter(members, member, HS_MEMBER_SUSPECT, now_ns);
    member->suspicion.started_at_ns = now_ns;
    member->suspicion.accuser = claim->from;
    member->suspicion.is_accused_by_self =
        hs_node_id_equal(&claim->from, &hs_members_self(members)->id);
    hs_members_event(members, member, HS_MEMBER_EVENT_SUSPECT);
}

static enum hs_claim_result meet_live(struct hs_members *members, uint64_t now_ns,
                                      const struct hs_claim *claim, struct hs_member *member)
{
    if (claim->incarnation < member->incarnation) return HS_CLAIM_STALE;
    if (claim->status == HS_MEMBER_SUSPECT && !may_accuse(members, &claim->from))
        return HS_CLAIM_IGNORED;
    if (claim->incarnation == member->incarnation && claim->status <= member->status)
        return HS_CLAIM_DUPLICATE;
    switch (claim->status) {
    case HS_MEMBER_UNCONFIRMED: /* somebody has only heard of a newer life */
    case HS_MEMBER_ALIVE: become_alive(members, member, now_ns, claim); break;
    case HS_MEMBER_SUSPECT: become_suspect(members, member, now_ns, claim); break;
    case HS_MEMBER_DEAD:
    case HS_MEMBER_LEFT: die(members, member, now_ns, claim); break;
    case HS_MEMBER_STATUS_COUNT: HS_ASSERT(false); break;
    }
    return HS_CLAIM_ACCEPTED;
}

static enum hs_claim_result apply(struct hs_members *members, uint64_t now_ns,
                                  const struct hs_claim *claim, struct hs_member **member)
{
    if (!is_valid(claim)) return HS_CLAIM_INVALID;
    *member = hs_members_find(members, &claim->subject);
    if (*member == hs_members_self(members)) return HS_CLAIM_SELF;
    if (!*member) return meet_unknown(members, now_ns, claim, member);
    if (!claim->is_own_word &&
        !hs_incarnation_is_credible(claim->incarnation, (*member)->incarnation))
        return HS_CLAIM_SUSPICIOUS;
    if (claim->is_own_word) (*member)->heard_at_ns = now_ns;
    if ((*member)->status == HS_MEMBER_UNCONFIRMED)
        return meet_unconfirmed(members, now_ns, claim, member);
    if (hs_member_is_live(*member)) return meet_live(members, now_ns, claim, *member);
    return meet_tombstone(members, now_ns, claim, *member);
}

enum hs_claim_result hs_members_claim(struct hs_members *members, uint64_t now_ns,
                                      const struct hs_claim *claim, struct hs_member **member)
{
    struct hs_member    *subject = NULL;
    enum hs_claim_result result = apply(members, now_ns, claim, &subject);

    members->counts.results[result]++;
    if (member) *member = subject;
    return result;
}

/* Two live nodes say one address: it is the younger answer's. The other one is suspected, for the
 * address it gives is not where it is. */
static void settle_address(struct hs_members *members, const struct hs_member *winner,
                           uint64_t now_ns)
{
    const struct hs_addr *address = &winner->facts.address;
    struct hs_member     *other = hs_members_find_address(members, address);
    struct hs_claim       claim = {.status = HS_MEMBER_SUSPECT, .source = HS_CLAIM_DIRECT};

    if (!other || other == winner || other->status != HS_MEMBER_ALIVE) return;
    if (other == hs_members_self(members)) return;
    members->counts.address_conflicts++;
    claim.subject = other->id;
    claim.from = hs_members_self(members)->id;
    claim.incarnation = other->incarnation;
    become_suspect(members, other, now_ns, &claim);
}

bool hs_members_confirm(struct hs_members *members, uint64_t now_ns, struct hs_member *member,
                        uint64_t incarnation)
{
    if (!hs_member_is_live(member)) {
        if (member->status != HS_MEMBER_UNCONFIRMED) return false;
        if (incarnation <= member->died_incarnation) return false;
    } else if (incarnation < member->incarnation) {
        return false;
    }
    member->heard_at_ns = now_ns;
    if (member->status == HS_MEMBER_UNCONFIRMED) {
        settle_address(members, member, now_ns);
        member->incarnation = incarnation;
        hs_members_enter(members, member, HS_MEMBER_ALIVE, now_ns);
        if (member->is_returning) hs_flap_note(&member->flap, HS_FLAP_FROM_DEAD, now_ns);
        member->is_returning = false;
        hs_members_event(members, member, HS_MEMBER_EVENT_CONFIRMED);
    }
    member->acked_at_ns = now_ns;
    return true;
}
