// SPDX-License-Identifier: Apache-2.0
/* route.h - which datacenters run a job. Plain and deterministic: those that the plan names, else
 * the one that can take it best (guard/dc_health.h), of several the nearest (cluster/locality.h),
 * of several that are as near the first by name. None that is UNHEALTHY. Pure. */
#ifndef HS_GATE_ROUTE_H
#define HS_GATE_ROUTE_H

#include "roles/gate/gate.h"
#include "roles/plan/plan.h"

/* Fills slot_count and datacenters of create. HS_RESULT_OK; NO_DATACENTER: none is there, try
 * later; INVALID: the plan names one that does not exist here (err names it, and those that do). */
uint32_t hs_gate_route(const struct hs_gate *gate, const struct hs_plan *plan,
                       struct hs_gate_job_create *create, struct hs_err *err);

#endif
