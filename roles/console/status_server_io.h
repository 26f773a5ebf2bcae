// SPDX-License-Identifier: Apache-2.0
/* status_server_io.h - connections to the status socket: carries bytes between the loop and
 * status_client, answers out of snapshots, passes actions on to the supervisor. */
#ifndef HS_CONSOLE_STATUS_SERVER_IO_H
#define HS_CONSOLE_STATUS_SERVER_IO_H

#include "ipc/loop.h"
#include "roles/console/peer_io.h"
#include "roles/console/snapshot.h"
#include "roles/console/status_client.h"
#include "roles/role_io.h"

struct hs_status_server;

struct hs_status_connection {
    struct hs_stream         stream;
    struct hs_status_server *server;
    bool                     is_taken;
    bool                     is_closing;
    bool                     has_ended; /* the peer sends nothing more; answers still go out */
    uint32_t                 life;      /* tells answers to an earlier connection in this place */
    enum hs_control_verb     verb;      /* of the action that the supervisor works on */
    struct hs_peer           peer;
    struct hs_status_client  client;
    char                    *answer; /* on its way; freed when it has left */
};

struct hs_status_server {
    struct hs_role_process          *process;
    const struct hs_snapshot_source *source;
    struct hs_status_snapshot       *snapshot; /* shared with the metrics: filled for each answer */
    uid_t                            daemon_uid;
    uint64_t                         told_at_ns; /* of a line about connections that were ended */
    unsigned                         untold_count;
    struct hs_listener               listener;
    struct hs_status_connection      connections[HS_STATUS_CLIENTS_MAX];
};

int hs_status_server_open(struct hs_status_server *server, int listen_fd,
                          struct hs_err *err) HS_MUST_CHECK;
/* Watches that are due, clients that are late. Returns the next deadline. */
uint64_t hs_status_server_turn(struct hs_status_server *server, uint64_t now_ns);
void     hs_status_server_on_answer(struct hs_status_server *server, uint64_t token, int code,
                                    const char *text);
/* Takes nobody in any more and lets everybody go. */
void hs_status_server_stop(struct hs_status_server *server);
bool hs_status_server_is_closed(const struct hs_status_server *server);

#endif
