// SPDX-License-Identifier: Apache-2.0
/* nodes.c - rows of members. */
#include "roles/client/nodes.h"

#include "roles/printable.h"
#include "shm/base/units.h"

#include <stdio.h>
#include <string.h>

static const char format[] = "%-1s %-20s %-8s %-12s %-11s %7s %11s %8s %8s %6s  %s\n";

const char *hs_nodes_title(char text[HS_NODES_LINE_BYTES])
{
    (void)snprintf(text, HS_NODES_LINE_BYTES, format, "", "NAME", "ROLE", "DATACENTER", "STATE",
                   "FOR", "INCARNATION", "ANSWERED", "TRIP", "HEALTH", "ADDRESS");
    return text;
}

static const char *text_of(const json_t *member, const char *key)
{
    const char *text = json_string_value(json_object_get(member, key));

    return text ? text : "?";
}

/* "-" for what is not there. */
static const char *time_of(const json_t *member, const char *key, char text[HS_UNITS_TEXT_BYTES])
{
    const json_t *value = json_object_get(member, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0) return "-";
    return hs_units_format_duration(text, (uint64_t)json_integer_value(value));
}

static long long number_of(const json_t *member, const char *key)
{
    return (long long)json_integer_value(json_object_get(member, key));
}

const char *hs_nodes_line(const json_t *member, char text[HS_NODES_LINE_BYTES])
{
    char since[HS_UNITS_TEXT_BYTES];
    char answered[HS_UNITS_TEXT_BYTES];
    char trip[HS_UNITS_TEXT_BYTES];
    char life[48];
    char health[24];

    (void)snprintf(life, sizeof life, "%lld.%lld", number_of(member, "incarnation"),
                   number_of(member, "refutations"));
    (void)snprintf(health, sizeof health, "%lld%s", number_of(member, "health"),
                   json_is_true(json_object_get(member, "is_damped")) ? "!" : "");
    (void)snprintf(text, HS_NODES_LINE_BYTES, format,
                   json_is_true(json_object_get(member, "is_self")) ? "*" : "",
                   text_of(member, "name"), text_of(member, "role"), text_of(member, "datacenter"),
                   text_of(member, "state"), time_of(member, "since_ns", since), life,
                   time_of(member, "answered_ns", answered), time_of(member, "round_trip_ns", trip),
                   health, text_of(member, "address"));
    text[HS_NODES_LINE_BYTES - 2] = '\0'; /* what was cut off still ends its line */
    hs_make_printable(text, strlen(text));
    if (!strchr(text, '\n')) strcat(text, "\n");
    return text;
}
