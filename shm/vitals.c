// SPDX-License-Identifier: Apache-2.0
/* vitals.c - the page of a process: plain stores by its owner, a copy for readers. */
#include "shm/vitals.h"

#include "shm/base/assert.h"

#include <string.h>

HS_STATIC_ASSERT(sizeof(struct hs_vitals_shm) == HS_VITALS_PAGE_BYTES, "a page of the machine");
HS_STATIC_ASSERT(offsetof(struct hs_vitals_shm, heartbeat_ns) == 64, "the hot line");
HS_STATIC_ASSERT(offsetof(struct hs_vitals_shm, lag_taken) == 128, "one writer a line");
HS_STATIC_ASSERT(offsetof(struct hs_vitals_shm, backend) == 192, "one writer a line");

static void store_crumb(struct hs_vitals_shm *page, const struct hs_vitals_crumb *crumb)
{
    const uint64_t words[HS_VITALS_CRUMB_WORDS] = {
        crumb->phase, crumb->message_type, crumb->job_id[0], crumb->job_id[1], crumb->digest};

    hs_latch_store(page->crumb, words, HS_VITALS_CRUMB_WORDS);
}

static void load_crumb(const struct hs_vitals_shm *page, struct hs_vitals_crumb *crumb)
{
    uint64_t words[HS_VITALS_CRUMB_WORDS];

    *crumb = (struct hs_vitals_crumb){0};
    /* Busy: the process is alive and at work, so whoever asks does not look for what killed it. */
    if (hs_latch_load(page->crumb, words, HS_VITALS_CRUMB_WORDS) < 0) return;
    crumb->phase = (uint32_t)words[0];
    crumb->message_type = (uint32_t)words[1];
    crumb->job_id[0] = words[2];
    crumb->job_id[1] = words[3];
    crumb->digest = words[4];
}

struct hs_vitals_shm *hs_vitals_page(void *body, unsigned process_idx)
{
    HS_ASSERT(process_idx < HS_PROCESSES_MAX);
    return (struct hs_vitals_shm *)body + process_idx;
}

void hs_vitals_reset(struct hs_vitals_shm *page, uint64_t generation, uint32_t role_kind,
                     uint32_t role_idx, uint64_t now_ns)
{
    hs_word *words = (hs_word *)(void *)page;

    /* EMPTY first, so that a reader meanwhile does not take the old page for the new process. */
    hs_word_store(&page->state, HS_VITALS_EMPTY);
    for (size_t i = 0; i < offsetof(struct hs_vitals_shm, rest) / HS_WORD_BYTES; i++)
        hs_word_store(&words[i], 0);
    hs_word_store(&page->generation, generation);
    hs_word_store(&page->role_kind, role_kind);
    hs_word_store(&page->role_idx, role_idx);
    hs_word_store(&page->started_at_ns, now_ns);
    hs_word_store(&page->heartbeat_ns, now_ns); /* the watchdog counts from here */
    hs_word_store(&page->state, HS_VITALS_STARTING);
}

void hs_vitals_mark_dead(struct hs_vitals_shm *page)
{
    hs_word_store(&page->state, HS_VITALS_DEAD);
}

uint64_t hs_vitals_take_lag(struct hs_vitals_shm *page)
{
    uint64_t taken = hs_word_load(&page->lag_taken);
    uint64_t lag_ns = 0;

    /* Not seen yet: the process has not beaten since the last call, so there is no newer lag. */
    if (hs_word_load(&page->lag_taken_seen) == taken) lag_ns = hs_word_load(&page->loop_lag_ns);
    hs_word_store(&page->lag_taken, taken + 1);
    return lag_ns;
}

void hs_vitals_set_pid(struct hs_vitals_shm *page, uint32_t pid)
{
    hs_word_store(&page->pid, pid);
}

void hs_vitals_enter(struct hs_vitals_shm *page, enum hs_vitals_state state, uint64_t now_ns)
{
    HS_ASSERT(state < HS_VITALS_STATE_COUNT);
    if (state == HS_VITALS_READY && hs_word_load(&page->ready_at_ns) == 0)
        hs_word_store(&page->ready_at_ns, now_ns);
    hs_word_store(&page->heartbeat_ns, now_ns);
    hs_word_store(&page->state, state);
}

void hs_vitals_beat(struct hs_vitals_shm *page, uint64_t now_ns, uint64_t lag_ns)
{
    uint64_t taken = hs_word_load(&page->lag_taken);

    if (hs_word_load(&page->lag_taken_seen) != taken) {
        hs_word_store(&page->loop_lag_ns, lag_ns);
        hs_word_store(&page->lag_taken_seen, taken);
    } else if (lag_ns > hs_word_load(&page->loop_lag_ns)) {
        hs_word_store(&page->loop_lag_ns, lag_ns);
    }
    hs_word_store(&page->loop_count, hs_word_load(&page->loop_count) + 1);
    hs_word_store(&page->heartbeat_ns, now_ns);
}

