// SPDX-License-Identifier: Apache-2.0
/* test_join.c - how nodes get to know each other: attempts and their end, seeds, redialling, and
 * what a JOIN is answered. */
#include "roles/cluster/join.h"

#include "shm/base/log.h"
#include "tests/check.h"
#include "tests/unit/members_rig.h"
#include "tests/unit/suites.h"

#define S    HS_RIG_S
#define STEP (HS_NS_PER_S / 20)

enum { BEE = HS_RIG_BEE, CEE = HS_RIG_CEE, CAPACITY = 4000 };

static struct hs_members     *members;
static struct hs_join         join;
static struct hs_join_actions actions;
static unsigned               ping_count, dial_count, warn_count;
static uint64_t               pinged_at_ns[64];

static void count_warning(void *context, enum hs_log_level level, const char *module,
                          const char *text)
{
    (void)context;
    (void)module;
    (void)text;
    warn_count += level == HS_LOG_WARN;
}

static void begin(unsigned seed)
{
    struct hs_join_config joining = {
        .role = HS_IDENTITY_MANAGER, .datacenter = "ber", .seed = seed};

    members = hs_rig_begin(CAPACITY);
    hs_join_init(&join, &joining, members, 0);
    ping_count = dial_count = warn_count = 0;
}

static void turn(uint64_t now_ns, uint32_t health_multiplier)
{
    hs_join_turn(&join, now_ns, health_multiplier, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        if (actions.at[i].type == HS_JOIN_DIAL) dial_count++;
        if (actions.at[i].type != HS_JOIN_PING) continue;
        if (ping_count < 64) pinged_at_ns[ping_count] = now_ns;
        ping_count++;
    }
}

/* Steps whenever it asks for it, until then. */
static uint64_t run(uint64_t from_ns, uint64_t until_ns, uint32_t health_multiplier)
{
    uint64_t now_ns = from_ns;

    hs_log_set_sink(count_warning, NULL, HS_LOG_WARN);
    turn(now_ns, health_multiplier);
    while (hs_join_deadline_ns(&join) <= until_ns) {
        now_ns = hs_max_u64(hs_join_deadline_ns(&join), now_ns + 1);
        turn(now_ns, health_multiplier);
    }
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
    return until_ns;
}

static void who_never_answers_is_asked_nine_times_and_removed(void)
{
    static const unsigned  about_s[] = {0, 1, 3, 7, 15, 30, 45, 60, 75};
    struct hs_member_event event;

    begin(5);
    (void)hs_rig_tell(0, BEE, 9, HS_MEMBER_ALIVE);
    (void)run(0, S(90) - 1, 1);
    HS_CHECK(hs_rig_get(BEE) != NULL);
    (void)run(S(90), S(91), 1);
    HS_CHECK(hs_rig_get(BEE) == NULL);
    HS_CHECK(!hs_members_next_event(members, &event));
    HS_CHECK(ping_count >= 8);
    HS_CHECK(ping_count <= 10);
    for (unsigned i = 0; i < 8; i++) {
        HS_CHECK(pinged_at_ns[i] * 10 >= S(about_s[i]) * 8);
        HS_CHECK(pinged_at_ns[i] * 10 <= S(about_s[i]) * 12);
    }
    HS_CHECK_EQ(join.counts.removed, 1);
}

static void who_does_not_trust_itself_waits_five_times_as_long(void)
{
    begin(5);
    (void)hs_rig_tell(0, BEE, 9, HS_MEMBER_ALIVE);
    (void)run(0, S(450) - 1, 9);
    HS_CHECK(hs_rig_get(BEE) != NULL);
    (void)run(S(450), S(451), 9);
    HS_CHECK(hs_rig_get(BEE) == NULL);
}

static void a_seed_is_tried_for_ever(void)
{
    struct hs_join_config joining = {.role = HS_IDENTITY_MANAGER, .seed_count = 1, .seed = 3};

    begin(5);
    joining.seeds[0] = hs_rig_facts(BEE).address;
    hs_join_init(&join, &joining, members, 0);
    (void)run(0, S(86400), 1);
    HS_CHECK(dial_count >= 86400 / 18);
    HS_CHECK(dial_count <= 86400 / 12 + 3);
    HS_CHECK(warn_count >= 140);
    HS_CHECK(warn_count <= 145);
    HS_CHECK_EQ(members->count, 1);
    /* Once somebody stands there, it is not dialled any more, and never gives way. */
    (void)hs_rig_tell(S(86400), BEE, 1, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, S(86400), hs_rig_get(BEE), 1));
    (void)run(S(86400), S(86415), 1);
    dial_count = 0;
    (void)run(S(86416), S(86480), 1);
    HS_CHECK_EQ(dial_count, 0);
    HS_CHECK(hs_rig_get(BEE)->is_seed);
    /* When it dies, it is dialled again. */
    (void)hs_rig_tell(S(86480), BEE, 1, HS_MEMBER_DEAD);
    (void)run(S(86480), S(86482), 1);
    HS_CHECK(dial_count >= 2);
}

