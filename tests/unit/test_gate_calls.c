// SPDX-License-Identifier: Apache-2.0
/* test_gate_calls.c - a manager that does not answer is left alone, and tried again
 * (gate_calls.c, guard/breaker.h). */
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

enum { ACK_TIMEOUT_S = 5 };

static void hello(struct gate_rig *rig, uint64_t incarnation, uint64_t generation)
{
    union hs_msg message = {0};

    message.hello.role = HS_ROLE_MANAGER;
    message.hello.incarnation = incarnation;
    message.hello.generation = generation;
    gate_rig_manager(rig, HS_MSG_HELLO, &message, 0);
}

static void beat(struct gate_rig *rig)
{
    union hs_msg message = {0};

    message.mhb.manager_fence = 3;
    gate_rig_manager(rig, HS_MSG_MHB, &message, 0);
}

static struct hs_breaker *breaker_of(struct gate_rig *rig)
{
    return &rig->gate->managers[0].breaker;
}

/* Three jobs whose dispatch nobody answers. */
static struct gate_rig *open_silent(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->is_silent = true;
    hello(rig, 1, 1);
    for (unsigned job = 1; job <= 3; job++) gate_rig_submit(rig, 0, job, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 3);
    gate_rig_pass(rig, ACK_TIMEOUT_S * HS_NS_PER_S);
    HS_CHECK(breaker_of(rig)->state != HS_BREAKER_CLOSED);
    HS_CHECK_EQ(rig->counts[HS_COUNT_breakers_opened], 1);
    return rig;
}

/* The only one of its datacenter: it is due at once, by the rule that breakers make nobody
 * unreachable; but one call at a time. */
static void three_dispatches_without_an_answer_open_the_breaker(void)
{
    struct gate_rig *rig = open_silent();

    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 6);
    gate_rig_pass(rig, (ACK_TIMEOUT_S + 1) * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), 7); /* not nine */
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_HALF_OPEN);
    HS_CHECK(rig->counts[HS_COUNT_breaker_refusals] >= 2);
    gate_rig_close(rig);
}

static void two_answers_close_it_and_the_jobs_go_on(void)
{
    struct gate_rig *rig = open_silent();

    for (unsigned round = 0; round < 10 && breaker_of(rig)->state != HS_BREAKER_CLOSED; round++) {
        gate_rig_pass(rig, HS_NS_PER_S);
        for (unsigned job = 1; job <= 3; job++)
            if (rig->gate->soft[job - 1].slots[0].call.token.is_trial)
                gate_rig_ack_dispatch(rig, job, HS_RESULT_OK, 3);
    }
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_CLOSED);
    gate_rig_close(rig);
}

static void refusals_by_rule_never_open_it(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     busy = {0};

    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    gate_rig_name(busy.job_dispatch_ack.job_id, 1);
    busy.job_dispatch_ack.code = HS_RESULT_NOT_LEADER;
    busy.job_dispatch_ack.retry_after_ns = 100 * HS_NS_PER_MS;
    for (unsigned i = 0; i < 100; i++) {
        gate_rig_manager(rig, HS_MSG_JOB_DISPATCH_ACK, &busy, 0);
        gate_rig_pass(rig, HS_NS_PER_S);
    }
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_CLOSED);
    HS_CHECK_EQ(rig->counts[HS_COUNT_breakers_opened], 0);
    gate_rig_close(rig);
}

static void enter_europe(struct gate_rig *rig)
{
    const struct hs_gate_peer peer = {.datacenter = "eu",
                                      .name = "m-eu",
                                      .address = "10.0.0.1:7400",
                                      .node = {1},
                                      .incarnation = 1,
                                      .generation = 1};

    HS_CHECK_EQ(hs_gate_manager_enter(rig->gate, &peer), 1);
}

static const char in_europe[] =
    "{\"version\":1,\"datacenters\":{\"include\":[\"eu\"]},\"workflows\":[{\"name\":\"w0\","
    "\"load\":{\"model\":\"closed\",\"vus\":1,\"for\":\"10s\"},\"steps\":[{\"name\":\"home\","
    "\"url\":\"http://127.0.0.1:8080/\"}]}]}";

/* So much waits for the manager of "dc" that nothing but control finds room any more; the core
 * hears of that (-ENOBUFS is what control 1.3 calls NO_CAPACITY), nothing is lost silently. */
static void a_dispatch_without_room_waits_and_delays_no_other_datacenter(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->is_full[0] = true;
    for (unsigned job = 1; job <= 3; job++) gate_rig_submit(rig, 0, job, gate_rig_plan(1, false));
    gate_rig_pass(rig, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_of(rig, HS_MSG_JOB_DISPATCH, 0), 0);
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_CLOSED);
    HS_CHECK_EQ(rig->counts[HS_COUNT_breakers_opened], 0);
    HS_CHECK(rig->counts[HS_COUNT_dispatches_put_off] >= 60);
    HS_CHECK_EQ(rig->counts[HS_COUNT_dispatch_repeats], 0);
    enter_europe(rig);
    gate_rig_submit(rig, 0, 4, in_europe);
    HS_CHECK_EQ(gate_rig_count_of(rig, HS_MSG_JOB_DISPATCH, 1), 1); /* at once */
    rig->is_full[0] = false;
    gate_rig_pass(rig, HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_of(rig, HS_MSG_JOB_DISPATCH, 0), 3);
    for (unsigned job = 1; job <= 3; job++) {
        gate_rig_ack_dispatch(rig, job, HS_RESULT_OK, 3);
        HS_CHECK_EQ(gate_rig_job(rig, job)->slots[0].state, HS_GATE_SLOT_RUNNING);
    }
    gate_rig_close(rig);
}

