// SPDX-License-Identifier: Apache-2.0
/* status_reply.c - puts the answers of the status socket together. */
#include "roles/console/status_reply.h"
#include "roles/console/status_json.h"
#include "roles/console/status_rows.h"
#include "roles/console/status_times_json.h"
#include "roles/version.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdlib.h>
#include <string.h>

static const struct hs_status_field fields[] = {
#define HS_STATUS_FIELD(path, type, text) {path, #type, text},
#include "roles/console/status_fields.def"
#undef HS_STATUS_FIELD
};

const struct hs_status_field *hs_status_field_at(size_t idx)
{
    return idx < HS_ARRAY_LEN(fields) ? &fields[idx] : NULL;
}

static struct hs_status_clock clock_of(const struct hs_status_snapshot *snapshot)
{
    return (struct hs_status_clock){snapshot->host.start_wall_ns, snapshot->host.start_ns};
}

static bool is_wanted(const struct hs_status_request *request, const char *process)
{
    return !request->process[0] || strcmp(request->process, process) == 0;
}

static const char *host_state(const struct hs_status_snapshot *snapshot)
{
    bool is_hopeless = false;
    bool is_whole = true;

    if (snapshot->host.is_stopping) return "stopping";
    if (snapshot->is_draining) return "draining";
    for (unsigned i = 0; i < snapshot->process_count; i++) {
        uint32_t state = snapshot->processes[i].host.state;

        is_hopeless = is_hopeless || state == HS_PROCESS_FAILED || state == HS_PROCESS_CRASH_LOOP;
        is_whole = is_whole && state == HS_PROCESS_READY;
    }
    if (!snapshot->host.ready_at_ns && !is_hopeless) return "starting";
    return is_whole ? "ready" : "degraded";
}

static json_t *quarantine_list(const struct hs_status_snapshot *snapshot)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < HS_QUARANTINE_MAX; i++) {
        const struct hs_host_quarantine *row = &snapshot->host.quarantine[i];
        struct hs_status_pair            pairs[] = {
                       {"digest", NULL},
                       {"job", NULL},
        };

        if (row->digest == 0) continue;
        pairs[0].value = hs_status_digest(row->digest);
        pairs[1].value = hs_status_hex(row->job_id, sizeof row->job_id);
        list = hs_status_append(list, hs_status_object(pairs, HS_ARRAY_LEN(pairs)));
    }
    return list;
}

static json_t *process_summary_list(const struct hs_status_snapshot *snapshot)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshot->process_count; i++) {
        const struct hs_status_process *process = &snapshot->processes[i];
        const char                     *state = hs_process_state_name(process->host.state);
        const struct hs_status_pair     pairs[] = {
                {"name", hs_status_text(process->name)},
                {"state", hs_status_text(state)},
                {"pid", json_integer(process->host.pid)},
                {"restarts", hs_status_number(process->host.restart_count)},
        };

        list = hs_status_append(list, hs_status_object(pairs, HS_ARRAY_LEN(pairs)));
    }
    return list;
}

static json_t *job_states(const struct hs_status_snapshot *snapshot)
{
    struct hs_status_pair pairs[HS_JOB_STATE_COUNT];
    size_t                count = 0;

    for (uint32_t state = 0; state < HS_JOB_STATE_COUNT; state++) {
        uint64_t found = 0;

        for (unsigned i = 0; i < snapshot->job_count; i++)
            found += snapshot->jobs[i].state == state;
        if (!found) continue;
        pairs[count].name = hs_job_state_name(state);
        pairs[count].value = hs_status_number(found);
        count++;
    }
    return hs_status_object(pairs, count);
}

