// SPDX-License-Identifier: Apache-2.0
/* test_config.c - the configuration: values and bounds, the image, reload, the printed file. */
#include "roles/config_file.h"
#include "shm/base/assert.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <unistd.h>

static int set(struct hs_config *config, const char *section, const char *name, const char *text)
{
    return hs_config_set(config, hs_config_find_key(section, name), hs_view_text(text), NULL);
}

static void defaults_are_what_the_table_says(void)
{
    struct hs_config config;

    hs_config_defaults(&config);
    HS_CHECK_EQ(config.bytes, sizeof config);
    HS_CHECK_EQ(config.worker.progress_interval_ns, 1000000000);
    HS_CHECK_EQ(config.engine.recv_buffer_bytes, 2048);
    HS_CHECK_EQ(config.roles.engines, 0); /* auto */
    HS_CHECK_EQ(config.console.socket_mode, 0660);
    HS_CHECK(config.engine.pin);
    HS_CHECK(!config.sandbox.required);
    HS_CHECK_EQ(config.node.io_backend, HS_CONFIG_IO_AUTO);
    HS_CHECK_TEXT(config.paths.run_dir, "/run/hyperscale");
    HS_CHECK_EQ(config.console.metrics_address.family, HS_ADDR_NONE);
    HS_CHECK_TEXT(config.users.gate.name, "");
}

static void every_default_lies_inside_its_bounds_and_reads_back(void)
{
    struct hs_config config;
    struct hs_config again;
    char             text[HS_CONFIG_VALUE_BYTES];

    hs_config_defaults(&config);
    memset(&again, 0, sizeof again);
    for (size_t i = 0; i < hs_config_key_count(); i++) {
        const struct hs_config_key *key = hs_config_key_at(i);

        HS_CHECK_EQ(hs_config_check_field(&config, key, NULL), 0);
        hs_config_get(&config, key, text, sizeof text);
        HS_CHECK_EQ(hs_config_set(&again, key, hs_view_text(text), NULL), 0);
        HS_CHECK(memcmp((char *)&again + key->offset_bytes, (char *)&config + key->offset_bytes,
                        key->field_bytes) == 0);
    }
}

static void bounds_hold_at_both_ends(void)
{
    struct hs_config config;

    hs_config_defaults(&config);
    HS_CHECK_EQ(set(&config, "supervisor", "watchdog", "499ms"), -ERANGE);
    HS_CHECK_EQ(set(&config, "supervisor", "watchdog", "500ms"), 0);
    HS_CHECK_EQ(set(&config, "supervisor", "watchdog", "5m"), 0);
    HS_CHECK_EQ(set(&config, "supervisor", "watchdog", "5m1ns"), -ERANGE);
    HS_CHECK_EQ(config.supervisor.watchdog_ns, UINT64_C(300000000000)); /* the last good one */
    HS_CHECK_EQ(set(&config, "roles", "engines", "0"), -ERANGE);        /* "auto" is the word */
    HS_CHECK_EQ(set(&config, "roles", "engines", "65"), -ERANGE);
    HS_CHECK_EQ(set(&config, "console", "clients_max", "18446744073709551615"), -ERANGE);
    HS_CHECK_EQ(set(&config, "console", "clients_max", "18446744073709551616"), -ERANGE);
}

static void a_value_of_another_form_is_refused(void)
{
    static const char *const bad[][3] = {
        {"supervisor", "watchdog", "5"},
        {"supervisor", "watchdog", "-5s"},
        {"engine", "recv_buffer", "2 kilo"},
        {"gate", "clients_max", "many"},
        {"engine", "pin", "yes"},
        {"console", "socket_mode", "0680"},
        {"console", "socket_mode", "rw-rw----"},
        {"log", "level", "loud"},
        {"log", "level", "inf"},
        {"log", "level", ""},
        {"node", "cluster", "Prod"},
        {"node", "cluster", "-x"},
        {"paths", "run_dir", "run/hs"},
        {"paths", "run_dir", "/run/../etc"},
        {"paths", "run_dir", "/run/a\nb"},
        {"console", "metrics_address", "9464"},
        {"console", "metrics_address", "::1:9"},
        {"console", "metrics_address", "localhost:80"},
        {"console", "metrics_address", "1.2.3.4:0"},
        {"users", "gate", "no such"},
    };
    struct hs_config config;
    struct hs_config before;

    hs_config_defaults(&config);
    before = config;
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        HS_CHECK_EQ(set(&config, bad[i][0], bad[i][1], bad[i][2]), -EINVAL);
    HS_CHECK(memcmp(&config, &before, sizeof config) == 0);
}

