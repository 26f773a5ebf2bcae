// SPDX-License-Identifier: Apache-2.0
/* check.h - what must hold between the values of a plan: references, cycles, URLs, headers, limits.
 * Each problem with its place in the text that was read. */
#ifndef HS_PLAN_CHECK_H
#define HS_PLAN_CHECK_H

#include "roles/plan/plan.h"

struct hs_plan_reader;

/* Of one load object: which keys go together. */
void hs_plan_check_load(struct hs_plan_reader *reader, const void *json, const void *load);
/* Of the whole plan, read as far as it could be; fills what the check finds out
 * (depends_on_idx). */
void hs_plan_check(struct hs_plan_reader *reader, struct hs_plan *plan);
/* The part about steps (check_steps.c). */
void hs_plan_check_steps(struct hs_plan_reader *reader, const struct hs_plan *plan);

#endif
