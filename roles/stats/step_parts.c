// SPDX-License-Identifier: Apache-2.0
/* step_parts.c - a step's number, a length, a part; again and again. */
#include "roles/stats/step_parts.h"

#include "shm/base/assert.h"

#include <errno.h>

/* The length stands in front of the part and is known after it: four bytes of LEB128 hold any
 * payload of one frame. */
enum { STEP_BYTES = 5, LENGTH_BYTES = 4 };

int hs_step_parts_next(struct hs_reader *payload, struct hs_step_part *part)
{
    uint64_t step, bytes;

    if (!payload->failed && hs_reader_left_bytes(payload) == 0) return 0;
    step = hs_get_varint(payload);
    bytes = hs_get_varint(payload);
    if (payload->failed || step > UINT32_MAX || bytes > hs_reader_left_bytes(payload))
        return -EPROTO;
    part->step = (uint32_t)step;
    part->bytes = hs_get_view(payload, (size_t)bytes);
    return 1;
}

static void put_wide_length(uint8_t at[LENGTH_BYTES], size_t bytes)
{
    HS_ASSERT(bytes < (size_t)1 << (7 * LENGTH_BYTES));
    for (unsigned i = 0; i < LENGTH_BYTES; i++)
        at[i] = (uint8_t)(((bytes >> (7 * i)) & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}

int hs_step_parts_put(struct hs_writer *payload, uint32_t step, struct hs_stats_encoder *encoder,
                      uint64_t *sequence)
{
    int rc = 1;

    while (rc == 1) {
        size_t left_bytes = payload->capacity_bytes - payload->used_bytes;
        size_t length_at, begin;

        if (payload->failed || left_bytes < STEP_BYTES + LENGTH_BYTES + HS_STATS_PART_BYTES_MIN)
            return 1;
        hs_put_varint(payload, step);
        length_at = payload->used_bytes;
        hs_put_u32le(payload, 0);
        begin = payload->used_bytes;
        rc = hs_stats_encode_part(encoder, *sequence + 1, payload);
        HS_ASSERT(rc >= 0); /* there was room for a part */
        ++*sequence;
        put_wide_length(payload->data + length_at, payload->used_bytes - begin);
    }
    return 0;
}