static void an_error_says_what_was_expected_and_what_was_found(void)
{
    struct hs_config config;
    struct hs_err    err;

    hs_config_defaults(&config);
    HS_CHECK_EQ(
        hs_config_set(&config, hs_config_find_key("log", "level"), hs_view_text("loud"), &err),
        -EINVAL);
    HS_CHECK_TEXT(err.text, "expected one of error|warn|info|debug, found \"loud\"");
    HS_CHECK_EQ(hs_config_set(&config, hs_config_find_key("supervisor", "watchdog"),
                              hs_view_text("1ms"), &err),
                -ERANGE);
    HS_CHECK_TEXT(err.text, "must be from 500ms to 5m, found 1ms");
    HS_CHECK_EQ(
        hs_config_set(&config, hs_config_find_key("node", "cluster"), hs_view_text(""), &err),
        -ERANGE);
    HS_CHECK_TEXT(err.text, "must have from 1 to 32 characters, found 0");
}

static void addresses_of_both_families_are_taken(void)
{
    struct hs_config config;
    char             text[HS_CONFIG_VALUE_BYTES];

    hs_config_defaults(&config);
    HS_CHECK_EQ(set(&config, "console", "metrics_address", "127.0.0.1:9464"), 0);
    HS_CHECK_EQ(config.console.metrics_address.port, 9464);
    HS_CHECK_EQ(set(&config, "console", "metrics_address", "[::1]:80"), 0);
    HS_CHECK_EQ(config.console.metrics_address.family, HS_ADDR_IPV6);
    hs_config_get(&config, hs_config_find_key("console", "metrics_address"), text, sizeof text);
    HS_CHECK_TEXT(text, "[::1]:80");
    HS_CHECK_EQ(set(&config, "console", "metrics_address", ""), 0);
    HS_CHECK_EQ(config.console.metrics_address.family, HS_ADDR_NONE);
}

static unsigned fault_count;
static char     fault_key[64];

static void note_fault(void *context, const char *section, const char *key, const char *message)
{
    (void)context;
    (void)message;
    fault_count++;
    (void)snprintf(fault_key, sizeof fault_key, "%s.%s", section, key);
}

static void keys_that_contradict_each_other_are_found(void)
{
    static const char *const cases[][4] = {
        {"supervisor", "backoff_max", "100ms", ""},
        {"supervisor", "backoff_min", "31s", "supervisor.backoff_min"},
        {"supervisor", "worker_stop_timeout", "61s", "supervisor.worker_stop_timeout"},
        {"gate", "finished_jobs_max", "1000", "gate.finished_jobs_max"},
        {"manager", "retry_backoff_min", "1m", ""},
        {"manager", "retries_max", "2", "manager.workflow_retries_max"},
        {"manager", "worker_lost_after", "2s", "manager.worker_lost_after"},
        {"worker", "progress_interval", "10s", ""},
        {"worker", "cumulative_interval", "1s", ""},
        {"engine", "recv_buffers", "4095", "engine.recv_buffers"},
        {"roles", "manager", "false", "roles.manager"},
        {"paths", "state_dir", "/run/hyperscale", "paths.state_dir"},
        {"cluster", "gate_address", "10.0.0.1:7400", "cluster.gate_address"},
        {"cluster", "seed_gates", "10.0.0.1:7400", "cluster.seed_gates"},
        {"cluster", "leader", "m-1", "cluster.leader"},
        {"cluster", "health_address", "10.0.0.1:7402", "cluster.health_address"},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_config config;

        hs_config_defaults(&config);
        HS_CHECK_EQ(set(&config, cases[i][0], cases[i][1], cases[i][2]), 0);
        fault_count = 0;
        fault_key[0] = 0;
        hs_config_cross_check(&config, note_fault, NULL);
        HS_CHECK_EQ(fault_count, *cases[i][3] ? 1 : 0);
        HS_CHECK_TEXT(fault_key, cases[i][3]);
    }
}

