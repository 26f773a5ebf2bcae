// SPDX-License-Identifier: Apache-2.0
/* rate_limit.c - theoretical arrival times, and the table of clients. */
#include "roles/guard/rate_limit.h"

#include "roles/wire.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define IDLE_NS  (300 * HS_NS_PER_S)
#define SWEEP_NS HS_NS_PER_S

enum {
    SWEEPS_OF_TABLE = 60,
    OVERFLOW_TIMES = 10,
    ALL_TIMES = 20,
    STRESSED_DIVISOR = 4,
    LEAST_PER_MINUTE = 10 /* what load leaves, of every operation that it slows down */
};

/* ---- one bucket ---- */

struct pace {
    uint64_t interval_ns; /* between two, for ever */
    uint64_t burst_ns;    /* so far ahead may the arrivals run */
};

static uint64_t wait_ns(uint64_t arrival_ns, const struct pace *pace, uint64_t now_ns)
{
    uint64_t ahead_ns = hs_max_u64(arrival_ns, now_ns) - now_ns;

    return ahead_ns > pace->burst_ns ? ahead_ns - pace->burst_ns : 0;
}

static void take(uint64_t *arrival_ns, const struct pace *pace, uint64_t now_ns)
{
    *arrival_ns = hs_max_u64(*arrival_ns, now_ns) + pace->interval_ns;
}

uint64_t hs_rate_ask_peer(uint64_t *arrival_ns, uint64_t now_ns)
{
    const struct pace pace = {.interval_ns = HS_NS_PER_S / HS_RATE_PEER_PER_S,
                              .burst_ns = HS_NS_PER_S - HS_NS_PER_S / HS_RATE_PEER_PER_S};
    uint64_t          left_ns = wait_ns(*arrival_ns, &pace, now_ns);

    if (!left_ns) take(arrival_ns, &pace, now_ns);
    return left_ns;
}

/* Load makes the intervals longer and leaves the burst as far ahead as it was, so fewer fit into
 * it. Cancels take load away: they are not slowed down. */
static struct pace pace_of(const struct hs_rate_limiter *limiter, enum hs_rate_op op,
                           unsigned times)
{
    uint64_t    max = (uint64_t)limiter->limits.max[op] * times;
    uint64_t    interval_ns = limiter->limits.window_ns / max;
    uint64_t    least_ns = 60 * HS_NS_PER_S / LEAST_PER_MINUTE / times;
    struct pace pace = {.interval_ns = interval_ns, .burst_ns = (max - 1) * interval_ns};

    if (op == HS_RATE_CANCEL || interval_ns > least_ns) return pace;
    if (limiter->load == HS_NODE_DEGRADED)
        pace.interval_ns = hs_min_u64(interval_ns * STRESSED_DIVISOR, least_ns);
    else if (limiter->load == HS_NODE_OVERLOADED)
        pace.interval_ns = least_ns;
    return pace;
}

/* ---- the table ---- */

