// SPDX-License-Identifier: Apache-2.0
/* job_table.h - what the gate shows of the jobs it knows: one row each in the registry of segment
 * HS_SHARE_JOBS. The gate writes (hs_registry_insert/update/remove with the row as payload), the
 * console reads. For the eye only: nobody decides by it, and the gate's truth is its ledger. */
#ifndef HS_ROLES_JOB_TABLE_H
#define HS_ROLES_JOB_TABLE_H

#include "shm/base/assert.h"
#include "shm/base/limits.h"
#include "shm/registry.h"

#include <stddef.h>
#include <stdint.h>

/* As shown to people (spec jobs 6.1, "Display"). The last five are final. Shared-memory numbers:
 * append only. */
enum hs_job_state {
    HS_JOB_SUBMITTED,
    HS_JOB_DISPATCHING, /* no datacenter has accepted yet */
    HS_JOB_QUEUED,      /* accepted, nothing runs */
    HS_JOB_RUNNING,
    HS_JOB_COMPLETING, /* all results are in, being merged */
    HS_JOB_CANCELLING,
    HS_JOB_TIMING_OUT,
    HS_JOB_COMPLETED,
    HS_JOB_PARTIAL,
    HS_JOB_FAILED,
    HS_JOB_CANCELLED,
    HS_JOB_TIMEOUT,
    HS_JOB_STATE_COUNT
};

enum hs_workflow_state {
    HS_WORKFLOW_PENDING, /* waits for others */
    HS_WORKFLOW_READY,   /* waits for cores */
    HS_WORKFLOW_RUNNING,
    HS_WORKFLOW_CANCELLING,
    HS_WORKFLOW_COMPLETED,
    HS_WORKFLOW_FAILED,
    HS_WORKFLOW_CANCELLED,
    HS_WORKFLOW_SKIPPED, /* one that it depends on did not complete */
    HS_WORKFLOW_TIMEOUT,
    HS_WORKFLOW_STATE_COUNT
};

enum {
    HS_JOB_TABLE_VERSION = 1,
    HS_JOB_ROW_DATACENTERS_BYTES = 128, /* names, blanks between; cut to what fits */
    HS_JOB_ROW_REASON_BYTES = 128,
    HS_JOB_ROW_WORDS = 101
};

/* Counts are totals over all workflows and datacenters, cumulative; offered and completed are
 * derived like everywhere (offered = sent + dropped + shed + lost). Moments are this host's
 * monotonic clock; 0: not yet. */
struct hs_job_row {
    uint8_t  id[16];
    char     name[HS_NAME_BYTES];
    char     datacenters[HS_JOB_ROW_DATACENTERS_BYTES];
    char     reason[HS_JOB_ROW_REASON_BYTES]; /* why it ended as it did; "" */
    uint64_t submitted_at_ns;
    uint64_t started_at_ns;
    uint64_t ended_at_ns;
    uint64_t updated_at_ns; /* of the counts below */
    uint64_t sent;
    uint64_t completed;
    uint64_t failed;
    uint64_t cut;
    uint64_t dropped;
    uint64_t shed;
    uint64_t lost;
    uint64_t discarded;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t rate_milli_per_s; /* completed in the last second, times 1000 */
    uint64_t response_p50_ns;  /* since the start */
    uint64_t response_p99_ns;
    uint64_t response_max_ns;
    uint64_t duration_ns; /* of the plan; HS_NEVER_NS: bounded by iterations */
    uint32_t state;       /* enum hs_job_state */
    uint32_t retries;     /* shares run again */
    uint32_t cores;       /* that work for it now */
    uint16_t percent_x100;
    uint16_t workflow_count;
    uint8_t  workflow_states[HS_WORKFLOWS_MAX]; /* enum hs_workflow_state */
    uint64_t submitted_unix_ms;                 /* for the eye; 0: not known */
    uint8_t  silent_count;                      /* datacenters that may be lost to it */
    uint8_t  lost_count;                        /* and that are */
    uint8_t  reserved[38];
};
HS_STATIC_ASSERT(sizeof(struct hs_job_row) == HS_JOB_ROW_WORDS * sizeof(uint64_t),
                 "whole words, no padding");
HS_STATIC_ASSERT(offsetof(struct hs_job_row, submitted_at_ns) == 336, "layout is shared");
HS_STATIC_ASSERT(offsetof(struct hs_job_row, workflow_states) == 504, "layout is shared");
HS_STATIC_ASSERT((int)HS_JOB_ROW_WORDS <= (int)HS_REGISTRY_PAYLOAD_WORDS_MAX, "fits the registry");

static const struct hs_registry_shape hs_job_table_shape = {HS_JOB_ROW_WORDS, HS_JOBS_MAX};

/* "RUNNING"; "?" for a number that is no state. */
const char *hs_job_state_name(uint32_t state);
const char *hs_workflow_state_name(uint32_t state);

#endif
