// SPDX-License-Identifier: Apache-2.0
/* screen.h - the live screen of a run, drawn from its figures. Pure. */
#ifndef HS_CLIENT_SCREEN_H
#define HS_CLIENT_SCREEN_H

#include "roles/client/canvas.h"
#include "roles/client/live_job.h"

enum { HS_SCREEN_COLUMNS_MIN = 40, HS_SCREEN_NOTES = 3, HS_SCREEN_NOTE_BYTES = 160 };

struct hs_screen {
    const char               *name;
    const struct hs_live_job *live;
    uint32_t                  note_count;
    char notes[HS_SCREEN_NOTES][HS_SCREEN_NOTE_BYTES]; /* the last ones, oldest first */
};

void hs_screen_note(struct hs_screen *screen, const char *text);
/* canvas has its columns and its character set. */
void hs_screen_draw(const struct hs_screen *screen, struct hs_canvas *canvas);

/* Does a terminal with these settings (LC_ALL, LC_CTYPE, LANG; NULL: not set) take UTF-8? */
bool hs_screen_takes_unicode(const char *lc_all, const char *lc_ctype, const char *lang);

#endif
