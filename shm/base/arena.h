// SPDX-License-Identifier: Apache-2.0
/* arena.h - a bump allocator over memory that the caller owns; cores use it instead of malloc, and
 * so have a hard bound. Everything is freed at once by forgetting the arena. */
#ifndef HS_BASE_ARENA_H
#define HS_BASE_ARENA_H

#include <stddef.h>

struct hs_arena {
    char  *memory;
    size_t capacity_bytes;
    size_t used_bytes;
};

void hs_arena_init(struct hs_arena *arena, void *memory, size_t capacity_bytes);
/* Zeroed, aligned to 16; NULL when the arena is full (the caller reports -ENOBUFS). */
void *hs_arena_take(struct hs_arena *arena, size_t count, size_t item_bytes);

#endif
