// SPDX-License-Identifier: Apache-2.0
/* compile.c - lays out the image of a workflow: header, tables, then all bytes. The same walk
 * measures and writes. */
#include "roles/plan/compile.h"

#include "roles/plan/request.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { ALIGN_BYTES = 8 };

struct compile {
    const struct hs_compile_input *input;
    const struct hs_plan_workflow *workflow;
    struct hs_plan_targets        *targets;
    struct hs_image_header        *header; /* NULL: measure only */
    struct hs_image_step          *steps;
    struct hs_image_target        *target_table;
    struct hs_image_check         *checks;
    uint32_t                       check_count;
    uint64_t                       request_max_bytes;
    struct hs_request_builder      builder;
};

static struct hs_image_span put_text(struct compile *compile, const char *text)
{
    return hs_request_put_text(&compile->builder, text, HS_FILTER_NONE);
}

/* ---- tables ---- */

static void put_target(struct compile *compile, uint32_t idx)
{
    const struct hs_plan_target    *target = &compile->targets->at[idx];
    const struct hs_plan_addresses *addresses = &compile->input->addresses[idx];
    char                            authority[HS_URL_HOST_BYTES + 16];
    struct hs_image_target          row = {.port = target->port, .address_count = addresses->count};

    row.authority = put_text(
        compile, hs_url_authority(target->host, target->port, authority, sizeof authority));
    row.host = put_text(compile, target->host);
    HS_ASSERT(addresses->count <= HS_ADDRESSES_MAX);
    memcpy(row.addresses, addresses->at, addresses->count * sizeof row.addresses[0]);
    if (!addresses->count) row.code = addresses->code ? addresses->code : -ENOENT;
    if (compile->header) compile->target_table[idx] = row;
}

