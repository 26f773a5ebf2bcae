// SPDX-License-Identifier: Apache-2.0
/* test_manager_workers.c - one row per worker whatever it does, and never more rows than there is
 * room for. */
#include "roles/manager/workers.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct hs_workers *open_workers(void)
{
    struct hs_workers *workers = calloc(1, sizeof *workers);

    workers->session_base = 1000;
    return workers;
}

static int add(struct hs_workers *workers, unsigned id, uint64_t incarnation, uint32_t link,
               struct hs_manager_worker **worker)
{
    struct hs_msg_wreg wreg = {.incarnation = incarnation, .cores = 4, .engines_mask = 0xf};

    memcpy(wreg.worker, &id, sizeof id);
    return hs_workers_register(workers, &wreg, link, HS_NS_PER_S, worker);
}

static void a_worker_has_one_row_however_often_it_comes(void)
{
    struct hs_workers        *workers = open_workers();
    struct hs_manager_worker *worker = NULL;
    uint64_t                  session = 0;

    for (unsigned i = 0; i < 100; i++) {
        HS_CHECK_EQ(add(workers, 7, 1 + i / 2, i + 1, &worker), i % 2 ? 2 : 1);
        HS_CHECK(worker->session > session);
        HS_CHECK(!worker->is_reconciled);
        session = worker->session;
    }
    HS_CHECK_EQ(workers->count, 1);
    HS_CHECK(hs_workers_find_link(workers, 100) == worker);
    HS_CHECK(hs_workers_find_link(workers, 99) == NULL);
    HS_CHECK_EQ(add(workers, 7, 1, 101, &worker), -EINVAL); /* an old life */
    free(workers);
}

static void a_full_table_takes_nobody_but_in_place_of_the_lost(void)
{
    struct hs_workers        *workers = open_workers();
    struct hs_manager_worker *worker = NULL;

    for (unsigned i = 0; i < 2 * HS_WORKERS_MAX; i++)
        HS_CHECK_EQ(add(workers, i, 1, i + 1, &worker), i < HS_WORKERS_MAX ? 1 : -ENOBUFS);
    HS_CHECK_EQ(workers->count, HS_WORKERS_MAX);
    workers->at[5].is_lost = true;
    HS_CHECK_EQ(add(workers, 9999, 1, 9999, &worker), 1);
    HS_CHECK(worker == &workers->at[5]);
    HS_CHECK_EQ(workers->count, HS_WORKERS_MAX);
    free(workers);
}

static void cores_count_when_their_engines_are_up_or_stay_down(void)
{
    struct hs_workers        *workers = open_workers();
    struct hs_manager_worker *worker = NULL;
    struct hs_msg_whb         whb = {0};

    HS_CHECK_EQ(add(workers, 1, 1, 1, &worker), 1);
    HS_CHECK_EQ(hs_workers_usable_cores(worker, HS_NS_PER_S), 0); /* has not said what it runs */
    worker->is_reconciled = true;
    HS_CHECK_EQ(hs_workers_usable_cores(worker, HS_NS_PER_S), 4);
    whb.session = worker->session;
    whb.engines_mask = 0x7; /* one is being restarted */
    HS_CHECK(hs_workers_heartbeat(worker, &whb, 2 * HS_NS_PER_S));
    HS_CHECK_EQ(hs_workers_usable_cores(worker, 2 * HS_NS_PER_S), 0);
    HS_CHECK_EQ(hs_workers_usable_at_ns(worker), 3 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_workers_usable_cores(worker, 3 * HS_NS_PER_S), 3);
    whb.draining = 1;
    HS_CHECK(hs_workers_heartbeat(worker, &whb, 3 * HS_NS_PER_S));
    HS_CHECK_EQ(hs_workers_usable_cores(worker, 5 * HS_NS_PER_S), 0);
    whb.session = 5;
    HS_CHECK(!hs_workers_heartbeat(worker, &whb, 3 * HS_NS_PER_S));
    free(workers);
}

