// SPDX-License-Identifier: Apache-2.0
/* gate_fsm.h - what the gates have decided about jobs: the state machine behind the ledger. Pure,
 * total, deterministic: the same entries in the same order give the same state anywhere. First
 * terminal transition in log order wins, for ever, so a job ends exactly once by construction. Does
 * not talk to anybody (gate.h does).
 *
 *   ACTIVE --CANCEL ALL--> CANCELLING --all results in, or GRACE--> DONE(CANCELLED)
 *     |  \--DEADLINE TIMEOUT--> TIMING_OUT --all results in, or GRACE--> DONE(TIMEOUT)
 *     \--all datacenters ended--> DONE(by hs_gate_resolve) */
#ifndef HS_GATE_GATE_FSM_H
#define HS_GATE_GATE_FSM_H

#include "roles/gate/gate_entry.h"
#include "roles/job_table.h"

enum {
    HS_GATE_JOBS_MAX = HS_JOBS_MAX,
    HS_GATE_EVENTS_MAX = HS_WORKFLOWS_MAX + 16, /* each workflow ends once; a job has few more */
    /* Kept run records, over all jobs; reserved when a job is made. With the plans of all jobs they
     * fit the ledger's table of blobs, with room for those that nobody needs any more. */
    HS_GATE_RECORDS_MAX = 2048,
    HS_GATE_BUCKETS = 2 * HS_GATE_JOBS_MAX,
    HS_GATE_REQUESTS_MAX = 8, /* cancel requests remembered per job; the oldest goes */
    HS_GATE_SNAPSHOT_BYTES_MAX = 16 << 20
};

enum hs_gate_job_phase {
    HS_GATE_FREE,
    HS_GATE_ACTIVE,
    HS_GATE_CANCELLING,
    HS_GATE_TIMING_OUT,
    HS_GATE_DONE
};

enum hs_gate_slot_state {
    HS_GATE_SLOT_PLANNED,     /* to be dispatched */
    HS_GATE_SLOT_RUNNING,     /* the datacenter has accepted */
    HS_GATE_SLOT_ENDED,       /* its job result is in */
    HS_GATE_SLOT_FAILED,      /* nobody took it */
    HS_GATE_SLOT_UNCONFIRMED, /* the grace was over before it answered */
    HS_GATE_SLOT_LOST         /* it fell silent: whatever it still says comes too late */
};

struct hs_gate_slot {
    char     datacenter[HS_NAME_BYTES];
    uint64_t manager_fence;
    uint8_t  state;  /* enum hs_gate_slot_state */
    uint8_t  status; /* ENDED: enum hs_job_state */
};

enum hs_gate_workflow_cancel {
    HS_GATE_WORKFLOW_KEPT,
    HS_GATE_WORKFLOW_CANCELLED,
    HS_GATE_WORKFLOW_CASCADED /* and what depends on it */
};

struct hs_gate_event {
    uint8_t  kind;   /* enum hs_event_kind */
    uint8_t  status; /* enum hs_job_state; of WORKFLOW enum hs_workflow_state */
    uint16_t workflow;
};

struct hs_gate_job {
    uint8_t                 id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest digest;
    uint64_t                birth_fence;
    uint64_t                gate_fence;
    uint64_t                done_seq; /* when it ended, for the order of forgetting */
    uint64_t                timeout_ns;
    uint64_t                created_wall_ns; /* for the eye; 0: not known */
    uint64_t                elapsed_ns;      /* as its datacenters told at its end */
    uint32_t                plan_bytes;
    uint32_t                flags;
    uint8_t                 phase; /* enum hs_gate_job_phase */
    uint8_t                 final; /* enum hs_job_state, when DONE */
    uint16_t                workflow_count;
    uint16_t                slot_count;
    uint16_t                event_count;
    uint16_t                request_count;
    uint16_t                first_record_1; /* its records, by workflow, then slot; 0: none */
    uint16_t                record_count;
    uint16_t                next_1; /* of the same bucket */
    char                    name[HS_NAME_BYTES];
    char                    client_id[HS_GATE_CLIENT_ID_BYTES];
    char                    reason[HS_GATE_REASON_BYTES]; /* why it ended so */
    uint8_t                 requests[HS_GATE_REQUESTS_MAX][16];
    struct hs_gate_slot     slots[HS_GATE_SLOTS_MAX];
    struct hs_gate_event    events[HS_GATE_EVENTS_MAX];
    uint8_t                 workflow_states[HS_WORKFLOWS_MAX];  /* once all datacenters told */
    uint8_t                 workflow_reports[HS_WORKFLOWS_MAX]; /* bit per slot that has */
    uint8_t                 workflow_cancels[HS_WORKFLOWS_MAX]; /* enum hs_gate_workflow_cancel */
};

