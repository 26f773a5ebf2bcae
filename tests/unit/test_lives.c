// SPDX-License-Identifier: Apache-2.0
/* test_lives.c - a life counts once it has proved itself, the one before is dead then, and nothing
 * that was sent earlier ever counts again. */
#include "roles/cluster/lives.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/suites.h"

struct end { /* one node, in one of its lives */
    struct hs_lives   lives;
    struct hs_node_id id;
    uint64_t          boot_id;
    uint64_t          counter;
};

static struct end a;
static struct end b;
static uint64_t   now_ns;
static uint32_t   next_nonce;
static unsigned   greet_count;

static const uint8_t *draw(void)
{
    static uint8_t nonce[HS_DATAGRAM_NONCE_BYTES];

    next_nonce++;
    memcpy(nonce, &next_nonce, sizeof next_nonce);
    return nonce;
}

static void start_end(struct end *end, unsigned id, uint64_t boot_id)
{
    hs_lives_init(&end->lives);
    end->id = (struct hs_node_id){{(uint8_t)id, 7}};
    end->boot_id = boot_id;
    end->counter = 0;
}

static void start(void)
{
    start_end(&a, 1, 100);
    start_end(&b, 2, 200);
    now_ns = 3600 * HS_NS_PER_S;
    next_nonce = 0;
    greet_count = 0;
}

static struct hs_datagram_header seal(struct end *end)
{
    return (struct hs_datagram_header){.type = HS_DATAGRAM_GREET,
                                       .sender = end->id,
                                       .incarnation = 1,
                                       .boot_id = end->boot_id,
                                       .counter = ++end->counter};
}

/* Hands a greeting over and what comes of it back and forth, until nobody answers. */
static void deliver(struct end *from, struct end *to, struct hs_datagram_message message)
{
    for (;;) {
        struct hs_datagram_header header = seal(from);
        struct hs_lives_greeting  greeting;
        struct end               *other = from;

        greet_count++;
        hs_lives_greet(&to->lives, now_ns, &header, &message, draw(), &greeting);
        if (!greeting.has_reply || greet_count > 20) return;
        message = greeting.reply;
        from = to;
        to = other;
    }
}

static void meet(void)
{
    struct hs_datagram_message greet;

    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &greet));
    deliver(&a, &b, greet);
}

static enum hs_lives_verdict send_to(struct end *to, const struct end *from, uint64_t counter)
{
    struct hs_datagram_header header = {
        .type = HS_DATAGRAM_PING, .sender = from->id, .boot_id = from->boot_id, .counter = counter};

    return hs_lives_take(&to->lives, now_ns, &header);
}

static void three_greetings_prove_both_lives(void)
{
    start();
    HS_CHECK_EQ(send_to(&b, &a, ++a.counter), HS_LIVES_UNPROVEN);
    meet();
    HS_CHECK_EQ(greet_count, 3);
    HS_CHECK(hs_lives_is_proven(&a.lives, &b.id, 200));
    HS_CHECK(hs_lives_is_proven(&b.lives, &a.id, 100));
    HS_CHECK_EQ(send_to(&b, &a, ++a.counter), HS_LIVES_TAKEN);
    HS_CHECK_EQ(send_to(&a, &b, ++b.counter), HS_LIVES_TAKEN);
    HS_CHECK_EQ(send_to(&a, &b, b.counter), HS_LIVES_REPLAYED);
}

static void whoever_stands_at_an_address_proves_itself(void)
{
    static const struct hs_node_id anybody;
    struct hs_datagram_message     greet;

    start();
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &anybody, draw(), &greet));
    deliver(&a, &b, greet);
    HS_CHECK(hs_lives_is_proven(&a.lives, &b.id, 200));
    HS_CHECK(hs_lives_is_proven(&b.lives, &a.id, 100));
}

static void st_10_after_a_restart_of_the_sender_its_old_life_is_dead_at_once(void)
{
    uint64_t old_counter;

    start();
    meet();
    HS_CHECK_EQ(send_to(&b, &a, a.counter + 5), HS_LIVES_TAKEN);
    old_counter = a.counter + 6; /* sent, and caught on the way */
    start_end(&a, 1, 101);
    meet();
    HS_CHECK(hs_lives_is_proven(&b.lives, &a.id, 101));
    HS_CHECK_EQ(send_to(&b, &a, ++a.counter), HS_LIVES_TAKEN);
    a.boot_id = 100;
    HS_CHECK_EQ(send_to(&b, &a, old_counter), HS_LIVES_UNPROVEN);
}

