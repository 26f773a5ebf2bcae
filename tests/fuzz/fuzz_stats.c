// SPDX-License-Identifier: Apache-2.0
/* fuzz_stats.c - encoded figures from anybody: refused without any change, or applied to source and
 * total alike; and what was applied encodes and decodes to itself. Pieces of the input, each with
 * two bytes of length, are parts in a row. */
#include "roles/stats/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHUNKS = 6 * HS_STATS_CHUNKS_MAX, SOURCES = 2 };

static struct hs_chunk        chunks[CHUNKS];
static struct hs_chunk_pool   pool;
static struct hs_merge        merge;
static struct hs_merge_source sources[SOURCES];
static uint8_t                memory[256 * 1024];

static void require(int holds)
{
    if (!holds) abort();
}

static void require_total_is_sum(void)
{
    struct hs_stats sum;

    hs_stats_init(&sum, &pool);
    for (unsigned i = 0; i < SOURCES; i++)
        if (sources[i].is_used) require(hs_stats_add(&sum, &sources[i].stats) == 0);
    require(hs_stats_is_equal(&sum, &merge.total));
    hs_stats_fini(&sum);
}

static void require_round_trip(const struct hs_stats *stats)
{
    struct hs_stats         copy;
    struct hs_stats_encoder encoder;
    int                     rc = 1;

    hs_stats_init(&copy, &pool);
    hs_stats_encoder_init(&encoder, stats, NULL);
    while (rc == 1) {
        struct hs_writer     writer;
        struct hs_stats_part part;

        hs_writer_init(&writer, memory, sizeof memory);
        rc = hs_stats_encode_part(&encoder, 1, &writer);
        require(rc >= 0);
        require(hs_stats_part_open(&part, hs_view_of(memory, writer.used_bytes)) == 0);
        require(hs_stats_part_apply(&part, &copy, NULL) == 0);
    }
    require(hs_stats_is_equal(&copy, stats));
    hs_stats_fini(&copy);
}

static void take(uint64_t key, struct hs_view bytes)
{
    struct hs_merge_source *source = hs_merge_find(&merge, key);
    struct hs_stats         before;
    int                     rc;

    hs_stats_init(&before, &pool);
    require(hs_stats_copy(&before, &merge.total) == 0);
    rc = hs_merge_take(&merge, key, bytes);
    require(rc == 0 || rc == -EPROTO || rc == -EEXIST || rc == -ESTALE);
    if (rc != 0) require(hs_stats_is_equal(&before, &merge.total));
    if (rc != 0) require(hs_merge_find(&merge, key) == source);
    hs_stats_fini(&before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_merge_init(&merge, &pool, sources, SOURCES);
    while (size > 2) {
        size_t bytes = (size_t)data[0] | (size_t)(data[1] & 0x0f) << 8;

        if (bytes > size - 2) bytes = size - 2;
        take(data[1] >> 7, hs_view_of(data + 2, bytes));
        data += 2 + bytes;
        size -= 2 + bytes;
    }
    require_total_is_sum();
    for (unsigned i = 0; i < SOURCES; i++)
        if (sources[i].is_used) require_round_trip(&sources[i].stats);
    hs_merge_fini(&merge);
    require(pool.free_count == CHUNKS - 1);
    return 0;
}
