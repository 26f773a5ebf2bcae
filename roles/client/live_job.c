// SPDX-License-Identifier: Apache-2.0
/* live_job.c - takes statistics of a job as they come in. */
#include "roles/client/live_job.h"

#include "roles/exec_state.h"
#include "roles/stats/step_parts.h"
#include "shm/base/time.h"

#include <errno.h>
#include <string.h>

void hs_live_job_init(struct hs_live_job *live, struct hs_chunk *chunks, uint32_t chunk_count,
                      struct hs_merge_source *sources, uint32_t source_count)
{
    memset(live, 0, sizeof *live);
    hs_chunk_pool_init(&live->pool, chunks, chunk_count);
    hs_merge_init(&live->merge, &live->pool, sources, source_count);
    hs_stats_init(&live->before, &live->pool);
    hs_stats_init(&live->interval, &live->pool);
}

void hs_live_job_restart(struct hs_live_job *live)
{
    struct hs_merge_source *sources = live->merge.sources;
    uint32_t                source_count = live->merge.source_capacity;

    hs_merge_fini(&live->merge);
    hs_merge_init(&live->merge, &live->pool, sources, source_count);
}

static bool take_parts(struct hs_live_job *live, struct hs_view payload)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    int                 rc;
    bool                is_whole = true;

    hs_reader_init(&reader, payload);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        int taken = hs_merge_renew(&live->merge, part.step, part.bytes);

        if (taken < 0 && taken != -EEXIST) is_whole = false;
    }
    return is_whole && rc == 0;
}

bool hs_live_job_take(struct hs_live_job *live, const struct hs_msg_stats *stats)
{
    live->phase = stats->phase;
    live->status = stats->status;
    live->elapsed_ns = stats->elapsed_ns;
    if (stats->planned_ns) live->planned_ns = stats->planned_ns;
    if (!take_parts(live, stats->payload)) live->is_late = true;
    return stats->part + 1 >= stats->parts;
}

static void add_history(struct hs_live_job *live)
{
    uint64_t completed = hs_stats_completed(&live->interval);

    if (live->history_count == HS_LIVE_JOB_HISTORY) {
        memmove(live->history_per_s, live->history_per_s + 1,
                (HS_LIVE_JOB_HISTORY - 1) * sizeof live->history_per_s[0]);
        live->history_count--;
    }
    live->history_per_s[live->history_count++] =
        (uint64_t)((double)completed * (double)HS_NS_PER_S / (double)live->interval_ns);
}

bool hs_live_job_close_interval(struct hs_live_job *live, uint64_t min_ns)
{
    const struct hs_stats *total = &live->merge.total;

    if (live->elapsed_ns < live->before_ns) live->before_ns = live->elapsed_ns;
    if (live->elapsed_ns - live->before_ns < hs_max_u64(min_ns, 1)) return false;
    /* A total that went back (an attempt was run again) has no interval: it begins anew. */
    if (hs_stats_copy(&live->interval, total) < 0 ||
        hs_stats_subtract(&live->interval, &live->before) < 0)
        hs_stats_clear(&live->interval);
    if (hs_stats_copy(&live->before, total) < 0) live->is_late = true;
    live->interval_ns = live->elapsed_ns - live->before_ns;
    live->before_ns = live->elapsed_ns;
    add_history(live);
    return true;
}

uint64_t hs_live_job_take_discarded(struct hs_live_job *live)
{
    uint64_t discarded = live->merge.total.tallies[HS_TALLY_DISCARDED];
    uint64_t news = discarded > live->discarded_told ? discarded - live->discarded_told : 0;

    live->discarded_told += news;
    return news;
}

const struct hs_stats *hs_live_job_total(const struct hs_live_job *live)
{
    return &live->merge.total;
}

const char *hs_live_job_phase_name(const struct hs_live_job *live)
{
    switch ((enum hs_exec_phase)live->phase) {
    case HS_PHASE_START: return "start";
    case HS_PHASE_WARMUP: return "warmup";
    case HS_PHASE_LOAD: return "steady";
    case HS_PHASE_DRAIN: return "drain";
    case HS_PHASE_DONE: return "done";
    case HS_PHASE_COUNT: break;
    }
    return "?";
}
