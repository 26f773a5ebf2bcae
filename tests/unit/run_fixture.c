// SPDX-License-Identifier: Apache-2.0
/* run_fixture.c - see run_fixture.h. */
#include "tests/unit/run_fixture.h"

#include "roles/plan/compile.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/run_server.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARENA_BYTES = 1 << 20, TEXT_BYTES = 4096, CHUNKS = 4096 };

static void *take_pages(size_t bytes, int sharing)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) abort();
    return memory;
}

static struct hs_loop *open_loop(enum hs_loop_backend backend)
{
    struct hs_loop_config config = {.wanted = backend,
                                    .stream_count_max = RUN_PEERS_MAX + 8,
                                    .recv_buffer_count = 64,
                                    .recv_buffer_bytes = 4096,
                                    .file_op_count_max = 1};
    struct hs_loop       *loop = NULL;
    struct hs_err         err = {0};

    HS_CHECK_EQ(hs_loop_open(&loop, &config, &err), 0);
    return loop;
}

void run_world_init_varied(struct run_world *world, enum hs_loop_backend backend,
                           struct run_behaviours behaviours)
{
    *world = (struct run_world){.connections_max = RUN_PEERS_MAX};
    world->counts = take_pages(sizeof *world->counts, MAP_SHARED);
    world->server = run_server_start(behaviours, world->counts, &world->port);
    world->loop = open_loop(backend);
    world->figures = take_pages(sizeof *world->figures, MAP_PRIVATE);
    world->image_memory = take_pages(RUN_IMAGE_BYTES, MAP_PRIVATE);
}

void run_world_init(struct run_world *world, enum hs_loop_backend backend,
                    const struct run_serve *serve)
{
    struct run_behaviours behaviours = {.at = serve, .count = serve != NULL};

    run_world_init_varied(world, backend, behaviours);
}

void run_world_fini(struct run_world *world)
{
    hs_run_close(&world->run);
    hs_loop_close(&world->loop);
    if (world->server) {
        (void)kill(world->server, SIGKILL);
        HS_CHECK_EQ(waitpid(world->server, NULL, 0), world->server);
    }
    HS_CHECK_EQ(munmap(world->counts, sizeof *world->counts), 0);
    HS_CHECK_EQ(munmap(world->figures, sizeof *world->figures), 0);
    HS_CHECK_EQ(munmap(world->image_memory, RUN_IMAGE_BYTES), 0);
}

/* Whatever a target is called, it is the server. */
static int64_t compile_plan(const struct hs_plan *plan, struct hs_arena *arena, void *memory,
                            struct hs_err *err)
{
    static struct hs_plan_targets   targets;
    static struct hs_plan_addresses addresses[HS_TARGETS_MAX];
    struct hs_compile_input         input = {.plan = plan, .addresses = addresses};
    int rc = hs_plan_targets(plan, &plan->workflows.at[0], &targets, err);

    if (rc) return rc;
    for (uint32_t i = 0; i < targets.count; i++)
        addresses[i] =
            (struct hs_plan_addresses){.count = 1, .at[0] = {.family = 4, .bytes = {127, 0, 0, 1}}};
    input.address_count = targets.count;
    return hs_image_compile(&input, arena, memory, RUN_IMAGE_BYTES, err);
}

static const struct hs_image_header *compile(struct run_world *world, const char *text,
                                             struct hs_arena *arena)
{
    static struct hs_problems problems;
    const struct hs_plan     *plan;
    struct hs_err             err = {0};
    int64_t                   bytes;

    hs_problems_init(&problems);
    plan = hs_plan_read(hs_view_text(text), NULL, arena, &problems);
    if (!plan) {
        (void)fprintf(stderr, "%s: %s\n", problems.at[0].path, problems.at[0].message);
        return NULL;
    }
    bytes = compile_plan(plan, arena, world->image_memory, &err);
    if (bytes < 0) (void)fprintf(stderr, "%s\n", err.text);
    return bytes < 0 ? NULL : hs_image_check(world->image_memory, (size_t)bytes, &err);
}

