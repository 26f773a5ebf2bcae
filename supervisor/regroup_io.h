// SPDX-License-Identifier: Apache-2.0
/* regroup_io.h - a process says that shared memory of its group is damaged: fresh memory, and all
 * who hold it begin anew. */
#ifndef HS_SUPERVISOR_REGROUP_IO_H
#define HS_SUPERVISOR_REGROUP_IO_H

#include "supervisor/tree.h"

void hs_regroup_take(struct hs_tree *tree, struct hs_child *child,
                     const struct hs_control_record *record);

#endif
