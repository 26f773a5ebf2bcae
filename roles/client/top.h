// SPDX-License-Identifier: Apache-2.0
/* top.h - what a daemon's status socket answers, drawn for people: `hyperscale status` and
 * `hyperscale top`. Takes any answer, whatever is missing in it. Pure. */
#ifndef HS_CLIENT_TOP_H
#define HS_CLIENT_TOP_H

#include "roles/client/canvas.h"

#include <jansson.h>

/* The answers to the requests of these names; each may be NULL. */
struct hs_top {
    const json_t *status;
    const json_t *processes;
    const json_t *members;
    const json_t *managers;
    const json_t *workers;
    const json_t *jobs;
    const json_t *dispatch_times;
    const json_t *latency;
    const json_t *events;
};

void hs_top_draw(const struct hs_top *top, struct hs_canvas *canvas);

/* What an answer of the daemon says that is none: its message; NULL: it is one. */
const char *hs_top_refusal(const json_t *answer);

#endif
