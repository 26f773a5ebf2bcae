// SPDX-License-Identifier: Apache-2.0
/* gate_nodes.c - the managers that there are: who is connected, who leads which datacenter, who has
 * been silent for so long that it is not used, cut off, forgotten (membership.md 20). */
#include "roles/gate/gate_inner.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PING_INTERVAL_NS  HS_NS_PER_S
#define SILENCE_CUT_NS    (10 * HS_NS_PER_S) /* it is asked every second: the link is dead */
#define SILENCE_UNUSED_NS (30 * HS_NS_PER_S)
#define SILENCE_FORGET_NS (300 * HS_NS_PER_S)

/* That of this host is watched by the supervisor. */
static uint64_t silent_ns(const struct hs_gate *gate, const struct hs_gate_manager *at)
{
    if ((at->is_up && at->is_local) || gate->now_ns < at->heard_at_ns) return 0;
    return gate->now_ns - at->heard_at_ns;
}

bool hs_gate_is_manager_usable(const struct hs_gate *gate, unsigned manager)
{
    const struct hs_gate_manager *at = &gate->managers[manager];

    return at->is_up && silent_ns(gate, at) < SILENCE_UNUSED_NS;
}

static bool is_better(const struct hs_gate_manager *at, const struct hs_gate_manager *than)
{
    if (at->fence != than->fence) return at->fence > than->fence;
    return at->is_hinted && !than->is_hinted;
}

int hs_gate_manager_of(const struct hs_gate *gate, const char *datacenter)
{
    int best = -1;

    for (unsigned i = 0; i < gate->manager_high; i++) {
        const struct hs_gate_manager *at = &gate->managers[i];

        if (!hs_gate_is_manager_usable(gate, i) || strcmp(at->datacenter, datacenter) != 0)
            continue;
        if (best < 0 || is_better(at, &gate->managers[best])) best = (int)i;
    }
    return best;
}

static void note(struct hs_gate *gate, enum hs_notice_kind kind, const struct hs_gate_manager *at)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, at->name, at->generation, "datacenter %s", at->datacenter);
    gate->out.note_event(gate->out.self, &record);
}

/* Whatever it was told is to be told again, to it or to another. */
static void forget_told(struct hs_gate *gate, unsigned manager)
{
    for (uint32_t i = 0; i < gate->fsm->job_high; i++) {
        const struct hs_gate_job *job = &gate->fsm->jobs[i];

        for (unsigned slot = 0; job->phase != HS_GATE_FREE && slot < job->slot_count; slot++)
            if (gate->soft[i].slots[slot].manager == manager + 1)
                gate->soft[i].slots[slot].manager = 0;
    }
}

/* Everything that is kept of one manager; other tables name it by this place only. */
static void forget(struct hs_gate *gate, unsigned manager)
{
    forget_told(gate, manager);
    hs_gate_drop_fetches(gate, manager);
    gate->managers[manager] = (struct hs_gate_manager){0};
    gate->out.show_manager(gate->out.self, manager);
}

void hs_gate_manager_down(struct hs_gate *gate, unsigned manager)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    gate->due_ns = 0;
    if (!at->is_up) return;
    if (at->name[0]) note(gate, HS_NOTICE_MANAGER_GONE, at); /* else it never came so far */
    at->is_up = false;
    at->fence = 0;
    hs_gate_drop_calls(gate, manager);
    forget_told(gate, manager);
    hs_gate_drop_fetches(gate, manager);
    gate->out.show_manager(gate->out.self, manager);
}

/* ---- coming ---- */

static bool is_same(const struct hs_gate_manager *at, const struct hs_gate_peer *peer)
{
    if (!at->is_used || at->is_local != peer->is_local) return false;
    if (at->is_local) return true;
    return strcmp(at->name, peer->name) == 0 && strcmp(at->datacenter, peer->datacenter) == 0;
}

/* Its own, a free one, or that of the one who has been away for longest. */
static int find_place(struct hs_gate *gate, const struct hs_gate_peer *peer)
{
    int free_idx = -1, oldest = -1;

    for (unsigned i = 0; i < gate->manager_high; i++) {
        const struct hs_gate_manager *at = &gate->managers[i];

        if (is_same(at, peer)) return (int)i;
        if (!at->is_used && free_idx < 0) free_idx = (int)i;
        if (at->is_used && !at->is_up &&
            (oldest < 0 || at->heard_at_ns < gate->managers[oldest].heard_at_ns))
            oldest = (int)i;
    }
    if (free_idx >= 0) return free_idx;
    if (gate->manager_high < HS_GATE_MANAGERS_MAX) return (int)gate->manager_high++;
    if (oldest < 0) return -ENOBUFS;
    forget(gate, (unsigned)oldest);
    return oldest;
}

static bool is_other_node(const struct hs_gate_manager *at, const struct hs_gate_peer *peer)
{
    return at->is_up && !at->is_local && memcmp(at->node, peer->node, sizeof at->node) != 0;
}

