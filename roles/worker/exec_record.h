// SPDX-License-Identifier: Apache-2.0
/* exec_record.h - what a worker has to know of an exec to go on with it after its own death: fixed
 * layout, no pointers. Lies in the table of execs (execs.h) and, latched, in the exec ledger
 * (exec_ledger.h). Pure data.
 *
 * An exec is spread over `part_count` parts, one per reserved engine. A part's figures are named by
 * figures_id; when work that is bounded by iterations is run again from its beginning, the part
 * takes a new name and the old one becomes void. */
#ifndef HS_WORKER_EXEC_RECORD_H
#define HS_WORKER_EXEC_RECORD_H

#include "roles/exec_state.h"
#include "shm/base/assert.h"
#include "shm/base/limits.h"

#include <stdint.h>

enum {
    HS_EXEC_TEXT_BYTES = 128,
    HS_PART_VOID_MAX = 4 /* engines that may die under one part; one more and it has failed */
};

enum hs_part_state {
    HS_PART_WAITING, /* for the image, or for its engine to come (back) */
    HS_PART_SENT,    /* START was given, nothing heard yet */
    HS_PART_RUNNING,
    HS_PART_OVER,
    HS_PART_FAILED
};

struct hs_exec_part {
    uint64_t run_id;            /* of the last START; 0: never started */
    uint64_t engine_generation; /* that it was given to */
    uint64_t figures_id;
    uint64_t iterations; /* 0: not bounded by iterations */
    uint64_t in_flight_max;
    uint64_t deadline_ns; /* WAITING, SENT: when it counts as failed */
    uint64_t void_figures[HS_PART_VOID_MAX];
    uint32_t void_count;
    uint32_t state; /* enum hs_part_state */
    uint32_t engine_idx;
    uint32_t is_resumed; /* the next START finds figures of a dead engine */
    uint32_t share_idx;
    uint32_t share_count;
    uint32_t vu_first;
    uint32_t vu_count;
};

/* As in EXEC_DISPATCH. */
struct hs_exec_dispatch {
    uint64_t session;
    uint8_t  digest[HS_DIGEST_BYTES];
    uint64_t vus;
    uint64_t iterations;
    uint64_t connections;
    uint64_t start_delay_ns;
    uint64_t timeout_ns;
    uint32_t vus_first;
    uint32_t share;
    uint32_t share_first;
    uint32_t share_total;
    uint32_t cores;
    bool     has_plan; /* its text is at hand, else the driver has to get it */
    bool     is_digest_wrong;
};

/* What the compiled image said about the run. */
struct hs_exec_facts {
    uint64_t warmup_ns;
    uint64_t duration_ns; /* 0: bounded by iterations only */
    uint64_t drain_ns;
    uint64_t vus;
    uint64_t iterations;
    uint64_t iterations_per_vu;
    uint64_t max_in_flight;
    uint32_t is_open;
    uint32_t step_count;
};

struct hs_exec_record {
    struct hs_exec_id    id;
    uint32_t             state; /* enum hs_exec_state; HS_EXEC_NONE: a free row */
    uint64_t             fence; /* xf: of the assignment */
    uint8_t              digest[HS_DIGEST_BYTES];
    uint64_t             vus; /* of this share, as dispatched */
    uint64_t             iterations;
    uint64_t             connections;
    uint64_t             start_delay_ns;
    uint64_t             timeout_ns; /* from the start; 0: none */
    uint64_t             image_token;
    uint64_t             accepted_at_ns;
    uint64_t             start_at_ns; /* moment 0 of the schedule; 0: not yet */
    uint64_t             ended_at_ns;
    uint32_t             vus_first;
    uint32_t             share_first;
    uint32_t             share_total;
    uint32_t             outcome;     /* enum hs_exec_outcome, when FINISHED or STOPPING */
    uint32_t             restarts;    /* engines that died under it */
    uint32_t             is_unwanted; /* nobody waits for its result: forget it when it has ended */
    uint32_t             is_started;  /* its parts have been given their shares */
    uint32_t             part_count;  /* cores */
    char                 text[HS_EXEC_TEXT_BYTES]; /* why it ended so */
    struct hs_exec_facts facts;
    struct hs_exec_part  parts[HS_ENGINES_MAX];
};

/* What holds for the worker as a whole, besides its execs. */
struct hs_exec_ledger_head {
    uint64_t manager_fence;
    uint64_t idle_generation[HS_ENGINES_MAX]; /* of each engine: the life that said IDLE last */
    uint64_t busy_run_id[HS_ENGINES_MAX];     /* of each engine: as in struct hs_worker_engine */
    uint64_t busy_generation[HS_ENGINES_MAX];
};

HS_STATIC_ASSERT(sizeof(struct hs_exec_part) == 112, "no padding: it lies in shared memory");
HS_STATIC_ASSERT(sizeof(struct hs_exec_record) % 8 == 0, "stored in words");

#endif
