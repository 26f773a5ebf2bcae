// SPDX-License-Identifier: Apache-2.0
/* loop_uring_io.c - the io_uring back end at work: what is submitted, and what its completions
 * mean.
 *
 * A completion names its meaning in user_data:  kind (8 bits) | generation (24) | slot (32).
 * Entries are handed over in the order of the calls, so whatever was submitted for a stream before
 * its cancellation has started when the cancellation completes; only then is a descriptor
 * closed. */
#include "ipc/loop_io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum op_kind {
    OP_RECV = 1,
    OP_SEND,
    OP_SEND_QUIET, /* a kind of its own: one that was answered and fails late is told apart */
    OP_CONNECT,
    OP_STOP, /* a cancellation, or a barrier where there is nothing to cancel */
    OP_ACCEPT,
    OP_POLL,
    OP_DISARM, /* cancellation for an owner that is gone: nobody waits for it */
    OP_WRITE,
    OP_SYNC
};

struct completion {
    enum op_kind kind;
    uint32_t     slot_idx;
    uint32_t     generation;
    int          result;
    uint32_t     flags;
};

static uint64_t tag(const struct hs_loop *loop, enum op_kind kind, uint32_t slot_idx)
{
    return (uint64_t)kind << 56 | (uint64_t)loop->slots[slot_idx].generation << 32 | slot_idx;
}

static uint64_t file_tag(enum op_kind kind, uint32_t file_idx)
{
    return (uint64_t)kind << 56 | file_idx;
}

/* ---- submitting */

static void submit(struct hs_loop *loop)
{
    int rc;

    loop->figures.enter_count++;
    rc = io_uring_submit(&loop->uring.ring);
    if (rc < 0 && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY) loop->is_broken = true;
}

/* Room for count entries in one submission (a linked pair must not be split). A kernel that is out
 * of memory for requests takes none for a while; if that lasts, the ring counts as unusable. */
static void make_room(struct hs_loop *loop, unsigned count)
{
    enum { TRIES = 1000 };
    struct io_uring *ring = &loop->uring.ring;

    for (int i = 0; io_uring_sq_space_left(ring) < count; i++) {
        if (i == TRIES || loop->is_broken) {
            loop->is_broken = true;
            return;
        }
        submit(loop);
    }
}

static struct io_uring_sqe *next_sqe(struct hs_loop *loop)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->uring.ring);

    if (sqe) return sqe;
    make_room(loop, 1);
    sqe = io_uring_get_sqe(&loop->uring.ring);
    return sqe ? sqe : &loop->uring.scratch; /* step is about to say -EIO */
}

