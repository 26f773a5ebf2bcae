// SPDX-License-Identifier: Apache-2.0
/* screen.c - what stands where.
 *
 *    hyperscale  NAME       steady  12s / 30s  ████████░░░░░░░░  40%
 *   ┌ rate ──────────────┐┌ response time ────────────────────────┐
 *   │ 4 rows             ││ 4 rows                                │
 *   └────────────────────┘└───────────────────────────────────────┘
 *    lag, traffic, statuses and errors; notes; what the keys do
 *
 * On fewer than 80 columns the boxes stand one below the other; what does not fit is left out. */
#include "roles/client/screen.h"

#include "roles/stats/report_text.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LEFT_WIDTH = 35,
    LATENCY_CELLS = 5,
    RIGHT_WIDTH = 45,
    CELL_WIDTH = 7,
    LABEL_WIDTH = 8,
    BOX_HEIGHT = 6,
    BAR_WIDTH_MAX = 30,
    BAR_COLUMNS_MIN = 60, /* below there is no bar */
    LINE_BYTES = 256
};

void hs_screen_note(struct hs_screen *screen, const char *text)
{
    if (screen->note_count == HS_SCREEN_NOTES) {
        memmove(screen->notes[0], screen->notes[1],
                (HS_SCREEN_NOTES - 1) * sizeof screen->notes[0]);
        screen->note_count--;
    }
    (void)snprintf(screen->notes[screen->note_count++], HS_SCREEN_NOTE_BYTES, "%s", text);
}

bool hs_screen_takes_unicode(const char *lc_all, const char *lc_ctype, const char *lang)
{
    const char *text = lc_all && lc_all[0] ? lc_all : lc_ctype && lc_ctype[0] ? lc_ctype : lang;

    return text && (strstr(text, "UTF-8") || strstr(text, "utf8") || strstr(text, "utf-8"));
}

static double share_done(const struct hs_live_job *live)
{
    if (live->planned_ns == 0 || live->planned_ns == HS_NEVER_NS) return -1.0;
    if (live->elapsed_ns >= live->planned_ns) return 1.0;
    return (double)live->elapsed_ns / (double)live->planned_ns;
}

static const char *whole_seconds(char *text, uint64_t ns)
{
    return hs_units_format_duration_exact(text, ns / HS_NS_PER_S * HS_NS_PER_S);
}

static void draw_short_title(const struct hs_screen *screen, struct hs_canvas *canvas, double share)
{
    const struct hs_live_job *live = screen->live;
    char                      elapsed[HS_UNITS_TEXT_BYTES];
    char                      text[LINE_BYTES];
    int bytes = snprintf(text, sizeof text, "%s  %s", hs_live_job_phase_name(live),
                         whole_seconds(elapsed, live->elapsed_ns));

    if (share >= 0)
        (void)snprintf(text + bytes, sizeof text - (size_t)bytes, "  %3.0f%%", share * 100.0);
    canvas->style = HS_STYLE_BOLD;
    (void)hs_canvas_text(canvas, 0, 1, canvas->columns / 2 - 3, screen->name);
    canvas->style = HS_STYLE_PLAIN;
    hs_canvas_text_right(canvas, 0, canvas->columns - 1, text);
}

static void draw_title(const struct hs_screen *screen, struct hs_canvas *canvas)
{
    const struct hs_live_job *live = screen->live;
    double                    share = share_done(live);
    char                      elapsed[HS_UNITS_TEXT_BYTES];
    char                      planned[HS_UNITS_TEXT_BYTES];
    char                      text[LINE_BYTES];
    unsigned                  bar_width = canvas->columns / 4;
    unsigned                  column;

    if (bar_width > BAR_WIDTH_MAX) bar_width = BAR_WIDTH_MAX;
    if (canvas->columns < BAR_COLUMNS_MIN) {
        draw_short_title(screen, canvas, share);
        return;
    }
    canvas->style = HS_STYLE_BOLD;
    column = hs_canvas_text(canvas, 0, 1, canvas->columns, "hyperscale");
    column = hs_canvas_text(canvas, 0, column + 2, canvas->columns / 4, screen->name);
    canvas->style = HS_STYLE_PLAIN;
    if (share < 0) {
        (void)snprintf(text, sizeof text, "%s  %s", hs_live_job_phase_name(live),
                       whole_seconds(elapsed, live->elapsed_ns));
        (void)hs_canvas_text(canvas, 0, column + 3, canvas->columns, text);
        return;
    }
    (void)snprintf(text, sizeof text, "%s  %s / %s", hs_live_job_phase_name(live),
                   whole_seconds(elapsed, live->elapsed_ns),
                   whole_seconds(planned, live->planned_ns));
    hs_canvas_text_right(canvas, 0, canvas->columns - bar_width - 8, text);
    hs_canvas_bar(canvas, 0, canvas->columns - bar_width - 6, bar_width, share);
    (void)snprintf(text, sizeof text, "%3.0f%%", share * 100.0);
    hs_canvas_text_right(canvas, 0, canvas->columns - 1, text);
}

