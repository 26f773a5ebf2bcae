// SPDX-License-Identifier: Apache-2.0
/* check_steps.c - whether each request of a plan can be sent: method, URL, headers, hosts. */
#include "roles/plan/check.h"
#include "roles/plan/reader.h"
#include "roles/plan/request.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_BYTES_MAX = 256 }; /* of a header: each is compared with all others, for each step */

#define PLAN_REQUEST_BYTES_MAX (UINT64_C(256) << 20) /* they are written to measure them */

static void enter_workflow(struct hs_plan_reader *reader, uint32_t workflow)
{
    hs_json_path_init(&reader->path);
    (void)hs_json_path_push(&reader->path, "workflows");
    (void)hs_json_path_push_index(&reader->path, workflow);
}

static void enter_step(struct hs_plan_reader *reader, uint32_t workflow, uint32_t step)
{
    enter_workflow(reader, workflow);
    (void)hs_json_path_push(&reader->path, "steps");
    (void)hs_json_path_push_index(&reader->path, step);
}

static void complain_at(struct hs_plan_reader *reader, const char *key, const char *code,
                        const char *hint, const char *message)
{
    uint32_t mark = hs_json_path_push(&reader->path, key);

    hs_plan_complain(reader, code, HS_JSON_VALUE, hint, "%s", message);
    hs_json_path_pop(&reader->path, mark);
}

static void check_method(struct hs_plan_reader *reader, const char *method)
{
    static const char *const methods[] = {"GET",    "HEAD",     "POST",      "PUT",   "PATCH",
                                          "DELETE", "OPTIONS",  "TRACE",     "QUERY", "PURGE",
                                          "COPY",   "LOCK",     "MKCOL",     "MOVE",  "UNLOCK",
                                          "REPORT", "PROPFIND", "PROPPATCH", "SEARCH"};
    char                     message[HS_PROBLEM_TEXT_BYTES];

    for (size_t i = 0; i < HS_ARRAY_LEN(methods); i++)
        if (strcmp(method, methods[i]) == 0) return;
    (void)snprintf(message, sizeof message, "unknown method \"%.32s\"", method);
    complain_at(reader, "method", "E-ENUM",
                hs_plan_nearest(reader, method, methods, HS_ARRAY_LEN(methods)), message);
}

/* RFC 9110 5.6.2. */
static bool is_token(const char *text)
{
    static const char alphabet[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    return text[0] && strspn(text, alphabet) == strlen(text);
}

static bool is_field_value(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < ' ' && *text != '\t') || *text == 127) return false;
    return true;
}

static const char *fault_of_header(const struct hs_plan_pair *header)
{
    if (!is_token(header->name)) return "the name has a character that no header has";
    if (strlen(header->name) > NAME_BYTES_MAX) return "the name is longer than 256 bytes";
    if (!is_field_value(header->value))
        return "the value has a line break or another control character";
    if (strcasecmp(header->name, "content-length") == 0 ||
        strcasecmp(header->name, "transfer-encoding") == 0)
        return "comes from the body and cannot be set";
    return NULL;
}

/* The path stands at the object that has the headers. */
static void check_headers(struct hs_plan_reader *reader, const struct hs_plan_pairs *headers)
{
    uint32_t outer = hs_json_path_push(&reader->path, "headers");

    for (uint32_t i = 0; i < headers->count; i++) {
        const char *fault = fault_of_header(&headers->at[i]);

        if (fault) complain_at(reader, headers->at[i].name, "E-HDR", NULL, fault);
        for (uint32_t j = 0; j < i; j++) {
            if (strcasecmp(headers->at[i].name, headers->at[j].name) != 0) continue;
            complain_at(reader, headers->at[i].name, "E-HDR", NULL,
                        "is there twice, in another spelling of its case");
            break;
        }
    }
    hs_json_path_pop(&reader->path, outer);
}

static bool is_allowed(const struct hs_plan_limits *limits, const char *host)
{
    for (uint32_t i = 0; i < limits->allow_hosts.count; i++)
        if (hs_url_host_matches(host, limits->allow_hosts.at[i])) return true;
    return limits->allow_hosts.count == 0;
}

static void check_url(struct hs_plan_reader *reader, const struct hs_plan *plan,
                      const struct hs_plan_step *step)
{
    struct hs_plan_where where;
    const char          *why = "";
    bool                 is_base = false;
    char                 message[HS_PROBLEM_TEXT_BYTES];

    if (hs_plan_step_where(plan, step, &where, &is_base, &why) != 0) {
        if (is_base && reader->is_base_bad) return; /* the same for every step */
        if (is_base) {
            reader->is_base_bad = true;
            hs_json_path_init(&reader->path);
            (void)hs_json_path_push(&reader->path, "defaults");
        }
        complain_at(reader, is_base ? "base_url" : "url", "E-URL", NULL, why);
    } else if (!is_allowed(&plan->limits, where.url.host)) {
        (void)snprintf(message, sizeof message, "the host %s is not in limits.allow_hosts",
                       where.url.host);
        complain_at(reader, "url", "E-LIMIT", NULL, message);
    }
}

