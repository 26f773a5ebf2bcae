// SPDX-License-Identifier: Apache-2.0
/* test_post_io.c - two posts over loopback with somebody in the middle, who sees every datagram,
 * keeps it, and plays it again. */
#include "roles/cluster/post_io.h"

#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIDES = 3, SEEN_MAX = 64, SILENCE_MS = 20 };

struct side {
    struct hs_loop   *loop;
    struct hs_post   *post;
    int               fd;
    struct hs_node_id id;
    struct hs_addr    address; /* its own */
    struct hs_addr    middle;  /* where the others believe it to be */
    int               middle_fd;
    unsigned          count; /* datagrams handed over */
    uint32_t          last_seq;
};

struct seen {
    unsigned to;
    size_t   bytes;
    uint8_t  data[HS_UDP_BYTES_MAX];
};

static struct side   side[SIDES];
static struct seen   seen[SEEN_MAX];
static unsigned      seen_count;
static struct hs_err err;

static void on_datagram(void *owner, const struct hs_addr *from,
                        const struct hs_datagram_header *header, const struct hs_datagram *datagram)
{
    struct side *self = owner;

    (void)from;
    HS_CHECK_EQ(header->type, datagram->message.type);
    self->count++;
    self->last_seq = datagram->message.seq;
}

static void make_ring(struct hs_keyring *ring, uint8_t version)
{
    *ring = (struct hs_keyring){.count = 1, .used_version = version};
    ring->at[0].version = version;
    memset(ring->at[0].bytes, 0x40 + version, sizeof ring->at[0].bytes);
}

static void open_post(unsigned n, const char *environment)
{
    struct hs_post_config config = {.loop = side[n].loop,
                                    .fd = side[n].fd,
                                    .seal = {.self = side[n].id,
                                             .incarnation = 5,
                                             .cluster = "load",
                                             .environment = environment,
                                             .ring = "gates"},
                                    .owner = &side[n],
                                    .on_datagram = on_datagram};
    struct hs_keyring     ring;

    make_ring(&ring, 1);
    HS_CHECK_EQ(hs_post_open(&side[n].post, &config, &ring, &err), 0);
}

static void start(enum hs_loop_backend backend)
{
    memset(side, 0, sizeof side);
    seen_count = 0;
    for (unsigned n = 0; n < SIDES; n++) {
        side[n].id = (struct hs_node_id){{(uint8_t)(n + 1), 9}};
        side[n].loop = hs_end_loop(backend);
        side[n].fd = hs_end_bind(&side[n].address);
        side[n].middle_fd = hs_end_bind(&side[n].middle);
        open_post(n, "prod");
    }
}

static void stop(void)
{
    for (unsigned n = 0; n < SIDES; n++) {
        hs_post_close(&side[n].post);
        hs_loop_close(&side[n].loop);
        close(side[n].fd);
        close(side[n].middle_fd);
    }
}

static void send_raw(unsigned as, unsigned to, const void *data, size_t bytes)
{
    union hs_addr_sockaddr sockaddr;
    socklen_t              sockaddr_bytes = hs_addr_to_sockaddr(&side[to].address, &sockaddr);

    HS_CHECK_EQ(sendto(side[as].middle_fd, data, bytes, 0, &sockaddr.any, sockaddr_bytes), bytes);
}

static unsigned side_at(const struct hs_addr *address)
{
    for (unsigned n = 0; n < SIDES; n++)
        if (!memcmp(&side[n].address, address, sizeof *address)) return n;
    return SIDES;
}

/* What somebody sent to the place where the others believe n to be, goes on to n as if it came from
 * where they believe the sender to be. */
static bool forward(unsigned n)
{
    union hs_addr_sockaddr from;
    socklen_t              bytes = sizeof from;
    struct seen           *next = &seen[seen_count];
    struct hs_addr         address;
    ssize_t                count =
        recvfrom(side[n].middle_fd, next->data, sizeof next->data, MSG_DONTWAIT, &from.any, &bytes);

    if (count < 0) return false;
    HS_CHECK_EQ(hs_addr_from_sockaddr(&address, &from), 0);
    next->to = n;
    next->bytes = (size_t)count;
    if (seen_count < SEEN_MAX - 1) seen_count++;
    if (side_at(&address) < SIDES) send_raw(side_at(&address), n, next->data, next->bytes);
    return true;
}

