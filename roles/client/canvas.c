// SPDX-License-Identifier: Apache-2.0
/* canvas.c - draws into cells, then writes the cells out. */
#include "roles/client/canvas.h"

#include "roles/printable.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

enum { SPARK_LEVELS = 8 };

static const char *const escape_of[] = {[HS_STYLE_PLAIN] = "\x1b[0m",
                                        [HS_STYLE_BOLD] = "\x1b[1m",
                                        [HS_STYLE_DIM] = "\x1b[2m",
                                        [HS_STYLE_GOOD] = "\x1b[32m",
                                        [HS_STYLE_BAD] = "\x1b[1;31m"};

void hs_canvas_init(struct hs_canvas *canvas, unsigned columns, bool is_unicode, bool has_colour)
{
    memset(canvas, 0, sizeof *canvas);
    canvas->columns = columns < HS_CANVAS_COLUMNS_MAX ? columns : HS_CANVAS_COLUMNS_MAX;
    canvas->is_unicode = is_unicode;
    canvas->has_colour = has_colour;
}

/* Bytes of the character that starts here; 1 for what a terminal must not see. */
static unsigned character_bytes(const char *text)
{
    unsigned bytes = (unsigned)hs_printable_bytes(text, strnlen(text, HS_CANVAS_CELL_BYTES));

    return bytes ? bytes : 1;
}

static void put(struct hs_canvas *canvas, unsigned row, unsigned column, const char *text,
                unsigned bytes)
{
    struct hs_canvas_cell *cell;

    if (row >= HS_CANVAS_ROWS_MAX || column >= canvas->columns) return;
    if (row >= canvas->rows) canvas->rows = row + 1;
    cell = &canvas->cells[row][column];
    memset(cell, 0, sizeof *cell);
    cell->style = (uint8_t)canvas->style;
    /* Names come from plans: a control character must not reach the terminal. */
    if (bytes == 1 && ((unsigned char)text[0] < ' ' || (unsigned char)text[0] > '~')) text = "?";
    memcpy(cell->text, text, bytes);
}

/* A character of the drawing, or what stands for it in ASCII. */
static void put_drawn(struct hs_canvas *canvas, unsigned row, unsigned column, const char *unicode,
                      const char *ascii)
{
    const char *text = canvas->is_unicode ? unicode : ascii;

    put(canvas, row, column, text, character_bytes(text));
}

unsigned hs_canvas_text(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                        const char *text)
{
    unsigned end = column + width;

    while (*text && column < end) {
        unsigned bytes = character_bytes(text);

        if (bytes > 1 && !canvas->is_unicode)
            put(canvas, row, column, "?", 1);
        else
            put(canvas, row, column, text, bytes);
        text += bytes;
        column++;
    }
    return column;
}

void hs_canvas_text_right(struct hs_canvas *canvas, unsigned row, unsigned column, const char *text)
{
    unsigned width = 0;

    for (const char *at = text; *at; at += character_bytes(at)) width++;
    if (width > column) width = column;
    (void)hs_canvas_text(canvas, row, column - width, width, text);
}

static void draw_edge(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                      const char *const corners[2])
{
    put_drawn(canvas, row, column, corners[0], "+");
    for (unsigned i = 1; i + 1 < width; i++) put_drawn(canvas, row, column + i, "─", "-");
    put_drawn(canvas, row, column + width - 1, corners[1], "+");
}

void hs_canvas_box(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned height,
                   unsigned width, const char *title)
{
    static const char *const top[2] = {"┌", "┐"};
    static const char *const bottom[2] = {"└", "┘"};
    unsigned                 end;

    HS_ASSERT(height >= 2);
    HS_ASSERT(width >= 4);
    draw_edge(canvas, row, column, width, top);
    for (unsigned i = 1; i + 1 < height; i++) {
        put_drawn(canvas, row + i, column, "│", "|");
        put_drawn(canvas, row + i, column + width - 1, "│", "|");
    }
    draw_edge(canvas, row + height - 1, column, width, bottom);
    put(canvas, row, column + 1, " ", 1);
    end = hs_canvas_text(canvas, row, column + 2, width - 4, title);
    put(canvas, row, end, " ", 1);
}

void hs_canvas_bar(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                   double share)
{
    unsigned filled = share >= 1.0 ? width : share <= 0.0 ? 0 : (unsigned)(share * width + 0.5);

    for (unsigned i = 0; i < width; i++)
        put_drawn(canvas, row, column + i, i < filled ? "█" : "░", i < filled ? "#" : ".");
}

void hs_canvas_spark(struct hs_canvas *canvas, unsigned row, unsigned column, unsigned width,
                     const uint64_t *values, uint32_t count)
{
    static const char *const blocks[SPARK_LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const marks[SPARK_LEVELS] = {".", ":", "-", "=", "+", "*", "%", "#"};
    uint32_t                 shown = count < width ? count : width;
    uint64_t                 most = 1;

    for (uint32_t i = count - shown; i < count; i++) most = values[i] > most ? values[i] : most;
    for (uint32_t i = 0; i < shown; i++) {
        double   share = (double)values[count - shown + i] / (double)most;
        unsigned level = (unsigned)(share * (SPARK_LEVELS - 1) + 0.5);

        put_drawn(canvas, row, column + i, blocks[level], marks[level]);
    }
}

/* ---- out ---- */

struct page {
    char  *text;
    size_t capacity_bytes;
    size_t used_bytes;
};

static void say(struct page *page, const char *text)
{
    size_t bytes = strlen(text);

    if (page->used_bytes + bytes >= page->capacity_bytes) return;
    memcpy(page->text + page->used_bytes, text, bytes);
    page->used_bytes += bytes;
}

unsigned hs_canvas_row_columns(const struct hs_canvas *canvas, unsigned row)
{
    unsigned columns = canvas->columns;

    while (columns && !canvas->cells[row][columns - 1].text[0]) columns--;
    return columns;
}

static void render_row(const struct hs_canvas *canvas, unsigned row, struct page *page)
{
    const struct hs_canvas_cell *cells = canvas->cells[row];
    unsigned                     end = canvas->columns;
    uint8_t                      style = HS_STYLE_PLAIN;

    while (end > 0 && !cells[end - 1].text[0]) end--;
    for (unsigned i = 0; i < end; i++) {
        char text[HS_CANVAS_CELL_BYTES + 1] = " ";

        if (cells[i].text[0]) memcpy(text, cells[i].text, HS_CANVAS_CELL_BYTES);
        text[HS_CANVAS_CELL_BYTES] = '\0';
        if (canvas->has_colour && cells[i].style != style) {
            style = cells[i].style;
            say(page, escape_of[HS_STYLE_PLAIN]);
            if (style != HS_STYLE_PLAIN) say(page, escape_of[style]);
        }
        say(page, text);
    }
    if (style != HS_STYLE_PLAIN) say(page, escape_of[HS_STYLE_PLAIN]);
    say(page, "\n");
}

size_t hs_canvas_render(const struct hs_canvas *canvas, char *text, size_t text_bytes)
{
    struct page page = {.text = text, .capacity_bytes = text_bytes};

    for (unsigned row = 0; row < canvas->rows; row++) render_row(canvas, row, &page);
    text[page.used_bytes] = '\0';
    return page.used_bytes;
}
