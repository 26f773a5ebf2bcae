// SPDX-License-Identifier: Apache-2.0
/* test_registry.c - rows and handles, bounds, succession; threads for ThreadSanitizer. */
#include "shm/registry.h"

#include "tests/check.h"
#include "tests/unit/suites.h"

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>

enum { SLOTS = 4, ROOM_BYTES = 64 + SLOTS * 128, THREAD_ROUNDS = 5000 };

static const struct hs_registry_shape shape = {.payload_words = 3, .slot_count = SLOTS};

struct room {
    alignas(64) unsigned char bytes[ROOM_BYTES];
    struct hs_registry writer;
    struct hs_registry reader;
    hs_word            done;
};

static struct hs_registry_shm *shm_of(struct room *room)
{
    return (struct hs_registry_shm *)(void *)room->bytes;
}

static void open_room(struct room *room)
{
    memset(room, 0, sizeof *room);
    HS_CHECK_EQ(hs_registry_bytes(&shape), ROOM_BYTES);
    hs_registry_init(shm_of(room), &shape);
    HS_CHECK_EQ(hs_registry_attach_writer(&room->writer, shm_of(room), &shape), 0);
    HS_CHECK_EQ(hs_registry_attach_reader(&room->reader, shm_of(room), &shape), 0);
}

static int insert_value(struct room *room, uint64_t value, hs_registry_handle *handle)
{
    const uint64_t payload[3] = {value, value, value};

    return hs_registry_insert(&room->writer, payload, handle);
}

static int update_value(struct room *room, hs_registry_handle handle, uint64_t value)
{
    const uint64_t payload[3] = {value, value, value};

    return hs_registry_update(&room->writer, handle, payload);
}

/* The row's value, or UINT64_MAX if it is gone, UINT64_MAX - 1 if it is torn. */
static uint64_t find_value(const struct hs_registry *registry, hs_registry_handle handle)
{
    uint64_t payload[3] = {0};

    if (hs_registry_find(registry, handle, payload) != 0) return UINT64_MAX;
    return payload[0] == payload[1] && payload[1] == payload[2] ? payload[0] : UINT64_MAX - 1;
}

static unsigned count_rows(const struct hs_registry *registry)
{
    hs_registry_handle handle;
    uint64_t           payload[3];
    unsigned           count = 0;

    for (uint32_t idx = 0; idx < registry->shape.slot_count; idx++)
        count += hs_registry_at(registry, idx, &handle, payload) == 1 ? 1 : 0;
    return count;
}

static void a_row_lives_from_insert_to_remove(void)
{
    struct room        room;
    hs_registry_handle handle = 0;

    open_room(&room);
    HS_CHECK_EQ(insert_value(&room, 5, &handle), 0);
    HS_CHECK(handle != 0);
    HS_CHECK_EQ(find_value(&room.reader, handle), 5);
    HS_CHECK_EQ(update_value(&room, handle, 6), 0);
    HS_CHECK_EQ(find_value(&room.reader, handle), 6);
    HS_CHECK_EQ(hs_registry_remove(&room.writer, handle), 0);
    HS_CHECK_EQ(find_value(&room.reader, handle), UINT64_MAX);
    HS_CHECK_EQ(count_rows(&room.reader), 0);
}

static void a_stale_handle_is_detected_when_its_slot_has_a_new_tenant(void)
{
    struct room        room;
    hs_registry_handle handles[SLOTS];
    hs_registry_handle tenant = 0;

    open_room(&room);
    for (uint64_t i = 0; i < SLOTS; i++) HS_CHECK_EQ(insert_value(&room, i, &handles[i]), 0);
    HS_CHECK_EQ(hs_registry_remove(&room.writer, handles[2]), 0);
    HS_CHECK_EQ(insert_value(&room, 77, &tenant), 0);
    HS_CHECK_EQ((uint32_t)tenant, (uint32_t)handles[2]);
    HS_CHECK(tenant != handles[2]);
    HS_CHECK_EQ(update_value(&room, handles[2], 1), -ESTALE);
    HS_CHECK_EQ(hs_registry_remove(&room.writer, handles[2]), -ESTALE);
    HS_CHECK_EQ(find_value(&room.reader, handles[2]), UINT64_MAX);
    HS_CHECK_EQ(find_value(&room.reader, tenant), 77);
    HS_CHECK_EQ(find_value(&room.reader, SLOTS), UINT64_MAX); /* no such slot */
    HS_CHECK_EQ(find_value(&room.reader, 0), UINT64_MAX);
}

