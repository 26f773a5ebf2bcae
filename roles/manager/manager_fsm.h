// SPDX-License-Identifier: Apache-2.0
/* manager_fsm.h - the state machine behind a manager's log: applies entries to the tables of
 * manager_state.h and answers each with an enum hs_result_code, keeps and restores the whole
 * (manager_snapshot.c), says which blobs must live. Pure and deterministic: no clock, no chance. A
 * repeated entry changes nothing and answers as well as the first. */
#ifndef HS_MANAGER_FSM_H
#define HS_MANAGER_FSM_H

#include "roles/manager/manager_state.h"

/* seq is one higher than of the entry before; what cannot be decoded is a bug or a newer version,
 * and stops the process. */
uint32_t hs_manager_fsm_apply(struct hs_manager_state *state, uint64_t seq, struct hs_view bytes);
void     hs_manager_fsm_save(const struct hs_manager_state *state, struct hs_writer *writer);
/* In place of what is there. 0, or -EPROTO: state is then empty. */
int  hs_manager_fsm_restore(struct hs_manager_state *state, struct hs_view snapshot) HS_MUST_CHECK;
bool hs_manager_fsm_is_blob_needed(const struct hs_manager_state *state,
                                   const struct hs_ledger_digest *digest);

#endif
