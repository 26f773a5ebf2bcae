// SPDX-License-Identifier: Apache-2.0
/* image.c - reads compiled workflows: distrust first (every offset, once), then plain array access,
 * then rendering. */
#include "roles/plan/image.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

HS_STATIC_ASSERT(sizeof(struct hs_image_header) == 168,
                 "a change of layout bumps HS_IMAGE_VERSION");
HS_STATIC_ASSERT(sizeof(struct hs_image_step) == 144, "a change of layout bumps HS_IMAGE_VERSION");
HS_STATIC_ASSERT(sizeof(struct hs_image_target) == 416,
                 "a change of layout bumps HS_IMAGE_VERSION");
HS_STATIC_ASSERT(sizeof(struct hs_image_segment) == 32,
                 "a change of layout bumps HS_IMAGE_VERSION");
HS_STATIC_ASSERT(sizeof(struct hs_image_check) == 40, "a change of layout bumps HS_IMAGE_VERSION");

enum { LENGTH_DIGITS = 10, TABLE_ALIGN = 8 };

static const void *table_at(const struct hs_image_header *image, uint32_t offset)
{
    return (const char *)image + offset;
}

static const struct hs_image_segment *segments_of(const struct hs_image_header *image)
{
    return table_at(image, image->segments_offset);
}

static const struct hs_image_check *checks_of(const struct hs_image_header *image)
{
    return table_at(image, image->checks_offset);
}

const struct hs_image_step *hs_image_step_at(const struct hs_image_header *image, uint32_t idx)
{
    HS_ASSERT(idx < image->step_count);
    return (const struct hs_image_step *)table_at(image, image->steps_offset) + idx;
}

const struct hs_image_target *hs_image_target_at(const struct hs_image_header *image, uint32_t idx)
{
    HS_ASSERT(idx < image->target_count);
    return (const struct hs_image_target *)table_at(image, image->targets_offset) + idx;
}

const struct hs_image_check *hs_image_check_at(const struct hs_image_header *image,
                                               const struct hs_image_step *step, uint32_t idx)
{
    HS_ASSERT(idx < step->check_count);
    return checks_of(image) + step->check_first + idx;
}

struct hs_view hs_image_view(const struct hs_image_header *image, struct hs_image_span span)
{
    return hs_view_of((const char *)image + span.offset, span.bytes);
}

const char *hs_image_text(const struct hs_image_header *image, struct hs_image_span span)
{
    return (const char *)image + span.offset;
}

bool hs_image_status_is_ok(const struct hs_image_step *step, unsigned status)
{
    unsigned bit = status - HS_IMAGE_STATUS_FIRST;

    if (status < HS_IMAGE_STATUS_FIRST || bit >= HS_IMAGE_STATUS_WORDS * 64) return false;
    return step->status_ok[bit / 64] >> (bit % 64) & 1;
}

static bool is_span(const struct hs_image_header *image, struct hs_image_span span)
{
    uint64_t end = (uint64_t)span.offset + span.bytes;

    return end < image->total_bytes && ((const char *)image)[end] == '\0';
}

static bool is_table(const struct hs_image_header *image, uint32_t offset, uint64_t count,
                     size_t item_bytes)
{
    return offset % TABLE_ALIGN == 0 && offset >= image->header_bytes &&
           offset + count * item_bytes <= image->total_bytes;
}

static bool is_range(uint32_t first, uint32_t count, uint32_t total)
{
    return first <= total && count <= total - first;
}

static const char *fault_of_load(const struct hs_image_header *image)
{
    if (image->on_error < HS_ON_ERROR_CONTINUE || image->on_error > HS_ON_ERROR_ABORT)
        return "on_error";
    if (image->workflow_idx >= HS_WORKFLOWS_MAX) return "workflow index";
    if (image->request_max_bytes > HS_IMAGE_REQUEST_BYTES_MAX) return "request size";
    if (image->model == HS_LOAD_CLOSED) {
        if (image->vus == 0 || image->vus > HS_VUS_MAX) return "vus";
        return image->duration_ns || image->iterations || image->iterations_per_vu ? NULL : "bound";
    }
    if (image->model != HS_LOAD_OPEN) return "model";
    if (image->rate_count == 0 || image->rate_period_ns == 0) return "rate";
    if (image->max_in_flight == 0 || image->max_in_flight > HS_VUS_MAX) return "max_in_flight";
    if (image->on_saturation != HS_SATURATION_QUEUE && image->on_saturation != HS_SATURATION_DROP)
        return "on_saturation";
    return image->duration_ns ? NULL : "duration";
}

static const char *fault_of_tables(const struct hs_image_header *image)
{
    if (!is_table(image, image->steps_offset, image->step_count, sizeof(struct hs_image_step)))
        return "table of steps";
    if (!is_table(image, image->targets_offset, image->target_count,
                  sizeof(struct hs_image_target)))
        return "table of targets";
    if (!is_table(image, image->segments_offset, image->segment_count,
                  sizeof(struct hs_image_segment)))
        return "table of segments";
    if (!is_table(image, image->checks_offset, image->check_count, sizeof(struct hs_image_check)))
        return "table of checks";
    if (image->step_count == 0 || image->step_count > HS_STEPS_MAX) return "number of steps";
    if (image->target_count == 0 || image->target_count > HS_TARGETS_MAX)
        return "number of targets";
    return is_span(image, image->workflow_name) ? NULL : "name";
}

static bool is_target_sound(const struct hs_image_header *image, uint32_t idx)
{
    const struct hs_image_target *target = hs_image_target_at(image, idx);

    if (!is_span(image, target->authority) || !is_span(image, target->host)) return false;
    if (target->port == 0 || target->port > 65535) return false;
    if (target->address_count > HS_ADDRESSES_MAX) return false;
    if (!target->address_count && target->code >= 0) return false;
    for (uint32_t i = 0; i < target->address_count; i++)
        if (target->addresses[i].family != 4 && target->addresses[i].family != 6) return false;
    return true;
}

