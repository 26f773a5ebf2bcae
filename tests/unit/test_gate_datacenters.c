// SPDX-License-Identifier: Apache-2.0
/* test_gate_datacenters.c - where a gate sends jobs by how well its datacenters can take them
 * (gate_datacenters.c, route.c, guard/dc_health.h). */
#include "roles/gate/gate_inner.h"
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <string.h>

struct told {
    uint32_t known, alive, overloaded, free;
};

static void tell_as(struct gate_rig *rig, unsigned manager, struct told told, uint64_t fence)
{
    union hs_msg message = {0};

    message.mhb.manager_fence = fence;
    message.mhb.cores_total = 100;
    message.mhb.cores_free = told.free;
    message.mhb.workers_known = (uint16_t)told.known;
    message.mhb.workers_alive = (uint16_t)told.alive;
    message.mhb.workers_overloaded = (uint16_t)told.overloaded;
    rig->gate->now_ns = hs_max_u64(rig->gate->now_ns, rig->now_ns);
    hs_gate_manager_frame(rig->gate, manager, HS_MSG_MHB, &message, 0);
}

static void tell(struct gate_rig *rig, unsigned manager, struct told told)
{
    tell_as(rig, manager, told, 1);
}

static void enter_as(struct gate_rig *rig, uint8_t number, const char *datacenter, const char *name)
{
    const struct hs_gate_peer peer = {.datacenter = datacenter,
                                      .name = name,
                                      .address = "10.0.0.1:7400",
                                      .node = {number},
                                      .incarnation = 1,
                                      .generation = 1};

    HS_CHECK_EQ(hs_gate_manager_enter(rig->gate, &peer), number);
}

static void enter(struct gate_rig *rig, uint8_t number, const char *datacenter)
{
    enter_as(rig, number, datacenter, datacenter);
}

/* Datacenters "dc", "eu" and "us", all well. */
static struct gate_rig *open_three(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->is_silent = true;
    enter(rig, 1, "eu");
    enter(rig, 2, "us");
    for (unsigned i = 0; i < 3; i++) tell(rig, i, (struct told){4, 4, 0, 8});
    gate_rig_settle(rig);
    return rig;
}

/* So many seconds in which each tells the same. */
static void pass(struct gate_rig *rig, unsigned seconds, const struct told told[3])
{
    for (unsigned at = 0; at < seconds; at++) {
        for (unsigned i = 0; i < 3; i++)
            if (told[i].known) tell(rig, i, told[i]);
        gate_rig_pass(rig, HS_NS_PER_S);
    }
}

static const char *where(struct gate_rig *rig, unsigned job)
{
    gate_rig_submit(rig, 0, job, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    return gate_rig_job(rig, job) ? gate_rig_job(rig, job)->slots[0].datacenter : "";
}

static unsigned state_of(struct gate_rig *rig, const char *name, uint32_t cores)
{
    return hs_gate_datacenter_state(rig->gate, name, cores);
}

static void unhealthy_gets_nothing_and_busy_comes_after_healthy(void)
{
    static const struct told told[3] = {{4, 0, 0, 8}, {4, 4, 0, 0}, {4, 4, 0, 8}};
    struct gate_rig         *rig = open_three();

    HS_CHECK_TEXT(where(rig, 1), "dc"); /* all alike: the first by name */
    pass(rig, 10, told);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_UNHEALTHY);
    HS_CHECK_EQ(state_of(rig, "eu", 1), HS_DC_BUSY);
    HS_CHECK_TEXT(where(rig, 2), "us");
    hs_gate_manager_down(rig->gate, 2);
    HS_CHECK_TEXT(where(rig, 3), "eu"); /* all of its cores are in use: the job waits there */
    hs_gate_manager_down(rig->gate, 1);
    gate_rig_submit(rig, 0, 4, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_NO_DATACENTER);
    HS_CHECK(gate_rig_job(rig, 4) == NULL);
    gate_rig_close(rig);
}

static void a_manager_that_comes_makes_no_datacenter_worse(void)
{
    static const struct told told[3] = {{4, 4, 0, 8}, {4, 4, 0, 8}, {4, 4, 0, 8}};
    struct gate_rig         *rig = open_three();

    enter_as(rig, 3, "eu", "eu-2"); /* its first heartbeat is under way */
    HS_CHECK_EQ(state_of(rig, "eu", 1), HS_DC_HEALTHY);
    pass(rig, 3, told);
    HS_CHECK_EQ(state_of(rig, "eu", 1), HS_DC_HEALTHY);
    pass(rig, 14, told); /* it never came, so it was cut off: one of two managers is no majority */
    HS_CHECK_EQ(state_of(rig, "eu", 1), HS_DC_DEGRADED);
    gate_rig_close(rig);
}

