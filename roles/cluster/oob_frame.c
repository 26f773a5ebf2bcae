// SPDX-License-Identifier: Apache-2.0
/* oob_frame.c - the bytes of question and answer. */
#include "roles/cluster/oob_frame.h"

#include "roles/cluster/datagram.h"
#include "shm/base/assert.h"

#include <errno.h>

enum { MAGIC = 0x4f48 };

uint64_t hs_oob_low(const struct hs_node_id *id)
{
    struct hs_reader in;

    hs_reader_init(&in,
                   hs_view_of(id->bytes + sizeof id->bytes - sizeof(uint64_t), sizeof(uint64_t)));
    return hs_get_u64le(&in);
}

void hs_oob_put(uint8_t bytes[HS_OOB_BODY_BYTES], const struct hs_oob_frame *frame)
{
    struct hs_writer out;

    hs_writer_init(&out, bytes, HS_OOB_BODY_BYTES);
    hs_put_u16le(&out, MAGIC);
    hs_put_u8(&out, HS_OOB_MAJOR);
    hs_put_u8(&out, (uint8_t)frame->type);
    hs_put_u8(&out, frame->key_version);
    hs_put_u8(&out, frame->load);
    hs_put_u8(&out, frame->is_stalled);
    hs_put_u8(&out, 0);
    hs_put_u64le(&out, frame->nonce);
    hs_put_u64le(&out, frame->target_low);
    hs_put_u64le(&out, frame->incarnation);
    HS_ASSERT(!out.failed);
    HS_ASSERT(out.used_bytes == HS_OOB_BODY_BYTES);
}

/* A question says nothing beyond whom it is about. */
static bool is_sound(const struct hs_oob_frame *frame, uint8_t stalled, uint8_t zero)
{
    if (stalled > 1 || zero || !frame->key_version || !frame->nonce) return false;
    if (frame->type == HS_OOB_PING) return !frame->load && !stalled && !frame->incarnation;
    return frame->type == HS_OOB_PONG && frame->load < HS_LOAD_COUNT && frame->incarnation;
}

int hs_oob_get(struct hs_view bytes, struct hs_oob_frame *frame)
{
    struct hs_reader in;
    uint8_t          stalled;
    uint8_t          zero;

    if (bytes.bytes != HS_OOB_BYTES) return -EMSGSIZE;
    hs_reader_init(&in, hs_view_of(bytes.data, HS_OOB_BODY_BYTES));
    if (hs_get_u16le(&in) != MAGIC || hs_get_u8(&in) != HS_OOB_MAJOR) return -EPROTO;
    frame->type = (enum hs_oob_type)hs_get_u8(&in);
    frame->key_version = hs_get_u8(&in);
    frame->load = hs_get_u8(&in);
    stalled = hs_get_u8(&in);
    zero = hs_get_u8(&in);
    frame->is_stalled = stalled == 1;
    frame->nonce = hs_get_u64le(&in);
    frame->target_low = hs_get_u64le(&in);
    frame->incarnation = hs_get_u64le(&in);
    if (hs_reader_finish(&in)) return -EPROTO;
    return is_sound(frame, stalled, zero) ? 0 : -EPROTO;
}
