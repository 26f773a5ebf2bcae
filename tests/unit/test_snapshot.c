// SPDX-License-Identifier: Apache-2.0
/* test_snapshot.c - what the console copies out of shared memory, also when the writer has gone
 * mad. */
#include "roles/console/snapshot.h"
#include "roles/share.h"
#include "shm/base/assert.h"
#include "shm/event_ring.h"
#include "shm/log_ring.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

/* All segments of a host, in plain memory. */
struct host {
    void                      *bodies[HS_SHARE_COUNT];
    struct hs_snapshot_source  source;
    struct hs_status_snapshot *snapshot;
};

static void host_init(struct host *host)
{
    static const enum hs_share shares[] = {
        HS_SHARE_HOST,      HS_SHARE_VITALS,      HS_SHARE_COUNTERS, HS_SHARE_LOGS,
        HS_SHARE_EVENTS,    HS_SHARE_JOBS,        HS_SHARE_MANAGERS, HS_SHARE_WORKERS,
        HS_SHARE_GATE_RING, HS_SHARE_MANAGER_RING};

    memset(host, 0, sizeof *host);
    for (size_t i = 0; i < HS_ARRAY_LEN(shares); i++) {
        struct hs_segment_spec spec;

        memset(&spec, 0, sizeof spec);
        hs_share_spec(shares[i], &spec);
        host->bodies[shares[i]] = aligned_alloc(4096, (spec.body_bytes + 4095) / 4096 * 4096);
        if (!host->bodies[shares[i]]) abort();
        memset(host->bodies[shares[i]], 0, spec.body_bytes);
        hs_share_init(shares[i], host->bodies[shares[i]]);
    }
    host->source.host = host->bodies[HS_SHARE_HOST];
    host->source.vitals = host->bodies[HS_SHARE_VITALS];
    host->source.counters = host->bodies[HS_SHARE_COUNTERS];
    host->source.logs = host->bodies[HS_SHARE_LOGS];
    host->source.events = host->bodies[HS_SHARE_EVENTS];
    host->source.jobs = host->bodies[HS_SHARE_JOBS];
    host->source.managers = host->bodies[HS_SHARE_MANAGERS];
    host->source.workers = host->bodies[HS_SHARE_WORKERS];
    host->source.gate_ring = host->bodies[HS_SHARE_GATE_RING];
    host->source.manager_ring = host->bodies[HS_SHARE_MANAGER_RING];
    host->snapshot = calloc(1, sizeof *host->snapshot);
    if (!host->snapshot) abort();
}

static void host_fini(struct host *host)
{
    for (unsigned i = 0; i < HS_SHARE_COUNT; i++) free(host->bodies[i]);
    free(host->snapshot);
}

static unsigned take(struct host *host, const char *line)
{
    struct hs_status_request request;
    struct hs_status_fault   fault;

    HS_CHECK_EQ(hs_status_request_parse(hs_view_text(line), &request, &fault), 0);
    return hs_snapshot_take(host->snapshot, &host->source, &request, 1000);
}

static void store_process(struct host *host, const char *name, enum hs_process_state state)
{
    struct hs_host_process process;
    int                    idx = hs_process_idx_from_name(name);
    unsigned               number;

    HS_CHECK(idx >= 0);
    memset(&process, 0, sizeof process);
    process.kind = (uint32_t)hs_process_kind_at((unsigned)idx, &number);
    process.idx = number;
    process.state = (uint32_t)state;
    hs_host_table_store_process(host->bodies[HS_SHARE_HOST], (unsigned)idx, &process);
}

static void processes_come_with_vitals_and_counters(void)
{
    struct host host;

    host_init(&host);
    store_process(&host, "gate", HS_PROCESS_READY);
    store_process(&host, "engine.1", HS_PROCESS_STARTING);
    store_process(&host, "engine.2", HS_PROCESS_ABSENT);
    hs_counter_add(
        hs_counters_page(host.source.counters, (unsigned)hs_process_idx_from_name("engine.1")),
        HS_COUNT_requests_sent, 5);
    hs_counter_add(hs_counters_page(host.source.counters, HS_PROCESS_SUPERVISOR),
                   HS_COUNT_log_lines_suppressed, 6);
    HS_CHECK_EQ(take(&host, "{\"get\":\"counters\"}"), 0);
    HS_CHECK_EQ(host.snapshot->process_count, 2);
    HS_CHECK_TEXT(host.snapshot->processes[0].name, "gate");
    HS_CHECK_TEXT(host.snapshot->processes[1].name, "engine.1");
    HS_CHECK_EQ(host.snapshot->processes[1].counts[HS_COUNT_requests_sent], 5);
    HS_CHECK_EQ(host.snapshot->supervisor_counts[HS_COUNT_log_lines_suppressed], 6);
    host_fini(&host);
}

