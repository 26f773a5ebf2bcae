// SPDX-License-Identifier: Apache-2.0
/* host_table.h - what the supervisor tells everybody through shared memory (HS_SHARE_HOST): who
 * this host is, the table of its processes, the last deaths, the last reload, what is quarantined.
 * The supervisor writes, all others only read, each record whole or not at all (a latch each).
 * Pure.
 *
 * Moments are CLOCK_MONOTONIC; start_wall_ns and start_ns turn them into wall time for people. */
#ifndef HS_ROLES_HOST_TABLE_H
#define HS_ROLES_HOST_TABLE_H

#include "roles/role_kind.h"
#include "shm/base/err.h"
#include "shm/host.h"
#include "shm/latch.h"
#include "shm/vitals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HS_HOST_CAUSE_BYTES = 128,
    HS_HOST_TEXT_BYTES = 256,
    HS_HOST_SEGMENTS_BYTES = 96,
    HS_HOST_PANIC_BYTES = HS_VITALS_PANIC_BYTES, /* all of it: assertion, signal, frames */
    HS_QUARANTINE_MAX = 16                       /* digests refused at a time; the oldest goes */
};

enum hs_process_state {
    HS_PROCESS_ABSENT,     /* not configured on this host */
    HS_PROCESS_WAITING,    /* to be started: back-off, or what it needs is not there yet */
    HS_PROCESS_STARTING,   /* forked, not serving yet */
    HS_PROCESS_READY,      /* serving */
    HS_PROCESS_STOPPING,   /* told to end */
    HS_PROCESS_CRASH_LOOP, /* too many deaths before readiness: retried every 30 s */
    HS_PROCESS_FAILED,     /* said that another start will not help: waits for a reload */
    HS_PROCESS_STOPPED,    /* ended as told */
    HS_PROCESS_STATE_COUNT
};
const char *hs_process_state_name(enum hs_process_state state);

struct hs_host_process {
    uint32_t kind; /* enum hs_role_kind; HS_ROLE_NONE: no such process */
    uint32_t idx;
    uint32_t state;                           /* enum hs_process_state */
    int32_t  pid;                             /* 0: none alive */
    uint64_t generation;                      /* lives so far */
    uint64_t restart_count;                   /* starts after the first one */
    uint64_t started_at_ns;                   /* of the present life, or the last */
    uint64_t ready_at_ns;                     /* 0: not yet */
    uint64_t next_start_at_ns;                /* when waiting; 0: nothing planned */
    char     last_death[HS_HOST_CAUSE_BYTES]; /* "killed by signal 9 (Killed)"; empty: never died */
};

struct hs_host_death {
    uint64_t number; /* 1, 2, ...; the ring keeps the last HS_DEATHS_MAX */
    uint64_t at_ns;  /* reaped */
    uint32_t kind;
    uint32_t idx;
    int32_t  pid;
    int32_t  exit_code;   /* -1: by a signal */
    int32_t  exit_signal; /* 0: by itself */
    uint32_t was_ready;
    uint64_t generation;
    uint64_t alive_ns;
    uint32_t phase;        /* of its vitals: what it was doing */
    uint32_t message_type; /* breadcrumb */
    uint64_t digest;
    uint8_t  job_id[16];
    uint64_t user_cpu_ns; /* resource usage */
    uint64_t system_cpu_ns;
    uint64_t resident_max_bytes;
    char     cause[HS_HOST_CAUSE_BYTES]; /* one line for people */
    char     panic[HS_HOST_PANIC_BYTES]; /* its last words; empty: none */
};

struct hs_host_quarantine {
    uint64_t digest; /* 0: free */
    uint64_t at_ns;
    uint8_t  job_id[16];
};

struct hs_host_summary {
    uint8_t                   host_id[16]; /* minted once in the state directory */
    uint64_t                  incarnation; /* one higher for every life of the supervisor */
    uint64_t                  start_wall_ns;
    uint64_t                  start_ns;
    int32_t                   pid;
    uint32_t                  engine_count;
    uint32_t                  is_embedded;
    uint32_t                  is_stopping;
    uint64_t                  ready_at_ns; /* every process served for the first time; 0: not yet */
    uint64_t                  config_generation;
    uint64_t                  reload_at_ns; /* last attempt; 0: none */
    uint64_t                  reload_failed_count;
    uint64_t                  death_count;  /* number of the newest death */
    uint64_t                  orphan_count; /* processes reaped that were nobody's */
    struct hs_host_quarantine quarantine[HS_QUARANTINE_MAX];
    uint64_t                  segments_replaced_count; /* groups of damaged segments */
    char segments_replaced[HS_HOST_SEGMENTS_BYTES];    /* the last one; empty: none */
    char reload_error[HS_HOST_TEXT_BYTES];             /* of the last reload; empty: it worked */
};

enum {
    HS_HOST_TABLE_VERSION = 3,
    HS_HOST_SUMMARY_WORDS = sizeof(struct hs_host_summary) / HS_WORD_BYTES,
    HS_HOST_PROCESS_WORDS = sizeof(struct hs_host_process) / HS_WORD_BYTES,
    HS_HOST_DEATH_WORDS = sizeof(struct hs_host_death) / HS_WORD_BYTES
};
HS_STATIC_ASSERT(sizeof(struct hs_host_summary) == 976, "layout of version 3");
HS_STATIC_ASSERT(sizeof(struct hs_host_process) == 184, "layout of version 3");
HS_STATIC_ASSERT(sizeof(struct hs_host_death) == 752, "layout of version 3");

/* Body of the segment of kind HS_SEGMENT_HOST. */
struct hs_host_table_shm {
    struct hs_host_shm host; /* shm/host.h: identity, incarnation, heartbeat */
    hs_word            summary[HS_LATCH_WORDS(HS_HOST_SUMMARY_WORDS)];
    hs_word            processes[HS_PROCESSES_MAX][HS_LATCH_WORDS(HS_HOST_PROCESS_WORDS)];
    hs_word            deaths[HS_DEATHS_MAX][HS_LATCH_WORDS(HS_HOST_DEATH_WORDS)];
};

/* Readers. 0; -EAGAIN: overtaken by the writer again and again, ask later; -ENOENT: no such record
 * (any more). Numbers are made valid and texts terminated. */
int hs_host_table_load_summary(const struct hs_host_table_shm *table,
                               struct hs_host_summary         *summary) HS_MUST_CHECK;
int hs_host_table_load_process(const struct hs_host_table_shm *table, unsigned process_idx,
                               struct hs_host_process *process) HS_MUST_CHECK;
int hs_host_table_load_death(const struct hs_host_table_shm *table, uint64_t number,
                             struct hs_host_death *death) HS_MUST_CHECK;
/* How breadcrumbs and the quarantine call an input, in every role the same: by the first bytes of
 * its digest. */
uint64_t hs_host_table_digest_word(const uint8_t *digest);
/* Did this digest kill two processes lately? */
bool hs_host_table_is_quarantined(const struct hs_host_table_shm *table, uint64_t digest);

/* Writer: the supervisor only. */
void hs_host_table_store_summary(struct hs_host_table_shm     *table,
                                 const struct hs_host_summary *summary);
void hs_host_table_store_process(struct hs_host_table_shm *table, unsigned process_idx,
                                 const struct hs_host_process *process);
void hs_host_table_store_death(struct hs_host_table_shm *table, const struct hs_host_death *death);

#endif
