// SPDX-License-Identifier: Apache-2.0
/* manager_state.h - what a manager has decided, as tables: jobs, their workflows, the shards of
 * those. It is the state behind the log: rebuilt by replay, changed only by applying entries
 * (manager_fsm.h), equal wherever the same entries were applied. Pure; the caller owns the memory.
 * Does not know links, clocks or figures. */
#ifndef HS_MANAGER_STATE_H
#define HS_MANAGER_STATE_H

#include "roles/job_table.h"
#include "roles/manager/manager_entry.h"

#include <stdbool.h>

enum {
    HS_MANAGER_WORKFLOW_SLOTS = 8192, /* of all jobs; a job that does not fit is refused as busy */
    HS_MANAGER_SHARD_SLOTS = 8192,    /* of all workflows that were started; others wait */
    HS_MANAGER_EXCLUDED_MAX = 8,      /* workers that a shard avoids; the oldest goes */
    HS_MANAGER_REQUESTS_MAX = 32,     /* cancel requests remembered per job; the oldest goes */
    HS_MANAGER_SNAPSHOT_BYTES_MAX = 16 << 20
};

enum hs_manager_shard_state {
    HS_SHARD_ASSIGNED = 1, /* an exec of this attempt is a worker's to run */
    HS_SHARD_BACKOFF,      /* the next attempt waits for its time and for cores */
    HS_SHARD_ENDED
};

struct hs_manager_excluded {
    uint8_t  worker[16];
    uint64_t incarnation;
    bool     is_last_choice; /* it had no room, or what it knew was damaged: may be asked again when
                             nobody else is left */
};

struct hs_manager_shard {
    uint8_t                    state; /* enum hs_manager_shard_state */
    uint8_t                    outcome;
    uint8_t                    attempt;
    uint8_t                    reject_count;
    uint16_t                   cores;
    uint16_t                   restarts;
    uint8_t                    worker[16];
    uint64_t                   incarnation;
    uint64_t                   exec_fence;
    uint64_t                   elapsed_ns;
    uint64_t                   result_bytes; /* 0: none */
    struct hs_ledger_digest    result;
    uint32_t                   excluded_count; /* ever; the last HS_MANAGER_EXCLUDED_MAX are kept */
    struct hs_manager_excluded excluded[HS_MANAGER_EXCLUDED_MAX];
};

struct hs_manager_workflow {
    uint8_t                 state;      /* enum hs_workflow_state */
    bool                    is_failing; /* CANCELLING because a share failed: ends FAILED */
    bool                    is_cancelled;
    bool                    has_record;
    uint16_t                shard_count; /* 0: not started */
    uint32_t                shard_first;
    uint16_t                retries;     /* charged to the budget */
    uint16_t                unconfirmed; /* shares that were cancelled and have not said so */
    uint16_t                restarts;
    uint16_t                drained; /* shares run again because their worker left: no charge */
    uint64_t                depends_on[HS_WORKFLOWS_MAX / 64];
    uint64_t                begin_ns;   /* when cores were given to it, since the job began */
    uint64_t                elapsed_ns; /* of its longest share */
    uint64_t                discarded_sent;
    uint64_t                record_bytes;
    struct hs_ledger_digest record;
    char                    text[HS_MANAGER_TEXT_BYTES]; /* why it ended so */
    char                    backend[HS_MANAGER_BACKEND_BYTES];
};

enum hs_manager_job_phase {
    HS_MANAGER_JOB_FREE,
    HS_MANAGER_JOB_ACTIVE,
    HS_MANAGER_JOB_CANCELLING,
    HS_MANAGER_JOB_TIMING_OUT,
    HS_MANAGER_JOB_DONE
};

struct hs_manager_request {
    uint8_t  id[16];
    uint16_t workflow;
};

struct hs_manager_job {
    uint8_t                   phase;  /* enum hs_manager_job_phase */
    uint8_t                   status; /* enum hs_job_state, when DONE */
    bool                      is_released;
    uint8_t                   retries_max;
    uint8_t                   workflow_retries_max;
    uint8_t                   id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest   plan;
    uint64_t                  plan_bytes;
    uint64_t                  accepted_seq; /* names this life of the slot */
    uint64_t                  done_seq;
    uint64_t                  birth_fence;
    uint64_t                  gate_fence;
    struct hs_manager_limit   limit;
    uint64_t                  accepted_at_ns; /* in the life that limit names */
    uint32_t                  flags;
    uint16_t                  datacenter_idx;
    uint16_t                  datacenter_count;
    uint16_t                  retries;
    uint16_t                  workflow_count;
    uint32_t                  workflow_first;
    uint32_t                  request_count; /* ever */
    struct hs_manager_request requests[HS_MANAGER_REQUESTS_MAX];
    char                      name[HS_NAME_BYTES];
};

struct hs_manager_state {
    uint64_t                   seq;          /* of the last entry applied */
    uint64_t                   leader_fence; /* mf */
    struct hs_manager_leader   leader;
    uint32_t                   job_count;
    uint32_t                   active_count;  /* not DONE */
    uint64_t                   dropped_count; /* entries that changed nothing */
    struct hs_manager_job      jobs[HS_JOBS_MAX];
    bool                       is_workflow_used[HS_MANAGER_WORKFLOW_SLOTS];
    struct hs_manager_workflow workflows[HS_MANAGER_WORKFLOW_SLOTS];
    bool                       is_shard_used[HS_MANAGER_SHARD_SLOTS];
    struct hs_manager_shard    shards[HS_MANAGER_SHARD_SLOTS];
};

/* count consecutive free places of used[slot_count], marked; -ENOBUFS: there are none. */
int64_t hs_manager_take_slots(bool *used, uint32_t slot_count, uint32_t count) HS_MUST_CHECK;
void    hs_manager_give_slots(bool *used, uint32_t first, uint32_t count);

struct hs_manager_job *hs_manager_find_job(struct hs_manager_state *state,
                                           const uint8_t            id[HS_JOB_ID_BYTES]);
/* A free place, or NULL. */
struct hs_manager_job *hs_manager_find_free_job(struct hs_manager_state *state);
/* Frees it and all that hangs on it. */
void     hs_manager_free_job(struct hs_manager_state *state, struct hs_manager_job *job);
uint32_t hs_manager_job_idx(const struct hs_manager_state *state, const struct hs_manager_job *job);

/* idx is below job->workflow_count. */
struct hs_manager_workflow *hs_manager_workflow_at(struct hs_manager_state     *state,
                                                   const struct hs_manager_job *job, unsigned idx);
/* idx is below workflow->shard_count. */
struct hs_manager_shard *hs_manager_shard_at(struct hs_manager_state          *state,
                                             const struct hs_manager_workflow *workflow,
                                             unsigned                          idx);
/* The shard whose present attempt this is, in whatever state, with its job and workflow; NULL:
 * none. */
struct hs_manager_shard *hs_manager_find_exec(struct hs_manager_state *state,
                                              const struct hs_exec_id *exec, uint64_t exec_fence);

bool hs_manager_is_final(uint8_t workflow_state);
/* Shares that were run again, whoever is to blame. */
uint16_t hs_manager_rerun_count(const struct hs_manager_workflow *workflow);
bool     hs_manager_depends_on(const struct hs_manager_workflow *workflow, unsigned idx);
bool     hs_manager_is_excluded(const struct hs_manager_shard *shard, const uint8_t worker[16],
                                uint64_t incarnation, bool with_last_choices);

/* Every count and reference agrees with every other: for tests. */
bool hs_manager_state_validate(const struct hs_manager_state *state);

#endif
