// SPDX-License-Identifier: Apache-2.0
/* role_io.c - the life of a role between its main and its hooks: pages, loop, readiness, turns,
 * heartbeat, the end. */
#include "roles/role_io.h"

#include "roles/config.h"
#include "roles/control_io.h"
#include "roles/counters.h"
#include "roles/guard/overload.h"
#include "roles/host_table.h"
#include "roles/role_load_io.h"
#include "shm/base/assert.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "shm/event_ring.h"
#include "shm/log_ring.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BEAT_INTERVAL_NS      (250 * HS_NS_PER_MS) /* reliability.md 2.3 */
#define SUPERVISOR_SILENCE_NS (15 * HS_NS_PER_S)

HS_STATIC_ASSERT(BEAT_INTERVAL_NS == HS_OVERLOAD_TICK_NS, "a beat is a tick of the load");

enum { SUMMARY_ATTEMPTS = 100 }; /* its writer is rarely at it */
enum { SEGMENT_HOST, SEGMENT_VITALS, SEGMENT_COUNTERS, SEGMENT_LOGS, SEGMENT_EVENTS };

static const struct hs_loop_config small_loop = {
    .wanted = HS_LOOP_AUTO,
    .stream_count_max = 192, /* a worker has a link to each of 64 engines, and managers */
    .recv_buffer_count = 64,
    .recv_buffer_bytes = 16 << 10,
    .file_op_count_max = 16,
};

/* Log lines and panics come from anywhere, before the loop is there too. */
static uint64_t clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

static void write_log_line(void *context, enum hs_log_level level, const char *module,
                           const char *line)
{
    hs_log_ring_write(context, clock_ns(), level, module, line);
}

static void write_panic(void *context, const char *text)
{
    hs_vitals_panic(context, clock_ns(), text);
}

static int map_pages(struct hs_role_process *process, struct hs_err *err)
{
    static const struct {
        enum hs_share          share;
        enum hs_segment_access access;
    } pages[] = {
        [SEGMENT_HOST] = {HS_SHARE_HOST, HS_SEGMENT_READ_ONLY},
        [SEGMENT_VITALS] = {HS_SHARE_VITALS, HS_SEGMENT_READ_WRITE},
        [SEGMENT_COUNTERS] = {HS_SHARE_COUNTERS, HS_SEGMENT_READ_WRITE},
        [SEGMENT_LOGS] = {HS_SHARE_LOGS, HS_SEGMENT_READ_WRITE},
        [SEGMENT_EVENTS] = {HS_SHARE_EVENTS, HS_SEGMENT_READ_WRITE},
    };
    unsigned idx = process->heritage->process_idx;

    HS_STATIC_ASSERT((int)HS_ARRAY_LEN(pages) <= (int)HS_ROLE_SEGMENTS_MAX, "room for all");
    for (unsigned i = 0; i < HS_ARRAY_LEN(pages); i++) {
        int rc = hs_role_map_share(process->heritage, pages[i].share, pages[i].access,
                                   &process->segments[i], err);

        if (rc < 0) return rc;
    }
    process->host = hs_segment_body(&process->segments[SEGMENT_HOST]);
    process->vitals = hs_vitals_page(hs_segment_body(&process->segments[SEGMENT_VITALS]), idx);
    process->counters =
        hs_counters_page(hs_segment_body(&process->segments[SEGMENT_COUNTERS]), idx);
    process->log = hs_log_ring_at(hs_segment_body(&process->segments[SEGMENT_LOGS]), idx);
    process->events = hs_event_ring_at(hs_segment_body(&process->segments[SEGMENT_EVENTS]), idx);
    return 0;
}

static void on_control_readable(struct hs_watch *watch)
{
    hs_role_take_control(
        (struct hs_role_process *)(void *)((char *)watch -
                                           offsetof(struct hs_role_process, control_watch)));
}

static int open_loop(struct hs_role_process *process, const struct hs_loop_config *loop_config,
                     struct hs_err *err)
{
    struct hs_loop_config config = loop_config ? *loop_config : small_loop;
    int                   rc;

