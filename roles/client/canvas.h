// SPDX-License-Identifier: Apache-2.0
/* canvas.h - a grid of characters to draw on; what falls outside is cut off. Every cell is one
 * column wide. Pure. */
#ifndef HS_CLIENT_CANVAS_H
#define HS_CLIENT_CANVAS_H

#include "shm/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { HS_CANVAS_ROWS_MAX = 48, HS_CANVAS_COLUMNS_MAX = 160, HS_CANVAS_CELL_BYTES = 4 };

enum hs_canvas_style { HS_STYLE_PLAIN, HS_STYLE_BOLD, HS_STYLE_DIM, HS_STYLE_GOOD, HS_STYLE_BAD };

struct hs_canvas_cell {
    char    text[HS_CANVAS_CELL_BYTES]; /* one character of UTF-8; zero: a blank */
    uint8_t style;                      /* enum hs_canvas_style */
};

struct hs_canvas {
    unsigned              rows; /* used so far */
    unsigned              columns;
    bool                  is_unicode; /* else box and block characters become ASCII */
    bool                  has_colour;
    enum hs_canvas_style  style; /* of what is drawn next */
    struct hs_canvas_cell cells[HS_CANVAS_ROWS_MAX][HS_CANVAS_COLUMNS_MAX];
};

void hs_canvas_init(struct hs_canvas *canvas, unsigned columns, bool is_unicode, bool has_colour);
/* From column on, at most width columns. Returns the column behind it. */
unsigned hs_canvas_text(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                        const char *text);
/* The same, ending before column. */
void hs_canvas_text_right(struct hs_canvas *canvas, unsigned row, unsigned column,
                          const char *text);
void hs_canvas_box(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned height,
                   unsigned width, const char *title);
/* share of width filled, 0 to 1. */
void hs_canvas_bar(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                   double share);
/* The newest count values, one column each, as heights. */
void hs_canvas_spark(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                     const uint64_t *values, uint32_t count);
/* Columns up to the last that was drawn in. */
unsigned hs_canvas_row_columns(const struct hs_canvas *canvas, unsigned row);
/* Rows with a line feed behind each, without blanks at their ends; cut to what fits, terminated. */
size_t hs_canvas_render(const struct hs_canvas *canvas, char *text, size_t text_bytes);

#endif
