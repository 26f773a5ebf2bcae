// SPDX-License-Identifier: Apache-2.0
/* loop.h - one thread's view of the kernel: streams, listeners, watched descriptors and file
 * appends, as callbacks. Does not know what the bytes mean, and has no timers: the caller passes
 * its next deadline to hs_loop_step.
 *
 * Two implementations, chosen at link time: loop_io.c (io_uring, or epoll where io_uring is
 * refused) and tests/sim/sim_loop.c (virtual clock, seeded network and disk).
 *
 * A struct hs_stream, hs_listener or hs_watch is embedded in its owner and belongs to the loop from
 * open until closed. Callbacks run only inside hs_loop_step, never inside the call that asked for
 * something; an owner may open, send and close from any callback. Everything is bounded by the
 * configuration: beyond it opening answers -ENOBUFS.
 *
 * For whoever writes the jail, the system calls after hs_loop_open has returned:
 *   io_uring  io_uring_enter; socket, setsockopt (connecting, aborting); close
 *   epoll     epoll_ctl, epoll_pwait2 (or epoll_wait), recvfrom, sendto, close; socket, setsockopt,
 *             connect, getsockopt; accept4 (listeners); pwrite64, fdatasync (files)
 *   both      clock_gettime, where the vDSO does not serve it
 * hs_loop_close adds munmap and io_uring_register. */
#ifndef HS_IPC_LOOP_H
#define HS_IPC_LOOP_H

#include "shm/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_addr;
struct hs_loop;

enum hs_loop_backend { HS_LOOP_AUTO, HS_LOOP_IO_URING, HS_LOOP_EPOLL };

struct hs_loop_config {
    enum hs_loop_backend wanted;           /* AUTO: io_uring, and epoll if the kernel refuses it */
    unsigned             stream_count_max; /* streams, listeners and watches together */
    unsigned recv_buffer_count; /* power of two; one pool shared by all streams, used as needed */
    unsigned recv_buffer_bytes; /* of one buffer: the most that one on_data call brings */
    unsigned file_op_count_max; /* appends in flight */
    uint64_t spin_ns;           /* a deadline nearer than this is awaited by polling; 0: never */
};

int  hs_loop_open(struct hs_loop **loop, const struct hs_loop_config *config,
                  struct hs_err *err) HS_MUST_CHECK;
void hs_loop_close(struct hs_loop **loop); /* owners have closed first; nulls the pointer */

/* "io_uring", or "epoll (io_uring: operation not permitted)"; for status and results. Lives as long
 * as the loop. */
const char *hs_loop_backend_text(const struct hs_loop *loop);
/* The ring refuses operations that the loop never asks for (opening files, making sockets). */
bool hs_loop_is_restricted(const struct hs_loop *loop);

uint64_t hs_loop_clock_ns(struct hs_loop *loop); /* reads CLOCK_MONOTONIC (or the virtual clock) */
/* The stamp of the harvest being dispatched: no clock read. */
uint64_t hs_loop_now_ns(const struct hs_loop *loop);

/* Submits what was asked, waits for a completion or the deadline (an absolute moment; HS_NEVER_NS:
 * no deadline; a past one: poll), stamps the time once, calls back for at most 256 completions (the
 * rest comes in the next step, which does not wait). Returns how many: 0 at the deadline, and now
 * and then before it (a signal, a listener's rest). Or -EIO when the kernel object is unusable (the
 * role ends; its successor starts fresh). */
int hs_loop_step(struct hs_loop *loop, uint64_t deadline_ns) HS_MUST_CHECK;

struct hs_loop_figures {  /* for vitals and tests; cumulative */
    uint64_t enter_count; /* system calls made to submit or wait */
    uint64_t completion_count;
    uint64_t
        no_buffer_count; /* receives that found the whole pool in use (re-armed; nothing is lost) */
    uint64_t buffer_count;       /* io_uring: of the pool, how many were ever needed */
    uint64_t harvest_gap_max_ns; /* longest time between two harvests: the uncertainty of a stamp */
};
void hs_loop_figures(const struct hs_loop *loop, struct hs_loop_figures *figures);

/* ---- streams: connected byte streams (TCP, UNIX) ---- */

enum hs_stream_event {
    HS_STREAM_CONNECTED, /* result 0, or the reason why not (then close it) */
    HS_STREAM_SENT,      /* a reported send has left whole; result 0 or negative errno */
    HS_STREAM_EOF,       /* the peer finished sending */
    HS_STREAM_FAILED,    /* receiving or a quiet send failed: result says why */
    HS_STREAM_CLOSED     /* always the last: descriptor closed, no buffer of the owner is used */
};

