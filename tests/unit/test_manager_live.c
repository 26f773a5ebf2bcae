// SPDX-License-Identifier: Apache-2.0
/* test_manager_live.c - the figures of running workflows are exact sums over their shares at every
 * moment, and their tables are bounded. */
#include "roles/manager/manager_live.h"

#include "roles/stats/step_parts.h"
#include "shm/base/assert.h"
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STEPS = 2, SHARDS = 3 };

static struct hs_manager_live *open_live(void)
{
    struct hs_manager_live *live = mmap(NULL, sizeof *live, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (live == MAP_FAILED) abort();
    hs_manager_live_init(live);
    return live;
}

static void close_live(struct hs_manager_live *live)
{
    HS_CHECK_EQ(munmap(live, sizeof *live), 0);
}

/* Whole figures of steps 0 to count - 1: sent[i] requests, all completed; of earlier attempts
 * discarded. */
static struct hs_view payload_with(const uint64_t *sent, unsigned count, uint64_t discarded)
{
    static struct hs_chunk      chunks[1024];
    static struct hs_chunk_pool pool;
    static uint8_t              memory[65536];
    struct hs_writer            writer;

    hs_writer_init(&writer, memory, sizeof memory);
    for (unsigned step = 0; step < count; step++) {
        struct hs_stats_encoder encoder;
        struct hs_stats         stats;
        uint64_t                sequence = 0;

        hs_chunk_pool_init(&pool, chunks, HS_ARRAY_LEN(chunks));
        hs_stats_init(&stats, &pool);
        stats.tallies[HS_TALLY_SENT] = sent[step];
        stats.tallies[HS_TALLY_DISCARDED] = discarded;
        for (uint64_t i = 0; i < sent[step]; i++)
            HS_CHECK_EQ(hs_stats_record(&stats, HS_MEASURE_RESPONSE, 1000000 + i % 89 * 7000), 0);
        hs_stats_encoder_init(&encoder, &stats, NULL);
        HS_CHECK_EQ(hs_step_parts_put(&writer, step, &encoder, &sequence), 0);
    }
    return hs_view_of(memory, writer.used_bytes);
}

static struct hs_view payload_of(const uint64_t *sent, unsigned count)
{
    return payload_with(sent, count, 0);
}

static void check_step(struct hs_manager_live *live, uint32_t run, uint32_t step, uint64_t sent,
                       uint64_t discarded)
{
    const struct hs_stats *stats = hs_manager_live_step(live, run, step);

    HS_CHECK_EQ(stats->tallies[HS_TALLY_SENT], sent);
    HS_CHECK_EQ(hs_stats_completed(stats), sent);
    HS_CHECK_EQ(stats->tallies[HS_TALLY_DISCARDED], discarded);
}

static void totals_are_the_sums_over_the_shares(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, STEPS, SHARDS, false);
    uint64_t                sent[SHARDS][STEPS] = {{0}};
    struct hs_rand          rand;

    hs_rand_init(&rand, 5);
    HS_CHECK(run != HS_MANAGER_LIVE_NONE);
    for (unsigned i = 0; i < 200; i++) {
        unsigned shard = (unsigned)hs_rand_below(&rand, SHARDS);
        uint64_t sums[STEPS] = {0};

        sent[shard][0] += hs_rand_below(&rand, 20);
        sent[shard][1] += hs_rand_below(&rand, 5);
        HS_CHECK_EQ(hs_manager_live_take(live, run, shard, payload_of(sent[shard], STEPS), true),
                    0);
        for (unsigned s = 0; s < SHARDS; s++)
            for (unsigned k = 0; k < STEPS; k++) sums[k] += sent[s][k];
        for (unsigned k = 0; k < STEPS; k++) check_step(live, run, k, sums[k], 0);
        HS_CHECK_EQ(hs_manager_live_sent(live, run, shard), sent[shard][0] + sent[shard][1]);
    }
    close_live(live);
}

static void what_makes_no_sense_changes_nothing(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, STEPS, SHARDS, false);
    uint64_t                sent[3] = {4, 5, 6};
    uint8_t                 garbage[] = {0, 200, 1, 2, 3};

    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_of(sent, 2), true), 0);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, hs_view_of(garbage, sizeof garbage), true),
                -EPROTO);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 1, payload_of(sent, 3), true), -EPROTO);
    check_step(live, run, 0, 8, 0); /* the sound steps of it counted, the third there is not */
    HS_CHECK_EQ(hs_manager_live_take(live, HS_MANAGER_LIVE_NONE, 0, payload_of(sent, 2), true), 0);
    HS_CHECK_EQ(hs_manager_live_sent(live, HS_MANAGER_LIVE_NONE, 0), 0);
    HS_CHECK_EQ(hs_manager_live_take(live, run, SHARDS, payload_of(sent, 1), true), 0);
    HS_CHECK_EQ(hs_manager_live_take(live, run, SHARDS + 1, payload_of(sent, 1), true), -ENOBUFS);
    close_live(live);
}

