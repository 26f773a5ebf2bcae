// SPDX-License-Identifier: Apache-2.0
/* test_alerts.c - when operators hear that the managers of a datacenter have too much to do
 * (membership 18). */
#include "roles/cluster/alerts.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define S(seconds) ((seconds)*HS_NS_PER_S)
enum { LEADER };

static struct hs_alerts        alerts;
static struct hs_alert_actions last;
static uint64_t                now_ns;
static unsigned                told[HS_ALERT_KIND_COUNT], over[HS_ALERT_KIND_COUNT];

static void begin(void)
{
    alerts = (struct hs_alerts){0};
    now_ns = S(1000);
    memset(told, 0, sizeof told);
    memset(over, 0, sizeof over);
}

/* A letter each, the leader first: H B S O; '-' is not alive. A second goes by. */
static void look(const char *loads)
{
    static const char    letters[] = "HBSO";
    struct hs_alert_peer peers[16];
    unsigned             count = 0;

    for (uint32_t i = 0; loads[i]; i++) {
        const char *letter = strchr(letters, loads[i]);

        if (loads[i] == '-') continue;
        peers[count++] =
            (struct hs_alert_peer){.idx = i,
                                   .load = letter ? (uint8_t)(letter - letters) : UINT8_MAX,
                                   .is_leader = i == LEADER};
    }
    now_ns += S(1);
    hs_alerts_look(&alerts, peers, count, now_ns, &last);
    for (unsigned i = 0; i < last.count; i++)
        if (last.at[i].is_over)
            over[last.at[i].kind]++;
        else
            told[last.at[i].kind]++;
}

static unsigned sum(const unsigned *counts)
{
    unsigned all = 0;

    for (unsigned i = 0; i < HS_ALERT_KIND_COUNT; i++) all += counts[i];
    return all;
}

static void a_loaded_leader_is_told_once(void)
{
    begin();
    look("HHH");
    HS_CHECK_EQ(sum(told), 0);
    for (unsigned i = 0; i < 101; i++) look("OHH");
    HS_CHECK_EQ(told[HS_ALERT_LEADER], 1);
    HS_CHECK_EQ(told[HS_ALERT_OVERLOADED], 1);
    HS_CHECK_EQ(sum(told), 2);
    look("HHH");
    HS_CHECK_EQ(over[HS_ALERT_LEADER], 1);
    HS_CHECK_EQ(over[HS_ALERT_OVERLOADED], 1);
    for (unsigned i = 0; i < 30; i++) look("HHH");
    look("OHH"); /* clear for 30 s, and more than a minute ago */
    HS_CHECK_EQ(told[HS_ALERT_LEADER], 2);
}

static void half_of_them_is_a_majority(void)
{
    begin();
    look("HOOH");
    HS_CHECK_EQ(told[HS_ALERT_MAJORITY], 1);
    HS_CHECK_EQ(told[HS_ALERT_OVERLOADED], 2);
    begin();
    look("HOHHH");
    HS_CHECK_EQ(told[HS_ALERT_MAJORITY], 0);
}

static void four_fifths_are_stressed(void)
{
    begin();
    look("BBBBH");
    HS_CHECK_EQ(told[HS_ALERT_STRESSED], 1);
    HS_CHECK_EQ(sum(told), 1);
    begin();
    look("BBBHH");
    look("BBBH"); /* three quarters are not yet too many */
    HS_CHECK_EQ(sum(told), 0);
    look("BBB?H"); /* what nobody knows counts as busy */
    HS_CHECK_EQ(told[HS_ALERT_STRESSED], 1);
    HS_CHECK_EQ(alerts.unknown_count, 1);
}

static void none_healthy_is_critical_and_nothing_else(void)
{
    begin();
    look("OSS");
    HS_CHECK_EQ(told[HS_ALERT_CRITICAL], 1);
    HS_CHECK_EQ(told[HS_ALERT_LEADER] + told[HS_ALERT_MAJORITY] + told[HS_ALERT_STRESSED], 0);
    look("OHS");
    HS_CHECK_EQ(over[HS_ALERT_CRITICAL], 1);
    HS_CHECK_EQ(told[HS_ALERT_LEADER], 1);
}

