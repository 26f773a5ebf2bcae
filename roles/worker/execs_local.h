// SPDX-License-Identifier: Apache-2.0
/* execs_local.h - what the files of the table of execs share; for execs*.c only. */
#ifndef HS_WORKER_EXECS_LOCAL_H
#define HS_WORKER_EXECS_LOCAL_H

#include "roles/worker/execs.h"
#include "shm/base/time.h"

#define HS_PART_START_TIMEOUT_NS   (10 * HS_NS_PER_S) /* jobs.md 6.6: RESERVED */
#define HS_EXEC_PREPARE_TIMEOUT_NS (30 * HS_NS_PER_S)
#define HS_EXEC_STOP_GRACE_NS      (5 * HS_NS_PER_S)
#define HS_ENGINE_AWAY_NS          (2 * HS_NS_PER_S) /* longer away: its core is not promised */

/* How and why an exec is being stopped. */
struct hs_exec_end {
    enum hs_exec_outcome outcome;
    const char          *text;
    uint64_t             grace_ns;
};

struct hs_execs_action *hs_execs_push(struct hs_execs_actions  *actions,
                                      enum hs_execs_action_type type);
uint64_t                hs_execs_new_id(struct hs_execs *execs);
bool                    hs_exec_is_live(const struct hs_exec *exec); /* RESERVED to STOPPING */
void hs_execs_add_tombstone(struct hs_execs *execs, const struct hs_exec_id *id, uint64_t fence,
                            unsigned state, uint64_t now_ns);
/* Same job, workflow and shard, whatever the attempt. */
bool hs_exec_is_same_shard(const struct hs_exec_id *a, const struct hs_exec_id *b);

/* execs_dispatch.c: what the manager says */
struct hs_exec *hs_execs_find(struct hs_execs             *execs,
                              const struct hs_execs_event *event); /* id, fence */

void hs_execs_on_dispatch(struct hs_execs *execs, uint64_t now_ns,
                          const struct hs_execs_event *event, struct hs_execs_actions *actions);
void hs_execs_on_cancel(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                        struct hs_execs_actions *actions);
void hs_execs_on_release(struct hs_execs *execs, uint64_t now_ns,
                         const struct hs_execs_event *event, struct hs_execs_actions *actions);
void hs_execs_on_progress_ack(struct hs_execs *execs, uint64_t now_ns,
                              const struct hs_execs_event *event, struct hs_execs_actions *actions);

/* execs_results.c: results that wait for a manager */
void     hs_execs_tell_result(struct hs_execs *execs, unsigned row, uint64_t now_ns,
                              struct hs_execs_actions *actions);
uint64_t hs_execs_result_deadline_ns(const struct hs_execs *execs, const struct hs_exec *exec);
void     hs_execs_on_result_ack(struct hs_execs *execs, const struct hs_execs_event *event);
void     hs_exec_result_is_due(struct hs_exec *exec,
                               uint64_t        now_ns); /* and then less and less often */
/* The table is full: gives up the waiting result that is worth least. Its row is free once it has
 * been forgotten, which is after this step. */
void hs_execs_make_room(struct hs_execs *execs);

/* execs_extension.c: more time from the manager */
uint64_t hs_execs_extend_at_ns(const struct hs_execs *execs);
void     hs_execs_ask_extension(struct hs_execs *execs, uint64_t now_ns,
                                struct hs_execs_actions *actions);
void     hs_execs_on_extension(struct hs_execs *execs, uint64_t now_ns,
                               const struct hs_execs_event *event);

/* execs_parts.c: what happens at the engines */
bool hs_execs_is_engine_free(const struct hs_execs *execs, unsigned idx, uint64_t now_ns);
bool hs_execs_reserve(struct hs_execs *execs, struct hs_exec *exec, unsigned cores,
                      uint64_t now_ns);
void hs_execs_on_prepared(struct hs_execs *execs, uint64_t now_ns,
                          const struct hs_execs_event *event, struct hs_execs_actions *actions);
void hs_execs_on_engine(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                        struct hs_execs_actions *actions);
void hs_execs_on_run(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                     struct hs_execs_actions *actions);
/* No part begins any more, those that run may finish until now + grace_ns; then FINISHED with this
 * outcome. */
void     hs_exec_begin_stop(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns,
                            const struct hs_exec_end *end, struct hs_execs_actions *actions);
void     hs_exec_check_deadlines(struct hs_execs *execs, struct hs_exec *exec, uint64_t now_ns,
                                 struct hs_execs_actions *actions);
uint64_t hs_exec_parts_deadline_ns(const struct hs_exec *exec);

#endif
