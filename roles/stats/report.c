// SPDX-License-Identifier: Apache-2.0
/* report.c - numbers and verdicts of a finished run. */
#include "roles/stats/report.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double      quantiles[HS_REPORT_PERCENTILES] = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999};
static const char *const quantile_keys[HS_REPORT_PERCENTILES] = {"p50", "p90",  "p95",
                                                                 "p99", "p999", "p9999"};

const char *hs_report_quantile_key(unsigned idx)
{
    HS_ASSERT(idx < HS_REPORT_PERCENTILES);
    return quantile_keys[idx];
}

const char *hs_measurement_name(enum hs_measurement measurement)
{
    switch (measurement) {
    case HS_MEASUREMENT_OK: return "OK";
    case HS_MEASUREMENT_DEGRADED: return "DEGRADED";
    case HS_MEASUREMENT_INVALID: return "INVALID";
    }
    return "?";
}

const char *hs_target_verdict_name(enum hs_target_verdict verdict)
{
    switch (verdict) {
    case HS_TARGET_PASSED: return "PASSED";
    case HS_TARGET_FAILED: return "FAILED";
    case HS_TARGET_UNREACHABLE: return "UNREACHABLE";
    case HS_TARGET_UNMEASURED: return "UNMEASURED";
    }
    return "?";
}

static void fill_requests(struct hs_report_requests *requests, const struct hs_stats *stats)
{
    *requests = (struct hs_report_requests){
        .offered = hs_stats_offered(stats),
        .sent = stats->tallies[HS_TALLY_SENT],
        .completed = hs_stats_completed(stats),
        .failed = hs_stats_failed(stats),
        .dropped = stats->tallies[HS_TALLY_DROPPED],
        .shed = stats->tallies[HS_TALLY_SHED],
        .cut = stats->tallies[HS_TALLY_CUT],
        .lost = stats->tallies[HS_TALLY_LOST],
        .discarded = stats->tallies[HS_TALLY_DISCARDED],
        .retried = stats->tallies[HS_TALLY_RETRIED],
    };
}

static uint64_t count_timeouts(const struct hs_stats *stats)
{
    uint64_t count = 0;

    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++)
        if (hs_error_class_is_timeout((enum hs_error_class)i)) count += stats->errors[i];
    return count;
}

/* unfinished: requests that took longer than what is known of them. If they are more than lie above
 * a percentile, then that percentile is a lower bound. */
static void fill_latency(struct hs_report_latency *latency, const struct hs_stats *stats,
                         enum hs_measure measure, uint64_t unfinished_count)
{
    const struct hs_moments *moments = &stats->moments[measure];
    uint64_t                 count = stats->counts[measure];
    double                   all_count = (double)count + (double)unfinished_count;

    *latency = (struct hs_report_latency){
        .count = count,
        .mean_ns = (uint64_t)llround(hs_stats_mean_ns(stats, measure)),
        .min_ns = count ? hs_moments_min_ns(moments) : 0,
        .max_ns = moments->max_ns,
    };
    for (unsigned i = 0; i < HS_REPORT_PERCENTILES; i++) {
        latency->percentile_ns[i] = hs_stats_percentile_ns(stats, measure, quantiles[i]);
        latency->is_known[i] = hs_histogram_has_enough(count, quantiles[i]);
        latency->is_at_least[i] = (double)unfinished_count > (1.0 - quantiles[i]) * all_count;
    }
}

static void fill_latencies(struct hs_report *report, const struct hs_stats *total)
{
    for (unsigned i = 0; i < HS_MEASURE_COUNT; i++) {
        bool     is_whole = i == HS_MEASURE_RESPONSE || i == HS_MEASURE_SERVICE;
        uint64_t unfinished_count = is_whole ? report->timeout_count + report->requests.cut : 0;

        fill_latency(&report->measures[i], total, (enum hs_measure)i, unfinished_count);
    }
}

static void fill_rates(struct hs_report *report)
{
    double seconds = (double)report->meta.duration_ns / (double)HS_NS_PER_S;
    double busy_seconds = (double)report->meta.busy_ns / (double)HS_NS_PER_S;

    report->in_flight_mean = -1.0;
    if (!(seconds > 0.0)) return;
    report->rate_per_s =
        (double)report->requests.completed / (busy_seconds > seconds ? busy_seconds : seconds);
    report->offered_rate_per_s = (double)report->requests.offered / seconds;
    report->in_flight_mean = report->rate_per_s *
                             (double)report->measures[HS_MEASURE_SERVICE].mean_ns /
                             (double)HS_NS_PER_S;
    /* those that failed were in flight too, and how long is not told by service times */
    if (report->requests.sent - report->requests.completed > report->requests.sent / 100)
        report->in_flight_mean = -1.0;
}

static void add_reason(struct hs_report *report, enum hs_measurement measurement,
                       const char *format, ...) HS_PRINTF(3, 4);

