// SPDX-License-Identifier: Apache-2.0
/* workers.c - rows of workers, kept by what they say. */
#include "roles/manager/workers.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>

/* An engine that died is back within this (design.md 8: a quarter of a second, four times over). */
#define ENGINE_GRACE_NS HS_NS_PER_S
#define GONE_NS         (300 * HS_NS_PER_S)
#define EXTENDED_NS     (120 * HS_NS_PER_S) /* so long a question for more time counts */

struct hs_manager_worker *hs_workers_find(struct hs_workers *workers, const uint8_t id[16])
{
    for (uint32_t i = 0; i < workers->high; i++) {
        struct hs_manager_worker *worker = &workers->at[i];

        if (worker->is_used && memcmp(worker->id, id, sizeof worker->id) == 0) return worker;
    }
    return NULL;
}

struct hs_manager_worker *hs_workers_find_link(struct hs_workers *workers, uint32_t link)
{
    for (uint32_t i = 0; i < workers->high; i++)
        if (workers->at[i].is_used && workers->at[i].link == link) return &workers->at[i];
    return NULL;
}

/* A free slot, a fresh one, or the one that was silent longest; for one that comes itself, also
 * that of one that others only tell of. */
static struct hs_manager_worker *take_slot(struct hs_workers *workers, bool is_told)
{
    struct hs_manager_worker *oldest = NULL;
    struct hs_manager_worker *told = NULL;

    for (uint32_t i = 0; i < workers->high; i++) {
        struct hs_manager_worker *worker = &workers->at[i];

        if (!worker->is_used) return worker;
        if (!is_told && hs_workers_is_told(worker)) told = worker;
        if (worker->is_lost && (!oldest || worker->heard_at_ns < oldest->heard_at_ns))
            oldest = worker;
    }
    if (workers->high < HS_WORKERS_MAX) return &workers->at[workers->high++];
    return oldest ? oldest : told;
}

static uint64_t all_engines(uint16_t cores)
{
    return cores >= 64 ? UINT64_MAX : (UINT64_C(1) << cores) - 1;
}

static void set_engines(struct hs_manager_worker *worker, uint64_t mask, uint64_t now_ns)
{
    if (worker->engines_mask == mask) return;
    worker->engines_mask = mask;
    worker->engines_changed_at_ns = now_ns;
}

static void fill_worker(struct hs_manager_worker *worker, const struct hs_msg_wreg *wreg,
                        uint64_t now_ns)
{
    worker->cores = wreg->cores;
    worker->cores_free_told = wreg->cores;
    worker->generation = wreg->generation;
    worker->heard_at_ns = now_ns;
    worker->is_reconciled = false;
    worker->is_listing = false;
    worker->is_draining = false;
    worker->is_lost = false;
    worker->has_left = false;
    worker->hold = (struct hs_worker_hold){0};
    worker->reconcile_at_ns = 0;
    worker->ping_nonce = 0;
    worker->pinged_at_ns = 0;
    worker->round_trip_ns = 0;
    worker->mismatch_count = 0;
    memcpy(worker->name, wreg->name, sizeof worker->name);
    memcpy(worker->datacenter, wreg->datacenter, sizeof worker->datacenter);
    set_engines(worker, wreg->engines_mask, now_ns);
}

