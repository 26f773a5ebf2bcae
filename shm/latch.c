// SPDX-License-Identifier: Apache-2.0
/* latch.c - two copies and a sequence.
 *
 * Why a reader never returns a torn record: to write over the copy that sequence s names, the
 * writer must first have moved the sequence to s + 1. Its stores to the words are releases and come
 * after that move, so a reader whose acquire load of a word sees one of them also sees the move
 * when it loads the sequence again - and tries once more. */
#include "shm/latch.h"

#include "shm/base/assert.h"

#include <errno.h>

void hs_latch_store(hs_word *latch, const uint64_t *words, size_t count)
{
    /* Own word; relaxed would do. A successor finds here what its predecessor published last. */
    uint64_t sequence = hs_word_load(&latch[0]);

    HS_ASSERT(count > 0);
    hs_words_store(&latch[1 + ((sequence + 1) & 1) * count], words, count);
    hs_word_store(&latch[0], sequence + 1); /* publishes the copy; readers acquire it */
}

int hs_latch_load(const hs_word *latch, uint64_t *words, size_t count)
{
    HS_ASSERT(count > 0);
    for (int i = 0; i < HS_LATCH_TRIES; i++) {
        uint64_t sequence = hs_word_load(&latch[0]);

        hs_words_load(words, &latch[1 + (sequence & 1) * count], count);
        if (hs_word_load(&latch[0]) == sequence) return 0;
    }
    return -EAGAIN;
}

uint64_t hs_latch_sequence(const hs_word *latch)
{
    return hs_word_load(&latch[0]);
}