static void st_10_after_a_restart_of_the_receiver_nothing_sent_before_counts(void)
{
    start();
    meet();
    a.counter += 10;
    start_end(&b, 2, 201);
    HS_CHECK_EQ(send_to(&b, &a, a.counter), HS_LIVES_UNPROVEN);
    meet();
    HS_CHECK(hs_lives_is_proven(&b.lives, &a.id, 100));
    for (uint64_t counter = 1; counter <= a.counter; counter++)
        HS_CHECK_EQ(send_to(&b, &a, counter), HS_LIVES_REPLAYED);
    HS_CHECK_EQ(send_to(&b, &a, a.counter + 1), HS_LIVES_TAKEN);
}

/* Everything that A said in its life is played to a B that has restarted. */
static void st_10_a_recorded_exchange_proves_nothing(void)
{
    struct hs_datagram_header  recorded[2];
    struct hs_datagram_message greet[2] = {{.type = HS_DATAGRAM_GREET},
                                           {.type = HS_DATAGRAM_GREET}};
    struct hs_lives_greeting   greeting;

    start();
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &greet[0]));
    recorded[0] = seal(&a);
    hs_lives_greet(&b.lives, now_ns, &recorded[0], &greet[0], draw(), &greeting);
    memcpy(greet[1].proof, greeting.reply.challenge, sizeof greet[1].proof);
    recorded[1] = seal(&a);
    hs_lives_greet(&b.lives, now_ns, &recorded[1], &greet[1], draw(), &greeting);
    HS_CHECK(greeting.is_new);
    start_end(&b, 2, 201);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 2; i++) {
            now_ns += HS_NS_PER_S;
            hs_lives_greet(&b.lives, now_ns, &recorded[i], &greet[i], draw(), &greeting);
            HS_CHECK(!greeting.is_new);
            HS_CHECK_EQ(greeting.verdict, HS_LIVES_UNPROVEN);
            HS_CHECK_EQ(greeting.has_reply, i == 0);
        }
    HS_CHECK(!hs_lives_knows(&b.lives, &a.id));
}

static void a_proof_counts_once_and_for_five_seconds(void)
{
    struct hs_datagram_message greet;
    struct hs_datagram_message proof = {.type = HS_DATAGRAM_GREET};
    struct hs_datagram_header  header;
    struct hs_lives_greeting   greeting;

    start();
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &greet));
    memcpy(proof.proof, greet.challenge, sizeof proof.proof);
    now_ns += 5 * HS_NS_PER_S;
    header = seal(&b);
    hs_lives_greet(&a.lives, now_ns, &header, &proof, draw(), &greeting);
    HS_CHECK(!greeting.is_new);
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &greet));
    memcpy(proof.proof, greet.challenge, sizeof proof.proof);
    now_ns += 4 * HS_NS_PER_S;
    header = seal(&b);
    hs_lives_greet(&a.lives, now_ns, &header, &proof, draw(), &greeting);
    HS_CHECK(greeting.is_new);
    b.boot_id = 201; /* another life with the same proof */
    header = seal(&b);
    hs_lives_greet(&a.lives, now_ns, &header, &proof, draw(), &greeting);
    HS_CHECK(!greeting.is_new);
}

/* A slow path: the answer comes after the challenge was sent again. */
static void an_open_challenge_is_sent_again_as_it_is(void)
{
    struct hs_datagram_message first;
    struct hs_datagram_message second;

    start();
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &first));
    HS_CHECK(
        !hs_lives_challenge(&a.lives, now_ns + HS_LIVES_CHALLENGE_NS - 1, &b.id, draw(), &second));
    now_ns += HS_LIVES_CHALLENGE_NS;
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &second));
    HS_CHECK(!memcmp(&first, &second, sizeof first));
    deliver(&a, &b, first);
    HS_CHECK(hs_lives_is_proven(&a.lives, &b.id, 200));
}

static void both_challenge_at_once(void)
{
    struct hs_datagram_message to_a;
    struct hs_datagram_message to_b;

    start();
    HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &b.id, draw(), &to_b));
    HS_CHECK(hs_lives_challenge(&b.lives, now_ns, &a.id, draw(), &to_a));
    deliver(&a, &b, to_b);
    deliver(&b, &a, to_a);
    HS_CHECK(hs_lives_is_proven(&a.lives, &b.id, 200));
    HS_CHECK(hs_lives_is_proven(&b.lives, &a.id, 100));
    HS_CHECK(greet_count <= 5);
}

static void a_peer_has_a_burst_of_200_and_replays_do_not_use_it_up(void)
{
    unsigned taken = 0;

    start();
    meet();
    for (int i = 0; i < 10000; i++) HS_CHECK_EQ(send_to(&b, &a, a.counter), HS_LIVES_REPLAYED);
    for (unsigned i = 1; i <= 300; i++) taken += send_to(&b, &a, a.counter + i) == HS_LIVES_TAKEN;
    HS_CHECK_EQ(taken, 200);
    now_ns += HS_NS_PER_S;
    for (unsigned i = 301; i <= 600; i++) taken += send_to(&b, &a, a.counter + i) == HS_LIVES_TAKEN;
    HS_CHECK_EQ(taken, 300);
}

