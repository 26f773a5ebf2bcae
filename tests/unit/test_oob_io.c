// SPDX-License-Identifier: Apache-2.0
/* test_oob_io.c - the console's answers over real sockets: who is answered, what, and who is
 * not. */
#include "roles/cluster/oob_ask_io.h"
#include "roles/cluster/oob_card.h"
#include "roles/console/oob_server_io.h"
#include "roles/counters.h"

#include "roles/cluster/datagram.h"
#include "shm/base/time.h"
#include "shm/counters.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, FLOOD = 100000 };

/* What both processes of 13.1 see. */
struct shared {
    uint8_t                vitals[HS_VITALS_BODY_BYTES];
    uint8_t                counters[HS_COUNTERS_BODY_BYTES];
    struct hs_oob_card_shm card;
};

static struct {
    struct shared         *shared;
    struct hs_role_process process;
    struct hs_oob_server   server;
    struct hs_oob_asker   *asker;
    struct hs_loop        *loop; /* of the asker */
    struct hs_keyring      ring;
    struct hs_node_id      node;
    struct hs_addr         at; /* where the server answers */
    int                    server_fd;
    int                    asker_fd;
    unsigned               answer_count;
    struct hs_oob_frame    last;
} world;

static struct hs_err err;
static uint8_t       reply[HS_UDP_BYTES_MAX];

static void make_ring(struct hs_keyring *ring, uint8_t first, uint8_t count)
{
    *ring = (struct hs_keyring){.count = count, .used_version = first};
    for (uint8_t i = 0; i < count; i++) {
        ring->at[i].version = (uint8_t)(first + i);
        memset(ring->at[i].bytes, 0x40 + first + i, sizeof ring->at[i].bytes);
    }
}

static void leave_card(uint8_t load)
{
    struct hs_oob_card card = {.node = world.node, .incarnation = 5 << 20, .load = load};

    HS_CHECK_EQ(hs_oob_keys(&world.ring, &world.node, &card.keys), 0);
    hs_oob_card_store(&world.shared->card, &card);
}

static struct hs_vitals_shm *page(void)
{
    return hs_vitals_page(world.shared->vitals, hs_process_idx_of(HS_ROLE_MANAGER, 0));
}

static void beat(void)
{
    hs_vitals_beat(page(), hs_loop_clock_ns(world.loop), 0);
}

static void on_answer(void *owner, const struct hs_node_id *node, const struct hs_oob_frame *answer)
{
    HS_CHECK(owner == &world);
    HS_CHECK(hs_node_id_equal(node, &world.node));
    world.answer_count++;
    world.last = *answer;
}

static uint64_t count_of(enum hs_count count)
{
    return hs_counter_load(hs_counters_page(world.shared->counters, 0), count);
}

static void open_asker(void)
{
    struct hs_oob_asker_config config = {
        .loop = world.loop, .fd = world.asker_fd, .owner = &world, .on_answer = on_answer};

    HS_CHECK_EQ(hs_oob_asker_open(&world.asker, &config, &world.ring, &err), 0);
}

