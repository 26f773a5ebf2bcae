// SPDX-License-Identifier: Apache-2.0
/* state_dir_io.h - what outlives the daemon: the locks that keep a second instance out, the host's
 * id, the count of the supervisor's lives, the files of the ledgers. */
#ifndef HS_SUPERVISOR_STATE_DIR_IO_H
#define HS_SUPERVISOR_STATE_DIR_IO_H

#include "supervisor/tree.h"

/* Makes the directory if it is missing, takes both locks, fills host id and incarnation into the
 * summary, opens the ledgers. -EBUSY: another instance lives here, or remnants of a killed one did
 * not go within five seconds. */
int hs_state_dir_open(struct hs_tree *tree, struct hs_err *err) HS_MUST_CHECK;
/* The same for an embedded tree: an id of its own, ledgers without names. */
int hs_state_dir_open_nameless(struct hs_tree *tree, struct hs_err *err) HS_MUST_CHECK;

/* The id of a role on this host, from the host's id. */
void hs_state_dir_node_id(const uint8_t host_id[16], enum hs_role_kind kind, unsigned idx,
                          uint8_t node_id[16]);

#endif
