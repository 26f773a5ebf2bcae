// SPDX-License-Identifier: Apache-2.0
/* manager_snapshot.c - the whole state as bytes and back (jobs.md 5.5). Only used slots are
 * written, at the places where they lie, so that a restored state goes on exactly as the saved one
 * would have. */
#include "roles/manager/manager_fsm.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

enum { SNAPSHOT_VERSION = 1 };

/* The structs hold no pointers, and the snapshot never leaves the kind of machine that wrote it:
 * they are written as they are, with their size in front, so that another layout is refused instead
 * of misread. */
HS_STATIC_ASSERT(HS_JOBS_MAX *(sizeof(struct hs_manager_job) + 16) +
                         HS_MANAGER_WORKFLOW_SLOTS * (sizeof(struct hs_manager_workflow) + 16) +
                         HS_MANAGER_SHARD_SLOTS * (sizeof(struct hs_manager_shard) + 16) + 4096 <
                     HS_MANAGER_SNAPSHOT_BYTES_MAX,
                 "a full state fits its snapshot");

static void put_shape(struct hs_writer *writer)
{
    hs_put_u8(writer, SNAPSHOT_VERSION);
    hs_put_u32le(writer, (uint32_t)sizeof(struct hs_manager_job));
    hs_put_u32le(writer, (uint32_t)sizeof(struct hs_manager_workflow));
    hs_put_u32le(writer, (uint32_t)sizeof(struct hs_manager_shard));
}

static bool is_shape_ours(struct hs_reader *reader)
{
    bool is_ours = hs_get_u8(reader) == SNAPSHOT_VERSION;

    is_ours = hs_get_u32le(reader) == sizeof(struct hs_manager_job) && is_ours;
    is_ours = hs_get_u32le(reader) == sizeof(struct hs_manager_workflow) && is_ours;
    return hs_get_u32le(reader) == sizeof(struct hs_manager_shard) && is_ours;
}

void hs_manager_fsm_save(const struct hs_manager_state *state, struct hs_writer *writer)
{
    put_shape(writer);
    hs_put_u64le(writer, state->seq);
    hs_put_u64le(writer, state->leader_fence);
    hs_put_bytes(writer, &state->leader, sizeof state->leader);
    hs_put_u32le(writer, state->job_count);
    for (uint32_t i = 0; i < HS_JOBS_MAX; i++) {
        const struct hs_manager_job *job = &state->jobs[i];

        if (job->phase == HS_MANAGER_JOB_FREE) continue;
        hs_put_u32le(writer, i);
        hs_put_bytes(writer, job, sizeof *job);
        hs_put_bytes(writer, &state->workflows[job->workflow_first],
                     job->workflow_count * sizeof state->workflows[0]);
        for (uint32_t k = 0; k < job->workflow_count; k++) {
            const struct hs_manager_workflow *workflow = &state->workflows[job->workflow_first + k];

            if (workflow->shard_count)
                hs_put_bytes(writer, &state->shards[workflow->shard_first],
                             workflow->shard_count * sizeof state->shards[0]);
        }
    }
}

/* Copies count items to their slots, which must be free and in the table. */
static bool get_slots(struct hs_reader *reader, void *items, size_t item_bytes, bool *used,
                      uint32_t count)
{
    struct hs_view view = hs_get_view(reader, count * item_bytes);

    if (reader->failed) return false;
    for (uint32_t i = 0; i < count; i++) {
        if (used[i]) return false;
        used[i] = true;
    }
    memcpy(items, view.data, view.bytes);
    return true;
}

static bool is_in_table(uint32_t first, uint32_t count, uint32_t slot_count)
{
    return count <= slot_count && first <= slot_count - count;
}

static bool restore_workflows(struct hs_manager_state *state, const struct hs_manager_job *job,
                              struct hs_reader *reader)
{
    if (job->workflow_count > HS_WORKFLOWS_MAX ||
        !is_in_table(job->workflow_first, job->workflow_count, HS_MANAGER_WORKFLOW_SLOTS) ||
        !get_slots(reader, &state->workflows[job->workflow_first], sizeof state->workflows[0],
                   &state->is_workflow_used[job->workflow_first], job->workflow_count))
        return false;
    for (uint32_t i = 0; i < job->workflow_count; i++) {
        struct hs_manager_workflow *workflow = hs_manager_workflow_at(state, job, i);

        if (!workflow->shard_count) continue;
        if (workflow->shard_count > HS_SHARDS_MAX ||
            !is_in_table(workflow->shard_first, workflow->shard_count, HS_MANAGER_SHARD_SLOTS) ||
            !get_slots(reader, &state->shards[workflow->shard_first], sizeof state->shards[0],
                       &state->is_shard_used[workflow->shard_first], workflow->shard_count))
            return false;
    }
    return true;
}

static bool restore_job(struct hs_manager_state *state, struct hs_reader *reader)
{
    uint32_t               idx = hs_get_u32le(reader);
    struct hs_view         view = hs_get_view(reader, sizeof(struct hs_manager_job));
    struct hs_manager_job *job;

    if (reader->failed || idx >= HS_JOBS_MAX) return false;
    job = &state->jobs[idx];
    if (job->phase != HS_MANAGER_JOB_FREE) return false;
    memcpy(job, view.data, sizeof *job);
    if (job->phase == HS_MANAGER_JOB_FREE || job->phase > HS_MANAGER_JOB_DONE) return false;
    state->active_count += job->phase != HS_MANAGER_JOB_DONE;
    return restore_workflows(state, job, reader);
}

static bool restore_all(struct hs_manager_state *state, struct hs_reader *reader)
{
    struct hs_view leader;

    if (!is_shape_ours(reader)) return false;
    state->seq = hs_get_u64le(reader);
    state->leader_fence = hs_get_u64le(reader);
    leader = hs_get_view(reader, sizeof state->leader);
    if (!reader->failed) memcpy(&state->leader, leader.data, sizeof state->leader);
    state->job_count = hs_get_u32le(reader);
    if (reader->failed || state->job_count > HS_JOBS_MAX) return false;
    for (uint32_t i = 0; i < state->job_count; i++)
        if (!restore_job(state, reader)) return false;
    return hs_reader_finish(reader) == 0 && hs_manager_state_validate(state);
}

int hs_manager_fsm_restore(struct hs_manager_state *state, struct hs_view snapshot)
{
    struct hs_reader reader;

    memset(state, 0, sizeof *state);
    hs_reader_init(&reader, snapshot);
    if (restore_all(state, &reader)) return 0;
    memset(state, 0, sizeof *state);
    return -EPROTO;
}
