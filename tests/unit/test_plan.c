// SPDX-License-Identifier: Apache-2.0
/* test_plan.c - plans are read, checked, written and read again; mistakes are named with their
 * code. */
#include "roles/plan/keys.h"
#include "roles/plan/plan.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY_BYTES = 8 << 20, TEXT_BYTES = 256 << 10 };

static char              *memory;
static struct hs_arena    arena;
static struct hs_problems problems;
static char               written[TEXT_BYTES];

static const char *lookup(void *context, const char *name)
{
    (void)context;
    return strcmp(name, "HOST") == 0  ? "http://env.test:81"
           : strcmp(name, "BAD") == 0 ? "\xff"
                                      : NULL;
}

static void reset(void)
{
    if (!memory) memory = malloc(MEMORY_BYTES);
    hs_arena_init(&arena, memory, memory ? MEMORY_BYTES : 0);
    hs_problems_init(&problems);
}

static struct hs_plan *read_with(const char *text, const struct hs_plan_environment *environment)
{
    reset();
    return hs_plan_read(hs_view_text(text), environment, &arena, &problems);
}

static struct hs_plan *read_text(const char *text)
{
    struct hs_plan_environment environment = {.lookup = lookup};

    return read_with(text, &environment);
}

static const char *write_plan(const struct hs_plan *plan)
{
    struct hs_writer out;

    hs_writer_init(&out, written, sizeof written - 1);
    HS_CHECK_EQ(hs_plan_write(plan, &out), 0);
    written[out.used_bytes] = '\0';
    return written;
}

#define LOAD            "\"load\":{\"model\":\"closed\",\"vus\":2,\"for\":\"1s\"}"
#define PLAN(workflows) "{\"version\":1,\"workflows\":[" workflows "]}"
#define STEP(keys)      PLAN("{\"name\":\"w\"," LOAD ",\"steps\":[{" keys "}]}")
#define URL             "\"url\":\"http://h.test/\""

/* Exactly this problem, or the first of several. */
static void check_problem(const char *text, const char *code, const char *path, const char *message)
{
    HS_CHECK(!read_text(text));
    HS_CHECK(problems.kept > 0);
    if (!problems.kept) {
        (void)fprintf(stderr, "no problem in %s\n", text);
        return;
    }
    HS_CHECK_TEXT(problems.at[0].code, code);
    HS_CHECK_TEXT(problems.at[0].path, path);
    if (message) HS_CHECK_TEXT(problems.at[0].message, message);
    HS_CHECK(problems.at[0].place.line == 1);
}

static void a_plan_is_read_with_its_defaults(void)
{
    struct hs_plan *plan = read_text(STEP(URL));

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_TEXT(plan->name, "w");
    HS_CHECK_EQ(plan->seed, 1);
    HS_CHECK_EQ(plan->defaults.timeout_ns, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(plan->defaults.connect_timeout_ns, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(plan->workflows.at[0].load.kind, HS_PLAN_LOAD_CLOSED);
    HS_CHECK_EQ(plan->workflows.at[0].load.vus, 2);
    HS_CHECK_EQ(plan->workflows.at[0].on_error, HS_ON_ERROR_CONTINUE);
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].method, "GET");
    HS_CHECK_TEXT(hs_plan_step_label(&plan->workflows.at[0].steps.at[0]), "http://h.test/");
    HS_CHECK_EQ(hs_plan_step_timeout_ns(plan, &plan->workflows.at[0].steps.at[0]),
                30 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_plan_workflow_duration_ns(plan, &plan->workflows.at[0]), 31 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_plan_timeout_ns(plan), 61 * HS_NS_PER_S);
}

static void inner_values_go_over_outer_ones(void)
{
    struct hs_plan *plan = read_text(
        "{\"version\":1,\"defaults\":{\"timeout\":\"2s\",\"think\":\"3s\"},\"workflows\":["
        "{\"name\":\"w\",\"think\":\"0s\",\"steps\":[{" URL ",\"timeout\":\"1s\"},{" URL
        ",\"think\":\"5s\"}]}]}");

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_EQ(hs_plan_step_timeout_ns(plan, &plan->workflows.at[0].steps.at[0]), HS_NS_PER_S);
    HS_CHECK_EQ(hs_plan_step_timeout_ns(plan, &plan->workflows.at[0].steps.at[1]), 2 * HS_NS_PER_S);
    HS_CHECK_EQ(
        hs_plan_step_think_ns(plan, &plan->workflows.at[0], &plan->workflows.at[0].steps.at[0]), 0);
    HS_CHECK_EQ(
        hs_plan_step_think_ns(plan, &plan->workflows.at[0], &plan->workflows.at[0].steps.at[1]),
        5 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_plan_drain_ns(plan, &plan->workflows.at[0]), 2 * HS_NS_PER_S);
    HS_CHECK(hs_plan_timeout_ns(plan) == HS_NEVER_NS);
}

