// SPDX-License-Identifier: Apache-2.0
/* registry.h - a table of fixed-size records that one process keeps and others read: managers,
 * workers, jobs, execs. Fixed slots, each a latch of {tag, payload}; the tag counts the slot's
 * lives, odd while it is taken. So insert, update and remove are each one latch store: a killed
 * writer leaves the old row or the new one, its successor attaches and goes on. A handle names slot
 * and life: a stale one is detected (-ESTALE), not followed. Does not search by payload, does not
 * evict: the owner decides that. */
#ifndef HS_SHM_REGISTRY_H
#define HS_SHM_REGISTRY_H

#include "shm/base/err.h"
#include "shm/word.h"

#include <stddef.h>
#include <stdint.h>

enum { HS_REGISTRY_PAYLOAD_WORDS_MAX = 128, HS_REGISTRY_SLOTS_MAX = 1 << 16 };

/* Slot index in the low half, life in the high half; never 0 for a taken slot. */
typedef uint64_t hs_registry_handle;

struct hs_registry_shape {
    uint32_t payload_words; /* 8 bytes each */
    uint32_t slot_count;
};

struct hs_registry_shm {
    uint64_t magic;
    uint32_t payload_words;
    uint32_t slot_count;
    hs_word  used_count; /* for watchers; the writer recounts when it attaches */
    uint8_t  reserved[40];
    /* then the slots, each HS_LATCH_WORDS(1 + payload_words) words */
};

/* One process's own view. */
struct hs_registry {
    struct hs_registry_shm  *shm; /* NULL for a reader */
    const hs_word           *slots;
    struct hs_registry_shape shape;
    uint32_t                 used_count; /* writer only */
    uint32_t
        next_idx; /* writer only: where the search for a free slot starts, so that slots rest */
};

size_t hs_registry_bytes(const struct hs_registry_shape *shape);
/* Empty table in zeroed memory of hs_registry_bytes, aligned to 64. Once, by the supervisor. */
void hs_registry_init(struct hs_registry_shm *shm, const struct hs_registry_shape *shape);
/* 0, or -EPROTO: not a table of this shape. */
int hs_registry_validate(const struct hs_registry_shm   *shm,
                         const struct hs_registry_shape *shape) HS_MUST_CHECK;
/* The writer, or its successor: validates, counts the rows, goes on. */
int hs_registry_attach_writer(struct hs_registry *registry, struct hs_registry_shm *shm,
                              const struct hs_registry_shape *shape) HS_MUST_CHECK;
int hs_registry_attach_reader(struct hs_registry *registry, const struct hs_registry_shm *shm,
                              const struct hs_registry_shape *shape) HS_MUST_CHECK;

/* Writer. payload is shape.payload_words words. -ENOBUFS: full. */
int hs_registry_insert(struct hs_registry *registry, const uint64_t *payload,
                       hs_registry_handle *handle) HS_MUST_CHECK;
int hs_registry_update(struct hs_registry *registry, hs_registry_handle handle,
                       const uint64_t *payload) HS_MUST_CHECK; /* 0 or -ESTALE */
int hs_registry_remove(struct hs_registry *registry,
                       hs_registry_handle  handle) HS_MUST_CHECK; /* 0 or -ESTALE */

/* Anybody. 0, -ESTALE: the row is gone, -EAGAIN: busy (never for the writer itself). */
int hs_registry_find(const struct hs_registry *registry, hs_registry_handle handle,
                     uint64_t *payload) HS_MUST_CHECK;
/* The row in slot idx: 1 with handle and payload, 0: free, -EAGAIN: busy, ask again later. For
 * snapshots: idx from 0 to shape.slot_count. Rows are whole; the set of rows is as of many
 * moments. */
int hs_registry_at(const struct hs_registry *registry, uint32_t idx, hs_registry_handle *handle,
                   uint64_t *payload) HS_MUST_CHECK;

#endif
