// SPDX-License-Identifier: Apache-2.0
/* display_io.h - shows a run while it goes on, on standard error: a line a second, or a screen that is drawn in place. The
 * terminal is never put into another mode, so there is nothing to restore, whatever ends the program. */
#ifndef HS_CLIENT_DISPLAY_IO_H
#define HS_CLIENT_DISPLAY_IO_H

#include "roles/client/display.h"

struct hs_display {
    enum hs_display_mode mode;
    const char          *name;
};

void hs_display_init(struct hs_display *display, const char *name, const char *tui, bool is_quiet);
/* Something that happened, as one line. */
void hs_display_note(struct hs_display *display, const char *format, ...) HS_PRINTF(2, 3);
/* Figures have moved on. */
void hs_display_figures(struct hs_display *display, struct hs_live *live);
void hs_display_end(struct hs_display *display);

#endif
