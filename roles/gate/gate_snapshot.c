// SPDX-License-Identifier: Apache-2.0
/* gate_snapshot.c - the whole state machine as bytes and back; part of gate_fsm.h. */
#include "roles/gate/gate_fsm.h"

#include <errno.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 1 };

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
    hs_gate_put_text(writer, job->name);
    hs_gate_put_text(writer, job->client_id);
    hs_gate_put_text(writer, job->reason);
    hs_put_bytes(writer, job->requests, sizeof job->requests);
    for (unsigned i = 0; i < job->slot_count; i++) {
        hs_gate_put_text(writer, job->slots[i].datacenter);
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
}

static void restore_lists(struct hs_reader *reader, struct hs_gate_job *job)
{
    for (unsigned i = 0; i < job->slot_count; i++) {
        hs_gate_get_text(reader, job->slots[i].datacenter, HS_NAME_BYTES);
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
}

static bool restore_job(struct hs_reader *reader, struct hs_gate_job *job)
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
    hs_gate_get_text(reader, job->name, sizeof job->name);
    hs_gate_get_text(reader, job->client_id, sizeof job->client_id);
    hs_gate_get_text(reader, job->reason, sizeof job->reason);
    hs_gate_get_bytes(reader, job->requests, sizeof job->requests);
    if (reader->failed || job->phase == HS_GATE_FREE || job->phase > HS_GATE_DONE ||
        job->workflow_count > HS_WORKFLOWS_MAX || job->slot_count > HS_GATE_SLOTS_MAX ||
        job->event_count > HS_GATE_EVENTS_MAX)
        return false;
    restore_lists(reader, job);
    return !reader->failed;
}

void hs_gate_fsm_save(void *self, struct hs_writer *writer)
{
    const struct hs_gate_fsm *fsm = self;
    uint32_t                  records = 0;

    hs_put_u8(writer, SNAPSHOT_VERSION);
    hs_put_varint(writer, fsm->leader_fence);
    hs_put_varint(writer, fsm->reserved_records);
    hs_put_varint(writer, fsm->job_count);
    for (uint32_t i = 0; i < HS_GATE_JOBS_MAX; i++) {
        if (fsm->jobs[i].phase == HS_GATE_FREE) continue;
        hs_put_u16le(writer, (uint16_t)i);
        save_job(writer, &fsm->jobs[i]);
    }
    for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++) records += fsm->records[i].job_idx_1 != 0;
    hs_put_varint(writer, records);
    for (uint32_t i = 0; i < HS_GATE_RECORDS_MAX; i++) {
        const struct hs_gate_record *record = &fsm->records[i];

        if (!record->job_idx_1) continue;
        hs_put_u16le(writer, record->job_idx_1);
        hs_put_u16le(writer, record->workflow);
        hs_put_u16le(writer, record->slot);
        hs_put_bytes(writer, &record->digest, sizeof record->digest);
    }
}

static bool restore_jobs(struct hs_reader *reader, struct hs_gate_fsm *fsm)
{
    uint64_t count = hs_get_varint(reader);

    if (count > HS_GATE_JOBS_MAX) return false;
    for (uint64_t i = 0; i < count; i++) {
        uint16_t idx = hs_get_u16le(reader);

        if (idx >= HS_GATE_JOBS_MAX || fsm->jobs[idx].phase != HS_GATE_FREE) return false;
        if (!restore_job(reader, &fsm->jobs[idx])) return false;
        fsm->active_count += fsm->jobs[idx].phase != HS_GATE_DONE;
    }
    fsm->job_count = (uint32_t)count;
    return true;
}

static bool restore_records(struct hs_reader *reader, struct hs_gate_fsm *fsm)
{
    uint64_t count = hs_get_varint(reader);

    if (count > HS_GATE_RECORDS_MAX) return false;
    for (uint64_t i = 0; i < count; i++) {
        struct hs_gate_record *record = &fsm->records[i];

        record->job_idx_1 = hs_get_u16le(reader);
        record->workflow = hs_get_u16le(reader);
        record->slot = hs_get_u16le(reader);
        hs_gate_get_bytes(reader, &record->digest, sizeof record->digest);
        if (!record->job_idx_1 || record->job_idx_1 > HS_GATE_JOBS_MAX) return false;
    }
    return true;
}

int hs_gate_fsm_restore(void *self, struct hs_view snapshot)
{
    struct hs_gate_fsm *fsm = self;
    struct hs_reader    reader;

    memset(fsm, 0, sizeof *fsm);
    hs_reader_init(&reader, snapshot);
    if (hs_get_u8(&reader) != SNAPSHOT_VERSION) return -EPROTO;
    fsm->leader_fence = hs_get_varint(&reader);
    fsm->reserved_records = (uint32_t)hs_get_varint(&reader);
    if (!restore_jobs(&reader, fsm) || !restore_records(&reader, fsm)) return -EPROTO;
    return hs_reader_finish(&reader);
}
