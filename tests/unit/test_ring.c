// SPDX-License-Identifier: Apache-2.0
/* test_ring.c - order, bounds, succession and distrust of the ring; two threads on one mapping for
 * ThreadSanitizer. */
#include "shm/ring.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>

enum { SLOTS = 8, ROOM_BYTES = 384 + SLOTS * (128 + 8), THREAD_MESSAGES = 20000 };

static const struct hs_ring_shape shape = {.message_bytes = 128, .slot_count = SLOTS};

struct room {
    alignas(64) unsigned char bytes[ROOM_BYTES];
    struct hs_ring producer;
    struct hs_ring consumer;
};

static struct hs_ring_shm *shm_of(struct room *room)
{
    return (struct hs_ring_shm *)(void *)room->bytes;
}

static void open_room(struct room *room)
{
    memset(room, 0, sizeof *room);
    HS_CHECK_EQ(hs_ring_bytes(&shape), ROOM_BYTES);
    hs_ring_init(shm_of(room), &shape);
    HS_CHECK_EQ(hs_ring_attach(&room->producer, shm_of(room), &shape, 1), 0);
    HS_CHECK_EQ(hs_ring_attach(&room->consumer, shm_of(room), &shape, 0), 0);
}

/* A message all of whose words are value. */
static int push_value(struct hs_ring *ring, uint64_t value)
{
    uint64_t message[16];

    for (size_t i = 0; i < 16; i++) message[i] = value;
    return hs_ring_push(ring, message);
}

static uint64_t value_of(const void *message)
{
    uint64_t words[16];

    memcpy(words, message, sizeof words);
    for (size_t i = 1; i < 16; i++)
        if (words[i] != words[0]) return UINT64_MAX;
    return words[0];
}

static uint64_t pop_value(struct hs_ring *ring, uint64_t *generation)
{
    uint64_t message[16];

    return hs_ring_pop(ring, message, generation) == 1 ? value_of(message) : UINT64_MAX;
}

static void messages_come_out_in_order_round_after_round(void)
{
    struct room room;
    uint64_t    generation = 0;

    open_room(&room);
    for (uint64_t i = 0; i < 5 * SLOTS; i++) {
        HS_CHECK_EQ(push_value(&room.producer, 2 * i), 0);
        HS_CHECK_EQ(push_value(&room.producer, 2 * i + 1), 0);
        HS_CHECK_EQ(hs_ring_used_count(shm_of(&room), &shape), 2);
        HS_CHECK_EQ(pop_value(&room.consumer, &generation), 2 * i);
        HS_CHECK_EQ(pop_value(&room.consumer, NULL), 2 * i + 1);
        HS_CHECK_EQ(generation, 1);
    }
    HS_CHECK_EQ(pop_value(&room.consumer, NULL), UINT64_MAX);
}

static void a_full_ring_refuses_and_keeps_what_it_has(void)
{
    struct room room;

    open_room(&room);
    for (uint64_t i = 0; i < SLOTS; i++) {
        HS_CHECK_EQ(hs_ring_free_count(&room.producer), SLOTS - i);
        HS_CHECK_EQ(push_value(&room.producer, i), 0);
    }
    HS_CHECK_EQ(push_value(&room.producer, 99), -ENOBUFS);
    HS_CHECK_EQ(hs_ring_free_count(&room.producer), 0);
    HS_CHECK_EQ(pop_value(&room.consumer, NULL), 0);
    HS_CHECK_EQ(push_value(&room.producer, SLOTS), 0);
    for (uint64_t i = 1; i <= SLOTS; i++) HS_CHECK_EQ(pop_value(&room.consumer, NULL), i);
}

static void a_reserved_slot_is_invisible_until_it_is_committed(void)
{
    struct room room;
    const void *message = NULL;
    void       *slot = NULL;

    open_room(&room);
    HS_CHECK_EQ(hs_ring_reserve(&room.producer, &slot), 0);
    memset(slot, 0x11, shape.message_bytes);
    HS_CHECK_EQ(hs_ring_peek(&room.consumer, &message, NULL), 0);
    hs_ring_commit(&room.producer);
    HS_CHECK_EQ(hs_ring_peek(&room.consumer, &message, NULL), 1);
    HS_CHECK_EQ(value_of(message), 0x1111111111111111);
}

static void a_message_stays_until_the_consumer_advances(void)
{
    struct room    room;
    struct hs_ring successor;
    const void    *message = NULL;

    open_room(&room);
    HS_CHECK_EQ(push_value(&room.producer, 7), 0);
    HS_CHECK_EQ(hs_ring_peek(&room.consumer, &message, NULL), 1);
    HS_CHECK_EQ(hs_ring_attach(&successor, shm_of(&room), &shape, 0), 0);
    HS_CHECK_EQ(hs_ring_peek(&successor, &message, NULL), 1);
    HS_CHECK_EQ(value_of(message), 7);
    hs_ring_advance(&successor);
    HS_CHECK_EQ(hs_ring_attach(&successor, shm_of(&room), &shape, 0), 0);
    HS_CHECK_EQ(hs_ring_peek(&successor, &message, NULL), 0);
}

