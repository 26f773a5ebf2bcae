// SPDX-License-Identifier: Apache-2.0
/* test_membership.c - rings as a whole: they form, notice who is gone, believe who comes back, and
 * agree. */
#include "shm/base/log.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/ring_rig.h"
#include "tests/unit/suites.h"

#define S(seconds)     ((uint64_t)(seconds)*HS_NS_PER_S)
#define INC(e, refute) ((uint64_t)(e) << HS_INCARNATION_REFUTE_BITS | (refute))

static struct hs_ring ring;

static void quiet(void *context, enum hs_log_level level, const char *module, const char *line)
{
    (void)context;
    (void)level;
    (void)module;
    (void)line;
}

static void begin(unsigned count, enum hs_membership_profile profile, uint64_t seed)
{
    hs_log_set_sink(quiet, NULL, HS_LOG_ERROR);
    hs_ring_begin(&ring, count, 3, profile, seed);
}

static void end(void)
{
    hs_ring_end(&ring);
    hs_log_set_sink(NULL, NULL, HS_LOG_INFO);
}

static void whole(unsigned count, enum hs_membership_profile profile, uint64_t seed)
{
    begin(count, profile, seed);
    hs_ring_start_all(&ring);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(15)) != HS_NEVER_NS);
    hs_ring_run(&ring, S(10));
    hs_ring_clear_events(&ring);
}

static void three_gates_that_start_together_know_each_other(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(3, HS_MEMBERSHIP_WAN, seed);
        hs_ring_start(&ring, 0, 1, 0);
        hs_ring_run(&ring, S(1));
        hs_ring_start(&ring, 1, 1, 0);
        hs_ring_run(&ring, S(1));
        hs_ring_start(&ring, 2, 1, 0);
        HS_CHECK(hs_ring_run_until_whole(&ring, S(5)) != HS_NEVER_NS);
        HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
        HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_CONFIRMED), 6);
        end();
    }
}

static void thirty_members_form_a_ring_from_three_seeds(void)
{
    begin(30, HS_MEMBERSHIP_LAN, 7);
    hs_ring_start_all(&ring);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(5)) != HS_NEVER_NS);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
    end();
}

static void a_killed_member_is_dead_for_all_and_told_once(void)
{
    whole(10, HS_MEMBERSHIP_LAN, 3);
    hs_ring_kill(&ring, 4);
    hs_ring_run(&ring, S(11));
    HS_CHECK_EQ(hs_ring_holders(&ring, 4, HS_MEMBER_DEAD), 9);
    hs_ring_run(&ring, S(60));
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_DEAD), 9);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_CONFIRMED), 0);
    for (unsigned i = 0; i < 10; i++)
        for (unsigned j = 0; j < ring.nodes[i].event_count; j++)
            HS_CHECK(hs_node_id_equal(&ring.nodes[i].events[j].subject, &ring.nodes[4].id));
    end();
}

static void a_restarted_role_is_not_suspected(void)
{
    whole(5, HS_MEMBERSHIP_LAN, 5);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t kept = hs_membership_incarnation(&ring.nodes[2].membership);

        hs_ring_kill(&ring, 2);
        hs_ring_run(&ring, HS_NS_PER_S / 20);
        hs_ring_start(&ring, 2, 1, kept);
        HS_CHECK(hs_ring_run_until_whole(&ring, S(3)) != HS_NEVER_NS);
        hs_ring_run(&ring, S(20));
    }
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_DEAD), 0);
    for (unsigned i = 0; i < 5; i++) HS_CHECK(i == 2 || ring.nodes[i].event_count == 0);
    end();
}

static void a_restarted_role_without_seeds_is_not_suspected(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin(6, HS_MEMBERSHIP_LAN, 300 + seed);
        ring.seed_count = 1;
        hs_ring_start_all(&ring);
        HS_CHECK(hs_ring_run_until_whole(&ring, S(15)) != HS_NEVER_NS);
        hs_ring_run(&ring, S(10));
        hs_ring_clear_events(&ring);
        for (unsigned i = 0; i < 5; i++) {
            uint64_t kept = hs_membership_incarnation(&ring.nodes[0].membership);

            hs_ring_kill(&ring, 0);
            hs_ring_run(&ring, HS_NS_PER_S / 20);
            hs_ring_start(&ring, 0, 1, kept);
            HS_CHECK(hs_ring_run_until_whole(&ring, S(6)) != HS_NEVER_NS);
            hs_ring_run(&ring, S(10));
        }
        HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
        end();
    }
}

