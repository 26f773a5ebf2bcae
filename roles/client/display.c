// SPDX-License-Identifier: Apache-2.0
/* display.c - screen, lines or nothing. */
#include "roles/client/display.h"

#include "shm/base/time.h"

#include <string.h>

enum hs_display_mode hs_display_choose(const struct hs_display_facts *facts)
{
    bool can_draw = facts->is_terminal && facts->term && strcmp(facts->term, "dumb") != 0;

    if (facts->is_quiet) return HS_DISPLAY_NONE;
    if (facts->tui && strcmp(facts->tui, "on") == 0) return HS_DISPLAY_SCREEN;
    if (facts->tui && strcmp(facts->tui, "off") == 0) return HS_DISPLAY_LINES;
    return can_draw ? HS_DISPLAY_SCREEN : HS_DISPLAY_LINES;
}

uint64_t hs_display_interval_ns(enum hs_display_mode mode)
{
    /* A manager tells of its jobs so often: figures and their moments then come in step. */
    return mode == HS_DISPLAY_SCREEN ? 250 * HS_NS_PER_MS : HS_NS_PER_S;
}