int hs_workers_register(struct hs_workers *workers, const struct hs_msg_wreg *wreg, uint32_t link,
                        uint64_t now_ns, struct hs_manager_worker **worker)
{
    struct hs_manager_worker *known = hs_workers_find(workers, wreg->worker);
    bool                      is_same = known && known->incarnation == wreg->incarnation;
    bool                      is_back = known && !hs_workers_is_told(known);
    bool                      was_dead = known && (known->is_lost || !is_same);

    if (wreg->cores == 0 || wreg->cores > HS_ENGINES_MAX) return -EINVAL;
    if (known && wreg->incarnation < known->incarnation) return -EINVAL; /* a ghost */
    if (is_back && !known->is_lost && strcmp(known->name, wreg->name) != 0) return -EEXIST;
    hs_workers_link_down(workers, link);
    if (!known) {
        known = take_slot(workers, false);
        if (!known) return -ENOBUFS;
        if (!known->is_used) workers->count++;
        *known = (struct hs_manager_worker){.is_used = true, .joined_at_ns = now_ns};
        memcpy(known->id, wreg->worker, sizeof known->id);
        hs_breaker_init(&known->breaker, now_ns);
    }
    if (is_back)
        hs_flap_note(&known->flap, was_dead ? HS_FLAP_FROM_DEAD : HS_FLAP_FROM_SUSPECT, now_ns);
    hs_breaker_met(&known->breaker, wreg->incarnation, wreg->generation, now_ns);
    if (wreg->incarnation > known->word.incarnation) {
        known->word = (struct hs_worker_word){0};
        known->watch = (struct hs_worker_watch){0};
    }
    known->incarnation = wreg->incarnation;
    known->link = link;
    known->session = workers->session_base + ++workers->session_count;
    fill_worker(known, wreg, now_ns);
    *worker = known;
    return is_same ? 2 : 1;
}

bool hs_workers_heartbeat(struct hs_manager_worker *worker, const struct hs_msg_whb *whb,
                          uint64_t now_ns)
{
    if (whb->session != worker->session) return false;
    worker->heard_at_ns = now_ns;
    worker->results_waiting = whb->results_waiting;
    (void)hs_level_take(&worker->load, (unsigned)hs_min_u64(whb->load, HS_NODE_OVERLOADED), now_ns);
    worker->cores_free_told = whb->cores_free;
    hs_breaker_heard(&worker->breaker, now_ns);
    worker->is_draining = whb->draining != 0;
    set_engines(worker, whb->engines_mask, now_ns);
    return true;
}

void hs_workers_take_owner(struct hs_workers *workers, struct hs_manager_worker *worker,
                           const uint8_t owner[16], uint64_t epoch)
{
    struct hs_worker_word *word = &worker->word;
    struct hs_node_id      id;

    memcpy(id.bytes, owner, sizeof id.bytes);
    if (!epoch || hs_node_id_is_none(&id)) return;
    if (word->incarnation > worker->incarnation || word->epoch >= epoch) return;
    *word =
        (struct hs_worker_word){.owner = id, .incarnation = worker->incarnation, .epoch = epoch};
    workers->owner_changes++;
}

struct hs_manager_worker *hs_workers_add_told(struct hs_workers          *workers,
                                              const struct hs_star_entry *entry, uint64_t now_ns)
{
    struct hs_manager_worker *worker = take_slot(workers, true);

    if (!worker) return NULL;
    if (!worker->is_used) workers->count++;
    *worker = (struct hs_manager_worker){
        .is_used = true, .joined_at_ns = now_ns, .incarnation = entry->incarnation};
    memcpy(worker->id, entry->worker.bytes, sizeof worker->id);
    hs_breaker_init(&worker->breaker, now_ns);
    return worker;
}

void hs_workers_link_down(struct hs_workers *workers, uint32_t link)
{
    struct hs_manager_worker *worker = hs_workers_find_link(workers, link);

    if (!worker) return;
    worker->link = 0;
    worker->is_reconciled = false;
}

static bool are_all_engines_up(const struct hs_manager_worker *worker)
{
    uint64_t all = all_engines(worker->cores);

    return (worker->engines_mask & all) == all;
}

uint32_t hs_workers_up_cores(const struct hs_manager_worker *worker)
{
    return (uint32_t)__builtin_popcountll(worker->engines_mask & all_engines(worker->cores));
}

uint64_t hs_workers_usable_at_ns(const struct hs_manager_worker *worker)
{
    if (are_all_engines_up(worker)) return HS_NEVER_NS;
    return worker->engines_changed_at_ns + ENGINE_GRACE_NS;
}

uint32_t hs_workers_usable_cores(const struct hs_manager_worker *worker, uint64_t now_ns)
{
    if (!worker->is_used || !worker->link || !worker->is_reconciled) return 0;
    if (worker->is_draining || worker->is_lost || hs_workers_is_held(worker)) return 0;
    if (are_all_engines_up(worker)) return worker->cores;
    return now_ns < hs_workers_usable_at_ns(worker) ? 0 : hs_workers_up_cores(worker);
}

