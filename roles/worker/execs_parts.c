// SPDX-License-Identifier: Apache-2.0
/* execs_parts.c - the parts of execs at their engines: reserved, started together, taken up again
 * when an engine dies, ended. */
#include "roles/worker/execs_local.h"

#include "roles/plan/schedule.h"

#include <stdio.h>
#include <string.h>

/* All engines begin at this moment: as long as it takes to hand out images and commands, and no
 * longer. */
#define START_AHEAD_NS (3 * HS_NS_PER_MS)

static struct hs_exec *exec_of_engine(struct hs_execs *execs, unsigned engine_idx)
{
    unsigned row = execs->engines[engine_idx].exec_row;

    return row ? &execs->rows[row - 1] : NULL;
}

static struct hs_exec_part *part_of_engine(struct hs_execs *execs, unsigned engine_idx)
{
    struct hs_exec *exec = exec_of_engine(execs, engine_idx);

    for (unsigned i = 0; exec && i < exec->record.part_count; i++) {
        struct hs_exec_part *part = &exec->record.parts[i];

        if (part->engine_idx == engine_idx && part->state <= HS_PART_RUNNING) return part;
    }
    return NULL;
}

static void set_text(struct hs_exec *exec, const char *text)
{
    if (!exec->record.text[0])
        (void)snprintf(exec->record.text, sizeof exec->record.text, "%s", text ? text : "");
}

/* ---- reservation ---- */

bool hs_execs_is_engine_free(const struct hs_execs *execs, unsigned idx, uint64_t now_ns)
{
    const struct hs_worker_engine *engine = &execs->engines[idx];

    if (engine->exec_row || engine->busy_run_id) return false;
    return engine->is_up || now_ns < engine->down_since_ns + HS_ENGINE_AWAY_NS;
}

static void reserve_part(struct hs_execs *execs, struct hs_exec *exec, unsigned engine_idx,
                         uint64_t now_ns)
{
    struct hs_exec_record *record = &exec->record;
    struct hs_exec_part   *part = &record->parts[record->part_count];

    *part = (struct hs_exec_part){.engine_idx = engine_idx,
                                  .state = HS_PART_WAITING,
                                  .figures_id = hs_execs_new_id(execs),
                                  .share_idx = record->share_first + record->part_count,
                                  .share_count = record->share_total,
                                  .deadline_ns = now_ns + HS_EXEC_PREPARE_TIMEOUT_NS};
    record->part_count++;
    execs->engines[engine_idx].exec_row = (unsigned)(exec - execs->rows) + 1;
}

bool hs_execs_reserve(struct hs_execs *execs, struct hs_exec *exec, unsigned cores, uint64_t now_ns)
{
    if (hs_execs_free_cores(execs, now_ns) < cores) return false;
    /* those that are there before those that are on their way */
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < execs->config.engine_count && exec->record.part_count < cores; i++)
            if (hs_execs_is_engine_free(execs, i, now_ns) && (pass || execs->engines[i].is_up))
                reserve_part(execs, exec, i, now_ns);
    HS_ASSERT(exec->record.part_count == cores);
    exec->told_at_ns = now_ns;
    return true;
}

static void free_engine(struct hs_execs *execs, unsigned engine_idx)
{
    execs->engines[engine_idx].exec_row = 0;
    execs->needs_heartbeat = true;
}

/* ---- the end ---- */

static void check_end(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns)
{
    struct hs_exec_record *record = &exec->record;

    for (unsigned i = 0; i < record->part_count; i++)
        if (record->parts[i].state <= HS_PART_RUNNING) return;
    if (record->state != HS_EXEC_STOPPING) record->outcome = HS_OUTCOME_COMPLETED;
    record->state = HS_EXEC_FINISHED;
    record->ended_at_ns = now_ns;
    exec->result_at_ns = now_ns;
    exec->is_dirty = true;
    execs->needs_heartbeat = true;
}

