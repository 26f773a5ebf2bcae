// SPDX-License-Identifier: Apache-2.0
/* exit_code.c - one place that says which ending has which code. */
#include "roles/client/exit_code.h"

#include "roles/job_table.h"
#include "roles/result_code.h"

int hs_exit_code_of(const struct hs_run_end *end)
{
    /* A signal is what its sender waits for, whatever else is the matter. */
    if (end->signal) return HS_EXIT_SIGNAL + end->signal;
    if (!end->has_results)
        return end->job_state == HS_JOB_FAILED ? HS_EXIT_CLUSTER : HS_EXIT_PARTIAL;
    if (end->target == HS_TARGET_UNREACHABLE) return HS_EXIT_UNREACHABLE;
    if (end->target == HS_TARGET_FAILED) return HS_EXIT_FAILED;
    if (end->job_state != HS_JOB_COMPLETED || end->is_incomplete) return HS_EXIT_PARTIAL;
    return HS_EXIT_OK;
}

int hs_exit_code_of_refusal(unsigned code)
{
    return code == HS_RESULT_INVALID ? HS_EXIT_PLAN : HS_EXIT_CLUSTER;
}
