// SPDX-License-Identifier: Apache-2.0
/* loop_epoll_io.c - the back end for kernels and containers that refuse io_uring: level-triggered
 * epoll, calls that never block (MSG_DONTWAIT: descriptors keep their own flags), files written in
 * place. What a call finds out at once (a send that is done, a connection refused) is told in the
 * next step: such slots stand in the due list. */
#include "ipc/loop_io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int control(struct hs_loop *loop, int operation, int fd, uint32_t slot_idx, uint32_t events)
{
    uint64_t           generation = loop->slots[slot_idx].generation;
    struct epoll_event event = {.events = events, .data.u64 = generation << 32 | slot_idx};

    return epoll_ctl(loop->epoll.epoll_fd, operation, fd, &event) ? -errno : 0;
}

/* ---- the due list: first in, first out; a slot stands in it at most once */

static void queue_slot(struct hs_loop *loop, uint32_t slot_idx)
{
    struct hs_loop_epoll *epoll = &loop->epoll;
    struct hs_loop_slot  *slot = &loop->slots[slot_idx];

    if (slot->is_queued) return;
    slot->is_queued = 1;
    slot->next_idx = HS_LOOP_NO_IDX;
    if (epoll->due_count++)
        loop->slots[epoll->due_tail_idx].next_idx = slot_idx;
    else
        epoll->due_head_idx = slot_idx;
    epoll->due_tail_idx = slot_idx;
}

static uint32_t unqueue_slot(struct hs_loop *loop)
{
    uint32_t slot_idx = loop->epoll.due_head_idx;

    HS_ASSERT(loop->epoll.due_count > 0);
    loop->epoll.due_head_idx = loop->slots[slot_idx].next_idx;
    loop->epoll.due_count--;
    loop->slots[slot_idx].is_queued = 0;
    return slot_idx;
}

static void tell_later(struct hs_loop *loop, struct hs_stream *stream, enum hs_stream_event event,
                       int result)
{
    struct hs_loop_slot *slot = &loop->slots[stream->slot_idx];

    HS_ASSERT(!slot->due); /* one send or one connect at a time */
    slot->due = (uint8_t)(event + 1);
    slot->result = (int16_t)result;
    queue_slot(loop, stream->slot_idx);
}

/* ---- streams */

/* Makes the kernel's interest ours. With none the descriptor is taken out, because a hang-up that
 * nobody can clear would be reported for ever. */
static int refresh(struct hs_loop *loop, const struct hs_stream *stream)
{
    struct hs_loop_slot *slot = &loop->slots[stream->slot_idx];
    uint32_t             wanted = 0;
    uint32_t             asked = slot->asked;

    if (stream->flags & HS_STREAM_RECEIVING) wanted |= EPOLLIN;
    if (slot->is_out) wanted |= EPOLLOUT;
    if (stream->flags & HS_STREAM_CLOSING) wanted = 0;
    if (wanted == asked) return 0;
    slot->asked = (uint8_t)wanted;
    return control(loop,
                   !wanted ? EPOLL_CTL_DEL
                   : asked ? EPOLL_CTL_MOD
                           : EPOLL_CTL_ADD,
                   stream->fd, stream->slot_idx, wanted);
}

/* For changes that only failing memory in the kernel can refuse. */
static void must_refresh(struct hs_loop *loop, const struct hs_stream *stream)
{
    if (refresh(loop, stream)) loop->is_broken = true;
}

int hs_loop_epoll_receive(struct hs_loop *loop, struct hs_stream *stream)
{
    stream->flags |= HS_STREAM_RECEIVING;
    return refresh(loop, stream);
}

int hs_loop_epoll_connect(struct hs_loop *loop, struct hs_stream *stream)
{
    struct hs_loop_slot *slot = &loop->slots[stream->slot_idx];
    int                  rc;

    slot->is_out = 1;
    rc = refresh(loop, stream);
    if (rc) return rc;
    rc = connect(stream->fd, &slot->addr.any, hs_loop_addr_bytes(slot)) ? -errno : 0;
    if (rc == -EINPROGRESS) return 0;
    slot->is_out = 0;
    must_refresh(loop, stream);
    tell_later(loop, stream, HS_STREAM_CONNECTED, rc);
    return 0;
}

