// SPDX-License-Identifier: Apache-2.0
/* segment_groups.h - which segments are replaced together when one of them fails its check, and
 * who has to begin anew with them. A group is what one process leaves for its successor, or what
 * two sides say to each other: half of it would contradict the other half. Pure; segments_io
 * makes the fresh ones, regroup_io restarts the processes. */
#ifndef HS_SUPERVISOR_SEGMENT_GROUPS_H
#define HS_SUPERVISOR_SEGMENT_GROUPS_H

#include "roles/share.h"

#include <stdbool.h>

enum hs_segment_group {
    HS_GROUP_COMMON,  /* pages of all processes, and the host: everybody; their numbers are kept */
    HS_GROUP_GATE,    /* what the gate shows: jobs, managers, times of dispatches */
    HS_GROUP_MANAGER, /* what the manager shows: workers */
    HS_GROUP_SAMPLES, /* round trips: gate and manager */
    HS_GROUP_WORK,    /* ledger of execs, and of all engines rings and figures: they name each
                         other */
    HS_GROUP_RINGS,   /* of one engine; its figures stay, so that nothing counted is lost */
    HS_GROUP_COUNT
};

const char *hs_group_name(enum hs_segment_group group);
/* Of a segment by the name that share.h gives it; false: there is none of that name. */
bool hs_group_find(const char *segment_name, enum hs_segment_group *group);
bool hs_group_has_share(enum hs_segment_group group, enum hs_share share);
bool hs_group_has_engine_segment(enum hs_segment_group group, enum hs_engine_segment which);
/* Has a process of that kind a descriptor of one of them? It alone may call them damaged, and it
 * begins anew with them. engine_idx: which engine's RINGS; idx: the process's own number. */
bool hs_group_is_held_by(enum hs_segment_group group, unsigned engine_idx, enum hs_role_kind kind,
                         unsigned idx);

#endif
