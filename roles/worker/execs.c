// SPDX-License-Identifier: Apache-2.0
/* execs.c - the table, what is due in time, and the answers to questions about it. */
#include "roles/worker/execs.h"

#include "roles/host_table.h"
#include "roles/worker/execs_local.h"

#include <string.h>

#define REGISTER_RETRY_NS HS_NS_PER_S
#define TOMBSTONE_LIFE_NS (300 * HS_NS_PER_S)

struct hs_execs_action *hs_execs_push(struct hs_execs_actions  *actions,
                                      enum hs_execs_action_type type)
{
    struct hs_execs_action *action = &actions->at[actions->count];

    HS_ASSERT(actions->count < HS_EXECS_ACTIONS_MAX);
    actions->count++;
    *action = (struct hs_execs_action){.type = type, .text = ""};
    return action;
}

/* Unique among all lives of the worker on this host: nobody restarts four billion times. */
uint64_t hs_execs_new_id(struct hs_execs *execs)
{
    return execs->config.generation << 32 | ++execs->next_id;
}

bool hs_exec_is_live(const struct hs_exec *exec)
{
    return exec->record.state >= HS_EXEC_RESERVED && exec->record.state <= HS_EXEC_STOPPING;
}

bool hs_exec_is_same_shard(const struct hs_exec_id *a, const struct hs_exec_id *b)
{
    return a->workflow == b->workflow && a->shard == b->shard &&
           memcmp(a->job_id, b->job_id, sizeof a->job_id) == 0;
}

void hs_execs_init(struct hs_execs *execs, const struct hs_execs_config *config, uint64_t now_ns)
{
    HS_ASSERT(config->engine_count <= HS_ENGINES_MAX);
    memset(execs, 0, sizeof *execs);
    execs->config = *config;
    execs->alone_since_ns = now_ns;
    for (unsigned i = 0; i < HS_ENGINES_MAX; i++) execs->engines[i].down_since_ns = now_ns;
}

/* ---- adoption ---- */

static bool is_record_sound(const struct hs_execs *execs, const struct hs_exec_record *record)
{
    if (record->state < HS_EXEC_RESERVED || record->state > HS_EXEC_FINISHED) return false;
    if (record->part_count == 0 || record->part_count > execs->config.engine_count) return false;
    if (memchr(record->text, 0, sizeof record->text) == NULL) return false;
    for (unsigned i = 0; i < record->part_count; i++) {
        const struct hs_exec_part *part = &record->parts[i];

        if (part->engine_idx >= execs->config.engine_count) return false;
        if (part->state > HS_PART_FAILED || part->void_count > HS_PART_VOID_MAX) return false;
    }
    return true;
}

static void adopt_row(struct hs_execs *execs, unsigned row, const struct hs_exec_record *record,
                      uint64_t now_ns)
{
    struct hs_exec *exec = &execs->rows[row];

    *exec = (struct hs_exec){.record = *record, .needs_full = true};
    exec->progress_at_ns = now_ns;
    exec->told_at_ns = now_ns;
    exec->full_at_ns = now_ns;
    hs_exec_result_is_due(exec, now_ns);
    exec->stop_deadline_ns = now_ns + HS_EXEC_STOP_GRACE_NS;
    for (unsigned i = 0; i < record->part_count; i++) {
        struct hs_exec_part     *part = &exec->record.parts[i];
        struct hs_worker_engine *engine = &execs->engines[part->engine_idx];

        if (part->state > HS_PART_RUNNING) continue;
        engine->exec_row = row + 1;
        if (engine->busy_run_id == part->run_id) engine->busy_run_id = 0; /* not yet given up */
        if (part->state == HS_PART_SENT) exec->unsure_parts |= UINT64_C(1) << i;
        /* The manager has to send the plan again, which takes it a moment. */
        if (part->state != HS_PART_RUNNING) part->deadline_ns = now_ns + HS_EXEC_PREPARE_TIMEOUT_NS;
    }
}

bool hs_execs_adopt(struct hs_execs *execs, unsigned row, const struct hs_exec_record *record,
                    uint64_t now_ns)
{
    HS_ASSERT(row < HS_EXECS_PER_WORKER_MAX);
    if (!is_record_sound(execs, record)) return false;
    adopt_row(execs, row, record, now_ns);
    return true;
}

