// SPDX-License-Identifier: Apache-2.0
/* test_quick.c - one-liners are plans, and flags go over plans. */
#include "roles/plan/quick.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { MEMORY_BYTES = 4 << 20 };

static char           *memory;
static struct hs_arena arena;

static void reset(void)
{
    if (!memory) memory = malloc(MEMORY_BYTES);
    hs_arena_init(&arena, memory, memory ? MEMORY_BYTES : 0);
}

static struct hs_plan *read_text(const char *text)
{
    static struct hs_problems problems;

    reset();
    hs_problems_init(&problems);
    return hs_plan_read(hs_view_text(text), NULL, &arena, &problems);
}

#define FLOW(name, rest) "{\"name\":\"" name "\"," rest "}"
#define LOAD             "\"load\":{\"model\":\"closed\",\"vus\":2,\"for\":\"1s\"},"
#define STEPS            "\"steps\":[{\"url\":\"http://h/\"}]"

static struct hs_err err;

static struct hs_plan *quick(const char *url, struct hs_quick_flags flags)
{
    reset();
    return hs_quick_plan(url, &flags, &arena, &err);
}

static void a_url_alone_is_fifty_connections_for_ten_seconds(void)
{
    struct hs_plan *plan = quick("127.0.0.1:8080/x", (struct hs_quick_flags){0});

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].url, "http://127.0.0.1:8080/x");
    HS_CHECK_EQ(plan->workflows.at[0].load.vus, 50);
    HS_CHECK_EQ(plan->workflows.at[0].load.for_ns, 10 * HS_NS_PER_S);
}

static void flags_become_a_plan(void)
{
    static const char *const    headers[] = {"A: b: c", "d:e"};
    const struct hs_quick_flags flags = {.rate = "2000",
                                         .connections = "7",
                                         .duration = "3s",
                                         .body = "{\"a\":\"${vu}\"}",
                                         .warmup = "1s",
                                         .timeout = "2s",
                                         .seed = "4",
                                         .headers = headers,
                                         .header_count = 2};
    struct hs_plan             *plan = quick("http://h/", flags);

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_EQ(plan->workflows.at[0].load.kind, HS_PLAN_LOAD_OPEN);
    HS_CHECK_EQ(plan->workflows.at[0].load.rate.count, 2000);
    HS_CHECK_EQ(plan->workflows.at[0].load.max_in_flight, 7);
    HS_CHECK_EQ(plan->workflows.at[0].warmup_ns, HS_NS_PER_S);
    HS_CHECK_EQ(plan->defaults.timeout_ns, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(plan->seed, 4);
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].method, "POST");
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].headers.at[0].value, "b: c");
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].headers.at[1].name, "d");
    plan = quick("http://h/", (struct hs_quick_flags){.requests = "5"});
    HS_CHECK(plan && plan->workflows.at[0].load.iterations == 5 &&
             plan->workflows.at[0].load.vus == 5);
}

static void bad_flags_are_named(void)
{
    static const char *const bad_header[] = {"nothing"};

    HS_CHECK(!quick("http://h/", (struct hs_quick_flags){.duration = "10"}));
    HS_CHECK_TEXT(
        err.text,
        "-d takes a duration such as \"250ms\" or \"1m30s\" (ns us ms s m h), not \"10\"");
    HS_CHECK(!quick("http://h/", (struct hs_quick_flags){.connections = "0"}));
    HS_CHECK(!quick("http://h/", (struct hs_quick_flags){.requests = "5", .rate = "5"}));
    HS_CHECK(!quick("http://h/", (struct hs_quick_flags){.requests = "5", .duration = "5s"}));
    HS_CHECK(
        !quick("http://h/", (struct hs_quick_flags){.headers = bad_header, .header_count = 1}));
    HS_CHECK(!quick("http://h/", (struct hs_quick_flags){.method = "get"}));
    HS_CHECK_TEXT(err.text, "-m: unknown method \"get\" (did you mean \"GET\"?)");
    HS_CHECK(!quick("https://h/", (struct hs_quick_flags){0}));
    HS_CHECK_TEXT(err.text, "URL: https is not in this version");
    HS_CHECK(!quick("http://h/${x}", (struct hs_quick_flags){0}));
    HS_CHECK_TEXT(err.text, "URL: undefined variable \"x\"");
}

static void flags_go_over_a_plan_with_one_workflow(void)
{
    struct hs_quick_flags flags = {.connections = "9", .duration = "4s"};
    struct hs_plan       *plan = read_text("{\"version\":1,\"workflows\":[" FLOW(
              "A", LOAD "\"steps\":[{\"url\":\"http://h/\",\"timeout\":\"7s\"}]") "]}");

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_EQ(hs_quick_apply(plan, &flags, &err), 0);
    HS_CHECK_EQ(plan->workflows.at[0].load.vus, 9);
    HS_CHECK_EQ(plan->workflows.at[0].load.for_ns, 4 * HS_NS_PER_S);
    flags = (struct hs_quick_flags){.timeout = "3s"};
    HS_CHECK_EQ(hs_quick_apply(plan, &flags, &err), 0);
    HS_CHECK_EQ(hs_plan_step_timeout_ns(plan, &plan->workflows.at[0].steps.at[0]), 3 * HS_NS_PER_S);
    flags = (struct hs_quick_flags){.rate = "3"};
    HS_CHECK(hs_quick_apply(plan, &flags, &err) != 0);
    flags = (struct hs_quick_flags){.method = "GET"};
    HS_CHECK(hs_quick_apply(plan, &flags, &err) != 0);
    plan = read_text("{\"version\":1,\"workflows\":[" FLOW("A", STEPS) "," FLOW("B", STEPS) "]}");
    flags = (struct hs_quick_flags){.connections = "9"};
    HS_CHECK(plan && hs_quick_apply(plan, &flags, &err) != 0);
    HS_CHECK_TEXT(err.text, "-c is for one workflow, the plan has 2: change it in the plan");
}

static void a_one_liner_printed_is_the_same_plan(void)
{
    static char      text[2][8192];
    struct hs_writer out;
    struct hs_plan  *plan = quick("http://h/${rand:1-9}?a=b",
                                  (struct hs_quick_flags){.rate = "0.5/s", .method = "PUT"});

    for (int i = 0; i < 2; i++) {
        HS_CHECK(plan != NULL);
        if (!plan) return;
        hs_writer_init(&out, text[i], sizeof text[i] - 1);
        HS_CHECK_EQ(hs_plan_write(plan, &out), 0);
        text[i][out.used_bytes] = '\0';
        plan = read_text(text[i]);
    }
    HS_CHECK_TEXT(text[0], text[1]);
    HS_CHECK(strstr(text[0], "\"rate\": \"0.5/s\"") != NULL);
}

CU_TestInfo hs_tests_quick[] = {
    {"a URL alone is fifty connections for ten seconds",
     a_url_alone_is_fifty_connections_for_ten_seconds},
    {"flags become a plan", flags_become_a_plan},
    {"bad flags are named", bad_flags_are_named},
    {"flags go over a plan with one workflow", flags_go_over_a_plan_with_one_workflow},
    {"a one-liner printed is the same plan", a_one_liner_printed_is_the_same_plan},
    CU_TEST_INFO_NULL,
};
