// SPDX-License-Identifier: Apache-2.0
/* gate_guard_io.h - what the gate lets in of what comes over its connections (guard/turnstile.h):
 * who a client is by his socket, and the refusal of what is too much. */
#ifndef HS_GATE_GATE_GUARD_IO_H
#define HS_GATE_GATE_GUARD_IO_H

#include "ipc/conn.h"
#include "roles/cluster/identity.h"
#include "roles/gate/gate.h"
#include "roles/guard/turnstile.h"
#include "roles/role_io.h"

struct hs_gate_guard {
    struct hs_role_process *process;
    struct hs_turnstile     turnstile;
    struct hs_visitor       clients[HS_GATE_CLIENTS_MAX];
    char              who[HS_GATE_CLIENTS_MAX][HS_IDENTITY_TEXT_BYTES]; /* as events name them */
    struct hs_visitor managers[HS_GATE_MANAGERS_MAX];
    struct hs_turnstile_counts told; /* what is in the page of counters already */
    uint64_t                   told_evicted;
    uint64_t                   told_overflows;
};

/* guard is zeroed. */
int hs_gate_guard_open(struct hs_gate_guard *guard, struct hs_role_process *process,
                       struct hs_err *err) HS_MUST_CHECK;
/* A client's connection begins: he is the user at the other end of the socket, or who his
 * certificate says. */
void hs_gate_guard_meet_user(struct hs_gate_guard *guard, unsigned client, int fd);
void hs_gate_guard_meet_identity(struct hs_gate_guard *guard, unsigned client,
                                 const struct hs_identity *identity);
/* Are these two clients, of whom it has been told, one user or one certificate? */
bool hs_gate_guard_is_one_user(const struct hs_gate_guard *guard, unsigned a, unsigned b);
/* A manager's link begins. */
void hs_gate_guard_meet_manager(struct hs_gate_guard *guard, unsigned manager);
/* true: go on; *slot is given back when its answer is decided. false: it has been answered. */
bool hs_gate_guard_enter(struct hs_gate_guard *guard, struct hs_visitor *visitor,
                         struct hs_conn *conn, const struct hs_frame *frame, uint64_t now_ns,
                         hs_slot *slot);
/* What a frame deserves that hs_wire_open found wrong. */
void hs_gate_guard_judge(const struct hs_gate_guard *guard, struct hs_conn *conn,
                         const struct hs_frame *frame, int code);
/* Counts, evictions; the next moment. waiting_bytes: of all connections together. */
uint64_t hs_gate_guard_turn(struct hs_gate_guard *guard, struct hs_gate *gate,
                            uint64_t waiting_bytes);

#endif
