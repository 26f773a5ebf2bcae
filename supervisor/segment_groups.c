// SPDX-License-Identifier: Apache-2.0
/* segment_groups.c - the table of groups. */
#include "supervisor/segment_groups.h"

#include "shm/base/assert.h"
#include "supervisor/role_table.h"

#include <string.h>

#define ENGINE_BIT(segment) (UINT32_C(1) << HS_ENGINE_##segment)

static const struct {
    const char *name;
    uint32_t    shares;          /* bits of enum hs_share */
    uint32_t    engine_segments; /* bits of enum hs_engine_segment */
} groups[HS_GROUP_COUNT] = {
    [HS_GROUP_COMMON] = {"common", HS_SHARE_BIT(HOST) | HS_SHARES_OF_ALL, 0},
    [HS_GROUP_GATE] = {"gate",
                       HS_SHARE_BIT(JOBS) | HS_SHARE_BIT(MANAGERS) | HS_SHARE_BIT(DISPATCH_TIMES) |
                           HS_SHARE_BIT(GATE_RING) | HS_SHARE_BIT(GATE_CARD),
                       0},
    [HS_GROUP_MANAGER] = {"manager",
                          HS_SHARE_BIT(WORKERS) | HS_SHARE_BIT(MANAGER_RING) |
                              HS_SHARE_BIT(MANAGER_CARD),
                          0},
    [HS_GROUP_SAMPLES] = {"samples", HS_SHARE_BIT(LATENCY_SAMPLES), 0},
    [HS_GROUP_WORK] = {"work", HS_SHARE_BIT(EXECS),
                       ENGINE_BIT(COMMANDS) | ENGINE_BIT(EVENTS) | ENGINE_BIT(FIGURES)},
    [HS_GROUP_RINGS] = {"rings", 0, ENGINE_BIT(COMMANDS) | ENGINE_BIT(EVENTS)},
};

const char *hs_group_name(enum hs_segment_group group)
{
    HS_ASSERT(group < HS_GROUP_COUNT);
    return groups[group].name;
}

bool hs_group_has_share(enum hs_segment_group group, enum hs_share share)
{
    HS_ASSERT(group < HS_GROUP_COUNT);
    return groups[group].shares >> share & 1;
}

bool hs_group_has_engine_segment(enum hs_segment_group group, enum hs_engine_segment which)
{
    HS_ASSERT(group < HS_GROUP_COUNT);
    return groups[group].engine_segments >> which & 1;
}

bool hs_group_find(const char *segment_name, enum hs_segment_group *group)
{
    for (unsigned share = 0; share < HS_SHARE_COUNT; share++) {
        if (strcmp(segment_name, hs_share_name((enum hs_share)share)) != 0) continue;
        for (*group = HS_GROUP_COMMON; !hs_group_has_share(*group, (enum hs_share)share);)
            *group = (enum hs_segment_group)(*group + 1);
        return true;
    }
    for (unsigned i = 0; i < HS_ENGINE_SEGMENT_COUNT; i++) {
        if (strcmp(segment_name, hs_engine_segment_name((enum hs_engine_segment)i)) != 0) continue;
        *group = hs_group_has_engine_segment(HS_GROUP_RINGS, (enum hs_engine_segment)i)
                     ? HS_GROUP_RINGS
                     : HS_GROUP_WORK;
        return true;
    }
    return false;
}

bool hs_group_is_held_by(enum hs_segment_group group, unsigned engine_idx, enum hs_role_kind kind,
                         unsigned idx)
{
    const struct hs_role_row *row = hs_role_row_of(kind);

    HS_ASSERT(group < HS_GROUP_COUNT);
    if ((row->writes | row->reads) & groups[group].shares) return true;
    if (!groups[group].engine_segments) return false;
    if (kind == HS_ROLE_ENGINE) return group == HS_GROUP_WORK || idx == engine_idx;
    return kind == HS_ROLE_WORKER;
}
