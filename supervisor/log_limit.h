// SPDX-License-Identifier: Apache-2.0
/* log_limit.h - keeps one line that repeats itself from filling the log: so many in ten seconds
 * from one process, then a count. Lines that differ in digits only are the same line. Pure. */
#ifndef HS_SUPERVISOR_LOG_LIMIT_H
#define HS_SUPERVISOR_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_LOG_LIMIT_SLOTS = 256, HS_LOG_LIMIT_LINES = 20 };

struct hs_log_limit {
    uint64_t dropped_count; /* of all lines, ever */
    struct {
        uint64_t hash; /* of process, module and line; 0: free */
        uint64_t window_at_ns;
        uint32_t shown_count;
        uint32_t dropped_count;
    } slots[HS_LOG_LIMIT_SLOTS];
};

/* May the line be shown? *dropped_count: how many like it were not, and have not been told of. */
bool hs_log_limit_allows(struct hs_log_limit *limit, unsigned process_idx, const char *module,
                         const char *line, uint64_t now_ns, uint32_t *dropped_count);

#endif
