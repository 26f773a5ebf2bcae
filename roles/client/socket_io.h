// SPDX-License-Identifier: Apache-2.0
/* socket_io.h - connected stream sockets of a program that waits for them. */
#ifndef HS_CLIENT_SOCKET_IO_H
#define HS_CLIENT_SOCKET_IO_H

#include "shm/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* Both: a descriptor. */
int hs_socket_connect_unix(const char *path) HS_MUST_CHECK; /* -ENOENT, -ECONNREFUSED ... */
/* Every address of the name in turn, within that time in all; err says what is wrong. The socket
 * does not block. */
int hs_socket_connect_tcp(const char *host, uint16_t port, uint64_t timeout_ns,
                          struct hs_err *err) HS_MUST_CHECK;
/* 0; -ETIMEDOUT: the peer does not read for 5 s; -EPIPE ... */
int hs_socket_send_all(int fd, const uint8_t *data, size_t bytes) HS_MUST_CHECK;
/* 1: something to read, or the end of it; 0: not until the deadline of hs_client_now_ns's clock. */
int hs_socket_await(int fd, uint64_t deadline_ns) HS_MUST_CHECK;

#endif
