// SPDX-License-Identifier: Apache-2.0
/* conn_io.c - frames in and out of one stream. What is sent waits by rank (outgoing.h) and goes
 * out in pieces: a burst of small frames in one, a backlog in many, so that what comes later and
 * matters more waits for one piece at most. Over TLS a piece is sealed into the session's output,
 * and that goes to the kernel instead. */
#include "ipc/conn.h"

#include "ipc/addr.h"
#include "ipc/loop.h"
#include "ipc/outgoing.h"
#include "ipc/tls_session.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CONN_MAGIC = 0x636f6e6e,
    PIECE_BYTES = 64 << 10,           /* or one frame */
    BEHIND_BYTES = HS_FRAME_BYTES_MAX /* waiting above this, statistics are not worth adding */
};
/* From the first byte of a frame. A peer that drips keeps a buffer, never for long. */
#define HEADER_TIMEOUT_NS (5 * HS_NS_PER_S)
#define RATE_GRACE_NS     (10 * HS_NS_PER_S) /* from then on it must have come at RATE_PER_S */
#define FRAME_TIMEOUT_NS  (30 * HS_NS_PER_S)
#define IDLE_RELEASE_NS   (60 * HS_NS_PER_S) /* memory of a burst is given back */
enum { RATE_PER_S = 1024 };

#define CONNECT_TIMEOUT_NS (5 * HS_NS_PER_S)
#define FAREWELL_NS        (1 * HS_NS_PER_S) /* for the alert that says why */

enum state { OPEN, FLUSHING, CLOSING };

struct hs_conn {
    uint32_t               magic;
    enum state             state;
    int                    reason;
    int                    failure; /* what ended it, while the peer is still told; 0: nothing */
    struct hs_stream       stream;
    struct hs_conn_config  config;
    struct hs_tls_session *session; /* NULL: plain */
    uint64_t               tag;
    struct hs_buffer       in; /* the beginning of a frame whose end has not come */
    struct hs_outgoing     outgoing;
    enum hs_rank           begun;  /* of the frame that is being written */
    struct hs_buffer       flight; /* what the kernel reads */
    bool                   is_connected;
    bool                   is_ready;          /* frames may come and go */
    uint64_t               ready_deadline_ns; /* HS_NEVER_NS: ready */
    uint64_t               partial_since_ns;  /* HS_NEVER_NS: in is empty */
    uint64_t               flush_deadline_ns;
    uint64_t               touched_ns;
    struct hs_conn_figures uncounted; /* where figures go that nobody asked for */
};

static struct hs_conn *conn_of(struct hs_stream *stream)
{
    struct hs_conn *conn = HS_CONTAINER_OF(stream, struct hs_conn, stream);

    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    return conn;
}

static void shut(struct hs_conn *conn, int reason, bool is_abort)
{
    if (conn->state == CLOSING) return;
    if (conn->failure) reason = conn->failure;
    conn->state = CLOSING;
    conn->reason = reason == -EPIPE ? -ECONNRESET : reason; /* both: the peer went */
    hs_stream_close(&conn->stream, is_abort);
}

static bool is_handshaking(const struct hs_conn *conn)
{
    return conn->session && !conn->is_ready && !conn->failure;
}

static int put_piece(struct hs_conn *conn, struct hs_view frames)
{
    if (conn->session) return hs_tls_session_write(conn->session, frames);
    if (hs_buffer_reserve(&conn->flight, frames.bytes) < 0) return -ENOMEM;
    memcpy(conn->flight.data + conn->flight.used_bytes, frames.data, frames.bytes);
    conn->flight.used_bytes += frames.bytes;
    return 0;
}

/* What goes next: to the kernel, or sealed into the session's output. */
static int take_piece(struct hs_conn *conn)
{
    size_t piece_bytes = 0;
    int    rc = 0;

    if (conn->session && !conn->is_ready) return 0;
    while (!rc && piece_bytes < PIECE_BYTES) {
        struct hs_view frames = hs_outgoing_take(&conn->outgoing, PIECE_BYTES - piece_bytes);

        if (!frames.bytes) break;
        piece_bytes += frames.bytes;
        rc = put_piece(conn, frames);
    }
    return rc;
}

static void take_output(struct hs_conn *conn)
{
    struct hs_buffer *output = hs_tls_session_output(conn->session);
    struct hs_buffer  empty = conn->flight;

    if (conn->state == FLUSHING && conn->is_ready && !hs_conn_queued_bytes(conn))
        hs_tls_session_finish(conn->session);
    conn->flight = *output;
    *output = empty;
}

