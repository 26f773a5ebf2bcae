// SPDX-License-Identifier: Apache-2.0
/* test_door_crowd.c - who has to go when many wait. */
#include "roles/cluster/door_crowd.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <string.h>

enum { PLACES = 192 };

static struct hs_door_guest guests[PLACES];
static unsigned             high;
static uint64_t             now_ns;

static struct hs_addr network_at(uint8_t number)
{
    struct hs_addr addr = {.family = HS_ADDR_IPV4, .port = 9, .bytes = {10, 1, number, 7}};
    struct hs_addr network;

    hs_addr_network(&addr, &network);
    return network;
}

static void begin(void)
{
    memset(guests, 0, sizeof guests);
    high = 0;
    now_ns = UINT64_C(1000000000000);
}

/* One each millisecond; the number of the first. */
static unsigned come(uint8_t network, unsigned count)
{
    unsigned first = high;

    for (unsigned i = 0; i < count; i++) {
        guests[high++] = (struct hs_door_guest){
            .network = network_at(network), .since_ns = now_ns, .is_here = true};
        now_ns += UINT64_C(1000000);
    }
    return first;
}

static int choose(void)
{
    return hs_door_crowd_choose(guests, PLACES);
}

static void nobody_goes_while_there_is_room(void)
{
    begin();
    HS_CHECK_EQ(choose(), -1);
    for (uint8_t network = 0; network < 3; network++) (void)come(network, 47);
    HS_CHECK_EQ(choose(), -1);
}

static void a_network_that_fills_the_door_makes_room(void)
{
    unsigned first;

    begin();
    (void)come(1, 5);
    first = come(2, 48);
    (void)come(3, 5);
    HS_CHECK_EQ(choose(), first);
    guests[first].is_leaving = true; /* fewer by one */
    HS_CHECK_EQ(choose(), -1);
    guests[first].is_leaving = false;
    guests[first].is_known = true; /* has shown its certificate */
    HS_CHECK_EQ(choose(), -1);
    (void)come(2, 1);
    HS_CHECK_EQ(choose(), first + 1);
}

static void a_crowd_takes_the_oldest_of_the_network_that_has_most(void)
{
    unsigned few;

    begin();
    few = come(1, 3);
    for (uint8_t network = 2; network < 5; network++) (void)come(network, 46);
    HS_CHECK_EQ(choose(), -1);
    (void)come(5, 3);
    HS_CHECK_EQ(choose(), few + 3);                              /* not the three before it */
    for (unsigned i = 3; i < 49; i++) guests[i].is_known = true; /* no certificate helps the many */
    HS_CHECK_EQ(choose(), few + 3);
    guests[3].is_leaving = true;
    HS_CHECK_EQ(choose(), -1);
}

static void networks_are_told_apart_by_their_first_bits(void)
{
    struct hs_addr a, b, network_a, network_b;

    HS_CHECK_EQ(hs_addr_parse(&a, "10.1.2.3", 1), 0);
    HS_CHECK_EQ(hs_addr_parse(&b, "::ffff:10.1.2.200", 2), 0);
    hs_addr_network(&a, &network_a);
    hs_addr_network(&b, &network_b);
    HS_CHECK(hs_addr_equal(&network_a, &network_b));
    HS_CHECK_EQ(hs_addr_parse(&b, "10.1.3.3", 1), 0);
    hs_addr_network(&b, &network_b);
    HS_CHECK(!hs_addr_equal(&network_a, &network_b));
    HS_CHECK_EQ(hs_addr_parse(&a, "2001:db8:1:2::5", 1), 0);
    HS_CHECK_EQ(hs_addr_parse(&b, "2001:db8:1:2:ffff::1", 1), 0);
    hs_addr_network(&a, &network_a);
    hs_addr_network(&b, &network_b);
    HS_CHECK(hs_addr_equal(&network_a, &network_b));
    HS_CHECK_EQ(hs_addr_parse(&b, "2001:db8:1:3::5", 1), 0);
    hs_addr_network(&b, &network_b);
    HS_CHECK(!hs_addr_equal(&network_a, &network_b));
}

CU_TestInfo hs_tests_door_crowd[] = {
    {"nobody goes while there is room", nobody_goes_while_there_is_room},
    {"SEC-2 a network that fills the door makes room", a_network_that_fills_the_door_makes_room},
    {"SEC-2 a crowd takes the oldest of the network that has most",
     a_crowd_takes_the_oldest_of_the_network_that_has_most},
    {"networks are told apart by their first bits", networks_are_told_apart_by_their_first_bits},
    CU_TEST_INFO_NULL};
