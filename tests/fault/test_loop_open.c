// SPDX-License-Identifier: Apache-2.0
/* test_loop_open.c - opening a loop while each allocation and each system call of it fails in turn.
 * The wrapped functions count themselves. */
// wraps: calloc mmap epoll_create1 io_uring_queue_init_params io_uring_register_buf_ring
#include "ipc/loop.h"
#include "tests/check.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <liburing.h>
#include <sys/epoll.h>
#include <sys/mman.h>

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset);
int   __real_epoll_create1(int flags);
int   __wrap_epoll_create1(int flags);
int   __real_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                        struct io_uring_params *params);
int   __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                        struct io_uring_params *params);
int   __real_io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *reg,
                                        unsigned flags);
int   __wrap_io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *reg,
                                        unsigned flags);

static int  calls_until_failure; /* 0: none fails */
static bool goes_on_failing;     /* so do all calls after it */
static bool has_failed;
static int  fails_with;

static bool is_failing(void)
{
    if (has_failed) return goes_on_failing;
    has_failed = calls_until_failure && --calls_until_failure == 0;
    return has_failed;
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return is_failing() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    return is_failing() ? MAP_FAILED : __real_mmap(at, bytes, protection, flags, fd, offset);
}

int __wrap_epoll_create1(int flags)
{
    if (!is_failing()) return __real_epoll_create1(flags);
    errno = EMFILE;
    return -1;
}

int __wrap_io_uring_queue_init_params(unsigned entries, struct io_uring *ring,
                                      struct io_uring_params *params)
{
    if (is_failing()) return -fails_with;
    return __real_io_uring_queue_init_params(entries, ring, params);
}

int __wrap_io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *reg,
                                      unsigned flags)
{
    return is_failing() ? -fails_with : __real_io_uring_register_buf_ring(ring, reg, flags);
}

/* Opens with the k-th call failing, and the later ones too if `goes_on_failing`; false when there
 * is no k-th call. */
static bool open_with_failure(enum hs_loop_backend backend, int k, int error, int *rc, char *text)
{
    struct hs_loop_config config = {.wanted = backend,
                                    .stream_count_max = 4,
                                    .recv_buffer_count = 4,
                                    .recv_buffer_bytes = 64,
                                    .file_op_count_max = 1};
    struct hs_loop       *loop;
    struct hs_err         err = {0};
    bool                  is_reached;

    calls_until_failure = k;
    fails_with = error;
    *rc = hs_loop_open(&loop, &config, &err);
    is_reached = has_failed;
    calls_until_failure = 0;
    has_failed = false;
    HS_CHECK(*rc ? !loop : loop != NULL);
    HS_CHECK_EQ(*rc, *rc ? err.code : 0);
    if (loop) (void)snprintf(text, 96, "%s", hs_loop_backend_text(loop));
    hs_loop_close(&loop);
    return is_reached;
}

/* Where memory is short, one failure may be answered by a smaller ring; a lasting one may not. */
static void every_failure_is_an_error_or_less_of_a_loop(void)
{
    for (int backend = HS_LOOP_AUTO; backend <= HS_LOOP_EPOLL; backend++) {
        char text[96] = "";
        int  k = 1;
        int  rc;

        goes_on_failing = false;
        while (open_with_failure((enum hs_loop_backend)backend, k, EPERM, &rc, text)) k++;
        HS_CHECK(k > 4);
        HS_CHECK_EQ(rc, 0); /* none failed */
        goes_on_failing = true;
        while (--k) {
            HS_CHECK(open_with_failure((enum hs_loop_backend)backend, k, EPERM, &rc, text));
            HS_CHECK(rc < 0);
        }
        goes_on_failing = false;
    }
}

/* Calls 1 to 4 are the loop's own memory; the fifth is the ring with the best flags. */
static void flags_that_are_unknown_are_left_out(void)
{
    char text[96] = "";
    int  rc;

    HS_CHECK(open_with_failure(HS_LOOP_AUTO, 5, EINVAL, &rc, text));
    HS_CHECK_EQ(rc, 0);
    HS_CHECK_TEXT(text, "io_uring");
    HS_CHECK(open_with_failure(HS_LOOP_AUTO, 5, EPERM, &rc, text));
    HS_CHECK_EQ(rc, 0);
    HS_CHECK_TEXT(text, "epoll (io_uring: operation not permitted)");
}

static CU_TestInfo tests[] = {
    {"every failure is an error or less of a loop", every_failure_is_an_error_or_less_of_a_loop},
    {"flags that are unknown are left out", flags_that_are_unknown_are_left_out},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "loop_open", .pTests = tests}, CU_SUITE_INFO_NULL};
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