static void send_next(struct hs_conn *conn)
{
    int rc;

    if (conn->flight.used_bytes || conn->state == CLOSING || !conn->is_connected) return;
    rc = take_piece(conn);
    if (!rc && conn->session) take_output(conn);
    if (!rc && !conn->flight.used_bytes) {
        if (conn->state == FLUSHING && !is_handshaking(conn)) shut(conn, 0, false);
        return;
    }
    if (!rc)
        rc = hs_stream_send(&conn->stream, conn->flight.data, conn->flight.used_bytes,
                            HS_SEND_REPORT);
    if (rc < 0) shut(conn, rc, true);
}

/* Of no more use; but the session may have something to say to the peer about it. */
static void fail(struct hs_conn *conn, int reason)
{
    if (conn->state == CLOSING || conn->failure) return;
    if (!conn->session) {
        shut(conn, reason, false);
        return;
    }
    conn->failure = reason;
    hs_outgoing_clear(&conn->outgoing);
    conn->partial_since_ns = HS_NEVER_NS;
    conn->ready_deadline_ns = HS_NEVER_NS;
    conn->flush_deadline_ns = hs_loop_now_ns(conn->config.loop) + FAREWELL_NS;
    conn->state = FLUSHING;
    send_next(conn);
}

static void become_ready(struct hs_conn *conn)
{
    conn->is_ready = true;
    conn->ready_deadline_ns = HS_NEVER_NS;
    if (conn->state == OPEN && conn->config.on_ready) conn->config.on_ready(conn);
}

static void on_rejected(void *owner)
{
    shut(owner, -EKEYREJECTED, true);
}

static int open_session(struct hs_conn *conn, const struct hs_addr *from)
{
    const struct hs_tls_session_config config = {
        .side = conn->config.side, .from = from, .on_rejected = on_rejected, .owner = conn};

    if (!conn->config.tls) return 0;
    return hs_tls_session_open(&conn->session, conn->config.tls, &config);
}

static void on_connected(struct hs_conn *conn, int result)
{
    if (result < 0) {
        shut(conn, result, true);
        return;
    }
    conn->is_connected = true;
    conn->ready_deadline_ns = hs_loop_now_ns(conn->config.loop) + HS_TLS_HANDSHAKE_TIMEOUT_NS;
    if (!conn->session) become_ready(conn);
    send_next(conn);
}

static void on_sent(struct hs_conn *conn, int result)
{
    if (result < 0) {
        shut(conn, result, true);
        return;
    }
    HS_ASSERT(conn->flight.used_bytes > 0);
    conn->config.figures->sent_bytes += conn->flight.used_bytes;
    conn->flight.used_bytes = 0;
    send_next(conn);
}

static void on_event(struct hs_stream *stream, enum hs_stream_event event, int result)
{
    struct hs_conn *conn = conn_of(stream);

    switch (event) {
    case HS_STREAM_CONNECTED: on_connected(conn, result); break;
    case HS_STREAM_SENT: on_sent(conn, result); break;
    case HS_STREAM_EOF: /* a flush goes on: the peer may have closed one direction only */
        if (conn->state == OPEN || is_handshaking(conn)) shut(conn, -ECONNRESET, false);
        break;
    case HS_STREAM_FAILED: shut(conn, result, true); break;
    case HS_STREAM_CLOSED:
        conn->config.on_closed(conn, conn->state == CLOSING ? conn->reason : -ECONNRESET);
        hs_buffer_release(&conn->in);
        hs_outgoing_clear(&conn->outgoing);
        hs_outgoing_release_spare(&conn->outgoing);
        hs_buffer_release(&conn->flight);
        hs_tls_session_close(&conn->session);
        conn->magic = 0;
        free(conn);
        break;
    }
}

static void dispatch(struct hs_conn *conn, const struct hs_frame *frame)
{
    conn->config.figures->received_frames++;
    conn->config.on_frame(conn, frame);
}