    if (config.wanted == HS_LOOP_AUTO && process->config->node.io_backend == HS_CONFIG_IO_URING)
        config.wanted = HS_LOOP_IO_URING;
    if (config.wanted == HS_LOOP_AUTO && process->config->node.io_backend == HS_CONFIG_IO_EPOLL)
        config.wanted = HS_LOOP_EPOLL;
    rc = hs_loop_open(&process->loop, &config, err);
    if (rc < 0) return rc;
    hs_vitals_set_backend(process->vitals, hs_loop_backend_text(process->loop));
    process->control_watch.on_readable = on_control_readable;
    rc = hs_watch_open(process->loop, &process->control_watch, process->heritage->control_fd);
    return rc < 0 ? hs_err_set(err, rc, "watch the control socket") : 0;
}

int hs_role_open(struct hs_role_process *process, const struct hs_heritage *heritage,
                 const struct hs_loop_config *loop_config, struct hs_err *err)
{
    int rc;

    memset(process, 0, sizeof *process);
    process->heritage = heritage;
    process->config = heritage->config;
    process->stop_deadline_ns = HS_NEVER_NS;
    rc = map_pages(process, err);
    if (rc < 0) return rc;
    hs_assert_set_hook(write_panic, process->vitals);
    hs_log_set_sink(write_log_line, process->log, (enum hs_log_level)process->config->log.level);
    hs_vitals_set_pid(process->vitals, (uint32_t)getpid());
    hs_vitals_beat(process->vitals, clock_ns(), 0);
    return open_loop(process, loop_config, err);
}

int hs_role_ready(struct hs_role_process *process, struct hs_err *err)
{
    const struct hs_heritage *heritage = process->heritage;
    struct hs_control_record  record;
    int                       bits = heritage->confine ? heritage->confine(heritage) : 0;
    int                       rc;

    if (bits < 0) return hs_err_set(err, bits, "confine the process");
    hs_vitals_set_confinement(process->vitals, (uint64_t)bits);
    hs_vitals_set_phase(process->vitals, HS_VITALS_NORMAL, clock_ns());
    hs_vitals_enter(process->vitals, HS_VITALS_READY, clock_ns());
    hs_control_init(&record, HS_CONTROL_READY, NULL);
    record.generation = heritage->generation;
    rc = hs_control_send(heritage->control_fd, &record, -1);
    if (rc < 0) return hs_err_set(err, rc, "tell the supervisor");
    hs_log(HS_LOG_INFO, "role", "ready backend=\"%s\" confinement=%#x",
           hs_loop_backend_text(process->loop), (unsigned)bits);
    return 0;
}

/* A stopped supervisor must not stop the service: said once, nothing more (reliability.md 2.3). */
static void look_at_supervisor(struct hs_role_process *process, uint64_t now_ns)
{
    struct hs_host host;

    hs_host_load(&process->host->host, &host);
    if (host.supervisor_heartbeat_ns != process->supervisor_beat_ns ||
        !process->supervisor_seen_at_ns) {
        process->supervisor_beat_ns = host.supervisor_heartbeat_ns;
        process->supervisor_seen_at_ns = now_ns;
    } else if (process->supervisor_seen_at_ns != HS_NEVER_NS &&
               now_ns > process->supervisor_seen_at_ns + SUPERVISOR_SILENCE_NS) {
        hs_log(HS_LOG_WARN, "role", "supervisor_silent for_s=15");
        process->supervisor_seen_at_ns = HS_NEVER_NS;
    }
}