static void a_producer_s_successor_goes_on_under_its_own_generation(void)
{
    struct room room;
    uint64_t    generation = 0;
    void       *slot = NULL;

    open_room(&room);
    HS_CHECK_EQ(push_value(&room.producer, 1), 0);
    HS_CHECK_EQ(hs_ring_reserve(&room.producer, &slot), 0);
    memset(slot, 0xee, shape.message_bytes / 2); /* and dies */
    HS_CHECK_EQ(hs_ring_attach(&room.producer, shm_of(&room), &shape, 2), 0);
    HS_CHECK_EQ(push_value(&room.producer, 2), 0);
    HS_CHECK_EQ(pop_value(&room.consumer, &generation), 1);
    HS_CHECK_EQ(generation, 1);
    HS_CHECK_EQ(pop_value(&room.consumer, &generation), 2);
    HS_CHECK_EQ(generation, 2);
    HS_CHECK_EQ(pop_value(&room.consumer, NULL), UINT64_MAX);
}

static void indexes_run_through_the_end_of_64_bits(void)
{
    struct room room;

    open_room(&room);
    hs_word_store(&shm_of(&room)->head, UINT64_MAX - 2);
    hs_word_store(&shm_of(&room)->tail, UINT64_MAX - 2);
    HS_CHECK_EQ(hs_ring_attach(&room.producer, shm_of(&room), &shape, 1), 0);
    HS_CHECK_EQ(hs_ring_attach(&room.consumer, shm_of(&room), &shape, 0), 0);
    for (uint64_t i = 0; i < SLOTS; i++) HS_CHECK_EQ(push_value(&room.producer, i), 0);
    HS_CHECK_EQ(push_value(&room.producer, 99), -ENOBUFS);
    HS_CHECK_EQ(hs_ring_validate(shm_of(&room), &shape), 0);
    for (uint64_t i = 0; i < SLOTS; i++) HS_CHECK_EQ(pop_value(&room.consumer, NULL), i);
}

static void indexes_that_cannot_be_are_refused(void)
{
    struct room room;
    const void *message = NULL;

    open_room(&room);
    hs_word_store(&shm_of(&room)->tail, SLOTS + 1);
    HS_CHECK_EQ(hs_ring_peek(&room.consumer, &message, NULL), -EPROTO);
    HS_CHECK_EQ(hs_ring_validate(shm_of(&room), &shape), -EPROTO);
    HS_CHECK_EQ(hs_ring_used_count(shm_of(&room), &shape), SLOTS);
    open_room(&room);
    for (uint64_t i = 0; i < SLOTS; i++) HS_CHECK_EQ(push_value(&room.producer, i), 0);
    hs_word_store(&shm_of(&room)->head, SLOTS + 1); /* ahead of the tail */
    HS_CHECK_EQ(push_value(&room.producer, 99), -EPROTO);
    HS_CHECK_EQ(hs_ring_free_count(&room.producer), 0);
    HS_CHECK_EQ(hs_ring_attach(&room.producer, shm_of(&room), &shape, 1), -EPROTO);
}

static void a_ring_of_another_shape_is_refused(void)
{
    struct hs_ring_shape wrong = shape;
    struct hs_ring       ring;
    struct room          room;

    open_room(&room);
    wrong.message_bytes = 64;
    HS_CHECK_EQ(hs_ring_attach(&ring, shm_of(&room), &wrong, 1), -EPROTO);
    wrong = shape;
    wrong.slot_count = 2 * SLOTS;
    HS_CHECK_EQ(hs_ring_attach(&ring, shm_of(&room), &wrong, 1), -EPROTO);
    shm_of(&room)->magic ^= 1;
    HS_CHECK_EQ(hs_ring_attach(&ring, shm_of(&room), &shape, 1), -EPROTO);
}

static void *produce(void *context)
{
    struct hs_ring *ring = context;

    for (uint64_t i = 0; i < THREAD_MESSAGES; i++)
        while (push_value(ring, i) == -ENOBUFS) (void)sched_yield();
    return NULL;
}

static void two_threads_lose_and_tear_nothing(void)
{
    struct room room;
    pthread_t   thread;
    uint64_t    wrong_count = 0;

    open_room(&room);
    HS_CHECK_EQ(pthread_create(&thread, NULL, produce, &room.producer), 0);
    for (uint64_t expected = 0; expected < THREAD_MESSAGES;) {
        const void *message = NULL;

        if (hs_ring_peek(&room.consumer, &message, NULL) != 1) {
            (void)sched_yield();
            continue;
        }
        wrong_count += value_of(message) != expected++ ? 1 : 0;
        hs_ring_advance(&room.consumer);
    }
    HS_CHECK_EQ(pthread_join(thread, NULL), 0);
    HS_CHECK_EQ(wrong_count, 0);
    HS_CHECK_EQ(hs_ring_used_count(shm_of(&room), &shape), 0);
}

CU_TestInfo hs_tests_ring[] = {
    {"messages come out in order round after round", messages_come_out_in_order_round_after_round},
    {"a full ring refuses and keeps what it has", a_full_ring_refuses_and_keeps_what_it_has},
    {"a reserved slot is invisible until it is committed",
     a_reserved_slot_is_invisible_until_it_is_committed},
    {"a message stays until the consumer advances", a_message_stays_until_the_consumer_advances},
    {"a producer's successor goes on under its own generation",
     a_producer_s_successor_goes_on_under_its_own_generation},
    {"indexes run through the end of 64 bits", indexes_run_through_the_end_of_64_bits},
    {"indexes that cannot be are refused", indexes_that_cannot_be_are_refused},
    {"a ring of another shape is refused", a_ring_of_another_shape_is_refused},
    {"two threads lose and tear nothing", two_threads_lose_and_tear_nothing},
    CU_TEST_INFO_NULL};
