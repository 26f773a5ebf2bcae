// SPDX-License-Identifier: Apache-2.0
/* loop_io.c - what the two back ends of the real loop share: slots, waiting, and the public
 * functions. */
#include "ipc/loop_io.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* ---- slots */

static int take_slot(struct hs_loop *loop, enum hs_loop_slot_kind kind, uint32_t *slot_idx)
{
    uint32_t             idx = loop->free_slot_idx;
    struct hs_loop_slot *slot;

    HS_CHECK_MAGIC(loop, HS_LOOP_MAGIC);
    if (idx == HS_LOOP_NO_IDX) return -ENOBUFS;
    slot = &loop->slots[idx];
    HS_ASSERT(slot->kind == HS_LOOP_FREE);
    loop->free_slot_idx = slot->next_idx;
    slot->next_idx = HS_LOOP_NO_IDX;
    slot->kind = (uint8_t)kind;
    slot->due = 0;
    slot->is_out = 0;
    slot->asked = 0;
    memset(&slot->addr, 0, sizeof slot->addr);
    *slot_idx = idx;
    return 0;
}

void hs_loop_free_slot(struct hs_loop *loop, uint32_t slot_idx)
{
    struct hs_loop_slot *slot = &loop->slots[slot_idx];

    HS_ASSERT(slot->kind != HS_LOOP_FREE);
    HS_ASSERT(!slot->is_queued);
    slot->kind = HS_LOOP_FREE;
    slot->owner.stream = NULL;
    slot->generation = (slot->generation + 1) & HS_LOOP_GENERATION;
    slot->next_idx = loop->free_slot_idx;
    loop->free_slot_idx = slot_idx;
}

struct hs_loop_slot *hs_loop_find_slot(struct hs_loop *loop, uint32_t slot_idx, uint32_t generation)
{
    struct hs_loop_slot *slot = &loop->slots[slot_idx];

    HS_ASSERT(slot_idx < loop->slot_count);
    return slot->generation == generation ? slot : NULL;
}

socklen_t hs_loop_addr_bytes(const struct hs_loop_slot *slot)
{
    return slot->addr.any.sa_family == AF_INET ? (socklen_t)sizeof slot->addr.ipv4
                                               : (socklen_t)sizeof slot->addr.ipv6;
}

/* ---- opening and closing */

static bool is_power_of_two(unsigned value)
{
    return value && (value & (value - 1)) == 0;
}

static int check_config(const struct hs_loop_config *config, struct hs_err *err)
{
    if (config->stream_count_max < 1 || config->stream_count_max > HS_LOOP_SLOTS_MAX)
        return hs_err_set(err, -EINVAL, "stream_count_max %u", config->stream_count_max);
    if (!is_power_of_two(config->recv_buffer_count) ||
        config->recv_buffer_count > HS_LOOP_BUFFERS_MAX)
        return hs_err_set(err, -EINVAL, "recv_buffer_count %u", config->recv_buffer_count);
    if (config->recv_buffer_bytes < 1 || config->recv_buffer_bytes > HS_LOOP_SEND_BYTES_MAX)
        return hs_err_set(err, -EINVAL, "recv_buffer_bytes %u", config->recv_buffer_bytes);
    if (config->file_op_count_max > HS_LOOP_SLOTS_MAX)
        return hs_err_set(err, -EINVAL, "file_op_count_max %u", config->file_op_count_max);
    return 0;
}

