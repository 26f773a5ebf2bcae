// SPDX-License-Identifier: Apache-2.0
/* test_star.c - workers watched over by one manager each: when they are asked, suspected, found
 * dead, and by whom. */
#include "tests/check.h"
#include "tests/unit/star_rig.h"
#include "tests/unit/suites.h"

#include <string.h>

enum { A, B, C, D };

static uint64_t probes(const struct star_rig *rig)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < rig->manager_count; i++) sum += rig->managers[i].star->counts.probes;
    return sum;
}

static void connect_everybody(struct star_rig *rig)
{
    for (uint32_t i = 0; i < rig->worker_count; i++) star_connect_all(rig, i);
    star_run(rig, 3 * HS_NS_PER_S);
}

/* It falls silent just after it was heard. */
static uint64_t silence(struct star_rig *rig, uint32_t worker)
{
    while (star_row(rig, A, worker)->heard_at_ns != rig->now_ns) star_run(rig, STAR_STEP_NS);
    rig->workers[worker].is_up = false;
    return rig->now_ns;
}

static bool is_within(uint64_t value, uint64_t low, uint64_t high)
{
    return value >= low && value <= high;
}

static void thousand_workers_that_beat_are_never_asked(void)
{
    struct star_rig *rig = star_open(3, 1000);
    uint64_t         silent_since_ns;

    connect_everybody(rig);
    star_run(rig, 60 * HS_NS_PER_S);
    HS_CHECK_EQ(probes(rig), 0);
    for (uint32_t i = 0; i < 1000; i++) HS_CHECK(star_owner(rig, i) >= 0);
    silent_since_ns = silence(rig, 7);
    star_run(rig, 3 * HS_NS_PER_S + 200 * HS_NS_PER_MS);
    HS_CHECK_EQ(probes(rig), 1);
    star_run(rig, HS_NS_PER_S);
    HS_CHECK(is_within(rig->noted_at_ns[HS_NOTICE_WORKER_SUSPECT] - silent_since_ns,
                       4 * HS_NS_PER_S, 4 * HS_NS_PER_S + 50 * HS_NS_PER_MS));
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_SUSPECT], 1);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK_EQ(star_state(rig, i, 7), HS_NODE_SUSPECT);
    star_close(rig);
}

static void a_worker_is_asked_after_three_seconds(void)
{
    struct star_rig *rig = star_open(3, 1);
    uint64_t         silent_since_ns;

    connect_everybody(rig);
    silent_since_ns = silence(rig, 0);
    star_run(rig, 2900 * HS_NS_PER_MS);
    HS_CHECK_EQ(probes(rig), 0);
    for (unsigned i = 0; i < 40 && !probes(rig); i++) star_run(rig, STAR_STEP_NS);
    HS_CHECK(is_within(rig->now_ns - silent_since_ns, 3 * HS_NS_PER_S,
                       3 * HS_NS_PER_S + 3 * STAR_STEP_NS));
    star_close(rig);
}

/* Nobody else can reach it either: two say so, and it is over after four more seconds. */
static void a_silent_worker_is_found_dead_by_witnesses(void)
{
    struct star_rig *rig = star_open(3, 1);

    connect_everybody(rig);
    (void)silence(rig, 0);
    star_run(rig, 7500 * HS_NS_PER_MS);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK_EQ(star_state(rig, i, 0), HS_NODE_SUSPECT);
    star_run(rig, HS_NS_PER_S);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK_EQ(star_state(rig, i, 0), HS_NODE_LOST);
    star_close(rig);
}

static void a_worker_without_witnesses_has_until_worker_lost_after(void)
{
    struct star_rig *rig = star_open(1, 1);

    connect_everybody(rig);
    rig->workers[0].is_up = false;
    star_run(rig, 13 * HS_NS_PER_S);
    HS_CHECK_EQ(star_state(rig, A, 0), HS_NODE_SUSPECT);
    star_run(rig, 3 * HS_NS_PER_S);
    HS_CHECK_EQ(star_state(rig, A, 0), HS_NODE_LOST);
    star_close(rig);
}

static void a_worker_that_another_manager_reaches_is_not_suspected(void)
{
    struct star_rig *rig = star_open(3, 1);
    int              owner;

    connect_everybody(rig);
    owner = star_owner(rig, 0);
    HS_CHECK(owner >= 0);
    rig->workers[0].is_cut[owner] = true;
    star_run(rig, 4500 * HS_NS_PER_MS);
    HS_CHECK_EQ(rig->managers[owner].star->counts.vouched, 1);
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_SUSPECT], 0);
    star_run(rig, 10 * HS_NS_PER_S); /* it has turned to another manager meanwhile */
    HS_CHECK(star_owner(rig, 0) != owner);
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_SUSPECT], 0);
    star_close(rig);
}

static void a_suspect_that_is_heard_again_is_cleared(void)
{
    struct star_rig *rig = star_open(3, 1);

    connect_everybody(rig);
    rig->workers[0].is_up = false;
    star_run(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_SUSPECT], 1);
    rig->workers[0].is_up = true;
    star_run(rig, 2 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_CLEARED], 1);
    for (uint32_t i = 0; i < 3; i++) HS_CHECK_EQ(star_state(rig, i, 0), HS_NODE_ALIVE);
    star_run(rig, 30 * HS_NS_PER_S);
    HS_CHECK_EQ(rig->noted_count[HS_NOTICE_WORKER_SUSPECT], 1);
    star_close(rig);
}

