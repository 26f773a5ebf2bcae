// SPDX-License-Identifier: Apache-2.0
/* reader.c - the table-driven way from JSON to structs; reader_text.c has strings, maps and
 * variables. */
#include "roles/plan/reader.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 32, LIST_TEXT_BYTES = 200 };

/* Looking for a place costs a walk over the text: what is only counted needs none. */
static struct hs_problem_place locate(struct hs_plan_reader *reader, enum hs_json_part part)
{
    if (reader->problems->kept == HS_PROBLEMS_MAX || !reader->places_left)
        return (struct hs_problem_place){.path = reader->path.text};
    reader->places_left--;
    return hs_json_locate(reader->text, reader->path.text, part);
}

struct hs_problem_place hs_plan_place(struct hs_plan_reader *reader)
{
    return locate(reader, HS_JSON_VALUE);
}

const char *hs_plan_nearest(const struct hs_plan_reader *reader, const char *word,
                            const char *const *words, size_t count)
{
    if (reader->problems->kept == HS_PROBLEMS_MAX) return NULL;
    return hs_nearest_word(hs_view_text(word), words, count);
}

void hs_plan_complain(struct hs_plan_reader *reader, const char *code, enum hs_json_part part,
                      const char *hint, const char *format, ...)
{
    char    message[HS_PROBLEM_TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    hs_problems_add(reader->problems, code, locate(reader, part), hint, "%s", message);
}

void hs_plan_expected(struct hs_plan_reader *reader, const char *what, const json_t *json)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "string",
        [JSON_INTEGER] = "number",   [JSON_REAL] = "number",    [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null"};
    char value[64] = "";

    if (json_is_string(json))
        (void)snprintf(value, sizeof value, " \"%.40s\"", json_string_value(json));
    else if (json_is_integer(json))
        (void)snprintf(value, sizeof value, " %" JSON_INTEGER_FORMAT, json_integer_value(json));
    else if (json_is_real(json))
        (void)snprintf(value, sizeof value, " %g", json_real_value(json));
    hs_plan_complain(reader, "E-TYPE", HS_JSON_VALUE, NULL, "expected %s, found %s%s", what,
                     names[json_typeof(json)], value);
}

void *hs_plan_take(struct hs_plan_reader *reader, size_t count, size_t item_bytes)
{
    void *memory = hs_arena_take(reader->arena, count, item_bytes);

    if (!memory && !reader->is_full) {
        reader->is_full = true;
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "the plan is too large");
    }
    return memory;
}

/* ---- values ---- */

static const char *help_of(enum hs_plan_type type)
{
    switch ((int)type) {
    case HS_PLAN_TYPE_DURATION: return HS_UNITS_DURATION_HELP;
    case HS_PLAN_TYPE_RATE: return HS_UNITS_RATE_HELP;
    case HS_PLAN_TYPE_COUNT: return "a whole number";
    case HS_PLAN_TYPE_NAME: return "a name";
    default: return "a string";
    }
}

int hs_plan_scalar_from_text(enum hs_plan_type type, struct hs_view text, void *into)
{
    uint64_t *number = into;

    if (type == HS_PLAN_TYPE_RATE) return hs_units_parse_rate(text, into);
    if (type == HS_PLAN_TYPE_COUNT) return hs_units_parse_count(text, number);
    if (hs_view_equal(text, hs_view_text(HS_PLAN_INHERITED))) {
        *number = HS_PLAN_UNSET;
        return 0;
    }
    return hs_units_parse_duration(text, number);
}

static bool has_hole(const json_t *json)
{
    return json_is_string(json) && strstr(json_string_value(json), "${");
}

