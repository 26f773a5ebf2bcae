// SPDX-License-Identifier: Apache-2.0
/* template.c - holes in texts: found once, filled per request. */
#include "roles/plan/template.h"

#include "roles/json.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_BYTES = 20, UUID_BYTES = 36, NAME_BYTES = HS_NAME_BYTES - 1 };

const char *const hs_template_names[HS_TEMPLATE_KIND_COUNT] = {
    [HS_TEMPLATE_VU] = "vu",         [HS_TEMPLATE_ITERATION] = "iteration",
    [HS_TEMPLATE_WORKER] = "worker", [HS_TEMPLATE_DATACENTER] = "datacenter",
    [HS_TEMPLATE_NOW_MS] = "now_ms", [HS_TEMPLATE_UUID] = "uuid",
    [HS_TEMPLATE_SEQ] = "seq",       [HS_TEMPLATE_RAND] = "rand",
    [HS_TEMPLATE_HEX] = "hex",       [HS_TEMPLATE_TEXT] = "text",
};

static int refuse(const char **why, const char *sentence)
{
    *why = sentence;
    return -EINVAL;
}

int hs_filter_find(struct hs_view name, enum hs_template_filter *filter)
{
    static const char *const names[HS_FILTER_COUNT] = {[HS_FILTER_URLENCODE] = "urlencode",
                                                       [HS_FILTER_BASE64] = "base64",
                                                       [HS_FILTER_JSON] = "json",
                                                       [HS_FILTER_LOWER] = "lower"};

    for (int i = HS_FILTER_NONE + 1; i < HS_FILTER_COUNT; i++)
        if (hs_view_equal(name, hs_view_text(names[i]))) {
            *filter = (enum hs_template_filter)i;
            return 0;
        }
    return -ENOENT;
}

static void put_urlencoded(struct hs_view text, struct hs_writer *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c && strchr("-._~", c))) {
            hs_put_u8(out, c);
            continue;
        }
        hs_put_u8(out, '%');
        hs_put_u8(out, (uint8_t)digits[c >> 4]);
        hs_put_u8(out, (uint8_t)digits[c & 15]);
    }
}

static void put_base64(struct hs_view text, struct hs_writer *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < text.bytes; i += 3) {
        size_t   left = text.bytes - i;
        uint32_t triple = (uint32_t)text.data[i] << 16;

        if (left > 1) triple |= (uint32_t)text.data[i + 1] << 8;
        if (left > 2) triple |= text.data[i + 2];
        hs_put_u8(out, (uint8_t)digits[triple >> 18]);
        hs_put_u8(out, (uint8_t)digits[triple >> 12 & 63]);
        hs_put_u8(out, left > 1 ? (uint8_t)digits[triple >> 6 & 63] : '=');
        hs_put_u8(out, left > 2 ? (uint8_t)digits[triple & 63] : '=');
    }
}

void hs_filter_apply(enum hs_template_filter filter, struct hs_view text, struct hs_writer *out)
{
    switch (filter) {
    case HS_FILTER_URLENCODE: put_urlencoded(text, out); break;
    case HS_FILTER_BASE64: put_base64(text, out); break;
    case HS_FILTER_JSON: hs_json_put_inner(out, text); break;
    case HS_FILTER_LOWER:
        for (size_t i = 0; i < text.bytes; i++) {
            uint8_t c = text.data[i];

            hs_put_u8(out, c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c);
        }
        break;
    case HS_FILTER_NONE:
    case HS_FILTER_COUNT: hs_put_bytes(out, text.data, text.bytes); break;
    }
}

/* Splits at the first `mark`; the second part is empty when there is none. */
static bool split(struct hs_view text, char mark, struct hs_view *first, struct hs_view *second)
{
    const uint8_t *at = text.bytes ? memchr(text.data, mark, text.bytes) : NULL;

    *first = at ? hs_view_of(text.data, (size_t)(at - text.data)) : text;
    *second = at ? hs_view_of(at + 1, text.bytes - first->bytes - 1) : hs_view_of(text.data, 0);
    return at != NULL;
}

static int parse_rand(struct hs_view argument, struct hs_template_part *part, const char **why)
{
    struct hs_view low;
    struct hs_view high;

    if (!split(argument, '-', &low, &high) || hs_units_parse_count(low, &part->low) != 0 ||
        hs_units_parse_count(high, &part->high) != 0 || part->low > part->high)
        return refuse(why, "${rand:LOW-HIGH} takes two whole numbers, the lower one first");
    return 0;
}

