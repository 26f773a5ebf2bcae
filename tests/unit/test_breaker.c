// SPDX-License-Identifier: Apache-2.0
/* test_breaker.c - when a peer is left alone, and when it is tried again (guard/breaker.h). Numbers
 * are those of the scenarios that the rules were written with. */
#include "roles/guard/breaker.h"
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define S       HS_NS_PER_S
#define TIMEOUT (2 * S)

static struct hs_rand rand_of_test;

static struct hs_breaker fresh(uint64_t now_ns)
{
    struct hs_breaker breaker;

    hs_rand_init(&rand_of_test, 7);
    hs_breaker_init(&breaker, now_ns);
    return breaker;
}

static bool admit(struct hs_breaker *breaker, uint64_t now_ns, struct hs_breaker_token *token)
{
    return hs_breaker_admit(breaker, now_ns, TIMEOUT, &rand_of_test, token);
}

/* One call, made and ended at the same moment; false: it was refused. */
static bool call(struct hs_breaker *breaker, uint64_t now_ns, enum hs_breaker_outcome outcome)
{
    struct hs_breaker_token token;

    if (!admit(breaker, now_ns, &token)) return false;
    hs_breaker_report(breaker, &token, outcome, now_ns, &rand_of_test);
    return true;
}

static void fail_three_times(struct hs_breaker *breaker, uint64_t now_ns)
{
    for (unsigned i = 0; i < 3; i++) HS_CHECK(call(breaker, now_ns, HS_BREAKER_FAIL));
    HS_CHECK_EQ(breaker->state, HS_BREAKER_OPEN);
}

static void check_about(uint64_t ns, uint64_t wanted_ns)
{
    HS_CHECK(ns >= wanted_ns / 5 * 4);
    HS_CHECK(ns <= wanted_ns / 5 * 6);
}

static void three_failures_open_it_and_two_trials_close_it(void)
{
    struct hs_breaker       breaker = fresh(100 * S);
    struct hs_breaker_token first, second;
    uint64_t                due_ns;

    fail_three_times(&breaker, 100 * S);
    HS_CHECK(!call(&breaker, 100 * S, HS_BREAKER_OK)); /* refused without a word to the peer */
    due_ns = hs_breaker_admits_at_ns(&breaker, 100 * S);
    check_about(due_ns - 100 * S, 10 * S);
    HS_CHECK(!admit(&breaker, due_ns - 1, &first));
    HS_CHECK(admit(&breaker, due_ns, &first));
    HS_CHECK(first.is_trial);
    HS_CHECK_EQ(breaker.state, HS_BREAKER_HALF_OPEN);
    HS_CHECK(!admit(&breaker, due_ns, &second)); /* the second at the same time */
    hs_breaker_report(&breaker, &first, HS_BREAKER_OK, due_ns, &rand_of_test);
    HS_CHECK_EQ(breaker.state, HS_BREAKER_HALF_OPEN);
    HS_CHECK(call(&breaker, due_ns, HS_BREAKER_OK));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED);
}

static void trials_that_fail_double_the_time_up_to_five_minutes(void)
{
    static const uint64_t wanted_s[] = {20, 40, 80, 160, 300, 300};
    struct hs_breaker     breaker = fresh(0);
    uint64_t              now_ns = 0;

    fail_three_times(&breaker, now_ns);
    for (unsigned i = 0; i < HS_ARRAY_LEN(wanted_s); i++) {
        now_ns = hs_breaker_admits_at_ns(&breaker, now_ns);
        HS_CHECK(call(&breaker, now_ns, HS_BREAKER_FAIL));
        check_about(hs_breaker_admits_at_ns(&breaker, now_ns) - now_ns, wanted_s[i] * S);
    }
}

static void a_minute_of_health_forgets_the_doublings(void)
{
    struct hs_breaker breaker = fresh(0);
    uint64_t          now_ns = 0;

    fail_three_times(&breaker, now_ns);
    now_ns = hs_breaker_admits_at_ns(&breaker, now_ns);
    for (unsigned i = 0; i < 2; i++) HS_CHECK(call(&breaker, now_ns, HS_BREAKER_OK));
    now_ns += 59 * S;
    fail_three_times(&breaker, now_ns);
    check_about(hs_breaker_admits_at_ns(&breaker, now_ns) - now_ns, 20 * S);
    now_ns = hs_breaker_admits_at_ns(&breaker, now_ns);
    for (unsigned i = 0; i < 2; i++) HS_CHECK(call(&breaker, now_ns, HS_BREAKER_OK));
    now_ns += 60 * S;
    fail_three_times(&breaker, now_ns);
    check_about(hs_breaker_admits_at_ns(&breaker, now_ns) - now_ns, 10 * S);
}

static void a_hundred_refusals_by_rule_leave_it_closed(void)
{
    struct hs_breaker breaker = fresh(0);

    for (unsigned i = 0; i < 100; i++) {
        HS_CHECK(call(&breaker, i * S / 10, HS_BREAKER_NEUTRAL));
        if (i % 3 == 0) HS_CHECK(call(&breaker, i * S / 10, HS_BREAKER_OK));
    }
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED);
    fail_three_times(&breaker, 20 * S);
    hs_breaker_heard(&breaker, 20 * S);
    for (unsigned i = 0; i < 2; i++) HS_CHECK(call(&breaker, 20 * S, HS_BREAKER_NEUTRAL));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED); /* it answers: that is what the trial asks */
}

