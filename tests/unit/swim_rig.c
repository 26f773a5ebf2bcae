// SPDX-License-Identifier: Apache-2.0
/* swim_rig.c - peers that answer, a table that is told, a log of what was done. */
#include "tests/unit/swim_rig.h"

#include <stdlib.h>

static struct hs_node_id id_of(uint32_t peer)
{
    struct hs_node_id id = {{1}};

    id.bytes[14] = (uint8_t)(peer >> 8);
    id.bytes[15] = (uint8_t)peer;
    return id;
}

static struct hs_member_facts facts_of(uint32_t peer)
{
    struct hs_member_facts facts = {.role = HS_IDENTITY_MANAGER, .class = HS_MEMBER_NONVOTER};
    char                   text[32];

    (void)snprintf(text, sizeof text, "10.0.%u.%u", peer / 250, peer % 250 + 1);
    HS_CHECK_EQ(hs_addr_parse(&facts.address, text, 7400), 0);
    return facts;
}

struct hs_swim_config swim_rig_lan(void)
{
    return (struct hs_swim_config){.period_ns = HS_NS_PER_S,
                                   .timeout_floor_ns = HS_NS_PER_S / 2,
                                   .helpers = 3,
                                   .suspicion_multiplier = 4,
                                   .suspicion_max_factor = 6,
                                   .suspicion_confirmers = 2,
                                   .seed = 7};
}

static void add_peer(struct swim_rig *rig, uint32_t peer)
{
    struct hs_claim   claim = {.subject = id_of(peer),
                               .from = id_of(peer),
                               .incarnation = 5,
                               .status = HS_MEMBER_ALIVE,
                               .source = HS_CLAIM_DIRECT,
                               .is_own_word = true,
                               .facts = facts_of(peer)};
    struct hs_member *member;

    HS_CHECK_EQ(hs_members_claim(&rig->members, rig->now_ns, &claim, &member), HS_CLAIM_CREATED);
    HS_CHECK(hs_members_confirm(&rig->members, rig->now_ns, member, 5));
    rig->idx[peer] = member->idx;
    swim_rig_step(rig, &(struct hs_swim_event){.type = HS_SWIM_JOINED, .member_idx = member->idx});
}

void swim_rig_open(struct swim_rig *rig, uint32_t count, const struct hs_swim_config *config)
{
    struct hs_members_config members = {.self_id = id_of(0),
                                        .self_incarnation = 5,
                                        .self_facts = facts_of(0),
                                        .capacity = SWIM_RIG_PEERS,
                                        .seed = 3};
    struct hs_swim_config    lan = swim_rig_lan();

    memset(rig, 0, sizeof *rig);
    rig->count = count;
    rig->delay_ns = 5 * HS_NS_PER_MS;
    rig->now_ns = 1000 * HS_NS_PER_S;
    rig->table_memory = malloc(hs_members_bytes(SWIM_RIG_PEERS));
    rig->swim_memory = malloc(hs_swim_bytes(SWIM_RIG_PEERS));
    hs_members_init(&rig->members, &members, rig->table_memory, rig->now_ns);
    hs_swim_init(&rig->swim, config ? config : &lan, &rig->members, rig->swim_memory, rig->now_ns);
    rig->idx[0] = hs_members_self(&rig->members)->idx;
    for (uint32_t peer = 1; peer < count; peer++) add_peer(rig, peer);
}

void swim_rig_close(struct swim_rig *rig)
{
    free(rig->table_memory);
    free(rig->swim_memory);
}

struct hs_member *swim_rig_peer(const struct swim_rig *rig, uint32_t peer)
{
    struct hs_node_id id = id_of(peer);

    return hs_members_find(&rig->members, &id);
}

enum hs_member_status swim_rig_status(const struct swim_rig *rig, uint32_t peer)
{
    const struct hs_member *member = swim_rig_peer(rig, peer);

    return member ? member->status : HS_MEMBER_STATUS_COUNT;
}

static uint32_t peer_at(const struct swim_rig *rig, uint32_t idx)
{
    for (uint32_t peer = 0; peer < rig->count; peer++)
        if (rig->idx[peer] == idx) return peer;
    return 0;
}

static void answer_later(struct swim_rig *rig, struct hs_swim_event event)
{
    HS_CHECK(rig->pending_count < SWIM_RIG_PENDING);
    if (rig->pending_count < SWIM_RIG_PENDING)
        rig->pending[rig->pending_count++] =
            (struct swim_rig_pending){.at_ns = rig->now_ns + rig->delay_ns, .event = event};
}

static void tell_table(struct swim_rig *rig, const struct hs_swim_action *action,
                       enum hs_member_status status)
{
    uint32_t             peer = peer_at(rig, action->member_idx);
    struct hs_claim      claim = {.subject = id_of(peer),
                                  .from = id_of(0),
                                  .incarnation = action->incarnation,
                                  .status = status,
                                  .source = HS_CLAIM_DIRECT};
    struct hs_swim_event accused = {
        .type = HS_SWIM_ACCUSED, .member_idx = action->member_idx, .from = id_of(0)};

