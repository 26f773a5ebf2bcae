// SPDX-License-Identifier: Apache-2.0
/* test_engine_judge.c - which answers pass, and which class a failure has. */
#include "roles/engine/judge.h"
#include "roles/plan/compile.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { MEMORY_BYTES = 1 << 20, IMAGE_BYTES = 1 << 16 };

static _Alignas(16) char image_memory[IMAGE_BYTES];

/* The image of one step with these checks, the elements of an array. */
static const struct hs_image_header *image_of(const char *checks)
{
    static struct hs_problems problems;
    struct hs_plan_addresses  address = {0};
    struct hs_compile_input   input = {.addresses = &address, .address_count = 1};
    struct hs_arena           arena;
    struct hs_err             err = {0};
    char                     *memory = malloc(MEMORY_BYTES);
    char                      text[1024];
    int64_t                   bytes = -1;

    (void)snprintf(text, sizeof text,
                   "{\"version\": 1, \"workflows\": [{\"name\": \"w\", \"steps\": "
                   "[{\"url\": \"http://h.test/\", \"checks\": [%s]}]}]}",
                   checks);
    hs_arena_init(&arena, memory, MEMORY_BYTES);
    hs_problems_init(&problems);
    input.plan = hs_plan_read(hs_view_text(text), NULL, &arena, &problems);
    HS_CHECK(input.plan != NULL);
    if (input.plan) bytes = hs_image_compile(&input, &arena, image_memory, IMAGE_BYTES, &err);
    free(memory);
    HS_CHECK(bytes > 0);
    return bytes > 0 ? hs_image_check(image_memory, (size_t)bytes, &err) : NULL;
}

#define PASSES HS_ERROR_CLASS_COUNT

static void check_answer(const char *checks, const struct hs_answer *answer,
                         enum hs_error_class expected)
{
    const struct hs_image_header *image = image_of(checks);
    enum hs_error_class           error = PASSES;
    bool                          has_passed;

    if (!image) return;
    has_passed = hs_judge(image, hs_image_step_at(image, 0), answer, &error);
    HS_CHECK_EQ(error, expected);
    HS_CHECK_EQ(has_passed, expected == PASSES);
}

static void check_status(const char *checks, unsigned status, enum hs_error_class expected)
{
    struct hs_answer answer = {.status = status};

    check_answer(checks, &answer, expected);
}

static void without_a_check_a_status_below_400_passes(void)
{
    check_status("", 200, PASSES);
    check_status("", 204, PASSES);
    check_status("", 302, PASSES);
    check_status("", 399, PASSES);
    check_status("", 400, HS_ERROR_STATUS_4XX);
    check_status("", 499, HS_ERROR_STATUS_4XX);
    check_status("", 500, HS_ERROR_STATUS_5XX);
    check_status("", 599, HS_ERROR_STATUS_5XX);
    check_status("", 999, HS_ERROR_STATUS_5XX); /* nobody's status */
}

static void a_status_check_decides_alone(void)
{
    check_status("{\"status\": 404}", 404, PASSES);
    check_status("{\"status\": 404}", 200, HS_ERROR_CHECK);
    check_status("{\"status\": \"2xx\"}", 299, PASSES);
    check_status("{\"status\": \"2xx\"}", 301, HS_ERROR_CHECK);
    check_status("{\"status\": [200, \"5xx\"]}", 503, PASSES);
    check_status("{\"status\": [200, \"5xx\"]}", 201, HS_ERROR_CHECK);
}

static void check_text(const char *checks, enum hs_error_class expected)
{
    struct hs_answer answer = {
        .status = 200,
        .body_bytes = 7,
        .service_ns = 5 * HS_NS_PER_MS,
        .head = hs_view_text("HTTP/1.1 200 OK\r\nX-One:  first \r\nX-Two: second\r\n\r\n"),
        .body = hs_view_text("{\"a\":1}")};

    check_answer(checks, &answer, expected);
}

static void headers_are_compared_without_case_and_blanks(void)
{
    check_text("{\"header\": {\"name\": \"X-ONE\", \"equals\": \"first\"}}", PASSES);
    check_text("{\"header\": {\"name\": \"x-one\", \"equals\": \"firs\"}}", HS_ERROR_CHECK);
    check_text("{\"header\": {\"name\": \"x-two\", \"contains\": \"eco\"}}", PASSES);
    check_text("{\"header\": {\"name\": \"x-two\", \"contains\": \"first\"}}", HS_ERROR_CHECK);
    check_text("{\"header\": {\"name\": \"x-two\", \"exists\": true}}", PASSES);
    check_text("{\"header\": {\"name\": \"x-three\", \"exists\": true}}", HS_ERROR_CHECK);
    check_text("{\"header\": {\"name\": \"x-three\", \"contains\": \"\"}}", HS_ERROR_CHECK);
}

