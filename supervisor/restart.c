// SPDX-License-Identifier: Apache-2.0
/* restart.c - one process's way from wanted to serving, and back after each death. */
#include "supervisor/restart.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

/* A life that served for so long was a good one: the next begins at once (design.md 6). */
#define GOOD_LIFE_NS HS_NS_PER_S
/* To say where it hangs. Short, since the successor waits for the end of it. */
#define ABORT_GRACE_NS (100 * HS_NS_PER_MS)

enum { EXIT_USAGE = 64, EXIT_NO_PERMISSION = 77, EXIT_BAD_CONFIG = 78 };

static void enter(struct hs_restart *restart, enum hs_process_state state, uint64_t deadline_ns)
{
    restart->state = state;
    restart->deadline_ns = deadline_ns;
}

static void add(struct hs_restart_actions *actions, enum hs_restart_action action)
{
    HS_ASSERT(actions->count < HS_RESTART_ACTIONS_MAX);
    actions->at[actions->count++] = action;
}

static void start(struct hs_restart *restart, const struct hs_restart_config *config,
                  uint64_t now_ns, struct hs_restart_actions *actions)
{
    restart->restart_count += restart->generation > 0;
    restart->generation++;
    restart->started_at_ns = now_ns;
    restart->ready_at_ns = 0;
    restart->is_aborted = false;
    restart->is_killed = false;
    enter(restart, HS_PROCESS_STARTING, now_ns + config->start_timeout_ns);
    add(actions, HS_RESTART_DO_FORK);
}

static void kill_it(struct hs_restart *restart, struct hs_restart_actions *actions)
{
    restart->deadline_ns = HS_NEVER_NS; /* the reaping comes, or nothing can be done */
    if (restart->is_killed) return;
    restart->is_killed = true;
    add(actions, HS_RESTART_DO_KILL);
}

static void abort_it(struct hs_restart *restart, uint64_t now_ns,
                     struct hs_restart_actions *actions)
{
    if (restart->is_aborted || restart->is_killed) return;
    restart->is_aborted = true;
    restart->deadline_ns = hs_min_u64(restart->deadline_ns, now_ns + ABORT_GRACE_NS);
    add(actions, HS_RESTART_DO_ABORT);
}

/* +-20 %: processes that died together do not come back together for ever. */
static uint64_t with_jitter(uint64_t wait_ns, struct hs_rand *rand)
{
    return wait_ns - wait_ns / 5 + hs_rand_below(rand, wait_ns / 5 * 2 + 1);
}

static void back_off(struct hs_restart *restart, const struct hs_restart_config *config,
                     struct hs_rand *rand, uint64_t now_ns)
{
    uint64_t wait_ns = hs_max_u64(restart->backoff_ns, config->backoff_min_ns);

    wait_ns = hs_min_u64(wait_ns, config->backoff_max_ns);
    restart->backoff_ns = hs_min_u64(wait_ns * 2, config->backoff_max_ns);
    enter(restart, HS_PROCESS_WAITING, now_ns + with_jitter(wait_ns, rand));
}

/* Counts a death before readiness; true if it is one too many. */
static bool is_one_too_many(struct hs_restart *restart, const struct hs_restart_config *config,
                            uint64_t now_ns)
{
    uint64_t allowed = config->crash_loop_deaths;
    uint64_t oldest_ns;

    HS_ASSERT(allowed < HS_EARLY_DEATHS_MAX);
    restart->early_deaths_at_ns[restart->early_death_count % HS_EARLY_DEATHS_MAX] = now_ns;
    restart->early_death_count++;
    if (restart->early_death_count <= allowed) return false;
    oldest_ns =
        restart
            ->early_deaths_at_ns[(restart->early_death_count - 1 - allowed) % HS_EARLY_DEATHS_MAX];
    return now_ns - oldest_ns <= config->crash_loop_window_ns;
}

static bool is_hopeless(int exit_code)
{
    return exit_code == EXIT_USAGE || exit_code == EXIT_NO_PERMISSION ||
           exit_code == EXIT_BAD_CONFIG;
}

static void on_died_early(struct hs_restart *restart, const struct hs_restart_config *config,
                          struct hs_rand *rand, uint64_t now_ns)
{
    if (is_one_too_many(restart, config, now_ns)) restart->is_crash_looping = true;
    if (restart->is_crash_looping)
        enter(restart, HS_PROCESS_CRASH_LOOP, now_ns + config->backoff_max_ns);
    else
        back_off(restart, config, rand, now_ns);
}

static void on_died(struct hs_restart *restart, const struct hs_restart_config *config,
                    struct hs_rand *rand, uint64_t now_ns, int exit_code,
                    struct hs_restart_actions *actions)
{
    uint64_t served_ns = restart->ready_at_ns ? now_ns - restart->ready_at_ns : 0;

