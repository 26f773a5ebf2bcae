// SPDX-License-Identifier: Apache-2.0
/* gossip.c - the queue of what is to be told, and whom to tell it. */
#include "roles/cluster/gossip.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

enum {
    TELLS_PER_DIGIT = 4,
    COORDINATE_BYTES = 51, /* with its section's head */
    HEALTH_BYTES = 23,     /* of one entry */
    SECTION_HEAD_BYTES = 3,
    SMALL_RING = 32, /* up to here the whole table goes round at the plain interval */
    INBOUND_MAX = 2  /* tables asked of us at once */
};

uint32_t hs_gossip_limit(uint32_t member_count)
{
    uint32_t digits = 1;

    for (; member_count >= 10; member_count /= 10) digits++;
    return TELLS_PER_DIGIT * digits;
}

static uint32_t limit_of(const struct hs_gossip *gossip)
{
    return hs_gossip_limit(gossip->members->live_ring_count);
}

/* A fifth more or less. */
static uint64_t jittered(struct hs_gossip *gossip, uint64_t interval_ns)
{
    return interval_ns - interval_ns / 5 + hs_rand_below(&gossip->rand, interval_ns * 2 / 5 + 1);
}

/* Above 32 members each doubling adds one interval: the load of tables stays bounded. */
static uint64_t push_pull_interval_ns(struct hs_gossip *gossip)
{
    uint32_t times = 1;

    for (uint32_t n = SMALL_RING; n < gossip->members->live_ring_count; n *= 2) times++;
    return jittered(gossip, gossip->config.push_pull_ns * times);
}

size_t hs_gossip_bytes(const struct hs_gossip_config *config)
{
    return config->update_capacity * sizeof(struct hs_gossip_update) +
           config->health_capacity * sizeof(struct hs_gossip_health);
}

void hs_gossip_init(struct hs_gossip *gossip, const struct hs_gossip_config *config,
                    const struct hs_members *members, void *memory, uint64_t now_ns)
{
    HS_ASSERT(config->update_capacity > 0 && config->update_capacity <= HS_GOSSIP_UPDATES_MAX);
    HS_ASSERT(config->health_capacity > 0 && config->health_capacity <= HS_GOSSIP_HEALTHS_MAX);
    HS_ASSERT(config->fanout <= HS_GOSSIP_FANOUT_MAX);
    memset(gossip, 0, sizeof *gossip);
    memset(memory, 0, hs_gossip_bytes(config));
    gossip->config = *config;
    gossip->members = members;
    gossip->updates = memory;
    gossip->healths = (void *)(gossip->updates + config->update_capacity);
    hs_rand_init(&gossip->rand, config->seed);
    gossip->tick_at_ns = now_ns + hs_rand_below(&gossip->rand, config->tick_ns);
    gossip->push_pull_at_ns = now_ns + push_pull_interval_ns(gossip);
}

/* ---- claims */

static bool is_self(const struct hs_gossip *gossip, const struct hs_node_id *id)
{
    return hs_node_id_equal(&hs_members_self(gossip->members)->id, id);
}

static struct hs_gossip_update *find_update(struct hs_gossip *gossip, const struct hs_node_id *id)
{
    for (uint32_t i = 0; i < gossip->update_count; i++)
        if (hs_node_id_equal(&gossip->updates[i].claim.subject, id)) return &gossip->updates[i];
    return NULL;
}

static void drop_update(struct hs_gossip *gossip, struct hs_gossip_update *update)
{
    gossip->update_count--;
    *update = gossip->updates[gossip->update_count];
}

static bool may_give_way(const struct hs_gossip *gossip, const struct hs_gossip_update *update,
                         uint64_t now_ns)
{
    if (is_self(gossip, &update->claim.subject)) return false;
    return update->claim.status != HS_MEMBER_DEAD ||
           now_ns - update->queued_at_ns >= HS_GOSSIP_DEATH_KEPT_NS;
}

/* The most told goes, of those the oldest; NULL: none may. */
static struct hs_gossip_update *choose_victim(struct hs_gossip *gossip, uint64_t now_ns)
{
    struct hs_gossip_update *victim = NULL;

