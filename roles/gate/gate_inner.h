// SPDX-License-Identifier: Apache-2.0
/* gate_inner.h - what the files of a gate's core say to each other (gate.h lists them). */
#ifndef HS_GATE_GATE_INNER_H
#define HS_GATE_GATE_INNER_H

#include "roles/gate/gate.h"
#include "roles/plan/plan.h"

/* Answers of the ledger find their way by token: those of DC_SLOT entries by what they say, others
 * by number. */
#define HS_GATE_SLOT_TOKEN (UINT64_C(1) << 63)
static inline uint64_t hs_gate_slot_token(uint32_t job_idx, unsigned slot)
{
    return HS_GATE_SLOT_TOKEN | (uint64_t)job_idx << 8 | slot;
}

/* ---- gate.c ---- */

int hs_gate_propose(struct hs_gate *gate, const struct hs_gate_entry *entry,
                    uint64_t token) HS_MUST_CHECK;
/* NULL: as many as may be are on their way already. */
struct hs_gate_pending *hs_gate_take_pending(struct hs_gate *gate, enum hs_gate_pending_kind kind);
/* The client waits for what the pending decides, and keeps its place until then. */
void hs_gate_add_waiter(struct hs_gate *gate, struct hs_gate_pending *pending, unsigned client,
                        uint64_t request_id);
void hs_gate_end_waiter(struct hs_gate *gate, struct hs_gate_waiter *waiter);
struct hs_gate_soft *hs_gate_soft_of(struct hs_gate *gate, const struct hs_gate_job *job);
/* Fresh soft state: its time runs from now on, names come from the plan as far as that can be
 * read. */
void hs_gate_begin_job(struct hs_gate *gate, const struct hs_gate_job *job);

/* ---- gate_watch.c ---- */

void     hs_gate_subscribe(struct hs_gate *gate, unsigned client,
                           const struct hs_msg_subscribe *subscribe, uint64_t request_id);
void     hs_gate_take_event_ack(struct hs_gate *gate, unsigned client,
                                const struct hs_msg_event_ack *ack);
uint64_t hs_gate_turn_watch(struct hs_gate *gate); /* the next moment */

/* ---- gate_submit.c ---- */

void hs_gate_submit(struct hs_gate *gate, unsigned client, const struct hs_msg_submit *submit,
                    uint64_t request_id);
void hs_gate_submit_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code);
/* With a breadcrumb, since a text may be what kills; NULL also when it is set aside for that. Lives
 * until the next one. */
const struct hs_plan *hs_gate_read_plan(struct hs_gate *gate, struct hs_view text,
                                        const uint8_t                  job_id[HS_JOB_ID_BYTES],
                                        const struct hs_ledger_digest *digest,
                                        struct hs_problems            *problems);
/* From the ledger; NULL: it is not to be had. */
const struct hs_plan *hs_gate_plan_of(struct hs_gate *gate, const struct hs_gate_job *job);

/* ---- gate_clients.c ---- */

/* Cuts off a client that does not read. */
void hs_gate_reply(struct hs_gate *gate, unsigned client, enum hs_msg_type type,
                   const void *message, uint64_t request_id);
void hs_gate_cancel_applied(struct hs_gate *gate, struct hs_gate_pending *pending, uint32_t code);

/* ---- gate_nodes.c ---- */

/* The one that leads the datacenter, as far as is known; -1: none is there. */
int  hs_gate_manager_of(const struct hs_gate *gate, const char *datacenter) HS_MUST_CHECK;
bool hs_gate_is_manager_usable(const struct hs_gate *gate, unsigned manager);
void hs_gate_take_hello(struct hs_gate *gate, unsigned manager, const struct hs_msg_hello *hello);
/* It says that it does not lead, and maybe who does. */
void hs_gate_take_hint(struct hs_gate *gate, unsigned manager, const char *leader);
/* Pings, and who has been silent for too long; the next moment. */
uint64_t hs_gate_turn_managers(struct hs_gate *gate);
/* ---- gate_datacenters.c ---- */

void     hs_gate_judge_datacenter(struct hs_gate *gate, const char *name); /* something is new */
uint64_t hs_gate_turn_datacenters(struct hs_gate *gate);                   /* the next moment */
/* For a job that needs so many cores at once; INITIALIZING: not heard of. */
enum hs_dc_state hs_gate_datacenter_state(const struct hs_gate *gate, const char *name,
                                          uint32_t cores_needed);
/* How near it is to this gate, and by which round trip that goes on (0: not known). */
enum hs_locality hs_gate_locality(const struct hs_gate *gate, const char *name,
                                  uint64_t *round_trip_ns);
