// SPDX-License-Identifier: Apache-2.0
/* test_discovery.c - when names are looked up, and what becomes of the addresses they mean. */
#include "roles/cluster/dialer.h"
#include "roles/cluster/discovery.h"

#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>

#define S HS_NS_PER_S

static struct hs_config_hosts hosts;
static struct hs_discovery    discovery;
static struct hs_dialer       dialer;
static uint64_t               now_ns;

static void begin(const char *text)
{
    static const struct hs_addr nobody;

    now_ns = 1000 * S;
    HS_CHECK_EQ(hs_config_parse_hosts(hs_view_text(text), false, &hosts), 0);
    hs_discovery_init(&discovery, &hosts, 7, now_ns);
    hs_dialer_init(&dialer, &hosts, &nobody, 7, now_ns);
}

/* The one name among them, which is asked for at once. */
static struct hs_discovery_name *begin_named(const char *text)
{
    struct hs_discovery_name *name;

    begin(text);
    name = hs_discovery_next(&discovery, now_ns);
    HS_CHECK(name != NULL);
    return name;
}

static struct hs_addr address(unsigned last)
{
    struct hs_addr addr;
    char           text[32];

    (void)snprintf(text, sizeof text, "10.0.0.%u", last);
    HS_CHECK_EQ(hs_addr_parse(&addr, text, 7400), 0);
    return addr;
}

static bool answer(struct hs_discovery_name *name, uint32_t ttl_s, unsigned last)
{
    struct hs_addr addr = address(last);
    bool           warns = hs_discovery_answered(&discovery, name, now_ns, ttl_s, &addr, 1);

    (void)hs_dialer_add(&dialer, &addr, 0, now_ns);
    return warns;
}

static void a_name_that_fails_waits_longer_each_time(void)
{
    static const uint64_t     waits_s[] = {30, 60, 120, 240, 300, 300};
    struct hs_discovery_name *name = begin_named("gates.example:7400");

    if (!name) return;
    for (size_t i = 0; i < HS_ARRAY_LEN(waits_s); i++) {
        hs_discovery_failed(name, now_ns);
        HS_CHECK_EQ(hs_discovery_deadline_ns(&discovery), now_ns + waits_s[i] * S);
        hs_discovery_wanted(name, now_ns); /* who misses it does not shorten that */
        HS_CHECK(!hs_discovery_next(&discovery, now_ns + waits_s[i] * S - 1));
        now_ns += waits_s[i] * S;
        HS_CHECK(hs_discovery_next(&discovery, now_ns) == name);
    }
    (void)answer(name, 5, 1);
    now_ns = hs_discovery_deadline_ns(&discovery);
    HS_CHECK(hs_discovery_next(&discovery, now_ns) == name);
    hs_discovery_failed(name, now_ns); /* a success has forgotten the failures */
    HS_CHECK_EQ(hs_discovery_deadline_ns(&discovery), now_ns + 30 * S);
}

static void failures_are_counted_over_the_end_of_an_answer(void)
{
    struct hs_discovery_name *name = begin_named("gates.example:7400");

    if (!name) return;
    (void)answer(name, 5, 1);
    for (unsigned i = 0; i < 3; i++) {
        now_ns = hs_discovery_deadline_ns(&discovery);
        HS_CHECK(hs_discovery_next(&discovery, now_ns) == name);
        hs_discovery_failed(name, now_ns);
    }
    HS_CHECK(now_ns > name->expires_ns + 60 * S);
    HS_CHECK_EQ(hs_discovery_deadline_ns(&discovery), now_ns + 120 * S);
}

static void an_answer_is_good_for_as_long_as_it_says_within_bounds(void)
{
    static const struct {
        uint32_t ttl_s;
        uint64_t good_s;
    } cases[] = {{0, 30}, {1, 5}, {5, 5}, {61, 61}, {300, 300}, {86400, 300}, {UINT32_MAX, 300}};

    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_discovery_name *name = begin_named("gates.example:7400");
        uint64_t                  least_s = cases[i].good_s > 60 ? cases[i].good_s : 60;
        uint64_t                  due_ns;

        if (!name) return;
        (void)answer(name, cases[i].ttl_s, 1);
        due_ns = hs_discovery_deadline_ns(&discovery);
        HS_CHECK(due_ns >= now_ns + least_s * S && due_ns < now_ns + (least_s + 5) * S);
        hs_discovery_wanted(name, now_ns); /* somebody there does not answer */
        HS_CHECK_EQ(hs_discovery_deadline_ns(&discovery), now_ns + cases[i].good_s * S);
        hs_discovery_wanted(name, now_ns + 400 * S);
        HS_CHECK_EQ(hs_discovery_deadline_ns(&discovery), now_ns + cases[i].good_s * S);
    }
}

