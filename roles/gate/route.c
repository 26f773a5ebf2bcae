// SPDX-License-Identifier: Apache-2.0
/* route.c - the choice of datacenters. */
#include "roles/gate/route.h"

#include "roles/result_code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_there(const struct hs_gate *gate, const char *datacenter)
{
    for (unsigned i = 0; i < HS_GATE_MANAGERS_MAX; i++)
        if (gate->managers[i].is_up && strcmp(gate->managers[i].datacenter, datacenter) == 0)
            return true;
    return false;
}

static const char *first_by_name(const struct hs_gate *gate)
{
    const char *first = NULL;

    for (unsigned i = 0; i < HS_GATE_MANAGERS_MAX; i++) {
        const struct hs_gate_manager *manager = &gate->managers[i];

        if (!manager->is_up || manager->is_draining) continue;
        if (!first || strcmp(manager->datacenter, first) < 0) first = manager->datacenter;
    }
    return first;
}

static void add(struct hs_gate_job_create *create, const char *datacenter)
{
    (void)snprintf(create->datacenters[create->slot_count], HS_NAME_BYTES, "%s", datacenter);
    create->slot_count++;
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
        if (is_there(gate, include->at[i]))
            add(create, include->at[i]);
        else if (!plan->datacenters.allow_fallback) {
            (void)hs_err_set(err, 0, "E-DC: unknown datacenter \"%s\" (there is \"%s\")",
                             include->at[i], first);
            return HS_RESULT_INVALID;
        }
    }
    if (!create->slot_count) add(create, first);
    return HS_RESULT_OK;
}
