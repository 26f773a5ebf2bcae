// SPDX-License-Identifier: Apache-2.0
/* test_rate_limit.c - how often a client may ask (guard/rate_limit.h). */
#include "roles/guard/rate_limit.h"
#include "shm/base/rand.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>
#include <string.h>

#define MS HS_NS_PER_MS
#define S  HS_NS_PER_S
#define T0 (1000 * S)

static const struct hs_rate_limits usual = {.clients_max = HS_RATE_CLIENTS_MAX,
                                            .window_ns = 10 * S,
                                            .max = {[HS_RATE_SUBMIT] = 50,
                                                    [HS_RATE_QUERY] = 100,
                                                    [HS_RATE_CANCEL] = 200,
                                                    [HS_RATE_SUBSCRIBE] = 100,
                                                    [HS_RATE_FETCH] = 1000,
                                                    [HS_RATE_UPLOAD] = 1000,
                                                    [HS_RATE_EVENT_ACK] = 5000,
                                                    [HS_RATE_OTHER] = 100}};

static struct hs_rate_limiter *open_limiter(void)
{
    struct hs_rate_limiter *limiter = calloc(1, sizeof *limiter);

    if (!limiter) abort();
    hs_rate_init(limiter, &usual, 3, T0);
    return limiter;
}

static uint64_t ask(struct hs_rate_limiter *limiter, uint64_t client, enum hs_rate_op op,
                    uint64_t now_ns)
{
    uint8_t key[HS_RATE_KEY_BYTES] = {0};

    memcpy(key, &client, sizeof client);
    return hs_rate_ask(limiter, key, op, now_ns);
}

/* How many of `count` at the same moment are let in. */
static unsigned admitted(struct hs_rate_limiter *limiter, uint64_t client, enum hs_rate_op op,
                         unsigned count, uint64_t now_ns)
{
    unsigned in = 0;

    for (unsigned i = 0; i < count; i++) in += ask(limiter, client, op, now_ns) == 0;
    return in;
}

static void fifty_at_once_and_the_next_after_a_fiftieth_of_the_window(void)
{
    struct hs_rate_limiter *limiter = open_limiter();

    HS_CHECK_EQ(admitted(limiter, 1, HS_RATE_SUBMIT, 50, T0), 50);
    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_SUBMIT, T0), 200 * MS);
    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_SUBMIT, T0 + 199 * MS), 1 * MS);
    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_SUBMIT, T0 + 200 * MS), 0);
    HS_CHECK(ask(limiter, 1, HS_RATE_SUBMIT, T0 + 200 * MS) > 0);
    HS_CHECK_EQ(ask(limiter, 2, HS_RATE_SUBMIT, T0), 0); /* others are not touched */
    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_QUERY, T0), 0);
    free(limiter);
}

static void five_a_second_go_on_for_ever_and_of_six_one_waits(void)
{
    struct hs_rate_limiter *limiter = open_limiter();
    unsigned                in = 0;

    (void)admitted(limiter, 1, HS_RATE_SUBMIT, 50, T0);
    for (unsigned i = 1; i <= 50; i++)
        HS_CHECK_EQ(ask(limiter, 1, HS_RATE_SUBMIT, T0 + i * 200 * MS), 0);
    for (unsigned i = 1; i <= 60; i++)
        in += ask(limiter, 1, HS_RATE_SUBMIT, T0 + 10 * S + i * S / 6) == 0;
    HS_CHECK(in >= 49);
    HS_CHECK(in <= 51);
    free(limiter);
}

