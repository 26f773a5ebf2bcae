// SPDX-License-Identifier: Apache-2.0
/* test_run_record.c - what a manager writes about a workflow is what the client reads, step by
 * step. */
#include "roles/stats/run_record.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

enum { BYTES = 1 << 20, CHUNKS = 4096 };

static uint8_t              memory[BYTES];
static struct hs_chunk      chunks[CHUNKS];
static struct hs_chunk_pool pool;

static const struct hs_run_record sample = {
    .workflow = "search",
    .text = "dependency \"seed\" failed",
    .backend = "io_uring",
    .workflow_idx = 3,
    .state = 5,
    .flags = HS_RUN_RECORD_OPEN_MODEL,
    .seed = UINT64_MAX,
    .duration_ns = 10000000000,
    .warmup_ns = 1,
    .elapsed_ns = 12000000000,
    .shard_count = 2,
    .engine_count = 4,
    .restart_count = 1,
    .retry_count = 1,
    .step_count = 2,
};

static void fill(struct hs_stats *stats, unsigned requests)
{
    hs_stats_init(stats, &pool);
    for (unsigned i = 0; i < requests; i++) {
        HS_CHECK_EQ(hs_stats_record(stats, HS_MEASURE_RESPONSE, 1000000 + i * 7919), 0);
        HS_CHECK_EQ(hs_stats_add_status(stats, 200, 1), 0);
    }
    stats->tallies[HS_TALLY_SENT] = requests;
}

/* Two steps, of 100 and 1,000 requests. */
static size_t write_sample(struct hs_writer *out)
{
    struct hs_run_record_writer writer;
    struct hs_stats             stats;
    size_t                      before = out->used_bytes;

    hs_run_record_begin(&writer, &sample, out);
    for (unsigned requests = 100; requests <= 1000; requests *= 10) {
        fill(&stats, requests);
        hs_run_record_put_step(&writer, hs_view_text("GET /"), &stats);
        hs_stats_fini(&stats);
    }
    HS_CHECK_EQ(hs_run_record_end(&writer), 0);
    return out->used_bytes - before;
}

static void set_up(struct hs_writer *out)
{
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_writer_init(out, memory, sizeof memory);
}

static void a_record_reads_back_as_it_was_written(void)
{
    struct hs_run_record_reader reader;
    struct hs_writer            out;
    struct hs_stats             stats, expected;
    struct hs_view              name;
    size_t                      bytes;

    set_up(&out);
    bytes = write_sample(&out);
    HS_CHECK_EQ(hs_run_record_open(&reader, hs_view_of(memory, bytes)), bytes);
    HS_CHECK_EQ(memcmp(&reader.record, &sample, sizeof sample), 0);
    hs_stats_init(&stats, &pool);
    for (unsigned requests = 100; requests <= 1000; requests *= 10) {
        HS_CHECK_EQ(hs_run_record_next(&reader, &name, &stats), 1);
        HS_CHECK(hs_view_equal(name, hs_view_text("GET /")));
        fill(&expected, requests);
        HS_CHECK(hs_stats_is_equal(&stats, &expected));
        hs_stats_fini(&expected);
    }
    HS_CHECK_EQ(hs_run_record_next(&reader, &name, &stats), 0);
    hs_stats_fini(&stats);
    HS_CHECK_EQ(pool.free_count, CHUNKS - 1);
}

static void records_stand_one_after_another(void)
{
    struct hs_run_record_reader reader;
    struct hs_writer            out;
    struct hs_view              rest;
    unsigned                    count = 0;
    int64_t                     bytes;

    set_up(&out);
    for (unsigned i = 0; i < 3; i++) (void)write_sample(&out);
    rest = hs_view_of(memory, out.used_bytes);
    while ((bytes = hs_run_record_open(&reader, rest)) > 0) {
        struct hs_view name;

        HS_CHECK_EQ(hs_run_record_next(&reader, &name, NULL), 1);
        rest = hs_view_of(rest.data + bytes, rest.bytes - (size_t)bytes);
        count++;
    }
    HS_CHECK_EQ(bytes, 0);
    HS_CHECK_EQ(count, 3);
}

static int read_all(struct hs_view bytes)
{
    struct hs_run_record_reader reader;
    struct hs_stats             stats;
    struct hs_view              name;
    int64_t                     taken = hs_run_record_open(&reader, bytes);
    int                         rc;

    if (taken <= 0) return taken ? (int)taken : -EPROTO;
    hs_stats_init(&stats, &pool);
    while ((rc = hs_run_record_next(&reader, &name, &stats)) == 1) continue;
    hs_stats_fini(&stats);
    return rc;
}

static void a_record_cut_anywhere_is_refused(void)
{
    struct hs_writer out;
    size_t           bytes;

    set_up(&out);
    bytes = write_sample(&out);
    HS_CHECK_EQ(read_all(hs_view_of(memory, bytes)), 0);
    for (size_t cut = 0; cut < bytes; cut += 1 + cut / 50) {
        uint8_t *copy = malloc(cut ? cut : 1); /* so that a sanitizer sees the first byte past it */

        memcpy(copy, memory, cut);
        HS_CHECK_EQ(read_all(hs_view_of(copy, cut)), -EPROTO);
        free(copy);
    }
}

static void damage_never_hurts_the_reader(void)
{
    struct hs_writer out;
    size_t           bytes;
    unsigned         refused = 0;

    set_up(&out);
    bytes = write_sample(&out);
    for (size_t at = 0; at < bytes; at++) {
        uint8_t was = memory[at];

        memory[at] ^= 0xff;
        if (read_all(hs_view_of(memory, bytes)) < 0) refused++;
        memory[at] = was;
    }
    HS_CHECK(refused > 0);
    HS_CHECK_EQ(pool.free_count, CHUNKS - 1);
    HS_CHECK_EQ(read_all(hs_view_of(memory, bytes)), 0);
}

static void what_does_not_fit_is_said_at_the_end(void)
{
    struct hs_run_record_writer writer;
    struct hs_run_record        record = sample;
    struct hs_writer            out;
    struct hs_stats             stats;
    unsigned                    refused = 0;

    set_up(&out);
    fill(&stats, 1000);
    record.step_count = 1;
    for (size_t room = 0; room < 4096; room += 16) {
        hs_writer_init(&out, memory, room);
        hs_run_record_begin(&writer, &record, &out);
        hs_run_record_put_step(&writer, hs_view_text("GET /"), &stats);
        if (hs_run_record_end(&writer) == -EMSGSIZE)
            refused++;
        else
            HS_CHECK_EQ(read_all(hs_view_of(memory, out.used_bytes)), 0);
    }
    HS_CHECK(refused > 16);
    HS_CHECK(refused < 256);
    hs_stats_fini(&stats);
}

CU_TestInfo hs_tests_run_record[] = {
    {"a record reads back as it was written", a_record_reads_back_as_it_was_written},
    {"records stand one after another", records_stand_one_after_another},
    {"a record cut anywhere is refused", a_record_cut_anywhere_is_refused},
    {"damage never hurts the reader", damage_never_hurts_the_reader},
    {"what does not fit is said at the end", what_does_not_fit_is_said_at_the_end},
    CU_TEST_INFO_NULL,
};
