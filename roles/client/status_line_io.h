// SPDX-License-Identifier: Apache-2.0
/* status_line_io.h - one question after another to the daemon of this host, over its status
 * socket. Does not say what is wrong: whoever asks knows what for. */
#ifndef HS_CLIENT_STATUS_LINE_IO_H
#define HS_CLIENT_STATUS_LINE_IO_H

#include "shm/base/err.h"

#include <jansson.h>
#include <stddef.h>

enum { HS_STATUS_REFUSAL_BYTES = 256, HS_STATUS_ANSWER_BYTES_MAX = 4 << 20 };

struct hs_status_line {
    int    fd;        /* -1: not open */
    int    signal_fd; /* ends a wait; -1: nothing does */
    size_t used_bytes;
    char   refusal[HS_STATUS_REFUSAL_BYTES];  /* what the daemon has against it; "": nothing */
    char   bytes[HS_STATUS_ANSWER_BYTES_MAX]; /* the last answer as it came */
};

int  hs_status_line_open(struct hs_status_line *line, const char *path) HS_MUST_CHECK;
void hs_status_line_close(struct hs_status_line *line);
/* 0 and the answer, the caller's; else the answer may be NULL. -EACCES: the daemon refuses, and
 * line->refusal says why; -EINTR: signal_fd; -ETIMEDOUT, -EPROTO ... */
int hs_status_line_ask(struct hs_status_line *line, const char *question,
                       json_t **answer) HS_MUST_CHECK;

#endif
