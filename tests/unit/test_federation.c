// SPDX-License-Identifier: Apache-2.0
/* test_federation.c - which datacenters a gate can reach (federation.h, membership.md 15). */
#include "tests/check.h"
#include "tests/unit/federation_rig.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <stdlib.h>

#define MS(n) ((uint64_t)(n)*HS_NS_PER_MS)
#define S(n)  ((uint64_t)(n)*HS_NS_PER_S)

static struct fed_world world;

/* A step at a time for as long as it is so, and never for ever. */
#define RUN_WHILE(condition, step_ns)                                                              \
    do {                                                                                           \
        for (unsigned steps = 0; steps < 100000 && (condition); steps++) fed_run(&world, step_ns); \
        HS_CHECK(!(condition));                                                                    \
    } while (0)

/* One gate and one datacenter that is reached, its round trips measured. */
static void begin_reached(uint64_t delay_ns)
{
    fed_begin(&world, 1, 1, delay_ns);
    fed_run(&world, S(60));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
    HS_CHECK_EQ(world.gates[0].change_count, 1);
}

static bool is_near(uint64_t value_ns, uint64_t wanted_ns, uint64_t tolerance_ns)
{
    bool is = value_ns + tolerance_ns >= wanted_ns && value_ns <= wanted_ns + tolerance_ns;

    if (!is) (void)fprintf(stderr, "%" PRIu64 " ms\n", value_ns / HS_NS_PER_MS);
    return is;
}

static const struct hs_federation_round *newest_round(void)
{
    const struct hs_federation_datacenter *at = fed_at(&world, 0, 0);

    return &at->rounds[(at->round_idx + HS_FEDERATION_ROUNDS_MAX - 1) % HS_FEDERATION_ROUNDS_MAX];
}

static void s15_1(void)
{
    uint64_t silent_ns;

    begin_reached(MS(100));
    silent_ns = fed_at(&world, 0, 0)->last_ack_ns;
    RUN_WHILE(fed_at(&world, 0, 0)->last_ack_ns == silent_ns, MS(1));
    silent_ns = fed_at(&world, 0, 0)->last_ack_ns - MS(200); /* the round that was answered */
    fed_cut(&world, 0, true);
    RUN_WHILE(fed_state(&world, 0, 0) == HS_REACH_REACHABLE, MS(1));
    HS_CHECK(is_near(world.now_ns - newest_round()->sent_at_ns, MS(900), MS(1)));
    fed_run(&world, S(60));
    HS_CHECK(is_near(fed_when(&world, 0, 0, HS_REACH_SUSPECTED, silent_ns) - silent_ns, MS(6900),
                     MS(500)));
    HS_CHECK(is_near(fed_when(&world, 0, 0, HS_REACH_UNREACHABLE, silent_ns) -
                         fed_when(&world, 0, 0, HS_REACH_SUSPECTED, silent_ns),
                     S(30), MS(1)));
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_SUSPECTED), 1);
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_UNREACHABLE), 1);
}

static void s15_2(void)
{
    fed_begin(&world, 1, 1, MS(50));
    fed_cut(&world, 0, true);
    fed_run(&world, S(600));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_UNKNOWN);
    HS_CHECK_EQ(world.gates[0].change_count, 0);
    fed_run(&world, S(1200)); /* its managers are forgotten after 900 s: they answer nothing */
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_REACHABLE), 0);
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_SUSPECTED), 0);
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_UNREACHABLE), 0);
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_COUNT);
    HS_CHECK_EQ(world.gates[0].change_count, 1); /* that it is forgotten */
}

static void s15_3(void)
{
    begin_reached(MS(450));
    fed_run(&world, S(24 * 3600));
    HS_CHECK_EQ(world.gates[0].change_count, 1);
    HS_CHECK_EQ(world.gates[0].federation.counts.rounds_missed, 0);
}

static void s15_4(void)
{
    fed_begin(&world, 1, 1, MS(100));
    world.loss_ppm = 50000;
    fed_run(&world, S(24 * 3600));
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_SUSPECTED), 0);
    HS_CHECK(world.gates[0].federation.counts.rounds > 40000);
    HS_CHECK(world.gates[0].federation.counts.rounds_missed < 200); /* 0.1 % of them */
}

