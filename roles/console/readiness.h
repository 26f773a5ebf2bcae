// SPDX-License-Identifier: Apache-2.0
/* readiness.h - whether each role of this host lives, and whether it can take work: facts that
 * shared memory shows, checked again and again, and believed only when they have held for a few
 * checks. Restarts nothing: the supervisor has its own watch. Pure. (membership 14)
 *
 *     process serves   its loop beats   it can take work
 *         no               -                 -             starting: not ready, and nothing else
 *         yes           no, three times      -             not live, not ready
 *         yes              yes            yes, twice       ready
 *         yes              yes           no, three times   not ready
 */
#ifndef HS_CONSOLE_READINESS_H
#define HS_CONSOLE_READINESS_H

#include <stdbool.h>
#include <stdint.h>

struct hs_status_snapshot;

enum { HS_READINESS_ROLES = 3, HS_READINESS_TEXT_BYTES = 192 };
#define HS_READINESS_SOON_NS UINT64_C(1000000000)  /* to the next check, while one is not ready */
#define HS_READINESS_GAP_NS  UINT64_C(10000000000) /* when all are */

enum hs_ready_fault {
    HS_READY, /* none */
    HS_READY_STARTING,
    HS_READY_STALLED,
    HS_READY_NO_WORKER,     /* a manager without one that is alive */
    HS_READY_NO_CORES,      /* a worker whose cores are all taken */
    HS_READY_NO_DATACENTER, /* a gate that reaches none */
    HS_READY_FAULT_COUNT
};
const char *hs_ready_fault_text(enum hs_ready_fault fault); /* "no worker is alive" */

struct hs_readiness_role {
    bool                is_present;
    bool                is_live; /* also before it has served for the first time */
    bool                is_ready;
    uint8_t             dead_count; /* checks in a row that said so */
    uint8_t             good_count;
    uint8_t             bad_count;
    enum hs_ready_fault fault; /* of the last check */
};

struct hs_readiness {
    uint64_t                 next_at_ns;                /* of the next check */
    struct hs_readiness_role roles[HS_READINESS_ROLES]; /* gate, manager, worker */
};

/* The result of a check; the step that all the others are made of. */
void hs_readiness_check(struct hs_readiness_role *role, enum hs_ready_fault fault);
/* Checks all roles of the host with that name: processes, workers and managers of the snapshot. */
void hs_readiness_step(struct hs_readiness *readiness, const struct hs_status_snapshot *snapshot,
                       const char *node);
/* All roles that are there, and the host is not being emptied. *text: why not; "": it is. */
bool hs_readiness_says(const struct hs_readiness       *readiness,
                       const struct hs_status_snapshot *snapshot,
                       char                             text[HS_READINESS_TEXT_BYTES]);

#endif
