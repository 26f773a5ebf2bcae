// SPDX-License-Identifier: Apache-2.0
/* status_client.h - one connection to the status socket as a state machine: lines come together,
 * one request is answered at a time, a watch comes round, and whoever is slow is cut off. Does not
 * know sockets nor what answers hold. Pure. */
#ifndef HS_CONSOLE_STATUS_CLIENT_H
#define HS_CONSOLE_STATUS_CLIENT_H

#include "roles/console/status_request.h"
#include "shm/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* A connection that asks nothing and watches nothing makes room for others after this time. */
#define HS_STATUS_IDLE_NS (UINT64_C(60) * 1000000000)
/* The supervisor has this long for an action: a reload may start processes anew. */
#define HS_STATUS_ACTION_NS (UINT64_C(60) * 1000000000)

enum hs_status_client_state {
    HS_STATUS_CLIENT_LISTENING, /* for a request */
    HS_STATUS_CLIENT_WAITING,   /* for the supervisor */
    HS_STATUS_CLIENT_SENDING    /* an answer is under way */
};

struct hs_status_client {
    enum hs_status_client_state state;
    uint64_t                    deadline_ns; /* of the state; HS_NEVER_NS: while it watches */
    uint64_t                    io_timeout_ns;
    bool                        has_watch;
    uint64_t                    watch_at_ns; /* next turn of the watch */
    struct hs_status_request    watch;
    size_t                      used_bytes;
    uint8_t                     bytes[HS_STATUS_REQUEST_BYTES_MAX + 1]; /* with the line feed */
};

void hs_status_client_init(struct hs_status_client *client, uint64_t now_ns,
                           uint64_t io_timeout_ns);
/* 0, or -EMSGSIZE: more than one request may have, cut it off. */
int hs_status_client_feed(struct hs_status_client *client, uint64_t now_ns, const uint8_t *bytes,
                          size_t count) HS_MUST_CHECK;
/* While listening: 1 with the next request, -EINVAL with what is wrong with it, 0: none is
 * whole. */
int hs_status_client_next(struct hs_status_client *client, struct hs_status_request *request,
                          struct hs_status_fault *fault) HS_MUST_CHECK;
/* The next answer to a watch is due now; moves the watch on. Turns missed are not made up for. */
bool hs_status_client_take_watch(struct hs_status_client *client, uint64_t now_ns);

/* What became of a request. */
void hs_status_client_watch(struct hs_status_client *client, uint64_t now_ns,
                            const struct hs_status_request *request);
void hs_status_client_wait(struct hs_status_client *client, uint64_t now_ns);
void hs_status_client_send(struct hs_status_client *client, uint64_t now_ns);
void hs_status_client_sent(struct hs_status_client *client, uint64_t now_ns);

bool     hs_status_client_is_late(const struct hs_status_client *client, uint64_t now_ns);
uint64_t hs_status_client_deadline_ns(const struct hs_status_client *client);

#endif