void hs_execs_save_head(const struct hs_execs *execs, struct hs_exec_ledger_head *head)
{
    memset(head, 0, sizeof *head);
    head->manager_fence = execs->manager_fence;
    for (unsigned i = 0; i < execs->config.engine_count; i++) {
        head->idle_generation[i] = execs->engines[i].idle_generation;
        head->busy_run_id[i] = execs->engines[i].busy_run_id;
        head->busy_generation[i] = execs->engines[i].busy_generation;
    }
}

/* Whatever a death between two stores cuts off, no core is then in two rows. */
unsigned hs_execs_next_dirty(const struct hs_execs *execs)
{
    unsigned promised = HS_EXECS_PER_WORKER_MAX;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        if (!execs->rows[i].is_dirty) continue;
        if (execs->rows[i].record.state != HS_EXEC_RESERVED) return i;
        if (promised == HS_EXECS_PER_WORKER_MAX) promised = i;
    }
    return promised;
}

void hs_execs_adopt_head(struct hs_execs *execs, const struct hs_exec_ledger_head *head)
{
    execs->manager_fence = head->manager_fence;
    for (unsigned i = 0; i < execs->config.engine_count; i++) {
        execs->engines[i].idle_generation = head->idle_generation[i];
        execs->engines[i].busy_run_id = head->busy_run_id[i];
        execs->engines[i].busy_generation = head->busy_generation[i];
    }
}

/* ---- tombstones ---- */

void hs_execs_add_tombstone(struct hs_execs *execs, const struct hs_exec_id *id, uint64_t fence,
                            unsigned state, uint64_t now_ns)
{
    struct hs_exec_tombstone *oldest = &execs->tombstones[0];

    for (unsigned i = 0; i < HS_EXEC_TOMBSTONES; i++) {
        struct hs_exec_tombstone *tombstone = &execs->tombstones[i];

        if (tombstone->at_ns && hs_exec_is_same_shard(&tombstone->id, id)) {
            oldest = tombstone; /* one per shard, of its highest fence */
            if (tombstone->fence > fence) return;
            break;
        }
        if (tombstone->at_ns < oldest->at_ns) oldest = tombstone;
    }
    *oldest = (struct hs_exec_tombstone){
        .id = *id, .fence = fence, .state = state, .at_ns = hs_max_u64(now_ns, 1)};
}

void hs_execs_bury(struct hs_execs *execs, unsigned row, uint64_t now_ns)
{
    struct hs_exec *exec = &execs->rows[row];

    HS_ASSERT(row < HS_EXECS_PER_WORKER_MAX);
    HS_ASSERT(exec->record.state == HS_EXEC_FINISHED);
    hs_execs_add_tombstone(execs, &exec->record.id, exec->record.fence, HS_EXEC_TOMBSTONE, now_ns);
    *exec = (struct hs_exec){.is_dirty = true};
}

static void drop_old_tombstones(struct hs_execs *execs, uint64_t now_ns)
{
    for (unsigned i = 0; i < HS_EXEC_TOMBSTONES; i++) {
        struct hs_exec_tombstone *tombstone = &execs->tombstones[i];

        if (tombstone->at_ns && now_ns - tombstone->at_ns >= TOMBSTONE_LIFE_NS)
            tombstone->at_ns = 0;
    }
}

/* ---- the link to the manager ---- */

static void on_link_up(struct hs_execs *execs, uint64_t now_ns, struct hs_execs_actions *actions)
{
    execs->is_linked = true;
    execs->session = 0;
    execs->register_at_ns = now_ns + 5 * REGISTER_RETRY_NS;
    hs_execs_push(actions, HS_EXECS_DO_REGISTER);
}

static void on_link_down(struct hs_execs *execs, uint64_t now_ns)
{
    if (execs->is_linked) execs->alone_since_ns = now_ns;
    execs->is_linked = false;
    execs->session = 0;
}

