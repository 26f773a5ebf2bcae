// SPDX-License-Identifier: Apache-2.0
/* judge.h - is this answer what the plan asked for? Pure: an answer in, the class of its failure
 * out. Does not count. */
#ifndef HS_ENGINE_JUDGE_H
#define HS_ENGINE_JUDGE_H

#include "roles/plan/image.h"
#include "roles/stats/error_class.h"

struct hs_answer {
    unsigned       status;
    uint64_t       body_bytes; /* decoded */
    uint64_t       service_ns;
    struct hs_view head; /* captured, if a check of the step looks at it */
    struct hs_view body;
    bool           is_head_cut; /* it is longer than what was captured */
    bool           is_body_cut;
};

/* true: it passes. Else *error says the class: body.truncated if what a check looks for may be in
 * the part that was not captured. */
bool hs_judge(const struct hs_image_header *image, const struct hs_image_step *step,
              const struct hs_answer *answer, enum hs_error_class *error);
/* Must the head, the body be captured for this step? */
bool hs_judge_needs_head(const struct hs_image_header *image, const struct hs_image_step *step);
bool hs_judge_needs_body(const struct hs_image_header *image, const struct hs_image_step *step);

#endif
