// SPDX-License-Identifier: Apache-2.0
/* frame.c - writing and reading the header of a frame. */
#include "ipc/frame.h"

#include "shm/base/assert.h"

#include <errno.h>

void hs_frame_put_header(uint8_t header[HS_FRAME_HEADER_BYTES], const struct hs_frame *frame)
{
    struct hs_writer writer;

    HS_ASSERT(frame->body.bytes <= HS_FRAME_BODY_BYTES_MAX);
    hs_writer_init(&writer, header, HS_FRAME_HEADER_BYTES);
    hs_put_u32le(&writer, (uint32_t)frame->body.bytes);
    hs_put_u16le(&writer, frame->type);
    hs_put_u8(&writer, frame->version);
    hs_put_u8(&writer, frame->flags);
    hs_put_u64le(&writer, frame->request_id);
    HS_ASSERT(!writer.failed);
    HS_ASSERT(writer.used_bytes == HS_FRAME_HEADER_BYTES);
}

int hs_frame_parse(struct hs_view received, struct hs_frame *frame, size_t *need_bytes)
{
    struct hs_reader reader;
    size_t           body_bytes;

    *frame = (struct hs_frame){0};
    *need_bytes = HS_FRAME_HEADER_BYTES;
    hs_reader_init(&reader, received);
    body_bytes = hs_get_u32le(&reader);
    if (reader.failed) return 0;
    if (body_bytes > HS_FRAME_BODY_BYTES_MAX) return -EMSGSIZE;
    frame->type = hs_get_u16le(&reader);
    frame->version = hs_get_u8(&reader);
    frame->flags = hs_get_u8(&reader);
    frame->request_id = hs_get_u64le(&reader);
    if (reader.failed) return 0;
    if (frame->version == 0) return -EPROTO;
    *need_bytes = HS_FRAME_HEADER_BYTES + body_bytes;
    frame->body = hs_get_view(&reader, body_bytes);
    return reader.failed ? 0 : (int)*need_bytes;
}