/* Completes the frame whose beginning is kept; never takes more than that frame. */
static void complete_kept(struct hs_conn *conn, struct hs_view *rest)
{
    while (conn->state == OPEN && conn->in.used_bytes) {
        struct hs_frame frame;
        size_t          need_bytes;
        size_t          take_bytes;
        int             rc =
            hs_frame_parse(hs_view_of(conn->in.data, conn->in.used_bytes), &frame, &need_bytes);

        if (rc < 0) {
            fail(conn, rc);
            return;
        }
        if (rc > 0) {
            HS_ASSERT((size_t)rc == conn->in.used_bytes);
            conn->in.used_bytes = 0;
            conn->partial_since_ns = HS_NEVER_NS;
            dispatch(conn, &frame);
            return;
        }
        if (rest->bytes == 0) return;
        HS_ASSERT(need_bytes > conn->in.used_bytes);
        take_bytes = need_bytes - conn->in.used_bytes;
        if (take_bytes > rest->bytes) take_bytes = rest->bytes;
        if (hs_buffer_reserve(&conn->in, take_bytes) < 0) {
            shut(conn, -ENOMEM, true);
            return;
        }
        memcpy(conn->in.data + conn->in.used_bytes, rest->data, take_bytes);
        conn->in.used_bytes += take_bytes;
        *rest = hs_view_of(rest->data + take_bytes, rest->bytes - take_bytes);
    }
}

static void keep(struct hs_conn *conn, struct hs_view rest, uint64_t now_ns)
{
    HS_ASSERT(conn->in.used_bytes == 0);
    if (hs_buffer_reserve(&conn->in, rest.bytes) < 0) {
        shut(conn, -ENOMEM, true);
        return;
    }
    memcpy(conn->in.data, rest.data, rest.bytes);
    conn->in.used_bytes = rest.bytes;
    conn->partial_since_ns = now_ns;
}

static void take_plain(struct hs_conn *conn, struct hs_view rest)
{
    complete_kept(conn, &rest);
    while (conn->state == OPEN && rest.bytes) {
        struct hs_frame frame;
        size_t          need_bytes;
        int             rc = hs_frame_parse(rest, &frame, &need_bytes);

        if (rc < 0) {
            fail(conn, rc);
        } else if (rc == 0) {
            keep(conn, rest, conn->touched_ns);
            return;
        } else {
            rest = hs_view_of(rest.data + rc, rest.bytes - (size_t)rc);
            dispatch(conn, &frame);
        }
    }
}

static void take_sealed(struct hs_conn *conn, struct hs_view received)
{
    while (conn->state == OPEN || is_handshaking(conn)) {
        struct hs_view plain;
        int            rc = hs_tls_session_read(conn->session, &received, &plain);

        if (!conn->is_ready && hs_tls_session_is_done(conn->session)) become_ready(conn);
        if (rc < 0) fail(conn, rc);
        if (rc <= 0) break;
        take_plain(conn, plain);
    }
    send_next(conn);
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    struct hs_conn *conn = conn_of(stream);

    if (conn->state != OPEN && !is_handshaking(conn)) return;
    conn->config.figures->received_bytes += count;
    conn->touched_ns = hs_loop_now_ns(conn->config.loop);
    if (conn->session)
        take_sealed(conn, hs_view_of(bytes, count));
    else
        take_plain(conn, hs_view_of(bytes, count));
}

static const struct hs_stream_ops ops = {.on_data = on_data, .on_event = on_event};

static struct hs_conn *make(const struct hs_conn_config *config)
{
    struct hs_conn *made = calloc(1, sizeof(*made));

    if (!made) return NULL;
    *made = (struct hs_conn){.magic = CONN_MAGIC,
                             .stream = {.ops = &ops},
                             .config = *config,
                             .partial_since_ns = HS_NEVER_NS,
                             .ready_deadline_ns = HS_NEVER_NS,
                             .flush_deadline_ns = HS_NEVER_NS,
                             .touched_ns = hs_loop_clock_ns(config->loop)};
    if (!made->config.queue_bytes_max) made->config.queue_bytes_max = HS_SEND_QUEUE_BYTES_MAX;
    if (!made->config.figures) made->config.figures = &made->uncounted;
    return made;
}

/* The caller's, or gone after a failure. */
static int give(struct hs_conn *opened, int rc, struct hs_conn **conn)
{
    *conn = rc < 0 ? NULL : opened;
    if (rc >= 0) return 0;
    hs_tls_session_close(&opened->session);
    free(opened);
    return rc;
}

/* Sockets of a host have no network. */
static struct hs_addr network_of(int fd)
{
    union hs_addr_sockaddr name;
    socklen_t              bytes = sizeof name;
    struct hs_addr         addr = {.family = HS_ADDR_NONE};

    memset(&name, 0, sizeof name);
    if (getpeername(fd, &name.any, &bytes) == 0)
        HS_IGNORE(hs_addr_from_sockaddr(&addr, &name), "another family: no network either");
    return addr;
}

