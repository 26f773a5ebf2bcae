// SPDX-License-Identifier: Apache-2.0
/* jail_io.h - makes a process less than its parent: another user, no capabilities, limits, and,
 * once it has everything open, no file system and few system calls. Each layer is best effort; what
 * was obtained is told as bits of enum hs_confinement. */
#ifndef HS_SUPERVISOR_JAIL_IO_H
#define HS_SUPERVISOR_JAIL_IO_H

#include "roles/config.h"
#include "roles/confinement.h"
#include "supervisor/role_table.h"

#include <stdbool.h>
#include <sys/types.h>

/* Numeric ids for processes without a configured user: nobody's, and not nobody, who owns what
 * other daemons dropped. Below what systemd hands out at run time (61184), above what people
 * get. */
enum { HS_JAIL_ID_BASE = 61100 };

gid_t hs_jail_group(const struct hs_config *config); /* who may open the sockets */

/* In the child, right after the fork: limits, user, no new privileges, death with the parent.
 * False: the parent is gone already. Remembers what it got for hs_jail_confine. */
bool hs_jail_enter(const struct hs_config *config, const struct hs_role_row *row, pid_t parent_pid);
/* Of a resolver: no user of its own in the table, needs files and sockets, lives five seconds. */
bool hs_jail_enter_resolver(pid_t parent_pid);

/* In the role, when all is open (heritage.confine). */
int hs_jail_confine(const struct hs_heritage *heritage) HS_MUST_CHECK;

/* The filter of system calls (seccomp_io.c); a caller opens internet connections. 0, or negative
 * errno; -ENOSYS in a sanitizer build. */
int hs_seccomp_apply(enum hs_role_kind kind, bool is_caller) HS_MUST_CHECK;

#endif
