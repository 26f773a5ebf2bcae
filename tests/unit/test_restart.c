// SPDX-License-Identifier: Apache-2.0
/* test_restart.c - when a process is started again and when not, in which order a tree stops, who
 * counts as hung, what is said of the dead. */
#include "shm/base/time.h"
#include "supervisor/log_limit.h"
#include "supervisor/obituary.h"
#include "supervisor/restart.h"
#include "supervisor/stop.h"
#include "supervisor/watchdog.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <signal.h>

static const struct hs_restart_config config = {
    .backoff_min_ns = 100 * HS_NS_PER_MS,
    .backoff_max_ns = 30 * HS_NS_PER_S,
    .start_timeout_ns = 30 * HS_NS_PER_S,
    .crash_loop_window_ns = 60 * HS_NS_PER_S,
    .crash_loop_deaths = 5,
};

struct bench {
    struct hs_restart         restart;
    struct hs_rand            rand;
    uint64_t                  now_ns;
    struct hs_restart_actions actions;
};

static void step_with(struct bench *bench, enum hs_restart_event_type type, int exit_code,
                      uint64_t deadline_ns)
{
    const struct hs_restart_event event = {type, exit_code, deadline_ns};

    hs_restart_step(&bench->restart, &config, &bench->rand, bench->now_ns, &event, &bench->actions);
}

static void step(struct bench *bench, enum hs_restart_event_type type)
{
    step_with(bench, type, -1, 0);
}

static bool did(const struct bench *bench, enum hs_restart_action action)
{
    return bench->actions.count == 1 && bench->actions.at[0] == action;
}

/* Wanted, forked and, if it is asked for, ready after 10 ms. */
static void begin(struct bench *bench, bool is_ready)
{
    hs_restart_init(&bench->restart);
    hs_rand_init(&bench->rand, 1);
    bench->now_ns = HS_NS_PER_S;
    step(bench, HS_RESTART_WANT);
    HS_CHECK(did(bench, HS_RESTART_DO_FORK));
    if (!is_ready) return;
    bench->now_ns += 10 * HS_NS_PER_MS;
    step(bench, HS_RESTART_READY);
    HS_CHECK_EQ(bench->restart.state, HS_PROCESS_READY);
}

/* Dies now, and is started again when its time has come. */
static uint64_t die_and_wait(struct bench *bench)
{
    uint64_t died_at_ns = bench->now_ns;

    step(bench, HS_RESTART_DIED);
    if (did(bench, HS_RESTART_DO_FORK)) return 0;
    bench->now_ns = hs_restart_deadline_ns(&bench->restart);
    step(bench, HS_RESTART_TICK);
    HS_CHECK(did(bench, HS_RESTART_DO_FORK));
    return bench->now_ns - died_at_ns;
}

static void a_good_life_is_followed_at_once(void)
{
    struct bench bench;

    begin(&bench, true);
    bench.now_ns += HS_NS_PER_S;
    step(&bench, HS_RESTART_DIED);
    HS_CHECK(did(&bench, HS_RESTART_DO_FORK));
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_STARTING);
    HS_CHECK_EQ(bench.restart.generation, 2);
    HS_CHECK_EQ(bench.restart.restart_count, 1);
}

static void a_short_life_is_followed_after_a_growing_wait(void)
{
    struct bench bench;
    uint64_t     base_ns = config.backoff_min_ns;

    begin(&bench, true);
    for (int i = 0; i < 12; i++) {
        uint64_t wait_ns = die_and_wait(&bench);

        HS_CHECK(wait_ns >= base_ns * 4 / 5 && wait_ns <= base_ns * 6 / 5);
        base_ns = hs_min_u64(base_ns * 2, config.backoff_max_ns);
        bench.now_ns += 10 * HS_NS_PER_MS;
        step(&bench, HS_RESTART_READY);
        bench.now_ns += HS_NS_PER_S - 1;
    }
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_READY); /* was ready: no crash loop */
    bench.now_ns += 1;
    HS_CHECK_EQ(die_and_wait(&bench), 0); /* a good life: the wait is forgotten */
    step(&bench, HS_RESTART_READY);
    HS_CHECK(die_and_wait(&bench) <= config.backoff_min_ns * 6 / 5);
}

