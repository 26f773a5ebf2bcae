// SPDX-License-Identifier: Apache-2.0
/* nodes.c - rows of members and workers. */
#include "roles/client/nodes.h"

#include "roles/printable.h"
#include "shm/base/limits.h"
#include "shm/base/units.h"

#include <stdio.h>
#include <string.h>

enum { HEIGHT_IDX = 8, PLACE_BYTES = 64, WORD_BYTES = 16 };

static const char format[] = "%-1s %-20s %-8s %-12s %-11s %7s %11s %8s %8s %6s  %-21s %s\n";

const char *hs_nodes_title(char text[HS_NODES_LINE_BYTES])
{
    (void)snprintf(text, HS_NODES_LINE_BYTES, format, "", "NAME", "ROLE", "DATACENTER", "STATE",
                   "FOR", "INCARNATION", "ANSWERED", "TRIP", "HEALTH", "ADDRESS", "PLACE/ms");
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

/* The first directions in milliseconds, and the height; the rest is finer than a line. */
static void put_place(const json_t *member, char text[PLACE_BYTES])
{
    const json_t *list = json_object_get(member, "coordinate");
    double        ms[HEIGHT_IDX + 1];

    (void)snprintf(text, PLACE_BYTES, "-");
    if (json_array_size(list) <= HEIGHT_IDX) return;
    for (size_t i = 0; i <= HEIGHT_IDX; i++) ms[i] = json_real_value(json_array_get(list, i)) * 1e3;
    (void)snprintf(text, PLACE_BYTES, "%.1f,%.1f,%.1f+%.1f", ms[0], ms[1], ms[2], ms[HEIGHT_IDX]);
}

/* What was cut off still ends its line. */
static const char *end_line(char text[HS_NODES_LINE_BYTES])
{
    size_t bytes;

    text[HS_NODES_LINE_BYTES - 2] = '\0';
    hs_make_printable(text, strlen(text));
    bytes = strlen(text);
    if (!strchr(text, '\n')) {
        text[bytes] = '\n';
        text[bytes + 1] = '\0';
    }
    return text;
}

const char *hs_nodes_line(const json_t *member, char text[HS_NODES_LINE_BYTES])
{
    char since[HS_UNITS_TEXT_BYTES];
    char answered[HS_UNITS_TEXT_BYTES];
    char trip[HS_UNITS_TEXT_BYTES];
    char life[48];
    char health[24];
    char place[PLACE_BYTES];

    (void)snprintf(life, sizeof life, "%lld.%lld", number_of(member, "incarnation"),
                   number_of(member, "refutations"));
    put_place(member, place);
    (void)snprintf(health, sizeof health, "%lld%s", number_of(member, "health"),
                   json_is_true(json_object_get(member, "is_damped")) ? "!" : "");
    (void)snprintf(text, HS_NODES_LINE_BYTES, format,
                   json_is_true(json_object_get(member, "is_self")) ? "*" : "",
                   text_of(member, "name"), text_of(member, "role"), text_of(member, "datacenter"),
                   text_of(member, "state"), time_of(member, "since_ns", since), life,
                   time_of(member, "answered_ns", answered), time_of(member, "round_trip_ns", trip),
                   health, text_of(member, "address"), place);
    return end_line(text);
}

/* ---- datacenters ---- */

static const char reach_format[] = "%-20s %-12s %-12s %-12s %-10s %8s  %s\n";

const char *hs_nodes_reach_title(char text[HS_NODES_LINE_BYTES])
{
    (void)snprintf(text, HS_NODES_LINE_BYTES, reach_format, "DATACENTER", "REACH", "STATE",
                   "REGION", "NEAR", "TRIP", "NOTE");
    return text;
}

static bool is_shown(const json_t *managers, size_t idx)
{
    const char *name = text_of(json_array_get(managers, idx), "datacenter");

    for (size_t i = 0; i < idx; i++)
        if (strcmp(text_of(json_array_get(managers, i), "datacenter"), name) == 0) return true;
    return false;
}

/* Some manager of it says over TCP that it is well. */
static bool is_connected(const json_t *managers, const char *datacenter)
{
    for (size_t i = 0; i < json_array_size(managers); i++) {
        const json_t *manager = json_array_get(managers, i);

        if (strcmp(text_of(manager, "datacenter"), datacenter) == 0 &&
            strcmp(text_of(manager, "state"), "ALIVE") == 0)
            return true;
    }
    return false;
}

const char *hs_nodes_reach_line(const json_t *managers, size_t idx, char text[HS_NODES_LINE_BYTES])
{
    const json_t *manager = json_array_get(managers, idx);
    char          trip[HS_UNITS_TEXT_BYTES];
    const char   *region = text_of(manager, "region");
    const char   *remark = "";

    if (!json_is_string(json_object_get(manager, "reach")) || is_shown(managers, idx)) return NULL;
    if (json_is_true(json_object_get(manager, "is_local_partition")))
        remark = "another gate hears it";
    else if (json_is_true(json_object_get(manager, "is_held")))
        remark = "held";
    else if (strcmp(text_of(manager, "reach"), "REACHABLE") != 0 &&
             is_connected(managers, text_of(manager, "datacenter")))
        remark = "connected over TCP, does not answer over UDP";
    (void)snprintf(text, HS_NODES_LINE_BYTES, reach_format, text_of(manager, "datacenter"),
                   text_of(manager, "reach"), text_of(manager, "datacenter_state"),
                   region[0] ? region : "-", text_of(manager, "locality"),
                   time_of(manager, "reach_round_trip_ns", trip), remark);
    return end_line(text);
}

static const char *lower(const char *from, char text[WORD_BYTES])
{
    size_t i = 0;

    for (; from[i] && i + 1 < WORD_BYTES; i++) {
        text[i] = from[i];
        if (from[i] >= 'A' && from[i] <= 'Z') text[i] = (char)(from[i] + ('a' - 'A'));
    }
    text[i] = '\0';
    return text;
}

const char *hs_nodes_worker_line(const json_t *worker, char text[HS_NODES_LINE_BYTES])
{
    char        answered[HS_UNITS_TEXT_BYTES];
    char        trip[HS_UNITS_TEXT_BYTES];
    char        life[48];
    char        state[WORD_BYTES];
    char        place[HS_NAME_BYTES + 16];
    const char *owner = text_of(worker, "owner");
    bool        is_local = strcmp(text_of(worker, "address"), "local") == 0;

    (void)snprintf(life, sizeof life, "%lld", number_of(worker, "incarnation"));
    (void)snprintf(place, sizeof place, "%s%s", owner[0] ? "owner " : "no owner", owner);
    (void)snprintf(text, HS_NODES_LINE_BYTES, format, is_local ? "*" : "", text_of(worker, "name"),
                   "worker", text_of(worker, "datacenter"), lower(text_of(worker, "state"), state),
                   "-", life, time_of(worker, "heard_ns", answered),
                   time_of(worker, "round_trip_ns", trip),
                   json_is_true(json_object_get(worker, "is_damped")) ? "!" : "-",
                   text_of(worker, "address"), place);
    return end_line(text);
}
