// SPDX-License-Identifier: Apache-2.0
/* test_role_matrix.c - every pair of roles, and what they may say. */
#include "roles/cluster/role_matrix.h"

#include "roles/wire.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

static struct hs_err err;

static struct hs_identity node(enum hs_identity_role role, const char *datacenter)
{
    struct hs_identity identity = {
        .cluster = "shop", .environment = "prod", .node = "n1", .role = role};

    (void)snprintf(identity.datacenter, sizeof identity.datacenter, "%s", datacenter);
    return identity;
}

static bool may_dial(enum hs_identity_role from, enum hs_identity_role to, bool is_near)
{
    struct hs_identity dialer = node(from, "east");
    struct hs_identity target = node(to, is_near ? "east" : "west");
    int                rc = hs_role_check_dial(&dialer, &target, &err);

    HS_CHECK(rc == 0 || rc == -EACCES);
    return rc == 0;
}

/* Written out a second time, from the specification: rows dial columns. */
static void every_pair_is_as_the_table_says(void)
{
    static const char roles[HS_IDENTITY_ROLE_COUNT + 1] = "gmwco";
    /* Columns g m w c o. A: anywhere, D: in their own datacenter, -: never. */
    static const char *const table[HS_IDENTITY_ROLE_COUNT] = {
        "AA---", /* gate */
        "ADD--", /* manager */
        "-D---", /* worker */
        "A----", /* client */
        "A----", /* operator */
    };

    HS_CHECK_EQ(strlen(roles), HS_IDENTITY_ROLE_COUNT);
    for (unsigned from = 0; from < HS_IDENTITY_ROLE_COUNT; from++)
        for (unsigned to = 0; to < HS_IDENTITY_ROLE_COUNT; to++) {
            char wanted = table[from][to];

            HS_CHECK_EQ(may_dial((enum hs_identity_role)from, (enum hs_identity_role)to, true),
                        wanted != '-');
            HS_CHECK_EQ(may_dial((enum hs_identity_role)from, (enum hs_identity_role)to, false),
                        wanted == 'A');
        }
}

static void another_cluster_or_environment_is_refused_whoever_it_is(void)
{
    for (unsigned from = 0; from < HS_IDENTITY_ROLE_COUNT; from++) {
        struct hs_identity dialer = node((enum hs_identity_role)from, "east");
        struct hs_identity gate = node(HS_IDENTITY_GATE, "east");

        (void)snprintf(dialer.environment, sizeof dialer.environment, "staging");
        HS_CHECK_EQ(hs_role_check_dial(&dialer, &gate, &err), -EACCES);
        HS_CHECK(strstr(err.text, "shop/staging") != NULL);
        dialer = node((enum hs_identity_role)from, "east");
        (void)snprintf(dialer.cluster, sizeof dialer.cluster, "shoppe");
        HS_CHECK_EQ(hs_role_check_dial(&dialer, &gate, &err), -EACCES);
    }
}

static void refusals_say_who_may_not_reach_whom(void)
{
    HS_CHECK(!may_dial(HS_IDENTITY_WORKER, HS_IDENTITY_GATE, true));
    HS_CHECK_TEXT(err.text, "a certificate of role worker may not connect to a gate");
    HS_CHECK(!may_dial(HS_IDENTITY_WORKER, HS_IDENTITY_MANAGER, false));
    HS_CHECK_TEXT(err.text, "a worker of datacenter east may not connect to a manager of "
                            "datacenter west");
    HS_CHECK_EQ(err.code, -EACCES);
}

static bool may_send(unsigned type, enum hs_identity_role from, enum hs_identity_role to)
{
    return hs_wire_may(type, hs_role_kind_of(from), hs_role_kind_of(to));
}

/* Greetings and the like, and pieces of plans and results, which everybody hands on. */
static bool is_of_everybody(unsigned type)
{
    return type <= HS_MSG_REFUSED || (type >= HS_MSG_BLOB_PUT && type <= HS_MSG_BLOB_DATA);
}

static void no_message_goes_where_nobody_may_connect(void)
{
    unsigned allowed = 0;

    for (unsigned type = 0; type < HS_WIRE_TYPE_COUNT; type++)
        for (unsigned from = 0; from < HS_IDENTITY_ROLE_COUNT; from++)
            for (unsigned to = 0; to < HS_IDENTITY_ROLE_COUNT; to++) {
                enum hs_identity_role a = (enum hs_identity_role)from;
                enum hs_identity_role b = (enum hs_identity_role)to;

                if (is_of_everybody(type) || !may_send(type, a, b)) continue;
                allowed++;
                HS_CHECK(may_dial(a, b, true) || may_dial(b, a, true));
            }
    HS_CHECK(allowed > 50);
}

static void messages_keep_their_direction(void)
{
    HS_CHECK(may_send(HS_MSG_SUBMIT, HS_IDENTITY_CLIENT, HS_IDENTITY_GATE));
    HS_CHECK(may_send(HS_MSG_SUBMIT, HS_IDENTITY_OPERATOR, HS_IDENTITY_GATE));
    HS_CHECK(may_send(HS_MSG_STATS, HS_IDENTITY_GATE, HS_IDENTITY_CLIENT));
    HS_CHECK(may_send(HS_MSG_WREG, HS_IDENTITY_WORKER, HS_IDENTITY_MANAGER));
    HS_CHECK(may_send(HS_MSG_EXEC_DISPATCH, HS_IDENTITY_MANAGER, HS_IDENTITY_WORKER));
    HS_CHECK(!may_send(HS_MSG_SUBMIT, HS_IDENTITY_WORKER, HS_IDENTITY_GATE));
    HS_CHECK(!may_send(HS_MSG_SUBMIT, HS_IDENTITY_GATE, HS_IDENTITY_CLIENT));
    HS_CHECK(!may_send(HS_MSG_SUBMIT, HS_IDENTITY_CLIENT, HS_IDENTITY_MANAGER));
    HS_CHECK(!may_send(HS_MSG_EXEC_DISPATCH, HS_IDENTITY_CLIENT, HS_IDENTITY_WORKER));
    HS_CHECK(!may_send(HS_MSG_EXEC_DISPATCH, HS_IDENTITY_WORKER, HS_IDENTITY_WORKER));
    HS_CHECK(!may_send(HS_MSG_WREG, HS_IDENTITY_WORKER, HS_IDENTITY_GATE));
    HS_CHECK(!may_send(0, HS_IDENTITY_CLIENT, HS_IDENTITY_GATE));
    HS_CHECK(!may_send(199, HS_IDENTITY_CLIENT, HS_IDENTITY_GATE));
}

CU_TestInfo hs_tests_role_matrix[] = {
    {"BAD-8 SEC-5 every pair is as the table says", every_pair_is_as_the_table_says},
    {"BAD-2 24.1 another cluster or environment is refused, whoever it is",
     another_cluster_or_environment_is_refused_whoever_it_is},
    {"24.2 refusals say who may not reach whom", refusals_say_who_may_not_reach_whom},
    {"SEC-5 no message goes where nobody may connect", no_message_goes_where_nobody_may_connect},
    {"SEC-5 messages keep their direction", messages_keep_their_direction},
    CU_TEST_INFO_NULL};
