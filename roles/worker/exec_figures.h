// SPDX-License-Identifier: Apache-2.0
/* exec_figures.h - reads what the engines of an exec have counted so far and says it as payloads of
 * step parts: whole, or the difference to what was said last. Pure: the pages and the memory are
 * the caller's. Does not send.
 *
 * Warm-up is left out. While an exec goes on, figures that have become void (iteration-bounded work
 * that is run again) stay in the sum, so that no count goes back; the final ones leave them out and
 * name their `sent` as discarded. */
#ifndef HS_WORKER_EXEC_FIGURES_H
#define HS_WORKER_EXEC_FIGURES_H

#include "roles/stats/figures.h"
#include "roles/stats/step_parts.h"
#include "roles/worker/exec_record.h"

struct hs_exec_figures {
    struct hs_chunk_pool *pool;
    struct hs_stats      *said;      /* step_count of them */
    uint64_t             *sequences; /* last part number of each step */
    uint32_t              step_count;
};

/* What is being said, from begin until put answers 0. now must have been set up with the same
 * pool. */
struct hs_exec_report {
    struct hs_exec_figures       *figures;
    const struct hs_exec_record  *record;
    const struct hs_figures_shm **engines; /* by engine number */
    struct hs_stats              *now;     /* of the step that is being said */
    struct hs_stats_encoder       encoder;
    uint32_t                      step;
    bool                          is_full;
    bool                          is_final;
    bool                          is_under_way; /* encoder holds the rest of the step */
};

/* memory: hs_exec_figures_bytes(step_count), zeroed, aligned to 64. */
size_t hs_exec_figures_bytes(uint32_t step_count);
void   hs_exec_figures_init(struct hs_exec_figures *figures, struct hs_chunk_pool *pool,
                            uint32_t step_count, void *memory);
void   hs_exec_figures_fini(struct hs_exec_figures *figures); /* chunks go back */

/* into := the sum over the parts. -ENOBUFS: the pool is empty. */
int hs_exec_figures_read(const struct hs_exec_record *record, const struct hs_figures_shm **engines,
                         uint32_t step, bool is_final, struct hs_stats *into) HS_MUST_CHECK;

/* Requests that have come to an end so far: never fewer than before. */
uint64_t hs_exec_figures_ended(const struct hs_exec_record  *record,
                               const struct hs_figures_shm **engines);

/* Appends to an empty payload what fits. 1: more follows, call again with an empty payload; 0: all
 * is said; -ENOBUFS. */
int hs_exec_report_put(struct hs_exec_report *report, struct hs_writer *payload) HS_MUST_CHECK;

#endif
