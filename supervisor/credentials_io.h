// SPDX-License-Identifier: Apache-2.0
/* credentials_io.h - the credentials of this host's roles: the supervisor reads their files, since
 * roles may not, and hands them over as they are. It looks every second whether they have changed,
 * offers the new ones to the role, and keeps them for its successors only when the role has found
 * them good; those of a role that has given up are for whenever it is started again. */
#ifndef HS_SUPERVISOR_CREDENTIALS_IO_H
#define HS_SUPERVISOR_CREDENTIALS_IO_H

#include "supervisor/tree.h"

void hs_credentials_init(struct hs_tree *tree);
/* Before the first fork. A missing file, or a key that others can read: the daemon does not
 * start. */
int hs_credentials_read(struct hs_tree *tree, struct hs_err *err) HS_MUST_CHECK;
/* For the heritage; -1: this host stands alone, or the role has none. */
int hs_credentials_fd(const struct hs_tree *tree, enum hs_role_kind kind) HS_MUST_CHECK;

/* A role has tried what it was offered. */
void     hs_credentials_take(struct hs_tree *tree, const struct hs_child *child,
                             const struct hs_control_record *record);
void     hs_credentials_turn(struct hs_tree *tree, uint64_t now_ns);
uint64_t hs_credentials_deadline_ns(const struct hs_tree *tree);

#endif
