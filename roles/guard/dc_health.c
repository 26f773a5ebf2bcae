// SPDX-License-Identifier: Apache-2.0
/* dc_health.c - from facts to a state, and from states to one that lasts. */
#include "roles/guard/dc_health.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <string.h>

#define INITIAL_NS     (60 * HS_NS_PER_S)
#define UNHEALTHY_NS   (5 * HS_NS_PER_S)
#define BETTER_NS      (10 * HS_NS_PER_S)
#define RECOVERED_NS   (30 * HS_NS_PER_S)
#define FLAP_WINDOW_NS (120 * HS_NS_PER_S)
#define FLAP_QUIET_NS  (300 * HS_NS_PER_S)
HS_STATIC_ASSERT(HS_DC_ALIVE_NS == 30 * HS_NS_PER_S, "a header has no other units");
HS_STATIC_ASSERT(HS_DC_STALE_NS == 15 * HS_NS_PER_S, "a header has no other units");

static bool is_majority(uint32_t alive, uint32_t known)
{
    return alive >= known / 2 + 1;
}

static bool is_share(uint32_t part, uint32_t whole, uint32_t percent)
{
    return whole && (uint64_t)part * 100 >= (uint64_t)whole * percent;
}

static bool is_degraded(const struct hs_dc_facts *facts)
{
    return !is_majority(facts->workers_alive, facts->workers) ||
           !is_majority(facts->managers_alive, facts->managers) ||
           is_share(facts->workers_overloaded, facts->workers_alive, 50) ||
           is_share(facts->managers_overloaded, facts->managers_alive, 50) ||
           facts->is_leader_overloaded || facts->heard_ns >= HS_DC_STALE_NS;
}

enum hs_dc_state hs_dc_classify(const struct hs_dc_facts *facts)
{
    bool is_young = facts->age_ns < INITIAL_NS;

    if (is_young && (!facts->managers_ready || !facts->workers)) return HS_DC_INITIALIZING;
    if (!facts->managers_ready || !facts->workers_alive) return HS_DC_UNHEALTHY;
    if (is_degraded(facts)) return HS_DC_DEGRADED;
    if (is_share(facts->workers_overloaded, facts->workers_alive, 30) ||
        is_share(facts->managers_overloaded, facts->managers_alive, 30))
        return HS_DC_BUSY;
    return HS_DC_HEALTHY;
}

enum hs_dc_state hs_dc_for_job(enum hs_dc_state shown, uint32_t cores_free, uint32_t cores_needed)
{
    bool is_full = cores_free == 0 || cores_free < cores_needed;

    return shown == HS_DC_HEALTHY && is_full ? HS_DC_BUSY : shown;
}

/* Ever worse, or ever better, step by step, is one change: only there and back is flapping. */
static bool goes_on(const struct hs_dc_health *health, enum hs_dc_state state)
{
    return health->changed_at_ns[0] && health->is_worsening == (state > health->shown);
}

static void show(struct hs_dc_health *health, enum hs_dc_state state, uint64_t now_ns)
{
    uint8_t worst = (uint8_t)state;

    if (state == health->shown) return;
    if (health->shown == HS_DC_INITIALIZING) { /* the first time is no change */
        health->shown = (uint8_t)state;
        return;
    }
    if (!goes_on(health, state)) {
        memmove(health->changed_at_ns + 1, health->changed_at_ns,
                (HS_DC_CHANGES - 1) * sizeof health->changed_at_ns[0]);
        memmove(health->states + 1, health->states, HS_DC_CHANGES - 1);
        health->changed_at_ns[0] = now_ns;
        health->is_worsening = state > health->shown;
    }
    health->states[0] = health->shown = (uint8_t)state;
    if (!health->changed_at_ns[HS_DC_CHANGES - 1] ||
        now_ns - health->changed_at_ns[HS_DC_CHANGES - 1] > FLAP_WINDOW_NS)
        return;
    for (unsigned i = 0; i < HS_DC_CHANGES; i++)
        if (health->states[i] > worst) worst = health->states[i];
    health->is_flapping = true;
    health->worst = health->shown = worst;
}

static enum hs_dc_state worse(const struct hs_dc_health *health, uint64_t now_ns)
{
    if (health->raw != HS_DC_UNHEALTHY || now_ns - health->raw_at_ns >= UNHEALTHY_NS)
        return (enum hs_dc_state)health->raw;
    if (health->shown == HS_DC_INITIALIZING) return HS_DC_INITIALIZING;
    return health->shown > HS_DC_DEGRADED ? (enum hs_dc_state)health->shown : HS_DC_DEGRADED;
}

static bool is_long_better(struct hs_dc_health *health, uint64_t now_ns)
{
    uint64_t wait_ns = health->shown == HS_DC_UNHEALTHY ? RECOVERED_NS : BETTER_NS;

    if (!health->better_at_ns) health->better_at_ns = now_ns;
    return now_ns - health->better_at_ns >= wait_ns;
}

enum hs_dc_state hs_dc_take(struct hs_dc_health *health, enum hs_dc_state raw, uint64_t now_ns)
{
    if (raw == HS_DC_INITIALIZING) raw = (enum hs_dc_state)health->shown; /* it begins once */
    if (raw != health->raw) {
        health->raw = (uint8_t)raw;
        health->raw_at_ns = now_ns;
    }
    if (health->is_flapping && now_ns - health->raw_at_ns >= FLAP_QUIET_NS) {
        health->is_flapping = false;
        memset(health->changed_at_ns, 0, sizeof health->changed_at_ns);
    }
    if (raw >= health->shown) health->better_at_ns = 0;
    if (raw > health->shown) {
        show(health, worse(health, now_ns), now_ns);
        if (health->is_flapping && health->shown > health->worst) health->worst = health->shown;
    } else if (raw < health->shown && is_long_better(health, now_ns) && !health->is_flapping) {
        health->better_at_ns = 0;
        show(health, raw, now_ns);
    }
    return (enum hs_dc_state)health->shown;
}

const char *hs_dc_state_name(unsigned state)
{
    static const char *const names[HS_DC_STATE_COUNT] = {
        [HS_DC_INITIALIZING] = "INITIALIZING",
        [HS_DC_HEALTHY] = "HEALTHY",
        [HS_DC_BUSY] = "BUSY",
        [HS_DC_DEGRADED] = "DEGRADED",
        [HS_DC_UNHEALTHY] = "UNHEALTHY",
    };

    return state < HS_DC_STATE_COUNT ? names[state] : "?";
}
