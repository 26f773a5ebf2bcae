// SPDX-License-Identifier: Apache-2.0
/* where.h - which gate a command talks to: this host's, over its socket, or one elsewhere, over TLS
 * with credentials. Pure. */
#ifndef HS_CLIENT_WHERE_H
#define HS_CLIENT_WHERE_H

#include "roles/client/options.h"
#include "roles/client/sockets.h"

enum { HS_WHERE_HOST_BYTES = 254, HS_WHERE_TEXT_BYTES = 264 };

struct hs_where {
    const char *credentials; /* a directory; NULL: a socket of this host */
    uint16_t    port;
    char        path[HS_SOCKET_PATH_BYTES];
    char        host[HS_WHERE_HOST_BYTES]; /* a name or an address, without brackets */
    char        text[HS_WHERE_TEXT_BYTES]; /* what to call it: the path, or HOST:PORT */
};

/* --gate and --credentials, else --socket, else the usual place; a flag beats a variable of the
 * environment. -EINVAL with a sentence. */
int hs_where_of(const struct hs_options *options, struct hs_where *where,
                struct hs_err *err) HS_MUST_CHECK;
/* Is a gate elsewhere meant? */
bool hs_where_is_remote(const struct hs_options *options);

#endif