static void phantoms_cost_ten_pings_a_second_and_delay_no_newcomer(void)
{
    unsigned told = 0;

    begin(5);
    (void)hs_rig_tell(0, BEE, 1, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, 0, hs_rig_get(BEE), 1));
    for (uint64_t now_ns = 0; now_ns < S(20); now_ns += STEP) {
        for (unsigned i = 0; i < 250; i++, told++)
            (void)hs_rig_tell(now_ns, 1000 + told, 1, HS_MEMBER_ALIVE);
        turn(now_ns, 1);
        HS_CHECK(members->status_count[HS_MEMBER_UNCONFIRMED] <= HS_MEMBERS_UNCONFIRMED_MAX);
    }
    HS_CHECK_EQ(told, 100000);
    HS_CHECK(ping_count <= 201);
    HS_CHECK(ping_count >= 190);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_validate(members));
    /* All have been told of, many were asked; who comes now is asked within a second. */
    begin(6);
    for (unsigned i = 0; i < 9; i++) (void)hs_rig_tell(0, 1000 + i, 1, HS_MEMBER_ALIVE);
    (void)run(0, S(5), 1);
    (void)hs_rig_tell(S(5), CEE, 1, HS_MEMBER_ALIVE);
    (void)run(S(5), S(5) + HS_NS_PER_S / 10, 1);
    HS_CHECK_EQ(hs_rig_get(CEE)->unconfirmed.attempt_count, 1);
}

static void who_is_only_heard_stays_unconfirmed(void)
{
    begin(5);
    (void)hs_rig_tell(0, BEE, 9, HS_MEMBER_ALIVE);
    for (unsigned i = 0; i < 60; i++) {
        hs_join_heard(hs_rig_get(BEE), S(i));
        (void)run(S(i), S(i) + HS_NS_PER_S / 2, 1);
    }
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK(hs_rig_get(BEE)->unconfirmed.is_heard);
    HS_CHECK(ping_count >= 59); /* each time it is heard it is asked */
    HS_CHECK(ping_count <= 70);
    /* However often it is heard. */
    begin(5);
    (void)hs_rig_tell(0, BEE, 9, HS_MEMBER_ALIVE);
    for (uint64_t now_ns = 1; now_ns < S(10); now_ns += STEP) {
        hs_join_heard(hs_rig_get(BEE), now_ns);
        turn(now_ns, 1);
    }
    HS_CHECK(ping_count <= 15);
}

static void a_newer_life_is_pinged_within_a_tenth_of_a_second(void)
{
    struct hs_member_event event;

    begin(5);
    (void)hs_rig_tell(0, BEE, 5, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, 0, hs_rig_get(BEE), 5));
    (void)run(0, S(9), 1);
    (void)hs_rig_tell(S(9), BEE, 5, HS_MEMBER_DEAD);
    (void)hs_rig_tell(S(10), BEE, 6, HS_MEMBER_ALIVE);
    ping_count = 0;
    (void)run(S(10), S(10) + HS_NS_PER_S / 10, 1);
    HS_CHECK_EQ(ping_count, 1);
    HS_CHECK(hs_members_confirm(members, S(10), hs_rig_get(BEE), 6));
    HS_CHECK(hs_members_next_event(members, &event));
    HS_CHECK_EQ(event.type, HS_MEMBER_EVENT_CONFIRMED);
    HS_CHECK(hs_members_next_event(members, &event));
    HS_CHECK_EQ(event.type, HS_MEMBER_EVENT_DEAD);
    HS_CHECK(hs_members_next_event(members, &event));
    HS_CHECK_EQ(event.type, HS_MEMBER_EVENT_CONFIRMED);
    HS_CHECK_EQ(event.incarnation, 6);
}

static struct hs_join_verdict ask(uint64_t now_ns, unsigned number, uint64_t incarnation)
{
    struct hs_join_request request = {.sender = hs_rig_id(number)};
    struct hs_join_verdict verdict;

    request.claim = hs_rig_claim(number, incarnation, HS_MEMBER_ALIVE);
    HS_CHECK(hs_join_judge(&join, now_ns, &request, &verdict));
    return verdict;
}

