// SPDX-License-Identifier: Apache-2.0
/* peer_io.h - who is at the other end of a connection to the status socket, and what he may
 * (SEC-20). The process id is never asked for: it may be somebody else's by the time it is used. */
#ifndef HS_CONSOLE_PEER_IO_H
#define HS_CONSOLE_PEER_IO_H

#include "roles/config.h"
#include "roles/console/status_request.h"

#include <sys/types.h>

struct hs_peer {
    uid_t                uid;
    enum hs_status_right right;
};

/* The user who made a socket: of the listening one, the daemon's. -errno. */
int hs_peer_owner_of(int fd, uid_t *uid) HS_MUST_CHECK;
/* A peer who cannot be told has no rights. */
void hs_peer_ask(int fd, uid_t daemon_uid, const struct hs_config *config, struct hs_peer *peer);

#endif
