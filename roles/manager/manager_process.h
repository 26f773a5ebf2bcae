// SPDX-License-Identifier: Apache-2.0
/* manager_process.h - the manager process as its _io files see it. Nobody else's. */
#ifndef HS_MANAGER_MANAGER_PROCESS_H
#define HS_MANAGER_MANAGER_PROCESS_H

#include "ipc/conn.h"
#include "roles/counters.h"
#include "roles/manager/manager.h"
#include "roles/role_io.h"

enum { HS_MANAGER_LATER_MAX = 1024 }; /* answers that wait for their turn: a handful each time */

/* What carrying out an action gave back: told to the core after the list is through. */
struct hs_manager_later {
    enum { HS_LATER_REFUSED, HS_LATER_BLOB } what;
    uint64_t                token;
    struct hs_ledger_digest digest;
};

struct hs_manager_process {
    struct hs_role_process    process;
    struct hs_manager         manager;
    struct hs_manager_actions actions;
    struct hs_ledger         *ledger;
    struct hs_conn           *gate;
    struct hs_conn           *worker; /* on this host there is one; others come with the network */
    uint32_t                  last_link;
    uint8_t                  *blob; /* HS_LEDGER_BLOB_BYTES_MAX */
    struct hs_segment         rows_segment;
    struct hs_registry        rows;
    struct hs_segment         samples_segment;
    struct hs_recent_shm     *samples;                 /* round trips, for status */
    hs_registry_handle        handles[HS_WORKERS_MAX]; /* 0: no row */
    uint64_t                  rows_at_ns;
    struct hs_manager_counts  told; /* counts that are in the page already */
    struct hs_manager_later   later[HS_MANAGER_LATER_MAX];
    unsigned                  later_first;
    unsigned                  later_count;
    bool                      has_failed;
    union hs_msg              message;
};

/* The core's actions, in order, then what they brought about, until nothing is left. */
void hs_manager_perform(struct hs_manager_process *process, uint64_t now_ns);

static inline void hs_manager_count(struct hs_manager_process *process, enum hs_count count,
                                    uint64_t amount)
{
    hs_counter_add(process->process.counters, count, amount);
}

#endif