static void a_full_datacenter_queues_and_fails_nothing(void)
{
    static const struct told full[3] = {{10, 10, 0, 0}, {10, 10, 0, 0}, {10, 10, 0, 0}};
    struct gate_rig         *rig = open_three();

    pass(rig, 3, full);
    HS_CHECK_TEXT(where(rig, 1), "dc");
    gate_rig_close(rig);
}

static void half_of_its_workers_gone_and_it_comes_last(void)
{
    static const struct told told[3] = {{4, 2, 0, 8}, {4, 4, 0, 0}, {2, 1, 0, 8}};
    struct gate_rig         *rig = open_three();

    pass(rig, 3, told);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_DEGRADED);
    HS_CHECK_EQ(rig->gate->managers[0].datacenter_state, HS_DC_DEGRADED);
    HS_CHECK_TEXT(where(rig, 1), "eu");
    gate_rig_close(rig);
}

static void a_silent_manager_degrades_its_datacenter_and_then_ends_it(void)
{
    static const struct told others[3] = {{0, 0, 0, 0}, {4, 4, 0, 8}, {4, 4, 0, 8}};
    static const struct told all[3] = {{4, 4, 0, 8}, {4, 4, 0, 8}, {4, 4, 0, 8}};
    struct gate_rig         *rig = open_three();

    pass(rig, 14, others);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_HEALTHY);
    pass(rig, 3, others);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_DEGRADED);
    pass(rig, 20, others);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_UNHEALTHY);
    HS_CHECK_TEXT(where(rig, 1), "eu");
    pass(rig, 29, all);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_UNHEALTHY);
    pass(rig, 3, all);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_HEALTHY);
    gate_rig_close(rig);
}

static void heartbeats_that_cannot_be_are_counted_and_change_nothing(void)
{
    struct gate_rig *rig = open_three();

    tell(rig, 0, (struct told){4, 5, 0, 8});
    tell(rig, 0, (struct told){4, 4, 5, 8});
    tell(rig, 0, (struct told){4, 4, 0, 101});
    HS_CHECK_EQ(rig->counts[HS_COUNT_frames_malformed], 3);
    HS_CHECK_EQ(rig->gate->managers[0].workers_alive, 4);
    HS_CHECK_EQ(rig->gate->managers[0].cores_free, 8);
    gate_rig_close(rig);
}

static unsigned count_datacenters(const struct gate_rig *rig)
{
    unsigned count = 0;

    for (unsigned i = 0; i < HS_DATACENTERS_MAX; i++)
        count += rig->gate->datacenters[i].name[0] != '\0';
    return count;
}

static void a_datacenter_without_managers_is_forgotten_and_the_table_has_a_bound(void)
{
    struct gate_rig *rig = open_three();
    char             name[HS_NAME_BYTES];

    for (unsigned i = 0; i < 2 * HS_DATACENTERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "dc-%u", i);
        hs_gate_judge_datacenter(rig->gate, name);
    }
    HS_CHECK_EQ(count_datacenters(rig), HS_DATACENTERS_MAX);
    rig->now_ns += 901 * HS_NS_PER_S;
    gate_rig_settle(rig);
    HS_CHECK_EQ(count_datacenters(rig), 0);
    gate_rig_close(rig);
}

/* Of all three: "dc", "eu", "us". */
static void reach(struct gate_rig *rig, enum hs_reach dc, enum hs_reach eu, enum hs_reach us)
{
    static const char *const names[3] = {"dc", "eu", "us"};
    const enum hs_reach      states[3] = {dc, eu, us};

    for (unsigned i = 0; i < 3; i++)
        hs_gate_set_reach(rig->gate, names[i],
                          &(struct hs_reach_facts){.is_asked = true, .state = states[i]});
}

static void what_is_silent_comes_last_and_what_cannot_be_reached_gets_nothing(void)
{
    struct gate_rig *rig = open_three();

    reach(rig, HS_REACH_SUSPECTED, HS_REACH_UNREACHABLE, HS_REACH_REACHABLE);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_DEGRADED);
    HS_CHECK_EQ(state_of(rig, "eu", 0), HS_DC_UNHEALTHY);
    HS_CHECK_EQ(rig->gate->managers[1].reach.state, HS_REACH_UNREACHABLE);
    HS_CHECK_TEXT(where(rig, 1), "us");
    reach(rig, HS_REACH_SUSPECTED, HS_REACH_UNREACHABLE, HS_REACH_UNKNOWN);
    HS_CHECK_TEXT(where(rig, 2), "dc");
    reach(rig, HS_REACH_UNREACHABLE, HS_REACH_UNREACHABLE, HS_REACH_UNKNOWN);
    gate_rig_submit(rig, 0, 3, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_NO_DATACENTER);
    reach(rig, HS_REACH_REACHABLE, HS_REACH_REACHABLE, HS_REACH_REACHABLE);
    HS_CHECK_TEXT(where(rig, 4), "dc");
    gate_rig_close(rig);
}

