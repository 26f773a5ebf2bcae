// SPDX-License-Identifier: Apache-2.0
/* figures_record.h - stands in front of the engine's when the benchmark of statistics is built: the
 * same functions, which keep nothing but the books (how many were sent, completed, failed,
 * connected, dropped). No histogram, sum, extreme, phase, status or byte is recorded, so what an
 * engine built with it costs less is the cost of full statistics. Never part of a program that
 * measures. */
#ifndef HS_BENCH_UNCOUNTED_FIGURES_RECORD_H
#define HS_BENCH_UNCOUNTED_FIGURES_RECORD_H

#include "roles/stats/figures.h"

static inline void hs_figures_grow(_Atomic uint64_t *counter, uint64_t by)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, now + by, memory_order_release);
}

static inline void hs_figures_record(struct hs_figures_page_shm *page, enum hs_measure measure,
                                     uint64_t value_ns)
{
    (void)page;
    (void)measure;
    (void)value_ns;
}

static inline void hs_figures_tally(struct hs_figures_page_shm *page, enum hs_tally tally,
                                    uint64_t count)
{
    if (tally == HS_TALLY_BYTES_IN || tally == HS_TALLY_BYTES_OUT || tally == HS_TALLY_ITERATIONS)
        return;
    hs_figures_grow(&page->tallies[tally], count);
}

static inline void hs_figures_sent(struct hs_figures_page_shm *page)
{
    hs_figures_grow(&page->tallies[HS_TALLY_SENT], 1);
}

/* Completed is the sum of the response histogram: one counter of it stands for all. */
static inline void hs_figures_completed(struct hs_figures_page_shm *page, uint64_t response_ns,
                                        uint64_t service_ns, unsigned status)
{
    (void)response_ns;
    (void)service_ns;
    (void)status;
    atomic_store_explicit(&page->touched[HS_MEASURE_RESPONSE], 1, memory_order_relaxed);
    hs_figures_grow(&page->fine[HS_MEASURE_RESPONSE][0], 1);
}

static inline void hs_figures_failed(struct hs_figures_page_shm *page, enum hs_error_class error,
                                     uint64_t response_ns, unsigned status)
{
    (void)response_ns;
    (void)status;
    hs_figures_grow(&page->errors[error], 1);
}

#endif
