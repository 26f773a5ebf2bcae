// SPDX-License-Identifier: Apache-2.0
/* manager_io.c - the manager process: links, ledger, the table of workers in shared memory, and the
 * core (manager.h) in the middle. */
#include "roles/manager/manager_io.h"

#include "roles/cluster/seal_io.h"
#include "roles/config.h"
#include "roles/host_table.h"
#include "roles/manager/manager_fsm.h"
#include "roles/manager/manager_process.h"
#include "roles/result_code.h"
#include "roles/wire_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEDGER_GROUP = 2 };
#define LEDGER_COMPACT_BYTES (UINT64_C(16) << 20)
#define ROWS_INTERVAL_NS     (500 * HS_NS_PER_MS)

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd)
{
    struct hs_manager_process *process = self;

    (void)peer_idx;
    (void)generation;
    if (peer == HS_ROLE_GATE || peer == HS_ROLE_WORKER)
        hs_manager_links_add(process, peer, fd);
    else if (peer == HS_ROLE_RESOLVER && hs_ring_io_resolver(process->ring, token, fd))
        return;
    else if (peer == HS_ROLE_RESOLVER && process->door.is_open)
        hs_dialer_io_resolver(&process->dialer, token, fd);
    else
        close(fd);
}

/* ---- the ledger ---- */

static void on_answer(void *context, const struct hs_ledger_answer *answer)
{
    struct hs_manager_process *process = context;
    uint64_t                   now_ns = hs_manager_clock_of(process);

    if (answer->kind == HS_LEDGER_FAILED) process->has_failed = true;
    hs_ledger_count(process->ledger, process->process.counters);
    hs_manager_on_answer(&process->manager, answer, now_ns, &process->actions);
    hs_manager_perform(process, now_ns);
}

static uint32_t apply(void *self, uint64_t seq, struct hs_view entry)
{
    return hs_manager_fsm_apply(self, seq, entry);
}

static void save(void *self, struct hs_writer *writer)
{
    hs_manager_fsm_save(self, writer);
}

static int restore(void *self, struct hs_view snapshot)
{
    return hs_manager_fsm_restore(self, snapshot);
}

static bool is_blob_needed(void *self, const struct hs_ledger_digest *digest)
{
    return hs_manager_fsm_is_blob_needed(self, digest);
}

static int open_ledger(struct hs_manager_process *process, struct hs_manager_state *state,
                       struct hs_err *err)
{
    const struct hs_heritage *heritage = process->process.heritage;
    struct hs_ledger_config   config = {
          .loop = process->process.loop,
          .fd = {heritage->ledger_fd[0], heritage->ledger_fd[1]},
          .group = LEDGER_GROUP,
          .machine = {.self = state,
                      .apply = apply,
                      .save = save,
                      .restore = restore,
                      .is_blob_needed = is_blob_needed,
                      .snapshot_bytes_max = HS_MANAGER_SNAPSHOT_BYTES_MAX},
          .on_answer = on_answer,
          .context = process,
          .compact_bytes = LEDGER_COMPACT_BYTES,
          .headroom_bytes = heritage->is_embedded ? 0 : HS_LEDGER_HEADROOM_BYTES,
    };
    int rc;

    hs_role_set_phase(&process->process, HS_VITALS_REPLAY);
    rc = hs_ledger_open(&process->ledger, &config, err);
    hs_role_set_phase(&process->process, HS_VITALS_NORMAL);
    if (rc) return rc;
    hs_ledger_count(process->ledger, process->process.counters);
    return 0;
}

/* ---- for status ---- */

static void show_link(const struct hs_manager_process *process, uint32_t number,
                      struct hs_worker_row *row)
{
    const struct hs_manager_link *link = hs_manager_links_find(process, number);

    if (link && link->is_local)
        (void)snprintf(row->address, sizeof row->address, "local");
    else if (link)
        hs_addr_format(&link->greeting.address, row->address, sizeof row->address);
    row->has_data_lane = link && hs_data_lane_io_is_up(&link->lane);
}

