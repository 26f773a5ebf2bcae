// SPDX-License-Identifier: Apache-2.0
/* ring.h - messages of one fixed size from one process to one other, without locks or system calls.
 * Does not wake anybody: ipc/channel adds the doorbell. Pure: the memory comes from a segment.
 *
 *         head            tail                both run freely (u64) and are masked on use
 *   . . . [####|####|####]. . . . .           tail: the producer's, one release store commits a
 * message head: the consumer's, moved after it acted on the message
 *
 * A producer that is killed leaves the whole message or none; there is nothing to repair, its
 * successor attaches and goes on. A consumer that is killed between acting and hs_ring_advance
 * leaves the message in place and its successor gets it again: delivery is at least once, at most
 * one message is repeated per death, so messages must be idempotent. Each message carries the
 * generation of the producer's life that wrote it.
 *
 * Each side works through a handle of its own that caches the other side's index, so that a line is
 * fetched from the other core only when the ring looks full or empty. The indexes of the other side
 * are not trusted: a distance above the ring's size is -EPROTO, and sizes come from our own
 * constants, never from the shared part. */
#ifndef HS_SHM_RING_H
#define HS_SHM_RING_H

#include "shm/base/assert.h"
#include "shm/base/err.h"
#include "shm/word.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { HS_RING_MESSAGE_BYTES_MAX = 512, HS_RING_SLOTS_MAX = 1 << 20, HS_RING_SLOTS_MIN = 2 };

/* What both sides agree on before they meet; constants of the program. */
struct hs_ring_shape {
    uint32_t message_bytes; /* multiple of 64, at most HS_RING_MESSAGE_BYTES_MAX */
    uint32_t slot_count;    /* power of two */
};

/* Shared. Indexes are 128 bytes apart: adjacent lines are fetched in pairs. */
struct hs_ring_shm {
    uint64_t magic;
    uint32_t message_bytes;
    uint32_t slot_count;
    uint8_t  gap0[112];
    hs_word  tail; /* messages ever pushed; producer writes, consumer reads */
    uint8_t  gap1[120];
    hs_word  head; /* messages ever taken; consumer writes, producer reads */
    uint8_t  gap2[120];
    /* then slot_count messages, then one generation word a slot */
};

/* One side's own view; not shared, dies with the process. */
struct hs_ring {
    struct hs_ring_shm  *shm;
    unsigned char       *messages;
    hs_word             *generations;
    uint64_t             tail; /* producer: own index; consumer: the producer's as last seen */
    uint64_t             head; /* consumer: own index; producer: the consumer's as last seen */
    uint64_t             generation;
    struct hs_ring_shape shape;
};

size_t hs_ring_bytes(const struct hs_ring_shape *shape);
/* Empty ring in zeroed memory of hs_ring_bytes, aligned to 64. Once, by the supervisor, before
 * anybody attaches. */
void hs_ring_init(struct hs_ring_shm *shm, const struct hs_ring_shape *shape);
/* 0, or -EPROTO: not a ring of this shape, or indexes that cannot be. The whole recovery check of a
 * successor. One side at least must be at rest: between two loads of two moving indexes anything
 * can happen. */
int hs_ring_validate(const struct hs_ring_shm   *shm,
                     const struct hs_ring_shape *shape) HS_MUST_CHECK;
/* Validates, then takes up where the indexes are. generation is stamped on what this side pushes (a
 * consumer passes 0). At most one producer and one consumer may be alive: the supervisor guarantees
 * it by reaping before it restarts. */
int hs_ring_attach(struct hs_ring *ring, struct hs_ring_shm *shm, const struct hs_ring_shape *shape,
                   uint64_t generation) HS_MUST_CHECK;

/* The slow halves of what follows: look at the other side's index. Not for callers. */
int hs_ring_look_for_room(struct hs_ring *ring) HS_MUST_CHECK;     /* 0, -ENOBUFS, -EPROTO */
int hs_ring_look_for_messages(struct hs_ring *ring) HS_MUST_CHECK; /* 1, 0, -EPROTO */

