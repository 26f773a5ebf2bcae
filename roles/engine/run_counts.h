// SPDX-License-Identifier: Apache-2.0
/* run_counts.h - what a run has done, over all its steps, into the counters of its engine. Reads
 * the figures that are written anyway, now and then: a request costs nothing more. Pure. */
#ifndef HS_ENGINE_RUN_COUNTS_H
#define HS_ENGINE_RUN_COUNTS_H

#include <stdint.h>

struct hs_counters_shm;
struct hs_figures_page_shm;

struct hs_run_counts {
    uint64_t sent;
    uint64_t completed;
    uint64_t failed;
    uint64_t connections_opened;
    uint64_t connections_failed;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* Sums the pages; NULLs among them are skipped. */
void hs_run_counts_take(struct hs_run_counts *counts, struct hs_figures_page_shm *const *pages,
                        uint32_t page_count);
/* Adds what now has more than told to the counters; told becomes now. */
void hs_run_counts_tell(const struct hs_run_counts *now, struct hs_run_counts *told,
                        struct hs_counters_shm *counters);

#endif
