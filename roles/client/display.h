// SPDX-License-Identifier: Apache-2.0
/* display.h - how a run is shown while it goes on. The choice is pure; display_io.c draws. */
#ifndef HS_CLIENT_DISPLAY_H
#define HS_CLIENT_DISPLAY_H

#include "roles/client/live_job.h"

enum hs_display_mode { HS_DISPLAY_NONE, HS_DISPLAY_LINES, HS_DISPLAY_SCREEN };

struct hs_display_facts {
    const char *tui;  /* --tui, NULL: auto */
    const char *term; /* TERM, or NULL */
    bool        is_quiet;
    bool        is_terminal; /* standard error */
};

enum hs_display_mode hs_display_choose(const struct hs_display_facts *facts);
/* How often figures are wanted. */
uint64_t hs_display_interval_ns(enum hs_display_mode mode);

#endif
