// SPDX-License-Identifier: Apache-2.0
/* control_io.h - moves control records (control.h), with or without a descriptor, over a sequenced
 * socket. Never blocks. The socket's own buffer is the bounded queue. */
#ifndef HS_ROLES_CONTROL_IO_H
#define HS_ROLES_CONTROL_IO_H

#include "roles/control.h"

/* Sends one record; pass_fd (-1: none) stays the caller's. 0; -ENOBUFS: the peer does not read;
 * -EPIPE: it is gone. */
int hs_control_send(int fd, const struct hs_control_record *record, int pass_fd) HS_MUST_CHECK;

/* Takes one record from `sender` (HS_ROLE_NONE: the supervisor), checked. *passed_fd is -1 or the
 * caller's from now on. 1; 0: the peer is gone; -EAGAIN: nothing there; -EPROTO: nonsense. */
int hs_control_recv(int fd, enum hs_role_kind sender, struct hs_control_record *record,
                    int *passed_fd) HS_MUST_CHECK;

#endif