/* The part will not run any more. A run that has not said so itself may still be going on. */
static void end_part(struct hs_execs *execs, struct hs_exec *exec, struct hs_exec_part *part,
                     enum hs_part_state state)
{
    if (part->state == HS_PART_SENT || part->state == HS_PART_RUNNING) {
        execs->engines[part->engine_idx].busy_run_id = part->run_id;
        execs->engines[part->engine_idx].busy_generation = part->engine_generation;
    }
    part->state = state;
    part->deadline_ns = HS_NEVER_NS;
    exec->is_dirty = true;
    free_engine(execs, part->engine_idx);
}

static void order_stop(const struct hs_execs *execs, const struct hs_exec *exec,
                       const struct hs_exec_part *part, uint64_t deadline_ns,
                       struct hs_execs_actions *actions)
{
    struct hs_execs_action *action = hs_execs_push(actions, HS_EXECS_DO_STOP);

    action->row = (unsigned)(exec - execs->rows);
    action->part = (unsigned)(part - exec->record.parts);
    action->deadline_ns = deadline_ns;
}

void hs_exec_begin_stop(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns,
                        const struct hs_exec_end *end, struct hs_execs_actions *actions)
{
    struct hs_exec_record *record = &exec->record;

    if (record->state == HS_EXEC_STOPPING || !hs_exec_is_live(exec)) return;
    record->state = HS_EXEC_STOPPING;
    record->outcome = end->outcome;
    set_text(exec, end->text);
    exec->is_dirty = true;
    exec->stop_deadline_ns = now_ns + end->grace_ns + HS_NS_PER_S;
    for (unsigned i = 0; i < record->part_count; i++) {
        struct hs_exec_part *part = &record->parts[i];

        if (part->state == HS_PART_WAITING && !part->run_id) {
            end_part(execs, exec, part, HS_PART_OVER);
        } else if (part->state == HS_PART_SENT || part->state == HS_PART_RUNNING) {
            order_stop(execs, exec, part, now_ns + end->grace_ns, actions);
        }
    }
    check_end(execs, exec, now_ns);
}

static void fail_part(struct hs_execs *execs, struct hs_exec *exec, struct hs_exec_part *part,
                      const char *text, uint64_t now_ns, struct hs_execs_actions *actions)
{
    if (exec->record.state == HS_EXEC_STOPPING) {
        end_part(execs, exec, part, HS_PART_OVER);
        check_end(execs, exec, now_ns);
        return;
    }
    set_text(exec, text);
    end_part(execs, exec, part, HS_PART_FAILED);
    hs_exec_begin_stop(execs, exec, now_ns,
                       &(struct hs_exec_end){HS_OUTCOME_FAILED, text, HS_NS_PER_S}, actions);
}

/* ---- starting ---- */

static bool is_iterated(const struct hs_exec_facts *facts)
{
    return facts->iterations || facts->iterations_per_vu;
}

static bool is_engine_ready(const struct hs_worker_engine *engine)
{
    return engine->is_up && engine->idle_generation == engine->generation && !engine->busy_run_id;
}

static void start_part(struct hs_execs *execs, struct hs_exec *exec, struct hs_exec_part *part,
                       uint64_t now_ns, struct hs_execs_actions *actions)
{
    struct hs_execs_action *action = hs_execs_push(actions, HS_EXECS_DO_START);

    action->row = (unsigned)(exec - execs->rows);
    action->part = (unsigned)(part - exec->record.parts);
    exec->unsure_parts &= ~(UINT64_C(1) << action->part);
    part->deadline_ns = hs_max_u64(now_ns, exec->record.start_at_ns) + HS_PART_START_TIMEOUT_NS;
    exec->is_dirty = true;
    if (part->state == HS_PART_SENT) { /* once more, the same run: an engine begins it once */
        part->is_resumed = !is_iterated(&exec->record.facts);
        return;
    }
    part->run_id = hs_execs_new_id(execs);
    part->engine_generation = execs->engines[part->engine_idx].generation;
    part->state = HS_PART_SENT;
}

static bool is_startable(const struct hs_exec *exec, const struct hs_exec_part *part)
{
    unsigned idx = (unsigned)(part - exec->record.parts);

    return part->state == HS_PART_WAITING ||
           (part->state == HS_PART_SENT && (exec->unsure_parts >> idx & 1) != 0);
}

