// SPDX-License-Identifier: Apache-2.0
/* resolver_io.h - looks up one name, of a host or a service (resolver_answer.h), in a process made
 * for that: the system's resolver blocks, reads files and trusts answers from the network. */
#ifndef HS_RESOLVER_RESOLVER_IO_H
#define HS_RESOLVER_RESOLVER_IO_H

#include "shm/base/err.h"

/* Sends one struct hs_resolver_answer through fd; the process's exit code. */
int hs_resolver_main(int fd, const char *name) HS_MUST_CHECK;

#endif
