// SPDX-License-Identifier: Apache-2.0
/* manager.h - what a manager does: takes jobs from the gate, gives their workflows to workers,
 * follows them to their end, and tells the gate what came of it. A core: events and now in, actions
 * out; the driver (manager_io.c) carries them out in order and brings back answers. What is decided
 * lies in the tables behind the log (manager_state.h); everything here is made again after a
 * restart, from the log and from what the workers say. */
#ifndef HS_MANAGER_MANAGER_H
#define HS_MANAGER_MANAGER_H

#include "roles/cluster/job_suspicion.h"
#include "roles/guard/admission.h"
#include "roles/manager/manager_actions.h"
#include "roles/manager/manager_live.h"
#include "roles/manager/manager_soft.h"
#include "roles/manager/manager_state.h"
#include "roles/manager/run_maker.h"
#include "roles/manager/workers.h"
#include "shm/base/rand.h"

struct hs_manager_config {
    uint8_t  node_id[16];
    uint64_t incarnation;
    uint64_t generation;
    char     name[HS_NAME_BYTES];
    char     datacenter[HS_NAME_BYTES];
    char     leader[HS_NAME_BYTES]; /* who leads the datacenter; "" or the own name: this one */
    bool     has_one_gate;          /* there is no other, so any job is its */
    uint64_t finished_job_retention_ns;
    uint64_t worker_lost_after_ns;
    uint64_t dispatch_ack_timeout_ns;
    uint32_t dispatch_attempts;
    uint32_t retries_max;
    uint32_t workflow_retries_max;
    uint64_t retry_backoff_min_ns;
    uint64_t retry_backoff_max_ns;
    uint64_t stuck_after_ns;
    uint64_t job_silent_after_ns;
};

/* Memory of the caller, zeroed; only what is touched costs anything. */
struct hs_manager_memory {
    struct hs_manager_state *state; /* behind the log */
    struct hs_manager_live  *live;
    struct hs_run_maker     *maker;
    void                    *plan_arena; /* HS_PLAN_ARENA_BYTES */
    uint8_t                 *plans;      /* HS_MANAGER_INTAKES x HS_PLAN_BYTES_MAX */
    uint8_t                 *results;    /* HS_MANAGER_ASSEMBLIES x HS_LEDGER_BLOB_BYTES_MAX */
};

/* A decoded frame; views hold during the call. */
struct hs_manager_frame {
    enum hs_msg_type    type;
    uint64_t            request_id;
    const union hs_msg *message;
};

/* Cumulative, for the counters. */
struct hs_manager_counts {
    uint64_t workers_registered, workers_lost, workers_held, workflows_started, workflows_ended,
        execs_assigned, execs_rejected, execs_lost, execs_retried, extensions_granted,
        extensions_denied, busy, unexpected, malformed, breakers_opened, breaker_refusals;
};

struct hs_manager {
    struct hs_manager_config config;
    struct hs_manager_memory memory;
    struct hs_manager_state *state;
    struct hs_admission     *admission; /* where slots are given back */
    hs_slot                  slot;      /* of the frame that is being taken; 0: somebody holds it */
    struct hs_rand           rand;
    bool                     has_log;    /* it takes proposals from this node */
    bool                     is_leading; /* and knows that it does: mf is applied */
    bool                     is_draining;
    bool                     is_stopping;
    bool                     is_dirty; /* something changed: look at everything in the next turn */
    bool                     is_leader_proposed;
    bool                     is_expire_proposed;
    uint64_t                 leading_at_ns;
    uint64_t                 scan_at_ns;
    uint64_t                 heartbeat_at_ns;
    uint64_t                 last_results_id;
    uint32_t          gates[HS_MANAGER_GATES]; /* links of those that are connected; 0: free */
    unsigned          assigns_open; /* proposed and not answered: nobody else is given cores */
    struct hs_msg_mhb heartbeat;    /* the last one sent */
    uint32_t          keyring_mark; /* of the gossip keys that this node holds; 0: none */
    uint32_t          maker_job;    /* the record being made: its job's index + 1 */
    uint64_t          maker_seq;
    uint32_t          maker_workflow;
    uint32_t          maker_shard;
    uint32_t          scan_first; /* job that is looked at first: none starves */
    struct hs_manager_counts    counts;
    struct hs_workers           workers;
    struct hs_job_suspicion     silence; /* by numbers of softs and workers */
    uint64_t                    reconcile_at_ns;
    uint64_t                    reports_refused; /* by admission, when it was last looked at */
    uint64_t                    hold_until_ns;   /* until then silence is not counted */
    struct hs_manager_soft      softs[HS_JOBS_MAX];
    struct hs_manager_flow      flows[HS_MANAGER_WORKFLOW_SLOTS];
    struct hs_manager_exec      execs[HS_MANAGER_SHARD_SLOTS];
    struct hs_manager_proposal  proposals[HS_MANAGER_PROPOSALS];
    struct hs_manager_intake    intakes[HS_MANAGER_INTAKES];
    struct hs_manager_assembly  assemblies[HS_MANAGER_ASSEMBLIES];
    struct hs_manager_tombstone tombstones[HS_MANAGER_TOMBSTONES];
    uint64_t                    quarantined[HS_MANAGER_QUARANTINED];
    unsigned                    quarantined_count;
};

