// SPDX-License-Identifier: Apache-2.0
/* manager_results.c - results of execs: put together, kept as a blob, decided, and only then
 * acknowledged (jobs.md 6.5, 7.9). */
#include "roles/manager/manager_step.h"
#include "shm/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ASSEMBLY_TIMEOUT_NS (30 * HS_NS_PER_S)

static void answer(struct hs_manager_step *step, uint32_t link,
                   const struct hs_msg_exec_result *result, enum hs_result_stage stage)
{
    struct hs_msg_exec_result_ack *ack =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_WORKER, HS_MSG_EXEC_RESULT_ACK, link, 0)
             ->exec_result_ack;

    ack->exec = result->exec;
    ack->exec_fence = result->exec_fence;
    ack->stage = (uint8_t)stage;
    ack->part = result->part;
}

/* Did this exec end with what its worker said? Then the worker may forget it. */
static bool is_recorded(const struct hs_manager_shard *shard)
{
    return shard->state == HS_SHARD_ENDED &&
           (shard->outcome == HS_OUTCOME_COMPLETED || shard->outcome == HS_OUTCOME_FAILED ||
            shard->outcome == HS_OUTCOME_CANCELLED);
}

/* ---- several frames ---- */

static struct hs_manager_assembly *find_assembly(struct hs_manager               *manager,
                                                 const struct hs_msg_exec_result *result)
{
    struct hs_manager_assembly *unused = NULL;

    for (unsigned i = 0; i < HS_MANAGER_ASSEMBLIES; i++) {
        struct hs_manager_assembly *assembly = &manager->assemblies[i];

        if (!assembly->is_used)
            unused = assembly;
        else if (hs_exec_id_equal(&assembly->exec, &result->exec) &&
                 assembly->exec_fence == result->exec_fence)
            return assembly;
    }
    if (!unused || result->part != 0) return NULL;
    *unused = (struct hs_manager_assembly){
        .is_used = true, .exec = result->exec, .exec_fence = result->exec_fence};
    return unused;
}

/* 1: *whole is all of it; 0: more is to come, or it has to be sent again. */
static int assemble(struct hs_manager_step *step, const struct hs_msg_exec_result *result,
                    struct hs_manager_assembly **used, struct hs_view *whole)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_assembly *assembly;
    uint8_t                    *memory;

    *used = NULL;
    *whole = result->payload;
    if (result->parts <= 1) return 1;
    assembly = find_assembly(manager, result);
    if (!assembly) return 0;
    memory = manager->memory.results +
             (size_t)(assembly - manager->assemblies) * HS_LEDGER_BLOB_BYTES_MAX;
    if (result->part == 0) assembly->bytes = assembly->next_part = 0;
    if (result->part != assembly->next_part ||
        result->payload.bytes > HS_LEDGER_BLOB_BYTES_MAX - assembly->bytes) {
        assembly->is_used = false; /* a gap: from the start */
        return 0;
    }
    if (result->payload.bytes)
        memcpy(memory + assembly->bytes, result->payload.data, result->payload.bytes);
    assembly->bytes += result->payload.bytes;
    assembly->next_part++;
    assembly->deadline_ns = step->now_ns + ASSEMBLY_TIMEOUT_NS;
    if (assembly->next_part < result->parts) return 0;
    *used = assembly;
    *whole = hs_view_of(memory, assembly->bytes);
    return 1;
}

void hs_manager_turn_assemblies(struct hs_manager_step *step)
{
    for (unsigned i = 0; i < HS_MANAGER_ASSEMBLIES; i++) {
        struct hs_manager_assembly *assembly = &step->manager->assemblies[i];

        if (!assembly->is_used) continue;
        if (step->now_ns >= assembly->deadline_ns)
            assembly->is_used = false;
        else
            hs_manager_due(step, assembly->deadline_ns);
    }
}

/* ---- the whole ---- */

/* What a worker may say of an end; the rest is for the manager to find. One that gives up a share
 * by itself leaves: nobody else is to blame. */
static uint8_t told_outcome(uint8_t outcome)
{
    if (outcome == HS_OUTCOME_LOST) return HS_OUTCOME_DRAINED;
    if (outcome == HS_OUTCOME_NONE || outcome >= HS_OUTCOME_UNCONFIRMED) return HS_OUTCOME_FAILED;
    return outcome;
}

/* What it sent is in the live figures by now. It is told apart from the result, which is kept: if
 * the share is not to run again, that is all there is of it. */
static uint64_t sent_by(struct hs_manager_step *step, const struct hs_exec_id *id)
{
    struct hs_manager_place place;

    if (!hs_manager_find_place(step->manager, id->job_id, &place)) return 0;
    return hs_manager_live_sent(step->manager->memory.live,
                                hs_manager_flow_at(step->manager, place.job, id->workflow)->run,
                                hs_manager_live_key(id->shard, id->attempt));
}

static bool propose_result(struct hs_manager_step *step, uint32_t link,
                           const struct hs_msg_exec_result *result, struct hs_view payload)
{
    struct hs_manager_proposal *proposal = hs_manager_prepare(step, HS_MANAGER_END);
    struct hs_manager_end      *end;

    if (!proposal) return false;
    end = &proposal->entry.end;
    memcpy(end->job_id, result->exec.job_id, sizeof end->job_id);
    end->workflow = result->exec.workflow;
    end->shard = result->exec.shard;
    end->attempt = result->exec.attempt;
    end->exec_fence = result->exec_fence;
    end->outcome = told_outcome(result->outcome);
    end->elapsed_ns = result->elapsed_ns;
    end->restarts = result->restarts;
    end->result_bytes = payload.bytes;
    if (end->outcome == HS_OUTCOME_DRAINED) end->discarded_sent = sent_by(step, &result->exec);
    (void)snprintf(end->text, sizeof end->text, "%s", result->text);
    (void)snprintf(end->backend, sizeof end->backend, "%s", result->backend);
    proposal->link = link;
    if (payload.bytes) {
        hs_ledger_digest_of(payload, &end->result);
        hs_manager_propose_after(step, proposal, payload);
    } else {
        hs_manager_propose(step, proposal);
    }
    return true;
}