static void show_worker(struct hs_manager_process *process, uint32_t idx)
{
    const struct hs_manager_worker *worker = &process->manager.workers.at[idx];
    hs_registry_handle             *handle = &process->handles[idx];
    uint64_t                        words[HS_WORKER_ROW_WORDS];
    struct hs_worker_row            row;
    uint32_t                        cores, execs;
    int                             rc;

    hs_manager_worker_load(&process->manager, worker, &cores, &execs);
    hs_workers_row(worker, cores, execs, &row);
    row.jobs_suspect = process->manager.silence.nodes[idx].suspect_count;
    row.jobs_dead = process->manager.silence.nodes[idx].dead_count;
    show_link(process, worker->link, &row);
    row.is_owned = hs_star_owns(&process->star, worker);
    (void)snprintf(row.owner, sizeof row.owner, "%s", hs_star_owner_name(&process->star, worker));
    memcpy(words, &row, sizeof words);
    rc = *handle ? hs_registry_update(&process->rows, *handle, words)
                 : hs_registry_insert(&process->rows, words, handle);
    if (rc == 0) return;
    hs_log(HS_LOG_WARN, "manager", "row of status not shown: %s", hs_err_code_text(rc));
    *handle = 0;
}

static void hide_worker(struct hs_manager_process *process, uint32_t idx)
{
    HS_IGNORE(hs_registry_remove(&process->rows, process->handles[idx]),
              "a row that is gone is what is wanted");
    process->handles[idx] = 0;
}

static void show_silence(struct hs_manager_process *process)
{
    const struct hs_job_suspicion_counts *now = &process->manager.silence.counts;
    struct hs_job_suspicion_counts       *told = &process->told_silence;

    hs_manager_count(process, HS_COUNT_job_suspicions, now->suspicions - told->suspicions);
    hs_manager_count(process, HS_COUNT_job_deaths, now->deaths - told->deaths);
    hs_manager_count(process, HS_COUNT_job_slots_refused, now->refused - told->refused);
    hs_manager_count(process, HS_COUNT_job_slots_repaired, now->repaired - told->repaired);
    hs_counter_set(process->process.counters, HS_COUNT_job_slots,
                   process->manager.silence.used_count);
    *told = *now;
}

static void show_counts(struct hs_manager_process *process)
{
    const struct hs_manager_counts *now = &process->manager.counts;
    struct hs_manager_counts       *told = &process->told;
    const struct {
        enum hs_count count;
        uint64_t      amount;
    } rows[] = {
        {HS_COUNT_workers_registered, now->workers_registered - told->workers_registered},
        {HS_COUNT_workers_lost, now->workers_lost - told->workers_lost},
        {HS_COUNT_workers_held, now->workers_held - told->workers_held},
        {HS_COUNT_workflows_started, now->workflows_started - told->workflows_started},
        {HS_COUNT_workflows_ended, now->workflows_ended - told->workflows_ended},
        {HS_COUNT_execs_assigned, now->execs_assigned - told->execs_assigned},
        {HS_COUNT_execs_rejected, now->execs_rejected - told->execs_rejected},
        {HS_COUNT_execs_lost, now->execs_lost - told->execs_lost},
        {HS_COUNT_execs_retried, now->execs_retried - told->execs_retried},
        {HS_COUNT_extensions_granted, now->extensions_granted - told->extensions_granted},
        {HS_COUNT_extensions_denied, now->extensions_denied - told->extensions_denied},
        {HS_COUNT_breakers_opened, now->breakers_opened - told->breakers_opened},
        {HS_COUNT_breaker_refusals, now->breaker_refusals - told->breaker_refusals},
        {HS_COUNT_ledger_busy, now->busy - told->busy},
        {HS_COUNT_frames_unexpected, now->unexpected - told->unexpected},
        {HS_COUNT_frames_malformed, now->malformed - told->malformed},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(rows); i++)
        if (rows[i].amount) hs_manager_count(process, rows[i].count, rows[i].amount);
    *told = *now;
    show_silence(process);
    hs_counter_set(process->process.counters, HS_COUNT_cores_known,
                   process->manager.heartbeat.cores_total);
    hs_counter_set(process->process.counters, HS_COUNT_cores_free,
                   process->manager.heartbeat.cores_free);
}

