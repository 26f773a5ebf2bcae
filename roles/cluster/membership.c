// SPDX-License-Identifier: Apache-2.0
/* membership.c - the cores' memory, their turns and their deadlines. */
#include "roles/cluster/membership.h"

#include "roles/cluster/membership_inner.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#define LINGER_NS HS_NS_PER_S /* behind the last goodbye */
#define MS(count) ((count)*HS_NS_PER_MS)

enum { FAREWELLS_MAX = 32, TIMER_STEPS_MAX = 4 };

static const struct {
    struct hs_swim_config   swim;
    struct hs_gossip_config gossip;
} profiles[HS_MEMBERSHIP_PROFILE_COUNT] = {
    [HS_MEMBERSHIP_LAN] = {.swim = {.period_ns = MS(500),
                                    .timeout_floor_ns = MS(250),
                                    .helpers = 3,
                                    .suspicion_multiplier = 6,
                                    .suspicion_max_factor = 6,
                                    .suspicion_confirmers = 2},
                           .gossip = {.tick_ns = MS(200),
                                      .dead_ns = MS(30000),
                                      .push_pull_ns = MS(30000),
                                      .suspicion_max_ns = MS(48000),
                                      .fanout = 3}},
    [HS_MEMBERSHIP_WAN] = {.swim = {.period_ns = MS(2000),
                                    .timeout_floor_ns = MS(600),
                                    .helpers = 3,
                                    .suspicion_multiplier = 5,
                                    .suspicion_max_factor = 6,
                                    .suspicion_confirmers = 3},
                           .gossip = {.tick_ns = MS(500),
                                      .dead_ns = MS(60000),
                                      .push_pull_ns = MS(60000),
                                      .suspicion_max_ns = MS(120000),
                                      .fanout = 3}}};

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static struct hs_gossip_config gossip_config(const struct hs_membership_config *config)
{
    struct hs_gossip_config gossip = profiles[config->profile].gossip;

    gossip.update_capacity = HS_GOSSIP_UPDATES_MAX;
    gossip.health_capacity = HS_GOSSIP_HEALTHS_MAX;
    gossip.seed = config->seed + 1;
    return gossip;
}

size_t hs_membership_bytes(uint32_t capacity)
{
    struct hs_membership_config config = {.capacity = capacity};
    struct hs_gossip_config     gossip = gossip_config(&config);

    return rounded(hs_members_bytes(capacity)) + rounded(hs_swim_bytes(capacity)) +
           rounded(hs_gossip_bytes(&gossip));
}

static void init_join(struct hs_membership *membership, const struct hs_membership_config *config,
                      uint64_t now_ns)
{
    struct hs_join_config join = {.role = config->self_facts.role,
                                  .seed_count = config->seed_count,
                                  .seed = config->seed + 2};

    if (config->profile == HS_MEMBERSHIP_LAN)
        memcpy(join.datacenter, config->self_facts.datacenter, sizeof join.datacenter);
    memcpy(join.seeds, config->seeds, sizeof join.seeds);
    hs_join_init(&membership->join, &join, &membership->members, now_ns);
}

void hs_membership_init(struct hs_membership *membership, const struct hs_membership_config *config,
                        void *memory, uint64_t now_ns)
{
    struct hs_members_config members = {.self_id = config->self_id,
                                        .self_facts = config->self_facts,
                                        .capacity = config->capacity,
                                        .seed = config->seed + 3};
    struct hs_swim_config    swim = profiles[config->profile].swim;
    struct hs_gossip_config  gossip = gossip_config(config);
    uint8_t                 *at = memory;

    memset(membership, 0, sizeof *membership);
    membership->now_ns = now_ns;
    hs_rand_init(&membership->rand, config->seed);
    hs_incarnation_init(&membership->incarnation, config->host_life, config->kept_incarnation);
    membership->first_incarnation = membership->incarnation.value;
    members.self_incarnation = membership->incarnation.value;
    hs_members_init(&membership->members, &members, at, now_ns);
    at += rounded(hs_members_bytes(config->capacity));
    swim.seed = config->seed + 4;
    hs_swim_init(&membership->swim, &swim, &membership->members, at, now_ns);
    at += rounded(hs_swim_bytes(config->capacity));
    hs_gossip_init(&membership->gossip, &gossip, &membership->members, at, now_ns);
    init_join(membership, config, now_ns);
}

static void turn_swim(struct hs_membership_call *call)
{
    struct hs_membership *membership = call->membership;
    struct hs_swim_event  timer = {
         .type = HS_SWIM_TIMER, .sender_idx = HS_SWIM_NOBODY, .member_idx = HS_SWIM_NOBODY};

    for (unsigned i = 0; i < TIMER_STEPS_MAX; i++) {
        if (hs_swim_deadline_ns(&membership->swim) > membership->now_ns) return;
        hs_membership_swim(call, &timer);
    }
}

static void turn_join(struct hs_membership_call *call)
{
    struct hs_membership  *membership = call->membership;
    struct hs_join_actions actions;

    hs_join_turn(&membership->join, membership->now_ns,
                 hs_local_health_multiplier(&membership->swim.health), &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct hs_join_action *action = &actions.at[i];
        struct hs_swim_event         confirm = {.type = HS_SWIM_CONFIRM,
                                                .sender_idx = HS_SWIM_NOBODY,
                                                .member_idx = action->member_idx};

        if (action->type == HS_JOIN_PING)
            hs_membership_swim(call, &confirm);
        else
            hs_membership_dial(call, &action->address, &action->id);
    }
}

