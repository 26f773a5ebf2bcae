// SPDX-License-Identifier: Apache-2.0
/* wire_io.h - sends messages over connections: encodes straight into the send queue. A message's
 * class (roles/traffic.h) says its rank there: control passes work, and work passes figures. */
#ifndef HS_ROLES_WIRE_IO_H
#define HS_ROLES_WIRE_IO_H

#include "ipc/conn.h"
#include "roles/wire.h"

/* A message that nobody answers, or a question (request_id from hs_rpc_begin; 0: none). Errors as
 * hs_conn_send, and -EMSGSIZE if the message breaks its own bounds. */
int hs_wire_send(struct hs_conn *conn, enum hs_msg_type type, const void *message,
                 uint64_t request_id) HS_MUST_CHECK;
/* The answer to the frame with that request id. */
int hs_wire_reply(struct hs_conn *conn, enum hs_msg_type type, const void *message,
                  uint64_t request_id) HS_MUST_CHECK;
/* Statistics: -EAGAIN and dropped when the peer is behind (hs_conn_send_latest). */
int hs_wire_send_latest(struct hs_conn *conn, enum hs_msg_type type,
                        const void *message) HS_MUST_CHECK;

#endif
