// SPDX-License-Identifier: Apache-2.0
/* quick.c - one-liners as plans, and flags over plans. What is built is written out and read again,
 * so that it went through the same checks as a plan in a file. */
#include "roles/plan/quick.h"

#include "roles/plan/reader.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CONNECTIONS = 50, TEXT_EXTRA_BYTES = 64 << 10 };

#define DURATION_NS     (10 * HS_NS_PER_S)
#define REQUESTS_MAX    (UINT64_C(1) << 50)
#define DURATION_MAX_NS (UINT64_C(30) * 24 * 3600 * HS_NS_PER_S)

static int count_of(const char *flag, const char *text, uint64_t max, uint64_t *count,
                    struct hs_err *err)
{
    if (hs_units_parse_count(hs_view_text(text), count) != 0 || *count == 0 || *count > max)
        return hs_err_refuse(err, "%s takes a whole number from 1 to %" PRIu64 ", not \"%s\"", flag,
                             max, text);
    return 0;
}

static int duration_of(const char *flag, const char *text, uint64_t *ns, struct hs_err *err)
{
    if (hs_units_parse_duration(hs_view_text(text), ns) != 0 || *ns > DURATION_MAX_NS)
        return hs_err_refuse(err, "%s takes " HS_UNITS_DURATION_HELP ", not \"%s\"", flag, text);
    return 0;
}

static int positive_of(const char *flag, const char *text, uint64_t *ns, struct hs_err *err)
{
    int rc = duration_of(flag, text, ns, err);

    return rc || *ns > 0 ? rc : hs_err_refuse(err, "%s must be longer than zero", flag);
}

/* A bare number is per second: that is what it means in every tool that has -R. */
static int rate_of(const char *text, struct hs_rate *rate, struct hs_err *err)
{
    char with_unit[HS_UNITS_TEXT_BYTES];

    (void)snprintf(with_unit, sizeof with_unit, "%.40s/s", text);
    if (strlen(text) > 40 || (hs_units_parse_rate(hs_view_text(text), rate) != 0 &&
                              hs_units_parse_rate(hs_view_text(with_unit), rate) != 0))
        return hs_err_refuse(err, "-R takes " HS_UNITS_RATE_HELP ", not \"%.60s\"", text);
    return rate->count ? 0 : hs_err_refuse(err, "-R must be more than zero");
}

/* ---- load ---- */

static int apply_open(struct hs_plan_load *load, const struct hs_quick_flags *flags,
                      struct hs_err *err)
{
    const char *cap = flags->max_in_flight ? flags->max_in_flight : flags->connections;
    int         rc = 0;

    if (flags->requests)
        return hs_err_refuse(err, "-n does not go with a rate; the duration bounds the run");
    if (flags->rate) rc = rate_of(flags->rate, &load->rate, err);
    if (!rc && flags->duration) rc = positive_of("-d", flags->duration, &load->for_ns, err);
    if (!rc && cap)
        rc = count_of(flags->max_in_flight ? "--max-in-flight" : "-c", cap, HS_VUS_MAX,
                      &load->max_in_flight, err);
    return rc;
}

static int apply_closed(struct hs_plan_load *load, const struct hs_quick_flags *flags,
                        struct hs_err *err)
{
    int rc = 0;

    if (flags->rate) return hs_err_refuse(err, "-R does not go with the closed model of the plan");
    if (flags->max_in_flight) return hs_err_refuse(err, "--max-in-flight goes with a rate (-R)");
    if (flags->requests && flags->duration)
        return hs_err_refuse(err, "-n and -d exclude each other");
    if (flags->connections) rc = count_of("-c", flags->connections, HS_VUS_MAX, &load->vus, err);
    if (!rc && flags->duration) {
        load->iterations = load->iterations_per_vu = 0;
        rc = positive_of("-d", flags->duration, &load->for_ns, err);
    }
    if (!rc && flags->requests) {
        load->iterations_per_vu = load->for_ns = 0;
        rc = count_of("-n", flags->requests, REQUESTS_MAX, &load->iterations, err);
        load->vus =
            hs_min_u64(load->vus, load->iterations); /* the others would have nothing to do */
    }
    return rc;
}

