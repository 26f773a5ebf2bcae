// SPDX-License-Identifier: Apache-2.0
/* gate_shares_io.c - what the gate shows in shared memory. */
#include "roles/gate/gate_shares_io.h"

#include "roles/node_tables.h"
#include "roles/role_io.h"
#include "roles/share.h"
#include "shm/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- start ---- */

/* It knew what it showed, we show it anew. */
static void clear_rows(struct hs_registry *registry)
{
    uint64_t           payload[HS_REGISTRY_PAYLOAD_WORDS_MAX];
    hs_registry_handle handle;

    for (uint32_t i = 0; i < registry->shape.slot_count; i++)
        if (hs_registry_at(registry, i, &handle, payload) == 1)
            HS_IGNORE(hs_registry_remove(registry, handle), "it was there a line ago");
}

static void *map(struct hs_gate_shares *shares, const struct hs_heritage *heritage,
                 enum hs_share share, struct hs_err *err)
{
    struct hs_segment *segment = &shares->segments[share];

    if (hs_role_map_share(heritage, share, HS_SEGMENT_READ_WRITE, segment, err)) return NULL;
    return hs_segment_body(segment);
}

static int map_table(struct hs_gate_shares *shares, const struct hs_heritage *heritage,
                     enum hs_share share, struct hs_err *err)
{
    bool                            is_jobs = share == HS_SHARE_JOBS;
    struct hs_registry             *registry = is_jobs ? &shares->jobs : &shares->managers;
    const struct hs_registry_shape *shape = is_jobs ? &hs_job_table_shape : &hs_manager_table_shape;
    void                           *body = map(shares, heritage, share, err);
    int                             rc;

    if (!body) return err->code;
    rc = hs_registry_attach_writer(registry, body, shape);
    if (rc == -EPROTO) hs_role_refuse_share(heritage, share);
    if (rc) return hs_err_set(err, rc, "table of %s", hs_share_name(share));
    if (!is_jobs) clear_rows(registry);
    return 0;
}

static void adopt_row(struct hs_gate_shares *shares, struct hs_gate *gate,
                      hs_registry_handle handle, const struct hs_job_row *row)
{
    const struct hs_gate_job *job = hs_gate_find_job(gate->fsm, row->id);
    uint32_t                  idx = job ? hs_gate_job_idx(gate->fsm, job) : 0;

    if (!job || shares->job_handles[idx] || !hs_gate_adopt_row(gate, row)) {
        HS_IGNORE(hs_registry_remove(&shares->jobs, handle), "it was there a line ago");
        return;
    }
    shares->job_handles[idx] = handle;
}

void hs_gate_shares_adopt(struct hs_gate_shares *shares, struct hs_gate *gate)
{
    uint64_t           payload[HS_REGISTRY_PAYLOAD_WORDS_MAX];
    hs_registry_handle handle;

    for (uint32_t i = 0; i < shares->jobs.shape.slot_count; i++) {
        struct hs_job_row row;

        if (hs_registry_at(&shares->jobs, i, &handle, payload) != 1) continue;
        memcpy(&row, payload, sizeof row);
        adopt_row(shares, gate, handle, &row);
    }
}

int hs_gate_shares_open(struct hs_gate_shares *shares, const struct hs_heritage *heritage,
                        struct hs_err *err)
{
    void *samples;
    int   rc = map_table(shares, heritage, HS_SHARE_JOBS, err);

    if (!rc) rc = map_table(shares, heritage, HS_SHARE_MANAGERS, err);
    if (rc) return rc;
    shares->dispatch_times = map(shares, heritage, HS_SHARE_DISPATCH_TIMES, err);
    if (!shares->dispatch_times) return err->code;
    samples = map(shares, heritage, HS_SHARE_LATENCY_SAMPLES, err);
    if (!samples) return err->code;
    shares->latency_samples = hs_latency_samples_ring(samples, HS_ROLE_GATE);
    return 0;
}

/* ---- rows ---- */

static void show_row(struct hs_registry *registry, hs_registry_handle *handle,
                     const uint64_t *payload)
{
    int rc;

    if (*handle)
        rc = payload ? hs_registry_update(registry, *handle, payload)
                     : hs_registry_remove(registry, *handle);
    else
        rc = payload ? hs_registry_insert(registry, payload, handle) : 0;
    if (rc) hs_log(HS_LOG_WARN, "gate", "row of status not shown: %s", hs_err_code_text(rc));
    if (!payload || rc) *handle = 0;
}

void hs_gate_shares_show_job(struct hs_gate_shares *shares, uint32_t job_idx,
                             const struct hs_job_row *row)
{
    uint64_t words[HS_JOB_ROW_WORDS];

    if (row) memcpy(words, row, sizeof words);
    show_row(&shares->jobs, &shares->job_handles[job_idx], row ? words : NULL);
}

static enum hs_node_state node_state(const struct hs_gate_manager *at)
{
    if (!at->is_up) return HS_NODE_SUSPECT;
    if (at->is_draining) return HS_NODE_DRAINING;
    return at->beat_at_ns >= at->joined_at_ns ? HS_NODE_ALIVE : HS_NODE_JOINING;
}

static uint32_t reach_flags(const struct hs_reach_facts *reach)
{
    uint32_t flags = 0;

    if (reach->is_asked) flags |= HS_MANAGER_REACH_ASKED;
    if (reach->is_local_partition) flags |= HS_MANAGER_REACH_LOCAL_PARTITION;
    if (reach->is_held) flags |= HS_MANAGER_REACH_HELD;
    return flags;
}

void hs_gate_shares_show_manager(struct hs_gate_shares *shares, unsigned manager,
                                 const struct hs_gate_manager *at)
{
    struct hs_manager_row row = {.incarnation = at->incarnation,
                                 .generation = at->generation,
                                 .term = at->fence,
                                 .joined_at_ns = at->joined_at_ns,
                                 .heard_at_ns = at->heard_at_ns,
                                 .state = node_state(at),
                                 .load = at->load,
                                 .is_leader = at->fence != 0,
                                 .workers = at->workers,
                                 .cores_total = at->cores_total,
                                 .cores_free = at->cores_free,
                                 .jobs = at->jobs,
                                 .execs = at->execs,
                                 .breaker = at->breaker.state,
                                 .is_damped = at->flap.is_damped,
                                 .datacenter_state = at->datacenter_state,
                                 .keyring_mark = at->keyring_mark,
                                 .reach = at->reach.state,
                                 .reach_flags = reach_flags(&at->reach),
                                 .reach_round_trip_ns = at->reach.round_trip_ns,
                                 .locality = at->locality,
                                 .has_data_lane = at->has_data_lane};
    uint64_t              words[HS_MANAGER_ROW_WORDS];

    memcpy(row.node_id, at->node, sizeof row.node_id);
    memcpy(row.name, at->name, sizeof row.name);
    memcpy(row.datacenter, at->datacenter, sizeof row.datacenter);
    memcpy(row.region, at->reach.region, sizeof row.region);
    (void)snprintf(row.address, sizeof row.address, "%s", at->address);
    memcpy(words, &row, sizeof words);
    show_row(&shares->managers, &shares->manager_handles[manager], at->is_used ? words : NULL);
}
