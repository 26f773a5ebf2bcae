// SPDX-License-Identifier: Apache-2.0
/* suites.h - the suites of the unit runner, one row each; tests/unit/test_NAME.c defines hs_tests_NAME. */
#ifndef HS_TESTS_UNIT_SUITES_H
#define HS_TESTS_UNIT_SUITES_H

#include <CUnit/CUnit.h>

#define HS_UNIT_SUITES(X) X(addr) X(control) X(bytes) X(units) X(schedule)

/* Ends with CU_TEST_INFO_NULL. */
#define HS_DECLARE_SUITE(name) extern CU_TestInfo hs_tests_##name[];
HS_UNIT_SUITES(HS_DECLARE_SUITE)
#undef HS_DECLARE_SUITE

#endif
