// SPDX-License-Identifier: Apache-2.0
/* registry.c - fixed slots of latched rows under one writer. */
#include "shm/registry.h"

#include "shm/base/assert.h"
#include "shm/latch.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define HS_REGISTRY_MAGIC UINT64_C(0x3130474552534d53)

enum { ROW_WORDS_MAX = 1 + HS_REGISTRY_PAYLOAD_WORDS_MAX };

HS_STATIC_ASSERT(sizeof(struct hs_registry_shm) == 64, "slots begin on the next line");

static bool is_shape_sound(const struct hs_registry_shape *shape)
{
    return shape->payload_words > 0 && shape->payload_words <= HS_REGISTRY_PAYLOAD_WORDS_MAX &&
           shape->slot_count > 0 && shape->slot_count <= HS_REGISTRY_SLOTS_MAX;
}

static size_t row_words(const struct hs_registry_shape *shape)
{
    return 1 + (size_t)shape->payload_words;
}

/* Rounded up to whole lines, so that a row shares no line with its neighbour. */
static size_t slot_words(const struct hs_registry_shape *shape)
{
    enum { LINE_WORDS = HS_CACHE_LINE_BYTES / HS_WORD_BYTES };

    return (HS_LATCH_WORDS(row_words(shape)) + LINE_WORDS - 1) / LINE_WORDS * LINE_WORDS;
}

static const hs_word *slot_at(const struct hs_registry *registry, uint32_t idx)
{
    return registry->slots + idx * slot_words(&registry->shape);
}

static hs_word *own_slot_at(struct hs_registry *registry, uint32_t idx)
{
    return (hs_word *)(void *)(registry->shm + 1) + idx * slot_words(&registry->shape);
}

static bool is_taken(uint64_t tag)
{
    return tag & 1;
}

static hs_registry_handle handle_of(uint32_t idx, uint64_t tag)
{
    return tag << 32 | idx;
}

static int load_row(const struct hs_registry *registry, uint32_t idx, uint64_t *row)
{
    return hs_latch_load(slot_at(registry, idx), row, row_words(&registry->shape));
}

static void store_row(struct hs_registry *registry, uint32_t idx, uint64_t tag,
                      const uint64_t *payload)
{
    uint64_t row[ROW_WORDS_MAX];

    row[0] = tag;
    memcpy(row + 1, payload, registry->shape.payload_words * sizeof *payload);
    hs_latch_store(own_slot_at(registry, idx), row, row_words(&registry->shape));
}

/* The slot of a handle if it is still in that life, else -ESTALE; row gets the tag and the
 * payload. */
static int row_of(const struct hs_registry *registry, hs_registry_handle handle, uint64_t *row)
{
    uint32_t idx = (uint32_t)handle;
    int      rc;

    if (idx >= registry->shape.slot_count) return -ESTALE;
    rc = load_row(registry, idx, row);
    if (rc < 0) return rc;
    return is_taken(row[0]) && handle_of(idx, row[0]) == handle ? 0 : -ESTALE;
}

static void set_used_count(struct hs_registry *registry, uint32_t count)
{
    registry->used_count = count;
    hs_word_store(&registry->shm->used_count, count);
}

size_t hs_registry_bytes(const struct hs_registry_shape *shape)
{
    HS_ASSERT(is_shape_sound(shape));
    return sizeof(struct hs_registry_shm) + shape->slot_count * slot_words(shape) * HS_WORD_BYTES;
}

void hs_registry_init(struct hs_registry_shm *shm, const struct hs_registry_shape *shape)
{
    HS_ASSERT(is_shape_sound(shape));
    memset(shm, 0, sizeof *shm);
    shm->payload_words = shape->payload_words;
    shm->slot_count = shape->slot_count;
    shm->magic = HS_REGISTRY_MAGIC;
}

