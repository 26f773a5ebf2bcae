// SPDX-License-Identifier: Apache-2.0
/* run_maker.h - makes the final record of a workflow (stats/run_record.h) out of the plan and the
 * results of its shares, which are blobs: a pure function of what was decided, so that a restarted
 * manager makes the same bytes. One at a time; memory is the caller's. */
#ifndef HS_MANAGER_RUN_MAKER_H
#define HS_MANAGER_RUN_MAKER_H

#include "roles/manager/assign.h"
#include "roles/manager/manager_state.h"
#include "roles/stats/run_record.h"

enum {
    HS_RUN_MAKER_CHUNKS = 1 << 17,
    HS_RUN_MAKER_NAMES_BYTES = 1 << 20, /* of steps */
    HS_RUN_MAKER_RECORD_BYTES = HS_LEDGER_BLOB_BYTES_MAX
};

struct hs_run_maker {
    struct hs_run_record record;
    struct hs_chunk_pool pool;
    struct hs_stats      scratch;
    struct hs_stats      steps[HS_STEPS_MAX];
    struct hs_view       names[HS_STEPS_MAX];
    struct hs_writer     name_writer;
    uint8_t              name_bytes[HS_RUN_MAKER_NAMES_BYTES];
    uint8_t              bytes[HS_RUN_MAKER_RECORD_BYTES];
    struct hs_chunk      chunks[HS_RUN_MAKER_CHUNKS];
};

/* Starts over: the workflow as decided, its load and the names of its steps from the plan. */
void hs_run_maker_begin(struct hs_run_maker *maker, const struct hs_manager_workflow *workflow,
                        uint32_t workflow_idx, const struct hs_plan *plan,
                        const struct hs_assign_load *load);
/* A share: its cores, and its result's payload of step parts, or nothing if it cannot be had. */
void hs_run_maker_add(struct hs_run_maker *maker, uint32_t cores, struct hs_view result);
/* A share that brought no figures: there was nothing to measure, or it is lost with its worker. */
void hs_run_maker_miss(struct hs_run_maker *maker, uint32_t cores);
/* The record's bytes, in the maker. What does not fit step by step becomes one step. */
struct hs_view hs_run_maker_finish(struct hs_run_maker *maker, uint64_t discarded_sent);

#endif