static void rows_of_a_mad_writer_are_made_valid(void)
{
    struct host        host;
    struct hs_registry writer;
    uint64_t           payload[HS_JOB_ROW_WORDS];
    hs_registry_handle handle;

    host_init(&host);
    memset(payload, 0xff, sizeof payload);
    HS_CHECK_EQ(hs_registry_attach_writer(&writer, host.bodies[HS_SHARE_JOBS], &hs_job_table_shape),
                0);
    HS_CHECK_EQ(hs_registry_insert(&writer, payload, &handle), 0);
    HS_CHECK_EQ(take(&host, "{\"get\":\"jobs\"}"), 0);
    HS_CHECK_EQ(host.snapshot->job_count, 1);
    HS_CHECK_EQ(strlen(host.snapshot->jobs[0].name), HS_NAME_BYTES - 1);
    HS_CHECK_EQ(host.snapshot->jobs[0].workflow_count, HS_WORKFLOWS_MAX);
    HS_CHECK_TEXT(hs_job_state_name(host.snapshot->jobs[0].state), "?");
    host_fini(&host);
}

static void a_broken_or_missing_table_is_empty_and_told(void)
{
    struct host host;

    host_init(&host);
    memset(host.bodies[HS_SHARE_JOBS], 0x5a, 64);
    HS_CHECK_EQ(take(&host, "{\"get\":\"status\"}"), 1);
    HS_CHECK_EQ(host.snapshot->job_count, 0);
    host.source.jobs = NULL;
    HS_CHECK_EQ(take(&host, "{\"get\":\"status\"}"), 0);
    HS_CHECK_EQ(host.snapshot->job_count, 0);
    host_fini(&host);
}

static void say(struct host *host, const char *process, uint64_t at_ns, const char *line)
{
    unsigned idx = (unsigned)hs_process_idx_from_name(process);

    hs_log_ring_write(hs_log_ring_at(host->source.logs, idx), at_ns, HS_LOG_WARN, "test", line);
}

static void the_newest_lines_of_all_processes_come_in_order(void)
{
    struct host host;

    host_init(&host);
    for (uint64_t i = 0; i < 300; i++) say(&host, "gate", 10 * i, "gate says");
    for (uint64_t i = 0; i < 300; i++) say(&host, "engine.0", 10 * i + 5, "engine says");
    HS_CHECK_EQ(take(&host, "{\"get\":\"log\",\"count\":7}"), 0);
    HS_CHECK_EQ(host.snapshot->note_count, 7);
    for (unsigned i = 0; i < 7; i++) HS_CHECK_EQ(host.snapshot->notes[i].at_ns, 2965 + 5 * i);
    HS_CHECK_TEXT(host.snapshot->notes[6].process, "engine.0");
    HS_CHECK_TEXT(host.snapshot->notes[6].module, "test");
    HS_CHECK_EQ(host.snapshot->lost_note_count, 0);
    HS_CHECK_EQ(take(&host, "{\"get\":\"log\",\"process\":\"gate\"}"), 0);
    HS_CHECK_EQ(host.snapshot->note_count, 100);
    HS_CHECK_TEXT(host.snapshot->notes[0].text, "gate says");
    host_fini(&host);
}

static void lines_written_over_long_ago_are_no_loss(void)
{
    struct host host;

    host_init(&host);
    for (uint64_t i = 0; i < 3 * HS_LOG_RING_SLOTS; i++) say(&host, "worker", i, "again");
    HS_CHECK_EQ(take(&host, "{\"get\":\"log\",\"count\":1024}"), 0);
    HS_CHECK_EQ(host.snapshot->note_count, HS_LOG_RING_SLOTS);
    HS_CHECK_EQ(host.snapshot->notes[0].at_ns, 2 * HS_LOG_RING_SLOTS);
    HS_CHECK_EQ(host.snapshot->lost_note_count, 0);
    host_fini(&host);
}

