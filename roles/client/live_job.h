// SPDX-License-Identifier: Apache-2.0
/* live_job.h - the figures of a running job, as STATS bring them: the totals so far, and what
 * happened since the last line. Pure; memory is the caller's. A payload that cannot be taken costs
 * a line, never a count: the result has its own figures. */
#ifndef HS_CLIENT_LIVE_JOB_H
#define HS_CLIENT_LIVE_JOB_H

#include "roles/stats/merge.h"
#include "roles/wire.h"

enum { HS_LIVE_JOB_HISTORY = 64 };

struct hs_live_job {
    struct hs_chunk_pool pool;
    struct hs_merge      merge;  /* a source per step */
    struct hs_stats      before; /* when the interval began */
    struct hs_stats      interval;
    uint64_t             before_ns;
    uint64_t             interval_ns; /* that interval covers; 0: none yet */
    uint64_t             elapsed_ns;
    uint64_t             planned_ns; /* 0 or HS_NEVER_NS: not known */
    uint8_t              phase;      /* enum hs_exec_phase */
    uint8_t              status;     /* enum hs_job_state */
    bool                 is_late;    /* a payload could not be taken */
    uint64_t             discarded_told;
    uint32_t             history_count;
    uint64_t history_per_s[HS_LIVE_JOB_HISTORY]; /* completed, one an interval, oldest first */
};

/* chunks and sources: as many as the plan has steps, and three more figures. */
void hs_live_job_init(struct hs_live_job *live, struct hs_chunk *chunks, uint32_t chunk_count,
                      struct hs_merge_source *sources, uint32_t source_count);
/* From the start: a gate that was lost and found may tell of another attempt, in another order. */
void hs_live_job_restart(struct hs_live_job *live);
/* True when figures have moved on. */
bool hs_live_job_take(struct hs_live_job *live, const struct hs_msg_stats *stats);
/* Ends the interval when it has lasted min_ns: interval and interval_ns are what happened in it. */
bool hs_live_job_close_interval(struct hs_live_job *live, uint64_t min_ns);

/* Requests that count no more since the last time this was asked: a share was lost. */
uint64_t hs_live_job_take_discarded(struct hs_live_job *live);

const struct hs_stats *hs_live_job_total(const struct hs_live_job *live);
/* "warmup", "steady", "drain" ... */
const char *hs_live_job_phase_name(const struct hs_live_job *live);

#endif
