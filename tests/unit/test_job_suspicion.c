// SPDX-License-Identifier: Apache-2.0
/* test_job_suspicion.c - the watch over jobs on workers alone, in virtual time (membership 10). */
#include "roles/cluster/job_suspicion.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

#define S(seconds) ((uint64_t)((seconds)*1e9))

enum { JOB_A, JOB_B };

struct scene {
    struct hs_job_suspicion table;
    uint64_t                now_ns;
    unsigned                verdict_count;
    struct hs_job_verdict   last;
    uint64_t                last_at_ns;
};

static struct scene *open_scene(void)
{
    const struct hs_job_suspicion_config config = {.silence_ns = S(30),
                                                   .suspect_ns = S(2),
                                                   .stall_ns = S(2),
                                                   .slot_count = HS_JOB_SUSPICION_SLOTS};
    struct scene                        *scene = calloc(1, sizeof *scene);

    if (!scene) abort();
    scene->now_ns = S(1000);
    hs_job_suspicion_init(&scene->table, &config, scene->now_ns);
    return scene;
}

static void look(struct scene *scene)
{
    struct hs_job_verdict verdict;

    while (hs_job_suspicion_next(&scene->table, scene->now_ns, &verdict)) {
        scene->verdict_count++;
        scene->last = verdict;
        scene->last_at_ns = scene->now_ns;
    }
}

/* As its owner does: it comes each 100 ms. */
static void pass(struct scene *scene, uint64_t ns)
{
    for (uint64_t until_ns = scene->now_ns + ns; scene->now_ns < until_ns;) {
        scene->now_ns = hs_min_u64(until_ns, scene->now_ns + S(0.1));
        look(scene);
    }
}

static void watch(struct scene *scene, uint32_t job, uint32_t node)
{
    hs_job_suspicion_watch(&scene->table, job, node, scene->now_ns);
}

static bool tell(struct scene *scene, uint32_t job, uint32_t node, uint64_t seq)
{
    return hs_job_suspicion_news(&scene->table, job, node, seq, scene->now_ns);
}

static void set_node(struct scene *scene, uint32_t node, enum hs_job_health health)
{
    hs_job_suspicion_node(&scene->table, node, health, scene->now_ns);
}

static enum hs_job_health health(struct scene *scene, uint32_t job, uint32_t node)
{
    return hs_job_suspicion_of(&scene->table, job, node);
}

static void close_scene(struct scene *scene)
{
    HS_CHECK_EQ(hs_job_suspicion_reconcile(&scene->table, scene->now_ns), 0);
    HS_CHECK_EQ(scene->table.counts.repaired, 0);
    free(scene);
}

static void silence_is_suspected_then_ends_it(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    watch(scene, JOB_B, 5);
    pass(scene, S(29.9));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_ALIVE);
    HS_CHECK(!tell(scene, JOB_B, 5, 1));
    pass(scene, S(0.2));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    HS_CHECK_EQ(health(scene, JOB_B, 5), HS_JOB_HEALTH_ALIVE);
    pass(scene, S(1.8));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    pass(scene, S(0.2));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    HS_CHECK_EQ(scene->verdict_count, 2);
    HS_CHECK_EQ(scene->last.state, HS_JOB_SLOT_DEAD);
    HS_CHECK(scene->last_at_ns - S(1032) <= S(0.2));
    HS_CHECK(!tell(scene, JOB_A, 5, 7)); /* too late: it was given to others */
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    close_scene(scene);
}

static void news_in_time_clears_it(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    HS_CHECK(!tell(scene, JOB_A, 5, 8));
    pass(scene, S(31));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    HS_CHECK(!tell(scene, JOB_A, 5, 8)); /* said before */
    HS_CHECK(!tell(scene, JOB_A, 5, 7));
    HS_CHECK(tell(scene, JOB_A, 5, 9));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_ALIVE);
    pass(scene, S(29));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_ALIVE);
    HS_CHECK_EQ(scene->table.counts.suspicions, 1);
    HS_CHECK(!tell(scene, JOB_B, 5, 9)); /* of an unknown job */
    HS_CHECK_EQ(scene->table.used_count, 1);
    close_scene(scene);
}

