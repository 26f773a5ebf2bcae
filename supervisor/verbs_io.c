// SPDX-License-Identifier: Apache-2.0
/* verbs_io.c - one line out, one line back. Nothing of the answer is parsed but whether it says
 * that it is an error. A stop works without the console, too: the kernel knows who listens. */
#include "supervisor/verbs_io.h"

#include "shm/base/time.h"
#include "supervisor/listen_io.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ANSWER_TIMEOUT_MS = 10000,
    STOP_ANSWER_TIMEOUT_MS = 2000,
    STOP_TIMEOUT_MS = 90000, /* the longest default: 60 s, and some */
    LINE_BYTES_MAX = 1 << 20
};

static bool send_line(int fd, const char *line)
{
    return send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
}

static void print(const char *text, size_t bytes)
{
    size_t at = 0;

    while (at < bytes) {
        ssize_t written = write(STDOUT_FILENO, text + at, bytes - at);

        if (written < 0 && errno != EINTR) return;
        if (written > 0) at += (size_t)written;
    }
}

/* Copies one line to standard output (is_shown) as it comes; *is_error: it has an "error" field. */
static int take_line(int fd, int timeout_ms, bool is_shown, bool *is_error)
{
    char   piece[4096];
    size_t total = 0;

    *is_error = false;
    while (total < LINE_BYTES_MAX) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t       bytes;
        const char   *end;

        if (poll(&ready, 1, timeout_ms) != 1) return -ETIMEDOUT;
        bytes = recv(fd, piece, sizeof piece - 1, 0);
        if (bytes <= 0) return -EPIPE;
        piece[bytes] = '\0';
        end = memchr(piece, '\n', (size_t)bytes);
        if (total == 0 && strstr(piece, "\"error\"")) *is_error = true;
        if (is_shown) print(piece, end ? (size_t)(end - piece) + 1 : (size_t)bytes);
        if (end) return 0;
        total += (size_t)bytes;
    }
    return -EMSGSIZE;
}

static int ask(const char *run_dir, int fd, const char *line)
{
    bool is_error = false;
    int  rc = send_line(fd, line) ? take_line(fd, ANSWER_TIMEOUT_MS, true, &is_error) : -EPIPE;

    if (rc < 0)
        (void)fprintf(stderr, "hyperscaled: no answer from %s/" HS_STATUS_SOCKET ": %s\n", run_dir,
                      hs_err_code_text(rc));
    return rc < 0 || is_error ? 1 : 0;
}

/* A descriptor of the process that listens on the socket: the supervisor itself. */
static int open_listener(int fd)
{
    struct ucred peer;
    socklen_t    bytes = sizeof peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0) return -errno;
    fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
    return fd < 0 ? -errno : fd;
}

static int stop(const char *run_dir, int fd)
{
    struct pollfd gone = {.fd = open_listener(fd), .events = POLLIN};
    bool          is_error = false;
    int           rc;

    if (gone.fd < 0) {
        (void)fprintf(stderr, "hyperscaled: who listens on %s/" HS_STATUS_SOCKET "? %s\n", run_dir,
                      hs_err_code_text(gone.fd));
        return 1;
    }
    rc = send_line(fd, "{\"do\":\"stop\"}\n")
             ? take_line(fd, STOP_ANSWER_TIMEOUT_MS, false, &is_error)
             : -EPIPE;
    /* No console, or it may not: the signal does the same, for those who may send it. */
    if ((rc < 0 || is_error) && syscall(SYS_pidfd_send_signal, gone.fd, SIGTERM, NULL, 0) < 0) {
        (void)fprintf(stderr, "hyperscaled: stop: %s\n", hs_err_code_text(-errno));
        return errno == EPERM ? 77 : 1;
    }
    if (poll(&gone, 1, STOP_TIMEOUT_MS) == 1) return 0;
    (void)fprintf(stderr, "hyperscaled: the daemon has not ended after %d s\n",
                  STOP_TIMEOUT_MS / 1000);
    return 1;
}

int hs_verbs_run(enum hs_cli_verb verb, const char *run_dir)
{
    int fd = hs_listen_connect_status(run_dir);
    int code;

    if (fd < 0) {
        (void)fprintf(stderr, "hyperscaled: no daemon answers at %s/" HS_STATUS_SOCKET ": %s\n",
                      run_dir, hs_err_code_text(fd));
        return fd == -EACCES ? 77 : 1;
    }
    if (verb == HS_CLI_STOP)
        code = stop(run_dir, fd);
    else
        code = ask(run_dir, fd,
                   verb == HS_CLI_RELOAD ? "{\"do\":\"reload\"}\n" : "{\"get\":\"status\"}\n");
    (void)close(fd);
    return code;
}
