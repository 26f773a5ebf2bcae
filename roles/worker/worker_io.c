// SPDX-License-Identifier: Apache-2.0
/* worker_io.c - the worker's main: between hooks and the table of execs. Holds no rule about
 * execs. */
#include "roles/worker/worker_io.h"

#include "roles/config.h"
#include "roles/counters.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct hs_worker *worker_of(void *self)
{
    return self;
}

static uint64_t now_of(const struct hs_worker *worker)
{
    return hs_loop_clock_ns(worker->process.loop);
}

/* ---- events and actions ---- */

/* What a successor needs is stored before anything is done about it. */
static void store_dirty(struct hs_worker *worker)
{
    struct hs_execs           *execs = &worker->execs;
    struct hs_exec_ledger_head head;
    unsigned                   row;

    /* First: a run that is given up is known as such before its row lets go of the core. */
    hs_execs_save_head(execs, &head);
    if (memcmp(&head, &worker->head, sizeof head) != 0)
        hs_exec_ledger_store_head(worker->ledger, &head);
    worker->head = head;
    while ((row = hs_execs_next_dirty(execs)) < HS_EXECS_PER_WORKER_MAX) {
        hs_exec_ledger_store(worker->ledger, row, &execs->rows[row].record);
        execs->rows[row].is_dirty = false;
    }
}

static void forget(struct hs_worker *worker, unsigned row, uint64_t now_ns)
{
    hs_worker_forget_figures(worker, row);
    hs_worker_report_free(worker, row);
    hs_worker_plan_free(&worker->plans[row]);
    hs_execs_bury(&worker->execs, row, now_ns);
}

static void perform(struct hs_worker *worker, const struct hs_execs_action *action, uint64_t now_ns)
{
    switch (action->type) {
    case HS_EXECS_DO_ACK: hs_worker_ack(worker, action); return;
    case HS_EXECS_DO_FETCH: hs_worker_fetch(worker, now_ns); return;
    case HS_EXECS_DO_PREPARE: hs_worker_prepare(worker, action->row); return;
    case HS_EXECS_DO_START: hs_worker_start(worker, action->row, action->part); return;
    case HS_EXECS_DO_STOP: hs_worker_stop_part(worker, action); return;
    case HS_EXECS_DO_REGISTER: hs_worker_register(worker); return;
    case HS_EXECS_DO_HEARTBEAT: hs_worker_heartbeat(worker, now_ns); return;
    case HS_EXECS_DO_PROGRESS: hs_worker_progress(worker, action, now_ns); return;
    case HS_EXECS_DO_RESULT: hs_worker_result(worker, action->row, now_ns); return;
    case HS_EXECS_DO_FORGET: forget(worker, action->row, now_ns); return;
    case HS_EXECS_DO_ACK_CANCEL: hs_worker_ack_cancel(worker, action); return;
    case HS_EXECS_DO_STATE: hs_worker_tell_state(worker, now_ns); return;
    case HS_EXECS_DO_EXTEND: hs_worker_extend(worker, action); return;
    }
}

void hs_worker_step(struct hs_worker *worker, const struct hs_execs_event *event)
{
    uint64_t now_ns = now_of(worker);

    HS_ASSERT(!worker->is_stepping);
    worker->is_stepping = true;
    hs_execs_step(&worker->execs, now_ns, event, &worker->actions);
    store_dirty(worker);
    for (unsigned i = 0; i < worker->actions.count; i++)
        perform(worker, &worker->actions.at[i], now_ns);
    store_dirty(worker); /* what was buried */
    worker->is_stepping = false;
}

