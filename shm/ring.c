// SPDX-License-Identifier: Apache-2.0
/* ring.c - one producer, one consumer, free-running indexes, one release store to commit. */
#include "shm/ring.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HS_RING_MAGIC UINT64_C(0x31304e4952534d53)

enum { SECOND_LOOK_PAUSES = 24 };

HS_STATIC_ASSERT(offsetof(struct hs_ring_shm, tail) == 128, "tail on its own pair of lines");
HS_STATIC_ASSERT(offsetof(struct hs_ring_shm, head) == 256, "head on its own pair of lines");
HS_STATIC_ASSERT(sizeof(struct hs_ring_shm) == 384, "messages begin on a line of their own");

static bool is_shape_sound(const struct hs_ring_shape *shape)
{
    return shape->message_bytes >= HS_CACHE_LINE_BYTES &&
           shape->message_bytes <= HS_RING_MESSAGE_BYTES_MAX &&
           shape->message_bytes % HS_CACHE_LINE_BYTES == 0 &&
           shape->slot_count >= HS_RING_SLOTS_MIN && shape->slot_count <= HS_RING_SLOTS_MAX &&
           (shape->slot_count & (shape->slot_count - 1)) == 0;
}

/* Looks at the other side's index; if that says nothing is to be done here, leaves its line alone
 * for a moment and looks once more. Two sides that fight over the line of an index move it for
 * every message; after the moment there are several messages (or slots) at once. Less than a
 * microsecond, before a caller that would otherwise go to sleep. */
static uint64_t load_peer(const hs_word *index, uint64_t idle_value)
{
    uint64_t value = hs_word_load(index);

    if (value != idle_value) return value;
    for (int i = 0; i < SECOND_LOOK_PAUSES; i++) hs_pause();
    return hs_word_load(index);
}

size_t hs_ring_bytes(const struct hs_ring_shape *shape)
{
    HS_ASSERT(is_shape_sound(shape));
    return sizeof(struct hs_ring_shm) +
           (size_t)shape->slot_count * (shape->message_bytes + sizeof(uint64_t));
}

void hs_ring_init(struct hs_ring_shm *shm, const struct hs_ring_shape *shape)
{
    HS_ASSERT(is_shape_sound(shape));
    memset(shm, 0, sizeof *shm);
    shm->message_bytes = shape->message_bytes;
    shm->slot_count = shape->slot_count;
    shm->magic = HS_RING_MAGIC;
}

/* The indexes are loaded once: what is checked is what the caller goes on with. */
static int check(const struct hs_ring_shm *shm, const struct hs_ring_shape *shape, uint64_t *head,
                 uint64_t *tail)
{
    *head = hs_word_load(&shm->head);
    *tail = hs_word_load(&shm->tail);
    HS_ASSERT(is_shape_sound(shape));
    if (shm->magic != HS_RING_MAGIC) return -EPROTO;
    if (shm->message_bytes != shape->message_bytes) return -EPROTO;
    if (shm->slot_count != shape->slot_count) return -EPROTO;
    if (*tail - *head > shape->slot_count) return -EPROTO;
    return 0;
}

int hs_ring_validate(const struct hs_ring_shm *shm, const struct hs_ring_shape *shape)
{
    uint64_t head;
    uint64_t tail;

    return check(shm, shape, &head, &tail);
}

int hs_ring_attach(struct hs_ring *ring, struct hs_ring_shm *shm, const struct hs_ring_shape *shape,
                   uint64_t generation)
{
    uint64_t head;
    uint64_t tail;
    int      rc = check(shm, shape, &head, &tail);

    if (rc < 0) return rc;
    ring->shm = shm;
    ring->messages = (unsigned char *)shm + sizeof *shm;
    ring->generations =
        (hs_word *)(void *)(ring->messages + (size_t)shape->slot_count * shape->message_bytes);
    ring->head = head;
    ring->tail = tail;
    ring->generation = generation;
    ring->shape = *shape;
    return 0;
}

int hs_ring_look_for_room(struct hs_ring *ring)
{
    uint64_t used;

    ring->head = load_peer(&ring->shm->head, ring->head);
    used = ring->tail - ring->head;
    if (used > ring->shape.slot_count) return -EPROTO;
    return used == ring->shape.slot_count ? -ENOBUFS : 0;
}

int hs_ring_look_for_messages(struct hs_ring *ring)
{
    uint64_t tail = load_peer(&ring->shm->tail, ring->tail); /* what is checked is what is used */

    if (tail - ring->head > ring->shape.slot_count) return -EPROTO;
    ring->tail = tail;
    return ring->head != tail;
}

uint64_t hs_ring_free_count(struct hs_ring *ring)
{
    uint64_t used;

    ring->head = hs_word_load(&ring->shm->head);
    used = ring->tail - ring->head;
    return used > ring->shape.slot_count ? 0 : ring->shape.slot_count - used;
}

uint64_t hs_ring_used_count(const struct hs_ring_shm *shm, const struct hs_ring_shape *shape)
{
    uint64_t head = hs_word_load(&shm->head);
    uint64_t used = hs_word_load(&shm->tail) - head;

    return used < shape->slot_count ? used : shape->slot_count;
}
