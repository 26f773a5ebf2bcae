// SPDX-License-Identifier: Apache-2.0
/* child_io.c - from fork to the role's main: what a child sheds, in the order of
 * reliability.md 2.1. */
#include "supervisor/child_io.h"

#include "roles/config.h"
#include "shm/base/assert.h"
#include "shm/vitals.h"
#include "supervisor/crash_io.h"
#include "supervisor/credentials_io.h"
#include "supervisor/jail_io.h"
#include "supervisor/role_table.h"
#include "supervisor/segments_io.h"
#include "supervisor/state_dir_io.h"
#include "supervisor/title_io.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A control socket's own buffer is the queue to its role: about 300 records, several times what the
 * death and return of all engines makes for the worker. */
enum { CONTROL_BUFFER_BYTES = 212992, KEEP_MAX = HS_SHARE_COUNT + 5 * HS_ENGINES_MAX + 12 };

void hs_child_reset_signals(void)
{
    struct sigaction action = {.sa_flags = 0};
    sigset_t         none;

    for (int signal_number = 1; signal_number < NSIG; signal_number++) {
        action.sa_handler = signal_number == SIGPIPE ? SIG_IGN : SIG_DFL;
        (void)sigaction(signal_number, &action, NULL);
    }
    (void)sigemptyset(&none);
    (void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void sort(int *fds, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        int      fd = fds[i];
        unsigned at = i;

        for (; at > 0 && fds[at - 1] > fd; at--) fds[at] = fds[at - 1];
        fds[at] = fd;
    }
}

static void close_from_to(unsigned first, unsigned last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0) return;
    if (last > (unsigned)sysconf(_SC_OPEN_MAX)) last = (unsigned)sysconf(_SC_OPEN_MAX);
    for (unsigned fd = first; fd <= last; fd++) (void)close((int)fd);
}

void hs_child_close_all_but(int *keep, unsigned count)
{
    unsigned first = STDERR_FILENO + 1;

    sort(keep, count);
    for (unsigned i = 0; i < count; i++) {
        if (keep[i] < (int)first) continue;
        close_from_to(first, (unsigned)keep[i] - 1);
        first = (unsigned)keep[i] + 1;
    }
    close_from_to(first, UINT_MAX);
}

static void close_strangers(const struct hs_tree *tree, const struct hs_heritage *heritage)
{
    int      keep[KEEP_MAX];
    unsigned count = 0;

    for (unsigned i = 0; i < HS_SHARE_COUNT; i++) keep[count++] = heritage->share_fd[i];
    for (unsigned i = 0; i < heritage->engine_count; i++) {
        const struct hs_engine_share *engine = &heritage->engines[i];

        keep[count++] = engine->commands_fd;
        keep[count++] = engine->events_fd;
        keep[count++] = engine->figures_fd;
        keep[count++] = engine->commands_bell_fd;
        keep[count++] = engine->events_bell_fd;
    }
    keep[count++] = heritage->control_fd;
    keep[count++] = heritage->client_listen_fd;
    keep[count++] = heritage->cluster_listen_fd;
    keep[count++] = heritage->cluster_datagram_fd;
    keep[count++] = heritage->health_fd;
    keep[count++] = heritage->status_listen_fd;
    keep[count++] = heritage->metrics_listen_fd;
    keep[count++] = heritage->credentials_fd;
    keep[count++] = heritage->ledger_fd[0];
    keep[count++] = heritage->ledger_fd[1];
    keep[count++] = tree->children_lock_fd;
    HS_ASSERT(count <= KEEP_MAX);
    hs_child_close_all_but(keep, count);
}

