// SPDX-License-Identifier: Apache-2.0
/* execs_extension.c - the manager takes a job away when it hears nothing of it for a while. A
 * worker that works but cannot report asks for more time before that (membership 12). */
#include "roles/worker/execs_local.h"

#define ASK_AGAIN_NS (2 * HS_NS_PER_S)
#define ASK_LATER_NS (10 * HS_NS_PER_S) /* it will not be granted soon */
enum { OF_SILENCE = 3 };                /* asks when only this part of it is left */

/* The longest silence begins here; HS_NEVER_NS: nothing is live. */
static uint64_t oldest_told_ns(const struct hs_execs *execs)
{
    uint64_t oldest_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
        if (hs_exec_is_live(&execs->rows[i]))
            oldest_ns = hs_min_u64(oldest_ns, execs->rows[i].told_at_ns);
    return oldest_ns;
}

static bool is_silent(const struct hs_execs *execs, const struct hs_exec *exec, uint64_t now_ns)
{
    return hs_exec_is_live(exec) && now_ns - exec->told_at_ns >= execs->silent_ns / 2;
}

uint64_t hs_execs_extend_at_ns(const struct hs_execs *execs)
{
    uint64_t oldest_ns = oldest_told_ns(execs);

    if (!execs->session || !execs->silent_ns || oldest_ns == HS_NEVER_NS) return HS_NEVER_NS;
    return hs_max_u64(oldest_ns + execs->extended_ns + execs->silent_ns -
                          execs->silent_ns / OF_SILENCE,
                      execs->ask_at_ns);
}

static bool has_engine(const struct hs_execs *execs, const struct hs_exec_record *record)
{
    for (unsigned i = 0; i < record->part_count; i++)
        if (execs->engines[record->parts[i].engine_idx].is_up) return true;
    return false;
}

static enum hs_extension_reason reason_of(const struct hs_execs *execs, uint64_t now_ns,
                                          unsigned *silent_count)
{
    enum hs_extension_reason reason = HS_EXTENSION_CONTENTION;

    *silent_count = 0;
    for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++) {
        const struct hs_exec *exec = &execs->rows[i];

        if (!is_silent(execs, exec, now_ns)) continue;
        ++*silent_count;
        if (!has_engine(execs, &exec->record)) reason = HS_EXTENSION_PAUSE;
        if (!exec->record.is_started) return HS_EXTENSION_LONG_WORK;
    }
    return reason;
}

void hs_execs_ask_extension(struct hs_execs *execs, uint64_t now_ns,
                            struct hs_execs_actions *actions)
{
    uint64_t                oldest_ns = oldest_told_ns(execs);
    struct hs_execs_action *action;

    if (oldest_ns == HS_NEVER_NS || now_ns - oldest_ns < execs->silent_ns / OF_SILENCE)
        execs->extended_ns = 0; /* all was told: what was granted is of the past */
    if (now_ns < hs_execs_extend_at_ns(execs)) return;
    execs->ask_at_ns = now_ns + ASK_AGAIN_NS;
    action = hs_execs_push(actions, HS_EXECS_DO_EXTEND);
    action->code = reason_of(execs, now_ns, &action->cores);
}

/* What else would end a share meanwhile waits as long. */
static void extend_exec(struct hs_exec *exec, uint64_t grant_ns)
{
    if (exec->record.timeout_ns) exec->record.timeout_ns += grant_ns;
    for (unsigned i = 0; i < exec->record.part_count; i++)
        if (exec->record.parts[i].state == HS_PART_WAITING)
            exec->record.parts[i].deadline_ns += grant_ns;
    exec->is_dirty = true;
}

void hs_execs_on_extension(struct hs_execs *execs, uint64_t now_ns,
                           const struct hs_execs_event *event)
{
    if (event->code == HS_EXTENSION_GRANTED) {
        execs->extended_ns += event->wait_ns;
        for (unsigned i = 0; i < HS_EXECS_PER_WORKER_MAX; i++)
            if (is_silent(execs, &execs->rows[i], now_ns))
                extend_exec(&execs->rows[i], event->wait_ns);
    } else if (event->code != HS_EXTENSION_NO_PROGRESS &&
               event->code != HS_EXTENSION_RATE_LIMITED &&
               event->code != HS_EXTENSION_REFUTE_FIRST) {
        execs->ask_at_ns = now_ns + ASK_LATER_NS;
    }
}

void hs_execs_told(struct hs_execs *execs, unsigned row, uint64_t now_ns)
{
    HS_ASSERT(row < HS_EXECS_PER_WORKER_MAX);
    execs->rows[row].told_at_ns = now_ns;
}
