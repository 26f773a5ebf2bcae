// SPDX-License-Identifier: Apache-2.0
/* config_value.c - one value of the configuration: from text, to text, inside its bounds. */
#include "roles/config.h"

#include "roles/config_hosts.h"
#include "shm/base/assert.h"
#include "shm/base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_number(enum hs_config_type type)
{
    return type <= HS_CONFIG_CHOICE && type != HS_CONFIG_BOOL;
}

static bool is_account(enum hs_config_type type)
{
    return type == HS_CONFIG_USER || type == HS_CONFIG_GROUP;
}

static int parse_mode(struct hs_view text, uint64_t *value)
{
    if (text.bytes < 3 || text.bytes > 4) return -EINVAL;
    *value = 0;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '7') return -EINVAL;
        *value = *value * 8 + (uint64_t)(text.data[i] - '0');
    }
    return 0;
}

/* words: "error|warn|info"; value: which of them text is. */
static int parse_choice(struct hs_view text, const char *words, uint64_t *value)
{
    *value = 0;
    for (const char *word = words;; word++) {
        size_t length = strcspn(word, "|");

        if (length == text.bytes && memcmp(word, text.data, length) == 0) return 0;
        word += length;
        if (!*word) return -EINVAL;
        (*value)++;
    }
}

static int parse_number(const struct hs_config_key *key, struct hs_view text, uint64_t *value)
{
    int rc;

    switch (key->type) {
    case HS_CONFIG_DURATION: return hs_units_parse_duration(text, value);
    case HS_CONFIG_SIZE: return hs_units_parse_size(text, value);
    case HS_CONFIG_AUTO:
        if (hs_view_equal(text, hs_view_text("auto"))) {
            *value = 0;
            return 0;
        }
        rc = hs_units_parse_count(text, value);
        return rc == 0 && *value == 0 ? -ERANGE : rc; /* 0 inside means auto, outside nothing */
    case HS_CONFIG_COUNT: return hs_units_parse_count(text, value);
    case HS_CONFIG_MODE: return parse_mode(text, value);
    case HS_CONFIG_CHOICE: return parse_choice(text, key->min, value);
    case HS_CONFIG_BOOL:
    case HS_CONFIG_NAME:
    case HS_CONFIG_PATH:
    case HS_CONFIG_ADDRESS:
    case HS_CONFIG_USER:
    case HS_CONFIG_GROUP:
    case HS_CONFIG_HOSTS:
    case HS_CONFIG_PATTERNS: break;
    }
    return -EINVAL;
}

/* Bounds are literals of config.def: they parse, or the table is wrong. */
static uint64_t bound_of(const struct hs_config_key *key, const char *text)
{
    uint64_t value;
    int      rc = parse_number(key, hs_view_text(text), &value);

    HS_ASSERT(rc == 0);
    return value;
}

static bool is_in_bounds(const struct hs_config_key *key, uint64_t value)
{
    if (key->type == HS_CONFIG_AUTO && value == 0) return true;
    if (key->type == HS_CONFIG_CHOICE) {
        uint64_t count = 1;

        for (const char *at = key->min; *at; at++) count += *at == '|';
        return value < count;
    }
    if (value < bound_of(key, key->min)) return false;
    return value <= bound_of(key, key->max);
}

static const char *expected_form(const struct hs_config_key *key)
{
    switch (key->type) {
    case HS_CONFIG_DURATION: return HS_UNITS_DURATION_HELP;
    case HS_CONFIG_SIZE: return HS_UNITS_SIZE_HELP;
    case HS_CONFIG_COUNT: return "a whole number";
    case HS_CONFIG_AUTO: return "a whole number or \"auto\"";
    case HS_CONFIG_BOOL: return "true or false";
    case HS_CONFIG_MODE: return "permission bits such as \"0660\"";
    case HS_CONFIG_CHOICE: return key->min;
    case HS_CONFIG_NAME: return "small letters, digits and '-'";
    case HS_CONFIG_PATH: return "an absolute path";
    case HS_CONFIG_ADDRESS:
        return "a numeric address and port such as \"127.0.0.1:9464\" or \"[::1]:9464\"";
    case HS_CONFIG_USER: return "the name of a user";
    case HS_CONFIG_GROUP: return "the name of a group";
    case HS_CONFIG_HOSTS:
        return "hosts and ports such as \"10.0.0.1:7400\" or \"gate-1.example.org:7400\", or "
               "services such as \"srv:_hyperscale-gate._tcp.example.org\"";
    case HS_CONFIG_PATTERNS:
        return "hosts such as \"10.0.0.1\", \"shop.example.org\", \"*.example.org\" or \"*\"";
    }
    return "?";
}