struct hs_stream;
struct hs_stream_ops {
    /* bytes is valid until the call returns. */
    void (*on_data)(struct hs_stream *stream, const uint8_t *bytes, size_t count);
    void (*on_event)(struct hs_stream *stream, enum hs_stream_event event, int result);
};

struct hs_stream {
    const struct hs_stream_ops *ops; /* set by the owner before open; the rest is the loop's */
    struct hs_loop             *loop;
    int                         fd;
    uint32_t       slot_idx; /* with its slot's generation it recognises late completions */
    uint16_t       flags;
    uint16_t       inflight;    /* operations of which a completion will come */
    uint32_t       quiet_bytes; /* given to quiet sends so far; stops at its end */
    const uint8_t *send_bytes;  /* what is still to be sent */
    size_t         send_count;
};

/* Takes the descriptor (already connected) and starts receiving. On failure the caller keeps it. */
int hs_stream_adopt(struct hs_loop *loop, struct hs_stream *stream, int fd) HS_MUST_CHECK;
/* Makes a TCP socket (TCP_NODELAY) and connects; CONNECTED follows, then data. -EMFILE: the last
 * few descriptors are left for what else comes. */
int hs_stream_connect(struct hs_loop *loop, struct hs_stream *stream,
                      const struct hs_addr *addr) HS_MUST_CHECK;

enum hs_send {
    HS_SEND_REPORT, /* SENT follows when the bytes have left; they must live until then */
    HS_SEND_QUIET   /* nothing on success, FAILED on failure; for bytes that outlive the stream */
};
/* Sends all the bytes, in order. At most one send may be under way in a stream (-EAGAIN else); a
 * quiet one is over when the answer to it has come (any data after it). -ENOTCONN: not connected,
 * closing, or an earlier send failed. */
int hs_stream_send(struct hs_stream *stream, const void *bytes, size_t count,
                   enum hs_send how) HS_MUST_CHECK;

/* true: nothing more is read for now; what comes waits in the kernel, and then with its sender. A
 * little that is on its way already may still be delivered; that the peer has gone may be told only
 * later. false: it goes on. Idempotent. */
void hs_stream_hold(struct hs_stream *stream, bool is_held);

/* Stops everything; nothing but CLOSED follows, in a later step. Idempotent. What the kernel has
 * taken still reaches the peer, what it has not is dropped: to be sure, await SENT first.
 * is_abort: reset the connection (RST). */
void hs_stream_close(struct hs_stream *stream, bool is_abort);

/* ---- listeners ---- */

struct hs_listener {
    /* The callee owns fd (close-on-exec, blocking). A failure to accept (no descriptors left) comes
     * as fd = negative errno, at most once a second; accepting goes on. */
    void (*on_accept)(struct hs_listener *listener, int fd);
    struct hs_loop *loop;
    int             fd;
    uint32_t        slot_idx;
};

/* One loop accepts from a listening socket at a time. Close it before its descriptor. */
int  hs_listener_open(struct hs_loop *loop, struct hs_listener *listener, int fd) HS_MUST_CHECK;
void hs_listener_close(struct hs_listener *listener); /* no callback after; fd stays the caller's */

/* ---- watches: "this descriptor is readable" (event descriptors, control sockets) ---- */

struct hs_watch {
    void (*on_readable)(struct hs_watch *watch); /* level triggered: again until it is drained */
    struct hs_loop *loop;
    int             fd;
    uint32_t        slot_idx;
};

/* One watch per descriptor. Close it before its descriptor. */
int  hs_watch_open(struct hs_loop *loop, struct hs_watch *watch, int fd) HS_MUST_CHECK;
void hs_watch_close(struct hs_watch *watch); /* no callback after; fd stays the caller's */

/* ---- files: write and make durable ---- */

struct hs_file_op {
    void (*on_done)(struct hs_file_op *op, int result); /* 0: written (and on disk); or -errno */
    int         fd;
    const void *bytes; /* must live until on_done */
    size_t      count;
    uint64_t    at_bytes;  /* position in the file */
    bool        is_synced; /* fdatasync after the write */
};

/* Operations under way at the same time may end in any order. */
int hs_loop_write(struct hs_loop *loop, struct hs_file_op *op) HS_MUST_CHECK;

#endif