    for (uint32_t i = 0; i < gossip->update_count; i++) {
        struct hs_gossip_update *update = &gossip->updates[i];

        if (!may_give_way(gossip, update, now_ns)) continue;
        if (!victim || update->sends > victim->sends ||
            (update->sends == victim->sends && update->order < victim->order))
            victim = update;
    }
    return victim;
}

static struct hs_gossip_update *place_for(struct hs_gossip *gossip, uint64_t now_ns,
                                          const struct hs_node_id *subject)
{
    struct hs_gossip_update *update = find_update(gossip, subject);

    if (update) return update;
    if (gossip->update_count < gossip->config.update_capacity)
        return &gossip->updates[gossip->update_count++];
    update = choose_victim(gossip, now_ns);
    if (update)
        gossip->counts.evicted++;
    else
        gossip->counts.refused++;
    return update;
}

void hs_gossip_push(struct hs_gossip *gossip, uint64_t now_ns, const struct hs_claim *claim)
{
    struct hs_gossip_update *update = place_for(gossip, now_ns, &claim->subject);

    if (!update) return;
    *update = (struct hs_gossip_update){
        .claim = *claim, .queued_at_ns = now_ns, .order = ++gossip->order};
}

void hs_gossip_forget(struct hs_gossip *gossip, const struct hs_node_id *id)
{
    struct hs_gossip_update *update = find_update(gossip, id);

    if (update) drop_update(gossip, update);
    for (uint32_t i = 0; i < gossip->health_count; i++)
        if (hs_node_id_equal(&gossip->healths[i].entry.node, id))
            gossip->healths[i] = gossip->healths[--gossip->health_count];
}

/* What was told often enough, or is no news any more. */
static void expire(struct hs_gossip *gossip, uint64_t now_ns)
{
    uint32_t limit = limit_of(gossip);

    for (uint32_t i = gossip->update_count; i > 0; i--) {
        struct hs_gossip_update *update = &gossip->updates[i - 1];
        bool                     is_old = now_ns - update->queued_at_ns >= HS_GOSSIP_CLAIM_LIFE_NS;

        if (update->sends < limit && !is_old) continue;
        if (is_old) gossip->counts.expired++;
        drop_update(gossip, update);
    }
    for (uint32_t i = gossip->health_count; i > 0; i--)
        if (now_ns - gossip->healths[i - 1].said_at_ns >= HS_GOSSIP_HEALTH_LIFE_NS)
            gossip->healths[i - 1] = gossip->healths[--gossip->health_count];
}

/* ---- health */

static struct hs_gossip_health *find_health(const struct hs_gossip  *gossip,
                                            const struct hs_node_id *id)
{
    for (uint32_t i = 0; i < gossip->health_count; i++)
        if (hs_node_id_equal(&gossip->healths[i].entry.node, id)) return &gossip->healths[i];
    return NULL;
}

/* At full whoever was silent the longest gives way. */
static struct hs_gossip_health *health_place(struct hs_gossip *gossip, const struct hs_node_id *id)
{
    struct hs_gossip_health *health = find_health(gossip, id);

    if (health) return health;
    if (gossip->health_count < gossip->config.health_capacity)
        return &gossip->healths[gossip->health_count++];
    health = &gossip->healths[0];
    for (uint32_t i = 1; i < gossip->health_count; i++)
        if (gossip->healths[i].said_at_ns < health->said_at_ns) health = &gossip->healths[i];
    return health;
}

static bool is_same_health(const struct hs_health_entry *a, const struct hs_health_entry *b)
{
    return a->load == b->load && a->score == b->score && a->is_accepting == b->is_accepting;
}

void hs_gossip_set_own_health(struct hs_gossip *gossip, uint64_t now_ns,
                              const struct hs_health_entry *entry)
{
    struct hs_gossip_health *own = health_place(gossip, &entry->node);
    bool is_known = hs_node_id_equal(&own->entry.node, &entry->node) && own->said_at_ns;

    if (is_known && is_same_health(&own->entry, entry) && now_ns < gossip->own_health_at_ns) return;
    *own = (struct hs_gossip_health){.entry = *entry, .said_at_ns = now_ns};
    gossip->own_health_at_ns = now_ns + HS_GOSSIP_OWN_HEALTH_NS;
}

