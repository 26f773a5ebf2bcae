// SPDX-License-Identifier: Apache-2.0
/* discovery.h - when the names among a node's seeds are looked up: "HOST:PORT", whose addresses
 * are all taken, and "srv:_SERVICE._tcp.DOMAIN", whose hosts and ports are. Does not look up
 * (names_io.h), and keeps no address: who asked keeps them, a dialer HS_DISCOVERY_STALE_NS beyond
 * the last answer that had them, a ring until it needs the room, so that names that give a part of
 * their addresses at a time, and name servers that are gone for a while, cost nothing. Pure.
 *
 * An answer is good for as long as its records say, 5 s to 300 s, 30 s if they do not. It is asked
 * for again a minute after the last one, up to five seconds more by chance, or when it ends if that
 * is later; and as soon as it has ended, if an address of it does not answer. A failure is repeated
 * after 30 s, twice as long each time up to 300 s. What a name says is never held against a peer:
 * that the set changes often is worth a warning, no more. */
#ifndef HS_CLUSTER_DISCOVERY_H
#define HS_CLUSTER_DISCOVERY_H

#include "roles/config_hosts.h"
#include "shm/base/rand.h"

enum { HS_DISCOVERY_NAMES_MAX = HS_CONFIG_HOSTS_MAX, HS_DISCOVERY_CHANGES = 6 };
#define HS_DISCOVERY_STALE_NS UINT64_C(3600000000000)

struct hs_discovery_name {
    struct hs_config_host host;
    bool                  is_asked;
    bool                  has_answer;
    uint64_t              due_ns;     /* the next question; while one is out, the end of waiting */
    uint64_t              expires_ns; /* the last answer does */
    uint32_t              failures;   /* in a row */
    uint64_t              set;        /* a digest of the last set of addresses */
    uint64_t              changes_ns[HS_DISCOVERY_CHANGES]; /* the last ones, a ring */
    uint32_t              change_count;
    uint64_t              warned_ns; /* 0: never */
};

struct hs_discovery {
    struct hs_rand           rand;
    unsigned                 count;
    struct hs_discovery_name names[HS_DISCOVERY_NAMES_MAX];
};

/* Of these hosts, those that are names. */
void hs_discovery_init(struct hs_discovery *discovery, const struct hs_config_hosts *hosts,
                       uint64_t seed, uint64_t now_ns);
/* A name whose time has come, now asked for; NULL: none. */
struct hs_discovery_name *hs_discovery_next(struct hs_discovery *discovery, uint64_t now_ns);
/* A question that nobody has answered in 20 s: it has failed, once somebody says so; NULL: none. */
struct hs_discovery_name *hs_discovery_overdue(struct hs_discovery *discovery, uint64_t now_ns);

void hs_discovery_failed(struct hs_discovery_name *name, uint64_t now_ns);
/* ttl_s 0: not known. True: the set changes often, and nobody was told in the last 300 s. */
bool hs_discovery_answered(struct hs_discovery *discovery, struct hs_discovery_name *name,
                           uint64_t now_ns, uint32_t ttl_s, const struct hs_addr *addrs,
                           unsigned count);
/* An address of it does not answer. */
void hs_discovery_wanted(struct hs_discovery_name *name, uint64_t now_ns);

uint64_t hs_discovery_deadline_ns(const struct hs_discovery *discovery);

#endif
