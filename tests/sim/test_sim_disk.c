// SPDX-License-Identifier: Apache-2.0
/* test_sim_disk.c - the simulator's disks: what a crash leaves, and what a failed sync means. */
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/sim/sim_pair.h"

#include <errno.h>

/* ---- disks */

struct append {
    struct hs_file_op op;
    unsigned          done;
    int               result;
};

static void on_done(struct hs_file_op *op, int result)
{
    struct append *append = (struct append *)(void *)op;

    append->done++;
    append->result = result;
}

static int append_now(struct sim_pair *pair, int fd, const char *bytes, size_t count,
                      uint64_t at_bytes, bool is_synced)
{
    struct append append = {.op = {.on_done = on_done,
                                   .fd = fd,
                                   .bytes = bytes,
                                   .count = count,
                                   .at_bytes = at_bytes,
                                   .is_synced = is_synced}};

    HS_CHECK_EQ(hs_loop_write(pair->loops[0], &append.op), 0);
    HS_CHECK_EQ(append.done, 0);
    sim_run_ms(pair->world, 10);
    HS_CHECK_EQ(append.done, 1);
    return append.result;
}

enum { SAFE = 700, LOOSE = 3000 };

/* 700 durable bytes and 3,000 more that are not; says how many of these are left, and whole. */
static size_t crash_with_loose_bytes(uint64_t seed, bool *is_torn)
{
    static char old[SAFE];
    static char new[LOOSE];
    static char     seen[SAFE + LOOSE];
    struct sim_pair pair;
    size_t          count;
    size_t          kept = 0;
    int             fd;

    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    sim_pair_open(&pair, seed);
    fd = hs_sim_file_open(pair.world, pair.nodes[0], "log");
    HS_CHECK_EQ(append_now(&pair, fd, old, SAFE, 0, true), 0);
    HS_CHECK_EQ(append_now(&pair, fd, new, LOOSE, SAFE, false), 0);
    HS_CHECK_EQ(hs_sim_file_read(pair.world, fd, 0, seen, sizeof seen), SAFE + LOOSE);
    hs_sim_crash(pair.world, pair.nodes[0]);
    fd = hs_sim_file_open(pair.world, pair.nodes[0], "log");
    count = hs_sim_file_read(pair.world, fd, 0, seen, sizeof seen);
    HS_CHECK(count >= SAFE);
    HS_CHECK(memcmp(seen, old, SAFE) == 0);
    for (size_t i = SAFE; i < count; i++) kept += seen[i] == 'n';
    *is_torn = kept != 0 && kept != LOOSE;
    sim_pair_close(&pair);
    return kept;
}

static void a_crash_keeps_what_is_durable_and_some_of_the_rest(void)
{
    unsigned none = 0;
    unsigned all = 0;
    unsigned torn = 0;

    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        bool   is_torn;
        size_t kept = crash_with_loose_bytes(seed, &is_torn);

        none += kept == 0;
        all += kept == LOOSE;
        torn += is_torn;
    }
    HS_CHECK(none > 0);
    HS_CHECK(all > 0);
    HS_CHECK(torn > 0);
}

static void a_failed_sync_is_not_made_good_by_a_later_one(void)
{
    struct sim_pair pair;
    char            seen[1024] = "";
    int             fd;

    sim_pair_open(&pair, 5);
    fd = hs_sim_file_open(pair.world, pair.nodes[0], "log");
    HS_CHECK_EQ(append_now(&pair, fd, "first", 5, 0, true), 0);
    hs_sim_file_fail(pair.world, fd, 0, 1);
    HS_CHECK_EQ(append_now(&pair, fd, "lost", 4, 512, true), -EIO);
    HS_CHECK_EQ(append_now(&pair, fd, "", 0, 0, true), 0);
    HS_CHECK_EQ(hs_sim_file_read(pair.world, fd, 512, seen, 4), 4);
    HS_CHECK(memcmp(seen, "lost", 4) == 0); /* processes still see it */
    hs_sim_file_fail(pair.world, fd, 1, 0);
    HS_CHECK_EQ(append_now(&pair, fd, "full", 4, 600, true), -ENOSPC);
    hs_sim_crash(pair.world, pair.nodes[0]);
    memset(seen, 0, sizeof seen);
    HS_CHECK(hs_sim_file_read(pair.world, fd, 0, seen, sizeof seen) >= 5);
    HS_CHECK(memcmp(seen, "first", 5) == 0);
    HS_CHECK(memcmp(seen + 512, "lost", 4) != 0);
    sim_pair_close(&pair);
}

static void a_killed_process_leaves_its_file_as_the_kernel_has_it(void)
{
    unsigned written = 0;

    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        struct sim_pair pair;
        struct append   append = {
              .op = {.on_done = on_done, .bytes = "late", .count = 4, .at_bytes = 5}};
        char seen[16] = "";

        sim_pair_open(&pair, seed);
        append.op.fd = hs_sim_file_open(pair.world, pair.nodes[0], "log");
        HS_CHECK_EQ(append_now(&pair, append.op.fd, "early", 5, 0, false), 0);
        HS_CHECK_EQ(hs_loop_write(pair.loops[0], &append.op), 0);
        hs_sim_kill(pair.world, pair.nodes[0]);
        sim_run_ms(pair.world, 100);
        HS_CHECK_EQ(append.done, 0);
        written += hs_sim_file_read(pair.world, append.op.fd, 0, seen, sizeof seen) == 9;
        HS_CHECK(memcmp(seen, "early", 5) == 0);
        sim_pair_close(&pair);
    }
    HS_CHECK(written > 0);
    HS_CHECK(written < SIM_SEEDS);
}

static CU_TestInfo tests[] = {
    {"a crash keeps what is durable and some of the rest",
     a_crash_keeps_what_is_durable_and_some_of_the_rest},
    {"a failed sync is not made good by a later one",
     a_failed_sync_is_not_made_good_by_a_later_one},
    {"a killed process leaves its file as the kernel has it",
     a_killed_process_leaves_its_file_as_the_kernel_has_it},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    return sim_run_tests("sim_disk", tests);
}
