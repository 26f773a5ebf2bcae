// SPDX-License-Identifier: Apache-2.0
/* problems.c - collects what is wrong with a document, and shows it. */
#include "roles/problems.h"

#include "roles/json.h"
#include "roles/printable.h"
#include "shm/base/time.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_BEFORE = 70, SHOWN_BYTES = 110, UNDERLINE_MAX = 60 }; /* of a source line */

void hs_problems_init(struct hs_problems *problems)
{
    *problems = (struct hs_problems){0};
}

static bool is_known(const struct hs_problems *problems, const struct hs_problem *problem)
{
    for (uint32_t i = 0; i < problems->kept; i++) {
        const struct hs_problem *other = &problems->at[i];

        if (strcmp(other->code, problem->code) == 0 && strcmp(other->path, problem->path) == 0 &&
            other->place.line == problem->place.line &&
            other->place.column == problem->place.column &&
            strcmp(other->message, problem->message) == 0)
            return true;
    }
    return false;
}

void hs_problems_add(struct hs_problems *problems, const char *code, struct hs_problem_place place,
                     const char *hint, const char *format, ...)
{
    struct hs_problem problem = {.code = code, .place = place};
    va_list           arguments;

    va_start(arguments, format);
    (void)vsnprintf(problem.message, sizeof problem.message, format, arguments);
    va_end(arguments);
    (void)snprintf(problem.path, sizeof problem.path, "%s", place.path ? place.path : "");
    problem.place.path = NULL; /* ours is the copy */
    (void)snprintf(problem.hint, sizeof problem.hint, "%s", hint ? hint : "");
    hs_make_printable(problem.message, strlen(problem.message));
    hs_make_printable(problem.path, strlen(problem.path));
    hs_make_printable(problem.hint, strlen(problem.hint));
    if (is_known(problems, &problem)) return;
    if (code[0] == 'W')
        problems->warnings++;
    else
        problems->errors++;
    if (problems->kept < HS_PROBLEMS_MAX) problems->at[problems->kept++] = problem;
}

