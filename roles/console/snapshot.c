// SPDX-License-Identifier: Apache-2.0
/* snapshot.c - from shared memory to a snapshot, with distrust. */
#include "roles/console/snapshot.h"
#include "shm/base/assert.h"
#include "shm/event_ring.h"
#include "shm/host.h"
#include "shm/log_ring.h"

#include <stdio.h>
#include <string.h>

static void end_text(char *text, size_t bytes)
{
    text[bytes - 1] = 0;
}

static void take_host(struct hs_status_snapshot *snapshot, const struct hs_host_table_shm *table)
{
    struct hs_host host;

    if (hs_host_table_load_summary(table, &snapshot->host))
        memset(&snapshot->host, 0, sizeof snapshot->host); /* busy: the next answer has it */
    hs_host_load(&table->host, &host);
    snapshot->is_draining = host.draining != 0;
}

static void name_page(unsigned idx, char name[HS_PROCESS_NAME_BYTES])
{
    unsigned          number;
    enum hs_role_kind kind = hs_process_kind_at(idx, &number);

    hs_process_name(kind, number, name);
}

static void take_counts(const struct hs_snapshot_source *source, unsigned idx,
                        uint64_t counts[HS_COUNT_END])
{
    const struct hs_counters_shm *counters = hs_counters_page(source->counters, idx);

    for (unsigned i = 0; i < HS_COUNT_END; i++) counts[i] = hs_counter_load(counters, i);
}

static void take_process(struct hs_status_snapshot       *snapshot,
                         const struct hs_snapshot_source *source, unsigned idx)
{
    struct hs_status_process *process = &snapshot->processes[snapshot->process_count];

    if (hs_host_table_load_process(source->host, idx, &process->host)) return;
    if (process->host.state == HS_PROCESS_ABSENT) return;
    name_page(idx, process->name);
    hs_vitals_load(hs_vitals_page(source->vitals, idx), &process->vitals);
    take_counts(source, idx, process->counts);
    snapshot->process_count++;
}

static void take_processes(struct hs_status_snapshot       *snapshot,
                           const struct hs_snapshot_source *source)
{
    HS_STATIC_ASSERT((int)HS_STATUS_PROCESSES_MAX >= (int)HS_PROCESS_SUPERVISED, "room for all");
    for (unsigned idx = 0; idx < HS_PROCESS_SUPERVISED; idx++) take_process(snapshot, source, idx);
    take_counts(source, HS_PROCESS_SUPERVISOR, snapshot->supervisor_counts);
}

/* Rows of a registry into an array of row_bytes each; how many, or -EPROTO. Rows that are busy are
 * left out. */
static int take_rows(const struct hs_registry_shm *shm, const struct hs_registry_shape *shape,
                     void *rows)
{
    struct hs_registry registry;
    size_t             row_bytes = (size_t)shape->payload_words * sizeof(uint64_t);
    int                count = 0;
    int                rc;

    if (!shm) return 0;
    rc = hs_registry_attach_reader(&registry, shm, shape);
    if (rc) return rc;
    for (uint32_t idx = 0; idx < shape->slot_count; idx++) {
        uint64_t           payload[HS_REGISTRY_PAYLOAD_WORDS_MAX];
        hs_registry_handle handle;

        if (hs_registry_at(&registry, idx, &handle, payload) != 1) continue;
        memcpy((char *)rows + (size_t)count * row_bytes, payload, row_bytes);
        count++;
    }
    return count;
}

static unsigned take_jobs(struct hs_status_snapshot *snapshot, const struct hs_registry_shm *shm)
{
    int count = take_rows(shm, &hs_job_table_shape, snapshot->jobs);

    if (count < 0) return 1;
    snapshot->job_count = (unsigned)count;
    for (unsigned i = 0; i < snapshot->job_count; i++) {
        struct hs_job_row *job = &snapshot->jobs[i];

        end_text(job->name, sizeof job->name);
        end_text(job->datacenters, sizeof job->datacenters);
        end_text(job->reason, sizeof job->reason);
        if (job->workflow_count > HS_WORKFLOWS_MAX) job->workflow_count = HS_WORKFLOWS_MAX;
    }
    return 0;
}

