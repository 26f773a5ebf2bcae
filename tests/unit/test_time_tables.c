// SPDX-License-Identifier: Apache-2.0
/* test_time_tables.c - what is written into the rings of times is what the console shows and sums
 * up. */
#include "roles/time_tables.h"

#include "roles/console/status_times.h"
#include "roles/job_table.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

static struct hs_status_times times;

static void *body_made(size_t bytes)
{
    void *body = aligned_alloc(64, (bytes + 63) & ~(size_t)63);

    if (!body) abort();
    memset(body, 0, bytes);
    return body;
}

static void dispatch(void *body, uint8_t job, const char *datacenter, uint64_t sent_at_ns,
                     uint64_t accepted_at_ns, uint64_t finished_at_ns)
{
    struct hs_dispatch_time record = {.job_id = {job},
                                      .sent_at_ns = sent_at_ns,
                                      .accepted_at_ns = accepted_at_ns,
                                      .finished_at_ns = finished_at_ns,
                                      .attempts = 1,
                                      .state = finished_at_ns ? HS_JOB_COMPLETED : HS_JOB_RUNNING};

    (void)snprintf(record.datacenter, sizeof record.datacenter, "%s", datacenter);
    hs_dispatch_time_write(body, &record);
}

static void sample(void *body, enum hs_role_kind writer, const char *peer,
                   enum hs_latency_kind kind, uint64_t at_ns, uint64_t round_trip_ns)
{
    struct hs_latency_sample record = {
        .at_ns = at_ns, .round_trip_ns = round_trip_ns, .kind = kind, .peer_kind = HS_ROLE_WORKER};

    (void)snprintf(record.peer, sizeof record.peer, "%s", peer);
    hs_latency_sample_write(hs_latency_samples_ring(body, writer), &record);
}

static void percentiles_are_those_of_the_values(void)
{
    uint64_t               values[100];
    struct hs_time_summary summary;

    for (uint64_t i = 0; i < 100; i++) values[i] = 10 * (i + 1);
    hs_time_summary_of(values, 0, &summary);
    HS_CHECK_EQ(summary.count + summary.max_ns, 0);
    hs_time_summary_of(values, 1, &summary);
    HS_CHECK_EQ(summary.p50_ns, 10);
    HS_CHECK_EQ(summary.p99_ns, 10);
    hs_time_summary_of(values, 100, &summary);
    HS_CHECK_EQ(summary.count, 100);
    HS_CHECK_EQ(summary.p50_ns, 500);
    HS_CHECK_EQ(summary.p99_ns, 990);
    HS_CHECK_EQ(summary.max_ns, 1000);
}

static void a_dispatch_is_one_row_with_the_last_that_is_known_of_it(void)
{
    void *body = body_made(hs_recent_bytes(HS_DISPATCH_TIMES_SLOTS));

    dispatch(body, 1, "eu-1", 1000, 1100, 0);
    dispatch(body, 2, "eu-1", 2000, 2300, 0);
    dispatch(body, 1, "eu-1", 1000, 1100, 9000); /* the first again: it has ended */
    dispatch(body, 2, "us-1", 2000, 2050, 0);    /* the second elsewhere, too */
    dispatch(body, 3, "us-1", 3000, 0, 3500);    /* never accepted */
    hs_status_times_take_dispatches(&times, body);
    HS_CHECK_EQ(times.dispatch_count, 4);
    HS_CHECK_EQ(times.dispatches[0].job_id[0], 3);
    HS_CHECK_TEXT(times.dispatches[1].datacenter, "eu-1");
    HS_CHECK_TEXT(times.dispatches[2].datacenter, "us-1");
    HS_CHECK_EQ(times.dispatches[3].finished_at_ns, 9000);
    HS_CHECK_EQ(times.datacenter_count, 2);
    HS_CHECK_TEXT(times.datacenters[0].name, "eu-1");
    HS_CHECK_EQ(times.datacenters[0].accepted.count, 2);
    HS_CHECK_EQ(times.datacenters[0].accepted.p50_ns, 100);
    HS_CHECK_EQ(times.datacenters[0].accepted.max_ns, 300);
    HS_CHECK_EQ(times.datacenters[1].accepted.count, 1);
    HS_CHECK_EQ(times.datacenters[1].accepted.max_ns, 50);
    free(body);
}

