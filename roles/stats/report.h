// SPDX-License-Identifier: Apache-2.0
/* report.h - what a run came to, computed from merged figures: the numbers of `run --json` and of
 * the final summary, and the verdict about the measurement. Pure. Rendering is report_json.h and
 * report_text.h. */
#ifndef HS_STATS_REPORT_H
#define HS_STATS_REPORT_H

#include "roles/stats/stats.h"

enum { HS_REPORT_REASONS_MAX = 8, HS_REPORT_REASON_BYTES = 128, HS_REPORT_LOST_MAX = 4 };

enum hs_report_percentile {
    HS_REPORT_P50,
    HS_REPORT_P90,
    HS_REPORT_P95, /* in the document only: the screen has no room for it */
    HS_REPORT_P99,
    HS_REPORT_P999,
    HS_REPORT_P9999,
    HS_REPORT_PERCENTILES
};

enum hs_measurement { HS_MEASUREMENT_OK, HS_MEASUREMENT_DEGRADED, HS_MEASUREMENT_INVALID };
enum hs_target_verdict {
    HS_TARGET_PASSED,
    HS_TARGET_FAILED,      /* nothing at all completed, or a threshold failed */
    HS_TARGET_UNREACHABLE, /* every request failed before it was sent: names, connecting, TLS */
    HS_TARGET_UNMEASURED   /* nothing was sent, or our own end came before any answer */
};

/* What figures cannot know. Texts are borrowed for as long as the report is used. */
struct hs_report_meta {
    const char *name;
    const char *run_id;  /* "" if none */
    const char *backend; /* "io_uring" or "epoll" */
    uint64_t    seed;
    uint64_t    duration_ns; /* measured: without warm-up */
    uint64_t    busy_ns; /* in which requests were completed: with a long drain; 0: duration_ns */
    uint64_t    warmup_ns;
    uint32_t    engine_count;
    uint32_t    restart_count;  /* processes of the tree that died during the run */
    uint64_t    lag_limit_ns;   /* 0: the default, 1 ms */
    bool        is_open_model;  /* there was a schedule to be late for */
    bool        is_interrupted; /* ended by a signal or a cancel */
    bool        is_running;     /* figures so far: how it is run is not told yet */
    uint32_t    lost_count;     /* datacenters of which there is only what they told last */
    const char *lost_texts[HS_REPORT_LOST_MAX]; /* "datacenter eu was lost" */
};

struct hs_report_latency {
    uint64_t count;
    uint64_t mean_ns;
    uint64_t min_ns;
    uint64_t max_ns;
    uint64_t percentile_ns[HS_REPORT_PERCENTILES];
    bool     is_known[HS_REPORT_PERCENTILES]; /* false: too few samples, shown as a dash */
    bool
        is_at_least[HS_REPORT_PERCENTILES]; /* timeouts and cuts outweigh the tail: a lower bound */
};

struct hs_report_requests {
    uint64_t offered, sent, completed, failed, dropped, shed, cut, lost, discarded, retried;
};

struct hs_report_step {
    const char               *workflow;
    const char               *name;
    struct hs_report_requests requests;
    struct hs_report_latency  response;
    struct hs_report_latency  service;
};

struct hs_report {
    struct hs_report_meta     meta;
    struct hs_report_requests requests;
    double                    rate_per_s;         /* completed */
    double                    offered_rate_per_s; /* */
    uint64_t                  bytes_in;
    uint64_t                  bytes_out;
    uint64_t                  iterations;
    uint64_t                  connections;
    uint64_t                  timeout_count;
    uint64_t                  errors[HS_ERROR_CLASS_COUNT];
    uint64_t                  statuses[HS_STATUS_SLOTS];
    struct hs_report_latency  measures[HS_MEASURE_COUNT];
    double
        in_flight_mean; /* by Little's law: rate x mean service time; negative: too many failed */
    enum hs_target_verdict       target;
    enum hs_measurement          measurement;
    uint32_t                     reason_count;
    char                         reasons[HS_REPORT_REASONS_MAX][HS_REPORT_REASON_BYTES];
    const struct hs_report_step *steps; /* the caller's */
    uint32_t                     step_count;
};

/* total: all steps merged, warm-up left out. */
void hs_report_build(struct hs_report *report, const struct hs_report_meta *meta,
                     const struct hs_stats *total);
/* One row of the table of steps; give the rows with hs_report_set_steps. */
void hs_report_step_build(struct hs_report_step *step, const char *workflow, const char *name,
                          const struct hs_stats *stats);
void hs_report_set_steps(struct hs_report *report, const struct hs_report_step *steps,
                         uint32_t step_count);

/* Lag p99 up to here is fine: meta.lag_limit_ns (1 ms), or a tenth of the median response time if
 * that is more. */
uint64_t hs_report_lag_limit_ns(const struct hs_report *report);

const char *hs_measurement_name(enum hs_measurement measurement); /* "OK", "DEGRADED", "INVALID" */
const char *hs_target_verdict_name(enum hs_target_verdict verdict);
/* Why the target was not reached, for people: of the class that occurred most. "" unless it is
 * HS_TARGET_UNREACHABLE. */
const char *hs_report_unreached_text(const struct hs_report *report);
/* Of hs_report_latency: 0.5 ... and its key, "p50" ... */
const char *hs_report_quantile_key(unsigned idx);

#endif
