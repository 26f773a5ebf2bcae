// SPDX-License-Identifier: Apache-2.0
/* test_loop_kinds_io.c - what the real loop serves besides streams: listeners, watches, files and
 * deadlines, on both back ends; and that a jail may be shut behind it. */
#include "ipc/addr.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/loop_jail.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- listeners */

struct door {
    struct hs_listener listener;
    int                fds[16];
    unsigned           accepted;
    unsigned           refused;
    int                error;
};

static void on_accept(struct hs_listener *listener, int fd)
{
    struct door *door = (struct door *)(void *)listener;

    if (fd >= 0) {
        door->fds[door->accepted++ % 16] = fd;
    } else {
        door->refused++;
        door->error = fd;
    }
}

static void connect_end(struct hs_loop *loop, struct hs_end *end, uint16_t port)
{
    struct hs_addr addr;

    hs_end_init(end);
    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    HS_CHECK_EQ(hs_stream_connect(loop, &end->stream, &addr), 0);
}

static void both_ends_of_a_connection_may_be_in_one_loop(enum hs_loop_backend backend)
{
    enum { COUNT = 10 };
    struct hs_loop      *loop = hs_end_loop(backend);
    struct door          door = {.listener.on_accept = on_accept};
    static struct hs_end clients[COUNT];
    static struct hs_end servers[COUNT];
    uint16_t             port;
    int                  fd = hs_end_listen(64, &port);

    HS_CHECK_EQ(hs_listener_open(loop, &door.listener, fd), 0);
    for (int i = 0; i < COUNT; i++) connect_end(loop, &clients[i], port);
    HS_CHECK(hs_end_await(loop, &door.accepted, COUNT));
    for (int i = 0; i < COUNT; i++) {
        hs_end_init(&servers[i]);
        servers[i].is_echo = true;
        HS_CHECK_EQ(hs_stream_adopt(loop, &servers[i].stream, door.fds[i]), 0);
        HS_CHECK(hs_end_await(loop, &clients[i].connected, 1));
        HS_CHECK_EQ(clients[i].connected_result, 0);
        HS_CHECK_EQ(hs_stream_send(&clients[i].stream, "ping", 4, HS_SEND_QUIET), 0);
    }
    for (int i = 0; i < COUNT; i++) {
        HS_CHECK(hs_end_await_bytes(loop, &clients[i], 4));
        hs_end_close(loop, &clients[i]);
        HS_CHECK(hs_end_await(loop, &servers[i].eof, 1));
        hs_end_close(loop, &servers[i]);
    }
    hs_listener_close(&door.listener);
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(both_ends_of_a_connection_may_be_in_one_loop)

static void a_closed_listener_accepts_nobody(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct door     door = {.listener.on_accept = on_accept};
    struct hs_end   client;
    uint16_t        port;
    int             fd = hs_end_listen(64, &port);

    HS_CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0); /* either kind of listener must do */
    HS_CHECK_EQ(hs_listener_open(loop, &door.listener, fd), 0);
    connect_end(loop, &client, port);
    HS_CHECK(hs_end_await(loop, &door.accepted, 1));
    hs_listener_close(&door.listener);
    hs_listener_close(&door.listener);
    hs_end_settle(loop);
    hs_end_close(loop, &client);
    connect_end(loop, &client, port); /* the kernel answers: the descriptor is still ours */
    HS_CHECK(hs_end_await(loop, &client.connected, 1));
    hs_end_settle(loop);
    HS_CHECK_EQ(door.accepted, 1);
    HS_CHECK(accept(fd, NULL, NULL) >= 0);
    hs_end_close(loop, &client);
    (void)close(door.fds[0]);
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_closed_listener_accepts_nobody)

