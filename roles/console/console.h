// SPDX-License-Identifier: Apache-2.0
/* console.h - the role that answers operators: status socket and metrics page. It asks no other
 * role for anything; what it tells comes from shared memory, and what it is told to do goes to the
 * supervisor. */
#ifndef HS_CONSOLE_CONSOLE_H
#define HS_CONSOLE_CONSOLE_H

#include "shm/base/err.h"

struct hs_heritage;

/* The process's exit code. */
int hs_console_main(const struct hs_heritage *heritage) HS_MUST_CHECK;

#endif