static void start(enum hs_loop_backend backend)
{
    struct hs_addr unused;

    memset(&world, 0, sizeof world);
    world.shared =
        mmap(NULL, sizeof *world.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    HS_CHECK(world.shared != MAP_FAILED);
    world.node = (struct hs_node_id){{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
    make_ring(&world.ring, 1, 2);
    world.loop = hs_end_loop(backend);
    world.server_fd = hs_end_bind(&world.at);
    world.asker_fd = hs_end_bind(&unused);
    world.process.counters = hs_counters_page(world.shared->counters, 0);
    world.server.process = &world.process;
    world.server.vitals = world.shared->vitals;
    world.server.cards[1] = &world.shared->card;
    hs_vitals_reset(page(), 1, HS_ROLE_MANAGER, 0, hs_loop_clock_ns(world.loop));
    hs_vitals_enter(page(), HS_VITALS_READY, hs_loop_clock_ns(world.loop));
    beat();
    leave_card(HS_LOAD_HEALTHY);
    open_asker();
}

/* In the asker's loop; 13.1 has it in a process of its own. */
static void serve(void)
{
    world.process.loop = world.loop;
    HS_CHECK_EQ(hs_oob_server_open(&world.server, world.server_fd, &err), 0);
}

static void stop(void)
{
    hs_oob_server_close(&world.server);
    hs_oob_asker_close(&world.asker);
    hs_loop_close(&world.loop);
    (void)close(world.server_fd);
    (void)close(world.asker_fd);
    (void)munmap(world.shared, sizeof *world.shared);
}

static void ask(void)
{
    hs_oob_asker_ask(world.asker, &world.node, &world.at);
}

/* Asks again as often as the limits permit, since the kernel may lose a datagram. */
static bool await_answer(void)
{
    unsigned before = world.answer_count;
    uint64_t end_ns = hs_loop_clock_ns(world.loop) + PATIENCE_MS * HS_NS_PER_MS;

    while (world.answer_count == before && hs_loop_clock_ns(world.loop) < end_ns) {
        ask();
        HS_CHECK(hs_loop_step(world.loop, hs_loop_clock_ns(world.loop) + HS_NS_PER_S / 2) >= 0);
    }
    return world.answer_count > before;
}

static uint64_t server_has_seen(void)
{
    return count_of(HS_COUNT_health_questions_answered) +
           count_of(HS_COUNT_health_questions_dropped);
}

static uint64_t asker_has_seen(void)
{
    struct hs_oob_asker_figures figures;

    hs_oob_asker_figures(world.asker, &figures);
    return figures.bad + figures.asks.strays + figures.asks.answered;
}

/* Until one more datagram was looked at. */
static void await_look(uint64_t (*seen)(void), uint64_t before)
{
    uint64_t end_ns = hs_loop_clock_ns(world.loop) + PATIENCE_MS * HS_NS_PER_MS;

    while (seen() == before && hs_loop_clock_ns(world.loop) < end_ns)
        HS_CHECK(hs_loop_step(world.loop, hs_loop_clock_ns(world.loop) + HS_NS_PER_S) >= 0);
    HS_CHECK_EQ(seen(), before + 1);
}

/* By this socket; the bytes of the reply, 0: none. */
static size_t reply_by(int fd, const uint8_t *bytes, size_t count)
{
    union hs_addr_sockaddr sockaddr;
    socklen_t              sockaddr_bytes = hs_addr_to_sockaddr(&world.at, &sockaddr);
    uint64_t               before = server_has_seen();
    ssize_t                got;

    HS_CHECK_EQ(sendto(fd, bytes, count, 0, &sockaddr.any, sockaddr_bytes), count);
    await_look(server_has_seen, before);
    got = recv(fd, reply, sizeof reply, MSG_DONTWAIT);
    return got < 0 ? 0 : (size_t)got;
}

/* From a socket of its own. */
static size_t reply_to(const uint8_t *bytes, size_t count)
{
    struct hs_addr own;
    int            fd = hs_end_bind(&own);
    size_t         got;

    world.server.sources = (struct hs_sources){0}; /* all are of one address here */
    got = reply_by(fd, bytes, count);
    (void)close(fd);
    return got;
}

static void question(uint8_t bytes[HS_OOB_BYTES], uint64_t target_low, uint8_t version)
{
    struct hs_oob_frame frame = {
        .type = HS_OOB_PING, .key_version = version, .nonce = 77, .target_low = target_low};
    struct hs_keyring keys;

    HS_CHECK_EQ(hs_oob_keys(&world.ring, &world.node, &keys), 0);
    hs_oob_put(bytes, &frame);
    memset(bytes + HS_OOB_BODY_BYTES, 0, HS_OOB_TAG_BYTES);
    HS_IGNORE(hs_oob_sign(&keys, version, bytes), "a version without a key leaves no tag");
}

static void a_console_answers_for_its_role(enum hs_loop_backend backend)
{
    start(backend);
    serve();
    leave_card(HS_LOAD_STRESSED);
    HS_CHECK(await_answer());
    HS_CHECK_EQ(world.last.incarnation, 5 << 20);
    HS_CHECK_EQ(world.last.load, HS_LOAD_STRESSED);
    hs_vitals_mark_dead(page());
    HS_CHECK(await_answer());
    HS_CHECK(world.last.is_stalled);
    HS_CHECK(count_of(HS_COUNT_health_questions_answered) >= 2);
    stop();
}

static void who_forges_is_not_answered(enum hs_loop_backend backend)
{
    uint8_t bytes[HS_OOB_BYTES + 8] = {0};

    start(backend);
    serve();
    question(bytes, hs_oob_low(&world.node), 1);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), HS_OOB_BYTES); /* as many as came */
    for (unsigned at = 0; at < HS_OOB_BYTES; at++) {
        bytes[at] ^= 1;
        HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), 0);
        bytes[at] ^= 1;
    }
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES - 1), 0);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES + 8), 0);
    question(bytes, hs_oob_low(&world.node) + 1, 1);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), 0);
    question(bytes, hs_oob_low(&world.node), 9); /* a version that nobody has */
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), 0);
    HS_CHECK_EQ(count_of(HS_COUNT_health_questions_dropped), HS_OOB_BYTES + 4);
    stop();
}

