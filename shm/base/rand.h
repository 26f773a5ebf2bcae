// SPDX-License-Identifier: Apache-2.0
/* rand.h - seeded randomness as a parameter: same seed, same run. splitmix64 (Steele, Lea, Flood
 * 2014); not for keys. */
#ifndef HS_BASE_RAND_H
#define HS_BASE_RAND_H

#include <stdint.h>

struct hs_rand {
    uint64_t state;
};

static inline void hs_rand_init(struct hs_rand *rand, uint64_t seed)
{
    rand->state = seed;
}

static inline uint64_t hs_rand_next(struct hs_rand *rand)
{
    uint64_t z = (rand->state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [0, bound), bound > 0; multiply-shift (Lemire 2019) without the rejection step: the
 * bias is below 2^-32 for the small bounds used here. */
static inline uint64_t hs_rand_below(struct hs_rand *rand, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)(((wide)hs_rand_next(rand) * bound) >> 64);
}

#endif