static bool step_all(void)
{
    bool is_any = false;

    for (unsigned n = 0; n < SIDES; n++) {
        HS_CHECK(hs_loop_step(side[n].loop, 0) >= 0);
        while (forward(n)) is_any = true;
    }
    return is_any;
}

/* Until nothing is under way: loopback delivers within the call that sends. */
static void settle(void)
{
    for (int quiet = 0; quiet < 5;) {
        HS_CHECK(quiet < 5);
        quiet = step_all() ? 0 : quiet + 1;
    }
}

static bool is_bare; /* pings are without news */

static void ping(unsigned from, unsigned to, uint32_t seq)
{
    static const struct hs_coordinate place = {.error = 1.0f};
    struct hs_datagram_message        message = {
               .type = HS_DATAGRAM_PING, .seq = seq, .target = side[to].id, .incarnation = 5};
    struct hs_datagram_writer writer;

    hs_datagram_start(&writer, hs_post_body(side[from].post), HS_DATAGRAM_BODY_BYTES_MAX, &message);
    if (!is_bare) HS_CHECK(hs_datagram_put_coordinate(&writer, &place));
    hs_post_send(side[from].post, &side[to].id, &side[to].middle, HS_DATAGRAM_PING,
                 hs_datagram_finish(&writer));
}

static uint64_t dropped(unsigned n, enum hs_post_drop drop)
{
    struct hs_post_figures figures;

    hs_post_figures(side[n].post, &figures);
    return figures.dropped[drop];
}

static void restart(unsigned n)
{
    hs_post_close(&side[n].post);
    side[n].count = 0;
    open_post(n, "prod");
}

static void the_first_datagram_waits_for_the_greeting(enum hs_loop_backend backend)
{
    start(backend);
    ping(0, 1, 11);
    settle();
    HS_CHECK_EQ(side[1].count, 1);
    HS_CHECK_EQ(side[1].last_seq, 11);
    HS_CHECK_EQ(seen_count, 4); /* three greetings and the ping */
    ping(1, 0, 12);
    settle();
    HS_CHECK_EQ(side[0].last_seq, 12);
    HS_CHECK_EQ(seen_count, 5);
    stop();
}
HS_ON_BOTH(the_first_datagram_waits_for_the_greeting)

static void whoever_stands_at_an_address_gets_what_waits_for_it(enum hs_loop_backend backend)
{
    static const struct hs_node_id anybody;
    struct hs_datagram_message     message = {.type = HS_DATAGRAM_JOIN, .nonce = 7};
    struct hs_datagram_writer      writer;

    start(backend);
    hs_datagram_start(&writer, hs_post_body(side[0].post), HS_DATAGRAM_BODY_BYTES_MAX, &message);
    hs_post_send(side[0].post, &anybody, &side[2].middle, HS_DATAGRAM_JOIN,
                 hs_datagram_finish(&writer));
    settle();
    HS_CHECK_EQ(side[2].count, 1);
    HS_CHECK_EQ(side[1].count, 0);
    stop();
}
HS_ON_BOTH(whoever_stands_at_an_address_gets_what_waits_for_it)

static void st_10_nothing_that_was_seen_is_taken_again(enum hs_loop_backend backend)
{
    unsigned count;

    start(backend);
    ping(0, 1, 1);
    settle();
    ping(1, 0, 2);
    settle();
    count = seen_count;
    for (unsigned i = 0; i < count; i++) {
        send_raw(1 - seen[i].to, seen[i].to, seen[i].data, seen[i].bytes);
        send_raw(1 - seen[i].to, 2, seen[i].data, seen[i].bytes); /* to somebody else */
    }
    settle();
    HS_CHECK_EQ(side[0].count, 1);
    HS_CHECK_EQ(side[1].count, 1);
    HS_CHECK_EQ(side[2].count, 0);
    HS_CHECK(dropped(1, HS_POST_REPLAYED) >= 2);
    HS_CHECK(dropped(2, HS_POST_BAD_SEAL) >= count);
    stop();
}
HS_ON_BOTH(st_10_nothing_that_was_seen_is_taken_again)

