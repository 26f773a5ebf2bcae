// SPDX-License-Identifier: Apache-2.0
/* role_kind.h - the kinds of processes of one tree, their names, and which page of the shared
 * segments each has. Pure. */
#ifndef HS_ROLES_ROLE_KIND_H
#define HS_ROLES_ROLE_KIND_H

#include "shm/base/assert.h"
#include "shm/base/limits.h"

#include <stddef.h>

/* The numbers travel in control records and lie in shared memory: add at the end. */
enum hs_role_kind {
    HS_ROLE_NONE,
    HS_ROLE_CONSOLE,
    HS_ROLE_GATE,
    HS_ROLE_MANAGER,
    HS_ROLE_WORKER,
    HS_ROLE_ENGINE,   /* one per core: idx tells them apart */
    HS_ROLE_CLIENT,   /* not ours: the `hyperscale run` at the end of an embedded tree's leash */
    HS_ROLE_RESOLVER, /* short-lived: one name */
    HS_ROLE_KIND_COUNT
};

enum {
    HS_PROCESS_NAME_BYTES = 16, /* "engine.63" */
    HS_PROCESS_ENGINE_0 = 4,    /* page of the first engine; the other roles lie before */
    HS_PROCESS_SUPERVISED = HS_PROCESS_ENGINE_0 + HS_ENGINES_MAX, /* so many have a page */
    HS_PROCESS_SUPERVISOR = HS_PROCESS_SUPERVISED /* its page of events, after the others' */
};
HS_STATIC_ASSERT((int)HS_PROCESS_SUPERVISOR < (int)HS_PROCESSES_MAX,
                 "every process needs its page");

const char       *hs_role_kind_name(enum hs_role_kind kind); /* "gate"; "unknown" beyond */
enum hs_role_kind hs_role_kind_from_name(const char *name);  /* HS_ROLE_NONE: no such kind */

/* The page of a process in vitals, counters, logs, events and the host's process table. Only for
 * the five kinds that are supervised: console to engine. */
unsigned          hs_process_idx_of(enum hs_role_kind kind, unsigned idx);
enum hs_role_kind hs_process_kind_at(unsigned process_idx, unsigned *idx); /* the way back */

/* "gate", "engine.3" */
void hs_process_name(enum hs_role_kind kind, unsigned idx, char text[HS_PROCESS_NAME_BYTES]);
/* The page of the process with that name, or -ENOENT. */
int hs_process_idx_from_name(const char *name) __attribute__((warn_unused_result));

#endif
