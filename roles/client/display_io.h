// SPDX-License-Identifier: Apache-2.0
/* display_io.h - shows a run while it goes on, on standard error: a line a second, or a screen that
 * is drawn in place. The terminal is never put into another mode, so there is nothing to restore,
 * whatever ends the program. */
#ifndef HS_CLIENT_DISPLAY_IO_H
#define HS_CLIENT_DISPLAY_IO_H

#include "roles/client/display.h"
#include "roles/client/screen.h"

enum { HS_DISPLAY_SCREEN_BYTES = 32 << 10 };

/* On the heap: it holds what it draws. */
struct hs_display {
    enum hs_display_mode mode;
    bool                 is_unicode;
    bool                 has_colour;
    unsigned             drawn_rows; /* above the cursor */
    unsigned             drawn_columns[HS_CANVAS_ROWS_MAX];
    unsigned             last_columns; /* of the terminal */
    int log_fd; /* what would spoil the screen goes here until it is over; -1: standard error */
    struct hs_screen screen;
    struct hs_canvas canvas;
    char             rows[HS_DISPLAY_SCREEN_BYTES];
    char             out[HS_DISPLAY_SCREEN_BYTES + HS_CANVAS_ROWS_MAX * 8];
};

struct hs_options;

void hs_display_open(struct hs_display *display, const char *name,
                     const struct hs_options *options);
/* Something that happened, as one line. */
void hs_display_note(struct hs_display *display, const char *format, ...) HS_PRINTF(2, 3);
/* Figures have moved on. */
void hs_display_figures(struct hs_display *display, struct hs_live_job *live);
/* Nothing is drawn from here on; what the screen held back is said. */
void hs_display_close(struct hs_display *display);

#endif
