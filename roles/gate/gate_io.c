// SPDX-License-Identifier: Apache-2.0
/* gate_io.c - the gate process: connections, ledger, tables in shared memory, and the core (gate.h)
 * in the middle. */
#include "roles/gate/gate_io.h"

#include "roles/config.h"
#include "roles/gate/gate_process.h"
#include "roles/gate/gate_wall_io.h"
#include "roles/plan/plan.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LEDGER_GROUP = 1 };
#define LEDGER_COMPACT_BYTES (UINT64_C(16) << 20)
#define LINGER_NS            (2 * HS_NS_PER_S) /* to ask for results, and to be given them */

static struct hs_gate_process *process_of(void *self)
{
    return self;
}

/* ---- what the core asks for (struct hs_gate_out) ---- */

static int out_propose(void *self, struct hs_view entry, uint64_t token)
{
    return hs_ledger_propose(process_of(self)->ledger, entry, token);
}

static int out_blob_put(void *self, struct hs_view bytes, struct hs_ledger_digest *digest,
                        uint64_t token)
{
    return hs_ledger_blob_put(process_of(self)->ledger, bytes, digest, token);
}

static bool out_is_disk_full(void *self)
{
    return hs_ledger_is_short(process_of(self)->ledger);
}

static int64_t out_blob_get(void *self, const struct hs_ledger_digest *digest, void *memory,
                            size_t capacity_bytes)
{
    return hs_ledger_blob_get(process_of(self)->ledger, digest, memory, capacity_bytes);
}

static void out_show_job(void *self, uint32_t job_idx, const struct hs_job_row *row)
{
    struct hs_gate_process *process = process_of(self);

    hs_gate_shares_show_job(&process->shares, job_idx, row);
    hs_counter_set(process->process.counters, HS_COUNT_jobs_active,
                   process->gate.fsm->active_count);
    hs_counter_set(process->process.counters, HS_COUNT_jobs_kept,
                   process->gate.fsm->job_count - process->gate.fsm->active_count);
}

static void out_show_manager(void *self, unsigned manager)
{
    struct hs_gate_process *process = process_of(self);

    process->gate.managers[manager].has_data_lane =
        hs_data_lane_io_is_up(&process->lanes[manager].lane);
    hs_gate_shares_show_manager(&process->shares, manager, &process->gate.managers[manager]);
}

static void out_note_dispatch(void *self, const struct hs_dispatch_time *record)
{
    hs_dispatch_time_write(process_of(self)->shares.dispatch_times, record);
}

static void out_note_latency(void *self, const struct hs_latency_sample *record)
{
    hs_latency_sample_write(process_of(self)->shares.latency_samples, record);
}

static void out_note_event(void *self, const struct hs_event_record *record)
{
    hs_role_note(&process_of(self)->process, record);
}

static void out_breadcrumb(void *self, const uint8_t job_id[HS_JOB_ID_BYTES], uint64_t digest)
{
    hs_role_breadcrumb(&process_of(self)->process, HS_MSG_SUBMIT, job_id, digest);
}

static bool out_is_quarantined(void *self, uint64_t digest)
{
    return hs_role_is_quarantined(&process_of(self)->process, digest);
}

static void out_count(void *self, unsigned counter)
{
    hs_gate_process_count(process_of(self), (enum hs_count)counter, 1);
}

/* ---- the ledger ---- */

static void on_answer(void *context, const struct hs_ledger_answer *answer)
{
    struct hs_gate_process *process = context;

    hs_gate_process_see_time(process);
    if (answer->kind == HS_LEDGER_FAILED) process->has_failed = true;
    hs_ledger_count(process->ledger, process->process.counters);
    hs_gate_ledger_answer(&process->gate, answer);
}

static int open_ledger(struct hs_gate_process *process, struct hs_err *err)
{
    const struct hs_heritage *heritage = process->process.heritage;
    struct hs_ledger_config   config = {.loop = process->process.loop,
                                        .fd = {heritage->ledger_fd[0], heritage->ledger_fd[1]},
                                        .group = LEDGER_GROUP,
                                        .machine = {.self = process->gate.fsm,
                                                    .apply = hs_gate_fsm_apply,
                                                    .save = hs_gate_fsm_save,
                                                    .restore = hs_gate_fsm_restore,
                                                    .is_blob_needed = hs_gate_fsm_needs_blob},
                                        .on_answer = on_answer,
                                        .context = process,
                                        .compact_bytes = LEDGER_COMPACT_BYTES,
                                        .headroom_bytes =
                                          heritage->is_embedded ? 0 : HS_LEDGER_HEADROOM_BYTES};
    int                       rc;

    config.machine.snapshot_bytes_max = HS_GATE_SNAPSHOT_BYTES_MAX;
    hs_role_set_phase(&process->process, HS_VITALS_REPLAY);
    rc = hs_ledger_open(&process->ledger, &config, err);
    if (!rc) {
        hs_ledger_count(process->ledger, process->process.counters);
        hs_gate_process_see_time(process);
        hs_gate_recovered(&process->gate);
        hs_gate_shares_adopt(&process->shares, &process->gate);
    }
    hs_role_set_phase(&process->process, HS_VITALS_NORMAL);
    return rc;
}

