// SPDX-License-Identifier: Apache-2.0
/* members_sweep.c - what leaves the member table: room for newcomers, tombstones whose time is
 * over; and the queue of events. */
#include "roles/cluster/members.h"

#include "roles/cluster/members_inner.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#define TOMBSTONE_NS      (3600 * HS_NS_PER_S) /* claims older than this no longer travel */
#define REAP_NS           (300 * HS_NS_PER_S)
#define DEAD_YIELDS_NS    (60 * HS_NS_PER_S) /* a death is told everywhere by then */
#define SWEEP_INTERVAL_NS HS_NS_PER_S

/* May the record go, as far as its own state says? */
static bool can_evict(const struct hs_members *members, const struct hs_member *member)
{
    return member->idx != members->self_idx && !member->is_seed && !member->is_event_owed &&
           member->facts.class != HS_MEMBER_VOTER;
}

static bool evict_one(struct hs_members *members, enum hs_member_status status, uint64_t before_ns)
{
    for (struct hs_member *member = hs_members_first(members, status); member;
         member = hs_members_next(members, member)) {
        if (member->status_since_ns > before_ns) return false;
        if (!can_evict(members, member)) continue;
        hs_members_remove(members, member);
        members->counts.evicted++;
        return true;
    }
    return false;
}

bool hs_members_make_room(struct hs_members *members, uint64_t now_ns)
{
    uint64_t long_dead_ns = now_ns > DEAD_YIELDS_NS ? now_ns - DEAD_YIELDS_NS : 0;

    if (members->status_count[HS_MEMBER_UNCONFIRMED] >= HS_MEMBERS_UNCONFIRMED_MAX &&
        !evict_one(members, HS_MEMBER_UNCONFIRMED, now_ns))
        return false;
    if (members->count < members->capacity) return true;
    return evict_one(members, HS_MEMBER_UNCONFIRMED, now_ns) ||
           evict_one(members, HS_MEMBER_LEFT, now_ns) ||
           evict_one(members, HS_MEMBER_DEAD, long_dead_ns);
}

static struct hs_member *oldest_tombstone(const struct hs_members *members,
                                          enum hs_member_status    status,
                                          const struct hs_member  *newest)
{
    for (struct hs_member *member = hs_members_first(members, status); member;
         member = hs_members_next(members, member))
        if (member != newest && can_evict(members, member)) return member;
    return NULL;
}

void hs_members_trim_tombstones(struct hs_members *members, const struct hs_member *newest)
{
    while (members->status_count[HS_MEMBER_DEAD] + members->status_count[HS_MEMBER_LEFT] >
           HS_MEMBERS_TOMBSTONES_MAX) {
        struct hs_member *oldest = oldest_tombstone(members, HS_MEMBER_LEFT, newest);

        if (!oldest) oldest = oldest_tombstone(members, HS_MEMBER_DEAD, newest);
        if (!oldest) return; /* deaths that nobody has taken yet: the next one tries again */
        hs_members_remove(members, oldest);
        members->counts.tombstones_dropped++;
    }
}

/* Everything of it goes but what refuses its old life; the address stays for the redial. */
static void forget(struct hs_members *members, struct hs_member *member)
{
    member->is_forgotten = true;
    member->flap = (struct hs_flap){0};
    member->place = (struct hs_coordinate_peer){0};
    member->health_score = 0;
    member->load = 0;
    member->keyring_mark = 0;
    hs_members_event(members, member, HS_MEMBER_EVENT_FORGOTTEN);
}

static void sweep_status(struct hs_members *members, enum hs_member_status status, uint64_t now_ns)
{
    struct hs_member *next;

    for (struct hs_member *member = hs_members_first(members, status); member; member = next) {
        uint64_t age_ns = now_ns - member->status_since_ns;

        next = hs_members_next(members, member);
        if (age_ns < REAP_NS) return; /* the rest is younger */
        if (member->idx == members->self_idx || member->is_event_owed) continue;
        if (!member->is_forgotten) forget(members, member);
        if (age_ns < TOMBSTONE_NS) continue;
        hs_members_remove(members, member);
        members->counts.tombstones_expired++;
    }
}

