// SPDX-License-Identifier: Apache-2.0
/* log.h - says what happened, in one line: level, module, an event word and key=value pairs.
 * Formats only; a sink carries the line on (a role's sink is its log ring in shared memory, a
 * test's is an array) and stamps the time, so cores may log and stay pure. Not for per-request
 * paths. With no sink set, lines go to standard error. */
#ifndef HS_BASE_LOG_H
#define HS_BASE_LOG_H

#include "shm/base/err.h"

enum hs_log_level {
    HS_LOG_ERROR, /* someone must act */
    HS_LOG_WARN,  /* degraded, handled */
    HS_LOG_INFO,  /* a change of state */
    HS_LOG_DEBUG,
    HS_LOG_LEVEL_COUNT
};

enum { HS_LOG_LINE_BYTES = 224 }; /* fits one 256-byte log slot with its header */

/* line is terminated, without a line feed, control characters already escaped; valid until the sink
 * returns. */
typedef void hs_log_sink_fn(void *context, enum hs_log_level level, const char *module,
                            const char *line);

void hs_log_set_sink(hs_log_sink_fn *sink, void *context, enum hs_log_level most_verbose);
void hs_log(enum hs_log_level level, const char *module, const char *format, ...) HS_PRINTF(3, 4);
const char *hs_log_level_name(enum hs_log_level level);

#endif
