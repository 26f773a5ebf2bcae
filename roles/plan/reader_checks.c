// SPDX-License-Identifier: Apache-2.0
/* reader_checks.c - the forms that a check of an answer can have. */
#include "roles/plan/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

static void add_status(struct hs_plan_reader *reader, struct hs_plan_check *check, uint64_t low,
                       uint64_t high)
{
    if (low < STATUS_MIN || high > STATUS_MAX) {
        hs_plan_complain(reader, "E-NUM", HS_JSON_VALUE, NULL,
                         "%" PRIu64 " is no status: 100 to 599", low);
        return;
    }
    check->status_low[check->status_count] = (uint16_t)low;
    check->status_high[check->status_count++] = (uint16_t)high;
}

/* 200, or "2xx". */
static void read_status(struct hs_plan_reader *reader, json_t *json, struct hs_plan_check *check)
{
    const char *text = json_string_value(json);
    json_int_t  value = json_integer_value(json);

    if (json_is_integer(json))
        add_status(reader, check, value < 0 ? 0 : (uint64_t)value, value < 0 ? 0 : (uint64_t)value);
    else if (text && strlen(text) == 3 && text[0] >= '1' && text[0] <= '5' &&
             strcmp(text + 1, "xx") == 0)
        add_status(reader, check, (uint64_t)(text[0] - '0') * 100,
                   (uint64_t)(text[0] - '0') * 100 + 99);
    else
        hs_plan_expected(reader, "a status such as 200 or \"2xx\", or an array of them", json);
}

static void read_status_check(struct hs_plan_reader *reader, json_t *json,
                              struct hs_plan_check *check)
{
    size_t count = json_array_size(json);

    check->kind = HS_PLAN_CHECK_STATUS;
    if (!json_is_array(json)) {
        read_status(reader, json, check);
        return;
    }
    if (count == 0 || count > HS_PLAN_STATUSES_MAX) {
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL,
                         "%zu statuses; there must be 1 to %d", count, HS_PLAN_STATUSES_MAX);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t mark = hs_json_path_push_index(&reader->path, i);

        read_status(reader, json_array_get(json, i), check);
        hs_json_path_pop(&reader->path, mark);
    }
}

/* The text of a member that must be there. */
static const char *member_text(struct hs_plan_reader *reader, json_t *json, const char *key)
{
    json_t     *value = json_object_get(json, key);
    const char *text = NULL;
    uint32_t    mark;

    if (!value) {
        hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL, "\"%s\" is missing", key);
        return "";
    }
    mark = hs_json_path_push(&reader->path, key);
    if (json_is_string(value))
        text = hs_plan_text_of(reader, value, HS_EXPAND_PLAIN);
    else
        hs_plan_expected(reader, "a string", value);
    hs_json_path_pop(&reader->path, mark);
    return text ? text : "";
}

/* Which one of several keys is given; NULL after a problem. */
static const char *only_one_of(struct hs_plan_reader *reader, json_t *json, const char *const *keys)
{
    const char *found = NULL;

    for (size_t i = 0; keys[i]; i++) {
        if (!json_object_get(json, keys[i])) continue;
        if (found)
            hs_plan_complain(reader, "E-EXCL", HS_JSON_VALUE, NULL,
                             "\"%s\" and \"%s\" exclude each other", found, keys[i]);
        found = keys[i];
    }
    if (!found)
        hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL, "\"%s\" is missing", keys[0]);
    return found;
}

static void read_header_check(struct hs_plan_reader *reader, json_t *json,
                              struct hs_plan_check *check)
{
    static const char *const keys[] = {"name", "contains", "equals", "exists", NULL};
    const char              *found;

    if (!json_is_object(json)) {
        hs_plan_expected(reader, "an object with name, and contains, equals or exists", json);
        return;
    }
    hs_plan_check_keys(reader, json, keys, NULL);
    check->name = member_text(reader, json, "name");
    if (json_object_get(json, "name") && !check->name[0])
        hs_plan_complain(reader, "E-HDR", HS_JSON_VALUE, NULL, "\"name\" is empty");
    found = only_one_of(reader, json, keys + 1);
    if (!found) return;
    if (strcmp(found, "exists") == 0) {
        check->kind = HS_CHECK_HEADER_EXISTS;
        if (!json_is_true(json_object_get(json, "exists")))
            hs_plan_complain(reader, "E-TYPE", HS_JSON_VALUE, NULL, "\"exists\" can only be true");
        return;
    }
    check->kind = found[0] == 'e' ? HS_CHECK_HEADER_EQUALS : HS_CHECK_HEADER_CONTAINS;
    check->text = member_text(reader, json, found);
}

static void read_body_check(struct hs_plan_reader *reader, json_t *json,
                            struct hs_plan_check *check)
{
    static const char *const keys[] = {"contains", "equals", NULL};
    static const char *const later[] = {"matches", "sha256", NULL};
    const char              *found;

