// SPDX-License-Identifier: Apache-2.0
/* tls_end.c - see tls_end.h. */
#include "tests/unit/tls_end.h"

#include "shm/base/time.h"
#include "tests/check.h"

#include <errno.h>
#include <stdlib.h>

#define PATIENCE_NS (5 * HS_NS_PER_S)

static void on_ready(struct hs_conn *conn)
{
    struct hs_tls_end *end = hs_conn_owner(conn);

    end->ready++;
    if (hs_conn_peer(conn)) memcpy(&end->peer, hs_conn_peer(conn), sizeof end->peer);
    if (end->is_aborting) hs_conn_abort(conn);
}

static void on_frame(struct hs_conn *conn, const struct hs_frame *frame)
{
    struct hs_tls_end *end = hs_conn_owner(conn);

    end->frames++;
    end->early_frames += !end->ready;
    if (frame->request_id != end->last_id + 1) end->is_order_broken = true;
    end->last_id = frame->request_id;
    end->last_bytes = frame->body.bytes;
    end->body_bytes += frame->body.bytes;
    for (size_t i = 0; i < frame->body.bytes; i++)
        if (frame->body.data[i] != (uint8_t)frame->request_id) end->is_body_broken = true;
    if (end->is_echo) HS_CHECK_EQ(hs_conn_send(conn, frame), 0);
}

static void on_closed(struct hs_conn *conn, int reason)
{
    struct hs_tls_end *end = hs_conn_owner(conn);

    end->closed++;
    end->reason = reason;
    (void)snprintf(end->refusal, sizeof end->refusal, "%s", hs_conn_refusal(conn));
    end->conn = NULL;
}

struct hs_conn_config hs_tls_end_config(struct hs_tls_end *end, struct hs_tls *tls,
                                        enum hs_tls_side side)
{
    return (struct hs_conn_config){.loop = end->loop,
                                   .owner = end,
                                   .on_frame = on_frame,
                                   .on_closed = on_closed,
                                   .on_ready = on_ready,
                                   .figures = &end->figures,
                                   .tls = tls,
                                   .side = side};
}

int hs_tls_end_send(struct hs_tls_end *end, uint64_t id, size_t body_bytes)
{
    static uint8_t  body[HS_FRAME_BODY_BYTES_MAX];
    struct hs_frame frame = {.type = 9,
                             .version = HS_FRAME_VERSION,
                             .rank = HS_RANK_DISPATCH,
                             .request_id = id,
                             .body = hs_view_of(body, body_bytes)};

    memset(body, (uint8_t)id, body_bytes);
    return hs_conn_send(end->conn, &frame);
}

static void step(struct hs_tls_end *end)
{
    if (end->loop)
        HS_CHECK(hs_loop_step(end->loop, hs_loop_clock_ns(end->loop) + HS_NS_PER_MS / 4) >= 0);
}

void hs_tls_ends_step(struct hs_tls_end *a, struct hs_tls_end *b)
{
    step(a);
    if (b) step(b);
}

bool hs_tls_ends_await(struct hs_tls_end *a, struct hs_tls_end *b, const unsigned *counter,
                       unsigned value)
{
    uint64_t deadline_ns = hs_loop_clock_ns(a->loop) + PATIENCE_NS;

    while (*counter < value && hs_loop_clock_ns(a->loop) < deadline_ns) hs_tls_ends_step(a, b);
    return *counter >= value;
}

void hs_tls_end_close(struct hs_tls_end *end)
{
    if (end->conn) {
        hs_conn_abort(end->conn);
        HS_CHECK(hs_tls_ends_await(end, NULL, &end->closed, 1));
    }
    hs_loop_close(&end->loop);
}