static void a_slow_start_is_left_alone_until_its_time_is_over(void)
{
    struct hs_restart_config patient = config;
    struct bench             bench;
    struct hs_restart_event  tick = {.type = HS_RESTART_TICK};

    patient.start_timeout_ns = 150 * HS_NS_PER_S;
    hs_restart_init(&bench.restart);
    hs_rand_init(&bench.rand, 1);
    bench.now_ns = HS_NS_PER_S;
    hs_restart_step(&bench.restart, &patient, &bench.rand, bench.now_ns,
                    &(struct hs_restart_event){.type = HS_RESTART_WANT}, &bench.actions);
    HS_CHECK(did(&bench, HS_RESTART_DO_FORK));
    HS_CHECK_EQ(hs_restart_deadline_ns(&bench.restart), 151 * HS_NS_PER_S);
    bench.now_ns = 141 * HS_NS_PER_S;
    hs_restart_step(&bench.restart, &patient, &bench.rand, bench.now_ns, &tick, &bench.actions);
    HS_CHECK_EQ(bench.actions.count, 0);
    bench.now_ns = 151 * HS_NS_PER_S;
    hs_restart_step(&bench.restart, &patient, &bench.rand, bench.now_ns, &tick, &bench.actions);
    HS_CHECK(did(&bench, HS_RESTART_DO_ABORT));
}

static void the_sixth_early_death_in_a_minute_is_a_crash_loop(void)
{
    struct bench bench;

    begin(&bench, false);
    for (int i = 0; i < 5; i++) {
        (void)die_and_wait(&bench);
        HS_CHECK_EQ(bench.restart.is_crash_looping, false);
    }
    step(&bench, HS_RESTART_DIED);
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_CRASH_LOOP);
    HS_CHECK_EQ(hs_restart_deadline_ns(&bench.restart), bench.now_ns + 30 * HS_NS_PER_S);
    bench.now_ns += 30 * HS_NS_PER_S;
    step(&bench, HS_RESTART_TICK);
    HS_CHECK(did(&bench, HS_RESTART_DO_FORK));
    step(&bench, HS_RESTART_DIED); /* still one, though the window has moved on */
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_CRASH_LOOP);
    bench.now_ns += 30 * HS_NS_PER_S;
    step(&bench, HS_RESTART_TICK);
    step(&bench, HS_RESTART_READY);
    HS_CHECK_EQ(bench.restart.is_crash_looping, false);
}

static void early_deaths_far_apart_are_no_crash_loop(void)
{
    struct bench bench;

    begin(&bench, false);
    for (int i = 0; i < 200; i++) {
        (void)die_and_wait(&bench);
        HS_CHECK_EQ(bench.restart.is_crash_looping, false);
        bench.now_ns += 13 * HS_NS_PER_S; /* the sixth comes 65 s after the first */
    }
}

static void a_process_that_says_it_is_hopeless_is_left_alone(void)
{
    static const int codes[] = {64, 77, 78};
    struct bench     bench;

    for (unsigned i = 0; i < 3; i++) {
        begin(&bench, false);
        step_with(&bench, HS_RESTART_DIED, codes[i], 0);
        HS_CHECK_EQ(bench.restart.state, HS_PROCESS_FAILED);
        HS_CHECK(hs_restart_deadline_ns(&bench.restart) == HS_NEVER_NS);
        step(&bench, HS_RESTART_AGAIN); /* until somebody asks */
        HS_CHECK(did(&bench, HS_RESTART_DO_FORK));
    }
}

static void a_start_that_takes_too_long_ends_in_a_kill(void)
{
    struct bench bench;

    begin(&bench, false);
    bench.now_ns += 20 * HS_NS_PER_S;
    step(&bench, HS_RESTART_PROGRESS); /* at work: 30 s from here */
    bench.now_ns += 20 * HS_NS_PER_S;
    step(&bench, HS_RESTART_TICK);
    HS_CHECK_EQ(bench.actions.count, 0);
    bench.now_ns += 10 * HS_NS_PER_S;
    step(&bench, HS_RESTART_TICK);
    HS_CHECK(did(&bench, HS_RESTART_DO_ABORT));
    step(&bench, HS_RESTART_READY); /* too late */
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_STARTING);
    step(&bench, HS_RESTART_PROGRESS);
    bench.now_ns = hs_restart_deadline_ns(&bench.restart);
    step(&bench, HS_RESTART_TICK);
    HS_CHECK(did(&bench, HS_RESTART_DO_KILL));
    step(&bench, HS_RESTART_HUNG); /* killed once, not twice */
    HS_CHECK_EQ(bench.actions.count, 0);
}