static int apply_load(struct hs_plan_workflow *workflow, const struct hs_quick_flags *flags,
                      struct hs_err *err)
{
    int rc = workflow->load.kind == HS_PLAN_LOAD_OPEN ? apply_open(&workflow->load, flags, err)
                                                      : apply_closed(&workflow->load, flags, err);

    if (!rc && flags->warmup)
        rc = duration_of("--warmup", flags->warmup, &workflow->warmup_ns, err);
    if (!rc && flags->drain) rc = duration_of("--drain", flags->drain, &workflow->drain_ns, err);
    return rc;
}

static int apply_common(struct hs_plan *plan, const struct hs_quick_flags *flags,
                        struct hs_err *err)
{
    uint64_t seed = 0;
    int      rc = 0;

    if (flags->timeout) {
        rc = positive_of("--timeout", flags->timeout, &plan->defaults.timeout_ns, err);
        for (uint32_t i = 0; i < plan->workflows.count; i++)
            for (uint32_t j = 0; j < plan->workflows.at[i].steps.count; j++)
                plan->workflows.at[i].steps.at[j].timeout_ns = HS_PLAN_UNSET;
    }
    if (!rc && flags->connect_timeout)
        rc = positive_of("--connect-timeout", flags->connect_timeout,
                         &plan->defaults.connect_timeout_ns, err);
    if (rc || !flags->seed) return rc;
    if (hs_units_parse_count(hs_view_text(flags->seed), &seed) != 0 || seed > INT64_MAX)
        return hs_err_refuse(err, "--seed takes a whole number, not \"%s\"", flags->seed);
    plan->seed = seed;
    return 0;
}

int hs_quick_apply(struct hs_plan *plan, const struct hs_quick_flags *flags, struct hs_err *err)
{
    const char *load_flag = flags->connections     ? "-c"
                            : flags->duration      ? "-d"
                            : flags->requests      ? "-n"
                            : flags->rate          ? "-R"
                            : flags->max_in_flight ? "--max-in-flight"
                            : flags->warmup        ? "--warmup"
                            : flags->drain         ? "--drain"
                                                   : NULL;

    if (flags->method || flags->body || flags->header_count)
        return hs_err_refuse(err, "%s goes with a URL; in a plan every step has its own",
                             flags->method ? "-m"
                             : flags->body ? "-b"
                                           : "-H");
    if (load_flag && plan->workflows.count != 1)
        return hs_err_refuse(err, "%s is for one workflow, the plan has %u: change it in the plan",
                             load_flag, plan->workflows.count);
    if (load_flag && plan->workflows.at[0].load.kind == HS_PLAN_LOAD_ONCE)
        return hs_err_refuse(
            err, "%s changes a load, and the plan's workflow has none: it runs once", load_flag);
    if (load_flag) {
        int rc = apply_load(&plan->workflows.at[0], flags, err);

        if (rc) return rc;
    }
    return apply_common(plan, flags, err);
}

/* ---- one-liners ---- */

static const char *copy(struct hs_arena *arena, const char *text, size_t bytes)
{
    char *memory = hs_arena_take(arena, 1, bytes + 1);

    if (memory) memcpy(memory, text, bytes);
    return memory;
}

/* "name: value". */
static int read_header(const char *text, struct hs_arena *arena, struct hs_plan_pair *pair,
                       struct hs_err *err)
{
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return hs_err_refuse(err, "-H takes \"name: value\", not \"%.60s\"", text);
    pair->name = copy(arena, text, (size_t)(colon - text));
    pair->value = copy(arena, colon + 1 + strspn(colon + 1, " \t"),
                       strlen(colon + 1 + strspn(colon + 1, " \t")));
    return pair->name && pair->value ? 0 : hs_err_set(err, -ENOBUFS, "the plan");
}

static int fill_step(struct hs_plan_step *step, const char *url, const struct hs_quick_flags *flags,
                     struct hs_arena *arena, struct hs_err *err)
{
    bool  has_scheme = strstr(url, "://") != NULL;
    char *full = hs_arena_take(arena, 1, strlen(url) + sizeof "http://");
    int   rc = 0;