static int parse_argument(struct hs_view argument, bool is_given, struct hs_template_part *part,
                          const char **why)
{
    bool takes_length = part->kind == HS_TEMPLATE_HEX || part->kind == HS_TEMPLATE_TEXT;

    if (part->kind == HS_TEMPLATE_RAND) return parse_rand(argument, part, why);
    if (takes_length) {
        if (hs_units_parse_count(argument, &part->low) != 0 || part->low == 0 ||
            part->low > HS_TEMPLATE_FILL_MAX)
            return refuse(why, "${hex:N} and ${text:N} take a length from 1 to 4096");
        return 0;
    }
    return is_given ? refuse(why, "this one takes no argument") : 0;
}

int hs_template_parse_hole(struct hs_view inner, struct hs_template_part *part, const char **why)
{
    struct hs_view call;
    struct hs_view filter;
    struct hs_view name;
    struct hs_view argument;
    bool           has_filter = split(inner, '|', &call, &filter);
    bool           has_argument = split(call, ':', &name, &argument);

    *part = (struct hs_template_part){.kind = HS_TEMPLATE_CONSTANT};
    for (int i = 0; i < HS_TEMPLATE_KIND_COUNT; i++)
        if (hs_template_names[i] && hs_view_equal(name, hs_view_text(hs_template_names[i])))
            part->kind = (enum hs_template_kind)i;
    if (part->kind == HS_TEMPLATE_CONSTANT) return -ENOENT;
    if (has_filter && hs_filter_find(filter, &part->filter) != 0)
        return refuse(why, "no such filter; there are urlencode, base64, json and lower");
    return parse_argument(argument, has_argument, part, why);
}

/* Appends constant bytes; neighbours in the text become one part. */
static int add_constant(struct hs_template_part *parts, uint32_t max, uint32_t *count,
                        struct hs_view constant)
{
    struct hs_template_part *last = *count ? &parts[*count - 1] : NULL;

    if (constant.bytes == 0) return 0;
    if (last && last->kind == HS_TEMPLATE_CONSTANT &&
        last->constant.data + last->constant.bytes == constant.data) {
        last->constant.bytes += constant.bytes;
        return 0;
    }
    if (*count == max) return -ENOBUFS;
    parts[(*count)++] =
        (struct hs_template_part){.kind = HS_TEMPLATE_CONSTANT, .constant = constant};
    return 0;
}

static int add_hole(struct hs_template_part *parts, uint32_t max, uint32_t *count,
                    struct hs_view inner, const char **why)
{
    int rc;

    if (*count == max) return -ENOBUFS;
    rc = hs_template_parse_hole(inner, &parts[*count], why);
    if (rc == -ENOENT) return refuse(why, "no such variable");
    if (rc == 0) (*count)++;
    return rc;
}

int hs_template_parse(struct hs_view text, struct hs_template_part *parts, uint32_t max,
                      size_t *error_at, const char **why)
{
    uint32_t count = 0;
    size_t   at = 0;
    int      rc = 0;

    while (at < text.bytes && rc == 0) {
        const uint8_t *here = text.data + at;
        size_t         left = text.bytes - at;
        const uint8_t *end;

        *error_at = at;
        if (left >= 3 && memcmp(here, "$${", 3) == 0) { /* the first dollar goes */
            rc = add_constant(parts, max, &count, hs_view_of(here + 1, 2));
            at += 3;
        } else if (left >= 2 && memcmp(here, "${", 2) == 0) {
            end = memchr(here, '}', left);
            if (!end) return refuse(why, "\"${\" without \"}\"; write \"$${\" for the characters");
            rc = add_hole(parts, max, &count, hs_view_of(here + 2, (size_t)(end - here) - 2), why);
            at += (size_t)(end - here) + 1;
        } else {
            rc = add_constant(parts, max, &count, hs_view_of(here, 1));
            at++;
        }
    }
    return rc ? rc : (int)count;
}

static size_t put_name(char *raw, const char *name)
{
    size_t bytes = strnlen(name, NAME_BYTES);

    for (size_t i = 0; i < bytes; i++) /* a name must not break a header line */
        if ((unsigned char)name[i] < ' ' || name[i] == 127)
            raw[i] = '?';
        else
            raw[i] = name[i];
    return bytes;
}

