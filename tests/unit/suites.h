// SPDX-License-Identifier: Apache-2.0
/* suites.h - the suites of the unit runner: every tests/unit/test_NAME.c defines hs_tests_NAME,
 * which ends with CU_TEST_INFO_NULL. The list is made by the Makefile from the names of the files.
 */
#ifndef HS_TESTS_UNIT_SUITES_H
#define HS_TESTS_UNIT_SUITES_H

#include "suites.inc"

#include <CUnit/CUnit.h>

#define HS_DECLARE_SUITE(name) extern CU_TestInfo hs_tests_##name[];
HS_UNIT_SUITES(HS_DECLARE_SUITE)
#undef HS_DECLARE_SUITE

#endif