static void the_job_timeout_follows_the_longest_path(void)
{
#define TIMED(name, more)                                                                          \
    "{\"name\":\"" name "\",\"drain\":\"1s\"," LOAD "," more "\"steps\":[{" URL "}]}"
    struct hs_plan *plan = read_text(PLAN(TIMED("a", "\"depends_on\":[\"b\",\"c\"],") "," TIMED(
        "b", "\"depends_on\":[\"c\"],") "," TIMED("c", "")));

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_EQ(hs_plan_timeout_ns(plan), 36 * HS_NS_PER_S);
    HS_CHECK_EQ(plan->workflows.at[0].depends_on_idx[1], 2);
}

static void mistakes_have_their_code_and_place(void)
{
    check_problem("{\"workflows\":[]}", "E-REQ", "", "\"version\" is missing");
    check_problem("{\"version\":2,\"workflows\":[{\"name\":\"w\",\"steps\":[{" URL "}]}]}", "E-NUM",
                  "/version", "2 is not from 1 to 1");
    check_problem("[]", "E-TYPE", "", "expected an object, found an array");
    check_problem(STEP(URL ",\"tiemout\":\"1s\""), "E-KEY", "/workflows/0/steps/0/tiemout",
                  "unknown key \"tiemout\"");
    HS_CHECK_TEXT(problems.at[0].hint, "timeout");
    check_problem(STEP(URL ",\"extract\":[]"), "E-KEY", "/workflows/0/steps/0/extract",
                  "\"extract\" is not in this version");
    check_problem(
        STEP(URL ",\"timeout\":10"), "E-TYPE", "/workflows/0/steps/0/timeout",
        "expected a duration such as \"250ms\" or \"1m30s\" (ns us ms s m h), found number 10");
    check_problem(STEP(URL ",\"timeout\":\"10\""), "E-UNIT", "/workflows/0/steps/0/timeout",
                  "\"10\" is not a duration such as \"250ms\" or \"1m30s\" (ns us ms s m h)");
    check_problem(STEP(URL ",\"timeout\":\"0s\""), "E-UNIT", "/workflows/0/steps/0/timeout",
                  "must be longer than zero");
    check_problem(STEP(URL ",\"method\":\"GTE\""), "E-ENUM", "/workflows/0/steps/0/method",
                  "unknown method \"GTE\"");
    HS_CHECK_TEXT(problems.at[0].hint, "GET");
    check_problem(STEP("\"name\":\"x\""), "E-REQ", "/workflows/0/steps/0", "\"url\" is missing");
    check_problem(STEP(URL ",\"name\":\"1st\""), "E-TYPE", "/workflows/0/steps/0/name", NULL);
    check_problem(STEP("\"url\":\"https://h/\""), "E-URL", "/workflows/0/steps/0/url",
                  "https is not in this version");
    check_problem(STEP("\"url\":\"/a\""), "E-URL", "/workflows/0/steps/0/url", NULL);
    check_problem(STEP(URL ",\"headers\":{\"a b\":\"c\"}"), "E-HDR",
                  "/workflows/0/steps/0/headers/a b", NULL);
    check_problem(STEP(URL ",\"headers\":{\"a\":\"c\\r\\nd: e\"}"), "E-HDR",
                  "/workflows/0/steps/0/headers/a", NULL);
    check_problem(STEP(URL ",\"headers\":{\"Content-Length\":\"7\"}"), "E-HDR",
                  "/workflows/0/steps/0/headers/Content-Length",
                  "comes from the body and cannot be set");
    check_problem(STEP(URL ",\"body\":{\"json\":1,\"form\":{}}"), "E-EXCL",
                  "/workflows/0/steps/0/body", NULL);
    check_problem(STEP(URL ",\"body\":{\"base64\":\"abc\"}"), "E-TYPE",
                  "/workflows/0/steps/0/body/base64", "is not base64");
    check_problem(STEP(URL ",\"checks\":[{\"status\":99}]"), "E-NUM",
                  "/workflows/0/steps/0/checks/0/status", NULL);
    check_problem(STEP(URL ",\"checks\":[{\"status\":200,\"time\":\"< 1s\"}]"), "E-EXCL",
                  "/workflows/0/steps/0/checks/0", NULL);
    check_problem(STEP(URL ",\"checks\":[{\"size\":{}}]"), "E-REQ",
                  "/workflows/0/steps/0/checks/0/size", "one of min, max is missing");
    check_problem(STEP(URL ",\"checks\":[{\"header\":{\"name\":\"\",\"exists\":true}}]"), "E-HDR",
                  "/workflows/0/steps/0/checks/0/header", "\"name\" is empty");
    check_problem(STEP(URL ",\"body\":{\"json\":[{\"${nope}\":1}]}"), "E-VAR",
                  "/workflows/0/steps/0/body/json", "undefined variable \"nope\"");
    check_problem(STEP(URL ",\"checks\":[{\"json\":{}}]"), "E-REQ", "/workflows/0/steps/0/checks/0",
                  NULL);
}

