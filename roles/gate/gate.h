// SPDX-License-Identifier: Apache-2.0
/* gate.h - what a gate does with frames, answers of the ledger, and time. Pure: everything that
 * leaves goes through struct hs_gate_out. Decisions are in gate_fsm.h; all else (gate_state.h) is
 * soft. The files:
 *
 *   gate.c             ledger answers, deadlines
 *   gate_watch.c       events and statistics to subscribers
 *   gate_submit.c      SUBMIT: check, store, create
 *   gate_clients.c     what else clients ask
 *   gate_nodes.c       which managers there are, and who of them leads
 *   gate_managers.c    what they tell: capacity, progress
 *   gate_datacenters.c how well each datacenter can take work
 *   gate_calls.c       leave to give managers work
 *   gate_silence.c     datacenters that say nothing of a job any more
 *   gate_dispatch.c    what datacenters must hear of jobs, and their answers
 *   gate_results.c     results of datacenters
 *   gate_totals.c      rows for status; results of jobs that still run */
#ifndef HS_GATE_GATE_H
#define HS_GATE_GATE_H

#include "roles/gate/gate_state.h"

void hs_gate_client_opened(struct hs_gate *gate, unsigned client);
void hs_gate_client_closed(struct hs_gate *gate, unsigned client);
/* Somebody is there who has watched a job, and asks for its results when it has ended. */
bool hs_gate_is_watched(const struct hs_gate *gate);
void hs_gate_client_frame(struct hs_gate *gate, unsigned client, unsigned type,
                          const union hs_msg *message, uint64_t request_id);
/* A manager is connected: its place in the table, where an earlier connection of it may have to be
 * closed. -EEXIST: another node of that name is connected; -ENOBUFS: the table is full of managers
 * that are. */
struct hs_gate_peer {
    bool        is_local; /* of this host; it says in its HELLO who it is */
    const char *datacenter;
    const char *name;
    const char *address;
    uint8_t     node[16];
    uint64_t    incarnation;
    uint64_t    generation;
};
int  hs_gate_manager_enter(struct hs_gate *gate, const struct hs_gate_peer *peer) HS_MUST_CHECK;
void hs_gate_manager_down(struct hs_gate *gate, unsigned manager);
void hs_gate_manager_frame(struct hs_gate *gate, unsigned manager, unsigned type,
                           const union hs_msg *message, uint64_t request_id);
void hs_gate_ledger_answer(struct hs_gate *gate, const struct hs_ledger_answer *answer);
/* After hs_ledger_open has replayed: soft state of the jobs that are known. */
void hs_gate_recovered(struct hs_gate *gate);
/* Then, row by row, what a dead predecessor has left in the table of jobs: the job goes on from
 * those counts and moments, which are of this boot of this host. false: no such job is known. */
bool hs_gate_adopt_row(struct hs_gate *gate, const struct hs_job_row *row);
/* Whether a datacenter can be reached (cluster/reach.h): for routing and status, until the next
 * word; of one that has no manager, nothing is kept. */
void hs_gate_set_reach(struct hs_gate *gate, const char *datacenter,
                       const struct hs_reach_facts *facts);
/* Everything that is due; the next moment. */
uint64_t hs_gate_turn(struct hs_gate *gate, uint64_t now_ns);
/* The daemon stops: whatever runs is cancelled, so that its results are kept. */
void hs_gate_stop(struct hs_gate *gate);

#endif
