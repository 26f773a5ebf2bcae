// SPDX-License-Identifier: Apache-2.0
/* write.c - a plan as text again, by the same table that reads it: what has its default is left
 * out, so equal plans are equal texts. Variables are already in place, so nothing depends on where
 * it is read. */
#include "roles/plan/keys.h"
#include "roles/plan/plan.h"
#include "roles/plan/reader.h"
#include "shm/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { INDENT = 2 };

struct page {
    struct hs_writer *out;
    unsigned          depth;
    bool              is_first; /* nothing stands in the innermost bracket yet */
};

static void put(struct page *page, const char *text)
{
    hs_put_bytes(page->out, text, strlen(text));
}

static void open_bracket(struct page *page, const char *bracket)
{
    put(page, bracket);
    page->depth++;
    page->is_first = true;
}

static void next_line(struct page *page)
{
    put(page, "\n");
    for (unsigned i = 0; i < page->depth * INDENT; i++) put(page, " ");
}

static void close_bracket(struct page *page, const char *bracket)
{
    page->depth--;
    if (!page->is_first) next_line(page);
    put(page, bracket);
    page->is_first = false;
}

static void next_item(struct page *page)
{
    if (!page->is_first) put(page, ",");
    page->is_first = false;
    next_line(page);
}

static void put_key(struct page *page, const char *key)
{
    next_item(page);
    hs_json_put_text(page->out, hs_view_text(key));
    put(page, ": ");
}

static void put_number(struct page *page, uint64_t value)
{
    char text[HS_UNITS_TEXT_BYTES];

    (void)snprintf(text, sizeof text, "%" PRIu64, value);
    put(page, text);
}

static void put_template(struct page *page, const char *text)
{
    hs_json_put_text(page->out, hs_view_text(text));
}

/* A "${" in a text that is no template is just these characters. */
static void put_plain(struct page *page, const char *text)
{
    hs_put_u8(page->out, '"');
    while (*text) {
        const char *hole = strstr(text, "${");
        size_t      bytes = hole ? (size_t)(hole - text) : strlen(text);

        hs_json_put_inner(page->out, hs_view_of(text, bytes));
        if (hole) put(page, "$${");
        text += hole ? bytes + 2 : bytes;
    }
    hs_put_u8(page->out, '"');
}

static void put_pairs(struct page *page, const struct hs_plan_pairs *pairs, bool is_template)
{
    open_bracket(page, "{");
    for (uint32_t i = 0; i < pairs->count; i++) {
        put_key(page, pairs->at[i].name);
        if (is_template)
            put_template(page, pairs->at[i].value);
        else
            put_plain(page, pairs->at[i].value);
    }
    close_bracket(page, "}");
}

static void put_texts(struct page *page, const struct hs_plan_texts *texts)
{
    put(page, "[");
    for (uint32_t i = 0; i < texts->count; i++) {
        if (i) put(page, ", ");
        put_plain(page, texts->at[i]);
    }
    put(page, "]");
}

static void put_body(struct page *page, const struct hs_plan_body *body)
{
    char size[HS_UNITS_TEXT_BYTES];

    switch ((enum hs_plan_body_kind)body->kind) {
    case HS_PLAN_BODY_TEXT: put_template(page, body->text); break;
    case HS_PLAN_BODY_JSON:
        put(page, "{\"json\": ");
        put(page, body->text); /* is JSON */
        put(page, "}");
        break;
    case HS_PLAN_BODY_FORM:
        put(page, "{\"form\": ");
        put_pairs(page, &body->form, true);
        put(page, "}");
        break;
    case HS_PLAN_BODY_RANDOM:
        put(page, "{\"random\": ");
        put_plain(page, hs_units_format_size_exact(size, body->random_bytes));
        put(page, "}");
        break;
    case HS_PLAN_BODY_BASE64:
        put(page, "{\"base64\": ");
        put_plain(page, body->text);
        put(page, "}");
        break;
    case HS_PLAN_BODY_NONE: put(page, "\"\""); break;
    }
}

static void put_statuses(struct page *page, const struct hs_plan_check *check)
{
    put(page, "{\"status\": [");
    for (uint32_t i = 0; i < check->status_count; i++) {
        char text[16];

        (void)snprintf(text, sizeof text,
                       check->status_low[i] == check->status_high[i] ? "%s%u" : "%s\"%uxx\"",
                       i ? ", " : "",
                       check->status_low[i] == check->status_high[i] ? check->status_low[i]
                                                                     : check->status_low[i] / 100u);
        put(page, text);
    }
    put(page, "]}");
}

