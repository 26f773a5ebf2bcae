// SPDX-License-Identifier: Apache-2.0
/* execs_results.c - results that wait until a manager has them for good: told again and again, kept
 * for a day, and given up in a fixed order when the table is full (jobs.md 7.9). */
#include "roles/worker/execs_local.h"

#include "shm/base/log.h"

#include <stddef.h>

#define RESULT_WAIT_NS     (5 * HS_NS_PER_S) /* doubles up to the next */
#define RESULT_WAIT_MAX_NS (60 * HS_NS_PER_S)
/* No manager keeps a job for longer: whoever comes back after it would not know what to do with a
 * result. */
#define RESULT_LIFE_NS (UINT64_C(24) * 3600 * HS_NS_PER_S)

void hs_exec_result_is_due(struct hs_exec *exec, uint64_t now_ns)
{
    exec->result_at_ns = now_ns;
    exec->result_wait_ns = RESULT_WAIT_NS;
}

static void give_up(struct hs_execs *execs, struct hs_exec *exec, const char *why)
{
    char text[HS_EXEC_ID_TEXT_BYTES];

    hs_log(HS_LOG_WARN, "worker", "result given up exec=%s outcome=%s: %s",
           hs_exec_id_format(&exec->record.id, text), hs_exec_outcome_name(exec->record.outcome),
           why);
    exec->record.is_unwanted = 1;
    exec->is_dirty = true;
    execs->dropped_results++;
}

/* An engine that was given up still writes into its figures. */
static bool is_in_use(const struct hs_execs *execs, const struct hs_exec *exec)
{
    for (unsigned i = 0; i < exec->record.part_count; i++) {
        const struct hs_exec_part *part = &exec->record.parts[i];

        if (part->run_id && execs->engines[part->engine_idx].busy_run_id == part->run_id)
            return true;
    }
    return false;
}

void hs_execs_tell_result(struct hs_execs *execs, unsigned row, uint64_t now_ns,
                          struct hs_execs_actions *actions)
{
    struct hs_exec *exec = &execs->rows[row];

    if (!exec->record.is_unwanted && now_ns >= exec->record.ended_at_ns + RESULT_LIFE_NS)
        give_up(execs, exec, "nobody took it for a day");
    if (exec->record.is_unwanted) {
        if (is_in_use(execs, exec)) return; /* its engine says when it is over, or dies */
        hs_execs_push(actions, HS_EXECS_DO_FORGET)->row = row;
        return;
    }
    if (!execs->session || now_ns < exec->result_at_ns) return;
    hs_execs_push(actions, HS_EXECS_DO_RESULT)->row = row;
    if (!exec->result_wait_ns) exec->result_wait_ns = RESULT_WAIT_NS;
    exec->result_at_ns = now_ns + exec->result_wait_ns;
    exec->result_wait_ns = hs_min_u64(2 * exec->result_wait_ns, RESULT_WAIT_MAX_NS);
}

uint64_t hs_execs_result_deadline_ns(const struct hs_execs *execs, const struct hs_exec *exec)
{
    uint64_t life_end_ns = exec->record.ended_at_ns + RESULT_LIFE_NS;

    if (exec->record.is_unwanted) return HS_NEVER_NS; /* an event ends the wait */
    return execs->session ? hs_min_u64(exec->result_at_ns, life_end_ns) : life_end_ns;
}

void hs_execs_on_result_ack(struct hs_execs *execs, const struct hs_execs_event *event)
{
    struct hs_exec *exec = hs_execs_find(execs, event);

    if (!exec || exec->record.state != HS_EXEC_FINISHED) return;
    if (event->code == HS_STAGE_RECEIVED) exec->is_received = true;
    if (event->code != HS_STAGE_DURABLE && event->code != HS_STAGE_UNKNOWN) return;
    exec->record.is_unwanted = 1; /* forgotten in this very step */
    exec->is_dirty = true;
}

/* What is lost with it, least first: a manager has it already, nobody wanted its end or it is run
 * again, it failed, it is all there is. */
static unsigned worth_of(const struct hs_exec *exec)
{
    if (exec->is_received) return 0;
    if (exec->record.outcome == HS_OUTCOME_CANCELLED || exec->record.outcome == HS_OUTCOME_LOST)
        return 1;
    return exec->record.outcome == HS_OUTCOME_COMPLETED ? 3 : 2;
}

static bool is_worth_less(const struct hs_exec *a, const struct hs_exec *b)
{
    if (worth_of(a) != worth_of(b)) return worth_of(a) < worth_of(b);
    return a->record.ended_at_ns < b->record.ended_at_ns;
}

void hs_execs_make_room(struct hs_execs *execs)
{
    struct hs_exec *least = NULL;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        struct hs_exec *exec = &execs->rows[i];

        if (exec->record.state != HS_EXEC_FINISHED) continue;
        if (exec->record.is_unwanted) return; /* a row is about to be free */
        if (!least || is_worth_less(exec, least)) least = exec;
    }
    if (least) give_up(execs, least, "no room");
}
