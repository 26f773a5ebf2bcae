// SPDX-License-Identifier: Apache-2.0
/* execs_dispatch.c - what the manager asks for: shares to take, to stop, to forget (jobs.md
 * 6.6). */
#include "roles/worker/execs_local.h"

#include <string.h>

/* ---- dispatch ---- */

struct answer {
    struct hs_execs_actions     *actions;
    const struct hs_execs_event *event;
};

static void ack(const struct answer *answer, enum hs_result_code code, unsigned state,
                unsigned cores, const char *text)
{
    struct hs_execs_action *action = hs_execs_push(answer->actions, HS_EXECS_DO_ACK);

    action->id = answer->event->id;
    action->fence = answer->event->fence;
    action->code = code;
    action->state = state;
    action->cores = cores;
    action->text = text;
}

static void ack_stale(const struct answer *answer, uint64_t stored_fence, const char *text)
{
    ack(answer, HS_RESULT_STALE_FENCE, HS_EXEC_NONE, 0, text);
    answer->actions->at[answer->actions->count - 1].fence = stored_fence;
}

/* The row of this shard with the highest fence, whatever its attempt. */
static struct hs_exec *find_shard(struct hs_execs *execs, const struct hs_exec_id *id)
{
    struct hs_exec *found = NULL;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        struct hs_exec *exec = &execs->rows[i];

        if (exec->record.state == HS_EXEC_NONE || !hs_exec_is_same_shard(&exec->record.id, id))
            continue;
        if (!found || exec->record.fence > found->record.fence) found = exec;
    }
    return found;
}

static const struct hs_exec_tombstone *find_tombstone(const struct hs_execs   *execs,
                                                      const struct hs_exec_id *id)
{
    for (unsigned i = 0; i < HS_EXEC_TOMBSTONES; i++)
        if (execs->tombstones[i].at_ns && hs_exec_is_same_shard(&execs->tombstones[i].id, id))
            return &execs->tombstones[i];
    return NULL;
}

static unsigned row_of(const struct hs_execs *execs, const struct hs_exec *exec)
{
    return (unsigned)(exec - execs->rows);
}

/* The same assignment again: its answer was lost, or we have restarted and lack the image. Nothing
 * runs a second time. */
static void repeat(struct hs_execs *execs, const struct answer *answer, struct hs_exec *exec)
{
    const struct hs_exec_dispatch *dispatch = answer->event->dispatch;

    if (!exec->has_image && hs_exec_is_live(exec)) {
        if (!dispatch->has_plan) {
            hs_execs_push(answer->actions, HS_EXECS_DO_FETCH)->id = answer->event->id;
            return;
        }
        if (dispatch->is_digest_wrong ||
            memcmp(dispatch->digest, exec->record.digest, HS_DIGEST_BYTES) != 0) {
            ack(answer, HS_RESULT_CORRUPT, exec->record.state, 0, "the plan is not the one before");
            return;
        }
        hs_execs_push(answer->actions, HS_EXECS_DO_PREPARE)->row = row_of(execs, exec);
    }
    ack(answer, HS_RESULT_OK, exec->record.state, exec->record.part_count, "");
}

/* true: answered. */
static bool is_known(struct hs_execs *execs, const struct answer *answer)
{
    const struct hs_execs_event    *event = answer->event;
    struct hs_exec                 *exec = find_shard(execs, &event->id);
    const struct hs_exec_tombstone *tombstone = find_tombstone(execs, &event->id);
    uint64_t                        last = 0;

    if (exec) last = exec->record.fence;
    if (tombstone && tombstone->fence > last) {
        last = tombstone->fence;
        exec = NULL;
    }
    if (event->fence > last) return false;
    if (event->fence < last)
        ack_stale(answer, last, "a later assignment of this share is known");
    else if (exec)
        repeat(execs, answer, exec);
    else if (tombstone && tombstone->state == HS_EXEC_NONE)
        ack(answer, HS_RESULT_ALREADY_CANCELLED, HS_EXEC_TOMBSTONE, 0, "cancelled before it came");
    else
        ack(answer, HS_RESULT_OK, HS_EXEC_TOMBSTONE, 0, "");
    return true;
}

