// SPDX-License-Identifier: Apache-2.0
/* request.c - request line, header lines and body, from a step to segments. */
#include "roles/plan/request.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { CHUNK_BYTES = 64, LENGTH_DIGITS = 10, HEAD_END_BYTES = 4 };

#define USER_AGENT "hyperscale/1"

/* ---- pieces ---- */

static void put(struct hs_request_builder *builder, const void *data, size_t bytes)
{
    if (builder->bytes && bytes) memcpy(builder->bytes + builder->used_bytes, data, bytes);
    builder->used_bytes += bytes;
    builder->max_bytes += bytes;
}

static void put_text(struct hs_request_builder *builder, const char *text)
{
    put(builder, text, strlen(text));
}

/* Filters that need no look-ahead beyond a chunk: all but base64. */
static void put_filtered(struct hs_request_builder *builder, enum hs_template_filter filter,
                         struct hs_view text)
{
    uint8_t          memory[6 * CHUNK_BYTES];
    struct hs_writer out;

    if (filter == HS_FILTER_NONE) {
        put(builder, text.data, text.bytes);
        return;
    }
    for (size_t at = 0; at < text.bytes; at += CHUNK_BYTES) {
        size_t bytes = hs_min_u64(text.bytes - at, CHUNK_BYTES);

        hs_writer_init(&out, memory, sizeof memory);
        hs_filter_apply(filter, hs_view_of(text.data + at, bytes), &out);
        HS_ASSERT(!out.failed);
        put(builder, out.data, out.used_bytes);
    }
}

static void add_segment(struct hs_request_builder *builder, struct hs_image_segment segment)
{
    if (builder->segments) builder->segments[builder->segment_count] = segment;
    builder->segment_count++;
}

/* What was put since the last hole becomes a segment. */
static void close_constant(struct hs_request_builder *builder)
{
    uint64_t bytes = builder->used_bytes - builder->constant_from;

    if (bytes == 0) return;
    add_segment(builder,
                (struct hs_image_segment){
                    .kind = HS_TEMPLATE_CONSTANT,
                    .constant = {.offset = builder->bytes_offset + (uint32_t)builder->constant_from,
                                 .bytes = (uint32_t)bytes}});
    if (builder->bytes) builder->bytes[builder->used_bytes] = '\0';
    builder->used_bytes++;
    builder->constant_from = builder->used_bytes;
}

static void put_hole(struct hs_request_builder *builder, const struct hs_template_part *part)
{
    bool     is_fixed;
    uint32_t max_bytes = hs_template_fill_max_bytes(part, &is_fixed);

    close_constant(builder);
    add_segment(builder, (struct hs_image_segment){.kind = (uint32_t)part->kind,
                                                   .filter = (uint32_t)part->filter,
                                                   .low = part->low,
                                                   .high = part->high});
    builder->max_bytes += max_bytes;
    if (!is_fixed) builder->is_fixed = false;
}

static uint32_t count_holes(struct hs_view text)
{
    uint32_t count = 0;

    for (size_t i = 0; i + 1 < text.bytes; i++)
        count += text.data[i] == '$' && text.data[i + 1] == '{';
    return count;
}

/* Constants are encoded, and so is what fills a hole, unless the hole has a filter of its own. */
static void put_template(struct hs_request_builder *builder, struct hs_view text,
                         enum hs_template_filter constants, enum hs_template_filter holes)
{
    uint32_t                 max = 2 * count_holes(text) + 1;
    size_t                   mark = builder->scratch->used_bytes;
    struct hs_template_part *parts;
    size_t                   error_at;
    int                      count = -1;

    if (max > 2 * HS_IMAGE_HOLES_MAX + 1) {
        builder->fault = "a text has more than 1024 holes";
        return;
    }
    parts = hs_arena_take(builder->scratch, max, sizeof *parts);
    if (parts) count = hs_template_parse(text, parts, max, &error_at, &builder->fault);
    if (!parts) builder->fault = "no memory for the parts of a text";
    for (int i = 0; i < count; i++) {
        if (parts[i].kind == HS_TEMPLATE_CONSTANT) {
            put_filtered(builder, constants, parts[i].constant);
            continue;
        }
        if (parts[i].filter == HS_FILTER_NONE) parts[i].filter = holes;
        put_hole(builder, &parts[i]);
    }
    builder->scratch->used_bytes = mark;
}

