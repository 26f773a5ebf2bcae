// SPDX-License-Identifier: Apache-2.0
/* main.c - runs every unit suite, or those named on the command line; ends with "N passed, N
 * failed". */
#include "tests/unit/suites.h"

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc < 2;
}

static bool is_suite(const char *name)
{
#define HS_IS_SUITE(suite)                                                                         \
    if (strcmp(name, #suite) == 0) return true;
    HS_UNIT_SUITES(HS_IS_SUITE)
#undef HS_IS_SUITE
    return false;
}

static CU_ErrorCode add_suite(const char *name, CU_TestInfo *tests)
{
    CU_SuiteInfo suites[] = {{.pName = name, .pTests = tests}, CU_SUITE_INFO_NULL};

    return CU_register_suites(suites);
}

int main(int argc, char **argv)
{
    unsigned failed;
    unsigned run;

    for (int i = 1; i < argc; i++) {
        if (is_suite(argv[i])) continue;
        (void)fprintf(stderr, "unit: no suite is called %s\n", argv[i]);
        return 64;
    }
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
#define HS_ADD_SUITE(name)                                                                         \
    if (is_wanted(argc, argv, #name) && add_suite(#name, hs_tests_##name) != CUE_SUCCESS) return 1;
    HS_UNIT_SUITES(HS_ADD_SUITE)
#undef HS_ADD_SUITE
    CU_basic_set_mode(CU_BRM_SILENT);
    (void)CU_basic_run_tests();
    CU_basic_show_failures(CU_get_failure_list());
    run = CU_get_number_of_tests_run();
    failed = CU_get_number_of_tests_failed();
    CU_cleanup_registry();
    (void)printf("\n%u passed, %u failed\n", run - failed, failed);
    return failed || !run ? 1 : 0;
}
