// SPDX-License-Identifier: Apache-2.0
/* gate_datacenters.c - how well each datacenter can take work, from the heartbeats of its managers
 * (guard/dc_health.h). One table for routing and for status; a datacenter goes when it has had no
 * manager for 15 minutes. */
#include "roles/gate/gate_inner.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

#define TURN_NS        HS_NS_PER_S
#define FORGET_NS      (900 * HS_NS_PER_S) /* a datacenter without managers */
#define HELD_USABLE_NS (30 * HS_NS_PER_S)  /* since the last answer of one that is held back */
#define MANAGERS_NS    (300 * HS_NS_PER_S) /* a manager that is silent is none any more */

static struct hs_gate_datacenter *find(struct hs_gate *gate, const char *name)
{
    for (unsigned i = 0; i < HS_DATACENTERS_MAX; i++)
        if (gate->datacenters[i].name[0] && strcmp(gate->datacenters[i].name, name) == 0)
            return &gate->datacenters[i];
    return NULL;
}

/* NULL: 64 others are there. */
static struct hs_gate_datacenter *add(struct hs_gate *gate, const char *name)
{
    for (unsigned i = 0; i < HS_DATACENTERS_MAX; i++) {
        struct hs_gate_datacenter *at = &gate->datacenters[i];

        if (at->name[0]) continue;
        *at = (struct hs_gate_datacenter){.since_ns = gate->now_ns, .seen_at_ns = gate->now_ns};
        (void)snprintf(at->name, sizeof at->name, "%s", name);
        return at;
    }
    return NULL;
}

static bool is_known(const struct hs_gate *gate, const struct hs_gate_manager *at)
{
    return at->is_used && at->datacenter[0] && gate->now_ns - at->heard_at_ns < MANAGERS_NS;
}

/* Linked, its first heartbeat under way: a manager more makes no datacenter worse. One that stays
 * silent is cut off (gate_nodes.c), and counts as gone from then on. */
static bool has_yet_to_speak(const struct hs_gate_manager *at)
{
    return at->is_up && !at->beat_at_ns;
}

/* A worker has a session with every manager of its datacenter, so the numbers are those of one of
 * them, the one with the newest leadership: a sum would count each worker twice. */
static void take_numbers(const struct hs_gate_manager *at, struct hs_dc_facts *facts)
{
    facts->workers = at->workers_known;
    facts->workers_alive = at->workers_alive;
    facts->workers_overloaded = at->workers_overloaded;
    facts->cores_free = at->cores_free;
    facts->is_leader_overloaded = at->load >= HS_NODE_OVERLOADED;
}

static void gather(const struct hs_gate *gate, const struct hs_gate_datacenter *datacenter,
                   struct hs_dc_facts *facts)
{
    uint64_t fence = 0;

    *facts = (struct hs_dc_facts){.age_ns = gate->now_ns - datacenter->since_ns,
                                  .heard_ns = HS_NEVER_NS};
    if (datacenter->health.shown != HS_DC_INITIALIZING) facts->age_ns = HS_NEVER_NS; /* it began */
    for (unsigned i = 0; i < gate->manager_high; i++) {
        const struct hs_gate_manager *at = &gate->managers[i];
        uint64_t                      heard_ns = gate->now_ns - at->beat_at_ns;

        if (!is_known(gate, at) || strcmp(at->datacenter, datacenter->name) != 0) continue;
        if (has_yet_to_speak(at)) continue;
        facts->managers++;
        if (!at->beat_at_ns || heard_ns >= HS_DC_ALIVE_NS) continue;
        facts->managers_alive++;
        facts->managers_ready += at->beat_fence != 0;
        facts->managers_overloaded += at->load >= HS_NODE_OVERLOADED;
        facts->heard_ns = hs_min_u64(facts->heard_ns, heard_ns);
        if (at->beat_fence <= fence) continue;
        fence = at->beat_fence;
        take_numbers(at, facts);
    }
}

static bool is_same_reach(const struct hs_reach_facts *a, const struct hs_reach_facts *b)
{
    return a->is_asked == b->is_asked && a->state == b->state && a->is_held == b->is_held &&
           a->is_local_partition == b->is_local_partition && a->round_trip_ns == b->round_trip_ns &&
           strcmp(a->region, b->region) == 0;
}

static enum hs_locality locality_of(const struct hs_gate *gate, const char *name,
                                    const char *region)
{
    const struct hs_locality_place there = {name, region};

    return hs_locality_of(&gate->limits.here, &there);
}

static void show(struct hs_gate *gate, const struct hs_gate_datacenter *datacenter)
{
    uint32_t locality = locality_of(gate, datacenter->name, datacenter->reach.region);

    for (unsigned i = 0; i < gate->manager_high; i++) {
        struct hs_gate_manager *at = &gate->managers[i];

        if (strcmp(at->datacenter, datacenter->name) != 0 ||
            (at->datacenter_state == datacenter->health.shown && at->locality == locality &&
             is_same_reach(&at->reach, &datacenter->reach)))
            continue;
        at->datacenter_state = datacenter->health.shown;
        at->locality = locality;
        at->reach = datacenter->reach;
        gate->out.show_manager(gate->out.self, i);
    }
}