void hs_loop_uring_receive(struct hs_loop *loop, struct hs_stream *stream)
{
    struct io_uring_sqe *sqe = next_sqe(loop);

    io_uring_prep_recv_multishot(sqe, stream->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    sqe->user_data = tag(loop, OP_RECV, stream->slot_idx);
    stream->flags |= HS_STREAM_RECEIVING;
    stream->inflight++;
}

void hs_loop_uring_connect(struct hs_loop *loop, struct hs_stream *stream)
{
    struct hs_loop_slot *slot = &loop->slots[stream->slot_idx];
    struct io_uring_sqe *sqe = next_sqe(loop);

    io_uring_prep_connect(sqe, stream->fd, &slot->addr.any, hs_loop_addr_bytes(slot));
    sqe->user_data = tag(loop, OP_CONNECT, stream->slot_idx);
    stream->inflight++;
}

/* MSG_WAITALL: the kernel itself goes on after a short send, so success means all of it, and a
 * quiet send need not come back at all. */
void hs_loop_uring_send(struct hs_loop *loop, struct hs_stream *stream)
{
    struct io_uring_sqe *sqe = next_sqe(loop);

    io_uring_prep_send(sqe, stream->fd, stream->send_bytes, stream->send_count,
                       MSG_WAITALL | MSG_NOSIGNAL);
    if (stream->flags & HS_STREAM_QUIET) {
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = tag(loop, OP_SEND_QUIET, stream->slot_idx);
    } else {
        sqe->user_data = tag(loop, OP_SEND, stream->slot_idx);
        stream->inflight++;
    }
}

/* Of quiet sends that were answered unread several may hang; of the rest there is one. */
static void cancel(struct hs_loop *loop, enum op_kind kind, uint32_t slot_idx, enum op_kind as)
{
    struct io_uring_sqe *sqe = next_sqe(loop);

    io_uring_prep_cancel64(sqe, tag(loop, kind, slot_idx),
                           kind == OP_SEND_QUIET ? (int)IORING_ASYNC_CANCEL_ALL : 0);
    sqe->user_data = tag(loop, as, slot_idx);
}

/* The receive ends with -ECANCELED; or with data or the peer's end, if those come first. One that
 * is still ending when it is wanted again is armed then. */
void hs_loop_uring_hold(struct hs_loop *loop, struct hs_stream *stream)
{
    if (!(stream->flags & HS_STREAM_RECEIVING)) {
        hs_loop_uring_receive(loop, stream);
    } else if (!(stream->flags & HS_STREAM_HALTING)) {
        stream->flags |= HS_STREAM_HALTING;
        cancel(loop, OP_RECV, stream->slot_idx, OP_STOP);
        stream->inflight++;
    }
}

/* By user_data and not by descriptor: the kernel finds that one in its hash, and need not walk the
 * receives of all other connections. */
void hs_loop_uring_stop(struct hs_loop *loop, struct hs_stream *stream)
{
    static const struct {
        unsigned     flags;
        enum op_kind kind;
    } stoppable[] = {{HS_STREAM_RECEIVING, OP_RECV},
                     {HS_STREAM_REPORTING, OP_SEND},
                     {HS_STREAM_QUIET | HS_STREAM_LARGE, OP_SEND_QUIET},
                     {HS_STREAM_CONNECTING, OP_CONNECT}};
    bool is_any = false;

    for (size_t i = 0; i < HS_ARRAY_LEN(stoppable); i++) {
        if (!(stream->flags & stoppable[i].flags)) continue;
        cancel(loop, stoppable[i].kind, stream->slot_idx, OP_STOP);
        stream->inflight++;
        is_any = true;
    }
    if (!is_any) {
        struct io_uring_sqe *sqe = next_sqe(loop);

        io_uring_prep_nop(sqe);
        sqe->user_data = tag(loop, OP_STOP, stream->slot_idx);
        stream->inflight++;
    }
}

/* Polls are single shots, armed again after each callback: a descriptor that is still readable then
 * completes at once, which is what level triggered means. (The kernel's multishot poll tells
 * edges.) */
void hs_loop_uring_arm(struct hs_loop *loop, uint32_t slot_idx)
{
    struct hs_loop_slot *slot = &loop->slots[slot_idx];
    struct io_uring_sqe *sqe = next_sqe(loop);

    if (slot->kind == HS_LOOP_LISTENER) {
        io_uring_prep_multishot_accept(sqe, slot->owner.listener->fd, NULL, NULL, SOCK_CLOEXEC);
        sqe->user_data = tag(loop, OP_ACCEPT, slot_idx);
    } else {
        io_uring_prep_poll_add(sqe, slot->owner.watch->fd, POLLIN);
        sqe->user_data = tag(loop, OP_POLL, slot_idx);
    }
}

/* Submits at once: the caller may close the descriptor and the number be used anew, and an entry
 * that is still in the queue would then reach the wrong file. */
void hs_loop_uring_disarm(struct hs_loop *loop, uint32_t slot_idx)
{
    bool is_listener = loop->slots[slot_idx].kind == HS_LOOP_LISTENER;

    cancel(loop, is_listener ? OP_ACCEPT : OP_POLL, slot_idx, OP_DISARM);
    submit(loop);
}

void hs_loop_uring_write(struct hs_loop *loop, uint32_t file_idx)
{
    struct hs_loop_file *file = &loop->files[file_idx];
    struct hs_file_op   *op = file->op;
    const uint8_t       *bytes = op->bytes;
    struct io_uring_sqe *sqe;

    make_room(loop, 2);
    sqe = next_sqe(loop);
    io_uring_prep_write(sqe, op->fd, bytes + file->done_bytes,
                        (unsigned)hs_loop_file_left_bytes(file), op->at_bytes + file->done_bytes);
    sqe->user_data = file_tag(OP_WRITE, file_idx);
    file->inflight = 1;
    if (!op->is_synced) return;
    sqe->flags |= IOSQE_IO_LINK; /* a failed or short write cancels the sync */
    sqe = next_sqe(loop);
    io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
    sqe->user_data = file_tag(OP_SYNC, file_idx);
    file->inflight = 2;
}

/* ---- completions */

static void finish_if_idle(struct hs_loop *loop, struct hs_stream *stream)
{
    if ((stream->flags & HS_STREAM_CLOSING) && !stream->inflight)
        hs_loop_finish_stream(loop, stream);
}

static void on_recv_end(struct hs_loop *loop, struct hs_stream *stream, int result)
{
    bool was_halting = stream->flags & HS_STREAM_HALTING;

    stream->flags &= (uint16_t) ~(HS_STREAM_RECEIVING | HS_STREAM_HALTING);
    stream->inflight--;
    if (stream->flags & HS_STREAM_CLOSING) {
        finish_if_idle(loop, stream);
        return;
    }
    if (result > 0 || result == -ENOBUFS || (was_halting && result == -ECANCELED)) {
        if (!(stream->flags & HS_STREAM_HELD)) hs_loop_uring_receive(loop, stream);
        return;
    }
    stream->flags &= (uint16_t)~HS_STREAM_HELD; /* nothing goes on any more */
    stream->ops->on_event(stream, result ? HS_STREAM_FAILED : HS_STREAM_EOF, result);
}

static void give_back_buffer(struct hs_loop *loop, unsigned buffer_idx)
{
    struct hs_loop_uring *uring = &loop->uring;
    uint8_t              *buffer = loop->buffers + (size_t)buffer_idx * loop->buffer_bytes;

    io_uring_buf_ring_add(uring->pool, buffer, loop->buffer_bytes, (unsigned short)buffer_idx,
                          io_uring_buf_ring_mask(loop->buffer_count), (int)uring->returned_count);
    uring->returned_count++;
}

static void note_shortage(struct hs_loop *loop)
{
    loop->uring.is_short = loop->uring.given_count < loop->buffer_count;
    if (!loop->uring.is_short) loop->figures.no_buffer_count++;
}

/* The kernel takes buffers in turn, so all that circulate are touched again and again: few of them
 * stay in the caches, and many connections that wait cost no memory. The receives that found none
 * are armed again after this. */
static void widen_pool(struct hs_loop *loop)
{
    struct hs_loop_uring *uring = &loop->uring;
    unsigned              wanted = uring->given_count * 2;

    if (wanted > loop->buffer_count) wanted = loop->buffer_count;
    while (uring->given_count < wanted) give_back_buffer(loop, uring->given_count++);
    loop->figures.buffer_count = uring->given_count;
    uring->is_short = false;
}

static void on_recv(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);
    struct hs_stream    *stream = slot ? slot->owner.stream : NULL;

    if (done->flags & IORING_CQE_F_BUFFER) {
        unsigned buffer_idx = done->flags >> IORING_CQE_BUFFER_SHIFT;

        if (stream && done->result > 0 && !(stream->flags & HS_STREAM_CLOSING)) {
            stream->flags &= (uint16_t)~HS_STREAM_QUIET; /* this is the answer */
            stream->ops->on_data(stream, loop->buffers + (size_t)buffer_idx * loop->buffer_bytes,
                                 (size_t)done->result);
        }
        give_back_buffer(loop, buffer_idx);
    }
    if (done->result == -ENOBUFS) note_shortage(loop);
    if (stream && !(done->flags & IORING_CQE_F_MORE)) on_recv_end(loop, stream, done->result);
}

