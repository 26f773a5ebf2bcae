// SPDX-License-Identifier: Apache-2.0
/* run_record.h - the final figures of one workflow as bytes that explain themselves: its name, what
 * its load was, how it ended, and every step with its name and whole figures. A manager writes one
 * per workflow (a blob); the results of a job are its records one after another, for each workflow
 * one from each of its datacenters; the client merges those and makes its report of them. Pure.
 *
 *   record := magic u32le | bytes of all that follows u32le | version u8 | fields | step*
 *   fields := varints and texts, in the order of the struct
 *   text   := varint length | bytes
 *   step   := text name | varint parts | (varint length | one whole stats part)*
 *
 * Warm-up is in no figure. Reading distrusts: what is malformed is -EPROTO. */
#ifndef HS_STATS_RUN_RECORD_H
#define HS_STATS_RUN_RECORD_H

#include "roles/stats/stats.h"
#include "shm/base/bytes.h"
#include "shm/base/limits.h"

enum {
    HS_RUN_RECORD_MAGIC = 0x31525348, /* "HSR1" in memory */
    HS_RUN_RECORD_VERSION = 2,
    HS_RUN_RECORD_TEXT_BYTES = 256,
    HS_RUN_RECORD_BACKEND_BYTES = 64
};

enum hs_run_record_flags {
    HS_RUN_RECORD_OPEN_MODEL = 1,
    HS_RUN_RECORD_PARTIAL = 2,   /* of a workflow that still runs */
    HS_RUN_RECORD_ONE_STEP = 4,  /* too large step by step: one step has the sum of all */
    HS_RUN_RECORD_NO_DETAIL = 8, /* a share's figures could not be read: they are missing here */
    HS_RUN_RECORD_LOST = 16      /* its datacenter fell silent: the last that it told */
};

struct hs_run_record {
    char     workflow[HS_NAME_BYTES];
    char     text[HS_RUN_RECORD_TEXT_BYTES];       /* why it ended as it did; "" */
    char     backend[HS_RUN_RECORD_BACKEND_BYTES]; /* of the engines: "io_uring"; "" not known */
    uint32_t workflow_idx;
    uint32_t state; /* enum hs_workflow_state */
    uint32_t flags; /* enum hs_run_record_flags */
    uint64_t seed;
    uint64_t begin_ns;    /* when it was given cores, since its job began */
    uint64_t duration_ns; /* measured, of the longest share: without warm-up and drain */
    uint64_t warmup_ns;
    uint64_t elapsed_ns; /* of the longest share, all in */
    uint32_t shard_count;
    uint32_t engine_count;
    uint32_t restart_count; /* engines that died under it */
    uint32_t retry_count;   /* shares that were run again */
    uint32_t step_count;
};

/* Writing: begin, step_count times put_step, end. A failed writer is told by end (-EMSGSIZE). */
struct hs_run_record_writer {
    struct hs_writer *out;
    size_t            begin_bytes;
    uint32_t          steps_left;
};

void hs_run_record_begin(struct hs_run_record_writer *writer, const struct hs_run_record *record,
                         struct hs_writer *out);
void hs_run_record_put_step(struct hs_run_record_writer *writer, struct hs_view name,
                            const struct hs_stats *stats);
int  hs_run_record_end(struct hs_run_record_writer *writer) HS_MUST_CHECK;

/* Reading: steps is a reader over the record's own bytes, which must stay. */
struct hs_run_record_reader {
    struct hs_run_record record;
    struct hs_reader     steps;
    uint32_t             steps_left;
};

/* The first record in bytes: how many bytes it takes; 0: bytes is empty; -EPROTO. */
int64_t hs_run_record_open(struct hs_run_record_reader *reader, struct hs_view bytes) HS_MUST_CHECK;
/* The next step: 1, its name (into the record's bytes) and its figures in place of what stats held;
 * 0: that was all; -EPROTO; -ENOBUFS: no chunks. stats NULL: only the name. */
int hs_run_record_next(struct hs_run_record_reader *reader, struct hs_view *name,
                       struct hs_stats *stats) HS_MUST_CHECK;

#endif
