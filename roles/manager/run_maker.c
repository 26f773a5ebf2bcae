// SPDX-License-Identifier: Apache-2.0
/* run_maker.c - adds up shares' results, step by step, and writes them down. */
#include "roles/manager/run_maker.h"

#include "roles/stats/step_parts.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <stdio.h>
#include <string.h>

/* Measured time: what was planned, or what it took; without warm-up. */
static uint64_t measured_ns(uint64_t elapsed_ns, const struct hs_assign_load *load)
{
    uint64_t after_warmup_ns = elapsed_ns > load->warmup_ns ? elapsed_ns - load->warmup_ns : 0;

    return load->for_ns ? hs_min_u64(load->for_ns, after_warmup_ns) : after_warmup_ns;
}

static void name_step(struct hs_run_maker *maker, uint32_t step, const char *name)
{
    struct hs_writer *writer = &maker->name_writer;
    size_t            begin = writer->used_bytes;

    hs_put_bytes(writer, name, strlen(name));
    maker->names[step] = hs_view_of(writer->data + begin, writer->used_bytes - begin);
}

void hs_run_maker_begin(struct hs_run_maker *maker, const struct hs_manager_workflow *workflow,
                        uint32_t workflow_idx, const struct hs_plan *plan,
                        const struct hs_assign_load *load)
{
    const struct hs_plan_workflow *planned = &plan->workflows.at[workflow_idx];

    HS_ASSERT(workflow_idx < plan->workflows.count);
    hs_chunk_pool_init(&maker->pool, maker->chunks, HS_RUN_MAKER_CHUNKS);
    hs_stats_init(&maker->scratch, &maker->pool);
    hs_writer_init(&maker->name_writer, maker->name_bytes, sizeof maker->name_bytes);
    maker->record = (struct hs_run_record){
        .workflow_idx = workflow_idx,
        .state = workflow->state,
        .flags = load->is_open ? HS_RUN_RECORD_OPEN_MODEL : 0,
        .seed = plan->seed,
        .duration_ns = measured_ns(workflow->elapsed_ns, load),
        .warmup_ns = load->warmup_ns,
        .begin_ns = workflow->begin_ns,
        .elapsed_ns = workflow->elapsed_ns,
        .shard_count = workflow->shard_count,
        .restart_count = workflow->restarts,
        .retry_count = hs_manager_rerun_count(workflow),
        .step_count = planned->steps.count,
    };
    (void)snprintf(maker->record.workflow, sizeof maker->record.workflow, "%s", planned->name);
    (void)snprintf(maker->record.text, sizeof maker->record.text, "%s", workflow->text);
    (void)snprintf(maker->record.backend, sizeof maker->record.backend, "%s", workflow->backend);
    for (uint32_t i = 0; i < planned->steps.count; i++) {
        hs_stats_init(&maker->steps[i], &maker->pool);
        name_step(maker, i, hs_plan_step_label(&planned->steps.at[i]));
    }
}

/* All parts of one share's step come one after another, so one scratch serves them all. */
static int flush_step(struct hs_run_maker *maker, uint32_t step)
{
    int rc = hs_stats_add(&maker->steps[step], &maker->scratch);

    hs_stats_clear(&maker->scratch);
    return rc;
}

static int take_part(struct hs_run_maker *maker, const struct hs_step_part *part)
{
    struct hs_stats_part opened;
    int                  rc = hs_stats_part_open(&opened, part->bytes);

    if (rc < 0) return rc;
    return hs_stats_part_apply(&opened, &maker->scratch, NULL);
}

void hs_run_maker_add(struct hs_run_maker *maker, uint32_t cores, struct hs_view result)
{
    struct hs_reader    reader;
    struct hs_step_part part;
    uint32_t            step = 0;
    int                 rc;

    maker->record.engine_count += cores;
    hs_reader_init(&reader, result);
    while ((rc = hs_step_parts_next(&reader, &part)) == 1) {
        if (part.step >= maker->record.step_count) break;
        if (part.step != step && flush_step(maker, step) < 0) break;
        step = part.step;
        if (take_part(maker, &part) < 0) break;
    }
    if (rc != 0 || !result.bytes || flush_step(maker, step) < 0)
        maker->record.flags |= HS_RUN_RECORD_NO_DETAIL;
    hs_stats_clear(&maker->scratch);
}

void hs_run_maker_miss(struct hs_run_maker *maker, uint32_t cores)
{
    maker->record.engine_count += cores;
}

static int write_record(struct hs_run_maker *maker, struct hs_writer *out)
{
    struct hs_run_record_writer writer;

    hs_run_record_begin(&writer, &maker->record, out);
    for (uint32_t i = 0; i < maker->record.step_count; i++)
        hs_run_record_put_step(&writer, maker->names[i], &maker->steps[i]);
    return hs_run_record_end(&writer);
}

/* Counts stay exact, what is lost is which step they belong to. */
static void join_steps(struct hs_run_maker *maker)
{
    for (uint32_t i = 1; i < maker->record.step_count; i++) {
        if (hs_stats_add(&maker->steps[0], &maker->steps[i]) < 0)
            maker->record.flags |= HS_RUN_RECORD_NO_DETAIL;
        hs_stats_fini(&maker->steps[i]);
    }
    maker->record.step_count = 1;
    maker->record.flags |= HS_RUN_RECORD_ONE_STEP;
    maker->names[0] = hs_view_text("all steps");
}

struct hs_view hs_run_maker_finish(struct hs_run_maker *maker, uint64_t discarded_sent)
{
    struct hs_writer out;
    int              rc;

    if (maker->record.step_count) maker->steps[0].tallies[HS_TALLY_DISCARDED] += discarded_sent;
    hs_writer_init(&out, maker->bytes, sizeof maker->bytes);
    rc = write_record(maker, &out);
    if (rc < 0) {
        join_steps(maker);
        hs_writer_init(&out, maker->bytes, sizeof maker->bytes);
        rc = write_record(maker, &out);
    }
    HS_ASSERT(rc == 0); /* one step takes 2 MiB at most */
    return hs_view_of(maker->bytes, out.used_bytes);
}
