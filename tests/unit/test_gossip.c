// SPDX-License-Identifier: Apache-2.0
/* test_gossip.c - the queue by itself, and whole rings of it in virtual time: how often and how far
 * news travel, with datagrams lost on the way. */
#include "roles/cluster/gossip.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

#include <stdlib.h>

enum { NODES_MAX = 100, STEP_MS = 10, DELAY_MS = 10, FLIGHT_MAX = 1 << 14 };

static const uint64_t start_ns = 3600 * HS_NS_PER_S;

struct node {
    struct hs_members members;
    struct hs_gossip  gossip;
    void             *memory[2];
    uint64_t          informed_at_ns; /* heard of the news; 0: not yet */
    uint64_t          oldest_health_ns;
    bool              is_deaf;
};

struct flight { /* one datagram on its way */
    uint64_t at_ns;
    unsigned from;
    unsigned to;
    size_t   bytes;
    uint8_t  body[HS_DATAGRAM_BODY_BYTES_MAX];
};

static struct node       *nodes;
static unsigned           node_count;
static struct flight     *flights;
static unsigned           flight_count;
static uint64_t           now_ns;
static struct hs_rand     rand_of_net;
static unsigned           loss_percent;
static uint64_t           sent_bytes;
static struct hs_datagram read;
static struct hs_node_id  news;

static struct hs_node_id id_of(unsigned n)
{
    struct hs_node_id id = {{1}};

    memcpy(id.bytes + 4, &n, sizeof n);
    return id;
}

static struct hs_claim alive(unsigned n)
{
    struct hs_claim claim = {.subject = id_of(n),
                             .from = id_of(n),
                             .incarnation = 1 << 20,
                             .status = HS_MEMBER_ALIVE,
                             .is_own_word = true};

    claim.facts.role = HS_IDENTITY_MANAGER;
    HS_CHECK_EQ(hs_addr_parse(&claim.facts.address, "10.0.0.1", (uint16_t)(7000 + n)), 0);
    (void)snprintf(claim.facts.name, sizeof claim.facts.name, "manager-%u", n);
    (void)snprintf(claim.facts.datacenter, sizeof claim.facts.datacenter, "eu-1");
    return claim;
}

static struct hs_claim accuse(unsigned n, enum hs_member_status status)
{
    return (struct hs_claim){
        .subject = id_of(n), .from = id_of(7), .incarnation = 1 << 20, .status = status};
}

static void know(struct node *node, unsigned n)
{
    struct hs_claim   claim = alive(n);
    struct hs_member *member;

    HS_CHECK_EQ(hs_members_claim(&node->members, now_ns, &claim, &member), HS_CLAIM_CREATED);
    HS_CHECK(hs_members_confirm(&node->members, now_ns, member, claim.incarnation));
}

static void start_node(unsigned n, unsigned count, uint64_t seed)
{
    struct hs_claim          self = alive(n);
    struct hs_members_config members = {.self_id = self.subject,
                                        .self_incarnation = self.incarnation,
                                        .self_facts = self.facts,
                                        .capacity = 128,
                                        .seed = seed};
    struct hs_gossip_config  gossip = {.tick_ns = 200 * HS_NS_PER_MS,
                                       .dead_ns = 30 * HS_NS_PER_S,
                                       .push_pull_ns = 30 * HS_NS_PER_S,
                                       .suspicion_max_ns = 24 * HS_NS_PER_S,
                                       .fanout = 3,
                                       .update_capacity = count < 50 ? HS_GOSSIP_UPDATES_MAX : 64,
                                       .health_capacity = count < 50 ? HS_GOSSIP_HEALTHS_MAX : 16,
                                       .seed = seed + n};
    struct node             *node = &nodes[n];

    node->memory[0] = malloc(hs_members_bytes(members.capacity));
    node->memory[1] = malloc(hs_gossip_bytes(&gossip));
    hs_members_init(&node->members, &members, node->memory[0], now_ns);
    hs_gossip_init(&node->gossip, &gossip, &node->members, node->memory[1], now_ns);
    for (unsigned other = 0; other < count; other++)
        if (other != n) know(node, other);
}

