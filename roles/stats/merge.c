// SPDX-License-Identifier: Apache-2.0
/* merge.c - sources and their exact sum. */
#include "roles/stats/merge.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

void hs_merge_init(struct hs_merge *merge, struct hs_chunk_pool *pool,
                   struct hs_merge_source *sources, uint32_t source_capacity)
{
    *merge =
        (struct hs_merge){.pool = pool, .sources = sources, .source_capacity = source_capacity};
    hs_stats_init(&merge->total, pool);
    for (uint32_t i = 0; i < source_capacity; i++) {
        memset(&sources[i], 0, sizeof sources[i]);
    }
}

static void free_source(struct hs_merge_source *source)
{
    hs_stats_fini(&source->stats);
    source->is_used = false;
}

void hs_merge_fini(struct hs_merge *merge)
{
    for (uint32_t i = 0; i < merge->source_capacity; i++)
        if (merge->sources[i].is_used) free_source(&merge->sources[i]);
    if (merge->pool) hs_stats_fini(&merge->total);
    *merge = (struct hs_merge){0};
}

struct hs_merge_source *hs_merge_find(struct hs_merge *merge, uint64_t key)
{
    for (uint32_t i = 0; i < merge->source_capacity; i++)
        if (merge->sources[i].is_used && merge->sources[i].key == key) return &merge->sources[i];
    return NULL;
}

static struct hs_merge_source *add_source(struct hs_merge *merge, uint64_t key)
{
    for (uint32_t i = 0; i < merge->source_capacity; i++) {
        struct hs_merge_source *source = &merge->sources[i];

        if (source->is_used) continue;
        *source = (struct hs_merge_source){.is_used = true, .key = key};
        hs_stats_init(&source->stats, merge->pool);
        return source;
    }
    return NULL;
}

static bool is_fresh_start(const struct hs_stats_part *part)
{
    const uint8_t wanted = HS_STATS_PART_WHOLE | HS_STATS_PART_FIRST;

    return (part->flags & wanted) == wanted;
}

static int take_first(struct hs_merge *merge, uint64_t key, const struct hs_stats_part *part)
{
    struct hs_merge_source *source;
    int                     rc;

    if (!is_fresh_start(part)) return -ESTALE;
    source = add_source(merge, key);
    if (!source) return -ENOBUFS;
    rc = hs_stats_part_apply(part, &source->stats, &merge->total);
    if (rc < 0) {
        free_source(source);
        return rc;
    }
    source->sequence = part->sequence;
    return 0;
}

int hs_merge_take(struct hs_merge *merge, uint64_t key, struct hs_view bytes)
{
    struct hs_merge_source *source = hs_merge_find(merge, key);
    struct hs_stats_part    part;
    int                     rc = hs_stats_part_open(&part, bytes);

    if (rc < 0) {
        if (source) source->refused_count++;
        return rc;
    }
    if (!source) return take_first(merge, key, &part);
    if (!is_fresh_start(&part)) {
        if (part.sequence <= source->sequence) return -EEXIST;
        if (part.sequence != source->sequence + 1) return -ESTALE;
    }
    rc = hs_stats_part_apply(&part, &source->stats, &merge->total);
    if (rc == -EPROTO) source->refused_count++;
    if (rc == 0) source->sequence = part.sequence;
    return rc;
}

void hs_merge_close(struct hs_merge *merge, uint64_t key)
{
    struct hs_merge_source *source = hs_merge_find(merge, key);

    if (source) free_source(source);
}

void hs_merge_discard(struct hs_merge *merge, uint64_t key)
{
    struct hs_merge_source *source = hs_merge_find(merge, key);
    uint64_t                sent_count;
    int                     rc;

    if (!source) return;
    sent_count = source->stats.tallies[HS_TALLY_SENT];
    rc = hs_stats_subtract(&merge->total, &source->stats);
    HS_ASSERT(rc == 0); /* the total contains each of its sources */
    merge->total.tallies[HS_TALLY_DISCARDED] += sent_count;
    free_source(source);
}

int hs_merge_replace(struct hs_merge *merge, uint64_t key, struct hs_view bytes)
{
    struct hs_merge_source *source = hs_merge_find(merge, key);
    uint64_t                sent_count;

    if (!source) return -EPROTO;
    sent_count = source->stats.tallies[HS_TALLY_SENT];
    hs_merge_discard(merge, key);
    merge->total.tallies[HS_TALLY_DISCARDED] -= sent_count;
    return hs_merge_take(merge, key, bytes);
}

/* A count that is zero now is not in the part at all, so that going back cannot always be seen. */
int hs_merge_renew(struct hs_merge *merge, uint64_t key, struct hs_view bytes)
{
    struct hs_stats_part part;
    int                  rc;

    if (!hs_merge_find(merge, key) || hs_stats_part_open(&part, bytes) < 0)
        return hs_merge_take(merge, key, bytes);
    if (is_fresh_start(&part) && (part.flags & HS_STATS_PART_LAST))
        return hs_merge_replace(merge, key, bytes);
    rc = hs_merge_take(merge, key, bytes);
    return rc == -EPROTO ? hs_merge_replace(merge, key, bytes) : rc;
}