static void allow(uint64_t *words, unsigned low, unsigned high)
{
    for (unsigned status = low; status <= high; status++) {
        unsigned bit = status - HS_IMAGE_STATUS_FIRST;

        words[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

/* Every status check has to pass; without one, all below 400 do. */
static void fill_statuses(const struct hs_plan_step *step, struct hs_image_step *row)
{
    bool has_check = false;

    memset(row->status_ok, 0xff, sizeof row->status_ok);
    for (uint32_t i = 0; i < step->checks.count; i++) {
        const struct hs_plan_check *check = &step->checks.at[i];
        uint64_t                    allowed[HS_IMAGE_STATUS_WORDS] = {0};

        if (check->kind != HS_PLAN_CHECK_STATUS) continue;
        has_check = true;
        for (uint32_t j = 0; j < check->status_count; j++)
            allow(allowed, check->status_low[j], check->status_high[j]);
        for (unsigned word = 0; word < HS_IMAGE_STATUS_WORDS; word++)
            row->status_ok[word] &= allowed[word];
    }
    if (has_check) {
        row->flags |= HS_STEP_HAS_STATUS_CHECK;
        return;
    }
    memset(row->status_ok, 0, sizeof row->status_ok);
    allow(row->status_ok, HS_IMAGE_STATUS_FIRST, 399);
}

static void put_checks(struct compile *compile, const struct hs_plan_step *step,
                       struct hs_image_step *row)
{
    row->check_first = compile->check_count;
    for (uint32_t i = 0; i < step->checks.count; i++) {
        const struct hs_plan_check *check = &step->checks.at[i];
        struct hs_image_check made = {.kind = check->kind, .low = check->low, .high = check->high};

        if (check->kind == HS_PLAN_CHECK_STATUS) continue;
        made.name =
            hs_request_put_text(&compile->builder, check->name ? check->name : "", HS_FILTER_LOWER);
        made.text = put_text(compile, check->text ? check->text : "");
        if (check->kind == HS_CHECK_BODY_CONTAINS || check->kind == HS_CHECK_BODY_EQUALS)
            row->flags |= HS_STEP_KEEPS_BODY;
        if (compile->header) compile->checks[compile->check_count] = made;
        compile->check_count++;
    }
    row->check_count = compile->check_count - row->check_first;
}

static uint32_t flags_of(const struct hs_request_source *source)
{
    static const char *const   idempotent[] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
    const struct hs_plan_pair *connection = hs_request_header(source, "connection");
    uint32_t                   flags = 0;

    if (strcmp(source->step->method, "HEAD") == 0) flags |= HS_STEP_IS_HEAD;
    for (size_t i = 0; i < HS_ARRAY_LEN(idempotent); i++)
        if (strcmp(source->step->method, idempotent[i]) == 0) flags |= HS_STEP_IS_IDEMPOTENT;
    if (connection && strcasecmp(connection->value, "close") == 0) flags |= HS_STEP_CLOSES;
    return flags;
}

/* A request without holes is one constant: it needs no segments. */
static void put_request(struct compile *compile, const struct hs_request_source *source,
                        struct hs_image_step *row)
{
    struct hs_request_builder *builder = &compile->builder;
    uint32_t                   first = builder->segment_count;

    row->segment_first = first;
    hs_request_build(builder, source);
    row->segment_count = builder->segment_count - first;
    row->request_max_bytes = builder->max_bytes;
    if (builder->max_bytes > compile->request_max_bytes)
        compile->request_max_bytes = builder->max_bytes;
    if (row->segment_count != 1) return;
    builder->segment_count = first;
    row->segment_count = 0;
    if (compile->header) row->frozen = builder->segments[first].constant;
}

static void put_step(struct compile *compile, uint32_t idx)
{
    const struct hs_plan          *plan = compile->input->plan;
    const struct hs_plan_step     *step = &compile->workflow->steps.at[idx];
    const struct hs_request_source source = {
        .plan = plan, .workflow = compile->workflow, .step = step, .step_idx = idx};
    struct hs_image_step row = {.flags = flags_of(&source)};
    struct hs_plan_where where;
    bool                 is_base;

    if (hs_plan_step_where(plan, step, &where, &is_base, &compile->builder.fault) != 0) return;
    row.target_idx =
        (uint32_t)hs_plan_target_find(compile->targets, where.url.host, where.url.port);
    HS_ASSERT(row.target_idx < compile->targets->count);
    row.name = put_text(compile, hs_plan_step_label(step));
    row.method = put_text(compile, step->method);
    row.timeout_ns = hs_plan_step_timeout_ns(plan, step);
    row.connect_timeout_ns = plan->defaults.connect_timeout_ns;
    row.think_ns = hs_plan_step_think_ns(plan, compile->workflow, step);
    fill_statuses(step, &row);
    put_checks(compile, step, &row);
    put_request(compile, &source, &row);
    if (compile->header) compile->steps[idx] = row;
}

/* ---- header ---- */

static void fill_load(struct hs_image_header *header, const struct hs_plan_load *load)
{
    header->model = load->kind == HS_PLAN_LOAD_OPEN ? HS_LOAD_OPEN : HS_LOAD_CLOSED;
    header->on_saturation = load->on_saturation;
    header->vus = load->vus;
    header->iterations = load->iterations;
    header->iterations_per_vu = load->iterations_per_vu;
    header->duration_ns = load->for_ns;
    header->rate_count = load->rate.count;
    header->rate_period_ns = load->rate.period_ns;
    if (load->kind != HS_PLAN_LOAD_ONCE) return;
    header->vus = 1;
    header->iterations = 1;
}

static bool is_any_reachable(const struct compile *compile)
{
    for (uint32_t i = 0; i < compile->targets->count; i++)
        if (compile->input->addresses[i].count) return true;
    return compile->targets->count == 0;
}

/* Addresses do not change while a load runs: where none is known, the first request tells as much
 * as all of them. */
static void cut_short(struct hs_image_header *header)
{
    header->warmup_ns = 0;
    if (header->model == HS_LOAD_OPEN)
        header->duration_ns = 1; /* the arrival at the start */
    else if (!header->iterations)
        header->iterations_per_vu = 1;
}

static void put_all(struct compile *compile)
{
    const struct hs_plan *plan = compile->input->plan;
    struct hs_image_span  name = put_text(compile, compile->workflow->name);

    for (uint32_t i = 0; i < compile->targets->count; i++) put_target(compile, i);
    for (uint32_t i = 0; i < compile->workflow->steps.count; i++) put_step(compile, i);
    if (!compile->header) return;
    fill_load(compile->header, &compile->workflow->load);
    compile->header->max_in_flight = hs_plan_max_in_flight(plan, compile->workflow);
    compile->header->workflow_name = name;
    compile->header->seed = plan->seed;
    compile->header->on_error = compile->workflow->on_error;
    compile->header->workflow_idx = compile->input->workflow_idx;
    compile->header->warmup_ns = compile->workflow->warmup_ns;
    compile->header->drain_ns = hs_plan_drain_ns(plan, compile->workflow);
    compile->header->request_max_bytes = compile->request_max_bytes;
    if (!is_any_reachable(compile)) cut_short(compile->header);
}

static uint64_t aligned(uint64_t bytes)
{
    return (bytes + ALIGN_BYTES - 1) & ~(uint64_t)(ALIGN_BYTES - 1);
}

/* Where everything goes, from what the first walk counted. One spare segment: a request that turns
 * out constant uses it and gives it back. */
static void lay_out(struct compile *compile, void *memory, const struct compile *measured)
{
    struct hs_image_header *header = memory;
    uint32_t                segments = measured->builder.segment_count + 1;
    uint64_t                at = sizeof *header;

    *header = (struct hs_image_header){.magic = HS_IMAGE_MAGIC,
                                       .version = HS_IMAGE_VERSION,
                                       .header_bytes = sizeof *header,
                                       .step_count = compile->workflow->steps.count,
                                       .target_count = compile->targets->count,
                                       .segment_count = measured->builder.segment_count,
                                       .check_count = measured->check_count};
    header->steps_offset = (uint32_t)at;
    at += (uint64_t)header->step_count * sizeof(struct hs_image_step);
    header->targets_offset = (uint32_t)at;
    at += (uint64_t)header->target_count * sizeof(struct hs_image_target);
    header->segments_offset = (uint32_t)at;
    at += (uint64_t)segments * sizeof(struct hs_image_segment);
    header->checks_offset = (uint32_t)at;
    at += (uint64_t)header->check_count * sizeof(struct hs_image_check);
    header->total_bytes = aligned(at + measured->builder.used_bytes);
    compile->header = header;
    compile->steps = (void *)((char *)memory + header->steps_offset);
    compile->target_table = (void *)((char *)memory + header->targets_offset);
    compile->checks = (void *)((char *)memory + header->checks_offset);
    compile->builder.segments = (void *)((char *)memory + header->segments_offset);
    compile->builder.bytes = (uint8_t *)memory + at;
    compile->builder.bytes_offset = (uint32_t)at;
}

static uint64_t total_bytes(const struct compile *measured)
{
    return aligned(sizeof(struct hs_image_header) +
                   (uint64_t)measured->workflow->steps.count * sizeof(struct hs_image_step) +
                   (uint64_t)measured->targets->count * sizeof(struct hs_image_target) +
                   ((uint64_t)measured->builder.segment_count + 1) *
                       sizeof(struct hs_image_segment) +
                   (uint64_t)measured->check_count * sizeof(struct hs_image_check) +
                   measured->builder.used_bytes);
}

static int check_measured(const struct compile *measured, size_t capacity_bytes, struct hs_err *err)
{
    if (measured->builder.fault) return hs_err_set(err, -EINVAL, "%s", measured->builder.fault);
    if (measured->request_max_bytes > HS_IMAGE_REQUEST_BYTES_MAX)
        return hs_err_set(err, -EMSGSIZE, "a request may become longer than %d bytes",
                          HS_IMAGE_REQUEST_BYTES_MAX);
    if (total_bytes(measured) > capacity_bytes || total_bytes(measured) > UINT32_MAX)
        return hs_err_set(err, -ENOBUFS, "the plan image");
    return 0;
}

int64_t hs_image_compile(const struct hs_compile_input *input, struct hs_arena *scratch,
                         void *memory, size_t capacity_bytes, struct hs_err *err)
{
    struct compile measured = {.input = input, .builder = {.scratch = scratch, .is_fixed = true}};
    struct compile written;
    int            rc;

    HS_ASSERT(input->workflow_idx < input->plan->workflows.count);
    HS_ASSERT((uintptr_t)memory % ALIGN_BYTES == 0);
    measured.workflow = &input->plan->workflows.at[input->workflow_idx];
    measured.targets = hs_arena_take(scratch, 1, sizeof *measured.targets);
    if (!measured.targets) return hs_err_set(err, -ENOBUFS, "memory to compile a plan");
    rc = hs_plan_targets(input->plan, measured.workflow, measured.targets, err);
    if (rc) return rc;
    if (measured.targets->count != input->address_count)
        return hs_err_set(err, -EINVAL, "addresses for %u of %u targets", input->address_count,
                          measured.targets->count);
    written = measured;
    put_all(&measured);
    rc = check_measured(&measured, capacity_bytes, err);
    if (rc) return rc;
    lay_out(&written, memory, &measured);
    put_all(&written);
    HS_ASSERT(written.builder.used_bytes == measured.builder.used_bytes);
    HS_ASSERT(written.builder.segment_count == measured.builder.segment_count);
    return (int64_t)written.header->total_bytes;
}
