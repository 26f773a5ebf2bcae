// SPDX-License-Identifier: Apache-2.0
/* test_image.c - workflows are compiled to requests as they go over the wire, and images are read
 * with distrust. */
#include "roles/plan/compile.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

enum { MEMORY_BYTES = 4 << 20, IMAGE_BYTES = 1 << 20 };

static char *memory;
static _Alignas(16) char image_memory[IMAGE_BYTES];
static struct hs_arena          arena;
static struct hs_plan_addresses addresses[HS_TARGETS_MAX];
static struct hs_err            err;

static const struct hs_image_header *compile_workflow(const char *text, uint32_t workflow_idx)
{
    static struct hs_problems problems;
    struct hs_compile_input   input = {.workflow_idx = workflow_idx, .addresses = addresses};
    struct hs_plan_targets    targets;
    int64_t                   bytes;

    if (!memory) memory = malloc(MEMORY_BYTES);
    hs_arena_init(&arena, memory, memory ? MEMORY_BYTES : 0);
    hs_problems_init(&problems);
    input.plan = hs_plan_read(hs_view_text(text), NULL, &arena, &problems);
    HS_CHECK(input.plan != NULL);
    if (!input.plan) {
        (void)fprintf(stderr, "%s: %s\n", problems.at[0].path, problems.at[0].message);
        return NULL;
    }
    HS_CHECK_EQ(
        hs_plan_targets(input.plan, &input.plan->workflows.at[workflow_idx], &targets, &err), 0);
    input.address_count = targets.count;
    memset(image_memory, 0xee, sizeof image_memory);
    bytes = hs_image_compile(&input, &arena, image_memory, sizeof image_memory, &err);
    HS_CHECK(bytes > 0);
    return bytes > 0 ? hs_image_check(image_memory, (size_t)bytes, &err) : NULL;
}

#define STEPS(steps)                                                                               \
    "{\"version\":1,\"defaults\":{\"base_url\":\"http://h.test:8080/api/"                          \
    "\"},\"workflows\":[{\"name\":\"w\",\"steps\":[" steps "]}]}"

static char sent[IMAGE_BYTES];

static const char *request_of(const struct hs_image_header *image, uint32_t idx)
{
    const struct hs_image_step *step = hs_image_step_at(image, idx);
    struct hs_rand              rand;
    struct hs_template_context  context = {.vu = 12,
                                           .seq = 5,
                                           .now_ms = 1700000000000,
                                           .worker = "w 1",
                                           .datacenter = "eu\"1",
                                           .rand = &rand};
    int                         bytes;

    hs_rand_init(&rand, 3);
    if (step->frozen.bytes) {
        memcpy(sent, hs_image_text(image, step->frozen), step->frozen.bytes + 1);
        HS_CHECK_EQ(step->frozen.bytes, step->request_max_bytes);
        return sent;
    }
    bytes = hs_image_render(image, step, &context, sent, step->request_max_bytes);
    HS_CHECK(bytes > 0);
    sent[bytes > 0 ? bytes : 0] = '\0';
    HS_CHECK_EQ(hs_image_render(image, step, &context, sent + IMAGE_BYTES / 2, 20), -EMSGSIZE);
    return sent;
}

static void check_request(const char *step, const char *expected)
{
    char                          text[2048];
    const struct hs_image_header *image;

    (void)snprintf(text, sizeof text, STEPS("%s"), step);
    image = compile_workflow(text, 0);
    HS_CHECK(image != NULL);
    if (image) HS_CHECK_TEXT(request_of(image, 0), expected);
}

#define HEAD(line) line " HTTP/1.1\r\nHost: h.test:8080\r\nUser-Agent: hyperscale/1\r\n"