static void a_dead_worker_takes_its_slots_along(void)
{
    struct scene *scene = open_scene();

    for (uint32_t job = 0; job < 40; job++) watch(scene, job, 5);
    watch(scene, JOB_A, 6);
    set_node(scene, 5, HS_JOB_HEALTH_DEAD_NODE);
    HS_CHECK_EQ(scene->table.nodes[5].count, 0);
    HS_CHECK_EQ(scene->table.used_count, 1);
    HS_CHECK_EQ(health(scene, 3, 5), HS_JOB_HEALTH_DEAD_NODE);
    watch(scene, JOB_A, 5); /* a frame that was on its way */
    HS_CHECK_EQ(scene->table.used_count, 1);
    tell(scene, JOB_A, 6, 1);
    pass(scene, S(29));
    tell(scene, JOB_A, 6, 2);
    pass(scene, S(20));
    HS_CHECK_EQ(scene->verdict_count, 0); /* nobody is told of its jobs one by one */
    close_scene(scene);
}

static void a_job_that_ends_leaves_nothing(void)
{
    struct scene *scene = open_scene();

    for (uint32_t node = 0; node < HS_JOB_SUSPICION_OF_JOB_MAX; node++) {
        watch(scene, JOB_A, node);
        if (node < 100) watch(scene, JOB_B, node);
    }
    HS_CHECK_EQ(scene->table.jobs[JOB_A].count, 1000);
    hs_job_suspicion_end_job(&scene->table, JOB_A);
    HS_CHECK_EQ(scene->table.jobs[JOB_A].count, 0);
    HS_CHECK_EQ(scene->table.jobs[JOB_B].count, 100);
    HS_CHECK_EQ(scene->table.used_count, 100);
    close_scene(scene);
}

static void many_jobs_one_after_another_cost_nothing(void)
{
    struct scene *scene = open_scene();

    for (uint32_t i = 0; i < 100000; i++) {
        watch(scene, i % HS_JOBS_MAX, i % 7);
        scene->now_ns += S(0.001);
        look(scene);
        hs_job_suspicion_end_job(&scene->table, i % HS_JOBS_MAX);
    }
    HS_CHECK_EQ(scene->table.used_count, 0);
    HS_CHECK_EQ(scene->table.high, 1);
    HS_CHECK_EQ(scene->table.wheel.armed_count, 0);
    close_scene(scene);
}

static void a_full_table_suspects_nobody_for_it(void)
{
    struct scene *scene = open_scene();
    uint32_t      count = 0;

    for (uint32_t job = 0; count < HS_JOB_SUSPICION_SLOTS; job++)
        for (uint32_t node = 0; node < 1000 && count < HS_JOB_SUSPICION_SLOTS; node++, count++)
            watch(scene, job, node);
    HS_CHECK_EQ(scene->table.used_count, HS_JOB_SUSPICION_SLOTS);
    watch(scene, 100, 3);
    HS_CHECK_EQ(scene->table.counts.refused, 1);
    HS_CHECK_EQ(health(scene, 100, 3), HS_JOB_HEALTH_ALIVE);
    hs_job_suspicion_end_job(&scene->table, 4);
    watch(scene, 100, 3);
    HS_CHECK_EQ(scene->table.counts.refused, 1);
    for (uint32_t node = 0; node <= 1000; node++) watch(scene, 4, node % 1001);
    HS_CHECK_EQ(scene->table.jobs[4].count, 999); /* all that was free */
    HS_CHECK_EQ(scene->table.counts.refused, 3);
    close_scene(scene);
}

static void a_job_has_a_bound_of_its_own(void)
{
    struct scene *scene = open_scene();

    for (uint32_t node = 0; node < 2 * HS_JOB_SUSPICION_OF_JOB_MAX; node++)
        watch(scene, JOB_A, node);
    HS_CHECK_EQ(scene->table.jobs[JOB_A].count, HS_JOB_SUSPICION_OF_JOB_MAX);
    HS_CHECK_EQ(scene->table.counts.refused, HS_JOB_SUSPICION_OF_JOB_MAX);
    close_scene(scene);
}

static void a_suspected_worker_is_judged_for_no_job(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    pass(scene, S(30.8)); /* suspected since 30: 1.2 s are left */
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    set_node(scene, 5, HS_JOB_HEALTH_SUSPECT_NODE);
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT_NODE);
    HS_CHECK_EQ(scene->table.wheel.armed_count, 0);
    pass(scene, S(60));
    HS_CHECK_EQ(scene->verdict_count, 1);
    set_node(scene, 5, HS_JOB_HEALTH_ALIVE);
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    pass(scene, S(1.1));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    pass(scene, S(0.2));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    close_scene(scene);
}

static void a_new_life_begins_with_nothing_held_against_it(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    tell(scene, JOB_A, 5, 1000);
    pass(scene, S(33));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    hs_job_suspicion_rest(&scene->table, JOB_A, 5); /* nothing of it runs there */
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    hs_job_suspicion_registered(&scene->table, 5, false); /* the same life */
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    hs_job_suspicion_registered(&scene->table, 5, true);
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_ALIVE);
    watch(scene, JOB_A, 5);
    pass(scene, S(33));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    close_scene(scene);
}

