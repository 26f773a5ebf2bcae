// SPDX-License-Identifier: Apache-2.0
/* role_kind.c - names and pages of the kinds of processes. */
#include "roles/role_kind.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[HS_ROLE_KIND_COUNT] = {
    [HS_ROLE_NONE] = "none",       [HS_ROLE_CONSOLE] = "console",   [HS_ROLE_GATE] = "gate",
    [HS_ROLE_MANAGER] = "manager", [HS_ROLE_WORKER] = "worker",     [HS_ROLE_ENGINE] = "engine",
    [HS_ROLE_CLIENT] = "client",   [HS_ROLE_RESOLVER] = "resolver",
};

const char *hs_role_kind_name(enum hs_role_kind kind)
{
    return kind < HS_ROLE_KIND_COUNT ? kind_names[kind] : "unknown";
}

enum hs_role_kind hs_role_kind_from_name(const char *name)
{
    for (unsigned kind = HS_ROLE_NONE + 1; kind < HS_ROLE_KIND_COUNT; kind++)
        if (strcmp(name, kind_names[kind]) == 0) return (enum hs_role_kind)kind;
    return HS_ROLE_NONE;
}

unsigned hs_process_idx_of(enum hs_role_kind kind, unsigned idx)
{
    HS_ASSERT(kind >= HS_ROLE_CONSOLE);
    HS_ASSERT(kind <= HS_ROLE_ENGINE);
    HS_ASSERT(idx < (kind == HS_ROLE_ENGINE ? (unsigned)HS_ENGINES_MAX : 1u));
    return (unsigned)kind - HS_ROLE_CONSOLE + idx;
}

enum hs_role_kind hs_process_kind_at(unsigned process_idx, unsigned *idx)
{
    *idx = 0;
    if (process_idx >= HS_PROCESS_SUPERVISED) return HS_ROLE_NONE;
    if (process_idx < HS_PROCESS_ENGINE_0)
        return (enum hs_role_kind)(process_idx + HS_ROLE_CONSOLE);
    *idx = process_idx - HS_PROCESS_ENGINE_0;
    return HS_ROLE_ENGINE;
}

void hs_process_name(enum hs_role_kind kind, unsigned idx, char text[HS_PROCESS_NAME_BYTES])
{
    if (kind == HS_ROLE_ENGINE)
        (void)snprintf(text, HS_PROCESS_NAME_BYTES, "engine.%u", idx);
    else
        (void)snprintf(text, HS_PROCESS_NAME_BYTES, "%s", hs_role_kind_name(kind));
}

int hs_process_idx_from_name(const char *name)
{
    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        char              text[HS_PROCESS_NAME_BYTES];
        unsigned          idx;
        enum hs_role_kind kind = hs_process_kind_at(i, &idx);

        hs_process_name(kind, idx, text);
        if (strcmp(name, text) == 0) return (int)i;
    }
    return -ENOENT;
}
