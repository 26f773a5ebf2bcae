// SPDX-License-Identifier: Apache-2.0
/* check.c - loads, names, dependencies and limits of a plan; check_steps.c has the requests. */
#include "roles/plan/check.h"

#include "roles/plan/reader.h"
#include "shm/base/assert.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CYCLE_TEXT_BYTES = 240, CYCLE_EDGES_SHOWN = 6 };

/* Sets the reader's path to a place by its indexes. */
static void stand_at(struct hs_plan_reader *reader, const char *format, ...) HS_PRINTF(2, 3);

static void stand_at(struct hs_plan_reader *reader, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reader->path.text, sizeof reader->path.text, format, arguments);
    va_end(arguments);
    reader->path.used = (uint32_t)strlen(reader->path.text);
}

/* ---- load ---- */

static const char *model_name(uint32_t kind)
{
    return kind == HS_PLAN_LOAD_OPEN ? "open" : "closed";
}

static void require(struct hs_plan_reader *reader, const json_t *json, const char *key,
                    uint32_t kind)
{
    if (json_object_get(json, key)) return;
    hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL,
                     "\"%s\" is missing in a load of the %s model", key, model_name(kind));
}

static void check_bounds(struct hs_plan_reader *reader, const json_t *json)
{
    static const char *const bounds[] = {"for", "iterations", "iterations_per_vu"};
    const char              *found = NULL;

    for (size_t i = 0; i < HS_ARRAY_LEN(bounds); i++) {
        if (!json_object_get(json, bounds[i])) continue;
        if (found)
            hs_plan_complain(reader, "E-EXCL", HS_JSON_VALUE, NULL,
                             "\"%s\" and \"%s\" exclude each other", found, bounds[i]);
        found = bounds[i];
    }
    if (!found)
        hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL,
                         "one of for, iterations, iterations_per_vu is missing");
}

void hs_plan_check_load(struct hs_plan_reader *reader, const void *json, const void *load)
{
    uint32_t                     kind = ((const struct hs_plan_load *)load)->kind;
    const struct hs_plan_key    *workflow_load;
    const struct hs_plan_object *object;
    bool                         has_later = false;

    if (kind == HS_PLAN_LOAD_ONCE) return; /* the model was the problem */
    workflow_load = hs_plan_key_find(hs_plan_key_find(&hs_plan_keys, "workflows")->object, "load");
    HS_ASSERT(workflow_load != NULL);
    object = workflow_load->object;
    for (size_t i = 0; i < object->key_count; i++) {
        const struct hs_plan_key *key = &object->keys[i];
        uint32_t                  mark;

        if (!key->models || key->models & 1u << kind || !json_object_get(json, key->name)) continue;
        mark = hs_json_path_push(&reader->path, key->name);
        hs_plan_complain(reader, "E-EXCL", HS_JSON_KEY, NULL,
                         "\"%s\" does not go with \"model\": \"%s\"", key->name, model_name(kind));
        hs_json_path_pop(&reader->path, mark);
    }
    for (size_t i = 0; object->later[i]; i++)
        has_later |= json_object_get(json, object->later[i]) != NULL;
    if (has_later) return; /* said already; what else is missing may be because of it */
    require(reader, json, kind == HS_PLAN_LOAD_OPEN ? "rate" : "vus", kind);
    if (kind == HS_PLAN_LOAD_OPEN)
        require(reader, json, "for", kind);
    else
        check_bounds(reader, json);
}

/* ---- names and dependencies ---- */

static void check_workflow_names(struct hs_plan_reader *reader, const struct hs_plan *plan)
{
    for (uint32_t i = 1; i < plan->workflows.count; i++)
        for (uint32_t j = 0; j < i; j++) {
            const char             *name = plan->workflows.at[i].name;
            struct hs_problem_place first;

            if (!name || !plan->workflows.at[j].name ||
                strcmp(name, plan->workflows.at[j].name) != 0)
                continue;
            stand_at(reader, "/workflows/%u/name", j);
            first = hs_plan_place(reader);
            stand_at(reader, "/workflows/%u/name", i);
            hs_plan_complain(reader, "E-DUPNAME", HS_JSON_VALUE, NULL,
                             "workflow \"%s\" exists already, at %u:%u", name, first.line,
                             first.column);
            break;
        }
}

