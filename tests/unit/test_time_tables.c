// SPDX-License-Identifier: Apache-2.0
/* test_time_tables.c - what is written into the rings of times is what their readers sum up. */
#include "roles/time_tables.h"

#include "roles/share.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static void dispatches_are_summed_from_sent_to_accepted(void)
{
    size_t                  bytes = hs_recent_bytes(HS_DISPATCH_TIMES_SLOTS);
    struct hs_recent_shm   *ring = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    struct hs_time_summary  summary;
    struct hs_dispatch_time record = {.sent_at_ns = 1000, .attempts = 1};

    memset(ring, 0, bytes);
    hs_dispatch_time_summary(ring, &summary);
    HS_CHECK_EQ(summary.count, 0);
    for (unsigned i = 1; i <= 9; i++) {
        record.accepted_at_ns = record.sent_at_ns + i * 100;
        hs_dispatch_time_write(ring, &record);
    }
    hs_dispatch_time_summary(ring, &summary);
    HS_CHECK_EQ(summary.count, 9);
    HS_CHECK_EQ(summary.p50_ns, 500);
    HS_CHECK_EQ(summary.max_ns, 900);
    free(ring);
}

static void samples_of_another_kind_are_left_out(void)
{
    size_t                   bytes = hs_recent_bytes(HS_LATENCY_SAMPLES_SLOTS);
    struct hs_recent_shm    *ring = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    struct hs_time_summary   summary;
    struct hs_latency_sample sample = {.kind = HS_LATENCY_PING, .round_trip_ns = 70};

    memset(ring, 0, bytes);
    hs_latency_sample_write(ring, &sample);
    sample.kind = HS_LATENCY_DISPATCH;
    sample.round_trip_ns = 5000;
    hs_latency_sample_write(ring, &sample);
    hs_latency_summary(ring, HS_LATENCY_PING, &summary);
    HS_CHECK_EQ(summary.count, 1);
    HS_CHECK_EQ(summary.max_ns, 70);
    free(ring);
}

CU_TestInfo hs_tests_time_tables[] = {
    {"dispatches are summed from sent to accepted", dispatches_are_summed_from_sent_to_accepted},
    {"samples of another kind are left out", samples_of_another_kind_are_left_out},
    CU_TEST_INFO_NULL,
};
