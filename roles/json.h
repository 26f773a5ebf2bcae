// SPDX-License-Identifier: Apache-2.0
/* json.h - JSON that people write: comments allowed, depth and size bounded before jansson sees it,
 * and a place (line and column) for every value, found by a scan that runs only once something is
 * wrong. Does no reading of files. */
#ifndef HS_ROLES_JSON_H
#define HS_ROLES_JSON_H

#include "roles/json_place.h"

#include <jansson.h>
#include <stdbool.h>

enum {
    HS_JSON_POINTER_BYTES = 512
}; /* 32 levels of names as people write them; longer ones are cut */

/* Where in the document one is; a JSON Pointer that grows and shrinks. */
struct hs_json_path {
    uint32_t used;
    char     text[HS_JSON_POINTER_BYTES];
};

void     hs_json_path_init(struct hs_json_path *path);
uint32_t hs_json_path_push(struct hs_json_path *path, const char *key); /* the mark for pop */
uint32_t hs_json_path_push_index(struct hs_json_path *path, size_t index);
void     hs_json_path_pop(struct hs_json_path *path, uint32_t mark);

/* Overwrites // and slash-star comments with spaces, so that every position stays true; strings are
 * left alone. -EINVAL: a comment does not end (place says where it starts). */
int hs_json_blank_comments(char *text, size_t bytes, struct hs_problem_place *place) HS_MUST_CHECK;

/* Checks size, byte order mark, UTF-8, nesting and number of values, then parses. text is changed
 * (comments are blanked) and stays the caller's. NULL: problems says why (E-FILE E-JSON E-DUP E-NUM
 * E-NUL E-LIMIT). */
json_t *hs_json_parse(char *text, size_t bytes, size_t max_bytes, struct hs_problems *problems);

/* One request or answer of a line protocol: strict, bounded, without comments; -EPROTO or
 * -EMSGSIZE. Free with json_decref. */
int hs_json_parse_line(struct hs_view line, json_t **json, struct hs_err *err) HS_MUST_CHECK;

/* Text with quotes, escaped; valid UTF-8 goes through, other bytes become U+FFFD. */
void hs_json_put_text(struct hs_writer *out, struct hs_view text);
/* The same without the quotes. */
void hs_json_put_inner(struct hs_writer *out, struct hs_view text);

/* A number as somebody would write it: the shortest that reads back the same; text has
 * HS_JSON_NUMBER_BYTES. */
enum { HS_JSON_NUMBER_BYTES = 40 };
const char *hs_json_number_text(const json_t *json, char *text);
bool        hs_json_is_utf8(struct hs_view text);

#endif