static void check_reference(struct hs_plan_reader *reader, const struct hs_plan *plan, uint32_t idx,
                            uint32_t edge)
{
    const struct hs_plan_workflow *workflow = &plan->workflows.at[idx];
    const char                    *name = workflow->depends_on.at[edge];
    int                            found = hs_plan_find_workflow(plan, name);
    const char                    *names[HS_WORKFLOWS_MAX];
    size_t                         count = 0;

    stand_at(reader, "/workflows/%u/depends_on/%u", idx, edge);
    workflow->depends_on_idx[edge] = (uint16_t)(found < 0 ? idx : (uint32_t)found);
    for (uint32_t i = 0; i < edge; i++)
        if (strcmp(workflow->depends_on.at[i], name) == 0)
            hs_plan_complain(reader, "E-DUPNAME", HS_JSON_VALUE, NULL, "\"%.64s\" is listed twice",
                             name);
    if (found >= 0) return;
    for (uint32_t i = 0; i < plan->workflows.count; i++)
        if (plan->workflows.at[i].name && i != idx) names[count++] = plan->workflows.at[i].name;
    hs_plan_complain(reader, "E-REF", HS_JSON_VALUE, hs_plan_nearest(reader, name, names, count),
                     "there is no workflow \"%.64s\"", name);
}

/* True if all references lead somewhere, so that cycles can be looked for. */
static bool check_references(struct hs_plan_reader *reader, struct hs_plan *plan)
{
    uint32_t before = reader->problems->errors;

    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        struct hs_plan_workflow *workflow = &plan->workflows.at[i];

        workflow->depends_on_idx =
            hs_plan_take(reader, workflow->depends_on.count, sizeof *workflow->depends_on_idx);
        if (!workflow->depends_on_idx) return false;
        for (uint32_t edge = 0; edge < workflow->depends_on.count; edge++)
            check_reference(reader, plan, i, edge);
    }
    return reader->problems->errors == before;
}

/* A walk along dependencies: the workflows from the start to here, and which edge of each is
 * taken. */
struct trail {
    uint32_t length;
    uint16_t idx[HS_WORKFLOWS_MAX];
    uint16_t edge[HS_WORKFLOWS_MAX];
};

/* "A -> B -> A", and where each edge is written. */
static void complain_cycle(struct hs_plan_reader *reader, const struct hs_plan *plan,
                           const struct trail *trail, uint32_t from)
{
    char   names[CYCLE_TEXT_BYTES] = "";
    char   places[HS_UNITS_TEXT_BYTES * 2] = "";
    size_t used = 0;
    size_t places_used = 0;

    for (uint32_t i = from; i < trail->length; i++) {
        struct hs_problem_place place;

        stand_at(reader, "/workflows/%u/depends_on/%u", trail->idx[i], trail->edge[i]);
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s -> ",
                                     plan->workflows.at[trail->idx[i]].name);
        if (i - from >= CYCLE_EDGES_SHOWN || places_used >= sizeof places) continue;
        place = hs_plan_place(reader);
        places_used +=
            (size_t)snprintf(places + places_used, sizeof places - places_used, "%s%u:%u",
                             places_used ? ", " : "", place.line, place.column);
    }
    stand_at(reader, "/workflows/%u/depends_on/%u", trail->idx[from], trail->edge[from]);
    hs_plan_complain(reader, "E-CYCLE", HS_JSON_VALUE, NULL, "dependency cycle %s%s (%s)", names,
                     plan->workflows.at[trail->idx[from]].name, places);
}

enum color { UNSEEN, ON_TRAIL, DONE };