static void one_alone_is_compared_with_nobody(void)
{
    begin();
    look("O");
    HS_CHECK_EQ(told[HS_ALERT_OVERLOADED], 1);
    HS_CHECK_EQ(sum(told), 1);
    look("");
    HS_CHECK_EQ(alerts.current, HS_ALERT_NONE);
}

static void one_that_flips_does_not_ring_each_time(void)
{
    begin();
    for (unsigned i = 0; i < 600; i++) look(i / 5 % 2 ? "HHH" : "OHH");
    HS_CHECK(sum(told) >= 2);
    HS_CHECK(sum(told) <= 10);
    HS_CHECK(sum(over) <= 10);
}

static void what_lasts_is_told_when_its_minute_is_over(void)
{
    begin();
    look("OHH");
    look("HHH");
    for (unsigned i = 0; i < 31; i++) look("HHH");
    look("OHH"); /* another alarm, but 33 s after the last was told */
    HS_CHECK_EQ(told[HS_ALERT_LEADER], 1);
    for (unsigned i = 0; i < 30; i++) look("OHH");
    HS_CHECK_EQ(told[HS_ALERT_LEADER], 2);
    HS_CHECK_EQ(over[HS_ALERT_LEADER], 1);
}

static void a_dead_leaders_alarm_is_over_in_the_same_step(void)
{
    begin();
    look("OHH");
    HS_CHECK_EQ(alerts.current, HS_ALERT_LEADER);
    look("-HH");
    HS_CHECK_EQ(alerts.current, HS_ALERT_NONE);
    HS_CHECK_EQ(over[HS_ALERT_LEADER], 1);
    HS_CHECK_EQ(over[HS_ALERT_OVERLOADED], 1);
    HS_CHECK_EQ(alerts.total, 2);
}

static void more_than_one_look_can_tell_is_told_in_the_next(void)
{
    struct hs_alert_peer peers[HS_ALERTS_PEERS_MAX];
    unsigned             count = 0;

    begin();
    for (uint32_t i = 0; i < HS_ALERTS_PEERS_MAX; i++)
        peers[i] = (struct hs_alert_peer){.idx = i, .load = HS_LOAD_OVERLOADED};
    for (unsigned i = 0; i < 40; i++) {
        hs_alerts_look(&alerts, peers, HS_ALERTS_PEERS_MAX, now_ns, &last);
        HS_CHECK(last.count <= HS_ALERTS_ACTIONS_MAX);
        count += last.count;
    }
    HS_CHECK_EQ(count, HS_ALERTS_PEERS_MAX + 1);
    HS_CHECK_TEXT(hs_alert_kind_name(HS_ALERT_MAJORITY), "majority");
}

CU_TestInfo hs_tests_alerts[] = {
    {"18.1 a loaded leader is told once, however often it says so", a_loaded_leader_is_told_once},
    {"18.2 two of four that are overloaded are a majority", half_of_them_is_a_majority},
    {"18.3 four of five that are busy are too many", four_fifths_are_stressed},
    {"18.4 none healthy is critical, and nothing else is told",
     none_healthy_is_critical_and_nothing_else},
    {"18.5 one alone is compared with nobody", one_alone_is_compared_with_nobody},
    {"18.6 one that flips each five seconds does not ring each time",
     one_that_flips_does_not_ring_each_time},
    {"what lasts is told when its minute is over", what_lasts_is_told_when_its_minute_is_over},
    {"18.7 a dead leader's alarm is over in the same step",
     a_dead_leaders_alarm_is_over_in_the_same_step},
    {"more than one look can tell is told in the next",
     more_than_one_look_can_tell_is_told_in_the_next},
    CU_TEST_INFO_NULL};