static void mistakes_in_loads_are_named(void)
{
#define WITH_LOAD(load) PLAN("{\"name\":\"w\",\"load\":{" load "},\"steps\":[{" URL "}]}")
    check_problem(WITH_LOAD("\"model\":\"closed\",\"vus\":1,\"for\":\"1s\",\"rate\":\"1/s\""),
                  "E-EXCL", "/workflows/0/load/rate",
                  "\"rate\" does not go with \"model\": \"closed\"");
    check_problem(WITH_LOAD("\"model\":\"open\",\"rate\":\"1/s\""), "E-REQ", "/workflows/0/load",
                  "\"for\" is missing in a load of the open model");
    check_problem(WITH_LOAD("\"model\":\"closed\",\"vus\":1"), "E-REQ", "/workflows/0/load", NULL);
    check_problem(WITH_LOAD("\"model\":\"closed\",\"vus\":1,\"for\":\"1s\",\"iterations\":5"),
                  "E-EXCL", "/workflows/0/load", "\"for\" and \"iterations\" exclude each other");
    check_problem(WITH_LOAD("\"model\":\"closed\",\"stages\":[]"), "E-KEY",
                  "/workflows/0/load/stages", "\"stages\" is not in this version");
    HS_CHECK_EQ(problems.errors, 1);
    check_problem(WITH_LOAD("\"model\":\"search\""), "E-ENUM", "/workflows/0/load/model",
                  "model \"search\" is not in this version");
    check_problem(WITH_LOAD("\"model\":\"opne\""), "E-ENUM", "/workflows/0/load/model",
                  "unknown model \"opne\"; there are \"closed\", \"open\"");
    check_problem(WITH_LOAD("\"model\":\"closed\",\"vus\":0,\"for\":\"1s\""), "E-NUM",
                  "/workflows/0/load/vus", "0 is not from 1 to 1000000");
    check_problem(WITH_LOAD("\"model\":\"closed\",\"vus\":-1,\"for\":\"1s\""), "E-NUM",
                  "/workflows/0/load/vus", NULL);
    check_problem(WITH_LOAD("\"model\":\"open\",\"rate\":\"0/s\",\"for\":\"1s\""), "E-UNIT",
                  "/workflows/0/load/rate", "must be more than zero");
    check_problem(WITH_LOAD("\"model\":\"open\",\"rate\":500,\"for\":\"1s\""), "E-TYPE",
                  "/workflows/0/load/rate", NULL);
}

