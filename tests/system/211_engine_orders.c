// SPDX-License-Identifier: Apache-2.0
// timeout: 60
// beside: others
/* 211_engine_orders.c - a real engine, with this program as its supervisor and as a worker that
 * gives orders too early, too often, or nonsense: each is answered, nothing is kept that was not
 * asked for. */
#include "roles/config.h"
#include "roles/control_io.h"
#include "roles/engine/engine_io.h"
#include "roles/engine_link.h"
#include "shm/log_ring.h"
#include "shm/ring.h"
#include "tests/system/by_hand.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GENERATION = 1, WAIT_MS = 5000 };

struct bench {
    struct hs_config       config;
    int                    share_fd[HS_SHARE_COUNT];
    struct hs_engine_share engine_share;
    struct hs_ring         commands;
    struct hs_ring         events;
    pid_t                  pid;
    int                    control_fd;
    int                    link_fd;
    uint64_t               run_id;
};

/* ---- the supervisor's part ---- */

static void make_shares(struct bench *bench)
{
    struct hs_segment mapped[HS_ENGINE_SEGMENT_COUNT];

    make_host_shares(bench->share_fd);
    bench->engine_share = make_engine_share(mapped);
    must(hs_ring_attach(&bench->commands, hs_segment_body(&mapped[HS_ENGINE_COMMANDS]),
                        &hs_engine_ring_shape, 1) == 0 &&
             hs_ring_attach(&bench->events, hs_segment_body(&mapped[HS_ENGINE_EVENTS]),
                            &hs_engine_ring_shape, 1) == 0,
         "ring");
}

static void start_engine(struct bench *bench)
{
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "control");
    bench->control_fd = ends[0];
    bench->pid = fork();
    must(bench->pid >= 0, "fork");
    if (bench->pid == 0) {
        struct hs_heritage heritage = {.kind = HS_ROLE_ENGINE,
                                       .process_idx = hs_process_idx_of(HS_ROLE_ENGINE, 0),
                                       .generation = GENERATION,
                                       .incarnation = 1,
                                       .control_fd = ends[1],
                                       .config = &bench->config,
                                       .client_listen_fd = -1,
                                       .cluster_listen_fd = -1,
                                       .cluster_datagram_fd = -1,
                                       .status_listen_fd = -1,
                                       .metrics_listen_fd = -1,
                                       .health_fd = -1,
                                       .credentials_fd = -1,
                                       .ledger_fd = {-1, -1},
                                       .engine_count = 1};

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        memcpy(heritage.share_fd, bench->share_fd, sizeof heritage.share_fd);
        heritage.engines[0] = bench->engine_share;
        _exit(hs_engine_main(&heritage));
    }
    close(ends[1]);
}

static void link_worker(struct bench *bench)
{
    struct hs_control_record record;
    int                      ends[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "link");
    hs_control_init(&record, HS_CONTROL_LINK, "");
    record.peer = HS_ROLE_WORKER;
    record.generation = 1;
    must(hs_control_send(bench->control_fd, &record, ends[1]) == 0, "give a link");
    close(ends[1]);
    bench->link_fd = ends[0];
}

/* ---- the worker's part ---- */

static void give(struct bench *bench, struct hs_engine_command command)
{
    uint64_t one = 1;
    uint64_t until_ns = now_ns() + WAIT_MS * HS_NS_PER_MS;

    command.engine_generation += GENERATION;
    while (hs_ring_push(&bench->commands, &command) < 0) {
        must(now_ns() < until_ns, "room for a command");
        (void)poll(NULL, 0, 1);
    }
    must(write(bench->engine_share.commands_bell_fd, &one, sizeof one) == sizeof one,
         "ring a bell");
}

static struct hs_engine_command start_of(struct bench *bench, uint64_t image_token)
{
    return (struct hs_engine_command){.type = HS_ENGINE_START,
                                      .run_id = ++bench->run_id,
                                      .figures_id = bench->run_id,
                                      .image_token = image_token,
                                      .share_count = 1,
                                      .vu_count = 1};
}

/* The next event; type 0: none within the time. */
static struct hs_engine_event hear(struct bench *bench, unsigned timeout_ms)
{
    struct hs_engine_event event = {0};
    uint64_t               until_ns = now_ns() + timeout_ms * HS_NS_PER_MS;

    while (hs_ring_pop(&bench->events, &event, NULL) != 1) {
        if (now_ns() >= until_ns) return (struct hs_engine_event){0};
        (void)poll(NULL, 0, 1);
    }
    return event;
}

