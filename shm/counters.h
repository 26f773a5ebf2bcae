// SPDX-License-Identifier: Apache-2.0
/* counters.h - a page of counters for each process, written by it alone with a plain load and
 * store, read by all. Indexes, units and texts come from roles/counters.def; here a counter is a
 * number. Counts survive their process: its successor goes on adding. Body of the segment: one page
 * for each of HS_PROCESSES_MAX process slots. */
#ifndef HS_SHM_COUNTERS_H
#define HS_SHM_COUNTERS_H

#include "shm/base/assert.h"
#include "shm/base/limits.h"
#include "shm/word.h"

enum {
    HS_COUNTERS_VERSION = 1,
    HS_COUNTERS_MAX = 512, /* a page of 4096 bytes; rows of counters.def above it do not fit */
    HS_COUNTERS_BODY_BYTES = HS_PROCESSES_MAX * HS_COUNTERS_MAX * HS_WORD_BYTES
};

struct hs_counters_shm {
    hs_word at[HS_COUNTERS_MAX];
};

/* page_idx is the process slot. */
static inline struct hs_counters_shm *hs_counters_page(void *body, unsigned page_idx)
{
    HS_ASSERT(page_idx < HS_PROCESSES_MAX);
    return (struct hs_counters_shm *)body + page_idx;
}

/* One writer: relaxed load and store, no read-modify-write. Orders nothing. */
static inline void hs_counter_add(struct hs_counters_shm *page, unsigned idx, uint64_t amount)
{
    uint64_t was;

    HS_ASSERT(idx < HS_COUNTERS_MAX);
    was = atomic_load_explicit(&page->at[idx], memory_order_relaxed);
    atomic_store_explicit(&page->at[idx], was + amount, memory_order_relaxed);
}

/* For gauges: the value now. */
static inline void hs_counter_set(struct hs_counters_shm *page, unsigned idx, uint64_t value)
{
    HS_ASSERT(idx < HS_COUNTERS_MAX);
    atomic_store_explicit(&page->at[idx], value, memory_order_relaxed);
}

static inline uint64_t hs_counter_load(const struct hs_counters_shm *page, unsigned idx)
{
    HS_ASSERT(idx < HS_COUNTERS_MAX);
    return atomic_load_explicit(&page->at[idx], memory_order_relaxed);
}

HS_STATIC_ASSERT(sizeof(struct hs_counters_shm) == 4096, "a page of the machine");

#endif