/* ---- hooks ---- */

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd)
{
    struct hs_worker *worker = worker_of(self);

    if (peer == HS_ROLE_MANAGER)
        hs_worker_link_open(worker, fd);
    else if (peer == HS_ROLE_RESOLVER && (token & HS_DIALER_TOKEN))
        hs_dialer_io_resolver(&worker->dialer, token, fd);
    else if (peer == HS_ROLE_RESOLVER)
        hs_worker_resolver_linked(worker, token, fd);
    else if (peer == HS_ROLE_ENGINE && peer_idx < worker->execs.config.engine_count)
        hs_worker_engine_linked(worker, peer_idx, generation, fd);
    else
        close(fd);
}

static void on_peer_down(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                         const char *cause)
{
    struct hs_worker *worker = worker_of(self);

    (void)cause;
    if (peer == HS_ROLE_MANAGER) hs_worker_link_down(worker);
    if (peer == HS_ROLE_ENGINE && peer_idx < worker->execs.config.engine_count)
        hs_worker_engine_down(worker, peer_idx, generation);
}

static void on_quarantine(void *self, uint64_t digest, const uint8_t job_id[16])
{
    struct hs_execs_event event = {.type = HS_EXECS_SET_ASIDE, .plan_word = digest};

    (void)job_id; /* the plan is bad, whatever job brings it */
    hs_worker_step(worker_of(self), &event);
}

static void on_drain(void *self)
{
    struct hs_execs_event event = {.type = HS_EXECS_DRAIN};

    hs_worker_step(worker_of(self), &event);
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct hs_worker     *worker = worker_of(self);
    uint64_t              now_ns = now_of(worker);
    uint64_t              left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    struct hs_execs_event event = {.type = HS_EXECS_STOP,
                                   .wait_ns = hs_min_u64(left_ns / 4, HS_NS_PER_S)};

    worker->stop_deadline_ns = deadline_ns;
    hs_worker_step(worker, &event);
}

static void on_answer(void *self, uint64_t token, int code, const char *text)
{
    struct hs_worker *worker = worker_of(self);

    (void)text;
    if (token & HS_DIALER_TOKEN)
        hs_dialer_io_no_resolver(&worker->dialer, token, code);
    else
        hs_worker_resolver_failed(worker, token, code);
}

static void note(struct hs_worker *worker, enum hs_notice_kind kind, uint64_t number,
                 const char *text)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, "", number, "%s", text);
    hs_role_note(&worker->process, &record);
}

static void count_up(struct hs_worker *worker)
{
    uint64_t moved = worker->execs.restarts - worker->counted_restarts;
    uint64_t dropped = worker->execs.dropped_results - worker->counted_drops;

    hs_counter_set(worker->process.counters, HS_COUNT_execs_running,
                   hs_execs_live_count(&worker->execs));
    hs_counter_set(worker->process.counters, HS_COUNT_results_waiting,
                   hs_execs_waiting_count(&worker->execs));
    hs_counter_add(worker->process.counters, HS_COUNT_engine_shares_moved, moved);
    hs_counter_add(worker->process.counters, HS_COUNT_results_dropped, dropped);
    worker->counted_restarts += moved;
    worker->counted_drops += dropped;
    if (moved) note(worker, HS_NOTICE_SHARES_MOVED, moved, "their engines had died");
}

static void on_credentials(void *self, uint64_t number, int fd)
{
    hs_node_credentials_take(&worker_of(self)->door.credentials, number, fd);
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct hs_worker     *worker = worker_of(self);
    struct hs_execs_event timeout = {.type = HS_EXECS_TIMEOUT};
    uint64_t              deadline_ns = hs_worker_engines_turn(worker, now_ns);

    deadline_ns = hs_min_u64(deadline_ns, hs_worker_plans_turn(worker, now_ns));
    if (worker->execs.needs_heartbeat || hs_execs_deadline_ns(&worker->execs) <= now_ns)
        hs_worker_step(worker, &timeout);
    deadline_ns = hs_min_u64(deadline_ns, hs_worker_managers_turn(worker, now_ns));
    count_up(worker);
    return hs_min_u64(deadline_ns, hs_execs_deadline_ns(&worker->execs));
}