static void add_reason(struct hs_report *report, enum hs_measurement measurement,
                       const char *format, ...)
{
    va_list arguments;

    if (measurement > report->measurement) report->measurement = measurement;
    if (report->reason_count == HS_REPORT_REASONS_MAX) return;
    va_start(arguments, format);
    (void)vsnprintf(report->reasons[report->reason_count++], HS_REPORT_REASON_BYTES, format,
                    arguments);
    va_end(arguments);
}

uint64_t hs_report_lag_limit_ns(const struct hs_report *report)
{
    const struct hs_report_latency *response = &report->measures[HS_MEASURE_RESPONSE];
    uint64_t                        limit_ns = report->meta.lag_limit_ns;

    if (limit_ns == 0) limit_ns = HS_NS_PER_MS;
    return hs_max_u64(limit_ns, response->percentile_ns[HS_REPORT_P50] / 10);
}

/* Of few requests the p99 is that of one or two: what is known of them decides. */
static unsigned highest_known(const struct hs_report_latency *latency)
{
    if (latency->is_known[HS_REPORT_P99]) return HS_REPORT_P99;
    return latency->is_known[HS_REPORT_P90] ? HS_REPORT_P90 : HS_REPORT_P50;
}

/* Lateness makes an open schedule another schedule: past the limit the figures are of another
 * experiment. In a closed model it only lowers the load a little. */
static void judge_lag(struct hs_report *report)
{
    const struct hs_report_latency *lag = &report->measures[HS_MEASURE_LAG];
    uint64_t                        limit_ns = hs_report_lag_limit_ns(report);
    char                            lag_text[HS_UNITS_TEXT_BYTES];
    char                            limit_text[HS_UNITS_TEXT_BYTES];
    unsigned                        known = highest_known(lag);
    bool                            is_late = lag->percentile_ns[known] > limit_ns;
    unsigned                        idx = is_late ? known : HS_REPORT_P999;

    if (!is_late &&
        !(lag->is_known[HS_REPORT_P999] && lag->percentile_ns[HS_REPORT_P999] > 10 * limit_ns))
        return;
    add_reason(report,
               is_late && report->meta.is_open_model ? HS_MEASUREMENT_INVALID
                                                     : HS_MEASUREMENT_DEGRADED,
               "the generator was late: lag %s %s, limit %s", quantile_keys[idx],
               hs_units_format_duration(lag_text, lag->percentile_ns[idx]),
               hs_units_format_duration(limit_text, limit_ns));
}

static void judge_local_errors(struct hs_report *report)
{
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) {
        bool is_much = report->errors[i] > report->requests.sent / 100;

        if (!report->errors[i] || !hs_error_class_is_local((enum hs_error_class)i)) continue;
        add_reason(report, is_much ? HS_MEASUREMENT_INVALID : HS_MEASUREMENT_DEGRADED,
                   "the generator ran out of %s: %s %" PRIu64,
                   i == HS_ERROR_CONNECT_NO_FD     ? "file descriptors (ulimit -n)"
                   : i == HS_ERROR_CONNECT_NO_PORT ? "local ports"
                                                   : "memory",
                   hs_error_class_name((enum hs_error_class)i), report->errors[i]);
    }
}

/* Nobody waited for their answers: with them the times would have been longer. */
static void judge_dropped(struct hs_report *report)
{
    uint64_t unmet = report->requests.dropped + report->requests.shed;

    if (!unmet) return;
    add_reason(report,
               unmet > report->requests.offered / 100 ? HS_MEASUREMENT_INVALID
                                                      : HS_MEASUREMENT_DEGRADED,
               "%" PRIu64 " of %" PRIu64 " requests were dropped: too many in flight", unmet,
               report->requests.offered);
}

static void judge_deaths(struct hs_report *report)
{
    const struct hs_report_requests *requests = &report->requests;

    if (report->meta.restart_count > 0)
        add_reason(report, HS_MEASUREMENT_DEGRADED, "%" PRIu32 " restart(s) of own processes",
                   report->meta.restart_count);
    if (requests->lost > 0)
        add_reason(report,
                   requests->lost > requests->offered / 100 ? HS_MEASUREMENT_INVALID
                                                            : HS_MEASUREMENT_DEGRADED,
                   "%" PRIu64 " requests were due while an engine was away", requests->lost);
    if (requests->discarded > 0)
        add_reason(report, HS_MEASUREMENT_DEGRADED,
                   "a share was run again: the target has seen %" PRIu64
                   " requests more, and those of up to a second before",
                   requests->discarded);
}

static void judge_lost(struct hs_report *report)
{
    for (uint32_t i = 0; i < report->meta.lost_count; i++)
        add_reason(report, HS_MEASUREMENT_INVALID, "%s: its figures end where it fell silent",
                   report->meta.lost_texts[i]);
}

