// SPDX-License-Identifier: Apache-2.0
/* swim.c - our own questions: rounds, accusations and their deadlines. */
#include "roles/cluster/swim.h"

#include "roles/cluster/swim_inner.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

enum { TIMER_ACTIONS = HS_PROBE_HELPERS_MAX + 2 /* at most, of one timer */ };
#define CONFIRM_NS  (3 * HS_NS_PER_S) /* for an answer outside of rounds */
#define ASKED_NS    (HS_NS_PER_S / 2)
#define RTT_ROOM_NS (50 * HS_NS_PER_MS)
#define LAST_PING   8 / 10 /* of the round, for a role that is just being restarted */

uint32_t hs_swim_slot_timer(const struct hs_swim *swim, uint32_t slot)
{
    return swim->members->capacity + slot;
}

struct hs_swim_action *hs_swim_add(struct hs_swim_actions *actions, enum hs_swim_action_type type,
                                   uint32_t to_idx, uint32_t member_idx)
{
    struct hs_swim_action *action;

    HS_ASSERT(actions->count < HS_SWIM_ACTIONS_MAX);
    action = &actions->at[actions->count++];
    *action = (struct hs_swim_action){.type = type, .to_idx = to_idx, .member_idx = member_idx};
    return action;
}

/* Of the distrust in ourselves, what rests on anything but this member. */
static uint32_t multiplier_for(const struct hs_swim *swim, const struct hs_member *member)
{
    uint32_t multiplier = hs_local_health_multiplier(&swim->health);

    return member->blame < multiplier ? multiplier - member->blame : 1;
}

static struct hs_suspicion_limits limits_for(const struct hs_swim   *swim,
                                             const struct hs_member *member)
{
    struct hs_suspicion_config config = {.period_ns = swim->config.period_ns,
                                         .multiplier = swim->config.suspicion_multiplier,
                                         .max_factor = swim->config.suspicion_max_factor,
                                         .confirmers = swim->config.suspicion_confirmers};

    return hs_suspicion_limits(&config, swim->members->live_ring_count,
                               multiplier_for(swim, member));
}

uint64_t hs_swim_timeout_ns(const struct hs_swim *swim, const struct hs_member *member)
{
    uint64_t rtt_ns = hs_coordinates_bound_ns(&swim->coordinates, &member->place, swim->ran_at_ns);

    return hs_min_u64(hs_max_u64(swim->config.timeout_floor_ns, rtt_ns * 3 / 2 + RTT_ROOM_NS),
                      swim->config.period_ns / 2);
}

/* ---- our own questions */

uint32_t hs_swim_number(uint32_t slot, uint32_t generation)
{
    return generation << HS_SWIM_SLOT_BITS | slot;
}

static struct hs_swim_probe *take_probe(struct hs_swim *swim, const struct hs_member *target,
                                        uint64_t now_ns)
{
    for (uint32_t i = 0; i < HS_SWIM_PROBES; i++) {
        struct hs_swim_probe *probe = &swim->probes[i];

        if (probe->sent_at_ns) continue;
        *probe = (struct hs_swim_probe){.target = target->id,
                                        .sent_at_ns = now_ns,
                                        .incarnation = target->incarnation,
                                        .target_idx = target->idx,
                                        .generation = probe->generation + 1};
        return probe;
    }
    swim->counts.no_slot++;
    return NULL;
}

static uint32_t probe_slot(const struct hs_swim *swim, const struct hs_swim_probe *probe)
{
    return (uint32_t)(probe - swim->probes);
}

static void free_probe(struct hs_swim *swim, struct hs_swim_probe *probe)
{
    hs_timer_cancel(&swim->wheel, hs_swim_slot_timer(swim, probe_slot(swim, probe)));
    probe->sent_at_ns = 0;
}

/* The question that an answer with this number answers; NULL: none that is still open. */
static struct hs_swim_probe *probe_of(struct hs_swim *swim, uint32_t number)
{
    uint32_t              slot = number & HS_SWIM_SLOT_MASK;
    struct hs_swim_probe *probe = slot < HS_SWIM_PROBES ? &swim->probes[slot] : NULL;

