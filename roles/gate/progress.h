// SPDX-License-Identifier: Apache-2.0
/* progress.h - the figures of running jobs as datacenters report them, merged per step. Pure; the
 * memory is the caller's. For the eye: what counts in the end are the run records. When the tables
 * are full a job goes on unshown. */
#ifndef HS_GATE_PROGRESS_H
#define HS_GATE_PROGRESS_H

#include "roles/gate/gate_entry.h"
#include "roles/stats/merge.h"

enum {
    HS_PROGRESS_STEPS_MAX = 1024,  /* steps of all running jobs together */
    HS_PROGRESS_CHUNKS = 256 << 10 /* 128 MiB of counters, touched only when used */
};

struct hs_progress_step {
    uint32_t               step; /* workflow << 16 | step */
    struct hs_merge        merge;
    struct hs_merge_source sources[HS_GATE_SLOTS_MAX];
};

struct hs_progress {
    struct hs_chunk_pool    pool;
    uint64_t                keys[HS_PROGRESS_STEPS_MAX]; /* job's index + 1, step; 0: free */
    uint32_t                high;                        /* no step at or above this index */
    struct hs_progress_step steps[HS_PROGRESS_STEPS_MAX];
};

void hs_progress_init(struct hs_progress *progress, struct hs_chunk *chunks);
/* A payload of step parts from a datacenter. 0; -EPROTO; -ENOBUFS: something of it is not shown;
 * -ESTALE: a whole one is needed. is_full: counts of a step may go back, for an attempt that was
 * run again. */
int  hs_progress_take(struct hs_progress *progress, uint32_t job_idx, uint32_t slot,
                      struct hs_view payload, bool is_full) HS_MUST_CHECK;
void hs_progress_drop(struct hs_progress *progress, uint32_t job_idx);
/* NULL: nothing is known of it. step: workflow << 16 | step. */
const struct hs_progress_step *hs_progress_find(const struct hs_progress *progress,
                                                uint32_t job_idx, uint32_t step);
/* What one datacenter has told of the step; NULL: nothing. */
const struct hs_stats *hs_progress_of(const struct hs_progress_step *step, uint32_t slot);
/* The next step of a job from *cursor on (0 first); NULL: no more. */
const struct hs_progress_step *hs_progress_next(const struct hs_progress *progress,
                                                uint32_t job_idx, uint32_t *cursor);

#endif
