// SPDX-License-Identifier: Apache-2.0
/* top.c - host, processes, jobs. */
#include "roles/client/top.h"

#include "shm/base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 320, JOBS_SHOWN = 12, PROCESSES_SHOWN = 16, TIMES_SHOWN = 6, EVENTS_SHOWN = 5 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    double        value = json_number_value(number);

    if (json_is_integer(number)) return (uint64_t)json_integer_value(number);
    return value > 0 ? (uint64_t)value : 0;
}

static unsigned line(struct hs_canvas *canvas, unsigned row, const char *format, ...)
    HS_PRINTF(3, 4);

static unsigned line(struct hs_canvas *canvas, unsigned row, const char *format, ...)
{
    char    text[LINE_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)hs_canvas_text(canvas, row, 0, canvas->columns, text);
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
    row = line(canvas, row, "%s  %s   up %s   hyperscale %s   pid %llu", text_of(status, "node"),
               text_of(status, "state"),
               hs_units_format_duration(uptime, number_of(status, "uptime_ns")),
               text_of(status, "version"), (unsigned long long)number_of(status, "pid"));
    canvas->style = HS_STYLE_PLAIN;
    row = line(canvas, row, "datacenter %s   environment %s   cluster %s   deaths %llu",
               text_of(status, "datacenter"), text_of(status, "environment"),
               text_of(status, "cluster"), (unsigned long long)number_of(status, "deaths"));
    row = line(canvas, row, "load %s   completed %s   failed %s   cores %llu, free %llu",
               hs_units_format_per_s(rate, number_of(load, "rate_per_s") * 1000),
               hs_units_format_count(completed, number_of(load, "completed")),
               hs_units_format_count(failed, number_of(load, "failed")),
               (unsigned long long)number_of(cores, "total"),
               (unsigned long long)number_of(cores, "free"));
    if (text_of(status, "reload_error")[0])
        row = line(canvas, row, "the last reload was refused: %s", text_of(status, "reload_error"));
    if (text_of(status, "segments_kept")[0])
        row = line(canvas, row, "damaged shared memory replaced %llu times, kept: %s",
                   (unsigned long long)number_of(status, "segments_replaced"),
                   text_of(status, "segments_kept"));
    return row + 1;
}

static const char *age_of(char *text, const json_t *object, const char *key)
{
    if (!json_is_number(json_object_get(object, key))) return "-";
    return hs_units_format_duration(text, number_of(object, key));
}

static unsigned draw_process(const json_t *process, struct hs_canvas *canvas, unsigned row)
{
    bool is_well = strcmp(text_of(process, "state"), "ready") == 0;
    char lag[HS_UNITS_TEXT_BYTES];
    char beat[HS_UNITS_TEXT_BYTES];

    canvas->style = is_well ? HS_STYLE_PLAIN : HS_STYLE_BAD;
    row = line(canvas, row, "%-12s %-11s %8llu %9llu %10s %10s  %s", text_of(process, "name"),
               text_of(process, "state"), (unsigned long long)number_of(process, "pid"),
               (unsigned long long)number_of(process, "restarts"),
               age_of(lag, process, "loop_lag_ns"), age_of(beat, process, "heartbeat_age_ns"),
               text_of(process, "last_death"));
    canvas->style = HS_STYLE_PLAIN;
    return row;
}

static unsigned draw_processes(const json_t *processes, struct hs_canvas *canvas, unsigned row)
{
    size_t  index;
    json_t *process;

    if (json_array_size(processes) == 0) return row;
    canvas->style = HS_STYLE_DIM;
    row = line(canvas, row, "%-12s %-11s %8s %9s %10s %10s  %s", "PROCESS", "STATE", "PID",
               "RESTARTS", "LAG", "HEARD", "LAST DEATH");
    canvas->style = HS_STYLE_PLAIN;
    json_array_foreach(processes, index, process)
    {
        if (index == PROCESSES_SHOWN)
            return line(canvas, row, "and %zu more", json_array_size(processes) - index) + 1;
        row = draw_process(process, canvas, row);
    }
    return row + 1;
}