static bool is_digest_right(const struct hs_msg_exec_result *result, struct hs_view payload)
{
    struct hs_ledger_digest digest;

    if (!hs_wire_has(HS_MSG_EXEC_RESULT, result, &result->digest)) return true;
    hs_ledger_digest_of(payload, &digest);
    return memcmp(digest.bytes, result->digest, sizeof digest.bytes) == 0;
}

static void take_live(struct hs_manager_step *step, struct hs_manager_place *place,
                      const struct hs_msg_exec_result *result)
{
    struct hs_manager_flow *flow =
        hs_manager_flow_at(step->manager, place->job, result->exec.workflow);

    if (hs_manager_live_take(step->manager->memory.live, flow->run,
                             hs_manager_live_key(result->exec.shard, result->exec.attempt),
                             result->payload, true) == -EPROTO)
        step->manager->counts.malformed++;
    place->soft->is_progress_dirty = true;
}

static void take_live_result(struct hs_manager_step *step, uint32_t link,
                             const struct hs_msg_exec_result *result)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_assembly *assembly;
    struct hs_manager_workflow *workflow;
    struct hs_manager_exec     *exec;
    struct hs_manager_place     place;
    struct hs_view              payload;

    if (!hs_manager_find_place(manager, result->exec.job_id, &place)) return;
    workflow = hs_manager_workflow_at(manager->state, place.job, result->exec.workflow);
    exec = hs_manager_exec_at(manager, workflow, result->exec.shard);
    exec->is_sent = true;
    exec->is_acked = true;
    exec->is_end_told = true;
    exec->heard_at_ns = step->now_ns;
    hs_manager_rest(manager, &place,
                    hs_manager_shard_at(manager->state, workflow, result->exec.shard)->worker);
    if (!exec->started_at_ns) exec->started_at_ns = step->now_ns;
    if (exec->is_end_proposed) {
        answer(step, link, result, HS_STAGE_RECEIVED);
        return;
    }
    take_live(step, &place, result);
    if (!assemble(step, result, &assembly, &payload)) {
        answer(step, link, result, HS_STAGE_RECEIVED);
        return;
    }
    if (is_digest_right(result, payload))
        exec->is_end_proposed = propose_result(step, link, result, payload);
    else
        manager->counts.malformed++; /* it is sent again */
    if (assembly) assembly->is_used = false;
}

void hs_manager_take_result(struct hs_manager_step *step, uint32_t link,
                            const struct hs_msg_exec_result *result)
{
    const struct hs_manager_shard *shard =
        hs_manager_find_exec(step->manager->state, &result->exec, result->exec_fence);

    if (!step->manager->is_leading)
        answer(step, link, result, HS_STAGE_RECEIVED);
    else if (!shard)
        answer(step, link, result, HS_STAGE_UNKNOWN);
    else if (shard->state != HS_SHARD_ASSIGNED)
        answer(step, link, result, is_recorded(shard) ? HS_STAGE_DURABLE : HS_STAGE_UNKNOWN);
    else
        take_live_result(step, link, result);
}

/* ---- decided ---- */

/* It has not become one: it may be asked for again. */
static void allow_again(struct hs_manager_step *step, const struct hs_manager_end *end)
{
    struct hs_manager          *manager = step->manager;
    struct hs_manager_place     place;
    struct hs_manager_workflow *workflow;
    struct hs_manager_exec     *exec;

    if (!hs_manager_find_place(manager, end->job_id, &place)) return;
    workflow = hs_manager_workflow_at(manager->state, place.job, end->workflow);
    if (end->shard == HS_MANAGER_WORKFLOW_SHARDS) {
        hs_manager_flow_at(manager, place.job, end->workflow)->is_end_proposed = false;
        return;
    }
    if (end->shard >= workflow->shard_count) return;
    exec = hs_manager_exec_at(manager, workflow, end->shard);
    if (exec->exec_fence == end->exec_fence) exec->is_end_proposed = false;
}

void hs_manager_answer_result(struct hs_manager_step           *step,
                              const struct hs_manager_proposal *proposal, uint32_t code)
{
    const struct hs_manager_end *end = &proposal->entry.end;
    struct hs_msg_exec_result    result = {.exec_fence = end->exec_fence};
    struct hs_manager_shard     *shard;

    /* that of a workflow may have come too late for the state it was meant for */
    if (code == HS_RESULT_BUSY || end->shard == HS_MANAGER_WORKFLOW_SHARDS) allow_again(step, end);
    if (code == HS_RESULT_BUSY || !proposal->link) return;
    memcpy(result.exec.job_id, end->job_id, sizeof result.exec.job_id);
    result.exec.workflow = end->workflow;
    result.exec.shard = end->shard;
    result.exec.attempt = end->attempt;
    shard = hs_manager_find_exec(step->manager->state, &result.exec, end->exec_fence);
    answer(step, proposal->link, &result,
           shard && is_recorded(shard) ? HS_STAGE_DURABLE : HS_STAGE_UNKNOWN);
}
