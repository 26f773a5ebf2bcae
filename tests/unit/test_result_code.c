// SPDX-License-Identifier: Apache-2.0
/* test_result_code.c - answers and their classes. */
#include "roles/result_code.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdbool.h>

/* What a client may rely on: only answers that may be repeated name a delay, and all of them do. */
static void delay_is_given_exactly_where_repeating_makes_sense(void)
{
    for (unsigned code = 0; code < HS_RESULT_COUNT; code++) {
        enum hs_result_class class = hs_result_code_class(code);
        bool is_repeated = class == HS_RESULT_CLASS_REDIRECT || class == HS_RESULT_CLASS_TRANSIENT;

        HS_CHECK_EQ(hs_result_code_retry_ns(code) > 0, is_repeated);
        HS_CHECK_EQ(class == HS_RESULT_CLASS_OK, code == HS_RESULT_OK);
    }
}

static void every_code_and_class_has_a_name_of_its_own(void)
{
    for (unsigned code = 0; code < HS_RESULT_COUNT; code++)
        for (unsigned other = 0; other < code; other++)
            HS_CHECK(strcmp(hs_result_code_name(code), hs_result_code_name(other)) != 0);
    HS_CHECK_TEXT(hs_result_code_name(HS_RESULT_STALE_FENCE), "STALE_FENCE");
    HS_CHECK_TEXT(hs_result_class_name(HS_RESULT_CLASS_FINAL), "FINAL");
}

static void unknown_code_is_permanent(void)
{
    HS_CHECK_TEXT(hs_result_code_name(HS_RESULT_COUNT), "?");
    HS_CHECK_EQ(hs_result_code_class(HS_RESULT_COUNT), HS_RESULT_CLASS_PERMANENT);
    HS_CHECK_EQ(hs_result_code_class(65535), HS_RESULT_CLASS_PERMANENT);
    HS_CHECK_EQ(hs_result_code_retry_ns(65535), 0);
    HS_CHECK_TEXT(hs_result_class_name(99), "?");
}

CU_TestInfo hs_tests_result_code[] = {
    {"delay is given exactly where repeating makes sense",
     delay_is_given_exactly_where_repeating_makes_sense},
    {"every code and class has a name of its own", every_code_and_class_has_a_name_of_its_own},
    {"unknown code is permanent", unknown_code_is_permanent},
    CU_TEST_INFO_NULL};