static void a_question_without_an_answer_fails_after_20_s(void)
{
    struct hs_discovery_name *name = begin_named("10.0.0.9:1,gates.example:7400");

    HS_CHECK_EQ(discovery.count, 1);
    HS_CHECK(!hs_discovery_next(&discovery, now_ns)); /* it is asked */
    HS_CHECK(!hs_discovery_overdue(&discovery, now_ns + 20 * S - 1));
    HS_CHECK(hs_discovery_overdue(&discovery, now_ns + 20 * S) == name);
}

/* Whether it is among those that are dialled. */
static bool is_peer(unsigned last)
{
    struct hs_addr addr = address(last);

    for (unsigned i = 0; i < dialer.count; i++)
        if (dialer.peers[i].state != HS_DIALER_FREE &&
            memcmp(&dialer.peers[i].addr, &addr, sizeof addr) == 0)
            return true;
    return false;
}

static void six_addresses_that_take_turns_all_stay(void)
{
    struct hs_discovery_name *name = begin_named("gates.example:7400");
    uint64_t                  began_ns = now_ns;
    unsigned                  warnings = 0;

    if (!name) return;
    for (unsigned i = 0; now_ns < began_ns + 900 * S; i++) {
        warnings += answer(name, 5, 1 + i % 6);
        hs_discovery_wanted(name, now_ns);
        now_ns = hs_discovery_deadline_ns(&discovery);
        HS_CHECK_EQ(now_ns, name->expires_ns);
        HS_CHECK(hs_discovery_next(&discovery, now_ns) == name);
    }
    HS_CHECK_EQ(warnings, 3);
    for (unsigned i = 1; i <= 6; i++) HS_CHECK(is_peer(i));
    HS_CHECK_EQ(dialer.count, 6);
}

static void a_set_in_another_order_is_the_same(void)
{
    struct hs_discovery_name *name = begin_named("gates.example:7400");
    struct hs_addr            both[2] = {address(1), address(2)};

    if (!name) return;
    for (unsigned i = 0; i < 20; i++) {
        struct hs_addr moved = both[0];

        both[0] = both[1];
        both[1] = moved;
        HS_CHECK(!hs_discovery_answered(&discovery, name, now_ns + i * S, 5, both, 2));
    }
    HS_CHECK_EQ(name->change_count, 0);
}

static void an_address_is_kept_for_an_hour_after_it_was_meant(void)
{
    struct hs_discovery_name *name = begin_named("gates.example:7400");
    struct hs_dialer_try      next;

    if (!name) return;
    (void)answer(name, 5, 1);
    HS_CHECK(!hs_dialer_next(&dialer, now_ns - 1, &next)); /* by a clock that was read before */
    (void)hs_dialer_next(&dialer, now_ns + 3600 * S, &next);
    HS_CHECK(is_peer(1));
    hs_dialer_ended(&dialer, next.ticket, now_ns + 3600 * S);
    (void)hs_dialer_next(&dialer, now_ns + 3600 * S + 1, &next);
    HS_CHECK(!is_peer(1));
    HS_CHECK(!hs_dialer_find(&dialer, next.ticket));
    HS_CHECK_EQ(hs_dialer_deadline_ns(&dialer), HS_NEVER_NS);
    now_ns += 4000 * S;
    (void)answer(name, 5, 1); /* it is back, and no ticket of before is good */
    HS_CHECK(is_peer(1));
    HS_CHECK(!hs_dialer_find(&dialer, next.ticket));
}

static void who_is_connected_is_kept_whatever_its_name_means(void)
{
    struct hs_discovery_name *name = begin_named("gates.example:7400");
    struct hs_dialer_try      next = {0};

    if (!name) return;
    (void)answer(name, 5, 1);
    now_ns += S;
    HS_CHECK(hs_dialer_next(&dialer, now_ns, &next));
    hs_dialer_entered(&dialer, next.ticket, now_ns);
    HS_CHECK(!hs_dialer_next(&dialer, now_ns + 7200 * S, &next));
    HS_CHECK(is_peer(1));
}