static void put_encoded(struct hs_request_builder *builder, const char *text)
{
    put_template(builder, hs_view_text(text), HS_FILTER_URLENCODE, HS_FILTER_URLENCODE);
}

/* a=b&c=d, after `before`. */
static void put_pairs(struct hs_request_builder *builder, const struct hs_plan_pairs *pairs,
                      const char *before)
{
    for (uint32_t i = 0; i < pairs->count; i++) {
        put_text(builder, i ? "&" : before);
        put_filtered(builder, HS_FILTER_URLENCODE, hs_view_text(pairs->at[i].name));
        put_text(builder, "=");
        put_encoded(builder, pairs->at[i].value);
    }
}

/* ---- body ---- */

static uint32_t digit_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char       *found = c ? strchr(digits, c) : NULL;

    return found ? (uint32_t)(found - digits) : 0;
}

/* The text was checked: whole groups of four, '=' only at the end. */
static void put_decoded(struct hs_request_builder *builder, const char *text)
{
    for (; *text; text += 4) {
        uint32_t triple = digit_value(text[0]) << 18 | digit_value(text[1]) << 12 |
                          digit_value(text[2]) << 6 | digit_value(text[3]);
        uint8_t bytes[3] = {(uint8_t)(triple >> 16), (uint8_t)(triple >> 8), (uint8_t)triple};

        put(builder, bytes, text[2] == '=' ? 1 : text[3] == '=' ? 2 : 3);
    }
}

/* The same bytes in every request, drawn from the seed: they cost nothing to send and do not
 * compress. */
static void put_random(struct hs_request_builder *builder, const struct hs_request_source *source)
{
    struct hs_rand rand;

    hs_rand_init(&rand, source->plan->seed + source->step_idx);
    for (uint64_t left = source->step->body.random_bytes; left > 0;) {
        uint64_t bytes = hs_rand_next(&rand);
        size_t   take = hs_min_u64(left, sizeof bytes);

        put(builder, &bytes, take);
        left -= take;
    }
}

static void put_body(struct hs_request_builder *builder, const struct hs_request_source *source)
{
    const struct hs_plan_body *body = &source->step->body;

    switch ((enum hs_plan_body_kind)body->kind) {
    case HS_PLAN_BODY_TEXT:
        put_template(builder, hs_view_text(body->text), HS_FILTER_NONE, HS_FILTER_NONE);
        break;
    case HS_PLAN_BODY_JSON:
        put_template(builder, hs_view_text(body->text), HS_FILTER_NONE, HS_FILTER_JSON);
        break;
    case HS_PLAN_BODY_FORM: put_pairs(builder, &body->form, ""); break;
    case HS_PLAN_BODY_BASE64: put_decoded(builder, body->text); break;
    case HS_PLAN_BODY_RANDOM: put_random(builder, source); break;
    case HS_PLAN_BODY_NONE: break;
    }
}

/* The length of the body if it has one, without writing it. */
static bool measure_body(const struct hs_request_builder *builder,
                         const struct hs_request_source *source, uint64_t *bytes)
{
    struct hs_request_builder measure = {.scratch = builder->scratch, .is_fixed = true};

    put_body(&measure, source);
    *bytes = measure.max_bytes;
    return measure.is_fixed;
}

/* ---- head ---- */

static const struct hs_plan_pair *find_header(const struct hs_plan_pairs *headers, const char *name)
{
    for (uint32_t i = 0; i < headers->count; i++)
        if (strcasecmp(headers->at[i].name, name) == 0) return &headers->at[i];
    return NULL;
}

const struct hs_plan_pair *hs_request_header(const struct hs_request_source *source,
                                             const char                     *name)
{
    const struct hs_plan_pair *found = find_header(&source->step->headers, name);

    if (!found) found = find_header(&source->workflow->headers, name);
    return found ? found : find_header(&source->plan->defaults.headers, name);
}

static void put_header(struct hs_request_builder *builder, const char *name, const char *value)
{
    put_text(builder, name);
    put_text(builder, ": ");
    put_template(builder, hs_view_text(value), HS_FILTER_NONE, HS_FILTER_NONE);
    put_text(builder, "\r\n");
}