static void s15_5(void)
{
    struct hs_node_id second;

    begin_reached(MS(20));
    world.datacenters[0].is_down[0] = true; /* the leader dies, and the second is elected */
    world.datacenters[0].leader = 1;
    world.datacenters[0].term = 8;
    fed_run(&world, S(5));
    second = fed_manager_id(0, 1);
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->leader.term, 8);
    HS_CHECK(hs_node_id_equal(&world.gates[0].last_asked[0], &second));
    fed_run(&world, S(60));
    HS_CHECK_EQ(world.gates[0].change_count, 1);
}

static void s15_6(void)
{
    begin_reached(MS(20));
    world.datacenters[0].leader = 1;
    world.datacenters[0].term = 8;
    world.datacenters[0].incarnations[1] = 3;
    world.datacenters[0].body.cores_free = 5;
    fed_run(&world, S(6));
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body.cores_free, 5);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body_incarnation, 3);
    HS_CHECK(!fed_at(&world, 0, 0)->is_provisional);
}

/* An answer to the round under way. */
static struct hs_federation_message answer_of(uint64_t term, unsigned leader, uint32_t cores_free)
{
    const struct hs_federation_datacenter *at = fed_at(&world, 0, 0);
    struct hs_federation_message           message = {
                  .type = HS_DATAGRAM_XACK,
                  .seq = newest_round()->seq,
                  .leader = {.id = fed_manager_id(0, leader), .term = term},
                  .body = {.cores_total = 8, .cores_free = cores_free}};

    memcpy(message.datacenter, at->name, sizeof message.datacenter);
    return message;
}

static void s15_7(void)
{
    struct hs_federation_message old;
    uint64_t                     before_ns;

    world.datacenters[0].term = 8;
    begin_reached(MS(20));
    world.datacenters[0].term = 8;
    world.datacenters[0].leader = 1;
    fed_run(&world, S(10));
    before_ns = fed_at(&world, 0, 0)->last_ack_ns;
    fed_run(&world, MS(500));
    old = answer_of(7, 0, 1);
    fed_answer(&world, 0, 0, 0, &old);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body.cores_free, 8);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->leader.term, 8);
    HS_CHECK(fed_at(&world, 0, 0)->last_ack_ns > before_ns);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->last_ack_ns, world.now_ns);
}

static void s15_8(void)
{
    struct hs_reach_facts facts;
    int                   idx;

    fed_begin(&world, 2, 1, MS(50));
    fed_run(&world, S(30));
    world.gates[0].is_cut[0] = true;
    fed_run(&world, S(8));
    for (unsigned second = 0; second < 600; second++) {
        fed_run(&world, S(1));
        idx = hs_federation_find(&world.gates[0].federation, "dc-0");
        hs_federation_facts(&world.gates[0].federation, (uint32_t)idx, &facts);
        HS_CHECK_EQ(facts.state, HS_REACH_SUSPECTED);
        HS_CHECK(facts.is_local_partition);
    }
    HS_CHECK_EQ(fed_times(&world, 0, 0, HS_REACH_UNREACHABLE), 0);
    HS_CHECK_EQ(fed_state(&world, 1, 0), HS_REACH_REACHABLE);
    world.gates[0].is_alone = true; /* now nobody vouches for it any more */
    fed_run(&world, S(11));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_UNREACHABLE);
}

static void s15_9(void)
{
    struct hs_federation_message other;

    begin_reached(MS(20));
    for (unsigned i = 0; i < 5; i++) {
        other = answer_of(7, 2, 3);
        fed_answer(&world, 0, 0, 2, &other);
        fed_run(&world, S(2));
    }
    HS_CHECK_EQ(world.gates[0].alerts[HS_FEDERATION_TWO_LEADERS], 1);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->leader.id.bytes[2], 1);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body.cores_free, 8);
}

/* The link becomes much slower than it was, so that answers come after the next questions. */
static void s15_10(void)
{
    begin_reached(MS(10));
    world.datacenters[0].delay_ns = MS(1250);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t before_ns = fed_at(&world, 0, 0)->last_rtt_ns;

        fed_run(&world, MS(100));
        if (fed_at(&world, 0, 0)->last_rtt_ns == before_ns) continue;
        HS_CHECK_EQ(fed_at(&world, 0, 0)->last_rtt_ns, MS(2500));
    }
    HS_CHECK_EQ(fed_at(&world, 0, 0)->last_rtt_ns, MS(2500));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
}

