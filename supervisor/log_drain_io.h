// SPDX-License-Identifier: Apache-2.0
/* log_drain_io.h - carries log lines from the rings of all processes, and the supervisor's own, to
 * standard error or a file, with the time of day in front. Never waits for a reader: what does not
 * fit is dropped and counted. */
#ifndef HS_SUPERVISOR_LOG_DRAIN_IO_H
#define HS_SUPERVISOR_LOG_DRAIN_IO_H

#include "shm/log_ring.h"
#include "supervisor/log_limit.h"

#include <stdbool.h>

enum { HS_LOG_DRAIN_BUFFER_BYTES = 4096 }; /* what a pipe takes in one piece (PIPE_BUF) */

struct hs_log_drain {
    int                 fd;             /* 2, or the configured file */
    uint64_t            wall_offset_ns; /* time of day less monotonic, read now and then */
    uint64_t            offset_at_ns;
    uint64_t            lost_count; /* lines that nobody took */
    struct hs_log_limit limit;
    size_t              used_bytes;
    char                buffer[HS_LOG_DRAIN_BUFFER_BYTES];
};

void hs_log_drain_init(struct hs_log_drain *drain);
/* Opens path anew for appending ("" : standard error). On failure the old one stays. */
int hs_log_drain_reopen(struct hs_log_drain *drain, const char *path,
                        struct hs_err *err) HS_MUST_CHECK;
/* What a ring holds that cursor has not seen. Returns how many lines. */
unsigned hs_log_drain_ring(struct hs_log_drain *drain, const struct hs_log_ring_shm *ring,
                           struct hs_recent_cursor *cursor, const char *process_name,
                           unsigned process_idx, uint64_t now_ns);
/* One line of the supervisor's own; a log sink (log.h) with the drain as context. */
void hs_log_drain_own(void *context, enum hs_log_level level, const char *module, const char *line);
void hs_log_drain_flush(struct hs_log_drain *drain);
/* Time of day of a monotonic moment, nanoseconds since 1970. */
uint64_t hs_log_drain_wall_ns(struct hs_log_drain *drain, uint64_t at_ns);

#endif