static int open_tables(struct hs_loop *loop, const struct hs_loop_config *config,
                       struct hs_err *err)
{
    loop->slot_count = config->stream_count_max;
    loop->file_count = config->file_op_count_max;
    loop->buffer_count = config->recv_buffer_count;
    loop->buffer_bytes = config->recv_buffer_bytes;
    loop->slots = calloc(loop->slot_count, sizeof *loop->slots);
    loop->files = calloc(loop->file_count + 1u, sizeof *loop->files);
    if (!loop->slots || !loop->files) return hs_err_set(err, -ENOMEM, "tables of the loop");
    /* Mapped, not allocated: pages that no receive has touched cost nothing. */
    loop->buffers_bytes = (size_t)loop->buffer_count * loop->buffer_bytes;
    loop->buffers =
        mmap(NULL, loop->buffers_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (loop->buffers == MAP_FAILED) {
        loop->buffers = NULL;
        return hs_err_set(err, -ENOMEM, "receive buffers of %zu bytes", loop->buffers_bytes);
    }
    for (uint32_t i = 0; i < loop->slot_count; i++)
        loop->slots[i].next_idx = i + 1 < loop->slot_count ? i + 1 : HS_LOOP_NO_IDX;
    for (uint32_t i = 0; i < loop->file_count; i++)
        loop->files[i].next_idx = i + 1 < loop->file_count ? i + 1 : HS_LOOP_NO_IDX;
    loop->free_file_idx = loop->file_count ? 0 : HS_LOOP_NO_IDX;
    return 0;
}

static void name_backend(struct hs_loop *loop, int refused)
{
    char reason[64];

    if (loop->is_uring || !refused) {
        (void)snprintf(loop->backend_text, sizeof loop->backend_text, "%s",
                       loop->is_uring ? "io_uring" : "epoll");
        return;
    }
    (void)snprintf(reason, sizeof reason, "%s", hs_err_code_text(refused));
    if (reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = (char)(reason[0] - 'A' + 'a');
    (void)snprintf(loop->backend_text, sizeof loop->backend_text, "epoll (io_uring: %s)", reason);
}

static int open_backend(struct hs_loop *loop, enum hs_loop_backend wanted, struct hs_err *err)
{
    int refused = 0;

    if (wanted != HS_LOOP_EPOLL) {
        refused = hs_loop_uring_open(loop, err);
        loop->is_uring = refused == 0;
    }
    name_backend(loop, refused);
    if (loop->is_uring || (refused && wanted == HS_LOOP_IO_URING)) return refused;
    hs_err_clear(err);
    return hs_loop_epoll_open(loop, err);
}

/* Descriptors that others hand over (a link, a configuration) are dropped by the kernel where there
 * is no number for them, so connections do not take the last ones. */
static int fd_end(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT_MAX) return INT_MAX;
    return (int)(limit.rlim_cur - hs_min_u64(limit.rlim_cur / 4, HS_LOOP_FDS_KEPT));
}

int hs_loop_open(struct hs_loop **loop, const struct hs_loop_config *config, struct hs_err *err)
{
    struct hs_loop *opened;
    int             rc = check_config(config, err);

    *loop = NULL;
    if (rc) return rc;
    opened = calloc(1, sizeof *opened);
    if (!opened) return hs_err_set(err, -ENOMEM, "loop");
    opened->magic = HS_LOOP_MAGIC;
    opened->fd_end = fd_end();
    opened->spin_ns = config->spin_ns;
    opened->rest_until_ns = HS_NEVER_NS;
    opened->epoll.epoll_fd = -1;
    rc = open_tables(opened, config, err);
    if (!rc) rc = open_backend(opened, config->wanted, err);
    if (rc) {
        hs_loop_close(&opened);
        return rc;
    }
    /* By default the kernel may wake us 50 us late, to save power. */
    HS_IGNORE(prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL), "then timers are a little late");
    opened->now_ns = hs_loop_clock_ns(opened);
    *loop = opened;
    return 0;
}

void hs_loop_close(struct hs_loop **loop)
{
    struct hs_loop *closing = *loop;

    *loop = NULL;
    if (!closing) return;
    HS_CHECK_MAGIC(closing, HS_LOOP_MAGIC);
    hs_loop_uring_close(closing);
    hs_loop_epoll_close(closing);
    if (closing->buffers) (void)munmap(closing->buffers, closing->buffers_bytes);
    free(closing->slots);
    free(closing->files);
    closing->magic = 0;
    free(closing);
}

const char *hs_loop_backend_text(const struct hs_loop *loop)
{
    return loop->backend_text;
}

bool hs_loop_is_restricted(const struct hs_loop *loop)
{
    return loop->uring.is_restricted;
}

void hs_loop_figures(const struct hs_loop *loop, struct hs_loop_figures *figures)
{
    *figures = loop->figures;
}

/* ---- time and steps */

