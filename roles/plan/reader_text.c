// SPDX-License-Identifier: Apache-2.0
/* reader_text.c - strings, maps of strings, and the plan's variables. */
#include "roles/plan/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { SCRATCH_EXTRA_BYTES = 256 << 10 };

int hs_plan_reader_init(struct hs_plan_reader *reader, struct hs_view text,
                        const struct hs_plan_environment *environment, struct hs_arena *arena,
                        struct hs_problems *problems)
{
    size_t scratch_bytes = 2 * text.bytes + SCRATCH_EXTRA_BYTES;
    void  *scratch = hs_arena_take(arena, 1, scratch_bytes);

    if (!scratch) return -ENOBUFS;
    reader->text = text;
    reader->problems = problems;
    reader->arena = arena;
    reader->is_full = false;
    reader->is_base_bad = false;
    reader->places_left = HS_PLAN_PLACES_MAX;
    reader->request_bytes = 0;
    reader->vars.environment = environment;
    reader->vars.arena = arena;
    reader->vars.count = 0;
    reader->vars.hints_left = HS_PROBLEMS_MAX;
    hs_json_path_init(&reader->path);
    hs_writer_init(&reader->scratch, scratch, scratch_bytes);
    return 0;
}

static const char *copy(struct hs_plan_reader *reader, const void *text, size_t bytes)
{
    char *memory = hs_plan_take(reader, 1, bytes + 1);

    if (!memory) return NULL;
    memcpy(memory, text, bytes);
    return memory; /* zeroed, so terminated */
}

const char *hs_plan_text_of(struct hs_plan_reader *reader, const json_t *json,
                            enum hs_expand_mode mode)
{
    struct hs_view         text = hs_view_of(json_string_value(json), json_string_length(json));
    struct hs_expand_fault fault = {.hint = NULL};

    if (text.bytes == 0) return "";
    if (!memmem(text.data, text.bytes, "${", 2)) return copy(reader, text.data, text.bytes);
    reader->scratch.used_bytes = 0;
    reader->scratch.failed = false;
    if (hs_plan_expand(&reader->vars, text, mode, &reader->scratch, &fault) != 0) {
        hs_plan_complain(reader, "E-VAR", HS_JSON_VALUE, fault.hint, "%s", fault.message);
        return NULL;
    }
    if (reader->scratch.failed) {
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL,
                         "is too long with its variables put in");
        return NULL;
    }
    return copy(reader, reader->scratch.data, reader->scratch.used_bytes);
}

/* Strings, and numbers and truth values as text. */
static const char *plain_text(struct hs_plan_reader *reader, const json_t *json,
                              enum hs_expand_mode mode)
{
    char text[HS_JSON_NUMBER_BYTES];

    if (json_is_string(json)) return hs_plan_text_of(reader, json, mode);
    if (json_is_boolean(json)) return json_is_true(json) ? "true" : "false";
    if (json_is_number(json)) {
        (void)hs_json_number_text(json, text);
        return copy(reader, text, strlen(text));
    }
    hs_plan_expected(reader, "a string, a number, true or false", json);
    return NULL;
}

void hs_plan_read_pairs(struct hs_plan_reader *reader, json_t *json, enum hs_expand_mode mode,
                        uint64_t max, struct hs_plan_pairs *pairs)
{
    const char *key;
    json_t     *value;

    if (!json_is_object(json)) {
        hs_plan_expected(reader, "an object", json);
        return;
    }
    if (json_object_size(json) > max) {
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "%zu entries, at most %" PRIu64,
                         json_object_size(json), max);
        return;
    }
    pairs->at = hs_plan_take(reader, json_object_size(json), sizeof *pairs->at);
    if (!pairs->at) return;
    json_object_foreach(json, key, value)
    {
        uint32_t             mark = hs_json_path_push(&reader->path, key);
        struct hs_plan_pair *pair = &pairs->at[pairs->count];

        pair->name = copy(reader, key, strlen(key));
        pair->value = plain_text(reader, value, mode);
        if (pair->name && pair->value) pairs->count++;
        hs_json_path_pop(&reader->path, mark);
    }
}

