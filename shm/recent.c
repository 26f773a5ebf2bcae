// SPDX-License-Identifier: Apache-2.0
/* recent.c - a ring that is written over.
 *
 * Why a torn record is never shown: the slot says 2n + 1 before any word of record n is stored, and
 * all stores are releases. A reader of record n - slot_count that sees a word of record n in an
 * acquire load therefore sees that mark, or a later one, when it looks at the slot's sequence
 * again. */
#include "shm/recent.h"

#include "shm/base/assert.h"

#include <stdbool.h>

HS_STATIC_ASSERT(sizeof(struct hs_recent_slot_shm) == 256, "four lines");
HS_STATIC_ASSERT(sizeof(struct hs_recent_shm) == 64, "slots begin on the next line");

static bool is_count_sound(uint32_t slot_count)
{
    return slot_count >= 2 && slot_count <= HS_RECENT_SLOTS_MAX &&
           (slot_count & (slot_count - 1)) == 0;
}

static const struct hs_recent_slot_shm *slot_at(const struct hs_recent_shm *ring,
                                                uint32_t slot_count, uint64_t number)
{
    return (const struct hs_recent_slot_shm *)(const void *)(ring + 1) +
           (number & (slot_count - 1));
}

static struct hs_recent_slot_shm *own_slot_at(struct hs_recent_shm *ring, uint32_t slot_count,
                                              uint64_t number)
{
    return (struct hs_recent_slot_shm *)(void *)(ring + 1) + (number & (slot_count - 1));
}

static bool load_record(const struct hs_recent_slot_shm *slot, uint64_t number, uint64_t *words)
{
    if (hs_word_load(&slot->sequence) != 2 * number + 2) return false;
    hs_words_load(words, slot->words, HS_RECENT_WORDS);
    return hs_word_load(&slot->sequence) == 2 * number + 2;
}

size_t hs_recent_bytes(uint32_t slot_count)
{
    HS_ASSERT(is_count_sound(slot_count));
    return sizeof(struct hs_recent_shm) + (size_t)slot_count * sizeof(struct hs_recent_slot_shm);
}

void hs_recent_write(struct hs_recent_shm *ring, uint32_t slot_count, const uint64_t *words)
{
    uint64_t                   number = hs_word_load(&ring->next);
    struct hs_recent_slot_shm *slot = own_slot_at(ring, slot_count, number);

    HS_ASSERT(is_count_sound(slot_count));
    hs_word_store(&slot->sequence, 2 * number + 1);
    hs_words_store(slot->words, words, HS_RECENT_WORDS);
    hs_word_store(&slot->sequence, 2 * number + 2);
    hs_word_store(&ring->next,
                  number + 1); /* killed before this: the successor writes record number again */
}

int hs_recent_next(const struct hs_recent_shm *ring, uint32_t slot_count,
                   struct hs_recent_cursor *cursor, uint64_t *words)
{
    uint64_t next = hs_word_load(&ring->next);

    HS_ASSERT(is_count_sound(slot_count));
    if (next < cursor->at) cursor->at = next; /* the ring was made anew */
    if (next - cursor->at > slot_count) {
        cursor->lost_count += next - slot_count - cursor->at;
        cursor->at = next - slot_count;
    }
    /* At most slot_count turns, for next is not loaded again. */
    while (cursor->at < next) {
        uint64_t number = cursor->at++;

        if (load_record(slot_at(ring, slot_count, number), number, words)) return 1;
        cursor->lost_count++;
    }
    return 0;
}