/* A count is a number; or a string that is one variable, so that --set can change it. */
static void read_count(struct hs_plan_reader *reader, const json_t *json,
                       const struct hs_plan_key *key, uint64_t *into)
{
    json_int_t  value = json_integer_value(json);
    uint64_t    count = (uint64_t)value;
    const char *text;

    if (has_hole(json)) {
        text = hs_plan_text_of(reader, json, HS_EXPAND_PLAIN);
        if (!text) return;
        if (hs_units_parse_count(hs_view_text(text), &count) != 0) {
            hs_plan_complain(reader, "E-TYPE", HS_JSON_VALUE, NULL,
                             "expected a whole number, found \"%.60s\"", text);
            return;
        }
    } else if (!json_is_integer(json)) {
        hs_plan_expected(reader, help_of(key->type), json);
        return;
    } else if (value < 0) {
        hs_plan_complain(reader, "E-NUM", HS_JSON_VALUE, NULL,
                         "%" JSON_INTEGER_FORMAT " is not from %" PRIu64 " to %" PRIu64, value,
                         key->min, key->max);
        return;
    }
    if (count < key->min || count > key->max)
        hs_plan_complain(reader, "E-NUM", HS_JSON_VALUE, NULL,
                         "%" PRIu64 " is not from %" PRIu64 " to %" PRIu64, count, key->min,
                         key->max);
    else
        *into = count;
}

static void check_duration(struct hs_plan_reader *reader, const struct hs_plan_key *key,
                           uint64_t ns)
{
    char longest[HS_UNITS_TEXT_BYTES];

    if (ns < key->min)
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "must be longer than zero");
    else if (ns > key->max)
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "is longer than %s",
                         hs_units_format_duration_exact(longest, key->max));
}

/* Time is counted in ns: what is faster has several arrivals at every moment there is. */
static void check_rate(struct hs_plan_reader *reader, const struct hs_rate *rate)
{
    if (rate->count == 0)
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "must be more than zero");
    else if (rate->count > rate->period_ns)
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "is more than 1000000000/s");
}

/* Durations and rates: strings with a unit. */
static void read_unit(struct hs_plan_reader *reader, const json_t *json,
                      const struct hs_plan_key *key, void *into)
{
    const char *text;
    int         rc;

    if (!json_is_string(json)) {
        hs_plan_expected(reader, help_of(key->type), json);
        return;
    }
    text = hs_plan_text_of(reader, json, HS_EXPAND_PLAIN);
    if (!text) return;
    rc = key->type == HS_PLAN_TYPE_RATE ? hs_units_parse_rate(hs_view_text(text), into)
                                        : hs_units_parse_duration(hs_view_text(text), into);
    if (rc)
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "\"%.60s\" is %s %s", text,
                         rc == -ERANGE ? "too large or too fine for" : "not", help_of(key->type));
    else if (key->type == HS_PLAN_TYPE_DURATION)
        check_duration(reader, key, *(uint64_t *)into);
    else
        check_rate(reader, into);
}

static void read_word(struct hs_plan_reader *reader, const json_t *json,
                      const struct hs_plan_key *key, uint32_t *into)
{
    const char *words[WORDS_MAX];
    char        list[LIST_TEXT_BYTES] = "";
    size_t      count = 0;
    size_t      used = 0;
    const char *text;

    if (!json_is_string(json)) {
        hs_plan_expected(reader, "a string", json);
        return;
    }
    text = hs_plan_text_of(reader, json, HS_EXPAND_PLAIN);
    if (!text) return;
    for (const struct hs_plan_word *word = key->words; word->text; word++) {
        if (strcmp(word->text, text) == 0 && word->value) {
            *into = word->value;
            return;
        }
        if (strcmp(word->text, text) == 0) {
            hs_plan_complain(reader, "E-ENUM", HS_JSON_VALUE, NULL,
                             "%s \"%s\" is not in this version", key->name, text);
            return;
        }
        if (!word->value) continue;
        HS_ASSERT(count < WORDS_MAX);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s\"%s\"", count ? ", " : "",
                                 word->text);
        words[count++] = word->text;
    }
    hs_plan_complain(reader, "E-ENUM", HS_JSON_VALUE, hs_plan_nearest(reader, text, words, count),
                     "unknown %s \"%.40s\"; there are %s", key->name, text, list);
}