static void draw_pair(struct hs_canvas *canvas, unsigned row, unsigned column, const char *label,
                      const char *value)
{
    (void)hs_canvas_text(canvas, row, column, LABEL_WIDTH, label);
    hs_canvas_text_right(canvas, row, column + 16, value);
}

static const char *per_second(char *text, uint64_t count, uint64_t interval_ns)
{
    double rate = interval_ns ? (double)count / (double)interval_ns * (double)HS_NS_PER_S : 0.0;

    /* Whole requests are what one reads while numbers move. */
    return hs_units_format_per_s(text, (uint64_t)(rate + 0.5) * 1000);
}

static void draw_counts(const struct hs_stats *total, struct hs_canvas *canvas, unsigned row,
                        unsigned column)
{
    uint64_t failed = hs_stats_failed(total);
    uint64_t dropped = total->tallies[HS_TALLY_DROPPED] + total->tallies[HS_TALLY_SHED];
    char     text[HS_UNITS_TEXT_BYTES];

    if (failed) canvas->style = HS_STYLE_BAD;
    draw_pair(canvas, row, column, "errors", hs_units_format_count(text, failed));
    canvas->style = dropped ? HS_STYLE_BAD : HS_STYLE_PLAIN;
    draw_pair(canvas, row, column + 17, "dropped", hs_units_format_count(text, dropped));
    canvas->style = HS_STYLE_PLAIN;
}

static void draw_rate(const struct hs_live_job *live, struct hs_canvas *canvas, unsigned row)
{
    const struct hs_stats *now = &live->interval;
    const struct hs_stats *total = hs_live_job_total(live);
    char                   text[HS_UNITS_TEXT_BYTES];

    hs_canvas_box(canvas, row, 0, BOX_HEIGHT, LEFT_WIDTH, "rate");
    draw_pair(canvas, row + 1, 1, "offered",
              per_second(text, hs_stats_offered(now), live->interval_ns));
    draw_pair(canvas, row + 1, 18, "sent",
              per_second(text, now->tallies[HS_TALLY_SENT], live->interval_ns));
    draw_pair(canvas, row + 2, 1, "done",
              per_second(text, hs_stats_completed(now), live->interval_ns));
    draw_pair(canvas, row + 2, 18, "flying",
              hs_units_format_count(text, hs_stats_in_flight(total)));
    draw_counts(total, canvas, row + 3, 1);
    canvas->style = HS_STYLE_DIM;
    hs_canvas_spark(canvas, row + 4, 1, LEFT_WIDTH - 2, live->history_per_s, live->history_count);
    canvas->style = HS_STYLE_PLAIN;
}

/* What stands in the columns; the last one is max. Where not all fit, those in the middle go. */
static const struct {
    const char *head;
    double      quantile;
    unsigned    cells_min; /* it stands there when there is room for so many */
} latency_columns[LATENCY_CELLS] = {
    {"p50", 0.5, 2}, {"p90", 0.9, 4}, {"p99", 0.99, 3}, {"p99.9", 0.999, 5}, {"max", 1.0, 1}};

/* The box and where its cells begin. */
struct latency_place {
    unsigned row, at, cells, cell_count;
};

static const char *latency_text(const struct hs_stats *stats, enum hs_measure measure, unsigned i,
                                char *text)
{
    double quantile = latency_columns[i].quantile;

    if (!stats->counts[measure]) return "-";
    if (i == LATENCY_CELLS - 1)
        return hs_units_format_duration(text, stats->moments[measure].max_ns);
    if (!hs_histogram_has_enough(stats->counts[measure], quantile)) return "-";
    return hs_units_format_duration(text, hs_stats_percentile_ns(stats, measure, quantile));
}

/* stats NULL: the heads. */
static void draw_latency_row(const struct latency_place *place, unsigned line, const char *label,
                             const struct hs_stats *stats, enum hs_measure measure,
                             struct hs_canvas *canvas)
{
    unsigned column = place->cells;
    char     text[HS_UNITS_TEXT_BYTES];

    (void)hs_canvas_text(canvas, place->row + line, place->at + 1, LABEL_WIDTH, label);
    for (unsigned i = 0; i < LATENCY_CELLS; i++) {
        if (place->cell_count < latency_columns[i].cells_min) continue;
        column += CELL_WIDTH;
        hs_canvas_text_right(canvas, place->row + line, column,
                             stats ? latency_text(stats, measure, i, text)
                                   : latency_columns[i].head);
    }
}

static void draw_latency(const struct hs_live_job *live, struct hs_canvas *canvas, unsigned row,
                         unsigned at)
{
    unsigned             room = canvas->columns - at;
    unsigned             width = room < RIGHT_WIDTH ? room : RIGHT_WIDTH;
    struct latency_place place = {row, at, at + 1 + LABEL_WIDTH,
                                  (width - LABEL_WIDTH - 2) / CELL_WIDTH};

    hs_canvas_box(canvas, row, at, BOX_HEIGHT, width, "response time");
    canvas->style = HS_STYLE_DIM;
    draw_latency_row(&place, 1, "", NULL, HS_MEASURE_RESPONSE, canvas);
    canvas->style = HS_STYLE_PLAIN;
    draw_latency_row(&place, 2, "now", &live->interval, HS_MEASURE_RESPONSE, canvas);
    draw_latency_row(&place, 3, "all", hs_live_job_total(live), HS_MEASURE_RESPONSE, canvas);
    draw_latency_row(&place, 4, "service", hs_live_job_total(live), HS_MEASURE_SERVICE, canvas);
}

