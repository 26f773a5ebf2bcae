// SPDX-License-Identifier: Apache-2.0
/* control_io.c - one record, perhaps one descriptor, per packet. */
#include "roles/control_io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int hs_control_send(int fd, const struct hs_control_record *record, int pass_fd)
{
    _Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(sizeof(int))] = {0};
    struct hs_control_record      copy = *record;
    struct iovec                  iov = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr                 message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (pass_fd >= 0) {
        struct cmsghdr *head;

        message.msg_control = ancillary;
        message.msg_controllen = sizeof ancillary;
        head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &pass_fd, sizeof pass_fd);
    }
    if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) return -ENOBUFS;
    return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

/* Descriptors that came along: the first is kept, more than one is nonsense and closed. */
static bool take_descriptors(struct msghdr *message, int *passed_fd)
{
    unsigned count = 0;

    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        size_t bytes = head->cmsg_len - CMSG_LEN(0);

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        for (size_t at = 0; at + sizeof(int) <= bytes; at += sizeof(int)) {
            int fd;

            memcpy(&fd, CMSG_DATA(head) + at, sizeof fd);
            if (count++ == 0)
                *passed_fd = fd;
            else
                (void)close(fd);
        }
    }
    return count <= 1 && !(message->msg_flags & MSG_CTRUNC);
}

int hs_control_recv(int fd, enum hs_role_kind sender, struct hs_control_record *record,
                    int *passed_fd)
{
    _Alignas(struct cmsghdr) char ancillary[CMSG_SPACE(2 * sizeof(int))];
    struct iovec                  iov = {.iov_base = record, .iov_len = sizeof *record};
    struct msghdr                 message = {.msg_iov = &iov,
                                             .msg_iovlen = 1,
                                             .msg_control = ancillary,
                                             .msg_controllen = sizeof ancillary};
    ssize_t                       bytes;
    bool                          is_whole;
    bool                          is_reset = false;

    *passed_fd = -1;
    /* A peer that ends without having read all is told of once, before the last it has said. */
    do {
        bytes = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (bytes < 0 && errno == ECONNRESET && is_reset) break;
        is_reset = is_reset || (bytes < 0 && errno == ECONNRESET);
    } while (bytes < 0 && (errno == EINTR || errno == ECONNRESET));
    if (bytes < 0) return errno == ECONNRESET ? 0 : errno == EAGAIN ? -EAGAIN : -EIO;
    if (bytes == 0) return 0;
    is_whole = take_descriptors(&message, passed_fd) && !(message.msg_flags & MSG_TRUNC);
    if (is_whole && hs_control_check(record, (size_t)bytes, *passed_fd >= 0, sender) == 0) return 1;
    if (*passed_fd >= 0) (void)close(*passed_fd);
    *passed_fd = -1;
    return -EPROTO;
}
