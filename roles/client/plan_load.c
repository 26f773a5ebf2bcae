// SPDX-License-Identifier: Apache-2.0
/* plan_load.c - what flags and operand mean for the plan. */
#include "roles/client/plan_load.h"

#include "roles/plan/schedule.h"
#include "roles/printable.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t text_bytes = strlen(text);
    size_t end_bytes = strlen(end);

    return text_bytes >= end_bytes && strcmp(text + text_bytes - end_bytes, end) == 0;
}

/* "localhost:8080/x" is one, "plan.json" and "./plan" are not. */
bool hs_operand_is_url(const char *operand, bool is_file)
{
    if (strstr(operand, "://")) return true;
    if (is_file || operand[0] == '/' || operand[0] == '.') return false;
    return !ends_with(operand, ".json");
}

void hs_quick_flags_of(const struct hs_options *options, const char *body,
                       struct hs_quick_flags *flags)
{
    const char *const *value = options->value;

    *flags = (struct hs_quick_flags){.connections = value[HS_OPTION_connections],
                                     .duration = value[HS_OPTION_duration],
                                     .requests = value[HS_OPTION_requests],
                                     .rate = value[HS_OPTION_rate],
                                     .max_in_flight = value[HS_OPTION_max_in_flight],
                                     .method = value[HS_OPTION_method],
                                     .body = body,
                                     .timeout = value[HS_OPTION_timeout],
                                     .connect_timeout = value[HS_OPTION_connect_timeout],
                                     .warmup = value[HS_OPTION_warmup],
                                     .drain = value[HS_OPTION_drain],
                                     .seed = value[HS_OPTION_seed],
                                     .headers = options->headers.at,
                                     .header_count = options->headers.count};
}

static int refuse(struct hs_err *err, const char *before, const char *text)
{
    (void)hs_err_set(err, 0, "%s\"%.100s\"", before, text);
    err->code = -EINVAL;
    return -EINVAL;
}

int hs_plan_sets_of(const struct hs_options *options, struct hs_arena *arena,
                    struct hs_plan_pairs *sets, struct hs_err *err)
{
    sets->count = 0;
    sets->at = hs_arena_take(arena, options->sets.count, sizeof *sets->at);
    if (!sets->at) return hs_err_set(err, -ENOBUFS, "--set");
    for (uint32_t i = 0; i < options->sets.count; i++) {
        const char *text = options->sets.at[i];
        const char *equals = strchr(text, '=');
        char       *name;

        if (!equals || equals == text) return refuse(err, "--set takes NAME=VALUE, not ", text);
        name = hs_arena_take(arena, 1, (size_t)(equals - text) + 1);
        if (!name) return hs_err_set(err, -ENOBUFS, "--set");
        memcpy(name, text, (size_t)(equals - text));
        sets->at[sets->count++] = (struct hs_plan_pair){.name = name, .value = equals + 1};
    }
    return 0;
}

static void say(struct hs_writer *out, const char *format, ...) HS_PRINTF(2, 3);

static void say(struct hs_writer *out, const char *format, ...)
{
    char    line[HS_ERR_TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    hs_make_printable(line, strlen(line));
    hs_put_bytes(out, line, strlen(line));
}

static const char *duration(char *text, uint64_t ns)
{
    return ns == HS_NEVER_NS ? "until all is sent" : hs_units_format_duration(text, ns);
}

static void say_open(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                     struct hs_writer *out)
{
    const struct hs_plan_load *load = &workflow->load;
    char                       rate[HS_UNITS_TEXT_BYTES];
    char                       time[HS_UNITS_TEXT_BYTES];
    char                       count[HS_UNITS_TEXT_BYTES];
    char                       cap[HS_UNITS_TEXT_BYTES];
    struct hs_schedule         schedule;
    uint64_t                   arrivals = 0;

    if (hs_schedule_init(&schedule, load->rate, load->for_ns, 0, 1) == 0)
        arrivals = hs_schedule_total(&schedule);
    say(out, "  open: %s for %s, %s arrivals, at most %s in flight\n",
        hs_units_format_rate_exact(rate, load->rate), duration(time, load->for_ns),
        hs_units_format_count(count, arrivals),
        hs_units_format_count(cap, hs_plan_max_in_flight(plan, workflow)));
}

static void say_closed(const struct hs_plan_load *load, struct hs_writer *out)
{
    char vus[HS_UNITS_TEXT_BYTES];
    char text[HS_UNITS_TEXT_BYTES];

    say(out, "  closed: %s virtual users, a connection each",
        hs_units_format_count(vus, load->vus));
    if (load->iterations)
        say(out, ", %s iterations in all\n", hs_units_format_count(text, load->iterations));
    else if (load->iterations_per_vu)
        say(out, ", %s iterations each\n", hs_units_format_count(text, load->iterations_per_vu));
    else
        say(out, ", for %s\n", duration(text, load->for_ns));
}

static void say_workflow(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                         struct hs_writer *out)
{
    char text[HS_UNITS_TEXT_BYTES];

    say(out, "%s", workflow->name);
    for (uint32_t i = 0; i < workflow->depends_on.count; i++)
        say(out, "%s %s", i ? "," : " after", workflow->depends_on.at[i]);
    say(out, "\n");
    switch ((enum hs_plan_load_kind)workflow->load.kind) {
    case HS_PLAN_LOAD_OPEN: say_open(plan, workflow, out); break;
    case HS_PLAN_LOAD_CLOSED: say_closed(&workflow->load, out); break;
    case HS_PLAN_LOAD_ONCE: say(out, "  once\n"); break;
    }
    say(out, "  warm-up %s", hs_units_format_duration(text, workflow->warmup_ns));
    say(out, ", drain at most %s\n",
        hs_units_format_duration(text, hs_plan_drain_ns(plan, workflow)));
    for (uint32_t i = 0; i < workflow->steps.count; i++) {
        const struct hs_plan_step *step = &workflow->steps.at[i];

        say(out, "  step %s: %s %.150s\n", hs_plan_step_label(step), step->method, step->url);
    }
}

void hs_plan_schedule_text(const struct hs_plan *plan, struct hs_writer *out)
{
    char text[HS_UNITS_TEXT_BYTES];

    say(out, "%s   seed %llu   ends after at most %s\n", plan->name, (unsigned long long)plan->seed,
        duration(text, hs_plan_timeout_ns(plan)));
    for (uint32_t i = 0; i < plan->workflows.count; i++)
        say_workflow(plan, &plan->workflows.at[i], out);
}