/* ---- hooks ---- */

static void on_link(void *self, enum hs_role_kind peer, unsigned peer_idx, uint64_t generation,
                    uint64_t token, int fd)
{
    struct hs_gate_process *process = process_of(self);

    (void)peer_idx;
    (void)generation;
    if (peer == HS_ROLE_MANAGER)
        hs_gate_links_add_manager(process, fd);
    else if (peer == HS_ROLE_CLIENT)
        hs_gate_links_add_client(process, fd);
    else if (peer != HS_ROLE_RESOLVER || !hs_ring_io_resolver(process->ring, token, fd))
        close(fd);
}

static void on_drain(void *self)
{
    process_of(self)->gate.is_draining = true;
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct hs_gate_process *process = process_of(self);

    (void)deadline_ns;
    process->is_stopping = true;
    hs_gate_stop(&process->gate);
}

/* Jobs have ended, their ends are durable, and whoever watched has been told, and had the time to
 * ask for the results. */
static bool is_finished(const struct hs_gate_process *process)
{
    if (process->gate.fsm->active_count) return false;
    if (hs_gate_is_watched(&process->gate) &&
        hs_loop_now_ns(process->process.loop) < process->linger_until_ns)
        return false;
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        if (process->clients[i] && hs_conn_queued_bytes(process->clients[i])) return false;
    return hs_ledger_is_idle(process->ledger);
}

static bool is_done(const void *self)
{
    const struct hs_gate_process *process = self;

    return process->has_failed || (is_finished(process) && hs_ring_io_has_left(process->ring));
}

static void set_limits(struct hs_gate_process *process)
{
    const struct hs_config *config = process->process.config;

    process->gate.limits =
        (struct hs_gate_limits){.active_jobs_max = config->gate.active_jobs_max,
                                .finished_jobs_max = config->gate.finished_jobs_max,
                                .retention_ns = config->gate.finished_job_retention_ns,
                                .dispatch_ack_timeout_ns = config->gate.dispatch_ack_timeout_ns,
                                .dispatch_attempts = config->gate.dispatch_attempts,
                                .manager_wait_ns = config->gate.manager_wait_ns,
                                .progress_interval_ns = config->gate.progress_interval_ns,
                                .cancel_timeout_ns = config->gate.cancel_timeout_ns,
                                .job_silent_after_ns = config->gate.job_silent_after_ns,
                                .allow_hosts = &config->cluster.allow_hosts,
                                .here = {config->node.datacenter, config->node.region}};
}

static void on_config(void *self, const struct hs_config *config)
{
    (void)config; /* process.config is the new one already */
    set_limits(process_of(self));
}

static void on_credentials(void *self, uint64_t number, int fd)
{
    struct hs_gate_process     *process = process_of(self);
    struct hs_node_credentials *node = &process->door.credentials;

    hs_node_credentials_take(node, number, fd);
    hs_ring_io_set_keyring(process->ring, &node->credentials.keyring);
    hs_federation_io_set_keyring(process->federation, &node->credentials.keyring);
}

static void on_no_resolver(void *self, uint64_t token, int code, const char *text)
{
    (void)text;
    (void)hs_ring_io_no_resolver(process_of(self)->ring, token, code);
}

/* Until when those who watched are waited for, from the moment that no job runs. */
static uint64_t linger(struct hs_gate_process *process, uint64_t now_ns)
{
    if (process->gate.fsm->active_count) return HS_NEVER_NS;
    if (!process->linger_until_ns) process->linger_until_ns = now_ns + LINGER_NS;
    return now_ns < process->linger_until_ns ? process->linger_until_ns : HS_NEVER_NS;
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct hs_gate_process *process = process_of(self);
    uint64_t                next_ns;

    HS_ASSERT(!process->has_failed && "the log of decisions cannot be written: start me again");
    next_ns = hs_gate_turn(&process->gate, now_ns);
    hs_ledger_step(process->ledger, now_ns);
    next_ns = hs_min_u64(next_ns, process->gate.due_ns); /* it may have answered at once */
    next_ns = hs_min_u64(next_ns, hs_gate_links_turn(process, now_ns));
    if (process->is_stopping) next_ns = hs_min_u64(next_ns, linger(process, now_ns));
    if (process->is_stopping && is_finished(process)) hs_ring_io_leave(process->ring);
    next_ns = hs_min_u64(next_ns, hs_ring_io_turn(process->ring, now_ns));
    next_ns = hs_min_u64(next_ns, hs_gate_reach_turn(process, now_ns));
    return hs_min_u64(next_ns, hs_ledger_deadline_ns(process->ledger));
}

