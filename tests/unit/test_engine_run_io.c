// SPDX-License-Identifier: Apache-2.0
/* test_engine_run_io.c - a share of a load from its start to its end against a server that behaves:
 * what is offered, what the server counts, warm-up, steps, think time, stop, resumption. Servers
 * that misbehave: test_engine_faults_io.c. */
#include "roles/stats/figures_record.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/run_fixture.h"
#include "tests/unit/suites.h"

#include <errno.h>

static const struct run_serve ok = {.answer = RUN_OK};
static const struct run_serve silent = {.answer = NULL};

#define STEP "{\"url\": \"/x\"}"

/* What takes less than half a second by itself, and what it must not wait for is far longer: of a
 * busy machine no more is asked. */
enum { ENDS_MS = 5000 };

static uint64_t tally(const struct hs_stats *stats, enum hs_tally which)
{
    return stats->tallies[which];
}

static void check_clean(struct run_world *world, uint64_t expected)
{
    const struct hs_stats *stats = run_world_read(world, 0, false);

    HS_CHECK_EQ(tally(stats, HS_TALLY_SENT), expected);
    HS_CHECK_EQ(hs_stats_completed(stats), expected);
    HS_CHECK_EQ(hs_stats_offered(stats), expected);
    HS_CHECK_EQ(tally(stats, HS_TALLY_ITERATIONS), expected);
    HS_CHECK_EQ(world->counts->answers, expected);
    HS_CHECK_EQ(world->counts->requests, expected);
    HS_CHECK_EQ(tally(stats, HS_TALLY_CONNECTIONS), world->counts->connections);
    HS_CHECK_EQ(tally(stats, HS_TALLY_BYTES_IN), expected * strlen(RUN_OK));
}

/* ---- the closed model ---- */

static void check_iterations(enum hs_loop_backend backend)
{
    struct run_world world;

    run_world_init(&world, backend, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 10, \"iterations\": 500}", "", STEP,
                  5000);
    check_clean(&world, 500);
    HS_CHECK_EQ(world.counts->connections, 10);
    HS_CHECK_EQ(world.run->code, 0);
    run_world_fini(&world);
}

static void check_closed_time(enum hs_loop_backend backend)
{
    struct run_world       world;
    const struct hs_stats *stats;
    uint64_t               begin_ns;

    run_world_init(&world, backend, &ok);
    begin_ns = hs_loop_clock_ns(world.loop);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 8, \"for\": \"100ms\"}", "", STEP,
                  ENDS_MS);
    HS_CHECK(hs_loop_clock_ns(world.loop) - begin_ns >= 100 * HS_NS_PER_MS);
    stats = run_world_read(&world, 0, false);
    HS_CHECK(hs_stats_completed(stats) > 8);
    check_clean(&world, hs_stats_completed(stats));
    HS_CHECK_EQ(world.counts->connections, 8);
    run_world_fini(&world);
}

static void virtual_users_without_an_iteration_stay_away(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 20, \"iterations\": 7}", "", STEP,
                  5000);
    check_clean(&world, 7);
    HS_CHECK_EQ(world.counts->connections, 7);
    run_world_fini(&world);
}

static void every_virtual_user_does_its_own_iterations(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 5, \"iterations_per_vu\": 20}", "",
                  STEP, 5000);
    check_clean(&world, 100);
    run_world_fini(&world);
}

static void think_time_passes_between_iterations(void)
{
    struct run_world world;
    uint64_t         begin_ns;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    begin_ns = hs_loop_clock_ns(world.loop);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 3, \"iterations_per_vu\": 5}",
                  ", \"think\": \"20ms\"", STEP, ENDS_MS);
    check_clean(&world, 15);
    HS_CHECK(hs_loop_clock_ns(world.loop) - begin_ns >= 80 * HS_NS_PER_MS);
    run_world_fini(&world);
}

/* Nothing is under way between two iterations: neither the end of the load nor a stop waits for
 * somebody who thinks. */
static void nobody_waits_for_virtual_users_that_think(void)
{
    struct run_world world;
    uint64_t         now_ns;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 3, \"for\": \"200ms\"}",
                  ", \"think\": \"40s\", \"drain\": \"30s\"", STEP, ENDS_MS);
    check_clean(&world, 3);
    hs_run_close(&world.run);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 3, \"iterations\": 3}",
                  ", \"think\": \"40s\"", STEP, ENDS_MS);
    hs_run_close(&world.run);
    if (run_world_plan(&world, "{\"model\": \"closed\", \"vus\": 3, \"for\": \"60s\"}",
                       ", \"think\": \"40s\"", STEP) &&
        run_world_start(&world)) {
        now_ns = hs_loop_clock_ns(world.loop);
        run_world_turn(&world, now_ns + 50 * HS_NS_PER_MS);
        hs_run_stop(world.run, now_ns, now_ns + 30 * HS_NS_PER_S);
        run_world_finish(&world, ENDS_MS);
    }
    run_world_fini(&world);
}

