// SPDX-License-Identifier: Apache-2.0
/* expand.c - ${name} and ${env:NAME|fallback} become text; what they bring in is only ever text,
 * never a hole. */
#include "roles/plan/expand.h"

#include "roles/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_MAX = HS_PLAN_VARS_MAX + HS_TEMPLATE_KIND_COUNT, ENV_NAME_BYTES = 256 };

struct emitter {
    struct hs_writer   *out;
    enum hs_expand_mode mode;
    bool                after_dollar; /* the last character was a literal '$' */
};

static int complain(struct hs_expand_fault *fault, const char *hint, const char *format, ...)
    HS_PRINTF(3, 4);

static int complain(struct hs_expand_fault *fault, const char *hint, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
    fault->hint = hint;
    return -EINVAL;
}

/* A literal "${" in a template is written "$${", also when its halves come from two places. */
static void emit_literal(struct emitter *emitter, struct hs_view text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];

        if (c == '{' && emitter->after_dollar && emitter->mode != HS_EXPAND_PLAIN)
            hs_put_bytes(emitter->out, "${", 2);
        else if (emitter->mode == HS_EXPAND_JSON && (c < ' ' || c == '"' || c == '\\'))
            hs_json_put_inner(emitter->out, hs_view_of(&c, 1));
        else
            hs_put_u8(emitter->out, c);
        emitter->after_dollar = c == '$';
    }
}

struct hs_plan_var *hs_plan_var_find(struct hs_plan_vars *vars, struct hs_view name)
{
    for (uint32_t i = 0; i < vars->count; i++)
        if (hs_view_equal(hs_view_of(vars->at[i].name, vars->at[i].name_bytes), name))
            return &vars->at[i];
    return NULL;
}

static const char *nearest_variable(struct hs_plan_vars *vars, struct hs_view name)
{
    const char *names[NAMES_MAX];
    size_t      count = 0;

    if (!vars->hints_left) return NULL;
    vars->hints_left--;
    for (uint32_t i = 0; i < vars->count; i++) names[count++] = vars->at[i].name;
    for (size_t i = 0; i < HS_TEMPLATE_KIND_COUNT; i++)
        if (hs_template_names[i]) names[count++] = hs_template_names[i];
    return hs_nearest_word(name, names, count);
}

/* Up to `mark`, and what follows it. */
static struct hs_view before(struct hs_view text, char mark, struct hs_view *rest)
{
    const uint8_t *at = text.bytes ? memchr(text.data, mark, text.bytes) : NULL;

    *rest =
        at ? hs_view_of(at + 1, text.bytes - (size_t)(at + 1 - text.data)) : hs_view_of(NULL, 0);
    return at ? hs_view_of(text.data, (size_t)(at - text.data)) : text;
}

static int expand_env(struct hs_plan_vars *vars, struct hs_view inner, struct emitter *emitter,
                      struct hs_expand_fault *fault)
{
    const struct hs_plan_environment *environment = vars->environment;
    struct hs_view                    fallback;
    struct hs_view                    name = before(inner, '|', &fallback);
    char                              copy[ENV_NAME_BYTES];
    const char                       *value;

    if (!environment || !environment->lookup)
        return complain(fault, NULL, "${env:...} is put in where the plan is submitted, not here");
    if (name.bytes >= sizeof copy)
        return complain(fault, NULL, "the name of an environment variable is longer than %d bytes",
                        ENV_NAME_BYTES - 1);
    (void)snprintf(copy, sizeof copy, "%.*s", (int)name.bytes, (const char *)name.data);
    value = environment->lookup(environment->lookup_context, copy);
    if (value && !hs_json_is_utf8(hs_view_text(value)))
        return complain(fault, NULL, "the environment variable %s is not UTF-8", copy);
    if (!value && !fallback.data)
        return complain(fault, NULL,
                        "the environment variable %s is not set; ${env:%s|text} gives it a default",
                        copy, copy);
    emit_literal(emitter, value ? hs_view_text(value) : fallback);
    return 0;
}

