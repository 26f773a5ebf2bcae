// SPDX-License-Identifier: Apache-2.0
/* gate_state.h - what a gate keeps beside what it has decided: clients, managers, subscriptions,
 * what is under way. Lost with the process, made again from the ledger and from what peers
 * repeat. */
#ifndef HS_GATE_GATE_STATE_H
#define HS_GATE_GATE_STATE_H

#include "roles/cluster/job_suspicion.h"
#include "roles/gate/gate_fsm.h"
#include "roles/gate/gate_out.h"
#include "roles/gate/gate_peers.h"
#include "roles/gate/progress.h"
#include "roles/guard/admission.h"
#include "roles/node_tables.h"
#include "shm/base/arena.h"
#include "shm/base/time.h"

enum {
    HS_GATE_CLIENTS_MAX = HS_CLIENTS_MAX,
    HS_GATE_MANAGERS_MAX = HS_MANAGERS_MAX,
    HS_GATE_SUBSCRIPTIONS_MAX = 512,
    HS_GATE_SUBSCRIBERS_PER_JOB_MAX = 8,
    HS_GATE_PENDING_MAX = 64, /* submissions and cancels whose entry is on its way to the disk */
    HS_GATE_WAITERS_MAX = 4,  /* clients that sent the same submission meanwhile */
    HS_GATE_FETCHES_MAX = 16  /* ends of jobs that are taken at a time; others are told again */
};

/* A key is known for so long after its job has ended, whatever else must make room: a submission
 * that is repeated late is answered, not run a second time (jobs.md 7.3). */
#define HS_GATE_KEY_WINDOW_NS (300 * HS_NS_PER_S)

struct hs_gate_upload { /* a plan above one frame, piece by piece; one per client */
    uint8_t  digest[HS_DIGEST_BYTES];
    uint64_t total_bytes; /* 0: nothing is kept */
    uint64_t have_bytes;
    uint8_t *memory;     /* of gate_io's pool; NULL: none */
    bool     is_put_off; /* none may begin: this user has enough of them under way */
};

struct hs_gate_client {
    bool is_open;
    bool has_watched; /* a job: of one that ends it wants the results */
};

struct hs_gate_subscription {
    bool     is_used;
    bool     wants_stats;
    unsigned client;
    uint32_t job_idx;
    uint64_t birth_fence; /* the job may be gone and its place taken */
    uint32_t sent_events;
    uint32_t snap_no;
    uint64_t interval_ns;
    uint64_t next_stats_ns;
};

/* What a job needs beside what was decided about it, per datacenter. */
struct hs_gate_slot_soft {
    uint64_t retry_at_ns; /* dispatch, cancel, timeout or release is sent (again) */
    uint64_t sent_at_ns;  /* the first dispatch of this life of the gate; 0: none */
    uint64_t resent_at_ns;
    uint64_t accepted_at_ns;
    uint64_t unheard_since_ns; /* nobody has said anything to the dispatch; 0: not yet asked */
    uint64_t unled_since_ns;   /* whoever answers to it only follows; 0: somebody leads */
    uint32_t attempts;
    uint32_t manager; /* who was told what follows, + 1; 0: nobody */
    struct hs_gate_call call;
    uint64_t            progress_fence;
    uint64_t            progress_seq;
    uint64_t            heard_at_ns;
    uint64_t            elapsed_ns;     /* of the job there, as it told last */
    bool                is_acked;       /* this leadership's dispatch */
    bool                is_told;        /* of the cancel or timeout */
    bool                is_released;    /* the manager has forgotten the job */
    bool                is_proposed;    /* a DC_SLOT entry is on its way */
    bool                is_silent;      /* as the job's row says */
    bool                is_start_noted; /* in the table of times */
    bool                is_end_noted;
    uint8_t told_workflows[HS_WORKFLOWS_MAX]; /* the cancel that it knows of, of each workflow */
};

