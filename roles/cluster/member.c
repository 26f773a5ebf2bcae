// SPDX-License-Identifier: Apache-2.0
/* member.c - the words for members, and the invariants of their table. */
#include "roles/cluster/member.h"

#include "roles/cluster/members_inner.h"

const char *hs_member_status_name(enum hs_member_status status)
{
    static const char *const names[] = {[HS_MEMBER_UNCONFIRMED] = "unconfirmed",
                                        [HS_MEMBER_ALIVE] = "alive",
                                        [HS_MEMBER_SUSPECT] = "suspect",
                                        [HS_MEMBER_DEAD] = "dead",
                                        [HS_MEMBER_LEFT] = "left"};

    return status < HS_MEMBER_STATUS_COUNT ? names[status] : "?";
}

const char *hs_claim_source_name(enum hs_claim_source source)
{
    static const char *const names[] = {[HS_CLAIM_DIRECT] = "direct",
                                        [HS_CLAIM_GOSSIP] = "gossip",
                                        [HS_CLAIM_PUSH_PULL] = "push-pull",
                                        [HS_CLAIM_CONFIG] = "configuration"};

    return source < HS_CLAIM_SOURCE_COUNT ? names[source] : "?";
}

const char *hs_member_event_name(enum hs_member_event_type type)
{
    static const char *const names[] = {
        [HS_MEMBER_EVENT_CONFIRMED] = "confirmed",     [HS_MEMBER_EVENT_SUSPECT] = "suspect",
        [HS_MEMBER_EVENT_ALIVE_AGAIN] = "alive again", [HS_MEMBER_EVENT_DEAD] = "dead",
        [HS_MEMBER_EVENT_ATTRIBUTES] = "changed",      [HS_MEMBER_EVENT_FORGOTTEN] = "forgotten"};

    return type < HS_MEMBER_EVENT_TYPE_COUNT ? names[type] : "?";
}

static bool is_list_whole(const struct hs_members *members, enum hs_member_status status)
{
    uint32_t                count = 0;
    uint32_t                previous = HS_MEMBERS_NONE_IDX;
    const struct hs_member *member;

    for (member = hs_members_first(members, status); member;
         member = hs_members_next(members, member)) {
        if (!member->is_used || member->status != status || member->status_previous != previous)
            return false;
        if ((status == HS_MEMBER_SUSPECT) != (member->suspicion.started_at_ns != 0)) return false;
        previous = member->idx;
        if (++count > members->status_count[status]) return false;
    }
    return count == members->status_count[status] && previous == members->status_tail[status];
}

bool hs_members_validate(const struct hs_members *members)
{
    uint32_t used = 0, live_ring = 0, voters = 0, owed = 0, listed = 0;

    for (uint32_t i = 0; i < members->slot_count; i++) {
        const struct hs_member *member = hs_members_at(members, i);

        if (!member) continue;
        used++;
        live_ring += hs_member_is_live(member) && hs_member_is_ring(member);
        voters += member->facts.class == HS_MEMBER_VOTER;
        owed += member->is_event_owed;
        if (member->idx != i || hs_members_find(members, &member->id) != member) return false;
        if (!hs_members_find_address(members, &member->facts.address)) return false;
        if (members->order[member->order_idx] != i) return false;
    }
    for (unsigned status = 0; status < HS_MEMBER_STATUS_COUNT; status++) {
        if (!is_list_whole(members, (enum hs_member_status)status)) return false;
        listed += members->status_count[status];
    }
    return used == members->count && listed == used && live_ring == members->live_ring_count &&
           voters == members->voter_count && owed == members->owed_count &&
           used <= members->capacity &&
           members->status_count[HS_MEMBER_UNCONFIRMED] <= HS_MEMBERS_UNCONFIRMED_MAX;
}
