// SPDX-License-Identifier: Apache-2.0
/* manager_live.c - runs of steps and sources, taken from common tables. */
#include "roles/manager/manager_live.h"

#include "roles/manager/manager_state.h"
#include "roles/stats/step_parts.h"
#include "shm/base/assert.h"

#include <errno.h>

void hs_manager_live_init(struct hs_manager_live *live)
{
    hs_chunk_pool_init(&live->pool, live->chunks, HS_MANAGER_LIVE_CHUNKS);
}

static uint32_t number_of(const struct hs_manager_live *live, uint32_t idx)
{
    return live->runs[idx].generation * HS_MANAGER_LIVE_RUNS + idx;
}

bool hs_manager_live_is_open(const struct hs_manager_live *live, uint32_t run)
{
    uint32_t idx = run % HS_MANAGER_LIVE_RUNS;

    return run != HS_MANAGER_LIVE_NONE && live->runs[idx].is_used && number_of(live, idx) == run;
}

struct hs_manager_live_run *hs_manager_live_at(struct hs_manager_live *live, uint32_t run)
{
    HS_ASSERT(hs_manager_live_is_open(live, run));
    return &live->runs[run % HS_MANAGER_LIVE_RUNS];
}

static bool take_room(struct hs_manager_live *live, struct hs_manager_live_run *run)
{
    int64_t steps =
        hs_manager_take_slots(live->is_step_used, HS_MANAGER_LIVE_STEPS, run->step_count);
    int64_t sources;

    if (steps < 0) return false;
    sources = hs_manager_take_slots(live->is_source_used, HS_MANAGER_LIVE_SOURCES,
                                    run->step_count * run->shard_count);
    if (sources < 0) {
        hs_manager_give_slots(live->is_step_used, (uint32_t)steps, run->step_count);
        return false;
    }
    run->step_first = (uint32_t)steps;
    run->source_first = (uint32_t)sources;
    return true;
}

/* The run that ended first makes room. */
static bool evict(struct hs_manager_live *live)
{
    uint32_t oldest = HS_MANAGER_LIVE_NONE;

    for (uint32_t i = 1; i < HS_MANAGER_LIVE_RUNS; i++) {
        if (!live->runs[i].is_used || !live->runs[i].is_ended) continue;
        if (!oldest || live->runs[i].ended_order < live->runs[oldest].ended_order) oldest = i;
    }
    if (oldest) hs_manager_live_close(live, number_of(live, oldest));
    return oldest != HS_MANAGER_LIVE_NONE;
}

static uint32_t find_free_run(const struct hs_manager_live *live)
{
    for (uint32_t i = 1; i < HS_MANAGER_LIVE_RUNS; i++)
        if (!live->runs[i].is_used) return i;
    return HS_MANAGER_LIVE_NONE;
}

/* Totals without all of their shares would be lower than what was told before. */
bool hs_manager_live_is_shown(struct hs_manager_live *live, uint32_t run_idx)
{
    struct hs_manager_live_run *run;
    uint32_t                    told = 0;

    if (!hs_manager_live_is_open(live, run_idx)) return false;
    run = hs_manager_live_at(live, run_idx);
    for (uint32_t i = 0; i < run->shard_count && run->needs_all; i++)
        told += live->steps[run->step_first].sources[i].is_used;
    if (told == run->shard_count) run->needs_all = false;
    return !run->needs_all;
}

uint32_t hs_manager_live_open(struct hs_manager_live *live, uint32_t step_count,
                              uint32_t shard_count, bool needs_all)
{
    struct hs_manager_live_run run = {.is_used = true,
                                      .needs_all = needs_all,
                                      .step_count = step_count,
                                      .shard_count = shard_count};
    uint32_t                   idx;

    if (!step_count || !shard_count || step_count > HS_MANAGER_LIVE_STEPS ||
        (uint64_t)step_count * shard_count > HS_MANAGER_LIVE_SOURCES)
        return HS_MANAGER_LIVE_NONE;
    while (!(idx = find_free_run(live)))
        if (!evict(live)) return HS_MANAGER_LIVE_NONE;
    while (!take_room(live, &run))
        if (!evict(live)) return HS_MANAGER_LIVE_NONE;
    run.generation = live->runs[idx].generation;
    live->runs[idx] = run;
    for (uint32_t i = 0; i < step_count; i++) {
        live->is_step_dirty[run.step_first + i] = false;
        hs_merge_init(&live->steps[run.step_first + i], &live->pool,
                      &live->sources[run.source_first + i * shard_count], shard_count);
    }
    return number_of(live, idx);
}