static void a_hung_process_may_say_where_before_it_is_killed(void)
{
    struct bench bench;

    begin(&bench, true);
    step(&bench, HS_RESTART_HUNG);
    HS_CHECK(did(&bench, HS_RESTART_DO_ABORT));
    HS_CHECK_EQ(hs_restart_deadline_ns(&bench.restart), bench.now_ns + 100 * HS_NS_PER_MS);
    step(&bench, HS_RESTART_HUNG); /* once */
    HS_CHECK_EQ(bench.actions.count, 0);
    step_with(&bench, HS_RESTART_STOP, 0, bench.now_ns + HS_NS_PER_S); /* does not prolong it */
    HS_CHECK_EQ(bench.actions.count, 0);
    bench.now_ns += 100 * HS_NS_PER_MS;
    step(&bench, HS_RESTART_TICK);
    HS_CHECK(did(&bench, HS_RESTART_DO_KILL));
    begin(&bench, true);
    step(&bench, HS_RESTART_GIVE_UP); /* it cannot hear SIGABRT */
    HS_CHECK(did(&bench, HS_RESTART_DO_KILL));
    begin(&bench, true);
    step_with(&bench, HS_RESTART_STOP, 0, bench.now_ns + 50 * HS_NS_PER_MS);
    step(&bench, HS_RESTART_HUNG); /* nor does the SIGABRT prolong a stop */
    HS_CHECK_EQ(hs_restart_deadline_ns(&bench.restart), bench.now_ns + 50 * HS_NS_PER_MS);
    step(&bench, HS_RESTART_DIED);
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_STOPPED);
}

static void a_kill_from_outside_accuses_no_plan_that_merely_runs(void)
{
    HS_CHECK(hs_poison_is_suspect(HS_CRUMB_READS, SIGKILL)); /* out of memory over it, say */
    HS_CHECK(hs_poison_is_suspect(HS_CRUMB_READS, 0));
    HS_CHECK(hs_poison_is_suspect(HS_CRUMB_RUNS, SIGSEGV));
    HS_CHECK(hs_poison_is_suspect(HS_CRUMB_RUNS, SIGABRT));
    HS_CHECK(hs_poison_is_suspect(HS_CRUMB_RUNS, SIGSYS));
    HS_CHECK(!hs_poison_is_suspect(HS_CRUMB_RUNS, SIGKILL));
    HS_CHECK(!hs_poison_is_suspect(HS_CRUMB_RUNS, SIGTERM));
    HS_CHECK(!hs_poison_is_suspect(HS_CRUMB_RUNS, 0));
}

static void an_operators_restart_ends_in_order_and_starts_again(void)
{
    struct bench bench;

    begin(&bench, true);
    step_with(&bench, HS_RESTART_AGAIN, 0, bench.now_ns + HS_NS_PER_S);
    HS_CHECK(did(&bench, HS_RESTART_DO_TELL_STOP));
    step_with(&bench, HS_RESTART_DIED, 0, 0);
    HS_CHECK(did(&bench, HS_RESTART_DO_FORK));
}

static void what_is_told_to_stop_is_killed_at_its_deadline_and_stays_down(void)
{
    struct bench bench;

    begin(&bench, true);
    step_with(&bench, HS_RESTART_STOP, 0, bench.now_ns + HS_NS_PER_S);
    HS_CHECK(did(&bench, HS_RESTART_DO_TELL_STOP));
    step_with(&bench, HS_RESTART_STOP, 0, bench.now_ns + 5 * HS_NS_PER_S);
    HS_CHECK_EQ(hs_restart_deadline_ns(&bench.restart), bench.now_ns + HS_NS_PER_S);
    bench.now_ns += HS_NS_PER_S;
    step(&bench, HS_RESTART_TICK);
    HS_CHECK(did(&bench, HS_RESTART_DO_KILL));
    step(&bench, HS_RESTART_DIED);
    HS_CHECK_EQ(bench.actions.count, 0);
    HS_CHECK_EQ(bench.restart.state, HS_PROCESS_STOPPED);
    step(&bench, HS_RESTART_AGAIN);
    HS_CHECK_EQ(bench.actions.count, 0);
}

