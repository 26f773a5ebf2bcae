// SPDX-License-Identifier: Apache-2.0
/* swim_inner.h - what the files of swim.h share among themselves: numbers of questions, timers, and
 * the questions for others. Nobody else includes this. Pure. */
#ifndef HS_CLUSTER_SWIM_INNER_H
#define HS_CLUSTER_SWIM_INNER_H

#include "roles/cluster/swim.h"
#include "shm/base/assert.h"

/* A question's number: the slot that asked, and how often that was used before. */
enum {
    HS_SWIM_SLOT_BITS = 9,
    HS_SWIM_SLOT_COUNT = HS_SWIM_PROBES + HS_PROBE_RELAYS,
    HS_SWIM_ROUND_SLOT = HS_SWIM_SLOT_COUNT, /* timers of no question */
    HS_SWIM_SAMPLE_SLOT,
    HS_SWIM_TIMER_SLOTS,
    HS_SWIM_SLOT_MASK = (1 << HS_SWIM_SLOT_BITS) - 1
};
HS_STATIC_ASSERT(HS_SWIM_SLOT_COUNT <= 1 << HS_SWIM_SLOT_BITS, "a slot fits into its bits");

/* Timers: by member its accusation, then by slot. */
uint32_t               hs_swim_slot_timer(const struct hs_swim *swim, uint32_t slot);
uint32_t               hs_swim_number(uint32_t slot, uint32_t generation);
struct hs_swim_action *hs_swim_add(struct hs_swim_actions *actions, enum hs_swim_action_type type,
                                   uint32_t to_idx, uint32_t member_idx);
/* rtt_ns: 0: not known. */
void hs_swim_note_answer(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                         uint64_t rtt_ns, struct hs_swim_actions *actions);

/* ---- swim_relay.c: questions for others */

void hs_swim_on_ping_req(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                         struct hs_swim_actions *actions);
/* idx: of the relay. */
void hs_swim_on_relay_timer(struct hs_swim *swim, uint32_t idx, struct hs_swim_actions *actions);
/* false: it answers none of them. */
bool hs_swim_on_relay_ack(struct hs_swim *swim, uint64_t now_ns, const struct hs_swim_event *event,
                          struct hs_swim_actions *actions);

#endif