static void constant_requests_are_frozen(void)
{
    check_request("{\"url\":\"/x\"}", HEAD("GET /api/x") "\r\n");
    check_request("{\"url\":\"?a=b\"}", HEAD("GET /api?a=b") "\r\n");
    check_request("{\"url\":\"x#frag\"}", HEAD("GET /api/x") "\r\n");
    check_request("{\"url\":\"/x?a\",\"query\":{\"b c\":\"d&e\",\"f\":1}}",
                  HEAD("GET /api/x?a&b%20c=d%26e&f=1") "\r\n");
    check_request("{\"url\":\"http://other\"}",
                  "GET / HTTP/1.1\r\nHost: other\r\nUser-Agent: hyperscale/1\r\n\r\n");
    check_request("{\"url\":\"http://[::1]:81?q\"}",
                  "GET /?q HTTP/1.1\r\nHost: [::1]:81\r\nUser-Agent: hyperscale/1\r\n\r\n");
    check_request("{\"url\":\"/$${x}\"}", HEAD("GET /api/${x}") "\r\n");
}

static void bodies_have_their_length_and_type(void)
{
    check_request("{\"url\":\"/x\",\"method\":\"POST\"}",
                  HEAD("POST /api/x") "Content-Length: 0\r\n\r\n");
    check_request("{\"url\":\"/x\",\"method\":\"PUT\",\"body\":\"a\\u00e9\"}",
                  HEAD("PUT /api/x") "Content-Length: 3\r\n\r\na\xc3\xa9");
    check_request("{\"url\":\"/x\",\"method\":\"POST\",\"body\":{\"json\":{\"a\":[1]}}}",
                  HEAD("POST /api/x") "Content-Type: application/json\r\nContent-Length: "
                                      "9\r\n\r\n{\"a\":[1]}");
    check_request(
        "{\"url\":\"/x\",\"method\":\"POST\",\"body\":{\"form\":{\"a b\":\"c&d\",\"e\":\"f\"}}}",
        HEAD("POST /api/x") "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: "
                            "15\r\n\r\na%20b=c%26d&e=f");
    check_request("{\"url\":\"/x\",\"method\":\"POST\",\"body\":{\"base64\":\"YWJjZA==\"}}",
                  HEAD("POST /api/x") "Content-Length: 4\r\n\r\nabcd");
    check_request("{\"url\":\"/x\",\"method\":\"POST\",\"headers\":{\"content-type\":\"x/"
                  "y\"},\"body\":{\"json\":1}}",
                  HEAD("POST /api/x") "content-type: x/y\r\nContent-Length: 1\r\n\r\n1");
}

static void a_random_body_has_its_size_and_follows_the_seed(void)
{
    const struct hs_image_header *image = compile_workflow(
        STEPS("{\"url\":\"/\",\"method\":\"POST\",\"body\":{\"random\":\"4KiB\"}}"), 0);
    const struct hs_image_step *step = image ? hs_image_step_at(image, 0) : NULL;
    const char                 *body;

    HS_CHECK(step != NULL);
    if (!step) return;
    body = strstr(hs_image_text(image, step->frozen), "\r\n\r\n");
    HS_CHECK(body &&
             step->frozen.bytes - (size_t)(body + 4 - hs_image_text(image, step->frozen)) == 4096);
    HS_CHECK(strstr(hs_image_text(image, step->frozen), "Content-Length: 4096\r\n") != NULL);
}

static void holes_are_rendered_with_the_right_length(void)
{
    check_request("{\"url\":\"/${vu}/x\",\"method\":\"POST\",\"body\":\"seq ${seq}\"}",
                  HEAD("POST /api/12/x") "Content-Length: 5\r\n\r\nseq 5");
    check_request("{\"url\":\"/x\",\"query\":{\"w\":\"${worker}\",\"l\":\"${worker|lower}\"}}",
                  HEAD("GET /api/x?w=w%201&l=w 1") "\r\n");
    check_request("{\"url\":\"/x\",\"method\":\"POST\",\"body\":{\"json\":[\"${datacenter}\"]}}",
                  HEAD("POST /api/x") "Content-Type: application/json\r\nContent-Length: "
                                      "9\r\n\r\n[\"eu\\\"1\"]");
    check_request("{\"url\":\"/x\",\"headers\":{\"n\":\"${now_ms}\"}}",
                  HEAD("GET /api/x") "n: 1700000000000\r\n\r\n");
}

