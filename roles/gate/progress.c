// SPDX-License-Identifier: Apache-2.0
/* progress.c - a table of steps, each with the sum over its datacenters. */
#include "roles/gate/progress.h"

#include "roles/stats/step_parts.h"

#include <errno.h>

void hs_progress_init(struct hs_progress *progress, struct hs_chunk *chunks)
{
    hs_chunk_pool_init(&progress->pool, chunks, HS_PROGRESS_CHUNKS);
}

/* Never 0. */
static uint64_t key_of(uint32_t job_idx, uint32_t step)
{
    return (uint64_t)(job_idx + 1) << 32 | step;
}

static uint32_t idx_of(const struct hs_progress *progress, uint64_t key)
{
    uint32_t idx = 0;

    while (idx < progress->high && progress->keys[idx] != key) idx++;
    return idx;
}

static struct hs_progress_step *step_of(struct hs_progress *progress, uint32_t job_idx,
                                        uint32_t step)
{
    uint64_t                 key = key_of(job_idx, step);
    uint32_t                 idx = idx_of(progress, key);
    struct hs_progress_step *at;

    if (idx < progress->high) return &progress->steps[idx];
    idx = idx_of(progress, 0);
    if (idx == HS_PROGRESS_STEPS_MAX) return NULL;
    if (idx == progress->high) progress->high++;
    progress->keys[idx] = key;
    at = &progress->steps[idx];
    at->step = step;
    hs_merge_init(&at->merge, &progress->pool, at->sources, HS_GATE_SLOTS_MAX);
    return at;
}

static int take_part(struct hs_progress_step *step, uint32_t slot, struct hs_view bytes,
                     bool is_full)
{
    int rc = is_full ? hs_merge_renew(&step->merge, slot, bytes)
                     : hs_merge_take(&step->merge, slot, bytes);

    return rc == -EEXIST ? 0 : rc;
}

int hs_progress_take(struct hs_progress *progress, uint32_t job_idx, uint32_t slot,
                     struct hs_view payload, bool is_full)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    int                 worst = 0;
    int                 rc;

    hs_reader_init(&reader, payload);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        struct hs_progress_step *step = step_of(progress, job_idx, part.step);
        int taken = step ? take_part(step, slot, part.bytes, is_full) : -ENOBUFS;

        if (taken < 0 && worst != -EPROTO) worst = taken;
    }
    return rc < 0 ? rc : worst;
}

void hs_progress_drop(struct hs_progress *progress, uint32_t job_idx)
{
    for (uint32_t i = 0; i < progress->high; i++) {
        if (progress->keys[i] >> 32 != job_idx + 1) continue;
        hs_merge_fini(&progress->steps[i].merge);
        progress->keys[i] = 0;
    }
    while (progress->high && !progress->keys[progress->high - 1]) progress->high--;
}

const struct hs_progress_step *hs_progress_find(const struct hs_progress *progress,
                                                uint32_t job_idx, uint32_t step)
{
    uint32_t idx = idx_of(progress, key_of(job_idx, step));

    return idx < progress->high ? &progress->steps[idx] : NULL;
}

const struct hs_stats *hs_progress_of(const struct hs_progress_step *step, uint32_t slot)
{
    for (unsigned i = 0; i < HS_GATE_SLOTS_MAX; i++)
        if (step->sources[i].is_used && step->sources[i].key == slot)
            return &step->sources[i].stats;
    return NULL;
}

const struct hs_progress_step *hs_progress_next(const struct hs_progress *progress,
                                                uint32_t job_idx, uint32_t *cursor)
{
    while (*cursor < progress->high) {
        uint32_t idx = (*cursor)++;

        if (progress->keys[idx] >> 32 == job_idx + 1) return &progress->steps[idx];
    }
    return NULL;
}
