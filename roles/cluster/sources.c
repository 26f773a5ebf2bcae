// SPDX-License-Identifier: Apache-2.0
/* sources.c - buckets by a hash of the address. */
#include "roles/cluster/sources.h"

#include <string.h>

void hs_sources_init(struct hs_sources *sources, uint64_t seed)
{
    memset(sources, 0, sizeof *sources);
    sources->seed = seed;
}

/* The finish of splitmix64: whoever does not know the seed finds no two addresses that meet. */
static uint64_t mix(uint64_t word)
{
    word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ word >> 27) * UINT64_C(0x94d049bb133111eb);
    return word ^ word >> 31;
}

static struct hs_bucket *bucket_of(struct hs_sources *sources, const struct hs_addr *from)
{
    uint64_t halves[2];

    memcpy(halves, from->bytes, sizeof halves);
    return &sources->bucket[mix(mix(sources->seed ^ halves[0]) ^ halves[1]) % HS_SOURCES_BUCKETS];
}

bool hs_sources_take(struct hs_sources *sources, const struct hs_bucket_rate *rate,
                     const struct hs_addr *from, uint64_t now_ns)
{
    return hs_bucket_take(bucket_of(sources, from), rate, now_ns);
}
