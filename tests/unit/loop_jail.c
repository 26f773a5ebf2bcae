// SPDX-License-Identifier: Apache-2.0
/* loop_jail.c - see loop_jail.h. */
#include "tests/unit/loop_jail.h"

#include "ipc/addr.h"
#include "shm/base/assert.h"
#include "tests/unit/loop_end.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name) (SYS_##name)

static const int uring_calls[] = {CALL(io_uring_enter), CALL(socket), CALL(setsockopt), CALL(close),
                                  CALL(clock_gettime)};
static const int epoll_calls[] = {
    CALL(epoll_ctl), CALL(epoll_pwait2), CALL(epoll_wait), CALL(epoll_pwait), CALL(recvfrom),
    CALL(sendto),    CALL(accept4),      CALL(connect),    CALL(getsockopt),  CALL(pwrite64),
    CALL(fdatasync), CALL(socket),       CALL(setsockopt), CALL(close),       CALL(clock_gettime)};

bool hs_loop_jail_works(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    return false;
#else
    return true;
#endif
#else
    return true;
#endif
}

static struct sock_filter statement(unsigned code, uint32_t value)
{
    return (struct sock_filter){.code = (uint16_t)code, .k = value};
}

/* Every call for which found(number) holds gets one answer, all others the other. exit_group and
 * the read of the watched descriptor are the test's own. */
static int install(const int *calls, size_t count, uint32_t if_listed, uint32_t if_not)
{
    struct sock_filter filter[64];
    unsigned short     length = 0;
    struct sock_fprog  program = {.filter = filter};

    HS_ASSERT(count + 3 < HS_ARRAY_LEN(filter));
    filter[length++] =
        statement(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) {
        filter[length] = statement(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i]);
        filter[length++].jt = (uint8_t)(count - i);
    }
    filter[length++] = statement(BPF_RET | BPF_K, if_not);
    filter[length++] = statement(BPF_RET | BPF_K, if_listed);
    program.len = length;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL)) return -errno;
    return prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program) ? -errno : 0;
}