static void judge(struct hs_gate *gate, struct hs_gate_datacenter *datacenter)
{
    uint8_t            before = datacenter->health.shown;
    struct hs_dc_facts facts;

    gather(gate, datacenter, &facts);
    if (facts.managers) datacenter->seen_at_ns = gate->now_ns;
    datacenter->cores_free = facts.cores_free;
    (void)hs_dc_take(&datacenter->health, hs_dc_classify(&facts), gate->now_ns);
    show(gate, datacenter);
    if (datacenter->health.shown != before)
        hs_log(HS_LOG_INFO, "gate",
               "datacenter name=%s state=%s was=%s workers=%u/%u managers=%u/%u", datacenter->name,
               hs_dc_state_name(datacenter->health.shown), hs_dc_state_name(before),
               facts.workers_alive, facts.workers, facts.managers_alive, facts.managers);
}

int hs_gate_take_place(struct hs_gate *gate, const char *name)
{
    struct hs_gate_datacenter *datacenter = find(gate, name);

    if (!datacenter) datacenter = add(gate, name);
    return datacenter ? (int)(datacenter - gate->datacenters) : -1;
}

void hs_gate_judge_datacenter(struct hs_gate *gate, const char *name)
{
    struct hs_gate_datacenter *datacenter = find(gate, name);

    if (!datacenter) datacenter = add(gate, name);
    if (datacenter) judge(gate, datacenter);
}

uint64_t hs_gate_turn_datacenters(struct hs_gate *gate)
{
    if (gate->now_ns < gate->datacenters_at_ns) return gate->datacenters_at_ns;
    gate->datacenters_at_ns = gate->now_ns + TURN_NS;
    for (unsigned i = 0; i < HS_DATACENTERS_MAX; i++) {
        struct hs_gate_datacenter *datacenter = &gate->datacenters[i];

        if (!datacenter->name[0]) continue;
        judge(gate, datacenter);
        if (gate->now_ns - datacenter->seen_at_ns < FORGET_NS) continue;
        hs_gate_drop_place(gate, i);
        *datacenter = (struct hs_gate_datacenter){0};
    }
    return gate->datacenters_at_ns;
}

void hs_gate_set_reach(struct hs_gate *gate, const char *datacenter,
                       const struct hs_reach_facts *facts)
{
    struct hs_gate_datacenter *at = find(gate, datacenter);

    if (!at) return;
    if (at->reach.state != facts->state || at->reach.is_held != facts->is_held) gate->due_ns = 0;
    at->reach = *facts;
    at->round_trip_ns = hs_locality_follow(at->round_trip_ns, facts->round_trip_ns);
    show(gate, at);
}

/* However well it says it is: what cannot be reached takes no work, and what is silent only when
 * nobody else can. Held back is what fails together with others: that is the network, or we. */
static enum hs_dc_state within_reach(const struct hs_reach_facts *reach, enum hs_dc_state state)
{
    bool is_faint = reach->state == HS_REACH_SUSPECTED || reach->is_held;

    if (!reach->is_asked) return state;
    if (reach->state == HS_REACH_UNKNOWN || reach->state == HS_REACH_UNREACHABLE)
        return HS_DC_UNHEALTHY;
    if (reach->is_held && !reach->is_local_partition && reach->ack_age_ns >= HELD_USABLE_NS)
        return HS_DC_UNHEALTHY;
    return is_faint && state < HS_DC_DEGRADED ? HS_DC_DEGRADED : state;
}

static const struct hs_gate_datacenter *at_name(const struct hs_gate *gate, const char *name)
{
    for (unsigned i = 0; i < HS_DATACENTERS_MAX; i++)
        if (gate->datacenters[i].name[0] && strcmp(gate->datacenters[i].name, name) == 0)
            return &gate->datacenters[i];
    return NULL;
}

int hs_gate_place_of(const struct hs_gate *gate, const char *name)
{
    const struct hs_gate_datacenter *datacenter = at_name(gate, name);

    return datacenter ? (int)(datacenter - gate->datacenters) : -1;
}

const struct hs_reach_facts *hs_gate_reach_of(const struct hs_gate *gate, const char *name)
{
    const struct hs_gate_datacenter *datacenter = at_name(gate, name);

    return datacenter ? &datacenter->reach : NULL;
}

enum hs_locality hs_gate_locality(const struct hs_gate *gate, const char *name,
                                  uint64_t *round_trip_ns)
{
    const struct hs_gate_datacenter *datacenter = at_name(gate, name);

    *round_trip_ns = datacenter ? datacenter->round_trip_ns : 0;
    return locality_of(gate, name, datacenter ? datacenter->reach.region : "");
}

enum hs_dc_state hs_gate_datacenter_state(const struct hs_gate *gate, const char *name,
                                          uint32_t cores_needed)
{
    const struct hs_gate_datacenter *datacenter = at_name(gate, name);

    if (!datacenter) return HS_DC_INITIALIZING;
    return within_reach(&datacenter->reach,
                        hs_dc_for_job((enum hs_dc_state)datacenter->health.shown,
                                      datacenter->cores_free, cores_needed));
}
