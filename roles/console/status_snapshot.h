// SPDX-License-Identifier: Apache-2.0
/* status_snapshot.h - what the console copied out of shared memory for one answer. Everything in it
 * has been made valid: texts end, names exist for every number. snapshot.c fills it;
 * status_reply and metrics only read it. */
#ifndef HS_CONSOLE_STATUS_SNAPSHOT_H
#define HS_CONSOLE_STATUS_SNAPSHOT_H

#include "roles/cluster/member_row.h"
#include "roles/console/readiness.h"
#include "roles/console/status_request.h"
#include "roles/console/status_times.h"
#include "roles/counters.h"
#include "roles/host_table.h"
#include "roles/job_table.h"
#include "roles/node_tables.h"
#include "roles/notice.h"
#include "shm/base/log.h"
#include "shm/vitals.h"

enum { HS_STATUS_PROCESSES_MAX = HS_PROCESS_SUPERVISED };

struct hs_status_process {
    char                   name[HS_PROCESS_NAME_BYTES];
    struct hs_host_process host;   /* what the supervisor says of it */
    struct hs_vitals       vitals; /* what it says itself */
    uint64_t               counts[HS_COUNT_END];
};

/* A log line or an event. */
struct hs_status_note {
    uint64_t at_ns;
    uint64_t order; /* as it was read: of one process, as it was written */
    uint64_t kind;  /* enum hs_notice_kind, or nonsense */
    uint64_t number;
    char     about[HS_EVENT_ABOUT_BYTES];
    uint32_t level; /* enum hs_log_level */
    char     process[HS_PROCESS_NAME_BYTES];
    char     module[16];
    char     text[HS_LOG_LINE_BYTES];
};

struct hs_status_snapshot {
    uint64_t               now_ns;
    struct hs_host_summary host;
    bool                   is_draining;
    struct hs_readiness    readiness; /* as it was last checked */

    unsigned                 process_count;
    struct hs_status_process processes[HS_STATUS_PROCESSES_MAX];
    uint64_t                 supervisor_counts[HS_COUNT_END];

    unsigned              job_count;
    struct hs_job_row     jobs[HS_JOBS_MAX];
    unsigned              manager_count;
    struct hs_manager_row managers[HS_MANAGERS_MAX];
    unsigned              worker_count;
    struct hs_worker_row  workers[HS_WORKERS_MAX];
    unsigned              gate_ring_count; /* of the members: the first so many */
    unsigned              member_count;
    struct hs_member_row  members[2 * HS_MEMBER_ROWS_MAX];

    unsigned             death_count; /* newest first */
    struct hs_host_death deaths[HS_DEATHS_MAX];

    unsigned              note_count; /* oldest first */
    struct hs_status_note notes[HS_STATUS_ROWS_MAX];
    uint64_t              lost_note_count;
    uint64_t              read_note_count; /* also those that were not kept */

    struct hs_status_times times;
};

#endif