static void a_newer_life_of_the_dead_may_join_at_once(void)
{
    begin(5);
    (void)hs_rig_tell(0, BEE, 5, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, 0, hs_rig_get(BEE), 5));
    (void)hs_rig_tell(S(1), BEE, 5, HS_MEMBER_DEAD);
    HS_CHECK_EQ(ask(S(3), BEE, 6).code, HS_JOIN_OK);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_UNCONFIRMED);
    HS_CHECK(hs_members_confirm(members, S(3), hs_rig_get(BEE), 6));
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_ALIVE);
}

static void the_life_that_ended_may_not_join(void)
{
    struct hs_join_verdict verdict;

    begin(5);
    (void)hs_rig_tell(0, BEE, 5, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, 0, hs_rig_get(BEE), 5));
    (void)hs_rig_tell(S(1), BEE, 5, HS_MEMBER_DEAD);
    verdict = ask(S(30), BEE, 5);
    HS_CHECK_EQ(verdict.code, HS_JOIN_STALE);
    HS_CHECK_EQ(verdict.required, 6);
    HS_CHECK_EQ(join.counts.zombies, 1);
    hs_members_sweep(members, S(3000));
    HS_CHECK_EQ(ask(S(3000), BEE, 5).code, HS_JOIN_STALE);
    HS_CHECK_EQ(hs_rig_get(BEE)->status, HS_MEMBER_DEAD);
}

static void a_join_for_somebody_else_is_not_answered(void)
{
    struct hs_join_request request = {.sender = hs_rig_id(CEE)};
    struct hs_join_verdict verdict;

    begin(5);
    request.claim = hs_rig_claim(BEE, 5, HS_MEMBER_ALIVE);
    HS_CHECK(!hs_join_judge(&join, 0, &request, &verdict));
    HS_CHECK_EQ(join.counts.forged, 1);
    HS_CHECK_EQ(members->count, 1);
}

static void who_is_not_of_the_ring_is_denied(void)
{
    struct hs_join_request request = {.sender = hs_rig_id(BEE)};
    struct hs_join_verdict verdict;

    begin(5);
    request.claim = hs_rig_claim(BEE, 5, HS_MEMBER_ALIVE);
    request.claim.facts.role = HS_IDENTITY_GATE;
    HS_CHECK(hs_join_judge(&join, 0, &request, &verdict));
    HS_CHECK_EQ(verdict.code, HS_JOIN_DENIED);
    request.claim.facts = hs_rig_facts(BEE);
    (void)snprintf(request.claim.facts.datacenter, 8, "ham");
    HS_CHECK(hs_join_judge(&join, 0, &request, &verdict));
    HS_CHECK_EQ(verdict.code, HS_JOIN_DENIED);
    HS_CHECK_EQ(members->count, 1);
    hs_members_leave_self(members, 1);
    HS_CHECK_EQ(ask(2, BEE, 5).code, HS_JOIN_NOT_READY);
}

static void two_hosts_with_one_id_are_told_apart(void)
{
    struct hs_join_request request = {.sender = hs_rig_id(BEE)};
    struct hs_join_verdict verdict;

    begin(5);
    (void)hs_rig_tell(0, BEE, 5, HS_MEMBER_ALIVE);
    HS_CHECK(hs_members_confirm(members, S(1), hs_rig_get(BEE), 5));
    request.claim = hs_rig_claim(BEE, 4, HS_MEMBER_ALIVE);
    request.claim.facts.address.port = 7500;
    HS_CHECK(hs_join_judge(&join, S(2), &request, &verdict));
    HS_CHECK_EQ(verdict.code, HS_JOIN_CONFLICT);
    HS_CHECK_EQ(join.counts.conflicts, 1);
    /* Nobody has answered there for long: then it is one that lost its state. */
    HS_CHECK(hs_join_judge(&join, S(60), &request, &verdict));
    HS_CHECK_EQ(verdict.code, HS_JOIN_STALE);
    HS_CHECK_EQ(verdict.required, 5);
    /* The higher incarnation wins. */
    request.claim.incarnation = 6;
    HS_CHECK(hs_join_judge(&join, S(60), &request, &verdict));
    HS_CHECK_EQ(verdict.code, HS_JOIN_OK);
    HS_CHECK_EQ(hs_rig_get(BEE)->facts.address.port, 7500);
}