void hs_vitals_set_phase(struct hs_vitals_shm *page, enum hs_vitals_phase phase, uint64_t now_ns)
{
    HS_ASSERT(phase < HS_VITALS_PHASE_COUNT);
    hs_word_store(&page->heartbeat_ns, now_ns); /* first: a new phase's patience counts from now */
    hs_word_store(&page->phase, phase);
}

void hs_vitals_set_confinement(struct hs_vitals_shm *page, uint64_t bits)
{
    hs_word_store(&page->confinement_bits, bits);
}

void hs_vitals_set_backend(struct hs_vitals_shm *page, const char *name)
{
    hs_words_store_text(page->backend, HS_ARRAY_LEN(page->backend), name);
}

void hs_vitals_drop_crumb(struct hs_vitals_shm *page, const struct hs_vitals_crumb *crumb)
{
    store_crumb(page, crumb);
}

void hs_vitals_panic(struct hs_vitals_shm *page, uint64_t now_ns, const char *text)
{
    char   whole[HS_VITALS_PANIC_BYTES] = "";
    size_t used = 0;

    if (hs_word_load(&page->panic_at_ns)) {
        hs_words_load_text(whole, page->panic, HS_ARRAY_LEN(page->panic));
        used = strlen(whole);
    }
    if (used && used + 2 < sizeof whole) {
        memcpy(whole + used, "; ", 2);
        used += 2;
    }
    while (*text && used + 1 < sizeof whole) whole[used++] = *text++;
    whole[used] = '\0';
    hs_words_store_text(page->panic, HS_ARRAY_LEN(page->panic), whole);
    hs_word_store(&page->panic_at_ns, now_ns ? now_ns : 1);
}

void hs_vitals_load(const struct hs_vitals_shm *page, struct hs_vitals *vitals)
{
    uint64_t state = hs_word_load(&page->state);
    uint64_t phase = hs_word_load(&page->phase);

    *vitals = (struct hs_vitals){
        .pid = (uint32_t)hs_word_load(&page->pid),
        .generation = hs_word_load(&page->generation),
        .role_kind = (uint32_t)hs_word_load(&page->role_kind),
        .role_idx = (uint32_t)hs_word_load(&page->role_idx),
        .state = state < HS_VITALS_STATE_COUNT ? (enum hs_vitals_state)state : HS_VITALS_EMPTY,
        .started_at_ns = hs_word_load(&page->started_at_ns),
        .ready_at_ns = hs_word_load(&page->ready_at_ns),
        .confinement_bits = hs_word_load(&page->confinement_bits),
        .heartbeat_ns = hs_word_load(&page->heartbeat_ns),
        .loop_count = hs_word_load(&page->loop_count),
        .phase = phase < HS_VITALS_PHASE_COUNT ? (enum hs_vitals_phase)phase : HS_VITALS_NORMAL,
        .loop_lag_ns = hs_word_load(&page->loop_lag_ns),
        .panic_at_ns = hs_word_load(&page->panic_at_ns),
    };
    load_crumb(page, &vitals->crumb);
    hs_words_load_text(vitals->backend, page->backend, HS_ARRAY_LEN(page->backend));
    if (vitals->panic_at_ns)
        hs_words_load_text(vitals->panic, page->panic, HS_ARRAY_LEN(page->panic));
}

const char *hs_vitals_state_name(enum hs_vitals_state state)
{
    static const char *const names[HS_VITALS_STATE_COUNT] = {
        [HS_VITALS_EMPTY] = "empty",       [HS_VITALS_STARTING] = "starting",
        [HS_VITALS_READY] = "ready",       [HS_VITALS_DRAINING] = "draining",
        [HS_VITALS_STOPPING] = "stopping", [HS_VITALS_DEAD] = "dead"};

    return (unsigned)state < HS_VITALS_STATE_COUNT ? names[state] : "unknown";
}

const char *hs_vitals_phase_name(enum hs_vitals_phase phase)
{
    static const char *const names[HS_VITALS_PHASE_COUNT] = {[HS_VITALS_NORMAL] = "normal",
                                                             [HS_VITALS_FSYNC] = "fsync",
                                                             [HS_VITALS_REPLAY] = "replay",
                                                             [HS_VITALS_SNAPSHOT] = "snapshot"};

    return (unsigned)phase < HS_VITALS_PHASE_COUNT ? names[phase] : "unknown";
}