/* What the loop and the connections have counted since the last time. */
static void show_counts(struct hs_role_process *process)
{
    const struct hs_conn_figures *frames = &process->frames;
    const struct hs_conn_figures *told_frames = &process->told.frames;
    const struct hs_loop_figures *told_loop = &process->told.loop;
    struct hs_loop_figures        loop;

    hs_loop_figures(process->loop, &loop);
    const struct {
        enum hs_count count;
        uint64_t      amount;
    } rows[] = {
        {HS_COUNT_loop_turns, process->turn_count},
        {HS_COUNT_loop_completions, loop.completion_count - told_loop->completion_count},
        {HS_COUNT_loop_no_buffer, loop.no_buffer_count - told_loop->no_buffer_count},
        {HS_COUNT_loop_enters, loop.enter_count - told_loop->enter_count},
        {HS_COUNT_frames_in, frames->received_frames - told_frames->received_frames},
        {HS_COUNT_frames_out, frames->sent_frames - told_frames->sent_frames},
        {HS_COUNT_frames_without_room, frames->refused_frames - told_frames->refused_frames},
        {HS_COUNT_reports_left_out, frames->conflated_frames - told_frames->conflated_frames},
        {HS_COUNT_frame_bytes_in, frames->received_bytes - told_frames->received_bytes},
        {HS_COUNT_frame_bytes_out, frames->sent_bytes - told_frames->sent_bytes},
    };

    for (size_t i = 0; i < HS_ARRAY_LEN(rows); i++)
        hs_counter_add(process->counters, rows[i].count, rows[i].amount);
    process->told.loop = loop;
    process->told.frames = *frames;
    process->turn_count = 0;
}

static void note_held(struct hs_role_process *process, uint64_t now_ns)
{
    struct hs_event_record record;

    for (unsigned i = 0; i < HS_NOTICE_LIMITS; i++)
        if (hs_notice_limit_release(&process->event_limits[i], now_ns, &record))
            hs_event_ring_write(process->events, &record);
}

/* One step of the loop and what is due after it; false when the process is over. */
static bool take_turn(struct hs_role_process *process, uint64_t *beat_at_ns, int *exit_code)
{
    uint64_t wait_ns = hs_min_u64(process->due_ns, *beat_at_ns);
    uint64_t begun_ns = hs_loop_now_ns(process->loop); /* a deadline may be "at once": 0 */
    uint64_t now_ns;
    int      rc = hs_loop_step(process->loop, hs_min_u64(wait_ns, process->stop_deadline_ns));

    process->turn_count++;
    *exit_code = rc < 0 || process->is_orphaned || process->is_misled;
    if (*exit_code || process->is_handing_over) return false;
    *exit_code = 1;
    now_ns = hs_loop_now_ns(process->loop);
    wait_ns = hs_max_u64(wait_ns, begun_ns);
    hs_vitals_beat(process->vitals, now_ns, now_ns > wait_ns ? now_ns - wait_ns : 0);
    if (now_ns >= *beat_at_ns) {
        look_at_supervisor(process, now_ns);
        show_counts(process);
        note_held(process, now_ns);
        hs_role_load_tick(process, now_ns);
        *beat_at_ns = now_ns + BEAT_INTERVAL_NS;
    }
    process->due_ns = process->hooks->turn(process->self, now_ns);
    hs_role_load_turn(process, now_ns);
    if (!process->is_stopping) return true;
    *exit_code = process->hooks->is_done(process->self) ? 0 : 1;
    return *exit_code != 0 && now_ns < process->stop_deadline_ns;
}

/* What killed the lives before this one. */
static void tell_quarantine(struct hs_role_process *process)
{
    struct hs_host_summary summary;
    int                    rc = -EAGAIN;

    for (unsigned i = 0; i < SUMMARY_ATTEMPTS && rc == -EAGAIN; i++)
        rc = hs_host_table_load_summary(process->host, &summary);
    for (unsigned i = 0; rc == 0 && process->hooks->on_quarantine && i < HS_QUARANTINE_MAX; i++)
        if (summary.quarantine[i].digest)
            process->hooks->on_quarantine(process->self, summary.quarantine[i].digest,
                                          summary.quarantine[i].job_id);
}