static int emit_filtered(struct hs_plan_vars *vars, const char *value,
                         enum hs_template_filter filter, struct emitter *emitter)
{
    size_t           capacity_bytes = 6 * strlen(value) + 8; /* the longest a filter makes it */
    struct hs_writer filtered;
    char            *memory = hs_arena_take(vars->arena, 1, capacity_bytes);

    if (!memory) {
        emitter->out->failed = true;
        return 0;
    }
    hs_writer_init(&filtered, memory, capacity_bytes);
    hs_filter_apply(filter, hs_view_text(value), &filtered);
    emit_literal(emitter, hs_view_of(memory, filtered.used_bytes));
    return 0;
}

static int unknown_variable(struct hs_plan_vars *vars, struct hs_view name,
                            struct hs_expand_fault *fault)
{
    if (name.bytes > 7 && memcmp(name.data, "secret:", 7) == 0)
        return complain(fault, NULL, "${secret:...} is not in this version");
    if (name.bytes && memchr(name.data, '.', name.bytes))
        return complain(fault, NULL, "feeds and outputs (${%.*s}) are not in this version",
                        (int)name.bytes, (const char *)name.data);
    return complain(fault, nearest_variable(vars, name), "undefined variable \"%.*s\"",
                    (int)name.bytes, (const char *)name.data);
}

static int expand_hole(struct hs_plan_vars *vars, struct hs_view inner, struct emitter *emitter,
                       struct hs_expand_fault *fault)
{
    struct hs_view          filter_name;
    struct hs_view          name = before(inner, '|', &filter_name);
    enum hs_template_filter filter = HS_FILTER_NONE;
    struct hs_template_part part;
    struct hs_plan_var     *var;
    const char             *why = "";
    int                     rc;

    if (inner.bytes > 4 && memcmp(inner.data, "env:", 4) == 0)
        return expand_env(vars, hs_view_of(inner.data + 4, inner.bytes - 4), emitter, fault);
    var = hs_plan_var_find(vars, name);
    if (var) {
        if (filter_name.data && hs_filter_find(filter_name, &filter) != 0)
            return complain(fault, NULL,
                            "no such filter; there are urlencode, base64, json and lower");
        var->is_used = true;
        return emit_filtered(vars, var->value, filter, emitter);
    }
    rc = hs_template_parse_hole(inner, &part, &why);
    if (rc == -ENOENT) return unknown_variable(vars, name, fault);
    if (rc)
        return complain(fault, NULL, "${%.*s}: %s", (int)inner.bytes, (const char *)inner.data,
                        why);
    if (emitter->mode == HS_EXPAND_PLAIN)
        return complain(fault, NULL,
                        "${%.*s} changes per request; only constants are possible here",
                        (int)inner.bytes, (const char *)inner.data);
    if (emitter->after_dollar)
        return complain(fault, NULL, "a value that ends in \"$\" cannot stand just before ${...}");
    hs_put_bytes(emitter->out, "${", 2);
    hs_put_bytes(emitter->out, inner.data, inner.bytes);
    hs_put_u8(emitter->out, '}');
    emitter->after_dollar = false;
    return 0;
}

int hs_plan_expand(struct hs_plan_vars *vars, struct hs_view text, enum hs_expand_mode mode,
                   struct hs_writer *out, struct hs_expand_fault *fault)
{
    struct emitter emitter = {.out = out, .mode = mode};

    for (size_t at = 0; at < text.bytes;) {
        const uint8_t *here = text.data + at;
        size_t         left = text.bytes - at;
        const uint8_t *end;
        int            rc;

        if (left >= 3 && memcmp(here, "$${", 3) == 0) {
            emit_literal(&emitter, hs_view_of(here + 1, 2));
            at += 3;
            continue;
        }
        if (left < 2 || memcmp(here, "${", 2) != 0) {
            emit_literal(&emitter, hs_view_of(here, 1));
            at++;
            continue;
        }
        end = memchr(here, '}', left);
        if (!end)
            return complain(fault, NULL, "\"${\" without \"}\"; write \"$${\" for the characters");
        rc = expand_hole(vars, hs_view_of(here + 2, (size_t)(end - here) - 2), &emitter, fault);
        if (rc) return rc;
        at += (size_t)(end - here) + 1;
    }
    return 0;
}