static uint32_t *bucket_of(struct hs_rate_limiter *limiter, const uint8_t *key)
{
    uint64_t hash = limiter->seed;
    uint64_t word;

    for (size_t i = 0; i < HS_RATE_KEY_BYTES; i += sizeof word) {
        memcpy(&word, key + i, sizeof word);
        hash = (hash ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
        hash ^= hash >> 31U;
    }
    return &limiter->index_1[hash % (uint64_t)HS_RATE_INDEX];
}

static struct hs_rate_client *find(struct hs_rate_limiter *limiter, const uint8_t *key)
{
    for (uint32_t at_1 = *bucket_of(limiter, key); at_1; at_1 = limiter->clients[at_1 - 1].next_1)
        if (memcmp(limiter->clients[at_1 - 1].key, key, HS_RATE_KEY_BYTES) == 0)
            return &limiter->clients[at_1 - 1];
    return NULL;
}

/* NULL: no place. */
static struct hs_rate_client *add(struct hs_rate_limiter *limiter, const uint8_t *key)
{
    uint32_t              *bucket = bucket_of(limiter, key);
    uint32_t               at_1 = limiter->free_1;
    struct hs_rate_client *client;

    if (!at_1 && limiter->high == limiter->limits.clients_max) return NULL;
    if (!at_1) at_1 = ++limiter->high;
    client = &limiter->clients[at_1 - 1];
    if (at_1 == limiter->free_1) limiter->free_1 = client->next_1;
    memset(client, 0, sizeof *client);
    memcpy(client->key, key, sizeof client->key);
    client->next_1 = *bucket;
    *bucket = at_1;
    limiter->count++;
    return client;
}

static void evict(struct hs_rate_limiter *limiter, uint32_t idx)
{
    struct hs_rate_client *client = &limiter->clients[idx];
    uint32_t              *link_1 = bucket_of(limiter, client->key);

    while (*link_1 != idx + 1) {
        HS_ASSERT(*link_1 != 0);
        link_1 = &limiter->clients[*link_1 - 1].next_1;
    }
    *link_1 = client->next_1;
    client->seen_at_ns = 0;
    client->next_1 = limiter->free_1;
    limiter->free_1 = idx + 1;
    limiter->count--;
    limiter->evicted_count++;
}

/* ---- outside ---- */

void hs_rate_init(struct hs_rate_limiter *limiter, const struct hs_rate_limits *limits,
                  uint64_t seed, uint64_t now_ns)
{
    HS_ASSERT(limits->clients_max > 0 && limits->clients_max <= HS_RATE_CLIENTS_MAX);
    HS_ASSERT(limits->window_ns > 0);
    for (unsigned op = HS_RATE_NONE + 1; op < HS_RATE_OP_COUNT; op++)
        HS_ASSERT(limits->max[op] > 0);
    limiter->limits = *limits;
    limiter->seed = seed;
    limiter->swept_at_ns = now_ns;
}

uint64_t hs_rate_ask(struct hs_rate_limiter *limiter, const uint8_t key[HS_RATE_KEY_BYTES],
                     enum hs_rate_op op, uint64_t now_ns)
{
    struct hs_rate_client *client;
    uint64_t              *arrival_ns;
    struct pace            own, all;
    uint64_t               left_ns;

    HS_ASSERT(op < HS_RATE_OP_COUNT);
    if (op == HS_RATE_NONE) return 0;
    client = find(limiter, key);
    if (!client) client = add(limiter, key);
    if (client) client->seen_at_ns = hs_max_u64(now_ns, 1);
    limiter->overflow_count += !client;
    own = pace_of(limiter, op, client ? 1 : OVERFLOW_TIMES);
    all = pace_of(limiter, op, ALL_TIMES);
    arrival_ns = client ? &client->arrival_ns[op] : &limiter->overflow_ns[op];
    left_ns =
        hs_max_u64(wait_ns(*arrival_ns, &own, now_ns), wait_ns(limiter->all_ns[op], &all, now_ns));
    if (left_ns) return left_ns;
    take(arrival_ns, &own, now_ns);
    take(&limiter->all_ns[op], &all, now_ns);
    return 0;
}

uint64_t hs_rate_turn(struct hs_rate_limiter *limiter, uint64_t now_ns)
{
    uint32_t part = limiter->limits.clients_max / SWEEPS_OF_TABLE + 1;
    uint64_t behind = (now_ns - limiter->swept_at_ns) / SWEEP_NS;
    uint64_t visits = hs_min_u64(behind, SWEEPS_OF_TABLE) * part;

    limiter->swept_at_ns += behind * SWEEP_NS;
    for (uint64_t i = 0; i < visits; i++) {
        uint32_t idx = limiter->hand;
        uint64_t seen_at_ns = limiter->clients[idx].seen_at_ns;

        limiter->hand = (idx + 1) % limiter->limits.clients_max;
        if (idx >= limiter->high) limiter->hand = 0;
        if (seen_at_ns && now_ns - seen_at_ns >= IDLE_NS) evict(limiter, idx);
    }
    return limiter->count ? limiter->swept_at_ns + SWEEP_NS : HS_NEVER_NS;
}

enum hs_rate_op hs_rate_op_of(unsigned message_type)
{
    switch (message_type) {
    case HS_MSG_SUBMIT: return HS_RATE_SUBMIT;
    case HS_MSG_STATUS_GET:
    case HS_MSG_JOB_LIST_GET: return HS_RATE_QUERY;
    case HS_MSG_CANCEL: return HS_RATE_CANCEL;
    case HS_MSG_SUBSCRIBE: return HS_RATE_SUBSCRIBE;
    case HS_MSG_RESULTS_GET: return HS_RATE_FETCH;
    case HS_MSG_BLOB_PUT: return HS_RATE_UPLOAD;
    case HS_MSG_EVENT_ACK: return HS_RATE_EVENT_ACK;
    default: return HS_RATE_OTHER;
    }
}