static bool is_name(const char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t bytes = strlen(text);
    bool starts_well = bytes > 0 && strspn(text, alphabet) > 0 && !strchr("0123456789_-", text[0]);

    return starts_well && bytes < HS_NAME_BYTES && strspn(text, alphabet) == bytes;
}

/* The rest of the plan is checked with what is left of it. */
static const char *cut_text(struct hs_plan_reader *reader, const char *text, uint64_t max)
{
    char *memory = hs_plan_take(reader, 1, max + 1);

    hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "is longer than %" PRIu64 " bytes",
                     max);
    if (memory) memcpy(memory, text, max);
    return memory;
}

static void read_text(struct hs_plan_reader *reader, const json_t *json,
                      const struct hs_plan_key *key, const char **into)
{
    bool        is_template = key->type == HS_PLAN_TYPE_TEMPLATE;
    const char *text;

    if (!json_is_string(json)) {
        hs_plan_expected(reader, help_of(key->type), json);
        return;
    }
    text = hs_plan_text_of(reader, json, is_template ? HS_EXPAND_TEMPLATE : HS_EXPAND_PLAIN);
    if (!text) return;
    if (key->type == HS_PLAN_TYPE_NAME && !is_name(text))
        hs_plan_complain(reader, "E-TYPE", HS_JSON_VALUE, NULL,
                         "\"%.70s\" is no name: a letter, then up to 62 letters, digits, _ or -",
                         text);
    else if (key->max && strlen(text) > key->max)
        text = cut_text(reader, text, key->max);
    *into = text;
}

static void read_text_list(struct hs_plan_reader *reader, json_t *json,
                           const struct hs_plan_key *key, struct hs_plan_texts *texts)
{
    size_t count = json_array_size(json);

    if (!json_is_array(json)) {
        hs_plan_expected(reader, "an array of strings", json);
        return;
    }
    if (count > key->max) {
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "%zu items, at most %" PRIu64,
                         count, key->max);
        return;
    }
    texts->at = hs_plan_take(reader, count, sizeof *texts->at);
    if (!texts->at) return;
    for (size_t i = 0; i < count; i++) {
        uint32_t mark = hs_json_path_push_index(&reader->path, i);
        json_t  *item = json_array_get(json, i);

        if (json_is_string(item))
            texts->at[i] = hs_plan_text_of(reader, item, HS_EXPAND_PLAIN);
        else
            hs_plan_expected(reader, "a string", item);
        if (!texts->at[i]) texts->at[i] = "";
        hs_json_path_pop(&reader->path, mark);
    }
    texts->count = (uint32_t)count;
}

/* Every array of objects in plan.h has this shape. */
struct items {
    uint32_t count;
    void    *at;
};

HS_STATIC_ASSERT(offsetof(struct hs_plan_steps, at) == offsetof(struct items, at), "same shape");
HS_STATIC_ASSERT(offsetof(struct hs_plan_workflows, at) == offsetof(struct items, at),
                 "same shape");

static void read_value(struct hs_plan_reader *reader, json_t *json, const struct hs_plan_key *key,
                       void *into)
{
    switch (key->type) {
    case HS_PLAN_TYPE_TEXT:
    case HS_PLAN_TYPE_TEMPLATE:
    case HS_PLAN_TYPE_NAME: read_text(reader, json, key, into); break;
    case HS_PLAN_TYPE_COUNT: read_count(reader, json, key, into); break;
    case HS_PLAN_TYPE_DURATION:
    case HS_PLAN_TYPE_RATE: read_unit(reader, json, key, into); break;
    case HS_PLAN_TYPE_FLAG:
        if (json_is_boolean(json))
            *(bool *)into = json_is_true(json);
        else
            hs_plan_expected(reader, "true or false", json);
        break;
    case HS_PLAN_TYPE_WORD: read_word(reader, json, key, into); break;
    case HS_PLAN_TYPE_TEXT_LIST: read_text_list(reader, json, key, into); break;
    case HS_PLAN_TYPE_TEXT_MAP:
        hs_plan_read_pairs(reader, json, HS_EXPAND_PLAIN, key->max, into);
        break;
    case HS_PLAN_TYPE_TEMPLATE_MAP:
        hs_plan_read_pairs(reader, json, HS_EXPAND_TEMPLATE, key->max, into);
        break;
    case HS_PLAN_TYPE_BODY: hs_plan_read_body(reader, json, into); break;
    case HS_PLAN_TYPE_CHECKS: hs_plan_read_checks(reader, json, key->max, into); break;
    case HS_PLAN_TYPE_VARS: /* were read before all else */
    case HS_PLAN_TYPE_OBJECT:
    case HS_PLAN_TYPE_ARRAY: break; /* walked into */
    }
}