/* Each line is a host with credentials: what it is told beside the defaults, and which key is at
 * fault. */
static const struct {
    const char *settings[6];
    const char *fault;
} host_cases[] = {
    {{"cluster.gate_address=10.0.0.1:7400", "cluster.manager_address=10.0.0.1:7401"}, ""},
    {{"cluster.gate_address=10.0.0.1:7400"}, "cluster.manager_address"},
    {{"roles.manager=false", "roles.worker=false", "cluster.gate_address=10.0.0.1:7400"}, ""},
    {{"roles.gate=false", "cluster.manager_address=10.0.0.2:7401"}, "cluster.seed_gates"},
    {{"roles.gate=false", "cluster.manager_address=10.0.0.2:7401",
      "cluster.seed_gates=gate-1:7400"},
     ""},
    {{"roles.gate=false", "roles.manager=false"}, "cluster.seed_managers"},
    {{"roles.gate=false", "roles.manager=false", "cluster.seed_managers=10.0.0.2:7401"}, ""},
    {{"roles.gate=false", "roles.manager=false", "cluster.seed_managers=a:1,b:1"},
     "cluster.leader"},
    {{"roles.gate=false", "roles.manager=false", "cluster.seed_managers=a:1,b:1",
      "cluster.leader=a"},
     ""},
    {{"roles.gate=false", "roles.worker=false", "cluster.manager_address=10.0.0.2:7401",
      "cluster.seed_gates=gate-1:7400", "cluster.seed_managers=a:1,b:1"},
     "cluster.leader"},
    {{"roles.gate=false", "cluster.manager_address=10.0.0.2:7401", "cluster.seed_gates=gate-1:7400",
      "cluster.seed_managers=10.0.0.3:7401"},
     "cluster.leader"},
    {{"roles.gate=false", "cluster.manager_address=10.0.0.2:7401", "cluster.seed_gates=gate-1:7400",
      "cluster.seed_managers=10.0.0.2:7401"},
     ""},
    {{"roles.gate=false", "cluster.manager_address=10.0.0.2:7401", "cluster.seed_gates=gate-1:7400",
      "cluster.seed_managers=manager-1:7401"},
     ""},
    {{"roles.gate=false", "roles.manager=false", "cluster.seed_managers=a:1",
      "cluster.manager_address=10.0.0.2:7401"},
     "cluster.manager_address"},
    {{"cluster.gate_address=10.0.0.1:7400", "cluster.manager_address=10.0.0.1:7401",
      "node.name=a-name-of-more-than-32-characters"},
     "node.name"},
    {{"cluster.gate_address=10.0.0.1:7400", "cluster.manager_address=10.0.0.1:7401",
      "cluster.health_address=10.0.0.1:7402"},
     ""},
    {{"cluster.gate_address=10.0.0.1:7400", "cluster.manager_address=10.0.0.1:7401",
      "cluster.health_address=10.0.0.1:7402", "roles.console=false"},
     "cluster.health_address"},
    {{"roles.gate=false", "roles.manager=false", "cluster.seed_managers=10.0.0.2:7401",
      "cluster.health_address=10.0.0.1:7402"},
     "cluster.health_address"},
};

static void what_a_host_of_a_cluster_runs_and_what_it_is_told_fit(void)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(host_cases); i++) {
        struct hs_config config;

        hs_config_defaults(&config);
        HS_CHECK_EQ(set(&config, "cluster", "credentials", "/etc/hyperscale/credentials"), 0);
        for (unsigned s = 0; s < 6 && host_cases[i].settings[s]; s++)
            HS_CHECK_EQ(hs_config_set_named(&config, host_cases[i].settings[s], NULL), 0);
        fault_count = 0;
        fault_key[0] = 0;
        hs_config_cross_check(&config, note_fault, NULL);
        HS_CHECK_EQ(fault_count, *host_cases[i].fault ? 1 : 0);
        HS_CHECK_TEXT(fault_key, host_cases[i].fault);
    }
}

