// SPDX-License-Identifier: Apache-2.0
/* outgoing.c - a buffer of frames per rank. What has left lies in front until it is half of the
 * buffer, so that each byte is moved twice at most. */
#include "ipc/outgoing.h"

#include "shm/base/assert.h"

#include <string.h>

static size_t waiting_bytes(const struct hs_outgoing *outgoing, unsigned rank)
{
    return outgoing->ranks[rank].used_bytes - outgoing->taken_bytes[rank];
}

size_t hs_outgoing_bytes(const struct hs_outgoing *outgoing, enum hs_rank rank)
{
    size_t bytes = 0;

    HS_ASSERT(rank < HS_RANK_COUNT);
    for (unsigned i = 0; i <= rank; i++) bytes += waiting_bytes(outgoing, i);
    return bytes;
}

static void move_up(struct hs_outgoing *outgoing, unsigned rank)
{
    struct hs_buffer *buffer = &outgoing->ranks[rank];
    size_t            rest_bytes = waiting_bytes(outgoing, rank);

    if (!outgoing->taken_bytes[rank] || outgoing->taken_bytes[rank] < rest_bytes) return;
    memmove(buffer->data, buffer->data + outgoing->taken_bytes[rank], rest_bytes);
    buffer->used_bytes = rest_bytes;
    outgoing->taken_bytes[rank] = 0;
}

uint8_t *hs_outgoing_reserve(struct hs_outgoing *outgoing, enum hs_rank rank, size_t bytes)
{
    struct hs_buffer *buffer = &outgoing->ranks[rank];

    HS_ASSERT(rank < HS_RANK_COUNT);
    move_up(outgoing, rank);
    return hs_buffer_reserve(buffer, bytes) < 0 ? NULL : buffer->data + buffer->used_bytes;
}

void hs_outgoing_add(struct hs_outgoing *outgoing, enum hs_rank rank, size_t bytes)
{
    struct hs_buffer *buffer = &outgoing->ranks[rank];

    HS_ASSERT(bytes >= HS_FRAME_HEADER_BYTES);
    HS_ASSERT(bytes <= buffer->capacity_bytes - buffer->used_bytes);
    buffer->used_bytes += bytes;
}

/* We have written them: they are there, whole. */
static size_t frame_bytes(struct hs_view frames)
{
    struct hs_frame frame;
    size_t          need_bytes;
    int             rc = hs_frame_parse(frames, &frame, &need_bytes);

    HS_ASSERT(rc > 0);
    return (size_t)rc;
}

struct hs_view hs_outgoing_take(struct hs_outgoing *outgoing, size_t most_bytes)
{
    unsigned       rank = 0;
    struct hs_view rest;
    size_t         bytes;

    while (rank < HS_RANK_COUNT && !waiting_bytes(outgoing, rank)) rank++;
    if (rank == HS_RANK_COUNT) return (struct hs_view){0};
    rest = hs_view_of(outgoing->ranks[rank].data + outgoing->taken_bytes[rank],
                      waiting_bytes(outgoing, rank));
    bytes = frame_bytes(rest);
    while (bytes < most_bytes && bytes < rest.bytes) {
        size_t more_bytes = frame_bytes(hs_view_of(rest.data + bytes, rest.bytes - bytes));

        if (bytes + more_bytes > most_bytes) break;
        bytes += more_bytes;
    }
    outgoing->taken_bytes[rank] += bytes;
    return hs_view_of(rest.data, bytes);
}

void hs_outgoing_clear(struct hs_outgoing *outgoing)
{
    for (unsigned i = 0; i < HS_RANK_COUNT; i++) {
        outgoing->ranks[i].used_bytes = 0;
        outgoing->taken_bytes[i] = 0;
    }
}

bool hs_outgoing_has_spare(const struct hs_outgoing *outgoing)
{
    for (unsigned i = 0; i < HS_RANK_COUNT; i++)
        if (outgoing->ranks[i].capacity_bytes && !waiting_bytes(outgoing, i)) return true;
    return false;
}

void hs_outgoing_release_spare(struct hs_outgoing *outgoing)
{
    for (unsigned i = 0; i < HS_RANK_COUNT; i++) {
        if (waiting_bytes(outgoing, i)) continue;
        hs_buffer_release(&outgoing->ranks[i]);
        outgoing->taken_bytes[i] = 0;
    }
}
