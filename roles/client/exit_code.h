// SPDX-License-Identifier: Apache-2.0
/* exit_code.h - the exit codes of `hyperscale`, and which of them a run has earned. Pure. */
#ifndef HS_CLIENT_EXIT_CODE_H
#define HS_CLIENT_EXIT_CODE_H

#include "roles/stats/report.h"

enum hs_exit_code {
    HS_EXIT_OK = 0,
    HS_EXIT_INTERNAL = 1,
    HS_EXIT_USAGE = 2,
    HS_EXIT_PLAN = 3,        /* the plan is wrong */
    HS_EXIT_UNREACHABLE = 4, /* no request ever connected */
    HS_EXIT_CLUSTER = 5,     /* no daemon, refused, too little capacity */
    HS_EXIT_PARTIAL = 6,     /* ended, but not as planned, or figures, even all, are missing */
    HS_EXIT_OUTPUT = 8,      /* a result could not be written */
    HS_EXIT_FAILED = 99,     /* a threshold failed, or nothing at all completed */
    HS_EXIT_SIGNAL = 128     /* and the signal's number */
};

/* What is known when a job has ended. */
struct hs_run_end {
    uint32_t               job_state; /* enum hs_job_state */
    bool                   has_results;
    bool                   is_incomplete; /* figures of some share are missing */
    bool                   is_idle;       /* has_results: not one request was due, or sent */
    int                    signal;        /* that asked for the end; 0: none */
    enum hs_target_verdict target;
};

int hs_exit_code_of(const struct hs_run_end *end) HS_MUST_CHECK;
/* Of the answer of a gate that refused (enum hs_result_code). */
int hs_exit_code_of_refusal(unsigned code) HS_MUST_CHECK;
/* What such an answer means for who asked, with a remedy where there is one. */
const char *hs_refusal_text(unsigned code);

#endif
