// SPDX-License-Identifier: Apache-2.0
/* addr.h - an internet address and port, fixed size, so that it can travel in images and messages.
 * Pure. */
#ifndef HS_IPC_ADDR_H
#define HS_IPC_ADDR_H

#include "shm/base/err.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hs_addr_family { HS_ADDR_NONE = 0, HS_ADDR_IPV4 = 4, HS_ADDR_IPV6 = 6 };

struct hs_addr {
    uint8_t  family; /* enum hs_addr_family */
    uint8_t  reserved;
    uint16_t port; /* host byte order */
    uint32_t scope_id;
    uint8_t  bytes[16]; /* network byte order; IPv4 in the first four */
};

enum { HS_ADDR_TEXT_BYTES = 64 };

/* Numeric only ("127.0.0.1", "::1"); names are resolved elsewhere. -EINVAL: not an address. */
int hs_addr_parse(struct hs_addr *addr, const char *host, uint16_t port) HS_MUST_CHECK;
/* An IPv6 socket speaks to IPv4 hosts, too, by addresses of a special form (::ffff:127.0.0.1): into
 * it and out of it; any other stays as it is. */
void hs_addr_map(struct hs_addr *addr);
void hs_addr_unmap(struct hs_addr *addr);
/* "127.0.0.1:80", "[::1]:80", "-" for no address */
void hs_addr_format(const struct hs_addr *addr, char *text, size_t bytes);

/* Same family, bytes and port; a link's scope is known to one host only. */
bool hs_addr_equal(const struct hs_addr *a, const struct hs_addr *b);
/* The network that it stands for where peers are counted: the first 24 bits of an IPv4 address, of
 * one written as IPv6 too; the first 64 of any other. No port. */
void hs_addr_network(const struct hs_addr *addr, struct hs_addr *network);

union hs_addr_sockaddr { /* what bind, connect and getsockname take */
    struct sockaddr     any;
    struct sockaddr_in  ipv4;
    struct sockaddr_in6 ipv6;
};

/* Returns its length; 0: no address. */
unsigned hs_addr_to_sockaddr(const struct hs_addr *addr, union hs_addr_sockaddr *out);
/* -EINVAL: another family. */
int hs_addr_from_sockaddr(struct hs_addr *addr, const union hs_addr_sockaddr *from) HS_MUST_CHECK;

#endif