static void a_stop_with_a_past_deadline_kills(void)
{
    struct bench bench;

    begin(&bench, true);
    step_with(&bench, HS_RESTART_STOP, 0, bench.now_ns);
    HS_CHECK(did(&bench, HS_RESTART_DO_KILL));
}

/* ---- the whole tree's stop ---- */

static const struct hs_stop_config stop_config = {60 * HS_NS_PER_S, 10 * HS_NS_PER_S,
                                                  30 * HS_NS_PER_S};

static uint32_t bit(enum hs_role_kind kind)
{
    return UINT32_C(1) << kind;
}

static void look(struct hs_stop *stop, uint64_t now_ns, uint32_t alive,
                 struct hs_stop_actions *actions)
{
    const struct hs_stop_event event = {HS_STOP_LOOK, alive};

    hs_stop_step(stop, &stop_config, now_ns, &event, actions);
}

static void a_tree_stops_from_the_gate_down_and_the_console_last(void)
{
    static const enum hs_role_kind order[] = {HS_ROLE_GATE, HS_ROLE_WORKER, HS_ROLE_ENGINE,
                                              HS_ROLE_MANAGER, HS_ROLE_CONSOLE};
    struct hs_stop                 stop = {.state = HS_STOP_IDLE};
    struct hs_stop_actions         actions;
    uint32_t                       alive = 0;

    for (unsigned i = 0; i < 5; i++) alive |= bit(order[i]);
    hs_stop_step(&stop, &stop_config, 0, &(struct hs_stop_event){HS_STOP_ASKED, alive}, &actions);
    HS_CHECK_EQ(actions.count, 2);
    HS_CHECK(actions.at[0].is_drain);
    HS_CHECK_EQ(actions.at[1].kind, HS_ROLE_GATE);
    HS_CHECK_EQ(actions.at[1].deadline_ns, 10 * HS_NS_PER_S);
    for (unsigned i = 0; i < 4; i++) {
        look(&stop, 0, alive, &actions);
        HS_CHECK_EQ(actions.count, 0); /* it is still there */
        alive &= ~bit(order[i]);
        look(&stop, 0, alive, &actions);
        HS_CHECK_EQ(actions.count, 1);
        HS_CHECK_EQ(actions.at[0].kind, order[i + 1]);
    }
    look(&stop, 0, 0, &actions);
    HS_CHECK_EQ(stop.state, HS_STOP_DONE);
}

static void no_kind_gets_more_than_what_is_left_of_the_whole(void)
{
    struct hs_stop         stop = {.state = HS_STOP_IDLE};
    struct hs_stop_actions actions;
    uint32_t               alive = bit(HS_ROLE_WORKER) | bit(HS_ROLE_CONSOLE);

    hs_stop_step(&stop, &stop_config, 0, &(struct hs_stop_event){HS_STOP_ASKED, alive}, &actions);
    look(&stop, 55 * HS_NS_PER_S, bit(HS_ROLE_CONSOLE), &actions);
    HS_CHECK_EQ(actions.at[0].deadline_ns, 60 * HS_NS_PER_S);
}

static void asking_again_makes_it_faster(void)
{
    struct hs_stop         stop = {.state = HS_STOP_IDLE};
    struct hs_stop_actions actions;
    struct hs_stop_event   asked = {HS_STOP_ASKED, bit(HS_ROLE_GATE) | bit(HS_ROLE_ENGINE)};

    hs_stop_step(&stop, &stop_config, 0, &asked, &actions);
    hs_stop_step(&stop, &stop_config, 7, &asked, &actions);
    HS_CHECK_EQ(actions.count, 2);
    HS_CHECK_EQ(actions.at[1].kind, HS_ROLE_ENGINE);
    HS_CHECK_EQ(actions.at[1].deadline_ns, 7 + 2 * HS_NS_PER_S);
    hs_stop_step(&stop, &stop_config, 9, &asked, &actions);
    HS_CHECK_EQ(actions.at[0].deadline_ns, 9);
    look(&stop, 9, 0, &actions);
    HS_CHECK_EQ(stop.state, HS_STOP_DONE);
}

