// SPDX-License-Identifier: Apache-2.0
/* test_figures.c - an engine's pages: what is recorded is read, at any moment, also after a
 * kill. */
#include "roles/stats/figures_record.h"

#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNKS = 8192, KILLS = 40 };

static struct hs_chunk      chunks[CHUNKS];
static struct hs_chunk_pool pool;

static struct hs_figures_shm *map_figures(void)
{
    void *memory = mmap(NULL, sizeof(struct hs_figures_shm), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) abort();
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    return memory;
}

static void unmap_figures(struct hs_figures_shm *figures)
{
    (void)munmap(figures, sizeof *figures);
}

static struct hs_figures_key key_of(uint8_t exec, uint32_t step_idx)
{
    return (struct hs_figures_key){.exec_id = {exec}, .exec_fence = 7, .step_idx = step_idx};
}

static void record_one_of_each(struct hs_figures_page_shm *page)
{
    hs_figures_sent(page);
    hs_figures_completed(page, 3 * HS_NS_PER_MS, 2 * HS_NS_PER_MS, 200);
    hs_figures_sent(page);
    hs_figures_failed(page, HS_ERROR_STATUS_5XX, HS_NS_PER_MS, 503);
    hs_figures_sent(page);
    hs_figures_failed(page, HS_ERROR_TIMEOUT_RESPONSE, 5 * HS_NS_PER_S, 0);
    hs_figures_sent(page); /* stays in flight */
    hs_figures_tally(page, HS_TALLY_BYTES_IN, 1234);
    hs_figures_record(page, HS_MEASURE_LAG, 14000);
}

static void what_is_recorded_is_read(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_stats             stats;

    hs_stats_init(&stats, &pool);
    record_one_of_each(page);
    HS_CHECK_EQ(hs_figures_read(page, &stats), 0);
    HS_CHECK_EQ(stats.tallies[HS_TALLY_SENT], 4);
    HS_CHECK_EQ(hs_stats_completed(&stats), 1);
    HS_CHECK_EQ(hs_stats_failed(&stats), 2);
    HS_CHECK_EQ(hs_stats_in_flight(&stats), 1);
    HS_CHECK_EQ(stats.tallies[HS_TALLY_BYTES_IN], 1234);
    HS_CHECK_EQ(stats.errors[HS_ERROR_TIMEOUT_RESPONSE], 1);
    HS_CHECK_EQ(stats.moments[HS_MEASURE_FAILED].max_ns, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_stats_status(&stats, hs_status_slot(200)), 1);
    HS_CHECK_EQ(hs_stats_status(&stats, hs_status_slot(503)), 1);
    HS_CHECK_EQ(hs_stats_percentile_ns(&stats, HS_MEASURE_LAG, 0.5), 14000);
    HS_CHECK_EQ(hs_stats_percentile_ns(&stats, HS_MEASURE_RESPONSE, 0.99), 3 * HS_NS_PER_MS);
    hs_stats_fini(&stats);
    unmap_figures(figures);
}

static void reading_equals_recording_directly(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_stats             direct;
    struct hs_stats             read;
    struct hs_rand              rand;

    hs_rand_init(&rand, 5);
    hs_stats_init(&direct, &pool);
    hs_stats_init(&read, &pool);
    for (unsigned i = 0; i < 20000; i++) {
        enum hs_measure measure = (enum hs_measure)hs_rand_below(&rand, HS_MEASURE_COUNT);
        uint64_t        value = hs_rand_next(&rand) >> (36 + hs_rand_below(&rand, 12));

        hs_figures_record(page, measure, value);
        HS_CHECK_EQ(hs_stats_record(&direct, measure, value), 0);
        hs_figures_status(page, 90 + i % 600);
        HS_CHECK_EQ(hs_stats_add_status(&direct, 90 + i % 600, 1), 0);
    }
    hs_figures_tally(page, HS_TALLY_SENT, 20000);
    direct.tallies[HS_TALLY_SENT] = 20000;
    HS_CHECK_EQ(hs_figures_read(page, &read), 0);
    HS_CHECK(hs_stats_is_equal(&read, &direct));
    hs_stats_fini(&read);
    hs_stats_fini(&direct);
    HS_CHECK_EQ(pool.free_count, CHUNKS - 1);
    unmap_figures(figures);
}

