// SPDX-License-Identifier: Apache-2.0
/* join.c - attempts and their times; the judgement of a JOIN. */
#include "roles/cluster/join.h"

#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <inttypes.h>

#define PING_INTERVAL_NS  (100 * HS_NS_PER_MS) /* 10 a second, whatever is told us */
#define RETRY_MAX_NS      (15 * HS_NS_PER_S)
#define REDIAL_NS         (30 * HS_NS_PER_S)
#define WARN_FIRST_NS     (60 * HS_NS_PER_S)
#define WARN_SEED_NS      (10 * HS_NS_PER_S)
#define WARN_INTERVAL_NS  (600 * HS_NS_PER_S)
#define HEARD_INTERVAL_NS HS_NS_PER_S
#define ANSWERED_NS       (5 * HS_NS_PER_S) /* so lately, somebody stands there */

enum { DIAL_TRIES = 3 /* half a second apart, then one, then the long pause */ };

const char *hs_join_code_name(uint8_t code)
{
    static const char *const names[] = {[HS_JOIN_OK] = "OK",
                                        [HS_JOIN_STALE] = "STALE_INCARNATION",
                                        [HS_JOIN_DENIED] = "ROLE_DENIED",
                                        [HS_JOIN_FULL] = "TABLE_FULL",
                                        [HS_JOIN_CONFLICT] = "ID_CONFLICT",
                                        [HS_JOIN_NOT_READY] = "NOT_READY"};

    return code >= HS_JOIN_OK && code <= HS_JOIN_NOT_READY ? names[code] : "?";
}

/* A fifth more or less, so that what began together does not stay together. */
static uint64_t jittered(struct hs_join *join, uint64_t pause_ns)
{
    return pause_ns - pause_ns / 5 + hs_rand_below(&join->rand, pause_ns * 2 / 5 + 1);
}

void hs_join_init(struct hs_join *join, const struct hs_join_config *config,
                  struct hs_members *members, uint64_t now_ns)
{
    HS_ASSERT(config->seed_count <= HS_JOIN_SEEDS_MAX);
    *join = (struct hs_join){.config = *config, .members = members, .deadline_ns = now_ns};
    hs_rand_init(&join->rand, config->seed);
    join->ping_at_ns = now_ns;
    join->redial_at_ns = now_ns + jittered(join, REDIAL_NS);
    for (uint32_t i = 0; i < config->seed_count; i++)
        join->seeds[i] = (struct hs_join_seed){
            .address = config->seeds[i], .next_at_ns = now_ns, .missing_at_ns = now_ns};
}

/* NULL: all are of the configuration, or somebody stands there. */
static struct hs_join_seed *place_for_seed(struct hs_join *join)
{
    struct hs_join_seed *victim = NULL;

    if (join->config.seed_count < HS_JOIN_SEEDS_MAX) return &join->seeds[join->config.seed_count++];
    for (uint32_t i = 0; i < HS_JOIN_SEEDS_MAX; i++) {
        struct hs_join_seed *seed = &join->seeds[i];

        if (!seed->is_found || !seed->attempt_count) continue;
        if (!victim || seed->missing_at_ns < victim->missing_at_ns) victim = seed;
    }
    return victim;
}

void hs_join_add_seed(struct hs_join *join, const struct hs_addr *address, uint64_t now_ns)
{
    struct hs_join_seed *seed;

    for (uint32_t i = 0; i < join->config.seed_count; i++)
        if (hs_addr_equal(&join->seeds[i].address, address)) return;
    seed = place_for_seed(join);
    if (!seed) return;
    *seed = (struct hs_join_seed){
        .address = *address, .next_at_ns = now_ns, .missing_at_ns = now_ns, .is_found = true};
    join->deadline_ns = now_ns;
}

