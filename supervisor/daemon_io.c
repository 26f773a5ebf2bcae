// SPDX-License-Identifier: Apache-2.0
/* daemon_io.c - sets the tree up, from the configuration to the signals, and runs it. */
#include "supervisor/daemon_io.h"

#include "roles/config.h"
#include "roles/version.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "supervisor/cli.h"
#include "supervisor/config_child_io.h"
#include "supervisor/credentials_io.h"
#include "supervisor/listen_io.h"
#include "supervisor/notify_io.h"
#include "supervisor/reload_io.h"
#include "supervisor/resolve_io.h"
#include "supervisor/segments_io.h"
#include "supervisor/state_dir_io.h"
#include "supervisor/strays_io.h"
#include "supervisor/supervisor_io.h"
#include "supervisor/title_io.h"
#include "supervisor/verbs_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXIT_USAGE = 64, EXIT_AGAIN = 75, EXIT_DENIED = 77, EXIT_WRONG = 78 };
enum { LEASH_FD = 3, CONFIG_TEXT_FD = 4 }; /* what `hyperscale run` leaves open for us */

static struct hs_tree the_tree; /* static: the supervisor allocates nothing */

static int exit_code_of(const struct hs_err *err)
{
    switch (err->code) {
    case -EINVAL:
    case -EPROTO:
    case -ENOENT: return EXIT_WRONG;
    case -EACCES:
    case -EPERM:
    case -EROFS: return EXIT_DENIED;
    case -EBUSY: return EXIT_AGAIN;
    default: return 1;
    }
}

static int fail(const char *doing, const struct hs_err *err)
{
    (void)fprintf(stderr, "hyperscaled: %s: %s\n", doing, err->text);
    return exit_code_of(err);
}

static void init_tree(struct hs_tree *tree, const struct hs_cli *cli)
{
    int *absent[] = {&tree->signal_fd,
                     &tree->leash_fd,
                     &tree->status_listen_fd,
                     &tree->metrics_listen_fd,
                     &tree->client_listen_fd,
                     &tree->gate_listen_fd,
                     &tree->manager_listen_fd,
                     &tree->gate_datagram_fd,
                     &tree->manager_datagram_fd,
                     &tree->children_lock_fd,
                     &tree->instance_lock_fd,
                     &tree->gate_ledger_fd[0],
                     &tree->gate_ledger_fd[1],
                     &tree->null_fd,
                     &tree->manager_ledger_fd[0],
                     &tree->manager_ledger_fd[1],
                     &tree->health_fd,
                     &tree->gate_ask_fd,
                     &tree->manager_ask_fd};

    tree->config_path = cli->config_path;
    tree->run_dir = cli->run_dir;
    tree->state_dir = cli->state_dir;
    tree->is_embedded = cli->verb == HS_CLI_EMBED;
    tree->is_root = geteuid() == 0;
    tree->own_pid = getpid();
    tree->is_init = tree->own_pid == 1;
    for (size_t i = 0; i < HS_ARRAY_LEN(absent); i++) *absent[i] = -1;
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        hs_restart_init(&tree->children[i].restart);
        tree->children[i].pid_fd = -1;
        tree->children[i].control_fd = -1;
    }
    hs_log_drain_init(&tree->drain);
    hs_resolve_init(tree);
    hs_reload_init(tree);
    hs_credentials_init(tree);
}

static int load_config(struct hs_tree *tree, struct hs_err *err)
{
    const struct hs_config_wish wish = {
        .path = tree->is_embedded ? NULL : tree->config_path,
        .text_fd = tree->is_embedded ? CONFIG_TEXT_FD : -1,
        .run_dir = tree->run_dir,
        .state_dir = tree->state_dir,
        .generation = 1,
    };
    struct hs_config_child child;

    if (hs_config_child_start(&child, &wish, err) < 0) {
        (void)fprintf(stderr, "hyperscaled: %s\n", err->text);
        return err->code;
    }
    return hs_config_child_finish(&child, &tree->held, err); /* says itself what is wrong */
}

/* One per core that we may use; from four up one is left to the rest of the tree. */
static unsigned count_engines(const struct hs_config *config)
{
    cpu_set_t cores;
    unsigned  count;

    if (!config->roles.worker) return 0;
    if (config->roles.engines) return config->roles.engines;
    if (sched_getaffinity(0, sizeof cores, &cores) < 0) return 1;
    count = (unsigned)CPU_COUNT(&cores);
    if (count >= 4) count--;
    return count > HS_ENGINES_MAX ? HS_ENGINES_MAX : count;
}

