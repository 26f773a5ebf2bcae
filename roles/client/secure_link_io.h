// SPDX-License-Identifier: Apache-2.0
/* secure_link_io.h - TLS for a program that has one connection to a gate and waits for it: the
 * credentials of a client, connecting, and bytes through TLS in both directions. Knows no frames
 * (client_link_io.h). */
#ifndef HS_CLIENT_SECURE_LINK_IO_H
#define HS_CLIENT_SECURE_LINK_IO_H

#include "ipc/tls_session.h"
#include "roles/client/where.h"
#include "roles/cluster/credentials_io.h"

enum { HS_SECURE_RAW_BYTES = 16 << 10 };

struct hs_secure_link {
    struct hs_credentials  credentials;
    struct hs_tls_session *session; /* NULL: not connected */
    struct hs_view         rest;    /* of raw, not yet looked at */
    uint8_t                raw[HS_SECURE_RAW_BYTES];
};

/* On the heap. -EINVAL, -EPERM, -ENOENT ...: the directory is not as it should be. */
int  hs_secure_link_open(struct hs_secure_link **secure, const char *directory,
                         struct hs_err *err) HS_MUST_CHECK;
void hs_secure_link_close(struct hs_secure_link **secure); /* nulls; NULL: nothing happens */

/* A connected descriptor, the gate at its other end known. err says what is wrong in words;
 * -EKEYREJECTED, -EACCES, -EPROTO: and asking again would not help. */
int  hs_secure_link_connect(struct hs_secure_link *secure, const struct hs_where_gate *gate,
                            uint64_t connect_timeout_ns, struct hs_err *err) HS_MUST_CHECK;
void hs_secure_link_disconnect(struct hs_secure_link *secure); /* the descriptor stays */

/* 0; -ETIMEDOUT: it does not read; -EPIPE ... */
int hs_secure_link_send(struct hs_secure_link *secure, int fd, struct hs_view bytes) HS_MUST_CHECK;
/* Bytes put into memory; 0: nothing is there; -ECONNRESET: the gate is gone; -EACCES and
 * others as hs_tls_session_read. capacity_bytes: at least HS_SECURE_RAW_BYTES. */
int hs_secure_link_receive(struct hs_secure_link *secure, int fd, uint8_t *memory,
                           size_t capacity_bytes) HS_MUST_CHECK;
/* What TLS has refused, as a sentence; "" else. */
const char *hs_secure_link_refusal(const struct hs_secure_link *secure);

#endif