static void twice_as_many_clients_as_the_table_holds_share_one_bucket(void)
{
    struct hs_rate_limiter *limiter = open_limiter();
    unsigned                in = 0;
    uint64_t                now_ns = T0;

    for (uint64_t i = 0; i < 20000; i++) {
        bool is_in = ask(limiter, i, HS_RATE_SUBMIT, now_ns) == 0;

        if (i < 10000) HS_CHECK(is_in);
        if (i >= 10000) in += is_in;
        now_ns += i < 10000 ? 11 * MS : MS / 10;
        (void)hs_rate_turn(limiter, now_ns);
        HS_CHECK(limiter->count <= HS_RATE_CLIENTS_MAX);
    }
    HS_CHECK_EQ(limiter->count, HS_RATE_CLIENTS_MAX);
    HS_CHECK_EQ(limiter->overflow_count, 10000);
    HS_CHECK(in >= 500); /* a burst of ten times one client's, and what came in a second */
    HS_CHECK(in <= 555);
    for (uint64_t i = 0; i < 10; i++) /* the first ones: no fresh burst by being thrown out */
        HS_CHECK_EQ(admitted(limiter, i, HS_RATE_QUERY, 101, now_ns), 100);
    HS_CHECK_EQ(limiter->evicted_count, 0);
    free(limiter);
}

static void who_was_silent_for_five_minutes_is_gone_a_minute_later(void)
{
    struct hs_rate_limiter *limiter = open_limiter();

    for (uint64_t i = 0; i < 1000; i++) (void)ask(limiter, i, HS_RATE_QUERY, T0);
    for (uint64_t at = 1; at < 300; at++) (void)hs_rate_turn(limiter, T0 + at * S);
    HS_CHECK_EQ(limiter->count, 1000);
    for (uint64_t at = 300; at <= 361; at++) (void)hs_rate_turn(limiter, T0 + at * S);
    HS_CHECK_EQ(limiter->count, 0);
    HS_CHECK_EQ(limiter->evicted_count, 1000);
    HS_CHECK_EQ(hs_rate_turn(limiter, T0 + 400 * S), HS_NEVER_NS);
    for (uint64_t i = 5000; i < 15000; i++) (void)ask(limiter, i, HS_RATE_QUERY, T0 + 400 * S);
    HS_CHECK_EQ(limiter->count, HS_RATE_CLIENTS_MAX); /* their places are used again */
    free(limiter);
}

static void load_makes_the_burst_smaller_and_the_refill_slower(void)
{
    struct hs_rate_limiter *limiter = open_limiter();

    limiter->load = HS_NODE_DEGRADED;
    HS_CHECK_EQ(admitted(limiter, 1, HS_RATE_SUBMIT, 50, T0), 13);
    HS_CHECK_EQ(admitted(limiter, 1, HS_RATE_SUBMIT, 50, T0 + 8 * S), 10); /* 1.25 a second */
    limiter->load = HS_NODE_OVERLOADED;
    HS_CHECK_EQ(admitted(limiter, 2, HS_RATE_SUBMIT, 50, T0), 2);
    HS_CHECK(ask(limiter, 2, HS_RATE_SUBMIT, T0 + 2199 * MS) > 0);
    HS_CHECK_EQ(ask(limiter, 2, HS_RATE_SUBMIT, T0 + 2200 * MS), 0);
    HS_CHECK(ask(limiter, 2, HS_RATE_SUBMIT, T0 + 8199 * MS) > 0);
    HS_CHECK_EQ(ask(limiter, 2, HS_RATE_SUBMIT, T0 + 8200 * MS), 0);
    HS_CHECK_EQ(admitted(limiter, 3, HS_RATE_CANCEL, 500, T0), 200); /* these are not slowed */
    limiter->load = HS_NODE_HEALTHY;
    HS_CHECK(admitted(limiter, 2, HS_RATE_SUBMIT, 100, T0 + 60 * S) <= 50);
    free(limiter);
}

static void of_five_hundred_cancels_two_hundred_are_let_in(void)
{
    struct hs_rate_limiter *limiter = open_limiter();
    uint64_t                arrival_ns = 0;

    HS_CHECK_EQ(admitted(limiter, 1, HS_RATE_CANCEL, 500, T0), 200);
    HS_CHECK_EQ(hs_rate_ask_peer(&arrival_ns, T0), 0); /* other roles are not touched by it */
    free(limiter);
}

