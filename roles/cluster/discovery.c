// SPDX-License-Identifier: Apache-2.0
/* discovery.c - a clock for each name. */
#include "roles/cluster/discovery.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

enum { TTL_MIN_S = 5, TTL_MAX_S = 300, TTL_UNKNOWN_S = 30, DOUBLINGS_MAX = 4 };
#define FAILURE_MIN_NS    (30 * HS_NS_PER_S)
#define FAILURE_MAX_NS    (300 * HS_NS_PER_S)
#define REFRESH_NS        (60 * HS_NS_PER_S)
#define REFRESH_JITTER_NS (5 * HS_NS_PER_S)
#define TIMEOUT_NS        (20 * HS_NS_PER_S)
#define CHANGES_WITHIN_NS (300 * HS_NS_PER_S)

void hs_discovery_init(struct hs_discovery *discovery, const struct hs_config_hosts *hosts,
                       uint64_t seed, uint64_t now_ns)
{
    memset(discovery, 0, sizeof *discovery);
    hs_rand_init(&discovery->rand, seed);
    for (uint32_t i = 0; i < hosts->count; i++) {
        struct hs_discovery_name *name = &discovery->names[discovery->count];
        int                       rc;

        memset(name, 0, sizeof *name);
        rc = hs_config_parse_host(hs_view_text(hosts->at[i]), &name->host);
        HS_ASSERT(rc == 0); /* the image was checked */
        if (name->host.addr.family != HS_ADDR_NONE) continue;
        name->due_ns = now_ns;
        discovery->count++;
    }
}

struct hs_discovery_name *hs_discovery_next(struct hs_discovery *discovery, uint64_t now_ns)
{
    for (unsigned i = 0; i < discovery->count; i++) {
        struct hs_discovery_name *name = &discovery->names[i];

        if (name->is_asked || now_ns < name->due_ns) continue;
        name->is_asked = true;
        name->due_ns = now_ns + TIMEOUT_NS;
        return name;
    }
    return NULL;
}

struct hs_discovery_name *hs_discovery_overdue(struct hs_discovery *discovery, uint64_t now_ns)
{
    for (unsigned i = 0; i < discovery->count; i++)
        if (discovery->names[i].is_asked && now_ns >= discovery->names[i].due_ns)
            return &discovery->names[i];
    return NULL;
}

void hs_discovery_failed(struct hs_discovery_name *name, uint64_t now_ns)
{
    uint64_t doublings = hs_min_u64(name->failures, DOUBLINGS_MAX);

    name->is_asked = false;
    name->due_ns = now_ns + hs_min_u64(FAILURE_MIN_NS << doublings, FAILURE_MAX_NS);
    if (name->failures < UINT32_MAX) name->failures++;
}

/* The same for the same addresses, whatever their order: the sum of what each comes to. */
static uint64_t digest(const struct hs_addr *addrs, unsigned count)
{
    uint64_t sum = count;

    for (unsigned i = 0; i < count; i++) {
        uint64_t word = addrs[i].port;

        for (size_t at = 0; at < sizeof addrs[i].bytes; at++) {
            struct hs_rand mixer;

            hs_rand_init(&mixer, word ^ addrs[i].bytes[at]);
            word = hs_rand_next(&mixer);
        }
        sum += word;
    }
    return sum;
}

/* More than five within 300 s: the sixth last is not older. */
static bool changes_often(struct hs_discovery_name *name, uint64_t now_ns)
{
    unsigned at = name->change_count++ % HS_DISCOVERY_CHANGES;
    uint64_t sixth_last_ns = name->changes_ns[(at + 1) % HS_DISCOVERY_CHANGES];

    name->changes_ns[at] = now_ns;
    if (name->change_count < HS_DISCOVERY_CHANGES || now_ns - sixth_last_ns > CHANGES_WITHIN_NS)
        return false;
    if (name->warned_ns && now_ns - name->warned_ns < CHANGES_WITHIN_NS) return false;
    name->warned_ns = now_ns;
    return true;
}

bool hs_discovery_answered(struct hs_discovery *discovery, struct hs_discovery_name *name,
                           uint64_t now_ns, uint32_t ttl_s, const struct hs_addr *addrs,
                           unsigned count)
{
    uint64_t good_s = hs_max_u64(TTL_MIN_S, hs_min_u64(ttl_s ? ttl_s : TTL_UNKNOWN_S, TTL_MAX_S));
    uint64_t set = digest(addrs, count);
    bool     has_changed = name->has_answer && set != name->set;

    name->is_asked = false;
    name->has_answer = true;
    name->failures = 0;
    name->set = set;
    name->expires_ns = now_ns + good_s * HS_NS_PER_S;
    name->due_ns = hs_max_u64(name->expires_ns, now_ns + REFRESH_NS) +
                   hs_rand_below(&discovery->rand, REFRESH_JITTER_NS);
    return has_changed && changes_often(name, now_ns);
}

void hs_discovery_wanted(struct hs_discovery_name *name, uint64_t now_ns)
{
    if (name->is_asked || name->failures) return;
    name->due_ns = hs_min_u64(name->due_ns, hs_max_u64(now_ns, name->expires_ns));
}

uint64_t hs_discovery_deadline_ns(const struct hs_discovery *discovery)
{
    uint64_t next_ns = HS_NEVER_NS;

    for (unsigned i = 0; i < discovery->count; i++)
        next_ns = hs_min_u64(next_ns, discovery->names[i].due_ns);
    return next_ns;
}
