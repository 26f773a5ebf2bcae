// SPDX-License-Identifier: Apache-2.0
/* run_counts.c - see run_counts.h. */
#include "roles/engine/run_counts.h"

#include "roles/counters.h"
#include "roles/stats/figures.h"
#include "shm/counters.h"

static uint64_t load(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void add_page(struct hs_run_counts *counts, const struct hs_figures_page_shm *page)
{
    struct hs_figures_glance glance;

    hs_figures_glance(page, &glance);
    counts->sent += glance.sent;
    counts->completed += glance.completed;
    counts->failed += glance.failed;
    counts->connections_opened += load(&page->tallies[HS_TALLY_CONNECTIONS]);
    for (unsigned error = HS_ERROR_CONNECT_REFUSED; error <= HS_ERROR_CONNECT_NO_FD; error++)
        counts->connections_failed += load(&page->errors[error]);
    counts->bytes_in += load(&page->tallies[HS_TALLY_BYTES_IN]);
    counts->bytes_out += load(&page->tallies[HS_TALLY_BYTES_OUT]);
}

void hs_run_counts_take(struct hs_run_counts *counts, struct hs_figures_page_shm *const *pages,
                        uint32_t page_count)
{
    *counts = (struct hs_run_counts){0};
    for (uint32_t i = 0; i < page_count; i++)
        if (pages[i]) add_page(counts, pages[i]);
}

void hs_run_counts_tell(const struct hs_run_counts *now, struct hs_run_counts *told,
                        struct hs_counters_shm *counters)
{
    const struct {
        enum hs_count count;
        uint64_t      amount;
    } rows[] = {
        {HS_COUNT_requests_sent, now->sent - told->sent},
        {HS_COUNT_requests_completed, now->completed - told->completed},
        {HS_COUNT_requests_failed, now->failed - told->failed},
        {HS_COUNT_connections_opened, now->connections_opened - told->connections_opened},
        {HS_COUNT_connections_failed, now->connections_failed - told->connections_failed},
        {HS_COUNT_target_bytes_in, now->bytes_in - told->bytes_in},
        {HS_COUNT_target_bytes_out, now->bytes_out - told->bytes_out},
    };

    for (unsigned i = 0; i < HS_ARRAY_LEN(rows); i++)
        hs_counter_add(counters, rows[i].count, rows[i].amount);
    *told = *now;
}
