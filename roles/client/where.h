// SPDX-License-Identifier: Apache-2.0
/* where.h - which gate a command talks to: this host's, over its socket, or one of those elsewhere,
 * over TLS with credentials. Which of several is for gates.h. Pure. */
#ifndef HS_CLIENT_WHERE_H
#define HS_CLIENT_WHERE_H

#include "roles/client/options.h"
#include "roles/client/sockets.h"

enum { HS_WHERE_HOST_BYTES = 254, HS_WHERE_TEXT_BYTES = 264, HS_WHERE_GATES_MAX = 16 };

struct hs_where_gate {
    uint16_t port;
    char     host[HS_WHERE_HOST_BYTES]; /* a name or an address, without brackets */
    char     text[HS_WHERE_TEXT_BYTES]; /* HOST:PORT, as it was given */
};

struct hs_where {
    const char          *credentials; /* a directory; NULL: a socket of this host */
    char                 path[HS_SOCKET_PATH_BYTES];
    unsigned             count; /* of gates; 0: the socket */
    struct hs_where_gate gates[HS_WHERE_GATES_MAX];
};

/* --gate and --credentials, else --socket, else the usual place; a flag beats a variable of the
 * environment. -EINVAL with a sentence. */
int hs_where_of(const struct hs_options *options, struct hs_where *where,
                struct hs_err *err) HS_MUST_CHECK;
/* Is a gate elsewhere meant? */
bool hs_where_is_remote(const struct hs_options *options);
/* What to call a gate: HOST:PORT, or the path of the socket. */
const char *hs_where_name(const struct hs_where *where, unsigned gate_idx);

#endif