static void the_dead_are_redialled_and_those_who_left_are_not(void)
{
    begin(5);
    for (unsigned i = 2; i < 6; i++) {
        (void)hs_rig_tell(0, i, 1, HS_MEMBER_ALIVE);
        HS_CHECK(hs_members_confirm(members, 0, hs_rig_get(i), 1));
    }
    (void)hs_rig_tell(S(1), BEE, 1, HS_MEMBER_DEAD);
    (void)run(0, S(3000), 1);
    HS_CHECK(dial_count >= 10); /* one dead of four living: every fourth of a hundred */
    HS_CHECK(dial_count <= 50);
    (void)run(S(3000), S(3100), 1);
    HS_CHECK(actions.count == 0 || hs_node_id_equal(&actions.at[0].id, &hs_rig_get(BEE)->id));
    begin(5);
    for (unsigned i = 2; i < 6; i++) {
        struct hs_claim claim = hs_rig_claim(i, 1, HS_MEMBER_LEFT);

        (void)hs_rig_tell(0, i, 1, HS_MEMBER_ALIVE);
        HS_CHECK(hs_members_confirm(members, 0, hs_rig_get(i), 1));
        claim.from = claim.subject;
        (void)hs_members_claim(members, S(1), &claim, NULL);
    }
    (void)run(0, S(3000), 1);
    HS_CHECK_EQ(dial_count, 0);
}

/* More addresses than there is room for, one after another: the last one counts. */
static void a_name_that_moves_on_and_on_is_followed(void)
{
    struct hs_addr address = {.family = HS_ADDR_IPV4, .port = 7401, .bytes = {10, 9}};
    unsigned       found_count = 0;

    begin(1);
    for (unsigned i = 1; i <= 3 * HS_JOIN_SEEDS_MAX; i++) {
        address.bytes[3] = (uint8_t)i;
        hs_join_add_seed(&join, &address, i * S(10));
        run(i * S(10), i * S(10) + S(1), 1);
        HS_CHECK(join.config.seed_count <= HS_JOIN_SEEDS_MAX);
    }
    for (unsigned i = 0; i < HS_JOIN_SEEDS_MAX; i++)
        found_count += hs_addr_equal(&join.seeds[i].address, &address);
    HS_CHECK_EQ(found_count, 1);
}

static void a_seed_of_the_configuration_gives_way_to_no_name(void)
{
    struct hs_join_config joining = {.role = HS_IDENTITY_MANAGER, .seed_count = HS_JOIN_SEEDS_MAX};
    struct hs_addr        address = {.family = HS_ADDR_IPV4, .port = 7401, .bytes = {10, 9}};

    members = hs_rig_begin(CAPACITY);
    for (unsigned i = 0; i < HS_JOIN_SEEDS_MAX; i++) {
        joining.seeds[i] = address;
        joining.seeds[i].bytes[3] = (uint8_t)i;
    }
    hs_join_init(&join, &joining, members, 0);
    run(0, S(30), 1);
    address.bytes[3] = 99;
    hs_join_add_seed(&join, &address, S(30));
    for (unsigned i = 0; i < HS_JOIN_SEEDS_MAX; i++)
        HS_CHECK(hs_addr_equal(&join.seeds[i].address, &joining.seeds[i]));
}

CU_TestInfo hs_tests_join[] = {
    {"7.2 who never answers is asked nine times and removed",
     who_never_answers_is_asked_nine_times_and_removed},
    {"7.3 who does not trust itself waits five times as long",
     who_does_not_trust_itself_waits_five_times_as_long},
    {"7.4 a seed is tried for ever", a_seed_is_tried_for_ever},
    {"7.6 phantoms cost ten pings a second and delay no newcomer",
     phantoms_cost_ten_pings_a_second_and_delay_no_newcomer},
    {"7.5 who is only heard stays unconfirmed", who_is_only_heard_stays_unconfirmed},
    {"7.8 a newer life is pinged within a tenth of a second",
     a_newer_life_is_pinged_within_a_tenth_of_a_second},
    {"6.1 a newer life of the dead may join at once", a_newer_life_of_the_dead_may_join_at_once},
    {"BAD-11 6.2 the life that ended may not join", the_life_that_ended_may_not_join},
    {"6.4 a join for somebody else is not answered", a_join_for_somebody_else_is_not_answered},
    {"BAD-8 who is not of the ring is denied", who_is_not_of_the_ring_is_denied},
    {"BAD-12 two hosts with one id are told apart", two_hosts_with_one_id_are_told_apart},
    {"6.6 the dead are redialled, and those who left are not",
     the_dead_are_redialled_and_those_who_left_are_not},
    {"24.9 a name that moves on and on is followed", a_name_that_moves_on_and_on_is_followed},
    {"a seed of the configuration gives way to no name",
     a_seed_of_the_configuration_gives_way_to_no_name},
    CU_TEST_INFO_NULL,
};
