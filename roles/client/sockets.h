// SPDX-License-Identifier: Apache-2.0
/* sockets.h - where a daemon on this host is reached. Pure. */
#ifndef HS_CLIENT_SOCKETS_H
#define HS_CLIENT_SOCKETS_H

#include "shm/base/err.h"

enum { HS_SOCKET_PATH_BYTES = 108 };
enum hs_socket { HS_SOCKET_GATE, HS_SOCKET_STATUS };

/* given: --socket, NULL for the usual place. It may name either socket, or the directory of both.
 * -EINVAL: too long. */
int hs_socket_path(const char *given, enum hs_socket which, char path[HS_SOCKET_PATH_BYTES],
                   struct hs_err *err) HS_MUST_CHECK;

#endif