static void end_send(struct hs_loop *loop, struct hs_stream *stream, int result)
{
    loop->slots[stream->slot_idx].is_out = 0;
    must_refresh(loop, stream);
    stream->send_count = 0;
    if (result < 0) stream->flags |= HS_STREAM_BROKEN;
    if (stream->flags & HS_STREAM_REPORTING)
        tell_later(loop, stream, HS_STREAM_SENT, result);
    else if (result < 0)
        tell_later(loop, stream, HS_STREAM_FAILED, result);
    else if (stream->flags & HS_STREAM_ANSWERED)
        stream->flags &= (uint16_t) ~(HS_STREAM_QUIET | HS_STREAM_ANSWERED);
}

/* Sends what the kernel takes; the rest waits until the socket is writable. */
void hs_loop_epoll_send(struct hs_loop *loop, struct hs_stream *stream)
{
    while (stream->send_count) {
        ssize_t sent =
            send(stream->fd, stream->send_bytes, stream->send_count, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) {
            loop->slots[stream->slot_idx].is_out = 1;
            must_refresh(loop, stream);
            return;
        }
        if (sent < 0) {
            end_send(loop, stream, -errno);
            return;
        }
        stream->send_bytes += sent;
        stream->send_count -= (size_t)sent;
    }
    end_send(loop, stream, 0);
}

void hs_loop_epoll_hold(struct hs_loop *loop, struct hs_stream *stream)
{
    stream->flags ^= HS_STREAM_RECEIVING; /* the receive of one that has ended is not held */
    must_refresh(loop, stream);
}

void hs_loop_epoll_stop(struct hs_loop *loop, struct hs_stream *stream)
{
    HS_ASSERT(stream->flags & HS_STREAM_CLOSING);
    must_refresh(loop, stream);
    queue_slot(loop, stream->slot_idx);
}

static void tell_connected(struct hs_loop *loop, struct hs_stream *stream, int result)
{
    stream->flags &= (uint16_t)~HS_STREAM_CONNECTING;
    stream->flags |= result ? HS_STREAM_BROKEN : HS_STREAM_RECEIVING;
    loop->slots[stream->slot_idx].is_out = 0;
    must_refresh(loop, stream);
    stream->ops->on_event(stream, HS_STREAM_CONNECTED, result);
}

static void on_writable(struct hs_loop *loop, struct hs_stream *stream)
{
    int       result = 0;
    socklen_t bytes = sizeof result;

    if (!(stream->flags & HS_STREAM_CONNECTING)) {
        hs_loop_epoll_send(loop, stream);
        return;
    }
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &result, &bytes)) result = errno;
    tell_connected(loop, stream, -result);
}

static void note_answer(const struct hs_loop *loop, struct hs_stream *stream)
{
    if (!(stream->flags & HS_STREAM_QUIET)) return;
    if (loop->slots[stream->slot_idx].is_out)
        stream->flags |= HS_STREAM_ANSWERED; /* early: the request has not left whole */
    else
        stream->flags &= (uint16_t)~HS_STREAM_QUIET;
}

static void on_readable(struct hs_loop *loop, struct hs_stream *stream)
{
    ssize_t count = recv(stream->fd, loop->buffers, loop->buffer_bytes, MSG_DONTWAIT);
    int     result = count < 0 ? -errno : 0;

    if (result == -EAGAIN || result == -EINTR) return;
    if (count > 0) {
        note_answer(loop, stream);
        stream->ops->on_data(stream, loop->buffers, (size_t)count);
        return;
    }
    stream->flags &= (uint16_t)~HS_STREAM_RECEIVING;
    must_refresh(loop, stream);
    stream->ops->on_event(stream, result ? HS_STREAM_FAILED : HS_STREAM_EOF, result);
}

static void on_stream(struct hs_loop *loop, const struct hs_loop_slot *slot, uint32_t events)
{
    struct hs_stream *stream = slot->owner.stream;
    uint32_t          ended = EPOLLERR | EPOLLHUP;

    if (stream->flags & HS_STREAM_CLOSING) return; /* by a callback earlier in this batch */
    if ((events & (EPOLLOUT | ended)) && slot->is_out) on_writable(loop, stream);
    if (stream->flags & HS_STREAM_CLOSING) return;
    if ((events & (EPOLLIN | ended)) && (stream->flags & HS_STREAM_RECEIVING))
        on_readable(loop, stream);
}

