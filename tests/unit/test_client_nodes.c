// SPDX-License-Identifier: Apache-2.0
/* test_client_nodes.c - the table of nodes: what is known, what is not, and what a daemon that has
 * gone mad could say. */
#include "roles/client/nodes.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

static char text[HS_NODES_LINE_BYTES];

static const char *line_of(const char *json)
{
    json_t *member = json_loads(json, 0, NULL);

    (void)hs_nodes_line(member, text);
    json_decref(member);
    return text;
}

static void a_node_is_one_row_under_its_titles(void)
{
    char title[HS_NODES_LINE_BYTES];

    (void)hs_nodes_title(title);
    (void)line_of(
        "{\"name\":\"g-1\",\"role\":\"gate\",\"datacenter\":\"ber\",\"state\":\"suspect\","
        "\"since_ns\":90000000000,\"incarnation\":7,\"refutations\":3,"
        "\"answered_ns\":250000000,\"round_trip_ns\":null,\"health\":2,"
        "\"address\":\"10.0.0.1:7400\",\"is_self\":true,\"is_damped\":true}");
    HS_CHECK_EQ(text[0], '*');
    HS_CHECK(strstr(text, "g-1") - text == strstr(title, "NAME") - title);
    HS_CHECK(strstr(text, "suspect") - text == strstr(title, "STATE") - title);
    HS_CHECK(strstr(text, "10.0.0.1:7400") - text == strstr(title, "ADDRESS") - title);
    HS_CHECK(strstr(text, " 7.3 ") != NULL);
    HS_CHECK(strstr(text, " 1m30s ") != NULL);
    HS_CHECK(strstr(text, " 250ms ") != NULL);
    HS_CHECK(strstr(text, " 2! ") != NULL);
    HS_CHECK_TEXT(text + strlen(text) - 1, "\n");
}

static void a_worker_is_one_row_with_its_owner(void)
{
    char    title[HS_NODES_LINE_BYTES];
    json_t *worker = json_loads(
        "{\"name\":\"w-1\",\"datacenter\":\"ber\",\"state\":\"REMOTE\",\"address\":\"-\","
        "\"incarnation\":4,\"heard_ns\":250000000,\"owner\":\"m-2\"}",
        0, NULL);

    (void)hs_nodes_title(title);
    (void)hs_nodes_worker_line(worker, text);
    json_decref(worker);
    HS_CHECK_EQ(text[0], ' ');
    HS_CHECK(strstr(text, "worker") - text == strstr(title, "ROLE") - title);
    HS_CHECK(strstr(text, "remote") - text == strstr(title, "STATE") - title);
    HS_CHECK(strstr(text, " 250ms ") != NULL);
    HS_CHECK_TEXT(text + strlen(text) - strlen(" owner m-2\n"), " owner m-2\n");
}

static void a_place_is_shown_in_milliseconds(void)
{
    (void)line_of("{\"coordinate\":[0.0123,-0.08,0.001,0,0,0,0,0,0.0005,0,1.5]}");
    HS_CHECK(strstr(text, " 12.3,-80.0,1.0+0.5\n") != NULL);
    (void)line_of("{\"coordinate\":[0.0123]}");
    HS_CHECK_TEXT(text + strlen(text) - 3, " -\n");
}

static void what_is_missing_or_mad_is_one_row_all_the_same(void)
{
    (void)line_of("{}");
    HS_CHECK(strstr(text, "?") != NULL);
    HS_CHECK_TEXT(text + strlen(text) - 1, "\n");
    (void)line_of("{\"name\":\"\\u001b[2Jx\",\"since_ns\":-5,\"health\":\"bad\"}");
    HS_CHECK(strchr(text, '\x1b') == NULL);
    (void)line_of(
        "{\"address\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
    HS_CHECK(strlen(text) < sizeof text);
    HS_CHECK_TEXT(text + strlen(text) - 1, "\n");
}

static void each_datacenter_that_is_asked_is_one_row(void)
{
    json_t *managers =
        json_loads("[{\"datacenter\":\"ber\",\"reach\":null},"
                   "{\"datacenter\":\"muc\",\"reach\":\"SUSPECTED\",\"datacenter_state\":\"BUSY\","
                   "\"is_local_partition\":true,\"is_held\":true,\"reach_round_trip_ns\":3000000,"
                   "\"region\":\"bavaria\",\"locality\":\"other\"},"
                   "{\"datacenter\":\"muc\",\"reach\":\"SUSPECTED\"},"
                   "{\"datacenter\":\"ham\",\"reach\":\"UNKNOWN\",\"state\":\"LOST\"},"
                   "{\"datacenter\":\"ham\",\"reach\":\"UNKNOWN\",\"state\":\"ALIVE\"},"
                   "{\"datacenter\":\"cgn\",\"reach\":\"SUSPECTED\",\"state\":\"SUSPECT\"},"
                   "{\"datacenter\":\"\\u001b[2J\",\"reach\":\"REACHABLE\",\"is_held\":true,"
                   "\"region\":\"\"}]",
                   0, NULL);
    char title[HS_NODES_LINE_BYTES];

    (void)hs_nodes_reach_title(title);
    HS_CHECK(managers != NULL);
    HS_CHECK(hs_nodes_reach_line(managers, 0, text) == NULL);
    HS_CHECK(hs_nodes_reach_line(managers, 1, text) == text);
    HS_CHECK(strstr(text, "SUSPECTED") - text == strstr(title, "REACH") - title);
    HS_CHECK(strstr(text, "BUSY") - text == strstr(title, "STATE") - title);
    HS_CHECK(strstr(text, "bavaria") - text == strstr(title, "REGION") - title);
    HS_CHECK(strstr(text, "other") - text == strstr(title, "NEAR") - title);
    HS_CHECK(strstr(text, "another gate hears it\n") - text == strstr(title, "NOTE") - title);
    HS_CHECK(strncmp(text, "muc ", 4) == 0);
    HS_CHECK(hs_nodes_reach_line(managers, 2, text) == NULL);
    HS_CHECK(hs_nodes_reach_line(managers, 3, text) == text);
    HS_CHECK(strstr(text, "  connected over TCP, does not answer over UDP\n") != NULL);
    HS_CHECK(hs_nodes_reach_line(managers, 5, text) == text);
    HS_CHECK(strstr(text, "UDP") == NULL);
    HS_CHECK(hs_nodes_reach_line(managers, 6, text) == text);
    HS_CHECK(strchr(text, '\x1b') == NULL);
    HS_CHECK(strstr(text, " -            ?") != NULL); /* no region, and an older daemon */
    HS_CHECK(strstr(text, "  held\n") != NULL);
    json_decref(managers);
}

CU_TestInfo hs_tests_client_nodes[] = {
    {"a worker is one row with its owner", a_worker_is_one_row_with_its_owner},
    {"a node is one row under its titles", a_node_is_one_row_under_its_titles},
    {"a place is shown in milliseconds", a_place_is_shown_in_milliseconds},
    {"what is missing or mad is one row all the same",
     what_is_missing_or_mad_is_one_row_all_the_same},
    {"each datacenter that is asked is one row", each_datacenter_that_is_asked_is_one_row},
    CU_TEST_INFO_NULL,
};