static void references_cycles_and_names_are_checked(void)
{
#define FLOW(name, deps) "{\"name\":\"" name "\",\"depends_on\":[" deps "],\"steps\":[{" URL "}]}"
    check_problem(PLAN(FLOW("Login", "") "," FLOW("Browse", "\"Logni\"")), "E-REF",
                  "/workflows/1/depends_on/0", "there is no workflow \"Logni\"");
    HS_CHECK_TEXT(problems.at[0].hint, "Login");
    check_problem(PLAN(FLOW("A", "\"B\"") "," FLOW("B", "\"C\"") "," FLOW("C", "\"A\"") "," FLOW(
                      "D", "\"A\"")),
                  "E-CYCLE", "/workflows/0/depends_on/0", NULL);
    HS_CHECK_EQ(problems.errors, 1);
    HS_CHECK(strstr(problems.at[0].message, "A -> B -> C -> A (1:") != NULL);
    check_problem(PLAN(FLOW("A", "\"A\"")), "E-CYCLE", "/workflows/0/depends_on/0", NULL);
    check_problem(PLAN(FLOW("A", "") "," FLOW("A", "")), "E-DUPNAME", "/workflows/1/name", NULL);
    HS_CHECK(strstr(problems.at[0].message, "at 1:") != NULL);
    check_problem(PLAN(FLOW("A", "") "," FLOW("B", "\"A\",\"A\"")), "E-DUPNAME",
                  "/workflows/1/depends_on/1", NULL);
    check_problem(
        PLAN("{\"name\":\"w\",\"steps\":[{" URL ",\"name\":\"a\"},{" URL ",\"name\":\"a\"}]}"),
        "E-DUPNAME", "/workflows/0/steps/1/name", NULL);
}

static void limits_hold_before_anything_starts(void)
{
#define LIMITED(limits, load)                                                                      \
    "{\"version\":1,\"limits\":{" limits "},\"workflows\":[{\"name\":\"w\",\"load\":{" load        \
    "},\"steps\":[{" URL "}]}]}"
#define OPEN "\"model\":\"open\",\"rate\":\"60/s\",\"for\":\"1s\""
    struct hs_plan *plan;

    check_problem(LIMITED("\"max_rate\":\"3599/m\"", OPEN), "E-LIMIT", "/workflows/0/load/rate",
                  "is above limits.max_rate, 3599/m");
    HS_CHECK(read_text(LIMITED("\"max_rate\":\"3600/m\"", OPEN)) != NULL);
    check_problem(LIMITED("\"allow_hosts\":[\"*.h.test\"]", OPEN), "E-LIMIT",
                  "/workflows/0/steps/0/url", "the host h.test is not in limits.allow_hosts");
    HS_CHECK(read_text(LIMITED("\"allow_hosts\":[\"x\",\"*.test\"]", OPEN)) != NULL);
    check_problem(LIMITED("\"max_in_flight\":5", "\"model\":\"closed\",\"vus\":6,\"for\":\"1s\""),
                  "E-LIMIT", "/workflows/0/load/vus", NULL);
    check_problem(LIMITED("\"max_in_flight\":5", OPEN ",\"max_in_flight\":6"), "E-LIMIT",
                  "/workflows/0/load/max_in_flight", NULL);
    /* the number that an open load has by itself, but asked for */
    check_problem(LIMITED("\"max_in_flight\":5", OPEN ",\"max_in_flight\":10000"), "E-LIMIT",
                  "/workflows/0/load/max_in_flight", NULL);
    plan = read_text(LIMITED("\"max_in_flight\":5", OPEN));
    HS_CHECK(plan && hs_plan_max_in_flight(plan, &plan->workflows.at[0]) == 5);
    plan = read_text(LIMITED("", OPEN));
    HS_CHECK(plan && hs_plan_max_in_flight(plan, &plan->workflows.at[0]) == 10000);
}

static void plans_that_could_not_be_compiled_are_refused(void)
{
    static char text[128 << 10];
    size_t      used = 0;

    used += (size_t)snprintf(text, sizeof text,
                             "{\"version\":1,\"workflows\":[{\"name\":\"w\",\"steps\":[{" URL
                             ",\"body\":\"");
    for (int i = 0; i < 1025; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "${vu}");
    (void)snprintf(text + used, sizeof text - used, "\"}]}]}");
    check_problem(text, "E-LIMIT", "/workflows/0/steps/0", "a text has more than 1024 holes");
    used = (size_t)snprintf(text, sizeof text,
                            "{\"version\":1,\"workflows\":[{\"name\":\"w\",\"steps\":[{" URL "}");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 ",{" URL ",\"method\":\"POST\",\"body\":{\"random\":\"1MiB\"}}");
    (void)snprintf(text + used, sizeof text - used, "]}]}");
    check_problem(text, "E-LIMIT", "/workflows/0/steps/32",
                  "the requests of this workflow take more than 32 MiB");
    used = (size_t)snprintf(text, sizeof text,
                            "{\"version\":1,\"workflows\":[{\"name\":\"w\",\"steps\":[{" URL "}");
    for (int i = 0; i < HS_TARGETS_MAX; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, ",{\"url\":\"http://h:%d\"}", i + 1);
    (void)snprintf(text + used, sizeof text - used, "]}]}");
    check_problem(text, "E-LIMIT", "/workflows/0", "requests go to more than 64 hosts and ports");
}

