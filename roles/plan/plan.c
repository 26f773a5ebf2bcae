// SPDX-License-Identifier: Apache-2.0
/* plan.c - reading a plan from first byte to last check, and what follows from its values. */
#include "roles/plan/plan.h"

#include "roles/plan/check.h"
#include "roles/plan/reader.h"
#include "shm/base/time.h"

#include <string.h>

enum { IN_FLIGHT_DEFAULT = 10000 };

#define GRACE_NS                                                                                   \
    (30 * HS_NS_PER_S) /* a job may take this much longer than its load, for start and results */

static struct hs_plan *read_plan(struct hs_plan_reader *reader, json_t *json)
{
    struct hs_plan *plan = hs_plan_take(reader, 1, sizeof *plan);

    if (!plan) return NULL;
    hs_plan_read_vars(reader, json_object_get(json, "vars"));
    hs_plan_read_object(reader, json, &hs_plan_keys, plan);
    hs_plan_check_sets(reader);
    if (!reader->is_full) hs_plan_check(reader, plan);
    if (!plan->name && plan->workflows.count) plan->name = plan->workflows.at[0].name;
    return plan;
}

struct hs_plan *hs_plan_read(struct hs_view text, const struct hs_plan_environment *environment,
                             struct hs_arena *arena, struct hs_problems *problems)
{
    struct hs_plan_reader reader;
    struct hs_plan       *plan = NULL;
    json_t               *json;
    char                 *copy;
    uint32_t              errors = problems->errors;
    size_t                bytes = hs_min_u64(text.bytes, HS_PLAN_BYTES_MAX + 1);

    copy = hs_arena_take(arena, 1, bytes + 1);
    if (!copy) {
        hs_problems_add(problems, "E-LIMIT", (struct hs_problem_place){0}, NULL,
                        "the plan is too large");
        return NULL;
    }
    if (bytes) memcpy(copy, text.data, bytes);
    json = hs_json_parse(copy, text.bytes, HS_PLAN_BYTES_MAX, problems);
    if (!json) return NULL;
    if (hs_plan_reader_init(&reader, hs_view_of(copy, bytes), environment, arena, problems) == 0)
        plan = read_plan(&reader, json);
    else
        hs_problems_add(problems, "E-LIMIT", (struct hs_problem_place){0}, NULL,
                        "the plan is too large");
    json_decref(json);
    hs_problems_sort(problems);
    return problems->errors == errors ? plan : NULL;
}

const char *hs_plan_step_label(const struct hs_plan_step *step)
{
    if (step->name_by) return step->name_by;
    return step->name ? step->name : step->url;
}

uint64_t hs_plan_step_timeout_ns(const struct hs_plan *plan, const struct hs_plan_step *step)
{
    return step->timeout_ns != HS_PLAN_UNSET ? step->timeout_ns : plan->defaults.timeout_ns;
}

uint64_t hs_plan_step_think_ns(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                               const struct hs_plan_step *step)
{
    if (step->think_ns != HS_PLAN_UNSET) return step->think_ns;
    return workflow->think_ns != HS_PLAN_UNSET ? workflow->think_ns : plan->defaults.think_ns;
}

uint64_t hs_plan_drain_ns(const struct hs_plan *plan, const struct hs_plan_workflow *workflow)
{
    uint64_t longest_ns = 0;

    if (workflow->drain_ns != HS_PLAN_UNSET) return workflow->drain_ns;
    for (uint32_t i = 0; i < workflow->steps.count; i++)
        longest_ns = hs_max_u64(longest_ns, hs_plan_step_timeout_ns(plan, &workflow->steps.at[i]));
    return longest_ns;
}

uint64_t hs_plan_max_in_flight(const struct hs_plan *plan, const struct hs_plan_workflow *workflow)
{
    uint64_t limit = plan->limits.max_in_flight ? plan->limits.max_in_flight : UINT64_MAX;

    if (workflow->load.max_in_flight) return workflow->load.max_in_flight;
    return hs_min_u64(IN_FLIGHT_DEFAULT, limit);
}

uint64_t hs_plan_workflow_duration_ns(const struct hs_plan          *plan,
                                      const struct hs_plan_workflow *workflow)
{
    if (workflow->load.for_ns == 0) return HS_NEVER_NS;
    return workflow->warmup_ns + workflow->load.for_ns + hs_plan_drain_ns(plan, workflow);
}

uint64_t hs_plan_timeout_ns(const struct hs_plan *plan)
{
    uint64_t end_ns[HS_WORKFLOWS_MAX] = {0}; /* when each workflow has ended, at the latest */
    uint64_t last_ns = 0;

    if (plan->limits.max_duration_ns) return plan->limits.max_duration_ns;
    /* As many rounds as the longest path has edges; there are no cycles, so it settles. */
    for (uint32_t round = 0; round < plan->workflows.count; round++)
        for (uint32_t i = 0; i < plan->workflows.count; i++) {
            const struct hs_plan_workflow *workflow = &plan->workflows.at[i];
            uint64_t                       start_ns = 0;
            uint64_t duration_ns = hs_plan_workflow_duration_ns(plan, workflow);

            for (uint32_t edge = 0; edge < workflow->depends_on.count; edge++)
                start_ns = hs_max_u64(start_ns, end_ns[workflow->depends_on_idx[edge]]);
            if (duration_ns == HS_NEVER_NS || start_ns == HS_NEVER_NS)
                end_ns[i] = HS_NEVER_NS;
            else
                end_ns[i] = start_ns + duration_ns;
            last_ns = hs_max_u64(last_ns, end_ns[i]);
        }
    return last_ns == HS_NEVER_NS ? HS_NEVER_NS : last_ns + GRACE_NS;
}

int hs_plan_find_workflow(const struct hs_plan *plan, const char *name)
{
    for (uint32_t i = 0; i < plan->workflows.count; i++)
        if (plan->workflows.at[i].name && strcmp(plan->workflows.at[i].name, name) == 0)
            return (int)i;
    return -1;
}