uint64_t hs_loop_clock_ns(struct hs_loop *loop)
{
    struct timespec now = {0};

    HS_CHECK_MAGIC(loop, HS_LOOP_MAGIC);
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t hs_loop_now_ns(const struct hs_loop *loop)
{
    return loop->now_ns;
}

static int enter(struct hs_loop *loop, uint64_t timeout_ns)
{
    if (loop->is_broken) return -EIO;
    loop->figures.enter_count++;
    return loop->is_uring ? hs_loop_uring_enter(loop, timeout_ns)
                          : hs_loop_epoll_enter(loop, timeout_ns);
}

static bool is_ready(const struct hs_loop *loop)
{
    return (loop->is_uring ? hs_loop_uring_ready(loop) : hs_loop_epoll_ready(loop)) > 0;
}

/* Near the deadline sleeping would overshoot by the wake-up time, so the rest is polled: what
 * arrives meanwhile is harvested at once. */
static int spin(struct hs_loop *loop, uint64_t deadline_ns)
{
    int rc = 0;

    while (!rc && !is_ready(loop)) {
        uint64_t now_ns = hs_loop_clock_ns(loop);

        if (now_ns >= deadline_ns || deadline_ns - now_ns > loop->spin_ns) break;
        rc = enter(loop, 0);
    }
    return rc;
}

/* How long an arrival may have waited for its stamp: since the last harvest while we only poll, and
 * until we went to sleep where we did. */
static void note_gap(struct hs_loop *loop, uint64_t awake_until_ns)
{
    uint64_t gap_ns = awake_until_ns - loop->now_ns;

    if (gap_ns > loop->figures.harvest_gap_max_ns) loop->figures.harvest_gap_max_ns = gap_ns;
}

static int await(struct hs_loop *loop, uint64_t deadline_ns, uint64_t *slept_at_ns)
{
    uint64_t sleep_ns;
    uint64_t now_ns;
    int      rc;

    if (is_ready(loop) || deadline_ns <= loop->now_ns) return enter(loop, 0);
    now_ns = hs_loop_clock_ns(loop);
    if (deadline_ns <= now_ns) return enter(loop, 0);
    *slept_at_ns = now_ns;
    if (deadline_ns == HS_NEVER_NS) return enter(loop, HS_NEVER_NS);
    sleep_ns = hs_min_u64(deadline_ns - now_ns, HS_LOOP_SLEEP_MAX_NS);
    if (!loop->spin_ns) return enter(loop, sleep_ns);
    rc = sleep_ns > loop->spin_ns ? enter(loop, sleep_ns - loop->spin_ns) : enter(loop, 0);
    return rc ? rc : spin(loop, deadline_ns);
}

static void rearm(struct hs_loop *loop, uint32_t slot_idx)
{
    loop->slots[slot_idx].rest_until_ns = 0;
    if (loop->is_uring)
        hs_loop_uring_arm(loop, slot_idx);
    else
        hs_loop_epoll_rest(loop, slot_idx, false);
}

/* Walks all slots: happens at most ten times a second, and only after a failure to accept or to
 * poll. */
static void rearm_rested(struct hs_loop *loop)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (uint32_t i = 0; i < loop->slot_count; i++) {
        struct hs_loop_slot *slot = &loop->slots[i];

        if (slot->kind != HS_LOOP_LISTENER && slot->kind != HS_LOOP_WATCH) continue;
        if (!slot->rest_until_ns) continue;
        if (slot->rest_until_ns <= loop->now_ns)
            rearm(loop, i);
        else
            next_ns = hs_min_u64(next_ns, slot->rest_until_ns);
    }
    loop->rest_until_ns = next_ns;
}

int hs_loop_step(struct hs_loop *loop, uint64_t deadline_ns)
{
    uint64_t slept_at_ns = 0;
    uint64_t now_ns;
    unsigned dispatched;

    HS_CHECK_MAGIC(loop, HS_LOOP_MAGIC);
    HS_ASSERT(!loop->is_dispatching);
    if (await(loop, hs_min_u64(deadline_ns, loop->rest_until_ns), &slept_at_ns)) return -EIO;
    now_ns = hs_loop_clock_ns(loop);
    note_gap(loop, slept_at_ns ? slept_at_ns : now_ns);
    loop->now_ns = now_ns;
    loop->is_dispatching = true;
    if (loop->rest_until_ns <= loop->now_ns) rearm_rested(loop);
    dispatched = loop->is_uring ? hs_loop_uring_dispatch(loop) : hs_loop_epoll_dispatch(loop);
    loop->is_dispatching = false;
    loop->figures.completion_count += dispatched;
    return loop->is_broken ? -EIO : (int)dispatched;
}

/* ---- streams */

static int take_stream(struct hs_loop *loop, struct hs_stream *stream, int fd, unsigned flags)
{
    int rc = take_slot(loop, HS_LOOP_STREAM, &stream->slot_idx);

    HS_ASSERT(stream->ops);
    if (rc) return rc;
    loop->slots[stream->slot_idx].owner.stream = stream;
    stream->loop = loop;
    stream->fd = fd;
    stream->flags = (uint16_t)flags;
    stream->inflight = 0;
    stream->quiet_bytes = 0;
    stream->send_bytes = NULL;
    stream->send_count = 0;
    return 0;
}

static int give_back_stream(struct hs_loop *loop, struct hs_stream *stream, int rc)
{
    hs_loop_free_slot(loop, stream->slot_idx);
    stream->loop = NULL;
    return rc;
}