/* ---- objects ---- */

void hs_plan_check_keys(struct hs_plan_reader *reader, json_t *json, const char *const *words,
                        const char *const *later)
{
    const char *key;
    json_t     *value;
    size_t      count = 0;

    while (words[count]) count++;
    json_object_foreach(json, key, value)
    {
        uint32_t mark;
        bool     is_known = strncmp(key, "x-", 2) == 0 || strcmp(key, "$schema") == 0;
        bool     is_later = false;

        for (size_t i = 0; i < count; i++) is_known |= strcmp(key, words[i]) == 0;
        for (size_t i = 0; later && later[i]; i++) is_later |= strcmp(key, later[i]) == 0;
        if (is_known) continue;
        mark = hs_json_path_push(&reader->path, key);
        if (is_later)
            hs_plan_complain(reader, "E-KEY", HS_JSON_KEY, NULL, "\"%.60s\" is not in this version",
                             key);
        else
            hs_plan_complain(reader, "E-KEY", HS_JSON_KEY,
                             hs_plan_nearest(reader, key, words, count), "unknown key \"%.60s\"",
                             key);
        hs_json_path_pop(&reader->path, mark);
    }
}

/* An absent key: its default, in the same words as one would write it. */
static void put_default(const struct hs_plan_key *key, void *into)
{
    int rc = 0;

    if (!key->default_text) return; /* zero, as the memory is */
    if (key->type == HS_PLAN_TYPE_TEXT) {
        *(const char **)into = key->default_text;
    } else if (key->type == HS_PLAN_TYPE_WORD) {
        for (const struct hs_plan_word *word = key->words; word->text; word++)
            if (strcmp(word->text, key->default_text) == 0) *(uint32_t *)into = word->value;
    } else {
        rc = hs_plan_scalar_from_text(key->type, hs_view_text(key->default_text), into);
    }
    HS_ASSERT(rc == 0);
}

void hs_plan_put_defaults(const struct hs_plan_object *object, void *into)
{
    for (size_t i = 0; i < object->key_count; i++) {
        const struct hs_plan_key    *key = &object->keys[i];
        const struct hs_plan_object *inner = key->object;
        char                        *field = (char *)into + key->offset;

        if (key->type != HS_PLAN_TYPE_OBJECT) {
            put_default(key, field);
            continue;
        }
        for (size_t j = 0; j < inner->key_count; j++) { /* which has no object in it */
            HS_ASSERT(inner->keys[j].type != HS_PLAN_TYPE_OBJECT);
            put_default(&inner->keys[j], field + inner->keys[j].offset);
        }
    }
}

/* Where the walk over table and text is: in an object before one of its keys, or in an array before
 * one of its items. */
struct level {
    const struct hs_plan_object *object;
    json_t                      *json;
    char                        *into; /* the object, or the first item */
    bool                         is_array;
    size_t                       next;
    size_t                       count;
    uint32_t                     mark; /* of the path outside of it */
};

enum { LEVELS_MAX = 8 }; /* the table has five: plan, workflows, workflow, steps, step */

struct walk {
    unsigned     depth;
    struct level at[LEVELS_MAX];
};

