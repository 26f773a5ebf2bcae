// SPDX-License-Identifier: Apache-2.0
/* exec_state.h - the states of execs and the kinds of events as they appear on the wire, in logs
 * and in status, with names (those of jobs and workflows: roles/job_table.h), and ids as text. The
 * rules of who moves them when are in the state machines of gate, manager and worker (jobs.md 6).
 * Numbers are part of the protocol: append only. Names take any number and answer "?" to an unknown
 * one. */
#ifndef HS_ROLES_EXEC_STATE_H
#define HS_ROLES_EXEC_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_JOB_ID_BYTES = 16, HS_DIGEST_BYTES = 32, HS_WORKFLOW_ALL = 0xffff };

/* An exec on its worker (jobs.md 6.6). */
enum hs_exec_state {
    HS_EXEC_NONE,
    HS_EXEC_RESERVED,
    HS_EXEC_RUNNING,
    HS_EXEC_STOPPING,
    HS_EXEC_FINISHED,
    HS_EXEC_TOMBSTONE,
    HS_EXEC_STATE_COUNT
};

enum hs_exec_outcome {
    HS_OUTCOME_NONE,
    HS_OUTCOME_COMPLETED,
    HS_OUTCOME_FAILED,
    HS_OUTCOME_CANCELLED,
    HS_OUTCOME_LOST,
    HS_OUTCOME_EXPIRED,
    HS_OUTCOME_REJECTED,
    HS_OUTCOME_CORRUPT,
    HS_OUTCOME_UNCONFIRMED,
    HS_OUTCOME_DRAINED, /* a worker that left in order said LOST; only in logs of decisions */
    HS_OUTCOME_COUNT
};

enum hs_exec_phase {
    HS_PHASE_START,
    HS_PHASE_WARMUP,
    HS_PHASE_LOAD,
    HS_PHASE_DRAIN,
    HS_PHASE_DONE,
    HS_PHASE_COUNT
};

enum hs_event_kind {
    HS_EVENT_NONE,
    HS_EVENT_ACCEPTED,
    HS_EVENT_RUNNING,
    HS_EVENT_WORKFLOW, /* a workflow changed its status */
    HS_EVENT_CANCELLING,
    HS_EVENT_TIMING_OUT,
    HS_EVENT_NOTICE, /* something worth telling: a lost engine, a retried share */
    HS_EVENT_FINAL,  /* once per job */
    HS_EVENT_KIND_COUNT
};

/* What a statistics payload holds: everything so far, or what was added since the one called
 * base. */
enum hs_progress_kind { HS_PROGRESS_FULL, HS_PROGRESS_DIFF, HS_PROGRESS_KIND_COUNT };

/* What became of an exec's result at the manager (jobs.md 4, row 30). */
enum hs_result_stage {
    HS_STAGE_RECEIVED,   /* keep it */
    HS_STAGE_DURABLE,    /* drop it */
    HS_STAGE_UNKNOWN,    /* nobody wants it: drop it */
    HS_STAGE_NOT_LEADER, /* send it to somebody else */
    HS_STAGE_COUNT
};

/* What a manager answers a worker that asks for more time, and why that one asks. */
enum hs_extension_code {
    HS_EXTENSION_GRANTED,
    HS_EXTENSION_NO_PROGRESS,
    HS_EXTENSION_MAXED,
    HS_EXTENSION_REFUTE_FIRST, /* say what you run, then ask again */
    HS_EXTENSION_OVERLOADED,
    HS_EXTENSION_RATE_LIMITED,
    HS_EXTENSION_UNKNOWN, /* you are not registered here */
    HS_EXTENSION_STALE,   /* of an older session */
    HS_EXTENSION_CODE_COUNT
};

enum hs_extension_reason {
    HS_EXTENSION_LONG_WORK,  /* a share is not ready to start */
    HS_EXTENSION_PAUSE,      /* its engines are down */
    HS_EXTENSION_CONTENTION, /* figures cannot go out */
    HS_EXTENSION_REASON_COUNT
};

/* What a job's limit grows by when one worker of it was given so much: half of the limit at most,
 * and five minutes; 0: it has no limit. */
uint64_t    hs_extension_of_job_ns(uint64_t limit_ns, uint64_t extended_ns);
const char *hs_extension_code_name(unsigned code);
const char *hs_extension_reason_name(unsigned reason);
const char *hs_exec_state_name(unsigned state);
const char *hs_exec_outcome_name(unsigned outcome);
const char *hs_exec_phase_name(unsigned phase);
const char *hs_event_kind_name(unsigned kind);

/* One attempt at one share of one workflow. No padding: two are equal when their bytes are. */
struct hs_exec_id {
    uint8_t  job_id[HS_JOB_ID_BYTES];
    uint16_t shard;
    uint8_t  workflow;
    uint8_t  attempt; /* 0: first try */
};

enum { HS_EXEC_ID_TEXT_BYTES = 64 };

bool hs_exec_id_equal(const struct hs_exec_id *a, const struct hs_exec_id *b);
/* "0123...ef/2.0.1": job, workflow, shard, attempt; returns text. */
const char *hs_exec_id_format(const struct hs_exec_id *id, char text[HS_EXEC_ID_TEXT_BYTES]);
/* Lower-case hex with a terminating zero: text holds 2 * bytes + 1; returns text. */
const char *hs_hex_format(const uint8_t *id, unsigned bytes, char *text);
/* 0, or -EINVAL unless text is exactly 2 * bytes hex digits. */
int hs_hex_parse(const char *text, uint8_t *id, unsigned bytes) __attribute__((warn_unused_result));

#endif