/* An answer is no question: two consoles never answer one another. */
static void an_answer_is_not_answered(enum hs_loop_backend backend)
{
    uint8_t bytes[HS_OOB_BYTES];

    start(backend);
    serve();
    question(bytes, hs_oob_low(&world.node), 2);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), HS_OOB_BYTES);
    HS_CHECK_EQ(reply_to(reply, HS_OOB_BYTES), 0);
    stop();
}

static void an_asker_believes_its_own_nonces_only(enum hs_loop_backend backend)
{
    struct hs_oob_asker_figures figures;
    uint8_t                     bytes[HS_UDP_BYTES_MAX];
    union hs_addr_sockaddr      from;
    socklen_t                   from_bytes = sizeof from;
    struct pollfd               poll_fd = {.events = POLLIN};
    struct hs_oob_frame         frame = {.type = HS_OOB_PONG, .incarnation = 1};
    struct hs_keyring           keys;

    start(backend);
    poll_fd.fd = world.server_fd;
    ask();
    HS_CHECK_EQ(poll(&poll_fd, 1, PATIENCE_MS), 1);
    HS_CHECK_EQ(recvfrom(world.server_fd, bytes, sizeof bytes, 0, &from.any, &from_bytes),
                HS_OOB_BYTES);
    memcpy(&frame.nonce, bytes + 8, sizeof frame.nonce); /* both are little-endian here */
    frame.target_low = hs_oob_low(&world.node);
    frame.key_version = world.ring.used_version;
    HS_CHECK_EQ(hs_oob_keys(&world.ring, &world.node, &keys), 0);
    for (unsigned fault = 0; fault < 4; fault++) {
        struct hs_oob_frame said = frame;
        uint64_t            before = asker_has_seen();

        if (fault == 0) said.nonce ^= 1;
        if (fault == 1) said.target_low ^= 1;
        hs_oob_put(bytes, &said);
        HS_CHECK_EQ(hs_oob_sign(&keys, said.key_version, bytes), 0);
        if (fault == 2) bytes[HS_OOB_BYTES - 1] ^= 1;
        HS_CHECK_EQ(sendto(world.server_fd, bytes, HS_OOB_BYTES, 0, &from.any, from_bytes),
                    HS_OOB_BYTES);
        await_look(asker_has_seen, before);
        HS_CHECK_EQ(world.answer_count, fault == 3);
    }
    hs_oob_asker_figures(world.asker, &figures);
    HS_CHECK_EQ(figures.bad, 2);
    HS_CHECK_EQ(figures.asks.strays, 1);
    HS_CHECK_EQ(figures.asks.answered, 1);
    stop();
}

static void keys_are_changed_under_way(enum hs_loop_backend backend)
{
    struct hs_keyring old;
    uint64_t          before;
    uint64_t          gap_ns;
    unsigned          answered;

    start(backend);
    serve();
    HS_CHECK(await_answer());
    old = world.ring;
    make_ring(&world.ring, 2, 2); /* the second key is the first now, and the first is gone */
    leave_card(HS_LOAD_HEALTHY);
    gap_ns = hs_loop_clock_ns(world.loop) + HS_OOB_GAP_NS; /* asked sooner, it would not be asked */
    while (hs_loop_clock_ns(world.loop) < gap_ns) HS_CHECK(hs_loop_step(world.loop, gap_ns) >= 0);
    before = server_has_seen();
    answered = world.answer_count;
    ask();
    await_look(server_has_seen, before);
    HS_CHECK_EQ(world.answer_count, answered); /* it was signed with the old one */
    old.used_version = 2;
    hs_oob_asker_set_ring(world.asker, &old);
    HS_CHECK(await_answer());
    HS_CHECK_EQ(world.last.key_version, 2);
    stop();
}

static void no_more_than_two_hundred_a_second_are_answered(enum hs_loop_backend backend)
{
    uint8_t bytes[HS_OOB_BYTES];

    start(backend);
    serve();
    world.server.window = (struct hs_oob_window){.end_ns = HS_NEVER_NS, .count = 199};
    question(bytes, hs_oob_low(&world.node), 1);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), HS_OOB_BYTES);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), 0);
    HS_CHECK_EQ(count_of(HS_COUNT_health_questions_dropped), 1);
    stop();
}