static void a_body_of_fixed_length_needs_no_rendered_length(void)
{
    const struct hs_image_header *image = compile_workflow(
        STEPS("{\"url\":\"/\",\"method\":\"POST\",\"body\":\"${hex:10}${uuid}\"}"), 0);
    const char *request = image ? request_of(image, 0) : "";

    HS_CHECK(strstr(request, "Content-Length: 46\r\n\r\n") != NULL);
    HS_CHECK_EQ(strlen(strstr(request, "\r\n\r\n") ? strstr(request, "\r\n\r\n") + 4 : ""), 46);
    HS_CHECK(image && hs_image_step_at(image, 0)->request_max_bytes == strlen(request));
}

static void headers_of_inner_levels_win(void)
{
    const struct hs_image_header *image = compile_workflow(
        "{\"version\":1,\"defaults\":{\"headers\":{\"A\":\"1\",\"B\":\"1\",\"Host\":\"virtual\"}},"
        "\"workflows\":[{\"name\":\"w\","
        "\"headers\":{\"b\":\"2\",\"C\":\"2\"},\"steps\":[{\"url\":\"http://"
        "h\",\"headers\":{\"c\":\"3\",\"user-agent\":\"me\",\"connection\":\"close\"}}]}]}",
        0);

    HS_CHECK(image != NULL);
    if (!image) return;
    HS_CHECK_TEXT(request_of(image, 0), "GET / HTTP/1.1\r\nHost: virtual\r\nA: 1\r\nb: 2\r\nc: "
                                        "3\r\nuser-agent: me\r\nconnection: close\r\n\r\n");
    HS_CHECK(hs_image_step_at(image, 0)->flags & HS_STEP_CLOSES);
}

