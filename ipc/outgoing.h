// SPDX-License-Identifier: Apache-2.0
/* outgoing.h - the frames that wait to be sent over one connection, in the order in which they are
 * to leave: by rank, and as they came within a rank. Only whole frames go in and come out, so a
 * frame of a higher rank waits for no more than what the kernel has taken already. Knows neither a
 * bound (conn.h has it) nor what a frame means. Pure. */
#ifndef HS_IPC_OUTGOING_H
#define HS_IPC_OUTGOING_H

#include "ipc/buffer.h"
#include "ipc/frame.h"
#include "shm/base/bytes.h"

#include <stdbool.h>

struct hs_outgoing { /* zeroed: empty */
    struct hs_buffer ranks[HS_RANK_COUNT];
    size_t           taken_bytes[HS_RANK_COUNT]; /* of what is in the buffer: has left */
};

/* Of this rank and of those that go before it. */
size_t hs_outgoing_bytes(const struct hs_outgoing *outgoing, enum hs_rank rank);
/* Where a frame of up to so many bytes can be written, until any other call; NULL: no memory. */
uint8_t *hs_outgoing_reserve(struct hs_outgoing *outgoing, enum hs_rank rank, size_t bytes);
/* So many bytes were written there: one frame, behind those of its rank. */
void hs_outgoing_add(struct hs_outgoing *outgoing, enum hs_rank rank, size_t bytes);
/* Whole frames of one rank that go next, up to most_bytes, or one that is longer. They are taken
 * out; the view holds until any other call. Empty: nothing waits. */
struct hs_view hs_outgoing_take(struct hs_outgoing *outgoing, size_t most_bytes);
void           hs_outgoing_clear(struct hs_outgoing *outgoing);
/* Memory that holds nothing. */
bool hs_outgoing_has_spare(const struct hs_outgoing *outgoing);
void hs_outgoing_release_spare(struct hs_outgoing *outgoing);

#endif