void hs_plan_read_size(struct hs_plan_reader *reader, json_t *json, uint64_t max, uint64_t *bytes)
{
    const char *text = json_is_string(json) ? hs_plan_text_of(reader, json, HS_EXPAND_PLAIN) : NULL;
    char        longest[HS_UNITS_TEXT_BYTES];

    if (json_is_integer(json) && json_integer_value(json) >= 0)
        *bytes = (uint64_t)json_integer_value(json);
    else if (!json_is_string(json))
        hs_plan_expected(reader, HS_UNITS_SIZE_HELP ", or a number of bytes", json);
    else if (text && hs_units_parse_size(hs_view_text(text), bytes) != 0)
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "\"%.60s\" is not %s", text,
                         HS_UNITS_SIZE_HELP);
    if (*bytes > max)
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "is more than %s",
                         hs_units_format_size_exact(longest, max));
}

static bool is_variable_name(const char *name)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

    return name[0] && strspn(name, alphabet) == strlen(name) && !strchr("0123456789", name[0]);
}

static bool is_built_in(const char *name)
{
    for (size_t i = 0; i < HS_TEMPLATE_KIND_COUNT; i++)
        if (hs_template_names[i] && strcmp(hs_template_names[i], name) == 0) return true;
    return false;
}

static struct hs_plan_var *add_variable(struct hs_plan_reader *reader, const char *name)
{
    struct hs_plan_vars *vars = &reader->vars;
    const char          *why = NULL;
    const char          *copied;

    if (is_built_in(name))
        why = "is a built-in";
    else if (!is_variable_name(name))
        why = "is no name for a variable: letters, digits and _";
    else if (vars->count == HS_PLAN_VARS_MAX)
        why = "is one variable too many: at most 256";
    if (why) {
        hs_plan_complain(reader, "E-VAR", HS_JSON_KEY, NULL, "\"%.60s\" %s", name, why);
        return NULL;
    }
    copied = copy(reader, name, strlen(name));
    if (!copied) return NULL;
    vars->at[vars->count] =
        (struct hs_plan_var){.name = copied, .name_bytes = strlen(copied), .value = ""};
    return &vars->at[vars->count++];
}

static void add_sets(struct hs_plan_reader *reader)
{
    const struct hs_plan_environment *environment = reader->vars.environment;

    for (uint32_t i = 0; environment && i < environment->sets.count; i++) {
        const struct hs_plan_pair *set = &environment->sets.at[i];
        struct hs_plan_var        *var = hs_plan_var_find(&reader->vars, hs_view_text(set->name));

        if (!var) var = add_variable(reader, set->name);
        if (!var) continue;
        var->value = set->value; /* the last one wins */
        var->is_set = true;
        if (!hs_json_is_utf8(hs_view_text(set->value)))
            hs_plan_complain(reader, "E-VAR", HS_JSON_VALUE, NULL, "--set %s is not UTF-8",
                             set->name);
    }
}

/* In order, so that a variable may use those above it. */
void hs_plan_read_vars(struct hs_plan_reader *reader, json_t *json)
{
    uint32_t    outer = 0;
    const char *key;
    json_t     *value;

    add_sets(reader);
    if (!json) return;
    outer = hs_json_path_push(&reader->path, "vars");
    if (!json_is_object(json)) hs_plan_expected(reader, "an object", json);
    json_object_foreach(json, key, value)
    {
        uint32_t            mark = hs_json_path_push(&reader->path, key);
        struct hs_plan_var *var = hs_plan_var_find(&reader->vars, hs_view_text(key));
        const char         *text;

        if (var) {
            var->is_used = true; /* --set goes over it */
        } else {
            text = plain_text(reader, value, HS_EXPAND_PLAIN);
            var = add_variable(reader, key);
            if (var && text) var->value = text;
        }
        hs_json_path_pop(&reader->path, mark);
    }
    hs_json_path_pop(&reader->path, outer);
}

void hs_plan_check_sets(struct hs_plan_reader *reader)
{
    const char *names[HS_PLAN_VARS_MAX];
    size_t      count = 0;

    for (uint32_t i = 0; i < reader->vars.count; i++)
        if (!reader->vars.at[i].is_set || reader->vars.at[i].is_used)
            names[count++] = reader->vars.at[i].name;
    for (uint32_t i = 0; i < reader->vars.count; i++) {
        const struct hs_plan_var *var = &reader->vars.at[i];

        if (!var->is_set || var->is_used) continue;
        hs_problems_add(reader->problems, "E-VAR", (struct hs_problem_place){0},
                        hs_nearest_word(hs_view_text(var->name), names, count),
                        "--set %s: the plan has no such variable", var->name);
    }
}
