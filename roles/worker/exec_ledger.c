// SPDX-License-Identifier: Apache-2.0
/* exec_ledger.c - records in and out of latches. */
#include "roles/worker/exec_ledger.h"

#include <string.h>

HS_STATIC_ASSERT(sizeof(struct hs_exec_ledger_shm) <= 16 << 20, "fits its segment by far");

/* Only touched pages cost memory: what was never written is left alone. */
static void clear(struct hs_exec_ledger_shm *ledger)
{
    struct hs_exec_ledger_head head = {0};

    hs_exec_ledger_store_head(ledger, &head);
    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++)
        if (hs_latch_sequence(ledger->rows[row]))
            for (unsigned i = 0; i < HS_EXEC_ROW_WORDS; i++)
                hs_word_store(&ledger->rows[row][i], 0);
}

bool hs_exec_ledger_attach(struct hs_exec_ledger_shm *ledger)
{
    if (hs_word_load(&ledger->magic) == HS_EXEC_LEDGER_MAGIC) return true;
    clear(ledger);
    hs_word_store(&ledger->magic, HS_EXEC_LEDGER_MAGIC);
    return false;
}

void hs_exec_ledger_store(struct hs_exec_ledger_shm *ledger, unsigned row,
                          const struct hs_exec_record *record)
{
    uint64_t words[HS_EXEC_RECORD_WORDS];

    HS_ASSERT(row < HS_EXECS_PER_WORKER_MAX);
    memcpy(words, record, sizeof words);
    hs_latch_store(ledger->rows[row], words, HS_EXEC_RECORD_WORDS);
}

void hs_exec_ledger_load(const struct hs_exec_ledger_shm *ledger, unsigned row,
                         struct hs_exec_record *record)
{
    uint64_t words[HS_EXEC_RECORD_WORDS];

    HS_ASSERT(row < HS_EXECS_PER_WORKER_MAX);
    if (hs_latch_load(ledger->rows[row], words, HS_EXEC_RECORD_WORDS) < 0)
        memset(words, 0, sizeof words); /* cannot be: its writer is dead, or is us */
    memcpy(record, words, sizeof words);
}

void hs_exec_ledger_store_head(struct hs_exec_ledger_shm        *ledger,
                               const struct hs_exec_ledger_head *head)
{
    uint64_t words[HS_EXEC_HEAD_WORDS];

    memcpy(words, head, sizeof words);
    hs_latch_store(ledger->head, words, HS_EXEC_HEAD_WORDS);
}

void hs_exec_ledger_load_head(const struct hs_exec_ledger_shm *ledger,
                              struct hs_exec_ledger_head      *head)
{
    uint64_t words[HS_EXEC_HEAD_WORDS];

    if (hs_latch_load(ledger->head, words, HS_EXEC_HEAD_WORDS) < 0) memset(words, 0, sizeof words);
    memcpy(head, words, sizeof words);
}