static void a_void_attempt_leaves_and_is_told_as_discarded(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, STEPS, SHARDS, false);
    uint64_t                first[STEPS] = {10, 1};
    uint64_t                second[STEPS] = {20, 2};

    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_of(first, STEPS), true), 0);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 1, payload_of(second, STEPS), true), 0);
    hs_manager_live_discard(live, run, 0);
    check_step(live, run, 0, 20, 10);
    check_step(live, run, 1, 2, 1);
    HS_CHECK(live->runs[run].is_reduced);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 256, payload_of(first, STEPS), true), 0);
    check_step(live, run, 0, 30, 10);       /* its next attempt */
    hs_manager_live_discard(live, run, 77); /* one that never told anything */
    check_step(live, run, 0, 30, 10);
    close_live(live);
}

static void counts_that_go_back_replace_the_old_ones(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, 1, 1, false);
    uint64_t                many = 30, few = 3;

    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_of(&many, 1), true), 0);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_of(&few, 1), true), 0);
    HS_CHECK_EQ(hs_manager_live_step(live, run, 0)->tallies[HS_TALLY_SENT], 3);
    HS_CHECK_EQ(hs_stats_completed(hs_manager_live_step(live, run, 0)), 3);
    HS_CHECK(live->runs[run].is_reduced);
    close_live(live);
}

/* What the share tells itself as discarded is more than it has sent since. */
static void counts_that_go_back_twice_are_replaced_twice(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, 1, 1, false);
    uint64_t                many = 30, few = 3, fewer = 1;

    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_of(&many, 1), true), 0);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_with(&few, 1, 30), true), 0);
    check_step(live, run, 0, 3, 30);
    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_with(&fewer, 1, 33), true), 0);
    check_step(live, run, 0, 1, 33);
    close_live(live);
}

static void a_run_taken_up_in_the_middle_waits_for_all_shares(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, 1, SHARDS, true);
    uint64_t                sent = 7;

    for (unsigned i = 0; i < SHARDS; i++) {
        HS_CHECK(!hs_manager_live_is_shown(live, run));
        HS_CHECK_EQ(hs_manager_live_take(live, run, i, payload_of(&sent, 1), true), 0);
    }
    HS_CHECK(hs_manager_live_is_shown(live, run));
    hs_manager_live_discard(live, run, 0); /* once shown it stays so */
    HS_CHECK(hs_manager_live_is_shown(live, run));
    HS_CHECK(!hs_manager_live_is_shown(live, HS_MANAGER_LIVE_NONE));
    close_live(live);
}

static void what_has_changed_is_told_once(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                run = hs_manager_live_open(live, STEPS, 1, false);
    uint64_t                sent = 7;

    HS_CHECK(!hs_manager_live_take_dirty(live, run, 0));
    HS_CHECK_EQ(hs_manager_live_take(live, run, 0, payload_of(&sent, 1), true), 0);
    HS_CHECK(hs_manager_live_take_dirty(live, run, 0));
    HS_CHECK(!hs_manager_live_take_dirty(live, run, 0));
    HS_CHECK(!hs_manager_live_take_dirty(live, run, 1));
    hs_manager_live_mark_dirty(live, run);
    HS_CHECK(hs_manager_live_take_dirty(live, run, 0));
    HS_CHECK(hs_manager_live_take_dirty(live, run, 1));
    close_live(live);
}

/* Twice the table: running ones keep their places, ended ones make room, the first to end first. */
static void ended_runs_make_room_in_the_order_they_ended(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                runs[HS_MANAGER_LIVE_RUNS] = {0};
    uint32_t                fresh[2];
    unsigned                count = 0;
    uint64_t                sent = 3;

    for (unsigned i = 0; i < 2 * HS_MANAGER_LIVE_RUNS; i++) {
        uint32_t run = hs_manager_live_open(live, 1, 1, false);

        if (run) runs[count++] = run;
        HS_CHECK_EQ(run != HS_MANAGER_LIVE_NONE, i < HS_MANAGER_LIVE_RUNS - 1);
    }
    for (unsigned i = 0; i < count; i++)
        HS_CHECK_EQ(hs_manager_live_take(live, runs[i], 0, payload_of(&sent, 1), true), 0);
    hs_manager_live_end(live, runs[9]);
    hs_manager_live_end(live, runs[4]);
    hs_manager_live_end(live, runs[9]); /* again: it ended when it ended */
    fresh[0] = hs_manager_live_open(live, 1, 1, false);
    HS_CHECK(!hs_manager_live_is_open(live, runs[9]));
    HS_CHECK_EQ(hs_manager_live_step(live, fresh[0], 0)->tallies[HS_TALLY_SENT], 0);
    HS_CHECK_EQ(hs_manager_live_step(live, runs[4], 0)->tallies[HS_TALLY_SENT], 3);
    fresh[1] = hs_manager_live_open(live, 1, 1, false);
    HS_CHECK(fresh[1] != HS_MANAGER_LIVE_NONE);
    HS_CHECK(!hs_manager_live_is_open(live, runs[4]));
    HS_CHECK_EQ(hs_manager_live_open(live, 1, 1, false), HS_MANAGER_LIVE_NONE);
    for (unsigned i = 0; i < 2; i++) hs_manager_live_close(live, fresh[i]);
    for (unsigned i = 0; i < count; i++) hs_manager_live_close(live, runs[i]);
    hs_manager_live_close(live, runs[0]); /* twice is nothing */
    HS_CHECK_EQ(live->pool.free_count, HS_MANAGER_LIVE_CHUNKS - 1);
    for (unsigned i = 0; i < HS_MANAGER_LIVE_STEPS; i++) HS_CHECK(!live->is_step_used[i]);
    for (unsigned i = 0; i < HS_MANAGER_LIVE_SOURCES; i++) HS_CHECK(!live->is_source_used[i]);
    close_live(live);
}