/* ---- the open model ---- */

static void check_rate(enum hs_loop_backend backend)
{
    struct run_world world;

    run_world_init(&world, backend, &ok);
    run_world_run(&world, "{\"model\": \"open\", \"rate\": \"4000/s\", \"for\": \"250ms\"}", "",
                  STEP, 2000);
    check_clean(&world, 1000);
    HS_CHECK(world.counts->connections < 500); /* they are used again */
    run_world_fini(&world);
}

static void check_warmup(enum hs_loop_backend backend)
{
    struct run_world world;

    run_world_init(&world, backend, &ok);
    run_world_run(&world, "{\"model\": \"open\", \"rate\": \"1000/s\", \"for\": \"200ms\"}",
                  ", \"warmup\": {\"for\": \"100ms\"}", STEP, 2000);
    HS_CHECK_EQ(hs_stats_completed(run_world_read(&world, 0, false)), 200);
    HS_CHECK_EQ(hs_stats_completed(run_world_read(&world, 0, true)), 100);
    HS_CHECK_EQ(world.counts->answers, 300);
    run_world_fini(&world);
}

/* A server that never answers: ten are in flight, nobody takes up the other 190. */
static void check_saturation(const char *load)
{
    struct run_world       world;
    const struct hs_stats *stats;

    run_world_init(&world, HS_LOOP_AUTO, &silent);
    run_world_run(&world, load, ", \"drain\": \"50ms\"", STEP, ENDS_MS);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_offered(stats), 200);
    HS_CHECK_EQ(tally(stats, HS_TALLY_SENT), 10);
    HS_CHECK_EQ(tally(stats, HS_TALLY_DROPPED), 190);
    HS_CHECK_EQ(tally(stats, HS_TALLY_CUT), 10);
    HS_CHECK_EQ(world.counts->requests, 10);
    run_world_fini(&world);
}

#define SATURATED                                                                                  \
    "{\"model\": \"open\", \"rate\": \"1000/s\", \"for\": \"200ms\", \"max_in_flight\": 10, "      \
    "\"on_saturation\": "

static void arrivals_above_the_bound_are_dropped(void)
{
    check_saturation(SATURATED "\"drop\"}");
}

static void arrivals_that_still_wait_at_the_end_are_dropped(void)
{
    check_saturation(SATURATED "\"queue\"}");
}

/* One connection, so that arrivals queue; their wait is part of the response time. */
static void response_time_counts_from_the_schedule(void)
{
    struct run_world       world;
    const struct hs_stats *stats;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    if (!run_world_plan(&world, "{\"model\": \"open\", \"rate\": \"50/s\", \"for\": \"2s\"}", "",
                        STEP))
        return;
    world.order.start_at_ns -= 1900 * HS_NS_PER_MS; /* 96 are due already */
    if (!run_world_start(&world)) return;
    run_world_finish(&world, ENDS_MS);
    check_clean(&world, 100);
    stats = run_world_read(&world, 0, false);
    HS_CHECK(stats->moments[HS_MEASURE_RESPONSE].max_ns >= 1900 * HS_NS_PER_MS);
    HS_CHECK(stats->moments[HS_MEASURE_SERVICE].max_ns < 1900 * HS_NS_PER_MS);
    HS_CHECK(stats->moments[HS_MEASURE_LAG].max_ns >= 1900 * HS_NS_PER_MS);
    run_world_fini(&world);
}

/* Two users, each busy for 20 ms with a request that is not answered: arrivals wait for them, which
 * is not the engine's lateness; and once the load is over no more of them begin. */
