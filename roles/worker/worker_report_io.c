// SPDX-License-Identifier: Apache-2.0
/* worker_report_io.c - figures of execs on their way to the manager: differences while they run,
 * the whole at the end. */
#include "roles/worker/worker_io.h"

#include "roles/counters.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "shm/vitals.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum {
    BEHIND_BYTES = 256 << 10
}; /* waiting for a manager that reads slowly: figures can wait too */

static void *take_pages(size_t bytes, struct hs_err *err)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory != MAP_FAILED) return memory;
    HS_IGNORE(hs_err_set(err, -errno, "memory for figures"), "the caller sees NULL");
    return NULL;
}

int hs_worker_reports_open(struct hs_worker *worker, struct hs_err *err)
{
    void *chunks = take_pages((size_t)HS_WORKER_CHUNKS * sizeof(struct hs_chunk), err);

    if (!chunks) return err->code;
    hs_chunk_pool_init(&worker->pool, chunks, HS_WORKER_CHUNKS);
    hs_stats_init(&worker->now_stats, &worker->pool);
    return 0;
}

static bool prepare_figures(struct hs_worker *worker, unsigned row)
{
    struct hs_worker_figures *own = &worker->figures[row];
    uint32_t                  step_count = worker->execs.rows[row].record.facts.step_count;
    struct hs_err             err = {0};

    if (own->memory) return true;
    if (!step_count || step_count > HS_STEPS_MAX) return false;
    own->memory_bytes = hs_exec_figures_bytes(step_count);
    own->memory = take_pages(own->memory_bytes, &err);
    if (!own->memory) return false;
    hs_exec_figures_init(&own->figures, &worker->pool, step_count, own->memory);
    return true;
}

void hs_worker_report_free(struct hs_worker *worker, unsigned row)
{
    struct hs_worker_figures *own = &worker->figures[row];

    if (!own->memory) return;
    hs_exec_figures_fini(&own->figures);
    HS_IGNORE(munmap(own->memory, own->memory_bytes), "nothing to do about it");
    *own = (struct hs_worker_figures){0};
}

static void begin_report(struct hs_worker *worker, unsigned row, struct hs_exec_report *report)
{
    *report = (struct hs_exec_report){.figures = &worker->figures[row].figures,
                                      .record = &worker->execs.rows[row].record,
                                      .engines = worker->engine_figures,
                                      .now = &worker->now_stats};
}

/* ---- progress ---- */

static uint32_t running_vus(const struct hs_exec_record *record)
{
    uint32_t count = 0;

    for (unsigned i = 0; i < record->part_count; i++)
        if (record->parts[i].state == HS_PART_RUNNING) count += record->parts[i].vu_count;
    return count;
}

static uint16_t released_cores(const struct hs_exec_record *record)
{
    unsigned count = 0;

    for (unsigned i = 0; i < record->part_count; i++)
        count += record->parts[i].state >= HS_PART_OVER;
    return (uint16_t)count;
}

static int send_progress(struct hs_worker *worker, struct hs_conn *conn,
                         const struct hs_execs_action *action, const struct hs_writer *payload,
                         uint64_t now_ns)
{
    unsigned                     row = action->row;
    bool                         is_full = action->is_full;
    const struct hs_exec_record *record = &worker->execs.rows[row].record;
    struct hs_msg_exec_progress  progress = {
         .exec = record->id,
         .exec_fence = record->fence,
         .pseq = ++worker->next_pseq,
         .kind = is_full ? HS_PROGRESS_FULL : HS_PROGRESS_DIFF,
         .base = is_full ? 0 : worker->figures[row].pseq,
         .phase = (uint8_t)hs_exec_phase_at(record, now_ns),
         .elapsed_ns = hs_exec_elapsed_ns(record, now_ns),
         .cores_released = released_cores(record),
         .vus_active = running_vus(record),
         .payload = hs_view_of(payload->data, payload->used_bytes),
         .session = worker->execs.session,
    };

    worker->figures[row].pseq = progress.pseq;
    hs_counter_add(worker->process.counters, HS_COUNT_progress_reports, 1);
    return hs_wire_send(conn, HS_MSG_EXEC_PROGRESS, &progress, ++worker->next_request);
}

void hs_worker_progress(struct hs_worker *worker, const struct hs_execs_action *action,
                        uint64_t now_ns)
{
    struct hs_exec       *exec = &worker->execs.rows[action->row];
    struct hs_conn       *conn = hs_worker_leader_conn(worker, HS_MSG_EXEC_PROGRESS);
    struct hs_exec_report report;
    struct hs_writer      payload;
    int                   rc = 1;

    if (!conn || hs_conn_queued_bytes(conn) > BEHIND_BYTES ||
        !prepare_figures(worker, action->row)) {
        exec->needs_full =
            exec->needs_full || action->is_full; /* nothing is lost: figures only grow */
        return;
    }
    begin_report(worker, action->row, &report);
    report.is_full = action->is_full;
    while (rc == 1) {
        hs_writer_init(&payload, worker->payload, sizeof worker->payload);
        rc = hs_exec_report_put(&report, &payload);
        if (rc >= 0 && send_progress(worker, conn, action, &payload, now_ns) < 0) rc = -ENOBUFS;
    }
    if (rc < 0)
        exec->needs_full = true;
    else
        hs_execs_told(&worker->execs, action->row, now_ns);
    hs_stats_clear(&worker->now_stats);
}

/* ---- the result ---- */

struct result {
    uint16_t parts;
    uint8_t  digest[EVP_MAX_MD_SIZE];
};

