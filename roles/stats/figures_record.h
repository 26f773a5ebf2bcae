// SPDX-License-Identifier: Apache-2.0
/* figures_record.h - what an engine does on its hot path: a few relaxed stores into its own page.
 * One writer, so no read-modify-write. Outcomes are stored with release, after `sent` of the same
 * request (figures.h says why); on x86-64 all of it is plain moves. */
#ifndef HS_STATS_FIGURES_RECORD_H
#define HS_STATS_FIGURES_RECORD_H

#include "roles/stats/figures.h"

static inline void hs_figures_grow(_Atomic uint64_t *counter, uint64_t by)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, now + by, memory_order_release);
}

static inline void hs_figures_raise(_Atomic uint64_t *counter, uint64_t to)
{
    if (atomic_load_explicit(counter, memory_order_relaxed) < to)
        atomic_store_explicit(counter, to, memory_order_relaxed);
}

static inline void hs_figures_touch(_Atomic uint64_t *touched, unsigned span)
{
    uint64_t bits = atomic_load_explicit(touched, memory_order_relaxed);
    uint64_t bit = UINT64_C(1) << span;

    if (__builtin_expect(!(bits & bit), 0))
        atomic_store_explicit(touched, bits | bit, memory_order_relaxed);
}

/* Any measure; for requests use the functions below. measure is a constant at every call, so this
 * folds to one layout. */
static inline void hs_figures_record(struct hs_figures_page_shm *page, enum hs_measure measure,
                                     uint64_t value_ns)
{
    struct hs_moments_shm *moments = &page->moments[measure];
    uint32_t               index;
    _Atomic uint64_t      *counter;

    if (measure < HS_MEASURE_FINE_COUNT) {
        index = hs_histogram_index(HS_HISTOGRAM_FINE, value_ns);
        counter = &page->fine[measure][index];
    } else {
        index = hs_histogram_index(HS_HISTOGRAM_COARSE, value_ns);
        counter = &page->coarse[measure - HS_MEASURE_FINE_COUNT][index];
    }
    hs_figures_touch(&page->touched[measure], index / HS_FIGURES_SPAN_COUNTERS);
    hs_figures_grow(&moments->sum_ns, value_ns);
    hs_figures_raise(&moments->max_ns, value_ns);
    hs_figures_raise(&moments->min_inverted, UINT64_MAX - value_ns);
    if (__builtin_expect(value_ns > HS_HISTOGRAM_HIGHEST_NS, 0))
        hs_figures_grow(&moments->overflow_count, 1);
    hs_figures_grow(counter, 1);
}

static inline void hs_figures_tally(struct hs_figures_page_shm *page, enum hs_tally tally,
                                    uint64_t count)
{
    hs_figures_grow(&page->tallies[tally], count);
}

/* Once per request, when its first byte is about to be handed to the kernel or when the try to get
 * there (connect) begins and may fail: every request that can have an outcome was sent. */
static inline void hs_figures_sent(struct hs_figures_page_shm *page)
{
    hs_figures_grow(&page->tallies[HS_TALLY_SENT], 1);
}

static inline void hs_figures_status(struct hs_figures_page_shm *page, unsigned status)
{
    hs_figures_touch(&page->status_touched, 0);
    hs_figures_grow(&page->statuses[hs_status_slot(status)], 1);
}

/* The request's one outcome: this or hs_figures_failed. status 0: none was received (or the
 * protocol has none). */
static inline void hs_figures_completed(struct hs_figures_page_shm *page, uint64_t response_ns,
                                        uint64_t service_ns, unsigned status)
{
    if (status) hs_figures_status(page, status);
    hs_figures_record(page, HS_MEASURE_SERVICE, service_ns);
    hs_figures_record(page, HS_MEASURE_RESPONSE, response_ns);
}

static inline void hs_figures_failed(struct hs_figures_page_shm *page, enum hs_error_class error,
                                     uint64_t response_ns, unsigned status)
{
    if (status) hs_figures_status(page, status);
    hs_figures_record(page, HS_MEASURE_FAILED, response_ns);
    hs_figures_grow(&page->errors[error], 1);
}

#endif