/* One step of the walk: along the next edge, or back. */
static void advance(struct hs_plan_reader *reader, const struct hs_plan *plan, struct trail *trail,
                    uint8_t *colors)
{
    uint32_t                       here = trail->length - 1;
    const struct hs_plan_workflow *workflow = &plan->workflows.at[trail->idx[here]];
    uint16_t                       next;

    if (trail->edge[here] == workflow->depends_on.count) {
        colors[trail->idx[here]] = DONE;
        trail->length--;
        if (trail->length) trail->edge[trail->length - 1]++;
        return;
    }
    next = workflow->depends_on_idx[trail->edge[here]];
    if (colors[next] == UNSEEN) {
        colors[next] = ON_TRAIL;
        trail->idx[trail->length] = next;
        trail->edge[trail->length++] = 0;
        return;
    }
    if (colors[next] == ON_TRAIL)
        for (uint32_t i = 0; i < trail->length; i++)
            if (trail->idx[i] == next) complain_cycle(reader, plan, trail, i);
    trail->edge[here]++;
}

static void check_cycles(struct hs_plan_reader *reader, const struct hs_plan *plan)
{
    uint8_t      colors[HS_WORKFLOWS_MAX] = {UNSEEN};
    struct trail trail;

    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        if (colors[i] != UNSEEN) continue;
        colors[i] = ON_TRAIL;
        trail.length = 1;
        trail.idx[0] = (uint16_t)i;
        trail.edge[0] = 0;
        while (trail.length) advance(reader, plan, &trail, colors);
    }
}

/* ---- limits ---- */

static void check_open(struct hs_plan_reader *reader, const struct hs_plan *plan, uint32_t idx,
                       const struct hs_plan_load *load)
{
    const struct hs_plan_limits *limits = &plan->limits;
    char                         most[HS_UNITS_TEXT_BYTES];

    if (limits->max_rate.count && load->rate.count &&
        hs_rate_compare(load->rate, limits->max_rate) > 0) {
        stand_at(reader, "/workflows/%u/load/rate", idx);
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "is above limits.max_rate, %s",
                         hs_units_format_rate_exact(most, limits->max_rate));
    }
    if (!limits->max_in_flight || load->max_in_flight <= limits->max_in_flight) return;
    stand_at(reader, "/workflows/%u/load/max_in_flight", idx);
    hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL,
                     "is above limits.max_in_flight, %" PRIu64, limits->max_in_flight);
}

static void check_limits(struct hs_plan_reader *reader, const struct hs_plan *plan)
{
    uint64_t steps = 0;

    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        const struct hs_plan_load *load = &plan->workflows.at[i].load;

        steps += plan->workflows.at[i].steps.count;
        if (load->kind == HS_PLAN_LOAD_OPEN) check_open(reader, plan, i, load);
        if (!plan->limits.max_in_flight || load->vus <= plan->limits.max_in_flight) continue;
        stand_at(reader, "/workflows/%u/load/vus", i);
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL,
                         "is above limits.max_in_flight, %" PRIu64, plan->limits.max_in_flight);
    }
    if (steps <= HS_STEPS_MAX) return;
    stand_at(reader, "/workflows");
    hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "%" PRIu64 " steps in all, at most %d",
                     steps, HS_STEPS_MAX);
}

static void check_capacity(struct hs_plan_reader *reader, const struct hs_plan *plan)
{
    const struct hs_plan_environment *environment = reader->vars.environment;
    uint64_t                          available = environment ? environment->descriptors : 0;

    for (uint32_t i = 0; available && i < plan->workflows.count; i++) {
        const struct hs_plan_load *load = &plan->workflows.at[i].load;
        bool                       is_open = load->kind == HS_PLAN_LOAD_OPEN;
        uint64_t                   needed = is_open ? load->max_in_flight : load->vus;

        if (needed <= available) continue;
        stand_at(reader, "/workflows/%u/load/%s", i, is_open ? "max_in_flight" : "vus");
        hs_plan_complain(reader, "W-CAP", HS_JSON_VALUE, NULL,
                         "up to %" PRIu64 " connections are needed, %" PRIu64
                         " file descriptors are available (ulimit -n)",
                         needed, available);
    }
}

void hs_plan_check(struct hs_plan_reader *reader, struct hs_plan *plan)
{
    check_workflow_names(reader, plan);
    if (check_references(reader, plan)) check_cycles(reader, plan);
    check_limits(reader, plan);
    check_capacity(reader, plan);
    hs_plan_check_steps(reader, plan);
}
