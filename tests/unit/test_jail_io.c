// SPDX-License-Identifier: Apache-2.0
/* test_jail_io.c - what a confined process can still do to others, tried in a child. */
#include "roles/role_kind.h"
#include "supervisor/jail_io.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT = 77 };

/* The exit code of body in a child. */
static int in_child(int (*body)(pid_t parent))
{
    pid_t parent = getpid();
    pid_t pid = fork();
    int   status = 0;

    if (pid == 0) _exit(body(parent));
    HS_CHECK_EQ(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool is_denied(long rc)
{
    return rc == -1 && errno == EPERM;
}

/* The number of the first thing that is not as it should be. */
static int reach_out(pid_t parent)
{
    struct rlimit limit;
    cpu_set_t     cores;
    int           fd = socket(AF_INET, SOCK_STREAM, 0);
    int           owner = parent;
    int           rc = sched_getaffinity(0, sizeof cores, &cores);

    if (rc == 0) rc = hs_seccomp_apply(HS_ROLE_ENGINE, true);
    if (rc < 0) return CANNOT;
    if (!is_denied(syscall(SYS_tgkill, parent, parent, 0))) return 1;
    if (!is_denied(prlimit(parent, RLIMIT_CORE, NULL, &limit))) return 2;
    if (!is_denied(fcntl(fd, F_SETOWN, parent))) return 3;
    if (!is_denied(fcntl(fd, F_SETSIG, SIGKILL))) return 4;
    if (!is_denied(ioctl(fd, FIOSETOWN, &owner))) return 5;
    if (!is_denied(sched_setaffinity(parent, sizeof cores, &cores))) return 6;
    if (syscall(SYS_tgkill, getpid(), gettid(), 0) < 0) return 7;
    if (getrlimit(RLIMIT_CORE, &limit) < 0) return 8;
    if (fcntl(fd, F_GETFL) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return 9;
    if (sched_setaffinity(0, sizeof cores, &cores) < 0) return 10;
    if (socket(AF_INET6, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT) return 11;
    if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT) return 12;
    return 0;
}

static void a_confined_engine_reaches_no_other_process(void)
{
    int code = in_child(reach_out);

    HS_CHECK(code == 0 || code == CANNOT);
    if (code) printf("    code %d\n", code);
}

static bool put(const char *path, const char *text)
{
    int  fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_put = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0) close(fd);
    return is_put;
}

/* Root of a namespace that has no other user: it can become nobody. */
static int confine_lone_root(pid_t parent)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct   held[2] = {{0}};
    char                            users[32];
    char                            groups[32];

    (void)snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    (void)snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWUSER) < 0 || !put("/proc/self/setgroups", "deny") ||
        !put("/proc/self/uid_map", users) || !put("/proc/self/gid_map", groups))
        return CANNOT;
    if (!hs_jail_enter_resolver(parent)) return 1;
    if (syscall(SYS_capget, &head, held) < 0) return 2;
    return held[0].effective | held[0].permitted | held[1].effective | held[1].permitted ? 3 : 0;
}

static void who_must_stay_root_has_no_capabilities(void)
{
    int code = in_child(confine_lone_root);

    HS_CHECK(code == 0 || code == CANNOT);
}

CU_TestInfo hs_tests_jail_io[] = {
    {"a confined engine reaches no other process", a_confined_engine_reaches_no_other_process},
    {"who must stay root has no capabilities", who_must_stay_root_has_no_capabilities},
    CU_TEST_INFO_NULL,
};