    return probe && probe->sent_at_ns && hs_swim_number(slot, probe->generation) == number ? probe
                                                                                           : NULL;
}

static void send_ping(struct hs_swim *swim, const struct hs_swim_probe *probe,
                      struct hs_swim_actions *actions)
{
    hs_swim_add(actions, HS_SWIM_SEND_PING, probe->target_idx, probe->target_idx)->sequence =
        hs_swim_number(probe_slot(swim, probe), probe->generation);
}

bool hs_swim_is_asked(const struct hs_swim *swim, uint32_t member_idx, uint64_t now_ns)
{
    for (uint32_t i = 0; i < HS_SWIM_PROBES; i++) {
        const struct hs_swim_probe *probe = &swim->probes[i];

        if (probe->sent_at_ns && probe->target_idx == member_idx && !probe->is_round &&
            now_ns - probe->sent_at_ns < ASKED_NS)
            return true;
    }
    return false;
}

static void on_confirm(struct hs_swim *swim, uint64_t now_ns, uint32_t member_idx,
                       struct hs_swim_actions *actions)
{
    const struct hs_member *member = hs_members_at(swim->members, member_idx);
    struct hs_swim_probe   *probe;

    if (!member || member_idx == swim->members->self_idx) return;
    probe = take_probe(swim, member, now_ns);
    if (!probe) return;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, probe_slot(swim, probe)),
                 now_ns + CONFIRM_NS);
    send_ping(swim, probe, actions);
}

/* ---- rounds */

/* The next moment at which there is something to do: the question before the end, then the end. */
static void arm_suspicion(struct hs_swim *swim, const struct hs_member *member)
{
    const struct hs_member_suspicion *suspicion = &member->suspicion;
    uint64_t                          lead_ns = hs_swim_timeout_ns(swim, member);
    uint64_t                          due_ns = suspicion->deadline_ns;

    if (!suspicion->is_asked) due_ns = due_ns > lead_ns ? due_ns - lead_ns : 0;
    hs_timer_arm(&swim->wheel, member->idx, due_ns);
}

/* With every point of our health that comes back, whoever waits for its end waits less. */
static void review_suspicions(struct hs_swim *swim, uint64_t now_ns)
{
    for (struct hs_member *member = hs_members_first(swim->members, HS_MEMBER_SUSPECT); member;
         member = hs_members_next(swim->members, member)) {
        struct hs_suspicion_limits limits = limits_for(swim, member);

        if (limits.confirmers > 0) return; /* others have a say in it: not ours alone */
        if (hs_suspicion_review(&limits, member, now_ns + hs_swim_timeout_ns(swim, member)))
            arm_suspicion(swim, member);
    }
}

static void on_died(struct hs_swim *swim, uint64_t now_ns, uint32_t member_idx)
{
    struct hs_member *member = hs_members_at(swim->members, member_idx);

    if (!member) return;
    hs_local_health_give_back(&swim->health, member->blame);
    member->blame = 0;
    review_suspicions(swim, now_ns);
}

/* Only the life that was asked is accused: one that refuted meanwhile has been heard. */
static void accuse(struct hs_swim *swim, const struct hs_swim_probe *probe,
                   const struct hs_member *member, struct hs_swim_actions *actions)
{
    if (!hs_member_is_live(member) || member->incarnation != probe->incarnation) return;
    if (member->status == HS_MEMBER_SUSPECT && member->suspicion.is_accused_by_self) return;
    swim->counts.accused++;
    hs_swim_add(actions, HS_SWIM_CLAIM_SUSPECT, HS_SWIM_NOBODY, member->idx)->incarnation =
        member->incarnation;
}

/* The member that a question was for, if it is still there. */
static struct hs_member *target_of(const struct hs_swim *swim, const struct hs_swim_probe *probe)
{
    if (!hs_members_is_at(swim->members, probe->target_idx, &probe->target)) return NULL;
    return hs_members_at(swim->members, probe->target_idx);
}

static void lose_round(struct hs_swim *swim, const struct hs_swim_probe *probe,
                       struct hs_swim_actions *actions)
{
    struct hs_member *target = target_of(swim, probe);
    uint32_t          points =
        hs_local_health_on_round_lost(&swim->health, probe->helpers.count, probe->nack_count);