static void events_of_the_supervisor_are_shown_too(void)
{
    struct host            host;
    struct hs_event_record record;

    host_init(&host);
    memset(&record, 0, sizeof record);
    record.at_ns = 7;
    record.number = 9;
    (void)snprintf(record.text, sizeof record.text, "restarted");
    hs_event_ring_write(hs_event_ring_at(host.source.events, HS_PROCESS_SUPERVISOR), &record);
    HS_CHECK_EQ(take(&host, "{\"get\":\"events\"}"), 0);
    HS_CHECK_EQ(host.snapshot->note_count, 1);
    HS_CHECK_TEXT(host.snapshot->notes[0].process, "supervisor");
    HS_CHECK_EQ(host.snapshot->notes[0].number, 9);
    host_fini(&host);
}

/* What a core does in one turn happens at one moment. */
static void events_of_one_moment_keep_their_order(void)
{
    struct host            host;
    struct hs_event_record record;
    unsigned               gate = (unsigned)hs_process_idx_from_name("gate");

    host_init(&host);
    for (uint64_t i = 0; i < 100; i++) {
        hs_notice_fill(&record, HS_NOTICE_JOB_ACCEPTED, "job", i, "number %u", (unsigned)i);
        record.at_ns = 1 + i / 50;
        hs_event_ring_write(hs_event_ring_at(host.source.events, gate), &record);
    }
    HS_CHECK_EQ(take(&host, "{\"get\":\"events\",\"count\":30}"), 0);
    HS_CHECK_EQ(host.snapshot->note_count, 30);
    for (unsigned i = 0; i < 30; i++) HS_CHECK_EQ(host.snapshot->notes[i].number, 70 + i);
    HS_CHECK_TEXT(host.snapshot->notes[29].text, "number 99");
    host_fini(&host);
}

static void the_last_deaths_come_newest_first(void)
{
    struct host            host;
    struct hs_host_summary summary;
    struct hs_host_death   death;

    host_init(&host);
    memset(&summary, 0, sizeof summary);
    memset(&death, 0, sizeof death);
    for (uint64_t number = 1; number <= HS_DEATHS_MAX + 5; number++) {
        death.number = number;
        death.kind = HS_ROLE_GATE;
        hs_host_table_store_death(host.bodies[HS_SHARE_HOST], &death);
    }
    summary.death_count = HS_DEATHS_MAX + 5;
    hs_host_table_store_summary(host.bodies[HS_SHARE_HOST], &summary);
    HS_CHECK_EQ(take(&host, "{\"get\":\"deaths\"}"), 0);
    HS_CHECK_EQ(host.snapshot->death_count, HS_DEATHS_MAX);
    HS_CHECK_EQ(host.snapshot->deaths[0].number, HS_DEATHS_MAX + 5);
    HS_CHECK_EQ(host.snapshot->deaths[HS_DEATHS_MAX - 1].number, 6);
    host_fini(&host);
}

static void healthy_means_that_all_serve(void)
{
    struct host            host;
    struct hs_host_summary summary;

    host_init(&host);
    memset(&summary, 0, sizeof summary);
    store_process(&host, "gate", HS_PROCESS_READY);
    HS_CHECK_EQ(hs_snapshot_take_metrics(host.snapshot, &host.source, 1), 0);
    HS_CHECK(!hs_snapshot_is_healthy(host.snapshot)); /* never was ready */
    summary.ready_at_ns = 1;
    hs_host_table_store_summary(host.bodies[HS_SHARE_HOST], &summary);
    HS_CHECK_EQ(hs_snapshot_take_metrics(host.snapshot, &host.source, 1), 0);
    HS_CHECK(hs_snapshot_is_healthy(host.snapshot));
    hs_counter_set(
        hs_counters_page(host.source.counters, (unsigned)hs_process_idx_from_name("gate")),
        HS_COUNT_credentials_expired, 1);
    HS_CHECK_EQ(hs_snapshot_take_metrics(host.snapshot, &host.source, 1), 0);
    HS_CHECK(!hs_snapshot_is_healthy(host.snapshot)); /* no other host talks to it */
    hs_counter_set(
        hs_counters_page(host.source.counters, (unsigned)hs_process_idx_from_name("gate")),
        HS_COUNT_credentials_expired, 0);
    store_process(&host, "worker", HS_PROCESS_WAITING);
    HS_CHECK_EQ(hs_snapshot_take_metrics(host.snapshot, &host.source, 1), 0);
    HS_CHECK(!hs_snapshot_is_healthy(host.snapshot));
    host_fini(&host);
}

