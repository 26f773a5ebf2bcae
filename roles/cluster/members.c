// SPDX-License-Identifier: Apache-2.0
/* members.c - the records of the member table, their indexes and lists, and the queries. */
#include "roles/cluster/members.h"

#include "roles/cluster/members_inner.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

enum { RANDOM_TRIES = 8 };

static uint32_t buckets_for(uint32_t capacity)
{
    uint32_t count = 1;

    while (count < capacity) count *= 2;
    return count;
}

size_t hs_members_bytes(uint32_t capacity)
{
    return capacity * (sizeof(struct hs_member) + sizeof(uint32_t)) +
           HS_MEMBERS_EVENTS_MAX * sizeof(struct hs_member_event) +
           (size_t)2 * buckets_for(capacity) * sizeof(uint32_t) + sizeof(uint64_t);
}

static uint64_t mix(uint64_t seed, uint64_t a, uint64_t b)
{
    struct hs_rand rand;

    hs_rand_init(&rand, seed ^ a);
    hs_rand_init(&rand, hs_rand_next(&rand) ^ b);
    return hs_rand_next(&rand);
}

static uint32_t *id_bucket(const struct hs_members *members, const struct hs_node_id *id)
{
    uint64_t words[2];

    memcpy(words, id->bytes, sizeof words);
    return &members->id_buckets[mix(members->seed, words[0], words[1]) & members->bucket_mask];
}

static uint32_t *address_bucket(const struct hs_members *members, const struct hs_addr *address)
{
    uint64_t words[2];

    memcpy(words, address->bytes, sizeof words);
    words[0] ^= (uint64_t)address->port << 48 ^ address->family;
    return &members->address_buckets[mix(members->seed, words[0], words[1]) & members->bucket_mask];
}

static void link_address(struct hs_members *members, struct hs_member *member)
{
    uint32_t *bucket = address_bucket(members, &member->facts.address);

    member->address_next = *bucket;
    *bucket = member->idx;
}

static void unlink_address(struct hs_members *members, const struct hs_member *member)
{
    uint32_t *at = address_bucket(members, &member->facts.address);

    while (*at != member->idx) at = &members->slots[*at].address_next;
    *at = member->address_next;
}

static void link_status(struct hs_members *members, struct hs_member *member)
{
    enum hs_member_status status = member->status;

    member->status_next = HS_MEMBERS_NONE_IDX;
    member->status_previous = members->status_tail[status];
    if (member->status_previous == HS_MEMBERS_NONE_IDX)
        members->status_head[status] = member->idx;
    else
        members->slots[member->status_previous].status_next = member->idx;
    members->status_tail[status] = member->idx;
    members->status_count[status]++;
    if (hs_member_is_live(member) && hs_member_is_ring(member)) members->live_ring_count++;
}

static void unlink_status(struct hs_members *members, const struct hs_member *member)
{
    enum hs_member_status status = member->status;

    if (member->status_previous == HS_MEMBERS_NONE_IDX)
        members->status_head[status] = member->status_next;
    else
        members->slots[member->status_previous].status_next = member->status_next;
    if (member->status_next == HS_MEMBERS_NONE_IDX)
        members->status_tail[status] = member->status_previous;
    else
        members->slots[member->status_next].status_previous = member->status_previous;
    members->status_count[status]--;
    if (hs_member_is_live(member) && hs_member_is_ring(member)) members->live_ring_count--;
}

void hs_members_enter(struct hs_members *members, struct hs_member *member,
                      enum hs_member_status status, uint64_t now_ns)
{
    unlink_status(members, member);
    member->status = status;
    member->status_since_ns = now_ns;
    member->suspicion = (struct hs_member_suspicion){.deadline_ns = HS_NEVER_NS};
    member->unconfirmed = (struct hs_member_unconfirmed){.next_at_ns = HS_NEVER_NS};
    if (status == HS_MEMBER_UNCONFIRMED) member->unconfirmed.next_at_ns = now_ns;
    if (status == HS_MEMBER_ALIVE) member->blame = 0; /* it was there: the fault was ours */
    member->is_forgotten = false;
    link_status(members, member);
}

static void copy_label(char *to, const char *from, bool *has_changed)
{
    if (from[0] == '\0' || strncmp(to, from, HS_IDENTITY_LABEL_BYTES) == 0) return;
    memcpy(to, from, HS_IDENTITY_LABEL_BYTES);
    to[HS_IDENTITY_LABEL_BYTES - 1] = '\0';
    *has_changed = true;
}

