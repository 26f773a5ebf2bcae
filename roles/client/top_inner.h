// SPDX-License-Identifier: Apache-2.0
/* top_inner.h - between the parts of the screen of `hyperscale top`. Rows are numbered from the
 * top; whoever draws answers with the next one that is free. */
#ifndef HS_CLIENT_TOP_INNER_H
#define HS_CLIENT_TOP_INNER_H

#include "roles/client/top.h"
#include "shm/base/err.h"

const char *hs_top_text(const json_t *object, const char *key);   /* "": it has none */
uint64_t    hs_top_number(const json_t *object, const char *key); /* 0: it has none */
/* "-": never; else in text, of HS_UNITS_TEXT_BYTES. */
const char *hs_top_age(char *text, const json_t *object, const char *key);
unsigned    hs_top_line(struct hs_canvas *canvas, unsigned row, const char *format, ...)
    HS_PRINTF(3, 4);

/* A title, a row for each item up to a bound, how many more there are, an empty row. */
struct hs_top_table {
    const char *title;
    size_t      shown; /* at most */
    unsigned (*draw)(const json_t *item, struct hs_canvas *canvas, unsigned row);
};
unsigned hs_top_rows(struct hs_canvas *canvas, unsigned row, const struct hs_top_table *table,
                     const json_t *items);

/* Other hosts, if there are any: the rings, the managers that the gate knows, the workers that the
 * manager knows. */
unsigned hs_top_draw_cluster(const struct hs_top *top, struct hs_canvas *canvas, unsigned row);

#endif