/* The time on the way is in no age: the same word by another way looks newer than it is. */
static uint64_t newness_ns(const struct hs_health_entry *known, const struct hs_health_entry *heard)
{
    return is_same_health(known, heard) ? HS_NS_PER_S : HS_NS_PER_S / 5;
}

bool hs_gossip_hear_health(struct hs_gossip *gossip, uint64_t now_ns,
                           const struct hs_health_entry *entry)
{
    uint64_t                 age_ns = (uint64_t)entry->age_ms * HS_NS_PER_MS;
    struct hs_gossip_health *known;
    uint64_t                 said_at_ns;

    if (is_self(gossip, &entry->node) || age_ns >= HS_GOSSIP_HEALTH_LIFE_NS || age_ns >= now_ns)
        return false;
    known = find_health(gossip, &entry->node);
    said_at_ns = now_ns - age_ns;
    if (known && said_at_ns <= known->said_at_ns + newness_ns(&known->entry, entry)) return false;
    known = health_place(gossip, &entry->node);
    *known = (struct hs_gossip_health){.entry = *entry, .said_at_ns = said_at_ns};
    return true;
}

const struct hs_gossip_health *hs_gossip_find_health(const struct hs_gossip *gossip,
                                                     uint64_t now_ns, const struct hs_node_id *id)
{
    const struct hs_gossip_health *health = find_health(gossip, id);

    return health && now_ns - health->said_at_ns < HS_GOSSIP_HEALTH_LIFE_NS ? health : NULL;
}

/* ---- filling */

/* Of ourselves first, then the least told, of those the newest; NULL: all were looked at. */
static struct hs_gossip_update *next_update(struct hs_gossip *gossip, uint32_t limit)
{
    struct hs_gossip_update *best = NULL;

    for (uint32_t i = 0; i < gossip->update_count; i++) {
        struct hs_gossip_update *update = &gossip->updates[i];

        if (update->pass == gossip->pass || update->sends >= limit) continue;
        if (is_self(gossip, &update->claim.subject)) return update;
        if (!best || update->sends < best->sends ||
            (update->sends == best->sends && update->order > best->order))
            best = update;
    }
    return best;
}

/* One that does not fit may be followed by a smaller one that does. */
static void fill_claims(struct hs_gossip *gossip, struct hs_datagram_writer *writer)
{
    uint32_t                 limit = limit_of(gossip);
    struct hs_gossip_update *update;

    for (unsigned count = 0; count < HS_DATAGRAM_CLAIMS_MAX; count++) {
        update = next_update(gossip, limit);
        if (!update) return;
        update->pass = gossip->pass;
        if (!hs_datagram_put_claim(writer, &update->claim, false)) continue;
        update->sends++;
        gossip->counts.claims_sent++;
    }
}

static struct hs_gossip_health *next_health(struct hs_gossip *gossip, uint32_t limit)
{
    struct hs_gossip_health *best = NULL;

    for (uint32_t i = 0; i < gossip->health_count; i++) {
        struct hs_gossip_health *health = &gossip->healths[i];

        if (health->pass == gossip->pass || health->sends >= limit) continue;
        if (!best || health->sends < best->sends ||
            (health->sends == best->sends && health->said_at_ns > best->said_at_ns))
            best = health;
    }
    return best;
}

static void fill_healths(struct hs_gossip *gossip, uint64_t now_ns, size_t room_bytes,
                         struct hs_datagram_writer *writer)
{
    uint32_t limit = limit_of(gossip);

    for (; room_bytes >= HEALTH_BYTES + SECTION_HEAD_BYTES; room_bytes -= HEALTH_BYTES) {
        struct hs_gossip_health *health = next_health(gossip, limit);
        struct hs_health_entry   entry;

        if (!health) return;
        health->pass = gossip->pass;
        entry = health->entry;
        entry.age_ms = (uint32_t)((now_ns - health->said_at_ns) / HS_NS_PER_MS);
        if (!hs_datagram_put_health(writer, &entry)) return;
        health->sends++;
    }
}

