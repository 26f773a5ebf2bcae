// SPDX-License-Identifier: Apache-2.0
/* test_gate_nodes.c - the managers of other hosts as a gate knows them: who is asked, who is not
 * any more, and that nothing of a vanished one stays (membership.md 20). */
#include "roles/counters.h"
#include "roles/gate/gate_inner.h"
#include "roles/result_code.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/gate_rig.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>

static int enter(struct gate_rig *rig, const char *datacenter, const char *name, uint8_t node)
{
    struct hs_gate_peer peer = {.datacenter = datacenter,
                                .name = name,
                                .address = "10.0.0.9:7401",
                                .node = {node},
                                .incarnation = 1,
                                .generation = 1};

    return hs_gate_manager_enter(rig->gate, &peer);
}

static void beat(struct gate_rig *rig, int manager, uint64_t fence)
{
    union hs_msg message = {.mhb = {.manager_fence = fence, .cores_total = 4}};

    hs_gate_manager_frame(rig->gate, (unsigned)manager, HS_MSG_MHB, &message, 0);
}

static void dispatches_go_to_the_one_that_leads(void)
{
    struct gate_rig *rig = gate_rig_open();
    int              a = enter(rig, "east", "m-1", 1), b = enter(rig, "east", "m-2", 2);

    HS_CHECK(a > 0 && b > 0 && a != b);
    beat(rig, a, 0);
    beat(rig, b, 7);
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), b);
    beat(rig, b, 0);
    beat(rig, a, 9);
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), a);
    hs_gate_manager_down(rig->gate, (unsigned)a);
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), b); /* it will say who leads */
    hs_gate_manager_down(rig->gate, (unsigned)b);
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), -1);
    gate_rig_close(rig);
}

static void a_hint_is_followed_and_counts_less_than_a_word_of_ones_own(void)
{
    struct gate_rig *rig = gate_rig_open();
    int              a = enter(rig, "east", "m-1", 1), b = enter(rig, "east", "m-2", 2);
    int              c = enter(rig, "west", "m-2", 3);

    hs_gate_take_hint(rig->gate, (unsigned)a, "m-2");
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), b);
    HS_CHECK(!rig->gate->managers[c].is_hinted);      /* another datacenter's */
    hs_gate_take_hint(rig->gate, (unsigned)b, "m-2"); /* itself: no news */
    HS_CHECK(!rig->gate->managers[b].is_hinted);
    hs_gate_take_hint(rig->gate, (unsigned)a, "m-2");
    beat(rig, a, 4);
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), a);
    gate_rig_close(rig);
}

static void a_job_is_dispatched_anew_when_another_one_leads(void)
{
    struct gate_rig *rig = gate_rig_open();
    int              other;
    unsigned         told;

    gate_rig_start(rig, 1, gate_rig_plan(1, false));
    told = gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH);
    HS_CHECK_EQ(told, 1);
    beat(rig, 0, 3);
    gate_rig_pass(rig, 5 * HS_NS_PER_S);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), told);
    other = enter(rig, "dc", "m-2", 2);
    beat(rig, other, 5);
    gate_rig_settle(rig);
    HS_CHECK_EQ(gate_rig_count_manager(rig, HS_MSG_JOB_DISPATCH), told);
    HS_CHECK_EQ(gate_rig_count_of(rig, HS_MSG_JOB_DISPATCH, (unsigned)other), 1);
    gate_rig_close(rig);
}

static void manager_20_1_silent_is_not_routable_at_30_s_and_gone_at_300_s(void)
{
    struct gate_rig *rig = gate_rig_open();
    int              a = enter(rig, "east", "m-1", 1);

    rig->gate->managers[a].heard_at_ns = rig->now_ns;
    rig->gate->now_ns = rig->now_ns + 29 * HS_NS_PER_S;
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), a);
    rig->gate->now_ns = rig->now_ns + 30 * HS_NS_PER_S;
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), -1);
    rig->gate->now_ns = rig->now_ns;
    gate_rig_pass(rig, 11 * HS_NS_PER_S); /* its link is dead */
    HS_CHECK(!rig->gate->managers[a].is_up);
    HS_CHECK_EQ(rig->drops, 1);
    gate_rig_pass(rig, 287 * HS_NS_PER_S);
    HS_CHECK(rig->gate->managers[a].is_used);
    HS_CHECK_EQ(enter(rig, "east", "m-1", 1), a); /* it keeps its place */
    beat(rig, a, 0);
    gate_rig_pass(rig, 299 * HS_NS_PER_S);
    HS_CHECK(rig->gate->managers[a].is_used);
    gate_rig_pass(rig, 2 * HS_NS_PER_S);
    HS_CHECK(!rig->gate->managers[a].is_used);
    HS_CHECK_TEXT(rig->gate->managers[a].name, "");
    gate_rig_close(rig);
}