/* memory is zeroed; state may hold what was replayed already. */
void hs_manager_init(struct hs_manager *manager, const struct hs_manager_config *config,
                     const struct hs_manager_memory *memory);

/* Events. actions is emptied first. A link's number is never 0 and never used twice. */
void hs_manager_on_answer(struct hs_manager *manager, const struct hs_ledger_answer *answer,
                          uint64_t now_ns, struct hs_manager_actions *actions);
/* What the action with this token asked for could not be queued: it is asked for again later. */
void hs_manager_on_refused(struct hs_manager *manager, uint64_t token, uint64_t now_ns,
                           struct hs_manager_actions *actions);
/* A blob that was to be read; no bytes: it cannot be had. */
void hs_manager_on_blob(struct hs_manager *manager, uint64_t token, struct hs_view bytes,
                        uint64_t now_ns, struct hs_manager_actions *actions);
/* -ENOBUFS: more gates than HS_MANAGER_GATES. */
int  hs_manager_on_gate_up(struct hs_manager *manager, uint32_t link, uint64_t now_ns,
                           struct hs_manager_actions *actions) HS_MUST_CHECK;
void hs_manager_on_gate_down(struct hs_manager *manager, uint32_t link, uint64_t now_ns,
                             struct hs_manager_actions *actions);
void hs_manager_on_gate(struct hs_manager *manager, uint32_t link,
                        const struct hs_manager_frame *frame, uint64_t now_ns,
                        struct hs_manager_actions *actions);
/* Progress of this job did not go out. */
void hs_manager_on_dropped(struct hs_manager *manager, const uint8_t job_id[HS_JOB_ID_BYTES],
                           uint64_t now_ns);
/* This share did not go out: too much waits for its worker. */
void hs_manager_on_unsent(struct hs_manager *manager, const struct hs_exec_id *id,
                          uint64_t exec_fence, uint64_t now_ns);
void hs_manager_on_worker_down(struct hs_manager *manager, uint32_t link);
void hs_manager_on_worker(struct hs_manager *manager, uint32_t link,
                          const struct hs_manager_frame *frame, uint64_t now_ns,
                          struct hs_manager_actions *actions);
void hs_manager_quarantine(struct hs_manager *manager, uint64_t digest);
void hs_manager_drain(struct hs_manager *manager);
void hs_manager_stop(struct hs_manager *manager); /* nothing new; see is_idle */

/* Everything that is due; the next deadline. Call it after events and when it is due. */
uint64_t hs_manager_turn(struct hs_manager *manager, uint64_t now_ns,
                         struct hs_manager_actions *actions);
/* Nothing is under way any more that the gate has not got. */
bool hs_manager_is_idle(const struct hs_manager *manager);
/* What a worker does, by the books. */
void hs_manager_worker_load(struct hs_manager *manager, const struct hs_manager_worker *worker,
                            uint32_t *cores, uint32_t *execs);

#endif
