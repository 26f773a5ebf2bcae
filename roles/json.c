// SPDX-License-Identifier: Apache-2.0
/* json.c - comments, bounds and parsing of JSON that people write; json_place.c finds places in
 * it. */
#include "roles/json.h"

#include "roles/json_place.h"
#include "shm/base/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hs_json_path_init(struct hs_json_path *path)
{
    path->used = 0;
    path->text[0] = '\0';
}

static void append(struct hs_json_path *path, char c)
{
    if (path->used + 1 >= sizeof path->text) return;
    path->text[path->used++] = c;
    path->text[path->used] = '\0';
}

uint32_t hs_json_path_push(struct hs_json_path *path, const char *key)
{
    uint32_t mark = path->used;

    append(path, '/');
    for (; *key; key++) {
        if (*key == '~' || *key == '/') { /* RFC 6901 */
            append(path, '~');
            append(path, *key == '~' ? '0' : '1');
        } else {
            append(path, *key);
        }
    }
    return mark;
}

uint32_t hs_json_path_push_index(struct hs_json_path *path, size_t index)
{
    char digits[24];

    (void)snprintf(digits, sizeof digits, "%zu", index);
    return hs_json_path_push(path, digits);
}

void hs_json_path_pop(struct hs_json_path *path, uint32_t mark)
{
    path->used = mark;
    path->text[mark] = '\0';
}

/* Offset just behind the string that starts at `at` with its quote; the end of the text if it does
 * not end. */
static size_t string_end(const char *text, size_t bytes, size_t at)
{
    for (at++; at < bytes && text[at] != '"'; at++)
        if (text[at] == '\\') at++;
    return at < bytes ? at + 1 : bytes;
}

static void blank(char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (text[i] != '\n' && text[i] != '\r') text[i] = ' ';
}

/* Offset just behind the comment at `at`, or 0 when it does not end. */
static size_t comment_end(const char *text, size_t bytes, size_t at)
{
    if (text[at + 1] == '/') {
        const char *line_feed = memchr(text + at, '\n', bytes - at);

        return line_feed ? (size_t)(line_feed - text) : bytes;
    }
    for (at += 2; at + 1 < bytes; at++)
        if (text[at] == '*' && text[at + 1] == '/') return at + 2;
    return 0;
}

int hs_json_blank_comments(char *text, size_t bytes, struct hs_problem_place *place)
{
    for (size_t at = 0; at < bytes;) {
        bool   is_comment = text[at] == '/' && at + 1 < bytes;
        size_t end;

        if (text[at] == '"') {
            at = string_end(text, bytes, at);
            continue;
        }
        if (!is_comment || (text[at + 1] != '/' && text[at + 1] != '*')) {
            at++;
            continue;
        }
        end = comment_end(text, bytes, at);
        if (end == 0) {
            *place = hs_json_place_of(hs_view_of(text, bytes), at, 2);
            return -EINVAL;
        }
        blank(text, at, end);
        at = end;
    }
    return 0;
}

/* Nesting and number of values, before a recursive parser sees the text. NULL if within bounds. */
static const char *find_excess(const char *text, size_t bytes, size_t *excess_at)
{
    unsigned depth = 0;
    unsigned nodes = 1;

    for (size_t at = 0; at < bytes; at++) {
        *excess_at = at;
        switch (text[at]) {
        case '"': at = string_end(text, bytes, at) - 1; break;
        case '[':
        case '{':
            if (++depth > HS_JSON_DEPTH_MAX) return "nested too deeply";
            nodes++;
            break;
        case ']':
        case '}':
            if (depth > 0) depth--;
            break;
        case ',': nodes++; break;
        default: break;
        }
        if (nodes > HS_JSON_NODES_MAX) return "too many values";
    }
    return NULL;
}

static bool is_blank(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (!strchr(" \t\r\n", text[i]) || text[i] == '\0') return false;
    return true;
}

/* True if the text as a whole can be looked at. */
static bool check_file(const char *text, size_t bytes, size_t max_bytes,
                       struct hs_problems *problems)
{
    struct hs_problem_place nowhere = {0};

    if (bytes > max_bytes) {
        hs_problems_add(problems, "E-FILE", nowhere, NULL,
                        "%zu bytes are more than the limit of %zu", bytes, max_bytes);
        return false;
    }
    if (bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        hs_problems_add(problems, "E-FILE", nowhere, NULL,
                        "starts with a byte order mark; save it as plain UTF-8");
        return false;
    }
    if (is_blank(text, bytes)) {
        hs_problems_add(problems, "E-FILE", nowhere, NULL, "is empty");
        return false;
    }
    return true;
}

/* jansson's position is behind the last byte it read, and its text ends in "near 'token'" when the
 * token is short. */
static struct hs_problem_place syntax_place(struct hs_view text, const json_error_t *error,
                                            char *message, size_t message_bytes)
{
    size_t end = error->position > 0 ? (size_t)error->position : 0;
    size_t width = 1;
    char  *near;
    char  *quote;

    (void)snprintf(message, message_bytes, "%s", error->text);
    near = strstr(message, " near '");
    quote = strrchr(message, '\'');
    if (near && quote && quote > near + 7) width = (size_t)(quote - near - 7);
    if (end > text.bytes) end = text.bytes;
    if (width > end) width = end ? end : 1;
    return hs_json_place_of(text, end > width ? end - width : 0, width);
}

static void add_duplicate(struct hs_view text, const json_error_t *error,
                          struct hs_problem_place second, struct hs_problems *problems)
{
    struct hs_problem_place first;
    char                    key[64];