int hs_gate_manager_enter(struct hs_gate *gate, const struct hs_gate_peer *peer)
{
    int                     place = find_place(gate, peer);
    struct hs_gate_manager  known = {0};
    struct hs_gate_manager *at;

    if (place < 0) return place;
    at = &gate->managers[place];
    if (is_other_node(at, peer)) return -EEXIST;
    hs_gate_manager_down(gate, (unsigned)place);
    /* Another node of that name: what was is not its. */
    if (at->is_local || memcmp(at->node, peer->node, sizeof at->node) == 0) known = *at;
    *at = (struct hs_gate_manager){.breaker = known.breaker,
                                   .flap = known.flap,
                                   .beat_at_ns = known.beat_at_ns,
                                   .beat_fence = known.beat_fence,
                                   .workers_known = known.workers_known,
                                   .workers_alive = known.workers_alive,
                                   .workers_overloaded = known.workers_overloaded,
                                   .cores_free = known.cores_free,
                                   .load = known.load,
                                   .datacenter_state = known.datacenter_state,
                                   .reach = known.reach,
                                   .is_used = true,
                                   .is_up = true,
                                   .is_local = peer->is_local,
                                   .incarnation = peer->incarnation,
                                   .generation = peer->generation,
                                   .heard_at_ns = gate->now_ns,
                                   .joined_at_ns = gate->now_ns};
    (void)snprintf(at->datacenter, sizeof at->datacenter, "%s", peer->datacenter);
    (void)snprintf(at->name, sizeof at->name, "%s", peer->name);
    (void)snprintf(at->address, sizeof at->address, "%s", peer->address);
    memcpy(at->node, peer->node, sizeof at->node);
    if (!at->breaker.generation) hs_breaker_init(&at->breaker, gate->now_ns);
    if (!at->is_local) {
        hs_gate_meet_manager(gate, (unsigned)place);
        note(gate, HS_NOTICE_MANAGER_JOINED, at);
    }
    hs_gate_judge_datacenter(gate, at->datacenter);
    gate->out.show_manager(gate->out.self, (unsigned)place);
    return place;
}

void hs_gate_take_hello(struct hs_gate *gate, unsigned manager, const struct hs_msg_hello *hello)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    if (!at->is_local) return; /* others have said it before they came in */
    memcpy(at->node, hello->node, sizeof at->node);
    at->incarnation = hello->incarnation;
    at->generation = hello->generation;
    (void)snprintf(at->name, sizeof at->name, "%s", hello->name);
    hs_gate_meet_manager(gate, manager);
    note(gate, HS_NOTICE_MANAGER_JOINED, at);
    gate->out.show_manager(gate->out.self, manager);
}

void hs_gate_take_hint(struct hs_gate *gate, unsigned manager, const char *leader)
{
    const struct hs_gate_manager *from = &gate->managers[manager];

    gate->managers[manager].fence = 0;
    gate->managers[manager].is_hinted = false;
    for (unsigned i = 0; i < gate->manager_high; i++) {
        struct hs_gate_manager *at = &gate->managers[i];

        if (at->is_up && i != manager && strcmp(at->name, leader) == 0 &&
            strcmp(at->datacenter, from->datacenter) == 0)
            at->is_hinted = true;
    }
}

/* ---- time ---- */

static uint64_t turn_silent(struct hs_gate *gate, unsigned manager)
{
    const struct hs_gate_manager *at = &gate->managers[manager];
    bool                          was_up = at->is_up;

    if (was_up && at->is_local) return HS_NEVER_NS;
    if (silent_ns(gate, at) < (was_up ? SILENCE_CUT_NS : SILENCE_FORGET_NS))
        return at->heard_at_ns + (was_up ? SILENCE_CUT_NS : SILENCE_FORGET_NS);
    if (was_up) {
        hs_gate_manager_down(gate, manager);
        gate->out.drop_manager(gate->out.self, manager);
    }
    if (silent_ns(gate, at) < SILENCE_FORGET_NS) return at->heard_at_ns + SILENCE_FORGET_NS;
    forget(gate, manager);
    return HS_NEVER_NS;
}

static uint64_t turn_ping(struct hs_gate *gate, unsigned manager)
{
    struct hs_gate_manager *at = &gate->managers[manager];

    if (!at->is_up) return HS_NEVER_NS;
    if (gate->now_ns - at->pinged_at_ns >= PING_INTERVAL_NS) {
        struct hs_msg_ping ping = {.nonce = at->ping_nonce = ++gate->next_token};

        at->pinged_at_ns = gate->now_ns;
        hs_gate_send(gate, manager, HS_MSG_PING, &ping);
    }
    return at->pinged_at_ns + PING_INTERVAL_NS;
}

uint64_t hs_gate_turn_managers(struct hs_gate *gate)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < gate->manager_high; i++) {
        if (!gate->managers[i].is_used) continue;
        next_ns = hs_min_u64(next_ns, turn_silent(gate, i));
        next_ns = hs_min_u64(next_ns, turn_ping(gate, i));
    }
    return next_ns;
}
