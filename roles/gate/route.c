// SPDX-License-Identifier: Apache-2.0
/* route.c - the choice of datacenters. */
#include "roles/gate/route.h"

#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_chosen(const struct hs_gate_job_create *create, const char *datacenter)
{
    for (unsigned i = 0; i < create->slot_count; i++)
        if (strcmp(create->datacenters[i], datacenter) == 0) return true;
    return false;
}

/* Each workflow that may begin at once runs on a core at least. */
static uint32_t cores_needed(const struct hs_plan *plan)
{
    uint32_t cores = 0;

    for (uint32_t i = 0; i < plan->workflows.count; i++)
        cores += plan->workflows.at[i].depends_on.count == 0;
    return cores;
}

/* How good a manager's datacenter is for a job, from the best, 0. One that is not known yet takes
 * what it is given, which waits; a manager that comes and goes is used when there is no other. */
static unsigned rank_of(const struct hs_gate *gate, const struct hs_gate_manager *manager,
                        uint32_t cores)
{
    static const uint8_t ranks[HS_DC_STATE_COUNT] = {[HS_DC_HEALTHY] = 0,
                                                     [HS_DC_BUSY] = 1,
                                                     [HS_DC_INITIALIZING] = 2,
                                                     [HS_DC_DEGRADED] = 3,
                                                     [HS_DC_UNHEALTHY] = 8};

    return ranks[hs_gate_datacenter_state(gate, manager->datacenter, cores)] +
           (manager->flap.is_damped ? 4u : 0);
}

static bool is_usable(const struct hs_gate *gate, const char *datacenter)
{
    return hs_gate_datacenter_state(gate, datacenter, 0) != HS_DC_UNHEALTHY;
}

static void refuse(const struct hs_gate *gate, const char *datacenter, struct hs_err *err)
{
    const struct hs_reach_facts *reach = hs_gate_reach_of(gate, datacenter);

    if (hs_gate_manager_of(gate, datacenter) < 0)
        (void)hs_err_set(err, 0, "datacenter \"%s\" has no manager that is heard now", datacenter);
    else if (is_usable(gate, datacenter))
        (void)hs_err_set(err, 0, "datacenter \"%s\" takes no new jobs", datacenter);
    else if (reach && reach->is_asked && reach->state != HS_REACH_REACHABLE)
        (void)hs_err_set(err, 0, "datacenter \"%s\" does not answer this gate (%s)", datacenter,
                         hs_reach_name(reach->state));
    else
        (void)hs_err_set(err, 0, "datacenter \"%s\" is UNHEALTHY: see hyperscale status",
                         datacenter);
}

/* What a manager's datacenter is chosen by: how well it can take the job, then how near it is, in
 * tiers, then by round trip, then by name. */
struct choice {
    const char      *datacenter; /* NULL: none */
    unsigned         rank;
    enum hs_locality locality;
    uint64_t         round_trip_ns;
};

static struct choice choice_of(const struct hs_gate *gate, unsigned manager, uint32_t cores)
{
    const struct hs_gate_manager *at = &gate->managers[manager];
    struct choice                 choice = {0};

    if (!hs_gate_is_manager_usable(gate, manager) || at->is_draining) return choice;
    choice.datacenter = at->datacenter;
    choice.rank = rank_of(gate, at, cores);
    choice.locality = hs_gate_locality(gate, at->datacenter, &choice.round_trip_ns);
    choice.round_trip_ns = hs_locality_round_trip_ns(choice.round_trip_ns);
    return choice;
}

/* Below 0: a is better, as far as health and tiers say. */
static int compare(const struct choice *a, const struct choice *b)
{
    if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
    return a->locality < b->locality ? -1 : a->locality > b->locality;
}

/* The nearest of the best; its datacenter is NULL if none has a manager that takes jobs. */
static struct choice nearest(const struct hs_gate *gate, uint32_t cores)
{
    struct choice found = {0};

    for (unsigned i = 0; i < gate->manager_high; i++) {
        struct choice choice = choice_of(gate, i, cores);
        int           order;

        if (!choice.datacenter) continue;
        order = found.datacenter ? compare(&choice, &found) : -1;
        if (order < 0 || (order == 0 && choice.round_trip_ns < found.round_trip_ns)) found = choice;
    }
    return found;
}

/* Of those that are as near as the nearest of the best, the first by name. */
static struct choice best(const struct hs_gate *gate, uint32_t cores)
{
    struct choice least = nearest(gate, cores);
    struct choice found = least;

    for (unsigned i = 0; i < gate->manager_high && least.datacenter; i++) {
        struct choice choice = choice_of(gate, i, cores);

        if (!choice.datacenter || compare(&choice, &least) != 0) continue;
        if (!hs_locality_is_as_near(choice.round_trip_ns, least.round_trip_ns)) continue;
        if (strcmp(choice.datacenter, found.datacenter) < 0) found = choice;
    }
    return found;
}

static void add(struct hs_gate_job_create *create, const char *datacenter)
{
    (void)snprintf(create->datacenters[create->slot_count], HS_NAME_BYTES, "%s", datacenter);
    create->slot_count++;
}

/* OK: added, or left out for another. */
static uint32_t add_named(const struct hs_gate *gate, const struct hs_plan *plan, const char *name,
                          struct hs_gate_job_create *create, struct hs_err *err)
{
    int manager = hs_gate_manager_of(gate, name);

    if (is_chosen(create, name)) return HS_RESULT_OK;
    if (manager >= 0 && !gate->managers[manager].is_draining && is_usable(gate, name)) {
        add(create, name);
        return HS_RESULT_OK;
    }
    if (plan->datacenters.allow_fallback) return HS_RESULT_OK;
    if (manager >= 0 || hs_gate_reach_of(gate, name)) { /* known; it may come back */
        refuse(gate, name, err);
        return HS_RESULT_NO_DATACENTER;
    }
    (void)hs_err_set(err, 0, "E-DC: unknown datacenter \"%s\" (there is \"%s\")", name,
                     best(gate, 0).datacenter);
    return HS_RESULT_INVALID;
}

uint32_t hs_gate_route(const struct hs_gate *gate, const struct hs_plan *plan,
                       struct hs_gate_job_create *create, struct hs_err *err)
{
    const struct hs_plan_texts *include = &plan->datacenters.include;
    struct choice               first = best(gate, cores_needed(plan));

    create->slot_count = 0;
    if (!first.datacenter) {
        (void)hs_err_set(err, 0, "no datacenter has a manager yet");
        return HS_RESULT_NO_DATACENTER;
    }
    if (include->count > HS_GATE_SLOTS_MAX) {
        (void)hs_err_set(err, 0, "E-DC: %u datacenters named, at most %d in this version",
                         include->count, HS_GATE_SLOTS_MAX);
        return HS_RESULT_INVALID;
    }
    for (uint32_t i = 0; i < include->count; i++) {
        uint32_t code = add_named(gate, plan, include->at[i], create, err);

        if (code != HS_RESULT_OK) return code;
    }
    if (create->slot_count) return HS_RESULT_OK;
    if (!is_usable(gate, first.datacenter)) {
        refuse(gate, first.datacenter, err);
        return HS_RESULT_NO_DATACENTER;
    }
    add(create, first.datacenter);
    hs_log(HS_LOG_DEBUG, "gate", "placed datacenter=%s rank=%u locality=%s round_trip_ns=%" PRIu64,
           first.datacenter, first.rank, hs_locality_name(first.locality), first.round_trip_ns);
    return HS_RESULT_OK;
}
