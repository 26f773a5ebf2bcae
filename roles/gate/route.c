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

static const char *first_by_name(const struct hs_gate *gate)
{
    const char *first = NULL;

    for (unsigned i = 0; i < gate->manager_high; i++) {
        const struct hs_gate_manager *manager = &gate->managers[i];

        if (!hs_gate_is_manager_usable(gate, i) || manager->is_draining) continue;
        if (!first || strcmp(manager->datacenter, first) < 0) first = manager->datacenter;
    }
    return first;
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
    if (manager >= 0 && !gate->managers[manager].is_draining) {
        add(create, name);
        return HS_RESULT_OK;
    }
    if (plan->datacenters.allow_fallback) return HS_RESULT_OK;
    if (manager >= 0) {
        (void)hs_err_set(err, 0, "datacenter \"%s\" takes no new jobs", name);
        return HS_RESULT_NO_DATACENTER;
    }
    (void)hs_err_set(err, 0, "E-DC: unknown datacenter \"%s\" (there is \"%s\")", name,
                     first_by_name(gate));
    return HS_RESULT_INVALID;
}

uint32_t hs_gate_route(const struct hs_gate *gate, const struct hs_plan *plan,
                       struct hs_gate_job_create *create, struct hs_err *err)
{
    const struct hs_plan_texts *include = &plan->datacenters.include;
    const char                 *first = first_by_name(gate);

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
    if (!create->slot_count) add(create, first);
    return HS_RESULT_OK;
}
