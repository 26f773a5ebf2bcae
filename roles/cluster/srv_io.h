// SPDX-License-Identifier: Apache-2.0
/* srv_io.h - asks the system's name servers what only they know: the hosts and ports of a service
 * (SRV, RFC 2782), and how long an address is good. Waits for them, up to HS_SRV_WAIT_S a question:
 * for a process of its own, or a program that has nothing else to do. Looks no addresses up. */
#ifndef HS_CLUSTER_SRV_IO_H
#define HS_CLUSTER_SRV_IO_H

#include "shm/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum { HS_SRV_TARGETS_MAX = 16, HS_SRV_HOST_BYTES = 254, HS_SRV_WAIT_S = 2 };

struct hs_srv_target {
    uint16_t port;
    uint16_t priority; /* lowest first */
    uint16_t weight;   /* among those of one priority; 0: the least */
    char     host[HS_SRV_HOST_BYTES];
};

struct hs_srv_answer {
    unsigned count; /* by priority; of more than there is room for the last are left out */
    uint32_t ttl_s; /* of the record that is good for the shortest time */
    struct hs_srv_target targets[HS_SRV_TARGETS_MAX];
};

/* 0; -ENOENT: there is no such service, or it says that it is not offered; -EAGAIN: no name server
 * answers; -EPROTO: one answers nonsense. */
int hs_srv_look_up(const char *name, struct hs_srv_answer *answer) HS_MUST_CHECK;
/* Of a host's address records, of IPv6 or IPv4; 0: not known. */
uint32_t hs_srv_host_ttl_s(const char *host, bool is_ipv6);

#endif
