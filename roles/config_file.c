// SPDX-License-Identifier: Apache-2.0
/* config_file.c - from JSON to struct hs_config; says all that is wrong, where, and what was
 * meant. */
#include "roles/config_file.h"
#include "roles/config_hosts.h"
#include "roles/json.h"
#include "shm/base/assert.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { SECTIONS_MAX = 16, WORDS_MAX = 64 };

struct reading {
    struct hs_view      text;
    struct hs_config   *config;
    struct hs_problems *problems;
    struct hs_json_path path;
};

static const char *const section_names[] = {
#define HS_CONFIG_SECTION(name, owners, help) #name,
#define HS_CONFIG(section, key, type, default_text, min, max, apply, help)
#define HS_CONFIG_END(name)
#include "roles/config.def"
#undef HS_CONFIG_SECTION
#undef HS_CONFIG
#undef HS_CONFIG_END
};
HS_STATIC_ASSERT(HS_ARRAY_LEN(section_names) <= SECTIONS_MAX, "few enough to read");

static void add(struct reading *reading, const char *code, enum hs_json_part part, const char *hint,
                const char *message)
{
    hs_problems_add(reading->problems, code,
                    hs_json_locate(reading->text, reading->path.text, part), hint, "%s", message);
}

static void refuse_key(struct reading *reading, const char *what, const char *name,
                       const char *const *words, size_t count)
{
    char message[HS_PROBLEM_TEXT_BYTES];

    (void)snprintf(message, sizeof message, "unknown %s \"%.64s\"", what, name);
    add(reading, "E-KEY", HS_JSON_KEY, hs_nearest_word(hs_view_text(name), words, count), message);
}

static void refuse_unknown_key(struct reading *reading, const char *section, const char *name)
{
    const char *words[WORDS_MAX];
    size_t      count = 0;

    for (size_t i = 0; i < hs_config_key_count() && count < WORDS_MAX; i++)
        if (strcmp(hs_config_key_at(i)->section, section) == 0)
            words[count++] = hs_config_key_at(i)->name;
    refuse_key(reading, "key", name, words, count);
}

/* The nearest of the words of a CHOICE, copied into word. */
static const char *nearest_choice(const struct hs_config_key *key, const char *value, char *word,
                                  size_t bytes)
{
    const char *words[WORDS_MAX];
    size_t      count = 0;
    char       *rest;

    if (key->type != HS_CONFIG_CHOICE) return NULL;
    (void)snprintf(word, bytes, "%s", key->min);
    for (char *at = strtok_r(word, "|", &rest); at && count < WORDS_MAX;
         at = strtok_r(NULL, "|", &rest))
        words[count++] = at;
    return hs_nearest_word(hs_view_text(value), words, count);
}

static const char *code_of(const struct hs_config_key *key, int rc)
{
    switch (key->type) {
    case HS_CONFIG_DURATION:
    case HS_CONFIG_SIZE: return rc == -ERANGE ? "E-NUM" : "E-UNIT";
    case HS_CONFIG_COUNT:
    case HS_CONFIG_AUTO: return "E-NUM";
    case HS_CONFIG_BOOL: return "E-TYPE";
    case HS_CONFIG_CHOICE: return "E-ENUM";
    case HS_CONFIG_MODE:
    case HS_CONFIG_NAME:
    case HS_CONFIG_PATH:
    case HS_CONFIG_ADDRESS:
    case HS_CONFIG_USER:
    case HS_CONFIG_GROUP:
    case HS_CONFIG_HOSTS:
    case HS_CONFIG_PATTERNS: return "E-VALUE";
    }
    return "E-VALUE";
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",    [JSON_STRING] = "a string",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };

    return names[json_typeof(value)];
}