static void judge_identities(struct hs_report *report)
{
    const struct hs_report_requests *requests = &report->requests;
    uint64_t outcome_count = requests->completed + requests->failed + requests->cut;

    if (requests->offered == 0) add_reason(report, HS_MEASUREMENT_INVALID, "nothing was measured");
    if (report->meta.is_running && requests->sent > outcome_count) return; /* in flight */
    if (requests->sent != outcome_count)
        add_reason(report, HS_MEASUREMENT_INVALID,
                   "%" PRIu64 " sent, but %" PRIu64 " outcomes: figures are missing",
                   requests->sent, outcome_count);
}

static bool is_before_sending(enum hs_error_class error)
{
    return error <= HS_ERROR_TLS_ALPN;
}

static void judge_target(struct hs_report *report)
{
    const struct hs_report_requests *requests = &report->requests;
    uint64_t                         unreached_count = 0;

    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++)
        if (is_before_sending((enum hs_error_class)i)) unreached_count += report->errors[i];
    if (requests->completed > 0) return;
    if (requests->failed > 0)
        report->target =
            unreached_count == requests->failed ? HS_TARGET_UNREACHABLE : HS_TARGET_FAILED;
    else /* a target that never answers has failed, unless it was we who did not wait for it */
        report->target = requests->sent > 0 && !report->meta.is_interrupted &&
                                 !report->meta.is_running && report->meta.restart_count == 0
                             ? HS_TARGET_FAILED
                             : HS_TARGET_UNMEASURED;
}

static const char *const unreached_texts[] = {
    [HS_ERROR_DNS_NXDOMAIN] = "no such name",
    [HS_ERROR_DNS_TIMEOUT] = "the name server does not answer",
    [HS_ERROR_DNS_SERVFAIL] = "the name server failed",
    [HS_ERROR_CONNECT_REFUSED] = "connection refused: nothing listens there",
    [HS_ERROR_CONNECT_TIMEOUT] = "no answer to connecting",
    [HS_ERROR_CONNECT_UNREACHABLE] = "no way there: network or host unreachable",
    [HS_ERROR_CONNECT_RESET] = "connections are reset",
    [HS_ERROR_CONNECT_NO_PORT] = "no local port is free: fewer connections, or keep them alive",
    [HS_ERROR_CONNECT_NO_FD] = "no file descriptor is free: fewer connections, or ulimit -n",
    [HS_ERROR_TLS_HANDSHAKE] = "the TLS handshake fails",
    [HS_ERROR_TLS_VERIFY] = "its certificate is not trusted",
    [HS_ERROR_TLS_TIMEOUT] = "the TLS handshake takes too long",
    [HS_ERROR_TLS_ALPN] = "it does not speak the protocol that was asked for"};

const char *hs_report_unreached_text(const struct hs_report *report)
{
    unsigned most = 0;

    HS_STATIC_ASSERT(sizeof unreached_texts / sizeof unreached_texts[0] == HS_ERROR_TLS_ALPN + 1,
                     "a text for each class before sending");
    if (report->target != HS_TARGET_UNREACHABLE) return "";
    for (unsigned i = 0; i <= HS_ERROR_TLS_ALPN; i++)
        if (report->errors[i] > report->errors[most]) most = i;
    return unreached_texts[most];
}

void hs_report_build(struct hs_report *report, const struct hs_report_meta *meta,
                     const struct hs_stats *total)
{
    memset(report, 0, sizeof *report);
    report->meta = *meta;
    report->bytes_in = total->tallies[HS_TALLY_BYTES_IN];
    report->bytes_out = total->tallies[HS_TALLY_BYTES_OUT];
    report->iterations = total->tallies[HS_TALLY_ITERATIONS];
    report->connections = total->tallies[HS_TALLY_CONNECTIONS];
    report->timeout_count = count_timeouts(total);
    memcpy(report->errors, total->errors, sizeof report->errors);
    for (unsigned i = 0; i < HS_STATUS_SLOTS; i++) report->statuses[i] = hs_stats_status(total, i);
    fill_requests(&report->requests, total);
    fill_latencies(report, total);
    fill_rates(report);
    judge_target(report);
    judge_lost(report);
    judge_identities(report);
    judge_lag(report);
    judge_local_errors(report);
    judge_dropped(report);
    judge_deaths(report);
}

void hs_report_step_build(struct hs_report_step *step, const char *workflow, const char *name,
                          const struct hs_stats *stats)
{
    uint64_t unfinished_count = count_timeouts(stats) + stats->tallies[HS_TALLY_CUT];

    *step = (struct hs_report_step){.workflow = workflow, .name = name};
    fill_requests(&step->requests, stats);
    fill_latency(&step->response, stats, HS_MEASURE_RESPONSE, unfinished_count);
    fill_latency(&step->service, stats, HS_MEASURE_SERVICE, unfinished_count);
}

void hs_report_set_steps(struct hs_report *report, const struct hs_report_step *steps,
                         uint32_t step_count)
{
    report->steps = steps;
    report->step_count = step_count;
}