static void enter(struct walk *walk, struct level level)
{
    HS_ASSERT(walk->depth < LEVELS_MAX);
    walk->at[walk->depth++] = level;
}

/* True if there is something to walk into; mark is of the path without this object. */
static bool enter_object(struct hs_plan_reader *reader, struct walk *walk, struct level level)
{
    const char *words[WORDS_MAX + 1] = {0};

    hs_plan_put_defaults(level.object, level.into);
    if (!json_is_object(level.json)) {
        hs_plan_expected(reader, "an object", level.json);
        return false;
    }
    HS_ASSERT(level.object->key_count <= WORDS_MAX);
    for (size_t i = 0; i < level.object->key_count; i++) words[i] = level.object->keys[i].name;
    hs_plan_check_keys(reader, level.json, words, level.object->later);
    level.count = level.object->key_count;
    enter(walk, level);
    return true;
}

static bool enter_array(struct hs_plan_reader *reader, struct walk *walk,
                        const struct hs_plan_key *key, struct level level)
{
    struct items *items = (void *)level.into;

    level.count = json_array_size(level.json);
    if (!json_is_array(level.json)) {
        hs_plan_expected(reader, "an array", level.json);
        return false;
    }
    if (level.count < key->min || level.count > key->max) {
        hs_plan_complain(reader, level.count < key->min ? "E-REQ" : "E-LIMIT", HS_JSON_VALUE, NULL,
                         "%zu items; there must be %" PRIu64 " to %" PRIu64, level.count, key->min,
                         key->max);
        return false;
    }
    items->at = hs_plan_take(reader, level.count, key->object->bytes);
    if (!items->at) return false;
    items->count = (uint32_t)level.count;
    level.into = items->at;
    level.is_array = true;
    enter(walk, level);
    return true;
}

static void read_next_key(struct hs_plan_reader *reader, struct walk *walk, struct level *level)
{
    const struct hs_plan_key *key = &level->object->keys[level->next++];
    struct level              inner = {.object = key->object,
                                       .json = json_object_get(level->json, key->name),
                                       .into = level->into + key->offset};
    bool                      is_inside = false;

    if (!inner.json) {
        if (key->is_required)
            hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL, "\"%s\" is missing", key->name);
        return;
    }
    inner.mark = hs_json_path_push(&reader->path, key->name);
    if (key->type == HS_PLAN_TYPE_OBJECT)
        is_inside = enter_object(reader, walk, inner);
    else if (key->type == HS_PLAN_TYPE_ARRAY)
        is_inside = enter_array(reader, walk, key, inner);
    else
        read_value(reader, inner.json, key, inner.into);
    if (!is_inside) hs_json_path_pop(&reader->path, inner.mark);
}

static void read_next_item(struct hs_plan_reader *reader, struct walk *walk, struct level *level)
{
    struct level inner = {.object = level->object,
                          .json = json_array_get(level->json, level->next),
                          .into = level->into + level->next * level->object->bytes};

    inner.mark = hs_json_path_push_index(&reader->path, level->next++);
    if (!enter_object(reader, walk, inner)) hs_json_path_pop(&reader->path, inner.mark);
}

void hs_plan_read_object(struct hs_plan_reader *reader, json_t *json,
                         const struct hs_plan_object *object, void *into)
{
    struct walk walk = {.depth = 0};

    (void)enter_object(
        reader, &walk,
        (struct level){.object = object, .json = json, .into = into, .mark = reader->path.used});
    while (walk.depth > 0) {
        struct level *level = &walk.at[walk.depth - 1];

        if (level->next < level->count && level->is_array) {
            read_next_item(reader, &walk, level);
        } else if (level->next < level->count) {
            read_next_key(reader, &walk, level);
        } else {
            if (!level->is_array && level->object->check)
                level->object->check(reader, level->json, level->into);
            hs_json_path_pop(&reader->path, level->mark);
            walk.depth--;
        }
    }
}