static inline size_t hs_ring_slot_idx(const struct hs_ring *ring, uint64_t index)
{
    return (size_t)(index & (ring->shape.slot_count - 1));
}

static inline unsigned char *hs_ring_slot(const struct hs_ring *ring, uint64_t index)
{
    return ring->messages + hs_ring_slot_idx(ring, index) * ring->shape.message_bytes;
}

/* A whole number of lines, so that the compiler moves vectors without a tail. */
static inline void hs_ring_copy(const struct hs_ring *ring, void *to, const void *from)
{
    for (size_t at = 0; at < ring->shape.message_bytes; at += HS_CACHE_LINE_BYTES)
        memcpy((char *)to + at, (const char *)from + at, HS_CACHE_LINE_BYTES);
}

/* Producer: where the next message goes, invisible until hs_ring_commit. -ENOBUFS: full; -EPROTO:
 * the consumer's index is nonsense. */
HS_MUST_CHECK static inline int hs_ring_reserve(struct hs_ring *ring, void **slot)
{
    if (ring->tail - ring->head >= ring->shape.slot_count) {
        int rc = hs_ring_look_for_room(
            ring); /* its acquire: the consumer has read the slot before we write it */

        if (rc < 0) return rc;
    }
    *slot = hs_ring_slot(ring, ring->tail);
    return 0;
}

static inline void hs_ring_commit(struct hs_ring *ring)
{
    HS_ASSERT(ring->tail - ring->head < ring->shape.slot_count);
    hs_word_store(&ring->generations[hs_ring_slot_idx(ring, ring->tail)], ring->generation);
    ring->tail++;
    hs_word_store(&ring->shm->tail,
                  ring->tail); /* the commit: whoever acquires it sees the slot whole */
}

/* Reserve, copy shape.message_bytes from message, commit. */
HS_MUST_CHECK static inline int hs_ring_push(struct hs_ring *ring, const void *message)
{
    void *slot = NULL;
    int   rc = hs_ring_reserve(ring, &slot);

    if (rc < 0) return rc;
    hs_ring_copy(ring, slot, message);
    hs_ring_commit(ring);
    return 0;
}

/* Producer: messages that fit now; looks at the consumer's index. */
uint64_t hs_ring_free_count(struct hs_ring *ring);

/* Consumer. 1 and the oldest message, 0: none, -EPROTO: the producer's index is nonsense. *message
 * points into shared memory until hs_ring_advance: copy out what is checked, then check the copy.
 * generation may be NULL. */
HS_MUST_CHECK static inline int hs_ring_peek(struct hs_ring *ring, const void **message,
                                             uint64_t *generation)
{
    if (ring->head == ring->tail) {
        int rc = hs_ring_look_for_messages(ring);

        if (rc <= 0) return rc;
    }
    *message = hs_ring_slot(ring, ring->head);
    if (generation)
        *generation = hs_word_load(&ring->generations[hs_ring_slot_idx(ring, ring->head)]);
    return 1;
}

/* Done with the message that peek gave: its slot goes back to the producer. */
static inline void hs_ring_advance(struct hs_ring *ring)
{
    HS_ASSERT(ring->head != ring->tail);
    ring->head++;
    hs_word_store(&ring->shm->head,
                  ring->head); /* releases: our reads of the slot come before it */
}

/* Peek, copy, advance: at MOST once, for messages whose loss with the consumer does no harm
 * (samples). Returns as peek. */
HS_MUST_CHECK static inline int hs_ring_pop(struct hs_ring *ring, void *message,
                                            uint64_t *generation)
{
    const void *slot = NULL;
    int         rc = hs_ring_peek(ring, &slot, generation);

    if (rc <= 0) return rc;
    hs_ring_copy(ring, message, slot);
    hs_ring_advance(ring);
    return 1;
}

/* For watchers of a read-only mapping: about how many messages wait, at most slot_count. */
uint64_t hs_ring_used_count(const struct hs_ring_shm *shm, const struct hs_ring_shape *shape);

#endif