static void twice_the_ring_leaves_the_newest_half(void)
{
    void *body = body_made(hs_recent_bytes(HS_DISPATCH_TIMES_SLOTS));

    for (uint64_t i = 1; i <= 2 * HS_DISPATCH_TIMES_SLOTS; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "dc-%u", (unsigned)i); /* more than there can be */
        dispatch(body, 1, name, i * 10, i * 10 + 1, 0);
    }
    hs_status_times_take_dispatches(&times, body);
    HS_CHECK_EQ(times.dispatch_count, HS_DISPATCH_TIMES_SLOTS);
    HS_CHECK_EQ(times.dispatches[0].sent_at_ns, 20 * HS_DISPATCH_TIMES_SLOTS);
    HS_CHECK_EQ(times.dispatches[HS_DISPATCH_TIMES_SLOTS - 1].sent_at_ns,
                10 * HS_DISPATCH_TIMES_SLOTS + 10);
    HS_CHECK_EQ(times.datacenter_count, HS_DATACENTERS_MAX);
    free(body);
}

static void round_trips_are_summed_up_for_each_peer_and_kind(void)
{
    void *body = body_made(2 * hs_recent_bytes(HS_LATENCY_SAMPLES_SLOTS));

    sample(body, HS_ROLE_MANAGER, "b", HS_LATENCY_PING, 10, 70);
    sample(body, HS_ROLE_MANAGER, "b", HS_LATENCY_PING, 30, 90);
    sample(body, HS_ROLE_MANAGER, "b", HS_LATENCY_PING, 20, 80);
    sample(body, HS_ROLE_MANAGER, "b", HS_LATENCY_DISPATCH, 40, 5000);
    sample(body, HS_ROLE_MANAGER, "a", HS_LATENCY_PING, 50, 7);
    sample(body, HS_ROLE_GATE, "b", HS_LATENCY_PING, 60, 1);
    hs_status_times_take_samples(&times, body);
    HS_CHECK_EQ(times.sample_count, 6);
    HS_CHECK_EQ(times.samples[0].sample.at_ns, 60);
    HS_CHECK_EQ(times.samples[0].process, HS_ROLE_GATE);
    HS_CHECK_EQ(times.samples[5].sample.at_ns, 10);
    HS_CHECK_EQ(times.peer_count, 4);
    HS_CHECK_EQ(times.peers[0].last->process, HS_ROLE_GATE);
    HS_CHECK_TEXT(times.peers[1].last->sample.peer, "a");
    HS_CHECK_EQ(times.peers[2].summary.count, 3);
    HS_CHECK_EQ(times.peers[2].summary.p50_ns, 80);
    HS_CHECK_EQ(times.peers[2].summary.max_ns, 90);
    HS_CHECK_EQ(times.peers[2].last->sample.round_trip_ns, 90);
    HS_CHECK_EQ(times.peers[3].summary.max_ns, 5000);
    free(body);
}

static void noise_in_the_rings_is_not_believed(void)
{
    size_t bytes = 2 * hs_recent_bytes(HS_LATENCY_SAMPLES_SLOTS);
    void  *body = body_made(bytes);

    memset(body, 0x41, bytes);
    hs_status_times_take_samples(&times, body);
    hs_status_times_take_dispatches(&times, body);
    HS_CHECK(times.sample_count <= HS_STATUS_SAMPLES_MAX);
    HS_CHECK(times.peer_count <= HS_STATUS_PEERS_MAX);
    HS_CHECK_TEXT(hs_latency_kind_name(99), "?");
    hs_status_times_take_samples(&times, NULL);
    hs_status_times_take_dispatches(&times, NULL);
    HS_CHECK_EQ(times.sample_count + times.dispatch_count, 0);
    free(body);
}

CU_TestInfo hs_tests_time_tables[] = {
    {"percentiles are those of the values", percentiles_are_those_of_the_values},
    {"a dispatch is one row with the last that is known of it",
     a_dispatch_is_one_row_with_the_last_that_is_known_of_it},
    {"twice the ring leaves the newest half", twice_the_ring_leaves_the_newest_half},
    {"round trips are summed up for each peer and kind",
     round_trips_are_summed_up_for_each_peer_and_kind},
    {"noise in the rings is not believed", noise_in_the_rings_is_not_believed},
    CU_TEST_INFO_NULL,
};