int hs_role_serve(struct hs_role_process *process, const struct hs_role_hooks *hooks, void *self)
{
    uint64_t now_ns = hs_loop_clock_ns(process->loop);
    uint64_t beat_at_ns = now_ns;
    int      exit_code = 0;

    HS_ASSERT(hooks->turn != NULL);
    HS_ASSERT(hooks->is_done != NULL);
    process->hooks = hooks;
    process->self = self;
    tell_quarantine(process);
    if (hooks->measures_load) process->load = hs_role_load_open(process, now_ns);
    process->due_ns = hooks->turn(self, now_ns);
    while (take_turn(process, &beat_at_ns, &exit_code))
        ;
    show_counts(process);
    if (process->is_orphaned) hs_log(HS_LOG_ERROR, "role", "supervisor_gone");
    hs_vitals_enter(process->vitals, HS_VITALS_STOPPING, hs_loop_clock_ns(process->loop));
    hs_role_load_close(process);
    return exit_code;
}

int hs_role_exit_code(const struct hs_err *err)
{
    hs_log(HS_LOG_ERROR, "role", "cannot_start reason=\"%s\"", err->text);
    hs_assert_tell(err->text); /* its obituary says why, too */
    if (err->code == -EINVAL) return 78;
    return err->code == -EACCES || err->code == -EPERM ? 77 : 1;
}

static int map_descriptor(int fd, const char *name, const struct hs_segment_spec *spec,
                          enum hs_segment_access access, struct hs_segment *segment,
                          struct hs_err *err)
{
    if (fd < 0) return hs_err_set(err, -ENOENT, "segment %s is not in the heritage", name);
    return hs_segment_map(segment, fd, spec, access, err);
}

int hs_role_map_share(const struct hs_heritage *heritage, enum hs_share share,
                      enum hs_segment_access access, struct hs_segment *segment, struct hs_err *err)
{
    struct hs_segment_spec spec;
    int                    rc;

    hs_share_spec(share, &spec);
    rc = map_descriptor(heritage->share_fd[share], hs_share_name(share), &spec, access, segment,
                        err);
    if (rc == -EPROTO) hs_role_refuse_share(heritage, share);
    return rc;
}

int hs_role_map_engine(const struct hs_heritage *heritage, unsigned engine_idx,
                       enum hs_engine_segment which, enum hs_segment_access access,
                       struct hs_segment *segment, struct hs_err *err)
{
    const struct hs_engine_share *engine = &heritage->engines[engine_idx];
    const int              fds[HS_ENGINE_SEGMENT_COUNT] = {engine->commands_fd, engine->events_fd,
                                                           engine->figures_fd};
    struct hs_segment_spec spec;
    int                    rc;

    HS_ASSERT(engine_idx < HS_ENGINES_MAX);
    hs_engine_segment_spec(which, &spec);
    rc = map_descriptor(fds[which], hs_engine_segment_name(which), &spec, access, segment, err);
    if (rc == -EPROTO) hs_role_refuse_engine_segment(heritage, engine_idx, which);
    return rc;
}

void hs_role_set_phase(struct hs_role_process *process, enum hs_vitals_phase phase)
{
    hs_vitals_set_phase(process->vitals, phase, clock_ns());
}

void hs_role_breadcrumb(struct hs_role_process *process, uint32_t message_type,
                        const uint8_t job_id[16], uint64_t digest)
{
    struct hs_vitals_crumb crumb = {.message_type = message_type, .digest = digest};

    if (job_id) memcpy(crumb.job_id, job_id, sizeof crumb.job_id);
    hs_vitals_drop_crumb(process->vitals, &crumb);
}

void hs_role_breadcrumb_of_run(struct hs_role_process *process, const uint8_t job_id[16],
                               uint64_t digest)
{
    struct hs_vitals_crumb crumb = {.phase = HS_CRUMB_RUNS, .digest = digest};

    memcpy(crumb.job_id, job_id, sizeof crumb.job_id);
    hs_vitals_drop_crumb(process->vitals, &crumb);
}

void hs_role_note(struct hs_role_process *process, const struct hs_event_record *record)
{
    struct hs_event_record stamped = *record;
    int                    limit = hs_notice_limit_idx(record->kind);

    stamped.at_ns = clock_ns();
    if (limit < 0 || hs_notice_limit_pass(&process->event_limits[limit], &stamped))
        hs_event_ring_write(process->events, &stamped);
}

bool hs_role_is_quarantined(const struct hs_role_process *process, uint64_t digest)
{
    return hs_host_table_is_quarantined(process->host, digest);
}