static void fill_backend(struct hs_worker *worker, const struct hs_exec_record *record,
                         char text[64])
{
    unsigned         process_idx = hs_process_idx_of(HS_ROLE_ENGINE, record->parts[0].engine_idx);
    struct hs_vitals vitals;

    hs_vitals_load(hs_vitals_page(hs_segment_body(&worker->vitals_segment), process_idx), &vitals);
    (void)snprintf(text, 64, "%s", vitals.backend);
}

static int send_result(struct hs_worker *worker, unsigned row, const struct result *result,
                       uint16_t part, const struct hs_writer *payload)
{
    const struct hs_exec_record *record = &worker->execs.rows[row].record;
    struct hs_msg_exec_result    message = {
           .exec = record->id,
           .exec_fence = record->fence,
           .outcome = (uint8_t)record->outcome,
           .elapsed_ns = hs_exec_elapsed_ns(record, record->ended_at_ns),
           .restarts = (uint16_t)record->restarts,
           .part = part,
           .parts = result->parts,
           .payload = hs_view_of(payload->data, payload->used_bytes),
           .session = worker->execs.session,
    };

    (void)snprintf(message.text, sizeof message.text, "%s", record->text);
    memcpy(message.digest, result->digest, sizeof message.digest);
    fill_backend(worker, record, message.backend);
    return hs_wire_send(worker->conn, HS_MSG_EXEC_RESULT, &message, ++worker->next_request);
}

/* One pass over the final figures, which do not change any more: counts and digests the pieces, or
 * sends them. Parts are numbered from 1 in each pass, so that both say the same bytes. */
static int walk_result(struct hs_worker *worker, unsigned row, struct result *result,
                       EVP_MD_CTX *sha)
{
    struct hs_exec_figures *figures = &worker->figures[row].figures;
    struct hs_exec_report   report;
    struct hs_writer        payload;
    uint16_t                part = 0;
    int                     rc = 1;

    begin_report(worker, row, &report);
    report.is_full = true;
    report.is_final = true;
    memset(figures->sequences, 0, figures->step_count * sizeof *figures->sequences);
    while (rc == 1) {
        hs_writer_init(&payload, worker->payload, sizeof worker->payload);
        rc = hs_exec_report_put(&report, &payload);
        if (rc < 0) break;
        if (sha && !EVP_DigestUpdate(sha, payload.data, payload.used_bytes)) rc = -EIO;
        if (!sha && send_result(worker, row, result, part, &payload) < 0) rc = -ENOBUFS;
        part++;
    }
    if (sha) result->parts = part;
    hs_stats_clear(&worker->now_stats);
    return rc;
}

static int count_result(struct hs_worker *worker, unsigned row, struct result *result)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    int         rc = -ENOMEM;

    if (sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL))
        rc = walk_result(worker, row, result, sha);
    if (rc == 0 && !EVP_DigestFinal_ex(sha, result->digest, NULL)) rc = -EIO;
    EVP_MD_CTX_free(sha);
    return rc;
}

/* The books of one exec, once per life of the worker: what the manager has must add up to these. */
static void log_end(struct hs_worker *worker, unsigned row)
{
    const struct hs_exec_record *record = &worker->execs.rows[row].record;
    struct hs_stats             *stats = &worker->now_stats;
    uint64_t                     sums[HS_TALLY_COUNT] = {0};
    uint64_t                     completed = 0;
    uint64_t                     failed = 0;
    char                         text[HS_EXEC_ID_TEXT_BYTES];

    if (worker->figures[row].is_logged) return;
    for (uint32_t step = 0; step < record->facts.step_count; step++) {
        if (hs_exec_figures_read(record, worker->engine_figures, step, true, stats) < 0) return;
        for (unsigned i = 0; i < HS_TALLY_COUNT; i++) sums[i] += stats->tallies[i];
        completed += hs_stats_completed(stats);
        failed += hs_stats_failed(stats);
    }
    hs_stats_clear(stats);
    worker->figures[row].is_logged = true;
    hs_log(HS_LOG_INFO, "worker",
           "exec ended exec=%s outcome=%s restarts=%u sent=%" PRIu64 " completed=%" PRIu64
           " failed=%" PRIu64 " cut=%" PRIu64 " dropped=%" PRIu64 " lost=%" PRIu64,
           hs_exec_id_format(&record->id, text), hs_exec_outcome_name(record->outcome),
           record->restarts, sums[HS_TALLY_SENT], completed, failed, sums[HS_TALLY_CUT],
           sums[HS_TALLY_DROPPED], sums[HS_TALLY_LOST]);
}

void hs_worker_result(struct hs_worker *worker, unsigned row, uint64_t now_ns)
{
    const struct hs_exec *exec = &worker->execs.rows[row];
    struct result         result = {.parts = 1};
    struct hs_writer      nothing = {.data = worker->payload};
    int                   rc;

    (void)now_ns;
    if (!worker->conn) return;
    if (exec->result_wait_ns > 10 * HS_NS_PER_S)
        hs_counter_add(worker->process.counters, HS_COUNT_result_repeats, 1);
    if (!exec->record.is_started || !prepare_figures(worker, row)) {
        if (!EVP_Digest("", 0, result.digest, NULL, EVP_sha256(), NULL)) return;
        rc = send_result(worker, row, &result, 0, &nothing);
    } else {
        log_end(worker, row);
        rc = count_result(worker, row, &result);
        if (rc == 0) rc = walk_result(worker, row, &result, NULL);
    }
    if (rc < 0)
        hs_log(HS_LOG_WARN, "worker", "result not sent, again later: %s", hs_err_code_text(rc));
}
