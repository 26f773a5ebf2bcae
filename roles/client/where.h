// SPDX-License-Identifier: Apache-2.0
/* where.h - which gate a command talks to: this host's, over its socket, or one of those elsewhere,
 * over TLS with credentials. Which of several is for gates.h. Pure. */
#ifndef HS_CLIENT_WHERE_H
#define HS_CLIENT_WHERE_H

#include "roles/client/options.h"
#include "roles/client/sockets.h"

enum { HS_WHERE_HOST_BYTES = 254, HS_WHERE_TEXT_BYTES = 264, HS_WHERE_GATES_MAX = 16 };

struct hs_where_rank { /* as SRV records have it */
    uint16_t priority; /* lowest first */
    uint16_t weight;   /* among those of one priority */
};

struct hs_where_gate {
    struct hs_where_rank rank;
    bool                 is_srv; /* host is the name of a service, whose hosts name servers know */
    uint16_t             port;
    char                 host[HS_WHERE_HOST_BYTES]; /* a name or an address, without brackets */
    char                 text[HS_WHERE_TEXT_BYTES]; /* HOST:PORT, or srv:SERVICE */
};

struct hs_where {
    const char          *credentials; /* a directory; NULL: a socket of this host */
    char                 path[HS_SOCKET_PATH_BYTES];
    unsigned             count;      /* of gates; 0: the socket */
    bool                 is_partial; /* there are more, or may be: no room, or a name not found */
    struct hs_where_gate gates[HS_WHERE_GATES_MAX];
};

/* --gate and --credentials, else --socket, else the usual place; a flag beats a variable of the
 * environment. -EINVAL with a sentence. */
int hs_where_of(const struct hs_options *options, struct hs_where *where,
                struct hs_err *err) HS_MUST_CHECK;
/* Is a gate elsewhere meant? */
bool hs_where_is_remote(const struct hs_options *options);
/* One more, unless it is there already; is_partial if there is no room. */
void hs_where_add(struct hs_where *where, const char *host, uint16_t port,
                  const struct hs_where_rank *rank);
/* What to call a gate: HOST:PORT, or the path of the socket. */
const char *hs_where_name(const struct hs_where *where, unsigned gate_idx);

#endif
