// SPDX-License-Identifier: Apache-2.0
/* display_io.c - writes what display decides. */
#include "roles/client/display_io.h"

#include "roles/client/print_io.h"
#include "roles/stats/report_text.h"
#include "shm/base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Statistics come each second, more or less: a line waits for most of one. */
#define LINE_MIN_NS (950 * HS_NS_PER_MS)

void hs_display_init(struct hs_display *display, const char *name, const char *tui, bool is_quiet)
{
    const struct hs_display_facts facts = {.tui = tui,
                                           .term = getenv("TERM"),
                                           .is_quiet = is_quiet,
                                           .is_terminal = isatty(STDERR_FILENO) == 1};

    *display = (struct hs_display){.mode = hs_display_choose(&facts), .name = name};
}

void hs_display_note(struct hs_display *display, const char *format, ...)
{
    char    text[HS_ERR_TEXT_BYTES];
    char    line[HS_ERR_TEXT_BYTES + 2];
    va_list arguments;

    if (display->mode == HS_DISPLAY_NONE) return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)snprintf(line, sizeof line, "%s\n", text);
    HS_IGNORE(hs_print_text(STDERR_FILENO, line), "the run matters more");
}

static void print_line(const struct hs_live *live)
{
    const struct hs_report_line line = {.elapsed_ns = live->elapsed_ns,
                                        .phase = hs_live_phase_name(live),
                                        .interval_ns = live->interval_ns,
                                        .in_flight_count = hs_stats_in_flight(hs_live_total(live))};
    char                        text[HS_REPORT_LINE_BYTES + 1];
    size_t bytes = hs_report_line(&line, &live->interval, text, HS_REPORT_LINE_BYTES);

    text[bytes] = '\n';
    HS_IGNORE(hs_print(STDERR_FILENO, text, bytes + 1), "the run matters more");
}

void hs_display_figures(struct hs_display *display, struct hs_live *live)
{
    if (!hs_live_close_interval(live, LINE_MIN_NS)) return;
    if (display->mode == HS_DISPLAY_LINES) print_line(live);
}

void hs_display_end(struct hs_display *display)
{
    display->mode = HS_DISPLAY_NONE;
}
