// SPDX-License-Identifier: Apache-2.0
/* result_code.c - one table: name, class and usual delay of every result code. */
#include "roles/result_code.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

struct row {
    const char *name;
    enum hs_result_class class;
    unsigned retry_ms;
};

#define OK        HS_RESULT_CLASS_OK
#define REDIRECT  HS_RESULT_CLASS_REDIRECT
#define TRANSIENT HS_RESULT_CLASS_TRANSIENT
#define PERMANENT HS_RESULT_CLASS_PERMANENT
#define FINAL     HS_RESULT_CLASS_FINAL

/* Delays: jobs.md 4, last paragraph; BUSY and RATE_LIMITED usually carry their own. */
static const struct row rows[] = {
    [HS_RESULT_OK] = {"OK", OK, 0},
    [HS_RESULT_NOT_LEADER] = {"NOT_LEADER", REDIRECT, 500},
    [HS_RESULT_NOT_OWNER] = {"NOT_OWNER", REDIRECT, 500},
    [HS_RESULT_NO_QUORUM] = {"NO_QUORUM", TRANSIENT, 1000},
    [HS_RESULT_SYNCING] = {"SYNCING", TRANSIENT, 1000},
    [HS_RESULT_INITIALIZING] = {"INITIALIZING", TRANSIENT, 2000},
    [HS_RESULT_BUSY] = {"BUSY", TRANSIENT, 1000},
    [HS_RESULT_RATE_LIMITED] = {"RATE_LIMITED", TRANSIENT, 1000},
    [HS_RESULT_DRAINING] = {"DRAINING", TRANSIENT, 1000},
    [HS_RESULT_NO_DATACENTER] = {"NO_DATACENTER", TRANSIENT, 5000},
    [HS_RESULT_IN_PROGRESS] = {"IN_PROGRESS", TRANSIENT, 500},
    [HS_RESULT_FORWARD_LOOP] = {"FORWARD_LOOP", TRANSIENT, 500},
    [HS_RESULT_INTERNAL] = {"INTERNAL", TRANSIENT, 1000},
    [HS_RESULT_NO_CORES] = {"NO_CORES", TRANSIENT, 1000},
    [HS_RESULT_CORRUPT] = {"CORRUPT", TRANSIENT, 100},
    [HS_RESULT_INVALID] = {"INVALID", PERMANENT, 0},
    [HS_RESULT_TOO_LARGE] = {"TOO_LARGE", PERMANENT, 0},
    [HS_RESULT_UNSUPPORTED] = {"UNSUPPORTED", PERMANENT, 0},
    [HS_RESULT_CONFLICT] = {"CONFLICT", PERMANENT, 0},
    [HS_RESULT_FORBIDDEN] = {"FORBIDDEN", PERMANENT, 0},
    [HS_RESULT_STALE_FENCE] = {"STALE_FENCE", FINAL, 0},
    [HS_RESULT_UNKNOWN_JOB] = {"UNKNOWN_JOB", FINAL, 0},
    [HS_RESULT_UNKNOWN_EXEC] = {"UNKNOWN_EXEC", FINAL, 0},
    [HS_RESULT_UNKNOWN_BLOB] = {"UNKNOWN_BLOB", FINAL, 0},
    [HS_RESULT_ALREADY_DONE] = {"ALREADY_DONE", FINAL, 0},
    [HS_RESULT_ALREADY_CANCELLED] = {"ALREADY_CANCELLED", FINAL, 0},
    [HS_RESULT_EXPIRED] = {"EXPIRED", FINAL, 0},
    [HS_RESULT_NO_ROOM] = {"NO_ROOM", FINAL, 0},
};
HS_STATIC_ASSERT(HS_ARRAY_LEN(rows) == HS_RESULT_COUNT, "every code has a row");

const char *hs_result_code_name(unsigned code)
{
    return code < HS_RESULT_COUNT ? rows[code].name : "?";
}

enum hs_result_class hs_result_code_class(unsigned code)
{
    return code < HS_RESULT_COUNT ? rows[code].class : PERMANENT;
}

uint64_t hs_result_code_retry_ns(unsigned code)
{
    return code < HS_RESULT_COUNT ? rows[code].retry_ms * HS_NS_PER_MS : 0;
}

const char *hs_result_class_name(unsigned class)
{
    static const char *const names[HS_RESULT_CLASS_COUNT] = {
        [OK] = "OK",
        [REDIRECT] = "REDIRECT",
        [TRANSIENT] = "TRANSIENT",
        [PERMANENT] = "PERMANENT",
        [FINAL] = "FINAL",
    };

    return class < HS_RESULT_CLASS_COUNT ? names[class] : "?";
}
