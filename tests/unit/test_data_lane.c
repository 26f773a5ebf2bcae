// SPDX-License-Identifier: Apache-2.0
/* test_data_lane.c - when a data lane is dialled, what goes over it, and when it is given up. */
#include "roles/cluster/data_lane.h"

#include "roles/cluster/dialer.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <string.h>

#define MS HS_NS_PER_MS
#define S  HS_NS_PER_S

static struct hs_rand rand_;

static struct hs_greeting greeting(void)
{
    struct hs_greeting made = {.identity = {.datacenter = "east", .role = HS_IDENTITY_WORKER},
                               .node_id = {1},
                               .incarnation = 7,
                               .generation = 3,
                               .link = 42,
                               .features = HS_FEATURES_KNOWN};

    (void)snprintf(made.identity.node, sizeof made.identity.node, "w1");
    return made;
}

static struct hs_data_lane dialled(uint64_t now_ns)
{
    struct hs_data_lane lane;

    hs_rand_init(&rand_, 1);
    hs_data_lane_expect(&lane, &rand_, now_ns);
    return lane;
}

static struct hs_data_lane up(uint64_t now_ns)
{
    struct hs_data_lane lane = dialled(now_ns);

    HS_CHECK(hs_data_lane_is_due(&lane, now_ns + HS_DIALER_START_JITTER_NS));
    hs_data_lane_entered(&lane, now_ns);
    return lane;
}

static void only_data_goes_over_it_and_refusals_of_it(void)
{
    static const enum hs_msg_type data[] = {HS_MSG_EXEC_PROGRESS, HS_MSG_EXEC_PROGRESS_ACK,
                                            HS_MSG_DC_PROGRESS, HS_MSG_DC_PROGRESS_ACK};
    static const enum hs_msg_type others[] = {
        HS_MSG_HELLO,       HS_MSG_PING,        HS_MSG_WHB,         HS_MSG_MHB,
        HS_MSG_EXEC_CANCEL, HS_MSG_JOB_CANCEL,  HS_MSG_EXEC_RESULT, HS_MSG_EXEC_DISPATCH,
        HS_MSG_DC_RESULTS,  HS_MSG_JOB_RELEASE, HS_MSG_EXTEND};
    struct hs_data_lane lane = up(S);

    for (size_t i = 0; i < HS_ARRAY_LEN(data); i++) {
        HS_CHECK(hs_data_lane_carries(data[i]));
        HS_CHECK(hs_data_lane_takes(&lane, data[i], S));
    }
    for (size_t i = 0; i < HS_ARRAY_LEN(others); i++) {
        HS_CHECK(!hs_data_lane_carries(others[i]));
        HS_CHECK(!hs_data_lane_takes(&lane, others[i], S));
    }
    HS_CHECK(hs_data_lane_carries(HS_MSG_REFUSED));
    HS_CHECK(!hs_data_lane_takes(&lane, HS_MSG_REFUSED, S)); /* goes where it answers */
    HS_CHECK(!hs_data_lane_carries(9999));
}

static void data_goes_over_it_only_while_it_is_up(void)
{
    struct hs_data_lane none = {0};
    struct hs_data_lane lane = dialled(S);

    HS_CHECK(!hs_data_lane_takes(&none, HS_MSG_EXEC_PROGRESS, S));
    HS_CHECK(!hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, S));
    HS_CHECK(hs_data_lane_is_due(&lane, 2 * S));
    HS_CHECK(!hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, 2 * S));
    hs_data_lane_entered(&lane, 2 * S);
    HS_CHECK(hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, 2 * S));
    hs_data_lane_ended(&lane, &rand_, 3 * S);
    HS_CHECK(!hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, 3 * S));
}

static void it_is_dialled_at_once_and_again_with_the_dialers_back_off(void)
{
    static const uint64_t middle_ns[] = {500 * MS, S, 2 * S, 4 * S, 8 * S, 15 * S, 15 * S};
    struct hs_data_lane   lane = dialled(S);
    uint64_t              now_ns;

    HS_CHECK(hs_data_lane_deadline_ns(&lane) <= S + HS_DIALER_START_JITTER_NS);
    for (size_t i = 0; i < HS_ARRAY_LEN(middle_ns); i++) {
        uint64_t wait_ns;

        now_ns = hs_data_lane_deadline_ns(&lane);
        HS_CHECK(!hs_data_lane_is_due(&lane, now_ns - 1));
        HS_CHECK(hs_data_lane_is_due(&lane, now_ns));
        HS_CHECK(!hs_data_lane_is_due(&lane, now_ns + 60 * S)); /* it is being tried */
        HS_CHECK_EQ(hs_data_lane_deadline_ns(&lane), HS_NEVER_NS);
        hs_data_lane_ended(&lane, &rand_, now_ns);
        wait_ns = hs_data_lane_deadline_ns(&lane) - now_ns;
        HS_CHECK(wait_ns >= middle_ns[i] / 4 * 3 && wait_ns <= middle_ns[i] / 4 * 5);
    }
    now_ns = hs_data_lane_deadline_ns(&lane); /* one that lasted was a good one */
    HS_CHECK(hs_data_lane_is_due(&lane, now_ns));
    hs_data_lane_entered(&lane, now_ns);
    hs_data_lane_ended(&lane, &rand_, now_ns + HS_DIALER_LASTING_NS);
    HS_CHECK(hs_data_lane_deadline_ns(&lane) <= now_ns + HS_DIALER_LASTING_NS + S);
}