/* A row of one ring in the host's memory, its texts without an end. */
static void insert_member(struct hs_registry_shm *shm, uint8_t first_byte, uint32_t status)
{
    struct hs_registry   registry;
    struct hs_member_row row = {.status = status};
    uint64_t             words[HS_MEMBER_ROW_WORDS];
    hs_registry_handle   handle;

    row.node_id[0] = first_byte;
    memset(row.name, 'x', sizeof row.name);
    memcpy(words, &row, sizeof words);
    HS_CHECK_EQ(hs_registry_attach_writer(&registry, shm, &hs_member_table_shape), 0);
    HS_CHECK_EQ(hs_registry_insert(&registry, words, &handle), 0);
}

static void members_of_both_rings_are_taken_and_told_apart(void)
{
    struct host host;

    host_init(&host);
    insert_member(host.bodies[HS_SHARE_GATE_RING], 1, HS_MEMBER_ALIVE);
    insert_member(host.bodies[HS_SHARE_GATE_RING], 2, HS_MEMBER_DEAD);
    insert_member(host.bodies[HS_SHARE_MANAGER_RING], 3, 4711);
    HS_CHECK_EQ(take(&host, "{\"get\":\"members\"}"), 0);
    HS_CHECK_EQ(host.snapshot->member_count, 3);
    HS_CHECK_EQ(host.snapshot->gate_ring_count, 2);
    HS_CHECK_EQ(host.snapshot->members[2].node_id[0], 3);
    HS_CHECK_EQ(strlen(host.snapshot->members[0].name), HS_NAME_BYTES - 1);
    memset(host.bodies[HS_SHARE_GATE_RING], 0xff, 64);
    HS_CHECK_EQ(take(&host, "{\"get\":\"members\"}"), 1);
    HS_CHECK_EQ(host.snapshot->member_count, 1);
    HS_CHECK_EQ(host.snapshot->gate_ring_count, 0);
    host_fini(&host);
}

static void a_check_of_readiness_leaves_other_tables_alone(void)
{
    struct host host;

    host_init(&host);
    store_process(&host, "gate", HS_PROCESS_READY);
    insert_member(host.bodies[HS_SHARE_GATE_RING], 1, HS_MEMBER_ALIVE);
    memset(host.bodies[HS_SHARE_JOBS], 0xff, 64);
    HS_CHECK_EQ(hs_snapshot_take_metrics(host.snapshot, &host.source, 1), 1);
    HS_CHECK_EQ(host.snapshot->member_count, 1);
    HS_CHECK_EQ(hs_snapshot_take_readiness(host.snapshot, &host.source, 1), 0);
    HS_CHECK_EQ(host.snapshot->process_count, 1);
    HS_CHECK_EQ(host.snapshot->member_count, 0);
    memset(host.bodies[HS_SHARE_WORKERS], 0xff, 64);
    HS_CHECK_EQ(hs_snapshot_take_readiness(host.snapshot, &host.source, 1), 1);
    host_fini(&host);
}

CU_TestInfo hs_tests_snapshot[] = {
    {"processes come with vitals and counters", processes_come_with_vitals_and_counters},
    {"rows of a mad writer are made valid", rows_of_a_mad_writer_are_made_valid},
    {"a broken or missing table is empty and told", a_broken_or_missing_table_is_empty_and_told},
    {"the newest lines of all processes come in order",
     the_newest_lines_of_all_processes_come_in_order},
    {"lines written over long ago are no loss", lines_written_over_long_ago_are_no_loss},
    {"events of the supervisor are shown too", events_of_the_supervisor_are_shown_too},
    {"events of one moment keep their order", events_of_one_moment_keep_their_order},
    {"the last deaths come newest first", the_last_deaths_come_newest_first},
    {"healthy means that all serve", healthy_means_that_all_serve},
    {"a check of readiness leaves other tables alone",
     a_check_of_readiness_leaves_other_tables_alone},
    {"members of both rings are taken and told apart",
     members_of_both_rings_are_taken_and_told_apart},
    CU_TEST_INFO_NULL,
};
