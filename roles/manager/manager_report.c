// SPDX-License-Identifier: Apache-2.0
/* manager_report.c - what the gate hears: how jobs go (sheddable, conflated), what ended (until it
 * is acknowledged), how much room there is. */
#include "roles/manager/manager_step.h"
#include "roles/stats/step_parts.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

#define PROGRESS_INTERVAL_NS  (250 * HS_NS_PER_MS) /* jobs.md 7.11 */
#define PROGRESS_KEEPALIVE_NS (5 * HS_NS_PER_S)
#define RESULTS_WAIT_NS       (500 * HS_NS_PER_MS) /* jobs.md 7.13: doubles up to the most */
#define RESULTS_WAIT_MOST_NS  (30 * HS_NS_PER_S)
#define HEARTBEAT_NS          HS_NS_PER_S
enum { RESULT_ITEMS_MAX = 24, ROWS_BYTES = 40 << 10, PAYLOAD_BYTES = 128 << 10 };
HS_STATIC_ASSERT((int)ROWS_BYTES < (int)HS_MANAGER_SPARE_BYTES, "rows fit where there is room");

/* ---- progress ---- */

static void put_workflow_row(struct hs_manager *manager, const struct hs_manager_job *job,
                             unsigned idx, struct hs_writer *rows)
{
    struct hs_manager_workflow *workflow = hs_manager_workflow_at(manager->state, job, idx);
    struct hs_msg_workflow_row  row = {.workflow = (uint16_t)idx,
                                       .status = workflow->state,
                                       .shards = workflow->shard_count,
                                       .retries = hs_manager_rerun_count(workflow),
                                       .elapsed_ns = workflow->elapsed_ns};

    for (unsigned i = 0; i < workflow->shard_count; i++) {
        const struct hs_manager_shard *shard = hs_manager_shard_at(manager->state, workflow, i);

        row.shards_done = (uint16_t)(row.shards_done + (shard->state == HS_SHARD_ENDED));
        if (shard->state != HS_SHARD_ASSIGNED) continue;
        row.cores = (uint16_t)(row.cores + shard->cores);
        row.phase = hs_manager_exec_at(manager, workflow, i)->phase;
    }
    (void)snprintf(row.text, sizeof row.text, "%s", workflow->text);
    hs_wire_put_row(HS_MSG_WORKFLOW_ROW, &row, rows);
}

static void put_rows(struct hs_manager_step *step, struct hs_manager_place *place,
                     struct hs_msg_dc_progress *progress)
{
    enum { ROW_BYTES_MAX = 256 };
    struct hs_manager *manager = step->manager;
    struct hs_writer   rows;

    hs_manager_open_bytes(step->actions, ROWS_BYTES, &rows);
    for (unsigned i = 0; i < place->job->workflow_count; i++) {
        struct hs_manager_flow *flow = hs_manager_flow_at(manager, place->job, i);

        if (!flow->is_row_dirty && !place->soft->needs_full) continue;
        if (rows.capacity_bytes - rows.used_bytes < ROW_BYTES_MAX) {
            place->soft->is_progress_dirty = true; /* the rest goes with the next one */
            break;
        }
        put_workflow_row(manager, place->job, i, &rows);
        flow->is_row_dirty = false;
    }
    progress->workflows = hs_manager_keep_bytes(step->actions, &rows);
}

static uint8_t job_phase(struct hs_manager *manager, const struct hs_manager_job *job)
{
    uint8_t phase = HS_PHASE_START;

    for (unsigned i = 0; i < job->workflow_count; i++) {
        const struct hs_manager_workflow *workflow = hs_manager_workflow_at(manager->state, job, i);

        for (unsigned s = 0; s < workflow->shard_count; s++) {
            uint8_t its = hs_manager_exec_at(manager, workflow, s)->phase;

            if (hs_manager_shard_at(manager->state, workflow, s)->state == HS_SHARD_ASSIGNED &&
                its > phase)
                phase = its;
        }
    }
    return job->phase == HS_MANAGER_JOB_DONE ? HS_PHASE_DONE : phase;
}

