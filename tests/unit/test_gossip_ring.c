// SPDX-License-Identifier: Apache-2.0
/* test_gossip_ring.c - whole rings in virtual time: how far news travel, with datagrams lost on the
 * way, and tables from node to node. */
#include "tests/check.h"
#include "tests/unit/gossip_rig.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { STEP_MS = 10, DELAY_MS = 10, FLIGHT_MAX = 1 << 14 };

struct flight { /* one datagram on its way */
    uint64_t at_ns;
    unsigned from;
    unsigned to;
    size_t   bytes;
    uint8_t  body[HS_DATAGRAM_BODY_BYTES_MAX];
};

static struct flight     *flights;
static unsigned           flight_count;
static struct hs_rand     rand_of_net;
static unsigned           loss_percent;
static uint64_t           sent_bytes;
static struct hs_datagram read;
static struct hs_node_id  news;

static void start(unsigned count, uint64_t seed)
{
    hs_gossip_rig_start(count, seed);
    flights = calloc(FLIGHT_MAX, sizeof *flights);
    flight_count = 0;
    loss_percent = 0;
    sent_bytes = 0;
    hs_rand_init(&rand_of_net, seed);
}

static void stop(void)
{
    hs_gossip_rig_stop();
    free(flights);
}

static void send_bytes(unsigned from, unsigned to, const uint8_t *body, size_t bytes)
{
    struct flight *flight;

    sent_bytes += bytes + HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES;
    if (hs_rand_below(&rand_of_net, 100) < loss_percent) return;
    HS_CHECK(flight_count < FLIGHT_MAX);
    flight = &flights[flight_count++];
    flight->at_ns = hs_gossip_rig.now_ns + DELAY_MS * HS_NS_PER_MS;
    flight->from = from;
    flight->to = to;
    flight->bytes = bytes;
    memcpy(flight->body, body, bytes);
}

static void send_gossip(unsigned from, unsigned to)
{
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_node_id          id = hs_gossip_rig_id(to);
    uint8_t                    body[HS_DATAGRAM_BODY_BYTES_MAX];
    struct hs_datagram_writer  writer;

    hs_datagram_start(&writer, body, sizeof body, &message);
    hs_gossip_fill(&hs_gossip_rig.nodes[from].gossip, hs_gossip_rig.now_ns,
                   hs_members_find(&hs_gossip_rig.nodes[from].members, &id), NULL, &writer);
    send_bytes(from, to, body, hs_datagram_finish(&writer));
}

static unsigned number_of(const struct hs_node_id *id)
{
    unsigned n;

    memcpy(&n, id->bytes + 4, sizeof n);
    return n;
}

static void hear(struct hs_gossip_rig_node *node, const struct hs_claim *claim)
{
    enum hs_claim_result result =
        hs_members_claim(&node->members, hs_gossip_rig.now_ns, claim, NULL);

    if (result == HS_CLAIM_ACCEPTED || result == HS_CLAIM_CREATED)
        hs_gossip_push(&node->gossip, hs_gossip_rig.now_ns, claim);
    if (hs_node_id_equal(&claim->subject, &news) && !node->informed_at_ns)
        node->informed_at_ns = hs_gossip_rig.now_ns;
}

static void arrive(const struct flight *flight)
{
    struct hs_gossip_rig_node *node = &hs_gossip_rig.nodes[flight->to];
    struct hs_node_id          from = hs_gossip_rig_id(flight->from);
    bool                       is_page = flight->body[0] == HS_DATAGRAM_PUSH_PULL;

    if (node->is_deaf && !is_page) return;
    HS_CHECK_EQ(hs_datagram_decode(hs_view_of(flight->body, flight->bytes),
                                   (enum hs_datagram_type)flight->body[0], &read),
                0);
    HS_CHECK_EQ(read.malformed_count, 0);
    for (unsigned i = 0; i < read.claim_count; i++) {
        struct hs_claim claim = read.claims[i];

        claim.source = HS_CLAIM_GOSSIP;
        if (is_page) hs_gossip_judge(&claim, read.is_old[i], &from);
        hear(node, &claim);
    }
    for (unsigned i = 0; i < read.health_count; i++)
        (void)hs_gossip_hear_health(&node->gossip, hs_gossip_rig.now_ns, &read.healths[i]);
    if (is_page) hs_gossip_on_page(&node->gossip, hs_gossip_rig.now_ns, &from, &read.message);
}

static void step_node(unsigned n)
{
    struct hs_gossip_actions actions;

    hs_gossip_step(&hs_gossip_rig.nodes[n].gossip, hs_gossip_rig.now_ns, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct hs_member *to =
            hs_members_at(&hs_gossip_rig.nodes[n].members, actions.at[i].to_idx);

        if (actions.at[i].type == HS_GOSSIP_SEND_PAGE) {
            uint8_t body[HS_DATAGRAM_BODY_BYTES_MAX];
            size_t  bytes = hs_gossip_page(&hs_gossip_rig.nodes[n].gossip, hs_gossip_rig.now_ns,
                                           actions.at[i].transfer, body, sizeof body);

            send_bytes(n, number_of(&to->id), body, bytes);
        } else if (number_of(&to->id) < hs_gossip_rig.count) {
            send_gossip(n, number_of(&to->id));
        }
    }
}