/* How much of what is not membership a peer of that load is sent, in quarters. */
static unsigned quarters_for(const struct hs_gossip *gossip, uint64_t now_ns,
                             const struct hs_node_id *id)
{
    static const unsigned          quarters[HS_LOAD_COUNT] = {[HS_LOAD_HEALTHY] = 4,
                                                              [HS_LOAD_BUSY] = 3,
                                                              [HS_LOAD_STRESSED] = 2,
                                                              [HS_LOAD_OVERLOADED] = 1};
    const struct hs_gossip_health *health = hs_gossip_find_health(gossip, now_ns, id);

    return health ? quarters[health->entry.load] : 4;
}

/* Claims may take what is left beside the reserve of the others; a reserve that stays unused is
 * left to nobody, since the others have had their turn. */
void hs_gossip_fill(struct hs_gossip *gossip, uint64_t now_ns, const struct hs_member *to,
                    const struct hs_coordinate *own, struct hs_datagram_writer *writer)
{
    size_t whole_bytes = writer->out.capacity_bytes;
    size_t health_bytes = gossip->health_count * HEALTH_BYTES + SECTION_HEAD_BYTES;
    size_t reserve_bytes;

    gossip->pass++;
    health_bytes = hs_min_u64(health_bytes, HS_GOSSIP_HEALTH_BYTES_MAX);
    health_bytes = health_bytes * quarters_for(gossip, now_ns, &to->id) / 4;
    reserve_bytes = health_bytes + (own ? COORDINATE_BYTES : 0);
    if (hs_datagram_left_bytes(writer) < reserve_bytes + HS_GOSSIP_CLAIM_BYTES_MIN)
        reserve_bytes = 0;
    writer->out.capacity_bytes -= reserve_bytes;
    fill_claims(gossip, writer);
    writer->out.capacity_bytes = whole_bytes;
    if (own && !hs_datagram_put_coordinate(writer, own)) return;
    fill_healths(gossip, now_ns, health_bytes, writer);
}

/* ---- whom to tell */

static void tell(struct hs_gossip_actions *actions, enum hs_gossip_action_type type,
                 const struct hs_member *to, uint32_t transfer)
{
    HS_ASSERT(actions->count < HS_GOSSIP_ACTIONS_MAX);
    actions->at[actions->count++] =
        (struct hs_gossip_action){.type = type, .to_idx = to->idx, .transfer = transfer};
}

static bool is_told_already(const struct hs_gossip_actions *actions, const struct hs_member *to)
{
    for (unsigned i = 0; i < actions->count; i++)
        if (actions->at[i].to_idx == to->idx) return true;
    return false;
}

/* The living, those who died a moment ago and may know better, and one who never answered. */
static const struct hs_member *choose_peer(struct hs_gossip *gossip, uint64_t now_ns,
                                           bool *has_unconfirmed)
{
    const struct hs_member *member =
        hs_members_random(gossip->members, &gossip->rand,
                          HS_MEMBER_LIVE_MASK | HS_MEMBER_MASK(HS_MEMBER_DEAD) |
                              HS_MEMBER_MASK(HS_MEMBER_UNCONFIRMED));

    if (!member || !hs_member_is_ring(member)) return NULL;
    if (member->status == HS_MEMBER_DEAD &&
        now_ns - member->status_since_ns >= gossip->config.dead_ns)
        return NULL;
    if (member->status != HS_MEMBER_UNCONFIRMED) return member;
    if (*has_unconfirmed) return NULL;
    *has_unconfirmed = true;
    return member;
}

static void tick(struct hs_gossip *gossip, uint64_t now_ns, struct hs_gossip_actions *actions)
{
    enum { TRIES = 4 }; /* for each: random picks may hit the same one again */
    bool has_unconfirmed = false;

    if (now_ns < gossip->tick_at_ns) return;
    gossip->tick_at_ns = now_ns + gossip->config.tick_ns;
    expire(gossip, now_ns);
    if (!gossip->update_count) return;
    for (uint32_t i = 0;
         i < TRIES * gossip->config.fanout && actions->count < gossip->config.fanout; i++) {
        const struct hs_member *to = choose_peer(gossip, now_ns, &has_unconfirmed);

        if (to && !is_told_already(actions, to)) tell(actions, HS_GOSSIP_SEND, to, 0);
    }
}