/* {"header": {"name": n, "equals": t}}, {"body": {"contains": t}} */
static void put_text_check(struct page *page, const struct hs_plan_check *check)
{
    bool is_body = check->kind == HS_CHECK_BODY_CONTAINS || check->kind == HS_CHECK_BODY_EQUALS;
    bool is_equals = check->kind == HS_CHECK_HEADER_EQUALS || check->kind == HS_CHECK_BODY_EQUALS;

    put(page, is_body ? "{\"body\": {" : "{\"header\": {\"name\": ");
    if (!is_body) {
        put_plain(page, check->name);
        put(page, ", ");
    }
    if (check->kind == HS_CHECK_HEADER_EXISTS) {
        put(page, "\"exists\": true");
    } else {
        put(page, is_equals ? "\"equals\": " : "\"contains\": ");
        put_plain(page, check->text);
    }
    put(page, "}}");
}

static void put_size_check(struct page *page, const struct hs_plan_check *check)
{
    put(page, "{\"size\": {\"min\": ");
    put_number(page, check->low);
    if (check->high != UINT64_MAX) {
        put(page, ", \"max\": ");
        put_number(page, check->high);
    }
    put(page, "}}");
}

static void put_check(struct page *page, const struct hs_plan_check *check)
{
    char time[HS_UNITS_TEXT_BYTES];

    if (check->kind == HS_PLAN_CHECK_STATUS) {
        put_statuses(page, check);
    } else if (check->kind == HS_CHECK_SIZE) {
        put_size_check(page, check);
    } else if (check->kind == HS_CHECK_TIME) {
        put(page, "{\"time\": \"<= ");
        put(page, hs_units_format_duration_exact(time, check->high));
        put(page, "\"}");
    } else {
        put_text_check(page, check);
    }
}

static void put_checks(struct page *page, const struct hs_plan_checks *checks)
{
    open_bracket(page, "[");
    for (uint32_t i = 0; i < checks->count; i++) {
        next_item(page);
        put_check(page, &checks->at[i]);
    }
    close_bracket(page, "]");
}

/* ---- by the table ---- */

static bool is_default_number(const struct hs_plan_key *key, const void *field)
{
    uint64_t usual = 0;

    if (key->default_text &&
        hs_plan_scalar_from_text(key->type, hs_view_text(key->default_text), &usual) != 0)
        return false;
    return *(const uint64_t *)field == usual;
}

static bool is_default_word(const struct hs_plan_key *key, uint32_t value)
{
    if (value == 0) return true; /* not given */
    for (const struct hs_plan_word *word = key->words; word->text; word++)
        if (word->value == value)
            return key->default_text && strcmp(word->text, key->default_text) == 0;
    return false;
}

static bool is_default_text(const struct hs_plan_key *key, const char *text)
{
    return !text || (key->default_text && strcmp(text, key->default_text) == 0);
}

static bool is_default_value(const struct hs_plan_key *key, const void *field)
{
    switch (key->type) {
    case HS_PLAN_TYPE_TEXT:
    case HS_PLAN_TYPE_TEMPLATE:
    case HS_PLAN_TYPE_NAME: return is_default_text(key, *(const char *const *)field);
    case HS_PLAN_TYPE_COUNT:
    case HS_PLAN_TYPE_DURATION: return is_default_number(key, field);
    case HS_PLAN_TYPE_RATE: return ((const struct hs_rate *)field)->count == 0;
    case HS_PLAN_TYPE_FLAG: return !*(const bool *)field;
    case HS_PLAN_TYPE_WORD: return is_default_word(key, *(const uint32_t *)field);
    case HS_PLAN_TYPE_TEXT_LIST: return ((const struct hs_plan_texts *)field)->count == 0;
    case HS_PLAN_TYPE_TEXT_MAP:
    case HS_PLAN_TYPE_TEMPLATE_MAP: return ((const struct hs_plan_pairs *)field)->count == 0;
    case HS_PLAN_TYPE_ARRAY: return *(const uint32_t *)field == 0;
    case HS_PLAN_TYPE_BODY: return ((const struct hs_plan_body *)field)->kind == HS_PLAN_BODY_NONE;
    case HS_PLAN_TYPE_CHECKS: return ((const struct hs_plan_checks *)field)->count == 0;
    case HS_PLAN_TYPE_VARS:
    case HS_PLAN_TYPE_OBJECT: break;
    }
    return true;
}

/* An object inside of an object has no object in it. */
static bool is_default(const struct hs_plan_key *key, const void *field)
{
    if (key->type != HS_PLAN_TYPE_OBJECT) return is_default_value(key, field);
    for (size_t i = 0; i < key->object->key_count; i++)
        if (!is_default_value(&key->object->keys[i],
                              (const char *)field + key->object->keys[i].offset))
            return false;
    return true;
}

