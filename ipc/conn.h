// SPDX-License-Identifier: Apache-2.0
/* conn.h - frames over a connected stream: puts received bytes together, queues what is to be sent
 * within a bound, closes in order. Knows neither messages nor requests (roles/wire.h, ipc/rpc.h),
 * and never reconnects.
 *
 * What is to be sent leaves by rank: a frame of a higher rank passes those of a lower one that
 * still wait, and within a rank each goes as it came. Whoever sends frames of several ranks must
 * not rely on their order.
 *
 * A conn lives on the heap from open until on_closed has returned. All callbacks come from inside
 * hs_loop_step, never from inside the call that asked for something. */
#ifndef HS_IPC_CONN_H
#define HS_IPC_CONN_H

#include "ipc/frame.h"
#include "ipc/tls.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_addr;
struct hs_loop;
struct hs_conn;

/* frame and its body are valid until the call returns. */
typedef void hs_conn_frame_fn(struct hs_conn *conn, const struct hs_frame *frame);
/* Exactly once, the last callback; conn is gone when it returns. reason: 0 closed by hs_conn_close
 * with everything sent; -ECONNRESET the peer closed or died; -ECANCELED hs_conn_abort; -EPROTO or
 * -EMSGSIZE the peer sent nonsense; -ETIMEDOUT a frame's header was not complete within 5 s, the
 * frame not within 30 s, or it came at less than 1 KiB/s after 10 s, the handshake or the
 * connecting not within 5 s, or the flush not by its deadline; -EKEYREJECTED we have refused
 * the peer's certificate; -EACCES the peer has refused ours (hs_conn_refusal says more of these
 * two); else what the kernel said. */
typedef void hs_conn_closed_fn(struct hs_conn *conn, int reason);
/* Connected, and over TLS the peer has shown who it is: once, before its first frame. */
typedef void hs_conn_ready_fn(struct hs_conn *conn);

struct hs_conn_figures { /* cumulative */
    uint64_t received_frames;
    uint64_t received_bytes;
    uint64_t sent_frames;
    uint64_t sent_bytes;
    uint64_t conflated_frames; /* statistics left out because the peer reads slowly */
    uint64_t refused_frames;   /* -ENOBUFS */
};

struct hs_conn_config {
    struct hs_loop    *loop;
    void              *owner;
    hs_conn_frame_fn  *on_frame;
    hs_conn_closed_fn *on_closed;
    size_t             queue_bytes_max; /* 0: HS_SEND_QUEUE_BYTES_MAX */
    struct hs_conn_figures
                     *figures; /* added to; the owner's sum over its conns. NULL: not counted */
    struct hs_tls    *tls;     /* lives longer than the connection. NULL: plain, as on one host */
    enum hs_tls_side  side;
    hs_conn_ready_fn *on_ready; /* NULL: not told. Plain and with hs_conn_open: never told */
};

/* Takes the connected stream socket fd; on failure it stays the caller's. -EBUSY: too many
 * handshakes of that network are under way. */
int hs_conn_open(struct hs_conn **conn, const struct hs_conn_config *config,
                 int fd_take) HS_MUST_CHECK;
/* Connects first (5 s); what is sent meanwhile waits in the queue. */
int hs_conn_connect(struct hs_conn **conn, const struct hs_conn_config *config,
                    const struct hs_addr *addr) HS_MUST_CHECK;
/* From now on another owner's: its callbacks hear of whatever comes next. */
struct hs_conn_callbacks {
    void              *owner;
    hs_conn_frame_fn  *on_frame;
    hs_conn_closed_fn *on_closed;
};
void hs_conn_hand_over(struct hs_conn *conn, const struct hs_conn_callbacks *to);

/* What the check of the TLS context has noted of the peer, HS_TLS_PEER_BYTES; NULL: plain, or not
 * ready. */
const void *hs_conn_peer(const struct hs_conn *conn);
/* Whose certificate was refused, and why, as a sentence; "" else. In on_closed, too. */
const char *hs_conn_refusal(const struct hs_conn *conn);

void *hs_conn_owner(const struct hs_conn *conn);
/* A number that the owner may keep with the connection: a table index, a role. */
uint64_t hs_conn_tag(const struct hs_conn *conn);
void     hs_conn_set_tag(struct hs_conn *conn, uint64_t tag);

/* Copies the frame into the queue. 0; -ENOBUFS: the queue is full (for CONTROL only when the room
 * kept for it is, too), the peer does not read, the caller decides whether to cut it off;
 * -EMSGSIZE: body above HS_FRAME_BODY_BYTES_MAX; -ENOTCONN: closing. */
int hs_conn_send(struct hs_conn *conn, const struct hs_frame *frame) HS_MUST_CHECK;
/* The same for what a newer one makes worthless (statistics): -EAGAIN and dropped when more than
 * 256 KiB would leave before it. */
int hs_conn_send_latest(struct hs_conn *conn, const struct hs_frame *frame) HS_MUST_CHECK;
/* Without the copy: room for a body of up to body_bytes_max in the queue; the caller writes it
 * through writer and commits at once, before any other call on this conn. A failed writer or NULL:
 * nothing is sent. frame's body is not looked at. Errors as hs_conn_send. */
int hs_conn_begin(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                  struct hs_writer *writer) HS_MUST_CHECK;
/* hs_conn_begin as hs_conn_send_latest. */
int  hs_conn_begin_latest(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                          struct hs_writer *writer) HS_MUST_CHECK;
void hs_conn_commit(struct hs_conn *conn, const struct hs_writer *writer);

size_t hs_conn_queued_bytes(const struct hs_conn *conn); /* not yet taken by the kernel */
bool   hs_conn_is_open(const struct hs_conn *conn);      /* neither closing nor failed */

/* true: what the peer sends is left with it for now (hs_stream_hold); a frame of which a part has
 * come goes on to age. false: it is read again. */
void hs_conn_hold(struct hs_conn *conn, bool is_held);

/* Takes no more input, sends what is queued, closes; gives up at flush_deadline_ns. Idempotent. */
void hs_conn_close(struct hs_conn *conn, uint64_t flush_deadline_ns);
/* Closes now; what is queued is lost. Idempotent: the first reason stays. */
void hs_conn_abort(struct hs_conn *conn);

/* The owner calls turn when the deadline is due (or more often). */
uint64_t hs_conn_deadline_ns(const struct hs_conn *conn);
void     hs_conn_turn(struct hs_conn *conn, uint64_t now_ns);

#endif
