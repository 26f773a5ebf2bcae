// SPDX-License-Identifier: Apache-2.0
/* log.c - formats a line, makes it harmless, hands it to the sink. */
#include "shm/base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    hs_log_sink_fn   *sink;
    void             *context;
    enum hs_log_level most_verbose;
} front = {.most_verbose = HS_LOG_INFO}; /* one of the two mutable globals the style allows */

const char *hs_log_level_name(enum hs_log_level level)
{
    static const char *const names[HS_LOG_LEVEL_COUNT] = {[HS_LOG_ERROR] = "error",
                                                          [HS_LOG_WARN] = "warn",
                                                          [HS_LOG_INFO] = "info",
                                                          [HS_LOG_DEBUG] = "debug"};

    return level < HS_LOG_LEVEL_COUNT ? names[level] : "unknown";
}

void hs_log_set_sink(hs_log_sink_fn *sink, void *context, enum hs_log_level most_verbose)
{
    front.sink = sink;
    front.context = context;
    front.most_verbose = most_verbose;
}

/* What a peer sent must not be able to forge a second line. */
static void blank_controls(char *line)
{
    for (; *line; line++)
        if ((unsigned char)*line < ' ' || *line == 127) *line = '?';
}

void hs_log(enum hs_log_level level, const char *module, const char *format, ...)
{
    char    line[HS_LOG_LINE_BYTES];
    va_list arguments;

    if (level > front.most_verbose) return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    blank_controls(line);
    if (front.sink)
        front.sink(front.context, level, module, line);
    else
        (void)fprintf(stderr, "%s %s: %s\n", hs_log_level_name(level), module, line);
}