static unsigned take_managers(struct hs_status_snapshot    *snapshot,
                              const struct hs_registry_shm *shm)
{
    int count = take_rows(shm, &hs_manager_table_shape, snapshot->managers);

    if (count < 0) return 1;
    snapshot->manager_count = (unsigned)count;
    for (unsigned i = 0; i < snapshot->manager_count; i++) {
        struct hs_manager_row *row = &snapshot->managers[i];

        end_text(row->name, sizeof row->name);
        end_text(row->datacenter, sizeof row->datacenter);
        end_text(row->address, sizeof row->address);
    }
    return 0;
}

static unsigned take_workers(struct hs_status_snapshot *snapshot, const struct hs_registry_shm *shm)
{
    int count = take_rows(shm, &hs_worker_table_shape, snapshot->workers);

    if (count < 0) return 1;
    snapshot->worker_count = (unsigned)count;
    for (unsigned i = 0; i < snapshot->worker_count; i++) {
        struct hs_worker_row *row = &snapshot->workers[i];

        end_text(row->owner, sizeof row->owner);
        end_text(row->name, sizeof row->name);
        end_text(row->datacenter, sizeof row->datacenter);
        end_text(row->address, sizeof row->address);
    }
    return 0;
}

/* Adds the members of one ring; 1: the table failed its check. */
static unsigned take_ring_of_members(struct hs_status_snapshot    *snapshot,
                                     const struct hs_registry_shm *shm)
{
    unsigned first = snapshot->member_count;
    int      count = take_rows(shm, &hs_member_table_shape, &snapshot->members[first]);

    if (count < 0) return 1;
    snapshot->member_count += (unsigned)count;
    for (unsigned i = first; i < snapshot->member_count; i++) {
        struct hs_member_row *row = &snapshot->members[i];

        end_text(row->name, sizeof row->name);
        end_text(row->datacenter, sizeof row->datacenter);
        end_text(row->address, sizeof row->address);
    }
    return 0;
}

static unsigned take_members(struct hs_status_snapshot       *snapshot,
                             const struct hs_snapshot_source *source)
{
    unsigned refused = take_ring_of_members(snapshot, source->gate_ring);

    snapshot->gate_ring_count = snapshot->member_count;
    return refused + take_ring_of_members(snapshot, source->manager_ring);
}

static void take_deaths(struct hs_status_snapshot *snapshot, const struct hs_host_table_shm *table)
{
    uint64_t number = snapshot->host.death_count;

    for (unsigned i = 0; i < HS_DEATHS_MAX && number > 0; i++, number--)
        if (hs_host_table_load_death(table, number, &snapshot->deaths[snapshot->death_count]) == 0)
            snapshot->death_count++;
}

/* ---- the newest notes of all processes: a heap with the oldest of those kept on top ---- */

static bool is_older(const struct hs_status_note *a, const struct hs_status_note *b)
{
    return a->at_ns == b->at_ns ? a->order < b->order : a->at_ns < b->at_ns;
}

static void swap(struct hs_status_note *a, struct hs_status_note *b)
{
    struct hs_status_note kept = *a;

    *a = *b;
    *b = kept;
}

static void sift_down(struct hs_status_note *notes, unsigned count)
{
    unsigned at = 0;

    for (;;) {
        unsigned oldest = at;
        unsigned left = 2 * at + 1;

        if (left < count && is_older(&notes[left], &notes[oldest])) oldest = left;
        if (left + 1 < count && is_older(&notes[left + 1], &notes[oldest])) oldest = left + 1;
        if (oldest == at) return;
        swap(&notes[at], &notes[oldest]);
        at = oldest;
    }
}

