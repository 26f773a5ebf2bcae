// SPDX-License-Identifier: Apache-2.0
/* job_table.c - names of the states in job_table.h and node_tables.h. */
#include "roles/job_table.h"
#include "roles/node_tables.h"

static const char *name_of(const char *const *names, size_t count, uint32_t idx)
{
    return idx < count ? names[idx] : "?";
}

const char *hs_job_state_name(uint32_t state)
{
    static const char *const names[] = {
        [HS_JOB_SUBMITTED] = "SUBMITTED",   [HS_JOB_DISPATCHING] = "DISPATCHING",
        [HS_JOB_QUEUED] = "QUEUED",         [HS_JOB_RUNNING] = "RUNNING",
        [HS_JOB_COMPLETING] = "COMPLETING", [HS_JOB_CANCELLING] = "CANCELLING",
        [HS_JOB_TIMING_OUT] = "TIMING_OUT", [HS_JOB_COMPLETED] = "COMPLETED",
        [HS_JOB_PARTIAL] = "PARTIAL",       [HS_JOB_FAILED] = "FAILED",
        [HS_JOB_CANCELLED] = "CANCELLED",   [HS_JOB_TIMEOUT] = "TIMEOUT",
    };
    HS_STATIC_ASSERT(HS_ARRAY_LEN(names) == HS_JOB_STATE_COUNT, "a name each");

    return name_of(names, HS_ARRAY_LEN(names), state);
}

const char *hs_workflow_state_name(uint32_t state)
{
    static const char *const names[] = {
        [HS_WORKFLOW_PENDING] = "PENDING",     [HS_WORKFLOW_READY] = "READY",
        [HS_WORKFLOW_RUNNING] = "RUNNING",     [HS_WORKFLOW_CANCELLING] = "CANCELLING",
        [HS_WORKFLOW_COMPLETED] = "COMPLETED", [HS_WORKFLOW_FAILED] = "FAILED",
        [HS_WORKFLOW_CANCELLED] = "CANCELLED", [HS_WORKFLOW_SKIPPED] = "SKIPPED",
        [HS_WORKFLOW_TIMEOUT] = "TIMEOUT",
    };
    HS_STATIC_ASSERT(HS_ARRAY_LEN(names) == HS_WORKFLOW_STATE_COUNT, "a name each");

    return name_of(names, HS_ARRAY_LEN(names), state);
}

const char *hs_node_state_name(uint32_t state)
{
    static const char *const names[] = {
        [HS_NODE_JOINING] = "JOINING",   [HS_NODE_ALIVE] = "ALIVE", [HS_NODE_SUSPECT] = "SUSPECT",
        [HS_NODE_DRAINING] = "DRAINING", [HS_NODE_LOST] = "LOST",   [HS_NODE_REMOTE] = "REMOTE",
        [HS_NODE_LEFT] = "LEFT",
    };
    HS_STATIC_ASSERT(HS_ARRAY_LEN(names) == HS_NODE_STATE_COUNT, "a name each");

    return name_of(names, HS_ARRAY_LEN(names), state);
}

const char *hs_node_load_name(uint32_t load)
{
    static const char *const names[] = {
        [HS_NODE_HEALTHY] = "HEALTHY",
        [HS_NODE_BUSY] = "BUSY",
        [HS_NODE_DEGRADED] = "DEGRADED",
        [HS_NODE_OVERLOADED] = "OVERLOADED",
    };
    HS_STATIC_ASSERT(HS_ARRAY_LEN(names) == HS_NODE_LOAD_COUNT, "a name each");

    return name_of(names, HS_ARRAY_LEN(names), load);
}