static void on_registered(struct hs_execs *execs, uint64_t now_ns,
                          const struct hs_execs_event *event)
{
    if (!execs->is_linked) return;
    if (event->code != HS_RESULT_OK) {
        execs->register_at_ns = now_ns + hs_max_u64(event->wait_ns, REGISTER_RETRY_NS / 10);
        return;
    }
    execs->session = event->session;
    execs->manager_fence = hs_max_u64(execs->manager_fence, event->manager_fence);
    execs->needs_heartbeat = true;
    execs->silent_ns = event->silent_ns;
    execs->extended_ns = execs->ask_at_ns = 0;
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        execs->rows[i].needs_full = true;
        execs->rows[i].progress_at_ns = now_ns;
        execs->rows[i].told_at_ns = now_ns;
        execs->rows[i].is_received = false; /* by the one before, if at all */
        hs_exec_result_is_due(&execs->rows[i], now_ns);
    }
}

static void on_reconcile(struct hs_execs *execs, uint64_t now_ns,
                         const struct hs_execs_event *event, struct hs_execs_actions *actions)
{
    execs->manager_fence = hs_max_u64(execs->manager_fence, event->manager_fence);
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        execs->rows[i].needs_full = true;
        execs->rows[i].result_at_ns = now_ns;
    }
    hs_execs_push(actions, HS_EXECS_DO_STATE);
}

static void on_set_aside(struct hs_execs *execs, uint64_t now_ns,
                         const struct hs_execs_event *event, struct hs_execs_actions *actions)
{
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (hs_exec_is_live(&execs->rows[i]) &&
            hs_host_table_digest_word(execs->rows[i].record.digest) == event->plan_word)
            hs_exec_begin_stop(
                execs, &execs->rows[i], now_ns,
                &(struct hs_exec_end){HS_OUTCOME_FAILED, HS_EXEC_SET_ASIDE_TEXT, HS_NS_PER_S},
                actions);
}

static void on_stop(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                    struct hs_execs_actions *actions)
{
    execs->is_stopping = true;
    execs->is_draining = true;
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (hs_exec_is_live(&execs->rows[i]))
            hs_exec_begin_stop(
                execs, &execs->rows[i], now_ns,
                &(struct hs_exec_end){HS_OUTCOME_LOST, HS_EXEC_DRAINED_TEXT, event->wait_ns},
                actions);
}

/* ---- what is due ---- */

static uint64_t orphan_deadline_ns(const struct hs_execs *execs)
{
    if (execs->is_linked) return HS_NEVER_NS;
    return execs->alone_since_ns + execs->config.orphan_after_ns + execs->config.orphan_grace_ns;
}

static void check_exec(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns,
                       struct hs_execs_actions *actions)
{
    const struct hs_exec_record *record = &exec->record;

    if (now_ns >= orphan_deadline_ns(execs) && record->state != HS_EXEC_STOPPING)
        hs_exec_begin_stop(execs, exec, now_ns,
                           &(struct hs_exec_end){HS_OUTCOME_CANCELLED, "no manager for too long",
                                                 HS_EXEC_STOP_GRACE_NS},
                           actions);
    if (record->state == HS_EXEC_RUNNING && record->timeout_ns &&
        now_ns >= record->start_at_ns + record->timeout_ns)
        hs_exec_begin_stop(execs, exec, now_ns,
                           &(struct hs_exec_end){HS_OUTCOME_FAILED, "took longer than its limit",
                                                 HS_EXEC_STOP_GRACE_NS},
                           actions);
    hs_exec_check_deadlines(execs, exec, now_ns, actions);
}

static void report(struct hs_execs *execs, unsigned row, uint64_t now_ns,
                   struct hs_execs_actions *actions)
{
    struct hs_exec         *exec = &execs->rows[row];
    struct hs_execs_action *action;

    if (!exec->record.is_started || now_ns < exec->progress_at_ns) return;
    action = hs_execs_push(actions, HS_EXECS_DO_PROGRESS);
    action->row = row;
    action->is_full = exec->needs_full || now_ns >= exec->full_at_ns;
    if (action->is_full) exec->full_at_ns = now_ns + execs->config.cumulative_interval_ns;
    exec->needs_full = false; /* the driver sets it again when nothing could be sent */
    exec->progress_at_ns = now_ns + execs->config.progress_interval_ns;
}

