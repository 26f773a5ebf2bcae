// SPDX-License-Identifier: Apache-2.0
/* loop_jail.h - the loop behind system call filters and limits; each body runs in a child process
 * of its own and returns 0 if all went well. */
#ifndef HS_TESTS_UNIT_LOOP_JAIL_H
#define HS_TESTS_UNIT_LOOP_JAIL_H

#include "ipc/loop.h"

/* False in sanitizer builds, whose run time makes calls of its own. */
bool hs_loop_jail_works(void);
/* Opens a loop, allows only the calls that loop.h lists, then accepts, connects, sends, receives,
 * watches, writes a file, closes. */
int hs_loop_jail_exchange(enum hs_loop_backend backend);
/* io_uring_setup answers EPERM. */
int hs_loop_jail_refusal(enum hs_loop_backend backend);
/* A user who may lock little memory opens a loop for 4,096 streams, and 300 of them have
 * something to say at once: more than its completion queue or its buffers hold. Works in every
 * build. */
int hs_loop_jail_little_memory(enum hs_loop_backend backend);

#endif
