// SPDX-License-Identifier: Apache-2.0
/* gate_snapshot.c - the whole state machine as bytes and back; part of gate_fsm.h. */
#include "roles/gate/gate_fsm.h"

#include <errno.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 2, SNAPSHOT_WITHOUT_TIMES = 1 };

static void save_job(struct hs_writer *writer, const struct hs_gate_job *job)
{
    hs_put_bytes(writer, job->id, sizeof job->id);
    hs_put_bytes(writer, &job->digest, sizeof job->digest);
    hs_put_varint(writer, job->birth_fence);
    hs_put_varint(writer, job->gate_fence);
    hs_put_varint(writer, job->done_seq);
    hs_put_varint(writer, job->timeout_ns);
    hs_put_varint(writer, job->plan_bytes);
    hs_put_varint(writer, job->flags);
    hs_put_u8(writer, job->phase);
    hs_put_u8(writer, job->final);
    hs_put_u16le(writer, job->workflow_count);
    hs_put_u16le(writer, job->slot_count);
    hs_put_u16le(writer, job->event_count);
    hs_put_u16le(writer, job->request_count);
    hs_put_text(writer, hs_view_text(job->name));
    hs_put_text(writer, hs_view_text(job->client_id));
    hs_put_text(writer, hs_view_text(job->reason));
    hs_put_bytes(writer, job->requests, sizeof job->requests);
    for (unsigned i = 0; i < job->slot_count; i++) {
        hs_put_text(writer, hs_view_text(job->slots[i].datacenter));
        hs_put_varint(writer, job->slots[i].manager_fence);
        hs_put_u8(writer, job->slots[i].state);
        hs_put_u8(writer, job->slots[i].status);
    }
    for (unsigned i = 0; i < job->event_count; i++) {
        hs_put_u8(writer, job->events[i].kind);
        hs_put_u8(writer, job->events[i].status);
        hs_put_u16le(writer, job->events[i].workflow);
    }
    hs_put_bytes(writer, job->workflow_states, job->workflow_count);
    hs_put_bytes(writer, job->workflow_reports, job->workflow_count);
    hs_put_bytes(writer, job->workflow_cancels, job->workflow_count);
    hs_put_varint(writer, job->created_wall_ns);
    hs_put_varint(writer, job->elapsed_ns);
}

static void restore_lists(struct hs_reader *reader, struct hs_gate_job *job)
{
    for (unsigned i = 0; i < job->slot_count; i++) {
        hs_get_text(reader, job->slots[i].datacenter, HS_NAME_BYTES);
        job->slots[i].manager_fence = hs_get_varint(reader);
        job->slots[i].state = hs_get_u8(reader);
        job->slots[i].status = hs_get_u8(reader);
    }
    for (unsigned i = 0; i < job->event_count; i++) {
        job->events[i].kind = hs_get_u8(reader);
        job->events[i].status = hs_get_u8(reader);
        job->events[i].workflow = hs_get_u16le(reader);
    }
    hs_gate_get_bytes(reader, job->workflow_states, job->workflow_count);
    hs_gate_get_bytes(reader, job->workflow_reports, job->workflow_count);
    hs_gate_get_bytes(reader, job->workflow_cancels, job->workflow_count);
}

static bool are_counts_sound(const struct hs_gate_job *job)
{
    return job->workflow_count > 0 && job->workflow_count <= HS_WORKFLOWS_MAX &&
           job->slot_count > 0 && job->slot_count <= HS_GATE_SLOTS_MAX &&
           job->event_count <= HS_GATE_EVENTS_MAX &&
           job->request_count < 2 * HS_GATE_REQUESTS_MAX && job->plan_bytes <= HS_PLAN_BYTES_MAX &&
           job->phase > HS_GATE_FREE && job->phase <= HS_GATE_DONE;
}

static bool are_states_sound(const struct hs_gate_job *job)
{
    bool is_sound = job->phase != HS_GATE_DONE || hs_gate_is_final(job->final);

    for (unsigned i = 0; i < job->slot_count; i++)
        is_sound = is_sound && job->slots[i].state <= HS_GATE_SLOT_LOST &&
                   job->slots[i].status < HS_JOB_STATE_COUNT;
    for (unsigned i = 0; i < job->event_count; i++)
        is_sound = is_sound && (job->events[i].workflow == HS_WORKFLOW_ALL ||
                                job->events[i].workflow < job->workflow_count);
    for (unsigned i = 0; i < job->workflow_count; i++)
        is_sound = is_sound && job->workflow_states[i] < HS_WORKFLOW_STATE_COUNT &&
                   job->workflow_reports[i] >> job->slot_count == 0 &&
                   job->workflow_cancels[i] <= HS_GATE_WORKFLOW_CASCADED;
    return is_sound;
}