static void failures_of_calls_before_it_opened_do_not_extend_it(void)
{
    struct hs_breaker       breaker = fresh(0);
    struct hs_breaker_token tokens[10];
    uint64_t                due_ns;

    for (unsigned i = 0; i < 10; i++) HS_CHECK(admit(&breaker, 0, &tokens[i]));
    fail_three_times(&breaker, 0);
    due_ns = hs_breaker_admits_at_ns(&breaker, 0);
    for (unsigned i = 0; i < 10; i++)
        hs_breaker_report(&breaker, &tokens[i], HS_BREAKER_FAIL, 7 * S, &rand_of_test);
    HS_CHECK_EQ(hs_breaker_admits_at_ns(&breaker, 7 * S), due_ns);
    HS_CHECK(call(&breaker, due_ns, HS_BREAKER_OK));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_HALF_OPEN);
}

static void a_higher_incarnation_closes_it_and_late_failures_count_nothing(void)
{
    struct hs_breaker       breaker = fresh(0);
    struct hs_breaker_token late;

    hs_breaker_met(&breaker, 4, 1, 0);
    HS_CHECK(admit(&breaker, 0, &late));
    fail_three_times(&breaker, 0);
    hs_breaker_met(&breaker, 4, 1, S); /* the same life: due, not closed */
    hs_breaker_met(&breaker, 3, 9, S); /* an older one says nothing */
    HS_CHECK_EQ(breaker.state, HS_BREAKER_OPEN);
    hs_breaker_met(&breaker, 5, 1, S);
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED);
    hs_breaker_report(&breaker, &late, HS_BREAKER_FAIL, S, &rand_of_test);
    HS_CHECK_EQ(breaker.fails_in_row, 0);
    fail_three_times(&breaker, 2 * S);
    hs_breaker_met(&breaker, 5, 2, 2 * S); /* a new process of the same host */
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED);
}

static void of_four_peers_with_three_open_one_is_offered_as_a_trial(void)
{
    struct hs_breaker       peers[4];
    struct hs_breaker      *all[4];
    struct hs_breaker_token token;
    unsigned                offered = 0;

    for (unsigned i = 0; i < 4; i++) {
        peers[i] = fresh(0);
        all[i] = &peers[i];
        if (i < 2) fail_three_times(&peers[i], i * S);
    }
    hs_breaker_relieve(all, 4, 3 * S); /* half of them: as it is */
    for (unsigned i = 0; i < 2; i++) HS_CHECK(!admit(&peers[i], 3 * S, &token));
    fail_three_times(&peers[2], 2 * S);
    hs_breaker_relieve(all, 4, 3 * S);
    for (unsigned i = 0; i < 3; i++) offered += admit(&peers[i], 3 * S, &token);
    HS_CHECK_EQ(offered, 1);
    HS_CHECK(admit(&peers[3], 3 * S, &token));
}

static void half_of_many_calls_failing_opens_it_and_less_does_not(void)
{
    struct hs_breaker breaker = fresh(0);

    for (unsigned i = 0; i < 11; i++)
        HS_CHECK(call(&breaker, i * 2 * S, i && i % 2 == 0 ? HS_BREAKER_FAIL : HS_BREAKER_OK));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED); /* 6 well, 5 not */
    breaker = fresh(0);
    for (unsigned i = 0; i < 10; i++)
        HS_CHECK(call(&breaker, i * 2 * S, i % 2 ? HS_BREAKER_FAIL : HS_BREAKER_OK));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_OPEN);
    breaker = fresh(0);
    for (unsigned i = 0; i < 10; i++) /* the same, spread over more than is looked back */
        HS_CHECK(call(&breaker, i * 4 * S, i % 2 ? HS_BREAKER_FAIL : HS_BREAKER_OK));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_CLOSED);
}

static void one_of_five_callers_gets_the_trial_and_the_others_a_moment(void)
{
    struct hs_breaker       breaker = fresh(0);
    struct hs_breaker_token token;
    unsigned                admitted = 0;
    uint64_t                due_ns;

    for (unsigned i = 0; i < 3; i++) HS_CHECK(call(&breaker, i * S, HS_BREAKER_FAIL));
    due_ns = hs_breaker_admits_at_ns(&breaker, 2 * S);
    check_about(due_ns - 2 * S, 10 * S);
    for (unsigned i = 0; i < 5; i++) {
        bool is_admitted = admit(&breaker, due_ns, &token);

        admitted += is_admitted;
        if (!is_admitted) HS_CHECK(hs_breaker_admits_at_ns(&breaker, due_ns) > due_ns);
    }
    HS_CHECK_EQ(admitted, 1);
}

