// SPDX-License-Identifier: Apache-2.0
/* manager_soft.h - what a manager keeps beside its decided tables: timers, positions, what is under
 * way. Made again after a restart. Data only. */
#ifndef HS_MANAGER_SOFT_H
#define HS_MANAGER_SOFT_H

#include "roles/guard/admission.h"
#include "roles/guard/breaker.h"
#include "roles/manager/assign.h"
#include "roles/manager/manager_entry.h"

enum {
    HS_MANAGER_PROPOSALS = HS_LEDGER_OPEN_MAX,
    HS_MANAGER_INTAKES = 16,    /* jobs being taken in at a time; one more is told to come back */
    HS_MANAGER_ASSEMBLIES = 4,  /* results of several frames at a time; others are sent again */
    HS_MANAGER_TOMBSTONES = 64, /* jobs that were cancelled before they came; the oldest goes */
    HS_MANAGER_QUARANTINED = 16,
    HS_MANAGER_GATES = 17 /* that of this host and those it dials (HS_DIALER_PEERS_MAX) */
};

/* Soft side of a shard's present attempt. */
struct hs_manager_exec {
    uint64_t exec_fence; /* of the attempt that this is about */
    bool     is_acked;   /* the worker has it */
    bool     is_listed;  /* it was in the worker's answer to the last question */
    bool     needs_resend;
    bool     is_end_proposed;
    bool     is_end_told; /* its worker has sent the result: it reports no more */
    bool     is_sent;
    uint8_t  send_count;
    uint8_t  cancel_count;
    uint8_t  phase; /* enum hs_exec_phase */
    uint64_t pseq;  /* of the newest progress of the attempt */
    uint64_t send_at_ns;
    uint64_t sent_at_ns;   /* the last time, while no answer has come; 0: none is awaited */
    uint64_t unsent_at_ns; /* the first time that it found no room on the way; 0: it always did */
    uint64_t cancel_at_ns;
    struct hs_breaker_token call; /* of the last dispatch, while no answer has come */
    uint64_t                heard_at_ns;
    uint64_t                started_at_ns;
    uint64_t                retry_at_ns;   /* BACKOFF: not before */
    uint64_t                backoff_fence; /* of the attempt for which retry_at_ns was drawn */
};

/* Soft side of a workflow. */
struct hs_manager_flow {
    struct hs_assign_load load;
    uint32_t              run; /* of manager_live.h */
    uint8_t               seen_state;
    bool                  is_row_dirty;
    bool                  is_end_proposed;
    bool                  is_record_proposed;
    bool                  is_record_lost; /* it cannot be made: the plan is gone */
    bool                  is_item_sent;
    bool                  is_item_acked;
    uint64_t              entered_at_ns; /* seen_state */
    uint64_t starved_at_ns; /* since then nobody can take what waits; 0: somebody can */
};

/* Soft side of a job. */
struct hs_manager_soft {
    uint64_t accepted_seq; /* of the job that this is about; 0: free */
    bool     has_loads;
    bool     is_plan_bad; /* it cannot be read (any more): its workflows fail */
    bool     is_timeout_proposed;
    bool     is_job_sent;
    bool     is_job_acked;
    bool     is_progress_dirty;
    bool     needs_full;
    uint32_t gate;          /* link of the gate that owns the job; 0: it has not spoken yet */
    uint32_t unacked_count; /* items in the message that waits for its answer */
    uint64_t loaded_at_ns;
    uint64_t planned_ns;
    uint64_t pseq;
    uint64_t progress_at_ns;
    uint64_t results_at_ns;
    uint64_t results_wait_ns;
    uint64_t results_id;
    uint64_t ended_at_ns;
    uint64_t extended_ns; /* what a worker of it was given at most, because it could not report */
};

enum hs_manager_proposal_kind {
    HS_PROPOSAL_FREE,
    HS_PROPOSAL_BLOB, /* the entry waits for its blob */
    HS_PROPOSAL_ENTRY
};

struct hs_manager_proposal {
    enum hs_manager_proposal_kind kind;
    uint32_t                      generation;
    uint32_t                      link;       /* worker to answer; 0: none */
    uint32_t                      gate;       /* gate to answer; 0: none */
    uint64_t                      request_id; /* to answer */
    uint32_t                      intake;     /* ACCEPT: its number + 1 */
    hs_slot                       slot;       /* of the frame that it answers */
    struct hs_manager_entry       entry;
};

struct hs_manager_intake {
    bool                     is_used;
    bool                     is_fetching;
    uint32_t                 gate; /* link */
    uint64_t                 request_id;
    uint64_t                 received_bytes;
    uint64_t                 deadline_ns;
    uint64_t                 planned_ns;
    struct hs_manager_accept accept;
    struct hs_assign_load    loads[HS_WORKFLOWS_MAX];
};

/* A result that comes in several frames. */
struct hs_manager_assembly {
    bool              is_used;
    struct hs_exec_id exec;
    uint64_t          exec_fence;
    unsigned          next_part;
    size_t            bytes;
    uint64_t          deadline_ns;
};

struct hs_manager_tombstone {
    uint8_t  job_id[HS_JOB_ID_BYTES];
    uint64_t gate_fence;
    uint64_t until_ns; /* 0: free */
};

#endif
