// SPDX-License-Identifier: Apache-2.0
/* links_io.c - socket pairs, one end to each side. */
#include "supervisor/links_io.h"

#include "shm/base/log.h"
#include "supervisor/process_io.h"
#include "supervisor/role_table.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static void fill_link(struct hs_control_record *record, const struct hs_child *peer)
{
    hs_control_init(record, HS_CONTROL_LINK, NULL);
    record->peer = (uint16_t)peer->kind;
    record->idx = (uint16_t)peer->idx;
    record->generation = peer->restart.generation;
}

static bool make_pair(bool is_sequenced, int fds[2])
{
    int type = is_sequenced ? SOCK_SEQPACKET : SOCK_STREAM;

    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0) return true;
    hs_log(HS_LOG_ERROR, "links", "no_socket_pair reason=\"%s\"", hs_err_code_text(-errno));
    return false;
}

static void link_pair(struct hs_child *child, struct hs_child *peer, bool is_sequenced)
{
    struct hs_control_record record;
    int                      fds[2];

    if (!make_pair(is_sequenced, fds)) return;
    fill_link(&record, peer);
    hs_process_send(child, &record, fds[0]);
    fill_link(&record, child);
    hs_process_send(peer, &record, fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

/* The client of an embedded tree is at the end of the leash, and lives as long as the tree. */
static void link_client(struct hs_tree *tree, struct hs_child *child, bool is_sequenced)
{
    const struct hs_child    client = {.kind = HS_ROLE_CLIENT, .restart = {.generation = 1}};
    struct hs_control_record record;
    int                      fds[2];

    if (tree->leash_fd < 0 || !make_pair(is_sequenced, fds)) return;
    fill_link(&record, &client);
    hs_process_send(child, &record, fds[0]);
    fill_link(&record, child);
    hs_leash_send(tree, &record, fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

void hs_links_make(struct hs_tree *tree, struct hs_child *child)
{
    bool is_sequenced;

    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_child *peer = &tree->children[i];

        if (peer != child && peer->control_fd >= 0 &&
            hs_role_are_linked(child->kind, peer->kind, &is_sequenced))
            link_pair(child, peer, is_sequenced);
    }
    if (hs_role_are_linked(child->kind, HS_ROLE_CLIENT, &is_sequenced))
        link_client(tree, child, is_sequenced);
}

void hs_links_tell_down(struct hs_tree *tree, const struct hs_child *child, const char *cause)
{
    struct hs_control_record record;
    bool                     is_sequenced;

    hs_control_init(&record, HS_CONTROL_PEER_DOWN, cause);
    record.peer = (uint16_t)child->kind;
    record.idx = (uint16_t)child->idx;
    record.generation = child->restart.generation;
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_child *peer = &tree->children[i];

        if (peer != child && hs_role_are_linked(child->kind, peer->kind, &is_sequenced))
            hs_process_send(peer, &record, -1);
    }
}
