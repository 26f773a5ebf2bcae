// SPDX-License-Identifier: Apache-2.0
/* execs.h - what a worker decides: which shares it takes, when its engines start and stop, what
 * happens when one dies, when figures and results are sent, and until when they are kept
 * (jobs.md 6.6, 7.9). Pure: event and now in, actions and a deadline out. Knows no plans, figures
 * or links: the driver (worker_io.c) stores what is dirty, then carries the actions out. */
#ifndef HS_WORKER_EXECS_H
#define HS_WORKER_EXECS_H

#include "roles/result_code.h"
#include "roles/worker/exec_record.h"
#include "shm/base/err.h"

#include <stdbool.h>

#define HS_EXEC_SET_ASIDE_TEXT "this plan has killed two processes: set aside"
#define HS_EXEC_DRAINED_TEXT   "drain: the daemon of its worker was stopped"

enum {
    HS_EXEC_TOMBSTONES = 2 * HS_EXECS_PER_WORKER_MAX, /* the oldest goes */
    /* All engines started or stopped, and per exec: forget, release, progress, result. */
    HS_EXECS_ACTIONS_MAX = 2 * HS_ENGINES_MAX + 6 * HS_EXECS_PER_WORKER_MAX + 8
};

struct hs_execs_config {
    uint32_t engine_count;
    uint64_t generation; /* of this worker process: makes run ids unique */
    uint64_t heartbeat_interval_ns;
    uint64_t progress_interval_ns;
    uint64_t cumulative_interval_ns;
    uint64_t orphan_after_ns;
    uint64_t orphan_grace_ns;
};

struct hs_worker_engine {
    uint64_t generation;      /* of the life that said IDLE or whose link came */
    uint64_t idle_generation; /* that said IDLE: only this one takes commands */
    uint64_t busy_run_id; /* a run that was given up but has not said that it is over; 0: none */
    uint64_t busy_generation; /* the life that it was given to */
    uint64_t down_since_ns;
    uint32_t exec_row; /* row + 1 of the exec that has it reserved; 0: free */
    bool     is_up;
};

struct hs_exec {
    struct hs_exec_record record;
    /* What follows is made again after a restart. */
    bool     is_dirty; /* the driver has to store the record before it acts */
    bool     has_image, needs_full;
    bool     is_received;      /* FINISHED: a manager has its result, though not yet durable */
    uint64_t unsure_parts;     /* bits: SENT by a predecessor, who may not have lived to do it */
    uint64_t stop_deadline_ns; /* STOPPING: when it ends even if engines have not answered */
    uint64_t progress_at_ns;
    uint64_t told_at_ns; /* when a manager could last hear of it */
    uint64_t full_at_ns;
    uint64_t result_at_ns;
    uint64_t result_wait_ns;
};

struct hs_exec_tombstone {
    struct hs_exec_id id;
    uint32_t          state; /* enum hs_exec_state at its end; NONE: never ran here */
    uint64_t          fence;
    uint64_t          at_ns; /* 0: free */
};

struct hs_execs {
    struct hs_execs_config   config;
    struct hs_worker_engine  engines[HS_ENGINES_MAX];
    struct hs_exec           rows[HS_EXECS_PER_WORKER_MAX];
    struct hs_exec_tombstone tombstones[HS_EXEC_TOMBSTONES];
    uint64_t                 next_id; /* run, figures and image ids */
    uint64_t                 manager_fence;
    uint64_t                 session; /* 0: not registered */
    bool                     is_linked;
    bool                     is_draining;
    bool                     is_stopping;
    bool                     needs_heartbeat;
    uint64_t                 alone_since_ns;
    uint64_t                 register_at_ns;
    uint64_t                 heartbeat_at_ns;
    uint64_t                 silent_ns;   /* so long a job may be silent; 0: not told */
    uint64_t                 extended_ns; /* and so much longer now */
    uint64_t                 ask_at_ns;   /* for more time: not before */
    uint64_t                 dropped_results;
    uint64_t                 restarts; /* shares given to a successor, for the counters */
};

enum hs_execs_event_type {
    HS_EXECS_DISPATCH,    /* dispatch */
    HS_EXECS_PREPARED,    /* row, code, text, facts: the image is ready (or will never be) */
    HS_EXECS_ENGINE_UP,   /* engine_idx, generation: its link is there */
    HS_EXECS_ENGINE_DOWN, /* engine_idx, generation */
    HS_EXECS_ENGINE_IDLE, /* engine_idx, generation */
    HS_EXECS_RUN_STARTED, /* engine_idx, generation, run_id */
    HS_EXECS_RUN_ENDED,   /* engine_idx, generation, run_id, code, text */
    HS_EXECS_LINK_UP,     /* to the manager */
    HS_EXECS_LINK_DOWN,
    HS_EXECS_REGISTERED,   /* code, session, manager_fence, wait_ns */
    HS_EXECS_CANCEL,       /* id, fence, manager_fence, session, wait_ns: grace, text */
    HS_EXECS_PROGRESS_ACK, /* id, fence, code, is_full, is_stop */
    HS_EXECS_RESULT_ACK,   /* id, fence, code: enum hs_result_stage */
    HS_EXECS_EXTENSION,    /* code: enum hs_extension_code, wait_ns: granted */
    HS_EXECS_RELEASE,      /* id.job_id, workflow */
    HS_EXECS_RECONCILE,    /* manager_fence */
    HS_EXECS_SET_ASIDE,    /* plan_word: of a plan that kills; what runs of it ends */
    HS_EXECS_DRAIN,
    HS_EXECS_STOP, /* wait_ns: until when engines may finish */
    HS_EXECS_TIMEOUT
};