uint64_t hs_manager_elapsed_ns(struct hs_manager_step *step, const struct hs_manager_place *place)
{
    uint64_t began_at_ns = place->job->limit.incarnation == step->manager->config.incarnation
                               ? place->job->accepted_at_ns
                               : place->soft->loaded_at_ns;

    return step->now_ns > began_at_ns ? step->now_ns - began_at_ns : 0;
}

static struct hs_msg_dc_progress *open_progress(struct hs_manager_step  *step,
                                                struct hs_manager_place *place)
{
    struct hs_msg_dc_progress *progress =
        &hs_manager_send(step->actions, HS_MANAGER_SEND_LATEST, HS_MSG_DC_PROGRESS,
                         hs_manager_gate_of(step->manager, place->soft), 0)
             ->dc_progress;

    memcpy(progress->job_id, place->job->id, sizeof progress->job_id);
    progress->manager_fence = step->manager->state->leader_fence;
    progress->kind = place->soft->needs_full ? HS_PROGRESS_FULL : HS_PROGRESS_DIFF;
    progress->base = place->soft->pseq;
    progress->pseq = ++place->soft->pseq;
    progress->status = hs_manager_shown_status(step->manager, place->job);
    progress->phase = job_phase(step->manager, place->job);
    progress->elapsed_ns = hs_manager_elapsed_ns(step, place);
    progress->planned_ns = place->soft->planned_ns;
    progress->extended_ns = place->soft->extended_ns;
    return progress;
}

/* A frame that fills; the next one is begun when it is full. */
struct filling {
    struct hs_manager_step    *step;
    struct hs_manager_place   *place;
    struct hs_msg_dc_progress *progress;
    struct hs_writer           payload;
};

static void close_frame(struct filling *filling)
{
    filling->progress->payload = hs_manager_keep_bytes(filling->step->actions, &filling->payload);
}

static void next_frame(struct filling *filling)
{
    close_frame(filling);
    filling->progress = open_progress(filling->step, filling->place);
    hs_manager_open_bytes(filling->step->actions, PAYLOAD_BYTES, &filling->payload);
}

/* Room for all frames that one step may take. */
static bool has_room_for_step(const struct hs_manager_actions *actions)
{
    const size_t step_bytes = (size_t)HS_STATS_PARTS_MAX * HS_FRAME_BYTES_MAX / 2;

    return actions->used_bytes + step_bytes + (size_t)2 * PAYLOAD_BYTES < HS_MANAGER_ACTION_BYTES &&
           actions->count + HS_MANAGER_ACTIONS_SPARE + 2 * HS_STATS_PARTS_MAX <
               HS_MANAGER_ACTIONS_MAX;
}

static void put_step(struct filling *filling, unsigned workflow, uint32_t run, uint32_t step)
{
    struct hs_stats_encoder encoder;
    uint64_t                sequence = 0;

    hs_stats_encoder_init(
        &encoder, hs_manager_live_step(filling->step->manager->memory.live, run, step), NULL);
    while (hs_step_parts_put(&filling->payload, workflow << HS_STEP_PARTS_WORKFLOW_SHIFT | step,
                             &encoder, &sequence) == 1)
        next_frame(filling);
}

/* All steps of a run that changed; false: no room for all of them now. */
static bool put_run(struct filling *filling, unsigned workflow, uint32_t run)
{
    struct hs_manager_live           *live = filling->step->manager->memory.live;
    const struct hs_manager_live_run *at = hs_manager_live_at(live, run);

    for (uint32_t i = 0; i < at->step_count; i++) {
        if (!live->is_step_dirty[at->step_first + i]) continue;
        if (!has_room_for_step(filling->step->actions)) return false;
        (void)hs_manager_live_take_dirty(live, run, i);
        put_step(filling, workflow, run, i);
    }
    return true;
}

static void mark_all(struct hs_manager *manager, const struct hs_manager_place *place)
{
    struct hs_manager_live *live = manager->memory.live;

    for (unsigned i = 0; i < place->job->workflow_count; i++) {
        uint32_t run = hs_manager_flow_at(manager, place->job, i)->run;

        if (!hs_manager_live_is_open(live, run)) continue;
        if (hs_manager_live_at(live, run)->is_reduced) place->soft->needs_full = true;
        hs_manager_live_at(live, run)->is_reduced = false;
    }
    for (unsigned i = 0; i < place->job->workflow_count && place->soft->needs_full; i++)
        hs_manager_live_mark_dirty(live, hs_manager_flow_at(manager, place->job, i)->run);
}