/* Without descriptors nobody can be accepted; nothing is told twice, and the loop does not spin. */
static void a_listener_out_of_descriptors_rests_and_recovers(enum hs_loop_backend backend)
{
    struct hs_loop        *loop = hs_end_loop(backend);
    struct door            door = {.listener.on_accept = on_accept};
    struct hs_loop_figures before;
    struct hs_loop_figures after;
    struct hs_end          clients[2];
    struct rlimit          limit;
    struct rlimit          low;
    uint64_t               until_ns;
    uint16_t               port;
    int                    fd = hs_end_listen(64, &port);

    connect_end(loop, &clients[0], port);
    connect_end(loop, &clients[1], port);
    hs_end_settle(loop);
    HS_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)fd, .rlim_max = limit.rlim_max};
    HS_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    HS_CHECK_EQ(hs_listener_open(loop, &door.listener, fd), 0);
    hs_loop_figures(loop, &before);
    HS_CHECK(hs_end_await(loop, &door.refused, 1));
    HS_CHECK_EQ(door.error, -EMFILE);
    until_ns = hs_loop_now_ns(loop) + 150 * HS_NS_PER_MS; /* one rest and a half */
    while (hs_loop_now_ns(loop) < until_ns) HS_CHECK(hs_loop_step(loop, until_ns) >= 0);
    hs_loop_figures(loop, &after);
    HS_CHECK_EQ(door.refused, 1);
    HS_CHECK(after.enter_count - before.enter_count < 50);
    HS_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    HS_CHECK(hs_end_await(loop, &door.accepted, 2));
    HS_CHECK_EQ(door.refused, 1);
    hs_listener_close(&door.listener);
    for (int i = 0; i < 2; i++) {
        hs_end_close(loop, &clients[i]);
        (void)close(door.fds[i]);
    }
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_listener_out_of_descriptors_rests_and_recovers)

/* A record on the control socket brings one: without a free number the kernel drops it. */
static void
connections_leave_room_for_descriptors_that_are_handed_over(enum hs_loop_backend backend)
{
    enum { CLIENTS = 64 };
    struct hs_end  clients[CLIENTS];
    struct hs_addr addr;
    struct rlimit  limit;
    struct rlimit  low;
    uint16_t       port;
    int            fd = hs_end_listen(CLIENTS, &port);
    int            count = 0;
    int            rc = 0;

    HS_CHECK_EQ(hs_addr_parse(&addr, "127.0.0.1", port), 0);
    HS_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = (struct rlimit){.rlim_cur = (rlim_t)fd + CLIENTS / 2, .rlim_max = limit.rlim_max};
    HS_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct hs_loop *loop = hs_end_loop(backend);
    for (; rc == 0 && count < CLIENTS; count += rc == 0) {
        hs_end_init(&clients[count]);
        rc = hs_stream_connect(loop, &clients[count].stream, &addr);
    }
    HS_CHECK_EQ(rc, -EMFILE);
    HS_CHECK(count > 0);
    rc = dup(fd);
    HS_CHECK(rc >= 0);
    (void)close(rc);
    HS_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count > 0) hs_end_close(loop, &clients[--count]);
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(connections_leave_room_for_descriptors_that_are_handed_over)

/* ---- watches */

struct bell {
    struct hs_watch watch;
    unsigned        rung;
    bool            is_drained; /* reads what made it readable */
    struct bell    *closes;
    struct bell    *opens;
    int             opens_fd;
};

static void on_readable(struct hs_watch *watch)
{
    struct bell *bell = (struct bell *)(void *)watch;
    uint64_t     value;

    bell->rung++;
    if (bell->is_drained) HS_CHECK_EQ(read(watch->fd, &value, sizeof value), 8);
    if (bell->closes) hs_watch_close(&bell->closes->watch);
    if (bell->opens)
        HS_CHECK_EQ(hs_watch_open(watch->loop, &bell->opens->watch, bell->opens_fd), 0);
}

