// SPDX-License-Identifier: Apache-2.0
/* gate_machine.h - a machine of the gate for tests, and entries to apply to it, in short. Jobs,
 * requests and records have numbers. */
#ifndef HS_TESTS_GATE_MACHINE_H
#define HS_TESTS_GATE_MACHINE_H

#include "roles/gate/gate_fsm.h"

extern struct hs_gate_fsm gate_machine;
extern uint64_t           gate_seq; /* of the last entry */

void                 gate_begin(void);
void                 gate_fill_id(uint8_t id[16], unsigned number);
uint32_t             gate_apply(const struct hs_gate_entry *entry);
struct hs_gate_entry gate_create_entry(unsigned number, uint16_t workflows, uint16_t slots);
uint32_t             gate_create(unsigned number, uint16_t workflows, uint16_t slots);
uint32_t gate_set_slot(unsigned number, uint16_t slot, enum hs_gate_slot_op op, uint64_t fence);
uint32_t gate_cancel(unsigned number, uint16_t workflow, unsigned request, uint8_t cascade);
uint32_t gate_deadline(unsigned number, enum hs_gate_deadline kind);
struct hs_gate_entry gate_results_entry(unsigned number, uint16_t slot, uint64_t fence);
void gate_add_item(struct hs_gate_entry *entry, uint16_t workflow, unsigned status, uint8_t record);
uint32_t            gate_end_workflow(unsigned number, uint16_t slot, uint16_t workflow,
                                      enum hs_workflow_state state, uint8_t record);
uint32_t            gate_end_slot(unsigned number, uint16_t slot, enum hs_job_state state);
uint32_t            gate_expire(unsigned number);
struct hs_gate_job *gate_job(unsigned number);
unsigned            gate_count_events(const struct hs_gate_job *at, enum hs_event_kind kind);
unsigned            gate_count_records(const struct hs_gate_job *at);

#endif