static void start(unsigned count, uint64_t seed)
{
    nodes = calloc(count, sizeof *nodes);
    flights = calloc(FLIGHT_MAX, sizeof *flights);
    node_count = count;
    flight_count = 0;
    now_ns = start_ns;
    loss_percent = 0;
    sent_bytes = 0;
    hs_rand_init(&rand_of_net, seed);
    for (unsigned n = 0; n < count; n++) start_node(n, count, seed);
}

static void stop(void)
{
    for (unsigned n = 0; n < node_count; n++) {
        free(nodes[n].memory[0]);
        free(nodes[n].memory[1]);
    }
    free(nodes);
    free(flights);
}

static unsigned fill(struct node *node, unsigned to, const struct hs_coordinate *place)
{
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_node_id          id = id_of(to);
    static uint8_t             body[HS_DATAGRAM_BODY_BYTES_MAX];
    struct hs_datagram_writer  writer;
    size_t                     bytes;

    hs_datagram_start(&writer, body, sizeof body, &message);
    hs_gossip_fill(&node->gossip, now_ns, hs_members_find(&node->members, &id), place, &writer);
    bytes = hs_datagram_finish(&writer);
    HS_CHECK_EQ(hs_datagram_decode(hs_view_of(body, bytes), HS_DATAGRAM_GOSSIP, &read), 0);
    return (unsigned)bytes;
}

/* ---- the queue */

static void s8_1_an_update_is_told_four_times_among_three_and_leaves(void)
{
    struct hs_claim claim = accuse(9, HS_MEMBER_SUSPECT);
    unsigned        told = 0;

    start(3, 1);
    hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
    for (int i = 0; i < 10; i++) {
        (void)fill(&nodes[0], 1, NULL);
        told += read.claim_count;
    }
    HS_CHECK_EQ(told, 4);
    for (int i = 0; i < 30; i++) {
        struct hs_gossip_actions actions;

        now_ns += 10 * HS_NS_PER_MS;
        hs_gossip_step(&nodes[0].gossip, now_ns, &actions);
    }
    HS_CHECK_EQ(nodes[0].gossip.update_count, 0);
    stop();
}

static void the_limit_grows_with_the_digits_of_the_ring(void)
{
    static const uint32_t wanted[][2] = {{1, 4}, {9, 4}, {10, 8}, {99, 8}, {100, 12}, {10000, 20}};

    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        HS_CHECK_EQ(hs_gossip_limit(wanted[i][0]), wanted[i][1]);
}

static void a_newer_claim_takes_the_place_and_starts_again(void)
{
    struct hs_claim suspect = accuse(9, HS_MEMBER_SUSPECT);
    struct hs_claim dead = accuse(9, HS_MEMBER_DEAD);

    start(3, 1);
    hs_gossip_push(&nodes[0].gossip, now_ns, &suspect);
    for (int i = 0; i < 3; i++) (void)fill(&nodes[0], 1, NULL);
    hs_gossip_push(&nodes[0].gossip, now_ns, &dead);
    HS_CHECK_EQ(nodes[0].gossip.update_count, 1);
    for (int i = 0; i < 4; i++) {
        (void)fill(&nodes[0], 1, NULL);
        HS_CHECK_EQ(read.claim_count, 1);
        HS_CHECK_EQ(read.claims[0].status, HS_MEMBER_DEAD);
    }
    (void)fill(&nodes[0], 1, NULL);
    HS_CHECK_EQ(read.claim_count, 0);
    stop();
}