static bool is_segment_sound(const struct hs_image_header *image, uint32_t idx)
{
    const struct hs_image_segment *segment = segments_of(image) + idx;

    if (segment->kind >= HS_TEMPLATE_KIND_COUNT || segment->filter >= HS_FILTER_COUNT) return false;
    if (segment->kind == HS_TEMPLATE_CONSTANT) return is_span(image, segment->constant);
    if (segment->kind == HS_TEMPLATE_RAND) return segment->low <= segment->high;
    if (segment->kind == HS_TEMPLATE_HEX || segment->kind == HS_TEMPLATE_TEXT)
        return segment->low <= HS_TEMPLATE_FILL_MAX;
    return true;
}

static bool is_check_sound(const struct hs_image_header *image, uint32_t idx)
{
    const struct hs_image_check *check = checks_of(image) + idx;

    return check->kind >= HS_CHECK_HEADER_CONTAINS && check->kind <= HS_CHECK_TIME &&
           is_span(image, check->name) && is_span(image, check->text);
}

static bool is_step_sound(const struct hs_image_header *image, uint32_t idx)
{
    const struct hs_image_step *step = hs_image_step_at(image, idx);
    unsigned                    lengths = 0;

    if (!is_span(image, step->name) || !is_span(image, step->method)) return false;
    if (step->frozen.bytes && !is_span(image, step->frozen)) return false;
    if (step->target_idx >= image->target_count) return false;
    if (!is_range(step->segment_first, step->segment_count, image->segment_count)) return false;
    if (!is_range(step->check_first, step->check_count, image->check_count)) return false;
    if ((step->frozen.bytes == 0) != (step->segment_count > 0)) return false;
    if (step->request_max_bytes > image->request_max_bytes || step->timeout_ns == 0) return false;
    for (uint32_t i = 0; i < step->segment_count; i++)
        lengths += segments_of(image)[step->segment_first + i].kind == HS_TEMPLATE_LENGTH;
    return lengths <= 1;
}

static const char *fault_of_items(const struct hs_image_header *image)
{
    for (uint32_t i = 0; i < image->target_count; i++)
        if (!is_target_sound(image, i)) return "target";
    for (uint32_t i = 0; i < image->segment_count; i++)
        if (!is_segment_sound(image, i)) return "segment";
    for (uint32_t i = 0; i < image->check_count; i++)
        if (!is_check_sound(image, i)) return "check";
    for (uint32_t i = 0; i < image->step_count; i++)
        if (!is_step_sound(image, i)) return "step";
    return NULL;
}

static const char *fault_of_frame(const struct hs_image_header *image, size_t bytes)
{
    if (bytes < sizeof *image || (uintptr_t)image % TABLE_ALIGN != 0) return "size";
    if (image->magic != HS_IMAGE_MAGIC) return "magic number";
    if (image->version != HS_IMAGE_VERSION) return "version";
    if (image->header_bytes != sizeof *image) return "header";
    if (image->total_bytes > bytes || image->total_bytes < sizeof *image) return "length";
    return NULL;
}

const struct hs_image_header *hs_image_check(const void *memory, size_t bytes, struct hs_err *err)
{
    const struct hs_image_header *image = memory;
    const char                   *fault = fault_of_frame(image, bytes);

    if (!fault) fault = fault_of_tables(image);
    if (!fault) fault = fault_of_load(image);
    if (!fault) fault = fault_of_items(image);
    if (!fault) return image;
    (void)hs_err_set(err, -EPROTO, "plan image: bad %s", fault);
    return NULL;
}

/* The digits go where they were left out; the body follows them without a gap. */
static void insert_length(struct hs_writer *out, size_t length_at, size_t body_at)
{
    char   digits[LENGTH_DIGITS + 1];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%zu", out->used_bytes - body_at);

    if (out->failed || count > out->capacity_bytes - out->used_bytes) {
        out->failed = true;
        return;
    }
    memmove(out->data + length_at + count, out->data + length_at, out->used_bytes - length_at);
    memcpy(out->data + length_at, digits, count);
    out->used_bytes += count;
}

int hs_image_render(const struct hs_image_header *image, const struct hs_image_step *step,
                    const struct hs_template_context *context, void *memory, size_t capacity_bytes)
{
    const struct hs_image_segment *segments = segments_of(image) + step->segment_first;
    struct hs_writer               out;
    size_t                         length_at = SIZE_MAX;
    size_t                         body_at = 0;

    hs_writer_init(&out, memory, capacity_bytes);
    for (uint32_t i = 0; i < step->segment_count; i++) {
        const struct hs_image_segment *segment = &segments[i];
        struct hs_template_part        part = {.kind = (enum hs_template_kind)segment->kind,
                                               .filter = (enum hs_template_filter)segment->filter,
                                               .low = segment->low,
                                               .high = segment->high};

        if (part.kind == HS_TEMPLATE_CONSTANT) {
            hs_put_bytes(&out, (const char *)image + segment->constant.offset,
                         segment->constant.bytes);
        } else if (part.kind == HS_TEMPLATE_LENGTH) { /* low: bytes of the head that follow it */
            length_at = out.used_bytes;
            body_at = length_at + segment->low;
        } else {
            hs_template_fill(&part, context, &out);
        }
    }
    if (length_at != SIZE_MAX && body_at <= out.used_bytes) insert_length(&out, length_at, body_at);
    return out.failed ? -EMSGSIZE : (int)out.used_bytes;
}
