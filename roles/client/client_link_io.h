// SPDX-License-Identifier: Apache-2.0
/* client_link_io.h - a stream to a gate, plain on one host, through TLS to another: messages out,
 * frames in. Sending waits, receiving does not. For a program that has one such link and nothing
 * else to do; roles use ipc/conn.h. */
#ifndef HS_CLIENT_LINK_IO_H
#define HS_CLIENT_LINK_IO_H

#include "roles/client/where.h"
#include "roles/wire.h"

struct hs_secure_link;

struct hs_client_link {
    int                    fd;     /* -1: none */
    struct hs_secure_link *secure; /* NULL: plain */
    uint64_t               next_request_id;
    size_t                 used_bytes;
    size_t                 taken_bytes; /* of the frame that was handed out last */
    uint8_t               *received;
    uint8_t               *sending;
};

int  hs_client_link_init(struct hs_client_link *link) HS_MUST_CHECK; /* -ENOMEM */
void hs_client_link_fini(struct hs_client_link *link);
/* Takes fd; what came over an earlier one is forgotten. */
void hs_client_link_take(struct hs_client_link *link, int fd);
void hs_client_link_close(struct hs_client_link *link);
/* A daemon's socket: -ENOENT, -ECONNREFUSED ...; or one of the gates elsewhere, greeted. err says
 * it in words. */
int hs_client_link_connect(struct hs_client_link *link, const struct hs_where *where,
                           unsigned gate_idx, struct hs_err *err) HS_MUST_CHECK;
/* Would the same attempt fail again, whatever the time? */
bool hs_client_link_is_hopeless(const struct hs_where *where, int rc);
/* 0, -ETIMEDOUT: the gate does not read; -EPIPE ...: it is gone. */
int hs_client_link_send(struct hs_client_link *link, enum hs_msg_type type,
                        const void *message) HS_MUST_CHECK;
/* 1: the next message, its views hold until the next call; 0: nothing is there; -ECONNRESET: the
 * gate is gone; -EPROTO. */
int hs_client_link_receive(struct hs_client_link *link, enum hs_msg_type *type,
                           union hs_msg *message) HS_MUST_CHECK;

#endif