static struct hs_exec *free_row(struct hs_execs *execs)
{
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (execs->rows[i].record.state == HS_EXEC_NONE) return &execs->rows[i];
    return NULL;
}

/* One slot of every total per core, or none said: then this share is all there is. */
static bool is_shape_sound(const struct hs_execs *execs, const struct hs_exec_dispatch *dispatch)
{
    if (dispatch->cores == 0 || dispatch->cores > execs->config.engine_count) return false;
    if (dispatch->share_total == 0) return dispatch->share == 0 && dispatch->share_first == 0;
    return dispatch->share == dispatch->cores && dispatch->share_first < dispatch->share_total &&
           dispatch->share <= dispatch->share_total - dispatch->share_first;
}

/* A newer attempt means that the manager has given the older one up. */
static void stop_older(struct hs_execs *execs, const struct answer *answer, uint64_t now_ns)
{
    struct hs_exec *older = find_shard(execs, &answer->event->id);

    if (!older || older->record.is_unwanted) return;
    older->record.is_unwanted = 1;
    older->is_dirty = true;
    if (hs_exec_is_live(older))
        hs_exec_begin_stop(
            execs, older, now_ns,
            &(struct hs_exec_end){HS_OUTCOME_CANCELLED, "given to another attempt", 0},
            answer->actions);
}

static void accept(struct hs_execs *execs, const struct answer *answer, struct hs_exec *exec,
                   uint64_t now_ns)
{
    const struct hs_exec_dispatch *dispatch = answer->event->dispatch;

    *exec = (struct hs_exec){.needs_full = true, .is_dirty = true};
    exec->record = (struct hs_exec_record){
        .id = answer->event->id,
        .state = HS_EXEC_RESERVED,
        .fence = answer->event->fence,
        .vus = dispatch->vus,
        .iterations = dispatch->iterations,
        .connections = dispatch->connections,
        .start_delay_ns = dispatch->start_delay_ns,
        .timeout_ns = dispatch->timeout_ns,
        .accepted_at_ns = now_ns,
        .vus_first = dispatch->vus_first,
        .share_first = dispatch->share_first,
        .share_total = dispatch->share_total ? dispatch->share_total : dispatch->cores,
    };
    memcpy(exec->record.digest, dispatch->digest, HS_DIGEST_BYTES);
    if (!hs_execs_reserve(execs, exec, dispatch->cores, now_ns)) {
        *exec = (struct hs_exec){0};
        ack(answer, HS_RESULT_NO_CORES, HS_EXEC_NONE, 0, "");
        return;
    }
    ack(answer, HS_RESULT_OK, HS_EXEC_RESERVED, dispatch->cores, "");
    hs_execs_push(answer->actions, HS_EXECS_DO_PREPARE)->row = row_of(execs, exec);
    execs->needs_heartbeat = true;
}

/* All rows are live or hold results: the next try finds one free, if a result could be given up. */
static void refuse_for_room(struct hs_execs *execs, const struct answer *answer)
{
    hs_execs_make_room(execs);
    ack(answer, HS_RESULT_BUSY, HS_EXEC_NONE, 0, "no room for one more share");
}

static void consider(struct hs_execs *execs, const struct answer *answer, uint64_t now_ns)
{
    const struct hs_exec_dispatch *dispatch = answer->event->dispatch;
    struct hs_exec                *exec = free_row(execs);

    if (execs->is_draining)
        ack(answer, HS_RESULT_DRAINING, HS_EXEC_NONE, 0, "");
    else if (!is_shape_sound(execs, dispatch))
        ack(answer, HS_RESULT_INVALID, HS_EXEC_NONE, 0, "cores and slots do not fit each other");
    else if (dispatch->has_plan && dispatch->is_digest_wrong)
        ack(answer, HS_RESULT_CORRUPT, HS_EXEC_NONE, 0, "the plan does not match its digest");
    else if (!exec)
        refuse_for_room(execs, answer);
    else if (hs_execs_free_cores(execs, now_ns) < dispatch->cores)
        ack(answer, HS_RESULT_NO_CORES, HS_EXEC_NONE, 0, "");
    else if (!dispatch->has_plan)
        hs_execs_push(answer->actions, HS_EXECS_DO_FETCH)->id = answer->event->id;
    else
        accept(execs, answer, exec, now_ns);
}