static void send_progress(struct hs_manager_step *step, struct hs_manager_place *place)
{
    struct hs_manager *manager = step->manager;
    struct filling     filling = {.step = step, .place = place};
    bool               is_whole = true;

    mark_all(manager, place);
    place->soft->is_progress_dirty = false;
    filling.progress = open_progress(step, place);
    put_rows(step, place, filling.progress);
    hs_manager_open_bytes(step->actions, PAYLOAD_BYTES, &filling.payload);
    for (unsigned i = 0; i < place->job->workflow_count && is_whole; i++) {
        uint32_t run = hs_manager_flow_at(manager, place->job, i)->run;

        if (hs_manager_live_is_shown(manager->memory.live, run))
            is_whole = put_run(&filling, i, run);
    }
    close_frame(&filling);
    place->soft->needs_full = false;
    if (!is_whole) place->soft->is_progress_dirty = true;
    place->soft->progress_at_ns = step->now_ns + PROGRESS_INTERVAL_NS;
}

static void turn_progress(struct hs_manager_step *step, struct hs_manager_place *place)
{
    const struct hs_manager_soft *soft = place->soft;
    uint64_t                      at_ns = soft->progress_at_ns;

    /* Until the end is acknowledged the gate hears that this datacenter is there. */
    if (!hs_manager_gate_of(step->manager, soft) || soft->is_job_acked) return;
    if (!soft->is_progress_dirty && !soft->needs_full)
        at_ns += PROGRESS_KEEPALIVE_NS - PROGRESS_INTERVAL_NS;
    if (step->now_ns < at_ns)
        hs_manager_due(step, at_ns);
    else if (has_room_for_step(step->actions))
        send_progress(step, place);
    else
        hs_manager_due(step, step->now_ns);
}

/* ---- results ---- */

static bool is_ready_to_tell(struct hs_manager *manager, const struct hs_manager_place *place,
                             unsigned idx)
{
    const struct hs_manager_workflow *workflow =
        hs_manager_workflow_at(manager->state, place->job, idx);
    const struct hs_manager_flow *flow = hs_manager_flow_at(manager, place->job, idx);

    if (!hs_manager_is_final(workflow->state)) return false;
    return !hs_manager_needs_record(manager, workflow) || flow->is_record_lost ||
           place->soft->is_plan_bad;
}

static void put_workflow_item(struct hs_manager *manager, const struct hs_manager_job *job,
                              unsigned idx, struct hs_writer *items)
{
    const struct hs_manager_workflow *workflow = hs_manager_workflow_at(manager->state, job, idx);
    struct hs_msg_result_item         item = {.workflow = (uint16_t)idx,
                                              .status = workflow->state,
                                              .elapsed_ns = workflow->elapsed_ns,
                                              .shards = workflow->shard_count,
                                              .retries = hs_manager_rerun_count(workflow),
                                              .unconfirmed = workflow->unconfirmed,
                                              .restarts = workflow->restarts};

    if (workflow->has_record) memcpy(item.digest, workflow->record.bytes, sizeof item.digest);
    (void)snprintf(item.text, sizeof item.text, "%s", workflow->text);
    hs_wire_put_row(HS_MSG_RESULT_ITEM, &item, items);
}

static void put_job_item(struct hs_manager_step *step, const struct hs_manager_place *place,
                         struct hs_writer *items)
{
    struct hs_msg_result_item item = {.workflow = HS_WORKFLOW_ALL,
                                      .status = place->job->status,
                                      .elapsed_ns = hs_manager_elapsed_ns(step, place)};

