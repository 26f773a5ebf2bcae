// SPDX-License-Identifier: Apache-2.0
/* test_exec_state.c - names of states, ids as text. */
#include "roles/exec_state.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

typedef const char *name_fn(unsigned number);

static void check_names(name_fn *name, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        HS_CHECK(name(i) != NULL);
        HS_CHECK(name(i)[0] >= 'A');
        for (unsigned k = 0; k < i; k++) HS_CHECK(strcmp(name(i), name(k)) != 0);
    }
    HS_CHECK_TEXT(name(count), "?");
    HS_CHECK_TEXT(name(UINT32_MAX), "?");
}

static void every_state_has_a_name_of_its_own(void)
{
    check_names(hs_exec_state_name, HS_EXEC_STATE_COUNT);
    check_names(hs_exec_outcome_name, HS_OUTCOME_COUNT);
    check_names(hs_exec_phase_name, HS_PHASE_COUNT);
    check_names(hs_event_kind_name, HS_EVENT_KIND_COUNT);
}

static void hex_comes_back_and_nothing_else_is_taken(void)
{
    static const uint8_t id[4] = {0x00, 0x9a, 0xff, 0x10};
    uint8_t              parsed[4];
    char                 text[9];

    HS_CHECK_TEXT(hs_hex_format(id, 4, text), "009aff10");
    HS_CHECK_EQ(hs_hex_parse("009AfF10", parsed, 4), 0);
    HS_CHECK(memcmp(parsed, id, 4) == 0);
    HS_CHECK_EQ(hs_hex_parse("009aff1", parsed, 4), -EINVAL);
    HS_CHECK_EQ(hs_hex_parse("009aff100", parsed, 4), -EINVAL);
    HS_CHECK_EQ(hs_hex_parse("009aff1g", parsed, 4), -EINVAL);
    HS_CHECK_EQ(hs_hex_parse("", parsed, 4), -EINVAL);
}

static void exec_ids_differ_in_every_part(void)
{
    struct hs_exec_id a = {.shard = 300, .workflow = 255, .attempt = 1};
    struct hs_exec_id b = a;
    char              text[HS_EXEC_ID_TEXT_BYTES];

    HS_CHECK(hs_exec_id_equal(&a, &b));
    HS_CHECK_TEXT(hs_exec_id_format(&a, text), "00000000000000000000000000000000/255.300.1");
    b.shard++;
    HS_CHECK(!hs_exec_id_equal(&a, &b));
    b = a;
    b.attempt++;
    HS_CHECK(!hs_exec_id_equal(&a, &b));
    b = a;
    b.job_id[15] = 1;
    HS_CHECK(!hs_exec_id_equal(&a, &b));
}

CU_TestInfo hs_tests_exec_state[] = {
    {"every state has a name of its own", every_state_has_a_name_of_its_own},
    {"hex comes back and nothing else is taken", hex_comes_back_and_nothing_else_is_taken},
    {"exec ids differ in every part", exec_ids_differ_in_every_part},
    CU_TEST_INFO_NULL};
