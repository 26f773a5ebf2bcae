// SPDX-License-Identifier: Apache-2.0
/* workflow.h - how workflows and shares move (jobs.md 6.3 to 6.5): the transitions that applying an
 * entry brings about, from a share's end up to the end of the job. Pure and deterministic; first
 * terminal state wins, for ever. */
#ifndef HS_MANAGER_WORKFLOW_H
#define HS_MANAGER_WORKFLOW_H

#include "roles/manager/manager_state.h"

/* A job that was just put into the table: what depends on nothing is ready. */
void hs_workflow_begin(struct hs_manager_state *state, struct hs_manager_job *job);
/* The assignment that stands in the entry, all or nothing; seq becomes the fence of its execs. An
 * enum hs_result_code. */
uint32_t hs_workflow_assign(struct hs_manager_state *state, struct hs_manager_job *job,
                            const struct hs_manager_assign *assign, uint64_t seq);
/* An exec, or a workflow that was never started, has ended. An enum hs_result_code. */
uint32_t hs_workflow_end(struct hs_manager_state *state, struct hs_manager_job *job,
                         const struct hs_manager_end *end);
/* One workflow and, if is_cascade, all that depend on it. An enum hs_result_code. */
uint32_t hs_workflow_cancel(struct hs_manager_state *state, struct hs_manager_job *job,
                            unsigned idx, bool is_cascade);
/* All of them: the job is CANCELLING or TIMING_OUT. */
void hs_workflow_cancel_all(struct hs_manager_state *state, struct hs_manager_job *job);
/* After any of these: carries ends on to dependents and to the job. */
void hs_workflow_settle(struct hs_manager_state *state, struct hs_manager_job *job);

#endif