static void twice_the_maximum_is_refused_in_half(void)
{
    struct room        room;
    hs_registry_handle handle;
    unsigned           refused_count = 0;

    open_room(&room);
    for (uint64_t i = 0; i < 2 * SLOTS; i++)
        refused_count += insert_value(&room, i, &handle) == -ENOBUFS ? 1 : 0;
    HS_CHECK_EQ(refused_count, SLOTS);
    HS_CHECK_EQ(count_rows(&room.reader), SLOTS);
    HS_CHECK_EQ(hs_word_load(&shm_of(&room)->used_count), SLOTS);
}

static void a_freed_slot_rests_before_it_is_taken_again(void)
{
    struct room        room;
    hs_registry_handle first;
    hs_registry_handle second;

    open_room(&room);
    HS_CHECK_EQ(insert_value(&room, 1, &first), 0);
    HS_CHECK_EQ(hs_registry_remove(&room.writer, first), 0);
    HS_CHECK_EQ(insert_value(&room, 2, &second), 0);
    HS_CHECK((uint32_t)first != (uint32_t)second);
}

static void a_successor_finds_the_rows_and_counts_them(void)
{
    struct room        room;
    hs_registry_handle kept = 0;
    hs_registry_handle removed = 0;

    open_room(&room);
    HS_CHECK_EQ(insert_value(&room, 1, &kept), 0);
    HS_CHECK_EQ(insert_value(&room, 2, &removed), 0);
    HS_CHECK_EQ(hs_registry_remove(&room.writer, removed), 0);
    hs_word_store(&shm_of(&room)->used_count, 99); /* died between row and count */
    HS_CHECK_EQ(hs_registry_attach_writer(&room.writer, shm_of(&room), &shape), 0);
    HS_CHECK_EQ(room.writer.used_count, 1);
    HS_CHECK_EQ(hs_word_load(&shm_of(&room)->used_count), 1);
    HS_CHECK_EQ(update_value(&room, kept, 3), 0);
    HS_CHECK_EQ(find_value(&room.reader, kept), 3);
    HS_CHECK_EQ(update_value(&room, removed, 3), -ESTALE);
}

static void a_table_of_another_shape_is_refused(void)
{
    struct hs_registry_shape wrong = shape;
    struct hs_registry       registry;
    struct room              room;

    open_room(&room);
    wrong.payload_words = 4;
    HS_CHECK_EQ(hs_registry_attach_reader(&registry, shm_of(&room), &wrong), -EPROTO);
    wrong = shape;
    wrong.slot_count = 5;
    HS_CHECK_EQ(hs_registry_attach_writer(&registry, shm_of(&room), &wrong), -EPROTO);
    shm_of(&room)->magic = 0;
    HS_CHECK_EQ(hs_registry_validate(shm_of(&room), &shape), -EPROTO);
}

/* A row of life n holds n; so a reader that mixes two lives sees it. */
static void *churn(void *context)
{
    struct room *room = context;

    for (uint64_t i = 0; i < THREAD_ROUNDS; i++) {
        hs_registry_handle handle = 0;

        if (insert_value(room, i, &handle) != 0) break;
        if (update_value(room, handle, i << 32 | handle >> 32) != 0) break;
        if (hs_registry_remove(&room->writer, handle) != 0) break;
    }
    hs_word_store(&room->done, 1);
    return NULL;
}

static void threads_read_whole_rows(void)
{
    struct room room;
    pthread_t   thread;
    uint64_t    wrong_count = 0;

    open_room(&room);
    HS_CHECK_EQ(pthread_create(&thread, NULL, churn, &room), 0);
    while (!hs_word_load(&room.done)) {
        for (uint32_t idx = 0; idx < SLOTS; idx++) {
            hs_registry_handle handle = 0;
            uint64_t           payload[3] = {0};

            if (hs_registry_at(&room.reader, idx, &handle, payload) != 1) continue;
            if (payload[0] != payload[1] || payload[1] != payload[2]) wrong_count++;
            if (payload[0] >> 32 && (uint32_t)payload[0] != handle >> 32) wrong_count++;
        }
    }
    HS_CHECK_EQ(pthread_join(thread, NULL), 0);
    HS_CHECK_EQ(wrong_count, 0);
    HS_CHECK_EQ(room.writer.used_count, 0);
}

CU_TestInfo hs_tests_registry[] = {
    {"a row lives from insert to remove", a_row_lives_from_insert_to_remove},
    {"a stale handle is detected when its slot has a new tenant",
     a_stale_handle_is_detected_when_its_slot_has_a_new_tenant},
    {"twice the maximum is refused in half", twice_the_maximum_is_refused_in_half},
    {"a freed slot rests before it is taken again", a_freed_slot_rests_before_it_is_taken_again},
    {"a successor finds the rows and counts them", a_successor_finds_the_rows_and_counts_them},
    {"a table of another shape is refused", a_table_of_another_shape_is_refused},
    {"threads read whole rows", threads_read_whole_rows},
    CU_TEST_INFO_NULL};
