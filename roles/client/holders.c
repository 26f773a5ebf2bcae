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

static void name_other(struct hs_holders *holders, const json_t *member)
{
    static const char more[] = ", ...";
    size_t            used = strlen(holders->others);
    size_t            room = sizeof holders->others - used;
    char              name[96];
    size_t            bytes;

    (void)snprintf(name, sizeof name, "%s%.12s %.63s", used ? ", " : "", text_of(member, "role"),
                   text_of(member, "name"));
    bytes = strlen(name);
    if (bytes + sizeof more <= room)
        memcpy(holders->others + used, name, bytes + 1);
    else if (sizeof more <= room && !strstr(holders->others, "..."))
        memcpy(holders->others + used, more, sizeof more);
}

void hs_holders_count(struct hs_holders *holders, const json_t *answer, uint32_t mark)
{
    const json_t *members = json_object_get(answer, "members");
    char          wanted[16];

    *holders = (struct hs_holders){0};
    (void)snprintf(wanted, sizeof wanted, "%08" PRIx32, mark);
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *member = json_array_get(members, i);

        if (is_gone(member)) continue;
        holders->member_count++;
        if (strcmp(text_of(member, "keyring"), wanted) == 0)
            holders->holder_count++;
        else
            name_other(holders, member);
    }
    hs_make_printable(holders->others, strlen(holders->others));
}