static bool is_done(const void *self)
{
    const struct hs_worker *worker = self;

    return hs_execs_is_done(&worker->execs) && hs_worker_managers_are_flushed(worker);
}

static const struct hs_role_hooks hooks = {.measures_load = true,
                                           .on_link = on_link,
                                           .on_peer_down = on_peer_down,
                                           .on_drain = on_drain,
                                           .on_stop = on_stop,
                                           .on_answer = on_answer,
                                           .on_credentials = on_credentials,
                                           .on_quarantine = on_quarantine,
                                           .turn = turn,
                                           .is_done = is_done,
                                           .hands_over = true};

/* ---- start ---- */

static void adopt(struct hs_worker *worker)
{
    uint64_t now_ns = now_of(worker);
    unsigned count = 0;

    hs_exec_ledger_load_head(worker->ledger, &worker->head);
    hs_execs_adopt_head(&worker->execs, &worker->head);
    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++) {
        struct hs_exec_record record;

        hs_exec_ledger_load(worker->ledger, row, &record);
        count += hs_execs_adopt(&worker->execs, row, &record, now_ns);
    }
    hs_counter_add(worker->process.counters, HS_COUNT_execs_adopted, count);
    if (!count) return;
    hs_log(HS_LOG_INFO, "worker", "took over execs=%u of a predecessor", count);
    note(worker, HS_NOTICE_SHARES_ADOPTED, count, "running shares of a dead predecessor");
}

static int open_ledger(struct hs_worker *worker, struct hs_err *err)
{
    const struct hs_heritage *heritage = worker->process.heritage;
    const struct hs_config   *config = heritage->config;
    struct hs_execs_config    execs_config = {
           .engine_count = heritage->engine_count,
           .generation = heritage->generation,
           .heartbeat_interval_ns = config->worker.heartbeat_interval_ns,
           .progress_interval_ns = config->worker.progress_interval_ns,
           .cumulative_interval_ns = config->worker.cumulative_interval_ns,
           .orphan_after_ns = config->worker.orphan_after_ns,
           .orphan_grace_ns = config->worker.orphan_grace_ns,
    };
    int rc = hs_role_map_share(heritage, HS_SHARE_EXECS, HS_SEGMENT_READ_WRITE,
                               &worker->ledger_segment, err);

    if (rc < 0) return rc;
    worker->ledger = hs_segment_body(&worker->ledger_segment);
    hs_execs_init(&worker->execs, &execs_config, now_of(worker));
    if (hs_exec_ledger_attach(worker->ledger)) adopt(worker);
    return hs_role_map_share(heritage, HS_SHARE_VITALS, HS_SEGMENT_READ_ONLY,
                             &worker->vitals_segment, err);
}

static int open_worker(struct hs_worker *worker, const struct hs_heritage *heritage,
                       struct hs_err *err)
{
    int rc = hs_role_open(&worker->process, heritage, NULL, err);

    if (rc < 0) return rc;
    worker->next_pseq = heritage->generation << 32;
    for (unsigned row = 0; row < HS_EXECS_PER_WORKER_MAX; row++) {
        worker->plans[row].worker = worker;
        worker->plans[row].image_fd = -1;
        worker->plans[row].answer.fd = -1;
    }
    rc = open_ledger(worker, err);
    if (rc == 0) rc = hs_worker_reports_open(worker, err);
    if (rc == 0) rc = hs_worker_engines_open(worker, err);
    if (rc == 0) rc = hs_worker_managers_open(worker, err);
    return rc < 0 ? rc : hs_role_ready(&worker->process, err);
}

int hs_worker_main(const struct hs_heritage *heritage)
{
    struct hs_worker *worker = calloc(1, sizeof *worker); /* lives as long as the process */
    struct hs_err     err = {0};

    if (!worker) return 1;
    if (open_worker(worker, heritage, &err) < 0) return hs_role_exit_code(&err);
    return hs_role_serve(&worker->process, &hooks, worker);
}
