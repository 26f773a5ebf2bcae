// SPDX-License-Identifier: Apache-2.0
/* test_cli.c - the words after `hyperscaled`; the records of the host table. */
#include "roles/host_table.h"
#include "supervisor/cli.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static int parse(struct hs_cli *cli, struct hs_err *err, const char *a, const char *b,
                 const char *c)
{
    static char words[4][32];
    char       *argv[4] = {words[0], words[1], words[2], words[3]};
    const char *given[4] = {"hyperscaled", a, b, c};
    int         argc = 0;

    while (argc < 4 && given[argc]) {
        (void)snprintf(words[argc], sizeof words[argc], "%s", given[argc]);
        argc++;
    }
    return hs_cli_parse(cli, argc, argv, err);
}

static void every_verb_is_known_and_has_its_defaults(void)
{
    struct hs_cli cli;
    struct hs_err err;

    HS_CHECK_EQ(parse(&cli, &err, "start", NULL, NULL), 0);
    HS_CHECK_EQ(cli.verb, HS_CLI_START);
    HS_CHECK_TEXT(cli.config_path, HS_CLI_CONFIG_PATH);
    HS_CHECK(cli.run_dir == NULL);
    HS_CHECK_EQ(parse(&cli, &err, "reload", NULL, NULL), 0);
    HS_CHECK_EQ(cli.verb, HS_CLI_RELOAD);
    HS_CHECK_EQ(parse(&cli, &err, "check", NULL, NULL), 0);
    HS_CHECK_EQ(cli.verb, HS_CLI_CHECK);
    HS_CHECK_EQ(parse(&cli, &err, "embed", NULL, NULL), 0);
    HS_CHECK_EQ(cli.verb, HS_CLI_EMBED);
}

static void options_take_their_value_with_a_blank_or_an_equals_sign(void)
{
    struct hs_cli cli;
    struct hs_err err;

    HS_CHECK_EQ(parse(&cli, &err, "stop", "--run-dir", "/r"), 0);
    HS_CHECK_TEXT(cli.run_dir, "/r");
    HS_CHECK_EQ(parse(&cli, &err, "stop", "--state-dir=/s", "--config=/c"), 0);
    HS_CHECK_TEXT(cli.state_dir, "/s");
    HS_CHECK_TEXT(cli.config_path, "/c");
    HS_CHECK_EQ(parse(&cli, &err, "stop", "-c", "x"), 0);
    HS_CHECK_TEXT(cli.config_path, "x");
}

static void what_is_not_understood_is_an_error_that_names_it(void)
{
    struct hs_cli cli;
    struct hs_err err;

    HS_CHECK_EQ(parse(&cli, &err, NULL, NULL, NULL), -EINVAL);
    HS_CHECK_EQ(parse(&cli, &err, "strat", NULL, NULL), -EINVAL);
    HS_CHECK(strstr(err.text, "\"strat\"") != NULL);
    HS_CHECK_EQ(parse(&cli, &err, "start", "--run-dirs", "x"), -EINVAL);
    HS_CHECK(strstr(err.text, "\"--run-dirs\"") != NULL);
    HS_CHECK_EQ(parse(&cli, &err, "start", "-c", NULL), -EINVAL);
    HS_CHECK_EQ(parse(&cli, &err, "start", "--run-dir=", NULL), -EINVAL);
    HS_CHECK_EQ(parse(&cli, &err, "start", "stop", NULL), -EINVAL);
}

static struct hs_host_table_shm table;

static void a_row_of_the_host_table_is_read_as_it_was_stored(void)
{
    struct hs_host_process row = {.kind = HS_ROLE_GATE, .state = HS_PROCESS_READY, .pid = 42};
    struct hs_host_process got;

    HS_CHECK_EQ(hs_host_table_load_process(&table, 3, &got), -ENOENT);
    hs_host_table_store_process(&table, 1, &row);
    HS_CHECK_EQ(hs_host_table_load_process(&table, 1, &got), 0);
    HS_CHECK(memcmp(&row, &got, sizeof row) == 0);
    row.state = HS_PROCESS_STATE_COUNT; /* nobody's state: not shown */
    hs_host_table_store_process(&table, 1, &row);
    HS_CHECK_EQ(hs_host_table_load_process(&table, 1, &got), -ENOENT);
}

static void the_ring_of_deaths_keeps_the_last_ones(void)
{
    struct hs_host_death death = {.kind = HS_ROLE_ENGINE};
    struct hs_host_death got;

    for (death.number = 1; death.number <= 2 * HS_DEATHS_MAX; death.number++)
        hs_host_table_store_death(&table, &death);
    HS_CHECK_EQ(hs_host_table_load_death(&table, 0, &got), -ENOENT);
    HS_CHECK_EQ(hs_host_table_load_death(&table, HS_DEATHS_MAX, &got), -ENOENT);
    HS_CHECK_EQ(hs_host_table_load_death(&table, HS_DEATHS_MAX + 1, &got), 0);
    HS_CHECK_EQ(hs_host_table_load_death(&table, 2 * HS_DEATHS_MAX, &got), 0);
    HS_CHECK_EQ(got.number, 2 * HS_DEATHS_MAX);
}

static void a_digest_is_quarantined_when_the_summary_says_so(void)
{
    struct hs_host_summary summary;

    memset(&summary, 0, sizeof summary);
    summary.quarantine[3].digest = 99;
    hs_host_table_store_summary(&table, &summary);
    HS_CHECK(hs_host_table_is_quarantined(&table, 99));
    HS_CHECK(!hs_host_table_is_quarantined(&table, 98));
    HS_CHECK(!hs_host_table_is_quarantined(&table, 0));
    HS_CHECK_EQ(hs_host_table_digest_word((const uint8_t *)"\1\2\0\0\0\0\0\3"), 0x0300000000000201);
}

CU_TestInfo hs_tests_cli[] = {
    {"every verb is known and has its defaults", every_verb_is_known_and_has_its_defaults},
    {"options take their value with a blank or an equals sign",
     options_take_their_value_with_a_blank_or_an_equals_sign},
    {"what is not understood is an error that names it",
     what_is_not_understood_is_an_error_that_names_it},
    {"a row of the host table is read as it was stored",
     a_row_of_the_host_table_is_read_as_it_was_stored},
    {"the ring of deaths keeps the last ones", the_ring_of_deaths_keeps_the_last_ones},
    {"a digest is quarantined when the summary says so",
     a_digest_is_quarantined_when_the_summary_says_so},
    CU_TEST_INFO_NULL,
};
