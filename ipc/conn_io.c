// SPDX-License-Identifier: Apache-2.0
/* conn_io.c - frames in and out of one stream. What is sent lies in two buffers: one that the
 * kernel reads and one that fills meanwhile; they change places when the first has left, so a burst
 * of small frames goes out in one piece. */
#include "ipc/conn.h"

#include "ipc/loop.h"
#include "shm/base/assert.h"
#include "shm/base/list.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONN_MAGIC = 0x636f6e6e,
    FIRST_BYTES = 4096,               /* of a buffer; grows by doubling */
    BEHIND_BYTES = HS_FRAME_BYTES_MAX /* waiting above this, statistics are not worth adding */
};
#define FRAME_TIMEOUT_NS (30 * HS_NS_PER_S) /* reliability.md 3.3 */
#define IDLE_RELEASE_NS  (60 * HS_NS_PER_S) /* likewise: memory of a burst is given back */

enum state { OPEN, FLUSHING, CLOSING };

struct buffer {
    uint8_t *data;
    size_t   used_bytes;
    size_t   capacity_bytes;
};

struct hs_conn {
    uint32_t               magic;
    enum state             state;
    int                    reason;
    struct hs_stream       stream;
    struct hs_conn_config  config;
    uint64_t               tag;
    struct buffer          in;               /* the beginning of a frame whose end has not come */
    struct buffer          out;              /* what fills */
    struct buffer          flight;           /* what the kernel reads */
    uint64_t               partial_since_ns; /* HS_NEVER_NS: in is empty */
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

static int buffer_reserve(struct buffer *buffer, size_t more_bytes)
{
    size_t   wanted = buffer->used_bytes + more_bytes;
    size_t   capacity = buffer->capacity_bytes ? buffer->capacity_bytes : FIRST_BYTES;
    uint8_t *data;

    if (wanted <= buffer->capacity_bytes) return 0;
    while (capacity < wanted) capacity *= 2;
    data = realloc(buffer->data, capacity);
    if (!data) return -ENOMEM;
    buffer->data = data;
    buffer->capacity_bytes = capacity;
    return 0;
}

static void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

static void shut(struct hs_conn *conn, int reason, bool is_abort)
{
    if (conn->state == CLOSING) return;
    conn->state = CLOSING;
    conn->reason = reason == -EPIPE ? -ECONNRESET : reason; /* both: the peer went */
    hs_stream_close(&conn->stream, is_abort);
}

static void send_next(struct hs_conn *conn)
{
    struct buffer empty;
    int           rc;

    if (conn->flight.used_bytes || conn->state == CLOSING) return;
    if (!conn->out.used_bytes) {
        if (conn->state == FLUSHING) shut(conn, 0, false);
        return;
    }
    empty = conn->flight;
    conn->flight = conn->out;
    conn->out = empty;
    rc = hs_stream_send(&conn->stream, conn->flight.data, conn->flight.used_bytes, HS_SEND_REPORT);
    if (rc < 0) shut(conn, rc, true);
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
    case HS_STREAM_CONNECTED: /* adopted streams are connected: nothing to say */ break;
    case HS_STREAM_SENT: on_sent(conn, result); break;
    case HS_STREAM_EOF: /* a flush goes on: the peer may have closed one direction only */
        if (conn->state == OPEN) shut(conn, -ECONNRESET, false);
        break;
    case HS_STREAM_FAILED: shut(conn, result, true); break;
    case HS_STREAM_CLOSED:
        conn->config.on_closed(conn, conn->state == CLOSING ? conn->reason : -ECONNRESET);
        buffer_release(&conn->in);
        buffer_release(&conn->out);
        buffer_release(&conn->flight);
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
            shut(conn, rc, false);
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
        if (buffer_reserve(&conn->in, take_bytes) < 0) {
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
    if (buffer_reserve(&conn->in, rest.bytes) < 0) {
        shut(conn, -ENOMEM, true);
        return;
    }
    memcpy(conn->in.data, rest.data, rest.bytes);
    conn->in.used_bytes = rest.bytes;
    conn->partial_since_ns = now_ns;
}

static void on_data(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    struct hs_conn *conn = conn_of(stream);
    struct hs_view  rest = hs_view_of(bytes, count);

    if (conn->state != OPEN) return;
    conn->config.figures->received_bytes += count;
    conn->touched_ns = hs_loop_now_ns(conn->config.loop);
    complete_kept(conn, &rest);
    while (conn->state == OPEN && rest.bytes) {
        struct hs_frame frame;
        size_t          need_bytes;
        int             rc = hs_frame_parse(rest, &frame, &need_bytes);

        if (rc < 0) {
            shut(conn, rc, false);
        } else if (rc == 0) {
            keep(conn, rest, conn->touched_ns);
            return;
        } else {
            rest = hs_view_of(rest.data + rc, rest.bytes - (size_t)rc);
            dispatch(conn, &frame);
        }
    }
}

static const struct hs_stream_ops ops = {.on_data = on_data, .on_event = on_event};

int hs_conn_open(struct hs_conn **conn, const struct hs_conn_config *config, int fd_take)
{
    struct hs_conn *opened = calloc(1, sizeof(*opened));
    int             rc;

    *conn = NULL;
    if (!opened) return -ENOMEM;
    *opened = (struct hs_conn){.magic = CONN_MAGIC,
                               .stream = {.ops = &ops},
                               .config = *config,
                               .partial_since_ns = HS_NEVER_NS,
                               .flush_deadline_ns = HS_NEVER_NS,
                               .touched_ns = hs_loop_now_ns(config->loop)};
    if (!opened->config.queue_bytes_max) opened->config.queue_bytes_max = HS_SEND_QUEUE_BYTES_MAX;
    if (!opened->config.figures) opened->config.figures = &opened->uncounted;
    rc = hs_stream_adopt(config->loop, &opened->stream, fd_take);
    if (rc < 0) {
        free(opened);
        return rc;
    }
    *conn = opened;
    return 0;
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

int hs_conn_begin(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                  struct hs_writer *writer)
{
    struct hs_frame empty = *frame;
    size_t          bytes = HS_FRAME_HEADER_BYTES + body_bytes_max;

    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    if (conn->state != OPEN) return -ENOTCONN;
    if (body_bytes_max > HS_FRAME_BODY_BYTES_MAX) return -EMSGSIZE;
    if (hs_conn_queued_bytes(conn) + bytes > conn->config.queue_bytes_max ||
        buffer_reserve(&conn->out, bytes) < 0) {
        conn->config.figures->refused_frames++;
        return -ENOBUFS;
    }
    empty.body = (struct hs_view){0};
    hs_frame_put_header(conn->out.data + conn->out.used_bytes, &empty);
    hs_writer_init(writer, conn->out.data + conn->out.used_bytes + HS_FRAME_HEADER_BYTES,
                   body_bytes_max);
    return 0;
}

int hs_conn_begin_latest(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                         struct hs_writer *writer)
{
    if (conn->state == OPEN && hs_conn_queued_bytes(conn) > BEHIND_BYTES) {
        conn->config.figures->conflated_frames++;
        return -EAGAIN;
    }
    return hs_conn_begin(conn, frame, body_bytes_max, writer);
}

void hs_conn_commit(struct hs_conn *conn, const struct hs_writer *writer)
{
    struct hs_writer length;
    uint8_t         *header = conn->out.data + conn->out.used_bytes;

    if (!writer || writer->failed) return;
    HS_ASSERT(conn->state == OPEN);
    HS_ASSERT(writer->data == header + HS_FRAME_HEADER_BYTES);
    hs_writer_init(&length, header, sizeof(uint32_t));
    hs_put_u32le(&length, (uint32_t)writer->used_bytes);
    conn->out.used_bytes += HS_FRAME_HEADER_BYTES + writer->used_bytes;
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
    return conn->out.used_bytes + conn->flight.used_bytes;
}

bool hs_conn_is_open(const struct hs_conn *conn)
{
    return conn->state == OPEN;
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

static uint64_t release_at_ns(const struct hs_conn *conn)
{
    bool has_spare = (conn->in.capacity_bytes && !conn->in.used_bytes) ||
                     conn->out.capacity_bytes || conn->flight.capacity_bytes;

    return has_spare ? after(conn->touched_ns, IDLE_RELEASE_NS) : HS_NEVER_NS;
}

uint64_t hs_conn_deadline_ns(const struct hs_conn *conn)
{
    if (conn->state == CLOSING) return HS_NEVER_NS;
    if (conn->state == FLUSHING) return conn->flush_deadline_ns;
    return hs_min_u64(after(conn->partial_since_ns, FRAME_TIMEOUT_NS), release_at_ns(conn));
}

void hs_conn_turn(struct hs_conn *conn, uint64_t now_ns)
{
    HS_CHECK_MAGIC(conn, CONN_MAGIC);
    if (now_ns < hs_conn_deadline_ns(conn)) return;
    if (conn->state == FLUSHING || after(conn->partial_since_ns, FRAME_TIMEOUT_NS) <= now_ns) {
        shut(conn, -ETIMEDOUT, true);
        return;
    }
    if (!conn->in.used_bytes) buffer_release(&conn->in);
    if (!conn->out.used_bytes) buffer_release(&conn->out);
    if (!conn->flight.used_bytes) buffer_release(&conn->flight);
    conn->touched_ns = now_ns;
}
