// SPDX-License-Identifier: Apache-2.0
/* metrics.c - families of series, each with its HELP and TYPE, units as Prometheus wants them:
 * seconds, bytes. */
#include "roles/console/metrics.h"
#include "roles/exec_state.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 512, LABEL_BYTES = 2 * HS_NAME_BYTES + 1, LABELS_BYTES = 320 };

HS_PRINTF(2, 3) static void put(struct hs_writer *out, const char *format, ...)
{
    char    line[LINE_BYTES];
    va_list arguments;
    int     bytes;

    va_start(arguments, format);
    bytes = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    HS_ASSERT(bytes >= 0);
    HS_ASSERT((size_t)bytes < sizeof line); /* names and labels are bounded */
    hs_put_bytes(out, line, (size_t)bytes);
}

static void put_family(struct hs_writer *out, const char *name, const char *type, const char *help)
{
    put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quote and line feed are escaped; what is not ASCII is somebody's
 * noise. */
static const char *label(char text[LABEL_BYTES], const char *value)
{
    size_t used = 0;

    for (size_t i = 0; i < HS_NAME_BYTES && value[i]; i++) {
        char letter = value[i];

        if (letter == '"' || letter == '\\') text[used++] = '\\';
        if (letter < ' ' || letter > '~') letter = '_';
        text[used++] = letter;
    }
    text[used] = 0;
    return text;
}

static double seconds(uint64_t ns)
{
    return (double)ns / (double)HS_NS_PER_S;
}

static uint64_t since(uint64_t now_ns, uint64_t at_ns)
{
    return now_ns > at_ns ? now_ns - at_ns : 0;
}

static void put_host(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    const struct hs_host_summary *host = &snapshot->host;

    put_family(out, "hyperscale_uptime_seconds", "gauge", "Time since the supervisor started.");
    put(out, "hyperscale_uptime_seconds %.3f\n", seconds(since(snapshot->now_ns, host->start_ns)));
    put_family(out, "hyperscale_incarnation", "gauge", "Lives of the supervisor so far.");
    put(out, "hyperscale_incarnation %" PRIu64 "\n", host->incarnation);
    put_family(out, "hyperscale_deaths_total", "counter", "Processes that died untold.");
    put(out, "hyperscale_deaths_total %" PRIu64 "\n", host->death_count);
    put_family(out, "hyperscale_reload_failures_total", "counter", "Reloads that were refused.");
    put(out, "hyperscale_reload_failures_total %" PRIu64 "\n", host->reload_failed_count);
}

static void put_processes(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    put_family(out, "hyperscale_process_ready", "gauge", "Whether the process serves.");
    for (unsigned i = 0; i < snapshot->process_count; i++)
        put(out, "hyperscale_process_ready{process=\"%s\"} %d\n", snapshot->processes[i].name,
            snapshot->processes[i].host.state == HS_PROCESS_READY);
    put_family(out, "hyperscale_process_restarts_total", "counter", "Starts after the first one.");
    for (unsigned i = 0; i < snapshot->process_count; i++)
        put(out, "hyperscale_process_restarts_total{process=\"%s\"} %" PRIu64 "\n",
            snapshot->processes[i].name, snapshot->processes[i].host.restart_count);
    put_family(out, "hyperscale_process_heartbeat_age_seconds", "gauge",
               "Since the process's heart last beat.");
    for (unsigned i = 0; i < snapshot->process_count; i++)
        put(out, "hyperscale_process_heartbeat_age_seconds{process=\"%s\"} %.3f\n",
            snapshot->processes[i].name,
            seconds(since(snapshot->now_ns, snapshot->processes[i].vitals.heartbeat_ns)));
    put_family(out, "hyperscale_process_loop_lag_seconds", "gauge",
               "The latest that a turn of the process's loop came, of late.");
    for (unsigned i = 0; i < snapshot->process_count; i++)
        put(out, "hyperscale_process_loop_lag_seconds{process=\"%s\"} %.9f\n",
            snapshot->processes[i].name, seconds(snapshot->processes[i].vitals.loop_lag_ns));
}

static void put_counts(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    for (unsigned idx = 0; idx < HS_COUNT_END; idx++) {
        const struct hs_count_row *row = hs_count_row_at(idx);
        char                       name[96];

        (void)snprintf(name, sizeof name, "hyperscale_%s%s", row->name,
                       row->is_gauge ? "" : "_total");
        put_family(out, name, row->is_gauge ? "gauge" : "counter", row->text);
        for (unsigned i = 0; i < snapshot->process_count; i++)
            put(out, "%s{process=\"%s\"} %" PRIu64 "\n", name, snapshot->processes[i].name,
                snapshot->processes[i].counts[idx]);
        if (snapshot->supervisor_counts[idx]) /* it counts next to nothing */
            put(out, "%s{process=\"supervisor\"} %" PRIu64 "\n", name,
                snapshot->supervisor_counts[idx]);
    }
}

static bool is_live(const struct hs_job_row *job)
{
    return job->state < HS_JOB_COMPLETED;
}

static void put_job_states(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    put_family(out, "hyperscale_jobs", "gauge", "Jobs that the gate knows, by state.");
    for (uint32_t state = 0; state < HS_JOB_STATE_COUNT; state++) {
        unsigned count = 0;

        for (unsigned i = 0; i < snapshot->job_count; i++)
            count += snapshot->jobs[i].state == state;
        put(out, "hyperscale_jobs{state=\"%s\"} %u\n", hs_job_state_name(state), count);
    }
}

static void put_quantiles(struct hs_writer *out, const char *name, const char *labels,
                          const struct hs_time_summary *summary)
{
    put(out, "%s{%s,quantile=\"0.5\"} %.9f\n", name, labels, seconds(summary->p50_ns));
    put(out, "%s{%s,quantile=\"0.99\"} %.9f\n", name, labels, seconds(summary->p99_ns));
    put(out, "%s{%s,quantile=\"1\"} %.9f\n", name, labels, seconds(summary->max_ns));
}

/* Two jobs may have the same name, and two series must not have the same labels. */
static const char *job_labels(char labels[LABELS_BYTES], const struct hs_job_row *job)
{
    char name[LABEL_BYTES];
    char id[2 * sizeof job->id + 1];

    (void)snprintf(labels, LABELS_BYTES, "job=\"%s\",id=\"%s\"", label(name, job->name),
                   hs_hex_format(job->id, sizeof job->id, id));
    return labels;
}

static void put_job_requests(const struct hs_job_row *job, struct hs_writer *out)
{
    const struct {
        const char *outcome;
        uint64_t    count;
    } rows[] = {
        {"completed", job->completed}, {"failed", job->failed}, {"cut", job->cut},
        {"dropped", job->dropped},     {"shed", job->shed},     {"lost", job->lost},
    };
    char labels[LABELS_BYTES];

    (void)job_labels(labels, job);
    for (size_t i = 0; i < HS_ARRAY_LEN(rows); i++)
        put(out, "hyperscale_job_requests_total{%s,outcome=\"%s\"} %" PRIu64 "\n", labels,
            rows[i].outcome, rows[i].count);
}

static void put_job_rate(const struct hs_job_row *job, struct hs_writer *out)
{
    char labels[LABELS_BYTES];

    put(out, "hyperscale_job_rate{%s} %.3f\n", job_labels(labels, job),
        (double)job->rate_milli_per_s / 1000);
}

static void put_job_response(const struct hs_job_row *job, struct hs_writer *out)
{
    const struct hs_time_summary summary = {.p50_ns = job->response_p50_ns,
                                            .p99_ns = job->response_p99_ns,
                                            .max_ns = job->response_max_ns};
    char                         labels[LABELS_BYTES];

    put_quantiles(out, "hyperscale_job_response_seconds", job_labels(labels, job), &summary);
    put(out, "hyperscale_job_response_seconds_count{%s} %" PRIu64 "\n", labels, job->completed);
}

typedef void put_job_fn(const struct hs_job_row *job, struct hs_writer *out);

/* Only jobs that run: a finished one would stay on the page for a day. */
static void put_jobs(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        put_job_fn *put_job;
    } families[] = {
        {"hyperscale_job_requests_total", "counter",
         "Requests of a running job, by what became of them.", put_job_requests},
        {"hyperscale_job_rate", "gauge", "Requests completed in the last second.", put_job_rate},
        {"hyperscale_job_response_seconds", "summary",
         "Response time of a running job since its start.", put_job_response},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(families); i++) {
        put_family(out, families[i].name, families[i].type, families[i].help);
        for (unsigned k = 0; k < snapshot->job_count; k++)
            if (is_live(&snapshot->jobs[k])) families[i].put_job(&snapshot->jobs[k], out);
    }
}