/* Parts begin together: none before every engine is there. One that comes back later takes up its
 * own alone. */
static void start_ready(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns,
                        struct hs_execs_actions *actions)
{
    struct hs_exec_record *record = &exec->record;

    if (!exec->has_image || record->state == HS_EXEC_STOPPING || !hs_exec_is_live(exec)) return;
    for (unsigned i = 0; i < record->part_count && !record->is_started; i++)
        if (record->parts[i].state == HS_PART_WAITING &&
            !is_engine_ready(&execs->engines[record->parts[i].engine_idx]))
            return;
    if (!record->is_started) {
        record->is_started = 1;
        record->start_at_ns = now_ns + START_AHEAD_NS + record->start_delay_ns;
        exec->progress_at_ns = record->start_at_ns + execs->config.progress_interval_ns;
        exec->full_at_ns = exec->progress_at_ns;
    }
    for (unsigned i = 0; i < record->part_count; i++) {
        struct hs_exec_part *part = &record->parts[i];

        if (is_startable(exec, part) && is_engine_ready(&execs->engines[part->engine_idx]))
            start_part(execs, exec, part, now_ns, actions);
    }
}

static uint64_t in_flight_of(const struct hs_exec_record *record, unsigned idx)
{
    uint64_t of_run = hs_schedule_share(record->facts.max_in_flight, record->share_first + idx,
                                        record->share_total);
    uint64_t of_share = hs_schedule_share(record->connections, idx, record->part_count);

    return hs_max_u64(record->connections ? of_share : of_run, 1);
}

/* Open: numbers of virtual users that no other part of the run has, here or elsewhere. */
static uint32_t first_user_of(const struct hs_exec_record *record, const struct hs_exec_part *part)
{
    uint64_t largest = hs_schedule_share(record->facts.max_in_flight, 0, record->share_total);

    return (uint32_t)(part->share_idx * hs_max_u64(largest, part->in_flight_max));
}

/* Splits the share over its parts so that they add up. A part without virtual users, or iterations,
 * is over before it begins. */
static void share_out(struct hs_execs *execs, struct hs_exec *exec)
{
    struct hs_exec_record      *record = &exec->record;
    const struct hs_exec_facts *facts = &record->facts;
    uint64_t                    vus = record->vus ? record->vus : facts->vus;
    uint64_t iterations = record->iterations ? record->iterations : facts->iterations;
    uint64_t vu_first = record->vus_first;
    uint32_t busy_count = (uint32_t)hs_min_u64(record->part_count, hs_max_u64(vus, 1));

    for (unsigned i = 0; i < record->part_count; i++) {
        struct hs_exec_part *part = &record->parts[i];
        uint64_t             own_vus = hs_schedule_share(vus, i, record->part_count);

        part->in_flight_max = facts->is_open ? in_flight_of(record, i) : 0;
        part->vu_first = facts->is_open ? first_user_of(record, part) : (uint32_t)vu_first;
        part->vu_count = (uint32_t)own_vus;
        if (iterations && i < busy_count)
            part->iterations = hs_schedule_share(iterations, i, busy_count);
        vu_first += own_vus;
        if (!facts->is_open && (!own_vus || (iterations && !part->iterations)))
            end_part(execs, exec, part, HS_PART_OVER);
    }
}

void hs_execs_on_prepared(struct hs_execs *execs, uint64_t now_ns,
                          const struct hs_execs_event *event, struct hs_execs_actions *actions)
{
    struct hs_exec *exec = &execs->rows[event->row];

    if (!hs_exec_is_live(exec) || exec->record.fence != event->fence) return;
    if (event->code < 0) {
        hs_exec_begin_stop(execs, exec, now_ns,
                           &(struct hs_exec_end){HS_OUTCOME_FAILED, event->text, 0}, actions);
        return;
    }
    exec->has_image = true;
    exec->is_dirty = true;
    exec->record.image_token = hs_execs_new_id(execs);
    for (unsigned i = 0; i < exec->record.part_count; i++)
        if (is_startable(exec, &exec->record.parts[i]))
            exec->record.parts[i].deadline_ns = now_ns + HS_PART_START_TIMEOUT_NS;
    if (!exec->record.is_started) {
        exec->record.facts = *event->facts;
        share_out(execs, exec);
        check_end(execs, exec, now_ns);
    }
    start_ready(execs, exec, now_ns, actions);
}