static void a_new_life_of_the_dead_is_believed_at_once(void)
{
    whole(5, HS_MEMBERSHIP_LAN, 9);
    hs_ring_kill(&ring, 3);
    hs_ring_run(&ring, S(40));
    HS_CHECK_EQ(hs_ring_holders(&ring, 3, HS_MEMBER_DEAD), 4);
    hs_ring_start(&ring, 3, 2, 0);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(3)) != HS_NEVER_NS);
    for (unsigned i = 0; i < 5; i++) {
        const struct hs_member *member =
            hs_members_find(&ring.nodes[i].membership.members, &ring.nodes[3].id);

        HS_CHECK_EQ(member->incarnation, INC(2, 0));
    }
    end();
}

/* The role comes back after it was declared dead, but its host never ended. */
static void a_late_return_of_the_same_life_refutes_its_death(void)
{
    whole(5, HS_MEMBERSHIP_LAN, 10);
    hs_ring_kill(&ring, 3);
    hs_ring_run(&ring, S(40));
    HS_CHECK_EQ(hs_ring_holders(&ring, 3, HS_MEMBER_DEAD), 4);
    hs_ring_start(&ring, 3, 1, 0);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(10)) != HS_NEVER_NS);
    HS_CHECK_EQ(hs_incarnation_epoch(hs_membership_incarnation(&ring.nodes[3].membership)), 1);
    HS_CHECK(ring.nodes[3].membership.counts.self_deaths > 0);
    end();
}

static void a_stopped_member_that_goes_on_refutes_its_death(void)
{
    whole(5, HS_MEMBERSHIP_LAN, 12);
    hs_ring_pause(&ring, 1, S(40));
    hs_ring_run(&ring, S(39));
    HS_CHECK_EQ(hs_ring_holders(&ring, 1, HS_MEMBER_DEAD), 4);
    hs_ring_run(&ring, S(1) + 1);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(10)) != HS_NEVER_NS);
    HS_CHECK(ring.nodes[1].membership.counts.self_deaths > 0);
    HS_CHECK_EQ(ring.nodes[1].event_counts[HS_MEMBER_EVENT_DEAD], 0);
    end();
}

static void who_says_goodbye_is_never_suspected(void)
{
    whole(10, HS_MEMBERSHIP_LAN, 13);
    hs_ring_leave(&ring, 6);
    hs_ring_run(&ring, S(2));
    HS_CHECK_EQ(hs_ring_holders(&ring, 6, HS_MEMBER_LEFT), 9);
    HS_CHECK(!ring.nodes[6].is_up);
    hs_ring_run(&ring, S(60));
    HS_CHECK_EQ(hs_ring_holders(&ring, 6, HS_MEMBER_LEFT), 9);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_DEAD), 9);
    for (unsigned i = 0; i < 10; i++)
        for (unsigned j = 0; j < ring.nodes[i].event_count; j++)
            HS_CHECK_EQ(ring.nodes[i].events[j].cause, HS_DEATH_LEFT);
    end();
}

static void halves_that_held_each_other_for_dead_find_together(void)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        whole(5, HS_MEMBERSHIP_WAN, 20 + seed);
        ring.nodes[3].group = ring.nodes[4].group = 1;
        hs_ring_run(&ring, S(600));
        HS_CHECK_EQ(hs_ring_holders(&ring, 4, HS_MEMBER_DEAD), 3);
        HS_CHECK_EQ(hs_ring_status(&ring, 0, 1), HS_MEMBER_ALIVE);
        HS_CHECK_EQ(hs_ring_status(&ring, 4, 3), HS_MEMBER_ALIVE);
        ring.nodes[3].group = ring.nodes[4].group = 0;
        HS_CHECK(hs_ring_run_until_whole(&ring, S(180)) != HS_NEVER_NS);
        end();
    }
}

