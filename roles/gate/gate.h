// SPDX-License-Identifier: Apache-2.0
/* gate.h - what a gate does with frames, answers of the ledger, and time. Pure: everything that leaves goes through struct
 * hs_gate_out, which gate_io.c connects to the kernel and a test to arrays. Decisions are in gate_fsm.h; all else here is
 * soft: lost with the process, made again from the ledger and from what peers repeat. Four files:
 *
 *   gate.c           ledger answers, deadlines, events and statistics to subscribers, rows for status
 *   gate_submit.c    SUBMIT: check, store, create
 *   gate_clients.c   what else clients ask
 *   gate_managers.c  dispatch, acks, progress, results */
#ifndef HS_GATE_GATE_H
#define HS_GATE_GATE_H

#include "roles/gate/gate_fsm.h"
#include "roles/gate/progress.h"
#include "roles/plan/plan.h"
#include "roles/wire.h"

enum {
    HS_GATE_CLIENTS_MAX = HS_CLIENTS_MAX,
    HS_GATE_MANAGERS_MAX = 4,
    HS_GATE_SUBSCRIPTIONS_MAX = 512,
    HS_GATE_SUBSCRIBERS_PER_JOB_MAX = 8,
    HS_GATE_PENDING_MAX = 64, /* submissions and cancels whose entry is on its way to the disk */
    HS_GATE_WAITERS_MAX = 4   /* clients that sent the same submission meanwhile */
};

struct hs_gate_out {
    void *self;
    /* To a client: answer, or push (request_id 0). -ENOBUFS: it does not read; the gate cuts it off. */
    int (*reply)(void *self, unsigned client, enum hs_msg_type type, const void *message,
                 uint64_t request_id);
    int (*push_latest)(void *self, unsigned client, enum hs_msg_type type, const void *message);
    bool (*is_behind)(void *self, unsigned client);
    void (*cut_off)(void *self, unsigned client);
    int (*send)(void *self, unsigned manager, enum hs_msg_type type, const void *message);
    int (*propose)(void *self, struct hs_view entry, uint64_t token);
    int (*blob_put)(void *self, struct hs_view bytes, struct hs_ledger_digest *digest,
                    uint64_t token);
    int64_t (*blob_get)(void *self, const struct hs_ledger_digest *digest, void *memory,
                        size_t capacity_bytes);
    void (*show_job)(void *self, uint32_t job_idx, const struct hs_job_row *row); /* NULL: gone */
    void (*show_manager)(void *self, unsigned manager);
    void (*breadcrumb)(void *self, const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t digest);
    bool (*is_quarantined)(void *self, uint64_t digest);
    void (*count)(void *self, unsigned counter); /* enum hs_count */
};

struct hs_gate_limits { /* from the configuration */
    uint32_t active_jobs_max;
    uint32_t finished_jobs_max;
    uint64_t retention_ns;
    uint64_t dispatch_ack_timeout_ns;
    uint32_t dispatch_attempts;
    uint64_t progress_interval_ns;
    uint64_t cancel_timeout_ns;
};

struct hs_gate_upload { /* a plan above one frame, piece by piece; one per client */
    uint8_t  digest[HS_DIGEST_BYTES];
    uint64_t total_bytes;
    uint64_t have_bytes;
    uint8_t *memory; /* of gate_io's pool; NULL: none */
};

struct hs_gate_client {
    bool is_open;
};