int hs_conn_open(struct hs_conn **conn, const struct hs_conn_config *config, int fd_take)
{
    struct hs_conn *opened = make(config);
    struct hs_addr  from = {.family = HS_ADDR_NONE};
    int             rc;

    *conn = NULL;
    if (!opened) return -ENOMEM;
    opened->is_connected = true;
    opened->is_ready = !config->tls;
    if (config->tls) opened->ready_deadline_ns = opened->touched_ns + HS_TLS_HANDSHAKE_TIMEOUT_NS;
    if (config->tls && config->side == HS_TLS_SERVER) from = network_of(fd_take);
    rc = open_session(opened, &from);
    if (!rc) rc = hs_stream_adopt(config->loop, &opened->stream, fd_take);
    rc = give(opened, rc, conn);
    if (!rc) send_next(opened);
    return rc;
}

int hs_conn_connect(struct hs_conn **conn, const struct hs_conn_config *config,
                    const struct hs_addr *addr)
{
    struct hs_conn *opened = make(config);
    int             rc;

    *conn = NULL;
    if (!opened) return -ENOMEM;
    opened->ready_deadline_ns = opened->touched_ns + CONNECT_TIMEOUT_NS;
    rc = open_session(opened, NULL);
    if (!rc) rc = hs_stream_connect(config->loop, &opened->stream, addr);
    return give(opened, rc, conn);
}

void hs_conn_hand_over(struct hs_conn *conn, const struct hs_conn_callbacks *to)
{
    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    conn->config.owner = to->owner;
    conn->config.on_frame = to->on_frame;
    conn->config.on_closed = to->on_closed;
}

const void *hs_conn_peer(const struct hs_conn *conn)
{
    return conn->session && conn->is_ready ? hs_tls_session_peer(conn->session) : NULL;
}

const char *hs_conn_refusal(const struct hs_conn *conn)
{
    return conn->session ? hs_tls_session_refusal(conn->session) : "";
}

void *hs_conn_owner(const struct hs_conn *conn)
{
    return conn->config.owner;
}

uint64_t hs_conn_tag(const struct hs_conn *conn)
{
    return conn->tag;
}

void hs_conn_set_tag(struct hs_conn *conn, uint64_t tag)
{
    conn->tag = tag;
}

/* Full of work, it still takes what is to stop it. */
static bool has_room(const struct hs_conn *conn, enum hs_rank rank, size_t bytes)
{
    size_t most_bytes = conn->config.queue_bytes_max;

    if (rank == HS_RANK_CONTROL) most_bytes += HS_SEND_CONTROL_BYTES;
    return hs_conn_queued_bytes(conn) + bytes <= most_bytes;
}

int hs_conn_begin(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                  struct hs_writer *writer)
{
    struct hs_frame empty = *frame;
    size_t          bytes = HS_FRAME_HEADER_BYTES + body_bytes_max;
    uint8_t        *room = NULL;

    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->state != OPEN) return -ENOTCONN;
    if (body_bytes_max > HS_FRAME_BODY_BYTES_MAX) return -EMSGSIZE;
    if (has_room(conn, frame->rank, bytes))
        room = hs_outgoing_reserve(&conn->outgoing, frame->rank, bytes);
    if (!room) {
        conn->config.figures->refused_frames++;
        return -ENOBUFS;
    }
    empty.body = (struct hs_view){0};
    hs_frame_put_header(room, &empty);
    hs_writer_init(writer, room + HS_FRAME_HEADER_BYTES, body_bytes_max);
    conn->begun = frame->rank;
    return 0;
}

int hs_conn_begin_latest(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                         struct hs_writer *writer)
{
    size_t before_bytes = conn->flight.used_bytes + hs_outgoing_bytes(&conn->outgoing, frame->rank);

    if (conn->state == OPEN && before_bytes > BEHIND_BYTES) {
        conn->config.figures->conflated_frames++;
        return -EAGAIN;
    }
    return hs_conn_begin(conn, frame, body_bytes_max, writer);
}

void hs_conn_commit(struct hs_conn *conn, const struct hs_writer *writer)
{
    struct hs_writer length;

    if (!writer || writer->failed) return;
    HS_ASSERT(conn->state == OPEN);
    hs_writer_init(&length, writer->data - HS_FRAME_HEADER_BYTES, sizeof(uint32_t));
    hs_put_u32le(&length, (uint32_t)writer->used_bytes);
    hs_outgoing_add(&conn->outgoing, conn->begun, HS_FRAME_HEADER_BYTES + writer->used_bytes);
    conn->config.figures->sent_frames++;
    conn->touched_ns = hs_loop_now_ns(conn->config.loop);
    send_next(conn);
}