static bool restore_job(struct hs_reader *reader, unsigned version, struct hs_gate_job *job)
{
    hs_gate_get_bytes(reader, job->id, sizeof job->id);
    hs_gate_get_bytes(reader, &job->digest, sizeof job->digest);
    job->birth_fence = hs_get_varint(reader);
    job->gate_fence = hs_get_varint(reader);
    job->done_seq = hs_get_varint(reader);
    job->timeout_ns = hs_get_varint(reader);
    job->plan_bytes = (uint32_t)hs_get_varint(reader);
    job->flags = (uint32_t)hs_get_varint(reader);
    job->phase = hs_get_u8(reader);
    job->final = hs_get_u8(reader);
    job->workflow_count = hs_get_u16le(reader);
    job->slot_count = hs_get_u16le(reader);
    job->event_count = hs_get_u16le(reader);
    job->request_count = hs_get_u16le(reader);
    hs_get_text(reader, job->name, sizeof job->name);
    hs_get_text(reader, job->client_id, sizeof job->client_id);
    hs_get_text(reader, job->reason, sizeof job->reason);
    hs_gate_get_bytes(reader, job->requests, sizeof job->requests);
    if (reader->failed || !are_counts_sound(job)) return false;
    restore_lists(reader, job);
    if (version > SNAPSHOT_WITHOUT_TIMES) {
        job->created_wall_ns = hs_get_varint(reader);
        job->elapsed_ns = hs_get_varint(reader);
    }
    return !reader->failed && are_states_sound(job);
}

static void save_records(struct hs_writer *writer, const struct hs_gate_fsm *fsm,
                         const struct hs_gate_job *job)
{
    const struct hs_gate_record *record = hs_gate_first_record(fsm, job);

    hs_put_u16le(writer, job->record_count);
    for (; record; record = hs_gate_next_record(fsm, record)) {
        hs_put_u16le(writer, record->workflow);
        hs_put_u16le(writer, record->slot);
        hs_put_bytes(writer, &record->digest, sizeof record->digest);
    }
}

void hs_gate_fsm_save(void *self, struct hs_writer *writer)
{
    const struct hs_gate_fsm *fsm = self;

    hs_put_u8(writer, SNAPSHOT_VERSION);
    hs_put_varint(writer, fsm->leader_fence);
    hs_put_varint(writer, fsm->job_count);
    for (uint32_t i = 0; i < fsm->job_high; i++) {
        if (fsm->jobs[i].phase == HS_GATE_FREE) continue;
        hs_put_u16le(writer, (uint16_t)i);
        save_job(writer, &fsm->jobs[i]);
        save_records(writer, fsm, &fsm->jobs[i]);
    }
}

/* In their order, each from a workflow that its datacenter has reported: there cannot be more than
 * were reserved. */
static bool restore_records(struct hs_reader *reader, struct hs_gate_fsm *fsm,
                            struct hs_gate_job *job)
{
    uint16_t count = hs_get_u16le(reader);
    int32_t  last = -1;

    for (unsigned i = 0; i < count; i++) {
        struct hs_gate_record record = {.workflow = hs_get_u16le(reader)};
        int32_t               place;

        record.slot = hs_get_u16le(reader);
        hs_gate_get_bytes(reader, &record.digest, sizeof record.digest);
        place = record.workflow * HS_GATE_SLOTS_MAX + record.slot;
        if (reader->failed || record.workflow >= job->workflow_count ||
            record.slot >= job->slot_count || place <= last ||
            fsm->fresh_record == HS_GATE_RECORDS_MAX)
            return false;
        hs_gate_keep_record(fsm, job, &record);
        last = place;
    }
    return !reader->failed;
}

static bool restore_one(struct hs_reader *reader, unsigned version, struct hs_gate_fsm *fsm,
                        struct hs_gate_job *job)
{
    struct hs_gate_job read = {0};

    if (!restore_job(reader, version, &read) || hs_gate_find_job(fsm, read.id)) return false;
    *job = read;
    hs_gate_index_job(fsm, job);
    if (!restore_records(reader, fsm, job)) return false;
    fsm->reserved_records += job->phase == HS_GATE_DONE
                                 ? job->record_count
                                 : (uint32_t)job->workflow_count * job->slot_count;
    fsm->active_count += job->phase != HS_GATE_DONE;
    fsm->job_count++;
    return fsm->reserved_records <= HS_GATE_RECORDS_MAX;
}

int hs_gate_fsm_restore(void *self, struct hs_view snapshot)
{
    struct hs_gate_fsm *fsm = self;
    struct hs_reader    reader;
    uint64_t            count;
    unsigned            version;

    memset(fsm, 0, sizeof *fsm);
    hs_reader_init(&reader, snapshot);
    version = hs_get_u8(&reader);
    if (version < SNAPSHOT_WITHOUT_TIMES || version > SNAPSHOT_VERSION) return -EPROTO;
    fsm->leader_fence = hs_get_varint(&reader);
    count = hs_get_varint(&reader);
    if (count > HS_GATE_JOBS_MAX) return -EPROTO;
    for (uint64_t i = 0; i < count; i++) {
        uint16_t idx = hs_get_u16le(&reader);

        if (reader.failed || idx >= HS_GATE_JOBS_MAX || fsm->jobs[idx].phase != HS_GATE_FREE ||
            !restore_one(&reader, version, fsm, &fsm->jobs[idx]))
            return -EPROTO;
    }
    return hs_reader_finish(&reader);
}
