// SPDX-License-Identifier: Apache-2.0
/* resolve_io.h - names to look up, for roles: a few short-lived processes at a time, the rest in a
 * queue, five seconds each. */
#ifndef HS_SUPERVISOR_RESOLVE_IO_H
#define HS_SUPERVISOR_RESOLVE_IO_H

#include "supervisor/tree.h"

void hs_resolve_init(struct hs_tree *tree);
/* A role asks; a full queue is answered -EAGAIN. */
void hs_resolve_ask(struct hs_tree *tree, struct hs_child *asker,
                    const struct hs_control_record *record);
/* The pid_fd of resolver idx is readable. */
void     hs_resolve_reap(struct hs_tree *tree, unsigned idx);
void     hs_resolve_turn(struct hs_tree *tree, uint64_t now_ns);
uint64_t hs_resolve_deadline_ns(const struct hs_tree *tree);

#endif