static int send_body(struct hs_conn *conn, struct hs_view body, int rc, struct hs_writer *writer)
{
    if (rc < 0) return rc;
    hs_put_bytes(writer, body.data, body.bytes);
    hs_conn_commit(conn, writer);
    return 0;
}

int hs_conn_send(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_writer writer;
    int              rc = hs_conn_begin(conn, frame, frame->body.bytes, &writer);

    return send_body(conn, frame->body, rc, &writer);
}

int hs_conn_send_latest(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_writer writer;
    int              rc = hs_conn_begin_latest(conn, frame, frame->body.bytes, &writer);

    return send_body(conn, frame->body, rc, &writer);
}

size_t hs_conn_queued_bytes(const struct hs_conn *conn)
{
    return hs_outgoing_bytes(&conn->outgoing, HS_RANK_DATA) + conn->flight.used_bytes;
}

bool hs_conn_is_open(const struct hs_conn *conn)
{
    return conn->state == OPEN;
}

void hs_conn_hold(struct hs_conn *conn, bool is_held)
{
    if (conn->state == OPEN) hs_stream_hold(&conn->stream, is_held);
}

void hs_conn_close(struct hs_conn *conn, uint64_t flush_deadline_ns)
{
    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->state != OPEN) return;
    conn->state = FLUSHING;
    conn->flush_deadline_ns = flush_deadline_ns;
    conn->partial_since_ns = HS_NEVER_NS;
    send_next(conn);
}

void hs_conn_abort(struct hs_conn *conn)
{
    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    shut(conn, -ECANCELED, true);
}

static uint64_t after(uint64_t at_ns, uint64_t timeout_ns)
{
    return at_ns > HS_NEVER_NS - timeout_ns ? HS_NEVER_NS : at_ns + timeout_ns;
}

/* How long the frame that has begun may take, by what has come of it. */
static uint64_t frame_timeout_ns(size_t have_bytes)
{
    uint64_t at_rate_ns = have_bytes * HS_NS_PER_S / RATE_PER_S;

    if (have_bytes < HS_FRAME_HEADER_BYTES) return HEADER_TIMEOUT_NS;
    return hs_min_u64(hs_max_u64(at_rate_ns, RATE_GRACE_NS), FRAME_TIMEOUT_NS);
}

static uint64_t frame_deadline_ns(const struct hs_conn *conn)
{
    return after(conn->partial_since_ns, frame_timeout_ns(conn->in.used_bytes));
}

static uint64_t release_at_ns(const struct hs_conn *conn)
{
    bool has_spare = (conn->in.capacity_bytes && !conn->in.used_bytes) ||
                     hs_outgoing_has_spare(&conn->outgoing) || conn->flight.capacity_bytes ||
                     (conn->session && hs_tls_session_output(conn->session)->capacity_bytes);

    return has_spare ? after(conn->touched_ns, IDLE_RELEASE_NS) : HS_NEVER_NS;
}

uint64_t hs_conn_deadline_ns(const struct hs_conn *conn)
{
    if (conn->state == CLOSING) return HS_NEVER_NS;
    if (conn->state == FLUSHING)
        return hs_min_u64(conn->flush_deadline_ns, conn->ready_deadline_ns);
    return hs_min_u64(hs_min_u64(frame_deadline_ns(conn), conn->ready_deadline_ns),
                      release_at_ns(conn));
}

static void release_spare(struct hs_buffer *buffer)
{
    if (!buffer->used_bytes) hs_buffer_release(buffer);
}

void hs_conn_turn(struct hs_conn *conn, uint64_t now_ns)
{
    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    if (now_ns < hs_conn_deadline_ns(conn)) return;
    if (conn->state == FLUSHING || conn->ready_deadline_ns <= now_ns ||
        frame_deadline_ns(conn) <= now_ns) {
        shut(conn, -ETIMEDOUT, true);
        return;
    }
    release_spare(&conn->in);
    hs_outgoing_release_spare(&conn->outgoing);
    release_spare(&conn->flight);
    if (conn->session) release_spare(hs_tls_session_output(conn->session));
    conn->touched_ns = now_ns;
}