static size_t put_random(char *raw, size_t bytes, const char *digits, uint64_t base,
                         struct hs_rand *rand)
{
    for (size_t i = 0; i < bytes; i++) raw[i] = digits[hs_rand_below(rand, base)];
    return bytes;
}

/* Version 4, as RFC 9562 draws it. */
static size_t put_uuid(char *raw, struct hs_rand *rand)
{
    uint64_t high = (hs_rand_next(rand) & ~UINT64_C(0xf000)) | 0x4000;
    uint64_t low = (hs_rand_next(rand) & (UINT64_MAX >> 2)) | UINT64_C(1) << 63;

    return (size_t)snprintf(
        raw, UUID_BYTES + 1, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
        high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48, low & UINT64_C(0xffffffffffff));
}

static size_t put_number(char *raw, uint64_t value)
{
    return (size_t)snprintf(raw, NUMBER_BYTES + 1, "%" PRIu64, value);
}

static uint64_t draw(struct hs_rand *rand, uint64_t low, uint64_t high)
{
    if (high - low == UINT64_MAX) return hs_rand_next(rand);
    return low + hs_rand_below(rand, high - low + 1);
}

/* The unfiltered text; its length. raw has HS_TEMPLATE_FILL_MAX bytes. */
static size_t fill_raw(const struct hs_template_part    *part,
                       const struct hs_template_context *context, char *raw)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t            length = part->low < HS_TEMPLATE_FILL_MAX ? part->low : HS_TEMPLATE_FILL_MAX;

    switch (part->kind) {
    case HS_TEMPLATE_VU: return put_number(raw, context->vu);
    case HS_TEMPLATE_ITERATION: return put_number(raw, context->iteration);
    case HS_TEMPLATE_SEQ: return put_number(raw, context->seq);
    case HS_TEMPLATE_NOW_MS: return put_number(raw, context->now_ms);
    case HS_TEMPLATE_WORKER: return put_name(raw, context->worker);
    case HS_TEMPLATE_DATACENTER: return put_name(raw, context->datacenter);
    case HS_TEMPLATE_UUID: return put_uuid(raw, context->rand);
    case HS_TEMPLATE_RAND: return put_number(raw, draw(context->rand, part->low, part->high));
    case HS_TEMPLATE_HEX: return put_random(raw, length, "0123456789abcdef", 16, context->rand);
    case HS_TEMPLATE_TEXT: return put_random(raw, length, alphabet, 62, context->rand);
    case HS_TEMPLATE_CONSTANT:
    case HS_TEMPLATE_LENGTH:
    case HS_TEMPLATE_KIND_COUNT: break;
    }
    return 0;
}

void hs_template_fill(const struct hs_template_part    *part,
                      const struct hs_template_context *context, struct hs_writer *out)
{
    char   raw[HS_TEMPLATE_FILL_MAX];
    size_t bytes = fill_raw(part, context, raw);

    hs_filter_apply(part->filter, hs_view_of(raw, bytes), out);
}

static uint32_t digits_of(uint64_t value)
{
    uint32_t digits = 1;

    for (; value >= 10; value /= 10) digits++;
    return digits;
}

uint32_t hs_template_fill_max_bytes(const struct hs_template_part *part, bool *is_fixed)
{
    bool     is_name = part->kind == HS_TEMPLATE_WORKER || part->kind == HS_TEMPLATE_DATACENTER;
    uint32_t bytes = is_name ? NAME_BYTES : NUMBER_BYTES;

    *is_fixed = false;
    if (part->kind == HS_TEMPLATE_RAND) {
        bytes = digits_of(part->high);
        *is_fixed = bytes == digits_of(part->low);
    } else if (part->kind == HS_TEMPLATE_UUID) {
        bytes = UUID_BYTES;
        *is_fixed = true;
    } else if (part->kind == HS_TEMPLATE_HEX || part->kind == HS_TEMPLATE_TEXT) {
        bytes = (uint32_t)hs_min_u64(part->low, HS_TEMPLATE_FILL_MAX);
        *is_fixed = true;
    }
    /* Only names hold what these two filters make longer. */
    if (part->filter == HS_FILTER_URLENCODE && is_name) bytes *= 3;
    if (part->filter == HS_FILTER_JSON && is_name) bytes *= 6;
    if (part->filter == HS_FILTER_BASE64) bytes = (bytes + 2) / 3 * 4;
    return bytes;
}
