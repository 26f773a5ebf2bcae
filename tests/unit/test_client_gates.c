// SPDX-License-Identifier: Apache-2.0
/* test_client_gates.c - which of several gates a command turns to, and the ranking behind it. */
#include "roles/client/gates.h"

#include "roles/cluster/rendezvous.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 32, TOP_COUNT = 8, PEERS = 20, KEYS = 10000, DRAWS = 100000 };

static struct hs_where      where;
static struct hs_gates      gates;
static struct hs_gates_pick pick;
static uint64_t             now_ns;

/* ---- the ranking ---- */

static struct hs_view key_of(unsigned number, char text[NAME_BYTES])
{
    (void)snprintf(text, NAME_BYTES, "key-%u", number);
    return hs_view_text(text);
}

static void name_peers(struct hs_rendezvous_peer *peers, char names[][NAME_BYTES])
{
    for (unsigned i = 0; i < PEERS; i++) {
        (void)snprintf(names[i], NAME_BYTES, "gate-%u:7400", i);
        peers[i] = (struct hs_rendezvous_peer){hs_view_text(names[i]), 1};
    }
}

/* Of the first ones of both orders, how many are in one alone. */
static unsigned count_changed(const uint8_t *before, const uint8_t *after)
{
    unsigned changed = 0;

    for (unsigned i = 0; i < TOP_COUNT; i++) {
        unsigned at = 0;

        while (at < TOP_COUNT && after[at] != before[i]) at++;
        changed += at == TOP_COUNT;
    }
    return changed;
}

static void one_of_twenty_peers_goes(void)
{
    static char               names[PEERS][NAME_BYTES];
    struct hs_rendezvous_peer peers[PEERS];
    uint8_t                   before[PEERS];
    uint8_t                   after[PEERS];
    char                      key[NAME_BYTES];
    unsigned                  moved = 0;
    unsigned                  by_more = 0;

    name_peers(peers, names);
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned changed;

        hs_rendezvous_rank(key_of(i, key), peers, PEERS, before);
        hs_rendezvous_rank(key_of(i, key), peers, PEERS - 1, after); /* the last one has gone */
        changed = count_changed(before, after);
        moved += changed == 1;
        by_more += changed > 1;
    }
    HS_CHECK_EQ(by_more, 0);
    HS_CHECK(moved > KEYS * 38 / 100); /* 8 of 20 are 40 % */
    HS_CHECK(moved < KEYS * 42 / 100);
}

static void twice_the_weight_comes_first_twice_as_often(void)
{
    const struct hs_rendezvous_peer peers[] = {{hs_view_text("one"), 1}, {hs_view_text("two"), 2}};
    uint8_t                         order[2];
    char                            key[NAME_BYTES];
    unsigned                        second = 0;

    for (unsigned i = 0; i < DRAWS; i++) {
        hs_rendezvous_rank(key_of(i, key), peers, 2, order);
        second += order[0] == 1;
    }
    HS_CHECK(second > DRAWS * 657 / 1000);
    HS_CHECK(second < DRAWS * 677 / 1000);
}

static void key_and_peer_do_not_run_together(void)
{
    HS_CHECK(hs_rendezvous_score(hs_view_text("ab"), hs_view_text("c"), 1) !=
             hs_rendezvous_score(hs_view_text("a"), hs_view_text("bc"), 1));
}

/* ---- gates ---- */

static void begin(unsigned count)
{
    memset(&where, 0, sizeof where);
    for (unsigned i = 0; i < count; i++) {
        char name[NAME_BYTES];

        (void)snprintf(name, sizeof name, "gate-%u", i);
        hs_where_add(&where, name, 7400, &(struct hs_where_rank){0, 1});
    }
    now_ns = 1000 * HS_NS_PER_S;
    hs_gates_init(&gates, &where, hs_view_text("ann@desk"));
}

static unsigned next(void)
{
    HS_CHECK(hs_gates_pick(&gates, now_ns, false, &pick));
    return pick.gate_idx;
}

static void a_service_of_too_many_hosts_is_known_in_part(void)
{
    begin(HS_WHERE_GATES_MAX);
    hs_where_add(&where, "gate-0", 7400, &(struct hs_where_rank){0, 1}); /* is there already */
    HS_CHECK(!where.is_partial);
    begin(HS_WHERE_GATES_MAX + 1);
    HS_CHECK_EQ(where.count, HS_WHERE_GATES_MAX);
    HS_CHECK(where.is_partial);
}

static void a_service_says_who_is_asked_first_and_how_often(void)
{
    unsigned firsts[4] = {0};
    char     key[NAME_BYTES];

    begin(4);
    where.gates[0].rank = (struct hs_where_rank){20, 60000};
    where.gates[1].rank = (struct hs_where_rank){10, 1};
    where.gates[2].rank = (struct hs_where_rank){10, 3};
    where.gates[3].rank = (struct hs_where_rank){10, 0};
    for (unsigned i = 0; i < 4000; i++) {
        hs_gates_init(&gates, &where, key_of(i, key));
        firsts[next()]++;
        HS_CHECK_EQ(gates.rows[3].idx, 0); /* the higher priority is for when all others are gone */
    }
    HS_CHECK_EQ(firsts[0], 0);
    HS_CHECK(firsts[1] > 900 && firsts[1] < 1100);
    HS_CHECK(firsts[2] > 2850 && firsts[2] < 3100);
    HS_CHECK(firsts[3] < 50);
}

