// SPDX-License-Identifier: Apache-2.0
/* results.c - adds up the workflows of a job, and each of them over its datacenters. */
#include "roles/client/results.h"

#include "roles/job_table.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void hs_results_init(struct hs_results *results, struct hs_chunk *chunks)
{
    memset(results, 0, sizeof *results);
    hs_chunk_pool_init(&results->pool, chunks, HS_RESULTS_CHUNKS);
    hs_stats_init(&results->total, &results->pool);
    hs_stats_init(&results->step, &results->pool);
    hs_stats_init(&results->part, &results->pool);
}

/* A drain is short unless the target could not keep up: then what is completed in it belongs to its
 * time, too. */
static bool is_drain_long(uint64_t drain_ns, uint64_t duration_ns)
{
    return drain_ns > 100 * HS_NS_PER_MS && drain_ns > duration_ns / 20;
}

static struct hs_results_span span_of(const struct hs_run_record *record)
{
    uint64_t begin_ns = hs_min_u64(record->begin_ns, HS_NEVER_NS / 4);
    uint64_t elapsed_ns = hs_min_u64(record->elapsed_ns, HS_NEVER_NS / 4);
    uint64_t from_ns = begin_ns + hs_min_u64(record->warmup_ns, HS_NEVER_NS / 4);
    uint64_t to_ns = from_ns + hs_min_u64(record->duration_ns, HS_NEVER_NS / 4);
    uint64_t over_ns = hs_max_u64(begin_ns + elapsed_ns, to_ns);

    return (struct hs_results_span){
        from_ns, to_ns, is_drain_long(over_ns - to_ns, to_ns - from_ns) ? over_ns : to_ns};
}

static uint64_t end_of(const struct hs_results_span *span, bool with_drain)
{
    return with_drain ? span->busy_to_ns : span->to_ns;
}

/* Time in which several workflows ran counts once, time in which none did not at all: rates are
 * those of the load. */
static uint64_t covered_ns(const struct hs_results *results, bool with_drain)
{
    uint64_t covered_ns = 0;
    uint64_t end_ns = 0;

    for (uint32_t done = 0; done < results->workflow_count; done++) {
        const struct hs_results_span *next = NULL;

        /* the next stretch that ends behind end_ns, by its beginning */
        for (uint32_t i = 0; i < results->workflow_count; i++) {
            const struct hs_results_span *span = &results->spans[i];

            if (end_of(span, with_drain) > end_ns && (!next || span->from_ns < next->from_ns))
                next = span;
        }
        if (!next) break;
        covered_ns += end_of(next, with_drain) - hs_max_u64(next->from_ns, end_ns);
        end_ns = end_of(next, with_drain);
    }
    return covered_ns;
}

static void take_lost(struct hs_results *results, const struct hs_run_record *record)
{
    for (uint32_t i = 0; i < results->lost_count; i++)
        if (strcmp(results->lost_texts[i], record->text) == 0) return;
    if (results->lost_count == HS_REPORT_LOST_MAX) return; /* these suffice to say what it is */
    memcpy(results->lost_texts[results->lost_count++], record->text, sizeof record->text);
}

static void widen(struct hs_results_span *span, const struct hs_results_span *by)
{
    span->from_ns = hs_min_u64(span->from_ns, by->from_ns);
    span->to_ns = hs_max_u64(span->to_ns, by->to_ns);
    span->busy_to_ns = hs_max_u64(span->busy_to_ns, by->busy_to_ns);
}

static void take_head(struct hs_results *results, const struct hs_run_record *record, bool is_first)
{
    struct hs_results_span  span = span_of(record);
    struct hs_results_span *all = &results->spans[results->workflow_count - 1];

    if (is_first) *all = span;
    widen(all, &span);
    if (!results->backend[0])
        (void)snprintf(results->backend, sizeof results->backend, "%s", record->backend);
    results->seed = record->seed;
    results->warmup_ns = hs_max_u64(results->warmup_ns, record->warmup_ns);
    results->restart_count += record->restart_count;
    if (record->flags & HS_RUN_RECORD_OPEN_MODEL) results->is_open_model = true;
    if (record->flags & HS_RUN_RECORD_LOST) take_lost(results, record);
    if (record->flags & (HS_RUN_RECORD_PARTIAL | HS_RUN_RECORD_NO_DETAIL) ||
        record->state != HS_WORKFLOW_COMPLETED)
        results->is_incomplete = true;
}

/* Of one workflow there is a record from each of its datacenters. */
static void take_heads(struct hs_results *results)
{
    char    *name = results->workflow_names[results->workflow_count++];
    uint32_t engine_count = 0;

    (void)snprintf(name, HS_NAME_BYTES, "%s", results->sources[0].reader.record.workflow);
    for (uint32_t i = 0; i < results->source_count; i++) {
        const struct hs_run_record *record = &results->sources[i].reader.record;

        take_head(results, record, i == 0);
        engine_count += record->engine_count;
    }
    results->engine_count =
        engine_count > results->engine_count ? engine_count : results->engine_count;
    results->duration_ns = covered_ns(results, false);
    results->busy_ns = covered_ns(results, true);
}

