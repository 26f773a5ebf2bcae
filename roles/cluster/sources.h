// SPDX-License-Identifier: Apache-2.0
/* sources.h - how much is taken of each address from which strangers' datagrams come, so that what
 * one sends or plays back costs the others nothing. Addresses may share a bucket, but nobody can
 * tell which do. Ports do not count, and an address may be a lie: it is a bound beside the one for
 * all of them together, not in its place. Pure. */
#ifndef HS_CLUSTER_SOURCES_H
#define HS_CLUSTER_SOURCES_H

#include "ipc/addr.h"
#include "roles/cluster/replay.h"

enum { HS_SOURCES_BUCKETS = 256 };

struct hs_sources {
    uint64_t         seed;
    struct hs_bucket bucket[HS_SOURCES_BUCKETS];
};

/* seed: drawn by the caller, unknown to others. */
void hs_sources_init(struct hs_sources *sources, uint64_t seed);
bool hs_sources_take(struct hs_sources *sources, const struct hs_bucket_rate *rate,
                     const struct hs_addr *from, uint64_t now_ns);

#endif