static void show_guarded(struct hs_manager_process *process, uint64_t now_ns)
{
    struct hs_workers *workers = &process->manager.workers;
    unsigned           open_count = 0;
    unsigned           damped_count = 0;
    unsigned           owned_count = 0;
    unsigned           told_count = 0;

    for (uint32_t i = 0; i < workers->high; i++) {
        if (!workers->at[i].is_used) continue;
        owned_count += hs_star_owns(&process->star, &workers->at[i]);
        told_count += hs_workers_is_told(&workers->at[i]);
        open_count += workers->at[i].breaker.state != HS_BREAKER_CLOSED;
        damped_count += hs_flap_is_damped(&workers->at[i].flap, now_ns);
    }
    hs_counter_set(process->process.counters, HS_COUNT_breakers_open, open_count);
    hs_counter_set(process->process.counters, HS_COUNT_peers_damped, damped_count);
    hs_counter_set(process->process.counters, HS_COUNT_workers_owned, owned_count);
    hs_counter_set(process->process.counters, HS_COUNT_workers_told, told_count);
}

/* Worse at once, better slowly: the others are not told of every moment. */
static enum hs_health_load load_of(struct hs_manager_process *process, uint64_t now_ns)
{
    HS_STATIC_ASSERT((int)HS_NODE_LOAD_COUNT == (int)HS_LOAD_COUNT, "the same four");
    return (enum hs_health_load)hs_level_take(
        &process->load, hs_admission_load(&process->guard.turnstile.admission), now_ns);
}

static void show(struct hs_manager_process *process, uint64_t now_ns)
{
    if (now_ns < process->rows_at_ns) return;
    process->rows_at_ns = now_ns + ROWS_INTERVAL_NS;
    show_guarded(process, now_ns);
    hs_ring_io_set_load(process->ring, load_of(process, now_ns));
    for (uint32_t i = 0; i < process->manager.workers.high; i++)
        if (process->manager.workers.at[i].is_used)
            show_worker(process, i);
        else if (process->handles[i])
            hide_worker(process, i);
    show_counts(process);
}

/* ---- hooks ---- */

static void on_drain(void *self)
{
    struct hs_manager_process *process = self;

    hs_manager_drain(&process->manager);
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct hs_manager_process *process = self;

    (void)deadline_ns; /* role_io ends the process then */
    hs_manager_stop(&process->manager);
}

static void on_quarantine(void *self, uint64_t digest, const uint8_t job_id[16])
{
    struct hs_manager_process *process = self;

    (void)job_id;
    hs_manager_quarantine(&process->manager, digest);
}

static void on_no_resolver(void *self, uint64_t token, int code, const char *text)
{
    struct hs_manager_process *process = self;

    (void)text;
    if (hs_ring_io_no_resolver(process->ring, token, code)) return;
    if (process->door.is_open) hs_dialer_io_no_resolver(&process->dialer, token, code);
}

/* So that gates, wherever they are, hear over TLS which keys this node holds. */
static void note_keyring(struct hs_manager_process *process)
{
    const struct hs_credentials *credentials = &process->door.credentials.credentials;

    if (credentials->tls) process->manager.keyring_mark = hs_seal_mark(&credentials->keyring);
}

static void on_credentials(void *self, uint64_t number, int fd)
{
    struct hs_manager_process *process = self;

    hs_node_credentials_take(&process->door.credentials, number, fd);
    hs_ring_io_set_keyring(process->ring, &process->door.credentials.credentials.keyring);
    hs_dc_answer_set_keyring(process->answer, &process->door.credentials.credentials.keyring);
    note_keyring(process);
}