/* ---- tables, page by page */

static struct hs_gossip_transfer *free_transfer(struct hs_gossip        *gossip,
                                                const struct hs_node_id *to)
{
    struct hs_gossip_transfer *found = NULL;

    for (uint32_t i = 0; i < HS_GOSSIP_TRANSFERS_MAX; i++) {
        if (hs_node_id_equal(&gossip->transfers[i].to, to)) return NULL; /* it is under way */
        if (hs_node_id_is_none(&gossip->transfers[i].to)) found = &gossip->transfers[i];
    }
    return found;
}

bool hs_gossip_begin_transfer(struct hs_gossip *gossip, uint64_t now_ns,
                              const struct hs_node_id *to, bool is_reply_wanted)
{
    struct hs_gossip_transfer *transfer = free_transfer(gossip, to);

    if (!transfer) {
        gossip->counts.transfers_refused++;
        return false;
    }
    *transfer = (struct hs_gossip_transfer){.to = *to,
                                            .nonce = hs_rand_next(&gossip->rand),
                                            .next_at_ns = now_ns,
                                            .is_reply_wanted = is_reply_wanted};
    gossip->counts.transfers++;
    return true;
}

static unsigned reply_count(const struct hs_gossip *gossip)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < HS_GOSSIP_TRANSFERS_MAX; i++)
        count +=
            !hs_node_id_is_none(&gossip->transfers[i].to) && !gossip->transfers[i].is_reply_wanted;
    return count;
}

/* Any of the pages will do: the others may be lost. */
static bool is_answered(struct hs_gossip *gossip, uint64_t nonce)
{
    for (uint32_t i = 0; i < HS_GOSSIP_TRANSFERS_MAX; i++)
        if (gossip->answered[i] == nonce) return true;
    gossip->answered[gossip->answered_next_idx] = nonce;
    gossip->answered_next_idx = (gossip->answered_next_idx + 1) % HS_GOSSIP_TRANSFERS_MAX;
    return false;
}

void hs_gossip_on_page(struct hs_gossip *gossip, uint64_t now_ns, const struct hs_node_id *from,
                       const struct hs_datagram_message *message)
{
    if (!message->is_reply_wanted || is_answered(gossip, message->nonce)) return;
    if (reply_count(gossip) >= INBOUND_MAX)
        gossip->counts.transfers_refused++;
    else
        HS_IGNORE(!hs_gossip_begin_transfer(gossip, now_ns, from, false), "counted there");
}

void hs_gossip_judge(struct hs_claim *claim, bool is_old, const struct hs_node_id *from)
{
    claim->source = HS_CLAIM_PUSH_PULL;
    if (is_old || (claim->status != HS_MEMBER_SUSPECT && claim->status != HS_MEMBER_DEAD)) return;
    claim->status = HS_MEMBER_SUSPECT;
    claim->from = *from;
}

static struct hs_claim claim_of(const struct hs_gossip *gossip, const struct hs_member *member)
{
    struct hs_claim claim = {.subject = member->id,
                             .from = member->id,
                             .incarnation = member->incarnation,
                             .status = member->status};

    if (member->status == HS_MEMBER_SUSPECT) claim.from = member->suspicion.accuser;
    if (member->status == HS_MEMBER_DEAD) claim.from = hs_members_self(gossip->members)->id;
    if (hs_member_is_live(member)) claim.facts = member->facts;
    return claim;
}

/* Slots from *slot_idx on until one does not fit; true: that was the end of the table. */
static bool put_slots(struct hs_gossip *gossip, uint64_t now_ns, uint32_t *slot_idx,
                      struct hs_datagram_writer *writer)
{
    unsigned count = 0;

