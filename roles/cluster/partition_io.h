// SPDX-License-Identifier: Apache-2.0
/* partition_io.h - what a gate's view of the datacenters (federation.h) says of the network:
 * carries out correlation.h, and tells of partitions by log, event and counters. */
#ifndef HS_CLUSTER_PARTITION_IO_H
#define HS_CLUSTER_PARTITION_IO_H

#include "roles/cluster/correlation.h"
#include "roles/cluster/federation.h"
#include "roles/role_io.h"

struct hs_partition_io {
    struct hs_role_process     *process;
    const struct hs_federation *federation;
    struct hs_correlation       correlation;
    struct hs_correlation_out   out;
};

void hs_partition_open(struct hs_partition_io *partition, struct hs_role_process *process,
                       const struct hs_federation *federation, uint64_t now_ns);
/* A datacenter has come into reach, or gone. */
void hs_partition_change(struct hs_partition_io *partition, uint64_t now_ns,
                         const struct hs_federation_change *change);
/* Evaluates if that is due; gates: how many live, this one included. The next moment. */
uint64_t hs_partition_turn(struct hs_partition_io *partition, uint64_t now_ns, unsigned gates);
bool     hs_partition_holds(const struct hs_partition_io *partition, uint32_t datacenter);

#endif