/* ---- watchdog, obituary, log limit ---- */

static void a_silent_process_is_hung_after_the_period_and_not_before(void)
{
    struct hs_watchdog watchdog = {0, 0};
    uint64_t           period_ns = 5 * HS_NS_PER_S;

    hs_watchdog_begin(&watchdog, period_ns, 100 * HS_NS_PER_S);
    HS_CHECK(!hs_watchdog_is_hung(&watchdog, period_ns, 105 * HS_NS_PER_S, 100 * HS_NS_PER_S,
                                  HS_VITALS_NORMAL));
    HS_CHECK(hs_watchdog_is_hung(&watchdog, period_ns, 105 * HS_NS_PER_S + 1, 100 * HS_NS_PER_S,
                                 HS_VITALS_NORMAL));
    HS_CHECK(!hs_watchdog_is_hung(&watchdog, period_ns, 130 * HS_NS_PER_S, 100 * HS_NS_PER_S,
                                  HS_VITALS_FSYNC));
    HS_CHECK(hs_watchdog_is_hung(&watchdog, period_ns, 131 * HS_NS_PER_S, 100 * HS_NS_PER_S,
                                 HS_VITALS_REPLAY));
    HS_CHECK(!hs_watchdog_is_hung(&watchdog, period_ns, 1, 2, HS_VITALS_NORMAL));
}

static void a_supervisor_that_slept_itself_accuses_nobody_for_a_period(void)
{
    struct hs_watchdog watchdog = {0, 0};
    uint64_t           period_ns = 5 * HS_NS_PER_S;
    uint64_t           woken_ns = 200 * HS_NS_PER_S;

    hs_watchdog_begin(&watchdog, period_ns, 100 * HS_NS_PER_S);
    hs_watchdog_begin(&watchdog, period_ns, woken_ns);
    HS_CHECK(
        !hs_watchdog_is_hung(&watchdog, period_ns, woken_ns, 100 * HS_NS_PER_S, HS_VITALS_NORMAL));
    hs_watchdog_begin(&watchdog, period_ns, woken_ns + HS_WATCHDOG_INTERVAL_NS);
    HS_CHECK(!hs_watchdog_is_hung(&watchdog, period_ns, woken_ns + period_ns - 1, 100 * HS_NS_PER_S,
                                  HS_VITALS_NORMAL));
    HS_CHECK(hs_watchdog_is_hung(&watchdog, period_ns, woken_ns + period_ns, 100 * HS_NS_PER_S,
                                 HS_VITALS_NORMAL));
}

static void the_cause_of_a_death_is_said_in_words(void)
{
    char text[HS_HOST_CAUSE_BYTES];

    hs_obituary_cause(text, -1, SIGKILL, HS_KILL_HUNG);
    HS_CHECK_TEXT(text, "killed by signal 9 (Killed): no heartbeat");
    hs_obituary_cause(text, 78, 0, HS_KILL_NONE);
    HS_CHECK_TEXT(text, "ended with code 78 (configuration)");
    hs_obituary_cause(text, -1, SIGABRT, HS_KILL_START_TIMEOUT);
    HS_CHECK_TEXT(text, "killed by signal 6 (Aborted): not ready in time");
    /* it was faster than our signal */
    hs_obituary_cause(text, 3, 0, HS_KILL_STOP_DEADLINE);
    HS_CHECK_TEXT(text, "ended with code 3");
    hs_obituary_cause(text, -1, SIGSEGV, HS_KILL_HUNG);
    HS_CHECK_TEXT(text, "killed by signal 11 (Segmentation fault)");
}

static void the_second_death_over_the_same_input_within_ten_minutes_is_poison(void)
{
    struct hs_poison poison;

    memset(&poison, 0, sizeof poison);
    HS_CHECK(!hs_poison_is_second(&poison, 7, 1));
    HS_CHECK(!hs_poison_is_second(&poison, 8, 2));
    HS_CHECK(!hs_poison_is_second(&poison, 0, 3));
    HS_CHECK(!hs_poison_is_second(&poison, 0, 4)); /* no breadcrumb is no input */
    HS_CHECK(hs_poison_is_second(&poison, 7, 600 * HS_NS_PER_S));
    HS_CHECK(!hs_poison_is_second(&poison, 8, 601 * HS_NS_PER_S));
}

