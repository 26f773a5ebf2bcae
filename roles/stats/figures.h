// SPDX-License-Identifier: Apache-2.0
/* figures.h - the body of an engine's figures segment: one page of cumulative figures per exec,
 * step and warm-up. Pure. The engine is the only writer (figures_record.h is its hot path); the
 * worker and the console read, the engine's successor adopts. Figures only grow; a page is never
 * cleared while its exec lives.
 *
 *   directory | page 0 | page 1 | ...
 *   page: head 4 KiB | statuses 4 KiB | 3 fine histograms | 5 coarse ones
 *
 * What must agree is stored once: completed is the sum of the response histogram's counters, failed
 * the sum over the error classes. `sent` is stored before the outcome of the same request (release)
 * and read after it (acquire), so at every instant, also after a kill, sent >= completed + failed +
 * cut. A `touched` bit is set before the first counter of its 4 KiB is written: readers look
 * nowhere else, and memory that no value fell into is never allocated. */
#ifndef HS_STATS_FIGURES_H
#define HS_STATS_FIGURES_H

#include "roles/stats/stats.h"
#include "shm/base/assert.h"
#include "shm/base/limits.h"

#include <stdatomic.h>

enum {
    HS_FIGURES_VERSION = 2,
    HS_FIGURES_PAGES = 4096,        /* pairs of exec and step (and warm-up) alive on one engine */
    HS_FIGURES_SPAN_COUNTERS = 512, /* 4 KiB: what one touched bit covers */
    HS_FIGURES_FINE_SPANS = HS_HISTOGRAM_FINE_COUNTERS / HS_FIGURES_SPAN_COUNTERS,
    HS_FIGURES_COARSE_SPANS =
        8 /* 3,840 counters and 256 never used, so that the next one is aligned */
};

/* Which figures: an exec is named by its 16 byte id and the fence of its assignment. */
struct hs_figures_key {
    uint8_t  exec_id[16];
    uint64_t exec_fence;
    uint32_t step_idx;
    uint32_t is_warmup; /* 0 or 1 */
};

/* Atomic words, because the worker reads while the engine claims. state is stored last. */
struct hs_figures_entry_shm {
    _Atomic uint64_t
        state; /* 0 free; else the count of claims of this entry so far, doubled and odd */
    _Atomic uint64_t exec_id[2];
    _Atomic uint64_t exec_fence;
    _Atomic uint64_t step;             /* step_idx << 1 | is_warmup */
    _Atomic uint64_t owner_generation; /* of the engine that writes the page now */
    uint64_t         reserved[2];
};

struct hs_moments_shm {
    _Atomic uint64_t sum_ns;
    _Atomic uint64_t max_ns;
    _Atomic uint64_t min_inverted;
    _Atomic uint64_t overflow_count;
};

struct hs_figures_page_shm {
    _Atomic uint64_t      tallies[16];               /* enum hs_tally */
    _Atomic uint64_t      touched[HS_MEASURE_COUNT]; /* a bit per span */
    _Atomic uint64_t      status_touched;            /* 0 or 1 */
    uint64_t              reserved[7];
    struct hs_moments_shm moments[HS_MEASURE_COUNT];
    _Atomic uint64_t      errors[64]; /* enum hs_error_class */
    uint64_t              padding[512 - 16 - 16 - 32 - 64];
    _Atomic uint64_t      statuses[HS_FIGURES_SPAN_COUNTERS];
    _Atomic uint64_t      fine[HS_MEASURE_FINE_COUNT][HS_HISTOGRAM_FINE_COUNTERS];
    _Atomic uint64_t      coarse[HS_MEASURE_COUNT - HS_MEASURE_FINE_COUNT]
                           [HS_FIGURES_COARSE_SPANS * HS_FIGURES_SPAN_COUNTERS];
};

struct hs_figures_shm {
    struct hs_figures_entry_shm entries[HS_FIGURES_PAGES];
    struct hs_figures_page_shm  pages[HS_FIGURES_PAGES];
};

HS_STATIC_ASSERT(sizeof(struct hs_figures_entry_shm) == 64, "one line per entry");
HS_STATIC_ASSERT(offsetof(struct hs_figures_page_shm, statuses) == 4096, "head is one page");
HS_STATIC_ASSERT(offsetof(struct hs_figures_page_shm, fine) == 8192, "statuses are one page");
HS_STATIC_ASSERT(sizeof(struct hs_figures_page_shm) == 835584, "204 pages of 4 KiB");
HS_STATIC_ASSERT(HS_FIGURES_PAGES >= 4 * HS_STEPS_MAX,
                 "the largest plan with a warm-up, while the one before is not forgotten yet");
HS_STATIC_ASSERT(HS_TALLY_COUNT <= 16, "tallies have room");
HS_STATIC_ASSERT(HS_ERROR_CLASS_COUNT <= 64, "error classes have room");
HS_STATIC_ASSERT(HS_FIGURES_FINE_SPANS <= 64, "touched bits fit a word");

/* The writer's side. */

/* The page of key, owned by generation from now on: the one already there (adopted if another
 * generation wrote it), or a free one. NULL: all HS_FIGURES_PAGES are taken. */
struct hs_figures_page_shm *hs_figures_claim(struct hs_figures_shm       *figures,
                                             const struct hs_figures_key *key, uint64_t generation);
/* A successor's first act: everything that earlier generations left in flight is cut, in every
 * page. Returns how many pages there were, *cut_count how many requests. Killed in the middle and
 * called again, it counts nothing twice. */
unsigned hs_figures_adopt(struct hs_figures_shm *figures, uint64_t generation, uint64_t *cut_count);
/* One page: cut becomes sent - completed - failed. For the end of a run, too: what is in flight
 * then is cut. */
uint64_t hs_figures_cut(struct hs_figures_page_shm *page);
/* The exec's final figures were taken and acknowledged: its pages are zeroed and free again.
 * Returns how many. */
unsigned hs_figures_release(struct hs_figures_shm *figures, const uint8_t exec_id[16],
                            uint64_t exec_fence);

/* The readers' side: the engine may be writing. */

/* The page of key, or NULL; key of entry idx (false if it is free). */
const struct hs_figures_page_shm *hs_figures_find(const struct hs_figures_shm *figures,
                                                  const struct hs_figures_key *key);
bool hs_figures_key_at(const struct hs_figures_shm *figures, unsigned idx,
                       struct hs_figures_key *key);
/* into += the page. Several engines' pages of a step are summed by calling it for each. A later
 * reading never shows less. -ENOBUFS (the pool may run out): into is unchanged. */
int hs_figures_read(const struct hs_figures_page_shm *page, struct hs_stats *into) HS_MUST_CHECK;
/* The cheap glance for the live screen: tallies alone, from the head of the page and the response
 * counters. */
struct hs_figures_glance {
    uint64_t sent;
    uint64_t completed;
    uint64_t failed;
    uint64_t cut;
};
void hs_figures_glance(const struct hs_figures_page_shm *page, struct hs_figures_glance *glance);

#endif
