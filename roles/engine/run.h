// SPDX-License-Identifier: Apache-2.0
/* run.h - one share of an exec under way in an engine: its virtual users, their connections, its
 * figures. run_io.c decides which virtual user begins when, exchange_io.c carries one request over
 * one connection. Does not talk to the worker (engine_io.c). All memory is taken when the run
 * opens; while it goes on nothing is allocated.
 *
 *   vu: a virtual user; walks through the steps, at most one request under way
 *   lane: a connection of a virtual user to one target; a vu has one per target, or one in all when
 *         those were too many */
#ifndef HS_ENGINE_RUN_H
#define HS_ENGINE_RUN_H

#include "ipc/loop.h"
#include "ipc/timer_wheel.h"
#include "roles/engine/pace.h"
#include "roles/engine/wakeups.h"
#include "roles/protocol/http1.h"
#include "roles/stats/figures.h"

enum {
    HS_ENGINE_HEAD_BYTES = 8 << 10,  /* of an answer's head that checks may look at */
    HS_ENGINE_BODY_BYTES = 64 << 10, /* of its body */
    HS_ENGINE_START_BURST = 64,      /* iterations begun in one turn: reading must not starve */
    HS_ENGINE_TIMEOUT_BURST = 256    /* deadlines looked at in one turn */
};

enum hs_lane_state {
    HS_LANE_CLOSED,
    HS_LANE_CONNECTING,
    HS_LANE_IDLE, /* connected, nothing asked */
    HS_LANE_BUSY, /* a request is under way */
    HS_LANE_CLOSING
};

struct hs_lane {
    struct hs_stream stream;
    struct hs_http1  parser;
    struct hs_run   *run;
    uint32_t         vu_idx;
    uint32_t         target_idx;
    uint32_t         answer_count; /* over this connection */
    int              open_code; /* CLOSED: why it could not even begin to connect; 0: did not try */
    uint8_t          state;     /* enum hs_lane_state */
    bool             is_sending; /* a reported send has not left yet */
};

enum hs_vu_state {
    HS_VU_FREE,     /* open: may take an arrival; closed: has finished */
    HS_VU_SLEEPING, /* between steps or iterations */
    HS_VU_ASKING    /* a request has been counted as sent and has no outcome yet */
};

struct hs_vu {
    uint64_t       due_ns;      /* when the schedule, or the step before, asked for the request */
    uint64_t       taken_ns;    /* when it was taken up */
    uint64_t       first_ns;    /* first byte handed to the kernel */
    uint64_t       answered_ns; /* first byte of the answer; 0: none yet */
    uint64_t       deadline_ns;
    uint64_t       iteration;
    uint64_t       seq;
    struct hs_rand rand;
    uint32_t       number; /* in the run: ${vu} */
    uint32_t       step_idx;
    uint32_t       next_free;
    uint8_t        state;      /* enum hs_vu_state */
    bool           is_warmup;  /* this request's figures go there */
    bool           is_retried; /* a closed idle connection was met once already */
    bool           begins;     /* SLEEPING: wakes to a new iteration, not to the next step */
};

enum hs_run_phase {
    HS_RUN_WAITING, /* for its start */
    HS_RUN_LOADING,
    HS_RUN_DRAINING, /* nothing begins; what is under way may finish */
    HS_RUN_CLOSING,  /* connections */
    HS_RUN_OVER
};

struct hs_run_setup {
    struct hs_loop                 *loop;
    struct hs_figures_shm          *figures;
    uint64_t                        generation; /* of this engine */
    uint32_t                        connections_max;
    const char                     *worker_name;
    const char                     *datacenter;
    uint64_t                        wall_offset_ns; /* time of day less monotonic */
    const struct hs_image_header   *image;          /* checked; lives until hs_run_close */
    const struct hs_engine_command *order;
};

struct hs_run {
    struct hs_run_setup           setup;
    struct hs_engine_command      order;
    const struct hs_image_header *image;
    struct hs_loop               *loop;
    struct hs_pace                pace;
    enum hs_run_phase             phase;
    int                           code; /* why it failed; 0: it did not */
    char                          text[96];
    uint64_t                      begun_at_ns; /* closed: when the first requests were due */
    uint32_t                      vu_count;
    uint32_t                      lanes_per_vu;
    uint32_t                      begun_vus;    /* closed: started so far */
    uint32_t                      active_count; /* vus that do not rest */
    uint32_t      between_count; /* of those, asleep between two iterations: nothing is under way */
    uint32_t      open_lanes;
    uint32_t      free_head; /* open: list of free vus, last used first */
    uint64_t      asked_count;
    struct hs_vu *vus;
    struct hs_lane              *lanes;
    struct hs_timer             *timers; /* index: vu; request deadlines */
    struct hs_timer_wheel        wheel;
    struct hs_wakeups            wakeups;
    struct hs_figures_page_shm **pages;   /* [is_warmup * step_count + step] */
    uint8_t                     *scratch; /* request_bytes per vu, when requests are rendered */
    uint8_t                     *capture; /* head and body of an answer per vu, when checks look */
    void                        *memory;
    size_t                       memory_bytes;
};

/* run_io.c */
int  hs_run_open(struct hs_run **out, const struct hs_run_setup *setup,
                 struct hs_err *err) HS_MUST_CHECK;
void hs_run_close(struct hs_run **run); /* when it is over */
/* Everything that is due. Returns the next deadline. */
uint64_t hs_run_turn(struct hs_run *run, uint64_t now_ns);
void     hs_run_stop(struct hs_run *run, uint64_t now_ns, uint64_t deadline_ns);
/* The request of this vu has had its outcome: on to the next step, iteration, or rest. */
void hs_run_advance(struct hs_run *run, struct hs_vu *vu, uint64_t now_ns, bool has_failed);

/* exchange_io.c */
/* ready_ns: since when the vu could have begun, if that is later than due_ns: only the rest is the
 * engine's own lateness. */
void hs_exchange_begin(struct hs_run *run, struct hs_vu *vu, uint64_t due_ns, uint64_t ready_ns,
                       uint64_t now_ns);
void hs_exchange_timeout(struct hs_run *run, struct hs_vu *vu, uint64_t now_ns);
void hs_exchange_close_lane(struct hs_lane *lane, bool is_abort);

static inline uint32_t hs_run_vu_idx(const struct hs_run *run, const struct hs_vu *vu)
{
    return (uint32_t)(vu - run->vus);
}

static inline struct hs_figures_page_shm *hs_run_page(const struct hs_run *run,
                                                      const struct hs_vu  *vu)
{
    return run->pages[(vu->is_warmup ? run->image->step_count : 0) + vu->step_idx];
}

#endif