static void configure_child(struct hs_tree *tree, enum hs_role_kind kind, unsigned idx)
{
    struct hs_child *child = &tree->children[hs_process_idx_of(kind, idx)];

    child->kind = kind;
    child->idx = idx;
}

static void configure_children(struct hs_tree *tree)
{
    const struct hs_config *config = tree->held.config;

    tree->engine_count = count_engines(config);
    /* Nobody can ask the console of an embedded tree: it has no socket. */
    if (config->roles.console && !tree->is_embedded) configure_child(tree, HS_ROLE_CONSOLE, 0);
    if (config->roles.gate) configure_child(tree, HS_ROLE_GATE, 0);
    if (config->roles.manager) configure_child(tree, HS_ROLE_MANAGER, 0);
    if (config->roles.worker) configure_child(tree, HS_ROLE_WORKER, 0);
    for (unsigned i = 0; i < tree->engine_count; i++) configure_child(tree, HS_ROLE_ENGINE, i);
}

static void fill_host_table(struct hs_tree *tree)
{
    struct hs_host_summary *summary = &tree->summary;
    struct hs_host          host;

    summary->start_ns = hs_supervisor_clock_ns();
    summary->start_wall_ns = hs_log_drain_wall_ns(&tree->drain, summary->start_ns);
    summary->pid = tree->own_pid;
    summary->engine_count = tree->engine_count;
    summary->is_embedded = tree->is_embedded;
    summary->config_generation = tree->held.generation;
    memset(&host, 0, sizeof host);
    memcpy(host.host_id, summary->host_id, sizeof host.host_id);
    host.incarnation = summary->incarnation;
    host.config_generation = tree->held.generation;
    host.supervisor_pid = (uint32_t)tree->own_pid;
    host.supervisor_heartbeat_ns = summary->start_ns;
    host.started_at_ns = summary->start_ns;
    hs_host_init(&tree->host->host, &host);
    hs_host_table_store_summary(tree->host, summary);
    hs_rand_init(&tree->rand, host.host_id[0] ^ summary->start_ns);
}