/* Goes on with the rest of a send that was interrupted. */
static bool is_continued(struct hs_loop *loop, struct hs_stream *stream, int result)
{
    if (result <= 0 || (size_t)result >= stream->send_count) return false;
    stream->send_bytes += result;
    stream->send_count -= (size_t)result;
    hs_loop_uring_send(loop, stream);
    return true;
}

static void on_send(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);
    struct hs_stream    *stream;

    HS_ASSERT(slot); /* counted in inflight, which keeps the slot */
    stream = slot->owner.stream;
    stream->inflight--;
    if (stream->flags & HS_STREAM_CLOSING) {
        finish_if_idle(loop, stream);
        return;
    }
    if (is_continued(loop, stream, done->result)) return;
    stream->flags &= (uint16_t)~HS_STREAM_REPORTING;
    if (done->result < 0) stream->flags |= HS_STREAM_BROKEN;
    stream->ops->on_event(stream, HS_STREAM_SENT, done->result < 0 ? done->result : 0);
}

/* Comes only if the send failed or fell short. If it was answered before, it is over: the failure
 * is the connection's, and the receive tells of that. */
static void on_send_quiet(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);
    struct hs_stream    *stream = slot ? slot->owner.stream : NULL;

    if (!stream || !(stream->flags & HS_STREAM_QUIET)) return;
    if (stream->flags & HS_STREAM_CLOSING) return;
    if (is_continued(loop, stream, done->result)) return;
    stream->flags &= (uint16_t)~HS_STREAM_QUIET;
    stream->flags |= HS_STREAM_BROKEN;
    stream->ops->on_event(stream, HS_STREAM_FAILED, done->result < 0 ? done->result : -EPIPE);
}

