// SPDX-License-Identifier: Apache-2.0
/* report_text.c - the report for people. */
#include "roles/stats/report_text.h"

#include "roles/printable.h"
#include "roles/version.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DASH     "\xe2\x80\x93" /* too few samples */
#define AT_LEAST "\xe2\x89\xa5" /* a lower bound */
#define DOT      " \xc2\xb7 "   /* between items of a line */
#define TIMES    "\xc3\x97"     /* that many of them */

enum { COLUMN_WIDTH = 8, STEP_TITLE_BYTES = 22 };

struct page {
    char  *text;
    size_t capacity_bytes;
    size_t used_bytes; /* without the terminating zero */
};

static void say(struct page *page, const char *format, ...) HS_PRINTF(2, 3);

static void say(struct page *page, const char *format, ...)
{
    size_t  room_bytes = page->capacity_bytes - page->used_bytes;
    va_list arguments;
    int     wanted_bytes;

    va_start(arguments, format);
    wanted_bytes = vsnprintf(page->text + page->used_bytes, room_bytes, format, arguments);
    va_end(arguments);
    if (wanted_bytes < 0) return;
    page->used_bytes += (size_t)wanted_bytes < room_bytes ? (size_t)wanted_bytes : room_bytes - 1;
}

static const char *count_text(char *text, uint64_t count)
{
    return hs_units_format_count(text, count);
}

static void say_count(struct page *page, const char *before, uint64_t count)
{
    char text[HS_UNITS_TEXT_BYTES];

    say(page, "%s%s", before, count_text(text, count));
}

