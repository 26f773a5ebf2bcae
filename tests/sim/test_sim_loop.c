// SPDX-License-Identifier: Apache-2.0
/* test_sim_loop.c - the simulator keeps its own promises: order, delays, partitions, crashes, disks
 * that tear, and the same run from the same seed. */
#include "shm/base/assert.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/sim/sim_pair.h"

#include <errno.h>
#include <stdlib.h>

/* ---- streams */

static void send_text(struct sim_party *end, const char *text)
{
    HS_CHECK_EQ(hs_stream_send(&end->stream, text, strlen(text), HS_SEND_REPORT), 0);
}

static void what_is_sent_arrives_whole_in_order_and_late(void)
{
    static uint8_t bytes[50000];

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i ^ (i >> 8));
    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        struct sim_pair pair;
        uint64_t        start_ns;

        sim_pair_open(&pair, seed);
        start_ns = hs_loop_clock_ns(pair.loops[1]);
        HS_CHECK_EQ(hs_stream_send(&pair.ends[0].stream, bytes, sizeof bytes, HS_SEND_REPORT), 0);
        HS_CHECK_EQ(pair.ends[0].sent, 0); /* never inside the call */
        HS_CHECK_EQ(hs_stream_send(&pair.ends[0].stream, "x", 1, HS_SEND_REPORT), -EAGAIN);
        sim_run_ms(pair.world, 100);
        HS_CHECK_EQ(pair.ends[0].sent, 1);
        HS_CHECK_EQ(pair.ends[1].count, sizeof bytes);
        HS_CHECK(memcmp(pair.ends[1].bytes, bytes, sizeof bytes) == 0);
        HS_CHECK(pair.ends[1].first_at_ns >= start_ns + 20 * HS_NS_PER_US);
        sim_pair_close(&pair);
    }
}

static void the_end_comes_after_the_data_and_closed_comes_once(void)
{
    struct sim_pair pair;

    sim_pair_open(&pair, 1);
    send_text(&pair.ends[0], "bye");
    hs_stream_close(&pair.ends[0].stream, false);
    hs_stream_close(&pair.ends[0].stream, false);
    HS_CHECK_EQ(hs_stream_send(&pair.ends[0].stream, "x", 1, HS_SEND_QUIET), -ENOTCONN);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(pair.ends[0].closed, 1);
    HS_CHECK_EQ(pair.ends[0].sent, 0); /* nothing but CLOSED after closing */
    HS_CHECK_EQ(pair.ends[1].count, 3);
    HS_CHECK_EQ(pair.ends[1].eof, 1);
    HS_CHECK_EQ(pair.ends[1].failed, 0);
    sim_pair_close(&pair);
}

static void sending_to_a_closed_peer_ends_in_a_reset(void)
{
    struct sim_pair pair;

    sim_pair_open(&pair, 1);
    hs_stream_close(&pair.ends[0].stream, false);
    sim_run_ms(pair.world, 100);
    send_text(&pair.ends[1], "anyone?");
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(pair.ends[1].sent, 1); /* the kernel took it before the answer was known */
    send_text(&pair.ends[1], "anyone?");
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(hs_stream_send(&pair.ends[1].stream, "x", 1, HS_SEND_REPORT), -ENOTCONN);
    sim_pair_close(&pair);
}

static size_t swallowed; /* by a reader that keeps nothing */

static void swallow(struct hs_stream *stream, const uint8_t *bytes, size_t count)
{
    HS_CHECK(stream && bytes);
    swallowed += count;
}

static void a_reader_that_is_stopped_holds_the_sender_back(void)
{
    static const struct hs_stream_ops swallowing = {.on_data = swallow,
                                                    .on_event = sim_party_on_event};
    static uint8_t                    bytes[600 << 10];
    struct sim_pair                   pair;

    swallowed = 0;
    sim_pair_open(&pair, 1);
    pair.ends[1].stream.ops = &swallowing;
    hs_sim_pause(pair.world, pair.nodes[1], true);
    HS_CHECK_EQ(hs_stream_send(&pair.ends[0].stream, bytes, sizeof bytes, HS_SEND_REPORT), 0);
    sim_run_ms(pair.world, 1000);
    HS_CHECK_EQ(pair.ends[0].sent, 0);
    HS_CHECK_EQ(swallowed, 0);
    hs_sim_pause(pair.world, pair.nodes[1], false);
    sim_run_ms(pair.world, 1000);
    HS_CHECK_EQ(pair.ends[0].sent, 1);
    HS_CHECK_EQ(swallowed, sizeof bytes);
    sim_pair_close(&pair);
}