static json_t *load_summary(const struct hs_status_snapshot *snapshot)
{
    uint64_t rate_milli = 0;
    uint64_t completed = 0;
    uint64_t failed = 0;
    uint64_t connections = 0;

    for (unsigned i = 0; i < snapshot->job_count; i++) {
        const struct hs_job_row *job = &snapshot->jobs[i];

        if (job->state >= HS_JOB_COMPLETED) continue;
        rate_milli += job->rate_milli_per_s;
        completed += job->completed;
        failed += job->failed;
    }
    for (unsigned i = 0; i < snapshot->process_count; i++)
        connections += snapshot->processes[i].counts[HS_COUNT_connections_open];

    const struct hs_status_pair pairs[] = {
        {"rate_per_s", json_real((double)rate_milli / 1000)},
        {"completed", hs_status_number(completed)},
        {"failed", hs_status_number(failed)},
        {"connections", hs_status_number(connections)},
    };
    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *core_summary(const struct hs_status_snapshot *snapshot)
{
    uint64_t total = 0;
    uint64_t unused = 0;

    for (unsigned i = 0; i < snapshot->worker_count; i++) {
        if (!hs_node_is_there(snapshot->workers[i].state)) continue;
        total += snapshot->workers[i].cores_total;
        unused += snapshot->workers[i].cores_free;
    }

    const struct hs_status_pair pairs[] = {
        {"total", hs_status_number(total)},
        {"free", hs_status_number(unused)},
    };
    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *whole(const struct hs_status_snapshot *snapshot, const struct hs_config *config)
{
    const struct hs_host_summary *host = &snapshot->host;
    struct hs_status_clock        clock = clock_of(snapshot);
    char                          why[HS_READINESS_TEXT_BYTES];
    bool                          is_ready = hs_readiness_says(&snapshot->readiness, snapshot, why);
    const struct hs_status_pair   pairs[] = {
          {"node", hs_status_text(config->node.name)},
          {"datacenter", hs_status_text(config->node.datacenter)},
          {"environment", hs_status_text(config->node.environment)},
          {"cluster", hs_status_text(config->node.cluster)},
          {"version", hs_status_text(HS_VERSION_TEXT)},
          {"host_id", hs_status_hex(host->host_id, sizeof host->host_id)},
          {"incarnation", hs_status_number(host->incarnation)},
          {"pid", json_integer(host->pid)},
          {"started", hs_status_moment(&clock, host->start_ns)},
          {"uptime_ns", hs_status_number(snapshot->now_ns - host->start_ns)},
          {"state", hs_status_text(host_state(snapshot))},
          {"ready", json_boolean(is_ready)},
          {"not_ready", hs_status_text(why)},
          {"config_generation", hs_status_number(host->config_generation)},
          {"reload_failures", hs_status_number(host->reload_failed_count)},
          {"reload_error", hs_status_text(host->reload_error)},
          {"engines", hs_status_number(host->engine_count)},
          {"deaths", hs_status_number(host->death_count)},
          {"orphans", hs_status_number(host->orphan_count)},
          {"segments_replaced", hs_status_number(host->segments_replaced_count)},
          {"segments_kept", hs_status_text(host->segments_replaced)},
          {"quarantined", quarantine_list(snapshot)},
          {"processes", process_summary_list(snapshot)},
          {"jobs", job_states(snapshot)},
          {"load", load_summary(snapshot)},
          {"cores", core_summary(snapshot)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *process_list(const struct hs_status_snapshot *snapshot,
                            const struct hs_status_request  *request)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshot->process_count; i++) {
        const struct hs_status_process *process = &snapshot->processes[i];

        if (!is_wanted(request, process->name)) continue;
        list = hs_status_append(list, hs_status_row_process(process, snapshot->now_ns));
    }
    return list;
}

static json_t *counter_list(const struct hs_status_snapshot *snapshot,
                            const struct hs_status_request  *request)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshot->process_count; i++) {
        const struct hs_status_process *process = &snapshot->processes[i];

        if (is_wanted(request, process->name))
            list = hs_status_append(list, hs_status_row_counters(process->name, process->counts));
    }
    if (is_wanted(request, "supervisor"))
        list = hs_status_append(list,
                                hs_status_row_counters("supervisor", snapshot->supervisor_counts));
    return list;
}

static json_t *manager_list(const struct hs_status_snapshot *snapshot)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshot->manager_count; i++)
        list =
            hs_status_append(list, hs_status_row_manager(&snapshot->managers[i], snapshot->now_ns));
    return list;
}

static json_t *worker_list(const struct hs_status_snapshot *snapshot)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshot->worker_count; i++)
        list =
            hs_status_append(list, hs_status_row_worker(&snapshot->workers[i], snapshot->now_ns));
    return list;
}

static json_t *member_list(const struct hs_status_snapshot *snapshot)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < snapshot->member_count; i++)
        list =
            hs_status_append(list, hs_status_row_member(&snapshot->members[i], snapshot->now_ns));
    return list;
}

struct job_ref {
    const struct hs_job_row *row;
};

static int newest_job_first(const void *left, const void *right)
{
    const struct hs_job_row *a = ((const struct job_ref *)left)->row;
    const struct hs_job_row *b = ((const struct job_ref *)right)->row;

    if (a->submitted_at_ns == b->submitted_at_ns) return memcmp(a->id, b->id, sizeof a->id);
    return a->submitted_at_ns < b->submitted_at_ns ? 1 : -1;
}

