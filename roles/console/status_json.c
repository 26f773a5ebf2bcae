// SPDX-License-Identifier: Apache-2.0
/* status_json.c - numbers, texts, ids and moments as JSON values. */
#include "roles/console/status_json.h"
#include "roles/exec_state.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { TEXT_BYTES = 512, ID_BYTES_MAX = 32 };

json_t *hs_status_object(const struct hs_status_pair *pairs, size_t count)
{
    json_t *object = json_object();
    bool    failed = !object;

    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(object, pairs[i].name, pairs[i].value) != 0) failed = true;
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

json_t *hs_status_append(json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) == 0) return list; /* takes value, also when it fails */
    json_decref(list);
    return NULL;
}

json_t *hs_status_text(const char *text)
{
    size_t  bytes = strnlen(text, TEXT_BYTES - 1);
    json_t *json = json_stringn(text, bytes);
    char    plain[TEXT_BYTES];

    if (json) return json;
    for (size_t i = 0; i < bytes; i++) {
        plain[i] = text[i];
        if ((unsigned char)text[i] >= 128) plain[i] = '?';
    }
    return json_stringn(plain, bytes);
}

json_t *hs_status_number(uint64_t number)
{
    return json_integer((json_int_t)hs_min_u64(number, INT64_MAX));
}

json_t *hs_status_number_or_null(bool is_there, uint64_t number)
{
    return is_there ? hs_status_number(number) : json_null();
}

json_t *hs_status_hex(const uint8_t *id, unsigned bytes)
{
    char text[2 * ID_BYTES_MAX + 1];

    HS_ASSERT(bytes <= ID_BYTES_MAX);
    return json_string(hs_hex_format(id, bytes, text));
}

json_t *hs_status_digest(uint64_t digest)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%016" PRIx64, digest);
    return json_string(text);
}

json_t *hs_status_moment(const struct hs_status_clock *clock, uint64_t at_ns)
{
    uint64_t wall_ns = clock->start_wall_ns + at_ns - clock->start_ns; /* modular: may lie before */
    time_t   seconds = (time_t)(wall_ns / HS_NS_PER_S);
    struct tm parts;
    char      date[40];
    char      text[64];

    if (!gmtime_r(&seconds, &parts) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts))
        return json_string("");
    (void)snprintf(text, sizeof text, "%s.%03uZ", date,
                   (unsigned)(wall_ns % HS_NS_PER_S / HS_NS_PER_MS));
    return json_string(text);
}
