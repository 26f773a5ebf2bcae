// SPDX-License-Identifier: Apache-2.0
/* counters.h - the names of what processes count: indexes into a counter page (shm/counters.h),
 * from counters.def. Writing: hs_counter_add(page, HS_COUNT_frames_in, 1). */
#ifndef HS_ROLES_COUNTERS_H
#define HS_ROLES_COUNTERS_H

#include "shm/base/assert.h"
#include "shm/counters.h"

#include <stdbool.h>

enum hs_count {
#define HS_COUNTER(name, unit, text) HS_COUNT_##name,
#define HS_GAUGE(name, unit, text)   HS_COUNT_##name,
#include "roles/counters.def"
#undef HS_COUNTER
#undef HS_GAUGE
    HS_COUNT_END
};
HS_STATIC_ASSERT((unsigned)HS_COUNT_END <= (unsigned)HS_COUNTERS_MAX, "a page holds them all");

struct hs_count_row {
    const char *name;
    const char *unit; /* "count", "bytes", "ns" */
    const char *text; /* one sentence */
    bool        is_gauge;
};

/* idx below HS_COUNT_END. */
const struct hs_count_row *hs_count_row_at(unsigned idx);

#endif
