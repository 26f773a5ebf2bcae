// SPDX-License-Identifier: Apache-2.0
/* exec_figures.c - pages to sums to parts. */
#include "roles/worker/exec_figures.h"

#include "roles/engine_link.h"

#include <errno.h>
#include <string.h>

size_t hs_exec_figures_bytes(uint32_t step_count)
{
    return (size_t)step_count * (sizeof(struct hs_stats) + sizeof(uint64_t));
}

void hs_exec_figures_init(struct hs_exec_figures *figures, struct hs_chunk_pool *pool,
                          uint32_t step_count, void *memory)
{
    *figures = (struct hs_exec_figures){.pool = pool, .step_count = step_count, .said = memory};
    figures->sequences = (uint64_t *)(void *)(figures->said + step_count);
    for (uint32_t i = 0; i < step_count; i++) hs_stats_init(&figures->said[i], pool);
}

void hs_exec_figures_fini(struct hs_exec_figures *figures)
{
    for (uint32_t i = 0; i < figures->step_count; i++) hs_stats_fini(&figures->said[i]);
    *figures = (struct hs_exec_figures){0};
}

static const struct hs_figures_page_shm *find_page(const struct hs_exec_record  *record,
                                                   const struct hs_exec_part    *part,
                                                   const struct hs_figures_shm **engines,
                                                   uint64_t figures_id, uint32_t step)
{
    struct hs_figures_key key = {.exec_fence = record->fence, .step_idx = step};

    hs_engine_figures_key(figures_id, key.exec_id);
    return hs_figures_find(engines[part->engine_idx], &key);
}

static int read_void(const struct hs_exec_record *record, const struct hs_exec_part *part,
                     const struct hs_figures_shm **engines, uint32_t step, bool is_final,
                     struct hs_stats *into)
{
    for (uint32_t i = 0; i < part->void_count; i++) {
        const struct hs_figures_page_shm *page =
            find_page(record, part, engines, part->void_figures[i], step);
        struct hs_figures_glance glance;
        int                      rc;

        if (!page) continue;
        if (is_final) {
            hs_figures_glance(page, &glance);
            into->tallies[HS_TALLY_DISCARDED] += glance.sent;
            continue;
        }
        rc = hs_figures_read(page, into);
        if (rc < 0) return rc;
    }
    return 0;
}

static uint64_t ended_on(const struct hs_figures_page_shm *page)
{
    struct hs_figures_glance glance;

    if (!page) return 0;
    hs_figures_glance(page, &glance);
    return glance.completed + glance.failed;
}

uint64_t hs_exec_figures_ended(const struct hs_exec_record  *record,
                               const struct hs_figures_shm **engines)
{
    uint64_t count = 0;

    for (uint32_t step = 0; step < record->facts.step_count; step++)
        for (uint32_t i = 0; i < record->part_count; i++) {
            const struct hs_exec_part *part = &record->parts[i];

            count += ended_on(find_page(record, part, engines, part->figures_id, step));
            for (uint32_t k = 0; k < part->void_count; k++)
                count += ended_on(find_page(record, part, engines, part->void_figures[k], step));
        }
    return count;
}

/* An engine that died and has no successor yet has left requests in flight: nobody will hear of
 * them. */
static void cut_rest(struct hs_stats *stats)
{
    stats->tallies[HS_TALLY_CUT] += hs_stats_in_flight(stats);
}

int hs_exec_figures_read(const struct hs_exec_record *record, const struct hs_figures_shm **engines,
                         uint32_t step, bool is_final, struct hs_stats *into)
{
    hs_stats_clear(into);
    for (uint32_t i = 0; i < record->part_count; i++) {
        const struct hs_exec_part        *part = &record->parts[i];
        const struct hs_figures_page_shm *page =
            find_page(record, part, engines, part->figures_id, step);
        int rc = page ? hs_figures_read(page, into) : 0;

        if (rc == 0) rc = read_void(record, part, engines, step, is_final, into);
        if (rc < 0) return rc;
    }
    if (is_final) cut_rest(into);
    return 0;
}

/* Reads the next step that has something to say. 1, 0: no more, -ENOBUFS. */
static int next_step(struct hs_exec_report *report)
{
    struct hs_exec_figures *figures = report->figures;

    for (; report->step < figures->step_count; report->step++) {
        int rc = hs_exec_figures_read(report->record, report->engines, report->step,
                                      report->is_final, report->now);

        if (rc < 0) return rc;
        if (!report->is_full && hs_stats_is_equal(report->now, &figures->said[report->step]))
            continue;
        hs_stats_encoder_init(&report->encoder, report->now,
                              report->is_full ? NULL : &figures->said[report->step]);
        report->is_under_way = true;
        return 1;
    }
    return 0;
}

int hs_exec_report_put(struct hs_exec_report *report, struct hs_writer *payload)
{
    struct hs_exec_figures *figures = report->figures;

    while (report->is_under_way || report->step < figures->step_count) {
        int rc = report->is_under_way ? 1 : next_step(report);

        if (rc <= 0) return rc;
        rc = hs_step_parts_put(payload, report->step, &report->encoder,
                               &figures->sequences[report->step]);
        if (rc == 1) return 1;
        rc = hs_stats_copy(&figures->said[report->step], report->now);
        if (rc < 0) return rc;
        report->is_under_way = false;
        report->step++;
    }
    return 0;
}
