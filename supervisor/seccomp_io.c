// SPDX-License-Identifier: Apache-2.0
/* seccomp_io.c - the system calls that a serving role needs; any other ends the process. Sanitizer
 * builds need more than they admit, and are left alone. */
#include "shm/base/assert.h"
#include "supervisor/jail_io.h"
#include "supervisor/sanitized.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HS_IS_SANITIZED
int hs_seccomp_apply(enum hs_role_kind kind, bool is_caller)
{
    (void)kind;
    (void)is_caller;
    return -ENOSYS;
}
#else

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum { PROGRAM_MAX = 512, X32_BIT = 0x40000000 };

/* Of all roles; those of the hot path first. The kernel caches the verdict per number, so order
 * matters only once. */
static const int common[] = {
    SYS_io_uring_enter,
    SYS_epoll_pwait,
    SYS_clock_gettime,
    SYS_write,
    SYS_read,
    SYS_sendto,
    SYS_recvfrom,
    SYS_sendmsg,
    SYS_recvmsg,
    SYS_writev,
    SYS_readv,
    SYS_close,
    SYS_epoll_ctl,
    SYS_accept4,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
    SYS_ppoll,
    SYS_epoll_pwait2,
    SYS_eventfd2,
    SYS_dup,
    SYS_dup3,
    SYS_io_uring_register,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_lseek,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_fallocate,
    SYS_fadvise64,
    SYS_fstat,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_memfd_create,
    SYS_futex,
    SYS_nanosleep,
    SYS_clock_nanosleep,
    SYS_getrandom,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrusage,
    SYS_times,
    SYS_gettimeofday,
    SYS_getcpu,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_exit,
    SYS_exit_group,
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
    SYS_poll,
    SYS_time,
    SYS_dup2,
#endif
};

/* Who opens connections: an engine to its targets, a worker and a manager to other hosts. */
static const int of_callers[] = {SYS_connect, SYS_bind};

/* What libraries try now and then, and can do without: "there is no such file". */
static const int absent[] = {
    SYS_openat,     SYS_statx, SYS_faccessat, SYS_readlinkat, SYS_getdents64, SYS_getcwd,
#ifdef SYS_open
    SYS_open,       SYS_stat,  SYS_lstat,     SYS_access,     SYS_readlink,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
};

struct program {
    unsigned           count;
    struct sock_filter at[PROGRAM_MAX];
};

static void add(struct program *program, struct sock_filter instruction)
{
    HS_ASSERT(program->count < PROGRAM_MAX);
    program->at[program->count++] = instruction;
}

static void load(struct program *program, size_t offset)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct program *program, uint32_t verdict)
{
    add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

/* When what was loaded equals value, the verdict; else go on. */
static void when_equal(struct program *program, uint32_t value, uint32_t verdict)
{
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
    answer(program, verdict);
}

static void when_any(struct program *program, const int *calls, size_t count, uint32_t verdict)
{
    for (size_t i = 0; i < count; i++) when_equal(program, (uint32_t)calls[i], verdict);
}

enum { VALUES_MAX = 3 };

/* A call that depends on one argument. Its low half is enough: the kernel takes an int. */
struct argument_rule {
    int      call;
    unsigned argument;
    unsigned count;
    uint32_t values[VALUES_MAX];
    uint32_t if_any; /* verdicts */
    uint32_t if_none;
};

static void when_argument(struct program *program, const struct argument_rule *rule)
{
    uint8_t past = (uint8_t)(2 * rule->count + 2);

    add(program,
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->call, 0, past));
    load(program, offsetof(struct seccomp_data, args) + rule->argument * sizeof(uint64_t));
    for (unsigned i = 0; i < rule->count; i++) when_equal(program, rule->values[i], rule->if_any);
    answer(program, rule->if_none);
}

enum { DENIED = SECCOMP_RET_ERRNO | EPERM };

/* Processes of the same user lie in reach of more than kill(): of a signal to a thread, of a
 * descriptor whose owner is told by signal, of limits. */
static void add_reach(struct program *program)
{
    uint32_t                   own_pid = (uint32_t)getpid();
    const struct argument_rule rules[] = {
        {SYS_tgkill, 0, 1, {own_pid}, SECCOMP_RET_ALLOW, DENIED},
        {SYS_prlimit64, 0, 2, {0, own_pid}, SECCOMP_RET_ALLOW, DENIED},
        {SYS_fcntl, 1, 3, {F_SETOWN, F_SETSIG, F_SETOWN_EX}, DENIED, SECCOMP_RET_ALLOW},
        {SYS_ioctl, 1, 2, {FIOSETOWN, SIOCSPGRP}, DENIED, SECCOMP_RET_ALLOW},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(rules); i++) when_argument(program, &rules[i]);
}

/* Internet sockets only. */
static void add_caller(struct program *program)
{
    static const struct argument_rule rule = {
        SYS_socket, 0, 2, {AF_INET, AF_INET6}, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EAFNOSUPPORT};

    when_any(program, of_callers, HS_ARRAY_LEN(of_callers), SECCOMP_RET_ALLOW);
    when_argument(program, &rule);
}

/* It pins nobody but itself. */
static void add_engine(struct program *program)
{
    static const struct argument_rule rules[] = {
        {SYS_sched_setaffinity, 0, 1, {0}, SECCOMP_RET_ALLOW, DENIED},
        {SYS_sched_setscheduler, 0, 1, {0}, SECCOMP_RET_ALLOW, DENIED},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(rules); i++) when_argument(program, &rules[i]);
}

/* newfstatat() of a descriptor is how the C library does fstat(); of a path it finds nothing. */
static void add_fstat(struct program *program)
{
    const struct argument_rule rule = {
        SYS_newfstatat, 3, 1, {AT_EMPTY_PATH}, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | ENOENT};

    when_argument(program, &rule);
}

static void build(struct program *program, enum hs_role_kind kind, bool is_caller)
{
    program->count = 0;
    load(program, offsetof(struct seccomp_data, arch));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0));
    answer(program, SECCOMP_RET_KILL_PROCESS);
    load(program, offsetof(struct seccomp_data, nr));
    add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
    answer(program, SECCOMP_RET_KILL_PROCESS);
    when_any(program, common, HS_ARRAY_LEN(common), SECCOMP_RET_ALLOW);
    when_any(program, absent, HS_ARRAY_LEN(absent), SECCOMP_RET_ERRNO | ENOENT);
    add_reach(program);
    if (is_caller) add_caller(program);
    if (kind == HS_ROLE_ENGINE) add_engine(program);
    add_fstat(program);
    answer(program, SECCOMP_RET_KILL_PROCESS);
}

int hs_seccomp_apply(enum hs_role_kind kind, bool is_caller)
{
    struct program    program;
    struct sock_fprog filter;

    build(&program, kind, is_caller);
    filter = (struct sock_fprog){.len = (unsigned short)program.count, .filter = program.at};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0 ? -errno : 0;
}
#endif
