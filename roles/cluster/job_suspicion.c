// SPDX-License-Identifier: Apache-2.0
/* job_suspicion.c - slots in three lists (of their job, of their node, of their bucket), each
 * with the timer of its number. The wheel runs on the table's own time. */
#include "roles/cluster/job_suspicion.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

enum { NEXT, PREVIOUS };

HS_STATIC_ASSERT(HS_JOBS_MAX <= UINT16_MAX && HS_JOB_SUSPICION_NODES <= UINT16_MAX,
                 "numbers fit a slot");

void hs_job_suspicion_init(struct hs_job_suspicion              *table,
                           const struct hs_job_suspicion_config *config, uint64_t now_ns)
{
    HS_ASSERT(config->slot_count <= HS_JOB_SUSPICION_SLOTS);
    table->config = *config;
    table->last_ns = now_ns;
    hs_timer_wheel_init(&table->wheel, table->timers, config->slot_count, now_ns);
}

/* Now, in the table's own time. */
static uint64_t advance(struct hs_job_suspicion *table, uint64_t now_ns)
{
    uint64_t passed_ns = now_ns > table->last_ns ? now_ns - table->last_ns : 0;

    if (table->is_held)
        table->held_ns += passed_ns;
    else if (passed_ns > table->config.stall_ns)
        table->held_ns += passed_ns - table->config.stall_ns;
    table->last_ns += passed_ns;
    return table->last_ns - table->held_ns;
}

/* ---- lists ---- */

static uint32_t bucket_of(uint32_t job, uint32_t node)
{
    return (job * UINT32_C(2654435761) + node) % HS_JOB_SUSPICION_BUCKETS;
}

static uint32_t find(const struct hs_job_suspicion *table, uint32_t job, uint32_t node)
{
    uint32_t at_1 = table->buckets[bucket_of(job, node)];

    while (at_1 && (table->slots[at_1 - 1].job != job || table->slots[at_1 - 1].node != node))
        at_1 = table->slots[at_1 - 1].in_bucket;
    return at_1;
}

static uint32_t *links_of(struct hs_job_suspicion *table, uint32_t at_1, bool is_node)
{
    return is_node ? table->slots[at_1 - 1].in_node : table->slots[at_1 - 1].in_job;
}

static void enter_list(struct hs_job_suspicion *table, struct hs_job_list *list, uint32_t at_1,
                       bool is_node)
{
    uint32_t *links = links_of(table, at_1, is_node);

    links[NEXT] = list->first_1;
    links[PREVIOUS] = 0;
    if (list->first_1) links_of(table, list->first_1, is_node)[PREVIOUS] = at_1;
    list->first_1 = at_1;
    list->count++;
}

static void leave_list(struct hs_job_suspicion *table, struct hs_job_list *list, uint32_t at_1,
                       bool is_node)
{
    const uint32_t *links = links_of(table, at_1, is_node);

    HS_ASSERT(list->count > 0);
    if (links[NEXT]) links_of(table, links[NEXT], is_node)[PREVIOUS] = links[PREVIOUS];
    if (links[PREVIOUS])
        links_of(table, links[PREVIOUS], is_node)[NEXT] = links[NEXT];
    else
        list->first_1 = links[NEXT];
    list->count--;
}

static void count_state(struct hs_job_list *list, uint8_t state, bool is_more)
{
    uint32_t *count = state == HS_JOB_SLOT_SUSPECT ? &list->suspect_count
                      : state == HS_JOB_SLOT_DEAD  ? &list->dead_count
                                                   : NULL;

    if (count) *count = is_more ? *count + 1 : *count - 1;
}

static void set_state(struct hs_job_suspicion *table, struct hs_job_slot *slot, uint8_t state)
{
    count_state(&table->jobs[slot->job], slot->state, false);
    count_state(&table->nodes[slot->node], slot->state, false);
    slot->state = state;
    count_state(&table->jobs[slot->job], slot->state, true);
    count_state(&table->nodes[slot->node], slot->state, true);
}

/* ---- one slot ---- */

/* State and what ends it, together: while its node may be gone altogether, nothing does. */
static void enter(struct hs_job_suspicion *table, uint32_t at_1, uint8_t state, uint64_t own_ns,
                  uint64_t for_ns)
{
    struct hs_job_slot *slot = &table->slots[at_1 - 1];
    bool                is_frozen = table->health[slot->node] != HS_JOB_HEALTH_ALIVE;

    set_state(table, slot, state);
    slot->remaining_ns = for_ns;
    if (state == HS_JOB_SLOT_DEAD || is_frozen)
        hs_timer_cancel(&table->wheel, at_1 - 1);
    else
        hs_timer_arm(&table->wheel, at_1 - 1, own_ns + for_ns);
}

