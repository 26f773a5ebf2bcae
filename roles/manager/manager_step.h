// SPDX-License-Identifier: Apache-2.0
/* manager_step.h - between the files of the manager's core: what one event or turn works with, and
 * what they do for one another. Nobody else's. */
#ifndef HS_MANAGER_STEP_H
#define HS_MANAGER_STEP_H

#include "roles/manager/manager.h"
#include "roles/result_code.h"
#include "shm/base/time.h"

#include <string.h>

struct hs_manager_step {
    struct hs_manager         *manager;
    struct hs_manager_actions *actions;
    uint64_t                   now_ns;
    uint64_t                   deadline_ns; /* of a turn: when to come again */
    uint32_t                   gate;        /* link of the gate that is to be answered; 0: none */
};

/* One job's place in all tables. */
struct hs_manager_place {
    struct hs_manager_job  *job;
    struct hs_manager_soft *soft;
    uint32_t                idx;
};

/* Tokens of blobs to read. */
enum hs_manager_read { HS_READ_PLAN = 1, HS_READ_MAKER_PLAN, HS_READ_MAKER_RESULT };

static inline void hs_manager_due(struct hs_manager_step *step, uint64_t deadline_ns)
{
    if (deadline_ns < step->deadline_ns) step->deadline_ns = deadline_ns;
}

/* An event begins with nothing to do, and is followed by a look at everything. */
static inline struct hs_manager_step hs_manager_begin(struct hs_manager *manager, uint64_t now_ns,
                                                      struct hs_manager_actions *actions)
{
    actions->count = 0;
    actions->used_bytes = 0;
    actions->sample_count = 0;
    actions->event_count = 0;
    manager->is_dirty = true;
    return (struct hs_manager_step){
        .manager = manager, .actions = actions, .now_ns = now_ns, .deadline_ns = HS_NEVER_NS};
}

/* The configuration says who leads. */
static inline bool hs_manager_may_lead(const struct hs_manager *manager)
{
    return !manager->config.leader[0] || strcmp(manager->config.leader, manager->config.name) == 0;
}

/* manager.c */
bool                    hs_manager_find_place(struct hs_manager *manager, const uint8_t job_id[16],
                                              struct hs_manager_place *place);
struct hs_manager_flow *hs_manager_flow_at(struct hs_manager           *manager,
                                           const struct hs_manager_job *job, unsigned idx);
struct hs_manager_exec *hs_manager_exec_at(struct hs_manager                *manager,
                                           const struct hs_manager_workflow *workflow,
                                           unsigned                          idx);
uint64_t                hs_manager_live_key(unsigned shard, unsigned attempt);
uint8_t hs_manager_shown_status(struct hs_manager *manager, const struct hs_manager_job *job);
void    hs_manager_read_blob(struct hs_manager_step *step, enum hs_manager_read what, uint32_t idx,
                             const struct hs_ledger_digest *digest);
bool    hs_manager_is_quarantined(const struct hs_manager       *manager,
                                  const struct hs_ledger_digest *digest);

/* manager_proposals.c: a free one or NULL (busy); then one of the other two. */
struct hs_manager_proposal *hs_manager_prepare(struct hs_manager_step    *step,
                                               enum hs_manager_entry_kind kind);
void hs_manager_propose(struct hs_manager_step *step, struct hs_manager_proposal *proposal);
/* The blob first, then the entry. */
void hs_manager_propose_after(struct hs_manager_step *step, struct hs_manager_proposal *proposal,
                              struct hs_view blob);

/* manager_latency.c: pings of workers, and how long they and new shares take to be answered. */
void hs_manager_turn_pings(struct hs_manager_step *step);
void hs_manager_take_pong(struct hs_manager_step *step, struct hs_manager_worker *worker,
                          const struct hs_msg_pong *pong);
void hs_manager_note_latency(struct hs_manager_step *step, const struct hs_manager_worker *worker,
                             enum hs_latency_kind kind, uint64_t sent_at_ns);

/* manager_intake.c */
void hs_manager_take_dispatch(struct hs_manager_step           *step,
                              const struct hs_msg_job_dispatch *dispatch, uint64_t request_id);
void hs_manager_take_plan_piece(struct hs_manager_step *step, const struct hs_msg_blob_data *data);
/* It was dispatched, and whether it becomes a job is not decided yet. */
bool hs_manager_is_coming(struct hs_manager *manager, const uint8_t job_id[16]);
/* Jobs whose plan is on its way from a gate that is gone. */
void hs_manager_drop_fetching(struct hs_manager *manager, uint32_t gate);
void hs_manager_turn_intakes(struct hs_manager_step *step);
void hs_manager_end_intake(struct hs_manager_step *step, const struct hs_manager_proposal *proposal,
                           uint32_t code);
