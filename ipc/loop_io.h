// SPDX-License-Identifier: Apache-2.0
/* loop_io.h - the inside of the real loop: the slot table and what loop_io.c asks of its two back
 * ends. Only ipc/loop*_io.c include it. Owns no policy: loop.h is the contract.
 *
 * Every stream, listener and watch has a slot; a completion carries slot index and generation, and
 * a slot's generation moves on when it is freed, so what arrives late is recognised and dropped. */
#ifndef HS_IPC_LOOP_IO_H
#define HS_IPC_LOOP_IO_H

#include "ipc/addr.h"
#include "ipc/loop.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <liburing.h>
#include <sys/epoll.h>

#define HS_LOOP_MAGIC      UINT32_C(0x4c4f4f50)
#define HS_LOOP_NO_IDX     UINT32_MAX
#define HS_LOOP_GENERATION UINT32_C(0xffffff) /* 24 bits travel in a completion */

enum {
    HS_LOOP_BATCH = 256,         /* callbacks in one step: above it deadlines would wait too long */
    HS_LOOP_SLOTS_MAX = 1 << 20, /* streams of one process: far above any descriptor limit */
    HS_LOOP_BUFFERS_MAX = 1 << 15,   /* entries of one kernel buffer ring */
    HS_LOOP_BUFFERS_FIRST = 256,     /* given to the kernel at first: one batch of callbacks */
    HS_LOOP_LARGE_BYTES = 16 << 10,  /* what fits into any idle socket's send buffer is below */
    HS_LOOP_FDS_KEPT = 16,           /* numbers that connections leave free; at most a quarter */
    HS_LOOP_SEND_BYTES_MAX = 1 << 30 /* one send: below the kernel's own cut of 2 GiB less a page */
};

#define HS_LOOP_REST_NS          (100 * HS_NS_PER_MS) /* after a failure to accept or to poll */
#define HS_LOOP_SLEEP_MAX_NS     (3600 * HS_NS_PER_S) /* a far one would overflow the kernel's */
#define HS_LOOP_ACCEPT_REPORT_NS (1 * HS_NS_PER_S)

/* hs_stream.flags */
enum {
    HS_STREAM_CONNECTING = 1 << 0,
    HS_STREAM_RECEIVING = 1 << 1, /* a receive is armed */
    HS_STREAM_REPORTING = 1 << 2, /* a send is under way whose end will be told */
    HS_STREAM_QUIET = 1 << 3,     /* a send is under way whose success will not be told */
    HS_STREAM_CLOSING = 1 << 4,
    HS_STREAM_BROKEN = 1 << 5,   /* connecting or sending failed: no more sends */
    HS_STREAM_LARGE = 1 << 6,    /* quiet sends may still hang after their answers */
    HS_STREAM_ANSWERED = 1 << 7, /* epoll: a quiet send was answered before it had left */
    HS_STREAM_HELD = 1 << 8,     /* by its owner */
    HS_STREAM_HALTING = 1 << 9   /* io_uring: a receive is being cancelled for that */
};

enum hs_loop_slot_kind { HS_LOOP_FREE, HS_LOOP_STREAM, HS_LOOP_LISTENER, HS_LOOP_WATCH };

struct hs_loop_slot {
    union {
        struct hs_stream   *stream;
        struct hs_listener *listener;
        struct hs_watch    *watch;
    } owner;
    uint32_t generation;
    uint32_t next_idx;  /* free list; epoll: list of what waits for its callback */
    uint8_t  kind;      /* enum hs_loop_slot_kind */
    uint8_t  due;       /* epoll: 1 + the enum hs_stream_event to be told, 0: none */
    int16_t  result;    /* epoll: of that event, 0 or a negative errno */
    uint8_t  is_queued; /* epoll: stands in the due list */
    uint8_t  is_out;    /* epoll: waits for the socket to take bytes or to connect */
    uint8_t  asked;     /* epoll: the events the kernel watches for */
    union {
        union hs_addr_sockaddr addr; /* stream: where to; the kernel reads it at submission */
        struct {                     /* listener, watch */
            uint64_t rest_until_ns;
            uint64_t report_at_ns; /* listener: not before this moment */
        };
    };
};
HS_STATIC_ASSERT(sizeof(struct hs_loop_slot) <= 64, "one cache line");

struct hs_loop_file { /* one append in flight */
    struct hs_file_op *op;
    size_t             done_bytes;
    uint32_t           next_idx; /* free list; epoll: queue */
    int32_t            write_result;
    int32_t            sync_result;
    uint32_t           inflight;
};

struct hs_loop_uring {
    struct io_uring           ring;
    struct io_uring_buf_ring *pool; /* buffers that the kernel may fill */
    size_t                    pool_bytes;
    unsigned                  returned_count; /* put back, not yet visible to the kernel */
    unsigned                  given_count; /* buffers that circulate; the rest was never touched */
    bool                      is_short;    /* a receive found none of them free */
    struct io_uring_sqe       scratch;     /* where entries go once the ring is unusable */
    bool                      is_open;
    bool                      is_restricted; /* the kernel refuses operations we never use */
};

