// SPDX-License-Identifier: Apache-2.0
/* config_child_io.c - reading the configuration in a process of its own. It writes the image into
 * one memfd and what it has to complain about into another; its exit code says which to look at. */
#include "supervisor/config_child_io.h"

#include "roles/config_file.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_DENIED = 77, EXIT_WRONG = 78, EXIT_UNREADABLE = 66 };
/* Whoever asked for a reload is answered, also when the path is a pipe that nobody fills. */
enum { READ_TIMEOUT_S = 8, TELL_PATIENCE_MS = 100 };

static const struct hs_segment_spec image_spec = {.kind = HS_SEGMENT_CONFIG_IMAGE,
                                                  .version = HS_CONFIG_VERSION,
                                                  .body_bytes = sizeof(struct hs_config),
                                                  .prefault = true};

static size_t add_setting(const char **settings, size_t count, char text[HS_CONFIG_SETTING_BYTES],
                          const char *key, const char *value)
{
    if (!value) return count;
    (void)snprintf(text, HS_CONFIG_SETTING_BYTES, "%s=%s", key, value);
    settings[count] = text;
    return count + 1;
}

/* In the child: it may take its time and all the memory it wants, within limits. */
static int read_config(const struct hs_config_wish *wish, struct hs_config *config, FILE *errors)
{
    char                    run_dir[HS_CONFIG_SETTING_BYTES];
    char                    state_dir[HS_CONFIG_SETTING_BYTES];
    const char             *settings[HS_CONFIG_SETTINGS_MAX];
    struct hs_config_source source = {.path = wish->path, .settings = settings};
    int                     rc;

    source.is_fd = wish->text_fd >= 0;
    source.fd = wish->text_fd;
    source.setting_count = add_setting(settings, 0, run_dir, "paths.run_dir", wish->run_dir);
    source.setting_count =
        add_setting(settings, source.setting_count, state_dir, "paths.state_dir", wish->state_dir);
    rc = hs_config_load(&source, config, errors);
    config->generation = wish->generation;
    return rc;
}

/* A reload comes from a supervisor that blocks all signals. */
static void end_in_time(void)
{
    sigset_t alarm_only;

    (void)sigaction(SIGALRM, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    (void)sigemptyset(&alarm_only);
    (void)sigaddset(&alarm_only, SIGALRM);
    (void)pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
    (void)alarm(READ_TIMEOUT_S);
}

_Noreturn static void be_config_child(const struct hs_config_child *child,
                                      const struct hs_config_wish *wish, pid_t parent_pid)
{
    const struct rlimit no_core = {0, 0};
    struct hs_segment   segment;
    struct hs_err       err;
    FILE               *errors = fdopen(dup(child->errors_fd), "w");
    int                 rc;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "hs-config");
    (void)setrlimit(RLIMIT_CORE, &no_core);
    end_in_time();
    if (getppid() != parent_pid || !errors) _exit(1);
    rc = hs_segment_map(&segment, child->image_fd, &image_spec, HS_SEGMENT_READ_WRITE, &err);
    if (rc == 0) rc = read_config(wish, hs_segment_body(&segment), errors);
    (void)fclose(errors);
    if (rc == 0) _exit(0);
    _exit(rc == -EACCES || rc == -EPERM ? EXIT_DENIED
          : rc == -EINVAL               ? EXIT_WRONG
                                        : EXIT_UNREADABLE);
}

static void close_child(struct hs_config_child *child)
{
    if (child->pid_fd >= 0) (void)close(child->pid_fd);
    if (child->image_fd >= 0) (void)close(child->image_fd);
    if (child->errors_fd >= 0) (void)close(child->errors_fd);
    *child = (struct hs_config_child){.pid_fd = -1, .image_fd = -1, .errors_fd = -1};
}

int hs_config_child_start(struct hs_config_child *child, const struct hs_config_wish *wish,
                          struct hs_err *err)
{
    struct hs_segment      segment;
    struct hs_segment_spec spec = image_spec;
    pid_t                  parent_pid = getpid();
    int                    rc = 0;

