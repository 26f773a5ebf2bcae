// SPDX-License-Identifier: Apache-2.0
/* listen_io.h - the listening sockets of a daemon: the supervisor owns them, so that a connection
 * made while a role is being restarted waits in the queue for its successor. */
#ifndef HS_SUPERVISOR_LISTEN_IO_H
#define HS_SUPERVISOR_LISTEN_IO_H

#include "supervisor/tree.h"

#define HS_STATUS_SOCKET "status.sock"
#define HS_CLIENT_SOCKET "gate.sock"

/* Makes the run directory and the sockets in it that the configuration asks for. Call with the
 * instance lock held. -EBUSY: somebody answers on one of them. */
int  hs_listen_open(struct hs_tree *tree, struct hs_err *err) HS_MUST_CHECK;
void hs_listen_close(struct hs_tree *tree); /* removes the names */

/* Connects to the status socket of the daemon in run_dir: a descriptor, or negative errno. */
int hs_listen_connect_status(const char *run_dir) HS_MUST_CHECK;

#endif