/* One step of 10 ms. */
static void step(void)
{
    hs_gossip_rig.now_ns += STEP_MS * HS_NS_PER_MS;
    for (unsigned i = flight_count; i > 0; i--)
        if (flights[i - 1].at_ns <= hs_gossip_rig.now_ns) {
            struct flight flight = flights[i - 1];

            flights[i - 1] = flights[--flight_count];
            arrive(&flight);
        }
    for (unsigned n = 0; n < hs_gossip_rig.count; n++)
        if (hs_gossip_rig.now_ns >= hs_gossip_deadline_ns(&hs_gossip_rig.nodes[n].gossip))
            step_node(n);
}

static unsigned informed_count(void)
{
    unsigned count = 0;

    for (unsigned n = 0; n < hs_gossip_rig.count; n++)
        count += hs_gossip_rig.nodes[n].informed_at_ns != 0;
    return count;
}

static void tell_news(unsigned subject)
{
    struct hs_claim claim = hs_gossip_rig_accuse(subject, HS_MEMBER_SUSPECT);

    news = claim.subject;
    claim.from = hs_gossip_rig_id(0);
    hear(&hs_gossip_rig.nodes[0], &claim);
}

static uint64_t time_to_inform_all(uint64_t patience_ns)
{
    uint64_t begin_ns = hs_gossip_rig.now_ns;

    while (informed_count() < hs_gossip_rig.count && hs_gossip_rig.now_ns - begin_ns < patience_ns)
        step();
    return hs_gossip_rig.now_ns - begin_ns;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void s8_2_a_hundred_hear_of_news_within_a_second_and_a_half(void)
{
    enum { RUNS = 30 }; /* the cluster simulation runs a thousand */
    uint64_t took_ns[RUNS];

    for (unsigned run = 0; run < RUNS; run++) {
        start(100, 800 + run);
        tell_news(99);
        took_ns[run] = time_to_inform_all(10 * HS_NS_PER_S);
        HS_CHECK_EQ(informed_count(), 100);
        stop();
    }
    qsort(took_ns, RUNS, sizeof *took_ns, by_size);
    HS_CHECK(took_ns[RUNS - 1] <= 1500 * HS_NS_PER_MS);
}

static void s8_3_who_missed_all_gossip_has_it_with_the_next_table(void)
{
    start(100, 83);
    loss_percent = 10;
    hs_gossip_rig.nodes[42].is_deaf = true;
    tell_news(98);
    /* Three intervals among a hundred, a fifth later at most, and the pages' own time. */
    HS_CHECK(time_to_inform_all(110 * HS_NS_PER_S) <= 109 * HS_NS_PER_S);
    HS_CHECK_EQ(informed_count(), 100);
    stop();
}

/* Ten hs_gossip_rig.nodes exchange two datagrams a second each, as their probes do. */
static void s8_6_everybodys_health_is_never_older_than_ten_seconds(void)
{
    uint64_t oldest_ns = 0;

    start(10, 86);
    for (unsigned tenth = 0; tenth < 6000; tenth++) {
        for (unsigned n = 0; n < 10; n++) {
            struct hs_health_entry own = {
                .node = hs_gossip_rig_id(n), .load = HS_LOAD_BUSY, .score = 1};
            unsigned to = (n + 1 + (unsigned)hs_rand_below(&rand_of_net, 9)) % 10;

            hs_gossip_set_own_health(&hs_gossip_rig.nodes[n].gossip, hs_gossip_rig.now_ns, &own);
            if (tenth % 10 == n) {
                send_gossip(n, to);
                send_gossip(to, n);
            }
        }
        for (unsigned i = 0; i < 10; i++) step();
        for (unsigned n = 0; n < 10 && tenth > 100; n++)
            for (unsigned of = 0; of < 10; of++) {
                struct hs_node_id              id = hs_gossip_rig_id(of);
                const struct hs_gossip_health *known = hs_gossip_find_health(
                    &hs_gossip_rig.nodes[n].gossip, hs_gossip_rig.now_ns, &id);

                if (of == n) continue;
                oldest_ns = hs_max_u64(oldest_ns, known ? hs_gossip_rig.now_ns - known->said_at_ns
                                                        : UINT64_MAX);
            }
    }
    HS_CHECK(oldest_ns <= 10 * HS_NS_PER_S);
    stop();
}

static void a_table_reaches_a_newcomer_page_by_page(void)
{
    struct hs_node_id to = hs_gossip_rig_id(99);

    start(100, 5);
    free(hs_gossip_rig.nodes[99].memory[0]);
    free(hs_gossip_rig.nodes[99].memory[1]);
    hs_gossip_rig_start_node(99, 1, 5); /* knows the first one only */
    HS_CHECK_EQ(hs_gossip_rig.nodes[99].members.count, 2);
    to = hs_gossip_rig_id(0);
    HS_CHECK(
        hs_gossip_begin_transfer(&hs_gossip_rig.nodes[99].gossip, hs_gossip_rig.now_ns, &to, true));
    for (int i = 0; i < 50; i++) step();
    HS_CHECK_EQ(hs_gossip_rig.nodes[99].members.count, 100);
    HS_CHECK(hs_gossip_rig.nodes[0].gossip.counts.pages_sent >= 4);
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.counts.transfers,
                1); /* one reply, to however many pages */
    HS_CHECK(hs_node_id_is_none(&hs_gossip_rig.nodes[0].gossip.transfers[0].to));
    stop();
}

