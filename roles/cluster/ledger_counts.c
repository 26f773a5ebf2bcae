// SPDX-License-Identifier: Apache-2.0
/* ledger_counts.c - what a ledger has done, into the counters of its process. */
#include "roles/cluster/ledger_local.h"
#include "roles/counters.h"
#include "shm/counters.h"

static void count_start(struct hs_ledger *ledger, struct hs_counters_shm *counters)
{
    hs_counter_add(counters, HS_COUNT_ledger_replayed, ledger->stats.seq);
    hs_counter_add(counters, HS_COUNT_ledger_torn_bytes, ledger->stats.torn_bytes);
    ledger->told = ledger->stats;
    ledger->is_told = true;
}

void hs_ledger_count(struct hs_ledger *ledger, struct hs_counters_shm *counters)
{
    const struct hs_ledger_stats *now = &ledger->stats;
    const struct hs_ledger_stats *told = &ledger->told;

    if (!ledger->is_told) count_start(ledger, counters);
    hs_counter_add(counters, HS_COUNT_ledger_entries, now->seq - told->seq);
    hs_counter_add(counters, HS_COUNT_ledger_bytes, now->written_bytes - told->written_bytes);
    hs_counter_add(counters, HS_COUNT_ledger_syncs, now->sync_count - told->sync_count);
    hs_counter_add(counters, HS_COUNT_ledger_compactions,
                   now->compaction_count - told->compaction_count);
    hs_counter_add(counters, HS_COUNT_ledger_damaged_blobs,
                   now->damaged_count - told->damaged_count);
    ledger->told = *now;
}