static void an_image_is_taken_only_whole_and_in_bounds(void)
{
    struct hs_config config;
    uint8_t          two = 2;

    hs_config_defaults(&config);
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), 0);
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config - 1, NULL), -EPROTO);
    config.magic++;
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
    hs_config_defaults(&config);
    config.version++;
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
    hs_config_defaults(&config);
    config.supervisor.watchdog_ns = 1;
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
    hs_config_defaults(&config);
    memset(config.paths.run_dir, '/', sizeof config.paths.run_dir); /* no end */
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
    hs_config_defaults(&config);
    memcpy(&config.engine.pin, &two, 1); /* neither true nor false */
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
    hs_config_defaults(&config);
    config.log.level = 4;
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
}

static void a_reload_knows_whom_it_concerns(void)
{
    struct hs_config        before;
    struct hs_config        after;
    struct hs_config_change change;

    hs_config_defaults(&before);
    after = before;
    hs_config_diff(&before, &after, &change);
    HS_CHECK_EQ(change.count, 0);
    HS_CHECK_EQ(set(&after, "log", "level", "debug"), 0);
    hs_config_diff(&before, &after, &change);
    HS_CHECK_EQ(change.count, 1);
    HS_CHECK_EQ(change.restart_owners, 0);
    HS_CHECK(!change.needs_daemon);
    HS_CHECK_EQ(set(&after, "gate", "clients_max", "10"), 0);
    HS_CHECK_EQ(set(&after, "engine", "spin", "0s"), 0);
    hs_config_diff(&before, &after, &change);
    HS_CHECK_EQ(change.count, 3);
    HS_CHECK_EQ(change.restart_owners, HS_CONFIG_OWNER_GATE | HS_CONFIG_OWNER_ENGINE);
    HS_CHECK_EQ(set(&after, "sandbox", "seccomp", "false"), 0);
    hs_config_diff(&before, &after, &change);
    HS_CHECK_EQ(change.restart_owners, HS_CONFIG_OWNER_ALL & ~HS_CONFIG_OWNER_SUPERVISOR);
    HS_CHECK(!change.needs_daemon);
    HS_CHECK_EQ(set(&after, "paths", "run_dir", "/tmp/x"), 0);
    hs_config_diff(&before, &after, &change);
    HS_CHECK(change.needs_daemon);
    HS_CHECK_TEXT(hs_config_key_at(change.key_idx[0])->section, "paths");
}

static struct hs_problems problems;

static int parse(struct hs_config *config, const char *text)
{
    static char copy[HS_CONFIG_FILE_BYTES_MAX + 16];

    HS_CHECK(strlen(text) < sizeof copy);
    memcpy(copy, text, strlen(text));
    hs_config_defaults(config);
    hs_problems_init(&problems);
    return hs_config_parse(copy, strlen(text), config, &problems);
}

static void a_file_changes_only_what_it_names(void)
{
    struct hs_config config;
    struct hs_config expected;

    hs_config_defaults(&expected);
    expected.gate.clients_max = 12;
    expected.worker.progress_interval_ns = 500000000;
    expected.engine.pin = false;
    expected.roles.engines = 3;
    HS_CHECK_EQ(parse(&config, "// few\n{\"gate\": {\"clients_max\": 12}, /* and */\n"
                               "\"worker\": {\"progress_interval\": \"500ms\"},"
                               "\"engine\": {\"pin\": false}, \"roles\": {\"engines\": 3}}"),
                0);
    HS_CHECK(memcmp(&config, &expected, sizeof config) == 0);
    HS_CHECK_EQ(parse(&config, "{\"roles\": {\"engines\": \"auto\"}}"), 0);
    HS_CHECK_EQ(config.roles.engines, 0);
}

