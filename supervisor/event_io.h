// SPDX-License-Identifier: Apache-2.0
/* event_io.h - the supervisor's own page of the event rings. */
#ifndef HS_SUPERVISOR_EVENT_IO_H
#define HS_SUPERVISOR_EVENT_IO_H

#include "roles/notice.h"
#include "supervisor/tree.h"

/* About the host, or whoever is named. */
void hs_tree_event(struct hs_tree *tree, enum hs_notice_kind kind, const char *about,
                   uint64_t number, const char *text);
/* About a process, in its present life. */
void hs_child_event(struct hs_tree *tree, const struct hs_child *child, enum hs_notice_kind kind,
                    const char *text);

#endif
