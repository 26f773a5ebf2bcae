// SPDX-License-Identifier: Apache-2.0
/* test_worker_figures.c - figures of an exec's engines as the manager gets them, and the ledger of
 * execs. */
#include "roles/engine_link.h"
#include "roles/stats/merge.h"
#include "roles/worker/exec_figures.h"
#include "roles/worker/exec_ledger.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { STEPS = 3, CHUNKS = 1 << 15, FENCE = 77, IS_WARMUP = 1 << 16 };

struct fixture {
    struct hs_figures_shm       *pages[2];
    const struct hs_figures_shm *engines[2];
    struct hs_chunk             *chunks;
    struct hs_chunk_pool         pool;
    void                        *memory;
    struct hs_exec_figures       figures;
    struct hs_stats              now;
    struct hs_exec_record        record;
    struct hs_merge              merges[STEPS];
    struct hs_merge_source       sources[STEPS];
};

static void *take(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    HS_CHECK(memory != MAP_FAILED);
    return memory;
}

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->chunks = calloc(CHUNKS, sizeof *f->chunks);
    hs_chunk_pool_init(&f->pool, f->chunks, CHUNKS);
    hs_stats_init(&f->now, &f->pool);
    f->memory = calloc(1, hs_exec_figures_bytes(STEPS));
    hs_exec_figures_init(&f->figures, &f->pool, STEPS, f->memory);
    f->record.fence = FENCE;
    f->record.part_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        f->pages[i] = take(sizeof *f->pages[i]);
        f->engines[i] = f->pages[i];
        f->record.parts[i].engine_idx = i;
        f->record.parts[i].figures_id = 10 + i;
    }
    for (unsigned i = 0; i < STEPS; i++) hs_merge_init(&f->merges[i], &f->pool, &f->sources[i], 1);
}

static void tear_down(struct fixture *f)
{
    for (unsigned i = 0; i < 2; i++) HS_CHECK_EQ(munmap(f->pages[i], sizeof *f->pages[i]), 0);
    free(f->memory);
    free(f->chunks);
}

/* sent requests of which `completed` were answered, by engine figures_id mod 2. */
static void count_requests(struct fixture *f, uint64_t figures_id, uint32_t step, uint64_t sent,
                           uint64_t completed)
{
    struct hs_figures_key       key = {.exec_fence = FENCE,
                                       .step_idx = step & ~(uint32_t)IS_WARMUP,
                                       .is_warmup = (step & IS_WARMUP) != 0};
    struct hs_figures_page_shm *page;

    hs_engine_figures_key(figures_id, key.exec_id);
    page = hs_figures_claim(f->pages[figures_id & 1], &key, 1);
    HS_CHECK(page != NULL);
    if (!page) return;
    page->tallies[HS_TALLY_SENT] += sent;
    page->touched[HS_MEASURE_RESPONSE] |= 1;
    page->fine[HS_MEASURE_RESPONSE][100] += completed;
}

/* One report into the merges, in payloads of so many bytes; how many payloads. */
static unsigned tell(struct fixture *f, bool is_full, bool is_final, size_t payload_bytes)
{
    struct hs_exec_report report = {.figures = &f->figures,
                                    .record = &f->record,
                                    .engines = f->engines,
                                    .now = &f->now,
                                    .is_full = is_full,
                                    .is_final = is_final};
    unsigned              payloads = 0;
    int                   rc = 1;

    while (rc == 1) {
        static uint8_t      bytes[64 << 10];
        struct hs_writer    writer;
        struct hs_reader    reader;
        struct hs_step_part part;

        hs_writer_init(&writer, bytes, payload_bytes);
        rc = hs_exec_report_put(&report, &writer);
        HS_CHECK(rc >= 0);
        payloads++;
        hs_reader_init(&reader, hs_view_of(bytes, writer.used_bytes));
        while (hs_step_parts_next(&reader, &part) == 1)
            HS_CHECK_EQ(hs_merge_take(&f->merges[part.step], 1, part.bytes), 0);
    }
    return payloads;
}

