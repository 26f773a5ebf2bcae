// SPDX-License-Identifier: Apache-2.0
/* manager_entries.h - a manager's tables and short ways to apply an entry to them, for tests. Jobs
 * are numbered; every call takes the next place in the log. */
#ifndef HS_TESTS_MANAGER_ENTRIES_H
#define HS_TESTS_MANAGER_ENTRIES_H

#include "roles/manager/manager_fsm.h"
#include "roles/result_code.h"

extern struct hs_manager_state *entries_state;
extern uint64_t                 entries_seq; /* of the last entry */

void                        entries_set_up(void);
void                        entries_tear_down(void);
uint32_t                    entries_apply(const struct hs_manager_entry *entry);
void                        entries_name_job(uint8_t job_id[16], unsigned job);
uint32_t                    entries_accept_job(unsigned job, unsigned workflows, bool is_chain);
uint32_t                    entries_assign(unsigned job, unsigned workflow, unsigned shards);
struct hs_manager_workflow *entries_workflow_of(unsigned job, unsigned workflow);
struct hs_manager_job      *entries_job_of(unsigned job);
struct hs_manager_shard    *entries_shard_of(unsigned job, unsigned workflow, unsigned shard);
uint32_t                    entries_retry(unsigned job, unsigned workflow, unsigned shard);
uint32_t entries_end(unsigned job, unsigned workflow, unsigned shard, enum hs_exec_outcome outcome);
uint32_t entries_cancel(unsigned job, unsigned workflow, bool is_cascade, uint8_t request);
uint32_t entries_time_out(unsigned job, enum hs_manager_timeout_kind kind, uint64_t gate_fence);

#endif