void hs_execs_on_dispatch(struct hs_execs *execs, uint64_t now_ns,
                          const struct hs_execs_event *event, struct hs_execs_actions *actions)
{
    struct answer answer = {.actions = actions, .event = event};

    if (event->manager_fence < execs->manager_fence) {
        ack_stale(&answer, execs->manager_fence, "another manager leads");
        return;
    }
    if (event->dispatch->session != execs->session) {
        ack_stale(&answer, execs->session, "not this session");
        return;
    }
    execs->manager_fence = event->manager_fence;
    if (is_known(execs, &answer)) return;
    stop_older(execs, &answer, now_ns);
    consider(execs, &answer, now_ns);
}

/* ---- the rest of what it says ---- */

struct hs_exec *hs_execs_find(struct hs_execs *execs, const struct hs_execs_event *event)
{
    struct hs_exec *exec = find_shard(execs, &event->id);

    return exec && exec->record.fence == event->fence ? exec : NULL;
}

void hs_execs_on_cancel(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                        struct hs_execs_actions *actions)
{
    struct hs_exec                 *exec = hs_execs_find(execs, event);
    const struct hs_exec_tombstone *tombstone = find_tombstone(execs, &event->id);
    struct hs_execs_action         *action;
    unsigned                        code = HS_RESULT_OK;

    if (event->manager_fence < execs->manager_fence) {
        code = HS_RESULT_STALE_FENCE;
    } else if (!exec) {
        code = HS_RESULT_UNKNOWN_EXEC;
        if (!tombstone || tombstone->fence < event->fence)
            hs_execs_add_tombstone(execs, &event->id, event->fence, HS_EXEC_NONE, now_ns);
    } else if (hs_exec_is_live(exec)) {
        hs_exec_begin_stop(execs, exec, now_ns,
                           &(struct hs_exec_end){HS_OUTCOME_CANCELLED, event->text, event->wait_ns},
                           actions);
    }
    action = hs_execs_push(actions, HS_EXECS_DO_ACK_CANCEL);
    action->id = event->id;
    action->fence = event->fence;
    action->code = code;
    action->state = exec ? exec->record.state : HS_EXEC_NONE;
}

void hs_execs_on_progress_ack(struct hs_execs *execs, uint64_t now_ns,
                              const struct hs_execs_event *event, struct hs_execs_actions *actions)
{
    struct hs_exec *exec = hs_execs_find(execs, event);

    if (!exec) return;
    if (event->is_full) {
        exec->needs_full = true;
        exec->progress_at_ns = now_ns;
    }
    if (event->is_stop && hs_exec_is_live(exec))
        hs_exec_begin_stop(execs, exec, now_ns,
                           &(struct hs_exec_end){HS_OUTCOME_CANCELLED, "stopped by the manager",
                                                 HS_EXEC_STOP_GRACE_NS},
                           actions);
}

void hs_execs_on_release(struct hs_execs *execs, uint64_t now_ns,
                         const struct hs_execs_event *event, struct hs_execs_actions *actions)
{
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        struct hs_exec *exec = &execs->rows[i];

        if (exec->record.state == HS_EXEC_NONE) continue;
        if (memcmp(exec->record.id.job_id, event->id.job_id, HS_JOB_ID_BYTES) != 0) continue;
        if (event->workflow != HS_WORKFLOW_ALL && event->workflow != exec->record.id.workflow)
            continue;
        exec->record.is_unwanted = 1;
        exec->is_dirty = true;
        if (hs_exec_is_live(exec))
            hs_exec_begin_stop(execs, exec, now_ns,
                               &(struct hs_exec_end){HS_OUTCOME_CANCELLED, "released", 0}, actions);
    }
}