/* ---- listeners and watches */

static int owner_fd(const struct hs_loop_slot *slot)
{
    return slot->kind == HS_LOOP_LISTENER ? slot->owner.listener->fd : slot->owner.watch->fd;
}

int hs_loop_epoll_arm(struct hs_loop *loop, uint32_t slot_idx)
{
    return control(loop, EPOLL_CTL_ADD, owner_fd(&loop->slots[slot_idx]), slot_idx, EPOLLIN);
}

void hs_loop_epoll_rest(struct hs_loop *loop, uint32_t slot_idx, bool is_resting)
{
    if (control(loop, EPOLL_CTL_MOD, owner_fd(&loop->slots[slot_idx]), slot_idx,
                is_resting ? 0 : (uint32_t)EPOLLIN))
        loop->is_broken = true;
}

void hs_loop_epoll_disarm(struct hs_loop *loop, uint32_t slot_idx)
{
    HS_IGNORE(control(loop, EPOLL_CTL_DEL, owner_fd(&loop->slots[slot_idx]), slot_idx, 0),
              "a closed descriptor is out already");
}

/* One connection an event: asking for more could block on a listener without O_NONBLOCK. */
static void on_accept(struct hs_loop *loop, const struct hs_loop_slot *slot, uint32_t slot_idx)
{
    struct hs_listener *listener = slot->owner.listener;
    int                 fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        listener->on_accept(listener, fd);
    } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        int error = -errno;

        hs_loop_epoll_rest(loop, slot_idx, true);
        hs_loop_rest_listener(loop, slot_idx, error);
    }
}

/* ---- files */

void hs_loop_epoll_write(struct hs_loop *loop, uint32_t file_idx)
{
    struct hs_loop_epoll *epoll = &loop->epoll;

    if (epoll->file_count++)
        loop->files[epoll->file_tail_idx].next_idx = file_idx;
    else
        epoll->file_head_idx = file_idx;
    epoll->file_tail_idx = file_idx;
}

static int write_file(struct hs_loop_file *file)
{
    const struct hs_file_op *op = file->op;
    const uint8_t           *bytes = op->bytes;

    while (file->done_bytes < op->count) {
        ssize_t wrote = pwrite(op->fd, bytes + file->done_bytes, hs_loop_file_left_bytes(file),
                               (off_t)(op->at_bytes + file->done_bytes));

        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return wrote < 0 ? -errno : -EIO;
        file->done_bytes += (size_t)wrote;
    }
    return op->is_synced && fdatasync(op->fd) ? -errno : 0;
}

static void on_file(struct hs_loop *loop)
{
    uint32_t             file_idx = loop->epoll.file_head_idx;
    struct hs_loop_file *file = &loop->files[file_idx];

    loop->epoll.file_head_idx = file->next_idx;
    loop->epoll.file_count--;
    hs_loop_finish_file(loop, file_idx, write_file(file));
}

/* ---- dispatch */

static void on_due(struct hs_loop *loop)
{
    uint32_t             slot_idx = unqueue_slot(loop);
    struct hs_loop_slot *slot = &loop->slots[slot_idx];
    struct hs_stream    *stream = slot->owner.stream;
    unsigned             event = slot->due - 1u;

    if (stream->flags & HS_STREAM_CLOSING) {
        hs_loop_finish_stream(loop, stream);
        return;
    }
    HS_ASSERT(slot->due);
    slot->due = 0;
    if (event == HS_STREAM_CONNECTED) {
        tell_connected(loop, stream, slot->result);
        return;
    }
    stream->flags &= (uint16_t) ~(HS_STREAM_REPORTING | HS_STREAM_QUIET | HS_STREAM_ANSWERED);
    stream->ops->on_event(stream, (enum hs_stream_event)event, slot->result);
}

