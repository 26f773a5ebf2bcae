// SPDX-License-Identifier: Apache-2.0
/* stop.c - the order of an orderly end. The gate goes first, while everything it needs to end its
 * jobs and to collect what they measured is still there; then the worker, while the manager is
 * there, which hears what it gives up for others to run: jobs of other hosts' gates go on. */
#include "supervisor/stop.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#define HURRIED_NS (2 * HS_NS_PER_S)

static const enum hs_role_kind order[] = {HS_ROLE_GATE, HS_ROLE_WORKER, HS_ROLE_ENGINE,
                                          HS_ROLE_MANAGER, HS_ROLE_CONSOLE};

static bool is_alive(uint32_t alive, enum hs_role_kind kind)
{
    return (alive >> kind & 1) != 0;
}

static void add(struct hs_stop_actions *actions, enum hs_role_kind kind, uint64_t deadline_ns)
{
    HS_ASSERT(actions->count < HS_STOP_ACTIONS_MAX);
    actions->at[actions->count++] =
        (struct hs_stop_action){.kind = kind, .deadline_ns = deadline_ns};
}

static uint64_t timeout_of(const struct hs_stop_config *config, enum hs_role_kind kind)
{
    return kind == HS_ROLE_WORKER || kind == HS_ROLE_ENGINE ? config->worker_timeout_ns
                                                            : config->role_timeout_ns;
}

/* Asks the next kind of which somebody lives; nobody left: done. */
static void ask_next(struct hs_stop *stop, const struct hs_stop_config *config, uint64_t now_ns,
                     uint32_t alive, struct hs_stop_actions *actions)
{
    for (unsigned i = 0; i < HS_ARRAY_LEN(order); i++) {
        if (!is_alive(alive, order[i])) continue;
        if (stop->asked == order[i]) return;
        stop->asked = order[i];
        add(actions, order[i],
            hs_min_u64(now_ns + timeout_of(config, order[i]), stop->overall_deadline_ns));
        return;
    }
    stop->state = HS_STOP_DONE;
}

static void ask_all(struct hs_stop *stop, enum hs_stop_state state, uint64_t deadline_ns,
                    uint32_t alive, struct hs_stop_actions *actions)
{
    stop->state = state;
    for (unsigned i = 0; i < HS_ARRAY_LEN(order); i++)
        if (is_alive(alive, order[i])) add(actions, order[i], deadline_ns);
    if (!actions->count) stop->state = HS_STOP_DONE;
}

static void on_asked(struct hs_stop *stop, const struct hs_stop_config *config, uint64_t now_ns,
                     uint32_t alive, struct hs_stop_actions *actions)
{
    if (stop->state == HS_STOP_IDLE) {
        stop->state = HS_STOP_ORDERLY;
        stop->overall_deadline_ns = now_ns + config->overall_timeout_ns;
        actions->at[actions->count++] = (struct hs_stop_action){.is_drain = true};
        ask_next(stop, config, now_ns, alive, actions);
    } else if (stop->state == HS_STOP_ORDERLY)
        ask_all(stop, HS_STOP_HURRIED, now_ns + HURRIED_NS, alive, actions);
    else if (stop->state == HS_STOP_HURRIED)
        ask_all(stop, HS_STOP_KILLING, now_ns, alive, actions);
}

void hs_stop_step(struct hs_stop *stop, const struct hs_stop_config *config, uint64_t now_ns,
                  const struct hs_stop_event *event, struct hs_stop_actions *actions)
{
    actions->count = 0;
    switch (event->type) {
    case HS_STOP_ASKED: on_asked(stop, config, now_ns, event->alive, actions); break;
    case HS_STOP_NOW:
        if (stop->state != HS_STOP_DONE)
            ask_all(stop, HS_STOP_KILLING, now_ns, event->alive, actions);
        break;
    case HS_STOP_LOOK:
        if (stop->state == HS_STOP_ORDERLY)
            ask_next(stop, config, now_ns, event->alive, actions);
        else if (stop->state != HS_STOP_IDLE && !event->alive)
            stop->state = HS_STOP_DONE;
        break;
    }
}