static unsigned draw_job(const json_t *job, struct hs_canvas *canvas, unsigned row)
{
    char rate[HS_UNITS_TEXT_BYTES];
    char completed[HS_UNITS_TEXT_BYTES];
    char failed[HS_UNITS_TEXT_BYTES];
    char p50[HS_UNITS_TEXT_BYTES];
    char p99[HS_UNITS_TEXT_BYTES];

    return line(canvas, row, "%-32s %-11s %3llu%% %10s %11s %8s %7s %7s %.40s", text_of(job, "id"),
                text_of(job, "state"), (unsigned long long)number_of(job, "progress_percent"),
                hs_units_format_per_s(rate, number_of(job, "rate_per_s") * 1000),
                hs_units_format_count(completed, number_of(job, "completed")),
                hs_units_format_count(failed, number_of(job, "failed")),
                hs_units_format_duration(p50, number_of(job, "response_p50_ns")),
                hs_units_format_duration(p99, number_of(job, "response_p99_ns")),
                text_of(job, "name"));
}

static unsigned draw_jobs(const json_t *jobs, struct hs_canvas *canvas, unsigned row)
{
    if (json_array_size(jobs) == 0) {
        return line(canvas, row, "no jobs") + 1;
    }
    canvas->style = HS_STYLE_DIM;
    row = line(canvas, row, "%-32s %-11s %4s %10s %11s %8s %7s %7s %s", "JOB", "STATE", "DONE",
               "RATE", "COMPLETED", "FAILED", "P50", "P99", "NAME");
    canvas->style = HS_STYLE_PLAIN;
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        if (i == JOBS_SHOWN)
            return line(canvas, row, "and %zu more", json_array_size(jobs) - i) + 1;
        row = draw_job(json_array_get(jobs, i), canvas, row);
    }
    return row + 1;
}

static unsigned draw_time(struct hs_canvas *canvas, unsigned row, const char *what,
                          const json_t *times, const char *const keys[3])
{
    char p50[HS_UNITS_TEXT_BYTES];
    char p99[HS_UNITS_TEXT_BYTES];
    char max[HS_UNITS_TEXT_BYTES];

    return line(canvas, row, "%-56.56s %8llu %9s %9s %9s", what,
                (unsigned long long)number_of(times, "count"),
                hs_units_format_duration(p50, number_of(times, keys[0])),
                hs_units_format_duration(p99, number_of(times, keys[1])),
                hs_units_format_duration(max, number_of(times, keys[2])));
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
    row = line(canvas, row, "%-56s %8s %9s %9s %9s", "TIMES OF LATE", "COUNT", "P50", "P99", "MAX");
    canvas->style = HS_STYLE_PLAIN;
    for (size_t i = 0; i < json_array_size(peers) && i < TIMES_SHOWN; i++) {
        const json_t *times = json_array_get(peers, i);

        (void)snprintf(what, sizeof what, "%s to %s of %s", text_of(times, "kind"),
                       text_of(times, "role"), text_of(times, "peer"));
        row = draw_time(canvas, row, what, times, trip_keys);
    }
    for (size_t i = 0; i < json_array_size(places) && i < TIMES_SHOWN; i++) {
        const json_t *times = json_array_get(places, i);

        (void)snprintf(what, sizeof what, "job taken up in %s", text_of(times, "datacenter"));
        row = draw_time(canvas, row, what, times, job_keys);
    }
    return row + 1;
}

static void draw_events(const json_t *events, struct hs_canvas *canvas, unsigned row)
{
    size_t count = json_array_size(events);

    if (count == 0) return;
    canvas->style = HS_STYLE_DIM;
    row = line(canvas, row, "%-24s %-12s %-18s %-32s %s", "LAST EVENTS", "PROCESS", "EVENT",
               "ABOUT", "CAUSE");
    canvas->style = HS_STYLE_PLAIN;
    for (size_t i = count > EVENTS_SHOWN ? count - EVENTS_SHOWN : 0; i < count; i++) {
        const json_t *event = json_array_get(events, i);

        row = line(canvas, row, "%-24s %-12s %-18s %-32.32s %s", text_of(event, "at"),
                   text_of(event, "process"), text_of(event, "kind"), text_of(event, "about"),
                   text_of(event, "text"));
    }
}

void hs_top_draw(const struct hs_top *top, struct hs_canvas *canvas)
{
    unsigned row = draw_host(json_object_get(top->status, "status"), canvas);

    row = draw_processes(json_object_get(top->processes, "processes"), canvas, row);
    row = draw_jobs(json_object_get(top->jobs, "jobs"), canvas, row);
    row = draw_times(top, canvas, row);
    draw_events(json_object_get(top->events, "events"), canvas, row);
}

const char *hs_top_refusal(const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const char   *message = json_string_value(json_object_get(error, "message"));

    return message || !error ? message : "refused";
}