    for (; *slot_idx < gossip->members->slot_count; (*slot_idx)++) {
        const struct hs_member *member = hs_members_at(gossip->members, *slot_idx);
        struct hs_claim         claim;
        bool                    is_old;

        if (!member || member->status == HS_MEMBER_UNCONFIRMED || member->is_forgotten ||
            !hs_member_is_ring(member) || !member->incarnation)
            continue;
        if (count == HS_DATAGRAM_CLAIMS_MAX) return false;
        claim = claim_of(gossip, member);
        is_old = !hs_member_is_live(member) &&
                 now_ns - member->status_since_ns >= gossip->config.suspicion_max_ns;
        if (!hs_datagram_put_claim(writer, &claim, is_old)) return false;
        count++;
    }
    return true;
}

static bool is_at_end(const struct hs_gossip *gossip, uint32_t slot_idx)
{
    return slot_idx >= gossip->members->slot_count;
}

size_t hs_gossip_page(struct hs_gossip *gossip, uint64_t now_ns, uint32_t transfer_idx,
                      void *memory, size_t capacity_bytes)
{
    struct hs_gossip_transfer *transfer = &gossip->transfers[transfer_idx];
    struct hs_datagram_message message = {.type = HS_DATAGRAM_PUSH_PULL,
                                          .nonce = transfer->nonce,
                                          .page = transfer->page,
                                          .is_reply_wanted = transfer->is_reply_wanted};
    uint32_t                   from_idx = transfer->slot_idx;
    struct hs_datagram_writer  writer;

    hs_datagram_start(&writer, memory, capacity_bytes, &message);
    message.is_last = put_slots(gossip, now_ns, &transfer->slot_idx, &writer);
    if (message.is_last) { /* known only now, and said in the message in front */
        hs_datagram_start(&writer, memory, capacity_bytes, &message);
        (void)put_slots(gossip, now_ns, &from_idx, &writer);
        HS_ASSERT(is_at_end(gossip, from_idx));
        *transfer = (struct hs_gossip_transfer){0};
    } else {
        HS_ASSERT(transfer->slot_idx > from_idx); /* a page holds one entry at least */
        transfer->page++;
        transfer->next_at_ns = now_ns + HS_GOSSIP_PAGE_NS;
    }
    gossip->counts.pages_sent++;
    return hs_datagram_finish(&writer);
}

static void start_push_pull(struct hs_gossip *gossip, uint64_t now_ns)
{
    const struct hs_member *to;

    if (now_ns < gossip->push_pull_at_ns) return;
    gossip->push_pull_at_ns = now_ns + push_pull_interval_ns(gossip);
    to = hs_members_random(gossip->members, &gossip->rand, HS_MEMBER_MASK(HS_MEMBER_ALIVE));
    if (to && hs_member_is_ring(to))
        HS_IGNORE(!hs_gossip_begin_transfer(gossip, now_ns, &to->id, true), "counted there");
}

static void send_pages(struct hs_gossip *gossip, uint64_t now_ns, struct hs_gossip_actions *actions)
{
    for (uint32_t i = 0; i < HS_GOSSIP_TRANSFERS_MAX; i++) {
        struct hs_gossip_transfer *transfer = &gossip->transfers[i];
        const struct hs_member    *to;

        if (hs_node_id_is_none(&transfer->to) || now_ns < transfer->next_at_ns) continue;
        to = hs_members_find(gossip->members, &transfer->to);
        if (to)
            tell(actions, HS_GOSSIP_SEND_PAGE, to, i);
        else
            *transfer = (struct hs_gossip_transfer){0};
    }
}

void hs_gossip_step(struct hs_gossip *gossip, uint64_t now_ns, struct hs_gossip_actions *actions)
{
    actions->count = 0;
    tick(gossip, now_ns, actions);
    start_push_pull(gossip, now_ns);
    send_pages(gossip, now_ns, actions);
}

uint64_t hs_gossip_deadline_ns(const struct hs_gossip *gossip)
{
    uint64_t deadline_ns = gossip->push_pull_at_ns;

    if (gossip->update_count) deadline_ns = hs_min_u64(deadline_ns, gossip->tick_at_ns);
    for (uint32_t i = 0; i < HS_GOSSIP_TRANSFERS_MAX; i++)
        if (!hs_node_id_is_none(&gossip->transfers[i].to))
            deadline_ns = hs_min_u64(deadline_ns, gossip->transfers[i].next_at_ns);
    return deadline_ns;
}