static void count_slot(struct fed_world *at, unsigned gate, unsigned datacenter)
{
    (void)gate;
    (void)datacenter;
    at->slots[at->now_ns / MS(100) % 20]++;
}

static void s15_11(void)
{
    uint64_t sum = 0, most = 0;

    fed_begin(&world, 5, 20, MS(20));
    fed_run(&world, S(60));
    world.on_probe = count_slot;
    fed_run(&world, S(600));
    for (unsigned i = 0; i < 20; i++) {
        sum += world.slots[i];
        most = hs_max_u64(most, world.slots[i]);
    }
    HS_CHECK(sum >= 100 * 290);
    HS_CHECK(most <= 3 * (sum / 20));
}

static void s15_12(void)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0, at_ns;

    fed_begin(&world, 3, 1, MS(50));
    fed_run(&world, S(30));
    fed_cut(&world, 0, true);
    fed_run(&world, S(60));
    for (unsigned i = 0; i < 3; i++) {
        at_ns = fed_when(&world, i, 0, HS_REACH_UNREACHABLE, 0);
        HS_CHECK(at_ns > 0);
        first_ns = hs_min_u64(first_ns, at_ns);
        last_ns = hs_max_u64(last_ns, at_ns);
        HS_CHECK_EQ(hs_federation_agreeing(&world.gates[i].federation, 0), 3);
    }
    HS_CHECK(last_ns - first_ns <= S(5));
}

/* ---- what else must hold ---- */

static void a_datacenter_is_back_after_two_rounds_and_from_a_suspicion_after_one(void)
{
    begin_reached(MS(50));
    fed_cut(&world, 0, true);
    fed_run(&world, S(10));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_SUSPECTED);
    fed_cut(&world, 0, false);
    fed_run(&world, MS(2500));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
    fed_cut(&world, 0, true);
    fed_run(&world, S(60));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_UNREACHABLE);
    RUN_WHILE(fed_at(&world, 0, 0)->last_ack_ns + S(60) > world.now_ns, S(1));
    fed_cut(&world, 0, false);
    RUN_WHILE(!fed_at(&world, 0, 0)->rounds_answered, MS(1));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_UNREACHABLE);
    fed_run(&world, MS(500));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
}

static void what_this_process_slept_through_is_nobodys_silence(void)
{
    begin_reached(MS(50));
    world.now_ns += S(40); /* stopped, and everything under way was lost */
    memset(world.packets, 0, sizeof world.packets);
    fed_run(&world, S(20));
    HS_CHECK_EQ(world.gates[0].change_count, 1);
}

static void numbers_that_contradict_each_other_are_refused_and_the_answer_counts(void)
{
    begin_reached(MS(50));
    world.datacenters[0].body.cores_free = 9;
    fed_run(&world, S(30));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body.cores_free, 8);
    HS_CHECK(world.gates[0].federation.counts.bodies_refused > 10);
}

static void an_answer_for_another_datacenter_is_dropped_with_one_alert(void)
{
    struct hs_federation_message wrong;

    begin_reached(MS(50));
    for (unsigned i = 0; i < 10; i++) {
        wrong = answer_of(9, 1, 3);
        memcpy(wrong.datacenter, "dc-1", 5);
        fed_answer(&world, 0, 0, 1, &wrong);
    }
    HS_CHECK_EQ(world.gates[0].alerts[HS_FEDERATION_WRONG_DATACENTER], 1);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->leader.term, 7);
    HS_CHECK_EQ(world.gates[0].federation.counts.strays, 10);
}

static void without_a_leader_any_managers_numbers_are_taken_provisionally(void)
{
    begin_reached(MS(50));
    world.datacenters[0].is_down[0] = true; /* dead, and nobody is elected */
    world.datacenters[0].body.cores_free = 2;
    fed_run(&world, S(8));
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body.cores_free, 8);
    fed_run(&world, S(20));
    HS_CHECK_EQ(fed_state(&world, 0, 0), HS_REACH_REACHABLE);
    HS_CHECK_EQ(fed_at(&world, 0, 0)->body.cores_free, 2);
    HS_CHECK(fed_at(&world, 0, 0)->is_provisional);
}

