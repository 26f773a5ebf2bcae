// SPDX-License-Identifier: Apache-2.0
/* sim_pair.h - for tests of and on the simulator: two nodes with a connection between them, parties
 * that remember what they were told, and the runner. */
#ifndef HS_TESTS_SIM_PAIR_H
#define HS_TESTS_SIM_PAIR_H

#include "tests/check.h"
#include "tests/sim/sim_loop.h"

enum { SIM_SEEDS = 30 };

struct sim_party {
    struct hs_stream stream;
    uint8_t          bytes[1 << 16];
    size_t           count;
    unsigned         connected;
    int              connected_result;
    unsigned         sent;
    unsigned         eof;
    unsigned         failed;
    int              failed_result;
    unsigned         closed;
    uint64_t         first_at_ns; /* when the first byte came */
    bool             is_echo;
};

extern const struct hs_stream_ops sim_party_ops;
void sim_party_on_event(struct hs_stream *stream, enum hs_stream_event event, int result);

/* Two nodes, each with a loop, and a connection between them. */
struct sim_pair {
    struct hs_sim_world *world;
    unsigned             nodes[2];
    struct hs_loop      *loops[2];
    struct sim_party    *ends; /* two */
    int                  fds[2];
};

/* 4 streams, buffers of 1,000 bytes, 2 file operations. */
struct hs_loop *sim_pair_loop(struct hs_sim_world *world, unsigned node);
void            sim_pair_open(struct sim_pair *pair, uint64_t seed);
void            sim_pair_close(struct sim_pair *pair);
void            sim_run_ms(struct hs_sim_world *world, uint64_t ms);

/* A program's main: runs them, ends with "N passed, N failed". */
int sim_run_tests(const char *name, CU_TestInfo *tests);

#endif