static bool is_json_type_right(enum hs_config_type type, const json_t *value)
{
    switch (type) {
    case HS_CONFIG_COUNT: return json_is_integer(value);
    case HS_CONFIG_AUTO: return json_is_integer(value) || json_is_string(value);
    case HS_CONFIG_BOOL: return json_is_boolean(value);
    case HS_CONFIG_DURATION:
    case HS_CONFIG_SIZE:
    case HS_CONFIG_MODE:
    case HS_CONFIG_CHOICE:
    case HS_CONFIG_NAME:
    case HS_CONFIG_PATH:
    case HS_CONFIG_ADDRESS:
    case HS_CONFIG_USER:
    case HS_CONFIG_GROUP: return json_is_string(value);
    case HS_CONFIG_HOSTS:
    case HS_CONFIG_PATTERNS: return json_is_array(value);
    }
    return false;
}

static void refuse_type(struct reading *reading, const struct hs_config_key *key,
                        const json_t *value)
{
    char        message[HS_PROBLEM_TEXT_BYTES];
    const char *expected = "a string";

    if (key->type == HS_CONFIG_DURATION)
        expected = "a duration string such as \"10s\"";
    else if (key->type == HS_CONFIG_SIZE)
        expected = "a size string such as \"64KiB\"";
    else if (key->type == HS_CONFIG_COUNT)
        expected = "a whole number";
    else if (key->type == HS_CONFIG_AUTO)
        expected = "a whole number or \"auto\"";
    else if (key->type == HS_CONFIG_BOOL)
        expected = "true or false";
    else if (hs_config_is_list(key))
        expected = "a list of strings";
    (void)snprintf(message, sizeof message, "expected %s, found %s", expected, type_name(value));
    add(reading, "E-TYPE", HS_JSON_VALUE, NULL, message);
}

/* One of a list; false: said what is wrong with it. */
static bool read_host(struct reading *reading, const struct hs_config_key *key, const json_t *value,
                      struct hs_writer *joined)
{
    char                  message[HS_PROBLEM_TEXT_BYTES];
    struct hs_config_host host;
    struct hs_view        text = {0};
    bool                  are_patterns = key->type == HS_CONFIG_PATTERNS;

    if (json_is_string(value))
        text = hs_view_of(json_string_value(value), json_string_length(value));
    if (json_is_string(value) &&
        (are_patterns ? hs_config_is_pattern(text) : hs_config_parse_host(text, &host) == 0)) {
        if (joined->used_bytes) hs_put_u8(joined, ',');
        hs_put_bytes(joined, text.data, text.bytes);
        return true;
    }
    (void)snprintf(message, sizeof message, "expected %s, found %s%.64s",
                   are_patterns ? "a host such as \"10.0.0.1\" or \"*.example.org\""
                                : "a host and port such as \"10.0.0.1:7400\"",
                   text.data ? "" : type_name(value), text.data ? (const char *)text.data : "");
    add(reading, text.data ? "E-VALUE" : "E-TYPE", HS_JSON_VALUE, NULL, message);
    return false;
}

static void read_hosts(struct reading *reading, const struct hs_config_key *key,
                       const json_t *values)
{
    uint8_t          memory[HS_CONFIG_VALUE_BYTES];
    struct hs_writer joined;
    struct hs_err    err;
    size_t           idx;
    json_t          *value;
    bool             is_good = true;

    hs_writer_init(&joined, memory, sizeof memory);
    json_array_foreach(values, idx, value)
    {
        uint32_t mark = hs_json_path_push_index(&reading->path, idx);

        is_good = read_host(reading, key, value, &joined) && is_good;
        hs_json_path_pop(&reading->path, mark);
    }
    if (!is_good) return;
    if (hs_writer_finish(&joined)) {
        (void)snprintf(err.text, sizeof err.text, "must be at most %d hosts", HS_CONFIG_HOSTS_MAX);
    } else if (hs_config_set(reading->config, key, hs_view_of(memory, joined.used_bytes), &err) ==
               0) {
        return;
    }
    add(reading, "E-VALUE", HS_JSON_VALUE, NULL, err.text);
}

