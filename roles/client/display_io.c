// SPDX-License-Identifier: Apache-2.0
/* display_io.c - writes what display and screen decide. */
#include "roles/client/display_io.h"

#include "roles/client/options.h"
#include "roles/client/print_io.h"
#include "roles/printable.h"
#include "roles/stats/report_text.h"
#include "shm/base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { COLUMNS = 80 };

/* Statistics come each second, more or less: a line waits for most of one. */
#define LINE_MIN_NS (700 * HS_NS_PER_MS)

void hs_display_open(struct hs_display *display, const char *name, const struct hs_options *options)
{
    const struct hs_display_facts facts = {.tui = options->value[HS_OPTION_tui],
                                           .term = getenv("TERM"),
                                           .is_quiet = options->value[HS_OPTION_quiet] != NULL,
                                           .is_terminal = isatty(STDERR_FILENO) == 1};
    const char                   *no_color = getenv("NO_COLOR");

    memset(display, 0, sizeof *display);
    display->mode = hs_display_choose(&facts);
    display->is_unicode = hs_locale_takes_unicode();
    display->has_colour = !options->value[HS_OPTION_no_color] && !(no_color && no_color[0]);
    display->screen.name = name;
    display->log_fd = -1;
    if (display->mode == HS_DISPLAY_SCREEN)
        display->log_fd = memfd_create("hyperscale-log", MFD_CLOEXEC);
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
    hs_make_printable(text, strlen(text)); /* some of it other users wrote */
    (void)snprintf(line, sizeof line, "%s\n", text);
    if (display->mode == HS_DISPLAY_SCREEN) hs_screen_note(&display->screen, text);
    if (display->mode == HS_DISPLAY_LINES || display->log_fd >= 0)
        HS_IGNORE(hs_print_text(display->log_fd >= 0 ? display->log_fd : STDERR_FILENO, line),
                  "the run matters more");
}

static void print_line(const struct hs_live_job *live)
{
    const struct hs_report_line line = {.elapsed_ns = live->elapsed_ns,
                                        .phase = hs_live_job_phase_name(live),
                                        .interval_ns = live->interval_ns,
                                        .in_flight_count =
                                            hs_stats_in_flight(hs_live_job_total(live))};
    char                        text[HS_REPORT_LINE_BYTES + 1];
    size_t bytes = hs_report_line(&line, &live->interval, text, HS_REPORT_LINE_BYTES);

    text[bytes] = '\n';
    HS_IGNORE(hs_print_words(STDERR_FILENO, text, bytes + 1), "the run matters more");
}

static void measure_terminal(unsigned *columns, unsigned *rows)
{
    struct winsize size;

    *columns = COLUMNS;
    *rows = HS_CANVAS_ROWS_MAX + 1;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0) return;
    if (size.ws_col) *columns = size.ws_col;
    if (size.ws_row > 1) *rows = size.ws_row;
}

/* Rows that what was drawn takes now: a terminal that became narrower has folded the long ones. */
static unsigned rows_above(const struct hs_display *display, unsigned columns)
{
    unsigned rows = 0;

    for (unsigned i = 0; i < display->drawn_rows; i++)
        rows += columns < display->last_columns && display->drawn_columns[i] > columns
                    ? (display->drawn_columns[i] + columns - 1) / columns
                    : 1;
    return rows;
}

static void note_drawn(struct hs_display *display, unsigned columns)
{
    display->drawn_rows = display->canvas.rows;
    display->last_columns = columns;
    for (unsigned i = 0; i < display->drawn_rows; i++)
        display->drawn_columns[i] = hs_canvas_row_columns(&display->canvas, i);
}

/* Over what was drawn before, row by row; the rest of each old row and all rows below are cleared.
 * The terminal is asked to show it at once (those who do not know the question ignore it). */
static void draw(struct hs_display *display)
{
    char       *out = display->out;
    size_t      used;
    const char *row = display->rows;
    const char *end;
    unsigned    columns;
    unsigned    rows;

    measure_terminal(&columns, &rows);
    hs_canvas_init(&display->canvas, columns, display->is_unicode, display->has_colour);
    hs_screen_draw(&display->screen, &display->canvas);
    /* rows that scroll away could not be drawn over */
    if (display->canvas.rows >= rows) display->canvas.rows = rows - 1;
    (void)hs_canvas_render(&display->canvas, display->rows, sizeof display->rows);
    used = (size_t)snprintf(out, sizeof display->out, "\x1b[?2026h");
    if (display->drawn_rows)
        used += (size_t)snprintf(out + used, sizeof display->out - used, "\x1b[%uF",
                                 rows_above(display, columns));
    for (; (end = strchr(row, '\n')) != NULL; row = end + 1)
        used += (size_t)snprintf(out + used, sizeof display->out - used, "%.*s\x1b[K\r\n",
                                 (int)(end - row), row);
    used += (size_t)snprintf(out + used, sizeof display->out - used, "\x1b[J\x1b[?2026l");
    note_drawn(display, columns);
    HS_IGNORE(hs_print(STDERR_FILENO, out, used), "the run matters more");
}

void hs_display_figures(struct hs_display *display, struct hs_live_job *live)
{
    bool is_new = hs_live_job_close_interval(live, LINE_MIN_NS);

    display->screen.live = live;
    if (display->mode == HS_DISPLAY_SCREEN) draw(display);
    if (display->mode == HS_DISPLAY_LINES && is_new) print_line(live);
}

/* The screen had no room for the log of the tree and for older notes. */
static void show_log(int fd)
{
    char    text[4096];
    ssize_t bytes;

    if (lseek(fd, 0, SEEK_SET) < 0) return;
    while ((bytes = read(fd, text, sizeof text)) > 0) {
        hs_make_printable(text, (size_t)bytes);
        HS_IGNORE(hs_print(STDERR_FILENO, text, (size_t)bytes), "there is nowhere else to say it");
    }
}

void hs_display_close(struct hs_display *display)
{
    display->mode = HS_DISPLAY_NONE;
    if (display->log_fd < 0) return;
    show_log(display->log_fd);
    (void)close(display->log_fd);
    display->log_fd = -1;
}