    swim->counts.rounds_lost++;
    if (!target) return;
    target->blame = (uint8_t)hs_min_u64(target->blame + points, HS_HEALTH_SCORE_MAX);
    accuse(swim, probe, target, actions);
}

static void win_round(struct hs_swim *swim, const struct hs_swim_probe *probe)
{
    struct hs_member *target = target_of(swim, probe);

    hs_local_health_on_round_won(&swim->health);
    if (target) target->blame = 0;
}

static void finish_round(struct hs_swim *swim, struct hs_swim_actions *actions)
{
    struct hs_swim_probe *probe;

    if (swim->round_idx == HS_SWIM_NOBODY) return;
    probe = &swim->probes[swim->round_idx];
    swim->round_idx = HS_SWIM_NOBODY;
    if (probe->is_acked)
        win_round(swim, probe);
    else if (probe->is_oob_acked)
        swim->counts.udp_path_bad++;
    else
        lose_round(swim, probe, actions);
    free_probe(swim, probe);
}

static void start_round(struct hs_swim *swim, uint64_t now_ns, struct hs_swim_actions *actions)
{
    uint32_t              idx = hs_probe_order_next(&swim->order, swim->members, &swim->rand);
    uint64_t              timeout_ns;
    struct hs_swim_probe *probe;

    if (idx == HS_PROBE_NOBODY) return;
    probe = take_probe(swim, hs_members_at(swim->members, idx), now_ns);
    if (!probe) {
        hs_local_health_on_no_slot(&swim->health);
        return;
    }
    swim->counts.rounds++;
    swim->round_idx = probe_slot(swim, probe);
    probe->is_round = true;
    timeout_ns = hs_swim_timeout_ns(swim, hs_members_at(swim->members, idx)) *
                 hs_local_health_multiplier(&swim->health);
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, swim->round_idx), now_ns + timeout_ns);
    send_ping(swim, probe, actions);
}

/* At a fixed rate: the next round starts a period after this one did, whatever became of it. */
static void on_round(struct hs_swim *swim, uint64_t now_ns, struct hs_swim_actions *actions)
{
    uint64_t length_ns;

    finish_round(swim, actions);
    review_suspicions(swim, now_ns);
    hs_local_health_update(&swim->health, now_ns);
    length_ns = swim->config.period_ns * hs_local_health_multiplier(&swim->health);
    swim->round_at_ns += length_ns;
    if (swim->round_at_ns <= now_ns) swim->round_at_ns = now_ns + length_ns;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, HS_SWIM_ROUND_SLOT), swim->round_at_ns);
    if (!hs_members_is_congested(swim->members) && hs_local_health_take_probe(&swim->health))
        start_round(swim, now_ns, actions);
}

static void ask_helpers(struct hs_swim *swim, struct hs_swim_probe *probe,
                        struct hs_swim_actions *actions)
{
    probe->helpers =
        hs_probe_order_helpers(&swim->order, swim->members, &swim->rand, probe->target_idx,
                               swim->config.helpers, swim->ran_at_ns);
    for (uint32_t i = 0; i < probe->helpers.count; i++)
        hs_swim_add(actions, HS_SWIM_SEND_PING_REQ, probe->helpers.at[i], probe->target_idx)
            ->sequence = hs_swim_number(probe_slot(swim, probe), probe->generation);
    probe->is_repeated = true;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, probe_slot(swim, probe)),
                 probe->sent_at_ns + (swim->round_at_ns - probe->sent_at_ns) * LAST_PING);
    send_ping(swim, probe, actions);
    hs_swim_add(actions, HS_SWIM_ASK_OOB, HS_SWIM_NOBODY, probe->target_idx);
}

static void on_probe_timer(struct hs_swim *swim, uint32_t slot, struct hs_swim_actions *actions)
{
    struct hs_swim_probe *probe = &swim->probes[slot];

    HS_ASSERT(probe->sent_at_ns != 0);
    if (!probe->is_round)
        free_probe(swim, probe);
    else if (!probe->is_acked && probe->is_repeated)
        send_ping(swim, probe, actions);
    else if (!probe->is_acked)
        ask_helpers(swim, probe, actions);
}