enum hs_node_load hs_workers_bucket(const struct hs_manager_worker *worker)
{
    return (enum hs_node_load)worker->load.shown;
}

void hs_workers_forget(struct hs_workers *workers, struct hs_manager_worker *worker)
{
    HS_ASSERT(worker->is_used && workers->count > 0);
    *worker = (struct hs_manager_worker){0};
    workers->count--;
}

static bool is_suspect(const struct hs_manager_worker *worker)
{
    const struct hs_worker_word *word = &worker->word;

    if (worker->watch.suspect_at_ns || hs_workers_is_held(worker)) return true;
    return word->state == HS_STAR_SUSPECTED && !word->is_void &&
           word->told_at_ns > worker->heard_at_ns;
}

static uint64_t silent_at_ns(const struct hs_manager_worker *worker, uint64_t lost_after_ns)
{
    return hs_max_u64(worker->heard_at_ns, worker->hold.spared_at_ns) + lost_after_ns;
}

static void judge(struct hs_manager_worker *worker, uint64_t now_ns, uint64_t lost_after_ns)
{
    if (worker->is_lost) return;
    if (now_ns < silent_at_ns(worker, lost_after_ns) && !hs_workers_is_condemned(worker))
        worker->hold = (struct hs_worker_hold){.spared_at_ns = worker->hold.spared_at_ns};
    else if (!worker->hold.doomed_at_ns)
        worker->hold.doomed_at_ns = hs_max_u64(now_ns, 1);
}

/* A crowd does not fall silent in one moment: whoever seems to follow the first one belongs to it.
 */
static bool is_following(const struct hs_manager_worker *worker, uint64_t now_ns,
                         uint64_t lost_after_ns)
{
    uint64_t heard_ns = silent_at_ns(worker, lost_after_ns) - lost_after_ns;

    return !worker->is_lost && (is_suspect(worker) || now_ns - heard_ns >= lost_after_ns * 2 / 5);
}

static bool is_counted(const struct hs_workers *workers, const struct hs_manager_worker *worker,
                       uint64_t now_ns, uint64_t lost_after_ns)
{
    if (worker->hold.doomed_at_ns)
        return hs_brake_counts(&workers->brake, worker->hold.doomed_at_ns, now_ns);
    return is_following(worker, now_ns, lost_after_ns);
}

enum hs_brake_turn hs_workers_brake(struct hs_workers *workers, uint64_t now_ns,
                                    uint64_t lost_after_ns, uint32_t *lost, uint32_t *all)
{
    uint32_t held = 0;

    *lost = *all = 0;
    for (uint32_t i = 0; i < workers->high; i++) {
        struct hs_manager_worker *worker = &workers->at[i];
        bool                      is_among;

        if (!worker->is_used || hs_workers_is_told(worker) || worker->has_left) continue;
        judge(worker, now_ns, lost_after_ns);
        is_among = is_counted(workers, worker, now_ns, lost_after_ns);
        *lost += is_among;
        *all += is_among || !worker->is_lost;
        held += hs_workers_is_held(worker);
    }
    return hs_brake_turn(&workers->brake, now_ns, *lost, *all, held);
}

enum hs_worker_turn hs_workers_turn(struct hs_workers *workers, struct hs_manager_worker *worker,
                                    uint64_t now_ns, uint64_t lost_after_ns, uint64_t *due_ns)
{
    *due_ns = HS_NEVER_NS;
    if (!worker->is_used || hs_workers_is_told(worker)) return HS_WORKER_STAYS;
    if (worker->is_lost) {
        *due_ns = worker->heard_at_ns + hs_max_u64(GONE_NS, 2 * lost_after_ns);
        if (now_ns < *due_ns) return HS_WORKER_STAYS;
        hs_workers_forget(workers, worker);
        return HS_WORKER_FORGOTTEN;
    }
    *due_ns = silent_at_ns(worker, lost_after_ns);
    if (now_ns < *due_ns && !hs_workers_is_condemned(worker)) return HS_WORKER_STAYS;
    *due_ns = workers->brake.until_ns;
    if (workers->brake.until_ns) return HS_WORKER_STAYS;
    worker->is_lost = true;
    *due_ns = worker->heard_at_ns + hs_max_u64(GONE_NS, 2 * lost_after_ns);
    return HS_WORKER_LOST;
}

