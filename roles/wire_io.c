// SPDX-License-Identifier: Apache-2.0
/* wire_io.c - messages into send queues. */
#include "roles/wire_io.h"

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
    struct hs_frame frame = {
        .type = (uint16_t)type, .version = HS_FRAME_VERSION, .request_id = request_id};

    return send_with(hs_conn_begin, conn, &frame, message);
}

int hs_wire_reply(struct hs_conn *conn, enum hs_msg_type type, const void *message,
                  uint64_t request_id)
{
    struct hs_frame frame = {.type = (uint16_t)type,
                             .version = HS_FRAME_VERSION,
                             .flags = HS_FRAME_REPLY,
                             .request_id = request_id};

    return send_with(hs_conn_begin, conn, &frame, message);
}

int hs_wire_send_latest(struct hs_conn *conn, enum hs_msg_type type, const void *message)
{
    struct hs_frame frame = {.type = (uint16_t)type, .version = HS_FRAME_VERSION};

    return send_with(hs_conn_begin_latest, conn, &frame, message);
}