/* Each is looked at again for every step, so a plan of 4 MiB could keep a gate busy for minutes. */
static void what_every_step_repeats_has_a_bound(void)
{
    static char text[9000];
    static char plan[10000];

    memset(text, 'x', 8192);
    (void)snprintf(plan, sizeof plan,
                   "{\"version\":1,\"defaults\":{\"base_url\":\"http://h.test/%s\"},"
                   "\"workflows\":[{\"name\":\"w\"," LOAD ",\"steps\":[{\"url\":\"/\"}]}]}",
                   text);
    check_problem(plan, "E-LIMIT", "/defaults/base_url", "is longer than 8192 bytes");
    text[257] = '\0';
    (void)snprintf(plan, sizeof plan, STEP(URL ",\"headers\":{\"%s\":\"v\"}"), text);
    HS_CHECK(!read_text(plan));
    HS_CHECK_TEXT(problems.at[0].message, "the name is longer than 256 bytes");
    check_problem(PLAN("{\"name\":\"w\",\"load\":{\"model\":\"open\",\"rate\":\"1000000001/s\","
                       "\"for\":\"1s\"},\"steps\":[{" URL "}]}"),
                  "E-UNIT", "/workflows/0/load/rate", "is more than 1000000000/s");
}

/* The nearest word of the twentieth mistake is told, of those that are only counted it is not even
 * looked for; the same place is not walked to for ever. */
static void mistakes_that_are_only_counted_cost_nothing(void)
{
    static char plan[64 << 10];
    size_t      used;

    used = (size_t)snprintf(plan, sizeof plan,
                            "{\"version\":1,\"vars\":{\"host\":1},"
                            "\"workflows\":[{\"name\":\"w\"," LOAD ",\"steps\":[{" URL
                            ",\"headers\":{");
    for (unsigned i = 0; i < 100; i++)
        used += (size_t)snprintf(plan + used, sizeof plan - used, "%s\"h%u\":\"${hots}\"",
                                 i ? "," : "", i);
    (void)snprintf(plan + used, sizeof plan - used, "}}]}]}");
    HS_CHECK(!read_text(plan));
    HS_CHECK_EQ(problems.errors, 100);
    HS_CHECK_TEXT(problems.at[HS_PROBLEMS_MAX - 1].hint, "host");
    HS_CHECK(problems.at[HS_PROBLEMS_MAX - 1].place.line == 1);
}

static void too_few_descriptors_are_a_warning(void)
{
    struct hs_plan_environment environment = {.descriptors = 1};

    HS_CHECK(read_with(STEP(URL), &environment) != NULL);
    HS_CHECK_EQ(problems.warnings, 1);
    HS_CHECK_TEXT(problems.at[0].code, "W-CAP");
}

static void all_mistakes_are_told_at_once_in_their_order(void)
{
    HS_CHECK(!read_text(PLAN("{\"name\":\"w\",\"depends_on\":[\"x\"],\"lod\":1,\"steps\":[{\"url\":"
                             "\"/x\",\"method\":\"GTE\",\"timeout\":1}]}")));
    HS_CHECK_EQ(problems.errors, 5);
    for (uint32_t i = 1; i < problems.kept; i++)
        HS_CHECK(problems.at[i - 1].place.column <= problems.at[i].place.column);
}

