// SPDX-License-Identifier: Apache-2.0
/* exec_ledger.h - the body of HS_SHARE_EXECS: what a worker leaves for its successor. One latch per
 * row of the table of execs, so that a worker killed while it stores leaves the old record or the
 * new one; the worker is the only writer. Figures and results are not here: they lie in the
 * engines' pages until the result is taken. Pure. */
#ifndef HS_WORKER_EXEC_LEDGER_H
#define HS_WORKER_EXEC_LEDGER_H

#include "roles/worker/exec_record.h"
#include "shm/latch.h"

#include <stdbool.h>

/* "HSEXEC02" in memory: the layout too */
#define HS_EXEC_LEDGER_MAGIC UINT64_C(0x3230434558455348)

enum {
    HS_EXEC_RECORD_WORDS = (int)(sizeof(struct hs_exec_record) / 8),
    HS_EXEC_ROW_WORDS = HS_LATCH_WORDS(HS_EXEC_RECORD_WORDS)
};

enum { HS_EXEC_HEAD_WORDS = (int)(sizeof(struct hs_exec_ledger_head) / 8) };

struct hs_exec_ledger_shm {
    hs_word magic; /* 0: fresh memory */
    hs_word reserved[7];
    hs_word head[HS_LATCH_WORDS(HS_EXEC_HEAD_WORDS)];
    hs_word rows[HS_EXECS_PER_WORKER_MAX][HS_EXEC_ROW_WORDS];
};

/* true: a predecessor's rows are there. false: fresh, or of another layout, and empty from now
 * on. */
bool hs_exec_ledger_attach(struct hs_exec_ledger_shm *ledger);
void hs_exec_ledger_store(struct hs_exec_ledger_shm *ledger, unsigned row,
                          const struct hs_exec_record *record);
/* A record of zeros (HS_EXEC_NONE) where nothing lies. */
void hs_exec_ledger_load(const struct hs_exec_ledger_shm *ledger, unsigned row,
                         struct hs_exec_record *record);
void hs_exec_ledger_store_head(struct hs_exec_ledger_shm        *ledger,
                               const struct hs_exec_ledger_head *head);
void hs_exec_ledger_load_head(const struct hs_exec_ledger_shm *ledger,
                              struct hs_exec_ledger_head      *head);

#endif