/* Whoever opened the run that made room still holds its number. */
static void a_number_of_a_run_that_made_room_names_nothing(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                old = hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS, 1, false);
    uint64_t                sent = 3, more = 8;
    uint32_t                between, next;

    HS_CHECK_EQ(hs_manager_live_take(live, old, 0, payload_of(&sent, 1), true), 0);
    hs_manager_live_end(live, old);
    between = hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS, 1, false);
    hs_manager_live_end(live, between);
    next = hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS, 1, false);
    HS_CHECK_EQ(next % HS_MANAGER_LIVE_RUNS, old % HS_MANAGER_LIVE_RUNS); /* the same place */
    HS_CHECK(next != HS_MANAGER_LIVE_NONE);
    HS_CHECK_EQ(hs_manager_live_take(live, next, 0, payload_of(&sent, 1), true), 0);
    HS_CHECK(!hs_manager_live_is_shown(live, old));
    HS_CHECK_EQ(hs_manager_live_take(live, old, 0, payload_of(&more, 1), true), 0);
    HS_CHECK_EQ(hs_manager_live_sent(live, old, 0), 0);
    hs_manager_live_discard(live, old, 0);
    hs_manager_live_end(live, old);
    hs_manager_live_close(live, old);
    HS_CHECK(hs_manager_live_is_shown(live, next));
    HS_CHECK(!hs_manager_live_at(live, next)->is_ended);
    check_step(live, next, 0, 3, 0);
    close_live(live);
}

static void steps_and_sources_are_bounded_too(void)
{
    struct hs_manager_live *live = open_live();
    uint32_t                half = hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS / 2, 2, false);
    uint32_t                rest = hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS / 2, 2, false);

    HS_CHECK(half != HS_MANAGER_LIVE_NONE);
    HS_CHECK(rest != HS_MANAGER_LIVE_NONE);
    HS_CHECK_EQ(hs_manager_live_open(live, 1, 1, false), HS_MANAGER_LIVE_NONE);
    HS_CHECK_EQ(hs_manager_live_open(live, 0, 1, false), HS_MANAGER_LIVE_NONE);
    HS_CHECK_EQ(hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS + 1, 1, false),
                HS_MANAGER_LIVE_NONE);
    HS_CHECK_EQ(hs_manager_live_open(live, 2, HS_MANAGER_LIVE_SOURCES, false),
                HS_MANAGER_LIVE_NONE);
    hs_manager_live_end(live, half);
    HS_CHECK_EQ(hs_manager_live_open(live, 10, HS_MANAGER_LIVE_SOURCES / 10, false),
                HS_MANAGER_LIVE_NONE); /* steps there would be, sources not: nothing is kept back */
    hs_manager_live_close(live, rest);
    HS_CHECK(hs_manager_live_open(live, HS_MANAGER_LIVE_STEPS, 2, false) != HS_MANAGER_LIVE_NONE);
    close_live(live);
}

CU_TestInfo hs_tests_manager_live[] = {
    {"totals are the sums over the shares", totals_are_the_sums_over_the_shares},
    {"what makes no sense changes nothing", what_makes_no_sense_changes_nothing},
    {"a void attempt leaves and is told as discarded",
     a_void_attempt_leaves_and_is_told_as_discarded},
    {"counts that go back replace the old ones", counts_that_go_back_replace_the_old_ones},
    {"counts that go back twice are replaced twice", counts_that_go_back_twice_are_replaced_twice},
    {"a run taken up in the middle waits for all shares",
     a_run_taken_up_in_the_middle_waits_for_all_shares},
    {"what has changed is told once", what_has_changed_is_told_once},
    {"ended runs make room in the order they ended", ended_runs_make_room_in_the_order_they_ended},
    {"a number of a run that made room names nothing",
     a_number_of_a_run_that_made_room_names_nothing},
    {"steps and sources are bounded too", steps_and_sources_are_bounded_too},
    CU_TEST_INFO_NULL,
};
