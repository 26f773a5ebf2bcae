// SPDX-License-Identifier: Apache-2.0
/* watchdog.h - decides from samples of a process's vitals whether it hangs. Knows that it may have
 * slept itself (SIGSTOP, a paused machine): then everybody gets a full period before the next
 * verdict. Pure. */
#ifndef HS_SUPERVISOR_WATCHDOG_H
#define HS_SUPERVISOR_WATCHDOG_H

#include "shm/vitals.h"

#include <stdbool.h>
#include <stdint.h>

#define HS_WATCHDOG_INTERVAL_NS UINT64_C(500000000)

struct hs_watchdog {
    uint64_t sampled_at_ns; /* 0: never */
    uint64_t lenient_until_ns;
};

/* Call when the deadline has come, before judging. */
void     hs_watchdog_begin(struct hs_watchdog *watchdog, uint64_t period_ns, uint64_t now_ns);
uint64_t hs_watchdog_deadline_ns(const struct hs_watchdog *watchdog);
/* heartbeat_ns of a life that has not beaten yet: when it was forked. */
bool hs_watchdog_is_hung(const struct hs_watchdog *watchdog, uint64_t period_ns, uint64_t now_ns,
                         uint64_t heartbeat_ns, enum hs_vitals_phase phase);

#endif
