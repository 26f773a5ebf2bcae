// SPDX-License-Identifier: Apache-2.0
/* resolver_io.c - getaddrinfo and SRV records, the answer in the project's own form. */
#include "roles/resolver/resolver_io.h"

#include "ipc/addr.h"
#include "roles/cluster/srv_io.h"
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

static void take(struct hs_resolver_answer *answer, const struct addrinfo *info, uint16_t port)
{
    union hs_addr_sockaddr sockaddr;
    struct hs_addr         addr;

    if (answer->count == HS_ADDRESSES_MAX || info->ai_addrlen > sizeof sockaddr) return;
    memset(&sockaddr, 0, sizeof sockaddr);
    memcpy(&sockaddr, info->ai_addr, info->ai_addrlen);
    if (hs_addr_from_sockaddr(&addr, &sockaddr) != 0) return;
    addr.port = port;
    if (!is_known(answer, &addr)) answer->addrs[answer->count++] = addr;
}

/* RFC 6761 6.3: this name is the host itself, also where no file and no server says so. */
static const char *loopback_if_local(const char *host)
{
    return strcasecmp(host, "localhost") == 0 || strcasecmp(host, "localhost.") == 0 ? "127.0.0.1"
                                                                                     : NULL;
}

/* Adds the addresses of a host, with that port. */
static int look_up(const char *host, uint16_t port, struct hs_resolver_answer *answer)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo      *list = NULL;
    int                   failure = getaddrinfo(host, NULL, &hints, &list);

    if (failure && loopback_if_local(host))
        failure = getaddrinfo(loopback_if_local(host), NULL, &hints, &list);
    if (failure) return code_of(failure);
    for (const struct addrinfo *info = list; info; info = info->ai_next) take(answer, info, port);
    freeaddrinfo(list);
    return answer->count ? 0 : -ENOENT;
}

/* One that cannot be found does not hide the others. */
static int look_up_service(const char *name, struct hs_resolver_answer *answer)
{
    struct hs_srv_answer service;
    int                  failure = -ENOENT;
    int                  rc = hs_srv_look_up(name, &service);

    if (rc) return rc;
    for (unsigned i = 0; i < service.count; i++) {
        rc = look_up(service.targets[i].host, service.targets[i].port, answer);
        if (rc) failure = rc;
    }
    answer->ttl_s = service.ttl_s;
    return answer->count ? 0 : failure;
}

/* What follows the prefix; NULL: it is not there. */
static const char *behind(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : NULL;
}

int hs_resolver_main(int fd, const char *name)
{
    const char               *service = behind(name, HS_RESOLVER_SRV);
    const char               *seed = behind(name, HS_RESOLVER_SEED);
    struct hs_resolver_answer answer;

    memset(&answer, 0, sizeof answer);
    answer.code =
        service ? look_up_service(service, &answer) : look_up(seed ? seed : name, 0, &answer);
    if (seed && !answer.code && !loopback_if_local(seed))
        answer.ttl_s = hs_srv_host_ttl_s(seed, answer.addrs[0].family == HS_ADDR_IPV6);
    return send(fd, &answer, sizeof answer, MSG_NOSIGNAL) == (ssize_t)sizeof answer ? 0 : 1;
}