static void put_word(struct page *page, const struct hs_plan_key *key, uint32_t value)
{
    for (const struct hs_plan_word *word = key->words; word->text; word++)
        if (word->value == value) put_plain(page, word->text);
}

static void put_value(struct page *page, const struct hs_plan_key *key, const void *field)
{
    char text[HS_UNITS_TEXT_BYTES];

    switch (key->type) {
    case HS_PLAN_TYPE_TEXT:
    case HS_PLAN_TYPE_NAME: put_plain(page, *(const char *const *)field); break;
    case HS_PLAN_TYPE_TEMPLATE: put_template(page, *(const char *const *)field); break;
    case HS_PLAN_TYPE_COUNT: put_number(page, *(const uint64_t *)field); break;
    case HS_PLAN_TYPE_DURATION:
        put_plain(page, hs_units_format_duration_exact(text, *(const uint64_t *)field));
        break;
    case HS_PLAN_TYPE_RATE:
        put_plain(page, hs_units_format_rate_exact(text, *(const struct hs_rate *)field));
        break;
    case HS_PLAN_TYPE_FLAG: put(page, *(const bool *)field ? "true" : "false"); break;
    case HS_PLAN_TYPE_WORD: put_word(page, key, *(const uint32_t *)field); break;
    case HS_PLAN_TYPE_TEXT_LIST: put_texts(page, field); break;
    case HS_PLAN_TYPE_TEXT_MAP: put_pairs(page, field, false); break;
    case HS_PLAN_TYPE_TEMPLATE_MAP: put_pairs(page, field, true); break;
    case HS_PLAN_TYPE_BODY: put_body(page, field); break;
    case HS_PLAN_TYPE_CHECKS: put_checks(page, field); break;
    case HS_PLAN_TYPE_VARS:
    case HS_PLAN_TYPE_OBJECT:
    case HS_PLAN_TYPE_ARRAY: break; /* walked into */
    }
}

/* Where the walk over the table is: in an object before one of its keys, or in an array before one
 * of its items. */
struct level {
    const struct hs_plan_object *object;
    const char                  *from; /* the object, or the first item */
    bool                         is_array;
    size_t                       next;
    size_t                       count;
};

enum { LEVELS_MAX = 8 }; /* the table has five: plan, workflows, workflow, steps, step */

struct walk {
    unsigned     depth;
    struct level at[LEVELS_MAX];
};

static void enter_object(struct page *page, struct walk *walk, const struct hs_plan_object *object,
                         const void *from)
{
    HS_ASSERT(walk->depth < LEVELS_MAX);
    open_bracket(page, "{");
    walk->at[walk->depth++] =
        (struct level){.object = object, .from = from, .count = object->key_count};
}

static void enter_array(struct page *page, struct walk *walk, const struct hs_plan_object *object,
                        const void *field)
{
    const struct hs_plan_steps *items = field; /* all arrays of objects have this shape */

    HS_ASSERT(walk->depth < LEVELS_MAX);
    open_bracket(page, "[");
    walk->at[walk->depth++] = (struct level){
        .object = object, .from = (const void *)items->at, .is_array = true, .count = items->count};
}

static void put_next_key(struct page *page, struct walk *walk, struct level *level)
{
    const struct hs_plan_key *key = &level->object->keys[level->next++];
    const void               *field = level->from + key->offset;

    if (!key->is_required && is_default(key, field)) return;
    put_key(page, key->name);
    if (key->type == HS_PLAN_TYPE_OBJECT)
        enter_object(page, walk, key->object, field);
    else if (key->type == HS_PLAN_TYPE_ARRAY)
        enter_array(page, walk, key->object, field);
    else
        put_value(page, key, field);
}

int hs_plan_write(const struct hs_plan *plan, struct hs_writer *out)
{
    struct page page = {.out = out};
    struct walk walk = {.depth = 0};

    enter_object(&page, &walk, &hs_plan_keys, plan);
    while (walk.depth > 0) {
        struct level *level = &walk.at[walk.depth - 1];

        if (level->next == level->count) {
            close_bracket(&page, level->is_array ? "]" : "}");
            walk.depth--;
        } else if (level->is_array) {
            next_item(&page);
            enter_object(&page, &walk, level->object,
                         level->from + level->next++ * level->object->bytes);
        } else {
            put_next_key(&page, &walk, level);
        }
    }
    put(&page, "\n");
    return hs_writer_finish(out);
}