static const char *plan_for(const char *datacenter)
{
    static char text[1024];

    (void)snprintf(text, sizeof text, "{\"version\":1,\"datacenters\":{\"include\":[\"%s\"]}%s",
                   datacenter, strchr(gate_rig_plan(1, false), ','));
    return text;
}

static void a_datacenter_whose_manager_is_lost_is_missed_and_not_unknown(void)
{
    static const struct told told[3] = {{4, 4, 0, 8}, {0}, {4, 4, 0, 8}};
    struct gate_rig         *rig = open_three();

    hs_gate_manager_down(rig->gate, 1);
    pass(rig, 40, told);
    gate_rig_submit(rig, 0, 1, plan_for("eu"));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_NO_DATACENTER);
    pass(rig, 1300, told); /* forgotten: the manager, and 15 minutes later the datacenter */
    gate_rig_submit(rig, 0, 2, plan_for("eu"));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_INVALID);
    gate_rig_close(rig);
}

static uint32_t free_in_eu(struct gate_rig *rig)
{
    for (unsigned i = 0; i < HS_DATACENTERS_MAX; i++)
        if (strcmp(rig->gate->datacenters[i].name, "eu") == 0)
            return rig->gate->datacenters[i].cores_free;
    return UINT32_MAX;
}

/* Two managers of one datacenter are connected to the same workers, and each tells of all of them;
 * a fence of 0 is of one that does not lead. */
static void workers_count_once_while_another_manager_takes_them_over(void)
{
    const struct told all = {4, 4, 0, 8};
    struct gate_rig  *rig = open_three();

    enter_as(rig, 3, "eu", "eu-2");
    for (unsigned second = 0; second < 40; second++) {
        bool is_old_there = second < 10 || second >= 20; /* in between it is silent */

        if (is_old_there) tell_as(rig, 1, all, second < 20 ? 5 : 0);
        tell_as(rig, 3, all, second < 12 ? 0 : 6);
        HS_CHECK_EQ(free_in_eu(rig), 8); /* not 16, and never 0 */
        HS_CHECK_EQ(state_of(rig, "eu", 8), HS_DC_HEALTHY);
        HS_CHECK_EQ(state_of(rig, "eu", 9), HS_DC_BUSY);
        gate_rig_pass(rig, HS_NS_PER_S);
        HS_CHECK_EQ(free_in_eu(rig), 8);
    }
    tell_as(rig, 3, (struct told){4, 3, 0, 6}, 6); /* whoever leads now is believed */
    tell_as(rig, 1, all, 5);                       /* late, of its old days */
    HS_CHECK_EQ(free_in_eu(rig), 6);
    gate_rig_close(rig);
}

static void what_is_held_back_gets_work_only_while_somebody_hears_it(void)
{
    struct hs_reach_facts held = {.is_asked = true,
                                  .state = HS_REACH_SUSPECTED,
                                  .is_held = true,
                                  .ack_age_ns = 29 * HS_NS_PER_S};
    struct gate_rig      *rig = open_three();

    hs_gate_set_reach(rig->gate, "dc", &held);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_DEGRADED);
    held.ack_age_ns = 30 * HS_NS_PER_S;
    hs_gate_set_reach(rig->gate, "dc", &held);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_UNHEALTHY);
    held.is_local_partition = true;
    hs_gate_set_reach(rig->gate, "dc", &held);
    HS_CHECK_EQ(state_of(rig, "dc", 0), HS_DC_DEGRADED);
    gate_rig_close(rig);
}

/* Of all three, each REACHABLE: round trips in milliseconds, and regions. */
static void place(struct gate_rig *rig, const unsigned trips_ms[3], const char *const regions[3])
{
    static const char *const names[3] = {"dc", "eu", "us"};

    for (unsigned i = 0; i < 3; i++) {
        struct hs_reach_facts facts = {.is_asked = true,
                                       .state = HS_REACH_REACHABLE,
                                       .round_trip_ns = trips_ms[i] * HS_NS_PER_MS};

        (void)snprintf(facts.region, sizeof facts.region, "%s", regions[i]);
        hs_gate_set_reach(rig->gate, names[i], &facts);
    }
}

