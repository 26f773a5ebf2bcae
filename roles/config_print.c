// SPDX-License-Identifier: Apache-2.0
/* config_print.c - the configuration as a file that people read and edit: every key, with its
 * text. */
#include "roles/config.h"
#include "roles/json.h"
#include "shm/base/assert.h"

#include <stdio.h>
#include <string.h>

enum { COMMENT_COLUMN_MAX = 100 };

struct section {
    const char *name;
    const char *help;
};

static const struct section sections[] = {
#define HS_CONFIG_SECTION(name, owners, help) {#name, help},
#define HS_CONFIG(section, key, type, default_text, min, max, apply, help)
#define HS_CONFIG_END(name)
#include "roles/config.def"
#undef HS_CONFIG_SECTION
#undef HS_CONFIG
#undef HS_CONFIG_END
};

static void put(struct hs_writer *out, const char *text)
{
    hs_put_bytes(out, text, strlen(text));
}

/* Lines of at most COMMENT_COLUMN_MAX columns, broken between words. */
static void put_comment(struct hs_writer *out, const char *indent, const char *text)
{
    while (*text) {
        size_t room = COMMENT_COLUMN_MAX - strlen(indent) - 3;
        size_t length = strlen(text);

        if (length > room) {
            length = room;
            while (length > 1 && text[length] != ' ') length--;
        }
        put(out, indent);
        put(out, "// ");
        hs_put_bytes(out, text, length);
        put(out, "\n");
        text += length;
        while (*text == ' ') text++;
    }
}

static const char *apply_text(enum hs_config_apply apply)
{
    switch (apply) {
    case HS_CONFIG_RELOAD: return "A reload applies it.";
    case HS_CONFIG_RESTART: return "A reload restarts the processes concerned.";
    case HS_CONFIG_DAEMON: return "Takes effect at the next start of hyperscaled.";
    }
    return "?";
}

static void format_bounds(const struct hs_config_key *key, char *text, size_t bytes)
{
    if (key->type == HS_CONFIG_CHOICE)
        (void)snprintf(text, bytes, "One of %s. ", key->min);
    else if (key->type == HS_CONFIG_NAME || key->type == HS_CONFIG_PATH)
        (void)snprintf(text, bytes, "%s to %s characters. ", key->min, key->max);
    else if (*key->max)
        (void)snprintf(text, bytes, "From %s to %s. ", key->min, key->max);
    else
        *text = 0;
}

static bool is_quoted(const struct hs_config_key *key, const char *value)
{
    if (key->type == HS_CONFIG_AUTO) return strcmp(value, "auto") == 0;
    return key->type != HS_CONFIG_COUNT && key->type != HS_CONFIG_BOOL;
}

/* "a:1,b:2" as a list of strings. */
static void put_list(struct hs_writer *out, const char *value)
{
    put(out, "[");
    while (*value) {
        size_t length = strcspn(value, ",");

        hs_json_put_text(out, hs_view_of(value, length));
        value += length;
        if (*value) {
            put(out, ", ");
            value++;
        }
    }
    put(out, "]");
}

static void put_value(struct hs_writer *out, const struct hs_config_key *key, const char *value)
{
    if (hs_config_is_list(key))
        put_list(out, value);
    else if (is_quoted(key, value))
        hs_json_put_text(out, hs_view_text(value));
    else
        put(out, value);
}

static void put_key(struct hs_writer *out, const struct hs_config *config,
                    const struct hs_config_key *key)
{
    char value[HS_CONFIG_VALUE_BYTES];
    char bounds[96];
    char facts[192];

    put_comment(out, "        ", key->help);
    format_bounds(key, bounds, sizeof bounds);
    (void)snprintf(facts, sizeof facts, "%s%s", bounds, apply_text(key->apply));
    put_comment(out, "        ", facts);
    hs_config_get(config, key, value, sizeof value);
    put(out, "        \"");
    put(out, key->name);
    put(out, "\": ");
    put_value(out, key, value);
}

static void put_section(struct hs_writer *out, const struct hs_config *config,
                        const struct section *section)
{
    const char *separator = "";

    put_comment(out, "    ", section->help);
    put(out, "    \"");
    put(out, section->name);
    put(out, "\": {\n");
    for (size_t i = 0; i < hs_config_key_count(); i++) {
        const struct hs_config_key *key = hs_config_key_at(i);

        if (strcmp(key->section, section->name) != 0) continue;
        put(out, separator);
        put_key(out, config, key);
        separator = ",\n\n";
    }
    put(out, "\n    }");
}

int hs_config_print(const struct hs_config *config, struct hs_writer *out)
{
    put(out,
        "// Configuration of hyperscaled: every key with its value. See hyperscaled.json(5).\n");
    put(out, "{\n");
    for (size_t i = 0; i < HS_ARRAY_LEN(sections); i++) {
        put_section(out, config, &sections[i]);
        put(out, i + 1 < HS_ARRAY_LEN(sections) ? ",\n\n" : "\n");
    }
    put(out, "}\n");
    return hs_writer_finish(out);
}
