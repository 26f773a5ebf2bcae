// SPDX-License-Identifier: Apache-2.0
/* test_run_counts.c - an engine's counters follow the figures of its runs. */
#include "roles/counters.h"
#include "roles/engine/run_counts.h"
#include "roles/stats/figures_record.h"
#include "shm/counters.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static void figures_of_all_steps_are_told_once(void)
{
    struct hs_counters_shm      counters = {0};
    struct hs_figures_page_shm *made = calloc(2, sizeof *made);
    struct hs_figures_page_shm *pages[3] = {&made[0], NULL, &made[1]};
    struct hs_run_counts        told = {0};
    struct hs_run_counts        now;

    for (unsigned i = 0; i < 5; i++) hs_figures_sent(&made[i % 2]);
    hs_figures_completed(&made[0], 1000, 900, 200);
    hs_figures_completed(&made[1], 2000, 900, 200);
    hs_figures_failed(&made[1], HS_ERROR_CONNECT_REFUSED, 10, 0);
    hs_figures_failed(&made[1], HS_ERROR_STATUS_5XX, 10, 500);
    hs_figures_tally(&made[0], HS_TALLY_CONNECTIONS, 3);
    hs_figures_tally(&made[0], HS_TALLY_BYTES_IN, 70);
    hs_figures_tally(&made[1], HS_TALLY_BYTES_OUT, 80);
    hs_run_counts_take(&now, pages, 3);
    hs_run_counts_tell(&now, &told, &counters);
    hs_run_counts_tell(&now, &told, &counters);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_requests_sent), 5);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_requests_completed), 2);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_requests_failed), 2);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_connections_opened), 3);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_connections_failed), 1);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_target_bytes_in), 70);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_target_bytes_out), 80);
    hs_figures_sent(&made[0]);
    hs_run_counts_take(&now, pages, 3);
    hs_run_counts_tell(&now, &told, &counters);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_requests_sent), 6);
    HS_CHECK_EQ(hs_counter_load(&counters, HS_COUNT_requests_completed), 2);
    free(made);
}

CU_TestInfo hs_tests_run_counts[] = {
    {"figures of all steps are told once", figures_of_all_steps_are_told_once},
    CU_TEST_INFO_NULL,
};