static void a_wait_for_a_virtual_user_is_no_lateness(void)
{
    struct run_world       world;
    const struct hs_stats *stats;

    run_world_init(&world, HS_LOOP_AUTO, &silent);
    run_world_run(
        &world,
        "{\"model\": \"open\", \"rate\": \"1000/s\", \"for\": \"200ms\", \"max_in_flight\": 2}",
        ", \"drain\": \"10s\"", "{\"url\": \"/x\", \"timeout\": \"20ms\"}", 1500);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_offered(stats), 200);
    HS_CHECK(tally(stats, HS_TALLY_SENT) >= 8);
    HS_CHECK(tally(stats, HS_TALLY_SENT) <= 22);
    HS_CHECK_EQ(stats->errors[HS_ERROR_TIMEOUT_RESPONSE], tally(stats, HS_TALLY_SENT));
    HS_CHECK(stats->moments[HS_MEASURE_FAILED].max_ns >= 100 * HS_NS_PER_MS);
    HS_CHECK(stats->moments[HS_MEASURE_LAG].sum_ns < stats->moments[HS_MEASURE_FAILED].sum_ns / 10);
    run_world_fini(&world);
}

/* ---- the end before the end ---- */

static void check_stop(enum hs_loop_backend backend)
{
    struct run_world world;
    uint64_t         now_ns;

    run_world_init(&world, backend, &ok);
    if (run_world_plan(&world, "{\"model\": \"closed\", \"vus\": 4, \"for\": \"60s\"}", "", STEP) &&
        run_world_start(&world)) {
        for (unsigned turn = 0; turn < 100 && world.counts->answers <= 4; turn++)
            run_world_turn(&world, hs_loop_clock_ns(world.loop) + 50 * HS_NS_PER_MS);
        now_ns = hs_loop_clock_ns(world.loop);
        hs_run_stop(world.run, now_ns, now_ns + 30 * HS_NS_PER_S);
        run_world_finish(&world, ENDS_MS);
        check_clean(&world, world.counts->answers);
        HS_CHECK(world.counts->answers > 4);
    }
    run_world_fini(&world);
}

static void what_does_not_answer_is_cut_at_the_deadline(void)
{
    struct run_world world;
    uint64_t         now_ns;

    run_world_init(&world, HS_LOOP_AUTO, &silent);
    if (run_world_plan(&world, "{\"model\": \"closed\", \"vus\": 4, \"for\": \"60s\"}", "", STEP) &&
        run_world_start(&world)) {
        run_world_turn(&world, hs_loop_clock_ns(world.loop) + 20 * HS_NS_PER_MS);
        now_ns = hs_loop_clock_ns(world.loop);
        hs_run_stop(world.run, now_ns, now_ns + 50 * HS_NS_PER_MS);
        run_world_finish(&world, ENDS_MS);
        HS_CHECK_EQ(tally(run_world_read(&world, 0, false), HS_TALLY_CUT), 4);
        HS_CHECK_EQ(tally(run_world_read(&world, 0, false), HS_TALLY_SENT), 4);
    }
    run_world_fini(&world);
}

static void what_does_not_answer_is_cut_when_the_drain_is_over(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &silent);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 6, \"for\": \"50ms\"}",
                  ", \"drain\": \"50ms\"", STEP, ENDS_MS);
    HS_CHECK_EQ(tally(run_world_read(&world, 0, false), HS_TALLY_CUT), 6);
    run_world_fini(&world);
}

static void check_stopped_before(const char *load)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    if (run_world_plan(&world, load, "", STEP)) {
        world.order.start_at_ns += 60 * HS_NS_PER_S;
        if (run_world_start(&world)) {
            hs_run_stop(world.run, hs_loop_clock_ns(world.loop), HS_NEVER_NS);
            run_world_finish(&world, ENDS_MS);
        }
        check_clean(&world, 0);
    }
    run_world_fini(&world);
}

static void a_run_stopped_before_its_start_does_nothing(void)
{
    check_stopped_before("{\"model\": \"closed\", \"vus\": 4, \"for\": \"60s\"}");
    check_stopped_before("{\"model\": \"open\", \"rate\": \"10/s\", \"for\": \"60s\"}");
}

/* ---- the successor of a dead engine ---- */

static struct hs_figures_page_shm *claim_page(struct run_world *world)
{
    struct hs_figures_key key = {.exec_fence = 1};

    hs_engine_figures_key(1, key.exec_id);
    return hs_figures_claim(world->figures, &key, 1);
}