/* Its place in the table; -1: not heard of; take: it has one from now on, unless 64 others have. */
int hs_gate_place_of(const struct hs_gate *gate, const char *name) HS_MUST_CHECK;
int hs_gate_take_place(struct hs_gate *gate, const char *name) HS_MUST_CHECK;
/* NULL: not heard of. */
const struct hs_reach_facts *hs_gate_reach_of(const struct hs_gate *gate, const char *name);

/* ---- gate_calls.c ---- */

/* May it be given work now? Then the end of that is told with hs_gate_end_call. */
bool hs_gate_begin_call(struct hs_gate *gate, unsigned manager, struct hs_gate_call *call);
/* Nothing happens when nothing waits. */
void hs_gate_end_call(struct hs_gate *gate, struct hs_gate_call *call,
                      enum hs_breaker_outcome outcome);
void hs_gate_drop_calls(struct hs_gate *gate, unsigned manager); /* its link is gone */
/* It has said who it is. */
void hs_gate_meet_manager(struct hs_gate *gate, unsigned manager);

/* ---- gate_managers.c, gate_dispatch.c, gate_results.c ---- */

void hs_gate_send(struct hs_gate *gate, unsigned manager, enum hs_msg_type type,
                  const void *message);
/* about a job */
void hs_gate_note_job(struct hs_gate *gate, enum hs_notice_kind kind,
                      const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t number, const char *text);
void hs_gate_note_latency(struct hs_gate *gate, unsigned manager, enum hs_latency_kind kind,
                          uint64_t sent_at_ns);
/* Everything that a job's datacenters must hear now; the next moment. */
uint64_t hs_gate_turn_job(struct hs_gate *gate, struct hs_gate_job *job);
void     hs_gate_take_dispatch_ack(struct hs_gate *gate, unsigned manager, struct hs_gate_job *job,
                                   unsigned slot, const struct hs_msg_job_dispatch_ack *ack);
void     hs_gate_take_cancel_ack(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot,
                                 const struct hs_msg_job_cancel_ack *ack);
void     hs_gate_take_timeout_ack(struct hs_gate *gate, struct hs_gate_job *job, unsigned slot,
                                  const struct hs_msg_job_timeout_ack *ack);
void     hs_gate_note_slots(struct hs_gate *gate, const struct hs_gate_job *job);

struct hs_gate_told { /* where a DC_RESULTS came from */
    unsigned manager;
    unsigned slot;
    uint64_t request_id;
};

void hs_gate_answer_results(struct hs_gate *gate, unsigned manager, const uint8_t *job_id,
                            uint64_t request_id, uint32_t code);
void hs_gate_take_results(struct hs_gate *gate, const struct hs_gate_job *job,
                          const struct hs_gate_told *told, const struct hs_msg_dc_results *message);
void hs_gate_take_blob_data(struct hs_gate *gate, unsigned manager,
                            const struct hs_msg_blob_data *data);
void hs_gate_drop_fetches(struct hs_gate *gate, unsigned manager); /* it will tell again */

bool     hs_gate_results_applied(struct hs_gate *gate, uint64_t token, uint32_t code);
uint64_t hs_gate_turn_fetches(struct hs_gate *gate); /* the next moment */

/* ---- gate_totals.c ---- */

void hs_gate_show(struct hs_gate *gate, const struct hs_gate_job *job);
/* The results of a job that still runs, as far as one frame holds them. */
struct hs_view hs_gate_partial_results(struct hs_gate *gate, const struct hs_gate_job *job);
/* What a datacenter that is lost has told of a workflow last, as a run record in blob_memory.
 * plan: of the job; NULL: it cannot be read. */
struct hs_view hs_gate_lost_results(struct hs_gate *gate, const struct hs_gate_job *job,
                                    unsigned slot, uint16_t workflow, const struct hs_plan *plan);

/* ---- gate_silence.c ---- */

void hs_gate_begin_silence(struct hs_gate *gate);
void hs_gate_end_silence(struct hs_gate *gate, uint32_t job_idx); /* of a job that is over */
void hs_gate_drop_place(struct hs_gate *gate, uint32_t place);    /* of a datacenter */
/* Its datacenter has said something new of the job. */
void hs_gate_note_news(struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot);
/* The job's part in that datacenter is lost, or will be in a moment: what still comes from there
 * comes too late. */
bool hs_gate_is_given_up(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot);
/* Is it silent about the job for so long, or out of reach, that it may be given up soon? */
bool hs_gate_is_suspected(const struct hs_gate *gate, const struct hs_gate_job *job, unsigned slot);
uint64_t hs_gate_turn_silence(struct hs_gate *gate); /* the next moment */

#endif
