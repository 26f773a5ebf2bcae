// SPDX-License-Identifier: Apache-2.0
/* 022_shm_uring_exit.c - a read that a killed process left with its io_uring never lands in shared
 * memory after the process has been reaped; so a successor that maps the same memory is alone with
 * it. */
#include "shm/word.h"

#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 100, LANDING_BYTES = 16, SETTLE_US = 500 };

struct room {
    hs_word       is_submitted;
    unsigned char landing[LANDING_BYTES];
};

static void submit_and_wait_for_death(struct room *room, int pipe_fd)
{
    struct io_uring      ring;
    struct io_uring_sqe *sqe;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (io_uring_queue_init(8, &ring, 0) < 0) {
        hs_word_store(&room->is_submitted, 2); /* refused here */
        _exit(0);
    }
    sqe = io_uring_get_sqe(&ring);
    if (!sqe) _exit(1);
    io_uring_prep_read(sqe, pipe_fd, room->landing, LANDING_BYTES, 0);
    if (io_uring_submit(&ring) != 1) _exit(1);
    hs_word_store(&room->is_submitted, 1);
    for (;;) (void)pause();
}

/* 1: it landed late, 0: it did not, -1: no io_uring here. */
static int try_once(struct room *room)
{
    static const char text[LANDING_BYTES] = "after the death";
    static const char nothing[LANDING_BYTES];
    int               ends[2];
    pid_t             child;
    uint64_t          state;

    memset(room, 0, sizeof *room);
    if (pipe(ends) < 0) abort();
    child = fork();
    if (child < 0) abort();
    if (child == 0) submit_and_wait_for_death(room, ends[0]);
    while ((state = hs_word_load(&room->is_submitted)) == 0) (void)usleep(20);
    (void)kill(child, SIGKILL);
    if (waitpid(child, NULL, 0) != child) abort();
    if (write(ends[1], text, sizeof text) != (ssize_t)sizeof text) abort();
    (void)usleep(SETTLE_US);
    (void)close(ends[0]);
    (void)close(ends[1]);
    if (state == 2) return -1;
    return memcmp(room->landing, nothing, sizeof nothing) != 0;
}

int main(void)
{
    struct room *room =
        mmap(NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int late_count = 0;

    if (room == MAP_FAILED) return 1;
    for (int i = 0; i < ROUNDS; i++) {
        int rc = try_once(room);

        if (rc < 0) {
            (void)printf("io_uring is refused here\n");
            return 77;
        }
        late_count += rc;
    }
    (void)printf("%d of %d reads landed after their process was reaped\n", late_count, ROUNDS);
    return late_count ? 1 : 0;
}