int hs_stream_adopt(struct hs_loop *loop, struct hs_stream *stream, int fd)
{
    int rc = take_stream(loop, stream, fd, 0);

    if (rc) return rc;
    if (loop->is_uring)
        hs_loop_uring_receive(loop, stream);
    else
        rc = hs_loop_epoll_receive(loop, stream);
    return rc ? give_back_stream(loop, stream, rc) : 0;
}

/* Under io_uring the socket must not be non-blocking, or waiting operations would end at once. */
static int open_socket(const struct hs_loop *loop, int family)
{
    int one = 1;
    int type = SOCK_STREAM | SOCK_CLOEXEC | (loop->is_uring ? 0 : SOCK_NONBLOCK);
    int fd = socket(family, type, 0);

    if (fd < 0) return -errno;
    if (fd >= loop->fd_end || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)) {
        int rc = fd >= loop->fd_end ? -EMFILE : -errno;

        (void)close(fd);
        return rc;
    }
    return fd;
}

int hs_stream_connect(struct hs_loop *loop, struct hs_stream *stream, const struct hs_addr *addr)
{
    union hs_addr_sockaddr to;
    int                    rc;
    int                    fd;

    if (!hs_addr_to_sockaddr(addr, &to)) return -EINVAL;
    if (loop->free_slot_idx == HS_LOOP_NO_IDX) return -ENOBUFS;
    fd = open_socket(loop, to.any.sa_family);
    if (fd < 0) return fd;
    rc = take_stream(loop, stream, fd, HS_STREAM_CONNECTING);
    HS_ASSERT(rc == 0); /* a free slot was seen above */
    loop->slots[stream->slot_idx].addr = to;
    if (loop->is_uring)
        hs_loop_uring_connect(loop, stream);
    else
        rc = hs_loop_epoll_connect(loop, stream);
    if (!rc) return 0;
    (void)close(fd);
    return give_back_stream(loop, stream, rc);
}

/* A peer that answers without reading fills the socket in the end, with small ones too. */
static void note_quiet(struct hs_stream *stream, size_t count)
{
    stream->quiet_bytes = (uint32_t)hs_min_u64(stream->quiet_bytes + count, UINT32_MAX);
    if (stream->quiet_bytes > HS_LOOP_LARGE_BYTES) stream->flags |= HS_STREAM_LARGE;
}

int hs_stream_send(struct hs_stream *stream, const void *bytes, size_t count, enum hs_send how)
{
    struct hs_loop *loop = stream->loop;

    if (!loop) return -ENOTCONN;
    if (stream->flags & (HS_STREAM_CONNECTING | HS_STREAM_CLOSING | HS_STREAM_BROKEN))
        return -ENOTCONN;
    if (stream->flags & (HS_STREAM_REPORTING | HS_STREAM_QUIET)) return -EAGAIN;
    if (!count) return -EINVAL;
    if (count > HS_LOOP_SEND_BYTES_MAX) return -EMSGSIZE;
    stream->send_bytes = bytes;
    stream->send_count = count;
    stream->flags |= how == HS_SEND_QUIET ? HS_STREAM_QUIET : HS_STREAM_REPORTING;
    if (how == HS_SEND_QUIET) note_quiet(stream, count);
    if (loop->is_uring)
        hs_loop_uring_send(loop, stream);
    else
        hs_loop_epoll_send(loop, stream);
    return 0;
}

void hs_stream_hold(struct hs_stream *stream, bool is_held)
{
    bool was_held = stream->flags & HS_STREAM_HELD;

    if (!stream->loop || is_held == was_held || (stream->flags & HS_STREAM_CLOSING)) return;
    if (is_held && !(stream->flags & HS_STREAM_RECEIVING)) return;
    stream->flags ^= HS_STREAM_HELD;
    if (stream->loop->is_uring)
        hs_loop_uring_hold(stream->loop, stream);
    else
        hs_loop_epoll_hold(stream->loop, stream);
}

void hs_stream_close(struct hs_stream *stream, bool is_abort)
{
    struct hs_loop *loop = stream->loop;
    struct linger   reset = {.l_onoff = 1, .l_linger = 0};

    if (!loop) return;
    if (is_abort)
        HS_IGNORE(setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset),
                  "then the connection ends in the ordinary way");
    if (stream->flags & HS_STREAM_CLOSING) return;
    stream->flags |= HS_STREAM_CLOSING;
    if (loop->is_uring)
        hs_loop_uring_stop(loop, stream);
    else
        hs_loop_epoll_stop(loop, stream);
}