static uint64_t bytes_per_s(uint64_t bytes, uint64_t interval_ns)
{
    return interval_ns ? (uint64_t)((double)bytes / (double)interval_ns * (double)HS_NS_PER_S) : 0;
}

static void draw_traffic(const struct hs_live_job *live, struct hs_canvas *canvas, unsigned row)
{
    const struct hs_stats *now = &live->interval;
    char                   in[HS_UNITS_TEXT_BYTES];
    char                   out[HS_UNITS_TEXT_BYTES];
    char                   lag[HS_UNITS_TEXT_BYTES] = "-";
    char                   text[LINE_BYTES];

    if (hs_histogram_has_enough(now->counts[HS_MEASURE_LAG], 0.99))
        (void)hs_units_format_duration(lag, hs_stats_percentile_ns(now, HS_MEASURE_LAG, 0.99));
    (void)snprintf(text, sizeof text, "lag p99 %s   in %s   out %s", lag,
                   hs_units_format_bytes_per_s(
                       in, bytes_per_s(now->tallies[HS_TALLY_BYTES_IN], live->interval_ns)),
                   hs_units_format_bytes_per_s(
                       out, bytes_per_s(now->tallies[HS_TALLY_BYTES_OUT], live->interval_ns)));
    (void)hs_canvas_text(canvas, row, 2, canvas->columns - 2, text);
}

/* "status  200 4 711   503 2" and "errors  connect.refused 3". True: there was something. */
static bool draw_statuses(const struct hs_stats *total, struct hs_canvas *canvas, unsigned row)
{
    unsigned column = 2;
    bool     is_any = false;

    for (unsigned i = 0; i < HS_STATUS_SLOTS && column < canvas->columns; i++) {
        uint64_t count = hs_stats_status(total, i);
        char     number[HS_UNITS_TEXT_BYTES];
        char     text[LINE_BYTES];

        if (!count) continue;
        if (!is_any) column = hs_canvas_text(canvas, row, 2, LABEL_WIDTH, "status");
        (void)hs_units_format_count(number, count);
        (void)snprintf(text, sizeof text, "%u %s", HS_STATUS_FIRST + i, number);
        if (i == HS_STATUS_OTHER) (void)snprintf(text, sizeof text, "other %s", number);
        column = hs_canvas_text(canvas, row, column + 2, canvas->columns, text);
        is_any = true;
    }
    return is_any;
}

static bool draw_errors(const struct hs_stats *total, struct hs_canvas *canvas, unsigned row)
{
    unsigned column = 2;
    bool     is_any = false;

    canvas->style = HS_STYLE_BAD;
    for (unsigned i = 0; i < HS_ERROR_CLASS_COUNT && column < canvas->columns; i++) {
        char number[HS_UNITS_TEXT_BYTES];
        char text[LINE_BYTES];

        if (!total->errors[i]) continue;
        if (!is_any) column = hs_canvas_text(canvas, row, 2, LABEL_WIDTH, "errors");
        (void)snprintf(text, sizeof text, "%s %s", hs_error_class_name((enum hs_error_class)i),
                       hs_units_format_count(number, total->errors[i]));
        column = hs_canvas_text(canvas, row, column + 2, canvas->columns, text);
        is_any = true;
    }
    canvas->style = HS_STYLE_PLAIN;
    return is_any;
}

void hs_screen_draw(const struct hs_screen *screen, struct hs_canvas *canvas)
{
    const struct hs_live_job *live = screen->live;
    bool                      is_wide = canvas->columns >= LEFT_WIDTH + RIGHT_WIDTH;
    unsigned                  row = 1 + BOX_HEIGHT * (is_wide ? 1 : 2);

    if (canvas->columns < HS_SCREEN_COLUMNS_MIN) {
        draw_short_title(screen, canvas, share_done(live));
        return;
    }
    draw_title(screen, canvas);
    draw_rate(live, canvas, 1);
    draw_latency(live, canvas, is_wide ? 1 : 1 + BOX_HEIGHT, is_wide ? LEFT_WIDTH : 0);
    draw_traffic(live, canvas, row++);
    if (draw_statuses(hs_live_job_total(live), canvas, row)) row++;
    if (draw_errors(hs_live_job_total(live), canvas, row)) row++;
    for (uint32_t i = 0; i < screen->note_count; i++)
        (void)hs_canvas_text(canvas, row++, 2, canvas->columns - 2, screen->notes[i]);
    canvas->style = HS_STYLE_DIM;
    (void)hs_canvas_text(canvas, row, 2, canvas->columns - 2,
                         canvas->columns < BAR_COLUMNS_MIN
                             ? "Ctrl-C stops and reports"
                             : "Ctrl-C stops and reports what was measured, twice ends at once");
    canvas->style = HS_STYLE_PLAIN;
}