static void manager_20_2_that_comes_back_when_it_is_to_be_forgotten_stays(void)
{
    struct gate_rig *rig = gate_rig_open();
    int              a = enter(rig, "east", "m-1", 1);

    hs_gate_manager_down(rig->gate, (unsigned)a);
    rig->now_ns += 300 * HS_NS_PER_S;
    rig->gate->now_ns = rig->now_ns;
    HS_CHECK_EQ(enter(rig, "east", "m-1", 1), a);
    gate_rig_settle(rig);
    HS_CHECK(rig->gate->managers[a].is_up);
    HS_CHECK_EQ(hs_gate_manager_of(rig->gate, "east"), a);
    gate_rig_close(rig);
}

static void managers_20_4_that_come_once_and_vanish_leave_nothing(void)
{
    enum { COMING = 10000 };
    struct gate_rig *rig = gate_rig_open();
    unsigned         used = 0;

    for (unsigned i = 0; i < COMING; i++) {
        char name[32];
        int  at;

        (void)snprintf(name, sizeof name, "m-%u", i);
        at = enter(rig, "east", name, (uint8_t)i);
        HS_CHECK(at > 0 && at < HS_GATE_MANAGERS_MAX);
        if (at > 0) hs_gate_manager_down(rig->gate, (unsigned)at);
    }
    HS_CHECK_EQ(rig->gate->manager_high, HS_GATE_MANAGERS_MAX);
    gate_rig_pass(rig, 301 * HS_NS_PER_S);
    for (unsigned i = 1; i < HS_GATE_MANAGERS_MAX; i++) used += rig->gate->managers[i].is_used;
    HS_CHECK_EQ(used, 0);
    HS_CHECK(rig->gate->managers[0].is_up); /* this host's own is watched by the supervisor */
    gate_rig_close(rig);
}

/* The destinations of a gate are its managers and clients: a full table takes no other, and one
 * that is gone gives its place (T1.7). None is idle while it is connected: each is asked every
 * second. */
static void a_full_table_of_connected_managers_takes_no_other(void)
{
    struct gate_rig *rig = gate_rig_open();

    for (unsigned i = 1; i < HS_GATE_MANAGERS_MAX; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "m-%u", i);
        HS_CHECK_EQ(enter(rig, "east", name, (uint8_t)i), (int)i);
    }
    HS_CHECK_EQ(enter(rig, "east", "one-more", 1), -ENOBUFS);
    HS_CHECK_EQ(enter(rig, "east", "m-5", 5), 5); /* a known one comes anew all the same */
    hs_gate_manager_down(rig->gate, 9);
    HS_CHECK_EQ(enter(rig, "east", "one-more", 1), 9);
    gate_rig_close(rig);
}

static void a_refusal_by_a_manager_is_expected(void)
{
    struct gate_rig *rig = gate_rig_open();
    union hs_msg     message = {.refused = {.code = HS_RESULT_FORBIDDEN, .type = HS_MSG_PING}};

    hs_gate_manager_frame(rig->gate, 0, HS_MSG_REFUSED, &message, 0);
    HS_CHECK_EQ(rig->counts[HS_COUNT_frames_unexpected], 0);
    gate_rig_close(rig);
}

static void two_hosts_with_one_name_are_not_mixed_up(void)
{
    struct gate_rig *rig = gate_rig_open();
    int              a = enter(rig, "east", "m-1", 1);

    HS_CHECK_EQ(enter(rig, "east", "m-1", 2), -EEXIST);
    HS_CHECK(rig->gate->managers[a].is_up);
    HS_CHECK_EQ(rig->gate->managers[a].node[0], 1);
    HS_CHECK_EQ(enter(rig, "east", "m-1", 1), a);
    hs_gate_manager_down(rig->gate, (unsigned)a);
    HS_CHECK_EQ(enter(rig, "east", "m-1", 2), a); /* the host was replaced by another */
    gate_rig_close(rig);
}

CU_TestInfo hs_tests_gate_nodes[] = {
    {"dispatches go to the one that leads", dispatches_go_to_the_one_that_leads},
    {"a hint is followed, and counts less than a word of one's own",
     a_hint_is_followed_and_counts_less_than_a_word_of_ones_own},
    {"a job is dispatched anew when another one leads",
     a_job_is_dispatched_anew_when_another_one_leads},
    {"20.1 a silent manager is not routable at 30 s and gone at 300 s",
     manager_20_1_silent_is_not_routable_at_30_s_and_gone_at_300_s},
    {"20.2 a manager that comes back when it is to be forgotten stays",
     manager_20_2_that_comes_back_when_it_is_to_be_forgotten_stays},
    {"20.4 10,000 managers that come once and vanish leave nothing",
     managers_20_4_that_come_once_and_vanish_leave_nothing},
    {"T1.7 BAD-14 T8.11 a full table of connected managers takes no other",
     a_full_table_of_connected_managers_takes_no_other},
    {"a refusal by a manager is expected", a_refusal_by_a_manager_is_expected},
    {"BAD-12 two hosts with one name are not mixed up", two_hosts_with_one_name_are_not_mixed_up},
    CU_TEST_INFO_NULL};
