// SPDX-License-Identifier: Apache-2.0
/* child_io.h - forks a role, and sends signals to it. Decides nothing. */
#ifndef HS_SUPERVISOR_CHILD_IO_H
#define HS_SUPERVISOR_CHILD_IO_H

#include "supervisor/tree.h"

/* Forks the role of child, generation restart.generation, and fills in pid and descriptors. */
int hs_child_fork(struct hs_tree *tree, struct hs_child *child, struct hs_err *err) HS_MUST_CHECK;
/* It is dead and waits to be reaped. */
bool hs_child_has_ended(const struct hs_child *child);
/* By SIGSTOP, a terminal or a debugger: it cannot take a signal but SIGKILL. */
bool hs_child_is_stopped(const struct hs_child *child);
void hs_child_signal(struct hs_child *child, int signal_number);
void hs_child_close(struct hs_child *child); /* its descriptors; no pid any more */

/* In a fresh child, whatever it is for: signals as in a program just started. */
void hs_child_reset_signals(void);
/* Closes everything but standard input, output and error and the count descriptors in keep, which
 * is sorted in place; entries of -1 are skipped. */
void hs_child_close_all_but(int *keep, unsigned count);

#endif