static void more_silent_workers_than_may_be_asked_wait_in_order(void)
{
    struct star_rig *rig = star_open(2, 1000);

    connect_everybody(rig);
    for (uint32_t i = 0; i < 1000; i++) rig->workers[i].is_up = false;
    for (unsigned i = 0; i < 100; i++) {
        star_run(rig, 100 * HS_NS_PER_MS);
        for (uint32_t k = 0; k < 2; k++)
            HS_CHECK(rig->managers[k].star->rounds_open <= HS_STAR_ROUNDS_MAX);
    }
    star_run(rig, 10 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 1000; i++) HS_CHECK_EQ(star_state(rig, A, i), HS_NODE_SUSPECT);
    star_run(rig, HS_BRAKE_HOLD_NS); /* so many at once are held */
    for (uint32_t i = 0; i < 1000; i++) HS_CHECK_EQ(star_state(rig, A, i), HS_NODE_LOST);
    star_close(rig);
}

static void relays_are_bounded_and_refused_with_an_answer(void)
{
    struct star_rig       *rig = star_open(2, 1);
    struct hs_star_message probe = {.kind = HS_STAR_PROBE, .worker = star_worker_id(0)};
    struct hs_star_action  action;
    struct hs_node_id      from = star_manager_id(B);
    unsigned               answers = 0;

    connect_everybody(rig);
    for (unsigned i = 0; i < HS_STAR_RELAYS_MAX + 44; i++) {
        uint8_t          bytes[64];
        struct hs_writer out;

        probe.number = i + 1;
        hs_writer_init(&out, bytes, sizeof bytes);
        hs_star_put(&out, &probe);
        hs_star_on_content(rig->managers[A].star, rig->now_ns, &from,
                           hs_view_of(bytes, out.used_bytes));
    }
    while (hs_star_next(rig->managers[A].star, &action)) answers += action.type == HS_STAR_DO_SEND;
    HS_CHECK_EQ(answers, 44);
    HS_CHECK_EQ(rig->managers[A].star->counts.relays_refused, 44);
    rig->workers[0].is_up = false;
    star_run(rig, HS_NS_PER_S);
    HS_CHECK_EQ(rig->managers[A].star->relays_open, 0);
    star_close(rig);
}

/* A's own way to them is cut, so all of them seem lost to it at once; another manager is asked. */
static void held_workers_that_another_manager_reaches_are_not_given_up(void)
{
    struct star_rig *rig = star_open(3, 4);

    connect_everybody(rig);
    for (uint32_t i = 0; i < 4; i++) rig->workers[i].is_cut[A] = true;
    star_run(rig, 20 * HS_NS_PER_S);
    HS_CHECK(rig->managers[A].workers->brake.until_ns != 0);
    star_run(rig, 58 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 4; i++) HS_CHECK(!star_row(rig, A, i)->is_lost);
    star_close(rig);
}

static void held_workers_that_nobody_reaches_are_given_up_after_a_minute(void)
{
    struct star_rig *rig = star_open(3, 4);

    connect_everybody(rig);
    for (uint32_t i = 0; i < 4; i++) rig->workers[i].is_up = false;
    star_run(rig, 60 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 4; i++) HS_CHECK(!star_row(rig, A, i)->is_lost);
    star_run(rig, 20 * HS_NS_PER_S);
    for (uint32_t i = 0; i < 4; i++) HS_CHECK(star_row(rig, A, i)->is_lost);
    star_close(rig);
}

/* There is not room for the questions about all of them at once. */
static void two_thousand_held_workers_are_all_asked(void)
{
    struct star_rig *rig = star_open(3, HS_WORKERS_MAX);
    unsigned         unasked = 0;

    connect_everybody(rig);
    for (uint32_t i = 0; i < HS_WORKERS_MAX; i++) rig->workers[i].is_up = false;
    star_run(rig, 30 * HS_NS_PER_S);
    for (uint32_t i = 0; i < HS_WORKERS_MAX; i++)
        unasked += star_row(rig, A, i)->hold.asked_at_ns == 0;
    HS_CHECK_EQ(unasked, 0);
    star_close(rig);
}

CU_TestInfo hs_tests_star[] = {
    {"2.9 a thousand workers that beat are never asked; one that stops is suspected at 4 s",
     thousand_workers_that_beat_are_never_asked},
    {"2.9 a worker is asked after three seconds of silence", a_worker_is_asked_after_three_seconds},
    {"a silent worker is found dead by witnesses", a_silent_worker_is_found_dead_by_witnesses},
    {"a worker without witnesses has until worker_lost_after",
     a_worker_without_witnesses_has_until_worker_lost_after},
    {"a worker that another manager reaches is not suspected",
     a_worker_that_another_manager_reaches_is_not_suspected},
    {"a suspect that is heard again is cleared", a_suspect_that_is_heard_again_is_cleared},
    {"more silent workers than may be asked wait in order",
     more_silent_workers_than_may_be_asked_wait_in_order},
    {"14.6 held workers that another manager reaches are not given up",
     held_workers_that_another_manager_reaches_are_not_given_up},
    {"14.6 held workers that nobody reaches are given up after a minute",
     held_workers_that_nobody_reaches_are_given_up_after_a_minute},
    {"14 two thousand held workers are all asked", two_thousand_held_workers_are_all_asked},
    {"relays are bounded, and refused with an answer",
     relays_are_bounded_and_refused_with_an_answer},
    CU_TEST_INFO_NULL,
};