    first = hs_json_first_of_duplicate(text, (size_t)error->position, key, sizeof key);
    if (first.line)
        hs_problems_add(problems, "E-DUP", second, NULL, "duplicate key \"%s\", first at %u:%u",
                        key, first.line, first.column);
    else
        hs_problems_add(problems, "E-DUP", second, NULL, "%s", error->text);
}

static void add_syntax_problem(struct hs_view text, const json_error_t *error,
                               struct hs_problems *problems)
{
    char                    message[JSON_ERROR_TEXT_LENGTH];
    struct hs_problem_place place = syntax_place(text, error, message, sizeof message);

    switch ((int)json_error_code(error)) {
    case json_error_duplicate_key: add_duplicate(text, error, place, problems); return;
    case json_error_numeric_overflow:
        hs_problems_add(problems, "E-NUM", place, NULL,
                        "%s; whole numbers go from -2^63 to 2^63-1, others to 1.7e308", message);
        return;
    case json_error_null_character:
        hs_problems_add(problems, "E-NUL", place, NULL, "%s", message);
        return;
    case json_error_invalid_utf8:
        hs_problems_add(problems, "E-FILE", place, NULL, "is not UTF-8: %s", message);
        return;
    default: hs_problems_add(problems, "E-JSON", place, NULL, "%s", message); return;
    }
}

json_t *hs_json_parse(char *text, size_t bytes, size_t max_bytes, struct hs_problems *problems)
{
    struct hs_view          view = hs_view_of(text, bytes);
    struct hs_problem_place place;
    json_error_t            error;
    const char             *excess;
    size_t                  excess_at = 0;
    json_t                 *json;

    if (!check_file(text, bytes, max_bytes, problems)) return NULL;
    if (hs_json_blank_comments(text, bytes, &place) != 0) {
        hs_problems_add(problems, "E-JSON", place, NULL, "the comment does not end");
        return NULL;
    }
    excess = find_excess(text, bytes, &excess_at);
    if (excess) {
        hs_problems_add(problems, "E-JSON", hs_json_place_of(view, excess_at, 1), NULL,
                        "%s: at most %d levels and %d values", excess, HS_JSON_DEPTH_MAX,
                        HS_JSON_NODES_MAX);
        return NULL;
    }
    json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (!json) add_syntax_problem(view, &error, problems);
    return json;
}

int hs_json_parse_line(struct hs_view line, json_t **json, struct hs_err *err)
{
    json_error_t error;
    size_t       excess_at;
    const char  *excess = find_excess((const char *)line.data, line.bytes, &excess_at);

    if (excess) return hs_err_set(err, -EMSGSIZE, "%s", excess);
    *json = json_loadb((const char *)line.data, line.bytes, JSON_REJECT_DUPLICATES, &error);
    return *json ? 0 : hs_err_set(err, -EPROTO, "%s", error.text);
}

/* Bytes of the UTF-8 sequence at the front of text; 0: none that is valid. */
static size_t utf8_bytes(const uint8_t *data, size_t bytes)
{
    size_t   need = data[0] < 0x80 ? 1 : data[0] >= 0xf0 ? 4 : data[0] >= 0xe0 ? 3 : 2;
    uint32_t code = data[0] & (0xffu >> (need + 1));

    if (need == 1) return 1;
    if (data[0] < 0xc2 || data[0] > 0xf4 || need > bytes) return 0;
    for (size_t i = 1; i < need; i++) {
        if ((data[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (data[i] & 0x3f);
    }
    if (need == 3 && (code < 0x800 || (code >= 0xd800 && code < 0xe000))) return 0;
    if (need == 4 && (code < 0x10000 || code > 0x10ffff)) return 0;
    return need;
}

bool hs_json_is_utf8(struct hs_view text)
{
    for (size_t at = 0, sequence; at < text.bytes; at += sequence) {
        sequence = utf8_bytes(text.data + at, text.bytes - at);
        if (!sequence) return false;
    }
    return true;
}

static void put_escaped(struct hs_writer *out, uint8_t c)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char to[] = "\"\\nrtbf";
    const char       *found = c ? strchr(from, c) : NULL;
    char              text[8];

    if (found)
        (void)snprintf(text, sizeof text, "\\%c", to[found - from]);
    else
        (void)snprintf(text, sizeof text, "\\u%04x", c);
    hs_put_bytes(out, text, strlen(text));
}

void hs_json_put_inner(struct hs_writer *out, struct hs_view text)
{
    for (size_t at = 0; at < text.bytes;) {
        uint8_t c = text.data[at];
        size_t  sequence;

        if (c < ' ' || c == '"' || c == '\\') {
            put_escaped(out, c);
            at++;
            continue;
        }
        sequence = utf8_bytes(text.data + at, text.bytes - at);
        if (sequence)
            hs_put_bytes(out, text.data + at, sequence);
        else
            hs_put_bytes(out, "\xef\xbf\xbd", 3);
        at += sequence ? sequence : 1;
    }
}

void hs_json_put_text(struct hs_writer *out, struct hs_view text)
{
    hs_put_u8(out, '"');
    hs_json_put_inner(out, text);
    hs_put_u8(out, '"');
}

const char *hs_json_number_text(const json_t *json, char *text)
{
    if (json_is_integer(json)) {
        (void)snprintf(text, HS_JSON_NUMBER_BYTES, "%" JSON_INTEGER_FORMAT,
                       json_integer_value(json));
        return text;
    }
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, HS_JSON_NUMBER_BYTES, "%.*g", digits, json_real_value(json));
        if (strtod(text, NULL) == json_real_value(json)) break;
    }
    return text;
}
