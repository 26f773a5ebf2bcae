// SPDX-License-Identifier: Apache-2.0
/* where_io.h - the gates that a command line means, with services (srv:) looked up. */
#ifndef HS_CLIENT_WHERE_IO_H
#define HS_CLIENT_WHERE_IO_H

#include "roles/client/where.h"

/* 0, or an exit code: what is wrong has been printed. */
int hs_find_gates(const struct hs_options *options, struct hs_where *where) HS_MUST_CHECK;

#endif
