// SPDX-License-Identifier: Apache-2.0
/* metrics_server_io.h - the address for GET /metrics, /healthz and /readyz: one request a
 * connection, read in time or cut off. */
#ifndef HS_CONSOLE_METRICS_SERVER_IO_H
#define HS_CONSOLE_METRICS_SERVER_IO_H

#include "ipc/loop.h"
#include "roles/console/http_request.h"
#include "roles/console/snapshot.h"
#include "roles/role_io.h"

enum { HS_METRICS_CLIENTS_MAX = 8 };

struct hs_metrics_server;

struct hs_metrics_connection {
    struct hs_stream          stream;
    struct hs_metrics_server *server;
    bool                      is_taken;
    bool                      is_closing;
    uint64_t                  deadline_ns;
    size_t                    used_bytes;
    uint8_t                   bytes[HS_HTTP_REQUEST_BYTES_MAX];
    uint8_t                  *answer; /* on its way; freed when it has left */
};

struct hs_metrics_server {
    struct hs_role_process          *process;
    const struct hs_snapshot_source *source;
    struct hs_status_snapshot       *snapshot;
    bool                             is_open;
    struct hs_listener               listener;
    struct hs_metrics_connection     connections[HS_METRICS_CLIENTS_MAX];
};

int hs_metrics_server_open(struct hs_metrics_server *server, int listen_fd,
                           struct hs_err *err) HS_MUST_CHECK;
/* Cuts off who is late. Returns the next deadline. */
uint64_t hs_metrics_server_turn(struct hs_metrics_server *server, uint64_t now_ns);
void     hs_metrics_server_stop(struct hs_metrics_server *server);
bool     hs_metrics_server_is_closed(const struct hs_metrics_server *server);

#endif