    if (!hs_restart_is_alive(restart)) return;
    if (!restart->is_wanted)
        enter(restart, HS_PROCESS_STOPPED, HS_NEVER_NS);
    else if (restart->state == HS_PROCESS_STOPPING)
        start(restart, config, now_ns, actions);
    else if (is_hopeless(exit_code))
        enter(restart, HS_PROCESS_FAILED, HS_NEVER_NS);
    else if (!restart->ready_at_ns)
        on_died_early(restart, config, rand, now_ns);
    else if (served_ns < GOOD_LIFE_NS)
        back_off(restart, config, rand, now_ns);
    else {
        restart->backoff_ns = 0;
        start(restart, config, now_ns, actions);
    }
}

/* By force, whatever it says or is told from now on. */
static bool is_ending(const struct hs_restart *restart)
{
    return restart->is_aborted || restart->is_killed;
}

static void on_ready(struct hs_restart *restart, uint64_t now_ns)
{
    if (restart->state != HS_PROCESS_STARTING || is_ending(restart)) return;
    restart->ready_at_ns = now_ns;
    restart->is_crash_looping = false;
    enter(restart, HS_PROCESS_READY, HS_NEVER_NS);
}

/* Ends a living process by deadline_ns; a later deadline never replaces an earlier one. */
static void tell_stop(struct hs_restart *restart, uint64_t now_ns, uint64_t deadline_ns,
                      struct hs_restart_actions *actions)
{
    if (restart->is_killed) return;
    if (restart->is_aborted || restart->state == HS_PROCESS_STOPPING)
        deadline_ns = hs_min_u64(deadline_ns, restart->deadline_ns);
    enter(restart, HS_PROCESS_STOPPING, deadline_ns);
    if (deadline_ns <= now_ns)
        kill_it(restart, actions);
    else if (!restart->is_aborted)
        add(actions, HS_RESTART_DO_TELL_STOP);
}

static void on_again(struct hs_restart *restart, const struct hs_restart_config *config,
                     uint64_t now_ns, uint64_t deadline_ns, struct hs_restart_actions *actions)
{
    if (!restart->is_wanted) return;
    if (hs_restart_is_alive(restart))
        tell_stop(restart, now_ns, deadline_ns, actions);
    else
        start(restart, config, now_ns, actions);
}

static void on_stop(struct hs_restart *restart, uint64_t now_ns, uint64_t deadline_ns,
                    struct hs_restart_actions *actions)
{
    restart->is_wanted = false;
    if (hs_restart_is_alive(restart))
        tell_stop(restart, now_ns, deadline_ns, actions);
    else if (restart->state != HS_PROCESS_ABSENT)
        enter(restart, HS_PROCESS_STOPPED, HS_NEVER_NS);
}

static void on_tick(struct hs_restart *restart, const struct hs_restart_config *config,
                    uint64_t now_ns, struct hs_restart_actions *actions)
{
    if (now_ns < restart->deadline_ns) return;
    if (!hs_restart_is_alive(restart))
        start(restart, config, now_ns, actions);
    else if (restart->state == HS_PROCESS_STARTING && !restart->is_aborted) {
        restart->deadline_ns = HS_NEVER_NS; /* of readiness: it has passed */
        abort_it(restart, now_ns, actions);
    } else
        kill_it(restart, actions);
}

void hs_restart_init(struct hs_restart *restart)
{
    memset(restart, 0, sizeof *restart);
    enter(restart, HS_PROCESS_ABSENT, HS_NEVER_NS);
}

void hs_restart_step(struct hs_restart *restart, const struct hs_restart_config *config,
                     struct hs_rand *rand, uint64_t now_ns, const struct hs_restart_event *event,
                     struct hs_restart_actions *actions)
{
    actions->count = 0;
    switch (event->type) {
    case HS_RESTART_WANT:
        restart->is_wanted = true;
        if (!hs_restart_is_alive(restart)) start(restart, config, now_ns, actions);
        break;
    case HS_RESTART_READY: on_ready(restart, now_ns); break;
    case HS_RESTART_PROGRESS:
        if (restart->state == HS_PROCESS_STARTING && !is_ending(restart))
            restart->deadline_ns = now_ns + config->start_timeout_ns;
        break;
    case HS_RESTART_HUNG:
        if (hs_restart_is_alive(restart)) abort_it(restart, now_ns, actions);
        break;
    case HS_RESTART_GIVE_UP:
        if (hs_restart_is_alive(restart)) kill_it(restart, actions);
        break;
    case HS_RESTART_DIED: on_died(restart, config, rand, now_ns, event->exit_code, actions); break;
    case HS_RESTART_AGAIN: on_again(restart, config, now_ns, event->deadline_ns, actions); break;
    case HS_RESTART_STOP: on_stop(restart, now_ns, event->deadline_ns, actions); break;
    case HS_RESTART_TICK: on_tick(restart, config, now_ns, actions); break;
    }
}

uint64_t hs_restart_deadline_ns(const struct hs_restart *restart)
{
    return restart->deadline_ns;
}

bool hs_restart_is_alive(const struct hs_restart *restart)
{
    return restart->state == HS_PROCESS_STARTING || restart->state == HS_PROCESS_READY ||
           restart->state == HS_PROCESS_STOPPING;
}
