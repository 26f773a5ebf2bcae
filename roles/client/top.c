// SPDX-License-Identifier: Apache-2.0
/* top.c - host, processes, jobs, times, events. */
#include "roles/client/top.h"

#include "roles/client/top_inner.h"
#include "shm/base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 320, JOBS_SHOWN = 6, PROCESSES_SHOWN = 16, TIMES_SHOWN = 6, EVENTS_SHOWN = 5 };

const char *hs_top_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

uint64_t hs_top_number(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    double        value = json_number_value(number);

    if (json_is_integer(number)) return (uint64_t)json_integer_value(number);
    return value > 0 ? (uint64_t)value : 0;
}

unsigned hs_top_line(struct hs_canvas *canvas, unsigned row, const char *format, ...)
{
    char    text[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)hs_canvas_text(canvas, row, 0, canvas->columns, text);
    return row + 1;
}

unsigned hs_top_rows(struct hs_canvas *canvas, unsigned row, const struct hs_top_table *table,
                     const json_t *items)
{
    size_t count = json_array_size(items);

    canvas->style = HS_STYLE_DIM;
    row = hs_top_line(canvas, row, "%s", table->title);
    canvas->style = HS_STYLE_PLAIN;
    for (size_t i = 0; i < count && i < table->shown; i++)
        row = table->draw(json_array_get(items, i), canvas, row);
    if (count > table->shown) row = hs_top_line(canvas, row, "and %zu more", count - table->shown);
    return row + 1;
}

static unsigned draw_host(const json_t *status, struct hs_canvas *canvas)
{
    const json_t *load = json_object_get(status, "load");
    const json_t *cores = json_object_get(status, "cores");
    char          uptime[HS_UNITS_TEXT_BYTES];
    char          rate[HS_UNITS_TEXT_BYTES];
    char          completed[HS_UNITS_TEXT_BYTES];
    char          failed[HS_UNITS_TEXT_BYTES];
    unsigned      row = 0;

    canvas->style = HS_STYLE_BOLD;
    row = hs_top_line(canvas, row, "%s  %s   up %s   hyperscale %s   pid %llu",
                      hs_top_text(status, "node"), hs_top_text(status, "state"),
                      hs_units_format_duration(uptime, hs_top_number(status, "uptime_ns")),
                      hs_top_text(status, "version"),
                      (unsigned long long)hs_top_number(status, "pid"));
    canvas->style = HS_STYLE_PLAIN;
    row = hs_top_line(canvas, row, "datacenter %s   environment %s   cluster %s   deaths %llu",
                      hs_top_text(status, "datacenter"), hs_top_text(status, "environment"),
                      hs_top_text(status, "cluster"),
                      (unsigned long long)hs_top_number(status, "deaths"));
    row = hs_top_line(canvas, row, "load %s   completed %s   failed %s   cores %llu, free %llu",
                      hs_units_format_per_s(rate, hs_top_number(load, "rate_per_s") * 1000),
                      hs_units_format_count(completed, hs_top_number(load, "completed")),
                      hs_units_format_count(failed, hs_top_number(load, "failed")),
                      (unsigned long long)hs_top_number(cores, "total"),
                      (unsigned long long)hs_top_number(cores, "free"));
    if (hs_top_text(status, "reload_error")[0])
        row = hs_top_line(canvas, row, "the last reload was refused: %s",
                          hs_top_text(status, "reload_error"));
    if (hs_top_text(status, "segments_kept")[0])
        row = hs_top_line(canvas, row, "damaged shared memory replaced %llu times, kept: %s",
                          (unsigned long long)hs_top_number(status, "segments_replaced"),
                          hs_top_text(status, "segments_kept"));
    return row + 1;
}

const char *hs_top_age(char *text, const json_t *object, const char *key)
{
    if (!json_is_number(json_object_get(object, key))) return "-";
    return hs_units_format_duration(text, hs_top_number(object, key));
}

static unsigned draw_process(const json_t *process, struct hs_canvas *canvas, unsigned row)
{
    bool is_well = strcmp(hs_top_text(process, "state"), "ready") == 0;
    char lag[HS_UNITS_TEXT_BYTES];
    char beat[HS_UNITS_TEXT_BYTES];

    canvas->style = is_well ? HS_STYLE_PLAIN : HS_STYLE_BAD;
    row = hs_top_line(
        canvas, row, "%-12s %-11s %8llu %9llu %10s %10s  %s", hs_top_text(process, "name"),
        hs_top_text(process, "state"), (unsigned long long)hs_top_number(process, "pid"),
        (unsigned long long)hs_top_number(process, "restarts"),
        hs_top_age(lag, process, "loop_lag_ns"), hs_top_age(beat, process, "heartbeat_age_ns"),
        hs_top_text(process, "last_death"));
    if (!is_well && hs_top_text(process, "panic")[0])
        row = hs_top_line(canvas, row, "  %s", hs_top_text(process, "panic"));
    canvas->style = HS_STYLE_PLAIN;
    return row;
}

static unsigned draw_processes(const json_t *processes, struct hs_canvas *canvas, unsigned row)
{
    static const struct hs_top_table table = {
        "PROCESS      STATE            PID  RESTARTS        LAG      HEARD  LAST DEATH",
        PROCESSES_SHOWN, draw_process};

    return json_array_size(processes) ? hs_top_rows(canvas, row, &table, processes) : row;
}

