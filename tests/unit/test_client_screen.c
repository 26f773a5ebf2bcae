// SPDX-License-Identifier: Apache-2.0
/* test_client_screen.c - the live screen at its widths, in Unicode and ASCII, and the figures
 * behind it. */
#include "roles/client/screen.h"

#include "roles/client/display.h"
#include "roles/exec_state.h"
#include "roles/stats/step_parts.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { CHUNKS = 4000, SOURCES = 4 };

static struct hs_chunk        chunks[CHUNKS];
static struct hs_chunk        own_chunks[CHUNKS];
static struct hs_merge_source sources[SOURCES];
static struct hs_chunk_pool   own_pool;
static struct hs_stats        figures;
static struct hs_live_job     live;
static struct hs_screen       screen;
static struct hs_canvas       canvas;
static char                   text[32768];
static uint64_t               sequence; /* of the gate's parts */

/* As a gate tells it: everything so far, of one step. */
static bool tell(uint64_t elapsed_ns)
{
    static uint8_t      memory[65536];
    struct hs_msg_stats stats = {
        .elapsed_ns = elapsed_ns, .phase = HS_PHASE_LOAD, .planned_ns = 10 * HS_NS_PER_S};
    struct hs_stats_encoder encoder;
    struct hs_writer        out;

    hs_writer_init(&out, memory, sizeof memory);
    hs_stats_encoder_init(&encoder, &figures, NULL);
    if (hs_step_parts_put(&out, 0, &encoder, &sequence) != 0) abort();
    stats.payload = hs_view_of(memory, out.used_bytes);
    return hs_live_job_take(&live, &stats);
}

static void serve(unsigned count, uint64_t response_ns)
{
    figures.tallies[HS_TALLY_SENT] += count;
    figures.tallies[HS_TALLY_BYTES_IN] += 1000UL * count;
    for (unsigned i = 0; i < count; i++)
        if (hs_stats_record(&figures, HS_MEASURE_RESPONSE, response_ns) != 0 ||
            hs_stats_record(&figures, HS_MEASURE_SERVICE, response_ns / 2) != 0 ||
            hs_stats_record(&figures, HS_MEASURE_LAG, 14 * HS_NS_PER_US) != 0)
            abort();
    if (hs_stats_add_status(&figures, 200, count) != 0) abort();
}

static void begin(void)
{
    memset(chunks, 0, sizeof chunks);
    memset(own_chunks, 0, sizeof own_chunks);
    hs_chunk_pool_init(&own_pool, own_chunks, CHUNKS);
    hs_stats_init(&figures, &own_pool);
    hs_live_job_init(&live, chunks, CHUNKS, sources, SOURCES);
    memset(&screen, 0, sizeof screen);
    screen.name = "search-api";
    screen.live = &live;
}

static void run_four_seconds(void)
{
    begin();
    for (uint64_t second = 1; second <= 4; second++) {
        serve(second == 3 ? 500 : 2000, 3 * HS_NS_PER_MS);
        figures.tallies[HS_TALLY_SENT] += 1;
        HS_CHECK(tell(second * HS_NS_PER_S));
        HS_CHECK(hs_live_job_close_interval(&live, HS_NS_PER_S / 2));
    }
}

static const char *draw(unsigned columns, bool is_unicode)
{
    hs_canvas_init(&canvas, columns, is_unicode, false);
    hs_screen_draw(&screen, &canvas);
    (void)hs_canvas_render(&canvas, text, sizeof text);
    return text;
}

static void the_screen_has_80_columns_of_ascii(void)
{
    run_four_seconds();
    HS_CHECK_TEXT(
        draw(80, false),
        " hyperscale  search-api             steady  4s / 10s  ########............  40%\n"
        "+ rate ---------------------------++ response time ----------------------------+\n"
        "|offered  2 001/s sent     2 001/s||            p50    p90    p99  p99.9    max|\n"
        "|done     2 000/s flying         4||now       3.0ms  3.0ms  3.0ms      -  3.0ms|\n"
        "|errors         0 dropped        0||all       3.0ms  3.0ms  3.0ms      -  3.0ms|\n"
        "|##-#                             ||service   1.5ms  1.5ms  1.5ms      -  1.5ms|\n"
        "+---------------------------------++-------------------------------------------+\n"
        "  lag p99 14us   in 2.0 MB/s   out 0 B/s\n"
        "  status  200 6 500\n"
        "  Ctrl-C stops and reports what was measured, twice ends at once\n");
}

