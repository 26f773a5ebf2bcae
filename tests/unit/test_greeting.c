// SPDX-License-Identifier: Apache-2.0
/* test_greeting.c - versions, features and names in HELLO and its answer. */
#include "roles/cluster/greeting.h"

#include "roles/result_code.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static struct hs_greeter       gate;
static struct hs_greeter       manager;
static struct hs_msg_hello     hello;
static struct hs_msg_hello_ack ack;
static struct hs_greeting      seen_by_gate;
static struct hs_greeting      seen_by_manager;
static struct hs_err           err;

static struct hs_greeter greeter(enum hs_identity_role role, const char *name)
{
    struct hs_greeter made = {
        .identity = {.cluster = "shop", .environment = "prod", .datacenter = "east", .role = role},
        .node_id = {(uint8_t)(role + 1)},
        .incarnation = 7,
        .generation = 3};

    (void)snprintf(made.identity.node, sizeof made.identity.node, "%s", name);
    return made;
}

static void begin(void)
{
    gate = greeter(HS_IDENTITY_GATE, "g1");
    manager = greeter(HS_IDENTITY_MANAGER, "m1");
}

/* The manager greets the gate. */
static int greet(void)
{
    hs_greeter_hello(&manager, &hello);
    return hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate);
}

static int conclude(void)
{
    return hs_greeter_conclude(&manager, &gate.identity, &ack, &seen_by_manager, &err);
}

static void equals_agree_and_know_each_other(void)
{
    begin();
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(conclude(), 0);
    HS_CHECK_EQ(ack.code, HS_RESULT_OK);
    HS_CHECK_TEXT(seen_by_gate.identity.node, "m1");
    HS_CHECK_EQ(seen_by_gate.node_id[0], HS_IDENTITY_MANAGER + 1);
    HS_CHECK_EQ(seen_by_gate.incarnation, 7);
    HS_CHECK_EQ(seen_by_manager.node_id[0], HS_IDENTITY_GATE + 1);
    HS_CHECK_EQ(seen_by_manager.generation, 3);
    HS_CHECK_EQ(seen_by_gate.features, HS_FEATURES_KNOWN);
    HS_CHECK_EQ(seen_by_gate.version, HS_PROTOCOL_VERSION(1, 1));
}

static void lane_is_told_from_a_first_connection_and_its_kind_is_known(void)
{
    begin();
    hs_greeter_hello(&manager, &hello);
    hello.link = 42;
    HS_CHECK_EQ(hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate), 0);
    HS_CHECK(!seen_by_gate.is_lane);
    HS_CHECK_EQ(seen_by_gate.link, 42);
    hello.lane = HS_HELLO_DATA_LANE;
    HS_CHECK_EQ(hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate), 0);
    HS_CHECK(seen_by_gate.is_lane);
    hello.lane = HS_HELLO_DATA_LANE + 1; /* must not take a first connection's place */
    HS_CHECK_EQ(hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate),
                -EPROTONOSUPPORT);
    HS_CHECK(strstr(ack.text, "kind 2") != NULL);
}

static void data_lanes_are_of_those_who_both_know_them(void)
{
    begin();
    manager.version = HS_PROTOCOL_VERSION(1, 0); /* whatever bits it sets */
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(conclude(), 0);
    HS_CHECK_EQ(seen_by_gate.features, HS_FEATURES_MANDATORY);
    HS_CHECK_EQ(seen_by_manager.features, HS_FEATURES_MANDATORY);
    begin();
    gate.features = HS_FEATURES_MANDATORY;
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(conclude(), 0);
    HS_CHECK_EQ(seen_by_gate.features, HS_FEATURES_MANDATORY);
    HS_CHECK_EQ(seen_by_manager.features, HS_FEATURES_MANDATORY);
}

static void another_major_is_refused_both_ways_and_names_both(void)
{
    begin();
    manager.version = HS_PROTOCOL_VERSION(2, 0);
    gate.version = HS_PROTOCOL_VERSION(1, 4);
    HS_CHECK_EQ(greet(), -EPROTONOSUPPORT);
    HS_CHECK_EQ(ack.code, HS_RESULT_UNSUPPORTED);
    HS_CHECK(strstr(ack.text, "2.0") != NULL);
    HS_CHECK(strstr(ack.text, "1.4") != NULL);
    HS_CHECK_EQ(conclude(), -EPROTONOSUPPORT);
    HS_CHECK(strstr(err.text, "g1 refuses us") != NULL);
    HS_CHECK(strstr(err.text, "2.0") != NULL);
    begin();
    HS_CHECK_EQ(greet(), 0);
    ack.version = HS_PROTOCOL_VERSION(2, 0); /* it did not mind, but we do */
    HS_CHECK_EQ(conclude(), -EPROTONOSUPPORT);
    HS_CHECK(strstr(err.text, "2.0") != NULL);
    begin();
    hs_greeter_hello(&manager, &hello);
    hello.version = 0; /* says none */
    HS_CHECK_EQ(hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate),
                -EPROTONOSUPPORT);
}

