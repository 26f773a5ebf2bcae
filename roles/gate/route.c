// SPDX-License-Identifier: Apache-2.0
/* route.c - the choice of datacenters. */
#include "roles/gate/route.h"

#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"

#include <errno.h>
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

/* NULL: no datacenter has a manager that takes jobs. */
static const char *best(const struct hs_gate *gate, uint32_t cores)
{
    const char *found = NULL;
    unsigned    found_rank = 0;

    for (unsigned i = 0; i < gate->manager_high; i++) {
        const struct hs_gate_manager *manager = &gate->managers[i];
        unsigned                      rank;

        if (!hs_gate_is_manager_usable(gate, i) || manager->is_draining) continue;
        rank = rank_of(gate, manager, cores);
        if (found &&
            (rank > found_rank || (rank == found_rank && strcmp(manager->datacenter, found) >= 0)))
            continue;
        found = manager->datacenter;
        found_rank = rank;
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
                     best(gate, 0));
    return HS_RESULT_INVALID;
}

uint32_t hs_gate_route(const struct hs_gate *gate, const struct hs_plan *plan,
                       struct hs_gate_job_create *create, struct hs_err *err)
{
    const struct hs_plan_texts *include = &plan->datacenters.include;
    const char                 *first = best(gate, cores_needed(plan));

    create->slot_count = 0;
    if (!first) {
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
    if (!is_usable(gate, first)) {
        refuse(gate, first, err);
        return HS_RESULT_NO_DATACENTER;
    }
    add(create, first);
    return HS_RESULT_OK;
}
