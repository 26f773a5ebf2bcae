// SPDX-License-Identifier: Apache-2.0
/* run_io.c - `hyperscale run`: a tree of processes of its own, one job, its result. */
#include "roles/client/commands.h"

#include "roles/client/exit_code.h"
#include "roles/client/plan_load.h"
#include "roles/client/print_io.h"
#include "roles/client/session_io.h"
#include "roles/client/where_io.h"
#include "shm/base/time.h"
#include "shm/base/units.h"

#include <string.h>
#include <unistd.h>

/* The tree is on this machine: what takes longer is broken. */
#define PATIENCE_NS (30 * HS_NS_PER_S)

static int print_plan(const struct hs_plan_load_result *loaded)
{
    return hs_print(STDOUT_FILENO, loaded->text.data, loaded->text.bytes) < 0 ? HS_EXIT_OUTPUT
                                                                              : HS_EXIT_OK;
}

static int parse_cores(const char *text, uint32_t *count)
{
    uint64_t value = 0;

    *count = 0;
    if (!text || strcmp(text, "auto") == 0) return 0;
    if (hs_units_parse_count(hs_view_text(text), &value) != 0 || value == 0 ||
        value > HS_ENGINES_MAX)
        return hs_complain(HS_EXIT_USAGE, "--cores takes auto or a number from 1 to %d, not \"%s\"",
                           HS_ENGINES_MAX, text);
    *count = (uint32_t)value;
    return 0;
}

static uint32_t count_steps(const struct hs_plan *plan)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < plan->workflows.count; i++) count += plan->workflows.at[i].steps.count;
    return count;
}

/* A job of a gate elsewhere: where is it? 0, or an exit code. */
static int find_gate(const struct hs_options *options, struct hs_where *where)
{
    if (options->value[HS_OPTION_cores] && !options->is_from_environment[HS_OPTION_cores])
        return hs_complain(HS_EXIT_USAGE, "--cores is for engines of this machine: with --gate the "
                                          "cluster says how many there are");
    return hs_find_gates(options, where);
}

static int run(const struct hs_options *options, const struct hs_plan_load_result *loaded,
               uint32_t engine_count, const struct hs_where *where)
{
    struct hs_session     *session = hs_session_create(loaded->plan->name, options);
    struct hs_session_wish wish = {.name = loaded->plan->name,
                                   .where = where,
                                   .step_count = count_steps(loaded->plan),
                                   .cancels = true,
                                   .is_json = options->value[HS_OPTION_json] != NULL};
    struct hs_err          err;
    int                    code;

    if (!session) return hs_complain(HS_EXIT_INTERNAL, "out of memory");
    wish.follow.plan = loaded->text;
    wish.follow.patience_ns = PATIENCE_NS;
    wish.follow.stats_interval_ns = hs_display_interval_ns(session->display.mode);
    wish.tree = (struct hs_tree_wish){.engine_count = engine_count,
                                      .progress_interval_ns = wish.follow.stats_interval_ns,
                                      .is_quiet = options->value[HS_OPTION_quiet] != NULL,
                                      .log_fd = session->display.log_fd};
    if (hs_session_open(session, &wish, &err) == 0) {
        hs_session_serve(session);
        code = hs_session_conclude(session);
    } else {
        code = hs_complain(where ? HS_EXIT_CLUSTER : HS_EXIT_INTERNAL, "%s", err.text);
    }
    hs_session_close(session);
    hs_session_destroy(&session);
    return code;
}

int hs_command_run(const struct hs_options *options)
{
    struct hs_plan_load_result loaded;
    struct hs_where            where;
    bool                       is_remote = hs_where_is_remote(options);
    uint32_t                   engine_count;
    int                        rc = parse_cores(options->value[HS_OPTION_cores], &engine_count);

    if (!rc && is_remote) rc = find_gate(options, &where);
    if (rc) return rc;
    rc = hs_plan_load_operand(&loaded, options);
    if (!rc)
        rc = options->value[HS_OPTION_plan]
                 ? print_plan(&loaded)
                 : run(options, &loaded, engine_count, is_remote ? &where : NULL);
    hs_plan_load_fini(&loaded);
    return rc;
}