static void tables_hold_their_bounds_at_twice_as_much(void)
{
    static struct hs_federation federation;
    const struct hs_node_id     self = {{9}};
    const struct hs_addr        address = {.family = HS_ADDR_IPV4, .port = 1};
    char                        name[HS_IDENTITY_LABEL_BYTES];
    unsigned                    count = 0;

    hs_federation_init(&federation, &self, 1, S(1));
    for (unsigned i = 0; i < 2 * HS_FEDERATION_DATACENTERS_MAX; i++) {
        const struct hs_node_id id = {{1, (uint8_t)i}};

        (void)snprintf(name, sizeof name, "dc-%u", i);
        count += hs_federation_register(&federation, S(1), name, &id, &address);
    }
    HS_CHECK_EQ(count, HS_FEDERATION_DATACENTERS_MAX);
    HS_CHECK_EQ(federation.counts.refused, HS_FEDERATION_DATACENTERS_MAX);
    for (unsigned i = 0; i < 2 * HS_FEDERATION_CONTACTS_MAX; i++) {
        const struct hs_node_id            id = {{2, (uint8_t)i}};
        const struct hs_federation_verdict verdict = {.datacenter = "dc-0",
                                                      .state = HS_REACH_REACHABLE};

        HS_CHECK(hs_federation_register(&federation, S(2) + i, "dc-0", &id, &address));
        hs_federation_hear(&federation, S(2) + i, &id, &verdict);
    }
    HS_CHECK_EQ(federation.datacenters[0].contacts[0].id.bytes[1], 31);
    HS_CHECK_EQ(federation.datacenters[1].contacts[0].id.bytes[0], 1);
}

static struct hs_federation_message message_of(enum hs_datagram_type type)
{
    struct hs_federation_message message = {.type = type};

    if (type != HS_DATAGRAM_DC_LEADER) message.seq = 77;
    if (type == HS_DATAGRAM_XPROBE) return message;
    memcpy(message.datacenter, "dc-b", 5);
    message.leader = (struct hs_federation_leader){
        {{4}}, 9, {.family = HS_ADDR_IPV4, .port = 7401, .bytes = {10, 0, 0, 1}}};
    if (type == HS_DATAGRAM_XNACK) message.code = HS_XNACK_STOPPING;
    if (type == HS_DATAGRAM_XACK) {
        message.body = (struct hs_federation_body){1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3};
        memcpy(message.region, "eu", 3);
    }
    return message;
}

static void every_message_is_read_as_it_was_written_and_its_cuts_are_refused(void)
{
    for (int type = HS_DATAGRAM_XPROBE; type <= HS_DATAGRAM_DC_LEADER; type++) {
        struct hs_federation_message message = message_of((enum hs_datagram_type)type), read;
        uint8_t                      memory[HS_FEDERATION_CONTENT_BYTES_MAX];
        struct hs_view               content = hs_federation_put(&message, memory);
        size_t cuts = type == HS_DATAGRAM_XPROBE ? 4 : content.bytes; /* behind: padding */

        HS_CHECK_EQ(hs_federation_get(content, message.type, &read), 0);
        HS_CHECK(memcmp(&read, &message, sizeof read) == 0);
        for (size_t cut = 0; cut < cuts; cut++)
            HS_CHECK_EQ(hs_federation_get(hs_view_of(memory, cut), message.type, &read), -EPROTO);
    }
}

static void a_name_with_something_behind_its_end_is_none(void)
{
    static const char            hidden[] = "dc\0x";
    struct hs_federation_verdict verdict;
    uint8_t                      memory[64];
    struct hs_writer             writer;
    struct hs_reader             reader;

    hs_writer_init(&writer, memory, sizeof memory);
    hs_put_text(&writer, hs_view_of(hidden, sizeof hidden - 1));
    hs_put_bytes(&writer, "\1\0\0\0\0\0\0\0\0", 9);
    hs_reader_init(&reader, hs_view_of(memory, writer.used_bytes));
    HS_CHECK(!hs_federation_get_verdict(&reader, &verdict));
    memory[3] = '-'; /* the byte between: now it is a name */
    hs_reader_init(&reader, hs_view_of(memory, writer.used_bytes));
    HS_CHECK(hs_federation_get_verdict(&reader, &verdict));
    HS_CHECK_TEXT(verdict.datacenter, "dc-x");
}

