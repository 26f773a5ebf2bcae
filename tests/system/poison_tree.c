// SPDX-License-Identifier: Apache-2.0
/* poison_tree.c - the real hyperscaled with bugs put into it: a plan that holds the text
 * "poison-gate" kills the gate when it reads it, "poison-manager" the manager, "poison-worker" the
 * worker, and "poison-engine" an engine a moment after it has begun to run it. */
// wraps: hs_plan_read hs_run_open hs_run_turn hs_gate_main hs_manager_main hs_worker_main
#include "roles/engine/run.h"
#include "roles/plan/plan.h"
#include "roles/role.h"
#include "shm/base/time.h"
#include "supervisor/daemon_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *poison = ""; /* to this process */
static bool        is_poisoned_run;
static uint64_t    run_since_ns;

int __real_hs_gate_main(const struct hs_heritage *heritage);
int __wrap_hs_gate_main(const struct hs_heritage *heritage);
int __real_hs_manager_main(const struct hs_heritage *heritage);
int __wrap_hs_manager_main(const struct hs_heritage *heritage);
int __real_hs_worker_main(const struct hs_heritage *heritage);
int __wrap_hs_worker_main(const struct hs_heritage *heritage);

struct hs_plan *__real_hs_plan_read(struct hs_view                    text,
                                    const struct hs_plan_environment *environment,
                                    struct hs_arena *arena, struct hs_problems *problems);
struct hs_plan *__wrap_hs_plan_read(struct hs_view                    text,
                                    const struct hs_plan_environment *environment,
                                    struct hs_arena *arena, struct hs_problems *problems);

int __real_hs_run_open(struct hs_run **out, const struct hs_run_setup *setup, struct hs_err *err);
int __wrap_hs_run_open(struct hs_run **out, const struct hs_run_setup *setup, struct hs_err *err);
uint64_t __real_hs_run_turn(struct hs_run *run, uint64_t now_ns);
uint64_t __wrap_hs_run_turn(struct hs_run *run, uint64_t now_ns);

int __wrap_hs_gate_main(const struct hs_heritage *heritage)
{
    poison = "poison-gate";
    return __real_hs_gate_main(heritage);
}

int __wrap_hs_manager_main(const struct hs_heritage *heritage)
{
    poison = "poison-manager";
    return __real_hs_manager_main(heritage);
}

int __wrap_hs_worker_main(const struct hs_heritage *heritage)
{
    poison = "poison-worker";
    return __real_hs_worker_main(heritage);
}

struct hs_plan *__wrap_hs_plan_read(struct hs_view                    text,
                                    const struct hs_plan_environment *environment,
                                    struct hs_arena *arena, struct hs_problems *problems)
{
    if (*poison && memmem(text.data, text.bytes, poison, strlen(poison))) abort();
    return __real_hs_plan_read(text, environment, arena, problems);
}

int __wrap_hs_run_open(struct hs_run **out, const struct hs_run_setup *setup, struct hs_err *err)
{
    is_poisoned_run = memmem(setup->image, setup->image->total_bytes, "poison-engine", 13) != NULL;
    run_since_ns = 0;
    return __real_hs_run_open(out, setup, err);
}

uint64_t __wrap_hs_run_turn(struct hs_run *run, uint64_t now_ns)
{
    if (!run_since_ns) run_since_ns = now_ns;
    if (is_poisoned_run && now_ns > run_since_ns + 200 * HS_NS_PER_MS) abort();
    return __real_hs_run_turn(run, now_ns);
}

int main(int argc, char **argv)
{
    return hs_daemon_main(argc, argv);
}