static void loads_and_times_arrive_in_the_header(void)
{
    static const char text[] =
        "{\"version\":1,\"seed\":77,\"defaults\":{\"timeout\":\"3s\",\"connect_timeout\":\"4s\","
        "\"think\":\"5s\"},\"workflows\":["
        "{\"name\":\"once\",\"steps\":[{\"url\":\"http://h\"}]},"
        "{\"name\":\"flow\",\"warmup\":{\"for\":\"2s\"},\"on_error\":\"abort\",\"load\":{\"model\":"
        "\"open\",\"rate\":\"30/m\",\"for\":\"9s\",\"on_saturation\":\"drop\"},"
        "\"steps\":[{\"url\":\"http://h\"},{\"url\":\"http://"
        "h:81\",\"timeout\":\"6s\",\"name_by\":\"label\"},{\"url\":\"http://h:80/"
        "\",\"method\":\"HEAD\"}]}]}";
    const struct hs_image_header *image = compile_workflow(text, 0);

    HS_CHECK(image && image->model == HS_LOAD_CLOSED && image->vus == 1 && image->iterations == 1);
    addresses[1] =
        (struct hs_plan_addresses){.count = 1, .at = {{.family = 4, .bytes = {10, 0, 0, 7}}}};
    image = compile_workflow(text, 1);
    HS_CHECK(image != NULL);
    if (!image) return;
    HS_CHECK_EQ(image->model, HS_LOAD_OPEN);
    HS_CHECK_EQ(image->rate_count, 30);
    HS_CHECK_EQ(image->rate_period_ns, 60 * HS_NS_PER_S);
    HS_CHECK_EQ(image->duration_ns, 9 * HS_NS_PER_S);
    HS_CHECK_EQ(image->warmup_ns, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(image->drain_ns, 6 * HS_NS_PER_S);
    HS_CHECK_EQ(image->on_error, HS_ON_ERROR_ABORT);
    HS_CHECK_EQ(image->on_saturation, HS_SATURATION_DROP);
    HS_CHECK_EQ(image->seed, 77);
    HS_CHECK_EQ(image->workflow_idx, 1);
    HS_CHECK_TEXT(hs_image_text(image, image->workflow_name), "flow");
    HS_CHECK_EQ(image->target_count, 2);
    HS_CHECK_EQ(hs_image_target_at(image, 1)->port, 81);
    HS_CHECK_EQ(hs_image_target_at(image, 1)->addresses[0].bytes[3], 7);
    HS_CHECK_TEXT(hs_image_text(image, hs_image_target_at(image, 1)->authority), "h:81");
    HS_CHECK_EQ(hs_image_step_at(image, 1)->target_idx, 1);
    HS_CHECK_EQ(hs_image_step_at(image, 2)->target_idx, 0);
    HS_CHECK_EQ(hs_image_step_at(image, 1)->timeout_ns, 6 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_image_step_at(image, 0)->connect_timeout_ns, 4 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_image_step_at(image, 0)->think_ns, 5 * HS_NS_PER_S);
    HS_CHECK_TEXT(hs_image_text(image, hs_image_step_at(image, 1)->name), "label");
    HS_CHECK_EQ(hs_image_step_at(image, 2)->flags, HS_STEP_IS_HEAD | HS_STEP_IS_IDEMPOTENT);
}

static void a_load_on_names_without_an_address_asks_each_once(void)
{
    static const char text[] =
        "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"warmup\":{\"for\":\"2s\"},\"load\":{"
        "\"model\":\"closed\",\"vus\":7,\"for\":\"9s\"},\"steps\":[{\"url\":\"http://h\"}]},"
        "{\"name\":\"b\",\"load\":{\"model\":\"open\",\"rate\":\"30/s\",\"for\":\"9s\"},"
        "\"steps\":[{\"url\":\"http://h\"},{\"url\":\"http://g\"}]}]}";
    const struct hs_image_header *image;

    addresses[0] = (struct hs_plan_addresses){.code = -ETIME};
    addresses[1] = (struct hs_plan_addresses){0};
    image = compile_workflow(text, 0);
    HS_CHECK(image && image->iterations_per_vu == 1 && image->vus == 7 && image->warmup_ns == 0);
    HS_CHECK(image && hs_image_target_at(image, 0)->code == -ETIME);
    image = compile_workflow(text, 1);
    HS_CHECK(image && image->duration_ns == 1);
    HS_CHECK(image && hs_image_target_at(image, 1)->code == -ENOENT);
    addresses[1].count = 1;
    addresses[1].at[0] = (struct hs_image_address){.family = 4};
    image = compile_workflow(text, 1); /* one of the two is known: the load is what was asked for */
    HS_CHECK(image && image->duration_ns == 9 * HS_NS_PER_S);
    addresses[1] = (struct hs_plan_addresses){0};
}

static void checks_arrive_in_the_image(void)
{
    const struct hs_image_header *image = compile_workflow(
        STEPS(
            "{\"url\":\"/\"},{\"url\":\"/"
            "\",\"checks\":[{\"status\":[200,\"3xx\"]},{\"status\":\"3xx\"},{\"header\":{\"name\":"
            "\"X-Y\",\"contains\":\"Z\"}},"
            "{\"size\":{\"max\":\"1KB\"}},{\"body\":{\"contains\":\"ok\"}},{\"time\":\"< 5ms\"}]}"),
        0);
    const struct hs_image_step *step;

    HS_CHECK(image != NULL);
    if (!image) return;
    step = hs_image_step_at(image, 0);
    HS_CHECK(hs_image_status_is_ok(step, 100) && hs_image_status_is_ok(step, 399));
    HS_CHECK(!hs_image_status_is_ok(step, 400) && !hs_image_status_is_ok(step, 99) &&
             !hs_image_status_is_ok(step, 700));
    HS_CHECK_EQ(step->flags & HS_STEP_HAS_STATUS_CHECK, 0);
    step = hs_image_step_at(image, 1);
    HS_CHECK(!hs_image_status_is_ok(step, 200) &&
             hs_image_status_is_ok(step, 302)); /* both checks hold */
    HS_CHECK(step->flags & HS_STEP_HAS_STATUS_CHECK);
    HS_CHECK(step->flags & HS_STEP_KEEPS_BODY);
    HS_CHECK_EQ(step->check_count, 4);
    HS_CHECK_TEXT(hs_image_text(image, hs_image_check_at(image, step, 0)->name), "x-y");
    HS_CHECK_TEXT(hs_image_text(image, hs_image_check_at(image, step, 0)->text), "Z");
    HS_CHECK_EQ(hs_image_check_at(image, step, 1)->high, 1000);
    HS_CHECK_EQ(hs_image_check_at(image, step, 3)->high, 4999999);
}

static void an_image_that_does_not_fit_is_refused(void)
{
    const struct hs_image_header *image =
        compile_workflow(STEPS("{\"url\":\"/\",\"body\":\"${vu}\"}"), 0);
    struct hs_problems      problems;
    struct hs_compile_input input = {.addresses = addresses, .address_count = 1};
    size_t                  bytes = image ? image->total_bytes : 0;

    hs_problems_init(&problems);
    input.plan = hs_plan_read(hs_view_text(STEPS("{\"url\":\"/\",\"body\":\"${vu}\"}")), NULL,
                              &arena, &problems);
    HS_CHECK(input.plan != NULL);
    if (!input.plan) return;
    HS_CHECK_EQ(hs_image_compile(&input, &arena, image_memory, bytes - 1, &err), -ENOBUFS);
    HS_CHECK(hs_image_compile(&input, &arena, image_memory, bytes + 64, &err) > 0);
    input.address_count = 0;
    HS_CHECK_EQ(hs_image_compile(&input, &arena, image_memory, bytes + 64, &err), -EINVAL);
}

/* Touches all that a sound image offers; the sanitizers watch. */
static void use(const struct hs_image_header *image)
{
    struct hs_rand             rand;
    struct hs_template_context context = {.worker = "w", .datacenter = "d", .rand = &rand};

    hs_rand_init(&rand, 1);
    for (uint32_t i = 0; i < image->step_count; i++) {
        const struct hs_image_step *step = hs_image_step_at(image, i);
        int rendered = hs_image_render(image, step, &context, sent, sizeof sent);

        HS_CHECK(rendered <= (int)sizeof sent);
        (void)strlen(hs_image_text(image, step->name));
        (void)hs_image_target_at(image, step->target_idx);
        for (uint32_t j = 0; j < step->check_count; j++)
            (void)strlen(hs_image_text(image, hs_image_check_at(image, step, j)->text));
    }
}

static void a_damaged_image_is_refused_or_harmless(void)
{
    const struct hs_image_header *image =
        compile_workflow(STEPS("{\"url\":\"/"
                               "${vu}\",\"method\":\"POST\",\"body\":\"${seq}\",\"checks\":[{"
                               "\"body\":{\"contains\":\"x\"}}]},{\"url\":\"/\"}"),
                         0);
    size_t bytes = image ? image->total_bytes : 0;
    char  *copy = bytes ? malloc(bytes) : NULL; /* its own allocation, so that an overrun is seen */

    HS_CHECK(copy != NULL);
    for (size_t at = 0; copy && at < bytes; at++)
        for (unsigned flip = 0; flip < 3; flip++) {
            static const uint8_t          values[] = {0x01, 0x80, 0xff};
            const struct hs_image_header *damaged;

            memcpy(copy, image_memory, bytes);
            copy[at] = (char)((uint8_t)copy[at] ^ values[flip]);
            damaged = hs_image_check(copy, bytes, &err);
            if (damaged) use(damaged);
        }
    if (!copy) return;
    HS_CHECK(!hs_image_check(copy, bytes - 1, &err));
    HS_CHECK(!hs_image_check(copy, 3, &err));
    free(copy);
}

CU_TestInfo hs_tests_image[] = {
    {"constant requests are frozen", constant_requests_are_frozen},
    {"bodies have their length and type", bodies_have_their_length_and_type},
    {"a random body has its size and follows the seed",
     a_random_body_has_its_size_and_follows_the_seed},
    {"holes are rendered with the right length", holes_are_rendered_with_the_right_length},
    {"a body of fixed length needs no rendered length",
     a_body_of_fixed_length_needs_no_rendered_length},
    {"headers of inner levels win", headers_of_inner_levels_win},
    {"loads and times arrive in the header", loads_and_times_arrive_in_the_header},
    {"a load on names without an address asks each once",
     a_load_on_names_without_an_address_asks_each_once},
    {"checks arrive in the image", checks_arrive_in_the_image},
    {"an image that does not fit is refused", an_image_that_does_not_fit_is_refused},
    {"a damaged image is refused or harmless", a_damaged_image_is_refused_or_harmless},
    CU_TEST_INFO_NULL,
};
