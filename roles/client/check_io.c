// SPDX-License-Identifier: Apache-2.0
/* check_io.c - `hyperscale check`: reads a plan, tells what is wrong, or what would run. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/plan_load.h"
#include "roles/client/print_io.h"

#include <stdlib.h>
#include <unistd.h>

enum { TEXT_BYTES = 256 << 10 };

static void render(const struct hs_options *options, const struct hs_plan *plan,
                   struct hs_writer *out)
{
    static const char good[] = "the plan is good\n";
    static const char document[] = "{\"schema\": 1, \"problems\": []}\n";

    if (options->value[HS_OPTION_json])
        hs_put_bytes(out, document, sizeof document - 1);
    else if (options->value[HS_OPTION_schedule])
        hs_plan_schedule_text(plan, out);
    else
        hs_put_bytes(out, good, sizeof good - 1);
}

static int print_good(const struct hs_options *options, const struct hs_plan *plan)
{
    void            *memory = malloc(TEXT_BYTES);
    struct hs_writer out;
    int              rc;

    if (!memory) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    hs_writer_init(&out, memory, TEXT_BYTES);
    render(options, plan, &out);
    rc = hs_print(STDOUT_FILENO, memory, out.used_bytes);
    free(memory);
    return rc < 0 ? HS_EXIT_OUTPUT : HS_EXIT_OK;
}

int hs_command_check(const struct hs_options *options)
{
    struct hs_plan_load_result loaded;
    int                        rc = hs_plan_load_operand(&loaded, options);

    if (!rc) rc = print_good(options, loaded.plan);
    hs_plan_load_fini(&loaded);
    return rc;
}