static int install_for(const struct hs_loop *loop)
{
    bool       is_uring = !strcmp(hs_loop_backend_text(loop), "io_uring");
    const int *listed = is_uring ? uring_calls : epoll_calls;
    size_t     count = is_uring ? HS_ARRAY_LEN(uring_calls) : HS_ARRAY_LEN(epoll_calls);
    int        calls[32] = {CALL(exit_group), CALL(read)};

    memcpy(calls + 2, listed, count * sizeof *calls);
    return install(calls, count + 2, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
}

struct jailed {
    struct hs_listener listener;
    struct hs_watch    watch;
    struct hs_file_op  op;
    struct hs_end      server;
    struct hs_end      client;
    unsigned           accepted;
    unsigned           rung;
    unsigned           written;
};

static void on_accept(struct hs_listener *listener, int fd)
{
    struct jailed *jailed = (struct jailed *)(void *)listener;

    jailed->server.is_echo = true;
    jailed->accepted += hs_stream_adopt(listener->loop, &jailed->server.stream, fd) == 0;
}

static void on_readable(struct hs_watch *watch)
{
    struct jailed *jailed =
        (struct jailed *)(void *)((char *)watch - offsetof(struct jailed, watch));
    uint64_t value;

    jailed->rung += read(watch->fd, &value, sizeof value) == 8;
}

static void on_done(struct hs_file_op *op, int result)
{
    struct jailed *jailed = (struct jailed *)(void *)((char *)op - offsetof(struct jailed, op));

    jailed->written += result == 0;
}

static bool exchange(struct hs_loop *loop, struct jailed *jailed, const struct hs_addr *addr)
{
    int  rc = hs_stream_connect(loop, &jailed->client.stream, addr);
    bool is_well = !rc && hs_end_await(loop, &jailed->accepted, 1) &&
                   hs_end_await(loop, &jailed->client.connected, 1) &&
                   !hs_stream_send(&jailed->client.stream, "ping", 4, HS_SEND_REPORT) &&
                   hs_end_await(loop, &jailed->client.sent, 1) &&
                   hs_end_await_bytes(loop, &jailed->client, 4) &&
                   !hs_loop_write(loop, &jailed->op) && hs_end_await(loop, &jailed->written, 1) &&
                   hs_end_await(loop, &jailed->rung, 1);

    hs_end_close(loop, &jailed->client);
    hs_stream_close(&jailed->server.stream, true);
    hs_listener_close(&jailed->listener);
    hs_watch_close(&jailed->watch);
    return is_well && hs_end_await(loop, &jailed->server.closed, 1);
}

int hs_loop_jail_exchange(enum hs_loop_backend backend)
{
    struct hs_loop      *loop = hs_end_loop(backend);
    static struct jailed jailed;
    struct hs_addr       addr;
    uint16_t             port;
    int                  listen_fd = hs_end_listen(4, &port);
    int                  bell_fd = eventfd(1, EFD_CLOEXEC);
    int                  file_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    hs_end_init(&jailed.server);
    hs_end_init(&jailed.client);
    jailed.listener.on_accept = on_accept;
    jailed.watch.on_readable = on_readable;
    jailed.op = (struct hs_file_op){
        .on_done = on_done, .fd = file_fd, .bytes = "text", .count = 4, .is_synced = true};
    if (hs_addr_parse(&addr, "127.0.0.1", port)) return 1;
    if (install_for(loop)) return 2;
    if (hs_listener_open(loop, &jailed.listener, listen_fd)) return 3;
    if (hs_watch_open(loop, &jailed.watch, bell_fd)) return 4;
    return exchange(loop, &jailed, &addr) ? 0 : 5;
}

int hs_loop_jail_refusal(enum hs_loop_backend backend)
{
    static const int calls[] = {CALL(io_uring_setup)};
    struct hs_loop  *loop;

    if (install(calls, 1, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW)) return 1;
    loop = hs_end_loop(backend);
    if (!loop) return 2;
    if (strcmp(hs_loop_backend_text(loop), "epoll (io_uring: operation not permitted)")) return 3;
    hs_loop_close(&loop);
    return 0;
}

enum { CROWD = 300, LITTLE_BYTES = 20 << 10, USERS_FROM = 200000 };

static struct hs_end crowd[CROWD];

static struct hs_loop *open_wide(unsigned stream_count_max)
{
    struct hs_loop_config config = {.wanted = HS_LOOP_AUTO,
                                    .stream_count_max = stream_count_max,
                                    .recv_buffer_count = 256,
                                    .recv_buffer_bytes = 64};
    struct hs_loop       *loop;

    return hs_loop_open(&loop, &config, NULL) ? NULL : loop;
}

static bool works_here(void)
{
    struct hs_loop *loop = hs_end_loop(HS_LOOP_AUTO);
    bool            works = loop && !strcmp(hs_loop_backend_text(loop), "io_uring");

    hs_loop_close(&loop);
    return works;
}

/* What rings lock is counted per user, so root becomes one that nobody else is; what another user's
 * processes have locked is not known. */
static bool become_poor(void)
{
    struct rlimit little = {LITTLE_BYTES, LITTLE_BYTES};
    uid_t         uid = USERS_FROM + (uid_t)getpid();

    if (geteuid() == 0 && setresuid(uid, uid, uid)) return false;
    return setrlimit(RLIMIT_MEMLOCK, &little) == 0;
}

/* Everybody speaks between two steps, twice: receives stay armed over an overflow. */
static int hear_all(struct hs_loop *loop)
{
    int fds[CROWD];

    for (unsigned i = 0; i < CROWD; i++) {
        hs_end_init(&crowd[i]);
        fds[i] = hs_end_adopt_pair(loop, &crowd[i]);
    }
    hs_end_settle(loop);
    for (unsigned round = 1; round <= 2; round++) {
        for (unsigned i = 0; i < CROWD; i++)
            if (send(fds[i], "hello", 5, MSG_NOSIGNAL) != 5) return 5;
        for (unsigned i = 0; i < CROWD; i++)
            if (!hs_end_await_bytes(loop, &crowd[i], (size_t)5 * round)) return 6;
    }
    for (unsigned i = 0; i < CROWD; i++) hs_stream_close(&crowd[i].stream, true);
    for (unsigned i = 0; i < CROWD; i++)
        if (!hs_end_await(loop, &crowd[i].closed, 1)) return 7;
    return 0;
}

int hs_loop_jail_little_memory(enum hs_loop_backend backend)
{
    bool            is_alone = geteuid() == 0;
    struct hs_loop *loop;
    int             rc;

    (void)backend;
    if (!works_here()) return 0;
    if (!become_poor()) return 2;
    loop = open_wide(4096);
    if (!loop) return 3;
    if (strcmp(hs_loop_backend_text(loop), "io_uring")) return is_alone ? 4 : 0;
    rc = hear_all(loop);
    hs_loop_close(&loop);
    return rc;
}