    (void)hs_members_claim(&rig->members, rig->now_ns, &claim, NULL);
    if (status == HS_MEMBER_SUSPECT) swim_rig_step(rig, &accused);
}

static void perform(struct swim_rig *rig, const struct hs_swim_action *action)
{
    uint32_t             peer = peer_at(rig, action->member_idx);
    struct hs_swim_event answer = {.sender_idx = action->to_idx,
                                   .member_idx = action->member_idx,
                                   .sequence = action->sequence,
                                   .incarnation = 5};

    if (action->type == HS_SWIM_CLAIM_SUSPECT) tell_table(rig, action, HS_MEMBER_SUSPECT);
    if (action->type == HS_SWIM_CLAIM_DEAD) tell_table(rig, action, HS_MEMBER_DEAD);
    if (action->type == HS_SWIM_SEND_PING && !rig->is_dead[peer] && !rig->is_cut[peer]) {
        answer.type = HS_SWIM_ACK;
        answer_later(rig, answer);
    }
    if (action->type == HS_SWIM_SEND_PING_REQ && !rig->is_dead[peer_at(rig, action->to_idx)]) {
        answer.type = rig->is_dead[peer] ? HS_SWIM_NACK : HS_SWIM_IND_ACK;
        answer_later(rig, answer);
    }
    if (action->type == HS_SWIM_ASK_OOB && rig->has_oob[peer]) {
        answer.type = HS_SWIM_OOB_ACK;
        answer.is_stalled = rig->is_wedged[peer];
        answer_later(rig, answer);
    }
}

void swim_rig_step(struct swim_rig *rig, const struct hs_swim_event *event)
{
    struct hs_swim_actions actions;

    hs_swim_step(&rig->swim, rig->now_ns, event, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        if (rig->log_count < SWIM_RIG_LOG)
            rig->log[rig->log_count++] = (struct swim_rig_entry){rig->now_ns, actions.at[i]};
        perform(rig, &actions.at[i]);
    }
}

static unsigned next_pending(const struct swim_rig *rig)
{
    unsigned next = 0;

    for (unsigned i = 1; i < rig->pending_count; i++)
        if (rig->pending[i].at_ns < rig->pending[next].at_ns) next = i;
    return next;
}

void swim_rig_run(struct swim_rig *rig, uint64_t until_ns)
{
    static const struct hs_swim_event timer = {.type = HS_SWIM_TIMER};

    for (;;) {
        unsigned next = next_pending(rig);
        uint64_t answer_ns = rig->pending_count ? rig->pending[next].at_ns : HS_NEVER_NS;
        uint64_t timer_ns = hs_max_u64(hs_swim_deadline_ns(&rig->swim), rig->now_ns);

        if (hs_min_u64(answer_ns, timer_ns) > until_ns) break;
        rig->now_ns = hs_max_u64(rig->now_ns, hs_min_u64(answer_ns, timer_ns));
        if (answer_ns <= timer_ns) {
            struct hs_swim_event event = rig->pending[next].event;

            rig->pending[next] = rig->pending[--rig->pending_count];
            swim_rig_step(rig, &event);
        } else {
            swim_rig_step(rig, &timer);
        }
    }
    rig->now_ns = until_ns;
}

void swim_rig_accuse(struct swim_rig *rig, uint32_t peer, uint32_t from, uint64_t incarnation)
{
    struct hs_claim claim = {.subject = id_of(peer),
                             .from = id_of(from),
                             .incarnation = incarnation,
                             .status = HS_MEMBER_SUSPECT,
                             .source = HS_CLAIM_GOSSIP};

    (void)hs_members_claim(&rig->members, rig->now_ns, &claim, NULL);
    swim_rig_step(rig, &(struct hs_swim_event){.type = HS_SWIM_ACCUSED,
                                               .member_idx = rig->idx[peer],
                                               .from = id_of(from)});
}

void swim_rig_pause(struct swim_rig *rig, uint64_t until_ns)
{
    HS_CHECK(until_ns >= rig->now_ns);
    rig->now_ns = until_ns;
}

unsigned swim_rig_count(const struct swim_rig *rig, enum hs_swim_action_type type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < rig->log_count; i++) count += rig->log[i].action.type == type;
    return count;
}

unsigned swim_rig_count_of(const struct swim_rig *rig, enum hs_swim_action_type type, uint32_t peer)
{
    unsigned count = 0;

    for (unsigned i = 0; i < rig->log_count; i++)
        count += rig->log[i].action.type == type && rig->log[i].action.member_idx == rig->idx[peer];
    return count;
}

uint64_t swim_rig_first_ns(const struct swim_rig *rig, enum hs_swim_action_type type)
{
    for (unsigned i = 0; i < rig->log_count; i++)
        if (rig->log[i].action.type == type) return rig->log[i].at_ns;
    return HS_NEVER_NS;
}

void swim_rig_forget(struct swim_rig *rig)
{
    rig->log_count = 0;
}