/* Reads the plan again, after a restart. */
void            hs_manager_load_plan(struct hs_manager_step *step, struct hs_manager_place *place,
                                     struct hs_view text);
struct hs_plan *hs_manager_parse(struct hs_manager *manager, struct hs_view text, char *why,
                                 size_t why_bytes);
uint64_t        hs_manager_planned_ns(const struct hs_plan *plan);

/* manager_gates.c */
/* Link of the gate that hears of this job; 0: it is not connected, or not known any more. */
uint32_t hs_manager_gate_of(const struct hs_manager *manager, const struct hs_manager_soft *soft);
/* The gate that is being answered owns this job. */
void hs_manager_note_owner(struct hs_manager_step *step, const uint8_t job_id[16]);

/* manager_gate.c */
void hs_manager_answer_cancel(struct hs_manager_step           *step,
                              const struct hs_manager_proposal *proposal, uint32_t code);
void hs_manager_answer_gate(struct hs_manager_step           *step,
                            const struct hs_manager_proposal *proposal, uint32_t code);
bool hs_manager_is_tombstone(const struct hs_manager *manager, const uint8_t job_id[16],
                             uint64_t gate_fence, uint64_t now_ns);

/* manager_results.c */
void hs_manager_take_result(struct hs_manager_step *step, uint32_t link,
                            const struct hs_msg_exec_result *result);
void hs_manager_answer_result(struct hs_manager_step           *step,
                              const struct hs_manager_proposal *proposal, uint32_t code);
void hs_manager_turn_assemblies(struct hs_manager_step *step);

/* manager_records.c */
void hs_manager_turn_maker(struct hs_manager_step *step);
void hs_manager_maker_blob(struct hs_manager_step *step, enum hs_manager_read what,
                           struct hs_view bytes);
bool hs_manager_needs_record(struct hs_manager                *manager,
                             const struct hs_manager_workflow *workflow);

/* manager_execs.c */
void hs_manager_turn_workflow(struct hs_manager_step *step, struct hs_manager_place *place,
                              unsigned idx);
void hs_manager_kill_exec(struct hs_manager_step *step, uint32_t link, const struct hs_exec_id *id,
                          uint64_t exec_fence, const char *reason);
void hs_manager_end_applied(struct hs_manager_step *step, const struct hs_manager_end *end);
bool hs_manager_propose_end(struct hs_manager_step *step, const struct hs_exec_id *id,
                            uint64_t exec_fence, enum hs_exec_outcome outcome, const char *text);

/* manager_silence.c: jobs that a worker is silent about although it lives */
void hs_manager_turn_silence(struct hs_manager_step *step);
/* Something of the job runs there; a report of it came, numbered by its worker (0: always news). */
void hs_manager_watch(struct hs_manager_step *step, const struct hs_manager_place *place,
                      const struct hs_manager_worker *worker, uint64_t seq);
/* A share of it has ended there, or ends. */
void               hs_manager_rest(struct hs_manager *manager, const struct hs_manager_place *place,
                                   const uint8_t worker_id[16]);
enum hs_job_health hs_manager_health(const struct hs_manager        *manager,
                                     const struct hs_manager_job    *job,
                                     const struct hs_manager_worker *worker);

/* manager_extension.c */
void hs_manager_take_extend(struct hs_manager_step *step, struct hs_manager_worker *worker,
                            const struct hs_msg_extend *extend, uint64_t frame_id);
void hs_manager_refuse_extend(struct hs_manager_step *step, uint32_t link, uint64_t frame_id);
/* How much longer a job with this limit may take for what its workers were given. */
uint64_t hs_manager_extended_ns(const struct hs_manager_place *place);

/* manager_calls.c: leave to give a worker a share, and how that ended */
bool hs_manager_begin_call(struct hs_manager_step *step, struct hs_manager_worker *worker,
                           struct hs_manager_exec *exec);
void hs_manager_end_call(struct hs_manager_step *step, struct hs_manager_worker *worker,
                         struct hs_manager_exec *exec, enum hs_breaker_outcome outcome);

/* manager_schedule.c */
void hs_manager_turn_schedule(struct hs_manager_step *step);
void hs_manager_assign_applied(struct hs_manager_step *step, const struct hs_manager_assign *assign,
                               uint32_t code);

/* manager_report.c */
/* Since the job began. */
uint64_t hs_manager_elapsed_ns(struct hs_manager_step *step, const struct hs_manager_place *place);
void     hs_manager_turn_report(struct hs_manager_step *step, struct hs_manager_place *place);
void     hs_manager_turn_heartbeat(struct hs_manager_step *step);
void     hs_manager_take_results_ack(struct hs_manager_step             *step,
                                     const struct hs_msg_dc_results_ack *ack, uint64_t request_id);

#endif