static void the_least_told_go_first_and_of_those_the_newest(void)
{
    struct hs_claim claim;

    start(3, 1);
    for (unsigned n = 100; n < 200; n++) {
        claim = accuse(n, HS_MEMBER_SUSPECT);
        hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
    }
    (void)fill(&nodes[0], 1, NULL);
    HS_CHECK(read.claim_count >= 12);
    for (unsigned i = 0; i < read.claim_count; i++) {
        struct hs_node_id wanted = id_of(199 - i);

        HS_CHECK(hs_node_id_equal(&read.claims[i].subject, &wanted));
    }
    claim = alive(0); /* our own word overtakes all, each time */
    claim.incarnation += 1;
    hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
    for (int i = 0; i < 4; i++) {
        (void)fill(&nodes[0], 1, NULL);
        HS_CHECK(hs_node_id_equal(&read.claims[0].subject, &claim.subject));
        HS_CHECK_TEXT(read.claims[0].facts.name, "manager-0");
    }
    stop();
}

static void s8_4_at_full_one_of_the_most_told_gives_way(void)
{
    struct hs_gossip *gossip;
    struct hs_claim   claim;
    struct hs_node_id told;

    start(3, 1);
    gossip = &nodes[0].gossip;
    for (unsigned n = 0; n < HS_GOSSIP_UPDATES_MAX; n++) {
        claim = accuse(1000 + n, HS_MEMBER_SUSPECT);
        hs_gossip_push(gossip, now_ns, &claim);
    }
    (void)fill(&nodes[0], 1, NULL);
    told = read.claims[read.claim_count - 1].subject; /* the oldest of those that were told */
    claim = accuse(5000, HS_MEMBER_SUSPECT);
    hs_gossip_push(gossip, now_ns, &claim);
    HS_CHECK_EQ(gossip->update_count, HS_GOSSIP_UPDATES_MAX);
    HS_CHECK_EQ(gossip->counts.evicted, 1);
    for (unsigned i = 0; i < gossip->update_count; i++)
        HS_CHECK(!hs_node_id_equal(&gossip->updates[i].claim.subject, &told));
    stop();
}

static void fresh_deaths_and_our_own_word_never_give_way(void)
{
    struct hs_gossip *gossip;
    struct hs_claim   claim;

    start(3, 1);
    gossip = &nodes[0].gossip;
    claim = alive(0);
    hs_gossip_push(gossip, now_ns, &claim);
    for (unsigned n = 0; n < 2 * HS_GOSSIP_UPDATES_MAX; n++) {
        claim = accuse(1000 + n, HS_MEMBER_DEAD);
        hs_gossip_push(gossip, now_ns, &claim);
    }
    HS_CHECK_EQ(gossip->update_count, HS_GOSSIP_UPDATES_MAX);
    HS_CHECK_EQ(gossip->counts.evicted, 0);
    HS_CHECK_EQ(gossip->counts.refused, HS_GOSSIP_UPDATES_MAX + 1);
    now_ns += 5 * HS_NS_PER_S;
    claim = accuse(9000, HS_MEMBER_DEAD);
    hs_gossip_push(gossip, now_ns, &claim);
    HS_CHECK_EQ(gossip->counts.evicted, 1);
    (void)fill(&nodes[0], 1, NULL);
    claim = alive(0);
    HS_CHECK(hs_node_id_equal(&read.claims[0].subject, &claim.subject));
    stop();
}

static void s8_5_a_full_datagram_keeps_its_bounds_and_600_bytes_of_claims(void)
{
    struct hs_coordinate place = {.error = 1.0f};
    struct hs_claim      claim;
    unsigned             bytes;

    start(3, 1);
    for (unsigned n = 0; n < 500; n++) {
        struct hs_health_entry health = {.node = id_of(2000 + n), .load = HS_LOAD_BUSY};

        claim = accuse(1000 + n, HS_MEMBER_SUSPECT);
        hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
        HS_CHECK(hs_gossip_hear_health(&nodes[0].gossip, now_ns, &health));
    }
    bytes = fill(&nodes[0], 1, &place);
    HS_CHECK(bytes + HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES <= 1400);
    HS_CHECK(read.claim_count * 41 >= 600);
    HS_CHECK(read.health_count >= 10);
    HS_CHECK(read.health_count * 23 <= 300);
    HS_CHECK(read.has_coordinate);
    stop();
}

