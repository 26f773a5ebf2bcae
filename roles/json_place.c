// SPDX-License-Identifier: Apache-2.0
/* json_place.c - a second walk over a JSON text, for places only. The text has parsed (or parsed up
 * to the place asked for), so syntax is not checked again, but nothing is read past its end. */
#include "roles/json_place.h"

#include "shm/base/limits.h"

#include <stdio.h>
#include <string.h>

struct walk {
    struct hs_view text;
    size_t         at;
};

struct hs_problem_place hs_json_place_of(struct hs_view text, size_t offset, size_t width)
{
    struct hs_problem_place place = {.line = 1, .column = 1, .width = (uint32_t)width};

    for (size_t i = 0; i < offset && i < text.bytes; i++) {
        place.column++;
        if (text.data[i] != '\n') continue;
        place.line++;
        place.column = 1;
    }
    return place;
}

static uint8_t peek(const struct walk *walk)
{
    return walk->at < walk->text.bytes ? walk->text.data[walk->at] : 0;
}

static void skip_blanks(struct walk *walk)
{
    while (walk->at < walk->text.bytes && strchr(" \t\r\n", walk->text.data[walk->at]) &&
           peek(walk))
        walk->at++;
}

/* From the opening quote to behind the closing one; the view is what is between. */
static struct hs_view skip_string(struct walk *walk)
{
    size_t start = walk->at + 1;

    for (walk->at++; walk->at < walk->text.bytes && peek(walk) != '"'; walk->at++)
        if (peek(walk) == '\\') walk->at++;
    if (walk->at >= walk->text.bytes) {
        walk->at = walk->text.bytes;
        return hs_view_of(walk->text.data, 0);
    }
    walk->at++;
    return hs_view_of(walk->text.data + start, walk->at - 1 - start);
}

/* Always moves on, also over a zero byte, so that no loop hangs on garbage. */
static void skip_plain(struct walk *walk)
{
    if (walk->at < walk->text.bytes) walk->at++;
    while (walk->at < walk->text.bytes && !strchr(",]}: \t\r\n", peek(walk))) walk->at++;
}