static int ring_once(void)
{
    return eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void a_watch_rings_until_it_is_drained(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    struct bell     bell = {.watch.on_readable = on_readable};
    uint64_t        one = 1;
    int             fd = ring_once();

    HS_CHECK_EQ(hs_watch_open(loop, &bell.watch, fd), 0);
    HS_CHECK(hs_end_await(loop, &bell.rung, 3)); /* nobody reads: again and again */
    bell.is_drained = true;
    HS_CHECK(hs_end_await(loop, &bell.rung, 4));
    hs_end_settle(loop);
    HS_CHECK_EQ(bell.rung, 4);
    HS_CHECK_EQ(write(fd, &one, sizeof one), 8);
    HS_CHECK(hs_end_await(loop, &bell.rung, 5));
    hs_watch_close(&bell.watch);
    HS_CHECK_EQ(write(fd, &one, sizeof one), 8);
    hs_end_settle(loop);
    HS_CHECK_EQ(bell.rung, 5);
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_watch_rings_until_it_is_drained)

/* The second one's completion is already in the batch when its slot gets a new owner. */
static void a_late_completion_does_not_reach_the_slots_next_owner(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    int             silent = eventfd(0, EFD_CLOEXEC);
    struct bell     next = {.watch.on_readable = on_readable};
    struct bell     bells[2];
    int             fds[2] = {ring_once(), ring_once()};

    for (int i = 0; i < 2; i++) {
        bells[i] = (struct bell){.watch.on_readable = on_readable,
                                 .is_drained = true,
                                 .closes = &bells[1 - i],
                                 .opens = &next,
                                 .opens_fd = silent};
        HS_CHECK_EQ(hs_watch_open(loop, &bells[i].watch, fds[i]), 0);
    }
    hs_end_settle(loop);
    HS_CHECK_EQ(bells[0].rung + bells[1].rung, 1);
    HS_CHECK_EQ(next.watch.slot_idx, bells[bells[0].rung ? 1 : 0].watch.slot_idx);
    HS_CHECK_EQ(next.rung, 0);
    hs_watch_close(&next.watch);
    hs_watch_close(&bells[0].watch);
    hs_watch_close(&bells[1].watch);
    for (int i = 0; i < 2; i++) (void)close(fds[i]);
    (void)close(silent);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_late_completion_does_not_reach_the_slots_next_owner)

static void a_harvest_above_its_bound_goes_on_in_the_next_step(enum hs_loop_backend backend)
{
    enum { COUNT = 600 };
    struct hs_loop_config config = {.wanted = backend,
                                    .stream_count_max = COUNT,
                                    .recv_buffer_count = 1,
                                    .recv_buffer_bytes = 64};
    struct bell          *bells = calloc(COUNT, sizeof *bells);
    struct hs_loop       *loop;
    unsigned              rung = 0;

    HS_CHECK_EQ(hs_loop_open(&loop, &config, NULL), 0);
    for (int i = 0; i < COUNT; i++) {
        bells[i] = (struct bell){.watch.on_readable = on_readable, .is_drained = true};
        HS_CHECK_EQ(hs_watch_open(loop, &bells[i].watch, ring_once()), 0);
    }
    for (int i = 0; i < 3; i++) {
        int rc = hs_loop_step(loop, HS_NEVER_NS); /* must not wait: there is more */

        HS_CHECK(rc > 0);
        HS_CHECK(rc <= 256);
    }
    for (int i = 0; i < COUNT; i++) rung += bells[i].rung;
    HS_CHECK_EQ(rung, COUNT);
    for (int i = 0; i < COUNT; i++) {
        hs_watch_close(&bells[i].watch);
        (void)close(bells[i].watch.fd);
    }
    hs_loop_close(&loop);
    free(bells);
}
HS_ON_BOTH(a_harvest_above_its_bound_goes_on_in_the_next_step)

/* ---- files */

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

static struct append append_of(int fd, const char *text, uint64_t at_bytes, bool is_synced)
{
    return (struct append){.op = {.on_done = on_done,
                                  .fd = fd,
                                  .bytes = text,
                                  .count = strlen(text),
                                  .at_bytes = at_bytes,
                                  .is_synced = is_synced}};
}

static void appends_are_written_where_they_belong(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    int             fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct append   second = append_of(fd, "world", 6, true);
    struct append   first = append_of(fd, "hello ", 0, false);
    struct append   nothing = append_of(fd, "", 3, true);
    char            text[16] = "";

    HS_CHECK_EQ(hs_loop_write(loop, &second.op), 0);
    HS_CHECK_EQ(hs_loop_write(loop, &first.op), 0);
    HS_CHECK_EQ(hs_loop_write(loop, &nothing.op), 0);
    HS_CHECK_EQ(first.done, 0); /* never inside the call */
    HS_CHECK(hs_end_await(loop, &first.done, 1));
    HS_CHECK(hs_end_await(loop, &second.done, 1));
    HS_CHECK(hs_end_await(loop, &nothing.done, 1));
    HS_CHECK_EQ(first.result, 0);
    HS_CHECK_EQ(second.result, 0);
    HS_CHECK_EQ(nothing.result, 0);
    HS_CHECK_EQ(pread(fd, text, sizeof text, 0), 11);
    HS_CHECK_TEXT(text, "hello world");
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(appends_are_written_where_they_belong)

static void a_failed_append_says_why(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    int             full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    int             pipes[2];
    struct append   bad = append_of(-1, "x", 0, true);
    struct append   no_room = append_of(full, "x", 0, true);
    struct append   no_sync;

    HS_CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
    no_sync = append_of(pipes[1], "", 0, true); /* a pipe cannot be made durable */
    HS_CHECK_EQ(hs_loop_write(loop, &bad.op), 0);
    HS_CHECK_EQ(hs_loop_write(loop, &no_room.op), 0);
    HS_CHECK_EQ(hs_loop_write(loop, &no_sync.op), 0);
    HS_CHECK(hs_end_await(loop, &bad.done, 1));
    HS_CHECK(hs_end_await(loop, &no_room.done, 1));
    HS_CHECK(hs_end_await(loop, &no_sync.done, 1));
    HS_CHECK_EQ(bad.result, -EBADF);
    HS_CHECK_EQ(no_room.result, -ENOSPC);
    HS_CHECK_EQ(no_sync.result, -EINVAL);
    (void)close(full);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_failed_append_says_why)

/* A file size limit cuts the write short; what is left then fails. */
static void a_short_write_is_continued(enum hs_loop_backend backend)
{
    static char     text[3 * 4096 + 1];
    struct hs_loop *loop = hs_end_loop(backend);
    int             fd = memfd_create("short", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct append   append;

    memset(text, 'x', sizeof text - 1);
    HS_CHECK_EQ(ftruncate(fd, 2 * 4096), 0);
    HS_CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
    append = append_of(fd, text, 0, true);
    HS_CHECK_EQ(hs_loop_write(loop, &append.op), 0);
    HS_CHECK(hs_end_await(loop, &append.done, 1));
    HS_CHECK(append.result < 0);
    HS_CHECK(append.result != -ECANCELED);
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(a_short_write_is_continued)

static void one_append_too_many_is_refused(enum hs_loop_backend backend)
{
    struct hs_loop *loop = hs_end_loop(backend);
    int             fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct append   appends[5];

    for (unsigned i = 0; i < 5; i++) {
        appends[i] = append_of(fd, "abcd", 4 * i, true);
        HS_CHECK_EQ(hs_loop_write(loop, &appends[i].op), i < 4 ? 0 : -ENOBUFS);
    }
    for (unsigned i = 0; i < 4; i++) HS_CHECK(hs_end_await(loop, &appends[i].done, 1));
    HS_CHECK_EQ(hs_loop_write(loop, &appends[4].op), 0);
    HS_CHECK(hs_end_await(loop, &appends[4].done, 1));
    HS_CHECK_EQ(lseek(fd, 0, SEEK_END), 20);
    (void)close(fd);
    hs_loop_close(&loop);
}
HS_ON_BOTH(one_append_too_many_is_refused)

/* ---- deadlines, and opening */

/* A step may end early with nothing to tell, now and then (loop.h): its caller steps again. Returns
 * how often it did. */
static unsigned step_until(struct hs_loop *loop, uint64_t deadline_ns)
{
    unsigned early = 0;

    for (;;) {
        HS_CHECK_EQ(hs_loop_step(loop, deadline_ns), 0);
        if (hs_loop_now_ns(loop) >= deadline_ns) return early;
        early++;
    }
}

static void a_step_without_news_lasts_until_its_deadline(enum hs_loop_backend backend)
{
    static const uint64_t spins_ns[] = {0, 50 * HS_NS_PER_US, 10 * HS_NS_PER_MS};
    unsigned              early = 0;

    for (size_t i = 0; i < sizeof spins_ns / sizeof spins_ns[0]; i++) {
        struct hs_loop_config config = {.wanted = backend,
                                        .stream_count_max = 1,
                                        .recv_buffer_count = 1,
                                        .recv_buffer_bytes = 64,
                                        .spin_ns = spins_ns[i]};
        struct hs_loop       *loop;

        HS_CHECK_EQ(hs_loop_open(&loop, &config, NULL), 0);
        for (uint64_t wait_ns = 1000; wait_ns <= HS_NS_PER_MS; wait_ns *= 10) {
            uint64_t deadline_ns = hs_loop_clock_ns(loop) + wait_ns;

            early += step_until(loop, deadline_ns);
            HS_CHECK(hs_loop_clock_ns(loop) >= deadline_ns);
        }
        HS_CHECK_EQ(hs_loop_step(loop, 0), 0); /* past: only looks */
        HS_CHECK_EQ(hs_loop_step(loop, hs_loop_now_ns(loop)), 0);
        hs_loop_close(&loop);
    }
    HS_CHECK(early <= 4); /* of 12 waits; one that only polls would come here a thousand times */
}
HS_ON_BOTH(a_step_without_news_lasts_until_its_deadline)

static void a_configuration_out_of_bounds_is_refused(void)
{
    static const struct hs_loop_config good = {
        .stream_count_max = 1, .recv_buffer_count = 2, .recv_buffer_bytes = 64};
    struct hs_loop_config wrong[5];
    struct hs_loop       *loop;
    struct hs_err         err;

    for (int i = 0; i < 5; i++) wrong[i] = good;
    wrong[0].stream_count_max = 0;
    wrong[1].recv_buffer_count = 3;
    wrong[2].recv_buffer_count = 0;
    wrong[3].recv_buffer_bytes = 0;
    wrong[4].file_op_count_max = 1u << 30;
    for (int i = 0; i < 5; i++) {
        HS_CHECK_EQ(hs_loop_open(&loop, &wrong[i], &err), -EINVAL);
        HS_CHECK(!loop);
        HS_CHECK_EQ(err.code, -EINVAL);
    }
    hs_loop_close(&loop);
    HS_CHECK_EQ(hs_loop_open(&loop, &good, &err), 0);
    hs_loop_close(&loop);
}

static void the_back_end_names_itself(void)
{
    struct hs_loop *loop = hs_end_loop(HS_LOOP_EPOLL);

    HS_CHECK_TEXT(hs_loop_backend_text(loop), "epoll");
    HS_CHECK(!hs_loop_is_restricted(loop));
    hs_loop_close(&loop);
    loop = hs_end_loop(HS_LOOP_AUTO);
    HS_CHECK(!strncmp(hs_loop_backend_text(loop), "io_uring", 8) ||
             !strncmp(hs_loop_backend_text(loop), "epoll (io_uring: ", 17));
    hs_loop_close(&loop);
}

/* ---- jails: each child is killed by its filter if it makes a call that is not listed in loop.h */

static void check_child(int (*body)(enum hs_loop_backend backend), enum hs_loop_backend backend)
{
    int   status = -1;
    pid_t child = fork();

    if (child == 0) _exit(body(backend));
    HS_CHECK_EQ(waitpid(child, &status, 0), child);
    HS_CHECK_EQ(status, 0);
}

static void an_open_loop_works_in_a_jail(enum hs_loop_backend backend)
{
    if (hs_loop_jail_works()) check_child(hs_loop_jail_exchange, backend);
}
HS_ON_BOTH(an_open_loop_works_in_a_jail)

static void a_kernel_that_refuses_io_uring_gets_epoll_and_the_reason_is_kept(void)
{
    if (hs_loop_jail_works()) check_child(hs_loop_jail_refusal, HS_LOOP_AUTO);
}

static void a_user_who_may_lock_little_memory_gets_a_smaller_ring(void)
{
    check_child(hs_loop_jail_little_memory, HS_LOOP_AUTO);
}

CU_TestInfo hs_tests_loop_kinds_io[] = {
    HS_BOTH_ROWS("both ends of a connection may be in one loop",
                 both_ends_of_a_connection_may_be_in_one_loop),
    HS_BOTH_ROWS("a closed listener accepts nobody", a_closed_listener_accepts_nobody),
    HS_BOTH_ROWS("a listener out of descriptors rests and recovers",
                 a_listener_out_of_descriptors_rests_and_recovers),
    HS_BOTH_ROWS("connections leave room for descriptors that are handed over",
                 connections_leave_room_for_descriptors_that_are_handed_over),
    HS_BOTH_ROWS("a watch rings until it is drained", a_watch_rings_until_it_is_drained),
    HS_BOTH_ROWS("a late completion does not reach the slot's next owner",
                 a_late_completion_does_not_reach_the_slots_next_owner),
    HS_BOTH_ROWS("a harvest above its bound goes on in the next step",
                 a_harvest_above_its_bound_goes_on_in_the_next_step),
    HS_BOTH_ROWS("appends are written where they belong", appends_are_written_where_they_belong),
    HS_BOTH_ROWS("a failed append says why", a_failed_append_says_why),
    HS_BOTH_ROWS("a short write is continued", a_short_write_is_continued),
    HS_BOTH_ROWS("one append too many is refused", one_append_too_many_is_refused),
    HS_BOTH_ROWS("a step without news lasts until its deadline",
                 a_step_without_news_lasts_until_its_deadline),
    {"a configuration out of bounds is refused", a_configuration_out_of_bounds_is_refused},
    {"the back end names itself", the_back_end_names_itself},
    {"a user who may lock little memory gets a smaller ring",
     a_user_who_may_lock_little_memory_gets_a_smaller_ring},
    HS_BOTH_ROWS("an open loop works in a jail", an_open_loop_works_in_a_jail),
    {"a kernel that refuses io_uring gets epoll, and the reason is kept",
     a_kernel_that_refuses_io_uring_gets_epoll_and_the_reason_is_kept},
    CU_TEST_INFO_NULL,
};