static void talk(struct hs_execs *execs, uint64_t now_ns, struct hs_execs_actions *actions)
{
    if (!execs->is_linked) return;
    if (!execs->session && now_ns >= execs->register_at_ns) {
        execs->register_at_ns = now_ns + 5 * REGISTER_RETRY_NS;
        hs_execs_push(actions, HS_EXECS_DO_REGISTER);
    }
    if (!execs->session || (!execs->needs_heartbeat && now_ns < execs->heartbeat_at_ns)) return;
    execs->needs_heartbeat = false;
    execs->heartbeat_at_ns = now_ns + execs->config.heartbeat_interval_ns;
    drop_old_tombstones(execs, now_ns);
    hs_execs_push(actions, HS_EXECS_DO_HEARTBEAT);
}

/* After every event: what it made due is done in the same step. */
static void do_what_is_due(struct hs_execs *execs, uint64_t now_ns,
                           struct hs_execs_actions *actions)
{
    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++)
        if (hs_exec_is_live(&execs->rows[row]))
            check_exec(execs, &execs->rows[row], now_ns, actions);
    talk(execs, now_ns, actions);
    hs_execs_ask_extension(execs, now_ns, actions);
    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++) {
        if (hs_exec_is_live(&execs->rows[row]) && execs->session)
            report(execs, row, now_ns, actions);
        if (execs->rows[row].record.state == HS_EXEC_FINISHED)
            hs_execs_tell_result(execs, row, now_ns, actions);
    }
}

void hs_execs_step(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                   struct hs_execs_actions *actions)
{
    actions->count = 0;
    switch (event->type) {
    case HS_EXECS_DISPATCH: hs_execs_on_dispatch(execs, now_ns, event, actions); break;
    case HS_EXECS_PREPARED: hs_execs_on_prepared(execs, now_ns, event, actions); break;
    case HS_EXECS_ENGINE_UP:
    case HS_EXECS_ENGINE_DOWN:
    case HS_EXECS_ENGINE_IDLE: hs_execs_on_engine(execs, now_ns, event, actions); break;
    case HS_EXECS_RUN_STARTED:
    case HS_EXECS_RUN_ENDED: hs_execs_on_run(execs, now_ns, event, actions); break;
    case HS_EXECS_LINK_UP: on_link_up(execs, now_ns, actions); break;
    case HS_EXECS_LINK_DOWN: on_link_down(execs, now_ns); break;
    case HS_EXECS_REGISTERED: on_registered(execs, now_ns, event); break;
    case HS_EXECS_CANCEL: hs_execs_on_cancel(execs, now_ns, event, actions); break;
    case HS_EXECS_PROGRESS_ACK: hs_execs_on_progress_ack(execs, now_ns, event, actions); break;
    case HS_EXECS_RESULT_ACK: hs_execs_on_result_ack(execs, event); break;
    case HS_EXECS_EXTENSION: hs_execs_on_extension(execs, now_ns, event); break;
    case HS_EXECS_RELEASE: hs_execs_on_release(execs, now_ns, event, actions); break;
    case HS_EXECS_RECONCILE: on_reconcile(execs, now_ns, event, actions); break;
    case HS_EXECS_SET_ASIDE: on_set_aside(execs, now_ns, event, actions); break;
    case HS_EXECS_DRAIN: execs->is_draining = execs->needs_heartbeat = true; break;
    case HS_EXECS_STOP: on_stop(execs, now_ns, event, actions); break;
    case HS_EXECS_TIMEOUT: break;
    }
    do_what_is_due(execs, now_ns, actions);
}

