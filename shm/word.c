// SPDX-License-Identifier: Apache-2.0
/* word.c - copies between private memory and shared words. */
#include "shm/word.h"

#include "shm/base/assert.h"

#include <string.h>

HS_STATIC_ASSERT(sizeof(hs_word) == HS_WORD_BYTES, "an atomic word is a plain word");
HS_STATIC_ASSERT(ATOMIC_LLONG_LOCK_FREE == 2, "a lock in shared memory would die with its holder");

void hs_words_store(hs_word *to, const uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) hs_word_store(&to[i], from[i]);
}

void hs_words_load(uint64_t *to, const hs_word *from, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = hs_word_load(&from[i]);
}

void hs_words_store_text(hs_word *to, size_t word_count, const char *text)
{
    size_t left = word_count * HS_WORD_BYTES - 1;
    size_t length = strnlen(text, left);

    HS_ASSERT(word_count > 0);
    for (size_t i = 0; i < word_count; i++) {
        uint64_t word = 0;
        size_t   bytes = length < HS_WORD_BYTES ? length : HS_WORD_BYTES;

        memcpy(&word, text, bytes);
        hs_word_store(&to[i], word);
        text += bytes;
        length -= bytes;
    }
}

void hs_words_load_text(char *text, const hs_word *from, size_t word_count)
{
    HS_ASSERT(word_count > 0);
    for (size_t i = 0; i < word_count; i++) {
        uint64_t word = hs_word_load(&from[i]);

        memcpy(text + i * HS_WORD_BYTES, &word, HS_WORD_BYTES);
    }
    text[word_count * HS_WORD_BYTES - 1] = '\0';
}
