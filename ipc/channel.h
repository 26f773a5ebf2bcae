// SPDX-License-Identifier: Apache-2.0
/* channel.h - one direction of talk between two processes of a host: a ring in shared memory and a
 * doorbell (event descriptor) that wakes the reader when it may be asleep. Messages have one fixed
 * size; delivery is as shm/ring.h says. */
#ifndef HS_IPC_CHANNEL_H
#define HS_IPC_CHANNEL_H

#include "ipc/loop.h"
#include "shm/ring.h"

#include <stdbool.h>
#include <stdint.h>

/* A lost wake-up costs at most this much (reliability.md 2.8). */
#define HS_CHANNEL_POLL_INTERVAL_NS UINT64_C(100000000)
enum { HS_CHANNEL_BURST = 256 }; /* messages handled before the loop gets its turn again */

/* ---- the writing side ---- */

struct hs_channel_out {
    struct hs_ring ring;
    int            bell_fd;    /* the caller's */
    uint64_t       bell_count; /* system calls made */
};

/* Errors as hs_ring_attach. */
int hs_channel_out_open(struct hs_channel_out *out, struct hs_ring_shm *shm,
                        const struct hs_ring_shape *shape, uint64_t generation,
                        int bell_fd) HS_MUST_CHECK;
/* -ENOBUFS: full; -EPROTO: the reader's index is nonsense. Rings the bell if the reader had taken
 * everything before this message. */
int hs_channel_push(struct hs_channel_out *out, const void *message) HS_MUST_CHECK;

/* ---- the reading side ---- */

struct hs_channel_in;
/* message is a copy, valid until the call returns; generation is the writer's. */
typedef void hs_channel_message_fn(struct hs_channel_in *in, const void *message,
                                   uint64_t generation);
/* The writer's index is nonsense (-EPROTO): nothing more will be read. */
typedef void hs_channel_fault_fn(struct hs_channel_in *in, int reason);

struct hs_channel_in {
    hs_channel_message_fn *on_message; /* these three set by the owner before open */
    hs_channel_fault_fn   *on_fault;
    void                  *owner;
    struct hs_watch        watch;
    struct hs_ring         ring;
    struct hs_loop        *loop;
    int                    bell_fd;
    uint64_t               poll_at_ns;
    bool                   is_open;
};

int  hs_channel_in_open(struct hs_channel_in *in, struct hs_loop *loop, struct hs_ring_shm *shm,
                        const struct hs_ring_shape *shape, int bell_fd) HS_MUST_CHECK;
void hs_channel_in_close(struct hs_channel_in *in); /* no callback after; idempotent */
/* What waits, at most a burst, without being rung for: the last words of a process that died.
 * Returns how many. */
unsigned hs_channel_drain(struct hs_channel_in *in);

/* The owner calls turn when the deadline is due (or more often). */
uint64_t hs_channel_in_deadline_ns(const struct hs_channel_in *in);
void     hs_channel_in_turn(struct hs_channel_in *in, uint64_t now_ns);

#endif