static void on_ready(struct hs_loop *loop, const struct epoll_event *event)
{
    uint32_t             slot_idx = (uint32_t)event->data.u64;
    struct hs_loop_slot *slot =
        hs_loop_find_slot(loop, slot_idx, (uint32_t)(event->data.u64 >> 32));

    if (!slot) return; /* closed earlier in this batch */
    switch ((enum hs_loop_slot_kind)slot->kind) {
    case HS_LOOP_STREAM: on_stream(loop, slot, event->events); break;
    case HS_LOOP_LISTENER: on_accept(loop, slot, slot_idx); break;
    case HS_LOOP_WATCH: slot->owner.watch->on_readable(slot->owner.watch); break;
    case HS_LOOP_FREE: break;
    }
}

/* Of a batch, half may be due slots and a quarter files, so that neither they nor the kernel's
 * events starve; what is left comes in the next step. */
static unsigned due_share(const struct hs_loop_epoll *epoll)
{
    return epoll->due_count < HS_LOOP_BATCH / 2 ? epoll->due_count : HS_LOOP_BATCH / 2;
}

static unsigned file_share(const struct hs_loop_epoll *epoll)
{
    return epoll->file_count < HS_LOOP_BATCH / 4 ? epoll->file_count : HS_LOOP_BATCH / 4;
}

unsigned hs_loop_epoll_ready(const struct hs_loop *loop)
{
    return loop->epoll.due_count + loop->epoll.file_count + loop->epoll.event_count;
}

unsigned hs_loop_epoll_dispatch(struct hs_loop *loop)
{
    struct hs_loop_epoll *epoll = &loop->epoll;
    unsigned              due = due_share(epoll);
    unsigned              files = file_share(epoll);
    unsigned              events = epoll->event_count;

    epoll->event_count = 0;
    for (unsigned i = 0; i < due; i++) on_due(loop);
    for (unsigned i = 0; i < files; i++) on_file(loop);
    for (unsigned i = 0; i < events; i++) on_ready(loop, &epoll->events[i]);
    return due + files + events;
}

/* Kernels before 5.11 and some filters lack epoll_pwait2; then a wait is late by up to 1 ms, never
 * early. */
static int wait_coarse(struct hs_loop_epoll *epoll, int room, uint64_t timeout_ns)
{
    uint64_t timeout_ms = timeout_ns / HS_NS_PER_MS + (timeout_ns % HS_NS_PER_MS != 0);

    if (timeout_ns == HS_NEVER_NS) return epoll_wait(epoll->epoll_fd, epoll->events, room, -1);
    return epoll_wait(epoll->epoll_fd, epoll->events, room, (int)hs_min_u64(timeout_ms, INT32_MAX));
}

static int wait_fine(struct hs_loop_epoll *epoll, int room, uint64_t timeout_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / HS_NS_PER_S),
                               .tv_nsec = (long)(timeout_ns % HS_NS_PER_S)};

    return epoll_pwait2(epoll->epoll_fd, epoll->events, room,
                        timeout_ns == HS_NEVER_NS ? NULL : &timeout, NULL);
}

int hs_loop_epoll_enter(struct hs_loop *loop, uint64_t timeout_ns)
{
    struct hs_loop_epoll *epoll = &loop->epoll;
    int                   room = HS_LOOP_BATCH - (int)due_share(epoll) - (int)file_share(epoll);
    int                   count = -1;

    if (epoll->event_count) return 0;
    if (hs_loop_epoll_ready(loop)) timeout_ns = 0;
    if (!epoll->is_coarse) {
        count = wait_fine(epoll, room, timeout_ns);
        if (count < 0 && (errno == ENOSYS || errno == EPERM)) epoll->is_coarse = true;
    }
    if (epoll->is_coarse) count = wait_coarse(epoll, room, timeout_ns);
    if (count < 0 && errno != EINTR) {
        loop->is_broken = true;
        return -EIO;
    }
    epoll->event_count = count > 0 ? (unsigned)count : 0;
    return 0;
}

int hs_loop_epoll_open(struct hs_loop *loop, struct hs_err *err)
{
    loop->epoll.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll.epoll_fd < 0) return hs_err_set(err, -errno, "epoll");
    return 0;
}

void hs_loop_epoll_close(struct hs_loop *loop)
{
    if (loop->epoll.epoll_fd >= 0) (void)close(loop->epoll.epoll_fd);
    loop->epoll.epoll_fd = -1;
}