void hs_members_sweep(struct hs_members *members, uint64_t now_ns)
{
    if (now_ns < members->sweep_at_ns) return;
    members->sweep_at_ns = now_ns + SWEEP_INTERVAL_NS;
    if (members->owed_count) return; /* first what happened, then its end */
    sweep_status(members, HS_MEMBER_DEAD, now_ns);
    sweep_status(members, HS_MEMBER_LEFT, now_ns);
}

uint64_t hs_members_deadline_ns(const struct hs_members *members)
{
    uint32_t gone_count =
        members->status_count[HS_MEMBER_DEAD] + members->status_count[HS_MEMBER_LEFT];

    return gone_count ? members->sweep_at_ns : HS_NEVER_NS;
}

bool hs_member_is_damped(const struct hs_member *member, uint64_t now_ns)
{
    struct hs_flap flap = member->flap; /* asking changes nothing */

    return hs_flap_is_damped(&flap, now_ns);
}

static enum hs_death_cause cause_of(const struct hs_member *member)
{
    if (member->status == HS_MEMBER_LEFT) return HS_DEATH_LEFT;
    return member->status == HS_MEMBER_DEAD ? HS_DEATH_CRASH : HS_DEATH_NONE;
}

/* Once the queue is full, what happens is kept in the records, and delivered from there when the
 * queue is empty: deaths are never lost, and a member's events never change their order. */
void hs_members_event(struct hs_members *members, struct hs_member *member,
                      enum hs_member_event_type type)
{
    struct hs_member_event *event;

    if (members->event_tail - members->event_head == HS_MEMBERS_EVENTS_MAX || members->owed_count) {
        if (!member->is_event_owed) members->owed_count++;
        member->is_event_owed = true;
        if (type == HS_MEMBER_EVENT_DEAD) member->owed_death_incarnation = member->incarnation;
        return;
    }
    event = &members->events[members->event_tail++ % HS_MEMBERS_EVENTS_MAX];
    *event = (struct hs_member_event){.type = type,
                                      .cause = cause_of(member),
                                      .source = member->source,
                                      .subject = member->id,
                                      .incarnation = member->incarnation};
}

static enum hs_member_event_type event_of_status(const struct hs_member *member)
{
    switch (member->status) {
    case HS_MEMBER_SUSPECT: return HS_MEMBER_EVENT_SUSPECT;
    case HS_MEMBER_ALIVE: return HS_MEMBER_EVENT_CONFIRMED;
    case HS_MEMBER_DEAD:
    case HS_MEMBER_LEFT: return HS_MEMBER_EVENT_DEAD;
    case HS_MEMBER_UNCONFIRMED:
    case HS_MEMBER_STATUS_COUNT: break;
    }
    return HS_MEMBER_EVENT_ATTRIBUTES;
}

/* The death first, if there was one; then how it stands now. */
static void take_owed(struct hs_members *members, struct hs_member *member,
                      struct hs_member_event *event)
{
    *event = (struct hs_member_event){.type = event_of_status(member),
                                      .cause = cause_of(member),
                                      .source = member->source,
                                      .subject = member->id,
                                      .incarnation = member->incarnation};
    if (member->owed_death_incarnation && event->type != HS_MEMBER_EVENT_DEAD) {
        event->type = HS_MEMBER_EVENT_DEAD;
        event->cause = HS_DEATH_CRASH;
        event->incarnation = member->owed_death_incarnation;
        member->owed_death_incarnation = 0;
        return;
    }
    member->owed_death_incarnation = 0;
    member->is_event_owed = false;
    members->owed_count--;
}

bool hs_members_next_event(struct hs_members *members, struct hs_member_event *event)
{
    if (members->event_head != members->event_tail) {
        *event = members->events[members->event_head++ % HS_MEMBERS_EVENTS_MAX];
        return true;
    }
    for (uint32_t i = 0; members->owed_count && i < members->slot_count; i++) {
        struct hs_member *member = hs_members_at(members, i);

        if (!member || !member->is_event_owed) continue;
        take_owed(members, member, event);
        return true;
    }
    return false;
}

bool hs_members_is_congested(const struct hs_members *members)
{
    return members->owed_count ||
           members->event_tail - members->event_head == HS_MEMBERS_EVENTS_MAX;
}