static void a_loaded_peer_is_sent_less_that_is_not_membership(void)
{
    struct hs_health_entry overloaded = {.node = id_of(1), .load = HS_LOAD_OVERLOADED};
    struct hs_claim        claim;
    unsigned               claims;

    start(3, 1);
    for (unsigned n = 0; n < 100; n++) {
        struct hs_health_entry health = {.node = id_of(2000 + n), .load = HS_LOAD_BUSY};

        claim = accuse(1000 + n, HS_MEMBER_SUSPECT);
        hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
        HS_CHECK(hs_gossip_hear_health(&nodes[0].gossip, now_ns, &health));
    }
    HS_CHECK(hs_gossip_hear_health(&nodes[0].gossip, now_ns, &overloaded));
    (void)fill(&nodes[0], 2, NULL);
    claims = read.claim_count;
    HS_CHECK(read.health_count >= 12);
    (void)fill(&nodes[0], 1, NULL);
    HS_CHECK(read.claim_count >= claims);
    HS_CHECK(read.health_count >= 1);
    HS_CHECK(read.health_count <= 3);
    stop();
}

static void claims_are_forgotten_with_their_subject_and_after_a_minute(void)
{
    struct hs_gossip_actions actions;
    struct hs_node_id        id = id_of(50);
    struct hs_claim          claim = accuse(50, HS_MEMBER_DEAD);

    start(3, 1);
    hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
    hs_gossip_forget(&nodes[0].gossip, &id);
    HS_CHECK_EQ(nodes[0].gossip.update_count, 0);
    hs_gossip_push(&nodes[0].gossip, now_ns, &claim);
    now_ns += 60 * HS_NS_PER_S;
    hs_gossip_step(&nodes[0].gossip, now_ns, &actions);
    HS_CHECK_EQ(nodes[0].gossip.update_count, 0);
    HS_CHECK_EQ(nodes[0].gossip.counts.expired, 1);
    stop();
}

/* ---- health */

static void s8_8_health_travels_by_age_whatever_the_clocks_say(void)
{
    struct hs_health_entry         own = {.node = id_of(0), .load = HS_LOAD_BUSY, .score = 3};
    const struct hs_gossip_health *known;
    struct hs_node_id              id = id_of(0);
    uint64_t                       there_ns = now_ns + 30 * 86400 * HS_NS_PER_S; /* its clock */

    start(3, 1);
    there_ns = now_ns + 30 * 86400 * HS_NS_PER_S;
    hs_gossip_set_own_health(&nodes[0].gossip, now_ns, &own);
    now_ns += 1500 * HS_NS_PER_MS;
    (void)fill(&nodes[0], 1, NULL);
    HS_CHECK_EQ(read.health_count, 1);
    HS_CHECK_EQ(read.healths[0].age_ms, 1500);
    HS_CHECK(hs_gossip_hear_health(&nodes[1].gossip, there_ns, &read.healths[0]));
    known = hs_gossip_find_health(&nodes[1].gossip, there_ns, &id);
    HS_CHECK(known && known->entry.load == HS_LOAD_BUSY && known->entry.score == 3);
    HS_CHECK(known && known->said_at_ns == there_ns - 1500 * HS_NS_PER_MS);
    there_ns += 28500 * HS_NS_PER_MS; /* thirty seconds after it was said */
    HS_CHECK(!hs_gossip_find_health(&nodes[1].gossip, there_ns, &id));
    stop();
}

