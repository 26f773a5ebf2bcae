// SPDX-License-Identifier: Apache-2.0
/* test_config_hosts.c - lists of hosts and of patterns in the configuration. */
#include "roles/config_hosts.h"
#include "shm/base/assert.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int set(struct hs_config *config, const char *section, const char *name, const char *text)
{
    return hs_config_set(config, hs_config_find_key(section, name), hs_view_text(text), NULL);
}

static void a_list_of_hosts_is_taken_apart_and_put_together(void)
{
    static const char *const bad[] = {
        "10.0.0.1",       ":7400",       "10.0.0.1:0",     "10.0.0.1:65536",  "0.0.0.0:7400",
        "224.0.0.1:7400", "[::]:7400",   "[ff02::1]:7400", "::1:7400",        "-x.org:7400",
        "a b:7400",       "10.0.0:7400", "a:1,",           "10.0.0.1:1,,b:1", "a_b:7400",
    };
    static const char good[] = "10.0.0.1:7400,[fd00::1]:7400,gate-1.example.org:7400,localhost:1";
    struct hs_config  config;
    struct hs_config_host host;
    char                  text[HS_CONFIG_VALUE_BYTES] = "";

    hs_config_defaults(&config);
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        HS_CHECK_EQ(set(&config, "cluster", "seed_gates", bad[i]), -EINVAL);
    HS_CHECK_EQ(set(&config, "cluster", "seed_gates", good), 0);
    HS_CHECK_EQ(config.cluster.seed_gates.count, 4);
    hs_config_get(&config, hs_config_find_key("cluster", "seed_gates"), text, sizeof text);
    HS_CHECK_TEXT(text, good);
    HS_CHECK_EQ(hs_config_parse_host(hs_view_text("[fd00::1]:7400"), &host), 0);
    HS_CHECK_EQ(host.addr.family, HS_ADDR_IPV6);
    HS_CHECK_TEXT(host.name, "");
    HS_CHECK_EQ(hs_config_parse_host(hs_view_text("gate-1.example.org:7401"), &host), 0);
    HS_CHECK_EQ(host.addr.family, HS_ADDR_NONE);
    HS_CHECK_EQ(host.addr.port, 7401);
    HS_CHECK_TEXT(host.name, "gate-1.example.org");
    HS_CHECK_EQ(set(&config, "cluster", "seed_gates", "a:1,b:1,a:1"), -ERANGE);
    text[0] = 0;
    for (int i = 0; i <= HS_CONFIG_HOSTS_MAX; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%sa:%d", i ? "," : "",
                       i + 1);
    HS_CHECK_EQ(set(&config, "cluster", "seed_gates", text), -ERANGE);
    config.cluster.seed_gates.count = HS_CONFIG_HOSTS_MAX + 1;
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
}

static void a_list_of_patterns_names_hosts(void)
{
    static const char *const bad[] = {"10.0.0.1:80", "*.", "*x.org", "a.*", "**", "a b", "10.0.0",
                                      "[::1]",       "-a", "a,",     "*.*", ".a", "a_b"};
    static const char        good[] = "*,*.shop.test,shop.test,10.0.0.1,fd00::1,localhost";
    struct hs_config         config;
    char                     text[HS_CONFIG_VALUE_BYTES] = "";

    hs_config_defaults(&config);
    HS_CHECK_EQ(config.cluster.allow_hosts.count, 0);
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        HS_CHECK_EQ(set(&config, "cluster", "allow_hosts", bad[i]), -EINVAL);
    HS_CHECK_EQ(set(&config, "cluster", "allow_hosts", good), 0);
    HS_CHECK_EQ(config.cluster.allow_hosts.count, 6);
    hs_config_get(&config, hs_config_find_key("cluster", "allow_hosts"), text, sizeof text);
    HS_CHECK_TEXT(text, good);
    HS_CHECK_EQ(set(&config, "cluster", "allow_hosts", "a,a"), -ERANGE);
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), 0);
    config.cluster.allow_hosts.at[1][1] = ':';
    HS_CHECK_EQ(hs_config_check_image(&config, sizeof config, NULL), -EPROTO);
}

CU_TestInfo hs_tests_config_hosts[] = {
    {"a list of hosts is taken apart and put together",
     a_list_of_hosts_is_taken_apart_and_put_together},
    {"allow_hosts: a list of patterns names hosts", a_list_of_patterns_names_hosts},
    CU_TEST_INFO_NULL};