static void a_stream_that_is_held_waits_in_order(void)
{
    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        struct sim_pair pair;

        sim_pair_open(&pair, seed);
        hs_stream_hold(&pair.ends[1].stream, true);
        send_text(&pair.ends[0], "one ");
        sim_run_ms(pair.world, 100);
        send_text(&pair.ends[0], "two ");
        sim_run_ms(pair.world, 100);
        HS_CHECK_EQ(pair.ends[1].count, 0);
        send_text(&pair.ends[0], "three");
        hs_stream_hold(&pair.ends[1].stream, false);
        sim_run_ms(pair.world, 100);
        HS_CHECK_EQ(pair.ends[1].count, 13);
        HS_CHECK(memcmp(pair.ends[1].bytes, "one two three", 13) == 0);
        hs_stream_hold(&pair.ends[1].stream, true); /* and is closed so */
        sim_pair_close(&pair);
    }
}

static void a_cut_holds_back_and_healing_keeps_the_order(void)
{
    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        struct sim_pair pair;

        sim_pair_open(&pair, seed);
        send_text(&pair.ends[0], "one ");
        sim_run_ms(pair.world, 0);
        hs_sim_partition(pair.world, pair.nodes[0], pair.nodes[1], true);
        (void)hs_sim_run(pair.world, hs_sim_now_ns(pair.world) + seed * 20 * HS_NS_PER_US);
        send_text(&pair.ends[0], "two ");
        sim_run_ms(pair.world, 5000);
        HS_CHECK_EQ(pair.ends[1].count, 0);
        send_text(&pair.ends[0], "three");
        hs_sim_partition(pair.world, pair.nodes[0], pair.nodes[1], false);
        sim_run_ms(pair.world, 100);
        HS_CHECK_EQ(pair.ends[1].count, 13);
        HS_CHECK(memcmp(pair.ends[1].bytes, "one two three", 13) == 0);
        sim_pair_close(&pair);
    }
}

static void a_stopped_process_hears_all_when_it_goes_on(void)
{
    struct sim_pair pair;

    sim_pair_open(&pair, 3);
    hs_sim_pause(pair.world, pair.nodes[1], true);
    send_text(&pair.ends[0], "hello");
    sim_run_ms(pair.world, 5000);
    HS_CHECK_EQ(pair.ends[1].count, 0);
    HS_CHECK_EQ(pair.ends[0].failed + pair.ends[0].eof, 0);
    hs_sim_pause(pair.world, pair.nodes[1], false);
    sim_run_ms(pair.world, 0);
    HS_CHECK_EQ(pair.ends[1].count, 5);
    sim_pair_close(&pair);
}

static void data_waits_for_a_loop_to_take_the_descriptor(void)
{
    struct sim_pair   pair;
    struct sim_party *late = calloc(1, sizeof *late);
    struct sim_party *early = calloc(1, sizeof *early);
    int               fds[2];

    sim_pair_open(&pair, 1);
    hs_sim_socketpair(pair.world, pair.nodes[0], pair.nodes[1], fds);
    late->stream.ops = &sim_party_ops;
    early->stream.ops = &sim_party_ops;
    HS_CHECK_EQ(hs_stream_adopt(pair.loops[0], &early->stream, fds[0]), 0);
    send_text(early, "waiting");
    sim_run_ms(pair.world, 100);
    hs_stream_close(&early->stream, false);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(hs_stream_adopt(pair.loops[1], &late->stream, fds[1]), 0);
    HS_CHECK_EQ(late->count, 0);
    sim_run_ms(pair.world, 0);
    HS_CHECK_EQ(late->count, 7);
    HS_CHECK_EQ(late->eof, 1);
    sim_pair_close(&pair);
    free(early);
    free(late);
}

/* ---- lives and deaths */