static void a_user_meets_the_same_gate_in_whatever_order_they_are_listed(void)
{
    struct hs_where_gate first;

    begin(3);
    first = where.gates[next()];
    for (unsigned i = 0; i < 3; i++) {
        struct hs_where_gate moved = where.gates[0];

        where.gates[0] = where.gates[1];
        where.gates[1] = where.gates[2];
        where.gates[2] = moved;
        hs_gates_init(&gates, &where, hs_view_text("ann@desk"));
        HS_CHECK_TEXT(where.gates[next()].text, first.text);
    }
}

static void users_spread_over_the_gates(void)
{
    unsigned firsts[3] = {0};
    char     key[NAME_BYTES];

    begin(3);
    for (unsigned i = 0; i < 3000; i++) {
        hs_gates_init(&gates, &where, key_of(i, key));
        firsts[next()]++;
    }
    for (unsigned i = 0; i < 3; i++) HS_CHECK(firsts[i] > 900 && firsts[i] < 1100);
}

static void each_is_tried_before_any_is_tried_again(void)
{
    bool was_tried[3] = {false};

    begin(3);
    for (unsigned i = 0; i < 3; i++) {
        HS_CHECK(!was_tried[next()]);
        was_tried[pick.gate_idx] = true;
        HS_CHECK(pick.at_ns <= now_ns);
        now_ns += 5 * HS_NS_PER_S; /* to fail takes longer than to be left alone */
        hs_gates_failed(&gates, now_ns);
    }
}

static void with_all_failing_the_one_due_first_is_still_named(void)
{
    unsigned first;

    begin(2);
    first = next();
    hs_gates_failed(&gates, now_ns);
    now_ns += HS_NS_PER_MS;
    (void)next();
    hs_gates_failed(&gates, now_ns);
    HS_CHECK_EQ(next(), first);
    HS_CHECK_EQ(pick.at_ns, now_ns + 49 * HS_NS_PER_MS);
    for (unsigned i = 0; i < 100; i++) {
        HS_CHECK(hs_gates_pick(&gates, now_ns, false, &pick));
        HS_CHECK(pick.at_ns <= now_ns + 2 * HS_NS_PER_S);
        now_ns = pick.at_ns > now_ns ? pick.at_ns : now_ns;
        hs_gates_failed(&gates, now_ns);
    }
}

static void a_gate_that_asked_for_time_gets_it(void)
{
    unsigned first;

    begin(2);
    first = next();
    hs_gates_put_off(&gates, now_ns, 5 * HS_NS_PER_S);
    HS_CHECK(next() != first);
    hs_gates_failed(&gates, now_ns);
    now_ns += HS_NS_PER_S;
    HS_CHECK(next() != first); /* it has failed, but it is due */
    now_ns += 4 * HS_NS_PER_S;
    HS_CHECK_EQ(next(), first);
}

static void a_gate_that_may_have_the_job_is_the_only_one(void)
{
    unsigned bound;

    begin(3);
    bound = next();
    hs_gates_worked(&gates);
    for (unsigned i = 0; i < 50; i++) {
        hs_gates_failed(&gates, now_ns);
        HS_CHECK(hs_gates_pick(&gates, now_ns, true, &pick));
        HS_CHECK_EQ(pick.gate_idx, bound);
        now_ns = pick.at_ns;
    }
    HS_CHECK(next() != bound);
}

static void who_will_not_do_is_not_asked_again(void)
{
    begin(2);
    (void)next();
    hs_gates_drop(&gates);
    HS_CHECK(!hs_gates_pick(&gates, now_ns, true, &pick));
    (void)next();
    hs_gates_drop(&gates);
    HS_CHECK(!hs_gates_pick(&gates, now_ns + HS_NS_PER_S, false, &pick));
}

static void a_socket_of_this_host_is_one_gate(void)
{
    begin(0);
    HS_CHECK_EQ(next(), 0);
    hs_gates_failed(&gates, now_ns);
    HS_CHECK_EQ(next(), 0);
    HS_CHECK_EQ(pick.at_ns, now_ns + 50 * HS_NS_PER_MS);
}

CU_TestInfo hs_tests_client_gates[] = {
    {"24.4 of 20 peers one goes: two in five of the top eights change, by one each",
     one_of_twenty_peers_goes},
    {"24.5 twice the weight comes first twice as often",
     twice_the_weight_comes_first_twice_as_often},
    {"key and peer do not run together", key_and_peer_do_not_run_together},
    {"a user meets the same gate, in whatever order they are listed",
     a_user_meets_the_same_gate_in_whatever_order_they_are_listed},
    {"a service of too many hosts is known in part", a_service_of_too_many_hosts_is_known_in_part},
    {"24.5 a service says who is asked first, and how often",
     a_service_says_who_is_asked_first_and_how_often},
    {"users spread over the gates", users_spread_over_the_gates},
    {"each is tried before any is tried again", each_is_tried_before_any_is_tried_again},
    {"24.12 with all failing the one due first is still named",
     with_all_failing_the_one_due_first_is_still_named},
    {"a gate that asked for time gets it", a_gate_that_asked_for_time_gets_it},
    {"a gate that may have the job is the only one", a_gate_that_may_have_the_job_is_the_only_one},
    {"who will not do is not asked again", who_will_not_do_is_not_asked_again},
    {"a socket of this host is one gate", a_socket_of_this_host_is_one_gate},
    CU_TEST_INFO_NULL};