static void st_10_a_restarted_node_takes_nothing_from_before(enum hs_loop_backend backend)
{
    unsigned count;

    start(backend);
    for (uint32_t seq = 1; seq < 5; seq++) ping(0, 1, seq);
    settle();
    HS_CHECK_EQ(side[1].count, 4);
    count = seen_count;
    restart(1);
    for (int times = 0; times < 2; times++) /* before and after the sender has proved itself */
        for (unsigned i = 0; i < count; i++) {
            if (seen[i].to == 1) send_raw(0, 1, seen[i].data, seen[i].bytes);
            settle();
        }
    HS_CHECK_EQ(side[1].count, 0);
    ping(0, 1, 9);
    settle();
    HS_CHECK_EQ(side[1].count, 1);
    HS_CHECK_EQ(side[1].last_seq, 9);
    stop();
}
HS_ON_BOTH(st_10_a_restarted_node_takes_nothing_from_before)

static void
the_old_life_of_a_sender_is_dead_once_the_new_one_has_spoken(enum hs_loop_backend backend)
{
    struct seen old;

    start(backend);
    ping(0, 1, 1);
    settle();
    ping(0, 1, 2); /* held back by the middle */
    old.bytes = (size_t)recv(side[1].middle_fd, old.data, sizeof old.data, 0);
    restart(0);
    ping(0, 1, 3);
    settle();
    HS_CHECK_EQ(side[1].count, 2);
    send_raw(0, 1, old.data, old.bytes);
    settle();
    HS_CHECK_EQ(side[1].count, 2);
    HS_CHECK_EQ(side[1].last_seq, 3);
    stop();
}
HS_ON_BOTH(the_old_life_of_a_sender_is_dead_once_the_new_one_has_spoken)

/* SEC-13. */
static void sec_13_the_unauthenticated_hear_nothing(void)
{
    uint8_t       bytes[HS_UDP_BYTES_MAX + 8] = {0};
    struct seen   real;
    struct pollfd waiting;

    start(HS_LOOP_AUTO);
    ping(0, 1, 1);
    settle();
    real = seen[0]; /* a greeting: the kind that is answered */
    HS_CHECK(dropped(1, HS_POST_BAD_SIZE) == 0);
    send_raw(2, 1, bytes, 0);
    send_raw(2, 1, bytes, 71);
    send_raw(2, 1, bytes, 1401);
    send_raw(2, 1, bytes, sizeof bytes);
    send_raw(2, 1, bytes, 200);
    memcpy(bytes, real.data, real.bytes);
    bytes[2] = 9; /* another major */
    send_raw(2, 1, bytes, real.bytes);
    bytes[2] = real.data[2];
    bytes[9] ^= 1; /* another cluster */
    send_raw(2, 1, bytes, real.bytes);
    bytes[9] ^= 1;
    bytes[6] = 200; /* another key */
    send_raw(2, 1, bytes, real.bytes);
    bytes[6] = real.data[6];
    bytes[45] ^= 1; /* another life, which it could not seal */
    send_raw(2, 1, bytes, real.bytes);
    HS_CHECK(hs_loop_step(side[1].loop, HS_NEVER_NS) >= 0);
    waiting = (struct pollfd){.fd = side[2].middle_fd, .events = POLLIN};
    HS_CHECK_EQ(poll(&waiting, 1, SILENCE_MS), 0);
    HS_CHECK_EQ(dropped(1, HS_POST_BAD_SIZE), 3); /* the fourth is not even read */
    HS_CHECK_EQ(dropped(1, HS_POST_BAD_HEADER), 1);
    HS_CHECK_EQ(dropped(1, HS_POST_BAD_VERSION), 1);
    HS_CHECK_EQ(dropped(1, HS_POST_FOREIGN), 1);
    HS_CHECK_EQ(dropped(1, HS_POST_NO_KEY), 1);
    HS_CHECK_EQ(dropped(1, HS_POST_BAD_SEAL), 1);
    stop();
}