static void a_killed_process_resets_its_connections_and_is_never_called_again(void)
{
    struct sim_pair pair;

    sim_pair_open(&pair, 1);
    pair.ends[0].is_echo = true;
    send_text(&pair.ends[1], "ping");
    hs_sim_kill(pair.world, pair.nodes[0]);
    HS_CHECK_EQ(hs_stream_send(&pair.ends[0].stream, "x", 1, HS_SEND_QUIET), -ENOTCONN);
    HS_CHECK_EQ(hs_loop_step(pair.loops[0], 0), -EIO);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(pair.ends[0].count, 0);
    HS_CHECK_EQ(pair.ends[0].closed, 0);
    HS_CHECK_EQ(pair.ends[1].failed, 1);
    HS_CHECK_EQ(pair.ends[1].failed_result, -ECONNRESET);
    hs_loop_close(&pair.loops[0]);
    sim_pair_close(&pair);
}

static void a_crashed_host_is_silent_until_it_is_back(void)
{
    struct sim_pair pair;

    sim_pair_open(&pair, 1);
    hs_sim_crash(pair.world, pair.nodes[0]);
    send_text(&pair.ends[1], "hello?");
    sim_run_ms(pair.world, 60000);
    HS_CHECK_EQ(pair.ends[1].failed + pair.ends[1].eof, 0);
    hs_sim_enter(pair.world, pair.nodes[0]);
    send_text(&pair.ends[1], "hello?");
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(pair.ends[1].failed, 1);
    sim_pair_close(&pair);
}

struct door {
    struct hs_listener listener;
    struct sim_party  *end;
    unsigned           accepted;
};

static void on_accept(struct hs_listener *listener, int fd)
{
    struct door *door = (struct door *)(void *)listener;

    door->accepted++;
    door->end->stream.ops = &sim_party_ops;
    door->end->is_echo = true;
    HS_CHECK_EQ(hs_stream_adopt(listener->loop, &door->end->stream, fd), 0);
}

static void a_listener_outlives_the_process_that_serves_it(void)
{
    struct hs_addr    addr;
    struct sim_pair   pair;
    struct sim_party *servers = calloc(2, sizeof *servers);
    struct sim_party *clients = calloc(2, sizeof *clients);
    struct door       doors[2] = {{.listener.on_accept = on_accept, .end = &servers[0]},
                                  {.listener.on_accept = on_accept, .end = &servers[1]}};
    int               fd;

    sim_pair_open(&pair, 1);
    clients[0].stream.ops = clients[1].stream.ops = &sim_party_ops;
    HS_CHECK_EQ(hs_addr_parse(&addr, "10.0.0.1", 80), 0);
    HS_CHECK_EQ(hs_stream_connect(pair.loops[1], &clients[0].stream, &addr), 0);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(clients[0].connected_result, -ECONNREFUSED);
    hs_stream_close(&clients[0].stream, false);
    sim_run_ms(pair.world, 100);
    clients[0] = (struct sim_party){.stream.ops = &sim_party_ops};
    fd = hs_sim_listen(pair.world, pair.nodes[0], &addr);
    HS_CHECK_EQ(hs_listener_open(pair.loops[0], &doors[0].listener, fd), 0);
    HS_CHECK_EQ(hs_stream_connect(pair.loops[1], &clients[0].stream, &addr), 0);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(clients[0].connected, 1);
    HS_CHECK_EQ(clients[0].connected_result, 0);
    HS_CHECK_EQ(doors[0].accepted, 1);
    hs_sim_kill(pair.world, pair.nodes[0]);
    HS_CHECK_EQ(hs_stream_connect(pair.loops[1], &clients[1].stream, &addr), 0);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(clients[0].failed, 1);
    HS_CHECK_EQ(clients[1].connected_result, 0); /* waits in the queue */
    pair.loops[0] = sim_pair_loop(pair.world, pair.nodes[0]);
    HS_CHECK_EQ(hs_listener_open(pair.loops[0], &doors[1].listener, fd), 0);
    send_text(&clients[1], "again");
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(doors[0].accepted, 1);
    HS_CHECK_EQ(doors[1].accepted, 1);
    HS_CHECK_EQ(clients[1].count, 5);
    sim_pair_close(&pair);
    free(servers);
    free(clients);
}

/* ---- turns, watches, steps by hand */

struct metronome {
    uint64_t last_ns;
    uint64_t beats;
    bool     is_late;
};

