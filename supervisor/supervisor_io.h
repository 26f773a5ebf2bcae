// SPDX-License-Identifier: Apache-2.0
/* supervisor_io.h - the loop of the supervisor: waits, takes what came, does what is due. */
#ifndef HS_SUPERVISOR_SUPERVISOR_IO_H
#define HS_SUPERVISOR_SUPERVISOR_IO_H

#include "supervisor/tree.h"

/* Starts every configured process and serves until all have ended; the exit code. */
int hs_supervisor_run(struct hs_tree *tree) HS_MUST_CHECK;

#endif