/* A class is a datacenter's choice; the table only keeps to its bound. */
static void set_class(struct hs_members *members, struct hs_member *member,
                      enum hs_member_class class)
{
    if (member->facts.class == HS_MEMBER_VOTER) members->voter_count--;
    if (class == HS_MEMBER_VOTER && members->voter_count == HS_MEMBERS_VOTERS_MAX)
        class = HS_MEMBER_NONVOTER;
    if (class == HS_MEMBER_VOTER) members->voter_count++;
    member->facts.class = class;
}

bool hs_members_set_facts(struct hs_members *members, struct hs_member *member,
                          const struct hs_member_facts *facts)
{
    enum hs_member_class class = member->facts.class;
    bool has_changed = false;

    if (!hs_addr_equal(&member->facts.address, &facts->address)) {
        unlink_address(members, member);
        member->facts.address = facts->address;
        link_address(members, member);
        has_changed = true;
    }
    if (class != facts->class) {
        bool was_counted = hs_member_is_live(member) && hs_member_is_ring(member);

        set_class(members, member, facts->class);
        if (was_counted) members->live_ring_count--;
        if (hs_member_is_live(member) && hs_member_is_ring(member)) members->live_ring_count++;
        has_changed = has_changed || class != member->facts.class;
    }
    if (member->facts.role != facts->role) has_changed = true;
    if (!hs_addr_equal(&member->facts.health, &facts->health)) has_changed = true;
    member->facts.health = facts->health;
    member->facts.role = facts->role;
    copy_label(member->facts.name, facts->name, &has_changed);
    copy_label(member->facts.datacenter, facts->datacenter, &has_changed);
    return has_changed;
}

static struct hs_member *take_slot(struct hs_members *members)
{
    struct hs_member *member;

    if (members->free_idx != HS_MEMBERS_NONE_IDX) {
        member = &members->slots[members->free_idx];
        members->free_idx = member->id_next;
    } else {
        HS_ASSERT(members->slot_count < members->capacity);
        member = &members->slots[members->slot_count++];
    }
    return member;
}

/* Links a record with nothing but its id, address, role and class. */
static struct hs_member *add(struct hs_members *members, const struct hs_node_id *id,
                             const struct hs_member_facts *facts, enum hs_member_status status,
                             uint64_t now_ns)
{
    struct hs_member *member = take_slot(members);
    uint32_t         *bucket = id_bucket(members, id);
    uint32_t          idx = (uint32_t)(member - members->slots);

    *member = (struct hs_member){.id = *id, .facts = *facts, .status = status, .idx = idx};
    member->facts.class = HS_MEMBER_NONVOTER;
    member->is_used = true;
    member->status_since_ns = now_ns;
    member->suspicion.deadline_ns = HS_NEVER_NS;
    member->unconfirmed.next_at_ns = status == HS_MEMBER_UNCONFIRMED ? now_ns : HS_NEVER_NS;
    set_class(members, member, facts->class);
    member->id_next = *bucket;
    *bucket = idx;
    link_address(members, member);
    link_status(members, member);
    member->order_idx = members->count;
    members->order[members->count++] = idx;
    return member;
}

struct hs_member *hs_members_create(struct hs_members *members, uint64_t now_ns,
                                    const struct hs_claim *claim)
{
    struct hs_member *member;

    if (!hs_members_make_room(members, now_ns)) return NULL;
    member = add(members, &claim->subject, &claim->facts, HS_MEMBER_UNCONFIRMED, now_ns);
    member->incarnation = claim->incarnation;
    member->source = claim->source;
    return member;
}

void hs_members_remove(struct hs_members *members, struct hs_member *member)
{
    uint32_t *at = id_bucket(members, &member->id);
    uint32_t  last_idx = members->order[members->count - 1];

    HS_ASSERT(member->is_used);
    HS_ASSERT(member->idx != members->self_idx);
    if (member->is_event_owed) members->owed_count--;
    unlink_status(members, member);
    unlink_address(members, member);
    set_class(members, member, HS_MEMBER_NONVOTER);
    while (*at != member->idx) at = &members->slots[*at].id_next;
    *at = member->id_next;
    members->order[member->order_idx] = last_idx;
    members->slots[last_idx].order_idx = member->order_idx;
    members->count--;
    member->is_used = false;
    member->id_next = members->free_idx;
    members->free_idx = member->idx;
}

void hs_members_remove_unconfirmed(struct hs_members *members, struct hs_member *member)
{
    HS_ASSERT(member->status == HS_MEMBER_UNCONFIRMED);
    hs_members_remove(members, member);
}

