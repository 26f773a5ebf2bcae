// SPDX-License-Identifier: Apache-2.0
/* log_drain_io.c - lines out of shared memory, the time of day in front, at most a buffer at
 * once. */
#include "supervisor/log_drain_io.h"

#include "roles/printable.h"
#include "roles/role_kind.h"
#include "shm/base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OFFSET_INTERVAL_NS (10 * HS_NS_PER_S) /* the clock on the wall is set now and then */

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * HS_NS_PER_S + (uint64_t)now.tv_nsec;
}

void hs_log_drain_init(struct hs_log_drain *drain)
{
    memset(drain, 0, sizeof *drain);
    drain->fd = STDERR_FILENO;
}

uint64_t hs_log_drain_wall_ns(struct hs_log_drain *drain, uint64_t at_ns)
{
    uint64_t now_ns = read_clock(CLOCK_MONOTONIC);

    if (!drain->offset_at_ns || now_ns - drain->offset_at_ns > OFFSET_INTERVAL_NS) {
        drain->wall_offset_ns = read_clock(CLOCK_REALTIME) - now_ns;
        drain->offset_at_ns = now_ns;
    }
    return at_ns + drain->wall_offset_ns;
}

int hs_log_drain_reopen(struct hs_log_drain *drain, const char *path, struct hs_err *err)
{
    int fd = STDERR_FILENO;

    if (*path) {
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
        if (fd < 0) return hs_err_set(err, -errno, "open log file %s", path);
    }
    hs_log_drain_flush(drain);
    if (drain->fd > STDERR_FILENO) (void)close(drain->fd);
    drain->fd = fd;
    return 0;
}

/* A pipe or terminal that nobody reads must not stop the supervisor: asked first, dropped if
 * full. */
void hs_log_drain_flush(struct hs_log_drain *drain)
{
    struct pollfd ready = {.fd = drain->fd, .events = POLLOUT};

    if (!drain->used_bytes) return;
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT) ||
        write(drain->fd, drain->buffer, drain->used_bytes) < 0)
        drain->lost_count++;
    drain->used_bytes = 0;
}

static void append(struct hs_log_drain *drain, const char *text, int bytes)
{
    if (bytes <= 0 || (size_t)bytes >= sizeof drain->buffer) return;
    if (drain->used_bytes + (size_t)bytes > sizeof drain->buffer) hs_log_drain_flush(drain);
    memcpy(drain->buffer + drain->used_bytes, text, (size_t)bytes);
    drain->used_bytes += (size_t)bytes;
}

static void format_time(struct hs_log_drain *drain, uint64_t at_ns, char *text, size_t bytes)
{
    uint64_t  wall_ns = hs_log_drain_wall_ns(drain, at_ns);
    time_t    seconds = (time_t)(wall_ns / HS_NS_PER_S);
    struct tm parts;
    size_t    used;

    if (!gmtime_r(&seconds, &parts)) memset(&parts, 0, sizeof parts);
    used = strftime(text, bytes, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + used, bytes - used, ".%03uZ",
                   (unsigned)(wall_ns % HS_NS_PER_S / HS_NS_PER_MS));
}

static void write_line(struct hs_log_drain *drain, const struct hs_log_record *record,
                       const char *process_name, unsigned process_idx)
{
    char     line[HS_LOG_LINE_BYTES + 128];
    char     when[48];
    uint32_t dropped;

    if (!hs_log_limit_allows(&drain->limit, process_idx, record->module, record->line,
                             record->at_ns, &dropped))
        return;
    format_time(drain, record->at_ns, when, sizeof when);
    if (dropped)
        append(drain, line,
               snprintf(line, sizeof line,
                        "%s warn %s %s: %" PRIu32 " lines like the next dropped\n", when,
                        process_name, record->module, dropped));
    append(drain, line,
           snprintf(line, sizeof line, "%s %s %s %s: %s\n", when, hs_log_level_name(record->level),
                    process_name, record->module, record->line));
}

/* What another process left in the ring is not ours to trust, and some of it peers have said: no
 * second line, nothing that a terminal takes for a command, in any encoding. */
static void blank_controls(char *text)
{
    hs_make_printable(text, strlen(text));
    for (; *text; text++)
        if (*text == '\n') *text = '?';
}

unsigned hs_log_drain_ring(struct hs_log_drain *drain, const struct hs_log_ring_shm *ring,
                           struct hs_recent_cursor *cursor, const char *process_name,
                           unsigned process_idx, uint64_t now_ns)
{
    struct hs_log_record record;
    unsigned             count = 0;

    while (count < HS_LOG_RING_SLOTS && hs_log_ring_next(ring, cursor, &record) == 1) {
        count++;
        blank_controls(record.module);
        blank_controls(record.line);
        record.at_ns = hs_min_u64(record.at_ns, now_ns);
        write_line(drain, &record, process_name, process_idx);
    }
    if (cursor->lost_count) {
        record = (struct hs_log_record){.at_ns = now_ns, .level = HS_LOG_WARN, .module = "log"};
        (void)snprintf(record.line, sizeof record.line, "lines_lost count=%" PRIu64,
                       cursor->lost_count);
        write_line(drain, &record, process_name, process_idx);
        cursor->lost_count = 0;
    }
    return count;
}

void hs_log_drain_own(void *context, enum hs_log_level level, const char *module, const char *line)
{
    struct hs_log_drain *drain = context;
    struct hs_log_record record = {.at_ns = read_clock(CLOCK_MONOTONIC), .level = level};

    (void)snprintf(record.module, sizeof record.module, "%s", module);
    (void)snprintf(record.line, sizeof record.line, "%s", line);
    write_line(drain, &record, "supervisor", HS_PROCESS_SUPERVISOR);
    hs_log_drain_flush(drain);
}
