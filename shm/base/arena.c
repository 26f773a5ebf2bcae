// SPDX-License-Identifier: Apache-2.0
/* arena.c - a bump allocator with an end. */
#include "shm/base/arena.h"

#include <string.h>

enum { ALIGN_BYTES = 16 };

void hs_arena_init(struct hs_arena *arena, void *memory, size_t capacity_bytes)
{
    *arena = (struct hs_arena){.memory = memory, .capacity_bytes = capacity_bytes};
}

void *hs_arena_take(struct hs_arena *arena, size_t count, size_t item_bytes)
{
    size_t wanted_bytes;
    void  *taken;

    if (__builtin_mul_overflow(count, item_bytes, &wanted_bytes)) return NULL;
    if (wanted_bytes > arena->capacity_bytes - arena->used_bytes) return NULL;
    taken = arena->memory + arena->used_bytes;
    memset(taken, 0, wanted_bytes);
    wanted_bytes = (wanted_bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    arena->used_bytes = wanted_bytes > arena->capacity_bytes - arena->used_bytes
                            ? arena->capacity_bytes
                            : arena->used_bytes + wanted_bytes;
    return taken;
}
