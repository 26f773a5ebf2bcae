// SPDX-License-Identifier: Apache-2.0
/* reload_io.h - takes a changed configuration into force, whole or not at all: read and checked by
 * its own process first, keys that live processes take are handed to them, processes whose keys
 * need it are started again one at a time, and if one does not come up, the old configuration is
 * back. */
#ifndef HS_SUPERVISOR_RELOAD_IO_H
#define HS_SUPERVISOR_RELOAD_IO_H

#include "supervisor/tree.h"

void hs_reload_init(struct hs_tree *tree);
/* asker NULL: a signal, nobody to answer. */
void hs_reload_begin(struct hs_tree *tree, const struct hs_child *asker, uint64_t token);
/* The pid_fd of the configuration's process is readable. */
void hs_reload_on_child(struct hs_tree *tree);
void hs_reload_turn(struct hs_tree *tree); /* after anything may have changed */
/* The configuration's numbers into the supervisor's own cores; at the start as well. */
void hs_reload_apply_own(struct hs_tree *tree);

#endif