static void failures_every_second_while_open_do_not_extend_it(void)
{
    struct hs_breaker       breaker = fresh(0);
    struct hs_breaker_token tokens[10];
    uint64_t                due_ns;

    for (unsigned i = 0; i < 10; i++) HS_CHECK(admit(&breaker, 0, &tokens[i]));
    fail_three_times(&breaker, 0);
    due_ns = hs_breaker_admits_at_ns(&breaker, 0);
    for (unsigned i = 0; i < 7; i++)
        hs_breaker_report(&breaker, &tokens[i], HS_BREAKER_FAIL, (i + 1) * S, &rand_of_test);
    HS_CHECK(call(&breaker, due_ns, HS_BREAKER_OK));
}

static void a_trial_that_nobody_ends_has_failed_after_twice_its_time(void)
{
    struct hs_breaker       breaker = fresh(0);
    struct hs_breaker_token trial, next;
    uint64_t                due_ns;

    fail_three_times(&breaker, 0);
    due_ns = hs_breaker_admits_at_ns(&breaker, 0);
    HS_CHECK(admit(&breaker, due_ns, &trial));
    HS_CHECK(!admit(&breaker, due_ns + 2 * TIMEOUT, &next));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_OPEN);
    HS_CHECK_EQ(breaker.opened_count, 2);
    hs_breaker_report(&breaker, &trial, HS_BREAKER_OK, due_ns + 3 * TIMEOUT, &rand_of_test);
    HS_CHECK_EQ(breaker.state, HS_BREAKER_OPEN);
}

static void a_sign_of_life_makes_a_trial_due_but_closes_nothing(void)
{
    struct hs_breaker breaker = fresh(0);

    fail_three_times(&breaker, 0);
    hs_breaker_heard(&breaker, S);
    HS_CHECK_EQ(breaker.state, HS_BREAKER_OPEN);
    HS_CHECK(call(&breaker, S, HS_BREAKER_FAIL));
    HS_CHECK_EQ(breaker.state, HS_BREAKER_OPEN);
    HS_CHECK_TEXT(hs_breaker_state_name(breaker.state), "OPEN");
    HS_CHECK_TEXT(hs_breaker_state_name(HS_BREAKER_STATE_COUNT), "?");
}

static void random_calls_keep_the_promises(void)
{
    struct hs_rand          rand;
    struct hs_breaker       breaker = fresh(0);
    struct hs_breaker_token trial = {0};
    uint64_t                now_ns = 0;

    hs_rand_init(&rand, 1);
    for (unsigned i = 0; i < 200000; i++) {
        struct hs_breaker_token token;
        bool                    is_admitted;

        now_ns += hs_rand_below(&rand, S);
        if (hs_rand_below(&rand, 50) == 0) hs_breaker_heard(&breaker, now_ns);
        if (trial.generation && hs_rand_below(&rand, 4) == 0)
            hs_breaker_report(&breaker, &trial, (enum hs_breaker_outcome)hs_rand_below(&rand, 3),
                              now_ns, &rand_of_test);
        is_admitted = admit(&breaker, now_ns, &token);
        if (!is_admitted) {
            HS_CHECK(hs_breaker_admits_at_ns(&breaker, now_ns) <= now_ns + 361 * S);
            continue;
        }
        HS_CHECK_EQ(token.is_trial, breaker.state == HS_BREAKER_HALF_OPEN);
        if (token.is_trial)
            trial = token;
        else
            hs_breaker_report(&breaker, &token, (enum hs_breaker_outcome)hs_rand_below(&rand, 3),
                              now_ns, &rand_of_test);
    }
    HS_CHECK(breaker.opened_count > 100);
}

CU_TestInfo hs_tests_breaker[] = {
    {"T6.1 three failures open it and two trials close it",
     three_failures_open_it_and_two_trials_close_it},
    {"T6.2 trials that fail double the time up to five minutes",
     trials_that_fail_double_the_time_up_to_five_minutes},
    {"a minute of health forgets the doublings", a_minute_of_health_forgets_the_doublings},
    {"T6.3 a hundred refusals by rule leave it closed", a_hundred_refusals_by_rule_leave_it_closed},
    {"T6.4 failures of calls before it opened do not extend it",
     failures_of_calls_before_it_opened_do_not_extend_it},
    {"T6.5 20.6 a higher incarnation closes it and late failures count nothing",
     a_higher_incarnation_closes_it_and_late_failures_count_nothing},
    {"T6.6 of four peers with three open one is offered as a trial",
     of_four_peers_with_three_open_one_is_offered_as_a_trial},
    {"T6.7 half of many calls failing opens it and less does not",
     half_of_many_calls_failing_opens_it_and_less_does_not},
    {"20.5 one of five callers gets the trial and the others a moment",
     one_of_five_callers_gets_the_trial_and_the_others_a_moment},
    {"20.7 failures every second while open do not extend it",
     failures_every_second_while_open_do_not_extend_it},
    {"a trial that nobody ends has failed after twice its time",
     a_trial_that_nobody_ends_has_failed_after_twice_its_time},
    {"a sign of life makes a trial due but closes nothing",
     a_sign_of_life_makes_a_trial_due_but_closes_nothing},
    {"random calls keep the promises", random_calls_keep_the_promises},
    CU_TEST_INFO_NULL};