enum hs_health_load hs_membership_load(const struct hs_membership *membership)
{
    static const enum hs_health_load loads[HS_HEALTH_LEVEL_COUNT] = {
        [HS_HEALTH_NORMAL] = HS_LOAD_HEALTHY,
        [HS_HEALTH_LIGHT] = HS_LOAD_HEALTHY,
        [HS_HEALTH_MODERATE] = HS_LOAD_BUSY,
        [HS_HEALTH_HEAVY] = HS_LOAD_STRESSED,
        [HS_HEALTH_CRITICAL] = HS_LOAD_OVERLOADED};

    return (enum hs_health_load)hs_max_u64(loads[membership->swim.health.level], membership->load);
}

static void tell_own_health(struct hs_membership *membership)
{
    const struct hs_local_health *health = &membership->swim.health;
    struct hs_health_entry        own = {.node = hs_members_self(&membership->members)->id,
                                         .load = (uint8_t)hs_membership_load(membership),
                                         .score = (uint8_t)health->score,
                                         .is_accepting = membership->left_at_ns == 0};

    hs_members_self(&membership->members)->load = own.load;
    hs_gossip_set_own_health(&membership->gossip, membership->now_ns, &own);
}

/* A degraded node tells less often, but not less of itself: neither a refutation nor a goodbye. */
static bool is_ticking(struct hs_membership *membership)
{
    return membership->left_at_ns ||
           membership->now_ns < membership->incarnation.next_bump_ns + HS_NS_PER_S ||
           hs_local_health_take_gossip(&membership->swim.health);
}

static void turn_gossip(struct hs_membership_call *call)
{
    struct hs_membership      *membership = call->membership;
    struct hs_gossip_actions   actions;
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    bool                       is_decided = false;
    bool                       is_told = false;

    tell_own_health(membership);
    if (hs_gossip_deadline_ns(&membership->gossip) > membership->now_ns) return;
    hs_gossip_step(&membership->gossip, membership->now_ns, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct hs_gossip_action *action = &actions.at[i];
        const struct hs_member        *to = hs_members_at(&membership->members, action->to_idx);

        if (!is_decided && action->type == HS_GOSSIP_SEND) {
            is_decided = true; /* once for all of this tick */
            is_told = is_ticking(membership);
        }
        if (!to || (action->type == HS_GOSSIP_SEND && !is_told)) continue;
        switch (action->type) {
        case HS_GOSSIP_SEND: hs_membership_send_to(call, to, &message, NULL); break;
        case HS_GOSSIP_SEND_PAGE: hs_membership_send_page(call, to, action->transfer); break;
        }
    }
}

void hs_membership_turn(struct hs_membership *membership, uint64_t now_ns,
                        struct hs_membership_out *out)
{
    struct hs_membership_call call = {.membership = membership, .out = out};

    hs_membership_out_clear(out);
    membership->now_ns = now_ns;
    if (hs_incarnation_turn(&membership->incarnation, now_ns)) hs_membership_renewed(&call);
    if (!membership->left_at_ns) {
        turn_swim(&call);
        turn_join(&call);
    }
    turn_gossip(&call);
    hs_members_sweep(&membership->members, now_ns);
}

uint64_t hs_membership_deadline_ns(const struct hs_membership *membership)
{
    uint64_t deadline_ns = hs_gossip_deadline_ns(&membership->gossip);

    deadline_ns = hs_min_u64(deadline_ns, hs_members_deadline_ns(&membership->members));
    if (membership->left_at_ns) return hs_min_u64(deadline_ns, membership->left_at_ns + LINGER_NS);
    deadline_ns = hs_min_u64(deadline_ns, hs_incarnation_deadline_ns(&membership->incarnation));
    deadline_ns = hs_min_u64(deadline_ns, hs_swim_deadline_ns(&membership->swim));
    return hs_min_u64(deadline_ns, hs_join_deadline_ns(&membership->join));
}

void hs_membership_leave(struct hs_membership *membership, uint64_t now_ns,
                         struct hs_membership_out *out)
{
    struct hs_membership_call  call = {.membership = membership, .out = out};
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_claim            own;
    unsigned                   count = 0;

    hs_membership_out_clear(out);
    if (membership->left_at_ns) return;
    membership->now_ns = now_ns;
    membership->left_at_ns = now_ns;
    hs_incarnation_leave(&membership->incarnation);
    hs_members_leave_self(&membership->members, now_ns);
    hs_membership_own_claim(membership, &own);
    hs_gossip_push(&membership->gossip, now_ns, &own);
    for (uint32_t i = 0; i < membership->members.slot_count && count < FAREWELLS_MAX; i++) {
        const struct hs_member *member = hs_members_at(&membership->members, i);

        if (!member || !hs_member_is_live(member)) continue;
        hs_membership_send_to(&call, member, &message, &own);
        count++;
    }
}

bool hs_membership_has_left(const struct hs_membership *membership, uint64_t now_ns)
{
    if (!membership->left_at_ns) return false;
    return membership->members.live_ring_count == 0 || /* nobody is there to be told */
           now_ns - membership->left_at_ns >= LINGER_NS;
}

void hs_membership_set_keyring(struct hs_membership *membership, uint32_t mark)
{
    membership->keyring_mark = mark;
    hs_members_self(&membership->members)->keyring_mark = mark;
}

void hs_membership_set_load(struct hs_membership *membership, enum hs_health_load load)
{
    membership->load = load;
}

bool hs_membership_next_event(struct hs_membership *membership, struct hs_member_event *event)
{
    if (!hs_members_next_event(&membership->members, event)) return false;
    if (event->type == HS_MEMBER_EVENT_FORGOTTEN)
        hs_gossip_forget(&membership->gossip, &event->subject);
    return true;
}

uint64_t hs_membership_incarnation(const struct hs_membership *membership)
{
    return membership->incarnation.value;
}
