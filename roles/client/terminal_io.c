// SPDX-License-Identifier: Apache-2.0
/* terminal_io.c - alternate screen, no echo, no cursor; signals are read, not handled. */
#include "roles/client/terminal_io.h"

#include "roles/client/print_io.h"
#include "shm/base/err.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const char enter_text[] = "\x1b[?1049h\x1b[?25l\x1b[2J";
static const char leave_text[] = "\x1b[?2026l\x1b[?25h\x1b[?1049l";

static void fill_signals(sigset_t *signals)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

    (void)sigemptyset(signals);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaddset(signals, numbers[i]);
}

static void take_over(const struct hs_terminal *terminal)
{
    struct termios raw = terminal->saved;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    HS_IGNORE(hs_print_text(STDOUT_FILENO, enter_text), "the next frame tells");
}

static void give_back(const struct hs_terminal *terminal)
{
    HS_IGNORE(hs_print_text(STDOUT_FILENO, leave_text), "nobody is there to see it");
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal->saved);
}

int hs_terminal_open(struct hs_terminal *terminal)
{
    sigset_t signals;

    memset(terminal, 0, sizeof *terminal);
    terminal->signal_fd = -1;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1) return 0;
    if (tcgetattr(STDIN_FILENO, &terminal->saved) < 0) return -errno;
    fill_signals(&signals);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0) return -errno;
    terminal->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (terminal->signal_fd < 0) {
        int code = -errno;

        (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
        return code;
    }
    terminal->is_open = true;
    take_over(terminal);
    return 0;
}

void hs_terminal_close(struct hs_terminal *terminal)
{
    sigset_t signals;

    if (!terminal->is_open) return;
    terminal->is_open = false;
    give_back(terminal);
    (void)close(terminal->signal_fd);
    terminal->signal_fd = -1;
    fill_signals(&signals);
    (void)sigprocmask(SIG_UNBLOCK, &signals, NULL);
}

void hs_terminal_die(const struct hs_terminal *terminal)
{
    (void)signal(terminal->signal_number, SIG_DFL);
    (void)raise(terminal->signal_number);
}

static enum hs_terminal_event take_signal(struct hs_terminal *terminal)
{
    struct signalfd_siginfo info;

    if (read(terminal->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return HS_TERMINAL_NOTHING;
    if (info.ssi_signo == SIGWINCH) return HS_TERMINAL_REDRAW;
    if (info.ssi_signo == SIGTSTP) { /* the shell gets its terminal, we get it again later */
        give_back(terminal);
        (void)kill(getpid(), SIGSTOP);
        take_over(terminal);
        return HS_TERMINAL_REDRAW;
    }
    terminal->signal_number = (int)info.ssi_signo;
    return HS_TERMINAL_SIGNAL;
}

/* A terminal that is gone reads as its end. */
static enum hs_terminal_event take_key(void)
{
    char    key = 0;
    ssize_t got = read(STDIN_FILENO, &key, 1);

    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return HS_TERMINAL_NOTHING;
    if (got <= 0 || key == 'q' || key == 'Q' || key == 4) return HS_TERMINAL_QUIT;
    return HS_TERMINAL_REDRAW;
}

enum hs_terminal_event hs_terminal_wait(struct hs_terminal *terminal, int timeout_ms)
{
    struct pollfd ready[2] = {{.fd = terminal->signal_fd, .events = POLLIN},
                              {.fd = terminal->is_open ? STDIN_FILENO : -1, .events = POLLIN}};

    if (poll(ready, 2, timeout_ms) <= 0) return HS_TERMINAL_NOTHING;
    return ready[0].revents ? take_signal(terminal) : take_key();
}

void hs_terminal_size(unsigned *columns, unsigned *rows)
{
    struct winsize size;

    *columns = *rows = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0) return;
    *columns = size.ws_col;
    *rows = size.ws_row;
}
