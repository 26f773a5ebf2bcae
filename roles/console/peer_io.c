// SPDX-License-Identifier: Apache-2.0
/* peer_io.c - asks the kernel for the credentials of a peer. */
#include "roles/console/peer_io.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { GROUPS_MAX = 256 };

struct groups {
    gid_t  ids[GROUPS_MAX];
    size_t count;
};

int hs_peer_owner_of(int fd, uid_t *uid)
{
    struct stat status;

    if (fstat(fd, &status) != 0) return -errno;
    *uid = status.st_uid;
    return 0;
}

/* His own group, and the others that he was in when he connected. */
static void ask_groups(int fd, gid_t own, struct groups *groups)
{
    socklen_t bytes = (GROUPS_MAX - 1) * sizeof(gid_t);

    groups->ids[0] = own;
    groups->count = 1;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups->ids + 1, &bytes) == 0)
        groups->count += bytes / sizeof(gid_t);
}

static bool is_in(const struct groups *groups, const struct hs_config_account *account)
{
    if (!account->is_found) return false;
    for (size_t i = 0; i < groups->count; i++)
        if (groups->ids[i] == account->gid) return true;
    return false;
}

void hs_peer_ask(int fd, uid_t daemon_uid, const struct hs_config *config, struct hs_peer *peer)
{
    struct ucred  credentials;
    socklen_t     bytes = sizeof credentials;
    struct groups groups;

    peer->uid = (uid_t)-1;
    peer->right = HS_STATUS_NO_RIGHT;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) return;
    peer->uid = credentials.uid;
    ask_groups(fd, credentials.gid, &groups);
    if (peer->uid == 0 || peer->uid == daemon_uid || is_in(&groups, &config->console.admin_group))
        peer->right = HS_STATUS_MAY_ACT;
    else if (!config->console.read_group.name[0] || is_in(&groups, &config->console.read_group))
        peer->right = HS_STATUS_MAY_READ;
}
