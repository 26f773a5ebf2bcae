// SPDX-License-Identifier: Apache-2.0
/* test_gossip.c - the queue by itself: what is told first, how often, and what gives way. */
#include "tests/check.h"
#include "tests/unit/gossip_rig.h"
#include "tests/unit/suites.h"

static struct hs_datagram read;

static unsigned fill(struct hs_gossip_rig_node *node, unsigned to,
                     const struct hs_coordinate *place)
{
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_node_id          id = hs_gossip_rig_id(to);
    static uint8_t             body[HS_DATAGRAM_BODY_BYTES_MAX];
    struct hs_datagram_writer  writer;
    size_t                     bytes;

    hs_datagram_start(&writer, body, sizeof body, &message);
    hs_gossip_fill(&node->gossip, hs_gossip_rig.now_ns, hs_members_find(&node->members, &id), place,
                   &writer);
    bytes = hs_datagram_finish(&writer);
    HS_CHECK_EQ(hs_datagram_decode(hs_view_of(body, bytes), HS_DATAGRAM_GOSSIP, &read), 0);
    return (unsigned)bytes;
}

/* ---- the queue */

static void s8_1_an_update_is_told_four_times_among_three_and_leaves(void)
{
    struct hs_claim claim = hs_gossip_rig_accuse(9, HS_MEMBER_SUSPECT);
    unsigned        told = 0;

    hs_gossip_rig_start(3, 1);
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
    for (int i = 0; i < 10; i++) {
        (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
        told += read.claim_count;
    }
    HS_CHECK_EQ(told, 4);
    for (int i = 0; i < 30; i++) {
        struct hs_gossip_actions actions;

        hs_gossip_rig.now_ns += 10 * HS_NS_PER_MS;
        hs_gossip_step(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &actions);
    }
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.update_count, 0);
    hs_gossip_rig_stop();
}

static void the_limit_grows_with_the_digits_of_the_ring(void)
{
    static const uint32_t wanted[][2] = {{1, 4}, {9, 4}, {10, 8}, {99, 8}, {100, 12}, {10000, 20}};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        HS_CHECK_EQ(hs_gossip_limit(wanted[i][0]), wanted[i][1]);
}