static uint64_t remaining_of(const struct hs_job_suspicion *table, uint32_t at_1, uint64_t own_ns)
{
    uint64_t deadline_ns = table->timers[at_1 - 1].deadline_ns;

    if (!hs_timer_is_armed(&table->wheel, at_1 - 1)) return table->slots[at_1 - 1].remaining_ns;
    return deadline_ns > own_ns ? deadline_ns - own_ns : 0;
}

static void release(struct hs_job_suspicion *table, uint32_t at_1)
{
    struct hs_job_slot *slot = &table->slots[at_1 - 1];
    uint32_t           *link = &table->buckets[bucket_of(slot->job, slot->node)];

    hs_timer_cancel(&table->wheel, at_1 - 1);
    set_state(table, slot, HS_JOB_SLOT_FREE);
    leave_list(table, &table->jobs[slot->job], at_1, false);
    leave_list(table, &table->nodes[slot->node], at_1, true);
    while (*link != at_1) link = &table->slots[*link - 1].in_bucket;
    *link = slot->in_bucket;
    *slot = (struct hs_job_slot){.in_bucket = table->free_1};
    table->free_1 = at_1;
    HS_ASSERT(table->used_count > 0);
    table->used_count--;
}

/* A slot's number + 1; 0: there is no room. */
static uint32_t take(struct hs_job_suspicion *table)
{
    uint32_t at_1 = table->free_1;

    if (at_1)
        table->free_1 = table->slots[at_1 - 1].in_bucket;
    else if (table->high < table->config.slot_count)
        at_1 = ++table->high;
    return at_1;
}

void hs_job_suspicion_watch(struct hs_job_suspicion *table, uint32_t job, uint32_t node,
                            uint64_t now_ns)
{
    uint64_t  own_ns = advance(table, now_ns);
    uint32_t *bucket = &table->buckets[bucket_of(job, node)];
    uint32_t  at_1;

    HS_ASSERT(job < HS_JOBS_MAX && node < HS_JOB_SUSPICION_NODES);
    if (find(table, job, node) || table->health[node] == HS_JOB_HEALTH_DEAD_NODE) return;
    at_1 = table->jobs[job].count < HS_JOB_SUSPICION_OF_JOB_MAX ? take(table) : 0;
    if (!at_1) {
        table->counts.refused++;
        return;
    }
    table->slots[at_1 - 1] =
        (struct hs_job_slot){.job = (uint16_t)job, .node = (uint16_t)node, .in_bucket = *bucket};
    table->slots[at_1 - 1].heard_ns = own_ns;
    *bucket = at_1;
    enter_list(table, &table->jobs[job], at_1, false);
    enter_list(table, &table->nodes[node], at_1, true);
    table->used_count++;
    enter(table, at_1, HS_JOB_SLOT_WATCHED, own_ns, table->config.silence_ns);
}

bool hs_job_suspicion_news(struct hs_job_suspicion *table, uint32_t job, uint32_t node,
                           uint64_t seq, uint64_t now_ns)
{
    uint64_t            own_ns = advance(table, now_ns);
    uint32_t            at_1 = find(table, job, node);
    struct hs_job_slot *slot = at_1 ? &table->slots[at_1 - 1] : NULL;
    bool                was_suspect;

    if (!slot || slot->state == HS_JOB_SLOT_DEAD || (seq && seq <= slot->seq)) return false;
    if (seq) slot->seq = seq;
    was_suspect = slot->state == HS_JOB_SLOT_SUSPECT;
    slot->heard_ns = own_ns;
    slot->grace_ns = 0;
    enter(table, at_1, HS_JOB_SLOT_WATCHED, own_ns, table->config.silence_ns);
    return was_suspect;
}

void hs_job_suspicion_rest(struct hs_job_suspicion *table, uint32_t job, uint32_t node)
{
    uint32_t at_1 = find(table, job, node);

    if (at_1 && table->slots[at_1 - 1].state != HS_JOB_SLOT_DEAD) release(table, at_1);
}

void hs_job_suspicion_end_job(struct hs_job_suspicion *table, uint32_t job)
{
    HS_ASSERT(job < HS_JOBS_MAX);
    while (table->jobs[job].first_1) release(table, table->jobs[job].first_1);
}

/* ---- the node ---- */

static void forget_node(struct hs_job_suspicion *table, uint32_t node)
{
    while (table->nodes[node].first_1) release(table, table->nodes[node].first_1);
}

static void freeze(struct hs_job_suspicion *table, uint32_t at_1, uint64_t own_ns)
{
    if (!hs_timer_is_armed(&table->wheel, at_1 - 1)) return;
    table->slots[at_1 - 1].remaining_ns = remaining_of(table, at_1, own_ns);
    hs_timer_cancel(&table->wheel, at_1 - 1);
}

