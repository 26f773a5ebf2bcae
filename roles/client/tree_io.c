// SPDX-License-Identifier: Apache-2.0
/* tree_io.c - starts, holds and ends an embedded tree. */
#include "roles/client/tree_io.h"

#include "roles/control_io.h"
#include "shm/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the daemon finds open. */
enum { LEASH_FD = 3, CONFIG_FD = 4, CONFIG_TEXT_BYTES = 512, EXIT_NO_EXEC = 127 };

static const char daemon_name[] = "hyperscaled";

/* Where this program is. Without /proc (a bare chroot): as it was called, links followed. */
static int find_self(char path[PATH_MAX])
{
    ssize_t     bytes = readlink("/proc/self/exe", path, PATH_MAX - 1);
    const char *called = (const char *)getauxval(AT_EXECFN);

    if (bytes >= 0) {
        path[bytes] = '\0';
        return 0;
    }
    if (!called) return -ENOENT;
    return realpath(called, path) ? 0 : -errno;
}

/* The hyperscaled in the folder of this program. */
static int find_daemon(char path[PATH_MAX], struct hs_err *err)
{
    int   rc = find_self(path);
    char *slash;

    if (rc < 0) return hs_err_set(err, rc, "where is this program?");
    slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) + 1 + sizeof daemon_name > PATH_MAX)
        return hs_err_set(err, -ENOENT, "where is this program? %s", path);
    memcpy(slash + 1, daemon_name, sizeof daemon_name);
    if (access(path, X_OK) < 0) return hs_err_set(err, -errno, "%.200s", path);
    return 0;
}

static int make_config(const struct hs_tree_wish *wish, struct hs_err *err)
{
    char     engines[16] = "\"auto\"";
    char     text[CONFIG_TEXT_BYTES];
    unsigned interval_ms = (unsigned)(wish->progress_interval_ns / HS_NS_PER_MS);
    int      fd = memfd_create("hyperscale-config", MFD_CLOEXEC);
    int      bytes;

    if (fd < 0) return hs_err_set(err, -errno, "configuration");
    if (wish->engine_count) (void)snprintf(engines, sizeof engines, "%u", wish->engine_count);
    bytes = snprintf(
        text, sizeof text,
        "{\"node\":{\"datacenter\":\"local\"},\"roles\":{\"console\":false,\"engines\":%s},"
        "\"log\":{\"level\":\"%s\"},\"gate\":{\"progress_interval\":\"%ums\"},"
        "\"worker\":{\"progress_interval\":\"%ums\"}}",
        engines, wish->is_quiet ? "error" : "warn", interval_ms, interval_ms);
    if (write(fd, text, (size_t)bytes) != bytes || lseek(fd, 0, SEEK_SET) < 0) {
        (void)close(fd);
        return hs_err_set(err, -EIO, "configuration");
    }
    return fd;
}

/* Only what is safe between fork and exec. Leash and configuration are above CONFIG_FD (made so by
 * lift). */
static void become_daemon(const char *path, int leash_fd, int config_fd, int log_fd)
{
    char        name[] = "hyperscaled";
    char        verb[] = "embed";
    char *const arguments[] = {name, verb, NULL};
    sigset_t    none;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) _exit(EXIT_NO_EXEC);
    /* Ctrl-C is for us: we end the tree when the results are in. */
    if (setpgid(0, 0) < 0) _exit(EXIT_NO_EXEC);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* First: log_fd may be one of the numbers that the others take. */
    if (log_fd >= 0 && dup2(log_fd, STDERR_FILENO) < 0) _exit(EXIT_NO_EXEC);
    if (dup2(leash_fd, LEASH_FD) < 0 || dup2(config_fd, CONFIG_FD) < 0) _exit(EXIT_NO_EXEC);
    if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) _exit(EXIT_NO_EXEC); /* ours is for the result */
    (void)execv(path, arguments);
    _exit(EXIT_NO_EXEC);
}

/* A copy above the descriptors that the daemon finds its own at. */
static int lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, CONFIG_FD + 1);

    (void)close(fd);
    return lifted;
}

static int start(struct hs_client_tree *tree, const char *path, const struct hs_tree_wish *wish,
                 int fds[3])
{
    int log_fd = wish->log_fd;

    tree->pid = fork();
    if (tree->pid < 0) return -errno;
    if (tree->pid == 0) become_daemon(path, fds[1], fds[2], log_fd);
    tree->leash_fd = fds[0];
    fds[0] = -1;
    tree->pid_fd = (int)syscall(SYS_pidfd_open, tree->pid, 0);
    return tree->pid_fd < 0 ? -errno : 0;
}

int hs_client_tree_start(struct hs_client_tree *tree, const struct hs_tree_wish *wish,
                         struct hs_err *err)
{
    char path[PATH_MAX];
    int  fds[3] = {-1, -1, -1}; /* our end of the leash, theirs, the configuration */
    int  rc = find_daemon(path, err);

    *tree = (struct hs_client_tree){.pid = -1, .pid_fd = -1, .leash_fd = -1};
    if (rc < 0) return rc;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return hs_err_set(err, -errno, "leash");
    fds[2] = make_config(wish, err);
    rc = fds[2] < 0 ? fds[2] : 0;
    if (!rc) {
        fds[1] = lift(fds[1]);
        fds[2] = lift(fds[2]);
        rc = start(tree, path, wish, fds);
        if (rc < 0) (void)hs_err_set(err, rc, "start %.200s", path);
    }
    for (unsigned i = 0; i < 3; i++)
        if (fds[i] >= 0) (void)close(fds[i]);
    return rc;
}

void hs_client_tree_stop(struct hs_client_tree *tree)
{
    struct hs_control_record record;

    if (tree->leash_fd < 0) return;
    hs_control_init(&record, HS_CONTROL_STOP, NULL);
    HS_IGNORE(hs_control_send(tree->leash_fd, &record, -1), "closing the leash says the same");
}

int hs_client_tree_end(struct hs_client_tree *tree)
{
    struct pollfd gone = {.fd = tree->pid_fd, .events = POLLIN};
    int           status = 0;

    if (tree->pid <= 0) return 0;
    /* Whatever wakes us but its end is no reason to wait for ever. */
    if (poll(&gone, 1, 0) != 1) (void)kill(tree->pid, SIGKILL);
    while (waitpid(tree->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (tree->leash_fd >= 0) (void)close(tree->leash_fd);
    if (tree->pid_fd >= 0) (void)close(tree->pid_fd);
    *tree = (struct hs_client_tree){.pid = -1, .pid_fd = -1, .leash_fd = -1};
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