static void smaller_minor_is_what_both_speak(void)
{
    begin();
    manager.version = HS_PROTOCOL_VERSION(1, 4);
    gate.version = HS_PROTOCOL_VERSION(1, 2);
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(conclude(), 0);
    HS_CHECK_EQ(seen_by_gate.version, HS_PROTOCOL_VERSION(1, 2));
    HS_CHECK_EQ(seen_by_manager.version, HS_PROTOCOL_VERSION(1, 2));
    manager.version = HS_PROTOCOL_VERSION(1, 255);
    HS_CHECK_EQ(greet(), 0);
}

static void unknown_features_are_ignored_and_missing_ones_refused(void)
{
    begin();
    manager.features = HS_FEATURES_KNOWN | UINT64_C(1) << 63;
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(conclude(), 0);
    HS_CHECK_EQ(seen_by_gate.features, HS_FEATURES_KNOWN);
    HS_CHECK_EQ(seen_by_manager.features, HS_FEATURES_KNOWN);
    manager.features = HS_FEATURES_KNOWN & ~(uint64_t)HS_FEATURE_FENCES;
    HS_CHECK_EQ(greet(), -EPROTONOSUPPORT);
    HS_CHECK(strstr(ack.text, "features") != NULL);
    begin();
    hs_greeter_hello(&manager, &hello);
    hello.features = 0;
    HS_CHECK_EQ(hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate),
                -EPROTONOSUPPORT);
}

static void same_greeting_later_is_decided_afresh(void)
{
    begin();
    manager.version = HS_PROTOCOL_VERSION(1, 3);
    gate.version = HS_PROTOCOL_VERSION(1, 3);
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(seen_by_gate.version, HS_PROTOCOL_VERSION(1, 3));
    manager.version = HS_PROTOCOL_VERSION(1, 1); /* downgraded, and back again */
    HS_CHECK_EQ(greet(), 0);
    HS_CHECK_EQ(seen_by_gate.version, HS_PROTOCOL_VERSION(1, 1));
}

/* hello says what it wants; the certificate is the manager's m1 in east. */
static void is_a_lie(const char *says)
{
    HS_CHECK_EQ(hs_greeter_answer(&gate, &manager.identity, &hello, &ack, &seen_by_gate), -EACCES);
    HS_CHECK_EQ(ack.code, HS_RESULT_FORBIDDEN);
    HS_CHECK(strstr(ack.text, says) != NULL);
    HS_CHECK_EQ(conclude(), -EACCES);
    hs_greeter_hello(&manager, &hello);
}

static void greeting_that_contradicts_the_certificate_is_refused(void)
{
    begin();
    hs_greeter_hello(&manager, &hello);
    hello.role = HS_ROLE_GATE;
    is_a_lie("another role");
    (void)snprintf(hello.name, sizeof hello.name, "m2");
    is_a_lie("another node");
    hello.name[0] = '\0';
    is_a_lie("another node");
    (void)snprintf(hello.datacenter, sizeof hello.datacenter, "west");
    is_a_lie("another datacenter");
}

static void role_that_may_not_is_refused_whatever_it_says(void)
{
    begin();
    manager = greeter(HS_IDENTITY_WORKER, "w1");
    HS_CHECK_EQ(greet(), -EACCES);
    HS_CHECK_EQ(ack.code, HS_RESULT_FORBIDDEN);
    HS_CHECK(strstr(ack.text, "role worker may not connect to a gate") != NULL);
}

static void refusal_of_a_stranger_cannot_paint_the_terminal(void)
{
    begin();
    ack = (struct hs_msg_hello_ack){.code = HS_RESULT_FORBIDDEN};
    (void)snprintf(ack.text, sizeof ack.text, "no\033[2J");
    HS_CHECK_EQ(conclude(), -EACCES);
    HS_CHECK(strchr(err.text, '\033') == NULL);
}

CU_TestInfo hs_tests_greeting[] = {
    {"T16 equals agree and know each other", equals_agree_and_know_each_other},
    {"SEC-8 T16.2 another major is refused both ways and names both",
     another_major_is_refused_both_ways_and_names_both},
    {"lane is told from a first connection, and its kind is known",
     lane_is_told_from_a_first_connection_and_its_kind_is_known},
    {"T16.1 data lanes are of those who both know them",
     data_lanes_are_of_those_who_both_know_them},
    {"T16.1 smaller minor is what both speak", smaller_minor_is_what_both_speak},
    {"SEC-8 T16 unknown features are ignored and missing ones refused",
     unknown_features_are_ignored_and_missing_ones_refused},
    {"T16.7 T16.8 same greeting later is decided afresh", same_greeting_later_is_decided_afresh},
    {"SEC-4 greeting that contradicts the certificate is refused",
     greeting_that_contradicts_the_certificate_is_refused},
    {"24.2 role that may not is refused whatever it says",
     role_that_may_not_is_refused_whatever_it_says},
    {"refusal of a stranger cannot paint the terminal",
     refusal_of_a_stranger_cannot_paint_the_terminal},
    CU_TEST_INFO_NULL};