static void sift_up(struct hs_status_note *notes, unsigned at)
{
    while (at > 0 && is_older(&notes[at], &notes[(at - 1) / 2])) {
        swap(&notes[at], &notes[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void keep_note(struct hs_status_snapshot *snapshot, const struct hs_status_note *note,
                      unsigned max)
{
    HS_ASSERT(max <= HS_STATUS_ROWS_MAX);
    if (snapshot->note_count < max) {
        snapshot->notes[snapshot->note_count] = *note;
        sift_up(snapshot->notes, snapshot->note_count++);
    } else if (is_older(&snapshot->notes[0], note)) {
        snapshot->notes[0] = *note;
        sift_down(snapshot->notes, snapshot->note_count);
    }
}

/* Oldest first: the top of the heap goes to the end, again and again, then all is turned round. */
static void sort_notes(struct hs_status_snapshot *snapshot)
{
    unsigned count = snapshot->note_count;

    for (unsigned left = count; left > 1; left--) {
        swap(&snapshot->notes[0], &snapshot->notes[left - 1]);
        sift_down(snapshot->notes, left - 1);
    }
    for (unsigned i = 0; i < count / 2; i++)
        swap(&snapshot->notes[i], &snapshot->notes[count - 1 - i]);
}

static bool next_log_line(const struct hs_snapshot_source *source, unsigned idx,
                          struct hs_recent_cursor *cursor, struct hs_status_note *note)
{
    struct hs_log_record record;

    if (hs_log_ring_next(hs_log_ring_at(source->logs, idx), cursor, &record) != 1) return false;
    note->at_ns = record.at_ns;
    note->level = (uint32_t)record.level;
    (void)snprintf(note->module, sizeof note->module, "%s", record.module);
    (void)snprintf(note->text, sizeof note->text, "%s", record.line);
    return true;
}

static bool next_event(const struct hs_snapshot_source *source, unsigned idx,
                       struct hs_recent_cursor *cursor, struct hs_status_note *note)
{
    struct hs_event_record record;

    if (hs_event_ring_next(hs_event_ring_at(source->events, idx), cursor, &record) != 1)
        return false;
    note->at_ns = record.at_ns;
    note->kind = record.kind;
    note->number = record.number;
    memcpy(note->about, record.about, sizeof note->about);
    (void)snprintf(note->text, sizeof note->text, "%s", record.text);
    return true;
}

/* A ring is read once round, so that a writer that never stops does not hold us. */
static void take_ring(struct hs_status_snapshot *snapshot, const struct hs_snapshot_source *source,
                      const struct hs_status_request *request, unsigned idx, const char *name)
{
    struct hs_recent_cursor cursor = {0, 0};
    uint64_t                lost_before = 0;

    for (unsigned turn = 0; turn < HS_LOG_RING_SLOTS; turn++) {
        struct hs_status_note note;
        bool                  has_one;

        memset(&note, 0, sizeof note);
        has_one = request->what == HS_STATUS_LOG ? next_log_line(source, idx, &cursor, &note)
                                                 : next_event(source, idx, &cursor, &note);
        /* What had been written over before we came is history, not loss. */
        if (turn == 0) lost_before = cursor.lost_count;
        if (!has_one) break;
        note.order = snapshot->read_note_count++;
        (void)snprintf(note.process, sizeof note.process, "%s", name);
        keep_note(snapshot, &note, request->row_count);
    }
    snapshot->lost_note_count += cursor.lost_count - lost_before;
}

static void take_notes(struct hs_status_snapshot *snapshot, const struct hs_snapshot_source *source,
                       const struct hs_status_request *request)
{
    HS_STATIC_ASSERT((int)HS_EVENT_RING_SLOTS <= (int)HS_LOG_RING_SLOTS, "once round either");
    for (unsigned idx = 0; idx < HS_PROCESS_SUPERVISED; idx++) {
        char name[HS_PROCESS_NAME_BYTES];

        if (request->process_idx >= 0 && (unsigned)request->process_idx != idx) continue;
        name_page(idx, name);
        take_ring(snapshot, source, request, idx, name);
    }
    if (request->process_idx < 0)
        take_ring(snapshot, source, request, HS_PROCESS_SUPERVISOR, "supervisor");
    sort_notes(snapshot);
}

static void take_times(struct hs_status_snapshot *snapshot, const struct hs_snapshot_source *source)
{
    hs_status_times_take_dispatches(&snapshot->times, source->dispatch_times);
    hs_status_times_take_samples(&snapshot->times, source->latency_samples);
}

/* The arrays keep what they hold: only counts say what is valid. */
static void empty(struct hs_status_snapshot *snapshot, uint64_t now_ns)
{
    snapshot->now_ns = now_ns;
    snapshot->process_count = 0;
    snapshot->job_count = 0;
    snapshot->manager_count = 0;
    snapshot->worker_count = 0;
    snapshot->gate_ring_count = 0;
    snapshot->member_count = 0;
    snapshot->death_count = 0;
    snapshot->note_count = 0;
    snapshot->lost_note_count = 0;
    snapshot->read_note_count = 0;
    hs_status_times_clear(&snapshot->times);
}

unsigned hs_snapshot_take_readiness(struct hs_status_snapshot       *snapshot,
                                    const struct hs_snapshot_source *source, uint64_t now_ns)
{
    empty(snapshot, now_ns);
    take_host(snapshot, source->host);
    take_processes(snapshot, source);
    return take_managers(snapshot, source->managers) + take_workers(snapshot, source->workers);
}

unsigned hs_snapshot_take_metrics(struct hs_status_snapshot       *snapshot,
                                  const struct hs_snapshot_source *source, uint64_t now_ns)
{
    unsigned refused = hs_snapshot_take_readiness(snapshot, source, now_ns);

    take_times(snapshot, source);
    if (source->readiness) snapshot->readiness = *source->readiness;
    return refused + take_jobs(snapshot, source->jobs) + take_members(snapshot, source);
}

unsigned hs_snapshot_take(struct hs_status_snapshot       *snapshot,
                          const struct hs_snapshot_source *source,
                          const struct hs_status_request *request, uint64_t now_ns)
{
    unsigned refused = 0;

    if (request->what == HS_STATUS_WHOLE) return hs_snapshot_take_metrics(snapshot, source, now_ns);
    empty(snapshot, now_ns);
    take_host(snapshot, source->host);
    switch (request->what) {
    case HS_STATUS_PROCESSES:
    case HS_STATUS_COUNTERS: take_processes(snapshot, source); break;
    case HS_STATUS_MANAGERS: refused = take_managers(snapshot, source->managers); break;
    case HS_STATUS_WORKERS: refused = take_workers(snapshot, source->workers); break;
    case HS_STATUS_MEMBERS: refused = take_members(snapshot, source); break;
    case HS_STATUS_JOBS: refused = take_jobs(snapshot, source->jobs); break;
    case HS_STATUS_EVENTS:
    case HS_STATUS_LOG: take_notes(snapshot, source, request); break;
    case HS_STATUS_DEATHS: take_deaths(snapshot, source->host); break;
    case HS_STATUS_DISPATCH_TIMES:
    case HS_STATUS_LATENCY: take_times(snapshot, source); break;
    case HS_STATUS_WHOLE:
    case HS_STATUS_WHAT_COUNT: break;
    }
    return refused;
}

bool hs_snapshot_is_healthy(const struct hs_status_snapshot *snapshot)
{
    if (!snapshot->host.ready_at_ns || snapshot->host.is_stopping) return false;
    for (unsigned i = 0; i < snapshot->process_count; i++)
        if (snapshot->processes[i].host.state != HS_PROCESS_READY ||
            snapshot->processes[i].counts[HS_COUNT_credentials_expired])
            return false;
    return true;
}
