// SPDX-License-Identifier: Apache-2.0
/* merge.h - the sum of several sources' cumulative figures (of one step, with or without warm-up),
 * kept exact while parts arrive. Pure. Who the sources are (execs at a manager, datacenters at a
 * gate) is the caller's matter: a key each.
 *
 * Order of parts: a whole first part is always taken; any other must carry the sequence after the
 * last one taken. A repeat is -EEXIST (ignore it), a gap -ESTALE (ask the source for a whole). The
 * total is kept incrementally: total = what is closed + sum over sources, at every moment. Memory:
 * (sources + 1) hs_stats, all chunks from one pool, at most (sources + 1) x HS_STATS_CHUNKS_MAX of
 * them and typically 250 each. */
#ifndef HS_STATS_MERGE_H
#define HS_STATS_MERGE_H

#include "roles/stats/stats_codec.h"

struct hs_merge_source {
    bool            is_used;
    uint64_t        key;
    uint64_t        sequence; /* of the last part taken; 0: none yet */
    uint64_t        refused_count;
    struct hs_stats stats;
};

struct hs_merge {
    struct hs_stats         total;
    struct hs_chunk_pool   *pool;
    struct hs_merge_source *sources; /* the caller's memory */
    uint32_t                source_capacity;
};

void hs_merge_init(struct hs_merge *merge, struct hs_chunk_pool *pool,
                   struct hs_merge_source *sources, uint32_t source_capacity);
void hs_merge_fini(struct hs_merge *merge);
/* One encoded part of the source with this key; a new key takes a free source. 0, -EEXIST, -ESTALE,
 * -EPROTO (malformed or going back: counted as refused), -ENOBUFS (no source or chunk left).
 * Nothing changes but on 0. */
int hs_merge_take(struct hs_merge *merge, uint64_t key, struct hs_view bytes) HS_MUST_CHECK;
/* Whole figures in place of all that the source has sent: its counts went back, since a part of its
 * work was run again, which it has told in its own `discarded`. As hs_merge_take, but that the
 * source is forgotten when it cannot be taken; -EPROTO also for a key that is not known. */
int hs_merge_replace(struct hs_merge *merge, uint64_t key, struct hs_view bytes) HS_MUST_CHECK;
/* Whole figures of a source that may have gone back in whatever way: a part that is all of them
 * takes the place of what was there, exactly; any other is taken as hs_merge_take does. */
int hs_merge_renew(struct hs_merge *merge, uint64_t key, struct hs_view bytes) HS_MUST_CHECK;
/* The source will send no more: what it brought stays in the total, its memory is free. */
void hs_merge_close(struct hs_merge *merge, uint64_t key);
/* The source's attempt is void: its figures leave the total and its `sent` is added to
 * `discarded`. */
void                    hs_merge_discard(struct hs_merge *merge, uint64_t key);
struct hs_merge_source *hs_merge_find(struct hs_merge *merge, uint64_t key); /* NULL: unknown */

#endif