/* The sentence alone: what the code says in words adds nothing to "expected ..., found ...". */
HS_PRINTF(3, 4) static int refuse(struct hs_err *err, int code, const char *format, ...)
{
    va_list arguments;

    if (!err) return code;
    err->code = code;
    va_start(arguments, format);
    (void)vsnprintf(err->text, sizeof err->text, format, arguments);
    va_end(arguments);
    return code;
}

/* Enough of a wrong value to know it again. */
static size_t shown_bytes(struct hs_view text)
{
    return text.bytes < 64 ? text.bytes : 64;
}

static int refuse_form(const struct hs_config_key *key, struct hs_view text, struct hs_err *err)
{
    if (key->type == HS_CONFIG_CHOICE)
        return refuse(err, -EINVAL, "expected one of %s, found \"%.*s\"", key->min,
                      (int)shown_bytes(text), (const char *)text.data);
    return refuse(err, -EINVAL, "expected %s, found \"%.*s\"", expected_form(key),
                  (int)shown_bytes(text), (const char *)text.data);
}

static uint8_t *field_of(struct hs_config *config, const struct hs_config_key *key)
{
    HS_ASSERT(key->offset_bytes + key->field_bytes <= sizeof *config);
    return (uint8_t *)config + key->offset_bytes;
}

static const uint8_t *field_in(const struct hs_config *config, const struct hs_config_key *key)
{
    HS_ASSERT(key->offset_bytes + key->field_bytes <= sizeof *config);
    return (const uint8_t *)config + key->offset_bytes;
}

static void store_number(struct hs_config *config, const struct hs_config_key *key, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;

    HS_ASSERT(key->field_bytes == sizeof value || value == narrow);
    if (key->field_bytes == sizeof value)
        memcpy(field_of(config, key), &value, sizeof value);
    else
        memcpy(field_of(config, key), &narrow, sizeof narrow);
}

static uint64_t load_number(const struct hs_config *config, const struct hs_config_key *key)
{
    uint64_t wide;
    uint32_t narrow;

    if (key->field_bytes == sizeof wide) {
        memcpy(&wide, field_in(config, key), sizeof wide);
        return wide;
    }
    memcpy(&narrow, field_in(config, key), sizeof narrow);
    return narrow;
}

static int set_number(struct hs_config *config, const struct hs_config_key *key,
                      struct hs_view text, struct hs_err *err)
{
    uint64_t value;
    int      rc = parse_number(key, text, &value);

    if (rc == -EINVAL) return refuse_form(key, text, err);
    if (rc || !is_in_bounds(key, value))
        return refuse(err, -ERANGE, "must be from %s to %s, found %.*s", key->min, key->max,
                      (int)shown_bytes(text), (const char *)text.data);
    store_number(config, key, value);
    return 0;
}

static int set_bool(struct hs_config *config, const struct hs_config_key *key, struct hs_view text,
                    struct hs_err *err)
{
    bool is_true = hs_view_equal(text, hs_view_text("true"));

    if (!is_true && !hs_view_equal(text, hs_view_text("false"))) return refuse_form(key, text, err);
    *field_of(config, key) = is_true;
    return 0;
}

static bool is_name_letter(uint8_t letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '-';
}

static bool is_login_letter(uint8_t letter)
{
    return is_name_letter(letter) || (letter >= 'A' && letter <= 'Z') || letter == '_' ||
           letter == '.';
}

