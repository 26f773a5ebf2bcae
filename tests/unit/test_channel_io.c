// SPDX-License-Identifier: Apache-2.0
/* test_channel_io.c - rings with doorbells, one side and the other in this process. */
#include "ipc/channel.h"
#include "shm/base/time.h"
#include "tests/check.h"
#include "tests/unit/loop_end.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SLOTS = 1024, MESSAGE_BYTES = 64, THREADED_MESSAGES = 20000 };

static const struct hs_ring_shape shape = {MESSAGE_BYTES, SLOTS};

struct message {
    uint64_t number;
    uint8_t  rest[MESSAGE_BYTES - 8];
};

struct pair {
    struct hs_loop       *loop;
    void                 *memory;
    int                   bell_fd;
    struct hs_channel_out out;
    struct hs_channel_in  in;
    unsigned              received;
    uint64_t              last;
    bool                  is_order_broken;
    unsigned              faults;
    unsigned              close_at; /* message at which the reader closes; 0: never */
};

static void on_message(struct hs_channel_in *in, const void *message, uint64_t generation)
{
    struct pair   *p = in->owner;
    struct message copy;

    memcpy(&copy, message, sizeof(copy));
    if (copy.number != p->last + 1 || generation != 5) p->is_order_broken = true;
    p->last = copy.number;
    p->received++;
    if (p->received == p->close_at) hs_channel_in_close(in);
}

static void on_fault(struct hs_channel_in *in, int reason)
{
    struct pair *p = in->owner;

    HS_CHECK_EQ(reason, -EPROTO);
    p->faults++;
}