struct hs_gate_manager {
    bool     is_up;
    bool     is_draining;
    char     datacenter[HS_NAME_BYTES];
    char     name[HS_NAME_BYTES];
    uint8_t  node[16];
    uint64_t incarnation;
    uint64_t generation;
    uint64_t fence;
    uint64_t heard_at_ns;
    uint64_t joined_at_ns;
    uint32_t workers;
    uint32_t cores_total;
    uint32_t cores_free;
    uint32_t jobs;
    uint32_t execs;
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
struct hs_gate_link {
    uint64_t retry_at_ns; /* dispatch, cancel, timeout or release is sent (again) */
    uint32_t attempts;
    uint64_t progress_fence;
    uint64_t progress_seq;
    uint64_t heard_at_ns;
    bool     is_acked;    /* this leadership's dispatch */
    bool     is_told;     /* of the cancel or timeout */
    bool     is_released; /* the manager has forgotten the job */
    bool     is_proposed; /* a DC_SLOT entry is on its way */
};

struct hs_gate_soft {
    uint64_t            created_at_ns;
    uint64_t            deadline_ns;
    uint64_t            grace_at_ns;
    uint64_t            planned_ns;
    uint64_t            elapsed_ns; /* as told by a datacenter */
    uint64_t            last_completed;
    uint64_t            last_row_ns;
    uint8_t             phase;      /* enum hs_exec_phase */
    bool                is_planned; /* names below are filled */
    bool                is_row_dirty;
    bool                is_deadline_proposed;
    struct hs_gate_link links[HS_GATE_SLOTS_MAX];
    uint8_t             cancel_workflows[HS_WORKFLOWS_MAX]; /* 1 to be told, 2 told */
    uint8_t             cancel_cascades[HS_WORKFLOWS_MAX];
    uint8_t             live_states[HS_WORKFLOWS_MAX];
    char                workflow_names[HS_WORKFLOWS_MAX][HS_NAME_BYTES];
    struct hs_job_row   row;
};

struct hs_gate_waiter {
    unsigned client;
    uint64_t request_id;
};

enum hs_gate_pending_kind { HS_GATE_PENDING_NONE, HS_GATE_PENDING_SUBMIT, HS_GATE_PENDING_CANCEL };

struct hs_gate_pending {
    enum hs_gate_pending_kind kind;
    uint64_t                  token;
    uint8_t                   job_id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest   digest;
    uint8_t                   request_id[16]; /* CANCEL */
    uint16_t                  workflow;       /* CANCEL */
    uint8_t                   cascade;
    unsigned                  waiter_count;
    struct hs_gate_waiter     waiters[HS_GATE_WAITERS_MAX];
    /* SUBMIT: for the soft state of the new job */
    uint64_t planned_ns;
};

/* One DC_RESULTS at a time: its records are fetched, stored, then the entry is proposed and the manager answered. */
struct hs_gate_fetch {
    bool                   is_busy;
    bool                   is_proposed;
    unsigned               manager;
    unsigned               next_item;
    uint64_t               have_bytes;
    uint64_t               asked_at_ns;
    uint64_t               token;
    struct hs_gate_results results;
};

struct hs_gate {
    struct hs_gate_out          out;
    struct hs_gate_limits       limits;
    struct hs_gate_fsm         *fsm;
    struct hs_progress         *progress;
    struct hs_gate_soft        *soft;         /* HS_GATE_JOBS_MAX */
    struct hs_arena             arena;        /* for reading one plan */
    uint8_t                    *blob_memory;  /* HS_LEDGER_BLOB_BYTES_MAX */
    uint8_t                    *fetch_memory; /* likewise, for the fetch */
    uint8_t                    *stats_memory; /* HS_WIRE_PART_BYTES_MAX */
    struct hs_stats             scratch;
    uint64_t                    now_ns;
    uint64_t                    next_token;
    uint64_t                    expire_at_ns; /* not before: an EXPIRE is on its way */
    bool                        is_leading;
    bool                        is_draining;
    struct hs_gate_client       clients[HS_GATE_CLIENTS_MAX];
    struct hs_gate_upload       uploads[HS_GATE_CLIENTS_MAX];
    struct hs_gate_manager      managers[HS_GATE_MANAGERS_MAX];
    struct hs_gate_subscription subscriptions[HS_GATE_SUBSCRIPTIONS_MAX];
    struct hs_gate_pending      pending[HS_GATE_PENDING_MAX];
    struct hs_gate_fetch        fetch;
};

/* ---- driven by gate_io.c ---- */

void hs_gate_client_opened(struct hs_gate *gate, unsigned client);
void hs_gate_client_closed(struct hs_gate *gate, unsigned client);
void hs_gate_client_frame(struct hs_gate *gate, unsigned client, unsigned type,
                          const union hs_msg *message, uint64_t request_id);
void hs_gate_manager_up(struct hs_gate *gate, unsigned manager, const char *datacenter);
void hs_gate_manager_down(struct hs_gate *gate, unsigned manager);
void hs_gate_manager_frame(struct hs_gate *gate, unsigned manager, unsigned type,
                           const union hs_msg *message, uint64_t request_id);
void hs_gate_ledger_answer(struct hs_gate *gate, const struct hs_ledger_answer *answer);
/* After hs_ledger_open has replayed: soft state of the jobs that are known. */
void     hs_gate_recovered(struct hs_gate *gate);
uint64_t hs_gate_turn(struct hs_gate *gate, uint64_t now_ns);
/* The daemon stops: whatever runs is cancelled, so that its results are kept. */
void hs_gate_stop(struct hs_gate *gate);

/* ---- among the four files ---- */

/* Answers of the ledger find their way by token: those of DC_SLOT entries by what they say, others by number. */
#define HS_GATE_SLOT_TOKEN (UINT64_C(1) << 63)
static inline uint64_t hs_gate_slot_token(uint32_t job_idx, unsigned slot)
{
    return HS_GATE_SLOT_TOKEN | (uint64_t)job_idx << 8 | slot;
}

void hs_gate_submit(struct hs_gate *gate, unsigned client, const struct hs_msg_submit *submit,
                    uint64_t request_id);
void hs_gate_submit_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code);
void hs_gate_cancel_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code);
void hs_gate_results_applied(struct hs_gate *gate, uint32_t code);
void hs_gate_reply(struct hs_gate *gate, unsigned client, enum hs_msg_type type,
                   const void *message, uint64_t request_id);
int  hs_gate_propose(struct hs_gate *gate, const struct hs_gate_entry *entry,
                     uint64_t token) HS_MUST_CHECK;
struct hs_gate_pending *hs_gate_take_pending(struct hs_gate *gate, enum hs_gate_pending_kind kind);
/* Names and times of a job from its plan's text. */
void hs_gate_learn_plan(struct hs_gate *gate, struct hs_gate_job *job, const struct hs_plan *plan);
void hs_gate_show(struct hs_gate *gate, struct hs_gate_job *job);
/* Everything that is due for one job at its datacenters; the next moment. */
uint64_t             hs_gate_turn_job(struct hs_gate *gate, struct hs_gate_job *job);
void                 hs_gate_turn_fetch(struct hs_gate *gate);
struct hs_gate_soft *hs_gate_soft_of(struct hs_gate *gate, const struct hs_gate_job *job);

#endif
