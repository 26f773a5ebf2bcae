// SPDX-License-Identifier: Apache-2.0
/* stop.h - decides in which order a tree ends: those who take work from outside first, those who
 * carry the results last, the console after all. Each kind is asked when the one before it is gone.
 * Pure. Killing at a process's deadline is restart.h's. */
#ifndef HS_SUPERVISOR_STOP_H
#define HS_SUPERVISOR_STOP_H

#include "roles/role_kind.h"

#include <stdbool.h>
#include <stdint.h>

enum { HS_STOP_ACTIONS_MAX = 6 };

struct hs_stop_config {
    uint64_t overall_timeout_ns;
    uint64_t role_timeout_ns;   /* gate, manager, console */
    uint64_t worker_timeout_ns; /* worker, engines */
};

enum hs_stop_state {
    HS_STOP_IDLE,
    HS_STOP_ORDERLY,
    HS_STOP_HURRIED, /* asked twice: two seconds for all */
    HS_STOP_KILLING, /* asked thrice, or by SIGQUIT */
    HS_STOP_DONE
};

enum hs_stop_event_type {
    HS_STOP_ASKED, /* again: faster */
    HS_STOP_NOW,
    HS_STOP_LOOK /* who is alive may have changed */
};

struct hs_stop_event {
    enum hs_stop_event_type type;
    uint32_t                alive; /* bit per enum hs_role_kind: some process of it lives */
};

struct hs_stop_action {
    bool              is_drain; /* everybody: take nothing new */
    enum hs_role_kind kind;     /* else: these end by */
    uint64_t          deadline_ns;
};

struct hs_stop_actions {
    unsigned              count;
    struct hs_stop_action at[HS_STOP_ACTIONS_MAX];
};

struct hs_stop {
    enum hs_stop_state state;
    enum hs_role_kind  asked; /* the kind that is ending now */
    uint64_t           overall_deadline_ns;
};

void hs_stop_step(struct hs_stop *stop, const struct hs_stop_config *config, uint64_t now_ns,
                  const struct hs_stop_event *event, struct hs_stop_actions *actions);

#endif
