// SPDX-License-Identifier: Apache-2.0
/* wire_io.c - messages into send queues. */
#include "roles/wire_io.h"

/* A result is kept until it is acknowledged and goes as work does. */
static enum hs_rank rank_of(enum hs_msg_type type)
{
    static const enum hs_rank ranks[HS_TRAFFIC_COUNT] = {
        [HS_TRAFFIC_NONE] = HS_RANK_DATA,       [HS_TRAFFIC_CONTROL] = HS_RANK_CONTROL,
        [HS_TRAFFIC_RESULT] = HS_RANK_DISPATCH, [HS_TRAFFIC_DISPATCH] = HS_RANK_DISPATCH,
        [HS_TRAFFIC_DATA] = HS_RANK_DATA,       [HS_TRAFFIC_TELEMETRY] = HS_RANK_DATA,
    };

    return ranks[hs_wire_traffic(type)];
}

typedef int begin_fn(struct hs_conn *conn, const struct hs_frame *frame, size_t body_bytes_max,
                     struct hs_writer *writer);

static int send_with(begin_fn *begin, struct hs_conn *conn, const struct hs_frame *frame,
                     const void *message)
{
    enum hs_msg_type type = (enum hs_msg_type)frame->type;
    struct hs_writer writer;
    int              rc = begin(conn, frame, hs_wire_bytes_max(type, message), &writer);

    if (rc < 0) return rc;
    rc = hs_wire_encode(type, message, &writer);
    hs_conn_commit(conn, rc < 0 ? NULL : &writer);
    return rc;
}

int hs_wire_send(struct hs_conn *conn, enum hs_msg_type type, const void *message,
                 uint64_t request_id)
{
    struct hs_frame frame = {.type = (uint16_t)type,
                             .version = HS_FRAME_VERSION,
                             .rank = rank_of(type),
                             .request_id = request_id};

    return send_with(hs_conn_begin, conn, &frame, message);
}

int hs_wire_reply(struct hs_conn *conn, enum hs_msg_type type, const void *message,
                  uint64_t request_id)
{
    struct hs_frame frame = {.type = (uint16_t)type,
                             .version = HS_FRAME_VERSION,
                             .flags = HS_FRAME_REPLY,
                             .rank = rank_of(type),
                             .request_id = request_id};

    return send_with(hs_conn_begin, conn, &frame, message);
}

int hs_wire_send_latest(struct hs_conn *conn, enum hs_msg_type type, const void *message)
{
    struct hs_frame frame = {
        .type = (uint16_t)type, .version = HS_FRAME_VERSION, .rank = rank_of(type)};

    return send_with(hs_conn_begin_latest, conn, &frame, message);
}