static bool is_before(struct hs_problem_place a, struct hs_problem_place b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

void hs_problems_sort(struct hs_problems *problems)
{
    for (uint32_t i = 1; i < problems->kept; i++)
        for (uint32_t j = i; j > 0 && is_before(problems->at[j].place, problems->at[j - 1].place);
             j--) {
            struct hs_problem later = problems->at[j - 1];

            problems->at[j - 1] = problems->at[j];
            problems->at[j] = later;
        }
}

static void put_format(struct hs_writer *out, const char *format, ...) HS_PRINTF(2, 3);

static void put_format(struct hs_writer *out, const char *format, ...)
{
    char    text[2 * HS_PROBLEM_TEXT_BYTES];
    va_list arguments;
    int     length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    hs_put_bytes(out, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
}

static struct hs_view line_at(struct hs_view text, uint32_t line)
{
    size_t at = 0;
    size_t end;

    for (uint32_t i = 1; i < line && at < text.bytes; at++)
        if (text.data[at] == '\n') i++;
    for (end = at; end < text.bytes && text.data[end] != '\n' && text.data[end] != '\r';) end++;
    return hs_view_of(text.data + at, end - at);
}

/* Bytes of the character at a place, 1 for what is none that may be shown. */
static size_t step_at(struct hs_view line, size_t at, bool *is_printable)
{
    size_t bytes = hs_printable_bytes((const char *)line.data + at, line.bytes - at);

    *is_printable = bytes > 0;
    return bytes ? bytes : 1;
}

static void put_printable(struct hs_writer *out, struct hs_view line, size_t from, size_t end)
{
    bool is_printable;

    for (size_t at = from, bytes; at < end; at += bytes) {
        bytes = step_at(line, at, &is_printable);
        if (is_printable)
            hs_put_bytes(out, line.data + at, bytes);
        else
            hs_put_u8(out, line.data[at] == '\t' ? ' ' : '?');
    }
}

/* On the screen, as put_printable() shows them. */
static uint32_t columns_of(struct hs_view line, size_t from, size_t end)
{
    uint32_t columns = 0;
    bool     is_printable;

    for (size_t at = from; at < end; columns++) at += step_at(line, at, &is_printable);
    return columns;
}

/* The source line, or the part of it around the place, and the underline. */
static void put_source(struct hs_writer *out, struct hs_view text, struct hs_problem_place place)
{
    struct hs_view line = line_at(text, place.line);
    size_t         caret = place.column - 1;
    size_t         from;
    size_t         shown;
    uint32_t       width = place.width < UNDERLINE_MAX ? place.width : UNDERLINE_MAX;

    if (caret > line.bytes) return;
    from = caret > SHOWN_BEFORE ? caret - SHOWN_BEFORE : 0;
    while (from < caret && (line.data[from] & 0xc0) == 0x80) from++; /* no half characters */
    shown = line.bytes - from < SHOWN_BYTES ? line.bytes - from : SHOWN_BYTES;
    put_format(out, "%5u | ", place.line);
    put_printable(out, line, from, from + shown);
    put_format(out, "\n      | ");
    for (uint32_t i = columns_of(line, from, caret); i > 0; i--) hs_put_u8(out, ' ');
    hs_put_u8(out, '^');
    width = columns_of(line, caret, hs_min_u64(caret + width, from + shown));
    for (uint32_t i = 1; i < width; i++) hs_put_u8(out, '~');
    hs_put_u8(out, '\n');
}

static void put_problem(struct hs_writer *out, const char *file_name, struct hs_view text,
                        const struct hs_problem *problem)
{
    put_printable(out, hs_view_text(file_name), 0, strlen(file_name));
    hs_put_u8(out, ':');
    if (problem->place.line) put_format(out, "%u:%u:", problem->place.line, problem->place.column);
    if (problem->path[0]) put_format(out, " %s:", problem->path);
    put_format(out, " %s", problem->message);
    if (problem->hint[0]) put_format(out, " (did you mean \"%s\"?)", problem->hint);
    put_format(out, "   [%s]\n", problem->code);
    if (problem->place.line && text.bytes) put_source(out, text, problem->place);
}

void hs_problems_print(const struct hs_problems *problems, const char *file_name,
                       struct hs_view text, struct hs_writer *out)
{
    uint32_t more = problems->errors + problems->warnings - problems->kept;

    for (uint32_t i = 0; i < problems->kept && !out->failed; i++) {
        size_t before = out->used_bytes;

        put_problem(out, file_name, text, &problems->at[i]);
        if (out->failed) out->used_bytes = before;
    }
    if (more) put_format(out, "and %u more\n", more);
}

static void put_member(struct hs_writer *out, const char *name, const char *value)
{
    hs_json_put_text(out, hs_view_text(name));
    hs_put_u8(out, ':');
    hs_json_put_text(out, hs_view_text(value));
}

int hs_problems_print_json(const struct hs_problems *problems, struct hs_writer *out)
{
    hs_put_u8(out, '[');
    for (uint32_t i = 0; i < problems->kept; i++) {
        const struct hs_problem *problem = &problems->at[i];

        put_format(out, i ? ",{" : "{");
        put_member(out, "code", problem->code);
        put_format(out, ",");
        put_member(out, "path", problem->path);
        put_format(out, ",\"line\":%u,\"column\":%u,", problem->place.line, problem->place.column);
        put_member(out, "message", problem->message);
        put_format(out, ",");
        put_member(out, "hint", problem->hint);
        put_format(out, "}");
    }
    hs_put_u8(out, ']');
    return hs_writer_finish(out);
}

enum { WORD_MAX = 64 };

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned least = a < b ? a : b;

    return least < c ? least : c;
}

/* Edits between two words: insert, remove, replace, swap neighbours (optimal string alignment);
 * case does not count. */
static unsigned distance(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    unsigned rows[3][WORD_MAX + 1]; /* the row before the last, the last, this one */

    for (size_t j = 0; j <= b_bytes; j++) rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_bytes; i++) {
        unsigned *row = rows[i % 3];
        unsigned *last = rows[(i + 2) % 3];
        unsigned *before = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_bytes; j++) {
            unsigned replaced = last[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

            row[j] = min3(replaced, last[j] + 1, row[j - 1] + 1);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                row[j] = min3(row[j], before[j - 2] + 1, row[j]);
        }
    }
    return rows[a_bytes % 3][b_bytes];
}

const char *hs_nearest_word(struct hs_view word, const char *const *words, size_t count)
{
    const char *best = NULL;
    unsigned    best_distance = 3;

    if (word.bytes == 0 || word.bytes > WORD_MAX) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t   bytes = strlen(words[i]);
        unsigned found;

        if (bytes > WORD_MAX || bytes > word.bytes + 2 || word.bytes > bytes + 2) continue;
        found = distance((const char *)word.data, word.bytes, words[i], bytes);
        if (found >= best_distance || found >= word.bytes)
            continue; /* all letters wrong: not near */
        best = words[i];
        best_distance = found;
    }
    return best;
}