static void put_workers(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    char name[LABEL_BYTES];

    put_family(out, "hyperscale_worker_cores", "gauge", "Cores of a worker.");
    for (unsigned i = 0; i < snapshot->worker_count; i++) {
        const struct hs_worker_row *worker = &snapshot->workers[i];

        if (!hs_node_is_there(worker->state)) continue;
        put(out, "hyperscale_worker_cores{worker=\"%s\",state=\"free\"} %u\n",
            label(name, worker->name), worker->cores_free);
        put(out, "hyperscale_worker_cores{worker=\"%s\",state=\"busy\"} %u\n",
            label(name, worker->name),
            worker->cores_total > worker->cores_free ? worker->cores_total - worker->cores_free
                                                     : 0);
    }
}

static void put_members(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    put_family(out, "hyperscale_ring_members", "gauge",
               "Members of a ring of this host, by state.");
    for (unsigned ring = 0; ring < 2; ring++) {
        unsigned first = ring ? snapshot->gate_ring_count : 0;
        unsigned end = ring ? snapshot->member_count : snapshot->gate_ring_count;

        for (unsigned status = 0; first < end && status < HS_MEMBER_STATUS_COUNT; status++) {
            unsigned count = 0;

            for (unsigned i = first; i < end; i++) count += snapshot->members[i].status == status;
            put(out, "hyperscale_ring_members{ring=\"%s\",state=\"%s\"} %u\n",
                ring ? "managers" : "gates", hs_member_status_name((enum hs_member_status)status),
                count);
        }
    }
}