static void one_that_is_not_answered_is_dead(void)
{
    struct hs_data_lane lane = up(S);

    HS_CHECK(!hs_data_lane_is_dead(&lane, 1000 * S)); /* nothing was sent */
    HS_CHECK_EQ(hs_data_lane_deadline_ns(&lane), HS_NEVER_NS);
    HS_CHECK(hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, 2 * S));
    hs_data_lane_heard(&lane);
    HS_CHECK(!hs_data_lane_is_dead(&lane, 1000 * S));
    HS_CHECK(hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, 3 * S));
    HS_CHECK(hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS, 12 * S)); /* the first one counts */
    HS_CHECK_EQ(hs_data_lane_deadline_ns(&lane), 3 * S + HS_DATA_LANE_SILENCE_NS);
    HS_CHECK(!hs_data_lane_is_dead(&lane, 3 * S - 1)); /* a turn began before it was sent */
    HS_CHECK(!hs_data_lane_is_dead(&lane, 3 * S + HS_DATA_LANE_SILENCE_NS - 1));
    HS_CHECK(hs_data_lane_is_dead(&lane, 3 * S + HS_DATA_LANE_SILENCE_NS));
    hs_data_lane_ended(&lane, &rand_, 3 * S + HS_DATA_LANE_SILENCE_NS);
    HS_CHECK(!hs_data_lane_is_dead(&lane, 1000 * S));
}

static void whoever_did_not_dial_it_answers_where_data_came_last(void)
{
    struct hs_data_lane lane = {0};

    hs_data_lane_entered(&lane, S);
    HS_CHECK(
        !hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS_ACK, S)); /* nothing came over it yet */
    hs_data_lane_heard(&lane);
    HS_CHECK(hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS_ACK, S));
    hs_data_lane_missed(&lane, HS_MSG_WHB);
    HS_CHECK(hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS_ACK, S));
    hs_data_lane_missed(&lane, HS_MSG_EXEC_PROGRESS);
    HS_CHECK(!hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS_ACK, S));
    HS_CHECK(!hs_data_lane_is_dead(&lane, 1000 * S)); /* nor does it judge */
    hs_data_lane_heard(&lane);
    hs_data_lane_entered(&lane, 2 * S); /* a newer one takes its place */
    HS_CHECK(!hs_data_lane_takes(&lane, HS_MSG_EXEC_PROGRESS_ACK, 2 * S));
    hs_data_lane_ended(&lane, &rand_, 3 * S); /* and is not dialled from here */
    HS_CHECK_EQ(lane.state, HS_DATA_LANE_NONE);
    HS_CHECK_EQ(hs_data_lane_deadline_ns(&lane), HS_NEVER_NS);
}

static void holds_are_neither_short_nor_long(void)
{
    struct hs_data_lane lane = up(S);

    HS_CHECK(!hs_data_lane_goes_on(&lane, 1000 * S));
    hs_data_lane_hold(&lane, 1, S);
    HS_CHECK_EQ(hs_data_lane_deadline_ns(&lane), S + HS_DATA_LANE_HOLD_MIN_NS);
    HS_CHECK(!hs_data_lane_goes_on(&lane, S + HS_DATA_LANE_HOLD_MIN_NS - 1));
    HS_CHECK(hs_data_lane_goes_on(&lane, S + HS_DATA_LANE_HOLD_MIN_NS));
    HS_CHECK(!hs_data_lane_goes_on(&lane, 1000 * S)); /* once */
    hs_data_lane_hold(&lane, 1000 * S, 2 * S);
    HS_CHECK_EQ(hs_data_lane_deadline_ns(&lane), 2 * S + HS_DATA_LANE_HOLD_MAX_NS);
    HS_STATIC_ASSERT(HS_DATA_LANE_HOLD_MAX_NS < HS_DATA_LANE_SILENCE_NS / 2, "held is not dead");
    hs_data_lane_ended(&lane, &rand_, 2 * S);
    HS_CHECK(!hs_data_lane_goes_on(&lane, 1000 * S));
}

static void lane_of_anything_but_its_first_connection_is_refused(void)
{
    struct hs_greeting first = greeting();
    struct hs_greeting lane = greeting();
    const char        *why;

    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), 0);
    lane.link++; /* that one is over, or never was */
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    HS_CHECK(strstr(why, "not there") != NULL);
    lane = greeting();
    lane.generation++;
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    lane = greeting();
    lane.incarnation--;
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    lane = greeting();
    lane.node_id[0]++;
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    HS_CHECK(strstr(why, "another node") != NULL);
    lane = greeting();
    lane.identity.node[0] = 'x';
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    lane = greeting();
    lane.identity.datacenter[0] = 'x';
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    lane = greeting();
    lane.identity.role = HS_IDENTITY_MANAGER;
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    lane = greeting();
    first.features &= ~(uint64_t)HS_FEATURE_DATA_LANE;
    HS_CHECK_EQ(hs_data_lane_check(&first, &lane, &why), -EACCES);
    HS_CHECK(strstr(why, "does not know") != NULL);
}

CU_TestInfo hs_tests_data_lane[] = {
    {"only data goes over it, and refusals of it", only_data_goes_over_it_and_refusals_of_it},
    {"data goes over it only while it is up", data_goes_over_it_only_while_it_is_up},
    {"it is dialled at once, and again with the dialer's back-off",
     it_is_dialled_at_once_and_again_with_the_dialers_back_off},
    {"one that is not answered is dead", one_that_is_not_answered_is_dead},
    {"whoever did not dial it answers where data came last",
     whoever_did_not_dial_it_answers_where_data_came_last},
    {"holds are neither short nor long", holds_are_neither_short_nor_long},
    {"lane of anything but its first connection is refused",
     lane_of_anything_but_its_first_connection_is_refused},
    CU_TEST_INFO_NULL,
};