bool run_world_plan(struct run_world *world, const char *load, const char *more, const char *steps)
{
    struct hs_arena arena;
    char           *memory = malloc(ARENA_BYTES);
    char            text[TEXT_BYTES];

    (void)snprintf(text, sizeof text,
                   "{\"version\": 1, \"defaults\": {\"base_url\": \"http://127.0.0.1:%u\"},"
                   " \"workflows\": [{\"name\": \"w\", \"load\": %s%s, \"steps\": [%s]}]}",
                   world->port, load, more, steps);
    hs_arena_init(&arena, memory, ARENA_BYTES);
    world->image = compile(world, text, &arena);
    free(memory);
    HS_CHECK(world->image != NULL);
    if (!world->image) return false;
    world->order = (struct hs_engine_command){.type = HS_ENGINE_START,
                                              .run_id = 1,
                                              .figures_id = 1,
                                              .exec_fence = 1,
                                              .start_at_ns = hs_loop_clock_ns(world->loop),
                                              .iterations = world->image->iterations,
                                              .in_flight_max = world->image->max_in_flight,
                                              .share_count = 1,
                                              .vu_count = (uint32_t)world->image->vus};
    if (world->order.in_flight_max > RUN_PEERS_MAX) world->order.in_flight_max = RUN_PEERS_MAX;
    return true;
}

bool run_world_start(struct run_world *world)
{
    struct hs_err err = {0};
    int           rc;

    world->setup = (struct hs_run_setup){.loop = world->loop,
                                         .figures = world->figures,
                                         .generation = 1,
                                         .connections_max = world->connections_max,
                                         .worker_name = "node",
                                         .datacenter = "here",
                                         .image = world->image,
                                         .order = &world->order};
    rc = hs_run_open(&world->run, &world->setup, &err);
    if (rc) (void)fprintf(stderr, "hs_run_open: %s\n", err.text);
    HS_CHECK_EQ(rc, 0);
    return rc == 0;
}

void run_world_turn(struct run_world *world, uint64_t until_ns)
{
    uint64_t due_ns = hs_run_turn(world->run, hs_loop_clock_ns(world->loop));

    while (world->run->phase != HS_RUN_OVER && hs_loop_now_ns(world->loop) < until_ns) {
        HS_CHECK(hs_loop_step(world->loop, hs_min_u64(due_ns, until_ns)) >= 0);
        due_ns = hs_run_turn(world->run, hs_loop_now_ns(world->loop));
    }
}

const struct hs_stats *run_world_read(struct run_world *world, uint32_t step_idx, bool is_warmup)
{
    static struct hs_chunk            chunks[CHUNKS];
    static struct hs_chunk_pool       pool;
    const struct hs_figures_page_shm *page;
    struct hs_figures_key             key = {.step_idx = step_idx, .is_warmup = is_warmup};

    key.exec_fence = world->order.exec_fence;
    hs_engine_figures_key(world->order.figures_id, key.exec_id);
    hs_chunk_pool_init(&pool, chunks, CHUNKS);
    hs_stats_init(&world->stats, &pool);
    page = hs_figures_find(world->figures, &key);
    if (page) HS_CHECK_EQ(hs_figures_read(page, &world->stats), 0);
    return &world->stats;
}

static void check_identities(struct run_world *world)
{
    for (uint32_t i = 0; i < world->image->step_count * 2; i++) {
        const struct hs_stats *stats = run_world_read(world, i / 2, i % 2);

        HS_CHECK_EQ(stats->tallies[HS_TALLY_SENT], hs_stats_completed(stats) +
                                                       hs_stats_failed(stats) +
                                                       stats->tallies[HS_TALLY_CUT]);
        HS_CHECK_EQ(stats->counts[HS_MEASURE_LAG], stats->tallies[HS_TALLY_SENT]);
        HS_CHECK_EQ(stats->counts[HS_MEASURE_SERVICE], hs_stats_completed(stats));
    }
}

void run_world_finish(struct run_world *world, unsigned limit_ms)
{
    run_world_turn(world, hs_loop_clock_ns(world->loop) + limit_ms * HS_NS_PER_MS);
    HS_CHECK_EQ(world->run->phase, HS_RUN_OVER);
    if (world->run->phase != HS_RUN_OVER) { /* let it go, so that the rest of the test can end */
        hs_run_stop(world->run, 0, 0);
        run_world_turn(world, HS_NEVER_NS);
    }
    check_identities(world);
}

void run_world_run(struct run_world *world, const char *load, const char *more, const char *steps,
                   unsigned limit_ms)
{
    if (!run_world_plan(world, load, more, steps)) return;
    if (run_world_start(world)) run_world_finish(world, limit_ms);
}
