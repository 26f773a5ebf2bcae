// SPDX-License-Identifier: Apache-2.0
/* status_line_io.c - the daemon's status socket, from the asker's end. */
#include "roles/client/status_line_io.h"

#include "roles/client/socket_io.h"
#include "roles/client/top.h"
#include "roles/printable.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_MS = 5000 };

int hs_status_line_open(struct hs_status_line *line, const char *path)
{
    line->used_bytes = 0;
    line->refusal[0] = '\0';
    line->fd = hs_socket_connect_unix(path);
    return line->fd < 0 ? line->fd : 0;
}

void hs_status_line_close(struct hs_status_line *line)
{
    if (line->fd >= 0) (void)close(line->fd);
    line->fd = -1;
}

/* One question, one answer, which ends with a line feed; *end is where. */
static int exchange(struct hs_status_line *line, const char *question, char **end)
{
    bool is_cut = false;

    /* Whoever is turned away hears why, though nobody waits for his question. */
    if (send(line->fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question))
        is_cut = true;
    line->used_bytes = 0;
    while (line->used_bytes < HS_STATUS_ANSWER_BYTES_MAX) {
        struct pollfd ready[2] = {{.fd = line->fd, .events = POLLIN},
                                  {.fd = line->signal_fd, .events = POLLIN}};
        ssize_t       got;

        int rc = poll(ready, 2, ANSWER_TIMEOUT_MS);

        if (rc == 0) return -ETIMEDOUT;
        if (rc < 0 && errno == EINTR) continue;
        if (ready[1].revents) return -EINTR; /* whoever waits for signals has one */
        got = recv(line->fd, line->bytes + line->used_bytes,
                   HS_STATUS_ANSWER_BYTES_MAX - line->used_bytes, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return is_cut ? -EPIPE : -ECONNRESET;
        *end = memchr(line->bytes + line->used_bytes, '\n', (size_t)got);
        line->used_bytes += (size_t)got;
        if (*end) return 0;
    }
    return -EMSGSIZE;
}

int hs_status_line_ask(struct hs_status_line *line, const char *question, json_t **answer)
{
    char       *end = NULL;
    const char *refusal;
    int         rc = exchange(line, question, &end);

    *answer = rc < 0 ? NULL : json_loadb(line->bytes, (size_t)(end - line->bytes), 0, NULL);
    if (rc < 0) return rc;
    if (!*answer) return -EPROTO;
    refusal = hs_top_refusal(*answer);
    if (!refusal) return 0;
    (void)snprintf(line->refusal, sizeof line->refusal, "%s", refusal);
    hs_make_printable(line->refusal, strlen(line->refusal));
    return -EACCES;
}