/* All blocked and read from a descriptor; init's, too: a blocked signal is never ignored. */
static int take_over_signals(struct hs_tree *tree, struct hs_err *err)
{
    static const int wanted[] = {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD};
    sigset_t         blocked;
    sigset_t         read_here;

    (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    /* Inherited as ignored, children would reap themselves. */
    (void)sigaction(SIGCHLD, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)sigfillset(&blocked);
    (void)sigemptyset(&read_here);
    for (size_t i = 0; i < HS_ARRAY_LEN(wanted); i++) (void)sigaddset(&read_here, wanted[i]);
    if (pthread_sigmask(SIG_SETMASK, &blocked, NULL) != 0)
        return hs_err_set(err, -EINVAL, "signals");
    tree->signal_fd = signalfd(-1, &read_here, SFD_NONBLOCK | SFD_CLOEXEC);
    return tree->signal_fd < 0 ? hs_err_set(err, -errno, "signal descriptor") : 0;
}

static int set_up(struct hs_tree *tree, struct hs_err *err)
{
    int rc = load_config(tree, err);

    if (rc < 0) return rc;
    tree->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (tree->null_fd < 0) return hs_err_set(err, -errno, "open /dev/null");
    configure_children(tree);
    rc = tree->is_embedded ? hs_state_dir_open_nameless(tree, err) : hs_state_dir_open(tree, err);
    if (rc < 0) return rc;
    rc = hs_credentials_read(tree, err);
    if (rc < 0) return rc;
    rc = hs_segments_create(tree, err);
    if (rc < 0) return rc;
    fill_host_table(tree);
    rc = take_over_signals(tree, err);
    if (rc < 0) return rc;
    hs_reload_apply_own(tree);
    hs_strays_adopt();
    return tree->is_embedded ? 0 : hs_listen_open(tree, err);
}

/* What the daemon was started with must not be given to children by accident: only 0, 1, 2 stay. */
static void tidy_descriptors(struct hs_tree *tree)
{
    int fd;

    while ((fd = open("/dev/null", O_RDWR)) >= 0 && fd <= STDERR_FILENO)
        ;
    if (fd > STDERR_FILENO) (void)close(fd);
    if (!tree->is_embedded) return;
    (void)fcntl(LEASH_FD, F_SETFD, FD_CLOEXEC);
    (void)fcntl(CONFIG_TEXT_FD, F_SETFD, FD_CLOEXEC);
}

/* Whoever holds the other end of the leash is our parent, and we die with it. */
static int take_leash(struct hs_tree *tree, struct hs_err *err)
{
    struct ucred peer;
    socklen_t    bytes = sizeof peer;

    if (getsockopt(LEASH_FD, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
        return hs_err_set(err, -EINVAL, "embed is for hyperscale run: descriptor 3 is no socket");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != peer.pid)
        return hs_err_set(err, -EPERM, "the client at the end of the leash is not our parent");
    tree->leash_fd = LEASH_FD;
    return 0;
}

static int run_tree(const struct hs_cli *cli)
{
    struct hs_tree *tree = &the_tree;
    struct hs_err   err;
    int             rc = 0;
    int             code;

    init_tree(tree, cli);
    tidy_descriptors(tree);
    if (tree->is_embedded) rc = take_leash(tree, &err);
    if (rc == 0) rc = set_up(tree, &err);
    if (rc < 0) {
        if (!tree->held.config && tree->leash_fd < 0 && tree->is_embedded)
            return fail("embed", &err);
        if (!tree->held.config) return exit_code_of(&err);
        hs_listen_close(tree);
        return fail("start", &err);
    }
    if (tree->is_embedded) /* the service, if there is one, is our parent */
        (void)unsetenv("NOTIFY_SOCKET");
    tree->notify_interval_ns = hs_notify_interval_ns();
    hs_log(HS_LOG_INFO, "supervisor",
           "start version=" HS_VERSION_TEXT " incarnation=%llu engines=%u",
           (unsigned long long)tree->summary.incarnation, tree->engine_count);
    code = hs_supervisor_run(tree);
    if (!tree->is_embedded) hs_listen_close(tree);
    return code;
}

static int check(const struct hs_cli *cli)
{
    struct hs_tree *tree = &the_tree;
    struct hs_err   err;

    init_tree(tree, cli);
    if (load_config(tree, &err) < 0) return exit_code_of(&err); /* it has said what is wrong */
    (void)printf("%s: the configuration is good\n", cli->config_path);
    return 0;
}

/* Operators need not be able to read the configuration: the socket says who may ask what. */
static int talk_unread(const struct hs_cli *cli)
{
    static struct hs_config usual;
    int                     code;

    hs_config_defaults(&usual);
    code = hs_verbs_run(cli->verb, usual.paths.run_dir);
    if (code)
        (void)fprintf(
            stderr,
            "hyperscaled: %s may not be read: asked in the usual place (another: --run-dir)\n",
            cli->config_path);
    return code;
}

static int talk(const struct hs_cli *cli)
{
    struct hs_tree *tree = &the_tree;
    struct hs_err   err;

    if (cli->run_dir) return hs_verbs_run(cli->verb, cli->run_dir);
    init_tree(tree, cli);
    if (access(cli->config_path, R_OK) < 0 && errno == EACCES) return talk_unread(cli);
    if (load_config(tree, &err) < 0) return exit_code_of(&err);
    return hs_verbs_run(cli->verb, tree->held.config->paths.run_dir);
}

int hs_daemon_main(int argc, char **argv)
{
    struct hs_cli cli;
    struct hs_err err;

    hs_title_init(argc, argv);
    if (hs_cli_parse(&cli, argc, argv, &err) < 0) {
        (void)fprintf(stderr, "hyperscaled: %s\n%s", err.text, hs_cli_usage);
        return EXIT_USAGE;
    }
    switch (cli.verb) {
    case HS_CLI_START:
    case HS_CLI_EMBED: return run_tree(&cli);
    case HS_CLI_STOP:
    case HS_CLI_RELOAD:
    case HS_CLI_STATUS: return talk(&cli);
    case HS_CLI_CHECK: return check(&cli);
    case HS_CLI_VERSION: (void)printf("hyperscaled " HS_VERSION_TEXT "\n"); return 0;
    case HS_CLI_HELP: (void)printf("%s", hs_cli_usage); return 0;
    }
    return EXIT_USAGE;
}