/* ---- accusations */

static void on_suspicion_timer(struct hs_swim *swim, uint64_t now_ns, uint32_t member_idx,
                               struct hs_swim_actions *actions)
{
    struct hs_member *member = hs_members_at(swim->members, member_idx);

    if (!member || member->status != HS_MEMBER_SUSPECT) return;
    if (member->suspicion.deadline_ns == HS_NEVER_NS) return;
    if (member->suspicion.deadline_ns <= now_ns) {
        hs_swim_add(actions, HS_SWIM_CLAIM_DEAD, HS_SWIM_NOBODY, member_idx)->incarnation =
            member->incarnation;
        return;
    }
    if (!member->suspicion.is_asked &&
        member->suspicion.deadline_ns - now_ns <= hs_swim_timeout_ns(swim, member)) {
        member->suspicion.is_asked = true;
        hs_swim_add(actions, HS_SWIM_SEND_BUDDY, member_idx, member_idx);
        hs_swim_add(actions, HS_SWIM_ASK_OOB, HS_SWIM_NOBODY, member_idx);
    }
    arm_suspicion(swim, member);
}

static void on_accused(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                       struct hs_swim_actions *actions)
{
    struct hs_member          *member = hs_members_at(swim->members, event->member_idx);
    struct hs_suspicion_limits limits;
    bool                       is_ours;

    if (!member) return;
    limits = limits_for(swim, member);
    is_ours = hs_node_id_equal(&event->from, &hs_members_self(swim->members)->id);
    switch (hs_suspicion_accuse(swim->members, &limits, member, &event->from, now_ns)) {
    case HS_SUSPICION_BEGUN:
        if (is_ours) hs_swim_add(actions, HS_SWIM_SEND_BUDDY, member->idx, member->idx);
        break;
    case HS_SUSPICION_CONFIRMED:
        hs_swim_add(actions, HS_SWIM_GOSSIP_SUSPECT, HS_SWIM_NOBODY, member->idx)->from =
            event->from;
        break;
    case HS_SUSPICION_KNOWN:
    case HS_SUSPICION_ENOUGH:
    case HS_SUSPICION_REFUSED: return;
    }
    arm_suspicion(swim, member);
}

/* A loop that stands still behind a living answering thread saves nobody's round, and puts the end
 * off no more often than any other answer. */
static void on_oob_ack(struct hs_swim *swim, const struct hs_swim_event *event)
{
    struct hs_member          *member = hs_members_at(swim->members, event->member_idx);
    struct hs_suspicion_limits limits;

    if (!member) return;
    limits = limits_for(swim, member);
    if (swim->round_idx != HS_SWIM_NOBODY && !event->is_stalled &&
        swim->probes[swim->round_idx].target_idx == event->member_idx)
        swim->probes[swim->round_idx].is_oob_acked = true;
    if (member->status != HS_MEMBER_SUSPECT || !member->suspicion.is_asked) return;
    if (!hs_suspicion_postpone(&limits, member)) return;
    swim->counts.oob_saved++;
    arm_suspicion(swim, member);
}

/* ---- answers */

void hs_swim_note_answer(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                         uint64_t rtt_ns, struct hs_swim_actions *actions)
{
    struct hs_member *member = hs_members_at(swim->members, event->sender_idx);

    if (rtt_ns) hs_coordinates_sample(&swim->coordinates, &member->place, rtt_ns, now_ns);
    hs_swim_add(actions, HS_SWIM_ANSWERED, HS_SWIM_NOBODY, event->sender_idx)->incarnation =
        event->incarnation;
}

