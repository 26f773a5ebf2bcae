// SPDX-License-Identifier: Apache-2.0
/* run_io.c - `hyperscale run`: a tree of processes of its own, one job, its result. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/plan_load.h"
#include "roles/client/print_io.h"

#include <unistd.h>

static int print_plan(const struct hs_plan_load_result *loaded)
{
    return hs_print(STDOUT_FILENO, loaded->text.data, loaded->text.bytes) < 0 ? HS_EXIT_OUTPUT
                                                                              : HS_EXIT_OK;
}

int hs_command_run(const struct hs_options *options)
{
    struct hs_plan_load_result loaded;
    int                        rc = hs_plan_load_operand(&loaded, options);

    if (rc) return rc;
    return print_plan(&loaded);
}
