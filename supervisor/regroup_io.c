// SPDX-License-Identifier: Apache-2.0
/* regroup_io.c - replaces a group of segments, and restarts who holds them.
 *
 * Who found the damage is killed: whatever it did with that memory, it shall not end in order. It
 * is followed as after any death, so one that finds fault again and again waits longer each time.
 * The others hand over to their successors at once, and nobody calls that a death. */
#include "supervisor/regroup_io.h"

#include "roles/counters.h"
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "supervisor/event_io.h"
#include "supervisor/process_io.h"
#include "supervisor/segments_io.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HAND_OVER_NS HS_NS_PER_S /* then they are killed */

/* Two sides find the same damage: what the second one says is about memory that is gone. */
static uint64_t *replaced_at_ns(struct hs_tree *tree, enum hs_segment_group group,
                                unsigned engine_idx)
{
    return group == HS_GROUP_RINGS ? &tree->engines[engine_idx].rings_at_ns
                                   : &tree->groups_at_ns[group];
}

static void note_time(struct hs_tree *tree, enum hs_segment_group group, unsigned engine_idx)
{
    uint64_t now_ns = hs_supervisor_clock_ns();

    *replaced_at_ns(tree, group, engine_idx) = now_ns;
    if (group != HS_GROUP_WORK) return;
    for (unsigned i = 0; i < tree->engine_count; i++) tree->engines[i].rings_at_ns = now_ns;
}

static void tell(struct hs_tree *tree, enum hs_segment_group group, unsigned engine_idx,
                 const struct hs_child *child, const char *segment)
{
    uint64_t count = ++tree->summary.segments_replaced_count;
    char     process[HS_PROCESS_NAME_BYTES];
    char     about[HS_PROCESS_NAME_BYTES + 16];
    char     text[HS_HOST_SEGMENTS_BYTES];

    hs_process_name(child->kind, child->idx, process);
    (void)snprintf(about, sizeof about, group == HS_GROUP_RINGS ? "%s of engine.%u" : "%s",
                   hs_group_name(group), engine_idx);
    (void)snprintf(text, sizeof text, "%s, since %s was found damaged by %s", about, segment,
                   process);
    memcpy(tree->summary.segments_replaced, text, sizeof text);
    hs_host_table_store_summary(tree->host, &tree->summary);
    hs_counter_set(hs_counters_page(hs_segment_body(&tree->shares[HS_SHARE_COUNTERS].mapped),
                                    HS_PROCESS_SUPERVISOR),
                   HS_COUNT_segments_replaced, count);
    hs_log(HS_LOG_ERROR, "supervisor",
           "segments_replaced group=\"%s\" segment=%s found_by=%s count=%" PRIu64, about, segment,
           process, count);
    hs_tree_event(tree, HS_NOTICE_SEGMENTS_REPLACED, about, count, text);
}

static void begin_anew(struct hs_tree *tree, enum hs_segment_group group, unsigned engine_idx,
                       const struct hs_child *finder)
{
    uint64_t deadline_ns = hs_supervisor_clock_ns() + HAND_OVER_NS;

    for (unsigned i = 0; i < HS_PROCESS_SUPERVISED; i++) {
        struct hs_child *child = &tree->children[i];

        if (child != finder && hs_restart_is_alive(&child->restart) &&
            hs_group_is_held_by(group, engine_idx, child->kind, child->idx))
            hs_process_step(tree, child, HS_RESTART_AGAIN, 0, deadline_ns);
    }
}

void hs_regroup_take(struct hs_tree *tree, struct hs_child *child,
                     const struct hs_control_record *record)
{
    unsigned              engine_idx = record->idx;
    enum hs_segment_group group;
    struct hs_err         err;

    if (tree->stop.state != HS_STOP_IDLE) return; /* nobody comes after it */
    if (!hs_group_find(record->text, &group) ||
        (group == HS_GROUP_RINGS && engine_idx >= tree->engine_count) ||
        !hs_group_is_held_by(group, engine_idx, child->kind, child->idx)) {
        hs_process_give_up(tree, child, HS_KILL_NONSENSE);
        return;
    }
    if (child->restart.started_at_ns < *replaced_at_ns(tree, group, engine_idx)) return;
    if (hs_segments_replace(tree, group, engine_idx, &err) < 0)
        hs_log(HS_LOG_ERROR, "supervisor", "segments_not_replaced group=%s reason=\"%s\"",
               hs_group_name(group), err.text);
    else {
        note_time(tree, group, engine_idx);
        tell(tree, group, engine_idx, child, record->text);
    }
    hs_process_give_up(tree, child, HS_KILL_DAMAGE);
    begin_anew(tree, group, engine_idx, child);
}
