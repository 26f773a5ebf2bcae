// SPDX-License-Identifier: Apache-2.0
/* test_brake.c - nobody is given up in crowds before he was asked again, and few are given up at
 * once as ever (membership.md 14). */
#include "roles/guard/brake.h"
#include "roles/manager/workers.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/manager_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

#define S        HS_NS_PER_S
#define LOST_NS  (15 * S)
#define START_NS (1000 * S)

/* ---- how many are too many */

static void crowd_is_three_and_half_of_all_or_all_of_two(void)
{
    static const struct {
        uint32_t           lost, all;
        enum hs_brake_turn turn;
    } rows[] = {
        {1, 1, HS_BRAKE_OFF},    {1, 2, HS_BRAKE_OFF},    {2, 2, HS_BRAKE_PUT_ON},
        {2, 3, HS_BRAKE_OFF},    {3, 3, HS_BRAKE_PUT_ON}, {2, 4, HS_BRAKE_OFF},
        {3, 5, HS_BRAKE_PUT_ON}, {3, 6, HS_BRAKE_PUT_ON}, {3, 7, HS_BRAKE_OFF},
        {4, 7, HS_BRAKE_PUT_ON}, {4, 1000, HS_BRAKE_OFF}, {500, 1000, HS_BRAKE_PUT_ON},
    };

    for (unsigned i = 0; i < HS_ARRAY_LEN(rows); i++) {
        struct hs_brake brake = {0};

        HS_CHECK_EQ(hs_brake_turn(&brake, START_NS, rows[i].lost, rows[i].all, 1), rows[i].turn);
        HS_CHECK_EQ(brake.until_ns != 0, rows[i].turn == HS_BRAKE_PUT_ON);
    }
}

static void brake_without_anybody_to_hold_stays_off(void)
{
    struct hs_brake brake = {0};

    HS_CHECK_EQ(hs_brake_turn(&brake, START_NS, 9, 10, 0), HS_BRAKE_OFF);
    HS_CHECK_EQ(hs_brake_turn(&brake, START_NS, 9, 10, 1), HS_BRAKE_PUT_ON);
    HS_CHECK_EQ(hs_brake_turn(&brake, START_NS + 59 * S, 0, 10, 0), HS_BRAKE_ON);
    HS_CHECK_EQ(hs_brake_turn(&brake, START_NS + 60 * S, 9, 10, 1), HS_BRAKE_LET_OFF);
    HS_CHECK(!hs_brake_counts(&brake, START_NS + 60 * S, START_NS + 61 * S));
    HS_CHECK(hs_brake_counts(&brake, START_NS + 61 * S, START_NS + 61 * S));
}

/* ---- workers */

struct crowd {
    struct hs_workers *workers;
    uint64_t           now_ns;
    unsigned           put_on_count;
};

static struct crowd open_crowd(unsigned count)
{
    struct crowd crowd = {.workers = calloc(1, sizeof *crowd.workers), .now_ns = START_NS};

    crowd.workers->session_base = 1000;
    for (unsigned i = 0; i < count; i++) {
        struct hs_msg_wreg        wreg = {.incarnation = 1, .cores = 4, .engines_mask = 0xf};
        struct hs_manager_worker *worker;

        wreg.worker[0] = 1;
        memcpy(&wreg.worker[4], &i, sizeof i);
        HS_CHECK_EQ(hs_workers_register(crowd.workers, &wreg, i + 1, START_NS, &worker), 1);
    }
    return crowd;
}

/* All are heard each second but those from first to last; how many are lost then. */
static unsigned pass(struct crowd *crowd, unsigned seconds, unsigned first, unsigned last)
{
    unsigned lost_count = 0;

    for (unsigned second = 0; second < seconds; second++) {
        uint32_t lost, all;
        uint64_t due_ns;

        crowd->now_ns += S;
        for (uint32_t i = 0; i < crowd->workers->high; i++) {
            struct hs_manager_worker *worker = &crowd->workers->at[i];

            if (i < first || i > last) {
                worker->heard_at_ns = crowd->now_ns;
                worker->is_lost = false;
            }
        }
        crowd->put_on_count += hs_workers_brake(crowd->workers, crowd->now_ns, LOST_NS, &lost,
                                                &all) == HS_BRAKE_PUT_ON;
        for (uint32_t i = 0; i < crowd->workers->high; i++)
            (void)hs_workers_turn(crowd->workers, &crowd->workers->at[i], crowd->now_ns, LOST_NS,
                                  &due_ns);
    }
    for (uint32_t i = 0; i < crowd->workers->high; i++) lost_count += crowd->workers->at[i].is_lost;
    return lost_count;
}

static void four_of_a_thousand_are_given_up_at_once(void)
{
    struct crowd crowd = open_crowd(1000);

    HS_CHECK_EQ(pass(&crowd, 14, 100, 103), 0);
    HS_CHECK_EQ(pass(&crowd, 1, 100, 103), 4);
    HS_CHECK_EQ(crowd.put_on_count, 0);
    free(crowd.workers);
}

static void six_of_ten_are_held_and_the_four_that_stay_silent_go(void)
{
    struct crowd crowd = open_crowd(10);

    HS_CHECK_EQ(pass(&crowd, 74, 0, 5), 0);
    HS_CHECK_EQ(crowd.put_on_count, 1);
    for (uint32_t i = 0; i < 10; i++) {
        crowd.workers->at[i].is_reconciled = true;
        HS_CHECK_EQ(hs_workers_usable_cores(&crowd.workers->at[i], crowd.now_ns), i < 6 ? 0 : 4);
    }
    crowd.workers->at[0].heard_at_ns = crowd.now_ns;       /* one answers the question */
    crowd.workers->at[1].hold.spared_at_ns = crowd.now_ns; /* of one another manager knows */
    HS_CHECK_EQ(pass(&crowd, 1, 0, 5), 4);
    HS_CHECK(!crowd.workers->at[0].is_lost);
    HS_CHECK(!crowd.workers->at[1].is_lost);
    HS_CHECK_EQ(crowd.put_on_count, 1);
    free(crowd.workers);
}

