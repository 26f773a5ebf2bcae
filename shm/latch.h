// SPDX-License-Identifier: Apache-2.0
/* latch.h - one record of a few words that one process writes and any number read, whole or not at
 * all, without locks.
 *
 *   [sequence][copy 0 ...][copy 1 ...]        the sequence's lowest bit names the copy that is
 * valid
 *
 * The writer fills the copy that the sequence does not name, then moves the sequence. So a writer
 * that dies half-way leaves the named copy whole and no reader waits for the dead; its successor
 * writes over the torn one. A latch of zeros is a valid record of zeros. One writer at a time;
 * nothing here enforces that. */
#ifndef HS_SHM_LATCH_H
#define HS_SHM_LATCH_H

#include "shm/base/err.h"
#include "shm/word.h"

/* Words to set aside for a record of count words: `hs_word latch[HS_LATCH_WORDS(5)];` */
#define HS_LATCH_WORDS(count) (1 + 2 * (count))

enum { HS_LATCH_TRIES = 64 }; /* a reader overtaken that often reports the record as busy */

void hs_latch_store(hs_word *latch, const uint64_t *words, size_t count);
/* 0, or -EAGAIN: the writer was faster HS_LATCH_TRIES times in a row; words then hold nothing of
 * use. */
int hs_latch_load(const hs_word *latch, uint64_t *words, size_t count) HS_MUST_CHECK;
/* How often it was stored: tells a reader whether anything changed. */
uint64_t hs_latch_sequence(const hs_word *latch);

#endif
