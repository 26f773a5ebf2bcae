// SPDX-License-Identifier: Apache-2.0
/* owner.c - rendezvous: the heaviest manager for this worker. */
#include "roles/worker/owner.h"

#include "shm/base/rand.h"
#include "shm/base/time.h"

#include <string.h>

enum { GENERATION_SHIFT = 32 };

void hs_owner_init(struct hs_owner *owner, const uint8_t worker[16], uint64_t generation)
{
    *owner = (struct hs_owner){.generation = generation};
    memcpy(owner->worker, worker, sizeof owner->worker);
}

/* Of a manager for this worker: the same on every host, and another order for every worker. */
static uint64_t weight_of(const struct hs_owner *owner, const uint8_t manager[16])
{
    struct hs_rand mix = {0};
    uint64_t       words[4];

    memcpy(words, owner->worker, sizeof owner->worker);
    memcpy(words + 2, manager, 16);
    for (unsigned i = 0; i < 4; i++) mix.state = hs_rand_next(&mix) ^ words[i];
    return hs_rand_next(&mix);
}

static bool is_there(const struct hs_owner_manager *manager, uint64_t now_ns)
{
    return manager->session && now_ns < manager->heard_at_ns + HS_OWNER_SILENCE_NS;
}

static bool is_chosen(const struct hs_owner *owner, const struct hs_owner_manager *manager)
{
    return owner->epoch && memcmp(owner->id, manager->id, sizeof owner->id) == 0;
}

/* The heaviest of those that are there; the one chosen already needs no further proof. */
static const struct hs_owner_manager *find_best(const struct hs_owner         *owner,
                                                const struct hs_owner_manager *managers,
                                                unsigned count, uint64_t now_ns, uint64_t proof_ns,
                                                uint64_t *next_ns)
{
    const struct hs_owner_manager *best = NULL;

    for (unsigned i = 0; i < count; i++) {
        const struct hs_owner_manager *manager = &managers[i];

        if (!is_there(manager, now_ns)) continue;
        *next_ns = hs_min_u64(*next_ns, manager->heard_at_ns + HS_OWNER_SILENCE_NS);
        if (!is_chosen(owner, manager) && now_ns < manager->since_ns + proof_ns) {
            *next_ns = hs_min_u64(*next_ns, manager->since_ns + proof_ns);
            continue;
        }
        if (!best || weight_of(owner, manager->id) > weight_of(owner, best->id)) best = manager;
    }
    return best;
}

static const struct hs_owner_manager *find_chosen(const struct hs_owner         *owner,
                                                  const struct hs_owner_manager *managers,
                                                  unsigned count, uint64_t now_ns)
{
    for (unsigned i = 0; i < count; i++)
        if (is_chosen(owner, &managers[i]) && is_there(&managers[i], now_ns)) return &managers[i];
    return NULL;
}

static bool choose(struct hs_owner *owner, const struct hs_owner_manager *manager)
{
    if (is_chosen(owner, manager) && owner->session == manager->session) return false;
    memcpy(owner->id, manager->id, sizeof owner->id);
    owner->session = manager->session;
    owner->epoch = owner->generation << GENERATION_SHIFT | ++owner->choices;
    return true;
}

bool hs_owner_step(struct hs_owner *owner, uint64_t now_ns, const struct hs_owner_manager *managers,
                   unsigned count, uint64_t *next_ns)
{
    const struct hs_owner_manager *chosen = find_chosen(owner, managers, count, now_ns);
    const struct hs_owner_manager *best;

    *next_ns = HS_NEVER_NS;
    if (chosen) {
        owner->missing_since_ns = 0;
        best = find_best(owner, managers, count, now_ns, HS_OWNER_PROVEN_NS, next_ns);
        return choose(owner, best ? best : chosen);
    }
    if (!owner->missing_since_ns) owner->missing_since_ns = now_ns;
    if (owner->epoch && now_ns < owner->missing_since_ns + HS_OWNER_ABSENCE_NS) {
        *next_ns = owner->missing_since_ns + HS_OWNER_ABSENCE_NS;
        return false;
    }
    best = find_best(owner, managers, count, now_ns, 0, next_ns);
    return best && choose(owner, best);
}