/* Each datacenter begins a round whenever it has a new leader. */
static void change_leaders(struct hs_federation *federation, uint64_t term)
{
    static struct hs_federation_out out;
    struct hs_federation_message    message = {.type = HS_DATAGRAM_DC_LEADER};

    for (unsigned i = 0; i < HS_FEDERATION_DATACENTERS_MAX; i++) {
        message.leader = (struct hs_federation_leader){.id = {{1, (uint8_t)i, (uint8_t)(term % 2)}},
                                                       .term = term};
        (void)snprintf(message.datacenter, sizeof message.datacenter, "dc-%u", i);
        hs_federation_receive(federation, S(1), &message.leader.id, 1, &message, &out);
    }
    hs_federation_turn(federation, S(1), &out);
    HS_CHECK_EQ(out.send_count, HS_FEDERATION_DATACENTERS_MAX);
}

static void rounds_that_are_late_at_once_are_repeated_in_more_than_one_turn(void)
{
    static struct hs_federation     federation;
    static struct hs_federation_out out;
    const struct hs_node_id         self = {{9}};
    const struct hs_addr            address = {.family = HS_ADDR_IPV4, .port = 1};
    char                            name[HS_IDENTITY_LABEL_BYTES];
    unsigned                        count = 0;

    hs_federation_init(&federation, &self, 1, S(1));
    for (unsigned i = 0; i < 2 * HS_FEDERATION_DATACENTERS_MAX; i++) {
        const struct hs_node_id id = {{1, (uint8_t)(i / 2), (uint8_t)(i % 2)}};

        (void)snprintf(name, sizeof name, "dc-%u", i / 2);
        HS_CHECK(hs_federation_register(&federation, S(1), name, &id, &address));
    }
    for (uint64_t term = 1; term <= HS_FEDERATION_ROUNDS_MAX; term++)
        change_leaders(&federation, term);
    do {
        hs_federation_turn(&federation, MS(3900), &out);
        count += out.send_count;
    } while (out.send_count && hs_federation_deadline_ns(&federation) <= MS(3900));
    HS_CHECK(hs_federation_deadline_ns(&federation) > MS(3900));
    /* Of three rounds a new one takes the place of the oldest; the others ask twice more each. */
    HS_CHECK(count >= 5 * HS_FEDERATION_DATACENTERS_MAX);
}

CU_TestInfo hs_tests_federation[] = {
    {"15.1 silence: SUSPECTED after three rounds, UNREACHABLE 30 s later", s15_1},
    {"15.2 a datacenter that never answered is UNKNOWN, and nothing is told of it", s15_2},
    {"15.3 a stable round trip of 900 ms is never suspected in a day", s15_3},
    {"15.4 5 % loss each way is never suspected in a day", s15_4},
    {"15.5 the leader dies, a follower names the new one: it is asked first", s15_5},
    {"15.6 a new leader of a younger life is believed, its term is higher", s15_6},
    {"15.7 the word of an older term is not taken, the answer counts", s15_7},
    {"15.8 cut off here and heard elsewhere: a local partition for as long as that holds", s15_8},
    {"15.9 two leaders in one term: the second is refused, one alert", s15_9},
    {"15.10 a late answer is measured by its own question", s15_10},
    {"15.11 the questions of 5 gates to 20 datacenters are spread", s15_11},
    {"15.12 all gates agree on UNREACHABLE within 5 s", s15_12},
    {"a datacenter is back after two rounds, from a suspicion after one",
     a_datacenter_is_back_after_two_rounds_and_from_a_suspicion_after_one},
    {"what this process slept through is nobody's silence",
     what_this_process_slept_through_is_nobodys_silence},
    {"numbers that contradict each other are refused, and the answer counts",
     numbers_that_contradict_each_other_are_refused_and_the_answer_counts},
    {"an answer for another datacenter is dropped with one alert",
     an_answer_for_another_datacenter_is_dropped_with_one_alert},
    {"without a leader any manager's numbers are taken provisionally",
     without_a_leader_any_managers_numbers_are_taken_provisionally},
    {"tables hold their bounds at twice as much", tables_hold_their_bounds_at_twice_as_much},
    {"rounds that are late at once are repeated in more than one turn",
     rounds_that_are_late_at_once_are_repeated_in_more_than_one_turn},
    {"every message is read as it was written, and its cuts are refused",
     every_message_is_read_as_it_was_written_and_its_cuts_are_refused},
    {"a name with something behind its end is none", a_name_with_something_behind_its_end_is_none},
    CU_TEST_INFO_NULL};
