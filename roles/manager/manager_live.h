// SPDX-License-Identifier: Apache-2.0
/* manager_live.h - the figures of workflows that run, merged exactly over their shares as progress
 * arrives, for the gate. Soft: what a restarted manager lacks comes again with the next whole
 * figures. Final figures do not come from here (run_maker.h). Pure; the caller owns the memory, of
 * which only touched pages cost anything.
 *
 * A run is one workflow with its shards as sources. A run that has ended keeps its totals until its
 * room is needed. The number of a run names its place and which run of that place it is: whoever
 * still holds it after that finds nothing, never the figures of another. */
#ifndef HS_MANAGER_MANAGER_LIVE_H
#define HS_MANAGER_MANAGER_LIVE_H

#include "roles/stats/merge.h"
#include "shm/base/limits.h"

enum {
    HS_MANAGER_LIVE_RUNS = 256,
    HS_MANAGER_LIVE_STEPS = 2048, /* of all runs */
    HS_MANAGER_LIVE_SOURCES = 4096,
    HS_MANAGER_LIVE_CHUNKS =
        1 << 18,             /* 128 MiB when all are used: 2,000 steps of typical figures */
    HS_MANAGER_LIVE_NONE = 0 /* no run */
};

struct hs_manager_live_run {
    uint32_t generation; /* of the place: how many runs it has had before */
    bool     is_used;
    bool     is_ended;
    bool     is_reduced; /* a count went back: an attempt was run again */
    bool     needs_all;  /* taken up in the middle: not to be shown before every share has told */
    uint32_t step_first;
    uint32_t step_count;
    uint32_t source_first;
    uint32_t shard_count;
    uint64_t ended_order;
};

struct hs_manager_live {
    struct hs_chunk_pool       pool;
    uint64_t                   ended_count;
    struct hs_manager_live_run runs[HS_MANAGER_LIVE_RUNS]; /* 0 stays unused */
    bool                       is_step_used[HS_MANAGER_LIVE_STEPS];
    bool            is_step_dirty[HS_MANAGER_LIVE_STEPS]; /* changed since it was last sent */
    bool            is_source_used[HS_MANAGER_LIVE_SOURCES];
    struct hs_merge steps[HS_MANAGER_LIVE_STEPS];
    struct hs_merge_source sources[HS_MANAGER_LIVE_SOURCES];
    struct hs_chunk        chunks[HS_MANAGER_LIVE_CHUNKS];
};

void hs_manager_live_init(struct hs_manager_live *live); /* zeroed memory */
/* A run's number, or HS_MANAGER_LIVE_NONE: no room; its figures are then seen at its end only. */
uint32_t hs_manager_live_open(struct hs_manager_live *live, uint32_t step_count,
                              uint32_t shard_count, bool needs_all);
void     hs_manager_live_close(struct hs_manager_live *live, uint32_t run_idx);
void     hs_manager_live_end(struct hs_manager_live *live,
                             uint32_t                run); /* may be closed when room is needed */
bool     hs_manager_live_is_open(const struct hs_manager_live *live, uint32_t run);
/* What a number names; only for one that is open. */
struct hs_manager_live_run *hs_manager_live_at(struct hs_manager_live *live, uint32_t run);
bool hs_manager_live_is_shown(struct hs_manager_live *live, uint32_t run_idx);

/* A payload of step parts of the attempt with this key. 0; -ESTALE: send whole figures; -EPROTO:
 * malformed. is_full: the payload starts over, also when counts are lower than before. */
int      hs_manager_live_take(struct hs_manager_live *live, uint32_t run, uint64_t key,
                              struct hs_view payload, bool is_full) HS_MUST_CHECK;
uint64_t hs_manager_live_sent(struct hs_manager_live *live, uint32_t run_idx,
                              uint64_t key); /* requests */
/* The attempt is void. */
void hs_manager_live_discard(struct hs_manager_live *live, uint32_t run_idx, uint64_t key);

const struct hs_stats *hs_manager_live_step(const struct hs_manager_live *live, uint32_t run,
                                            uint32_t step);
bool hs_manager_live_take_dirty(struct hs_manager_live *live, uint32_t run, uint32_t step);
void hs_manager_live_mark_dirty(struct hs_manager_live *live, uint32_t run_idx); /* all steps */

#endif