static void a_resumed_share_counts_as_lost_what_came_due_meanwhile(void)
{
    struct run_world            world;
    struct hs_figures_page_shm *page;
    const struct hs_stats      *stats;
    uint64_t                    cut_count;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    if (!run_world_plan(&world, "{\"model\": \"open\", \"rate\": \"1000/s\", \"for\": \"300ms\"}",
                        "", STEP))
        return;
    page = claim_page(&world); /* the predecessor sent 40, of which 5 had no answer yet */
    for (unsigned i = 0; i < 40; i++) {
        hs_figures_record(page, HS_MEASURE_LAG, 0);
        hs_figures_sent(page);
        if (i < 35) hs_figures_completed(page, 1000, 1000, 200);
    }
    HS_CHECK_EQ(hs_figures_adopt(world.figures, 2, &cut_count), 1);
    HS_CHECK_EQ(cut_count, 5);
    world.order.is_resumed = 1;
    world.order.start_at_ns -= 100 * HS_NS_PER_MS;
    if (!run_world_start(&world)) return;
    run_world_finish(&world, ENDS_MS);
    stats = run_world_read(&world, 0, false);
    HS_CHECK_EQ(hs_stats_offered(stats), 300);
    HS_CHECK(tally(stats, HS_TALLY_LOST) >= 60);
    HS_CHECK_EQ(tally(stats, HS_TALLY_SENT), 300 - tally(stats, HS_TALLY_LOST));
    HS_CHECK_EQ(tally(stats, HS_TALLY_CUT), 5);
    HS_CHECK_EQ(world.counts->answers, tally(stats, HS_TALLY_SENT) - 40);
    run_world_fini(&world);
}

/* ---- steps ---- */

static void an_iteration_goes_through_all_steps(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 5, \"iterations\": 50}", "",
                  "{\"url\": \"/a\"}, {\"url\": \"/b\", \"think\": \"1ms\"}, {\"url\": \"/c\"}",
                  5000);
    for (uint32_t i = 0; i < 3; i++) {
        const struct hs_stats *stats = run_world_read(&world, i, false);

        HS_CHECK_EQ(hs_stats_completed(stats), 50);
        HS_CHECK_EQ(tally(stats, HS_TALLY_ITERATIONS), i == 2 ? 50 : 0);
    }
    HS_CHECK_EQ(world.counts->answers, 150);
    HS_CHECK_EQ(world.counts->connections, 5);
    run_world_fini(&world);
}

/* The second step wants what the server does not say. */
static void check_on_error(const char *on_error, uint64_t third_count, int code)
{
    struct run_world world;
    char             more[64];

    (void)snprintf(more, sizeof more, ", \"on_error\": \"%s\"", on_error);
    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 1, \"iterations\": 10}", more,
                  "{\"url\": \"/a\"}, {\"url\": \"/b\", \"checks\": [{\"status\": 201}]}, "
                  "{\"url\": \"/c\"}",
                  5000);
    HS_CHECK_EQ(run_world_read(&world, 1, false)->errors[HS_ERROR_CHECK], code ? 1 : 10);
    HS_CHECK_EQ(hs_stats_completed(run_world_read(&world, 2, false)), third_count);
    HS_CHECK_EQ(world.run->code, code);
    run_world_fini(&world);
}

static void after_a_failure_the_plan_says_where_to_go_on(void)
{
    check_on_error("continue", 10, 0);
    check_on_error("next-iteration", 0, 0);
    check_on_error("abort", 0, -ECANCELED);
}

/* A failed iteration is one of those that a virtual user has. */
static void iterations_that_fail_are_counted_off(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 2, \"iterations_per_vu\": 3}",
                  ", \"on_error\": \"next-iteration\"",
                  "{\"url\": \"/${iteration}\", \"checks\": [{\"status\": 201}]}", ENDS_MS);
    HS_CHECK_EQ(run_world_read(&world, 0, false)->errors[HS_ERROR_CHECK], 6);
    HS_CHECK(strncmp(world.counts->last_request, "GET /2 ", 7) == 0);
    run_world_fini(&world);
}

static void requests_are_rendered_for_each_user_and_iteration(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_world_run(&world, "{\"model\": \"closed\", \"vus\": 1, \"iterations\": 3}", "",
                  "{\"url\": \"/${vu}/${iteration}?q=${seq}\", \"headers\": {\"X-At\": "
                  "\"${worker}-${datacenter}\"}}",
                  5000);
    check_clean(&world, 3);
    HS_CHECK(strncmp(world.counts->last_request, "GET /0/2?q=2 HTTP/1.1\r\n", 23) == 0);
    HS_CHECK(strstr(world.counts->last_request, "\r\nX-At: node-here\r\n") != NULL);
    run_world_fini(&world);
}

#define TWO_TARGETS "{\"url\": \"/a\"}, {\"url\": \"http://localhost:%u/b\"}, {\"url\": \"/c\"}"