int hs_registry_validate(const struct hs_registry_shm *shm, const struct hs_registry_shape *shape)
{
    HS_ASSERT(is_shape_sound(shape));
    if (shm->magic != HS_REGISTRY_MAGIC) return -EPROTO;
    if (shm->payload_words != shape->payload_words) return -EPROTO;
    if (shm->slot_count != shape->slot_count) return -EPROTO;
    return 0;
}

int hs_registry_attach_reader(struct hs_registry *registry, const struct hs_registry_shm *shm,
                              const struct hs_registry_shape *shape)
{
    int rc = hs_registry_validate(shm, shape);

    if (rc < 0) return rc;
    *registry =
        (struct hs_registry){.slots = (const hs_word *)(const void *)(shm + 1), .shape = *shape};
    return 0;
}

int hs_registry_attach_writer(struct hs_registry *registry, struct hs_registry_shm *shm,
                              const struct hs_registry_shape *shape)
{
    uint64_t row[ROW_WORDS_MAX];
    uint32_t used_count = 0;
    int      rc = hs_registry_attach_reader(registry, shm, shape);

    if (rc < 0) return rc;
    registry->shm = shm;
    for (uint32_t idx = 0; idx < shape->slot_count; idx++) {
        rc = load_row(registry, idx, row);
        if (rc < 0) return -EPROTO; /* someone else writes: there would be two writers */
        used_count += is_taken(row[0]) ? 1 : 0;
    }
    set_used_count(registry, used_count);
    return 0;
}

int hs_registry_insert(struct hs_registry *registry, const uint64_t *payload,
                       hs_registry_handle *handle)
{
    uint64_t row[ROW_WORDS_MAX];

    HS_ASSERT(registry->shm);
    for (uint32_t i = 0; i < registry->shape.slot_count; i++) {
        uint32_t idx = (registry->next_idx + i) % registry->shape.slot_count;
        int      rc = load_row(registry, idx, row);

        if (rc < 0) return rc;
        if (is_taken(row[0])) continue;
        store_row(registry, idx, row[0] + 1, payload);
        set_used_count(registry, registry->used_count + 1);
        registry->next_idx = (idx + 1) % registry->shape.slot_count;
        *handle = handle_of(idx, row[0] + 1);
        return 0;
    }
    return -ENOBUFS;
}

int hs_registry_update(struct hs_registry *registry, hs_registry_handle handle,
                       const uint64_t *payload)
{
    uint64_t row[ROW_WORDS_MAX];
    int      rc = row_of(registry, handle, row);

    HS_ASSERT(registry->shm);
    if (rc < 0) return rc;
    store_row(registry, (uint32_t)handle, row[0], payload);
    return 0;
}

int hs_registry_remove(struct hs_registry *registry, hs_registry_handle handle)
{
    static const uint64_t nothing[HS_REGISTRY_PAYLOAD_WORDS_MAX];
    uint64_t              row[ROW_WORDS_MAX];
    int                   rc = row_of(registry, handle, row);

    HS_ASSERT(registry->shm);
    if (rc < 0) return rc;
    store_row(registry, (uint32_t)handle, row[0] + 1, nothing);
    set_used_count(registry, registry->used_count - 1);
    return 0;
}

int hs_registry_find(const struct hs_registry *registry, hs_registry_handle handle,
                     uint64_t *payload)
{
    uint64_t row[ROW_WORDS_MAX];
    int      rc = row_of(registry, handle, row);

    if (rc < 0) return rc;
    memcpy(payload, row + 1, registry->shape.payload_words * sizeof *payload);
    return 0;
}

int hs_registry_at(const struct hs_registry *registry, uint32_t idx, hs_registry_handle *handle,
                   uint64_t *payload)
{
    uint64_t row[ROW_WORDS_MAX];
    int      rc;

    HS_ASSERT(idx < registry->shape.slot_count);
    rc = load_row(registry, idx, row);
    if (rc < 0) return rc;
    if (!is_taken(row[0])) return 0;
    *handle = handle_of(idx, row[0]);
    memcpy(payload, row + 1, registry->shape.payload_words * sizeof *payload);
    return 1;
}