    for (unsigned i = 0; i < place->job->workflow_count; i++) {
        const struct hs_manager_workflow *workflow =
            hs_manager_workflow_at(step->manager->state, place->job, i);

        item.unconfirmed = (uint16_t)(item.unconfirmed + workflow->unconfirmed);
        item.restarts = (uint16_t)(item.restarts + workflow->restarts);
        item.retries = (uint16_t)(item.retries + hs_manager_rerun_count(workflow));
        if (!item.text[0]) (void)snprintf(item.text, sizeof item.text, "%s", workflow->text);
    }
    hs_wire_put_row(HS_MSG_RESULT_ITEM, &item, items);
}

/* The items of the message that is to be sent: the same ones again until they are acknowledged,
 * then the next; the job's own comes last. How many. */
static unsigned put_items(struct hs_manager_step *step, struct hs_manager_place *place,
                          struct hs_writer *items)
{
    struct hs_manager *manager = step->manager;
    bool               is_repeat = place->soft->unacked_count > 0;
    unsigned           count = 0, told = 0;

    for (unsigned i = 0; i < place->job->workflow_count; i++) {
        struct hs_manager_flow *flow = hs_manager_flow_at(manager, place->job, i);

        if (!flow->is_item_acked && !(is_repeat && !flow->is_item_sent) &&
            is_ready_to_tell(manager, place, i) && count < RESULT_ITEMS_MAX) {
            put_workflow_item(manager, place->job, i, items);
            flow->is_item_sent = true;
            count++;
        }
        told += flow->is_item_acked || flow->is_item_sent;
    }
    if (place->job->phase == HS_MANAGER_JOB_DONE && told == place->job->workflow_count &&
        !place->soft->is_job_acked && count < RESULT_ITEMS_MAX &&
        !(is_repeat && !place->soft->is_job_sent)) {
        put_job_item(step, place, items);
        place->soft->is_job_sent = true;
        count++;
    }
    return count;
}

static void forget_unacked(struct hs_manager *manager, struct hs_manager_place *place)
{
    for (unsigned i = 0; i < place->job->workflow_count; i++) {
        struct hs_manager_flow *flow = hs_manager_flow_at(manager, place->job, i);

        flow->is_item_sent = flow->is_item_acked;
    }
    place->soft->is_job_sent = place->soft->is_job_acked;
}

static void turn_results(struct hs_manager_step *step, struct hs_manager_place *place)
{
    struct hs_manager_soft   *soft = place->soft;
    struct hs_msg_dc_results *results;
    struct hs_writer          items;
    unsigned                  count;

    if (!hs_manager_gate_of(step->manager, soft) || soft->is_job_acked) return;
    if (soft->unacked_count && step->now_ns < soft->results_at_ns) {
        hs_manager_due(step, soft->results_at_ns);
        return;
    }
    if (!hs_manager_has_room(step->actions)) {
        hs_manager_due(step, step->now_ns);
        return;
    }
    if (!soft->unacked_count) forget_unacked(step->manager, place);
    hs_manager_open_bytes(step->actions, 32 << 10, &items);
    count = put_items(step, place, &items);
    if (!count) return;
    soft->results_wait_ns = soft->unacked_count
                                ? hs_min_u64(2 * soft->results_wait_ns, RESULTS_WAIT_MOST_NS)
                                : RESULTS_WAIT_NS;
    if (!soft->unacked_count) soft->results_id = ++step->manager->last_results_id;
    soft->unacked_count = count;
    soft->results_at_ns = step->now_ns + soft->results_wait_ns;
    hs_manager_due(step, soft->results_at_ns);
    results = &hs_manager_send(step->actions, HS_MANAGER_SEND_GATE, HS_MSG_DC_RESULTS,
                               hs_manager_gate_of(step->manager, soft), soft->results_id)
                   ->dc_results;
    memcpy(results->job_id, place->job->id, sizeof results->job_id);
    results->manager_fence = step->manager->state->leader_fence;
    results->gate_fence = place->job->gate_fence;
    results->elapsed_ns = hs_manager_elapsed_ns(step, place);
    results->items = hs_manager_keep_bytes(step->actions, &items);
}