struct hs_gate_soft {
    uint64_t                 created_at_ns;
    uint64_t                 deadline_ns;
    uint64_t                 extended_ns; /* of that, by what workers were given */
    uint64_t                 grace_at_ns;
    uint64_t                 planned_ns;
    uint64_t                 elapsed_ns; /* as told by a datacenter */
    uint64_t                 last_completed;
    uint64_t                 last_row_ns;
    uint8_t                  phase; /* enum hs_exec_phase */
    bool                     is_row_dirty;
    bool                     is_end_noted;
    struct hs_gate_slot_soft slots[HS_GATE_SLOTS_MAX];
    uint8_t                  live_states[HS_WORKFLOWS_MAX];
    uint16_t                 live_cores[HS_WORKFLOWS_MAX];
    uint16_t                 live_retries[HS_WORKFLOWS_MAX];
    char                     workflow_names[HS_WORKFLOWS_MAX][HS_NAME_BYTES];
    struct hs_job_row        row;
};

struct hs_gate_waiter {
    unsigned client;
    uint64_t request_id;
    hs_slot  slot; /* held until it is answered */
};

enum hs_gate_pending_kind { HS_GATE_PENDING_NONE, HS_GATE_PENDING_SUBMIT, HS_GATE_PENDING_CANCEL };

struct hs_gate_pending {
    enum hs_gate_pending_kind kind;
    uint64_t                  token;
    uint8_t                   job_id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest   digest;
    uint8_t                   request_id[16]; /* CANCEL */
    unsigned                  waiter_count;
    struct hs_gate_waiter     waiters[HS_GATE_WAITERS_MAX];
};

/* A DC_RESULTS: its records are fetched, stored, then the entry is proposed and the manager
 * answered. */
struct hs_gate_fetch {
    bool                   is_busy;
    bool                   is_proposed;
    unsigned               manager;
    unsigned               next_item;
    unsigned               tries; /* of this item: its digest did not match */
    uint64_t               request_id;
    uint64_t               total_bytes; /* of the record, once told */
    uint64_t               have_bytes;
    uint64_t               asked_at_ns;
    uint64_t               token;
    uint8_t               *memory; /* HS_LEDGER_BLOB_BYTES_MAX, of gate_io's pool */
    struct hs_gate_results results;
};

struct hs_gate {
    struct hs_gate_out        out;
    struct hs_gate_limits     limits;
    struct hs_gate_fsm       *fsm;
    struct hs_admission      *admission; /* where slots are given back */
    hs_slot                   slot; /* of the frame that is being taken; 0: somebody holds it */
    struct hs_progress       *progress;
    struct hs_job_suspicion  *silence;         /* by numbers of jobs and places of datacenters */
    uint64_t                  reports_refused; /* of our own doing, when last looked at */
    uint64_t                  hold_until_ns;   /* therefore nobody is suspected */
    uint64_t                  reconcile_at_ns; /* the watch over jobs is counted again */
    struct hs_gate_soft      *soft;            /* HS_GATE_JOBS_MAX */
    struct hs_arena           arena;           /* for reading one plan */
    uint8_t                  *blob_memory;     /* HS_LEDGER_BLOB_BYTES_MAX */
    uint8_t                  *stats_memory;    /* HS_WIRE_PART_BYTES_MAX */
    struct hs_stats           scratch;
    struct hs_rand            rand;
    uint64_t                  now_ns;
    uint64_t                  due_ns; /* nothing of the jobs is due before; 0: something happened */
    uint64_t                  next_token;
    uint64_t                  expire_token; /* of the EXPIRE that is on its way; 0: none */
    uint32_t                  expire_idx;
    uint64_t                  expire_at_ns; /* not before: the log was busy */
    uint64_t                  lead_token;   /* of the LEADER entry that is on its way; 0: none */
    bool                      wants_lead;   /* it is still to be proposed */
    bool                      is_leading;
    bool                      is_draining;
    bool                      is_stopping;
    struct hs_gate_client     clients[HS_GATE_CLIENTS_MAX];
    struct hs_gate_upload     uploads[HS_GATE_CLIENTS_MAX];
    struct hs_gate_manager    managers[HS_GATE_MANAGERS_MAX];
    uint64_t                  datacenters_at_ns; /* they are judged again */
    struct hs_gate_datacenter datacenters[HS_DATACENTERS_MAX];
    unsigned                  manager_high; /* from here on none was ever used */
    struct hs_gate_subscription subscriptions[HS_GATE_SUBSCRIPTIONS_MAX];
    struct hs_gate_pending      pending[HS_GATE_PENDING_MAX];
    struct hs_gate_fetch        fetches[HS_GATE_FETCHES_MAX];
};

#endif
