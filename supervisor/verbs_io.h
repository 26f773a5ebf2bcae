// SPDX-License-Identifier: Apache-2.0
/* verbs_io.h - `hyperscaled stop|reload|status`: asks the running daemon over its status socket. */
#ifndef HS_SUPERVISOR_VERBS_IO_H
#define HS_SUPERVISOR_VERBS_IO_H

#include "supervisor/cli.h"

/* run_dir as configured. Prints answers on standard output, trouble on standard error; the exit
 * code. */
int hs_verbs_run(enum hs_cli_verb verb, const char *run_dir) HS_MUST_CHECK;

#endif
