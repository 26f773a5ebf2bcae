// SPDX-License-Identifier: Apache-2.0
/* image.h - one workflow compiled for engines: position-independent, read-only, requests ready to
 * send. The worker compiles it into a sealed memfd (compile.h), engines map it, check it once with
 * hs_image_check, and then follow its offsets without further checks. An image holds the totals of
 * the run; the share of an engine comes with its START command. */
#ifndef HS_PLAN_IMAGE_H
#define HS_PLAN_IMAGE_H

#include "roles/plan/template.h"
#include "shm/base/limits.h"
#include "shm/base/units.h"

#define HS_IMAGE_MAGIC UINT64_C(0x3130454741474d49)
enum {
    HS_IMAGE_VERSION = 2,
    HS_IMAGE_REQUEST_BYTES_MAX = 8
                                 << 20, /* one request; a plan has 4 MiB, filters make it longer */
    HS_IMAGE_BYTES_MAX = 64 << 20, /* one workflow that passed the checks; random bodies add up */
    HS_IMAGE_HOLES_MAX = 1024      /* in one text */
};

enum hs_load_model { HS_LOAD_CLOSED = 1, HS_LOAD_OPEN };
enum hs_load_saturation { HS_SATURATION_QUEUE = 1, HS_SATURATION_DROP };
enum hs_load_on_error { HS_ON_ERROR_CONTINUE = 1, HS_ON_ERROR_NEXT_ITERATION, HS_ON_ERROR_ABORT };

/* Bytes inside the image, from its start. Texts in it are followed by a zero that is not
 * counted. */
struct hs_image_span {
    uint32_t offset;
    uint32_t bytes;
};

struct hs_image_address {
    uint32_t family;   /* 4 or 6 */
    uint32_t scope_id; /* link-local IPv6 */
    uint8_t  bytes[16];
};

struct hs_image_target {
    struct hs_image_span authority; /* "example.test:8080", as in the Host header */
    struct hs_image_span host;      /* without port and brackets */
    uint32_t             port;
    uint32_t address_count; /* 0: the name did not resolve, and every request fails with code */
    int32_t
        code; /* -ENOENT no such name, -ETIME the name server was silent, -EREMOTEIO it failed */
    struct hs_image_address addresses[HS_ADDRESSES_MAX];
    uint32_t                reserved;
};

/* Part of a request: constant bytes, or what a built-in gives. */
struct hs_image_segment {
    uint32_t             kind;   /* enum hs_template_kind */
    uint32_t             filter; /* enum hs_template_filter */
    struct hs_image_span constant;
    uint64_t             low;
    uint64_t             high;
};

enum hs_image_check_kind {
    HS_CHECK_HEADER_CONTAINS = 1, /* name, text: the header is there and holds text */
    HS_CHECK_HEADER_EQUALS,
    HS_CHECK_HEADER_EXISTS,
    HS_CHECK_BODY_CONTAINS, /* text */
    HS_CHECK_BODY_EQUALS,
    HS_CHECK_SIZE, /* low <= bytes of the body <= high */
    HS_CHECK_TIME  /* service time in ns <= high */
};

struct hs_image_check {
    uint32_t             kind;
    uint32_t             reserved;
    struct hs_image_span name; /* of the header, lower case */
    struct hs_image_span text;
    uint64_t             low;
    uint64_t             high;
};

enum { HS_IMAGE_STATUS_WORDS = 8, HS_IMAGE_STATUS_FIRST = 100 }; /* statuses 100 to 611 */

enum {
    HS_STEP_IS_HEAD = 1 << 0,       /* the answer has no body */
    HS_STEP_IS_IDEMPOTENT = 1 << 1, /* may be sent again when an idle connection turns out closed */
    HS_STEP_HAS_STATUS_CHECK = 1 << 2, /* a wrong status is class `check`, not `status.4xx` */
    HS_STEP_KEEPS_BODY = 1 << 3,       /* a check looks at the body */
    HS_STEP_CLOSES = 1 << 4            /* the plan's headers say "connection: close" */
};

struct hs_image_step {
    struct hs_image_span name;   /* the label of the statistics */
    struct hs_image_span method; /* "GET" */
    struct hs_image_span
        frozen; /* the whole request, when nothing in it changes; bytes 0: render the segments */
    uint32_t target_idx;
    uint32_t flags;
    uint32_t segment_first;
    uint32_t segment_count;
    uint32_t check_first;
    uint32_t check_count;
    uint64_t request_max_bytes; /* no rendering is longer */
    uint64_t timeout_ns;
    uint64_t connect_timeout_ns;
    uint64_t think_ns;                         /* after the step */
    uint64_t status_ok[HS_IMAGE_STATUS_WORDS]; /* bit s - 100: status s passes */
};

struct hs_image_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_bytes;
    uint64_t total_bytes;
    uint64_t seed;

    uint32_t model; /* enum hs_load_model; a workflow without load is closed, 1 user, 1 iteration */
    uint32_t on_saturation;
    uint32_t on_error;
    uint32_t workflow_idx;
    uint64_t vus;               /* closed */
    uint64_t iterations;        /* closed; total of the run, 0: no such bound */
    uint64_t iterations_per_vu; /* closed; 0: no such bound */
    uint64_t duration_ns;       /* measured time, after the warm-up; 0: bounded by iterations */
    uint64_t rate_count;        /* open */
    uint64_t rate_period_ns;
    uint64_t max_in_flight;     /* open: iterations at a time */
    uint64_t warmup_ns;         /* same load before the measured time */
    uint64_t drain_ns;          /* time for what is in flight at the end */
    uint64_t request_max_bytes; /* the largest of the steps: size of a scratch buffer */

    struct hs_image_span workflow_name;
    uint32_t             steps_offset; /* struct hs_image_step[step_count] */
    uint32_t             step_count;
    uint32_t             targets_offset; /* struct hs_image_target[target_count] */
    uint32_t             target_count;
    uint32_t             segments_offset;
    uint32_t             segment_count;
    uint32_t             checks_offset;
    uint32_t             check_count;
};

/* Checks every offset, count, enumeration and bound of an image that somebody else made. NULL when
 * it is not sound. */
const struct hs_image_header *hs_image_check(const void *memory, size_t bytes, struct hs_err *err);

/* Only for checked images; idx is below the count. */
const struct hs_image_step   *hs_image_step_at(const struct hs_image_header *image, uint32_t idx);
const struct hs_image_target *hs_image_target_at(const struct hs_image_header *image, uint32_t idx);
const struct hs_image_check  *hs_image_check_at(const struct hs_image_header *image,
                                                const struct hs_image_step *step, uint32_t idx);
struct hs_view hs_image_view(const struct hs_image_header *image, struct hs_image_span span);
const char    *hs_image_text(const struct hs_image_header *image, struct hs_image_span span);
bool           hs_image_status_is_ok(const struct hs_image_step *step, unsigned status);

/* Renders a step's request into memory: its length; -EMSGSIZE when it is longer than capacity_bytes
 * (request_max_bytes always fits). Frozen steps need no rendering: send hs_image_view(image,
 * step->frozen). */
int hs_image_render(const struct hs_image_header *image, const struct hs_image_step *step,
                    const struct hs_template_context *context, void *memory,
                    size_t capacity_bytes) HS_MUST_CHECK;

#endif
