// SPDX-License-Identifier: Apache-2.0
/* time.h - the units of time. Inside the program time is uint64_t nanoseconds of CLOCK_MONOTONIC,
 * and nothing else. */
#ifndef HS_BASE_TIME_H
#define HS_BASE_TIME_H

#include <stdint.h>

#define HS_NS_PER_US UINT64_C(1000)
#define HS_NS_PER_MS UINT64_C(1000000)
#define HS_NS_PER_S  UINT64_C(1000000000)
#define HS_NEVER_NS  UINT64_MAX /* a deadline that does not come */

static inline uint64_t hs_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t hs_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

#endif
