// SPDX-License-Identifier: Apache-2.0
/* udp_io.c - recvfrom and sendto behind a watch, the same over both back ends of the loop: a ring
 * of a hundred members brings a few hundred datagrams a second, and one poll covers a batch of
 * them. */
#include "ipc/udp.h"

#include "shm/base/list.h"

#include <errno.h>
#include <sys/socket.h>

/* false: nothing more is there now. */
static bool receive(struct hs_udp *udp)
{
    union hs_addr_sockaddr sockaddr = {0};
    socklen_t              sockaddr_bytes = sizeof sockaddr;
    struct hs_addr         from;
    int                    flags = MSG_DONTWAIT | MSG_TRUNC;
    ssize_t count = recvfrom(udp->watch.fd, udp->buffer, sizeof udp->buffer, flags, &sockaddr.any,
                             &sockaddr_bytes);

    if (count < 0) return errno == EINTR;
    udp->figures.received++;
    udp->figures.received_bytes += (uint64_t)count;
    if ((size_t)count > sizeof udp->buffer) {
        udp->figures.too_long++;
        return true;
    }
    if (hs_addr_from_sockaddr(&from, &sockaddr)) return true;
    hs_addr_unmap(&from);
    udp->on_datagram(udp, &from, udp->buffer, (size_t)count);
    return true;
}

static void on_readable(struct hs_watch *watch)
{
    struct hs_udp *udp = HS_CONTAINER_OF(watch, struct hs_udp, watch);

    for (int i = 0; i < HS_UDP_BATCH; i++)
        if (!receive(udp)) return;
}

int hs_udp_open(struct hs_udp *udp, struct hs_loop *loop, int fd)
{
    union hs_addr_sockaddr own = {0};
    socklen_t              bytes = sizeof own;

    if (getsockname(fd, &own.any, &bytes)) return -errno;
    udp->is_ipv6 = own.any.sa_family == AF_INET6;
    udp->figures = (struct hs_udp_figures){0};
    udp->watch.on_readable = on_readable;
    return hs_watch_open(loop, &udp->watch, fd);
}

void hs_udp_close(struct hs_udp *udp)
{
    hs_watch_close(&udp->watch);
}

void hs_udp_send(struct hs_udp *udp, const struct hs_addr *to, const void *bytes, size_t count)
{
    struct hs_addr         target = *to;
    union hs_addr_sockaddr sockaddr;
    socklen_t              sockaddr_bytes;
    ssize_t                sent;

    if (udp->is_ipv6) hs_addr_map(&target);
    sockaddr_bytes = (socklen_t)hs_addr_to_sockaddr(&target, &sockaddr);
    do {
        sent = sendto(udp->watch.fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, &sockaddr.any,
                      sockaddr_bytes);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        udp->figures.unsent++;
        return;
    }
    udp->figures.sent++;
    udp->figures.sent_bytes += (uint64_t)sent;
}
