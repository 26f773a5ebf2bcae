// SPDX-License-Identifier: Apache-2.0
/* suspicion.c - the deadline of an accusation, and who has a say in it. */
#include "roles/cluster/suspicion.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <math.h>

enum { ALONE_COUNT = 3 }; /* up to here nobody is left to confirm */

struct hs_suspicion_limits hs_suspicion_limits(const struct hs_suspicion_config *config,
                                               uint32_t ring_count, uint32_t health_multiplier)
{
    struct hs_suspicion_limits limits = {0};
    double                     scale = ring_count > 1 ? log10((double)ring_count) : 0;

    HS_ASSERT(config->confirmers <= HS_MEMBER_CONFIRMERS_MAX);
    HS_ASSERT(config->max_factor >= 1);
    limits.minimum_ns = (uint64_t)((double)config->multiplier * (double)config->period_ns *
                                   (scale > 1 ? scale : 1));
    limits.maximum_ns = limits.minimum_ns * config->max_factor;
    if (ring_count > ALONE_COUNT)
        limits.confirmers =
            config->confirmers < ring_count - 2 ? config->confirmers : ring_count - 2;
    if (limits.confirmers == 0)
        limits.maximum_ns =
            hs_min_u64(limits.maximum_ns, limits.minimum_ns * (uint64_t)health_multiplier);
    return limits;
}

uint64_t hs_suspicion_timeout_ns(const struct hs_suspicion_limits *limits, uint32_t confirmers)
{
    double range = (double)(limits->maximum_ns - limits->minimum_ns);

    if (limits->confirmers == 0) return limits->maximum_ns;
    if (confirmers >= limits->confirmers) return limits->minimum_ns;
    return limits->maximum_ns - (uint64_t)(range * log1p(confirmers) / log1p(limits->confirmers));
}

static bool is_witness(const struct hs_members *members, const struct hs_member *member,
                       const struct hs_node_id *from)
{
    const struct hs_member *witness = hs_members_find(members, from);

    return witness && witness != member && hs_member_is_live(witness) && hs_member_is_ring(witness);
}

static bool is_counted(const struct hs_member_suspicion *suspicion, const struct hs_node_id *from)
{
    if (hs_node_id_equal(&suspicion->accuser, from)) return true;
    for (unsigned i = 0; i < suspicion->confirmer_count; i++)
        if (hs_node_id_equal(&suspicion->confirmers[i], from)) return true;
    return false;
}

static uint64_t end_ns(const struct hs_member_suspicion *suspicion,
                       const struct hs_suspicion_limits *limits)
{
    return suspicion->started_at_ns + hs_suspicion_timeout_ns(limits, suspicion->confirmer_count) +
           suspicion->postponed_count * limits->minimum_ns;
}

enum hs_suspicion_result hs_suspicion_accuse(const struct hs_members          *members,
                                             const struct hs_suspicion_limits *limits,
                                             struct hs_member                 *member,
                                             const struct hs_node_id *from, uint64_t now_ns)
{
    struct hs_member_suspicion *suspicion = &member->suspicion;

    if (member->status != HS_MEMBER_SUSPECT || !is_witness(members, member, from))
        return HS_SUSPICION_REFUSED;
    if (hs_node_id_equal(from, &hs_members_self(members)->id)) suspicion->is_accused_by_self = true;
    if (suspicion->deadline_ns == HS_NEVER_NS) {
        suspicion->started_at_ns = now_ns;
        suspicion->deadline_ns = now_ns + hs_suspicion_timeout_ns(limits, 0);
        return HS_SUSPICION_BEGUN;
    }
    if (is_counted(suspicion, from)) return HS_SUSPICION_KNOWN;
    if (suspicion->confirmer_count >= limits->confirmers) return HS_SUSPICION_ENOUGH;
    HS_ASSERT(suspicion->confirmer_count < HS_MEMBER_CONFIRMERS_MAX);
    suspicion->confirmers[suspicion->confirmer_count++] = *from;
    suspicion->deadline_ns = hs_min_u64(suspicion->deadline_ns, end_ns(suspicion, limits));
    return HS_SUSPICION_CONFIRMED;
}

bool hs_suspicion_review(const struct hs_suspicion_limits *limits, struct hs_member *member,
                         uint64_t earliest_ns)
{
    struct hs_member_suspicion *suspicion = &member->suspicion;
    uint64_t                    deadline_ns;

    if (suspicion->deadline_ns == HS_NEVER_NS || limits->confirmers > 0) return false;
    deadline_ns = end_ns(suspicion, limits);
    if (!suspicion->is_asked) deadline_ns = hs_max_u64(deadline_ns, earliest_ns);
    if (deadline_ns >= suspicion->deadline_ns) return false;
    suspicion->deadline_ns = deadline_ns;
    return true;
}

bool hs_suspicion_postpone(const struct hs_suspicion_limits *limits, struct hs_member *member)
{
    struct hs_member_suspicion *suspicion = &member->suspicion;

    if (suspicion->deadline_ns == HS_NEVER_NS) return false;
    if (suspicion->postponed_count >= HS_SUSPICION_POSTPONED_MAX) return false;
    suspicion->postponed_count++;
    suspicion->deadline_ns += limits->minimum_ns;
    suspicion->is_asked = false;
    return true;
}

void hs_suspicion_shift(struct hs_member *member, uint64_t by_ns)
{
    struct hs_member_suspicion *suspicion = &member->suspicion;

    if (member->status != HS_MEMBER_SUSPECT || suspicion->deadline_ns == HS_NEVER_NS) return;
    suspicion->started_at_ns += by_ns;
    suspicion->deadline_ns += by_ns;
}

bool hs_suspicion_buddy(const struct hs_member *member, struct hs_claim *claim)
{
    if (member->status != HS_MEMBER_SUSPECT) return false;
    *claim = (struct hs_claim){.subject = member->id,
                               .from = member->suspicion.accuser,
                               .incarnation = member->incarnation,
                               .status = HS_MEMBER_SUSPECT,
                               .source = HS_CLAIM_DIRECT};
    return true;
}
