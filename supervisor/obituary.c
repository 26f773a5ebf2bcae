// SPDX-License-Identifier: Apache-2.0
/* obituary.c - causes of death in words; poisoned input. */
#include "supervisor/obituary.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "shm/vitals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define POISON_WINDOW_NS (600 * HS_NS_PER_S) /* reliability.md 2.2: two within ten minutes */

static const char *const reasons[HS_KILL_REASON_COUNT] = {
    [HS_KILL_NONE] = "",
    [HS_KILL_HUNG] = "no heartbeat",
    [HS_KILL_STOPPED] = "no heartbeat, it was stopped",
    [HS_KILL_START_TIMEOUT] = "not ready in time",
    [HS_KILL_STOP_DEADLINE] = "did not end in time",
    [HS_KILL_NONSENSE] = "sent a bad control record",
    [HS_KILL_DEAF] = "does not read its control socket",
    [HS_KILL_DAMAGE] = "its shared memory was damaged",
    [HS_KILL_STOPPED_NOW] = "told to end at once",
};

const char *hs_kill_reason_text(enum hs_kill_reason reason)
{
    return reasons[reason];
}

static const char *code_text(int exit_code)
{
    switch (exit_code) {
    case 0: return " (success)";
    case 64: return " (usage)";
    case 75: return " (try again later)";
    case 77: return " (permission)";
    case 78: return " (configuration)";
    default: return "";
    }
}

void hs_obituary_cause(char text[HS_HOST_CAUSE_BYTES], int exit_code, int exit_signal,
                       enum hs_kill_reason reason)
{
    const char *name = exit_signal ? sigdescr_np(exit_signal) : NULL;
    bool        is_ours = exit_signal == SIGKILL || exit_signal == SIGABRT;
    const char *why = is_ours ? reasons[reason] : "";

    if (exit_signal)
        (void)snprintf(text, HS_HOST_CAUSE_BYTES, "killed by signal %d (%s)%s%s", exit_signal,
                       name ? name : "unknown", why[0] ? ": " : "", why);
    else
        (void)snprintf(text, HS_HOST_CAUSE_BYTES, "ended with code %d%s", exit_code,
                       code_text(exit_code));
}

bool hs_poison_is_suspect(uint32_t crumb_phase, int exit_signal)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

    if (crumb_phase == HS_CRUMB_READS) return true;
    for (size_t i = 0; i < HS_ARRAY_LEN(crashes); i++)
        if (exit_signal == crashes[i]) return true;
    return false;
}

bool hs_poison_is_second(struct hs_poison *poison, uint64_t digest, uint64_t now_ns)
{
    bool is_second = false;

    if (!digest) return false;
    for (unsigned i = 0; i < HS_POISON_MAX; i++)
        if (poison->deaths[i].digest == digest &&
            now_ns - poison->deaths[i].at_ns <= POISON_WINDOW_NS)
            is_second = true;
    poison->deaths[poison->count % HS_POISON_MAX].digest = digest;
    poison->deaths[poison->count % HS_POISON_MAX].at_ns = now_ns;
    poison->count++;
    return is_second;
}

bool hs_quarantine_add(struct hs_host_summary *summary, uint64_t digest, const uint8_t job_id[16],
                       uint64_t now_ns)
{
    struct hs_host_quarantine *oldest = &summary->quarantine[0];

    for (unsigned i = 0; i < HS_QUARANTINE_MAX; i++) {
        if (summary->quarantine[i].digest == digest) return false;
        if (summary->quarantine[i].at_ns < oldest->at_ns) oldest = &summary->quarantine[i];
    }
    oldest->digest = digest;
    oldest->at_ns = now_ns;
    memcpy(oldest->job_id, job_id, sizeof oldest->job_id);
    return true;
}