/* Bytes that continue a character of UTF-8 take no column. */
static int columns_of(const char *text)
{
    int columns = 0;

    for (; *text; text++) columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void say_right(struct page *page, const char *text)
{
    int columns = columns_of(text);

    say(page, "%*s%s", columns < COLUMN_WIDTH ? COLUMN_WIDTH - columns : 1, "", text);
}

static void say_duration(struct page *page, bool is_known, bool is_at_least, uint64_t ns)
{
    char text[HS_UNITS_TEXT_BYTES];
    char cell[HS_UNITS_TEXT_BYTES + 4];

    (void)snprintf(cell, sizeof cell, "%s%s", is_known && is_at_least ? AT_LEAST : "",
                   is_known ? hs_units_format_duration(text, ns) : DASH);
    say_right(page, cell);
}

static void say_latency_row(struct page *page, const char *title,
                            const struct hs_report_latency *latency)
{
    bool is_known = latency->count > 0;

    say(page, "%-21s", title);
    say_duration(page, is_known, false, latency->mean_ns);
    for (unsigned i = 0; i < HS_REPORT_PERCENTILES; i++)
        if (i != HS_REPORT_P95)
            say_duration(page, latency->is_known[i], latency->is_at_least[i],
                         latency->percentile_ns[i]);
    say_duration(page, is_known, false, latency->max_ns);
}

/* Nobody shall overlook them: whether they are too many is not known without a threshold. */
static void say_failures(struct page *page, const struct hs_report *report)
{
    const struct hs_report_requests *requests = &report->requests;
    double share = requests->sent ? (double)requests->failed / (double)requests->sent : 0.0;

    if (requests->completed > 0 && share >= 0.01)
        say(page, ", %s %.1f%% of requests failed", report->meta.is_interrupted ? "and" : "but",
            100.0 * share);
}

static void say_title(struct page *page, const struct hs_report *report)
{
    const struct hs_report_meta *meta = &report->meta;
    const char                  *verdict = hs_target_verdict_name(report->target);
    char                         text[HS_UNITS_TEXT_BYTES];

    if (meta->is_interrupted &&
        (report->target == HS_TARGET_PASSED || report->target == HS_TARGET_UNMEASURED))
        verdict = "INTERRUPTED";
    if (meta->is_running) verdict = "RUNNING"; /* what it will come to is not known */
    say(page, "%s  %s", meta->name, verdict);
    say_failures(page, report);
    say(page, "   %s", hs_units_format_duration(text, meta->duration_ns));
    if (meta->warmup_ns > 0)
        say(page, " (%s warm-up not counted)", hs_units_format_duration(text, meta->warmup_ns));
    if (!meta->is_running) say(page, "   seed %" PRIu64, meta->seed);
    if (meta->run_id[0]) say(page, "   run %s", meta->run_id);
    say(page, "   hyperscale %s\n", HS_VERSION_TEXT);
}

static void say_measurement(struct page *page, const struct hs_report *report)
{
    const struct hs_report_latency *lag = &report->measures[HS_MEASURE_LAG];
    char                            text[HS_UNITS_TEXT_BYTES];

    say(page, "measurement: %-7s ", hs_measurement_name(report->measurement));
    if (lag->is_known[HS_REPORT_P99]) {
        say(page, "lag p99 %s", hs_units_format_duration(text, lag->percentile_ns[HS_REPORT_P99]));
        say(page, " (limit %s)", hs_units_format_duration(text, hs_report_lag_limit_ns(report)));
    } else {
        say(page, "lag p99 " DASH);
    }
    if (!report->meta.is_running)
        say(page, DOT "%" PRIu32 " engine%s" DOT "%s", report->meta.engine_count,
            report->meta.engine_count == 1 ? "" : "s", report->meta.backend);
    if (report->in_flight_mean >= 0)
        say(page, DOT "%.1f in flight on average", report->in_flight_mean);
    say(page, "\n");
    for (unsigned i = 0; i < report->reason_count; i++)
        say(page, "             ! %s\n", report->reasons[i]);
}

static void say_requests(struct page *page, const struct hs_report *report)
{
    const struct hs_report_requests *requests = &report->requests;
    uint64_t outcome_count = requests->completed + requests->failed + requests->cut;

    say_count(page, "             offered ", requests->offered);
    say_count(page, " = sent ", requests->sent);
    say_count(page, " + dropped ", requests->dropped);
    say_count(page, " + shed ", requests->shed);
    if (requests->lost) say_count(page, " + lost ", requests->lost);
    say_count(page, ";  sent = completed ", requests->completed);
    say_count(page, " + failed ", requests->failed);
    say_count(page, " + cut ", requests->cut);
    if (report->meta.is_running && requests->sent > outcome_count)
        say_count(page, " + in flight ", requests->sent - outcome_count);
    if (requests->discarded) say_count(page, ";  run again, not counted: ", requests->discarded);
    say(page, "\n");
}

static uint64_t per_second(uint64_t count, uint64_t duration_ns)
{
    return duration_ns ? (uint64_t)((double)count / (double)duration_ns * (double)HS_NS_PER_S) : 0;
}

static void say_rates(struct page *page, const struct hs_report *report)
{
    bool     is_drain_long = report->meta.busy_ns > report->meta.duration_ns;
    uint64_t duration_ns = is_drain_long ? report->meta.busy_ns : report->meta.duration_ns;
    char     text[HS_UNITS_TEXT_BYTES];

    say(page, "rate         offered %s",
        hs_units_format_per_s(text, (uint64_t)(report->offered_rate_per_s * 1000.0)));
    say(page, "   completed %s",
        hs_units_format_per_s(text, (uint64_t)(report->rate_per_s * 1000.0)));
    say(page, "   in %s",
        hs_units_format_bytes_per_s(text, per_second(report->bytes_in, duration_ns)));
    say(page, "   out %s",
        hs_units_format_bytes_per_s(text, per_second(report->bytes_out, duration_ns)));
    if (is_drain_long)
        say(page, "   (the last ended after %s)", hs_units_format_duration(text, duration_ns));
    say(page, "\n");
}

static void say_latencies(struct page *page, const struct hs_report *report)
{
    const struct hs_report_latency *response = &report->measures[HS_MEASURE_RESPONSE];

    say(page, "%-21s%8s%8s%8s%8s%8s%8s%8s\n", "", "mean", "p50", "p90", "p99", "p99.9", "p99.99",
        "max");
    /* In a closed model there is no schedule: time runs from when the virtual user was ready. */
    say_latency_row(page,
                    report->meta.is_open_model ? "response time (sched)" : "response time (ready)",
                    response);
    say_count(page, "   n = ", response->count);
    if (report->timeout_count) {
        say_count(page, " (+", report->timeout_count);
        say(page, " timed out)");
    }
    say(page, "\n");
    say_latency_row(page, "service time (wire)", &report->measures[HS_MEASURE_SERVICE]);
    say(page, "\n");
    if (report->requests.failed) {
        say_latency_row(page, "failed", &report->measures[HS_MEASURE_FAILED]);
        say_count(page, "   n = ", report->measures[HS_MEASURE_FAILED].count);
        say(page, "\n");
    }
}

static void say_phases(struct page *page, const struct hs_report *report)
{
    char text[HS_UNITS_TEXT_BYTES];

    say(page, "  ");
    for (unsigned i = HS_MEASURE_CONNECT; i < HS_MEASURE_COUNT; i++) {
        const struct hs_report_latency *phase = &report->measures[i];

        say(page, "%s%s ", i > HS_MEASURE_CONNECT ? DOT : "", hs_measure_name((enum hs_measure)i));
        say(page, "%s",
            phase->is_known[HS_REPORT_P50]
                ? hs_units_format_duration(text, phase->percentile_ns[HS_REPORT_P50])
                : DASH);
        if (i == HS_MEASURE_CONNECT && phase->count) say_count(page, TIMES, phase->count);
    }
    say(page, "      (p50)\n");
}

static void say_statuses(struct page *page, const struct hs_report *report)
{
    const char *title = "status       ";

    for (unsigned i = 0; i < HS_STATUS_SLOTS; i++) {
        char key[16] = "other ";

        if (!report->statuses[i]) continue;
        if (i < HS_STATUS_OTHER) (void)snprintf(key, sizeof key, "%u ", HS_STATUS_FIRST + i);
        say(page, "%s", title);
        say_count(page, key, report->statuses[i]);
        title = DOT;
    }
    if (strcmp(title, DOT) == 0) say(page, "\n");
}

static void say_errors(struct page *page, const struct hs_report *report)
{
    const char *title = "errors       ";
    double      sent_count = report->requests.sent ? (double)report->requests.sent : 1.0;

    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT; i++) {
        if (!report->errors[i]) continue;
        say(page, "%s%s ", title, hs_error_class_name((enum hs_error_class)i));
        say_count(page, "", report->errors[i]);
        say(page, " (%.2f%%)", 100.0 * (double)report->errors[i] / sent_count);
        title = DOT;
    }
    if (strcmp(title, DOT) == 0) say(page, "\n");
}

