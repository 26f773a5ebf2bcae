// SPDX-License-Identifier: Apache-2.0
/* reader_body.c - the forms that the body of a request can have. */
#include "roles/plan/reader.h"

#include "shm/base/limits.h"

#include <string.h>

enum { RANDOM_BYTES_MAX = 1 << 20, FORM_MAX = 256 };

struct level {
    json_t *json;
    void   *iter; /* of an object */
    size_t  index;
};

/* A string, or a key, with its variables; it stays a template. */
static bool put_string(struct hs_plan_reader *reader, struct hs_view string, struct hs_writer *out)
{
    struct hs_expand_fault fault = {.hint = NULL};

    hs_put_u8(out, '"');
    if (hs_plan_expand(&reader->vars, string, HS_EXPAND_JSON, out, &fault) != 0) {
        hs_plan_complain(reader, "E-VAR", HS_JSON_VALUE, fault.hint, "%s", fault.message);
        return false;
    }
    hs_put_u8(out, '"');
    return true;
}

/* One value that is no container. */
static bool put_leaf(struct hs_plan_reader *reader, const json_t *json, struct hs_writer *out)
{
    const char *word = json_is_true(json) ? "true" : json_is_false(json) ? "false" : "null";
    char        text[HS_JSON_NUMBER_BYTES];

    if (json_is_string(json))
        return put_string(reader, hs_view_of(json_string_value(json), json_string_length(json)),
                          out);
    if (json_is_number(json)) word = hs_json_number_text(json, text);
    hs_put_bytes(out, word, strlen(word));
    return true;
}

/* The next child of a level, with its comma and key written; NULL: there is none, and the level is
 * closed; or *is_bad. */
static json_t *next_child(struct hs_plan_reader *reader, struct level *level, struct hs_writer *out,
                          bool *is_bad)
{
    bool is_first = level->index == 0;

    if (json_is_object(level->json)) {
        level->iter = is_first ? json_object_iter(level->json)
                               : json_object_iter_next(level->json, level->iter);
        if (!level->iter) {
            hs_put_u8(out, '}');
            return NULL;
        }
        if (!is_first) hs_put_u8(out, ',');
        *is_bad = !put_string(reader, hs_view_text(json_object_iter_key(level->iter)), out);
        if (*is_bad) return NULL;
        hs_put_u8(out, ':');
        level->index++;
        return json_object_iter_value(level->iter);
    }
    if (level->index == json_array_size(level->json)) {
        hs_put_u8(out, ']');
        return NULL;
    }
    if (!is_first) hs_put_u8(out, ',');
    return json_array_get(level->json, level->index++);
}

/* Compact JSON with variables put in; the depth was bounded when the plan was parsed. */
static bool put_json(struct hs_plan_reader *reader, json_t *json, struct hs_writer *out)
{
    struct level levels[HS_JSON_DEPTH_MAX + 1];
    unsigned     depth = 0;
    bool         is_bad = false;

    for (;;) {
        if (json_is_object(json) || json_is_array(json)) {
            hs_put_u8(out, json_is_object(json) ? '{' : '[');
            levels[depth++] = (struct level){.json = json};
        } else if (!put_leaf(reader, json, out)) {
            return false;
        }
        for (json = NULL; depth > 0 && !json;) {
            json = next_child(reader, &levels[depth - 1], out, &is_bad);
            if (is_bad) return false;
            if (!json) depth--;
        }
        if (!json) return true;
    }
}

static void read_json_body(struct hs_plan_reader *reader, json_t *json, struct hs_plan_body *body)
{
    struct hs_writer *out = &reader->scratch;
    char             *memory;

    out->used_bytes = 0;
    out->failed = false;
    if (!put_json(reader, json, out)) return;
    if (out->failed) {
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "the body is too long");
        return;
    }
    memory = hs_plan_take(reader, 1, out->used_bytes + 1);
    if (!memory) return;
    memcpy(memory, out->data, out->used_bytes);
    body->kind = HS_PLAN_BODY_JSON;
    body->text = memory;
}

static bool is_base64(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t            bytes = strlen(text);
    size_t            digit_bytes = strspn(text, digits);

    if (bytes % 4 != 0 || bytes - digit_bytes > 2) return false;
    return strspn(text + digit_bytes, "=") == bytes - digit_bytes;
}

static void read_base64_body(struct hs_plan_reader *reader, json_t *json, struct hs_plan_body *body)
{
    const char *text;

    if (!json_is_string(json)) {
        hs_plan_expected(reader, "a string in base64", json);
        return;
    }
    text = hs_plan_text_of(reader, json, HS_EXPAND_PLAIN);
    if (!text) return;
    if (!is_base64(text)) hs_plan_complain(reader, "E-TYPE", HS_JSON_VALUE, NULL, "is not base64");
    body->kind = HS_PLAN_BODY_BASE64;
    body->text = text;
}

void hs_plan_read_body(struct hs_plan_reader *reader, json_t *json, struct hs_plan_body *body)
{
    static const char *const kinds[] = {"json", "form", "base64", "random", NULL};
    static const char *const later[] = {"file", "multipart", NULL};
    const char              *key = NULL;
    json_t                  *value = NULL;
    uint32_t                 mark;

    if (json_is_string(json)) {
        body->text = hs_plan_text_of(reader, json, HS_EXPAND_TEMPLATE);
        body->kind = body->text ? HS_PLAN_BODY_TEXT : HS_PLAN_BODY_NONE;
        return;
    }
    if (!json_is_object(json)) {
        hs_plan_expected(reader, "a string or an object such as {\"json\": ...}", json);
        return;
    }
    hs_plan_check_keys(reader, json, kinds, later);
    for (size_t i = 0; kinds[i]; i++) {
        if (!json_object_get(json, kinds[i])) continue;
        if (key)
            hs_plan_complain(reader, "E-EXCL", HS_JSON_VALUE, NULL,
                             "\"%s\" and \"%s\" exclude each other", key, kinds[i]);
        key = kinds[i];
        value = json_object_get(json, key);
    }
    if (!key) {
        hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL,
                         "one of json, form, base64, random is missing");
        return;
    }
    mark = hs_json_path_push(&reader->path, key);
    if (strcmp(key, "json") == 0) {
        read_json_body(reader, value, body);
    } else if (strcmp(key, "form") == 0) {
        body->kind = HS_PLAN_BODY_FORM;
        hs_plan_read_pairs(reader, value, HS_EXPAND_TEMPLATE, FORM_MAX, &body->form);
    } else if (strcmp(key, "base64") == 0) {
        read_base64_body(reader, value, body);
    } else {
        body->kind = HS_PLAN_BODY_RANDOM;
        hs_plan_read_size(reader, value, RANDOM_BYTES_MAX, &body->random_bytes);
    }
    hs_json_path_pop(&reader->path, mark);
}
