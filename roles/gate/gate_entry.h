// SPDX-License-Identifier: Apache-2.0
/* gate_entry.h - the entries of the gate's log of decisions, as structs and as bytes. Pure. What
 * they do when applied stands in gate_fsm.h. An entry names everything that applying it needs: no
 * clock, no configuration. */
#ifndef HS_GATE_GATE_ENTRY_H
#define HS_GATE_GATE_ENTRY_H

#include "roles/cluster/ledger.h"
#include "roles/exec_state.h"
#include "shm/base/limits.h"

enum {
    HS_GATE_CLIENT_ID_BYTES = 65,
    HS_GATE_REASON_BYTES = 128,
    HS_GATE_SLOTS_MAX = 4,    /* datacenters of one job, until jobs travel between hosts */
    HS_GATE_ENTRY_ITEMS = 24, /* results in one entry */
    HS_GATE_ENTRY_IDS = 128   /* jobs forgotten by one entry */
};

/* Numbers are on disk: append only. */
enum hs_gate_entry_kind {
    HS_GATE_LEADER = 1,
    HS_GATE_JOB_CREATE,
    HS_GATE_DC_SLOT,
    HS_GATE_CANCEL,
    HS_GATE_RESULTS,
    HS_GATE_DEADLINE,
    HS_GATE_EXPIRE,
    HS_GATE_ENTRY_KIND_END
};

enum hs_gate_slot_op { HS_GATE_SLOT_ACCEPTED = 1, HS_GATE_SLOT_REFUSED };
enum hs_gate_deadline { HS_GATE_DEADLINE_TIMEOUT = 1, HS_GATE_DEADLINE_GRACE };

struct hs_gate_job_create {
    uint8_t                 job_id[HS_JOB_ID_BYTES];
    struct hs_ledger_digest digest;
    uint32_t                plan_bytes;
    uint32_t                flags; /* enum hs_submit_flags */
    uint64_t                timeout_ns;
    uint64_t created_wall_ns; /* since 1970, for the eye: nothing is decided by it; 0: not known */
    uint16_t workflow_count;
    uint16_t slot_count;
    char     name[HS_NAME_BYTES];
    char     client_id[HS_GATE_CLIENT_ID_BYTES];
    char     datacenters[HS_GATE_SLOTS_MAX][HS_NAME_BYTES];
};

struct hs_gate_item {
    uint16_t                workflow; /* HS_WORKFLOW_ALL: the job in this datacenter */
    uint8_t                 status;   /* enum hs_workflow_state; of ALL enum hs_job_state */
    uint8_t                 has_record;
    struct hs_ledger_digest digest; /* of the run record, if has_record */
};

struct hs_gate_results {
    uint8_t             job_id[HS_JOB_ID_BYTES];
    uint16_t            slot;
    uint64_t            manager_fence;
    uint64_t            elapsed_ns; /* of the job in this datacenter; 0: not known */
    uint8_t             is_lost;    /* the gate's own word: nothing more will come from there */
    uint16_t            count;
    struct hs_gate_item items[HS_GATE_ENTRY_ITEMS];
    char                reason[HS_GATE_REASON_BYTES];
};

struct hs_gate_entry {
    enum hs_gate_entry_kind kind;
    union {
        struct hs_gate_job_create create;
        struct {
            uint8_t  job_id[HS_JOB_ID_BYTES];
            uint16_t slot;
            uint8_t  op; /* enum hs_gate_slot_op */
            uint64_t manager_fence;
            char     reason[HS_GATE_REASON_BYTES];
        } slot;
        struct {
            uint8_t  job_id[HS_JOB_ID_BYTES];
            uint8_t  request_id[16];
            uint16_t workflow; /* HS_WORKFLOW_ALL */
            uint8_t  cascade;
            char     reason[HS_GATE_REASON_BYTES];
        } cancel;
        struct hs_gate_results results;
        struct {
            uint8_t job_id[HS_JOB_ID_BYTES];
            uint8_t kind; /* enum hs_gate_deadline */
        } deadline;
        struct {
            uint16_t count;
            uint8_t  job_ids[HS_GATE_ENTRY_IDS][HS_JOB_ID_BYTES];
        } expire;
    } as;
};

void hs_gate_entry_put(struct hs_writer *writer, const struct hs_gate_entry *entry);
/* 0 or -EPROTO. */
int hs_gate_entry_get(struct hs_view bytes, struct hs_gate_entry *entry) HS_MUST_CHECK;

/* count bytes of entries and snapshots; zeros where the reader fails. */
void hs_gate_get_bytes(struct hs_reader *reader, void *bytes, size_t count);

#endif
