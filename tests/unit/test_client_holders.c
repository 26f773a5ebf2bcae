// SPDX-License-Identifier: Apache-2.0
/* test_client_holders.c - who holds a key ring, as the daemon's members tell it. */
#include "roles/client/holders.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>

static struct hs_holders holders;

static void count(const char *json, uint32_t mark)
{
    json_t *answer = json_loads(json, 0, NULL);

    hs_holders_count(&holders, answer, answer, mark); /* may have both lists */
    json_decref(answer);
}

static void managers_elsewhere_count_and_those_of_a_ring_count_once(void)
{
    count("{\"members\":[{\"id\":\"01\",\"name\":\"a\",\"role\":\"manager\",\"state\":\"alive\","
          "\"keyring\":\"0000abcd\"}],\"managers\":[{\"id\":\"01\",\"name\":\"a\",\"state\":"
          "\"ALIVE\","
          "\"keyring\":\"\"},{\"id\":\"02\",\"name\":\"b\",\"state\":\"ALIVE\",\"keyring\":"
          "\"0000abce\"},"
          "{\"id\":\"03\",\"name\":\"c\",\"state\":\"SUSPECT\",\"keyring\":\"0000abcd\"},"
          "{\"id\":\"04\",\"name\":\"d\",\"state\":\"LOST\",\"keyring\":\"\"}]}",
          0xabcd);
    HS_CHECK_EQ(holders.member_count, 3);
    HS_CHECK_EQ(holders.holder_count, 2);
    HS_CHECK_TEXT(holders.others, "manager b");
}

static void only_the_living_are_asked_for_it(void)
{
    count("{\"members\":[{\"name\":\"a\",\"role\":\"gate\",\"state\":\"alive\",\"keyring\":"
          "\"0000abcd\"},"
          "{\"name\":\"b\",\"role\":\"manager\",\"state\":\"suspect\",\"keyring\":\"0000abce\"},"
          "{\"name\":\"c\",\"role\":\"gate\",\"state\":\"unconfirmed\",\"keyring\":\"\"},"
          "{\"name\":\"d\",\"role\":\"gate\",\"state\":\"dead\",\"keyring\":\"0000abcd\"},"
          "{\"name\":\"e\",\"role\":\"gate\",\"state\":\"left\",\"keyring\":\"\"}]}",
          0xabcd);
    HS_CHECK_EQ(holders.member_count, 3);
    HS_CHECK_EQ(holders.holder_count, 1);
    HS_CHECK_TEXT(holders.others, "manager b, gate c");
}

static void nonsense_holds_nothing(void)
{
    count("{\"members\":[{},{\"keyring\":7,\"state\":\"alive\",\"name\":\"\\u001b[2J\"},[],3]}",
          0xabcd);
    HS_CHECK_EQ(holders.member_count, 4);
    HS_CHECK_EQ(holders.holder_count, 0);
    HS_CHECK(strchr(holders.others, '\x1b') == NULL);
    count("{}", 1);
    HS_CHECK_EQ(holders.member_count, 0);
    count("[]", 1);
    HS_CHECK_EQ(holders.member_count, 0);
}

static void of_many_others_the_first_are_named(void)
{
    char   json[16384] = "{\"members\":[";
    size_t used = strlen(json);

    for (unsigned i = 0; i < 200; i++)
        used += (size_t)snprintf(json + used, sizeof json - used,
                                 "%s{\"name\":\"host-%u\",\"role\":\"gate\",\"state\":\"alive\"}",
                                 i ? "," : "", i);
    (void)snprintf(json + used, sizeof json - used, "]}");
    count(json, 1);
    HS_CHECK_EQ(holders.member_count, 200);
    HS_CHECK(strncmp(holders.others, "gate host-0, gate host-1, ", 26) == 0);
    HS_CHECK(strlen(holders.others) < sizeof holders.others);
    HS_CHECK_TEXT(holders.others + strlen(holders.others) - 5, ", ...");
}

CU_TestInfo hs_tests_client_holders[] = {
    {"SEC-12 only the living are asked for it", only_the_living_are_asked_for_it},
    {"SEC-12 managers elsewhere count, and those of a ring count once",
     managers_elsewhere_count_and_those_of_a_ring_count_once},
    {"nonsense holds nothing", nonsense_holds_nothing},
    {"of many others the first are named", of_many_others_the_first_are_named},
    CU_TEST_INFO_NULL,
};
