// SPDX-License-Identifier: Apache-2.0
/* template.h - text with holes: "/items/${rand:1-100}" becomes a list of parts, once; rendering
 * fills a bounded buffer. Knows only what changes from request to request; constants and the
 * environment are put in earlier (expand.h). Pure: randomness and the time of day come with the
 * context. */
#ifndef HS_PLAN_TEMPLATE_H
#define HS_PLAN_TEMPLATE_H

#include "shm/base/bytes.h"
#include "shm/base/limits.h"
#include "shm/base/rand.h"

enum hs_template_kind {
    HS_TEMPLATE_CONSTANT,
    HS_TEMPLATE_VU,
    HS_TEMPLATE_ITERATION,
    HS_TEMPLATE_WORKER,
    HS_TEMPLATE_DATACENTER,
    HS_TEMPLATE_NOW_MS,
    HS_TEMPLATE_UUID,
    HS_TEMPLATE_SEQ,
    HS_TEMPLATE_RAND,   /* a whole number from low to high, both included */
    HS_TEMPLATE_HEX,    /* low hexadecimal digits */
    HS_TEMPLATE_TEXT,   /* low letters and digits */
    HS_TEMPLATE_LENGTH, /* images only: the length of the body that follows */
    HS_TEMPLATE_KIND_COUNT
};

enum hs_template_filter {
    HS_FILTER_NONE,
    HS_FILTER_URLENCODE,
    HS_FILTER_BASE64,
    HS_FILTER_JSON, /* escaped for the inside of a JSON string */
    HS_FILTER_LOWER,
    HS_FILTER_COUNT
};

enum { HS_TEMPLATE_FILL_MAX = 4096 }; /* longest ${hex:N} or ${text:N}: one page of scratch */

struct hs_template_part {
    enum hs_template_kind   kind;
    enum hs_template_filter filter;
    struct hs_view          constant; /* into the parsed text */
    uint64_t                low;
    uint64_t                high;
};

/* What one request of one virtual user fills in. */
struct hs_template_context {
    uint64_t        vu;        /* number of the virtual user in the run, from 0 */
    uint64_t        iteration; /* of that user, from 0 */
    uint64_t        seq;       /* of the request in the run: shard + n * shards */
    uint64_t        now_ms;    /* time of day */
    const char     *worker;    /* names, terminated */
    const char     *datacenter;
    struct hs_rand *rand;
};

/* Splits text into parts; the count, or -EINVAL with *why a sentence, or -ENOBUFS. parts point into
 * text. "$${" is a literal "${". *error_at is the offset of the offending hole. */
int hs_template_parse(struct hs_view text, struct hs_template_part *parts, uint32_t max,
                      size_t *error_at, const char **why) HS_MUST_CHECK;

/* What stands between "${" and "}". -ENOENT: no built-in has this name; -EINVAL: its arguments are
 * wrong, *why tells. */
int                      hs_template_parse_hole(struct hs_view inner, struct hs_template_part *part,
                                                const char **why) HS_MUST_CHECK;
extern const char *const hs_template_names[HS_TEMPLATE_KIND_COUNT]; /* NULL where a kind has none */

/* Appends what kind gives, filtered; out->failed when it does not fit. Not for CONSTANT and
 * LENGTH. */
void hs_template_fill(const struct hs_template_part    *part,
                      const struct hs_template_context *context, struct hs_writer *out);
/* Most bytes that hs_template_fill can append, and whether it is always that many. */
uint32_t hs_template_fill_max_bytes(const struct hs_template_part *part, bool *is_fixed);

void hs_filter_apply(enum hs_template_filter filter, struct hs_view text, struct hs_writer *out);
int  hs_filter_find(struct hs_view           name,
                    enum hs_template_filter *filter) HS_MUST_CHECK; /* -ENOENT */

#endif
