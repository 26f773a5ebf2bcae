// SPDX-License-Identifier: Apache-2.0
/* links_io.h - connections between roles of one host: a fresh pair whenever either side starts, so
 * that no half message of a dead process is ever read. */
#ifndef HS_SUPERVISOR_LINKS_IO_H
#define HS_SUPERVISOR_LINKS_IO_H

#include "supervisor/tree.h"

/* child has just been forked: connects it with each living peer. */
void hs_links_make(struct hs_tree *tree, struct hs_child *child);
/* child has been reaped: tells the peers. */
void hs_links_tell_down(struct hs_tree *tree, const struct hs_child *child, const char *cause);

#endif
