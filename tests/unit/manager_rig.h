// SPDX-License-Identifier: Apache-2.0
/* manager_rig.h - a manager's core with everything around it played: a log in memory, a clock that
 * is moved, a gate and workers whose frames are kept. Everything that is due happens in
 * rig_settle. */
#ifndef HS_TESTS_MANAGER_RIG_H
#define HS_TESTS_MANAGER_RIG_H

#include "roles/manager/manager.h"
#include "roles/result_code.h"
#include "shm/base/time.h"

enum { RIG_GATE = 1 << 30 }; /* its link */
enum { RIG_FRAMES = 4096, RIG_BLOBS = 256, RIG_ENTRIES = 8192, RIG_ANSWERS = 512 };

struct rig_frame {
    enum hs_msg_type type;
    uint32_t         link; /* 0: to the gate */
    uint64_t         request_id;
    union hs_msg     message; /* views are gone, but for items and payload, which are copied */
    uint8_t          bytes[8192];
};

struct rig_answer {
    enum hs_ledger_answer_kind kind;
    uint64_t                   token;
    struct hs_view             entry; /* owned */
};

struct rig {
    struct hs_manager        *manager;
    struct hs_manager_memory  memory;
    struct hs_manager_config  config;
    struct hs_manager_actions actions;
    uint64_t                  now_ns;
    uint64_t                  seq;
    bool                      is_log_held; /* nothing becomes durable */
    uint32_t                  full_link;   /* shares find no room on it; 0: all do */
    unsigned                  unsent_count;
    unsigned                  frame_count;
    struct rig_frame          frames[RIG_FRAMES];
    unsigned                  blob_count;
    struct hs_ledger_digest   digests[RIG_BLOBS];
    struct hs_view            blobs[RIG_BLOBS];
    unsigned                  entry_count;
    struct hs_view            entries[RIG_ENTRIES];
    unsigned                  answer_count;
    struct rig_answer         answers[RIG_ANSWERS];
    unsigned                  sample_count; /* all that were noted; the last one is kept */
    struct hs_latency_sample  sample;
};

struct rig *rig_open(void);
void        rig_close(struct rig *rig);
/* The process dies and comes back: only the log, the blobs and the clock stay. The gate's link is
 * up again. */
void rig_restart(struct rig *rig, uint64_t incarnation);
/* Turns and answers until nothing happens any more. */
void rig_settle(struct rig *rig);
void rig_pass(struct rig *rig, uint64_t ns); /* time goes by, in steps of 100 ms at most */
void rig_forget(struct rig *rig);            /* the frames that were sent so far */

void rig_gate_up(struct rig *rig);
/* One of several gates, by its link. */
void rig_other_gate_up(struct rig *rig, uint32_t gate);
void rig_other_gate(struct rig *rig, uint32_t gate, enum hs_msg_type type,
                    const union hs_msg *message);
void rig_gate(struct rig *rig, enum hs_msg_type type, const union hs_msg *message);
void rig_worker(struct rig *rig, uint32_t link, enum hs_msg_type type, const union hs_msg *message);
/* The n-th frame of that type (to that link, or the gate's), from 0; NULL: there is none. */
struct rig_frame *rig_find(struct rig *rig, enum hs_msg_type type, uint32_t link, unsigned n);
unsigned          rig_count(struct rig *rig, enum hs_msg_type type, uint32_t link);

/* Common scenes. Jobs are numbered, workers too: worker n has id {n} and link n unless it came
 * again. */
void rig_dispatch(struct rig *rig, unsigned job, const char *plan);
void rig_register(struct rig *rig, unsigned worker, uint32_t link, uint64_t incarnation,
                  unsigned cores);
/* Answers the open question of what it runs: these execs, as running. */
void rig_tell_state(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *running,
                    unsigned count);
void rig_beat(struct rig *rig, uint32_t link, unsigned execs);
void rig_ack(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *dispatch,
             enum hs_result_code code);
/* sent requests on step 0, whole or as the difference to `before`. */
void rig_progress(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *dispatch,
                  uint64_t sent, uint64_t sequence);
void rig_result(struct rig *rig, uint32_t link, const struct hs_msg_exec_dispatch *dispatch,
                enum hs_exec_outcome outcome, uint64_t sent);
/* The n-th share that was sent to that link. Asserts that there is one. */
const struct hs_msg_exec_dispatch *rig_share(struct rig *rig, uint32_t link, unsigned n);
struct hs_manager_job             *rig_job(struct rig *rig, unsigned job);
struct hs_manager_workflow        *rig_workflow(struct rig *rig, unsigned job, unsigned workflow);
void                               rig_name(uint8_t job_id[16], unsigned job);
struct hs_view                     rig_blob(struct rig *rig, const uint8_t digest[32]);

struct rig *rig_open_with_worker(unsigned cores);
unsigned    rig_dispatch_code(struct rig *rig, unsigned n);
unsigned    rig_last_stage(struct rig *rig, uint32_t link);
void        rig_ack_results(struct rig *rig, unsigned job, unsigned code);
void        rig_cancel(struct rig *rig, unsigned job, unsigned workflow, uint8_t request);
void        rig_release(struct rig *rig, unsigned job);
unsigned    rig_last_items(struct rig *rig, struct hs_msg_result_item *last);

/* Plans: one workflow; b after a, listed backwards; a and b side by side. */
#define RIG_STEPS "\"steps\":[{\"name\":\"home\",\"url\":\"http://127.0.0.1:8080/\"}]"
extern const char rig_one[];
extern const char rig_chain[];
extern const char rig_pair[];

#endif
