// SPDX-License-Identifier: Apache-2.0
/* worker_fixture.h - a table of execs with four engines and a manager, and words to say what
 * happens to it. */
#ifndef HS_TESTS_UNIT_WORKER_FIXTURE_H
#define HS_TESTS_UNIT_WORKER_FIXTURE_H

#include "roles/worker/execs.h"
#include "shm/base/time.h"
#include "tests/check.h"

enum { ENGINES = 4, SESSION = 5, LEADER = 9 };
#define S HS_NS_PER_S

struct worker_fixture {
    struct hs_execs         execs;
    struct hs_execs_actions actions;
    struct hs_exec_facts    facts;
    uint64_t                now_ns;
};

extern struct worker_fixture wf; /* half a megabyte: not for the stack */

void                          wf_step(const struct hs_execs_event *event);
unsigned                      wf_count(enum hs_execs_action_type type);
const struct hs_execs_action *wf_find(enum hs_execs_action_type type);
void              wf_engine_event(enum hs_execs_event_type type, unsigned idx, uint64_t generation);
void              wf_time_out(uint64_t passed_ns);
void              wf_reset(void);
void              wf_register_worker(void);
void              wf_set_up(void);
struct hs_exec_id wf_exec_id(unsigned shard, unsigned attempt);
unsigned wf_send_dispatch(const struct hs_exec_dispatch *dispatch, unsigned shard, unsigned attempt,
                          uint64_t fence, uint64_t manager_fence);
struct hs_exec_dispatch wf_of_cores(unsigned cores);
unsigned                wf_dispatch(unsigned shard, uint64_t fence, unsigned cores);
struct hs_exec         *wf_row_of(unsigned shard);
unsigned                wf_state_of(unsigned shard);
void                    wf_prepared(unsigned shard, int code);
void wf_run_event(enum hs_execs_event_type type, const struct hs_exec_part *part, int code);
void wf_all_parts(unsigned shard, enum hs_execs_event_type type);
void wf_start(unsigned shard, uint64_t fence, unsigned cores);
void wf_ack_result(unsigned shard, uint64_t fence, int stage);
void wf_cancel(unsigned shard, uint64_t fence);

#endif