static uint64_t beat(void *self, uint64_t now_ns)
{
    struct metronome *metronome = self;

    if (metronome->beats && now_ns != metronome->last_ns + 10 * HS_NS_PER_MS)
        metronome->is_late = true;
    metronome->beats++;
    metronome->last_ns = now_ns;
    return now_ns + 10 * HS_NS_PER_MS;
}

static void turns_come_at_their_deadlines_on_clocks_of_their_own(void)
{
    struct sim_pair  pair;
    struct metronome metronomes[2] = {{0}, {0}};

    sim_pair_open(&pair, 7);
    for (int i = 0; i < 2; i++) hs_sim_serve(pair.world, pair.nodes[i], beat, &metronomes[i]);
    sim_run_ms(pair.world, 995);
    HS_CHECK_EQ(metronomes[0].beats, 100);
    HS_CHECK_EQ(metronomes[1].beats, 100);
    HS_CHECK(!metronomes[0].is_late);
    HS_CHECK(metronomes[0].last_ns != metronomes[1].last_ns);
    hs_sim_kill(pair.world, pair.nodes[0]);
    sim_run_ms(pair.world, 100);
    HS_CHECK_EQ(metronomes[0].beats, 100);
    HS_CHECK_EQ(metronomes[1].beats, 110);
    sim_pair_close(&pair);
}

static uint64_t greedy(void *self, uint64_t now_ns)
{
    ++*(uint64_t *)self;
    return now_ns - 1;
}

static void a_node_that_never_sleeps_does_not_stop_the_clock(void)
{
    struct sim_pair pair;
    uint64_t        turns = 0;

    sim_pair_open(&pair, 7);
    hs_sim_serve(pair.world, pair.nodes[0], greedy, &turns);
    sim_run_ms(pair.world, 10);
    HS_CHECK(turns >= 1000);
    HS_CHECK(turns <= 10001);
    sim_pair_close(&pair);
}

struct bell {
    struct hs_watch      watch;
    struct hs_sim_world *world;
    unsigned             rung;
    unsigned             drains_at;
};

static void on_readable(struct hs_watch *watch)
{
    struct bell *bell = (struct bell *)(void *)watch;

    if (++bell->rung == bell->drains_at) hs_sim_bell_drain(bell->world, watch->fd);
}

static void a_watch_rings_until_it_is_drained(void)
{
    struct sim_pair pair;
    struct bell     bell = {.watch.on_readable = on_readable, .drains_at = 3};
    int             fd;

    sim_pair_open(&pair, 1);
    bell.world = pair.world;
    fd = hs_sim_bell_open(pair.world, pair.nodes[0]);
    hs_sim_bell_ring(pair.world, fd);
    HS_CHECK_EQ(hs_watch_open(pair.loops[0], &bell.watch, fd), 0);
    HS_CHECK_EQ(bell.rung, 0);
    sim_run_ms(pair.world, 10);
    HS_CHECK_EQ(bell.rung, 3);
    hs_watch_close(&bell.watch);
    hs_sim_bell_ring(pair.world, fd);
    sim_run_ms(pair.world, 10);
    HS_CHECK_EQ(bell.rung, 3);
    sim_pair_close(&pair);
}

static void one_loop_may_be_stepped_by_hand(void)
{
    struct sim_pair pair;
    uint64_t        deadline_ns;

    sim_pair_open(&pair, 1);
    send_text(&pair.ends[0], "hi");
    while (!pair.ends[1].count) HS_CHECK(hs_loop_step(pair.loops[1], HS_NEVER_NS) > 0);
    while (hs_loop_step(pair.loops[1], hs_loop_clock_ns(pair.loops[1]) + HS_NS_PER_S) > 0) continue;
    deadline_ns = hs_loop_clock_ns(pair.loops[1]) + 5;
    HS_CHECK_EQ(hs_loop_step(pair.loops[1], deadline_ns), 0);
    HS_CHECK_EQ(hs_loop_now_ns(pair.loops[1]), deadline_ns);
    HS_CHECK_EQ(hs_loop_step(pair.loops[1], 0), 0);
    HS_CHECK_EQ(hs_loop_now_ns(pair.loops[1]), deadline_ns);
    sim_pair_close(&pair);
}