static void a_job_that_finds_no_room_for_long_fails_with_that_reason(void)
{
    struct gate_rig *rig = gate_rig_open();

    rig->is_full[0] = true;
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    gate_rig_pass(rig, 59 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->phase, HS_GATE_ACTIVE);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_job(rig, 1)->final, HS_JOB_FAILED);
    HS_CHECK_TEXT(gate_rig_job(rig, 1)->reason,
                  "datacenter dc has no capacity: its manager does not read");
    gate_rig_close(rig);
}

/* Nothing was tried: that is no trial that succeeded. */
static void a_trial_without_room_closes_no_breaker(void)
{
    struct gate_rig *rig = open_silent();

    rig->is_full[0] = true;
    gate_rig_pass(rig, 40 * HS_NS_PER_S);
    HS_CHECK(breaker_of(rig)->state != HS_BREAKER_CLOSED);
    gate_rig_close(rig);
}

static void internal_errors_count_as_failures(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     message = {0};

    message.job_dispatch_ack.code = HS_RESULT_INTERNAL;
    message.job_dispatch_ack.retry_after_ns = HS_NS_PER_S;
    for (unsigned job = 1; job <= 3; job++) {
        gate_rig_submit(rig, 0, job, gate_rig_plan(1, false));
        gate_rig_name(message.job_dispatch_ack.job_id, job);
        gate_rig_manager(rig, HS_MSG_JOB_DISPATCH_ACK, &message, 0);
    }
    HS_CHECK_EQ(rig->counts[HS_COUNT_breakers_opened], 1);
    gate_rig_close(rig);
}

static void a_later_life_of_the_manager_closes_it(void)
{
    struct gate_rig *rig = open_silent();

    hello(rig, 2, 2);
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_CLOSED);
    gate_rig_close(rig);
}

static void a_link_that_goes_ends_what_waited_on_it_and_the_breaker_outlives_it(void)
{
    struct gate_rig *rig = gate_rig_open();

    hello(rig, 1, 1);
    for (unsigned job = 1; job <= 3; job++) gate_rig_submit(rig, 0, job, gate_rig_plan(1, false));
    hs_gate_manager_down(rig->gate, 0);
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_OPEN);
    gate_manager_enter(rig->gate);
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_OPEN);
    hello(rig, 1, 1); /* the same process over another link: tried, not trusted */
    HS_CHECK(breaker_of(rig)->state != HS_BREAKER_CLOSED);
    hello(rig, 1, 2); /* another process */
    HS_CHECK_EQ(breaker_of(rig)->state, HS_BREAKER_CLOSED);
    gate_rig_settle(rig);
    gate_rig_close(rig);
}

static void a_heartbeat_makes_a_trial_due(void)
{
    struct gate_rig *rig = open_silent();

    breaker_of(rig)->state = HS_BREAKER_OPEN;
    breaker_of(rig)->trial_at_ns = rig->now_ns + 100 * HS_NS_PER_S;
    beat(rig);
    HS_CHECK(breaker_of(rig)->trial_at_ns <= rig->now_ns);
    gate_rig_close(rig);
}

static void a_manager_that_comes_and_goes_is_damped_and_still_used_alone(void)
{
    struct gate_rig *rig = gate_rig_open();

    for (unsigned life = 1; life <= 9; life++) {
        hello(rig, 1, life);
        hs_gate_manager_down(rig->gate, 0);
        gate_rig_pass(rig, HS_NS_PER_S);
        gate_manager_enter(rig->gate);
    }
    HS_CHECK(hs_flap_is_damped(&rig->gate->managers[0].flap, rig->now_ns));
    gate_rig_submit(rig, 0, 1, gate_rig_plan(1, false));
    HS_CHECK_EQ(gate_rig_submit_code(rig, 0), HS_RESULT_OK);
    gate_rig_pass(rig, 301 * HS_NS_PER_S);
    HS_CHECK(!hs_flap_is_damped(&rig->gate->managers[0].flap, rig->now_ns));
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_calls[] = {
    {"T6.1 three dispatches without an answer open the breaker",
     three_dispatches_without_an_answer_open_the_breaker},
    {"T6.9 two answers close it and the jobs go on", two_answers_close_it_and_the_jobs_go_on},
    {"T6.3 refusals by rule never open it", refusals_by_rule_never_open_it},
    {"T1.5 a dispatch without room waits and delays no other datacenter",
     a_dispatch_without_room_waits_and_delays_no_other_datacenter},
    {"T1.5 a job that finds no room for long fails with that reason",
     a_job_that_finds_no_room_for_long_fails_with_that_reason},
    {"a trial without room closes no breaker", a_trial_without_room_closes_no_breaker},
    {"T6.9 internal errors count as failures", internal_errors_count_as_failures},
    {"T6.5 a later life of the manager closes it", a_later_life_of_the_manager_closes_it},
    {"a link that goes ends what waited on it, and the breaker outlives it",
     a_link_that_goes_ends_what_waited_on_it_and_the_breaker_outlives_it},
    {"a heartbeat makes a trial due", a_heartbeat_makes_a_trial_due},
    {"a manager that comes and goes is damped, and still used alone",
     a_manager_that_comes_and_goes_is_damped_and_still_used_alone},
    CU_TEST_INFO_NULL};
