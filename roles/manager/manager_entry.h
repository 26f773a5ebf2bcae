// SPDX-License-Identifier: Apache-2.0
/* manager_entry.h - what a manager writes into its log: decisions, each of at most 4 KiB, as
 * structs and as bytes. Does not know what they bring about (manager_fsm.h). Pure.
 *
 *   entry := version u8 | kind u8 | fields: varints, fixed ids, texts (varint length | bytes)
 *
 * An entry of an unknown version or kind cannot be skipped, or copies of the state would differ:
 * decoding says -EPROTO and whoever applies it stops. */
#ifndef HS_MANAGER_ENTRY_H
#define HS_MANAGER_ENTRY_H

#include "roles/cluster/ledger.h"
#include "roles/exec_state.h"
#include "shm/base/bytes.h"
#include "shm/base/limits.h"

enum hs_manager_entry_kind {
    HS_MANAGER_LEADER = 1, /* this node decides from here on */
    HS_MANAGER_ACCEPT,     /* the job exists */
    HS_MANAGER_ASSIGN,     /* shares of a workflow and the workers that get them */
    HS_MANAGER_END,        /* an exec has ended, or a workflow that cannot run */
    HS_MANAGER_RECORD,     /* the final figures of a workflow are kept under this digest */
    HS_MANAGER_CANCEL,
    HS_MANAGER_OWNER, /* the gate of higher fence, and how much time it gives */
    HS_MANAGER_TIMEOUT,
    HS_MANAGER_RELEASED, /* the gate keeps the results: the job may go */
    HS_MANAGER_EXPIRE,
    HS_MANAGER_KIND_COUNT
};

enum {
    HS_MANAGER_TEXT_BYTES = 96,
    HS_MANAGER_BACKEND_BYTES = 64,
    HS_MANAGER_EXPIRE_MAX = 128,
    HS_MANAGER_WORKFLOW_SHARDS = 0xffff /* as a shard: the workflow itself */
};

struct hs_manager_leader {
    uint8_t  node[16];
    uint64_t incarnation;
    uint64_t generation;
};

/* How long a job may take. Moments are of one host's life: in another one only the length
 * counts. */
struct hs_manager_limit {
    uint64_t timeout_ns;  /* HS_NEVER_NS: no limit */
    uint64_t began_at_ns; /* counted from here... */
    uint64_t incarnation; /* ...in this life of the host */
};

/* depends_on of workflow i: dependencies[dependency_end[i - 1]] up to dependency_end[i]. */
struct hs_manager_accept {
    uint8_t                 job_id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest plan;
    uint64_t                plan_bytes;
    uint64_t                birth_fence;
    uint64_t                gate_fence;
    struct hs_manager_limit limit;
    uint32_t                flags;
    uint16_t                datacenter_idx;
    uint16_t                datacenter_count;
    uint8_t                 retries_max;
    uint8_t                 workflow_retries_max;
    char                    name[HS_NAME_BYTES];
    uint16_t                workflow_count;
    uint16_t                dependency_end[HS_WORKFLOWS_MAX];
    uint8_t                 dependencies[HS_DEPENDENCIES_TOTAL_MAX];
};

struct hs_manager_assign_item {
    uint16_t shard;
    uint8_t  attempt;
    uint16_t cores;
    uint64_t incarnation; /* of the worker */
    uint8_t  worker[16];
};

struct hs_manager_assign {
    uint8_t                       job_id[HS_JOB_ID_BYTES];
    uint8_t                       workflow;
    uint16_t                      count;
    uint64_t                      after_ns; /* since the job began */
    struct hs_manager_assign_item items[HS_SHARDS_MAX];
};

struct hs_manager_end {
    uint8_t                 job_id[HS_JOB_ID_BYTES];
    uint8_t                 workflow;
    uint16_t                shard; /* HS_MANAGER_WORKFLOW_SHARDS: a workflow that cannot run */
    uint8_t                 attempt;
    uint8_t                 outcome; /* enum hs_exec_outcome */
    uint64_t                exec_fence;
    uint64_t                elapsed_ns;
    uint64_t                discarded_sent; /* requests of an attempt whose figures are void */
    uint16_t                restarts;
    uint64_t                result_bytes; /* 0: none */
    struct hs_ledger_digest result;
    char                    text[HS_MANAGER_TEXT_BYTES];
    char                    backend[HS_MANAGER_BACKEND_BYTES];
};

struct hs_manager_record {
    uint8_t                 job_id[HS_JOB_ID_BYTES];
    uint8_t                 workflow;
    uint64_t                bytes;
    struct hs_ledger_digest digest;
};

struct hs_manager_cancel {
    uint8_t  job_id[HS_JOB_ID_BYTES];
    uint16_t workflow; /* HS_WORKFLOW_ALL */
    uint8_t  is_cascade;
    uint8_t  request_id[16];
    uint64_t gate_fence;
};

struct hs_manager_owner {
    uint8_t                 job_id[HS_JOB_ID_BYTES];
    uint64_t                gate_fence;
    struct hs_manager_limit limit;
};

enum hs_manager_timeout_kind { HS_MANAGER_TIMEOUT_GATE, HS_MANAGER_TIMEOUT_FALLBACK };

struct hs_manager_timeout {
    uint8_t  job_id[HS_JOB_ID_BYTES];
    uint8_t  kind;
    uint64_t gate_fence;
};

struct hs_manager_released {
    uint8_t  job_id[HS_JOB_ID_BYTES];
    uint64_t gate_fence;
};

struct hs_manager_expire {
    uint16_t count;
    uint8_t  job_ids[HS_MANAGER_EXPIRE_MAX][HS_JOB_ID_BYTES];
};

struct hs_manager_entry {
    enum hs_manager_entry_kind kind;
    union {
        struct hs_manager_leader   leader;
        struct hs_manager_accept   accept;
        struct hs_manager_assign   assign;
        struct hs_manager_end      end;
        struct hs_manager_record   record;
        struct hs_manager_cancel   cancel;
        struct hs_manager_owner    owner;
        struct hs_manager_timeout  timeout;
        struct hs_manager_released released;
        struct hs_manager_expire   expire;
    };
};

/* Appends the entry; the writer fails when it does not fit. */
void hs_manager_entry_put(struct hs_writer *writer, const struct hs_manager_entry *entry);
/* 0 or -EPROTO; then entry is to be forgotten. */
int hs_manager_entry_get(struct hs_manager_entry *entry, struct hs_view bytes) HS_MUST_CHECK;

#endif