/* No seed is left on the other side: the dead are redialled. */
static void halves_without_a_common_seed_find_together(void)
{
    begin(6, HS_MEMBERSHIP_LAN, 31);
    ring.seed_count = 1;
    hs_ring_start_all(&ring);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(15)) != HS_NEVER_NS);
    for (unsigned i = 0; i < 3; i++) ring.nodes[i].group = 1;
    hs_ring_run(&ring, S(300));
    HS_CHECK_EQ(hs_ring_holders(&ring, 0, HS_MEMBER_DEAD), 3);
    for (unsigned i = 0; i < 6; i++) ring.nodes[i].membership.join.config.seed_count = 0;
    for (unsigned i = 0; i < 3; i++) ring.nodes[i].group = 0;
    HS_CHECK(hs_ring_run_until_whole(&ring, S(180)) != HS_NEVER_NS);
    end();
}

static void loss_alone_kills_nobody(void)
{
    whole(16, HS_MEMBERSHIP_LAN, 41);
    ring.loss_ppm = 100000;
    hs_ring_run(&ring, S(600));
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_DEAD), 0);
    ring.loss_ppm = 0;
    HS_CHECK(hs_ring_run_until_whole(&ring, S(30)) != HS_NEVER_NS);
    end();
}

static void after_five_quiet_minutes_all_tables_are_equal(void)
{
    whole(12, HS_MEMBERSHIP_LAN, 51);
    ring.loss_ppm = 200000;
    hs_ring_kill(&ring, 11);
    hs_ring_pause(&ring, 5, S(8));
    hs_ring_run(&ring, S(60));
    ring.loss_ppm = 0;
    hs_ring_run(&ring, S(300));
    for (unsigned a = 0; a < 11; a++)
        for (unsigned b = 0; b < 12; b++) {
            const struct hs_member *mine =
                hs_members_find(&ring.nodes[a].membership.members, &ring.nodes[b].id);
            const struct hs_member *theirs =
                hs_members_find(&ring.nodes[(a + 1) % 11].membership.members, &ring.nodes[b].id);

            HS_CHECK(mine != NULL && theirs != NULL);
            if (!mine || !theirs) continue;
            HS_CHECK_EQ(mine->incarnation, theirs->incarnation);
            HS_CHECK_EQ(mine->status, theirs->status);
        }
    end();
}

static void a_lie_about_a_member_is_refuted_everywhere(void)
{
    struct hs_datagram              datagram = {.message = {.type = HS_DATAGRAM_GOSSIP}};
    struct hs_membership_packet     packet = {.datagram = &datagram};
    static struct hs_membership_out out;

    whole(5, HS_MEMBERSHIP_LAN, 61);
    packet.sender = ring.nodes[4].id;
    packet.from = ring.nodes[4].address;
    packet.incarnation = INC(1, 0);
    datagram.claim_count = 1;
    datagram.claims[0] = (struct hs_claim){.subject = ring.nodes[0].id,
                                           .from = ring.nodes[4].id,
                                           .incarnation = INC(1, 0),
                                           .status = HS_MEMBER_DEAD};
    for (unsigned i = 1; i < 4; i++)
        hs_membership_receive(&ring.nodes[i].membership, ring.now_ns, &packet, &out);
    HS_CHECK_EQ(hs_ring_holders(&ring, 0, HS_MEMBER_DEAD), 3);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(10)) != HS_NEVER_NS);
    HS_CHECK(hs_membership_incarnation(&ring.nodes[0].membership) > INC(1, 0));
    end();
}

/* Whoever holds a key may say that somebody has left; it says no, when it hears of it. */
static void a_lie_that_a_member_left_is_refuted(void)
{
    static struct hs_membership_out out;
    struct hs_datagram              datagram = {.message = {.type = HS_DATAGRAM_GOSSIP}};
    struct hs_membership_packet     packet = {.datagram = &datagram};

    whole(5, HS_MEMBERSHIP_LAN, 62);
    packet.sender = ring.nodes[0].id;
    packet.from = ring.nodes[0].address;
    packet.incarnation = INC(1, 0);
    datagram.claim_count = 1;
    datagram.claims[0] = (struct hs_claim){.subject = ring.nodes[4].id,
                                           .from = ring.nodes[4].id,
                                           .incarnation = INC(1, 0),
                                           .status = HS_MEMBER_LEFT};
    for (unsigned i = 1; i < 4; i++)
        hs_membership_receive(&ring.nodes[i].membership, ring.now_ns, &packet, &out);
    packet.sender = ring.nodes[3].id;
    hs_membership_receive(&ring.nodes[0].membership, ring.now_ns, &packet, &out);
    HS_CHECK_EQ(hs_ring_holders(&ring, 4, HS_MEMBER_LEFT), 4);
    for (unsigned i = 0; i < 5; i++) { /* nothing but its own pings leads to it: it is no seed */
        ring.nodes[i].membership.gossip.update_count = 0;
        ring.nodes[i].membership.gossip.push_pull_at_ns = HS_NEVER_NS;
    }
    hs_ring_run(&ring, S(10)); /* it may be taking its leave */
    HS_CHECK(hs_ring_run_until_whole(&ring, S(5)) != HS_NEVER_NS);
    HS_CHECK(hs_membership_incarnation(&ring.nodes[4].membership) > INC(1, 0));
    end();
}