static void a_newer_claim_takes_the_place_and_starts_again(void)
{
    struct hs_claim suspect = hs_gossip_rig_accuse(9, HS_MEMBER_SUSPECT);
    struct hs_claim dead = hs_gossip_rig_accuse(9, HS_MEMBER_DEAD);

    hs_gossip_rig_start(3, 1);
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &suspect);
    for (int i = 0; i < 3; i++) (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &dead);
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.update_count, 1);
    for (int i = 0; i < 4; i++) {
        (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
        HS_CHECK_EQ(read.claim_count, 1);
        HS_CHECK_EQ(read.claims[0].status, HS_MEMBER_DEAD);
    }
    (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    HS_CHECK_EQ(read.claim_count, 0);
    hs_gossip_rig_stop();
}

static void the_least_told_go_first_and_of_those_the_newest(void)
{
    struct hs_claim claim;

    hs_gossip_rig_start(3, 1);
    for (unsigned n = 100; n < 200; n++) {
        claim = hs_gossip_rig_accuse(n, HS_MEMBER_SUSPECT);
        hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
    }
    (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    HS_CHECK(read.claim_count >= 12);
    for (unsigned i = 0; i < read.claim_count; i++) {
        struct hs_node_id wanted = hs_gossip_rig_id(199 - i);

        HS_CHECK(hs_node_id_equal(&read.claims[i].subject, &wanted));
    }
    claim = hs_gossip_rig_alive(0); /* our own word overtakes all, each time */
    claim.incarnation += 1;
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
    for (int i = 0; i < 4; i++) {
        (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
        HS_CHECK(hs_node_id_equal(&read.claims[0].subject, &claim.subject));
        HS_CHECK_TEXT(read.claims[0].facts.name, "manager-0");
    }
    hs_gossip_rig_stop();
}

static void s8_4_at_full_one_of_the_most_told_gives_way(void)
{
    struct hs_gossip *gossip;
    struct hs_claim   claim;
    struct hs_node_id told;

    hs_gossip_rig_start(3, 1);
    gossip = &hs_gossip_rig.nodes[0].gossip;
    for (unsigned n = 0; n < HS_GOSSIP_UPDATES_MAX; n++) {
        claim = hs_gossip_rig_accuse(1000 + n, HS_MEMBER_SUSPECT);
        hs_gossip_push(gossip, hs_gossip_rig.now_ns, &claim);
    }
    (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    told = read.claims[read.claim_count - 1].subject; /* the oldest of those that were told */
    claim = hs_gossip_rig_accuse(5000, HS_MEMBER_SUSPECT);
    hs_gossip_push(gossip, hs_gossip_rig.now_ns, &claim);
    HS_CHECK_EQ(gossip->update_count, HS_GOSSIP_UPDATES_MAX);
    HS_CHECK_EQ(gossip->counts.evicted, 1);
    for (unsigned i = 0; i < gossip->update_count; i++)
        HS_CHECK(!hs_node_id_equal(&gossip->updates[i].claim.subject, &told));
    hs_gossip_rig_stop();
}

static void fresh_deaths_and_our_own_word_never_give_way(void)
{
    struct hs_gossip *gossip;
    struct hs_claim   claim;

    hs_gossip_rig_start(3, 1);
    gossip = &hs_gossip_rig.nodes[0].gossip;
    claim = hs_gossip_rig_alive(0);
    hs_gossip_push(gossip, hs_gossip_rig.now_ns, &claim);
    for (unsigned n = 0; n < 2 * HS_GOSSIP_UPDATES_MAX; n++) {
        claim = hs_gossip_rig_accuse(1000 + n, HS_MEMBER_DEAD);
        hs_gossip_push(gossip, hs_gossip_rig.now_ns, &claim);
    }
    HS_CHECK_EQ(gossip->update_count, HS_GOSSIP_UPDATES_MAX);
    HS_CHECK_EQ(gossip->counts.evicted, 0);
    HS_CHECK_EQ(gossip->counts.refused, HS_GOSSIP_UPDATES_MAX + 1);
    hs_gossip_rig.now_ns += 5 * HS_NS_PER_S;
    claim = hs_gossip_rig_accuse(9000, HS_MEMBER_DEAD);
    hs_gossip_push(gossip, hs_gossip_rig.now_ns, &claim);
    HS_CHECK_EQ(gossip->counts.evicted, 1);
    (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    claim = hs_gossip_rig_alive(0);
    HS_CHECK(hs_node_id_equal(&read.claims[0].subject, &claim.subject));
    hs_gossip_rig_stop();
}

static void s8_5_a_full_datagram_keeps_its_bounds_and_600_bytes_of_claims(void)
{
    struct hs_coordinate place = {.error = 1.0f};
    struct hs_claim      claim;
    unsigned             bytes;

    hs_gossip_rig_start(3, 1);
    for (unsigned n = 0; n < 500; n++) {
        struct hs_health_entry health = {.node = hs_gossip_rig_id(2000 + n), .load = HS_LOAD_BUSY};

        claim = hs_gossip_rig_accuse(1000 + n, HS_MEMBER_SUSPECT);
        hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
        HS_CHECK(
            hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &health));
    }
    bytes = fill(&hs_gossip_rig.nodes[0], 1, &place);
    HS_CHECK(bytes + HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES <= 1400);
    HS_CHECK(read.claim_count * 41 >= 600);
    HS_CHECK(read.health_count >= 10);
    HS_CHECK(read.health_count * 23 <= 300);
    HS_CHECK(read.has_coordinate);
    hs_gossip_rig_stop();
}

static void a_loaded_peer_is_sent_less_that_is_not_membership(void)
{
    struct hs_health_entry overloaded = {.node = hs_gossip_rig_id(1), .load = HS_LOAD_OVERLOADED};
    struct hs_claim        claim;
    unsigned               claims;

    hs_gossip_rig_start(3, 1);
    for (unsigned n = 0; n < 100; n++) {
        struct hs_health_entry health = {.node = hs_gossip_rig_id(2000 + n), .load = HS_LOAD_BUSY};

        claim = hs_gossip_rig_accuse(1000 + n, HS_MEMBER_SUSPECT);
        hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
        HS_CHECK(
            hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &health));
    }
    HS_CHECK(
        hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &overloaded));
    (void)fill(&hs_gossip_rig.nodes[0], 2, NULL);
    claims = read.claim_count;
    HS_CHECK(read.health_count >= 12);
    (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    HS_CHECK(read.claim_count >= claims);
    HS_CHECK(read.health_count >= 1);
    HS_CHECK(read.health_count <= 3);
    hs_gossip_rig_stop();
}

static void claims_are_forgotten_with_their_subject_and_after_a_minute(void)
{
    struct hs_gossip_actions actions;
    struct hs_node_id        id = hs_gossip_rig_id(50);
    struct hs_claim          claim = hs_gossip_rig_accuse(50, HS_MEMBER_DEAD);

    hs_gossip_rig_start(3, 1);
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
    hs_gossip_forget(&hs_gossip_rig.nodes[0].gossip, &id);
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.update_count, 0);
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &claim);
    hs_gossip_rig.now_ns += 60 * HS_NS_PER_S;
    hs_gossip_step(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &actions);
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.update_count, 0);
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.counts.expired, 1);
    hs_gossip_rig_stop();
}

/* ---- health */

