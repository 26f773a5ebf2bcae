// SPDX-License-Identifier: Apache-2.0
/* gate_fsm.h - what the gates have decided about jobs: the state machine behind the ledger. Pure, total, deterministic: the
 * same entries in the same order give the same state anywhere. First terminal transition in log order wins, for ever, so a job
 * ends exactly once by construction. Does not talk to anybody (jobs.h does).
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
    HS_GATE_RECORDS_MAX = 8192, /* kept run records, over all jobs; reserved when a job is made */
    HS_GATE_REQUESTS_MAX = 8,   /* cancel requests remembered per job; the oldest goes */
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
    HS_GATE_SLOT_PLANNED,    /* to be dispatched */
    HS_GATE_SLOT_RUNNING,    /* the datacenter has accepted */
    HS_GATE_SLOT_ENDED,      /* its job result is in */
    HS_GATE_SLOT_FAILED,     /* nobody took it */
    HS_GATE_SLOT_UNCONFIRMED /* the grace was over before it answered */
};

struct hs_gate_slot {
    char     datacenter[HS_NAME_BYTES];
    uint64_t manager_fence;
    uint8_t  state;  /* enum hs_gate_slot_state */
    uint8_t  status; /* ENDED: enum hs_job_state */
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
    uint32_t                plan_bytes;
    uint32_t                flags;
    uint8_t                 phase; /* enum hs_gate_job_phase */
    uint8_t                 final; /* enum hs_job_state, when DONE */
    uint16_t                workflow_count;
    uint16_t                slot_count;
    uint16_t                event_count;
    uint16_t                request_count;
    char                    name[HS_NAME_BYTES];
    char                    client_id[HS_GATE_CLIENT_ID_BYTES];
    char                    reason[HS_GATE_REASON_BYTES]; /* why it ended so */
    uint8_t                 requests[HS_GATE_REQUESTS_MAX][16];
    struct hs_gate_slot     slots[HS_GATE_SLOTS_MAX];
    struct hs_gate_event    events[HS_GATE_EVENTS_MAX];
    uint8_t                 workflow_states[HS_WORKFLOWS_MAX];  /* once all datacenters told */
    uint8_t                 workflow_reports[HS_WORKFLOWS_MAX]; /* bit per slot that has */
};

struct hs_gate_record {
    uint16_t                job_idx_1; /* 0: free; else the job's index + 1 */
    uint16_t                workflow;
    uint16_t                slot;
    struct hs_ledger_digest digest;
};

struct hs_gate_fsm {
    uint64_t              leader_fence;
    uint32_t              job_count;
    uint32_t              active_count;
    uint32_t              reserved_records; /* by jobs that are not DONE, and kept ones */
    struct hs_gate_job    jobs[HS_GATE_JOBS_MAX];
    struct hs_gate_record records[HS_GATE_RECORDS_MAX];
};

/* Zeroed memory is an empty machine. apply answers enum hs_result_code. An entry that this version does not know is a bug of
 * ours or a newer version's log: the process must not go on (-EPROTO is asserted). */
uint32_t hs_gate_fsm_apply(void *fsm, uint64_t seq, struct hs_view entry);
void     hs_gate_fsm_save(void *fsm, struct hs_writer *writer);
int      hs_gate_fsm_restore(void *fsm, struct hs_view snapshot) HS_MUST_CHECK;
bool     hs_gate_fsm_needs_blob(void *fsm, const struct hs_ledger_digest *digest);

struct hs_gate_job *hs_gate_find_job(struct hs_gate_fsm *fsm,
                                     const uint8_t       id[HS_JOB_ID_BYTES]); /* NULL: unknown */
uint32_t            hs_gate_job_idx(const struct hs_gate_fsm *fsm, const struct hs_gate_job *job);
/* The next record of a job at or after *cursor (0 first); NULL: no more. By workflow, then datacenter. */
const struct hs_gate_record *hs_gate_next_record(const struct hs_gate_fsm *fsm,
                                                 const struct hs_gate_job *job, uint32_t *cursor);
bool                         hs_gate_is_slot_over(const struct hs_gate_slot *slot);
/* What mixed endings of datacenters come to (jobs.md 6.2). */
enum hs_job_state hs_gate_resolve(const struct hs_gate_job *job);
/* As shown to people. */
enum hs_job_state hs_gate_display(const struct hs_gate_job *job);

#endif
