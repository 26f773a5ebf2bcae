// SPDX-License-Identifier: Apache-2.0
/* addr.c - numeric internet addresses: from text, to text, to what the kernel wants. */
#include "ipc/addr.h"

#include "shm/base/assert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

HS_STATIC_ASSERT(sizeof(struct hs_addr) == 24, "travels in images and messages");

/* "%7" after an address names an interface by number; names would need the kernel. */
static int parse_scope(const char *text, uint32_t *scope_id)
{
    uint64_t value = 0;

    if (!*text) return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return -EINVAL;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX) return -EINVAL;
    }
    *scope_id = (uint32_t)value;
    return 0;
}

static int parse_ipv6(struct hs_addr *addr, const char *host)
{
    char        text[INET6_ADDRSTRLEN];
    const char *percent = strchr(host, '%');
    size_t      bytes = percent ? (size_t)(percent - host) : strlen(host);

    if (bytes >= sizeof text) return -EINVAL;
    if (percent && parse_scope(percent + 1, &addr->scope_id)) return -EINVAL;
    memcpy(text, host, bytes);
    text[bytes] = '\0';
    if (inet_pton(AF_INET6, text, addr->bytes) != 1) return -EINVAL;
    addr->family = HS_ADDR_IPV6;
    return 0;
}

int hs_addr_parse(struct hs_addr *addr, const char *host, uint16_t port)
{
    struct hs_addr found = {.port = port};
    int            rc = 0;

    if (inet_pton(AF_INET, host, found.bytes) == 1)
        found.family = HS_ADDR_IPV4;
    else
        rc = parse_ipv6(&found, host);
    if (rc) return rc;
    *addr = found;
    return 0;
}

enum { IPV4_BYTES = 4, IPV4_NETWORK_BYTES = 3, IPV6_NETWORK_BYTES = 8 };
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void hs_addr_map(struct hs_addr *addr)
{
    if (addr->family != HS_ADDR_IPV4) return;
    addr->family = HS_ADDR_IPV6;
    memcpy(addr->bytes + sizeof mapped, addr->bytes, IPV4_BYTES);
    memcpy(addr->bytes, mapped, sizeof mapped);
}

void hs_addr_unmap(struct hs_addr *addr)
{
    if (addr->family != HS_ADDR_IPV6 || memcmp(addr->bytes, mapped, sizeof mapped) != 0) return;
    addr->family = HS_ADDR_IPV4;
    memcpy(addr->bytes, addr->bytes + sizeof mapped, IPV4_BYTES);
    memset(addr->bytes + IPV4_BYTES, 0, sizeof addr->bytes - IPV4_BYTES);
}

void hs_addr_format(const struct hs_addr *addr, char *text, size_t bytes)
{
    char     host[INET6_ADDRSTRLEN] = "";
    unsigned port = addr->port;

    if (addr->family == HS_ADDR_IPV4) {
        (void)inet_ntop(AF_INET, addr->bytes, host, sizeof host);
        (void)snprintf(text, bytes, "%s:%u", host, port);
    } else if (addr->family == HS_ADDR_IPV6) {
        (void)inet_ntop(AF_INET6, addr->bytes, host, sizeof host);
        if (addr->scope_id)
            (void)snprintf(text, bytes, "[%s%%%u]:%u", host, (unsigned)addr->scope_id, port);
        else
            (void)snprintf(text, bytes, "[%s]:%u", host, port);
    } else {
        (void)snprintf(text, bytes, "-");
    }
}

bool hs_addr_equal(const struct hs_addr *a, const struct hs_addr *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void hs_addr_network(const struct hs_addr *addr, struct hs_addr *network)
{
    struct hs_addr whole = *addr;

    hs_addr_unmap(&whole);
    *network = (struct hs_addr){.family = whole.family};
    if (whole.family != HS_ADDR_NONE)
        memcpy(network->bytes, whole.bytes,
               whole.family == HS_ADDR_IPV4 ? IPV4_NETWORK_BYTES : IPV6_NETWORK_BYTES);
}

unsigned hs_addr_to_sockaddr(const struct hs_addr *addr, union hs_addr_sockaddr *out)
{
    memset(out, 0, sizeof *out);
    if (addr->family == HS_ADDR_IPV4) {
        out->ipv4.sin_family = AF_INET;
        out->ipv4.sin_port = htons(addr->port);
        memcpy(&out->ipv4.sin_addr, addr->bytes, 4);
        return sizeof out->ipv4;
    }
    if (addr->family == HS_ADDR_IPV6) {
        out->ipv6.sin6_family = AF_INET6;
        out->ipv6.sin6_port = htons(addr->port);
        out->ipv6.sin6_scope_id = addr->scope_id;
        memcpy(&out->ipv6.sin6_addr, addr->bytes, 16);
        return sizeof out->ipv6;
    }
    return 0;
}

int hs_addr_from_sockaddr(struct hs_addr *addr, const union hs_addr_sockaddr *from)
{
    struct hs_addr found = {0};

    if (from->any.sa_family == AF_INET) {
        found.family = HS_ADDR_IPV4;
        found.port = ntohs(from->ipv4.sin_port);
        memcpy(found.bytes, &from->ipv4.sin_addr, 4);
    } else if (from->any.sa_family == AF_INET6) {
        found.family = HS_ADDR_IPV6;
        found.port = ntohs(from->ipv6.sin6_port);
        found.scope_id = from->ipv6.sin6_scope_id;
        memcpy(found.bytes, &from->ipv6.sin6_addr, 16);
    } else {
        return -EINVAL;
    }
    *addr = found;
    return 0;
}