static void engines_are_summed_and_warm_up_is_left_out(void)
{
    struct fixture f;

    set_up(&f);
    count_requests(&f, 10, 0, 5, 4);
    count_requests(&f, 11, 0, 7, 7);
    count_requests(&f, 11, 0 | IS_WARMUP, 100, 100);
    count_requests(&f, 11, 2, 1, 0);
    HS_CHECK_EQ(tell(&f, true, false, 64 << 10), 1);
    HS_CHECK_EQ(f.merges[0].total.tallies[HS_TALLY_SENT], 12);
    HS_CHECK_EQ(hs_stats_completed(&f.merges[0].total), 11);
    HS_CHECK_EQ(f.merges[1].total.tallies[HS_TALLY_SENT], 0);
    HS_CHECK_EQ(f.merges[2].total.tallies[HS_TALLY_SENT], 1);
    tear_down(&f);
}

static void differences_add_up_to_the_whole(void)
{
    struct fixture f;

    set_up(&f);
    count_requests(&f, 10, 0, 5, 4);
    HS_CHECK_EQ(tell(&f, true, false, 64 << 10), 1);
    for (unsigned i = 0; i < 10; i++) {
        count_requests(&f, 10 + i % 2, i % STEPS, 3, 2);
        HS_CHECK_EQ(tell(&f, i == 5, false, 4 << 10), 1);
    }
    for (uint32_t step = 0; step < STEPS; step++) {
        HS_CHECK_EQ(hs_exec_figures_read(&f.record, f.engines, step, false, &f.now), 0);
        HS_CHECK(hs_stats_is_equal(&f.now, &f.merges[step].total));
    }
    tear_down(&f);
}

static void figures_that_do_not_fit_go_on_in_the_next_payload(void)
{
    struct fixture f;

    set_up(&f);
    for (uint32_t step = 0; step < STEPS; step++)
        for (uint32_t i = 0; i < HS_FIGURES_SPAN_COUNTERS; i += 2) {
            struct hs_figures_key       key = {.exec_fence = FENCE, .step_idx = step};
            struct hs_figures_page_shm *page;

            hs_engine_figures_key(10, key.exec_id);
            page = hs_figures_claim(f.pages[0], &key, 1);
            page->touched[HS_MEASURE_RESPONSE] |= 1;
            page->fine[HS_MEASURE_RESPONSE][i] += UINT64_C(1) << 40;
        }
    HS_CHECK(tell(&f, true, false, 1 << 10) > STEPS);
    for (uint32_t step = 0; step < STEPS; step++) {
        HS_CHECK_EQ(hs_exec_figures_read(&f.record, f.engines, step, false, &f.now), 0);
        HS_CHECK(hs_stats_is_equal(&f.now, &f.merges[step].total));
    }
    tear_down(&f);
}

static void void_figures_count_until_the_end_and_then_are_discarded(void)
{
    struct fixture f;

    set_up(&f);
    count_requests(&f, 10, 0, 50, 40);
    HS_CHECK_EQ(tell(&f, true, false, 64 << 10), 1);
    f.record.parts[0].void_figures[0] = 10;
    f.record.parts[0].void_count = 1;
    f.record.parts[0].figures_id = 12;
    count_requests(&f, 12, 0, 60, 60);
    HS_CHECK_EQ(tell(&f, false, false, 64 << 10), 1); /* the merge refuses what goes back */
    HS_CHECK_EQ(f.merges[0].total.tallies[HS_TALLY_SENT], 110);
    HS_CHECK_EQ(hs_exec_figures_read(&f.record, f.engines, 0, true, &f.now), 0);
    HS_CHECK_EQ(f.now.tallies[HS_TALLY_SENT], 60);
    HS_CHECK_EQ(f.now.tallies[HS_TALLY_DISCARDED], 50);
    tear_down(&f);
}