static void the_screen_has_120_columns_of_unicode(void)
{
    run_four_seconds();
    if (!figures.errors[HS_ERROR_CONNECT_REFUSED]++) figures.tallies[HS_TALLY_SENT]++;
    HS_CHECK_EQ(hs_stats_record(&figures, HS_MEASURE_FAILED, HS_NS_PER_MS), 0);
    HS_CHECK(tell(5 * HS_NS_PER_S));
    hs_screen_note(&screen, "engine.0 died: signal 9");
    HS_CHECK_TEXT(
        draw(120, true),
        " hyperscale  search-api                                           steady  5s / 10s  "
        "███████████████░░░░░░░░░░░░░░░  50%\n"
        "┌ rate ───────────────────────────┐┌ response time ────────────────────────────┐\n"
        "│offered  2 001/s sent     2 001/s││            p50    p90    p99  p99.9    max│\n"
        "│done     2 000/s flying         4││now       3.0ms  3.0ms  3.0ms      -  3.0ms│\n"
        "│errors         1 dropped        0││all       3.0ms  3.0ms  3.0ms      -  3.0ms│\n"
        "│██▃█                             ││service   1.5ms  1.5ms  1.5ms      -  1.5ms│\n"
        "└─────────────────────────────────┘└───────────────────────────────────────────┘\n"
        "  lag p99 14us   in 2.0 MB/s   out 0 B/s\n"
        "  status  200 6 500\n"
        "  errors  connect.refused 1\n"
        "  engine.0 died: signal 9\n"
        "  Ctrl-C stops and reports what was measured, twice ends at once\n");
}

static void the_screen_has_40_columns_of_ascii(void)
{
    run_four_seconds();
    HS_CHECK_TEXT(draw(40, false), " search-api            steady  4s   40%\n"
                                   "+ rate ---------------------------+\n"
                                   "|offered  2 001/s sent     2 001/s|\n"
                                   "|done     2 000/s flying         4|\n"
                                   "|errors         0 dropped        0|\n"
                                   "|##-#                             |\n"
                                   "+---------------------------------+\n"
                                   "+ response time -----------------------+\n"
                                   "|            p50    p90    p99    max  |\n"
                                   "|now       3.0ms  3.0ms  3.0ms  3.0ms  |\n"
                                   "|all       3.0ms  3.0ms  3.0ms  3.0ms  |\n"
                                   "|service   1.5ms  1.5ms  1.5ms  1.5ms  |\n"
                                   "+--------------------------------------+\n"
                                   "  lag p99 14us   in 2.0 MB/s   out 0 B/s\n"
                                   "  status  200 6 500\n"
                                   "  Ctrl-C stops and reports\n");
    HS_CHECK_EQ(hs_canvas_row_columns(&canvas, 1), 35);
    (void)draw(12, false);
    HS_CHECK_EQ(canvas.rows, 1);
}

/* The daemon came back and runs the job again: its figures are fewer, in parts of lower numbers. */
static void figures_of_another_attempt_are_taken_from_its_start(void)
{
    run_four_seconds();
    hs_live_job_restart(&live);
    sequence = 0;
    hs_stats_clear(&figures);
    serve(300, HS_NS_PER_MS);
    HS_CHECK(tell(5 * HS_NS_PER_S));
    HS_CHECK_EQ(hs_stats_completed(hs_live_job_total(&live)), 300);
    HS_CHECK(hs_live_job_close_interval(&live, 1));
    serve(200, HS_NS_PER_MS);
    HS_CHECK(tell(6 * HS_NS_PER_S));
    HS_CHECK(hs_live_job_close_interval(&live, 1));
    HS_CHECK_EQ(hs_stats_completed(&live.interval), 200);
}

/* A share was lost with all it had counted, and another worker runs it: figures go back. */
static void figures_of_a_lost_share_go_and_are_told_of_once(void)
{
    run_four_seconds();
    HS_CHECK_EQ(hs_live_job_take_discarded(&live), 0);
    hs_stats_clear(&figures);
    figures.tallies[HS_TALLY_DISCARDED] = 6000; /* nobody runs it yet */
    HS_CHECK(tell(5 * HS_NS_PER_S));
    HS_CHECK_EQ(hs_stats_completed(hs_live_job_total(&live)), 0);
    serve(300, HS_NS_PER_MS);
    HS_CHECK(tell(5 * HS_NS_PER_S));
    HS_CHECK(!live.is_late);
    HS_CHECK_EQ(hs_stats_completed(hs_live_job_total(&live)), 300);
    HS_CHECK_EQ(hs_live_job_take_discarded(&live), 6000);
    HS_CHECK_EQ(hs_live_job_take_discarded(&live), 0);
    HS_CHECK(hs_live_job_close_interval(&live, 1));
    serve(200, HS_NS_PER_MS);
    figures.tallies[HS_TALLY_DISCARDED] = 6100;
    HS_CHECK(tell(6 * HS_NS_PER_S));
    HS_CHECK(hs_live_job_close_interval(&live, 1));
    HS_CHECK_EQ(hs_stats_completed(&live.interval), 200);
    HS_CHECK_EQ(hs_live_job_take_discarded(&live), 100);
}

static void nothing_is_drawn_outside_a_narrow_terminal(void)
{
    run_four_seconds();
    screen.name = "a name \x1b[2J that is far too long for any terminal that anybody uses";
    for (unsigned columns = HS_SCREEN_COLUMNS_MIN; columns < 80; columns++) {
        const char *line = draw(columns, false);

        for (; *line; line = strchr(line, '\n') + 1) HS_CHECK(strcspn(line, "\n") <= columns);
        HS_CHECK(strchr(text, '\x1b') == NULL);
    }
}