/* How long one that never answers is kept: less where it is missed sooner (membership.md 7). */
static uint64_t patience_ns(const struct hs_member *member, uint32_t health_multiplier)
{
    static const struct {
        uint64_t after_ns;
        uint32_t multiplier_max;
    } of_role[HS_IDENTITY_ROLE_COUNT] = {[HS_IDENTITY_GATE] = {120 * HS_NS_PER_S, 3},
                                         [HS_IDENTITY_MANAGER] = {90 * HS_NS_PER_S, 5},
                                         [HS_IDENTITY_WORKER] = {180 * HS_NS_PER_S, 10},
                                         [HS_IDENTITY_CLIENT] = {90 * HS_NS_PER_S, 1},
                                         [HS_IDENTITY_OPERATOR] = {90 * HS_NS_PER_S, 1}};
    uint32_t multiplier = health_multiplier;

    if (multiplier > of_role[member->facts.role].multiplier_max)
        multiplier = of_role[member->facts.role].multiplier_max;
    return of_role[member->facts.role].after_ns * multiplier;
}

static void warn_of(struct hs_member *member, uint64_t now_ns)
{
    char text[HS_ADDR_TEXT_BYTES];

    if (now_ns - member->status_since_ns < WARN_FIRST_NS) return;
    if (member->unconfirmed.warned_at_ns &&
        now_ns - member->unconfirmed.warned_at_ns < WARN_INTERVAL_NS)
        return;
    member->unconfirmed.warned_at_ns = now_ns;
    hs_addr_format(&member->facts.address, text, sizeof text);
    hs_log(HS_LOG_WARN, "join", "unconfirmed address=%s attempts=%" PRIu32 " heard=%d", text,
           member->unconfirmed.attempt_count, member->unconfirmed.is_heard);
}

static bool is_pinged(const struct hs_member *member)
{
    return member->facts.role != HS_IDENTITY_WORKER; /* they come to us */
}

/* Gives up who had its time. */
static void remove_silent(struct hs_join *join, uint64_t now_ns, uint32_t health_multiplier)
{
    struct hs_member *next;

    for (struct hs_member *member = hs_members_first(join->members, HS_MEMBER_UNCONFIRMED); member;
         member = next) {
        next = hs_members_next(join->members, member);
        warn_of(member, now_ns);
        if (member->is_seed || member->is_event_owed) continue;
        if (now_ns - member->status_since_ns < patience_ns(member, health_multiplier)) continue;
        hs_members_remove_unconfirmed(join->members, member);
        join->counts.removed++;
    }
}

/* The due one that was asked least: phantoms by the thousand do not delay a newcomer's first. */
static struct hs_member *next_due(const struct hs_join *join, uint64_t now_ns)
{
    struct hs_member *best = NULL;

    for (struct hs_member *member = hs_members_first(join->members, HS_MEMBER_UNCONFIRMED); member;
         member = hs_members_next(join->members, member)) {
        if (member->unconfirmed.next_at_ns > now_ns || !is_pinged(member)) continue;
        if (!best || member->unconfirmed.attempt_count < best->unconfirmed.attempt_count)
            best = member;
    }
    return best;
}

static uint64_t pause_after(uint32_t attempt_count)
{
    uint64_t pause_ns = attempt_count < 5 ? HS_NS_PER_S << (attempt_count - 1) : RETRY_MAX_NS;

    return hs_min_u64(pause_ns, RETRY_MAX_NS);
}

static void ping_one(struct hs_join *join, uint64_t now_ns, struct hs_join_actions *actions)
{
    struct hs_member *member;

    if (now_ns < join->ping_at_ns || actions->count == HS_JOIN_ACTIONS_MAX) return;
    member = next_due(join, now_ns);
    if (!member) return;
    member->unconfirmed.attempt_count++;
    member->unconfirmed.next_at_ns =
        now_ns + jittered(join, pause_after(member->unconfirmed.attempt_count));
    join->ping_at_ns = now_ns + PING_INTERVAL_NS;
    actions->at[actions->count++] =
        (struct hs_join_action){.type = HS_JOIN_PING, .member_idx = member->idx};
}

