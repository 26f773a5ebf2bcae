// SPDX-License-Identifier: Apache-2.0
/* request.h - writes one request of a plan as HTTP/1.1: constant bytes one after the other, and a
 * segment wherever something changes per request. Run once without memory it measures, run again it
 * writes (compile.h does both). */
#ifndef HS_PLAN_REQUEST_H
#define HS_PLAN_REQUEST_H

#include "roles/plan/targets.h"

struct hs_request_builder {
    uint8_t                 *bytes;        /* NULL: measure only */
    uint32_t                 bytes_offset; /* of bytes[0] in the image */
    uint64_t                 used_bytes;
    struct hs_image_segment *segments; /* NULL: measure only */
    uint32_t                 segment_count;
    uint64_t                 constant_from; /* where the constant that is being written starts */
    uint64_t                 max_bytes;     /* of the request: constants and the longest fillings */
    bool                     is_fixed;      /* every filling has one length */
    struct hs_arena         *scratch;
    const char              *fault; /* the first one, or NULL */
};

struct hs_request_source {
    const struct hs_plan          *plan;
    const struct hs_plan_workflow *workflow;
    const struct hs_plan_step     *step;
    uint32_t                       step_idx;
};

/* Appends one request; its segments are the builder's from before to after, its constants follow
 * one another and each ends in a zero byte. A request without any hole is one constant segment. */
void hs_request_build(struct hs_request_builder *builder, const struct hs_request_source *source);

/* Appends text and a zero byte outside of any request. */
struct hs_image_span hs_request_put_text(struct hs_request_builder *builder, const char *text,
                                         enum hs_template_filter filter);

/* The header of this name that holds for a step: its own, else the workflow's, else the default;
 * NULL: none. */
const struct hs_plan_pair *hs_request_header(const struct hs_request_source *source,
                                             const char                     *name);

#endif