static void strangers_are_bounded_together_and_cost_a_proven_peer_nothing(void)
{
    struct end stranger = {.boot_id = 1};
    unsigned   asked = 0;

    start();
    meet();
    now_ns += HS_NS_PER_S;
    for (unsigned i = 0; i < 2000; i++) {
        memcpy(stranger.id.bytes, &(unsigned){i + 1000}, sizeof i);
        asked += send_to(&b, &stranger, 1) == HS_LIVES_UNPROVEN;
    }
    HS_CHECK_EQ(asked, HS_LIVES_STRANGERS_BURST);
    HS_CHECK_EQ(send_to(&b, &a, a.counter + 1), HS_LIVES_TAKEN);
}

/* Whom we ask ourselves is heard among any number of others: only a life that goes on can prove
 * itself. */
static void strangers_do_not_keep_a_proof_out(void)
{
    struct hs_datagram_message greet;
    struct hs_datagram_message proof = {.type = HS_DATAGRAM_GREET};
    struct end                 stranger = {.boot_id = 1};
    struct hs_lives_greeting   greeting;
    struct hs_datagram_header  header;

    start();
    HS_CHECK(hs_lives_challenge(&b.lives, now_ns, &a.id, draw(), &greet));
    for (unsigned i = 0; i < 3000; i++) {
        memcpy(stranger.id.bytes, &(unsigned){i + 1000}, sizeof i);
        (void)send_to(&b, &stranger, 1);
    }
    HS_CHECK_EQ(send_to(&b, &stranger, 1), HS_LIVES_TOO_MANY);
    memcpy(proof.proof, greet.challenge, sizeof proof.proof);
    header = seal(&a);
    hs_lives_greet(&b.lives, now_ns, &header, &proof, draw(), &greeting);
    HS_CHECK(greeting.is_new);
    proof.proof[0] ^= 1;
    header.boot_id++;
    hs_lives_greet(&b.lives, now_ns, &header, &proof, draw(), &greeting);
    HS_CHECK_EQ(greeting.verdict, HS_LIVES_TOO_MANY);
}

/* Twice as many as there is room for. */
static void a_full_table_turns_out_the_unproven_first(void)
{
    struct hs_datagram_message greet;

    start();
    meet();
    for (unsigned i = 0; i < 2 * HS_LIVES_MAX; i++) {
        struct hs_node_id id = {{9}};

        memcpy(id.bytes + 3, &i, sizeof i);
        now_ns += HS_NS_PER_MS;
        HS_CHECK(hs_lives_challenge(&a.lives, now_ns, &id, draw(), &greet));
    }
    HS_CHECK_EQ(a.lives.count, HS_LIVES_MAX);
    HS_CHECK_EQ(a.lives.evicted_count, HS_LIVES_MAX + 1);
    HS_CHECK(hs_lives_is_proven(&a.lives, &b.id, 200));
    hs_lives_forget(&a.lives, &b.id);
    HS_CHECK(!hs_lives_knows(&a.lives, &b.id));
    HS_CHECK_EQ(a.lives.count, HS_LIVES_MAX - 1);
}

CU_TestInfo hs_tests_lives[] = {
    {"three greetings prove both lives", three_greetings_prove_both_lives},
    {"whoever stands at an address proves itself", whoever_stands_at_an_address_proves_itself},
    {"SEC-11 ST-10 after a restart of the sender its old life is dead at once",
     st_10_after_a_restart_of_the_sender_its_old_life_is_dead_at_once},
    {"ST-10 after a restart of the receiver nothing sent before counts",
     st_10_after_a_restart_of_the_receiver_nothing_sent_before_counts},
    {"SEC-11 BAD-9 ST-10 a recorded exchange proves nothing",
     st_10_a_recorded_exchange_proves_nothing},
    {"a proof counts once and for five seconds", a_proof_counts_once_and_for_five_seconds},
    {"an open challenge is sent again as it is", an_open_challenge_is_sent_again_as_it_is},
    {"both challenge at once", both_challenge_at_once},
    {"SEC-13 a peer has a burst of 200 and replays do not use it up",
     a_peer_has_a_burst_of_200_and_replays_do_not_use_it_up},
    {"SEC-13 strangers are bounded together and cost a proven peer nothing",
     strangers_are_bounded_together_and_cost_a_proven_peer_nothing},
    {"SEC-13 strangers do not keep a proof out", strangers_do_not_keep_a_proof_out},
    {"BAD-14 a full table turns out the unproven first", a_full_table_turns_out_the_unproven_first},
    CU_TEST_INFO_NULL,
};