static bool on_probe_ack(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                         struct hs_swim_actions *actions)
{
    struct hs_swim_probe *probe = probe_of(swim, event->sequence);
    bool                  is_target;

    if (!probe || probe->is_acked) return false;
    is_target = event->sender_idx == probe->target_idx &&
                hs_members_is_at(swim->members, probe->target_idx, &probe->target);
    if (!is_target) {
        if (probe->is_round) return false;
        hs_swim_add(actions, HS_SWIM_REPLACED, event->sender_idx, probe->target_idx);
        free_probe(swim, probe);
        return true;
    }
    hs_swim_note_answer(swim, now_ns, event,
                        probe->is_repeated ? 0 : hs_max_u64(now_ns - probe->sent_at_ns, 1),
                        actions);
    if (!probe->is_round)
        free_probe(swim, probe);
    else if (event->incarnation >= probe->incarnation)
        probe->is_acked = true;
    return true;
}

static void on_ack(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                   struct hs_swim_actions *actions)
{
    if (!on_probe_ack(swim, now_ns, event, actions) &&
        !hs_swim_on_relay_ack(swim, now_ns, event, actions))
        swim->counts.late_acks++;
}

/* The round's probe that a helper speaks about; *helper: which of those asked it is. */
static struct hs_swim_probe *helped_probe(struct hs_swim *swim, const struct hs_swim_event *event,
                                          uint32_t *helper)
{
    struct hs_swim_probe *probe = probe_of(swim, event->sequence);

    if (!probe || probe->target_idx != event->member_idx) return NULL;
    for (*helper = 0; *helper < probe->helpers.count; ++*helper)
        if (probe->helpers.at[*helper] == event->sender_idx) return probe;
    return NULL;
}

static void on_ind_ack(struct hs_swim *swim, const struct hs_swim_event *event)
{
    uint32_t              helper;
    struct hs_swim_probe *probe = helped_probe(swim, event, &helper);

    if (!probe || probe->is_acked)
        swim->counts.late_acks++;
    else if (event->incarnation >= probe->incarnation)
        probe->is_acked = true;
}

static void on_nack(struct hs_swim *swim, const struct hs_swim_event *event)
{
    uint32_t              helper;
    struct hs_swim_probe *probe = helped_probe(swim, event, &helper);

    if (!probe || probe->has_nacked[helper]) {
        swim->counts.late_acks++;
        return;
    }
    probe->has_nacked[helper] = true;
    probe->nack_count++;
}

static void on_ping(struct hs_swim *swim, const struct hs_swim_event *event,
                    struct hs_swim_actions *actions)
{
    if (event->member_idx != swim->members->self_idx) {
        swim->counts.misdelivered++;
        return;
    }
    hs_swim_add(actions, HS_SWIM_SEND_ACK, event->sender_idx, event->member_idx)->sequence =
        event->sequence;
}

/* ---- time */

/* The sample's own timer stays where it is: it is to show how late it was. */
static void forgive_stall(struct hs_swim *swim, uint64_t by_ns)
{
    struct hs_members *members = swim->members;

    for (struct hs_member *member = hs_members_first(members, HS_MEMBER_SUSPECT); member;
         member = hs_members_next(members, member)) {
        hs_suspicion_shift(member, by_ns);
        if (hs_timer_is_armed(&swim->wheel, member->idx)) arm_suspicion(swim, member);
    }
    for (uint32_t slot = 0; slot < HS_SWIM_SLOT_COUNT; slot++) {
        uint32_t timer = hs_swim_slot_timer(swim, slot);

        if (hs_timer_is_armed(&swim->wheel, timer))
            hs_timer_arm(&swim->wheel, timer, swim->wheel.timers[timer].deadline_ns + by_ns);
    }
    for (uint32_t i = 0; i < HS_PROBE_RELAYS; i++)
        if (swim->relays.at[i].end_at_ns) swim->relays.at[i].end_at_ns += by_ns;
    swim->round_at_ns += by_ns;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, HS_SWIM_ROUND_SLOT), swim->round_at_ns);
}

static void on_sample(struct hs_swim *swim, uint64_t now_ns)
{
    hs_local_health_sample(&swim->health, (int64_t)(now_ns - swim->sample_at_ns), now_ns);
    swim->sample_at_ns = now_ns + HS_HEALTH_SAMPLE_GAP_NS;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, HS_SWIM_SAMPLE_SLOT), swim->sample_at_ns);
}