static void every_wrong_value_has_its_code_and_place(void)
{
    static const struct {
        const char *text;
        const char *code;
        const char *path;
        unsigned    line;
        unsigned    column;
        const char *hint;
    } cases[] = {
        {"{\"gat\": {}}", "E-KEY", "/gat", 1, 2, "gate"},
        {"{\"gate\":\n {\"client_max\": 3}}", "E-KEY", "/gate/client_max", 2, 3, "clients_max"},
        {"{\"gate\": 3}", "E-TYPE", "/gate", 1, 10, ""},
        {"[]", "E-TYPE", "", 1, 1, ""},
        {"{\"gate\": {\"clients_max\": \"3\"}}", "E-TYPE", "/gate/clients_max", 1, 26, ""},
        {"{\"gate\": {\"clients_max\": 3.5}}", "E-TYPE", "/gate/clients_max", 1, 26, ""},
        {"{\"gate\": {\"clients_max\": 0}}", "E-NUM", "/gate/clients_max", 1, 26, ""},
        {"{\"gate\": {\"clients_max\": -1}}", "E-NUM", "/gate/clients_max", 1, 26, ""},
        {"{\"gate\": {\"clients_max\": 99999999999999999999}}", "E-NUM", "", 1, 26, ""},
        {"{\"supervisor\": {\"watchdog\": 5}}", "E-TYPE", "/supervisor/watchdog", 1, 29, ""},
        {"{\"supervisor\": {\"watchdog\": \"5\"}}", "E-UNIT", "/supervisor/watchdog", 1, 29, ""},
        {"{\"supervisor\": {\"watchdog\": \"5h\"}}", "E-NUM", "/supervisor/watchdog", 1, 29, ""},
        {"{\"log\": {\"level\": \"inof\"}}", "E-ENUM", "/log/level", 1, 19, "info"},
        {"{\"paths\": {\"run_dir\": \"run\"}}", "E-VALUE", "/paths/run_dir", 1, 23, ""},
        {"{\"engine\": {\"pin\": 1}}", "E-TYPE", "/engine/pin", 1, 20, ""},
        {"{\"engine\": {\"recv_buffers\": 17}}", "E-EXCL", "/engine/recv_buffers", 1, 29, ""},
        {"{\"cluster\": {\"seed_gates\": \"a:1\"}}", "E-TYPE", "/cluster/seed_gates", 1, 28, ""},
        {"{\"cluster\": {\"seed_gates\": [\"a:1\", 5]}}", "E-TYPE", "/cluster/seed_gates/1", 1, 36,
         ""},
        {"{\"cluster\": {\"seed_gates\": [\"a:1\", \"b\"]}}", "E-VALUE", "/cluster/seed_gates/1", 1,
         36, ""},
        {"{\"cluster\": {\"seed_gates\": [\"a:1\", \"a:1\"]}}", "E-VALUE", "/cluster/seed_gates", 1,
         28, ""},
        {"{\"cluster\": {\"seed_gates\": [\"a:1\"]}}", "E-EXCL", "/cluster/seed_gates", 1, 28, ""},
        {"{\"log\": {}, \"log\": {}}", "E-DUP", "", 1, 13, ""},
        {"{\"log\": {},}", "E-JSON", "", 1, 12, ""},
        {"{\"log\": {}", "E-JSON", "", 1, 10, ""},
        {"{\"log\": {\"file\": \"/a\\u0000b\"}}", "E-NUL", "", 1, 18, ""},
        {"/* {}", "E-JSON", "", 1, 1, ""},
        {"", "E-FILE", "", 0, 0, ""},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_config         config;
        const struct hs_problem *problem = &problems.at[0];

        HS_CHECK_EQ(parse(&config, cases[i].text), -EINVAL);
        HS_CHECK_EQ(problems.kept, 1);
        HS_CHECK_TEXT(problem->code, cases[i].code);
        HS_CHECK_TEXT(problem->path, cases[i].path);
        HS_CHECK_EQ(problem->place.line, cases[i].line);
        HS_CHECK_EQ(problem->place.column, cases[i].column);
        HS_CHECK_TEXT(problem->hint, cases[i].hint);
    }
}

static void all_errors_are_told_at_once(void)
{
    struct hs_config config;

    HS_CHECK_EQ(parse(&config, "{\"gate\": {\"clients_max\": 0, \"x\": 1, \"jobs\": 2},\n"
                               " \"log\": {\"level\": \"no\"}, \"nodes\": 1}"),
                -EINVAL);
    HS_CHECK_EQ(problems.errors, 5);
}

static void a_file_above_the_limit_is_refused_unread(void)
{
    static char      text[HS_CONFIG_FILE_BYTES_MAX + 2];
    struct hs_config config;

    memset(text, ' ', sizeof text - 1);
    text[0] = '{';
    text[1] = '}';
    HS_CHECK_EQ(parse(&config, text), -EINVAL);
    HS_CHECK_TEXT(problems.at[0].code, "E-FILE");
}