static void read_value(struct reading *reading, const struct hs_config_key *key,
                       const json_t *value)
{
    char           number[32];
    char           word[HS_CONFIG_VALUE_BYTES];
    struct hs_view text;
    struct hs_err  err;
    int            rc;

    if (!is_json_type_right(key->type, value)) {
        refuse_type(reading, key, value);
        return;
    }
    if (hs_config_is_list(key)) {
        read_hosts(reading, key, value);
        return;
    }
    if (json_is_string(value)) {
        text = hs_view_of(json_string_value(value), json_string_length(value));
    } else if (json_is_boolean(value)) {
        text = hs_view_text(json_is_true(value) ? "true" : "false");
    } else {
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = hs_view_text(number);
    }
    rc = hs_config_set(reading->config, key, text, &err);
    if (rc)
        add(reading, code_of(key, rc), HS_JSON_VALUE,
            nearest_choice(key, json_is_string(value) ? json_string_value(value) : "", word,
                           sizeof word),
            err.text);
}

static void read_section(struct reading *reading, const char *section, json_t *values)
{
    const char *name;
    json_t     *value;

    if (!json_is_object(values)) {
        add(reading, "E-TYPE", HS_JSON_VALUE, NULL, "expected an object");
        return;
    }
    json_object_foreach(values, name, value)
    {
        uint32_t                    mark = hs_json_path_push(&reading->path, name);
        const struct hs_config_key *key = hs_config_find_key(section, name);

        if (key)
            read_value(reading, key, value);
        else
            refuse_unknown_key(reading, section, name);
        hs_json_path_pop(&reading->path, mark);
    }
}

static bool is_section(const char *name)
{
    for (size_t i = 0; i < HS_ARRAY_LEN(section_names); i++)
        if (strcmp(section_names[i], name) == 0) return true;
    return false;
}

static void read_document(struct reading *reading, json_t *document)
{
    const char *name;
    json_t     *values;

    if (!json_is_object(document)) {
        add(reading, "E-TYPE", HS_JSON_VALUE, NULL, "expected an object with sections");
        return;
    }
    json_object_foreach(document, name, values)
    {
        uint32_t mark = hs_json_path_push(&reading->path, name);

        if (is_section(name))
            read_section(reading, name, values);
        else
            refuse_key(reading, "section", name, section_names, HS_ARRAY_LEN(section_names));
        hs_json_path_pop(&reading->path, mark);
    }
}

static void add_contradiction(void *context, const char *section, const char *key,
                              const char *message)
{
    struct reading *reading = context;
    uint32_t        mark = hs_json_path_push(&reading->path, section);

    (void)hs_json_path_push(&reading->path, key);
    add(reading, "E-EXCL", HS_JSON_VALUE, NULL, message);
    hs_json_path_pop(&reading->path, mark);
}

int hs_config_parse(char *text, size_t bytes, struct hs_config *config,
                    struct hs_problems *problems)
{
    struct reading reading = {
        .text = hs_view_of(text, bytes), .config = config, .problems = problems};
    uint32_t errors_before = problems->errors;
    json_t  *document = hs_json_parse(text, bytes, HS_CONFIG_FILE_BYTES_MAX, problems);

    if (!document) return -EINVAL;
    hs_json_path_init(&reading.path);
    read_document(&reading, document);
    json_decref(document);
    if (problems->errors == errors_before)
        hs_config_cross_check(config, add_contradiction, &reading);
    return problems->errors == errors_before ? 0 : -EINVAL;
}

int hs_config_set_named(struct hs_config *config, const char *setting, struct hs_err *err)
{
    char                        section[64];
    char                        name[64];
    const char                 *dot = strchr(setting, '.');
    const char                 *equals = strchr(setting, '=');
    const struct hs_config_key *key = NULL;
    int                         rc;

    if (!dot || !equals || dot > equals)
        return hs_err_set(err, -EINVAL, "expected section.key=value, found \"%s\"", setting);
    (void)snprintf(section, sizeof section, "%.*s", (int)(dot - setting), setting);
    (void)snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);
    key = hs_config_find_key(section, name);
    if (!key) return hs_err_set(err, -ENOENT, "no key %s.%s", section, name);
    rc = hs_config_set(config, key, hs_view_text(equals + 1), err);
    return rc ? hs_err_wrap(err, "%s.%s", section, name) : 0;
}
