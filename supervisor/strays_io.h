// SPDX-License-Identifier: Apache-2.0
/* strays_io.h - processes that are the supervisor's only because their parent died: reaped, and at
 * the end killed. */
#ifndef HS_SUPERVISOR_STRAYS_IO_H
#define HS_SUPERVISOR_STRAYS_IO_H

#include "supervisor/tree.h"

/* Makes this process the one that orphans of the tree fall to. */
void hs_strays_adopt(void);
/* Reaps the dead ones; those of the tables are left to their pid_fds. */
void hs_strays_reap(struct hs_tree *tree);
/* The tree is over: whatever still runs below this process goes. */
void hs_strays_kill(struct hs_tree *tree);

#endif
