// SPDX-License-Identifier: Apache-2.0
/* problems.h - what is wrong with a document that somebody wrote: all of it at once, up to twenty,
 * each with its place, its stable code and, where there is one, the nearest right word. Printed
 * like a compiler does, or as JSON. Pure. */
#ifndef HS_ROLES_PROBLEMS_H
#define HS_ROLES_PROBLEMS_H

#include "shm/base/bytes.h"

enum {
    HS_PROBLEMS_MAX = 20, /* shown; more are counted */
    HS_PROBLEM_PATH_BYTES = 160,
    HS_PROBLEM_TEXT_BYTES = 320,
    HS_PROBLEM_HINT_BYTES = 96
};

/* Counted from 1; line 0: the problem has no place (a missing file). */
struct hs_problem_place {
    uint32_t    line;
    uint32_t    column; /* in bytes */
    uint32_t    width;  /* of the underlined text, in bytes */
    const char *path;   /* JSON Pointer, NULL for the whole document; must hold for the call only */
};

struct hs_problem {
    const char             *code; /* "E-KEY", "W-CAP": a literal */
    struct hs_problem_place place;
    char                    path[HS_PROBLEM_PATH_BYTES]; /* "" for the whole document */
    char                    message[HS_PROBLEM_TEXT_BYTES];
    char                    hint[HS_PROBLEM_HINT_BYTES]; /* a word for "did you mean", or "" */
};

struct hs_problems {
    uint32_t          kept;
    uint32_t          errors; /* all, kept or not */
    uint32_t          warnings;
    struct hs_problem at[HS_PROBLEMS_MAX];
};

void hs_problems_init(struct hs_problems *problems);
/* A code that starts with 'W' is a warning. hint may be NULL. The same problem at the same place is
 * kept once. */
void hs_problems_add(struct hs_problems *problems, const char *code, struct hs_problem_place place,
                     const char *hint, const char *format, ...) HS_PRINTF(5, 6);

/* In the order of the text; those of the same place stay in theirs. */
void hs_problems_sort(struct hs_problems *problems);

/* One block per problem: place, path, message, code, the source line and a caret under it; then
 * "and N more". text is the document the places speak of, or empty. Output that does not fit is cut
 * at a problem's end. */
void hs_problems_print(const struct hs_problems *problems, const char *file_name,
                       struct hs_view text, struct hs_writer *out);
/* An array of {code,path,line,column,message,hint}. -EMSGSIZE when it does not fit. */
int hs_problems_print_json(const struct hs_problems *problems, struct hs_writer *out) HS_MUST_CHECK;

/* The word nearest to a mistyped one, at an edit distance of at most 2; NULL: none is near. */
const char *hs_nearest_word(struct hs_view word, const char *const *words, size_t count);

#endif