/* ---- engines come and go ---- */

/* Its engine died. What is bounded by time goes on from the schedule's position; what is bounded by
 * iterations is run again from its beginning under a new name, and what the dead engine counted is
 * void (design.md 6). */
static void lose_part(struct hs_execs *execs, struct hs_exec *exec, struct hs_exec_part *part,
                      uint64_t now_ns, struct hs_execs_actions *actions)
{
    part->state = HS_PART_WAITING;
    part->deadline_ns = now_ns + HS_PART_START_TIMEOUT_NS;
    part->is_resumed = 1;
    exec->record.restarts++;
    exec->is_dirty = true;
    execs->restarts++;
    if (exec->record.state == HS_EXEC_STOPPING || !is_iterated(&exec->record.facts)) return;
    if (part->void_count == HS_PART_VOID_MAX) {
        fail_part(execs, exec, part, "its engine died too often", now_ns, actions);
        return;
    }
    part->void_figures[part->void_count++] = part->figures_id;
    part->figures_id = hs_execs_new_id(execs);
    part->is_resumed = 0;
}

/* Lives of the engine before `generation` are over. */
static void lose_engine(struct hs_execs *execs, unsigned idx, uint64_t generation, uint64_t now_ns,
                        struct hs_execs_actions *actions)
{
    struct hs_exec      *exec = exec_of_engine(execs, idx);
    struct hs_exec_part *part = part_of_engine(execs, idx);

    if (execs->engines[idx].busy_generation < generation)
        execs->engines[idx].busy_run_id = 0; /* it died with it */
    if (!exec || !part || part->engine_generation >= generation) return;
    if (part->state == HS_PART_SENT || part->state == HS_PART_RUNNING)
        lose_part(execs, exec, part, now_ns, actions);
}

/* Its successor has adopted the figures: what waits for it may go on, or end. */
static void serve_engine(struct hs_execs *execs, unsigned idx, uint64_t now_ns,
                         struct hs_execs_actions *actions)
{
    struct hs_exec      *exec = exec_of_engine(execs, idx);
    struct hs_exec_part *part = part_of_engine(execs, idx);

    if (!exec || !part || !is_startable(exec, part) || !is_engine_ready(&execs->engines[idx]))
        return;
    if (exec->record.state == HS_EXEC_STOPPING) {
        if (part->state == HS_PART_SENT) return; /* told to stop: its answer ends the part */
        end_part(execs, exec, part, HS_PART_OVER);
        check_end(execs, exec, now_ns);
        return;
    }
    start_ready(execs, exec, now_ns, actions);
}

/* The link is new and the run may be old: a worker that died as it gave the order to stop may have
 * been the only one who knew of it. */
static void stop_again(struct hs_execs *execs, unsigned idx, struct hs_execs_actions *actions)
{
    struct hs_exec            *exec = exec_of_engine(execs, idx);
    const struct hs_exec_part *part = part_of_engine(execs, idx);

    if (!exec || !part || exec->record.state != HS_EXEC_STOPPING) return;
    if (part->state != HS_PART_SENT && part->state != HS_PART_RUNNING) return;
    order_stop(execs, exec, part, exec->stop_deadline_ns - HS_NS_PER_S, actions);
}

void hs_execs_on_engine(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                        struct hs_execs_actions *actions)
{
    unsigned                 idx = event->engine_idx;
    struct hs_worker_engine *engine = &execs->engines[idx];

    HS_ASSERT(idx < execs->config.engine_count);
    if (event->type == HS_EXECS_ENGINE_DOWN) {
        if (event->generation < engine->generation) return;
        engine->is_up = false;
        engine->down_since_ns = now_ns;
        lose_engine(execs, idx, event->generation + 1, now_ns, actions);
    } else if (event->type == HS_EXECS_ENGINE_UP) {
        if (event->generation > engine->generation)
            lose_engine(execs, idx, event->generation, now_ns, actions);
        engine->generation = event->generation;
        engine->is_up = true;
        stop_again(execs, idx, actions);
    } else {
        if (event->generation <= engine->idle_generation) return; /* told twice */
        engine->idle_generation = event->generation;
        lose_engine(execs, idx, event->generation, now_ns, actions);
    }
    execs->needs_heartbeat = true;
    serve_engine(execs, idx, now_ns, actions);
}