static void thaw(struct hs_job_suspicion *table, uint32_t at_1, uint64_t own_ns)
{
    const struct hs_job_slot *slot = &table->slots[at_1 - 1];

    if (slot->state != HS_JOB_SLOT_DEAD)
        hs_timer_arm(&table->wheel, at_1 - 1, own_ns + slot->remaining_ns);
}

void hs_job_suspicion_node(struct hs_job_suspicion *table, uint32_t node, enum hs_job_health health,
                           uint64_t now_ns)
{
    uint64_t own_ns = advance(table, now_ns);

    HS_ASSERT(node < HS_JOB_SUSPICION_NODES);
    if (table->health[node] == health) return;
    table->health[node] = (uint8_t)health;
    if (health == HS_JOB_HEALTH_DEAD_NODE) forget_node(table, node);
    for (uint32_t at_1 = table->nodes[node].first_1; at_1;
         at_1 = table->slots[at_1 - 1].in_node[NEXT])
        if (health == HS_JOB_HEALTH_ALIVE)
            thaw(table, at_1, own_ns);
        else
            freeze(table, at_1, own_ns);
}

void hs_job_suspicion_registered(struct hs_job_suspicion *table, uint32_t node, bool is_new_life)
{
    HS_ASSERT(node < HS_JOB_SUSPICION_NODES);
    if (is_new_life) forget_node(table, node);
    for (uint32_t at_1 = table->nodes[node].first_1; at_1;
         at_1 = table->slots[at_1 - 1].in_node[NEXT])
        table->slots[at_1 - 1].seq = 0;
}

/* ---- more time, and less ---- */

void hs_job_suspicion_extend(struct hs_job_suspicion *table, uint32_t node, uint64_t by_ns,
                             uint64_t grace_ns, uint64_t now_ns)
{
    uint64_t own_ns = advance(table, now_ns);

    for (uint32_t at_1 = table->nodes[node].first_1; at_1;
         at_1 = table->slots[at_1 - 1].in_node[NEXT]) {
        struct hs_job_slot *slot = &table->slots[at_1 - 1];
        uint64_t            left_ns = remaining_of(table, at_1, own_ns);

        if (slot->state == HS_JOB_SLOT_DEAD ||
            own_ns - slot->heard_ns < table->config.silence_ns / 2)
            continue;
        slot->grace_ns = grace_ns;
        slot->extended_ns += by_ns;
        if (slot->state == HS_JOB_SLOT_SUSPECT) left_ns = 0; /* its time is over already */
        enter(table, at_1, HS_JOB_SLOT_WATCHED, own_ns, left_ns + by_ns);
    }
}

void hs_job_suspicion_expire(struct hs_job_suspicion *table, uint32_t node, uint64_t silent_ns,
                             uint64_t now_ns)
{
    uint64_t own_ns = advance(table, now_ns);

    for (uint32_t at_1 = table->nodes[node].first_1; at_1;
         at_1 = table->slots[at_1 - 1].in_node[NEXT]) {
        const struct hs_job_slot *slot = &table->slots[at_1 - 1];

        if (slot->state != HS_JOB_SLOT_DEAD && own_ns - slot->heard_ns >= silent_ns)
            enter(table, at_1, HS_JOB_SLOT_SUSPECT, own_ns, 0);
    }
}

uint64_t hs_job_suspicion_remaining_ns(struct hs_job_suspicion *table, uint32_t node,
                                       uint64_t now_ns)
{
    uint64_t own_ns = advance(table, now_ns);
    uint64_t least_ns = HS_NEVER_NS;

    for (uint32_t at_1 = table->nodes[node].first_1; at_1;
         at_1 = table->slots[at_1 - 1].in_node[NEXT])
        if (table->slots[at_1 - 1].state != HS_JOB_SLOT_DEAD)
            least_ns = hs_min_u64(least_ns, remaining_of(table, at_1, own_ns));
    return least_ns;
}

uint64_t hs_job_suspicion_extended_ns(const struct hs_job_suspicion *table, uint32_t job,
                                      uint32_t node)
{
    uint32_t at_1 = find(table, job, node);

    return at_1 ? table->slots[at_1 - 1].extended_ns : 0;
}

void hs_job_suspicion_hold(struct hs_job_suspicion *table, bool is_held, uint64_t now_ns)
{
    (void)advance(table, now_ns);
    table->is_held = is_held;
}

/* ---- time ---- */

