// SPDX-License-Identifier: Apache-2.0
/* compile.h - from one workflow of a checked plan to an image (image.h): which names must be resolved first, and the
 * compilation itself, into memory of the caller. Pure: the addresses come from a resolver elsewhere. */
#ifndef HS_PLAN_COMPILE_H
#define HS_PLAN_COMPILE_H

#include "roles/plan/plan.h"
#include "roles/plan/url.h"

struct hs_plan_target {
    char     host[HS_URL_HOST_BYTES];
    uint16_t port;
    bool     is_ipv6; /* host is a literal */
};

/* The distinct host:port of a workflow, in the order of its steps: what a resolver has to look up. */
struct hs_plan_targets {
    uint32_t              count;
    struct hs_plan_target at[HS_TARGETS_MAX];
};

/* What the resolver found for target i. */
struct hs_plan_addresses {
    uint32_t                count;
    struct hs_image_address at[HS_ADDRESSES_MAX];
};

/* -ENOBUFS: more than HS_TARGETS_MAX. */
int hs_plan_targets(const struct hs_plan *plan, const struct hs_plan_workflow *workflow,
                    struct hs_plan_targets *targets, struct hs_err *err) HS_MUST_CHECK;

struct hs_compile_input {
    const struct hs_plan           *plan;
    uint32_t                        workflow_idx;
    const struct hs_plan_addresses *addresses; /* as many as hs_plan_targets lists */
    uint32_t                        address_count;
};

/* Compiles into memory (aligned to 16): the bytes of the image, or -ENOBUFS (does not fit), -EINVAL. scratch is for the time of
 * the call. 64 MiB of capacity holds any plan. */
int64_t hs_image_compile(const struct hs_compile_input *input, struct hs_arena *scratch,
                         void *memory, size_t capacity_bytes, struct hs_err *err) HS_MUST_CHECK;

#endif
