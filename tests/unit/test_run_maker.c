// SPDX-License-Identifier: Apache-2.0
/* test_run_maker.c - the final record of a workflow is the exact sum of its shares, the same bytes
 * each time it is made, and says so where something is missing. */
#include "roles/manager/run_maker.h"

#include "roles/plan/plan.h"
#include "roles/stats/step_parts.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { ARENA_BYTES = 8 << 20, POOL_CHUNKS = 8192 };

struct scene {
    struct hs_run_maker       *maker;
    struct hs_plan            *plan;
    struct hs_assign_load      load;
    struct hs_manager_workflow workflow;
    void                      *arena;
    struct hs_chunk           *chunks;
    struct hs_chunk_pool       pool;
};

static void *take(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) abort();
    return memory;
}

static void open_scene(struct scene *scene)
{
    static const char text[] =
        "{\"version\":1,\"seed\":5,\"workflows\":[{\"name\":\"shop\",\"warmup\":{\"for\":\"2s\"},"
        "\"load\":{\"model\":\"closed\",\"vus\":8,\"for\":\"10s\"},"
        "\"steps\":[{\"name\":\"home\",\"url\":\"http://127.0.0.1/\"},"
        "{\"name\":\"cart\",\"url\":\"http://127.0.0.1/c\"}]}]}";
    static const struct hs_plan_environment none;
    struct hs_problems                      problems;
    struct hs_arena                         arena;

    *scene = (struct scene){.maker = take(sizeof *scene->maker),
                            .arena = take(ARENA_BYTES),
                            .chunks = take(POOL_CHUNKS * sizeof(struct hs_chunk)),
                            .workflow = {.state = HS_WORKFLOW_COMPLETED,
                                         .shard_count = 2,
                                         .restarts = 1,
                                         .retries = 3,
                                         .elapsed_ns = 12 * HS_NS_PER_S}};
    hs_arena_init(&arena, scene->arena, ARENA_BYTES);
    hs_problems_init(&problems);
    scene->plan = hs_plan_read(hs_view_text(text), &none, &arena, &problems);
    if (!scene->plan)
        (void)fprintf(stderr, "%s: %s\n", problems.at[0].path, problems.at[0].message);
    if (!scene->plan) abort();
    hs_assign_load_of(&scene->load, scene->plan, &scene->plan->workflows.at[0]);
    hs_chunk_pool_init(&scene->pool, scene->chunks, POOL_CHUNKS);
}

static void close_scene(struct scene *scene)
{
    (void)munmap(scene->maker, sizeof *scene->maker);
    (void)munmap(scene->arena, ARENA_BYTES);
    (void)munmap(scene->chunks, POOL_CHUNKS * sizeof(struct hs_chunk));
}

static void begin(struct scene *scene)
{
    hs_run_maker_begin(scene->maker, &scene->workflow, 0, scene->plan, &scene->load);
}

/* A share's result: of each step so many sent, most of them completed, some failed, one cut. */
static struct hs_view result_of(const uint64_t *sent, unsigned steps)
{
    static struct hs_chunk      chunks[2048];
    static uint8_t              memory[1 << 18];
    static struct hs_chunk_pool pool;
    struct hs_writer            writer;

    hs_writer_init(&writer, memory, sizeof memory);
    for (unsigned step = 0; step < steps; step++) {
        struct hs_stats_encoder encoder;
        struct hs_stats         stats;
        uint64_t                sequence = 0;

        hs_chunk_pool_init(&pool, chunks, HS_ARRAY_LEN(chunks));
        hs_stats_init(&stats, &pool);
        stats.tallies[HS_TALLY_SENT] = sent[step];
        stats.tallies[HS_TALLY_CUT] = 1;
        stats.errors[HS_ERROR_STATUS_5XX] = 2;
        for (uint64_t i = 0; i + 3 < sent[step]; i++)
            HS_CHECK_EQ(hs_stats_record(&stats, HS_MEASURE_RESPONSE, 900000 + i * 31337), 0);
        hs_stats_encoder_init(&encoder, &stats, NULL);
        HS_CHECK_EQ(hs_step_parts_put(&writer, step, &encoder, &sequence), 0);
    }
    return hs_view_of(memory, writer.used_bytes);
}

static void check_next(struct scene *scene, struct hs_run_record_reader *reader, const char *name,
                       uint64_t sent, unsigned shares)
{
    struct hs_stats stats;
    struct hs_view  seen;

    hs_stats_init(&stats, &scene->pool);
    HS_CHECK_EQ(hs_run_record_next(reader, &seen, &stats), 1);
    HS_CHECK_EQ(seen.bytes, strlen(name));
    HS_CHECK_EQ(memcmp(seen.data, name, strlen(name)), 0);
    HS_CHECK_EQ(stats.tallies[HS_TALLY_SENT], sent);
    HS_CHECK_EQ(hs_stats_failed(&stats), 2 * shares);
    HS_CHECK_EQ(stats.tallies[HS_TALLY_CUT], shares);
    HS_CHECK_EQ(hs_stats_in_flight(&stats), 0);
    hs_stats_fini(&stats);
}

