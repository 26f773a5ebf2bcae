// SPDX-License-Identifier: Apache-2.0
/* test_manager_orders.c - whatever the order of entries: what has ended stays ended, nothing starts
 * after a cancel, and a snapshot is the whole. */
#include "shm/base/rand.h"
#include "tests/check.h"
#include "tests/unit/manager_entries.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

static void check_snapshot(void)
{
    static uint8_t           memory[HS_MANAGER_SNAPSHOT_BYTES_MAX];
    struct hs_manager_state *other = calloc(1, sizeof *other);
    struct hs_writer         writer;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_manager_fsm_save(entries_state, &writer);
    HS_CHECK_EQ(hs_writer_finish(&writer), 0);
    HS_CHECK_EQ(hs_manager_fsm_restore(other, hs_view_of(memory, writer.used_bytes)), 0);
    other->dropped_count = entries_state->dropped_count; /* only counted, not kept */
    HS_CHECK_EQ(memcmp(other, entries_state, sizeof *entries_state), 0);
    HS_CHECK_EQ(hs_manager_fsm_restore(other, hs_view_of(memory, writer.used_bytes - 1)), -EPROTO);
    HS_CHECK_EQ(other->job_count, 0);
    free(other);
}

/* What can never be undone, remembered per workflow. */
struct finals {
    uint8_t states[4][4];
    uint8_t jobs[4];
    bool    is_cancelled[4];
};

static void check_finals(struct finals *finals)
{
    for (unsigned job = 0; job < 4; job++) {
        const struct hs_manager_job *at = entries_job_of(job);

        if (!at) continue;
        if (finals->jobs[job]) HS_CHECK_EQ(at->status, finals->jobs[job]);
        if (at->phase == HS_MANAGER_JOB_DONE) finals->jobs[job] = at->status;
        for (unsigned i = 0; i < at->workflow_count; i++) {
            uint8_t now = entries_workflow_of(job, i)->state;

            if (finals->states[job][i]) HS_CHECK_EQ(now, finals->states[job][i]);
            if (hs_manager_is_final(now)) finals->states[job][i] = now;
        }
    }
}

static void random_step(struct hs_rand *rand, struct finals *finals)
{
    unsigned job = (unsigned)hs_rand_below(rand, 4), workflow = (unsigned)hs_rand_below(rand, 4);
    unsigned shard = (unsigned)hs_rand_below(rand, 3);
    uint32_t code;

    if (!entries_job_of(job)) {
        HS_CHECK_EQ(entries_accept_job(job, 4, hs_rand_below(rand, 2)), HS_RESULT_OK);
        return;
    }
    switch (hs_rand_below(rand, 8)) {
    case 0:
    case 1:
    case 2:
        code = entries_assign(job, workflow, 3);
        if (finals->is_cancelled[job]) HS_CHECK(code != HS_RESULT_OK); /* I5 */
        break;
    case 3: entries_cancel(job, workflow, shard & 1, (uint8_t)entries_seq); break;
    case 4:
        if (hs_rand_below(rand, 20)) break;
        if (entries_cancel(job, HS_WORKFLOW_ALL, true, (uint8_t)entries_seq) == HS_RESULT_OK)
            finals->is_cancelled[job] = true;
        break;
    case 5:
        if (!hs_rand_below(rand, 40)) entries_time_out(job, HS_MANAGER_TIMEOUT_FALLBACK, 0);
        break;
    default:
        if (entries_workflow_of(job, workflow)->shard_count <= shard) break;
        if (entries_shard_of(job, workflow, shard)->state == HS_SHARD_BACKOFF)
            entries_retry(job, workflow, shard);
        else
            entries_end(job, workflow, shard, (enum hs_exec_outcome)(1 + hs_rand_below(rand, 8)));
    }
}

static void no_order_of_entries_undoes_an_end(void)
{
    entries_set_up();
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct finals  finals = {0};
        struct hs_rand rand;

        entries_set_up();
        hs_rand_init(&rand, seed);
        for (unsigned i = 0; i < 300; i++) {
            random_step(&rand, &finals);
            check_finals(&finals);
        }
        HS_CHECK(hs_manager_state_validate(entries_state));
        if (seed % 20 == 0) check_snapshot();
    }
    entries_tear_down();
}

CU_TestInfo hs_tests_manager_orders[] = {
    {"no order of entries undoes an end", no_order_of_entries_undoes_an_end},
    CU_TEST_INFO_NULL,
};