static void check_step_names(struct hs_plan_reader *reader, const struct hs_plan_steps *steps,
                             uint32_t workflow, uint32_t idx)
{
    char message[HS_PROBLEM_TEXT_BYTES];

    for (uint32_t i = 0; i < idx && steps->at[idx].name; i++) {
        struct hs_problem_place first;

        if (!steps->at[i].name || strcmp(steps->at[i].name, steps->at[idx].name) != 0) continue;
        enter_step(reader, workflow, i);
        (void)hs_json_path_push(&reader->path, "name");
        first = hs_plan_place(reader);
        enter_step(reader, workflow, idx);
        (void)snprintf(message, sizeof message, "step \"%s\" exists already, at %u:%u",
                       steps->at[idx].name, first.line, first.column);
        complain_at(reader, "name", "E-DUPNAME", NULL, message);
        return;
    }
}

static void check_step(struct hs_plan_reader *reader, const struct hs_plan *plan, uint32_t workflow,
                       uint32_t idx)
{
    const struct hs_plan_steps *steps = &plan->workflows.at[workflow].steps;
    const struct hs_plan_step  *step = &steps->at[idx];

    enter_step(reader, workflow, idx);
    check_step_names(reader, steps, workflow, idx);
    if (step->method) check_method(reader, step->method);
    check_headers(reader, &step->headers);
    for (uint32_t i = 0; i < step->checks.count; i++)
        if (step->checks.at[i].name && step->checks.at[i].name[0] &&
            !is_token(step->checks.at[i].name))
            complain_at(reader, "checks", "E-HDR", NULL,
                        "the name has a character that no header has");
    if (step->url) check_url(reader, plan, step);
}

/* What a worker would find out when it compiles the requests, said here: the same walk, without
 * memory. */
static void measure_steps(struct hs_plan_reader *reader, const struct hs_plan *plan, uint32_t idx)
{
    const struct hs_plan_workflow *workflow = &plan->workflows.at[idx];
    struct hs_request_builder      builder = {.scratch = reader->arena, .is_fixed = true};
    uint64_t                       bytes = 0;

    for (uint32_t i = 0; i < workflow->steps.count; i++) {
        struct hs_request_source source = {
            .plan = plan, .workflow = workflow, .step = &workflow->steps.at[i], .step_idx = i};

        hs_request_build(&builder, &source);
        if (!builder.fault && builder.max_bytes > HS_IMAGE_REQUEST_BYTES_MAX)
            builder.fault = "the request may become longer than 8 MiB";
        bytes = builder.used_bytes + builder.segment_count * sizeof(struct hs_image_segment);
        if (!builder.fault && bytes > HS_IMAGE_BYTES_MAX / 2)
            builder.fault = "the requests of this workflow take more than 32 MiB";
        if (!builder.fault && reader->request_bytes + bytes > PLAN_REQUEST_BYTES_MAX)
            builder.fault = "the requests of this plan take more than 256 MiB";
        if (!builder.fault) continue;
        enter_step(reader, idx, i);
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "%s", builder.fault);
        return;
    }
    reader->request_bytes += bytes;
}

/* Only once every URL is good. */
static void check_sizes(struct hs_plan_reader *reader, const struct hs_plan *plan, uint32_t idx)
{
    struct hs_plan_targets *targets;
    struct hs_err           err;

    if (reader->problems->errors) return;
    targets = hs_plan_take(reader, 1, sizeof *targets);
    if (!targets) return;
    if (hs_plan_targets(plan, &plan->workflows.at[idx], targets, &err) == 0) {
        measure_steps(reader, plan, idx);
        return;
    }
    enter_workflow(reader, idx);
    hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL,
                     "requests go to more than %d hosts and ports", HS_TARGETS_MAX);
}

void hs_plan_check_steps(struct hs_plan_reader *reader, const struct hs_plan *plan)
{
    hs_json_path_init(&reader->path);
    (void)hs_json_path_push(&reader->path, "defaults");
    check_headers(reader, &plan->defaults.headers);
    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        const struct hs_plan_workflow *workflow = &plan->workflows.at[i];

        enter_workflow(reader, i);
        check_headers(reader, &workflow->headers);
        for (uint32_t j = 0; j < workflow->steps.count; j++) check_step(reader, plan, i, j);
        check_sizes(reader, plan, i);
    }
}
