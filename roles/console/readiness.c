// SPDX-License-Identifier: Apache-2.0
/* readiness.c - what each role needs to take work, and how often that must be seen. */
#include "roles/console/readiness.h"

#include "roles/cluster/oob_answer.h"
#include "roles/cluster/reach.h"
#include "roles/console/status_snapshot.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

enum { FAILURES = 3, SUCCESSES = 2 };

static const enum hs_role_kind kinds[HS_READINESS_ROLES] = {HS_ROLE_GATE, HS_ROLE_MANAGER,
                                                            HS_ROLE_WORKER};

const char *hs_ready_fault_text(enum hs_ready_fault fault)
{
    static const char *const texts[HS_READY_FAULT_COUNT] = {
        [HS_READY] = "ready again soon", /* good, but not for long enough */
        [HS_READY_STARTING] = "starting",
        [HS_READY_STALLED] = "its loop stands still",
        [HS_READY_NO_WORKER] = "no worker is alive",
        [HS_READY_NO_CORES] = "no core is free",
        [HS_READY_NO_DATACENTER] = "no datacenter can be reached"};

    return fault < HS_READY_FAULT_COUNT ? texts[fault] : "?";
}

void hs_readiness_check(struct hs_readiness_role *role, enum hs_ready_fault fault)
{
    bool is_dead = fault == HS_READY_STALLED;

    HS_ASSERT(fault < HS_READY_FAULT_COUNT);
    role->fault = fault;
    role->dead_count = (uint8_t)(is_dead ? role->dead_count + (role->dead_count < FAILURES) : 0);
    role->is_live = role->dead_count < FAILURES;
    if (fault == HS_READY) {
        role->bad_count = 0;
        role->good_count = (uint8_t)(role->good_count + (role->good_count < SUCCESSES));
    } else {
        role->good_count = 0;
        role->bad_count = (uint8_t)(role->bad_count + (role->bad_count < FAILURES));
    }
    if (role->good_count == SUCCESSES) role->is_ready = true;
    if (role->bad_count == FAILURES) role->is_ready = false;
}

static enum hs_ready_fault fault_of_manager(const struct hs_status_snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->worker_count; i++)
        if (snapshot->workers[i].state == HS_NODE_ALIVE) return HS_READY;
    return HS_READY_NO_WORKER;
}

static enum hs_ready_fault fault_of_gate(const struct hs_status_snapshot *snapshot)
{
    for (unsigned i = 0; i < snapshot->manager_count; i++) {
        const struct hs_manager_row *row = &snapshot->managers[i];
        bool                         is_asked = (row->reach_flags & HS_MANAGER_REACH_ASKED) != 0;

        if (row->state == HS_NODE_ALIVE && (!is_asked || row->reach == HS_REACH_REACHABLE))
            return HS_READY;
    }
    return HS_READY_NO_DATACENTER;
}

/* Its own cores stand in the table of the manager beside it, if there is one. */
static enum hs_ready_fault fault_of_worker(const struct hs_status_snapshot *snapshot,
                                           const char                      *node)
{
    for (unsigned i = 0; i < snapshot->worker_count; i++)
        if (strcmp(snapshot->workers[i].name, node) == 0)
            return snapshot->workers[i].cores_free ? HS_READY : HS_READY_NO_CORES;
    return HS_READY;
}

static enum hs_ready_fault fault_of(const struct hs_status_snapshot *snapshot,
                                    const struct hs_status_process *process, const char *node)
{
    if (process->vitals.state != HS_VITALS_READY && process->vitals.state != HS_VITALS_DRAINING)
        return HS_READY_STARTING;
    if (hs_oob_is_stalled(&process->vitals, snapshot->now_ns)) return HS_READY_STALLED;
    switch (process->host.kind) {
    case HS_ROLE_GATE: return fault_of_gate(snapshot);
    case HS_ROLE_MANAGER: return fault_of_manager(snapshot);
    case HS_ROLE_WORKER: return fault_of_worker(snapshot, node);
    default: return HS_READY;
    }
}

static const struct hs_status_process *find(const struct hs_status_snapshot *snapshot,
                                            enum hs_role_kind                kind)
{
    for (unsigned i = 0; i < snapshot->process_count; i++)
        if (snapshot->processes[i].host.kind == kind) return &snapshot->processes[i];
    return NULL;
}

void hs_readiness_step(struct hs_readiness *readiness, const struct hs_status_snapshot *snapshot,
                       const char *node)
{
    bool all_are = snapshot->host.ready_at_ns != 0; /* else some may have no row yet */

    for (unsigned i = 0; i < HS_READINESS_ROLES; i++) {
        struct hs_readiness_role       *role = &readiness->roles[i];
        const struct hs_status_process *process = find(snapshot, kinds[i]);

        role->is_present = process != NULL;
        if (!process) continue;
        hs_readiness_check(role, fault_of(snapshot, process, node));
        all_are = all_are && role->is_ready && role->bad_count == 0;
    }
    readiness->next_at_ns =
        snapshot->now_ns + (all_are ? HS_READINESS_GAP_NS : HS_READINESS_SOON_NS);
}

bool hs_readiness_says(const struct hs_readiness       *readiness,
                       const struct hs_status_snapshot *snapshot,
                       char                             text[HS_READINESS_TEXT_BYTES])
{
    size_t used = 0;
    bool   is_any = false;

    text[0] = '\0';
    if (snapshot->is_draining || snapshot->host.is_stopping) {
        (void)snprintf(text, HS_READINESS_TEXT_BYTES, "the host takes nothing new");
        return false;
    }
    for (unsigned i = 0; i < HS_READINESS_ROLES; i++) {
        const struct hs_readiness_role *role = &readiness->roles[i];
        int                             bytes;

        is_any = is_any || role->is_present;
        if (!role->is_present || (role->is_ready && role->is_live)) continue;
        bytes = snprintf(text + used, HS_READINESS_TEXT_BYTES - used, "%s%s: %s", used ? "; " : "",
                         hs_role_kind_name(kinds[i]), hs_ready_fault_text(role->fault));
        HS_ASSERT(bytes > 0);
        HS_ASSERT(used + (size_t)bytes < HS_READINESS_TEXT_BYTES);
        used += (size_t)bytes;
    }
    if (!is_any && !snapshot->host.ready_at_ns) { /* the supervisor is still at it */
        (void)snprintf(text, HS_READINESS_TEXT_BYTES, "the host is starting");
        return false;
    }
    return used == 0;
}