void hs_execs_on_run(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                     struct hs_execs_actions *actions)
{
    struct hs_worker_engine *engine = &execs->engines[event->engine_idx];
    struct hs_exec_part     *part = part_of_engine(execs, event->engine_idx);
    struct hs_exec          *exec = exec_of_engine(execs, event->engine_idx);

    HS_ASSERT(event->engine_idx < execs->config.engine_count);
    if (event->type == HS_EXECS_RUN_ENDED && engine->busy_run_id == event->run_id) {
        engine->busy_run_id = 0;
        execs->needs_heartbeat = true;
        serve_engine(execs, event->engine_idx, now_ns, actions);
        return;
    }
    if (!exec || !part || part->run_id != event->run_id) return; /* of the past, or told twice */
    if (event->type == HS_EXECS_RUN_STARTED) {
        if (part->state != HS_PART_SENT) return;
        part->state = HS_PART_RUNNING;
        part->deadline_ns = HS_NEVER_NS;
        exec->is_dirty = true;
        if (exec->record.state == HS_EXEC_RESERVED) exec->record.state = HS_EXEC_RUNNING;
        return;
    }
    if (part->state != HS_PART_SENT && part->state != HS_PART_RUNNING) return;
    part->state = HS_PART_WAITING; /* the engine is at rest: nothing is given up */
    if (event->code < 0) {
        fail_part(execs, exec, part, event->text, now_ns, actions);
        return;
    }
    end_part(execs, exec, part, HS_PART_OVER);
    check_end(execs, exec, now_ns);
}

/* ---- time ---- */

static void expire_part(struct hs_execs *execs, struct hs_exec *exec, struct hs_exec_part *part,
                        uint64_t now_ns, struct hs_execs_actions *actions)
{
    char text[HS_EXEC_TEXT_BYTES];

    if (part->state == HS_PART_SENT) /* nobody waits for it any more: the answer frees the core */
        order_stop(execs, exec, part, now_ns, actions);
    (void)snprintf(text, sizeof text,
                   exec->has_image ? "engine.%u did not take up its share in time"
                                   : "the plan was not ready in time (engine.%u)",
                   part->engine_idx);
    fail_part(execs, exec, part, text, now_ns, actions);
}

void hs_exec_check_deadlines(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns,
                             struct hs_execs_actions *actions)
{
    struct hs_exec_record *record = &exec->record;

    for (unsigned i = 0; i < record->part_count; i++) {
        struct hs_exec_part *part = &record->parts[i];

        if (part->state > HS_PART_RUNNING) continue;
        if (record->state == HS_EXEC_STOPPING && now_ns >= exec->stop_deadline_ns) {
            set_text(exec, "an engine did not stop in time");
            end_part(execs, exec, part, HS_PART_OVER);
        } else if (part->state != HS_PART_RUNNING && now_ns >= part->deadline_ns) {
            expire_part(execs, exec, part, now_ns, actions);
        }
    }
    if (hs_exec_is_live(exec)) check_end(execs, exec, now_ns);
}

uint64_t hs_exec_parts_deadline_ns(const struct hs_exec *exec)
{
    uint64_t deadline_ns =
        exec->record.state == HS_EXEC_STOPPING ? exec->stop_deadline_ns : HS_NEVER_NS;

    for (unsigned i = 0; i < exec->record.part_count; i++) {
        const struct hs_exec_part *part = &exec->record.parts[i];

        if (part->state < HS_PART_RUNNING) deadline_ns = hs_min_u64(deadline_ns, part->deadline_ns);
    }
    return deadline_ns;
}