static void s8_8_health_travels_by_age_whatever_the_clocks_say(void)
{
    struct hs_health_entry own = {.node = hs_gossip_rig_id(0), .load = HS_LOAD_BUSY, .score = 3};
    const struct hs_gossip_health *known;
    struct hs_node_id              id = hs_gossip_rig_id(0);
    uint64_t there_ns = hs_gossip_rig.now_ns + 30 * 86400 * HS_NS_PER_S; /* its clock */

    hs_gossip_rig_start(3, 1);
    there_ns = hs_gossip_rig.now_ns + 30 * 86400 * HS_NS_PER_S;
    hs_gossip_set_own_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &own);
    hs_gossip_rig.now_ns += 1500 * HS_NS_PER_MS;
    (void)fill(&hs_gossip_rig.nodes[0], 1, NULL);
    HS_CHECK_EQ(read.health_count, 1);
    HS_CHECK_EQ(read.healths[0].age_ms, 1500);
    HS_CHECK(hs_gossip_hear_health(&hs_gossip_rig.nodes[1].gossip, there_ns, &read.healths[0]));
    known = hs_gossip_find_health(&hs_gossip_rig.nodes[1].gossip, there_ns, &id);
    HS_CHECK(known && known->entry.load == HS_LOAD_BUSY && known->entry.score == 3);
    HS_CHECK(known && known->said_at_ns == there_ns - 1500 * HS_NS_PER_MS);
    there_ns += 28500 * HS_NS_PER_MS; /* thirty seconds after it was said */
    HS_CHECK(!hs_gossip_find_health(&hs_gossip_rig.nodes[1].gossip, there_ns, &id));
    hs_gossip_rig_stop();
}

static void older_words_of_health_do_not_replace_newer_ones(void)
{
    struct hs_health_entry busy = {.node = hs_gossip_rig_id(1), .load = HS_LOAD_BUSY};
    struct hs_health_entry calm = {.node = hs_gossip_rig_id(1), .age_ms = 3000};
    struct hs_health_entry ours = {.node = hs_gossip_rig_id(0), .load = HS_LOAD_OVERLOADED};
    struct hs_health_entry ancient = {.node = hs_gossip_rig_id(2), .age_ms = 30000};

    hs_gossip_rig_start(3, 1);
    HS_CHECK(hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &busy));
    HS_CHECK(!hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &calm));
    HS_CHECK(!hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns,
                                    &ours)); /* nobody tells us of us */
    HS_CHECK(
        !hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &ancient));
    calm.age_ms = 0;
    HS_CHECK(hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip,
                                   hs_gossip_rig.now_ns + HS_NS_PER_S, &calm));
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.health_count, 1);
    hs_gossip_rig_stop();
}

static void twice_as_many_nodes_as_there_is_room_for_say_how_they_are(void)
{
    hs_gossip_rig_start(3, 1);
    for (unsigned n = 0; n < 2 * HS_GOSSIP_HEALTHS_MAX; n++) {
        struct hs_health_entry health = {.node = hs_gossip_rig_id(2000 + n)};

        hs_gossip_rig.now_ns += HS_NS_PER_MS;
        HS_CHECK(
            hs_gossip_hear_health(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &health));
    }
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.health_count, HS_GOSSIP_HEALTHS_MAX);
    hs_gossip_rig_stop();
}

CU_TestInfo hs_tests_gossip[] = {
    {"8.1 an update is told four times among three and leaves",
     s8_1_an_update_is_told_four_times_among_three_and_leaves},
    {"the limit grows with the digits of the ring", the_limit_grows_with_the_digits_of_the_ring},
    {"a newer claim takes the place and starts again",
     a_newer_claim_takes_the_place_and_starts_again},
    {"the least told go first and of those the newest",
     the_least_told_go_first_and_of_those_the_newest},
    {"8.4 at full one of the most told gives way", s8_4_at_full_one_of_the_most_told_gives_way},
    {"fresh deaths and our own word never give way", fresh_deaths_and_our_own_word_never_give_way},
    {"8.5 a full datagram keeps its bounds and 600 bytes of claims",
     s8_5_a_full_datagram_keeps_its_bounds_and_600_bytes_of_claims},
    {"a loaded peer is sent less that is not membership",
     a_loaded_peer_is_sent_less_that_is_not_membership},
    {"claims are forgotten with their subject and after a minute",
     claims_are_forgotten_with_their_subject_and_after_a_minute},
    {"8.8 health travels by age, whatever the clocks say",
     s8_8_health_travels_by_age_whatever_the_clocks_say},
    {"older words of health do not replace newer ones",
     older_words_of_health_do_not_replace_newer_ones},
    {"twice as many nodes as there is room for say how they are",
     twice_as_many_nodes_as_there_is_room_for_say_how_they_are},
    CU_TEST_INFO_NULL,
};