/* It listens on all addresses that its host has, and does not know which of them others use. */
static void who_listens_everywhere_is_found_where_it_speaks_from(void)
{
    begin(4, HS_MEMBERSHIP_LAN, 63);
    ring.nodes[1].listens_everywhere = true;
    hs_ring_start_all(&ring);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(15)) != HS_NEVER_NS);
    hs_ring_pause(&ring, 1, S(3)); /* it is suspected, and refutes */
    hs_ring_run(&ring, S(30));
    HS_CHECK(hs_ring_is_whole(&ring));
    for (unsigned i = 0; i < 4; i++) {
        const struct hs_member *member =
            hs_members_find(&ring.nodes[i].membership.members, &ring.nodes[1].id);

        HS_CHECK(i == 1 || memcmp(&member->facts.address, &ring.nodes[1].address,
                                  sizeof member->facts.address) == 0);
    }
    end();
}

static void a_rolling_restart_of_everything_ends_whole(void)
{
    whole(6, HS_MEMBERSHIP_LAN, 71);
    for (unsigned i = 0; i < 6; i++) {
        hs_ring_leave(&ring, i);
        hs_ring_run(&ring, S(2));
        hs_ring_start(&ring, i, 2, 0);
        HS_CHECK(hs_ring_run_until_whole(&ring, S(5)) != HS_NEVER_NS);
    }
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
    end();
}

/* While there is news, a node sends three datagrams a tick: 15 a second, and what they lead to. */
static void all_that_restart_within_ten_seconds_are_back(void)
{
    enum { NODES = 60, PACKETS_MAX = 600 };

    whole(NODES, HS_MEMBERSHIP_LAN, 91);
    for (unsigned i = 0; i < NODES; i++) ring.nodes[i].sent_count = 0;
    for (unsigned i = 0; i < NODES; i++) {
        hs_ring_kill(&ring, i);
        hs_ring_run(&ring, S(10) / NODES);
        hs_ring_start(&ring, i, 2, 0);
    }
    HS_CHECK(hs_ring_run_until_whole(&ring, S(20)) != HS_NEVER_NS);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_DEAD), 0);
    for (unsigned i = 0; i < NODES; i++) HS_CHECK(ring.nodes[i].sent_count < PACKETS_MAX);
    end();
}

static void garbled_datagrams_do_no_lasting_harm(void)
{
    whole(8, HS_MEMBERSHIP_LAN, 81);
    ring.garble_ppm = 100000;
    hs_ring_run(&ring, S(120));
    for (unsigned i = 0; i < 8; i++)
        HS_CHECK(hs_members_validate(&ring.nodes[i].membership.members));
    HS_CHECK(ring.garbled_count > 100);
    ring.garble_ppm = 0;
    HS_CHECK(hs_ring_run_until_whole(&ring, S(120)) != HS_NEVER_NS);
    end();
}

/* Of all that know idx as a member, how many have heard of it that it holds that ring. */
static unsigned count_told(unsigned idx, uint32_t mark)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ring.count; i++) {
        const struct hs_member *member =
            hs_members_find(&ring.nodes[i].membership.members, &ring.nodes[idx].id);

        count += i != idx && member && member->keyring_mark == mark;
    }
    return count;
}

static uint8_t load_of(unsigned at, unsigned of)
{
    const struct hs_member *member =
        hs_members_find(&ring.nodes[at].membership.members, &ring.nodes[of].id);

    return member ? member->load : UINT8_MAX;
}