static int take_step(struct hs_results *results, struct hs_view name)
{
    uint32_t    at = results->step_count;
    const char *workflow = results->workflow_names[results->workflow_count - 1];
    int         rc;

    if (at == HS_ARRAY_LEN(results->steps)) return -ENOBUFS;
    (void)snprintf(results->step_names[at], HS_NAME_BYTES, "%.*s",
                   (int)(name.bytes < HS_NAME_BYTES ? name.bytes : HS_NAME_BYTES - 1),
                   (const char *)name.data);
    rc = hs_stats_add(&results->total, &results->step);
    if (rc < 0) return rc;
    hs_report_step_build(&results->steps[at], workflow, results->step_names[at], &results->step);
    results->step_count++;
    return 0;
}

/* Which step comes next in each record: how many of them have one. */
static int look_ahead(struct hs_results *results)
{
    int waiting = 0;

    for (uint32_t i = 0; i < results->source_count; i++) {
        struct hs_results_source   *source = &results->sources[i];
        struct hs_run_record_reader copy = source->reader;
        int                         rc = hs_run_record_next(&copy, &source->step, NULL);

        if (rc < 0) return rc;
        source->is_waiting = rc == 1;
        waiting += rc;
    }
    return waiting;
}

static int add_source(struct hs_results *results, struct hs_results_source *source)
{
    int rc = hs_run_record_next(&source->reader, &source->step, &results->part);

    source->is_waiting = false;
    return rc < 0 ? rc : hs_stats_add(&results->step, &results->part);
}

/* The steps that come next and have one name are one step. They mostly are: only a record that was
 * too large step by step has other names than the rest. */
static int take_row(struct hs_results *results)
{
    for (uint32_t lead = 0; lead < results->source_count; lead++) {
        struct hs_view name = results->sources[lead].step;
        int            rc = 0;

        if (!results->sources[lead].is_waiting) continue;
        hs_stats_clear(&results->step);
        for (uint32_t i = lead; !rc && i < results->source_count; i++)
            if (results->sources[i].is_waiting && hs_view_equal(results->sources[i].step, name))
                rc = add_source(results, &results->sources[i]);
        if (!rc) rc = take_step(results, name);
        if (rc < 0) return rc;
    }
    return 0;
}

static int find_sources(struct hs_results *results, struct hs_view bytes, uint32_t workflow_idx)
{
    struct hs_run_record_reader reader;
    int64_t                     taken;

    results->source_count = 0;
    while ((taken = hs_run_record_open(&reader, bytes)) > 0) {
        bytes = hs_view_of(bytes.data + taken, bytes.bytes - (size_t)taken);
        if (reader.record.workflow_idx != workflow_idx) continue;
        if (results->source_count == HS_DATACENTERS_MAX) return -ENOBUFS;
        results->sources[results->source_count++] = (struct hs_results_source){.reader = reader};
    }
    return (int)taken;
}

static int take_workflow(struct hs_results *results, struct hs_view bytes, uint32_t workflow_idx)
{
    int rc = find_sources(results, bytes, workflow_idx);

    if (rc < 0) return rc;
    take_heads(results);
    while ((rc = look_ahead(results)) > 0) {
        rc = take_row(results);
        if (rc < 0) return rc;
    }
    return rc;
}

int hs_results_take(struct hs_results *results, struct hs_view bytes)
{
    bool                        is_there[HS_WORKFLOWS_MAX] = {false};
    struct hs_view              rest = bytes;
    struct hs_run_record_reader reader;
    int64_t                     taken;
    int                         rc = 0;

    while ((taken = hs_run_record_open(&reader, rest)) > 0) {
        if (reader.record.workflow_idx >= HS_WORKFLOWS_MAX) return -ENOBUFS;
        is_there[reader.record.workflow_idx] = true;
        rest = hs_view_of(rest.data + taken, rest.bytes - (size_t)taken);
    }
    if (taken < 0) return (int)taken;
    for (uint32_t i = 0; !rc && i < HS_WORKFLOWS_MAX; i++)
        if (is_there[i]) rc = take_workflow(results, bytes, i);
    return rc;
}

void hs_results_report(struct hs_results *results, struct hs_report_meta *meta,
                       struct hs_report *report)
{
    meta->backend = results->backend[0] ? results->backend : "unknown";
    meta->seed = results->seed;
    meta->duration_ns = results->duration_ns;
    meta->busy_ns = results->busy_ns;
    meta->warmup_ns = results->warmup_ns;
    meta->engine_count = results->engine_count;
    if (meta->restart_count < results->restart_count) meta->restart_count = results->restart_count;
    meta->is_open_model = results->is_open_model;
    meta->lost_count = results->lost_count;
    for (uint32_t i = 0; i < results->lost_count; i++) meta->lost_texts[i] = results->lost_texts[i];
    hs_report_build(report, meta, &results->total);
    hs_report_set_steps(report, results->steps, results->step_count);
}

bool hs_results_fit(const struct hs_results_piece *piece, uint64_t used_bytes, uint64_t total_bytes)
{
    if (used_bytes && piece->total_bytes != total_bytes) return false;
    return piece->total_bytes <= HS_RESULTS_BYTES_MAX && piece->offset_bytes == used_bytes &&
           used_bytes <= piece->total_bytes && piece->bytes <= piece->total_bytes - used_bytes;
}
