// SPDX-License-Identifier: Apache-2.0
/* check.h - CUnit assertions that print what they saw, and the shape of a runner. Each
 * tests/unit/test_NAME.c defines `const CU_SuiteInfo hs_suite_NAME[]` ... see HS_SUITE;
 * tests/unit/main.c lists the suites. */
#ifndef HS_TESTS_CHECK_H
#define HS_TESTS_CHECK_H

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HS_CHECK(condition)                                                                        \
    do {                                                                                           \
        int hs_held = (condition) ? 1 : 0;                                                         \
        if (!hs_held)                                                                              \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);   \
        CU_assertImplementation(hs_held, __LINE__, #condition, __FILE__, "", CU_FALSE);            \
    } while (0)

/* Integers of any width up to 64 bits; prints both values. */
#define HS_CHECK_EQ(actual, expected)                                                              \
    do {                                                                                           \
        int64_t hs_actual = (int64_t)(actual);                                                     \
        int64_t hs_expected = (int64_t)(expected);                                                 \
        if (hs_actual != hs_expected)                                                              \
            (void)fprintf(stderr, "%s:%d: %s is %" PRId64 ", expected %" PRId64 "\n", __FILE__,    \
                          __LINE__, #actual, hs_actual, hs_expected);                              \
        CU_assertImplementation(hs_actual == hs_expected, __LINE__, #actual " == " #expected,      \
                                __FILE__, "", CU_FALSE);                                           \
    } while (0)

#define HS_CHECK_TEXT(actual, expected)                                                            \
    do {                                                                                           \
        const char *hs_actual = (actual);                                                          \
        const char *hs_expected = (expected);                                                      \
        int         hs_held = strcmp(hs_actual, hs_expected) == 0;                                 \
        if (!hs_held)                                                                              \
            (void)fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__,    \
                          #actual, hs_actual, hs_expected);                                        \
        CU_assertImplementation(hs_held, __LINE__, #actual " == " #expected, __FILE__, "",         \
                                CU_FALSE);                                                         \
    } while (0)

#endif
