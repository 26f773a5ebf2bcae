// SPDX-License-Identifier: Apache-2.0
/* report_text.h - the final summary, and the line per second of a run whose output is not a
 * terminal. Pure: into the caller's memory, truncated and terminated; both return the length that
 * was written. */
#ifndef HS_STATS_REPORT_TEXT_H
#define HS_STATS_REPORT_TEXT_H

#include "roles/stats/report.h"

enum {
    HS_REPORT_STEPS_SHOWN = 50, /* the document has all of them */
    HS_REPORT_TEXT_BYTES = 24 << 10,
    HS_REPORT_LINE_BYTES = 256
};

size_t hs_report_text(const struct hs_report *report, char *text, size_t text_bytes);

struct hs_report_line {
    uint64_t    elapsed_ns;
    const char *phase;       /* "warmup", "steady", "drain" */
    uint64_t    interval_ns; /* what interval covers */
    uint64_t    in_flight_count;
};

/* `t=97s phase=steady offered=2000 sent=2000 done=1998 err=2 drop=0 p50=3.1ms p99=9.8ms p999=41.2ms
 * lag99=14us inflight=6`, without a line feed. interval: a snapshot less the one before
 * (hs_stats_copy, hs_stats_subtract). Counts are per second. */
size_t hs_report_line(const struct hs_report_line *line, const struct hs_stats *interval,
                      char *text, size_t text_bytes);

#endif
