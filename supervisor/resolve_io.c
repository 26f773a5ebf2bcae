// SPDX-License-Identifier: Apache-2.0
/* resolve_io.c - a process per name. Its answer goes straight to the role that asked, over a pair
 * of which the supervisor keeps nothing. */
#include "supervisor/resolve_io.h"

#include "roles/resolver/resolver_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "supervisor/child_io.h"
#include "supervisor/jail_io.h"
#include "supervisor/process_io.h"
#include "supervisor/title_io.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESOLVE_TIMEOUT_NS (5 * HS_NS_PER_S)

void hs_resolve_init(struct hs_tree *tree)
{
    for (unsigned i = 0; i < HS_RESOLVERS_MAX; i++)
        tree->resolvers[i] = (struct hs_resolver){.pid_fd = -1, .deadline_ns = HS_NEVER_NS};
}

static void refuse(struct hs_child *asker, uint64_t token, int code)
{
    struct hs_control_record record;

    hs_control_init(&record, HS_CONTROL_ANSWER, "name not looked up");
    record.token = token;
    record.code = code;
    hs_process_send(asker, &record, -1);
}

_Noreturn static void be_resolver(const struct hs_tree *tree, int fd, const char *host)
{
    int keep[] = {fd};

    hs_child_reset_signals();
    (void)setsid();
    (void)dup2(tree->null_fd, STDIN_FILENO);
    (void)dup2(tree->null_fd, STDOUT_FILENO);
    hs_child_close_all_but(keep, 1);
    if (!hs_jail_enter_resolver(tree->own_pid)) _exit(1);
    hs_title_set("resolver");
    _exit(hs_resolver_main(fd, host));
}

static int start(struct hs_tree *tree, struct hs_resolver *resolver, const char *host, int fd)
{
    resolver->pid = fork();
    if (resolver->pid == 0) be_resolver(tree, fd, host);
    if (resolver->pid < 0) {
        resolver->pid = 0;
        return -errno;
    }
    resolver->pid_fd = (int)syscall(SYS_pidfd_open, resolver->pid, 0);
    resolver->deadline_ns = hs_supervisor_clock_ns() + RESOLVE_TIMEOUT_NS;
    if (resolver->pid_fd >= 0) return 0;
    (void)kill(resolver->pid, SIGKILL);
    (void)syscall(SYS_waitid, P_PID, resolver->pid, NULL, WEXITED, NULL);
    resolver->pid = 0;
    resolver->deadline_ns = HS_NEVER_NS;
    return -EMFILE;
}

static void start_for(struct hs_tree *tree, struct hs_resolver *resolver,
                      const struct hs_resolve_request *request)
{
    struct hs_child         *asker = &tree->children[request->process_idx];
    struct hs_control_record record;
    int                      fds[2];
    int                      rc;

    if (asker->restart.generation != request->generation || asker->control_fd < 0) return;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
        refuse(asker, request->token, -errno);
        return;
    }
    rc = start(tree, resolver, request->host, fds[1]);
    if (rc == 0) {
        hs_control_init(&record, HS_CONTROL_LINK, NULL);
        record.peer = HS_ROLE_RESOLVER;
        record.token = request->token;
        hs_process_send(asker, &record, fds[0]);
    } else
        refuse(asker, request->token, rc);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static struct hs_resolver *find_free(struct hs_tree *tree)
{
    for (unsigned i = 0; i < HS_RESOLVERS_MAX; i++)
        if (!tree->resolvers[i].pid) return &tree->resolvers[i];
    return NULL;
}

static void start_waiting(struct hs_tree *tree)
{
    struct hs_resolver *resolver;

    while (tree->resolve_count && (resolver = find_free(tree)) != NULL) {
        start_for(tree, resolver, &tree->resolve_queue[tree->resolve_first]);
        tree->resolve_first = (tree->resolve_first + 1) % HS_RESOLVE_QUEUE_MAX;
        tree->resolve_count--;
    }
}

void hs_resolve_ask(struct hs_tree *tree, struct hs_child *asker,
                    const struct hs_control_record *record)
{
    struct hs_resolve_request *request;

    if (tree->resolve_count == HS_RESOLVE_QUEUE_MAX) {
        refuse(asker, record->token, -EAGAIN);
        return;
    }
    request =
        &tree->resolve_queue[(tree->resolve_first + tree->resolve_count++) % HS_RESOLVE_QUEUE_MAX];
    request->process_idx = hs_process_idx_of(asker->kind, asker->idx);
    request->generation = asker->restart.generation;
    request->token = record->token;
    memcpy(request->host, record->text, sizeof request->host); /* shorter: hs_control_check */
    start_waiting(tree);
}

void hs_resolve_reap(struct hs_tree *tree, unsigned idx)
{
    struct hs_resolver *resolver = &tree->resolvers[idx];
    siginfo_t           info = {0};

    if (!resolver->pid || waitid(P_PIDFD, (id_t)resolver->pid_fd, &info, WEXITED | WNOHANG) < 0 ||
        !info.si_pid)
        return;
    (void)close(resolver->pid_fd);
    *resolver = (struct hs_resolver){.pid_fd = -1, .deadline_ns = HS_NEVER_NS};
    start_waiting(tree);
}

void hs_resolve_turn(struct hs_tree *tree, uint64_t now_ns)
{
    for (unsigned i = 0; i < HS_RESOLVERS_MAX; i++) {
        struct hs_resolver *resolver = &tree->resolvers[i];

        if (now_ns < resolver->deadline_ns) continue;
        resolver->deadline_ns = HS_NEVER_NS;
        (void)syscall(SYS_pidfd_send_signal, resolver->pid_fd, SIGKILL, NULL, 0);
    }
}

uint64_t hs_resolve_deadline_ns(const struct hs_tree *tree)
{
    uint64_t deadline_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < HS_RESOLVERS_MAX; i++)
        deadline_ns = hs_min_u64(deadline_ns, tree->resolvers[i].deadline_ns);
    return deadline_ns;
}