static void bodies_sizes_and_times_are_compared(void)
{
    check_text("{\"body\": {\"contains\": \"\\\"a\\\"\"}}", PASSES);
    check_text("{\"body\": {\"contains\": \"b\"}}", HS_ERROR_CHECK);
    check_text("{\"body\": {\"equals\": \"{\\\"a\\\":1}\"}}", PASSES);
    check_text("{\"body\": {\"equals\": \"{\\\"a\\\":1} \"}}", HS_ERROR_CHECK);
    check_text("{\"size\": {\"min\": 7, \"max\": 7}}", PASSES);
    check_text("{\"size\": {\"min\": 8}}", HS_ERROR_CHECK);
    check_text("{\"size\": {\"max\": 6}}", HS_ERROR_CHECK);
    check_text("{\"time\": \"<= 5ms\"}", PASSES);
    check_text("{\"time\": \"< 5ms\"}", HS_ERROR_CHECK);
}

static void all_checks_have_to_hold(void)
{
    check_text("{\"size\": {\"min\": 7}}, {\"body\": {\"contains\": \"a\"}}", PASSES);
    check_text("{\"size\": {\"min\": 7}}, {\"body\": {\"contains\": \"b\"}}", HS_ERROR_CHECK);
    check_text("{\"size\": {\"min\": 9}}, {\"body\": {\"contains\": \"a\"}}", HS_ERROR_CHECK);
}

/* What was not kept cannot be said to be equal; what was found in the kept part was found. */
static void a_body_that_was_too_long_to_keep_is_never_equal(void)
{
    struct hs_answer answer = {
        .status = 200, .body_bytes = 100000, .body = hs_view_text("begin"), .is_body_cut = true};

    check_answer("{\"body\": {\"equals\": \"begin\"}}", &answer, HS_ERROR_CHECK);
    check_answer("{\"body\": {\"contains\": \"begin\"}}", &answer, PASSES);
}

static void what_was_not_kept_is_not_said_to_be_missing(void)
{
    struct hs_answer answer = {.status = 200,
                               .body_bytes = 100000,
                               .head = hs_view_text("HTTP/1.1 200 OK\r\nA: b\r\nC: d"),
                               .body = hs_view_text("begin"),
                               .is_body_cut = true};

    check_answer("{\"body\": {\"contains\": \"end\"}}", &answer, HS_ERROR_BODY_TRUNCATED);
    check_answer("{\"body\": {\"equals\": \"begin and end\"}}", &answer, HS_ERROR_BODY_TRUNCATED);
    answer.is_body_cut = false;
    check_answer("{\"body\": {\"contains\": \"end\"}}", &answer, HS_ERROR_CHECK);
    answer.is_head_cut = true; /* which says nothing about the body */
    check_answer("{\"body\": {\"equals\": \"begin\"}}", &answer, PASSES);
    check_answer("{\"header\": {\"name\": \"a\", \"equals\": \"b\"}}", &answer, PASSES);
    check_answer("{\"header\": {\"name\": \"a\", \"equals\": \"x\"}}", &answer, HS_ERROR_CHECK);
    check_answer("{\"header\": {\"name\": \"c\", \"equals\": \"d\"}}", &answer, /* or "dd"? */
                 HS_ERROR_BODY_TRUNCATED);
}

static void only_what_checks_look_at_is_kept(void)
{
    static const struct {
        const char *checks;
        bool        head;
        bool        body;
    } rows[] = {
        {"", false, false},
        {"{\"status\": 200}, {\"size\": {\"max\": 1}}, {\"time\": \"< 1s\"}", false, false},
        {"{\"header\": {\"name\": \"a\", \"exists\": true}}", true, false},
        {"{\"body\": {\"contains\": \"a\"}}", false, true},
        {"{\"body\": {\"equals\": \"a\"}}, {\"header\": {\"name\": \"a\", \"equals\": \"b\"}}",
         true, true},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct hs_image_header *image = image_of(rows[i].checks);

        if (!image) return;
        HS_CHECK_EQ(hs_judge_needs_head(image, hs_image_step_at(image, 0)), rows[i].head);
        HS_CHECK_EQ(hs_judge_needs_body(image, hs_image_step_at(image, 0)), rows[i].body);
    }
}

CU_TestInfo hs_tests_engine_judge[] = {
    {"without a check a status below 400 passes", without_a_check_a_status_below_400_passes},
    {"a status check decides alone", a_status_check_decides_alone},
    {"headers are compared without case and blanks", headers_are_compared_without_case_and_blanks},
    {"bodies, sizes and times are compared", bodies_sizes_and_times_are_compared},
    {"all checks have to hold", all_checks_have_to_hold},
    {"a body that was too long to keep is never equal",
     a_body_that_was_too_long_to_keep_is_never_equal},
    {"what was not kept is not said to be missing", what_was_not_kept_is_not_said_to_be_missing},
    {"only what checks look at is kept", only_what_checks_look_at_is_kept},
    CU_TEST_INFO_NULL,
};