void hs_loop_finish_stream(struct hs_loop *loop, struct hs_stream *stream)
{
    HS_ASSERT(stream->inflight == 0);
    HS_ASSERT(stream->flags & HS_STREAM_CLOSING);
    (void)close(stream->fd);
    hs_loop_free_slot(loop, stream->slot_idx);
    stream->fd = -1;
    stream->loop = NULL;
    stream->ops->on_event(stream, HS_STREAM_CLOSED, 0); /* the owner may free it now */
}

/* ---- listeners and watches */

static void disarm(struct hs_loop *loop, uint32_t slot_idx)
{
    if (loop->is_uring)
        hs_loop_uring_disarm(loop, slot_idx);
    else
        hs_loop_epoll_disarm(loop, slot_idx);
    hs_loop_free_slot(loop, slot_idx);
}

static int arm(struct hs_loop *loop, uint32_t slot_idx)
{
    int rc = 0;

    if (loop->is_uring)
        hs_loop_uring_arm(loop, slot_idx);
    else
        rc = hs_loop_epoll_arm(loop, slot_idx);
    if (rc) hs_loop_free_slot(loop, slot_idx);
    return rc;
}

int hs_listener_open(struct hs_loop *loop, struct hs_listener *listener, int fd)
{
    int rc = take_slot(loop, HS_LOOP_LISTENER, &listener->slot_idx);

    HS_ASSERT(listener->on_accept);
    if (rc) return rc;
    loop->slots[listener->slot_idx].owner.listener = listener;
    listener->fd = fd;
    listener->loop = loop;
    rc = arm(loop, listener->slot_idx);
    if (rc) listener->loop = NULL;
    return rc;
}

void hs_listener_close(struct hs_listener *listener)
{
    if (!listener->loop) return;
    disarm(listener->loop, listener->slot_idx);
    listener->loop = NULL;
}

void hs_loop_rest(struct hs_loop *loop, uint32_t slot_idx)
{
    struct hs_loop_slot *slot = &loop->slots[slot_idx];

    slot->rest_until_ns = loop->now_ns + HS_LOOP_REST_NS;
    loop->rest_until_ns = hs_min_u64(loop->rest_until_ns, slot->rest_until_ns);
}

void hs_loop_rest_listener(struct hs_loop *loop, uint32_t slot_idx, int error)
{
    struct hs_loop_slot *slot = &loop->slots[slot_idx];
    struct hs_listener  *listener = slot->owner.listener;
    bool                 is_told = loop->now_ns >= slot->report_at_ns;

    hs_loop_rest(loop, slot_idx);
    if (!is_told) return;
    slot->report_at_ns = loop->now_ns + HS_LOOP_ACCEPT_REPORT_NS;
    listener->on_accept(listener, error);
}

int hs_watch_open(struct hs_loop *loop, struct hs_watch *watch, int fd)
{
    int rc = take_slot(loop, HS_LOOP_WATCH, &watch->slot_idx);

    HS_ASSERT(watch->on_readable);
    if (rc) return rc;
    loop->slots[watch->slot_idx].owner.watch = watch;
    watch->fd = fd;
    watch->loop = loop;
    rc = arm(loop, watch->slot_idx);
    if (rc) watch->loop = NULL;
    return rc;
}

void hs_watch_close(struct hs_watch *watch)
{
    if (!watch->loop) return;
    disarm(watch->loop, watch->slot_idx);
    watch->loop = NULL;
}

/* ---- files */

int hs_loop_write(struct hs_loop *loop, struct hs_file_op *op)
{
    uint32_t             file_idx = loop->free_file_idx;
    struct hs_loop_file *file;

    HS_CHECK_MAGIC(loop, HS_LOOP_MAGIC);
    HS_ASSERT(op->on_done);
    if (file_idx == HS_LOOP_NO_IDX) return -ENOBUFS;
    file = &loop->files[file_idx];
    loop->free_file_idx = file->next_idx;
    *file = (struct hs_loop_file){.op = op, .next_idx = HS_LOOP_NO_IDX};
    if (loop->is_uring)
        hs_loop_uring_write(loop, file_idx);
    else
        hs_loop_epoll_write(loop, file_idx);
    return 0;
}

void hs_loop_finish_file(struct hs_loop *loop, uint32_t file_idx, int result)
{
    struct hs_loop_file *file = &loop->files[file_idx];
    struct hs_file_op   *op = file->op;

    HS_ASSERT(op);
    file->op = NULL;
    file->next_idx = loop->free_file_idx;
    loop->free_file_idx = file_idx;
    op->on_done(op, result);
}

size_t hs_loop_file_left_bytes(const struct hs_loop_file *file)
{
    return hs_min_u64(file->op->count - file->done_bytes, HS_LOOP_SEND_BYTES_MAX);
}
