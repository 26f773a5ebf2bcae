// SPDX-License-Identifier: Apache-2.0
/* partition_io.c - figures in, partitions out. */
#include "roles/cluster/partition_io.h"

#include "roles/counters.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <inttypes.h>
#include <stdio.h>

enum { NAMES_BYTES = 160, AGREEING_MIN = 2 };
#define BODY_FRESH_NS (30 * HS_NS_PER_S)

void hs_partition_open(struct hs_partition_io *partition, struct hs_role_process *process,
                       const struct hs_federation *federation, uint64_t now_ns)
{
    partition->process = process;
    partition->federation = federation;
    hs_correlation_init(&partition->correlation, now_ns);
}

bool hs_partition_holds(const struct hs_partition_io *partition, uint32_t datacenter)
{
    return partition->correlation.datacenters[datacenter].is_held;
}

/* ---- out ---- */

static void list_names(const struct hs_partition_io *partition, uint64_t datacenters,
                       char names[NAMES_BYTES])
{
    size_t used = 0;

    names[0] = '\0';
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++) {
        int bytes;

        if (!(datacenters >> i & 1)) continue;
        bytes = snprintf(names + used, NAMES_BYTES - used, "%s%s", used ? " " : "",
                         partition->federation->datacenters[i].name);
        if (bytes < 0 || (size_t)bytes >= NAMES_BYTES - used) return;
        used += (size_t)bytes;
    }
}

static void note(const struct hs_partition_io *partition, enum hs_notice_kind kind, uint64_t number,
                 const char *names)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, "", number, "%s", names);
    hs_role_note(partition->process, &record);
}

static void tell(const struct hs_partition_io *partition)
{
    const struct hs_correlation_out *out = &partition->out;
    char                             names[NAMES_BYTES];

    if (!out->is_detected && !out->is_healed && !out->is_long) return;
    list_names(partition, out->datacenters, names);
    if (out->is_detected) {
        hs_log(HS_LOG_WARN, "federation", "partition_detected severity=%s datacenters=\"%s\"",
               hs_severity_name(out->severity), names);
        note(partition, HS_NOTICE_PARTITION_DETECTED, out->severity, names);
        hs_counter_add(partition->process->counters, HS_COUNT_partitions_detected, 1);
    }
    if (out->is_long) {
        hs_log(HS_LOG_ERROR, "federation", "partition_lasts datacenters=\"%s\"", names);
        note(partition, HS_NOTICE_PARTITION_LASTS, out->severity, names);
    }
    if (!out->is_healed) return;
    hs_log(HS_LOG_INFO, "federation", "partition_healed for_ms=%" PRIu64 " datacenters=\"%s\"",
           out->lasted_ns / HS_NS_PER_MS, names);
    note(partition, HS_NOTICE_PARTITION_HEALED, out->lasted_ns / HS_NS_PER_MS, names);
}

static void step(struct hs_partition_io *partition, uint64_t now_ns)
{
    uint64_t held = 0;

    hs_correlation_step(&partition->correlation, now_ns, &partition->out);
    tell(partition);
    for (unsigned i = 0; i < HS_CORRELATION_DATACENTERS_MAX; i++)
        held += partition->correlation.datacenters[i].is_held;
    hs_counter_set(partition->process->counters, HS_COUNT_datacenters_held, held);
}

/* ---- in ---- */

void hs_partition_change(struct hs_partition_io *partition, uint64_t now_ns,
                         const struct hs_federation_change *change)
{
    struct hs_correlation *correlation = &partition->correlation;

    if (change->is_gone)
        hs_correlation_remove(correlation, change->datacenter);
    else if (change->to == HS_REACH_REACHABLE)
        hs_correlation_recover(correlation, now_ns, change->datacenter);
    else if (change->from == HS_REACH_REACHABLE)
        hs_correlation_fail(correlation, now_ns, change->datacenter);
    step(partition, now_ns);
}

static void gather(struct hs_partition_io *partition, uint64_t now_ns, uint32_t datacenter,
                   unsigned needed)
{
    const struct hs_federation_datacenter *at = &partition->federation->datacenters[datacenter];
    struct hs_correlation                 *correlation = &partition->correlation;

    hs_correlation_add(correlation, datacenter);
    hs_correlation_set_region(correlation, datacenter, at->region);
    hs_correlation_agree(correlation, datacenter,
                         hs_federation_agreeing(partition->federation, datacenter) >= needed);
    if (at->state != HS_REACH_REACHABLE) return;
    if (at->srtt_ns) hs_correlation_round_trip(correlation, now_ns, datacenter, at->srtt_ns);
    if (!at->body_at_ns || now_ns - at->body_at_ns >= BODY_FRESH_NS) return;
    hs_correlation_local_health(correlation, datacenter, at->body.local_health);
    hs_correlation_extended(correlation, now_ns, datacenter, at->body.extended_workers);
}

uint64_t hs_partition_turn(struct hs_partition_io *partition, uint64_t now_ns, unsigned gates)
{
    unsigned needed = gates / 2 + 1 > AGREEING_MIN ? gates / 2 + 1 : AGREEING_MIN;

    if (now_ns < hs_correlation_deadline_ns(&partition->correlation))
        return hs_correlation_deadline_ns(&partition->correlation);
    for (uint32_t i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        if (partition->federation->datacenters[i].name[0]) gather(partition, now_ns, i, needed);
    step(partition, now_ns);
    return hs_correlation_deadline_ns(&partition->correlation);
}
