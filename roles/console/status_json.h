// SPDX-License-Identifier: Apache-2.0
/* status_json.h - JSON values for answers. Each returns a new reference, or NULL when memory ran
 * out; objects and lists take them and are NULL as a whole if one of their values is. Pure. */
#ifndef HS_CONSOLE_STATUS_JSON_H
#define HS_CONSOLE_STATUS_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hs_status_pair {
    const char *name;
    json_t     *value; /* taken */
};
json_t *hs_status_object(const struct hs_status_pair *pairs, size_t count);
/* list with value at its end; both are taken, either may be NULL. */
json_t *hs_status_append(json_t *list, json_t *value);

/* Any bytes; what is not UTF-8 becomes '?'. */
json_t *hs_status_text(const char *text);
/* Above 2^63-1, which JSON readers do not take: 2^63-1. */
json_t *hs_status_number(uint64_t number);
json_t *hs_status_number_or_null(bool is_there, uint64_t number);
json_t *hs_status_hex(const uint8_t *id, unsigned bytes); /* at most 32 bytes */
json_t *hs_status_digest(uint64_t digest);

/* Monotonic moments as wall time: what the supervisor noted of both clocks at its start. */
struct hs_status_clock {
    uint64_t start_wall_ns;
    uint64_t start_ns;
};
/* "2024-05-01T12:00:00.123Z" */
json_t *hs_status_moment(const struct hs_status_clock *clock, uint64_t at_ns);

#endif