/* The rule in words: a bucket of `max` that fills evenly over the window. */
struct model {
    double   level;
    uint64_t at_ns;
};

static bool model_takes(struct model *model, double max, uint64_t now_ns)
{
    model->level += (double)(now_ns - model->at_ns) * max / 10e9;
    if (model->level > max) model->level = max;
    model->at_ns = now_ns;
    if (model->level < 1 - 1e-9) return false;
    model->level -= 1;
    return true;
}

static void sweeping_between_requests_changes_no_count(void)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct hs_rate_limiter *limiter = open_limiter();
        struct model            models[8];
        struct hs_rand          rand;
        uint64_t                now_ns = T0;

        hs_rand_init(&rand, seed);
        for (unsigned i = 0; i < 8; i++) models[i] = (struct model){.level = 50, .at_ns = T0};
        for (unsigned i = 0; i < 2000; i++) {
            uint64_t client = hs_rand_below(&rand, 8);

            now_ns += hs_rand_below(&rand, 60) * MS;
            if (hs_rand_below(&rand, 500) == 0) now_ns += 500 * S;
            if (hs_rand_below(&rand, 3) == 0) (void)hs_rate_turn(limiter, now_ns);
            HS_CHECK_EQ(ask(limiter, client, HS_RATE_SUBMIT, now_ns) == 0,
                        model_takes(&models[client], 50, now_ns));
        }
        free(limiter);
    }
}

static void all_clients_together_have_twenty_times_as_much(void)
{
    struct hs_rate_limiter *limiter = open_limiter();
    unsigned                in = 0;

    for (uint64_t i = 0; i < 100; i++) in += admitted(limiter, i, HS_RATE_SUBMIT, 50, T0);
    HS_CHECK_EQ(in, 1000);
    free(limiter);
}

static void another_role_has_two_thousand_a_second(void)
{
    uint64_t arrival_ns = 0;
    unsigned in = 0;

    for (unsigned i = 0; i < 10000; i++) in += hs_rate_ask_peer(&arrival_ns, T0) == 0;
    HS_CHECK_EQ(in, 2000);
    for (unsigned i = 0; i < 10000; i++)
        in += hs_rate_ask_peer(&arrival_ns, T0 + i * S / 10000) == 0;
    HS_CHECK(in >= 3999);
    HS_CHECK(in <= 4001);
}

static void lengths_of_time_that_run_backwards_do_no_harm(void)
{
    struct hs_rate_limiter *limiter = open_limiter();

    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_SUBMIT, T0 + 5 * S), 0);
    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_SUBMIT, T0), 0);
    HS_CHECK_EQ(ask(limiter, 1, HS_RATE_NONE, T0), 0);
    free(limiter);
}

CU_TestInfo hs_tests_rate_limit[] = {
    {"T4.1 fifty at once, and the next after a fiftieth of the window",
     fifty_at_once_and_the_next_after_a_fiftieth_of_the_window},
    {"T4.2 five a second go on for ever, and of six one waits",
     five_a_second_go_on_for_ever_and_of_six_one_waits},
    {"T4.3 twice as many clients as the table holds share one bucket",
     twice_as_many_clients_as_the_table_holds_share_one_bucket},
    {"T4.5 who was silent for five minutes is gone a minute later",
     who_was_silent_for_five_minutes_is_gone_a_minute_later},
    {"T4.6 load makes the burst smaller and the refill slower",
     load_makes_the_burst_smaller_and_the_refill_slower},
    {"T4.7 of five hundred cancels two hundred are let in",
     of_five_hundred_cancels_two_hundred_are_let_in},
    {"T4.8 sweeping between requests changes no count", sweeping_between_requests_changes_no_count},
    {"all clients together have twenty times as much",
     all_clients_together_have_twenty_times_as_much},
    {"SEC-61 another role has two thousand a second", another_role_has_two_thousand_a_second},
    {"lengths of time that run backwards do no harm",
     lengths_of_time_that_run_backwards_do_no_harm},
    CU_TEST_INFO_NULL};