static void fill_heritage(struct hs_tree *tree, const struct hs_child *child, int control_fd)
{
    struct hs_heritage *heritage = &tree->heritage;
    enum hs_role_kind   kind = child->kind;

    memset(heritage, 0, sizeof *heritage);
    heritage->kind = kind;
    heritage->idx = child->idx;
    heritage->process_idx = hs_process_idx_of(kind, child->idx);
    heritage->generation = child->restart.generation;
    heritage->incarnation = tree->summary.incarnation;
    hs_state_dir_node_id(tree->summary.host_id, kind, child->idx, heritage->node_id);
    heritage->is_embedded = tree->is_embedded;
    heritage->confine = hs_jail_confine;
    heritage->control_fd = control_fd;
    heritage->config = tree->held.config;
    heritage->config_generation = tree->held.generation;
    hs_segments_bequeath(tree, kind, child->idx, heritage);
    heritage->client_listen_fd = kind == HS_ROLE_GATE ? tree->client_listen_fd : -1;
    heritage->cluster_listen_fd = kind == HS_ROLE_GATE      ? tree->gate_listen_fd
                                  : kind == HS_ROLE_MANAGER ? tree->manager_listen_fd
                                                            : -1;
    heritage->cluster_datagram_fd = kind == HS_ROLE_GATE      ? tree->gate_datagram_fd
                                    : kind == HS_ROLE_MANAGER ? tree->manager_datagram_fd
                                                              : -1;
    heritage->health_fd = kind == HS_ROLE_GATE      ? tree->gate_ask_fd
                          : kind == HS_ROLE_MANAGER ? tree->manager_ask_fd
                          : kind == HS_ROLE_CONSOLE ? tree->health_fd
                                                    : -1;
    heritage->status_listen_fd = kind == HS_ROLE_CONSOLE ? tree->status_listen_fd : -1;
    heritage->metrics_listen_fd = kind == HS_ROLE_CONSOLE ? tree->metrics_listen_fd : -1;
    heritage->credentials_fd = hs_credentials_fd(tree, kind);
    for (unsigned i = 0; i < 2; i++)
        heritage->ledger_fd[i] = kind == HS_ROLE_GATE      ? tree->gate_ledger_fd[i]
                                 : kind == HS_ROLE_MANAGER ? tree->manager_ledger_fd[i]
                                                           : -1;
}

_Noreturn static void be_role(struct hs_tree *tree, const struct hs_child *child)
{
    const struct hs_heritage *heritage = &tree->heritage;
    const struct hs_role_row *row = hs_role_row_of(child->kind);
    char                      name[HS_PROCESS_NAME_BYTES];

    hs_process_name(child->kind, child->idx, name);
    hs_child_reset_signals();
    hs_crash_watch(__builtin_frame_address(0));
    (void)setsid();
    (void)umask(077);
    (void)dup2(tree->null_fd, STDIN_FILENO);
    (void)dup2(tree->null_fd, STDOUT_FILENO);
    hs_title_set(name);
    if (!hs_jail_enter(tree->held.config, row, tree->own_pid)) _exit(1);
    if (chdir("/") < 0) _exit(1);
    close_strangers(tree, heritage);
    _exit(row->main(heritage));
}

static int make_control_pair(int fds[2], struct hs_err *err)
{
    int bytes = CONTROL_BUFFER_BYTES;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
        return hs_err_set(err, -errno, "control socket");
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return 0;
}

int hs_child_fork(struct hs_tree *tree, struct hs_child *child, struct hs_err *err)
{
    unsigned process_idx = hs_process_idx_of(child->kind, child->idx);
    int      fds[2];
    int      rc = make_control_pair(fds, err);

    if (rc < 0) return rc;
    fill_heritage(tree, child, fds[1]);
    hs_vitals_reset(
        hs_vitals_page(hs_segment_body(&tree->shares[HS_SHARE_VITALS].mapped), process_idx),
        child->restart.generation, child->kind, child->idx, hs_supervisor_clock_ns());
    child->pid = fork();
    if (child->pid == 0) be_role(tree, child);
    if (child->pid < 0) {
        rc = hs_err_set(err, -errno, "fork");
        child->pid = 0;
        (void)close(fds[0]);
        (void)close(fds[1]);
        return rc;
    }
    (void)close(fds[1]);
    child->control_fd = fds[0];
    child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->pid_fd >= 0) return 0;
    /* Without it nothing would ever tell of the end: better no child than one nobody watches. */
    rc = hs_err_set(err, -errno, "watch process %d", (int)child->pid);
    (void)kill(child->pid, SIGKILL); /* ours and not reaped: the number is still its own */
    (void)syscall(SYS_waitid, P_PID, child->pid, NULL, WEXITED, NULL);
    hs_child_close(child);
    return rc;
}

static bool is_waitable(const struct hs_child *child, int what)
{
    siginfo_t info = {0};

    return child->pid_fd >= 0 &&
           waitid(P_PIDFD, (id_t)child->pid_fd, &info, what | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child->pid;
}

bool hs_child_is_stopped(const struct hs_child *child)
{
    return is_waitable(child, WSTOPPED);
}

bool hs_child_has_ended(const struct hs_child *child)
{
    return is_waitable(child, WEXITED);
}

void hs_child_signal(struct hs_child *child, int signal_number)
{
    if (child->pid_fd < 0) return;
    child->is_signalled = true;
    (void)syscall(SYS_pidfd_send_signal, child->pid_fd, signal_number, NULL, 0);
}

void hs_child_close(struct hs_child *child)
{
    if (child->pid_fd >= 0) (void)close(child->pid_fd);
    if (child->control_fd >= 0) (void)close(child->control_fd);
    child->pid_fd = -1;
    child->control_fd = -1;
    child->pid = 0;
}
