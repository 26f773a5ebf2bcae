// SPDX-License-Identifier: Apache-2.0
/* manager_guard_io.h - what the manager lets in of what comes over its links
 * (guard/turnstile.h). */
#ifndef HS_MANAGER_MANAGER_GUARD_IO_H
#define HS_MANAGER_MANAGER_GUARD_IO_H

#include "ipc/conn.h"
#include "roles/guard/turnstile.h"
#include "roles/role_io.h"

struct hs_manager_guard {
    struct hs_role_process    *process;
    struct hs_turnstile        turnstile;
    struct hs_turnstile_counts told; /* what is in the page of counters already */
};

/* guard is zeroed. */
void hs_manager_guard_open(struct hs_manager_guard *guard, struct hs_role_process *process);
/* true: go on; *slot is given back when its answer is decided. false: it has been answered. */
bool hs_manager_guard_enter(struct hs_manager_guard *guard, struct hs_visitor *visitor,
                            struct hs_conn *conn, const struct hs_frame *frame, uint64_t now_ns,
                            hs_slot *slot);
/* waiting_bytes: of all links together. */
void hs_manager_guard_turn(struct hs_manager_guard *guard, uint64_t waiting_bytes, uint64_t now_ns);

#endif