static void with_too_many_who_was_meant_longest_ago_gives_way(void)
{
    struct hs_discovery_name *name = begin_named("10.0.0.200:7400,gates.example:7400");
    struct hs_addr            addr;

    if (!name) return;
    for (unsigned i = 1; i < HS_DIALER_PEERS_MAX; i++) {
        now_ns += S;
        (void)answer(name, 5, i);
    }
    addr = address(100);
    HS_CHECK(hs_dialer_add(&dialer, &addr, 0, now_ns + S));
    HS_CHECK(!is_peer(1) && is_peer(2) && is_peer(100));
    HS_CHECK(is_peer(200)); /* the configuration's stay */
    HS_CHECK_EQ(dialer.count, HS_DIALER_PEERS_MAX);
    for (unsigned i = 101; i < 101 + 2 * HS_DIALER_PEERS_MAX; i++) {
        addr = address(i);
        (void)hs_dialer_add(&dialer, &addr, 0, now_ns + 2 * S);
    }
    HS_CHECK(is_peer(101) && is_peer(115) && !is_peer(116)); /* of one answer the first */
}

static void another_address_of_a_lost_peer_is_tried_soon(void)
{
    struct hs_dialer_try v4 = {0}, v6 = {0};

    begin("10.0.0.1:7400,[fd00::1]:7400");
    now_ns += S;
    HS_CHECK(hs_dialer_next(&dialer, now_ns, &v4));
    HS_CHECK(hs_dialer_next(&dialer, now_ns, &v6));
    hs_dialer_entered(&dialer, v4.ticket, now_ns);
    hs_dialer_is_self(&dialer, v6.ticket, now_ns); /* connected already, at the other one */
    HS_CHECK_EQ(hs_dialer_deadline_ns(&dialer), now_ns + 300 * S);
    now_ns += 60 * S;
    hs_dialer_ended(&dialer, v4.ticket, now_ns);
    HS_CHECK(hs_dialer_next(&dialer, now_ns + S, &v4));
    HS_CHECK(hs_dialer_next(&dialer, now_ns + S, &v6));
}

static void services_are_known_by_their_form(void)
{
    static const char *const good[] = {"srv:_hyperscale-gate._tcp.example.org", "srv:_g._tcp.a"};
    static const char *const bad[] = {"srv:",
                                      "srv:example.org",
                                      "srv:_gate._udp.example.org",
                                      "srv:gate._tcp.example.org",
                                      "srv:_gate._tcp.",
                                      "srv:_._tcp.example.org",
                                      "srv:_a.b._tcp.example.org",
                                      "srv:_gate._tcp.exa_mple.org",
                                      "srv:_gate._tcp.example.org:7400",
                                      "srv:_gate._tcp.10.0.0.1"};
    struct hs_config_host    host;

    for (size_t i = 0; i < HS_ARRAY_LEN(good); i++) {
        HS_CHECK_EQ(hs_config_parse_host(hs_view_text(good[i]), &host), 0);
        HS_CHECK(host.is_srv && host.addr.family == HS_ADDR_NONE);
        HS_CHECK_TEXT(host.name, good[i] + 4);
    }
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        HS_CHECK_EQ(hs_config_parse_host(hs_view_text(bad[i]), &host), -EINVAL);
}

CU_TestInfo hs_tests_discovery[] = {
    {"24.8 a name that fails waits 30, 60, 120, 240, 300 s",
     a_name_that_fails_waits_longer_each_time},
    {"24.8 failures are counted over the end of an answer",
     failures_are_counted_over_the_end_of_an_answer},
    {"an answer is good for as long as it says, within bounds",
     an_answer_is_good_for_as_long_as_it_says_within_bounds},
    {"a question without an answer fails after 20 s",
     a_question_without_an_answer_fails_after_20_s},
    {"24.9 six addresses that take turns all stay, with a warning each 300 s",
     six_addresses_that_take_turns_all_stay},
    {"24.9 a set in another order is the same", a_set_in_another_order_is_the_same},
    {"an address is kept for an hour after it was meant",
     an_address_is_kept_for_an_hour_after_it_was_meant},
    {"who is connected is kept whatever its name means",
     who_is_connected_is_kept_whatever_its_name_means},
    {"with too many, who was meant longest ago gives way",
     with_too_many_who_was_meant_longest_ago_gives_way},
    {"another address of a lost peer is tried soon", another_address_of_a_lost_peer_is_tried_soon},
    {"services are known by their form", services_are_known_by_their_form},
    CU_TEST_INFO_NULL};
