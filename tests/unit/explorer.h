// SPDX-License-Identifier: Apache-2.0
/* explorer.h - runs two or three actors over a small shared memory in every possible order. The
 * actors are plain functions of product code; this header stands in for shm/word.h, so that each
 * access to shared memory is a step. An actor is brought to its next step by running it anew with
 * the results of its earlier loads; states that were met before are not entered again. Besides
 * steps there are crashes (an actor is killed anywhere and its successor starts) and late stores:
 * plain stores wait in a buffer of two and become visible in any order, but before the actor's next
 * release. */
#ifndef HS_TESTS_UNIT_EXPLORER_H
#define HS_TESTS_UNIT_EXPLORER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- in place of shm/word.h ---- */
#ifndef HS_SHM_WORD_H
#define HS_SHM_WORD_H

typedef uint64_t hs_word;

enum { HS_WORD_BYTES = 8, HS_CACHE_LINE_BYTES = 64 };

uint64_t explorer_load(const hs_word *word);
void     explorer_store(hs_word *word, uint64_t value);
/* The first and the last word are steps, those between are left out: they add orders, but no new
 * outcome. */
void explorer_words_store(hs_word *to, const uint64_t *from, size_t count);
void explorer_words_load(uint64_t *to, const hs_word *from, size_t count);

#define hs_word_load   explorer_load
#define hs_word_store  explorer_store
#define hs_words_store explorer_words_store
#define hs_words_load  explorer_words_load
#define hs_pause()     ((void)0)
#endif

/* In place of memcpy: to or from shared memory it is two steps, half and half, of words that are
 * all equal. */
void explorer_copy(void *to, const void *from, size_t bytes);

enum {
    EXPLORER_ACTORS_MAX = 3,
    EXPLORER_WORDS = 80,
    EXPLORER_LOADS_MAX = 48,
    EXPLORER_NOTES_MAX = 32,
    EXPLORER_BUFFER = 2
};

struct explorer_note {
    uint64_t actor;
    uint64_t value;
};

struct explorer_model {
    unsigned actor_count;
    void (*actors[EXPLORER_ACTORS_MAX])(
        uint64_t life); /* life: 0, then one more after each crash */
    uint64_t crashes_max[EXPLORER_ACTORS_MAX];
    bool has_weak_releases; /* the fault to plant: releases wait in the buffer like plain stores */
    void (*prepare)(void *memory);
    /* At the end of every order: may go on with the memory, whose accesses are no steps then. */
    bool (*is_right)(const struct explorer_note *notes, size_t note_count);
};

struct explorer_result {
    uint64_t state_count;
    uint64_t end_count;   /* different final states */
    uint64_t wrong_count; /* ends at the first */
    bool     is_complete; /* all orders were tried */
};

/* The shared memory, EXPLORER_WORDS long, zeroed before prepare. */
void    *explorer_memory(void);
uint64_t explorer_crash_count(unsigned actor); /* for is_right */
/* For an actor: leaves a value in the notes, in the order of all actors; part of the step before
 * it. */
void explorer_note(uint64_t value);

struct explorer_result explorer_run(const struct explorer_model *model);

#endif