static void on_connect(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);
    struct hs_stream    *stream;

    HS_ASSERT(slot); /* counted in inflight, which keeps the slot */
    stream = slot->owner.stream;
    stream->inflight--;
    stream->flags &= (uint16_t)~HS_STREAM_CONNECTING;
    if (stream->flags & HS_STREAM_CLOSING) {
        finish_if_idle(loop, stream);
        return;
    }
    if (done->result == 0)
        hs_loop_uring_receive(loop, stream);
    else
        stream->flags |= HS_STREAM_BROKEN;
    stream->ops->on_event(stream, HS_STREAM_CONNECTED, done->result);
}

static void on_stop(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);

    HS_ASSERT(slot); /* counted in inflight, which keeps the slot */
    slot->owner.stream->inflight--;
    finish_if_idle(loop, slot->owner.stream);
}

static void on_accept(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);
    bool                 is_over = !(done->flags & IORING_CQE_F_MORE);

    if (!slot) { /* the listener is closed; whoever connected to it is turned away */
        if (done->result >= 0) (void)close(done->result);
        return;
    }
    if (done->result < 0 && done->result != -ECONNABORTED && done->result != -EINTR) {
        hs_loop_rest_listener(loop, done->slot_idx, done->result);
        return;
    }
    if (done->result >= 0) slot->owner.listener->on_accept(slot->owner.listener, done->result);
    if (is_over && hs_loop_find_slot(loop, done->slot_idx, done->generation))
        hs_loop_uring_arm(loop, done->slot_idx);
}

/* Says nothing about the descriptor: the kernel could not go on watching. */
static bool is_passing(int result)
{
    return result == -EINTR || result == -EAGAIN || result == -ENOMEM || result == -ECANCELED;
}

static void on_poll(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_slot *slot = hs_loop_find_slot(loop, done->slot_idx, done->generation);

    if (!slot) return;
    if (is_passing(done->result)) {
        hs_loop_rest(loop, done->slot_idx);
        return;
    }
    slot->owner.watch->on_readable(slot->owner.watch);
    /* A descriptor that cannot be polled fails for good: its owner was told once, by the call. */
    if (done->result < 0) return;
    if (hs_loop_find_slot(loop, done->slot_idx, done->generation))
        hs_loop_uring_arm(loop, done->slot_idx);
}

