// SPDX-License-Identifier: Apache-2.0
/* obituary.h - why a process ended, in words, and whether the same input has killed twice. Pure. */
#ifndef HS_SUPERVISOR_OBITUARY_H
#define HS_SUPERVISOR_OBITUARY_H

#include "roles/host_table.h"

#include <stdbool.h>
#include <stdint.h>

/* What the supervisor had against it before it died. */
enum hs_kill_reason {
    HS_KILL_NONE,
    HS_KILL_HUNG,          /* no heartbeat */
    HS_KILL_STOPPED,       /* no heartbeat, because somebody has stopped it */
    HS_KILL_START_TIMEOUT, /* not ready in time */
    HS_KILL_STOP_DEADLINE, /* did not end in time */
    HS_KILL_NONSENSE,      /* sent a record that nobody may send */
    HS_KILL_DEAF,          /* does not read its control socket */
    HS_KILL_DAMAGE,        /* its shared memory is damaged, and was replaced */
    HS_KILL_STOPPED_NOW,   /* the tree had to end at once */
    HS_KILL_REASON_COUNT
};

const char *hs_kill_reason_text(enum hs_kill_reason reason); /* "no heartbeat" */
/* "killed by signal 9 (Killed): no heartbeat", "ended with code 78 (configuration)".
 * exit_signal 0: by itself, with exit_code. reason: left out where the death is none of those that
 * we give (SIGABRT, SIGKILL), since then it was faster. */
void hs_obituary_cause(char text[HS_HOST_CAUSE_BYTES], int exit_code, int exit_signal,
                       enum hs_kill_reason reason);

enum { HS_POISON_MAX = 64 };

struct hs_poison {
    struct {
        uint64_t digest;
        uint64_t at_ns;
    } deaths[HS_POISON_MAX]; /* ring */
    uint64_t count;
};

/* May the input be to blame that the process had in hand? crumb_phase: enum hs_crumb_phase. */
bool hs_poison_is_suspect(uint32_t crumb_phase, int exit_signal);
/* A process died over digest (0: over nothing known). True: the second within ten minutes. */
bool hs_poison_is_second(struct hs_poison *poison, uint64_t digest, uint64_t now_ns);
/* Puts digest into the summary's quarantine list; the oldest entry goes. False: is there
 * already. */
bool hs_quarantine_add(struct hs_host_summary *summary, uint64_t digest, const uint8_t job_id[16],
                       uint64_t now_ns);

#endif
