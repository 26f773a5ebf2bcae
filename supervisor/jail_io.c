// SPDX-License-Identifier: Apache-2.0
/* jail_io.c - user, capabilities, limits, Landlock. */
#include "supervisor/jail_io.h"

#include "shm/base/assert.h"
#include "shm/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self  446
#endif

/* Own layout and numbers: Debian 12's header knows the first three levels only. */
struct landlock_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* level 4 on */
};
enum { LANDLOCK_VERSION = 1, LANDLOCK_NET_BIND = 1, LANDLOCK_NET_CONNECT = 2 };

enum { LOCKED_BYTES = HS_ENGINES_MAX * (2 << 20) }; /* a ring of 1.3 MiB, buffers, registrations */
enum { FILES_OF_CONSOLE = 64, CAPABILITY_LAST = 63, RESOLVER_FILES = 64, RESOLVER_CPU_S = 5 };

static unsigned obtained; /* bits of enum hs_confinement, of this process */

gid_t hs_jail_group(const struct hs_config *config)
{
    return config->users.group.is_found ? config->users.group.gid : HS_JAIL_ID_BASE;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct   none[2];

    memset(none, 0, sizeof none);
    for (int i = 0; i <= CAPABILITY_LAST; i++)
        (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* numbers the kernel does not know fail */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

/* Bits of what came of it. Root becomes the user; somebody else stays who he is, which confines as
 * well. The bounding set can be emptied by root only, so before. Who must stay root, in a namespace
 * without other users, goes without capabilities all the same. */
static unsigned become(uid_t uid, gid_t gid)
{
    unsigned got = HS_CONFINED_USER;

    if (geteuid() == 0) {
        for (int i = 0; i <= CAPABILITY_LAST; i++) (void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
        if (setgroups(1, &gid) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
            got = 0;
    }
    return drop_capabilities() ? got | HS_CONFINED_CAPABILITIES : got;
}

/* Never above the inherited hard limit. */
static bool set_limit(int which, rlim_t soft)
{
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)which, &limit) < 0) return false;
    if (soft < limit.rlim_max) limit.rlim_max = soft;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit((__rlimit_resource_t)which, &limit) == 0;
}

/* The rings of all processes of a user are counted together: room for HS_ENGINES_MAX of the
 * largest, where privileges permit, else all that the hard limit permits. Without it a loop takes a
 * smaller ring. */
static void raise_locked_memory(void)
{
    struct rlimit limit;
    struct rlimit wide = {LOCKED_BYTES, LOCKED_BYTES};

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0) return;
    if (limit.rlim_max < LOCKED_BYTES && setrlimit(RLIMIT_MEMLOCK, &wide) == 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_MEMLOCK, &limit);
}

static void set_oom_score(int score)
{
    char text[16];
    int  fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0) return; /* no /proc: the kernel decides alone */
    (void)snprintf(text, sizeof text, "%d", score);
    if (write(fd, text, strlen(text)) < 0)
        hs_log(HS_LOG_DEBUG, "jail", "oom_score_refused score=%d", score);
    (void)close(fd);
}

/* setresuid clears the death signal, so it is set last; and the parent may have died before
 * that. */
static bool die_with(pid_t parent_pid)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) obtained |= HS_CONFINED_NO_NEW_PRIVILEGES;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0) obtained |= HS_CONFINED_PARENT_DEATH;
    return getppid() == parent_pid;
}

bool hs_jail_enter(const struct hs_config *config, const struct hs_role_row *row, pid_t parent_pid)
{
    const struct hs_config_account *user = (const void *)((const char *)config + row->user_offset);
    uid_t  uid = user->is_found ? user->uid : HS_JAIL_ID_BASE + (uid_t)row->kind;
    gid_t  gid = user->is_found ? user->gid : HS_JAIL_ID_BASE + (gid_t)row->kind;
    rlim_t files =
        row->kind == HS_ROLE_CONSOLE ? HS_PROCESSES_MAX * 4 + FILES_OF_CONSOLE : RLIM_INFINITY;

    obtained = 0;
    set_oom_score(row->oom_score);
    if (set_limit(RLIMIT_NOFILE, files) && set_limit(RLIMIT_CORE, 0))
        obtained |= HS_CONFINED_LIMITS;
    raise_locked_memory();
    obtained |= become(uid, gid);
    return die_with(parent_pid);
}

bool hs_jail_enter_resolver(pid_t parent_pid)
{
    (void)set_limit(RLIMIT_CORE, 0);
    (void)set_limit(RLIMIT_FSIZE, 0);
    (void)set_limit(RLIMIT_CPU, RESOLVER_CPU_S);
    (void)set_limit(RLIMIT_NOFILE, RESOLVER_FILES);
    (void)become(HS_JAIL_ID_BASE + HS_ROLE_RESOLVER, HS_JAIL_ID_BASE + HS_ROLE_RESOLVER);
    return die_with(parent_pid);
}

/* Everything the running kernel's level can forbid; no rule allows anything back. */
static unsigned apply_landlock(bool is_caller)
{
    static const uint64_t files_by_level[] = {0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff};
    struct landlock_attr  attr = {0};
    long                  level = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
    int                   ruleset_fd;
    bool                  is_applied;

    if (level < 1) return 0;
    if (level >= (long)HS_ARRAY_LEN(files_by_level)) level = HS_ARRAY_LEN(files_by_level) - 1;
    attr.handled_access_fs = files_by_level[level];
    if (level >= 4)
        attr.handled_access_net =
            is_caller ? LANDLOCK_NET_BIND : LANDLOCK_NET_BIND | LANDLOCK_NET_CONNECT;
    ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &attr,
                              level >= 4 ? sizeof attr : sizeof attr.handled_access_fs, 0);
    if (ruleset_fd < 0) return 0;
    is_applied = syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0;
    (void)close(ruleset_fd);
    if (!is_applied) return 0;
    return HS_CONFINED_FILES | (level >= 4 ? HS_CONFINED_NETWORK : 0u);
}

/* Who opens connections: an engine to its targets; worker and manager to other hosts, where there
 * are any. */
static bool is_calling(enum hs_role_kind kind, const struct hs_config *config)
{
    return kind == HS_ROLE_ENGINE ||
           (*config->cluster.credentials && (kind == HS_ROLE_WORKER || kind == HS_ROLE_MANAGER));
}

int hs_jail_confine(const struct hs_heritage *heritage)
{
    const struct hs_config *config = heritage->config;
    bool                    is_caller = is_calling(heritage->kind, config);
    unsigned wanted = HS_CONFINED_PARENT_DEATH | HS_CONFINED_USER | HS_CONFINED_CAPABILITIES |
                      HS_CONFINED_NO_NEW_PRIVILEGES | HS_CONFINED_LIMITS;

    if (config->sandbox.landlock) {
        wanted |= HS_CONFINED_FILES;
        obtained |= apply_landlock(is_caller);
    }
    if (config->sandbox.seccomp) {
        int rc = hs_seccomp_apply(heritage->kind, is_caller);

        wanted |= HS_CONFINED_CALLS;
        if (rc == 0) obtained |= HS_CONFINED_CALLS;
        if (rc < 0) hs_log(HS_LOG_WARN, "jail", "no_seccomp reason=\"%s\"", hs_err_code_text(rc));
    }
    if (config->sandbox.required && (obtained & wanted) != wanted) return -EPERM;
    return (int)obtained;
}
