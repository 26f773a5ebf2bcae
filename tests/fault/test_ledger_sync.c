// SPDX-License-Identifier: Apache-2.0
/* test_ledger_sync.c - the ledger while each write and each fdatasync of it fails in turn, also in
 * the midst of a compaction of many parts. After a sync that failed the kernel still shows what was
 * written, and no later sync tells of it: a successor must not find it. */
// wraps: fdatasync pwrite
#include "ipc/loop.h"
#include "roles/cluster/ledger.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "tests/check.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int     __real_fdatasync(int fd);
int     __wrap_fdatasync(int fd);
ssize_t __real_pwrite(int fd, const void *bytes, size_t count, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t at);

enum { LARGE_BLOBS = 10, LARGE_BYTES = 300 << 10 };

static unsigned syncs;
static unsigned failing_sync; /* 0: none */
static unsigned writes;
static unsigned failing_write; /* likewise */

int __wrap_fdatasync(int fd)
{
    if (++syncs != failing_sync) return __real_fdatasync(fd);
    errno = EIO;
    return -1;
}

/* Half of it is there. */
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    if (++writes != failing_write) return __real_pwrite(fd, bytes, count, at);
    HS_CHECK_EQ(__real_pwrite(fd, bytes, count / 2, at), count / 2);
    errno = ENOSPC;
    return -1;
}

struct world {
    struct hs_loop   *loop;
    struct hs_ledger *ledger;
    int               fd[2];
    uint64_t          sum; /* the state */
    unsigned          applied;
    unsigned          unknown;
    unsigned          failed;
};

static uint32_t apply(void *self, uint64_t seq, struct hs_view entry)
{
    struct world *world = self;

    HS_CHECK_EQ(entry.bytes, 64);
    world->sum += seq;
    return 0;
}

static void save(void *self, struct hs_writer *writer)
{
    hs_put_u64le(writer, ((struct world *)self)->sum);
}

static int restore(void *self, struct hs_view snapshot)
{
    struct hs_reader reader;

    hs_reader_init(&reader, snapshot);
    ((struct world *)self)->sum = hs_get_u64le(&reader);
    return hs_reader_finish(&reader);
}

static bool is_blob_needed(void *self, const struct hs_ledger_digest *digest)
{
    (void)self;
    (void)digest;
    return false;
}

static void on_answer(void *context, const struct hs_ledger_answer *answer)
{
    struct world *world = context;

    world->applied += answer->kind == HS_LEDGER_APPLIED;
    world->unknown += answer->kind == HS_LEDGER_UNKNOWN;
    world->failed += answer->kind == HS_LEDGER_FAILED;
}

static int open_world(struct world *world)
{
    struct hs_loop_config   loop_config = {.wanted = HS_LOOP_EPOLL, /* it calls fdatasync */
                                           .stream_count_max = 1,
                                           .recv_buffer_count = 2,
                                           .recv_buffer_bytes = 64,
                                           .file_op_count_max = 2};
    struct hs_ledger_config config = {.fd = {world->fd[0], world->fd[1]},
                                      .group = 1,
                                      .machine = {.self = world,
                                                  .apply = apply,
                                                  .save = save,
                                                  .restore = restore,
                                                  .is_blob_needed = is_blob_needed,
                                                  .snapshot_bytes_max = 64},
                                      .on_answer = on_answer,
                                      .context = world,
                                      .compact_bytes = 1024};
    struct hs_err           err = {0};
    int                     rc = hs_loop_open(&world->loop, &loop_config, &err);

    HS_CHECK_EQ(rc, 0);
    world->sum = 0;
    world->applied = world->unknown = world->failed = 0;
    config.loop = world->loop;
    rc = hs_ledger_open(&world->ledger, &config, &err);
    if (rc) hs_loop_close(&world->loop);
    return rc;
}

static void close_world(struct world *world)
{
    if (world->ledger) hs_ledger_close(&world->ledger);
    if (world->loop) hs_loop_close(&world->loop);
}

static bool is_quiet(const struct world *world)
{
    struct hs_ledger_stats stats;

    hs_ledger_stats(world->ledger, &stats);
    return hs_ledger_is_idle(world->ledger) && !stats.image_bytes;
}

static void turn(struct world *world)
{
    hs_ledger_step(world->ledger, HS_NS_PER_S);
    HS_CHECK(hs_loop_step(world->loop, 0) >= 0);
}

/* One entry a batch, some with a blob, until there is no more to do. A compaction goes on beside
 * them. */
static void run(struct world *world, unsigned entries, unsigned blobs)
{
    static const uint8_t    entry[64] = {1};
    static uint8_t          bytes[LARGE_BYTES];
    struct hs_ledger_digest digest;

    for (unsigned i = 0; i < entries && !world->failed; i++) {
        memset(bytes, (int)i + 1, sizeof bytes);
        if (i < blobs)
            HS_CHECK_EQ(
                hs_ledger_blob_put(world->ledger, hs_view_of(bytes, sizeof bytes), &digest, 0), 0);
        HS_CHECK_EQ(hs_ledger_propose(world->ledger, hs_view_of(entry, sizeof entry), i + 1), 0);
        while (!hs_ledger_is_idle(world->ledger)) turn(world);
    }
    while (!is_quiet(world)) turn(world);
}

