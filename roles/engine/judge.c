// SPDX-License-Identifier: Apache-2.0
/* judge.c - status first, then the checks of the step in their order. */
#include "roles/engine/judge.h"

#include "roles/protocol/http1.h"

#include <string.h>

static bool contains(struct hs_view text, struct hs_view part)
{
    return part.bytes == 0 || memmem(text.data, text.bytes, part.data, part.bytes) != NULL;
}

static bool passes(const struct hs_image_header *image, const struct hs_image_check *check,
                   const struct hs_answer *answer)
{
    struct hs_view text = hs_image_view(image, check->text);
    struct hs_view name = hs_image_view(image, check->name);
    struct hs_view value;

    switch ((enum hs_image_check_kind)check->kind) {
    case HS_CHECK_HEADER_EXISTS: return hs_http1_header(answer->head, name, &value);
    case HS_CHECK_HEADER_CONTAINS:
        return hs_http1_header(answer->head, name, &value) && contains(value, text);
    case HS_CHECK_HEADER_EQUALS:
        return hs_http1_header(answer->head, name, &value) && hs_view_equal(value, text);
    case HS_CHECK_BODY_CONTAINS: return contains(answer->body, text);
    case HS_CHECK_BODY_EQUALS: return !answer->is_body_cut && hs_view_equal(answer->body, text);
    case HS_CHECK_SIZE:
        return answer->body_bytes >= check->low && answer->body_bytes <= check->high;
    case HS_CHECK_TIME: return answer->service_ns <= check->high;
    }
    return false;
}

/* May the failed check have looked for what was not captured? */
static bool is_blind(const struct hs_image_header *image, const struct hs_image_check *check,
                     const struct hs_answer *answer)
{
    struct hs_view value;

    switch ((enum hs_image_check_kind)check->kind) {
    case HS_CHECK_HEADER_EXISTS:
    case HS_CHECK_HEADER_CONTAINS:
    case HS_CHECK_HEADER_EQUALS:
        return answer->is_head_cut &&
               !hs_http1_header(answer->head, hs_image_view(image, check->name), &value);
    case HS_CHECK_BODY_CONTAINS: return answer->is_body_cut;
    case HS_CHECK_BODY_EQUALS: return answer->is_body_cut && check->text.bytes > answer->body.bytes;
    case HS_CHECK_SIZE:
    case HS_CHECK_TIME: break;
    }
    return false;
}

static enum hs_error_class wrong_status(const struct hs_image_step *step, unsigned status)
{
    if (step->flags & HS_STEP_HAS_STATUS_CHECK) return HS_ERROR_CHECK;
    if (status >= 500) return HS_ERROR_STATUS_5XX;
    return status >= 400 ? HS_ERROR_STATUS_4XX : HS_ERROR_CHECK;
}

bool hs_judge(const struct hs_image_header *image, const struct hs_image_step *step,
              const struct hs_answer *answer, enum hs_error_class *error)
{
    if (!hs_image_status_is_ok(step, answer->status)) {
        *error = wrong_status(step, answer->status);
        return false;
    }
    for (uint32_t i = 0; i < step->check_count; i++) {
        const struct hs_image_check *check = hs_image_check_at(image, step, i);

        if (passes(image, check, answer)) continue;
        *error = is_blind(image, check, answer) ? HS_ERROR_BODY_TRUNCATED : HS_ERROR_CHECK;
        return false;
    }
    return true;
}

static bool has_check(const struct hs_image_header *image, const struct hs_image_step *step,
                      unsigned kinds)
{
    for (uint32_t i = 0; i < step->check_count; i++)
        if (kinds & (1u << hs_image_check_at(image, step, i)->kind)) return true;
    return false;
}

bool hs_judge_needs_head(const struct hs_image_header *image, const struct hs_image_step *step)
{
    return has_check(image, step,
                     1u << HS_CHECK_HEADER_EXISTS | 1u << HS_CHECK_HEADER_CONTAINS |
                         1u << HS_CHECK_HEADER_EQUALS);
}

bool hs_judge_needs_body(const struct hs_image_header *image, const struct hs_image_step *step)
{
    return has_check(image, step, 1u << HS_CHECK_BODY_CONTAINS | 1u << HS_CHECK_BODY_EQUALS);
}