void hs_workers_relieve(struct hs_workers *workers, uint64_t now_ns)
{
    struct hs_breaker *breakers[HS_WORKERS_MAX];
    unsigned           count = 0;

    for (uint32_t i = 0; i < workers->high; i++)
        if (workers->at[i].is_used && workers->at[i].link)
            breakers[count++] = &workers->at[i].breaker;
    hs_breaker_relieve(breakers, count, now_ns);
}

/* By the word of another manager, which is connected to it while we are not. */
static enum hs_node_state state_told(const struct hs_worker_word *word)
{
    if (word->state == HS_STAR_DEAD) return HS_NODE_LOST;
    if (word->state == HS_STAR_LEFT) return HS_NODE_LEFT;
    return word->state == HS_STAR_REGISTERED && !word->is_void ? HS_NODE_REMOTE : HS_NODE_SUSPECT;
}

static enum hs_node_state state_of(const struct hs_manager_worker *worker)
{
    bool is_vouched = worker->word.state == HS_STAR_REGISTERED && !worker->word.is_void &&
                      worker->word.told_at_ns;

    if (worker->has_left) return HS_NODE_LEFT;
    if (hs_workers_is_told(worker) || (!worker->link && is_vouched))
        return state_told(&worker->word);
    if (worker->is_lost) return HS_NODE_LOST;
    if (!worker->link || is_suspect(worker)) return HS_NODE_SUSPECT;
    if (worker->is_draining) return HS_NODE_DRAINING;
    return worker->is_reconciled ? HS_NODE_ALIVE : HS_NODE_JOINING;
}

uint16_t hs_workers_extended(const struct hs_workers *workers, uint64_t now_ns)
{
    unsigned count = 0;

    for (uint32_t i = 0; i < workers->high; i++) {
        const struct hs_manager_worker *worker = &workers->at[i];
        uint64_t                        asked_at_ns = worker->extension.asked_at_ns;

        count += worker->is_used && asked_at_ns && now_ns - asked_at_ns < EXTENDED_NS;
    }
    HS_STATIC_ASSERT(HS_WORKERS_MAX <= UINT16_MAX, "all of them can be told");
    return (uint16_t)count;
}

void hs_workers_row(const struct hs_manager_worker *worker, uint32_t busy_cores,
                    uint32_t exec_count, struct hs_worker_row *row)
{
    *row = (struct hs_worker_row){
        .address = "-",
        .incarnation = worker->incarnation,
        .generation = worker->generation,
        .session = worker->session,
        .joined_at_ns = worker->joined_at_ns,
        .heard_at_ns = hs_max_u64(worker->heard_at_ns, worker->word.heard_at_ns),
        .round_trip_ns = worker->round_trip_ns,
        .state = state_of(worker),
        .load = hs_workers_bucket(worker),
        .cores_total = worker->cores,
        .cores_free = worker->cores > busy_cores ? worker->cores - busy_cores : 0,
        .execs = exec_count,
        .engines_down = worker->cores - hs_workers_up_cores(worker),
        .results_waiting = worker->results_waiting,
        .breaker = worker->breaker.state,
        .is_damped = worker->flap.is_damped,
        .extensions = worker->extension.grants,
        .owner_epoch = worker->word.epoch,
    };
    if (hs_workers_is_told(worker)) {
        row->cores_free = worker->word.cores_free;
        row->engines_down = 0; /* not told */
    }
    memcpy(row->node_id, worker->id, sizeof row->node_id);
    memcpy(row->name, worker->name, sizeof row->name);
    memcpy(row->datacenter, worker->datacenter, sizeof row->datacenter);
}