    step->headers.at = hs_arena_take(arena, flags->header_count, sizeof *step->headers.at);
    if (!full || !step->headers.at) return hs_err_set(err, -ENOBUFS, "the plan");
    (void)snprintf(full, strlen(url) + sizeof "http://", "%s%s", has_scheme ? "" : "http://", url);
    step->name = "request";
    step->url = full;
    step->method = flags->method ? flags->method : flags->body ? "POST" : "GET";
    step->timeout_ns = step->think_ns = HS_PLAN_UNSET;
    if (flags->body)
        step->body = (struct hs_plan_body){.kind = HS_PLAN_BODY_TEXT, .text = flags->body};
    for (uint32_t i = 0; i < flags->header_count && !rc; i++)
        rc = read_header(flags->headers[i], arena, &step->headers.at[step->headers.count++], err);
    return rc;
}

static void fill_load(struct hs_plan_workflow *workflow, const struct hs_quick_flags *flags)
{
    struct hs_plan_load *load = &workflow->load;

    load->kind = flags->rate ? HS_PLAN_LOAD_OPEN : HS_PLAN_LOAD_CLOSED;
    load->for_ns = DURATION_NS;
    if (!flags->rate) load->vus = CONNECTIONS;
}

/* Where a flag ends up in the plan, to name it when the plan's check finds fault with it. */
static const char *flag_of(const char *path)
{
    static const char *const flags[][2] = {
        {"/url", "URL"}, {"/method", "-m"},       {"/headers", "-H"},   {"/body", "-b"},
        {"/load", "-c"}, {"/warmup", "--warmup"}, {"/drain", "--drain"}};

    for (size_t i = 0; i < HS_ARRAY_LEN(flags); i++)
        if (strstr(path, flags[i][0])) return flags[i][1];
    return "the plan";
}

static struct hs_plan *read_back(const struct hs_plan *plan, size_t text_bytes,
                                 struct hs_arena *arena, struct hs_err *err)
{
    struct hs_problems problems;
    struct hs_writer   out;
    struct hs_plan    *again;
    void              *text = hs_arena_take(arena, 1, text_bytes);

    if (!text) {
        (void)hs_err_set(err, -ENOBUFS, "the plan");
        return NULL;
    }
    hs_writer_init(&out, text, text_bytes);
    if (hs_plan_write(plan, &out) != 0) {
        (void)hs_err_refuse(err, "the URL, headers and body are too long for a plan");
        return NULL;
    }
    hs_problems_init(&problems);
    again = hs_plan_read(hs_view_of(text, out.used_bytes), NULL, arena, &problems);
    if (!again)
        (void)hs_err_refuse(err, "%s: %s%s%s%s", flag_of(problems.at[0].path),
                            problems.at[0].message,
                            problems.at[0].hint[0] ? " (did you mean \"" : "", problems.at[0].hint,
                            problems.at[0].hint[0] ? "\"?)" : "");
    return again;
}

struct hs_plan *hs_quick_plan(const char *url, const struct hs_quick_flags *flags,
                              struct hs_arena *arena, struct hs_err *err)
{
    struct hs_plan          *plan = hs_arena_take(arena, 1, sizeof *plan);
    struct hs_plan_workflow *workflow = hs_arena_take(arena, 1, sizeof *workflow);
    struct hs_plan_step     *step = hs_arena_take(arena, 1, sizeof *step);
    struct hs_quick_flags    rest = *flags;
    size_t                   text_bytes = TEXT_EXTRA_BYTES + 6 * strlen(url);

    if (!plan || !workflow || !step) {
        (void)hs_err_set(err, -ENOBUFS, "the plan");
        return NULL;
    }
    hs_plan_put_defaults(&hs_plan_keys, plan);
    hs_plan_put_defaults(hs_plan_key_find(&hs_plan_keys, "workflows")->object, workflow);
    plan->version = 1;
    plan->workflows = (struct hs_plan_workflows){.count = 1, .at = workflow};
    workflow->name = "run";
    workflow->steps = (struct hs_plan_steps){.count = 1, .at = step};
    if (fill_step(step, url, flags, arena, err) != 0) return NULL;
    fill_load(workflow, flags);
    rest.method = rest.body = NULL; /* in the step already */
    rest.header_count = 0;
    if (hs_quick_apply(plan, &rest, err) != 0) return NULL;
    for (uint32_t i = 0; i < flags->header_count; i++)
        text_bytes += 6 * strlen(flags->headers[i]) + 64;
    if (flags->body) text_bytes += 6 * strlen(flags->body);
    return read_back(plan, text_bytes, arena, err);
}