/* A question that was heard, played back by somebody else: no more than its answers are lost. */
static void one_address_does_not_use_up_all_answers(enum hs_loop_backend backend)
{
    struct hs_addr         own = {.family = HS_ADDR_IPV4, .bytes = {127, 0, 0, 2}};
    union hs_addr_sockaddr sockaddr;
    socklen_t              bytes_count = hs_addr_to_sockaddr(&own, &sockaddr);
    int                    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint8_t                bytes[HS_OOB_BYTES];
    unsigned               answered = 0;

    start(backend);
    serve();
    HS_CHECK_EQ(bind(fd, &sockaddr.any, bytes_count), 0);
    question(bytes, hs_oob_low(&world.node), 1);
    for (unsigned i = 0; i < 300; i++) answered += reply_by(fd, bytes, HS_OOB_BYTES) > 0;
    HS_CHECK(answered >= HS_OOB_OF_SOURCE_BURST);
    HS_CHECK(answered < 2 * HS_OOB_OF_SOURCE_BURST);
    HS_CHECK_EQ(reply_to(bytes, HS_OOB_BYTES), HS_OOB_BYTES);
    (void)close(fd);
    stop();
}

HS_ON_BOTH(one_address_does_not_use_up_all_answers)
HS_ON_BOTH(a_console_answers_for_its_role)
HS_ON_BOTH(who_forges_is_not_answered)
HS_ON_BOTH(an_answer_is_not_answered)
HS_ON_BOTH(an_asker_believes_its_own_nonces_only)
HS_ON_BOTH(keys_are_changed_under_way)
HS_ON_BOTH(no_more_than_two_hundred_a_second_are_answered)

_Noreturn static void be_console(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    world.process.loop = hs_end_loop(HS_LOOP_AUTO);
    if (hs_oob_server_open(&world.server, world.server_fd, &err)) _exit(1);
    for (;;)
        if (hs_loop_step(world.process.loop, HS_NEVER_NS) < 0) _exit(2);
}

/* The role does not look at its socket any more: its loop is ours, and we flood. */
static void flood(int fd, const struct hs_addr *to)
{
    static const uint8_t   bytes[200] = {'H', 'S'};
    union hs_addr_sockaddr sockaddr;
    socklen_t              sockaddr_bytes = hs_addr_to_sockaddr(to, &sockaddr);

    for (unsigned i = 0; i < FLOOD; i++)
        (void)sendto(fd, bytes, sizeof bytes, MSG_DONTWAIT, &sockaddr.any, sockaddr_bytes);
}

static void a_flooded_role_is_answered_for(void)
{
    struct hs_addr main_at;
    int            main_fd;
    pid_t          pid;

    start(HS_LOOP_AUTO);
    main_fd = hs_end_bind(&main_at);
    pid = fork();
    if (pid == 0) be_console();
    HS_CHECK(await_answer());
    flood(world.asker_fd, &main_at);
    hs_vitals_beat(page(), 1, 0); /* long ago */
    HS_CHECK(await_answer());
    HS_CHECK(world.last.is_stalled);
    beat();
    (void)kill(pid, SIGKILL);
    HS_CHECK_EQ(waitpid(pid, NULL, 0), pid);
    (void)close(main_fd);
    stop();
}

CU_TestInfo hs_tests_oob_io[] = {
    HS_BOTH_ROWS("13 a console answers for its role", a_console_answers_for_its_role),
    {"13.1 a role whose socket is flooded and whose loop stands still is answered for",
     a_flooded_role_is_answered_for},
    {"13.2 who forges is not answered, whatever he changes (auto)",
     who_forges_is_not_answered_auto},
    {"13.2 who forges is not answered, whatever he changes (epoll)",
     who_forges_is_not_answered_epoll},
    HS_BOTH_ROWS("R28 an answer is not answered, and goes where the question came from",
                 an_answer_is_not_answered),
    HS_BOTH_ROWS("13.4 an asker believes answers to its own open questions only",
                 an_asker_believes_its_own_nonces_only),
    HS_BOTH_ROWS("13 keys are changed under way", keys_are_changed_under_way),
    HS_BOTH_ROWS("13 no more than two hundred a second are answered",
                 no_more_than_two_hundred_a_second_are_answered),
    HS_BOTH_ROWS("BAD-9 one address does not use up all answers",
                 one_address_does_not_use_up_all_answers),
    CU_TEST_INFO_NULL};