static void skip_value(struct walk *walk)
{
    unsigned depth = 0;

    do {
        skip_blanks(walk);
        switch (peek(walk)) {
        case '"': (void)skip_string(walk); break;
        case '{':
        case '[':
            depth++;
            walk->at++;
            break;
        case '}':
        case ']':
            if (depth == 0) return;
            depth--;
            walk->at++;
            break;
        case ',':
        case ':': walk->at++; break;
        default: skip_plain(walk); break;
        }
    } while (depth > 0 && walk->at < walk->text.bytes);
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The character of the escape at raw[*at] (behind the backslash), ASCII only: others make no key of
 * ours. */
static int unescape(struct hs_view raw, size_t *at)
{
    static const char from[] = "nrtbf";
    static const char to[] = "\n\r\t\b\f";
    const char       *found;
    int               code = 0;

    if (*at >= raw.bytes) return -1;
    if (raw.data[*at] == 'u') {
        for (int i = 0; i < 4; i++) {
            int digit = ++*at < raw.bytes ? hex_digit(raw.data[*at]) : -1;

            if (digit < 0) return -1;
            code = code * 16 + digit;
        }
        return code < 128 ? code : -1;
    }
    found = strchr(from, raw.data[*at]);
    return found && *found ? to[found - from] : raw.data[*at];
}

/* Whether a raw key (with JSON escapes) is the next part of a pointer (with ~0 and ~1). */
static bool is_key(struct hs_view raw, struct hs_view part)
{
    size_t i = 0;
    size_t j = 0;

    for (; i < raw.bytes && j < part.bytes; i++, j++) {
        int wanted = part.data[j];
        int have = raw.data[i];

        if (wanted == '~' && j + 1 < part.bytes) wanted = part.data[++j] == '0' ? '~' : '/';
        if (have == '\\') {
            i++;
            have = unescape(raw, &i);
        }
        if (have != wanted) return false;
    }
    return i == raw.bytes && j == part.bytes;
}

/* Moves from an object's brace to the value of a member; *key_at is where the key starts. */
static bool enter_member(struct walk *walk, struct hs_view part, size_t *key_at)
{
    walk->at++;
    for (skip_blanks(walk); peek(walk) == '"'; skip_blanks(walk)) {
        struct hs_view raw;

        *key_at = walk->at;
        raw = skip_string(walk);
        skip_blanks(walk);
        if (peek(walk) == ':') walk->at++;
        skip_blanks(walk);
        if (is_key(raw, part)) return true;
        skip_value(walk);
        skip_blanks(walk);
        if (peek(walk) == ',') walk->at++;
    }
    return false;
}

static bool enter_item(struct walk *walk, struct hs_view part)
{
    size_t index = 0;

    for (size_t i = 0; i < part.bytes; i++) {
        if (part.data[i] < '0' || part.data[i] > '9' || index > HS_JSON_NODES_MAX) return false;
        index = index * 10 + (size_t)(part.data[i] - '0');
    }
    walk->at++;
    for (size_t i = 0; i < index; i++) {
        skip_value(walk);
        skip_blanks(walk);
        if (peek(walk) != ',') return false;
        walk->at++;
    }
    skip_blanks(walk);
    return peek(walk) != ']';
}

static struct hs_problem_place place_of_token(struct walk *walk, const char *path)
{
    size_t                  start = walk->at;
    struct hs_problem_place place;

    if (peek(walk) == '"')
        (void)skip_string(walk);
    else if (peek(walk) == '{' || peek(walk) == '[')
        walk->at++;
    else
        skip_plain(walk);
    place = hs_json_place_of(walk->text, start, walk->at > start ? walk->at - start : 1);
    place.path = path;
    return place;
}

struct hs_problem_place hs_json_locate(struct hs_view text, const char *pointer,
                                       enum hs_json_part part)
{
    struct walk walk = {.text = text};
    size_t      key_at = SIZE_MAX;
    const char *path = pointer;

    skip_blanks(&walk);
    while (*pointer == '/') {
        size_t         bytes = strcspn(pointer + 1, "/");
        struct hs_view token = hs_view_of(pointer + 1, bytes);
        size_t         here = walk.at;
        size_t         found_key_at = SIZE_MAX;
        bool           is_found = false;

        if (peek(&walk) == '{') is_found = enter_member(&walk, token, &found_key_at);
        if (peek(&walk) == '[' && !is_found) is_found = enter_item(&walk, token);
        if (!is_found) {
            walk.at = here;
            break;
        }
        key_at = found_key_at;
        pointer += 1 + bytes;
    }
    if (part == HS_JSON_KEY && key_at != SIZE_MAX && *pointer == '\0') walk.at = key_at;
    return place_of_token(&walk, path);
}

/* The start of the innermost object that is still open at `end`. */
static size_t object_around(struct hs_view text, size_t end)
{
    size_t      open_at[HS_JSON_DEPTH_MAX + 1] = {0};
    unsigned    depth = 0;
    struct walk walk = {.text = text};

    while (walk.at < end && walk.at < text.bytes) {
        uint8_t c = peek(&walk);

        if (c == '"') {
            (void)skip_string(&walk);
            continue;
        }
        if ((c == '{' || c == '[') && depth < HS_JSON_DEPTH_MAX) open_at[++depth] = walk.at;
        if ((c == '}' || c == ']') && depth > 0) depth--;
        walk.at++;
    }
    return open_at[depth];
}

struct hs_problem_place hs_json_first_of_duplicate(struct hs_view text, size_t second_end,
                                                   char *key, size_t key_bytes)
{
    struct walk    walk = {.text = text};
    size_t         start = object_around(text, second_end);
    struct hs_view second = {0};
    size_t         from[2] = {0}; /* first the last key is sought, then its first twin */

    for (int round = 0; round < 2; round++) {
        walk.at = start + 1;
        for (skip_blanks(&walk); peek(&walk) == '"' && walk.at < second_end; skip_blanks(&walk)) {
            struct hs_view raw;

            from[round] = walk.at;
            raw = skip_string(&walk);
            if (round == 0) second = raw;
            if (round == 1 && hs_view_equal(raw, second) && from[1] < from[0]) {
                (void)snprintf(key, key_bytes, "%.*s", (int)raw.bytes, (const char *)raw.data);
                return hs_json_place_of(text, from[1], raw.bytes + 2);
            }
            skip_blanks(&walk);
            if (peek(&walk) == ':') walk.at++;
            skip_value(&walk);
            skip_blanks(&walk);
            if (peek(&walk) == ',') walk.at++;
        }
    }
    return (struct hs_problem_place){0};
}
