// SPDX-License-Identifier: Apache-2.0
/* compile.h - from one workflow of a checked plan to an image (image.h), into memory of the caller.
 * Pure: the addresses come from a resolver elsewhere. */
#ifndef HS_PLAN_COMPILE_H
#define HS_PLAN_COMPILE_H

#include "roles/plan/targets.h"

/* What the resolver found for target i. */
struct hs_plan_addresses {
    uint32_t                count;
    int32_t                 code; /* count 0: why, as in struct hs_image_target; 0: not told */
    struct hs_image_address at[HS_ADDRESSES_MAX];
};

struct hs_compile_input {
    const struct hs_plan           *plan;
    uint32_t                        workflow_idx;
    const struct hs_plan_addresses *addresses; /* as many as hs_plan_targets lists */
    uint32_t                        address_count;
};

/* Compiles into memory (aligned to 16): the bytes of the image, or -ENOBUFS (does not fit),
 * -EINVAL. scratch is for the time of the call. HS_IMAGE_BYTES_MAX of capacity is enough for a
 * checked plan. */
int64_t hs_image_compile(const struct hs_compile_input *input, struct hs_arena *scratch,
                         void *memory, size_t capacity_bytes, struct hs_err *err) HS_MUST_CHECK;

#endif
