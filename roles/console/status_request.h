// SPDX-License-Identifier: Apache-2.0
/* status_request.h - one line of the status socket, understood or refused with the exact reason.
 * Does not know who asks: see hs_status_may. Pure. */
#ifndef HS_CONSOLE_STATUS_REQUEST_H
#define HS_CONSOLE_STATUS_REQUEST_H

#include "roles/control.h"
#include "roles/role_kind.h"
#include "shm/base/bytes.h"

#include <stdbool.h>

enum hs_status_kind {
    HS_STATUS_GET,
    HS_STATUS_WATCH, /* the same answer again and again */
    HS_STATUS_DO     /* passed on to the supervisor */
};

enum hs_status_what {
    HS_STATUS_WHOLE, /* "status" */
    HS_STATUS_PROCESSES,
    HS_STATUS_MANAGERS,
    HS_STATUS_WORKERS,
    HS_STATUS_MEMBERS,
    HS_STATUS_JOBS,
    HS_STATUS_COUNTERS,
    HS_STATUS_EVENTS,
    HS_STATUS_DEATHS,
    HS_STATUS_LOG,
    HS_STATUS_DISPATCH_TIMES,
    HS_STATUS_LATENCY,
    HS_STATUS_WHAT_COUNT
};

enum {
    HS_STATUS_ROWS_DEFAULT = 100,
    HS_STATUS_ROWS_MAX =
        1024, /* jobs, log lines, events of one answer: bounds what a slow reader holds */
    HS_STATUS_EVERY_MS_MIN = 100,
    HS_STATUS_EVERY_MS_DEFAULT = 1000,
    HS_STATUS_EVERY_MS_MAX = 3600000,
    HS_STATUS_CODE_BYTES = 16,
    HS_STATUS_MESSAGE_BYTES = 192,
    HS_STATUS_HINT_BYTES = 32
};

struct hs_status_request {
    enum hs_status_kind  kind;
    enum hs_status_what  what;                           /* get, watch */
    enum hs_control_verb verb;                           /* do */
    char                 process[HS_PROCESS_NAME_BYTES]; /* "": all, or none */
    int                  process_idx;                    /* -1: all */
    uint32_t             row_count;
    uint32_t             every_ms; /* watch */
    bool                 has_job;
    uint8_t              job_id[16];
};

/* Why not, for the answer. */
struct hs_status_fault {
    char code[HS_STATUS_CODE_BYTES]; /* "E-KEY", ... as in all error messages */
    char message[HS_STATUS_MESSAGE_BYTES];
    char hint[HS_STATUS_HINT_BYTES]; /* the nearest right word, or "" */
};

/* line is without its line feed. 0, or -EINVAL with fault filled. */
int  hs_status_request_parse(struct hs_view line, struct hs_status_request *request,
                             struct hs_status_fault *fault) HS_MUST_CHECK;
void hs_status_fault_set(struct hs_status_fault *fault, const char *code, const char *hint,
                         const char *format, ...) HS_PRINTF(4, 5);

const char *hs_status_what_name(enum hs_status_what what);

enum hs_status_right {
    HS_STATUS_NO_RIGHT,
    HS_STATUS_MAY_READ,
    HS_STATUS_MAY_ACT /* and read */
};
/* 0, or -EACCES with fault filled. */
int hs_status_may(enum hs_status_right right, const struct hs_status_request *request,
                  struct hs_status_fault *fault) HS_MUST_CHECK;

#endif
