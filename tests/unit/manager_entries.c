// SPDX-License-Identifier: Apache-2.0
/* manager_entries.c - entries of a manager's log, made and applied. */
#include "tests/unit/manager_entries.h"

#include "tests/check.h"

#include <stdlib.h>

struct hs_manager_state *entries_state;
uint64_t                 entries_seq;

void entries_set_up(void)
{
    if (!entries_state) entries_state = calloc(1, sizeof *entries_state);
    memset(entries_state, 0, sizeof *entries_state);
    entries_seq = 0;
}

void entries_tear_down(void)
{
    free(entries_state);
    entries_state = NULL;
}

uint32_t entries_apply(const struct hs_manager_entry *entry)
{
    uint8_t          memory[HS_LEDGER_ENTRY_BYTES_MAX];
    struct hs_writer writer;
    uint32_t         code;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_manager_entry_put(&writer, entry);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    code =
        hs_manager_fsm_apply(entries_state, ++entries_seq, hs_view_of(memory, writer.used_bytes));
    return code;
}

void entries_name_job(uint8_t job_id[16], unsigned job)
{
    memset(job_id, 0, 16);
    memcpy(job_id, &job, sizeof job);
}

/* Workflows in a chain when is_chain, else side by side. */
uint32_t entries_accept_job(unsigned job, unsigned workflows, bool is_chain)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_ACCEPT};

    entries_name_job(entry.accept.job_id, job);
    entry.accept.birth_fence = entry.accept.gate_fence = 1;
    entry.accept.retries_max = 4;
    entry.accept.workflow_retries_max = 3;
    entry.accept.workflow_count = (uint16_t)workflows;
    entry.accept.plan.bytes[0] = (uint8_t)(job + 1);
    for (unsigned i = 0; i < workflows; i++) {
        entry.accept.dependency_end[i] = (uint16_t)(is_chain ? i : 0);
        if (is_chain && i) entry.accept.dependencies[i - 1] = (uint8_t)(i - 1);
    }
    return entries_apply(&entry);
}

uint32_t entries_assign(unsigned job, unsigned workflow, unsigned shards)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_ASSIGN};

    entries_name_job(entry.assign.job_id, job);
    entry.assign.workflow = (uint8_t)workflow;
    entry.assign.count = (uint16_t)shards;
    for (unsigned i = 0; i < shards; i++) {
        entry.assign.items[i].shard = (uint16_t)i;
        entry.assign.items[i].cores = 2;
        entry.assign.items[i].incarnation = 5;
        entry.assign.items[i].worker[0] = (uint8_t)(i + 1);
    }
    return entries_apply(&entry);
}

struct hs_manager_workflow *entries_workflow_of(unsigned job, unsigned workflow)
{
    uint8_t job_id[16];

    entries_name_job(job_id, job);
    return hs_manager_workflow_at(entries_state, hs_manager_find_job(entries_state, job_id),
                                  workflow);
}

struct hs_manager_job *entries_job_of(unsigned job)
{
    uint8_t job_id[16];

    entries_name_job(job_id, job);
    return hs_manager_find_job(entries_state, job_id);
}

struct hs_manager_shard *entries_shard_of(unsigned job, unsigned workflow, unsigned shard)
{
    return hs_manager_shard_at(entries_state, entries_workflow_of(job, workflow), shard);
}

uint32_t entries_retry(unsigned job, unsigned workflow, unsigned shard)
{
    struct hs_manager_entry        entry = {.kind = HS_MANAGER_ASSIGN};
    const struct hs_manager_shard *at = entries_shard_of(job, workflow, shard);

    entries_name_job(entry.assign.job_id, job);
    entry.assign.workflow = (uint8_t)workflow;
    entry.assign.count = 1;
    entry.assign.items[0].shard = (uint16_t)shard;
    entry.assign.items[0].attempt = (uint8_t)(at->attempt + 1);
    entry.assign.items[0].cores = at->cores;
    entry.assign.items[0].worker[0] = 77;
    return entries_apply(&entry);
}

uint32_t entries_end(unsigned job, unsigned workflow, unsigned shard, enum hs_exec_outcome outcome)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_END};

    entries_name_job(entry.end.job_id, job);
    entry.end.workflow = (uint8_t)workflow;
    entry.end.shard = (uint16_t)shard;
    entry.end.outcome = (uint8_t)outcome;
    if (shard != HS_MANAGER_WORKFLOW_SHARDS) {
        entry.end.attempt = entries_shard_of(job, workflow, shard)->attempt;
        entry.end.exec_fence = entries_shard_of(job, workflow, shard)->exec_fence;
    }
    return entries_apply(&entry);
}

uint32_t entries_cancel(unsigned job, unsigned workflow, bool is_cascade, uint8_t request)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_CANCEL};

    entries_name_job(entry.cancel.job_id, job);
    entry.cancel.workflow = (uint16_t)workflow;
    entry.cancel.is_cascade = is_cascade;
    entry.cancel.request_id[0] = request;
    entry.cancel.gate_fence = 1;
    return entries_apply(&entry);
}

uint32_t entries_time_out(unsigned job, enum hs_manager_timeout_kind kind, uint64_t gate_fence)
{
    struct hs_manager_entry entry = {.kind = HS_MANAGER_TIMEOUT};

    entries_name_job(entry.timeout.job_id, job);
    entry.timeout.kind = (uint8_t)kind;
    entry.timeout.gate_fence = gate_fence;
    return entries_apply(&entry);
}
