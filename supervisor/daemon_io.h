// SPDX-License-Identifier: Apache-2.0
/* daemon_io.h - hyperscaled from its command line to its exit code. main.c is one call of it. */
#ifndef HS_SUPERVISOR_DAEMON_IO_H
#define HS_SUPERVISOR_DAEMON_IO_H

#include "shm/base/err.h"

int hs_daemon_main(int argc, char **argv) HS_MUST_CHECK;

#endif
