// SPDX-License-Identifier: Apache-2.0
/* recent.h - the last records of a process: a ring of 256-byte slots that one process writes, never
 * waits for and writes over, and any number read at their own pace. Log lines (log_ring.h) and
 * events (event_ring.h) lie in it. A reader that falls behind counts what it lost; a slot that is
 * torn, by a kill or by being overtaken, is detected and never shown. */
#ifndef HS_SHM_RECENT_H
#define HS_SHM_RECENT_H

#include "shm/base/err.h"
#include "shm/word.h"

#include <stdint.h>

enum { HS_RECENT_WORDS = 31, HS_RECENT_SLOTS_MAX = 1 << 16 };

struct hs_recent_slot_shm {
    hs_word sequence; /* 2n + 2: holds record n whole; 2n + 1: record n is being written; 0: never
                         used */
    hs_word words[HS_RECENT_WORDS];
};

struct hs_recent_shm {
    hs_word next; /* records ever written; the next one goes to slot next & (slot_count - 1) */
    uint8_t reserved[56];
    /* then the slots */
};

/* A reader's place; its own memory. Zeroed: from the oldest that is left. */
struct hs_recent_cursor {
    uint64_t at;         /* number of the next record to read */
    uint64_t lost_count; /* records that were gone before they were read; the reader sets it to 0
                            when it has told */
};

/* slot_count is a power of two, the same constant on both sides. Zeroed memory is an empty ring. */
size_t hs_recent_bytes(uint32_t slot_count);
void   hs_recent_write(struct hs_recent_shm *ring, uint32_t slot_count, const uint64_t *words);
/* 1 and the next whole record, or 0: nothing new. Bounded work, whatever the memory holds. */
int hs_recent_next(const struct hs_recent_shm *ring, uint32_t slot_count,
                   struct hs_recent_cursor *cursor, uint64_t *words) HS_MUST_CHECK;

#endif