static void a_worker_that_was_dead_can_be_suspected_again(void)
{
    struct scene *scene = open_scene();

    set_node(scene, 5, HS_JOB_HEALTH_DEAD_NODE);
    set_node(scene, 5, HS_JOB_HEALTH_ALIVE);
    watch(scene, JOB_A, 5);
    pass(scene, S(31));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    hs_job_suspicion_rest(&scene->table, JOB_A, 5);
    HS_CHECK_EQ(scene->table.used_count, 0);
    close_scene(scene);
}

static void a_restarted_worker_process_numbers_its_reports_anew(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    tell(scene, JOB_A, 5, 1000);
    hs_job_suspicion_registered(&scene->table, 5, false);
    pass(scene, S(31));
    HS_CHECK(tell(scene, JOB_A, 5, 1));
    close_scene(scene);
}

static void no_time_passes_while_its_owner_does_not_run(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    pass(scene, S(10));
    scene->now_ns += S(600);
    look(scene);
    HS_CHECK_EQ(scene->verdict_count, 0);
    pass(scene, S(17));
    HS_CHECK_EQ(scene->verdict_count, 0);
    hs_job_suspicion_hold(&scene->table, true, scene->now_ns);
    HS_CHECK(hs_job_suspicion_deadline_ns(&scene->table) == HS_NEVER_NS);
    pass(scene, S(100));
    HS_CHECK_EQ(scene->verdict_count, 0);
    hs_job_suspicion_hold(&scene->table, false, scene->now_ns);
    HS_CHECK(hs_job_suspicion_deadline_ns(&scene->table) <= scene->now_ns + S(2));
    pass(scene, S(2));
    HS_CHECK_EQ(scene->verdict_count, 1);
    close_scene(scene);
}

static void what_does_not_fit_is_repaired_and_counted(void)
{
    struct scene *scene = open_scene();

    watch(scene, JOB_A, 5);
    watch(scene, JOB_A, 6);
    scene->table.jobs[JOB_A].count = 7;
    hs_timer_cancel(&scene->table.wheel, 0);
    scene->table.health[6] = HS_JOB_HEALTH_DEAD_NODE;
    HS_CHECK_EQ(hs_job_suspicion_reconcile(&scene->table, scene->now_ns), 3);
    HS_CHECK_EQ(scene->table.counts.repaired, 3);
    HS_CHECK_EQ(scene->table.used_count, 1);
    pass(scene, S(31));
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_SUSPECT);
    hs_timer_cancel(&scene->table.wheel, 0);
    scene->table.used_count = 0; /* as if nothing were watched */
    HS_CHECK_EQ(hs_job_suspicion_reconcile(&scene->table, scene->now_ns), 2);
    HS_CHECK_EQ(scene->table.used_count, 1);
    pass(scene, S(2.1)); /* it was suspected: there is no time for it but that */
    HS_CHECK_EQ(health(scene, JOB_A, 5), HS_JOB_HEALTH_DEAD);
    scene->table.counts.repaired = 0;
    close_scene(scene);
}

CU_TestInfo hs_tests_job_suspicion[] = {
    {"10.2 silence is suspected after 30 s and ends the job there two seconds later",
     silence_is_suspected_then_ends_it},
    {"10.2 news at 31 s clears it, old news does not", news_in_time_clears_it},
    {"10.3 a dead worker takes its slots along in the same step",
     a_dead_worker_takes_its_slots_along},
    {"10.4 a job that ends leaves no slot, others are untouched", a_job_that_ends_leaves_nothing},
    {"10.5 100,000 jobs one after another need one slot", many_jobs_one_after_another_cost_nothing},
    {"10.6 a full table refuses, counts and suspects nobody", a_full_table_suspects_nobody_for_it},
    {"10.6 twice the bound of one job", a_job_has_a_bound_of_its_own},
    {"10.7 a worker suspected of being gone is judged for no job, and goes on with what was left",
     a_suspected_worker_is_judged_for_no_job},
    {"10.9 a new life begins with nothing held against it",
     a_new_life_begins_with_nothing_held_against_it},
    {"10.9 a worker that was dead can be suspected again",
     a_worker_that_was_dead_can_be_suspected_again},
    {"a restarted worker process numbers its reports anew",
     a_restarted_worker_process_numbers_its_reports_anew},
    {"no time passes while the manager does not run or turns reports away",
     no_time_passes_while_its_owner_does_not_run},
    {"what does not fit is repaired and counted", what_does_not_fit_is_repaired_and_counted},
    CU_TEST_INFO_NULL};