static void dial(const struct hs_addr *address, const struct hs_node_id *id,
                 struct hs_join_actions *actions)
{
    struct hs_join_action *action;

    if (actions->count == HS_JOIN_ACTIONS_MAX) return; /* it is due again soon */
    action = &actions->at[actions->count++];
    *action = (struct hs_join_action){.type = HS_JOIN_DIAL, .address = *address};
    if (id) action->id = *id;
}

static void dial_seed(struct hs_join *join, struct hs_join_seed *seed, uint64_t now_ns,
                      struct hs_join_actions *actions)
{
    struct hs_member *member = hs_members_find_address(join->members, &seed->address);
    char              text[HS_ADDR_TEXT_BYTES];

    if (member) hs_members_set_seed(member);
    if (member && hs_member_is_live(member)) {
        seed->attempt_count = 0;
        seed->missing_at_ns = now_ns;
        seed->warned_at_ns = 0;
        seed->next_at_ns = now_ns + HS_NS_PER_S; /* look again: it may have gone */
        return;
    }
    dial(&seed->address, member ? &member->id : NULL, actions);
    seed->attempt_count++;
    seed->next_at_ns =
        now_ns + (seed->attempt_count < DIAL_TRIES ? (HS_NS_PER_S / 2) << (seed->attempt_count - 1)
                                                   : jittered(join, RETRY_MAX_NS));
    if (now_ns - seed->missing_at_ns < WARN_SEED_NS) return;
    if (seed->warned_at_ns && now_ns - seed->warned_at_ns < WARN_INTERVAL_NS) return;
    seed->warned_at_ns = now_ns;
    hs_addr_format(&seed->address, text, sizeof text);
    hs_log(HS_LOG_WARN, "join", "no authenticated answer seed=%s attempts=%" PRIu32, text,
           seed->attempt_count);
}

/* Of two halves that held each other for dead, somebody has to speak first (membership.md 6.6). */
static void redial(struct hs_join *join, uint64_t now_ns, struct hs_join_actions *actions)
{
    const struct hs_members *members = join->members;
    uint64_t                 dead_count = members->status_count[HS_MEMBER_DEAD];
    struct hs_member        *member;

    if (now_ns < join->redial_at_ns) return;
    join->redial_at_ns = now_ns + jittered(join, REDIAL_NS);
    if (hs_rand_below(&join->rand, hs_max_u64(members->live_ring_count, 1)) >= dead_count) return;
    member = hs_members_random(members, &join->rand, HS_MEMBER_MASK(HS_MEMBER_DEAD));
    if (member && hs_member_is_ring(member)) dial(&member->facts.address, &member->id, actions);
}

static uint64_t find_deadline(const struct hs_join *join, uint64_t now_ns,
                              uint32_t health_multiplier)
{
    uint64_t deadline_ns = join->redial_at_ns;

    for (uint32_t i = 0; i < join->config.seed_count; i++)
        deadline_ns = hs_min_u64(deadline_ns, join->seeds[i].next_at_ns);
    for (struct hs_member *member = hs_members_first(join->members, HS_MEMBER_UNCONFIRMED); member;
         member = hs_members_next(join->members, member)) {
        uint64_t end_ns = member->status_since_ns + patience_ns(member, health_multiplier);

        if (is_pinged(member))
            deadline_ns = hs_min_u64(deadline_ns,
                                     hs_max_u64(member->unconfirmed.next_at_ns, join->ping_at_ns));
        if (!member->is_seed && !member->is_event_owed)
            deadline_ns = hs_min_u64(deadline_ns, end_ns);
    }
    return hs_max_u64(deadline_ns, now_ns);
}