void hs_members_init(struct hs_members *members, const struct hs_members_config *config,
                     void *memory, uint64_t now_ns)
{
    uint32_t          bucket_count = buckets_for(config->capacity);
    struct hs_member *self;

    HS_ASSERT(config->capacity >= 1 && config->capacity <= HS_MEMBERS_MAX);
    *members = (struct hs_members){.capacity = config->capacity, .seed = config->seed};
    members->slots = memory;
    members->events = (struct hs_member_event *)(void *)(members->slots + config->capacity);
    members->order = (uint32_t *)(void *)(members->events + HS_MEMBERS_EVENTS_MAX);
    members->id_buckets = members->order + config->capacity;
    members->address_buckets = members->id_buckets + bucket_count;
    members->bucket_mask = bucket_count - 1;
    members->free_idx = HS_MEMBERS_NONE_IDX;
    members->sweep_at_ns = now_ns;
    memset(members->slots, 0, config->capacity * sizeof *members->slots);
    memset(members->id_buckets, 0xff, (size_t)2 * bucket_count * sizeof *members->id_buckets);
    memset(members->status_head, 0xff, sizeof members->status_head);
    memset(members->status_tail, 0xff, sizeof members->status_tail);
    self = add(members, &config->self_id, &config->self_facts, HS_MEMBER_ALIVE, now_ns);
    self->incarnation = config->self_incarnation;
    members->self_idx = self->idx;
}

void hs_members_set_seed(struct hs_member *member)
{
    member->is_seed = true;
}

void hs_members_set_self(struct hs_members *members, uint64_t incarnation)
{
    struct hs_member *self = hs_members_self(members);

    HS_ASSERT(incarnation >= self->incarnation);
    self->incarnation = incarnation;
}

void hs_members_leave_self(struct hs_members *members, uint64_t now_ns)
{
    hs_members_enter(members, hs_members_self(members), HS_MEMBER_LEFT, now_ns);
}

static struct hs_member *slot_or_null(const struct hs_members *members, uint32_t idx)
{
    return idx == HS_MEMBERS_NONE_IDX ? NULL : &members->slots[idx];
}

struct hs_member *hs_members_find(const struct hs_members *members, const struct hs_node_id *id)
{
    struct hs_member *member = slot_or_null(members, *id_bucket(members, id));

    while (member && !hs_node_id_equal(&member->id, id))
        member = slot_or_null(members, member->id_next);
    return member;
}

struct hs_member *hs_members_find_address(const struct hs_members *members,
                                          const struct hs_addr    *address)
{
    struct hs_member *best = NULL;

    for (struct hs_member *member = slot_or_null(members, *address_bucket(members, address));
         member; member = slot_or_null(members, member->address_next)) {
        if (!hs_addr_equal(&member->facts.address, address)) continue;
        if (!best || hs_member_is_live(member) > hs_member_is_live(best) ||
            (hs_member_is_live(member) == hs_member_is_live(best) &&
             member->acked_at_ns > best->acked_at_ns))
            best = member;
    }
    return best;
}

struct hs_member *hs_members_self(const struct hs_members *members)
{
    return &members->slots[members->self_idx];
}

struct hs_member *hs_members_at(const struct hs_members *members, uint32_t idx)
{
    if (idx >= members->slot_count || !members->slots[idx].is_used) return NULL;
    return &members->slots[idx];
}

bool hs_members_is_at(const struct hs_members *members, uint32_t idx, const struct hs_node_id *id)
{
    const struct hs_member *member = hs_members_at(members, idx);

    return member && hs_node_id_equal(&member->id, id);
}

struct hs_member *hs_members_first(const struct hs_members *members, enum hs_member_status status)
{
    return slot_or_null(members, members->status_head[status]);
}

struct hs_member *hs_members_next(const struct hs_members *members, const struct hs_member *member)
{
    return slot_or_null(members, member->status_next);
}

struct hs_member *hs_members_random(const struct hs_members *members, struct hs_rand *rand,
                                    uint32_t status_mask)
{
    uint32_t start = 0;

    for (uint32_t i = 0; i < RANDOM_TRIES + members->count; i++) {
        struct hs_member *member;

        start = i < RANDOM_TRIES ? (uint32_t)hs_rand_below(rand, members->count)
                                 : (start + 1) % members->count;
        member = &members->slots[members->order[start]];
        if (member->idx != members->self_idx && (HS_MEMBER_MASK(member->status) & status_mask))
            return member;
    }
    return NULL;
}

bool hs_member_is_live(const struct hs_member *member)
{
    return (HS_MEMBER_MASK(member->status) & HS_MEMBER_LIVE_MASK) != 0;
}

bool hs_member_is_ring(const struct hs_member *member)
{
    return member->facts.class != HS_MEMBER_OBSERVED;
}
