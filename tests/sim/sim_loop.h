// SPDX-License-Identifier: Apache-2.0
/* sim_loop.h - many nodes in one process: the second implementation of ipc/loop.h, with a virtual
 * clock, a network, disks and crashes that all come from one seed. Same seed, same run: the trace
 * hash says whether it was.
 *
 * A node is one process on one host. Its code opens its loop between hs_sim_enter and hs_sim_serve
 * and is then driven by the world: callbacks as events fall due, and a turn after each of them and
 * at the deadline the last turn gave. Every node has a monotonic clock of its own, off by up to an
 * hour. Descriptors are numbers of the world; real ones mean nothing here. */
#ifndef HS_TESTS_SIM_LOOP_H
#define HS_TESTS_SIM_LOOP_H

#include "ipc/addr.h"
#include "ipc/loop.h"
#include "shm/base/rand.h"

struct hs_sim_world;

struct hs_sim_network {
    uint64_t delay_min_ns; /* of a chunk, each drawn anew; order within a stream is kept */
    uint64_t delay_max_ns;
    size_t   chunk_bytes_max; /* sends are cut into pieces of 1 to this many bytes */
};

struct hs_sim_world *hs_sim_world_create(uint64_t seed);
void                 hs_sim_world_destroy(struct hs_sim_world **world); /* and its loops */
void hs_sim_set_network(struct hs_sim_world *world, const struct hs_sim_network *network);

uint64_t        hs_sim_now_ns(const struct hs_sim_world *world); /* starts at one hour */
uint64_t        hs_sim_trace_hash(const struct hs_sim_world *world);
void            hs_sim_trace(struct hs_sim_world *world, uint64_t value); /* a test's own facts */
struct hs_rand *hs_sim_rand(struct hs_sim_world *world);
/* Called after each event and turn, to check invariants. */
void hs_sim_set_check(struct hs_sim_world *world, void (*check)(void *context), void *context);

/* Runs until that moment of the world's clock. Returns the number of events. */
uint64_t hs_sim_run(struct hs_sim_world *world, uint64_t until_ns);

/* ---- nodes */

unsigned hs_sim_node_add(struct hs_sim_world *world);
/* hs_loop_open opens that node's loop from here on, and the node's host is up. */
void hs_sim_enter(struct hs_sim_world *world, unsigned node_idx);
/* turn returns its next deadline, on the node's clock. NULL: the node has no turns. */
void hs_sim_serve(struct hs_sim_world *world, unsigned                 node_idx,
                  uint64_t (*turn)(void *self, uint64_t now_ns), void *self);
/* A stopped process: nothing reaches it, its connections stay. */
void hs_sim_pause(struct hs_sim_world *world, unsigned node_idx, bool is_paused);
/* The process is gone: connections are reset, writes under way may or may not have happened. No
 * callback of that life comes any more; its loop may still be closed. */
void hs_sim_kill(struct hs_sim_world *world, unsigned node_idx);
/* The host is gone: peers hear nothing until they send to it after it is up again; of what was not
 * made durable any part may be missing. */
void hs_sim_crash(struct hs_sim_world *world, unsigned node_idx);

/* ---- network */

/* A connected pair; the ends belong to these nodes (which may be the same). */
void hs_sim_socketpair(struct hs_sim_world *world, unsigned node_a, unsigned node_b, int fds[2]);
/* A listening socket that outlives the processes of its node. */
int hs_sim_listen(struct hs_sim_world *world, unsigned node_idx, const struct hs_addr *addr);
/* For descriptors that no loop has taken. */
void hs_sim_close(struct hs_sim_world *world, int fd);
/* What is under way between two nodes waits until the cut is healed, as TCP's retransmissions
 * do. */
void hs_sim_partition(struct hs_sim_world *world, unsigned node_a, unsigned node_b, bool is_cut);

/* ---- event descriptors, for watches */

int  hs_sim_bell_open(struct hs_sim_world *world, unsigned node_idx);
void hs_sim_bell_ring(struct hs_sim_world *world, int fd);
void hs_sim_bell_drain(struct hs_sim_world *world, int fd);

/* ---- disks */

/* Opens a file of the node's disk, which is made if it is missing. */
int hs_sim_file_open(struct hs_sim_world *world, unsigned node_idx, const char *name);
/* What a process would read now. Returns how much there was. */
size_t hs_sim_file_read(struct hs_sim_world *world, int fd, uint64_t at_bytes, void *bytes,
                        size_t count);
/* The next so many writes (-ENOSPC) or syncs (-EIO) fail. What a failed sync did not write will not
 * be written by a later one either, as with real kernels. */
void hs_sim_file_fail(struct hs_sim_world *world, int fd, unsigned write_count,
                      unsigned sync_count);

#endif