static void the_quarantine_holds_its_maximum_and_the_oldest_goes(void)
{
    struct hs_host_summary summary;
    const uint8_t          job_id[16] = {0};

    memset(&summary, 0, sizeof summary);
    for (uint64_t i = 1; i <= 2 * HS_QUARANTINE_MAX; i++)
        HS_CHECK(hs_quarantine_add(&summary, i, job_id, i));
    HS_CHECK(!hs_quarantine_add(&summary, 2 * HS_QUARANTINE_MAX, job_id, 99));
    for (unsigned i = 0; i < HS_QUARANTINE_MAX; i++)
        HS_CHECK(summary.quarantine[i].digest > HS_QUARANTINE_MAX);
}

static void a_line_that_repeats_is_limited_and_counted(void)
{
    static struct hs_log_limit limit;
    uint32_t                   dropped;
    unsigned                   shown = 0;

    for (unsigned i = 0; i < 100; i++)
        shown += hs_log_limit_allows(&limit, 1, "swim", i % 2 ? "rtt=12" : "rtt=34", i, &dropped);
    HS_CHECK_EQ(shown, HS_LOG_LIMIT_LINES);
    HS_CHECK(hs_log_limit_allows(&limit, 2, "swim", "rtt=12", 100, &dropped)); /* another process */
    HS_CHECK(hs_log_limit_allows(&limit, 1, "swim", "other", 100, &dropped));
    HS_CHECK_EQ(dropped, 0);
    HS_CHECK(hs_log_limit_allows(&limit, 1, "swim", "rtt=56", 11 * HS_NS_PER_S, &dropped));
    HS_CHECK_EQ(dropped, 100 - HS_LOG_LIMIT_LINES);
}

CU_TestInfo hs_tests_restart[] = {
    {"14.1 a slow start is left alone until its time is over",
     a_slow_start_is_left_alone_until_its_time_is_over},
    {"a hung process may say where before it is killed",
     a_hung_process_may_say_where_before_it_is_killed},
    {"a kill from outside accuses no plan that merely runs",
     a_kill_from_outside_accuses_no_plan_that_merely_runs},
    {"a good life is followed at once", a_good_life_is_followed_at_once},
    {"a short life is followed after a growing wait",
     a_short_life_is_followed_after_a_growing_wait},
    {"the sixth early death in a minute is a crash loop",
     the_sixth_early_death_in_a_minute_is_a_crash_loop},
    {"early deaths far apart are no crash loop", early_deaths_far_apart_are_no_crash_loop},
    {"a process that says it is hopeless is left alone",
     a_process_that_says_it_is_hopeless_is_left_alone},
    {"a start that takes too long ends in a kill", a_start_that_takes_too_long_ends_in_a_kill},
    {"an operator's restart ends in order and starts again",
     an_operators_restart_ends_in_order_and_starts_again},
    {"what is told to stop is killed at its deadline and stays down",
     what_is_told_to_stop_is_killed_at_its_deadline_and_stays_down},
    {"a stop with a past deadline kills", a_stop_with_a_past_deadline_kills},
    {"a tree stops from the gate down and the console last",
     a_tree_stops_from_the_gate_down_and_the_console_last},
    {"no kind gets more than what is left of the whole",
     no_kind_gets_more_than_what_is_left_of_the_whole},
    {"asking again makes it faster", asking_again_makes_it_faster},
    {"a silent process is hung after the period and not before",
     a_silent_process_is_hung_after_the_period_and_not_before},
    {"a supervisor that slept itself accuses nobody for a period",
     a_supervisor_that_slept_itself_accuses_nobody_for_a_period},
    {"the cause of a death is said in words", the_cause_of_a_death_is_said_in_words},
    {"the second death over the same input within ten minutes is poison",
     the_second_death_over_the_same_input_within_ten_minutes_is_poison},
    {"the quarantine holds its maximum and the oldest goes",
     the_quarantine_holds_its_maximum_and_the_oldest_goes},
    {"a line that repeats is limited and counted", a_line_that_repeats_is_limited_and_counted},
    CU_TEST_INFO_NULL,
};