static void tables_asked_of_us_are_two_at_once(void)
{
    struct hs_datagram_message page = {.type = HS_DATAGRAM_PUSH_PULL, .is_reply_wanted = true};

    start(10, 5);
    for (unsigned n = 1; n < 6; n++) {
        struct hs_node_id from = hs_gossip_rig_id(n);

        page.nonce = n;
        hs_gossip_on_page(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &from, &page);
        hs_gossip_on_page(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &from, &page);
    }
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.counts.transfers, 2);
    HS_CHECK_EQ(hs_gossip_rig.nodes[0].gossip.counts.transfers_refused, 3);
    stop();
}

static void a_death_in_a_table_is_a_suspicion_unless_its_time_is_over(void)
{
    struct hs_claim   claim = hs_gossip_rig_accuse(5, HS_MEMBER_DEAD);
    struct hs_node_id from = hs_gossip_rig_id(3);

    hs_gossip_judge(&claim, false, &from);
    HS_CHECK_EQ(claim.status, HS_MEMBER_SUSPECT);
    HS_CHECK(hs_node_id_equal(&claim.from, &from));
    claim = hs_gossip_rig_accuse(5, HS_MEMBER_DEAD);
    hs_gossip_judge(&claim, true, &from);
    HS_CHECK_EQ(claim.status, HS_MEMBER_DEAD);
    claim = hs_gossip_rig_accuse(5, HS_MEMBER_LEFT);
    hs_gossip_judge(&claim, false, &from);
    HS_CHECK_EQ(claim.status, HS_MEMBER_LEFT);
}

/* A thinks that B is dead; B lives, and is still among those to whom A tells its news. */
static void s8_9_the_lately_dead_are_told_so_that_they_can_refute(void)
{
    struct hs_claim dead = hs_gossip_rig_accuse(1, HS_MEMBER_DEAD);
    struct hs_claim suspect = hs_gossip_rig_accuse(1, HS_MEMBER_SUSPECT);
    uint64_t        died_ns;

    start(3, 89);
    dead.from = suspect.from = hs_gossip_rig_id(2);
    HS_CHECK_EQ(
        hs_members_claim(&hs_gossip_rig.nodes[0].members, hs_gossip_rig.now_ns, &suspect, NULL),
        HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(
        hs_members_claim(&hs_gossip_rig.nodes[0].members, hs_gossip_rig.now_ns, &dead, NULL),
        HS_CLAIM_ACCEPTED);
    died_ns = hs_gossip_rig.now_ns;
    hs_gossip_rig.now_ns += 10 * HS_NS_PER_S;
    hs_gossip_push(&hs_gossip_rig.nodes[0].gossip, hs_gossip_rig.now_ns, &dead);
    news = dead.subject;
    while (!hs_gossip_rig.nodes[1].informed_at_ns &&
           hs_gossip_rig.now_ns < died_ns + 40 * HS_NS_PER_S)
        step();
    HS_CHECK(hs_gossip_rig.nodes[1].informed_at_ns &&
             hs_gossip_rig.nodes[1].informed_at_ns < died_ns + 30 * HS_NS_PER_S);
    stop();
}

/* An idle ring sends its tables, and nothing else of its own accord. */
static void an_idle_ring_only_exchanges_its_tables(void)
{
    start(100, 100);
    for (unsigned i = 0; i < 18000; i++) step(); /* three minutes */
    for (unsigned n = 0; n < 100; n++)
        HS_CHECK_EQ(hs_gossip_rig.nodes[n].gossip.counts.claims_sent, 0);
    HS_CHECK(sent_bytes / 100 / 180 < 400); /* bytes a second of a member */
    stop();
}

CU_TestInfo hs_tests_gossip_ring[] = {
    {"8.2 a hundred hear of news within a second and a half",
     s8_2_a_hundred_hear_of_news_within_a_second_and_a_half},
    {"8.3 who missed all gossip has it with the next table",
     s8_3_who_missed_all_gossip_has_it_with_the_next_table},
    {"8.6 everybody's health is never older than ten seconds",
     s8_6_everybodys_health_is_never_older_than_ten_seconds},
    {"a table reaches a newcomer page by page", a_table_reaches_a_newcomer_page_by_page},
    {"tables asked of us are two at once", tables_asked_of_us_are_two_at_once},
    {"a death in a table is a suspicion unless its time is over",
     a_death_in_a_table_is_a_suspicion_unless_its_time_is_over},
    {"8.9 the lately dead are told so that they can refute",
     s8_9_the_lately_dead_are_told_so_that_they_can_refute},
    {"an idle ring only exchanges its tables", an_idle_ring_only_exchanges_its_tables},
    CU_TEST_INFO_NULL,
};
