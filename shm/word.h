// SPDX-License-Identifier: Apache-2.0
/* word.h - the unit of everything shared that may be read while it is written: an atomic 64-bit
 * word. A copy in or out is a row of release stores or acquire loads, no fences (ThreadSanitizer
 * does not model them); on x86-64 plain moves. */
#ifndef HS_SHM_WORD_H
#define HS_SHM_WORD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t hs_word;

enum { HS_WORD_BYTES = 8, HS_CACHE_LINE_BYTES = 64 };

#define HS_WORDS_OF(bytes) (((bytes) + HS_WORD_BYTES - 1) / HS_WORD_BYTES)

static inline uint64_t hs_word_load(const hs_word *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static inline void hs_word_store(hs_word *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

/* Tells the core that we wait for another one; tens of cycles. */
static inline void hs_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void hs_words_store(hs_word *to, const uint64_t *from, size_t count);
void hs_words_load(uint64_t *to, const hs_word *from, size_t count);
/* Text into and out of words. Stored: cut to what fits with its zero. Loaded: always terminated at
 * the last byte, so a writer that never put a zero cannot make a reader run on; text must hold
 * word_count * HS_WORD_BYTES bytes. */
void hs_words_store_text(hs_word *to, size_t word_count, const char *text);
void hs_words_load_text(char *text, const hs_word *from, size_t word_count);

#endif
