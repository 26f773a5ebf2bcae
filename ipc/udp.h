// SPDX-License-Identifier: Apache-2.0
/* udp.h - datagrams in and out of one bound socket. Never waits: what the kernel does not take is
 * dropped and counted, as the network would. Does not know what the bytes mean, and trusts neither
 * them nor the address that they come from. */
#ifndef HS_IPC_UDP_H
#define HS_IPC_UDP_H

#include "ipc/addr.h"
#include "ipc/loop.h"

enum {
    HS_UDP_BYTES_MAX = 1472, /* one Ethernet frame; longer ones are dropped */
    HS_UDP_BATCH = 64 /* taken at one go, so that a flood does not stop the rest of the loop */
};

struct hs_udp_figures { /* cumulative */
    uint64_t received;
    uint64_t received_bytes;
    uint64_t sent;
    uint64_t sent_bytes;
    uint64_t too_long; /* received, and dropped */
    uint64_t unsent;   /* the kernel took it not, or knows no way */
};

struct hs_udp;
/* bytes may be changed, and are valid until the call returns; it may send, not close. */
typedef void hs_udp_fn(struct hs_udp *udp, const struct hs_addr *from, uint8_t *bytes,
                       size_t count);

struct hs_udp {
    struct hs_watch       watch;
    hs_udp_fn            *on_datagram; /* set by the owner before open; the rest is ours */
    bool                  is_ipv6;
    struct hs_udp_figures figures;
    uint8_t               buffer[HS_UDP_BYTES_MAX];
};

/* fd stays the caller's, and lives longer. */
int  hs_udp_open(struct hs_udp *udp, struct hs_loop *loop, int fd) HS_MUST_CHECK;
void hs_udp_close(struct hs_udp *udp); /* no callback after */
void hs_udp_send(struct hs_udp *udp, const struct hs_addr *to, const void *bytes, size_t count);

#endif