struct hs_execs_event {
    enum hs_execs_event_type       type;
    const struct hs_exec_dispatch *dispatch;
    const struct hs_exec_facts    *facts;
    const char                    *text;
    struct hs_exec_id              id;
    uint64_t                       fence;
    uint64_t                       manager_fence;
    uint64_t                       session;
    uint64_t                       generation;
    uint64_t                       run_id;
    uint64_t                       wait_ns;
    uint64_t                       silent_ns;
    uint64_t                       plan_word;
    unsigned                       row;
    unsigned                       engine_idx;
    unsigned                       workflow;
    int                            code;
    bool                           is_full;
    bool                           is_stop;
};

enum hs_execs_action_type {
    HS_EXECS_DO_ACK,      /* answer the dispatch: id, fence, code, state, cores, text */
    HS_EXECS_DO_FETCH,    /* get the plan of this dispatch and bring it again */
    HS_EXECS_DO_PREPARE,  /* row: read, resolve, compile */
    HS_EXECS_DO_START,    /* row, part: image and START to its engine */
    HS_EXECS_DO_STOP,     /* row, part, deadline_ns */
    HS_EXECS_DO_REGISTER, /* HELLO and WREG */
    HS_EXECS_DO_HEARTBEAT,
    HS_EXECS_DO_PROGRESS,   /* row, is_full */
    HS_EXECS_DO_RESULT,     /* row */
    HS_EXECS_DO_FORGET,     /* row: its figures may go; the row is free afterwards */
    HS_EXECS_DO_ACK_CANCEL, /* id, fence, code, state */
    HS_EXECS_DO_STATE,      /* WSTATE */
    HS_EXECS_DO_EXTEND      /* EXTEND; code: enum hs_extension_reason, cores: silent shares */
};

struct hs_execs_action {
    enum hs_execs_action_type type;
    struct hs_exec_id         id;
    uint64_t                  fence;
    uint64_t                  deadline_ns;
    unsigned                  row;
    unsigned                  part;
    unsigned                  code;  /* enum hs_result_code */
    unsigned                  state; /* enum hs_exec_state */
    unsigned                  cores;
    bool                      is_full;
    const char               *text; /* a literal */
};

struct hs_execs_actions {
    unsigned               count;
    struct hs_execs_action at[HS_EXECS_ACTIONS_MAX];
};

void hs_execs_init(struct hs_execs *execs, const struct hs_execs_config *config, uint64_t now_ns);
/* Before a successor's first step, the head first. False: the row makes no sense. */
void hs_execs_adopt_head(struct hs_execs *execs, const struct hs_exec_ledger_head *head);
bool hs_execs_adopt(struct hs_execs *execs, unsigned row, const struct hs_exec_record *record,
                    uint64_t now_ns);
void hs_execs_save_head(const struct hs_execs *execs, struct hs_exec_ledger_head *head);
/* The row to be stored next, those that let go of cores first; HS_EXECS_PER_WORKER_MAX: none. */
unsigned hs_execs_next_dirty(const struct hs_execs *execs);
void     hs_execs_step(struct hs_execs *execs, uint64_t now_ns, const struct hs_execs_event *event,
                       struct hs_execs_actions *actions);
uint64_t hs_execs_deadline_ns(const struct hs_execs *execs);
/* The driver has sent its progress. */
void hs_execs_told(struct hs_execs *execs, unsigned row, uint64_t now_ns);
/* The driver has carried out DO_FORGET: the row is free, a tombstone stays. */
void               hs_execs_bury(struct hs_execs *execs, unsigned row, uint64_t now_ns);
unsigned           hs_execs_free_cores(const struct hs_execs *execs, uint64_t now_ns);
uint64_t           hs_execs_engines_mask(const struct hs_execs *execs);
unsigned           hs_execs_live_count(const struct hs_execs *execs);    /* RESERVED to STOPPING */
unsigned           hs_execs_waiting_count(const struct hs_execs *execs); /* FINISHED */
enum hs_exec_phase hs_exec_phase_at(const struct hs_exec_record *record, uint64_t now_ns);
uint64_t           hs_exec_elapsed_ns(const struct hs_exec_record *record, uint64_t now_ns);
bool hs_execs_is_done(const struct hs_execs *execs); /* stopped, nothing is left to say */
bool hs_execs_validate(const struct hs_execs *execs);

#endif