static const struct hs_role_hooks hooks = {.measures_load = true,
                                           .on_link = on_link,
                                           .on_drain = on_drain,
                                           .on_stop = on_stop,
                                           .on_config = on_config,
                                           .on_credentials = on_credentials,
                                           .on_answer = on_no_resolver,
                                           .turn = turn,
                                           .is_done = is_done,
                                           .hands_over = true};

/* ---- start ---- */

static void *take_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* One piece, demand-zero: what no job uses costs nothing. */
static int prepare_core(struct hs_gate_process *process, struct hs_err *err)
{
    struct hs_gate  *gate = &process->gate;
    struct hs_chunk *chunks = take_memory((size_t)HS_PROGRESS_CHUNKS * sizeof *chunks);
    void            *arena = take_memory(HS_PLAN_ARENA_BYTES);
    uint8_t         *uploads = take_memory((size_t)HS_GATE_CLIENTS_MAX * HS_PLAN_BYTES_MAX);
    uint8_t         *fetches = take_memory((size_t)HS_GATE_FETCHES_MAX * HS_LEDGER_BLOB_BYTES_MAX);

    gate->fsm = take_memory(sizeof *gate->fsm);
    gate->progress = take_memory(sizeof *gate->progress);
    gate->silence = take_memory(sizeof *gate->silence);
    gate->soft = take_memory(sizeof *gate->soft * HS_GATE_JOBS_MAX);
    gate->blob_memory = take_memory(HS_LEDGER_BLOB_BYTES_MAX);
    gate->stats_memory = take_memory(HS_WIRE_PART_BYTES_MAX);
    if (!chunks || !arena || !uploads || !fetches || !gate->fsm || !gate->progress ||
        !gate->silence || !gate->soft || !gate->blob_memory || !gate->stats_memory)
        return hs_err_set(err, -ENOMEM, "memory of the gate");
    hs_arena_init(&gate->arena, arena, HS_PLAN_ARENA_BYTES);
    hs_progress_init(gate->progress, chunks);
    hs_stats_init(&gate->scratch, &gate->progress->pool);
    for (unsigned i = 0; i < HS_GATE_CLIENTS_MAX; i++)
        gate->uploads[i].memory = uploads + (size_t)i * HS_PLAN_BYTES_MAX;
    for (unsigned i = 0; i < HS_GATE_FETCHES_MAX; i++)
        gate->fetches[i].memory = fetches + (size_t)i * HS_LEDGER_BLOB_BYTES_MAX;
    gate->out = (struct hs_gate_out){.self = process,
                                     .propose = out_propose,
                                     .blob_put = out_blob_put,
                                     .blob_get = out_blob_get,
                                     .is_disk_full = out_is_disk_full,
                                     .show_job = out_show_job,
                                     .show_manager = out_show_manager,
                                     .note_dispatch = out_note_dispatch,
                                     .note_latency = out_note_latency,
                                     .note_event = out_note_event,
                                     .breadcrumb = out_breadcrumb,
                                     .is_quarantined = out_is_quarantined,
                                     .wall_ns = hs_gate_wall_ns,
                                     .count = out_count};
    hs_gate_links_bind(&gate->out);
    return 0;
}

static int open_gate(struct hs_gate_process *process, const struct hs_heritage *heritage,
                     struct hs_err *err)
{
    struct hs_loop_config loop_config = {
        .wanted = (enum hs_loop_backend)heritage->config->node.io_backend,
        .stream_count_max =
            HS_GATE_CLIENTS_MAX + 2 * HS_GATE_MANAGERS_MAX + HS_DOOR_WAITING_MAX + 16,
        .recv_buffer_count = 64,
        .recv_buffer_bytes = 16 << 10,
        .file_op_count_max = 4};
    int rc = hs_role_open(&process->process, heritage, &loop_config, err);

    if (!rc) rc = prepare_core(process, err);
    if (!rc) rc = hs_gate_shares_open(&process->shares, heritage, err);
    if (!rc) rc = hs_gate_guard_open(&process->guard, &process->process, err);
    if (rc) return rc;
    process->gate.admission = &process->guard.turnstile.admission;
    hs_rand_init(&process->gate.rand, heritage->incarnation << 32 ^ heritage->generation);
    set_limits(process);
    rc = open_ledger(process, err);
    if (rc) return rc;
    rc = hs_gate_links_open(process, err);
    if (rc) return rc;
    return hs_role_ready(&process->process, err);
}

int hs_gate_main(const struct hs_heritage *heritage)
{
    struct hs_gate_process *process = calloc(1, sizeof *process); /* lives as long as the process */
    struct hs_err           err = {0};

    if (!process) return 1;
    if (open_gate(process, heritage, &err)) return hs_role_exit_code(&err);
    return hs_role_serve(&process->process, &hooks, process);
}
