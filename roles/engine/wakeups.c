// SPDX-License-Identifier: Apache-2.0
/* wakeups.c - a 4-ary heap: shallower than a binary one, four children to a line or two. */
#include "roles/engine/wakeups.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

enum { CHILDREN = 4 };

void hs_wakeups_init(struct hs_wakeups *wakeups, struct hs_wakeup *entries, uint32_t capacity)
{
    *wakeups = (struct hs_wakeups){.entries = entries, .capacity = capacity};
}

void hs_wakeups_push(struct hs_wakeups *wakeups, uint64_t at_ns, uint32_t idx)
{
    struct hs_wakeup *entries = wakeups->entries;
    uint32_t          at = wakeups->count;

    HS_ASSERT(wakeups->count < wakeups->capacity);
    wakeups->count++;
    while (at > 0 && entries[(at - 1) / CHILDREN].at_ns > at_ns) {
        entries[at] = entries[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    entries[at] = (struct hs_wakeup){.at_ns = at_ns, .idx = idx};
}

uint64_t hs_wakeups_next_ns(const struct hs_wakeups *wakeups)
{
    return wakeups->count ? wakeups->entries[0].at_ns : HS_NEVER_NS;
}

static uint32_t least_child(const struct hs_wakeups *wakeups, uint32_t at)
{
    uint32_t first = at * CHILDREN + 1;
    uint32_t least = first;

    for (uint32_t i = first + 1; i < first + CHILDREN && i < wakeups->count; i++)
        if (wakeups->entries[i].at_ns < wakeups->entries[least].at_ns) least = i;
    return least;
}

bool hs_wakeups_pop(struct hs_wakeups *wakeups, uint64_t now_ns, struct hs_wakeup *due)
{
    struct hs_wakeup *entries = wakeups->entries;
    struct hs_wakeup  last;
    uint32_t          at = 0;

    if (!wakeups->count || entries[0].at_ns > now_ns) return false;
    *due = entries[0];
    last = entries[--wakeups->count];
    while (at * CHILDREN + 1 < wakeups->count) {
        uint32_t child = least_child(wakeups, at);

        if (entries[child].at_ns >= last.at_ns) break;
        entries[at] = entries[child];
        at = child;
    }
    entries[at] = last;
    return true;
}
