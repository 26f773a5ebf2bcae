// SPDX-License-Identifier: Apache-2.0
/* client_link_io.c - frames over one socket, with poll. */
#include "roles/client/client_link_io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEND_TIMEOUT_MS = 5000 };

int hs_client_link_init(struct hs_client_link *link)
{
    memset(link, 0, sizeof *link);
    link->fd = -1;
    link->received = malloc(HS_FRAME_BYTES_MAX);
    link->sending = malloc(HS_FRAME_BYTES_MAX);
    return link->received && link->sending ? 0 : -ENOMEM;
}

void hs_client_link_fini(struct hs_client_link *link)
{
    hs_client_link_close(link);
    free(link->received);
    free(link->sending);
    link->received = link->sending = NULL;
}

void hs_client_link_close(struct hs_client_link *link)
{
    if (link->fd >= 0) (void)close(link->fd);
    link->fd = -1;
    link->used_bytes = link->taken_bytes = 0;
}

void hs_client_link_take(struct hs_client_link *link, int fd)
{
    hs_client_link_close(link);
    link->fd = fd;
}

int hs_client_link_connect(struct hs_client_link *link, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd;

    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        int rc = -errno;

        (void)close(fd);
        return rc;
    }
    hs_client_link_take(link, fd);
    return 0;
}

static int send_all(int fd, const uint8_t *data, size_t bytes)
{
    size_t at = 0;

    while (at < bytes) {
        ssize_t sent = send(fd, data + at, bytes - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            at += (size_t)sent;
        } else if (errno == EAGAIN) {
            struct pollfd writable = {.fd = fd, .events = POLLOUT};

            if (poll(&writable, 1, SEND_TIMEOUT_MS) == 0) return -ETIMEDOUT;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int hs_client_link_send(struct hs_client_link *link, enum hs_msg_type type, const void *message)
{
    struct hs_frame  frame = {.type = (uint16_t)type, .version = HS_FRAME_VERSION};
    struct hs_writer writer;
    int              rc;

    if (link->fd < 0) return -ENOTCONN;
    hs_writer_init(&writer, link->sending + HS_FRAME_HEADER_BYTES, HS_FRAME_BODY_BYTES_MAX);
    rc = hs_wire_encode(type, message, &writer);
    if (rc < 0) return rc;
    frame.request_id = ++link->next_request_id;
    frame.body = hs_view_of(writer.data, writer.used_bytes);
    hs_frame_put_header(link->sending, &frame);
    return send_all(link->fd, link->sending, HS_FRAME_HEADER_BYTES + writer.used_bytes);
}

/* The frame that was handed out last makes room. */
static void forget_taken(struct hs_client_link *link)
{
    if (!link->taken_bytes) return;
    link->used_bytes -= link->taken_bytes;
    memmove(link->received, link->received + link->taken_bytes, link->used_bytes);
    link->taken_bytes = 0;
}

static int fill(struct hs_client_link *link)
{
    ssize_t got;

    do {
        got = recv(link->fd, link->received + link->used_bytes,
                   HS_FRAME_BYTES_MAX - link->used_bytes, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got <= 0) return -ECONNRESET;
    link->used_bytes += (size_t)got;
    return 1;
}

int hs_client_link_receive(struct hs_client_link *link, enum hs_msg_type *type,
                           union hs_msg *message)
{
    struct hs_frame frame;
    size_t          need_bytes;

    if (link->fd < 0) return -ENOTCONN;
    forget_taken(link);
    for (;;) {
        int taken =
            hs_frame_parse(hs_view_of(link->received, link->used_bytes), &frame, &need_bytes);
        int rc;

        if (taken < 0) return -EPROTO;
        if (taken == 0) {
            rc = fill(link);
            if (rc <= 0) return rc;
            continue;
        }
        link->taken_bytes = (size_t)taken;
        rc = hs_wire_open(&frame, HS_ROLE_GATE, HS_ROLE_CLIENT, message);
        if (rc == 0) {
            *type = (enum hs_msg_type)frame.type;
            return 1;
        }
        if (rc == -EPROTO) return rc;
        forget_taken(link); /* something that newer gates say */
    }
}