static void on_file(struct hs_loop *loop, const struct completion *done)
{
    struct hs_loop_file *file = &loop->files[done->slot_idx];
    int32_t              wrote;

    HS_ASSERT(done->slot_idx < loop->file_count);
    HS_ASSERT(file->inflight > 0);
    if (done->kind == OP_WRITE)
        file->write_result = done->result;
    else
        file->sync_result = done->result;
    if (--file->inflight) return;
    wrote = file->write_result;
    if (wrote > 0) file->done_bytes += (size_t)wrote;
    if (wrote < 0)
        hs_loop_finish_file(loop, done->slot_idx, wrote);
    else if (!hs_loop_file_left_bytes(file))
        hs_loop_finish_file(loop, done->slot_idx, file->sync_result);
    else if (!wrote)
        hs_loop_finish_file(loop, done->slot_idx, -EIO);
    else
        hs_loop_uring_write(loop, done->slot_idx);
}

static void dispatch(struct hs_loop *loop, const struct completion *done)
{
    switch (done->kind) {
    case OP_RECV: on_recv(loop, done); break;
    case OP_SEND: on_send(loop, done); break;
    case OP_SEND_QUIET: on_send_quiet(loop, done); break;
    case OP_CONNECT: on_connect(loop, done); break;
    case OP_STOP: on_stop(loop, done); break;
    case OP_ACCEPT: on_accept(loop, done); break;
    case OP_POLL: on_poll(loop, done); break;
    case OP_DISARM: break;
    case OP_WRITE:
    case OP_SYNC: on_file(loop, done); break;
    }
}

unsigned hs_loop_uring_ready(const struct hs_loop *loop)
{
    return io_uring_cq_ready(&loop->uring.ring);
}

/* The kernel may add completions meanwhile, but reuses no entry before the head moves at the
 * end. */
unsigned hs_loop_uring_dispatch(struct hs_loop *loop)
{
    struct hs_loop_uring     *uring = &loop->uring;
    const struct io_uring_cq *cq = &uring->ring.cq;
    unsigned                  head = *cq->khead; /* only we move it */
    unsigned                  count = hs_loop_uring_ready(loop);

    if (count > HS_LOOP_BATCH) count = HS_LOOP_BATCH;
    for (unsigned i = 0; i < count; i++) {
        const struct io_uring_cqe *cqe = &cq->cqes[(head + i) & cq->ring_mask];
        uint32_t                   upper = (uint32_t)(cqe->user_data >> 32);
        struct completion          done = {.kind = (enum op_kind)(cqe->user_data >> 56),
                                           .slot_idx = (uint32_t)cqe->user_data,
                                           .generation = upper & HS_LOOP_GENERATION,
                                           .result = cqe->res,
                                           .flags = cqe->flags};

        dispatch(loop, &done);
    }
    if (uring->is_short) widen_pool(loop);
    io_uring_cq_advance(&uring->ring, count);
    io_uring_buf_ring_advance(uring->pool, (int)uring->returned_count);
    uring->returned_count = 0;
    return count;
}

/* While completions are left from the last step, only what was asked for is submitted. */
int hs_loop_uring_enter(struct hs_loop *loop, uint64_t timeout_ns)
{
    struct io_uring         *ring = &loop->uring.ring;
    struct __kernel_timespec timeout = {.tv_sec = (int64_t)(timeout_ns / HS_NS_PER_S),
                                        .tv_nsec = (int64_t)(timeout_ns % HS_NS_PER_S)};
    struct io_uring_cqe     *cqe;
    int                      rc;

    if (hs_loop_uring_ready(loop))
        rc = io_uring_submit(ring);
    else if (timeout_ns == 0)
        rc = io_uring_submit_and_get_events(ring);
    else if (timeout_ns == HS_NEVER_NS)
        rc = io_uring_submit_and_wait(ring, 1);
    else
        rc = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &timeout, NULL);
    if (rc >= 0 || rc == -ETIME || rc == -EINTR || rc == -EAGAIN || rc == -EBUSY) return 0;
    loop->is_broken = true;
    return -EIO;
}