static void notes_are_kept_to_the_last_three(void)
{
    begin();
    for (unsigned i = 0; i < 2 * HS_SCREEN_NOTES; i++) {
        char note[16];

        (void)snprintf(note, sizeof note, "note %u", i);
        hs_screen_note(&screen, note);
    }
    HS_CHECK_EQ(screen.note_count, HS_SCREEN_NOTES);
    HS_CHECK_TEXT(screen.notes[0], "note 3");
    HS_CHECK_TEXT(screen.notes[2], "note 5");
}

static void colours_come_only_where_they_are_wanted(void)
{
    run_four_seconds();
    hs_canvas_init(&canvas, 80, true, true);
    hs_screen_draw(&screen, &canvas);
    (void)hs_canvas_render(&canvas, text, sizeof text);
    HS_CHECK(strstr(text, "\x1b[1m") != NULL);
    HS_CHECK(strchr(draw(80, true), '\x1b') == NULL);
}

static void an_interval_is_what_happened_in_it(void)
{
    run_four_seconds();
    HS_CHECK_EQ(hs_stats_completed(&live.interval), 2000);
    HS_CHECK_EQ(live.interval_ns, HS_NS_PER_S);
    HS_CHECK_EQ(live.history_count, 4);
    HS_CHECK_EQ(live.history_per_s[2], 500);
    HS_CHECK(!hs_live_job_close_interval(&live, 1));
}

static void a_repeat_and_nonsense_change_no_count(void)
{
    struct hs_msg_stats nonsense = {.elapsed_ns = 5 * HS_NS_PER_S,
                                    .payload = hs_view_of("\xff\xff\xff\xff", 4)};

    run_four_seconds();
    HS_CHECK(tell(4 * HS_NS_PER_S));
    HS_CHECK_EQ(hs_stats_completed(hs_live_job_total(&live)), 6500);
    HS_CHECK(hs_live_job_take(&live, &nonsense));
    HS_CHECK(live.is_late);
    HS_CHECK_EQ(hs_stats_completed(hs_live_job_total(&live)), 6500);
}

static void history_keeps_the_newest(void)
{
    begin();
    for (uint64_t second = 1; second <= 2 * HS_LIVE_JOB_HISTORY; second++) {
        serve(1, HS_NS_PER_MS);
        HS_CHECK(tell(second * HS_NS_PER_S));
        HS_CHECK(hs_live_job_close_interval(&live, 1));
    }
    HS_CHECK_EQ(live.history_count, HS_LIVE_JOB_HISTORY);
    HS_CHECK_EQ(live.history_per_s[0], 1);
}

static void the_display_suits_what_it_is_shown_on(void)
{
    struct hs_display_facts facts = {.is_terminal = true, .term = "xterm"};

    HS_CHECK_EQ(hs_display_choose(&facts), HS_DISPLAY_SCREEN);
    facts.tui = "off";
    HS_CHECK_EQ(hs_display_choose(&facts), HS_DISPLAY_LINES);
    facts = (struct hs_display_facts){.is_terminal = true, .term = "dumb"};
    HS_CHECK_EQ(hs_display_choose(&facts), HS_DISPLAY_LINES);
    facts = (struct hs_display_facts){.tui = "on"};
    HS_CHECK_EQ(hs_display_choose(&facts), HS_DISPLAY_SCREEN);
    facts = (struct hs_display_facts){.term = "xterm"};
    HS_CHECK_EQ(hs_display_choose(&facts), HS_DISPLAY_LINES);
    facts = (struct hs_display_facts){.is_quiet = true, .is_terminal = true, .term = "xterm"};
    HS_CHECK_EQ(hs_display_choose(&facts), HS_DISPLAY_NONE);
    HS_CHECK(hs_screen_takes_unicode(NULL, "", "de_DE.UTF-8"));
    HS_CHECK(!hs_screen_takes_unicode("C", NULL, "de_DE.UTF-8"));
    HS_CHECK(!hs_screen_takes_unicode(NULL, NULL, NULL));
}

CU_TestInfo hs_tests_client_screen[] = {
    {"the screen has 40 columns of ASCII", the_screen_has_40_columns_of_ascii},
    {"figures of another attempt are taken from its start",
     figures_of_another_attempt_are_taken_from_its_start},
    {"figures of a lost share go and are told of once",
     figures_of_a_lost_share_go_and_are_told_of_once},
    {"the screen has 80 columns of ASCII", the_screen_has_80_columns_of_ascii},
    {"the screen has 120 columns of Unicode", the_screen_has_120_columns_of_unicode},
    {"nothing is drawn outside a narrow terminal", nothing_is_drawn_outside_a_narrow_terminal},
    {"notes are kept to the last three", notes_are_kept_to_the_last_three},
    {"colours come only where they are wanted", colours_come_only_where_they_are_wanted},
    {"an interval is what happened in it", an_interval_is_what_happened_in_it},
    {"a repeat and nonsense change no count", a_repeat_and_nonsense_change_no_count},
    {"history keeps the newest", history_keeps_the_newest},
    {"the display suits what it is shown on", the_display_suits_what_it_is_shown_on},
    CU_TEST_INFO_NULL};