static unsigned draw_job(const json_t *job, struct hs_canvas *canvas, unsigned row)
{
    char rate[HS_UNITS_TEXT_BYTES];
    char completed[HS_UNITS_TEXT_BYTES];
    char failed[HS_UNITS_TEXT_BYTES];
    char p50[HS_UNITS_TEXT_BYTES];
    char p99[HS_UNITS_TEXT_BYTES];

    return hs_top_line(canvas, row, "%-32s %-11s %3llu%% %10s %11s %8s %7s %7s %.40s",
                       hs_top_text(job, "id"), hs_top_text(job, "state"),
                       (unsigned long long)hs_top_number(job, "progress_percent"),
                       hs_units_format_per_s(rate, hs_top_number(job, "rate_per_s") * 1000),
                       hs_units_format_count(completed, hs_top_number(job, "completed")),
                       hs_units_format_count(failed, hs_top_number(job, "failed")),
                       hs_units_format_duration(p50, hs_top_number(job, "response_p50_ns")),
                       hs_units_format_duration(p99, hs_top_number(job, "response_p99_ns")),
                       hs_top_text(job, "name"));
}

static unsigned draw_jobs(const json_t *jobs, struct hs_canvas *canvas, unsigned row)
{
    static const struct hs_top_table table = {
        "JOB                              STATE       DONE       RATE   COMPLETED   FAILED     P50 "
        "    P99 NAME",
        JOBS_SHOWN, draw_job};

    if (json_array_size(jobs) == 0) return hs_top_line(canvas, row, "no jobs") + 1;
    return hs_top_rows(canvas, row, &table, jobs);
}

static unsigned draw_time(struct hs_canvas *canvas, unsigned row, const char *what,
                          const json_t *times, const char *const keys[3])
{
    char p50[HS_UNITS_TEXT_BYTES];
    char p99[HS_UNITS_TEXT_BYTES];
    char max[HS_UNITS_TEXT_BYTES];

    return hs_top_line(canvas, row, "%-56.56s %8llu %9s %9s %9s", what,
                       (unsigned long long)hs_top_number(times, "count"),
                       hs_units_format_duration(p50, hs_top_number(times, keys[0])),
                       hs_units_format_duration(p99, hs_top_number(times, keys[1])),
                       hs_units_format_duration(max, hs_top_number(times, keys[2])));
}

/* Who answered whom how fast, and which datacenter took up jobs how fast. */
static unsigned draw_times(const struct hs_top *top, struct hs_canvas *canvas, unsigned row)
{
    static const char *const trip_keys[3] = {"p50_ns", "p99_ns", "max_ns"};
    static const char *const job_keys[3] = {"accepted_p50_ns", "accepted_p99_ns",
                                            "accepted_max_ns"};
    const json_t *peers = json_object_get(json_object_get(top->latency, "latency"), "peers");
    const json_t *places =
        json_object_get(json_object_get(top->dispatch_times, "dispatch_times"), "datacenters");
    char what[LINE_BYTES];

    if (json_array_size(peers) + json_array_size(places) == 0) return row;
    canvas->style = HS_STYLE_DIM;
    row = hs_top_line(canvas, row, "%-56s %8s %9s %9s %9s", "TIMES OF LATE", "COUNT", "P50", "P99",
                      "MAX");
    canvas->style = HS_STYLE_PLAIN;
    for (size_t i = 0; i < json_array_size(peers) && i < TIMES_SHOWN; i++) {
        const json_t *times = json_array_get(peers, i);

        (void)snprintf(what, sizeof what, "%s to %s of %s", hs_top_text(times, "kind"),
                       hs_top_text(times, "role"), hs_top_text(times, "peer"));
        row = draw_time(canvas, row, what, times, trip_keys);
    }
    for (size_t i = 0; i < json_array_size(places) && i < TIMES_SHOWN; i++) {
        const json_t *times = json_array_get(places, i);

        (void)snprintf(what, sizeof what, "job taken up in %s", hs_top_text(times, "datacenter"));
        row = draw_time(canvas, row, what, times, job_keys);
    }
    return row + 1;
}

static void draw_events(const json_t *events, struct hs_canvas *canvas, unsigned row)
{
    size_t count = json_array_size(events);

    if (count == 0) return;
    canvas->style = HS_STYLE_DIM;
    row = hs_top_line(canvas, row, "%-24s %-12s %-18s %-32s %s", "LAST EVENTS", "PROCESS", "EVENT",
                      "ABOUT", "CAUSE");
    canvas->style = HS_STYLE_PLAIN;
    for (size_t i = count > EVENTS_SHOWN ? count - EVENTS_SHOWN : 0; i < count; i++) {
        const json_t *event = json_array_get(events, i);

        row = hs_top_line(canvas, row, "%-24s %-12s %-18s %-32.32s %s", hs_top_text(event, "at"),
                          hs_top_text(event, "process"), hs_top_text(event, "kind"),
                          hs_top_text(event, "about"), hs_top_text(event, "text"));
    }
}

void hs_top_draw(const struct hs_top *top, struct hs_canvas *canvas)
{
    unsigned row = draw_host(json_object_get(top->status, "status"), canvas);

    row = draw_processes(json_object_get(top->processes, "processes"), canvas, row);
    row = draw_jobs(json_object_get(top->jobs, "jobs"), canvas, row);
    row = hs_top_draw_cluster(top, canvas, row);
    row = draw_times(top, canvas, row);
    draw_events(json_object_get(top->events, "events"), canvas, row);
}

const char *hs_top_refusal(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const char   *message = json_string_value(json_object_get(error, "message"));

    return message || !error ? message : "refused";
}
