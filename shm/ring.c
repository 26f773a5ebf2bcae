// SPDX-License-Identifier: Apache-2.0
/* ring.c - one producer, one consumer, free-running indexes, one release store to commit. */
#include "shm/ring.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HS_RING_MAGIC UINT64_C(0x31304e4952534d53)

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

static size_t slot_idx(const struct hs_ring *ring, uint64_t index)
{
    return (size_t)(index & (ring->shape.slot_count - 1));
}

static unsigned char *message_at(const struct hs_ring *ring, uint64_t index)
{
    return ring->messages + slot_idx(ring, index) * ring->shape.message_bytes;
}

/* A whole number of lines, so the compiler moves vectors without a tail. */
static inline void copy_lines(void *to, const void *from, size_t bytes)
{
    unsigned char       *out = to;
    const unsigned char *in = from;

    for (; bytes; bytes -= HS_CACHE_LINE_BYTES) {
        memcpy(out, in, HS_CACHE_LINE_BYTES);
        out += HS_CACHE_LINE_BYTES;
        in += HS_CACHE_LINE_BYTES;
    }
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

int hs_ring_validate(const struct hs_ring_shm *shm, const struct hs_ring_shape *shape)
{
    uint64_t head = hs_word_load(&shm->head);
    uint64_t tail = hs_word_load(&shm->tail);

    HS_ASSERT(is_shape_sound(shape));
    if (shm->magic != HS_RING_MAGIC) return -EPROTO;
    if (shm->message_bytes != shape->message_bytes) return -EPROTO;
    if (shm->slot_count != shape->slot_count) return -EPROTO;
    if (tail - head > shape->slot_count) return -EPROTO;
    return 0;
}

int hs_ring_attach(struct hs_ring *ring, struct hs_ring_shm *shm, const struct hs_ring_shape *shape,
                   uint64_t generation)
{
    int rc = hs_ring_validate(shm, shape);

    if (rc < 0) return rc;
    ring->shm = shm;
    ring->messages = (unsigned char *)shm + sizeof *shm;
    ring->generations =
        (hs_word *)(void *)(ring->messages + (size_t)shape->slot_count * shape->message_bytes);
    ring->head = hs_word_load(&shm->head);
    ring->tail = hs_word_load(&shm->tail);
    ring->generation = generation;
    ring->shape = *shape;
    return 0;
}

/* Slots that the producer may fill. Looks at the consumer's index only when the cached one says full; the acquire orders
 * the consumer's reads of a slot before our writes to it. */
static int free_slots(struct hs_ring *ring)
{
    uint64_t used = ring->tail - ring->head;

    if (used < ring->shape.slot_count) return 0;
    ring->head = hs_word_load(&ring->shm->head);
    used = ring->tail - ring->head;
    if (used > ring->shape.slot_count) return -EPROTO;
    return used == ring->shape.slot_count ? -ENOBUFS : 0;
}

int hs_ring_reserve(struct hs_ring *ring, void **slot)
{
    int rc = free_slots(ring);

    if (rc < 0) return rc;
    *slot = message_at(ring, ring->tail);
    return 0;
}

void hs_ring_commit(struct hs_ring *ring)
{
    HS_ASSERT(ring->tail - ring->head < ring->shape.slot_count);
    hs_word_store(&ring->generations[slot_idx(ring, ring->tail)], ring->generation);
    ring->tail++;
    hs_word_store(&ring->shm->tail,
                  ring->tail); /* the commit; the consumer's acquire sees the slot whole */
}

int hs_ring_push(struct hs_ring *ring, const void *message)
{
    int rc = free_slots(ring);

    if (rc < 0) return rc;
    copy_lines(message_at(ring, ring->tail), message, ring->shape.message_bytes);
    hs_ring_commit(ring);
    return 0;
}

uint64_t hs_ring_free_count(struct hs_ring *ring)
{
    uint64_t used;

    ring->head = hs_word_load(&ring->shm->head);
    used = ring->tail - ring->head;
    return used > ring->shape.slot_count ? 0 : ring->shape.slot_count - used;
}

int hs_ring_peek(struct hs_ring *ring, const void **message, uint64_t *generation)
{
    if (ring->head == ring->tail) {
        uint64_t tail = hs_word_load(&ring->shm->tail); /* once: what is checked is what is used */

        if (tail - ring->head > ring->shape.slot_count) return -EPROTO;
        ring->tail = tail;
        if (ring->head == tail) return 0;
    }
    *message = message_at(ring, ring->head);
    if (generation) *generation = hs_word_load(&ring->generations[slot_idx(ring, ring->head)]);
    return 1;
}

void hs_ring_advance(struct hs_ring *ring)
{
    HS_ASSERT(ring->head != ring->tail);
    ring->head++;
    hs_word_store(&ring->shm->head,
                  ring->head); /* the producer's acquire comes after our reads of the slot */
}

int hs_ring_pop(struct hs_ring *ring, void *message, uint64_t *generation)
{
    const void *slot;
    int         rc = hs_ring_peek(ring, &slot, generation);

    if (rc <= 0) return rc;
    copy_lines(message, slot, ring->shape.message_bytes);
    hs_ring_advance(ring);
    return 1;
}

uint64_t hs_ring_used_count(const struct hs_ring_shm *shm, const struct hs_ring_shape *shape)
{
    uint64_t head = hs_word_load(&shm->head);
    uint64_t used = hs_word_load(&shm->tail) - head;

    return used < shape->slot_count ? used : shape->slot_count;
}