/* Sent is read before outcomes: what was sent and answered in between shows as an outcome only. */
static void an_outcome_that_is_read_was_sent(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_stats             stats;

    hs_stats_init(&stats, &pool);
    hs_figures_tally(page, HS_TALLY_SENT, 2);
    for (unsigned i = 0; i < 3; i++) hs_figures_record(page, HS_MEASURE_RESPONSE, HS_NS_PER_MS);
    HS_CHECK_EQ(hs_figures_read(page, &stats), 0);
    HS_CHECK_EQ(stats.tallies[HS_TALLY_SENT], 3);
    HS_CHECK_EQ(hs_figures_read(page, &stats), 0); /* one page after another adds up */
    HS_CHECK_EQ(hs_stats_in_flight(&stats), 0);
    hs_figures_tally(page, HS_TALLY_SENT, 5);
    hs_stats_clear(&stats);
    HS_CHECK_EQ(hs_figures_read(page, &stats), 0);
    HS_CHECK_EQ(hs_stats_in_flight(&stats), 4);
    hs_stats_fini(&stats);
    unmap_figures(figures);
}

static void keys_find_their_page_and_nobody_elses(void)
{
    struct hs_figures_shm *figures = map_figures();
    struct hs_figures_key  first = key_of(1, 0);
    struct hs_figures_key  warmup = first;
    struct hs_figures_key  other = key_of(2, 999);
    struct hs_figures_key  seen;

    warmup.is_warmup = 1;
    HS_CHECK(hs_figures_find(figures, &first) == NULL);
    HS_CHECK(hs_figures_claim(figures, &first, 1) == &figures->pages[0]);
    HS_CHECK(hs_figures_claim(figures, &warmup, 1) == &figures->pages[1]);
    HS_CHECK(hs_figures_claim(figures, &other, 1) == &figures->pages[2]);
    HS_CHECK(hs_figures_claim(figures, &first, 1) == &figures->pages[0]);
    HS_CHECK(hs_figures_find(figures, &other) == &figures->pages[2]);
    HS_CHECK(hs_figures_key_at(figures, 1, &seen));
    HS_CHECK(memcmp(&seen, &warmup, sizeof seen) == 0);
    HS_CHECK(!hs_figures_key_at(figures, 3, &seen));
    unmap_figures(figures);
}

static void twice_as_many_pages_as_there_are_is_refused(void)
{
    struct hs_figures_shm *figures = map_figures();
    unsigned               refused_count = 0;

    for (uint32_t i = 0; i < 2 * HS_FIGURES_PAGES; i++) {
        struct hs_figures_key key = key_of(1, i);

        refused_count += hs_figures_claim(figures, &key, 1) == NULL;
    }
    HS_CHECK_EQ(refused_count, HS_FIGURES_PAGES);
    HS_CHECK_EQ(hs_figures_release(figures, (const uint8_t[16]){1}, 7), HS_FIGURES_PAGES);
    unmap_figures(figures);
}

static void a_released_page_comes_back_empty(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_key       next = key_of(2, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_stats             stats;
    struct hs_stats             empty;

    hs_stats_init(&stats, &pool);
    hs_stats_init(&empty, &pool);
    record_one_of_each(page);
    HS_CHECK_EQ(hs_figures_release(figures, key.exec_id, 8), 0); /* another attempt of it */
    HS_CHECK_EQ(hs_figures_release(figures, key.exec_id, 7), 1);
    HS_CHECK(hs_figures_find(figures, &key) == NULL);
    HS_CHECK(hs_figures_claim(figures, &next, 1) == page);
    HS_CHECK_EQ(hs_figures_read(page, &stats), 0);
    HS_CHECK(hs_stats_is_equal(&stats, &empty));
    unmap_figures(figures);
}

static void a_successor_cuts_what_was_in_flight_once(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_figures_glance    glance;
    uint64_t                    cut_count;

    record_one_of_each(page);
    HS_CHECK_EQ(hs_figures_adopt(figures, 2, &cut_count), 1);
    HS_CHECK_EQ(cut_count, 1);
    HS_CHECK_EQ(hs_figures_adopt(figures, 2, &cut_count), 0);
    HS_CHECK_EQ(cut_count, 0);
    HS_CHECK(hs_figures_claim(figures, &key, 2) == page);
    record_one_of_each(page);
    HS_CHECK_EQ(hs_figures_cut(page), 1);
    hs_figures_glance(page, &glance);
    HS_CHECK_EQ(glance.sent, 8);
    HS_CHECK_EQ(glance.completed, 2);
    HS_CHECK_EQ(glance.failed, 4);
    HS_CHECK_EQ(glance.cut, 2);
    unmap_figures(figures);
}

static void a_full_pool_changes_nothing(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_stats             stats;

    record_one_of_each(page);
    hs_chunk_pool_init(&pool, chunks, 4);
    hs_stats_init(&stats, &pool);
    HS_CHECK_EQ(hs_figures_read(page, &stats), -ENOBUFS);
    HS_CHECK_EQ(stats.tallies[HS_TALLY_SENT], 0);
    HS_CHECK_EQ(pool.free_count, 3);
    unmap_figures(figures);
}

static void record_for_ever(struct hs_figures_page_shm *page, uint64_t seed)
{
    struct hs_rand rand;

    hs_rand_init(&rand, seed);
    for (;;) {
        uint64_t response_ns = hs_rand_next(&rand) >> (40 + hs_rand_below(&rand, 8));

        hs_figures_sent(page);
        if (hs_rand_below(&rand, 4))
            hs_figures_completed(page, response_ns, response_ns / 2, 200);
        else
            hs_figures_failed(page, HS_ERROR_CHECK, response_ns, 200);
        hs_figures_record(page, HS_MEASURE_WAIT, response_ns);
    }
}

/* Reads until the child has sent a few thousand more; returns false if a later reading showed
 * less. */
static bool watch_grow(const struct hs_figures_page_shm *page, uint64_t target_count)
{
    struct hs_figures_glance before = {0};
    bool                     is_well = true;

    while (before.sent < target_count) {
        struct hs_figures_glance now;

        hs_figures_glance(page, &now);
        is_well &= now.sent >= before.sent && now.completed >= before.completed;
        is_well &= now.failed >= before.failed;
        is_well &= now.sent >= now.completed + now.failed + now.cut;
        before = now;
    }
    return is_well;
}

static void counts_agree_after_a_kill_at_any_instant(void)
{
    struct hs_figures_shm      *figures = map_figures();
    struct hs_figures_key       key = key_of(1, 0);
    struct hs_figures_page_shm *page = hs_figures_claim(figures, &key, 1);
    struct hs_rand              rand;
    struct hs_figures_glance    glance;
    uint64_t                    cut_count;
    uint64_t                    target_count = 0;
    unsigned                    bad_count = 0;

    hs_rand_init(&rand, 17);
    for (unsigned i = 1; i <= KILLS; i++) {
        pid_t pid = fork();

        if (pid == 0) record_for_ever(page, i);
        target_count += 1000 + hs_rand_below(&rand, 3000);
        bad_count += !watch_grow(page, target_count);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)hs_figures_adopt(figures, i + 1, &cut_count);
        bad_count += cut_count > 1; /* one request at a time is in flight */
        hs_figures_glance(page, &glance);
        bad_count += glance.sent != glance.completed + glance.failed + glance.cut;
        target_count = glance.sent;
    }
    HS_CHECK_EQ(bad_count, 0);
    unmap_figures(figures);
}

