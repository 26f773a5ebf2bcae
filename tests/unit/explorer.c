// SPDX-License-Identifier: Apache-2.0
/* explorer.c - depth first through all orders; see explorer.h. */
#include "tests/unit/explorer.h"

#include "shm/base/assert.h"

#include <setjmp.h>
#include <stdalign.h>
#include <string.h>

enum { SEEN_SLOTS = 1 << 21, CHUNK_WORDS_MAX = 4 };

/* A store that is not yet visible: count words from idx on, all of one value. */
struct late_store {
    uint64_t idx;
    uint64_t count;
    uint64_t value;
};

struct actor {
    uint64_t          is_done;
    uint64_t          life;
    uint64_t          op_count; /* steps done in this life */
    uint64_t          load_count;
    uint64_t          loads[EXPLORER_LOADS_MAX]; /* what they gave */
    uint64_t          late_count;
    struct late_store late[EXPLORER_BUFFER];
};

/* All of it is hashed: what is not in use stays zero. */
struct state {
    alignas(128) uint64_t memory[EXPLORER_WORDS];
    struct actor         actors[EXPLORER_ACTORS_MAX];
    uint64_t             note_count;
    struct explorer_note notes[EXPLORER_NOTES_MAX];
};

/* The run in progress; tests are single-threaded. */
static struct {
    const struct explorer_model *model;
    struct explorer_result       result;
    struct state                 now;
    struct actor                *running; /* NULL: accesses are no steps */
    uint64_t                     running_idx;
    uint64_t op_idx; /* of the running actor's run: replayed while below op_count */
    uint64_t load_idx;
    bool     is_stepped;
    jmp_buf  stop;
    uint64_t seen_count;
    uint64_t seen[SEEN_SLOTS];
} explorer;

static bool is_shared(const void *pointer)
{
    const char *base = (const char *)explorer.now.memory;

    return (const char *)pointer >= base &&
           (const char *)pointer < base + sizeof explorer.now.memory;
}

static uint64_t idx_of(const void *pointer)
{
    HS_ASSERT(is_shared(pointer));
    return (uint64_t)((const uint64_t *)pointer - explorer.now.memory);
}

/* True: this step was done before and only its result counts. The second new step of a run ends the
 * run. */
static bool is_replayed(void)
{
    struct actor *actor = explorer.running;

    if (explorer.op_idx++ < actor->op_count) return true;
    if (explorer.is_stepped) longjmp(explorer.stop, 1);
    explorer.is_stepped = true;
    actor->op_count++;
    return false;
}

static void apply(const struct late_store *store)
{
    for (uint64_t i = 0; i < store->count; i++) explorer.now.memory[store->idx + i] = store->value;
}

static void make_visible(struct actor *actor, uint64_t at)
{
    apply(&actor->late[at]);
    actor->late_count--;
    memmove(&actor->late[at], &actor->late[at + 1],
            (size_t)(actor->late_count - at) * sizeof actor->late[0]);
    memset(&actor->late[actor->late_count], 0, sizeof actor->late[0]);
}

static void put(uint64_t idx, uint64_t count, uint64_t value, bool is_release)
{
    const struct late_store store = {.idx = idx, .count = count, .value = value};
    struct actor           *actor = explorer.running;

    if (!actor) {
        apply(&store);
        return;
    }
    if (is_replayed()) return;
    if (is_release && !explorer.model->has_weak_releases) {
        while (actor->late_count) make_visible(actor, 0);
        apply(&store);
        return;
    }
    if (actor->late_count == EXPLORER_BUFFER) make_visible(actor, 0);
    actor->late[actor->late_count++] = store;
}

/* An actor sees its own late stores. */
static uint64_t get(uint64_t idx)
{
    struct actor *actor = explorer.running;
    uint64_t      value = explorer.now.memory[idx];

    if (!actor) return value;
    if (is_replayed()) return actor->loads[explorer.load_idx++];
    for (uint64_t i = 0; i < actor->late_count; i++)
        if (idx >= actor->late[i].idx && idx < actor->late[i].idx + actor->late[i].count)
            value = actor->late[i].value;
    HS_ASSERT(actor->load_count < EXPLORER_LOADS_MAX);
    actor->loads[actor->load_count++] = value;
    explorer.load_idx++;
    return value;
}

uint64_t explorer_load(const hs_word *word)
{
    return get(idx_of(word));
}

void explorer_store(hs_word *word, uint64_t value)
{
    put(idx_of(word), 1, value, true);
}

void explorer_words_store(hs_word *to, const uint64_t *from, size_t count)
{
    explorer_store(to, from[0]);
    explorer_store(&to[count - 1], from[count - 1]);
}

void explorer_words_load(uint64_t *to, const hs_word *from, size_t count)
{
    to[0] = explorer_load(from);
    to[count - 1] = explorer_load(&from[count - 1]);
}