static void older_words_of_health_do_not_replace_newer_ones(void)
{
    struct hs_health_entry busy = {.node = id_of(1), .load = HS_LOAD_BUSY};
    struct hs_health_entry calm = {.node = id_of(1), .age_ms = 3000};
    struct hs_health_entry ours = {.node = id_of(0), .load = HS_LOAD_OVERLOADED};
    struct hs_health_entry ancient = {.node = id_of(2), .age_ms = 30000};

    start(3, 1);
    HS_CHECK(hs_gossip_hear_health(&nodes[0].gossip, now_ns, &busy));
    HS_CHECK(!hs_gossip_hear_health(&nodes[0].gossip, now_ns, &calm));
    HS_CHECK(!hs_gossip_hear_health(&nodes[0].gossip, now_ns, &ours)); /* nobody tells us of us */
    HS_CHECK(!hs_gossip_hear_health(&nodes[0].gossip, now_ns, &ancient));
    calm.age_ms = 0;
    HS_CHECK(hs_gossip_hear_health(&nodes[0].gossip, now_ns + HS_NS_PER_S, &calm));
    HS_CHECK_EQ(nodes[0].gossip.health_count, 1);
    stop();
}

static void twice_as_many_nodes_as_there_is_room_for_say_how_they_are(void)
{
    start(3, 1);
    for (unsigned n = 0; n < 2 * HS_GOSSIP_HEALTHS_MAX; n++) {
        struct hs_health_entry health = {.node = id_of(2000 + n)};

        now_ns += HS_NS_PER_MS;
        HS_CHECK(hs_gossip_hear_health(&nodes[0].gossip, now_ns, &health));
    }
    HS_CHECK_EQ(nodes[0].gossip.health_count, HS_GOSSIP_HEALTHS_MAX);
    stop();
}

/* ---- rings */

static void send_bytes(unsigned from, unsigned to, const uint8_t *body, size_t bytes)
{
    struct flight *flight;

    sent_bytes += bytes + HS_DATAGRAM_HEADER_BYTES + HS_DATAGRAM_TAG_BYTES;
    if (hs_rand_below(&rand_of_net, 100) < loss_percent) return;
    HS_CHECK(flight_count < FLIGHT_MAX);
    flight = &flights[flight_count++];
    flight->at_ns = now_ns + DELAY_MS * HS_NS_PER_MS;
    flight->from = from;
    flight->to = to;
    flight->bytes = bytes;
    memcpy(flight->body, body, bytes);
}

static void send_gossip(unsigned from, unsigned to)
{
    struct hs_datagram_message message = {.type = HS_DATAGRAM_GOSSIP};
    struct hs_node_id          id = id_of(to);
    uint8_t                    body[HS_DATAGRAM_BODY_BYTES_MAX];
    struct hs_datagram_writer  writer;

    hs_datagram_start(&writer, body, sizeof body, &message);
    hs_gossip_fill(&nodes[from].gossip, now_ns, hs_members_find(&nodes[from].members, &id), NULL,
                   &writer);
    send_bytes(from, to, body, hs_datagram_finish(&writer));
}

static unsigned number_of(const struct hs_node_id *id)
{
    unsigned n;

    memcpy(&n, id->bytes + 4, sizeof n);
    return n;
}

static void hear(struct node *node, const struct hs_claim *claim)
{
    enum hs_claim_result result = hs_members_claim(&node->members, now_ns, claim, NULL);

    if (result == HS_CLAIM_ACCEPTED || result == HS_CLAIM_CREATED)
        hs_gossip_push(&node->gossip, now_ns, claim);
    if (hs_node_id_equal(&claim->subject, &news) && !node->informed_at_ns)
        node->informed_at_ns = now_ns;
}

static void arrive(const struct flight *flight)
{
    struct node      *node = &nodes[flight->to];
    struct hs_node_id from = id_of(flight->from);
    bool              is_page = flight->body[0] == HS_DATAGRAM_PUSH_PULL;

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
        (void)hs_gossip_hear_health(&node->gossip, now_ns, &read.healths[i]);
    if (is_page) hs_gossip_on_page(&node->gossip, now_ns, &from, &read.message);
}

