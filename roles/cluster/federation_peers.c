// SPDX-License-Identifier: Apache-2.0
/* federation_peers.c - what gates tell one another about datacenters, and what a gate's own routing
 * and status see of it all. */
#include "roles/cluster/federation.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define VERDICT_LIFE_NS (10 * HS_NS_PER_S)

static struct hs_federation_told *place_for(struct hs_federation_datacenter *datacenter,
                                            const struct hs_node_id         *gate)
{
    struct hs_federation_told *oldest = &datacenter->told[0];

    for (unsigned i = 0; i < HS_FEDERATION_VERDICTS_MAX; i++) {
        struct hs_federation_told *told = &datacenter->told[i];

        if (told->heard_at_ns && hs_node_id_equal(&told->gate, gate)) return told;
        if (told->heard_at_ns < oldest->heard_at_ns) oldest = told;
    }
    return oldest;
}

void hs_federation_hear(struct hs_federation *federation, uint64_t now_ns,
                        const struct hs_node_id *gate, const struct hs_federation_verdict *verdict)
{
    int                              idx = hs_federation_find(federation, verdict->datacenter);
    struct hs_federation_datacenter *datacenter = &federation->datacenters[idx < 0 ? 0 : idx];
    uint64_t                         age_ns = (uint64_t)verdict->ack_age_ms * HS_NS_PER_MS;

    HS_ASSERT(verdict->state < HS_REACH_COUNT);
    if (idx < 0) return; /* a word about something unknown makes it no less so */
    *place_for(datacenter, gate) = (struct hs_federation_told){
        .gate = *gate,
        .state = (enum hs_reach)verdict->state,
        .heard_at_ns = hs_max_u64(now_ns, 1),
        .fresh_ns = age_ns < VERDICT_LIFE_NS ? now_ns + VERDICT_LIFE_NS - age_ns : 0};
}

void hs_federation_forget_gate(struct hs_federation *federation, const struct hs_node_id *gate)
{
    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++)
        for (unsigned k = 0; k < HS_FEDERATION_VERDICTS_MAX; k++) {
            struct hs_federation_told *told = &federation->datacenters[i].told[k];

            if (told->heard_at_ns && hs_node_id_equal(&told->gate, gate))
                *told = (struct hs_federation_told){0};
        }
}

uint64_t hs_federation_vouched_ns(const struct hs_federation_datacenter *datacenter)
{
    uint64_t until_ns = 0;

    for (unsigned i = 0; i < HS_FEDERATION_VERDICTS_MAX; i++)
        if (datacenter->told[i].heard_at_ns && datacenter->told[i].state == HS_REACH_REACHABLE)
            until_ns = hs_max_u64(until_ns, datacenter->told[i].fresh_ns);
    return until_ns;
}

unsigned hs_federation_agreeing(const struct hs_federation *federation, uint32_t datacenter)
{
    const struct hs_federation_datacenter *at = &federation->datacenters[datacenter];
    unsigned                               count = at->state == HS_REACH_UNREACHABLE;

    for (unsigned i = 0; i < HS_FEDERATION_VERDICTS_MAX; i++)
        count += at->told[i].heard_at_ns && at->told[i].state == HS_REACH_UNREACHABLE &&
                 federation->now_ns < at->told[i].heard_at_ns + VERDICT_LIFE_NS;
    return count;
}

static uint32_t age_ms(uint64_t now_ns, uint64_t at_ns)
{
    return (uint32_t)hs_min_u64((now_ns - at_ns) / HS_NS_PER_MS, UINT32_MAX - 1);
}

bool hs_federation_verdict(const struct hs_federation *federation, uint32_t datacenter,
                           struct hs_federation_verdict *verdict)
{
    const struct hs_federation_datacenter *at = &federation->datacenters[datacenter];

    if (!at->name[0]) return false;
    *verdict = (struct hs_federation_verdict){
        .state = (uint8_t)at->state,
        .since_age_ms = age_ms(federation->now_ns, at->since_ns),
        .ack_age_ms = at->last_ack_ns ? age_ms(federation->now_ns, at->last_ack_ns) : UINT32_MAX};
    memcpy(verdict->datacenter, at->name, sizeof verdict->datacenter);
    return true;
}

void hs_federation_facts(const struct hs_federation *federation, uint32_t datacenter,
                         struct hs_reach_facts *facts)
{
    const struct hs_federation_datacenter *at = &federation->datacenters[datacenter];
    uint64_t                               now_ns = federation->now_ns;

    *facts = (struct hs_reach_facts){.state = at->state,
                                     .is_asked = at->name[0] != 0,
                                     .is_local_partition = at->state == HS_REACH_SUSPECTED &&
                                                           now_ns < hs_federation_vouched_ns(at),
                                     .since_ns = now_ns - at->since_ns,
                                     .ack_age_ns =
                                         at->last_ack_ns ? now_ns - at->last_ack_ns : HS_NEVER_NS,
                                     .round_trip_ns = at->srtt_ns};
    memcpy(facts->region, at->region, sizeof at->region);
}