static bool is_finished(const struct hs_manager_process *process)
{
    return hs_manager_is_idle(&process->manager) && hs_ledger_is_idle(process->ledger) &&
           hs_manager_links_are_flushed(process);
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct hs_manager_process *process = self;
    uint64_t                   star_ns;
    uint64_t                   next_ns;

    HS_ASSERT(!process->has_failed && "the log of decisions cannot be written: start me again");
    hs_ledger_step(process->ledger, now_ns);
    star_ns = hs_manager_star_turn(process, now_ns);
    next_ns = hs_min_u64(star_ns, hs_manager_turn(&process->manager, now_ns, &process->actions));
    hs_manager_perform(process, now_ns);
    hs_ledger_step(process->ledger, now_ns);
    show(process, now_ns);
    next_ns = hs_min_u64(next_ns, hs_manager_links_turn(process, now_ns));
    if (process->process.is_stopping && is_finished(process)) hs_ring_io_leave(process->ring);
    next_ns = hs_min_u64(next_ns, hs_ring_io_turn(process->ring, now_ns));
    next_ns = hs_min_u64(next_ns, hs_dc_answer_turn(process->answer, now_ns));
    next_ns = hs_min_u64(next_ns, process->rows_at_ns);
    return hs_min_u64(next_ns, hs_ledger_deadline_ns(process->ledger));
}

static bool is_done(const void *self)
{
    const struct hs_manager_process *process = self;

    return is_finished(process) && hs_ring_io_has_left(process->ring);
}

static const struct hs_role_hooks hooks = {.measures_load = true,
                                           .on_link = on_link,
                                           .on_drain = on_drain,
                                           .on_stop = on_stop,
                                           .on_quarantine = on_quarantine,
                                           .on_answer = on_no_resolver,
                                           .on_credentials = on_credentials,
                                           .turn = turn,
                                           .is_done = is_done,
                                           .hands_over = true};

/* ---- start ---- */

/* Demand-zero: what no job uses costs nothing. */
static void *take_memory(size_t bytes, struct hs_err *err)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory != MAP_FAILED) return memory;
    HS_IGNORE(hs_err_set(err, -ENOMEM, "memory of the manager"), "the caller sees the code");
    return NULL;
}

static void take_all_memory(struct hs_manager_process *process, struct hs_manager_memory *memory,
                            struct hs_err *err)
{
    process->blob = take_memory(HS_LEDGER_BLOB_BYTES_MAX, err);
    memory->state = take_memory(sizeof *memory->state, err);
    memory->live = take_memory(sizeof *memory->live, err);
    memory->maker = take_memory(sizeof *memory->maker, err);
    memory->plan_arena = take_memory(HS_PLAN_ARENA_BYTES, err);
    memory->plans = take_memory((size_t)HS_MANAGER_INTAKES * HS_PLAN_BYTES_MAX, err);
    memory->results = take_memory((size_t)HS_MANAGER_ASSEMBLIES * HS_LEDGER_BLOB_BYTES_MAX, err);
}

static void fill_config(struct hs_manager_config *config, const struct hs_heritage *heritage)
{
    const struct hs_config_manager *from = &heritage->config->manager;

    *config = (struct hs_manager_config){
        .incarnation = heritage->incarnation,
        .generation = heritage->generation,
        .finished_job_retention_ns = from->finished_job_retention_ns,
        .worker_lost_after_ns = from->worker_lost_after_ns,
        .dispatch_ack_timeout_ns = from->dispatch_ack_timeout_ns,
        .dispatch_attempts = from->dispatch_attempts,
        .retries_max = from->retries_max,
        .workflow_retries_max = from->workflow_retries_max,
        .retry_backoff_min_ns = from->retry_backoff_min_ns,
        .retry_backoff_max_ns = from->retry_backoff_max_ns,
        .stuck_after_ns = from->stuck_after_ns,
        .job_silent_after_ns = from->job_silent_after_ns,
    };
    memcpy(config->node_id, heritage->node_id, sizeof config->node_id);
    (void)snprintf(config->leader, sizeof config->leader, "%s", heritage->config->cluster.leader);
    config->has_one_gate =
        heritage->config->cluster.seed_gates.count + heritage->config->roles.gate <= 1;
    (void)snprintf(config->name, sizeof config->name, "%s", heritage->config->node.name);
    (void)snprintf(config->datacenter, sizeof config->datacenter, "%s",
                   heritage->config->node.datacenter);
}