static void variables_and_environment_are_put_in_once(void)
{
    struct hs_plan *plan = read_text(
        "{\"version\":1,\"vars\":{\"n\":3,\"t\":true,\"p\":\"a "
        "b\",\"u\":\"${env:HOST}/${p|urlencode}\"},"
        "\"defaults\":{\"base_url\":\"${u}\"},"
        "\"workflows\":[{\"name\":\"w\",\"load\":{\"model\":\"closed\",\"vus\":\"${n}\",\"for\":\"$"
        "{n}s\"},"
        "\"steps\":[{\"url\":\"/${t}/${vu}/${env:NONE|x|y}\",\"body\":\"$${p} ${p}\"}]}]}");

    HS_CHECK(plan != NULL);
    if (!plan) return;
    HS_CHECK_TEXT(plan->defaults.base_url, "http://env.test:81/a%20b");
    HS_CHECK_EQ(plan->workflows.at[0].load.vus, 3);
    HS_CHECK_EQ(plan->workflows.at[0].load.for_ns, 3 * HS_NS_PER_S);
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].url, "/true/${vu}/x|y");
    HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].body.text, "$${p} a b");
}

static void set_goes_over_vars_and_must_be_used(void)
{
    struct hs_plan_pair        sets[] = {{"host", "http://set.test"}, {"hots", "x"}};
    struct hs_plan_environment environment = {.sets = {.count = 1, .at = sets}};
    static const char          text[] =
        "{\"version\":1,\"vars\":{\"host\":\"http://"
        "h\"},\"workflows\":[{\"name\":\"w\",\"steps\":[{\"url\":\"${host}/\"}]}]}";
    struct hs_plan *plan = read_with(text, &environment);

    HS_CHECK(plan != NULL);
    if (plan) HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].url, "http://set.test/");
    environment.sets.count = 2;
    HS_CHECK(!read_with(text, &environment));
    HS_CHECK_TEXT(problems.at[0].code, "E-VAR");
    HS_CHECK_TEXT(problems.at[0].hint, "host");
}

static void variables_cannot_smuggle_in_holes_or_headers(void)
{
    struct hs_plan_pair        sets[] = {{"v", "${uuid}"}, {"h", "x\r\nevil: 1"}};
    struct hs_plan_environment environment = {.sets = {.count = 1, .at = sets}};
    struct hs_plan            *plan =
        read_with(STEP(URL ",\"body\":\"${v}\",\"headers\":{\"a\":\"${v}\"}"), &environment);

    HS_CHECK(plan != NULL);
    if (plan) HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].body.text, "$${uuid}");
    environment.sets = (struct hs_plan_pairs){.count = 1, .at = &sets[1]};
    HS_CHECK(!read_with(STEP(URL ",\"headers\":{\"a\":\"${h}\"}"), &environment));
    HS_CHECK_TEXT(problems.at[0].code, "E-HDR");
}

static void bad_variables_are_named(void)
{
    check_problem(STEP("\"url\":\"http://h/${usr}\""), "E-VAR", "/workflows/0/steps/0/url",
                  "undefined variable \"usr\"");
    check_problem(STEP("\"url\":\"http://h/${itration}\""), "E-VAR", "/workflows/0/steps/0/url",
                  NULL);
    HS_CHECK_TEXT(problems.at[0].hint, "iteration");
    check_problem(STEP(URL ",\"body\":\"${env:NONE}\""), "E-VAR", "/workflows/0/steps/0/body",
                  NULL);
    check_problem(STEP(URL ",\"body\":\"${env:BAD}\""), "E-VAR", "/workflows/0/steps/0/body", NULL);
    check_problem(STEP(URL ",\"body\":{\"json\":[{\"a\":\"${x}\"}]}"), "E-VAR",
                  "/workflows/0/steps/0/body/json", NULL);
    check_problem(STEP(URL ",\"body\":\"${secret:X}\""), "E-VAR", "/workflows/0/steps/0/body",
                  "${secret:...} is not in this version");
    check_problem(STEP(URL ",\"timeout\":\"${rand:1-2}s\""), "E-VAR",
                  "/workflows/0/steps/0/timeout", NULL);
    check_problem(
        "{\"version\":1,\"vars\":{\"vu\":1},\"workflows\":[{\"name\":\"w\",\"steps\":[{" URL
        "}]}]}",
        "E-VAR", "/vars/vu", "\"vu\" is a built-in");
    HS_CHECK(!read_with(STEP(URL ",\"body\":\"${env:HOST}\""), NULL));
    HS_CHECK_TEXT(problems.at[0].message,
                  "${env:...} is put in where the plan is submitted, not here");
}

