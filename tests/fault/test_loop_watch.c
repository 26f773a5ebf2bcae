// SPDX-License-Identifier: Apache-2.0
/* test_loop_watch.c - a watch whose poll the kernel gives up without a word about the descriptor.
 * The wrapped function tells which ring the loop uses. */
// wraps: io_uring_queue_init_params
#include "ipc/loop.h"
#include "shm/base/time.h"
#include "tests/check.h"

#include <CUnit/Basic.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

int __real_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params);
int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params);

static struct io_uring *seen;

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params)
{
    seen = ring;
    return __real_io_uring_queue_init_params(entries, ring, params);
}

static unsigned rings;

static void on_readable(struct hs_watch *watch)
{
    uint64_t value;

    rings++;
    (void)!read(watch->fd, &value, sizeof value);
}

/* As the kernel does to a poll when it must. */
static void give_up_poll(int fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(seen);

    HS_CHECK(sqe != NULL);
    if (!sqe) return;
    io_uring_prep_cancel_fd(sqe, fd, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    HS_CHECK(io_uring_submit(seen) >= 1);
}

/* Time goes by as it does: a poll rests for a tenth of a second. */
static void turn(struct hs_loop *loop, unsigned wanted, uint64_t limit_ns)
{
    uint64_t end_ns = hs_loop_clock_ns(loop) + limit_ns;

    while (rings < wanted && hs_loop_clock_ns(loop) < end_ns)
        HS_CHECK(hs_loop_step(loop, end_ns) >= 0);
}

static void a_poll_that_is_given_up_is_made_again(void)
{
    struct hs_loop_config config = {.wanted = HS_LOOP_IO_URING,
                                    .stream_count_max = 4,
                                    .recv_buffer_count = 4,
                                    .recv_buffer_bytes = 64,
                                    .file_op_count_max = 1};
    struct hs_watch       watch = {.on_readable = on_readable};
    struct hs_loop       *loop;
    struct hs_err         err = {0};
    uint64_t              one = 1;
    int                   fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    HS_CHECK_EQ(hs_loop_open(&loop, &config, &err), 0);
    HS_CHECK_EQ(hs_watch_open(loop, &watch, fd), 0);
    turn(loop, 1, HS_NS_PER_MS);
    for (unsigned i = 0; i < 3; i++) {
        give_up_poll(fd);
        turn(loop, 1, 10 * HS_NS_PER_MS);
        HS_CHECK_EQ(rings, 0); /* nothing is there to be read */
        HS_CHECK_EQ(write(fd, &one, sizeof one), 8);
        turn(loop, 1, 5 * HS_NS_PER_S);
        HS_CHECK_EQ(rings, 1);
        rings = 0;
    }
    hs_watch_close(&watch);
    hs_loop_close(&loop);
    (void)close(fd);
}

static CU_TestInfo tests[] = {
    {"a poll that is given up is made again", a_poll_that_is_given_up_is_made_again},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "loop_watch", .pTests = tests}, CU_SUITE_INFO_NULL};
    unsigned     failed;

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