/* Absolute, no step upwards, nothing that would break a line of a log. */
static bool is_path(struct hs_view text)
{
    if (text.bytes == 0) return true;
    if (text.data[0] != '/') return false;
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] < ' ' || text.data[i] == 127) return false;
        if (i + 3 <= text.bytes && memcmp(text.data + i, "/..", 3) == 0 &&
            (i + 3 == text.bytes || text.data[i + 3] == '/'))
            return false;
    }
    return true;
}

static bool is_text_of_type(enum hs_config_type type, struct hs_view text)
{
    if (type == HS_CONFIG_PATH) return is_path(text);
    if (text.bytes && text.data[0] == '-') return false;
    for (size_t i = 0; i < text.bytes; i++) {
        if (type == HS_CONFIG_NAME && !is_name_letter(text.data[i])) return false;
        if (is_account(type) && !is_login_letter(text.data[i])) return false;
    }
    return true;
}

static int check_text(const struct hs_config_key *key, struct hs_view text, struct hs_err *err)
{
    uint64_t shortest = 0;
    uint64_t longest = HS_CONFIG_ACCOUNT_BYTES - 1;

    if (!is_account(key->type)) {
        int rc = hs_units_parse_count(hs_view_text(key->min), &shortest);

        HS_ASSERT(rc == 0);
        rc = hs_units_parse_count(hs_view_text(key->max), &longest);
        HS_ASSERT(rc == 0);
        HS_ASSERT(longest < HS_CONFIG_TEXT_BYTES);
    }
    if (!is_text_of_type(key->type, text)) return refuse_form(key, text, err);
    if (text.bytes < shortest || text.bytes > longest)
        return refuse(err, -ERANGE,
                      "must have from %" PRIu64 " to %" PRIu64 " characters, found %zu", shortest,
                      longest, text.bytes);
    return 0;
}

static int set_text(struct hs_config *config, const struct hs_config_key *key, struct hs_view text,
                    struct hs_err *err)
{
    int rc = check_text(key, text, err);

    if (rc) return rc;
    HS_ASSERT(text.bytes < key->field_bytes);
    memset(field_of(config, key), 0, key->field_bytes); /* of an account: not looked up yet */
    if (text.bytes) memcpy(field_of(config, key), text.data, text.bytes);
    return 0;
}

static int set_address(struct hs_config *config, const struct hs_config_key *key,
                       struct hs_view text, struct hs_err *err)
{
    struct hs_addr addr;

    memset(&addr, 0, sizeof addr);
    if (text.bytes && hs_config_parse_address(text, &addr)) return refuse_form(key, text, err);
    memcpy(field_of(config, key), &addr, sizeof addr);
    return 0;
}

static int set_hosts(struct hs_config *config, const struct hs_config_key *key, struct hs_view text,
                     struct hs_err *err)
{
    struct hs_config_hosts hosts;
    int rc = hs_config_parse_hosts(text, key->type == HS_CONFIG_PATTERNS, &hosts);

    if (rc == -ERANGE)
        return refuse(err, rc, "must be at most %d different hosts", HS_CONFIG_HOSTS_MAX);
    if (rc) return refuse_form(key, text, err);
    memcpy(field_of(config, key), &hosts, sizeof hosts);
    return 0;
}

int hs_config_set(struct hs_config *config, const struct hs_config_key *key, struct hs_view text,
                  struct hs_err *err)
{
    if (is_number(key->type)) return set_number(config, key, text, err);
    if (key->type == HS_CONFIG_BOOL) return set_bool(config, key, text, err);
    if (key->type == HS_CONFIG_ADDRESS) return set_address(config, key, text, err);
    if (hs_config_is_list(key)) return set_hosts(config, key, text, err);
    return set_text(config, key, text, err);
}

static void put_choice(const char *words, uint64_t value, char *text, size_t bytes)
{
    for (; value; value--) {
        words += strcspn(words, "|");
        if (*words) words++;
    }
    (void)snprintf(text, bytes, "%.*s", (int)strcspn(words, "|"), words);
}