    if (!json_is_object(json)) {
        hs_plan_expected(reader, "an object with contains or equals", json);
        return;
    }
    hs_plan_check_keys(reader, json, keys, later);
    found = only_one_of(reader, json, keys);
    if (!found) return;
    check->kind = found[0] == 'e' ? HS_CHECK_BODY_EQUALS : HS_CHECK_BODY_CONTAINS;
    check->text = member_text(reader, json, found);
}

static void read_size_check(struct hs_plan_reader *reader, json_t *json,
                            struct hs_plan_check *check)
{
    static const char *const keys[] = {"min", "max", NULL};
    uint64_t *const          into[] = {&check->low, &check->high};

    if (!json_is_object(json)) {
        hs_plan_expected(reader, "an object with min or max", json);
        return;
    }
    hs_plan_check_keys(reader, json, keys, NULL);
    if (!json_object_get(json, "min") && !json_object_get(json, "max"))
        hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL, "one of min, max is missing");
    check->kind = HS_CHECK_SIZE;
    check->high = UINT64_MAX;
    for (size_t i = 0; i < 2; i++) {
        json_t  *value = json_object_get(json, keys[i]);
        uint32_t mark = hs_json_path_push(&reader->path, keys[i]);

        if (value) {
            *into[i] = 0;
            hs_plan_read_size(reader, value, INT64_MAX, into[i]);
        }
        hs_json_path_pop(&reader->path, mark);
    }
    if (check->low > check->high)
        hs_plan_complain(reader, "E-NUM", HS_JSON_VALUE, NULL, "min is above max");
}

/* "< 500ms" or "<= 500ms"; kept as the longest time that passes. */
static void read_time_check(struct hs_plan_reader *reader, json_t *json,
                            struct hs_plan_check *check)
{
    const char *text = json_is_string(json) ? hs_plan_text_of(reader, json, HS_EXPAND_PLAIN) : NULL;
    uint64_t    ns = 0;
    bool        is_strict;
    int         rc = -EINVAL;

    check->kind = HS_CHECK_TIME;
    if (!text) {
        if (!json_is_string(json)) hs_plan_expected(reader, "a string such as \"< 500ms\"", json);
        return;
    }
    is_strict = text[0] == '<' && text[1] != '=';
    if (text[0] == '<') {
        text += is_strict ? 1 : 2;
        text += strspn(text, " ");
        rc = hs_units_parse_duration(hs_view_text(text), &ns);
    }
    if (rc || (is_strict && ns == 0))
        hs_plan_complain(reader, "E-UNIT", HS_JSON_VALUE, NULL, "is not of the form \"< 500ms\"");
    else
        check->high = is_strict ? ns - 1 : ns;
}

static void read_check(struct hs_plan_reader *reader, json_t *json, struct hs_plan_check *check)
{
    static const char *const kinds[] = {"status", "header", "body", "size", "time", NULL};
    static const char *const later[] = {"json", "name", "severity", NULL};
    typedef void             read_fn(struct hs_plan_reader *, json_t *, struct hs_plan_check *);
    static read_fn *const    readers[] = {read_status_check, read_header_check, read_body_check,
                                          read_size_check, read_time_check};
    size_t                   found = 0;

    if (!json_is_object(json)) {
        hs_plan_expected(reader, "an object such as {\"status\": 200}", json);
        return;
    }
    hs_plan_check_keys(reader, json, kinds, later);
    for (size_t i = 0; kinds[i]; i++) {
        json_t  *value = json_object_get(json, kinds[i]);
        uint32_t mark;

        if (!value) continue;
        found++;
        mark = hs_json_path_push(&reader->path, kinds[i]);
        readers[i](reader, value, check);
        hs_json_path_pop(&reader->path, mark);
    }
    if (found == 0)
        hs_plan_complain(reader, "E-REQ", HS_JSON_VALUE, NULL,
                         "one of status, header, body, size, time is missing");
    if (found > 1)
        hs_plan_complain(reader, "E-EXCL", HS_JSON_VALUE, NULL,
                         "one check each: write several objects");
}

void hs_plan_read_checks(struct hs_plan_reader *reader, json_t *json, uint64_t max,
                         struct hs_plan_checks *checks)
{
    size_t count = json_array_size(json);

    if (!json_is_array(json)) {
        hs_plan_expected(reader, "an array of checks", json);
        return;
    }
    if (count > max) {
        hs_plan_complain(reader, "E-LIMIT", HS_JSON_VALUE, NULL, "%zu checks, at most %" PRIu64,
                         count, max);
        return;
    }
    checks->at = hs_plan_take(reader, count, sizeof *checks->at);
    if (!checks->at) return;
    checks->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        uint32_t mark = hs_json_path_push_index(&reader->path, i);

        read_check(reader, json_array_get(json, i), &checks->at[i]);
        hs_json_path_pop(&reader->path, mark);
    }
}
