// SPDX-License-Identifier: Apache-2.0
/* tls_end.h - an end of a connection over TLS under test, with a loop of its own. */
#ifndef HS_TESTS_UNIT_TLS_END_H
#define HS_TESTS_UNIT_TLS_END_H

#include "ipc/conn.h"
#include "ipc/loop.h"
#include "roles/cluster/identity.h"

struct hs_tls_end {
    struct hs_loop        *loop;
    struct hs_conn        *conn; /* NULL after on_closed */
    struct hs_conn_figures figures;
    unsigned               ready;
    unsigned               frames;
    unsigned               closed;
    int                    reason;
    char                   refusal[HS_ERR_TEXT_BYTES];
    struct hs_identity     peer;         /* as it was when ready */
    unsigned               early_frames; /* came before */
    uint64_t               last_id;
    size_t                 last_bytes;
    size_t                 body_bytes; /* of all frames */
    bool                   is_order_broken;
    bool                   is_body_broken; /* a byte is not what hs_tls_end_send put there */
    bool                   is_echo;
    bool                   is_aborting; /* in on_ready */
};

struct hs_conn_config hs_tls_end_config(struct hs_tls_end *end, struct hs_tls *tls,
                                        enum hs_tls_side side);
/* A frame whose every body byte is the id's lowest. */
int hs_tls_end_send(struct hs_tls_end *end, uint64_t id, size_t body_bytes);
/* Both loops in turn until the counter has the value; false after 5 s. */
bool hs_tls_ends_await(struct hs_tls_end *a, struct hs_tls_end *b, const unsigned *counter,
                       unsigned value);
void hs_tls_ends_step(struct hs_tls_end *a, struct hs_tls_end *b);
void hs_tls_end_close(struct hs_tls_end *end);

#endif