static void what_a_dead_engine_left_in_flight_is_cut_in_the_end(void)
{
    struct fixture f;

    set_up(&f);
    count_requests(&f, 10, 0, 5, 4);
    HS_CHECK_EQ(hs_exec_figures_read(&f.record, f.engines, 0, false, &f.now), 0);
    HS_CHECK_EQ(hs_stats_in_flight(&f.now), 1);
    HS_CHECK_EQ(hs_exec_figures_read(&f.record, f.engines, 0, true, &f.now), 0);
    HS_CHECK_EQ(hs_stats_in_flight(&f.now), 0);
    HS_CHECK_EQ(f.now.tallies[HS_TALLY_CUT], 1);
    tear_down(&f);
}

static void an_empty_pool_is_said_and_nothing_is_lost(void)
{
    struct fixture        f;
    struct hs_exec_report report;
    uint8_t               bytes[4096];
    struct hs_writer      writer;

    set_up(&f);
    hs_chunk_pool_init(&f.pool, f.chunks, 1);
    count_requests(&f, 10, 0, 5, 4);
    report = (struct hs_exec_report){.figures = &f.figures,
                                     .record = &f.record,
                                     .engines = f.engines,
                                     .now = &f.now,
                                     .is_full = true};
    hs_writer_init(&writer, bytes, sizeof bytes);
    HS_CHECK_EQ(hs_exec_report_put(&report, &writer), -ENOBUFS);
    tear_down(&f);
}

/* ---- the ledger ---- */

static void records_come_back_as_they_were_stored(void)
{
    struct hs_exec_ledger_shm *ledger = take(sizeof *ledger);
    struct hs_exec_ledger_head head = {.manager_fence = 4, .idle_generation = {7, 8}};
    struct hs_exec_record      record = {.fence = 5, .state = HS_EXEC_RUNNING, .part_count = 2};
    struct hs_exec_record      loaded;

    HS_CHECK(!hs_exec_ledger_attach(ledger));
    hs_exec_ledger_store(ledger, 3, &record);
    hs_exec_ledger_store_head(ledger, &head);
    HS_CHECK(hs_exec_ledger_attach(ledger));
    hs_exec_ledger_load(ledger, 3, &loaded);
    HS_CHECK(memcmp(&loaded, &record, sizeof record) == 0);
    hs_exec_ledger_load(ledger, 4, &loaded);
    HS_CHECK_EQ(loaded.state, HS_EXEC_NONE);
    memset(&head, 0, sizeof head);
    hs_exec_ledger_load_head(ledger, &head);
    HS_CHECK_EQ(head.idle_generation[1], 8);
    HS_CHECK_EQ(munmap(ledger, sizeof *ledger), 0);
}

static void a_ledger_of_another_layout_is_emptied(void)
{
    struct hs_exec_ledger_shm *ledger = take(sizeof *ledger);
    struct hs_exec_record      record = {.fence = 5, .state = HS_EXEC_RUNNING, .part_count = 2};

    HS_CHECK(!hs_exec_ledger_attach(ledger));
    hs_exec_ledger_store(ledger, 3, &record);
    hs_word_store(&ledger->magic, HS_EXEC_LEDGER_MAGIC + 1);
    HS_CHECK(!hs_exec_ledger_attach(ledger));
    hs_exec_ledger_load(ledger, 3, &record);
    HS_CHECK_EQ(record.state, HS_EXEC_NONE);
    HS_CHECK_EQ(munmap(ledger, sizeof *ledger), 0);
}

CU_TestInfo hs_tests_worker_figures[] = {
    {"engines are summed and warm-up is left out", engines_are_summed_and_warm_up_is_left_out},
    {"differences add up to the whole", differences_add_up_to_the_whole},
    {"figures that do not fit go on in the next payload",
     figures_that_do_not_fit_go_on_in_the_next_payload},
    {"void figures count until the end and then are discarded",
     void_figures_count_until_the_end_and_then_are_discarded},
    {"what a dead engine left in flight is cut in the end",
     what_a_dead_engine_left_in_flight_is_cut_in_the_end},
    {"an empty pool is said and nothing is lost", an_empty_pool_is_said_and_nothing_is_lost},
    {"records come back as they were stored", records_come_back_as_they_were_stored},
    {"a ledger of another layout is emptied", a_ledger_of_another_layout_is_emptied},
    CU_TEST_INFO_NULL,
};