static void get_number(const struct hs_config_key *key, uint64_t value, char *text, size_t bytes)
{
    char units[HS_UNITS_TEXT_BYTES];

    if (key->type == HS_CONFIG_DURATION)
        (void)snprintf(text, bytes, "%s", hs_units_format_duration_exact(units, value));
    else if (key->type == HS_CONFIG_SIZE)
        (void)snprintf(text, bytes, "%s", hs_units_format_size_exact(units, value));
    else if (key->type == HS_CONFIG_AUTO && value == 0)
        (void)snprintf(text, bytes, "auto");
    else if (key->type == HS_CONFIG_MODE)
        (void)snprintf(text, bytes, "%04" PRIo64, value);
    else if (key->type == HS_CONFIG_CHOICE)
        put_choice(key->min, value, text, bytes);
    else
        (void)snprintf(text, bytes, "%" PRIu64, value);
}

void hs_config_get(const struct hs_config *config, const struct hs_config_key *key, char *text,
                   size_t bytes)
{
    const uint8_t *field = field_in(config, key);
    struct hs_addr addr;
    char           shown[HS_ADDR_TEXT_BYTES];

    HS_ASSERT(bytes > 0);
    if (is_number(key->type)) {
        get_number(key, load_number(config, key), text, bytes);
    } else if (key->type == HS_CONFIG_BOOL) {
        (void)snprintf(text, bytes, "%s", *field ? "true" : "false");
    } else if (key->type == HS_CONFIG_ADDRESS) {
        memcpy(&addr, field, sizeof addr);
        hs_addr_format(&addr, shown, sizeof shown);
        (void)snprintf(text, bytes, "%s", addr.family == HS_ADDR_NONE ? "" : shown);
    } else if (hs_config_is_list(key)) {
        struct hs_config_hosts hosts;

        memcpy(&hosts, field, sizeof hosts);
        hs_config_format_hosts(&hosts, text, bytes);
    } else {
        (void)snprintf(text, bytes, "%.*s", (int)key->field_bytes, (const char *)field);
    }
}

static bool is_addr_sane(const uint8_t *field)
{
    struct hs_addr addr;

    memcpy(&addr, field, sizeof addr);
    if (addr.family == HS_ADDR_NONE) return addr.port == 0;
    return (addr.family == HS_ADDR_IPV4 || addr.family == HS_ADDR_IPV6) && addr.port != 0;
}

static bool are_hosts_sane(const struct hs_config_key *key, const uint8_t *field)
{
    struct hs_config_hosts hosts;

    memcpy(&hosts, field, sizeof hosts);
    return hs_config_are_hosts_sane(&hosts, key->type == HS_CONFIG_PATTERNS);
}

static bool is_field_text_sane(const struct hs_config_key *key, const uint8_t *field)
{
    size_t         room = is_account(key->type) ? HS_CONFIG_ACCOUNT_BYTES : key->field_bytes;
    const uint8_t *end = memchr(field, 0, room);
    uint8_t        is_found;

    if (!end || check_text(key, hs_view_of(field, (size_t)(end - field)), NULL)) return false;
    if (!is_account(key->type)) return true;
    memcpy(&is_found, field + offsetof(struct hs_config_account, is_found), 1);
    return is_found <= 1;
}

int hs_config_check_field(const struct hs_config *config, const struct hs_config_key *key,
                          struct hs_err *err)
{
    const uint8_t *field = field_in(config, key);
    bool           is_sane;

    if (is_number(key->type))
        is_sane = is_in_bounds(key, load_number(config, key));
    else if (key->type == HS_CONFIG_BOOL)
        is_sane = *field <= 1;
    else if (key->type == HS_CONFIG_ADDRESS)
        is_sane = is_addr_sane(field);
    else if (hs_config_is_list(key))
        is_sane = are_hosts_sane(key, field);
    else
        is_sane = is_field_text_sane(key, field);
    if (is_sane) return 0;
    return hs_err_set(err, -EPROTO, "%s.%s of the configuration image is out of bounds",
                      key->section, key->name);
}