void explorer_copy(void *to, const void *from, size_t bytes)
{
    uint64_t half = bytes / HS_WORD_BYTES / 2;
    uint64_t words[2 * CHUNK_WORDS_MAX];

    if (!is_shared(to) && !is_shared(from)) {
        memcpy(to, from, bytes);
        return;
    }
    HS_ASSERT(bytes == sizeof words);
    if (is_shared(to)) {
        memcpy(words, from, sizeof words);
        put(idx_of(to), half, words[0], false);
        put(idx_of(to) + half, half, words[half], false);
        return;
    }
    words[0] = get(idx_of(from));
    words[half] = get(idx_of(from) + half);
    for (uint64_t i = 1; i < half; i++) {
        words[i] = words[0];
        words[half + i] = words[half];
    }
    memcpy(to, words, sizeof words);
}

void *explorer_memory(void)
{
    return explorer.now.memory;
}

uint64_t explorer_crash_count(unsigned actor)
{
    return explorer.now.actors[actor].life;
}

void explorer_note(uint64_t value)
{
    struct actor *actor = explorer.running;

    if (explorer.op_idx++ < actor->op_count) return;
    actor->op_count++; /* belongs to the step before it */
    HS_ASSERT(explorer.now.note_count < EXPLORER_NOTES_MAX);
    explorer.now.notes[explorer.now.note_count++] =
        (struct explorer_note){.actor = explorer.running_idx, .value = value};
}

/* One step of the actor: to the edge of the next one, or to its end. */
static void step(unsigned idx)
{
    struct actor *actor = &explorer.now.actors[idx];

    explorer.running = actor;
    explorer.running_idx = idx;
    explorer.op_idx = 0;
    explorer.load_idx = 0;
    explorer.is_stepped = false;
    if (setjmp(explorer.stop) == 0) {
        explorer.model->actors[idx](explorer.now.actors[idx].life);
        explorer.running->is_done = 1;
    }
    explorer.running = NULL;
}

/* Killed: what it stored becomes visible all the same, what it knew is gone, its successor
 * starts. */
static void crash(unsigned idx)
{
    struct actor *actor = &explorer.now.actors[idx];
    uint64_t      life = actor->life + 1;

    while (actor->late_count) make_visible(actor, 0);
    memset(actor, 0, sizeof *actor);
    actor->life = life;
}

static uint64_t hash_now(void)
{
    const uint64_t *words = (const uint64_t *)(const void *)&explorer.now;
    uint64_t        hash = 0;

    for (size_t i = 0; i < sizeof explorer.now / sizeof *words; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash ? hash : 1;
}

/* Only hashes are kept: of a million states two share one of 64 bits once in 40 million runs. */
static bool is_new(void)
{
    uint64_t hash = hash_now();

    for (uint64_t at = hash;; at++) {
        uint64_t *slot = &explorer.seen[at % SEEN_SLOTS];

        if (*slot == hash) return false;
        if (*slot) continue;
        *slot = hash;
        return ++explorer.seen_count < SEEN_SLOTS / 4 * 3;
    }
}

/* Stores to one word become visible in their order. */
static bool can_be_visible(const struct actor *actor, uint64_t at)
{
    for (uint64_t i = 0; i < at; i++)
        if (actor->late[i].idx == actor->late[at].idx) return false;
    return true;
}

static void end(void)
{
    explorer.result.end_count++;
    if (!explorer.model->is_right(explorer.now.notes, explorer.now.note_count))
        explorer.result.wrong_count++;
}

static bool has_ended(void)
{
    for (unsigned i = 0; i < explorer.model->actor_count; i++)
        if (!explorer.now.actors[i].is_done || explorer.now.actors[i].late_count) return false;
    return true;
}

static void explore(void);

/* Each function below makes every move of one sort from here, and comes back to here. */
static void explore_steps(const struct state *here, unsigned idx)
{
    const struct actor *actor = &here->actors[idx];

    if (actor->is_done) return;
    step(idx);
    explore();
    explorer.now = *here;
    if (actor->life >= explorer.model->crashes_max[idx]) return;
    crash(idx);
    explore();
    explorer.now = *here;
}

static void explore_late_stores(const struct state *here, unsigned idx)
{
    for (uint64_t at = 0; at < here->actors[idx].late_count; at++) {
        if (!can_be_visible(&here->actors[idx], at)) continue;
        make_visible(&explorer.now.actors[idx], at);
        explore();
        explorer.now = *here;
    }
}

static void explore(void)
{
    struct state here;

    if (explorer.result.wrong_count || !is_new()) return; /* one fault is enough */
    explorer.result.state_count++;
    here = explorer.now;
    if (has_ended()) {
        end();
        explorer.now = here;
        return;
    }
    for (unsigned idx = 0; idx < explorer.model->actor_count; idx++) {
        explore_steps(&here, idx);
        explore_late_stores(&here, idx);
    }
}

struct explorer_result explorer_run(const struct explorer_model *model)
{
    memset(&explorer, 0, sizeof explorer);
    explorer.model = model;
    model->prepare(explorer.now.memory);
    explore();
    explorer.result.is_complete = explorer.seen_count < SEEN_SLOTS / 4 * 3;
    return explorer.result;
}