struct hs_gate_record {
    uint16_t                next_1; /* of the same job; of the free ones */
    uint16_t                workflow;
    uint16_t                slot;
    struct hs_ledger_digest digest;
};

struct hs_gate_fsm {
    uint64_t              leader_fence;
    uint32_t              job_count;
    uint32_t              active_count;
    uint32_t              job_high;                 /* no job at or above this index */
    uint32_t              reserved_records;         /* by jobs that are not DONE, and kept ones */
    uint32_t              fresh_record;             /* from here on never used */
    uint16_t              free_record_1;            /* given back; 0: none */
    uint16_t              buckets[HS_GATE_BUCKETS]; /* jobs by id: index + 1 of the first */
    struct hs_gate_job    jobs[HS_GATE_JOBS_MAX];
    struct hs_gate_record records[HS_GATE_RECORDS_MAX];
};

/* Zeroed memory is an empty machine. The machine finds its way by indexes that are no part of its
 * state: bucket lists and free lists differ with the past, what they hold does not. apply answers
 * enum hs_result_code. An entry that this version does not know is a bug of ours or a newer
 * version's log: the process must not go on
 * (-EPROTO is asserted). */
uint32_t hs_gate_fsm_apply(void *self, uint64_t seq, struct hs_view bytes);
void     hs_gate_fsm_save(void *self, struct hs_writer *writer);
int      hs_gate_fsm_restore(void *self, struct hs_view snapshot) HS_MUST_CHECK;
bool     hs_gate_fsm_needs_blob(void *self, const struct hs_ledger_digest *digest);

struct hs_gate_job *hs_gate_find_job(struct hs_gate_fsm *fsm,
                                     const uint8_t       id[HS_JOB_ID_BYTES]); /* NULL: unknown */
uint32_t            hs_gate_job_idx(const struct hs_gate_fsm *fsm, const struct hs_gate_job *job);
/* The records of a job by workflow, then datacenter: first, then the one behind it; NULL: no
 * more. */
const struct hs_gate_record *hs_gate_first_record(const struct hs_gate_fsm *fsm,
                                                  const struct hs_gate_job *job);
const struct hs_gate_record *hs_gate_next_record(const struct hs_gate_fsm    *fsm,
                                                 const struct hs_gate_record *record);
bool                         hs_gate_is_slot_over(const struct hs_gate_slot *slot);
/* What mixed endings of datacenters come to (jobs.md 6.2). */
enum hs_job_state hs_gate_resolve(const struct hs_gate_job *job);
bool hs_gate_is_request_known(const struct hs_gate_job *job, const uint8_t request_id[16]);
bool hs_gate_is_final(uint8_t job_state);               /* enum hs_job_state */
bool hs_gate_is_workflow_final(uint8_t workflow_state); /* enum hs_workflow_state */
/* As shown to people. */
enum hs_job_state hs_gate_display(const struct hs_gate_job *job);

/* ---- between gate_fsm.c and gate_snapshot.c ---- */

void hs_gate_index_job(struct hs_gate_fsm *fsm, struct hs_gate_job *job);
/* HS_ASSERTs that there is room: it was reserved. */
void hs_gate_keep_record(struct hs_gate_fsm *fsm, struct hs_gate_job *job,
                         const struct hs_gate_record *record);

#endif
