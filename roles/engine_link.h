// SPDX-License-Identifier: Apache-2.0
/* engine_link.h - what a worker and an engine say to each other: fixed-size records through two
 * rings in shared memory (shm/ring.h), and the plan image as a descriptor over their record socket.
 * Does not carry figures: those are read from the engine's pages (roles/stats/figures.h).
 *
 * Both rings outlive both processes. A command names the generation of the engine that it is meant
 * for, an event the generation that wrote it and the run: what is meant for or comes from the dead
 * is recognised and dropped. Delivery is at least once, so every record may be met twice. */
#ifndef HS_ROLES_ENGINE_LINK_H
#define HS_ROLES_ENGINE_LINK_H

#include "shm/base/assert.h"

#include <stdint.h>
#include <string.h>

enum { HS_ENGINE_RING_SLOTS = 256, HS_ENGINE_RECORD_BYTES = 128 };

enum hs_engine_command_type {
    HS_ENGINE_START = 1, /* run this share of an exec */
    HS_ENGINE_STOP = 2,  /* no new arrivals; what is in flight may finish until deadline_ns */
    HS_ENGINE_FORGET = 3 /* the run is over and read: release its image */
};

/* Of a command: the id of the figures' key (struct hs_figures_key.exec_id). */
static inline void hs_engine_figures_key(uint64_t figures_id, uint8_t exec_id[16])
{
    memset(exec_id, 0, 16);
    memcpy(exec_id, &figures_id, sizeof figures_id);
}

/* A share: which arrivals and virtual users of the workflow this engine takes. Arrival k belongs to
 * it when k mod share_count == share_idx. Virtual users are numbered from vu_first. */
struct hs_engine_command {
    uint32_t type;
    uint32_t is_resumed;        /* the pages hold a dead predecessor's figures: go on from the
                                   schedule's position now; what was due meanwhile is lost */
    uint64_t engine_generation; /* of the engine that is to obey */
    uint64_t run_id;            /* one per share and start; never used twice */
    uint64_t figures_id;        /* names the pages, with exec_fence: the same for a resumed run, a
                                   new one when a share is run again from its beginning */
    uint64_t exec_fence;
    uint64_t image_token;   /* names the descriptor sent over the link before this command */
    uint64_t start_at_ns;   /* moment 0 of the schedule, on this host's monotonic clock */
    uint64_t deadline_ns;   /* STOP */
    uint64_t iterations;    /* of this share; 0: not bounded by iterations */
    uint64_t in_flight_max; /* open model: iterations under way at a time, of this share */
    uint32_t share_idx;
    uint32_t share_count;
    uint32_t vu_first;
    uint32_t vu_count;
    uint32_t worker_idx; /* ${worker} */
    uint32_t flags;      /* reserved, 0 */
    uint64_t plan_word;  /* START: the plan, and the job, for the breadcrumb */
    uint8_t  job_id[16];
};
HS_STATIC_ASSERT(sizeof(struct hs_engine_command) == HS_ENGINE_RECORD_BYTES, "one ring slot");

enum hs_engine_event_type {
    HS_ENGINE_STARTED = 1,
    HS_ENGINE_DONE = 2,   /* the share is over: figures are final, nothing is in flight */
    HS_ENGINE_FAILED = 3, /* could not run: code and text; figures are final */
    HS_ENGINE_IDLE = 4    /* first event of every life: this engine holds no run */
};

struct hs_engine_event {
    uint32_t type;
    int32_t  code; /* FAILED: negative errno */
    uint64_t engine_generation;
    uint64_t run_id;
    uint64_t at_ns;
    char     text[96];
};
HS_STATIC_ASSERT(sizeof(struct hs_engine_event) == HS_ENGINE_RECORD_BYTES, "one ring slot");

/* The message that comes with the descriptor of an image (SCM_RIGHTS) over the record socket. */
struct hs_engine_image {
    uint64_t image_token;
    uint64_t image_bytes;
};

#endif
