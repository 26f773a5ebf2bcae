// SPDX-License-Identifier: Apache-2.0
/* result_code.h - the answers that a role gives to a request, and their classes. A client decides
 * what to do next by the class alone, never by a text (jobs.md 4). */
#ifndef HS_ROLES_RESULT_CODE_H
#define HS_ROLES_RESULT_CODE_H

#include <stdint.h>

/* Numbers are part of the protocol: append only. */
enum hs_result_class {
    HS_RESULT_CLASS_OK,
    HS_RESULT_CLASS_REDIRECT,  /* ask the one that the answer names */
    HS_RESULT_CLASS_TRANSIENT, /* the same request may succeed after retry_after */
    HS_RESULT_CLASS_PERMANENT, /* the request itself is wrong */
    HS_RESULT_CLASS_FINAL,     /* too late, too old, no place: do not repeat as is */
    HS_RESULT_CLASS_COUNT
};

enum hs_result_code {
    HS_RESULT_OK,
    HS_RESULT_NOT_LEADER,
    HS_RESULT_NOT_OWNER,
    HS_RESULT_NO_QUORUM,
    HS_RESULT_SYNCING,
    HS_RESULT_INITIALIZING,
    HS_RESULT_BUSY,
    HS_RESULT_RATE_LIMITED,
    HS_RESULT_DRAINING,
    HS_RESULT_NO_DATACENTER,
    HS_RESULT_IN_PROGRESS,
    HS_RESULT_FORWARD_LOOP,
    HS_RESULT_INTERNAL,
    HS_RESULT_NO_CORES,
    HS_RESULT_CORRUPT, /* a digest does not match its bytes: send them again */
    HS_RESULT_INVALID,
    HS_RESULT_TOO_LARGE,
    HS_RESULT_UNSUPPORTED,
    HS_RESULT_CONFLICT, /* same idempotency key, other content */
    HS_RESULT_FORBIDDEN,
    HS_RESULT_STALE_FENCE,
    HS_RESULT_UNKNOWN_JOB,
    HS_RESULT_UNKNOWN_EXEC,
    HS_RESULT_UNKNOWN_BLOB, /* no such digest here: put it first */
    HS_RESULT_ALREADY_DONE,
    HS_RESULT_ALREADY_CANCELLED,
    HS_RESULT_EXPIRED,
    HS_RESULT_NO_ROOM, /* the disk is full: that does not pass by waiting */
    HS_RESULT_COUNT
};

/* Codes come off the wire: all three take any number. */
const char          *hs_result_code_name(unsigned code);     /* "NOT_LEADER"; "?" if unknown */
enum hs_result_class hs_result_code_class(unsigned code);    /* PERMANENT if unknown */
uint64_t             hs_result_code_retry_ns(unsigned code); /* usual delay; 0: do not repeat */
const char          *hs_result_class_name(unsigned class);

#endif