static void on_timers(struct hs_swim *swim, uint64_t now_ns, struct hs_swim_actions *actions)
{
    uint32_t idx;

    while (actions->count + TIMER_ACTIONS <= HS_SWIM_ACTIONS_MAX &&
           hs_timer_wheel_pop(&swim->wheel, now_ns, &idx)) {
        uint32_t capacity = swim->members->capacity;

        if (idx < capacity)
            on_suspicion_timer(swim, now_ns, idx, actions);
        else if (idx < hs_swim_slot_timer(swim, HS_SWIM_PROBES))
            on_probe_timer(swim, idx - capacity, actions);
        else if (idx < hs_swim_slot_timer(swim, HS_SWIM_ROUND_SLOT))
            hs_swim_on_relay_timer(swim, idx - capacity - HS_SWIM_PROBES, actions);
        else if (idx == hs_swim_slot_timer(swim, HS_SWIM_ROUND_SLOT))
            on_round(swim, now_ns, actions);
        else
            on_sample(swim, now_ns);
    }
}

/* ---- public */

size_t hs_swim_bytes(uint32_t capacity)
{
    return (capacity + HS_SWIM_TIMER_SLOTS) * sizeof(struct hs_timer) +
           hs_probe_order_bytes(capacity);
}

void hs_swim_init(struct hs_swim *swim, const struct hs_swim_config *config,
                  struct hs_members *members, void *memory, uint64_t now_ns)
{
    struct hs_timer *timers = memory;
    uint32_t         timer_count = members->capacity + HS_SWIM_TIMER_SLOTS;

    HS_ASSERT(config->helpers <= HS_PROBE_HELPERS_MAX);
    HS_ASSERT(config->period_ns > 0);
    memset(swim, 0, sizeof *swim);
    swim->config = *config;
    swim->members = members;
    swim->round_idx = HS_SWIM_NOBODY;
    swim->ran_at_ns = now_ns;
    hs_rand_init(&swim->rand, config->seed);
    hs_coordinates_init(&swim->coordinates, ~config->seed);
    hs_local_health_init(&swim->health, now_ns);
    hs_timer_wheel_init(&swim->wheel, timers, timer_count, now_ns);
    hs_probe_order_init(&swim->order, members->capacity, timers + timer_count);
    swim->round_at_ns = now_ns + hs_rand_below(&swim->rand, config->period_ns);
    swim->sample_at_ns = now_ns + HS_HEALTH_SAMPLE_GAP_NS;
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, HS_SWIM_ROUND_SLOT), swim->round_at_ns);
    hs_timer_arm(&swim->wheel, hs_swim_slot_timer(swim, HS_SWIM_SAMPLE_SLOT), swim->sample_at_ns);
}

uint64_t hs_swim_deadline_ns(const struct hs_swim *swim)
{
    return hs_timer_wheel_deadline_ns(&swim->wheel);
}

void hs_swim_step(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                  struct hs_swim_actions *actions)
{
    uint64_t stall_ns =
        hs_local_health_wake(&swim->health, swim->ran_at_ns, hs_swim_deadline_ns(swim), now_ns);

    actions->count = 0;
    if (stall_ns) forgive_stall(swim, stall_ns);
    swim->ran_at_ns = now_ns;
    switch (event->type) {
    case HS_SWIM_TIMER: on_timers(swim, now_ns, actions); break;
    case HS_SWIM_PING: on_ping(swim, event, actions); break;
    case HS_SWIM_ACK: on_ack(swim, now_ns, event, actions); break;
    case HS_SWIM_PING_REQ: hs_swim_on_ping_req(swim, now_ns, event, actions); break;
    case HS_SWIM_IND_ACK: on_ind_ack(swim, event); break;
    case HS_SWIM_NACK: on_nack(swim, event); break;
    case HS_SWIM_OOB_ACK: on_oob_ack(swim, event); break;
    case HS_SWIM_CONFIRM: on_confirm(swim, now_ns, event->member_idx, actions); break;
    case HS_SWIM_JOINED: hs_probe_order_add(&swim->order, &swim->rand, event->member_idx); break;
    case HS_SWIM_DIED: on_died(swim, now_ns, event->member_idx); break;
    case HS_SWIM_ACCUSED: on_accused(swim, now_ns, event, actions); break;
    }
}