static void how_loaded_one_is_all_others_know(void)
{
    whole(5, HS_MEMBERSHIP_LAN, 1);
    HS_CHECK_EQ(load_of(1, 0), HS_LOAD_HEALTHY);
    hs_membership_set_load(&ring.nodes[0].membership, HS_LOAD_OVERLOADED);
    hs_ring_run(&ring, S(5));
    for (unsigned i = 0; i < 5; i++) HS_CHECK_EQ(load_of(i, 0), HS_LOAD_OVERLOADED);
    HS_CHECK_EQ(load_of(0, 1), HS_LOAD_HEALTHY);
    hs_membership_set_load(&ring.nodes[0].membership, HS_LOAD_BUSY);
    hs_ring_run(&ring, S(5));
    for (unsigned i = 0; i < 5; i++) HS_CHECK_EQ(load_of(i, 0), HS_LOAD_BUSY);
    end();
}

static void each_member_says_itself_which_keys_it_holds(void)
{
    hs_ring_begin(&ring, 12, 3, HS_MEMBERSHIP_WAN, 77);
    hs_ring_start_all(&ring);
    for (unsigned i = 0; i < ring.count; i++)
        hs_membership_set_keyring(&ring.nodes[i].membership, 5);
    HS_CHECK(hs_ring_run_until_whole(&ring, 30 * HS_NS_PER_S) != HS_NEVER_NS);
    hs_ring_run(&ring, 60 * HS_NS_PER_S);
    for (unsigned i = 0; i < ring.count; i++) HS_CHECK_EQ(count_told(i, 5), ring.count - 1);
    for (unsigned i = 0; i + 1 < ring.count; i++)
        hs_membership_set_keyring(&ring.nodes[i].membership, 6);
    hs_ring_run(&ring, 60 * HS_NS_PER_S);
    for (unsigned i = 0; i + 1 < ring.count; i++) HS_CHECK_EQ(count_told(i, 6), ring.count - 1);
    HS_CHECK_EQ(count_told(ring.count - 1, 5), ring.count - 1); /* nobody speaks for it */
    hs_ring_end(&ring);
}

static void whole_with_consoles(unsigned count, enum hs_membership_profile profile, uint64_t seed)
{
    begin(count, profile, seed);
    hs_ring_add_consoles(&ring);
    hs_ring_start_all(&ring);
    HS_CHECK(hs_ring_run_until_whole(&ring, S(15)) != HS_NEVER_NS);
    hs_ring_run(&ring, S(10));
    hs_ring_clear_events(&ring);
}

static const struct hs_swim_counts *counts_of(unsigned idx)
{
    return &ring.nodes[idx].membership.swim.counts;
}

static void a_member_without_a_way_is_vouched_for(void)
{
    uint64_t rounds = 0;
    uint64_t saved = 0;

    whole_with_consoles(5, HS_MEMBERSHIP_LAN, 4);
    for (unsigned i = 0; i < 5; i++) HS_CHECK_EQ(counts_of(i)->udp_path_bad, 0);
    ring.nodes[2].is_blocked = true;
    hs_ring_run(&ring, S(120));
    HS_CHECK_EQ(hs_ring_holders(&ring, 2, HS_MEMBER_ALIVE), 4);
    HS_CHECK_EQ(hs_ring_events(&ring, HS_MEMBER_EVENT_SUSPECT), 0);
    for (unsigned i = 0; i < 5; i++) {
        if (i == 2) continue;
        saved += counts_of(i)->udp_path_bad;
        rounds += counts_of(i)->rounds_lost;
    }
    HS_CHECK(saved >= 4 * 20); /* its turn comes every fourth round of half a second */
    HS_CHECK_EQ(rounds, 0);
    ring.nodes[2].is_blocked = false;
    hs_ring_run(&ring, S(30));
    HS_CHECK(hs_ring_is_whole(&ring));
    end();
}

static void without_a_console_it_is_dead(void)
{
    whole(5, HS_MEMBERSHIP_LAN, 4);
    ring.nodes[2].is_blocked = true;
    hs_ring_run(&ring, S(60));
    HS_CHECK_EQ(hs_ring_holders(&ring, 2, HS_MEMBER_DEAD), 4);
    end();
}

/* The minimum of a ring of five is 3 s, the maximum 18 s. */
static void a_loop_that_hangs_dies_behind_a_console_that_answers(void)
{
    whole_with_consoles(5, HS_MEMBERSHIP_LAN, 9);
    hs_ring_pause(&ring, 2, S(600));
    hs_ring_run(&ring, S(5 + 18 + 2 * 3 + 5));
    HS_CHECK_EQ(hs_ring_holders(&ring, 2, HS_MEMBER_DEAD), 4);
    for (unsigned i = 0; i < 5; i++) HS_CHECK_EQ(counts_of(i)->udp_path_bad, 0);
    end();
}

