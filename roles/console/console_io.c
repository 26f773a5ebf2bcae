// SPDX-License-Identifier: Apache-2.0
/* console_io.c - the main of the console role: maps everything read-only, serves two listeners and
 * the questions of other hosts, and checks whether this one is ready. */
#include "roles/console/console.h"
#include "roles/console/metrics_server_io.h"
#include "roles/console/oob_server_io.h"
#include "roles/console/status_server_io.h"
#include "shm/base/log.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Connections, listeners and the control socket, with room for those that are closing. */
    STREAMS_MAX = 2 * (HS_STATUS_CLIENTS_MAX + HS_METRICS_CLIENTS_MAX) + 8,
    RECV_BUFFERS = 32,
    RECV_BUFFER_BYTES = 4096
};

struct console {
    struct hs_role_process    process;
    struct hs_segment         segments[HS_SHARE_COUNT];
    struct hs_snapshot_source source;
    struct hs_status_snapshot snapshot;
    struct hs_status_server   status;
    struct hs_metrics_server  metrics;
    struct hs_oob_server      oob;
    struct hs_readiness       readiness;
    bool                      was_ready;
};

static const struct hs_loop_config loop_config = {
    .wanted = HS_LOOP_AUTO,
    .stream_count_max = STREAMS_MAX,
    .recv_buffer_count = RECV_BUFFERS,
    .recv_buffer_bytes = RECV_BUFFER_BYTES,
    .file_op_count_max = 1,
};

/* Body of a segment, NULL with -ENOENT in *rc where this host has none. */
static void *map(struct console *console, enum hs_share share, int *rc, struct hs_err *err)
{
    struct hs_segment *segment = &console->segments[share];

    *rc = hs_role_map_share(console->process.heritage, share, HS_SEGMENT_READ_ONLY, segment, err);
    return *rc ? NULL : hs_segment_body(segment);
}

static int map_common(struct console *console, struct hs_err *err)
{
    struct hs_snapshot_source *source = &console->source;
    int                        rc;

    source->host = map(console, HS_SHARE_HOST, &rc, err);
    if (rc) return rc;
    source->vitals = map(console, HS_SHARE_VITALS, &rc, err);
    if (rc) return rc;
    source->counters = map(console, HS_SHARE_COUNTERS, &rc, err);
    if (rc) return rc;
    source->logs = map(console, HS_SHARE_LOGS, &rc, err);
    if (rc) return rc;
    source->events = map(console, HS_SHARE_EVENTS, &rc, err);
    return rc;
}

/* A table that is missing is empty; one that is broken is worth a line, not the console. */
static const void *map_table(struct console *console, enum hs_share share)
{
    struct hs_err err;
    int           rc;
    const void   *table = map(console, share, &rc, &err);

    if (rc && rc != -ENOENT) {
        hs_log(HS_LOG_WARN, "console", "table_refused reason=\"%s\"", err.text);
        hs_counter_add(console->process.counters, HS_COUNT_segments_refused, 1);
    }
    return table;
}

static void on_answer(void *self, uint64_t token, int code, const char *text)
{
    struct console *console = self;

    hs_status_server_on_answer(&console->status, token, code, text);
}

static void on_stop(void *self, uint64_t deadline_ns)
{
    struct console *console = self;

    (void)deadline_ns; /* nothing here takes long */
    hs_status_server_stop(&console->status);
    hs_metrics_server_stop(&console->metrics);
    hs_oob_server_close(&console->oob);
}

static void tell_readiness(struct console *console)
{
    char text[HS_READINESS_TEXT_BYTES];
    bool is_ready = hs_readiness_says(&console->readiness, &console->snapshot, text);

    hs_counter_set(console->process.counters, HS_COUNT_ready, is_ready);
    if (is_ready == console->was_ready) return;
    console->was_ready = is_ready;
    if (is_ready)
        hs_log(HS_LOG_INFO, "console", "ready");
    else
        hs_log(HS_LOG_WARN, "console", "not_ready why=\"%s\"", text);
}

static uint64_t check_readiness(struct console *console, uint64_t now_ns)
{
    unsigned refused;

    if (now_ns < console->readiness.next_at_ns) return console->readiness.next_at_ns;
    refused = hs_snapshot_take_readiness(&console->snapshot, &console->source,
                                         hs_loop_clock_ns(console->process.loop));
    hs_counter_add(console->process.counters, HS_COUNT_segments_refused, refused);
    hs_readiness_step(&console->readiness, &console->snapshot, console->process.config->node.name);
    tell_readiness(console);
    return console->readiness.next_at_ns;
}

static uint64_t turn(void *self, uint64_t now_ns)
{
    struct console *console = self;
    uint64_t        checked_ns = check_readiness(console, now_ns);

    return hs_min_u64(checked_ns, hs_min_u64(hs_status_server_turn(&console->status, now_ns),
                                             hs_metrics_server_turn(&console->metrics, now_ns)));
}

static bool is_done(const void *self)
{
    const struct console *console = self;

    return hs_status_server_is_closed(&console->status) &&
           hs_metrics_server_is_closed(&console->metrics);
}

static const struct hs_role_hooks hooks = {
    .on_stop = on_stop,
    .on_answer = on_answer,
    .turn = turn,
    .is_done = is_done,
};

static int open_console(struct console *console, const struct hs_heritage *heritage,
                        struct hs_err *err)
{
    int rc = hs_role_open(&console->process, heritage, &loop_config, err);

    if (rc) return rc;
    rc = map_common(console, err);
    if (rc) return rc;
    console->source.jobs = map_table(console, HS_SHARE_JOBS);
    console->source.managers = map_table(console, HS_SHARE_MANAGERS);
    console->source.workers = map_table(console, HS_SHARE_WORKERS);
    console->source.gate_ring = map_table(console, HS_SHARE_GATE_RING);
    console->source.manager_ring = map_table(console, HS_SHARE_MANAGER_RING);
    console->source.dispatch_times = map_table(console, HS_SHARE_DISPATCH_TIMES);
    console->source.latency_samples = map_table(console, HS_SHARE_LATENCY_SAMPLES);
    console->oob.cards[0] = map_table(console, HS_SHARE_GATE_CARD);
    console->oob.cards[1] = map_table(console, HS_SHARE_MANAGER_CARD);
    console->source.readiness = &console->readiness;
    console->oob.vitals = console->source.vitals;
    console->oob.process = &console->process;
    console->status.process = console->metrics.process = &console->process;
    console->status.source = console->metrics.source = &console->source;
    console->status.snapshot = console->metrics.snapshot = &console->snapshot;
    rc = hs_status_server_open(&console->status, heritage->status_listen_fd, err);
    if (rc) return rc;
    rc = hs_metrics_server_open(&console->metrics, heritage->metrics_listen_fd, err);
    if (rc) return rc;
    rc = hs_oob_server_open(&console->oob, heritage->health_fd, err);
    if (rc) return rc;
    return hs_role_ready(&console->process, err);
}

int hs_console_main(const struct hs_heritage *heritage)
{
    struct console *console = calloc(1, sizeof *console); /* until the process ends */
    struct hs_err   err;

    if (!console) {
        (void)hs_err_set(&err, -ENOMEM, "console");
        return hs_role_exit_code(&err);
    }
    if (open_console(console, heritage, &err)) return hs_role_exit_code(&err);
    return hs_role_serve(&console->process, &hooks, console);
}
