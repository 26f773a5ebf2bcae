// SPDX-License-Identifier: Apache-2.0
/* strays_io.c - the sweep for orphans. Never waits for "any" child: it looks first, and takes only
 * who is nobody's. */
#include "supervisor/strays_io.h"

#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIST_BYTES = 4096, SWEEPS_MAX = 1000 };

/* The last of a crowd may be slow to die; then they are left to whoever is above us. */
#define KILL_TIMEOUT_NS (2 * HS_NS_PER_S)

void hs_strays_adopt(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static bool is_ours(const struct hs_tree *tree, pid_t pid)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++)
        if (tree->children[i].pid == pid) return true;
    for (unsigned i = 0; i < HS_RESOLVERS_MAX; i++)
        if (tree->resolvers[i].pid == pid) return true;
    return tree->reload.child.pid == pid;
}

void hs_strays_reap(struct hs_tree *tree)
{
    uint64_t known_count = tree->summary.orphan_count;

    for (unsigned i = 0; i < SWEEPS_MAX; i++) {
        siginfo_t info = {0};

        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid) break;
        if (is_ours(tree, info.si_pid)) break; /* its pid_fd is next */
        if (waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG) == 0)
            tree->summary.orphan_count++;
    }
    if (tree->summary.orphan_count != known_count)
        hs_host_table_store_summary(tree->host, &tree->summary);
}

/* Kills each of our children that the kernel lists; how many. */
static unsigned kill_listed(const struct hs_tree *tree)
{
    char     path[64];
    char     list[LIST_BYTES];
    unsigned count = 0;
    ssize_t  bytes;
    int      fd;

    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    bytes = read(fd, list, sizeof list - 1);
    (void)close(fd);
    list[bytes > 0 ? bytes : 0] = '\0';
    for (char *at = list; *at;) {
        char *end;
        long  pid = strtol(at, &end, 10);

        if (end == at) break;
        /* A number cut at the end of the buffer has no blank behind it: next round. */
        if (*end == ' ' && pid > 1 && !is_ours(tree, (pid_t)pid)) {
            (void)kill((pid_t)pid, SIGKILL); /* our child, not reaped: the number is its own */
            count++;
        }
        at = *end ? end + 1 : end;
    }
    return count;
}

void hs_strays_kill(struct hs_tree *tree)
{
    uint64_t deadline_ns = hs_supervisor_clock_ns() + KILL_TIMEOUT_NS;

    if (tree->is_init) (void)kill(-1, SIGKILL);
    for (;;) {
        unsigned count = kill_listed(tree);

        hs_strays_reap(tree);
        if (!count || hs_supervisor_clock_ns() > deadline_ns) return;
        hs_log(HS_LOG_WARN, "supervisor", "strays_killed count=%u", count);
        (void)poll(NULL, 0, 5);
    }
}