    *child = (struct hs_config_child){.pid_fd = -1, .image_fd = -1, .errors_fd = -1};
    spec.generation = wish->generation;
    child->image_fd = hs_segment_create(&segment, "config", &spec, err);
    if (child->image_fd < 0) return child->image_fd;
    hs_segment_unmap(&segment); /* or it could not be sealed */
    child->errors_fd = memfd_create("config-errors", MFD_CLOEXEC);
    child->pid = child->errors_fd < 0 ? -1 : fork();
    if (child->pid == 0) be_config_child(child, wish, parent_pid);
    if (child->pid < 0) rc = -errno;
    if (rc == 0) child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (rc == 0 && child->pid_fd < 0) rc = -errno;
    if (rc == 0) return 0;
    close_child(child);
    return hs_err_set(err, rc, "start the process that reads the configuration");
}

/* To standard error, unless nobody reads there: that must not stop the supervisor. A piece is no
 * larger than what a pipe takes at once. */
static bool tell(const char *text, size_t bytes)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&ready, 1, TELL_PATIENCE_MS) == 1 && (ready.revents & POLLOUT) &&
           write(STDERR_FILENO, text, bytes) > 0;
}

/* Everything it complained about to standard error, the first line of it into err. */
static void tell_problems(int errors_fd, int code, struct hs_err *err)
{
    char    text[4096];
    off_t   at = 0;
    bool    is_told = true;
    ssize_t bytes;

    while (is_told && (bytes = pread(errors_fd, text, sizeof text - 1, at)) > 0) {
        if (at == 0 && code < 0) {
            text[bytes] = '\0';
            hs_err_clear(err);
            (void)snprintf(err->text, sizeof err->text, "%.*s", (int)strcspn(text, "\n"), text);
        }
        is_told = tell(text, (size_t)bytes);
        at += bytes;
    }
    if (code < 0) err->code = code;
    if (code < 0 && at == 0) {
        int length;

        (void)hs_err_set(err, code, "read the configuration");
        length = snprintf(text, sizeof text, "hyperscaled: %s\n", err->text);
        (void)tell(text, (size_t)length);
    }
}

static int exit_to_code(const siginfo_t *info)
{
    if (info->si_code == CLD_KILLED && info->si_status == SIGALRM) return -ETIME;
    if (info->si_code != CLD_EXITED) return -EIO;
    switch (info->si_status) {
    case 0: return 0;
    case EXIT_DENIED: return -EACCES;
    case EXIT_WRONG: return -EINVAL;
    case EXIT_UNREADABLE: return -ENOENT;
    default: return -EIO;
    }
}

static int take_image(int image_fd, struct hs_config_held *held, struct hs_err *err)
{
    int rc = hs_segment_seal_write(image_fd, err);

    if (rc == 0)
        rc = hs_segment_map(&held->segment, image_fd, &image_spec, HS_SEGMENT_READ_ONLY, err);
    if (rc < 0) return rc;
    held->config = hs_segment_body(&held->segment);
    rc = hs_config_check_image(held->config, sizeof(struct hs_config), err);
    if (rc < 0) {
        hs_segment_unmap(&held->segment);
        held->config = NULL;
        return rc;
    }
    held->generation = held->config->generation;
    held->fd = image_fd;
    return 0;
}

int hs_config_child_finish(struct hs_config_child *child, struct hs_config_held *held,
                           struct hs_err *err)
{
    siginfo_t info = {0};
    int       rc;

    *held = (struct hs_config_held){.fd = -1};
    while (waitid(P_PIDFD, (id_t)child->pid_fd, &info, WEXITED) < 0 && errno == EINTR)
        ;
    rc = exit_to_code(&info);
    tell_problems(child->errors_fd, rc, err);
    if (rc == 0) rc = take_image(child->image_fd, held, err);
    if (rc == 0) child->image_fd = -1;
    close_child(child);
    return rc;
}

void hs_config_release(struct hs_config_held *held)
{
    hs_segment_unmap(&held->segment);
    if (held->fd >= 0) (void)close(held->fd);
    *held = (struct hs_config_held){.fd = -1};
}