static void step_node(unsigned n)
{
    struct hs_gossip_actions actions;

    hs_gossip_step(&nodes[n].gossip, now_ns, &actions);
    for (unsigned i = 0; i < actions.count; i++) {
        const struct hs_member *to = hs_members_at(&nodes[n].members, actions.at[i].to_idx);

        if (actions.at[i].type == HS_GOSSIP_SEND_PAGE) {
            uint8_t body[HS_DATAGRAM_BODY_BYTES_MAX];
            size_t  bytes =
                hs_gossip_page(&nodes[n].gossip, now_ns, actions.at[i].transfer, body, sizeof body);

            send_bytes(n, number_of(&to->id), body, bytes);
        } else if (number_of(&to->id) < node_count) {
            send_gossip(n, number_of(&to->id));
        }
    }
}

/* One step of 10 ms. */
static void step(void)
{
    now_ns += STEP_MS * HS_NS_PER_MS;
    for (unsigned i = flight_count; i > 0; i--)
        if (flights[i - 1].at_ns <= now_ns) {
            struct flight flight = flights[i - 1];

            flights[i - 1] = flights[--flight_count];
            arrive(&flight);
        }
    for (unsigned n = 0; n < node_count; n++)
        if (now_ns >= hs_gossip_deadline_ns(&nodes[n].gossip)) step_node(n);
}

static unsigned informed_count(void)
{
    unsigned count = 0;

    for (unsigned n = 0; n < node_count; n++) count += nodes[n].informed_at_ns != 0;
    return count;
}

static void tell_news(unsigned subject)
{
    struct hs_claim claim = accuse(subject, HS_MEMBER_SUSPECT);

    news = claim.subject;
    claim.from = id_of(0);
    hear(&nodes[0], &claim);
}

static uint64_t time_to_inform_all(uint64_t patience_ns)
{
    uint64_t begin_ns = now_ns;

    while (informed_count() < node_count && now_ns - begin_ns < patience_ns) step();
    return now_ns - begin_ns;
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
    nodes[42].is_deaf = true;
    tell_news(98);
    /* Three intervals among a hundred, a fifth later at most, and the pages' own time. */
    HS_CHECK(time_to_inform_all(110 * HS_NS_PER_S) <= 109 * HS_NS_PER_S);
    HS_CHECK_EQ(informed_count(), 100);
    stop();
}

/* Ten nodes exchange two datagrams a second each, as their probes do. */
static void s8_6_everybodys_health_is_never_older_than_ten_seconds(void)
{
    uint64_t oldest_ns = 0;

    start(10, 86);
    for (unsigned tenth = 0; tenth < 6000; tenth++) {
        for (unsigned n = 0; n < 10; n++) {
            struct hs_health_entry own = {.node = id_of(n), .load = HS_LOAD_BUSY, .score = 1};
            unsigned               to = (n + 1 + (unsigned)hs_rand_below(&rand_of_net, 9)) % 10;

            hs_gossip_set_own_health(&nodes[n].gossip, now_ns, &own);
            if (tenth % 10 == n) {
                send_gossip(n, to);
                send_gossip(to, n);
            }
        }
        for (unsigned i = 0; i < 10; i++) step();
        for (unsigned n = 0; n < 10 && tenth > 100; n++)
            for (unsigned of = 0; of < 10; of++) {
                struct hs_node_id              id = id_of(of);
                const struct hs_gossip_health *known =
                    hs_gossip_find_health(&nodes[n].gossip, now_ns, &id);

                if (of == n) continue;
                oldest_ns = hs_max_u64(oldest_ns, known ? now_ns - known->said_at_ns : UINT64_MAX);
            }
    }
    HS_CHECK(oldest_ns <= 10 * HS_NS_PER_S);
    stop();
}

