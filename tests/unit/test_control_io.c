// SPDX-License-Identifier: Apache-2.0
/* test_control_io.c - records over a real pair of sockets. */
#include "roles/control_io.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The supervisor has sent it what it had no time to read; what it said before it ended counts. */
static void last_words_of_one_who_has_not_read_all_are_heard(void)
{
    struct hs_control_record record;
    int                      passed_fd;
    int                      fds[2];

    HS_CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    HS_CHECK_EQ(hs_control_recv(fds[0], HS_ROLE_GATE, &record, &passed_fd), -EAGAIN);
    hs_control_init(&record, HS_CONTROL_DRAIN, NULL);
    HS_CHECK_EQ(hs_control_send(fds[0], &record, -1), 0);
    hs_control_init(&record, HS_CONTROL_SEGMENT_BAD, "workers");
    HS_CHECK_EQ(hs_control_send(fds[1], &record, -1), 0);
    HS_CHECK_EQ(close(fds[1]), 0);
    HS_CHECK_EQ(hs_control_recv(fds[0], HS_ROLE_GATE, &record, &passed_fd), 1);
    HS_CHECK_EQ(record.type, HS_CONTROL_SEGMENT_BAD);
    HS_CHECK_TEXT(record.text, "workers");
    HS_CHECK_EQ(hs_control_recv(fds[0], HS_ROLE_GATE, &record, &passed_fd), 0);
    HS_CHECK_EQ(close(fds[0]), 0);
}

CU_TestInfo hs_tests_control_io[] = {
    {"last words of one who has not read all are heard",
     last_words_of_one_who_has_not_read_all_are_heard},
    CU_TEST_INFO_NULL,
};