static void run_two_targets(struct run_world *world)
{
    char steps[256];

    (void)snprintf(steps, sizeof steps, TWO_TARGETS, world->port);
    run_world_run(world, "{\"model\": \"closed\", \"vus\": 4, \"iterations\": 40}", "", steps,
                  5000);
    for (uint32_t i = 0; i < 3; i++)
        HS_CHECK_EQ(hs_stats_completed(run_world_read(world, i, false)), 40);
    HS_CHECK_EQ(world->counts->answers, 120);
}

static void each_target_has_a_connection_of_its_own(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    run_two_targets(&world);
    HS_CHECK_EQ(world.counts->connections, 8);
    run_world_fini(&world);
}

/* Where there is room for one connection a user only, it is closed and opened from target to
 * target. */
static void targets_share_a_connection_where_there_are_few(void)
{
    struct run_world world;

    run_world_init(&world, HS_LOOP_AUTO, &ok);
    world.connections_max = 7;
    run_two_targets(&world);
    HS_CHECK_EQ(world.counts->connections, 40 * 2 + 4); /* a, b and c, and a again without change */
    run_world_fini(&world);
}

static void more_users_than_connections_are_refused(void)
{
    struct run_world world;
    struct hs_err    err = {0};

    run_world_init(&world, HS_LOOP_AUTO, NULL);
    if (run_world_plan(&world, "{\"model\": \"closed\", \"vus\": 5, \"iterations\": 5}", "",
                       STEP)) {
        world.setup = (struct hs_run_setup){.loop = world.loop,
                                            .figures = world.figures,
                                            .generation = 1,
                                            .connections_max = 4,
                                            .image = world.image,
                                            .order = &world.order};
        HS_CHECK_EQ(hs_run_open(&world.run, &world.setup, &err), -ENOBUFS);
        HS_CHECK_TEXT(err.text, "5 connections wanted, engine.connections_max is 4: No buffer "
                                "space available");
        world.order.vu_count = 0;
        HS_CHECK_EQ(hs_run_open(&world.run, &world.setup, &err), -EINVAL);
    }
    run_world_fini(&world);
}

HS_ON_BOTH(check_iterations)
HS_ON_BOTH(check_closed_time)
HS_ON_BOTH(check_rate)
HS_ON_BOTH(check_warmup)
HS_ON_BOTH(check_stop)

CU_TestInfo hs_tests_engine_run_io[] = {
    HS_BOTH_ROWS("iterations are as many as asked for, and the server saw them", check_iterations),
    HS_BOTH_ROWS("a closed load lasts as long as asked for", check_closed_time),
    {"virtual users without an iteration stay away", virtual_users_without_an_iteration_stay_away},
    {"every virtual user does its own iterations", every_virtual_user_does_its_own_iterations},
    {"think time passes between iterations", think_time_passes_between_iterations},
    {"nobody waits for virtual users that think", nobody_waits_for_virtual_users_that_think},
    HS_BOTH_ROWS("an open load offers rate times duration", check_rate),
    HS_BOTH_ROWS("the warm-up is counted apart", check_warmup),
    {"arrivals above the bound are dropped", arrivals_above_the_bound_are_dropped},
    {"arrivals that still wait at the end are dropped",
     arrivals_that_still_wait_at_the_end_are_dropped},
    {"response time counts from the schedule", response_time_counts_from_the_schedule},
    {"a wait for a virtual user is no lateness", a_wait_for_a_virtual_user_is_no_lateness},
    HS_BOTH_ROWS("a run that is stopped finishes what is in flight", check_stop),
    {"what does not answer is cut at the deadline", what_does_not_answer_is_cut_at_the_deadline},
    {"what does not answer is cut when the drain is over",
     what_does_not_answer_is_cut_when_the_drain_is_over},
    {"a run stopped before its start does nothing", a_run_stopped_before_its_start_does_nothing},
    {"a resumed share counts as lost what came due meanwhile",
     a_resumed_share_counts_as_lost_what_came_due_meanwhile},
    {"an iteration goes through all steps", an_iteration_goes_through_all_steps},
    {"after a failure the plan says where to go on", after_a_failure_the_plan_says_where_to_go_on},
    {"iterations that fail are counted off", iterations_that_fail_are_counted_off},
    {"requests are rendered for each user and iteration",
     requests_are_rendered_for_each_user_and_iteration},
    {"each target has a connection of its own", each_target_has_a_connection_of_its_own},
    {"targets share a connection where there are few",
     targets_share_a_connection_where_there_are_few},
    {"more users than connections are refused", more_users_than_connections_are_refused},
    CU_TEST_INFO_NULL,
};