static void the_printed_configuration_reads_back_as_the_same(void)
{
    static char      text[HS_CONFIG_PRINT_BYTES_MAX];
    struct hs_config config;
    struct hs_config again;
    struct hs_writer out;

    hs_config_defaults(&config);
    HS_CHECK_EQ(set(&config, "gate", "clients_max", "7"), 0);
    HS_CHECK_EQ(set(&config, "console", "metrics_address", "[::1]:9464"), 0);
    HS_CHECK_EQ(set(&config, "log", "file", "/var/log/a \"b\".log"), 0);
    HS_CHECK_EQ(set(&config, "cluster", "credentials", "/etc/hyperscale/credentials"), 0);
    HS_CHECK_EQ(set(&config, "cluster", "gate_address", "10.0.0.1:7400"), 0);
    HS_CHECK_EQ(set(&config, "cluster", "manager_address", "10.0.0.1:7401"), 0);
    HS_CHECK_EQ(set(&config, "cluster", "seed_gates", "10.0.0.1:7400,[fd00::1]:7400,gate:7400"), 0);
    hs_writer_init(&out, text, sizeof text - 1);
    HS_CHECK_EQ(hs_config_print(&config, &out), 0);
    text[out.used_bytes] = 0;
    HS_CHECK_EQ(parse(&again, text), 0);
    HS_CHECK(memcmp(&config, &again, sizeof config) == 0);
}

static void a_setting_names_section_key_and_value(void)
{
    struct hs_config config;
    struct hs_err    err;

    hs_config_defaults(&config);
    HS_CHECK_EQ(hs_config_set_named(&config, "paths.run_dir=/tmp/a.b=c", &err), 0);
    HS_CHECK_TEXT(config.paths.run_dir, "/tmp/a.b=c");
    HS_CHECK_EQ(hs_config_set_named(&config, "paths.run_dirs=/tmp", &err), -ENOENT);
    HS_CHECK_EQ(hs_config_set_named(&config, "run_dir=/tmp", &err), -EINVAL);
    HS_CHECK_EQ(hs_config_set_named(&config, "paths.run_dir", &err), -EINVAL);
    HS_CHECK_EQ(hs_config_set_named(&config, "roles.engines=100", &err), -ERANGE);
}

static char installed[HS_CONFIG_FILE_BYTES_MAX];

static const char *text_of(const char *path)
{
    FILE  *file = fopen(path, "r");
    size_t bytes = 0;

    if (file) {
        bytes = fread(installed, 1, sizeof installed - 1, file);
        (void)fclose(file);
    }
    installed[bytes] = 0;
    return installed;
}

/* Its users are those that `make install` creates; all else is at its default, and the comments are
 * those of config.def. */
static void the_installed_file_is_the_printed_one(void)
{
    static char              text[HS_CONFIG_PRINT_BYTES_MAX];
    static const char *const settings[] = {
        "users.group=hyperscale",   "users.console=hs-console", "users.gate=hs-gate",
        "users.manager=hs-manager", "users.worker=hs-worker",   "users.engine=hs-engine",
    };
    struct hs_config full;
    struct hs_config expected;
    struct hs_writer out;

    HS_CHECK_EQ(parse(&full, text_of("etc/hyperscaled.json")), 0);
    hs_config_defaults(&expected);
    for (size_t i = 0; i < HS_ARRAY_LEN(settings); i++)
        HS_CHECK_EQ(hs_config_set_named(&expected, settings[i], NULL), 0);
    HS_CHECK(memcmp(&full, &expected, sizeof full) == 0);
    hs_writer_init(&out, text, sizeof text - 1);
    HS_CHECK_EQ(hs_config_print(&expected, &out), 0);
    text[out.used_bytes] = 0;
    HS_CHECK_TEXT(installed, text);
}

static void the_minimal_file_loads_and_the_host_is_named(void)
{
    struct hs_config        config;
    const char *const       settings[] = {"paths.run_dir=/tmp/elsewhere"};
    struct hs_config_source source = {
        .path = "etc/hyperscaled-minimal.json", .settings = settings, .setting_count = 1};

    HS_CHECK_EQ(hs_config_load(&source, &config, stderr), 0);
    HS_CHECK_TEXT(config.paths.run_dir, "/tmp/elsewhere");
    HS_CHECK_EQ(config.console.metrics_address.port, 9464);
    HS_CHECK(config.node.name[0] != 0);
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), 0);
}

