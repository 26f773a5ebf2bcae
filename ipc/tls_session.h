// SPDX-License-Identifier: Apache-2.0
/* tls_session.h - one end of one TLS connection without its socket: what came from the network goes
 * in, what must go there comes out. For conn_io.c, and for a client that waits for one gate. */
#ifndef HS_IPC_TLS_SESSION_H
#define HS_IPC_TLS_SESSION_H

#include "ipc/buffer.h"
#include "ipc/tls.h"
#include "shm/base/bytes.h"

#include <stdbool.h>

struct hs_addr;
struct hs_tls_session;

/* The check refuses, in hs_tls_recheck, whom it let in before. */
typedef void hs_tls_rejected_fn(void *owner);

struct hs_tls_session_config {
    enum hs_tls_side      side;
    const struct hs_addr *from;        /* its handshake counts for this network; NULL: for none */
    hs_tls_rejected_fn   *on_rejected; /* NULL: not told */
    void                 *owner;
};

/* A client has its first bytes to send right away. -EBUSY: too many handshakes of that network;
 * -ENOKEY: no certificate of our own yet. */
int  hs_tls_session_open(struct hs_tls_session **session, struct hs_tls *tls,
                         const struct hs_tls_session_config *config) HS_MUST_CHECK;
void hs_tls_session_close(struct hs_tls_session **session); /* nulls; NULL: nothing happens */

/* Takes from the front of received. 1: plain holds until the next call over this context, and there
 * may be more; 0: everything is taken, more is needed; -ECONNRESET: the peer has ended it;
 * -EKEYREJECTED: its certificate is refused; -EACCES: it has refused ours; -EPROTO, -ENOMEM. After
 * a failure there may be something to send that says so to the peer. */
int hs_tls_session_read(struct hs_tls_session *session, struct hs_view *received,
                        struct hs_view *plain) HS_MUST_CHECK;
/* Once the handshake is done; appends to the output. -EPROTO, -ENOBUFS. */
int hs_tls_session_write(struct hs_tls_session *session, struct hs_view plain) HS_MUST_CHECK;
/* Appends the end of our direction to the output, once. */
void hs_tls_session_finish(struct hs_tls_session *session);

/* What is to be sent: the caller takes used_bytes from it, or the whole buffer in exchange for
 * another. */
struct hs_buffer *hs_tls_session_output(struct hs_tls_session *session);
bool              hs_tls_session_is_done(const struct hs_tls_session *session); /* the handshake */
const void       *hs_tls_session_peer(const struct hs_tls_session *session);
/* Why it was refused, by us or by the peer; "" else. */
const char *hs_tls_session_refusal(const struct hs_tls_session *session);

#endif
