// SPDX-License-Identifier: Apache-2.0
/* share.c - the table of shared segments. */
#include "roles/share.h"

#include "roles/cluster/member_row.h"
#include "roles/cluster/oob_card.h"
#include "roles/engine_link.h"
#include "roles/host_table.h"
#include "roles/job_table.h"
#include "roles/node_tables.h"
#include "roles/stats/figures.h"
#include "shm/base/assert.h"
#include "shm/counters.h"
#include "shm/event_ring.h"
#include "shm/log_ring.h"
#include "shm/recent.h"
#include "shm/ring.h"
#include "shm/vitals.h"

const struct hs_ring_shape hs_engine_ring_shape = {HS_ENGINE_RECORD_BYTES, HS_ENGINE_RING_SLOTS};

static const struct {
    const char          *name;
    enum hs_segment_kind kind;
    uint16_t             version;
    uint64_t             body_bytes; /* 0: of the registry below, or computed */
} shares[HS_SHARE_COUNT] = {
    [HS_SHARE_HOST] = {"host", HS_SEGMENT_HOST, HS_HOST_TABLE_VERSION,
                       sizeof(struct hs_host_table_shm)},
    [HS_SHARE_VITALS] = {"vitals", HS_SEGMENT_VITALS, HS_VITALS_VERSION, HS_VITALS_BODY_BYTES},
    [HS_SHARE_COUNTERS] = {"counters", HS_SEGMENT_COUNTERS, HS_COUNTERS_VERSION,
                           HS_COUNTERS_BODY_BYTES},
    [HS_SHARE_LOGS] = {"logs", HS_SEGMENT_LOG_RINGS, HS_LOG_RING_VERSION, HS_LOG_RING_BODY_BYTES},
    [HS_SHARE_EVENTS] = {"events", HS_SEGMENT_EVENT_RINGS, HS_EVENT_RING_VERSION,
                         HS_EVENT_RING_BODY_BYTES},
    [HS_SHARE_JOBS] = {"jobs", HS_SEGMENT_JOB_REGISTRY, HS_JOB_TABLE_VERSION, 0},
    [HS_SHARE_MANAGERS] = {"managers", HS_SEGMENT_MANAGER_REGISTRY, HS_NODE_TABLES_VERSION, 0},
    [HS_SHARE_WORKERS] = {"workers", HS_SEGMENT_WORKER_REGISTRY, HS_NODE_TABLES_VERSION, 0},
    [HS_SHARE_DISPATCH_TIMES] = {"dispatch_times", HS_SEGMENT_DISPATCH_TIMES, 1, 0},
    [HS_SHARE_LATENCY_SAMPLES] = {"latency_samples", HS_SEGMENT_LATENCY_SAMPLES, 1, 0},
    [HS_SHARE_EXECS] = {"execs", HS_SEGMENT_EXEC_LEDGER, 1, HS_EXECS_BODY_BYTES},
    [HS_SHARE_GATE_RING] = {"gate_ring", HS_SEGMENT_MEMBERS, HS_MEMBER_ROWS_VERSION, 0},
    [HS_SHARE_MANAGER_RING] = {"manager_ring", HS_SEGMENT_MEMBERS, HS_MEMBER_ROWS_VERSION, 0},
    [HS_SHARE_GATE_CARD] = {"gate_card", HS_SEGMENT_CARD, HS_OOB_CARD_VERSION,
                            HS_OOB_CARD_BODY_BYTES},
    [HS_SHARE_MANAGER_CARD] = {"manager_card", HS_SEGMENT_CARD, HS_OOB_CARD_VERSION,
                               HS_OOB_CARD_BODY_BYTES},
};

static const struct {
    const char          *name;
    enum hs_segment_kind kind;
    uint16_t             version;
} engine_segments[HS_ENGINE_SEGMENT_COUNT] = {
    [HS_ENGINE_COMMANDS] = {"commands", HS_SEGMENT_ENGINE_COMMANDS, 1},
    [HS_ENGINE_EVENTS] = {"engine_events", HS_SEGMENT_ENGINE_EVENTS, 1},
    [HS_ENGINE_FIGURES] = {"figures", HS_SEGMENT_ENGINE_FIGURES, HS_FIGURES_VERSION},
};

static const struct hs_registry_shape *registry_of(enum hs_share share)
{
    if (share == HS_SHARE_JOBS) return &hs_job_table_shape;
    if (share == HS_SHARE_MANAGERS) return &hs_manager_table_shape;
    if (share == HS_SHARE_GATE_RING || share == HS_SHARE_MANAGER_RING)
        return &hs_member_table_shape;
    return share == HS_SHARE_WORKERS ? &hs_worker_table_shape : NULL;
}

static uint64_t computed_bytes(enum hs_share share)
{
    if (registry_of(share)) return hs_registry_bytes(registry_of(share));
    if (share == HS_SHARE_DISPATCH_TIMES) return hs_recent_bytes(HS_DISPATCH_TIMES_SLOTS);
    HS_ASSERT(share == HS_SHARE_LATENCY_SAMPLES);
    return 2 * hs_recent_bytes(HS_LATENCY_SAMPLES_SLOTS);
}

void hs_share_spec(enum hs_share share, struct hs_segment_spec *spec)
{
    HS_ASSERT(share < HS_SHARE_COUNT);
    *spec = (struct hs_segment_spec){.kind = shares[share].kind, .version = shares[share].version};
    spec->body_bytes = shares[share].body_bytes ? shares[share].body_bytes : computed_bytes(share);
}

void hs_engine_segment_spec(enum hs_engine_segment which, struct hs_segment_spec *spec)
{
    HS_ASSERT(which < HS_ENGINE_SEGMENT_COUNT);
    *spec = (struct hs_segment_spec){.kind = engine_segments[which].kind,
                                     .version = engine_segments[which].version};
    spec->body_bytes = which == HS_ENGINE_FIGURES ? sizeof(struct hs_figures_shm)
                                                  : hs_ring_bytes(&hs_engine_ring_shape);
}

const char *hs_share_name(enum hs_share share)
{
    HS_ASSERT(share < HS_SHARE_COUNT);
    return shares[share].name;
}

const char *hs_engine_segment_name(enum hs_engine_segment which)
{
    HS_ASSERT(which < HS_ENGINE_SEGMENT_COUNT);
    return engine_segments[which].name;
}

void hs_share_init(enum hs_share share, void *body)
{
    if (registry_of(share)) hs_registry_init(body, registry_of(share));
}

void hs_engine_segment_init(enum hs_engine_segment which, void *body)
{
    if (which != HS_ENGINE_FIGURES) hs_ring_init(body, &hs_engine_ring_shape);
}

static size_t samples_offset_bytes(enum hs_role_kind writer)
{
    HS_ASSERT(writer == HS_ROLE_GATE || writer == HS_ROLE_MANAGER);
    return writer == HS_ROLE_MANAGER ? hs_recent_bytes(HS_LATENCY_SAMPLES_SLOTS) : 0;
}

void *hs_latency_samples_ring(void *body, enum hs_role_kind writer)
{
    return (char *)body + samples_offset_bytes(writer);
}

const void *hs_latency_samples_view(const void *body, enum hs_role_kind writer)
{
    return (const char *)body + samples_offset_bytes(writer);
}
