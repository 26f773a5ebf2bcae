// SPDX-License-Identifier: Apache-2.0
/* test_client_options.c - the command line of `hyperscale`, and what its flags mean for plan and
 * target. */
#include "roles/client/options.h"

#include "roles/client/plan_load.h"
#include "roles/client/target_flags.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

enum { WORDS_MAX = 80 };

static struct hs_options options;
static struct hs_err     err;
static const char       *variable_name;
static const char       *variable_value;

static const char *lookup(const char *name)
{
    return variable_name && strcmp(name, variable_name) == 0 ? variable_value : NULL;
}

/* "run URL -c 3": words at blanks; the texts live until the next call. */
static int parse(const char *line)
{
    static char text[1024];
    char       *argv[WORDS_MAX];
    int         argc = 0;

    (void)snprintf(text, sizeof text, "hyperscale %s", line);
    for (char *word = strtok(text, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
        argv[argc++] = word;
    hs_err_clear(&err);
    return hs_options_parse(&options, argc, argv, lookup, &err);
}

static void set_variable(const char *name, const char *value)
{
    variable_name = name;
    variable_value = value;
}

static void flags_come_in_all_forms(void)
{
    HS_CHECK_EQ(parse("run URL -c 3 -d5s --rate=500/s --timeout 2s"), 0);
    HS_CHECK_EQ(options.command, HS_COMMAND_RUN);
    HS_CHECK_TEXT(options.operand, "URL");
    HS_CHECK_TEXT(options.value[HS_OPTION_connections], "3");
    HS_CHECK_TEXT(options.value[HS_OPTION_duration], "5s");
    HS_CHECK_TEXT(options.value[HS_OPTION_rate], "500/s");
    HS_CHECK_TEXT(options.value[HS_OPTION_timeout], "2s");
    HS_CHECK_EQ(parse("run -q -- -odd"), 0);
    HS_CHECK_TEXT(options.operand, "-odd");
    HS_CHECK(options.value[HS_OPTION_quiet] != NULL);
}

static void credentials_without_a_gate_are_refused(void)
{
    HS_CHECK_EQ(parse("list --credentials /c --gate eu-1:7400"), 0);
    HS_CHECK_EQ(parse("list --credentials /c"), -EINVAL);
    HS_CHECK_TEXT(err.text, "--credentials goes with --gate HOST:PORT: this host's daemon asks for "
                            "none");
    HS_CHECK_EQ(parse("run URL --credentials /c"), -EINVAL);
    HS_CHECK_EQ(parse("status --credentials /c"), -EINVAL);
    set_variable("HYPERSCALE_CREDENTIALS", "/c"); /* set for whenever it is needed */
    HS_CHECK_EQ(parse("list"), 0);
    set_variable("HYPERSCALE_GATE", "eu-1:7400");
    HS_CHECK_EQ(parse("list --credentials /c"), 0);
    set_variable(NULL, NULL);
}

static void repeated_flags_add_up_to_a_bound(void)
{
    char   line[1024] = "run URL";
    size_t used = strlen(line);

    for (unsigned i = 0; i < HS_OPTION_REPEATS_MAX; i++)
        used += (size_t)snprintf(line + used, sizeof line - used, " -Ha:b");
    HS_CHECK_EQ(parse("run URL -H a:b --header c:d --set x=1"), 0);
    HS_CHECK_EQ(options.headers.count, 2);
    HS_CHECK_TEXT(options.headers.at[1], "c:d");
    HS_CHECK_TEXT(options.sets.at[0], "x=1");
    HS_CHECK_EQ(parse(line), 0);
    (void)snprintf(line + used, sizeof line - used, " -Ha:b");
    HS_CHECK_EQ(parse(line), -EINVAL);
}

static void a_wrong_word_names_the_nearest_right_one(void)
{
    HS_CHECK_EQ(parse("run URL --conections 3"), -EINVAL);
    HS_CHECK_TEXT(err.text, "unknown flag --conections for run (did you mean --connections?)");
    HS_CHECK_EQ(parse("rum URL"), -EINVAL);
    HS_CHECK(strstr(err.text, "did you mean run?") != NULL);
    HS_CHECK_EQ(parse("run URL --delay 3s"), -EINVAL);
    HS_CHECK_TEXT(err.text, "--delay goes with target, not with run");
    HS_CHECK_EQ(parse("run URL -x"), -EINVAL);
    HS_CHECK_EQ(parse("run"), -EINVAL);
    HS_CHECK(strstr(err.text, "URL|PLAN") != NULL);
    HS_CHECK_EQ(parse("list extra"), -EINVAL);
    HS_CHECK_EQ(parse("run one two"), -EINVAL);
    HS_CHECK_EQ(parse("run URL -c"), -EINVAL);
    HS_CHECK_TEXT(err.text, "-c needs N");
    HS_CHECK_EQ(parse("run URL --json=1"), -EINVAL);
    HS_CHECK_EQ(parse("run URL -c1 -c2"), -EINVAL);
}

static void contradictions_name_both_flags(void)
{
    HS_CHECK_EQ(parse("run URL --plan --json"), -EINVAL);
    HS_CHECK(strstr(err.text, "--plan and --json") != NULL);
    HS_CHECK_EQ(parse("run URL -q --tui on"), -EINVAL);
    HS_CHECK_EQ(parse("run URL --tui maybe"), -EINVAL);
}

static void a_flag_beats_its_variable_and_the_variable_stands_in_for_it(void)
{
    set_variable("HYPERSCALE_MAX_IN_FLIGHT", "7");
    HS_CHECK_EQ(parse("run URL"), 0);
    HS_CHECK_TEXT(options.value[HS_OPTION_max_in_flight], "7");
    HS_CHECK(options.is_from_environment[HS_OPTION_max_in_flight]);
    HS_CHECK_EQ(parse("run URL --max-in-flight 9"), 0);
    HS_CHECK_TEXT(options.value[HS_OPTION_max_in_flight], "9");
    HS_CHECK(!options.is_from_environment[HS_OPTION_max_in_flight]);
    HS_CHECK_EQ(parse("list"), 0);
    HS_CHECK(options.value[HS_OPTION_max_in_flight] == NULL);
    set_variable("HYPERSCALE_JSON", "0");
    HS_CHECK_EQ(parse("run URL"), 0);
    HS_CHECK(options.value[HS_OPTION_json] == NULL);
    set_variable("HYPERSCALE_JSON", "1");
    HS_CHECK_EQ(parse("run URL"), 0);
    HS_CHECK(options.value[HS_OPTION_json] != NULL);
    set_variable(NULL, NULL);
}

/* Where in its row that text begins; 0: it is not there. */
static size_t column_of(const char *text, const char *words)
{
    const char *at = strstr(text, words);
    const char *row = at;

    while (row && row > text && row[-1] != '\n') row--;
    return at ? (size_t)(at - row) : 0;
}

static void the_columns_of_help_are_straight(void)
{
    static const char *const helps[] = {"check a plan without", "make the authority",
                                        "make certificate and key", "which Hyperscale this is"};
    char                     text[8192];
    struct hs_writer         out;

    hs_writer_init(&out, text, sizeof text - 1);
    hs_options_help(&out);
    text[out.used_bytes] = '\0';
    HS_CHECK(column_of(text, "run a load test") > 0);
    for (size_t i = 0; i < HS_ARRAY_LEN(helps); i++)
        HS_CHECK_EQ(column_of(text, helps[i]), column_of(text, "run a load test"));
}

static void help_shows_every_command_and_its_flags(void)
{
    static const char *const commands[] = {"run",  "check",  "ping",    "target", "submit",
                                           "list", "status", "watch",   "cancel", "results",
                                           "top",  "nodes",  "version", "help"};
    char                     text[16384];
    struct hs_writer         out;

    hs_writer_init(&out, text, sizeof text - 1);
    hs_options_help(&out);
    text[out.used_bytes] = '\0';
    for (size_t i = 0; i < HS_ARRAY_LEN(commands); i++) HS_CHECK(strstr(text, commands[i]) != NULL);
    hs_writer_init(&out, text, sizeof text - 1);
    hs_options_help_command(HS_COMMAND_RUN, &out);
    text[out.used_bytes] = '\0';
    HS_CHECK(strstr(text, "-c, --connections N") != NULL);
    HS_CHECK(strstr(text, "--connect-timeout") != NULL);
    HS_CHECK(strstr(text, "--listen") == NULL);
    HS_CHECK_EQ(parse("--help"), 0);
    HS_CHECK_EQ(options.command, HS_COMMAND_HELP);
    HS_CHECK_EQ(parse("run --help"), 0);
}

static void a_word_is_a_url_unless_it_looks_like_a_file(void)
{
    HS_CHECK(hs_operand_is_url("http://x/plan.json", false));
    HS_CHECK(hs_operand_is_url("localhost:8080/x", false));
    HS_CHECK(!hs_operand_is_url("plan.json", false));
    HS_CHECK(!hs_operand_is_url("./plan", false));
    HS_CHECK(!hs_operand_is_url("/tmp/plan", false));
    HS_CHECK(!hs_operand_is_url("plan", true));
}

static void sets_are_names_and_values(void)
{
    char                 memory[4096];
    struct hs_arena      arena;
    struct hs_plan_pairs sets;

    hs_arena_init(&arena, memory, sizeof memory);
    HS_CHECK_EQ(parse("run p.json --set a=b=c --set d="), 0);
    HS_CHECK_EQ(hs_plan_sets_of(&options, &arena, &sets, &err), 0);
    HS_CHECK_EQ(sets.count, 2);
    HS_CHECK_TEXT(sets.at[0].name, "a");
    HS_CHECK_TEXT(sets.at[0].value, "b=c");
    HS_CHECK_TEXT(sets.at[1].value, "");
    HS_CHECK_EQ(parse("run p.json --set =x"), 0);
    HS_CHECK_EQ(hs_plan_sets_of(&options, &arena, &sets, &err), -EINVAL);
}

static void what_would_run_is_told_in_numbers(void)
{
    struct hs_quick_flags flags;
    struct hs_plan       *plan;
    struct hs_arena       arena;
    void                 *memory = calloc(1, HS_PLAN_ARENA_BYTES);
    char                  text[4096];
    struct hs_writer      out;

    hs_arena_init(&arena, memory, HS_PLAN_ARENA_BYTES);
    HS_CHECK_EQ(parse("run localhost:80/x -R 500/s -d 10s"), 0);
    hs_quick_flags_of(&options, NULL, &flags);
    plan = hs_quick_plan(options.operand, &flags, &arena, &err);
    HS_CHECK(plan != NULL);
    if (plan) {
        hs_writer_init(&out, text, sizeof text - 1);
        hs_plan_schedule_text(plan, &out);
        text[out.used_bytes] = '\0';
        HS_CHECK(strstr(text, "500/s for 10.0s, 5 000 arrivals") != NULL);
        HS_CHECK(strstr(text, "GET http://localhost:80/x") != NULL);
    }
    free(memory);
}

static void the_target_takes_its_flags_within_bounds(void)
{
    struct hs_target_config config;

    HS_CHECK_EQ(parse("target --listen [::1]:0 --mode drip --delay 5ms --stall 1s --every 10s "
                      "--status 503 --close-after 7 --body 1KiB --for 3s"),
                0);
    HS_CHECK_EQ(hs_target_flags(&options, &config, &err), 0);
    HS_CHECK_EQ(config.listen.family, HS_ADDR_IPV6);
    HS_CHECK_EQ(config.mode, HS_TARGET_DRIP);
    HS_CHECK_EQ(config.delay_ns, 5 * HS_NS_PER_MS);
    HS_CHECK_EQ(config.stall_every_ns, 10 * HS_NS_PER_S);
    HS_CHECK_EQ(config.status, 503);
    HS_CHECK_EQ(config.close_after, 7);
    HS_CHECK_EQ(config.body_bytes, 1024);
    HS_CHECK_EQ(parse("target"), 0);
    HS_CHECK_EQ(hs_target_flags(&options, &config, &err), 0);
    HS_CHECK_EQ(config.listen.port, 8080);
    HS_CHECK_EQ(config.status, 200);
}

static void the_target_refuses_what_makes_no_sense(void)
{
    static const char *const lines[] = {
        "target --listen 80",           "target --listen 127.0.0.1:70000",
        "target --mode none",           "target --stall 1s",
        "target --stall 2s --every 2s", "target --status 99",
        "target --body 1GiB",           "target --delay 5",
        "target --close-after 0",       "target --listen example.com:80"};
    struct hs_target_config config;

    for (size_t i = 0; i < HS_ARRAY_LEN(lines); i++) {
        HS_CHECK_EQ(parse(lines[i]), 0);
        HS_CHECK_EQ(hs_target_flags(&options, &config, &err), -EINVAL);
        HS_CHECK(err.text[0] != '\0');
    }
}

CU_TestInfo hs_tests_client_options[] = {
    {"flags come in all forms", flags_come_in_all_forms},
    {"credentials without a gate are refused", credentials_without_a_gate_are_refused},
    {"repeated flags add up to a bound", repeated_flags_add_up_to_a_bound},
    {"a wrong word names the nearest right one", a_wrong_word_names_the_nearest_right_one},
    {"contradictions name both flags", contradictions_name_both_flags},
    {"a flag beats its variable, and the variable stands in for it",
     a_flag_beats_its_variable_and_the_variable_stands_in_for_it},
    {"the columns of help are straight", the_columns_of_help_are_straight},
    {"help shows every command and its flags", help_shows_every_command_and_its_flags},
    {"a word is a URL unless it looks like a file", a_word_is_a_url_unless_it_looks_like_a_file},
    {"sets are names and values", sets_are_names_and_values},
    {"what would run is told in numbers", what_would_run_is_told_in_numbers},
    {"the target takes its flags within bounds", the_target_takes_its_flags_within_bounds},
    {"the target refuses what makes no sense", the_target_refuses_what_makes_no_sense},
    CU_TEST_INFO_NULL};
