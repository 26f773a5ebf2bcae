// SPDX-License-Identifier: Apache-2.0
/* resolver_io.c - getaddrinfo, its answer in the project's own form. */
#include "roles/resolver/resolver_io.h"

#include "ipc/addr.h"
#include "roles/resolver_answer.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static int code_of(int failure)
{
    switch (failure) {
    case 0: return 0;
    case EAI_NONAME:
    case EAI_NODATA: return -ENOENT;
    case EAI_AGAIN: return -EAGAIN;
    case EAI_MEMORY: return -ENOMEM;
    default: return -EIO;
    }
}

static bool is_known(const struct hs_resolver_answer *answer, const struct hs_addr *addr)
{
    for (uint32_t i = 0; i < answer->count; i++)
        if (memcmp(&answer->addrs[i], addr, sizeof *addr) == 0) return true;
    return false;
}

static void take(struct hs_resolver_answer *answer, const struct addrinfo *info)
{
    union hs_addr_sockaddr sockaddr;
    struct hs_addr         addr;

    if (answer->count == HS_ADDRESSES_MAX || info->ai_addrlen > sizeof sockaddr) return;
    memset(&sockaddr, 0, sizeof sockaddr);
    memcpy(&sockaddr, info->ai_addr, info->ai_addrlen);
    if (hs_addr_from_sockaddr(&addr, &sockaddr) == 0 && !is_known(answer, &addr))
        answer->addrs[answer->count++] = addr;
}

/* RFC 6761 6.3: this name is the host itself, also where no file and no server says so. */
static const char *loopback_if_local(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0 ? "127.0.0.1"
                                                                                     : NULL;
}

int hs_resolver_main(int fd, const char *host)
{
    const struct addrinfo     hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo          *list = NULL;
    struct hs_resolver_answer answer;
    int                       failure;

    memset(&answer, 0, sizeof answer);
    failure = getaddrinfo(host, NULL, &hints, &list);
    if (failure && loopback_if_local(host))
        failure = getaddrinfo(loopback_if_local(host), NULL, &hints, &list);
    answer.code = code_of(failure);
    if (answer.code == 0) {
        for (const struct addrinfo *info = list; info; info = info->ai_next) take(&answer, info);
        freeaddrinfo(list);
        if (!answer.count) answer.code = -ENOENT;
    }
    return send(fd, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer ? 0 : 1;
}
