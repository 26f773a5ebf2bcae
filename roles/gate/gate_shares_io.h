// SPDX-License-Identifier: Apache-2.0
/* gate_shares_io.h - the gate's tables in shared memory: rows of jobs and managers, rings of
 * times. */
#ifndef HS_GATE_GATE_SHARES_IO_H
#define HS_GATE_GATE_SHARES_IO_H

#include "roles/gate/gate.h"
#include "roles/role.h"
#include "shm/registry.h"
#include "shm/segment.h"

struct hs_gate_shares {
    struct hs_segment     segments[HS_SHARE_COUNT];
    struct hs_registry    jobs;
    struct hs_registry    managers;
    struct hs_recent_shm *dispatch_times;
    struct hs_recent_shm *latency_samples;
    hs_registry_handle    job_handles[HS_GATE_JOBS_MAX]; /* 0: no row */
    hs_registry_handle    manager_handles[HS_GATE_MANAGERS_MAX];
};

/* Maps them; they stay until the process ends. */
int hs_gate_shares_open(struct hs_gate_shares *shares, const struct hs_heritage *heritage,
                        struct hs_err *err) HS_MUST_CHECK;
/* After the replay: rows that a dead predecessor left go on from their counts, those of unknown
 * jobs go. */
void hs_gate_shares_adopt(struct hs_gate_shares *shares, struct hs_gate *gate);
void hs_gate_shares_show_job(struct hs_gate_shares *shares, uint32_t job_idx,
                             const struct hs_job_row *row); /* NULL: gone */
/* One that is forgotten has no row. */
void hs_gate_shares_show_manager(struct hs_gate_shares *shares, unsigned manager,
                                 const struct hs_gate_manager *at);

#endif