bool hs_job_suspicion_next(struct hs_job_suspicion *table, uint64_t now_ns,
                           struct hs_job_verdict *verdict)
{
    uint64_t                  own_ns = advance(table, now_ns);
    const struct hs_job_slot *slot;
    uint32_t                  idx;

    if (!hs_timer_wheel_pop(&table->wheel, own_ns, &idx)) return false;
    slot = &table->slots[idx];
    HS_ASSERT(slot->state == HS_JOB_SLOT_WATCHED || slot->state == HS_JOB_SLOT_SUSPECT);
    if (slot->state == HS_JOB_SLOT_WATCHED) {
        table->counts.suspicions++;
        enter(table, idx + 1, HS_JOB_SLOT_SUSPECT, own_ns,
              hs_max_u64(slot->grace_ns, table->config.suspect_ns));
    } else {
        table->counts.deaths++;
        enter(table, idx + 1, HS_JOB_SLOT_DEAD, own_ns, 0);
    }
    *verdict = (struct hs_job_verdict){
        .state = (enum hs_job_slot_state)slot->state, .job = slot->job, .node = slot->node};
    return true;
}

uint64_t hs_job_suspicion_deadline_ns(const struct hs_job_suspicion *table)
{
    uint64_t own_ns = hs_timer_wheel_deadline_ns(&table->wheel);

    return own_ns == HS_NEVER_NS || table->is_held ? HS_NEVER_NS : own_ns + table->held_ns;
}

enum hs_job_health hs_job_suspicion_of(const struct hs_job_suspicion *table, uint32_t job,
                                       uint32_t node)
{
    enum hs_job_health health = (enum hs_job_health)table->health[node];
    uint32_t           at_1 = find(table, job, node);
    enum hs_job_health of_job = HS_JOB_HEALTH_ALIVE;

    if (at_1 && table->slots[at_1 - 1].state == HS_JOB_SLOT_SUSPECT) of_job = HS_JOB_HEALTH_SUSPECT;
    if (at_1 && table->slots[at_1 - 1].state == HS_JOB_SLOT_DEAD) of_job = HS_JOB_HEALTH_DEAD;
    return of_job > health ? of_job : health;
}

/* ---- the same, counted again ---- */

static unsigned recount(struct hs_job_suspicion *table, struct hs_job_list *list, bool is_node)
{
    struct hs_job_list counted = {.first_1 = list->first_1};

    for (uint32_t at_1 = list->first_1; at_1; at_1 = links_of(table, at_1, is_node)[NEXT]) {
        counted.count++;
        count_state(&counted, table->slots[at_1 - 1].state, true);
    }
    if (memcmp(&counted, list, sizeof counted) == 0) return 0;
    *list = counted;
    return 1;
}

static unsigned recount_used(struct hs_job_suspicion *table)
{
    uint32_t used_count = 0;

    for (uint32_t i = 0; i < table->high; i++)
        used_count += table->slots[i].state != HS_JOB_SLOT_FREE;
    if (used_count == table->used_count) return 0;
    table->used_count = used_count;
    return 1;
}

static unsigned check_slot(struct hs_job_suspicion *table, uint32_t at_1, uint64_t own_ns)
{
    const struct hs_job_slot *slot = &table->slots[at_1 - 1];
    bool                      is_to_run =
        slot->state != HS_JOB_SLOT_DEAD && table->health[slot->node] == HS_JOB_HEALTH_ALIVE;

    if (slot->state == HS_JOB_SLOT_FREE) return 0;
    if (table->health[slot->node] == HS_JOB_HEALTH_DEAD_NODE) {
        release(table, at_1);
        return 1;
    }
    if (hs_timer_is_armed(&table->wheel, at_1 - 1) == is_to_run) return 0;
    if (is_to_run)
        hs_timer_arm(&table->wheel, at_1 - 1,
                     own_ns + (slot->state == HS_JOB_SLOT_SUSPECT ? table->config.suspect_ns
                                                                  : table->config.silence_ns));
    else
        hs_timer_cancel(&table->wheel, at_1 - 1);
    return 1;
}

unsigned hs_job_suspicion_reconcile(struct hs_job_suspicion *table, uint64_t now_ns)
{
    uint64_t own_ns = advance(table, now_ns);
    unsigned repaired = 0;

    if (!table->high) return 0;
    repaired += recount_used(table);
    for (uint32_t i = 0; i < HS_JOBS_MAX; i++) repaired += recount(table, &table->jobs[i], false);
    for (uint32_t i = 0; i < HS_JOB_SUSPICION_NODES; i++)
        repaired += recount(table, &table->nodes[i], true);
    for (uint32_t i = 1; i <= table->high; i++) repaired += check_slot(table, i, own_ns);
    table->counts.repaired += repaired;
    return repaired;
}
