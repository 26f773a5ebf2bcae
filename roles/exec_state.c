// SPDX-License-Identifier: Apache-2.0
/* exec_state.c - names of states, and the text form of ids. */
#include "roles/exec_state.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

HS_STATIC_ASSERT(sizeof(struct hs_exec_id) == 20, "compared as bytes");

uint64_t hs_extension_of_job_ns(uint64_t limit_ns, uint64_t extended_ns)
{
    const uint64_t most_ns = 300 * HS_NS_PER_S;

    if (limit_ns >= HS_NEVER_NS - most_ns) return 0; /* the sum would be none */
    return hs_min_u64(extended_ns, hs_min_u64(limit_ns / 2, most_ns));
}

const char *hs_extension_code_name(unsigned code)
{
    static const char *const names[HS_EXTENSION_CODE_COUNT] = {
        [HS_EXTENSION_GRANTED] = "GRANTED",       [HS_EXTENSION_NO_PROGRESS] = "NO_PROGRESS",
        [HS_EXTENSION_MAXED] = "MAXED",           [HS_EXTENSION_REFUTE_FIRST] = "REFUTE_FIRST",
        [HS_EXTENSION_OVERLOADED] = "OVERLOADED", [HS_EXTENSION_RATE_LIMITED] = "RATE_LIMITED",
        [HS_EXTENSION_UNKNOWN] = "UNKNOWN",       [HS_EXTENSION_STALE] = "STALE",
    };

    return code < HS_EXTENSION_CODE_COUNT ? names[code] : "?";
}

const char *hs_extension_reason_name(unsigned reason)
{
    static const char *const names[HS_EXTENSION_REASON_COUNT] = {
        [HS_EXTENSION_LONG_WORK] = "LONG_WORK",
        [HS_EXTENSION_PAUSE] = "PAUSE",
        [HS_EXTENSION_CONTENTION] = "CONTENTION",
    };

    return reason < HS_EXTENSION_REASON_COUNT ? names[reason] : "?";
}

const char *hs_exec_state_name(unsigned state)
{
    static const char *const names[HS_EXEC_STATE_COUNT] = {
        [HS_EXEC_NONE] = "NONE",         [HS_EXEC_RESERVED] = "RESERVED",
        [HS_EXEC_RUNNING] = "RUNNING",   [HS_EXEC_STOPPING] = "STOPPING",
        [HS_EXEC_FINISHED] = "FINISHED", [HS_EXEC_TOMBSTONE] = "TOMBSTONE",
    };

    return state < HS_EXEC_STATE_COUNT ? names[state] : "?";
}

const char *hs_exec_outcome_name(unsigned outcome)
{
    static const char *const names[HS_OUTCOME_COUNT] = {
        [HS_OUTCOME_NONE] = "NONE",
        [HS_OUTCOME_COMPLETED] = "COMPLETED",
        [HS_OUTCOME_FAILED] = "FAILED",
        [HS_OUTCOME_CANCELLED] = "CANCELLED",
        [HS_OUTCOME_LOST] = "LOST",
        [HS_OUTCOME_EXPIRED] = "EXPIRED",
        [HS_OUTCOME_REJECTED] = "REJECTED",
        [HS_OUTCOME_CORRUPT] = "CORRUPT",
        [HS_OUTCOME_UNCONFIRMED] = "UNCONFIRMED",
        [HS_OUTCOME_DRAINED] = "DRAINED",
    };

    return outcome < HS_OUTCOME_COUNT ? names[outcome] : "?";
}

const char *hs_exec_phase_name(unsigned phase)
{
    static const char *const names[HS_PHASE_COUNT] = {
        [HS_PHASE_START] = "START", [HS_PHASE_WARMUP] = "WARMUP", [HS_PHASE_LOAD] = "LOAD",
        [HS_PHASE_DRAIN] = "DRAIN", [HS_PHASE_DONE] = "DONE",
    };

    return phase < HS_PHASE_COUNT ? names[phase] : "?";
}

const char *hs_event_kind_name(unsigned kind)
{
    static const char *const names[HS_EVENT_KIND_COUNT] = {
        [HS_EVENT_NONE] = "NONE",
        [HS_EVENT_ACCEPTED] = "ACCEPTED",
        [HS_EVENT_RUNNING] = "RUNNING",
        [HS_EVENT_WORKFLOW] = "WORKFLOW",
        [HS_EVENT_CANCELLING] = "CANCELLING",
        [HS_EVENT_TIMING_OUT] = "TIMING_OUT",
        [HS_EVENT_NOTICE] = "NOTICE",
        [HS_EVENT_FINAL] = "FINAL",
    };

    return kind < HS_EVENT_KIND_COUNT ? names[kind] : "?";
}

bool hs_exec_id_equal(const struct hs_exec_id *a, const struct hs_exec_id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

const char *hs_hex_format(const uint8_t *id, unsigned bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 15];
    }
    text[2 * (size_t)bytes] = '\0';
    return text;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hs_hex_parse(const char *text, uint8_t *id, unsigned bytes)
{
    if (strlen(text) != (size_t)bytes * 2) return -EINVAL;
    for (size_t i = 0; i < bytes; i++) {
        int high = digit_value(text[2 * i]);
        int low = digit_value(text[2 * i + 1]);

        if (high < 0 || low < 0) return -EINVAL;
        id[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

const char *hs_exec_id_format(const struct hs_exec_id *id, char text[HS_EXEC_ID_TEXT_BYTES])
{
    char job[2 * HS_JOB_ID_BYTES + 1];

    (void)snprintf(text, HS_EXEC_ID_TEXT_BYTES, "%s/%u.%u.%u",
                   hs_hex_format(id->job_id, HS_JOB_ID_BYTES, job), id->workflow, id->shard,
                   id->attempt);
    return text;
}