static void users_and_groups_are_looked_up(void)
{
    struct hs_config        config;
    const char *const       good[] = {"users.gate=root", "console.admin_group=root"};
    const char *const       bad[] = {"users.gate=no-such-user"};
    struct hs_config_source source = {.settings = good, .setting_count = 2};
    char                    text[1024] = "";
    FILE                   *errors = fmemopen(text, sizeof text, "w");

    HS_CHECK_EQ(hs_config_load(&source, &config, stderr), 0);
    HS_CHECK(config.users.gate.is_found);
    HS_CHECK_EQ(config.users.gate.uid, 0);
    HS_CHECK(config.console.admin_group.is_found);
    source = (struct hs_config_source){.settings = bad, .setting_count = 1};
    HS_CHECK_EQ(hs_config_load(&source, &config, errors), geteuid() == 0 ? -EINVAL : 0);
    HS_CHECK(!config.users.gate.is_found);
    (void)fclose(errors);
    HS_CHECK(strstr(text, "no user \"no-such-user\"") != NULL);
}

static void a_file_that_cannot_be_read_is_an_error_of_its_own(void)
{
    struct hs_config        config;
    char                    text[512] = "";
    FILE                   *errors = fmemopen(text, sizeof text, "w");
    struct hs_config_source source = {.path = "/nonexistent/file.json"};

    HS_CHECK_EQ(hs_config_load(&source, &config, errors), -ENOENT);
    source.path = "etc";
    HS_CHECK_EQ(hs_config_load(&source, &config, errors), -EISDIR);
    (void)fclose(errors);
    HS_CHECK(strstr(text, "/nonexistent/file.json") != NULL);
    HS_CHECK(strstr(text, "E-FILE") != NULL);
}

static void a_limit_of_nothing_is_refused(void)
{
    static const char *const keys[] = {"rate_submits",     "rate_queries", "rate_cancels",
                                       "rate_clients_max", "clients_max",  "active_jobs_max"};
    struct hs_config         config;

    hs_config_defaults(&config);
    for (size_t i = 0; i < HS_ARRAY_LEN(keys); i++)
        HS_CHECK_EQ(set(&config, "gate", keys[i], "0"), -ERANGE);
    HS_CHECK_EQ(set(&config, "gate", "rate_window", "0s"), -ERANGE);
    config.gate.rate_submits = 0;
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
}

CU_TestInfo hs_tests_config[] = {
    {"T4.9 a limit of nothing is refused", a_limit_of_nothing_is_refused},
    {"a file changes only what it names", a_file_changes_only_what_it_names},
    {"every wrong value has its code and place", every_wrong_value_has_its_code_and_place},
    {"all errors are told at once", all_errors_are_told_at_once},
    {"a file above the limit is refused unread", a_file_above_the_limit_is_refused_unread},
    {"the printed configuration reads back as the same",
     the_printed_configuration_reads_back_as_the_same},
    {"a setting names section, key and value", a_setting_names_section_key_and_value},
    {"the installed file is the printed one, with every key at its default",
     the_installed_file_is_the_printed_one},
    {"the minimal file loads and the host is named", the_minimal_file_loads_and_the_host_is_named},
    {"users and groups are looked up", users_and_groups_are_looked_up},
    {"a file that cannot be read is an error of its own",
     a_file_that_cannot_be_read_is_an_error_of_its_own},
    {"defaults are what the table says", defaults_are_what_the_table_says},
    {"every default lies inside its bounds and reads back",
     every_default_lies_inside_its_bounds_and_reads_back},
    {"what a host of a cluster runs and what it is told fit",
     what_a_host_of_a_cluster_runs_and_what_it_is_told_fit},
    {"bounds hold at both ends", bounds_hold_at_both_ends},
    {"a value of another form is refused", a_value_of_another_form_is_refused},
    {"an error says what was expected and what was found",
     an_error_says_what_was_expected_and_what_was_found},
    {"addresses of both families are taken", addresses_of_both_families_are_taken},
    {"keys that contradict each other are found", keys_that_contradict_each_other_are_found},
    {"an image is taken only whole and in bounds", an_image_is_taken_only_whole_and_in_bounds},
    {"a reload knows whom it concerns", a_reload_knows_whom_it_concerns},
    CU_TEST_INFO_NULL,
};