static void open_pair(struct pair *p, enum hs_loop_backend backend)
{
    size_t bytes = (hs_ring_bytes(&shape) + 63) / 64 * 64;

    *p = (struct pair){.loop = hs_end_loop(backend),
                       .memory = aligned_alloc(64, bytes),
                       .bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    memset(p->memory, 0, bytes);
    hs_ring_init(p->memory, &shape);
    p->in = (struct hs_channel_in){.on_message = on_message, .on_fault = on_fault, .owner = p};
    HS_CHECK_EQ(hs_channel_out_open(&p->out, p->memory, &shape, 5, p->bell_fd), 0);
    HS_CHECK_EQ(hs_channel_in_open(&p->in, p->loop, p->memory, &shape, p->bell_fd), 0);
    hs_channel_in_turn(&p->in, hs_loop_clock_ns(p->loop));
}

static void close_pair(struct pair *p)
{
    hs_channel_in_close(&p->in);
    hs_channel_in_close(&p->in);
    hs_end_settle(p->loop);
    hs_loop_close(&p->loop);
    (void)close(p->bell_fd);
    free(p->memory);
}

static int push(struct pair *p, uint64_t number)
{
    struct message message = {.number = number};

    return hs_channel_push(&p->out, &message);
}

static void message_wakes_the_reader(enum hs_loop_backend backend)
{
    struct pair p;

    open_pair(&p, backend);
    for (unsigned i = 1; i <= 3; i++) {
        HS_CHECK_EQ(push(&p, i), 0);
        HS_CHECK(hs_end_await(p.loop, &p.received, i));
    }
    HS_CHECK_EQ(p.out.bell_count, 3);
    HS_CHECK(!p.is_order_broken);
    close_pair(&p);
}
HS_ON_BOTH(message_wakes_the_reader)

static void bell_rings_once_while_the_reader_is_behind(enum hs_loop_backend backend)
{
    struct pair p;

    open_pair(&p, backend);
    for (unsigned i = 1; i <= SLOTS; i++) HS_CHECK_EQ(push(&p, i), 0);
    HS_CHECK_EQ(push(&p, SLOTS + 1), -ENOBUFS);
    HS_CHECK_EQ(p.out.bell_count, 1);
    HS_CHECK(hs_end_await(p.loop, &p.received, HS_CHANNEL_BURST));
    hs_end_settle(p.loop);
    HS_CHECK_EQ(p.received, HS_CHANNEL_BURST);
    while (hs_channel_in_deadline_ns(&p.in) <= hs_loop_now_ns(p.loop))
        hs_channel_in_turn(&p.in, hs_loop_now_ns(p.loop));
    HS_CHECK_EQ(p.received, SLOTS);
    HS_CHECK(!p.is_order_broken);
    close_pair(&p);
}
HS_ON_BOTH(bell_rings_once_while_the_reader_is_behind)

static void lost_bell_costs_one_poll_interval(void)
{
    struct pair    p;
    struct message message = {.number = 1};

    open_pair(&p, HS_LOOP_AUTO);
    HS_CHECK(hs_channel_in_deadline_ns(&p.in) <= hs_loop_clock_ns(p.loop) + 100 * HS_NS_PER_MS);
    HS_CHECK_EQ(hs_ring_push(&p.out.ring, &message), 0);
    hs_end_settle(p.loop);
    HS_CHECK_EQ(p.received, 0);
    hs_channel_in_turn(&p.in, hs_channel_in_deadline_ns(&p.in) - 1);
    HS_CHECK_EQ(p.received, 0);
    hs_channel_in_turn(&p.in, hs_channel_in_deadline_ns(&p.in));
    HS_CHECK_EQ(p.received, 1);
    close_pair(&p);
}

static void successor_reads_at_once_what_was_left(void)
{
    struct pair p;

    open_pair(&p, HS_LOOP_AUTO);
    HS_CHECK_EQ(push(&p, 1), 0);
    hs_channel_in_close(&p.in);
    HS_CHECK_EQ(hs_channel_in_deadline_ns(&p.in), HS_NEVER_NS);
    HS_CHECK_EQ(push(&p, 2), 0);
    HS_CHECK_EQ(hs_channel_in_open(&p.in, p.loop, p.memory, &shape, p.bell_fd), 0);
    hs_channel_in_turn(&p.in, hs_loop_clock_ns(p.loop));
    HS_CHECK_EQ(p.received, 2);
    HS_CHECK(!p.is_order_broken);
    close_pair(&p);
}

static void reader_may_close_inside_a_message(void)
{
    struct pair p;

    open_pair(&p, HS_LOOP_AUTO);
    p.close_at = 2;
    for (unsigned i = 1; i <= 4; i++) HS_CHECK_EQ(push(&p, i), 0);
    HS_CHECK(hs_end_await(p.loop, &p.received, 2));
    hs_end_settle(p.loop);
    HS_CHECK_EQ(p.received, 2);
    HS_CHECK_EQ(hs_ring_used_count(p.memory, &shape), 2);
    close_pair(&p);
}

static void nonsense_from_the_writer_is_a_fault_once(void)
{
    struct pair p;

    open_pair(&p, HS_LOOP_AUTO);
    hs_word_store(&p.out.ring.shm->tail, 1u << 30);
    hs_channel_in_turn(&p.in, hs_channel_in_deadline_ns(&p.in));
    HS_CHECK_EQ(p.faults, 1);
    HS_CHECK_EQ(p.received, 0);
    hs_channel_in_turn(&p.in, HS_NEVER_NS - 1);
    HS_CHECK_EQ(p.faults, 1);
    close_pair(&p);
}

static void *push_many(void *context)
{
    struct pair *p = context;

    for (unsigned i = 1; i <= THREADED_MESSAGES;)
        if (push(p, i) == 0) i++;
    return NULL;
}

/* The reader never polls here: a single lost wake-up would leave it waiting for its five seconds,
 * and the count short. */
static void no_wake_up_is_lost_between_two_cores(enum hs_loop_backend backend)
{
    struct pair p;
    pthread_t   writer;
    uint64_t    started_ns;

    open_pair(&p, backend);
    started_ns = hs_loop_clock_ns(p.loop);
    HS_CHECK_EQ(pthread_create(&writer, NULL, push_many, &p), 0);
    while (p.received < THREADED_MESSAGES &&
           hs_loop_clock_ns(p.loop) < started_ns + 30 * HS_NS_PER_S) {
        uint64_t deadline_ns = hs_channel_in_deadline_ns(&p.in);
        bool     is_behind = deadline_ns <= hs_loop_now_ns(p.loop);

        if (is_behind) hs_channel_in_turn(&p.in, deadline_ns);
        HS_CHECK(hs_loop_step(p.loop, is_behind ? 0 : started_ns + 5 * HS_NS_PER_S) >= 0);
    }
    (void)pthread_join(writer, NULL);
    HS_CHECK_EQ(p.received, THREADED_MESSAGES);
    HS_CHECK(!p.is_order_broken);
    HS_CHECK(hs_loop_clock_ns(p.loop) < started_ns + 5 * HS_NS_PER_S);
    close_pair(&p);
}
HS_ON_BOTH(no_wake_up_is_lost_between_two_cores)

CU_TestInfo hs_tests_channel_io[] = {
    HS_BOTH_ROWS("message wakes the reader", message_wakes_the_reader),
    HS_BOTH_ROWS("bell rings once while the reader is behind",
                 bell_rings_once_while_the_reader_is_behind),
    {"lost bell costs one poll interval", lost_bell_costs_one_poll_interval},
    {"successor reads at once what was left", successor_reads_at_once_what_was_left},
    {"reader may close inside a message", reader_may_close_inside_a_message},
    {"nonsense from the writer is a fault, once", nonsense_from_the_writer_is_a_fault_once},
    HS_BOTH_ROWS("no wake-up is lost between two cores", no_wake_up_is_lost_between_two_cores),
    CU_TEST_INFO_NULL};
