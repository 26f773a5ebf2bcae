// SPDX-License-Identifier: Apache-2.0
/* progress.c - a table of steps, each with the sum over its datacenters. */
#include "roles/gate/progress.h"

#include "roles/stats/step_parts.h"

#include <errno.h>

void hs_progress_init(struct hs_progress *progress, struct hs_chunk *chunks)
{
    hs_chunk_pool_init(&progress->pool, chunks, HS_PROGRESS_CHUNKS);
}

static struct hs_progress_step *step_of(struct hs_progress *progress, uint32_t job_idx,
                                        uint32_t step)
{
    struct hs_progress_step *unused = NULL;

    for (uint32_t i = 0; i < HS_PROGRESS_STEPS_MAX; i++) {
        struct hs_progress_step *at = &progress->steps[i];

        if (at->job_idx_1 == job_idx + 1 && at->step == step) return at;
        if (!at->job_idx_1 && !unused) unused = at;
    }
    if (!unused) return NULL;
    unused->job_idx_1 = job_idx + 1;
    unused->step = step;
    hs_merge_init(&unused->merge, &progress->pool, unused->sources, HS_GATE_SLOTS_MAX);
    return unused;
}

int hs_progress_take(struct hs_progress *progress, uint32_t job_idx, uint32_t slot,
                     struct hs_view payload)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    int                 worst = 0;
    int                 rc;

    hs_reader_init(&reader, payload);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        struct hs_progress_step *step = step_of(progress, job_idx, part.step);

        rc = step ? hs_merge_take(&step->merge, slot, part.bytes) : -ENOBUFS;
        if (rc && rc != -EEXIST) worst = rc;
    }
    return rc < 0 ? rc : worst;
}

void hs_progress_drop(struct hs_progress *progress, uint32_t job_idx)
{
    for (uint32_t i = 0; i < HS_PROGRESS_STEPS_MAX; i++) {
        struct hs_progress_step *step = &progress->steps[i];

        if (step->job_idx_1 != job_idx + 1) continue;
        hs_merge_fini(&step->merge);
        step->job_idx_1 = 0;
    }
}

const struct hs_progress_step *hs_progress_next(const struct hs_progress *progress,
                                                uint32_t job_idx, uint32_t *cursor)
{
    while (*cursor < HS_PROGRESS_STEPS_MAX) {
        const struct hs_progress_step *step = &progress->steps[(*cursor)++];

        if (step->job_idx_1 == job_idx + 1) return step;
    }
    return NULL;
}
