// SPDX-License-Identifier: Apache-2.0
/* gate_process.h - the gate process as its _io files see it. Nobody else's. */
#ifndef HS_GATE_GATE_PROCESS_H
#define HS_GATE_GATE_PROCESS_H

#include "ipc/conn.h"
#include "roles/cluster/data_lane_io.h"
#include "roles/cluster/federation_io.h"
#include "roles/cluster/node_door_io.h"
#include "roles/cluster/ring_io.h"
#include "roles/counters.h"
#include "roles/gate/gate.h"
#include "roles/gate/gate_guard_io.h"
#include "roles/gate/gate_shares_io.h"
#include "roles/role_io.h"
#include "shm/counters.h"

/* Of a manager of another host, beside its first connection. */
struct hs_gate_lane {
    struct hs_greeting     first;
    struct hs_data_lane_io lane;
    struct hs_visitor      visitor;
};

struct hs_gate_process {
    struct hs_role_process     process;
    struct hs_gate             gate;
    struct hs_ledger          *ledger;
    struct hs_listener         listener;
    struct hs_node_door        door;       /* for other hosts */
    struct hs_ring_io         *ring;       /* of the gates; NULL: this host stands alone */
    struct hs_federation_io   *federation; /* likewise */
    struct hs_addr             places[HS_GATE_MANAGERS_MAX]; /* of managers; port 0: not told */
    uint64_t                   register_at_ns;
    struct hs_conn            *clients[HS_GATE_CLIENTS_MAX];
    struct hs_conn            *managers[HS_GATE_MANAGERS_MAX];
    struct hs_gate_lane        lanes[HS_GATE_MANAGERS_MAX]; /* of the same places */
    struct hs_data_lane_ground lane_ground;
    struct hs_gate_shares      shares;
    struct hs_gate_guard       guard;
    unsigned                   client_count;
    uint64_t                   linger_until_ns; /* stopping, for whoever watched; 0: jobs run yet */
    bool                       is_stopping;
    bool                       has_failed;
};

/* What comes between two turns comes at its own time. */
static inline void hs_gate_process_see_time(struct hs_gate_process *process)
{
    process->gate.now_ns = hs_loop_clock_ns(process->process.loop);
}

static inline void hs_gate_process_count(struct hs_gate_process *process, enum hs_count count,
                                         uint64_t amount)
{
    hs_counter_add(process->process.counters, count, amount);
}

/* gate_links_io.c: connections of clients and managers. */
void hs_gate_links_bind(struct hs_gate_out *out); /* fills in what goes out over them */
int  hs_gate_links_open(struct hs_gate_process *process, struct hs_err *err) HS_MUST_CHECK;
/* From the supervisor; fd is taken. */
void     hs_gate_links_add_client(struct hs_gate_process *process, int fd);
void     hs_gate_links_add_manager(struct hs_gate_process *process, int fd);
uint64_t hs_gate_links_turn(struct hs_gate_process *process, uint64_t now_ns);

/* gate_reach_io.c */
int      hs_gate_reach_open(struct hs_gate_process *process, struct hs_err *err) HS_MUST_CHECK;
void     hs_gate_reach_enter(struct hs_gate_process *process, unsigned manager,
                             const struct hs_greeting *greeting);
uint64_t hs_gate_reach_turn(struct hs_gate_process *process, uint64_t now_ns);

#endif