void hs_manager_take_results_ack(struct hs_manager_step             *step,
                                 const struct hs_msg_dc_results_ack *ack, uint64_t request_id)
{
    struct hs_manager_place place;

    if (!hs_manager_find_place(step->manager, ack->job_id, &place)) return;
    if (!place.soft->unacked_count || (request_id && request_id != place.soft->results_id)) return;
    if (hs_result_code_class(ack->code) == HS_RESULT_CLASS_TRANSIENT) return; /* sent again */
    for (unsigned i = 0; i < place.job->workflow_count; i++) {
        struct hs_manager_flow *flow = hs_manager_flow_at(step->manager, place.job, i);

        flow->is_item_acked = flow->is_item_sent;
    }
    place.soft->is_job_acked = place.soft->is_job_sent;
    place.soft->unacked_count = 0;
}

void hs_manager_turn_report(struct hs_manager_step *step, struct hs_manager_place *place)
{
    turn_progress(step, place);
    turn_results(step, place);
}

/* ---- room ---- */

static void fill_heartbeat(struct hs_manager_step *step, struct hs_msg_mhb *heartbeat)
{
    struct hs_manager *manager = step->manager;

    memset(heartbeat, 0, sizeof *heartbeat);
    heartbeat->manager_fence = manager->is_leading ? manager->state->leader_fence : 0;
    heartbeat->jobs = (uint16_t)manager->state->active_count;
    heartbeat->draining = manager->is_draining;
    heartbeat->keyring = manager->keyring_mark;
    if (manager->admission) heartbeat->load = (uint8_t)hs_admission_load(manager->admission);
    for (uint32_t i = 0; i < manager->workers.high; i++) {
        const struct hs_manager_worker *worker = &manager->workers.at[i];
        uint32_t                        cores, execs;

        if (!worker->is_used) continue;
        heartbeat->workers_known++;
        heartbeat->workers_alive = (uint16_t)(heartbeat->workers_alive + !worker->is_lost);
        if (!worker->link || worker->is_lost) continue;
        heartbeat->workers_overloaded =
            (uint16_t)(heartbeat->workers_overloaded +
                       (hs_workers_bucket(worker) == HS_NODE_OVERLOADED));
        hs_manager_worker_load(manager, worker, &cores, &execs);
        heartbeat->workers++;
        heartbeat->cores_total += worker->cores;
        heartbeat->cores_up += hs_workers_up_cores(worker);
        heartbeat->cores_free += worker->cores > cores ? worker->cores - cores : 0;
        heartbeat->execs = (uint16_t)(heartbeat->execs + execs);
    }
}

/* Field by field: a copy need not keep what lies between them. */
static bool is_same(const struct hs_msg_mhb *a, const struct hs_msg_mhb *b)
{
    return a->manager_fence == b->manager_fence && a->jobs == b->jobs && a->execs == b->execs &&
           a->draining == b->draining && a->workers == b->workers && a->load == b->load &&
           a->workers_known == b->workers_known && a->workers_alive == b->workers_alive &&
           a->workers_overloaded == b->workers_overloaded && a->cores_total == b->cores_total &&
           a->cores_up == b->cores_up && a->cores_free == b->cores_free && a->keyring == b->keyring;
}

static void tell_gates(struct hs_manager_step *step, const struct hs_msg_mhb *heartbeat)
{
    const struct hs_manager *manager = step->manager;

    for (unsigned i = 0; i < HS_MANAGER_GATES && hs_manager_has_room(step->actions); i++)
        if (manager->gates[i])
            hs_manager_send(step->actions, HS_MANAGER_SEND_LATEST, HS_MSG_MHB, manager->gates[i], 0)
                ->mhb = *heartbeat;
}

void hs_manager_turn_heartbeat(struct hs_manager_step *step)
{
    struct hs_manager *manager = step->manager;
    struct hs_msg_mhb  heartbeat;

    if (!hs_manager_has_room(step->actions)) return;
    fill_heartbeat(step, &heartbeat);
    if (step->now_ns >= manager->heartbeat_at_ns || !is_same(&heartbeat, &manager->heartbeat)) {
        manager->heartbeat = heartbeat;
        heartbeat.applied_seq = manager->state->seq;
        tell_gates(step, &heartbeat);
        manager->heartbeat_at_ns = step->now_ns + HEARTBEAT_NS;
    }
    hs_manager_due(step, manager->heartbeat_at_ns);
}