/* Rows of a dead predecessor: its workers register again. */
static int map_rows(struct hs_manager_process *process, struct hs_err *err)
{
    uint64_t           words[HS_WORKER_ROW_WORDS];
    hs_registry_handle handle;
    int                rc;

    rc = hs_role_map_share(process->process.heritage, HS_SHARE_WORKERS, HS_SEGMENT_READ_WRITE,
                           &process->rows_segment, err);
    if (rc) return rc;
    rc = hs_registry_attach_writer(&process->rows, hs_segment_body(&process->rows_segment),
                                   &hs_worker_table_shape);
    if (rc == -EPROTO) hs_role_refuse_share(process->process.heritage, HS_SHARE_WORKERS);
    if (rc) return hs_err_set(err, rc, "table of workers");
    for (uint32_t i = 0; i < hs_worker_table_shape.slot_count; i++)
        if (hs_registry_at(&process->rows, i, &handle, words) == 1)
            HS_IGNORE(hs_registry_remove(&process->rows, handle), "it was there a line ago");
    return 0;
}

static int map_samples(struct hs_manager_process *process, struct hs_err *err)
{
    int rc = hs_role_map_share(process->process.heritage, HS_SHARE_LATENCY_SAMPLES,
                               HS_SEGMENT_READ_WRITE, &process->samples_segment, err);

    if (rc) return rc;
    process->samples =
        hs_latency_samples_ring(hs_segment_body(&process->samples_segment), HS_ROLE_MANAGER);
    return 0;
}

static int open_manager(struct hs_manager_process *process, const struct hs_heritage *heritage,
                        struct hs_err *err)
{
    struct hs_loop_config loop_config = {
        .wanted = (enum hs_loop_backend)heritage->config->node.io_backend,
        .stream_count_max = 2 * HS_MANAGER_LINKS + HS_DOOR_WAITING_MAX + 32,
        .recv_buffer_count = 64,
        .recv_buffer_bytes = 16 << 10,
        .file_op_count_max = 4};
    struct hs_manager_memory memory = {0};
    struct hs_manager_config config;
    int                      rc = hs_role_open(&process->process, heritage, &loop_config, err);

    if (rc) return rc;
    take_all_memory(process, &memory, err);
    if (err->code) return err->code;
    rc = map_rows(process, err);
    if (!rc) rc = map_samples(process, err);
    if (!rc) rc = open_ledger(process, memory.state, err);
    if (rc) return rc;
    fill_config(&config, heritage);
    hs_manager_init(&process->manager, &config, &memory);
    hs_manager_guard_open(&process->guard, &process->process);
    process->manager.admission = &process->guard.turnstile.admission;
    rc = hs_manager_links_open(process, err);
    if (rc) return rc;
    note_keyring(process);
    hs_manager_star_open(process);
    return hs_role_ready(&process->process, err);
}

int hs_manager_main(const struct hs_heritage *heritage)
{
    struct hs_manager_process *process =
        calloc(1, sizeof *process); /* lives as long as the process */
    struct hs_err err = {0};

    if (!process) return 1;
    if (open_manager(process, heritage, &err)) return hs_role_exit_code(&err);
    return hs_role_serve(&process->process, &hooks, process);
}