/* Summaries of the records that the rings still hold: their quantiles are of late, so they have no
 * sum and no count that only grow. */
static void put_times(const struct hs_status_times *times, struct hs_writer *out)
{
    char labels[LABELS_BYTES];
    char name[LABEL_BYTES];

    put_family(out, "hyperscale_dispatch_seconds", "summary",
               "From sending a job to a datacenter until it is accepted there, of late.");
    for (unsigned i = 0; i < times->datacenter_count; i++) {
        (void)snprintf(labels, sizeof labels, "datacenter=\"%s\"",
                       label(name, times->datacenters[i].name));
        put_quantiles(out, "hyperscale_dispatch_seconds", labels, &times->datacenters[i].accepted);
    }
    put_family(out, "hyperscale_round_trip_seconds", "summary", "Round trips to peers, of late.");
    for (unsigned i = 0; i < times->peer_count; i++) {
        const struct hs_status_sample *last = times->peers[i].last;

        (void)snprintf(labels, sizeof labels, "process=\"%s\",peer=\"%s\",role=\"%s\",kind=\"%s\"",
                       hs_role_kind_name(last->process), label(name, last->sample.peer),
                       hs_role_kind_name((enum hs_role_kind)last->sample.peer_kind),
                       hs_latency_kind_name(last->sample.kind));
        put_quantiles(out, "hyperscale_round_trip_seconds", labels, &times->peers[i].summary);
    }
}

int hs_metrics_write(const struct hs_status_snapshot *snapshot, struct hs_writer *out)
{
    put_host(snapshot, out);
    put_processes(snapshot, out);
    put_counts(snapshot, out);
    put_job_states(snapshot, out);
    put_jobs(snapshot, out);
    put_workers(snapshot, out);
    put_members(snapshot, out);
    put_times(&snapshot->times, out);
    return hs_writer_finish(out);
}
