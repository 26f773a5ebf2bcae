// SPDX-License-Identifier: Apache-2.0
/* watchdog.c - the oldest heartbeat that is still alive. */
#include "supervisor/watchdog.h"

#include "shm/base/time.h"

/* Long work that is announced (reliability.md 2.3): a flush on a slow disk, a replay, a
 * snapshot. */
#define PATIENT_PERIOD_NS (30 * HS_NS_PER_S)

void hs_watchdog_begin(struct hs_watchdog *watchdog, uint64_t period_ns, uint64_t now_ns)
{
    if (watchdog->sampled_at_ns && now_ns - watchdog->sampled_at_ns > 2 * HS_WATCHDOG_INTERVAL_NS)
        watchdog->lenient_until_ns = now_ns + period_ns;
    watchdog->sampled_at_ns = now_ns;
}

uint64_t hs_watchdog_deadline_ns(const struct hs_watchdog *watchdog)
{
    return watchdog->sampled_at_ns ? watchdog->sampled_at_ns + HS_WATCHDOG_INTERVAL_NS : 0;
}

bool hs_watchdog_is_hung(const struct hs_watchdog *watchdog, uint64_t period_ns, uint64_t now_ns,
                         uint64_t heartbeat_ns, enum hs_vitals_phase phase)
{
    if (phase != HS_VITALS_NORMAL) period_ns = hs_max_u64(period_ns, PATIENT_PERIOD_NS);
    if (now_ns < watchdog->lenient_until_ns) return false;
    return now_ns > heartbeat_ns && now_ns - heartbeat_ns > period_ns;
}