/* What the state is after so many entries. */
static uint64_t sum_of(uint64_t count)
{
    return count * (count + 1) / 2;
}

static void create_files(struct world *world)
{
    for (unsigned i = 0; i < 2; i++) world->fd[i] = memfd_create("ledger", MFD_CLOEXEC);
}

static void close_files(const struct world *world)
{
    for (unsigned i = 0; i < 2; i++) close(world->fd[i]);
}

/* The k-th sync or write. false: there was no such one. */
static bool fail_one(unsigned *failing, unsigned k, unsigned blobs, bool *was_image)
{
    struct world           world = {0};
    struct hs_ledger_stats stats;
    struct stat            file[2];
    unsigned               answered;
    bool                   has_failed;

    create_files(&world);
    HS_CHECK_EQ(open_world(&world), 0);
    syncs = writes = 0;
    *failing = k;
    run(&world, 40, blobs);
    *failing = 0;
    hs_ledger_stats(world.ledger, &stats);
    answered = world.applied;
    HS_CHECK_EQ(world.sum, sum_of(answered));
    HS_CHECK(world.unknown <= 2 * world.failed); /* an entry, its blob */
    for (unsigned i = 0; i < 2; i++) HS_CHECK_EQ(fstat(world.fd[i], &file[i]), 0);
    if (world.failed) {
        HS_CHECK_EQ(file[(stats.epoch + 1) % 2].st_size, stats.file_bytes);
        HS_CHECK_EQ(file[stats.epoch % 2].st_size, 0);
    }
    *was_image = world.failed && stats.batch_count == answered;
    has_failed = world.failed != 0;
    close_world(&world);
    HS_CHECK_EQ(open_world(&world), 0); /* the successor knows what was answered, and no more */
    HS_CHECK_EQ(world.sum, sum_of(answered));
    run(&world, 1, blobs);
    HS_CHECK_EQ(world.sum, sum_of(answered + 1));
    close_world(&world);
    close_files(&world);
    return has_failed;
}

/* How many of them were of images. */
static unsigned fail_each(unsigned *failing, unsigned blobs)
{
    unsigned images = 0;
    unsigned k = 1;
    bool     was_image;

    for (; fail_one(failing, k, blobs, &was_image); k++) images += was_image;
    HS_CHECK(k > 40);
    return images;
}

static void what_a_failed_sync_leaves_is_not_built_upon(void)
{
    HS_CHECK(fail_each(&failing_sync, 0) >= 1);
}

static void what_a_failed_write_leaves_is_not_built_upon(void)
{
    HS_CHECK(fail_each(&failing_write, 0) >= 1);
}

static void a_failed_sync_in_a_compaction_of_many_parts_loses_nothing(void)
{
    HS_CHECK(fail_each(&failing_sync, LARGE_BLOBS) >= 3);
}

static void a_failed_write_in_a_compaction_of_many_parts_loses_nothing(void)
{
    HS_CHECK(fail_each(&failing_write, LARGE_BLOBS) >= 3);
}

static void what_cannot_be_made_durable_is_not_opened(void)
{
    struct world world = {0};

    create_files(&world);
    syncs = failing_sync = 0;
    HS_CHECK_EQ(open_world(&world), 0);
    run(&world, 3, 0);
    close_world(&world);
    for (unsigned k = 1; k <= 2; k++) {
        syncs = 0;
        failing_sync = k;
        HS_CHECK_EQ(open_world(&world), -EIO);
    }
    failing_sync = 0;
    HS_CHECK_EQ(open_world(&world), 0);
    HS_CHECK_EQ(world.sum, sum_of(3));
    close_world(&world);
    close_files(&world);
}

static void drop_line(void *context, enum hs_log_level level, const char *module, const char *line)
{
    (void)context;
    (void)level;
    (void)module;
    (void)line;
}

static CU_TestInfo tests[] = {
    {"what a failed sync leaves is not built upon", what_a_failed_sync_leaves_is_not_built_upon},
    {"what a failed write leaves is not built upon", what_a_failed_write_leaves_is_not_built_upon},
    {"a failed sync in a compaction of many parts loses nothing",
     a_failed_sync_in_a_compaction_of_many_parts_loses_nothing},
    {"a failed write in a compaction of many parts loses nothing",
     a_failed_write_in_a_compaction_of_many_parts_loses_nothing},
    {"what cannot be made durable is not opened", what_cannot_be_made_durable_is_not_opened},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "ledger_sync", .pTests = tests}, CU_SUITE_INFO_NULL};
    unsigned     failed;

    hs_log_set_sink(drop_line, NULL, HS_LOG_ERROR);
    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS)
        return 1;
    CU_basic_set_mode(CU_BRM_SILENT);
    (void)CU_basic_run_tests();
    CU_basic_show_failures(CU_get_failure_list());
    failed = CU_get_number_of_tests_failed();
    (void)printf("\n%u passed, %u failed\n", CU_get_number_of_tests_run() - failed, failed);
    CU_cleanup_registry();
    return failed ? 1 : 0;
}