static void send_image(struct bench *bench, uint64_t token, size_t bytes, bool is_sealed)
{
    struct hs_engine_image name = {.image_token = token, .image_bytes = bytes};
    union {
        char           bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec    vector = {.iov_base = &name, .iov_len = sizeof name};
    struct msghdr   message = {.msg_iov = &vector,
                               .msg_iovlen = 1,
                               .msg_control = control.bytes,
                               .msg_controllen = sizeof control.bytes};
    struct cmsghdr *first = CMSG_FIRSTHDR(&message);
    struct hs_err   err = {0};
    int             fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    must(fd >= 0 && ftruncate(fd, 4096) == 0, "an image");
    if (is_sealed) must(hs_segment_seal_write(fd, &err) == 0, err.text);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(first), &fd, sizeof fd);
    must(sendmsg(bench->link_fd, &message, MSG_NOSIGNAL) > 0, "send an image");
    close(fd);
}

static unsigned descriptors_of(pid_t pid)
{
    char           path[64];
    DIR           *dir;
    unsigned       count = 0;
    struct dirent *entry;

    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    dir = opendir(path);
    must(dir != NULL, path);
    while ((entry = readdir(dir)) != NULL) count += entry->d_name[0] != '.';
    (void)closedir(dir);
    return count;
}

/* ---- the tests ---- */

static void expect(struct bench *bench, enum hs_engine_event_type type, uint64_t run_id, int code)
{
    struct hs_engine_event event = hear(bench, WAIT_MS);

    CHECK_EQ(event.type, type);
    CHECK_EQ(event.run_id, run_id);
    CHECK_EQ(event.code, code);
}

static void a_stop_is_heard_while_the_image_is_awaited(struct bench *bench)
{
    struct hs_engine_command start;
    struct hs_engine_command stop = {.type = HS_ENGINE_STOP};
    uint64_t                 took_ns = HS_NEVER_NS;

    /* Not when its patience was over; but the machine may have had none for us: three tries. */
    for (unsigned i = 0; i < 3 && took_ns > 900 * HS_NS_PER_MS; i++) {
        uint64_t begin_ns = now_ns();

        start = start_of(bench, 1000 + 2 * i);
        stop.run_id = start.run_id;
        give(bench, start);
        give(bench, stop);
        expect(bench, HS_ENGINE_DONE, start.run_id, 0);
        took_ns = now_ns() - begin_ns;
        send_image(bench, 1000 + 2 * i, 4096, true); /* too late */
    }
    CHECK(took_ns < 900 * HS_NS_PER_MS);
    CHECK_EQ(hear(bench, 100).type, 0);
    start = start_of(bench, 1001); /* it takes the next */
    give(bench, start);
    stop.run_id = start.run_id + 1000; /* this one never came: whoever waits for its end hears it */
    give(bench, stop);
    expect(bench, HS_ENGINE_DONE, stop.run_id, 0);
    send_image(bench, 1001, 4096, true);
    CHECK_EQ(hear(bench, WAIT_MS).type, HS_ENGINE_FAILED);
}

/* The worker's successor does not know whether its predecessor lived to give the order. */
static void a_start_that_is_told_again_begins_once(struct bench *bench)
{
    struct hs_engine_command start = start_of(bench, 1500);
    struct hs_engine_command again = start;

    again.image_token = 1501; /* with an image of its own */
    give(bench, start);
    give(bench, again);
    send_image(bench, 1501, 4096, true);
    CHECK(hear(bench, WAIT_MS).code != -ENOENT);
    give(bench, again); /* over by now */
    CHECK_EQ(hear(bench, 1200).type, 0);
}