static uint64_t exec_deadline_ns(const struct hs_execs *execs, const struct hs_exec *exec)
{
    const struct hs_exec_record *record = &exec->record;
    uint64_t                     deadline_ns = HS_NEVER_NS;

    if (record->state == HS_EXEC_FINISHED) return hs_execs_result_deadline_ns(execs, exec);
    if (!hs_exec_is_live(exec)) return HS_NEVER_NS;
    deadline_ns = hs_exec_parts_deadline_ns(exec);
    if (execs->session && record->is_started)
        deadline_ns = hs_min_u64(deadline_ns, exec->progress_at_ns);
    if (record->state == HS_EXEC_RUNNING && record->timeout_ns)
        deadline_ns = hs_min_u64(deadline_ns, record->start_at_ns + record->timeout_ns);
    if (record->state != HS_EXEC_STOPPING)
        deadline_ns = hs_min_u64(deadline_ns, orphan_deadline_ns(execs));
    return deadline_ns;
}

uint64_t hs_execs_deadline_ns(const struct hs_execs *execs)
{
    uint64_t deadline_ns = HS_NEVER_NS;

    if (execs->is_linked)
        deadline_ns = execs->session ? execs->heartbeat_at_ns : execs->register_at_ns;
    deadline_ns = hs_min_u64(deadline_ns, hs_execs_extend_at_ns(execs));
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        deadline_ns = hs_min_u64(deadline_ns, exec_deadline_ns(execs, &execs->rows[i]));
    return deadline_ns;
}

/* ---- questions ---- */

unsigned hs_execs_free_cores(const struct hs_execs *execs, uint64_t now_ns)
{
    unsigned count = 0;

    for (unsigned i = 0; i < execs->config.engine_count; i++)
        count += hs_execs_is_engine_free(execs, i, now_ns);
    return count;
}

uint64_t hs_execs_engines_mask(const struct hs_execs *execs)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < execs->config.engine_count; i++)
        if (execs->engines[i].is_up) mask |= UINT64_C(1) << i;
    return mask;
}

unsigned hs_execs_live_count(const struct hs_execs *execs)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        count += hs_exec_is_live(&execs->rows[i]);
    return count;
}

unsigned hs_execs_waiting_count(const struct hs_execs *execs)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        count +=
            execs->rows[i].record.state == HS_EXEC_FINISHED && !execs->rows[i].record.is_unwanted;
    return count;
}

uint64_t hs_exec_elapsed_ns(const struct hs_exec_record *record, uint64_t now_ns)
{
    uint64_t until_ns = record->ended_at_ns ? record->ended_at_ns : now_ns;

    if (!record->start_at_ns || until_ns < record->start_at_ns) return 0;
    return until_ns - record->start_at_ns;
}

enum hs_exec_phase hs_exec_phase_at(const struct hs_exec_record *record, uint64_t now_ns)
{
    uint64_t elapsed_ns = hs_exec_elapsed_ns(record, now_ns);

    if (record->state == HS_EXEC_FINISHED) return HS_PHASE_DONE;
    if (!record->start_at_ns || now_ns < record->start_at_ns) return HS_PHASE_START;
    if (record->state == HS_EXEC_STOPPING) return HS_PHASE_DRAIN;
    if (elapsed_ns < record->facts.warmup_ns) return HS_PHASE_WARMUP;
    if (!record->facts.duration_ns ||
        elapsed_ns < record->facts.warmup_ns + record->facts.duration_ns)
        return HS_PHASE_LOAD;
    return HS_PHASE_DRAIN;
}

bool hs_execs_is_done(const struct hs_execs *execs)
{
    return execs->is_stopping && hs_execs_live_count(execs) == 0 &&
           (hs_execs_waiting_count(execs) == 0 || !execs->is_linked);
}

bool hs_execs_validate(const struct hs_execs *execs)
{
    unsigned reserved[HS_ENGINES_MAX] = {0};

    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++) {
        const struct hs_exec_record *record = &execs->rows[row].record;

        if (record->state == HS_EXEC_NONE) continue;
        if (!is_record_sound(execs, record)) return false;
        for (unsigned i = 0; i < record->part_count; i++) {
            const struct hs_exec_part *part = &record->parts[i];

            if (part->state > HS_PART_RUNNING) continue;
            if (execs->engines[part->engine_idx].exec_row != row + 1) return false;
            if (reserved[part->engine_idx]++) return false; /* a core is promised once */
        }
    }
    for (unsigned i = 0; i < HS_ENGINES_MAX; i++)
        if (execs->engines[i].exec_row && !reserved[i]) return false;
    return true;
}
