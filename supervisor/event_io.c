// SPDX-License-Identifier: Apache-2.0
/* event_io.c - events of the supervisor. */
#include "supervisor/event_io.h"

void hs_tree_event(struct hs_tree *tree, enum hs_notice_kind kind, const char *about,
                   uint64_t number, const char *text)
{
    struct hs_event_record record;

    hs_notice_fill(&record, kind, about, number, "%s", text);
    record.at_ns = hs_supervisor_clock_ns();
    hs_event_ring_write(hs_event_ring_at(hs_segment_body(&tree->shares[HS_SHARE_EVENTS].mapped),
                                         HS_PROCESS_SUPERVISOR),
                        &record);
}

void hs_child_event(struct hs_tree *tree, const struct hs_child *child, enum hs_notice_kind kind,
                    const char *text)
{
    char name[HS_PROCESS_NAME_BYTES];

    hs_process_name(child->kind, child->idx, name);
    hs_tree_event(tree, kind, name, child->restart.generation, text);
}
