// SPDX-License-Identifier: Apache-2.0
/* snapshot.h - copies what one answer needs out of shared memory, and makes it valid: the writers
 * are other processes, and one of them may have gone mad. Only reads mapped memory. Pure. */
#ifndef HS_CONSOLE_SNAPSHOT_H
#define HS_CONSOLE_SNAPSHOT_H

#include "roles/console/status_snapshot.h"
#include "shm/registry.h"

/* Bodies of the segments. The registries may be absent (NULL): a host without a gate has no
 * jobs. */
struct hs_snapshot_source {
    const struct hs_host_table_shm *host;
    void                           *vitals;
    void                           *counters;
    void                           *logs;
    void                           *events;
    const struct hs_registry_shm   *jobs;
    const struct hs_registry_shm   *managers;
    const struct hs_registry_shm   *workers;
    const struct hs_registry_shm   *gate_ring;
    const struct hs_registry_shm   *manager_ring;
    const void                     *dispatch_times; /* may be absent, too */
    const void                     *latency_samples;
    const struct hs_readiness      *readiness; /* the console's own; NULL: none */
};

/* For an answer to request. Tables that it does not need are left empty. Returns how many tables
 * failed their check. */
unsigned hs_snapshot_take(struct hs_status_snapshot       *snapshot,
                          const struct hs_snapshot_source *source,
                          const struct hs_status_request *request, uint64_t now_ns);
/* For a check of readiness: processes, managers and workers. */
unsigned hs_snapshot_take_readiness(struct hs_status_snapshot       *snapshot,
                                    const struct hs_snapshot_source *source, uint64_t now_ns);
/* For the metrics page and the health check. */
unsigned hs_snapshot_take_metrics(struct hs_status_snapshot       *snapshot,
                                  const struct hs_snapshot_source *source, uint64_t now_ns);

/* Every process that the host should have is serving. */
bool hs_snapshot_is_healthy(const struct hs_status_snapshot *snapshot);

#endif
