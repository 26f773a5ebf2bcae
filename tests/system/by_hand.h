// SPDX-License-Identifier: Apache-2.0
/* by_hand.h - for programs that start roles by hand, as their supervisor would: checks that are
 * counted, and the segments that a role is given. */
#ifndef HS_TESTS_BY_HAND_H
#define HS_TESTS_BY_HAND_H

#include "roles/engine_link.h"
#include "roles/share.h"
#include "shm/base/time.h"
#include "shm/ring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

static unsigned failed_count;
static unsigned passed_count;

static inline void check_equal(int64_t seen, int64_t wanted, int line, const char *what)
{
    if (seen == wanted) {
        passed_count++;
        return;
    }
    failed_count++;
    (void)printf("%d: %s is %" PRId64 ", not %" PRId64 "\n", line, what, seen, wanted);
}
#define CHECK_EQ(actual, expected)                                                                 \
    check_equal((int64_t)(actual), (int64_t)(expected), __LINE__, #actual)
#define CHECK(condition) check_equal((condition) ? 1 : 0, 1, __LINE__, #condition)

/* The exit code of the program. */
static inline int tell_counts(void)
{
    (void)printf("%u passed, %u failed\n", passed_count, failed_count);
    return failed_count ? 1 : 0;
}

static inline void must(bool held, const char *what)
{
    if (held) return;
    (void)printf("cannot go on: %s: %s\n", what, strerror(errno));
    exit(1);
}

static inline uint64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline int make_segment(const char *name, struct hs_segment_spec *spec,
                               struct hs_segment *mapped)
{
    struct hs_err err = {0};
    int           fd;

    spec->generation = 1;
    fd = hs_segment_create(mapped, name, spec, &err);
    must(fd >= 0, err.text);
    return fd;
}

/* All that a host's roles share. */
static inline void make_host_shares(int share_fd[HS_SHARE_COUNT])
{
    for (enum hs_share share = 0; share < HS_SHARE_COUNT; share++) {
        struct hs_segment_spec spec;
        struct hs_segment      mapped;

        hs_share_spec(share, &spec);
        share_fd[share] = make_segment(hs_share_name(share), &spec, &mapped);
        hs_share_init(share, hs_segment_body(&mapped));
    }
}

/* What an engine and its worker share; mapped as the worker has it. */
static inline struct hs_engine_share make_engine_share(struct hs_segment *mapped)
{
    int fds[HS_ENGINE_SEGMENT_COUNT];

    for (enum hs_engine_segment which = 0; which < HS_ENGINE_SEGMENT_COUNT; which++) {
        struct hs_segment_spec spec;

        hs_engine_segment_spec(which, &spec);
        fds[which] = make_segment("engine", &spec, &mapped[which]);
        hs_engine_segment_init(which, hs_segment_body(&mapped[which]));
    }
    return (struct hs_engine_share){.commands_fd = fds[HS_ENGINE_COMMANDS],
                                    .events_fd = fds[HS_ENGINE_EVENTS],
                                    .figures_fd = fds[HS_ENGINE_FIGURES],
                                    .commands_bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                    .events_bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
}

#endif