static void tables_are_bounded_as_in_the_real_loop(void)
{
    struct sim_pair   pair;
    struct sim_party *more = calloc(4, sizeof *more);

    sim_pair_open(&pair, 1);
    for (int i = 0; i < 4; i++) {
        int fds[2];

        hs_sim_socketpair(pair.world, pair.nodes[0], pair.nodes[1], fds);
        more[i].stream.ops = &sim_party_ops;
        HS_CHECK_EQ(hs_stream_adopt(pair.loops[0], &more[i].stream, fds[0]), i < 3 ? 0 : -ENOBUFS);
        if (i < 3) continue;
        hs_stream_close(&more[0].stream, false);
        sim_run_ms(pair.world, 10);
        HS_CHECK_EQ(hs_stream_adopt(pair.loops[0], &more[i].stream, fds[0]), 0);
    }
    HS_CHECK_EQ(hs_stream_adopt(pair.loops[1], &more[0].stream, 7), -EBADF);
    sim_pair_close(&pair);
    free(more);
}

/* ---- the same again */

static uint64_t eventful_run(uint64_t seed)
{
    struct sim_pair  pair;
    struct metronome metronome = {0};
    uint64_t         hash;

    sim_pair_open(&pair, seed);
    pair.ends[1].is_echo = true;
    hs_sim_serve(pair.world, pair.nodes[1], beat, &metronome);
    for (int i = 0; i < 20; i++) {
        uint64_t draw = hs_rand_below(hs_sim_rand(pair.world), 4);

        if (draw == 0) hs_sim_pause(pair.world, pair.nodes[1], true);
        if (draw == 1) hs_sim_pause(pair.world, pair.nodes[1], false);
        if (draw == 2) hs_sim_partition(pair.world, pair.nodes[0], pair.nodes[1], i & 1);
        if (draw == 3) send_text(&pair.ends[0], "some words of no importance");
        sim_run_ms(pair.world, 3);
    }
    hs_sim_kill(pair.world, pair.nodes[0]);
    sim_run_ms(pair.world, 100);
    hash = hs_sim_trace_hash(pair.world);
    sim_pair_close(&pair);
    return hash;
}

static void the_same_seed_gives_the_same_run(void)
{
    for (uint64_t seed = 1; seed <= SIM_SEEDS; seed++) {
        uint64_t hash = eventful_run(seed);

        HS_CHECK(eventful_run(seed) == hash);
        HS_CHECK(eventful_run(seed + 1) != hash);
    }
}

static CU_TestInfo tests[] = {
    {"what is sent arrives whole, in order and late", what_is_sent_arrives_whole_in_order_and_late},
    {"the end comes after the data, and CLOSED comes once",
     the_end_comes_after_the_data_and_closed_comes_once},
    {"sending to a closed peer ends in a reset", sending_to_a_closed_peer_ends_in_a_reset},
    {"a reader that is stopped holds the sender back",
     a_reader_that_is_stopped_holds_the_sender_back},
    {"a stream that is held waits, in order", a_stream_that_is_held_waits_in_order},
    {"a cut holds back, and healing keeps the order", a_cut_holds_back_and_healing_keeps_the_order},
    {"a stopped process hears all when it goes on", a_stopped_process_hears_all_when_it_goes_on},
    {"data waits for a loop to take the descriptor", data_waits_for_a_loop_to_take_the_descriptor},
    {"a killed process resets its connections and is never called again",
     a_killed_process_resets_its_connections_and_is_never_called_again},
    {"a crashed host is silent until it is back", a_crashed_host_is_silent_until_it_is_back},
    {"a listener outlives the process that serves it",
     a_listener_outlives_the_process_that_serves_it},
    {"turns come at their deadlines, on clocks of their own",
     turns_come_at_their_deadlines_on_clocks_of_their_own},
    {"a node that never sleeps does not stop the clock",
     a_node_that_never_sleeps_does_not_stop_the_clock},
    {"a watch rings until it is drained", a_watch_rings_until_it_is_drained},
    {"one loop may be stepped by hand", one_loop_may_be_stepped_by_hand},
    {"tables are bounded as in the real loop", tables_are_bounded_as_in_the_real_loop},
    {"the same seed gives the same run", the_same_seed_gives_the_same_run},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    return sim_run_tests("sim_loop", tests);
}