static json_t *job_list(const struct hs_status_snapshot *snapshot,
                        const struct hs_status_request  *request)
{
    struct job_ref jobs[HS_JOBS_MAX] = {{NULL}};
    unsigned       count = 0;
    json_t        *list = json_array();

    for (unsigned i = 0; i < snapshot->job_count; i++) {
        const struct hs_job_row *job = &snapshot->jobs[i];

        if (request->has_job && memcmp(job->id, request->job_id, sizeof job->id) != 0) continue;
        jobs[count++].row = job;
    }
    qsort(jobs, count, sizeof jobs[0], newest_job_first);
    for (unsigned i = 0; i < count && i < request->row_count; i++)
        list = hs_status_append(list, hs_status_row_job(jobs[i].row, snapshot->now_ns));
    return list;
}

static json_t *note_list(const struct hs_status_snapshot *snapshot,
                         const struct hs_status_request  *request)
{
    struct hs_status_clock clock = clock_of(snapshot);
    json_t                *list = json_array();

    for (unsigned i = 0; i < snapshot->note_count; i++) {
        const struct hs_status_note *note = &snapshot->notes[i];

        list = hs_status_append(list, request->what == HS_STATUS_LOG
                                          ? hs_status_row_log(note, &clock)
                                          : hs_status_row_event(note, &clock));
    }
    return list;
}

static json_t *death_list(const struct hs_status_snapshot *snapshot,
                          const struct hs_status_request  *request)
{
    struct hs_status_clock clock = clock_of(snapshot);
    json_t                *list = json_array();
    char                   name[HS_PROCESS_NAME_BYTES];
    uint32_t               left = request->row_count;

    for (unsigned i = 0; i < snapshot->death_count && left; i++) {
        const struct hs_host_death *death = &snapshot->deaths[i];

        hs_process_name((enum hs_role_kind)death->kind, death->idx, name);
        if (!is_wanted(request, name)) continue;
        list = hs_status_append(list, hs_status_row_death(death, &clock));
        left--;
    }
    return list;
}

static json_t *latency(const struct hs_status_snapshot *snapshot,
                       const struct hs_status_request  *request)
{
    struct hs_status_clock clock = clock_of(snapshot);

    return hs_status_latency(&snapshot->times, request, &clock);
}

static json_t *body(const struct hs_status_snapshot *snapshot, const struct hs_config *config,
                    const struct hs_status_request *request)
{
    switch (request->what) {
    case HS_STATUS_WHOLE: return whole(snapshot, config);
    case HS_STATUS_PROCESSES: return process_list(snapshot, request);
    case HS_STATUS_COUNTERS: return counter_list(snapshot, request);
    case HS_STATUS_MANAGERS: return manager_list(snapshot);
    case HS_STATUS_WORKERS: return worker_list(snapshot);
    case HS_STATUS_MEMBERS: return member_list(snapshot);
    case HS_STATUS_JOBS: return job_list(snapshot, request);
    case HS_STATUS_EVENTS:
    case HS_STATUS_LOG: return note_list(snapshot, request);
    case HS_STATUS_DEATHS: return death_list(snapshot, request);
    case HS_STATUS_DISPATCH_TIMES: return hs_status_dispatch_times(&snapshot->times, request);
    case HS_STATUS_LATENCY: return latency(snapshot, request);
    case HS_STATUS_WHAT_COUNT: break;
    }
    return NULL;
}

json_t *hs_status_reply(const struct hs_status_snapshot *snapshot, const struct hs_config *config,
                        const struct hs_status_request *request)
{
    struct hs_status_clock clock = clock_of(snapshot);
    bool has_notes = request->what == HS_STATUS_EVENTS || request->what == HS_STATUS_LOG;
    struct hs_status_pair pairs[5] = {
        {"schema", json_integer(HS_STATUS_SCHEMA)},
        {"at", hs_status_moment(&clock, snapshot->now_ns)},
        {"at_ns", hs_status_number(snapshot->now_ns)},
        {hs_status_what_name(request->what), body(snapshot, config, request)},
        {"lost", NULL},
    };

    if (has_notes) pairs[4].value = hs_status_number(snapshot->lost_note_count);
    return hs_status_object(pairs, has_notes ? 5 : 4);
}

json_t *hs_status_reply_fault(const struct hs_status_fault *fault)
{
    const struct hs_status_pair inner[] = {
        {"code", hs_status_text(fault->code)},
        {"message", hs_status_text(fault->message)},
        {"hint", hs_status_text(fault->hint)},
    };
    const struct hs_status_pair pairs[] = {
        {"schema", json_integer(HS_STATUS_SCHEMA)},
        {"error", hs_status_object(inner, HS_ARRAY_LEN(inner))},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_reply_done(enum hs_control_verb verb, const char *text)
{
    const struct hs_status_pair pairs[] = {
        {"schema", json_integer(HS_STATUS_SCHEMA)},
        {"done", hs_status_text(hs_control_verb_name(verb))},
        {"text", hs_status_text(text)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}
