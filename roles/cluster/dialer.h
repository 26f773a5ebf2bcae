// SPDX-License-Identifier: Apache-2.0
/* dialer.h - to which peers a node keeps a connection, one each: when it tries, and how long it
 * waits after it was in vain. A worker dials the managers of its datacenter, a manager the gates:
 * the addresses of its list for ever, those that a name meant as long as they are connected, and
 * HS_DISCOVERY_STALE_NS after the name meant them last; when there are too many, whoever was
 * meant longest ago and is not connected gives way. Does not connect, nor look names up:
 * dialer_io.c. Pure.
 *
 * After a failure a peer is left alone for 0.5 s, twice as long each time up to 15 s, a quarter
 * more or less by chance, so that a thousand workers do not come back in one moment. A connection
 * must have lasted a while to count as a success: one that is refused at once is a failure. */
#ifndef HS_CLUSTER_DIALER_H
#define HS_CLUSTER_DIALER_H

#include "ipc/addr.h"
#include "roles/cluster/discovery.h"
#include "shm/base/rand.h"

enum { HS_DIALER_PEERS_MAX = HS_CONFIG_HOSTS_MAX };
#define HS_DIALER_BACKOFF_MIN_NS  UINT64_C(500000000)
#define HS_DIALER_BACKOFF_MAX_NS  UINT64_C(15000000000)
#define HS_DIALER_START_JITTER_NS UINT64_C(100000000)
#define HS_DIALER_LASTING_NS      UINT64_C(5000000000) /* then the connection was a good one */

enum { HS_DIALER_LISTED = 0xff }; /* in place of a name's number */

enum hs_dialer_state {
    HS_DIALER_FREE,    /* the slot is of nobody */
    HS_DIALER_WAITING, /* for its moment */
    HS_DIALER_TRYING,
    HS_DIALER_UP,
    HS_DIALER_SELF /* it is this host, or one that another entry has already */
};

struct hs_dialer_peer {
    enum hs_dialer_state state;
    uint8_t              name_idx; /* which has meant it; HS_DIALER_LISTED: none */
    struct hs_addr       addr;
    uint64_t             meant_at_ns;
    uint64_t             due_at_ns; /* WAITING, SELF */
    uint64_t             up_at_ns;
    uint64_t             wait_ns; /* the next one's middle */
    uint32_t             tries;   /* of the slot */
};

struct hs_dialer {
    struct hs_rand        rand;
    struct hs_addr        own;
    unsigned              count; /* slots that were ever used */
    struct hs_dialer_peer peers[HS_DIALER_PEERS_MAX];
};

/* Those of the hosts that are addresses. own: an address that is this host's and never dialled;
 * family NONE: there is none. */
void hs_dialer_init(struct hs_dialer *dialer, const struct hs_config_hosts *hosts,
                    const struct hs_addr *own, uint64_t seed, uint64_t now_ns);

/* A name means this address, still or from now on. False: there is no room for it. */
bool hs_dialer_add(struct hs_dialer *dialer, const struct hs_addr *addr, unsigned name_idx,
                   uint64_t now_ns);

/* A ticket names one try of one peer; never 0, and of no use once that try is over. */
struct hs_dialer_try {
    uint64_t       ticket;
    struct hs_addr addr;
};
/* A peer whose moment has come, now being tried; false: none. One of the following must come of
 * it. */
bool hs_dialer_next(struct hs_dialer *dialer, uint64_t now_ns, struct hs_dialer_try *next);
void hs_dialer_entered(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns);
/* It came to nothing, or, once entered, has ended. */
void hs_dialer_ended(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns);
/* Found to be this host itself, or a peer that is connected already: asked again in a while, since
 * hosts move. */
void hs_dialer_is_self(struct hs_dialer *dialer, uint64_t ticket, uint64_t now_ns);

/* How long to wait now, after a connection that has lasted so long (0: it never came about).
 * *wait_ns: the middle of it, and of the next one's. */
uint64_t hs_dialer_backoff_ns(struct hs_rand *rand, uint64_t *wait_ns, uint64_t lasted_ns);

/* The peer of a ticket that is still good; NULL: of an earlier try. */
const struct hs_dialer_peer *hs_dialer_find(const struct hs_dialer *dialer, uint64_t ticket);
uint64_t                     hs_dialer_deadline_ns(const struct hs_dialer *dialer);

#endif