/* Its console speaks for the life that it knows. */
static void an_answer_for_an_older_life_saves_nobody(void)
{
    const struct hs_member  *member;
    struct hs_membership    *membership;
    struct hs_membership_out out;
    struct hs_membership_oob answer = {.load = HS_LOAD_OVERLOADED};

    whole_with_consoles(5, HS_MEMBERSHIP_LAN, 5);
    membership = &ring.nodes[0].membership;
    member = hs_members_find(&membership->members, &ring.nodes[1].id);
    answer.node = ring.nodes[1].id;
    answer.incarnation = member->incarnation - 1;
    hs_membership_hear_oob(membership, ring.now_ns, &answer, &out);
    HS_CHECK_EQ(hs_gossip_find_health(&membership->gossip, ring.now_ns, &member->id)->entry.load,
                HS_LOAD_HEALTHY);
    answer.incarnation++;
    ring.now_ns += S(1);
    hs_membership_hear_oob(membership, ring.now_ns, &answer, &out);
    HS_CHECK_EQ(hs_gossip_find_health(&membership->gossip, ring.now_ns, &member->id)->entry.load,
                HS_LOAD_OVERLOADED);
    HS_CHECK_EQ(load_of(0, 1), HS_LOAD_OVERLOADED); /* as whom we tell of it will take it */
    answer.node.bytes[3] ^= 1;
    hs_membership_hear_oob(membership, ring.now_ns, &answer, &out);
    HS_CHECK_EQ(out.send_count, 0);
    end();
}

CU_TestInfo hs_tests_membership[] = {
    {"2.10 who can only be reached through its console is not suspected",
     a_member_without_a_way_is_vouched_for},
    {"without a console nobody vouches for it", without_a_console_it_is_dead},
    {"13.6 a loop that hangs dies behind a console that answers",
     a_loop_that_hangs_dies_behind_a_console_that_answers},
    {"13 an answer for an older life saves nobody; that of a loaded one says so",
     an_answer_for_an_older_life_saves_nobody},
    {"7.1 three gates that start together know each other",
     three_gates_that_start_together_know_each_other},
    {"thirty members form a ring from three seeds", thirty_members_form_a_ring_from_three_seeds},
    {"9.1 a killed member is dead for all, and told once",
     a_killed_member_is_dead_for_all_and_told_once},
    {"a restarted role is not suspected", a_restarted_role_is_not_suspected},
    {"a restarted role without seeds is not suspected",
     a_restarted_role_without_seeds_is_not_suspected},
    {"6.1 a new life of the dead is believed at once", a_new_life_of_the_dead_is_believed_at_once},
    {"a late return of the same life refutes its death",
     a_late_return_of_the_same_life_refutes_its_death},
    {"6.3 a stopped member that goes on refutes its death",
     a_stopped_member_that_goes_on_refutes_its_death},
    {"6.5 who says goodbye is never suspected", who_says_goodbye_is_never_suspected},
    {"6.6 halves that held each other for dead find together",
     halves_that_held_each_other_for_dead_find_together},
    {"6.6 halves without a common seed find together", halves_without_a_common_seed_find_together},
    {"loss alone kills nobody", loss_alone_kills_nobody},
    {"A.4 after five quiet minutes all tables are equal",
     after_five_quiet_minutes_all_tables_are_equal},
    {"BAD-13 8.9 a lie about a member is refuted everywhere",
     a_lie_about_a_member_is_refuted_everywhere},
    {"6.4 a lie that a member left is refuted", a_lie_that_a_member_left_is_refuted},
    {"who listens everywhere is found where it speaks from",
     who_listens_everywhere_is_found_where_it_speaks_from},
    {"a rolling restart of everything ends whole", a_rolling_restart_of_everything_ends_whole},
    {"6.8 all that restart within ten seconds are back",
     all_that_restart_within_ten_seconds_are_back},
    {"18.1 how loaded one is all others know", how_loaded_one_is_all_others_know},
    {"SEC-12 each member says itself which keys it holds",
     each_member_says_itself_which_keys_it_holds},
    {"A.3 garbled datagrams do no lasting harm", garbled_datagrams_do_no_lasting_harm},
    CU_TEST_INFO_NULL,
};
