// SPDX-License-Identifier: Apache-2.0
/* host_table.c - records of the host segment, each stored and loaded whole through its latch. What
 * comes out of shared memory is made harmless: texts end, numbers name something. */
#include "roles/host_table.h"

#include "shm/base/assert.h"

#include <errno.h>
#include <string.h>

static const char *const state_names[HS_PROCESS_STATE_COUNT] = {
    [HS_PROCESS_ABSENT] = "absent",     [HS_PROCESS_WAITING] = "waiting",
    [HS_PROCESS_STARTING] = "starting", [HS_PROCESS_READY] = "ready",
    [HS_PROCESS_STOPPING] = "stopping", [HS_PROCESS_CRASH_LOOP] = "crash_loop",
    [HS_PROCESS_FAILED] = "failed",     [HS_PROCESS_STOPPED] = "stopped",
};

const char *hs_process_state_name(enum hs_process_state state)
{
    return state < HS_PROCESS_STATE_COUNT ? state_names[state] : "unknown";
}

int hs_host_table_load_summary(const struct hs_host_table_shm *table,
                               struct hs_host_summary         *summary)
{
    uint64_t words[HS_HOST_SUMMARY_WORDS];
    int      rc = hs_latch_load(table->summary, words, HS_HOST_SUMMARY_WORDS);

    if (rc < 0) return rc;
    memcpy(summary, words, sizeof *summary);
    summary->reload_error[sizeof summary->reload_error - 1] = '\0';
    summary->segments_replaced[sizeof summary->segments_replaced - 1] = '\0';
    return 0;
}

int hs_host_table_load_process(const struct hs_host_table_shm *table, unsigned process_idx,
                               struct hs_host_process *process)
{
    uint64_t words[HS_HOST_PROCESS_WORDS];
    int      rc;

    HS_ASSERT(process_idx < HS_PROCESSES_MAX);
    rc = hs_latch_load(table->processes[process_idx], words, HS_HOST_PROCESS_WORDS);
    if (rc < 0) return rc;
    memcpy(process, words, sizeof *process);
    process->last_death[sizeof process->last_death - 1] = '\0';
    if (process->kind >= HS_ROLE_KIND_COUNT || process->state >= HS_PROCESS_STATE_COUNT)
        return -ENOENT;
    return process->kind == HS_ROLE_NONE ? -ENOENT : 0;
}

int hs_host_table_load_death(const struct hs_host_table_shm *table, uint64_t number,
                             struct hs_host_death *death)
{
    uint64_t words[HS_HOST_DEATH_WORDS];
    int      rc = hs_latch_load(table->deaths[number % HS_DEATHS_MAX], words, HS_HOST_DEATH_WORDS);

    if (rc < 0) return rc;
    memcpy(death, words, sizeof *death);
    death->cause[sizeof death->cause - 1] = '\0';
    death->panic[sizeof death->panic - 1] = '\0';
    if (death->kind >= HS_ROLE_KIND_COUNT) return -ENOENT;
    return number && death->number == number ? 0 : -ENOENT;
}

uint64_t hs_host_table_digest_word(const uint8_t *digest)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < sizeof word; i++) word |= (uint64_t)digest[i] << 8 * i;
    return word;
}

bool hs_host_table_is_quarantined(const struct hs_host_table_shm *table, uint64_t digest)
{
    struct hs_host_summary summary;

    if (!digest || hs_host_table_load_summary(table, &summary) < 0) return false;
    for (unsigned i = 0; i < HS_QUARANTINE_MAX; i++)
        if (summary.quarantine[i].digest == digest) return true;
    return false;
}

void hs_host_table_store_summary(struct hs_host_table_shm     *table,
                                 const struct hs_host_summary *summary)
{
    uint64_t words[HS_HOST_SUMMARY_WORDS];

    memcpy(words, summary, sizeof *summary);
    hs_latch_store(table->summary, words, HS_HOST_SUMMARY_WORDS);
}

void hs_host_table_store_process(struct hs_host_table_shm *table, unsigned process_idx,
                                 const struct hs_host_process *process)
{
    uint64_t words[HS_HOST_PROCESS_WORDS];

    HS_ASSERT(process_idx < HS_PROCESSES_MAX);
    memcpy(words, process, sizeof *process);
    hs_latch_store(table->processes[process_idx], words, HS_HOST_PROCESS_WORDS);
}

void hs_host_table_store_death(struct hs_host_table_shm *table, const struct hs_host_death *death)
{
    uint64_t words[HS_HOST_DEATH_WORDS];

    HS_ASSERT(death->number > 0);
    memcpy(words, death, sizeof *death);
    hs_latch_store(table->deaths[death->number % HS_DEATHS_MAX], words, HS_HOST_DEATH_WORDS);
}