/* Those of one level that no inner level overrides; Host comes first and was written already. */
static void put_headers(struct hs_request_builder *builder, const struct hs_request_source *source,
                        const struct hs_plan_pairs *headers)
{
    for (uint32_t i = 0; i < headers->count; i++) {
        const struct hs_plan_pair *header = &headers->at[i];

        if (strcasecmp(header->name, "host") == 0) continue;
        if (hs_request_header(source, header->name) != header) continue;
        put_header(builder, header->name, header->value);
    }
}

static const char *content_type(const struct hs_plan_body *body)
{
    if (body->kind == HS_PLAN_BODY_JSON) return "application/json";
    if (body->kind == HS_PLAN_BODY_FORM) return "application/x-www-form-urlencoded";
    return NULL;
}

/* A method for which a server may wait for a body, so that its absence has to be said (RFC
 * 9110 8.6). */
static bool expects_body(const char *method)
{
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

/* Ends the head: the length is its last line, so that what follows it has a known length. */
static void put_length(struct hs_request_builder *builder, const struct hs_request_source *source)
{
    const struct hs_template_part length = {.kind = HS_TEMPLATE_LENGTH, .low = HEAD_END_BYTES};
    uint64_t                      bytes;
    char                          text[64];

    if (source->step->body.kind == HS_PLAN_BODY_NONE && !expects_body(source->step->method)) {
        put_text(builder, "\r\n");
        return;
    }
    if (measure_body(builder, source, &bytes)) {
        (void)snprintf(text, sizeof text, "Content-Length: %" PRIu64 "\r\n\r\n", bytes);
        put_text(builder, text);
        return;
    }
    put_text(builder, "Content-Length: ");
    put_hole(builder, &length);
    put_text(builder, "\r\n\r\n");
}

static void put_request_line(struct hs_request_builder      *builder,
                             const struct hs_request_source *source,
                             const struct hs_plan_where     *where)
{
    bool has_query = where->path.bytes && memchr(where->path.data, '?', where->path.bytes);

    put_text(builder, source->step->method);
    put_text(builder, " ");
    put(builder, where->base_path.data, where->base_path.bytes);
    if (where->needs_slash) put_text(builder, "/");
    put_template(builder, where->path, HS_FILTER_NONE, HS_FILTER_NONE);
    put_pairs(builder, &source->step->query, has_query ? "&" : "?");
    put_text(builder, " HTTP/1.1\r\n");
}

void hs_request_build(struct hs_request_builder *builder, const struct hs_request_source *source)
{
    struct hs_plan_where       where;
    char                       authority[HS_URL_HOST_BYTES + 16];
    bool                       is_base;
    const struct hs_plan_pair *host = hs_request_header(source, "host");
    const char                *type = content_type(&source->step->body);

    builder->max_bytes = 0;
    builder->is_fixed = true;
    builder->constant_from = builder->used_bytes;
    if (hs_plan_step_where(source->plan, source->step, &where, &is_base, &builder->fault) != 0)
        return;
    put_request_line(builder, source, &where);
    (void)hs_url_authority(where.url.host, where.url.port, authority, sizeof authority);
    put_header(builder, "Host", host ? host->value : authority);
    if (!hs_request_header(source, "user-agent")) put_header(builder, "User-Agent", USER_AGENT);
    put_headers(builder, source, &source->plan->defaults.headers);
    put_headers(builder, source, &source->workflow->headers);
    put_headers(builder, source, &source->step->headers);
    if (type && !hs_request_header(source, "content-type"))
        put_header(builder, "Content-Type", type);
    put_length(builder, source);
    put_body(builder, source);
    close_constant(builder);
}

struct hs_image_span hs_request_put_text(struct hs_request_builder *builder, const char *text,
                                         enum hs_template_filter filter)
{
    struct hs_image_span span = {.offset = builder->bytes_offset + (uint32_t)builder->used_bytes};
    uint64_t             from = builder->used_bytes;

    put_filtered(builder, filter, hs_view_text(text));
    span.bytes = (uint32_t)(builder->used_bytes - from);
    put(builder, "", 1);
    builder->constant_from = builder->used_bytes;
    return span;
}
