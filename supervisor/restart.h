// SPDX-License-Identifier: Apache-2.0
/* restart.h - decides when one process is started, when it is started again and when not any more.
 * Pure: forks nothing, kills nothing; what it wants done comes out as actions. Whether a process is
 * hung is watchdog.h's business, in which order a tree stops is stop.h's. */
#ifndef HS_SUPERVISOR_RESTART_H
#define HS_SUPERVISOR_RESTART_H

#include "roles/host_table.h"
#include "shm/base/rand.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_EARLY_DEATHS_MAX = 65, /* one more than supervisor.crash_loop_deaths may be */
    HS_RESTART_ACTIONS_MAX = 2
};

struct hs_restart_config {
    uint64_t backoff_min_ns;
    uint64_t backoff_max_ns;
    uint64_t start_timeout_ns;
    uint64_t crash_loop_window_ns;
    uint32_t crash_loop_deaths; /* more than so many deaths before readiness in the window */
};

enum hs_restart_event_type {
    HS_RESTART_WANT,     /* the process shall run from now on */
    HS_RESTART_READY,    /* it serves */
    HS_RESTART_PROGRESS, /* not ready, but visibly at work (replay of a log): more time */
    HS_RESTART_HUNG,     /* the watchdog gave it up: it shall say where it hangs, and end */
    HS_RESTART_GIVE_UP,  /* it cannot say anything any more, or sent nonsense */
    HS_RESTART_DIED,     /* reaped, or could not be forked */
    HS_RESTART_AGAIN,    /* end it in order and start it again: an operator, a reload */
    HS_RESTART_STOP,     /* shall not run any more; ends by deadline_ns */
    HS_RESTART_TICK      /* the deadline has come */
};

struct hs_restart_event {
    enum hs_restart_event_type type;
    int                        exit_code;   /* DIED: -1 by a signal */
    uint64_t                   deadline_ns; /* STOP, AGAIN */
};

enum hs_restart_action {
    HS_RESTART_DO_FORK,
    HS_RESTART_DO_TELL_STOP,
    HS_RESTART_DO_ABORT, /* SIGABRT: its handler keeps the stack for the obituary */
    HS_RESTART_DO_KILL
};

struct hs_restart_actions {
    unsigned               count;
    enum hs_restart_action at[HS_RESTART_ACTIONS_MAX];
};

struct hs_restart {
    enum hs_process_state state;
    bool                  is_wanted;
    bool                  is_aborted;       /* SIGABRT, likewise; SIGKILL at the deadline */
    bool                  is_killed;        /* SIGKILL is on its way, or told to be */
    bool                  is_crash_looping; /* until it is ready once */
    uint64_t              deadline_ns;      /* WAITING, CRASH_LOOP: start; else: kill */
    uint64_t              generation;       /* lives so far */
    uint64_t              restart_count;    /* starts after the first one */
    uint64_t              started_at_ns;
    uint64_t              ready_at_ns; /* 0: not in this life */
    uint64_t              backoff_ns;  /* what the next wait will be about */
    uint64_t              early_deaths_at_ns[HS_EARLY_DEATHS_MAX]; /* ring of the last ones */
    uint64_t              early_death_count;
};

void hs_restart_init(struct hs_restart *restart);
void hs_restart_step(struct hs_restart *restart, const struct hs_restart_config *config,
                     struct hs_rand *rand, uint64_t now_ns, const struct hs_restart_event *event,
                     struct hs_restart_actions *actions);

uint64_t hs_restart_deadline_ns(const struct hs_restart *restart); /* HS_NEVER_NS: none */
/* Is there a process (forked, not reaped)? */
bool hs_restart_is_alive(const struct hs_restart *restart);

#endif