static void the_record_is_the_sum_of_the_shares(void)
{
    static const uint64_t       first[2] = {100, 40}, second[2] = {11, 7};
    struct hs_run_record_reader reader;
    struct hs_view              bytes;
    struct hs_view              name;
    struct scene                scene;

    open_scene(&scene);
    begin(&scene);
    hs_run_maker_add(scene.maker, 3, result_of(first, 2));
    hs_run_maker_add(scene.maker, 2, result_of(second, 2));
    bytes = hs_run_maker_finish(scene.maker, 17);
    HS_CHECK_EQ(hs_run_record_open(&reader, bytes), bytes.bytes);
    HS_CHECK_TEXT(reader.record.workflow, "shop");
    HS_CHECK_EQ(reader.record.flags, 0);
    HS_CHECK_EQ(reader.record.seed, 5);
    HS_CHECK_EQ(reader.record.engine_count, 5);
    HS_CHECK_EQ(reader.record.restart_count, 1);
    HS_CHECK_EQ(reader.record.retry_count, 3);
    HS_CHECK_EQ(reader.record.duration_ns, 10 * HS_NS_PER_S); /* without warm-up */
    HS_CHECK_EQ(reader.record.elapsed_ns, 12 * HS_NS_PER_S);
    check_next(&scene, &reader, "home", 111, 2);
    check_next(&scene, &reader, "cart", 47, 2);
    HS_CHECK_EQ(hs_run_record_next(&reader, &name, NULL), 0);
    close_scene(&scene);
}

/* A manager that is born again makes it again: gate and manager know it by its digest. */
static void the_same_shares_make_the_same_bytes(void)
{
    static const uint64_t sent[2] = {100, 40};
    static uint8_t        before[1 << 18];
    struct hs_view        bytes;
    struct scene          scene;
    size_t                was;

    open_scene(&scene);
    begin(&scene);
    hs_run_maker_add(scene.maker, 3, result_of(sent, 2));
    bytes = hs_run_maker_finish(scene.maker, 1);
    HS_CHECK(bytes.bytes < sizeof before);
    was = bytes.bytes;
    memcpy(before, bytes.data, was);
    begin(&scene);
    hs_run_maker_add(scene.maker, 1, result_of(sent, 1)); /* half made when another is begun */
    begin(&scene);
    hs_run_maker_add(scene.maker, 3, result_of(sent, 2));
    bytes = hs_run_maker_finish(scene.maker, 1);
    HS_CHECK_EQ(bytes.bytes, was);
    HS_CHECK_EQ(memcmp(bytes.data, before, was), 0);
    close_scene(&scene);
}

static void what_is_missing_is_said(void)
{
    static const uint64_t       sent[3] = {100, 40, 9};
    struct hs_run_record_reader reader;
    struct hs_view              payload;
    struct hs_view              bytes;
    struct scene                scene;

    open_scene(&scene);
    for (unsigned what = 0; what < 4; what++) {
        begin(&scene);
        hs_run_maker_add(scene.maker, 3, result_of(sent, 2));
        payload = result_of(sent, what == 3 ? 3 : 2);
        if (what == 0) payload = (struct hs_view){0};
        if (what == 1)
            payload.bytes -= 3; /* torn: the step before the tear is not known to be whole */
        if (what == 2)
            hs_run_maker_miss(scene.maker, 2); /* known to have none: nothing is missing */
        else
            hs_run_maker_add(scene.maker, 2, payload);
        bytes = hs_run_maker_finish(scene.maker, 0);
        HS_CHECK_EQ(hs_run_record_open(&reader, bytes), bytes.bytes);
        HS_CHECK_EQ(reader.record.flags, what == 2 ? 0 : HS_RUN_RECORD_NO_DETAIL);
        HS_CHECK_EQ(reader.record.engine_count, 5);
        check_next(&scene, &reader, "home", what == 3 ? 200 : 100, what == 3 ? 2 : 1);
    }
    close_scene(&scene);
}

static void work_bounded_by_iterations_takes_what_it_took(void)
{
    struct hs_run_record_reader reader;
    struct hs_view              bytes;
    struct scene                scene;

    open_scene(&scene);
    scene.load.for_ns = 0;
    scene.load.is_open = true;
    scene.workflow.elapsed_ns = HS_NS_PER_S; /* over before the warm-up was */
    begin(&scene);
    bytes = hs_run_maker_finish(scene.maker, 0);
    HS_CHECK_EQ(hs_run_record_open(&reader, bytes), bytes.bytes);
    HS_CHECK_EQ(reader.record.duration_ns, 0);
    HS_CHECK_EQ(reader.record.flags, HS_RUN_RECORD_OPEN_MODEL);
    scene.workflow.elapsed_ns = 33 * HS_NS_PER_S;
    begin(&scene);
    bytes = hs_run_maker_finish(scene.maker, 0);
    HS_CHECK_EQ(hs_run_record_open(&reader, bytes), bytes.bytes);
    HS_CHECK_EQ(reader.record.duration_ns, 31 * HS_NS_PER_S);
    close_scene(&scene);
}

CU_TestInfo hs_tests_run_maker[] = {
    {"the record is the sum of the shares", the_record_is_the_sum_of_the_shares},
    {"the same shares make the same bytes", the_same_shares_make_the_same_bytes},
    {"what is missing is said", what_is_missing_is_said},
    {"work bounded by iterations takes what it took",
     work_bounded_by_iterations_takes_what_it_took},
    CU_TEST_INFO_NULL,
};
