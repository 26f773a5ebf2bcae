// SPDX-License-Identifier: Apache-2.0
/* results.h - a job's results, which are run records one after another, as one report. Pure; memory
 * is the caller's. */
#ifndef HS_CLIENT_RESULTS_H
#define HS_CLIENT_RESULTS_H

#include "roles/stats/report.h"
#include "roles/stats/run_record.h"

enum {
    HS_RESULTS_CHUNKS = 3 * HS_STATS_CHUNKS_MAX + 1, /* the total, a step, its part of a record */
    HS_RESULTS_STEPS_MAX = HS_STEPS_MAX + HS_WORKFLOWS_MAX, /* sums of records without steps, too */
    HS_RESULTS_BACKEND_BYTES = HS_RUN_RECORD_BACKEND_BYTES
};

/* A record of the workflow that is being added up: that of one of its datacenters. */
struct hs_results_source {
    struct hs_run_record_reader reader;
    struct hs_view              step; /* name of its next one */
    bool                        is_waiting;
};

struct hs_results {
    struct hs_chunk_pool     pool;
    struct hs_stats          total;
    struct hs_stats          step;
    struct hs_stats          part;
    struct hs_results_source sources[HS_DATACENTERS_MAX];
    uint32_t                 source_count;
    struct hs_report_step    steps[HS_RESULTS_STEPS_MAX];
    char                     step_names[HS_RESULTS_STEPS_MAX][HS_NAME_BYTES];
    char                     workflow_names[HS_WORKFLOWS_MAX][HS_NAME_BYTES];
    char                     backend[HS_RESULTS_BACKEND_BYTES];
    uint32_t                 step_count;
    uint32_t                 workflow_count;
    uint32_t                 engine_count; /* of the workflow that had most, everywhere */
    uint32_t                 restart_count;
    uint64_t                 seed;
    uint64_t                 duration_ns; /* in which anything was measured */
    uint64_t                 busy_ns;     /* the same with drains that were long */
    struct hs_results_span {
        uint64_t from_ns, to_ns, busy_to_ns; /* since the job began */
    } spans[HS_WORKFLOWS_MAX];               /* of measured load */
    uint64_t warmup_ns;
    bool     is_open_model;
    bool     is_incomplete; /* figures are missing, or a workflow was not over */
    uint32_t lost_count;
    char     lost_texts[HS_REPORT_LOST_MAX][HS_RUN_RECORD_TEXT_BYTES]; /* each once */
};

/* chunks: HS_RESULTS_CHUNKS of them, zeroed. */
void hs_results_init(struct hs_results *results, struct hs_chunk *chunks);
/* All records in bytes. -EPROTO: malformed; -ENOBUFS: more than a plan may have. */
int hs_results_take(struct hs_results *results, struct hs_view bytes) HS_MUST_CHECK;
/* meta has what results do not know (name, run_id, is_interrupted); the rest of it is filled
 * here. */
void hs_results_report(struct hs_results *results, struct hs_report_meta *meta,
                       struct hs_report *report);

enum { HS_RESULTS_BYTES_MAX = 256 << 20 };

/* A part of the results' bytes, as a gate sends it. */
struct hs_results_piece {
    uint64_t offset_bytes;
    uint64_t bytes;
    uint64_t total_bytes;
};

/* Does it go behind the used_bytes of results with total_bytes in all (used_bytes 0: not known
 * yet)? Those of a job that still runs may be others each time. */
bool hs_results_fit(const struct hs_results_piece *piece, uint64_t used_bytes,
                    uint64_t total_bytes);

#endif