static void those_found_dead_by_others_are_held_too(void)
{
    struct crowd crowd = open_crowd(4);

    HS_CHECK_EQ(pass(&crowd, 8, 0, 2), 0);
    for (unsigned i = 0; i < 3; i++) crowd.workers->at[i].watch.condemned_at_ns = crowd.now_ns;
    HS_CHECK_EQ(pass(&crowd, 60, 0, 2), 0);
    HS_CHECK_EQ(crowd.put_on_count, 1);
    HS_CHECK_EQ(pass(&crowd, 1, 0, 2), 3);
    free(crowd.workers);
}

static void one_of_two_goes_at_once_and_both_do_not(void)
{
    struct crowd crowd = open_crowd(2);

    HS_CHECK_EQ(pass(&crowd, 15, 0, 0), 1);
    HS_CHECK_EQ(crowd.put_on_count, 0);
    free(crowd.workers);
    crowd = open_crowd(2);
    HS_CHECK_EQ(pass(&crowd, 74, 0, 1), 0);
    HS_CHECK_EQ(crowd.put_on_count, 1);
    HS_CHECK_EQ(pass(&crowd, 1, 0, 1), 2);
    free(crowd.workers);
}

/* A minute apart they have nothing to do with each other; and who went is no reason to hold the
 * next one. */
static void losses_far_apart_are_no_crowd(void)
{
    struct crowd crowd = open_crowd(5);

    HS_CHECK_EQ(pass(&crowd, 70, 0, 0), 1);
    HS_CHECK_EQ(pass(&crowd, 70, 0, 1), 2);
    HS_CHECK_EQ(pass(&crowd, 70, 0, 2), 3);
    HS_CHECK_EQ(pass(&crowd, 70, 0, 3), 4);
    HS_CHECK_EQ(crowd.put_on_count, 0);
    free(crowd.workers);
}

static void brake_is_put_on_again_only_for_new_losses(void)
{
    struct crowd crowd = open_crowd(10);

    HS_CHECK_EQ(pass(&crowd, 75, 0, 5), 6);
    HS_CHECK_EQ(pass(&crowd, 60, 0, 5), 6);
    HS_CHECK_EQ(crowd.put_on_count, 1);
    HS_CHECK_EQ(pass(&crowd, 16, 0, 9), 6); /* the other four: they are all that is left */
    HS_CHECK_EQ(crowd.put_on_count, 2);
    HS_CHECK_EQ(pass(&crowd, 60, 0, 9), 10);
    free(crowd.workers);
}

/* ---- what comes of it for a job */

static void shares_of_held_workers_are_not_given_to_others(void)
{
    struct rig                 *rig = rig_open_with_worker(2);
    struct hs_msg_exec_dispatch shares[3];

    for (uint32_t link = 2; link <= 3; link++) {
        rig_register(rig, link, link, 1, 2);
        rig_tell_state(rig, link, NULL, 0);
    }
    rig_dispatch(rig, 1,
                 "{\"version\":1,\"workflows\":[{\"name\":\"a\",\"load\":{\"model\":\"closed\","
                 "\"vus\":6,\"for\":\"10s\"}," RIG_STEPS "}]}");
    for (uint32_t link = 1; link <= 3; link++) {
        shares[link - 1] = *rig_share(rig, link, 0);
        rig_ack(rig, link, &shares[link - 1], HS_RESULT_OK);
    }
    rig_pass(rig, 60 * S);
    HS_CHECK_EQ(rig->manager->counts.workers_held, 1);
    HS_CHECK_EQ(rig->manager->counts.workers_lost, 0);
    HS_CHECK_EQ(rig->manager->counts.execs_lost, 0);
    for (uint32_t link = 1; link <= 3; link++) /* they were there all the time */
        rig_result(rig, link, &shares[link - 1], HS_OUTCOME_COMPLETED, 10);
    HS_CHECK_EQ(rig_job(rig, 1)->status, HS_JOB_COMPLETED);
    HS_CHECK_EQ(rig_job(rig, 1)->retries, 0);
    rig_close(rig);
}

CU_TestInfo hs_tests_brake[] = {
    {"14 crowd is three and half of all, or all of two",
     crowd_is_three_and_half_of_all_or_all_of_two},
    {"14 brake without anybody to hold stays off", brake_without_anybody_to_hold_stays_off},
    {"14.5 four of a thousand are given up at once", four_of_a_thousand_are_given_up_at_once},
    {"14.6 six of ten are held, and the four that stay silent go",
     six_of_ten_are_held_and_the_four_that_stay_silent_go},
    {"14 those found dead by others are held too", those_found_dead_by_others_are_held_too},
    {"14 one of two goes at once, and both do not", one_of_two_goes_at_once_and_both_do_not},
    {"14 losses far apart are no crowd", losses_far_apart_are_no_crowd},
    {"14 brake is put on again only for new losses", brake_is_put_on_again_only_for_new_losses},
    {"14 shares of held workers are not given to others",
     shares_of_held_workers_are_not_given_to_others},
    CU_TEST_INFO_NULL,
};