static void a_bad_control_record_ends_it_and_accuses_nobody(struct bench *bench)
{
    struct hs_recent_cursor cursor = {0};
    struct hs_log_record    record;
    struct hs_segment_spec  spec;
    struct hs_segment       logs;
    struct hs_err           err = {0};
    bool                    is_told = false;
    int                     status = 0;

    hs_share_spec(HS_SHARE_LOGS, &spec);
    must(hs_segment_map(&logs, bench->share_fd[HS_SHARE_LOGS], &spec, HS_SEGMENT_READ_ONLY, &err) ==
             0,
         err.text);
    must(send(bench->control_fd, "boo", 3, MSG_NOSIGNAL) == 3, "send nonsense");
    CHECK_EQ(waitpid(bench->pid, &status, 0), bench->pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    while (hs_log_ring_next(
               hs_log_ring_at(hs_segment_body(&logs), hs_process_idx_of(HS_ROLE_ENGINE, 0)),
               &cursor, &record) == 1) {
        is_told = is_told || strstr(record.line, "control_record_bad") != NULL;
        CHECK(strstr(record.line, "supervisor_gone") == NULL);
    }
    CHECK(is_told);
}

static void an_image_that_does_not_come_is_a_failure(struct bench *bench)
{
    struct hs_engine_command start = start_of(bench, 2000);

    give(bench, start);
    give(bench, start_of(bench, 2001)); /* one at a time */
    expect(bench, HS_ENGINE_FAILED, start.run_id + 1, -EBUSY);
    expect(bench, HS_ENGINE_FAILED, start.run_id, -ENOENT);
}

static void an_image_that_is_none_is_refused(struct bench *bench)
{
    for (unsigned i = 0; i < 3; i++) {
        struct hs_engine_command start = start_of(bench, 3000 + i);
        struct hs_engine_event   event;

        send_image(bench, 3000 + i, i == 1 ? 1 << 30 : 4096, i != 0); /* open, short, all zeros */
        give(bench, start);
        event = hear(bench, WAIT_MS);
        CHECK_EQ(event.type, HS_ENGINE_FAILED);
        CHECK_EQ(event.run_id, start.run_id);
        CHECK(event.code < 0 && event.text[0]);
    }
}

static void orders_for_another_life_are_not_obeyed(struct bench *bench)
{
    struct hs_engine_command start = start_of(bench, 4000);

    start.engine_generation = 1; /* of the next */
    give(bench, start);
    give(bench, (struct hs_engine_command){.type = 77});
    CHECK_EQ(hear(bench, 1200).type, 0);
}

/* More images than it holds, and a packet that is cut off: the oldest go, no descriptor stays. */
static void images_are_bounded(struct bench *bench)
{
    struct hs_engine_command start;
    unsigned                 before = descriptors_of(bench->pid);

    for (unsigned i = 0; i < 64; i++) send_image(bench, 5000 + i, 4096, true);
    start = start_of(bench, 5063);
    give(bench, start);
    CHECK_EQ(hear(bench, WAIT_MS).run_id, start.run_id);
    must(send(bench->link_fd, "x", 1, MSG_NOSIGNAL) == 1, "send nonsense");
    start = start_of(bench, 5000); /* long gone */
    give(bench, start);
    expect(bench, HS_ENGINE_FAILED, start.run_id, -ENOENT);
    CHECK(descriptors_of(bench->pid) <= before + 4);
}

/* Nobody reads what it says, and it is asked twice as much as the ring and its own list hold: it
 * lives, and answers when it is heard again. */
static void events_are_bounded(struct bench *bench)
{
    struct hs_engine_command start = start_of(bench, 6000);
    unsigned                 told = 0;

    give(bench, start);
    for (unsigned i = 0; i < 2 * HS_ENGINE_RING_SLOTS + 100; i++)
        give(bench, start_of(bench, 6001));
    while (hear(bench, 1500).type) told++;
    CHECK(told >= HS_ENGINE_RING_SLOTS);
    CHECK(told <= HS_ENGINE_RING_SLOTS + 9);
    start = start_of(bench, 6002);
    give(bench, start);
    expect(bench, HS_ENGINE_FAILED, start.run_id, -ENOENT);
    CHECK_EQ(waitpid(bench->pid, NULL, WNOHANG), 0);
}

int main(void)
{
    static struct bench bench;

    hs_config_defaults(&bench.config);
    bench.config.engine.connections_max = 8;
    bench.config.engine.recv_buffers = 64;
    make_shares(&bench);
    start_engine(&bench);
    link_worker(&bench);
    CHECK_EQ(hear(&bench, WAIT_MS).type, HS_ENGINE_IDLE);
    a_stop_is_heard_while_the_image_is_awaited(&bench);
    a_start_that_is_told_again_begins_once(&bench);
    an_image_that_does_not_come_is_a_failure(&bench);
    an_image_that_is_none_is_refused(&bench);
    orders_for_another_life_are_not_obeyed(&bench);
    images_are_bounded(&bench);
    events_are_bounded(&bench);
    a_bad_control_record_ends_it_and_accuses_nobody(&bench);
    return tell_counts();
}