struct writer_arg {
    struct hs_figures_page_shm *page;
    uint64_t                    count;
};

static void *write_figures(void *argument)
{
    struct writer_arg *arg = argument;

    for (uint64_t i = 0; i < arg->count; i++) {
        hs_figures_sent(arg->page);
        hs_figures_completed(arg->page, i * 64, i * 32, 200);
    }
    return NULL;
}

/* Runs under ThreadSanitizer, too: writer and reader on one mapping. */
static void readings_of_a_page_being_written_only_grow(void)
{
    struct hs_figures_shm *figures = map_figures();
    struct hs_figures_key  key = key_of(1, 0);
    struct writer_arg      arg = {hs_figures_claim(figures, &key, 1), 50000};
    struct hs_stats        before;
    struct hs_stats        now;
    pthread_t              writer;
    unsigned               bad_count = 0;

    hs_stats_init(&before, &pool);
    hs_stats_init(&now, &pool);
    if (pthread_create(&writer, NULL, write_figures, &arg) != 0) abort();
    do {
        hs_stats_clear(&now);
        bad_count += hs_figures_read(arg.page, &now) != 0;
        bad_count += now.tallies[HS_TALLY_SENT] < hs_stats_completed(&now);
        bad_count += hs_stats_copy(&before, &now) != 0;
        hs_stats_clear(&now);
        bad_count += hs_figures_read(arg.page, &now) != 0;
        bad_count += hs_stats_subtract(&now, &before) != 0; /* -ERANGE: something went back */
    } while (hs_stats_completed(&before) < arg.count);
    (void)pthread_join(writer, NULL);
    HS_CHECK_EQ(bad_count, 0);
    unmap_figures(figures);
}

CU_TestInfo hs_tests_figures[] = {
    {"what is recorded is read", what_is_recorded_is_read},
    {"reading equals recording directly", reading_equals_recording_directly},
    {"an outcome that is read was sent", an_outcome_that_is_read_was_sent},
    {"keys find their page and nobody else's", keys_find_their_page_and_nobody_elses},
    {"twice as many pages as there are is refused", twice_as_many_pages_as_there_are_is_refused},
    {"a released page comes back empty", a_released_page_comes_back_empty},
    {"a successor cuts what was in flight, once", a_successor_cuts_what_was_in_flight_once},
    {"a full pool changes nothing", a_full_pool_changes_nothing},
    {"counts agree after a kill at any instant", counts_agree_after_a_kill_at_any_instant},
    {"readings of a page being written only grow", readings_of_a_page_being_written_only_grow},
    CU_TEST_INFO_NULL,
};
