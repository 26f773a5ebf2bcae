// SPDX-License-Identifier: Apache-2.0
/* socket_io.c - connecting and sending, with poll. */
#include "roles/client/socket_io.h"

#include "roles/client/session_io.h"
#include "shm/base/time.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SEND_TIMEOUT_MS = 5000, PORT_TEXT_BYTES = 8 };

int hs_socket_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int                fd;
    int                rc;

    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0) return fd;
    rc = -errno;
    (void)close(fd);
    return rc;
}

static int await_events(int fd, short events, uint64_t deadline_ns)
{
    struct pollfd entry = {.fd = fd, .events = events};
    uint64_t      now_ns = hs_client_now_ns();

    while (now_ns < deadline_ns) {
        int rc = poll(&entry, 1, (int)((deadline_ns - now_ns) / HS_NS_PER_MS + 1));

        if (rc > 0) return 1;
        if (rc < 0 && errno != EINTR) return -errno;
        now_ns = hs_client_now_ns();
    }
    return 0;
}

int hs_socket_await(int fd, uint64_t deadline_ns)
{
    return await_events(fd, POLLIN, deadline_ns);
}

static int connect_one(const struct addrinfo *to, uint64_t deadline_ns)
{
    int       one = 1;
    int       failure = 0;
    socklen_t bytes = sizeof failure;
    int       fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int       rc;

    if (fd < 0) return -errno;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    rc = connect(fd, to->ai_addr, to->ai_addrlen) < 0 ? -errno : 0;
    if (rc == -EINPROGRESS) {
        rc = await_events(fd, POLLOUT, deadline_ns);
        if (rc == 0) rc = -ETIMEDOUT;
        if (rc == 1)
            rc = getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &bytes) < 0 ? -errno : -failure;
    }
    if (rc == 0) return fd;
    (void)close(fd);
    return rc;
}

int hs_socket_connect_tcp(const char *host, uint16_t port, uint64_t timeout_ns, struct hs_err *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    uint64_t              deadline_ns = hs_client_now_ns() + timeout_ns;
    struct addrinfo      *found = NULL;
    char                  service[PORT_TEXT_BYTES];
    int                   rc;

    (void)snprintf(service, sizeof service, "%u", port);
    rc = getaddrinfo(host, service, &hints, &found);
    if (rc) {
        (void)hs_err_refuse(err, "%.100s: %s", host, gai_strerror(rc));
        err->code = rc == EAI_AGAIN ? -EAGAIN : -ENOENT;
        return err->code;
    }
    rc = -ENOENT;
    for (const struct addrinfo *to = found; to && rc < 0; to = to->ai_next)
        rc = connect_one(to, deadline_ns);
    freeaddrinfo(found);
    return rc < 0 ? hs_err_set(err, rc, "%.100s:%u", host, port) : rc;
}

int hs_socket_send_all(int fd, const uint8_t *data, size_t bytes)
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