static void nonsense_is_not_registered(void)
{
    struct hs_workers        *workers = open_workers();
    struct hs_manager_worker *worker = NULL;
    struct hs_msg_wreg        wreg = {.incarnation = 1};

    HS_CHECK_EQ(hs_workers_register(workers, &wreg, 1, 1, &worker), -EINVAL);
    wreg.cores = HS_ENGINES_MAX + 1;
    HS_CHECK_EQ(hs_workers_register(workers, &wreg, 1, 1, &worker), -EINVAL);
    HS_CHECK_EQ(workers->count, 0);
    free(workers);
}

static int add_named(struct hs_workers *workers, const char *name, uint64_t incarnation,
                     uint32_t link, struct hs_manager_worker **worker)
{
    struct hs_msg_wreg wreg = {
        .worker = {7}, .incarnation = incarnation, .cores = 4, .engines_mask = 0xf};

    (void)snprintf(wreg.name, sizeof wreg.name, "%s", name);
    return hs_workers_register(workers, &wreg, link, HS_NS_PER_S, worker);
}

static void nobody_takes_the_place_of_another_name(void)
{
    struct hs_workers        *workers = open_workers();
    struct hs_manager_worker *worker = NULL;
    uint64_t                  session;

    HS_CHECK_EQ(add_named(workers, "good", 5, 1, &worker), 1);
    session = worker->session;
    HS_CHECK_EQ(add_named(workers, "evil", 5, 2, &worker), -EEXIST);
    HS_CHECK_EQ(add_named(workers, "evil", 6, 2, &worker), -EEXIST); /* a higher life or not */
    hs_workers_link_down(workers, 1);
    HS_CHECK_EQ(add_named(workers, "evil", 6, 2, &worker), -EEXIST); /* while it may come back */
    worker = hs_workers_find(workers, (const uint8_t[16]){7});
    HS_CHECK_TEXT(worker->name, "good");
    HS_CHECK_EQ(worker->session, session);
    HS_CHECK_EQ(worker->incarnation, 5);
    HS_CHECK(hs_workers_find_link(workers, 2) == NULL);
    HS_CHECK_EQ(add_named(workers, "good", 5, 3, &worker), 2);
    worker->is_lost = true; /* then the host may have got another name */
    HS_CHECK_EQ(add_named(workers, "renamed", 6, 4, &worker), 1);
    HS_CHECK_EQ(workers->count, 1);
    free(workers);
}

static void a_question_for_more_time_counts_for_two_minutes(void)
{
    const struct hs_extension_ask ask = {.is_current = true, .is_reconciled = true};
    struct hs_workers            *workers = open_workers();
    struct hs_manager_worker     *worker = NULL;
    struct hs_extension_answer    answer;

    HS_CHECK_EQ(hs_workers_extended(workers, HS_NS_PER_S), 0);
    HS_CHECK_EQ(add_named(workers, "slow", 5, 1, &worker), 1);
    HS_CHECK_EQ(hs_workers_extended(workers, 2 * HS_NS_PER_S), 0);
    hs_extension_ask(&worker->extension, &ask, 3 * HS_NS_PER_S, &answer);
    HS_CHECK_EQ(hs_workers_extended(workers, 3 * HS_NS_PER_S), 1);
    HS_CHECK_EQ(hs_workers_extended(workers, 122 * HS_NS_PER_S), 1);
    HS_CHECK_EQ(hs_workers_extended(workers, 123 * HS_NS_PER_S), 0);
    hs_workers_forget(workers, worker);
    HS_CHECK_EQ(hs_workers_extended(workers, 4 * HS_NS_PER_S), 0);
    free(workers);
}

CU_TestInfo hs_tests_manager_workers[] = {
    {"BAD-11 a worker has one row however often it comes",
     a_worker_has_one_row_however_often_it_comes},
    {"BAD-14 a full table takes nobody but in place of the lost",
     a_full_table_takes_nobody_but_in_place_of_the_lost},
    {"cores count when their engines are up, or stay down",
     cores_count_when_their_engines_are_up_or_stay_down},
    {"BAD-12 SEC-4 nobody takes the place of another name", nobody_takes_the_place_of_another_name},
    {"nonsense is not registered", nonsense_is_not_registered},
    {"a question for more time counts for two minutes",
     a_question_for_more_time_counts_for_two_minutes},
    CU_TEST_INFO_NULL,
};
