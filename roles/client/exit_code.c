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
    /* Nobody could even begin: too little capacity. */
    if (end->is_idle && end->job_state == HS_JOB_FAILED) return HS_EXIT_CLUSTER;
    if (end->target == HS_TARGET_FAILED) return HS_EXIT_FAILED;
    if (end->target == HS_TARGET_UNMEASURED) return HS_EXIT_PARTIAL; /* no data is no success */
    if (end->job_state != HS_JOB_COMPLETED || end->is_incomplete) return HS_EXIT_PARTIAL;
    return HS_EXIT_OK;
}

int hs_exit_code_of_refusal(unsigned code)
{
    return code == HS_RESULT_INVALID ? HS_EXIT_PLAN : HS_EXIT_CLUSTER;
}

const char *hs_refusal_text(unsigned code)
{
    switch (code) {
    case HS_RESULT_UNKNOWN_JOB: return "no such job (see: hyperscale list)";
    case HS_RESULT_ALREADY_DONE: return "the job has ended already (see: hyperscale results)";
    case HS_RESULT_ALREADY_CANCELLED: return "it is being cancelled already";
    case HS_RESULT_EXPIRED: return "the job is too old: its results are not kept any more";
    case HS_RESULT_FORBIDDEN: return "this user may not do that";
    case HS_RESULT_DRAINING: return "the daemon takes no new jobs: it is draining";
    case HS_RESULT_NO_CORES: return "too few free cores for it";
    case HS_RESULT_NO_DATACENTER: return "no datacenter can take it (see: hyperscale status)";
    case HS_RESULT_BUSY: return "the daemon is busy: try again later";
    case HS_RESULT_RATE_LIMITED: return "too many requests: try again later";
    case HS_RESULT_INITIALIZING: return "the daemon is still starting: try again in a moment";
    default: return hs_result_code_name(code);
    }
}
