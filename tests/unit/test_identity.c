// SPDX-License-Identifier: Apache-2.0
/* test_identity.c - names of nodes: exactly one grammar, and errors that say what is wrong. */
#include "roles/cluster/identity.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

#define LABEL_32 "abcdefghijklmnopqrstuvwxyz012345"

static struct hs_identity identity;
static struct hs_err      err;

static int parse(const char *text)
{
    hs_err_clear(&err);
    return hs_identity_parse(hs_view_text(text), &identity, &err);
}

static void a_name_is_taken_apart_and_put_together(void)
{
    static const char *const names[] = {"hyperscale://shop/prod/east/gate/gate-1",
                                        "hyperscale://a/b/c/manager/d",
                                        "hyperscale://0/1/2/worker/3",
                                        "hyperscale://-/--/-a-/client/0-",
                                        "hyperscale://shop/prod/east/operator/me",
                                        "hyperscale://" LABEL_32 "/" LABEL_32 "/" LABEL_32
                                        "/operator/" LABEL_32};
    char                     text[HS_IDENTITY_TEXT_BYTES];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        HS_CHECK_EQ(parse(names[i]), 0);
        hs_identity_text(&identity, text);
        HS_CHECK_TEXT(text, names[i]);
    }
    HS_CHECK_EQ(parse("hyperscale://shop/prod/east/gate/gate-1"), 0);
    HS_CHECK_TEXT(identity.cluster, "shop");
    HS_CHECK_TEXT(identity.environment, "prod");
    HS_CHECK_TEXT(identity.datacenter, "east");
    HS_CHECK_TEXT(identity.node, "gate-1");
    HS_CHECK_EQ(identity.role, HS_IDENTITY_GATE);
}

static void what_is_wrong_is_said(void)
{
    static const struct {
        const char *text;
        const char *says;
    } bad[] = {
        {"", "does not begin"},
        {"hyperscale:/", "does not begin"},
        {"Hyperscale://a/b/c/gate/d", "does not begin"},
        {"https://a/b/c/gate/d", "does not begin"},
        {" hyperscale://a/b/c/gate/d", "does not begin"},
        {"hyperscale://", "1 part, not 5"},
        {"hyperscale://a/b/c/gate", "4 parts, not 5"},
        {"hyperscale://a/b/c/gate/d/", "6 parts, not 5"},
        {"hyperscale://a/b/c/gate/d/e", "6 parts, not 5"},
        {"hyperscale:///b/c/gate/d", "the cluster is empty"},
        {"hyperscale://a//c/gate/d", "the environment is empty"},
        {"hyperscale://a/b//gate/d", "the datacenter is empty"},
        {"hyperscale://a/b/c//d", "the role is empty"},
        {"hyperscale://a/b/c/gate/", "the node is empty"},
        {"hyperscale://A/b/c/gate/d", "the cluster has a 'A'"},
        {"hyperscale://a/b%63/c/gate/d", "the environment has a '%'"},
        {"hyperscale://a/b/c_/gate/d", "the datacenter has a '_'"},
        {"hyperscale://a/b/c/GATE/d", "the role has a 'G'"},
        {"hyperscale://a/b/c/gate/d\n", "the node has a byte 0x0a"},
        {"hyperscale://a/b/c/gate/\xc3\xa4", "the node has a byte 0xc3"},
        {"hyperscale://a/b/c/gate/d?e", "the node has a '?'"},
        {"hyperscale://a/b/c/gates/d", "did you mean gate?"},
        {"hyperscale://a/b/c/engine/d", "\"engine\" is no role"},
        {"hyperscale://" LABEL_32 "x/b/c/gate/d", "the cluster has 33 characters"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        HS_CHECK_EQ(parse(bad[i].text), -EINVAL);
        HS_CHECK(strstr(err.text, bad[i].says) != NULL);
        if (!strstr(err.text, bad[i].says))
            (void)fprintf(stderr, "%s: %s\n", bad[i].text, err.text);
    }
}

static void a_zero_byte_ends_no_name(void)
{
    static const char text[] = "hyperscale://a/b/c/gate/d\0e";

    HS_CHECK_EQ(hs_identity_parse(hs_view_of(text, sizeof text - 1), &identity, &err), -EINVAL);
    HS_CHECK(strstr(err.text, "the node has a byte 0x00") != NULL);
}

static void two_hundred_characters_are_the_end(void)
{
    char text[400] = "hyperscale://";

    memset(text + strlen(text), 'a', 188);
    HS_CHECK_EQ(strlen(text), 201);
    HS_CHECK_EQ(parse(text), -EINVAL);
    HS_CHECK(strstr(err.text, "201 characters") != NULL);
    text[200] = '\0';
    HS_CHECK_EQ(parse(text), -EINVAL);
    HS_CHECK(strstr(err.text, "1 part, not 5") != NULL);
}

static void a_refused_name_leaves_the_last_one_alone(void)
{
    HS_CHECK_EQ(parse("hyperscale://shop/prod/east/gate/g"), 0);
    HS_CHECK_EQ(parse("hyperscale://other/prod/east/gate/"), -EINVAL);
    HS_CHECK_TEXT(identity.cluster, "shop");
}

static void an_authority_has_two_parts(void)
{
    char text[HS_IDENTITY_TEXT_BYTES];

    HS_CHECK_EQ(
        hs_identity_parse_authority(hs_view_text("hyperscale://shop/prod"), &identity, &err), 0);
    hs_identity_authority_text(&identity, text);
    HS_CHECK_TEXT(text, "hyperscale://shop/prod");
    HS_CHECK_EQ(hs_identity_parse_authority(hs_view_text("hyperscale://shop"), &identity, &err),
                -EINVAL);
    HS_CHECK_EQ(
        hs_identity_parse_authority(hs_view_text("hyperscale://shop/prod/"), &identity, &err),
        -EINVAL);
}

static void gates_managers_and_workers_are_hosts(void)
{
    for (unsigned role = 0; role < HS_IDENTITY_ROLE_COUNT; role++) {
        identity.role = (enum hs_identity_role)role;
        HS_CHECK_EQ(hs_identity_is_host(&identity),
                    role != HS_IDENTITY_CLIENT && role != HS_IDENTITY_OPERATOR);
    }
}

CU_TestInfo hs_tests_identity[] = {
    {"SEC-1 a name is taken apart and put together", a_name_is_taken_apart_and_put_together},
    {"SEC-1 what is wrong is said", what_is_wrong_is_said},
    {"SEC-1 a zero byte ends no name", a_zero_byte_ends_no_name},
    {"SEC-1 two hundred characters are the end", two_hundred_characters_are_the_end},
    {"a refused name leaves the last one alone", a_refused_name_leaves_the_last_one_alone},
    {"an authority has two parts", an_authority_has_two_parts},
    {"gates, managers and workers are hosts", gates_managers_and_workers_are_hosts},
    CU_TEST_INFO_NULL,
};
