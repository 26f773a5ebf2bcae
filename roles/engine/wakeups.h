// SPDX-License-Identifier: Apache-2.0
/* wakeups.h - who must be woken when, to the nanosecond: a 4-ary heap of moments over indexes. For
 * think times, which a wheel of milliseconds would make late. Pure; the memory is the caller's, one
 * entry for each index that may wait. */
#ifndef HS_ENGINE_WAKEUPS_H
#define HS_ENGINE_WAKEUPS_H

#include <stdbool.h>
#include <stdint.h>

struct hs_wakeup {
    uint64_t at_ns;
    uint32_t idx;
};

struct hs_wakeups {
    struct hs_wakeup *entries;
    uint32_t          capacity;
    uint32_t          count;
};

void hs_wakeups_init(struct hs_wakeups *wakeups, struct hs_wakeup *entries, uint32_t capacity);
/* An index waits at most once: capacity is never exceeded. */
void     hs_wakeups_push(struct hs_wakeups *wakeups, uint64_t at_ns, uint32_t idx);
uint64_t hs_wakeups_next_ns(const struct hs_wakeups *wakeups); /* HS_NEVER_NS: nobody waits */
bool     hs_wakeups_pop(struct hs_wakeups *wakeups, uint64_t now_ns, struct hs_wakeup *due);

#endif