void hs_manager_live_close(struct hs_manager_live *live, uint32_t run_idx)
{
    struct hs_manager_live_run *run;

    if (!hs_manager_live_is_open(live, run_idx)) return;
    run = hs_manager_live_at(live, run_idx);
    for (uint32_t i = 0; i < run->step_count; i++) hs_merge_fini(&live->steps[run->step_first + i]);
    hs_manager_give_slots(live->is_step_used, run->step_first, run->step_count);
    hs_manager_give_slots(live->is_source_used, run->source_first,
                          run->step_count * run->shard_count);
    *run = (struct hs_manager_live_run){.generation = run->generation + 1};
}

void hs_manager_live_end(struct hs_manager_live *live, uint32_t run)
{
    struct hs_manager_live_run *at;

    if (!hs_manager_live_is_open(live, run)) return;
    at = hs_manager_live_at(live, run);
    if (at->is_ended) return;
    at->is_ended = true;
    at->ended_order = ++live->ended_count;
}

static int take_part(struct hs_manager_live *live, struct hs_manager_live_run *run, uint64_t key,
                     const struct hs_step_part *part, bool is_full)
{
    struct hs_merge *merge;
    int              rc;

    if (part->step >= run->step_count) return -EPROTO;
    merge = &live->steps[run->step_first + part->step];
    rc = hs_merge_take(merge, key, part->bytes);
    if (rc == -EPROTO && is_full) {
        rc = hs_merge_replace(merge, key, part->bytes);
        run->is_reduced = true;
    }
    if (rc == 0) live->is_step_dirty[run->step_first + part->step] = true;
    return rc == -EEXIST ? 0 : rc;
}

int hs_manager_live_take(struct hs_manager_live *live, uint32_t run, uint64_t key,
                         struct hs_view payload, bool is_full)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    int                 worst = 0;
    int                 rc;

    if (!hs_manager_live_is_open(live, run)) return 0;
    hs_reader_init(&reader, payload);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        int taken = take_part(live, hs_manager_live_at(live, run), key, &part, is_full);

        if (taken < 0 && worst != -EPROTO) worst = taken;
    }
    return rc < 0 ? rc : worst;
}

uint64_t hs_manager_live_sent(struct hs_manager_live *live, uint32_t run_idx, uint64_t key)
{
    const struct hs_manager_live_run *run;
    uint64_t                          sent = 0;

    if (!hs_manager_live_is_open(live, run_idx)) return 0;
    run = hs_manager_live_at(live, run_idx);
    for (uint32_t i = 0; i < run->step_count; i++) {
        const struct hs_merge_source *source =
            hs_merge_find(&live->steps[run->step_first + i], key);

        if (source) sent += source->stats.tallies[HS_TALLY_SENT];
    }
    return sent;
}

void hs_manager_live_discard(struct hs_manager_live *live, uint32_t run_idx, uint64_t key)
{
    struct hs_manager_live_run *run;

    if (!hs_manager_live_is_open(live, run_idx)) return;
    run = hs_manager_live_at(live, run_idx);
    for (uint32_t i = 0; i < run->step_count; i++) {
        hs_merge_discard(&live->steps[run->step_first + i], key);
        live->is_step_dirty[run->step_first + i] = true;
    }
    run->is_reduced = true;
}

const struct hs_stats *hs_manager_live_step(const struct hs_manager_live *live, uint32_t run,
                                            uint32_t step)
{
    const struct hs_manager_live_run *at = &live->runs[run % HS_MANAGER_LIVE_RUNS];

    HS_ASSERT(hs_manager_live_is_open(live, run));
    HS_ASSERT(step < at->step_count);
    return &live->steps[at->step_first + step].total;
}

bool hs_manager_live_take_dirty(struct hs_manager_live *live, uint32_t run, uint32_t step)
{
    bool *is_dirty = &live->is_step_dirty[hs_manager_live_at(live, run)->step_first + step];
    bool  was_dirty = *is_dirty;

    *is_dirty = false;
    return was_dirty;
}

void hs_manager_live_mark_dirty(struct hs_manager_live *live, uint32_t run_idx)
{
    const struct hs_manager_live_run *run;

    if (!hs_manager_live_is_open(live, run_idx)) return;
    run = hs_manager_live_at(live, run_idx);
    for (uint32_t i = 0; i < run->step_count; i++) live->is_step_dirty[run->step_first + i] = true;
}