static void json_bodies_are_kept_compact_and_exact(void)
{
    struct hs_plan *plan = read_text(STEP(URL ",\"body\":{\"json\":{\"a\" : [1, 0.1, true, null, "
                                              "{}], \"q\\\"\":\"${env:HOST} ${vu} \\u00e9\\n\"}}"));

    HS_CHECK(plan != NULL);
    if (plan)
        HS_CHECK_TEXT(
            plan->workflows.at[0].steps.at[0].body.text,
            "{\"a\":[1,0.1,true,null,{}],\"q\\\"\":\"http://env.test:81 ${vu} \xc3\xa9\\n\"}");
    plan = read_text(STEP(URL ",\"body\":{\"json\":{\"${env:HOST}\":{\"${vu}\":\"$${x}\"}}}"));
    HS_CHECK(plan != NULL);
    if (plan)
        HS_CHECK_TEXT(plan->workflows.at[0].steps.at[0].body.text,
                      "{\"http://env.test:81\":{\"${vu}\":\"$${x}\"}}");
}

static void a_written_plan_reads_back_the_same(const char                 *text,
                                               struct hs_plan_environment *environment)
{
    struct hs_plan *plan = read_with(text, environment);
    char           *once;

    HS_CHECK(plan != NULL);
    if (!plan) {
        (void)fprintf(stderr, "%s: %s\n", problems.at[0].path, problems.at[0].message);
        return;
    }
    once = strdup(write_plan(plan));
    plan = once ? read_with(once, NULL) : NULL;
    HS_CHECK(plan != NULL);
    if (plan)
        HS_CHECK_TEXT(write_plan(plan), once);
    else
        (void)fprintf(stderr, "%s: %s\n%s\n", problems.at[0].path, problems.at[0].message, once);
    free(once);
}

static void every_key_survives_writing(void)
{
    struct hs_plan_environment environment = {.lookup = lookup};

    a_written_plan_reads_back_the_same(
        "{\"version\":1,\"name\":\"n $${x} "
        "\\\"\",\"description\":\"d\",\"tags\":{\"a\":\"b\",\"n\":1.5},\"seed\":9,"
        "\"vars\":{\"v\":\"$${hole\"},"
        "\"defaults\":{\"base_url\":\"http://b:8/x/"
        "\",\"headers\":{\"accept\":\"${v}\"},\"timeout\":\"1500us\",\"connect_timeout\":\"1s\","
        "\"think\":\"1m30s\"},"
        "\"limits\":{\"max_in_flight\":500,\"max_duration\":\"1h\",\"max_rate\":\"0.5/"
        "s\",\"allow_hosts\":[\"b\",\"*\"]},"
        "\"datacenters\":{\"include\":[\"eu-1\"],\"allow_fallback\":true},"
        "\"workflows\":[{\"name\":\"a\",\"load\":{\"model\":\"open\",\"rate\":\"1/"
        "m\",\"for\":\"1s\",\"max_in_flight\":7,\"on_saturation\":\"drop\",\"arrival\":\"uniform\"}"
        ","
        "\"warmup\":{\"for\":\"1s\"},\"drain\":\"0s\",\"think\":\"1ns\",\"headers\":{\"x\":\"${"
        "uuid}\"},\"on_error\":\"abort\","
        "\"steps\":[{\"name\":\"s\",\"method\":\"POST\",\"url\":\"/p/$${/"
        "${hex:8|urlencode}\",\"query\":{\"q r\":\"${text:3}\",\"e\":\"\"},"
        "\"headers\":{\"y\":\"z\"},\"body\":{\"json\":{\"k\":\"${v}${seq}\"}},\"timeout\":\"1s\","
        "\"think\":\"2s\",\"name_by\":\"label $${\","
        "\"checks\":[{\"status\":[200,\"3xx\"]},{\"header\":{\"name\":\"n\",\"equals\":\"e\"}},{"
        "\"header\":{\"name\":\"n\",\"contains\":\"$${c\"}},"
        "{\"body\":{\"contains\":\"ok\"}},{\"body\":{\"equals\":\"ok\"}},{\"header\":{\"name\":"
        "\"n\",\"exists\":true}},{\"size\":{\"min\":1,\"max\":\"1MB\"}},{\"size\":{"
        "\"min\":\"2KiB\"}},{\"time\":\"< 500ms\"},{\"time\":\"<= 1us\"}]},"
        "{\"url\":\"/f\",\"body\":{\"form\":{\"a "
        "b\":\"${vu}\"}}},{\"url\":\"/r\",\"body\":{\"random\":\"4KiB\"}},"
        "{\"url\":\"/b\",\"body\":{\"base64\":\"AAEC\"}},{\"url\":\"?t\",\"body\":\"text "
        "${env:HOST}\"}]},"
        "{\"name\":\"b\",\"depends_on\":[\"a\"],\"load\":{\"model\":\"closed\",\"vus\":3,"
        "\"iterations_per_vu\":4},\"steps\":[{\"url\":\"/\"}]},"
        "{\"name\":\"c\",\"depends_on\":[\"a\",\"b\"],\"steps\":[{\"url\":\"/\"}]}]}",
        &environment);
}