/* A recorded datagram, from an address that is not its sender's. */
static void sec_13_no_answer_is_longer_than_what_it_answers(void)
{
    uint8_t bytes[HS_UDP_BYTES_MAX];
    ssize_t longest = 0;

    start(HS_LOOP_AUTO);
    for (int is_whole = 0; is_whole < 2; is_whole++) {
        const struct seen *recorded;
        ssize_t            count;

        ping(0, 1, 1);
        settle();
        is_bare = !is_whole;
        ping(0, 1, 2);
        is_bare = false;
        settle();
        recorded = &seen[seen_count - 1];
        restart(1);
        send_raw(2, 1, recorded->data, recorded->bytes);
        HS_CHECK(hs_loop_step(side[1].loop, HS_NEVER_NS) >= 0);
        while ((count = recv(side[2].middle_fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
            HS_CHECK(is_whole);
            HS_CHECK((size_t)count <= recorded->bytes);
            longest = count > longest ? count : longest;
        }
    }
    HS_CHECK_EQ(longest, 107); /* a challenge */
    stop();
}

/* Sealed for whoever stands at the address: it opens everywhere, also where it was never sent. */
static void st_10_a_greeting_for_anybody_played_back_is_not_answered_there(void)
{
    static const struct hs_node_id anybody;
    struct hs_datagram_message     message = {.type = HS_DATAGRAM_JOIN, .nonce = 7};
    struct hs_datagram_writer      writer;
    struct seen                    recorded;
    uint8_t                        bytes[HS_UDP_BYTES_MAX];

    start(HS_LOOP_AUTO);
    ping(0, 1, 1);
    settle();
    hs_datagram_start(&writer, hs_post_body(side[0].post), HS_DATAGRAM_BODY_BYTES_MAX, &message);
    hs_post_send(side[0].post, &anybody, &side[2].middle, HS_DATAGRAM_JOIN,
                 hs_datagram_finish(&writer));
    recorded.bytes = (size_t)recv(side[2].middle_fd, recorded.data, sizeof recorded.data, 0);
    send_raw(2, 1, recorded.data, recorded.bytes); /* the middle, in nobody's name */
    HS_CHECK(hs_loop_step(side[1].loop, HS_NEVER_NS) >= 0);
    HS_CHECK(recv(side[2].middle_fd, bytes, sizeof bytes, MSG_DONTWAIT) < 0);
    stop();
}

/* Plays what was seen of side 0 to side 1, from one address of the loopback after the other: as it
 * was, or forged to be of another life each time. */
static void flood(unsigned count, uint8_t addresses, bool is_forged)
{
    unsigned known = seen_count;

    for (uint8_t k = 0; k < addresses; k++) {
        struct hs_addr         own = {.family = HS_ADDR_IPV4, .bytes = {127, 0, 0, 2}};
        union hs_addr_sockaddr from, to;
        socklen_t              bytes;
        int                    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        own.bytes[3] = (uint8_t)(own.bytes[3] + k);
        bytes = hs_addr_to_sockaddr(&own, &from);
        HS_CHECK_EQ(bind(fd, &from.any, bytes), 0);
        bytes = hs_addr_to_sockaddr(&side[1].address, &to);
        for (unsigned i = 0; i < count; i++) {
            struct seen played = seen[is_forged ? 0 : i % known];

            if (is_forged) memcpy(played.data + 40, &(unsigned){i + k * count}, sizeof i);
            if (played.to == 1)
                HS_CHECK_EQ(sendto(fd, played.data, played.bytes, 0, &to.any, bytes), played.bytes);
            HS_CHECK(hs_loop_step(side[1].loop, 0) >= 0);
        }
        (void)close(fd);
    }
    settle();
}

static void a_flood_of_forgeries_is_bounded_before_it_is_opened(void)
{
    start(HS_LOOP_AUTO);
    ping(0, 1, 1);
    settle();
    flood(250, 24, true);
    HS_CHECK(dropped(1, HS_POST_BAD_SEAL) >= 1990); /* a greeting or two came before */
    HS_CHECK(dropped(1, HS_POST_BAD_SEAL) < 4000);
    HS_CHECK(dropped(1, HS_POST_FLOOD) > 0);
    ping(0, 1, 2); /* who is known gets through all the same */
    settle();
    HS_CHECK_EQ(side[1].last_seq, 2);
    stop();
}

/* What opens was really sent once, before the receiver's life began. */
static bool comes_through_a_flood(bool is_forged)
{
    bool is_through;

    start(HS_LOOP_AUTO);
    for (uint32_t i = 1; i < 20; i++) {
        ping(0, 1, i);
        settle();
    }
    restart(1);
    flood(3000, 1, is_forged);
    restart(0);
    ping(0, 1, 77);
    settle();
    is_through = side[1].last_seq == 77 && side[1].count == 1;
    stop();
    return is_through;
}

/* Two addresses share a bucket once in 256 times, other ones each time. */
static void a_flood_of_one_address_does_not_keep_new_lives_out(void)
{
    for (int is_forged = 0; is_forged <= 1; is_forged++) {
        bool is_through = false;

        for (int i = 0; i < 4 && !is_through; i++) is_through = comes_through_a_flood(is_forged);
        HS_CHECK(is_through);
    }
}

static void s6_9_a_node_of_another_environment_hears_nothing(void)
{
    start(HS_LOOP_AUTO);
    hs_post_close(&side[0].post);
    open_post(0, "staging");
    ping(0, 1, 1);
    settle();
    HS_CHECK_EQ(side[1].count, 0);
    HS_CHECK_EQ(dropped(1, HS_POST_FOREIGN), 1);
    HS_CHECK_EQ(seen_count, 1);
    stop();
}

static void what_waits_in_vain_is_bounded(void)
{
    struct hs_post_figures figures;

    start(HS_LOOP_AUTO);
    side[1].id.bytes[5] = 1; /* nobody has this id */
    for (uint32_t seq = 0; seq < 2 * HS_POST_HELD_MAX; seq++) ping(0, 1, seq);
    settle();
    hs_post_figures(side[0].post, &figures);
    HS_CHECK_EQ(figures.held, 2 * HS_POST_HELD_MAX);
    HS_CHECK_EQ(figures.held_dropped, HS_POST_HELD_MAX);
    HS_CHECK_EQ(figures.greetings, 1);
    HS_CHECK_EQ(side[1].count, 0);
    stop();
}

/* SEC-12: at every step of a rotation what was sealed before still opens. */
static void st_11_keys_rotate_under_traffic(void)
{
    struct hs_keyring both = {.count = 2, .used_version = 1};
    struct hs_keyring one;

    start(HS_LOOP_AUTO);
    make_ring(&one, 1);
    both.at[0] = one.at[0];
    make_ring(&one, 2);
    both.at[1] = one.at[0];
    ping(0, 1, 1);
    settle();
    HS_CHECK_EQ(hs_post_set_keyring(side[1].post, &both, &err), 0);
    ping(0, 1, 2);
    settle();
    HS_CHECK_EQ(hs_post_set_keyring(side[0].post, &both, &err), 0);
    both.used_version = 2;
    HS_CHECK_EQ(hs_post_set_keyring(side[0].post, &both, &err), 0);
    ping(0, 1, 3);
    ping(1, 0, 4);
    settle();
    HS_CHECK_EQ(hs_post_set_keyring(side[1].post, &both, &err), 0);
    HS_CHECK_EQ(hs_post_set_keyring(side[0].post, &one, &err), 0);
    ping(1, 0, 5);
    settle();
    HS_CHECK_EQ(side[1].count, 3);
    HS_CHECK_EQ(side[0].count, 2);
    HS_CHECK_EQ(dropped(0, HS_POST_NO_KEY) + dropped(1, HS_POST_NO_KEY), 0);
    stop();
}

struct extra { /* a second post of a side, of another ring, on the same socket */
    struct hs_post *post;
    struct side     heard; /* its counts */
};

static void open_beside(unsigned n, struct extra *extra)
{
    struct hs_post_config config = {.loop = side[n].loop,
                                    .fd = -1,
                                    .beside = side[n].post,
                                    .seal = {.self = side[n].id,
                                             .incarnation = 5,
                                             .cluster = "load",
                                             .environment = "prod",
                                             .ring = "other"},
                                    .owner = &extra->heard,
                                    .on_datagram = on_datagram};
    struct hs_keyring     ring;

    make_ring(&ring, 1);
    HS_CHECK_EQ(hs_post_open(&extra->post, &config, &ring, &err), 0);
}

static void two_rings_share_a_socket_and_neither_hears_the_other(enum hs_loop_backend backend)
{
    static struct extra        extra[2];
    struct hs_datagram_message message = {
        .type = HS_DATAGRAM_PING, .seq = 21, .incarnation = 5, .target = {{2, 9}}};
    struct hs_datagram_writer writer;

    memset(extra, 0, sizeof extra);
    start(backend);
    for (unsigned n = 0; n < 2; n++) open_beside(n, &extra[n]);
    hs_datagram_start(&writer, hs_post_body(extra[0].post), HS_DATAGRAM_BODY_BYTES_MAX, &message);
    hs_post_send(extra[0].post, &side[1].id, &side[1].middle, HS_DATAGRAM_PING,
                 hs_datagram_finish(&writer));
    ping(0, 1, 22);
    settle();
    HS_CHECK_EQ(extra[1].heard.count, 1);
    HS_CHECK_EQ(extra[1].heard.last_seq, 21);
    HS_CHECK_EQ(side[1].count, 1);
    HS_CHECK_EQ(side[1].last_seq, 22);
    HS_CHECK_EQ(dropped(1, HS_POST_FOREIGN), 0);
    hs_post_close(&extra[1].post); /* what comes for it now is nobody's */
    hs_datagram_start(&writer, hs_post_body(extra[0].post), HS_DATAGRAM_BODY_BYTES_MAX, &message);
    hs_post_send(extra[0].post, &side[1].id, &side[1].middle, HS_DATAGRAM_PING,
                 hs_datagram_finish(&writer));
    settle();
    HS_CHECK_EQ(dropped(1, HS_POST_FOREIGN), 1);
    hs_post_close(&extra[0].post);
    stop();
}
HS_ON_BOTH(two_rings_share_a_socket_and_neither_hears_the_other)

CU_TestInfo hs_tests_post_io[] = {
    HS_BOTH_ROWS("the first datagram waits for the greeting",
                 the_first_datagram_waits_for_the_greeting),
    HS_BOTH_ROWS("whoever stands at an address gets what waits for it",
                 whoever_stands_at_an_address_gets_what_waits_for_it),
    HS_BOTH_ROWS("ST-10 nothing that was seen is taken again",
                 st_10_nothing_that_was_seen_is_taken_again),
    HS_BOTH_ROWS("ST-10 a restarted node takes nothing from before",
                 st_10_a_restarted_node_takes_nothing_from_before),
    HS_BOTH_ROWS("ST-10 the old life of a sender is dead once the new one has spoken",
                 the_old_life_of_a_sender_is_dead_once_the_new_one_has_spoken),
    {"SEC-13 the unauthenticated hear nothing", sec_13_the_unauthenticated_hear_nothing},
    {"SEC-13 no answer is longer than what it answers",
     sec_13_no_answer_is_longer_than_what_it_answers},
    {"ST-10 a greeting for anybody, played back, is not answered there",
     st_10_a_greeting_for_anybody_played_back_is_not_answered_there},
    {"SEC-13 BAD-10 a flood of forgeries is bounded before it is opened",
     a_flood_of_forgeries_is_bounded_before_it_is_opened},
    {"SEC-13 BAD-9 a flood of one address does not keep new lives out",
     a_flood_of_one_address_does_not_keep_new_lives_out},
    {"BAD-2 6.9 a node of another environment hears nothing",
     s6_9_a_node_of_another_environment_hears_nothing},
    {"what waits in vain is bounded", what_waits_in_vain_is_bounded},
    HS_BOTH_ROWS("two rings share a socket, and neither hears the other",
                 two_rings_share_a_socket_and_neither_hears_the_other),
    {"ST-11 keys rotate under traffic", st_11_keys_rotate_under_traffic},
    CU_TEST_INFO_NULL,
};
