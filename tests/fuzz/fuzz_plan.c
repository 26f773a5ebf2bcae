// SPDX-License-Identifier: Apache-2.0
/* fuzz_plan.c - any text as a plan: no crash; what is accepted comes out of writing and reading the
 * same, compiles to sound images, and no request is longer than the image says. */
#include "roles/plan/compile.h"
#include "shm/base/assert.h"

#include <string.h>

enum {
    ARENA_BYTES = 8 << 20,
    TEXT_BYTES = 1 << 20,
    IMAGE_BYTES = 16 << 20,
    INPUT_BYTES_MAX = 64 << 10
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(16) char arena_memory[3][ARENA_BYTES];
static _Alignas(16) char image_memory[IMAGE_BYTES];
static char request[HS_IMAGE_REQUEST_BYTES_MAX];
static char text[2][TEXT_BYTES];

static const char *lookup(void *context, const char *name)
{
    (void)context;
    return name[0] == 'U' ? NULL : name;
}

static void render_all(const struct hs_image_header *image, uint64_t seed)
{
    struct hs_rand             rand;
    struct hs_template_context context = {.vu = seed,
                                          .iteration = UINT64_MAX,
                                          .seq = seed,
                                          .now_ms = UINT64_MAX,
                                          .worker = "a worker/with\na name",
                                          .datacenter = "eu-1",
                                          .rand = &rand};

    hs_rand_init(&rand, seed);
    for (uint32_t i = 0; i < image->step_count; i++) {
        const struct hs_image_step *step = hs_image_step_at(image, i);
        int                         bytes;

        if (step->frozen.bytes) continue;
        HS_ASSERT(step->request_max_bytes <= sizeof request);
        bytes = hs_image_render(image, step, &context, request, step->request_max_bytes);
        HS_ASSERT(bytes > 0);
    }
}

static void compile_all(const struct hs_plan *plan, struct hs_arena *arena)
{
    static struct hs_plan_addresses addresses[HS_TARGETS_MAX];
    static struct hs_plan_targets   targets;

    for (uint32_t i = 0; i < plan->workflows.count; i++) {
        struct hs_compile_input input = {.plan = plan, .workflow_idx = i, .addresses = addresses};
        const struct hs_image_header *image;
        struct hs_err                 err;
        int64_t                       bytes;
        int rc = hs_plan_targets(plan, &plan->workflows.at[i], &targets, &err);

        HS_ASSERT(rc == 0);
        input.address_count = targets.count;
        bytes = hs_image_compile(&input, arena, image_memory, sizeof image_memory, &err);
        if (bytes < 0) continue; /* our bounds */
        image = hs_image_check(image_memory, (size_t)bytes, &err);
        HS_ASSERT(image != NULL);
        render_all(image, plan->seed);
    }
}

static size_t write_plan(const struct hs_plan *plan, char *into)
{
    struct hs_writer out;
    int              rc;

    hs_writer_init(&out, into, TEXT_BYTES);
    rc = hs_plan_write(plan, &out);
    return rc ? 0 : out.used_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_plan_environment environment = {.lookup = lookup, .descriptors = 100};
    static struct hs_problems  problems;
    struct hs_arena            arenas[3];
    struct hs_plan            *plan;
    struct hs_writer           out;
    size_t                     first_bytes;
    size_t                     second_bytes;

    if (size > INPUT_BYTES_MAX) return 0;
    for (size_t i = 0; i < 3; i++) hs_arena_init(&arenas[i], arena_memory[i], ARENA_BYTES);
    hs_problems_init(&problems);
    plan = hs_plan_read(hs_view_of(data, size), &environment, &arenas[0], &problems);
    hs_writer_init(&out, text[0], TEXT_BYTES);
    hs_problems_print(&problems, "fuzz.json", hs_view_of(data, size), &out);
    HS_ASSERT((plan == NULL) == (problems.errors > 0));
    if (!plan) return 0;
    compile_all(plan, &arenas[2]);
    first_bytes = write_plan(plan, text[0]);
    if (!first_bytes) return 0; /* variables made it too long for our buffer */
    plan = hs_plan_read(hs_view_of(text[0], first_bytes), NULL, &arenas[1], &problems);
    HS_ASSERT(plan != NULL);
    second_bytes = write_plan(plan, text[1]);
    HS_ASSERT(second_bytes == first_bytes);
    HS_ASSERT(memcmp(text[0], text[1], first_bytes) == 0);
    return 0;
}