static const char *file_text(const char *path)
{
    static char text[64 << 10];
    FILE       *file = fopen(path, "r");

    HS_CHECK(file != NULL);
    if (!file) return "";
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static void check_example(const char *path)
{
    struct hs_plan_environment environment = {.lookup = lookup};

    a_written_plan_reads_back_the_same(file_text(path), &environment);
}

static void check_documented(const struct hs_plan_object *object, const char *page)
{
    for (size_t i = 0; i < object->key_count; i++) {
        const struct hs_plan_key *key = &object->keys[i];
        char                      item[64];

        (void)snprintf(item, sizeof item, "\n.It Cm %s\n", key->name);
        if (!strstr(page, item))
            (void)fprintf(stderr, "%s.%s is not in the page\n", object->name, key->name);
        HS_CHECK(strstr(page, item) != NULL);
        HS_CHECK(key->help && key->help[0]);
        if (key->object) check_documented(key->object, page);
    }
}

static void every_key_is_in_the_manual_page(void)
{
    check_documented(&hs_plan_keys, file_text("man/hyperscale-plan.5"));
}

static void the_examples_are_good_plans(void)
{
    check_example("etc/examples/trivial.json");
    check_example("etc/examples/search-api.json");
    check_example("etc/examples/shop.json");
}

static void a_plan_larger_than_its_arena_is_refused(void)
{
    for (size_t bytes = 0; bytes < 300 << 10; bytes += 4096) {
        reset();
        arena.capacity_bytes = bytes;
        if (hs_plan_read(hs_view_text(STEP(URL)), NULL, &arena, &problems)) return;
        HS_CHECK_EQ(problems.errors, 1);
        HS_CHECK_TEXT(problems.at[0].code, "E-LIMIT");
    }
    HS_CHECK(false); /* at some size it has to fit */
}

CU_TestInfo hs_tests_plan[] = {
    {"a plan is read with its defaults", a_plan_is_read_with_its_defaults},
    {"inner values go over outer ones", inner_values_go_over_outer_ones},
    {"the job timeout follows the longest path", the_job_timeout_follows_the_longest_path},
    {"mistakes have their code and place", mistakes_have_their_code_and_place},
    {"mistakes in loads are named", mistakes_in_loads_are_named},
    {"references, cycles and names are checked", references_cycles_and_names_are_checked},
    {"limits hold before anything starts", limits_hold_before_anything_starts},
    {"plans that could not be compiled are refused", plans_that_could_not_be_compiled_are_refused},
    {"what every step repeats has a bound", what_every_step_repeats_has_a_bound},
    {"mistakes that are only counted cost nothing", mistakes_that_are_only_counted_cost_nothing},
    {"too few descriptors are a warning", too_few_descriptors_are_a_warning},
    {"all mistakes are told at once, in their order", all_mistakes_are_told_at_once_in_their_order},
    {"variables and environment are put in once", variables_and_environment_are_put_in_once},
    {"--set goes over vars and must be used", set_goes_over_vars_and_must_be_used},
    {"variables cannot smuggle in holes or headers", variables_cannot_smuggle_in_holes_or_headers},
    {"bad variables are named", bad_variables_are_named},
    {"JSON bodies are kept compact and exact", json_bodies_are_kept_compact_and_exact},
    {"every key survives writing", every_key_survives_writing},
    {"the examples are good plans", the_examples_are_good_plans},
    {"every key is in the manual page", every_key_is_in_the_manual_page},
    {"a plan larger than its arena is refused", a_plan_larger_than_its_arena_is_refused},
    CU_TEST_INFO_NULL,
};
