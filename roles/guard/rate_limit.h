// SPDX-License-Identifier: Apache-2.0
/* rate_limit.h - how often a client may ask for what, so that one that asks too much takes nothing
 * from the others. One moment per client and operation: the theoretical arrival time of the
 * generic cell rate algorithm, equal to a token bucket of `max` tokens that fills in `window`.
 * Clients are known by who they are (user, certificate), never by a port or a name that they
 * choose. Pure. (control 4)
 *
 * The table has a bound: a client that finds it full shares one set of buckets, ten times as large,
 * with all others that do; nobody who is active is thrown out for a newcomer, for that would hand
 * him a fresh burst. Who was idle for 300 s goes, within a minute, by hs_rate_turn. */
#ifndef HS_GUARD_RATE_LIMIT_H
#define HS_GUARD_RATE_LIMIT_H

#include "roles/node_tables.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HS_RATE_CLIENTS_MAX = 10000,
    HS_RATE_INDEX = 16384, /* buckets of the index; a power of two */
    HS_RATE_KEY_BYTES = 16,
    HS_RATE_PEER_PER_S = 2000 /* frames of another role; as many at once */
};

enum hs_rate_op {
    HS_RATE_NONE, /* not limited by itself */
    HS_RATE_SUBMIT,
    HS_RATE_QUERY, /* status, list */
    HS_RATE_CANCEL,
    HS_RATE_SUBSCRIBE,
    HS_RATE_FETCH,  /* a piece of results */
    HS_RATE_UPLOAD, /* a piece of a plan */
    HS_RATE_EVENT_ACK,
    HS_RATE_OTHER,
    HS_RATE_OP_COUNT
};

struct hs_rate_limits {
    uint32_t clients_max; /* at most HS_RATE_CLIENTS_MAX */
    uint64_t window_ns;
    uint32_t max[HS_RATE_OP_COUNT]; /* in a window */
};

struct hs_rate_client {
    uint8_t  key[HS_RATE_KEY_BYTES];
    uint64_t seen_at_ns; /* 0: free */
    uint64_t arrival_ns[HS_RATE_OP_COUNT];
    uint32_t next_1; /* in its bucket of the index, or the free list; 0: the last */
};

struct hs_rate_limiter { /* of the caller; zeroed pages cost nothing until they are used */
    struct hs_rate_limits limits;
    enum hs_node_load     load; /* of this process: what fills the buckets slows down with it */
    uint64_t              seed; /* of the index */
    uint64_t              swept_at_ns;
    uint32_t              hand;
    uint32_t              count;
    uint32_t              high; /* slots from here on were never used */
    uint32_t              free_1;
    uint64_t              evicted_count;  /* idle for too long */
    uint64_t              overflow_count; /* asked by clients that found no place */
    uint64_t              overflow_ns[HS_RATE_OP_COUNT];
    uint64_t              all_ns[HS_RATE_OP_COUNT]; /* of all clients together: 20 times as much */
    uint32_t              index_1[HS_RATE_INDEX];
    struct hs_rate_client clients[HS_RATE_CLIENTS_MAX];
};

void hs_rate_init(struct hs_rate_limiter *limiter, const struct hs_rate_limits *limits,
                  uint64_t seed, uint64_t now_ns);
/* 0: go on; else how long to wait: the same question is admitted then, not before. */
uint64_t hs_rate_ask(struct hs_rate_limiter *limiter, const uint8_t key[HS_RATE_KEY_BYTES],
                     enum hs_rate_op op, uint64_t now_ns);
/* Throws out who was idle, a sixtieth of the table a second; the next moment. */
uint64_t hs_rate_turn(struct hs_rate_limiter *limiter, uint64_t now_ns);

/* What a client does by sending a message of this type. */
enum hs_rate_op hs_rate_op_of(unsigned message_type);
/* Another role on its link: 0, or how long to wait. arrival_ns belongs to the link. */
uint64_t hs_rate_ask_peer(uint64_t *arrival_ns, uint64_t now_ns);

#endif
