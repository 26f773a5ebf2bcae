// SPDX-License-Identifier: Apache-2.0
/* run_fixture.h - one share run by the real loop against a server in a process of its own, which
 * behaves as told and counts for itself. For the tests of the engine. */
#ifndef HS_TESTS_UNIT_RUN_FIXTURE_H
#define HS_TESTS_UNIT_RUN_FIXTURE_H

#include "roles/engine/run.h"

#include <sys/types.h>

enum { RUN_REQUEST_BYTES = 2048, RUN_PEERS_MAX = 256, RUN_IMAGE_BYTES = 1 << 18 };

enum run_after { RUN_KEEP, RUN_CLOSE, RUN_RESET };

#define RUN_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* What the server does with a request (all after its empty line is ignored). */
struct run_serve {
    const char    *answer; /* NULL: none */
    const char    *more;   /* behind the answer, again and again without end; NULL: nothing */
    enum run_after after;
    unsigned per_connection; /* after so many answers it closes in place of the next; 0: never */
    unsigned first_bad;      /* so many requests get no answer but a close at first */
};

struct run_behaviours { /* request i of the server is met by number i % count */
    const struct run_serve *at;
    unsigned                count;
};

struct run_counts { /* the server's own; shared memory */
    uint64_t connections;
    uint64_t requests;
    uint64_t answers;
    char     last_request[RUN_REQUEST_BYTES];
};

struct run_world {
    struct hs_loop               *loop;
    struct hs_figures_shm        *figures;
    struct run_counts            *counts;
    pid_t                         server; /* 0: none */
    uint16_t                      port;
    uint32_t                      connections_max;
    void                         *image_memory;
    const struct hs_image_header *image;
    struct hs_engine_command      order;
    struct hs_run_setup           setup;
    struct hs_run                *run;
    struct hs_stats               stats; /* of the last run_world_read */
};

/* serve NULL: nobody listens on the port. */
void run_world_init(struct run_world *world, enum hs_loop_backend backend,
                    const struct run_serve *serve);
void run_world_init_varied(struct run_world *world, enum hs_loop_backend backend,
                           struct run_behaviours behaviours);
void run_world_fini(struct run_world *world);
/* Compiles workflow 0 of a plan: load is the value of "load", more what stands beside it ("" or ",
 * \"drain\": ..."), steps the elements of its steps; URLs are relative to the server. Fills the
 * order of the only share, to start at once. */
bool run_world_plan(struct run_world *world, const char *load, const char *more, const char *steps);
bool run_world_start(struct run_world *world); /* opens the run */
/* Turns until it is over, which must be within limit_ms; checks the identities of all pages. */
void run_world_finish(struct run_world *world, unsigned limit_ms);
void run_world_turn(struct run_world *world, uint64_t until_ns); /* or until it is over */
/* plan, start, finish. */
void run_world_run(struct run_world *world, const char *load, const char *more, const char *steps,
                   unsigned limit_ms);
/* Figures of a step, in world->stats. */
const struct hs_stats *run_world_read(struct run_world *world, uint32_t step_idx, bool is_warmup);

#endif