void hs_join_turn(struct hs_join *join, uint64_t now_ns, uint32_t health_multiplier,
                  struct hs_join_actions *actions)
{
    actions->count = 0;
    remove_silent(join, now_ns, health_multiplier);
    ping_one(join, now_ns, actions);
    for (uint32_t i = 0; i < join->config.seed_count; i++)
        if (now_ns >= join->seeds[i].next_at_ns) dial_seed(join, &join->seeds[i], now_ns, actions);
    redial(join, now_ns, actions);
    join->deadline_ns = find_deadline(join, now_ns, health_multiplier);
}

uint64_t hs_join_deadline_ns(const struct hs_join *join)
{
    return join->deadline_ns;
}

void hs_join_heard(struct hs_member *member, uint64_t now_ns)
{
    bool was_heard = member->unconfirmed.is_heard;

    if (member->status != HS_MEMBER_UNCONFIRMED) return;
    member->unconfirmed.is_heard = true;
    if (was_heard && now_ns - member->heard_at_ns < HEARD_INTERVAL_NS) return;
    member->heard_at_ns = now_ns;
    member->unconfirmed.next_at_ns = hs_min_u64(member->unconfirmed.next_at_ns, now_ns);
}

static bool is_of_ring(const struct hs_join *join, const struct hs_member_facts *facts)
{
    if (facts->role != join->config.role) return false;
    return join->config.datacenter[0] == '\0' ||
           strcmp(facts->datacenter, join->config.datacenter) == 0;
}

/* The table holds a newer word of it than it has itself. */
static enum hs_join_code judge_older(struct hs_join *join, uint64_t now_ns,
                                     const struct hs_member       *member,
                                     const struct hs_member_facts *facts)
{
    bool is_elsewhere = !hs_addr_equal(&member->facts.address, &facts->address);

    if (hs_member_is_live(member) && is_elsewhere && member->acked_at_ns &&
        now_ns - member->acked_at_ns < ANSWERED_NS) {
        join->counts.conflicts++;
        return HS_JOIN_CONFLICT;
    }
    join->counts.zombies++;
    return HS_JOIN_STALE;
}

static enum hs_join_code judge(struct hs_join *join, uint64_t now_ns, const struct hs_claim *claim,
                               struct hs_join_verdict *verdict)
{
    struct hs_member    *member = hs_members_find(join->members, &claim->subject);
    enum hs_claim_result result;

    if (hs_members_self(join->members)->status == HS_MEMBER_LEFT) return HS_JOIN_NOT_READY;
    if (claim->facts.address.port == 0 || !is_of_ring(join, &claim->facts)) return HS_JOIN_DENIED;
    if (member) {
        bool     is_gone = (HS_MEMBER_MASK(member->status) & HS_MEMBER_GONE_MASK) != 0;
        uint64_t over = is_gone ? member->incarnation : member->died_incarnation;

        verdict->required = hs_member_is_live(member) ? member->incarnation : over + 1;
        if (claim->incarnation < verdict->required)
            return judge_older(join, now_ns, member, &claim->facts);
    }
    result = hs_members_claim(join->members, now_ns, claim, &verdict->member);
    if (result == HS_CLAIM_FULL) return HS_JOIN_FULL;
    return verdict->member ? HS_JOIN_OK : HS_JOIN_DENIED;
}

bool hs_join_judge(struct hs_join *join, uint64_t now_ns, const struct hs_join_request *request,
                   struct hs_join_verdict *verdict)
{
    struct hs_claim claim = request->claim;

    *verdict = (struct hs_join_verdict){0};
    if (!hs_node_id_equal(&request->sender, &claim.subject) || claim.incarnation == 0) {
        join->counts.forged++;
        return false;
    }
    claim.from = claim.subject;
    claim.status = HS_MEMBER_ALIVE;
    claim.source = HS_CLAIM_DIRECT;
    claim.is_own_word = true;
    verdict->code = judge(join, now_ns, &claim, verdict);
    if (verdict->code != HS_JOIN_OK) {
        verdict->member = NULL;
        return true;
    }
    hs_join_heard(verdict->member, now_ns);
    return true;
}