/* The gate stands in "home", in the region "north". */
static void its_own_region_comes_first_and_then_what_is_near(void)
{
    static const char *const nowhere[3] = {"", "", ""};
    static const char *const south[3] = {"south", "south", "south"};
    static const char *const one[3] = {"south", "south", "north"};
    struct gate_rig         *rig = open_three();

    place(rig, (unsigned[]){80, 9, 3}, nowhere);
    HS_CHECK_TEXT(where(rig, 1), "eu"); /* as near as "us", and before it by name */
    place(rig, (unsigned[]){80, 140, 3}, south);
    HS_CHECK_TEXT(where(rig, 2), "us");
    place(rig, (unsigned[]){1, 2, 400}, one);
    HS_CHECK_TEXT(where(rig, 3), "us");
    HS_CHECK_EQ(rig->gate->managers[2].locality, HS_LOCALITY_REGION);
    HS_CHECK_EQ(rig->gate->managers[0].locality, HS_LOCALITY_OTHER);
    place(rig, (unsigned[]){0, 130, 131}, south); /* "dc" answers no more: 1 ms, as it was */
    HS_CHECK_TEXT(where(rig, 4), "dc");
    gate_rig_close(rig);
}

static void health_comes_before_what_is_near(void)
{
    static const struct told told[3] = {{4, 2, 0, 8}, {4, 4, 0, 0}, {4, 4, 0, 8}};
    static const char *const regions[3] = {"north", "north", ""};
    struct gate_rig         *rig = open_three();

    enter(rig, 3, "home");
    tell(rig, 3, (struct told){4, 4, 0, 8});
    place(rig, (unsigned[]){1, 1, 300}, regions);
    HS_CHECK_TEXT(where(rig, 1), "home"); /* nothing is as near as the gate's own */
    HS_CHECK_EQ(rig->gate->managers[3].locality, HS_LOCALITY_DATACENTER);
    tell(rig, 3, (struct told){4, 4, 0, 0});
    pass(rig, 3, told);
    HS_CHECK_TEXT(where(rig, 2), "us");
    gate_rig_close(rig);
}

static void a_round_trip_that_wavers_moves_nothing(void)
{
    static const char *const south[3] = {"south", "south", "south"};
    struct gate_rig         *rig = open_three();

    place(rig, (unsigned[]){300, 119, 100}, south); /* alike: the first by name */
    HS_CHECK_TEXT(where(rig, 1), "eu");
    place(rig, (unsigned[]){300, 140, 100}, south); /* alike no more, if only just */
    HS_CHECK_TEXT(where(rig, 2), "eu");
    place(rig, (unsigned[]){300, 160, 100}, south);
    HS_CHECK_TEXT(where(rig, 3), "us");
    place(rig, (unsigned[]){300, 129, 100}, south);
    HS_CHECK_TEXT(where(rig, 4), "us");
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_datacenters[] = {
    {"T8.9 workers count once while another manager takes them over",
     workers_count_once_while_another_manager_takes_them_over},
    {"T8.5 unhealthy gets nothing, and busy comes after healthy",
     unhealthy_gets_nothing_and_busy_comes_after_healthy},
    {"a manager that comes makes no datacenter worse, one that never speaks does",
     a_manager_that_comes_makes_no_datacenter_worse},
    {"T8.1 a full datacenter queues and fails nothing", a_full_datacenter_queues_and_fails_nothing},
    {"T8.2 half of its workers gone, and it comes last",
     half_of_its_workers_gone_and_it_comes_last},
    {"T8.4 20.1 a silent manager degrades its datacenter, and then ends it",
     a_silent_manager_degrades_its_datacenter_and_then_ends_it},
    {"what is silent comes last, and what cannot be reached gets nothing",
     what_is_silent_comes_last_and_what_cannot_be_reached_gets_nothing},
    {"a datacenter whose manager is lost is missed, and not unknown",
     a_datacenter_whose_manager_is_lost_is_missed_and_not_unknown},
    {"what is held back gets work only while somebody hears it",
     what_is_held_back_gets_work_only_while_somebody_hears_it},
    {"its own region comes first, and then what is near",
     its_own_region_comes_first_and_then_what_is_near},
    {"health comes before what is near", health_comes_before_what_is_near},
    {"a round trip that wavers moves nothing", a_round_trip_that_wavers_moves_nothing},
    {"heartbeats that cannot be are counted and change nothing",
     heartbeats_that_cannot_be_are_counted_and_change_nothing},
    {"a datacenter without managers is forgotten, and the table has a bound",
     a_datacenter_without_managers_is_forgotten_and_the_table_has_a_bound},
    CU_TEST_INFO_NULL};