struct hs_loop_epoll {
    int                epoll_fd;
    unsigned           event_count;
    unsigned           due_count; /* slots in the due list */
    uint32_t           due_head_idx;
    uint32_t           due_tail_idx;
    unsigned           file_count; /* files in the file queue */
    uint32_t           file_head_idx;
    uint32_t           file_tail_idx;
    bool               is_coarse; /* no epoll_pwait2: whole milliseconds */
    struct epoll_event events[HS_LOOP_BATCH];
};

struct hs_loop {
    uint32_t magic;
    bool     is_uring;
    bool     is_broken; /* the kernel object is unusable: step says -EIO */
    bool     is_dispatching;
    int      fd_end; /* sockets get lower numbers */
    uint64_t now_ns;
    uint64_t spin_ns;
    uint64_t rest_until_ns; /* the earliest of the slots that rest */

    struct hs_loop_slot *slots;
    unsigned             slot_count;
    uint32_t             free_slot_idx;
    struct hs_loop_file *files;
    unsigned             file_count;
    uint32_t             free_file_idx;
    uint8_t             *buffers;
    size_t               buffers_bytes;
    unsigned             buffer_count;
    unsigned             buffer_bytes;

    struct hs_loop_figures figures;
    char                   backend_text[96];
    struct hs_loop_uring   uring;
    struct hs_loop_epoll   epoll;
};

/* ---- loop_io.c, for the back ends */

void hs_loop_free_slot(struct hs_loop *loop, uint32_t slot_idx);
/* The slot if it still has that generation, else NULL. */
struct hs_loop_slot *hs_loop_find_slot(struct hs_loop *loop, uint32_t slot_idx,
                                       uint32_t generation);
socklen_t            hs_loop_addr_bytes(const struct hs_loop_slot *slot);
/* Closes the descriptor, frees the slot, calls CLOSED. */
void hs_loop_finish_stream(struct hs_loop *loop, struct hs_stream *stream);
/* It is armed again in a moment: of what fails again and again, ten times a second. */
void hs_loop_rest(struct hs_loop *loop, uint32_t slot_idx);
/* Notes a failure to accept and lets the listener rest; tells its owner, at most once a second. */
void hs_loop_rest_listener(struct hs_loop *loop, uint32_t slot_idx, int error);
/* Frees the entry, then calls on_done. */
void hs_loop_finish_file(struct hs_loop *loop, uint32_t file_idx, int result);
/* The part of the operation that is still to be written. */
size_t hs_loop_file_left_bytes(const struct hs_loop_file *file);

/* ---- the back ends. enter submits and waits (timeout 0: polls; HS_NEVER_NS: for ever); ready says
 * how much there is to dispatch; dispatch calls back for at most HS_LOOP_BATCH of it. */

int      hs_loop_uring_open(struct hs_loop *loop, struct hs_err *err) HS_MUST_CHECK;
void     hs_loop_uring_close(struct hs_loop *loop);
int      hs_loop_uring_enter(struct hs_loop *loop, uint64_t timeout_ns) HS_MUST_CHECK;
unsigned hs_loop_uring_ready(const struct hs_loop *loop);
unsigned hs_loop_uring_dispatch(struct hs_loop *loop);
void     hs_loop_uring_receive(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_uring_connect(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_uring_send(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_uring_hold(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_uring_stop(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_uring_arm(struct hs_loop *loop, uint32_t slot_idx); /* listener or watch */
void     hs_loop_uring_disarm(struct hs_loop *loop, uint32_t slot_idx);
void     hs_loop_uring_write(struct hs_loop *loop, uint32_t file_idx);

int      hs_loop_epoll_open(struct hs_loop *loop, struct hs_err *err) HS_MUST_CHECK;
void     hs_loop_epoll_close(struct hs_loop *loop);
int      hs_loop_epoll_enter(struct hs_loop *loop, uint64_t timeout_ns) HS_MUST_CHECK;
unsigned hs_loop_epoll_ready(const struct hs_loop *loop);
unsigned hs_loop_epoll_dispatch(struct hs_loop *loop);
int      hs_loop_epoll_receive(struct hs_loop *loop, struct hs_stream *stream) HS_MUST_CHECK;
int      hs_loop_epoll_connect(struct hs_loop *loop, struct hs_stream *stream) HS_MUST_CHECK;
void     hs_loop_epoll_send(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_epoll_hold(struct hs_loop *loop, struct hs_stream *stream);
void     hs_loop_epoll_stop(struct hs_loop *loop, struct hs_stream *stream);
int      hs_loop_epoll_arm(struct hs_loop *loop, uint32_t slot_idx) HS_MUST_CHECK;
void     hs_loop_epoll_rest(struct hs_loop *loop, uint32_t slot_idx, bool is_resting);
void     hs_loop_epoll_disarm(struct hs_loop *loop, uint32_t slot_idx);
void     hs_loop_epoll_write(struct hs_loop *loop, uint32_t file_idx);

#endif
