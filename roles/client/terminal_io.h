// SPDX-License-Identifier: Apache-2.0
/* terminal_io.h - a terminal taken over whole for a screen that is drawn again and again, and given
 * back as it was, whatever ends the program: a key, a signal, the keys that stop it for a while.
 * Only SIGKILL leaves it behind. */
#ifndef HS_CLIENT_TERMINAL_IO_H
#define HS_CLIENT_TERMINAL_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

enum hs_terminal_event {
    HS_TERMINAL_NOTHING, /* the time is over */
    HS_TERMINAL_REDRAW,  /* its size has changed, or it was given back for a while */
    HS_TERMINAL_QUIT,    /* q, or end of file */
    HS_TERMINAL_SIGNAL   /* told to end: close the terminal, then hs_terminal_die */
};

struct hs_terminal {
    bool           is_open;
    int            signal_fd; /* readable: hs_terminal_wait has something to tell; -1: not open */
    int            signal_number;
    struct termios saved;
};

/* Nothing happens where standard input or output is no terminal. -errno; then all is as before. */
int  hs_terminal_open(struct hs_terminal *terminal) __attribute__((warn_unused_result));
void hs_terminal_close(struct hs_terminal *terminal);
/* Until something happens or the time is over. */
enum hs_terminal_event hs_terminal_wait(struct hs_terminal *terminal, int timeout_ms);
/* By the signal that was told, as if it had never been caught. */
void hs_terminal_die(const struct hs_terminal *terminal);
/* 0: not known. */
void hs_terminal_size(unsigned *columns, unsigned *rows);

#endif
