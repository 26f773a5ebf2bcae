// SPDX-License-Identifier: Apache-2.0
/* test_readiness.c - who lives, who can take work, and how long that must be seen. */
#include "roles/console/readiness.h"

#include "roles/cluster/reach.h"
#include "roles/console/status_snapshot.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { GATE, MANAGER, WORKER };

static struct hs_status_snapshot *snapshot;
static struct hs_readiness        readiness;
static char                       why[HS_READINESS_TEXT_BYTES];

static void add(enum hs_role_kind kind)
{
    struct hs_status_process *process = &snapshot->processes[snapshot->process_count++];

    process->host.kind = kind;
    process->vitals.state = HS_VITALS_READY;
}

/* A host that has everything, and can take work. */
static void begin(void)
{
    snapshot = calloc(1, sizeof *snapshot);
    memset(&readiness, 0, sizeof readiness);
    snapshot->now_ns = 100 * HS_NS_PER_S;
    snapshot->host.ready_at_ns = HS_NS_PER_S;
    add(HS_ROLE_GATE);
    add(HS_ROLE_MANAGER);
    add(HS_ROLE_WORKER);
    add(HS_ROLE_CONSOLE);
    snapshot->manager_count = snapshot->worker_count = 1;
    snapshot->managers[0].state = HS_NODE_ALIVE;
    snapshot->workers[0].state = HS_NODE_ALIVE;
    snapshot->workers[0].cores_free = 2;
    (void)snprintf(snapshot->workers[0].name, sizeof snapshot->workers[0].name, "h1");
}

static void end(void)
{
    free(snapshot);
}

/* All loops beat until now. */
static void check(unsigned times)
{
    while (times-- > 0) {
        snapshot->now_ns = hs_max_u64(snapshot->now_ns, readiness.next_at_ns);
        for (unsigned i = 0; i < snapshot->process_count; i++)
            if (snapshot->processes[i].vitals.heartbeat_ns != 1)
                snapshot->processes[i].vitals.heartbeat_ns = snapshot->now_ns;
        hs_readiness_step(&readiness, snapshot, "h1");
    }
}

static bool is_ready(void)
{
    return hs_readiness_says(&readiness, snapshot, why);
}

static void two_good_checks_make_ready_and_three_bad_ones_unready(void)
{
    begin();
    check(1);
    HS_CHECK(!is_ready());
    HS_CHECK_EQ(readiness.next_at_ns - snapshot->now_ns, HS_READINESS_SOON_NS);
    check(1);
    HS_CHECK(is_ready());
    HS_CHECK_TEXT(why, "");
    HS_CHECK_EQ(readiness.next_at_ns - snapshot->now_ns, HS_READINESS_GAP_NS);
    snapshot->managers[0].state = HS_NODE_SUSPECT;
    check(2);
    HS_CHECK(is_ready());
    check(1);
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "gate: no datacenter can be reached");
    end();
}

static void a_start_is_not_a_failure_of_life(void)
{
    begin();
    snapshot->processes[MANAGER].vitals.state = HS_VITALS_STARTING;
    check(140);
    HS_CHECK(readiness.roles[1].is_live);
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "manager: starting");
    snapshot->processes[MANAGER].vitals.state = HS_VITALS_READY;
    check(2);
    HS_CHECK(is_ready());
    end();
}

static void a_host_without_processes_yet_is_not_ready(void)
{
    uint32_t count;

    begin();
    count = snapshot->process_count;
    snapshot->host.ready_at_ns = 0;
    snapshot->process_count = 1; /* the console's row is the last one; nobody's here */
    snapshot->processes[0].host.kind = HS_ROLE_CONSOLE;
    HS_CHECK(!is_ready());
    check(3);
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "the host is starting");
    HS_CHECK_EQ(readiness.next_at_ns - snapshot->now_ns, HS_READINESS_SOON_NS);
    snapshot->processes[0].host.kind = HS_ROLE_GATE;
    snapshot->process_count = count;
    snapshot->host.ready_at_ns = HS_NS_PER_S;
    check(1);
    HS_CHECK(!is_ready());
    check(1);
    HS_CHECK(is_ready());
    end();
}

static void what_flips_at_each_check_is_never_ready(void)
{
    struct hs_readiness_role role = {0};

    for (unsigned i = 0; i < 100; i++) {
        hs_readiness_check(&role, i % 2 ? HS_READY : HS_READY_NO_WORKER);
        HS_CHECK(!role.is_ready);
    }
    hs_readiness_check(&role, HS_READY);
    HS_CHECK(role.is_ready);
}

static void a_loop_that_stands_still_is_found_after_three_checks(void)
{
    begin();
    check(2);
    snapshot->processes[GATE].vitals.heartbeat_ns = 1;
    check(2);
    HS_CHECK(readiness.roles[0].is_live);
    check(1);
    HS_CHECK(!readiness.roles[0].is_live);
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "gate: its loop stands still");
    snapshot->processes[GATE].vitals.heartbeat_ns = 0;
    check(1);
    HS_CHECK(readiness.roles[0].is_live);
    HS_CHECK_TEXT((is_ready(), why), "gate: ready again soon");
    end();
}

static void each_role_needs_what_it_works_with(void)
{
    begin();
    snapshot->workers[0].cores_free = 0;
    snapshot->managers[0].reach_flags = HS_MANAGER_REACH_ASKED;
    snapshot->managers[0].reach = HS_REACH_SUSPECTED;
    check(3);
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "gate: no datacenter can be reached; worker: no core is free");
    snapshot->managers[0].reach = HS_REACH_REACHABLE;
    (void)snprintf(snapshot->workers[0].name, sizeof snapshot->workers[0].name, "h2");
    check(2);
    HS_CHECK(is_ready()); /* those cores are another host's */
    snapshot->workers[0].state = HS_NODE_LOST;
    check(3);
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "manager: no worker is alive");
    end();
}

static void a_host_that_drains_is_not_ready_at_once(void)
{
    begin();
    check(2);
    snapshot->is_draining = true;
    HS_CHECK(!is_ready());
    HS_CHECK_TEXT(why, "the host takes nothing new");
    snapshot->is_draining = false;
    HS_CHECK(is_ready());
    snapshot->host.is_stopping = true;
    HS_CHECK(!is_ready());
    end();
}

/* Roles that another host runs are not asked for here. */
static void only_roles_of_this_host_count(void)
{
    begin();
    snapshot->processes[GATE].host.kind = HS_ROLE_ENGINE;
    snapshot->processes[MANAGER].host.kind = HS_ROLE_ENGINE;
    snapshot->manager_count = snapshot->worker_count = 0;
    check(2);
    HS_CHECK(is_ready());
    HS_CHECK_EQ(snapshot->processes[WORKER].host.kind, HS_ROLE_WORKER);
    end();
}

CU_TestInfo hs_tests_readiness[] = {
    {"14 two good checks make ready, three bad ones unready",
     two_good_checks_make_ready_and_three_bad_ones_unready},
    {"14.1 a start is not a failure of life", a_start_is_not_a_failure_of_life},
    {"a host without processes yet is not ready", a_host_without_processes_yet_is_not_ready},
    {"14.7 what flips at each check is never ready", what_flips_at_each_check_is_never_ready},
    {"14 a loop that stands still is found after three checks",
     a_loop_that_stands_still_is_found_after_three_checks},
    {"14 each role needs what it works with", each_role_needs_what_it_works_with},
    {"14 a host that drains is not ready at once", a_host_that_drains_is_not_ready_at_once},
    {"14 only roles of this host count", only_roles_of_this_host_count},
    CU_TEST_INFO_NULL};
