// SPDX-License-Identifier: Apache-2.0
/* test_dialer.c - whom a node dials, and when again. */
#include "roles/cluster/dialer.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#define MS HS_NS_PER_MS
#define S  HS_NS_PER_S

static const struct hs_addr nobody;

static void begin(struct hs_dialer *dialer, const char *text, const struct hs_addr *own)
{
    struct hs_config_hosts hosts;

    HS_CHECK_EQ(hs_config_parse_hosts(hs_view_text(text), false, &hosts), 0);
    hs_dialer_init(dialer, &hosts, own, 1, 0);
}

/* Fails every try at once; how long until the next one. */
static uint64_t wait_after_failure(struct hs_dialer *dialer, uint64_t *now_ns)
{
    struct hs_dialer_try next = {0};
    uint64_t             failed_at_ns;

    *now_ns = hs_dialer_deadline_ns(dialer);
    HS_CHECK(hs_dialer_next(dialer, *now_ns, &next));
    failed_at_ns = *now_ns;
    hs_dialer_ended(dialer, next.ticket, failed_at_ns);
    return hs_dialer_deadline_ns(dialer) - failed_at_ns;
}

static void all_seeds_are_tried_within_a_tenth_of_a_second(void)
{
    struct hs_dialer     dialer;
    struct hs_dialer_try next;
    unsigned             count = 0;

    begin(&dialer, "10.0.0.1:1,10.0.0.2:1,gate-3:1,[::1]:1", &nobody); /* names are not for it */
    HS_CHECK(hs_dialer_deadline_ns(&dialer) < 100 * MS);
    while (hs_dialer_next(&dialer, 100 * MS, &next)) count++;
    HS_CHECK_EQ(count, 3);
    HS_CHECK_EQ(hs_dialer_deadline_ns(&dialer), HS_NEVER_NS); /* all are under way */
}

static void waits_double_to_15_s_a_quarter_more_or_less(void)
{
    static const uint64_t middle_ns[] = {500 * MS, S, 2 * S, 4 * S, 8 * S, 15 * S, 15 * S};
    struct hs_dialer      dialer;
    uint64_t              now_ns;

    begin(&dialer, "10.0.0.1:1", &nobody);
    for (size_t i = 0; i < HS_ARRAY_LEN(middle_ns); i++) {
        uint64_t wait_ns = wait_after_failure(&dialer, &now_ns);

        HS_CHECK(wait_ns >= middle_ns[i] / 4 * 3 && wait_ns <= middle_ns[i] / 4 * 5);
    }
}

static void peers_of_different_seeds_do_not_come_back_together(void)
{
    uint64_t first_ns = 0, now_ns;
    unsigned same = 0;

    for (uint64_t seed = 0; seed < 32; seed++) {
        struct hs_config_hosts hosts;
        struct hs_dialer       dialer;
        uint64_t               wait_ns;

        HS_CHECK_EQ(hs_config_parse_hosts(hs_view_text("10.0.0.1:1"), false, &hosts), 0);
        hs_dialer_init(&dialer, &hosts, &nobody, seed, 0);
        wait_ns = wait_after_failure(&dialer, &now_ns);
        if (seed == 0) first_ns = wait_ns;
        same += wait_ns / MS == first_ns / MS;
    }
    HS_CHECK(same < 4);
}

static void a_connection_that_lasted_begins_again_with_the_shortest_wait(void)
{
    struct hs_dialer     dialer;
    struct hs_dialer_try next = {0};
    uint64_t             now_ns, wait_ns;

    begin(&dialer, "10.0.0.1:1", &nobody);
    for (int i = 0; i < 4; i++) HS_CHECK(wait_after_failure(&dialer, &now_ns) > 0);
    now_ns = hs_dialer_deadline_ns(&dialer);
    HS_CHECK(hs_dialer_next(&dialer, now_ns, &next));
    hs_dialer_entered(&dialer, next.ticket, now_ns);
    HS_CHECK_EQ(hs_dialer_deadline_ns(&dialer), HS_NEVER_NS);
    hs_dialer_ended(&dialer, next.ticket, now_ns + 4 * S); /* not long enough */
    wait_ns = hs_dialer_deadline_ns(&dialer) - now_ns - 4 * S;
    HS_CHECK(wait_ns >= 6 * S && wait_ns <= 10 * S);
    now_ns = hs_dialer_deadline_ns(&dialer);
    HS_CHECK(hs_dialer_next(&dialer, now_ns, &next));
    hs_dialer_entered(&dialer, next.ticket, now_ns);
    hs_dialer_ended(&dialer, next.ticket, now_ns + 5 * S);
    wait_ns = hs_dialer_deadline_ns(&dialer) - now_ns - 5 * S;
    HS_CHECK(wait_ns >= 375 * MS && wait_ns <= 625 * MS);
}

static void a_ticket_of_an_earlier_try_changes_nothing(void)
{
    struct hs_dialer     dialer;
    struct hs_dialer_try first = {0}, second = {0};

    begin(&dialer, "10.0.0.1:1", &nobody);
    HS_CHECK(hs_dialer_next(&dialer, S, &first));
    HS_CHECK(first.ticket != 0);
    hs_dialer_ended(&dialer, first.ticket, S);
    HS_CHECK(hs_dialer_next(&dialer, 10 * S, &second));
    HS_CHECK(second.ticket != first.ticket);
    HS_CHECK(hs_dialer_find(&dialer, first.ticket) == NULL);
    hs_dialer_entered(&dialer, first.ticket, 10 * S);
    HS_CHECK_EQ(hs_dialer_find(&dialer, second.ticket)->state, HS_DIALER_TRYING);
    hs_dialer_ended(&dialer, first.ticket, 10 * S);
    HS_CHECK_EQ(hs_dialer_find(&dialer, second.ticket)->state, HS_DIALER_TRYING);
    hs_dialer_ended(&dialer, 77, 10 * S);
}

static void this_host_is_not_dialled(void)
{
    struct hs_dialer     dialer;
    struct hs_dialer_try next = {0};
    struct hs_addr       own;

    HS_CHECK_EQ(hs_addr_parse(&own, "10.0.0.2", 7401), 0);
    begin(&dialer, "10.0.0.1:7401,10.0.0.2:7401,10.0.0.2:7402", &own);
    HS_CHECK_EQ(dialer.count, 2);
    HS_CHECK(hs_dialer_next(&dialer, S, &next));
    hs_dialer_is_self(&dialer, next.ticket, S); /* it was found out by who answered */
    HS_CHECK(hs_dialer_next(&dialer, S, &next));
    HS_CHECK_EQ(next.addr.port, 7402);
    HS_CHECK(!hs_dialer_next(&dialer, 300 * S, &next));
    HS_CHECK_EQ(hs_dialer_deadline_ns(&dialer), 301 * S);
    HS_CHECK(hs_dialer_next(&dialer, 301 * S, &next));
}

CU_TestInfo hs_tests_dialer[] = {
    {"all seeds are tried within a tenth of a second",
     all_seeds_are_tried_within_a_tenth_of_a_second},
    {"waits double to 15 s, a quarter more or less", waits_double_to_15_s_a_quarter_more_or_less},
    {"peers of different seeds do not come back together",
     peers_of_different_seeds_do_not_come_back_together},
    {"a connection that lasted begins again with the shortest wait",
     a_connection_that_lasted_begins_again_with_the_shortest_wait},
    {"a ticket of an earlier try changes nothing", a_ticket_of_an_earlier_try_changes_nothing},
    {"this host is not dialled", this_host_is_not_dialled},
    CU_TEST_INFO_NULL};