static void a_table_reaches_a_newcomer_page_by_page(void)
{
    struct hs_node_id to = id_of(99);

    start(100, 5);
    free(nodes[99].memory[0]);
    free(nodes[99].memory[1]);
    start_node(99, 1, 5); /* knows the first one only */
    HS_CHECK_EQ(nodes[99].members.count, 2);
    to = id_of(0);
    HS_CHECK(hs_gossip_begin_transfer(&nodes[99].gossip, now_ns, &to, true));
    for (int i = 0; i < 50; i++) step();
    HS_CHECK_EQ(nodes[99].members.count, 100);
    HS_CHECK(nodes[0].gossip.counts.pages_sent >= 4);
    HS_CHECK_EQ(nodes[0].gossip.counts.transfers, 1); /* one reply, to however many pages */
    HS_CHECK(hs_node_id_is_none(&nodes[0].gossip.transfers[0].to));
    stop();
}

static void tables_asked_of_us_are_two_at_once(void)
{
    struct hs_datagram_message page = {.type = HS_DATAGRAM_PUSH_PULL, .is_reply_wanted = true};

    start(10, 5);
    for (unsigned n = 1; n < 6; n++) {
        struct hs_node_id from = id_of(n);

        page.nonce = n;
        hs_gossip_on_page(&nodes[0].gossip, now_ns, &from, &page);
        hs_gossip_on_page(&nodes[0].gossip, now_ns, &from, &page);
    }
    HS_CHECK_EQ(nodes[0].gossip.counts.transfers, 2);
    HS_CHECK_EQ(nodes[0].gossip.counts.transfers_refused, 3);
    stop();
}

static void a_death_in_a_table_is_a_suspicion_unless_its_time_is_over(void)
{
    struct hs_claim   claim = accuse(5, HS_MEMBER_DEAD);
    struct hs_node_id from = id_of(3);

    hs_gossip_judge(&claim, false, &from);
    HS_CHECK_EQ(claim.status, HS_MEMBER_SUSPECT);
    HS_CHECK(hs_node_id_equal(&claim.from, &from));
    claim = accuse(5, HS_MEMBER_DEAD);
    hs_gossip_judge(&claim, true, &from);
    HS_CHECK_EQ(claim.status, HS_MEMBER_DEAD);
    claim = accuse(5, HS_MEMBER_LEFT);
    hs_gossip_judge(&claim, false, &from);
    HS_CHECK_EQ(claim.status, HS_MEMBER_LEFT);
}

/* A thinks that B is dead; B lives, and is still among those to whom A tells its news. */
static void s8_9_the_lately_dead_are_told_so_that_they_can_refute(void)
{
    struct hs_claim dead = accuse(1, HS_MEMBER_DEAD);
    struct hs_claim suspect = accuse(1, HS_MEMBER_SUSPECT);
    uint64_t        died_ns;

    start(3, 89);
    dead.from = suspect.from = id_of(2);
    HS_CHECK_EQ(hs_members_claim(&nodes[0].members, now_ns, &suspect, NULL), HS_CLAIM_ACCEPTED);
    HS_CHECK_EQ(hs_members_claim(&nodes[0].members, now_ns, &dead, NULL), HS_CLAIM_ACCEPTED);
    died_ns = now_ns;
    now_ns += 10 * HS_NS_PER_S;
    hs_gossip_push(&nodes[0].gossip, now_ns, &dead);
    news = dead.subject;
    while (!nodes[1].informed_at_ns && now_ns < died_ns + 40 * HS_NS_PER_S) step();
    HS_CHECK(nodes[1].informed_at_ns && nodes[1].informed_at_ns < died_ns + 30 * HS_NS_PER_S);
    stop();
}

/* An idle ring sends its tables, and nothing else of its own accord. */
static void an_idle_ring_only_exchanges_its_tables(void)
{
    start(100, 100);
    for (unsigned i = 0; i < 18000; i++) step(); /* three minutes */
    for (unsigned n = 0; n < 100; n++) HS_CHECK_EQ(nodes[n].gossip.counts.claims_sent, 0);
    HS_CHECK(sent_bytes / 100 / 180 < 400); /* bytes a second of a member */
    stop();
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
