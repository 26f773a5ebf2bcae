// SPDX-License-Identifier: Apache-2.0
/* status_rows.c - rows of the lists of the status socket. */
#include "roles/console/status_rows.h"
#include "roles/cluster/incarnation.h"
#include "roles/cluster/locality.h"
#include "roles/cluster/reach.h"
#include "roles/confinement.h"
#include "roles/guard/breaker.h"
#include "roles/guard/dc_health.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <inttypes.h>
#include <stdio.h>

/* Time since a moment; a moment that lies ahead, by a clock read later than ours, is now. */
static uint64_t since(uint64_t now_ns, uint64_t at_ns)
{
    return now_ns > at_ns ? now_ns - at_ns : 0;
}

static json_t *age(uint64_t now_ns, uint64_t at_ns)
{
    return hs_status_number_or_null(at_ns != 0, since(now_ns, at_ns));
}

static json_t *confinement_list(uint64_t bits)
{
    json_t *list = json_array();

    for (unsigned i = 0; list && i < HS_CONFINEMENT_BITS; i++)
        if (bits & (UINT64_C(1) << i))
            list = hs_status_append(list, json_string(hs_confinement_name(i)));
    return list;
}

json_t *hs_status_row_process(const struct hs_status_process *process, uint64_t now_ns)
{
    const struct hs_host_process *host = &process->host;
    const struct hs_vitals       *vitals = &process->vitals;
    bool                          is_alive = host->pid != 0;
    bool                          waits = host->next_start_at_ns != 0;
    json_t                       *ready;

    ready = hs_status_number_or_null(host->ready_at_ns != 0,
                                     since(host->ready_at_ns, host->started_at_ns));
    const struct hs_status_pair pairs[] = {
        {"name", hs_status_text(process->name)},
        {"state", hs_status_text(hs_process_state_name(host->state))},
        {"pid", json_integer(host->pid)},
        {"generation", hs_status_number(host->generation)},
        {"restarts", hs_status_number(host->restart_count)},
        {"started_at_ns", hs_status_number(host->started_at_ns)},
        {"ready_ns", ready},
        {"next_start_ns", hs_status_number_or_null(waits, since(host->next_start_at_ns, now_ns))},
        {"last_death", hs_status_text(host->last_death)},
        {"heartbeat_age_ns",
         hs_status_number_or_null(is_alive, since(now_ns, vitals->heartbeat_ns))},
        {"loop_turns", hs_status_number(vitals->loop_count)},
        {"loop_lag_ns", hs_status_number(vitals->loop_lag_ns)},
        {"phase", hs_status_text(hs_vitals_phase_name(vitals->phase))},
        {"backend", hs_status_text(vitals->backend)},
        {"confinement", confinement_list(is_alive ? vitals->confinement_bits : 0)},
        {"panic", hs_status_text(vitals->panic_at_ns ? vitals->panic : "")},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *reach_of(const struct hs_manager_row *row)
{
    return row->reach_flags & HS_MANAGER_REACH_ASKED ? hs_status_text(hs_reach_name(row->reach))
                                                     : json_null();
}

/* "": it has not said. */
static json_t *mark_text(uint32_t mark)
{
    char text[16] = "";

    if (mark) (void)snprintf(text, sizeof text, "%08" PRIx32, mark);
    return hs_status_text(text);
}

json_t *hs_status_row_manager(const struct hs_manager_row *row, uint64_t now_ns)
{
    const struct hs_status_pair pairs[] = {
        {"id", hs_status_hex(row->node_id, sizeof row->node_id)},
        {"name", hs_status_text(row->name)},
        {"datacenter", hs_status_text(row->datacenter)},
        {"address", hs_status_text(row->address)},
        {"state", hs_status_text(hs_node_state_name(row->state))},
        {"load", hs_status_text(hs_node_load_name(row->load))},
        {"is_leader", json_boolean(row->is_leader)},
        {"term", hs_status_number(row->term)},
        {"incarnation", hs_status_number(row->incarnation)},
        {"session", hs_status_number(row->session)},
        {"heard_ns", age(now_ns, row->heard_at_ns)},
        {"workers", hs_status_number(row->workers)},
        {"cores_total", hs_status_number(row->cores_total)},
        {"cores_free", hs_status_number(row->cores_free)},
        {"jobs", hs_status_number(row->jobs)},
        {"execs", hs_status_number(row->execs)},
        {"breaker", hs_status_text(hs_breaker_state_name(row->breaker))},
        {"is_damped", json_boolean(row->is_damped)},
        {"has_data_lane", json_boolean(row->has_data_lane)},
        {"datacenter_state", hs_status_text(hs_dc_state_name(row->datacenter_state))},
        {"keyring", mark_text(row->keyring_mark)},
        {"reach", reach_of(row)},
        {"is_local_partition", json_boolean(row->reach_flags & HS_MANAGER_REACH_LOCAL_PARTITION)},
        {"is_held", json_boolean(row->reach_flags & HS_MANAGER_REACH_HELD)},
        {"reach_round_trip_ns",
         hs_status_number_or_null(row->reach_round_trip_ns != 0, row->reach_round_trip_ns)},
        {"region", hs_status_text(row->region)},
        {"locality", hs_status_text(hs_locality_name(row->locality))},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_row_worker(const struct hs_worker_row *row, uint64_t now_ns)
{
    const struct hs_status_pair pairs[] = {
        {"id", hs_status_hex(row->node_id, sizeof row->node_id)},
        {"name", hs_status_text(row->name)},
        {"datacenter", hs_status_text(row->datacenter)},
        {"address", hs_status_text(row->address)},
        {"state", hs_status_text(hs_node_state_name(row->state))},
        {"load", hs_status_text(hs_node_load_name(row->load))},
        {"incarnation", hs_status_number(row->incarnation)},
        {"session", hs_status_number(row->session)},
        {"heard_ns", age(now_ns, row->heard_at_ns)},
        {"round_trip_ns", hs_status_number_or_null(row->round_trip_ns != 0, row->round_trip_ns)},
        {"cores_total", hs_status_number(row->cores_total)},
        {"cores_free", hs_status_number(row->cores_free)},
        {"execs", hs_status_number(row->execs)},
        {"engines_down", hs_status_number(row->engines_down)},
        {"results_waiting", hs_status_number(row->results_waiting)},
        {"breaker", hs_status_text(hs_breaker_state_name(row->breaker))},
        {"is_damped", json_boolean(row->is_damped)},
        {"jobs_suspect", hs_status_number(row->jobs_suspect)},
        {"jobs_dead", hs_status_number(row->jobs_dead)},
        {"extensions", hs_status_number(row->extensions)},
        {"owner", hs_status_text(row->owner)},
        {"owner_epoch", hs_status_number(row->owner_epoch)},
        {"is_owned", json_boolean(row->is_owned)},
        {"has_data_lane", json_boolean(row->has_data_lane)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

/* Another process wrote it: what is no number of JSON's shows as 0. */
static json_t *number_in(float value)
{
    return json_real(value >= -1e6f && value <= 1e6f ? (double)value : 0);
}

static json_t *place_list(const struct hs_member_row *row)
{
    json_t *list = json_array();

    if (!(row->flags & HS_MEMBER_ROW_PLACED)) return list;
    for (int i = 0; i < HS_COORDINATE_DIMENSIONS; i++)
        list = hs_status_append(list, number_in(row->place.at[i]));
    list = hs_status_append(list, number_in(row->place.height));
    list = hs_status_append(list, number_in(row->place.adjustment));
    return hs_status_append(list, number_in(row->place.error));
}

json_t *hs_status_row_member(const struct hs_member_row *row, uint64_t now_ns)
{
    uint64_t    life = hs_incarnation_epoch(row->incarnation);
    const char *status = hs_member_status_name((enum hs_member_status)row->status);
    const char *role = row->role < HS_IDENTITY_ROLE_COUNT
                           ? hs_identity_role_name((enum hs_identity_role)row->role)
                           : "?";

    const struct hs_status_pair pairs[] = {
        {"id", hs_status_hex(row->node_id, sizeof row->node_id)},
        {"name", hs_status_text(row->name)},
        {"role", hs_status_text(role)},
        {"datacenter", hs_status_text(row->datacenter)},
        {"address", hs_status_text(row->address)},
        {"state", hs_status_text(status)},
        {"since_ns", hs_status_number(since(now_ns, row->status_since_ns))},
        {"incarnation", hs_status_number(life)},
        {"refutations", hs_status_number(row->incarnation - (life << HS_INCARNATION_REFUTE_BITS))},
        {"heard_ns", age(now_ns, row->heard_at_ns)},
        {"answered_ns", age(now_ns, row->acked_at_ns)},
        {"round_trip_ns", hs_status_number_or_null(row->round_trip_ns != 0, row->round_trip_ns)},
        {"health", hs_status_number(row->health_score)},
        {"load", hs_status_text(hs_node_load_name(row->load))},
        {"keyring", mark_text(row->keyring_mark)},
        {"coordinate", place_list(row)},
        {"is_self", json_boolean(row->flags & HS_MEMBER_ROW_SELF)},
        {"is_seed", json_boolean(row->flags & HS_MEMBER_ROW_SEED)},
        {"is_damped", json_boolean(row->flags & HS_MEMBER_ROW_DAMPED)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

static json_t *workflow_list(const struct hs_job_row *row)
{
    json_t *list = json_array();

    for (unsigned i = 0; list && i < row->workflow_count; i++)
        list = hs_status_append(list, json_string(hs_workflow_state_name(row->workflow_states[i])));
    return list;
}

/* Who the job is, where it stands. */
static json_t *job_head(const struct hs_job_row *row, uint64_t now_ns)
{
    bool is_endless = row->duration_ns == HS_NEVER_NS;

    const struct hs_status_pair pairs[] = {
        {"id", hs_status_hex(row->id, sizeof row->id)},
        {"name", hs_status_text(row->name)},
        {"state", hs_status_text(hs_job_state_name(row->state))},
        {"reason", hs_status_text(row->reason)},
        {"datacenters", hs_status_text(row->datacenters)},
        {"datacenters_silent", hs_status_number(row->silent_count)},
        {"datacenters_lost", hs_status_number(row->lost_count)},
        {"submitted_at_ns", hs_status_number(row->submitted_at_ns)},
        {"submitted_unix_ms",
         hs_status_number_or_null(row->submitted_unix_ms != 0, row->submitted_unix_ms)},
        {"started_at_ns", hs_status_number_or_null(row->started_at_ns != 0, row->started_at_ns)},
        {"ended_at_ns", hs_status_number_or_null(row->ended_at_ns != 0, row->ended_at_ns)},
        {"duration_ns", hs_status_number_or_null(!is_endless, row->duration_ns)},
        {"progress_percent", json_real((double)row->percent_x100 / 100)},
        {"figures_age_ns", age(now_ns, row->updated_at_ns)},
        {"retries", hs_status_number(row->retries)},
        {"cores", hs_status_number(row->cores)},
        {"workflows", workflow_list(row)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

/* What it has measured. The identities of the figures are computed here, so they always hold. */
static json_t *job_figures(const struct hs_job_row *row)
{
    uint64_t offered = row->sent + row->dropped + row->shed + row->lost;

    const struct hs_status_pair pairs[] = {
        {"offered", hs_status_number(offered)},
        {"sent", hs_status_number(row->sent)},
        {"completed", hs_status_number(row->completed)},
        {"failed", hs_status_number(row->failed)},
        {"cut", hs_status_number(row->cut)},
        {"in_flight", hs_status_number(since(row->sent, row->completed + row->failed + row->cut))},
        {"dropped", hs_status_number(row->dropped)},
        {"shed", hs_status_number(row->shed)},
        {"lost", hs_status_number(row->lost)},
        {"discarded", hs_status_number(row->discarded)},
        {"bytes_in", hs_status_number(row->bytes_in)},
        {"bytes_out", hs_status_number(row->bytes_out)},
        {"rate_per_s", json_real((double)row->rate_milli_per_s / 1000)},
        {"response_p50_ns", hs_status_number(row->response_p50_ns)},
        {"response_p99_ns", hs_status_number(row->response_p99_ns)},
        {"response_max_ns", hs_status_number(row->response_max_ns)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_row_job(const struct hs_job_row *row, uint64_t now_ns)
{
    json_t *head = job_head(row, now_ns);
    json_t *figures = job_figures(row);

    if (head && figures && json_object_update(head, figures) == 0) {
        json_decref(figures);
        return head;
    }
    json_decref(head);
    json_decref(figures);
    return NULL;
}

json_t *hs_status_row_counters(const char *process, const uint64_t counts[HS_COUNT_END])
{
    json_t *values = json_object();

    for (unsigned i = 0; values && i < HS_COUNT_END; i++) {
        if (json_object_set_new(values, hs_count_row_at(i)->name, hs_status_number(counts[i])) == 0)
            continue;
        json_decref(values);
        values = NULL;
    }
    const struct hs_status_pair pairs[] = {
        {"process", hs_status_text(process)},
        {"values", values},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_row_event(const struct hs_status_note *note, const struct hs_status_clock *clock)
{
    const struct hs_status_pair pairs[] = {
        {"at", hs_status_moment(clock, note->at_ns)},
        {"at_ns", hs_status_number(note->at_ns)},
        {"process", hs_status_text(note->process)},
        {"kind", hs_status_text(hs_notice_kind_name(note->kind))},
        {"about", hs_status_text(note->about)},
        {"number", hs_status_number(note->number)},
        {"text", hs_status_text(note->text)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_row_log(const struct hs_status_note *note, const struct hs_status_clock *clock)
{
    const struct hs_status_pair pairs[] = {
        {"at", hs_status_moment(clock, note->at_ns)},
        {"at_ns", hs_status_number(note->at_ns)},
        {"process", hs_status_text(note->process)},
        {"level", hs_status_text(hs_log_level_name((enum hs_log_level)note->level))},
        {"module", hs_status_text(note->module)},
        {"line", hs_status_text(note->text)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}

json_t *hs_status_row_death(const struct hs_host_death *death, const struct hs_status_clock *clock)
{
    char     name[HS_PROCESS_NAME_BYTES];
    bool     was_signal = death->exit_signal != 0;
    uint64_t code = (uint64_t)(death->exit_code < 0 ? 0 : death->exit_code);

    hs_process_name((enum hs_role_kind)death->kind, death->idx, name);
    const struct hs_status_pair pairs[] = {
        {"number", hs_status_number(death->number)},
        {"at", hs_status_moment(clock, death->at_ns)},
        {"at_ns", hs_status_number(death->at_ns)},
        {"process", hs_status_text(name)},
        {"pid", json_integer(death->pid)},
        {"generation", hs_status_number(death->generation)},
        {"cause", hs_status_text(death->cause)},
        {"exit_code", hs_status_number_or_null(!was_signal, code)},
        {"signal", hs_status_number_or_null(was_signal, (uint64_t)death->exit_signal)},
        {"was_ready", json_boolean(death->was_ready)},
        {"alive_ns", hs_status_number(death->alive_ns)},
        {"phase", hs_status_text(hs_vitals_phase_name(death->phase))},
        {"message_type", hs_status_number(death->message_type)},
        {"job", hs_status_hex(death->job_id, sizeof death->job_id)},
        {"digest", hs_status_digest(death->digest)},
        {"user_cpu_ns", hs_status_number(death->user_cpu_ns)},
        {"system_cpu_ns", hs_status_number(death->system_cpu_ns)},
        {"resident_max_bytes", hs_status_number(death->resident_max_bytes)},
        {"panic", hs_status_text(death->panic)},
    };

    return hs_status_object(pairs, HS_ARRAY_LEN(pairs));
}
