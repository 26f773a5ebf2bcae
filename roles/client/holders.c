// SPDX-License-Identifier: Apache-2.0
/* holders.c - counts the members that hold a ring, and names the others. */
#include "roles/client/holders.h"

#include "roles/printable.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *text_of(const json_t *member, const char *key)
{
    const char *text = json_string_value(json_object_get(member, key));

    return text ? text : "?";
}

static bool is_gone(const json_t *member)
{
    const char *state = text_of(member, "state");

    return strcmp(state, "dead") == 0 || strcmp(state, "left") == 0;
}

static void name_other(struct hs_holders *holders, const json_t *member, const char *role)
{
    static const char more[] = ", ...";
    size_t            used = strlen(holders->others);
    size_t            room = sizeof holders->others - used;
    char              name[96];
    size_t            bytes;

    (void)snprintf(name, sizeof name, "%s%.12s %.63s", used ? ", " : "", role,
                   text_of(member, "name"));
    bytes = strlen(name);
    if (bytes + sizeof more <= room)
        memcpy(holders->others + used, name, bytes + 1);
    else if (sizeof more <= room && !strstr(holders->others, "..."))
        memcpy(holders->others + used, more, sizeof more);
}

static void count_one(struct hs_holders *holders, const json_t *node, const char *role,
                      const char *wanted)
{
    holders->member_count++;
    if (strcmp(text_of(node, "keyring"), wanted) == 0)
        holders->holder_count++;
    else
        name_other(holders, node, role);
}

static bool is_member(const json_t *members, const json_t *manager)
{
    const char *id = text_of(manager, "id");

    for (size_t i = 0; i < json_array_size(members); i++)
        if (strcmp(text_of(json_array_get(members, i), "id"), id) == 0) return true;
    return false;
}

void hs_holders_count(struct hs_holders *holders, const json_t *members, const json_t *managers,
                      uint32_t mark)
{
    char wanted[16];

    *holders = (struct hs_holders){0};
    members = json_object_get(members, "members");
    managers = json_object_get(managers, "managers");
    (void)snprintf(wanted, sizeof wanted, "%08" PRIx32, mark);
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *member = json_array_get(members, i);

        if (!is_gone(member)) count_one(holders, member, text_of(member, "role"), wanted);
    }
    for (size_t i = 0; i < json_array_size(managers); i++) {
        const json_t *manager = json_array_get(managers, i);

        if (!is_member(members, manager) && strcmp(text_of(manager, "state"), "LOST") != 0)
            count_one(holders, manager, "manager", wanted);
    }
    hs_make_printable(holders->others, strlen(holders->others));
}