static void say_steps(struct page *page, const struct hs_report *report)
{
    bool is_one = true; /* workflow */

    if (report->step_count < 2) return;
    for (uint32_t i = 1; i < report->step_count; i++)
        if (strcmp(report->steps[i].workflow, report->steps[0].workflow) != 0) is_one = false;
    say(page, "%-21s%8s%8s%8s%8s%8s%8s%8s\n", "step", "mean", "p50", "p90", "p99", "p99.9",
        "p99.99", "max");
    for (uint32_t i = 0; i < report->step_count; i++) {
        const struct hs_report_step *step = &report->steps[i];
        char                         title[STEP_TITLE_BYTES];

        if (i == HS_REPORT_STEPS_SHOWN) {
            say_count(page, "  and ", report->step_count - i);
            say(page, " more (--json has all)\n");
            return;
        }
        (void)snprintf(title, sizeof title, "  %s%s%s", is_one ? "" : step->workflow,
                       is_one ? "" : ": ", step->name);
        say_latency_row(page, title, &step->response);
        say_count(page, "   n = ", step->requests.completed);
        if (step->requests.failed) say_count(page, ", failed ", step->requests.failed);
        say(page, "\n");
    }
}

size_t hs_report_text(const struct hs_report *report, char *text, size_t text_bytes)
{
    struct page page = {.text = text, .capacity_bytes = text_bytes};

    if (text_bytes == 0) return 0;
    text[0] = 0;
    say_title(&page, report);
    say_measurement(&page, report);
    say_requests(&page, report);
    say_rates(&page, report);
    say_latencies(&page, report);
    say_phases(&page, report);
    say_steps(&page, report);
    say_statuses(&page, report);
    say_errors(&page, report);
    hs_make_printable(text, page.used_bytes); /* names are those of plans */
    return page.used_bytes;
}

static void say_percentile(struct page *page, const char *key, const struct hs_stats *interval,
                           enum hs_measure measure, double quantile)
{
    char text[HS_UNITS_TEXT_BYTES];

    if (!hs_histogram_has_enough(interval->counts[measure], quantile)) {
        say(page, " %s=" DASH, key);
        return;
    }
    say(page, " %s=%s", key,
        hs_units_format_duration(text, hs_stats_percentile_ns(interval, measure, quantile)));
}

size_t hs_report_line(const struct hs_report_line *line, const struct hs_stats *interval,
                      char *text, size_t text_bytes)
{
    struct page page = {.text = text, .capacity_bytes = text_bytes};
    uint64_t    interval_ns = line->interval_ns;
    uint64_t dropped_count = interval->tallies[HS_TALLY_DROPPED] + interval->tallies[HS_TALLY_SHED];

    if (text_bytes == 0) return 0;
    text[0] = 0;
    say(&page, "t=%" PRIu64 "s phase=%s", line->elapsed_ns / HS_NS_PER_S, line->phase);
    say(&page, " offered=%" PRIu64 " sent=%" PRIu64 " done=%" PRIu64,
        per_second(hs_stats_offered(interval), interval_ns),
        per_second(interval->tallies[HS_TALLY_SENT], interval_ns),
        per_second(hs_stats_completed(interval), interval_ns));
    say(&page, " err=%" PRIu64 " drop=%" PRIu64, per_second(hs_stats_failed(interval), interval_ns),
        per_second(dropped_count, interval_ns));
    say_percentile(&page, "p50", interval, HS_MEASURE_RESPONSE, 0.5);
    say_percentile(&page, "p99", interval, HS_MEASURE_RESPONSE, 0.99);
    say_percentile(&page, "p999", interval, HS_MEASURE_RESPONSE, 0.999);
    say_percentile(&page, "lag99", interval, HS_MEASURE_LAG, 0.99);
    say(&page, " inflight=%" PRIu64, line->in_flight_count);
    return page.used_bytes;
}
